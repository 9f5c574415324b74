"""Rates by group, each on its own denominator; no group leaves silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError, UnknownNameError
from core.fairness.support import COUNTED, MIN_SUPPORT, Cell, GroupMean, shown_groups, support
from core.stats.intervals import wilson

__all__ = [
    "COMPLEMENTS",
    "LOWER_IS_WORSE",
    "NO_LABEL",
    "RATES",
    "GroupRate",
    "GroupRates",
    "checked_counts",
    "group_rate",
    "group_rates",
    "rate_cells",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

RATES = tuple(COUNTED)[:11]
COMPLEMENTS = {  # 1 minus another rate: the same comparison, seen from the other side
    "false_negative_rate": "true_positive_rate",
    "true_negative_rate": "false_positive_rate",
    "false_discovery_rate": "positive_predictive_value",
    "false_omission_rate": "negative_predictive_value",
}
LOWER_IS_WORSE = (
    "selection_rate",
    "accuracy",
    "true_positive_rate",
    "true_negative_rate",
    "positive_predictive_value",
    "negative_predictive_value",
)
NO_FAVOURABLE = "The model schema names no favourable class, so nothing counts as a selection."
NO_POSITIVE = "The task has no positive class."
NO_LABEL = "No row of this group has a label."
NO_PREDICTION = "No row of this group has a prediction."


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRate(GroupMean):
    """One rate of one group: `k` of its own denominator `n`."""

    k: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRates:
    """Every rate of every group of one attribute; rates in the order of `RATES`, groups as on the axis."""

    rates: tuple[GroupRate, ...]
    min_support: int
    confidence: float

    def of(self, measure: str) -> tuple[GroupRate, ...]:
        """One rate, group by group."""
        if measure not in RATES:
            raise UnknownNameError("rate", measure, RATES)
        return tuple(rate for rate in self.rates if rate.measure == measure)

    def total(self, measure: str, groups: Sequence[GroupRate] | None = None, *, name: str = "all") -> GroupRate:
        """One rate of several groups together; of all by default."""
        parts = self.of(measure) if groups is None else groups
        n_rows = sum(part.n_rows for part in parts)
        of_none = all(part.cell is Cell.NOT_ESTIMABLE for part in parts if part.n_rows)
        lacking = {part.why for part in parts if part.cell is Cell.NOT_ESTIMABLE}
        return group_rate(
            sum(part.k for part in parts),
            sum(part.n for part in parts),
            measure=measure,
            group=name,
            n_rows=n_rows,
            min_support=self.min_support,
            confidence=self.confidence,
            lacking=lacking.pop() if len(lacking) == 1 else "It can be told of no group." if of_none else "",
        )


def group_rates(
    confusion: Ints,
    *,
    group_names: Sequence[str],
    positive: int | None,
    favourable: int | None,
    min_support: int = MIN_SUPPORT,
    confidence: float = 0.95,
) -> GroupRates:
    """How does the model treat each group: whom does it select, and where does it err?

    Parameters
    ----------
    confusion : int array of shape (n_classes + 1, n_classes + 1, n_groups)
        Rows by prediction, label and group; the last prediction and the last label mean none. It is
        the joint table of an attribute summed over the score axis.
    group_names : sequence of n_groups names
        In axis order. 'Unknown' and '(new groups)' are left out when they hold no row, any other group
        is listed with n = 0 then.
    positive, favourable : int or None
        Places of the positive and of the favourable class. Without one, the rates that need it are
        not estimable. With more than two classes, 'positive' is one class against all others.
    min_support : int
        The least denominator of a rate, at least 1; below it its cell has LOW_SUPPORT.
    confidence : float
        Of the Wilson intervals, in (0, 1).

    Returns
    -------
    GroupRates
        The selection rate is the share predicted favourable and needs no label; accuracy is of all
        classes; prevalence is the share of positive labels; all others speak of the positive class.

    Raises
    ------
    InputError
        If the shapes or places don't fit.

    References
    ----------
    A. Chouldechova (2017), doi:10.1089/big.2016.0047; M. Hardt et al. (2016),
    doi:10.48550/arXiv.1610.02413; S. Verma, J. Rubin (2018), doi:10.1145/3194770.3194776, for the names.

    Examples
    --------
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[:2, :2, 0] = [[50, 10], [10, 30]]  # prediction x label
    >>> confusion[:2, :2, 1] = [[4, 0], [0, 0]]
    >>> rates = group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1)
    >>> [(rate.group, rate.k, rate.n, str(rate.cell)) for rate in rates.of("true_positive_rate")]
    [('a', 30, 40, 'ok'), ('b', 0, 0, 'undefined')]
    """
    counts = checked_counts(confusion, group_names, min_support)
    n_classes = counts.shape[0] - 1
    for name, place in (("positive", positive), ("favourable", favourable)):
        if place is not None and not 0 <= place < n_classes:
            raise InputError(f"{name} = {place} is no place among {n_classes} classes.")
    fractions = _fractions(counts, positive, favourable)
    n_rows = counts.sum(axis=(0, 1))
    n_labels = counts[:, :n_classes].sum(axis=(0, 1))
    rates = []
    for measure in RATES:
        selection = measure == "selection_rate"
        undeclared = (NO_FAVOURABLE if selection else NO_POSITIVE) if measure not in fractions else ""
        k, n = fractions.get(measure, (np.zeros_like(n_rows), np.zeros_like(n_rows)))
        for index in shown_groups(group_names, n_rows):
            unknown = NO_PREDICTION if selection else "" if n_labels[index] else NO_LABEL
            rates.append(
                group_rate(
                    int(k[index]),
                    int(n[index]),
                    measure=measure,
                    group=group_names[index],
                    n_rows=int(n_rows[index]),
                    min_support=min_support,
                    confidence=confidence,
                    lacking=undeclared or unknown,
                )
            )
    return GroupRates(rates=tuple(rates), min_support=min_support, confidence=confidence)


def rate_cells(measure: str, n_classes: int, *, positive: int | None, favourable: int | None) -> tuple[Bools, Bools]:
    """What a single row counts as in a rate, by its prediction and label.

    Returns
    -------
    two bool arrays of shape (n_classes + 1, n_classes + 1)
        Whether it counts in the numerator, and in the denominator; both nowhere True where the rate needs a class
        that isn't given.

    Examples
    --------
    >>> hit, counted = rate_cells("false_positive_rate", 2, positive=1, favourable=1)
    >>> np.argwhere(hit).tolist(), np.argwhere(counted).tolist()
    ([[1, 0]], [[0, 0], [1, 0]])
    """
    size = n_classes + 1
    one_each = np.eye(size**2, dtype=np.int64).reshape(size, size, size**2)
    fractions = _fractions(one_each, positive, favourable)
    k, n = fractions.get(measure, (np.zeros(size**2, dtype=np.int64),) * 2)
    return k.reshape(size, size) > 0, n.reshape(size, size) > 0


def _fractions(counts: Ints, positive: int | None, favourable: int | None) -> dict[str, tuple[Ints, Ints]]:
    """Numerators and denominators of the rates that the given classes allow, each of shape (n_groups,)."""
    n_classes = counts.shape[0] - 1
    known = counts[:n_classes, :n_classes]
    fractions = {"accuracy": (np.einsum("iig->g", known), known.sum(axis=(0, 1)))}
    if favourable is not None:
        predicted = counts.sum(axis=1)[:n_classes]
        fractions["selection_rate"] = predicted[favourable], predicted.sum(axis=0)
    if positive is not None:
        hits = known[positive, positive]
        positives, called = known[:, positive].sum(axis=0), known[positive].sum(axis=0)
        n_known = known.sum(axis=(0, 1))
        labels = counts.sum(axis=0)[:n_classes]
        false_alarms, misses = called - hits, positives - hits
        negatives, passed = n_known - positives, n_known - called
        fractions |= {
            "true_positive_rate": (hits, positives),
            "false_negative_rate": (misses, positives),
            "false_positive_rate": (false_alarms, negatives),
            "true_negative_rate": (negatives - false_alarms, negatives),
            "positive_predictive_value": (hits, called),
            "false_discovery_rate": (false_alarms, called),
            "negative_predictive_value": (passed - misses, passed),
            "false_omission_rate": (misses, passed),
            "prevalence": (labels[positive], labels.sum(axis=0)),
        }
    return fractions


def group_rate(
    k: int,
    n: int,
    *,
    measure: str,
    group: str,
    n_rows: int,
    min_support: int = MIN_SUPPORT,
    confidence: float = 0.95,
    lacking: str = "",
) -> GroupRate:
    """The rate `k` of `n` with its Wilson interval, or the reason why it has none.

    `lacking` says what is known of none of the group's rows; without rows in the denominator the rate is not
    estimable then, else it is undefined.

    Examples
    --------
    >>> group_rate(3, 12, measure="false_positive_rate", group="b", n_rows=20).why
    '12 labelled negatives, fewer than the 30 asked for.'
    >>> group_rate(0, 0, measure="false_positive_rate", group="b", n_rows=20).why
    'No labelled negative in this group.'
    """
    cell, why = support(measure, n, n_rows, min_support, lacking=lacking)
    return GroupRate(
        measure=measure,
        group=group,
        n_rows=n_rows,
        k=k,
        n=n,
        value=k / n if n else None,
        interval=wilson(k, n, confidence=confidence) if n else None,
        cell=cell,
        why=why,
        convention=f"share of {COUNTED[measure][1]}; Wilson {100 * confidence:.4g}% interval",
    )


def checked_counts(confusion: Ints, group_names: Sequence[str], min_support: int) -> Ints:
    """The counts as integers; raises InputError where shape, type or sign don't fit."""
    counts = np.asarray(confusion)
    n_groups = len(group_names)
    if counts.ndim != 3 or counts.shape[0] != counts.shape[1] or counts.shape[0] < 2 or counts.shape[2] != n_groups:
        raise InputError(
            f"Counts by prediction, label and group need the shape (classes + 1, classes + 1, {n_groups}), "
            f"got {counts.shape}."
        )
    if not np.issubdtype(counts.dtype, np.integer) or (counts < 0).any():
        raise InputError("Counts by prediction, label and group must be whole numbers of 0 or more.")
    if min_support < 1:
        raise InputError(f"min_support must be at least 1, got {min_support}.")
    return counts.astype(np.int64)
