"""Binary performance from counts equals scikit-learn on the rows the counts were made from."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from core.measure import Status
from core.performance.binary import BinaryCounts, binary_performance
from core.performance.measures import changes, f1_interval

NAMES = (
    "labelled_share",
    "prevalence",
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "roc_auc",
    "brier_score",
    "log_loss",
    "expected_calibration_error",
    "calibration_slope",
    "calibration_intercept",
)


def by_name(counts: BinaryCounts) -> dict:
    return {measure.measure: measure for measure in binary_performance(counts)}


def rows(n: int, *, seed: int, holes: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores in hundredths, decisions at 0.5 and labels drawn from the score; `holes` of each missing."""
    rng = np.random.default_rng(seed)
    score = np.round(rng.beta(0.8, 1.2, n), 2)
    label = (rng.random(n) < score**1.2).astype(int)
    prediction = (score >= 0.5).astype(int)
    label[rng.random(n) < holes] = -1
    prediction[rng.random(n) < holes] = -1
    score[rng.random(n) < holes] = np.nan
    return score, prediction, label


@pytest.mark.parametrize("seed", range(3))
def test_every_measure_equals_scikit_learns_on_complete_rows(binary_counts, seed: int) -> None:
    score, prediction, label = rows(2_000, seed=seed)
    found = by_name(binary_counts(score, prediction, label))
    assert tuple(found) == NAMES
    expected = {
        "labelled_share": 1.0,
        "prevalence": label.mean(),
        "accuracy": metrics.accuracy_score(label, prediction),
        "precision": metrics.precision_score(label, prediction),
        "recall": metrics.recall_score(label, prediction),
        "specificity": metrics.recall_score(label, prediction, pos_label=0),
        "f1": metrics.f1_score(label, prediction),
        "roc_auc": metrics.roc_auc_score(label, score),
        "brier_score": metrics.brier_score_loss(label, score),
        "log_loss": metrics.log_loss(label, np.clip(score, 1e-15, 1 - 1e-15)),
    }
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-12), name
        assert found[name].interval.low <= value <= found[name].interval.high


def test_rows_with_holes_leave_only_the_measures_that_need_what_is_missing(binary_counts) -> None:
    score, prediction, label = rows(3_000, seed=4, holes=0.15)
    found = by_name(binary_counts(score, prediction, label))
    labelled, decided, scored = label >= 0, prediction >= 0, np.isfinite(score)
    both, ranked = labelled & decided, labelled & scored
    assert found["labelled_share"].n == 3_000
    assert found["labelled_share"].value == labelled.mean()
    assert found["prevalence"].n == labelled.sum()
    assert found["accuracy"].n == both.sum()
    assert found["accuracy"].value == pytest.approx((prediction[both] == label[both]).mean())
    assert found["precision"].n == (both & (prediction == 1)).sum()
    assert found["recall"].n == (both & (label == 1)).sum()
    assert found["roc_auc"].n == found["brier_score"].n == ranked.sum()
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(label[ranked], score[ranked]))
    assert found["brier_score"].value == pytest.approx(metrics.brier_score_loss(label[ranked], score[ranked]))


@given(
    table=st.lists(st.lists(st.integers(0, 6), min_size=3, max_size=3), min_size=3, max_size=3),
    positive=st.sampled_from([0, 1]),
)
@settings(max_examples=80, deadline=None)
def test_a_value_is_missing_exactly_when_its_denominator_is_empty(table: list[list[int]], positive: int) -> None:
    joint = np.zeros((7, 3, 3), dtype=np.int64)
    joint[0] = table
    counts = BinaryCounts(joint=joint, classes=("no", "yes"), positive=positive)
    for measure in binary_performance(counts):
        assert (measure.value is None) == (measure.n == 0 or measure.measure == "roc_auc")
        assert (measure.status is Status.UNDEFINED) == (measure.value is None)
        if measure.value is None:
            assert measure.why.endswith(".")
            assert "nan" not in measure.why
        else:
            assert 0 <= measure.interval.low <= measure.value <= measure.interval.high <= 1


def test_turning_the_classes_round_swaps_recall_and_specificity(binary_counts) -> None:
    counts = binary_counts(None, *rows(500, seed=1)[1:])
    turned = BinaryCounts(joint=counts.joint, classes=counts.classes, positive=0)
    assert by_name(counts)["recall"].value == by_name(turned)["specificity"].value
    assert by_name(counts)["accuracy"].value == by_name(turned)["accuracy"].value


def test_without_a_score_the_measures_of_scores_say_so(binary_counts) -> None:
    counts = binary_counts(None, *rows(200, seed=1)[1:])
    for name in NAMES[7:]:
        assert by_name(counts)[name].why == "The model logs no score."
    assert counts.calibration_curve() == ()
    assert counts.threshold_table() is None


def test_one_class_only_leaves_the_area_undefined_and_says_which(binary_counts) -> None:
    score, prediction, _ = rows(312, seed=2)
    found = by_name(binary_counts(score, prediction, np.zeros(312, dtype=int)))
    assert found["roc_auc"].why == "Only class 'no' among 312 labelled rows with a score."
    assert found["recall"].why == "None of the 312 rows with a label and a prediction is labelled 'yes'."
    assert found["brier_score"].value == pytest.approx((score**2).mean())


def test_no_label_leaves_all_but_the_labelled_share_undefined(binary_counts) -> None:
    score, prediction, _ = rows(312, seed=2)
    found = by_name(binary_counts(score, prediction, np.full(312, -1)))
    assert found.pop("labelled_share").value == 0.0
    assert {measure.why for measure in found.values()} == {"None of the 312 rows has a label."}


def test_no_rows_leave_everything_undefined() -> None:
    counts = BinaryCounts(joint=np.zeros((7, 3, 3), dtype=np.int64), classes=("no", "yes"), positive=1)
    found = by_name(counts)
    assert all(measure.status is Status.UNDEFINED for measure in found.values())
    assert found["accuracy"].why == "There are no rows."


def test_labelled_rows_without_a_prediction_are_told_apart_from_rows_without_a_label(binary_counts) -> None:
    score, _, label = rows(50, seed=3)
    found = by_name(binary_counts(score, np.full(50, -1), label))
    assert found["accuracy"].why == "None of the 50 labelled rows has a prediction."
    assert found["roc_auc"].value is not None


def test_a_score_outside_0_and_1_has_an_area_but_no_brier_score(binary_counts) -> None:
    score, prediction, label = rows(400, seed=3)
    found = by_name(binary_counts(10 * score - 5, prediction, label))
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(label, score))
    assert found["brier_score"].why.startswith("The score is no probability: the reference holds values from -5 to")


@pytest.mark.parametrize("broken", [37.0, -4.0, 1e200])
def test_a_score_that_stops_being_a_probability_keeps_its_area_only(binary_counts, broken: float) -> None:
    score, prediction, label = rows(400, seed=3)
    now = np.where(np.arange(400) < 20, broken, score)
    with np.errstate(over="ignore"):
        found = by_name(binary_counts(now, prediction, label, score))
    for name in NAMES[8:]:
        assert found[name].why == "The score is no probability: a squared error exceeds 1."
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(label, now))


def test_a_group_has_losses_but_no_calibration_sums_of_its_own(binary_counts) -> None:
    counts = binary_counts(*rows(400, seed=3))
    found = by_name(replace(counts, calibration=None))
    assert found["brier_score"].value == by_name(counts)["brier_score"].value
    assert found["expected_calibration_error"].why == "No scores were summed by calibration bin."
    # Without the sums nothing shows that each bin holds one score, so the area's interval is wider.
    assert found["roc_auc"].interval.low < by_name(counts)["roc_auc"].interval.low
    assert by_name(replace(counts, losses=None))["log_loss"].why == "No losses were summed."


def test_infinite_scores_take_part_in_the_ranking_only(binary_counts) -> None:
    score, prediction, label = rows(400, seed=5)
    reference = score.copy()
    score[:7], score[7:12] = math.inf, -math.inf
    found = by_name(binary_counts(score, prediction, label, reference))
    order = np.clip(score, -9, 9)
    assert found["roc_auc"].n == 400
    assert found["roc_auc"].value == pytest.approx(metrics.roc_auc_score(label, order))
    assert found["brier_score"].n == 388


def test_few_labelled_rows_have_values_but_no_spread(binary_counts) -> None:
    found = by_name(binary_counts(np.array([0.7]), np.array([1]), np.array([1])))
    assert found["brier_score"].value == pytest.approx(0.09)
    assert found["brier_score"].interval is None
    assert found["brier_score"].why == "Fewer than 30 rows are too few to tell their spread."


def test_counts_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="joint counts have shape"):
        BinaryCounts(joint=np.zeros((7, 2, 2), dtype=np.int64), classes=("a", "b"), positive=1)
    with pytest.raises(ValueError, match="0 or 1"):
        BinaryCounts(joint=np.zeros((7, 3, 3), dtype=np.int64), classes=("a", "b"), positive=2)


@pytest.mark.parametrize(("n", "cells"), [(100, (0.1, 0.05, 0.05, 0.8)), (1_000, (0.02, 0.01, 0.02, 0.95))])
def test_the_interval_of_f1_covers_the_true_value_as_often_as_it_says(n: int, cells: tuple[float, ...]) -> None:
    tp, fp, fn, _ = cells
    truth = 2 * tp / (2 * tp + fp + fn)
    tables = np.random.default_rng(3).multinomial(n, cells, size=3_000).tolist()
    intervals = [f1_interval(hit, b + c) for hit, b, c, _ in tables if hit + b + c]
    coverage = np.mean([interval.low <= truth <= interval.high for interval in intervals])
    assert coverage == pytest.approx(0.95, abs=0.015)


@pytest.mark.data
def test_car_loan_chunks_give_the_printed_digits(binary_counts, shared_data) -> None:
    """The chunk values of NannyML's documentation notebooks on its synthetic car loan data."""
    pd = pytest.importorskip("pandas")
    folder = shared_data / "nannyml_car_loan"
    reference = pd.read_csv(folder / "synthetic_car_loan_reference.csv.gz")
    analysis = pd.read_csv(folder / "synthetic_car_loan_analysis.csv.gz")
    targets = pd.read_csv(folder / "synthetic_car_loan_analysis_target.csv.gz")
    analysis = analysis.merge(targets, on="id", validate="one_to_one")
    printed = {
        "roc_auc": [0.970962, 0.970248, 0.976282, 0.967721, 0.969886, 0.960050, 0.958530, 0.959041, 0.963094, 0.957556],
        "accuracy": [0.9422, 0.9422, 0.9502, 0.9436, 0.9410, 0.9146, 0.9156, 0.9144, 0.9224, 0.9122],
        "recall": [0.930394, 0.923922, 0.938246, 0.925060, 0.927577, 0.905086, 0.899010, 0.901718, 0.906124, 0.905823],
    }

    def count(frame) -> BinaryCounts:
        return binary_counts(
            frame["y_pred_proba"].to_numpy(),
            frame["y_pred"].to_numpy(),
            frame["repaid"].to_numpy(dtype=int),
            reference["y_pred_proba"].to_numpy(),
        )

    before = binary_performance(count(reference))
    f1 = []
    for chunk in range(10):
        frame = analysis.iloc[5_000 * chunk : 5_000 * (chunk + 1)]
        found = {measure.measure: measure for measure in changes(before, binary_performance(count(frame)))}
        for name, values in printed.items():
            assert round(found[name].value, 6) == pytest.approx(values[chunk], abs=5e-7), (name, chunk)
        f1.append(found["f1"].value)
        assert found["f1"].value == pytest.approx(metrics.f1_score(frame["repaid"], frame["y_pred"]))
        assert (found["accuracy"].p_value < 1e-6) == (chunk >= 5)
        assert (found["roc_auc"].p_value < 0.01) == (chunk >= 5)
    # Printed limits of F1: chunks 5 to 9 alert, the others don't.
    assert [not 0.93466 <= value <= 0.95085 for value in f1] == [False] * 5 + [True] * 5


def test_the_error_is_that_of_the_rows_grouped_by_calibration_bin(binary_counts) -> None:
    rng = np.random.default_rng(2)
    score = rng.random(3_000)
    label = (rng.random(3_000) < 0.9 * score).astype(int)
    counts = binary_counts(score, (score > 0.5).astype(int), label)
    codes = np.asarray(counts.calibration_groups)[np.searchsorted(counts.score_bins.ends, score)]
    gaps = [abs(score[codes == k].mean() - label[codes == k].mean()) * (codes == k).mean() for k in np.unique(codes)]
    error = {measure.measure: measure for measure in binary_performance(counts)}["expected_calibration_error"]
    assert len(gaps) == 20
    assert error.value == pytest.approx(sum(gaps))
    assert error.n == 3_000
