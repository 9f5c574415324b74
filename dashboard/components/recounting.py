"""How far counting for a new reference or schema is, while pages show numbers on the one before."""

from __future__ import annotations

import streamlit as st

from core.errors import PlumblineError
from core.governance.identity import Right
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.batches import refresh
from dashboard.components.worklist import UNDER_WAY
from dashboard.text import plain

__all__ = ["recounting"]

EVERY_SECONDS = 2.0


def recounting(model: str) -> None:
    """How far counting is, and the page anew at its end; nothing where the reference in force is what is shown."""
    if cached.workspace().profiles.recount(current_actor(), model) is not None:
        st.fragment(lambda: _how_far(model), run_every=EVERY_SECONDS)()


def _how_far(model: str) -> None:
    space, actor = cached.workspace(), current_actor()
    found = space.profiles.recount(actor, model)
    if found is None:
        st.rerun()
        return
    jobs = [job for job in space.jobs.list(actor, model) if job.state in UNDER_WAY and job.proposal_id is None]
    is_worked_on = bool(jobs) and space.worker_lock.is_held()  # not by a worker that is gone
    with st.container(border=True, gap="small", key="recounting"):
        st.markdown(f"**Counted anew.** {plain(found.words)}")
        if is_worked_on:
            st.progress(jobs[0].progress, text=plain(jobs[0].message))
        elif actor.may(Right.INGEST) and st.button("Count it now", key="recount_now"):
            try:
                refresh(model)
            except PlumblineError as error:
                st.error(plain(error), icon=":material/error:")
                return
            st.rerun()
