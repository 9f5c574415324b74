"""Are rows of one score the rows they were? A classifier tells sides apart, and is only heard among like scores."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from core.drift.classifier import balanced_folds, trained
from core.drift.encoding import Columns, n_rows, tree_matrix
from core.stats.intervals import normal_interval

__all__ = ["LEAST_ROWS", "ShiftWithinScore", "area_within", "shift_within_score"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_ROWS = 100  # a side
ROWS_A_STRATUM = 20  # of both sides together, in each fold
N_TREES, N_LEAVES = 40, 8
MARGIN = 0.05  # of the area, that doesn't matter
EVIDENCE = 20.0  # an e-value that is enough


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShiftWithinScore:
    """How well rows of one score can be told apart by side: an area of 0.5 is not at all.

    `log_odds` are those of each reference row to be the window's, by trees that hadn't seen it.
    """

    area: float
    low: float
    e_value: float
    log_odds: Floats

    @property
    def is_certain(self) -> bool:
        """Whether it is more than chance, and certainly larger than what doesn't matter."""
        return self.e_value >= EVIDENCE and self.low > 0.5 + MARGIN


def shift_within_score(
    reference: Columns,
    current: Columns,
    reference_score: Floats,
    current_score: Floats,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
) -> ShiftWithinScore | None:
    """Do rows of the window look like the reference's rows of the same score?

    Parameters
    ----------
    reference, current : mappings of str to array of shape (m,) and (n,)
        The model's inputs, as for `core.drift.multivariate.domain_shift`.
    reference_score, current_score : float arrays of shape (m,) and (n,)
        Finite.
    rng : numpy Generator
        Draws the folds.
    confidence : float
        Of the lower limit of the area, two-sided.

    Returns
    -------
    ShiftWithinScore or None
        The area under the ROC curve among rows of like scores (some 20 rows each), in each of two folds scored by
        trees trained on the other; means over folds. The e-value is the mean of the folds', each of van Elteren's
        p-value. None with fewer than 100 rows a side or no column of use.

    References
    ----------
    D. Lopez-Paz, M. Oquab (2017), arXiv:1610.06545; P. H. van Elteren (1960), Bulletin of the International
    Statistical Institute 37; V. Vovk, R. Wang (2021), doi:10.1214/20-AOS2020 (p to e, and their mean).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, z = rng.normal(size=(2, 1000))
    >>> among = {"x": x[:500], "z": z[:500]}, {"x": x[500:] + 1, "z": z[500:] - 1}  # the score, x + z, is as it was
    >>> shift_within_score(*among, (x + z)[:500], (x + z)[500:], rng=rng).is_certain
    True
    """
    m, n = n_rows(reference), n_rows(current)
    matrix = tree_matrix([reference, current])
    if min(m, n) < LEAST_ROWS or not matrix.columns:
        return None
    is_current = np.arange(m + n) >= m
    scores = np.concatenate([reference_score, current_score])
    folds = balanced_folds(is_current, 2, rng)
    log_odds = np.empty(m + n)
    found = []
    for fold in (0, 1):
        held_out = folds == fold
        score = trained(matrix, ~held_out, is_current, {"max_iter": N_TREES, "max_leaf_nodes": N_LEAVES})
        log_odds[held_out] = score(matrix.values[held_out])
        told = area_within(log_odds[held_out], is_current[held_out], _strata(scores[held_out]))
        if told is not None:
            found.append(told)
    if not found:
        return None
    area, error, p_values = (np.array(part) for part in zip(*found, strict=True))
    limits = normal_interval(float(area.mean()), float(error.max()), confidence=confidence, low=0.0, high=1.0)
    return ShiftWithinScore(
        area=float(area.mean()),
        low=limits.low,
        e_value=float(np.mean([_e_value(p) for p in p_values.tolist()])),
        log_odds=log_odds[:m],
    )


def _strata(scores: Floats) -> Ints:
    """Cells of neighbouring scores, equal ones together."""
    _, place = np.unique(scores, return_inverse=True)
    counts = np.bincount(place)
    cell: Ints = ((np.cumsum(counts) - counts) // ROWS_A_STRATUM)[place].astype(np.int64)
    return cell


def area_within(values: Floats, is_current: NDArray[np.bool_], stratum: Ints) -> tuple[float, float, float] | None:
    """The area under the ROC curve within strata, its standard error, and the one-sided p-value of no difference.

    Parameters
    ----------
    values : float array of shape (n,)
        The larger, the more a row looks like the current side's.
    is_current : bool array of shape (n,)
    stratum : int array of shape (n,)

    Returns
    -------
    tuple of three floats, or None
        Strata are weighed by m n / (m + n + 1). None if no stratum holds rows of both sides.

    Examples
    --------
    >>> values, sides = np.array([1.0, 2.0, 3.0, 11.0, 12.0, 10.0]), np.array([0, 1, 1, 0, 1, 0], dtype=bool)
    >>> [round(part, 3) for part in area_within(values, sides, np.array([0, 0, 0, 1, 1, 1]))]
    [1.0, 0.204, 0.042]
    """
    total, weights, variance, null_variance = 0.0, 0.0, 0.0, 0.0
    all_ranks, own_ranks = _ranks_within(values, stratum), _ranks_within(values, 2 * stratum + is_current)
    above = all_ranks - own_ranks  # rows of the other side that lie below, ties by half
    order = np.argsort(stratum, kind="stable")
    for rows in np.split(order, np.flatnonzero(np.diff(stratum[order])) + 1):
        now = is_current[rows]
        n = int(np.count_nonzero(now))
        m = rows.size - n
        if not m or not n:
            continue
        won = above[rows[now]] / m  # placement of each current row
        lost = above[rows[~now]] / n
        weight = m * n / (m + n + 1)
        total += weight * (float(np.add.reduce(won)) / n)
        weights += weight
        own = (_variance(won) / n if n > 1 else 1 / 12) + (_variance(lost) / m if m > 1 else 1 / 12)
        variance += weight**2 * own
        null_variance += weight**2 * _variance(all_ranks[rows]) * (1 / m + 1 / n) / (m + n) ** 2
    if not weights or not null_variance:
        return None
    area = total / weights
    p_value = max(float(ndtr((0.5 - area) * weights / math.sqrt(null_variance))), 1e-300)
    return area, math.sqrt(variance) / weights, p_value


def _ranks_within(values: Floats, group: Ints) -> Floats:
    """The rank of each value in its group, from 1; equal ones share the mean of theirs."""
    order = np.lexsort((values, group))
    of, sorted_values = group[order], values[order]
    is_new_group, is_new = np.ones(of.size, dtype=bool), np.ones(of.size, dtype=bool)
    is_new_group[1:] = of[1:] != of[:-1]
    is_new[1:] = is_new_group[1:] | (sorted_values[1:] != sorted_values[:-1])
    first = np.flatnonzero(is_new)
    last = np.append(first[1:], of.size) - 1
    begins = np.maximum.accumulate(np.where(is_new_group, np.arange(of.size), 0))
    ranks = np.empty(of.size)
    ranks[order] = ((first + last) / 2)[np.cumsum(is_new) - 1] - begins + 1
    return ranks


def _variance(values: Floats) -> float:
    """`np.var` with ddof=1: strata are small and many, and its own bookkeeping takes longer than the sums."""
    around = values - np.add.reduce(values) / values.size
    return float(np.add.reduce(around * around) / (values.size - 1))


def _e_value(p_value: float) -> float:
    log_p = math.log(p_value)
    if log_p > -1e-4:
        return 0.5  # the limit at p = 1
    return (1 - p_value + p_value * log_p) / (p_value * log_p**2)
