"""Scores speak of the positive class and predictions follow the threshold, whatever classes are called."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from core.actions.retrain.features import read_features
from core.actions.retrain.recipe import Recipe
from core.actions.retrain.scoring import score
from core.actions.retrain.trainer import train
from core.errors import InputError

LINEAR = Recipe.from_dict({"estimator": "linear"})


@pytest.mark.parametrize("threshold", [0.2, 0.7])
def test_the_score_is_the_chance_of_the_positive_class_and_decides_from_the_threshold_on(
    schema_of, records, threshold: float
) -> None:
    frame = records(800)
    yes = score(train(schema_of(), LINEAR, frame).pipeline, schema_of(threshold=threshold), frame)
    no_schema = schema_of(positive="no", threshold=threshold)
    no = score(train(no_schema, LINEAR, frame).pipeline, no_schema, frame)
    np.testing.assert_allclose(yes.score + no.score, 1.0)
    assert yes.score[frame["@label"] == "yes"].mean() > yes.score[frame["@label"] == "no"].mean()
    assert yes.prediction.tolist() == ["yes" if value >= threshold else "no" for value in yes.score]
    assert no.prediction.tolist() == ["no" if value >= threshold else "yes" for value in no.score]
    assert list(yes.to_columns()) == ["@score", "@prediction"]


def test_multiclass_scores_stand_in_the_order_of_the_schema(schema_of, records) -> None:
    frame, schema = records(800, task="multiclass"), schema_of("multiclass")
    found = score(train(schema, LINEAR, frame).pipeline, schema, frame)
    assert found.classes == ("small", "large", "medium")
    np.testing.assert_allclose(found.score.sum(axis=1), 1.0)
    means = [found.score[frame["@label"] == name].mean(axis=0).argmax() for name in found.classes]
    assert means == [0, 1, 2]
    assert found.prediction.tolist() == [found.classes[place] for place in found.score.argmax(axis=1)]
    assert list(found.to_columns()) == ["@score:small", "@score:large", "@score:medium", "@prediction"]


def test_a_regression_has_predictions_and_no_score(schema_of, records) -> None:
    frame, schema = records(800, task="regression"), schema_of("regression")
    found = score(train(schema, LINEAR, frame).pipeline, schema, frame)
    assert found.score is None
    assert np.corrcoef(found.prediction, frame["@label"])[0, 1] > 0.5
    assert list(found.to_columns()) == ["@prediction"]


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_rows_are_scored_one_by_one_as_together_and_no_row_gives_no_score(schema_of, records, task: str) -> None:
    frame, schema = records(700, task=task), schema_of(task)
    pipeline = train(schema, LINEAR, frame).pipeline
    together = score(pipeline, schema, frame.drop(columns=["@label", "sex"])[::-1])
    for place in (0, 31, 699):
        alone = score(pipeline, schema, frame.iloc[[699 - place]])
        for name, values in alone.to_columns().items():
            found = together.to_columns()[name][place]
            assert values[0] == (pytest.approx(found) if isinstance(found, float) else found)
    nothing = score(pipeline, schema, frame[:0])
    assert all(values.shape == (0,) for values in nothing.to_columns().values())


def test_unknown_categories_missing_and_infinite_values_are_scored(schema_of, records) -> None:
    frame, schema = records(700), schema_of()
    pipeline = train(schema, LINEAR, frame).pipeline
    strange = pd.DataFrame(
        {"income": [np.inf, None], "age": [None, None], "owner": [None, True], "job": ["astronaut", None]}
    )
    missing = strange.assign(income=[None, None])
    assert score(pipeline, schema, strange).score.tolist() == score(pipeline, schema, missing).score.tolist()


def test_a_model_whose_classes_the_schema_does_not_know_is_refused(schema_of, records) -> None:
    frame = records(700)
    pipeline = train(schema_of(), LINEAR, frame).pipeline
    with pytest.raises(InputError, match="knows the classes 'yes', which the schema doesn't name"):
        score(pipeline, schema_of(classes=["no", "maybe"], positive="maybe"), frame)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [("income", "x1", "income: holds something that is no number"), ("owner", "perhaps", "owner: .* no boolean")],
)
def test_values_of_another_type_are_refused_by_column(schema_of, records, column, value, words) -> None:
    frame = records(5).astype({column: object})
    frame[column] = value
    with pytest.raises(InputError, match=words):
        read_features(schema_of(), ["age", column], frame)


def test_categories_read_the_same_from_every_column_type(schema_of) -> None:
    texts = ["cook", None, "cook"]
    for values in (pd.Series(texts, dtype=object), pd.Series(texts, dtype="str"), pd.Series(texts, dtype="category")):
        found = read_features(schema_of(), ["job"], pd.DataFrame({"job": values})).frame["job"]
        assert found.dtype == object
        assert found.tolist() == ["cook", "Unknown", "cook"]
