"""How good a newly trained model is on the records held out of its training."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from core.actions.retrain.scoring import Scored
from core.measure import Family, Measure, Status
from core.schema import ModelSchema, Task

__all__ = ["held_out_measures"]

ON = "held-out rows; scikit-learn, no interval"
ONE_CLASS = "All held-out rows have the same label."


def held_out_measures(schema: ModelSchema, label: NDArray[Any], scored: Scored) -> tuple[Measure, ...]:
    """Measures on held-out rows, each with the n of its own denominator; no value and why where there is none.

    They describe the training; whether a candidate is better than the champion is told by comparing both
    on the same rows, with intervals.

    Parameters
    ----------
    label : array, shape (n,)
        Classes as text, or the regression's values; none missing.
    """
    if schema.task is Task.REGRESSION:
        return _regression(label.astype(np.float64), scored)
    predicted = scored.prediction.astype(str)
    label = label.astype(str)
    accuracy = _measure("accuracy", metrics.accuracy_score(label, predicted), label.size, "share of rows")
    if schema.task is Task.BINARY:
        return (*_binary(label == schema.positive, predicted == schema.positive, scored), accuracy)
    return (*_multiclass(label, predicted, scored), accuracy)


def _binary(label: NDArray[np.bool_], predicted: NDArray[np.bool_], scored: Scored) -> tuple[Measure, ...]:
    chance = np.asarray(scored.score)
    n, n_positive, n_predicted = label.size, int(label.sum()), int(predicted.sum())
    n_negative = n - n_positive
    auc = metrics.roc_auc_score(label, chance) if n_positive and n_negative else None
    precision = metrics.precision_score(label, predicted) if n_predicted else None
    recall = metrics.recall_score(label, predicted) if n_positive else None
    specificity = metrics.recall_score(~label, ~predicted) if n_negative else None
    return (
        _measure("roc_auc", auc, n, "area under the ROC curve", ONE_CLASS),
        _measure(
            "brier_score", metrics.brier_score_loss(label, chance, pos_label=True), n, "mean squared error of scores"
        ),
        _measure("log_loss", metrics.log_loss(label, chance, labels=[False, True]), n, "mean, natural logarithm"),
        _measure("precision", precision, n_predicted, "of rows predicted positive", "No row is predicted positive."),
        _measure("recall", recall, n_positive, "of rows labelled positive", "No held-out row is labelled positive."),
        _measure("specificity", specificity, n_negative, "of rows labelled negative", "No held-out row is negative."),
    )


def _multiclass(label: NDArray[Any], predicted: NDArray[Any], scored: Scored) -> tuple[Measure, ...]:
    scores = np.asarray(scored.score)
    places = np.array([scored.classes.index(name) for name in label])
    impossible = [str(name) for name in np.unique(label) if not scores[:, scored.classes.index(name)].any()]
    loss = None if impossible else metrics.log_loss(places, scores, labels=range(len(scored.classes)))
    why = f"The model gives class {impossible[0]!r} no chance at all." if impossible else ""
    present = np.unique(label)
    recalls = metrics.recall_score(label, predicted, labels=present, average="macro", zero_division=0.0)
    return (
        _measure("log_loss", loss, label.size, "mean, natural logarithm", why),
        _measure("balanced_accuracy", recalls, label.size, f"mean recall of the {present.size} classes that occur"),
    )


def _regression(label: NDArray[np.float64], scored: Scored) -> tuple[Measure, ...]:
    predicted, n = scored.prediction, label.size
    r2 = metrics.r2_score(label, predicted) if n > 1 and np.ptp(label) > 0 else None
    return (
        _measure("mae", metrics.mean_absolute_error(label, predicted), n, "mean absolute error"),
        _measure("rmse", metrics.root_mean_squared_error(label, predicted), n, "root of the mean squared error"),
        _measure("bias", math.fsum(predicted - label) / n, n, "mean of prediction minus label"),
        _measure("r2", r2, n, "1 - squared error / variance of labels", ONE_CLASS),
    )


def _measure(name: str, value: float | None, n: int, convention: str, why_not: str = "") -> Measure:
    return Measure(
        family=Family.PERFORMANCE,
        measure=name,
        value=None if value is None else float(value),
        n=n,
        status=Status.UNDEFINED if value is None else Status.INSUFFICIENT,
        why=why_not if value is None else "",
        convention=f"{convention}; {ON}",
    )
