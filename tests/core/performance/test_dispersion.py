"""Intervals hold the level that days vary about, whether or not days vary by more than chance."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.measure import Interval
from core.performance.dispersion import Dispersion, window_dispersions, with_dispersion
from core.performance.measures import changes, estimate, rate

AMONG = {"among": "labelled", "empty": "No label."}
KEY = ("accuracy", "")


def accuracy(right: int, n: int):
    return rate("accuracy", int(right), n, **AMONG)


def days_of(rng: np.random.Generator, *, n_days: int, n: int, correlation: float) -> np.ndarray:
    """Right predictions of each day: beta-binomial about .9, so that two rows of a day correlate so much."""
    level = np.full(n_days, 0.9)
    if correlation:
        size = 1 / correlation - 1
        level = rng.beta(0.9 * size, 0.1 * size, n_days)
    return rng.binomial(n, level)


@pytest.mark.parametrize(("n", "correlation"), [(500, 0.0), (500, 0.01), (5_000, 0.005)])
def test_a_days_interval_holds_the_level_that_days_vary_about(n: int, correlation: float) -> None:
    """1,000 runs: the standard error of a coverage of .95 is .007."""
    rng, plain, wider = np.random.default_rng(1), 0, 0
    for _ in range(1_000):
        right = days_of(rng, n_days=31, n=n, correlation=correlation)
        reference, today = right[:30], accuracy(right[30], n)
        known = window_dispersions([accuracy(reference.sum(), 30 * n)], [[accuracy(k, n)] for k in reference])
        [widened] = with_dispersion([today], known)
        plain += today.interval.low <= 0.9 <= today.interval.high
        wider += widened.interval.low <= 0.9 <= widened.interval.high
    assert 0.92 <= wider / 1_000 <= 0.985
    assert plain / 1_000 < 0.75 or not correlation  # what the rows alone would claim


def test_the_correlation_is_that_of_the_beta_binomial() -> None:
    right = days_of(np.random.default_rng(2), n_days=2_000, n=400, correlation=0.01)
    known = window_dispersions([accuracy(right.sum(), 800_000)], [[accuracy(k, 400)] for k in right])
    assert known[KEY].correlation == pytest.approx(0.01, rel=0.15)


def test_too_few_windows_or_too_little_spread_leave_intervals_as_they_were() -> None:
    days = [[accuracy(k, 100)] for k in (60, 95, 99, 80, 70, 99)]
    assert not window_dispersions([accuracy(503, 600)], days)
    alike = [[accuracy(90, 100)]] * 20
    assert not window_dispersions([accuracy(1_800, 2_000)], alike)
    assert with_dispersion([accuracy(90, 100)], {}) == (accuracy(90, 100),)


def test_the_p_value_and_the_change_widen_together() -> None:
    [measure] = changes([accuracy(9_000, 10_000)], [accuracy(860, 1_000)])
    [wider] = with_dispersion([measure], {KEY: Dispersion(correlation=0.003, n_windows=10**9)})
    times = math.sqrt(1 + 999 * 0.003)
    assert wider.change.low == pytest.approx(-0.04 - times * (-0.04 - measure.change.low))
    assert wider.change.high == pytest.approx(-0.04 + times * (measure.change.high + 0.04))
    assert measure.p_value < 0.001 < wider.p_value
    assert (wider.p_value < 0.05) == (wider.change.high < 0)


def test_several_windows_average_their_variation_and_limits_stay_where_the_measure_can_lie() -> None:
    known = {KEY: Dispersion(correlation=0.05, n_windows=30), ("mae", ""): Dispersion(correlation=1.0, n_windows=30)}
    [one] = with_dispersion([accuracy(990, 1_000)], known)
    [ten] = with_dispersion([accuracy(990, 1_000)], known, n_windows=10)
    assert ten.interval.low > one.interval.low
    assert one.interval.high == 1.0
    error = estimate("mae", 3.0, 500, interval=Interval(low=2.5, high=3.5), convention="c")
    [widened] = with_dispersion([error], known)
    assert (widened.interval.low, widened.interval.high > 10) == (0.0, True)
