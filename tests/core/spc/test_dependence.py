"""Rhythms and correlation: found where they are, and charts that stay quiet about them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.errors import InputError
from core.spc.autocorrelation import autocorrelation_test, innovations, predicted
from core.spc.rules import NELSON, patterns
from core.spc.seasons import moderated_spread, season_test, seasonal_means
from core.spc.variables import individuals_chart

DAYS = np.arange(140) % 7
BASE = np.arange(140) < 56


def rhythm(rng: np.random.Generator, n_series: int, *, mondays: float) -> np.ndarray:
    """Noise whose Mondays lie off by so many sigma."""
    return rng.normal(size=(n_series, DAYS.size)) + np.where(DAYS == 0, mondays, 0.0)


def any_signal(x: np.ndarray, centre: np.ndarray | None, sigma: np.ndarray | None = None) -> np.ndarray:
    chart = individuals_chart(x, base=BASE, centre=centre, sigma=sigma)
    found = patterns(chart.score, NELSON[:2], values=chart.statistic)
    return np.logical_or.reduce(list(found.values()))


def test_a_weekly_rhythm_does_not_signal_every_monday() -> None:
    x = rhythm(np.random.default_rng(1), 200, mondays=6.0)
    test = season_test(x, DAYS, base=BASE)
    assert test.is_present.all()
    raw = any_signal(x, None)
    profile = seasonal_means(x, DAYS, base=BASE)[:, DAYS]
    held = any_signal(x, profile)
    mondays, later = DAYS == 0, ~BASE
    assert raw[:, later & mondays].mean() > 0.08, "though the jumps of Mondays widen the limits by moving ranges"
    assert raw[:, later & mondays].mean() > 20 * raw[:, later & ~mondays].mean()
    # Eight Mondays of phase I know their mean to a third of a sigma; without a rhythm 0.005 signal.
    assert held[:, later & mondays].mean() < 0.03
    assert held[:, later & mondays].mean() < 1.7 * held[:, later & ~mondays].mean()


def test_a_shift_is_still_seen_through_the_rhythm() -> None:
    x = rhythm(np.random.default_rng(2), 200, mondays=6.0)
    x[:, 100:] += 3.0
    profile = seasonal_means(x, DAYS, base=BASE)[:, DAYS]
    assert any_signal(x, profile)[:, 100:110].any(axis=1).mean() > 0.98


def test_no_rhythm_is_found_where_there_is_none_and_none_is_sought_in_too_short_a_phase() -> None:
    x = rhythm(np.random.default_rng(3), 3000, mondays=0.0)
    assert season_test(x, DAYS, base=BASE).is_present.mean() == pytest.approx(0.01, abs=0.006)
    short = season_test(x[0], DAYS, base=np.arange(140) < 27)
    assert (short.is_present.tolist(), math.isnan(short.p_value[0])) == ([False], True)
    assert short.why == "A rhythm can be tested once phase I holds each season 4 times."
    assert season_test(np.zeros(140), DAYS).is_present.tolist() == [False]


def test_the_test_is_scipys_one_way_analysis_of_variance() -> None:
    from scipy.stats import f_oneway

    x = rhythm(np.random.default_rng(4), 1, mondays=1.0)[0]
    x[10] = np.nan
    found = season_test(x, DAYS)
    told = np.isfinite(x)
    expected = f_oneway(*(x[told & (day == DAYS)] for day in range(7)))
    assert (found.f[0], found.p_value[0]) == pytest.approx((expected.statistic, expected.pvalue))


def test_weighted_means_of_a_season_are_its_rows_means() -> None:
    k, n = np.array([10.0, 5.0, 30.0, 1.0]), np.array([100.0, 10.0, 100.0, 40.0])
    means = seasonal_means(k / n, np.array([0, 1, 0, 1]), weight=n)
    assert means.tolist() == pytest.approx([40 / 200, 6 / 50])
    assert math.isnan(seasonal_means([1.0, 2.0], np.array([0, 1]), base=[True, False])[1])
    for season in (np.array([0, 1]), np.array([0.0] * 4), np.array([0, 1, -1, 0])):
        with pytest.raises(InputError):
            seasonal_means(k / n, season)


def autoregressive(rng: np.random.Generator, n_series: int, n: int, phi: float) -> np.ndarray:
    x = np.zeros((n_series, n))
    x[:, 0] = rng.normal(size=n_series)
    for t in range(1, n):
        x[:, t] = phi * x[:, t - 1] + np.sqrt(1 - phi**2) * rng.normal(size=n_series)
    return x


def test_correlation_is_found_again_and_tested_at_its_level() -> None:
    rng = np.random.default_rng(5)
    for phi in (0.3, 0.6):
        found = autocorrelation_test(autoregressive(rng, 4000, 60, phi))
        assert float(found.correlation.mean()) == pytest.approx(phi, abs=0.02)
    none = autocorrelation_test(rng.normal(size=(6000, 60)))
    assert none.is_present.mean() == pytest.approx(0.05, abs=0.012)
    assert (none.phi[~none.is_present] == 0).all()
    few = autocorrelation_test(rng.normal(size=11))
    assert (few.is_present.tolist(), "from 12 points" in few.why) == ([False], True)


def test_what_is_new_in_correlated_points_is_independent_and_signals_as_rarely_as_it_should() -> None:
    rng, phi = np.random.default_rng(6), 0.6
    x = autoregressive(rng, 2000, 200, phi)
    new = innovations(x, phi)
    assert abs(float((new[:, 1:] * new[:, :-1]).mean())) < 0.01
    assert float(new.std()) == pytest.approx(1.0, abs=0.01)
    base = np.arange(200) < 100
    raw = individuals_chart(x, base=base).signal[:, 100:]
    charted = individuals_chart(new, base=base).signal[:, 100:]
    assert (raw != 0).mean() > 0.03, "moving ranges take correlated points for quiet ones"
    assert (charted != 0).mean() < 0.006


def test_after_a_gap_nothing_is_predicted() -> None:
    assert predicted([2.0, np.nan, 4.0], 0.5).tolist() == [0.0, 1.0, 0.0]
    found = innovations([2.0, np.nan, 4.0, 4.0], 0.6)
    assert found[[0, 2]].tolist() == [2.0, 4.0]
    assert found[3] == pytest.approx((4.0 - 2.4) / 0.8)
    with pytest.raises(InputError):
        innovations([1.0], 1.0)


def test_moderated_spreads_are_nearer_to_the_true_ones_than_each_by_itself() -> None:
    rng, df = np.random.default_rng(7), 6
    true = np.exp(rng.normal(0, 0.5, size=24))
    raw = np.array([rng.normal(0, sd, size=df + 1).std(ddof=1) for sd in true])
    found = moderated_spread(raw**2, df=df)
    errors = [float(np.square(np.log(each / true)).mean()) for each in (found.sd, raw)]
    assert errors[0] < 0.8 * errors[1]
    alike = moderated_spread(np.full(24, 4.0), df=df)
    assert (alike.df, alike.sd[0]) == (math.inf, pytest.approx(2.0, rel=0.1))
    with pytest.raises(InputError):
        moderated_spread([1.0, 0.0], df=3)
