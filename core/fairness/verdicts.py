"""Disparity, no evidence, or not enough data: how a difference of two rates is judged, and in which words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import ndtri

from core.fairness.groups import GroupRate
from core.fairness.support import counted
from core.measure import Interval, Measure, Status

__all__ = ["FOUR_FIFTHS", "four_fifths", "in_words", "judge", "names", "no_ratio", "overall", "percent", "rows_needed"]

POWER = 0.8
FOUR_FIFTHS = 0.8


def rows_needed(rate: float, n_other: int, *, margin: float, confidence: float = 0.95) -> int | None:
    """How many rows must a group have, for a difference of twice `margin` to be found in 4 cases of 5?

    Parameters
    ----------
    rate : float
        The rate of the other side, in (0, 1). The group's may differ either way; the one that needs
        more rows counts.
    n_other : int
        The rows of the other side, at least 1.
    margin, confidence : float
        What the interval must exceed, and its confidence.

    Returns
    -------
    int or None
        Rows of the rate's own denominator; None if the other side is too small for any number to do.

    Examples
    --------
    >>> rows_needed(0.3, 10_000, margin=0.05), rows_needed(0.3, 200, margin=0.05)
    (807, None)
    """
    z = float(ndtri(0.5 + confidence / 2) + ndtri(POWER))
    group_rate = min(max(0.5, rate - 2 * margin), rate + 2 * margin)  # as close to 1/2 as it may lie
    left = (margin / z) ** 2 - rate * (1 - rate) / n_other  # the variance that the group's rate may have
    return math.ceil(group_rate * (1 - group_rate) / left) if left > 0 else None


def judge(
    group: GroupRate, other: GroupRate, change: Interval, *, margin: float, min_support: int
) -> tuple[Status, str]:
    """Is the difference group - other beyond the margin, within it, or can't that be told?

    Parameters
    ----------
    group, other : GroupRate
        Both have a rate.
    change : Interval
        Of the difference of the rates, at the confidence to judge it at.
    margin : float
        The largest difference that does not matter, in (0, 1).
    min_support : int
        The least denominator that is judged.

    Returns
    -------
    (Status, str)
        CRITICAL (disparity), OK (no evidence) or INSUFFICIENT (not enough data), and the reason.
    """
    p1, p2 = group.k / group.n, other.k / other.n
    gap = f"{_points(p1 - p2)} {'higher' if p1 > p2 else 'lower'} than" if p1 != p2 else "the same as for"
    facts = (
        f"{group.group}: {in_words(group.measure)} {p1:.1%}, {gap} {other.group} ({p2:.1%}); "
        f"at {percent(change.confidence)} confidence {_span(change)}"
    )
    thin = next((side for side in (group, other) if side.status is Status.INSUFFICIENT), None)
    if thin is not None:
        why = f"{facts}. Not enough data: {thin.group} has {thin.why}"
        if thin is group:
            why = f"{why} {_need(group, other, change.confidence, margin, min_support)}"
        return Status.INSUFFICIENT, why
    if change.low > margin or change.high < -margin:
        return Status.CRITICAL, f"{facts}, beyond the margin of {_points(margin)}."
    if -margin <= change.low and change.high <= margin:
        return Status.OK, f"{facts}, within the margin of {_points(margin)}."
    need = _need(group, other, change.confidence, margin, min_support)
    return Status.INSUFFICIENT, f"{facts}: not enough data to tell whether it exceeds {_points(margin)}. {need}"


def overall(differences: Sequence[tuple[Measure, bool]], *, margin: float) -> tuple[Status, str]:
    """One verdict on all groups: the worst on a group that has enough support (the flag of each pair)."""
    assessed = [gap for gap, supported in differences if supported]
    beyond = [gap.segment for gap in assessed if gap.status is Status.CRITICAL]
    undecided = [gap.segment for gap in assessed if gap.status is Status.INSUFFICIENT]
    if beyond:
        return Status.CRITICAL, f"Disparity: more than {_points(margin)} from the rest: {names(beyond)}."
    if not assessed:
        return Status.INSUFFICIENT, "Not enough data to judge any group against the rest."
    if undecided:
        return Status.INSUFFICIENT, f"Not enough data to tell for {names(undecided)}."
    return Status.OK, f"No evidence: every group assessed lies within {_points(margin)} of the rest."


def four_fifths(rate: str, low: float, high: float) -> str:
    """The convention of 29 CFR 1607.4(D) in words; it ignores chance, so it is shown and decides nothing."""
    if rate != "selection_rate":
        return ""
    side = "below" if low < FOUR_FIFTHS * high else "not below"
    return f"The lower selection rate is {low / high:.2f} of the higher, {side} the four-fifths convention (0.8). "


def no_ratio(rate: str, where: str) -> str:
    """Why a ratio over a rate of 0 has no value."""
    what = "No selections" if rate == "selection_rate" else f"The {in_words(rate)} is 0"
    return f"{what} {where}: the ratio has no value."


def in_words(measure: str) -> str:
    """A measure's name as it stands in a sentence."""
    return measure.replace("_", " ")


def percent(confidence: float) -> str:
    """A confidence to four digits: 95%, 99.17%."""
    return f"{100 * confidence:.4g}%"


def names(groups: Sequence[str]) -> str:
    """The first five names, and how many more there are."""
    return ", ".join(groups[:5]) + (f" and {len(groups) - 5} more" if len(groups) > 5 else "")


def _need(group: GroupRate, other: GroupRate, confidence: float, margin: float, min_support: int) -> str:
    pooled = (group.k + other.k + 1) / (group.n + other.n + 2)  # never 0 or 1, which would need no rows
    needed = rows_needed(pooled, other.n, margin=margin, confidence=confidence)
    find = f"find a difference of {_points(2 * margin)} in 4 cases of 5"
    if needed is None:
        return f"With {counted(other.measure, other.n)} in {other.group}, no size of the group would {find}."
    if max(needed, min_support) <= group.n:
        return f"There is enough to {find}; this one is too close to the margin to call."
    return f"To {find}, {group.group} needs {counted(group.measure, max(needed, min_support))}; it has {group.n:,}."


def _points(difference: float) -> str:
    return f"{abs(100 * difference):.1f} points"


def _span(change: Interval) -> str:
    low, high = 100 * change.low, 100 * change.high
    if low >= 0:
        return f"between {low:.1f} and {high:.1f} points higher"
    if high <= 0:
        return f"between {-high:.1f} and {-low:.1f} points lower"
    return f"between {-low:.1f} points lower and {high:.1f} points higher"
