"""Pooling of strata, and the test that puts them together, against scipy table by table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2, chi2_contingency, norm

from core.concept.strata import pool_by_information, stratified_test


@given(
    information=st.lists(st.floats(0, 10), min_size=1, max_size=30),
    least=st.floats(0.5, 20),
)
def test_pooled_groups_are_neighbours_and_hold_enough(information: list[float], least: float) -> None:
    amounts = np.array(information)
    groups = pool_by_information(amounts, least)
    assert groups[0] == 0
    assert set(np.diff(groups)) <= {0, 1}
    held = np.bincount(groups, weights=amounts)
    assert (held >= least - 1e-9).all() or len(held) == 1


def test_the_statistic_is_the_sum_of_pearsons_over_tables() -> None:
    reference, current = np.array([[90, 10], [50, 50], [20, 180]]), np.array([[40, 9], [25, 35], [7, 30]])
    n_reference, n = reference.sum(axis=1), current.sum(axis=1)
    pooled = (reference[:, 1] + current[:, 1]) / (n_reference + n)
    variance = pooled * (1 - pooled) * (1 / n_reference + 1 / n)
    difference = current[:, 1] / n - reference[:, 1] / n_reference
    test = stratified_test(difference, variance, n_reference, n, np.arange(3))
    tables = [
        chi2_contingency(np.array(pair), correction=False).statistic
        for pair in zip(reference.tolist(), current.tolist(), strict=True)
    ]
    assert test.chi_square == pytest.approx(sum(tables))
    assert test.df == 3
    assert test.p_value == pytest.approx(chi2.sf(sum(tables), 3))
    together = (n * difference).sum() / np.sqrt((n**2 * variance).sum())
    assert test.mean_p_value == pytest.approx(2 * norm.sf(abs(together)))


def test_the_effect_is_the_standardised_difference_when_samples_are_large() -> None:
    """A difference of 0.3 standard deviations everywhere, known without chance."""
    n = np.full(5, 100_000)
    test = stratified_test(np.full(5, 0.3), 1 / n + 1 / n, n, n, np.arange(5))
    assert test.effect == pytest.approx(0.3, abs=1e-3)
    assert test.effect_interval.low < test.effect < test.effect_interval.high


def test_opposite_differences_inside_one_group_cancel() -> None:
    n = np.array([100, 100])
    apart = stratified_test(np.array([0.2, -0.2]), 1 / n + 1 / n, n, n, np.array([0, 1]))
    pooled = stratified_test(np.array([0.2, -0.2]), 1 / n + 1 / n, n, n, np.array([0, 0]))
    assert apart.chi_square == pytest.approx(4.0)
    assert (pooled.chi_square, pooled.p_value, pooled.effect) == (0.0, 1.0, 0.0)


def test_a_group_without_variance_makes_no_test() -> None:
    n = np.array([10, 10])
    assert stratified_test(np.zeros(2), np.array([0.0, 0.1]), n, n, np.array([0, 1])) is None
