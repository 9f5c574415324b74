"""Data or model: parts that add up, intervals by another route."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.compare.grid import CELLS, GridScores, grid_measures
from core.compare.ranking import delong
from core.compare.verdicts import Verdict
from core.schema import Task


def scores(n: int = 400, seed: int = 3) -> GridScores:
    """Four scores of increasing worth of the same rows."""
    rng = np.random.default_rng(seed)
    positive = rng.random(n) < 0.4
    noise = rng.normal(0, 1, (n, 4))
    score = 1 / (1 + np.exp(-(noise + positive[:, None] * np.array([0.6, 0.9, 1.2, 1.8]))))
    label = np.where(positive, "yes", "no")
    return GridScores(
        task=Task.BINARY, label=label, prediction=np.where(score > 0.6, "yes", "no"), score=score, positive="yes"
    )


def area(positive: np.ndarray, score: np.ndarray) -> float:
    pairs = score[positive][:, None] - score[~positive][None, :]
    return float((np.sign(pairs) + 1).mean() / 2)


@pytest.mark.parametrize("task", [Task.BINARY, Task.MULTICLASS, Task.REGRESSION])
def test_what_the_data_and_the_recipe_brought_adds_up_to_the_whole(task: Task) -> None:
    given = scores()
    if task is Task.REGRESSION:
        given = GridScores(task=task, label=(given.label == "yes").astype(float), prediction=given.score)
    elif task is Task.MULTICLASS:
        given = GridScores(task=task, label=given.label, prediction=given.prediction)
    for found in grid_measures(given):
        old_old, new_old, old_new, new_new = found.cells
        assert found.total.value == pytest.approx(new_new - old_old)
        assert found.data.value == pytest.approx(((old_new - old_old) + (new_new - new_old)) / 2)
        assert found.data.value + found.recipe.value == pytest.approx(found.total.value)
        assert found.interaction.value == pytest.approx(new_new - old_new - new_old + old_old)
        assert len(found.cells) == len(CELLS)


def test_the_four_areas_are_shares_of_pairs_and_the_whole_has_delongs_interval() -> None:
    given = scores()
    positive = given.label == "yes"
    found = grid_measures(given)[0]
    assert found.cells == pytest.approx([area(positive, given.score[:, cell]) for cell in range(4)])
    pair = delong(positive, given.score[:, 0], given.score[:, 3])
    half = (found.total.interval.high - found.total.interval.low) / 2
    assert half == pytest.approx(1.959964 * pair.standard_error, rel=1e-5)


def test_intervals_are_those_of_a_paired_bootstrap() -> None:
    given, rng = scores(), np.random.default_rng(5)
    positive, n = given.label == "yes", len(given.label)
    found = {measure.measure: measure for measure in grid_measures(given)}
    weights = np.array([-0.5, -0.5, 0.5, 0.5])
    right = (given.prediction == given.label[:, None]) @ weights
    drawn = []
    for _ in range(600):
        rows = rng.integers(0, n, n)
        areas = [area(positive[rows], given.score[rows, cell]) for cell in range(4)]
        drawn.append((float(np.dot(areas, weights)), float(right[rows].mean())))
    for measure, values in zip(("roc_auc", "accuracy"), np.array(drawn).T, strict=True):
        interval = found[measure].data.interval
        error = (interval.high - interval.low) / 2 / 1.959964
        assert values.std() == pytest.approx(error, rel=0.12), "600 draws tell a standard deviation to about 3%"


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """1,000 samples of 200 rows; the truth of accuracies is known by the law of the rows."""
    rng, n_runs, n = np.random.default_rng(11), 1000, 200
    rates = np.array([0.6, 0.65, 0.7, 0.8])
    truth = float(rates @ np.array([-0.5, -0.5, 0.5, 0.5]))
    covered = 0
    for _ in range(n_runs):
        right = rng.random((n, 1)) < rates  # the same row is hard for all four
        prediction = np.where(right, "a", "b")
        given = GridScores(task=Task.MULTICLASS, label=np.full(n, "a"), prediction=prediction)
        interval = grid_measures(given)[0].data.interval
        covered += interval.low <= truth <= interval.high
    assert abs(covered / n_runs - 0.95) < 4 * math.sqrt(0.95 * 0.05 / n_runs)


def test_fits_that_say_the_same_brought_nothing_for_certain() -> None:
    given = scores()
    same = GridScores(
        task=Task.BINARY,
        label=given.label,
        prediction=given.prediction[:, [0, 0, 2, 2]],
        score=given.score[:, [0, 0, 2, 2]],
        positive="yes",
    )
    for found in grid_measures(same):
        assert (found.recipe.value, found.recipe.interval.low, found.recipe.interval.high) == (0.0, 0.0, 0.0)
        assert found.recipe.verdict is Verdict.SAME
        assert found.data.value == pytest.approx(found.total.value)
