"""Data or model, in worlds of which it is known: only the data changed, or only the recipe did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from core.actions.retrain.grid import fit_grid
from core.actions.retrain.recipe import Recipe
from core.compare.grid import GridMeasure, GridScores, grid_measures, grid_words
from core.compare.verdicts import Verdict
from core.errors import InputError
from core.schema import ModelSchema

START, DAYS, CHANGE = datetime(2026, 1, 1, tzinfo=UTC), 100, 40
SCHEMA = ModelSchema.from_dict(
    {
        "task": "binary",
        "window": {"every": "day"},
        "outcome": {"classes": ["no", "yes"], "positive": "yes"},
        "columns": {
            "id": {"role": "id"},
            "at": {"role": "timestamp"},
            "a": {"role": "feature", "type": "numeric"},
            "b": {"role": "feature", "type": "numeric"},
            "label": {"role": "label"},
        },
    }
)
STRAIGHT = Recipe.from_dict({"estimator": "linear", "min_rows": 100})
OTHER_STRAIGHT = Recipe.from_dict({"estimator": "linear", "min_rows": 100, "hyperparameters": {"C": 0.2}})
TREES = Recipe.from_dict({"estimator": "gradient_boosting", "min_rows": 100, "hyperparameters": {"max_iter": 40}})


def world(n: int = 6_000, *, data_change: bool, seed: int = 0) -> pd.DataFrame:
    """Rows whose outcome hangs on `a` until day 40 and then on `b`; or, always, on `a` and on whether both agree."""
    rng = np.random.default_rng(seed)
    a, b = rng.normal(0, 1, (2, n))
    day = DAYS * np.arange(n) / n
    worth = np.where(day < CHANGE, a, b) * 1.5 if data_change else a + np.sign(a * b)
    label = np.where(rng.random(n) < 1 / (1 + np.exp(-worth)), "yes", "no")
    return pd.DataFrame(
        {
            "@id": [f"r{i:05d}" for i in range(n)],
            "@timestamp": pd.Timestamp(START) + pd.to_timedelta(day, unit="D"),
            "a": a,
            "b": b,
            "@label": label,
        }
    )


def grid(frame: pd.DataFrame, old: Recipe, new: Recipe) -> GridMeasure:
    fits = fit_grid(SCHEMA, old, new, frame, old_until=START + timedelta(days=CHANGE))
    scores = GridScores(
        task=SCHEMA.task, label=fits.label, prediction=fits.prediction, score=fits.score, positive=SCHEMA.positive
    )
    return grid_measures(scores)[0]


@pytest.mark.parametrize("seed", range(3))
def test_where_only_the_data_changed_the_gain_is_told_to_come_from_them(seed: int) -> None:
    found = grid(world(data_change=True, seed=seed), STRAIGHT, OTHER_STRAIGHT)
    assert found.total.value > 0.1
    assert (found.data.verdict, found.recipe.verdict) == (Verdict.BETTER, Verdict.SAME)
    assert found.data.value > 0.95 * found.total.value
    assert "The data made it better: " in grid_words(found)


@pytest.mark.parametrize("seed", range(3))
def test_where_only_the_recipe_changed_the_gain_is_told_to_come_from_it(seed: int) -> None:
    found = grid(world(data_change=False, seed=seed), STRAIGHT, TREES)
    assert found.total.value > 0.05
    assert found.recipe.verdict is Verdict.BETTER
    assert found.data.verdict in (Verdict.SAME, Verdict.CANNOT_TELL)
    assert found.recipe.value > 0.9 * found.total.value
    assert "The recipe made it better: " in grid_words(found)


def test_all_four_hold_the_same_rows_out_and_learn_from_none_of_them() -> None:
    frame = world(1_200, data_change=True)
    fits = fit_grid(SCHEMA, STRAIGHT, TREES, frame, old_until=START + timedelta(days=CHANGE))
    assert list(fits.prediction_id) == list(frame["@id"].iloc[960:])
    assert (fits.n_old, fits.n_new, fits.held_out.n) == (480, 960, 240)
    turned = frame.assign(**{"@label": frame["@label"].where(frame.index < 960, "no")})
    turned.loc[1_000, "@label"] = "yes"
    again = fit_grid(SCHEMA, STRAIGHT, TREES, turned, old_until=START + timedelta(days=CHANGE))
    assert np.array_equal(again.score, fits.score), "other labels of the held-out rows change no fit"


def test_what_cannot_be_told_apart_is_refused() -> None:
    frame = world(600, data_change=True)
    with pytest.raises(InputError, match="told apart by time"):
        fit_grid(SCHEMA, STRAIGHT, TREES, frame.drop(columns="@timestamp"), old_until=START)
    with pytest.raises(InputError, match="Of 480 records that may be learnt from, 480 were served before 2026-04-11"):
        fit_grid(SCHEMA, STRAIGHT, TREES, frame, old_until=START + timedelta(days=DAYS))
    with pytest.raises(InputError, match="0 were served before 2026-01-01"):
        fit_grid(SCHEMA, STRAIGHT, TREES, frame, old_until=START)
