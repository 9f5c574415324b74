"""Wasserstein-1 of stored rows, without bins, with a seeded bootstrap interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from core.drift.measures import NO_NUMBER, NO_REFERENCE_NUMBER, drift_measure, undefined
from core.measure import Interval, Measure

__all__ = ["wasserstein_of_rows"]

Floats = NDArray[np.float64]

N_BOOTSTRAP = 400
MAX_CELLS = 4_000_000  # of the bootstrap's largest array


def wasserstein_of_rows(
    reference: Floats,
    current: Floats,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    dispersion: float = 1.0,
    n_bootstrap: int = N_BOOTSTRAP,
) -> Measure:
    """How far must the values move on average to turn one sample into the other, exactly?

    Parameters
    ----------
    reference, current : float arrays of shape (m,) and (n,)
        Values in the column's own unit; NaN and infinities are left out.
    rng : numpy.random.Generator
        Draws the bootstrap samples.
    confidence : float
        Of the interval, in (0, 1).
    dispersion : float
        How much more the distribution varies between windows than independent rows would, at least 1.
    n_bootstrap : int
        Bootstrap samples, at least 100.

    Returns
    -------
    Measure
        ``wasserstein``, by coupling equal quantiles: the area between the distribution functions. The interval's
        lower limit takes off what both samples' errors can add, by the triangle inequality, from pairs of bootstrap
        samples of both sides together; the upper adds the error (Student's t) of the best coupling. The p-value, of no
        drift, is the share of such pairs that lie as far apart. UNDEFINED where a side has no finite value.

    References
    ----------
    S. S. Vallender (1974), doi:10.1137/1118101; M. Sommerfeld, A. Munk (2018), doi:10.1111/rssb.12236.

    Examples
    --------
    >>> reference, current = np.arange(200.0), np.arange(100.0) * 2 + 30
    >>> measure = wasserstein_of_rows(reference, current, rng=np.random.default_rng(1))
    >>> measure.value, measure.interval.low > 5, measure.p_value < 0.01
    (29.5, True, True)
    """
    f, g = (np.sort(side[np.isfinite(side)].astype(np.float64)) for side in (reference, current))
    m, n = f.size, g.size
    if not (m and n):
        return undefined("wasserstein", n, NO_NUMBER if m else NO_REFERENCE_NUMBER)
    values = np.unique(np.concatenate([f, g]))
    with np.errstate(over="ignore"):
        widths = np.diff(values)
    if not np.isfinite(widths.sum()):
        return undefined("wasserstein", n, "The range of the values is too wide for a distance in their own unit.")
    if not widths.size:
        return drift_measure(
            measure="wasserstein",
            value=0.0,
            n=n,
            p_value=1.0,
            convention=f"order 1, the column's own unit; all {m + n:,} stored values are equal, so nothing says how "
            "far another might lie: no interval",
        )
    at = [np.searchsorted(values, side) for side in (f, g)]
    counts = [np.bincount(places, minlength=values.size) for places in at]
    below = [np.cumsum(side)[:-1] / side.sum() for side in counts]
    gap = below[1] - below[0]
    value = float(np.abs(gap) @ widths)
    errors = _bootstrapped(counts, widths, rng, n_bootstrap) * math.sqrt(dispersion)
    tail = (1 - confidence) / 2
    # The potential whose slope is the sign of the gap couples the samples best; its mean difference is the distance.
    potential = np.concatenate([[0.0], np.cumsum(-np.sign(gap) * widths)])
    alone = min(m, n) < 2  # one row has no variance of its own: it is given that of all rows
    spreads = [np.var(potential[np.concatenate(at) if alone else side], ddof=1) for side in at]
    variance = dispersion * sum(float(spread) / side.size for spread, side in zip(spreads, at, strict=True))
    up = float(stdtrit(max(1, min(m, n) - 1), 1 - tail)) * math.sqrt(variance)
    low, high = value - float(np.quantile(errors, 1 - tail)), value + up
    return drift_measure(
        measure="wasserstein",
        value=value,
        n=n,
        interval=Interval(low=max(0.0, low), high=high, confidence=confidence),
        p_value=float((1 + np.count_nonzero(errors >= value)) / (1 + errors.size)),
        convention=f"order 1, the column's own unit, exact on {m:,} and {n:,} stored rows; mean without drift "
        f"{errors.mean():.4g}, not taken off; interval and p-value by {errors.size} pairs of bootstrap samples",
    )


def _bootstrapped(
    counts: list[NDArray[np.int64]], widths: Floats, rng: np.random.Generator, n_bootstrap: int
) -> Floats:
    """The area between the distribution functions of two samples drawn from both sides together."""
    errors = np.empty(n_bootstrap)
    together = (counts[0] + counts[1]) / (counts[0].sum() + counts[1].sum())
    step = max(1, MAX_CELLS // together.size)
    for start in range(0, n_bootstrap, step):
        size = min(step, n_bootstrap - start)
        f, g = (rng.multinomial(side.sum(), together, size=size) / side.sum() for side in counts)
        errors[start : start + size] = np.abs(np.cumsum(g - f, axis=1)[:, :-1]) @ widths
    return errors
