"""The distances of one column's two sides as measures: value, interval, p-value and convention."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from core.drift.shares import in_order, point_bins
from core.measure import Family, Interval, Measure, Status
from core.stats.binning import NumericBins, Special
from core.stats.distances import (
    cohens_w,
    jensen_shannon_divergence,
    kolmogorov_smirnov,
    paired_shares,
    population_stability_index,
    wasserstein,
)
from core.stats.hypothesis import (
    chi_square_homogeneity,
    jensen_shannon_null,
    kolmogorov_smirnov_p_value,
    pool_sparse,
    psi_null,
    zero_reference_p_value,
)
from core.stats.intervals import clopper_pearson

__all__ = [
    "cohens_w_measure",
    "jensen_shannon_measure",
    "kolmogorov_smirnov_measure",
    "observed_psi_measure",
    "psi_measure",
    "undefined",
    "wasserstein_measure",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_measure = partial(Measure, family=Family.DATA_DRIFT)
NO_NUMBER = "No row of this window has a number in this column."
ZERO_RULE = "Jeffreys zero rule (+0.5)"


def undefined(measure: str, n: int, why: str) -> Measure:
    """A distance that has no value, and why."""
    return _measure(measure=measure, value=None, n=n, convention="", status=Status.UNDEFINED, why=why)


def psi_measure(reference: Ints, current: Ints, *, margin: float = 0.1, confidence: float = 0.95) -> Measure:
    """How far have the shares moved, as the population stability index less its bias?

    Two samples without drift show a PSI of (n_bins - 1)(1 / n_reference + 1 / n_current) on average;
    the value is what exceeds that, at least 0. If the reference lies in one bin, the drift is the
    share of rows outside it, and its interval is exact.

    Parameters
    ----------
    reference, current : int arrays of shape (n_bins,)
        The bins used on either side, at least one row on each side.
    margin : float
        The PSI that matters.
    confidence : float

    Returns
    -------
    Measure
        ``psi``; its p-value is of "no drift", ``change`` is its interval.

    References
    ----------
    B. Yurdakul (2018), Statistical Properties of Population Stability Index, Western Michigan University.

    Examples
    --------
    >>> psi = psi_measure(np.array([5_000, 3_000, 2_000]), np.array([400, 300, 300]))
    >>> round(psi.value, 3), round(psi.interval.low, 3), round(psi.interval.high, 3)
    (0.061, 0.034, 0.099)
    """
    m, n, k = int(reference.sum()), int(current.sum()), reference.size
    if np.count_nonzero(reference) == 1:
        return _psi_of_constant(m, n, n - int(current[np.argmax(reference)]), margin, confidence)
    null = psi_null(m, n, k)
    observed = float(population_stability_index(reference, current))
    interval = null.interval(observed, confidence=confidence)
    return _measure(
        measure="psi",
        value=null.corrected(observed),
        n=n,
        interval=interval,
        change=interval,
        margin=margin,
        p_value=null.p_value(observed),
        convention=f"{k} bins of the reference; {ZERO_RULE}; natural log; less its mean without drift, "
        f"{null.mean:.4f}; noncentral chi-square interval",
    )


def _psi_of_constant(m: int, n: int, n_other: int, margin: float, confidence: float) -> Measure:
    p = 0.5 / (m + 1)

    def psi(other: float) -> float:
        q = min(max(other, p), 1 - 0.5 / (n + 1))
        return (q - p) * float(logit(q) - logit(p))

    limits = clopper_pearson(n_other, n, confidence=confidence)
    interval = Interval(low=psi(limits.low), high=psi(limits.high), confidence=confidence)
    return _measure(
        measure="psi",
        value=psi(n_other / n),
        n=n,
        interval=interval,
        change=interval,
        margin=margin,
        p_value=zero_reference_p_value(n_other, n, m),
        convention=f"the reference lies in one bin, against all others; {ZERO_RULE} for an empty side; natural log; "
        "Clopper-Pearson interval; beta-binomial p-value",
    )


def observed_psi_measure(reference: Ints, current: Ints) -> Measure:
    """What is the population stability index as it is usually printed, bias and all?"""
    return _measure(
        measure="psi_observed",
        value=float(population_stability_index(reference, current)),
        n=int(current.sum()),
        convention=f"{reference.size} bins of the reference; {ZERO_RULE}; natural log; not corrected, so it has no "
        "interval: psi has",
    )


def jensen_shannon_measure(reference: Ints, current: Ints, *, confidence: float = 0.95) -> Measure:
    """How far are both sides apart, as the Jensen-Shannon distance in base 2 less its bias, in 0..1?

    Examples
    --------
    >>> round(jensen_shannon_measure(np.array([5_000, 3_000, 2_000]), np.array([400, 300, 300])).value, 3)
    0.104
    """
    m, n, k = int(reference.sum()), int(current.sum()), max(2, reference.size)
    divergence = float(jensen_shannon_divergence(reference, current, base=2))
    null = jensen_shannon_null(m, n, k, base=2)
    return _measure(
        measure="jensen_shannon",
        value=math.sqrt(null.corrected(divergence)),
        n=n,
        interval=_roots(null.interval(divergence, confidence=confidence), top=1.0),
        p_value=null.p_value(divergence),
        convention=f"distance, base 2; {reference.size} bins of the reference; {ZERO_RULE}; divergence less its mean "
        f"without drift, {null.mean:.5f}; noncentral chi-square interval",
    )


def cohens_w_measure(reference: Ints, current: Ints, *, confidence: float = 0.95) -> Measure:
    """How large is the shift as Cohen's w less its bias, and is it one by Pearson's chi-square?

    Examples
    --------
    >>> w = cohens_w_measure(np.array([5_000, 3_000, 2_000]), np.array([400, 300, 300]))
    >>> round(w.value, 3), w.p_value < 1e-9
    (0.26, True)
    """
    m, n = int(reference.sum()), int(current.sum())
    reference, current = pool_sparse(reference, current)
    test = chi_square_homogeneity(reference, current, minimum=0)
    if test is None:
        return undefined("cohens_w", n, "Fewer than two bins are expected to hold 5 rows or more.")
    null = psi_null(m, n, test.df + 1)
    squared = float(cohens_w(reference, current)) ** 2
    # Far from 0 w varies more than the noncentral chi-square allows: widen it to the delta method's variance.
    p, q = paired_shares(reference, current)
    ratio = q / p
    variance = 4 / n * _variance(q, ratio) + _variance(p, ratio**2) / m
    wide = replace(null, scale=max(null.scale, variance / (4 * squared)) if squared else null.scale)
    return _measure(
        measure="cohens_w",
        value=math.sqrt(null.corrected(squared)),
        n=n,
        interval=_roots(wide.interval(squared + wide.mean - null.mean, confidence=confidence)),
        p_value=test.p_value,
        convention=f"{test.df + 1} bins expected to hold 5 rows or more, sparser ones pooled; {ZERO_RULE}; w squared "
        f"less its mean without drift, {null.mean:.4f}; noncentral chi-square interval of matched variance; p-value "
        "of Pearson's two-sample chi-square",
    )


def _variance(shares: Floats, values: Floats) -> float:
    return float(shares @ (values - shares @ values) ** 2)


def _roots(limits: Interval, *, top: float = math.inf) -> Interval:
    low, high = (min(top, math.sqrt(limit)) for limit in (limits.low, limits.high))
    return Interval(low=low, high=high, confidence=limits.confidence)


def kolmogorov_smirnov_measure(
    reference: Ints, current: Ints, bins: NumericBins, *, confidence: float = 0.95
) -> Measure:
    """How far do the distribution functions lie apart at most, at the ends of the fine bins?

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
    bins : NumericBins
    confidence : float
        The interval holds at least this often, whatever the distribution: the Dvoretzky-Kiefer-
        Wolfowitz bands of both sides around the bracket of what the bins leave open.

    Returns
    -------
    Measure
        ``kolmogorov_smirnov``, UNDEFINED where a side has no value that has a place in the order. A
        value that is new among `exact` bins may lie anywhere, and the bracket allows for it.

    References
    ----------
    P. Massart (1990), doi:10.1214/aop/1176990746.

    Examples
    --------
    >>> bins = NumericBins(ends=(1.0, 2.0, 3.0), low=0.0, exact=False)
    >>> reference, current = np.array([300, 300, 400, *[0] * 7]), np.array([40, 30, 30, *[0] * 7])
    >>> kolmogorov_smirnov_measure(reference, current, bins).value.__round__(3)
    0.1
    """
    f, g, why = _placed(reference, current, bins)
    unseen = bins.n_bins + Special.UNSEEN
    f, g = np.append(f, reference[unseen]), np.append(g, current[unseen])
    m, n = int(f.sum()), int(g.sum())
    if why or n == 0:
        return undefined("kolmogorov_smirnov", n, why or NO_NUMBER)
    points = np.concatenate([[True, False], point_bins(bins), [False, True, True]])
    bracket = kolmogorov_smirnov(f, g, points=points)
    anywhere = float(f[-1] / m + g[-1] / n)
    low, high = max(0.0, bracket.low - anywhere), min(1.0, bracket.high + anywhere)
    band = sum(math.sqrt(math.log(4 / (1 - confidence)) / (2 * rows)) for rows in (m, n))
    return _measure(
        measure="kolmogorov_smirnov",
        value=low,
        n=n,
        interval=Interval(low=max(0.0, low - band), high=min(1.0, high + band), confidence=confidence),
        p_value=kolmogorov_smirnov_p_value(low, m, n),
        convention=f"rows with a number; gap at the ends of {bins.n_bins} bins, the rows' own is at most {high:.4f}; "
        "Dvoretzky-Kiefer-Wolfowitz interval; limiting p-value, conservative",
    )


def wasserstein_measure(reference: Ints, current: Ints, bins: NumericBins) -> Measure:
    """How far has the mass moved on average, in the column's own unit, inside the reference's range?

    Values outside the range count at its ends; the convention says how much the bins leave open.

    Examples
    --------
    >>> bins = NumericBins(ends=(1.0, 2.0, 3.0), low=0.0, exact=False)
    >>> reference, current = np.array([300, 300, 400, *[0] * 7]), np.array([40, 30, 30, *[0] * 7])
    >>> wasserstein_measure(reference, current, bins).value.__round__(3)
    0.2
    """
    f, g, why = _placed(reference, current, bins)
    n = int(g.sum())
    if not why and n == 0:
        why = NO_NUMBER if not current[bins.n_bins + Special.UNSEEN] else "All values lie between the reference's."
    if not why and not math.isfinite(bins.ends[-1] - bins.low):
        why = "The range of the reference is too wide for a distance in its own unit."
    if why:
        return undefined("wasserstein", n, why)
    edges = np.array([bins.low, bins.low, *bins.ends, bins.ends[-1]])
    before, after = (np.array([side[:2].sum(), *side[2:-2], side[-2:].sum()]) for side in (f, g))
    bracket = wasserstein(before, after, edges, exact=bins.exact)
    n_outside, n_unseen = int(after[0] + after[-1]), int(current[bins.n_bins + Special.UNSEEN])
    outside = f", as {n_outside / n:.1%} of rows do" if n_outside else ""
    left_out = f"; {n_unseen:,} rows with new values left out" if n_unseen else ""
    return _measure(
        measure="wasserstein",
        value=bracket.value,
        n=n,
        convention=f"order 1, the column's own unit; {bins.n_bins} bins, off by at most {bracket.error_bound:.4g}; "
        f"values outside the reference's range count at its ends{outside}{left_out}; no interval for sampling",
    )


def _placed(reference: Ints, current: Ints, bins: NumericBins) -> tuple[Ints, Ints, str]:
    """Both sides in order, and why there is nothing to compare with."""
    f, g = in_order(reference, bins), in_order(current, bins)
    return f, g, "" if bins.n_bins and f.sum() else "The reference has no number in this column."
