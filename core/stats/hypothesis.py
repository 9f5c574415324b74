"""Is a difference between reference and current more than two samples of these sizes show by chance?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, chdtrc, gammaln, kolmogorov, rel_entr

__all__ = [
    "Homogeneity",
    "benjamini_hochberg",
    "benjamini_yekutieli",
    "chi_square_homogeneity",
    "g_homogeneity",
    "kolmogorov_smirnov_p_value",
    "pool_sparse",
    "two_proportions_p_value",
    "zero_reference_p_value",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_EXPECTED = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Homogeneity:
    """A test of equal shares on both sides: statistic, degrees of freedom and p-value."""

    statistic: float
    df: int
    p_value: float


def pool_sparse(reference: Ints, current: Ints, *, minimum: float = MIN_EXPECTED) -> tuple[Ints, Ints]:
    """Pool the bins that hold too few rows for a chi-square test.

    Under the shares of both sides together, a bin that is expected to hold fewer than `minimum` rows
    in the smaller side is pooled with all others of that kind; if the pool is still expected to hold
    fewer, it joins the smallest of the remaining bins. The pool comes last.

    Examples
    --------
    >>> [counts.tolist() for counts in pool_sparse(np.array([90, 60, 2, 3, 0]), np.array([80, 70, 4, 1, 0]))]
    [[90, 60, 5], [80, 70, 5]]
    """
    both = reference + current
    expected = both * min(reference.sum(), current.sum()) / max(1, both.sum())
    sparse = expected < minimum
    if 0 < expected[sparse].sum() < minimum and not sparse.all():
        sparse[np.argmin(np.where(sparse, np.inf, expected))] = True
    if not both[sparse].sum():
        return reference[~sparse], current[~sparse]
    kept = [np.append(side[~sparse], side[sparse].sum()) for side in (reference, current)]
    return kept[0], kept[1]


def chi_square_homogeneity(
    reference: Ints, current: Ints, *, minimum: float = MIN_EXPECTED, dispersion: float = 1.0
) -> Homogeneity | None:
    """Are the shares of both sides equal, by Pearson's chi-square?

    Parameters
    ----------
    reference, current : int arrays of shape (n_bins,)
    minimum : float
        Bins are pooled by `pool_sparse` first; 0 pools none but the empty.
    dispersion : float
        The p-value is that of the statistic over it, at least 1.

    Returns
    -------
    Homogeneity or None
        None if fewer than two bins are left: there is nothing to test.

    References
    ----------
    K. Pearson (1900), doi:10.1080/14786440009463897; W. G. Cochran (1954), doi:10.2307/3001616.

    Examples
    --------
    >>> test = chi_square_homogeneity(np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380]))
    >>> round(test.statistic, 10), test.df, round(test.p_value, 10)
    (5.6424299963, 3, 0.13036361)
    """
    table = _pooled_table(reference, current, minimum)
    if table is None:
        return None
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return _homogeneity(float(((table - expected) ** 2 / expected).sum()), table.shape[1] - 1, dispersion)


def g_homogeneity(
    reference: Ints, current: Ints, *, minimum: float = MIN_EXPECTED, dispersion: float = 1.0
) -> Homogeneity | None:
    """Are the shares of both sides equal, by the likelihood ratio G?

    References
    ----------
    S. S. Wilks (1938), doi:10.1214/aoms/1177732360.

    Examples
    --------
    >>> test = g_homogeneity(np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380]))
    >>> round(test.statistic, 10), round(test.p_value, 10)
    (5.6541518574, 0.1297038974)
    """
    table = _pooled_table(reference, current, minimum)
    if table is None:
        return None
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return _homogeneity(2 * float(rel_entr(table, expected).sum()), table.shape[1] - 1, dispersion)


def _pooled_table(reference: Ints, current: Ints, minimum: float) -> Floats | None:
    table = np.stack(pool_sparse(reference, current, minimum=minimum)).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    return table if table.shape[1] > 1 and (table.sum(axis=1) > 0).all() else None


def _homogeneity(statistic: float, df: int, dispersion: float) -> Homogeneity:
    return Homogeneity(statistic=statistic, df=df, p_value=float(chdtrc(df, max(statistic, 0.0) / dispersion)))


def kolmogorov_smirnov_p_value(distance: float, n_reference: int, n_current: int) -> float:
    """How often are two samples of one distribution at least `distance` apart?

    The limiting law; conservative where values tie and where `distance` is a lower limit from bins.

    References
    ----------
    N. V. Smirnov (1948), doi:10.1214/aoms/1177730256.

    Examples
    --------
    >>> round(kolmogorov_smirnov_p_value(0.05, 10_000, 1_000), 4)
    0.0212
    """
    return float(kolmogorov(distance * math.sqrt(n_reference * n_current / (n_reference + n_current))))


def two_proportions_p_value(k_reference: int, n_reference: int, k_current: int, n_current: int) -> float:
    """Are two rates equal, two-sided?

    Fisher's exact test if any of the four cells is expected to hold fewer than 5 rows, else the score
    test (Pearson's chi-square without continuity correction).

    References
    ----------
    R. A. Fisher (1922), doi:10.2307/2340521; I. Campbell (2007), doi:10.1002/sim.2832.

    Examples
    --------
    >>> round(two_proportions_p_value(3, 10, 9, 10), 5), round(two_proportions_p_value(48, 80, 56, 70), 5)
    (0.01977, 0.00805)
    """
    if not (0 <= k_reference <= n_reference and 0 <= k_current <= n_current and n_reference and n_current):
        raise ValueError(f"Not two rates: {k_reference} of {n_reference} and {k_current} of {n_current}.")
    k, n = k_reference + k_current, n_reference + n_current
    if k in (0, n):
        return 1.0
    if min(k, n - k) * min(n_reference, n_current) / n < MIN_EXPECTED:
        from scipy.stats import fisher_exact

        table = np.array([[k_reference, n_reference - k_reference], [k_current, n_current - k_current]])
        return float(fisher_exact(table).pvalue)
    rate = k / n
    z2 = (k_current / n_current - k_reference / n_reference) ** 2 / (
        rate * (1 - rate) * (1 / n_reference + 1 / n_current)
    )
    return float(chdtrc(1, z2))


def zero_reference_p_value(successes: int, n: int, n_reference: int) -> float:
    """Are `successes` of `n` rows too many for something that none of `n_reference` rows showed?

    The rate's posterior after 0 of `n_reference` is Beta(1/2, n_reference + 1/2), by Jeffreys' prior;
    the p-value is the beta-binomial probability of at least `successes` among the next `n`. Over both
    samples a test at level a errs with probability about a, at most 1.7 a where n is 10 times n_reference.

    Raises
    ------
    ValueError
        If `successes` is not in 0..n or the reference has no rows.

    References
    ----------
    H. Jeffreys (1946), doi:10.1098/rspa.1946.0056.

    Examples
    --------
    >>> round(zero_reference_p_value(1, 1_000, 10_000), 4), zero_reference_p_value(0, 1_000, 10_000)
    (0.0465, 1.0)
    """
    if not (0 <= successes <= n and n_reference > 0):
        raise ValueError(f"Needs 0 <= successes <= n and a reference, got {successes} of {n} and {n_reference}.")
    if successes == 0:
        return 1.0
    n_terms = 1 + math.ceil(40 * (n + n_reference) / n_reference)  # the terms fall by n / (n + n_reference) each
    k = np.arange(successes, min(n, successes + n_terms) + 1)
    log_terms = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + betaln(k + 0.5, n - k + n_reference + 0.5)
    return float(min(1.0, np.exp(log_terms - betaln(0.5, n_reference + 0.5)).sum()))


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Which false-discovery rate does each p-value buy: adjusted p-values, in the order given?

    Reject where the result is at most q, and the expected share of false rejections is at most q for
    independent or positively dependent tests.

    References
    ----------
    Y. Benjamini, Y. Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> benjamini_hochberg([0.001, 0.04, 0.03]).round(3).tolist()
    [0.003, 0.04, 0.04]
    """
    from scipy.stats import false_discovery_control

    values = np.asarray(p_values, dtype=np.float64)
    return np.asarray(false_discovery_control(values)) if values.size else values


def benjamini_yekutieli(p_values: ArrayLike) -> Floats:
    """Which false-discovery rate does each p-value buy, however the tests depend on one another?

    Parameters
    ----------
    p_values : array-like of shape (n,)
        In [0, 1].

    Returns
    -------
    float array of shape (n,)
        Adjusted p-values in the order given: Benjamini and Hochberg's times the sum of 1/i, at most 1.

    References
    ----------
    Y. Benjamini, D. Yekutieli (2001), doi:10.1214/aos/1013699998.

    Examples
    --------
    >>> benjamini_yekutieli([0.001, 0.04, 0.03]).round(4).tolist()
    [0.0055, 0.0733, 0.0733]
    """
    from scipy.stats import false_discovery_control

    values = np.asarray(p_values, dtype=np.float64)
    return np.asarray(false_discovery_control(values, method="by")) if values.size else values
