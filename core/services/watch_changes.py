"""Decisions that change what a model is watched by: doing them, telling that they were done, and taking them back."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from sqlalchemy.orm import Session

from core.governance.identity import Actor
from core.governance.ledger import Entry
from core.governance.proposals import ProposalKind
from core.services.acceptance import accept, effect_of, take_back
from core.services.baseline import StagedBaseline, baseline_set_by, restore, set_baseline, stage_baseline
from core.storage.files import WorkspaceFiles
from core.storage.signing import ProposalRow

__all__ = ["CHANGES_WATCH", "done_by", "staged_change", "undo", "watch_change"]

CHANGES_WATCH = (ProposalKind.ACCEPT_DRIFT, ProposalKind.REBASELINE)


def staged_change(
    session: Session, files: WorkspaceFiles, proposal: ProposalRow, folder: Path
) -> StagedBaseline | None:
    """What is made in `folder` before the transaction that changes anything; None where nothing has to be."""
    return stage_baseline(session, files, proposal, folder) if proposal.kind == ProposalKind.REBASELINE else None


def watch_change(
    session: Session,
    files: WorkspaceFiles,
    proposal: ProposalRow,
    actor: Actor,
    staged: StagedBaseline | None,
    *,
    job_id: str,
    at: datetime,
) -> str:
    """Do what an approved proposal asks for, once; what was done, in words."""
    if proposal.kind == ProposalKind.ACCEPT_DRIFT:
        return accept(session, proposal, actor, job_id=job_id, at=at)
    return set_baseline(session, files, proposal, actor, staged, job_id=job_id, at=at)


def done_by(session: Session, proposal: ProposalRow) -> Entry | None:
    """The entry of the ledger by which a proposal changed what its model is watched by; None while it hasn't."""
    if proposal.kind == ProposalKind.ACCEPT_DRIFT:
        return effect_of(session, proposal)
    return baseline_set_by(session, proposal) if proposal.kind == ProposalKind.REBASELINE else None


def undo(session: Session, proposal: ProposalRow, actor: Actor, *, reason: str, at: datetime) -> None:
    """Take back what a proposal that is revoked changed; raises ConflictError where that can't be told apart."""
    if proposal.kind == ProposalKind.ACCEPT_DRIFT:
        take_back(session, proposal, actor, reason=reason, at=at)
    if proposal.kind == ProposalKind.REBASELINE:
        restore(session, proposal, actor, reason=reason, at=at)
