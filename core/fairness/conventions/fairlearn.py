"""Fairlearn's measures, computed by Fairlearn itself on count cells, and where Plumbline says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from fairlearn.metrics import (
    MetricFrame,
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equal_opportunity_ratio,
    equalized_odds_difference,
    equalized_odds_ratio,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score

from core.errors import InputError
from core.fairness.groups import GroupRates

__all__ = ["FairlearnMeasure", "fairlearn_measures", "metric_frame"]

Ints = NDArray[np.int64]

FUNCTIONS: dict[str, tuple[Callable[..., Any], dict[str, str]]] = {
    "demographic_parity_difference": (demographic_parity_difference, {}),
    "demographic_parity_difference_to_overall": (demographic_parity_difference, {"method": "to_overall"}),
    "demographic_parity_ratio": (demographic_parity_ratio, {}),
    "equalized_odds_difference": (equalized_odds_difference, {}),
    "equalized_odds_difference_mean": (equalized_odds_difference, {"agg": "mean"}),
    "equalized_odds_ratio": (equalized_odds_ratio, {}),
    "equal_opportunity_difference": (equal_opportunity_difference, {}),
    "equal_opportunity_ratio": (equal_opportunity_ratio, {}),
}
RATES: dict[str, Callable[..., Any]] = {
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
    "accuracy": accuracy_score,
}
OF_SELECTIONS = ("demographic_parity",)


@dataclass(frozen=True, slots=True, kw_only=True)
class FairlearnMeasure:
    """One of Fairlearn's numbers; ``note`` says where Plumbline doesn't follow it, and why."""

    name: str
    value: float | None
    note: str


def metric_frame(confusion: Ints, metrics: Any, *, group_names: Sequence[str], positive: int) -> MetricFrame:
    """Fairlearn's MetricFrame of a binary model's counts: every cell is a row, weighted by its count.

    Parameters
    ----------
    confusion : int array of shape (3, 3, n_groups)
        Rows by prediction, label and group; those without a prediction or label are left out.
    metrics : callable or mapping of name to callable
        Each takes `sample_weight`.
    group_names : sequence of n_groups names
    positive : int
        The place of the positive class.

    Returns
    -------
    fairlearn.metrics.MetricFrame
        Of labels and predictions 0 and 1. It equals the frame of the rows themselves, as the weights are counts.

    Raises
    ------
    InputError
        If the counts are of another shape, or empty.

    References
    ----------
    S. Bird et al. (2020), Fairlearn, MSR-TR-2020-32.

    Examples
    --------
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[:2, :2, 0], confusion[:2, :2, 1] = [[6, 2], [2, 6]], [[3, 3], [1, 1]]
    >>> metric_frame(confusion, selection_rate, group_names=("a", "b"), positive=1).by_group.to_dict()
    {'a': 0.5, 'b': 0.25}
    """
    labels, predictions, groups, weights = _cells(confusion, group_names, positive)
    names = list(metrics) if isinstance(metrics, dict) else None
    weight = {"sample_weight": weights}
    return MetricFrame(
        metrics=metrics,
        y_true=labels,
        y_pred=predictions,
        sensitive_features=groups,
        sample_params=weight if names is None else dict.fromkeys(names, weight),
    )


def fairlearn_measures(
    confusion: Ints, rates: GroupRates, *, group_names: Sequence[str], positive: int
) -> tuple[FairlearnMeasure, ...]:
    """What would Fairlearn print of the same counts?

    Parameters
    ----------
    confusion, group_names, positive
        As in `metric_frame`.
    rates : GroupRates
        Plumbline's of the same counts: a group without a denominator there is 0 here, and is named.

    Returns
    -------
    tuple of FairlearnMeasure
        Without a value where Fairlearn has none (a ratio of zeros).
    """
    labels, predictions, groups, weights = _cells(confusion, group_names, positive)
    kept = (true for true in (rates.of("true_positive_rate"), rates.of("false_positive_rate")))
    empty = sorted({each.group for column in kept for each in column if each.n_rows and not each.n})
    found = []
    for name, (function, options) in FUNCTIONS.items():
        value = float(function(labels, predictions, sensitive_features=groups, sample_weight=weights, **options))
        of_errors = not name.startswith(OF_SELECTIONS)
        note = f"Fairlearn takes an undefined rate as 0: {', '.join(empty)}." if empty and of_errors else ""
        if of_errors and name.startswith("equal_opportunity"):
            lacking = [each.group for each in rates.of("true_positive_rate") if each.n_rows and not each.n]
            note = f"Fairlearn takes an undefined rate as 0: {', '.join(lacking)}." if lacking else ""
        found.append(FairlearnMeasure(name=f"fairlearn.{name}", value=value if np.isfinite(value) else None, note=note))
    return tuple(found)


def _cells(confusion: Ints, group_names: Sequence[str], positive: int) -> tuple[Ints, Ints, list[str], Ints]:
    """Label, prediction, group and count of every cell that holds rows."""
    if confusion.shape != (3, 3, len(group_names)):
        raise InputError(
            f"Fairlearn's measures are of a binary model's counts (3, 3, {len(group_names)}), got {confusion.shape}."
        )
    known = confusion[:2, :2]
    used = known > 0
    if not used.any():
        raise InputError("Fairlearn's measures need rows with prediction and label.")
    predictions, labels, groups = np.nonzero(used)
    weights: Ints = known[used]
    return (
        (labels == positive).astype(np.int64),
        (predictions == positive).astype(np.int64),
        [group_names[place] for place in groups.tolist()],  # a list: Fairlearn can't take an array of one row
        weights,
    )
