"""A regression's errors by group, and their distance to those of all others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.fairness.estimates import GroupEstimate, estimate_measures
from core.fairness.residuals import group_errors
from core.fairness.scores import GroupScores, score_parity
from core.fairness.support import MIN_SUPPORT, Cell, GroupMean, shown_groups, support
from core.fairness.verdicts import REST
from core.measure import Measure
from core.performance.regression import RegressionCounts, regression_performance
from core.services.observations import Observations, WindowInfo

__all__ = ["ERRORS", "error_gaps", "error_means"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ERRORS = {"bias": "mean_error", "mae": "mean_absolute_error", "rmse": "root_mean_squared_error", "r2": "r2"}
BY_SUMS = ("mean_error", "mean_absolute_error")


def error_means(observations: Observations, attribute: str, windows: Sequence[WindowInfo]) -> tuple[GroupMean, ...]:
    """Mean error, mean absolute error, root mean squared error and R2 of every group."""
    joint, losses = observations.joint(windows, attribute), observations.losses(windows, attribute)
    names = observations.spec.group_names(attribute)
    found = list(group_errors(joint.sum(axis=0), losses, group_names=names))
    n_rows = joint.sum(axis=(0, 1, 2))
    for place in shown_groups(names, n_rows):
        for measure in _performance(joint[..., place], losses[place]):
            name = ERRORS.get(measure.measure)
            if name is None or name in BY_SUMS:
                continue
            cell, why = support(name, measure.n, int(n_rows[place]), MIN_SUPPORT)
            if measure.value is None:
                cell, why = Cell.NOT_ESTIMABLE, measure.why
            found.append(
                GroupMean(
                    measure=name,
                    group=names[place],
                    n_rows=int(n_rows[place]),
                    n=measure.n,
                    value=measure.value,
                    interval=measure.interval,
                    cell=cell,
                    why=why,
                    convention=measure.convention,
                )
            )
    return tuple(sorted(found, key=lambda mean: list(ERRORS.values()).index(mean.measure)))


def error_gaps(observations: Observations, attribute: str, windows: Sequence[WindowInfo]) -> tuple[Measure, ...]:
    """Every error of a group against that of all others, and how far their predictions lie apart."""
    joint, losses = observations.joint(windows, attribute), observations.losses(windows, attribute)
    names = observations.spec.group_names(attribute)
    shown = shown_groups(names, joint.sum(axis=(0, 1, 2)))
    own = [{m.measure: m for m in _performance(joint[..., p], losses[p])} for p in shown]
    rest = [
        {m.measure: m for m in _performance(joint.sum(axis=3) - joint[..., p], losses.sum(axis=0) - losses[p])}
        for p in shown
    ]
    found: list[Measure] = []
    for short, name in ERRORS.items():
        found += estimate_measures(
            name,
            [_estimate(names[place], each[short]) for place, each in zip(shown, own, strict=True)],
            [_estimate(REST, each[short]) for each in rest],
            attribute=attribute,
            convention=own[0][short].convention if own else "",
        )
    bins = observations.spec.scores[""]
    if bins.n_bins:
        rows = joint.sum(axis=(1, 2))
        by_class = np.zeros((rows.shape[0], 2, rows.shape[1]), dtype=np.int64)
        found += score_parity(
            GroupScores(rows=rows, by_class=by_class, bins=bins, group_names=tuple(names)), attribute=attribute
        )
    return tuple(found)


def _performance(joint: Ints, losses: Floats) -> tuple[Measure, ...]:
    return regression_performance(RegressionCounts(joint=joint, losses=losses))


def _estimate(group: str, measure: Measure) -> GroupEstimate:
    return GroupEstimate(group=group, n=measure.n, value=measure.value, interval=measure.interval, why=measure.why)
