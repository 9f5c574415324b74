"""Sums of absolute deviations: their law without drift by simulation, and intervals that cover."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from core.stats.folded import deviation_covariance, folded_sum, unfolded_limits


def test_one_deviation_has_the_half_normal_law_exactly():
    null = folded_sum(np.array([2.0]), np.array([[9.0]]))
    assert null.mean == pytest.approx(stats.halfnorm.mean(scale=6))
    assert null.standard_deviation == pytest.approx(stats.halfnorm.std(scale=6))
    for observed in (1.0, 6.0, 20.0):
        assert null.p_value(observed) == pytest.approx(stats.halfnorm.sf(observed, scale=6), rel=2e-3)


def test_the_moments_of_two_correlated_deviations_are_those_of_a_simulation():
    covariance = np.array([[1.0, -0.7], [-0.7, 2.0]])
    drawn = np.abs(np.random.default_rng(3).multivariate_normal([0, 0], covariance, 200_000)) @ [1.0, 0.5]
    null = folded_sum(np.array([1.0, 0.5]), covariance)
    assert (null.mean, null.standard_deviation) == (
        pytest.approx(drawn.mean(), rel=5e-3),
        pytest.approx(drawn.std(), rel=1e-2),
    )


@pytest.mark.parametrize("n_bins", [2, 3, 10, 20])
def test_total_variation_without_drift_exceeds_its_critical_value_as_often_as_it_says(n_bins):
    rng, p = np.random.default_rng(n_bins), np.full(n_bins, 1 / n_bins)
    apart = rng.multinomial(500, p, 20_000) / 500 - rng.multinomial(5_000, p, 20_000) / 5_000
    observed = np.abs(apart).sum(axis=1) / 2
    null = folded_sum(np.full(n_bins, 0.5), deviation_covariance(p, p, 5_000, 500))
    assert observed.mean() == pytest.approx(null.mean, rel=0.01)
    for alpha in (0.1, 0.05, 0.01):
        assert (observed > null.critical_value(alpha)).mean() == pytest.approx(alpha, rel=0.2)


@pytest.mark.parametrize("shift", [0.0, 0.02, 0.1])
def test_limits_of_the_true_sum_cover_it(shift):
    rng, p = np.random.default_rng(5), np.full(10, 0.1)
    q = p + shift * np.repeat([1, -1], 5) / 5
    truth, covered = np.abs(q - p).sum() / 2, 0
    for _ in range(400):
        apart = rng.multinomial(800, q) / 800 - rng.multinomial(4_000, p) / 4_000
        low, high = unfolded_limits(np.full(10, 0.5), apart, deviation_covariance(p, q, 4_000, 800))
        covered += low <= truth <= high
    assert covered / 400 >= 0.93


def test_nothing_that_varies_leaves_nothing_in_doubt():
    null = folded_sum(np.array([1.0]), np.array([[0.0]]))
    assert (null.mean, null.p_value(0.0), null.p_value(0.1), null.critical_value(0.05)) == (0.0, 1.0, 0.0, 0.0)
