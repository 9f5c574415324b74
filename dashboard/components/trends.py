"""One measure window by window, with its reference, its limits and its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from core.charts.axes import in_points
from core.charts.trend import Limit, positions, trend_chart
from core.measure import Measure
from core.services.observations import Context, WindowInfo
from dashboard.components.measures import as_armed
from dashboard.components.numbers import show_chart, show_numbers
from dashboard.text import count, in_cell, muted, number, plain, signed, window_name
from dashboard.theme import palette

__all__ = ["around", "show_trend"]


def around(centre: float, margin: float, measure: str, *, is_change: bool = False, is_crossed: int = 0) -> list[Limit]:
    """The margin on both sides of a value; `is_crossed` is the side that an alarm lies on: -1, 0 or 1."""
    write = signed if is_change else number
    return [
        Limit(
            value=centre + side * margin,
            words=("margin", write(centre + side * margin, measure)),
            is_crossed=side == is_crossed,
        )
        for side in (-1, 1)
    ]


def show_trend(
    context: Context,
    measures: Sequence[Measure],
    *,
    title: str,
    key: str,
    written: Callable[[Measure], str],
    reference: Limit | None = None,
    limits: Sequence[Limit] = (),
    focus: WindowInfo | None = None,
    since: WindowInfo | None = None,
    needs_labels: bool = True,
    as_points: bool = False,
    percent: bool = False,
    height: int = 230,
    marks: Sequence[tuple[WindowInfo, str]] = (),
    estimates: Sequence[Measure] = (),
    note: str = "",
) -> None:
    """The chart of a measure over the windows of its context, a note on it (Markdown), and its numbers.

    `written` says a value in words. `as_points`: the measure is a difference of rates. `marks`: windows in which
    something was done, and what. `estimates`: what the measure was estimated to be before labels, one a window.
    """
    windows = context.windows
    if all(measure.value is None for measure in (*measures, *estimates)):
        reasons = dict.fromkeys(measure.why.rstrip(".") for measure in reversed(measures) if measure.why)
        why = next(iter(reasons), "There is no window")
        st.markdown(f"**{plain(title)}**  \nNo window has a value, so there is nothing to draw. {plain(why)}.")
        return
    names = [window_name(window.window) for window in windows]
    shown = [as_armed(measure, context) for measure in measures]
    points = positions(
        [window.window.start_at for window in windows],
        names,
        [window.window.key for window in windows],
        [window.is_mature or not needs_labels for window in windows],
    )
    chart = trend_chart(
        shown,
        points,
        palette=palette(),
        title=title,
        written=[written(measure) for measure in measures],
        reference=reference,
        limits=limits,
        percent=percent,
        height=height,
        focus=windows.index(focus) if focus in windows else None,
        onset=windows.index(since) if since in windows and context.arming.is_armed else None,
        marks=[(windows.index(window), words) for window, words in marks if window in windows],
        estimates=estimates,
        estimates_written=[written(measure) for measure in estimates],
    )
    if as_points:
        ends = [line.value for line in (reference, *limits) if line is not None]
        ends += [end for m in shown if m.interval for end in (m.interval.low, m.interval.high)]
        ends += [m.value for m in shown if m.value is not None]
        chart = in_points(chart, palette=palette(), low=min(ends, default=-0.01), high=max(ends, default=0.01))
    show_chart(chart, key=key)
    if note:
        st.markdown(muted(note))
    rows = [
        [name, written(m).split(" [")[0], in_cell(m.interval, m.measure), count(m.n), str(m.status), m.why]
        for name, m in zip(names, shown, strict=True)
    ]
    header = ["Window", "Value", "Interval", "n", "Verdict", "Reason"]
    if estimates:
        header += ["Estimate", "Its interval", "Why none"]
        for row, m in zip(rows, estimates, strict=True):
            row += [written(m).split(" [")[0], in_cell(m.interval, m.measure), m.why]
    show_numbers(header, rows, alt=title)
