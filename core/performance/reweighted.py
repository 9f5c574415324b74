"""P(positive | score) for rows that are other rows than the reference's of the same score: weights make them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.measure import Interval
from core.performance.binary import BinaryCounts
from core.performance.calibrated import ScoreCalibration, fit_calibration
from core.stats.intervals import normal_interval

__all__ = [
    "LEAST_EFFECTIVE",
    "DensityWeights",
    "density_weights",
    "outcomes_moved",
    "reweighted_calibration",
    "weighted_classes",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LARGEST_ODDS = 50.0  # times the mean
LEAST_EFFECTIVE = 200.0  # rows that the weighted reference must be worth
ROWS_A_CELL = 50


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DensityWeights:
    """Weights of reference rows that make them look like the window, with mean 1, and how many rows they are worth."""

    weights: Floats
    n_effective: float


def density_weights(log_odds: Floats) -> DensityWeights:
    """How often would each reference row occur in the window?

    Parameters
    ----------
    log_odds : float array of shape (m,)
        Of "from the window" for each row of the reference, by a classifier that hasn't seen it.

    Returns
    -------
    DensityWeights
        In proportion to the odds, of which those above 50 times the mean are cut to that. They are worth
        (Σw)² / Σw² rows: few where few rows would have to stand for all.

    References
    ----------
    M. Sugiyama, T. Suzuki, T. Kanamori (2012), Density Ratio Estimation in Machine Learning, section 4,
    doi:10.1017/CBO9781139035613; L. Kish (1965), Survey Sampling (effective rows).

    Examples
    --------
    >>> found = density_weights(np.array([0.0, 0.0, np.log(2.0), np.log(3.0)]))
    >>> found.weights.round(3).tolist(), round(found.n_effective, 2)
    ([0.571, 0.571, 1.143, 1.714], 3.27)
    """
    odds = np.exp(log_odds - log_odds.max())
    weights = np.minimum(odds / odds.mean(), LARGEST_ODDS)
    weights = weights / weights.mean()
    return DensityWeights(weights=weights, n_effective=float(weights.sum() ** 2 / (weights**2).sum()))


def outcomes_moved(
    score: Floats, is_positive: NDArray[np.bool_], weights: Floats, *, confidence: float = 0.95
) -> Interval:
    """How far do outcomes of the weighted rows lie from those of all rows, at the same scores?

    Parameters
    ----------
    score : float array of shape (m,)
        Of labelled rows of the reference.
    is_positive : bool array of shape (m,)
    weights : float array of shape (m,)
        Of `density_weights`.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    Interval
        Of the weighted mean of each outcome less the share of positives among some 50 rows of like scores.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> z, score = rng.normal(size=4000), np.full(4000, 0.5)
    >>> found = outcomes_moved(score, rng.random(4000) < 0.5 + 0.1 * np.sign(z), np.where(z > 0, 1.5, 0.5))
    >>> round(found.low, 2), round(found.high, 2)  # the truth is 0.05
    (0.03, 0.07)
    """
    _, place = np.unique(score, return_inverse=True)
    counts = np.bincount(place)
    cell = ((np.cumsum(counts) - counts) // ROWS_A_CELL)[place]
    share = np.bincount(cell, weights=is_positive) / np.maximum(np.bincount(cell), 1)
    residual = is_positive - share[cell]
    mean = float(weights @ residual / weights.sum())
    error = float(np.sqrt((weights**2) @ (residual - mean) ** 2) / weights.sum())
    return normal_interval(mean, error, confidence=confidence, low=-1.0, high=1.0)


def weighted_classes(
    score_bin: Ints, is_positive: NDArray[np.bool_], weights: Floats, groups: Sequence[int], size: int
) -> Floats:
    """Reference rows by score bin and class, as many as the weighted rows are worth.

    Parameters
    ----------
    score_bin : int array of shape (m,)
        Of labelled rows; special bins are those after the regular.
    is_positive : bool array of shape (m,)
    weights : float array of shape (m,)
    groups : sequence of int
        The calibration bin of each regular score bin.
    size : int
        Regular and special bins.

    Returns
    -------
    float array of shape (size, 2)
        Negatives and positives; in each calibration bin the weights are scaled so that they sum to (Σw)² / Σw².

    Examples
    --------
    >>> weighted_classes(np.array([0, 0, 1]), np.array([False, True, True]), np.array([1.0, 3.0, 2.0]), (0, 0), 9
    ...     ).round(3)[:2].tolist()
    [[0.429, 1.286], [0.0, 0.857]]
    """
    regular = len(groups)
    group = np.append(np.asarray(groups), -1)[np.minimum(score_bin, regular)]
    scale = np.ones(weights.shape)
    for one in np.unique(group):
        here = group == one
        scale[here] = weights[here].sum() / (weights[here] ** 2).sum()
    counts = np.zeros((size, 2))
    np.add.at(counts, (score_bin, is_positive.astype(np.int64)), weights * scale)
    return counts


def reweighted_calibration(whole: ScoreCalibration, reference: BinaryCounts, by_class: Floats) -> ScoreCalibration:
    """P(positive | score) of the weighted reference, which borrows the whole's curve inside its cells.

    Parameters
    ----------
    whole : ScoreCalibration
        Of the whole reference.
    reference : BinaryCounts
        Which has the score's bins.
    by_class : float array of shape (n_bins + 7, 2)
        Of `weighted_classes`.

    Raises
    ------
    ValueError
        If the model logs no score.
    """
    if reference.score_bins is None:
        raise ValueError("Weights are for the score's rows: the model logs no score.")
    return fit_calibration(by_class, reference.score_bins, whole.scores, prior=whole)
