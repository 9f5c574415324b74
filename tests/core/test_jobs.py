"""Jobs run in real workers that are killed with SIGKILL: every job ends, its effect is there once, nothing is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from core.actions.targets.command import PROGRAMS
from core.errors import ConflictError, InputError
from core.governance.identity import LOCAL_OPERATOR as ME
from core.governance.identity import WORKER
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.jobs import run_worker
from core.record import BatchRole
from core.services.jobs import JobInfo, JobState
from core.services.versions import VersionState
from core.workspace import Workspace
from tests.builders import SCHEMA, START, rows, write_csv
from tests.governed import MODEL, Governed, build
from tests.worker_process import Order, Place

ROOT = Path(__file__).resolve().parents[2]
RECIPE = 'estimator = "linear"\nmin_rows = 50\n'
JOBS, EXECUTION = "core.services.jobs:JobService", "core.services.execution:ExecutionService"

BEGIN = (
    Place(function=f"{JOBS}.begin"),
    Place(function=f"{JOBS}._start", when="after"),  # in its transaction
    Place(function=f"{JOBS}.begin", when="after"),
)
PLACE = (
    Place(function="core.services.placement:PlacementService._note"),
    Place(function="core.services.placement:PlacementService._note", when="after"),  # it is known to be begun
    Place(function="core.actions.targets.command:Command.put"),
    Place(function="core.actions.targets.command:Command.put", when="after"),  # it is done, and not known to be
    Place(function="core.services.placement:PlacementService._note", when="after"),
    Place(function="core.services.placement:PlacementService.carry_out", when="after"),
)
FINISH = (
    Place(function=f"{JOBS}.finish"),
    Place(function=f"{JOBS}._end", when="after"),  # in its transaction
    Place(function=f"{JOBS}.finish", when="after"),
)
DEPLOY = (
    Place(function=f"{EXECUTION}.deploy"),
    Place(function="core.actions.targets.registry:RegistryTarget.deploy", when="after"),
    Place(function="core.services.execution:append", when="after"),
    Place(function=f"{EXECUTION}.deploy", when="after"),
)
TRAIN = (
    Place(function=f"{EXECUTION}.train"),
    Place(function=f"{JOBS}.note", when="after"),
    Place(function="core.actions.retrain.trainer:train", when="after"),
    Place(function="core.services.records:RecordService.add", when="after"),
    Place(function="core.services.versions:append", when="after"),
    Place(function="core.services.versions:VersionService.add", when="after"),
    Place(function=f"{EXECUTION}.train", when="after"),
    Place(function=f"{EXECUTION}.propose_promotion"),
    Place(function="core.services.proposals:keep", when="after"),
    Place(function=f"{EXECUTION}.propose_promotion", when="after"),
)
ANALYSE = (
    Place(function=f"{JOBS}.begin"),
    Place(function=f"{JOBS}.begin", when="after"),
    Place(function=f"{EXECUTION}.analyse"),
    Place(function="core.services.profiles:ProfileService.refresh", when="after"),
    Place(function="core.services.proposals:keep", when="after"),
    Place(function=f"{EXECUTION}.analyse", when="after"),
)
FAIL = (
    Place(function=f"{JOBS}.fail"),
    Place(function=f"{JOBS}._end", when="after"),
    Place(function=f"{JOBS}.fail", when="after"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Workers:
    """Runs workers on a governed workspace."""

    program: subprocess.Popen[str]
    log: Path

    def start(
        self, governed: Governed, until: str | None, *, kill: Place | None = None, hold: Place | None = None
    ) -> int:
        """A worker; its process id."""
        workspace = governed.workspace
        order = Order(
            folder=str(workspace.folder),
            database_url=workspace.database.url.render_as_string(hide_password=False),
            now=governed.clock().isoformat(),
            until=until,
            kill=kill,
            hold=hold,
            log=str(self.log),
        )
        return int(self._ask(order.to_dict()))

    def wait(self, pid: int) -> int:
        """How a worker ended: its exit code, or minus the signal that killed it."""
        return int(self._ask({"wait": pid}))

    def finish(self, governed: Governed, job_id: str | None) -> JobInfo:
        """Run a worker that nothing disturbs until a job's workflow has ended."""
        assert job_id is not None
        assert self.wait(self.start(governed, job_id)) == 0, self.log.read_text()
        return governed.workspace.jobs.show(ME, job_id)

    def survive(self, governed: Governed, job_id: str | None, places: tuple[Place, ...]) -> JobInfo:
        """Kill one worker after the other, each at the next place; then let one finish the job."""
        for place in places:
            ended = self.wait(self.start(governed, job_id, kill=place))
            assert ended == -signal.SIGKILL, self._story(governed, job_id, place)
        return self.finish(governed, job_id)

    def _story(self, governed: Governed, job_id: str | None, place: Place) -> str:
        lines = [line.text for line in governed.workspace.jobs.log(ME, job_id or "")]
        return f"{place} was not reached: {lines} {self.log.read_text()}"

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(json.dumps(question) + "\n")
        self.program.stdin.flush()
        return json.loads(self.program.stdout.readline())


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two programs, which say and change what is in force in state.json, and count how often."""
    folder = tmp_path_factory.mktemp("programs")
    put = """import json, pathlib, sys
here = pathlib.Path(sys.argv[0]).parent
(here / "state.json").write_text(json.dumps({"version": json.load(sys.stdin)["version"]}))
(here / "log").open("a").write("put\\n")
"""
    (folder / "put").write_text(f"#!{sys.executable}\n{put}")
    (folder / "state").write_text(f"#!/bin/sh\ncat {folder}/state.json\n")
    (folder / "state.json").write_text('{"version": null}')
    for name in ("put", "state"):
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def program(programs: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.worker_process"]
    pipe, environment = subprocess.PIPE, {**os.environ, PROGRAMS: str(programs)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdin=pipe, stdout=pipe, text=True) as started:
        yield started
        assert started.stdin is not None
        started.stdin.close()


@pytest.fixture
def workers(program: subprocess.Popen[str], tmp_path: Path) -> Workers:
    return Workers(program=program, log=tmp_path / "workers.log")


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    found = build(tmp_path)
    yield found
    found.workspace.close()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Governed]:
    """A governed workspace, once on SQLite and once on PostgreSQL."""
    is_sqlite = request.param == "sqlite"
    found = build(tmp_path, database_url=None if is_sqlite else request.getfixturevalue("postgres_url"))
    yield found
    found.workspace.close()


def approved(governed: Governed, kind: ProposalKind, version: str | None = None, **arguments: object) -> str:
    """A proposal that was approved; its job."""
    opened = governed.workspace.proposals.open(
        governed.ada, MODEL, kind, version, reason="the drift of May", arguments=arguments
    )
    job_id = governed.decide(opened.proposal.id).job_id
    assert job_id is not None
    return job_id


def put_in_force(governed: Governed, workers: Workers, version: str) -> None:
    """Promote a version by a worker."""
    assert workers.finish(governed, approved(governed, ProposalKind.PROMOTE, version)).state is JobState.DONE


def actions(governed: Governed) -> list[str]:
    """What the ledger tells of, in order."""
    return [entry.action for entry in reversed(governed.workspace.ledger.list(ME, newest=1000))]


def assert_ledger_holds(governed: Governed) -> None:
    check = governed.workspace.ledger.verify(ME)
    assert check.is_intact, check.problems


def champion(governed: Governed) -> str | None:
    found = governed.workspace.versions.in_force(ME, MODEL)
    return None if found is None else found.version


# Killed at every boundary of every step, and inside of each


def test_a_promotion_survives_a_kill_at_every_place(either: Governed, workers: Workers) -> None:
    job = workers.survive(either, approved(either, ProposalKind.PROMOTE, "v2"), (*BEGIN, *DEPLOY, *FINISH))
    assert (job.state, job.progress) == (JobState.DONE, 1.0)
    assert [(d.version, d.until) for d in either.workspace.versions.history(ME, MODEL)] == [("v2", None)]
    assert either.workspace.proposals.gate(ME, MODEL, "v2").is_open
    assert_ledger_holds(either)
    told = actions(either)
    assert [told.count(name) for name in ("proposal.start", "version.deploy", "proposal.finish")] == [1, 1, 1]


def test_a_retraining_survives_a_kill_at_every_place(either: Governed, workers: Workers) -> None:
    put_in_force(either, workers, "v1")  # what served the records
    space, asked = either.workspace, approved(either, ProposalKind.RETRAIN, recipe=RECIPE)
    job = workers.survive(either, asked, (*BEGIN, *TRAIN, *FINISH))
    assert (job.state, job.progress) == (JobState.DONE, 1.0), job.message
    candidates = [v for v in space.versions.list(ME, MODEL) if v.artefact_sha256 and v.name != "v2"]
    assert [(v.state, v.parent) for v in candidates] == [(VersionState.CANDIDATE, "v1")]
    name = candidates[0].name
    evaluations = [b for b in space.batches.list(ME, MODEL) if b.evaluated_version == name]
    assert [(b.n_rejected, b.retracted_at) for b in evaluations] == [(0, None)]
    asks = [p for p in space.proposals.list(ME) if p.version == name]
    assert [(p.kind, p.state, p.requester) for p in asks] == [(ProposalKind.PROMOTE, ProposalState.OPEN, "ada")]
    assert_ledger_holds(either)
    told = actions(either)
    assert [told.count(name) for name in ("proposal.start", "version.add", "proposal.finish")] == [2, 2, 2]


def test_an_analysis_survives_a_kill_at_every_place_and_its_alarm_asks_once(either: Governed, workers: Workers) -> None:
    space = either.workspace
    space.models.add(ME, "moved", SCHEMA)
    space.records.add(ME, "moved", [write_csv(either.file(), rows(400))], role=BatchRole.REFERENCE)
    twice = [
        [*r[:3], float(str(r[3])) * 2, *r[4:]] for r in rows(80, start=START + timedelta(days=10), days=2, prefix="q")
    ]
    space.records.add(ME, "moved", [write_csv(either.file(), twice)])
    job = workers.survive(either, space.jobs.analyse(either.ada, "moved").id, (*ANALYSE, *FINISH))
    assert job.state is JobState.DONE, job.message
    drafts = space.proposals.list(ME, "moved")
    assert [(p.kind, p.state, p.requester) for p in drafts] == [(ProposalKind.RETRAIN, ProposalState.DRAFT, None)]
    assert (
        drafts[0].reason == "Alert 1, 2026-01-11: More of amount is outside anything the reference had; amount moved."
    )
    assert_ledger_holds(either)


@pytest.mark.parametrize("kind", [ProposalKind.ROLLBACK, ProposalKind.RETIRE])
def test_returning_to_a_version_and_retiring_one_survive_kills(
    governed: Governed, workers: Workers, kind: ProposalKind
) -> None:
    put_in_force(governed, workers, "v2")
    governed.register("v3")
    put_in_force(governed, workers, "v3")
    version, after = ("v2", "v2") if kind is ProposalKind.ROLLBACK else ("v3", None)
    job = workers.survive(governed, approved(governed, kind, version), (*DEPLOY, *FINISH))
    assert job.state is JobState.DONE, job.message
    assert [d.version for d in governed.workspace.versions.history(ME, MODEL)] == ["v2", "v3", after]
    assert governed.workspace.versions.show(ME, MODEL, "v3").state is VersionState.RETIRED
    assert actions(governed).count("version.deploy") == 3
    assert_ledger_holds(governed)


def test_a_promotion_to_a_target_survives_a_kill_at_every_place(
    governed: Governed, workers: Workers, programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PROGRAMS, str(programs))
    governed.workspace.targets.set(governed.root, MODEL, 'kind = "command"\nread = ["state"]\nput = ["put"]')
    job = workers.survive(governed, approved(governed, ProposalKind.PROMOTE, "v2"), PLACE)
    assert job.state is JobState.DONE, job.message
    assert "said none, was set to v2 and says v2" in job.message
    assert (programs / "log").read_text() == "put\n"
    told = actions(governed)
    assert [told.count(name) for name in ("target.begin", "target.done", "version.deploy")] == [1, 1, 1]
    assert_ledger_holds(governed)


def test_a_failure_survives_kills_and_is_told_once(governed: Governed, workers: Workers) -> None:
    job = workers.survive(governed, approved(governed, ProposalKind.RETRAIN), FAIL)
    assert job.state is JobState.FAILED
    assert "500" in job.message
    assert actions(governed).count("proposal.fail") == 1
    assert_ledger_holds(governed)


def test_a_worker_told_to_stop_ends_after_the_job_it_runs(governed: Governed, workers: Workers) -> None:
    space, asked = governed.workspace, approved(governed, ProposalKind.RETRAIN, recipe=RECIPE)
    other = approved(governed, ProposalKind.PROMOTE, "v2")
    place = Place(function="core.actions.retrain.trainer:train", when="after")
    pid = workers.start(governed, None, hold=place)
    wait_for(governed.workspace.folder / "reached")
    os.kill(pid, signal.SIGTERM)
    time.sleep(0.2)
    with pytest.raises(ConflictError, match="A worker runs"):
        run_worker(space, stop=threading.Event())
    (space.folder / "go").touch()
    assert workers.wait(pid) == 0
    job = space.jobs.show(ME, asked)
    assert job.state is JobState.DONE, job.message
    assert space.jobs.show(ME, other).state is JobState.QUEUED
    assert workers.finish(governed, other).state is JobState.DONE
    assert_ledger_holds(governed)


# One worker


def test_a_second_worker_is_refused(either: Governed, workers: Workers, tmp_path: Path) -> None:
    job_id = approved(either, ProposalKind.PROMOTE, "v2")
    folder, database = either.workspace.folder, either.workspace.database
    pid = workers.start(either, None, hold=Place(function=f"{JOBS}.begin", when="after"))
    wait_for(folder / "reached")
    refused = [either.workspace]
    if not database.is_sqlite:  # another machine's folder, the same database
        url = database.url.render_as_string(hide_password=False)
        refused.append(Workspace.open(tmp_path / "elsewhere", database_url=url))
    for workspace in refused:
        with pytest.raises(ConflictError, match=r"A worker runs on .* already"):
            run_worker(workspace, stop=threading.Event())
    assert either.workspace.jobs.show(ME, job_id).state is JobState.RUNNING
    (folder / "go").touch()
    os.kill(pid, signal.SIGTERM)
    assert workers.wait(pid) == 0
    assert workers.finish(either, job_id).state is JobState.DONE
    for workspace in refused[1:]:
        workspace.close()


# Cancelled, failed, stale


def test_a_job_cancelled_while_it_waits_never_starts_and_can_be_retried(governed: Governed, workers: Workers) -> None:
    space, job_id = governed.workspace, approved(governed, ProposalKind.PROMOTE, "v2")
    with pytest.raises(InputError, match="needs a reason"):
        space.jobs.cancel(governed.ada, job_id, reason=" ")
    space.jobs.cancel(governed.ada, job_id, reason="the wrong week")
    job = workers.finish(governed, job_id)
    assert (job.state, job.started_at) == (JobState.CANCELLED, None)
    assert job.message == "Cancelled by ada: the wrong week"
    assert champion(governed) is None
    with pytest.raises(ConflictError, match="nothing to cancel"):
        space.jobs.cancel(governed.ada, job_id, reason="again")
    again = space.proposals.retry(governed.ada, job.proposal_id or 0, reason="the right week")
    assert workers.finish(governed, again.job_id).state is JobState.DONE
    assert champion(governed) == "v2"
    assert_ledger_holds(governed)


def test_a_job_cancelled_while_it_runs_has_no_effect(governed: Governed, workers: Workers) -> None:
    space, job_id = governed.workspace, approved(governed, ProposalKind.RETRAIN, recipe=RECIPE)
    pid = workers.start(governed, job_id, hold=Place(function="core.actions.retrain.trainer:train", when="after"))
    wait_for(space.folder / "reached")
    space.jobs.cancel(governed.ada, job_id, reason="it learns from the incident")
    (space.folder / "go").touch()
    assert workers.wait(pid) == 0
    job = space.jobs.show(ME, job_id)
    assert (job.state, job.message) == (JobState.CANCELLED, "Cancelled by ada: it learns from the incident")
    assert {v.name for v in space.versions.list(ME, MODEL)} == {"v1", "v2"}
    assert {b.evaluated_version for b in space.batches.list(ME, MODEL)} == {None, "v2"}
    assert space.proposals.show(ME, job.proposal_id or 0).state is ProposalState.FAILED
    assert_ledger_holds(governed)


def test_training_on_too_few_records_fails_with_the_reason_and_can_be_retried(
    governed: Governed, workers: Workers
) -> None:
    job = workers.finish(governed, approved(governed, ProposalKind.RETRAIN))
    assert job.state is JobState.FAILED
    assert "min_rows" in job.message or "500" in job.message
    proposals = governed.workspace.proposals
    assert proposals.show(ME, job.proposal_id or 0).state is ProposalState.FAILED
    again = proposals.retry(governed.ada, job.proposal_id or 0, reason="perhaps now")
    assert again.job_id != job.id
    second = workers.finish(governed, again.job_id)
    assert (second.state, second.attempt, second.message) == (JobState.FAILED, 2, job.message)
    governed.label()
    with pytest.raises(ConflictError, match="stale"):
        proposals.retry(governed.ada, job.proposal_id or 0, reason="and now")
    assert len(governed.workspace.jobs.list(ME)) == 2
    assert_ledger_holds(governed)


def test_an_approval_that_went_stale_before_the_start_does_nothing_and_says_so(
    governed: Governed, workers: Workers
) -> None:
    space, job_id = governed.workspace, approved(governed, ProposalKind.PROMOTE, "v2")
    governed.evaluate("v2", n=90, seed=9)
    job = workers.finish(governed, job_id)
    assert job.state is JobState.FAILED
    assert job.message.startswith("The approval is stale: evaluation v2 has changed")
    assert job.message.endswith("Nothing was done.")
    assert champion(governed) is None
    assert "proposal.start" not in actions(governed)
    number = job.proposal_id or 0
    with pytest.raises(ConflictError, match="stale"):
        space.proposals.retry(governed.ada, number, reason="again")
    space.proposals.refresh(governed.ada, number, reason="with the new evaluation")
    decided = space.proposals.decide(governed.ines, number, Move.APPROVE, reason="looked again")
    assert workers.finish(governed, decided.job_id).state is JobState.DONE
    assert champion(governed) == "v2"
    assert_ledger_holds(governed)


# Every night, once


@pytest.mark.parametrize(
    ("start", "nights"),
    [
        (datetime(2026, 3, 27, 12, tzinfo=UTC), ["28", "29", "30", "31"]),  # 02:30 is skipped in Berlin on the 29th
        (datetime(2026, 10, 23, 12, tzinfo=UTC), ["24", "25", "26", "27"]),  # and comes twice on October 25th
    ],
)
def test_each_night_is_enqueued_once_in_the_models_own_zone(
    governed: Governed, start: datetime, nights: list[str]
) -> None:
    space, governed.clock.now = governed.workspace, start
    for name, zone, at in (("berlin", "Europe/Berlin", "02:30"), ("honolulu", "Pacific/Honolulu", "23:50")):
        space.models.add(ME, name, SCHEMA.replace('"UTC"', f'"{zone}"'))
        found = space.jobs.schedule(governed.ada, name, at)
        assert found is not None
        assert (found.at, found.timezone) == (at, zone)
    midnight = start.replace(hour=0)
    for day, minute in product(range(5), (0, 40, 80, 120, 160, 600, 1_080)):  # often about 02:30 in Berlin
        governed.clock.now = max(start, midnight + timedelta(days=day, minutes=minute))
        space.jobs.enqueue_due(WORKER)
    jobs = sorted(space.jobs.list(ME, "berlin"), key=lambda job: job.created_at)
    assert [job.id[-2:] for job in jobs] == nights
    assert all(timedelta(0) <= job.created_at - due(job) <= timedelta(hours=1) for job in jobs)
    assert len(space.jobs.list(ME, "honolulu")) == 4
    assert space.jobs.schedule(governed.ada, "berlin", None) is None
    governed.clock.advance(days=1)
    space.jobs.enqueue_due(WORKER)
    assert len(space.jobs.list(ME, "berlin")) == 4
    with pytest.raises(InputError, match="no time of day"):
        space.jobs.schedule(governed.ada, "berlin", "24:00")


def due(job: JobInfo) -> datetime:
    """02:30 in Berlin of the night that a job's id names, as UTC: an hour later while it is winter."""
    night = datetime.fromisoformat(f"{job.id[-10:]}T00:30+00:00")
    is_winter = not datetime(2026, 3, 29, tzinfo=UTC) < night < datetime(2026, 10, 26, tzinfo=UTC)
    return night + timedelta(hours=1) if is_winter else night


def wait_for(path: Path) -> None:
    end = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < end, f"{path} did not appear"
        time.sleep(0.02)
