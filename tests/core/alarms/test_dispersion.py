"""Deviations have a normal law's tails, variances lend one another strength, and Student's law costs what it should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats
from scipy.special import digamma, polygamma

from core.alarms.dispersion import as_normal, as_student, deviations, squeeze_variances, student_quantile
from tests.core.alarms.series import hits

SHARE, NOT = np.array([True]), np.array([False])
INDEPENDENT = np.zeros(1)


def deviation(k: np.ndarray, n: int, p: float, *, correlation: float = 0.0, is_share: bool = True) -> np.ndarray:
    windows = hits(np.asarray(k)[:, None], n)
    return deviations(
        windows,
        np.full(windows.n.shape, p),
        np.array([np.sqrt(p * (1 - p))]),
        correlation=np.array([correlation]),
        is_share=np.array([is_share]),
    )[:, 0]


def test_a_mean_deviates_by_its_distance_over_its_standard_error() -> None:
    k, n, p, rho = np.array([80, 100, 131]), 1_000, 0.1, 0.002
    expected = (k / n - p) / np.sqrt(p * (1 - p) * (1 + (n - 1) * rho) / n)
    assert deviation(k, n, p, correlation=rho, is_share=False) == pytest.approx(expected)


def test_a_share_deviates_by_the_signed_root_of_the_likelihood_ratio_less_its_bias() -> None:
    k, n, p = np.array([3, 10, 25]), 200, 0.05
    ratio = 2 * (stats.binom.logpmf(k, n, k / n) - stats.binom.logpmf(k, n, p))
    skewness = stats.binom(n, p).stats(moments="s")
    assert deviation(k, n, p) == pytest.approx(np.sign(k / n - p) * np.sqrt(np.maximum(ratio, 0)) + skewness / 6)


@pytest.mark.parametrize(("n", "p", "rho"), [(200, 0.05, 0.0), (1_000, 0.02, 0.001), (2_000, 0.1, 0.005)])
def test_a_share_deviates_by_the_normal_deviate_of_its_own_laws_tail(n: int, p: float, rho: float) -> None:
    """The law is the binomial, or where the rate varies the beta-binomial; tails are read with half of each point."""
    prior = 1 / rho - 1 if rho else 0.0
    law = stats.betabinom(n, p * prior, (1 - p) * prior) if rho else stats.binom(n, p)
    k = np.arange(n + 1)
    exact = stats.norm.isf(law.sf(k) + law.pmf(k) / 2)
    inside = (np.abs(exact) < 5) & (k > 0) & (k < n)
    assert deviation(k, n, p, correlation=rho)[inside] == pytest.approx(exact[inside], abs=0.15, rel=0.045)


@pytest.mark.parametrize(("n", "p", "rho"), [(1_000, 0.01, 0.0), (1_000, 0.01, 0.002), (5_000, 0.01, 0.002)])
def test_rare_shares_that_vary_have_the_tails_of_a_normal_law_where_a_plain_deviation_has_not(
    n: int, p: float, rho: float
) -> None:
    k = np.arange(n + 1)
    prior = 1 / rho - 1 if rho else 0.0
    law = stats.betabinom(n, p * prior, (1 - p) * prior) if rho else stats.binom(n, p)
    weights = law.pmf(k)

    def beyond(z: np.ndarray, limit: float) -> float:
        return float(weights[z > limit].sum()) / stats.norm.sf(limit)

    ours, plain = deviation(k, n, p, correlation=rho), deviation(k, n, p, correlation=rho, is_share=False)
    for limit in (3.0, 4.0, 5.0):
        assert beyond(ours, limit) < 1.6
    assert beyond(plain, 5.0) > 30


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_share_at_the_end_of_its_range_has_a_finite_deviation(p: float) -> None:
    found = deviations(
        hits([[0], [5], [10]], 10),
        np.full((3, 1), p),
        np.zeros(1),
        correlation=np.array([0.3]),
        is_share=SHARE,
    )
    assert np.isfinite(found).all()
    assert (np.diff(found[:, 0]) > 0).all()


def test_without_rows_there_is_no_deviation_and_scores_that_never_differ_deviate_by_nothing() -> None:
    windows = hits([[0.0, 0.0]], [[0.0, 8.0]])
    found = deviations(
        windows, np.zeros((1, 2)), np.zeros(2), correlation=np.zeros(2), is_share=np.array([False, False])
    )
    assert np.isnan(found[0, 0])
    assert found[0, 1] == 0


def inverse_trigamma(value: float) -> float:
    return float(optimize.brentq(lambda x: polygamma(1, x) - value, 1e-6, 1e9))


def test_squeezed_variances_follow_smyths_equations_solved_by_bisection() -> None:
    rng = np.random.default_rng(3)
    df = rng.integers(4, 30, 80).astype(float)
    variances = 2.0 * rng.f(df, 8.0)  # s² = s0² F(d, d0)
    e = np.log(variances) - digamma(df / 2) + np.log(df / 2)
    prior_df = 2 * inverse_trigamma(np.var(e, ddof=1) - polygamma(1, df / 2).mean())
    prior = np.exp(e.mean() + digamma(prior_df / 2) - np.log(prior_df / 2))
    squeezed, worth = squeeze_variances(variances, df)
    assert worth == pytest.approx(prior_df + df, rel=1e-6)
    assert squeezed == pytest.approx((prior_df * prior + df * variances) / (prior_df + df), rel=1e-6)


def test_squeezed_variances_agree_with_the_maximum_of_the_marginal_likelihood() -> None:
    rng = np.random.default_rng(4)
    d, d0, s0 = 12.0, 10.0, 1.7
    variances = s0 * rng.f(d, d0, 4_000)
    best = optimize.minimize(
        lambda x: -stats.f.logpdf(variances / np.exp(x[0]), d, np.exp(x[1])).sum() + variances.size * x[0],
        x0=[0.0, 1.0],
        method="Nelder-Mead",
    )
    squeezed, worth = squeeze_variances(variances, np.full(variances.size, d))
    by_likelihood = np.exp(best.x[1])
    assert worth[0] - d == pytest.approx(by_likelihood, rel=0.15)
    expected = (by_likelihood * np.exp(best.x[0]) + d * variances) / (by_likelihood + d)
    assert squeezed == pytest.approx(expected, rel=0.05)


def test_variances_that_differ_by_chance_alone_become_one_of_infinite_worth() -> None:
    variances = np.random.default_rng(5).chisquare(29, 300) / 29
    squeezed, worth = squeeze_variances(np.full(300, 1.3) * variances.mean(), np.full(300, 29.0))
    assert np.isinf(worth).all()
    assert np.ptp(squeezed) == 0


def test_two_variances_have_nothing_to_lend() -> None:
    variances, df = np.array([1.0, 9.0]), np.array([5.0, 5.0])
    assert [part.tolist() for part in squeeze_variances(variances, df)] == [[1.0, 9.0], [5.0, 5.0]]


@pytest.mark.parametrize("df", [3.0, 6.0, 13.0, 29.0, 100.0])
def test_wallaces_approximation_is_close_to_the_exact_transform_and_hardly_ever_beyond_it(df: float) -> None:
    t = np.linspace(0.1, 60.0, 400)
    exact = stats.norm.isf(stats.t.sf(t, df))
    found = as_normal(t, np.full(t.shape, df))
    assert found == pytest.approx(exact, rel=0.04, abs=0.03)
    assert (found - exact).max() < 0.02
    assert as_normal(-t, np.full(t.shape, df)) == pytest.approx(-found)


@given(t=st.floats(0, 1e6), df=st.floats(1, 1e6) | st.just(np.inf))
def test_the_way_back_from_a_normal_deviate_is_the_same_way(t: float, df: float) -> None:
    there = as_normal(np.array([t]), np.array([df]))
    assert as_student(there, np.array([df]))[0] == pytest.approx(t, rel=1e-6, abs=1e-6)


def test_quantiles_are_students_and_the_normal_laws_where_nothing_is_estimated() -> None:
    found = student_quantile(np.array([1e-4, 1e-4]), np.array([6.0, np.inf]))
    assert found.tolist() == pytest.approx([stats.t.isf(1e-4, 6), stats.norm.isf(1e-4)])
