"""The tests agree with SciPy and published p-values, and err as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import integrate, stats

from core.stats.distances import jensen_shannon_divergence, population_stability_index
from core.stats.hypothesis import (
    benjamini_hochberg,
    benjamini_yekutieli,
    chi_square_homogeneity,
    g_homogeneity,
    kolmogorov_smirnov_p_value,
    pool_sparse,
    two_proportions_p_value,
    zero_reference_p_value,
)
from core.stats.nulls import ScaledChiSquare, jensen_shannon_null, psi_null

COUNTS = arrays(np.int64, 8, elements=st.integers(0, 300))


@given(
    reference=arrays(np.int64, 5, elements=st.integers(1, 300)),
    current=arrays(np.int64, 5, elements=st.integers(0, 300)),
)
def test_homogeneity_equals_scipys_contingency_tests(reference, current):
    if not current.sum():
        assert chi_square_homogeneity(reference, current, minimum=0) is None
        return
    table = np.stack([reference, current])
    for ours, power in ((chi_square_homogeneity, "pearson"), (g_homogeneity, "log-likelihood")):
        expected = stats.chi2_contingency(table, correction=False, lambda_=power)
        test = ours(reference, current, minimum=0)
        assert test.statistic == pytest.approx(expected.statistic, abs=1e-9)
        assert test.p_value == pytest.approx(expected.pvalue, abs=1e-9)
        assert test.df == expected.dof


def test_the_contingency_test_of_frouros_categories():
    # frouros tests: aabaab against bacccc prints 6.13333 and .04657615
    test = chi_square_homogeneity(np.array([4, 2, 0]), np.array([1, 1, 4]), minimum=0)
    assert test.statistic == pytest.approx(6.13333333)
    assert test.p_value == pytest.approx(0.04657615, abs=5e-9)


@given(reference=COUNTS, current=COUNTS)
def test_pooling_keeps_all_rows_and_leaves_no_sparse_bin(reference, current):
    before, after = pool_sparse(reference, current)
    assert before.sum() == reference.sum()
    assert after.sum() == current.sum()
    if before.size > 1:
        total = reference.sum() + current.sum()
        assert ((before + after) * min(reference.sum(), current.sum()) / total).min() >= 5 - 1e-9


def test_too_few_rows_leave_nothing_to_test():
    assert chi_square_homogeneity(np.array([2, 3]), np.array([1, 1])) is None
    assert g_homogeneity(np.array([500, 0]), np.array([80, 0])) is None


def test_sparse_categories_dont_raise_false_alarms():
    rng = np.random.default_rng(11)
    shares = np.concatenate([[0.5, 0.3], np.full(200, 0.001)])
    p_values = [
        chi_square_homogeneity(rng.multinomial(20_000, shares), rng.multinomial(400, shares)).p_value
        for _ in range(1_000)
    ]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.02)


def test_the_null_of_psi_is_what_yurdakul_found():
    # 20,000 repetitions gave a mean of .00995 and a 95 % point of .0187 for 1,000 against 10,000 rows on deciles
    null = psi_null(10_000, 1_000, 10)
    assert null.mean == pytest.approx(0.00995, abs=0.0001)
    assert null.critical_value(0.05) == pytest.approx(0.0187, abs=0.0002)


def test_the_p_value_without_n_that_is_often_copied_is_wrong():
    # chi2.sf(PSI, df) would call a PSI of .25 on a million rows perfectly ordinary
    assert stats.chi2.sf(0.25, 9) > 0.999
    assert psi_null(1_000_000, 1_000_000, 10).p_value(0.25) < 1e-300


@pytest.mark.parametrize(("n_current", "n_bins"), [(50, 10), (100, 10), (1_000, 10), (1_000, 20)])
def test_without_drift_a_p_value_below_5_percent_comes_at_most_that_often(n_current, n_bins):
    rng, even = np.random.default_rng(n_current + n_bins), np.full(n_bins, 1 / n_bins)
    null, below, observed = psi_null(10_000, n_current, n_bins), 0, []
    for reference, current in zip(
        rng.multinomial(10_000, even, 1_500), rng.multinomial(n_current, even, 1_500), strict=True
    ):
        observed.append(float(population_stability_index(reference, current)))
        below += null.p_value(observed[-1]) < 0.05
    assert 0.025 <= below / 1_500 <= 0.065
    assert np.mean(observed) == pytest.approx(null.mean, rel=0.12)


def test_the_divergence_is_an_eighth_of_psi_under_the_null():
    rng, even = np.random.default_rng(5), np.full(10, 0.1)
    samples = zip(rng.multinomial(10_000, even, 1_500), rng.multinomial(2_000, even, 1_500), strict=True)
    divergences = [float(jensen_shannon_divergence(reference, current, base=2)) for reference, current in samples]
    null = jensen_shannon_null(10_000, 2_000, 10, base=2)
    assert np.mean(divergences) == pytest.approx(null.mean, rel=0.05)
    assert np.quantile(divergences, 0.95) == pytest.approx(null.critical_value(0.05), rel=0.08)


@pytest.mark.parametrize("dispersion", [1.0, 4.0])
def test_overdispersion_widens_the_null(dispersion):
    null = psi_null(1_000, 1_000, 10, dispersion=dispersion)
    assert null.critical_value(0.05) == pytest.approx(dispersion * stats.chi2.isf(0.05, 9) / 500)


@pytest.mark.parametrize(("n", "distance"), [(200, 0.05), (1_000, 0.01), (1_000, 0.1), (20_000, 0.05)])
def test_the_interval_covers_the_true_distance(n, distance):
    rng = np.random.default_rng(n)
    law = ScaledChiSquare(scale=1 / n, df=9)
    observed = stats.ncx2.rvs(9, n * distance, size=1_000, random_state=rng) / n
    covered = [law.interval(value).low <= distance <= law.interval(value).high for value in observed.tolist()]
    assert np.mean(covered) >= 0.93


@given(observed=st.floats(0, 5), n=st.integers(1, 100_000), df=st.integers(1, 30))
def test_the_corrected_distance_lies_in_its_interval_which_is_never_a_point(observed, n, df):
    law = ScaledChiSquare(scale=1 / n, df=df)
    interval = law.interval(observed)
    assert interval.low <= law.corrected(observed) <= interval.high
    assert interval.high > 0
    assert interval.low < interval.high


def test_the_p_value_of_smirnovs_test_is_scipys_asymptotic_one():
    rng = np.random.default_rng(2)
    first, second = rng.normal(size=800), rng.normal(0.1, size=500)
    test = stats.ks_2samp(first, second, method="asymp")
    # SciPy rounds the effective number of rows and uses the exact one-sample law for it
    assert kolmogorov_smirnov_p_value(test.statistic, 800, 500) == pytest.approx(test.pvalue, rel=0.1)


@pytest.mark.parametrize(("k1", "n1", "k2", "n2"), [(3, 10, 9, 10), (1, 500, 4, 60), (0, 40, 2, 30), (7, 7, 5, 9)])
def test_few_rows_get_fishers_exact_test(k1, n1, k2, n2):
    expected = stats.fisher_exact([[k1, n1 - k1], [k2, n2 - k2]]).pvalue
    assert two_proportions_p_value(k1, n1, k2, n2) == pytest.approx(expected)


@pytest.mark.parametrize(("k1", "n1", "k2", "n2"), [(30, 100, 60, 120), (500, 10_000, 40, 1_000), (48, 80, 56, 70)])
def test_many_rows_get_the_score_test(k1, n1, k2, n2):
    expected = stats.chi2_contingency([[k1, n1 - k1], [k2, n2 - k2]], correction=False).pvalue
    assert two_proportions_p_value(k1, n1, k2, n2) == pytest.approx(expected)


def test_rates_that_are_both_0_or_both_1_dont_differ():
    assert two_proportions_p_value(0, 10, 0, 20) == two_proportions_p_value(10, 10, 20, 20) == 1.0


@pytest.mark.parametrize(("k", "n", "m"), [(1, 50, 200), (3, 20, 5), (20, 20, 5), (40, 1_000, 100)])
def test_the_zero_reference_p_value_is_the_binomial_tail_averaged_over_the_posterior(k, n, m):
    def weighted_tail(root: float) -> float:  # theta = root^2 takes away the posterior's pole at 0
        return stats.binom.sf(k - 1, n, root**2) * stats.beta.pdf(root**2, 0.5, m + 0.5) * 2 * root if root else 0.0

    expected, _ = integrate.quad(weighted_tail, 0, 1, limit=500, points=[0.01, 0.1, 0.3])
    assert zero_reference_p_value(k, n, m) == pytest.approx(expected, rel=1e-5)


def test_the_zero_reference_test_errs_about_as_often_as_it_says_over_both_samples():
    rates = np.logspace(-6, -0.5, 500)
    for n, m, alpha in ((100, 100, 0.05), (1_000, 50_000, 0.01), (50, 10_000, 0.05), (1_000, 100, 0.01)):
        needed = next(k for k in range(1, n + 1) if zero_reference_p_value(k, n, m) <= alpha)
        errors = (1 - rates) ** m * stats.binom.sf(needed - 1, n, rates)
        assert errors.max() <= 1.7 * alpha


def test_impossible_counts_are_refused():
    for call in (
        lambda: zero_reference_p_value(3, 2, 10),
        lambda: zero_reference_p_value(0, 2, 0),
        lambda: two_proportions_p_value(3, 2, 1, 10),
        lambda: psi_null(0, 10, 5),
        lambda: psi_null(10, 10, 1),
    ):
        with pytest.raises(ValueError, match=r"Needs|Not two rates"):
            call()


def test_benjamini_hochberg_on_ten_p_values_worked_by_hand():
    adjusted = benjamini_hochberg([0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216])
    assert adjusted[:3] == pytest.approx([0.01, 0.04, 0.084])
    assert (adjusted <= 0.05).sum() == 2
    assert benjamini_hochberg([]).size == 0


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=30), level=st.sampled_from([0.01, 0.05, 0.2]))
def test_adjusted_p_values_reject_what_the_step_up_rule_rejects(p_values, level):
    ranked = sorted(p_values)
    scaled = [p * len(p_values) / rank for rank, p in enumerate(ranked, start=1)]
    assume(all(abs(value - level) > 1e-12 for value in scaled))  # at the level itself, rounding decides
    last = max((rank for rank, p in enumerate(ranked, start=1) if p * len(p_values) / rank <= level), default=0)
    assert (benjamini_hochberg(p_values) <= level).sum() == sum(p <= ranked[last - 1] for p in p_values if last)


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg_and_of_yekutieli():
    # a textbook's ten p-values
    p_values = (0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216)
    assert benjamini_hochberg(p_values)[:3] == pytest.approx([0.01, 0.04, 0.084])
    assert benjamini_yekutieli(p_values)[:3] == pytest.approx([0.02929, 0.11716, 0.24603], abs=1e-5)
    assert benjamini_yekutieli([]).size == 0
