"""The accuracy-gap curve against Fairlearn's own numbers, in a world whose unfairness is known, and what is kept."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    equalized_odds_difference,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from fairlearn.postprocessing import ThresholdOptimizer
from fairlearn.reductions import DemographicParity, GridSearch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, balanced_accuracy_score

from core.actions.retrain import mitigators
from core.actions.retrain.artefact import load, save
from core.actions.retrain.gap_curve import UNMITIGATED, AccuracyGapCurve
from core.actions.retrain.group_thresholds import GroupThresholds, draws
from core.actions.retrain.mitigation import accuracy_gap_curve, mitigated
from core.actions.retrain.mitigation_plan import Constraint, Method, Mitigation
from core.actions.retrain.mitigators import MIN_OF_A_CLASS_IN_GROUP
from core.actions.retrain.recipe import Recipe
from core.actions.retrain.scoring import score
from core.actions.retrain.trainer import train
from core.errors import InputError, SchemaError
from core.schema import ModelSchema

N, SHIFT = 1_500, 1.2  # of women's scores, in standard deviations, with no less merit
RECIPE = Recipe.from_dict({"estimator": "linear", "min_rows": 100})
COLUMNS = {
    "id": {"role": "id"},
    "merit": {"role": "feature", "type": "numeric"},
    "proxy": {"role": "feature", "type": "numeric"},
    "sex": {"role": "attribute", "type": "categorical", "protected": True},
    "hired": {"role": "label"},
}


def schema_of(**outcome: object) -> ModelSchema:
    given = {"classes": ["no", "yes"], "positive": "yes", "favourable": "yes", **outcome}
    return ModelSchema.from_dict({"task": "binary", "window": {"rows": 100}, "outcome": given, "columns": COLUMNS})


@cache
def unfair(n: int = N, n_groups: int = 2) -> pd.DataFrame:
    """Hirings by merit, less so of the groups after the first; `proxy` tells the group nearly."""
    rng = np.random.default_rng(5)
    place = rng.integers(0, n_groups, n)
    merit = rng.normal(0, 1, n)
    hired = merit - SHIFT * (place > 0) + rng.normal(0, 0.7, n) > -0.3
    return pd.DataFrame(
        {
            "@id": [f"p{i:05d}" for i in range(n)],
            "merit": merit,
            "proxy": (place > 0) + rng.normal(0, 0.3, n),
            "sex": np.array(["men", *(f"women {i}" for i in range(1, n_groups))], dtype=object)[place],
            "@label": np.where(hired, "yes", "no"),
        }
    )


@cache
def curve_of(constraint: Constraint) -> AccuracyGapCurve:
    return accuracy_gap_curve(schema_of(), RECIPE, unfair(), sensitive="sex", constraint=constraint)


def plan(**more: object) -> Mitigation:
    given = {"method": "threshold_optimizer", "sensitive": "sex", "constraint": "demographic_parity", **more}
    return Mitigation.model_validate(given)


def test_the_unmitigated_point_has_the_numbers_of_metric_frame() -> None:
    found = train(schema_of(), RECIPE, unfair())
    sex = unfair().set_index("@id").loc[list(found.held_out_rows.prediction_id), "sex"].to_numpy()
    label, said = found.held_out_rows.label == "yes", found.held_out_rows.scored.prediction == "yes"
    metrics = {
        "accuracy": accuracy_score,
        "selection_rate": selection_rate,
        "true_positive_rate": true_positive_rate,
        "false_positive_rate": false_positive_rate,
    }
    frame = MetricFrame(metrics=metrics, y_true=label, y_pred=said, sensitive_features=sex)
    for constraint in (Constraint.DEMOGRAPHIC_PARITY, Constraint.EQUALIZED_ODDS):
        point = curve_of(constraint).unmitigated
        assert point.name == UNMITIGATED
        assert point.mitigation is None
        assert point.accuracy.value == frame.overall["accuracy"]
        assert point.balanced_accuracy.value == pytest.approx(balanced_accuracy_score(label, said))
        for group, rates in point.groups.items():
            for rate, figure in rates.items():
                assert figure.value == pytest.approx(frame.by_group.loc[group, rate])
            assert rates["accuracy"].n == (sex == group).sum()
    gap = curve_of(Constraint.DEMOGRAPHIC_PARITY).unmitigated.gap
    assert gap.value == pytest.approx(demographic_parity_difference(label, said, sensitive_features=sex))
    odds = curve_of(Constraint.EQUALIZED_ODDS).unmitigated.gap
    assert odds.value == pytest.approx(equalized_odds_difference(label, said, sensitive_features=sex))


@pytest.mark.parametrize("constraint", [Constraint.DEMOGRAPHIC_PARITY, Constraint.EQUALIZED_ODDS])
def test_the_known_unfairness_shrinks_along_the_curve(constraint: Constraint) -> None:
    found = curve_of(constraint)
    assert found.unmitigated.gap.interval.low > 0  # the world is unfair beyond chance
    kept = sorted((p for p in found.points if not p.is_dominated), key=lambda p: p.accuracy.value, reverse=True)
    gaps = [point.gap.value for point in kept]
    assert len(kept) >= 2
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < found.unmitigated.gap.value / 3
    assert {p.mitigation.method for p in found.points if p.mitigation} == set(Method)


def test_dominated_points_are_those_that_another_one_beats() -> None:
    points = curve_of(Constraint.DEMOGRAPHIC_PARITY).points
    for point in points:
        beaten = [
            other.name
            for other in points
            if (other.accuracy.value > point.accuracy.value and other.gap.value <= point.gap.value)
            or (other.accuracy.value >= point.accuracy.value and other.gap.value < point.gap.value)
        ]
        assert point.is_dominated == bool(beaten), (point.name, beaten)


def test_a_tolerance_bounds_the_gap_on_the_rows_that_thresholds_are_chosen_on() -> None:
    frame, schema = unfair(), schema_of()
    for tolerance in (0.0, 0.1):
        recipe = mitigated(RECIPE, plan(tolerance=tolerance))
        found = train(schema, recipe, frame)
        assert found.calibration is not None
        assert found.group_thresholds is not None
        aside = frame.iloc[found.calibration.rows]
        chances = found.group_thresholds.chance(score(found.pipeline, schema, aside).score, aside["sex"].to_numpy())
        by_group = pd.Series(chances).groupby(aside["sex"].to_numpy()).mean()
        assert by_group.max() - by_group.min() <= tolerance + 0.002  # Fairlearn's grid is of 1,000 rates


@pytest.mark.parametrize("constraint", list(Constraint))
def test_thresholds_in_json_decide_as_fairlearn_does(constraint: Constraint) -> None:
    rng = np.random.default_rng(3)
    x, sex = rng.normal(0, 1, (4_000, 2)), rng.choice(["a", "b", "c"], 4_000)
    y = (x[:, 0] + 0.8 * (sex == "a") + rng.normal(0, 1, 4_000) > 0.4).astype(int)
    base = LogisticRegression().fit(x[:2_000], y[:2_000])
    theirs = ThresholdOptimizer(
        estimator=base, constraints=str(constraint), prefit=True, predict_method="predict_proba"
    ).fit(x[:2_000], y[:2_000], sensitive_features=sex[:2_000])
    written = GroupThresholds.from_fairlearn(theirs, sensitive="sex", otherwise=0.5).to_json()
    ours, scores = GroupThresholds.from_dict(json.loads(written)), base.predict_proba(x)[:, 1]
    np.testing.assert_array_equal(ours.chance(scores, sex), theirs._pmf_predict(x, sensitive_features=sex)[:, 1])
    for seed in range(3):
        draw = np.random.RandomState(seed).rand(len(x))
        expected = theirs.predict(x, sensitive_features=sex, random_state=seed)
        np.testing.assert_array_equal(ours.decide(scores, sex, draw), expected == 1)
    assert ours.is_random


def test_lots_are_drawn_evenly_and_always_alike() -> None:
    found = draws((f"p{i}" for i in range(20_000)), seed=1)
    assert found.min() > 0
    assert found.max() <= 1
    shares = np.histogram(found, bins=20, range=(0, 1))[0] / 20_000
    assert np.abs(shares - 0.05).max() < 5 * np.sqrt(0.05 * 0.95 / 20_000)
    assert (draws(["p7"], seed=1) == found[7]).all()
    assert draws(["p7"], seed=2) != found[7]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Fairlearn's, of pandas
def test_a_grid_point_is_the_inner_estimator_that_grid_search_fits_to_the_same_rows() -> None:
    found = next(p for p in curve_of(Constraint.DEMOGRAPHIC_PARITY).points if p.name == "grid-3")
    assert found.mitigation is not None
    made = train(schema_of(), mitigated(RECIPE, found.mitigation), unfair())
    rows = unfair().iloc[made.train.rows]
    x = ((rows[["merit", "proxy"]] - rows[["merit", "proxy"]].mean()) / rows[["merit", "proxy"]].std(ddof=0)).to_numpy()
    search = GridSearch(
        LogisticRegression(max_iter=1_000, random_state=0), DemographicParity(), grid_size=9, grid_limit=1.0
    )
    search.fit(x, (rows["@label"] == "yes").astype(int).to_numpy(), sensitive_features=rows["sex"].to_numpy())
    (event, group, value) = found.mitigation.multipliers[0]
    at = search.lambda_vecs_.loc[("+" if value > 0 else "-", event, group)]
    (column,) = at.index[np.isclose(at, abs(value))]
    theirs = search.predictors_[column]
    np.testing.assert_allclose(made.pipeline.named_steps["model"].coef_, theirs.coef_, rtol=1e-6)


@pytest.mark.parametrize("name", ["grid-3", "thresholds-1"])
def test_what_is_kept_of_a_point_predicts_what_the_curve_measured(name: str, tmp_path: Path) -> None:
    (point,) = (p for p in curve_of(Constraint.DEMOGRAPHIC_PARITY).points if p.name == name)
    assert point.mitigation is not None
    recipe = Recipe.from_toml(mitigated(RECIPE, point.mitigation).to_toml())  # as a proposal carries it
    made = train(schema_of(), recipe, unfair().sample(frac=1, random_state=1).sort_values("@id"))
    assert made.predictions_sha256 == point.predictions_sha256
    kept = save(made.pipeline, tmp_path / "model.skops")
    registered = json.loads(json.dumps(made.to_dict())).get("group_thresholds")
    by_group = None if registered is None else GroupThresholds.from_dict(registered)
    assert (by_group is not None) is point.needs_group
    if by_group is not None:
        assert by_group.sha256 == registered["sha256"]
    held_out = unfair().iloc[made.held_out.rows]
    again = score(load(tmp_path / "model.skops", sha256=kept.sha256), schema_of(), held_out, thresholds=by_group)
    np.testing.assert_array_equal(again.prediction, made.held_out_rows.scored.prediction)
    np.testing.assert_array_equal(again.score, made.held_out_rows.scored.score)


def test_only_thresholds_need_the_group_and_say_that_this_may_be_unlawful() -> None:
    found = curve_of(Constraint.DEMOGRAPHIC_PARITY)
    for point in found.points:
        assert point.needs_group is point.name.startswith("thresholds")
        assert any("disparate treatment" in note for note in point.notes) is point.needs_group
    assert "disparate treatment" in found.to_dict()["caution"]
    json.dumps(found.to_dict(), allow_nan=False)


def test_where_the_schema_decides_elsewhere_than_at_a_half_it_is_said_that_more_than_the_gap_moves() -> None:
    assert curve_of(Constraint.DEMOGRAPHIC_PARITY).notes == ()
    mitigations = {"sensitive": "sex", "constraint": Constraint.EQUALIZED_ODDS}
    found = accuracy_gap_curve(schema_of(threshold=0.3), RECIPE, unfair(2_000, 4), **mitigations)
    assert "decides at 0.3, not at 0.5" in found.notes[0]


def test_with_too_many_groups_for_a_grid_thresholds_are_left() -> None:
    found = accuracy_gap_curve(
        schema_of(), RECIPE, unfair(2_000, 4), sensitive="sex", constraint=Constraint.EQUALIZED_ODDS
    )
    assert [point.name for point in found.points] == [UNMITIGATED, "thresholds-1"]
    assert "the grid would be too large" in found.left_out[0]


def test_what_cannot_be_mitigated_is_refused_in_words() -> None:
    def asked(frame: pd.DataFrame, schema: ModelSchema | None = None, sensitive: str = "sex") -> None:
        constraint = Constraint.DEMOGRAPHIC_PARITY
        accuracy_gap_curve(schema or schema_of(), RECIPE, frame, sensitive=sensitive, constraint=constraint)

    frame = unfair()
    small = frame.assign(sex=np.where(np.arange(N) % 100 == 0, "few", frame["sex"]))
    with pytest.raises(InputError, match=f"'few' has .* records .*; {MIN_OF_A_CLASS_IN_GROUP} are needed"):
        asked(small)
    one_class = frame.assign(**{"@label": np.where(frame["sex"] == "men", "yes", frame["@label"])})
    with pytest.raises(InputError, match=r"'men' has .* of which 0 have the label 'no'"):
        asked(one_class)
    with pytest.raises(InputError, match="has 9 groups, and at most 6 can be handled"):
        asked(frame.assign(sex=[f"g{i % 9}" for i in range(N)]))
    with pytest.raises(InputError, match="has 1 known group"):
        asked(frame.assign(sex=np.where(frame["sex"] == "men", "men", None)))
    with pytest.raises(InputError, match="'merit' is of type numeric"):
        asked(frame, sensitive="merit")
    columns = {**COLUMNS, "hired": {"role": "label"}}
    regression = ModelSchema.from_dict({"task": "regression", "window": {"rows": 100}, "columns": columns})
    with pytest.raises(InputError, match="The task is regression: mitigation is for"):
        asked(frame, regression)
    weighted = plan(method="grid_search", multipliers=[["all", "men", 0.5]]).model_dump(mode="json")
    with pytest.raises(SchemaError, match="calibration undoes what the weights of grid_search do"):
        Recipe.from_dict({"estimator": "linear", "calibration": "sigmoid", "mitigation": weighted})


def test_where_too_few_rows_are_left_to_choose_thresholds_on_a_grid_is_still_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(mitigators, "GRID_SIZES", {1: 3})
    sparing, parity = RECIPE.model_copy(update={"calibration_share": 0.05}), Constraint.DEMOGRAPHIC_PARITY
    found = accuracy_gap_curve(schema_of(), sparing, unfair(), sensitive="sex", constraint=parity)
    assert {point.name.split("-")[0] for point in found.points} == {UNMITIGATED, "grid"}
    (why,) = found.left_out
    assert why.startswith("thresholds-1, thresholds-2, thresholds-3: sex = ")
    assert "to choose thresholds on" in why


def test_rows_of_no_known_group_are_left_out_of_the_gap_and_decided_at_the_schemas_threshold() -> None:
    frame = unfair().copy()
    frame.loc[frame.index % 7 == 0, "sex"] = None
    found = train(schema_of(), mitigated(RECIPE, plan()), frame)
    assert any("isn't known" in note for note in found.notes)
    unknown = frame["sex"].iloc[found.held_out.rows].isna().to_numpy()
    said = found.held_out_rows.scored
    np.testing.assert_array_equal(said.prediction[unknown] == "yes", said.score[unknown] >= 0.5)


@pytest.mark.data
def test_on_adult_the_gap_between_the_sexes_can_be_had_smaller(
    shared_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mitigators, "GRID_SIZES", {1: 5})
    rows = pd.read_parquet(shared_data / "adult" / "adults.parquet").sample(4_000, random_state=0)
    numbers, texts = ("age", "education-num", "hours-per-week"), ("occupation", "relationship")
    kinds = dict.fromkeys(numbers, "numeric") | dict.fromkeys(texts, "categorical")
    columns: dict[str, object] = {name: {"role": "feature", "type": kind} for name, kind in kinds.items()}
    columns |= {"sex": {"role": "attribute", "type": "categorical", "protected": True}, "class": {"role": "label"}}
    outcome = {"classes": ["no", "yes"], "positive": "yes"}
    schema = ModelSchema.from_dict(
        {"task": "binary", "window": {"rows": 500}, "outcome": outcome, "columns": {"id": {"role": "id"}, **columns}}
    )
    frame = (
        rows[[*kinds, "sex"]]
        .astype(dict.fromkeys([*texts, "sex"], str))
        .assign(
            **{
                "@id": [f"a{i}" for i in range(len(rows))],
                "@label": np.where(rows["class"].astype(str).str.contains(">50K"), "yes", "no"),
            }
        )
    )
    found = accuracy_gap_curve(schema, RECIPE, frame, sensitive="sex", constraint=Constraint.DEMOGRAPHIC_PARITY)
    assert found.unmitigated.gap.interval.low > 0.05
    for method in Method:
        best = min(
            (p for p in found.points if p.mitigation and p.mitigation.method is method), key=lambda p: p.gap.value
        )
        assert best.gap.value < found.unmitigated.gap.value / 2
        assert best.accuracy.value > found.unmitigated.accuracy.value - 0.05


def test_a_recipe_without_mitigation_is_written_as_before() -> None:
    assert "mitigation" not in RECIPE.canonical_json()
    recipe = mitigated(RECIPE, plan(tolerance=0.1))
    assert Recipe.from_toml(recipe.to_toml()) == recipe
