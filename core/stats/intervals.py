"""Intervals for rates, their differences and ratios, and means; each says how it was made."""

from __future__ import annotations

import math

from scipy.special import chndtrinc, ndtri
from scipy.stats import beta, chi2

from core.measure import Interval

__all__ = [
    "clopper_pearson",
    "katz_ratio",
    "mean_interval",
    "mover_ratio",
    "newcombe_difference",
    "noncentrality_interval",
    "normal_interval",
    "wilson",
]


def _z(confidence: float) -> float:
    return float(ndtri(0.5 + confidence / 2))


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Which rates are compatible with `successes` out of `n`?

    Parameters
    ----------
    successes, n : int
        0 <= successes <= n and n >= 1.
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
    return Interval(
        low=_noncentrality(statistic, df, 1 - tail),
        high=_noncentrality(statistic, df, tail),
        confidence=confidence,
    )


def _noncentrality(statistic: float, df: int, probability: float) -> float:
    """The noncentrality at which P(X <= statistic) is `probability`, 0 if it is lower even at none."""
    if chi2.cdf(statistic, df) <= probability:
        return 0.0
    found = float(chndtrinc(statistic, df, probability))
    return found if found > 1e-9 else 0.0  # the inversion ends in denormal numbers where it should end in 0


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
    low = 0.0 if successes == 0 else float(beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(beta.ppf(1 - tail, successes + 1, n - successes))
    return Interval(low=low, high=high, confidence=confidence)


def _check_counts(successes: int, n: int) -> None:
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"A rate needs 0 <= successes <= n and n >= 1, got {successes} of {n}.")
