"""Measuring the accuracy-gap curve: every point is fitted from its plan, and tried on the rows held out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.actions.retrain.features import read_groups
from core.actions.retrain.gap_curve import UNMITIGATED, AccuracyGapCurve, CurvePoint, Figure
from core.actions.retrain.mitigation_plan import MAX_ROWS, Constraint, Method, Mitigation, Objective
from core.actions.retrain.mitigators import check_groups, check_task, mitigation_notes, multiplier_grid
from core.actions.retrain.recipe import Calibration, Recipe
from core.actions.retrain.scoring import HALF, binary_classes, threshold_of
from core.actions.retrain.split import in_order, split, times_of
from core.actions.retrain.trainer import Trained, train
from core.errors import InputError
from core.fairness.groups import GroupRates, group_rates
from core.fairness.largest import range_interval
from core.fairness.odds import equalized_odds
from core.measure import Interval
from core.profile.spec import UNKNOWN_GROUP
from core.record import LABEL
from core.schema import ModelSchema
from core.stats.intervals import wilson

__all__ = ["TOLERANCES", "accuracy_gap_curve", "mitigated"]

TOLERANCES = (0.0, 0.05, 0.1)  # of ThresholdOptimizer
RATES = {
    Constraint.DEMOGRAPHIC_PARITY: ("selection_rate",),
    Constraint.TRUE_POSITIVE_RATE_PARITY: ("true_positive_rate",),
    Constraint.FALSE_POSITIVE_RATE_PARITY: ("false_positive_rate",),
    Constraint.EQUALIZED_ODDS: ("true_positive_rate", "false_positive_rate"),
}
ELSEWHERE = (
    "The model schema decides at {cut:g}, not at 0.5. The recipe as it is and the grid decide there; thresholds by "
    "group are chosen for the objective alone, so that they move how many are selected at all, not only the gap."
)


def accuracy_gap_curve(
    schema: ModelSchema,
    recipe: Recipe,
    frame: pd.DataFrame,
    *,
    sensitive: str,
    constraint: Constraint,
    objective: Objective = Objective.ACCURACY,
    max_rows: int = MAX_ROWS,
    said: Callable[[int, int], None] = lambda _done, _all: None,
) -> AccuracyGapCurve:
    """What would it cost to treat the groups of a column more alike?

    Every point is fitted by the trainer from its plan, so that the same plan makes the same model again. Nothing here
    is random: lots are drawn from the ids of records.

    Parameters
    ----------
    recipe : Recipe
        Without a mitigation it is the first point. One that it names is a point too.
    frame : DataFrame
        As `train` takes it, with the column `sensitive`.
    objective : Objective
        What is given up as little of as can be.
    max_rows : int
        The most recent records that are learnt from and tried on, by every point.
    said : callable
        Told how many fits of how many are done.

    Raises
    ------
    InputError
        In words: for a regression or several classes, where a group has too few records or labels of one class only,
        or where there are more groups than can be handled.
    """
    check_task(schema)
    plain = recipe.model_copy(update={"mitigation": None})
    frame = in_order(frame).iloc[-max_rows:]
    label = frame[LABEL].astype(object).map(str).to_numpy(dtype=str)
    groups = read_groups(schema, sensitive, frame)
    parts = split(times_of(frame), plain, n_rows=len(frame))
    check_groups(schema, sensitive, groups, label, parts={"to learn from": parts.train, "held out": parts.held_out})
    named = Mitigation(
        method=Method.THRESHOLD_OPTIMIZER,
        sensitive=sensitive,
        constraint=constraint,
        objective=objective,
        max_rows=max_rows,
    )
    plans = _plans(schema, named, label=label[parts.train.rows], groups=groups[parts.train.rows])
    left_out: dict[str, list[str]] = {}
    if not any(plan.method is Method.GRID_SEARCH for plan in plans.values()):
        left_out["with so many groups the grid would be too large for a fit at each point."] = ["GridSearch"]
    if recipe.mitigation is not None and recipe.mitigation not in plans.values():
        plans["as asked"] = recipe.mitigation
    fits = {UNMITIGATED: train(schema, plain, frame)}
    for n_done, (name, plan) in enumerate(plans.items(), start=1):
        said(n_done, 1 + len(plans))
        try:
            fits[name] = train(schema, mitigated(plain, plan), frame)
        except InputError as error:
            left_out.setdefault(str(error), []).append(name)
    said(1 + len(plans), 1 + len(plans))
    of_held_out = groups[parts.held_out.rows]
    points = [_point(schema, constraint, fit, of_held_out, name=name) for name, fit in fits.items()]
    return AccuracyGapCurve(
        sensitive=sensitive,
        constraint=constraint,
        objective=objective,
        n_train=fits[UNMITIGATED].train.n,
        n_held_out=parts.held_out.n,
        points=_marked(points, objective),
        left_out=tuple(f"{', '.join(names)}: {why}" for why, names in left_out.items()),
        notes=() if (cut := threshold_of(schema)) in (None, HALF) else (ELSEWHERE.format(cut=cut),),
    )


def mitigated(recipe: Recipe, plan: Mitigation) -> Recipe:
    """A recipe with a mitigation; where rows are weighted, without the calibration that would undo it."""
    is_weighted = plan.method is Method.GRID_SEARCH
    calibration = Calibration.NONE if is_weighted else recipe.calibration
    return recipe.model_copy(update={"mitigation": plan, "calibration": calibration})


def _plans(
    schema: ModelSchema, named: Mitigation, *, label: NDArray[Any], groups: NDArray[Any]
) -> dict[str, Mitigation]:
    """The points that are tried, by name."""
    plans = {}
    for place, multipliers in enumerate(multiplier_grid(schema, named.constraint, label, groups), start=1):
        plans[f"grid-{place}"] = Mitigation(
            method=Method.GRID_SEARCH,
            sensitive=named.sensitive,
            constraint=named.constraint,
            objective=named.objective,
            max_rows=named.max_rows,
            multipliers=multipliers,
        )
    tolerances = TOLERANCES[:1] if named.constraint is Constraint.EQUALIZED_ODDS else TOLERANCES
    for place, tolerance in enumerate(tolerances, start=1):
        plans[f"thresholds-{place}"] = named.model_copy(update={"tolerance": tolerance})
    return plans


def _point(
    schema: ModelSchema,
    constraint: Constraint,
    fit: Trained,
    groups: NDArray[Any],
    *,
    name: str,
) -> CurvePoint:
    positive, _ = binary_classes(schema)
    label, said = fit.held_out_rows.label == positive, fit.held_out_rows.scored.prediction == positive
    rates = _rates(schema, label, said, groups)
    names = (*RATES[constraint], "accuracy")
    by_group: dict[str, dict[str, Figure]] = {}
    for rate in names:
        for each in rates.of(rate):
            if each.value is not None and each.interval is not None:
                by_group.setdefault(each.group, {})[rate] = Figure(value=each.value, interval=each.interval, n=each.n)
    return CurvePoint(
        name=name,
        mitigation=fit.recipe.mitigation,
        accuracy=_share(int((label == said).sum()), label.size),
        balanced_accuracy=_balanced(label, said),
        gap=_gap(rates, constraint),
        groups=by_group,
        is_dominated=False,
        predictions_sha256=fit.predictions_sha256,
        notes=mitigation_notes(fit.recipe, groups, fit.group_thresholds),
    )


def _rates(schema: ModelSchema, label: NDArray[np.bool_], said: NDArray[np.bool_], groups: NDArray[Any]) -> GroupRates:
    """The rates of each known group; a selection is a favourable prediction, else a positive one."""
    known = sorted(set(groups) - {UNKNOWN_GROUP})
    counts = np.zeros((3, 3, len(known)), dtype=np.int64)
    for place, name in enumerate(known):
        rows = groups == name
        np.add.at(counts[:, :, place], (said[rows].astype(int), label[rows].astype(int)), 1)
    positive, _ = binary_classes(schema)
    favourable = 0 if schema.favourable not in (None, positive) else 1
    return group_rates(counts, group_names=known, positive=1, favourable=favourable)


def _gap(rates: GroupRates, constraint: Constraint) -> Figure:
    if constraint is Constraint.EQUALIZED_ODDS:
        found = equalized_odds(rates, attribute="")[0]
        if found.value is None or found.interval is None:
            raise InputError(found.why)
        return Figure(value=found.value, interval=found.interval, n=found.n)
    rated = [rate for rate in rates.of(RATES[constraint][0]) if rate.n]
    values = [rate.k / rate.n for rate in rated]
    limits = range_interval(rated, rates.confidence, len(rated) * (len(rated) - 1) // 2)
    return Figure(value=max(values) - min(values), interval=limits, n=sum(rate.n for rate in rated))


def _share(k: int, n: int) -> Figure:
    return Figure(value=k / n, interval=wilson(k, n), n=n)


def _balanced(label: NDArray[np.bool_], said: NDArray[np.bool_]) -> Figure:
    """The mean of both recalls; rows of other labels are other rows, so their arms add in squares."""
    sides = [_share(int((said[rows] == label[rows]).sum()), int(rows.sum())) for rows in (label, ~label)]
    value = sum(side.value for side in sides) / 2
    down = math.hypot(*(side.value - side.interval.low for side in sides)) / 2
    up = math.hypot(*(side.interval.high - side.value for side in sides)) / 2
    return Figure(value=value, interval=Interval(low=max(0.0, value - down), high=min(1.0, value + up)), n=label.size)


def _marked(points: Sequence[CurvePoint], objective: Objective) -> tuple[CurvePoint, ...]:
    def marks() -> Iterator[CurvePoint]:
        for point in points:
            mine = (point.performance(objective).value, -point.gap.value)
            others = ((other.performance(objective).value, -other.gap.value) for other in points)
            beaten = any(all(o >= m for o, m in zip(one, mine, strict=True)) and one != mine for one in others)
            yield replace(point, is_dominated=beaten)

    return tuple(marks())
