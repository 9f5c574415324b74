"""Charts of counts and of measured values: properties, exact laws, and what they refuse."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import betabinom, binom, nbinom, norm, poisson

from core.errors import InputError
from core.spc.attributes import c_chart, np_chart, p_chart, u_chart
from core.spc.chart import ControlChart
from core.spc.cusum import cusum_chart, cusum_shift
from core.spc.dispersion import Dispersion, dispersion_test, laney_sigma, shared_variance
from core.spc.ewma import ewma_chart
from core.spc.factors import c4, range_constants
from core.spc.tails import binomial_tails, poisson_tails
from core.spc.variables import individuals_chart, moving_range_chart, s_chart, xbar_chart
from tests.core.spc import plain

VALUES = st.lists(st.integers(-1000, 1000).map(float), min_size=4, max_size=30)
COUNTS = st.integers(1, 2000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
COUNTED = st.lists(COUNTS, min_size=3, max_size=20)
FIELDS = ("statistic", "centre", "lower", "upper", "score", "signal")


def same(a: ControlChart, b: ControlChart, fields: tuple[str, ...] = FIELDS) -> None:
    for field in fields:
        np.testing.assert_allclose(getattr(a, field), getattr(b, field), rtol=1e-9, atol=1e-9, err_msg=field)


@settings(max_examples=60)
@given(VALUES, st.floats(-1e3, 1e3), st.floats(0.01, 100.0))
def test_shifting_and_stretching_values_shifts_and_stretches_every_chart(
    x: list[float], shift: float, scale: float
) -> None:
    if max(x) == min(x):
        return
    moved = scale * np.array(x) + shift
    for chart in (individuals_chart, ewma_chart):
        a, b = chart(x), chart(moved)
        for field in ("statistic", "centre", "lower", "upper"):
            np.testing.assert_allclose(getattr(b, field), scale * getattr(a, field) + shift, rtol=1e-6, atol=1e-6)
        np.testing.assert_allclose(b.score, a.score, rtol=1e-5, atol=1e-6)
    a, b = moving_range_chart(x), moving_range_chart(moved)
    np.testing.assert_allclose(b.upper[1:], scale * a.upper[1:], rtol=1e-6, atol=1e-6)
    a, b = cusum_chart(x), cusum_chart(moved)
    np.testing.assert_allclose(b.statistic, a.statistic, rtol=1e-5, atol=1e-5)


@settings(max_examples=60)
@example([(1, 1), (0, 2), (0, 2)], Dispersion.SHARED)  # rows of a point agree wholly: rho is at most 1
@example([(1, 1), (1, 1), (0, 2)], Dispersion.SHARED)
@given(COUNTED, st.sampled_from([Dispersion.SAMPLING, Dispersion.LANEY, Dispersion.SHARED]))
def test_counting_the_other_rows_turns_a_p_chart_upside_down(
    counts: list[tuple[int, int]], dispersion: Dispersion
) -> None:
    k, n = np.array(counts).T
    chart, mirror = p_chart(k, n, dispersion=dispersion), p_chart(n - k, n, dispersion=dispersion)
    np.testing.assert_allclose(mirror.statistic, 1 - chart.statistic, atol=1e-12)
    np.testing.assert_allclose(mirror.upper, 1 - chart.lower, atol=1e-9)
    assert (mirror.signal == -chart.signal).all()


@settings(max_examples=40)
@given(st.floats(0.02, 0.98), st.lists(st.integers(1, 10**7), min_size=2, max_size=12, unique=True), st.data())
def test_limits_come_closer_as_n_grows(p: float, n: list[int], data: st.DataObject) -> None:
    rows = np.array(sorted(n))
    dispersion = data.draw(st.sampled_from(list(Dispersion)))
    widened = {Dispersion.LANEY: {"sigma_z": 1.7}, Dispersion.SHARED: {"rho": 0.003}}.get(dispersion, {})
    p_limits = p_chart(np.zeros(rows.size), rows, centre=p, dispersion=dispersion, **widened)
    u_limits = u_chart(np.zeros(rows.size), rows, centre=p, dispersion=dispersion, **widened)
    for chart in (p_limits, u_limits):
        assert (np.diff(chart.upper) <= 1e-15).all()
        assert (np.diff(chart.lower) >= -1e-15).all()


@settings(max_examples=40)
@given(st.lists(st.integers(0, 80), min_size=3, max_size=25))
def test_with_equal_n_the_np_chart_is_the_p_chart_times_n(k: list[int]) -> None:
    n = [80] * len(k)
    shares, counts = p_chart(k, n), np_chart(k, n)
    for field in ("statistic", "centre", "lower", "upper"):
        np.testing.assert_allclose(getattr(counts, field), 80 * getattr(shares, field), atol=1e-9)
    assert (counts.signal == shares.signal).all()
    np.testing.assert_allclose(counts.score, shares.score, atol=1e-12)


def test_a_point_exactly_on_a_limit_does_not_signal() -> None:
    """At a share of 1/5 and n = 25 m^2 rows the limits are exactly 5 m^2 +/- 6 m rows; floats miss some of them."""
    roots = np.arange(3, 400)
    n, upper, lower = 25 * roots**2, 5 * roots**2 + 6 * roots, 5 * roots**2 - 6 * roots
    for k, signal in ((upper, 0), (upper + 1, 1), (lower, 0), (lower - 1, -1)):
        assert set(p_chart(k, n, centre=0.2).signal.tolist()) == {signal}
    floats = p_chart(lower, n, centre=0.2)
    assert (floats.statistic < floats.lower).any()
    assert set(individuals_chart([0.3, 0.3 + 1e-7], centre=0.0, sigma=0.1).signal.tolist()) == {0, 1}


@settings(max_examples=60)
@given(st.lists(st.one_of(st.integers(-50, 50).map(float), st.just(math.nan)), min_size=6, max_size=40))
def test_arrays_give_what_a_textbook_gives_point_by_point(x: list[float]) -> None:
    told = [value for value in x if not math.isnan(value)]
    neighbours = [b - a for a, b in pairwise(x) if not math.isnan(a + b)]
    if len(told) < 2 or not any(neighbours):
        return
    chart = individuals_chart(x)
    centre, sigma, scores = plain.individuals(x)
    assert chart.standards["centre"][0] == pytest.approx(centre, abs=1e-9)
    assert chart.standards["sigma"][0] == pytest.approx(sigma, rel=1e-12)
    np.testing.assert_allclose(chart.score, scores, atol=1e-9)
    average = ewma_chart(chart.score, smoothing=0.3, centre=0.0, sigma=1.0)
    np.testing.assert_allclose(average.statistic, plain.ewma(scores, 0.3), atol=1e-9)
    sums = cusum_chart(chart.score, allowance=0.4, headstart=1.0, centre=0.0, sigma=1.0)
    high, low = np.array(plain.cusum(scores, 0.4, 1.0)).T
    np.testing.assert_allclose(sums.statistic, high, atol=1e-9)
    np.testing.assert_allclose(sums.low_statistic, -low, atol=1e-9)


def test_the_limits_of_an_ewma_are_those_of_its_exact_variance() -> None:
    rng = np.random.default_rng(3)
    sigma = np.where(np.arange(30) % 3 == 0, 2.0, 1.0)
    x = rng.normal(0, sigma, size=(60_000, 30))
    chart = ewma_chart(x, smoothing=0.2, width=3.0, centre=0.0, sigma=sigma)
    np.testing.assert_allclose(chart.statistic.std(axis=0), chart.upper[0] / 3.0, rtol=0.02)
    even = ewma_chart(np.zeros(50), smoothing=0.2, width=3.0, centre=0.0, sigma=1.0)
    t = np.arange(1, 51)
    np.testing.assert_allclose(even.upper, 3.0 * np.sqrt(0.2 / 1.8 * (1 - 0.8 ** (2 * t))), rtol=1e-12)


def test_a_base_freezes_the_limits_and_standards_given_back_repeat_them() -> None:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(5, 40))
    base = np.arange(40) < 25
    chart = individuals_chart(x, base=base)
    assert (chart.n_base == 25).all()
    np.testing.assert_allclose(chart.upper[:, :25], individuals_chart(x[:, :25]).upper)
    same(individuals_chart(x, **chart.standards), chart)
    k, n = rng.binomial(500, 0.1, size=40), np.full(40, 500)
    for dispersion in Dispersion:
        shares = p_chart(k, n, base=base, dispersion=dispersion)
        same(p_chart(k, n, dispersion=dispersion, **shares.standards), shares)
    units = u_chart(k, n, base=base, dispersion=Dispersion.SHARED)
    same(u_chart(k, n, dispersion=Dispersion.SHARED, **units.standards), units)
    means = xbar_chart(x[0], 5, sd=np.full(40, 1.0), base=base, dispersion=Dispersion.LANEY)
    same(xbar_chart(x[0], 5, dispersion=Dispersion.LANEY, **means.standards), means)


def test_no_moving_range_is_taken_across_a_gap_or_an_excluded_point() -> None:
    assert individuals_chart([1.0, 2.0, math.nan, 50.0, 51.0]).standards["sigma"][0] == pytest.approx(1 / 1.128)
    base = [True, True, False, True, True]
    assert individuals_chart([1.0, 2.0, 99.0, 50.0, 51.0], base=base).standards["sigma"][0] == pytest.approx(1 / 1.128)


def test_points_without_a_value_have_no_limits_and_no_signal() -> None:
    chart = p_chart([0, 900, 10], [0, 1000, 100], centre=0.1)
    assert [math.isnan(value[0]) for value in (chart.statistic, chart.lower, chart.score)] == [True] * 3
    assert chart.signal.tolist() == [0, 1, 0]
    for chart in (p_chart([0, 0, 5], [9, 9, 9], base=[True, True, False]), individuals_chart([1.0, 1.0, 1.0])):
        assert np.isnan(chart.upper).all(), "rows that never differ give no scale"
        assert not chart.signal.any()


def test_constants_are_the_printed_ones() -> None:
    # Montgomery (2013), appendix VI; A3, B3, B4 from c4 as there
    printed = {
        2: (1.128, 0.853, 0.0, 3.267),
        4: (2.059, 0.880, 0.0, 2.282),
        5: (2.326, 0.864, 0.0, 2.114),
        7: (2.704, 0.833, 0.076, 1.924),
        10: (3.078, 0.797, 0.223, 1.777),
        25: (3.931, 0.708, 0.459, 1.541),
    }
    for size, (d2, d3, lower, upper) in printed.items():
        found = range_constants(size)
        assert (found.d2, found.d3, found.lower, found.upper) == (d2, d3, lower, upper)
    n = np.array([2, 3, 4, 5, 10, 25])
    assert c4(n).round(4).tolist() == [0.7979, 0.8862, 0.9213, 0.9400, 0.9727, 0.9896]
    assert (3 / (c4(n) * np.sqrt(n))).round(3).tolist() == [2.659, 1.954, 1.628, 1.427, 0.975, 0.606]
    spread = np.sqrt(1 - c4(n) ** 2) / c4(n)
    assert (1 + 3 * spread).round(3).tolist() == [3.267, 2.568, 2.266, 2.089, 1.716, 1.435]
    assert np.maximum(0, 1 - 3 * spread).round(3).tolist()[-2:] == [0.284, 0.565]
    assert c4([9_999, 10_001])[0] == pytest.approx(c4([10_001])[0], abs=1e-8)
    with pytest.raises(InputError, match="2 to 25"):
        range_constants(26)


def test_means_by_standard_deviations_keep_their_limits_where_n_varies() -> None:
    rng = np.random.default_rng(5)
    n = rng.integers(2, 40, size=4000)
    groups = [rng.normal(10, 2, size=size) for size in n]
    means, sds = np.array([g.mean() for g in groups]), np.array([g.std(ddof=1) for g in groups])
    chart, spread = xbar_chart(means, n, sd=sds), s_chart(sds, n)
    assert chart.standards["sigma"][0] == pytest.approx(2.0, rel=0.01)
    assert np.count_nonzero(chart.signal) / n.size == pytest.approx(0.0027, abs=0.0025)
    assert np.std(chart.score) == pytest.approx(1.0, abs=0.03)
    assert spread.centre.tolist() == pytest.approx((c4(n) * chart.standards["sigma"][0]).tolist())
    assert not spread.signal[n == 1].any()


def test_exact_limits_are_those_of_the_laws_themselves() -> None:
    tail = norm.sf(3)
    k = np.arange(0, 41)
    for p, rho in ((0.02, 0.0), (0.02, 0.01), (0.97, 0.0), (0.5, 0.2)):
        n = np.full(k.size, 200)
        score, lower, upper = binomial_tails(k, n, p=p, rho=rho)
        law = binom(200, p) if rho == 0 else betabinom(200, p * (1 / rho - 1), (1 - p) * (1 / rho - 1))
        inside = [j for j in range(201) if law.sf(j - 1) >= tail and law.cdf(j) >= tail]
        assert (lower[0], upper[0]) == (inside[0], inside[-1])
        above, below = np.maximum(law.sf(k - 1), 1e-300), np.maximum(law.cdf(k), 1e-300)
        expected = np.where(above < 0.5, -norm.ppf(above), np.where(below < 0.5, norm.ppf(below), 0.0))
        np.testing.assert_allclose(score, expected, atol=1e-6)
    for mean, rho in ((4.5, 0.0), (4.5, 0.3)):
        score, lower, upper = poisson_tails(k, mean=mean, rho=rho)
        law = poisson(mean) if rho == 0 else nbinom(1 / rho, 1 / (1 + mean * rho))
        assert upper[0] == max(j for j in range(400) if law.sf(j - 1) >= tail)
        assert lower[0] == min(j for j in range(400) if law.cdf(j) >= tail)


def test_exact_limits_of_a_rare_share_hold_their_rate_where_normal_ones_do_not() -> None:
    rng = np.random.default_rng(6)
    n = np.full(4000, 400)
    k = rng.binomial(n, 0.004)
    plain_chart, exact = p_chart(k, n, centre=0.004), p_chart(k, n, centre=0.004, exact=True)
    assert np.count_nonzero(exact.signal) / n.size <= 0.0027
    assert np.count_nonzero(plain_chart.signal) / n.size > 0.004
    assert (exact.signal != 0).tolist() == (np.abs(exact.score) > 3).tolist()
    assert not (exact.signal[(exact.statistic <= exact.upper) & (exact.statistic >= exact.lower)]).any()
    events = u_chart(k, n, centre=0.004, exact=True)
    assert (events.lower == 0).all()
    with pytest.raises(InputError, match="one series"):
        p_chart([k[:5], k[5:10]], [n[:5]] * 2, exact=True)
    with pytest.raises(InputError, match="Laney"):
        p_chart(k, n, dispersion=Dispersion.LANEY, exact=True)


def simulated_shares(rng: np.random.Generator, n: np.ndarray, p: float, rho: float) -> np.ndarray:
    theta = rng.beta(p * (1 / rho - 1), (1 - p) * (1 / rho - 1), size=n.shape) if rho else np.full(n.shape, p)
    return rng.binomial(n, theta)


def test_with_a_large_n_that_varies_only_limits_that_grow_with_n_hold_their_rate_at_every_n() -> None:
    rng = np.random.default_rng(7)
    n = np.where(np.arange(400) % 2 == 0, 300, 60_000) * np.ones((100, 1), dtype=int)
    k = simulated_shares(rng, n, 0.2, 0.0005)
    rates = {}
    for dispersion in Dispersion:
        chart = p_chart(k, n, dispersion=dispersion)
        large = n[0] > 1000
        rates[dispersion] = [float((chart.signal[:, w] != 0).mean()) for w in (~large, large)]
    small, big = rates[Dispersion.SAMPLING]
    assert big > 0.3, "plain limits are far too tight at a large n"
    small, big = rates[Dispersion.LANEY]
    assert small < 1e-4, "one sigma_z for all n makes limits too wide at a small n"
    assert big > 0.02, "and too tight at a large one"
    assert max(rates[Dispersion.SHARED]) < 0.006
    assert min(rates[Dispersion.SHARED]) > 0.0005


def test_the_spread_that_rows_share_is_found_again() -> None:
    rng = np.random.default_rng(8)
    n = rng.integers(200, 20_000, size=(300, 60))
    k = simulated_shares(rng, n, 0.3, 0.002)
    rho = p_chart(k, n, dispersion=Dispersion.SHARED).standards["rho"]
    assert rho.shape == (300, 1)
    assert float(np.mean(rho)) == pytest.approx(0.002, rel=0.05)
    assert (shared_variance(rng.normal(size=(1000, 30)), 99.0) == 0).mean() == pytest.approx(0.5, abs=0.1)
    score = np.array([3.0, -2.0, 4.0, -5.0])
    found = float(shared_variance(score, [9, 99, 999, 9999])[0])
    assert (score**2 / (1 + np.array([9, 99, 999, 9999]) * found)).sum() == pytest.approx(3.0)


def test_the_test_says_which_limits_to_use() -> None:
    rng = np.random.default_rng(9)
    even, uneven = np.full(60, 5000), rng.choice([200, 50_000], size=60)
    cases = {
        "rows alone": (even, 0.0, Dispersion.SAMPLING, "as much as their rows explain"),
        "even n": (even, 0.003, Dispersion.LANEY, "n hardly varies"),
        "uneven n": (uneven, 0.003, Dispersion.SHARED, "the more so the larger n is"),
    }
    for n, rho, advice, why in cases.values():
        hits = 0
        for _ in range(40):
            test = dispersion_test(p_chart(simulated_shares(rng, n, 0.2, rho), n).score, n - 1)
            hits += test.advice is advice and why in test.why
        assert hits >= 36
    noise = rng.normal(size=60) * 2.5
    assert dispersion_test(noise, uneven - 1).advice is Dispersion.LANEY
    assert "as much at every n" in dispersion_test(noise, uneven - 1).why
    tight = dispersion_test(rng.normal(size=60) * 0.5, even - 1)
    assert (tight.advice, tight.ratio < 1) == (Dispersion.LANEY, True)
    assert dispersion_test([0.3], [5]).ratio is None


def test_the_head_start_and_the_date_of_a_cusum() -> None:
    x = [0.0] * 10 + [1.5] * 10
    late = cusum_chart(x, centre=0.0, sigma=1.0)
    found = cusum_shift(late, allowance=0.5)
    assert found is not None
    assert (found.first, round(found.shift, 6)) == (10, 1.5)
    assert cusum_shift(cusum_chart([0.1, -0.1], centre=0.0, sigma=1.0), allowance=0.5) is None
    down = cusum_shift(cusum_chart([-v for v in x], centre=0.0, sigma=1.0), allowance=0.5)
    assert down is not None
    assert round(down.shift, 6) == -1.5
    early = cusum_chart(x[10:], centre=0.0, sigma=1.0, headstart=2.4)
    assert early.signal.argmax() < late.signal[10:].argmax()


@pytest.mark.parametrize(
    "call",
    [
        lambda: p_chart([3], [2]),
        lambda: p_chart([-1], [2]),
        lambda: p_chart([1.5], [2]),
        lambda: p_chart([1, 2], [3]),
        lambda: p_chart([1], [3], width=0.0),
        lambda: p_chart([1], [3], base=[0.5]),
        lambda: p_chart([1, 2], [3, 3], base=[True, False, True]),
        lambda: p_chart(1, 3),
        lambda: p_chart([["a"]], [[3]]),
        lambda: u_chart([1.5], [2.0]),
        lambda: c_chart([-1]),
        lambda: individuals_chart([1.0, 2.0], centre=[1.0, 2.0, 3.0]),
        lambda: xbar_chart([1.0], 5),
        lambda: xbar_chart([1.0, 2.0], [4, 5], ranges=[1.0, 1.0]),
        lambda: xbar_chart([1.0], 5, sd=[1.0], sigma=1.0),
        lambda: ewma_chart([1.0], smoothing=1.5),
        lambda: cusum_chart([1.0], interval=0.0),
        lambda: cusum_chart([1.0], headstart=9.0),
        lambda: binomial_tails([1], [10], p=0.0),
        lambda: poisson_tails([1], mean=0.0),
        lambda: dispersion_test([[1.0]], [[1.0]]),
    ],
)
def test_what_can_t_be_charted_is_refused(call) -> None:
    with pytest.raises(InputError):
        call()


def test_laneys_sigma_z_stays_near_1_by_chance() -> None:
    z = np.random.default_rng(10).normal(size=(2000, 26))
    assert float(laney_sigma(z).mean()) == pytest.approx(1.0, abs=0.01)
