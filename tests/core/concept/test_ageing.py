"""A slope a month: against least squares by hand, and against simulated versions that age or don't."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import linregress

from core.concept.ageing import ageing
from core.errors import InputError


def test_with_equal_errors_it_is_the_ordinary_regression() -> None:
    rng = np.random.default_rng(51)
    x, y = np.arange(20.0), 0.8 - 0.004 * np.arange(20.0) + rng.normal(0, 0.01, 20)
    found, plain = ageing(x, y, np.full(20, 1e-6)), linregress(x, y)
    assert found.slope == pytest.approx(plain.slope)
    assert found.level == pytest.approx(plain.intercept + plain.slope * 19)
    assert (found.interval.high - found.slope) / 2.1009 == pytest.approx(plain.stderr, rel=1e-3)


@pytest.mark.parametrize("between", [0.0, 0.01])
def test_intervals_cover_the_slope_whether_or_not_days_differ_by_more_than_chance(between: float) -> None:
    """300 versions of 13 weeks; without the spread between weeks 0.01 would be covered about 65% of the time."""
    rng = np.random.default_rng(52)
    x, error = np.arange(13.0), rng.uniform(0.003, 0.008, 13)
    inside = 0
    for _ in range(300):
        y = 0.8 - 0.002 * x + rng.normal(0, np.sqrt(error**2 + between**2))
        found = ageing(x, y, error)
        inside += found.interval.low <= -0.002 <= found.interval.high
    assert inside / 300 == pytest.approx(0.955, abs=0.025)


def test_the_time_to_the_floor_is_covered_too() -> None:
    rng = np.random.default_rng(53)
    x = np.arange(20.0)
    inside = 0
    for _ in range(250):
        y = 0.8 - 0.004 * x + rng.normal(0, 0.004, 20)
        found = ageing(x, y, np.full(20, 0.004), floor=0.7)
        interval = found.floor_interval
        inside += interval.low <= (0.8 - 0.7) / 0.004 - 19 <= interval.high
    assert inside / 250 == pytest.approx(0.955, abs=0.03)


def test_the_floor_is_never_reached_reached_already_or_may_be_never() -> None:
    x, error = np.arange(10.0), np.full(10, 0.01)
    wiggle = 0.003 * np.array([1, -1, 1, -1, 1, 1, -1, 1, -1, -1])
    better = ageing(x, 0.8 + 0.01 * x + wiggle, error, floor=0.7)
    assert (better.floor_in, better.floor_interval) == (None, None)
    below = ageing(x, 0.6 - 0.01 * x + wiggle, error, floor=0.7)
    assert below.floor_in == 0.0
    unsure = ageing(x, 0.8 - 0.0005 * x + wiggle, error, floor=0.75)
    assert not unsure.is_certain
    assert unsure.floor_interval.high == math.inf
    assert 0 < unsure.floor_interval.low < unsure.floor_in
    ceiling = ageing(x, 0.1 + 0.01 * x + wiggle, error, floor=0.25, is_better_above=False)
    assert ceiling.floor_in == pytest.approx(6.0, abs=0.8)


def test_a_fall_at_once_is_told_from_a_slow_one() -> None:
    rng = np.random.default_rng(54)
    x, error = np.arange(16.0), np.full(16, 0.006)
    at_once = ageing(x, np.where(x < 5, 0.81, 0.77) + rng.normal(0, 0.006, 16), error)
    assert at_once.step_at == 5
    slow = [ageing(x, 0.81 - 0.003 * x + rng.normal(0, 0.006, 16), error).step_at for _ in range(120)]
    level = [ageing(x, 0.81 + rng.normal(0, 0.006, 16), error).step_at for _ in range(120)]
    assert np.mean([each is not None for each in slow]) < 0.05
    assert np.mean([each is not None for each in level]) < 0.12


def test_windows_without_a_value_are_left_out_and_few_are_not_enough() -> None:
    x, y = np.arange(8.0), 0.8 - 0.004 * np.arange(8.0)
    holes = np.where(np.isin(x, [1, 4]), np.nan, y)
    assert ageing(x, holes, np.full(8, 0.002)).slope == pytest.approx(-0.004)
    few = ageing(x[:4], y[:4], np.full(4, 0.002))
    assert (few.slope, few.is_certain) == (None, False)
    assert few.why == "6 windows with a value are needed to tell ageing; there are 4."
    with pytest.raises(InputError, match="one number a window"):
        ageing(x, y[:3], y)
