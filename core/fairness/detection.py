"""How large a gap is beside what a policy lets pass, and what rows of this number could have found."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from scipy.special import ndtri

from core.fairness.groups import GroupRate
from core.fairness.policy import Decision, FairnessPolicy, Statistic
from core.measure import Interval
from core.stats.multiplicity import simultaneous
from core.stats.power import Side, minimum_detectable_difference, rows_to_detect, times_to_detect

__all__ = ["Facts", "Need", "detectable", "effect", "is_beyond", "rows_for_answer", "rows_needed", "where"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a verdict rests on: both rates, their gap with intervals that hold for the family, and the test."""

    group: GroupRate
    other: GroupRate
    share: float
    difference: float
    difference_limits: Interval
    ratio: float | None
    ratio_limits: Interval | None
    p_value: float | None
    n_comparisons: int


def is_beyond(facts: Facts, limit: float | None, statistic: Statistic) -> bool | None:
    """Whether the gap as it stands is beyond a limit, chance aside; None where there is no limit or no ratio.

    The ratio has two sides: 1.25 is as far as 0.8.
    """
    if limit is None or (statistic is Statistic.RATIO and facts.ratio is None):
        return None
    if statistic is Statistic.DIFFERENCE:
        return abs(facts.difference) > limit
    ratio = facts.ratio or 0.0
    return ratio < limit or (ratio > 1 and 1 / ratio < limit)


def where(facts: Facts, policy: FairnessPolicy) -> tuple[bool, bool]:
    """Whether the whole interval of the judged gap is beyond the limit, and whether it is within."""
    limit = policy.limit or 0.0
    if policy.statistic is Statistic.DIFFERENCE:
        interval, low, high = facts.difference_limits, -limit, limit
    elif facts.ratio_limits is None:
        return False, False
    else:
        interval, low, high = facts.ratio_limits, limit, 1 / limit
    return interval.low > high or interval.high < low, low <= interval.low and interval.high <= high


def effect(facts: Facts, policy: FairnessPolicy) -> float | None:
    """The difference that an audit must be able to find."""
    if policy.effect is None:
        return None
    return policy.effect if policy.statistic is Statistic.DIFFERENCE else _pooled(facts) * (1 - policy.effect)


def _pooled(facts: Facts) -> float:
    """The rate of both sides; never 0 or 1, which would need no rows."""
    return (facts.group.k + facts.other.k + 1) / (facts.group.n + facts.other.n + 2)


def detectable(facts: Facts, policy: FairnessPolicy) -> float | None:
    """The smallest difference that the test finds, on the side where it is larger."""
    least, rate = effect(facts, policy), _pooled(facts)
    if least is None:
        return None
    alpha = policy.alpha / max(1, facts.n_comparisons)
    found = [
        minimum_detectable_difference(
            rate, facts.group.n, facts.other.n, alpha=alpha, power=policy.power, side=side, exact=True
        )
        for side in _sides(rate, least)
    ]
    known = [difference for difference in found if difference is not None]
    return max(known) if known and len(known) == len(found) else None


def _sides(rate: float, least: float) -> Iterator[Side]:
    if rate - least >= 0:
        yield "below"
    if rate + least <= 1:
        yield "above"


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """The rows that both sides would need; the other side's are those it has if more of the group alone would do."""

    group: int
    other: int


def rows_for_answer(facts: Facts, policy: FairnessPolicy) -> Need | None:
    """How many rows would give an answer: of the group alone, or, if no number would do, of both as they are mixed now.

    None where the policy names no gap that would have to be found, or one that no pair of rates can have.
    """
    gap, rate = effect(facts, policy), _pooled(facts)
    if gap is None or policy.effect is None:
        return None
    n, n_other = facts.group.n, facts.other.n
    confidence = simultaneous(policy.confidence, facts.n_comparisons)
    if policy.decision is Decision.SIGNIFICANT:
        sides, level = list(_sides(rate, gap)), 1 - confidence
        if not sides:
            return None
        found = [
            rows_to_detect(rate, gap, n_other, alpha=level, power=policy.power, side=side, exact=True) for side in sides
        ]
        known = [rows for rows in found if rows is not None]
        alone = max(known) if len(known) == len(found) else None
        times = max(
            times_to_detect(rate, gap, n, n_other, alpha=level, power=policy.power, side=side, exact=True)
            for side in sides
        )
    else:
        variances = _difference_variances if policy.statistic is Statistic.DIFFERENCE else _ratio_variances
        wanted, of_group, of_other = variances(rate, policy.effect, confidence, policy.power)
        left = wanted - of_other / n_other
        alone = math.ceil(of_group / left) if left > 0 else None
        times = (of_group / n + of_other / n_other) / wanted
    if alone is not None:
        return Need(group=max(alone, policy.min_support), other=n_other)
    return Need(group=max(math.ceil(times * n), policy.min_support), other=math.ceil(times * n_other))


def _difference_variances(rate: float, margin: float, confidence: float, power: float) -> tuple[float, float, float]:
    """The variance a difference may have to be found at twice the margin, and a row's on both sides.

    The group's rate may differ either way; the one that needs more rows counts.
    """
    z = float(ndtri(0.5 + confidence / 2) + ndtri(power))
    group_rate = min(max(0.5, rate - 2 * margin), rate + 2 * margin)  # as close to 1/2 as it may lie
    return (margin / z) ** 2, group_rate * (1 - group_rate), rate * (1 - rate)


def _ratio_variances(rate: float, limit: float, confidence: float, power: float) -> tuple[float, float, float]:
    """The same of a ratio's logarithm, to be found as far below the limit as the limit is below 1."""
    z = float(ndtri(0.5 + confidence / 2) + ndtri(power))
    group_rate = rate * limit * limit
    return (math.log(limit) / z) ** 2, (1 - group_rate) / group_rate, (1 - rate) / rate


def rows_needed(
    rate: float, n_other: int, *, margin: float, confidence: float = 0.95, power: float = 0.8
) -> int | None:
    """How many rows must a group have, for a difference of twice `margin` to be found beyond it?

    Parameters
    ----------
    rate : float
        The rate of the other side, in (0, 1). The group's may differ either way; the one that needs
        more rows counts.
    n_other : int
        The rows of the other side, at least 1.
    margin, confidence : float
        What the interval must exceed, and its confidence.
    power : float
        In which share of cases.

    Returns
    -------
    int or None
        Rows of the rate's own denominator; None if the other side is too small for any number to do.

    Examples
    --------
    >>> rows_needed(0.3, 10_000, margin=0.05), rows_needed(0.3, 200, margin=0.05)
    (807, None)
    """
    wanted, of_group, of_other = _difference_variances(rate, margin, confidence, power)
    left = wanted - of_other / n_other
    return math.ceil(of_group / left) if left > 0 else None
