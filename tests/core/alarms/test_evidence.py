"""An e-value is at most 1 on average while nothing moved by more than the margin, and at its edge."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.alarms.baseline import Baseline, Margin, fit_baseline
from core.alarms.evidence import SIZES, WINDOW_SIZES, log_e_values, null_edges, stakes
from core.alarms.monitors import Kind, Windows
from tests.core.alarms.series import hits, means, no_season, normal_means, shares

UP, DOWN = 0, 1
NOTHING = Margin(sd=0.0, points=0.0)
MATERIAL = Margin()
CAP = 16.0  # an alarm takes about as much: what a bet could win beyond it plays no part


def share_baseline(k: int, n: int, *, n_windows: int = 10) -> Baseline:
    """A reference whose windows all hold k hits among n rows."""
    return fit_baseline(shares(1), hits(np.full((n_windows, 1), k), n))


def expected(
    baseline: Baseline, margin: Margin, n: int, law: stats.rv_discrete, *, cap: float = math.inf
) -> np.ndarray:
    """The mean of every bet's e-value by summing a law of the hits among n rows; shape (2, n_sizes)."""
    k = np.arange(n + 1)
    k = k[law.pmf(k) > 0]
    windows = hits(k[:, None], n)
    forgetful = replace(baseline, autocorrelation=np.zeros(1))
    log_e = np.minimum(log_e_values(forgetful, windows, no_season(windows), [margin])[:, 0], cap)
    return np.exp(log_e + law.logpmf(k)[:, None, None]).sum(axis=0)


@settings(max_examples=30)
@given(
    k=st.integers(0, 4),
    n_reference=st.integers(20, 3_000),
    n=st.integers(1, 400),
    margin=st.sampled_from([NOTHING, MATERIAL, Margin(sd=0.2, points=0.05)]),
    inside=st.floats(0, 1),
)
def test_bets_on_rare_shares_win_nothing_on_average_whatever_the_window_holds(
    k: int, n_reference: int, n: int, margin: Margin, inside: float
) -> None:
    baseline = share_baseline(k, n_reference)
    assert baseline.is_exact.all()
    highest, lowest = (float(edge[0]) for edge in null_edges(baseline, [margin]))
    for rate in (highest, lowest, lowest + inside * (highest - lowest)):
        means_won = expected(baseline, margin, n, stats.binom(n, rate))
        assert (means_won <= 1 + 1e-9).all()
        if rate == highest < 1:
            assert means_won[UP] == pytest.approx(1.0)


def test_bets_on_rare_shares_are_wagers_on_each_row() -> None:
    """The likelihood ratio is the product of 1 + lambda (x - null), the form of a bettor's wealth."""
    baseline, n, k = share_baseline(2, 1_000), 60, 5
    window = hits([[k]], n)
    found = np.exp(log_e_values(baseline, window, no_season(window), [NOTHING])[0, 0])
    for sign, edge in zip((1, -1), null_edges(baseline, [NOTHING]), strict=True):
        null = float(edge[0])
        for size, value in zip(SIZES, found[UP if sign > 0 else DOWN], strict=True):
            step = size * math.sqrt(null * (1 - null))
            other = min(null + step, (1 + null) / 2) if sign > 0 else max(null - step, null / 2)
            stake = (other - null) / (null * (1 - null))
            assert value == pytest.approx((1 + stake * (1 - null)) ** k * (1 - stake * null) ** (n - k))


@pytest.mark.parametrize("rho", [0.0005, 0.002, 0.02])
@pytest.mark.parametrize("mean_hits", [0.5, 2.0, 3.5])
def test_rare_shares_whose_rate_varies_from_window_to_window_win_nothing_on_average(
    mean_hits: float, rho: float
) -> None:
    n = 1_000
    rng = np.random.default_rng(8)
    rate = mean_hits / n
    prior = 1 / rho - 1
    k = stats.betabinom(n, rate * prior, (1 - rate) * prior).rvs(60, random_state=rng)
    baseline = fit_baseline(shares(1), hits(k[:, None], n))
    baseline = replace(baseline, correlation=np.array([rho]), df=np.array([np.inf]))  # as if it were known
    assert baseline.is_exact.all()
    for edge in null_edges(baseline, [NOTHING]):
        null = float(edge[0])
        law = stats.betabinom(n, null * prior, (1 - null) * prior)
        direction = UP if null > baseline.mean[0] else DOWN
        assert (expected(baseline, NOTHING, n, law)[direction] <= 1 + 1e-6).all()


@pytest.mark.parametrize(
    ("k", "n"), [(6, 30), (5, 100), (10, 200), (10, 1_000), (100, 1_000), (300, 1_000), (50, 5_000)]
)
@pytest.mark.parametrize("margin", [NOTHING, MATERIAL])
def test_bets_on_ordinary_shares_win_next_to_nothing_on_average_at_both_edges(k: int, n: int, margin: Margin) -> None:
    """They are read from a normal law's tail. Judged by the plain deviation, a share of 1 % and 1,000 rows won
    2,000 times its stake at the margin's edge, with 5,000 rows 600 times."""
    baseline = share_baseline(k, n, n_windows=30)
    assert not baseline.is_exact.any()
    both = []
    for direction, edge in enumerate(null_edges(baseline, [margin])):
        if 0 < edge[0] < 1:
            both.append(expected(baseline, margin, n, stats.binom(n, float(edge[0])), cap=CAP)[direction])
    assert np.max(both) < 1.5
    assert np.mean(both) < 1.12


def test_bets_on_shares_whose_rate_varies_win_next_to_nothing_on_average() -> None:
    """Tempering alone lets a rate that varies by a beta law of shape 5 win 10 times a stake."""
    n, rate, rho = 1_000, 0.01, 0.002
    prior = 1 / rho - 1
    k = stats.betabinom(n, rate * prior, (1 - rate) * prior).rvs((60, 40), random_state=np.random.default_rng(2))
    assert fit_baseline(shares(40), hits(k, n)).correlation == pytest.approx(rho, rel=0.3)
    baseline = replace(share_baseline(10, n, n_windows=60), correlation=np.array([rho]))
    for direction, edge in enumerate(null_edges(baseline, [NOTHING])):
        null = float(edge[0])
        law = stats.betabinom(n, null * prior, (1 - null) * prior)
        assert expected(baseline, NOTHING, n, law, cap=CAP)[direction].max() < 1.5


def mean_won(rng: np.random.Generator, baseline: Baseline, mean: np.ndarray, n: float, margin: Margin) -> np.ndarray:
    """What each bet of one mean wins on average over monitors and windows; shape (2, n_sizes)."""
    forgetful = replace(baseline, autocorrelation=np.zeros(baseline.mean.size))
    windows = normal_means(rng, np.tile(mean, (2_000, 1)), n)
    log_e = log_e_values(forgetful, windows, no_season(windows), [margin] * len(baseline.subjects))
    return np.exp(log_e).mean(axis=(0, 1))


def test_bets_on_means_win_nothing_on_average_inside_the_margin_and_at_its_edge() -> None:
    rng = np.random.default_rng(1)
    n, n_monitors = 400.0, 40
    baseline = fit_baseline(means(n_monitors), normal_means(rng, np.zeros((30, n_monitors)), n))
    baseline = replace(baseline, correlation=np.zeros(n_monitors), df=np.full(n_monitors, np.inf))  # as is true
    highest, lowest = null_edges(baseline, [MATERIAL] * n_monitors)
    for part in (0.0, 0.3, 0.5, 1.0):
        found = mean_won(rng, baseline, part * highest + (1 - part) * lowest, n, MATERIAL)
        assert (found[:, :2] < 1.02).all()
    assert mean_won(rng, baseline, highest, n, MATERIAL)[UP, :2] == pytest.approx(1.0, abs=0.02)
    assert mean_won(rng, baseline, lowest, n, MATERIAL)[DOWN, :2] == pytest.approx(1.0, abs=0.02)


def test_what_few_reference_windows_know_of_the_dispersion_costs_what_students_law_says() -> None:
    """Over many references of 8 windows, each with a standard deviation of its own, the mean bet wins nothing.

    The reference is allowed no error here: the bet is on the window's distance from the true mean.
    """
    rng = np.random.default_rng(6)
    n_monitors = 20_000
    subjects = means(n_monitors, kind=Kind.WINDOW)
    values = rng.normal(size=(8, n_monitors))
    reference = Windows(n=np.ones_like(values), total=values, total_of_squares=values**2)
    baseline = fit_baseline(subjects, reference)
    true_mean = replace(baseline, mean=-baseline.reference_error * baseline.sigma)  # so that the null ends at 0
    x = rng.normal(size=(1, n_monitors))
    window = Windows(n=np.ones_like(x), total=x, total_of_squares=x**2)
    log_e = log_e_values(true_mean, window, no_season(window), [NOTHING] * n_monitors)
    found = np.exp(log_e[0, :, UP]).mean(axis=0)
    assert baseline.df == pytest.approx(7.0)
    assert found[:2] == pytest.approx([1.0, 1.0], abs=0.05)
    assert found[2] < 1.1
    never_doubted = log_e_values(
        replace(true_mean, df=np.full(n_monitors, np.inf)), window, no_season(window), [NOTHING] * n_monitors
    )
    assert np.exp(np.minimum(never_doubted[0, :, UP, 2], CAP)).mean() > 3


def test_a_likelihood_ratio_of_two_normal_laws_is_what_it_is_by_hand() -> None:
    """z = 4, null 1, bet on 3: e = exp(2 x 4 - (9 - 1) / 2) = exp(4), worked in standard errors of a window."""
    subject = means(1, kind=Kind.WINDOW)
    values = np.array([[-1.0], [1.0]] * 15)
    reference = Windows(n=np.ones_like(values), total=values, total_of_squares=values**2)
    baseline = replace(
        fit_baseline(subject, reference), df=np.array([np.inf]), autocorrelation=np.zeros(1), of_window=np.ones(1)
    )
    free = Margin(sd=1.0 - float(baseline.reference_error[0]), points=0.0)  # so that the null ends at 1
    window = Windows(n=np.ones((1, 1)), total=np.full((1, 1), 4.0), total_of_squares=np.full((1, 1), 16.0))
    found = np.exp(log_e_values(baseline, window, no_season(window), [free]))[0, 0, UP]
    assert found[WINDOW_SIZES.tolist().index(2.0)] == pytest.approx(54.59815, rel=1e-6)


def test_a_window_without_rows_wins_and_loses_nothing() -> None:
    baseline = fit_baseline(
        [*shares(2), *means(1)], Windows.beside([hits([[2, 300]] * 8, 1_000), hits([[3], [4]] * 4, 9)])
    )
    empty = Windows(n=np.zeros((2, 3)), total=np.zeros((2, 3)), total_of_squares=np.zeros((2, 3)))
    assert (log_e_values(baseline, empty, no_season(empty), [MATERIAL] * 3) == 0).all()


@given(k=st.lists(st.integers(0, 1_000), min_size=2, max_size=40), p=st.sampled_from([0, 3, 40, 500, 1_000]))
def test_no_window_whatever_makes_a_bet_undefined(k: list[int], p: int) -> None:
    baseline = share_baseline(p, 1_000)
    windows = hits(np.array(k)[:, None], 1_000)
    assert np.isfinite(log_e_values(baseline, windows, no_season(windows), [MATERIAL])).all()


def test_margins_are_the_larger_of_a_part_of_the_deviation_and_of_percentage_points() -> None:
    rare, common = share_baseline(20, 10_000, n_windows=10_000), share_baseline(5_000, 10_000, n_windows=10_000)
    for baseline, margin in ((rare, 0.01), (common, 0.025)):
        bare, wide = (null_edges(baseline, [m]) for m in (NOTHING, MATERIAL))
        assert wide[0] - bare[0] == pytest.approx([margin], rel=0.02)
        assert wide[1] == pytest.approx(np.maximum(bare[1] - margin, 0), abs=1e-3)


def test_a_share_that_was_never_seen_can_only_rise_and_one_that_always_was_can_only_fall() -> None:
    never, always = share_baseline(0, 1_000), share_baseline(1_000, 1_000)
    assert null_edges(never, [NOTHING])[1][0] == 0
    assert null_edges(always, [NOTHING])[0][0] == 1
    assert stakes(never)[0, DOWN].sum() == 0
    assert stakes(always)[0, UP].sum() == 0


def test_every_subjects_stakes_sum_to_one() -> None:
    baseline = fit_baseline(
        [*shares(3), *means(1)], Windows.beside([hits([[0, 1, 400]] * 8, 1_000), hits([[3], [4]] * 4, 9)])
    )
    per_subject = np.zeros(4)
    np.add.at(per_subject, baseline.subject, stakes(baseline).sum(axis=(1, 2)))
    assert per_subject == pytest.approx(1.0)


@pytest.mark.parametrize("shift", [0.0, 0.05])
def test_a_shift_within_the_margin_wins_nothing_where_windows_remember_and_differ_in_size(shift: float) -> None:
    """A small window before a large one must not make a lasting shift within the margin look like more."""
    rng = np.random.default_rng(9)
    n_monitors, n = 30, np.tile([[4_000.0], [50.0], [4_000.0], [400.0]], (10, 1))
    effects = np.zeros((40, n_monitors))
    for place in range(40):
        effects[place] = 0.6 * effects[place - 1] + 0.8 * rng.normal(0, 0.05, n_monitors)
    x = rng.normal(effects, 1 / np.sqrt(n))
    baseline = fit_baseline(means(n_monitors), Windows(n=n + 0 * x, total=n * x, total_of_squares=n * (1 + x**2)))
    assert baseline.autocorrelation[0] > 0.2
    edge = null_edges(baseline, [MATERIAL] * n_monitors)[0] if shift else baseline.mean
    flat = Windows(n=n + 0 * x, total=n * edge, total_of_squares=n * (1 + edge**2))
    log_e = log_e_values(baseline, flat, no_season(flat), [MATERIAL] * n_monitors)
    assert (log_e[:, :, UP] <= 1e-9).all()
