"""The law of a distance between two samples: its bias, its p-value without drift, and its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri

from core.measure import Interval
from core.stats.intervals import noncentralities

__all__ = ["ScaledChiSquare", "effective_rows", "hellinger_null", "jensen_shannon_null", "psi_null"]

Floats = NDArray[np.float64]
Numbers = float | NDArray[np.float64] | NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScaledChiSquare:
    """The law of a squared distance between two samples: scale x noncentral chi-square with `df`.

    The noncentrality is the distance of the populations over `scale`. Near the null this holds for
    PSI, the Jensen-Shannon divergence, the squared Hellinger distance and Cohen's w squared. Both fields
    may be arrays, one law a window; every method then takes and gives arrays of that shape.

    Examples
    --------
    >>> null = psi_null(10_000, 1_000, 10)
    >>> round(float(null.mean), 4), round(float(null.critical_value(0.05)), 4)
    (0.0099, 0.0186)
    """

    scale: Floats
    df: NDArray[np.int64]

    @property
    def mean(self) -> Floats:
        """The distance that two samples show on average without any drift: their bias."""
        return np.asarray(self.scale * self.df)

    def critical_value(self, alpha: float) -> Floats:
        """The distance that samples without drift exceed with probability `alpha`."""
        return np.asarray(self.scale * chdtri(self.df, alpha))

    def p_value(self, observed: Numbers) -> Floats:
        """How often samples without drift are at least as far apart as `observed`."""
        return np.asarray(chdtrc(self.df, np.maximum(observed, 0.0) / self.scale))

    def corrected(self, observed: Numbers) -> Floats:
        """`observed` less the bias, at least 0."""
        return np.asarray(np.maximum(0.0, observed - self.mean))

    def limits(self, observed: Numbers, *, variance: Numbers = 0.0, confidence: float = 0.95) -> tuple[Floats, Floats]:
        """Which distances of the populations are compatible with `observed`, from where to where?

        By inversion of the noncentral chi-square. A distance below the mean without drift counts as
        that mean for the upper limit: an accidentally close sample must not look like proof.

        Parameters
        ----------
        observed : array of the law's shape
        variance : array of the law's shape
            The delta method's variance of the distance; far from 0 it may exceed the law's own, and the
            law is then widened to it. 0 leaves the law as it is.
        confidence : float
            Two-sided, in (0, 1).

        Examples
        --------
        >>> low, high = psi_null(10**12, 1_000, 10).limits(0.06)
        >>> round(float(low) ** 0.5, 5), round(float(high) ** 0.5, 5)
        (0.16305, 0.29195)
        """
        observed, tail = np.asarray(observed, dtype=np.float64), (1 - confidence) / 2
        with np.errstate(divide="ignore", invalid="ignore"):
            scale = np.where(observed > 0, np.maximum(self.scale, variance / (4 * observed)), self.scale)
        statistic = (observed - self.mean) / scale + self.df
        low = np.where(statistic > self.df, noncentralities(np.maximum(statistic, self.df), self.df, 1 - tail), 0.0)
        high = noncentralities(np.maximum(statistic, self.df), self.df, tail)
        return scale * low, scale * high

    def interval(self, observed: float, *, variance: float = 0.0, confidence: float = 0.95) -> Interval:
        """The `limits` of one distance as an interval."""
        low, high = self.limits(observed, variance=variance, confidence=confidence)
        return Interval(low=float(low), high=float(high), confidence=confidence)


def effective_rows(n_reference: Numbers, n_current: Numbers, *, dispersion: Numbers = 1.0) -> Floats:
    """How many rows against an exactly known reference would tell as much: 1 / (1/m + 1/n) / dispersion.

    Raises
    ------
    ValueError
        If a side has no rows, or the dispersion is below 1.

    Examples
    --------
    >>> float(effective_rows(9_000, 1_000))
    900.0
    """
    m, n, phi = (np.asarray(value, dtype=np.float64) for value in (n_reference, n_current, dispersion))
    if (m < 1).any() or (n < 1).any():
        raise ValueError(f"Needs rows on both sides, got {n_reference} and {n_current}.")
    if (phi < 1).any():
        raise ValueError(f"A dispersion is at least 1, got {dispersion}.")
    return np.asarray(1 / (1 / m + 1 / n) / phi)


def psi_null(
    n_reference: Numbers, n_current: Numbers, n_bins: Numbers, *, dispersion: Numbers = 1.0
) -> ScaledChiSquare:
    """What does the population stability index of two samples of these sizes show without any drift?

    Parameters
    ----------
    n_reference, n_current : int or array
        Rows on each side, at least 1.
    n_bins : int or array
        Bins that are used on either side, at least 2.
    dispersion : float or array
        How much more the shares vary between windows than independent rows would, at least 1.

    Returns
    -------
    ScaledChiSquare
        With scale (1 / n_reference + 1 / n_current) x dispersion and n_bins - 1 degrees of freedom.

    Raises
    ------
    ValueError
        If a side has no rows, there are fewer than 2 bins, or the dispersion is below 1.

    References
    ----------
    B. Yurdakul (2018), Statistical Properties of Population Stability Index, Western Michigan University.

    Examples
    --------
    >>> round(float(psi_null(10_000, 100, 10).p_value(0.1)), 2)
    0.36
    """
    bins = np.asarray(n_bins, dtype=np.int64)
    if (bins < 2).any():
        raise ValueError(f"Needs 2 bins or more for a distance, got {n_bins}.")
    return ScaledChiSquare(scale=1 / effective_rows(n_reference, n_current, dispersion=dispersion), df=bins - 1)


def jensen_shannon_null(
    n_reference: Numbers,
    n_current: Numbers,
    n_bins: Numbers,
    *,
    base: float = math.e,
    dispersion: Numbers = 1.0,
) -> ScaledChiSquare:
    """What does the Jensen-Shannon divergence show without any drift? An eighth of the PSI, in nats.

    Examples
    --------
    >>> round(float(jensen_shannon_null(10_000, 1_000, 10, base=2).mean), 6)
    0.001785
    """
    psi = psi_null(n_reference, n_current, n_bins, dispersion=dispersion)
    return ScaledChiSquare(scale=psi.scale / (8 * math.log(base)), df=psi.df)


def hellinger_null(
    n_reference: Numbers, n_current: Numbers, n_bins: Numbers, *, dispersion: Numbers = 1.0
) -> ScaledChiSquare:
    """What does the squared Hellinger distance show without any drift? An eighth of the PSI.

    Examples
    --------
    >>> round(float(hellinger_null(10_000, 1_000, 10).mean), 6)
    0.001238
    """
    return jensen_shannon_null(n_reference, n_current, n_bins, dispersion=dispersion)
