"""Drift of one column, from its count vectors: its distances, the shares behind them, and what moved in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.drift.distances import (
    cohens_w_measure,
    jensen_shannon_measure,
    kolmogorov_smirnov_measure,
    observed_psi_measure,
    psi_measure,
    undefined,
    wasserstein_measure,
)
from core.drift.shares import Bins, BinShare, bin_shares, comparison_bins, moved
from core.errors import BinMismatchError
from core.measure import Measure
from core.stats.binning import NumericBins

__all__ = ["BinShare", "ColumnDrift", "column_drift", "column_drifts"]

Ints = NDArray[np.int64]

MARGIN = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnDrift:
    """How far one column has drifted: measures, the shares behind them, and what moved in words."""

    n_reference: int
    n_current: int
    measures: tuple[Measure, ...]
    shares: tuple[BinShare, ...]
    words: tuple[str, ...]

    def measure(self, name: str) -> Measure:
        """The measure of that name, such as 'psi'."""
        return next(measure for measure in self.measures if measure.measure == name)


def column_drift(
    reference: Ints, current: Ints, bins: Bins, *, margin: float = MARGIN, confidence: float = 0.95
) -> ColumnDrift:
    """How far has a column drifted from the reference, and what moved inside it?

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
        Counts of the regular bins and the seven special ones.
    bins : NumericBins or CategoryBins
    margin : float
        The population stability index that matters.
    confidence : float
        Of every interval, in (0, 1).

    Returns
    -------
    ColumnDrift
        Measures ``psi`` (the chief one: less its bias, with interval and p-value), ``psi_observed``,
        ``jensen_shannon`` and ``cohens_w``; of numeric columns ``kolmogorov_smirnov`` and
        ``wasserstein`` too. They are UNDEFINED where a side has no rows. The p-values are of "no drift".

    Raises
    ------
    BinMismatchError
        If the counts don't fit the bins.

    References
    ----------
    B. Yurdakul (2018), Statistical Properties of Population Stability Index, Western Michigan University;
    P. Massart (1990), doi:10.1214/aop/1176990746.

    Examples
    --------
    >>> from core.stats.binning import CategoryBins
    >>> bins = CategoryBins(categories=("employee", "self-employed"))
    >>> reference = np.array([9_000, 1_000, 0, 0, 0, 0, 0, 0, 0])
    >>> drift = column_drift(reference, np.array([700, 300, 0, 0, 0, 0, 0, 0, 0]), bins)
    >>> round(drift.measure("psi").value, 2), drift.words[0]
    (0.27, "Share of 'employee' 90.0% to 70.0%.")
    """
    for counts in (reference, current):
        _check(counts, (bins.size,), bins)
    m, n = int(reference.sum()), int(current.sum())
    shares = bin_shares(reference, current, bins)
    why = _nothing_to_compare(m, n)
    if why:
        names = ["psi", "psi_observed", "jensen_shannon", "cohens_w"]
        names += ["kolmogorov_smirnov", "wasserstein"] if isinstance(bins, NumericBins) else []
        measures = [undefined(name, n, why) for name in names]
        return ColumnDrift(n_reference=m, n_current=n, measures=tuple(measures), shares=shares, words=(why,))
    sides = comparison_bins(reference, current, bins)
    measures = [
        psi_measure(*sides, margin=margin, confidence=confidence),
        observed_psi_measure(*sides),
        jensen_shannon_measure(*sides, confidence=confidence),
        cohens_w_measure(*sides, confidence=confidence),
    ]
    if isinstance(bins, NumericBins):
        measures.append(kolmogorov_smirnov_measure(reference, current, bins, confidence=confidence))
        measures.append(wasserstein_measure(reference, current, bins))
    words = moved(reference, current, bins, shares, confidence=confidence)
    return ColumnDrift(n_reference=m, n_current=n, measures=tuple(measures), shares=shares, words=words)


def column_drifts(
    reference: Ints, current: Ints, bins: Bins, *, margin: float = MARGIN, confidence: float = 0.95
) -> tuple[Measure, ...]:
    """How has a column's population stability index gone from window to window?

    Parameters
    ----------
    reference : int array of shape (bins.size,)
    current : int array of shape (n_windows, bins.size)
    bins, margin, confidence
        As for `column_drift`.

    Returns
    -------
    tuple of Measure
        The ``psi`` of each window, just as `column_drift` has it.

    Raises
    ------
    BinMismatchError
        If the counts don't fit the bins.

    Examples
    --------
    >>> from core.stats.binning import CategoryBins
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> reference = np.array([900, 100, 0, 0, 0, 0, 0, 0, 0])
    >>> windows = np.array([[90, 10, 0, 0, 0, 0, 0, 0, 0], [60, 40, 0, 0, 0, 0, 0, 0, 0]])
    >>> [round(measure.value, 2) for measure in column_drifts(reference, windows, bins)]
    [0.0, 0.53]
    """
    _check(reference, (bins.size,), bins)
    _check(current, (len(current), bins.size), bins)
    m = int(reference.sum())
    trend = []
    for window in current:
        n = int(window.sum())
        why = _nothing_to_compare(m, n)
        if why:
            trend.append(undefined("psi", n, why))
        else:
            trend.append(psi_measure(*comparison_bins(reference, window, bins), margin=margin, confidence=confidence))
    return tuple(trend)


def _check(counts: Ints, shape: tuple[int, ...], bins: Bins) -> None:
    if counts.shape != shape:
        raise BinMismatchError(f"Counts of shape {counts.shape} don't fit {bins.n_bins} regular and 7 special bins.")


def _nothing_to_compare(n_reference: int, n_current: int) -> str:
    if n_reference == 0:
        return "The reference has no rows."
    return "" if n_current else "No rows in this window."
