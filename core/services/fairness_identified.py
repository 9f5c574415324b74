"""Which rates of groups the labels identify, where the model's decisions choose them; the others as bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.fairness.groups import GroupRate, GroupRates
from core.fairness.support import Cell
from core.measure import Interval
from core.performance.binary import BinaryCounts
from core.performance.bounds import worst_case_bounds
from core.performance.selective import LabelRates, label_rates

__all__ = ["identified_rates", "label_rates_of", "stays_identified"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

NEED_NO_LABEL = {"selection_rate"}
OF_POSITIVES = {"positive_predictive_value", "false_discovery_rate"}
OF_NEGATIVES = {"negative_predictive_value", "false_omission_rate"}
BOUNDED_BY = {  # whether it is that measure or 1 less it
    "true_positive_rate": ("recall", False),
    "false_negative_rate": ("recall", True),
    "true_negative_rate": ("specificity", False),
    "false_positive_rate": ("specificity", True),
    "positive_predictive_value": ("precision", False),
    "false_discovery_rate": ("precision", True),
    "accuracy": ("accuracy", False),
    "prevalence": ("prevalence", False),
}


def label_rates_of(
    confusion: Ints, *, classes: Sequence[str], positive: int, explored: Floats | None = None
) -> LabelRates:
    """How labels go with decisions, from rows by prediction and label, shape (3, 3); explored ones of a profile."""
    return label_rates(_counts(confusion, classes, positive, explored))


def stays_identified(rate: str, labels: LabelRates, positive: int) -> bool:
    """Whether labels that come with one decision only still tell a rate."""
    return rate in NEED_NO_LABEL | (OF_POSITIVES if labels.acted_on == positive else OF_NEGATIVES)


def identified_rates(
    rates: GroupRates,
    confusion: Ints,
    *,
    group_names: Sequence[str],
    classes: Sequence[str],
    positive: int,
    explored: Floats | None = None,
) -> GroupRates:
    """Rates of groups; those that one-sided labels don't identify are not estimable, with their worst-case bounds.

    Parameters
    ----------
    rates : GroupRates
        Made of `confusion`.
    confusion : int array of shape (3, 3, n_groups)
        Rows by prediction, label and group.
    explored : float array of shape (n, 3, 3, 6), optional
        Of all groups together.

    References
    ----------
    C. F. Manski (1989), doi:10.2307/145818; N. Kallus, A. Zhou (2018), doi:10.48550/arXiv.1806.02887, for fairness
    under labels that decisions chose.
    """
    whole = label_rates_of(confusion.sum(axis=2), classes=classes, positive=positive, explored=explored)
    found = []
    for rate in rates.rates:
        if rate.group not in group_names:
            found.append(rate)
            continue
        table = confusion[:, :, list(group_names).index(rate.group)]
        labels = whole
        if not whole.is_one_sided:
            labels = label_rates_of(table, classes=classes, positive=positive)
        if labels.is_one_sided and not stays_identified(rate.measure, labels, positive) and rate.n_rows:
            found.append(_not_identified(rate, table, labels, classes, positive))
        else:
            found.append(rate)
    return replace(rates, rates=tuple(found))


def _not_identified(
    rate: GroupRate, table: Ints, labels: LabelRates, classes: Sequence[str], positive: int
) -> GroupRate:
    bounds = _bounds(rate.measure, table, classes, positive)
    why = f"Not identified for this group: labels come for '{labels.classes[labels.acted_on]}' only."
    if bounds is not None and bounds.low < bounds.high:
        why += f" Between {bounds.low:.1%} and {bounds.high:.1%}, whatever the others would be."
    return replace(rate, k=0, n=0, value=None, interval=None, cell=Cell.NOT_ESTIMABLE, why=why)


def _bounds(measure: str, table: Ints, classes: Sequence[str], positive: int) -> Interval | None:
    if measure in OF_NEGATIVES:  # precision of the other class
        name, turned, positive = "precision", measure == "false_omission_rate", 1 - positive
    elif measure in BOUNDED_BY:
        name, turned = BOUNDED_BY[measure]
    else:
        return None
    found = worst_case_bounds(_counts(table, classes, positive)).get(name)
    if found is None or not turned:
        return found
    return Interval(low=1 - found.high, high=1 - found.low, confidence=found.confidence)


def _counts(confusion: Ints, classes: Sequence[str], positive: int, explored: Floats | None = None) -> BinaryCounts:
    first, second = classes
    joint = np.zeros((7, 3, 3), dtype=np.int64)
    joint[0] = confusion
    return BinaryCounts(joint=joint, classes=(first, second), positive=positive, explored=explored)
