"""Worked examples, to the digits that their sources print.

NIST: NIST/SEMATECH e-Handbook of Statistical Methods (public domain), doi:10.18434/M32189. Montgomery:
D. C. Montgomery, Introduction to Statistical Quality Control, 7th ed. (2013).
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest

from core.spc.attributes import c_chart, np_chart, p_chart
from core.spc.cusum import cusum_chart, cusum_shift
from core.spc.dispersion import Dispersion, laney_sigma
from core.spc.ewma import ewma_chart
from core.spc.rules import NELSON, patterns
from core.spc.variables import individuals_chart, moving_range_chart, r_chart, xbar_chart

FLOW = [49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1]  # NIST 6.3.2.2
WAFERS = [
    *(16, 14, 28, 16, 12, 20, 10, 12, 10, 17, 19, 17, 14),
    *(16, 15, 13, 14, 16, 11, 20, 11, 19, 16, 31, 13),
]  # NIST 6.3.3.1
MEANS = [
    *(324.925, 324.675, 324.725, 324.350, 325.350, 325.225, 324.125, 324.525, 325.225, 324.600),
    *(324.625, 325.150, 328.325, 327.250, 327.825, 328.500, 326.675, 327.775, 326.875, 328.350),
]  # NIST 6.3.2.3
EWMA_X = [
    *(52.0, 47.0, 53.0, 49.3, 50.1, 47.0, 51.0, 50.1, 51.2, 50.5),
    *(49.6, 47.6, 49.9, 51.3, 47.8, 51.2, 52.6, 52.4, 53.6, 52.1),
]  # NIST 6.3.2.4
EWMA_PRINTED = [
    *(50.60, 49.52, 50.56, 50.18, 50.16, 49.21, 49.75, 49.85, 50.26, 50.33),
    *(50.11, 49.36, 49.52, 50.05, 49.38, 49.92, 50.73, 51.23, 51.94, 51.99),
]
SHIFTED = [
    *(9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.20, 10.34, 9.03, 11.47, 10.51, 9.40, 10.08),
    *(9.37, 10.62, 10.31, 8.52, 10.84, 10.90, 9.33, 12.29, 11.50, 10.60, 11.08, 10.38, 11.62, 11.31, 10.52),
]  # Montgomery, table 9.1
C_PLUS = [
    *(0, 0, 0, 1.16, 2.82, 2.50, 0.04, 1.00, 0, 0, 0, 0.97, 0.98, 0, 0, 0, 0.12, 0, 0, 0.34, 0.74, 0),
    *(1.79, 2.79, 2.89, 3.47, 3.35, 4.47, 5.28, 5.30),
]  # Montgomery, table 9.2
LANEY = (1010, 950, 1080, 1200, 990, 1105, 930, 1020)  # of 10,000 each


def test_individuals_and_moving_ranges_of_nist() -> None:
    chart, ranges = individuals_chart(FLOW), moving_range_chart(FLOW)
    assert round(float(chart.centre[0]), 2) == 50.81
    assert round(float(ranges.centre[1]), 4) == 1.8778
    assert [round(float(end[0]), 4) for end in (chart.upper, chart.lower)] == [55.8041, 45.8159]
    assert round(float(ranges.upper[1]), 4) == 6.1347
    assert chart.n_signals == ranges.n_signals == 0
    assert math.isnan(ranges.statistic[0])


def test_cusum_of_nist() -> None:
    chart = cusum_chart(MEANS, centre=325.0, sigma=0.635, allowance=0.5, interval=4.1959 / 0.635)
    high, low = 0.635 * chart.statistic, -0.635 * chart.low_statistic
    printed = {5: 0.03, 13: 3.01, 14: 4.94, 15: 7.45, 16: 10.63, 17: 11.99, 18: 14.44, 19: 16.00, 20: 19.04}
    for place in range(1, 21):
        # NIST prints two decimals of exact halves now and then rounded down: half a unit more is allowed.
        assert high[place - 1] == pytest.approx(printed.get(place, 0.0 if place < 13 else None), abs=0.0051)
    below = {2: 0.01, 4: 0.33, 7: 0.56, 8: 0.72, 9: 0.17, 10: 0.25, 11: 0.31}
    for place, value in below.items():
        assert low[place - 1] == pytest.approx(value, abs=0.0051)
    assert (np.flatnonzero(chart.signal) + 1).tolist() == list(range(14, 21))
    assert set(chart.signal.tolist()) == {0, 1}


def test_ewma_of_nist() -> None:
    chart = ewma_chart(EWMA_X, smoothing=0.3, width=3.0, centre=50.0, sigma=2.0539, time_varying=False)
    assert chart.statistic.round(2).tolist() == EWMA_PRINTED
    # Printed as 52.5884 and 47.4115: cut after the fourth decimal, not rounded.
    assert [math.floor(float(end[0]) * 1e4) / 1e4 for end in (chart.upper, chart.lower)] == [52.5884, 47.4115]
    assert chart.n_signals == 0


def test_counts_of_nist_where_the_third_wafer_lies_on_the_limit() -> None:
    chart = c_chart(WAFERS)
    assert sum(WAFERS) == 400
    assert (chart.centre[0], chart.upper[0], chart.lower[0]) == (16.0, 28.0, 4.0)
    assert (WAFERS[2], chart.signal[2]) == (28, 0)
    assert (np.flatnonzero(chart.signal) + 1).tolist() == [24]


def test_cusum_of_montgomery_finds_the_shift_and_dates_it() -> None:
    chart = cusum_chart(SHIFTED, centre=10.0, sigma=1.0, allowance=0.5, interval=5.0)
    assert chart.statistic.round(2).tolist() == pytest.approx(C_PLUS, abs=1e-9)
    assert float(-chart.low_statistic.min()) <= 1.77 + 0.005
    assert (np.flatnonzero(chart.signal) + 1).tolist() == [29, 30]
    found = cusum_shift(chart, allowance=0.5)
    assert (found.first + 1, round(10 + found.shift, 2)) == (23, 11.25)


def test_ewma_of_the_same_series() -> None:
    chart = ewma_chart(SHIFTED, smoothing=0.1, width=2.7, centre=10.0, sigma=1.0, time_varying=False)
    assert [round(float(end[0]), 4) for end in (chart.lower, chart.upper)] == [9.3806, 10.6194]
    assert (np.flatnonzero(chart.signal) + 1).tolist() == [29, 30]
    assert chart.statistic[28:].round(4).tolist() == [10.6468, 10.6341]


HARD_BAKE = """
1.3235 1.4128 1.6744 1.4573 1.6914  1.4314 1.3592 1.6075 1.4666 1.6109  1.4284 1.4871 1.4932 1.4324 1.5674
1.5028 1.6352 1.3841 1.2831 1.5507  1.5604 1.2735 1.5265 1.4363 1.6441  1.5955 1.5451 1.3574 1.3281 1.4198
1.6274 1.5064 1.8366 1.4177 1.5144  1.4190 1.4303 1.6637 1.6067 1.5519  1.3884 1.7277 1.5355 1.5176 1.3688
1.4039 1.6697 1.5089 1.4627 1.5220  1.4158 1.7667 1.4278 1.5928 1.4181  1.5821 1.3355 1.5777 1.3908 1.7559
1.2856 1.4106 1.4447 1.6398 1.1928  1.4951 1.4036 1.5893 1.6458 1.4969  1.3589 1.2863 1.5996 1.2497 1.5471
1.5747 1.5301 1.5171 1.1839 1.8662  1.3680 1.7269 1.3957 1.5014 1.4449  1.4163 1.3864 1.3057 1.6210 1.5573
1.5796 1.4185 1.6541 1.5116 1.7247  1.7106 1.4412 1.2361 1.3820 1.7601  1.4371 1.5051 1.3485 1.5670 1.4880
1.4738 1.5936 1.6583 1.4973 1.4720  1.5917 1.4333 1.5551 1.5295 1.6866  1.6399 1.5243 1.5705 1.5563 1.5530
1.5797 1.3663 1.6240 1.3732 1.6887
"""  # Montgomery, table 6.1: 25 samples of 5 wafers


def test_means_and_ranges_of_montgomerys_hard_bake() -> None:
    samples = np.array(HARD_BAKE.split(), dtype=float).reshape(25, 5)
    means, ranges = samples.mean(axis=1), np.ptp(samples, axis=1)
    chart, spread = xbar_chart(means, 5, ranges=ranges), r_chart(ranges, 5)
    assert round(float(chart.centre[0]), 4) == 1.5056
    assert round(float(spread.centre[0]), 5) == 0.32521
    assert [round(float(end[0]), 3) for end in (chart.upper, chart.lower)] == [1.693, 1.318]
    assert round(float(spread.upper[0]), 4) == 0.6875
    assert spread.lower[0] == 0.0
    assert not any(found.any() for found in patterns(chart.score, NELSON, values=chart.statistic).values())


def test_shares_and_counts_of_montgomery() -> None:
    chart = p_chart([10], [50], centre=0.20)
    assert (round(float(chart.lower[0]), 4), round(float(chart.upper[0]), 4)) == (0.0303, 0.3697)
    assert c_chart([2], centre=2.0).lower[0] == 0.0
    cans = p_chart([347], [1500], base=[True], centre=347 / 1500)  # orange juice: 30 samples of 50
    assert float(p_chart([12], [50], centre=347 / 1500).upper[0]) == pytest.approx(0.4102391, abs=5e-8)
    assert np_chart([12], [50], centre=0.2).upper[0] == pytest.approx(50 * chart.upper[0])
    assert cans.signal.tolist() == [0]


def test_laneys_sigma_z_is_the_one_that_minitabs_formula_gives() -> None:
    plain = p_chart(LANEY, [10_000] * 8)
    assert float(plain.centre[0]) == pytest.approx(0.1035625, abs=1e-15)
    assert (plain.lower[0], plain.upper[0]) == pytest.approx((0.0944217, 0.1127033), abs=1e-7)
    assert float(laney_sigma(plain.score)[0]) == pytest.approx(3.7408827727, abs=1e-10)
    wide = p_chart(LANEY, [10_000] * 8, dispersion=Dispersion.LANEY)
    assert (wide.lower[0], wide.upper[0]) == pytest.approx((0.0693680, 0.1377570), abs=1e-7)
    assert (plain.n_signals, wide.n_signals) == (2, 0)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "column", "typed"),
    [
        ("nist_6322_individuals", "x", FLOW),
        ("nist_6323_cusum", "x", MEANS),
        ("nist_6324_ewma", "x", EWMA_X),
        ("nist_6324_ewma", "ewma_published", EWMA_PRINTED),
        ("nist_6331_c_chart", "defects", WAFERS),
        ("montgomery_9_1_cusum", "x", SHIFTED),
        ("montgomery_9_1_cusum", "c_plus_published", C_PLUS),
    ],
)
def test_what_is_typed_here_is_what_the_files_hold(
    shared_data: Path, name: str, column: str, typed: list[float]
) -> None:
    with (shared_data / "spc" / f"{name}.csv").open() as file:
        assert [float(row[column]) for row in csv.DictReader(file)] == pytest.approx(typed, abs=1e-12)
