"""Associations agree with SciPy, brute force, and 0 and 1 where they must."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.stats.association import association_matrix, correlation_ratio, cramers_v


@given(seed=st.integers(0, 10**6), rounded=st.booleans())
def test_of_two_numbers_it_is_scipys_rank_correlation(seed, rounded):
    values = np.random.default_rng(seed).normal(size=(40, 3))
    values[:, 1] += values[:, 0]
    values = values.round() if rounded else values
    found = association_matrix(values, np.zeros(3, dtype=bool))
    expected = np.abs(stats.spearmanr(values).statistic)
    assert found == pytest.approx(np.nan_to_num(expected, nan=0.0), abs=1e-9)


def test_of_two_categories_it_is_bergsmas_v():
    rng = np.random.default_rng(2)
    first = rng.integers(0, 3, 400)
    second = np.where(rng.uniform(size=400) < 0.6, first, rng.integers(0, 4, 400))
    table = stats.contingency.crosstab(first, second).count
    n, (r, k) = 400, table.shape
    squared = max(0, stats.chi2_contingency(table, correction=False).statistic / n - (r - 1) * (k - 1) / (n - 1))
    expected = np.sqrt(squared / min(r - (r - 1) ** 2 / (n - 1) - 1, k - (k - 1) ** 2 / (n - 1) - 1))
    assert cramers_v(first, second) == pytest.approx(expected)


def test_the_correlation_ratio_is_the_share_between_groups_by_analysis_of_variance():
    rng = np.random.default_rng(4)
    groups = [rng.normal(mean, size=30) for mean in (0, 0.5, 2)]
    f = stats.f_oneway(*groups).statistic
    eta2 = f * 2 / (f * 2 + 87)
    expected = np.sqrt(1 - (1 - eta2) * 89 / 87)
    assert correlation_ratio(np.repeat([0, 1, 2], 30), np.concatenate(groups)) == pytest.approx(expected)


def test_what_is_independent_is_near_0_even_with_many_categories():
    rng = np.random.default_rng(6)
    v = [cramers_v(rng.integers(0, 20, 500), rng.integers(0, 20, 500)) for _ in range(50)]
    eta = [correlation_ratio(rng.integers(0, 20, 500), rng.normal(size=500)) for _ in range(50)]
    assert max(np.mean(v), np.mean(eta)) < 0.1


def test_missing_values_and_constant_columns_are_no_trouble():
    values = np.column_stack([np.arange(20.0), np.full(20, 7.0), np.full(20, np.nan), np.resize([0.0, 1.0], 20)])
    values[3, 0] = np.nan
    found = association_matrix(values, np.array([False, False, False, True]))
    assert np.isfinite(found).all()
    assert (found == found.T).all()
    assert found[0, 1] == found[0, 2] == 0
