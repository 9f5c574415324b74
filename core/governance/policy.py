"""The rules of signing as data: what evidence must show, who must sign, and how long an approval holds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from core.errors import InputError
from core.governance.checks import CheckName, Demand
from core.governance.evidence import digest_of
from core.governance.identity import UserRole
from core.governance.proposals import ProposalKind
from core.governance.quorum import SEATS

__all__ = ["PolicyChange", "RiskTier", "SigningPolicy"]

MAX_SEATS = 9
MAX_DAYS = 3650.0
TIER = "tier"
Days = Annotated[float, Field(gt=0, le=MAX_DAYS)]


class RiskTier(StrEnum):
    """How much harm a model can do; each tier has rules that its models begin with."""

    LOW = "low"
    STANDARD = "standard"
    HIGH = "high"


class SigningPolicy(BaseModel):
    """The rules of signing; part of the evidence of every proposal, so that changing them makes it stale.

    `seats`: the roles that must sign, one person a seat, and `seats_of` where a kind of proposal takes others.
    `checks`: what evidence must show, of those checks that its kind has. `margins`: how much worse a measure may
    be, in its own unit. `max_age_days`: how long evidence holds if nothing changes; `evaluation_days`: how old the
    newest record of a candidate's evaluation data may be when it is approved; `approval_days`: how long an approval
    lasts; None for no limit. `condition_days`: how far ahead a condition of an approval may be due; 0 allows none.

    Examples
    --------
    >>> policy = SigningPolicy.read({"seats": ["validator", "owner"], "seats_of": {"retrain": ["reviewer"]}})
    >>> [str(seat) for seat in policy.seats_for(ProposalKind.PROMOTE)], policy.max_age_days
    (['validator', 'owner'], 14.0)
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seats: tuple[UserRole, ...] = (UserRole.REVIEWER,)
    seats_of: Mapping[ProposalKind, tuple[UserRole, ...]] = Field(default_factory=dict)
    checks: Mapping[CheckName, Demand] = Field(default_factory=dict)
    margins: Mapping[str, float] = Field(default_factory=dict)
    max_age_days: Days = 14.0
    evaluation_days: Days | None = None
    approval_days: Days | None = None
    condition_days: Annotated[float, Field(ge=0, le=MAX_DAYS)] = 90.0

    @field_validator("seats")
    @classmethod
    def _seated(cls, seats: tuple[UserRole, ...]) -> tuple[UserRole, ...]:
        if not 1 <= len(seats) <= MAX_SEATS:
            raise ValueError(f"name 1 to {MAX_SEATS} seats, got {len(seats)}")
        for seat in seats:
            if seat not in SEATS:
                raise ValueError(f"{seat} may decide nothing; a seat is for a {', '.join(SEATS[:-1])} or {SEATS[-1]}")
        return seats

    @field_validator("seats_of")
    @classmethod
    def _all_seated(
        cls, seats_of: Mapping[ProposalKind, tuple[UserRole, ...]]
    ) -> Mapping[ProposalKind, tuple[UserRole, ...]]:
        return {kind: cls._seated(seats) for kind, seats in seats_of.items()}

    @field_validator("margins")
    @classmethod
    def _usable(cls, margins: Mapping[str, float]) -> Mapping[str, float]:
        for name, margin in margins.items():
            if not (math.isfinite(margin) and margin >= 0):
                raise ValueError(f"the margin of {name} must be a number of 0 or more, got {margin}")
        return margins

    @field_validator("checks")
    @classmethod
    def _asked(cls, checks: Mapping[CheckName, Demand]) -> Mapping[CheckName, Demand]:
        if CheckName.FRESH in checks:
            raise ValueError("stale evidence is never approved, whatever the policy: leave 'fresh' out")
        return checks

    @classmethod
    def read(cls, content: Mapping[str, Any]) -> Self:
        """A policy from a form or a file; raises InputError that names every key that is wrong."""
        try:
            return cls.model_validate(dict(content))
        except ValidationError as error:
            problems = [
                f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}"
                + (f", got {e['input']!r}" if e["type"] == "enum" else "")
                for e in error.errors()
            ]
            raise InputError(f"The signing policy can't be used: {'; '.join(problems)}.") from error

    def seats_for(self, kind: ProposalKind) -> tuple[UserRole, ...]:
        """Who must sign a proposal of this kind."""
        return self.seats_of.get(kind, self.seats)

    def to_dict(self) -> dict[str, Any]:
        """All rules, as JSON can write them."""
        return self.model_dump(mode="json")

    @property
    def digest(self) -> str:
        """Names the rules as they are."""
        return digest_of(self.to_dict())


class PolicyChange(BaseModel):
    """What a proposal to change a policy asks for: the rules of a whole tier, or those of one model.

    `of_tier` is the tier whose rules they are; None for the model's own. `rules` replaces what was set before:
    of a model they may name its `tier`, whose rules hold wherever its own say nothing.

    Examples
    --------
    >>> PolicyChange.read({"policy": {"tier": "high", "approval_days": 365}}).model_tier
    <RiskTier.HIGH: 'high'>
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    of_tier: RiskTier | None = None
    rules: Mapping[str, Any]

    @classmethod
    def read(cls, arguments: Mapping[str, Any]) -> Self:
        """What a proposal's arguments say; raises InputError where they can't be read."""
        rules = arguments.get("policy")
        if not isinstance(rules, Mapping):
            raise InputError("A proposal to change a policy needs its rules, as a table of keys and values.")
        try:
            tier = None if arguments.get(TIER) is None else RiskTier(arguments[TIER])
            own = RiskTier(rules.get(TIER, RiskTier.STANDARD))
        except ValueError as error:
            raise InputError(f"{error}; a tier is {', '.join(RiskTier)}.") from error
        if tier is not None and TIER in rules:
            raise InputError(f"The rules of the tier {tier} can't name another tier ({own}).")
        change = cls(of_tier=tier, rules=dict(rules))
        change.over({})
        return change

    @property
    def model_tier(self) -> RiskTier:
        """The tier that a model's own rules put it in."""
        return RiskTier(self.rules.get(TIER, RiskTier.STANDARD))

    def over(self, tier: Mapping[str, Any]) -> SigningPolicy:
        """The policy that these rules make over those of a tier; raises InputError."""
        return SigningPolicy.read({**tier, **{key: value for key, value in self.rules.items() if key != TIER}})
