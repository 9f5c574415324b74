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
from scipy.special import ndtri

from core.measure import Family
from core.stats.binning import CategoryBins, NumericBins, Special, pool_adjacent

__all__ = [
    "Kind",
    "Subject",
    "Windows",
    "category_subject",
    "distribution_subject",
    "gap_subject",
    "mean_subject",
    "numeric_subject",
    "outcome_subject",
    "share_subject",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N_BINS = 10  # whose shares are monitored: more would divide the bet further and find nothing sooner
N_SCORED = 40  # that location and spread are read from
MIN_EXPECTED = 5.0  # rows that a share of a bin must rest on in a window of ordinary size
WEIGHTS = {"location": 0.4, "spread": 0.2, "bins": 0.4}


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


def distribution_subject(
    key: str,
    reference: Ints,
    bins: NumericBins | CategoryBins,
    *,
    family: Family = Family.DATA_DRIFT,
    column: str = "",
    n_window: float,
) -> Subject:
    """The values of a column as they are distributed: those that are missing or unreadable don't count.

    Parameters
    ----------
    reference : int array of shape (bins.size,)
        Counts of the whole reference.
    n_window : float
        Rows of an ordinary window: bins that are expected to hold fewer than 5 of them are pooled.

    Examples
    --------
    >>> bins = CategoryBins(categories=("a", "b", "c"))
    >>> reference = np.array([600, 390, 10, *[0] * 7])
    >>> subject = distribution_subject("values/x", reference, bins, column="x", n_window=1_000)
    >>> subject.names, subject.weights
    (('a', 'b', 'c'), (0.3333333333333333, 0.3333333333333333, 0.3333333333333333))
    """
    if isinstance(bins, NumericBins):
        return numeric_subject(key, reference, bins, family=family, column=column, n_window=n_window)
    return category_subject(key, reference, bins, family=family, column=column, n_window=n_window)


def numeric_subject(
    key: str, reference: Ints, bins: NumericBins, *, family: Family, column: str, n_window: float
) -> Subject:
    """Location, spread and bins of a numeric column; values outside the reference's range count in its end bins."""
    k = bins.n_bins
    fine = _groups(reference[:k], bins, N_SCORED)
    coarse = _groups(reference[:k], bins, N_BINS)
    mass = np.bincount(fine, weights=reference[:k]).astype(np.float64) if k else np.zeros(0)
    if np.count_nonzero(mass) < 2:
        return _other_value(key, reference, bins, family=family, column=column)
    location, spread = _contrasts(mass)
    joined = _pooled(np.bincount(coarse, weights=reference[:k]).astype(np.float64), n_window)
    n_bins = int(joined[-1]) + 1
    place = _ordered_place(bins)
    here = place >= 0
    scores = np.zeros((bins.size, 2 + n_bins))
    scores[here, 0] = location[fine[place[here]]]
    scores[here, 1] = spread[fine[place[here]]]
    scores[np.flatnonzero(here), 2 + joined[coarse[place[here]]]] = 1.0
    has_spread = bool(np.any(spread))
    weights = [WEIGHTS["location"] + (0 if has_spread else WEIGHTS["spread"]), WEIGHTS["spread"] if has_spread else 0.0]
    weights += [WEIGHTS["bins"] / n_bins] * n_bins
    names = _range_names(bins, joined[coarse])
    kept = [0, 1, *range(2, 2 + n_bins)] if has_spread else [0, *range(2, 2 + n_bins)]
    kinds = (Kind.LOCATION, Kind.SPREAD, *[Kind.BIN] * n_bins)
    all_names = ("location", "spread", *names)
    return Subject(
        key=key,
        family=family,
        column=column,
        names=tuple(all_names[place] for place in kept),
        kinds=tuple(kinds[place] for place in kept),
        weights=tuple(weights[place] for place in kept),
        scores=scores[:, kept],
        counted=np.repeat(here[:, None].astype(np.float64), len(kept), axis=1),
    )


def category_subject(
    key: str, reference: Ints, bins: CategoryBins, *, family: Family, column: str, n_window: float
) -> Subject:
    """The share of each category among the values; rare ones are pooled; a value that is unseen counts as a row."""
    k = bins.n_bins
    mass = reference[:k].astype(np.float64)
    if np.count_nonzero(mass) < 2:
        return _other_value(key, reference, bins, family=family, column=column)
    rare = mass * n_window < MIN_EXPECTED * mass.sum()
    names: list[str] = []
    columns: list[Floats] = []
    for code in np.flatnonzero(~rare):
        columns.append(np.eye(bins.size)[code])
        names.append(bins.names[code])
    if rare.any():
        pooled = np.zeros(bins.size)
        pooled[:k][rare] = 1.0
        pooled[k + Special.UNSEEN] = 1.0  # every value of the reference was once new: new ones are its equals
        columns.append(pooled)
        names.append("(rarer and new values)")
    counted = np.ones(bins.size)
    counted[[k + Special.MISSING, k + Special.INVALID]] = 0.0
    n = len(columns)
    return Subject(
        key=key,
        family=family,
        column=column,
        names=tuple(names),
        kinds=(Kind.CATEGORY,) * n,
        weights=(1 / n,) * n,
        scores=np.stack(columns, axis=1),
        counted=np.repeat(counted[:, None], n, axis=1),
    )


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


def _other_value(
    key: str, reference: Ints, bins: NumericBins | CategoryBins, *, family: Family, column: str
) -> Subject:
    """A column that was constant: the share of rows that hold anything else."""
    k = bins.n_bins
    only = int(np.argmax(reference[:k])) if k else -1
    values = [cell for cell in range(bins.size) if cell not in (k + Special.MISSING, k + Special.INVALID)]
    others = [cell for cell in values if cell != only]
    return share_subject(
        key, others, bins.size, family=family, column=column, name="another value", among=np.array(values)
    )


def _groups(reference: Ints, bins: NumericBins, n_groups: int) -> Ints:
    """Which group of about equal mass each regular bin belongs to."""
    return np.arange(bins.n_bins) if bins.exact else pool_adjacent(reference, n_groups)


def _ordered_place(bins: NumericBins) -> Ints:
    """The regular bin that each cell counts with: what lies outside counts with the ends; -1 for no place."""
    k = bins.n_bins
    place = np.full(bins.size, -1)
    place[:k] = np.arange(k)
    place[[k + Special.BELOW, k + Special.NEGATIVE_INFINITY]] = 0
    place[[k + Special.ABOVE, k + Special.POSITIVE_INFINITY]] = k - 1
    return place


def _contrasts(mass: Floats) -> tuple[Floats, Floats]:
    """Normal scores of ordered bins, and their squares made orthogonal to them; each of mean 0 and variance 1."""
    p = mass / mass.sum()
    upper = np.clip(np.cumsum(p), 0.0, 1.0)
    lower = np.concatenate([[0.0], upper[:-1]])
    density = np.exp(-(ndtri(np.stack([lower, upper])) ** 2) / 2) / np.sqrt(2 * np.pi)
    raw = np.zeros(p.size)
    np.divide(density[0] - density[1], p, out=raw, where=p > 0)
    raw[p == 0] = ndtri(np.clip(upper[p == 0], 1e-6, 1 - 1e-6))  # a value that the reference lacks, by its rank
    location = _standardised(raw, p)
    square = location**2
    spread = square - p @ square - (p @ (square * location)) * location
    scale = p @ spread**2
    if scale < 1e-9:  # two bins: every spread is a location
        return location, np.zeros(p.size)
    return location, spread / np.sqrt(scale)


def _standardised(scores: Floats, p: Floats) -> Floats:
    centred = scores - p @ scores
    return centred / np.sqrt(p @ centred**2)


def _pooled(mass: Floats, n_window: float) -> Ints:
    """Neighbouring groups joined until each is expected to hold 5 rows of a window."""
    expected = mass / mass.sum() * n_window
    labels, total, label = [], 0.0, 0
    for value in expected:
        if total >= MIN_EXPECTED:
            label, total = label + 1, 0.0
        labels.append(label)
        total += float(value)
    if total < MIN_EXPECTED and label:
        labels = [min(number, label - 1) for number in labels]
    return np.array(labels, dtype=np.int64)


def _range_names(bins: NumericBins, groups: Ints) -> tuple[str, ...]:
    """What stretches of neighbouring bins are called: '10 to 20'."""
    names = []
    for group in range(int(groups[-1]) + 1):
        inside = np.flatnonzero(groups == group)
        first, high = int(inside[0]), bins.ends[int(inside[-1])]
        low = bins.ends[first] if bins.exact else bins.ends[first - 1] if first else bins.low
        names.append(f"{high:.4g}" if low == high else f"{low:.4g} to {high:.4g}")
    return tuple(names)
