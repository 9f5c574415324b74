"""What the two versions are compared by: measures that are means over rows, and their margins."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from core.compare.means import RowValues
from core.compare.rows import PairedRows
from core.compare.verdicts import IN_LABEL_UNITS
from core.errors import InputError, UnknownNameError
from core.schema import Task

__all__ = ["MARGINS", "MEASURES", "SHARE_OF_LOSS", "margins_for", "nothing_because", "row_values"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MEASURES: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: (
        "roc_auc",
        "accuracy",
        "brier_score",
        "log_loss",
        "recall",
        "false_positive_rate",
        "selection_rate",
    ),
    Task.MULTICLASS: ("accuracy", "macro_recall", "recall", "selection_rate"),
    Task.REGRESSION: ("mae", "mse", "bias"),
}
MARGINS: Mapping[str, float] = {
    "accuracy": 0.01,
    "brier_score": 0.005,
    "false_positive_rate": 0.02,
    "log_loss": 0.01,
    "macro_recall": 0.02,
    "recall": 0.02,
    "roc_auc": 0.01,
    "selection_rate": 0.02,
}
SHARE_OF_LOSS = 0.05  # the margin of measures in the label's units, as a share of the champion's own loss
LOG_LOSS_EPSILON = 1e-15  # as in the profile's sums


def margins_for(values: Mapping[str, RowValues], task: Task, margins: Mapping[str, float] | None) -> dict[str, float]:
    """The margin of each measure: as given, else from `MARGINS`, else a twentieth of the champion's loss.

    Raises
    ------
    InputError
        If a margin is no finite number of 0 or more.
    UnknownNameError
        If a margin is for a measure that the task doesn't have.

    Examples
    --------
    >>> margins_for({}, Task.MULTICLASS, {"accuracy": 0.05})
    {'accuracy': 0.05, 'macro_recall': 0.02, 'recall': 0.02, 'selection_rate': 0.02}
    """
    given = dict(margins or {})
    for measure, margin in given.items():
        if measure not in MEASURES[task]:
            raise UnknownNameError(f"measure of a {task} comparison", measure, MEASURES[task])
        if not (math.isfinite(margin) and margin >= 0):
            raise InputError(f"The margin of {measure} must be a number of 0 or more, got {margin}.")
    chosen = {measure: MARGINS[measure] for measure in MEASURES[task] if measure not in IN_LABEL_UNITS}
    if task is Task.REGRESSION:
        loss = {measure: _champion_mean(values[measure]) for measure in ("mae", "mse")}
        chosen = {
            "mae": SHARE_OF_LOSS * loss["mae"],
            "mse": SHARE_OF_LOSS * loss["mse"],
            "bias": SHARE_OF_LOSS * math.sqrt(loss["mse"]),
        }
    return {**chosen, **{measure: float(margin) for measure, margin in given.items()}}


def _champion_mean(values: RowValues) -> float:
    usable = values.champion[values.usable]
    mean = float(usable.mean()) if usable.size else 0.0
    return mean if math.isfinite(mean) else 0.0


def row_values(rows: PairedRows) -> dict[str, RowValues]:
    """What each row adds to each measure that is a mean over rows; ROC AUC and macro recall are none.

    Examples
    --------
    >>> from core.compare.rows import Predictions, pair_rows
    >>> said = Predictions(prediction=[1.0, 5.0]), Predictions(prediction=[2.0, 3.0])
    >>> values = row_values(pair_rows([2.0, 2.0], *said, task=Task.REGRESSION))
    >>> [(name, v.champion.tolist(), v.candidate.tolist()) for name, v in values.items()][0]
    ('mae', [1.0, 3.0], [0.0, 1.0])
    """
    if rows.task is Task.REGRESSION:
        return _regression(rows)
    return {**_decisions(rows), **(_scores(rows) if rows.task is Task.BINARY else {})}


def nothing_because(rows: PairedRows, what: str, *, needs_label: bool = True) -> str:
    """Why no row at all has a label and both versions' score or prediction, '' where columns alone don't say it."""
    if not rows.n_rows:
        return "There are no rows."
    if needs_label and not rows.labelled.any():
        return f"None of the {rows.n_rows:,} rows has a label."
    field = "decision" if what == "prediction" and rows.classes else "value"
    lacking = [side.name for side in (rows.champion, rows.candidate) if getattr(side, field) is None]
    return f"The {' and the '.join(lacking)} log{'' if len(lacking) > 1 else 's'} no {what}." if lacking else ""


def _decisions(rows: PairedRows) -> dict[str, RowValues]:
    nobody = np.full(rows.n_rows, -1, dtype=np.int64)
    champion = nobody if rows.champion.decision is None else rows.champion.decision
    candidate = nobody if rows.candidate.decision is None else rows.candidate.decision
    decided, labelled = (champion >= 0) & (candidate >= 0), rows.labelled
    nothing = nothing_because(rows, "prediction")
    nobody_said = nothing_because(rows, "prediction", needs_label=False)

    def rate(measure: str, wanted: object, usable: Bools, among: str, *, better: bool | None = None) -> RowValues:
        return RowValues(
            measure=measure,
            champion=(champion == wanted).astype(np.float64),
            candidate=(candidate == wanted).astype(np.float64),
            usable=usable & decided,
            is_rate=True,
            higher_is_better=better,
            among=among,
            empty=nothing if better is not None else nobody_said,
        )

    values = {"accuracy": rate("accuracy", rows.label, labelled, "with a label and both predictions", better=True)}
    if rows.positive is not None:
        positive, negative = rows.positive, 1 - rows.positive
        for measure, place, better in (("recall", positive, True), ("false_positive_rate", negative, False)):
            among = f"labelled '{rows.classes[place]}' with both predictions"
            values[measure] = rate(measure, positive, rows.label == place, among, better=better)
    if rows.favourable is not None:
        everyone = np.ones(rows.n_rows, dtype=bool)
        values["selection_rate"] = rate("selection_rate", rows.favourable, everyone, "with both predictions")
    return values


def _scores(rows: PairedRows) -> dict[str, RowValues]:
    nothing, n = nothing_because(rows, "score"), rows.n_rows
    positive = rows.label == rows.positive
    champion, candidate = (
        np.full(n, np.nan) if side.value is None else side.value for side in (rows.champion, rows.candidate)
    )
    usable = rows.labelled & np.isfinite(champion) & np.isfinite(candidate)
    for side, score in (("champion", champion), ("candidate", candidate)):
        outside = usable & ((score < 0) | (score > 1))
        if outside.any():
            nothing = f"A score of the {side}, {score[outside][0]:.4g}, is no probability."
            usable = np.zeros(n, dtype=bool)

    def brier(score: Floats) -> Floats:
        squared: Floats = (np.where(usable, score, 0.5) - positive) ** 2
        return squared

    def log_loss(score: Floats) -> Floats:
        inside = np.clip(np.where(usable, score, 0.5), LOG_LOSS_EPSILON, 1 - LOG_LOSS_EPSILON)
        loss: Floats = -np.log(np.where(positive, inside, 1 - inside))
        return loss

    return {
        measure: RowValues(
            measure=measure,
            champion=loss(champion),
            candidate=loss(candidate),
            usable=usable,
            is_rate=False,
            higher_is_better=False,
            among="with a label and both scores",
            empty=nothing,
        )
        for measure, loss in (("brier_score", brier), ("log_loss", log_loss))
    }


def _regression(rows: PairedRows) -> dict[str, RowValues]:
    champion, candidate = (
        np.full(rows.n_rows, np.nan) if side.value is None else side.value for side in (rows.champion, rows.candidate)
    )
    usable = rows.labelled & np.isfinite(champion) & np.isfinite(candidate)
    with np.errstate(over="ignore", invalid="ignore"):
        errors = [np.where(usable, value - rows.target, 0.0) for value in (champion, candidate)]
        losses = {
            "mae": [np.abs(error) for error in errors],
            "mse": [error * error for error in errors],
            "bias": errors,
        }
    return {
        measure: RowValues(
            measure=measure,
            champion=before,
            candidate=after,
            usable=usable,
            is_rate=False,
            higher_is_better=None if measure == "bias" else False,
            among="with a label and both predictions",
            empty=nothing_because(rows, "prediction"),
        )
        for measure, (before, after) in losses.items()
    }
