"""Multiclass performance from counts equals scikit-learn on the rows; unseen classes are named, never 0."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from core.measure import Status
from core.performance.measures import changes
from core.performance.multiclass import MulticlassCounts, multiclass_performance

CLASSES = ["bus", "car", "tram"]


def by_name(counts: MulticlassCounts) -> dict:
    return {(measure.measure, measure.column): measure for measure in multiclass_performance(counts)}


def rows(n: int, *, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.dirichlet([1.0, 0.7, 0.5], n), 2)
    scores[:, 2] = 1 - scores[:, 0] - scores[:, 1]
    label = np.array([rng.choice(3, p=row) for row in rng.dirichlet([0.2, 0.2, 0.2], n) * 0.3 + 0.7 * np.abs(scores)])
    return scores, scores.argmax(axis=1), label


@pytest.mark.parametrize("seed", range(3))
def test_every_measure_equals_scikit_learns(multiclass_counts, seed: int) -> None:
    scores, prediction, label = rows(900, seed=seed)
    found = by_name(multiclass_counts(scores, prediction, label, CLASSES))
    expected = {
        "labelled_share": 1.0,
        "accuracy": metrics.accuracy_score(label, prediction),
        "balanced_accuracy": metrics.balanced_accuracy_score(label, prediction),
        "macro_precision": metrics.precision_score(label, prediction, average="macro"),
        "macro_f1": metrics.f1_score(label, prediction, average="macro"),
        "weighted_precision": metrics.precision_score(label, prediction, average="weighted"),
        "weighted_f1": metrics.f1_score(label, prediction, average="weighted"),
        "macro_roc_auc": np.mean([metrics.roc_auc_score(label == k, scores[:, k]) for k in range(3)]),
        "weighted_roc_auc": np.average(
            [metrics.roc_auc_score(label == k, scores[:, k]) for k in range(3)], weights=np.bincount(label)
        ),
    }
    for name, value in expected.items():
        measure = found[name, ""]
        assert measure.value == pytest.approx(value), name
        assert measure.interval.low <= value <= measure.interval.high
        assert measure.n == 900
    precision = metrics.precision_score(label, prediction, average=None)
    recall = metrics.recall_score(label, prediction, average=None)
    f1 = metrics.f1_score(label, prediction, average=None)
    for index, name in enumerate(CLASSES):
        assert found["f1", name].value == pytest.approx(f1[index])
        area = metrics.roc_auc_score(label == index, scores[:, index])
        assert found["roc_auc", name].value == pytest.approx(area)
        assert found["precision", name].value == pytest.approx(precision[index])
        assert found["recall", name].value == pytest.approx(recall[index])
        assert found["recall", name].n == (label == index).sum()


def test_a_class_without_labelled_rows_is_named_and_left_out_of_the_means(multiclass_counts) -> None:
    scores, prediction, label = rows(400, seed=3)
    label = np.where(label == 2, 0, label)
    found = by_name(multiclass_counts(scores, prediction, label, CLASSES))
    assert found["recall", "tram"].status is Status.UNDEFINED
    assert found["recall", "tram"].why == "None of the 400 rows with a label and a prediction is labelled 'tram'."
    assert found["precision", "tram"].value == 0.0  # trams were predicted, and none of these rows was one
    for name in ("balanced_accuracy", "macro_precision", "macro_f1", "macro_roc_auc"):
        assert "plain mean over 2 of 3 classes, not estimable for 'tram'" in found[name, ""].convention
    seen = metrics.f1_score(label, prediction, labels=[0, 1], average="macro")
    assert found["macro_f1", ""].value == pytest.approx(seen)
    recall = metrics.recall_score(label, prediction, labels=[0, 1], average="macro")
    assert found["balanced_accuracy", ""].value == pytest.approx(recall)


def test_a_class_never_predicted_has_no_precision_but_an_f1_of_zero(multiclass_counts) -> None:
    prediction, label = np.array([0, 0, 1, 1, 1]), np.array([0, 0, 1, 1, 2])
    found = by_name(multiclass_counts(None, prediction, label, CLASSES))
    assert found["precision", "tram"].why == "None of the 5 rows with a label and a prediction was predicted 'tram'."
    assert "over 2 of 3 classes, not estimable for 'tram'" in found["macro_precision", ""].convention
    assert found["macro_f1", ""].value == pytest.approx((1 + 0.8 + 0) / 3)


def test_means_over_different_classes_are_not_compared(multiclass_counts) -> None:
    scores, prediction, label = rows(400, seed=3)
    whole = multiclass_performance(multiclass_counts(scores, prediction, label, CLASSES))
    without = multiclass_performance(multiclass_counts(scores, prediction, np.where(label == 2, 0, label), CLASSES))
    compared = {measure.measure: measure for measure in changes(whole, without) if not measure.column}
    assert compared["macro_f1"].change is None
    assert compared["macro_f1"].reference is not None
    assert compared["accuracy"].change is not None


def test_rows_without_a_label_or_a_prediction_are_left_out(multiclass_counts) -> None:
    prediction, label = np.array([0, 1, -1, 2, 2]), np.array([0, 2, 1, -1, 2])
    found = by_name(multiclass_counts(None, prediction, label, CLASSES))
    assert (found["labelled_share", ""].n, found["labelled_share", ""].value) == (5, 0.8)
    assert (found["accuracy", ""].n, found["accuracy", ""].value) == (3, pytest.approx(2 / 3))
    assert found["macro_roc_auc", ""].why == "The model logs no score."


def test_no_label_leaves_all_but_the_labelled_share_undefined(multiclass_counts) -> None:
    scores, prediction, _ = rows(40, seed=1)
    found = by_name(multiclass_counts(scores, prediction, np.full(40, -1), CLASSES))
    assert found.pop(("labelled_share", "")).value == 0.0
    assert {measure.why for measure in found.values()} == {"None of the 40 rows has a label."}


def test_one_class_among_the_labels_has_no_one_against_the_rest_area(multiclass_counts) -> None:
    scores, prediction, _ = rows(40, seed=1)
    found = by_name(multiclass_counts(scores, prediction, np.zeros(40, dtype=int), CLASSES))
    assert found["macro_roc_auc", ""].why == "Fewer than two classes among the labelled rows with scores."


@given(table=st.lists(st.integers(0, 5), min_size=16, max_size=16))
@settings(max_examples=80, deadline=None)
def test_values_lie_in_their_intervals_whatever_the_counts(table: list[int]) -> None:
    counts = MulticlassCounts(confusion=np.array(table).reshape(4, 4), classes=tuple(CLASSES))
    for measure in multiclass_performance(counts):
        assert (measure.value is None) == (measure.status is Status.UNDEFINED) == bool(measure.why)
        assert measure.measure != "roc_auc" or measure.why
        if measure.value is not None:
            assert 0 <= measure.interval.low <= measure.value <= measure.interval.high <= 1


def test_a_perfect_window_still_has_intervals() -> None:
    counts = MulticlassCounts(confusion=np.diag([5, 9, 4, 0]), classes=tuple(CLASSES))
    for name in ("balanced_accuracy", "macro_precision", "macro_f1"):
        interval = by_name(counts)[name, ""].interval
        assert interval.high == 1.0
        assert 0.5 < interval.low < 0.9


@pytest.mark.parametrize(("n", "tolerance"), [(60, 0.035), (300, 0.025), (3_000, 0.025)])
def test_intervals_of_macro_means_cover_the_true_value(n: int, tolerance: float) -> None:
    """Multinomial tables, 800 runs; 15 coverages of standard error 0.0077, so that 3.2 of them are allowed."""
    cells = np.array([[0.45, 0.05, 0.02], [0.05, 0.25, 0.01], [0.0, 0.02, 0.15]])
    hits = np.diag(cells)
    truth = {
        "balanced_accuracy": (hits / cells.sum(axis=0)).mean(),
        "macro_precision": (hits / cells.sum(axis=1)).mean(),
        "macro_f1": (2 * hits / (cells.sum(axis=0) + cells.sum(axis=1))).mean(),
        "weighted_precision": np.average(hits / cells.sum(axis=1), weights=cells.sum(axis=0)),
        "weighted_f1": np.average(2 * hits / (cells.sum(axis=0) + cells.sum(axis=1)), weights=cells.sum(axis=0)),
    }
    covered = dict.fromkeys(truth, 0)
    for table in np.random.default_rng(4).multinomial(n, cells.ravel(), size=800):
        confusion = np.zeros((4, 4), dtype=np.int64)
        confusion[:3, :3] = table.reshape(3, 3)
        found = by_name(MulticlassCounts(confusion=confusion, classes=tuple(CLASSES)))
        for name, value in truth.items():
            interval = found[name, ""].interval
            covered[name] += interval.low <= value <= interval.high
    assert {name: hits / 800 for name, hits in covered.items()} == pytest.approx(
        dict.fromkeys(truth, 0.95), abs=tolerance
    )


def test_a_confusion_of_other_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="confusion has shape"):
        MulticlassCounts(confusion=np.zeros((3, 3), dtype=np.int64), classes=tuple(CLASSES))
