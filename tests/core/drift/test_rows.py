"""Wasserstein-1 of rows equals SciPy's, its interval covers, and its p-value is honest."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.drift.rows import wasserstein_of_rows
from core.measure import Status


@given(seed=st.integers(0, 10**6), n=st.integers(1, 40), rounded=st.booleans())
@settings(max_examples=40)
def test_the_distance_is_scipys(seed, n, rounded):
    rng = np.random.default_rng(seed)
    reference, current = rng.normal(size=30), rng.normal(0.5, 2, size=n)
    if rounded:
        reference, current = reference.round(), current.round()
    measure = wasserstein_of_rows(reference, current, rng=rng, n_bootstrap=100)
    assert measure.value == pytest.approx(stats.wasserstein_distance(reference, current), abs=1e-12)
    assert measure.interval.low <= measure.value <= measure.interval.high


@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_the_interval_covers_and_without_drift_the_p_value_is_rarely_small(shift):
    rng = np.random.default_rng(7)
    measures = [
        wasserstein_of_rows(rng.normal(size=200), rng.normal(shift, size=80), rng=rng, n_bootstrap=150)
        for _ in range(150)
    ]
    assert np.mean([each.interval.low <= shift <= each.interval.high for each in measures]) >= 0.92
    if not shift:
        assert np.mean([each.p_value < 0.05 for each in measures]) <= 0.11


def test_units_scale_it_and_the_same_seed_gives_the_same_interval():
    rng = np.random.default_rng(8)
    reference, current = rng.normal(size=100), rng.normal(0.3, size=60)
    first, scaled = (
        wasserstein_of_rows(reference * a + b, current * a + b, rng=np.random.default_rng(1))
        for a, b in ((1, 0), (4, 7))
    )
    assert scaled.value == pytest.approx(4 * first.value)
    assert scaled.interval.low == pytest.approx(4 * first.interval.low)
    assert scaled.p_value == pytest.approx(first.p_value, abs=0.01)


def test_missing_infinite_single_and_constant_rows():
    rng = np.random.default_rng(9)
    clean = wasserstein_of_rows(np.array([1.0, 2.0]), np.array([2.0, 4.0]), rng=rng)
    odd = wasserstein_of_rows(np.array([1.0, 2.0, np.nan]), np.array([np.inf, 2.0, 4.0, -np.inf]), rng=rng)
    assert odd.value == clean.value == 1.5
    one = wasserstein_of_rows(np.arange(50.0), np.array([30.0]), rng=rng)
    assert one.interval.high > one.value
    assert one.p_value > 0.05
    equal = wasserstein_of_rows(np.full(9, 3.0), np.full(4, 3.0), rng=rng)
    assert (equal.value, equal.interval) == (0.0, None)
    assert "no interval" in equal.convention
    for reference, current in (([], [1.0]), ([1.0], [np.nan])):
        nothing = wasserstein_of_rows(np.array(reference), np.array(current), rng=rng)
        assert nothing.status is Status.UNDEFINED
        assert nothing.why


def test_dispersion_widens_it():
    sides = np.random.default_rng(10).normal(size=(2, 100))
    plain, wide = (
        wasserstein_of_rows(*sides, rng=np.random.default_rng(2), dispersion=dispersion) for dispersion in (1.0, 9.0)
    )
    assert wide.interval.high > plain.interval.high
    assert wide.p_value > plain.p_value
