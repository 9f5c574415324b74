"""The Jobs page says what runs and what ran, lets people cancel and retry, and sets when models are analysed."""

from __future__ import annotations

from datetime import time
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR, WORKER
from core.governance.proposals import ProposalKind
from core.services.jobs import JobInfo, JobState
from core.workspace import Workspace
from tests.dashboard.signing import (
    HOSTILE,
    CopyOf,
    OpenAs,
    actor,
    assert_escaped,
    links,
    sign,
    submit,
    words,
)


def job_of(folder: Path, kind: str) -> JobInfo:
    """The newest job of a kind."""
    space = Workspace.open(folder)
    found = next(job for job in space.jobs.list(actor("ada")) if job.kind == kind)
    space.close()
    return found


def test_jobs_say_where_they_stand_and_lead_to_their_review(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("vera", "jobs", signed_folder)
    assert not page.exception
    text = words(page)
    assert "1 job waits for a worker; 1 job failed when last run." in text
    assert "`plumbline worker`" in text
    for chip in ("hourglass_empty: Waits", "error: Failed", "check_circle: Done"):
        assert chip in text
    assert_escaped(page)
    assert [query for target, query in links(page) if target.endswith("review")] == [
        "proposal=4",
        "proposal=3",
        "proposal=2",
        "proposal=1",
    ]


def test_a_job_that_runs_shows_how_far_it_is(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    job = job_of(folder, "analyse")
    space = Workspace.open(folder)
    space.jobs.begin(WORKER, job.id)
    space.jobs.note(WORKER, job.id, "Counted a file.", progress=0.4)
    space.close()
    page = open_as("vera", "jobs", folder)
    assert not page.exception
    assert "1 job runs" in words(page)
    assert [bar.value for bar in page.get("progress")] == [40]
    assert "40%" in words(page)


def test_the_log_of_a_job_is_reached_by_its_address_and_by_its_button(open_as: OpenAs, signed_folder: Path) -> None:
    job = job_of(signed_folder, "retrain")
    page = open_as("vera", "jobs", signed_folder, job=job.id)
    assert page.selectbox(key="job").value == job.id
    said = next(table.value for table in page.table if "What it said" in table.value.columns)
    assert len(said) >= 3
    assert_escaped(page)
    page = open_as("vera", "jobs", signed_folder)
    page.button(key=f"log {job.id}").click().run()
    assert page.selectbox(key="job").value == job.id
    assert any("What it said" in table.value.columns for table in page.table)


def test_an_unknown_job_in_the_address_is_no_error(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("vera", "jobs", signed_folder, job=HOSTILE)
    assert not page.exception
    assert "Choose a job to read its log." in words(page)


def test_a_waiting_job_is_cancelled_with_a_reason(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    job = job_of(folder, "analyse")
    page = open_as("ada", "jobs", folder, job=job.id)
    submit(page, "Cancel the job")
    assert "Cancelling needs a reason." in words(page)
    assert job_of(folder, "analyse").state is JobState.QUEUED
    page.text_input(key=f"cancel_reason {job.id}").set_value(f"not now {HOSTILE}")
    submit(page, "Cancel the job")
    assert not page.exception
    assert "Analyse loans: cancelled." in words(page)
    assert job_of(folder, "analyse").state is JobState.CANCELLED
    assert_escaped(page)


def test_a_job_that_ended_meanwhile_cannot_be_cancelled(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    job = job_of(folder, "analyse")
    page = open_as("ada", "jobs", folder, job=job.id)
    space = Workspace.open(folder)
    space.jobs.begin(WORKER, job.id)
    space.jobs.finish(WORKER, job.id, "All counted.")
    space.close()
    page.run()
    assert "Cancel the job" not in [button.label for button in page.button]


def test_a_failed_job_runs_again_as_a_move_of_its_proposal(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    job = job_of(folder, "retrain")
    page = open_as("ada", "jobs", folder, job=job.id)
    page.text_input(key=f"retry_reason {job.id}").set_value("The disk was emptied.")
    submit(page, "Run it again")
    assert not page.exception
    assert "Retrain loans: enqueued again." in words(page)
    again = job_of(folder, "retrain")
    assert (again.attempt, again.state) == (2, JobState.QUEUED)
    page = open_as("ada", "jobs", folder, job=job.id)
    assert "It was run again since." in words(page)
    assert "Run it again" not in [button.label for button in page.button]


def test_who_may_not_is_told_who_may(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("vera", "jobs", signed_folder, job=job_of(signed_folder, "retrain").id)
    text = words(page)
    assert "It can't be run again now. You (viewer) may not retry" in text
    assert "To change that, or to have a model analysed now, is for an engineer." in text
    page = open_as("alma", "jobs", signed_folder, job=job_of(signed_folder, "analyse").id)
    assert "To cancel it is for an engineer, a reviewer, a validator or an owner." in words(page)
    assert not {"Cancel the job", "Set", "Analyse now"} & {button.label for button in page.button}


def test_nightly_analyses_are_set_and_ended(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    page = open_as("ada", "jobs", folder)
    assert "only when asked" in words(page)
    page.time_input(key="schedule_at").set_value(time(3, 15))
    submit(page, "Set")
    assert not page.exception
    assert "loans: analysed every night at 03:15." in words(page)
    assert "every night at 03:15 :small[:gray[UTC]]" in words(page)
    page.button_group(key="schedule_choice").set_value("Off")
    submit(page, "Set")
    assert "loans: analysed only when asked." in words(page)
    space = Workspace.open(folder)
    assert space.jobs.schedules(actor("ada")) == ()
    space.close()


def test_analyse_now_enqueues_a_job(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    before = job_of(folder, "analyse").id
    page = open_as("ada", "jobs", folder)
    submit(page, "Analyse now")
    assert not page.exception
    assert "loans: an analysis is enqueued." in words(page)
    assert job_of(folder, "analyse").id != before
    assert "2 jobs wait for a worker" in words(page)


def test_a_deployment_that_had_its_effect_cannot_be_cancelled(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    space = Workspace.open(folder)
    job_id = sign(space, ProposalKind.ROLLBACK, "v2", by="otto", why="it is better.")
    space.jobs.begin(WORKER, job_id)
    space.execution.deploy(WORKER, job_id)
    space.close()
    page = open_as("ada", "jobs", folder, job=job_id)
    page.text_input(key=f"cancel_reason {job_id}").set_value("too late?")
    submit(page, "Cancel the job")
    assert "has had its effect already" in words(page)


@pytest.mark.parametrize("who", ["ada", "root"])
def test_an_empty_workspace_says_how_to_begin(open_as: OpenAs, empty_folder: Path, who: str) -> None:
    page = open_as(who, "jobs", empty_folder)
    assert not page.exception
    assert "There is no model yet." in words(page)


def test_the_local_operator_may_analyse(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as(LOCAL_OPERATOR, "jobs", signed_folder)
    assert "Analyse now" in [button.label for button in page.button]
