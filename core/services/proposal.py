"""One proposal: where it stands, what happened to it, what a reviewer looks at, and whether it opens the gate."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.governance.conditions import Condition
from core.governance.evidence import Evidence
from core.governance.identity import WORKER, Actor, UserRole
from core.governance.ledger import Receipt
from core.governance.proposals import (
    AFTER_DECIDING,
    ASKING,
    DECISIONS,
    Move,
    ProposalKind,
    ProposalState,
    Refusal,
    refusal,
)
from core.governance.quorum import fills, vacant
from core.services.approval import approval_lacks, evidence_barred
from core.services.checks import Check, HeldSubject, checks_of
from core.services.evidence import EvidenceService
from core.services.moves import MoveInfo, conditions_of, moves_of, standing
from core.services.retraining import recipe_of
from core.services.signing_policy import policy_for
from core.services.versions import VersionInfo, info
from core.services.watch_changes import CHANGES_WATCH
from core.storage.ledger import read_evidence
from core.storage.repository import Repository
from core.storage.signing import AccountRow, JobRow, ProposalRow
from core.storage.tables import ModelRow

__all__ = [
    "BY_PEOPLE",
    "ENDED",
    "Decided",
    "ProposalInfo",
    "Review",
    "described",
    "reviewed",
]

ENDED = (ProposalState.REJECTED, ProposalState.WITHDRAWN, ProposalState.DONE, ProposalState.REVOKED)
BY_PEOPLE = (*DECISIONS, *AFTER_DECIDING, Move.COMMENT, Move.WITHDRAW, Move.SUBMIT, Move.REFRESH, Move.RETRY)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalInfo:
    """A proposal; `stale` says why its evidence no longer holds, () while it does, until `fresh_until` at most.

    `seats` are the roles that have to sign, and `lacking` says what the policy asks of the evidence and it doesn't
    show; of what is done and changes what a model is watched by, what its approval lacks by now.
    """

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
    seats: tuple[UserRole, ...]
    lacking: tuple[str, ...]
    job_id: str | None

    @property
    def askers(self) -> frozenset[str]:
        """Everybody who asked for it, first or by refreshing its evidence: none of them can approve it."""
        asked = {move.actor for move in self.moves if move.move in ASKING}
        return frozenset(asked if self.requester is None else {*asked, self.requester})

    @property
    def asker(self) -> str:
        """Who asked for it, in words: a person, the local operator, or an alarm."""
        drafter = self.moves[0].actor if self.moves else WORKER.name
        return self.requester or ("an alarm" if drafter == WORKER.name else drafter)

    @property
    def is_open(self) -> bool:
        """Whether it still waits for somebody or something."""
        return self.state not in ENDED

    @property
    def title(self) -> str:
        """What is asked for, in few words."""
        if self.kind is ProposalKind.ACCEPT_DRIFT:
            return f"Accept {self.arguments['series']} as harmless"
        if self.kind is ProposalKind.REBASELINE:
            return f"Hold against {self.arguments['from'][:10]} to {self.arguments['to'][:10]}"
        what = {ProposalKind.ROLLBACK: "roll back to"}.get(self.kind, str(self.kind))
        return f"{what.capitalize()} {self.version or self.model}"

    @property
    def approvals(self) -> tuple[MoveInfo, ...]:
        """Who has signed the evidence that it rests on."""
        return standing(self.moves, self.evidence_sha256)

    @property
    def conditions(self) -> dict[str, tuple[Condition, MoveInfo | None]]:
        """What its approvals hang on, and who checked that it was done."""
        return conditions_of(self.moves, self.evidence_sha256)

    @property
    def vacant(self) -> tuple[UserRole, ...]:
        """The seats that nobody has signed for."""
        return vacant(self.seats, [move.roles for move in self.approvals])

    def refusal(
        self, move: Move, actor: Actor, *, stale: tuple[str, ...] | None = None, reason: str = "x"
    ) -> Refusal | None:
        """Why a move isn't the actor's to make; `stale` by another look than the proposal's own."""
        return refusal(
            move,
            actor,
            state=self.state,
            requester=self.requester,
            askers=self.askers,
            stale=self.stale if stale is None else stale,
            seats=self.seats,
            signatures={signed.actor: signed.roles for signed in self.approvals},
            lacking=self.lacking if move is Move.APPROVE else (),
            reason=reason,
        )

    def refusals(self, actor: Actor) -> dict[Move, str | None]:
        """For each move a person can make: None if it is the actor's to make, else why not."""
        refused = {move: self.refusal(move, actor) for move in BY_PEOPLE}
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


def described(session: Session, row: ProposalRow, service: EvidenceService) -> ProposalInfo:
    """A proposal as it stands, and whether its evidence still holds."""
    model = session.get_one(ModelRow, row.model_id)
    stale: tuple[str, ...] = ()
    fresh_until = None
    lacking: tuple[str, ...] = ()
    kind = ProposalKind(row.kind)
    if row.state not in ENDED and row.state != ProposalState.RUNNING:
        try:
            evidence = read_evidence(session, row.evidence_sha256)
            stale = service.stale(session, model, evidence)
            fresh_until = service.fresh_until(session, model, evidence)
            lacking = evidence_barred(session, row, evidence, at=service.clock())
        except ValueError as error:
            stale = (str(error),)
    elif row.state == ProposalState.DONE and kind in CHANGES_WATCH:
        with suppress(ValueError):  # what was altered is told where the evidence is read
            evidence = read_evidence(session, row.evidence_sha256)
            lacking = approval_lacks(session, row, evidence, at=service.clock(), is_done=True)
    job = session.scalar(select(JobRow.id).where(JobRow.proposal_id == row.id).order_by(JobRow.attempt.desc()))
    return ProposalInfo(
        id=row.id,
        model=model.name,
        kind=kind,
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
        seats=policy_for(session, model, kind, row.arguments).seats_for(kind),
        lacking=lacking,
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
    deciders = _deciders(session, found)
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


def _deciders(session: Session, found: ProposalInfo) -> tuple[str, ...]:
    """Accounts whose signature would fill a seat that is vacant."""
    signed = {move.actor: move.roles for move in found.approvals}
    query = select(AccountRow).where(AccountRow.disabled_at.is_(None)).order_by(AccountRow.name)
    return tuple(
        row.name
        for row in session.scalars(query)
        if row.name not in {*found.askers, *signed} and fills(found.seats, list(signed.values()), _roles(row))
    )


def _roles(row: AccountRow) -> tuple[UserRole, ...]:
    return tuple(UserRole(role) for role in row.roles)
