"""What is monitored: bounded scores of rows, whose mean in a window is held against the reference's.

A subject is what alarms as one (the values of a column, a share, an error rate). It consists of monitors:
the location, the spread and the share of every bin of a numeric column; the share of every category; a
single mean. All that is kept of a window is how many rows a monitor rests on and the sum of their scores,
so windows add up, and nothing here ever sees a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from core.measure import Family

__all__ = [
    "Kind",
    "Subject",
    "Windows",
    "gap_subject",
    "mean_subject",
    "outcome_subject",
    "share_subject",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_EXPECTED = 5.0  # rows that a share of a bin must rest on in a window of ordinary size


class Kind(IntEnum):
    """What a monitor is: monitors of one kind lend one another how much windows differ."""

    LOCATION = 0
    SPREAD = 1
    BIN = 2
    CATEGORY = 3
    SHARE = 4
    MEAN = 5
    WINDOW = 6  # one number a window, such as its volume: it lends and borrows nothing
    BEHIND = 7  # a group's rate, which does harm where it is lower than that of the monitor after it
    AHEAD = 8  # the same of a rate that does harm where it is higher
    REST = 9  # the rate of all others


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Subject:
    """What alarms as one, and the scores that make it up.

    Parameters
    ----------
    key : str
        Its name among the model's subjects, such as 'values/income'.
    column : str
        The column it is about, '' if it is about all rows.
    names : tuple of n_monitors str
        What each monitor is called.
    kinds : tuple of n_monitors Kind
    weights : tuple of n_monitors float
        How the bet is divided; they sum to 1.
    scores : float array of shape (n_cells, n_monitors)
        What a row in each cell of the count table scores.
    counted : float array of shape (n_cells, n_monitors)
        1 where a row in that cell counts for the monitor, else 0.
    """

    key: str
    family: Family
    column: str
    names: tuple[str, ...]
    kinds: tuple[Kind, ...]
    weights: tuple[float, ...]
    scores: Floats
    counted: Floats

    def windows(self, counts: Ints) -> Windows:
        """Rows and sums of scores of some windows, from their counts of shape (n_windows, n_cells)."""
        cells = counts.astype(np.float64)
        return Windows(n=cells @ self.counted, total=cells @ self.scores, total_of_squares=cells @ self.scores**2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Windows:
    """Windows x monitors: rows, and the sums of their scores and of the squares; shape (n_windows, n_monitors)."""

    n: Floats
    total: Floats
    total_of_squares: Floats

    @property
    def mean(self) -> Floats:
        """The mean score; NaN where there are no rows."""
        means = np.full(self.n.shape, np.nan)
        np.divide(self.total, self.n, out=means, where=self.n > 0)
        return means

    @classmethod
    def beside(cls, parts: Sequence[Windows]) -> Windows:
        """The same windows of several subjects, side by side."""
        return cls(
            n=np.hstack([part.n for part in parts]),
            total=np.hstack([part.total for part in parts]),
            total_of_squares=np.hstack([part.total_of_squares for part in parts]),
        )

    def __getitem__(self, rows: slice | Ints) -> Windows:
        """Some of the windows."""
        return Windows(n=self.n[rows], total=self.total[rows], total_of_squares=self.total_of_squares[rows])


def share_subject(
    key: str, cells: Sequence[int], n_cells: int, *, family: Family, column: str, name: str, among: Ints | None = None
) -> Subject:
    """The share of rows that lie in some cells, such as the missing ones, among all rows or `among` some cells.

    Examples
    --------
    >>> missing = share_subject("missing/x", [2], 9, family=Family.DATA_QUALITY, column="x", name="missing")
    >>> missing.windows(np.array([[90, 5, 5, 0, 0, 0, 0, 0, 0]])).mean.tolist()
    [[0.05]]
    """
    scores = np.zeros((n_cells, 1))
    scores[list(cells)] = 1.0
    counted = np.ones((n_cells, 1))
    if among is not None:
        counted[:] = 0.0
        counted[among] = 1.0
    return Subject(
        key=key,
        family=family,
        column=column,
        names=(name,),
        kinds=(Kind.SHARE,),
        weights=(1.0,),
        scores=scores,
        counted=counted,
    )


def outcome_subject(key: str, reference: Ints, names: Sequence[str], *, family: Family) -> Subject:
    """Do outcomes still follow the bins as they did: as a whole, and bin by bin?

    Parameters
    ----------
    reference : int array of shape (n_bins, 2)
        Labelled rows of the reference by score bin or predicted class: without, with the outcome.
    names : sequence of n_bins str

    Returns
    -------
    Subject
        On the 2 x n_bins cells of such a table, in C order. Its first monitor is the outcome less the
        reference's rate in the row's bin, the others are the rates of bins with 5 rows or more of either
        outcome.

    Examples
    --------
    >>> reference = np.array([[90, 10], [40, 60]])
    >>> subject = outcome_subject("concept/p", reference, ["low", "high"], family=Family.CONCEPT_DRIFT)
    >>> subject.names, subject.windows(np.array([[45, 5, 10, 40]])).total.round(3).tolist()
    (('all', 'low', 'high'), [[10.0, 5.0, 40.0]])
    """
    n_bins = reference.shape[0]
    n = np.maximum(reference.sum(axis=1), 1)
    rate = reference[:, 1] / n
    usable = np.flatnonzero(reference.min(axis=1) >= MIN_EXPECTED)
    scores = np.zeros((2 * n_bins, 1 + usable.size))
    counted = np.zeros((2 * n_bins, 1 + usable.size))
    scores[0::2, 0], scores[1::2, 0], counted[:, 0] = -rate, 1 - rate, 1.0
    for place, bin_ in enumerate(usable.tolist(), start=1):
        scores[2 * bin_ + 1, place] = 1.0
        counted[2 * bin_ : 2 * bin_ + 2, place] = 1.0
    weights = (0.5, *[0.5 / usable.size] * usable.size) if usable.size else (1.0,)
    return Subject(
        key=key,
        family=family,
        column="",
        names=("all", *(names[bin_] for bin_ in usable.tolist())),
        kinds=(Kind.MEAN, *[Kind.CATEGORY] * usable.size),
        weights=weights,
        scores=scores,
        counted=counted,
    )


def mean_subject(key: str, *, family: Family, column: str = "", name: str = "mean", kind: Kind = Kind.MEAN) -> Subject:
    """A mean that isn't read from a count table: its windows are given by n, sum and sum of squares."""
    return Subject(
        key=key,
        family=family,
        column=column,
        names=(name,),
        kinds=(kind,),
        weights=(1.0,),
        scores=np.zeros((0, 1)),
        counted=np.zeros((0, 1)),
    )


def gap_subject(key: str, *, name: str, is_worse_below: bool) -> Subject:
    """A group's rate and that of all others in the same windows; alarms where the first falls behind.

    Its windows are given by n and k of both, side by side.

    Parameters
    ----------
    name : str
        The group.
    is_worse_below : bool
        Whether the lower rate is the worse one, as of being selected; else the higher one, as of false alarms.
    """
    return Subject(
        key=key,
        family=Family.FAIRNESS,
        column="",
        names=(name, "the rest"),
        kinds=(Kind.BEHIND if is_worse_below else Kind.AHEAD, Kind.REST),
        weights=(0.5, 0.5),
        scores=np.zeros((0, 2)),
        counted=np.zeros((0, 2)),
    )
