"""Gaps between groups: the groups drawn, how wide the gap is, and the table of differences and ratios."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.charts.fairness import group_dots
from core.fairness.comparisons import Comparison
from core.fairness.groups import GroupRate
from core.fairness.support import MIN_SUPPORT, Cell, GroupMean
from core.measure import Status
from core.services.fairness import DECISIONS, AttributeReport, FairnessReport
from dashboard.components.gap_verdict import comparisons
from dashboard.components.groups import (
    latest,
    limit_words,
    mark_of,
    others_words,
    rate_name,
    severity,
    span_words,
)
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, show_chart, show_numbers
from dashboard.text import DASH, capital, chip, count, in_cell, measure_name, muted, number, plain, signed
from dashboard.theme import palette

__all__ = ["compared", "gap_and_ratio", "group_plot", "p_words"]


def gap_and_ratio(report: FairnessReport, attribute: AttributeReport, rate: str) -> None:
    """The largest gap, the ratio with what it is worth, and whether chance would do."""
    st.subheader("How wide is the gap?", anchor=False)
    gap, ratio = attribute.measure(f"{rate}_difference"), attribute.measure(f"{rate}_ratio")
    rows = []
    if gap is not None:
        value = (
            DASH
            if gap.value is None
            else f"**{signed(gap.value).removeprefix('+')}**  \n{muted(in_cell(gap.interval))}"
        )
        rows.append(["Widest gap", value, f"{limit_words(report.policy)}, group by group"])
    if ratio is not None:
        value = DASH if ratio.value is None else f"**{number(ratio.value, 'impact_ratio')}**"
        rows.append(["Lowest over highest", value, "0.80 is a convention, not a verdict"])
    if gap is not None and gap.p_value is not None:
        rows.append(["By chance?", f"**{held(p_words(gap.p_value))}**", "if all groups were alike"])
    shortfall = _largest_shortfall(attribute) if rate == DECISIONS else None
    if shortfall is not None:
        rows.append(shortfall)
    cell_table(["Gap", "Value", "Read as"], rows, alt="Gap and ratio over all groups")
    if gap is not None and gap.value is None:
        st.markdown(muted(plain(gap.why)))
    elif attribute.rates is not None and any(mean.cell is Cell.LOW_SUPPORT for mean in attribute.rates.of(rate)):
        st.markdown(muted("Over all groups, those with few rows too: chance alone sets them apart."))


def _largest_shortfall(attribute: AttributeReport) -> list[str] | None:
    found = [
        m for m in attribute.measures if m.measure == "selection_shortfall" and m.value is not None and m.value > 0
    ]
    if not found:
        return None
    largest = max(found, key=lambda m: m.value or 0.0)
    interval = largest.interval
    between = f"{count(round(interval.low))} to {count(round(interval.high))}" if interval else ""
    words = f"{plain(largest.segment)}, short of the common rate"
    return ["Shortfall", f"**{count(round(largest.value or 0))}**  \n{muted(held(between.replace('-', '−')))}", words]


def p_words(p_value: float | None) -> str:
    """A p-value in a cell."""
    if p_value is None:
        return DASH
    return "p < 0.0001" if p_value < 0.0001 else f"p {p_value:.4f}" if p_value < 0.1 else f"p {p_value:.2f}"


def compared(report: FairnessReport, attribute: AttributeReport, rate: str) -> None:
    """Each group against those it is compared with, as a table."""
    gaps = list(comparisons(report, attribute, rate))
    gaps.sort(key=lambda c: (c.difference is None, c.p_value is None, *severity(c.difference, rate)))
    against = others_words(gaps[0] if gaps else None) if len({c.other.group for c in gaps}) <= 1 else "others"
    st.subheader(f"How does each group compare with {plain(against.replace('all others', 'the rest'))}?", anchor=False)
    now = {gap.segment for gap in latest(report, attribute, rate)}
    before = {mean.group: mean for mean in (attribute.reference_rates.of(rate) if attribute.reference_rates else ())}
    suffix = f"to_{str(report.policy.against).replace(' ', '_')}"
    rows = []
    for gap in gaps:
        mean = gap.group
        can_tell = mean.cell is Cell.OK and gap.difference is not None
        then = attribute.measure(f"{rate}_difference_{suffix}", mean.group)
        was_told = mean.group in before and before[mean.group].cell is Cell.OK
        rows.append(
            [
                held(plain(mean.group)),
                _verdict_cell(report, gap, is_latest=mean.group in now),
                f"{number(mean.value) if can_tell else DASH}  \n{muted(held(f'n {count(mean.n)}'))}",
                f"**{held(signed(gap.difference))}**  \n{muted(in_cell(gap.difference_simultaneous))}"
                if can_tell
                else DASH,
                f"{number(gap.ratio, 'impact_ratio')}  \n{muted(in_cell(gap.ratio_simultaneous, 'impact_ratio'))}"
                if can_tell and gap.ratio is not None
                else DASH,
                held(p_words(gap.p_value)) if can_tell else DASH,
                held(signed(then.reference)) if then is not None and was_told else DASH,
            ]
        )
    title = capital(rate_name(report, rate))
    cell_table(
        ["Group", "Verdict", f"{plain(title)}, n", "Difference", "Ratio", "By chance?", "In the reference"],
        rows,
        alt=f"Each group against {against}",
    )
    n = max((c.n_comparisons for c in gaps), default=0)
    basis = f"{plain(capital(span_words(report, rate)))}."
    hold = (
        f"Intervals hold for {count(n)} comparisons at once at {report.policy.confidence:.0%}"
        if n > 1
        else "95% intervals"
    )
    st.markdown(muted(f"{basis} {hold}; p-values are Fisher's, adjusted by Holm over the same."))
    show_numbers(
        ["Group", "Reason"],
        [(c.group.group, c.verdict.why) for c in gaps],
        alt="Reasons of the verdicts",
        label="Show reasons",
    )


def _verdict_cell(report: FairnessReport, gap: Comparison, *, is_latest: bool = False) -> str:
    """A verdict on a group that nobody can read as fair when it is not known, or when it left the limit just now."""
    if gap.difference is None:
        return chip(Status.UNDEFINED, "Not estimable" if gap.group.cell is Cell.NOT_ESTIMABLE else None)
    if not report.context.arming.is_armed:
        return chip(Status.INSUFFICIENT, "Not armed")
    if is_latest and gap.verdict.status is not Status.CRITICAL:
        return chip(Status.CRITICAL, "Disparity, last window")
    if not gap.verdict.is_judged:
        return ":gray-badge[Not judged]"
    words = {Status.CRITICAL: "Disparity", Status.OK: "No evidence"}.get(gap.verdict.status)
    beside = ""
    if gap.verdict.disagrees:
        beside = "certain, but small" if gap.verdict.statistical else "large, or chance"
    return chip(gap.verdict.status, words) + (f"  \n{muted(beside)}" if beside else "")


def group_plot(report: FairnessReport, means: Sequence[GroupMean], attribute: AttributeReport, rate: str) -> None:
    """Each group with its interval; who has too few rows is drawn without a dot."""
    is_rate = attribute.rates is not None
    needed = report.policy.min_support if is_rate else MIN_SUPPORT
    ordered = sorted(means, key=lambda mean: (mean.cell is not Cell.OK, mean.value or 0.0))
    by_group = {c.group.group: c for c in comparisons(report, attribute, rate)}
    marks = [
        mark_of(mean, by_group.get(mean.group), needed=needed, is_armed=report.context.arming.is_armed)
        for mean in ordered
    ]
    name = rate_name(report, rate) if is_rate else measure_name(rate)
    everyone = attribute.everyone(rate) if is_rate else None
    value = everyone.value if everyone is not None else None
    chart = group_dots(
        marks,
        palette=palette(),
        title=f"{capital(name)}, 95% interval",
        everyone=value,
        everyone_words=f"all {number(value)}" if value is not None else "",
        percent=is_rate,
    )
    show_chart(chart, key="groups")
    st.markdown(
        muted(
            f"{plain(span_words(report, rate))}. {'Wilson' if is_rate else 'Normal'} 95% intervals. "
            f"{'Filled: a disparity. ' if is_rate else ''}Dashed line: fewer than {needed} rows of its own "
            "denominator, counted but never rated."
        )
    )
    style = "" if is_rate else rate
    show_numbers(
        ["Group", capital(name), "95% interval", "k", "n", "Rows", "State", "Reason"],
        [
            (
                m.group,
                number(m.value, style),
                in_cell(m.interval, style),
                count(m.k) if isinstance(m, GroupRate) else DASH,
                count(m.n),
                count(m.n_rows),
                str(m.cell),
                m.why,
            )
            for m in ordered
        ],
        alt=f"{name} by group",
    )
