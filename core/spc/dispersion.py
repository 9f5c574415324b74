"""Do points differ by more than their counts explain? If so, by how much wider must the limits be?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError
from core.spc.chart import as_base, as_floats, mean_over, moving_ranges, per_point
from core.spc.factors import range_constants

__all__ = ["ALMOST_ONE", "Dispersion", "DispersionTest", "dispersion_test", "laney_sigma", "shared_variance"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

D2 = range_constants(2).d2
HALVINGS = 60
ALMOST_ONE = 1 - 1e-9  # a correlation of rows above which no law of shares has a variance
EVEN = 2.0  # times the smallest n: up to here all points are as wide by either model
CLEARLY = 2.0  # difference of log likelihoods from which n tells the two apart


class Dispersion(StrEnum):
    """By how much points vary beyond what rows of each explain: not at all, as much at every n, or more at a large n.

    ``SAMPLING`` is the plain p, u or X-bar chart. ``LANEY`` multiplies every standard error by one sigma_z.
    ``SHARED`` gives each point a shift of its own that all its rows share, so the variance of a score is
    1 + (n - 1) rho: beta-binomial for shares, negative binomial for counts, a component of variance for means.
    """

    SAMPLING = "sampling"
    LANEY = "laney"
    SHARED = "shared"


@dataclass(frozen=True, slots=True, kw_only=True)
class DispersionTest:
    """Which dispersion fits: the ratio of observed to expected variance, its p-value, and the advice with its reason.

    ``ratio`` is 1 where rows alone make the points differ. ``p_value`` is two-sided.
    """

    n_points: int
    ratio: float | None
    p_value: float | None
    advice: Dispersion
    why: str


def laney_sigma(score: ArrayLike, *, base: ArrayLike | None = None) -> Floats:
    """How much wider than chance do successive points differ? Laney's sigma_z: 1 if they don't.

    Parameters
    ----------
    score : array-like of shape (..., n_points)
        Distances from the common centre in the standard errors that rows alone would give.
    base : bool array-like, optional
        The points to take it from; a moving range needs two such neighbours.

    Returns
    -------
    float array of shape (..., 1)
        The mean moving range over 1.128; NaN where no two neighbours have a score.

    References
    ----------
    D. B. Laney (2002), doi:10.1081/QEN-120003555.

    Examples
    --------
    >>> laney_sigma([-0.82, -2.13, 1.63, 3.61]).round(3).tolist()
    [2.083]
    """
    values = as_floats(score, "scores")
    where = as_base(base, np.isfinite(values))
    ranges = moving_ranges(np.where(where, values, np.nan))
    return mean_over(ranges, np.isfinite(ranges)) / D2


def shared_variance(score: ArrayLike, excess: ArrayLike, *, base: ArrayLike | None = None) -> Floats:
    """Which rho makes the variance of a point's score 1 + excess * rho?

    Parameters
    ----------
    score : array-like of shape (..., n_points)
        As for `laney_sigma`.
    excess : array-like
        n - 1 for shares and means, the expected count for counts; broadcasts to the points.

    Returns
    -------
    float array of shape (..., 1)
        The rho of 0 or above at which squared scores, each over 1 + excess * rho, add up to their number less
        one; 0 where they do so without it, NaN with fewer than 2 points.

    References
    ----------
    D. A. Williams (1982), method of moments, doi:10.2307/2347977.

    Examples
    --------
    >>> shared_variance([3.0, -3.0, 3.0, -3.0], [99, 99, 99, 99]).round(4).tolist()
    [0.1111]
    """
    values = as_floats(score, "scores")
    where = as_base(base, np.isfinite(values))
    n = where.sum(axis=-1, keepdims=True)
    squares = np.where(where, values, 0.0) ** 2
    wider = np.maximum(per_point(excess, values, "excess"), 0.0)

    def surplus(rho: Floats) -> Floats:
        total: Floats = (squares / (1 + wider * rho)).sum(axis=-1, keepdims=True)
        return np.asarray(total - (n - 1))

    low = np.zeros(n.shape)
    needed = (surplus(low) > 0) & (n >= 2)
    high = np.ones(n.shape)  # of a share rho is at most 1; of counts and means it may be more
    for _ in range(HALVINGS):
        short = needed & (surplus(high) > 0)
        if not short.any():
            break
        high = np.where(short, 2 * high, high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        short = surplus(middle) > 0
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    return np.asarray(np.where(n >= 2, np.where(needed, (low + high) / 2, 0.0), np.nan))


def dispersion_test(
    score: ArrayLike, excess: ArrayLike, *, base: ArrayLike | None = None, level: float = 0.05
) -> DispersionTest:
    """Are plain limits right, or which wider (or narrower) ones are?

    Parameters
    ----------
    score, excess, base
        As for `shared_variance`, of one series.
    level : float
        The test's size, in (0, 1).

    Returns
    -------
    DispersionTest
        Rows alone explain the points unless the sum of squared scores is in either tail of a chi-square with one
        degree of freedom less than there are points. If they differ more, and n differs by a factor of two or
        more, the likelihood of the scores decides between one sigma_z for all n and a variance that grows with
        n; where it can't, and where points differ less than chance, Laney's sigma_z is advised.

    Raises
    ------
    InputError
        For more than one series.

    References
    ----------
    The index of dispersion: W. G. Cochran (1954), doi:10.2307/3001616. For limits too narrow at a large n:
    D. B. Laney (2002), doi:10.1081/QEN-120003555.

    Examples
    --------
    >>> test = dispersion_test([-3.1, 2.9, 3.4, -2.7, -4.0, 3.6], [9999] * 6)
    >>> test.advice, round(test.ratio, 1)
    (<Dispersion.LANEY: 'laney'>, 13.2)
    """
    from scipy.stats import chi2

    values = as_floats(score, "scores")
    if values.ndim != 1:
        raise InputError(f"The test is of one series, got scores of shape {values.shape}.")
    where = as_base(base, np.isfinite(values))
    n = int(where.sum())
    if n < 2:
        why = "Fewer than two points: how much they differ can't be told."
        return DispersionTest(n_points=n, ratio=None, p_value=None, advice=Dispersion.SAMPLING, why=why)
    z, wider = values[where], np.maximum(per_point(excess, values, "excess")[where], 0.0)
    total = float(z @ z)
    upper, lower = float(chi2.sf(total, n - 1)), float(chi2.cdf(total, n - 1))
    ratio, p_value = total / (n - 1), min(1.0, 2 * min(upper, lower))
    advice, why = _advised(z, wider, ratio, is_certain=p_value < level)
    return DispersionTest(n_points=n, ratio=ratio, p_value=p_value, advice=advice, why=why)


def _advised(z: Floats, excess: Floats, ratio: float, *, is_certain: bool) -> tuple[Dispersion, str]:
    """The dispersion to chart with, and why."""
    if not is_certain:
        return Dispersion.SAMPLING, f"Points differ as much as their rows explain (variance ratio {ratio:.2f})."
    if ratio < 1:
        return Dispersion.LANEY, f"Points differ less than their rows explain (variance ratio {ratio:.2f})."
    more = f"Points differ more than their rows explain (variance ratio {ratio:.3g})"
    if excess.min() <= 0 or excess.max() / excess.min() < EVEN:
        return Dispersion.LANEY, f"{more}; n hardly varies, so one sigma_z is right for all."
    rho = float(shared_variance(z, excess)[0])
    gain = _log_likelihood(z, 1 + excess * rho) - _log_likelihood(z, np.full(z.shape, ratio))
    if gain > CLEARLY:
        return Dispersion.SHARED, f"{more}, the more so the larger n is (log likelihood {gain:+.1f})."
    if gain < -CLEARLY:
        return Dispersion.LANEY, f"{more}, as much at every n (log likelihood {-gain:+.1f})."
    return Dispersion.SHARED, (
        f"{more}; whether the more so at a large n, {z.size} points can't tell, and limits that widen with n are right "
        "if each window has a shift of its own."
    )


def _log_likelihood(z: Floats, variance: Floats) -> float:
    return float(-0.5 * (np.log(variance) + z**2 / variance).sum())
