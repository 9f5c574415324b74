"""Train a model by a recipe on records, and hold out the most recent of them to see how good it is."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from numpy.typing import NDArray
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from threadpoolctl import threadpool_limits

from core.actions.retrain.evaluation import held_out_measures
from core.actions.retrain.features import read_features, read_groups
from core.actions.retrain.group_thresholds import GroupThresholds
from core.actions.retrain.mitigators import (
    check_groups,
    fairlearn_version,
    fit_thresholds,
    fit_weighted,
    mitigation_notes,
)
from core.actions.retrain.pipeline import MAX_ITER, build_pipeline, parameters_of
from core.actions.retrain.recipe import Calibration, Linear, RandomForest, Recipe, features_of
from core.actions.retrain.scoring import Scored, decided_by_group, score_features, threshold_of
from core.actions.retrain.split import Part, Split, in_order, split, times_of
from core.errors import InputError
from core.measure import Measure
from core.record import ID, LABEL
from core.schema import ModelSchema, Task

__all__ = ["MIN_HELD_OUT", "MIN_OF_A_CLASS", "HeldOut", "Trained", "train"]

MIN_HELD_OUT = 50  # rows
MIN_OF_A_CLASS = 10  # rows that a class needs in a part that something is fitted to


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class HeldOut:
    """The rows nothing was fitted to, in the order of time, and what the model says of them.

    A champion's scores of the same `prediction_id` can be laid beside these.
    """

    prediction_id: NDArray[Any]
    label: NDArray[Any]
    scored: Scored


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trained:
    """A fitted model and all that a reviewer asks about how it came about.

    Parameters
    ----------
    pipeline : estimator
        What `score` and the artefact take: a scikit-learn pipeline, calibrated if the recipe says so.
    parameters : dict
        What the steps were really given, defaults of scikit-learn included.
    protected_features : tuple of str
        Protected attributes it learnt from, as the recipe named them.
    calibration : Part or None
        The rows that calibration took, or on which thresholds by group were chosen; None if there were none.
    threshold : float or None
        From which score on a binary model predicts the positive class.
    group_thresholds : GroupThresholds or None
        By which a mitigated version decides instead; they need the group of whoever is decided on.
    notes : tuple of str
        What a reviewer should know of the training, in plain sentences.
    """

    pipeline: Any
    recipe: Recipe
    schema_digest: str
    parameters: dict[str, Any]
    features: tuple[str, ...]
    protected_features: tuple[str, ...]
    train: Part
    calibration: Part | None
    held_out: Part
    threshold: float | None
    measures: tuple[Measure, ...]
    held_out_rows: HeldOut
    software: str
    group_thresholds: GroupThresholds | None = None
    notes: tuple[str, ...] = ()

    @property
    def predictions_sha256(self) -> str:
        """Names what the model predicts of the held-out rows: the ids and the predictions."""
        rows = self.held_out_rows
        lines = [f"{one!s}\t{said!s}\n" for one, said in zip(rows.prediction_id, rows.scored.prediction, strict=True)]
        return hashlib.sha256("".join(lines).encode(errors="surrogatepass")).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """The JSON-ready form, without the model and the rows, as evidence keeps it."""
        by_group = self.group_thresholds
        further = {} if by_group is None else {"group_thresholds": by_group.to_dict() | {"sha256": by_group.sha256}}
        return {
            "recipe": self.recipe.model_dump(mode="json"),
            "recipe_digest": self.recipe.digest,
            "schema_digest": self.schema_digest,
            "parameters": self.parameters,
            "features": list(self.features),
            "protected_features": list(self.protected_features),
            "train": self.train.to_dict(),
            "calibration": self.calibration.to_dict() if self.calibration else None,
            "held_out": self.held_out.to_dict(),
            "threshold": self.threshold,
            "measures": [measure.to_dict() for measure in self.measures],
            "software": self.software,
            "notes": list(self.notes),
            **further,
        }


def train(schema: ModelSchema, recipe: Recipe, frame: pd.DataFrame) -> Trained:
    """Train a model on the earlier records and try it on the most recent ones.

    The same recipe and the same records, in whatever order, give the same model. Without times the
    records' order counts as that of time.

    Parameters
    ----------
    frame : DataFrame
        Stored records with "@id" and "@label", all labelled, and "@timestamp" where the log has times.

    Raises
    ------
    InputError
        If the recipe doesn't fit the schema, or the records are too few or not usable.

    Examples
    --------
    >>> schema = ModelSchema.from_dict({"task": "regression", "window": {"rows": 100}, "columns": {
    ...     "size": {"role": "feature", "type": "numeric"}, "price": {"role": "label"}}})
    >>> size = np.arange(400) % 37
    >>> frame = pd.DataFrame({"@id": [f"r{i}" for i in range(400)], "size": size, "@label": 3.0 * size})
    >>> found = train(schema, Recipe.from_dict({"estimator": "linear", "min_rows": 100}), frame)
    >>> found.train.n, found.held_out.n, [round(m.value, 1) for m in found.measures if m.measure == "r2"]
    (320, 80, [1.0])
    """
    names = features_of(recipe, schema)
    for column in (ID, LABEL):
        if column not in frame.columns:
            raise InputError(f"The records have no column {column}.")
    if frame[ID].duplicated().any():
        raise InputError(f"The prediction id {frame.loc[frame[ID].duplicated(), ID].iloc[0]!r} occurs twice.")
    frame = in_order(frame)
    if recipe.mitigation is not None:
        frame = frame.iloc[-recipe.mitigation.max_rows :]
    label = _labels(schema, frame)
    parts = split(times_of(frame), recipe, n_rows=len(frame))
    _check(schema, recipe, parts, label)
    groups = _groups(schema, recipe, frame, label, parts)
    features = read_features(schema, names, frame)
    pipeline = build_pipeline(recipe, schema, names)
    parameters = parameters_of(pipeline)
    with threadpool_limits(limits=recipe.n_jobs), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # it is told in a note
        learnt, of_learnt = features.frame.iloc[parts.train.rows], label[parts.train.rows]
        if recipe.mitigation is not None and not recipe.mitigation.needs_group:
            pipeline = fit_weighted(
                schema, recipe.mitigation, pipeline, learnt, label=of_learnt, groups=groups[parts.train.rows]
            )
        else:
            pipeline.fit(learnt, of_learnt)
        if isinstance(recipe.hyperparameters, RandomForest):
            pipeline.set_params(model__n_jobs=1)  # several threads add up trees in any order
        fitted = _calibrated(pipeline, recipe, features.frame, label, parts)
    scored = score_features(fitted, schema, features.frame.iloc[parts.held_out.rows])
    ids = frame[ID].to_numpy(dtype=object)[parts.held_out.rows]
    by_group = None
    if recipe.mitigation is not None and recipe.mitigation.needs_group:
        aside = parts.calibration.rows
        chosen_on = score_features(fitted, schema, features.frame.iloc[aside])
        by_group = fit_thresholds(schema, recipe, np.asarray(chosen_on.score), label[aside], groups[aside])
        scored = decided_by_group(scored, schema, by_group, groups[parts.held_out.rows], ids)
    rows = HeldOut(
        prediction_id=ids,
        label=label[parts.held_out.rows],
        scored=scored,
    )
    protected = tuple(name for name in names if schema.columns[name].protected)
    return Trained(
        pipeline=fitted,
        recipe=recipe,
        schema_digest=schema.digest,
        parameters=parameters,
        features=names,
        protected_features=protected,
        train=parts.train,
        calibration=parts.calibration if recipe.keeps_aside else None,
        held_out=parts.held_out,
        threshold=threshold_of(schema),
        measures=held_out_measures(schema, rows.label, scored),
        held_out_rows=rows,
        software=f"scikit-learn {sklearn.__version__}{'' if recipe.mitigation is None else fairlearn_version()}",
        group_thresholds=by_group,
        notes=(
            *mitigation_notes(recipe, groups, by_group),
            *(f"It learns from the protected attribute {name}, as the recipe says." for name in protected),
            *(f"{name}: {n:,} infinite values were read as missing." for name, n in features.n_infinite.items()),
            *_notes(schema, recipe, pipeline, frame, label),
        ),
    )


def _labels(schema: ModelSchema, frame: pd.DataFrame) -> NDArray[Any]:
    """The labels, checked: floats for a regression, else texts that are classes of the schema."""
    n_missing = int(frame[LABEL].isna().sum())
    if n_missing:
        raise InputError(f"{n_missing:,} of {len(frame):,} records have no label; leave them out.")
    if schema.task is Task.REGRESSION:
        try:
            numbers = frame[LABEL].to_numpy(dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise InputError(f"{LABEL}: holds something that is no number: {error}") from error
        n_infinite = int(np.isinf(numbers).sum())
        if n_infinite:
            raise InputError(f"{n_infinite:,} labels are infinite; leave these records out.")
        return numbers
    texts: NDArray[Any] = frame[LABEL].astype(object).map(str).to_numpy(dtype=str)
    strange = sorted(set(np.unique(texts)) - set(schema.outcome.classes))
    if strange:
        known = ", ".join(map(repr, schema.outcome.classes))
        raise InputError(f"The label {str(strange[0])!r} is none of the classes {known}.")
    return texts


def _check(schema: ModelSchema, recipe: Recipe, parts: Split, label: NDArray[Any]) -> None:
    """Raise InputError if a part has too few rows, or rows of too few classes, for what is done with it."""
    if parts.train.n < recipe.min_rows:
        raise InputError(
            f"{parts.train.n:,} labelled records are left to learn from once the most recent are held out; "
            f"the recipe's min_rows is {recipe.min_rows:,}."
        )
    if parts.held_out.n < MIN_HELD_OUT:
        raise InputError(
            f"The hold-out has {parts.held_out.n:,} records and needs {MIN_HELD_OUT}; hold out more of them."
        )
    if schema.task is Task.REGRESSION:
        return
    learnt = _class_counts(label[parts.train.rows])
    wanted = schema.outcome.classes if schema.task is Task.BINARY else tuple(learnt)
    if len(learnt) < 2:
        raise InputError(f"All records to learn from have the label {next(iter(learnt))!r}.")
    _check_classes(wanted, learnt, "to learn from")
    if recipe.calibration is not Calibration.NONE:
        _check_classes(wanted, _class_counts(label[parts.calibration.rows]), "to calibrate on")


def _check_classes(wanted: tuple[str, ...], counts: dict[str, int], what_for: str) -> None:
    for name in wanted:
        if counts.get(name, 0) < MIN_OF_A_CLASS:
            raise InputError(
                f"{counts.get(name, 0):,} records {what_for} have the label {name!r}; {MIN_OF_A_CLASS} are needed."
            )


def _class_counts(label: NDArray[Any]) -> dict[str, int]:
    names, counts = np.unique(label, return_counts=True)
    return {str(name): int(n) for name, n in zip(names, counts, strict=True)}


def _groups(
    schema: ModelSchema, recipe: Recipe, frame: pd.DataFrame, label: NDArray[Any], parts: Split
) -> NDArray[Any]:
    """The groups that a mitigation treats more alike, checked; nothing without one."""
    if recipe.mitigation is None:
        return np.empty(len(frame), dtype=object)
    groups = read_groups(schema, recipe.mitigation.sensitive, frame)
    of = {"to learn from": parts.train, "held out": parts.held_out}
    if recipe.mitigation.needs_group:
        of["to choose thresholds on"] = parts.calibration
    check_groups(schema, recipe.mitigation.sensitive, groups, label, parts=of)
    return groups


def _calibrated(
    pipeline: Pipeline, recipe: Recipe, features: pd.DataFrame, label: NDArray[Any], parts: Split
) -> Pipeline | CalibratedClassifierCV:
    if recipe.calibration is Calibration.NONE:
        return pipeline
    calibrated = CalibratedClassifierCV(FrozenEstimator(pipeline), method=str(recipe.calibration), ensemble=False)
    return calibrated.fit(features.iloc[parts.calibration.rows], label[parts.calibration.rows])


def _notes(
    schema: ModelSchema, recipe: Recipe, pipeline: Pipeline, frame: pd.DataFrame, label: NDArray[Any]
) -> tuple[str, ...]:
    notes = []
    if times_of(frame) is None:
        notes.append("The records have no times: the order they came in was taken for that of time.")
    model = pipeline.named_steps["model"]
    if isinstance(recipe.hyperparameters, Linear) and np.max(getattr(model, "n_iter_", None) or 0) >= MAX_ITER:
        notes.append(f"The solver stopped after {MAX_ITER:,} steps before it had converged.")
    if schema.task is Task.MULTICLASS:
        unseen = [name for name in schema.outcome.classes if name not in set(model.classes_)]
        if unseen:
            among = sum(int((label == name).sum()) for name in unseen)
            notes.append(f"It never saw {', '.join(unseen)} ({among:,} such labels are held out) and can't predict it.")
    if schema.task is Task.BINARY and schema.outcome.threshold is None:
        notes.append("The schema gives no threshold: it decides at 0.5.")
    return tuple(notes)
