"""Proposals: ask, discuss and decide, on evidence that is frozen; an approval enqueues its job or never happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.conditions import Condition
from core.governance.evidence import Evidence
from core.governance.identity import WORKER, Actor, Right, UserRole, allowed, check_fresh
from core.governance.proposals import (
    AFTER_DECIDING,
    DECISIONS,
    SIGNED_TO_ASK,
    Move,
    ProposalKind,
    ProposalState,
    next_state,
)
from core.governance.quorum import vacant
from core.services.admissible import check_further, check_possible, checked_text
from core.services.evidence import EvidenceService
from core.services.gate import Gate, gate_of
from core.services.ledger_signing import LedgerSigner
from core.services.moves import note_move, proposal_row
from core.services.proposal import (
    BY_PEOPLE,
    Decided,
    ProposalInfo,
    Review,
    described,
    reviewed,
)
from core.services.retraining import check_arguments
from core.services.signing_policy import check_change
from core.services.versions import VersionState
from core.services.watch_changes import CHANGES_WATCH, undo
from core.storage.database import Database
from core.storage.ledger import keep, read_evidence
from core.storage.queue import JobQueue
from core.storage.repository import Repository
from core.storage.signing import JobRow, ProposalRow
from core.storage.tables import ModelRow, VersionRow

__all__ = ["ProposalService"]

NEEDS_VERSION = (ProposalKind.PROMOTE, ProposalKind.ROLLBACK, ProposalKind.RETIRE, ProposalKind.RENEW)
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalService:
    """Every rule of signing is enforced here, for whoever calls."""

    database: Database
    evidence: EvidenceService
    queue: JobQueue
    signer: LedgerSigner
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
        """Ask for something, on the evidence as it stands now; the local operator leaves a draft.

        Parameters
        ----------
        version : str or None
            What to promote, roll back to, retire or renew the approval of; None to retrain or to change a policy.
        arguments : mapping or None
            For a retraining its recipe and the windows it shall not learn from; for a policy its rules, and the
            tier where they are a whole tier's; to accept a drift, its alert, the series of it and the margin;
            for another reference the period (from, to).

        Raises
        ------
        InputError
            Without a reason, or where there is no evidence for it.
        ConflictError
            If the same is asked for already.
        SignInAgainError
            For a person who asks for a renewal or a policy, if the password was given over 15 minutes ago.
        """
        # What nobody has put a name to stays a draft: else a reviewer could ask without a token and approve with one.
        requester = None if UserRole.OPERATOR in actor.roles else actor.name
        if kind in SIGNED_TO_ASK and requester is not None:
            check_fresh(actor, now=self.clock())
        return self._open(actor, model, kind, version, reason=reason, arguments=arguments or {}, requester=requester)

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
                return described(session, known, self.evidence)
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
        self,
        actor: Actor,
        proposal_id: int,
        move: Move,
        *,
        reason: str,
        evidence_sha256: str | None = None,
        conditions: Sequence[Condition] = (),
    ) -> Decided:
        """Approve, reject or request changes.

        Parameters
        ----------
        conditions : sequence of Condition
            What an approval hangs on: once one is due and nobody has checked it, the approval no longer counts.
        evidence_sha256 : str or None
            The evidence the actor looked at: refused if the proposal rests on another by now.

        Raises
        ------
        ConflictError
            If somebody was faster, or the evidence is stale or another.
        NotAllowedError
            If the actor is the one who asked.
        SignInAgainError
            If the actor gave the password over 15 minutes ago, as for all that is signed.
        """
        check_fresh(actor, now=self.clock())
        if move not in DECISIONS:
            raise InputError(f"{move} is no decision; it is approve, reject or request changes.")
        if conditions and move is not Move.APPROVE:
            raise InputError(f"Only an approval has conditions; to {move}, say in the reason what is missing.")
        details = {"conditions": [condition.to_dict() for condition in conditions]} if conditions else {}
        return self._move(actor, proposal_id, move, reason, seen=evidence_sha256, details=details)

    @allowed(Right.DECIDE)
    def revoke(self, actor: Actor, proposal_id: int, *, reason: str) -> Decided:
        """Take an approval back: its job doesn't start, and the gate of what it put in force closes.

        What is in force stays so until somebody proposes to roll back; renewing approves it anew. A margin that was
        widened, or a reference that was changed, is at once what it was before, from the next window on.

        Raises
        ------
        ConflictError
            If it isn't approved, its job runs, it asked for nothing that stays in force, or the margin that it
            widened was widened again since.
        """
        check_fresh(actor, now=self.clock())
        revoked = self._move(actor, proposal_id, Move.REVOKE, reason)
        if revoked.proposal.kind in CHANGES_WATCH:
            self.evidence.profiles.refresh(WORKER, revoked.proposal.model)
        return revoked

    @allowed(Right.DECIDE)
    def check_condition(self, actor: Actor, proposal_id: int, condition: str, *, reason: str) -> Decided:
        """Say that a condition of an approval was met, and how that was checked.

        Parameters
        ----------
        condition : str
            Its name, as the proposal lists it.

        Raises
        ------
        UnknownNameError
            If no approval that stands has such a condition.
        NotAllowedError
            If the actor is the one who had to meet it.
        """
        check_fresh(actor, now=self.clock())
        found = self.show(actor, proposal_id).conditions
        if condition not in found:
            raise UnknownNameError("condition", condition, found)
        if found[condition][0].owner == actor.name:
            raise NotAllowedError("You had to meet this condition: somebody else has to check it.")
        return self._move(actor, proposal_id, Move.MEET, reason, details={"condition": condition})

    @allowed(Right.READ)
    def show(self, actor: Actor, proposal_id: int) -> ProposalInfo:  # noqa: ARG002 (every service call takes the actor)
        """One proposal; raises UnknownNameError."""
        with self.database.read() as session:
            return described(session, proposal_row(session, proposal_id), self.evidence)

    @allowed(Right.READ)
    def list(self, actor: Actor, model: str | None = None) -> tuple[ProposalInfo, ...]:  # noqa: ARG002
        """All proposals, of one model or all, the newest first."""
        with self.database.read() as session:
            query = select(ProposalRow).order_by(ProposalRow.id.desc())
            if model is not None:
                query = query.where(ProposalRow.model_id == Repository(session).model(model).id)
            return tuple(described(session, row, self.evidence) for row in session.scalars(query).all())

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
            return reviewed(session, proposal_row(session, proposal_id), self.evidence, deep=deep)

    @allowed(Right.READ)
    def gate(self, actor: Actor, model: str, version: str) -> Gate:  # noqa: ARG002
        """May this version be in force? Only on a valid approval whose evidence still holds, files included."""
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            repository.version(row, version)
            return gate_of(session, row, version, self.evidence)

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
        text = checked_text(reason, "A proposal needs a reason.")
        if (version is None) is (kind in NEEDS_VERSION):
            raise InputError(f"To {kind}, name {'a version' if kind in NEEDS_VERSION else 'no version'}.")
        with self.database.read() as session:
            repository = Repository(session)
            check_arguments(kind, repository.schema(repository.model(model)), arguments)
            if kind is ProposalKind.POLICY:
                check_change(session, arguments, requester=requester)
        evidence = self.evidence.freeze(actor, model, kind, version, arguments)
        with self.database.read() as session:
            model_id = Repository(session).model(model).id
        with self.database.write(f"model {model_id}") as session:
            row = Repository(session).model(model)
            check_possible(session, row, kind, version, arguments)
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

    def _check_unchanged(self, session: Session, model: ModelRow, evidence: Evidence) -> None:
        changed = self.evidence.stale(session, model, evidence)
        if changed:
            raise ConflictError(f"While the evidence was gathered, {'; '.join(changed)}: try again.")

    def _refreshed(self, actor: Actor, proposal_id: int, move: Move, reason: str) -> Decided:
        before = self.show(actor, proposal_id)
        self._check(actor, before, move, reason)
        if before.kind in SIGNED_TO_ASK:
            check_fresh(actor, now=self.clock())
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
        details: Mapping[str, Any] = NOTHING,
    ) -> Decided:
        words = checked_text(
            text, "A decision needs a reason." if move in DECISIONS | AFTER_DECIDING else "Say why, or what."
        )
        with self.database.read() as session:
            model_id = proposal_row(session, proposal_id).model_id
        if move in (Move.APPROVE, Move.RETRY):
            self.queue.prepare()
        with self.database.write(f"model {model_id}") as session:
            proposal = proposal_row(session, proposal_id)
            model = session.get_one(ModelRow, proposal.model_id)
            if seen is not None and seen != proposal.evidence_sha256:
                raise ConflictError(
                    "The proposal rests on other evidence by now than what you looked at: read it, then decide."
                )
            stale: tuple[str, ...] = ()
            if move in (Move.APPROVE, Move.RETRY):
                stale = self.evidence.stale(session, model, _read(session, proposal), deep=True)
            found = described(session, proposal, self.evidence)
            self._check(actor, found, move, words, stale)
            check_further(session, proposal, move, details, now=self.clock())
            if evidence is not None:
                self._check_unchanged(session, model, evidence)
                keep(session, evidence)
                proposal.evidence_sha256 = evidence.sha256
                proposal.requester = proposal.requester or actor.name
            signatures = [signature.roles for signature in found.approvals]
            is_complete = not vacant(found.seats, [*signatures, actor.roles])
            following = next_state(found.state, move, is_complete=is_complete)
            if following is None:  # the check above refused it already
                raise ConflictError(f"A proposal that is {proposal.state} can't be changed by: {move}.")
            if move is Move.REVOKE:
                undo(session, proposal, actor, reason=words, at=self.clock())
            proposal.state = following
            job_id = self._enqueue(session, actor, proposal) if following is ProposalState.APPROVED else None
            if following is ProposalState.REJECTED and proposal.kind == ProposalKind.PROMOTE and proposal.version:
                _reject(Repository(session).version(model, proposal.version))
            signed = _signed(actor) if move in DECISIONS else {}
            return self._note(session, actor, proposal, move, words, job_id=job_id, details={**signed, **details})

    def _check(self, actor: Actor, found: ProposalInfo, move: Move, text: str, stale: tuple[str, ...] = ()) -> None:
        state = found.state
        refused = found.refusal(move, actor, stale=stale, reason=text)
        if refused is None:
            return
        if next_state(state, move) is None:
            moves = [m for m in found.moves if m.move is not Move.COMMENT]
            people = [m for m in moves if m.move in BY_PEOPLE]  # what a worker did since then tells less
            last = (people or moves)[-1] if moves else None
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
        details: Mapping[str, Any] | None = None,
    ) -> Decided:
        receipt = note_move(session, actor, proposal, move, text, at=self.clock(), job_id=job_id, details=details)
        if move in DECISIONS | AFTER_DECIDING:
            self.signer.note(session, at=self.clock())
        return Decided(proposal=described(session, proposal, self.evidence), receipt=receipt, job_id=job_id)


def _read(session: Session, proposal: ProposalRow) -> Evidence:
    try:
        return read_evidence(session, proposal.evidence_sha256)
    except ValueError as error:
        raise ConflictError(str(error)) from error


def _signed(actor: Actor) -> dict[str, Any]:
    """What the ledger keeps of whoever decides: the roles they had, and when they gave their password."""
    at = actor.signed_in_at
    return {"roles": [str(role) for role in actor.roles], "signed_in_at": at.isoformat() if at else None}


def _reject(version: VersionRow) -> None:
    if version.state == VersionState.CANDIDATE:
        version.state = VersionState.REJECTED
