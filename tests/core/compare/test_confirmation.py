"""Slices found on one half and tested on the other: planted harm is confirmed, chance alone is not."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from core.compare.comparison import compare
from core.compare.confirmation import confirm_slices
from core.compare.means import RowValues
from core.compare.rows import Groups, Predictions
from core.compare.verdicts import Verdict
from core.errors import InputError
from core.schema import Task

MARGINS = {"accuracy": 0.01}


def world(
    rng: np.random.Generator, *, harm: float = 0.0, churn: float = 0.1, n: int = 4000
) -> tuple[RowValues, dict[str, Groups]]:
    """Two versions with the same accuracy; in region 'a' the candidate is worse by `harm`."""
    codes = {name: rng.integers(0, n_values, n) for name, n_values in (("region", 8), ("age", 6), ("channel", 4))}
    champion = (rng.random(n) < 0.8).astype(float)
    flipped = rng.random(n) < churn
    candidate = np.where(flipped, (rng.random(n) < 0.8).astype(float), champion)
    harmed = (codes["region"] == 0) & (rng.random(n) < harm)
    candidate[harmed] = 0.0
    values = RowValues(
        measure="accuracy",
        champion=champion,
        candidate=candidate,
        usable=np.ones(n, dtype=bool),
        is_rate=True,
        higher_is_better=True,
        among="with a label",
    )
    groups = {
        name: Groups(names=tuple("abcdefgh"[: int(column.max()) + 1]), codes=column) for name, column in codes.items()
    }
    return values, groups


def halves(rng: np.random.Generator, n: int = 4000) -> np.ndarray:
    return rng.random(n) < 0.5


def test_planted_harm_is_found_on_one_half_and_confirmed_on_the_other_with_the_others_numbers() -> None:
    rng = np.random.default_rng(3)
    values, groups = world(rng, harm=0.25)
    finding = halves(rng)
    found = confirm_slices([values], groups, finding, margins=MARGINS, min_rows=30)
    (slice_,) = [each for each in found.confirmed if each.held_out.where == (("region", "a"),)]
    inside = (groups["region"].codes == 0) & ~finding
    change = values.candidate[inside] - values.champion[inside]
    assert (slice_.held_out.n, slice_.held_out.difference) == (inside.sum(), pytest.approx(change.mean()))
    gained, lost, n = (change > 0).sum(), (change < 0).sum(), inside.sum() + 2
    error = np.sqrt(gained + lost + 1 - (gained - lost) ** 2 / n) / n
    p_value = norm.cdf(((gained - lost) / n + 0.01) / error)
    assert p_value <= slice_.held_out.p_value <= p_value * len(found.slices) + 1e-12
    assert (found.n_finding, found.n_confirming) == (finding.sum(), (~finding).sum())
    assert f"the other half confirms {len(found.confirmed)} of the {len(found.slices)} found." in found.why


def test_where_nothing_is_worse_a_slice_is_seldom_confirmed_though_one_is_often_found() -> None:
    n_runs, n_found, n_confirmed = 120, 0, 0
    for seed in range(n_runs):
        rng = np.random.default_rng(seed)
        values, groups = world(rng, churn=0.6, n=2000)
        found = confirm_slices([values], groups, halves(rng, 2000), margins={"accuracy": 0.0}, min_rows=30)
        n_found += bool(found.slices)
        n_confirmed += bool(found.confirmed)
    assert n_found >= 5
    assert n_confirmed <= 0.05 * n_runs


def test_a_slice_with_too_few_other_rows_is_not_confirmed() -> None:
    rng = np.random.default_rng(3)
    values, groups = world(rng, harm=0.5)
    finding = halves(rng) | ((groups["region"].codes == 0) & (rng.random(4000) < 0.97))
    found = confirm_slices([values], {"region": groups["region"]}, finding, margins=MARGINS, min_rows=30)
    (slice_,) = [each for each in found.slices if each.found.where == (("region", "a"),)]
    assert slice_.held_out.verdict is Verdict.INSUFFICIENT
    assert not slice_.is_confirmed
    assert "none of the" in found.why


def test_without_columns_or_finds_it_says_so() -> None:
    rng = np.random.default_rng(1)
    values, groups = world(rng, n=400)
    assert confirm_slices([values], {}, halves(rng, 400), margins=MARGINS, min_rows=30).why == "No column to slice by."
    none = confirm_slices([values], groups, halves(rng, 400), margins={"accuracy": 0.5}, min_rows=30)
    assert none.slices == ()
    assert "none was found worse" in none.why
    with pytest.raises(InputError, match="finding must say of each row"):
        confirm_slices([values], groups, halves(rng, 399), margins=MARGINS, min_rows=30)


def test_a_comparison_holds_both_the_confirmation_and_the_test_for_looking_daily(loans) -> None:
    columns = loans(n=800)
    sides = [Predictions(prediction=decision) for decision in columns["decisions"]]
    options = {"task": Task.BINARY, "classes": ("no", "yes"), "groups": columns["groups"]}
    found = compare(columns["label"], *sides, finding=np.arange(800) % 2 == 0, **options)
    assert found.confirmation is not None
    assert (found.confirmation.n_finding, found.confirmation.n_confirming) == (400, 400)
    assert found.at_any_time is not None
    flips = {flip.measure: flip.k for flip in found.flips if not flip.where}
    assert (found.at_any_time.n_gained, found.at_any_time.n_lost) == (flips["positive_flip"], flips["negative_flip"])
    assert compare(columns["label"], *sides, **options).confirmation is None
