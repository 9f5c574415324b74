"""What is kept of one prediction: under which approval was it made, what was known then, and what became of it?"""

from __future__ import annotations

import streamlit as st

from core.errors import InputError
from core.governance.identity import Right
from core.measure import Status
from core.services.observations import Selection
from core.services.predictions import AlertThen, Prediction
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.deployments import exact, signed
from dashboard.components.frame import empty_state, header, no_model
from dashboard.components.numbers import cell_table, facts
from dashboard.components.permission import refused
from dashboard.components.verdict import verdict_card
from dashboard.state import Selected, selected_model
from dashboard.text import DASH, chip, count, digest, instant, muted, plain, window_name

ADDRESS = "id"


def looked_up(model: str) -> Prediction | None:
    """What the id in the field, or in the address, stands for; says so where there is none."""
    if ADDRESS not in st.session_state:
        st.session_state[ADDRESS] = st.query_params.get(ADDRESS, "")
    with st.form("look_up", border=False):
        field, button = st.columns([5, 1], vertical_alignment="bottom", gap="small")
        text = field.text_input("Prediction id", key=ADDRESS, placeholder="As the log names it").strip()
        button.form_submit_button("Look up", icon=":material/search:", width="stretch")
    if not text:
        st.markdown(muted("Every batch of the model is looked through, the newest first: that may take seconds."))
        return None
    st.query_params[ADDRESS] = text
    try:
        with st.spinner("Looking through the batches"):
            return cached.workspace().predictions.show(current_actor(), model, text)
    except InputError as error:
        empty_state("There is no such prediction.", plain(error))
        return None


def verdict(found: Prediction) -> None:
    """Who decided what, and whether that version was the one signed for."""
    version = plain(found.version) if found.version else "A version that isn't named"
    decided = f"said **{plain(found.prediction)}**" if found.prediction is not None else "gave a score"
    when = exact(found.served_at) if found.served_at else "at a time that the log doesn't say"
    if found.in_force is None:
        status, words, detail = Status.WARNING, "Not signed for", "No version was in force then: nobody had signed."
    elif found.is_of_version_in_force:
        status, words, detail = Status.OK, "Signed for", signed(found.in_force)
    else:
        status, words = Status.WARNING, "Another was in force"
        detail = f"{plain(found.in_force.version)} was in force then. {signed(found.in_force)}"
    if found.retracted_reason is not None:
        detail = f"{detail} Its batch was retracted since: {plain(found.retracted_reason)}"
    verdict_card(status, f"{version} {decided}, {when}.", detail=detail, chip_words=words)


def kept(found: Prediction) -> None:
    """Score, label, approval and where the record lies."""
    scores = ", ".join(f"{plain(name)} {score:.4g}".strip() for name, score in found.scores.items())
    pairs = {"Score": scores or DASH, "Label": _label(found)}
    if found.in_force is not None:
        pairs["Evidence signed"] = ", ".join(
            f"`{digest(approval.evidence_sha256)}`" for approval in found.in_force.approvals
        )
    pairs["Variant"] = plain(found.variant) if found.variant else DASH
    pairs["Record"] = f"batch {found.batch}, {plain(found.source)}  \n{muted(f'taken in {instant(found.taken_in_at)}')}"
    facts(pairs, alt="What is kept")
    if found.in_force is not None:
        number = str(found.in_force.proposal_id)
        st.page_link("views/review.py", label=f"Review {number}: what was signed", query_params={"proposal": number})


def _label(found: Prediction) -> str:
    lines = [f"**{plain(found.label)}**" if found.label is not None else f"{DASH} {muted('none yet')}"]
    for label in found.labels:
        known = f"known {instant(label.known_at)}, " if label.known_at else ""
        lines.append(muted(f"{plain(label.value)}: {known}taken in {instant(label.taken_in_at)}"))
    return "  \n".join(lines)


def known_then(found: Prediction) -> None:
    """Alerts that were open when it was served, and what is known of its window by now."""
    st.subheader("What was known then?", anchor=False)
    if found.alerts_then:
        _alerts(found.alerts_then, "Alerts open then")
    else:
        st.markdown("No alert was open then.")
    if found.window is None:
        return
    st.subheader(f"And of its window, {window_name(found.window)}, by now?", anchor=False)
    if found.alerts_of_window:
        _alerts(found.alerts_of_window, "Alerts on its window")
    else:
        st.markdown("No alert is about it.")
    if found.verdicts:
        words = [f"{chip(v.status)} {v.family.replace('_', ' ').capitalize()}" for v in found.verdicts]
        st.markdown("  \n".join(words))


def _alerts(alerts: tuple[AlertThen, ...], alt: str) -> None:
    cell_table(
        ["Alert", "Then", "Now"],
        [
            [
                f"**{alert.id}** {plain(alert.title)}  \n{muted(f'fired {instant(alert.opened_at)}')}",
                str(alert.state_then) if alert.state_then else f"{DASH} {muted('not yet')}",
                str(alert.state_now),
            ]
            for alert in alerts
        ],
        alt=alt,
    )


def record(found: Prediction) -> None:
    """What the model read, and what describes the row besides."""
    st.subheader("The record", anchor=False)
    rows = [(name, value, "feature") for name, value in found.features.items()]
    rows += [(name, value, "attribute") for name, value in found.attributes.items()]
    cell_table(
        ["Column", "Value", "Role"],
        [[plain(name), DASH if value is None else plain(_value(value)), muted(role)] for name, value, role in rows],
        alt="The record's columns",
    )


def _value(value: object) -> str:
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return count(int(value))
    return str(value)


def page() -> None:
    actor, model = current_actor(), selected_model()
    if not actor.may(Right.AUDIT):
        header("Prediction")
        refused(actor, Right.AUDIT, "Single records are of people")
        return
    if model is None:
        header("Prediction")
        no_model()
        return
    header("Prediction", Selected(model=model, selection=Selection(), context=None))
    found = looked_up(model)
    if found is None:
        return
    verdict(found)
    left, right = st.columns([1, 1], gap="medium")
    with left:
        kept(found)
        known_then(found)
    with right:
        record(found)


page()
