"""Intervals for rates, their differences and ratios, and means; each says how it was made."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaincinv, chdtr, chndtrinc, ndtri

from core.measure import Interval

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

Floats = NDArray[np.float64]

__all__ = [
    "clopper_pearson",
    "katz_ratio",
    "mean_interval",
    "mover_ratio",
    "newcombe_area",
    "newcombe_difference",
    "noncentralities",
    "noncentrality_interval",
    "normal_interval",
    "wilson",
]


def _z(confidence: float) -> float:
    return float(ndtri(0.5 + confidence / 2))


def wilson(successes: float, n: float, *, confidence: float = 0.95) -> Interval:
    """Which rates are compatible with `successes` out of `n`?

    Parameters
    ----------
    successes, n : int
        0 <= successes <= n and n >= 1. Of weighted rows the numbers that they are worth, which need not be whole.
    confidence : float
        Two-sided, in (0, 1).

    References
    ----------
    E. B. Wilson (1927), doi:10.1080/01621459.1927.10502953.

    Examples
    --------
    >>> interval = wilson(8, 10)
    >>> round(interval.low, 5), round(interval.high, 5)
    (0.49016, 0.94332)
    """
    _check_counts(successes, n)
    z2 = _z(confidence) ** 2
    p = successes / n
    centre = p + z2 / (2 * n)
    half = math.sqrt(z2 * (p * (1 - p) / n + z2 / (4 * n * n)))
    scale = 1 + z2 / n
    low = 0.0 if successes == 0 else max(0.0, (centre - half) / scale)
    high = 1.0 if successes == n else min(1.0, (centre + half) / scale)
    return Interval(low=low, high=high, confidence=confidence)


def newcombe_difference(k1: int, n1: int, k2: int, n2: int, *, confidence: float = 0.95) -> Interval:
    """How far apart are two independent rates, k1/n1 - k2/n2?

    References
    ----------
    R. G. Newcombe (1998), method 10, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> interval = newcombe_difference(56, 70, 48, 80)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0524, 0.3339)
    """
    first, second = wilson(k1, n1, confidence=confidence), wilson(k2, n2, confidence=confidence)
    p1, p2 = k1 / n1, k2 / n2
    low = p1 - p2 - math.hypot(p1 - first.low, second.high - p2)
    high = p1 - p2 + math.hypot(first.high - p1, p2 - second.low)
    return Interval(low=max(-1.0, low), high=min(1.0, high), confidence=confidence)


def newcombe_area(area: float, n_negative: int, n_positive: int, *, confidence: float = 0.95) -> Interval:
    """Which areas under the ROC curve are compatible with the one that so many rows of each class show?

    Parameters
    ----------
    area : float
        In [0, 1].
    n_negative, n_positive : int
        At least 1.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    Interval
        The areas that lie within z standard errors (Hanley and McNeil's, at that area) of the one observed; it
        has a width even at 0 and 1.

    References
    ----------
    R. G. Newcombe (2006), method 5, doi:10.1002/sim.2324.

    Examples
    --------
    >>> interval = newcombe_area(0.75, 50, 50)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.6419, 0.8309)
    """
    from scipy.optimize import brentq

    z = _z(confidence)
    extra = (n_negative + n_positive) / 2 - 1

    def excess(theta: float) -> float:
        spread = 1 + extra * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        variance = theta * (1 - theta) * spread / (n_negative * n_positive)
        return (area - theta) ** 2 - z * z * variance

    low = 0.0 if area == 0 else float(brentq(excess, 0.0, area if area < 1 else 1 - 1e-12))
    high = 1.0 if area == 1 else float(brentq(excess, area if area > 0 else 1e-12, 1.0))
    return Interval(low=low, high=high, confidence=confidence)


def mover_ratio(k1: int, n1: int, k2: int, n2: int, *, confidence: float = 0.95) -> Interval:
    """How large is the ratio of two independent rates, (k1/n1) / (k2/n2)? Zeros are allowed in k1.

    Raises
    ------
    ValueError
        If k2 is 0: the ratio has no value then.

    References
    ----------
    A. Donner, G. Y. Zou (2012), MOVER-R on Wilson limits, doi:10.1177/0962280210383473.

    Examples
    --------
    >>> interval = mover_ratio(30, 100, 60, 120)
    >>> round(interval.low, 5), round(interval.high, 5)
    (0.42169, 0.84241)
    """
    if k2 == 0:
        raise ValueError("The ratio of two rates has no value when the second is 0.")
    first, second = wilson(k1, n1, confidence=confidence), wilson(k2, n2, confidence=confidence)
    p1, p2 = k1 / n1, k2 / n2
    low = _mover_limit(p1, p2, first.low, second.high, -1)
    high = math.inf if second.low == 0 else _mover_limit(p1, p2, first.high, second.low, 1)
    return Interval(low=max(0.0, low), high=high, confidence=confidence)


def _mover_limit(p1: float, p2: float, end1: float, end2: float, sign: int) -> float:
    product = p1 * p2
    root = product * product - end1 * end2 * (2 * p1 - end1) * (2 * p2 - end2)
    return (product + sign * math.sqrt(max(root, 0.0))) / (end2 * (2 * p2 - end2))


def katz_ratio(k1: int, n1: int, k2: int, n2: int, *, confidence: float = 0.95) -> Interval:
    """The log-normal interval of a ratio of rates, undefined when either count is 0.

    References
    ----------
    D. Katz et al. (1978), doi:10.2307/2530610.

    Examples
    --------
    >>> interval = katz_ratio(30, 100, 60, 120)
    >>> round(interval.low, 5), round(interval.high, 5)
    (0.42333, 0.8504)
    """
    if not (k1 and k2):
        raise ValueError("Katz's interval has no value when a count is 0; mover_ratio has one.")
    log_ratio = math.log(k1 / n1) - math.log(k2 / n2)
    half = _z(confidence) * math.sqrt(1 / k1 - 1 / n1 + 1 / k2 - 1 / n2)
    return Interval(low=math.exp(log_ratio - half), high=math.exp(log_ratio + half), confidence=confidence)


def normal_interval(
    estimate: float,
    standard_error: float,
    *,
    confidence: float = 0.95,
    low: float = -math.inf,
    high: float = math.inf,
) -> Interval:
    """estimate +/- z * standard_error, cut to the domain [low, high].

    Examples
    --------
    >>> normal_interval(0.5, 0.1, confidence=0.9).high.__round__(4)
    0.6645
    """
    half = _z(confidence) * standard_error
    return Interval(low=max(low, estimate - half), high=min(high, estimate + half), confidence=confidence)


def mean_interval(n: int, total: float, total_of_squares: float, *, confidence: float = 0.95) -> Interval | None:
    """The interval of a mean from n, the sum and the sum of squares; None below two values.

    Examples
    --------
    >>> interval = mean_interval(4, 10.0, 30.0)
    >>> round(interval.low, 3), round(interval.high, 3)
    (1.235, 3.765)
    """
    if n < 2:
        return None
    mean = total / n
    variance = max(0.0, total_of_squares - n * mean * mean) / (n - 1)
    return normal_interval(mean, math.sqrt(variance / n), confidence=confidence)


def noncentrality_interval(statistic: float, df: int, *, confidence: float = 0.95) -> Interval:
    """Which noncentralities of a chi-square with `df` degrees of freedom are compatible with `statistic`?

    Examples
    --------
    >>> interval = noncentrality_interval(60.0, 9)
    >>> [round(math.sqrt(value / 1000), 4) for value in (interval.low, interval.high)]
    [0.1631, 0.292]
    """
    tail = (1 - confidence) / 2
    low, high = noncentralities(np.array([statistic]), df, 1 - tail), noncentralities(np.array([statistic]), df, tail)
    return Interval(low=float(low[0]), high=float(high[0]), confidence=confidence)


def noncentralities(statistic: ArrayLike, df: ArrayLike, probability: float) -> Floats:
    """For which noncentrality is a chi-square at most `statistic` with this probability?

    Parameters
    ----------
    statistic : float array
        0 or more.
    df : int or int array of the same shape
        Degrees of freedom, at least 1.
    probability : float
        In (0, 1).

    Returns
    -------
    float array
        0 where even the central chi-square is at most `statistic` less often. More than 64 statistics are
        read from a spline through exact values and are at most 0.001 off.

    Examples
    --------
    >>> noncentralities([60.0, 1.0], 9, 0.975).round(4).tolist()
    [26.5855, 0.0]
    """
    values, dfs = np.broadcast_arrays(np.asarray(statistic, dtype=np.float64), np.asarray(df, dtype=np.int64))
    found = np.zeros(values.shape)
    for one in np.unique(dfs):
        here = dfs == one
        found[here] = _noncentralities_of(values[here], int(one), probability)
    return found


FEW = 64
TABLE_END = 60.0  # root of the largest statistic in the table


def _noncentralities_of(values: Floats, df: int, probability: float) -> Floats:
    positive = chdtr(df, values) > probability
    found = np.zeros(values.shape)
    chosen = values[positive]
    if chosen.size > FEW:
        roots, in_table = np.sqrt(chosen), chosen <= TABLE_END**2
        read = np.empty(chosen.shape)
        read[in_table] = _table(df, probability)(roots[in_table])
        read[~in_table] = chndtrinc(chosen[~in_table], df, probability)
        found[positive] = np.maximum(read, 0.0)
    else:
        found[positive] = chndtrinc(chosen, df, probability)
    found[found <= 1e-9] = 0.0  # the inversion ends in denormal numbers where it should end in 0
    return found


@lru_cache(maxsize=512)
def _table(df: int, probability: float) -> CubicSpline:
    """A spline through exact noncentralities, from where they leave 0 on; its nodes lie closer there."""
    from scipy.interpolate import CubicSpline
    from scipy.special import chdtri

    start = math.sqrt(float(chdtri(df, 1 - probability)))
    nodes = start + (TABLE_END - start) * np.linspace(0, 1, 240) ** 2
    exact = chndtrinc(nodes**2, df, probability)
    exact[0] = 0.0
    return CubicSpline(nodes, exact)


def clopper_pearson(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """The exact (Clopper-Pearson) interval of a rate, for small n.

    References
    ----------
    C. J. Clopper, E. S. Pearson (1934), doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> clopper_pearson(0, 10).high.__round__(4)
    0.3085
    """
    _check_counts(successes, n)
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(betaincinv(successes, n - successes + 1, tail))
    high = 1.0 if successes == n else float(betaincinv(successes + 1, n - successes, 1 - tail))
    return Interval(low=low, high=high, confidence=confidence)


def _check_counts(successes: float, n: float) -> None:
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"A rate needs 0 <= successes <= n and n >= 1, got {successes} of {n}.")
