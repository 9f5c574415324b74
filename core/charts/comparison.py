"""Two versions compared, drawn: each paired difference with its interval, in units of its margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.charts.frame import Chart, Palette, bare_figure, label, rgba
from core.compare.verdicts import Verdict
from core.measure import Interval

__all__ = ["DifferenceMark", "difference_dots"]

ROW = 38
LEAST, MOST = 2.5, 9.0  # margins shown at each side: never fewer, so that noise looks like noise; never more
UNKNOWN = (Verdict.INSUFFICIENT, Verdict.UNDEFINED)
CROWDED = 5.0  # from here on there is no room on a phone to write at both ends of the band
SYMBOLS = {Verdict.BETTER: "circle", Verdict.WORSE: "circle", Verdict.CHANGED: "diamond"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceMark:
    """One difference, candidate - champion, as it is drawn.

    ``written`` is what is said of it, ``note`` stands at the right end. Where the verdict is INSUFFICIENT or UNDEFINED,
    ``lacking`` is written in the place of a dot.
    """

    name: str
    difference: float | None
    interval: Interval | None
    margin: float
    higher_is_better: bool | None
    verdict: Verdict
    written: str
    note: str = ""
    lacking: str = "not enough data"

    @property
    def is_known(self) -> bool:
        """Whether there is enough to draw."""
        return self.difference is not None and self.interval is not None and self.verdict not in UNKNOWN

    def scaled(self, value: float) -> float:
        """A difference in units of the margin, better to the right; more to the right where neither is better."""
        ends = [abs(end) for end in (self.interval.low, self.interval.high)] if self.interval else []
        unit = self.margin or max(ends, default=1.0) or 1.0
        return (-value if self.higher_is_better is False else value) / unit


def difference_dots(marks: Sequence[DifferenceMark], *, palette: Palette) -> Chart:
    """A dot with its interval for each difference, in the order given, before the band that doesn't matter.

    Parameters
    ----------
    marks : sequence of DifferenceMark
        What isn't known is drawn without a dot, so that nobody reads it as no difference.
    """
    figure = bare_figure(palette, height=ROW * max(1, len(marks)) + 48)
    rows = list(range(len(marks)))[::-1]
    directed = any(mark.higher_is_better is not None for mark in marks)
    end = _end(marks)
    figure.add_vrect(x0=-1, x1=1, fillcolor=rgba(palette.reference, palette.band), line_width=0, layer="below")
    figure.add_vline(x=0, line={"color": palette.reference, "width": 1.2}, layer="below")
    known = [(mark, row) for mark, row in zip(marks, rows, strict=True) if mark.is_known]
    for mark, row in known:
        _interval(figure, mark, row, end=end, palette=palette)
    places = [_held(mark.scaled(mark.difference or 0.0), end) for mark, _ in known]
    figure.add_scatter(
        x=places,
        y=[row for _, row in known],
        mode="markers",
        marker={
            "size": 10,
            "symbol": [_symbol(mark, end) for mark, _ in known],
            "color": [_colour(mark, palette) for mark, _ in known],
            "line": {"width": 1.8, "color": [_colour(mark, palette) for mark, _ in known]},
        },
        text=[f"{label(mark.name)}: {label(mark.written)}" for mark, _ in known],
        hovertemplate="%{text}<extra></extra>",
    )
    for mark, row in zip(marks, rows, strict=True):
        if not mark.is_known:
            _write(figure, mark.lacking, x=0, y=row, palette=palette)
        if mark.note:
            _write(figure, mark.note, x=1, y=row, palette=palette, xref="paper", xanchor="right")
    for words, x, xanchor in (
        ("worse" if directed else "less", -end, "left"),
        ("better" if directed else "more", end, "right"),
    ):
        arrow = f"← {words}" if x < 0 else f"{words} →"
        _write(figure, arrow, x=x, y=len(marks) - 0.42, palette=palette, xanchor=xanchor)
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[label(_shortened(mark.name)) for mark in marks],
        tickfont={"size": 12, "color": palette.text},
        range=[-0.6, len(marks) - 0.1],
        showgrid=False,
    )
    figure.update_xaxes(
        range=[-end * 1.06, end * (1.26 if any(mark.note for mark in marks) else 1.06)],
        tickvals=[-1, 0, 1] if end < CROWDED else [0],
        ticktext=["−1", "0", "+1"] if end < CROWDED else ["0"],
        tickangle=0,
    )
    figure.update_layout(margin={"t": 4})
    return Chart(figure=figure, alt=_alt(marks))


def _interval(figure: go.Figure, mark: DifferenceMark, row: int, *, end: float, palette: Palette) -> None:
    if mark.interval is None:
        return
    figure.add_scatter(
        x=sorted(_held(mark.scaled(value), end) for value in (mark.interval.low, mark.interval.high)),
        y=[row, row],
        mode="lines",
        line={"width": 3, "color": rgba(_colour(mark, palette), 0.42)},
        hoverinfo="skip",
    )


def _end(marks: Sequence[DifferenceMark]) -> float:
    """How far both sides reach: to the farthest end of an interval, within limits."""
    ends = [
        abs(mark.scaled(value))
        for mark in marks
        if mark.is_known and mark.interval
        for value in (mark.interval.low, mark.interval.high)
    ]
    return min(MOST, max([LEAST, *(1.08 * end for end in ends)]))


def _held(place: float, end: float) -> float:
    return max(-end, min(end, place))


def _symbol(mark: DifferenceMark, end: float) -> str:
    """The verdict's shape; an arrow head for a dot that lies beyond the end of the axis."""
    place = mark.scaled(mark.difference or 0.0)
    if abs(place) > end:
        return "triangle-right" if place > 0 else "triangle-left"
    return SYMBOLS.get(mark.verdict, "circle-open")


def _colour(mark: DifferenceMark, palette: Palette) -> str:
    return {
        Verdict.BETTER: palette.ok,
        Verdict.NO_WORSE: palette.ok,
        Verdict.WORSE: palette.critical,
        Verdict.CHANGED: palette.warning,
    }.get(mark.verdict, palette.unknown)


def _write(
    figure: go.Figure, text: str, *, x: float, y: float, palette: Palette, xref: str = "x", xanchor: str = "center"
) -> None:
    figure.add_annotation(
        text=label(text),
        xref=xref,
        x=x,
        y=y,
        xanchor=xanchor,
        yanchor="middle",
        showarrow=False,
        bgcolor=palette.ground,
        font={"size": 11, "color": palette.muted},
    )


def _alt(marks: Sequence[DifferenceMark]) -> str:
    if not marks:
        return "Candidate minus champion: nothing was compared."
    told = [f"{mark.name} {mark.written}" for mark in marks if mark.is_known]
    unknown = [mark.name for mark in marks if not mark.is_known]
    said = "Candidate minus champion in units of each margin"
    said += f": {'; '.join(told)}." if told else ": nothing can be told."
    return said + (f" Not enough data: {', '.join(unknown)}." if unknown else "")


def _shortened(text: str, most: int = 24) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
