"""NannyML's drift scores, by its release 0.13.1: each is fitted on the reference once, then given windows.

NaN is left out. A numeric column is "continuous" to NannyML whatever its distinct values; integers count as numbers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from core.drift.peers.samples import (
    DriftScore,
    Sample,
    check_numeric,
    counts_by_value,
    is_missing,
    is_numeric,
    present,
    two_sample_ks,
)
from core.drift.peers.samples import jensen_shannon as divergence
from core.drift.peers.samples import wasserstein as wasserstein_1

__all__ = [
    "FITTED",
    "binned_shares",
    "chi_square",
    "hellinger",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "l_infinity",
    "largest_gap",
    "missing_share",
    "reconstruction_error",
    "standard_deviation_threshold",
    "unseen_share",
    "wasserstein",
]

Floats = NDArray[np.float64]
Fitted = Callable[[Sample], float]

BINNED_FROM = 10_000  # reference rows from which Kolmogorov-Smirnov and Wasserstein are read from bins
N_BINS = 10_000
N_COMPONENTS = 0.65
SEED = 16


def jensen_shannon(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: Jensen-Shannon distance, the root of the base 2 divergence, in 0..1.

    Bins: NumPy's 'doane' on the reference alone, or one a category. What falls outside shares one more bin,
    where the reference has 0. Zero rule: none, 0 log 0 is 0. Normaliser: rows present.
    """
    return DriftScore(value=_fitted_jensen_shannon(reference)(current))


def hellinger(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: Hellinger distance in 0..1, on the bins of its Jensen-Shannon distance; no zero rule."""
    return DriftScore(value=_fitted_hellinger(reference)(current))


def kolmogorov_smirnov(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: the two-sample statistic of a numeric column.

    From 10,000 reference rows on both distribution functions are read at the ends of 10,000 bins of equal width
    over the reference's range, which moves the statistic by some 0.0002.
    """
    if reference.size < BINNED_FROM:
        return two_sample_ks(reference, current)
    return DriftScore(value=_fitted_kolmogorov_smirnov(reference)(current))


def wasserstein(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: order 1 in the column's own unit; from 10,000 reference rows on, on 10,000 bins of equal width.

    Values outside the reference's range then count at their own distance from it.
    """
    return DriftScore(value=_fitted_wasserstein(reference)(current))


def l_infinity(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: the largest change of a category's share, over the categories of both sides."""
    return DriftScore(value=_fitted_l_infinity(reference)(current))


def chi_square(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: Pearson's chi-square of the contingency table; Yates' correction if there are two categories."""
    from scipy.stats import chi2_contingency

    test: Any = chi2_contingency(np.stack(counts_by_value(reference, current)))
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def missing_share(sample: Sample) -> float:
    """NannyML: the share of rows that are missing.

    Examples
    --------
    >>> missing_share(np.array([1.0, np.nan, 3.0, 4.0]))
    0.25
    """
    return 1 - present(sample).size / sample.size


def unseen_share(reference: Sample, current: Sample) -> float:
    """NannyML: the share of rows whose value is not in the reference; missing is a value there as any other.

    Examples
    --------
    >>> unseen_share(np.array(["a", "b"]), np.array(["a", "c", "b", "b"]))
    0.25
    """
    seen, values = present(reference), present(current)
    n_unseen = values.size - int(np.isin(values, np.unique(seen)).sum())
    if seen.size == reference.size:
        n_unseen += current.size - values.size
    return n_unseen / current.size


def standard_deviation_threshold(
    values: Sequence[float] | Floats, *, low: float | None = None, high: float | None = None
) -> tuple[float, float]:
    """NannyML: the mean -/+ 3 standard deviations (ddof 0) of a score over the reference's chunks.

    Parameters
    ----------
    values : floats
        NaN is left out.
    low, high : float or None
        The range of the score, which the limits are cut to.

    Examples
    --------
    >>> standard_deviation_threshold([0.0, 0.1], low=0.0)
    (0.0, 0.2)
    """
    mean, spread = float(np.nanmean(values)), float(np.nanstd(values))
    lower, upper = mean - 3 * spread, mean + 3 * spread
    return lower if low is None else max(lower, low), upper if high is None else min(upper, high)


def binned_shares(ordered: Floats, edges: Floats) -> Floats:
    """Shares of sorted values in left-closed bins, the last one closed, as ``numpy.histogram`` counts."""
    at = np.append(np.searchsorted(ordered, edges[:-1], "left"), np.searchsorted(ordered, edges[-1], "right"))
    return np.asarray(np.diff(at) / ordered.size)


def _fitted_shares(reference: Sample) -> Callable[[Sample], tuple[Floats, Floats]]:
    """Shares of both sides on the reference's bins or categories, and one more for what falls outside them."""
    if is_numeric(reference):
        edges = np.histogram_bin_edges(reference.astype(np.float64), bins="doane")
        before = np.append(binned_shares(np.sort(reference), edges), 0.0)

        def of_numbers(current: Sample) -> tuple[Floats, Floats]:
            after = binned_shares(np.sort(current), edges)
            return before, np.append(after, max(0.0, 1 - after.sum()))

        return of_numbers
    categories, counts = np.unique(reference, return_counts=True)
    before = np.append(counts / reference.size, 0.0)

    def of_categories(current: Sample) -> tuple[Floats, Floats]:
        places = np.minimum(np.searchsorted(categories, current), categories.size - 1)
        places = np.where(categories[places] == current, places, categories.size)
        return before, np.bincount(places, minlength=categories.size + 1) / current.size

    return of_categories


def _fitted_jensen_shannon(reference: Sample) -> Fitted:
    shares = _fitted_shares(reference)
    return lambda current: math.sqrt(divergence(*shares(current), base=2))


def _fitted_hellinger(reference: Sample) -> Fitted:
    shares = _fitted_shares(reference)

    def value(current: Sample) -> float:
        p, q = shares(current)
        return math.sqrt(float(((np.sqrt(p) - np.sqrt(q)) ** 2).sum()) / 2)

    return value


def _fitted_kolmogorov_smirnov(reference: Sample) -> Fitted:
    check_numeric(reference)
    ordered = np.sort(reference.astype(np.float64))
    if ordered.size < BINNED_FROM:
        return lambda current: largest_gap(ordered, np.sort(current))
    edges = np.linspace(ordered[0], ordered[-1], N_BINS + 1)
    before = np.cumsum(binned_shares(ordered, edges))

    def value(current: Sample) -> float:
        after = np.sort(current)
        below = float(np.searchsorted(after, edges[0], "left")) / after.size
        return float(np.abs(before - below - np.cumsum(binned_shares(after, edges))).max())

    return value


def largest_gap(reference: Floats, current: Floats) -> float:
    """The two-sample Kolmogorov-Smirnov statistic of sorted samples: the gap is widest at a current value."""

    def gap(side: Literal["left", "right"]) -> float:
        f = np.searchsorted(reference, current, side) / reference.size
        return float(np.abs(f - np.searchsorted(current, current, side) / current.size).max())

    return max(gap("left"), gap("right"))


def _fitted_wasserstein(reference: Sample) -> Fitted:
    check_numeric(reference)
    ordered = np.sort(reference.astype(np.float64))
    if ordered.size < BINNED_FROM:
        return lambda current: wasserstein_1(ordered, current)
    edges = np.histogram_bin_edges(ordered, bins=N_BINS)
    before, width = np.cumsum(np.histogram(ordered, bins=N_BINS)[0] / ordered.size), edges[1] - edges[0]

    def value(current: Sample) -> float:
        after = np.sort(current)
        smaller, bigger = after[after < edges[0]], after[after > edges[-1]]
        # NannyML counts one row more outside than there is, at the range's end.
        below = (smaller.size + 1) / after.size if smaller.size else 0.0
        above = (bigger.size + 1) / after.size if bigger.size else 0.0
        inside = np.abs(before - np.cumsum(binned_shares(after, edges)) - below).sum() * width
        left = below * _area(np.append(smaller, edges[0])) if smaller.size else 0.0
        right = above * _area(-np.insert(bigger, 0, edges[-1])[::-1]) if bigger.size else 0.0
        return float(inside + left + right)

    return value


def _area(ordered: Floats) -> float:
    """The area below the distribution function of sorted values, from the first to the last."""
    return float((np.arange(1, ordered.size) / ordered.size) @ np.diff(ordered))


def _fitted_l_infinity(reference: Sample) -> Fitted:
    categories, counts = np.unique(reference, return_counts=True)
    before = dict(zip(categories.tolist(), (counts / reference.size).tolist(), strict=True))

    def value(current: Sample) -> float:
        values, n = np.unique(current, return_counts=True)
        after = dict(zip(values.tolist(), (n / current.size).tolist(), strict=True))
        return max(abs(float(before.get(name, 0.0) - after.get(name, 0.0))) for name in before | after)

    return value


FITTED: Mapping[str, Callable[[Sample], Fitted]] = {
    "jensen_shannon": _fitted_jensen_shannon,
    "hellinger": _fitted_hellinger,
    "kolmogorov_smirnov": _fitted_kolmogorov_smirnov,
    "wasserstein": _fitted_wasserstein,
    "l_infinity": _fitted_l_infinity,
}


def reconstruction_error(reference: Mapping[str, Sample], windows: Sequence[Mapping[str, Sample]]) -> Floats:
    """NannyML: how badly the reference's principal components describe each window's rows, on average.

    Missing numbers become the reference's mean, missing categories its most frequent; categories become their
    share in the reference, 0 if new; all columns are standardised; principal components are kept until they hold
    65% of the variance; the error of a row is the length of what they leave out.

    Parameters
    ----------
    reference : mapping of str to array of shape (m,)
        The columns, in NannyML's order: that of the names given to it.
    windows : sequence of mappings of str to array of shape (n_rows,)

    Returns
    -------
    float array of shape (n_windows,)

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=400)
    >>> together = {"x": x, "y": x + 0.01 * rng.normal(size=400)}
    >>> apart = {"x": x, "y": x[::-1]}
    >>> errors = reconstruction_error(together, [together, apart])
    >>> bool(errors[0] < 0.1 < errors[1])
    True
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    encoders = {name: _encoder(values) for name, values in reference.items()}
    encoded = [
        np.column_stack([encode(sample[name]) for name, encode in encoders.items()]) for sample in (reference, *windows)
    ]
    scaler = StandardScaler().fit(encoded[0])
    components = PCA(n_components=N_COMPONENTS, random_state=SEED).fit(scaler.transform(encoded[0]))
    errors = []
    for window in encoded[1:]:
        scaled = scaler.transform(window)
        left_out = scaled - components.inverse_transform(components.transform(scaled))
        errors.append(float(np.linalg.norm(left_out, axis=1).mean()))
    return np.array(errors)


def _encoder(reference: Sample) -> Callable[[Sample], Floats]:
    if is_numeric(reference):
        mean = float(np.nanmean(reference))
        return lambda sample: np.where(np.isnan(sample), mean, sample).astype(np.float64)
    categories, counts = np.unique(present(reference), return_counts=True)
    most_frequent = str(categories[np.argmax(counts)])
    missing = reference.size - int(counts.sum())
    shares = dict(zip(categories.tolist(), (counts / reference.size).tolist(), strict=True))
    shares[most_frequent] += missing / reference.size

    def encode(sample: Sample) -> Floats:
        names = [most_frequent if is_missing(value) else str(value) for value in sample.tolist()]
        return np.array([shares.get(name, 0.0) for name in names])

    return encode
