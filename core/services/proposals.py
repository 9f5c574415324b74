"""Proposals: ask, discuss and decide, on evidence that is frozen; an approval enqueues its job or never happened."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.evidence import Evidence
from core.governance.identity import RIGHTS, Actor, Right, UserRole, allowed
from core.governance.ledger import Receipt
from core.governance.proposals import ASKING, DECISIONS, Move, ProposalKind, ProposalState, next_state, refusal
from core.services.checks import Check, HeldSubject, checks_of
from core.services.evidence import EvidenceService
from core.services.retraining import check_arguments, recipe_of
from core.services.versions import VersionInfo, VersionState, deployed, info
from core.storage.database import Database
from core.storage.ledger import append, keep, read_evidence
from core.storage.queue import JobQueue
from core.storage.repository import Repository
from core.storage.signing import AccountRow, DeploymentRow, JobRow, ProposalMoveRow, ProposalRow
from core.storage.tables import ModelRow, VersionRow

__all__ = ["Decided", "Gate", "MoveInfo", "ProposalInfo", "ProposalService", "Review"]

NEEDS_VERSION = (ProposalKind.PROMOTE, ProposalKind.ROLLBACK, ProposalKind.RETIRE)
ENDED = (ProposalState.REJECTED, ProposalState.WITHDRAWN, ProposalState.DONE)
BY_PEOPLE = (*DECISIONS, Move.COMMENT, Move.WITHDRAW, Move.SUBMIT, Move.REFRESH, Move.RETRY)
MAX_TEXT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveInfo:
    """One thing that happened to a proposal."""

    move: Move
    state: ProposalState
    actor: str
    text: str
    evidence_sha256: str
    at: datetime
    ledger_seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalInfo:
    """A proposal; `stale` says why its evidence no longer holds, () while it does, until `fresh_until` at most."""

    id: int
    model: str
    kind: ProposalKind
    version: str | None
    state: ProposalState
    requester: str | None
    reason: str
    arguments: Mapping[str, Any]
    evidence_sha256: str
    created_at: datetime
    moves: tuple[MoveInfo, ...]
    stale: tuple[str, ...]
    fresh_until: datetime | None
    job_id: str | None

    @property
    def askers(self) -> frozenset[str]:
        """Everybody who asked for it, first or by refreshing its evidence: none of them can approve it."""
        asked = {move.actor for move in self.moves if move.move in ASKING}
        return frozenset(asked if self.requester is None else {*asked, self.requester})

    @property
    def is_open(self) -> bool:
        """Whether it still waits for somebody or something."""
        return self.state not in ENDED

    @property
    def title(self) -> str:
        """What is asked for, in few words."""
        what = {ProposalKind.ROLLBACK: "roll back to"}.get(self.kind, str(self.kind))
        return f"{what.capitalize()} {self.version or self.model}"

    def refusals(self, actor: Actor) -> dict[Move, str | None]:
        """For each move a person can make: None if it is the actor's to make, else why not."""
        refused = {
            move: refusal(move, actor, state=self.state, requester=self.requester, askers=self.askers, stale=self.stale)
            for move in BY_PEOPLE
        }
        return {move: found.reason if found else None for move, found in refused.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """What a reviewer looks at.

    ``problem`` says why the evidence can't be read, '' where it can. ``subjects`` tells of each thing that the
    evidence speaks of whether it still is what it was; ``recipe`` is how a retraining is asked for, in TOML;
    ``deciders`` are the accounts that may approve.
    """

    proposal: ProposalInfo
    evidence: Evidence | None
    problem: str
    subjects: tuple[HeldSubject, ...]
    checks: tuple[Check, ...]
    version: VersionInfo | None
    recipe: str
    deciders: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A move that was made: its receipt, to be kept outside, and where the proposal stands."""

    proposal: ProposalInfo
    receipt: Receipt
    job_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether a version may be in force now, and why, or why not."""

    is_open: bool
    why: str
    proposal_id: int | None = None
    approved_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalService:
    """Every rule of signing is enforced here, for whoever calls."""

    database: Database
    evidence: EvidenceService
    queue: JobQueue
    clock: Callable[[], datetime]

    @allowed(Right.PROPOSE)
    def open(
        self,
        actor: Actor,
        model: str,
        kind: ProposalKind,
        version: str | None = None,
        *,
        reason: str,
        arguments: Mapping[str, Any] | None = None,
    ) -> Decided:
        """Ask for something, on the evidence as it stands now.

        Parameters
        ----------
        version : str or None
            What to promote, roll back to or retire; None to retrain.
        arguments : mapping or None
            For a retraining its recipe and the windows it shall not learn from.

        Raises
        ------
        InputError
            Without a reason, or where there is no evidence for it.
        ConflictError
            If the same is asked for already.
        """
        return self._open(actor, model, kind, version, reason=reason, arguments=arguments or {}, requester=actor.name)

    @allowed(Right.RUN_JOBS)
    def open_by_job(
        self,
        actor: Actor,
        model: str,
        kind: ProposalKind,
        version: str | None = None,
        *,
        reason: str,
        requester: str | None,
        origin: str,
    ) -> ProposalInfo:
        """What a job asks for, once: for the person who asked for the job, or, for an alarm, as a draft of nobody.

        Parameters
        ----------
        requester : str or None
            Who asks by it and so can't approve it; None leaves a draft that somebody has to submit.
        origin : str
            Names the job or alarm: the same origin again gives back what it asked for.
        """
        with self.database.read() as session:
            known = session.scalar(select(ProposalRow).where(ProposalRow.origin == origin))
            if known is not None:
                return self._info(session, known)
        opened = self._open(
            actor, model, kind, version, reason=reason, arguments={}, requester=requester, origin=origin
        )
        return opened.proposal

    @allowed(Right.PROPOSE)
    def submit(self, actor: Actor, proposal_id: int, *, reason: str) -> Decided:
        """Make a draft one's own proposal, on evidence as it stands now."""
        return self._refreshed(actor, proposal_id, Move.SUBMIT, reason)

    @allowed(Right.PROPOSE)
    def refresh(self, actor: Actor, proposal_id: int, *, reason: str) -> Decided:
        """Rest a proposal on evidence as it stands now; whoever does so asks too, and so can't approve it."""
        return self._refreshed(actor, proposal_id, Move.REFRESH, reason)

    @allowed(Right.PROPOSE)
    def comment(self, actor: Actor, proposal_id: int, text: str) -> Decided:
        """Say something, deciding nothing."""
        return self._move(actor, proposal_id, Move.COMMENT, text)

    @allowed(Right.PROPOSE)
    def withdraw(self, actor: Actor, proposal_id: int, *, reason: str) -> Decided:
        """Take one's own proposal back, or drop a draft."""
        return self._move(actor, proposal_id, Move.WITHDRAW, reason)

    @allowed(Right.PROPOSE)
    def retry(self, actor: Actor, proposal_id: int, *, reason: str) -> Decided:
        """Run an approved proposal's job again after it failed, if what it was approved on still holds."""
        return self._move(actor, proposal_id, Move.RETRY, reason)

    @allowed(Right.DECIDE)
    def decide(
        self, actor: Actor, proposal_id: int, move: Move, *, reason: str, evidence_sha256: str | None = None
    ) -> Decided:
        """Approve, reject or request changes.

        Parameters
        ----------
        evidence_sha256 : str or None
            The evidence the actor looked at: refused if the proposal rests on another by now.

        Raises
        ------
        ConflictError
            If somebody was faster, or the evidence is stale or another.
        NotAllowedError
            If the actor is the one who asked.
        """
        if move not in DECISIONS:
            raise InputError(f"{move} is no decision; it is approve, reject or request changes.")
        return self._move(actor, proposal_id, move, reason, seen=evidence_sha256)

    @allowed(Right.READ)
    def show(self, actor: Actor, proposal_id: int) -> ProposalInfo:  # noqa: ARG002 (every service call takes the actor)
        """One proposal; raises UnknownNameError."""
        with self.database.read() as session:
            return self._info(session, _proposal(session, proposal_id))

    @allowed(Right.READ)
    def list(self, actor: Actor, model: str | None = None) -> tuple[ProposalInfo, ...]:  # noqa: ARG002
        """All proposals, of one model or all, the newest first."""
        with self.database.read() as session:
            query = select(ProposalRow).order_by(ProposalRow.id.desc())
            if model is not None:
                query = query.where(ProposalRow.model_id == Repository(session).model(model).id)
            return tuple(self._info(session, row) for row in session.scalars(query).all())

    @allowed(Right.READ)
    def report(self, actor: Actor, evidence_sha256: str) -> Evidence:  # noqa: ARG002
        """Frozen evidence by its name; raises ConflictError if it was altered."""
        with self.database.read() as session:
            try:
                return read_evidence(session, evidence_sha256)
            except ValueError as error:
                raise ConflictError(str(error)) from error

    @allowed(Right.READ)
    def refusals(self, actor: Actor, proposal_id: int) -> dict[Move, str | None]:
        """For each move a person can make: None if it is the actor's to make, else why not."""
        return self.show(actor, proposal_id).refusals(actor)

    @allowed(Right.READ)
    def review(self, actor: Actor, proposal_id: int, *, deep: bool = False) -> Review:  # noqa: ARG002
        """All that a reviewer looks at, of one moment; `deep` reads the files that the evidence speaks of anew.

        Raises
        ------
        UnknownNameError
            If there is no such proposal.
        """
        with self.database.read() as session:
            row = _proposal(session, proposal_id)
            model = session.get_one(ModelRow, row.model_id)
            found, repository = self._info(session, row), Repository(session)
            version = None
            if row.version is not None and row.version in repository.versions(model):
                version = info(repository.version(model, row.version))
            recipe = ""
            if found.kind is ProposalKind.RETRAIN:
                recipe = recipe_of(repository.schema(model), found.arguments).to_toml()
            deciders = _deciders(session, but=found.askers)
            try:
                evidence = read_evidence(session, row.evidence_sha256)
            except ValueError as error:
                return Review(
                    proposal=found,
                    evidence=None,
                    problem=str(error),
                    subjects=(),
                    checks=(),
                    version=version,
                    recipe=recipe,
                    deciders=deciders,
                )
            current = self.evidence.current(session, model, evidence, deep=deep)
        return Review(
            proposal=found,
            evidence=evidence,
            problem="",
            subjects=tuple(
                HeldSubject(subject=s, holds=current[s.kind, s.name] == s.digest) for s in evidence.subjects
            ),
            checks=checks_of(evidence, stale=found.stale, fresh_until=found.fresh_until, version=version),
            version=version,
            recipe=recipe,
            deciders=deciders,
        )

    @allowed(Right.READ)
    def gate(self, actor: Actor, model: str, version: str) -> Gate:  # noqa: ARG002
        """May this version be in force? Only on a valid approval whose evidence still holds, files included."""
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            repository.version(row, version)
            query = select(ProposalRow).where(
                ProposalRow.model_id == row.id,
                ProposalRow.version == version,
                ProposalRow.kind.in_([ProposalKind.PROMOTE, ProposalKind.ROLLBACK]),
            )
            proposals = session.scalars(query.order_by(ProposalRow.id.desc())).all()
            if not proposals:
                return Gate(is_open=False, why=f"Nobody has asked to put {version} in force.")
            return self._gate_of(session, row, proposals[0], version)

    def _gate_of(self, session: Session, model: ModelRow, proposal: ProposalRow, version: str) -> Gate:
        champion = deployed(session, model)
        state = ProposalState(proposal.state)
        approvals = _approvals(session, proposal)
        by = tuple(move.actor for move in approvals)
        try:
            evidence = read_evidence(session, proposal.evidence_sha256)
        except ValueError as error:
            return Gate(is_open=False, why=str(error), proposal_id=proposal.id)
        if champion is not None and champion.name == version and approvals and _put_in_force(session, proposal):
            changed = self.evidence.stale_artefact(session, model, evidence)
            if changed:
                return Gate(is_open=False, why=f"Stale: {'; '.join(changed)}.", proposal_id=proposal.id, approved_by=by)
            why = f"{version} is in force, approved by {' and '.join(by)} in proposal {proposal.id}."
            return Gate(is_open=True, why=why, proposal_id=proposal.id, approved_by=by)
        if state is ProposalState.DONE:
            why = f"{version} isn't in force any more; proposal {proposal.id} was done before."
            return Gate(is_open=False, why=why, proposal_id=proposal.id)
        if state not in (ProposalState.APPROVED, ProposalState.RUNNING) or not approvals:
            return Gate(is_open=False, why=f"Proposal {proposal.id} is {state}.", proposal_id=proposal.id)
        stale = self.evidence.stale(session, model, evidence, deep=True)
        if stale:
            return Gate(
                is_open=False,
                why=f"The approval is stale: {'; '.join(stale)}.",
                proposal_id=proposal.id,
                approved_by=by,
            )
        why = f"Proposal {proposal.id} was approved by {' and '.join(by)}."
        return Gate(is_open=True, why=why, proposal_id=proposal.id, approved_by=by)

    def _open(
        self,
        actor: Actor,
        model: str,
        kind: ProposalKind,
        version: str | None,
        *,
        reason: str,
        arguments: Mapping[str, Any],
        requester: str | None,
        origin: str | None = None,
    ) -> Decided:
        text = _checked_text(reason, "A proposal needs a reason.")
        if (version is None) is (kind in NEEDS_VERSION):
            raise InputError(f"To {kind}, name {'a version' if kind in NEEDS_VERSION else 'no version'}.")
        with self.database.read() as session:
            repository = Repository(session)
            check_arguments(kind, repository.schema(repository.model(model)), arguments)
        evidence = self.evidence.freeze(actor, model, kind, version, arguments)
        with self.database.read() as session:
            model_id = Repository(session).model(model).id
        with self.database.write(f"model {model_id}") as session:
            row = Repository(session).model(model)
            self._check_possible(session, row, kind, version)
            self._check_unchanged(session, row, evidence)
            keep(session, evidence)
            proposal = ProposalRow(
                model_id=row.id,
                kind=kind,
                version=version,
                state=ProposalState.DRAFT if requester is None else ProposalState.OPEN,
                requester=requester,
                reason=text,
                arguments=dict(arguments),
                evidence_sha256=evidence.sha256,
                origin=origin,
                created_at=self.clock(),
            )
            session.add(proposal)
            session.flush()
            return self._note(session, actor, proposal, Move.OPEN, text)

    def _check_possible(self, session: Session, model: ModelRow, kind: ProposalKind, version: str | None) -> None:
        same = session.scalars(
            select(ProposalRow).where(
                ProposalRow.model_id == model.id,
                ProposalRow.kind == kind,
                ProposalRow.state.not_in(ENDED),
            )
        )
        for other in same:
            if other.version == version:
                raise ConflictError(
                    f"Proposal {other.id} asks for the same and is {other.state}: "
                    "take part in that one, or withdraw it first."
                )
        if version is None:
            return
        state = VersionState(Repository(session).version(model, version).state)
        champion = deployed(session, model)
        in_force = champion is not None and champion.name == version
        if kind is ProposalKind.PROMOTE and state is not VersionState.CANDIDATE:
            raise ConflictError(f"{version} is {state}: only a candidate can be promoted. To return to it, roll back.")
        was_in_force = session.scalar(
            select(func.count()).where(DeploymentRow.model_id == model.id, DeploymentRow.version == version)
        )
        if kind is ProposalKind.ROLLBACK and (state is not VersionState.RETIRED or in_force or not was_in_force):
            raise ConflictError(f"{version} is {state}: only a version that was in force before can be rolled back to.")
        if kind is ProposalKind.RETIRE and state in (VersionState.RETIRED, VersionState.REJECTED):
            raise ConflictError(f"{version} is {state} already.")

    def _check_unchanged(self, session: Session, model: ModelRow, evidence: Evidence) -> None:
        changed = self.evidence.stale(session, model, evidence)
        if changed:
            raise ConflictError(f"While the evidence was gathered, {'; '.join(changed)}: try again.")

    def _refreshed(self, actor: Actor, proposal_id: int, move: Move, reason: str) -> Decided:
        before = self.show(actor, proposal_id)
        self._check(actor, before, move, reason)
        evidence = self.evidence.freeze(actor, before.model, before.kind, before.version, before.arguments)
        return self._move(actor, proposal_id, move, reason, evidence=evidence)

    def _move(
        self,
        actor: Actor,
        proposal_id: int,
        move: Move,
        text: str,
        *,
        seen: str | None = None,
        evidence: Evidence | None = None,
    ) -> Decided:
        words = _checked_text(text, "A decision needs a reason." if move in DECISIONS else "Say why, or what.")
        with self.database.read() as session:
            model_id = _proposal(session, proposal_id).model_id
        if move in (Move.APPROVE, Move.RETRY):
            self.queue.prepare()
        with self.database.write(f"model {model_id}") as session:
            proposal = _proposal(session, proposal_id)
            model = session.get_one(ModelRow, proposal.model_id)
            if seen is not None and seen != proposal.evidence_sha256:
                raise ConflictError(
                    "The proposal rests on other evidence by now than what you looked at: read it, then decide."
                )
            stale: tuple[str, ...] = ()
            if move in (Move.APPROVE, Move.RETRY):
                stale = self.evidence.stale(session, model, _read(session, proposal), deep=True)
            self._check(actor, self._info(session, proposal), move, words, stale)
            if evidence is not None:
                self._check_unchanged(session, model, evidence)
                keep(session, evidence)
                proposal.evidence_sha256 = evidence.sha256
                proposal.requester = proposal.requester or actor.name
            following = next_state(ProposalState(proposal.state), move)
            if following is None:  # the check above refused it already
                raise ConflictError(f"A proposal that is {proposal.state} can't be changed by: {move}.")
            proposal.state = following
            job_id = self._enqueue(session, actor, proposal) if following is ProposalState.APPROVED else None
            if following is ProposalState.REJECTED and proposal.kind == ProposalKind.PROMOTE and proposal.version:
                _reject(Repository(session).version(model, proposal.version))
            return self._note(session, actor, proposal, move, words, job_id=job_id)

    def _check(self, actor: Actor, found: ProposalInfo, move: Move, text: str, stale: tuple[str, ...] = ()) -> None:
        state = found.state
        refused = refusal(
            move,
            actor,
            state=state,
            requester=found.requester,
            askers=found.askers,
            stale=stale,
            reason=text,
        )
        if refused is None:
            return
        if next_state(state, move) is None:
            last = next((m for m in reversed(found.moves) if m.move is not Move.COMMENT), None)
            who = f": {last.actor} chose to {last.move} at {last.at:%Y-%m-%d %H:%M} UTC" if last else ""
            raise ConflictError(f"This proposal is {state}{who}; nothing was changed.")
        if stale:
            raise ConflictError(refused.reason)
        raise NotAllowedError(refused.reason)

    def _enqueue(self, session: Session, actor: Actor, proposal: ProposalRow) -> str:
        """The approved proposal's job, in the same transaction: there is never one without the other."""
        last = session.scalar(select(func.max(JobRow.attempt)).where(JobRow.proposal_id == proposal.id)) or 0
        job_id = f"proposal-{proposal.id}-{last + 1}"
        session.add(
            JobRow(
                id=job_id,
                kind=proposal.kind,
                model_id=proposal.model_id,
                proposal_id=proposal.id,
                attempt=last + 1,
                state="queued",
                progress=0.0,
                message="Waits for a worker.",
                created_at=self.clock(),
                created_by=actor.name,
            )
        )
        session.flush()
        self.queue.enqueue(session, job_id, proposal.kind, job_id)
        return job_id

    def _note(
        self,
        session: Session,
        actor: Actor,
        proposal: ProposalRow,
        move: Move,
        text: str,
        *,
        job_id: str | None = None,
    ) -> Decided:
        receipt = note_move(session, actor, proposal, move, text, at=self.clock(), job_id=job_id)
        return Decided(proposal=self._info(session, proposal), receipt=receipt, job_id=job_id)

    def _info(self, session: Session, row: ProposalRow) -> ProposalInfo:
        model = session.get_one(ModelRow, row.model_id)
        stale: tuple[str, ...] = ()
        fresh_until = None
        if row.state not in ENDED and row.state != ProposalState.RUNNING:
            try:
                evidence = read_evidence(session, row.evidence_sha256)
                stale, fresh_until = self.evidence.stale(session, model, evidence), self.evidence.fresh_until(evidence)
            except ValueError as error:
                stale = (str(error),)
        job = session.scalar(select(JobRow.id).where(JobRow.proposal_id == row.id).order_by(JobRow.attempt.desc()))
        return ProposalInfo(
            id=row.id,
            model=model.name,
            kind=ProposalKind(row.kind),
            version=row.version,
            state=ProposalState(row.state),
            requester=row.requester,
            reason=row.reason,
            arguments=row.arguments,
            evidence_sha256=row.evidence_sha256,
            created_at=row.created_at,
            moves=_moves(session, row),
            stale=stale,
            fresh_until=fresh_until,
            job_id=job,
        )


def note_move(
    session: Session,
    actor: Actor,
    proposal: ProposalRow,
    move: Move,
    text: str,
    *,
    at: datetime,
    job_id: str | None = None,
) -> Receipt:
    """Write a move that was made into the proposal's history and the ledger."""
    receipt = append(
        session,
        at=at,
        actor=actor.name,
        action=f"proposal.{move}".replace(" ", "_"),
        objects={
            "proposal": proposal.id,
            "kind": proposal.kind,
            "model": session.get_one(ModelRow, proposal.model_id).name,
            "version": proposal.version,
            "state": proposal.state,
            "evidence": proposal.evidence_sha256,
            "text": text,
            "job": job_id,
        },
    )
    session.add(
        ProposalMoveRow(
            proposal_id=proposal.id,
            move=move,
            state=proposal.state,
            actor=actor.name,
            text=text,
            evidence_sha256=proposal.evidence_sha256,
            at=at,
            ledger_seq=receipt.seq,
        )
    )
    session.flush()
    return receipt


def _proposal(session: Session, proposal_id: int) -> ProposalRow:
    row = session.get(ProposalRow, proposal_id)
    if row is None:
        known = session.scalars(select(ProposalRow.id).order_by(ProposalRow.id.desc()).limit(10))
        raise UnknownNameError("proposal", str(proposal_id), map(str, known))
    return row


def _moves(session: Session, proposal: ProposalRow) -> tuple[MoveInfo, ...]:
    query = select(ProposalMoveRow).where(ProposalMoveRow.proposal_id == proposal.id).order_by(ProposalMoveRow.id)
    return tuple(
        MoveInfo(
            move=Move(row.move),
            state=ProposalState(row.state),
            actor=row.actor,
            text=row.text,
            evidence_sha256=row.evidence_sha256,
            at=row.at,
            ledger_seq=row.ledger_seq,
        )
        for row in session.scalars(query)
    )


def _approvals(session: Session, proposal: ProposalRow) -> list[MoveInfo]:
    """Approvals of the evidence that the proposal rests on now."""
    moves = _moves(session, proposal)
    return [m for m in moves if m.move is Move.APPROVE and m.evidence_sha256 == proposal.evidence_sha256]


def _deciders(session: Session, *, but: Collection[str]) -> tuple[str, ...]:
    """Accounts that may approve what these people asked for."""
    query = select(AccountRow).where(AccountRow.disabled_at.is_(None)).order_by(AccountRow.name)
    return tuple(
        row.name
        for row in session.scalars(query)
        if row.name not in but and any(Right.DECIDE in RIGHTS[UserRole(role)] for role in row.roles)
    )


def _put_in_force(session: Session, proposal: ProposalRow) -> bool:
    return session.scalar(select(DeploymentRow.id).where(DeploymentRow.proposal_id == proposal.id)) is not None


def _read(session: Session, proposal: ProposalRow) -> Evidence:
    try:
        return read_evidence(session, proposal.evidence_sha256)
    except ValueError as error:
        raise ConflictError(str(error)) from error


def _reject(version: VersionRow) -> None:
    if version.state == VersionState.CANDIDATE:
        version.state = VersionState.REJECTED


def _checked_text(text: str, why: str) -> str:
    words = text.strip()
    if not words:
        raise InputError(why)
    if any(char == "\0" or "\ud800" <= char <= "\udfff" for char in words):
        raise InputError("The text holds characters that can't be stored; write it anew.")
    if len(words) > MAX_TEXT:
        raise InputError(f"That is {len(words):,} characters long; write at most {MAX_TEXT:,}.")
    return words
