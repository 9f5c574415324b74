"""Rows of one score that are no longer alike: is the mix within scores another, and what do weights make of it?

An estimate from scores holds only while a score means what it meant. Where the inputs moved *within* scores it needn't,
even if P(y | x) is as it was; rows of the reference can then be weighted to look like the window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr
from scipy.stats import rankdata

from core.measure import Interval
from core.stats.intervals import normal_interval

__all__ = ["DensityWeights", "WithinScoreShift", "density_weights", "shift_within_score", "weighted_classes"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MARGIN = 0.05  # of the area, that doesn't matter
EVIDENCE = 20.0  # an e-value that is enough
LARGEST_WEIGHT = 50.0  # times the mean


@dataclass(frozen=True, slots=True, kw_only=True)
class WithinScoreShift:
    """How well rows of one score can be told apart by side: 0.5 is not at all; `n_strata` hold rows of both sides."""

    area: float
    interval: Interval
    p_value: float
    e_value: float
    n_reference: int
    n: int
    n_strata: int

    @property
    def matters(self) -> bool:
        """Whether it is certain, and larger than what doesn't matter."""
        return self.e_value >= EVIDENCE and self.interval.low > 0.5 + MARGIN


def shift_within_score(
    reference: Floats, current: Floats, reference_stratum: Ints, current_stratum: Ints, *, confidence: float = 0.95
) -> WithinScoreShift | None:
    """Do rows of the window look like the reference's rows of the same score?

    Parameters
    ----------
    reference, current : float arrays of shape (m,) and (n,)
        What a domain classifier that hasn't seen the row says: the larger, the more it looks like the window.
    reference_stratum, current_stratum : int arrays of shape (m,) and (n,)
        The score's cell of each row, 0 or more.
    confidence : float
        Of the interval of the area.

    Returns
    -------
    WithinScoreShift or None
        The area under the ROC curve within strata, each weighed by m n / (m + n + 1); its p-value is van Elteren's,
        one-sided, and the e-value is (1 - p + p ln p) / (p ln² p). None if no stratum holds rows of both sides.

    References
    ----------
    P. H. van Elteren (1960), On the combination of independent two-sample tests of Wilcoxon, Bulletin of the
    International Statistical Institute 37; V. Vovk, R. Wang (2021), doi:10.1214/20-AOS2020 (p to e).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> stratum = np.repeat([0, 1], 500)
    >>> alike = shift_within_score(rng.normal(size=1000), rng.normal(size=1000), stratum, stratum)
    >>> moved = shift_within_score(rng.normal(size=1000), rng.normal(0.5, 1, size=1000), stratum, stratum)
    >>> round(alike.area, 2), alike.matters, round(moved.area, 2), moved.matters
    (0.52, False, 0.62, True)
    """
    total, weight_sum, variance, null_variance, used = 0.0, 0.0, 0.0, 0.0, [0, 0, 0]
    for stratum in np.intersect1d(reference_stratum, current_stratum):
        before, now = reference[reference_stratum == stratum], current[current_stratum == stratum]
        m, n = before.size, now.size
        ranks = rankdata(np.concatenate([before, now]))
        won = (ranks[m:] - rankdata(now)) / m  # placement of each row of the window
        lost = (ranks[:m] - rankdata(before)) / n
        weight = m * n / (m + n + 1)
        total += weight * float(won.mean())
        weight_sum += weight
        own = (np.var(won, ddof=1) / n if n > 1 else 1 / 12) + (np.var(lost, ddof=1) / m if m > 1 else 1 / 12)
        variance += weight**2 * float(own)
        null_variance += weight**2 * float(np.var(ranks, ddof=1)) * (1 / m + 1 / n) / (m + n) ** 2
        used = [used[0] + m, used[1] + n, used[2] + 1]
    if not weight_sum or not null_variance:
        return None
    area = total / weight_sum
    p_value = max(float(ndtr((0.5 - area) * weight_sum / math.sqrt(null_variance))), 1e-300)
    interval = normal_interval(area, math.sqrt(variance) / weight_sum, confidence=confidence, low=0.0, high=1.0)
    return WithinScoreShift(
        area=area,
        interval=interval,
        p_value=p_value,
        e_value=_e_value(p_value),
        n_reference=used[0],
        n=used[1],
        n_strata=used[2],
    )


def _e_value(p_value: float) -> float:
    log_p = math.log(p_value)
    if log_p > -1e-4:
        return 0.5  # the limit at p = 1
    return (1 - p_value + p_value * log_p) / (p_value * log_p**2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DensityWeights:
    """Weights of reference rows that make them look like the window, with mean 1, and how many rows they are worth."""

    weights: Floats
    n_effective: float
    n_clipped: int


def density_weights(log_odds: Floats) -> DensityWeights:
    """How often would each reference row occur in the window?

    Parameters
    ----------
    log_odds : float array of shape (m,)
        Of "from the window" for each row of the reference, by a classifier that hasn't seen it.

    Returns
    -------
    DensityWeights
        In proportion to the odds; at most 50 times the mean, as few rows can't stand for all. They are worth
        (Σw)² / Σw² rows.

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
    weights = odds / odds.mean()
    clipped = weights > LARGEST_WEIGHT
    weights = np.minimum(weights, LARGEST_WEIGHT)
    weights = weights / weights.mean()
    return DensityWeights(
        weights=weights,
        n_effective=float(weights.sum() ** 2 / (weights**2).sum()),
        n_clipped=int(np.count_nonzero(clipped)),
    )


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
        For `core.performance.calibrated.fit_calibration`: in each calibration bin the weights are scaled so that they
        sum to (Σw)² / Σw².

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
