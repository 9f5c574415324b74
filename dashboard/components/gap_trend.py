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
from core.services.fairness_watch import GapWatch
from core.services.observations import WindowInfo
from core.services.panel import GAPS
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.gap_verdict import comparisons
from dashboard.components.groups import others_words, rate_name, severity, suffix
from dashboard.components.measures import dated
from dashboard.components.trends import show_trend
from dashboard.text import capital, count, in_sentence, number, plain, signed

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
    watch = attribute.watch(rate, group)
    marks = _marks(report)
    dashed = "Dashed: a version put in force, or a decision on a proposal." if marks else ""
    show_trend(
        report.context,
        series,
        title=f"{capital(rate_name(report, rate))}: {group} {over} {others}, by {report.context.unit}",
        key="gap_trend",
        written=lambda m: f"{write(m.value)} {in_sentence(m.interval, style)}, n {count(m.n)}",
        reference=None if before is None else Limit(value=before, words=("reference", write(before))),
        limits=_limits(report, side),
        focus=span[-1] if span else None,
        since=(watch.since if watch and watch.status is Status.CRITICAL else None) or _began(report, series, place),
        needs_labels=rate != DECISIONS,
        as_points=not is_ratio,
        marks=marks,
        note=f"{_watched(report, watch, rate)}Intervals hold for all comparisons of a window at once. {dashed}",
    )


def _watched(report: FairnessReport, watch: GapWatch | None, rate: str) -> str:
    """What the alarms say of this gap; why none can be raised."""
    if watch is None:
        if not report.context.arming.is_armed or report.context.arming.asks:
            return ""
        if rate not in GAPS:
            return "No alarm is set on this rate. "
        return "No alarm is set on this group: the reference has nobody in it. "
    why = plain(watch.why)
    if watch.status is Status.CRITICAL:
        since = f" since {plain(dated(watch.since))}" if watch.since else ""
        return f":red[**Alarm{since}**]: {why}. "
    if watch.status is Status.WARNING:
        return f":orange[**Changed**], no alarm: {why}. "
    if watch.status is Status.OK:
        return f"**Watched**: {why}. "
    return f":gray[**No alarm can be raised**: {why.rstrip('.')}.] "


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


def _marks(report: FairnessReport) -> list[tuple[WindowInfo, str]]:
    """The windows in which a version was put in force, or a proposal decided that was not carried out (yet)."""
    found: dict[int, list[str]] = {}
    done = cached.workspace().audits.marks(current_actor(), report.context.model)
    carried_out = {mark.proposal_id for mark in done if mark.is_deployment}
    for mark in done:
        if not mark.is_deployment and mark.proposal_id in carried_out:
            continue
        for place, each in enumerate(report.context.windows):
            start, end = each.window.start_at, each.window.end_at
            if start is not None and end is not None and start <= mark.at < end:
                words = mark.version or "none" if mark.is_deployment else "decision"
                found.setdefault(place, []).append(words)
    return [(report.context.windows[place], ", ".join(dict.fromkeys(words))) for place, words in sorted(found.items())]
