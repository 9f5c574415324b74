"""Whether a score is too sure of itself, or off as a whole: calibration slope and intercept."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from core.measure import Measure
from core.performance.calibrated import placed_scores, representative_scores
from core.performance.measures import estimate, undefined
from core.stats.binning import NumericBins
from core.stats.intervals import normal_interval
from core.stats.logistic import logistic_fit

__all__ = ["RECALIBRATION_CONVENTIONS", "recalibration_measures"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EDGE = 1e-6  # scores are cut to it and 1 less it
CUT = f"scores cut to {EDGE:g} and 1 - {EDGE:g}; normal interval"
RECALIBRATION_CONVENTIONS = {
    "calibration_slope": f"slope of the outcome's log-odds on the score's; 1 is calibrated, below 1 too sure; {CUT}",
    "calibration_intercept": f"log-odds that the outcome lies above the score's, at slope 1; 0 is calibrated; {CUT}",
}


def recalibration_measures(
    by_class: Ints,
    bins: NumericBins,
    groups: tuple[int, ...] = (),
    score_sums: Floats | None = None,
    *,
    why: str = "",
    confidence: float = 0.95,
) -> tuple[Measure, Measure]:
    """By which line would the score's log-odds have to be corrected?

    Parameters
    ----------
    by_class : int array of shape (n_bins + 7, 2)
        Labelled rows by score bin: negatives, positives.
    bins : NumericBins
        Of the score, a probability.
    groups, score_sums
        As for `core.performance.calibrated.representative_scores`: they tell which score stands for a bin.
    why : str
        Why the score is none, '' if it is.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    two Measures
        calibration_slope, and calibration_intercept with the slope held at 1 (calibration in the large). Undefined
        with one class only, or where a score separates the classes.

    References
    ----------
    D. R. Cox (1958), Two further applications of a model for binary regression, Biometrika 45; B. Van Calster
    et al. (2019), doi:10.1186/s12916-019-1466-7.

    Examples
    --------
    >>> bins = NumericBins(ends=(0.1, 0.5, 0.9), low=0.1, exact=False)
    >>> counts = np.array([[800, 200], [500, 500], [200, 800], *[[0, 0]] * 7])
    >>> [(m.measure, round(m.value, 3)) for m in recalibration_measures(counts, bins, (0, 1, 2),
    ...     np.array([100.0, 500, 900, 0]))]
    [('calibration_slope', 0.631), ('calibration_intercept', 0.0)]
    """
    placed = placed_scores(by_class).astype(np.float64)
    n, positives = placed.sum(axis=1), placed[:, 1]
    total = int(n.sum())
    if not why and min(positives.sum(), total - positives.sum()) == 0:
        why = f"Only one class among {total:,} labelled rows with a score."
    if not why:
        scores = representative_scores(bins, by_class.sum(axis=1), groups, score_sums)
        x = logit(np.clip(scores, EDGE, 1 - EDGE))
        used = n > 0
        line = np.column_stack([np.ones(x.size), x])[used]
        both = logistic_fit(line, positives[used], n[used])
        offset = logistic_fit(line[:, :1], positives[used], n[used], offset=x[used])
        if not both.converged:
            why = f"The scores of {total:,} labelled rows separate the classes, or don't differ."
    found = []
    for name, convention in RECALIBRATION_CONVENTIONS.items():
        if why:
            found.append(undefined(name, convention=convention, why=why, n=total if total else 0))
            continue
        fit, place = (both, 1) if name == "calibration_slope" else (offset, 0)
        value, error = float(fit.coefficients[place]), math.sqrt(max(float(fit.covariance[place, place]), 0.0))
        interval = normal_interval(value, error, confidence=confidence)
        found.append(estimate(name, value, total, interval=interval, convention=convention))
    return found[0], found[1]
