"""How a gap went: one group against the others in every window, with the versions that were put in force."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.charts.trend import Limit
from core.fairness.policy import Statistic
from core.fairness.support import Cell
from core.measure import Measure, Status
from core.services.fairness import DECISIONS, AttributeReport, FairnessReport
from core.services.observations import WindowInfo
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.gap_verdict import comparisons
from dashboard.components.groups import others_words, rate_name, severity, suffix
from dashboard.components.measures import capital
from dashboard.components.trends import show_trend
from dashboard.text import count, in_sentence, number, signed

__all__ = ["show_gap_trend"]


def show_gap_trend(report: FairnessReport, attribute: AttributeReport, rate: str) -> None:
    """The gap of one group, window by window, on the scale that the policy judges."""
    gaps = [c for c in comparisons(report, attribute, rate) if c.difference is not None]
    if not gaps or not attribute.trend:
        return
    gaps.sort(key=lambda c: (c.group.cell is not Cell.OK, *severity(c.difference, rate)))
    st.subheader("How did the gap go over time?", anchor=False)
    group = st.selectbox("Group", [c.group.group for c in gaps], key="group", bind="query-params", width=280)
    chosen = next(c for c in gaps if c.group.group == group)
    series = _series(report, attribute, rate, group)
    if series is None:
        st.markdown(f"The policy doesn't judge this rate, so it isn't followed: {capital(rate_name(report, rate))}.")
        return
    span = report.span_of(rate)
    place = report.context.windows.index(span[-1]) if span else None
    is_ratio = report.policy.statistic is Statistic.RATIO
    centre = 1.0 if is_ratio else 0.0
    side = 0
    if place is not None and series[place].status is Status.CRITICAL and report.context.arming.is_armed:
        side = 1 if (series[place].value or centre) > centre else -1
    style = "impact_ratio" if is_ratio else ""
    write = (lambda value: number(value, "impact_ratio")) if is_ratio else signed
    before = next((m.reference for m in series if m.reference is not None), None)
    over = "over" if is_ratio else "minus"
    others = others_words(chosen).replace("all others", "the rest")
    show_trend(
        report.context,
        series,
        title=f"{capital(rate_name(report, rate))}: {group} {over} {others}, by {report.context.unit}",
        key="gap_trend",
        written=lambda m: f"{write(m.value)} {in_sentence(m.interval, style)}, n {count(m.n)}",
        reference=None if before is None else Limit(value=before, words=("reference", write(before))),
        limits=_limits(report, side),
        focus=span[-1] if span else None,
        since=_began(report, series, place),
        needs_labels=rate != DECISIONS,
        as_points=not is_ratio,
        marks=_deployments(report),
        note="Intervals hold for all comparisons of a window at once. Dashed: a version put in force, by a decision.",
    )


def _series(report: FairnessReport, attribute: AttributeReport, rate: str, group: str) -> list[Measure] | None:
    name = f"{rate}_{suffix(report.policy)}"
    found = attribute.series(name, group)
    if not any(m.measure == name and m.value is not None for m in found):
        return None
    return [replace(m, interval=m.change) for m in found]


def _limits(report: FairnessReport, side: int) -> list[Limit]:
    """What the policy lets pass, on both sides."""
    limit = report.policy.limit
    if limit is None:
        return []
    if report.policy.statistic is Statistic.RATIO:
        ends = (limit, 1 / limit)
        return [
            Limit(value=end, words=("limit", f"{end:.2f}"), is_crossed=way == side)
            for end, way in zip(ends, (-1, 1), strict=True)
        ]
    if not limit:
        return [Limit(value=0.0, words=("alike", "0 pp"))]
    return [Limit(value=way * limit, words=("margin", signed(way * limit)), is_crossed=way == side) for way in (-1, 1)]


def _began(report: FairnessReport, series: Sequence[Measure], place: int | None) -> WindowInfo | None:
    """The first window of the run of disparities that reaches the last window of the span."""
    first = None
    while place is not None and place >= 0 and series[place].status is Status.CRITICAL:
        first, place = report.context.windows[place], place - 1
    return first


def _deployments(report: FairnessReport) -> list[tuple[WindowInfo, str]]:
    """The windows in which a version was put in force."""
    found = []
    for stay in cached.workspace().versions.history(current_actor(), report.context.model):
        window = next(
            (
                each
                for each in report.context.windows
                if each.window.start_at is not None
                and each.window.end_at is not None
                and each.window.start_at <= stay.since < each.window.end_at
            ),
            None,
        )
        if window is not None and stay.version is not None:
            found.append((window, stay.version))
    return found
