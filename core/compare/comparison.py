"""Champion against candidate on the same rows: everything that a reviewer is shown, in one result."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.compare.confirmation import SliceConfirmation, confirm_slices
from core.compare.flips import FlipShare, flip_shares
from core.compare.gaps import GapChange, gap_changes
from core.compare.macro import recall_differences
from core.compare.means import RowValues, paired_means
from core.compare.measures import MEASURES, margins_for, row_values
from core.compare.paired import PairedDifference, paired_difference
from core.compare.ranking import auc_difference
from core.compare.rows import Groups, PairedRows, Predictions, pair_rows
from core.compare.sequential import SequentialDifference, sequential_difference
from core.compare.slices import SliceScan, worse_slices
from core.errors import InputError, UnknownNameError
from core.schema import Task

__all__ = ["Comparison", "compare"]

MIN_ROWS = 30
GROUPED: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: ("selection_rate", "accuracy", "recall", "false_positive_rate"),
    Task.MULTICLASS: ("selection_rate", "accuracy"),
    Task.REGRESSION: ("mae", "bias"),
}
GAPS = ("selection_rate", "recall", "false_positive_rate")
SLICED: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: ("accuracy", "brier_score", "recall", "false_positive_rate"),
    Task.MULTICLASS: ("accuracy",),
    Task.REGRESSION: ("mae",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two versions on the same rows.

    ``differences`` are over all rows, ``group_differences`` and ``gaps`` by protected group, ``flips`` both.
    ``at_any_time`` is the difference in accuracy for who looks again and again, None without decisions;
    ``confirmation`` are slices found on one half of the rows and confirmed on the other, None where no half was
    named. What was left out, and why, is in ``notes``.
    """

    task: Task
    n_rows: int
    n_labelled: int
    n_champion: int
    n_candidate: int
    n_both: int
    confidence: float
    min_rows: int
    differences: tuple[PairedDifference, ...]
    flips: tuple[FlipShare, ...]
    group_differences: tuple[PairedDifference, ...]
    gaps: tuple[GapChange, ...]
    slices: SliceScan
    at_any_time: SequentialDifference | None
    confirmation: SliceConfirmation | None
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The form that evidence freezes: text, whole numbers, finite floats, None, lists and mappings only."""
        plain: dict[str, Any] = _plain(self)
        return plain


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Enum):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    return value


def compare(
    label: Sequence[Any] | NDArray[Any],
    champion: Predictions,
    candidate: Predictions,
    *,
    task: Task,
    classes: Sequence[str] = (),
    positive: str | None = None,
    favourable: str | None = None,
    groups: Mapping[str, Sequence[str | None] | NDArray[Any]] | None = None,
    slices: Sequence[str] | None = None,
    protected: Sequence[str] | None = None,
    margins: Mapping[str, float] | None = None,
    finding: Sequence[bool] | NDArray[np.bool_] | None = None,
    min_rows: int = MIN_ROWS,
    depth: int = 2,
    confidence: float = 0.95,
) -> Comparison:
    """What gets better and what gets worse if the candidate replaces the champion, for whom, and how surely?

    Parameters
    ----------
    label : array of shape (n_rows,)
        Class names, None where there is none yet; for a regression numbers, NaN where there is none.
    champion, candidate : Predictions
        What either version said of the same rows, in the same order. Rows that one of them was trained on
        must not be among them.
    task : Task
        Binary, multiclass or regression.
    classes : sequence of str
        The class names of a classification.
    positive, favourable : str, optional
        Binary: the class that scores are the probability of, by default the second; any classification:
        the class that is good for the person, by default the positive one.
    groups : mapping of column to an array of shape (n_rows,), optional
        Whom each row belongs to; None is the group 'Unknown'.
    slices, protected : sequence of column names, optional
        Which of `groups` to scan for worse slices, and which to list by group; all by default.
    margins : mapping of measure to a number >= 0, optional
        Differences that don't matter, in the measure's units, for those of `MEASURES`; `measures.MARGINS` holds the
        defaults, a regression's are a twentieth of the champion's own loss.
    finding : bool array of shape (n_rows,), optional
        The rows to search for worse slices that the others then confirm, as `confirmation.confirm_slices` says.
    min_rows : int
        At least 2. With fewer rows of its own denominator (ROC AUC: of the rarer class) a measure is INSUFFICIENT.
    depth : int
        1 scans the values of single columns, 2 pairs as well.
    confidence : float
        Of all two-sided intervals, in (0, 1).

    Returns
    -------
    Comparison
        Every measure of the task, always all of them (the selection rate only if a class is favourable): a measure
        that has no value is UNDEFINED with the reason.
        Only rows that both versions answered count for a measure; how many either left out is in ``notes``.

    Raises
    ------
    InputError
        If columns, classes or options can't be used.

    References
    ----------
    Named where each interval and test is made: `core.compare.means`, `.ranking`, `.macro`, `.gaps` and `.slices`.

    Examples
    --------
    >>> label = ["yes", "yes", "no", "no"] * 25
    >>> comparison = compare(
    ...     label,
    ...     Predictions(prediction=["yes", "no", "no", "no"] * 25),
    ...     Predictions(prediction=["yes", "yes", "no", "no"] * 25),
    ...     task=Task.BINARY,
    ...     classes=("no", "yes"),
    ... )
    >>> for measure in comparison.differences[:2]:
    ...     print(measure.measure, measure.n, measure.verdict, measure.why)
    roc_auc 0 undefined The champion and the candidate log no score.
    accuracy 100 better +25.0 points [+15.9, +33.1]: all of it is better.
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie between 0 and 1, both excluded, got {confidence}.")
    if min_rows < 2:
        raise InputError(f"min_rows must be at least 2, got {min_rows}.")
    rows = pair_rows(
        label,
        champion,
        candidate,
        task=task,
        classes=classes,
        positive=positive,
        favourable=favourable,
        groups=groups,
    )
    values = row_values(rows)
    chosen = margins_for(values, task, margins)
    listed = {name: rows.groups[name] for name in _known(protected, rows)}
    scanned = {name: rows.groups[name] for name in _known(slices, rows)}
    sliced = [values[measure] for measure in SLICED[task]]
    answered = [
        np.zeros(rows.n_rows, dtype=bool) if side.answered is None else side.answered
        for side in (rows.champion, rows.candidate)
    ]
    return Comparison(
        task=task,
        n_rows=rows.n_rows,
        n_labelled=int(rows.labelled.sum()),
        n_champion=int(answered[0].sum()),
        n_candidate=int(answered[1].sum()),
        n_both=int((answered[0] & answered[1]).sum()),
        confidence=confidence,
        min_rows=min_rows,
        differences=_differences(rows, values, chosen, min_rows, confidence),
        flips=flip_shares(rows, columns=tuple(listed), min_rows=min_rows, confidence=confidence),
        group_differences=tuple(
            difference
            for column, group in listed.items()
            for measure in GROUPED[task]
            if measure in values
            for difference in _by_group(values[measure], {column: group}, chosen[measure], min_rows, confidence)
        ),
        gaps=tuple(
            gap
            for column, group in listed.items()
            for measure in GAPS
            if measure in values
            for gap in gap_changes(
                values[measure],
                group,
                column=column,
                margin=chosen[measure],
                min_rows=min_rows,
                confidence=confidence,
            )
        ),
        slices=worse_slices(sliced, scanned, margins=chosen, min_rows=min_rows, depth=depth, confidence=confidence),
        at_any_time=_at_any_time(rows, values, chosen, min_rows, confidence),
        confirmation=None
        if finding is None
        else confirm_slices(
            sliced,
            scanned,
            np.asarray(finding, dtype=bool),
            margins=chosen,
            min_rows=min_rows,
            depth=depth,
            confidence=confidence,
        ),
        notes=_notes(rows, *(int(answer.sum()) for answer in answered)),
    )


def _known(columns: Sequence[str] | None, rows: PairedRows) -> tuple[str, ...]:
    for column in columns or ():
        if column not in rows.groups:
            raise UnknownNameError("group column", column, rows.groups)
    return tuple(rows.groups) if columns is None else tuple(columns)


def _differences(
    rows: PairedRows, values: Mapping[str, RowValues], margins: Mapping[str, float], min_rows: int, confidence: float
) -> tuple[PairedDifference, ...]:
    differences: list[PairedDifference] = []
    for measure in MEASURES[rows.task]:
        margin = margins[measure]
        if measure == "roc_auc":
            differences.append(auc_difference(rows, margin=margin, min_rows=min_rows, confidence=confidence))
        elif measure == "macro_recall":
            differences.extend(
                recall_differences(
                    rows,
                    values["accuracy"],
                    macro_margin=margin,
                    margin=margins["recall"],
                    min_rows=min_rows,
                    confidence=confidence,
                )
            )
        elif measure in values:
            means = paired_means(values[measure])
            differences.append(
                paired_difference(values[measure], means, margin=margin, min_rows=min_rows, confidence=confidence)
            )
    return tuple(differences)


def _at_any_time(
    rows: PairedRows, values: Mapping[str, RowValues], margins: Mapping[str, float], min_rows: int, confidence: float
) -> SequentialDifference | None:
    if rows.champion.decision is None or rows.candidate.decision is None or "accuracy" not in values:
        return None
    means = paired_means(values["accuracy"])
    return sequential_difference(
        int(means.gained[0]),
        int(means.lost[0]),
        int(means.n[0]),
        margin=margins["accuracy"],
        min_rows=min_rows,
        confidence=confidence,
    )


def _by_group(
    values: RowValues, columns: Mapping[str, Groups], margin: float, min_rows: int, confidence: float
) -> Iterator[PairedDifference]:
    for column, groups in columns.items():
        means = paired_means(values, groups.codes, n_cells=len(groups.names))
        for place, group in enumerate(groups.names):
            where = ((column, group),)
            yield paired_difference(
                values, means, place, margin=margin, min_rows=min_rows, confidence=confidence, where=where
            )


def _notes(rows: PairedRows, n_champion: int, n_candidate: int) -> tuple[str, ...]:
    notes = []
    for side, n in (("champion", n_champion), ("candidate", n_candidate)):
        if n < rows.n_rows:
            notes.append(f"The {side} has no usable prediction for {rows.n_rows - n:,} of {rows.n_rows:,} rows.")
    if notes:
        notes.append("Rows without a prediction of both are left out: what is said holds for the others.")
    if rows.task is Task.REGRESSION:
        notes.append("A regression makes no decisions, so none can flip.")
    elif rows.champion.decision is None or rows.candidate.decision is None:
        notes.append("Without the predictions of both versions no flips can be counted.")
    elif rows.favourable is None:
        notes.append("No class is declared favourable, so changed decisions have no direction.")
    return tuple(notes)
