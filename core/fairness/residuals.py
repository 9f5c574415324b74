"""Errors of a regression by group: in which direction and how far predictions miss the labels of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.fairness.groups import NO_LABEL, checked_counts
from core.fairness.support import MIN_SUPPORT, GroupMean, shown_groups, support
from core.measure import Interval
from core.profile.spec import REGRESSION_SUMS
from core.stats.intervals import mean_interval

__all__ = ["group_errors"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


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
    sums : array of shape (n_groups, n_sums)
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
    >>> sums = np.zeros((1, len(REGRESSION_SUMS)))
    >>> sums[0, :3] = -1.0, 3.0, 5.0  # errors, their sizes, their squares
    >>> [(e.measure, e.value, str(e.cell)) for e in group_errors(confusion, sums, group_names=("a",))]
    [('mean_error', -0.5, 'low support'), ('mean_absolute_error', 1.5, 'low support')]
    """
    counts = checked_counts(confusion, group_names, min_support)
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
            cell, why = support(
                measure,
                n,
                int(n_rows[index]),
                min_support,
                lacking="" if counts[:, 0, index].sum() else NO_LABEL,
            )
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
                    cell=cell,
                    why=why,
                    convention=f"prediction minus label; normal {100 * confidence:.4g}% interval from two rows on",
                )
            )
    return tuple(means)
