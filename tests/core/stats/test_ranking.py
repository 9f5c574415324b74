"""ROC AUC from counts: scikit-learn, DeLong by pairs of rows, a published example, and coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm
from sklearn.metrics import confusion_matrix, roc_auc_score

from core.stats.binning import NumericBins, fit_scores
from core.stats.ranking import mixed_bins, roc_auc, threshold_table
from core.stats.scores import ordered_scores


def from_rows(score: np.ndarray, label: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Negatives and positives by distinct score."""
    _, code = np.unique(score, return_inverse=True)
    return np.bincount(code, weights=label == 0).astype(int), np.bincount(code, weights=label == 1).astype(int)


@given(rows=st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=60))
def test_the_area_equals_scikit_learns_and_its_variance_delongs_over_pairs_of_rows(
    rows: list[tuple[int, bool]],
) -> None:
    score, label = np.array(rows).T
    if label.all() or not label.any():
        return
    area = roc_auc(*from_rows(score, label))
    assert area.value == pytest.approx(roc_auc_score(label, score))
    assert area.lowest == area.value == area.highest
    assert 0 <= area.interval.low <= area.value <= area.interval.high <= 1
    wins = np.sign(score[label == 1][:, None] - score[label == 0][None, :]) / 2 + 0.5
    n_positive, n_negative = wins.shape
    variance = sum(
        placements.var(ddof=1) / len(placements)
        for placements in (wins.mean(axis=1), wins.mean(axis=0))
        if len(placements) > 1
    )
    assert area.standard_error == pytest.approx(math.sqrt(variance), abs=1e-12)
    assert (area.n_positive, area.n_negative) == (n_positive, n_negative)


def test_standard_errors_of_two_scores_on_eleven_rows() -> None:
    """Worked by hand: 26 and 21 of 30 pairs won."""
    label = np.array([1] * 5 + [0] * 6)
    first = np.array([0.9, 0.8, 0.7, 0.6, 0.35, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1])
    second = np.array([0.8, 0.55, 0.9, 0.4, 0.3, 0.7, 0.6, 0.35, 0.45, 0.2, 0.1])
    areas = [roc_auc(*from_rows(score, label)) for score in (first, second)]
    assert [area.value for area in areas] == [pytest.approx(26 / 30), pytest.approx(21 / 30)]
    assert [round(area.standard_error**2, 7) for area in areas] == [0.0138889, 0.0304444]


@given(
    rows=st.lists(st.tuples(st.integers(0, 40), st.booleans()), min_size=2, max_size=80),
    ends=st.sets(st.integers(0, 40), min_size=1, max_size=6),
)
def test_the_bracket_holds_the_area_of_the_rows_however_coarse_the_bins(
    rows: list[tuple[int, bool]], ends: set[int]
) -> None:
    score, label = np.array(rows, dtype=float).T
    if label.all() or not label.any():
        return
    bins = NumericBins(ends=tuple(float(end) for end in sorted(ends)), low=float(min(ends)), exact=False)
    codes = bins.assign(score)
    by_class = np.stack([np.bincount(codes[label == side], minlength=bins.size) for side in (0, 1)], axis=1)
    mixed = mixed_bins(by_class.sum(axis=1), bins)
    area = roc_auc(*ordered_scores(by_class).T, mixed=mixed)
    assert area.lowest - 1e-12 <= roc_auc_score(label, score) <= area.highest + 1e-12
    assert area.interval.low <= max(0.0, area.lowest)
    assert area.interval.high >= min(1.0, area.highest)


def test_the_sum_of_scores_proves_that_bins_hold_one_score_each() -> None:
    rng = np.random.default_rng(5)
    reference = np.round(rng.random(5_000), 2)
    bins, groups = fit_scores(reference), tuple(np.arange(101) // 6)
    codes = bins.assign(reference)
    sums = np.bincount(np.asarray(groups)[codes], weights=reference, minlength=18)
    rows = np.bincount(codes, minlength=bins.size)
    assert not mixed_bins(rows, bins, groups, sums).any()
    assert mixed_bins(rows, bins).sum() == (rows > 1).sum()

    shifted = reference - 1e-6 * (reference == 0.5)  # one value moves inside its bin
    moved = np.bincount(np.asarray(groups)[codes], weights=shifted, minlength=18)
    suspected = np.flatnonzero(mixed_bins(rows, bins, groups, moved)) - 2
    assert set(suspected) == set(np.flatnonzero(np.asarray(groups) == groups[50]))


def test_scores_beyond_the_reference_may_be_several_and_spoil_the_proof_of_their_neighbours() -> None:
    bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    rows = np.bincount(bins.assign(np.array([0.2, 0.2, 0.8, 0.8, 0.9, 0.95])), minlength=bins.size)
    sums = np.array([0.4, 3.45, 0.0])
    assert mixed_bins(rows, bins, (0, 1), sums).tolist() == [False, False, False, True, True, False]


@pytest.mark.parametrize(("scores", "expected"), [((0.1, 0.7, 0.8), 1), ((0.2, 0.3, 1.3), 1), ((0.2, 0.8, 0.8), 0)])
def test_a_score_out_of_range_cannot_make_up_for_one_inside_a_bin(scores: tuple[float, ...], expected: int) -> None:
    """In the first two cases the sum is what it would be with every row at its bin's end."""
    bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    codes = bins.assign(np.array([*scores, scores[1]]))
    at_ends = sum(bins.ends[code] for code in codes if code < 2)
    rows = np.bincount(codes, minlength=bins.size)
    assert mixed_bins(rows, bins, (0, 0), np.array([at_ends, 0.0])).sum() == expected


def test_a_perfect_ranking_still_has_an_interval() -> None:
    """Newcombe's method 5 at an area of 1: the limit solves 1 - theta = z * sqrt(V(theta))."""
    area = roc_auc(np.array([20, 0]), np.array([0, 10]))
    assert (area.value, area.interval.high, area.standard_error) == (1.0, 1.0, 0.0)
    theta = area.interval.low
    v = theta * (1 - theta) * (1 + 14 * ((1 - theta) / (2 - theta) + theta / (1 + theta))) / 200
    assert 1 - theta == pytest.approx(norm.ppf(0.975) * math.sqrt(v))
    worst = roc_auc(np.array([0, 20]), np.array([10, 0]))
    assert worst.interval.low == 0.0
    assert worst.interval.high == pytest.approx(1 - theta)


def test_one_class_alone_has_no_area() -> None:
    with pytest.raises(ValueError, match="0 positives"):
        roc_auc(np.array([3]), np.array([0]))


@pytest.mark.parametrize(
    ("shift", "n_positive", "n_negative", "least"),
    [(1.0, 30, 70, 0.93), (2.7, 20, 480, 0.93), (1.0, 200, 300, 0.93), (2.7, 200, 300, 0.92), (3.3, 60, 900, 0.93)],
)
def test_the_interval_covers_the_true_area(shift: float, n_positive: int, n_negative: int, least: float) -> None:
    """Two normal classes, whose area is known; 400 runs, standard error of a coverage of 0.95 is 0.011."""
    rng = np.random.default_rng(6)
    truth = norm.cdf(shift / math.sqrt(2))
    hits = 0
    for _ in range(400):
        score = np.concatenate([rng.normal(size=n_negative), rng.normal(shift, size=n_positive)])
        label = (np.arange(score.size) >= n_negative)[np.argsort(score)].astype(int)
        interval = roc_auc(1 - label, label).interval
        hits += interval.low <= truth <= interval.high
    assert hits / 400 >= least


@settings(max_examples=40)
@given(rows=st.lists(st.tuples(st.sampled_from([0.1, 0.3, 0.5, 0.9, 1.2, -0.5]), st.booleans()), min_size=1))
def test_each_threshold_has_the_confusion_of_the_rows(rows: list[tuple[float, bool]]) -> None:
    score, label = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    bins = NumericBins(ends=(0.1, 0.3, 0.5, 0.9), low=0.1, exact=False)
    by_class = np.stack(
        [np.bincount(bins.assign(score)[label == side], minlength=bins.size) for side in (0, 1)], axis=1
    )
    table = threshold_table(by_class, bins)
    assert table.threshold[2:].tolist() == [0.1, 0.3, 0.5, 0.9]
    for index, threshold in enumerate(table.threshold):
        tn, fp, fn, tp = confusion_matrix(label, score > threshold, labels=[False, True]).ravel()
        found = (table.true_negatives, table.false_positives, table.false_negatives, table.true_positives)
        assert [int(column[index]) for column in found] == [tn, fp, fn, tp]


def test_thresholds_refuse_counts_of_other_bins() -> None:
    with pytest.raises(ValueError, match="don't fit"):
        threshold_table(np.zeros((3, 2), dtype=np.int64), NumericBins(ends=(0.5,), low=0.5, exact=False))
