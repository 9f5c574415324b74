"""The policy of signing that holds for a model: the rules of its tier, and its own where it has any."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.compare.measures import MEASURES
from core.errors import InputError, UnknownNameError
from core.governance.identity import Actor, UserRole
from core.governance.policy import PolicyChange, RiskTier, SigningPolicy
from core.governance.proposals import ProposalKind
from core.governance.quorum import can_fill, vacant
from core.storage.database import take_lock
from core.storage.ledger import append
from core.storage.signing import AccountRow, ProposalRow, SigningPolicyRow
from core.storage.tables import ModelRow

__all__ = [
    "TIER_SUBJECT",
    "PolicyInForce",
    "changed",
    "check_change",
    "newest",
    "policy_for",
    "policy_of",
    "put_in_force",
    "signers_asked",
    "tier_policy",
]

TIER_SUBJECT = "policy of tier"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyInForce:
    """The rules that hold for a model; `of_tier` and `own` are what was set for its tier and for itself."""

    policy: SigningPolicy
    tier: RiskTier
    of_tier: Mapping[str, Any]
    own: Mapping[str, Any]

    def source(self, rule: str) -> str:
        """Who set a rule: the model itself, its tier, or nobody."""
        return "the model" if rule in self.own else f"the tier {self.tier}" if rule in self.of_tier else "the default"


def newest(session: Session, *, model: ModelRow | None = None, tier: RiskTier | None = None) -> SigningPolicyRow | None:
    """The rules set last for a model, or for a tier; None where none were."""
    query = select(SigningPolicyRow).order_by(SigningPolicyRow.id.desc()).limit(1)
    if model is not None:
        return session.scalar(query.where(SigningPolicyRow.model_id == model.id))
    return session.scalar(query.where(SigningPolicyRow.model_id.is_(None), SigningPolicyRow.tier == tier))


def tier_policy(session: Session, tier: RiskTier) -> PolicyInForce:
    """The rules that the models of a tier begin with."""
    row = newest(session, tier=tier)
    rules = row.rules if row is not None else {}
    return PolicyInForce(policy=SigningPolicy.read(rules), tier=tier, of_tier=rules, own={})


def policy_of(session: Session, model: ModelRow) -> PolicyInForce:
    """The rules that hold for a model."""
    row = newest(session, model=model)
    own = PolicyChange(rules=row.rules if row is not None else {})
    of_tier = tier_policy(session, own.model_tier).of_tier
    return PolicyInForce(policy=own.over(of_tier), tier=own.model_tier, of_tier=of_tier, own=own.rules)


def policy_for(session: Session, model: ModelRow, kind: ProposalKind, arguments: Mapping[str, Any]) -> SigningPolicy:
    """The rules that a proposal is decided by: those of the model, but of the tier where it would change a tier's."""
    if kind is ProposalKind.POLICY:
        change = PolicyChange.read(arguments)
        if change.of_tier is not None:
            return tier_policy(session, change.of_tier).policy
    return policy_of(session, model).policy


def signers_asked(session: Session, model: ModelRow, kind: ProposalKind) -> tuple[UserRole, ...]:
    """Who has to sign what a model's proposals of a kind do; () while nobody set that, for all kinds or for this one.

    What only people who sign may do can then be done by no other way.
    """
    found = policy_of(session, model)
    is_set = found.source("seats") != "the default" or kind in found.policy.seats_of
    return found.policy.seats_for(kind) if is_set else ()


def changed(session: Session, change: PolicyChange) -> SigningPolicy:
    """The policy that a change leads to."""
    return change.over({} if change.of_tier is not None else tier_policy(session, change.model_tier).of_tier)


def check_change(session: Session, arguments: Mapping[str, Any], *, requester: str | None) -> None:
    """Raise InputError where a policy can't be read, or asks for people whom nobody is."""
    policy = changed(session, PolicyChange.read(arguments))
    known = {measure for measures in MEASURES.values() for measure in measures}
    for name in policy.margins:
        if name not in known:
            raise UnknownNameError("measure of a comparison", name, known)
    accounts = session.scalars(select(AccountRow).where(AccountRow.disabled_at.is_(None)))
    roles = [[UserRole(role) for role in row.roles] for row in accounts if row.name != requester]
    for seats in {policy.seats, *policy.seats_of.values()}:
        missing = vacant(seats, [r for r in roles if any(can_fill(r, seat) for seat in seats)])
        if missing:
            raise InputError(
                f"The policy asks for {' and '.join(seats)}, and besides who asks too few people have these roles "
                f"({missing[0]} is missing): nothing could be approved under it. An admin can give the roles first."
            )


def put_in_force(session: Session, proposal: ProposalRow, actor: Actor, *, job_id: str, at: datetime) -> bool:
    """Set the rules that an approved proposal asks for, once; whether anything changed."""
    if session.scalar(select(SigningPolicyRow.id).where(SigningPolicyRow.proposal_id == proposal.id)) is not None:
        return False
    take_lock(session, "signing policies")
    change = PolicyChange.read(proposal.arguments)
    model = session.get_one(ModelRow, proposal.model_id)
    receipt = append(
        session,
        at=at,
        actor=actor.name,
        action="policy.set",
        objects={
            "model": None if change.of_tier else model.name,
            "tier": str(change.of_tier or change.model_tier),
            "rules": dict(change.rules),
            "policy": changed(session, change).digest,
            "proposal": proposal.id,
            "evidence": proposal.evidence_sha256,
            "job": job_id,
        },
    )
    session.add(
        SigningPolicyRow(
            model_id=None if change.of_tier else model.id,
            tier=change.of_tier or change.model_tier,
            rules=dict(change.rules),
            proposal_id=proposal.id,
            at=at,
            ledger_seq=receipt.seq,
        )
    )
    session.flush()
    return True
