"""One measure in every window: line, interval, reference, limits, and what is not judged yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import plotly.graph_objects as go

from core.charts.estimates import draw_estimates
from core.charts.frame import END_MARGIN, Chart, Palette, bare_figure, label, note_at_end, panel_title, rgba
from core.measure import Measure, Status

__all__ = ["Limit", "Point", "positions", "trend_chart"]

ZONE_AXIS = 9  # panels that a chart puts below have the numbers from 2 on


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A horizontal line that values are read against."""

    value: float
    words: tuple[str, ...]
    is_crossed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """Where a window lies on the horizontal axis: at an instant, or at its number."""

    at: datetime | int
    name: str
    is_mature: bool = True


def trend_chart(
    measures: Sequence[Measure],
    points: Sequence[Point],
    *,
    palette: Palette,
    title: str,
    written: Sequence[str],
    reference: Limit | None = None,
    limits: Sequence[Limit] = (),
    percent: bool = False,
    height: int = 220,
    focus: int | None = None,
    onset: int | None = None,
    marks: Sequence[tuple[int, str]] = (),
    zone_words: str = "labels still arriving",
    estimates: Sequence[Measure] = (),
    estimates_written: Sequence[str] = (),
) -> Chart:
    """A measure over time.

    Parameters
    ----------
    measures : sequence of Measure
        One a window; those without value leave a gap.
    points : sequence of Point
        Where each window lies.
    written : sequence of str
        Each value in words, for hovering.
    reference, limits
        Lines with their words at the right end.
    percent : bool
        Whether the axis is in percent.
    focus, onset : int or None
        The window looked at, and the first of the run of alarms that reaches it.
    marks : sequence of (int, str)
        Windows in which something was done, and what: a version put in force.
    estimates, estimates_written : sequences of Measure and of str
        What was estimated without labels, one a window, and each in words; or none.
    """
    figure = bare_figure(palette, height=height)
    x = [point.at for point in points]
    _zone(figure, points, palette, zone_words)
    if estimates:
        names = [point.name for point in points]
        draw_estimates(figure, estimates, x, palette=palette, names=names, written=estimates_written)
    mature = [m.value if p.is_mature else None for m, p in zip(measures, points, strict=True)]
    _band(figure, measures, points, palette)
    figure.add_scatter(
        x=x,
        y=mature,
        mode="lines+markers" if len(x) <= 60 else "lines",
        line={"color": palette.current, "width": 2},
        marker={"size": 4, "color": palette.current},
        connectgaps=False,
        text=[f"{label(p.name)}<br>{label(w)}" for p, w in zip(points, written, strict=True)],
        hovertemplate="%{text}<extra></extra>",
    )
    _early(figure, measures, points, written, palette)
    _alarms(figure, measures, points, palette)
    for place, words in marks:
        at = _as_number(x[place])
        figure.add_vline(x=at, line={"color": palette.muted, "width": 1, "dash": "dash"}, layer="below")
        figure.add_annotation(
            text=label(words),
            x=at,
            y=0,
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            xshift=3,
            showarrow=False,
            font={"size": 11, "color": palette.muted},
        )
    if onset is not None:
        figure.add_vline(x=_as_number(x[onset]), line={"color": palette.critical, "width": 1}, opacity=0.5)
    if focus is not None and measures[focus].value is not None:
        figure.add_scatter(
            x=[x[focus]],
            y=[measures[focus].value],
            mode="markers",
            marker={
                "size": 11,
                "color": "rgba(0,0,0,0)",
                "line": {"color": palette.of(measures[focus].status), "width": 2},
            },
            hoverinfo="skip",
        )
    lines = [line for line in (reference, *limits) if line is not None]
    for line in lines:
        is_reference = line is reference
        colour = palette.reference if is_reference else palette.critical if line.is_crossed else palette.muted
        figure.add_hline(
            y=line.value,
            line={"color": colour, "width": 1.2, "dash": "dash" if is_reference else "dot"},
            layer="below",
        )
    for line, y in zip(
        lines, _spread([line.value for line in lines], _span([*measures, *estimates], lines), height), strict=True
    ):
        colour = palette.reference if line is reference else palette.critical if line.is_crossed else palette.muted
        note_at_end(figure, line.words, y=y, colour=colour)
    panel_title(figure, title, palette=palette, y=1.0)
    figure.update_layout(margin={"l": 0, "r": END_MARGIN if lines else 8, "t": 24, "b": 0})
    figure.update_yaxes(nticks=5, tickformat=".0%" if percent else None)
    style_time_axis(figure, points)
    valued = [(p, w) for m, p, w in zip(measures, points, written, strict=True) if m.value is not None]
    said = f"{title}: {len(valued)} windows"
    if valued:
        said += f", first {valued[0][1]} ({valued[0][0].name}), last {valued[-1][1]} ({valued[-1][0].name})"
    known = [estimate for estimate in estimates if estimate.value is not None]
    if estimates:
        said += f"; estimated without labels in {len(known)} windows"
    done = "".join(f"; {words} from {points[place].name}" for place, words in marks)
    return Chart(figure=figure, alt=f"{said}{done}.")


def positions(
    starts: Sequence[datetime | None], names: Sequence[str], keys: Sequence[int], mature: Sequence[bool]
) -> tuple[Point, ...]:
    """Points of windows: at their start, or, for windows of N rows, at their number."""
    return tuple(
        Point(at=key if start is None else start, name=name, is_mature=is_mature)
        for start, name, key, is_mature in zip(starts, names, keys, mature, strict=True)
    )


def style_time_axis(figure: go.Figure, points: Sequence[Point]) -> None:
    """Three to six ticks with short month names, or at windows over a short time; numbers for windows of rows."""
    starts = [point.at for point in points if isinstance(point.at, datetime)]
    if not starts:
        figure.update_xaxes(type="linear", nticks=6, tickangle=0, tickformat=",d")
        return
    span = starts[-1] - starts[0]
    if span > timedelta(days=70) or span < (len(starts) - 1) * timedelta(hours=20):
        form = "%b" if timedelta(days=70) < span <= timedelta(days=700) else "%Y" if span.days > 700 else "%-d %b"
        figure.update_xaxes(type="date", tickformat=form, nticks=6, tickangle=0)
        return
    shown = starts[:: -(-len(starts) // 6)]
    # Windows begin at midnight of their own zone, which is within half a day of midnight here.
    days = [start + timedelta(hours=12) for start in shown]
    texts = [f"{day.day} {day:%b}" for day in days]
    figure.update_xaxes(type="date", tickvals=shown, ticktext=texts, tickangle=0)


def _as_number(at: datetime | int) -> float | int:
    return at.timestamp() * 1000 if isinstance(at, datetime) else at


def _zone(figure: go.Figure, points: Sequence[Point], palette: Palette, words: str) -> None:
    """Hatched where windows are not judged yet, with the words in it."""
    young = [place for place, point in enumerate(points) if not point.is_mature]
    if not young:
        return
    x = [_as_number(point.at) for point in points]
    half = (x[-1] - x[0]) / max(1, len(x) - 1) / 2
    start, end = x[young[0]] - half, x[young[-1]] + half
    figure.add_scatter(
        x=[start, end, end, start],
        y=[0, 0, 1, 1],
        yaxis=f"y{ZONE_AXIS}",
        fill="toself",
        fillpattern={"shape": "/", "size": 7, "solidity": 0.12, "fgcolor": rgba(palette.muted, 6 * palette.zone)},
        line={"width": 0},
        mode="lines",
        hoverinfo="skip",
    )
    axis = {"overlaying": "y", "range": [0, 1], "visible": False, "fixedrange": True}
    figure.update_layout({f"yaxis{ZONE_AXIS}": axis})
    figure.add_annotation(
        text="<br>".join(map(label, words.rsplit(" ", 1))),  # two lines, as the zone is narrow
        align="right",
        x=end,
        y=1,
        yref="paper",
        xanchor="right",
        yanchor="top",
        showarrow=False,
        font={"size": 11, "color": palette.muted},
    )


def _band(figure: go.Figure, measures: Sequence[Measure], points: Sequence[Point], palette: Palette) -> None:
    """The interval of each mature window, as a band that breaks where a window has none."""
    for run in _runs([m.interval is not None and p.is_mature for m, p in zip(measures, points, strict=True)]):
        x = [points[place].at for place in run]
        low = [i.low for place in run if (i := measures[place].interval)]
        high = [i.high for place in run if (i := measures[place].interval)]
        figure.add_scatter(
            x=[*x, *reversed(x)],
            y=[*high, *reversed(low)],
            fill="toself",
            fillcolor=rgba(palette.current, palette.band),
            line={"width": 0},
            mode="lines",
            hoverinfo="skip",
        )


def _early(
    figure: go.Figure, measures: Sequence[Measure], points: Sequence[Point], written: Sequence[str], palette: Palette
) -> None:
    """Windows whose labels are still coming: open markers, no line."""
    young = [place for place, point in enumerate(points) if not point.is_mature and measures[place].value is not None]
    if young:
        figure.add_scatter(
            x=[points[place].at for place in young],
            y=[measures[place].value for place in young],
            mode="markers",
            marker={"size": 6, "symbol": "circle-open", "color": palette.muted},
            text=[f"{label(points[place].name)}<br>{label(written[place])}, labels incomplete" for place in young],
            hovertemplate="%{text}<extra></extra>",
        )


def _alarms(figure: go.Figure, measures: Sequence[Measure], points: Sequence[Point], palette: Palette) -> None:
    """Windows with an alarm: filled for material, diamond for changed, so that shape carries it in grey."""
    for status, symbol in ((Status.CRITICAL, "circle"), (Status.WARNING, "diamond")):
        places = [place for place, measure in enumerate(measures) if measure.status is status]
        if places:
            figure.add_scatter(
                x=[points[place].at for place in places],
                y=[measures[place].value for place in places],
                mode="markers",
                marker={"size": 7, "symbol": symbol, "color": palette.of(status)},
                hoverinfo="skip",
            )


def _runs(flags: Sequence[bool]) -> list[list[int]]:
    runs: list[list[int]] = []
    for place, flag in enumerate(flags):
        if flag and runs and runs[-1][-1] == place - 1:
            runs[-1].append(place)
        elif flag:
            runs.append([place])
    return [run for run in runs if len(run) > 1]


def _span(measures: Sequence[Measure], lines: Sequence[Limit]) -> float:
    """How much the vertical axis covers, about."""
    ends = [line.value for line in lines]
    for measure in measures:
        if measure.value is not None:
            ends += [measure.interval.low, measure.interval.high] if measure.interval else [measure.value]
    return (max(ends, default=1.0) - min(ends, default=0.0)) or 1.0


def _spread(values: Sequence[float], span: float, height: int) -> list[float]:
    """Heights for words at the lines' ends, moved apart where they would overlap."""
    least = span * 36 / max(60, height - 40)
    placed: dict[int, float] = {}
    floor = float("-inf")
    for place in sorted(range(len(values)), key=values.__getitem__):
        placed[place] = max(values[place], floor + least)
        floor = placed[place]
    return [placed[place] for place in range(len(values))]
