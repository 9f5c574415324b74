"""A whole comparison: scikit-learn's values, what swapping and equality must do, and what can't be told."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    log_loss,
    mean_absolute_error,
    mean_squared_error,
    recall_score,
    roc_auc_score,
)

from core.compare.comparison import Comparison, compare
from core.compare.rows import Predictions
from core.compare.verdicts import Verdict
from core.errors import InputError, UnknownNameError
from core.governance.evidence import canonical_json
from core.schema import Task

BINARY = {"task": Task.BINARY, "classes": ("no", "yes")}


def sides(columns) -> tuple[Predictions, Predictions]:
    first, second = (
        Predictions(prediction=decision, score=score)
        for decision, score in zip(columns["decisions"], columns["scores"], strict=True)
    )
    return first, second


def by_name(comparison: Comparison):
    return {difference.measure: difference for difference in comparison.differences if not difference.label_class}


def test_a_binary_comparison_gives_scikit_learns_values_on_the_rows_that_both_answered(loans) -> None:
    columns = loans()
    found = by_name(compare(columns["label"], *sides(columns), groups=columns["groups"], **BINARY))
    known = np.array([label is not None for label in columns["label"]])
    decided = known & np.array([None not in pair for pair in zip(*columns["decisions"], strict=True)])
    scored = known & np.isfinite(columns["scores"]).all(axis=0)
    label = np.array([name == "yes" for name in columns["label"]])
    for side, score, decision in zip(("champion", "candidate"), columns["scores"], columns["decisions"], strict=True):
        said = decision == "yes"
        expected = {
            "roc_auc": roc_auc_score(label[scored], score[scored]),
            "brier_score": brier_score_loss(label[scored], score[scored]),
            "log_loss": log_loss(label[scored], score[scored]),
            "accuracy": accuracy_score(label[decided], said[decided]),
            "recall": recall_score(label[decided], said[decided]),
            "false_positive_rate": 1 - recall_score(~label[decided], ~said[decided]),
        }
        for measure, value in expected.items():
            assert getattr(found[measure], side) == pytest.approx(value), measure
    assert found["accuracy"].n == decided.sum()
    assert found["recall"].n == (decided & label).sum()
    assert found["selection_rate"].n > found["accuracy"].n
    for difference in found.values():
        assert difference.difference == pytest.approx(difference.candidate - difference.champion)
        assert difference.interval.low <= difference.difference <= difference.interval.high


def test_a_regression_gives_scikit_learns_losses_and_margins_from_the_champions() -> None:
    rng = np.random.default_rng(1)
    label = rng.normal(50, 10, 200)
    first, second = label + rng.normal(0, 4, 200), label + rng.normal(1, 2, 200)
    comparison = compare(
        np.where(np.arange(200) < 190, label, np.nan),
        Predictions(score=first),
        Predictions(prediction=second),
        task=Task.REGRESSION,
        groups={"side": ["l", "r"] * 100},
    )
    found = by_name(comparison)
    kept = slice(0, 190)
    for side, value in (("champion", first), ("candidate", second)):
        assert getattr(found["mae"], side) == pytest.approx(mean_absolute_error(label[kept], value[kept]))
        assert getattr(found["mse"], side) == pytest.approx(mean_squared_error(label[kept], value[kept]))
        assert getattr(found["bias"], side) == pytest.approx((value - label)[kept].mean())
    assert found["mae"].margin == pytest.approx(0.05 * found["mae"].champion)
    assert found["bias"].margin == pytest.approx(0.05 * found["mse"].champion ** 0.5)
    assert found["mae"].verdict is Verdict.BETTER
    assert found["bias"].verdict is Verdict.CHANGED
    assert comparison.flips == comparison.gaps == ()
    assert "A regression makes no decisions, so none can flip." in comparison.notes
    assert {difference.measure for difference in comparison.group_differences} == {"mae", "bias"}


@given(seed=st.integers(0, 100_000))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_swapping_champion_and_candidate_negates_everything(loans, seed: int) -> None:
    columns = loans(n=150, seed=seed)
    first, second = sides(columns)
    there = compare(columns["label"], first, second, groups=columns["groups"], **BINARY)
    back = compare(columns["label"], second, first, groups=columns["groups"], **BINARY)
    for one, other in zip(
        (*there.differences, *there.group_differences), (*back.differences, *back.group_differences), strict=True
    ):
        assert (one.champion, one.candidate, one.n) == (other.candidate, other.champion, other.n)
        if one.difference is not None:
            assert one.difference == -other.difference
            assert (one.interval.low, one.interval.high) == (-other.interval.high, -other.interval.low)
            assert one.p_value == other.p_value
    for one, other in zip(there.gaps, back.gaps, strict=True):
        assert (one.champion, one.champion_interval) == (other.candidate, other.candidate_interval)
        assert one.change == (None if other.change is None else -other.change)
    mirrored = {"gained": "lost", "lost": "gained", "positive_flip": "negative_flip", "negative_flip": "positive_flip"}
    counted = {(flip.measure, flip.where): (flip.k, flip.n) for flip in back.flips}
    for flip in there.flips:
        assert counted[mirrored.get(flip.measure, flip.measure), flip.where] == (flip.k, flip.n)


@given(seed=st.integers(0, 100_000))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_a_version_compared_with_itself_differs_by_exactly_nothing_and_flips_nothing(loans, seed: int) -> None:
    columns = loans(n=150, seed=seed)
    first, _ = sides(columns)
    comparison = compare(columns["label"], first, first, groups=columns["groups"], **BINARY)
    for difference in (*comparison.differences, *comparison.group_differences):
        assert difference.difference in (0.0, None)
        assert difference.verdict not in (Verdict.BETTER, Verdict.WORSE, Verdict.CHANGED)
        if difference.interval is not None:
            assert difference.interval.low == -difference.interval.high
            assert difference.p_value == 1.0
    assert all(flip.k == 0 for flip in comparison.flips)
    assert all(gap.change in (0.0, None) for gap in comparison.gaps)
    assert comparison.slices.worse == ()


@given(seed=st.integers(0, 100_000))
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_net_flips_are_the_changes_of_selection_rate_and_accuracy(loans, seed: int) -> None:
    columns = loans(n=150, seed=seed)
    comparison = compare(columns["label"], *sides(columns), **BINARY)
    found, flips = by_name(comparison), {flip.measure: flip.value for flip in comparison.flips}
    assert found["selection_rate"].difference == pytest.approx(flips["gained"] - flips["lost"])
    assert found["accuracy"].difference == pytest.approx(flips["positive_flip"] - flips["negative_flip"])


@given(seed=st.integers(0, 100_000))
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_the_order_of_rows_does_not_matter(loans, seed: int) -> None:
    columns = loans(n=120, seed=seed)
    order = np.random.default_rng(seed).permutation(120)
    shuffled = {
        "label": columns["label"][order],
        "scores": [score[order] for score in columns["scores"]],
        "decisions": [decision[order] for decision in columns["decisions"]],
        "groups": {name: group[order] for name, group in columns["groups"].items()},
    }
    one, other = (compare(c["label"], *sides(c), groups=c["groups"], **BINARY) for c in (columns, shuffled))
    assert one.flips == other.flips
    assert one.gaps == other.gaps
    for before, after in zip(one.differences, other.differences, strict=True):
        assert after.difference == pytest.approx(before.difference)
        assert after.verdict is before.verdict


def test_the_dictionary_is_plain_and_has_one_spelling(loans) -> None:
    columns = loans()
    comparison = compare(columns["label"], *sides(columns), groups=columns["groups"], **BINARY)
    plain = comparison.to_dict()

    def leaves(value):
        if isinstance(value, dict):
            for item in value.values():
                yield from leaves(item)
        elif isinstance(value, list):
            for item in value:
                yield from leaves(item)
        else:
            yield value

    assert {type(leaf) for leaf in leaves(plain)} <= {str, int, float, bool, type(None)}
    text = canonical_json(plain)
    assert canonical_json(json.loads(text)) == text
    assert text == canonical_json(
        compare(columns["label"], *sides(columns), groups=columns["groups"], **BINARY).to_dict()
    )
    first = plain["differences"][0]
    assert first["measure"] == "roc_auc"
    assert first["verdict"] == str(comparison.differences[0].verdict)
    assert set(first["interval"]) == {"low", "high", "confidence"}


def test_what_is_missing_is_undefined_with_the_reason_and_said_in_the_notes() -> None:
    label = ["yes", "no"] * 30
    scored, decided = Predictions(score=[0.7, 0.2] * 30), Predictions(prediction=["yes", "no"] * 30)
    found = by_name(compare(label, scored, decided, **BINARY))
    assert found["accuracy"].why == "The champion logs no prediction."
    assert found["roc_auc"].why == "The candidate logs no score."
    assert found["brier_score"].why == "The candidate logs no score."
    assert all(difference.verdict is Verdict.UNDEFINED for difference in found.values())

    unlabelled = by_name(compare([None] * 60, decided, decided, **BINARY))
    assert unlabelled["recall"].why == "None of the 60 rows has a label."
    assert (unlabelled["selection_rate"].n, unlabelled["selection_rate"].difference) == (60, 0.0)

    one_class = by_name(compare(["no"] * 60, decided, decided, **BINARY))
    assert one_class["recall"].why == "No row labelled 'yes' with both predictions."
    nothing = by_name(compare([], Predictions(prediction=[]), Predictions(prediction=[]), **BINARY))
    assert nothing["accuracy"].why == "There are no rows."

    strange = by_name(compare(label, scored, replace(scored, score=[1.7, 0.2] * 30), **BINARY))
    assert strange["brier_score"].why == "A score of the candidate, 1.7, is no probability."
    assert strange["roc_auc"].champion == 1.0

    gappy = Predictions(prediction=[None, "no"] * 30)
    assert compare(label, decided, gappy, **BINARY).notes == (
        "The candidate has no usable prediction for 30 of 60 rows.",
        "Rows without a prediction of both are left out: what is said holds for the others.",
    )


def test_too_few_rows_keep_their_numbers_but_get_no_verdict() -> None:
    label = ["yes", "no"] * 10
    first, second = Predictions(prediction=["yes"] * 20), Predictions(prediction=["no", "yes"] * 10)
    found = by_name(compare(label, first, second, **BINARY))
    assert found["accuracy"].verdict is Verdict.INSUFFICIENT
    assert found["accuracy"].why == "20 rows with a label and both predictions, fewer than the 30 asked for."
    assert (found["accuracy"].champion, found["accuracy"].candidate) == (0.5, 0.0)
    assert by_name(compare(label, first, second, min_rows=20, **BINARY))["accuracy"].verdict is Verdict.WORSE


def test_a_margin_decides_between_no_worse_and_cannot_tell() -> None:
    label = ["yes", "no"] * 100
    first = Predictions(prediction=label)
    second = Predictions(prediction=["no", "no", *label[2:]])
    verdicts = {
        margin: by_name(compare(label, first, second, margins={"accuracy": margin}, **BINARY))["accuracy"].verdict
        for margin in (0.0, 0.05)
    }
    assert verdicts == {0.0: Verdict.CANNOT_TELL, 0.05: Verdict.NO_WORSE}


def test_a_multiclass_comparison_has_no_direction_without_a_favourable_class() -> None:
    rng = np.random.default_rng(0)
    label, first, second = rng.choice(["a", "b", "c"], (3, 300))
    options = {"task": Task.MULTICLASS, "classes": ("a", "b", "c"), "groups": {"g": rng.choice(["x", "y"], 300)}}
    said = Predictions(prediction=first), Predictions(prediction=second)
    plain, favoured = compare(label, *said, **options), compare(label, *said, favourable="b", **options)
    assert [difference.label_class for difference in plain.differences] == ["", "", "a", "b", "c"]
    assert {flip.measure for flip in plain.flips} == {"changed", "positive_flip", "negative_flip"}
    assert "No class is declared favourable, so changed decisions have no direction." in plain.notes
    assert {flip.measure for flip in favoured.flips} >= {"gained", "lost"}
    assert {gap.measure for gap in favoured.gaps} == {"selection_rate"}
    assert plain.gaps == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": ["yes"]}, "champion's prediction has 2 rows, the label 1"),
        ({"label": ["yes", "maybe"]}, "The label 'maybe' is none of the classes 'no', 'yes'"),
        ({"classes": ("no",)}, "needs the names of two different classes"),
        ({"positive": "maybe"}, "positive = 'maybe' is none of the classes"),
        ({"task": Task.REGRESSION}, "are for classification"),
        ({"groups": {"sex": ["f"]}}, "Group column 'sex' has 1 rows, the label 2"),
        ({"min_rows": 1}, "min_rows must be at least 2"),
        ({"confidence": 1.0}, "confidence must lie between 0 and 1"),
        ({"margins": {"accuracy": -0.1}}, "margin of accuracy must be a number of 0 or more"),
        ({"task": Task.REGRESSION, "classes": ()}, "The champion's prediction must hold numbers"),
        ({"task": Task.MULTICLASS, "positive": "yes"}, "positive is for a binary task"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name(change: dict, message: str) -> None:
    said = Predictions(prediction=["yes", "no"])
    options = {"label": ["yes", "no"], **BINARY, **change}
    with pytest.raises(InputError, match=message):
        compare(options.pop("label"), said, said, **options)


def test_unknown_names_are_offered_the_known_ones() -> None:
    said = Predictions(prediction=["yes", "no"])
    with pytest.raises(UnknownNameError, match="did you mean 'recall'"):
        compare(["yes", "no"], said, said, margins={"recal": 0.1}, **BINARY)
    with pytest.raises(UnknownNameError, match="group column"):
        compare(["yes", "no"], said, said, slices=("age",), groups={"sex": ["f", "m"]}, **BINARY)
