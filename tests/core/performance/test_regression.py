"""Regression performance from sums equals scikit-learn on the rows, with intervals that cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn import metrics

from core.performance.measures import changes
from core.performance.regression import RegressionCounts, regression_performance


def by_name(counts: RegressionCounts) -> dict:
    return {measure.measure: measure for measure in regression_performance(counts)}


def from_rows(prediction: np.ndarray, label: np.ndarray, *, centre: float) -> RegressionCounts:
    """The sums of complete rows, without the engine, for simulations."""
    e, y = prediction - label, label - centre
    usable, positive = label != 0, (label >= 0) & (prediction >= 0)
    relative = np.abs(e[usable]) / np.abs(label[usable])
    log_squared = (np.log1p(prediction[positive]) - np.log1p(label[positive])) ** 2
    terms = (e, np.abs(e), e**2, e**4, y, y**2, y**3, y**4, e**2 * y, e**2 * y**2)
    terms = (*terms, usable, relative, relative**2, positive, log_squared, log_squared**2)
    joint = np.zeros((7, 2, 2), dtype=np.int64)
    joint[0, 0, 0] = len(e)
    return RegressionCounts(joint=joint, losses=np.array([term.sum() for term in terms]))


def is_plain(label: float) -> bool:
    """Whether a label is 0, or far enough from it to divide by."""
    return label == 0 or abs(label) > 1e-60


@pytest.mark.parametrize("offset", [0.0, 1e5])
def test_every_measure_equals_scikit_learns(regression_counts, offset: float) -> None:
    rng = np.random.default_rng(1)
    label = offset + rng.gamma(2, 2, 1_500)
    prediction = label * rng.uniform(0.8, 1.3, 1_500)
    found = by_name(regression_counts(prediction, label))
    expected = {
        "labelled_share": 1.0,
        "mae": metrics.mean_absolute_error(label, prediction),
        "rmse": metrics.root_mean_squared_error(label, prediction),
        "bias": (prediction - label).mean(),
        "r2": metrics.r2_score(label, prediction),
        "mape": metrics.mean_absolute_percentage_error(label, prediction),
        "rmsle": metrics.root_mean_squared_log_error(label, prediction),
    }
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value), name
        assert found[name].n == 1_500
        assert found[name].interval.low <= value <= found[name].interval.high


def test_rows_without_a_label_or_a_prediction_are_left_out(regression_counts) -> None:
    label = np.array([1.0, 2.0, np.nan, 4.0, 5.0])
    prediction = np.array([1.5, np.nan, 3.0, 4.0, 4.0])
    found = by_name(regression_counts(prediction, label))
    assert (found["labelled_share"].n, found["labelled_share"].value) == (5, 0.8)
    assert (found["mae"].n, found["mae"].value) == (3, 0.5)
    assert found["bias"].value == pytest.approx(-0.5 / 3)


def test_standard_errors_agree_with_the_jackknife() -> None:
    """Leaving out each row in turn: another route to the spread of any smooth function of means."""
    rng = np.random.default_rng(2)
    label = rng.gamma(2, 1, 400)
    prediction = 0.8 * label + np.abs(rng.normal(0.2, 0.5, 400))
    whole = by_name(from_rows(prediction, label, centre=1.7))
    kept = ~np.eye(400, dtype=bool)
    parts = [by_name(from_rows(prediction[row], label[row], centre=1.7)) for row in kept]
    z = norm.ppf(0.975)
    for name, change in (
        ("rmse", math.log),
        ("r2", lambda r2: math.log(1 - r2)),
        ("rmsle", math.log),
        ("mae", float),
        ("mape", float),
        ("bias", float),
    ):
        values = np.array([change(part[name].value) for part in parts])
        jackknife = math.sqrt(399 / 400 * ((values - values.mean()) ** 2).sum())
        interval = whole[name].interval
        width = abs(change(interval.high) - change(interval.low)) / (2 * z)
        assert width == pytest.approx(jackknife, rel=0.02), name


@given(
    # Labels next to 0 give a relative error whose square no float holds.
    rows=st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6).filter(is_plain)), min_size=1, max_size=30),
    centre=st.floats(-1e3, 1e3),
)
@settings(max_examples=100, deadline=None)
def test_whatever_the_rows_a_value_lies_in_its_interval_or_says_why_it_has_none(
    rows: list[tuple[float, float]], centre: float
) -> None:
    prediction, label = np.array(rows).T
    for measure in regression_performance(from_rows(prediction, label, centre=centre)):
        assert measure.interval is not None or measure.why
        if measure.interval is not None:
            slack = 1e-9 * max(1.0, abs(measure.value))
            assert measure.interval.low - slack <= measure.value <= measure.interval.high + slack


def test_r2_is_undefined_where_labels_do_not_vary() -> None:
    found = by_name(from_rows(np.array([1.0, 2.0, 4.0]), np.array([7.1, 7.1, 7.1]), centre=0.3))
    assert found["r2"].why == "The labels of the 3 rows don't vary."
    assert found["mae"].value == pytest.approx(7.1 - 7 / 3)
    assert by_name(from_rows(np.array([1.0]), np.array([2.0]), centre=0.0))["r2"].why.startswith(
        "R2 needs at least two"
    )


def test_predictions_without_any_error_have_values_but_no_interval_of_rmse_and_r2() -> None:
    label = np.array([1.0, 2.0, 4.0])
    found = by_name(from_rows(label, label, centre=2.0))
    assert (found["rmse"].value, found["r2"].value) == (0.0, 1.0)
    assert found["rmse"].why == "No error among 3 rows, so their spread makes no interval."
    assert found["r2"].interval is None


def test_labels_of_0_are_left_out_of_mape_and_negative_values_of_rmsle_say_so() -> None:
    label, prediction = np.array([0.0, 2.0, 4.0] * 20), np.array([1.0, 3.0, 4.0] * 20)
    found = by_name(from_rows(prediction, label, centre=0.0))
    assert (found["mape"].n, found["mape"].value) == (40, 0.25)
    assert found["mape"].why == "20 rows whose label is 0 are left out."
    assert found["mape"].interval is not None
    assert found["rmsle"].n == 60
    below = by_name(from_rows(prediction - 2, label, centre=0.0))
    assert below["rmsle"].why == "20 of 60 rows have a label or prediction below 0."
    nothing = by_name(from_rows(prediction, np.zeros(60), centre=0.0))
    assert nothing["mape"].why == "The label of all 60 rows is 0."


def test_no_label_no_prediction_and_no_rows_are_told_apart(regression_counts) -> None:
    nothing = np.array([np.nan, np.nan])
    some = np.array([1.0, 2.0])
    assert by_name(regression_counts(some, nothing))["rmse"].why == "None of the 2 rows has a label."
    assert by_name(regression_counts(nothing, some))["rmse"].why == "None of the 2 labelled rows has a prediction."
    empty = RegressionCounts(joint=np.zeros((7, 2, 2), dtype=np.int64), losses=np.zeros(16))
    assert by_name(empty)["labelled_share"].why == "There are no rows."


def test_sums_that_overflow_are_undefined() -> None:
    with np.errstate(over="ignore"):
        counts = from_rows(np.array([1e100, 2.0]), np.array([0.0, 1.0]), centre=0.0)
    assert by_name(counts)["mae"].why == "The sums of errors are too large for a floating-point number."


@pytest.mark.parametrize("noise", ["normal", "heavy tails", "skewed"])
@pytest.mark.parametrize(("n", "tolerance"), [(200, 0.06), (2_000, 0.03)])
def test_the_intervals_cover_the_true_values(noise: str, n: int, tolerance: float) -> None:
    """400 runs; standard error of a coverage of 0.95 is 0.011. Skewed errors cost coverage of RMSE at small n."""
    rng = np.random.default_rng(7)
    draw = {
        "normal": lambda size: rng.normal(0.2, 1, size),
        "heavy tails": lambda size: 0.2 + rng.standard_t(6, size),
        "skewed": lambda size: rng.gamma(2, 1, size),
    }[noise]
    mean, square = {"normal": (0.2, 1.04), "heavy tails": (0.2, 1.54), "skewed": (2.0, 6.0)}[noise]
    truth = {"rmse": math.sqrt(square), "bias": mean, "r2": 1 - square / 4}
    covered = dict.fromkeys(truth, 0)
    for _ in range(400):
        label = rng.normal(3, 2, n)
        found = by_name(from_rows(label + draw(n), label, centre=2.5))
        for name, value in truth.items():
            covered[name] += found[name].interval.low <= value <= found[name].interval.high
    assert {name: hits / 400 for name, hits in covered.items()} == pytest.approx(
        dict.fromkeys(truth, 0.95), abs=tolerance
    )


def test_margins_in_the_labels_units_are_a_tenth_of_the_references_rmse() -> None:
    rng = np.random.default_rng(8)
    label = rng.normal(size=500)
    before = regression_performance(from_rows(label + rng.normal(0, 2, 500), label, centre=0.0))
    now = regression_performance(from_rows(label + rng.normal(1, 2, 500), label, centre=0.0))
    compared = {measure.measure: measure for measure in changes(before, now)}
    rmse = compared["rmse"].reference
    assert [compared[name].margin for name in ("mae", "rmse", "bias")] == [pytest.approx(0.1 * rmse)] * 3
    assert compared["bias"].p_value < 1e-9
    assert compared["bias"].change.low > 0.6
    assert changes(before, now, margins={"rmse": 0.7})[2].margin == 0.7
    assert [compared[name].margin for name in ("mape", "rmsle")] == [None, None]


def test_tables_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="16 sums"):
        RegressionCounts(joint=np.zeros((7, 2, 2), dtype=np.int64), losses=np.zeros(4))
