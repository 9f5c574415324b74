"""Whether a proposal has what a policy asks for: one judgement for deciding, for the worker, the gate and a dry run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.governance.checks import CheckName, Outcome
from core.governance.conditions import Condition
from core.governance.identity import UserRole
from core.governance.policy import SigningPolicy
from core.governance.proposals import ProposalKind
from core.governance.quorum import vacant

__all__ = ["Case", "Signature", "evidence_lacks", "lacks", "seat_words", "signing_lacks"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Somebody's approval of the evidence, with the roles that they had when they signed."""

    name: str
    roles: tuple[UserRole, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What a policy judges: what the evidence shows, who signed it, and when it is judged.

    ``checks`` gives each check's outcome and reason; ``evaluated_until`` is the time of the newest record of the
    evaluation data, None where the evidence rests on none; ``unmet`` are the conditions of the approval that nobody
    has checked yet.
    """

    kind: ProposalKind
    checks: Mapping[CheckName, tuple[Outcome, str]]
    signatures: Sequence[Signature]
    evaluated_until: datetime | None
    at: datetime
    unmet: Sequence[Condition] = ()


def lacks(policy: SigningPolicy, case: Case) -> tuple[str, ...]:
    """What an approval lacks under a policy, in words; () where it has all that the policy asks for.

    Examples
    --------
    >>> from datetime import UTC
    >>> day = datetime(2026, 5, 4, tzinfo=UTC)
    >>> by = [Signature(name="ines", roles=(UserRole.REVIEWER,), at=day)]
    >>> case = Case(kind=ProposalKind.PROMOTE, checks={}, signatures=by, evaluated_until=None, at=day)
    >>> lacks(SigningPolicy(), case)
    ()
    >>> lacks(SigningPolicy.read({"seats": ["validator", "owner"]}), case)
    ('nobody has signed as validator and owner',)
    """
    return (*evidence_lacks(policy, case), *signing_lacks(policy, case))


def evidence_lacks(policy: SigningPolicy, case: Case) -> tuple[str, ...]:
    """What the evidence doesn't show, whoever signs it; a check is asked of evidence of a kind that has it."""
    return tuple(_evidence_lacks(policy, case))


def seat_words(seats: Sequence[UserRole]) -> str:
    """Seats in words.

    Examples
    --------
    >>> seat_words([UserRole.OWNER, UserRole.VALIDATOR, UserRole.OWNER])
    '2 owners and 1 validator'
    >>> seat_words([UserRole.VALIDATOR, UserRole.OWNER])
    'validator and owner'
    """
    counts = {seat: list(seats).count(seat) for seat in dict.fromkeys(seats)}
    if max(counts.values(), default=1) == 1:
        words = [str(seat) for seat in counts]
    else:
        words = [f"{n} {seat}{'' if n == 1 else 's'}" for seat, n in counts.items()]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def _evidence_lacks(policy: SigningPolicy, case: Case) -> Iterator[str]:
    for name, demand in policy.checks.items():
        if name in case.checks:
            outcome, why = case.checks[name]
            if not demand.is_met_by(outcome):
                yield f"the check {name} must {demand}, it came to: {outcome} ({why.rstrip('.')})"
    until, days = case.evaluated_until, policy.evaluation_days
    if days is not None and until is not None and case.at - until > timedelta(days=days):
        yield f"the evaluation data end on {until:%Y-%m-%d}, more than {days:g} days before"


def signing_lacks(policy: SigningPolicy, case: Case) -> Iterator[str]:
    """Who hasn't signed, or that the approval has run out."""
    missing = vacant(policy.seats_for(case.kind), [signature.roles for signature in case.signatures])
    if missing:
        yield f"nobody has signed as {seat_words(missing)}"
    elif policy.approval_days is not None:
        last = max(signature.at for signature in case.signatures)
        if case.at - last > timedelta(days=policy.approval_days):
            yield f"the approval of {last:%Y-%m-%d} lasted {policy.approval_days:g} days"
    for condition in case.unmet:
        if case.at > condition.due_at:
            yield f"the condition {condition.text!r} of {condition.owner} was due on {condition.due_at:%Y-%m-%d}"
