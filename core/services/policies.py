"""Policies of signing, to look at: what holds for a model, what held before, and what another would have decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from core.governance.identity import Actor, Right, allowed
from core.governance.policy import PolicyChange, RiskTier, SigningPolicy
from core.governance.proposals import ProposalKind
from core.services.dry_run import PastCase, dry_run
from core.services.moves import approvals_of
from core.services.signing_policy import PolicyInForce, changed, check_change, policy_for, policy_of, tier_policy
from core.storage.database import Database
from core.storage.repository import Repository
from core.storage.signing import ProposalRow, SigningPolicyRow

__all__ = ["PolicyPreview", "PolicySet", "SigningPolicyService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySet:
    """Rules that were put in force: of a model, or, where `is_tier`, of a whole tier."""

    is_tier: bool
    tier: RiskTier
    rules: Mapping[str, Any]
    at: datetime
    proposal_id: int
    requester: str | None
    approved_by: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPreview:
    """The rules that a change replaces, those it leads to, and what these would have decided on past cases."""

    before: SigningPolicy
    after: SigningPolicy
    cases: tuple[PastCase, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningPolicyService:
    """Read policies of signing; they are changed by proposals only."""

    database: Database

    @allowed(Right.READ)
    def show(self, actor: Actor, model: str) -> PolicyInForce:  # noqa: ARG002 (every service call takes the actor)
        """The rules that hold for a model, and where they come from."""
        with self.database.read() as session:
            return policy_of(session, Repository(session).model(model))

    @allowed(Right.READ)
    def tier(self, actor: Actor, tier: RiskTier) -> PolicyInForce:  # noqa: ARG002
        """The rules that the models of a tier begin with."""
        with self.database.read() as session:
            return tier_policy(session, tier)

    @allowed(Right.READ)
    def history(self, actor: Actor, model: str) -> tuple[PolicySet, ...]:  # noqa: ARG002
        """Every change of the rules of a model and of tiers, the newest first."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            query = select(SigningPolicyRow).where(
                (SigningPolicyRow.model_id == row.id) | SigningPolicyRow.model_id.is_(None)
            )
            found = []
            for stored in session.scalars(query.order_by(SigningPolicyRow.id.desc())):
                proposal = session.get_one(ProposalRow, stored.proposal_id)
                found.append(
                    PolicySet(
                        is_tier=stored.model_id is None,
                        tier=RiskTier(stored.tier),
                        rules=stored.rules,
                        at=stored.at,
                        proposal_id=proposal.id,
                        requester=proposal.requester,
                        approved_by=tuple(move.actor for move in approvals_of(session, proposal)),
                        reason=proposal.reason,
                    )
                )
            return tuple(found)

    @allowed(Right.READ)
    def preview(
        self, actor: Actor, model: str, rules: Mapping[str, Any], *, tier: RiskTier | None = None
    ) -> PolicyPreview:
        """What other rules would have decided on the cases of a model, or of all models of a tier.

        Raises
        ------
        InputError
            If the rules can't be read, or nothing could be approved under them.
        """
        arguments = {"policy": dict(rules), "tier": tier}
        change = PolicyChange.read(arguments)
        with self.database.read() as session:
            row = Repository(session).model(model)
            check_change(session, arguments, requester=actor.name)
            return PolicyPreview(
                before=policy_for(session, row, ProposalKind.POLICY, arguments),
                after=changed(session, change),
                cases=dry_run(session, row, change),
            )
