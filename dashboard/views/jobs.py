"""What runs, what ran, and what is analysed by itself every night?"""

from datetime import time

import streamlit as st

from core.governance.identity import Right
from core.services.jobs import JobInfo, JobState
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import header, no_model
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.permission import who_may
from dashboard.components.worklist import UNDER_WAY, attempt, job_card, job_rows, job_title, tell
from dashboard.text import instant, muted, plain, plural

EVERY_SECONDS = 2.0
SHOWN = 10
OFF, NIGHTLY = "Off", "Every night"
USUAL = time(2, 30)


def asked() -> tuple[JobInfo, ...]:
    """All jobs, the newest first."""
    return cached.workspace().jobs.list(current_actor())


def summary(jobs: tuple[JobInfo, ...]) -> str:
    """How many jobs run, wait and failed, in a sentence."""
    if not jobs:
        return "No job has run yet."
    running = sum(job.state is JobState.RUNNING for job in jobs)
    waiting = sum(job.state is JobState.QUEUED for job in jobs)
    last = {(job.model, job.kind): job for job in reversed(jobs)}.values()
    failed = [job for job in last if job.state is JobState.FAILED]
    parts = []
    if running:
        parts.append(f"{plural(running, 'job runs', 'jobs run')}")
    if waiting:
        parts.append(f"{plural(waiting, 'job waits', 'jobs wait')} for a worker")
    if not parts:
        parts.append("No job is under way")
    if failed:
        parts.append(f"{plural(len(failed), 'job', 'jobs')} failed when last run")
    return f"{'; '.join(parts)}."


def job_list(*, was_under_way: bool) -> None:
    """The newest jobs; asked for again while one is under way, and the whole page once when none is any more."""
    jobs = asked()
    st.markdown(f"### {summary(jobs)}", anchors=False)
    if any(job.state is JobState.QUEUED for job in jobs) and not any(job.state is JobState.RUNNING for job in jobs):
        st.markdown(
            "A job that waits is taken up by a worker: `plumbline up` runs one, and so does `plumbline worker`."
        )
    if jobs:
        with st.container(border=True, key="jobs"):
            job_rows(jobs[:SHOWN])
            if len(jobs) > SHOWN:
                show_numbers(
                    ["Job", "State", "What it said", "Wanted by", "When"],
                    [
                        (job_title(j), str(j.state), j.message, j.created_by, instant(j.created_at))
                        for j in jobs[SHOWN:]
                    ],
                    alt="Earlier jobs",
                    label=f"Show {plural(len(jobs) - SHOWN, 'earlier job')}",
                )
    if was_under_way and not _under_way(jobs):
        st.rerun()


def _under_way(jobs: tuple[JobInfo, ...]) -> bool:
    return any(job.state in UNDER_WAY for job in jobs)


def look_into(jobs: tuple[JobInfo, ...]) -> None:
    """One job with its log."""
    st.subheader("What did a job do?", anchor=False)
    titles = {job.id: f"{job_title(job)}, {instant(job.created_at)} ({job.state})" for job in jobs}
    if "job" not in st.session_state and st.query_params.get("job") in titles:
        st.session_state["job"] = st.query_params["job"]
    chosen = st.selectbox(
        "Job", list(titles), index=None, key="job", format_func=titles.__getitem__, placeholder="Choose a job"
    )
    if chosen:
        st.query_params["job"] = chosen  # its name, not its title as the widget itself would have it
    else:
        st.query_params.pop("job", None)
    job = next((job for job in jobs if job.id == chosen), None)
    if job is None:
        st.markdown(muted("Choose a job to read its log."))
        return
    if job.state in UNDER_WAY:
        st.fragment(lambda: job_card(cached.workspace().jobs.show(current_actor(), job.id)), run_every=EVERY_SECONDS)()
    else:
        job_card(job)


def nightly(models: list[str]) -> None:
    """Which models are analysed every night, when, and the form that sets it."""
    st.subheader("Which models are analysed by themselves?", anchor=False)
    jobs, actor = cached.workspace().jobs, current_actor()
    schedules = {found.model: found for found in jobs.schedules(actor)}
    cell_table(
        ["Model", "Analysed", "Set by"],
        [
            [
                plain(model),
                f"every night at {found.at} {muted(plain(found.timezone))}" if found else "only when asked",
                plain(found.created_by) if found else "—",
            ]
            for model in models
            for found in [schedules.get(model)]
        ],
        alt="Nightly analyses",
    )
    if not actor.may(Right.CONFIGURE):
        st.markdown(muted(f"To change that, or to have a model analysed now, is for {who_may(Right.CONFIGURE)}."))
        return
    left, right = st.columns(2, gap="medium")
    with left, st.form("schedule", border=True):
        model = st.selectbox("Model", models, key="schedule_model")
        choice = st.segmented_control(
            "Analyse it", [NIGHTLY, OFF], default=NIGHTLY, key="schedule_choice", required=True
        )
        at = st.time_input("At, in the model's time zone", value=USUAL, key="schedule_at")
        if st.form_submit_button("Set"):
            chosen = None if choice == OFF or at is None else f"{at:%H:%M}"
            done = f"{model}: analysed {f'every night at {chosen}' if chosen else 'only when asked'}."
            attempt(lambda: jobs.schedule(actor, model, chosen), done)
    with right, st.form("analyse", border=True):
        model = st.selectbox("Model", models, key="analyse_model")
        st.markdown(muted("Counts what is new and judges it; an alarm leaves a draft of a proposal."))
        if st.form_submit_button("Analyse now", icon=":material/play_arrow:"):
            attempt(lambda: jobs.analyse(actor, model), f"{model}: an analysis is enqueued.")


def page() -> None:
    header("Jobs")
    models = [info.name for info in cached.workspace().models.list(current_actor())]
    if not models:
        no_model()
        return
    tell()
    jobs = asked()
    busy = _under_way(jobs)
    st.fragment(lambda: job_list(was_under_way=busy), run_every=EVERY_SECONDS if busy else None)()
    st.space(4)
    look_into(jobs)
    st.space(4)
    nightly(models)


page()
