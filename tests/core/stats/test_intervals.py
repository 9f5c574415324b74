"""The intervals agree with published tables and with SciPy, and hold as often as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from core.stats.intervals import (
    clopper_pearson,
    katz_ratio,
    mean_interval,
    mover_ratio,
    newcombe_difference,
    noncentrality_interval,
    normal_interval,
    wilson,
)

RATES = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
CONFIDENCES = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@given(rate=RATES, confidence=CONFIDENCES)
def test_wilson_and_clopper_pearson_agree_with_scipy(rate, confidence):
    k, n = rate
    for ours, theirs in ((wilson, "wilson"), (clopper_pearson, "exact")):
        expected = stats.binomtest(k, n).proportion_ci(confidence, method=theirs)
        interval = ours(k, n, confidence=confidence)
        assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), abs=1e-9)


@pytest.mark.parametrize("p", [0.02, 0.1, 0.35, 0.5])
def test_clopper_pearson_covers_at_least_as_often_as_it_says(p):
    n = 40
    limits = [clopper_pearson(k, n) for k in range(n + 1)]
    chances = stats.binom.pmf(np.arange(n + 1), n, p)
    assert sum(chances[k] for k in range(n + 1) if limits[k].low <= p <= limits[k].high) >= 0.95


@pytest.mark.parametrize(
    ("rates", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((6, 7, 2, 7), 0.0582, 0.8062),
        ((5, 56, 0, 29), -0.0381, 0.1926),
    ],
)
def test_newcombe_gives_the_limits_of_method_10_in_his_table_ii(rates, low, high):
    interval = newcombe_difference(*rates)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.00005)


@given(first=RATES, second=RATES, confidence=CONFIDENCES)
def test_swapping_the_sides_mirrors_newcombes_interval(first, second, confidence):
    one = newcombe_difference(*first, *second, confidence=confidence)
    other = newcombe_difference(*second, *first, confidence=confidence)
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-12)
    assert one.low - 1e-12 <= first[0] / first[1] - second[0] / second[1] <= one.high + 1e-12


@given(first=RATES, second=RATES.filter(lambda rate: rate[0] > 0))
def test_the_mover_interval_holds_the_ratio_even_at_a_count_of_0(first, second):
    interval = mover_ratio(*first, *second)
    ratio = (first[0] / first[1]) / (second[0] / second[1])
    assert interval.low <= ratio * (1 + 1e-9)
    assert interval.high >= ratio * (1 - 1e-9)


def test_mover_says_the_same_of_a_ratio_as_newcombe_of_its_difference():
    # Both rest on Wilson limits: a ratio of 1 is excluded exactly when a difference of 0 is.
    for k in range(30, 70):
        ratio, difference = mover_ratio(k, 100, 50, 120), newcombe_difference(k, 100, 50, 120)
        assert (ratio.low > 1) == (difference.low > 0)
        assert (ratio.high < 1) == (difference.high < 0)


def test_katz_is_symmetric_on_the_log_scale_and_refuses_zero_counts():
    interval = katz_ratio(30, 100, 60, 120)
    assert math.sqrt(interval.low * interval.high) == pytest.approx(0.6)
    with pytest.raises(ValueError, match="mover_ratio"):
        katz_ratio(0, 100, 60, 120)


@pytest.mark.parametrize("call", [lambda: mover_ratio(1, 10, 0, 10), lambda: wilson(3, 2), lambda: wilson(0, 0)])
def test_what_is_no_rate_is_refused(call):
    with pytest.raises(ValueError, match=r"rate"):
        call()


@given(
    values=st.lists(st.floats(-100, 100), min_size=2, max_size=50),
    confidence=CONFIDENCES,
)
def test_the_interval_of_a_mean_follows_from_its_sums(values, confidence):
    x = np.array(values)
    interval = mean_interval(x.size, float(x.sum()), float((x * x).sum()), confidence=confidence)
    half = stats.norm.ppf(0.5 + confidence / 2) * x.std(ddof=1) / math.sqrt(x.size)
    assert (interval.low, interval.high) == pytest.approx((x.mean() - half, x.mean() + half), abs=1e-4)


def test_one_value_has_no_interval_of_its_mean():
    assert mean_interval(1, 3.0, 9.0) is None


def test_a_normal_interval_is_cut_to_the_domain():
    interval = normal_interval(0.98, 0.05, high=1.0)
    assert interval.high == 1.0
    assert interval.low == pytest.approx(0.98 - 1.959964 * 0.05, abs=1e-6)


@pytest.mark.parametrize(("statistic", "df"), [(60.0, 9), (12.0, 9), (3.0, 1), (2_000.0, 19)])
def test_the_limits_of_a_noncentrality_leave_half_of_the_error_on_each_side(statistic, df):
    interval = noncentrality_interval(statistic, df)
    assert stats.ncx2.cdf(statistic, df, interval.high) == pytest.approx(0.025, abs=1e-6)
    if interval.low > 0:
        assert stats.ncx2.sf(statistic, df, interval.low) == pytest.approx(0.025, abs=1e-6)
    else:
        assert stats.chi2.sf(statistic, df) >= 0.025
