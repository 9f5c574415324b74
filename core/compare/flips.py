"""Whose decision changes when the candidate replaces the champion, in which direction, and was that right?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.compare.paired import too_few
from core.compare.rows import Groups, PairedRows
from core.measure import Interval, Status
from core.stats.intervals import wilson

__all__ = ["FLIPS", "FlipShare", "flip_shares"]

Bools = NDArray[np.bool_]

DECIDED = "with both predictions"
LABELLED = "with a label and both predictions"
FLIPS = ("changed", "gained", "lost", "positive_flip", "negative_flip")


@dataclass(frozen=True, slots=True, kw_only=True)
class FlipShare:
    """The share of rows whose decision changed in one way: `k` of `n`.

    ``measure`` is changed (any other class), gained (to the favourable class), lost (from it), positive_flip
    (from wrong to right) or negative_flip (from right to wrong). ``where`` is () for all rows. Status OK means
    enough rows, not good news.
    """

    measure: str
    where: tuple[tuple[str, str], ...]
    k: int
    n: int
    value: float | None
    interval: Interval | None
    status: Status
    why: str
    convention: str


def flip_shares(
    rows: PairedRows, *, columns: Sequence[str] = (), min_rows: int, confidence: float = 0.95
) -> tuple[FlipShare, ...]:
    """How many decisions change, in which direction, overall and in each group?

    Parameters
    ----------
    rows : PairedRows
        Of a classification; a regression makes no decisions and gets ().
    columns : sequence of str
        Those of the rows' groups to list by.
    min_rows : int
        Below it a share is INSUFFICIENT.
    confidence : float
        Of the Wilson intervals, in (0, 1).

    Returns
    -------
    tuple of FlipShare
        Those of `FLIPS` for all rows, then group by group; without a favourable class no gained and lost.
        gained - lost is the change of the selection rate, positive_flip - negative_flip that of the accuracy.

    References
    ----------
    S. Yan et al. (2021), on negative flips, doi:10.48550/arXiv.2011.09161.

    Examples
    --------
    >>> from core.compare.rows import Predictions, pair_rows
    >>> from core.schema import Task
    >>> said = Predictions(prediction=["no", "yes", "no"]), Predictions(prediction=["yes", "yes", "yes"])
    >>> rows = pair_rows(["yes", "yes", "no"], *said, task=Task.BINARY, classes=("no", "yes"))
    >>> [(flip.measure, flip.k, flip.n) for flip in flip_shares(rows, min_rows=1)]
    [('changed', 2, 3), ('gained', 2, 3), ('lost', 0, 3), ('positive_flip', 1, 3), ('negative_flip', 1, 3)]
    """
    champion, candidate = rows.champion.decision, rows.candidate.decision
    if champion is None or candidate is None:
        return ()
    decided = (champion >= 0) & (candidate >= 0)
    changed = decided & (champion != candidate)
    labelled = decided & rows.labelled
    flips = {"changed": (changed, decided, DECIDED)}
    if rows.favourable is not None:
        flips["gained"] = (changed & (candidate == rows.favourable), decided, DECIDED)
        flips["lost"] = (changed & (champion == rows.favourable), decided, DECIDED)
    flips["positive_flip"] = (labelled & changed & (candidate == rows.label), labelled, LABELLED)
    flips["negative_flip"] = (labelled & changed & (champion == rows.label), labelled, LABELLED)
    everyone = Groups(names=("",), codes=np.zeros(rows.n_rows, dtype=np.int64))
    return tuple(
        share
        for column, groups in {"": everyone, **{name: rows.groups[name] for name in columns}}.items()
        for share in _by_group(column, groups, flips, min_rows, confidence)
    )


def _by_group(
    column: str, groups: Groups, flips: dict[str, tuple[Bools, Bools, str]], min_rows: int, confidence: float
) -> Iterator[FlipShare]:
    counts = {
        measure: [np.bincount(groups.codes[kept], minlength=len(groups.names)).tolist() for kept in (flipped, among)]
        for measure, (flipped, among, _) in flips.items()
    }
    for place, group in enumerate(groups.names):
        for measure, (_, _, among) in flips.items():
            k, n = (numbers[place] for numbers in counts[measure])
            why = too_few(n, among, min_rows) if n else f"No row {among}."
            yield FlipShare(
                measure=measure,
                where=((column, group),) if column else (),
                k=k,
                n=n,
                value=k / n if n else None,
                interval=wilson(k, n, confidence=confidence) if n else None,
                status=(Status.INSUFFICIENT if n else Status.UNDEFINED) if why else Status.OK,
                why=why,
                convention=f"share of rows {among}; Wilson interval",
            )
