"""What a chart costs, drawn: false alarms against the delay with which a shift is found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from core.charts.frame import END_MARGIN, Chart, Palette, bare_figure, note_at_end, panel_title

__all__ = ["TradeLine", "trade_chart"]

HEIGHT = 260


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeLine:
    """A shift: its words at the line's end, the delays with other limits, and the delay with the present ones."""

    words: str
    delays: Sequence[float]
    present: float


def trade_chart(
    alarms: Sequence[float], lines: Sequence[TradeLine], *, present: float, palette: Palette, title: str, unit: str
) -> Chart:
    """Delays of some shifts against false alarms, both on logarithmic scales, as the limits move.

    Parameters
    ----------
    alarms : sequence of float
        False alarms (a year, or in 1,000 windows) with each of the other limits.
    lines : sequence of TradeLine
        One a shift, the smallest first.
    present : float
        False alarms with the present limits.
    unit : str
        What false alarms are counted in: "a year".
    """
    figure = bare_figure(palette, height=HEIGHT)
    widths = {0: 1.2, len(lines) - 1: 2.0}
    for place, line in enumerate(lines):
        figure.add_scatter(
            x=list(alarms),
            y=list(line.delays),
            mode="lines",
            line={"color": palette.current, "width": widths.get(place, 1.6)},
            text=[
                f"{line.words}<br>{x:.2g} false alarms {unit}<br>found after {y:.3g} windows"
                for x, y in zip(alarms, line.delays, strict=True)
            ],
            hovertemplate="%{text}<extra></extra>",
        )
        figure.add_scatter(
            x=[present],
            y=[line.present],
            mode="markers",
            marker={"size": 9, "color": palette.current, "line": {"width": 2, "color": palette.ground}},
            text=[f"present limits<br>{present:.2g} false alarms {unit}<br>{line.present:.3g} windows"],
            hovertemplate="%{text}<extra></extra>",
        )
    drawn = [delay for line in lines for delay in line.delays]
    figure.update_xaxes(type="log", showgrid=False, tickvals=_ticks(alarms), tickformat="~g", ticklabelstandoff=4)
    figure.update_yaxes(type="log", tickvals=_ticks(drawn), tickformat="~g")
    for line in lines:
        if line.delays:
            note_at_end(figure, (line.words,), y=math.log10(line.delays[0]), colour=palette.current)
    figure.add_annotation(
        text=f"false alarms {unit}",
        xref="paper",
        yref="paper",
        x=1,
        y=0,
        xanchor="right",
        yanchor="top",
        yshift=-24,
        showarrow=False,
        font={"size": 11, "color": palette.muted},
    )
    panel_title(figure, title, palette=palette, y=1.0)
    figure.update_layout(margin={"l": 0, "r": END_MARGIN, "t": 24, "b": 42})
    told = "; ".join(f"{line.words} after {line.present:.3g}" for line in lines)
    alt = f"{title}. With the present limits {present:.2g} false alarms {unit}, and found: {told}."
    return Chart(figure=figure, alt=alt)


def _ticks(values: Sequence[float]) -> list[float]:
    """1, 2 and 5 times powers of ten between the smallest and the largest; fewer where that is too many."""
    low, high = min(values, default=1.0), max(values, default=1.0)
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    inside: list[float] = []
    for steps in ((1, 2, 5), (1, 3), (1,)):
        inside = [step * 10.0**power for power in powers for step in steps if low <= step * 10.0**power <= high]
        if len(inside) <= 6:
            break
    return inside
