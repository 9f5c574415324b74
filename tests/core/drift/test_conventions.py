"""Other monitors' numbers, to the digits they print."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from core.drift.columns import column_drift
from core.drift.conventions import (
    CONVENTIONS,
    EvidentlyDefault,
    NannymlDefault,
    drift_score,
    evidently_drifted,
    nannyml_alerts,
)
from core.drift.counted import counted_scores, doane_edges, doane_edges_of_values, nannyml_jensen_shannon
from core.drift.peers.nannyml import (
    FITTED,
    missing_share,
    reconstruction_error,
    standard_deviation_threshold,
    unseen_share,
)
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
        ("classic.psi", 2.24121260, 0.0405465108, 0.0057735353),
        ("deepchecks.cramers_v", None, 0.084292, 0.0),
        ("deepchecks.earth_mover", 0.1897206916, None, None),
        ("deepchecks.kolmogorov_smirnov", 0.3, None, None),
        ("deepchecks.psi", None, 0.0405465108, 0.000082),
        ("evidently.energy", 0.2925779541, None, None),
        ("evidently.hellinger", 0.4478260444, 0.0711607124, 0.0317837245),
        ("evidently.jensen_shannon", 0.3749030083, 0.0711293886, 0.0265207838),
        ("evidently.kolmogorov_smirnov", 0.3, None, None),
        ("evidently.kullback_leibler", 1.73545168, 0.0204109973, 0.0016413574),
        ("evidently.psi", 2.731907594, 0.0405465108, 0.0057735353),
        ("evidently.wasserstein", 0.6917814384, None, None),
        ("fiddler.psi", None, 0.040729, 0.004133),
        ("frouros.chi_square", None, 13.39285714, 2.027027027),
        ("frouros.earth_mover", 0.1997, None, None),
        ("frouros.hellinger", 0.3993696832, None, None),
        ("frouros.jensen_shannon", 0.3435688216, None, None),
        ("frouros.kolmogorov_smirnov", 0.3, None, None),
        ("frouros.kullback_leibler", 0.4311362336, None, None),
        ("frouros.psi", 155.7962918, None, None),
        ("nannyml.chi_square", None, 13.39285714, 2.027027027),
        ("nannyml.hellinger", 0.4517335657, 0.0711607124, 0.0317837245),
        ("nannyml.jensen_shannon", 0.4539567209, 0.0854351026, 0.0318547077),
        ("nannyml.kolmogorov_smirnov", 0.3, None, None),
        ("nannyml.l_infinity", None, 0.1, 0.002),
        ("nannyml.wasserstein", 0.1997, None, None),
        ("popmon.chi_square", None, 13.39285714, 2.027027027),
        ("popmon.psi", None, 0.0405450109, 0.0106882),
        ("tfdv.jensen_shannon", None, 0.007299, 0.001015),
    ],
)
def test_values_equal_what_the_monitors_print(convention, numbers, shifted, one_unseen):
    for sides, expected in ((NUMBERS, numbers), (SHIFTED, shifted), (ONE_UNSEEN, one_unseen)):
        if expected is not None:
            digits = len(f"{expected:.12f}".rstrip("0").split(".")[1])
            value = drift_score(convention, *sides).value
            assert value == pytest.approx(expected, abs=10.0**-digits, rel=1e-9)  # the last digit is cut or rounded


@pytest.mark.parametrize(
    ("convention", "sides", "p_value"),
    [
        ("evidently.chi_square", SHIFTED, 1.697424e-4),
        ("evidently.chi_square", ONE_UNSEEN, 0.0),
        ("evidently.cramer_von_mises", NUMBERS, 6.556490906e-10),
        ("evidently.epps_singleton", NUMBERS, 4.196758913e-82),
        ("evidently.kolmogorov_smirnov", NUMBERS, 6.498714826e-27),
        ("evidently.mann_whitney", NUMBERS, 1.030225678e-34),
        ("evidently.t_test", NUMBERS, 4.837549859e-39),
        ("frouros.chi_square", SHIFTED, 0.00385965544),
        ("frouros.kolmogorov_smirnov", NUMBERS, 6.498714826e-27),
        ("nannyml.chi_square", SHIFTED, 0.00385965544),
        ("nannyml.chi_square", ONE_UNSEEN, 0.7307876888),
        ("nannyml.kolmogorov_smirnov", NUMBERS, 6.498714826e-27),
        ("popmon.chi_square", SHIFTED, 0.00385965544),
    ],
)
def test_p_values_equal_what_the_monitors_print(convention, sides, p_value):
    assert drift_score(convention, *sides).p_value == pytest.approx(p_value, rel=1e-6)


def test_what_fails_in_evidently_fails_here_and_says_why():
    with pytest.raises(ValueError, match="one size only"):
        drift_score("evidently.g_test", *SHIFTED)
    with pytest.raises(ValueError, match="at most two values"):
        drift_score("evidently.z_test", *SHIFTED)
    with pytest.raises(ValueError, match="one size and at most two"):
        drift_score("evidently.fisher_exact", *SHIFTED)


def test_evidentlys_own_tests_of_eight_numbers():
    # Evidently tests/stattests/test_stattests.py
    first = np.array([38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0])
    second = np.array([39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8])
    assert drift_score("evidently.anderson_darling", first, second).p_value == pytest.approx(0.0635, abs=5e-5)
    assert drift_score("evidently.t_test", first, second).p_value == pytest.approx(0.084, abs=5e-4)
    assert drift_score("evidently.energy", first, first + 5).value == pytest.approx(1.9, abs=0.05)


def test_evidentlys_own_tests_of_seeded_samples_and_of_pairs():
    # Evidently tests/stattests/test_stattests.py
    samples = (stats.norm.rvs(size=100, random_state=seed) for seed in (0, 1))
    assert drift_score("evidently.cramer_von_mises", *samples).p_value == pytest.approx(0.8076839, abs=5e-8)
    before, after = np.repeat(list("abc"), [5, 5, 8]), np.repeat(list("abc"), [4, 6, 8])
    assert drift_score("evidently.g_test", before, after).p_value == pytest.approx(0.8176, abs=5e-5)
    before, after = np.array(list("abbaab") * 15), np.array(list("bbabba") * 15)
    assert drift_score("evidently.fisher_exact", before, after).p_value == pytest.approx(0.033, abs=1e-3)
    alike, unlike = np.array(list("aaaaaa")), np.array(list("bbbbbb"))
    assert drift_score("evidently.fisher_exact", alike, unlike).p_value == pytest.approx(0.0021, abs=1e-4)


def test_evidentlys_own_tests_of_chi_square_on_three_values():
    # Evidently tests/multitest/metrics/data_drift.py: 0 where values are new, 1 where nothing changed
    first, second = np.array([1.0, 2.0, 3.0]), np.array([5.0, 8.0, 3.0])
    assert drift_score("evidently.chi_square", first, second).p_value == 0
    assert drift_score("evidently.chi_square", first, first).p_value == 1


def test_popmons_own_tests():
    # popmon tests/popmon/analysis/comparison/test_comparisons.py, as samples
    p, q = np.repeat(list("abcd"), [85, 5, 5, 5]), np.repeat(list("abcd"), [25, 25, 25, 25])
    assert drift_score("popmon.psi", p, q).value == pytest.approx(1.69982, abs=1e-4)
    assert drift_score("popmon.kullback_leibler", q, p).value == pytest.approx(0.90105, abs=1e-4)
    assert drift_score("popmon.kullback_leibler", p, q).value == pytest.approx(0.79875, abs=1e-4)
    test = drift_score("popmon.chi_square", np.repeat(list("abd"), [1, 2, 5]), np.repeat(list("abcd"), [3, 4, 0, 2]))
    assert (test.value, test.p_value) == (pytest.approx(2.9036, abs=5e-5), pytest.approx(0.2341, abs=5e-5))


def test_deepchecks_own_tests():
    # deepchecks tests/utils/drift_test.py
    v = drift_score("deepchecks.cramers_v", np.repeat(["a", "b"], [200, 800]), np.repeat(["a", "b"], [400, 600]))
    assert v.value == pytest.approx(0.21, abs=0.01)
    apart = drift_score("deepchecks.cramers_v", np.repeat("a", 1_000), np.repeat("b", 1_000))
    assert apart.value == pytest.approx(1, abs=0.01)


def test_frouros_own_test_of_six_categories():
    # frouros tests/integration/test_data_drift.py
    test = drift_score("frouros.chi_square", np.array(list("aabaab")), np.array(list("bacccc")))
    assert (test.value, test.p_value) == (pytest.approx(6.13333333), pytest.approx(0.04657615, abs=5e-9))


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


def columns(seed: int, n: int, *, shift: float = 0.0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        rng.normal(shift, 1, n),
        rng.poisson(3 + shift, n).astype(np.float64),
        rng.integers(0, 4, n) + (rng.uniform(size=n) < shift).astype(np.float64),
        np.where(rng.uniform(size=n) < 0.1, np.nan, rng.exponential(1 + shift, n)),
        (rng.uniform(size=n) < 0.3 + shift).astype(np.float64),
        np.array(list("abcdefgh"))[rng.integers(0, 6 + 2 * (shift > 0), n)],
        np.array(["yes", "no"])[(rng.uniform(size=n) < 0.4 + shift).astype(int)],
    ]


@pytest.mark.parametrize("n_reference", [80, 1_000, 3_000])
@pytest.mark.parametrize("shift", [0.0, 0.1, 0.3])
def test_evidentlys_fast_rule_says_what_its_scores_say(n_reference, shift):
    for seed in range(12):
        sides = zip(columns(seed, n_reference), columns(seed + 100, 150, shift=shift), strict=True)
        for reference, current in sides:
            rule = EvidentlyDefault(reference)
            choice = rule.choice(current)
            score = drift_score(f"evidently.{choice.method}", reference, current)
            if choice.threshold == 0.1:
                expected = score.value >= 0.1
            else:
                is_ks = choice.method == "kolmogorov_smirnov"
                expected = score.p_value <= 0.05 if is_ks else score.p_value < 0.05
            assert rule.alarm(current) == expected


@pytest.mark.parametrize(
    ("reference", "current", "method"),
    [
        (np.arange(1_000.0), np.arange(9.0), "kolmogorov_smirnov"),
        (np.arange(1_001.0), np.arange(9.0), "wasserstein"),
        (np.resize([1.0, 2.0], 1_000), np.array([1.0]), "z_test"),
        (np.resize([1.0, 2.0], 1_000), np.array([1.0, 3.0]), "chi_square"),
        (np.resize([1.0, 2.0], 1_001), np.array([1.0, 3.0]), "jensen_shannon"),
        (np.resize([1.0, 2.0, 3.0, 4.0, 5.0], 1_001), np.array([6.0]), "wasserstein"),
        (np.resize(list("abcdefgh"), 1_000), np.array(["a"]), "chi_square"),
        (np.resize(list("ab"), 1_000), np.array(["a"]), "z_test"),
        (np.resize(list("ab"), 1_001), np.array(["a"]), "jensen_shannon"),
    ],
)
def test_evidently_chooses_by_the_references_rows_and_the_distinct_values_of_both_sides(reference, current, method):
    # Evidently tests/stattests/test_registry.py
    assert EvidentlyDefault(reference).choice(current).method == method


def test_evidentlys_wasserstein_is_scipys_for_any_sizes():
    rng = np.random.default_rng(21)
    for m, n in ((1_500, 1), (1_001, 700), (2_000, 2_500), (1_234, 77)):
        reference, current = rng.normal(size=m).round(1), rng.normal(0.2, size=n).round(1)
        rule = EvidentlyDefault(reference)
        expected = stats.wasserstein_distance(reference, current) / reference.std()
        assert rule._wasserstein(current) / rule._norm == pytest.approx(expected)


def test_a_window_without_a_value_fails_in_evidently_and_is_silent_in_nannyml():
    reference, gone = np.arange(2_000.0), np.full(5, np.nan)
    with pytest.raises(ValueError, match="without a value"):
        evidently_drifted(reference, gone)
    with pytest.raises(ValueError, match="at least one value"):
        EvidentlyDefault(gone)
    assert not NannymlDefault(list(reference.reshape(10, -1))).alarm(gone)


def test_nannymls_rule_is_its_score_above_mean_and_three_deviations_of_the_references_chunks():
    for method in FITTED:
        for column in (0, 5):
            if (method in ("kolmogorov_smirnov", "wasserstein") and column == 5) or (
                method == "l_infinity" and column == 0
            ):
                continue
            chunks = np.array_split(columns(1, 3_000)[column], 10)
            windows = np.array_split(columns(2, 900, shift=0.25)[column], 6)
            reference = np.concatenate(chunks)
            of_chunks = [drift_score(f"nannyml.{method}", reference, chunk).value for chunk in chunks]
            limit = np.mean(of_chunks) + 3 * np.std(of_chunks)
            expected = [drift_score(f"nannyml.{method}", reference, window).value > limit for window in windows]
            assert nannyml_alerts(chunks, windows, method=method).tolist() == expected


def test_codes_of_categories_may_be_given_as_numbers():
    rng = np.random.default_rng(4)
    codes = rng.integers(0, 6, 3_000)
    names = np.array(list("abcdef"))[codes]
    windows = [rng.integers(0, 6 - place, 200) for place in range(4)]
    named = [np.array(list("abcdef"))[window] for window in windows]
    as_codes = nannyml_alerts(np.split(codes, 10), windows, categorical=True)
    assert as_codes.tolist() == nannyml_alerts(np.split(names, 10), named).tolist()
    assert [evidently_drifted(codes, window, categorical=True) for window in windows] == [
        evidently_drifted(names, window) for window in named
    ]


def test_from_10_000_rows_nannyml_reads_distances_from_bins_and_counts_values_beyond_them():
    rng = np.random.default_rng(5)
    reference = rng.normal(size=12_000)
    inside, beyond = rng.normal(0.1, size=800), np.append(rng.normal(size=800), [9.0, 12.0, -8.0])
    for current in (inside, beyond):
        ks = drift_score("nannyml.kolmogorov_smirnov", reference, current).value
        assert ks == pytest.approx(stats.ks_2samp(reference, current).statistic, abs=5e-4)
        w1 = drift_score("nannyml.wasserstein", reference, current).value
        assert w1 == pytest.approx(stats.wasserstein_distance(reference, current), abs=0.03)
    assert drift_score("nannyml.kolmogorov_smirnov", reference, inside).p_value is None


@given(
    values=st.lists(st.integers(-50, 50), min_size=1, max_size=20, unique=True),
    counts=st.lists(st.integers(1, 60), min_size=20, max_size=20),
)
@settings(max_examples=60)
def test_doane_edges_of_counted_values_are_numpys_of_the_rows(values, counts):
    distinct = np.sort(np.array(values, dtype=np.float64))
    n = np.array(counts[: distinct.size])
    expected = np.histogram_bin_edges(np.repeat(distinct, n), bins="doane")
    assert doane_edges_of_values(distinct, n) == pytest.approx(expected)


def test_few_distinct_numbers_give_nannymls_distance_out_of_counts_too():
    rng = np.random.default_rng(6)
    reference, current = rng.poisson(2, 900).astype(np.float64), rng.poisson(2.5, 300).astype(np.float64)
    current = current[np.isin(current, reference) | (current > reference.max())]
    bins = fit_numeric(reference)
    assert bins.exact
    found = counted_scores(count(bins, reference), count(bins, current), bins)
    expected = drift_score("nannyml.jensen_shannon", reference, current).value
    assert found["nannyml.jensen_shannon"] == pytest.approx(expected)


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
def car_loan(shared_data: Path) -> tuple[pd.DataFrame, list[pd.DataFrame]]:
    """The reference, and the analysis in ten chunks of 5,000."""
    parts = []
    for part in ("reference", "analysis"):
        with gzip.open(shared_data / "nannyml_car_loan" / f"synthetic_car_loan_{part}.csv.gz") as file:
            parts.append(pd.read_csv(file))
    return parts[0], [parts[1].iloc[start : start + 5_000] for start in range(0, 50_000, 5_000)]


def sample(frame: pd.DataFrame, column: str) -> np.ndarray:
    """A column as NannyML's notebook treats it: repaid and y_pred are categories."""
    values = frame[column]
    is_category = column in ("repaid", "y_pred") or values.dtype.kind not in "fi"
    return values.astype(str).to_numpy(dtype=str) if is_category else values.to_numpy(dtype=np.float64)


# NannyML's documentation, example notebook of the car loan data, chunks of 5,000
PRINTED_JS = (0.031661, 0.030011, 0.031129, 0.029464, 0.030809, 0.028681, 0.043628, 0.029253, 0.030628, 0.028330)
PRINTED_KS = (0.01576, 0.01268, 0.01734, 0.01280, 0.01918, 0.00824, 0.01058, 0.01002, 0.01068, 0.00680)
PRINTED_ALERTS = {
    "car_value": 6,
    "y_pred_proba": 5,
    "salary_range": 5,
    "repaid_loan_on_prev_car": 5,
    "loan_length": 5,
    "y_pred": 2,
    "debt_to_income_ratio": 1,
    "size_of_downpayment": 0,
    "driver_tenure": 0,
}
PRINTED_RECONSTRUCTION = (1.14152, 1.13064, 1.13891, 1.14504, 1.13756, 1.24921, 1.24310, 1.25815, 1.22818, 1.25988)
# NannyML's tutorials on unseen and missing values, chunks of 41 of the Titanic data
PRINTED_TICKET = (
    0.609756,
    0.634146,
    0.731707,
    0.634146,
    0.536585,
    0.658537,
    0.756098,
    0.707317,
    0.536585,
    0.560976,
    0.625,
)
PRINTED_CABIN = (
    0.073171,
    0.219512,
    0.146341,
    0.073171,
    0.097561,
    0.073171,
    0.073171,
    0.097561,
    0.04878,
    0.195122,
    0.125,
)
PRINTED_AGE = (0.146341, 0.146341, 0.292683, 0.219512, 0.195122, 0.219512, 0.292683, 0.195122, 0.195122, 0.097561, 0.5)
FEATURES = (
    "car_value",
    "salary_range",
    "debt_to_income_ratio",
    "loan_length",
    "repaid_loan_on_prev_car",
    "size_of_downpayment",
    "driver_tenure",
)


@pytest.mark.data
def test_count_vectors_give_the_jensen_shannon_distances_that_nannyml_prints(car_loan):
    reference, chunks = (sample(car_loan[0], "debt_to_income_ratio"), car_loan[1])
    bins = fit_numeric(reference)
    before = count(bins, reference)
    values = [nannyml_jensen_shannon(before, count(bins, sample(c, "debt_to_income_ratio")), bins) for c in chunks]
    assert tuple(round(value, 6) for value in values) == PRINTED_JS


@pytest.mark.data
def test_kolmogorov_smirnov_is_to_the_digit_what_nannyml_prints_and_inside_our_bracket(car_loan):
    reference = sample(car_loan[0], "debt_to_income_ratio")
    bins = fit_numeric(reference)
    before = count(bins, reference)
    for frame, printed in zip(car_loan[1], PRINTED_KS, strict=True):
        chunk = sample(frame, "debt_to_income_ratio")
        assert round(drift_score("nannyml.kolmogorov_smirnov", reference, chunk).value, 5) == printed
        exact = stats.ks_2samp(reference, chunk).statistic
        ours = column_drift(before, count(bins, chunk), bins).measure("kolmogorov_smirnov")
        at_most = float(ours.convention.split("at most ")[1].split(";")[0])
        assert ours.value - 1e-9 <= exact <= at_most + 0.00005


@pytest.mark.data
def test_nannymls_default_alerts_on_the_chunks_and_above_the_limits_it_prints(car_loan):
    reference, chunks = car_loan
    alerts = {}
    for column in PRINTED_ALERTS:
        whole = sample(reference, column)
        parts = [whole[start : start + 5_000] for start in range(0, 50_000, 5_000)]
        alerts[column] = nannyml_alerts(parts, [sample(chunk, column) for chunk in chunks])
        if column == "debt_to_income_ratio":
            assert NannymlDefault(parts).threshold == pytest.approx(0.0393276, abs=5e-8)
            ks = NannymlDefault(parts, method="kolmogorov_smirnov")
            assert ks.threshold == pytest.approx(0.0185838, abs=5e-8)
            assert [ks.alarm(sample(chunk, column)) for chunk in chunks].index(True) == 4
            assert np.flatnonzero(alerts[column]).tolist() == [6]
    assert {column: int(alert.sum()) for column, alert in alerts.items()} == PRINTED_ALERTS


@pytest.mark.data
def test_the_reconstruction_error_is_to_the_digit_what_nannyml_prints(car_loan):
    def columns(frame: pd.DataFrame) -> dict[str, np.ndarray]:
        return {name: sample(frame, name) for name in FEATURES}

    reference, chunks = car_loan
    before = columns(reference)
    errors = reconstruction_error(before, [columns(chunk) for chunk in chunks])
    assert errors.round(5).tolist() == list(PRINTED_RECONSTRUCTION)
    parts = [columns(reference.iloc[start : start + 5_000]) for start in range(0, 50_000, 5_000)]
    low, high = standard_deviation_threshold(reconstruction_error(before, parts), low=0.0)
    assert (round(low, 5), round(high, 5)) == (1.11528, 1.15302)


@pytest.mark.data
def test_titanic_shares_and_limits_are_what_nannyml_prints(shared_data):
    # NannyML's tutorials on missing and unseen values
    folder = shared_data / "titanic_dq"
    reference, analysis = (pd.read_csv(folder / f"titanic_{part}.csv") for part in ("reference", "analysis"))
    chunks = [analysis.iloc[start : start + 41] for start in range(0, len(analysis), 41)]
    parts = [reference.iloc[start : start + 89] for start in range(0, len(reference), 89)]
    ticket = [unseen_share(*(side["Ticket"].to_numpy(dtype=object) for side in (reference, chunk))) for chunk in chunks]
    cabin = [unseen_share(*(side["Cabin"].to_numpy(dtype=object) for side in (reference, chunk))) for chunk in chunks]
    age = [missing_share(chunk["Age"].to_numpy()) for chunk in chunks]
    assert np.round(ticket, 6).tolist() == list(PRINTED_TICKET)
    assert np.round(cabin, 6).tolist() == list(PRINTED_CABIN)
    assert np.round(age, 6).tolist() == list(PRINTED_AGE)
    limits = standard_deviation_threshold([missing_share(part["Age"].to_numpy()) for part in parts], low=0.0, high=1.0)
    assert limits[1] == pytest.approx(0.374409, abs=5e-7)
    assert [share > limits[1] for share in age] == [False] * 10 + [True]
    of_cabin = [missing_share(part["Cabin"].to_numpy(dtype=object)) for part in parts]
    assert standard_deviation_threshold(of_cabin, low=0.0, high=1.0) == (pytest.approx(0.55096, abs=5e-6), 1.0)


@pytest.mark.data
def test_frouros_own_numbers_of_its_two_files(shared_data):
    # frouros tests/integration/test_data_drift.py
    folder = shared_data / "frouros"
    alike, different = (
        [file[side].dropna().to_numpy(dtype=np.float64) for side in ("ref", "test")]
        for file in (pd.read_csv(folder / f"frouros_{name}.csv") for name in ("same_dist_500", "univariate_100"))
    )
    assert drift_score("frouros.psi", *alike).value == pytest.approx(0.01840072, abs=1e-8)
    assert drift_score("frouros.hellinger", *alike).value == pytest.approx(0.04792538, abs=1e-8)
    for name, printed in (
        ("earth_mover", 3.85346006),
        ("energy", 2.11059982),
        ("hellinger", 0.74509099),
        ("jensen_shannon", 0.67010107),
        ("psi", 461.20379435),
    ):
        assert drift_score(f"frouros.{name}", *different).value == pytest.approx(printed, abs=1e-8)


@pytest.mark.data
def test_frouros_own_number_of_the_halves_of_elec2(shared_data):
    # frouros tests/integration/test_data_drift.py reads the dates as half-precision numbers
    dates = pd.read_csv(shared_data / "elec2" / "elec2_full.csv.gz", usecols=["date"])["date"].to_numpy(
        dtype=np.float16
    )
    halves = np.split(dates.astype(np.float64), 2)
    assert drift_score("frouros.kolmogorov_smirnov", *halves).value == pytest.approx(0.99576271, abs=1e-6)
