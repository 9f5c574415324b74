"""The life of an alert: which moves there are, who makes them, and what each leads to."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["LIVE", "NEEDS_REASON", "OUT_OR_OVER", "OVER", "AlertMove", "AlertState", "next_state"]


class AlertState(StrEnum):
    """Where an alert stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    HARMLESS = "harmless"


class AlertMove(StrEnum):
    """What can be done to an alert; the first five are Plumbline's own."""

    FIRE = "fire"
    JOIN = "join"  # more that began in the days after
    RETURN = "return"  # all of it is back within its margin
    WITHDRAW = "withdraw"  # rows that came late, or were retracted, took its reason away
    SUPERSEDE = "supersede"  # judged anew, on another reference or policy
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    ANNOTATE = "annotate"  # as harmless
    REOPEN = "reopen"
    COMMENT = "comment"


NEEDS_REASON = frozenset({AlertMove.RESOLVE, AlertMove.ANNOTATE, AlertMove.REOPEN, AlertMove.COMMENT})
OVER = (AlertMove.RETURN, AlertMove.WITHDRAW, AlertMove.SUPERSEDE)  # nothing of it is out any more
OUT_OR_OVER = (AlertMove.FIRE, AlertMove.JOIN, *OVER)
LIVE = (AlertState.OPEN, AlertState.ACKNOWLEDGED)
_ENDED = (AlertState.RESOLVED, AlertState.HARMLESS)
_MOVES: dict[AlertMove, dict[AlertState, AlertState]] = {
    AlertMove.ACKNOWLEDGE: {AlertState.OPEN: AlertState.ACKNOWLEDGED},
    AlertMove.RESOLVE: dict.fromkeys(LIVE, AlertState.RESOLVED),
    AlertMove.ANNOTATE: dict.fromkeys(LIVE, AlertState.HARMLESS),
    AlertMove.REOPEN: dict.fromkeys(_ENDED, AlertState.OPEN),
}


def next_state(state: AlertState, move: AlertMove) -> AlertState | None:
    """What a move leads to from a state; None where it can't be made there.

    Examples
    --------
    >>> next_state(AlertState.OPEN, AlertMove.ACKNOWLEDGE)
    <AlertState.ACKNOWLEDGED: 'acknowledged'>
    >>> next_state(AlertState.RESOLVED, AlertMove.ACKNOWLEDGE) is None
    True
    """
    return _MOVES[move].get(state) if move in _MOVES else state
