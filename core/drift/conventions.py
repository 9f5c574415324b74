"""Drift scores as other monitors compute them, to the digit, each by its name.

"Drift" numbers of one name differ by bins, zero rule, logarithm and normaliser. `CONVENTIONS` names each
combination, so that a number from elsewhere can be checked, or shown beside Plumbline's own.
Samples are arrays of shape (n,): floats are numeric, anything else is categorical. Missing values
(NaN, None) are left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from core.errors import UnknownNameError
from core.stats.distances import hellinger_distance, jensen_shannon_distance

__all__ = [
    "CONVENTIONS",
    "DriftScore",
    "drift_score",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Sample = NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriftScore:
    """What a convention gives: a value, and a p-value if it is a test."""

    value: float
    p_value: float | None = None


def drift_score(convention: str, reference: Sample, current: Sample) -> DriftScore:
    """How far has a column drifted, by a named convention of another monitor?

    Parameters
    ----------
    convention : str
        A key of `CONVENTIONS`, such as 'nannyml.jensen_shannon'.
    reference, current : arrays of shape (n_reference,) and (n_current,)

    Raises
    ------
    UnknownNameError
        If there is no convention of that name.
    ValueError
        If a side has no value, or the convention is not for this kind of column.

    Examples
    --------
    >>> reference, current = np.array(["a", "a", "b"]), np.array(["a", "b", "b"])
    >>> round(drift_score("nannyml.l_infinity", reference, current).value, 4)
    0.3333
    """
    if convention not in CONVENTIONS:
        raise UnknownNameError("convention", convention, CONVENTIONS)
    reference, current = _present(reference), _present(current)
    if not (reference.size and current.size):
        raise ValueError(f"{convention} needs at least one value on both sides.")
    if _is_numeric(reference) != _is_numeric(current):
        raise ValueError(f"{convention}: one side is numeric, the other is not.")
    return CONVENTIONS[convention](reference, current)


def nannyml_jensen_shannon(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: Jensen-Shannon distance, the root of the base 2 divergence, in 0..1.

    Bins: NumPy's 'doane' on the reference alone; one a value if the reference has at most 50 distinct
    values and these are at most a tenth of its rows, or is categorical. What falls outside shares one
    more bin, where the reference has 0. Zero rule: none, 0 log 0 is 0. Normaliser: rows present.
    """
    return DriftScore(value=float(jensen_shannon_distance(*_nannyml_counts(reference, current), pseudocount=0)))


def nannyml_hellinger(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: Hellinger distance in 0..1, on the bins of its Jensen-Shannon distance; no zero rule."""
    return DriftScore(value=float(hellinger_distance(*_nannyml_counts(reference, current), pseudocount=0)))


def nannyml_kolmogorov_smirnov(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: the two-sample statistic of a numeric column and its two-sided p-value, without bins.

    From 10,000 reference rows on NannyML replaces the reference by quantile bins; that moves the
    statistic by some 0.0002, and this does not follow it.
    """
    return _ks_2samp(reference, current)


def nannyml_wasserstein(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: order 1 in the column's own unit, without bins or normaliser (it bins large references)."""
    return DriftScore(value=_wasserstein_distance(reference, current))


def nannyml_l_infinity(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: the largest change of a category's share, over the categories of both sides."""
    p, q = _shares_by_value(reference, current)
    return DriftScore(value=float(np.abs(p - q).max()))


def nannyml_chi_square(reference: Sample, current: Sample) -> DriftScore:
    """NannyML: Pearson's chi-square of the contingency table; Yates' correction if there are two categories."""
    from scipy.stats import chi2_contingency

    test: Any = chi2_contingency(np.stack(_counts_by_value(reference, current)))
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def evidently_psi(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: population stability index, natural log.

    Bins: NumPy's 'sturges' on both sides together, so they move with every window; one a value if the
    reference has at most 20 distinct values, or is categorical. Zero rule: a share of 0 becomes 0.0001,
    or a millionth of the side's smallest share if that is 0.0001 or less; shares are not normalised again.
    """
    return DriftScore(value=evidently_psi_of_shares(*_evidently_shares(reference, current)))


def evidently_psi_of_shares(p: Floats, q: Floats) -> float:
    """`evidently_psi` from the shares of the reference and of the current side."""
    p, q = _filled(p), _filled(q)
    return float(((p - q) * np.log(p / q)).sum())


def evidently_kullback_leibler(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: KL(reference || current), natural log, on its PSI's bins and zero rule, normalised again."""
    p, q = (_filled(shares) for shares in _evidently_shares(reference, current))
    return DriftScore(value=float(rel_entr(p / p.sum(), q / q.sum()).sum()))


def evidently_jensen_shannon(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: Jensen-Shannon distance, the root of the divergence in nats, in 0..0.8326.

    Bins as for its PSI. Zero rule: none, 0 log 0 is 0.
    """
    return DriftScore(value=evidently_jensen_shannon_of_shares(*_evidently_shares(reference, current)))


def evidently_jensen_shannon_of_shares(p: Floats, q: Floats) -> float:
    """`evidently_jensen_shannon` from the shares of the reference and of the current side."""
    middle = (p + q) / 2
    return math.sqrt(max(0.0, float((rel_entr(p, middle) + rel_entr(q, middle)).sum()) / 2))


def evidently_hellinger(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: Hellinger distance in 0..1; no zero rule.

    Bins: NumPy's 'sturges' on the set of distinct values of both sides (not on the rows); categories
    one by one.
    """
    if not _is_numeric(reference):
        p, q = _shares_by_value(reference, current)
    else:
        reference, current = _finite(reference), _finite(current)
        edges = np.histogram_bin_edges(np.union1d(reference, current), bins="sturges")
        p, q = (np.histogram(side, bins=edges)[0] / side.size for side in (reference, current))
    return DriftScore(value=math.sqrt(1 - min(1.0, float(np.sqrt(p * q).sum()))))


def evidently_wasserstein(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: order 1 without bins, over the reference's standard deviation (ddof 0, at least 0.001)."""
    reference, current = _finite(reference), _finite(current)
    return DriftScore(value=_wasserstein_distance(reference, current) / max(float(np.std(reference)), 0.001))


def evidently_kolmogorov_smirnov(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: the two-sample test without bins; infinite values are left out. It shows the p-value as the score."""
    return _ks_2samp(_finite(reference), _finite(current))


def evidently_chi_square(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: goodness of fit to the reference's counts, scaled to the current rows and taken as exact.

    A category that the reference lacks makes the statistic infinite and the p-value 0.
    """
    from scipy.special import chdtrc

    before, after = _counts_by_value(reference, current)
    if (before == 0).any():
        return DriftScore(value=math.inf, p_value=0.0)
    expected = before * (current.size / reference.size)
    statistic = float(((after - expected) ** 2 / expected).sum())
    return DriftScore(value=statistic, p_value=float(chdtrc(before.size - 1, statistic)) if before.size > 1 else 1.0)


CONVENTIONS: Mapping[str, Callable[[Sample, Sample], DriftScore]] = MappingProxyType(
    {
        "evidently.chi_square": evidently_chi_square,
        "evidently.hellinger": evidently_hellinger,
        "evidently.jensen_shannon": evidently_jensen_shannon,
        "evidently.kolmogorov_smirnov": evidently_kolmogorov_smirnov,
        "evidently.kullback_leibler": evidently_kullback_leibler,
        "evidently.psi": evidently_psi,
        "evidently.wasserstein": evidently_wasserstein,
        "nannyml.chi_square": nannyml_chi_square,
        "nannyml.hellinger": nannyml_hellinger,
        "nannyml.jensen_shannon": nannyml_jensen_shannon,
        "nannyml.kolmogorov_smirnov": nannyml_kolmogorov_smirnov,
        "nannyml.l_infinity": nannyml_l_infinity,
        "nannyml.wasserstein": nannyml_wasserstein,
    }
)


def _is_numeric(sample: Sample) -> bool:
    return sample.dtype.kind in "fiu"


def _check_numeric(sample: Sample) -> None:
    if not _is_numeric(sample):
        raise ValueError("This convention is for numeric columns only.")


def _present(sample: Sample) -> Sample:
    if _is_numeric(sample):
        return sample[~np.isnan(sample)]
    missing = [value is None or (isinstance(value, float) and math.isnan(value)) for value in sample.tolist()]
    present: Sample = sample[~np.array(missing, dtype=bool)].astype(str)
    return present


def _finite(sample: Sample) -> Floats:
    _check_numeric(sample)
    return sample[np.isfinite(sample)].astype(np.float64)


def _counts_by_value(reference: Sample, current: Sample) -> tuple[Ints, Ints]:
    """Counts of each value that occurs on either side."""
    values, codes = np.unique(np.concatenate([reference, current]), return_inverse=True)
    sides = codes[: reference.size], codes[reference.size :]
    before, after = (np.bincount(side, minlength=values.size).astype(np.int64) for side in sides)
    return before, after


def _shares_by_value(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    before, after = _counts_by_value(reference, current)
    return before / reference.size, after / current.size


def _nannyml_counts(reference: Sample, current: Sample) -> tuple[Ints, Ints]:
    """Counts on the reference's bins or values, and one more for what falls outside them."""
    distinct = np.unique(reference)
    if _is_numeric(reference) and (distinct.size > 50 or distinct.size > 0.1 * reference.size):
        edges = np.histogram_bin_edges(reference, bins="doane")
        before, after = (np.histogram(side, bins=edges)[0] for side in (reference, current))
    else:
        before, after = _counts_by_value(reference, current)
        before, after = before[before > 0], after[before > 0]
    return np.append(before, 0), np.append(after, current.size - after.sum())


def _evidently_shares(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    if _is_numeric(reference):
        reference, current = _finite(reference), _finite(current)
    if _is_numeric(reference) and np.unique(reference).size > 20:
        edges = np.histogram_bin_edges(np.concatenate([reference, current]), bins="sturges")
        p, q = (np.histogram(side, bins=edges)[0] / side.size for side in (reference, current))
        return p, q
    return _shares_by_value(reference, current)


def _filled(shares: Floats) -> Floats:
    smallest = float(shares[shares > 0].min())
    return np.where(shares == 0, smallest / 1e6 if smallest <= 1e-4 else 1e-4, shares)


def _ks_2samp(reference: Sample, current: Sample) -> DriftScore:
    from scipy.stats import ks_2samp

    _check_numeric(reference)
    test: Any = ks_2samp(reference, current)
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def _wasserstein_distance(reference: Sample, current: Sample) -> float:
    from scipy.stats import wasserstein_distance

    _check_numeric(reference)
    return float(wasserstein_distance(reference, current))
