"""Who is treated differently, by how much, is it signal or noise?"""

import re
from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from core.charts.trend import Limit
from core.fairness.gaps import MARGIN
from core.fairness.support import MIN_SUPPORT
from core.measure import Measure, Status
from core.services.fairness import DECISIONS, AttributeReport, FairnessReport
from core.services.observations import WindowInfo
from dashboard import cached
from dashboard.components.frame import empty_state, header, usable
from dashboard.components.gaps import POINTS, compared, gap_and_ratio, group_plot, judged
from dashboard.components.groups import definition, latest, offered, rate_name, span_words, to_rest
from dashboard.components.measures import capital
from dashboard.components.numbers import how_computed
from dashboard.components.trends import around, show_trend
from dashboard.components.verdict import verdict_card
from dashboard.state import select
from dashboard.text import (
    count,
    digest,
    in_sentence,
    listed,
    measure_name,
    number,
    plain,
    plural,
    signed,
)

SAFE = re.compile(r"[A-Za-z0-9]+([ _-][A-Za-z0-9]+)*")  # shown by Markdown letter by letter, and in the address too
ERRORS = ("mean_absolute_error", "mean_error")


def pick(label: str, options: Sequence[str], key: str) -> str:
    """Up to four choices side by side where Markdown can show them as they are, else a list; kept in the address."""
    if len(options) <= 4 and all(SAFE.fullmatch(option) for option in options):
        chosen: str = st.segmented_control(
            label, options, default=options[0], required=True, key=key, bind="query-params"
        )
        return chosen
    return st.selectbox(label, options, key=key, bind="query-params", width=280)


def verdict(report: FairnessReport, attribute: AttributeReport, rate: str) -> None:
    """Who differs, by how much; what the rate means; for whom it can't be told."""
    status, words, sentence, detail = judged(report, attribute, rate)
    basis = f"{definition(report, rate)} {span_words(report, rate)}. {attribute.coverage(rate)}"
    verdict_card(status, plain(sentence), detail=plain(detail), basis=plain(basis), chip_words=words)


def elsewhere(report: FairnessReport, attribute: str, rate: str) -> None:
    """Other attributes and rates that show a disparity, so that a choice of picker hides none."""
    found = []
    for each in report.attributes:
        for name in offered(report):
            gap = each.measure(f"{name}_difference")
            alarming = (gap is not None and gap.status is Status.CRITICAL) or latest(report, each, name)
            if alarming and (each.attribute, name) != (attribute, rate):
                found.append(f"{rate_name(report, name)} by {each.attribute}")
    if found and report.context.arming.is_armed:
        st.markdown(f":material/report: Disparities elsewhere: {plain(listed(found, most=6))}.")


def over_time(report: FairnessReport, attribute: AttributeReport, rate: str) -> None:
    """One group's difference to the rest, window by window."""
    gaps = [m for m in to_rest(attribute, rate) if m.value is not None]
    if not gaps:
        return
    told = {mean.group for mean in attribute.rates.of(rate) if mean.status is Status.OK} if attribute.rates else set()
    gaps.sort(key=lambda m: (m.segment not in told, -abs(m.value or 0.0)))
    st.subheader("How did the difference go over time?", anchor=False)
    group = st.selectbox("Group", [m.segment for m in gaps], key="group", bind="query-params", width=280)
    series = [replace(m, interval=m.change) for m in attribute.series(f"{rate}_difference_to_rest", group)]
    chosen = next(m for m in gaps if m.segment == group)
    span = report.span_of(rate)
    place = report.context.windows.index(span[-1]) if span else None
    side = 0
    if place is not None and series[place].status is Status.CRITICAL and report.context.arming.is_armed:
        side = 1 if (series[place].value or 0.0) > 0 else -1
    before = chosen.reference
    show_trend(
        report.context,
        series,
        title=f"{capital(rate_name(report, rate))}: {group} minus the rest, by {report.context.unit}",
        key="gap_trend",
        written=lambda m: f"{signed(m.value)} {in_sentence(m.interval)}, n {count(m.n)}",
        reference=None if before is None else Limit(value=before, words=("reference", signed(before))),
        limits=around(0.0, MARGIN, "", is_change=True, is_crossed=side),
        focus=span[-1] if span else None,
        since=began(report, series, place),
        needs_labels=rate != DECISIONS,
        as_points=True,
        note="Intervals hold for all groups of a window at once at 95%.",
    )


def began(report: FairnessReport, series: Sequence[Measure], place: int | None) -> WindowInfo | None:
    """The first window of the run of disparities that reaches the last window of the span."""
    first = None
    while place is not None and place >= 0 and series[place].status is Status.CRITICAL:
        first, place = report.context.windows[place], place - 1
    return first


def cannot_show(report: FairnessReport, rate: str) -> None:
    """What rates by group are not evidence of."""
    with st.container(border=True):
        st.markdown("**What this cannot show**")
        if rate == DECISIONS:
            first = "Whether decisions were right: this rate knows no label."
        else:
            n = sum(window.n for window in report.labelled_span)
            first = (
                f"Records without a label: {count(report.n_labelled)} of {count(n)} here have one. Where a decision "
                "settles who gets one, errors cover the others only."
            )
        lines = [
            first,
            "That a model is fair. Within the margin: no evidence of a larger gap. Not enough data: not known.",
            "Why groups differ, or groups within groups: attributes are compared one at a time, as logged.",
        ]
        st.markdown("\n".join(f"- {line}" for line in lines))


def computed(report: FairnessReport) -> None:
    """The drawer: intervals, tests, margin, support, digest."""
    context = report.context
    how_computed(
        "**Rates by group** over the last 13 windows, each on its own denominator. Each group is compared with all "
        "other rows; the best group is no yardstick, as the best of several noisy rates is high by chance.",
        {
            "Intervals": "Wilson for rates, Newcombe for differences, MOVER-R for ratios",
            "Verdict": f"the interval of the difference, Bonferroni over groups, beyond the margin of {POINTS}",
            "Least support": f"{MIN_SUPPORT} rows of the rate's own denominator",
            "Windows": f"{plural(len(report.span), 'window')} for decisions, {len(report.labelled_span)} for labels",
            "Reference": f"{plural(len(context.reference_windows), 'window')}, n {count(context.n_reference)}",
        },
        {"Profile (SHA-256)": digest(context.profile_digest)},
        key="how_fairness",
    )


def undeclared(model: str) -> None:
    """How to declare a protected attribute."""
    empty_state(
        f"{plain(model)} declares no protected attribute.",
        "So nothing is known of how groups are treated: that is not the same as no gap. Mark a categorical or boolean "
        "column with `protected = true` in the model schema, then update the model; its records are counted anew.",
        button="Model schema and data",
    )


def by_error(report: FairnessReport, attribute: AttributeReport) -> None:
    """A regression's errors by group: shown with intervals, not judged."""
    named = {capital(measure_name(error)): error for error in ERRORS}
    measure = named[pick("Measure", list(named), "error")]
    means = [mean for mean in attribute.errors if mean.measure == measure]
    told = sorted((m for m in means if m.status is Status.OK), key=lambda m: m.value or 0.0)
    if told:
        low, high = told[0], told[-1]
        name = capital(measure_name(measure))
        sentence = (
            f"{name} is {number(high.value, measure)} {in_sentence(high.interval, measure)} for {high.group}, "
            f"{number(low.value, measure)} {in_sentence(low.interval, measure)} for {low.group}."
        )
        words = "Not judged"
    else:
        sentence, words = "Not enough data to tell the errors of any group.", None
    basis = f"{definition(report, measure)} {span_words(report, measure)}. {attribute.coverage(measure)}"
    detail = "Highest and lowest of the groups assessed; no margin is set for errors." if told else ""
    verdict_card(Status.INSUFFICIENT, plain(sentence), detail=detail, basis=plain(basis), chip_words=words)
    st.subheader("How far off is the model for whom?", anchor=False)
    group_plot(report, means, attribute, measure)
    cannot_show(report, measure)


def by_rate(report: FairnessReport, attribute: AttributeReport, rate: str) -> None:
    """A classifier's rates by group, with gaps, verdicts and their history."""
    verdict(report, attribute, rate)
    elsewhere(report, attribute.attribute, rate)
    left, right = st.columns([13, 7], gap="medium")
    with left:
        word = report.favourable_word
        st.subheader(
            f"Who is {plain(word)} how often?" if rate == DECISIONS else "How does each group fare?", anchor=False
        )
        group_plot(report, attribute.rates.of(rate) if attribute.rates else (), attribute, rate)
    with right:
        gap_and_ratio(attribute, rate)
        cannot_show(report, rate)
    compared(report, attribute, rate, "to_rest", "the rest")
    if attribute.reference_group is not None:
        compared(report, attribute, rate, "to_reference_group", attribute.reference_group)
    over_time(report, attribute, rate)


def page() -> None:
    selected = select()
    report = cached.fairness(selected.model, selected.selection) if selected and selected.context else None
    declared = report is not None and bool(report.attributes)
    header("Fairness", selected, actions=(lambda: computed(report)) if report is not None and declared else None)
    if usable(selected) is None or selected is None or report is None:
        return
    if not report.attributes:
        undeclared(selected.model)
        return
    with st.container(horizontal=True, gap="medium", vertical_alignment="top"):
        name = pick("Attribute", [each.attribute for each in report.attributes], "attribute")
        attribute = report.attribute(name)
        if attribute.rates is not None:
            named = {capital(rate_name(report, rate)): rate for rate in offered(report)}
            rate = named[pick("Measure", list(named), "rate")]
    if attribute.rates is None:
        by_error(report, attribute)
    else:
        by_rate(report, attribute, rate)


page()
