"""Designs have the run length they were made for, and limits from few points the worth they claim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import t as student

from core.errors import InputError
from core.spc.design import best_ewma, cusum_for, ewma_for, shewhart_for, with_run_length
from core.spc.phases import LEAST_POINTS, Spread, degrees_of_freedom, limits_worth, prediction_width
from core.spc.rules import NELSON, WESTERN_ELECTRIC, Rule
from core.spc.scheme import Cusum, Ewma, Knowledge, Scheme, Shewhart, average_run_length, false_alarm_rate
from core.spc.variables import individuals_chart


def test_limits_for_a_wanted_run_length_are_the_known_ones() -> None:
    # Crowder (1989) prints 2.32, 2.55, 2.65, 2.72 and 2.76 for 250; the others by this project's own root-finding.
    assert [round(ewma_for(250, smoothing=s).width, 2) for s in (0.05, 0.1, 0.15, 0.2, 0.25)] == [
        *(2.32, 2.55, 2.65, 2.72, 2.76)
    ]
    assert [round(ewma_for(500, smoothing=s).width, 4) for s in (0.05, 0.1, 0.2, 0.25, 0.4)] == [
        *(2.6151, 2.8143, 2.9622, 2.9981, 3.0540)
    ]
    assert [round(cusum_for(370.4, shift=2 * k).interval, 3) for k in (0.25, 0.5, 0.75, 1.0, 1.25, 1.5)] == [
        *(8.010, 4.775, 3.340, 2.517, 1.987, 1.604)
    ]
    assert round(shewhart_for(370.4).width, 4) == 3.0


@pytest.mark.parametrize(
    "scheme",
    [
        Shewhart(),
        Shewhart(rules=NELSON[:2]),
        Shewhart(rules=WESTERN_ELECTRIC[:2]),
        Ewma(smoothing=0.1),
        Ewma(smoothing=0.3, time_varying=False),
        Cusum(allowance=0.25, interval=8.0),
        Cusum(allowance=0.5, interval=4.0, headstart=2.0),
    ],
    ids=str,
)
@pytest.mark.parametrize("run_length", [100.0, 365.0])
def test_a_chart_made_for_a_run_length_has_it(scheme: Scheme, run_length: float) -> None:
    found = with_run_length(scheme, run_length)
    assert type(found) is type(scheme)
    assert average_run_length(found).value == pytest.approx(run_length, rel=2e-3)
    assert false_alarm_rate(found) == pytest.approx(1 / run_length, rel=2e-3)
    lengths = [average_run_length(found, shift=shift).value for shift in (0.0, 0.25, 0.5, 1.0, 2.0, 3.0)]
    assert lengths == sorted(lengths, reverse=True)
    down = average_run_length(found, shift=-1.0).value
    assert down == pytest.approx(lengths[3], rel=1e-6), "a fall is found as soon as a rise"


def test_the_best_ewma_for_a_shift_beats_others() -> None:
    best = best_ewma(500, shift=1.0)
    delay = average_run_length(best, shift=1.0).value
    for smoothing in (0.05, 0.3, 0.6):
        assert delay < average_run_length(ewma_for(500, smoothing=smoothing), shift=1.0).value
    assert best.smoothing == pytest.approx(0.13, abs=0.02)  # Crowder (1989), figure for a run length of 500


def test_designs_that_no_limit_can_give_are_refused_with_the_reason() -> None:
    with pytest.raises(InputError, match="Nelson 2 signal more often than once in 600 points"):
        shewhart_for(600, rules=NELSON[:2])
    with pytest.raises(InputError, match="Only the limits can be moved"):
        shewhart_for(600, rules=NELSON[1:2])
    for call in (lambda: ewma_for(1.0), lambda: cusum_for(1e10), lambda: cusum_for(100, shift=0.0)):
        with pytest.raises(InputError):
            call()


def test_false_alarms_with_estimates_are_those_of_students_t_where_that_is_known() -> None:
    for m in (7, 10, 30):
        exact = 2 * student.sf(3 / math.sqrt(1 + 1 / m), m - 1)
        rate = false_alarm_rate(Shewhart(), knowledge=Knowledge(n_points=m, df=m - 1))
        assert rate == pytest.approx(exact, rel=1e-3)
    for scheme in (Shewhart(rules=NELSON[:2]), Ewma(time_varying=False), Cusum()):
        rates = [false_alarm_rate(scheme, knowledge=Knowledge(n_points=m, df=m - 1)) for m in (10, 30, 100, 10**6)]
        assert rates == sorted(rates, reverse=True)
        assert rates[-1] == pytest.approx(false_alarm_rate(scheme), rel=0.01)
    with pytest.raises(InputError):
        false_alarm_rate(Shewhart(), knowledge=Knowledge(n_points=0, df=3))


def test_false_alarms_with_estimates_agree_with_charts_drawn_on_simulated_phases() -> None:
    rng, m = np.random.default_rng(11), 20
    base = rng.normal(size=(40_000, m))
    centre, sigma = base.mean(axis=1, keepdims=True), base.std(axis=1, ddof=1, keepdims=True)
    chart = individuals_chart(rng.normal(size=(40_000, 30)), centre=centre, sigma=sigma)
    expected = false_alarm_rate(Shewhart(), knowledge=Knowledge(n_points=m, df=m - 1))
    assert (chart.signal != 0).mean() == pytest.approx(expected, rel=0.03)


def test_rules_whose_run_length_is_simulated_say_so_and_repeat_it() -> None:
    rules = (Rule.NELSON_1, Rule.NELSON_3)
    once, again = (average_run_length(Shewhart(rules=rules)) for _ in range(2))
    assert once == again
    assert once.method == "10,000 simulated runs"
    assert 0 < once.standard_error < 0.02 * once.value
    assert average_run_length(Shewhart(rules=NELSON[:2])).method == "Markov chain"
    assert average_run_length(Shewhart(rules=())).value == math.inf


@pytest.mark.parametrize("spread", [Spread.VARIANCE, Spread.MOVING_RANGES])
@pytest.mark.parametrize("m", [10, 25])
def test_widened_limits_hold_the_nominal_rate_and_plain_ones_raise_what_is_said(spread: Spread, m: int) -> None:
    rng = np.random.default_rng(m)
    x = rng.normal(size=(60_000, m))
    centre = x.mean(axis=1, keepdims=True)
    sigma = x.std(axis=1, ddof=1, keepdims=True)
    if spread is Spread.MOVING_RANGES:
        sigma = np.abs(np.diff(x, axis=1)).mean(axis=1, keepdims=True) / 1.128
    worth = limits_worth(m, spread=spread)
    further = rng.normal(size=(60_000, 40))
    score = np.abs(further - centre) / sigma
    assert (score > worth.width).mean() == pytest.approx(worth.nominal, rel=0.06)
    assert (score > 3).mean() == pytest.approx(worth.rate, rel=0.06)


def test_how_many_more_points_are_needed_is_where_limits_come_within_a_tenth() -> None:
    for spread in Spread:
        worth = limits_worth(12, spread=spread)
        there = limits_worth(worth.n_needed, spread=spread)
        before = limits_worth(worth.n_needed - 1, spread=spread)
        assert there.width <= 3.3
        assert before.width > 3.3 or worth.n_needed == LEAST_POINTS
        assert worth.n_more == max(0, worth.n_needed - 12)
    assert [limits_worth(12, spread=s).n_needed for s in Spread] == [7, 34, 45]
    assert limits_worth(60, spread=Spread.VARIANCE).n_more == 0
    weekdays = limits_worth(28, spread=Spread.MOVING_RANGES, n_means=7)
    assert weekdays.width > limits_worth(28, spread=Spread.MOVING_RANGES).width
    assert [limits_worth(n, spread=Spread.ROWS).is_armed for n in (0, 6, 7)] == [False, False, True]
    assert limits_worth(0, spread=Spread.ROWS).width == math.inf
    assert degrees_of_freedom(1, spread=Spread.VARIANCE) == 1.0
    with pytest.raises(InputError):
        prediction_width(0, df=3)
