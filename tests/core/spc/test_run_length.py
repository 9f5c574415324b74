"""Run lengths against the published tables, cell by cell, and against simulation."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from core.errors import InputError
from core.spc.autocorrelation import autoregressive_width
from core.spc.cusum import cusum_chart
from core.spc.ewma import ewma_chart
from core.spc.rules import NELSON, WESTERN_ELECTRIC, Rule
from core.spc.run_length import (
    autoregressive_run_length,
    cusum_run_length,
    ewma_run_length,
    shewhart_run_length,
)
from core.spc.simulation import simulated_run_length
from core.spc.zones import zones_run_length

W1, W2, W3, W4 = WESTERN_ELECTRIC
ONE_AND = {
    "rule1_3sigma": (W1,),
    "rule1_plus_2of3": (W1, W2),
    "rule1_plus_4of5": (W1, W3),
    "rule1_plus_8same_side": (W1, W4),
}


def cells(shared_data: Path, name: str, column: str) -> list[tuple[float, str]]:
    """(shift, printed value) of a column."""
    with (shared_data / "spc" / "arl" / f"{name}.csv").open() as file:
        return [(float(row["shift_sigma"]), row[column]) for row in csv.DictReader(file)]


def as_printed(value: float, printed: str) -> str:
    """The value to as many digits as are printed; three significant ones where only these are."""
    if "." not in printed:
        return f"{value:.0f}"
    return f"{value:.{len(printed.split('.')[1])}f}"


def held(found: dict[float, float], table: list[tuple[float, str]], *, denied: dict[float, str] = {}) -> None:  # noqa: B006
    """Every cell agrees to its printed digits; those that exact computation denies are pinned with our value."""
    for shift, printed in table:
        expected = denied.get(shift, printed)
        assert as_printed(found[shift], expected) == expected, shift
    assert set(denied) <= set(found)
    assert all(as_printed(found[shift], dict(table)[shift]) != dict(table)[shift] for shift in denied)


@pytest.mark.data
@pytest.mark.parametrize("column", ONE_AND)
def test_western_electric_rules_of_champ_and_woodall(shared_data: Path, column: str) -> None:
    table = cells(shared_data, "champ_woodall_1987", column)
    held({shift: zones_run_length(ONE_AND[column], mean=shift) for shift, _ in table}, table)


@pytest.mark.data
@pytest.mark.parametrize(
    ("column", "smoothing", "denied"),
    [("lam0.5", 0.5, {1.25: "3.59", 2.00: "1.95"}), ("lam0.05", 0.05, {})],  # 3.95 for 3.59 is a slip of the pen
)
def test_ewma_of_crowder(shared_data: Path, column: str, smoothing: float, denied: dict[float, str]) -> None:
    table = cells(shared_data, "crowder_1987_ewma_L2", column)
    found = {shift: ewma_run_length(smoothing=smoothing, width=2.0, mean=shift) for shift, _ in table}
    held(found, table, denied=denied)


@pytest.mark.data
@pytest.mark.parametrize(
    ("column", "headstart", "denied"),
    [("two_sided", 0.0, {}), ("two_sided_FIR_headstart_h_over_2", 2.0, {3.0: "1.33"})],
)
def test_cusum_of_lucas_and_crosier(shared_data: Path, column: str, headstart: float, denied: dict[float, str]) -> None:
    table = cells(shared_data, "lucas_crosier_1982_cusum_k0.5_h4", column)
    found = {
        shift: cusum_run_length(allowance=0.5, interval=4.0, headstart=headstart, mean=shift) for shift, _ in table
    }
    held(found, table, denied=denied)


@pytest.mark.data
@pytest.mark.parametrize(("smoothing", "width"), [(0.5, 3.071), (0.03, 2.437)])
def test_ewma_of_lucas_and_saccucci(shared_data: Path, smoothing: float, width: float) -> None:
    table = cells(shared_data, "lucas_saccucci_1990_ewma", f"zero_state_lam{smoothing}_L{width}")
    held({shift: ewma_run_length(smoothing=smoothing, width=width, mean=shift) for shift, _ in table}, table)
    steady = cells(shared_data, "lucas_saccucci_1990_ewma", f"steady_state_lam{smoothing}")
    for shift, printed in steady:
        ours = ewma_run_length(smoothing=smoothing, width=width, mean=shift, state="steady")
        assert ours == pytest.approx(float(printed), rel=0.01), shift


@pytest.mark.data
def test_ewma_of_steiner_with_fixed_limits(shared_data: Path) -> None:
    table = cells(shared_data, "steiner_1999_ewma_lam0.05_L3", "fixed_limits")
    table = [(shift, printed.removesuffix(".0") if shift < 0.5 else printed) for shift, printed in table]
    found = {shift: ewma_run_length(smoothing=0.05, width=3.0, mean=shift) for shift, _ in table}
    held(found, table, denied={0.25: "134", 0.5: "37.3"})


@pytest.mark.data
def test_ewma_of_steiner_with_limits_that_vary(shared_data: Path) -> None:
    """Printed values came of a coarse chain: from 0.75 on, exact ones differ by more than 1%, and simulation agrees."""
    table = cells(shared_data, "steiner_1999_ewma_lam0.05_L3", "time_varying_limits")
    ours = {s: ewma_run_length(smoothing=0.05, width=3.0, mean=s, time_varying=True) for s, _ in table}
    near = [s for s, printed in table if abs(ours[s] / float(printed) - 1) <= 0.01]
    assert near == [0.0, 0.25, 0.5, 3.0]
    pinned = [15.34, 9.24, 4.63, 2.91, 2.08, 1.33, 1.16]
    assert [round(ours[s], 2) for s, _ in table if s not in near] == pinned


@pytest.mark.data
def test_one_sided_cusum_of_vance(shared_data: Path) -> None:
    table = cells(shared_data, "vance_1986_cusum_one_sided_k0_h10", "arl")
    found = {s: cusum_run_length(allowance=0.0, interval=10.0, mean=s, sides="one") for s, _ in table}
    held(found, table, denied={-0.25: "2071.57"})


@pytest.mark.data
def test_means_of_n_values(shared_data: Path) -> None:
    with (shared_data / "spc" / "arl" / "qcc_occurves_xbar.csv").open() as file:
        for row in csv.DictReader(file):
            length = shewhart_run_length(mean=float(row["shift_sigma"]) * float(row["n"]) ** 0.5)
            assert f"{length:.0f}" == row["arl_rounded"]
            assert f"{1 - 1 / length:.4f}" == row["beta"]


def test_what_other_sources_print() -> None:
    # Brook and Evans (1972) print 117.59 for 117.60, by a chain of 100 states; SAS/QC 4.1500 and 11.154267016.
    one = {"allowance": 0.5, "interval": 3.0, "sides": "one"}
    assert round(cusum_run_length(**one), 2) == 117.60
    assert round(cusum_run_length(mean=1.5, **one), 2) == 3.75
    assert round(cusum_run_length(allowance=0.25, interval=8.0, mean=2.5, sides="one"), 5) == 4.15008
    assert round(cusum_run_length(allowance=0.25, interval=8.0, mean=2.5, headstart=0.1, sides="one"), 5) == 4.10616
    assert round(ewma_run_length(smoothing=0.25, width=3.0, mean=1.0), 9) == 11.154267016
    shifts = (0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 4)
    five = [f"{cusum_run_length(allowance=0.5, interval=5.0, mean=s):.4g}" for s in shifts]
    assert five == ["465.4", "139.5", "38", "17.05", "10.38", "5.747", "4.009", "3.114", "2.573", "2.013"]
    fast = [f"{cusum_run_length(allowance=0.5, interval=5.0, mean=s, headstart=2.5):.3g}" for s in shifts]
    assert fast == ["430", "122", "28.7", "11.2", "6.35", "3.37", "2.36", "1.86", "1.54", "1.16"]


def test_the_textbooks_design_table_for_a_run_length_of_500() -> None:
    table = {
        (0.4, 3.054): (500, 223.7, 71.2, 14.3, 3.5, 2.0),
        (0.25, 2.998): (500, 170.3, 48.3, 11.1, 3.6, 2.3),
        (0.2, 2.962): (500, 150.2, 41.8, 10.5, 3.7, 2.4),
        (0.1, 2.814): (500, 106.3, 31.3, 10.3, 4.4, 2.9),
        (0.05, 2.615): (500, 84.0, 28.8, 11.4, 5.2, 3.5),
    }  # Montgomery (2013), table 9.11
    for (smoothing, width), lengths in table.items():
        found = [ewma_run_length(smoothing=smoothing, width=width, mean=s) for s in (0, 0.25, 0.5, 1, 2, 3)]
        assert round(found[0]) == lengths[0]
        assert [round(value, 1) for value in found[1:]] == list(lengths[1:])


def test_nelsons_rules_one_by_one_and_together() -> None:
    exact = {2: 511.0, 5: 510.7, 6: 291.3, 7: 963.3, 8: 14342.3}
    assert {rule.number: round(zones_run_length([rule]), 1) for rule in NELSON if rule.number in exact} == exact
    assert round(zones_run_length(NELSON[:2]), 1) == 216.7
    assert round(zones_run_length(WESTERN_ELECTRIC), 2) == 91.75  # Champ and Woodall, all four
    together = simulated_run_length(NELSON, rng=np.random.default_rng(5), n_runs=40_000)
    assert together.value == pytest.approx(73.9, rel=0.01)
    trend = simulated_run_length([Rule.NELSON_3], rng=np.random.default_rng(6), n_runs=20_000)
    assert trend.value == pytest.approx(422, rel=0.02)


@pytest.mark.parametrize(
    "rules", [(W1, W2, W3, W4), (NELSON[0], NELSON[6], NELSON[7]), (NELSON[4], NELSON[5], NELSON[7])]
)
@pytest.mark.parametrize(("mean", "sd"), [(0.0, 1.0), (0.7, 1.3)])
def test_the_chain_agrees_with_simulated_charts(rules: tuple[Rule, ...], mean: float, sd: float) -> None:
    exact = zones_run_length(rules, mean=mean, sd=sd)
    found = simulated_run_length(rules, mean=mean, sd=sd, rng=np.random.default_rng(7), n_runs=10_000)
    assert abs(found.value - exact) < 3.5 * found.standard_error
    assert found.n_unended == 0


def first_signals(chart_of, *, mean: float, n_runs: int, rng: np.random.Generator, n_points: int) -> np.ndarray:
    """Run lengths of charts drawn over simulated scores; every run must end."""
    signal = chart_of(rng.normal(mean, 1.0, size=(n_runs, n_points))).signal != 0
    assert signal.any(axis=1).all()
    return signal.argmax(axis=1) + 1


def test_charts_signal_as_often_and_as_late_as_the_equations_say() -> None:
    rng = np.random.default_rng(8)

    def ewma(x: np.ndarray):
        return ewma_chart(x, smoothing=0.05, width=3.0, centre=0.0, sigma=1.0)

    def cusum(x: np.ndarray):
        return cusum_chart(x, allowance=0.5, interval=4.0, headstart=2.0, centre=0.0, sigma=1.0)

    for mean, n_points in ((1.0, 60), (2.0, 20)):
        lengths = first_signals(ewma, mean=mean, n_runs=30_000, rng=rng, n_points=n_points)
        exact = ewma_run_length(smoothing=0.05, width=3.0, mean=mean, time_varying=True)
        assert lengths.mean() == pytest.approx(exact, rel=0.01)
        lengths = first_signals(cusum, mean=mean, n_runs=30_000, rng=rng, n_points=n_points)
        exact = cusum_run_length(allowance=0.5, interval=4.0, headstart=2.0, mean=mean)
        assert lengths.mean() == pytest.approx(exact, rel=0.01)


def test_a_chart_that_has_long_been_running_is_as_late_as_the_steady_state_says() -> None:
    rng = np.random.default_rng(9)
    z = np.zeros(60_000)
    limit = 3.071 * np.sqrt(0.5 / 1.5)
    for _ in range(40):  # begun anew at 0 after each false alarm
        z = 0.5 * z + 0.5 * rng.normal(size=z.size)
        z = np.where(np.abs(z) > limit, 0.0, z)
    total, n_runs = 0, z.size
    while z.size:
        total += z.size
        z = 0.5 * z + 0.5 * rng.normal(1.0, size=z.size)
        z = z[np.abs(z) <= limit]
    exact = ewma_run_length(smoothing=0.5, width=3.071, mean=1.0, state="steady")
    assert total / n_runs == pytest.approx(exact, rel=0.01)


def test_limits_about_correlated_points_keep_the_run_length_that_is_asked_for() -> None:
    rng, phi = np.random.default_rng(10), 0.6
    width = autoregressive_width(phi, run_length=100.0)
    assert autoregressive_run_length(phi=phi, width=width) == pytest.approx(100.0, rel=1e-6)
    x = rng.normal(size=40_000)
    total, n_runs = 0, x.size
    while x.size:
        total += x.size
        x = x[np.abs(x) <= width]
        x = phi * x + np.sqrt(1 - phi**2) * rng.normal(size=x.size)
    assert total / n_runs == pytest.approx(100.0, rel=0.015)


def test_what_is_no_chart_is_refused() -> None:
    for call in (
        lambda: cusum_run_length(allowance=-0.1, interval=4.0),
        lambda: cusum_run_length(allowance=0.5, interval=4.0, headstart=4.0),
        lambda: ewma_run_length(smoothing=0.0, width=3.0),
        lambda: ewma_run_length(smoothing=0.2, width=0.0),
        lambda: autoregressive_run_length(phi=1.0, width=3.0),
        lambda: zones_run_length([Rule.NELSON_3]),
        lambda: zones_run_length([Rule.NELSON_1], width=2.0),
        lambda: simulated_run_length([], rng=np.random.default_rng(1)),
    ):
        with pytest.raises(InputError):
            call()
    assert zones_run_length([]) == float("inf")
