"""Gaps between groups: the verdict in words, the groups drawn, and the tables of differences and ratios."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from core.charts.fairness import group_dots
from core.fairness.gaps import MARGIN
from core.fairness.groups import GroupRate
from core.fairness.support import MIN_SUPPORT, GroupMean
from core.measure import Measure, Status
from core.services.fairness import AttributeReport, FairnessReport
from dashboard.components.groups import gap_words, latest, mark_of, rate_name, severity, span_words, to_rest
from dashboard.components.measures import capital, dated, held
from dashboard.components.numbers import cell_table, show_chart, show_numbers
from dashboard.text import (
    DASH,
    chip,
    count,
    in_cell,
    in_sentence,
    listed,
    measure_name,
    muted,
    number,
    plain,
    plural,
    signed,
)
from dashboard.theme import palette

__all__ = ["POINTS", "compared", "gap_and_ratio", "group_plot", "judged"]

POINTS = f"{MARGIN * 100:.1f} points"


def judged(report: FairnessReport, attribute: AttributeReport, rate: str) -> tuple[Status, str | None, str, str]:
    """Who differs, by how much, against which margin: verdict, chip, sentence and detail, not escaped.

    A disparity in the last window alone counts too: a gap that grows is small over the whole span.
    """
    whole, span = attribute.measure(f"{rate}_difference"), report.span_of(rate)
    assessed = (
        {mean.group for mean in attribute.rates.of(rate) if mean.status is Status.OK} if attribute.rates else set()
    )
    gaps = [m for m in to_rest(attribute, rate) if m.value is not None and m.segment in assessed]
    gaps.sort(key=lambda m: -abs(m.value or 0.0))
    beyond = sorted((m for m in gaps if m.status is Status.CRITICAL), key=lambda m: severity(m, rate))
    now = latest(report, attribute, rate)
    if whole is None or whole.value is None:
        why = whole.why if whole is not None else ""
        return Status.UNDEFINED, None, f"No gap can be told. {why}".strip(), ""
    status, words, detail = Status.CRITICAL, "Disparity", ""
    worst = (beyond or now or gaps or [None])[0]
    if beyond:
        sentence = f"{capital(gap_words(report, rate, beyond[0]))}, beyond the margin of {POINTS}."
        if len(beyond) > 1:
            detail = f"Beyond it too: {listed([m.segment for m in beyond[1:]])}."
    elif now:
        sentence = f"In {dated(span[-1])} {gap_words(report, rate, now[0])}, beyond the margin of {POINTS}."
        over = next((m for m in gaps if m.segment == now[0].segment), None)
        if over is not None:
            detail = f"Over the {plural(len(span), 'window')} to it the difference is {difference(over)}."
    elif whole.status is Status.OK:
        all_told = attribute.rates is not None and len(assessed) == len(attribute.rates.of(rate))
        status, words = (Status.OK, "Within the margin") if all_told else (Status.INSUFFICIENT, "Not all assessed")
        sentence = f"Every group assessed lies within {POINTS} of the rest."
    else:
        status, words = Status.INSUFFICIENT, None
        sentence = f"Not enough data to tell whether a group differs by more than {POINTS}."
    if worst is not None and not (beyond or now):
        detail = f"The widest: {gap_words(report, rate, worst)}."
    if worst is not None and worst.reference is not None:
        detail += f" In the reference the difference was {signed(worst.reference).removesuffix(' pp')} points."
    if not report.context.arming.is_armed:
        status, words = Status.INSUFFICIENT, "Not armed"
        detail += f" {report.context.arming.reason}"
    return status, words, sentence, detail.strip()


def difference(gap: Measure) -> str:
    """A difference with its sign and the interval it is judged by."""
    return f"{signed(gap.value).removesuffix(' pp')} points {in_sentence(gap.change)}"


def gap_and_ratio(attribute: AttributeReport, rate: str) -> None:
    """The largest gap, and the ratio with what it is worth."""
    st.subheader("How wide is the gap?", anchor=False)
    gap, ratio = attribute.measure(f"{rate}_difference"), attribute.measure(f"{rate}_ratio")
    rows = []
    if gap is not None:
        value = (
            DASH
            if gap.value is None
            else f"**{signed(gap.value).removeprefix('+')}**  \n{muted(in_cell(gap.interval))}"
        )
        rows.append(["Largest minus smallest", value, f"margin {POINTS}, of a group against the rest"])
    if ratio is not None:
        value = DASH if ratio.value is None else f"**{number(ratio.value, 'impact_ratio')}**"
        rows.append(["Smallest over largest", value, "0.80 is a convention, not a verdict"])
    cell_table(["Gap", "Value", "Read as"], rows, alt="Gap and ratio over all groups")
    if gap is not None and gap.value is None:
        st.markdown(muted(plain(gap.why)))
    elif attribute.rates is not None and any(mean.status is Status.INSUFFICIENT for mean in attribute.rates.of(rate)):
        st.markdown(muted("Over all groups, those with few rows too: chance alone sets them apart."))


def compared(report: FairnessReport, attribute: AttributeReport, rate: str, other: str, name: str) -> None:
    """Each group against the rest, or against the reference group, as a table."""
    gaps = [m for m in attribute.measures if m.measure == f"{rate}_difference_{other}"]
    rates = {mean.group: mean for mean in attribute.rates.of(rate)} if attribute.rates else {}
    gaps.sort(key=lambda m: (m.value is None, rates[m.segment].status is not Status.OK, -abs(m.value or 0.0)))
    st.subheader(f"How does each group compare with {plain(name)}?", anchor=False)
    now = {gap.segment for gap in latest(report, attribute, rate)} if other == "to_rest" else set()
    before = attribute.reference_rates.of(rate) if attribute.reference_rates else ()
    known_before = {mean.group for mean in before if mean.status is Status.OK}
    rows = []
    for gap in gaps:
        mean, ratio = rates[gap.segment], attribute.measure(f"{rate}_ratio_{other}", gap.segment)
        can_tell = mean.status is Status.OK and gap.value is not None
        rows.append(
            [
                held(plain(gap.segment)),
                gap_chip(report, gap, is_latest=gap.segment in now),
                f"{number(mean.value) if can_tell else DASH}  \n{muted(held(f'n {count(mean.n)}'))}",
                f"**{held(signed(gap.value))}**  \n{muted(in_cell(gap.change))}" if can_tell else DASH,
                f"{number(ratio.value, 'impact_ratio')}  \n{muted(in_cell(ratio.interval, 'impact_ratio'))}"
                if can_tell and ratio is not None and ratio.value is not None
                else DASH,
                held(signed(gap.reference)) if gap.segment in known_before else DASH,
            ]
        )
    title = capital(rate_name(report, rate))
    cell_table(
        ["Group", "Verdict", f"{plain(title)}, n", "Difference", "Ratio", "In the reference"],
        rows,
        alt=f"Each group against {name}",
    )
    basis = f"{plain(capital(span_words(report, rate)))}."
    st.markdown(
        muted(f"{basis} Intervals of differences hold for all groups at once at 95%; the verdict follows them.")
    )
    show_numbers(
        ["Group", "Reason"], [(m.segment, m.why) for m in gaps], alt="Reasons of the verdicts", label="Show reasons"
    )


def gap_chip(report: FairnessReport, gap: Measure, *, is_latest: bool = False) -> str:
    """A verdict on a group that nobody can read as fair when it is not known, or when it left the margin just now."""
    if gap.value is None:
        return chip(Status.UNDEFINED)
    if not report.context.arming.is_armed:
        return chip(Status.INSUFFICIENT, "Not armed")
    if is_latest and gap.status is not Status.CRITICAL:
        return chip(Status.CRITICAL, "Disparity, last window")
    return chip(gap.status, {Status.CRITICAL: "Disparity", Status.OK: "Within margin"}.get(gap.status))


def group_plot(report: FairnessReport, means: Sequence[GroupMean], attribute: AttributeReport, rate: str) -> None:
    """Each group with its interval; who has too few rows is drawn without a dot."""
    is_rate = attribute.rates is not None
    needed = attribute.rates.min_support if attribute.rates else MIN_SUPPORT
    ordered = sorted(means, key=lambda mean: (mean.status is not Status.OK, mean.value or 0.0))
    marks = [
        mark_of(
            mean,
            attribute.measure(f"{rate}_difference_to_rest", mean.group),
            needed=needed,
            is_armed=report.context.arming.is_armed,
        )
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
            f"{'Filled: beyond the margin. ' if is_rate else ''}Dashed line: fewer than {needed} rows of its own "
            "denominator, counted but never rated."
        )
    )
    style = "" if is_rate else rate
    show_numbers(
        ["Group", capital(name), "95% interval", "k", "n", "Rows", "Reason"],
        [
            (
                m.group,
                number(m.value, style),
                in_cell(m.interval, style),
                count(m.k) if isinstance(m, GroupRate) else DASH,
                count(m.n),
                count(m.n_rows),
                m.why,
            )
            for m in ordered
        ],
        alt=f"{name} by group",
    )
