"""Jobs: what a worker does, did or will do, with progress and log; and when models are analysed by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, PlumblineError, UnknownNameError
from core.governance.identity import Actor, Right, allowed
from core.governance.proposals import Move, ProposalState, next_state
from core.services.approval import approval_lacks
from core.services.evidence import EvidenceService
from core.services.moves import note_move
from core.services.placement import has_begun
from core.services.watch_changes import done_by
from core.storage.database import Database
from core.storage.ledger import append, read_evidence
from core.storage.queue import JobQueue
from core.storage.repository import Repository
from core.storage.signing import DeploymentRow, JobLogRow, JobRow, ProposalRow, ScheduleRow
from core.storage.tables import ModelRow
from core.storage.worker import WorkerLock

__all__ = ["JobCancelledError", "JobInfo", "JobLine", "JobService", "JobState", "ScheduleInfo"]

ANALYSE = "analyse"
LATEST = timedelta(hours=6)  # a worker that was away for longer leaves a night's analysis to the next night


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


UNDER_WAY = (JobState.QUEUED, JobState.RUNNING)


class JobCancelledError(PlumblineError):
    """Somebody cancelled the job that runs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInfo:
    """A job; `progress` is a ratio 0..1."""

    id: str
    kind: str
    model: str
    proposal_id: int | None
    attempt: int
    state: JobState
    progress: float
    message: str
    created_at: datetime
    created_by: str
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobLine:
    """One line of a job's log."""

    at: datetime
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleInfo:
    """A model that is analysed every night, at this time of its own zone."""

    model: str
    at: str
    timezone: str
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobService:
    """Look at jobs, cancel them, and, for the worker, move them on."""

    database: Database
    evidence: EvidenceService
    queue: JobQueue
    worker_lock: WorkerLock
    clock: Callable[[], datetime]

    @allowed(Right.READ)
    def list(self, actor: Actor, model: str | None = None) -> tuple[JobInfo, ...]:  # noqa: ARG002 (every call takes it)
        """All jobs, of one model or all, the newest first."""
        with self.database.read() as session:
            query = select(JobRow).order_by(JobRow.created_at.desc(), JobRow.id.desc())
            if model is not None:
                query = query.where(JobRow.model_id == Repository(session).model(model).id)
            return tuple(_info(session, row) for row in session.scalars(query).all())

    @allowed(Right.READ)
    def show(self, actor: Actor, job_id: str) -> JobInfo:  # noqa: ARG002
        """One job; raises UnknownNameError."""
        with self.database.read() as session:
            return _info(session, _job(session, job_id))

    @allowed(Right.READ)
    def log(self, actor: Actor, job_id: str) -> tuple[JobLine, ...]:  # noqa: ARG002
        """What a job said, the first line before the others."""
        with self.database.read() as session:
            query = select(JobLogRow).where(JobLogRow.job_id == _job(session, job_id).id).order_by(JobLogRow.id)
            return tuple(JobLine(at=row.at, text=row.text) for row in session.scalars(query))

    @allowed(Right.PROPOSE)
    def cancel(self, actor: Actor, job_id: str, *, reason: str) -> JobInfo:
        """Stop a job before it has an effect; its proposal counts as failed and can be retried."""
        if not reason.strip():
            raise InputError("Cancelling needs a reason.")
        self.queue.prepare()
        with self.database.read() as session:
            model_id = _job(session, job_id).model_id
        with self.database.write(f"model {model_id}") as session:
            row = _job(session, job_id)
            if row.state not in UNDER_WAY:
                raise ConflictError(f"Job {job_id} is {row.state}: there is nothing to cancel.")
            done = select(DeploymentRow.id).where(DeploymentRow.proposal_id == row.proposal_id)
            proposal = None if row.proposal_id is None else session.get_one(ProposalRow, row.proposal_id)
            if proposal is not None and done_by(session, proposal) is not None:
                raise ConflictError(f"Job {job_id} has had its effect already: to undo it, revoke the approval.")
            if session.scalar(done) is not None:
                raise ConflictError(f"Job {job_id} has had its effect already: to undo it, propose to roll back.")
            if proposal is not None and has_begun(session, proposal):
                raise ConflictError(f"Job {job_id} has begun to change the target: let it end, then roll back.")
            found = self._end(session, actor, row, JobState.CANCELLED, f"Cancelled by {actor.name}: {reason.strip()}")
        self.queue.cancel(job_id)
        return found

    @allowed(Right.CONFIGURE)
    def analyse(self, actor: Actor, model: str) -> JobInfo:
        """Have a worker count what is new and judge it, now."""
        return self._enqueue_analysis(actor, model, f"{ANALYSE}-{{}}-{self.clock():%Y%m%dT%H%M%S%f}")

    @allowed(Right.INGEST)
    def recount(self, actor: Actor, model: str) -> JobInfo | None:
        """Leave it to the worker to count all anew for a new reference or schema: its job, the same until it ends.

        None where nothing is counted anew, no worker runs, or its job ended without that: then whoever asked counts.
        """
        found = self.evidence.profiles.recount(actor, model)
        if found is None or not self.worker_lock.is_held():
            return None
        job = self._enqueue_analysis(actor, model, f"{ANALYSE}-{{}}-{found.basis[:16]}")
        return job if job.state in UNDER_WAY else None

    @allowed(Right.CONFIGURE)
    def schedule(self, actor: Actor, model: str, at: str | None) -> ScheduleInfo | None:
        """Analyse a model every night at HH:MM of its own time zone; None ends that."""
        minute = None if at is None else _minute(at)
        with self.database.write() as session:
            row = Repository(session).model(model)
            known = session.get(ScheduleRow, row.id)
            if known is not None:
                session.delete(known)
                session.flush()
            if minute is not None:
                session.add(ScheduleRow(model_id=row.id, minute=minute, created_at=self.clock(), created_by=actor.name))
            append(
                session,
                at=self.clock(),
                actor=actor.name,
                action="schedule.set",
                objects={"model": model, "analyse_at": at},
            )
        return next((found for found in self.schedules(actor) if found.model == model), None)

    @allowed(Right.READ)
    def schedules(self, actor: Actor) -> tuple[ScheduleInfo, ...]:  # noqa: ARG002
        """Which models are analysed every night, and when."""
        with self.database.read() as session:
            return tuple(
                ScheduleInfo(
                    model=session.get_one(ModelRow, row.model_id).name,
                    at=f"{row.minute // 60:02d}:{row.minute % 60:02d}",
                    timezone=Repository(session).schema(session.get_one(ModelRow, row.model_id)).timezone,
                    created_at=row.created_at,
                    created_by=row.created_by,
                )
                for row in session.scalars(select(ScheduleRow).order_by(ScheduleRow.model_id))
            )

    @allowed(Right.RUN_JOBS)
    def enqueue_due(self, actor: Actor) -> tuple[JobInfo, ...]:
        """Enqueue the nightly analyses whose time has come; each night's once, however often this is called."""
        now, jobs = self.clock(), []
        for found in self.schedules(actor):
            local = now.astimezone(ZoneInfo(found.timezone))
            due = local.replace(hour=int(found.at[:2]), minute=int(found.at[3:]), second=0, microsecond=0)
            night = due if due <= local else due - timedelta(days=1)
            if night < found.created_at or local - night >= LATEST:
                continue
            jobs.append(self._enqueue_analysis(actor, found.model, f"{ANALYSE}-{{}}-{night:%Y-%m-%d}"))
        return tuple(jobs)

    @allowed(Right.RUN_JOBS)
    def begin(self, actor: Actor, job_id: str) -> JobInfo:
        """Start a job, or go on with it after the worker was killed.

        Raises
        ------
        JobCancelledError
            If somebody cancelled it.
        ConflictError
            If its proposal has no valid approval on evidence that still holds, files included.
        """
        with self._writing(job_id) as (session, row):
            if row.state == JobState.CANCELLED:
                raise JobCancelledError(row.message)
            if row.state == JobState.RUNNING:
                _say(session, row, "Goes on after an interruption.", at=self.clock())
                return _info(session, row)
            if row.state != JobState.QUEUED:
                raise ConflictError(f"Job {job_id} is {row.state} already.")
            if row.proposal_id is not None:
                self._start(session, actor, session.get_one(ProposalRow, row.proposal_id), row.id)
            row.state, row.started_at = JobState.RUNNING, self.clock()
            _say(session, row, "Started.", at=self.clock())
            return _info(session, row)

    @allowed(Right.RUN_JOBS)
    def note(self, actor: Actor, job_id: str, text: str, *, progress: float) -> None:  # noqa: ARG002
        """Say how far a job is; raises JobCancelledError if it was cancelled meanwhile."""
        with self._writing(job_id) as (session, row):
            if row.state == JobState.CANCELLED:
                raise JobCancelledError(row.message)
            row.progress = max(row.progress, progress)
            _say(session, row, text, at=self.clock())

    @allowed(Right.RUN_JOBS)
    def finish(self, actor: Actor, job_id: str, text: str) -> JobInfo:
        """The job is done; the same again changes nothing."""
        with self._writing(job_id) as (session, row):
            if row.state == JobState.RUNNING:
                row.progress = 1.0
                return self._end(session, actor, row, JobState.DONE, text)
            return _info(session, row)

    @allowed(Right.RUN_JOBS)
    def fail(self, actor: Actor, job_id: str, why: str) -> JobInfo:
        """The job failed, and why; a job that ended already stays as it is."""
        with self._writing(job_id) as (session, row):
            if row.state in UNDER_WAY:
                return self._end(session, actor, row, JobState.FAILED, why)
            return _info(session, row)

    @contextmanager
    def _writing(self, job_id: str) -> Iterator[tuple[Session, JobRow]]:
        """A write transaction that holds the model of a job."""
        with self.database.read() as session:
            model_id = _job(session, job_id).model_id
        with self.database.write(f"model {model_id}") as session:
            yield session, _job(session, job_id)

    def _start(self, session: Session, actor: Actor, proposal: ProposalRow, job_id: str) -> None:
        """Move an approved proposal on, if its approval is still valid."""
        model = session.get_one(ModelRow, proposal.model_id)
        lacking: tuple[str, ...] = ()
        try:
            evidence = read_evidence(session, proposal.evidence_sha256)
            stale = self.evidence.stale(session, model, evidence, deep=True)
            lacking = approval_lacks(session, proposal, evidence, at=self.clock())
        except ValueError as error:
            stale = (str(error),)
        if stale:
            raise ConflictError(f"The approval is stale: {'; '.join(stale)}. Nothing was done.")
        if lacking:
            raise ConflictError(f"The approval isn't what the policy asks for: {'; '.join(lacking)}. Nothing was done.")
        following = next_state(ProposalState(proposal.state), Move.START)
        if following is None:
            raise ConflictError(f"Proposal {proposal.id} is {proposal.state}: no job of it may start.")
        proposal.state = following
        note_move(session, actor, proposal, Move.START, "The worker started.", at=self.clock(), job_id=job_id)

    def _end(self, session: Session, actor: Actor, row: JobRow, state: JobState, text: str) -> JobInfo:
        now = self.clock()
        row.state, row.finished_at = state, now
        _say(session, row, text, at=now)
        if row.proposal_id is None:
            return _info(session, row)
        proposal = session.get_one(ProposalRow, row.proposal_id)
        move = Move.FINISH if state is JobState.DONE else Move.FAIL
        following = next_state(ProposalState(proposal.state), move)
        if following is not None:
            proposal.state = following
            note_move(session, actor, proposal, move, text, at=now, job_id=row.id)
        return _info(session, row)

    def _enqueue_analysis(self, actor: Actor, model: str, pattern: str) -> JobInfo:
        self.queue.prepare()
        with self.database.read() as session:
            model_id = Repository(session).model(model).id
        job_id = pattern.format(model_id)
        with self.database.write(f"model {model_id}") as session:
            row = session.get(JobRow, job_id)
            if row is None:
                row = JobRow(
                    id=job_id,
                    kind=ANALYSE,
                    model_id=model_id,
                    attempt=1,
                    state=JobState.QUEUED,
                    progress=0.0,
                    message="Waits for a worker.",
                    created_at=self.clock(),
                    created_by=actor.name,
                )
                session.add(row)
                session.flush()
                self.queue.enqueue(session, job_id, ANALYSE, job_id)
            return _info(session, row)


def _job(session: Session, job_id: str) -> JobRow:
    row = session.get(JobRow, job_id)
    if row is None:
        known = session.scalars(select(JobRow.id).order_by(JobRow.created_at.desc()).limit(10))
        raise UnknownNameError("job", job_id, known)
    return row


def _say(session: Session, row: JobRow, text: str, *, at: datetime) -> None:
    row.message = text
    session.add(JobLogRow(job_id=row.id, at=at, text=text))
    session.flush()


def _minute(at: str) -> int:
    hours, _, minutes = at.partition(":")
    if not (hours.isdigit() and minutes.isdigit() and int(hours) < 24 and int(minutes) < 60):
        raise InputError(f"{at!r} is no time of day such as 02:30.")
    return int(hours) * 60 + int(minutes)


def _info(session: Session, row: JobRow) -> JobInfo:
    return JobInfo(
        id=row.id,
        kind=row.kind,
        model=session.get_one(ModelRow, row.model_id).name,
        proposal_id=row.proposal_id,
        attempt=row.attempt,
        state=JobState(row.state),
        progress=row.progress,
        message=row.message,
        created_at=row.created_at,
        created_by=row.created_by,
        started_at=row.started_at,
        finished_at=row.finished_at,
    )
