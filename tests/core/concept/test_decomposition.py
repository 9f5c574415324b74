"""The parts of a change of loss: against worlds whose truth is known, a bootstrap, and plain arithmetic."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.concept.decomposition import Cause, LossDecomposition, decompose_loss
from core.concept.loss_rows import LossRows
from core.errors import InputError
from tests.core.concept.worlds import World, decomposed

COVARIATE, CONCEPT, BOTH = World(shift=0.5, concept=0.0), World(shift=0.0, concept=0.9), World(shift=0.5, concept=0.9)


def side(rng: np.random.Generator, shares: list[float], rates: list[float], n: int, n_windows: int = 1) -> LossRows:
    cell = rng.choice(len(shares), n, p=shares)
    loss = (rng.random(n) < np.array(rates)[cell]).astype(float)
    return LossRows(loss=loss, cell=cell, window=np.arange(n) * n_windows // n)


def by_name(found: LossDecomposition) -> dict[str, float]:
    return {part.name: part.value for part in found.parts}


@pytest.mark.parametrize(
    ("world", "cause"),
    [
        (COVARIATE, Cause.INPUTS),
        (CONCEPT, Cause.CONCEPT),
        (BOTH, Cause.BOTH),
        (replace(COVARIATE, is_blind=True), Cause.INPUTS),
    ],
    ids=["covariate only", "concept only", "both", "covariate only, unknown to the model"],
)
def test_in_worlds_whose_truth_is_known_it_lies_within_two_standard_errors(world: World, cause: Cause) -> None:
    """Three runs of 4,000 and 3,000 rows a world; `make bench-concept` has 100."""
    truth = world.truth(np.random.default_rng(0), 200_000)
    truth["inputs"] = truth["shared inputs"] + truth["new inputs"]
    runs = [decomposed(world, np.random.default_rng(seed), 4_000, 3_000) for seed in range(20, 23)]
    scores = [
        (part.value - truth[part.name]) / ((part.interval.high - part.value) / 1.96)
        for found in runs
        for part in (found.concept, found.inputs)
    ]
    assert np.mean(np.abs(scores) < 2) >= 5 / 6
    assert max(map(abs, scores)) < 3.2
    assert [found.cause for found in runs].count(cause) >= 2
    assert all(found.overlap > 0.9 for found in runs)


def test_bins_of_a_score_blame_the_concept_where_the_model_does_not_know_what_moved() -> None:
    world = replace(COVARIATE, is_blind=True)
    truth = world.truth(np.random.default_rng(0), 200_000)
    assert truth["concept"] == pytest.approx(0.0, abs=1e-9)
    by_score = decomposed(world, np.random.default_rng(24), 4_000, 3_000, by_score=True)
    by_propensity = decomposed(world, np.random.default_rng(24), 4_000, 3_000)
    assert by_score.cause is Cause.CONCEPT
    assert by_propensity.cause is Cause.INPUTS


def test_the_parts_are_the_published_arithmetic() -> None:
    """p, q and both sides' rates by hand: s is p q / (p + q), scaled to 1."""
    p, q = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    before, now = np.array([0.05, 0.1, 0.3]), np.array([0.05, 0.15, 0.3])
    s = p * q / (p + q) / (p * q / (p + q)).sum()

    def exact(shares: np.ndarray, rates: np.ndarray) -> LossRows:
        n = (shares * 1_000).round().astype(int)
        loss = np.concatenate(
            [np.arange(size) < round(size * rate) for size, rate in zip(n.tolist(), rates.tolist(), strict=True)]
        )
        return LossRows(loss=loss.astype(float), cell=np.repeat(np.arange(3), n), window=np.zeros(n.sum(), dtype=int))

    found = decompose_loss(exact(p, before), exact(q, now), n_cells=3)
    assert by_name(found) == pytest.approx(
        {"shared inputs": s @ before - p @ before, "concept": s @ (now - before), "new inputs": q @ now - s @ now}
    )
    assert found.overlap == pytest.approx(2 * (p * q / (p + q)).sum())
    assert [cell.common_share for cell in found.cells] == pytest.approx(s.tolist())


@pytest.mark.parametrize("expected", [False, True])
def test_standard_errors_are_those_of_a_bootstrap_of_rows(expected: bool) -> None:
    rng = np.random.default_rng(31)
    sides = [side(rng, [0.5, 0.3, 0.2], [0.1, 0.2, 0.4], 900), side(rng, [0.3, 0.3, 0.4], [0.15, 0.2, 0.35], 700)]
    if expected:
        sides = [replace(each, expected=each.loss * 0.3 + rng.normal(0, 0.2, each.n)) for each in sides]

    def again() -> LossDecomposition:
        drawn = []
        for each in sides:
            rows = rng.integers(0, each.n, each.n)
            expectation = None if each.expected is None else each.expected[rows]
            drawn.append(LossRows(loss=each.loss[rows], cell=each.cell[rows], window=each.window, expected=expectation))
        return decompose_loss(*drawn, n_cells=3)

    found = decompose_loss(*sides, n_cells=3)
    draws = [again() for _ in range(250)]
    for name in ("shared inputs", "concept", "new inputs"):
        spread = np.std([by_name(draw)[name] for draw in draws])
        part = next(part for part in found.parts if part.name == name)
        assert (part.interval.high - part.value) / 1.96 == pytest.approx(spread, rel=0.13), name
    spread = np.std([draw.change.value for draw in draws])
    assert (found.change.interval.high - found.change.value) / 1.96 == pytest.approx(spread, rel=0.13)


@pytest.mark.parametrize("n_windows_now", [1, 10])
def test_intervals_know_that_days_differ_by_more_than_chance(n_windows_now: int) -> None:
    """Rates vary by 3 points from day to day and nothing else changes; rows alone would cover about 60%. 150 runs."""
    rng = np.random.default_rng(32)

    def days(n_days: int) -> LossRows:
        rates = np.repeat(rng.normal(0.2, 0.03, n_days), 500)
        cell = rng.integers(0, 4, rates.size)
        window = np.repeat(np.arange(n_days), 500)
        return LossRows(loss=(rng.random(rates.size) < rates).astype(float), cell=cell, window=window)

    inside = []
    for _ in range(150):
        concept = decompose_loss(days(15), days(n_windows_now), n_cells=4).concept
        inside.append(concept.interval.low <= 0 <= concept.interval.high)
    assert 0.90 <= np.mean(inside) <= 0.99


@given(data=st.lists(st.tuples(st.integers(0, 2), st.booleans(), st.booleans()), min_size=120, max_size=200))
@settings(max_examples=15, deadline=None)
def test_parts_sum_to_the_change_and_turn_round_with_the_sides(data: list[tuple[int, bool, bool]]) -> None:
    sides = []
    for now in (False, True):
        rows = [(cell, wrong) for cell, wrong, is_now in data if is_now is now] * 4
        if len(rows) < 50:
            return
        cell, wrong = np.array(rows).T
        sides.append(LossRows(loss=wrong.astype(float), cell=cell.astype(int), window=np.zeros(len(rows), dtype=int)))
    found, back = decompose_loss(*sides, n_cells=3), decompose_loss(*sides[::-1], n_cells=3)
    assert sum(part.value for part in found.parts) == pytest.approx(found.after - found.before, abs=1e-12)
    assert found.change.value == pytest.approx(found.inputs.value + found.concept.value, abs=1e-12)
    assert by_name(found)["concept"] == pytest.approx(-by_name(back)["concept"], abs=1e-12)
    assert by_name(found)["shared inputs"] == pytest.approx(-by_name(back)["new inputs"], abs=1e-12)
    assert 0 <= found.overlap <= 1 + 1e-12


def test_without_enough_in_common_no_cause_is_named() -> None:
    rng = np.random.default_rng(33)
    found = decompose_loss(
        side(rng, [0.9, 0.05, 0.05], [0.1, 0.2, 0.3], 2_000),
        side(rng, [0.05, 0.05, 0.9], [0.3, 0.2, 0.3], 2_000),
        n_cells=3,
    )
    assert found.cause is Cause.NOT_SEPARATED
    assert found.overlap == pytest.approx(0.24, abs=0.03)
    assert found.why == f"Both sides have only {found.overlap:.0%} of their inputs in common; 80% are needed."


def test_a_doubt_about_labels_keeps_the_concept_unnamed_and_leaves_inputs_alone() -> None:
    rng = np.random.default_rng(34)
    doubt = "Labels are in for 40% of these rows."
    same = [0.5, 0.3, 0.2]
    rises = side(rng, same, [0.1, 0.1, 0.1], 3_000), side(rng, same, [0.2, 0.2, 0.2], 3_000)
    assert decompose_loss(*rises, n_cells=3).cause is Cause.CONCEPT
    doubted = decompose_loss(*rises, n_cells=3, doubt=doubt)
    assert (doubted.cause, doubted.why) == (Cause.NOT_SEPARATED, doubt)
    moves = side(rng, same, [0.1, 0.2, 0.4], 3_000), side(rng, [0.2, 0.4, 0.4], [0.1, 0.2, 0.4], 3_000)
    assert decompose_loss(*moves, n_cells=3, doubt=doubt).cause is Cause.INPUTS


def test_no_change_is_said_as_such_and_a_change_of_neither_part_too() -> None:
    rng = np.random.default_rng(35)
    same = side(rng, [0.5, 0.5], [0.2, 0.2], 2_000)
    assert decompose_loss(same, same, n_cells=2).cause is Cause.NOTHING


def test_too_few_rows_are_undefined_and_say_whose() -> None:
    rng = np.random.default_rng(36)
    many, few = side(rng, [0.5, 0.5], [0.2, 0.2], 200), side(rng, [0.5, 0.5], [0.2, 0.2], 20)
    found = decompose_loss(many, few, n_cells=2)
    assert (found.cause, found.change, found.parts) == (Cause.NOT_SEPARATED, None, ())
    assert found.why == "50 labelled rows are needed on each side; the current side has 20."
    assert "the reference has 20" in decompose_loss(few, many, n_cells=2).why


def test_tables_that_do_not_fit_are_refused() -> None:
    rng = np.random.default_rng(37)
    rows = side(rng, [0.5, 0.5], [0.2, 0.2], 100)
    with pytest.raises(InputError, match="Cells are numbered from 0 to 0"):
        decompose_loss(rows, rows, n_cells=1)
    with pytest.raises(InputError, match="Either both sides have expected losses"):
        decompose_loss(rows, replace(rows, expected=rows.loss), n_cells=2)
    with pytest.raises(InputError, match="one value a row each"):
        LossRows(loss=rows.loss, cell=rows.cell[:5], window=rows.window)
