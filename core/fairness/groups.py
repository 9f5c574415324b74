"""Rates and errors by group, each on its own denominator; no group leaves silently."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError, UnknownNameError
from core.fairness.support import COUNTED, MIN_SUPPORT, GroupMean, shown_groups, support
from core.measure import Interval
from core.profile.spec import REGRESSION_SUMS
from core.stats.intervals import mean_interval, wilson

__all__ = ["RATES", "GroupRate", "GroupRates", "group_errors", "group_rate", "group_rates"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RATES = tuple(COUNTED)[:7]
NO_FAVOURABLE = "The model schema names no favourable class, so nothing counts as a selection."
NO_POSITIVE = "The task has no positive class."


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
        undefined.
    min_support : int
        The least denominator of a rate, at least 1; below it a rate's status is INSUFFICIENT.
    confidence : float
        Of the Wilson intervals, in (0, 1).

    Returns
    -------
    GroupRates
        The selection rate is the share predicted favourable and needs no label; the true and false
        positive rates, the false negative rate and the positive predictive value speak of the
        positive class; accuracy of all classes; prevalence is the share of positive labels.

    Raises
    ------
    InputError
        If the shapes or places don't fit.

    References
    ----------
    A. Chouldechova (2017), doi:10.1089/big.2016.0047; M. Hardt et al. (2016),
    doi:10.48550/arXiv.1610.02413.

    Examples
    --------
    >>> confusion = np.zeros((3, 3, 2), dtype=np.int64)
    >>> confusion[:2, :2, 0] = [[50, 10], [10, 30]]  # prediction x label
    >>> confusion[:2, :2, 1] = [[4, 0], [0, 0]]
    >>> rates = group_rates(confusion, group_names=("a", "b"), positive=1, favourable=1)
    >>> [(rate.group, rate.k, rate.n, str(rate.status)) for rate in rates.of("true_positive_rate")]
    [('a', 30, 40, 'ok'), ('b', 0, 0, 'undefined')]
    """
    counts = _checked(confusion, group_names, min_support)
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
        lacking = (NO_FAVOURABLE if selection else NO_POSITIVE) if measure not in fractions else ""
        k, n = fractions.get(measure, (np.zeros_like(n_rows), np.zeros_like(n_rows)))
        for index in shown_groups(group_names, n_rows):
            no_label = not selection and n_labels[index] == 0 and n_rows[index] > 0
            rates.append(
                group_rate(
                    int(k[index]),
                    int(n[index]),
                    measure=measure,
                    group=group_names[index],
                    n_rows=int(n_rows[index]),
                    min_support=min_support,
                    confidence=confidence,
                    why_undefined=lacking or ("No row of this group has a label." if no_label else ""),
                )
            )
    return GroupRates(rates=tuple(rates), min_support=min_support, confidence=confidence)


def _fractions(counts: Ints, positive: int | None, favourable: int | None) -> dict[str, tuple[Ints, Ints]]:
    """Numerators and denominators of the rates that the given classes allow, each of shape (n_groups,)."""
    n_classes = counts.shape[0] - 1
    known = counts[:n_classes, :n_classes]
    fractions = {"accuracy": (np.einsum("iig->g", known), known.sum(axis=(0, 1)))}
    if favourable is not None:
        predicted = counts.sum(axis=1)[:n_classes]
        fractions["selection_rate"] = predicted[favourable], predicted.sum(axis=0)
    if positive is not None:
        true_positives = known[positive, positive]
        positives = known[:, positive].sum(axis=0)
        predicted_positive = known[positive].sum(axis=0)
        labels = counts.sum(axis=0)[:n_classes]
        fractions |= {
            "true_positive_rate": (true_positives, positives),
            "false_negative_rate": (positives - true_positives, positives),
            "false_positive_rate": (predicted_positive - true_positives, known.sum(axis=(0, 1)) - positives),
            "positive_predictive_value": (true_positives, predicted_positive),
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
    why_undefined: str = "",
) -> GroupRate:
    """The rate `k` of `n` with its Wilson interval, or the reason why it has none.

    Examples
    --------
    >>> group_rate(3, 12, measure="false_positive_rate", group="b", n_rows=20).why
    '12 labelled negatives, fewer than the 30 asked for.'
    >>> group_rate(0, 0, measure="false_positive_rate", group="b", n_rows=20).why
    'No labelled negative in this group.'
    """
    status, why = support(measure, n, n_rows, min_support)
    return GroupRate(
        measure=measure,
        group=group,
        n_rows=n_rows,
        k=k,
        n=n,
        value=k / n if n else None,
        interval=wilson(k, n, confidence=confidence) if n else None,
        status=status,
        why=why if n else why_undefined or why,
        convention=f"share of {COUNTED[measure][1]}; Wilson {100 * confidence:.4g}% interval",
    )


def group_errors(
    confusion: Ints,
    sums: Floats,
    *,
    group_names: Sequence[str],
    min_support: int = MIN_SUPPORT,
    confidence: float = 0.95,
) -> tuple[GroupMean, ...]:
    """By how much does a regression miss the labels of each group, and in which direction?

    Parameters
    ----------
    confusion : int array of shape (2, 2, n_groups)
        Rows by prediction (a value, none), label (a value, none) and group.
    sums : array of shape (n_groups, 10)
        The totals of `REGRESSION_SUMS` by group; an error is the prediction minus the label.
    group_names, min_support, confidence
        As in `group_rates`.

    Returns
    -------
    tuple of GroupMean
        Every group's mean error, then every group's mean absolute error.

    Examples
    --------
    >>> confusion = np.zeros((2, 2, 1), dtype=np.int64)
    >>> confusion[0, 0] = 2  # errors +1 and -2
    >>> sums = np.array([[-1.0, 3.0, 5.0, 17.0, 0, 0, 0, 0, 0, 0]])
    >>> [(e.measure, e.value, str(e.status)) for e in group_errors(confusion, sums, group_names=("a",))]
    [('mean_error', -0.5, 'insufficient'), ('mean_absolute_error', 1.5, 'insufficient')]
    """
    counts = _checked(confusion, group_names, min_support)
    if counts.shape[0] != 2 or sums.shape != (len(group_names), len(REGRESSION_SUMS)):
        raise InputError(
            f"Errors of {len(group_names)} groups need counts of shape (2, 2, {len(group_names)}) and sums of shape "
            f"({len(group_names)}, {len(REGRESSION_SUMS)}), got {counts.shape} and {sums.shape}."
        )
    n_rows = counts.sum(axis=(0, 1))
    squares = sums[:, REGRESSION_SUMS.index("e2")]
    means = []
    for measure, sum_name in (("mean_error", "e"), ("mean_absolute_error", "abs_e")):
        totals = sums[:, REGRESSION_SUMS.index(sum_name)]
        for index in shown_groups(group_names, n_rows):
            n = int(counts[0, 0, index])
            status, why = support(measure, n, int(n_rows[index]), min_support)
            interval = mean_interval(n, float(totals[index]), float(squares[index]), confidence=confidence)
            if interval and measure == "mean_absolute_error" and interval.low < 0:
                interval = Interval(low=0.0, high=interval.high, confidence=confidence)
            means.append(
                GroupMean(
                    measure=measure,
                    group=group_names[index],
                    n_rows=int(n_rows[index]),
                    n=n,
                    value=float(totals[index]) / n if n else None,
                    interval=interval,
                    status=status,
                    why=why,
                    convention=f"prediction minus label; normal {100 * confidence:.4g}% interval from two rows on",
                )
            )
    return tuple(means)


def _checked(confusion: Ints, group_names: Sequence[str], min_support: int) -> Ints:
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
