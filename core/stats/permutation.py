"""Tests by relabelling rows: how large is the largest gap between groups that are alike?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["max_gap_p_value"]

Ints = NDArray[np.int64]


def max_gap_p_value(k: Ints, n: Ints, *, rng: np.random.Generator, n_permutations: int = 9_999) -> float:
    """How often do groups of one rate show a largest gap (max - min rate) as wide as this one?

    All rows' outcomes are dealt to the groups anew, their sizes and the number of successes kept, which is exact
    for any size. A bootstrap of the maximum isn't: the largest of several noisy gaps is never 0.

    Parameters
    ----------
    k, n : int arrays of shape (n_groups,)
        Successes and rows; groups without rows take no part, and two must be left.
    rng : numpy Generator
    n_permutations : int
        The least p-value is 1 / (n_permutations + 1).

    Returns
    -------
    float
        In (0, 1].

    Raises
    ------
    ValueError
        If fewer than two groups have rows.

    References
    ----------
    B. Phipson, G. K. Smyth (2010), doi:10.2202/1544-6115.1585, on counting the observed table too.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> round(max_gap_p_value(np.array([3, 9]), np.array([10, 10]), rng=rng), 2)  # Fisher: 0.0198
    0.02
    """
    k, n = np.asarray(k, dtype=np.int64), np.asarray(n, dtype=np.int64)
    used = n > 0
    k, n = k[used], n[used]
    if n.size < 2:
        raise ValueError(f"A gap needs two groups with rows, got {n.size}.")
    observed = _gap(k / n)
    dealt = rng.multivariate_hypergeometric(n, int(k.sum()), size=n_permutations, method="marginals")
    as_wide = int((_gap(dealt / n) >= observed - 1e-12).sum())  # equal gaps differ by rounding
    return (as_wide + 1) / (n_permutations + 1)


def _gap(rates: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(rates.max(axis=-1) - rates.min(axis=-1))
