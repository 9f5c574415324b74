"""Other monitors' numbers, to the digits they print."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from core.drift.columns import column_drift
from core.drift.conventions import CONVENTIONS, drift_score
from core.drift.counted import doane_edges, nannyml_jensen_shannon
from core.errors import BinMismatchError, UnknownNameError
from core.stats.binning import NumericBins, fit_numeric

# Three inputs without randomness, run through Evidently 0.7.21 and NannyML 0.13.1 themselves.
NUMBERS = np.arange(1_000) / 1_000, 0.3 + 0.8 * (np.arange(500) / 500)
FOUR = np.repeat(list("abcd"), [500, 300, 150, 50])
SHIFTED = FOUR, np.repeat(list("abcd"), [200, 180, 90, 30])
ONE_UNSEEN = FOUR, np.repeat(list("abcde"), [250, 150, 75, 24, 1])


@pytest.mark.parametrize(
    ("convention", "numbers", "shifted", "one_unseen"),
    [
        ("evidently.psi", 2.731907594, 0.0405465108, 0.0057735353),
        ("evidently.jensen_shannon", 0.3749030083, 0.0711293886, 0.0265207838),
        ("evidently.hellinger", 0.4478260444, 0.0711607124, 0.0317837245),
        ("evidently.kullback_leibler", 1.73545168, 0.0204109973, 0.0016413574),
        ("evidently.wasserstein", 0.6917814384, None, None),
        ("evidently.kolmogorov_smirnov", 0.3, None, None),
        ("nannyml.jensen_shannon", 0.4539567209, 0.0854351026, 0.0318547077),
        ("nannyml.hellinger", 0.4517335657, 0.0711607124, 0.0317837245),
        ("nannyml.wasserstein", 0.1997, None, None),
        ("nannyml.kolmogorov_smirnov", 0.3, None, None),
        ("nannyml.l_infinity", None, 0.1, 0.002),
        ("nannyml.chi_square", None, 13.39285714, 2.027027027),
    ],
)
def test_values_equal_what_the_monitors_print(convention, numbers, shifted, one_unseen):
    for sides, expected in ((NUMBERS, numbers), (SHIFTED, shifted), (ONE_UNSEEN, one_unseen)):
        if expected is not None:
            assert drift_score(convention, *sides).value == pytest.approx(expected, rel=2e-9, abs=1e-10)


@pytest.mark.parametrize(
    ("convention", "sides", "p_value"),
    [
        ("evidently.kolmogorov_smirnov", NUMBERS, 6.498714826e-27),
        ("nannyml.kolmogorov_smirnov", NUMBERS, 6.498714826e-27),
        ("evidently.chi_square", SHIFTED, 1.697424e-4),
        ("evidently.chi_square", ONE_UNSEEN, 0.0),
        ("nannyml.chi_square", SHIFTED, 0.00385965544),
        ("nannyml.chi_square", ONE_UNSEEN, 0.7307876888),
    ],
)
def test_p_values_equal_what_the_monitors_print(convention, sides, p_value):
    assert drift_score(convention, *sides).p_value == pytest.approx(p_value, rel=1e-6)


def test_evidentlys_own_tests_of_chi_square_and_hellinger():
    # Evidently tests/stattests/test_stattests.py
    reference = np.repeat(list("123456"), [16, 18, 16, 14, 12, 12])
    current = np.repeat(list("123456"), [16, 16, 16, 16, 16, 8])
    assert drift_score("evidently.chi_square", reference, current).p_value == pytest.approx(0.67309, abs=0.00001)
    assert drift_score("evidently.hellinger", reference, current).value == pytest.approx(0.06812, abs=0.00001)


def test_evidentlys_own_test_of_psi():
    # Evidently tests/multitest/metrics/data_drift.py prints 2.93 within .01 for [3, 2, 2] against [1, 2, 3]
    psi = drift_score("evidently.psi", np.array([3.0, 2.0, 2.0]), np.array([1.0, 2.0, 3.0]))
    assert psi.value == pytest.approx(2.93, abs=0.01)


def test_nannymls_own_tests_of_l_infinity():
    # NannyML tests/drift/test_univariate_drift_methods.py prints .14 and .67
    reference = np.array(list("aabbcc"))
    assert drift_score("nannyml.l_infinity", reference, np.array(list("aabbccd"))).value == pytest.approx(1 / 7)
    assert drift_score("nannyml.l_infinity", reference, np.array(list("bbbbb"))).value == pytest.approx(2 / 3)


def test_evidentlys_chi_square_cries_wolf_because_it_takes_the_reference_as_exact():
    rng = np.random.default_rng(20)
    alarms = {"evidently.chi_square": 0, "nannyml.chi_square": 0}
    for _ in range(400):
        sides = rng.choice(list("abcd"), 500), rng.choice(list("abcd"), 500)
        for name in alarms:
            alarms[name] += drift_score(name, *sides).p_value < 0.05
    assert alarms["evidently.chi_square"] / 400 == pytest.approx(0.263, abs=0.06)
    assert alarms["nannyml.chi_square"] / 400 == pytest.approx(0.05, abs=0.03)


def test_missing_values_are_left_out():
    gappy = np.append(NUMBERS[1], [np.nan] * 50)
    named = np.array([*SHIFTED[1].tolist(), None, float("nan")], dtype=object)
    for name in ("evidently.psi", "nannyml.jensen_shannon"):
        assert drift_score(name, NUMBERS[0], gappy) == drift_score(name, *NUMBERS)
        assert drift_score(name, FOUR, named) == drift_score(name, *SHIFTED)


def test_few_distinct_numbers_are_counted_value_by_value():
    reference, current = np.repeat([1.0, 2.0, 3.0], 400), np.repeat([1.0, 2.0, 3.0], [300, 500, 100])
    words = reference.astype(str), current.astype(str)
    for name in ("evidently.psi", "evidently.jensen_shannon", "nannyml.jensen_shannon", "nannyml.hellinger"):
        assert drift_score(name, reference, current).value == pytest.approx(drift_score(name, *words).value)


@pytest.mark.parametrize("name", sorted(CONVENTIONS))
def test_every_convention_refuses_a_side_without_values(name):
    with pytest.raises(ValueError, match="at least one value"):
        drift_score(name, np.array([1.0, 2.0]), np.array([np.nan]))


def test_what_a_convention_is_not_for_is_refused():
    with pytest.raises(ValueError, match="numeric columns only"):
        drift_score("nannyml.wasserstein", *SHIFTED)
    with pytest.raises(ValueError, match="one side is numeric"):
        drift_score("nannyml.jensen_shannon", NUMBERS[0], FOUR)
    with pytest.raises(UnknownNameError, match=r"nannyml\.jensen_shannon"):
        drift_score("nannyml.jensen", *NUMBERS)


def count(bins: NumericBins, values: np.ndarray) -> np.ndarray:
    return np.bincount(bins.assign(values), minlength=bins.size)


@pytest.mark.parametrize("seed", range(12))
def test_nannymls_jensen_shannon_comes_out_of_count_vectors_exactly(seed):
    rng = np.random.default_rng(seed)
    draws = (
        lambda n: rng.normal(size=n),
        lambda n: rng.lognormal(sigma=1.5, size=n),
        lambda n: rng.gamma(2.0, 10, size=n).round(1),
        lambda n: np.where(rng.uniform(size=n) < 0.9, rng.integers(0, 21, n) * 5.0, rng.uniform(0, 100, n)),
    )
    draw = draws[seed % 4]
    reference, current = draw(3_000), 1.1 * draw(800) + 0.2
    bins = fit_numeric(reference)
    assert np.array_equal(doane_edges(bins), np.histogram_bin_edges(reference, bins="doane"))
    from_rows = drift_score("nannyml.jensen_shannon", reference, current).value
    from_counts = nannyml_jensen_shannon(count(bins, reference), count(bins, current), bins)
    assert from_counts == pytest.approx(from_rows, abs=1e-12)


def test_bins_that_dont_nest_nannymls_say_so():
    bins = fit_numeric(np.arange(40.0))
    with pytest.raises(BinMismatchError, match="too few distinct values"):
        nannyml_jensen_shannon(count(bins, np.arange(40.0)), count(bins, np.arange(9.0)), bins)


@pytest.fixture(scope="module")
def car_loan(shared_data: Path) -> tuple[np.ndarray, list[np.ndarray]]:
    """debt_to_income_ratio of the reference, and of the analysis in ten chunks of 5,000."""
    columns = []
    for part in ("reference", "analysis"):
        with gzip.open(shared_data / "nannyml_car_loan" / f"synthetic_car_loan_{part}.csv.gz") as file:
            columns.append(pd.read_csv(file, usecols=["debt_to_income_ratio"])["debt_to_income_ratio"].to_numpy())
    return columns[0], np.split(columns[1], 10)


# NannyML's documentation, example notebook of the car loan data, chunks of 5,000
PRINTED_JS = (0.031661, 0.030011, 0.031129, 0.029464, 0.030809, 0.028681, 0.043628, 0.029253, 0.030628, 0.028330)
PRINTED_KS = (0.01576, 0.01268, 0.01734, 0.01280, 0.01918, 0.00824, 0.01058, 0.01002, 0.01068, 0.00680)


@pytest.mark.data
def test_count_vectors_give_the_jensen_shannon_distances_that_nannyml_prints(car_loan):
    reference, chunks = car_loan
    bins = fit_numeric(reference)
    before = count(bins, reference)
    values = [nannyml_jensen_shannon(before, count(bins, chunk), bins) for chunk in chunks]
    assert tuple(round(value, 6) for value in values) == PRINTED_JS


@pytest.mark.data
def test_kolmogorov_smirnov_is_within_the_bins_nannyml_uses_and_inside_our_bracket(car_loan):
    reference, chunks = car_loan
    bins = fit_numeric(reference)
    before = count(bins, reference)
    for chunk, printed in zip(chunks, PRINTED_KS, strict=True):
        exact = drift_score("nannyml.kolmogorov_smirnov", reference, chunk).value
        assert exact == pytest.approx(stats.ks_2samp(reference, chunk).statistic)
        assert exact == pytest.approx(printed, abs=0.0003)
        ours = column_drift(before, count(bins, chunk), bins).measure("kolmogorov_smirnov")
        at_most = float(ours.convention.split("at most ")[1].split(";")[0])
        assert ours.value - 1e-9 <= exact <= at_most + 0.00005
