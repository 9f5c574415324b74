"""Fairlearn's mitigators at work: what they fit is kept as scikit-learn's own estimator, or as thresholds in JSON."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import Pipeline

from core.actions.retrain.group_thresholds import GroupThresholds
from core.actions.retrain.mitigation_plan import Constraint, Mitigation
from core.actions.retrain.recipe import Recipe
from core.actions.retrain.scoring import binary_classes, threshold_of
from core.actions.retrain.split import Part
from core.errors import InputError
from core.profile.spec import UNKNOWN_GROUP
from core.schema import ModelSchema, Task

__all__ = [
    "MAX_GROUPS",
    "MIN_OF_A_CLASS_IN_GROUP",
    "check_groups",
    "check_task",
    "fairlearn_version",
    "fit_thresholds",
    "fit_weighted",
    "mitigation_notes",
    "multiplier_grid",
]

Floats = NDArray[np.float64]

MAX_GROUPS = 6  # the grid has a dimension for each group but one; Fairlearn tries all pairs of levels
MAX_DIMENSIONS = 4
MIN_OF_A_CLASS_IN_GROUP = 15  # rows, in each part that something is fitted to or measured on
GRID_SIZES = {1: 9, 2: 13, 3: 25, 4: 41}  # whole layers of the grid by its dimensions, so that no side is cut off
GRID_LIMIT = 1.0
ZERO = 1e-12
EVENTS = {
    Constraint.DEMOGRAPHIC_PARITY: ("all",),
    Constraint.TRUE_POSITIVE_RATE_PARITY: ("label=1",),
    Constraint.FALSE_POSITIVE_RATE_PARITY: ("label=0",),
    Constraint.EQUALIZED_ODDS: ("label=0", "label=1"),
}


def check_task(schema: ModelSchema) -> None:
    """Raise InputError where a task has no decision of two classes to treat groups more alike in."""
    if schema.task is not Task.BINARY:
        raise InputError(
            f"The task is {schema.task}: mitigation is for models that decide between two classes. "
            "Fairlearn's bounded group loss for regressions isn't supported."
        )


def check_groups(
    schema: ModelSchema, sensitive: str, groups: NDArray[Any], label: NDArray[Any], *, parts: Mapping[str, Part]
) -> None:
    """Raise InputError, in words, where groups can't be treated more alike on these rows.

    Parameters
    ----------
    groups, label : arrays of str, shape (n,)
        In the order of the parts.
    parts : mapping of what for to Part
        Rows that something is fitted to or measured on.
    """
    check_task(schema)
    known = [name for name in sorted(set(groups)) if name != UNKNOWN_GROUP]
    if len(known) < 2:
        raise InputError(f"{sensitive} has {len(known)} known group in these records: two are needed.")
    if len(known) > MAX_GROUPS:
        raise InputError(
            f"{sensitive} has {len(known)} groups, and at most {MAX_GROUPS} can be handled: log a column that puts "
            "groups together."
        )
    for what_for, part in parts.items():
        for name in known:
            rows = label[part.rows][groups[part.rows] == name]
            for of_class in schema.outcome.classes:
                n = int((rows == of_class).sum())
                if n < MIN_OF_A_CLASS_IN_GROUP:
                    raise InputError(
                        f"{sensitive} = {name!r} has {len(rows):,} records {what_for}, of which {n:,} have the label "
                        f"{of_class!r}; {MIN_OF_A_CLASS_IN_GROUP} are needed. Put small groups together, or wait for "
                        "more labels."
                    )


def fit_weighted(
    schema: ModelSchema,
    mitigation: Mitigation,
    pipeline: Pipeline,
    features: pd.DataFrame,
    *,
    label: NDArray[Any],
    groups: NDArray[Any],
) -> Pipeline:
    """Fit a pipeline to rows that GridSearch weighs and relabels for these multipliers; it needs no group to score.

    Rows of no known group are left out.

    Raises
    ------
    InputError
        If the multipliers don't fit the records, or weigh so much that everybody would be decided alike.

    References
    ----------
    A. Agarwal et al. (2018), section 3.4, doi:10.48550/arXiv.1803.02453.
    """
    from fairlearn.reductions import GridSearch

    positive, negative = binary_classes(schema)
    known = groups != UNKNOWN_GROUP
    rows, names = features[known], groups[known].astype(str)
    is_positive = (label[known] == positive).astype(np.int64)
    multipliers = pd.Series(0.0, index=_index(mitigation.constraint, names))
    for event, group, value in mitigation.multipliers:
        place = ("+" if value > 0 else "-", event, group)
        if place not in multipliers.index:
            raise InputError(f"The multipliers name {event!r} of {group!r}, of which there are no records.")
        multipliers[place] = abs(value)
    search = GridSearch(
        _Weighted(pipeline, positive=positive, negative=negative),
        _moment(mitigation.constraint),
        grid=pd.DataFrame({0: multipliers}),
    )
    with _old_ways():
        search.fit(rows, is_positive, sensitive_features=names)
    inner = search.predictors_[0]
    if not isinstance(inner, _Weighted):
        raise InputError(f"{mitigation.words}: everybody would be decided alike; take a point nearer to 0.")
    return inner.pipeline


def fit_thresholds(
    schema: ModelSchema, recipe: Recipe, score: Floats, label: NDArray[Any], groups: NDArray[Any]
) -> GroupThresholds:
    """What ThresholdOptimizer decides by group, chosen on rows that the estimator didn't learn from.

    Parameters
    ----------
    score : float array of shape (n,)
        The probability of the positive class.

    References
    ----------
    M. Hardt, E. Price, N. Srebro (2016), doi:10.48550/arXiv.1610.02413.
    """
    from fairlearn.postprocessing import ThresholdOptimizer

    mitigation = recipe.mitigation
    if mitigation is None:
        raise ValueError("The recipe asks for no mitigation.")
    positive, _ = binary_classes(schema)
    known = groups != UNKNOWN_GROUP
    optimizer = ThresholdOptimizer(
        estimator=_Scores(),
        constraints=str(mitigation.constraint),
        objective=str(mitigation.objective),
        prefit=True,
        predict_method="predict_proba",
        tol=mitigation.tolerance or None,
    )
    with _old_ways():
        optimizer.fit(
            score[known].reshape(-1, 1),
            (label[known] == positive).astype(np.int64),
            sensitive_features=groups[known].astype(str),
        )
    otherwise = threshold_of(schema) or 0.0
    return GroupThresholds.from_fairlearn(
        optimizer, sensitive=mitigation.sensitive, otherwise=otherwise, seed=recipe.seed
    )


def multiplier_grid(
    schema: ModelSchema, constraint: Constraint, label: NDArray[Any], groups: NDArray[Any]
) -> tuple[tuple[tuple[str, str, float], ...], ...]:
    """GridSearch's own grid for these rows, without the point that weighs nothing; () where it would have to be vast.

    Returns
    -------
    tuple of multipliers
        As a `Mitigation` takes them.
    """
    from fairlearn.reductions import GridSearch

    positive, _ = binary_classes(schema)
    known = groups != UNKNOWN_GROUP
    names = groups[known].astype(str)
    size = GRID_SIZES.get(len(EVENTS[constraint]) * (len(set(names)) - 1))
    if size is None:
        return ()
    # it fits nothing: only the grid is asked for
    search = GridSearch(DummyClassifier(), _moment(constraint), grid_size=size, grid_limit=GRID_LIMIT)
    nothing = np.zeros((len(names), 1))
    with _old_ways():
        search.fit(nothing, (label[known] == positive).astype(np.int64), sensitive_features=names)
    found = []
    for column in search.lambda_vecs_.columns:
        vector = search.lambda_vecs_[column]
        point = tuple(
            (str(event), str(group), float(value if sign == "+" else -value))
            for (sign, event, group), value in vector.items()
            if abs(value) > ZERO
        )
        if point:
            found.append(point)
    return tuple(found)


def mitigation_notes(recipe: Recipe, groups: NDArray[Any], thresholds: GroupThresholds | None) -> tuple[str, ...]:
    """What a reviewer should know of a mitigated model, in plain sentences."""
    from core.fairness.thresholds import TREATMENT

    mitigation = recipe.mitigation
    if mitigation is None:
        return ()
    notes = [f"It is mitigated: {mitigation.words}."]
    n_unknown = int((groups == UNKNOWN_GROUP).sum())
    if n_unknown:
        notes.append(f"Of {n_unknown:,} records {mitigation.sensitive} isn't known: they don't count for its groups.")
    if mitigation.needs_group:
        notes.append(f"It needs {mitigation.sensitive} of everybody it decides on. {TREATMENT}")
    if thresholds is not None and thresholds.is_random:
        notes.append("Between two thresholds it decides by lot, drawn from the record's id: the same record, the same.")
    if not mitigation.needs_group:
        notes.append("Its scores are of weighted and relabelled rows: they rank, and aren't probabilities.")
    return tuple(notes)


def fairlearn_version() -> str:
    """What to add to the software of a training."""
    import fairlearn

    return f", fairlearn {fairlearn.__version__}"


def _index(constraint: Constraint, names: NDArray[Any]) -> pd.MultiIndex:
    """What Fairlearn's multipliers are named by where every group has records of both labels."""
    return pd.MultiIndex.from_product([["+", "-"], EVENTS[constraint], sorted(set(names))])


@contextmanager
def _old_ways() -> Iterator[None]:
    """Fairlearn 0.15 uses what the next pandas will do away with; nobody who mitigates can do anything about it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _moment(constraint: Constraint) -> Any:
    from fairlearn import reductions

    moments = {
        Constraint.DEMOGRAPHIC_PARITY: reductions.DemographicParity,
        Constraint.TRUE_POSITIVE_RATE_PARITY: reductions.TruePositiveRateParity,
        Constraint.FALSE_POSITIVE_RATE_PARITY: reductions.FalsePositiveRateParity,
        Constraint.EQUALIZED_ODDS: reductions.EqualizedOdds,
    }
    return moments[constraint]()


class _Weighted(BaseEstimator):  # type: ignore[misc]
    """A pipeline as GridSearch wants one: classes are 0 and 1, and weights go to its last step."""

    def __init__(self, pipeline: Pipeline, *, positive: str, negative: str) -> None:
        self.pipeline, self.positive, self.negative = pipeline, positive, negative

    def fit(self, features: pd.DataFrame, is_positive: Any, sample_weight: Any) -> Self:
        label = np.where(np.asarray(is_positive) == 1, self.positive, self.negative)
        self.pipeline.fit(features, label, model__sample_weight=np.asarray(sample_weight, dtype=np.float64))
        return self

    def predict(self, features: pd.DataFrame) -> NDArray[np.int64]:
        return np.asarray(self.pipeline.predict(features) == self.positive, dtype=np.int64)


class _Scores(BaseEstimator):  # type: ignore[misc]
    """An estimator whose input is its score."""

    def fit(self, score: Any, is_positive: Any) -> Self:  # noqa: ARG002 (Fairlearn takes nothing without one)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, score: Any) -> Floats:
        values = np.asarray(score, dtype=np.float64).reshape(-1)
        return np.column_stack([1.0 - values, values])
