"""The curve of labels by age: right though the young are not seen to their end, as wide as windows differ."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.measure import Status
from core.performance.maturity import delay_counts, delay_gaps, label_curve

N_DAYS = 40
A_DAY = 60
NEVER = 0.1


def served(rng: np.random.Generator, *, mean: float = 5.0, day_effect: float = 0.0, slower: float = 1.0):
    """Records of 40 days up to now; a label comes after an exponential time, or never; group 1 may wait longer."""
    cohort = np.repeat(np.arange(N_DAYS), A_DAY)
    followed = N_DAYS - cohort - rng.random(cohort.size)
    group = rng.integers(0, 2, cohort.size)
    means = mean * np.exp(day_effect * rng.normal(size=N_DAYS))[cohort] * np.where(group == 1, slower, 1.0)
    delay = np.where(rng.random(cohort.size) < NEVER, np.nan, rng.exponential(means))
    return np.where(delay > followed, np.nan, delay), followed, cohort, group


def curve_of(delay, followed, cohort):
    return label_curve(delay_counts(delay, followed, cohort, np.zeros_like(cohort), shape=(N_DAYS, 1)))


def truth(age: float, mean: float = 5.0) -> float:
    return (1 - NEVER) * (1 - np.exp(-age / mean))


def test_the_curve_is_right_where_the_share_of_all_records_is_not() -> None:
    rng = np.random.default_rng(1)
    curves, naive = [], []
    for _ in range(30):
        delay, followed, cohort, _ = served(rng)
        curves.append(curve_of(delay, followed, cohort).share[10])
        naive.append(np.mean(delay <= 10))
    assert np.mean(curves) == pytest.approx(truth(10), abs=0.006)
    ages = np.linspace(0, N_DAYS, 4_001)  # to which records are followed, evenly
    assert np.mean(naive) == pytest.approx(np.mean([truth(min(10, age)) for age in ages]), abs=0.006)
    assert np.mean(naive) < truth(10) - 0.05


@pytest.mark.parametrize("day_effect", [0.0, 0.4])
def test_the_interval_holds_the_truth_as_often_as_it_says_also_where_days_differ(day_effect: float) -> None:
    rng = np.random.default_rng(2)
    draws = np.exp(day_effect * rng.normal(size=20_000))
    at_5 = (1 - NEVER) * np.mean(1 - np.exp(-1 / draws))
    held = 0
    for _ in range(200):
        delay, followed, cohort, _ = served(rng, day_effect=day_effect)
        _, interval = curve_of(delay, followed, cohort).at(5)
        held += interval.low <= at_5 <= interval.high
    assert 0.91 <= held / 200 <= 0.99


def test_what_is_there_is_a_part_of_what_will_come() -> None:
    delay, followed, cohort, _ = served(np.random.default_rng(3), mean=2.0)
    curve = curve_of(delay, followed, cohort)
    assert curve.is_settled
    final, _ = curve.at(curve.last_age)
    assert final == pytest.approx(1 - NEVER, abs=0.03)
    part, interval = curve.completeness(567, 1_000)
    assert part == pytest.approx(0.567 / final)
    assert interval.low < part < interval.high
    assert curve.age_of(0.95) == pytest.approx(6, abs=1)  # 2 ln 20 days
    young = followed < 4
    early = label_curve(
        delay_counts(delay[young], followed[young], cohort[young], 0 * cohort[young], shape=(N_DAYS, 1))
    )
    assert (early.is_settled, early.age_of(0.95), early.completeness(1, 2)) == (False, None, None)


def test_a_label_counts_only_at_ages_to_which_its_record_was_followed() -> None:
    counts = delay_counts(
        np.array([0.2, 2.0, 1.4, -3.0, np.nan]),
        np.array([0.9, 2.0, 1.5, 0.0, -0.5]),
        np.zeros(5, dtype=np.int64),
        np.zeros(5, dtype=np.int64),
        shape=(1, 1),
    )
    assert counts.events[0, 0].tolist() == [1, 0, 1]
    assert counts.followed[0].tolist() == [4, 2, 1]
    with pytest.raises(InputError, match="old enough"):
        delay_counts(np.array([1.0]), np.array([-1.0]), np.zeros(1, int), np.zeros(1, int), shape=(1, 1))


def test_groups_that_wait_alike_are_found_to_differ_seldom_and_those_that_do_not_always() -> None:
    rng = np.random.default_rng(4)
    found = []
    for slower in [1.0] * 150 + [1.5] * 10:
        delay, followed, cohort, group = served(rng, day_effect=0.4, slower=slower)
        counts = delay_counts(delay, followed, cohort, group, shape=(N_DAYS, 2))
        [gap] = delay_gaps({"sex": counts}, {"sex": ("f", "m")})
        found.append((gap.p_value <= 0.05, gap.status))
    assert sum(rejected for rejected, _ in found[:150]) <= 14  # 7.5 expected; more in 1 of 80
    assert sum(status is Status.WARNING for _, status in found[:150]) <= 14
    assert all(status is Status.WARNING for _, status in found[150:])


def test_several_attributes_pay_for_one_another_and_one_group_alone_is_not_judged() -> None:
    delay, followed, cohort, group = served(np.random.default_rng(5), slower=1.25)
    sexes = delay_counts(delay, followed, cohort, group, shape=(N_DAYS, 2))
    alone = delay_counts(delay, followed, cohort, 0 * group, shape=(N_DAYS, 2))
    [single] = delay_gaps({"sex": sexes}, {"sex": ("f", "m")})
    both = delay_gaps({"sex": sexes, "copy": sexes, "area": alone}, {"sex": "fm", "copy": "fm", "area": "ns"})
    assert both[0].p_value == pytest.approx(min(1.0, 2 * single.p_value))
    assert (both[2].status, both[2].p_value) == (Status.INSUFFICIENT, None)
    assert {group.name for group in both[2].groups} == {"n"}
