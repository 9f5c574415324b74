"""What the trainer fits is what scikit-learn fits by hand on the same rows, and the held-out rows never touch it."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

from core.actions.retrain.artefact import dump
from core.actions.retrain.recipe import Recipe, default_recipe
from core.actions.retrain.scoring import score
from core.actions.retrain.trainer import train
from core.errors import InputError

ROOT = Path(__file__).resolve().parents[4]
N, N_TRAIN, N_FITTED = 1_500, 960, 1_200  # 20 % held out; of the rest 20 % to calibrate on, if a recipe says so


def recipe(estimator: str, **more: object) -> Recipe:
    small = {"random_forest": {"n_estimators": 10}, "gradient_boosting": {"max_iter": 15}}.get(estimator, {})
    return Recipe.from_dict({"estimator": estimator, "hyperparameters": small, **more})


def numbers_by_hand(frame: pd.DataFrame, n_train: int) -> np.ndarray:
    """Income, age and owner with the training rows' medians for missing ones, then what was missing."""
    values = frame[["income", "age", "owner"]].astype(float).to_numpy()
    missing = np.isnan(values)
    medians = np.nanmedian(values[:n_train], axis=0)
    indicators = missing[:, missing[:n_train].any(axis=0)].astype(float)
    return np.hstack([np.where(missing, medians, values), indicators])


def categories_by_hand(frame: pd.DataFrame, n_train: int) -> np.ndarray:
    """An indicator a job, those of fewer than 10 training rows pooled in the last."""
    job = frame["job"].fillna("Unknown").to_numpy(dtype=str)
    names, counts = np.unique(job[:n_train], return_counts=True)
    frequent = names[counts >= 10]
    columns = [job == name for name in frequent]
    if (counts < 10).any():
        columns.append(~np.isin(job, frequent))
    return np.column_stack(columns).astype(float)


def test_a_linear_classifier_is_logistic_regression_on_scaled_numbers_and_indicators(schema_of, records) -> None:
    frame = records(N)
    found = train(schema_of(), recipe("linear", hyperparameters={"C": 0.3}), frame)
    scaler = StandardScaler().fit(numbers_by_hand(frame, N_FITTED)[:N_FITTED])
    x = np.hstack([scaler.transform(numbers_by_hand(frame, N_FITTED)), categories_by_hand(frame, N_FITTED)])
    model = LogisticRegression(C=0.3, max_iter=1000).fit(x[:N_FITTED], frame["@label"][:N_FITTED] == "yes")
    expected = model.predict_proba(x[N_FITTED:])[:, 1]
    np.testing.assert_allclose(found.held_out_rows.scored.score, expected, atol=1e-4)
    assert found.parameters["model"] == "LogisticRegression"
    assert found.parameters["model__C"] == 0.3


def test_a_linear_regression_is_ridge_with_half_the_inverse_of_c(schema_of, records) -> None:
    frame = records(N, task="regression")
    found = train(schema_of("regression"), recipe("linear", hyperparameters={"C": 0.1}), frame)
    scaler = StandardScaler().fit(numbers_by_hand(frame, N_FITTED)[:N_FITTED])
    x = np.hstack([scaler.transform(numbers_by_hand(frame, N_FITTED)), categories_by_hand(frame, N_FITTED)])
    model = Ridge(alpha=5.0).fit(x[:N_FITTED], frame["@label"][:N_FITTED])
    np.testing.assert_allclose(found.held_out_rows.scored.prediction, model.predict(x[N_FITTED:]))


def test_a_forest_is_fitted_to_unscaled_numbers_and_indicators(schema_of, records) -> None:
    frame = records(N, task="regression")
    found = train(schema_of("regression"), recipe("random_forest", seed=7, n_jobs=2), frame)
    x = np.hstack([numbers_by_hand(frame, N_FITTED), categories_by_hand(frame, N_FITTED)])
    model = RandomForestRegressor(10, min_samples_leaf=20, random_state=7).fit(x[:N_FITTED], frame["@label"][:N_FITTED])
    np.testing.assert_allclose(found.held_out_rows.scored.prediction, model.predict(x[N_FITTED:]))


def test_isotonic_calibration_is_fitted_to_the_slice_between_training_and_hold_out(schema_of, records) -> None:
    frame = records(N)
    found = train(schema_of(), recipe("gradient_boosting", calibration="isotonic"), frame)
    assert (found.train.n, found.calibration.n, found.held_out.n) == (N_TRAIN, 240, 300)
    x = np.hstack([numbers_by_hand(frame, N_TRAIN), categories_by_hand(frame, N_TRAIN)])
    label = (frame["@label"] == "yes").to_numpy(dtype=float)
    model = HistGradientBoostingClassifier(max_iter=15, early_stopping=False, random_state=0)
    margin = model.fit(x[:N_TRAIN], label[:N_TRAIN]).decision_function(x)
    curve = IsotonicRegression(out_of_bounds="clip").fit(margin[N_TRAIN:N_FITTED], label[N_TRAIN:N_FITTED])
    np.testing.assert_allclose(found.held_out_rows.scored.score, curve.predict(margin[N_FITTED:]), atol=1e-9)


@pytest.mark.parametrize("estimator", ["linear", "random_forest", "gradient_boosting"])
def test_nothing_of_the_held_out_rows_reaches_the_model(schema_of, records, estimator: str) -> None:
    frame = records(N)
    other = frame.copy()
    other.loc[N_FITTED:, ["income", "age"]] = 1e6
    other.loc[N_FITTED:, "job"] = "astronaut"
    other.loc[N_FITTED:, "@label"] = "yes"
    plan = recipe(estimator, calibration="sigmoid")
    assert dump(train(schema_of(), plan, frame).pipeline) == dump(train(schema_of(), plan, other).pipeline)


@pytest.mark.parametrize("estimator", ["linear", "random_forest", "gradient_boosting"])
def test_the_order_rows_come_in_and_the_number_of_threads_change_nothing(schema_of, records, estimator: str) -> None:
    frame = records(N)
    first = train(schema_of(), recipe(estimator), frame)
    again = train(schema_of(), recipe(estimator, n_jobs=2), frame.sample(frac=1.0, random_state=3))
    assert again.held_out_rows.prediction_id.tolist() == first.held_out_rows.prediction_id.tolist()
    np.testing.assert_allclose(again.held_out_rows.scored.score, first.held_out_rows.scored.score, rtol=1e-9)
    same = train(schema_of(), recipe(estimator), frame.sample(frac=1.0, random_state=4))
    assert dump(same.pipeline) == dump(first.pipeline)
    assert json.dumps(same.to_dict(), allow_nan=False) == json.dumps(first.to_dict(), allow_nan=False)


def test_another_process_makes_the_same_file(schema_of, records, tmp_path: Path) -> None:
    frame = records(600)
    frame.to_parquet(tmp_path / "records.parquet")
    (tmp_path / "schema.json").write_text(schema_of().canonical_json())
    program = """
import hashlib, json, sys
import pandas as pd
from core.actions.retrain.artefact import dump
from core.actions.retrain.recipe import Recipe
from core.actions.retrain.trainer import train
from core.schema import ModelSchema
schema = ModelSchema.from_dict(json.load(open(sys.argv[1] + "/schema.json")))
frame = pd.read_parquet(sys.argv[1] + "/records.parquet")
for recipe in json.loads(sys.argv[2]):
    print(hashlib.sha256(dump(train(schema, Recipe.from_dict(recipe), frame).pipeline)).hexdigest())
"""
    plans = [
        recipe(name, calibration=calibration, min_rows=300)
        for name, calibration in (("linear", "none"), ("random_forest", "sigmoid"), ("gradient_boosting", "isotonic"))
    ]
    arguments = [str(tmp_path), json.dumps([plan.model_dump(mode="json") for plan in plans])]
    environment = {"PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    run = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, check=True
    )
    here = [hashlib.sha256(dump(train(schema_of(), plan, frame).pipeline)).hexdigest() for plan in plans]
    assert run.stdout.split() == here


def test_held_out_scores_are_those_the_kept_model_gives_the_same_rows(schema_of, records) -> None:
    frame = records(N)
    found = train(schema_of(), recipe("gradient_boosting", calibration="sigmoid"), frame)
    rows = frame.set_index("@id").loc[found.held_out_rows.prediction_id]
    assert (frame["@timestamp"][:N_FITTED] < found.held_out.first_at).all()
    assert rows["@label"].tolist() == found.held_out_rows.label.tolist()
    again = score(found.pipeline, schema_of(), rows)
    assert again.score.tolist() == found.held_out_rows.scored.score.tolist()
    assert again.prediction.tolist() == found.held_out_rows.scored.prediction.tolist()


def test_protected_columns_are_learnt_from_only_by_name_and_it_is_told(schema_of, records) -> None:
    silent = train(schema_of(), default_recipe(schema_of()), records(700))
    assert (silent.features, silent.protected_features, silent.notes) == (("income", "age", "owner", "job"), (), ())
    named = train(schema_of(), recipe("linear", features=["sex", "age"]), records(700))
    assert named.protected_features == ("sex",)
    assert named.notes == ("It learns from the protected attribute sex, as the recipe says.",)


def test_what_a_reviewer_should_know_is_noted(schema_of, records) -> None:
    frame = records(N, task="multiclass").drop(columns="@timestamp")
    frame["age"] = frame["age"].where(frame.index % 100 != 5, np.inf)
    frame.loc[: N_FITTED - 1, "@label"] = frame["@label"].where(frame["@label"] != "large", "medium")
    found = train(schema_of("multiclass"), recipe("linear"), frame)
    n_large = (frame["@label"] == "large").sum()
    assert found.notes == (
        "age: 15 infinite values were read as missing.",
        "The records have no times: the order they came in was taken for that of time.",
        f"It never saw large ({n_large:,} such labels are held out) and can't predict it.",
    )
    loss = next(measure for measure in found.measures if measure.measure == "log_loss")
    assert (loss.value, loss.why) == (None, "The model gives class 'large' no chance at all.")
    assert found.to_dict()["held_out"] == {"n": 300, "first_at": None, "last_at": None}


def test_without_a_threshold_the_model_decides_at_one_half_and_says_so(schema_of, records) -> None:
    found = train(schema_of(threshold=None), recipe("linear"), records(700))
    assert found.threshold == 0.5
    assert "The schema gives no threshold: it decides at 0.5." in found.notes


@pytest.mark.parametrize(
    ("plan", "change", "words"),
    [
        ({}, {"@label": None}, "1,500 of 1,500 records have no label"),
        ({}, {"@label": "perhaps"}, "The label 'perhaps' is none of the classes 'no', 'yes'"),
        ({}, {"@label": "yes"}, "All records to learn from have the label 'yes'"),
        ({}, {"@id": "same"}, "The prediction id 'same' occurs twice"),
        ({}, {"income": "much"}, "income: holds something that is no number"),
        ({"min_rows": 1_300}, {}, "1,200 labelled records are left to learn from"),
        ({"holdout": {"days": 1}}, {}, "The hold-out has 15 records and needs 50"),
    ],
)
def test_records_that_cannot_be_learnt_from_are_refused_in_words(schema_of, records, plan, change, words) -> None:
    with pytest.raises(InputError, match=words):
        train(schema_of(), recipe("linear", **plan), records(N).assign(**change))


def test_a_class_too_rare_to_calibrate_on_is_named(schema_of, records) -> None:
    frame = records(N)
    frame.loc[N_TRAIN : N_FITTED - 1, "@label"] = "no"
    with pytest.raises(InputError, match="0 records to calibrate on have the label 'yes'"):
        train(schema_of(), recipe("linear", calibration="sigmoid"), frame)


def test_a_column_the_recipe_names_and_the_records_lack_is_named(schema_of, records) -> None:
    with pytest.raises(InputError, match="The records lack 'job'"):
        train(schema_of(), recipe("linear"), records(700).drop(columns="job"))
    with pytest.raises(InputError, match="The records have no column @label"):
        train(schema_of(), recipe("linear"), records(700).drop(columns="@label"))
