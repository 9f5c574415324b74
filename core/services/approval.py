"""What a proposal's approval lacks under the policy in force; asked alike when it is signed, run and asked of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.orm import Session

from core.governance.approval import Case, Signature, evidence_lacks, signing_lacks
from core.governance.evidence import Evidence
from core.governance.policy import SigningPolicy
from core.governance.proposals import ProposalKind
from core.services.checks import checks_of
from core.services.moves import MoveInfo, approvals_of, conditions_of, moves_of
from core.services.signing_policy import policy_for
from core.services.versions import info
from core.storage.repository import Repository
from core.storage.signing import ProposalRow
from core.storage.tables import ModelRow

__all__ = ["approval_lacks", "case_of", "evidence_barred"]


def case_of(
    session: Session, proposal: ProposalRow, evidence: Evidence, approvals: Sequence[MoveInfo], *, at: datetime
) -> Case:
    """What a policy judges: the checks of the evidence, and who signed it."""
    model, repository = session.get_one(ModelRow, proposal.model_id), Repository(session)
    version = None
    if proposal.version is not None and proposal.version in repository.versions(model):
        version = info(repository.version(model, proposal.version))
    until = evidence.report.get("evaluated_until")
    return Case(
        kind=ProposalKind(proposal.kind),
        checks={
            check.name: (check.outcome, check.why)
            for check in checks_of(evidence, stale=(), fresh_until=None, version=version)
        },
        signatures=[Signature(name=move.actor, roles=move.roles, at=move.at) for move in approvals],
        evaluated_until=None if until is None else datetime.fromisoformat(until),
        at=at,
    )


def approval_lacks(
    session: Session, proposal: ProposalRow, evidence: Evidence, *, at: datetime, is_done: bool = False
) -> tuple[str, ...]:
    """What the approval lacks now; () while it holds.

    Parameters
    ----------
    is_done : bool
        Whether what was approved is in force: how old its evaluation data were then counts, not how old they are.
    """
    approvals = approvals_of(session, proposal)
    policy, case = _policy(session, proposal), case_of(session, proposal, evidence, approvals, at=at)
    conditions = conditions_of(moves_of(session, proposal), proposal.evidence_sha256).values()
    case = replace(case, unmet=[condition for condition, checked in conditions if checked is None])
    judged_at = approvals[-1].at if is_done and approvals else at
    return (*evidence_lacks(policy, replace(case, at=judged_at)), *signing_lacks(policy, case))


def evidence_barred(session: Session, proposal: ProposalRow, evidence: Evidence, *, at: datetime) -> tuple[str, ...]:
    """What the policy asks of the evidence and it doesn't show: nobody can approve on it."""
    return evidence_lacks(_policy(session, proposal), case_of(session, proposal, evidence, (), at=at))


def _policy(session: Session, proposal: ProposalRow) -> SigningPolicy:
    model = session.get_one(ModelRow, proposal.model_id)
    return policy_for(session, model, ProposalKind(proposal.kind), proposal.arguments)
