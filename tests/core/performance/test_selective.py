"""Worlds whose truth is known: who gets labels, whether the decision makes outcomes, what exploration can tell."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from core.measure import Measure, Status
from core.performance.binary import BinaryCounts
from core.performance.exploration import (
    effective_rows,
    exploration_measures,
    explored_calibration,
    explored_performance,
    why_not_weighted,
)
from core.performance.feedback import self_fulfilment
from core.performance.identified import Basis, basis_of, identified_performance
from core.performance.selective import Labelling, label_rate_by_score, label_rate_given_score, label_rates

Counted = Callable[..., BinaryCounts]
GRID = np.arange(1, 100) / 100
N = 20_000


def world(
    binary_counts: Counted,
    *,
    n: int = N,
    seed: int = 0,
    explore: float | None = 0.0,
    effect: float = 0.0,
    label_rate: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda score, decision: np.ones(score.size),
    bias: float = 0.0,
    weighted: bool = False,
    logs_what_was_done: bool = False,
) -> tuple[BinaryCounts, dict[str, float]]:
    """Counts of a world, and what a log of everything would show.

    `explore`: probability that a row is explored; None if the log doesn't say. `effect`: what acting on a row
    (predicted positive and not explored) adds to the probability of a positive. `label_rate` of score and decision,
    for rows that aren't explored; explored ones all get labels. `bias`: by how much a score below 0.5 is too high.
    """
    rng = np.random.default_rng(seed)
    score = rng.choice(GRID, n, p=GRID * (1 - GRID) / (GRID * (1 - GRID)).sum())
    decision = (score >= 0.5).astype(int)
    chance = explore or 0.0
    propensity = np.where(score < 0.5, chance, chance / 4) if weighted else np.full(n, chance)
    explored = rng.random(n) < propensity
    rate = np.clip(score - bias * (score < 0.5), 0, 1)
    outcome = (rng.random(n) < rate + effect * ((decision == 1) & ~explored)).astype(int)
    seen = explored | (rng.random(n) < label_rate(score, decision))
    truth = {"accuracy": (decision == outcome).mean(), "recall": decision[outcome == 1].mean()}
    truth |= {"prevalence": outcome.mean(), "specificity": (1 - decision)[outcome == 0].mean()}
    more: dict[str, object] = {} if explore is None else {"explored": explored}
    if weighted:
        more["weight"] = 1 / np.maximum(propensity, 1e-9)
    logged = np.where(explored & logs_what_was_done, 1, decision)
    return binary_counts(score, logged, np.where(seen, outcome, -1), reference_score=GRID, **more), truth


def acted_only(score: np.ndarray, decision: np.ndarray) -> np.ndarray:
    return decision.astype(float)


def by_score(score: np.ndarray, decision: np.ndarray) -> np.ndarray:
    return 0.3 + 0.5 * score


def by_decision_too(score: np.ndarray, decision: np.ndarray) -> np.ndarray:
    return 0.3 + 0.4 * decision


def half(score: np.ndarray, decision: np.ndarray) -> np.ndarray:
    return np.full(score.size, 0.5)


def monitors(counts: BinaryCounts) -> list[Measure]:
    return [
        label_rates(counts).gap,
        label_rate_by_score(counts),
        label_rate_given_score(counts),
        explored_calibration(counts),
        *self_fulfilment(counts),
    ]


def test_where_only_rows_acted_on_get_labels_they_are_one_sided(binary_counts: Counted) -> None:
    counts, _ = world(binary_counts, label_rate=acted_only, explore=None)
    found = label_rates(counts)
    assert (found.labelling, found.gap.status, found.gap.value) == (Labelling.ONE_SIDED, Status.CRITICAL, 1.0)
    assert found.words == "0% of rows predicted 'no' have one, 100% of 'yes'"
    slope = label_rate_by_score(counts)
    assert (slope.status, slope.why) == (Status.UNDEFINED, "Scores with and without labels don't overlap.")
    assert label_rate_given_score(counts).status is Status.UNDEFINED
    assert {m.status for m in exploration_measures(counts)} == {Status.UNDEFINED}


def test_exploring_a_few_does_not_make_one_sided_labels_look_complete(binary_counts: Counted) -> None:
    counts, truth = world(binary_counts, label_rate=acted_only, explore=0.05)
    assert label_rates(counts).is_one_sided, "explored rows are not the model's own"
    shown = {m.measure: m for m in identified_performance(counts, confidence=0.999)}
    assert basis_of(shown["precision"]) is Basis.OBSERVED
    assert shown["brier_score"].interval is not None
    assert shown["brier_score"].value is None
    for name, value in truth.items():
        measure = shown[name]
        assert basis_of(measure) is Basis.WEIGHTED
        assert measure.interval.low <= value <= measure.interval.high, name
    assert shown["accuracy"].n == round(effective_rows(counts))


@pytest.mark.parametrize("weighted", [False, True])
def test_weighted_estimates_cover_the_truth_as_often_as_they_say(binary_counts: Counted, weighted: bool) -> None:
    """95 of 100 intervals hold: of 40 worlds x 4 measures, which go together, at least 90 of 100 must."""
    held = []
    for seed in range(60):
        counts, truth = world(binary_counts, n=6_000, seed=seed, label_rate=acted_only, explore=0.1, weighted=weighted)
        found = explored_performance(counts)
        held += [found[name].interval.low <= value <= found[name].interval.high for name, value in truth.items()]
    assert 0.90 <= np.mean(held) <= 0.995


def test_labels_that_follow_the_score_alone_are_missing_at_random_given_it(binary_counts: Counted) -> None:
    """Decisions that aren't a threshold of the score, so that both are made at each."""
    rng = np.random.default_rng(5)
    score = rng.choice(GRID, N)
    decision = (rng.random(N) < score).astype(int)
    label = np.where(rng.random(N) < by_score(score, decision), (rng.random(N) < score).astype(int), -1)
    counts = binary_counts(score, decision, label, reference_score=GRID)
    slope, given = label_rate_by_score(counts), label_rate_given_score(counts)
    assert (slope.status, given.status) == (Status.WARNING, Status.OK)
    assert label_rates(counts).labelling is Labelling.SELECTIVE, "as those predicted positive score higher"
    peer = LogisticRegression(C=np.inf).fit(((score - score.mean()) / score.std())[:, None], label >= 0)
    assert slope.value == pytest.approx(peer.coef_[0, 0], abs=1e-3)
    label = np.where(rng.random(N) < by_decision_too(score, decision), label.clip(0), -1)
    again = label_rate_given_score(binary_counts(score, decision, label, reference_score=GRID))
    assert again.status is Status.WARNING
    assert again.interval.low <= 0.4 <= again.interval.high


@pytest.mark.parametrize("effect", [-0.15, 0.15])
def test_a_decision_that_makes_outcomes_is_found_and_its_size_told(binary_counts: Counted, effect: float) -> None:
    counts, _ = world(binary_counts, explore=0.2, effect=effect, n=40_000)
    of_no, of_yes = self_fulfilment(counts)
    assert (of_no.column, of_yes.column, of_yes.status) == ("no", "yes", Status.WARNING)
    assert of_yes.interval.low - 0.02 <= effect <= of_yes.interval.high + 0.02  # a probability can't leave 0 to 1
    assert of_no.status is not Status.WARNING


def test_selection_alone_is_no_self_fulfilment(binary_counts: Counted) -> None:
    counts, _ = world(binary_counts, label_rate=acted_only, explore=0.2, n=40_000)
    assert [m.status for m in self_fulfilment(counts)][1] is not Status.WARNING


def test_calibration_of_the_rows_with_a_label_is_not_taken_for_all_s(binary_counts: Counted) -> None:
    counts, _ = world(binary_counts, label_rate=acted_only, explore=0.1, bias=0.2)
    gap = explored_calibration(counts)
    assert gap.status is Status.WARNING
    assert gap.value < -0.05, "scores below 0.5, whose outcomes are rarer than they say, are seen in explored rows only"
    assert (
        explored_calibration(world(binary_counts, label_rate=acted_only, explore=0.1)[0]).status is not Status.WARNING
    )


def test_a_world_without_selection_warns_as_rarely_as_it_says(binary_counts: Counted) -> None:
    """Each at 1 in 100 at most, as it also asks for a margin: of 6 x 100, 6 would by chance and at most 12 may."""
    warned = 0
    for seed in range(100):
        counts, _ = world(binary_counts, n=2_000, seed=seed, label_rate=half, explore=0.1)
        warned += sum(m.status in (Status.WARNING, Status.CRITICAL) for m in monitors(counts))
    assert warned <= 12


def test_little_exploration_is_said_to_be_little_and_estimates_nothing(binary_counts: Counted) -> None:
    counts, _ = world(binary_counts, n=5_000, label_rate=acted_only, explore=0.02)
    share, worth = exploration_measures(counts)
    assert share.value == pytest.approx(0.02, abs=0.01)
    assert worth.status is Status.WARNING
    assert exploration_measures(counts, quarters=0.2)[1].status is Status.OK, "as many in a fifth of a quarter"
    assert why_not_weighted(counts)[0].endswith("fewer than 200.")
    shown = {m.measure: m for m in identified_performance(counts)}
    assert shown["accuracy"].value is None


def test_effective_rows_are_those_of_the_weights(binary_counts: Counted) -> None:
    weight = np.array([1.0, 2.0, 5.0, 9.0, 100.0])
    counts = binary_counts(
        [0.1, 0.3, 0.5, 0.7, 0.9],
        [0, 0, 1, 1, 1],
        [0, 1, 1, 0, -1],
        explored=[True, True, True, False, True],
        weight=weight,
    )
    assert effective_rows(counts) == pytest.approx(8.0**2 / (1 + 4 + 25)), "of those explored and with a label"


def test_explored_rows_that_are_not_like_the_others_stand_for_nothing(binary_counts: Counted) -> None:
    rng = np.random.default_rng(8)
    score = rng.choice(GRID, N)
    decision = (score >= 0.5).astype(int)
    explored = (rng.random(N) < 0.2) & (score < 0.5)
    label = np.where(explored | (decision == 1), (rng.random(N) < score).astype(int), -1)
    counts = binary_counts(score, decision, label, reference_score=GRID, explored=explored)
    assert why_not_weighted(counts)[0].startswith("Explored rows have other scores than all rows")
    assert explored_performance(counts) == {}


def test_a_log_of_what_was_done_gives_no_measures_of_decisions(binary_counts: Counted) -> None:
    counts, truth = world(binary_counts, label_rate=acted_only, explore=0.1, logs_what_was_done=True)
    assert why_not_weighted(counts)[1].startswith("Explored rows are predicted otherwise")
    found = explored_performance(counts)
    assert set(found) == {"prevalence", "roc_auc"}
    assert found["prevalence"].interval.low <= truth["prevalence"] <= found["prevalence"].interval.high
