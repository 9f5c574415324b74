"""Whatever breaks in a column ends in a named finding, and its shares carry honest intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from core.errors import BinMismatchError
from core.measure import Family, Status
from core.quality.columns import ColumnQuality, QualityProblem, column_quality
from core.stats.binning import CategoryBins, NumericBins, Special, fit_categories, fit_numeric

COLOURS = CategoryBins(categories=("red", "green", "blue"), others=("mauve", "teal"))
AGES = fit_numeric(np.random.default_rng(0).normal(40, 10, 5_000))


def counts(bins: NumericBins | CategoryBins, *regular: int, **special: int) -> np.ndarray:
    vector = np.zeros(bins.size, dtype=np.int64)
    vector[: len(regular)] = regular
    for name, n in special.items():
        vector[bins.n_bins + Special[name.upper()]] = n
    return vector


def count(bins: NumericBins, values: np.ndarray) -> np.ndarray:
    return np.bincount(bins.assign(np.asarray(values, dtype=np.float64)), minlength=bins.size)


def ages(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(40, 10, n)


def problems(quality: ColumnQuality) -> list[QualityProblem]:
    return [finding.problem for finding in quality.findings]


def test_a_healthy_column_has_no_finding():
    quality = column_quality(count(AGES, ages(5_000)), count(AGES, np.clip(ages(300, seed=2), AGES.low, 70)), AGES)
    assert quality.findings == ()
    assert {measure.measure: measure.value for measure in quality.measures} == {
        "missing_share": 0.0,
        "invalid_share": 0.0,
        "unseen_share": 0.0,
        "out_of_range_share": 0.0,
        "infinite_share": 0.0,
        "outside_share": 0.0,
    }


# What follows is the list of cases in which other monitors crash, drop the column or keep silent.


def test_a_column_that_is_all_missing_now_has_vanished():
    quality = column_quality(count(AGES, ages(5_000)), count(AGES, [np.nan] * 400), AGES)
    assert problems(quality) == [QualityProblem.VANISHED]
    assert quality.findings[0].words == "The column vanished: all 400 rows are missing, in the reference 0.0% were."


def test_eighty_percent_missing_is_a_finding_though_the_rest_has_not_moved():
    current = np.where(np.arange(1_000) < 800, np.nan, ages(1_000, seed=3))
    quality = column_quality(count(AGES, ages(5_000)), count(AGES, current), AGES)
    assert problems(quality) == [QualityProblem.MISSING_ROSE]
    assert quality.findings[0].words == "Missing 0.0% to 80.0%."
    assert quality.measure("missing_share").p_value < 1e-100


def test_a_column_absent_from_the_window_is_missing_in_all_rows_or_has_none():
    before = counts(COLOURS, 500, 300, 200)
    assert problems(column_quality(before, counts(COLOURS, missing=50), COLOURS)) == [QualityProblem.VANISHED]
    empty = column_quality(before, counts(COLOURS), COLOURS)
    assert problems(empty) == [QualityProblem.NO_ROWS]
    assert {measure.status for measure in empty.measures} == {Status.UNDEFINED}
    assert {measure.why for measure in empty.measures} == {"No rows in this window."}


def test_categories_that_turned_into_numbers_are_new_to_the_reference():
    quality = column_quality(counts(COLOURS, 500, 300, 200), counts(COLOURS, unseen=120), COLOURS)
    assert problems(quality) == [QualityProblem.NOTHING_KNOWN, QualityProblem.NEW_CATEGORIES]
    assert "type or coding may have changed" in quality.findings[0].words


def test_strings_mixed_into_a_numeric_column_are_unreadable():
    current = count(AGES, ages(95, seed=4)) + counts(AGES, invalid=5)
    quality = column_quality(count(AGES, ages(5_000)), current, AGES)
    assert problems(quality) == [QualityProblem.UNREADABLE]
    assert quality.findings[0].words == "Values that can't be read as the column's type in 5 of 100 rows (5.0%)."


def test_infinities_are_counted_by_sign():
    current = np.append(ages(97, seed=4), [np.inf, np.inf, -np.inf])
    quality = column_quality(count(AGES, ages(5_000)), count(AGES, current), AGES)
    assert problems(quality) == [QualityProblem.INFINITE]
    assert quality.findings[0].words == (
        "Infinite values in 3 of 100 rows: 2 positive, 1 negative; in the reference in 0 of 5,000."
    )
    assert quality.measure("infinite_share").value == 0.03


@pytest.mark.parametrize("reference", [[np.nan] * 200, []])
def test_a_reference_without_values_says_so_and_that_values_have_appeared(reference):
    bins = fit_numeric(np.array(reference, dtype=np.float64))
    quality = column_quality(count(bins, reference), count(bins, [1.0, 2.0, np.nan]), bins)
    assert problems(quality) == [QualityProblem.REFERENCE_EMPTY, QualityProblem.APPEARED]
    assert quality.findings[1].words == "Values in 2 of 3 rows, in the reference in none."


def test_a_reference_and_a_window_without_values_dont_vanish():
    bins = fit_numeric(np.array([np.nan] * 10))
    quality = column_quality(count(bins, [np.nan] * 10), count(bins, [np.nan] * 5), bins)
    assert problems(quality) == [QualityProblem.REFERENCE_EMPTY]


# Constancy, new values, range


def test_a_category_that_took_over_makes_the_column_constant():
    quality = column_quality(counts(COLOURS, 500, 300, 200), counts(COLOURS, 0, 40, missing=3), COLOURS)
    assert QualityProblem.BECAME_CONSTANT in problems(quality)
    assert quality.findings[0].words == (
        "The column became constant: all 40 values are 'green', as 30.0% did in the reference."
    )


def test_a_stuck_sensor_is_found_even_where_a_bin_holds_many_values():
    quality = column_quality(count(AGES, ages(5_000)), count(AGES, np.full(50, 41.234567)), AGES)
    assert problems(quality) == [QualityProblem.BECAME_CONSTANT]
    assert "or nearly so" in quality.findings[0].words


@pytest.mark.parametrize(("regular", "n"), [((500, 300, 200), 3), ((9_990, 5, 5), 100)])
def test_what_looks_constant_by_chance_is_no_finding(regular, n):
    assert problems(column_quality(counts(COLOURS, *regular), counts(COLOURS, n), COLOURS)) == []


def test_the_rarer_categories_together_are_not_one_value():
    quality = column_quality(counts(COLOURS, 500, 300, 150, 50), counts(COLOURS, 0, 0, 0, 60), COLOURS)
    assert problems(quality) == []


@pytest.mark.parametrize("current", [[5.0, 5.0, 6.0], [5.0, 5.0, 4.0], [5.0, 5.0, np.inf]])
def test_a_column_that_was_constant_and_moves_is_found(current):
    bins = fit_numeric(np.full(300, 5.0))
    quality = column_quality(count(bins, np.full(300, 5.0)), count(bins, current), bins)
    moving = next(finding for finding in quality.findings if finding.problem is QualityProblem.NO_LONGER_CONSTANT)
    assert moving.words == "The column was constant in the reference, now 1 of 3 rows hold another value."


def test_new_categories_are_counted():
    bins = fit_categories({"a": 60, "b": 40})
    quality = column_quality(counts(bins, 60, 40), counts(bins, 300, 188, unseen=12), bins)
    assert problems(quality) == [QualityProblem.NEW_CATEGORIES]
    assert quality.findings[0].words == "Categories that the reference doesn't have in 12 of 500 rows (2.4%)."


def test_a_number_between_the_few_of_the_reference_is_a_new_value():
    bins = fit_numeric(np.repeat([0.0, 1.0, 2.0], 100))
    quality = column_quality(count(bins, np.repeat([0.0, 1.0, 2.0], 100)), count(bins, [0.0, 1.5, 2.0, 1.0]), bins)
    assert problems(quality) == [QualityProblem.NEW_VALUES]


def test_leaving_the_range_beyond_the_margin_is_a_finding_and_a_stray_row_is_not():
    before = count(AGES, ages(5_000))
    stray = column_quality(before, count(AGES, np.append(np.clip(ages(500, seed=5), AGES.low, 70), 200.0)), AGES)
    assert problems(stray) == []
    many = column_quality(before, count(AGES, np.append(ages(900, seed=5), [200.0] * 90 + [-50.0] * 10)), AGES)
    assert problems(many) == [QualityProblem.OUT_OF_RANGE]
    assert many.findings[0].words == ("10.0% of rows lie outside the reference's range: 1.0% below it, 9.0% above.")


def test_the_gravest_finding_comes_first():
    current = counts(AGES, invalid=30, positive_infinity=10, above=60)
    found = problems(column_quality(count(AGES, ages(5_000)), current, AGES))
    assert found == sorted(found, key=list(QualityProblem).index)
    assert found[0] is QualityProblem.UNREADABLE


# The shares


def test_a_share_carries_what_an_alarm_needs():
    quality = column_quality(counts(COLOURS, 950, missing=50), counts(COLOURS, 160, missing=40), COLOURS, margin=0.05)
    missing = quality.measure("missing_share")
    wilson = stats.binomtest(40, 200).proportion_ci(method="wilson")
    assert (missing.family, missing.n, missing.value, missing.reference) == (Family.DATA_QUALITY, 200, 0.2, 0.05)
    assert (missing.interval.low, missing.interval.high) == pytest.approx((wilson.low, wilson.high))
    assert missing.change.low > 0.05 == missing.margin
    score = stats.chi2_contingency([[50, 950], [40, 160]], correction=False)
    assert missing.p_value == pytest.approx(score.pvalue)
    assert missing.status is Status.INSUFFICIENT
    assert missing.why == ""


def test_categories_have_no_range_and_no_infinity():
    quality = column_quality(counts(COLOURS, 5, 5), counts(COLOURS, 5, 5), COLOURS)
    names = [measure.measure for measure in quality.measures]
    assert names == ["missing_share", "invalid_share", "outside_share", "unseen_share"]


def test_a_share_the_reference_never_had_errs_no_more_often_than_it_says():
    rng = np.random.default_rng(30)
    alarms = 0
    for _ in range(500):
        before, after = rng.binomial(5_000, 0.0004), rng.binomial(500, 0.0004)
        quality = column_quality(
            counts(COLOURS, 5_000 - before, missing=before), counts(COLOURS, 500 - after, missing=after), COLOURS
        )
        alarms += quality.measure("missing_share").p_value < 0.05
    assert alarms / 500 < 0.06


@given(data=st.data(), bins=st.sampled_from([COLOURS, AGES, fit_numeric(np.full(3, 1.0)), fit_numeric(np.empty(0))]))
@settings(max_examples=150)
def test_no_counts_whatever_crash_it_or_leave_a_sentence_unfinished(data, bins):
    vector = arrays(np.int64, bins.size, elements=st.sampled_from([0, 0, 0, 1, 2, 40, 3_000]))
    reference, current = data.draw(vector), data.draw(vector)
    quality = column_quality(reference, current, bins)
    assert all(finding.words.endswith(".") for finding in quality.findings)
    assert len(set(problems(quality))) == len(quality.findings)
    for measure in quality.measures:
        assert (measure.value is None) == (current.sum() == 0)
        if measure.value is not None:
            assert measure.interval.low <= measure.value <= measure.interval.high
            assert (measure.change is None) == (measure.p_value is None) == (reference.sum() == 0)


def test_counts_on_other_bins_are_refused():
    with pytest.raises(BinMismatchError, match="4 regular"):
        column_quality(counts(COLOURS, 1), counts(AGES, 1), COLOURS)
