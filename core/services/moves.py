"""What happened to a proposal: its moves, each with its entry in the ledger, and the approvals that stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import UnknownNameError
from core.governance.conditions import Condition
from core.governance.identity import Actor, UserRole
from core.governance.ledger import Receipt
from core.governance.proposals import ASKING, Move, ProposalState
from core.storage.ledger import append
from core.storage.signing import ProposalMoveRow, ProposalRow
from core.storage.tables import ModelRow

__all__ = ["MoveInfo", "approvals_of", "conditions_of", "moves_of", "note_move", "proposal_row", "standing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveInfo:
    """One thing that happened to a proposal; `details` is what it says besides its words, such as the actor's roles."""

    move: Move
    state: ProposalState
    actor: str
    text: str
    evidence_sha256: str
    at: datetime
    ledger_seq: int
    details: Mapping[str, Any]

    @property
    def conditions(self) -> dict[str, Condition]:
        """What an approval hangs on, by a name that no other condition of the workspace has."""
        found = self.details.get("conditions", ())
        return {f"{self.ledger_seq}.{n}": Condition.read(content) for n, content in enumerate(found, start=1)}

    @property
    def roles(self) -> tuple[UserRole, ...]:
        """The roles of whoever decided, when they did; before roles were noted only reviewers decided."""
        return tuple(UserRole(role) for role in self.details.get("roles", (UserRole.REVIEWER,)))


def note_move(
    session: Session,
    actor: Actor,
    proposal: ProposalRow,
    move: Move,
    text: str,
    *,
    at: datetime,
    job_id: str | None = None,
    details: Mapping[str, Any] | None = None,
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
            **({"details": dict(details)} if details else {}),
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
            details=dict(details) if details else None,
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
            details=row.details or {},
        )
        for row in session.scalars(query)
    )


def approvals_of(session: Session, proposal: ProposalRow) -> tuple[MoveInfo, ...]:
    """Approvals of the evidence that the proposal rests on now."""
    return standing(moves_of(session, proposal), proposal.evidence_sha256)


def standing(moves: Sequence[MoveInfo], evidence_sha256: str) -> tuple[MoveInfo, ...]:
    """The approvals that stand: those of this evidence since it was last asked for."""
    asked = max((place for place, move in enumerate(moves) if move.move in ASKING), default=0)
    return tuple(m for m in moves[asked:] if m.move is Move.APPROVE and m.evidence_sha256 == evidence_sha256)


def conditions_of(moves: Sequence[MoveInfo], evidence_sha256: str) -> dict[str, tuple[Condition, MoveInfo | None]]:
    """The conditions of the approvals that stand, and who checked each last; None while nobody has."""
    checked = {str(move.details.get("condition")): move for move in moves if move.move is Move.MEET}
    return {
        name: (condition, checked.get(name))
        for approval in standing(moves, evidence_sha256)
        for name, condition in approval.conditions.items()
    }
