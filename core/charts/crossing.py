"""Groups within groups as a map: how often each cell is selected, and which cells nobody can speak of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from core.charts.frame import Chart, Palette, bare_figure, label, rgba
from core.fairness.support import Cell

__all__ = ["CellMark", "crossing_map"]

ROW = 34
GAP = 0.04
PALEST, DARKEST = 0.06, 0.5
LEAST_SPAN = 0.1  # shades of rates that are closer would make noise look like a gap


@dataclass(frozen=True, slots=True, kw_only=True)
class CellMark:
    """One cell of the map: where it lies, its rate in words, what hovering says, and whether it is a disparity."""

    row: str
    column: str
    value: float | None
    text: str
    hover: str
    cell: Cell
    is_disparity: bool


def crossing_map(marks: Sequence[CellMark], *, palette: Palette, title: str) -> Chart:
    """Cells in the order in which rows and columns first appear, the darker the higher the rate.

    Parameters
    ----------
    marks : sequence of CellMark
        A disparity has a frame and a dot. A cell without rows enough is hatched, one without a rate is hatched
        crosswise: neither has a shade, so that nobody reads it as a low or a fair rate.
    title : str
        What is mapped, in words.
    """
    rows = list(dict.fromkeys(mark.row for mark in marks))
    columns = list(dict.fromkeys(mark.column for mark in marks))
    figure = bare_figure(palette, height=ROW * max(1, len(rows)) + 64)
    told = [mark.value for mark in marks if mark.cell is Cell.OK and mark.value is not None]
    low, high = (min(told), max(told)) if told else (0.0, 1.0)
    shapes: list[dict[str, Any]] = []
    for mark in marks:
        at = columns.index(mark.column), len(rows) - 1 - rows.index(mark.row)
        shapes += _shapes(mark, at, (low, high), palette)
    figure.update_layout(shapes=shapes)  # all at once: one by one they take a second
    figure.add_scatter(
        x=[columns.index(mark.column) for mark in marks],
        y=[len(rows) - 1 - rows.index(mark.row) for mark in marks],
        mode="text",
        text=[label(f"{'● ' if mark.is_disparity else ''}{mark.text}") for mark in marks],
        textfont={"size": 11, "color": palette.text},
        hovertext=[label(mark.hover) for mark in marks],
        hovertemplate="%{hovertext}<extra></extra>",
    )
    figure.update_xaxes(
        tickvals=list(range(len(columns))),
        ticktext=[label(_shortened(name)) for name in columns],
        range=[-0.5, len(columns) - 0.5],
        side="top",
        tickangle=0 if len(columns) <= 4 else -30,
        tickfont={"size": 11, "color": palette.text},
    )
    figure.update_yaxes(
        tickvals=[len(rows) - 1 - place for place in range(len(rows))],
        ticktext=[label(_shortened(name, 26)) for name in rows],
        range=[-0.5, len(rows) - 0.5],
        showgrid=False,
        tickfont={"size": 11, "color": palette.text},
    )
    figure.update_layout(margin={"t": 4})
    return Chart(figure=figure, alt=_alt(marks, title))


def _shapes(mark: CellMark, at: tuple[int, int], ends: tuple[float, float], palette: Palette) -> list[dict[str, Any]]:
    """The cell, shaded or hatched."""
    x0, x1, y0, y1 = at[0] - 0.5 + GAP, at[0] + 0.5 - GAP, at[1] - 0.5 + GAP, at[1] + 0.5 - GAP
    fill = "rgba(0,0,0,0)"
    if mark.cell is Cell.OK and mark.value is not None:
        share = (mark.value - ends[0]) / max(ends[1] - ends[0], LEAST_SPAN)
        fill = rgba(palette.current, PALEST + share * (DARKEST - PALEST))
    line = {"width": 2, "color": palette.critical} if mark.is_disparity else {"width": 1, "color": palette.grid}
    box = {"x0": x0, "x1": x1, "y0": y0, "y1": y1}
    shapes: list[dict[str, Any]] = [{"type": "rect", **box, "fillcolor": fill, "line": line, "layer": "below"}]
    if mark.cell is not Cell.OK:
        path = _hatch(x0, x1, y0, y1, crosswise=mark.cell is not Cell.LOW_SUPPORT)
        hatch = {"width": 1, "color": rgba(palette.faint, 0.55)}
        shapes.append({"type": "path", "path": path, "line": hatch, "layer": "below"})
    return shapes


def _hatch(x0: float, x1: float, y0: float, y1: float, *, crosswise: bool) -> str:
    """Slanted lines over a cell; both ways where there is no rate at all."""
    steps = [place / 5 for place in range(-4, 5)]
    width, height = x1 - x0, y1 - y0
    lines = []
    for step in steps:
        start, end = max(0.0, step), min(1.0, 1 + step)
        ends = [(x0 + u * width, (u - step) * height) for u in (start, end)]
        lines.append([(x, y0 + rise) for x, rise in ends])
        if crosswise:
            lines.append([(x, y1 - rise) for x, rise in ends])
    return " ".join(f"M{start[0]},{start[1]} L{end[0]},{end[1]}" for start, end in lines)


def _alt(marks: Sequence[CellMark], title: str) -> str:
    beyond = [f"{mark.row}, {mark.column} {mark.text}" for mark in marks if mark.is_disparity]
    untold = sum(mark.cell is not Cell.OK for mark in marks)
    said = f"{title}: {len(marks)} cells"
    said += f"; disparities: {'; '.join(beyond[:10])}" if beyond else "; no disparity"
    return f"{said}; {untold} hatched, as nobody can speak of them." if untold else f"{said}."


def _shortened(text: str, most: int = 16) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
