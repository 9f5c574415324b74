"""The p chart against textbook limits, exact arithmetic, the binomial law and seeded simulation."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, norm

from core.errors import InputError
from core.spc.attributes import laney_dispersion, p_chart

STEADY = {"reference_k": [200] * 10, "reference_n": [1000] * 10}  # a share of exactly 0.2
LANEY = (1010, 950, 1080, 1200, 990, 1105, 930, 1020)


def counts(most=2000):
    return st.integers(0, most).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def test_limits_are_the_textbooks():
    # Montgomery, Introduction to Statistical Quality Control: p 0.20, n 50
    point = p_chart([10], [50], **STEADY).points[0]
    assert (round(point.low, 4), round(point.high, 4)) == (0.0303, 0.3697)


def test_limits_widen_where_a_window_has_fewer_rows_and_stay_between_0_and_1():
    n = np.array([5, 50, 500, 5000])
    chart = p_chart(n // 5, n, **STEADY)
    half = 3 * np.sqrt(0.2 * 0.8 / n)
    assert [point.high for point in chart.points] == pytest.approx(np.minimum(1, 0.2 + half))
    assert [point.low for point in chart.points] == pytest.approx(np.maximum(0, 0.2 - half))
    assert chart.points[0].low == 0.0


def test_a_point_exactly_on_a_limit_does_not_signal():
    """At a share of 1/5 and n = 25 m^2 rows the limits are exactly 5 m^2 +/- 6 m rows.

    Rounding puts some lower limits just above that point, so comparing floats would signal.
    """
    roots = np.arange(3, 400)
    n, upper, lower = 25 * roots**2, 5 * roots**2 + 6 * roots, 5 * roots**2 - 6 * roots
    for k, signal in ((upper, None), (upper + 1, "above"), (lower, None), (lower - 1, "below")):
        assert {point.signal for point in p_chart(k, n, **STEADY).points} == {signal}
    assert any(point.value < point.low for point in p_chart(lower, n, **STEADY).points)


@settings(deadline=None)
@given(st.lists(counts(), min_size=1, max_size=12), st.lists(counts(), min_size=7, max_size=12))
def test_counting_the_other_rows_turns_the_chart_upside_down(current, reference):
    k, n = np.array(current).T
    reference_k, reference_n = np.array(reference).T
    chart = p_chart(k, n, reference_k=reference_k, reference_n=reference_n)
    flipped = p_chart(n - k, n, reference_k=reference_n - reference_k, reference_n=reference_n)
    opposite = {"above": "below", "below": "above", None: None}
    assert [opposite[point.signal] for point in chart.points] == [point.signal for point in flipped.points]
    for point, mirror in zip(chart.points, flipped.points, strict=True):
        if point.low is not None:
            assert (1 - point.high, 1 - point.low) == pytest.approx((mirror.low, mirror.high), abs=1e-12)


@settings(deadline=None)
@given(st.lists(counts(), min_size=1, max_size=12), st.lists(counts(), min_size=7, max_size=12))
def test_a_signal_lies_outside_the_limits_that_are_drawn(current, reference):
    k, n = np.array(current).T
    reference_k, reference_n = np.array(reference).T
    chart = p_chart(k, n, reference_k=reference_k, reference_n=reference_n)
    for point in chart.points:
        if point.signal == "above":
            assert point.value >= point.high
        elif point.signal == "below":
            assert point.value <= point.low
        elif chart.armed and point.value is not None:
            assert point.low - 1e-12 <= point.value <= point.high + 1e-12


def test_a_window_without_rows_has_no_point_and_no_signal():
    chart = p_chart([0, 200], [0, 1000], unit="week", **STEADY)
    empty = chart.points[0]
    assert (empty.value, empty.low, empty.high, empty.signal) == (None, None, None, None)
    assert chart.words == "None of 1 week lies outside the limits. 1 week without rows: no point."


def test_fewer_than_seven_reference_windows_arm_nothing_but_draw_limits():
    chart = p_chart([900], [1000], reference_k=[200] * 6 + [0], reference_n=[1000] * 6 + [0], unit="week")
    assert (chart.armed, chart.n_reference_windows, chart.signals) == (False, 6, ())
    assert chart.points[0].high < chart.points[0].value
    assert chart.words == (
        "The chart is not armed: the reference has 6 weeks with rows, 7 are needed; its limits are for orientation."
    )
    assert p_chart([900], [1000], reference_k=[200] * 7, reference_n=[1000] * 7).points[0].signal == "above"


def test_a_reference_without_rows_gives_no_limits():
    for reference in ([], [0] * 9):
        chart = p_chart([5], [10], reference_k=reference, reference_n=reference)
        assert (chart.armed, chart.centre, chart.points[0].value, chart.points[0].high) == (False, None, 0.5, None)
        assert chart.words == "The chart is not armed and has no limits: the reference has no rows."


@pytest.mark.parametrize("n", [50, 1000, 20_000])
def test_a_share_never_seen_in_the_reference_gets_the_exact_binomial_limit(n):
    rare = 1 - 0.025 ** (1 / 4000)  # Clopper and Pearson for 0 of 4,000
    tail = norm.sf(3)
    chart = p_chart([0], [n], reference_k=[0] * 8, reference_n=[500] * 8)
    limit = round(chart.points[0].high * n)
    assert binom.sf(limit, n, rare) <= tail < binom.sf(limit - 1, n, rare)
    on_and_over = p_chart([limit, limit + 1], [n, n], reference_k=[0] * 8, reference_n=[500] * 8)
    assert [point.signal for point in on_and_over.points] == [None, "above"]
    assert chart.why == (
        "None of 4,000 reference rows counts, which allows for a share of up to 0.09%; "
        "the limit is the exact binomial one for that share."
    )


def test_signals_of_a_steady_process_are_as_rare_as_three_sigma_promises():
    k = np.random.default_rng(5).binomial(2000, 0.3, size=20_000)
    chart = p_chart(k, np.full(k.size, 2000), reference_k=[6000] * 7, reference_n=[20_000] * 7)
    exact = binom.sf(661, 2000, 0.3) + binom.cdf(538, 2000, 0.3)  # limits 538.5 and 661.5
    assert len(chart.signals) / k.size == pytest.approx(exact, abs=0.0012)


def test_laneys_sigma_z_is_the_one_that_minitabs_formula_gives():
    dispersion = laney_dispersion(LANEY, [10_000] * 8)
    assert dispersion.sigma_z == pytest.approx(3.7408827727, abs=1e-9)
    chart = p_chart(LANEY, [10_000] * 8, reference_k=LANEY, reference_n=[10_000] * 8)
    assert chart.centre == 0.1035625
    assert (chart.points[0].low, chart.points[0].high) == pytest.approx((0.0944217, 0.1127033), abs=1e-7)
    wider = [chart.centre + sign * dispersion.sigma_z * (chart.points[0].high - chart.centre) for sign in (-1, 1)]
    assert wider == pytest.approx([0.0693680, 0.1377570], abs=1e-7)
    assert chart.dispersion.words("week").startswith("Limits are 3.7 times too tight: weeks of the reference differ")


def test_the_hint_keeps_quiet_about_chance_and_speaks_of_more():
    rng = np.random.default_rng(9)
    n = np.full(26, 1000)
    chance, more = [], []
    for _ in range(400):
        chance.append(laney_dispersion(rng.binomial(n, 0.2), n))
        more.append(laney_dispersion(rng.binomial(n, rng.beta(60, 240, size=26)), n))
    too_tight = [sum("too tight" in each.words() for each in group) / 400 for group in (chance, more)]
    less = sum("less than chance" in each.words() for each in chance) / 400
    assert 0.02 <= too_tight[0] <= 0.09
    assert 0.01 <= less <= 0.09
    assert too_tight[1] >= 0.95


def test_a_share_of_0_or_1_or_a_single_window_has_no_dispersion():
    assert laney_dispersion([0] * 9, [10] * 9) is None
    assert laney_dispersion([10] * 9, [10] * 9) is None
    assert laney_dispersion([3, 0], [10, 0]) is None


def test_the_chart_says_what_it_shows_in_one_sentence():
    weeks = [f"2026-W{week}" for week in range(14, 40)]
    k = [200] * 26
    k[22], k[24] = 260, 270
    chart = p_chart(k, [1000] * 26, names=weeks, unit="week", **STEADY)
    assert chart.words == "2 of 26 weeks lie above the upper limit, first in 2026-W36."
    k[25] = 100
    chart = p_chart(k, [1000] * 26, names=weeks, unit="week", **STEADY)
    assert chart.words == (
        "2 of 26 weeks lie above the upper limit, first in 2026-W36; "
        "1 of 26 weeks lies below the lower limit, in 2026-W39."
    )
    assert [point.name for point in chart.signals] == ["2026-W36", "2026-W38", "2026-W39"]


@pytest.mark.parametrize(
    ("k", "n", "options"),
    [
        ([3], [2], {}),
        ([-1], [2], {}),
        ([1.5], [2], {}),
        ([1, 2], [3], {}),
        ([1], [3], {"sigma": 0.0}),
        ([1], [3], {"sigma": float("inf")}),
        ([1], [3], {"names": ["a", "b"]}),
    ],
)
def test_what_is_no_count_is_refused(k, n, options):
    with pytest.raises(InputError):
        p_chart(k, n, **STEADY, **options)
