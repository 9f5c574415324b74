"""Fairness between persons rather than groups: inequality of benefits, and like cases treated alike."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.measure import Interval
from core.stats.intervals import mean_interval

__all__ = ["Consistency", "Inequality", "benefit_inequality", "consistency"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inequality:
    """How unequally benefits are spread: 0 if all have the same. ``between_groups`` is the part that groups explain."""

    generalized_entropy: float
    theil: float
    between_groups: float
    n: int


def benefit_inequality(confusion: Ints, *, positive: int) -> Inequality:
    """How unequal are persons in what they get beyond what they deserve: prediction - label + 1?

    Parameters
    ----------
    confusion : int array of shape (3, 3, n_groups)
        Rows by prediction, label and group of a binary model; rows without either are left out.
    positive : int
        The place of the outcome that benefits, 0 or 1.

    Returns
    -------
    Inequality
        Generalised entropy with exponent 2, its limit for exponent 1 (Theil), and the first between groups.

    Raises
    ------
    InputError
        If the shape is another, or nobody has a benefit.

    References
    ----------
    T. Speicher et al. (2018), doi:10.1145/3219819.3220046.

    Examples
    --------
    >>> confusion = np.zeros((3, 3, 1), dtype=np.int64)
    >>> confusion[:2, :2, 0] = [[3, 2], [2, 3]]
    >>> round(benefit_inequality(confusion, positive=1).generalized_entropy, 6)
    0.2
    """
    if confusion.ndim != 3 or confusion.shape[:2] != (3, 3) or positive not in (0, 1):
        raise InputError(f"Benefits are told of a binary model's counts (3, 3, groups), got {confusion.shape}.")
    other = 1 - positive
    counts = np.stack(  # by benefit 0, 1, 2 and group
        [
            confusion[other, positive],
            confusion[positive, positive] + confusion[other, other],
            confusion[positive, other],
        ]
    ).astype(np.float64)
    benefit = np.array([0.0, 1.0, 2.0])
    by_group, n = counts.sum(axis=0), counts.sum()
    total = float(benefit @ counts.sum(axis=1))
    if not total:
        raise InputError("Nobody has a benefit, so it can't be spread unequally.")
    share = benefit * n / total
    weight = counts.sum(axis=1) / n
    logs = np.array([0.0, share[1] * math.log(share[1]), share[2] * math.log(share[2])])
    present = by_group > 0
    means = (benefit @ counts)[present] / by_group[present] * n / total
    return Inequality(
        generalized_entropy=float(weight @ (share**2 - 1)) / 2,
        theil=float(weight @ logs),
        between_groups=float((by_group[present] / n) @ (means**2 - 1)) / 2,
        n=int(n),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consistency:
    """How alike the decisions on a row and on its nearest neighbours are: 1 if always the same."""

    value: float
    interval: Interval | None
    n: int
    n_neighbours: int
    convention: str


def consistency(features: Floats, selected: Ints, *, n_neighbours: int = 5, scale: bool = True) -> Consistency:
    """Are rows that are alike in their features decided alike?

    Parameters
    ----------
    features : float array of shape (n_rows, n_features)
        Numbers; a missing value is the column's mean.
    selected : int array of shape (n_rows,)
        0 or 1.
    n_neighbours : int
        At least 1; rows must be more.
    scale : bool
        Whether each column is brought to unit variance first.

    Returns
    -------
    Consistency
        1 less the mean distance of each row's decision from the mean of its neighbours', the row itself not among
        them. It needs rows, so it is taken on a sample; the interval takes them as independent.

    Raises
    ------
    InputError
        If there are too few rows.

    References
    ----------
    R. Zemel et al. (2013), Learning Fair Representations, ICML 28(3), 325-333.

    Examples
    --------
    >>> features = np.repeat([[0.0], [1.0]], 10, axis=0)
    >>> consistency(features, np.repeat([0, 1], 10)).value
    1.0
    """
    n = len(selected)
    if n <= n_neighbours or features.shape[0] != n:
        raise InputError(f"{n_neighbours} neighbours need more rows than that, got {n} of {features.shape[0]}.")
    from sklearn.neighbors import NearestNeighbors

    filled = np.where(np.isfinite(features), features, np.nan)
    centre = np.nanmean(np.where(np.isfinite(filled).any(axis=0), filled, 0.0), axis=0)
    filled = np.where(np.isnan(filled), centre, filled) - centre
    spread = filled.std(axis=0) if scale else np.ones(filled.shape[1])
    scaled = filled / np.where(spread > 0, spread, 1.0)
    order = NearestNeighbors(n_neighbors=n_neighbours + 1).fit(scaled).kneighbors(scaled, return_distance=False)
    others = np.array([[j for j in row if j != i][:n_neighbours] for i, row in enumerate(order)])
    distance = np.abs(selected - selected[others].mean(axis=1))
    limits = mean_interval(n, float(distance.sum()), float((distance**2).sum()))
    interval = limits and Interval(
        low=max(0.0, 1 - limits.high), high=min(1.0, 1 - limits.low), confidence=limits.confidence
    )
    return Consistency(
        value=1 - float(distance.mean()),
        interval=interval,
        n=n,
        n_neighbours=n_neighbours,
        convention=f"{n_neighbours} nearest rows by Euclidean distance of features"
        + (" scaled to unit variance" if scale else ""),
    )
