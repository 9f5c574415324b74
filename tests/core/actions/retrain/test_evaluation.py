"""Held-out measures are what their definitions give by hand, and have no value where they have no meaning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.actions.retrain.evaluation import held_out_measures
from core.actions.retrain.scoring import Scored
from core.measure import Status
from core.schema import ModelSchema

BINARY = ModelSchema.from_dict(
    {
        "task": "binary",
        "window": {"rows": 10},
        "outcome": {"classes": ["bad", "good"], "positive": "bad"},
        "columns": {"y": {"role": "label"}},
    }
)
REGRESSION = ModelSchema.from_dict({"task": "regression", "window": {"rows": 10}, "columns": {"y": {"role": "label"}}})


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["bad", "good"]), st.integers(1, 19).map(lambda k: k / 20)), min_size=1, max_size=30
    )
)
def test_binary_measures_are_what_counting_gives(rows) -> None:
    label, chance = np.array([name for name, _ in rows]), np.array([value for _, value in rows])
    decided = np.where(chance >= 0.5, "bad", "good").astype(object)
    found = {m.measure: m for m in held_out_measures(BINARY, label, Scored(score=chance, prediction=decided))}

    def share(hit, among):
        among = [row for row in zip(label, decided, chance, strict=True) if among(*row)]
        return (sum(hit(*row) for row in among) / len(among) if among else None), len(among)

    pairs = [(p, q) for a, p in rows if a == "bad" for b, q in rows if b == "good"]
    truth = label == "bad"
    expected = {
        "roc_auc": (sum((p > q) + (p == q) / 2 for p, q in pairs) / len(pairs) if pairs else None, len(rows)),
        "brier_score": (np.mean((chance - truth) ** 2), len(rows)),
        "log_loss": (-np.mean(np.log(np.where(truth, chance, 1 - chance))), len(rows)),
        "accuracy": share(lambda y, d, _: y == d, lambda *_: True),
        "precision": share(lambda y, *_: y == "bad", lambda _, d, __: d == "bad"),
        "recall": share(lambda _, d, __: d == "bad", lambda y, *_: y == "bad"),
        "specificity": share(lambda _, d, __: d == "good", lambda y, *_: y == "good"),
    }
    assert set(found) == set(expected)
    for name, (value, n) in expected.items():
        assert found[name].n == n, name
        if value is None:
            assert (found[name].value, found[name].status) == (None, Status.UNDEFINED)
            assert found[name].why
        else:
            assert found[name].value == pytest.approx(value), name


def test_multiclass_measures_are_over_the_classes_that_occur() -> None:
    schema = ModelSchema.from_dict(
        {
            "task": "multiclass",
            "window": {"rows": 10},
            "outcome": {"classes": ["z", "a", "m"]},
            "columns": {"y": {"role": "label"}},
        }
    )
    scores = np.array([[0.7, 0.2, 0.1], [0.2, 0.5, 0.3], [0.1, 0.6, 0.3], [0.8, 0.1, 0.1]])
    scored = Scored(score=scores, prediction=np.array(["z", "a", "a", "z"], dtype=object), classes=("z", "a", "m"))
    found = {m.measure: m.value for m in held_out_measures(schema, np.array(["z", "a", "z", "z"]), scored)}
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["log_loss"] == pytest.approx(-np.mean(np.log([0.7, 0.5, 0.1, 0.8])))


def test_regression_measures_by_hand_and_no_r2_of_labels_that_are_all_the_same() -> None:
    label, predicted = np.array([1.0, 2.0, 6.0]), np.array([2.0, 2.0, 3.0])
    found = {m.measure: m.value for m in held_out_measures(REGRESSION, label, Scored(score=None, prediction=predicted))}
    assert found == pytest.approx({"mae": 4 / 3, "rmse": np.sqrt(10 / 3), "bias": -2 / 3, "r2": 1 - 10 / 14})
    flat = held_out_measures(REGRESSION, np.ones(3), Scored(score=None, prediction=predicted))
    assert [(m.measure, m.why) for m in flat if m.value is None] == [("r2", "All held-out rows have the same label.")]
