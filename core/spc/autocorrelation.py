"""Points that hang together: a test on phase I, and charts of what is new in each point, or wider limits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from core.errors import InputError
from core.spc.chart import as_base, as_floats, mean_over, per_point
from core.spc.run_length import autoregressive_run_length, limit_with_run_length

__all__ = ["AutocorrelationTest", "autocorrelation_test", "autoregressive_width", "innovations", "predicted"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_POINTS = 12
MOST = 0.95


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AutocorrelationTest:
    """Of each series: the correlation of neighbouring points, corrected for bias, its p-value, and whether it is there.

    ``phi`` is the correlation where it is there, and 0 where it isn't. ``why`` says why nothing could be tested.
    """

    correlation: Floats
    p_value: Floats
    is_present: Bools
    why: str = ""

    @property
    def phi(self) -> Floats:
        """What to reckon with."""
        return np.where(self.is_present, np.clip(self.correlation, -MOST, MOST), 0.0)


def autocorrelation_test(
    values: ArrayLike, *, base: ArrayLike | None = None, level: float = 0.05
) -> AutocorrelationTest:
    """Are neighbouring points of phase I correlated?

    Parameters
    ----------
    values : float array-like of shape (..., n_points)
        Scores or values with their rhythm taken off.
    base : bool array-like, optional
        The points of phase I; all, by default.
    level : float
        Of the two-sided test, in (0, 1).

    Returns
    -------
    AutocorrelationTest
        From the lag-1 correlation r of m points, (m * r + 1) / (m - 4); its p-value takes sqrt(m) * (r + 1 / m) as
        standard normal. Not tested with fewer than 12 points in the base of any series.

    References
    ----------
    M. S. Bartlett (1946) for the variance, F. H. C. Marriott, J. A. Pope (1954), doi:10.1093/biomet/41.3-4.390,
    for the bias.

    Examples
    --------
    >>> walk = np.cumsum(np.random.default_rng(1).normal(size=60))
    >>> found = autocorrelation_test(walk)
    >>> found.is_present.tolist(), bool(found.phi[0] > 0.8)
    ([True], True)
    """
    x = as_floats(values, "values")
    where = as_base(base, np.isfinite(x))
    n = where.sum(axis=-1, keepdims=True)
    if n.size and n.min() < LEAST_POINTS:
        unknown = np.full(n.shape, np.nan)
        why = f"Correlation of neighbouring points can be tested from {LEAST_POINTS} points of phase I on."
        return AutocorrelationTest(
            correlation=unknown, p_value=unknown, is_present=np.zeros(n.shape, dtype=bool), why=why
        )
    left = np.where(where, x - mean_over(x, where), 0.0)
    both = where[..., 1:] & where[..., :-1]
    shared = np.where(both, left[..., 1:] * left[..., :-1], 0.0).sum(axis=-1, keepdims=True)
    pairs, total = both.sum(axis=-1, keepdims=True), (left**2).sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        # With gaps there are fewer pairs than points; without, this is the usual estimate.
        r = np.where(total > 0, shared / np.maximum(pairs, 1) * (n - 1) / total, 0.0)
    p_value = 2 * ndtr(-np.abs(np.sqrt(n) * (r + 1 / n)))
    return AutocorrelationTest(
        correlation=np.clip((n * r + 1) / (n - 4), -1.0, 1.0), p_value=p_value, is_present=p_value < level
    )


def predicted(score: ArrayLike, phi: ArrayLike) -> Floats:
    """What the point before lets expect of each score: phi times it; 0 at the start and after a gap.

    Examples
    --------
    >>> predicted([1.0, 2.0, np.nan, 4.0], 0.5).tolist()
    [0.0, 0.5, 1.0, 0.0]
    """
    z = as_floats(score, "scores")
    found = np.zeros(z.shape)
    found[..., 1:] = np.where(np.isfinite(z[..., :-1]), per_point(phi, z, "phi")[..., 1:] * z[..., :-1], 0.0)
    return found


def innovations(score: ArrayLike, phi: ArrayLike) -> Floats:
    """What is new in each score, at the scale of the scores: independent if each follows the one before by phi.

    Parameters
    ----------
    score : float array-like of shape (..., n_points)
    phi : float array-like
        One for all, or one a series as (..., 1), in (-1, 1).

    Returns
    -------
    float array of shape (..., n_points)
        (z - phi * z before) / sqrt(1 - phi^2); z itself at the start and after a gap.

    References
    ----------
    L. C. Alwan, H. V. Roberts (1988), Journal of Business and Economic Statistics 6, 87-95.

    Examples
    --------
    >>> innovations([1.0, 2.0], 0.6).round(3).tolist()
    [1.0, 1.75]
    """
    z = as_floats(score, "scores")
    share = per_point(phi, z, "phi")
    if (np.abs(share) >= 1).any():
        raise InputError("The correlation of neighbouring points must lie strictly between -1 and 1.")
    follows = np.zeros(z.shape, dtype=bool)
    follows[..., 1:] = np.isfinite(z[..., :-1])
    return np.where(follows, (z - predicted(z, share)) / np.sqrt(1 - share**2), z)


def autoregressive_width(phi: float, *, run_length: float) -> float:
    """How wide must limits about correlated points be, for one false alarm in `run_length` points?

    Parameters
    ----------
    phi : float
        The correlation of neighbouring points, in (-1, 1).
    run_length : float
        Above 1.

    Returns
    -------
    float
        In standard deviations of the points.

    Examples
    --------
    >>> round(autoregressive_width(0.0, run_length=370.4), 3), round(autoregressive_width(0.9, run_length=370.4), 3)
    (3.0, 2.711)
    """
    return limit_with_run_length(
        lambda width: autoregressive_run_length(phi=phi, width=width), run_length, low=0.05, high=9.0
    )
