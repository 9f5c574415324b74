"""Who is treated differently, by how much, is it signal or noise?"""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.fairness.groups import COMPLEMENTS
from core.fairness.policy import Against, FairnessPolicy
from core.fairness.support import Cell
from core.measure import Status
from core.schema import Task
from core.services.audits import AuditRequest
from core.services.fairness import DECISIONS, AttributeReport, FairnessReport
from dashboard import cached
from dashboard.components.audit_exports import exports
from dashboard.components.crossings import show_crossings
from dashboard.components.frame import empty_state, header, usable
from dashboard.components.gap_trend import show_gap_trend
from dashboard.components.gap_verdict import judged
from dashboard.components.gaps import compared, gap_and_ratio, group_plot, p_words
from dashboard.components.groups import ERRORS, definition, latest, limit_words, offered, rate_name, span_words
from dashboard.components.measures import held
from dashboard.components.numbers import cell_table, how_computed
from dashboard.components.pickers import pick
from dashboard.components.questions import closer
from dashboard.components.verdict import verdict_card
from dashboard.state import select
from dashboard.text import (
    DASH,
    capital,
    count,
    digest,
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

AGAINST = {
    Against.REST: "the rest",
    Against.REFERENCE_GROUP: "the reference group",
    Against.BEST: "the best group",
    Against.OVERALL: "all together",
}


def verdict(report: FairnessReport, attribute: AttributeReport, rate: str) -> None:
    """Who differs, by how much; what the rate means; for whom it can't be told."""
    found = judged(report, attribute, rate)
    basis = f"{definition(report, rate)} {span_words(report, rate)}. {attribute.coverage(rate)}"
    verdict_card(
        found.status, plain(found.sentence), detail=plain(found.detail), basis=plain(basis), chip_words=found.words
    )


def elsewhere(report: FairnessReport, attribute: str, rate: str) -> None:
    """Other attributes and rates that show a disparity, so that a choice of picker hides none."""
    found = []
    for each in report.attributes:
        for name in offered(report):
            gap = each.measure(f"{name}_difference")
            alarming = (gap is not None and gap.status is Status.CRITICAL) or latest(report, each, name)
            same = (each.attribute, COMPLEMENTS.get(name, name)) == (attribute, COMPLEMENTS.get(rate, rate))
            if alarming and not same and name not in COMPLEMENTS:
                found.append(f"{rate_name(report, name)} by {each.attribute}")
    if found and report.context.arming.is_armed:
        st.markdown(f":material/report: Disparities elsewhere: {plain(listed(found, most=6))}.")


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
            "That a model is fair. No evidence: a larger gap would have been seen. Not enough data: not known.",
            "Why groups differ, or whether a difference is justified.",
        ]
        st.markdown("\n".join(f"- {line}" for line in lines))


def computed(report: FairnessReport) -> None:
    """The drawer: policy, intervals, tests, support, digests."""
    context, policy = report.context, report.policy
    n = report.audit.n_comparisons if report.audit is not None else 0
    how_computed(
        f"**Rates by group** over the last 13 windows, each on its own denominator, under the policy "
        f"**{plain(policy.title)}**. {plain(policy.note)}",
        {
            "Source": plain(policy.source) or "none named",
            "Limit": plain(limit_words(policy)),
            "Compared with": AGAINST[policy.against],
            "Intervals": "Wilson for rates, Newcombe for differences, MOVER-R for ratios",
            "Verdict": "the whole interval beyond the limit"
            if policy.decision == "certain"
            else "beyond the limit, and chance ruled out; no evidence only where a gap would have been found",
            "Held on": f"{plural(n, 'comparison')} at once: Bonferroni for intervals, Holm for Fisher's p",
            "Least support": f"{policy.min_support} rows of the rate's own denominator",
            "Windows": f"{plural(len(report.span), 'window')} for decisions, {len(report.labelled_span)} for labels",
            "Reference": f"{plural(len(context.reference_windows), 'window')}, n {count(context.n_reference)}",
        },
        {"Policy (SHA-256)": digest(policy.digest), "Profile (SHA-256)": digest(context.profile_digest)},
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
    told = sorted((m for m in means if m.cell is Cell.OK), key=lambda m: m.value or 0.0)
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
    error_table(attribute, measure)
    cannot_show(report, measure)


def error_table(attribute: AttributeReport, measure: str) -> None:
    """Errors against those of all others, and how far predictions lie apart."""
    supported = {m.group for m in attribute.errors if m.measure == measure and m.cell is Cell.OK}
    apart = {m.segment: m for m in attribute.error_gaps if m.measure == "score_wasserstein"}
    rows = []
    for gap in attribute.error_gaps:
        if gap.measure != f"{measure}_difference_to_rest":
            continue
        told = gap.segment in supported and gap.value is not None
        moved = apart.get(gap.segment)
        rows.append(
            [
                held(plain(gap.segment)),
                f"**{held(signed(gap.value, measure))}**  \n{muted(in_cell(gap.interval, measure))}" if told else DASH,
                held(p_words(gap.p_value)) if told else DASH,
                DASH if moved is None or moved.value is None or not told else number(moved.value, "mean_error"),
            ]
        )
    st.subheader("How does each group compare with the rest?", anchor=False)
    header_ = ["Group", "Difference", "By chance?", "Predictions apart (Wasserstein)"]
    cell_table(header_, rows, alt="Errors of each group against the rest")


def by_rate(report: FairnessReport, attribute: AttributeReport, request: AuditRequest, rate: str) -> None:
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
        if attribute.association is not None and attribute.association.value is not None:
            found = attribute.association
            words = f"Cramér's V of decision and group, over all classes: {found.value:.2f}"
            st.markdown(muted(f"{words} {in_sentence(found.interval, 'impact_ratio')}."))
    with right:
        gap_and_ratio(report, attribute, rate)
        cannot_show(report, rate)
    compared(report, attribute, rate)
    show_gap_trend(report, attribute, rate)
    show_crossings(report, request, rate)
    closer(report, attribute, request, rate)


def asked_of(request: AuditRequest, declares_reference: bool) -> AuditRequest:
    """The policy and those compared with, as chosen."""
    shelf = cached.policies()
    for problem in shelf.problems:
        st.markdown(f":material/report: A fairness policy is left out: {plain(problem)}")
    own = shelf.of_model(request.model)
    named: dict[str, FairnessPolicy] = {own.title: own, **{p.title: p for p in shelf.policies if p.name != own.name}}
    policy = named[pick("Policy", list(named), "policy", most=0, width=210)]
    ways = [policy.against, *(way for way in Against if way is not policy.against)]
    if not declares_reference:
        ways = [way for way in ways if way is not Against.REFERENCE_GROUP or way is policy.against]
    words = {AGAINST[way]: way for way in ways}
    against = words[pick("Compared with", list(words), "against", most=0, width=150)]
    return replace(request, policy=policy.name, against=None if against is policy.against else against)


def page() -> None:
    """The pickers, the verdict, and what it rests on."""
    selected = select()
    usable_ = selected is not None and selected.context is not None
    request = AuditRequest(model=selected.model, selection=selected.selection) if selected and usable_ else None
    if request is None or selected is None or selected.context is None:
        header("Fairness", selected)
        usable(selected)
        return
    title = st.container()
    first = cached.fairness(request)
    if first is None or not first.attributes:
        with title:
            header("Fairness", selected)
        undeclared(selected.model)
        return
    of_rates = first.context.task is not Task.REGRESSION
    with st.container(horizontal=True, gap="medium", vertical_alignment="top"):
        name = pick("Attribute", [each.attribute for each in first.attributes], "attribute")
        if of_rates and first.context.task is Task.MULTICLASS:
            classes = list(first.outcome.classes)
            whole = "all classes"
            of_class = pick("Class", [whole, *classes], "class")
            request = replace(request, of_class=None if of_class == whole else of_class)
        measure_picker = st.container(width="content")
        if of_rates:
            request = asked_of(request, any(each.reference_group for each in first.attributes))
    report = cached.fairness(request)
    if report is None:
        return
    attribute = report.attribute(name)
    rate = DECISIONS
    if of_rates:
        named = {capital(rate_name(report, each)): each for each in offered(report)}
        with measure_picker:
            rate = named[pick("Measure", list(named), "rate", width=205)]

    def actions() -> None:
        exports(report, request, rate)
        computed(report)

    with title:
        header("Fairness", selected, actions=actions)
    st.markdown(muted(plain(f"Coverage, all attributes: {report.coverage}")))
    if not of_rates:
        by_error(report, attribute)
    else:
        by_rate(report, attribute, request, rate)


page()
