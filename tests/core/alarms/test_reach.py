"""The smallest shift that is promised is found about every second time, no sooner and no later."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from core.alarms.baseline import Baseline, Margin, fit_baseline
from core.alarms.detector import detect
from core.alarms.evidence import STAKES, log_e_values, null_edges, stakes
from core.alarms.monitors import Windows
from core.alarms.reach import smallest_shifts
from tests.core.alarms.series import hits, means, no_season, normal_means, shares

NOTHING = Margin(sd=0.0, points=0.0)
A_YEAR = 365.0


def exactly(n: float, stake: float) -> Baseline:
    """One mean with rows of variance 1, known without error but for 0.022 sd."""
    rng = np.random.default_rng(0)
    baseline = fit_baseline(means(1), normal_means(rng, np.zeros((30, 1)), n))
    quantile = float(baseline.quantile[0])
    known = replace(
        baseline, correlation=np.zeros(1), df=np.full(1, np.inf), weights=np.array([stake / (STAKES.max() / 2)])
    )
    return replace(known, n=(known.quantile / 0.022) ** 2) if quantile else known


@pytest.mark.parametrize(("horizon", "by_formula"), [(1, 0.18), (7, 0.08), (30, 0.05)])
def test_of_thirty_columns_with_a_thousand_rows_a_day_the_promise_is_the_closed_form(
    horizon: int, by_formula: float
) -> None:
    """d0 + sqrt(2 log(F A / w) / (n H)), if there were a bet of just that size; ours are of four sizes."""
    baseline = exactly(1_000.0, stake=0.05)
    baseline = replace(baseline, kinds=np.zeros(1, dtype=np.int64))  # location: bets of .05, .1, .2, .4
    closed = 0.022 + math.sqrt(2 * math.log(30 * 365 / 0.05) / (1_000 * horizon))
    assert closed == pytest.approx(by_formula, abs=0.005)
    found = float(smallest_shifts(baseline, [NOTHING], allowance=A_YEAR, n_subjects=30, horizon=horizon)[0])
    assert closed <= found < 1.12 * closed


def share_found(baseline: Baseline, draw: object, *, horizon: int, n_streams: int, margin: Margin) -> float:
    """In which share of streams does the subject alarm within the horizon? `draw` gives a stream's windows."""
    n_found = 0
    for _ in range(n_streams):
        windows = draw()
        log_e = log_e_values(baseline, windows, no_season(windows), [margin])
        found = detect(log_e, subject=baseline.subject, stakes=stakes(baseline), is_armed=[True], allowance=A_YEAR)
        n_found += bool(found.incidents)
    return n_found / n_streams


@pytest.mark.parametrize("horizon", [1, 7, 30])
@pytest.mark.parametrize("n_reference", [8, 30])
def test_a_shift_of_the_promised_size_of_a_mean_is_found_in_time_about_every_second_time(
    horizon: int, n_reference: int
) -> None:
    rng = np.random.default_rng(horizon)
    baseline = fit_baseline(means(1), normal_means(rng, rng.normal(0, 0.05, (n_reference, 1)), 500.0))
    (promised,) = smallest_shifts(baseline, [NOTHING], allowance=A_YEAR, n_subjects=1, horizon=horizon)
    spread = np.sqrt(baseline.dispersion(np.full(1, 500.0)))
    level = baseline.mean + promised * baseline.sigma

    def draw() -> Windows:
        x = rng.normal(level, baseline.sigma * spread / np.sqrt(500), size=(horizon, 1))
        return Windows(n=np.full(x.shape, 500.0), total=500 * x, total_of_squares=500 * (1 + x**2))

    found = share_found(baseline, draw, horizon=horizon, n_streams=150, margin=NOTHING)
    assert 0.35 < found < 0.75


@pytest.mark.parametrize(("k", "horizon"), [(1, 1), (1, 7), (40, 7), (40, 30)])
@pytest.mark.parametrize("margin", [NOTHING, Margin()])
def test_a_rise_of_the_promised_size_of_a_share_is_found_in_time_about_every_second_time(
    k: int, horizon: int, margin: Margin
) -> None:
    n = 1_000
    rng = np.random.default_rng(horizon)
    baseline = fit_baseline(shares(1), hits(np.full((30, 1), k), n))
    assert baseline.is_exact[0] == (k == 1)
    (promised,) = smallest_shifts(baseline, [margin], allowance=A_YEAR, n_subjects=1, horizon=horizon)
    unit = float(baseline.sigma[0])
    if k == 1:
        edge = float(null_edges(baseline, [margin])[0][0])
        unit = math.sqrt(edge * (1 - edge))
    rate = float(baseline.mean[0]) + promised * unit
    draw = lambda: hits(rng.binomial(n, rate, size=(horizon, 1)), n)  # noqa: E731
    found = share_found(baseline, draw, horizon=horizon, n_streams=150, margin=margin)
    assert 0.3 < found < 0.9


@pytest.mark.parametrize("k", [0, 3, 40, 400])
def test_of_a_share_and_of_what_it_leaves_the_same_is_promised(k: int) -> None:
    n = 1_000

    def promised(hit: int) -> float:
        baseline = fit_baseline(shares(1), hits(np.full((30, 1), hit), n))
        return float(smallest_shifts(baseline, [NOTHING], allowance=A_YEAR, n_subjects=1, horizon=7)[0])

    assert math.isfinite(promised(k))
    assert promised(n - k) == pytest.approx(promised(k), rel=1e-6)


def test_more_rows_a_longer_horizon_and_a_larger_budget_promise_more() -> None:
    rng = np.random.default_rng(1)
    small, large = (fit_baseline(means(1), normal_means(rng, np.zeros((30, 1)), n)) for n in (100.0, 10_000.0))

    def promise(baseline: Baseline, *, allowance: float = A_YEAR, horizon: int = 7, margin: Margin = NOTHING) -> float:
        return float(smallest_shifts(baseline, [margin], allowance=allowance, n_subjects=5, horizon=horizon)[0])

    assert promise(large) < promise(small)
    assert promise(small, horizon=30) < promise(small)
    assert promise(small, allowance=30.0) < promise(small)
    assert promise(small, margin=Margin()) == pytest.approx(promise(small) + 0.05, abs=0.002)


def test_without_rows_nothing_is_promised() -> None:
    windows = Windows(n=np.zeros((8, 1)), total=np.zeros((8, 1)), total_of_squares=np.zeros((8, 1)))
    baseline = fit_baseline(shares(1), windows)
    assert np.isinf(smallest_shifts(baseline, [NOTHING], allowance=A_YEAR, n_subjects=1, horizon=30)).all()
