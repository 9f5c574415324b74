"""Two rates compared inside strata and pooled: Mantel and Haenszel's estimates and Cochran's test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri

from core.measure import Interval

__all__ = ["MantelHaenszel", "mantel_haenszel"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class MantelHaenszel:
    """A comparison pooled over strata; what has no value (a sum of 0 below the line) is None.

    ``statistic`` is Cochran, Mantel and Haenszel's chi-square with one degree of freedom, without continuity
    correction and with it; ``n`` and ``n_strata`` count the strata that hold rows of both sides, ``n_left_out`` the
    rows of the others.
    """

    odds_ratio: float | None
    odds_ratio_interval: Interval | None
    risk_difference: float | None
    risk_difference_interval: Interval | None
    risk_ratio: float | None
    risk_ratio_interval: Interval | None
    statistic: float | None
    statistic_corrected: float | None
    p_value: float | None
    n: int
    n_strata: int
    n_left_out: int


def mantel_haenszel(k1: Ints, n1: Ints, k2: Ints, n2: Ints, *, confidence: float = 0.95) -> MantelHaenszel:
    """How do two sides compare inside the same stratum, on average over the strata?

    Parameters
    ----------
    k1, n1, k2, n2 : int arrays of shape (n_strata,)
        Successes and rows of both sides by stratum, 0 <= k <= n. A stratum without rows of both sides is left out.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    MantelHaenszel
        Odds ratio with the interval of Robins, Breslow and Greenland; difference with Sato's, ratio of rates with
        Greenland and Robins'.

    Raises
    ------
    ValueError
        If the counts are no rates.

    References
    ----------
    N. Mantel, W. Haenszel (1959), doi:10.1093/jnci/22.4.719; W. G. Cochran (1954), doi:10.2307/3001616;
    J. Robins, N. Breslow, S. Greenland (1986), doi:10.2307/2531052; S. Greenland, J. Robins (1985),
    doi:10.2307/2530643; T. Sato (1989), doi:10.2307/2531781.

    Examples
    --------
    >>> pooled = mantel_haenszel(*np.array([[5, 8], [10, 20], [2, 5], [10, 25]]))
    >>> round(pooled.odds_ratio, 3), round(pooled.risk_difference, 3), pooled.n_strata
    (3.03, 0.231, 2)
    """
    k1, n1, k2, n2 = (np.asarray(x, dtype=np.int64) for x in (k1, n1, k2, n2))
    if (k1 < 0).any() or (k1 > n1).any() or (k2 < 0).any() or (k2 > n2).any():
        raise ValueError("Successes must lie between 0 and the rows of their stratum.")
    used = (n1 > 0) & (n2 > 0)
    strata = _Strata(*(x[used].astype(np.float64) for x in (k1, n1 - k1, k2, n2 - k2)))
    z = float(ndtri(0.5 + confidence / 2))

    def on_log_scale(value: float | None, variance: float | None) -> Interval | None:
        if value is None or variance is None:
            return None
        half = z * math.sqrt(variance)
        return Interval(low=value * math.exp(-half), high=value * math.exp(half), confidence=confidence)

    odds_ratio, odds_variance = strata.odds_ratio()
    risk_ratio, ratio_variance = strata.risk_ratio()
    difference, variance = strata.risk_difference()
    limits = None
    if difference is not None:
        half = z * math.sqrt(variance)
        limits = Interval(low=max(-1.0, difference - half), high=min(1.0, difference + half), confidence=confidence)
    statistic, corrected = strata.chi_square()
    return MantelHaenszel(
        odds_ratio=odds_ratio,
        odds_ratio_interval=on_log_scale(odds_ratio, odds_variance),
        risk_difference=difference,
        risk_difference_interval=limits,
        risk_ratio=risk_ratio,
        risk_ratio_interval=on_log_scale(risk_ratio, ratio_variance),
        statistic=statistic,
        statistic_corrected=corrected,
        p_value=None if statistic is None else float(chdtrc(1, statistic)),
        n=int((n1 + n2)[used].sum()),
        n_strata=int(used.sum()),
        n_left_out=int((n1 + n2)[~used].sum()),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Strata:
    """Successes and failures of both sides by stratum, each side with rows; arrays of shape (n_strata,)."""

    a: Floats
    b: Floats
    c: Floats
    d: Floats

    def odds_ratio(self) -> tuple[float | None, float | None]:
        """The common odds ratio and the variance of its logarithm."""
        a, b, c, d, t = self.a, self.b, self.c, self.d, self._total
        r, s, p, q = a * d / t, b * c / t, (a + d) / t, (b + c) / t
        over, under = float(r.sum()), float(s.sum())
        if not (over and under):
            return (over / under if under else None), None
        terms = (p * r).sum() / over**2 + (p * s + q * r).sum() / (over * under) + (q * s).sum() / under**2
        return over / under, float(terms) / 2

    def risk_ratio(self) -> tuple[float | None, float | None]:
        """The common ratio of rates and the variance of its logarithm."""
        t, m1, m2 = self._total, self._first, self._second
        over, under = float((self.a * m2 / t).sum()), float((self.c * m1 / t).sum())
        if not (over and under):
            return (over / under if under else None), None
        spread = (m1 * m2 * (self.a + self.c) - self.a * self.c * t) / t**2
        return over / under, max(0.0, float(spread.sum())) / (over * under)

    def risk_difference(self) -> tuple[float | None, float]:
        """The common difference of rates and its variance."""
        a, b, c, d, t, m1, m2 = self.a, self.b, self.c, self.d, self._total, self._first, self._second
        total = float((m1 * m2 / t).sum())
        if not total:
            return None, 0.0
        value = float((a * m2 / t - c * m1 / t).sum()) / total
        p = (m1**2 * c - m2**2 * a + m1 * m2 * (m2 - m1) / 2) / t**2
        q = (a * d + c * b) / (2 * t)
        return value, max(0.0, value * float(p.sum()) + float(q.sum())) / total**2

    def chi_square(self) -> tuple[float | None, float | None]:
        """Cochran, Mantel and Haenszel's statistic, without and with continuity correction."""
        t, m1, m2, k = self._total, self._first, self._second, self.a + self.c
        several = t > 1
        parts = (m1 * m2 * k * (t - k))[several] / (t**2 * (t - 1))[several]
        variance = float(parts.sum())
        if not variance:
            return None, None
        excess = abs(float((self.a - m1 * k / t).sum()))
        return excess**2 / variance, max(0.0, excess - 0.5) ** 2 / variance

    @property
    def _first(self) -> Floats:
        return self.a + self.b

    @property
    def _second(self) -> Floats:
        return self.c + self.d

    @property
    def _total(self) -> Floats:
        return self.a + self.b + self.c + self.d
