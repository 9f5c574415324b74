"""Phase I of a series: what is fitted is frozen, tests decide how, and few points say what they are worth."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.spc.baseline import Baseline, Dependence, Limits, baseline_chart
from core.spc.ewma import ewma_chart
from core.spc.fitting import Adjustment, Rhythm, fit_baseline
from core.spc.rules import NELSON, patterns
from core.spc.series import Series, counts, estimates, means, shares

WEEK = np.arange(84) % 7


def all_kinds(rng: np.random.Generator, n_points: int = 40) -> dict[str, Series]:
    n = rng.integers(200, 4000, size=n_points)
    values = [rng.normal(50, 9, size=size) for size in n]
    error = 1 / np.sqrt(n)
    return {
        "share": shares(rng.binomial(n, 0.2), n),
        "rare share": shares(rng.binomial(n, 0.003), n),
        "count": counts(rng.poisson(900, size=n_points)),
        "mean": means([v.mean() for v in values], n, [v.std(ddof=1) for v in values]),
        "estimate": estimates(0.8 + error * rng.normal(size=n_points), n, error),
    }


def test_limits_are_frozen_by_phase_one_whatever_comes_later() -> None:
    rng = np.random.default_rng(1)
    base = np.arange(40) < 20
    for name, series in all_kinds(rng).items():
        fitted = fit_baseline(series, base=base)
        stored = Baseline.from_dict(json.loads(json.dumps(fitted.to_dict())))
        assert stored == fitted, name
        chart = baseline_chart(stored, series)
        later = Series(
            kind=series.kind,
            value=np.where(base, series.value, series.value * 1.5),
            n=series.n,
            k=None if series.k is None else np.where(base, series.k, np.floor(series.k * 1.5)),
            spread=series.spread,
        )
        moved = baseline_chart(fit_baseline(later, base=base), later)
        np.testing.assert_allclose(moved.upper[~base], chart.upper[~base], err_msg=name)
        np.testing.assert_allclose(moved.score[:20], chart.score[:20], err_msg=name)
        assert (moved.signal[~base] != 0).mean() >= (chart.signal[~base] != 0).mean()


@pytest.mark.parametrize("kind", ["share", "rare share", "count", "mean", "estimate"])
def test_twelve_points_raise_about_as_many_false_alarms_as_limits_promise(kind: str) -> None:
    rng = np.random.default_rng(2)
    base = np.arange(52) < 12
    n_signals = n_points = 0
    for _ in range(100):
        series = all_kinds(rng, 52)[kind]
        chart = baseline_chart(fit_baseline(series, base=base), series)
        n_signals += int((chart.signal[12:] != 0).sum())
        n_points += 40
    # 0.0027 nominal; the tests that choose the limits cost a little, exact limits of rare counts are on the safe side.
    assert n_signals / n_points < 0.0075


def test_a_weekly_rhythm_is_found_and_held_against_itself() -> None:
    rng = np.random.default_rng(3)
    n = np.where(WEEK >= 5, 400, 2000)
    series = shares(rng.binomial(n, np.where(WEEK == 0, 0.35, 0.2)), n).with_seasons(WEEK, "weekday")
    base = np.arange(84) < 35
    held = fit_baseline(series, base=base)
    assert len(held.centres) == 7
    assert held.notes[0].startswith("Weekdays differ (F ")
    assert held.centres[0] == pytest.approx(0.35, abs=0.03)
    off = fit_baseline(series, base=base, adjustment=Adjustment(rhythm=Rhythm.OFF, dependence=Dependence.IGNORE))
    assert len(off.centres) == 1
    later = ~base & (WEEK == 0)
    assert not baseline_chart(held, series).signal[later].any()
    chosen = Adjustment(limits=Limits.SAMPLING, rhythm=Rhythm.OFF, dependence=Dependence.IGNORE)
    assert baseline_chart(fit_baseline(series, base=base, adjustment=chosen), series).signal[later].all()
    short = fit_baseline(series, base=np.arange(84) < 27)
    assert "can't be tested yet" in short.notes[0]
    none = fit_baseline(shares(rng.binomial(n, 0.2), n).with_seasons(WEEK, "weekday"), base=base)
    assert none.notes[0].startswith("No difference between weekdays is found")


def test_hours_that_vary_more_than_others_are_held_to_a_spread_of_their_own() -> None:
    rng = np.random.default_rng(8)
    hours = np.arange(24 * 14) % 24
    loud = (hours >= 10) & (hours <= 17)
    x = np.where(loud, 80.0, 20.0) + rng.normal(size=hours.size) * np.where(loud, 2.0, 0.3)
    series = estimates(x, np.ones(x.size), np.full(x.size, np.nan)).with_seasons(hours, "hour of the day")
    base = np.arange(hours.size) < 24 * 8
    fitted = fit_baseline(series, base=base)
    assert len(fitted.spreads) == 24
    assert fitted.notes[1].startswith("Some hours of the day vary more than others (F ")
    chart = baseline_chart(fitted, series)
    wide = (chart.upper - chart.lower)[~base]
    assert wide[loud[~base]].mean() > 4 * wide[~loud[~base]].mean()
    assert (chart.signal[~base] != 0).mean() < 0.02
    stuck = series.value.copy()
    stuck[300] = 80.0 if loud[300] else 22.0
    night = baseline_chart(fitted, replace(series, value=stuck))
    assert night.signal[300] == (0 if loud[300] else 1)


@pytest.mark.data
def test_a_daily_rhythm_with_nothing_but_noise_is_silent(shared_data: Path) -> None:
    """NAB's art_daily_small_noise by hour, its first week as phase I: rules Nelson 1 and 2, and an EWMA."""
    path = shared_data / "nab" / "data" / "artificialNoAnomaly__art_daily_small_noise.csv"
    with path.open() as file:
        values = np.array([float(row["value"]) for row in csv.DictReader(file)]).reshape(-1, 12).mean(axis=1)
    hours, base = np.arange(values.size) % 24, np.arange(values.size) < 168
    series = estimates(values, np.full(values.size, 12), np.full(values.size, np.nan))
    chart = baseline_chart(fit_baseline(series, base=base), series)
    assert np.count_nonzero(chart.signal[~base]) >= 14, "without its rhythm it signals twice a day"
    seasoned = series.with_seasons(hours, "hour of the day")
    chart = baseline_chart(fit_baseline(seasoned, base=base), seasoned)
    assert not any(found[~base].any() for found in patterns(chart.score, NELSON[:2], values=chart.statistic).values())
    assert not ewma_chart(chart.score, centre=0.0, sigma=1.0).signal[~base].any()


def correlated(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    x = np.zeros(n)
    for t in range(1, n):
        x[t] = phi * x[t - 1] + np.sqrt(1 - phi**2) * rng.normal()
    return x


def test_correlated_points_are_charted_by_what_is_new_or_by_wider_limits() -> None:
    rng = np.random.default_rng(4)
    base = np.arange(160) < 80
    rates: dict[str, list[float]] = {"ignore": [], "residuals": [], "wider": []}
    for _ in range(60):
        x = 100 + correlated(rng, 160, 0.7)
        series = estimates(x, np.full(160, 50), np.full(160, 0.1))
        for dependence, found in rates.items():
            adjustment = Adjustment(limits=Limits.INDIVIDUALS, dependence=Dependence(dependence))
            fitted = fit_baseline(series, base=base, adjustment=adjustment)
            chart = baseline_chart(fitted, series)
            found.append(float((chart.signal[80:] != 0).mean()))
    means_of = {name: float(np.mean(rate)) for name, rate in rates.items()}
    assert means_of["ignore"] > 0.05
    assert means_of["residuals"] < 0.012
    assert means_of["wider"] < 0.025


def test_the_centre_of_a_correlated_point_is_what_the_one_before_lets_expect() -> None:
    x = 10 + correlated(np.random.default_rng(5), 200, 0.8)
    series = estimates(x, np.full(200, 9), np.full(200, 1.0))
    fitted = fit_baseline(series, adjustment=Adjustment(limits=Limits.INDIVIDUALS))
    assert fitted.dependence is Dependence.RESIDUALS
    assert fitted.notes[0].startswith("Neighbouring points are correlated (0.")
    chart = baseline_chart(fitted, series)
    expected = fitted.centres[0] + fitted.phi * (x[:-1] - fitted.centres[0])
    np.testing.assert_allclose(chart.centre[1:], expected)
    inside = (x >= chart.lower) & (x <= chart.upper)
    assert (inside == (chart.signal == 0)).all()


def test_fewer_than_seven_points_arm_nothing_and_each_further_one_narrows_the_limits() -> None:
    rng = np.random.default_rng(6)
    series = counts(rng.poisson(400, size=80))
    widths = []
    for n in (5, 7, 12, 30, 80):
        fitted = fit_baseline(series, base=np.arange(80) < n)
        assert fitted.is_armed is (n >= 7)
        widths.append(fitted.width)
    assert widths == sorted(widths, reverse=True)
    assert fit_baseline(series, base=np.arange(80) < 12).worth.n_more == 33
    nothing = fit_baseline(series, base=np.zeros(80, dtype=bool))
    assert (nothing.is_armed, nothing.n_points) == (False, 0)
    assert not baseline_chart(nothing, series).signal.any()
    constant = fit_baseline(estimates(np.full(9, 2.0), np.full(9, 5), np.full(9, np.nan)))
    assert not constant.is_armed


def test_chosen_limits_overrule_the_advice_and_the_notes_say_so() -> None:
    rng = np.random.default_rng(7)
    n = np.full(60, 20_000)
    series = shares(rng.binomial(n, rng.beta(200, 800, size=60)), n)
    advised = fit_baseline(series)
    assert advised.limits is Limits.LANEY
    chosen = fit_baseline(series, adjustment=Adjustment(limits=Limits.SAMPLING))
    assert chosen.limits is Limits.SAMPLING
    assert chosen.notes[-1].endswith("The test advises Laney's limits; chosen were limits by rows alone.")
    tight, wide = (baseline_chart(each, series) for each in (chosen, advised))
    assert (tight.signal != 0).sum() > 10 > (wide.signal != 0).sum()


def test_a_share_that_never_occurred_may_yet_occur_once() -> None:
    n = np.full(30, 200)
    k = np.zeros(30)
    k[20], k[25] = 1, 9
    fitted = fit_baseline(shares(k, n), base=np.arange(30) < 12)
    assert fitted.is_exact
    assert fitted.is_armed
    chart = baseline_chart(fitted, shares(k, n))
    assert (np.flatnonzero(chart.signal)).tolist() == [25]
    assert chart.upper[20] >= 1 / 200
    assert not patterns(chart.score, NELSON)[NELSON[1]].any(), "none in a row is no run below the centre"


def test_what_fits_no_series_is_refused() -> None:
    for call in (
        lambda: shares([3], [2]),
        lambda: shares([1, 2], [3]),
        lambda: counts([-1.0]),
        lambda: means([[1.0]], 2, 1.0),
        lambda: counts([1.0, 2.0]).with_seasons([0], "weekday"),
        lambda: counts([1.0, 2.0]).with_seasons([0, -1], "weekday"),
        lambda: fit_baseline(counts([1.0, 2.0]), base=np.array([True])),
    ):
        with pytest.raises(InputError):
            call()
