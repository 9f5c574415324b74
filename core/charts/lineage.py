"""Where versions come from, drawn: the newest on top, its data on the left, models that stack on the right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.charts.frame import Chart, Palette, bare_figure, label

__all__ = ["LineageRow", "lineage_graph"]

ROW, EDGE = 84, 12  # pixels
DATA, VERSION, MODEL = 0.38, 0.88, 1.74  # where the three columns' marks stand, of 3 wide from -0.5 on
SPREAD = 0.56  # of a row, over which several sets of data are spread
MOST_TEXT = {DATA: 14, VERSION: 12, MODEL: 11}  # letters that fit a phone; the whole is in the hover text
MOST_VERSIONS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class LineageRow:
    """A version: what stands below its name, its parent, the data behind it and the models whose outputs it reads.

    ``data`` are pairs of words, such as ("trained on", "batches 1 to 9"); data of the same second words are one.
    """

    name: str
    note: str
    parent: str | None
    is_in_force: bool
    data: tuple[tuple[str, str], ...]
    stacked_on: tuple[str, ...]


def lineage_graph(rows: Sequence[LineageRow], *, read_by: Sequence[str], palette: Palette) -> Chart:
    """A graph of the last versions, the data behind them, and the models that they read or that read them.

    Parameters
    ----------
    rows : sequence of LineageRow
        Oldest first; of more than 12 the newest are drawn.
    read_by : sequence of str
        Models that read the outputs of this one.
    """
    shown = list(reversed(rows))[:MOST_VERSIONS]
    places = {row.name: -float(place) for place, row in enumerate(shown)}
    in_force = next((places[row.name] for row in shown if row.is_in_force), 0.0)
    data, models = _data(shown, places), _models(shown, read_by, places, in_force)
    figure = bare_figure(palette, height=ROW * max(1, len(shown)) + 2 * EDGE)
    for row in shown:
        y = places[row.name]
        for _, what in row.data:
            _line(figure, (DATA, data[what][0]), (VERSION, y), palette.faint)
        for model in row.stacked_on:
            _line(figure, (MODEL, models[model]), (VERSION, y), palette.warning, dash="dot")
        if row.parent in places:
            _arc(figure, places[row.parent], y, palette.muted)
    for model in read_by:
        _line(figure, (MODEL, models[model]), (VERSION, in_force), palette.warning, dash="dot")
    for what, (y, use) in data.items():
        _mark(figure, (DATA, y), (what, use), palette.reference, symbol="square", palette=palette)
    for model, y in models.items():
        role = " and ".join([*["read"][: any(model in r.stacked_on for r in shown)], *["reads"][: model in read_by]])
        _mark(figure, (MODEL, y), (model, role), palette.warning, symbol="diamond", palette=palette)
    for row in shown:
        colour = palette.current if row.is_in_force else palette.faint
        _mark(figure, (VERSION, places[row.name]), (row.name, row.note), colour, symbol="circle", palette=palette)
    figure.update_xaxes(range=[-0.5, 2.5 if models else 1.7], visible=False)
    figure.update_yaxes(range=[0.5 - max(1, len(shown)), 0.5], visible=False)
    figure.update_layout(margin={"l": 0, "r": 0, "t": EDGE, "b": EDGE})
    return Chart(figure=figure, alt=_words(rows, shown, read_by))


def _data(shown: Sequence[LineageRow], places: dict[str, float]) -> dict[str, tuple[float, str]]:
    """Each set of data once, beside the newest version that used it: where it stands, and what it was used for."""
    found: dict[str, tuple[float, str]] = {}
    for row in shown:
        uses: dict[str, list[str]] = {}
        for use, what in row.data:
            if what not in found:
                uses.setdefault(what, []).append(use)
        top = SPREAD / 2 if len(uses) > 1 else 0.0
        step = SPREAD / max(1, len(uses) - 1)
        for number, (what, for_) in enumerate(uses.items()):
            found[what] = (places[row.name] + top - number * step, ", ".join(for_))
    return found


def _models(
    shown: Sequence[LineageRow], read_by: Sequence[str], places: dict[str, float], in_force: float
) -> dict[str, float]:
    """Where each model stands: beside the newest version that reads it, or the one in force that it reads."""
    found: dict[str, float] = {}
    for row in shown:
        for model in row.stacked_on:
            found.setdefault(model, places[row.name])
    for model in read_by:
        found.setdefault(model, in_force)
    taken: list[float] = []
    for model, y in found.items():
        while any(abs(y - other) < SPREAD / 2 for other in taken):
            y -= SPREAD / 2  # noqa: PLW2901 (the next free place below)
        taken.append(y)
        found[model] = y
    return found


def _line(
    figure: go.Figure, start: tuple[float, float], end: tuple[float, float], colour: str, *, dash: str = "solid"
) -> None:
    figure.add_shape(
        type="line",
        x0=start[0],
        y0=start[1],
        x1=end[0],
        y1=end[1],
        line={"color": colour, "width": 1.5, "dash": dash},
        layer="below",
    )


def _arc(figure: go.Figure, parent: float, child: float, colour: str) -> None:
    """From a parent up to its child; around what lies between them."""
    bulge = 0.0 if abs(parent - child) <= 1 else -0.16
    path = f"M {VERSION},{parent} Q {VERSION + 2 * bulge},{(parent + child) / 2} {VERSION},{child}"
    figure.add_shape(type="path", path=path, line={"color": colour, "width": 2}, layer="below")


def _mark(
    figure: go.Figure, at: tuple[float, float], words: tuple[str, str], colour: str, *, symbol: str, palette: Palette
) -> None:
    """A mark with its name and what it is, on the side where there is room."""
    x, y = at
    name, note = words
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"symbol": symbol, "size": 13, "color": colour, "line": {"color": palette.ground, "width": 2}},
        hovertext=[f"{label(name)}<br>{label(note)}"],
        hoverinfo="text",
    )
    short = name if len(name) <= MOST_TEXT[x] else f"{name[: MOST_TEXT[x] - 1]}…"
    figure.add_annotation(
        text=f"<b>{label(short)}</b><br><span style='color:{palette.muted}'>{label(note)}</span>",
        x=x,
        y=y,
        xanchor="right" if x == DATA else "left",
        xshift=-10 if x == DATA else 10,
        yanchor="middle",
        align="right" if x == DATA else "left",
        showarrow=False,
        bgcolor=palette.ground,  # a line that passes doesn't cross out the words
        borderpad=1,
        font={"size": 11, "color": palette.text},
    )


def _words(rows: Sequence[LineageRow], shown: Sequence[LineageRow], read_by: Sequence[str]) -> str:
    if not rows:
        return "No version is registered."
    left_out = len(rows) - len(shown)
    sentences = [f"The last {len(shown)} of {len(rows)} versions."] if left_out else []
    for row in shown:
        parts = [f"from {row.parent}"] if row.parent else []
        parts += [f"{use} {what}" for use, what in row.data]
        parts += [f"reads outputs of {model}" for model in row.stacked_on]
        sentences.append(f"{row.name} ({row.note}): {', '.join(parts) or 'nothing else is known'}.")
    sentences += [f"{model} reads its outputs." for model in read_by]
    return label(" ".join(sentences))
