"""How far a column has shifted and spread, in standard deviations of the reference."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from core.drift.measures import NO_NUMBER, NO_REFERENCE_NUMBER, drift_measure, undefined
from core.drift.shares import Bins, in_order
from core.measure import Interval, Measure
from core.stats.binning import CategoryBins, NumericBins
from core.stats.normal_scores import location_scores, spread_scores

__all__ = ["CONTRASTS", "contrast_measures", "is_ordered"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CONTRASTS: Mapping[str, Callable[[Floats], Floats]] = MappingProxyType(
    {"location": location_scores, "spread": spread_scores}
)
STEP = 1e-6
BORROWED = 2  # rows of the reference that steady the variance of a tiny window
BOOLEAN = ("false", "true")


def is_ordered(bins: Bins) -> bool:
    """Do the bins have an order? Those of numbers do, and those of booleans.

    Examples
    --------
    >>> is_ordered(CategoryBins(categories=("false", "true"))), is_ordered(CategoryBins(categories=("a", "b")))
    (True, False)
    """
    return isinstance(bins, NumericBins) or (bins.categories == BOOLEAN and not bins.others)


def contrast_measures(
    name: str,
    reference: Ints,
    current: Ints,
    bins: Bins,
    *,
    margin: float | None = None,
    confidence: float = 0.95,
    dispersion: float = 1.0,
) -> tuple[Measure, ...]:
    """How far has each window shifted, or spread, in standard deviations of the reference?

    Each bin is worth the mean normal score of its reference rows, so a normal column that shifts by d
    standard deviations has a location of about d, outliers weigh no more than the outermost bin, and the
    column's unit doesn't matter. The spread is the squared score made independent of the location.

    Parameters
    ----------
    name : str
        A key of `CONTRASTS`.
    reference : int array of shape (bins.size,)
    current : int array of shape (n_windows, bins.size)
    bins : NumericBins, or CategoryBins of a boolean
    margin : float or None
        What matters, in standard deviations.
    confidence, dispersion
        As for `core.drift.divergences.divergence_measures`.

    Returns
    -------
    tuple of n_windows Measures
        Signed: ``location`` above 0 means larger values, ``spread`` above 0 wider ones. Values outside the
        reference's range and infinities count in the outermost bins; missing, unreadable and new values are left
        out. Without drift the mean is 0: there is no bias. UNDEFINED where a side has no number, or the
        reference too few distinct ones.

    References
    ----------
    B. L. van der Waerden (1952), doi:10.1016/S1385-7258(52)50063-5.

    Examples
    --------
    >>> bins = NumericBins(ends=(1.0, 2.0, 3.0, 4.0), low=0.0, exact=False)
    >>> reference, window = np.array([250] * 4 + [0] * 7), np.array([[20, 22, 28, 30] + [0] * 7])
    >>> (location,) = contrast_measures("location", reference, window, bins)
    >>> round(location.value, 3), round(location.interval.low, 3), round(location.interval.high, 3)
    (0.158, -0.045, 0.361)
    """
    before, after = _ordered(reference, bins), np.stack([_ordered(window, bins) for window in current])
    m, n = int(before.sum()), after.sum(axis=-1)
    score = CONTRASTS[name]
    if m == 0:
        return tuple(undefined(name, int(rows), NO_REFERENCE_NUMBER) for rows in n)
    p = before / m
    scores = score(p)
    if not np.isfinite(scores).all():
        least = 2 if name == "location" else 3
        why = f"The reference has fewer than {least} distinct values or bins of this column."
        return tuple(undefined(name, int(rows), why) for rows in n)
    rows = np.maximum(n, 1)[:, np.newaxis]
    q, steadied = after / rows, (after + BORROWED * p) / (rows + BORROWED)
    values = q @ scores
    influence = _influence(score, p, scores, q)
    variance = dispersion * (_variance(steadied, scores) / rows[:, 0] + (influence**2) @ p / m)
    without = math.sqrt(dispersion) * np.sqrt(1 / m + 1 / rows[:, 0])
    half = float(ndtri(0.5 + confidence / 2)) * np.sqrt(variance)
    p_values = 2 * ndtr(-np.abs(values) / without)
    left_out = current.sum(axis=-1) - n
    measures = []
    for index, window in enumerate(n):
        if window == 0:
            measures.append(undefined(name, 0, NO_NUMBER))
            continue
        value, interval = float(values[index]), _around(values[index], half[index], confidence)
        beside = f" ({left_out[index]:,} rows)" if left_out[index] else ""
        measures.append(
            drift_measure(
                measure=name,
                value=value,
                n=int(window),
                interval=interval,
                change=interval,
                reference=0.0,
                margin=margin,
                p_value=float(p_values[index]),
                convention=f"standard deviations of the reference, by normal scores of {before.size} bins; values out "
                f"of range count in the outermost; missing, unreadable and new values left out{beside}; no bias "
                "without drift; normal interval with the uncertainty of the scores",
            )
        )
    return tuple(measures)


def _around(value: float, half: float, confidence: float) -> Interval:
    return Interval(low=float(value - half), high=float(value + half), confidence=confidence)


def _ordered(counts: Ints, bins: Bins) -> Ints:
    """Counts of the regular bins, those below and above added to the outermost."""
    if isinstance(bins, CategoryBins):
        return counts[: bins.n_bins]
    if not bins.n_bins:
        return np.zeros(1, dtype=np.int64)
    ordered = in_order(counts, bins)
    regular: Ints = ordered[2:-2].copy()
    regular[0] += ordered[:2].sum()
    regular[-1] += ordered[-2:].sum()
    return regular


def _influence(score: Callable[[Floats], Floats], p: Floats, scores: Floats, q: Floats) -> Floats:
    """What one more reference row in each bin does to each window's value, because the scores move with it."""
    moved = score((1 - STEP) * p + STEP * np.eye(p.size))
    slopes = np.where(p[:, np.newaxis] > 0, (np.nan_to_num(moved) - scores) / STEP, 0.0)
    return np.asarray(q @ slopes.T)


def _variance(shares: Floats, scores: Floats) -> Floats:
    mean = shares @ scores
    return np.asarray(shares @ scores**2 - mean**2)
