"""Differences from the reference in ordered strata, put together: an omnibus test and a mean."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtr

from core.measure import Interval
from core.stats.intervals import noncentrality_interval

__all__ = ["StratifiedTest", "pool_by_information", "stratified_test"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class StratifiedTest:
    """Chi-square over strata (does any differ?), z of the mean (do they differ one way?), and an effect size.

    ``effect`` is the root mean square of the strata's differences in standard deviations of a row, less what
    chance alone adds; its interval comes from the noncentral chi-square.
    """

    chi_square: float
    df: int
    p_value: float
    mean_p_value: float
    effect: float
    effect_interval: Interval


def pool_by_information(information: Floats, least: float) -> Ints:
    """Join neighbouring strata until each group holds at least `least` of information.

    Parameters
    ----------
    information : float array of shape (n_strata,)
        What each stratum adds, 0 or more.
    least : float
        What a group needs.

    Returns
    -------
    int array of shape (n_strata,)
        The group of each stratum, ascending from 0. What is left over at the end joins the last group;
        all are one group if there is too little for one.

    Examples
    --------
    >>> pool_by_information(np.array([6.0, 1.0, 2.0, 3.0, 9.0, 1.0]), 5.0).tolist()
    [0, 1, 1, 1, 2, 2]
    """
    groups = np.zeros(information.size, dtype=np.int64)
    group, held = 0, 0.0
    for index, amount in enumerate(information.tolist()):
        groups[index] = group
        held += amount
        if held >= least:
            group, held = group + 1, 0.0
    return np.minimum(groups, max(group - 1, 0))


def stratified_test(
    difference: Floats,
    null_variance: Floats,
    n_reference: Ints,
    n_current: Ints,
    groups: Ints,
    *,
    confidence: float = 0.95,
) -> StratifiedTest | None:
    """Do the strata differ from the reference, each from its own?

    Parameters
    ----------
    difference : float array of shape (n_strata,)
        Current minus reference, in each stratum.
    null_variance : float array of shape (n_strata,)
        The variance of that difference if there were none in truth.
    n_reference, n_current : int arrays of shape (n_strata,)
        Rows, at least 1 each.
    groups : int array of shape (n_strata,)
        Strata of one group are summed before squaring, each weighed by its current rows, so that a
        different mix of strata inside a group is no difference.
    confidence : float
        Of the effect's interval.

    Returns
    -------
    StratifiedTest or None
        None if some group has no variance.

    References
    ----------
    W. G. Cochran (1954), doi:10.2307/3001616.

    Examples
    --------
    >>> test = stratified_test(np.array([0.1, -0.1]), np.array([0.0025, 0.0025]), np.array([200, 200]),
    ...     np.array([200, 200]), np.array([0, 1]))
    >>> round(test.chi_square, 3), test.df, round(test.p_value, 4), test.mean_p_value
    (8.0, 2, 0.0183, 1.0)
    """
    n_groups = int(groups[-1]) + 1
    excess = np.bincount(groups, weights=n_current * difference, minlength=n_groups)
    variance = np.bincount(groups, weights=n_current.astype(np.float64) ** 2 * null_variance, minlength=n_groups)
    if not (variance > 0).all():
        return None
    chi_square = float((excess**2 / variance).sum())
    noncentrality = noncentrality_interval(chi_square, n_groups, confidence=confidence)
    pairs = float((n_current * (n_reference / (n_current + n_reference))).sum())
    return StratifiedTest(
        chi_square=chi_square,
        df=n_groups,
        p_value=float(chdtrc(n_groups, chi_square)),
        mean_p_value=float(2 * ndtr(-abs(excess.sum()) / math.sqrt(variance.sum()))),
        effect=math.sqrt(max(0.0, chi_square - n_groups) / pairs),
        effect_interval=Interval(
            low=math.sqrt(noncentrality.low / pairs),
            high=math.sqrt(noncentrality.high / pairs),
            confidence=confidence,
        ),
    )
