"""More than two classes: each against all others, and how far the decision hangs on the group at all."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from core.fairness.groups import GroupRates, checked_counts, group_rates
from core.fairness.support import MIN_SUPPORT
from core.measure import Interval
from core.stats.intervals import noncentrality_interval

__all__ = ["Association", "macro_gap", "one_against_rest", "prediction_association"]

Ints = NDArray[np.int64]


def one_against_rest(
    confusion: Ints,
    *,
    group_names: Sequence[str],
    classes: Sequence[str],
    min_support: int = MIN_SUPPORT,
    confidence: float = 0.95,
) -> dict[str, GroupRates]:
    """The rates of each class as if it were the positive and the favourable one.

    Parameters
    ----------
    confusion : int array of shape (n_classes + 1, n_classes + 1, n_groups)
    group_names, classes : sequences of names
    min_support, confidence
        As in `core.fairness.groups.group_rates`.

    Examples
    --------
    >>> confusion = np.zeros((4, 4, 1), dtype=np.int64)
    >>> confusion[:3, :3, 0] = np.diag([30, 40, 50])
    >>> rates = one_against_rest(confusion, group_names=("a",), classes=("x", "y", "z"))
    >>> rates["z"].of("selection_rate")[0].k, rates["z"].of("true_positive_rate")[0].value
    (50, 1.0)
    """
    return {
        name: group_rates(
            confusion,
            group_names=group_names,
            positive=place,
            favourable=place,
            min_support=min_support,
            confidence=confidence,
        )
        for place, name in enumerate(classes)
    }


def macro_gap(by_class: Mapping[str, GroupRates], rate: str) -> float | None:
    """The mean over classes of the largest gap in a rate; None if no class has it in two groups."""
    gaps = []
    for rates in by_class.values():
        values = [each.value for each in rates.of(rate) if each.value is not None]
        if len(values) > 1:
            gaps.append(max(values) - min(values))
    return sum(gaps) / len(gaps) if gaps else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Association:
    """Cramer's V of decision and group: 0 if they are independent, 1 if the group settles the decision."""

    value: float | None
    interval: Interval | None
    p_value: float | None
    n: int
    why: str


def prediction_association(confusion: Ints, *, group_names: Sequence[str], confidence: float = 0.95) -> Association:
    """How far does the decision hang on the group, over all classes at once?

    Returns
    -------
    Association
        V without bias correction, its interval by inverting the noncentral chi-square, and Pearson's p-value;
        without a value if fewer than two groups or two classes occur.

    References
    ----------
    H. Cramer (1946), Mathematical Methods of Statistics, section 21.9; M. Smithson (2003),
    doi:10.4135/9781412983761, for the interval.

    Examples
    --------
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[:2, 2] = [[60, 40], [40, 60]]
    >>> found = prediction_association(confusion, group_names=("a", "b"))
    >>> round(found.value, 3), round(found.p_value, 5)
    (0.2, 0.00468)
    """
    counts = checked_counts(confusion, group_names, 1)
    table = counts[:-1].sum(axis=1)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0].astype(np.float64)
    n = int(table.sum())
    if min(table.shape) < 2:
        return Association(value=None, interval=None, p_value=None, n=n, why="Fewer than two groups or two decisions.")
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / n
    statistic = float(((table - expected) ** 2 / expected).sum())
    df, scale = (table.shape[0] - 1) * (table.shape[1] - 1), n * (min(table.shape) - 1)
    limits = noncentrality_interval(statistic, df, confidence=confidence)
    value = math.sqrt(statistic / scale)
    low, high = math.sqrt(limits.low / scale), min(1.0, math.sqrt(limits.high / scale))
    return Association(
        value=value,
        interval=Interval(low=min(low, value), high=max(high, value), confidence=confidence),
        p_value=float(chdtrc(df, statistic)),
        n=n,
        why=f"{table.shape[1]} groups, {table.shape[0]} decisions.",
    )
