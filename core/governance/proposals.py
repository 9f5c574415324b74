"""Proposals: one table of states and moves, and who may make which move, with the reason in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from core.governance.identity import Actor, Right, UserRole
from core.governance.quorum import fills, vacant

__all__ = ["MOVES", "Move", "ProposalKind", "ProposalState", "Refusal", "next_state", "refusal"]


class ProposalKind(StrEnum):
    """What is asked for."""

    RETRAIN = "retrain"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RETIRE = "retire"
    RENEW = "renew"  # the approval of the version in force
    POLICY = "policy"
    ACCEPT_DRIFT = "accept_drift"  # as harmless: a wider margin of one series
    REBASELINE = "rebaseline"  # another period to hold windows against


class ProposalState(StrEnum):
    """Where a proposal stands. A draft was opened by an alarm and asks nobody yet."""

    DRAFT = "draft"
    OPEN = "open"
    CHANGES_REQUESTED = "changes requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class Move(StrEnum):
    """What can be done to a proposal; the last three are the worker's."""

    OPEN = "open"
    SUBMIT = "submit"
    REFRESH = "refresh evidence"
    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_CHANGES = "request changes"
    COMMENT = "comment"
    WITHDRAW = "withdraw"
    RETRY = "retry"
    REVOKE = "revoke"
    MEET = "check condition"
    START = "start"
    FINISH = "finish"
    FAIL = "fail"


S, M = ProposalState, Move
MOVES = MappingProxyType(
    {
        (S.DRAFT, M.SUBMIT): S.OPEN,
        (S.DRAFT, M.WITHDRAW): S.WITHDRAWN,
        (S.DRAFT, M.COMMENT): S.DRAFT,
        (S.OPEN, M.APPROVE): S.APPROVED,
        (S.OPEN, M.REJECT): S.REJECTED,
        (S.OPEN, M.REQUEST_CHANGES): S.CHANGES_REQUESTED,
        (S.OPEN, M.REFRESH): S.OPEN,
        (S.OPEN, M.COMMENT): S.OPEN,
        (S.OPEN, M.WITHDRAW): S.WITHDRAWN,
        (S.CHANGES_REQUESTED, M.REFRESH): S.OPEN,
        (S.CHANGES_REQUESTED, M.COMMENT): S.CHANGES_REQUESTED,
        (S.CHANGES_REQUESTED, M.WITHDRAW): S.WITHDRAWN,
        (S.CHANGES_REQUESTED, M.REJECT): S.REJECTED,
        (S.APPROVED, M.START): S.RUNNING,
        (S.APPROVED, M.FAIL): S.FAILED,
        (S.APPROVED, M.REVOKE): S.REVOKED,
        (S.DONE, M.REVOKE): S.REVOKED,
        **{(state, M.MEET): state for state in (S.OPEN, S.APPROVED, S.RUNNING, S.FAILED, S.DONE)},
        (S.RUNNING, M.FINISH): S.DONE,
        (S.RUNNING, M.FAIL): S.FAILED,
        (S.FAILED, M.RETRY): S.APPROVED,
        (S.FAILED, M.REFRESH): S.OPEN,
        (S.FAILED, M.COMMENT): S.FAILED,
        (S.FAILED, M.WITHDRAW): S.WITHDRAWN,
    }
)
DECISIONS = frozenset({M.APPROVE, M.REJECT, M.REQUEST_CHANGES})
AFTER_DECIDING = frozenset({M.REVOKE, M.MEET})
ON_FRESH_EVIDENCE = frozenset({M.APPROVE, M.RETRY, M.START})
BY_WORKER = frozenset({M.START, M.FINISH, M.FAIL})
NOBODY: Mapping[str, Collection[UserRole]] = MappingProxyType({})
SIGNED_TO_ASK = frozenset({ProposalKind.RENEW, ProposalKind.POLICY})  # who may decide, and for how long
ASKING = frozenset({M.OPEN, M.SUBMIT, M.REFRESH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a move can't be made, in words a person can act on."""

    reason: str


def next_state(state: ProposalState, move: Move, *, is_complete: bool = True) -> ProposalState | None:
    """The state a move leads to; None where the move isn't possible.

    Parameters
    ----------
    is_complete : bool
        Whether an approval fills the last seat of the quorum; else the proposal stays as it is.

    Examples
    --------
    >>> next_state(ProposalState.OPEN, Move.APPROVE)
    <ProposalState.APPROVED: 'approved'>
    >>> next_state(ProposalState.REJECTED, Move.APPROVE) is None
    True
    """
    following = MOVES.get((state, move))
    return state if following is not None and move is Move.APPROVE and not is_complete else following


def refusal(
    move: Move,
    actor: Actor,
    *,
    state: ProposalState,
    requester: str | None,
    askers: Collection[str] = (),
    stale: tuple[str, ...] = (),
    seats: Sequence[UserRole] = (UserRole.REVIEWER,),
    signatures: Mapping[str, Collection[UserRole]] = NOBODY,
    lacking: tuple[str, ...] = (),
    reason: str = "x",
) -> Refusal | None:
    """Why `actor` may not make this move; None if the move is theirs to make.

    Parameters
    ----------
    requester : str or None
        Who asked; None for a draft that an alarm opened.
    askers : collection of str
        Whoever else asked for it, such as by refreshing its evidence: they can't approve it either.
    stale : tuple of str
        Why the evidence no longer holds.
    seats : sequence of UserRole
        Who must sign.
    signatures : mapping
        Who has signed the evidence already, and the roles they had then.
    lacking : tuple of str
        What the policy asks of the evidence and it doesn't show.
    reason : str
        What the actor gives as the reason of a decision.

    Examples
    --------
    >>> from core.governance.identity import UserRole
    >>> ines = Actor(name="Ines", roles=(UserRole.REVIEWER,))
    >>> refusal(Move.APPROVE, ines, state=ProposalState.OPEN, requester="Ines").reason
    'You asked for this: you cannot approve it.'
    """
    if next_state(state, move) is None:
        return Refusal(reason=f"A proposal that is {state} can't be changed by: {move}.")
    decides = move in DECISIONS | AFTER_DECIDING
    needed = Right.DECIDE if decides else Right.RUN_JOBS if move in BY_WORKER else Right.PROPOSE
    if not actor.may(needed):
        return Refusal(reason=f"You ({', '.join(actor.roles)}) may not {move}: that needs the right to {needed}.")
    if own := _asked(move, actor, requester, askers):
        return Refusal(reason=own)
    if move is M.WITHDRAW and requester is not None and actor.name != requester:
        return Refusal(reason=f"Only {requester}, who asked, can withdraw this; you can reject it.")
    if move in ON_FRESH_EVIDENCE and stale:
        return Refusal(reason=f"The evidence is stale: {'; '.join(stale)}. It has to be refreshed first.")
    why = None
    if move is M.APPROVE:
        why = _no_seat(actor, seats, signatures)
    if why is None and move in ON_FRESH_EVIDENCE and lacking:
        why = f"The policy isn't met: {'; '.join(lacking)}."
    if why is None and decides and not reason.strip():
        why = "A decision needs a reason."
    return None if why is None else Refusal(reason=why)


def _no_seat(actor: Actor, seats: Sequence[UserRole], signatures: Mapping[str, Collection[UserRole]]) -> str | None:
    """Why the actor's signature would fill no seat; None if it fills one."""
    if actor.name in signatures:
        return "You have signed already: one person fills one seat."
    signed = list(signatures.values())
    if fills(seats, signed, actor.roles):
        return None
    left = " or ".join(dict.fromkeys(vacant(seats, signed)))
    return f"The seat that is left is for: {left}. You are: {', '.join(actor.roles)}."


def _asked(move: Move, actor: Actor, requester: str | None, askers: Collection[str]) -> str | None:
    """Why somebody who asked can't make the move; None if they may, or didn't ask."""
    if move in DECISIONS and actor.name == requester:
        if move is M.APPROVE:
            return "You asked for this: you cannot approve it."
        return f"You asked for this: you cannot {move}; withdraw it, or refresh its evidence."
    if move is M.APPROVE and actor.name in askers:
        return "You asked for this too, on evidence that you refreshed: you cannot approve it."
    return None
