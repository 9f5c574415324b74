"""A control chart drawn: points between their limits and zones, what signals, phases, marks, and rows below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import plotly.graph_objects as go

from core.charts.axes import point_ticks
from core.charts.control_layers import (
    draw_lane,
    draw_lines,
    draw_notes,
    draw_phases,
    draw_rows,
    draw_series,
    draw_signals,
    draw_since,
    draw_spread,
    draw_young,
    draw_zones,
)
from core.charts.control_plot import ChartLines, LaneMark, PlotPoint, Since, SpreadPanel
from core.charts.frame import END_MARGIN, Chart, Palette, bare_figure, label, panel_title

__all__ = ["control_chart"]

Axis = Literal["percent", "points", "number", "count", "sigma"]
POINTS, SPREAD, ROWS, LANE = 280, 84, 60, 40  # heights of the panels
ABOVE, GAP, BELOW = 38, 32, 22


def control_chart(
    points: Sequence[PlotPoint],
    *,
    palette: Palette,
    title: str,
    axis: Axis,
    lines: ChartLines,
    since: Since | None = None,
    spread: SpreadPanel | None = None,
    marks: Sequence[LaneMark] = (),
    focus: int | None = None,
    zones: bool = True,
    rows_title: str = "Rows",
) -> Chart:
    """All windows in order, the reference's first, between limits of phase I.

    Parameters
    ----------
    points : sequence of PlotPoint
    title : str
        Of the upper panel.
    axis : str
        How the vertical axis is written: in percent, percentage points, as a number or count, in standard errors.
    lines : ChartLines
    since : Since or None
        Where the level that the series is at now began.
    spread : SpreadPanel or None
        Drawn below.
    marks : sequence of LaneMark
        Drawn in a lane at the foot, with a thin line through the points.
    focus : int or None
        The place of the window looked at.
    zones : bool
        Whether to shade one, two and three standard errors.
    """
    panels = {"points": POINTS, "spread": SPREAD if spread else 0, "rows": ROWS, "lane": LANE if marks else 0}
    domains, height = _domains({name: size for name, size in panels.items() if size})
    figure = bare_figure(palette, height=height)
    _axes(figure, domains, palette)
    draw_zones(figure, points, palette, zones=zones)
    draw_lines(figure, points, palette)
    draw_young(figure, points, palette)
    draw_since(figure, since, palette)
    draw_phases(figure, points, palette)
    draw_series(figure, points, palette)
    draw_signals(figure, points, palette)
    if focus is not None and points[focus].value is not None:
        ring = {"size": 15, "color": "rgba(0,0,0,0)", "line": {"color": palette.current, "width": 1.5}}
        figure.add_scatter(x=[focus], y=[points[focus].value], mode="markers", marker=ring, hoverinfo="skip")
    draw_notes(figure, points, lines, palette)
    panel_title(figure, title, palette=palette, y=domains["points"][1] + 22 / height)
    if spread is not None:
        draw_spread(figure, spread, palette)
        panel_title(figure, spread.title, palette=palette, y=domains["spread"][1])
    draw_rows(figure, points, palette)
    panel_title(figure, rows_title, palette=palette, y=domains["rows"][1])
    if marks:
        draw_lane(figure, marks, len(points), palette)
        panel_title(figure, "Versions and decisions", palette=palette, y=domains["lane"][1] - 6 / height)
    _style(figure, points, axis)
    return Chart(figure=figure, alt=_alt(points, title, since, marks))


def _domains(panels: Mapping[str, int]) -> tuple[dict[str, tuple[float, float]], int]:
    """Where each panel lies, from the top down, as shares of the height; and the height."""
    total = sum(panels.values()) + GAP * (len(panels) - 1) + ABOVE
    top, found = float(total - ABOVE), {}
    for name, height in panels.items():
        found[name] = ((top - height) / total, top / total)
        top -= height + GAP
    return found, total + BELOW


def _axes(figure: go.Figure, domains: Mapping[str, tuple[float, float]], palette: Palette) -> None:
    below = {
        "anchor": "x",
        "zeroline": False,
        "showline": False,
        "ticks": "",
        "tickfont": {"size": 11, "color": palette.muted},
        "automargin": True,
        "fixedrange": True,
        "showgrid": True,
        "gridcolor": palette.grid,
        "rangemode": "tozero",
        "nticks": 3,
        "tickformat": "~s",
    }
    foot = "y4" if "lane" in domains else "y3"
    figure.update_layout(
        xaxis={"anchor": foot}, yaxis={"domain": domains["points"]}, yaxis3={**below, "domain": domains["rows"]}
    )
    if "spread" in domains:
        figure.update_layout(yaxis2={**below, "domain": domains["spread"]})
    if "lane" in domains:
        lane = {**below, "domain": domains["lane"], "range": [-1, 1], "showticklabels": False, "showgrid": False}
        figure.update_layout(yaxis4=lane)


def _style(figure: go.Figure, points: Sequence[PlotPoint], axis: Axis) -> None:
    n = len(points)
    shown = list(range(0, n, max(1, -(-n // 6))))
    texts = [label(points[place].tick) for place in shown]
    figure.update_layout(margin={"l": 0, "r": END_MARGIN, "t": 4, "b": 0}, bargap=0.35)
    figure.update_xaxes(range=[-0.7, n - 0.3], tickvals=shown, ticktext=texts, tickangle=0, ticklabelstandoff=4)
    if axis == "percent":
        figure.update_layout(yaxis={"nticks": 5, "tickformat": ".1~%"})
    elif axis == "points":
        drawn = [end for p in points for end in (p.low, p.high, p.value) if end is not None]
        values, words = point_ticks(min(drawn, default=-0.01), max(drawn, default=0.01))
        figure.update_layout(yaxis={"tickvals": values, "ticktext": words})
    else:
        figure.update_layout(yaxis={"nticks": 5, "tickformat": {"count": "~s", "sigma": "~g"}.get(axis, "~g")})


def _alt(points: Sequence[PlotPoint], title: str, since: Since | None, marks: Sequence[LaneMark]) -> str:
    valued = [point for point in points if point.value is not None]
    base = sum(point.is_base for point in points)
    signals = [point.tick for point in points if point.signals]
    said = f"{title}: {len(valued)} windows, limits from {base} of them. "
    said += f"{len(signals)} signal: {', '.join(signals[:12])}. " if signals else "None signals. "
    if since is not None:
        said += f"{since.words}. "
    return said + (f"{len(marks)} marks, numbered as in the list below." if marks else "")
