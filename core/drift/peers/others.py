"""Drift scores of TensorFlow Data Validation, popmon, Deepchecks, Frouros and Fiddler, and the textbook's PSI.

Each is the formula on samples; where a monitor draws its own histogram first, only what needs none is here.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from core.drift.peers.samples import (
    DriftScore,
    Sample,
    check_numeric,
    counts_by_value,
    finite,
    is_numeric,
    jensen_shannon,
    shares_by_value,
    two_sample_ks,
    wasserstein,
)

__all__ = [
    "classic_psi",
    "deepchecks_cramers_v",
    "deepchecks_earth_mover",
    "deepchecks_kolmogorov_smirnov",
    "deepchecks_psi",
    "fiddler_psi",
    "frouros_chi_square",
    "frouros_earth_mover",
    "frouros_energy",
    "frouros_hellinger",
    "frouros_jensen_shannon",
    "frouros_kolmogorov_smirnov",
    "frouros_kullback_leibler",
    "frouros_psi",
    "popmon_chi_square",
    "popmon_kullback_leibler",
    "popmon_psi",
    "tfdv_jensen_shannon",
    "tfdv_l_infinity",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FROUROS_BINS = 10
POPMON_EPSILON = 1e-5
DEEPCHECKS_LEAST_SHARE = 0.01
DEEPCHECKS_TRIM = 0.025


def tfdv_jensen_shannon(reference: Sample, current: Sample) -> DriftScore:
    """TensorFlow Data Validation: Jensen-Shannon divergence (not its root), base 2, in 0..1, of categories."""
    _check_categories(reference)
    return DriftScore(value=jensen_shannon(*shares_by_value(reference, current), base=2))


def tfdv_l_infinity(reference: Sample, current: Sample) -> DriftScore:
    """TensorFlow Data Validation: the largest change of a category's share."""
    _check_categories(reference)
    p, q = shares_by_value(reference, current)
    return DriftScore(value=float(np.abs(p - q).max()))


def popmon_psi(reference: Sample, current: Sample) -> DriftScore:
    """popmon: PSI of shares, natural log, 0.00001 added to each and not normalised again.

    popmon feeds the formula raw counts, so the numbers in its reports are larger by a factor that grows with n;
    this is the formula on shares.
    """
    _check_categories(reference)
    p, q = (share + POPMON_EPSILON for share in shares_by_value(reference, current))
    return DriftScore(value=float(((p - q) * np.log(p / q)).sum()))


def popmon_kullback_leibler(reference: Sample, current: Sample) -> DriftScore:
    """popmon: KL(reference || current) of shares, natural log, 0.00001 added to each."""
    _check_categories(reference)
    p, q = (share + POPMON_EPSILON for share in shares_by_value(reference, current))
    return DriftScore(value=float((p * np.log(p / q)).sum()))


def popmon_chi_square(reference: Sample, current: Sample) -> DriftScore:
    """popmon: ROOT's test of two histograms, which is Pearson's two-sample chi-square without correction."""
    _check_categories(reference)
    return _contingency(reference, current, correction=False)


def deepchecks_psi(reference: Sample, current: Sample) -> DriftScore:
    """Deepchecks: PSI of categories, natural log, no share below 0.01; all categories one by one."""
    _check_categories(reference)
    p, q = (np.maximum(share, DEEPCHECKS_LEAST_SHARE) for share in shares_by_value(reference, current))
    return DriftScore(value=float(((p - q) * np.log(p / q)).sum()))


def deepchecks_cramers_v(reference: Sample, current: Sample) -> DriftScore:
    """Deepchecks: Cramer's V less its bias, the larger side first scaled down to the smaller; categories.

    Every category is kept; Deepchecks merges those below 1% of the reference by default.
    """
    from scipy.stats import chi2_contingency

    _check_categories(reference)
    sides = [side.astype(np.float64) for side in counts_by_value(reference, current)]
    smaller = min(side.sum() for side in sides)
    table = np.stack([np.round(side * (smaller / side.sum())) for side in sides])
    table = table[:, table.any(axis=0)]
    n, k = table.sum(), table.shape[1]
    if k < 2:
        return DriftScore(value=0.0)
    test: Any = chi2_contingency(table)
    squared = max(0.0, float(test.statistic) / n - (k - 1) / (n - 1))
    corrected = min(k - (k - 1) ** 2 / (n - 1), 2 - 1 / (n - 1)) - 1
    return DriftScore(value=math.sqrt(squared / corrected))


def deepchecks_kolmogorov_smirnov(reference: Sample, current: Sample) -> DriftScore:
    """Deepchecks: the two-sample statistic of a numeric column."""
    return DriftScore(value=two_sample_ks(reference, current).value)


def deepchecks_earth_mover(reference: Sample, current: Sample) -> DriftScore:
    """Deepchecks: Wasserstein-1 after cutting both tails of both sides at 2.5%, scaled to the range of the rest."""
    sides = []
    for side in (finite(reference), finite(current)):
        low, high = np.quantile(side, [DEEPCHECKS_TRIM, 1 - DEEPCHECKS_TRIM])
        sides.append(side[(side >= low) & (side <= high)])
    low, high = min(side.min() for side in sides), max(side.max() for side in sides)
    if low == high:
        return DriftScore(value=0.0)
    return DriftScore(value=wasserstein(sides[0], sides[1]) / float(high - low))


def frouros_psi(reference: Sample, current: Sample) -> DriftScore:
    """Frouros: PSI, natural log, 10 equal-width bins of both sides; an empty bin holds 2.2e-308, so it explodes."""
    p, q = (np.where(share == 0, sys.float_info.min, share) for share in _equal_width(reference, current))
    return DriftScore(value=float(((q - p) * np.log(q / p)).sum()))


def frouros_hellinger(reference: Sample, current: Sample) -> DriftScore:
    """Frouros: Hellinger distance on 10 equal-width bins of both sides."""
    p, q = _equal_width(reference, current)
    return DriftScore(value=math.sqrt(float(((np.sqrt(p) - np.sqrt(q)) ** 2).sum()) / 2))


def frouros_jensen_shannon(reference: Sample, current: Sample) -> DriftScore:
    """Frouros: Jensen-Shannon distance in nats on 9 equal intervals of each side's interpolated histogram."""
    p, q = _interpolated(reference, current)
    return DriftScore(value=math.sqrt(jensen_shannon(p / p.sum(), q / q.sum(), base=math.e)))


def frouros_kullback_leibler(reference: Sample, current: Sample) -> DriftScore:
    """Frouros: KL(current || reference), in nats, on the intervals of its Jensen-Shannon distance."""
    p, q = _interpolated(reference, current)
    return DriftScore(value=float(rel_entr(q, p).sum()))


def frouros_kolmogorov_smirnov(reference: Sample, current: Sample) -> DriftScore:
    """Frouros: the two-sample test without bins."""
    return two_sample_ks(reference, current)


def frouros_earth_mover(reference: Sample, current: Sample) -> DriftScore:
    """Frouros: Wasserstein-1 in the column's own unit."""
    return DriftScore(value=wasserstein(reference, current))


def frouros_energy(reference: Sample, current: Sample) -> DriftScore:
    """Frouros: SciPy's energy distance."""
    from scipy.stats import energy_distance

    check_numeric(reference)
    return DriftScore(value=float(energy_distance(reference, current)))


def frouros_chi_square(reference: Sample, current: Sample) -> DriftScore:
    """Frouros: Pearson's chi-square of the contingency table; Yates' correction if there are two categories."""
    return _contingency(reference, current, correction=True)


def fiddler_psi(reference: Sample, current: Sample) -> DriftScore:
    """Fiddler: PSI of categories, natural log, one row added to each bin of each side."""
    _check_categories(reference)
    p, q = ((side + 1) / (side + 1).sum() for side in counts_by_value(reference, current))
    return DriftScore(value=float(((p - q) * np.log(p / q)).sum()))


def classic_psi(reference: Sample, current: Sample) -> DriftScore:
    """The textbook's PSI: deciles of the reference, natural log, no share below 0.0001; categories one by one."""
    if is_numeric(reference):
        before, after = finite(reference), finite(current)
        inner = np.unique(np.quantile(before, np.arange(1, 10) / 10))
        p, q = (
            np.bincount(np.searchsorted(inner, side, side="right"), minlength=inner.size + 1) / side.size
            for side in (before, after)
        )
    else:
        p, q = shares_by_value(reference, current)
    p, q = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    return DriftScore(value=float(((p - q) * np.log(p / q)).sum()))


def _check_categories(sample: Sample) -> None:
    if is_numeric(sample):
        raise ValueError("This convention is for categories only; of numbers the monitor draws a histogram of its own.")


def _contingency(reference: Sample, current: Sample, *, correction: bool) -> DriftScore:
    from scipy.stats import chi2_contingency

    test: Any = chi2_contingency(np.stack(counts_by_value(reference, current)), correction=correction)
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def _equal_width(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    check_numeric(reference)
    edges = np.histogram_bin_edges(np.concatenate([reference, current]), bins=FROUROS_BINS)
    p, q = (np.histogram(side, bins=edges)[0] / side.size for side in (reference, current))
    return p, q


def _interpolated(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    from scipy.stats import rv_histogram

    check_numeric(reference)
    both = np.concatenate([reference, current])
    ends = np.linspace(both.min(), both.max(), FROUROS_BINS)
    p, q = (np.diff(rv_histogram(np.histogram(side, bins="auto")).cdf(ends)) for side in (reference, current))
    return p, q
