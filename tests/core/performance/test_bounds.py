"""Worst-case bounds, against every way in which the missing labels may come out."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from core.measure import Status
from core.performance.bounds import auc_bounds, worst_case_bounds
from core.performance.cost import Costs
from core.performance.identified import Basis, basis_of, identified_performance

COSTS = Costs(amounts={"no": {"yes": 100.0}, "yes": {"no": 7.0, "yes": -30.0}}, currency="EUR")


def completions(label: np.ndarray) -> list[np.ndarray]:
    """Every array of labels that agrees with those known (0, 1; -1 is missing)."""
    gaps = np.flatnonzero(label < 0)
    found = []
    for filled in product((0, 1), repeat=gaps.size):
        complete = label.copy()
        complete[gaps] = filled
        found.append(complete)
    return found


def area(score: np.ndarray, label: np.ndarray) -> float:
    """The share of pairs in which the positive scores higher, ties by half."""
    apart = score[label == 1][:, None] - score[label == 0][None, :]
    return float(((apart > 0) + (apart == 0) / 2).mean())


def measured(score: np.ndarray, prediction: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """The measures of complete labels, by their definitions; what has no value is left out."""
    y, d = label[prediction >= 0], prediction[prediction >= 0]
    hit = (y == 1) & (d == 1)
    matrix = np.array([[0.0, 100.0], [7.0, -30.0]])
    found = {
        "prevalence": label.mean(),
        "brier_score": ((score - label) ** 2).mean(),
        "log_loss": -np.log(np.where(label == 1, score, 1 - score)).mean(),
    }
    for name, of, among in (
        ("accuracy", y == d, y >= 0),
        ("cost_per_row", matrix[d, y], y >= 0),
        ("precision", hit, d == 1),
        ("recall", hit, y == 1),
        ("specificity", (y == 0) & (d == 0), y == 0),
    ):
        if among.any():
            found[name] = of[among].mean()
    if ((y == 1) | (d == 1)).any():
        found["f1"] = 2 * hit.sum() / ((y == 1).sum() + (d == 1).sum())
    if 0 < label.sum() < label.size:
        found["roc_auc"] = area(score, label)
    return found


@pytest.mark.parametrize("seed", range(25))
def test_bounds_are_the_least_and_the_most_over_every_completion(binary_counts, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(4, 14))
    score = rng.choice([0.05, 0.2, 0.4, 0.6, 0.85, 0.95], n)
    prediction = np.where(rng.random(n) < 0.1, -1, (score >= rng.choice([0.1, 0.5, 0.9])).astype(int))
    label = (rng.random(n) < score).astype(int)
    label[rng.permutation(n)[: int(rng.integers(1, min(n, 7)))]] = -1
    every = [measured(score, prediction, complete) for complete in completions(label)]
    counts = binary_counts(score, prediction, label)
    bins = replace(counts.score_bins, exact=True)  # as each score has a bin here
    found = worst_case_bounds(replace(counts, score_bins=bins), costs=COSTS)
    names = {name for values in every for name in values}
    assert set(found) == names
    for name in names:
        values = [values[name] for values in every if name in values]
        assert (found[name].low, found[name].high) == pytest.approx((min(values), max(values))), name


@pytest.mark.parametrize("seed", range(30))
def test_the_auc_s_bounds_are_found_without_trying_all_numbers_of_positives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    negatives, positives, unlabelled = rng.integers(0, 40, (3, int(rng.integers(2, 7)))) * (rng.random((3, 1)) < 0.8)
    ends = []
    for neg, pos, unl in ((negatives, positives, unlabelled), *[[x[::-1] for x in (negatives, positives, unlabelled)]]):
        areas = []
        for k in range(int(unl.sum()) + 1):
            before = np.concatenate([np.cumsum(unl[::-1])[::-1][1:], [0]])  # the k rows that score highest are positive
            extra = np.clip(k - before, 0, unl)
            p, q = pos + extra, neg + unl - extra
            if p.sum() and q.sum():
                areas.append(float(p @ (np.cumsum(q) - q / 2)) / float(p.sum() * q.sum()))
        ends.append(max(areas, default=None))
    low, high = auc_bounds(negatives, positives, unlabelled)
    if ends[0] is None:
        assert (low, high) == (None, None)
    else:
        assert (low, high) == pytest.approx((1 - ends[1], ends[0]))


def test_bounds_of_scores_in_bins_hold_whatever_the_scores_inside_them_are(binary_counts) -> None:
    rng = np.random.default_rng(3)
    reference = rng.random(5_000)  # more distinct scores than bins
    score = rng.random(12)
    label = (rng.random(12) < score).astype(int)
    label[:6] = -1
    prediction = (score >= 0.5).astype(int)
    found = worst_case_bounds(binary_counts(score, prediction, label, reference_score=reference))
    for complete in completions(label):
        for name, value in measured(score, prediction, complete).items():
            if name in found:
                assert found[name].low - 1e-12 <= value <= found[name].high + 1e-12, name


def one_sided(binary_counts, n: int = 2_000, **more: object):
    rng = np.random.default_rng(1)
    score = rng.beta(2, 2, n).round(2)
    prediction = (score >= 0.5).astype(int)
    label = np.where(prediction == 1, (rng.random(n) < score).astype(int), -1)
    return binary_counts(score, prediction, label, **more), label[prediction == 1]


def test_of_one_sided_labels_only_the_precision_of_the_decision_that_gets_them_is_shown(binary_counts) -> None:
    counts, known = one_sided(binary_counts)
    found = {m.measure: m for m in identified_performance(counts)}
    assert found["precision"].value == pytest.approx(known.mean())
    assert found["labelled_share"].value == pytest.approx(known.size / 2_000)
    others = [m for name, m in found.items() if name not in ("precision", "labelled_share")]
    assert {m.status for m in others} == {Status.UNDEFINED}
    assert {m.why for m in others} == {"Not identified: 0% of rows predicted 'no' have a label, 100% of 'yes'."}
    bounded = {m.measure for m in others if m.interval is not None}
    assert bounded == {"prevalence", "accuracy", "recall", "specificity", "f1", "roc_auc", "brier_score", "log_loss"}
    assert {basis_of(m) for m in others if m.interval} == {Basis.BOUNDS}


def test_young_rows_are_judged_by_what_mature_ones_showed(binary_counts) -> None:
    from core.performance.selective import label_rates

    mature, _ = one_sided(binary_counts)
    young = binary_counts([0.2, 0.8, 0.9], [0, 1, 1], [0, 1, -1])
    shown = identified_performance(young, before=label_rates(mature), is_mature=False)
    assert [m.value for m in shown if m.measure == "accuracy"] == [None]
    assert [m.interval for m in shown if m.measure == "accuracy"] == [None], "its labels are still arriving"
    alone = identified_performance(young)
    assert identified_performance(one_sided(binary_counts)[0], is_mature=False)[2].value is not None, "not mature"
    assert [m.value for m in alone if m.measure == "accuracy"] == [1.0], "three rows don't show that labels are chosen"
