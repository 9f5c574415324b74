"""What all conventions share: samples without missing values, their counts, and what a convention gives."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

__all__ = [
    "DriftScore",
    "Sample",
    "check_numeric",
    "counts_by_value",
    "finite",
    "is_missing",
    "is_numeric",
    "jensen_shannon",
    "present",
    "shares_by_value",
    "sturges_shares",
    "two_sample_ks",
    "wasserstein",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Sample = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftScore:
    """What a convention gives: a value, and a p-value if it is a test."""

    value: float
    p_value: float | None = None


def is_numeric(sample: Sample) -> bool:
    """Numbers are numeric; booleans, strings and objects are categories."""
    return sample.dtype.kind in "fiu"


def check_numeric(sample: Sample) -> None:
    """Refuse categories.

    Raises
    ------
    ValueError
        If the sample isn't numeric.
    """
    if not is_numeric(sample):
        raise ValueError("This convention is for numeric columns only.")


def is_missing(value: object) -> bool:
    """None and NaN are missing."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def present(sample: Sample) -> Sample:
    """The values that are not missing (NaN, None); categories as strings."""
    if is_numeric(sample):
        return sample[~np.isnan(sample)]
    if sample.dtype.kind in "bU":
        return sample.astype(str)
    missing = [is_missing(value) for value in sample.tolist()]
    there: Sample = sample[~np.array(missing, dtype=bool)].astype(str)
    return there


def finite(sample: Sample) -> Floats:
    """The finite numbers of a numeric sample, as floats."""
    check_numeric(sample)
    return sample[np.isfinite(sample)].astype(np.float64)


def counts_by_value(reference: Sample, current: Sample) -> tuple[Ints, Ints]:
    """Counts of each value that occurs on either side, in the values' order."""
    values, codes = np.unique(np.concatenate([reference, current]), return_inverse=True)
    sides = codes[: reference.size], codes[reference.size :]
    before, after = (np.bincount(side, minlength=values.size).astype(np.int64) for side in sides)
    return before, after


def shares_by_value(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    """Shares of each value that occurs on either side, in the values' order."""
    before, after = counts_by_value(reference, current)
    return before / reference.size, after / current.size


def sturges_shares(reference: Floats, current: Floats) -> tuple[Floats, Floats]:
    """Shares on NumPy's 'sturges' bins of both sides together."""
    edges = np.histogram_bin_edges(np.concatenate([reference, current]), bins="sturges")
    p, q = (np.histogram(side, bins=edges)[0] / side.size for side in (reference, current))
    return p, q


def jensen_shannon(p: Floats, q: Floats, *, base: float) -> float:
    """The Jensen-Shannon divergence of two vectors of shares; 0 log 0 is 0."""
    middle = (p + q) / 2
    return max(0.0, float((rel_entr(p, middle) + rel_entr(q, middle)).sum()) / (2 * math.log(base)))


def two_sample_ks(reference: Sample, current: Sample) -> DriftScore:
    """The two-sample Kolmogorov-Smirnov statistic and its two-sided p-value."""
    from scipy.stats import ks_2samp

    check_numeric(reference)
    test: Any = ks_2samp(reference, current)
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def wasserstein(reference: Sample, current: Sample) -> float:
    """Wasserstein-1 of two numeric samples, in their own unit."""
    from scipy.stats import wasserstein_distance

    check_numeric(reference)
    return float(wasserstein_distance(reference, current))
