"""Who is assessed and who is not: the state of every cell, in numbers and words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.measure import Interval, Status
from core.profile.spec import OTHER_GROUP, UNKNOWN_GROUP

__all__ = ["COUNTED", "MIN_SUPPORT", "Cell", "GroupMean", "counted", "coverage", "shown_groups", "support"]

Ints = NDArray[np.int64]

MIN_SUPPORT = 30


class Cell(StrEnum):
    """What can be said of one group's rate or error.

    UNDEFINED: its denominator is empty, so there is no such number. NOT_ESTIMABLE: there are rows, but what they
    would need isn't known of any of them (no label, no score, no class declared). Neither is ever 0 or 1.
    """

    OK = "ok"
    LOW_SUPPORT = "low support"
    UNDEFINED = "undefined"
    NOT_ESTIMABLE = "not estimable"

    @property
    def status(self) -> Status:
        """The same on the scale of all verdicts."""
        return {Cell.OK: Status.OK, Cell.LOW_SUPPORT: Status.INSUFFICIENT}.get(self, Status.UNDEFINED)


COUNTED = {  # what the denominator of each measure counts: one, many
    "selection_rate": ("row with a prediction", "rows with a prediction"),
    "true_positive_rate": ("labelled positive", "labelled positives"),
    "false_positive_rate": ("labelled negative", "labelled negatives"),
    "false_negative_rate": ("labelled positive", "labelled positives"),
    "true_negative_rate": ("labelled negative", "labelled negatives"),
    "positive_predictive_value": ("labelled row predicted positive", "labelled rows predicted positive"),
    "negative_predictive_value": ("labelled row predicted negative", "labelled rows predicted negative"),
    "false_discovery_rate": ("labelled row predicted positive", "labelled rows predicted positive"),
    "false_omission_rate": ("labelled row predicted negative", "labelled rows predicted negative"),
    "accuracy": ("row with prediction and label", "rows with prediction and label"),
    "prevalence": ("labelled row", "labelled rows"),
    "mean_error": ("row with prediction and label", "rows with prediction and label"),
    "mean_absolute_error": ("row with prediction and label", "rows with prediction and label"),
    "root_mean_squared_error": ("row with prediction and label", "rows with prediction and label"),
    "r2": ("row with prediction and label", "rows with prediction and label"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupMean:
    """One mean of one group; ``value`` is None where its cell is undefined or not estimable."""

    measure: str
    group: str
    n_rows: int
    n: int
    value: float | None
    interval: Interval | None
    cell: Cell
    why: str
    convention: str

    @property
    def status(self) -> Status:
        """OK means enough support, INSUFFICIENT too little, UNDEFINED no value."""
        return self.cell.status


def coverage(means: Sequence[GroupMean]) -> str:
    """For how many groups can one measure be told, and whom does that leave out?

    Examples
    --------
    >>> from core.fairness.groups import group_rate
    >>> a = group_rate(30, 40, measure="true_positive_rate", group="a", n_rows=100)
    >>> b = group_rate(0, 0, measure="true_positive_rate", group="b", n_rows=4)
    >>> coverage([a, b])
    '1 of 2 groups assessed; 1 holds 4 rows: b (4).'
    """
    left_out = sorted((mean for mean in means if mean.cell is not Cell.OK), key=lambda mean: -mean.n_rows)
    if not left_out:
        return f"All {len(means)} groups assessed." if len(means) != 1 else "The one group is assessed."
    shown = ", ".join(f"{mean.group} ({mean.n_rows:,})" for mean in left_out[:5])
    more = f" and {len(left_out) - 5} more" if len(left_out) > 5 else ""
    n_rows = sum(mean.n_rows for mean in left_out)
    return (
        f"{len(means) - len(left_out)} of {len(means)} groups assessed; {len(left_out)} "
        f"hold{'s' if len(left_out) == 1 else ''} {n_rows:,} row{'' if n_rows == 1 else 's'}: {shown}{more}."
    )


def counted(measure: str, n: int) -> str:
    """How many of what a measure's denominator counts.

    Examples
    --------
    >>> counted("true_positive_rate", 1), counted("selection_rate", 1204)
    ('1 labelled positive', '1,204 rows with a prediction')
    """
    return f"{n:,} {COUNTED[measure][n != 1]}"


def support(measure: str, n: int, n_rows: int, min_support: int, *, lacking: str = "") -> tuple[Cell, str]:
    """What a denominator of `n` allows, and why; `lacking` says what is known of none of the group's rows."""
    if n_rows == 0:
        return Cell.UNDEFINED, "No rows in this group."
    if n == 0 and lacking:
        return Cell.NOT_ESTIMABLE, lacking
    if n == 0:
        return Cell.UNDEFINED, f"No {COUNTED[measure][0]} in this group."
    if n < min_support:
        return Cell.LOW_SUPPORT, f"{counted(measure, n)}, fewer than the {min_support:,} asked for."
    return Cell.OK, ""


def shown_groups(group_names: Sequence[str], n_rows: Ints) -> list[int]:
    """Every group but the two special ones where no row fell into them."""
    return [i for i, name in enumerate(group_names) if n_rows[i] > 0 or name not in (UNKNOWN_GROUP, OTHER_GROUP)]
