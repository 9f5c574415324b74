"""What another policy would have decided on the cases of the past, beside what was decided."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.governance.approval import evidence_lacks, lacks
from core.governance.policy import PolicyChange
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.services.approval import case_of
from core.services.moves import MoveInfo, moves_of, standing
from core.services.signing_policy import changed, policy_of
from core.storage.ledger import read_evidence
from core.storage.signing import ProposalRow
from core.storage.tables import ModelRow

__all__ = ["PastCase", "dry_run"]

MOST_CASES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCase:
    """A proposal that was decided, and what it would have lacked under another policy; () if nothing.

    `was` is the decision that was made. `problem` says why its evidence can't be read, '' where it can.
    """

    proposal_id: int
    model: str
    kind: ProposalKind
    version: str | None
    decided_at: datetime
    was: Move
    would_lack: tuple[str, ...]
    problem: str

    @property
    def would_differ(self) -> bool:
        """Whether what was approved would not have been; what was rejected is no policy's to approve."""
        return self.was is Move.APPROVE and bool(self.would_lack)

    def to_dict(self) -> dict[str, Any]:
        """The form that evidence freezes."""
        return {
            "proposal": self.proposal_id,
            "model": self.model,
            "kind": str(self.kind),
            "version": self.version,
            "decided_at": self.decided_at.isoformat(),
            "was": str(self.was),
            "would_lack": list(self.would_lack),
            "problem": self.problem,
        }


def dry_run(session: Session, model: ModelRow, change: PolicyChange) -> tuple[PastCase, ...]:
    """The newest decided proposals that a change is about, the newest first: of the model, or of all of its tier.

    Signatures count with the roles that people had when they signed, and evidence as it was frozen: measures are
    not compared anew with other margins.
    """
    models = [model]
    if change.of_tier is not None:
        everyone = session.scalars(select(ModelRow).order_by(ModelRow.id))
        models = [row for row in everyone if policy_of(session, row).tier is change.of_tier]
    found: list[PastCase] = []
    query = select(ProposalRow).where(ProposalRow.model_id.in_([row.id for row in models]))
    for proposal in session.scalars(query.order_by(ProposalRow.id.desc())):
        moves = moves_of(session, proposal)
        decisions = [m for m in moves if m.state in (ProposalState.APPROVED, ProposalState.REJECTED)]
        decisions = [m for m in decisions if m.move in (Move.APPROVE, Move.REJECT)]
        if decisions:
            found.append(_past(session, proposal, decisions[-1], moves, change))
        if len(found) == MOST_CASES:
            break
    return tuple(found)


def _past(
    session: Session, proposal: ProposalRow, decision: MoveInfo, moves: tuple[MoveInfo, ...], change: PolicyChange
) -> PastCase:
    model = session.get_one(ModelRow, proposal.model_id)
    policy = changed(session, change)
    if change.of_tier is not None:  # what a model's own rules say holds over those of its tier
        policy = PolicyChange(rules=policy_of(session, model).own).over(change.rules)
    past = PastCase(
        proposal_id=proposal.id,
        model=model.name,
        kind=ProposalKind(proposal.kind),
        version=proposal.version,
        decided_at=decision.at,
        was=decision.move,
        would_lack=(),
        problem="",
    )
    try:
        evidence = read_evidence(session, decision.evidence_sha256)
    except ValueError as error:
        return replace(past, problem=str(error))
    approvals = standing(moves[: moves.index(decision) + 1], decision.evidence_sha256)
    case = case_of(session, proposal, evidence, approvals, at=decision.at)
    judge = evidence_lacks if decision.move is Move.REJECT else lacks
    return replace(past, would_lack=judge(policy, case))
