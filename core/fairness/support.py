"""Who is assessed and who is not: the support of a group's rate or error, in numbers and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.measure import Interval, Status
from core.profile.spec import OTHER_GROUP, UNKNOWN_GROUP

__all__ = ["COUNTED", "MIN_SUPPORT", "GroupMean", "counted", "coverage", "shown_groups", "support"]

Ints = NDArray[np.int64]

MIN_SUPPORT = 30

COUNTED = {  # what the denominator of each measure counts: one, many
    "selection_rate": ("row with a prediction", "rows with a prediction"),
    "true_positive_rate": ("labelled positive", "labelled positives"),
    "false_positive_rate": ("labelled negative", "labelled negatives"),
    "false_negative_rate": ("labelled positive", "labelled positives"),
    "positive_predictive_value": ("labelled row predicted positive", "labelled rows predicted positive"),
    "accuracy": ("row with prediction and label", "rows with prediction and label"),
    "prevalence": ("labelled row", "labelled rows"),
    "mean_error": ("row with prediction and label", "rows with prediction and label"),
    "mean_absolute_error": ("row with prediction and label", "rows with prediction and label"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMean:
    """One mean of one group. Status OK means enough support, UNDEFINED an empty denominator."""

    measure: str
    group: str
    n_rows: int
    n: int
    value: float | None
    interval: Interval | None
    status: Status
    why: str
    convention: str


def coverage(means: Sequence[GroupMean]) -> str:
    """For how many groups can one measure be told, and whom does that leave out?

    Examples
    --------
    >>> from core.fairness.groups import group_rate
    >>> a = group_rate(30, 40, measure="true_positive_rate", group="a", n_rows=100)
    >>> b = group_rate(0, 0, measure="true_positive_rate", group="b", n_rows=4)
    >>> coverage([a, b])
    '1 of 2 groups assessed; not assessed: b (4 rows).'
    """
    left_out = [mean for mean in means if mean.status is not Status.OK]
    if not left_out:
        return f"All {len(means)} groups assessed." if len(means) != 1 else "The one group is assessed."
    shown = ", ".join(f"{mean.group} ({_rows(mean.n_rows)})" for mean in left_out[:5])
    more = f" and {len(left_out) - 5} more, {_rows(sum(mean.n_rows for mean in left_out))} in all"
    return (
        f"{len(means) - len(left_out)} of {len(means)} groups assessed; "
        f"not assessed: {shown}{more if len(left_out) > 5 else ''}."
    )


def counted(measure: str, n: int) -> str:
    """How many of what a measure's denominator counts.

    Examples
    --------
    >>> counted("true_positive_rate", 1), counted("selection_rate", 1204)
    ('1 labelled positive', '1,204 rows with a prediction')
    """
    return f"{n:,} {COUNTED[measure][n != 1]}"


def _rows(n: int) -> str:
    return f"{n:,} row{'' if n == 1 else 's'}"


def support(measure: str, n: int, n_rows: int, min_support: int) -> tuple[Status, str]:
    """Whether a denominator of `n` is enough (OK), too thin (INSUFFICIENT) or empty (UNDEFINED), and why."""
    if n_rows == 0:
        return Status.UNDEFINED, "No rows in this group."
    if n == 0:
        return Status.UNDEFINED, f"No {COUNTED[measure][0]} in this group."
    if n < min_support:
        return Status.INSUFFICIENT, f"{counted(measure, n)}, fewer than the {min_support:,} asked for."
    return Status.OK, ""


def shown_groups(group_names: Sequence[str], n_rows: Ints) -> list[int]:
    """Every group but the two special ones where no row fell into them."""
    return [i for i, name in enumerate(group_names) if n_rows[i] > 0 or name not in (UNKNOWN_GROUP, OTHER_GROUP)]
