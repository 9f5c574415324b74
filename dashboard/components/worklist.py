"""Jobs on screen: where each stands, what it says, and what may be done about it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from core.errors import PlumblineError
from core.governance.identity import Right
from core.governance.proposals import Move
from core.services.jobs import JobInfo, JobState
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.numbers import cell_table, facts
from dashboard.components.permission import who_may
from dashboard.text import DASH, instant, muted, plain

__all__ = ["UNDER_WAY", "attempt", "job_card", "job_rows", "job_title", "tell"]

UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)
SAID = "jobs_said"
MOST_LINES = 200
LOOKS = {
    JobState.QUEUED: ":gray-badge[:material/hourglass_empty: Waits]",
    JobState.RUNNING: ":blue-badge[:material/sync: Runs]",
    JobState.DONE: ":green-badge[:material/check_circle: Done]",
    JobState.FAILED: ":red-badge[:material/error: Failed]",
    JobState.CANCELLED: ":gray-badge[:material/cancel: Cancelled]",
}
WORK = {
    "analyse": "Analyse",
    "retrain": "Retrain",
    "promote": "Promote a version of",
    "rollback": "Roll back",
    "retire": "Retire a version of",
}


def job_title(job: JobInfo) -> str:
    """What a job does, as text."""
    again = f", attempt {job.attempt}" if job.attempt > 1 else ""
    return f"{WORK.get(job.kind, job.kind)} {job.model}{again}"


def job_rows(jobs: tuple[JobInfo, ...]) -> None:
    """A row a job: what, where it stands, what it said last, who wanted it."""
    for job in jobs:
        left, right = st.columns([8, 3], vertical_alignment="center")
        with left:
            wanted = muted(f"{plain(job.created_by)}, {instant(job.created_at)}")
            st.markdown(f"{LOOKS[job.state]} **{plain(job_title(job))}** {wanted}  \n{plain(job.message)}")
            if job.state is JobState.RUNNING:
                st.progress(min(1.0, max(0.0, job.progress)), text=f"{job.progress:.0%}")
        with right, st.container(horizontal=True, vertical_alignment="center"):
            if st.button("Log", key=f"log {job.id}", type="tertiary"):
                st.session_state["job"] = job.id
                st.rerun()  # the whole page: this list may be a fragment of it
            if job.proposal_id is not None:
                number = str(job.proposal_id)
                st.page_link("views/review.py", label=f"Review {number}", query_params={"proposal": number})


def job_card(job: JobInfo) -> None:
    """One job: its facts, its log, and what may be done about it."""
    with st.container(border=True):
        st.markdown(f"{LOOKS[job.state]} **{plain(job_title(job))}**")
        left, right = st.columns([2, 3], gap="medium")
        with left:
            facts(
                {
                    "Job": plain(job.id),
                    "Wanted by": plain(job.created_by),
                    "Enqueued": instant(job.created_at),
                    "Started": instant(job.started_at) if job.started_at else f"{DASH} {muted('not yet')}",
                    "Ended": instant(job.finished_at) if job.finished_at else f"{DASH} {muted('not yet')}",
                    "Progress": f"{job.progress:.0%}",
                },
                alt="The job",
            )
            if job.proposal_id is not None:
                number = str(job.proposal_id)
                label = f"Proposal {number}"
                icon = ":material/rate_review:"
                st.page_link("views/review.py", label=label, icon=icon, query_params={"proposal": number})
        with right:
            lines = cached.workspace().jobs.log(current_actor(), job.id)
            shown = lines[-MOST_LINES:]
            if shown:
                rows = [[f"{line.at:%H:%M:%S}", plain(line.text)] for line in shown]
                cell_table(["UTC", "What it said"], rows, alt="Log of the job")
            else:
                st.markdown("It has said nothing yet.")
            if len(lines) > len(shown):
                st.markdown(muted(f"The last {len(shown)} of {len(lines):,} lines."))
        _cancel(job)
        _retry(job)


def _cancel(job: JobInfo) -> None:
    if job.state not in UNDER_WAY:
        return
    actor = current_actor()
    if not actor.may(Right.PROPOSE):
        st.markdown(muted(f"To cancel it is for {who_may(Right.PROPOSE)}."))
        return
    with st.form("cancel_job", border=False, enter_to_submit=False):
        reason = st.text_input("Why cancel it?", key=f"cancel_reason {job.id}", max_chars=1_000)
        if st.form_submit_button("Cancel the job", icon=":material/cancel:"):
            attempt(
                lambda: cached.workspace().jobs.cancel(actor, job.id, reason=reason), f"{job_title(job)}: cancelled."
            )


def _retry(job: JobInfo) -> None:
    """Run it again after it failed: that is a move of its proposal, with the rules of one."""
    if job.state not in (JobState.FAILED, JobState.CANCELLED) or job.proposal_id is None:
        return
    proposals, actor, number = cached.workspace().proposals, current_actor(), job.proposal_id
    if proposals.show(actor, number).job_id != job.id:
        st.markdown(muted("It was run again since."))
        return
    refused = proposals.refusals(actor, number)[Move.RETRY]
    if refused:
        st.markdown(muted(f"It can't be run again now. {plain(refused)}"))
        return
    with st.form("retry_job", border=False, enter_to_submit=False):
        reason = st.text_input("Why run it again?", key=f"retry_reason {job.id}", max_chars=1_000)
        if st.form_submit_button("Run it again", icon=":material/replay:"):
            attempt(lambda: proposals.retry(actor, number, reason=reason), f"{job_title(job)}: enqueued again.")


def attempt(work: Callable[[], object], done: str) -> None:
    """Do something and say so above, or say here why it can't be done. `done` is plain text."""
    try:
        work()
    except PlumblineError as error:
        st.markdown(f":red-badge[:material/error: Not done] {plain(error)}")
        return
    st.session_state[SAID] = done
    st.rerun()


def tell() -> None:
    """What was done just now."""
    done = st.session_state.pop(SAID, None)
    if done:
        st.markdown(f":green-badge[:material/check_circle: Done] {plain(done)}")
