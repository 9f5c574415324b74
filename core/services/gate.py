"""May a version be in force now? Only on an approval that is what the policy asks for, on evidence that still holds."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.governance.evidence import Evidence
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.services.approval import approval_lacks
from core.services.evidence import EvidenceService
from core.services.moves import approvals_of, moves_of
from core.services.versions import deployed
from core.storage.ledger import read_evidence
from core.storage.signing import DeploymentRow, ProposalRow
from core.storage.tables import ModelRow

__all__ = ["PUTS_IN_FORCE", "Gate", "gate_of"]

PUTS_IN_FORCE = (ProposalKind.PROMOTE, ProposalKind.ROLLBACK, ProposalKind.RENEW)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Whether a version may be in force now, and why, or why not."""

    is_open: bool
    why: str
    proposal_id: int | None = None
    approved_by: tuple[str, ...] = ()


def gate_of(session: Session, model: ModelRow, version: str, service: EvidenceService) -> Gate:
    """Whether the newest proposal to put a version in force lets it."""
    query = select(ProposalRow).where(
        ProposalRow.model_id == model.id, ProposalRow.version == version, ProposalRow.kind.in_(PUTS_IN_FORCE)
    )
    # A renewal that isn't done leaves the approval before it as it is.
    has_ended = ProposalRow.state.in_([ProposalState.DONE, ProposalState.REVOKED])
    is_pending = (ProposalRow.kind == ProposalKind.RENEW) & ~has_ended
    proposal = session.scalar(query.where(~is_pending).order_by(ProposalRow.id.desc()).limit(1))
    if proposal is None:
        return Gate(is_open=False, why=f"Nobody has asked to put {version} in force.")
    try:
        evidence = read_evidence(session, proposal.evidence_sha256)
    except ValueError as error:
        return Gate(is_open=False, why=str(error), proposal_id=proposal.id)
    champion = deployed(session, model)
    by = tuple(move.actor for move in approvals_of(session, proposal))
    if proposal.state == ProposalState.REVOKED:
        why, by = _revoked(session, proposal), ()
    elif champion is not None and champion.name == version and by and _put_in_force(session, proposal):
        why = _closed_in_force(session, model, proposal, evidence, service)
        opened = f"{version} is in force, approved by {' and '.join(by)} in proposal {proposal.id}."
    elif proposal.state == ProposalState.DONE:
        why, by = f"{version} isn't in force any more; proposal {proposal.id} was done before.", ()
    elif proposal.state not in (ProposalState.APPROVED, ProposalState.RUNNING) or not by:
        why, by = f"Proposal {proposal.id} is {proposal.state}.", ()
    else:
        why = _closed_before(session, model, proposal, evidence, service)
        opened = f"Proposal {proposal.id} was approved by {' and '.join(by)}."
    return Gate(is_open=not why, why=why or opened, proposal_id=proposal.id, approved_by=by)


def _revoked(session: Session, proposal: ProposalRow) -> str:
    """Who revoked an approval, when and why."""
    move = [move for move in moves_of(session, proposal) if move.move is Move.REVOKE][-1]
    return f"{move.actor} revoked the approval of proposal {proposal.id} on {move.at:%Y-%m-%d}: {move.text}"


def _closed_in_force(
    session: Session, model: ModelRow, proposal: ProposalRow, evidence: Evidence, service: EvidenceService
) -> str:
    """Why a version that is in force may be so no longer; '' if it may."""
    altered = service.stale_artefact(session, model, evidence)
    if altered:
        return f"Stale: {'; '.join(altered)}."
    lacking = approval_lacks(session, proposal, evidence, at=service.clock(), is_done=True)
    if lacking:
        return f"{proposal.version} is in force, but its approval isn't what the policy asks for: {'; '.join(lacking)}."
    return ""


def _closed_before(
    session: Session, model: ModelRow, proposal: ProposalRow, evidence: Evidence, service: EvidenceService
) -> str:
    """Why an approved version may not be put in force; '' if it may."""
    stale = service.stale(session, model, evidence, deep=True)
    if stale:
        return f"The approval is stale: {'; '.join(stale)}."
    lacking = approval_lacks(session, proposal, evidence, at=service.clock())
    return f"The approval isn't what the policy asks for: {'; '.join(lacking)}." if lacking else ""


def _put_in_force(session: Session, proposal: ProposalRow) -> bool:
    """Whether a version is in force by this proposal, or its approval was renewed by it."""
    if proposal.kind == ProposalKind.RENEW:
        return proposal.state == ProposalState.DONE
    return session.scalar(select(DeploymentRow.id).where(DeploymentRow.proposal_id == proposal.id)) is not None
