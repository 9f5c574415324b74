"""How strongly do columns of different kinds go together?"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["association_matrix", "correlation_ratio", "cramers_v"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def association_matrix(values: Floats, categorical: Bools) -> Floats:
    """How strongly does each pair of columns go together, in 0..1?

    Parameters
    ----------
    values : float array of shape (n, n_columns)
        Numbers, and codes of categories as whole numbers from 0; NaN where missing. Pairs use the rows that have both.
    categorical : bool array of shape (n_columns,)

    Returns
    -------
    float array of shape (n_columns, n_columns)
        Of two numbers |Spearman's rank correlation|, of a number and a category the correlation ratio of the ranks,
        of two categories Cramer's V; the last two less their bias. 1 on the diagonal, 0 where nothing can be said.

    References
    ----------
    C. Spearman (1904), doi:10.2307/1412159; W. Bergsma (2013), doi:10.1016/j.jkss.2012.10.002; T. L. Kelley (1935),
    doi:10.1073/pnas.21.9.554.

    Examples
    --------
    >>> x = np.arange(8.0)
    >>> codes = np.array([0, 0, 0, 0, 1, 1, 1, 1.0])
    >>> association_matrix(np.column_stack([x, -(x**3), codes]), np.array([False, False, True])).round(2)[0].tolist()
    [1.0, 1.0, 0.85]
    """
    from scipy.stats import rankdata

    n_columns = values.shape[1]
    there = ~np.isnan(values)
    found = np.eye(n_columns)
    numbers = np.flatnonzero(~categorical)
    if numbers.size:
        found[np.ix_(numbers, numbers)] = _rank_correlations(values[:, numbers], there[:, numbers])
    for i in np.flatnonzero(categorical):
        for j in range(n_columns):
            if j == i or (categorical[j] and j < i):
                continue
            both = there[:, i] & there[:, j]
            codes = values[both, i].astype(np.int64)
            if categorical[j]:
                strength = cramers_v(codes, values[both, j].astype(np.int64))
            else:
                strength = correlation_ratio(codes, rankdata(values[both, j]))
            found[i, j] = found[j, i] = strength
    return found


def _rank_correlations(values: Floats, there: Bools) -> Floats:
    """|Spearman| of each pair, by the ranks within each column."""
    from scipy.stats import rankdata

    ranks = np.zeros(values.shape)
    for column in range(values.shape[1]):
        present = there[:, column]
        if present.any():
            ranked = rankdata(values[present, column])
            ranks[present, column] = ranked - ranked.mean()
    squares = ranks**2
    spread = np.sqrt((squares.T @ there) * (there.T @ squares))
    with np.errstate(invalid="ignore", divide="ignore"):
        r = np.where(spread > 0, np.abs(ranks.T @ ranks) / spread, 0.0)
    np.fill_diagonal(r, 1.0)
    return np.asarray(np.minimum(r, 1.0))


def correlation_ratio(codes: Ints, values: Floats) -> float:
    """How much of the spread of numbers lies between categories, as a root of a share, less its bias?

    Parameters
    ----------
    codes : int array of shape (n,)
        Categories, from 0.
    values : float array of shape (n,)

    Returns
    -------
    float
        In 0..1: the root of Kelley's epsilon squared; 0 if there is one category, or one value.

    References
    ----------
    T. L. Kelley (1935), doi:10.1073/pnas.21.9.554.

    Examples
    --------
    >>> round(correlation_ratio(np.array([0, 0, 1, 1]), np.array([1.0, 2.0, 5.0, 6.0])), 3)
    0.955
    """
    n = codes.size
    if n < 3:
        return 0.0
    counts = np.bincount(codes)
    k = int(np.count_nonzero(counts))
    total = float(((values - values.mean()) ** 2).sum())
    if k < 2 or k >= n or total == 0:
        return 0.0
    sums = np.bincount(codes, weights=values)
    means = np.divide(sums, counts, out=np.zeros(counts.size), where=counts > 0)
    within = float(((values - means[codes]) ** 2).sum())
    return math.sqrt(max(0.0, 1 - within / total * (n - 1) / (n - k)))


def cramers_v(first: Ints, second: Ints) -> float:
    """How strongly do two categorical columns go together, as Cramer's V less its bias?

    Parameters
    ----------
    first, second : int arrays of shape (n,)
        Categories, from 0.

    Returns
    -------
    float
        In 0..1; 0 if either has one category only.

    References
    ----------
    W. Bergsma (2013), doi:10.1016/j.jkss.2012.10.002.

    Examples
    --------
    >>> same = np.array([0, 1] * 50)
    >>> cramers_v(same, same), cramers_v(same, np.repeat([0, 1], 50))
    (1.0, 0.0)
    """
    n = first.size
    if n < 3:
        return 0.0
    table = np.zeros((int(first.max()) + 1, int(second.max()) + 1))
    np.add.at(table, (first, second), 1)
    table = table[table.any(axis=1)][:, table.any(axis=0)]
    r, k = table.shape
    if min(r, k) < 2:
        return 0.0
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / n
    squared = float(((table - expected) ** 2 / expected).sum()) / n - (r - 1) * (k - 1) / (n - 1)
    least = min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1
    return min(1.0, math.sqrt(max(0.0, squared) / least)) if least > 0 else 0.0
