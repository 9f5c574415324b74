"""What people did that a chart may show: versions put in force, and decisions on proposals."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.governance.proposals import DECISIONS, ProposalKind
from core.services.reference import SET, changes_of
from core.storage.signing import DeploymentRow, ProposalMoveRow, ProposalRow
from core.storage.tables import ModelRow

__all__ = ["ChartMark", "chart_marks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartMark:
    """Something that was done at an instant; a deployment names the version in force from then on, None for none."""

    is_deployment: bool
    at: datetime
    words: str
    proposal_id: int
    version: str | None = None


def chart_marks(session: Session, model: ModelRow) -> tuple[ChartMark, ...]:
    """Deployments of a model and decisions on its proposals, in the order of time."""
    deployments = session.scalars(select(DeploymentRow).where(DeploymentRow.model_id == model.id)).all()
    marks = [
        ChartMark(
            is_deployment=True,
            at=row.at,
            words=f"{row.version or 'no version'} in force",
            proposal_id=row.proposal_id,
            version=row.version,
        )
        for row in deployments
    ]
    moves = session.execute(
        select(ProposalMoveRow, ProposalRow)
        .join(ProposalRow, ProposalRow.id == ProposalMoveRow.proposal_id)
        .where(ProposalRow.model_id == model.id, ProposalMoveRow.move.in_([str(move) for move in DECISIONS]))
    ).all()
    for move, proposal in moves:
        what = {ProposalKind.ROLLBACK: "roll back to"}.get(ProposalKind(proposal.kind), proposal.kind)
        marks.append(
            ChartMark(
                is_deployment=False,
                at=move.at,
                words=f"{move.actor} chose to {move.move}: {what} {proposal.version or ''}".strip(),
                proposal_id=proposal.id,
            )
        )
    marks += _references(session, model)
    return tuple(sorted(marks, key=lambda mark: (mark.at, not mark.is_deployment)))


def _references(session: Session, model: ModelRow) -> list[ChartMark]:
    """Where windows began to be held against another reference."""
    found = []
    for entry in changes_of(session, model):
        is_set = entry.action == SET
        days = f"{entry.objects['from'][:10]} to {entry.objects['to'][:10]}" if is_set else "of before"
        proposal = entry.objects["proposal" if is_set else "revokes"]
        found.append(ChartMark(is_deployment=False, at=entry.at, words=f"reference {days}", proposal_id=proposal))
    return found
