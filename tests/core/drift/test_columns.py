"""A column's drift: numbers that hold, edge cases that end in a status, and words that say what moved."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from core.drift.columns import ColumnDrift, column_drift, column_drifts
from core.drift.distances import kolmogorov_smirnov_measure
from core.drift.divergences import observed_psi_measure
from core.drift.shares import bin_shares, comparison_bins, moved
from core.errors import BinMismatchError
from core.measure import Status
from core.stats.binning import CategoryBins, NumericBins, Special, fit_categories, fit_numeric
from core.stats.distances import population_stability_index

NUMERIC = ("psi", "psi_observed", "jensen_shannon", "cohens_w", "kolmogorov_smirnov", "wasserstein")
CATEGORIES = CategoryBins(categories=("a", "b", "c"), others=("d", "e"))
EXACT = NumericBins(ends=(1.0, 2.0, 5.0), low=1.0, exact=True)
RANGES = NumericBins(ends=(1.0, 2.0, 3.0, 4.0), low=0.0, exact=False)


def count(bins: NumericBins, values: np.ndarray) -> np.ndarray:
    return np.bincount(bins.assign(np.asarray(values, dtype=np.float64)), minlength=bins.size)


def counts(bins: NumericBins | CategoryBins, *regular: int, **special: int) -> np.ndarray:
    vector = np.zeros(bins.size, dtype=np.int64)
    vector[: len(regular)] = regular
    for name, n in special.items():
        vector[bins.n_bins + Special[name.upper()]] = n
    return vector


def drift_of(reference: np.ndarray, current: np.ndarray) -> tuple[NumericBins, ColumnDrift]:
    bins = fit_numeric(reference)
    return bins, column_drift(count(bins, reference), count(bins, current), bins)


def assert_consistent(drift: ColumnDrift) -> None:
    for measure in drift.measures:
        if measure.value is None:
            assert measure.status is Status.UNDEFINED
            assert measure.why
            continue
        assert math.isfinite(measure.value)
        assert measure.convention
        if measure.interval:
            assert measure.interval.low - 1e-9 <= measure.value <= measure.interval.high + 1e-9
        if measure.p_value is not None:
            assert 0 <= measure.p_value <= 1
    assert drift.words
    assert all(word.endswith(".") for word in drift.words)


def test_the_chief_psi_is_free_of_the_bias_that_the_printed_one_has():
    rng = np.random.default_rng(8)
    reference = rng.normal(size=10_000)
    bins = fit_numeric(reference)
    before = count(bins, reference)
    windows = np.stack([count(bins, rng.normal(size=100)) for _ in range(200)])
    chief = column_drifts(before, windows, bins)
    observed = np.array([observed_psi_measure(*comparison_bins(before, window, bins)).value for window in windows])
    assert np.mean(observed > 0.1) > 0.25  # a PSI "above .1" without any drift
    assert np.mean([psi.value > 0.1 for psi in chief]) < 0.05
    assert np.mean([psi.p_value < 0.05 for psi in chief]) < 0.09


def test_psi_is_that_of_ten_groups_and_of_twenty_from_20_000_rows_on():
    rng = np.random.default_rng(4)
    for n_reference, n_groups in ((10_000, 10), (20_000, 20)):
        reference, current = rng.normal(size=n_reference), rng.normal(0.3, size=2_000)
        _, drift = drift_of(reference, current)
        edges = np.quantile(reference, np.arange(1, n_groups) / n_groups, method="inverted_cdf")
        binned = [np.bincount(np.searchsorted(edges, side), minlength=n_groups) for side in (reference, current)]
        inside = (current >= reference.min()) & (current <= reference.max())
        outside = int((~inside).sum())
        binned[1] = np.bincount(np.searchsorted(edges, current[inside]), minlength=n_groups)
        expected = population_stability_index(
            *(np.append(side, extra) for side, extra in zip(binned, (0, outside), strict=True))
        )
        assert drift.measure("psi_observed").value == pytest.approx(float(expected), rel=0.05)
        assert len([share for share in drift.shares if share.special is None]) == n_groups


@pytest.mark.parametrize("seed", range(15))
def test_kolmogorov_smirnov_and_wasserstein_bracket_the_rows_own(seed):
    rng = np.random.default_rng(seed)
    reference = rng.gamma(2.0, size=4_000) if seed % 2 else rng.integers(0, 15, 4_000).astype(np.float64)
    current = rng.choice(reference, 600) * rng.uniform(0.8, 1.0) if seed % 2 else rng.integers(0, 14, 600) * 1.0
    bins, drift = drift_of(reference, current)
    exact = stats.ks_2samp(reference, current)
    ks, w1 = drift.measure("kolmogorov_smirnov"), drift.measure("wasserstein")
    limit = float(ks.convention.split("at most ")[1].split(";")[0])
    assert ks.value - 1e-9 <= exact.statistic <= limit + 0.00005
    assert ks.p_value >= exact.pvalue * 0.9
    clipped = np.clip(current, bins.low, bins.ends[-1])
    error = float(w1.convention.split("off by at most ")[1].split(";")[0])
    assert abs(w1.value - stats.wasserstein_distance(reference, clipped)) <= error * 1.001 + 1e-9


def test_the_interval_of_kolmogorov_smirnov_holds_even_for_ties_and_tiny_windows():
    rng = np.random.default_rng(6)
    truth, holds = 0.3, 0
    for _ in range(300):
        before, after = rng.multinomial(200, [0.7, 0.2, 0.1]), rng.multinomial(10, [0.4, 0.3, 0.3])
        interval = kolmogorov_smirnov_measure(counts(EXACT, *before), counts(EXACT, *after), EXACT).interval
        holds += interval.low <= truth <= interval.high
    assert holds >= 285


def test_new_values_between_exact_ones_widen_kolmogorov_smirnov_instead_of_moving_it():
    before, after = counts(EXACT, 50, 30, 20), counts(EXACT, 50, 30, 10, unseen=10)
    ks = column_drift(before, after, EXACT).measure("kolmogorov_smirnov")
    # the ten new rows may lie between 1 and 2, between 2 and 5: gaps of 0.1, or 0
    assert ks.value == 0.0
    assert "at most 0.2" in ks.convention


@given(
    data=st.data(),
    bins=st.sampled_from([CATEGORIES, EXACT, RANGES, NumericBins(ends=(), low=0.0, exact=True)]),
)
@settings(max_examples=60)
def test_no_counts_whatever_crash_it_or_leave_a_number_without_meaning(data, bins):
    vector = arrays(np.int64, bins.size, elements=st.sampled_from([0, 0, 0, 1, 2, 40, 3_000]))
    reference, current = data.draw(vector), data.draw(vector)
    assert_consistent(column_drift(reference, current, bins))


@pytest.mark.parametrize("bins", [CATEGORIES, RANGES])
def test_no_rows_and_no_reference_are_undefined_and_say_why(bins):
    some, none = counts(bins, 5, 5, 5), counts(bins)
    for reference, current, why in (
        (some, none, "No rows in this window."),
        (none, some, "The reference has no rows."),
    ):
        drift = column_drift(reference, current, bins)
        assert {measure.status for measure in drift.measures} == {Status.UNDEFINED}
        assert {measure.why for measure in drift.measures} == {why}
        assert drift.words == (why,)


def test_an_all_missing_window_keeps_psi_and_loses_what_needs_numbers():
    drift = column_drift(counts(RANGES, 250, 250, 250, 250), counts(RANGES, missing=400), RANGES)
    assert drift.measure("psi").p_value < 1e-10
    assert drift.measure("kolmogorov_smirnov").status is Status.UNDEFINED
    assert drift.measure("wasserstein").why == "No row of this window has a number in this column."
    assert drift.words[0] == "Missing 0.0% to 100.0%."


def test_an_all_missing_reference_has_no_order_to_compare_with():
    bins = fit_numeric(np.array([np.nan, np.nan]))
    drift = column_drift(counts(bins, missing=500), counts(bins, unseen=400, missing=100), bins)
    assert drift.measure("psi").p_value < 1e-10
    assert drift.measure("kolmogorov_smirnov").why == "The reference has no number in this column."


def test_a_constant_reference_is_judged_by_the_share_of_other_values():
    bins = fit_numeric(np.full(1_000, 7.0))
    before = count(bins, np.full(1_000, 7.0))
    same = column_drift(before, count(bins, np.full(300, 7.0)), bins).measure("psi")
    one = column_drift(before, count(bins, [*[7.0] * 299, 8.0]), bins).measure("psi")
    many = column_drift(before, count(bins, [*[7.0] * 150, *[8.0] * 150]), bins).measure("psi")
    assert (same.value, same.p_value) == (0.0, 1.0)
    assert same.interval.high < one.interval.high < many.interval.high
    assert one.p_value == pytest.approx(0.13, abs=0.01)
    assert many.p_value < 1e-50
    assert many.interval.low > 1


def test_a_constant_column_in_a_tiny_window_is_not_taken_as_proof_of_stability():
    before = counts(CATEGORIES, 1_000)
    assert column_drift(before, counts(CATEGORIES, 3), CATEGORIES).measure("psi").interval.high > 1


@pytest.mark.parametrize("n", [1, 2, 5, 10])
def test_a_handful_of_rows_proves_nothing(n):
    rng = np.random.default_rng(n)
    _, drift = drift_of(rng.normal(size=20_000), rng.normal(size=n))
    psi = drift.measure("psi")
    assert psi.change.high > psi.margin
    assert psi.change.low < psi.margin


def test_rare_categories_are_pooled_and_dont_raise_false_alarms():
    rng = np.random.default_rng(9)
    shares = np.concatenate([[0.6, 0.3], np.full(100, 0.001)])
    bins = fit_categories({f"c{index:03}": int(share * 100_000) for index, share in enumerate(shares)})
    before = counts(bins, *rng.multinomial(100_000, shares))
    windows = np.stack([counts(bins, *rng.multinomial(300, shares)) for _ in range(300)])
    assert np.mean([psi.p_value < 0.05 for psi in column_drifts(before, windows, bins)]) < 0.08


def test_words_name_what_moved_with_the_shares_of_both_sides():
    bins = CategoryBins(categories=("employee", "self-employed", "retired"))
    drift = column_drift(counts(bins, 8_000, 900, 1_000, missing=100), counts(bins, 483, 231, 100, missing=186), bins)
    assert drift.words == (
        "Share of 'employee' 80.0% to 48.3%.",
        "Missing 1.0% to 18.6%.",
        "Share of 'self-employed' 9.0% to 23.1%.",
    )


def test_words_of_a_numeric_column_name_its_range_and_median():
    rng = np.random.default_rng(12)
    reference = np.linspace(0.0, 1.02, 5_001)
    current = np.concatenate([np.full(960, 3.0), rng.uniform(0, 1.02, 40)])
    _, drift = drift_of(reference, current)
    assert drift.words[0] == "96.0% of rows lie above the highest reference value, 1.02."
    assert drift.words[-1] == "Median 0.51 to above 1.02."


def test_words_admit_when_nothing_is_certain():
    rng = np.random.default_rng(13)
    _, drift = drift_of(rng.normal(size=5_000), rng.normal(size=500))
    assert drift.words == ("No share changed by more than samples of these sizes show by chance.",)


def test_words_are_rarely_wrong_about_what_has_not_moved():
    rng = np.random.default_rng(14)
    reference = rng.normal(size=20_000)
    bins = fit_numeric(reference)
    before = count(bins, reference)
    windows = [count(bins, rng.normal(size=400)) for _ in range(200)]
    words = [moved(before, window, bins, bin_shares(before, window, bins)) for window in windows]
    false = [not sentences[0].startswith("No share") for sentences in words]
    assert np.mean(false) < 0.08


def test_the_shares_of_the_drawing_add_up_to_all_rows():
    rng = np.random.default_rng(15)
    reference, current = rng.normal(size=3_000), np.append(rng.normal(1, size=300), [np.nan, np.inf, -np.inf, 99.0])
    _, drift = drift_of(reference, current)
    assert sum(share.n_current for share in drift.shares) == drift.n_current == 304
    assert sum(share.reference for share in drift.shares) == pytest.approx(1)
    ranges = [share for share in drift.shares if share.special is None]
    assert all(before.high == after.low for before, after in itertools.pairwise(ranges))
    assert {share.special for share in drift.shares if share.special is not None} >= {
        Special.MISSING,
        Special.ABOVE,
        Special.POSITIVE_INFINITY,
        Special.NEGATIVE_INFINITY,
    }


def test_infinities_take_their_place_at_the_ends_of_the_order():
    drift = column_drift(
        counts(RANGES, 25, 25, 25, 25), counts(RANGES, 0, 0, 0, 0, negative_infinity=50, positive_infinity=50), RANGES
    )
    assert drift.measure("kolmogorov_smirnov").value == 0.5
    # clipped to the range 0 to 4 the rows lie at its ends: each moves by 1 on average
    assert drift.measure("wasserstein").value == pytest.approx(1.0)


def test_a_range_without_end_has_no_distance_in_its_own_unit():
    reference = np.linspace(-1, 1, 300) * 1.7e308
    _, drift = drift_of(reference, reference[:200])
    assert "too wide" in drift.measure("wasserstein").why
    assert drift.measure("kolmogorov_smirnov").value == pytest.approx(1 / 3, abs=0.01)


def test_the_trend_is_the_chief_measure_of_each_window():
    rng = np.random.default_rng(16)
    for bins in (CATEGORIES, RANGES):
        before = counts(bins, *rng.multinomial(5_000, np.full(bins.n_bins, 1 / bins.n_bins)))
        windows = rng.integers(0, 60, size=(7, bins.size))
        windows[3] = 0
        trend = column_drifts(before, windows, bins, margin=0.2, confidence=0.9)
        alone = [column_drift(before, window, bins, margin=0.2, confidence=0.9).measure("psi") for window in windows]
        assert list(trend) == alone
        assert trend[3].status is Status.UNDEFINED


def test_forty_windows_of_fifty_columns_take_about_a_second():
    rng = np.random.default_rng(17)
    reference = rng.normal(size=20_000)
    bins = fit_numeric(reference)
    before = count(bins, reference)
    windows = np.stack([count(bins, rng.normal(0.1, size=500)) for _ in range(40)])
    start = time.perf_counter()
    for _ in range(50):
        column_drifts(before, windows, bins)
    assert time.perf_counter() - start < 3  # 0.3 s on an idle core


def test_counts_on_other_bins_are_refused():
    with pytest.raises(BinMismatchError, match="4 regular"):
        column_drift(counts(RANGES, 1), counts(EXACT, 1), RANGES)
    with pytest.raises(BinMismatchError, match="4 regular"):
        column_drifts(counts(RANGES, 1), counts(EXACT, 1)[np.newaxis], RANGES)
