"""Proposals: one table of states and moves, and who may make which move, with the reason in words."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from core.governance.identity import Actor, Right

__all__ = ["MOVES", "Move", "ProposalKind", "ProposalState", "Refusal", "next_state", "refusal"]


class ProposalKind(StrEnum):
    """What is asked for."""

    RETRAIN = "retrain"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    RETIRE = "retire"


class ProposalState(StrEnum):
    """Where a proposal stands. A draft was opened by an alarm and asks nobody yet."""

    DRAFT = "draft"
    OPEN = "open"
    CHANGES_REQUESTED = "changes requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
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
        (S.RUNNING, M.FINISH): S.DONE,
        (S.RUNNING, M.FAIL): S.FAILED,
        (S.FAILED, M.RETRY): S.APPROVED,
        (S.FAILED, M.REFRESH): S.OPEN,
        (S.FAILED, M.COMMENT): S.FAILED,
        (S.FAILED, M.WITHDRAW): S.WITHDRAWN,
    }
)
DECISIONS = frozenset({M.APPROVE, M.REJECT, M.REQUEST_CHANGES})
ON_FRESH_EVIDENCE = frozenset({M.APPROVE, M.RETRY, M.START})
BY_WORKER = frozenset({M.START, M.FINISH, M.FAIL})
ASKING = frozenset({M.OPEN, M.SUBMIT, M.REFRESH})


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Why a move can't be made, in words a person can act on."""

    reason: str


def next_state(state: ProposalState, move: Move) -> ProposalState | None:
    """The state a move leads to; None where the move isn't possible.

    Examples
    --------
    >>> next_state(ProposalState.OPEN, Move.APPROVE)
    <ProposalState.APPROVED: 'approved'>
    >>> next_state(ProposalState.REJECTED, Move.APPROVE) is None
    True
    """
    return MOVES.get((state, move))


def refusal(
    move: Move,
    actor: Actor,
    *,
    state: ProposalState,
    requester: str | None,
    askers: Collection[str] = (),
    stale: tuple[str, ...] = (),
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
    needed = Right.DECIDE if move in DECISIONS else Right.RUN_JOBS if move in BY_WORKER else Right.PROPOSE
    if not actor.may(needed):
        return Refusal(reason=f"You ({', '.join(actor.roles)}) may not {move}: that needs the right to {needed}.")
    if move in DECISIONS and actor.name == requester:
        return Refusal(reason=f"You asked for this: you cannot {move} it." if move is M.APPROVE else _own(move))
    if move is M.APPROVE and actor.name in askers:
        return Refusal(reason="You asked for this too, on evidence that you refreshed: you cannot approve it.")
    if move is M.WITHDRAW and requester is not None and actor.name != requester:
        return Refusal(reason=f"Only {requester}, who asked, can withdraw this; you can reject it.")
    if move in ON_FRESH_EVIDENCE and stale:
        return Refusal(reason=f"The evidence is stale: {'; '.join(stale)}. It has to be refreshed first.")
    if move in DECISIONS and not reason.strip():
        return Refusal(reason="A decision needs a reason.")
    return None


def _own(move: Move) -> str:
    return f"You asked for this: you cannot {move}; withdraw it, or refresh its evidence."
