"""Which model needs me now?"""

from collections.abc import Sequence

import streamlit as st

from core.measure import Measure, Status
from core.services.fleet import FleetRow, ModelSummary
from core.services.promise_words import fleet_promise_words
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import no_model
from dashboard.components.summary import FAMILY_NAMES, columns_out, gap_name, model_chip, reason, sentence
from dashboard.components.tiles import performance_line
from dashboard.state import model_parameters
from dashboard.text import (
    DASH,
    chip,
    count,
    headline,
    in_cell,
    instant,
    listed,
    measure_name,
    muted,
    number,
    plain,
    plural,
    window_name,
)

PAGE_SIZE = 25
ALARMS = (Status.CRITICAL, Status.WARNING)
COUNTED = (*ALARMS, Status.INSUFFICIENT, Status.OK)
Monitored = tuple[FleetRow, ModelSummary]


def verdict(monitored: Sequence[Monitored]) -> str:
    """Who needs somebody, in a sentence."""
    of = f"of {plural(len(monitored), 'model')}"
    alarmed = [pair for pair in monitored if pair[0].status in ALARMS]
    unclear = [pair for pair in monitored if pair[0].status is Status.INSUFFICIENT]
    if not monitored:
        return "No model is monitored yet."
    if alarmed:
        row, summary = alarmed[0]
        have, first = ("has", "") if len(alarmed) == 1 else ("have", "First ")
        return f"{len(alarmed)} {of} {have} an alarm. {first}{plain(row.model)}: {sentence(summary)}"
    if unclear:
        return f"No alarm; {len(unclear)} {of} can't be judged."
    return f"No evidence of change in any {of}."


def reach(monitored: Sequence[Monitored]) -> str:
    """How far the data reach."""
    ends = [summary.context.data_to for _, summary in monitored if summary.context.data_to is not None]
    until = f", data to {instant(max(ends))}" if ends else ""
    return f"Which model needs me now? {plural(len(monitored), 'monitored model')}{until}."


def counts(monitored: Sequence[Monitored]) -> None:
    """How many models have each verdict, and which."""
    grid = st.grid(len(COUNTED), min_column_width=150, border=True)
    for status in COUNTED:
        having = [(row, summary) for row, summary in monitored if row.status is status]
        words = "no model"
        if having:
            words = listed([plain(row.model) for row, _ in having])
        unarmed = sum(not summary.is_judged for _, summary in having)
        if unarmed:
            words += f"; {'' if unarmed == len(having) else f'{unarmed} '}not armed"
        with grid.cell(), st.container(gap="xxsmall"):
            st.metric(chip(status), count(len(having)))
            st.markdown(muted(words))


def table(monitored: Sequence[Monitored]) -> None:
    """A row a model, the worst first."""
    st.subheader("Models, worst first", anchor=False)
    pages = -(-len(monitored) // PAGE_SIZE)
    page = st.container()
    number_of = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    with page, st.container(border=True, key="fleet_rows", gap="xsmall"):
        for place, (row, summary) in enumerate(monitored[(number_of - 1) * PAGE_SIZE : number_of * PAGE_SIZE]):
            if place:
                st.markdown("---")
            line(row, summary)
    st.markdown(
        muted(
            "Line: the measure by window. Grey: its value in the reference. Dotted: where the margin ends. "
            "The last dot carries the measure's verdict. Each gap is taken over the last 13 windows."
        )
    )


def line(row: FleetRow, summary: ModelSummary) -> None:
    """One model: what it is, its verdict, how it does, what moved, who is treated differently."""
    name, said, rest = st.columns([1.9, 2.1, 6.2], vertical_alignment="center", gap="small")
    with name, st.container(gap="xxsmall"):
        st.page_link("views/model.py", label=f":blue[**{plain(row.model)}**]", query_params=model_parameters(row.model))
        focus = summary.context.focus
        st.markdown(muted(window_name(focus.window) if focus else "no window"))
    with said:
        st.markdown(f"{model_chip(summary)}  \n{muted(reason(summary))}{also(summary)}")
    with rest, st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        st.markdown(primary(summary), width=118)
        spark(summary)
        st.markdown(moved(summary), width=112)
        st.markdown(gap(summary), width=136)


def also(summary: ModelSummary) -> str:
    """Which other families have an alarm."""
    others = [
        FAMILY_NAMES[verdict.family].lower()
        for verdict in summary.verdicts
        if summary.is_judged and verdict.is_alarm and verdict != summary.leading
    ]
    return f"  \n{muted(f'also {listed(others, most=4)}')}" if others else ""


def primary(summary: ModelSummary) -> str:
    """The primary measure with its interval and n."""
    measure = summary.primary
    if measure is None or measure.value is None:
        return without("no performance", measure)
    name = measure.measure
    return (
        f"**{headline(measure.value, name, n=measure.n)}** :small[{measure_name(name)}]  \n"
        f"{muted(in_cell(measure.interval, name) or 'no interval')}  \n{muted(f'n {count(measure.n)}')}"
    )


def spark(summary: ModelSummary) -> None:
    """The primary measure by window."""
    measure = summary.primary
    svg = performance_line(summary, measure) if measure is not None else ""
    if measure is None or not svg:
        st.markdown(muted("no window with labels"), width=110)
        return
    st.image(
        svg, width=110, alt=f"{measure_name(measure.measure)} by window, last {number(measure.value, measure.measure)}"
    )


def moved(summary: ModelSummary) -> str:
    """How many columns moved."""
    drift = summary.drift
    n_out, words = columns_out(summary)
    shown = DASH if n_out is None else f"**{n_out}**"
    n = f"n {count(drift.columns[0].psi.n)}" if drift.columns else ""
    return f"{shown} :small[of {drift.n_columns}]  \n{muted(words)}  \n{muted(n)}"


def gap(summary: ModelSummary) -> str:
    """The widest gap between groups."""
    if not summary.fairness.attributes:
        return f"{DASH}  \n{muted('no protected attribute declared')}"
    found = summary.widest_gap
    if found is None:
        return without("no rate to compare", None)
    measure = found[1]
    value = headline(measure.value, n=measure.n)
    shown = f"**{value.removesuffix('%')} pp**" if value != DASH else DASH
    return (
        f"{shown} :small[gap]  \n{muted(in_cell(measure.interval) or 'no interval')}  \n"
        f"{muted(f'{gap_name(measure)}, {plain(measure.column)}')}"
    )


def without(words: str, measure: Measure | None) -> str:
    """A dash and the reason."""
    return f"{DASH}  \n{muted(plain(measure.why if measure is not None and measure.why else words))}"


def not_monitored(rows: Sequence[FleetRow]) -> None:
    """Models of which nothing can be said, and what each lacks."""
    st.subheader("Not monitored", anchor=False)
    for row in rows:
        with st.container(border=True, gap="xsmall"):
            st.markdown(f"**{plain(row.model)}** {what_lacks(row)}")
            has_reference = row.summary is not None
            st.page_link(
                "views/data.py",
                label="Add records" if has_reference else "Add a reference",
                icon=":material/add:",
                query_params=model_parameters(row.model),
            )


def what_lacks(row: FleetRow) -> str:
    """What a model lacks to be monitored."""
    if row.summary is not None:
        n = row.summary.context.n_reference
        return f"has a reference of {plural(n, 'record')} and no production records. Until some come, nothing can move."
    batches = cached.workspace().batches.list(current_actor(), row.model)
    n = sum(batch.n_rows for batch in batches if batch.retracted_at is None)
    return f"has {plural(n, 'record')} and no reference. Until it has one, nothing can be said about it."


def page() -> None:
    st.title("Fleet", anchor=False)
    rows = cached.fleet()
    if not rows:
        no_model()
        return
    monitored = [(row, row.summary) for row in rows if row.summary and not row.summary.context.shows_reference]
    others = [row for row in rows if row.summary is None or row.summary.context.shows_reference]
    st.markdown(muted(reach(monitored)))
    st.markdown(f"### {verdict(monitored)}", anchors=False)
    if monitored:
        st.markdown(muted(plain(fleet_promise_words(cached.workspace().analysis.promises(current_actor())))))
        counts(monitored)
        st.space(4)
        table(monitored)
    if others:
        st.space(4)
        not_monitored(others)


page()
