"""Bets on two rates: exact whatever the rows, nearest pairs by another route, and arming that says why not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom

from core.alarms.baseline import Margin
from core.alarms.monitors import Subject, Windows, gap_subject
from core.alarms.rates import gap_edges, pair_log_e_values
from core.alarms.watch import Light, Watch, arm

ALLOWANCES = {Light.MATERIAL: 730.0, Light.CHANGED: 182.5}


def counted(k: np.ndarray, n: np.ndarray) -> Windows:
    """Every group beside all others, from counts of shape (n_windows, n_groups)."""
    sides = []
    for each in (k, n):
        total = each.sum(axis=1, keepdims=True)
        sides.append(np.stack([each, total - each], axis=2).reshape(len(each), -1).astype(float))
    return Windows(n=sides[1], total=sides[0], total_of_squares=sides[0])


def watched(sizes: list[int], rates: list[float], *, n_windows: int = 30, seed: int = 1, below: bool = True) -> Watch:
    rng = np.random.default_rng(seed)
    n = np.broadcast_to(sizes, (n_windows, len(sizes)))
    subjects = [gap_subject(f"rate/g={g}", name=str(g), is_worse_below=below) for g in range(len(sizes))]
    margins = [Margin(sd=0.0, points=0.01, ratio=0.8)] * len(sizes)
    return arm(subjects, counted(rng.binomial(n, rates), n), margins=margins, allowances=ALLOWANCES, horizon=30)


def drawn(sizes: list[int], rates: list[float], n_windows: int, seed: int) -> Windows:
    n = np.broadcast_to(sizes, (n_windows, len(sizes)))
    return counted(np.random.default_rng(seed).binomial(n, rates), n)


@pytest.mark.parametrize(("ratio", "points"), [(0.8, 0.0), (1.0, 0.05), (0.9, 0.0), (1.0, 0.0)])
@pytest.mark.parametrize(("n1", "n2"), [(1, 1), (5, 40), (40, 5), (12, 12)])
def test_no_pair_of_rates_that_the_null_holds_lets_a_bet_win_on_average(ratio, points, n1, n2):
    k1, k2 = np.arange(n1 + 1.0)[:, None], np.arange(n2 + 1.0)
    for bet in ((0.1, 0.4), (0.02, 0.1), (0.5, 0.9)):
        won = np.exp(
            pair_log_e_values(
                (k1, np.array(float(n1))),
                (k2, np.array(float(n2))),
                (np.array(bet[0]), np.array(bet[1])),
                ratio=np.array(ratio),
                points=np.array(points),
            )
        )
        for q in np.linspace(0.01, 0.99, 25):
            for p in np.linspace(max(ratio * q - points, 1e-6), 1 - 1e-6, 12):
                mean = binom.pmf(k1[:, 0], n1, p) @ won @ binom.pmf(k2, n2, q)
                assert mean <= 1 + 1e-9, (bet, p, q)


def test_the_null_s_nearest_pair_is_the_one_that_a_search_finds():
    for ratio, points in ((0.8, 0.0), (1.0, 0.03)):
        n1, n2, a, b = 100.0, 400.0, 0.06, 0.1

        def far(q, n1=n1, n2=n2, a=a, b=b, ratio=ratio, points=points):
            p = ratio * q - points
            of = [n1 * (a * np.log(a / p) + (1 - a) * np.log((1 - a) / (1 - p)))]
            return of[0] + n2 * (b * np.log(b / q) + (1 - b) * np.log((1 - b) / (1 - q)))

        found = minimize_scalar(far, bounds=(points / ratio + 1e-6, 0.999), method="bounded", options={"xatol": 1e-10})
        won = pair_log_e_values(  # at the expected counts a bet wins its distance from the null
            (np.array(n1 * a), np.array(n1)),
            (np.array(n2 * b), np.array(n2)),
            (np.array(a), np.array(b)),
            ratio=np.array(ratio),
            points=np.array(points),
        )
        assert float(won) == pytest.approx(found.fun, rel=1e-6)


def test_a_bet_that_the_null_holds_wins_nothing():
    bet = np.array(0.09), np.array(0.1)
    counts = (np.array(3.0), np.array(50.0)), (np.array(30.0), np.array(300.0))
    assert pair_log_e_values(*counts, bet, ratio=np.array(0.8), points=np.array(0.0)) == 0.0


def test_parity_is_silent_and_a_group_that_falls_behind_is_named():
    sizes, rate = [200, 100, 50], 0.3
    watch = watched(sizes, [rate] * 3)
    assert watch.is_armed == (True, True, True)
    phases = np.zeros(365, dtype=np.int64)
    assert not watch.run(drawn(sizes, [rate] * 3, 365, 2), phases, Light.MATERIAL).incidents
    assert not watch.run(drawn(sizes, [0.1] * 3, 365, 3), phases, Light.MATERIAL).incidents  # all fell alike: no gap
    behind = watch.run(drawn(sizes, [rate, 0.6 * rate, rate], 60, 4), phases[:60], Light.MATERIAL)
    assert [(i.subject, i.sign) for i in behind.incidents] == [(1, -1)]
    assert behind.incidents[0].opened < 25


def test_of_a_rate_that_does_harm_where_it_is_high_the_highest_group_alarms():
    sizes = [200, 100, 50]
    watch = watched(sizes, [0.2] * 3, below=False)
    ahead = watch.run(drawn(sizes, [0.2, 0.35, 0.2], 60, 5), np.zeros(60, dtype=np.int64), Light.MATERIAL)
    assert [(i.subject, i.sign) for i in ahead.incidents] == [(1, 1)]


def test_days_that_move_all_groups_alike_are_no_dispersion_of_their_gap():
    rng, sizes = np.random.default_rng(6), [300, 200]
    n = np.broadcast_to(sizes, (60, 2))
    day = rng.beta(6, 14, (60, 1))
    subjects: list[Subject] = [gap_subject(f"rate/g={g}", name=str(g), is_worse_below=True) for g in range(2)]
    margins = [Margin(sd=0.0, points=0.01, ratio=0.8)] * 2
    watch = arm(subjects, counted(rng.binomial(n, day), n), margins=margins, allowances=ALLOWANCES, horizon=30)
    gaps = watch.baseline.gaps
    assert np.all(watch.baseline.correlation[gaps + 1] > 0.005)
    assert np.all(watch.baseline.correlation[gaps] < 0.001)
    current = counted(
        rng.binomial(np.broadcast_to(sizes, (365, 2)), rng.beta(6, 14, (365, 1))), np.broadcast_to(sizes, (365, 2))
    )
    assert not watch.run(current, np.zeros(365, dtype=np.int64), Light.MATERIAL).incidents


def test_who_is_too_few_to_be_watched_is_not_armed_and_it_says_why():
    watch = watched([300, 200, 4, 0], [0.3, 0.3, 0.3, 0.3])
    assert watch.is_armed == (True, True, False, False)
    assert watch.why_not[2].startswith("Not monitorable at this size: 30 windows would not find")
    assert watch.why_not[3] == "The reference has no row for it."


def test_a_reference_below_the_limit_alarms_only_where_it_gets_worse():
    sizes = [300, 200]
    watch = watched(sizes, [0.5, 0.3])
    edges = gap_edges(watch.baseline, watch.margins, watch.baseline.gaps)
    assert edges[0] == 0.8
    assert 0.4 < edges[1] < 0.6
    phases = np.zeros(200, dtype=np.int64)
    assert not watch.run(drawn(sizes, [0.5, 0.3], 200, 7), phases, Light.MATERIAL).incidents
    assert watch.run(drawn(sizes, [0.5, 0.15], 30, 8), phases[:30], Light.MATERIAL).incidents


def test_a_gap_within_the_points_does_not_matter_whatever_its_ratio():
    sizes = [20_000, 10_000]
    watch = watched(sizes, [0.01, 0.01])
    found = watch.run(drawn(sizes, [0.010, 0.005], 200, 9), np.zeros(200, dtype=np.int64), Light.MATERIAL)
    assert not found.incidents


def test_what_is_said_to_be_found_in_time_is_found_in_time():
    sizes, horizon = [300, 100], 30
    watch = watched(sizes, [0.3, 0.3])
    shift = watch.smallest_shifts(horizon, Light.MATERIAL)[1] * watch.baseline.sigma[watch.baseline.gaps[1]]
    rest = watch.baseline.mean[watch.baseline.gaps[1] + 1]
    n = np.broadcast_to(np.array(sizes, dtype=float), (horizon, 2))
    exact = counted(n * np.array([rest, rest - shift]), n)  # windows that show it, no more and no less
    found = watch.run(exact, np.zeros(horizon, dtype=np.int64), Light.MATERIAL).incidents
    assert [incident.subject for incident in found] == [1]
