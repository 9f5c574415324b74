"""P(positive | score) for rows that are other rows than the reference's of the same score: weights make them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.performance.binary import BinaryCounts
from core.performance.calibrated import ScoreCalibration, fit_calibration

__all__ = ["LEAST_EFFECTIVE", "DensityWeights", "density_weights", "reweighted_calibration", "weighted_classes"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LARGEST_ODDS = 50.0  # times the mean
LEAST_EFFECTIVE = 200.0  # rows that the weighted reference must be worth


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
