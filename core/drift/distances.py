"""The distances of a column's two sides that are no divergences, as measures: value, interval, p-value, convention."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr, ndtr, ndtri

from core.drift.measures import NO_NUMBER, NO_REFERENCE_NUMBER, drift_measure, undefined
from core.drift.shares import in_order, point_bins
from core.measure import Interval, Measure
from core.stats.binning import NumericBins, Special
from core.stats.distances import kolmogorov_smirnov, l_infinity, paired_shares, total_variation, wasserstein
from core.stats.folded import deviation_covariance, folded_sum, unfolded_limits
from core.stats.hypothesis import Homogeneity, chi_square_homogeneity, g_homogeneity, kolmogorov_smirnov_p_value
from core.stats.nulls import effective_rows

__all__ = [
    "homogeneity_measures",
    "kolmogorov_smirnov_measure",
    "l_infinity_measure",
    "total_variation_measure",
    "wasserstein_measure",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MEAN_OF_KOLMOGOROV = 0.8687311606  # of the limiting law: sqrt(pi / 2) ln 2


def total_variation_measure(
    reference: Ints, current: Ints, *, confidence: float = 0.95, dispersion: float = 1.0
) -> Measure:
    """Which share of rows would have to change bins to make both sides equal?

    Parameters
    ----------
    reference, current : int arrays of shape (n_bins,)
        At least one row on each side.
    confidence : float
    dispersion : float
        How much more the shares vary between windows than independent rows would, at least 1.

    Returns
    -------
    Measure
        ``total_variation``, in 0..1, not less its bias, which the convention names: it shrinks once bins
        have certainly moved. The interval covers at least as often as it says.

    Examples
    --------
    >>> measure = total_variation_measure(np.array([5_000, 3_000, 2_000]), np.array([400, 300, 300]))
    >>> measure.value.__round__(3), measure.p_value < 1e-9
    (0.1, True)
    """
    m, n = int(reference.sum()), int(current.sum())
    weights = np.full(reference.size, 0.5)
    even = _together(reference, current)
    null = folded_sum(weights, deviation_covariance(even, even, m, n, dispersion=dispersion))
    own = paired_shares(reference, current)
    value = float(total_variation(reference, current))
    deviations = current / n - reference / m
    low, high = unfolded_limits(
        weights, deviations, deviation_covariance(*own, m, n, dispersion=dispersion), confidence=confidence
    )
    return drift_measure(
        measure="total_variation",
        value=value,
        n=n,
        interval=Interval(low=min(value, low), high=min(1.0, max(value, high)), confidence=confidence),
        p_value=null.p_value(value),
        convention=f"half the sum of changes over {reference.size} bins; mean without drift {null.mean:.4f}, not taken "
        "off; interval by the triangle inequality, covers at least as often as it says; p-value by the chi law of the "
        "null's mean and variance",
    )


def _together(reference: Ints, current: Ints) -> Floats:
    """The shares of both sides together, half a row added to each used bin."""
    both = reference + current
    padded = both + 0.5 * (both > 0)
    return np.asarray(padded / padded.sum())


def l_infinity_measure(reference: Ints, current: Ints, *, confidence: float = 0.95, dispersion: float = 1.0) -> Measure:
    """What is the largest change of a bin's share?

    Parameters
    ----------
    reference, current : int arrays of shape (n_bins,)
        At least one row on each side.
    confidence, dispersion
        As for `total_variation_measure`.

    Returns
    -------
    Measure
        ``l_infinity``, in 0..1, not less its bias, which the convention names. Interval and p-value are
        Bonferroni's over the bins; the p-value is a normal one, good from about 100 rows on.

    References
    ----------
    R. G. Newcombe (1998), method 10, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> measure = l_infinity_measure(np.array([5_000, 3_000, 2_000]), np.array([400, 300, 300]))
    >>> measure.value.__round__(3), measure.p_value < 1e-6
    (0.1, True)
    """
    m, n = int(reference.sum()), int(current.sum())
    even = _together(reference, current)
    spread_without = np.sqrt(dispersion * even * (1 - even) * (1 / m + 1 / n))
    value = float(l_infinity(reference, current))
    n_free = 1 if reference.size <= 2 else reference.size  # two shares change by the same amount
    tail = (1 - confidence) / 2
    rows = m / dispersion, n / dispersion
    shares = reference / m, current / n
    nearest = _newcombe(*shares, *rows, float(ndtri(1 - tail / n_free)))
    farthest = _newcombe(*shares, *rows, float(ndtri(1 - tail)))
    low = float(np.maximum(nearest[0], -nearest[1]).max())
    high = float(np.maximum(-farthest[0], farthest[1]).max())
    with np.errstate(divide="ignore", invalid="ignore"):
        tails = 2 * np.exp(log_ndtr(-np.where(spread_without > 0, value / spread_without, np.inf)))
    p_value = float(tails[0] if reference.size == 2 else min(1.0, tails.sum()))
    return drift_measure(
        measure="l_infinity",
        value=value,
        n=n,
        interval=Interval(low=min(value, max(0.0, low)), high=min(1.0, max(value, high)), confidence=confidence),
        p_value=p_value,
        convention=f"largest change over {reference.size} bins; mean without drift "
        f"{_mean_of_largest(spread_without[:n_free]):.4f}, not taken off; Newcombe intervals and "
        "normal p-values by Bonferroni",
    )


def _newcombe(p: Floats, q: Floats, m: float, n: float, z: float) -> tuple[Floats, Floats]:
    """Newcombe's limits (method 10) of q - p, bin by bin."""
    sides = []
    for share, rows in ((p, m), (q, n)):
        centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
        half = z * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows)) / (1 + z * z / rows)
        sides.append((centre - half, centre + half))
    (low_p, high_p), (low_q, high_q) = sides
    return q - p - np.hypot(q - low_q, high_p - p), q - p + np.hypot(high_q - q, p - low_p)


def _mean_of_largest(spread: Floats) -> float:
    """The mean of the largest of independent folded normals."""
    steps = np.linspace(0, 6 * float(spread.max()), 400)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(spread > 0, steps[:, np.newaxis] / spread, np.inf)
    below = np.prod(2 * ndtr(scaled) - 1, axis=1)
    return float(np.trapezoid(1 - below, steps))


def homogeneity_measures(reference: Ints, current: Ints, *, dispersion: float = 1.0) -> tuple[Measure, Measure]:
    """Are the shares of both sides equal, by Pearson's chi-square and by the likelihood ratio G?

    Returns
    -------
    two Measures
        ``chi_square`` and ``g``: the statistics, which grow with the rows and so have no interval.

    Examples
    --------
    >>> pearson, g = homogeneity_measures(np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380]))
    >>> round(pearson.value, 6), round(g.value, 6)
    (5.64243, 5.654152)
    """
    return (
        _statistic("chi_square", chi_square_homogeneity(reference, current, dispersion=dispersion), current),
        _statistic("g", g_homogeneity(reference, current, dispersion=dispersion), current),
    )


def _statistic(name: str, test: Homogeneity | None, current: Ints) -> Measure:
    n = int(current.sum())
    if test is None:
        return undefined(name, n, "Fewer than two bins are expected to hold 5 rows or more.")
    return drift_measure(
        measure=name,
        value=test.statistic,
        n=n,
        p_value=test.p_value,
        convention=f"two-sample, {test.df} degrees of freedom after pooling bins expected to hold fewer than 5 rows; "
        f"mean without drift {test.df}; a test's statistic grows with n and has no interval: cohens_w is its "
        "effect size",
    )


def kolmogorov_smirnov_measure(
    reference: Ints, current: Ints, bins: NumericBins, *, confidence: float = 0.95, dispersion: float = 1.0
) -> Measure:
    """How far do the distribution functions lie apart at most, at the ends of the fine bins?

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
    bins : NumericBins
    dispersion : float
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
    band = sum(math.sqrt(dispersion * math.log(4 / (1 - confidence)) / (2 * rows)) for rows in (m, n))
    rows = float(effective_rows(m, n, dispersion=dispersion))
    return drift_measure(
        measure="kolmogorov_smirnov",
        value=low,
        n=n,
        interval=Interval(low=max(0.0, low - band), high=min(1.0, high + band), confidence=confidence),
        p_value=kolmogorov_smirnov_p_value(low / math.sqrt(dispersion), m, n),
        convention=f"rows with a number; gap at the ends of {bins.n_bins} bins, the rows' own is at most {high:.4f}; "
        f"mean without drift {MEAN_OF_KOLMOGOROV / math.sqrt(rows):.4f}, not taken off; "
        "Dvoretzky-Kiefer-Wolfowitz interval; limiting p-value, conservative",
    )


def wasserstein_measure(
    reference: Ints, current: Ints, bins: NumericBins, *, confidence: float = 0.95, dispersion: float = 1.0
) -> Measure:
    """How far has the mass moved on average, in the column's own unit, inside the reference's range?

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
    bins : NumericBins
    confidence, dispersion
        As for `total_variation_measure`.

    Returns
    -------
    Measure
        ``wasserstein``. Values outside the range count at its ends; the convention says how much the bins leave
        open, and the interval holds that and the sampling error.

    References
    ----------
    S. S. Vallender (1974), doi:10.1137/1118101.

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
    weights = np.diff(edges)[1:] if bins.exact else (np.diff(edges)[:-1] + np.diff(edges)[1:]) / 2
    m, even = int(before.sum()), (before + after) / (before.sum() + after.sum())
    null = folded_sum(weights, _of_functions(even, even, m, n, dispersion))
    gaps = (np.cumsum(after) / n - np.cumsum(before) / m)[:-1]
    low, high = unfolded_limits(
        weights, gaps, _of_functions(*paired_shares(before, after), m, n, dispersion), confidence=confidence
    )
    at_ends = float(weights @ np.abs(gaps))
    interval = Interval(
        low=max(0.0, min(bracket.low, low - at_ends + bracket.low)),
        high=max(bracket.high, high - at_ends + bracket.high),
        confidence=confidence,
    )
    n_outside, n_unseen = int(after[0] + after[-1]), int(current[bins.n_bins + Special.UNSEEN])
    outside = f", as {n_outside / n:.1%} of rows do" if n_outside else ""
    left_out = f"; {n_unseen:,} rows with new values left out" if n_unseen else ""
    return drift_measure(
        measure="wasserstein",
        value=bracket.value,
        n=n,
        interval=interval,
        p_value=null.p_value(at_ends),
        convention=f"order 1, the column's own unit; {bins.n_bins} bins, off by at most {bracket.error_bound:.4g}; "
        f"values outside the reference's range count at its ends{outside}{left_out}; mean without drift "
        f"{null.mean:.4g}, not taken off; interval by the triangle inequality and the bins' bound",
    )


def _of_functions(p: Floats, q: Floats, m: int, n: int, dispersion: float) -> Floats:
    """How the differences of two distribution functions at the ends of bins, but the last, vary together."""
    total = np.zeros((p.size - 1, p.size - 1))
    for shares, rows in ((p, m), (q, n)):
        below = np.cumsum(shares)[:-1]
        total += (np.minimum.outer(below, below) - np.outer(below, below)) * (dispersion / rows)
    return total


def _placed(reference: Ints, current: Ints, bins: NumericBins) -> tuple[Ints, Ints, str]:
    """Both sides in order, and why there is nothing to compare with."""
    f, g = in_order(reference, bins), in_order(current, bins)
    return f, g, "" if bins.n_bins and f.sum() else NO_REFERENCE_NUMBER
