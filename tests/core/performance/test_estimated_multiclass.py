"""What scores of several classes promise, held against what labels then show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.metrics import balanced_accuracy_score, precision_recall_fscore_support

from core.performance.class_calibration import drawn_confusions, fitted_confusion, multiclass_calibration_of
from core.performance.cost import Costs
from core.performance.estimated import PREFIX
from core.performance.estimated_multiclass import _rows, confusion_measures, estimate_multiclass
from core.performance.multiclass import MulticlassCounts, multiclass_performance
from core.stats.binning import N_SPECIAL, NumericBins

CLASSES = ("a", "b", "c")
N_BINS = 20
ENDS = tuple((np.arange(N_BINS) + 0.5) / N_BINS)
BINS = NumericBins(ends=ENDS, low=ENDS[0], exact=True)


def rows(n: int, rng: np.random.Generator, *, concept: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores in twentieths and labels; scores are off by a slope."""
    z = rng.normal(0, 1.2, (n, 3))
    chance = softmax(0.8 * z + [concept, 0.0, -0.2], axis=1)
    score = (np.floor(softmax(z, axis=1) * N_BINS) + 0.5) / N_BINS
    return score, (rng.random((n, 1)) > np.cumsum(chance, axis=1)[:, :2]).sum(axis=1)


def counted(score: np.ndarray, label: np.ndarray | None) -> MulticlassCounts:
    """Counts of rows that are decided for the highest score; no label: none yet."""
    decided = score.argmax(axis=1)
    outcome = np.full(len(score), 3) if label is None else label
    tables = {}
    for place, name in enumerate(CLASSES):
        own = np.where(outcome == 3, 2, (outcome == place) * 1)
        tables[name] = np.zeros((N_BINS + N_SPECIAL, 3, 3), dtype=np.int64)
        at = np.round(score[:, place] * N_BINS - 0.5).astype(int), (decided == place) * 1, own
        np.add.at(tables[name], at, 1)
    confusion = np.zeros((4, 4), dtype=np.int64)
    np.add.at(confusion, (decided, outcome), 1)
    return MulticlassCounts(
        confusion=confusion, classes=CLASSES, scores=tables, score_bins=dict.fromkeys(CLASSES, BINS)
    )


def test_measures_of_a_confusion_are_scikit_learns() -> None:
    rng = np.random.default_rng(1)
    label, decided = rng.integers(0, 3, 300), rng.integers(0, 3, 300)
    table = np.zeros((1, 3, 3))
    np.add.at(table[0], (decided, label), 1)
    found = {key: values[0] for key, values in confusion_measures(table, CLASSES).items()}
    for average, kind in (("macro", "macro"), ("weighted", "weighted")):
        precision, _, f1, _ = precision_recall_fscore_support(label, decided, average=average)
        assert (found[f"{kind}_precision", ""], found[f"{kind}_f1", ""]) == pytest.approx((precision, f1))
    assert found["balanced_accuracy", ""] == pytest.approx(balanced_accuracy_score(label, decided))
    by_class = precision_recall_fscore_support(label, decided, average=None)
    for place, name in enumerate(CLASSES):
        assert [found[m, name] for m in ("precision", "recall", "f1")] == pytest.approx(
            [part[place] for part in by_class[:3]]
        )


@pytest.mark.parametrize("seed", range(5))
def test_errors_are_spread_so_that_each_prediction_and_each_label_has_its_own(seed: int) -> None:
    rng = np.random.default_rng(seed)
    errors = rng.integers(0, 40, (5, 5)) * (1 - np.eye(5))
    wrong = rng.uniform(20, 60, (3, 5))
    missed = np.stack([(errors / errors.sum() * rng.uniform(0.8, 1.2, (5, 5))).sum(axis=0) for _ in range(3)])
    shares = fitted_confusion(errors, wrong, missed)
    assert np.diagonal(shares, axis1=1, axis2=2) == pytest.approx(np.zeros((3, 5)))
    assert shares.sum(axis=2) == pytest.approx(np.ones((3, 5)))
    by_label = (wrong[:, :, np.newaxis] * shares).sum(axis=1)
    assert by_label / by_label.sum(axis=1, keepdims=True) == pytest.approx(
        missed / missed.sum(axis=1, keepdims=True), abs=1e-3
    )


def test_the_accuracy_is_the_mean_rate_of_each_row_given_the_score_of_what_was_predicted() -> None:
    rng = np.random.default_rng(2)
    calibration = multiclass_calibration_of(counted(*rows(6_000, rng)), rng=rng)
    score, _ = rows(2_000, rng)
    place = np.round(score * N_BINS - 0.5).astype(int) + 1  # the first is below the reference
    decided = score.argmax(axis=1)
    own = [calibration.by_class[CLASSES[d]].chosen.rates[place[i, d]] for i, d in enumerate(decided)]
    accuracy = estimate_multiclass(calibration, counted(score, None), rng=rng)[0]
    assert accuracy.value == pytest.approx(np.mean(own), abs=1e-9)


def test_drawn_tables_hold_every_row_once() -> None:
    rng = np.random.default_rng(3)
    calibration = multiclass_calibration_of(counted(*rows(3_000, rng)), rng=rng, n_draws=100)
    window = counted(rows(800, rng)[0], None)
    drawn = drawn_confusions(calibration, {name: _rows(window, name) for name in CLASSES}, rng)
    assert (drawn >= 0).all()
    assert (drawn.sum(axis=2) == window.confusion.sum(axis=1)[:3]).all(), "predictions are known"


def test_intervals_hold_what_labels_show_and_nothing_of_a_changed_concept() -> None:
    """30 runs of 20 measures: the standard error of a coverage of 0.95 is 0.04, and 3 of them are allowed."""
    rng, runs = np.random.default_rng(4), 30
    held: dict[tuple[str, str], int] = {}
    fooled = 0
    for _ in range(runs):
        calibration = multiclass_calibration_of(counted(*rows(2_500, rng)), rng=rng, n_draws=200)
        window = counted(*rows(1_000, rng))
        truth = {(m.measure, m.column): m.value for m in multiclass_performance(window)}
        for m in estimate_multiclass(calibration, window, rng=rng):
            key = m.measure.removeprefix(PREFIX), m.column
            held[key] = held.get(key, 0) + (m.interval.low <= truth[key] <= m.interval.high)
        changed = counted(*rows(1_000, rng, concept=1.0))
        recall = next(m for m in estimate_multiclass(calibration, changed, rng=rng) if m.measure.endswith("d_recall"))
        shown = next(m for m in multiclass_performance(changed) if (m.measure, m.column) == ("recall", "a"))
        fooled += recall.interval.low <= shown.value <= recall.interval.high
    assert len(held) == 8 + 3 * 4
    assert min(held.values()) / runs >= 0.83, held
    assert fooled <= 5, "of the recall of the class that gained"


def test_costs_are_those_of_the_expected_table() -> None:
    rng = np.random.default_rng(5)
    calibration = multiclass_calibration_of(counted(*rows(3_000, rng)), rng=rng, n_draws=100)
    window = counted(rows(800, rng)[0], None)
    each = {name: {other: 1.0 for other in CLASSES if other != name} for name in CLASSES}
    found = estimate_multiclass(calibration, window, rng=rng, costs=Costs(amounts=each, currency="EUR"))
    by_name = {m.measure: m.value for m in found if not m.column}
    assert by_name["estimated_cost_per_row"] == pytest.approx(1 - by_name["estimated_accuracy"]), "1 for each error"


def test_a_class_without_a_score_leaves_nothing_to_estimate_from() -> None:
    counts = counted(*rows(500, np.random.default_rng(6)))
    bare = replace(counts, scores={name: counts.scores[name] for name in ("a", "b")})
    assert multiclass_calibration_of(bare, rng=np.random.default_rng(1)) is None


def test_windows_that_differ_more_than_chance_widen_the_interval() -> None:
    rng = np.random.default_rng(7)
    days = [rows(1_000, rng, concept=rng.normal(0, 0.8)) for _ in range(12)]
    whole = counted(np.concatenate([s for s, _ in days]), np.concatenate([y for _, y in days]))
    apart = multiclass_calibration_of(whole, [counted(*day) for day in days], rng=np.random.default_rng(1))
    alike = multiclass_calibration_of(whole, rng=np.random.default_rng(1))
    window = counted(rows(1_000, rng)[0], None)
    limits = [estimate_multiclass(each, window, rng=np.random.default_rng(2))[0].interval for each in (apart, alike)]
    width = [limit.high - limit.low for limit in limits]
    assert apart.correlation > 0
    assert alike.correlation == 0
    assert width[0] > width[1]
