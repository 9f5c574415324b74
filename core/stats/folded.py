"""The law of a weighted sum of absolute deviations: how far apart two samples look without any drift.

Total variation and Wasserstein-1 are such sums, of shares and of distribution functions. Their deviations
are about normal with a known covariance; the sum is given the chi law of its exact mean and variance, which
is the exact law for one deviation and close to normal for many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, gammaln, ndtri

__all__ = ["FoldedSum", "deviation_covariance", "folded_sum", "unfolded_limits"]

Floats = NDArray[np.float64]

CLEAR = 3.0  # standard errors from which the sign of a deviation is taken as known


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldedSum:
    """A sum of absolute deviations without drift: its mean, the bias, and its standard deviation."""

    mean: float
    standard_deviation: float

    def p_value(self, observed: float) -> float:
        """How often the sum is at least `observed`."""
        if self.standard_deviation <= 0:
            return 1.0 if observed <= self.mean else 0.0
        df, scale = self._chi()
        return float(chdtrc(df, (max(observed, 0.0) / scale) ** 2))

    def critical_value(self, alpha: float) -> float:
        """What the sum exceeds with probability `alpha`."""
        if self.standard_deviation <= 0:
            return self.mean
        df, scale = self._chi()
        return scale * math.sqrt(float(chdtri(df, alpha)))

    def _chi(self) -> tuple[float, float]:
        """Degrees of freedom and scale of the chi variable with this mean and standard deviation."""
        log_df, spread = _chi_spread()
        ratio = self.standard_deviation / self.mean
        df = math.exp(float(np.interp(math.log(ratio), spread, log_df)))
        return df, self.mean / _chi_mean(np.array(df)).item()


def _chi_mean(df: Floats) -> Floats:
    return np.asarray(math.sqrt(2) * np.exp(gammaln((df + 1) / 2) - gammaln(df / 2)))


@cache
def _chi_spread() -> tuple[Floats, Floats]:
    """Logarithms of degrees of freedom, and of the coefficient of variation that belongs to each, ascending."""
    log_df = np.linspace(math.log(1e5), math.log(0.2), 600)
    df = np.exp(log_df)
    mean = _chi_mean(df)
    return log_df, np.log(np.sqrt(np.maximum(df - mean**2, 1e-12)) / mean)


def folded_sum(weights: Floats, covariance: Floats) -> FoldedSum:
    """What does the sum of weights x |deviations| come to, if the deviations are normal around 0?

    Parameters
    ----------
    weights : float array of shape (k,)
        0 or more.
    covariance : float array of shape (k, k)
        Of the deviations.

    Returns
    -------
    FoldedSum
        With the exact mean and variance.

    References
    ----------
    S. Nabeya (1951), Absolute moments in 2-dimensional normal distribution, Annals of the Institute of
    Statistical Mathematics 3.

    Examples
    --------
    >>> one = folded_sum(np.array([1.0]), np.array([[4.0]]))
    >>> round(one.mean, 4), round(one.p_value(2 * 1.959964), 3)
    (1.5958, 0.05)
    """
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    with np.errstate(divide="ignore", invalid="ignore"):
        r = np.clip(np.nan_to_num(covariance / np.outer(spread, spread)), -1.0, 1.0)
    shared = (2 / math.pi) * (np.sqrt(1 - r * r) + r * np.arcsin(r) - 1)
    scaled = weights * spread
    variance = float(scaled @ shared @ scaled)
    return FoldedSum(
        mean=math.sqrt(2 / math.pi) * float(scaled.sum()), standard_deviation=math.sqrt(max(0.0, variance))
    )


def deviation_covariance(p: Floats, q: Floats, n_reference: int, n_current: int, *, dispersion: float = 1.0) -> Floats:
    """How do the differences of shares of two samples vary, and vary together?

    Parameters
    ----------
    p, q : float arrays of shape (n_bins,)
        Shares of the reference and of the current side.

    Returns
    -------
    float array of shape (n_bins, n_bins)

    Examples
    --------
    >>> p = np.array([0.5, 0.5])
    >>> deviation_covariance(p, p, 100, 100).round(4).tolist()
    [[0.005, -0.005], [-0.005, 0.005]]
    """
    sides = [(np.diag(share) - np.outer(share, share)) / n for share, n in ((p, n_reference), (q, n_current))]
    return np.asarray(dispersion * (sides[0] + sides[1]))


def unfolded_limits(
    weights: Floats,
    deviations: Floats,
    covariance: Floats,
    *,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Which sums of weights x |true deviations| are compatible with the deviations observed?

    Parameters
    ----------
    weights, deviations : float arrays of shape (k,)
    covariance : float array of shape (k, k)
        Of the deviations.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    low, high : float
        By the triangle inequality the observed sum exceeds the true one by at most the folded sum of the
        errors; where a deviation is 3 standard errors or more from 0 its sign is taken as known, and its error
        counts with that sign. The true sum exceeds the observed one by at most the signed error.

    Examples
    --------
    >>> low, high = unfolded_limits(np.array([0.5, 0.5]), np.array([0.1, -0.1]), 0.0005 * np.array([[1, -1], [-1, 1]]))
    >>> round(low, 3), round(high, 3)
    (0.056, 0.144)
    """
    observed = float(weights @ np.abs(deviations))
    spread = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    signs = np.where(deviations < 0, -1.0, 1.0) * weights
    clear = np.abs(deviations) > CLEAR * spread
    tail = (1 - confidence) / 2
    z = float(ndtri(1 - tail))
    known = np.where(clear, signs, 0.0)
    doubt = folded_sum(np.where(clear, 0.0, weights), covariance)
    beyond = max(0.0, doubt.critical_value(tail) - doubt.mean) if doubt.mean > 0 else 0.0
    down = doubt.mean + math.sqrt(beyond**2 + z * z * max(0.0, float(known @ covariance @ known)))
    up = z * math.sqrt(max(0.0, float(signs @ covariance @ signs)))
    return max(0.0, observed - down), observed + up
