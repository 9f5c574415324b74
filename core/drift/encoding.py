"""Rows of mixed columns as matrices, for trees and for principal components; what can't be used is said so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = [
    "Columns",
    "NormalScores",
    "TreeMatrix",
    "UnusableColumn",
    "drawn_rows",
    "n_rows",
    "row_sums",
    "tree_matrix",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Columns = Mapping[str, NDArray[Any]]

LARGEST = 1e300  # what an infinity becomes: trees cut between values, so only its place matters
MAX_CODES = 60  # categories that a tree can tell apart; rarer ones share one
MAX_DUMMIES = 15
DISTINCT = 0.5
LEAST_SPREAD = 0.22  # of a dummy; that of a share of 5%


@dataclass(frozen=True, slots=True, kw_only=True)
class UnusableColumn:
    """A column that was left out, and why."""

    column: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TreeMatrix:
    """Rows as floats, NaN where missing; `categorical` says which columns hold codes of categories."""

    values: Floats
    columns: tuple[str, ...]
    categorical: Bools
    unusable: tuple[UnusableColumn, ...]


def n_rows(columns: Columns) -> int:
    """How many rows the columns have.

    Raises
    ------
    ValueError
        If they differ in length.
    """
    lengths = {len(values) for values in columns.values()}
    if len(lengths) > 1:
        raise ValueError(f"The columns differ in length: {', '.join(f'{n:,}' for n in sorted(lengths))} rows.")
    return lengths.pop() if lengths else 0


def tree_matrix(sides: Sequence[Columns]) -> TreeMatrix:
    """The rows of all sides, one below the other, as trees read them.

    Parameters
    ----------
    sides : sequence of mappings of str to array
        Each side's columns, of one length a side. Numbers stay numbers, infinities become the largest and
        smallest; booleans become 0 and 1; anything else, and a column that is numeric on one side only, becomes
        codes of its 60 most frequent values. NaN and None are missing.

    Returns
    -------
    TreeMatrix
        Without columns that a side lacks, that have one value only, or whose categories are nearly all distinct.

    Examples
    --------
    >>> matrix = tree_matrix([{"x": np.array([1.0, np.inf]), "k": np.array(["a", None], dtype=object)}])
    >>> matrix.values.tolist(), [column.column for column in matrix.unusable]
    ([[1.0, 0.0], [1e+300, nan]], [])
    """
    rows = sum(n_rows(side) for side in sides)
    kept: list[tuple[str, Floats, bool]] = []
    unusable = []
    for name in dict.fromkeys(name for side in sides for name in side):
        if any(name not in side for side in sides):
            unusable.append(UnusableColumn(column=name, reason="not on both sides"))
            continue
        values, is_category = _joined([np.asarray(side[name]) for side in sides])
        reason = _fault(values, is_category)
        if reason:
            unusable.append(UnusableColumn(column=name, reason=reason))
        else:
            kept.append(
                (name, np.where(values >= MAX_CODES, MAX_CODES, values) if is_category else values, is_category)
            )
    return TreeMatrix(
        values=np.column_stack([values for _, values, _ in kept]) if kept else np.empty((rows, 0)),
        columns=tuple(name for name, _, _ in kept),
        categorical=np.array([is_category for _, _, is_category in kept], dtype=bool),
        unusable=tuple(unusable),
    )


def _joined(parts: Sequence[NDArray[Any]]) -> tuple[Floats, bool]:
    """One column of all sides as floats, and whether they are codes: 0 for the most frequent category."""
    numbers = [_floats(part) for part in parts]
    if all(part is not None for part in numbers):
        values = np.concatenate([part for part in numbers if part is not None])
        return np.clip(values, -LARGEST, LARGEST), False
    names = np.concatenate([named(part) for part in parts])
    return _codes(names), True


def _floats(sample: NDArray[Any]) -> Floats | None:
    """Numbers, booleans and instants (in days) as floats; None for anything else."""
    if sample.dtype.kind in "fiub":
        return sample.astype(np.float64)
    if sample.dtype.kind == "M":
        days = sample.astype("datetime64[us]").astype(np.int64) / 86_400e6
        return np.where(np.isnat(sample), np.nan, days)
    return None


def named(sample: NDArray[Any]) -> NDArray[Any]:
    """Values as strings, None where missing."""
    if sample.dtype.kind == "U":
        return sample.astype(object)
    names = [None if value is None or value != value else str(value) for value in sample.tolist()]  # noqa: PLR0124
    return np.array(names, dtype=object)


def _codes(names: NDArray[Any]) -> Floats:
    is_there = np.array([name is not None for name in names], dtype=bool)
    codes = np.full(names.size, np.nan)
    if is_there.any():
        _, places, counts = np.unique(names[is_there].astype(str), return_inverse=True, return_counts=True)
        rank = np.empty(counts.size)
        rank[np.argsort(-counts, kind="stable")] = np.arange(counts.size)
        codes[is_there] = rank[places]
    return codes


def _fault(values: Floats, is_category: bool) -> str:
    """Why a column is of no use, or ''."""
    there = values[~np.isnan(values)]
    if not there.size:
        return "no value"
    n_distinct = int(there.max()) + 1 if is_category else 1 + int((there != there[0]).any())
    if n_distinct == 1 and there.size == values.size:
        return "one value only"
    if is_category and n_distinct > MAX_CODES and n_distinct > DISTINCT * there.size:
        return f"nearly all values are distinct ({n_distinct:,} in {there.size:,} rows)"
    return ""


class NormalScores:
    """Mixed columns as coordinates of about equal weight, fitted on the reference: for principal components.

    A number becomes the normal score of its rank in the reference, so that units, outliers and infinities don't
    matter; a category becomes dummies of the 15 most frequent and one for the rest, which together weigh as much
    as one number; missing values become the middle, and a dummy says that they are missing.

    Parameters
    ----------
    reference : mapping of str to array of shape (m,)

    Examples
    --------
    >>> scores = NormalScores({"x": np.array([1.0, 2.0, 3.0])})
    >>> scores.transform({"x": np.array([2.0, np.inf, np.nan])})[:, 0].round(2).tolist()
    [0.0, 1.15, 0.0]
    """

    def __init__(self, reference: Columns) -> None:
        self.columns: tuple[str, ...] = ()
        self.unusable: tuple[UnusableColumn, ...] = ()
        self._numbers: dict[str, Floats] = {}
        self._categories: dict[str, tuple[list[str], Floats]] = {}
        self._missing: dict[str, float] = {}
        for name, values in reference.items():
            self._fit(name, np.asarray(values))
        self.columns = tuple(self._missing)

    def transform(self, window: Columns) -> Floats:
        """Coordinates of each row, shape (n, n_coordinates); a column that the window lacks is all missing."""
        n = n_rows(window)
        parts: list[Floats] = []
        for name, missing in self._missing.items():
            values = np.asarray(window[name]) if name in window else np.full(n, np.nan)
            coordinates, is_missing = self._of_column(name, values)
            spread = max(LEAST_SPREAD, (missing * (1 - missing)) ** 0.5)
            parts += [coordinates, ((is_missing - missing) / spread)[:, np.newaxis]]
        return np.hstack(parts) if parts else np.empty((n, 0))

    def _fit(self, name: str, values: NDArray[Any]) -> None:
        numbers = _floats(values)
        if numbers is not None:
            there = numbers[~np.isnan(numbers)]
            if there.size and there.min() < there.max():
                self._numbers[name] = np.sort(there)
                self._missing[name] = 1 - there.size / values.size
                return
            reason = "one value only in the reference" if there.size else "no value in the reference"
        else:
            codes = _codes(named(values))
            there = codes[~np.isnan(codes)]
            reason = _fault(codes, is_category=True)
            if not reason:
                strings, counts = np.unique(named(values)[~np.isnan(codes)].astype(str), return_counts=True)
                order = np.argsort(-counts, kind="stable")[:MAX_DUMMIES]
                self._categories[name] = strings[order].tolist(), counts[order] / values.size
                self._missing[name] = 1 - there.size / values.size
                return
            reason = f"{reason} in the reference"
        self.unusable += (UnusableColumn(column=name, reason=reason),)

    def _of_column(self, name: str, values: NDArray[Any]) -> tuple[Floats, Floats]:
        if name in self._numbers:
            ordered = self._numbers[name]
            numbers = _floats(values)
            if numbers is None:
                numbers = np.full(values.size, np.nan)
            order = np.argsort(numbers)  # values in order are found faster
            ranked = numbers[order]
            middle = np.empty(numbers.size)
            middle[order] = (np.searchsorted(ordered, ranked, "left") + np.searchsorted(ordered, ranked, "right")) / 2
            scores = ndtri((middle + 0.5) / (ordered.size + 1))
            is_missing = np.isnan(numbers)
            return np.where(is_missing, 0.0, scores)[:, np.newaxis], is_missing.astype(np.float64)
        known, shares = self._categories[name]
        codes: dict[str | None, int] = {None: -1} | {category: code for code, category in enumerate(known)}
        codes_of_rows = np.array([codes.get(name, len(known)) for name in named(values).tolist()])
        is_missing = (codes_of_rows == -1).astype(np.float64)
        dummies = (codes_of_rows[:, np.newaxis] == np.arange(len(known))).astype(np.float64)
        rest = (codes_of_rows == len(known)).astype(np.float64)
        rest_share = max(0.0, 1 - float(shares.sum()) - self._missing[name])
        expected = np.append(shares, rest_share)
        spread = np.maximum(LEAST_SPREAD, np.sqrt(expected * (1 - expected)))
        coordinates = (np.column_stack([dummies, rest]) - expected) / spread / np.sqrt(expected.size)
        return np.where(is_missing[:, np.newaxis] > 0, 0.0, coordinates), is_missing


def drawn_rows(side: Columns, most: int, rng: np.random.Generator) -> Columns:
    """The rows of a side, or `most` of them at random."""
    rows = n_rows(side)
    if rows <= most:
        return side
    chosen = rng.permutation(rows)[:most]
    return {name: np.asarray(values)[chosen] for name, values in side.items()}


def row_sums(scores: Floats) -> tuple[int, float, float]:
    """A window of row scores as a series holds it: n, sum, sum of squares.

    Examples
    --------
    >>> row_sums(np.array([0.5, 0.25]))
    (2, 0.75, 0.3125)
    """
    return scores.size, float(scores.sum()), float(scores @ scores)
