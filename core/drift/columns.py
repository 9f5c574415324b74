"""Drift of one column, from its count vectors: its distances, the shares behind them, and what moved in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.drift.contrasts import CONTRASTS, contrast_measures, is_ordered
from core.drift.distances import (
    homogeneity_measures,
    kolmogorov_smirnov_measure,
    l_infinity_measure,
    total_variation_measure,
    wasserstein_measure,
)
from core.drift.divergences import DIVERGENCES, cohens_w_measures, divergence_measures, observed_psi_measure
from core.drift.measures import undefined
from core.drift.shares import Bins, BinShare, bin_shares, comparison_bins, moved
from core.errors import BinMismatchError, UnknownNameError
from core.measure import Measure
from core.schema import ColumnType
from core.stats.binning import NumericBins

__all__ = ["MARGIN", "BinShare", "ColumnDrift", "column_drift", "column_drifts", "measure_names"]

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
    reference: Ints,
    current: Ints,
    bins: Bins,
    *,
    margin: float = MARGIN,
    confidence: float = 0.95,
    dispersion: float = 1.0,
    kind: ColumnType = ColumnType.NUMERIC,
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
    dispersion : float
        How much more shares vary from window to window than independent rows would, at least 1; the
        intervals, p-values and words allow for it.
    kind : ColumnType
        How values are written in words: a TIMESTAMP, counted in days, as a date; a TEXT, counted by its
        length, in characters.

    Returns
    -------
    ColumnDrift
        Measures ``psi`` (the chief one: less its bias, with interval and p-value), ``psi_observed``,
        ``jensen_shannon``, ``jensen_shannon_divergence``, ``hellinger``, ``total_variation``, ``l_infinity``,
        ``cohens_w``, ``chi_square`` and ``g``; where values have an order ``location`` and ``spread`` in
        standard deviations of the reference; of numeric columns ``kolmogorov_smirnov`` and ``wasserstein`` too.
        They are UNDEFINED where a side has no rows. The p-values are of "no drift".

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
    shares = bin_shares(reference, current, bins, kind=kind)
    why = _nothing_to_compare(m, n)
    if why:
        measures = [undefined(name, n, why) for name in measure_names(bins)]
        return ColumnDrift(n_reference=m, n_current=n, measures=tuple(measures), shares=shares, words=(why,))
    sides = comparison_bins(reference, current, bins)
    one = sides[0][np.newaxis], sides[1][np.newaxis]
    psi, *companions = (
        divergence_measures(name, *one, margin=bound, confidence=confidence, dispersion=dispersion)[0]
        for name, bound in (
            ("psi", margin),
            ("jensen_shannon", None),
            ("jensen_shannon_divergence", None),
            ("hellinger", None),
        )
    )
    measures = [
        psi,
        observed_psi_measure(*sides),
        *companions,
        total_variation_measure(*sides, confidence=confidence, dispersion=dispersion),
        l_infinity_measure(*sides, confidence=confidence, dispersion=dispersion),
        *cohens_w_measures(*one, confidence=confidence, dispersion=dispersion),
        *homogeneity_measures(*sides, dispersion=dispersion),
    ]
    if is_ordered(bins):
        for name in CONTRASTS:
            window = current[np.newaxis]
            measures += contrast_measures(name, reference, window, bins, confidence=confidence, dispersion=dispersion)
    if isinstance(bins, NumericBins):
        for measure in (kolmogorov_smirnov_measure, wasserstein_measure):
            measures.append(measure(reference, current, bins, confidence=confidence, dispersion=dispersion))
    words = moved(reference, current, bins, shares, confidence=confidence, dispersion=dispersion, kind=kind)
    return ColumnDrift(n_reference=m, n_current=n, measures=tuple(measures), shares=shares, words=words)


def measure_names(bins: Bins) -> tuple[str, ...]:
    """The measures that `column_drift` gives for such bins, in its order.

    Examples
    --------
    >>> from core.stats.binning import CategoryBins
    >>> measure_names(CategoryBins(categories=("false", "true")))[-2:]
    ('location', 'spread')
    """
    names = ["psi", "psi_observed", "jensen_shannon", "jensen_shannon_divergence", "hellinger", "total_variation"]
    names += ["l_infinity", "cohens_w", "chi_square", "g"]
    names += CONTRASTS if is_ordered(bins) else []
    names += ["kolmogorov_smirnov", "wasserstein"] if isinstance(bins, NumericBins) else []
    return tuple(names)


def column_drifts(
    reference: Ints,
    current: Ints,
    bins: Bins,
    *,
    measure: str = "psi",
    margin: float | None = MARGIN,
    confidence: float = 0.95,
    dispersion: float = 1.0,
) -> tuple[Measure, ...]:
    """How has one measure of a column gone from window to window?

    Parameters
    ----------
    reference : int array of shape (bins.size,)
    current : int array of shape (n_windows, bins.size)
    measure : str
        A divergence or a contrast: ``psi``, ``jensen_shannon``, ``jensen_shannon_divergence``, ``hellinger``,
        ``cohens_w``, and where values have an order ``location`` and ``spread``.
    bins, margin, confidence, dispersion
        As for `column_drift`; the margin is in the measure's unit.

    Returns
    -------
    tuple of Measure
        The measure of each window, just as `column_drift` has it.

    Raises
    ------
    BinMismatchError
        If the counts don't fit the bins.
    UnknownNameError
        If there is no such measure for these bins.

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
    known = (*DIVERGENCES, *(CONTRASTS if is_ordered(bins) else ()))
    if measure not in known:
        raise UnknownNameError("measure over windows", measure, known)
    m, n = int(reference.sum()), current.sum(axis=-1)
    usable = (n > 0) & (m > 0)
    trend = [undefined(measure, int(rows), _nothing_to_compare(m, int(rows))) for rows in n]
    if not usable.any():
        return tuple(trend)
    found: tuple[Measure, ...]
    if measure in CONTRASTS:
        found = contrast_measures(
            measure, reference, current[usable], bins, margin=margin, confidence=confidence, dispersion=dispersion
        )
    else:
        sides = comparison_bins(reference, current[usable], bins)
        if measure == "cohens_w":
            found = cohens_w_measures(*sides, margin=margin, confidence=confidence, dispersion=dispersion)
        else:
            found = divergence_measures(measure, *sides, margin=margin, confidence=confidence, dispersion=dispersion)
    for place, one in zip(np.flatnonzero(usable), found, strict=True):
        trend[place] = one
    return tuple(trend)


def _check(counts: Ints, shape: tuple[int, ...], bins: Bins) -> None:
    if counts.shape != shape:
        raise BinMismatchError(f"Counts of shape {counts.shape} don't fit {bins.n_bins} regular and 7 special bins.")


def _nothing_to_compare(n_reference: int, n_current: int) -> str:
    if n_reference == 0:
        return "The reference has no rows."
    return "" if n_current else "No rows in this window."
