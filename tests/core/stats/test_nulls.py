"""Laws of distances between samples: read from tables, widened where they must be, and exact where SciPy is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.special import chndtr

from core.stats.distances import hellinger_distance
from core.stats.intervals import noncentralities
from core.stats.nulls import effective_rows, hellinger_null, psi_null


@given(df=st.integers(1, 60), probability=st.floats(0.005, 0.995), seed=st.integers(0, 10**6))
def test_many_noncentralities_read_from_a_table_equal_those_solved_one_by_one(df, probability, seed):
    statistics = np.random.default_rng(seed).noncentral_chisquare(df, 40, 80) * 3
    together = noncentralities(statistics, df, probability)
    alone = np.concatenate([noncentralities(statistics[k : k + 1], df, probability) for k in range(80)])
    assert together == pytest.approx(alone, abs=2e-3)


@given(statistic=st.floats(0.1, 4_000), df=st.integers(1, 200), probability=st.floats(0.01, 0.99))
def test_a_noncentrality_gives_back_the_probability_it_was_solved_for(statistic, df, probability):
    found = float(noncentralities([statistic], df, probability)[0])
    if found:
        assert chndtr(statistic, df, found) == pytest.approx(probability, abs=1e-6)
    else:
        assert stats.chi2.cdf(statistic, df) <= probability + 1e-9


def test_laws_of_many_windows_are_those_of_each():
    together = psi_null(5_000, np.array([100, 900]), np.array([5, 12]), dispersion=1.5)
    observed = np.array([0.2, 0.05])
    low, high = together.limits(observed, variance=np.array([0.01, 0.0]))
    for place, (n, k, variance) in enumerate(((100, 5, 0.01), (900, 12, 0.0))):
        alone = psi_null(5_000, n, k, dispersion=1.5)
        interval = alone.interval(float(observed[place]), variance=variance)
        assert (low[place], high[place]) == (pytest.approx(interval.low), pytest.approx(interval.high))
        assert float(together.p_value(observed)[place]) == pytest.approx(float(alone.p_value(observed[place])))


def test_a_larger_variance_widens_the_interval_and_a_smaller_one_changes_nothing():
    null = psi_null(10_000, 1_000, 10)
    plain, wide, narrow = (null.interval(0.5, variance=variance) for variance in (0.0, 0.02, 1e-9))
    assert wide.low < plain.low < plain.high < wide.high
    assert narrow == plain


def test_the_squared_hellinger_distance_is_an_eighth_of_psi_under_the_null():
    rng, even = np.random.default_rng(2), np.full(10, 0.1)
    samples = zip(rng.multinomial(10_000, even, 1_000), rng.multinomial(2_000, even, 1_000), strict=True)
    squares = [float(hellinger_distance(reference, current)) ** 2 for reference, current in samples]
    null = hellinger_null(10_000, 2_000, 10)
    assert np.mean(squares) == pytest.approx(float(null.mean), rel=0.05)
    assert np.quantile(squares, 0.95) == pytest.approx(float(null.critical_value(0.05)), rel=0.1)


def test_effective_rows_are_at_most_those_of_the_smaller_side_and_need_both():
    assert effective_rows(10**9, 700) == pytest.approx(700, rel=1e-5)
    assert effective_rows(700, 700, dispersion=2) == pytest.approx(175)
    with pytest.raises(ValueError, match="both sides"):
        effective_rows(0, 5)
    with pytest.raises(ValueError, match="at least 1"):
        effective_rows(5, 5, dispersion=0.5)
