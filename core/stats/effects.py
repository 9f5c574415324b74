"""Is a shift of shares larger, or smaller, than one that matters?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, chndtr, chndtrinc

from core.stats.nulls import effective_rows

__all__ = ["ShiftTest", "rows_to_prove", "shift_test"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BORROWED = 20  # rows a bin that the window lends the reference's shares


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ShiftTest:
    """A shift of shares held against a margin w0 of Cohen's w, one value a window.

    ``p_larger`` is of "w is at most w0", ``p_smaller`` of "w is at least w0", ``p_any`` of "no shift at all".
    """

    statistic: Floats
    df: Ints
    n_effective: Floats
    p_larger: Floats
    p_smaller: Floats
    p_any: Floats


def shift_test(reference: Ints, current: Ints, *, margin: float, dispersion: float = 1.0) -> ShiftTest:
    """Is the shift of the shares more than `margin`, less than that, or any at all?

    The statistic is the sum of (q - p)^2 / p over bins, times the rows that would tell as much against an
    exactly known reference, 1 / (1/m + 1/n) / dispersion; its law is noncentral chi-square with that many rows
    x w^2. The reference's own uncertainty is thus part of the test. So that a sparse bin of a small reference
    doesn't dominate it, the shares p in the denominators borrow at most 20 rows a bin from the window.

    Parameters
    ----------
    reference, current : int arrays of shape (..., n_bins)
        At least one row on each side; bins that are empty on both don't count.
    margin : float
        Cohen's w that matters, above 0.
    dispersion : float
        How much more shares vary between windows than independent rows would, at least 1.

    Returns
    -------
    ShiftTest
        Each p-value of shape (...,).

    Raises
    ------
    ValueError
        If a side has no rows, the dispersion is below 1 or the margin not above 0.

    References
    ----------
    W. C. Guenther (1977), Power and sample size for approximate chi-square tests, The American
    Statistician 31.

    Examples
    --------
    >>> test = shift_test(np.array([50_000, 50_000]), np.array([510, 490]), margin=0.1)
    >>> float(test.p_smaller).__round__(3), float(test.p_larger).__round__(3)
    (0.006, 0.994)
    """
    if margin <= 0:
        raise ValueError(f"A margin of Cohen's w lies above 0, got {margin}.")
    m, n = reference.sum(axis=-1), current.sum(axis=-1)
    rows = effective_rows(m, n, dispersion=dispersion)
    used = (reference > 0) | (current > 0)
    n_bins = used.sum(axis=-1)
    lent = np.minimum(np.minimum(m, n), BORROWED * n_bins)
    p, q = reference / m[..., np.newaxis], current / n[..., np.newaxis]
    expected = reference + q * lent[..., np.newaxis] + 0.5 * used
    expected = expected / np.where(n_bins > 0, expected.sum(axis=-1), 1.0)[..., np.newaxis]
    terms = np.divide((q - p) ** 2, expected, out=np.zeros(q.shape), where=used)
    statistic = rows * terms.sum(axis=-1)
    df = np.maximum(n_bins - 1, 1)
    smaller = chndtr(statistic, df, rows * margin**2)
    return ShiftTest(
        statistic=np.asarray(statistic),
        df=np.asarray(df),
        n_effective=rows,
        p_larger=np.clip(1 - smaller, 0.0, 1.0),
        p_smaller=np.clip(smaller, 0.0, 1.0),
        p_any=np.asarray(chdtrc(df, statistic)),
    )


def rows_to_prove(
    df: int, *, margin: float, n_reference: int, alpha: float = 0.05, power: float = 0.8, dispersion: float = 1.0
) -> int | None:
    """How many rows must a window have to prove an unmoved column stable, in `power` of such windows?

    Parameters
    ----------
    df : int
        Bins less one, at least 1.
    margin : float
        Cohen's w that matters, above 0.
    n_reference : int
    alpha, power : float
        In (0, 1); 1 - power above alpha.
    dispersion : float
        At least 1.

    Returns
    -------
    int or None
        None if no window is large enough, because the reference is too small.

    Examples
    --------
    >>> rows_to_prove(9, margin=0.1, n_reference=10_000), rows_to_prove(9, margin=0.1, n_reference=1_000)
    (1991, None)
    """
    most = float(chdtri(df, 1 - power))  # what an unmoved column stays below so often
    needed = float(chndtrinc(most, df, alpha)) * dispersion / margin**2
    return math.ceil(1 / (1 / needed - 1 / n_reference)) if needed < n_reference else None
