"""Which labels came: whether the model's decisions chose them, what explored rows say, and what is known despite it."""

from __future__ import annotations

import streamlit as st

from core.measure import Measure, Status
from core.performance.identified import Basis, basis_of
from core.performance.selective import Labelling
from core.schema import Task
from core.services.selective import SelectiveReport
from dashboard.components.measures import dated, held, titled
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.text import capital, chip, count, in_cell, muted, number, plain, plural, signed, value_cell

__all__ = ["show_selective"]

QUESTIONS = {
    "predictive_value": "Of those predicted '{}', how many were?",
    "label_rate_gap": "Do both decisions get labels?",
    "label_rate_slope": "Do labels depend on the score?",
    "label_rate_gap_given_score": "And at equal scores, on the decision?",
    "exploration_share": "How many decisions are explored?",
    "effective_exploration": "What are they worth a quarter?",
    "self_fulfilment": "Does deciding '{}' change what comes?",
    "explored_calibration_gap": "Are scores as right of explored rows?",
}
CHIPS = {
    Status.CRITICAL: "One-sided",
    Status.WARNING: "Yes",
    Status.OK: "No",
    Status.INSUFFICIENT: "Can't be told",
    Status.UNDEFINED: "Undefined",
}
CHOSEN = {Labelling.ONE_SIDED: "One-sided labels", Labelling.SELECTIVE: "Labels depend on decisions"}
AMOUNTS = {"exploration_share", "effective_exploration"}  # that are judged by how many there are
RESTS = {
    Basis.OBSERVED: "labels seen",
    Basis.WEIGHTED: "explored rows",
    Basis.BOUNDS: "bounds only",
}
SHARES = {"predictive_value", "exploration_share"}


def show_selective(report: SelectiveReport) -> None:
    """A line where labels come alike; else what depends on what, and which measures that leaves."""
    if report.context.task is not Task.BINARY or report.context.shows_reference:
        return
    st.subheader("Which labels came?", anchor=False)
    if report.status in (Status.OK, Status.INSUFFICIENT, Status.UNDEFINED):
        st.markdown(muted(plain(report.words)))
        return
    words = CHOSEN.get(report.labelling, "Decisions change outcomes" if report.feeds_back else "Calibration differs")
    with st.container(border=True):
        said = report.words.removeprefix("One-sided labels. ")
        st.markdown(f"{chip(report.status, words)} {plain(said)}")
        rows = [
            [_question(m), f"{_chip(m)}  \n{_value(m)}"]
            for m in report.monitors
            if m.status is not Status.UNDEFINED or m.measure in ("exploration_share", "label_rate_gap_given_score")
        ]
        cell_table(["Question", "Answer, interval, n"], rows, alt="Which labels came")
        st.markdown(muted(_basis(report)))
    if report.status is not Status.CRITICAL:
        _by_score(report)
        return
    st.subheader("What is known despite it?", anchor=False)
    rows = [
        [held(plain(titled(m))), RESTS[basis_of(m)], value_cell(m), count(m.n)]
        for m in report.measures
        if m.value is not None or m.interval is not None
    ]
    cell_table(["Measure", "Rests on", "Value or bounds", "n"], rows, alt="What is known of performance")
    if report.not_weighted:
        st.markdown(muted(plain(report.not_weighted)))
    _by_score(report)


def _question(measure: Measure) -> str:
    asked = plain(QUESTIONS[measure.measure].format(measure.column))
    return f"{asked}  \n{muted(plain(measure.why))}" if measure.why else asked


def _chip(measure: Measure) -> str:
    if measure.measure == "predictive_value":
        return ":gray-badge[Not judged]"
    if measure.measure in AMOUNTS:
        return chip(measure.status, {Status.OK: "Enough", Status.WARNING: "Too few"}.get(measure.status))
    if measure.measure == "label_rate_gap":
        return chip(
            measure.status, {Status.OK: "Alike", Status.WARNING: "Not alike"}.get(measure.status, CHIPS[measure.status])
        )
    if measure.measure == "explored_calibration_gap":
        return chip(
            measure.status,
            {Status.OK: "As right", Status.WARNING: "Not as right"}.get(measure.status, CHIPS[measure.status]),
        )
    return chip(measure.status, CHIPS[measure.status])


def _value(measure: Measure) -> str:
    n = f"n {count(measure.n)}"
    if measure.value is None:
        return muted(held(n))
    if measure.measure == "effective_exploration":
        return f"**{held(f'{measure.value:,.0f} rows')}**  \n{muted(held(n))}"
    in_units_of = "calibration_slope" if measure.measure == "label_rate_slope" else ""  # log-odds, as that is
    value = number(measure.value) if measure.measure in SHARES else signed(measure.value, in_units_of)
    value += " a sd" if in_units_of else ""
    return f"**{held(value)}**  \n{muted(held(in_cell(measure.interval, in_units_of)))}  \n{muted(held(n))}"


def _basis(report: SelectiveReport) -> str:
    first, last = report.windows[0], report.windows[-1]
    span = dated(last) if first is last else f"{dated(first)} to {dated(last)}"
    age = f"{report.age:,} {report.unit}" + ("" if report.age == 1 else "s")
    return (
        f"{capital(plural(len(report.windows), 'window'))}, {plain(span)}: the last quarter of those older than {age}, "
        f"when labels should be in. n {count(report.n)}, {count(report.n_labelled)} with a label."
    )


def _by_score(report: SelectiveReport) -> None:
    """Shares labelled by score, decision by decision."""
    if report.rates is None or not report.by_score:
        return
    names = report.rates.classes
    rows = []
    for row in report.by_score:
        pairs = zip((*row.n_labelled, row.n_explored_labelled), (*row.n, row.n_explored), strict=True)
        rows.append((row.scores, *(f"{number(k / n)} of {count(n)}" if n else "none" for k, n in pairs)))
    head = ["Score", *(f"Labelled of '{name}'" for name in names), "Labelled of explored"]
    show_numbers(head, rows, alt="Rows with a label by score and decision", label="Show numbers by score")
