"""Does the score still mean what it meant?"""

from dataclasses import replace

import streamlit as st

from core.charts.concept import residual_bins
from core.charts.trend import Limit
from core.concept.conclusion import ConceptResidual, ResidualBin
from core.measure import Measure, Status
from core.schema import Task
from core.services.concept import ConceptReport
from dashboard import cached
from dashboard.components.concept_moved import show_detectors, show_distributions, show_label_shift
from dashboard.components.concept_why import show_ageing, show_why
from dashboard.components.frame import header, rests_on, usable
from dashboard.components.measures import ALARMS, dated, found, held, margin_words, verdict_chip
from dashboard.components.numbers import cell_table, how_computed, show_chart, show_numbers
from dashboard.components.summary import WATCHED
from dashboard.components.trends import around, show_trend
from dashboard.components.verdict import verdict_card
from dashboard.state import select
from dashboard.text import (
    capital,
    count,
    digest,
    in_cell,
    in_sentence,
    muted,
    number,
    plain,
    plural,
    signed,
    window_name,
)
from dashboard.theme import palette

EFFECT, MEAN = "residual_effect", "mean_residual"
ABOVE = {
    Task.BINARY: "the outcome comes more often than in the reference",
    Task.MULTICLASS: "predictions are right more often than in the reference",
    Task.REGRESSION: "predictions are higher against the labels than in the reference",
}


def is_rate(report: ConceptReport) -> bool:
    """Whether residuals are shares; a regression's are in the label's units."""
    return report.context.task is not Task.REGRESSION


def style(report: ConceptReport) -> str:
    """How the mean residual is written."""
    return "" if is_rate(report) else "mean_error"


def verdict(report: ConceptReport, residual: ConceptResidual) -> None:
    """Whether outcomes still follow, which way and how strongly."""
    context = report.context
    effect, mean = residual.measures
    detail = plain(residual.words) if mean.value is not None else ""
    if report.since is not None and context.arming.is_armed:
        detail += f" Since {dated(report.since)}."
    basis = rests_on(replace(context, focus=report.focus), n=residual.n).replace(", n ", ", labelled n ", 1)
    words = None
    status = report.status
    if effect.value is not None and not context.arming.is_armed:
        status, words = Status.INSUFFICIENT, "Not armed"
    verdict_card(status, plain(sentence(report, mean)), detail=detail, basis=basis, chip_words=words)


def sentence(report: ConceptReport, mean: Measure) -> str:
    """The verdict in one sentence."""
    if mean.value is None:
        return f"Whether outcomes still follow the {report.by} can't be told. {mean.why}"
    if mean.status not in ALARMS:
        if mean.status is Status.INSUFFICIENT:
            return f"Whether outcomes still follow the {report.by} can't be told. {capital(mean.why).rstrip('.')}."
        return f"No evidence of change: outcomes follow the {report.by} as in the reference{found(mean)}."
    beyond = "beyond" if mean.status is Status.CRITICAL else "not certainly beyond"
    interval = mean.interval
    if interval is not None and mean.value < 0:  # the words say which way
        interval = replace(interval, low=-interval.high, high=-interval.low)
    return (
        f"{direction(report, mean)} {in_sentence(interval, style(report))}, "
        f"{beyond} the margin of {margin_words(mean.margin or 0.0, style(report))}."
    )


def direction(report: ConceptReport, mean: Measure) -> str:
    """By how much outcomes differ at the same score, one way."""
    value = mean.value or 0.0
    size = margin_words(abs(value), style(report))
    if report.context.task is Task.REGRESSION:
        way = "higher" if value > 0 else "lower"
        return f"At the same predicted value, predictions are {size} too {way} than in the reference".replace(
            "too ", ""
        )
    way = "more" if value > 0 else "less"
    if report.context.task is Task.MULTICLASS or report.outcome is None:
        return f"Predictions of the same class are right {size} {way} often than in the reference"
    return f"At the same {report.by}, '{report.outcome}' comes {size} {way} often than in the reference"


def computed(report: ConceptReport, residual: ConceptResidual) -> None:
    """The drawer: bins, test, intervals, alarm, reference, digest."""
    context, (effect, mean) = report.context, residual.measures
    how_computed(
        f"Labelled records of one window, by bin of the **{plain(report.by)}**, against what the same bin has in the "
        "reference. A change of the mix of bins is no change of concept and doesn't count.",
        {
            "Mean residual": plain(mean.convention),
            "Effect": plain(effect.convention),
            "Margin of the mean": "—" if mean.margin is None else margin_words(mean.margin, style(report)),
            "Alarm": WATCHED,
            "False alarms": plain(context.arming.reason),
            "Reference": f"{plural(len(context.reference_windows), 'window')}, labels {count(residual.n_reference)}",
        },
        {"Profile (SHA-256)": digest(context.profile_digest)},
        key="how_concept",
    )


def bins(report: ConceptReport, residual: ConceptResidual) -> None:
    """Observed and expected in each bin."""
    st.subheader(f"Where do outcomes leave the {report.by}?", anchor=False)
    with st.container(border=True):
        chart = residual_bins(
            residual.bins, palette=palette(), is_rate=is_rate(report), what=capital(what(report)), by=report.by
        )
        show_chart(chart, key="residual_bins")
        window = window_name(report.focus.window) if report.focus else "window"
        st.markdown(
            muted(
                f"Dots: {plain(window)}, labelled n {count(residual.n)}. Dashes: expected from the reference. "
                "Filled below: the 95% interval of the difference leaves out 0."
            )
        )
        show_numbers(
            ["Bin", "Observed", "Expected", "Difference, 95% interval", "n", "Reference n"],
            [bin_row(each, report) for each in residual.bins],
            alt=f"Outcomes by {report.by}",
        )


def what(report: ConceptReport) -> str:
    """What is observed in a bin."""
    if report.context.task is Task.REGRESSION:
        return "mean error (prediction minus label)"
    if report.context.task is Task.MULTICLASS or report.outcome is None:
        return "share of predictions that are right"
    return f"share with '{report.outcome}'"


def bin_row(each: ResidualBin, report: ConceptReport) -> tuple[str, ...]:
    """One bin as text."""
    name = style(report)
    return (
        each.name,
        number(each.observed, name),
        number(each.expected, name),
        in_cell(each.difference, name) or "—",
        count(each.n),
        count(each.n_reference),
    )


def over_time(report: ConceptReport) -> None:
    """Which way outcomes went, and how strongly, window by window."""
    st.subheader("Since when, which way, how strongly?", anchor=False)
    left, right = st.columns(2, gap="medium")
    effect, mean = report.measures
    name = style(report)
    with left:
        alarm = mean.status is Status.CRITICAL and report.context.arming.is_armed
        side = 0 if not alarm else 1 if (mean.value or 0) > 0 else -1
        show_trend(
            report.context,
            report.series(MEAN),
            title=f"Mean residual by {report.context.unit}, 95% interval",
            key="mean_trend",
            written=lambda m: f"{signed(m.value, name)} {in_sentence(m.interval, name)}, n {count(m.n)}",
            limits=around(0.0, mean.margin, name, is_change=True, is_crossed=side) if mean.margin else (),
            reference=Limit(value=0.0, words=("as", "expected")),
            focus=report.focus,
            since=report.since,
            as_points=is_rate(report),
            note=f"Observed minus expected: above 0, {ABOVE[report.context.task]}.",
        )
    with right:
        margin = effect.margin
        line = (
            () if margin is None else (Limit(value=margin, words=("margin", number(margin, EFFECT)), is_crossed=False),)
        )
        show_trend(
            report.context,
            report.series(EFFECT),
            title=f"Effect by {report.context.unit}, 95% interval",
            key="effect_trend",
            written=lambda m: f"{number(m.value, EFFECT)} {in_sentence(m.interval, EFFECT)}, n {count(m.n)}",
            limits=line,
            focus=report.focus,
            since=report.since,
            note="Root mean square over bins, in standard deviations of one row, less what chance adds.",
        )


def both_measures(report: ConceptReport) -> None:
    """The two measures with their intervals and verdicts."""
    rows, names = [], ("Effect", "Mean residual")
    for m, name, said in zip(report.measures, (EFFECT, style(report)), names, strict=True):
        write = number if m.measure == EFFECT else signed
        value = f"**{write(m.value, name)}**  \n{muted(in_cell(m.interval, name))}" if m.value is not None else "—"
        margin = "—" if m.margin is None else margin_words(m.margin, name)
        rows.append([held(said), verdict_chip(m, report.context), value, count(m.n), held(margin)])
    cell_table(["Measure", "Verdict", "Value, 95% interval", "n", "Margin"], rows, alt="Measures of concept drift")
    reasons = [(said, m.why) for m, said in zip(report.measures, names, strict=True)]
    show_numbers(["Measure", "Reason"], reasons, alt="Reasons of the verdicts", label="Show reasons")


def cannot_tell(report: ConceptReport) -> None:
    """What a residual is not evidence of."""
    with st.container(border=True):
        st.markdown("**What this cannot tell**")
        known = ""
        if report.focus is not None and report.focus.n:
            known = f" In this window {number(report.focus.n_labelled / report.focus.n)} of records have one."
        st.markdown(
            f"- Records without a label. Where a decision settles who gets one (a declined loan is never repaid), the "
            f"comparison speaks of the others only.{known}\n"
            f"- Why, by itself. Rows that share a {plain(report.by)} may be others than before; then outcomes move and "
            "the world stands still. The sampled rows are asked that above.\n"
            "- Whether the model is worse. Performance says that; a residual says where its numbers no longer fit."
        )


def page() -> None:
    selected = select()
    report = cached.concept(selected.model, selected.selection) if selected and selected.context else None
    residual = report.residual if report is not None else None
    shown = report is not None and residual is not None
    header("Concept", selected, actions=(lambda: computed(report, residual)) if shown else None)
    if usable(selected) is None or report is None:
        return
    if residual is None:
        sentence = plain(f"Whether outcomes still follow the {report.by} can't be told.")
        verdict_card(Status.UNDEFINED, sentence, detail=plain(report.why))
        return
    verdict(report, residual)
    both_measures(report)
    show_distributions(report)
    if residual.n:
        bins(report, residual)
    over_time(report)
    show_why(report)
    show_ageing(report)
    show_detectors(report)
    show_label_shift(report)
    cannot_tell(report)


page()
