"""Which version was in force when: a bar for each stay, a row for each version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import plotly.graph_objects as go

from core.charts.frame import Chart, Palette, bare_figure, label, rgba

__all__ = ["Stay", "deployment_bars"]

ROW = 32
AXIS = 44
NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A version in force from `since` up to `until`, None while it still is; version None for none at all."""

    version: str | None
    since: datetime
    until: datetime | None
    words: str


def deployment_bars(stays: Sequence[Stay], *, now: datetime, palette: Palette) -> Chart:
    """Bars of the versions that were in force, the first above the others.

    Parameters
    ----------
    stays : sequence of Stay
        In the order of time.
    now : datetime
        Where the stay that has no end yet is cut off.
    """
    rows = list(dict.fromkeys(_name(stay) for stay in stays))
    figure = bare_figure(palette, height=ROW * max(1, len(rows)) + AXIS)
    for stay in stays:
        _bar(figure, stay, len(rows) - 1 - rows.index(_name(stay)), now, palette)
    figure.update_yaxes(
        tickvals=[len(rows) - 1 - place for place in range(len(rows))],
        ticktext=[label(name) for name in rows],
        range=[-0.7, len(rows) - 0.3],
        showgrid=False,
    )
    figure.update_xaxes(type="date", nticks=4, tickangle=0, showgrid=True, gridcolor=palette.grid)
    if stays:
        first, last = stays[0].since, max(now, stays[-1].since)
        room = max((last - first) * 0.02, timedelta(seconds=1))
        figure.update_xaxes(range=[first - room, last + room])
    figure.update_layout(margin={"l": 0, "r": 8, "t": 4, "b": 0})
    told = "; ".join(label(stay.words) for stay in stays)
    return Chart(figure=figure, alt=f"Versions in force: {told}." if told else "No version was ever in force.")


def _bar(figure: go.Figure, stay: Stay, row: int, now: datetime, palette: Palette) -> None:
    is_open = stay.until is None
    colour = palette.faint if stay.version is None else palette.current
    figure.add_scatter(
        x=[stay.since, max(now, stay.since) if stay.until is None else stay.until],
        y=[row, row],
        mode="lines+markers",
        line={"color": colour if is_open else rgba(colour, 0.42), "width": 12},
        marker={"symbol": "line-ns", "size": 12, "line": {"width": 2, "color": colour}},
        hovertext=label(stay.words),
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _name(stay: Stay) -> str:
    return NONE if stay.version is None else stay.version
