"""Evidently's drift scores, by its release 0.7.21, each under a name of its own.

All of them leave missing and infinite values out first. Where its score is a p-value it is the `p_value` here, and
`value` is the statistic.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

from core.drift.peers.samples import (
    DriftScore,
    Sample,
    counts_by_value,
    finite,
    is_numeric,
    shares_by_value,
    sturges_shares,
    two_sample_ks,
)
from core.drift.peers.samples import jensen_shannon as divergence
from core.drift.peers.samples import wasserstein as wasserstein_1

__all__ = [
    "anderson_darling",
    "chi_square",
    "cramer_von_mises",
    "energy",
    "epps_singleton",
    "fisher_exact",
    "g_test",
    "hellinger",
    "jensen_shannon",
    "jensen_shannon_of_shares",
    "kolmogorov_smirnov",
    "kullback_leibler",
    "mann_whitney",
    "psi",
    "psi_of_shares",
    "t_test",
    "total_variation",
    "wasserstein",
    "z_test",
]

Floats = NDArray[np.float64]

BY_VALUE = 20  # a numeric column with at most this many distinct reference values is counted value by value


def psi(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: population stability index, natural log.

    Bins: NumPy's 'sturges' on both sides together, so they move with every window; one a value if the
    reference has at most 20 distinct values, or is categorical. Zero rule: a share of 0 becomes 0.0001,
    or a millionth of the side's smallest share if that is 0.0001 or less; shares are not normalised again.
    """
    return DriftScore(value=psi_of_shares(*_shares(reference, current)))


def psi_of_shares(p: Floats, q: Floats) -> float:
    """`psi` from the shares of the reference and of the current side."""
    p, q = _filled(p), _filled(q)
    return float(((p - q) * np.log(p / q)).sum())


def kullback_leibler(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: KL(reference || current), natural log, on its PSI's bins and zero rule, normalised again."""
    p, q = (_filled(shares) for shares in _shares(reference, current))
    return DriftScore(value=float(rel_entr(p / p.sum(), q / q.sum()).sum()))


def jensen_shannon(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: Jensen-Shannon distance, the root of the divergence in nats, in 0..0.8326.

    Bins as for its PSI. Zero rule: none, 0 log 0 is 0.
    """
    return DriftScore(value=jensen_shannon_of_shares(*_shares(reference, current)))


def jensen_shannon_of_shares(p: Floats, q: Floats) -> float:
    """`jensen_shannon` from the shares of the reference and of the current side."""
    return math.sqrt(divergence(p, q, base=math.e))


def hellinger(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: Hellinger distance in 0..1; no zero rule.

    Bins: NumPy's 'sturges' on the set of distinct values of both sides (not on the rows); categories
    one by one.
    """
    if not is_numeric(reference):
        p, q = shares_by_value(reference, current)
    else:
        reference, current = finite(reference), finite(current)
        edges = np.histogram_bin_edges(np.union1d(reference, current), bins="sturges")
        p, q = (np.histogram(side, bins=edges)[0] / side.size for side in (reference, current))
    return DriftScore(value=math.sqrt(1 - min(1.0, float(np.sqrt(p * q).sum()))))


def wasserstein(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: order 1 without bins, over the reference's standard deviation (ddof 0, at least 0.001)."""
    reference, current = finite(reference), finite(current)
    return DriftScore(value=wasserstein_1(reference, current) / max(float(np.std(reference)), 0.001))


def kolmogorov_smirnov(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: the two-sample test without bins. It shows the p-value as the score."""
    return two_sample_ks(finite(reference), finite(current))


def chi_square(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: goodness of fit to the reference's counts, scaled to the current rows and taken as exact.

    A category that the reference lacks makes the statistic infinite and the p-value 0.
    """
    from scipy.special import chdtrc

    before, after = counts_by_value(reference, current)
    if not before.all():
        return DriftScore(value=math.inf, p_value=0.0)
    expected = before * (current.size / reference.size)
    statistic = float(((after - expected) ** 2 / expected).sum())
    p_value = float(chdtrc(before.size - 1, statistic)) if before.size > 1 else math.nan
    return DriftScore(value=statistic, p_value=p_value)


def g_test(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: the G goodness of fit to the reference's counts, as they are, not scaled.

    Raises
    ------
    ValueError
        If the sides differ in size, where Evidently fails.
    """
    from scipy.special import chdtrc

    if reference.size != current.size:
        raise ValueError("evidently.g_test compares samples of one size only; it fails otherwise.")
    before, after = counts_by_value(reference, current)
    statistic = 2 * float(rel_entr(after, before).sum())
    return DriftScore(value=statistic, p_value=float(chdtrc(max(1, before.size - 1), max(0.0, statistic))))


def z_test(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: the z-test of two proportions with pooled variance, of a column of at most two values."""
    from scipy.special import ndtr

    before, after = counts_by_value(reference, current)
    if before.size > 2:
        raise ValueError(f"evidently.z_test needs a column of at most two values, this one has {before.size}.")
    if before.size == 1:
        return DriftScore(value=0.0, p_value=1.0)
    p, q = before[1] / reference.size, after[1] / current.size
    pooled = (before[1] + after[1]) / (reference.size + current.size)
    z = (p - q) / math.sqrt(pooled * (1 - pooled) * (1 / reference.size + 1 / current.size))
    return DriftScore(value=float(z), p_value=float(2 * ndtr(-abs(z))))


def total_variation(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: half the sum of changes of shares. Its p-value is by permutation on NumPy's global seed: left out."""
    p, q = shares_by_value(reference, current)
    return DriftScore(value=float(np.abs(p - q).sum()) / 2)


def fisher_exact(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: Fisher's exact test of two values; `value` is the odds ratio. The sides must be of one size."""
    from scipy.stats import fisher_exact as exact

    before, after = counts_by_value(reference, current)
    if before.size > 2 or reference.size != current.size:
        raise ValueError("evidently.fisher_exact needs two samples of one size and at most two values.")
    if before.size == 1:
        before, after = np.append(before, 0), np.append(after, 0)
    test: Any = exact(np.stack([after, before]))
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def anderson_darling(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: SciPy's k-sample test with midranks, its p-value cut to 0.001..0.25."""
    import warnings

    from scipy.stats import anderson_ksamp

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the p-value is cut, and that its interface will change
        test: Any = anderson_ksamp([finite(reference), finite(current)])
        return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def t_test(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: Student's two-sample test with pooled variance."""
    from scipy.stats import ttest_ind

    test: Any = ttest_ind(finite(reference), finite(current))
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def mann_whitney(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: the one-sided test that the reference's values are smaller."""
    from scipy.stats import mannwhitneyu

    test: Any = mannwhitneyu(finite(reference), finite(current), alternative="less")
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def cramer_von_mises(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: the two-sample test, exact up to 20 rows a side."""
    from scipy.stats import cramervonmises_2samp

    test: Any = cramervonmises_2samp(finite(reference), finite(current))
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def epps_singleton(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: SciPy's test of the empirical characteristic functions."""
    from scipy.stats import epps_singleton_2samp

    test: Any = epps_singleton_2samp(finite(reference), finite(current))
    return DriftScore(value=float(test.statistic), p_value=float(test.pvalue))


def energy(reference: Sample, current: Sample) -> DriftScore:
    """Evidently: SciPy's energy distance, in the root of the column's unit, without normaliser."""
    from scipy.stats import energy_distance

    return DriftScore(value=float(energy_distance(finite(reference), finite(current))))


def _shares(reference: Sample, current: Sample) -> tuple[Floats, Floats]:
    if is_numeric(reference):
        reference, current = finite(reference), finite(current)
        if np.unique(reference).size > BY_VALUE:
            return sturges_shares(reference, current)
    return shares_by_value(reference, current)


def _filled(shares: Floats) -> Floats:
    smallest = float(shares[shares > 0].min())
    return np.where(shares == 0, smallest / 1e6 if smallest <= 1e-4 else 1e-4, shares)
