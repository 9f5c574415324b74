"""Is the model still fit for its purpose, and if not, why?"""

import base64

import streamlit as st

from core.charts.sparkline import interval_mark
from core.schema import ModelSchema, Task
from core.services.drift import ColumnReport
from core.services.fleet import ModelSummary
from core.services.observations import Selection, WindowInfo
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import header, rests_on, usable
from dashboard.components.history import show_history
from dashboard.components.numbers import cell_table, facts, how_computed
from dashboard.components.propose import propose_retraining
from dashboard.components.summary import WATCHED, detail, sentence, shown, unjudged_words
from dashboard.components.tiles import model_tiles, show_tiles
from dashboard.components.verdict import verdict_card
from dashboard.state import Selected, model_parameters, select
from dashboard.text import (
    DASH,
    capital,
    chip,
    count,
    digest,
    in_cell,
    muted,
    number,
    plain,
    plural,
    value_cell,
    window_name,
)
from dashboard.theme import palette

TASKS = {Task.BINARY: "Binary", Task.MULTICLASS: "Multiclass", Task.REGRESSION: "Regression"}
MOST = 5
LEAST_AXIS = 0.05  # of a PSI


def badges(summary: ModelSummary, versions: dict[str, tuple[WindowInfo, ...]]) -> tuple[str, ...]:
    """The task, and the versions that served in the window looked at."""
    focus = summary.context.focus
    serving = [name for name, seen in versions.items() if focus and any(w.window == focus.window for w in seen)]
    return tuple(f":gray-badge[{plain(words)}]" for words in (TASKS[summary.context.task], *serving[:3]))


def verdict(summary: ModelSummary) -> None:
    """The worst family in a sentence, what with it, and what isn't known."""
    context, words = summary.context, unjudged_words(summary)
    young = sum(not window.is_mature for window in context.windows)
    basis = rests_on(context)
    if young:
        basis += f" Labels of {plural(young, 'window')} are still arriving."
    verdict_card(summary.status, sentence(summary), detail=detail(summary), basis=basis, chip_words=words)


def live_alerts(model: str) -> None:
    """How many alerts somebody still has to look at or works on, with the way there."""
    live = cached.workspace().alerts.list(current_actor(), model, live_only=True)
    if live:
        out = sum(alert.is_out for alert in live)
        st.page_link(
            "views/alerts.py",
            label=f"{plural(len(live), 'live alert')}, {out} still out",
            icon=":material/notifications_active:",
            query_params={"of_model": model},
        )


def computed(summary: ModelSummary) -> None:
    """The drawer: where each tile comes from, when an alarm is raised, on what reference."""
    context = summary.context
    primary, complete = summary.primary, summary.complete
    how_computed(
        "The verdict is the **worst alarm of five families**. *Material* means that something moved by more than its "
        "margin, *changed* that it moved at all; both with a budget of false alarms over all series and all windows.",
        {
            "Performance": plain(primary.convention) if primary else DASH,
            "Concept": plain(summary.concept.measures[1].convention) if summary.concept.measures else DASH,
            "Drift": plain(summary.drift.columns[0].psi.convention) if summary.drift.columns else DASH,
            "Fairness": plain(summary.widest_gap[1].convention) if summary.widest_gap else DASH,
            "Data quality": plain(complete.convention) if complete else DASH,
            "Alarms": f"{WATCHED} Gaps between groups are judged by their simultaneous intervals.",
            "False alarms": plain(context.arming.reason),
            "Reference": f"{plural(len(context.reference_windows), 'window')}, n {count(context.n_reference)}",
            "Windows": f"{plural(len(context.windows), 'window')} by {plain(context.unit)}, {plain(context.timezone)}",
        },
        {"Profile (SHA-256)": digest(context.profile_digest)},
        key="how_model",
    )


def actions(summary: ModelSummary, model: str) -> None:
    """What can be done from here."""
    propose_retraining(model)
    computed(summary)


def changed_most(summary: ModelSummary, parameters: dict[str, str]) -> None:
    """The five columns that moved furthest."""
    columns = summary.drift.columns[:MOST]
    if not columns or summary.context.focus is None:
        return
    st.subheader("Which columns changed most?", anchor=False)
    window, n = capital(window_name(summary.context.focus.window)), count(columns[0].psi.n)
    st.markdown(
        muted(
            f"Worst first. {window}, n {n}, against the reference, n {count(summary.context.n_reference)}. "
            "PSI less its bias, 95% interval."
        )
    )
    has_importance = any(column.importance is not None for column in columns)
    top = max([LEAST_AXIS, *(c.psi.interval.high if c.psi.interval else c.psi.value or 0.0 for c in columns)])
    head = ["Column", "Verdict", "PSI".ljust(18, "\u00a0"), "Value"]
    cell_table(
        [*head, "Importance"] if has_importance else head,
        [
            [*column_row(summary, column, top), *([number(column.importance)] if has_importance else [])]
            for column in columns
        ],
        alt="The five columns that changed most",
    )
    label = f"All {plural(summary.drift.n_columns, 'column')}"
    st.page_link("views/drift.py", label=label, icon=":material/arrow_forward:", query_params=parameters)


def column_row(summary: ModelSummary, column: ColumnReport, top: float) -> list[str]:
    """One column: what moved inside, verdict, interval drawn, interval in numbers."""
    status, psi = shown(summary, column.status), column.psi
    words = column.drift.words[0] if column.drift.words else psi.why
    picture = DASH
    if psi.value is not None:
        svg = interval_mark(psi.value, psi.interval, low=0.0, high=top, palette=palette(), status=status)
        source = base64.b64encode(svg.encode()).decode()
        said = f"PSI {number(psi.value, 'psi')}, {in_cell(psi.interval, 'psi') or 'no interval'}"
        picture = f"![{said}](data:image/svg+xml;base64,{source})"
    return [
        f"**{plain(column.column)}**  \n{muted(plain(words))}",
        chip(status, unjudged_words(summary)),
        picture,
        value_cell(psi),
    ]


def card(schema: ModelSchema) -> None:
    """What the model is for, as its schema says."""
    outcome, delay = schema.outcome, schema.labels.delay_days
    window = schema.window.every or f"{schema.window.rows or 0:,} rows"
    undeclared = f"{DASH} {muted('not declared')}"
    pairs = {
        "Purpose": plain(schema.purpose) or undeclared,
        "Owner": plain(schema.owner) or undeclared,
        "Task": TASKS[schema.task],
        "Windows": f"{plain(window)}, {plain(schema.timezone)}",
        "Labels": f"{plural(round(delay), 'day')} after the prediction" if delay else "with the prediction",
    }
    if schema.task is not Task.REGRESSION:
        pairs["Score is of"] = plain(schema.positive) if schema.positive else undeclared
        pairs["Favourable"] = plain(schema.favourable) if schema.favourable else undeclared
    if schema.task is Task.BINARY:
        pairs["Threshold"] = undeclared if outcome.threshold is None else f"{outcome.threshold:g}"
    protected = ", ".join(plain(name) for name in schema.protected)
    pairs["Protected"] = protected or undeclared
    st.subheader("What is it for?", anchor=False)
    facts(pairs, alt="What the model is for")


def version_table(versions: dict[str, tuple[WindowInfo, ...]]) -> None:
    """Which version served when, and how many records."""
    st.subheader("Which versions served, and when?", anchor=False)
    if not versions:
        st.markdown("No version is registered.")
        return
    cell_table(
        ["Version", "First window", "Last window", "Records"],
        [
            [
                f"**{plain(name)}**",
                plain(window_name(seen[0].window)) if seen else f"{DASH} {muted('no production record')}",
                plain(window_name(seen[-1].window)) if seen else DASH,
                count(sum(window.n for window in seen)) if seen else DASH,
            ]
            for name, seen in versions.items()
        ],
        alt="Versions",
    )


def versions_of(selected: Selected) -> dict[str, tuple[WindowInfo, ...]]:
    """The windows in which each version served."""
    names = selected.context.versions if selected.context else ()
    segment = selected.selection.segment
    found = {name: cached.context(selected.model, Selection(version=name, segment=segment)) for name in names}
    return {name: context.windows for name, context in found.items() if context is not None}


def parameters_of(selected: Selected) -> dict[str, str]:
    """The address of the same rows on another page."""
    chosen, context = selected.selection, selected.context
    parameters = model_parameters(selected.model)
    if chosen.version:
        parameters["version"] = chosen.version
    if chosen.segment:
        parameters["segment"] = chosen.segment
    if chosen.window and context and context.focus:
        parameters["window"] = window_name(context.focus.window)
    return parameters


def page() -> None:
    selected = select()
    if selected is None:
        header("Model")
        usable(selected)
        return
    summary = cached.summary(selected.model, selected.selection) if selected.context else None
    title = plain(selected.model)
    if summary is None:
        header(title, selected)
        usable(selected)
        card(cached.workspace().models.show(current_actor(), selected.model).schema)
        return
    versions, parameters = versions_of(selected), parameters_of(selected)
    header(title, selected, badges=badges(summary, versions), actions=lambda: actions(summary, selected.model))
    verdict(summary)
    live_alerts(selected.model)
    show_tiles(model_tiles(summary), parameters=parameters)
    st.space(4)
    st.subheader("What happened, and when?", anchor=False)
    show_history(summary, versions)
    st.space(4)
    changed_most(summary, parameters)
    st.space(4)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        card(summary.schema)
    with right:
        version_table(versions)


page()
