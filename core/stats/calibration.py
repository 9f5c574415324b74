"""Whether a score means what it says: the reliability curve and the expected calibration error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.measure import Interval
from core.stats.binning import NumericBins
from core.stats.intervals import wilson
from core.stats.scores import pooled_scores

__all__ = ["ECE_CONVENTION", "CalibrationBin", "calibration_curve", "expected_calibration_error"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ECE_CONVENTION = "calibration bins of about equal reference mass; conservative interval from the bins' binomial spread"


@dataclass(frozen=True, slots=True, kw_only=True)
class CalibrationBin:
    """One point of the reliability curve: rows whose score lies in (low, high], and how many were positive."""

    low: float
    high: float
    n: int
    positives: int
    mean_score: float
    observed: float
    interval: Interval


def calibration_curve(
    by_class: Ints,
    bins: NumericBins,
    groups: Sequence[int],
    score_sums: Floats,
    *,
    confidence: float = 0.95,
) -> tuple[CalibrationBin, ...]:
    """Of the rows that a score calls 30% likely, how many were positive?

    Parameters
    ----------
    by_class : int array of shape (n_bins + 7, 2)
        Labelled rows by score bin: negatives, positives.
    bins : NumericBins
        Of the score.
    groups : sequence of n_bins ints
        The calibration bin of each regular score bin.
    score_sums : float array of shape (n_groups + 1,)
        Sum of the finite scores of the same rows by calibration bin; the last entry is not used.
    confidence : float
        Of the Wilson interval of each observed rate.

    Returns
    -------
    tuple of CalibrationBin
        Those that hold rows, ascending. The first bin is open downwards and the last upwards.

    Raises
    ------
    ValueError
        If groups and bins don't fit.

    Examples
    --------
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    >>> counts = np.array([[8, 2], [1, 4], *[[0, 0]] * 7])
    >>> for point in calibration_curve(counts, bins, (0, 1), np.array([2.0, 4.0, 0.0])):
    ...     print(point.high, point.n, point.mean_score, point.observed)
    0.2 10 0.2 0.2
    inf 5 0.8 0.8
    """
    pooled = pooled_scores(by_class, groups)
    ends = np.asarray(bins.ends)[np.flatnonzero(np.diff([*groups, groups[-1] + 1]))]
    edges = [-math.inf, *ends[:-1].tolist(), math.inf]
    points = []
    for index, (negatives, positives) in enumerate(pooled.tolist()):
        n = negatives + positives
        if n:
            points.append(
                CalibrationBin(
                    low=edges[index],
                    high=edges[index + 1],
                    n=n,
                    positives=positives,
                    mean_score=float(score_sums[index]) / n,
                    observed=positives / n,
                    interval=wilson(positives, n, confidence=confidence),
                )
            )
    return tuple(points)


def expected_calibration_error(curve: Sequence[CalibrationBin], *, confidence: float = 0.95) -> tuple[float, Interval]:
    """How far is the mean score from the observed rate, on average over the rows?

    Parameters
    ----------
    curve : sequence of CalibrationBin
        At least one.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of float and Interval
        The error, in [0, 1], and an interval of the error that these bins would show on unlimited rows.
        Chance alone makes the plain estimate too large, never too small on average: the lower limit gives
        away the sum of the bins' absolute deviations at its upper quantile, the upper limit only
        that of their signed sum. Both limits hold whatever the true errors are; they are wider than
        needed when some are 0. A bin's spread is binomial with its rate moved by one success and one failure.

    References
    ----------
    M. P. Naeini, G. F. Cooper, M. Hauskrecht (2015), doi:10.1609/aaai.v29i1.9602 (the error). The interval
    follows from the triangle inequality and a normal approximation of the bins' deviations.

    Examples
    --------
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    >>> counts = np.array([[70, 30], [10, 90], *[[0, 0]] * 7])
    >>> curve = calibration_curve(counts, bins, (0, 1), np.array([20.0, 80.0, 0.0]))
    >>> error, interval = expected_calibration_error(curve)
    >>> round(error, 3), round(interval.low, 3), round(interval.high, 3)
    (0.1, 0.037, 0.154)
    """
    n = np.array([point.n for point in curve], dtype=np.float64)
    gap = np.array([point.observed - point.mean_score for point in curve])
    rate = (np.array([point.positives for point in curve]) + 1) / (n + 2)
    share = n / n.sum()
    variance = share**2 * rate * (1 - rate) / n
    error = float(share @ np.abs(gap))
    z = float(ndtri(0.5 + confidence / 2))
    signed = z * math.sqrt(float(variance.sum()))
    # |deviation| is half-normal: its mean is sqrt(2/pi) and its variance 1 - 2/pi of the deviation's.
    absolute = math.sqrt(2 / math.pi) * float(np.sqrt(variance).sum()) + z * math.sqrt(
        (1 - 2 / math.pi) * float(variance.sum())
    )
    low = max(0.0, error - max(signed, absolute))
    return error, Interval(low=low, high=min(1.0, error + signed), confidence=confidence)
