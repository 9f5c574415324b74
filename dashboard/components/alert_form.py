"""Answer an alert: acknowledge, resolve, annotate as harmless, open again, or say something."""

from __future__ import annotations

import streamlit as st

from core.errors import PlumblineError
from core.governance.alerts import NEEDS_REASON, AlertMove, next_state
from core.services.alerts import AlertInfo
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.text import plain

__all__ = ["alert_form"]

CHOICES = {
    AlertMove.ACKNOWLEDGE: ("Acknowledge", "Others see that you look into it."),
    AlertMove.RESOLVE: ("Resolve", "What was the cause, and what was done about it?"),
    AlertMove.ANNOTATE: ("Harmless", "The limits stay: what moves like this again alarms again."),
    AlertMove.REOPEN: ("Open again", "It waits for somebody once more."),
    AlertMove.COMMENT: ("Comment", "The alert stays as it is."),
}
SAID = "alert_said"


def alert_form(alert: AlertInfo) -> None:
    """What can be done from here, with its consequence; one call of the service on submission."""
    moves = [move for move in CHOICES if next_state(alert.state, move) is not None]
    said = st.session_state.pop(SAID, None)
    with st.container(border=True, key="answer"):
        st.markdown("**Answer**")
        with st.form(f"alert-{alert.id}", border=False):
            move = st.radio(
                "What to do",
                moves,
                index=None,
                key=f"move-{alert.id}",
                format_func=lambda choice: CHOICES[choice][0],
                captions=[CHOICES[choice][1] for choice in moves],
            )
            text = st.text_area(
                "Words", key=f"words-{alert.id}", help="Everyone who reads the alert or the ledger sees them."
            )
            if st.form_submit_button("Answer"):
                _answer(alert, move, text)
        if said:
            (st.success if said[0] else st.error)(plain(said[1]))


def _answer(alert: AlertInfo, move: AlertMove | None, text: str) -> None:
    if move is None:
        st.error("Choose what to do.")
        return
    if move in NEEDS_REASON and not text.strip():
        st.error("This takes words: they are what others read later.")
        return
    service = cached.workspace().alerts
    call = {
        AlertMove.ACKNOWLEDGE: service.acknowledge,
        AlertMove.RESOLVE: service.resolve,
        AlertMove.ANNOTATE: service.annotate,
        AlertMove.REOPEN: service.reopen,
        AlertMove.COMMENT: service.comment,
    }[move]
    try:
        call(current_actor(), alert.id, reason=text)
        st.session_state[SAID] = (True, f"{CHOICES[move][0]}: done, and in the ledger.")
    except PlumblineError as error:
        st.session_state[SAID] = (False, str(error))
    st.rerun()
