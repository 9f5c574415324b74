"""What a comparison of two rates can find: the smallest difference for its rows, the rows for a difference."""

from __future__ import annotations

import math
from typing import Literal

from scipy.special import ndtri

__all__ = ["minimum_detectable_difference", "rows_to_detect", "times_to_detect"]

MOST_ROWS = 10**9
Side = Literal["below", "above"]


def minimum_detectable_difference(
    rate: float,
    n: int,
    n_other: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    side: Side = "below",
    exact: bool = False,
) -> float | None:
    """How far must a group's rate lie from `rate` for the z-test of two rates to find it?

    Parameters
    ----------
    rate : float
        The rate of the other side, in (0, 1).
    n, n_other : int
        Rows of the group and of the other side, at least 1 each.
    alpha, power : float
        Of the two-sided test with pooled variance, both in (0, 1).
    side : "below" or "above"
        Where the group's rate is thought to lie.
    exact : bool
        For Fisher's exact test instead, by the continuity correction that approximates it.

    Returns
    -------
    float or None
        The difference, above 0; None if not even a rate of 0 (or 1) would be found.

    References
    ----------
    J. L. Fleiss, B. Levin, M. C. Paik (2003), Statistical Methods for Rates and Proportions, section 4.

    Examples
    --------
    >>> round(minimum_detectable_difference(0.30, 100, 1000), 5)
    0.1272
    >>> minimum_detectable_difference(0.02, 30, 1000) is None
    True
    """
    from scipy.optimize import brentq

    if not (0 < rate < 1 and n >= 1 and n_other >= 1):
        raise ValueError(f"Needs a rate between 0 and 1 and rows on both sides, got {rate}, {n} and {n_other}.")
    room = rate if side == "below" else 1 - rate

    def lacking(difference: float) -> float:
        continuity = (1 / n + 1 / n_other) / 2 if exact else 0.0
        return _reach(rate, _moved(rate, difference, side), (n, n_other), alpha, power) + continuity - difference

    if lacking(room) > 0:
        return None
    return float(brentq(lacking, 0.0, room))


def rows_to_detect(
    rate: float,
    difference: float,
    n_other: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    side: Side = "below",
    exact: bool = False,
) -> int | None:
    """How many rows must a group have for a difference to be found; None if the other side is too small for any.

    Examples
    --------
    >>> rows_to_detect(0.30, 0.1272, 1000), rows_to_detect(0.30, 0.1, 80)
    (101, None)
    """

    group = _moved(rate, difference, side)

    def is_found(n: int) -> bool:
        continuity = (1 / n + 1 / n_other) / 2 if exact else 0.0
        return _reach(rate, group, (n, n_other), alpha, power) + continuity <= difference

    if not is_found(MOST_ROWS):
        return None
    low, high = 0, 1
    while not is_found(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_found(middle) else (middle, high)
    return high


def times_to_detect(
    rate: float,
    difference: float,
    n: int,
    n_other: int,
    *,
    alpha: float = 0.05,
    power: float = 0.8,
    side: Side = "below",
    exact: bool = False,
) -> float:
    """How many times as many rows on both sides would find a difference, as they are mixed now?

    Examples
    --------
    >>> round(times_to_detect(0.30, 0.1272, 100, 1000), 2), round(times_to_detect(0.30, 0.05, 300, 300), 2)
    (1.0, 4.17)
    """
    reach = _reach(rate, _moved(rate, difference, side), (n, n_other), alpha, power)
    continuity = (1 / n + 1 / n_other) / 2 if exact else 0.0
    # With f times the rows: reach / sqrt(f) + continuity / f <= difference, a square in 1 / sqrt(f).
    root = 2 * difference / (reach + math.sqrt(reach * reach + 4 * continuity * difference))
    return 1 / (root * root)


def _moved(rate: float, difference: float, side: Side) -> float:
    return max(0.0, rate - difference) if side == "below" else min(1.0, rate + difference)


def _reach(rate: float, group: float, n: tuple[int, int], alpha: float, power: float) -> float:
    """The least difference that the test finds with this power, if the group's true rate is `group`."""
    pooled = (n[0] * group + n[1] * rate) / (n[0] + n[1])
    limit = float(ndtri(1 - alpha / 2)) * math.sqrt(pooled * (1 - pooled) * (1 / n[0] + 1 / n[1]))
    spread = math.sqrt(group * (1 - group) / n[0] + rate * (1 - rate) / n[1])
    return limit + float(ndtri(power)) * spread
