"""Scores and predictions of a fitted pipeline on records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from core.actions.retrain.features import read_features, read_groups
from core.actions.retrain.group_thresholds import GroupThresholds, draws
from core.errors import InputError
from core.record import ID, PREDICTION
from core.schema import ModelSchema, Task

__all__ = ["HALF", "Scored", "binary_classes", "decided_by_group", "score", "score_features", "threshold_of"]

Floats = NDArray[np.float64]

HALF = 0.5  # where a binary model decides if its schema gives no threshold


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scored:
    """What a model says of n records.

    Parameters
    ----------
    score : array or None
        Binary: probability of the positive class, shape (n,). Multiclass: probabilities, shape
        (n, n_classes), columns as `classes`. Regression: None, the score is the prediction.
    prediction : array, shape (n,)
        Classes as text, or the regression's values.
    """

    score: Floats | None
    prediction: NDArray[Any]
    classes: tuple[str, ...] = ()

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """The columns of stored records: "@score", or "@score:CLASS" each, and "@prediction"."""
        columns: dict[str, NDArray[Any]] = {}
        if self.score is not None and self.score.ndim == 1:
            columns["@score"] = self.score
        elif self.score is not None:
            columns |= {f"@score:{name}": self.score[:, place] for place, name in enumerate(self.classes)}
        return columns | {PREDICTION: self.prediction}


def threshold_of(schema: ModelSchema) -> float | None:
    """From which score on a binary model predicts the positive class: the schema's threshold, else 0.5."""
    if schema.task is not Task.BINARY:
        return None
    return HALF if schema.outcome.threshold is None else schema.outcome.threshold


def score(
    pipeline: Any, schema: ModelSchema, frame: pd.DataFrame, *, thresholds: GroupThresholds | None = None
) -> Scored:
    """Score records with a pipeline that `train` fitted.

    A binary model predicts the positive class from the schema's threshold on; a multiclass model predicts
    its most probable class, the first in the schema of those that tie.

    Parameters
    ----------
    frame : DataFrame
        Records with the columns that the model reads; others are ignored. With thresholds by group, "@id" and the
        column that names the group too.
    thresholds : GroupThresholds or None
        Of a version that decides by group: the JSON that is registered with it.

    Raises
    ------
    InputError
        If a column is absent, a value isn't of its type, or the model's classes aren't the schema's.
    """
    features = read_features(schema, [str(name) for name in pipeline.feature_names_in_], frame)
    scored = score_features(pipeline, schema, features.frame)
    if thresholds is None:
        return scored
    groups = read_groups(schema, thresholds.sensitive, frame)
    return decided_by_group(scored, schema, thresholds, groups, frame[ID].to_numpy(dtype=object))


def decided_by_group(
    scored: Scored, schema: ModelSchema, thresholds: GroupThresholds, groups: NDArray[Any], ids: NDArray[Any]
) -> Scored:
    """What a model says whose scores are decided on by thresholds of each group; scores stay what they are."""
    positive, negative = binary_classes(schema)
    above = thresholds.decide(np.asarray(scored.score), groups, draws(ids, seed=thresholds.seed))
    return replace(scored, prediction=np.where(above, positive, negative).astype(object))


def binary_classes(schema: ModelSchema) -> tuple[str, str]:
    """The positive and the negative class of a binary task."""
    positive = schema.positive or schema.outcome.classes[1]
    return positive, next(name for name in schema.outcome.classes if name != positive)


def score_features(pipeline: Any, schema: ModelSchema, features: pd.DataFrame) -> Scored:
    """Score what `read_features` made."""
    is_regression, classes = schema.task is Task.REGRESSION, schema.outcome.classes
    if features.empty:
        wide = () if schema.task is Task.BINARY else (len(classes),)
        nothing = np.empty(0, dtype=np.float64 if is_regression else object)
        return Scored(score=None if is_regression else np.empty((0, *wide)), prediction=nothing, classes=classes)
    with threadpool_limits(limits=1):  # sums made by several threads differ in their last digits
        if is_regression:
            return Scored(score=None, prediction=np.asarray(pipeline.predict(features), dtype=np.float64))
        probabilities = np.asarray(pipeline.predict_proba(features), dtype=np.float64)
    known = [str(name) for name in pipeline.classes_]
    strange = sorted(set(known) - set(classes))
    if strange:
        raise InputError(f"The model knows the classes {', '.join(map(repr, strange))}, which the schema doesn't name.")
    scores = np.zeros((len(features), len(classes)))
    scores[:, [classes.index(name) for name in known]] = probabilities
    if schema.task is Task.MULTICLASS:
        best = np.array(classes, dtype=object)[scores.argmax(axis=1)]
        return Scored(score=scores, prediction=best, classes=classes)
    positive, negative = binary_classes(schema)
    chance = scores[:, classes.index(positive)]
    above = chance >= (threshold_of(schema) or 0.0)
    return Scored(score=chance, prediction=np.where(above, positive, negative).astype(object), classes=classes)
