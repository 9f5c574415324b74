"""One proposal: where it stands, what happened to it, what a reviewer looks at, and whether it opens the gate."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import UnknownNameError
from core.governance.evidence import Evidence
from core.governance.identity import RIGHTS, Actor, Right, UserRole
from core.governance.ledger import Receipt
from core.governance.proposals import ASKING, DECISIONS, Move, ProposalKind, ProposalState, refusal
from core.services.checks import Check, HeldSubject, checks_of
from core.services.evidence import EvidenceService
from core.services.retraining import recipe_of
from core.services.versions import VersionInfo, deployed, info
from core.storage.ledger import append, read_evidence
from core.storage.repository import Repository
from core.storage.signing import AccountRow, DeploymentRow, JobRow, ProposalMoveRow, ProposalRow
from core.storage.tables import ModelRow

__all__ = [
    "BY_PEOPLE",
    "ENDED",
    "Decided",
    "Gate",
    "MoveInfo",
    "ProposalInfo",
    "Review",
    "approvals_of",
    "described",
    "gate_of",
    "moves_of",
    "note_move",
    "proposal_row",
    "reviewed",
]

ENDED = (ProposalState.REJECTED, ProposalState.WITHDRAWN, ProposalState.DONE)
BY_PEOPLE = (*DECISIONS, Move.COMMENT, Move.WITHDRAW, Move.SUBMIT, Move.REFRESH, Move.RETRY)


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


def described(session: Session, row: ProposalRow, service: EvidenceService) -> ProposalInfo:
    """A proposal as it stands, and whether its evidence still holds."""
    model = session.get_one(ModelRow, row.model_id)
    stale: tuple[str, ...] = ()
    fresh_until = None
    if row.state not in ENDED and row.state != ProposalState.RUNNING:
        try:
            evidence = read_evidence(session, row.evidence_sha256)
            stale, fresh_until = service.stale(session, model, evidence), service.fresh_until(evidence)
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
        moves=moves_of(session, row),
        stale=stale,
        fresh_until=fresh_until,
        job_id=job,
    )


def reviewed(session: Session, row: ProposalRow, service: EvidenceService, *, deep: bool) -> Review:
    """All that a reviewer looks at, of one moment; `deep` reads the files that the evidence speaks of anew."""
    model = session.get_one(ModelRow, row.model_id)
    found, repository = described(session, row, service), Repository(session)
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
    current = service.current(session, model, evidence, deep=deep)
    return Review(
        proposal=found,
        evidence=evidence,
        problem="",
        subjects=tuple(HeldSubject(subject=s, holds=current[s.kind, s.name] == s.digest) for s in evidence.subjects),
        checks=checks_of(evidence, stale=found.stale, fresh_until=found.fresh_until, version=version),
        version=version,
        recipe=recipe,
        deciders=deciders,
    )


def gate_of(session: Session, model: ModelRow, version: str, service: EvidenceService) -> Gate:
    """Whether the newest proposal to put a version in force lets it."""
    query = select(ProposalRow).where(
        ProposalRow.model_id == model.id,
        ProposalRow.version == version,
        ProposalRow.kind.in_([ProposalKind.PROMOTE, ProposalKind.ROLLBACK]),
    )
    proposal = session.scalar(query.order_by(ProposalRow.id.desc()).limit(1))
    if proposal is None:
        return Gate(is_open=False, why=f"Nobody has asked to put {version} in force.")
    champion = deployed(session, model)
    state = ProposalState(proposal.state)
    approvals = approvals_of(session, proposal)
    by = tuple(move.actor for move in approvals)
    try:
        evidence = read_evidence(session, proposal.evidence_sha256)
    except ValueError as error:
        return Gate(is_open=False, why=str(error), proposal_id=proposal.id)
    if champion is not None and champion.name == version and approvals and _put_in_force(session, proposal):
        changed = service.stale_artefact(session, model, evidence)
        if changed:
            return Gate(is_open=False, why=f"Stale: {'; '.join(changed)}.", proposal_id=proposal.id, approved_by=by)
        why = f"{version} is in force, approved by {' and '.join(by)} in proposal {proposal.id}."
        return Gate(is_open=True, why=why, proposal_id=proposal.id, approved_by=by)
    if state is ProposalState.DONE:
        why = f"{version} isn't in force any more; proposal {proposal.id} was done before."
        return Gate(is_open=False, why=why, proposal_id=proposal.id)
    if state not in (ProposalState.APPROVED, ProposalState.RUNNING) or not approvals:
        return Gate(is_open=False, why=f"Proposal {proposal.id} is {state}.", proposal_id=proposal.id)
    stale = service.stale(session, model, evidence, deep=True)
    if stale:
        return Gate(
            is_open=False,
            why=f"The approval is stale: {'; '.join(stale)}.",
            proposal_id=proposal.id,
            approved_by=by,
        )
    why = f"Proposal {proposal.id} was approved by {' and '.join(by)}."
    return Gate(is_open=True, why=why, proposal_id=proposal.id, approved_by=by)


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


def proposal_row(session: Session, proposal_id: int) -> ProposalRow:
    """A stored proposal; raises UnknownNameError."""
    row = session.get(ProposalRow, proposal_id)
    if row is None:
        known = session.scalars(select(ProposalRow.id).order_by(ProposalRow.id.desc()).limit(10))
        raise UnknownNameError("proposal", str(proposal_id), map(str, known))
    return row


def moves_of(session: Session, proposal: ProposalRow) -> tuple[MoveInfo, ...]:
    """What happened to a proposal, in order."""
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


def approvals_of(session: Session, proposal: ProposalRow) -> list[MoveInfo]:
    """Approvals of the evidence that the proposal rests on now."""
    moves = moves_of(session, proposal)
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
