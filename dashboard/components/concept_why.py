"""Why the loss changed, from sampled rows; and how versions age."""

from __future__ import annotations

import streamlit as st

from core.charts.loss_change import loss_waterfall
from core.concept.decomposition import Cause
from core.measure import Status
from core.services.ageing import VersionAgeing
from core.services.concept import ConceptReport
from core.services.loss_change import NAMES, LossChange, loss_figure
from dashboard import cached
from dashboard.components.measures import dated, held
from dashboard.components.numbers import cell_table, show_chart, show_numbers
from dashboard.text import capital, chip, count, measure_name, muted, number, plain, window_name
from dashboard.theme import palette

__all__ = ["show_ageing", "show_why"]

CHIPS = {
    Cause.INPUTS: (Status.WARNING, "Inputs"),
    Cause.CONCEPT: (Status.WARNING, "Concept"),
    Cause.BOTH: (Status.WARNING, "Inputs and concept"),
    Cause.NOTHING: (Status.OK, "No change to explain"),
    Cause.NOT_SEPARATED: (Status.INSUFFICIENT, "Can't be separated"),
}


def show_why(report: ConceptReport) -> None:
    """Inputs or concept: asked of sampled rows when somebody wants to know, as it takes some seconds."""
    st.subheader("Why did the loss change: inputs or concept?", anchor=False)
    key = f"why_{report.context.model}_{report.context.selection!r}"
    if not st.session_state.get(key):
        st.markdown(
            "Sampled rows are put into cells of like inputs; what changes inside cells is the concept, what changes "
            "between them the inputs."
        )
        if st.button("Ask the sampled rows", key="ask_why"):
            st.session_state[key] = True
            st.rerun()
        return
    with st.spinner("Telling rows apart"):
        found = cached.loss_change(report.context.model, report.context.selection)
    if found is None or found.decomposition is None or found.decomposition.change is None:
        why = "" if found is None else found.words
        st.markdown(f"{chip(Status.INSUFFICIENT)} {plain(why)}")
        return
    _show(found)


def _show(found: LossChange) -> None:
    whole = found.decomposition
    if whole is None or whole.inputs is None or whole.concept is None:
        return
    status, words = CHIPS[whole.cause]
    with st.container(border=True):
        st.markdown(f"{chip(status, words)} {plain(found.words)}")
        chart = loss_waterfall(
            whole,
            palette=palette(),
            title=capital(NAMES[found.loss]),
            tick_format={"error_rate": ".1%", "brier_score": ".3f"}.get(found.loss, ",.3~s"),
            figure_of=lambda value, signed: loss_figure(value, found.loss, signed=signed),
        )
        if chart is not None:
            show_chart(chart, key="loss_waterfall")
        overlap = "" if whole.overlap is None else f" Both sides have {whole.overlap:.0%} of their inputs in common."
        first, last = (plain(window_name(w.window)) for w in (found.windows[0], found.windows[-1]))
        when = first if first == last else f"{first} to {last}"
        basis = "" if found.basis is None else f" {plain(found.basis.words)}"
        st.markdown(
            muted(
                f"{capital(when)}, labelled n {count(whole.n)} of the sample, reference n {count(whole.n_reference)}."
                f"{overlap} Filled: the 95% interval leaves out 0.{basis}"
            )
        )
        if found.columns:
            rows = [(each.column, loss_figure(each.value, found.loss, signed=True)) for each in found.columns]
            header = ["Input", "Adds to the part of inputs"]
            cell_table(
                header,
                [[held(plain(name)), held(plain(value))] for name, value in rows],
                alt="What inputs add to the change",
            )
        parts = [
            (
                capital(part.name),
                loss_figure(part.value, found.loss, signed=True),
                f"{loss_figure(part.interval.low, found.loss, signed=True)} to "
                f"{loss_figure(part.interval.high, found.loss, signed=True)}",
            )
            for part in (*whole.parts, whole.change)
            if part is not None
        ]
        show_numbers(["Part", "Adds", "95% interval"], parts, alt="Parts of the change of loss")
        show_numbers(
            ["Cell", "Reference", "Now", "In common", "Loss, reference", "Loss, now", "Reference n", "n"],
            [
                (
                    str(place + 1),
                    number(cell.reference_share),
                    number(cell.share),
                    number(cell.common_share),
                    loss_figure(cell.reference_loss, found.loss),
                    loss_figure(cell.loss, found.loss),
                    count(cell.n_reference),
                    count(cell.n),
                )
                for place, cell in enumerate(whole.cells)
            ],
            alt="Cells of like rows",
            label="Cells, from least to most like the current rows",
        )
        st.markdown(muted(plain(capital(whole.convention.replace(found.loss, NAMES[found.loss])))))


def show_ageing(report: ConceptReport) -> None:
    """What each version loses a month, and when it would reach its floor."""
    found = cached.ageing(report.context.model, report.context.selection)
    if not found:
        return
    st.subheader("Do versions age?", anchor=False)
    for each in found:
        words = each.words
        if each.step_at is not None:
            words = words.replace(each.step_at.name, dated(each.step_at))
        st.markdown(f"**{plain(each.version)}**: {plain(words)}")
    rows = [
        [
            held(plain(each.version)),
            _slope_cell(each),
            "—" if each.line.level is None else number(each.line.level, each.measure),
            "—" if each.floor is None else number(each.floor, each.measure),
            "—" if each.line.dispersion is None else f"{each.line.dispersion:.1f}",
            count(each.line.n_windows),
        ]
        for each in found
    ]
    header = [
        "Version",
        f"{capital(measure_name(found[0].measure))} a {found[0].per}",
        "Now",
        "Floor",
        "Dispersion",
        "Windows",
    ]
    cell_table(header, rows, alt="How versions age")
    st.markdown(
        muted(
            "A line through windows whose labels are in. Floor: the reference's value less the margin of alarms. "
            "Dispersion: how many times more windows vary about the line than their rows explain; intervals count it."
        )
    )


def _slope_cell(each: VersionAgeing) -> str:
    if each.line.slope is None or each.line.interval is None:
        return f"—  \n{muted(plain(each.line.why))}"
    low, high = (each.change(limit) for limit in (each.line.interval.low, each.line.interval.high))
    return f"**{held(each.change(each.line.slope))}**  \n{muted(held(f'{low} to {high}'))}"
