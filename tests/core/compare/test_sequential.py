"""The test that may be looked at daily: recomputed bet by bet, fair on average, and right about equal versions."""

from __future__ import annotations

from math import comb, exp, log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import bdtr

from core.compare.sequential import SequentialDifference, log_e_values, sequential_difference
from core.compare.verdicts import Verdict
from core.errors import InputError

COUNTS = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 900)).map(lambda c: (c[0], c[1], sum(c)))


def by_hand(differences: np.ndarray, at_most: float) -> float:
    """The wealth of somebody who stakes row by row, in the order in which labels come in."""
    wealth = []
    for stake in (0.05, 0.1, 0.2, 0.4, 0.8):
        staked, held = min(stake, 1 / (1 + at_most)), 1.0
        for difference in differences:
            held *= 1 + staked * (difference - at_most)
        wealth.append(held)
    return sum(wealth) / len(wealth)


@pytest.mark.parametrize(("at_most", "known"), [(-0.01, 1529.234), (0.0, 43.231)])
def test_sixty_gained_and_thirty_lost_of_a_thousand_are_worth_what_is_known(at_most: float, known: float) -> None:
    assert exp(log_e_values(60, 30, 1000, at_most=at_most)) == pytest.approx(known, abs=5e-4)


@pytest.mark.parametrize("at_most", [-0.5, -0.02, 0.0, 0.1, 0.7])
def test_it_is_the_wealth_of_betting_row_by_row_in_any_order(at_most: float) -> None:
    differences = np.repeat([1.0, -1.0, 0.0], [9, 4, 40])
    if at_most > 0.2:
        differences = differences[differences >= 0]  # one loss takes all that is staked
    np.random.default_rng(1).shuffle(differences)
    n_gained, n_lost = int((differences > 0).sum()), int((differences < 0).sum())
    found = log_e_values(n_gained, n_lost, differences.size, at_most=at_most)
    assert found == pytest.approx(log(by_hand(differences, at_most)), abs=1e-9)


@given(st.integers(1, 7), st.floats(0, 1), st.floats(0, 1))
def test_no_bet_wins_on_average_if_the_candidate_is_no_better(n: int, churn: float, loss: float) -> None:
    gained, lost = churn * (1 - loss), churn * loss
    mean = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            chance = comb(n, b) * comb(n - b, c) * gained**b * lost**c * (1 - gained - lost) ** (n - b - c)
            mean += chance * exp(log_e_values(b, c, n, at_most=min(max(gained - lost, -0.99), 0.99)))
    assert mean <= 1 + 1e-6 or abs(gained - lost) > 0.99


@given(COUNTS, st.floats(0, 0.05))
def test_the_interval_says_what_the_e_values_say(counts: tuple[int, int, int], margin: float) -> None:
    found = sequential_difference(*counts, margin=margin)
    if found.interval is None:
        assert counts[2] == 0
        return
    assert found.interval.low <= found.interval.high
    bounds = ((found.e_better, found.interval.low), (found.e_worse, -found.interval.high))
    for e_value, low in bounds:
        if abs(low) > 1e-8:
            assert (e_value >= 40) == (low > 0)
    if abs(found.interval.low + margin) > 1e-8:
        assert (found.e_no_worse >= 40) == (found.interval.low >= -margin)


@given(COUNTS)
def test_swapping_the_versions_mirrors_the_interval(counts: tuple[int, int, int]) -> None:
    b, c, n = counts
    one, other = sequential_difference(b, c, n), sequential_difference(c, b, n)
    assert one.e_better == other.e_worse
    if one.interval is not None and other.interval is not None:
        assert (one.interval.low, one.interval.high) == (-other.interval.high, -other.interval.low)


def verdicts(margin: float) -> list[SequentialDifference]:
    return [sequential_difference(*counts, margin=margin) for counts in ((200, 40, 4000), (40, 200, 4000))]


def test_verdicts_come_with_what_they_rest_on() -> None:
    better, worse = verdicts(0.01)
    assert (better.verdict, worse.verdict) == (Verdict.BETTER, Verdict.WORSE)
    assert sequential_difference(20, 20, 9000, margin=0.02).verdict is Verdict.NO_WORSE
    assert sequential_difference(3, 2, 100).verdict is Verdict.CANNOT_TELL
    few = sequential_difference(9, 0, 20)
    assert (few.verdict, few.why) == (
        Verdict.INSUFFICIENT,
        "20 rows with a label and both predictions, fewer than the 30 asked for.",
    )
    assert sequential_difference(0, 0, 0).verdict is Verdict.UNDEFINED
    everything = sequential_difference(100_000, 0, 100_000)
    assert everything.verdict is Verdict.BETTER
    assert everything.interval is not None
    assert everything.interval.low > 0.99


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ((5, 6, 10), {}, "don't fit into 10 rows"),
        ((-1, 0, 10), {}, "don't fit"),
        ((1, 1, 10), {"margin": 1.0}, "margin must be"),
        ((1, 1, 10), {"margin": float("nan")}, "margin must be"),
        ((1, 1, 10), {"confidence": 1.0}, "confidence must lie"),
    ],
)
def test_what_cannot_be_is_refused(counts: tuple[int, int, int], options: dict[str, float], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sequential_difference(*counts, **options)
    with pytest.raises(InputError, match="at_most must lie"):
        log_e_values(1, 1, 10, at_most=-1.0)


def test_looked_at_daily_equal_versions_are_seldom_called_different_and_by_mcnemar_often() -> None:
    """2,000 runs of 90 days of 500 rows, of which 6% are judged differently."""
    n_runs, n_days, a_day = 2000, 90, 500
    daily = np.random.default_rng(6).multinomial(a_day, [0.03, 0.03, 0.94], size=(n_runs, n_days)).cumsum(axis=1)
    b, c, n = daily[..., 0], daily[..., 1], daily.sum(axis=2)
    by_betting = (np.maximum(log_e_values(b, c, n), log_e_values(c, b, n)) >= log(40)).any(axis=1)
    by_mcnemar = (2 * bdtr(np.minimum(b, c), b + c, 0.5) < 0.05).any(axis=1)
    assert by_betting.mean() <= 0.05
    assert 0.28 <= by_mcnemar.mean() <= 0.38


def test_looked_at_daily_a_candidate_that_wins_three_of_five_differences_is_found_in_days() -> None:
    n_runs, n_days, a_day = 1000, 90, 500
    daily = np.random.default_rng(7).multinomial(a_day, [0.036, 0.024, 0.94], size=(n_runs, n_days)).cumsum(axis=1)
    found = log_e_values(daily[..., 0], daily[..., 1], daily.sum(axis=2)) >= log(40)
    days = np.where(found.any(axis=1), found.argmax(axis=1) + 1, n_days + 1)
    assert np.median(days) <= 10
    assert np.quantile(days, 0.9) <= 21
