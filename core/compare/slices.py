"""For whom does the candidate get worse: a scan of slices, with its false discoveries held down."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from core.compare.means import PairedMeans, RowValues, paired_means
from core.compare.paired import PairedDifference, paired_difference
from core.compare.rows import Groups
from core.compare.verdicts import Verdict
from core.errors import InputError
from core.stats.hypothesis import benjamini_hochberg

__all__ = ["SliceScan", "worse_slices"]

Ints = NDArray[np.int64]
Names = tuple[tuple[tuple[str, str], ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SliceScan:
    """Which slices are worse by more than the margin, and how many were looked at.

    ``n_tried`` counts tests: slices times measures. ``n_too_few`` counts those left out for too few rows. Each
    slice found has its p-value adjusted over all tried, and an interval that allows for the selection.
    """

    n_tried: int
    n_too_few: int
    false_discovery_rate: float
    worse: tuple[PairedDifference, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Cells:
    """The cells of one column or pair of columns, under one measure, that have enough rows."""

    values: RowValues
    margin: float
    means: PairedMeans
    places: Ints
    names: Names
    p_values: NDArray[np.float64]


def worse_slices(
    values: Sequence[RowValues],
    groups: Mapping[str, Groups],
    *,
    margins: Mapping[str, float],
    min_rows: int,
    depth: int = 2,
    confidence: float = 0.95,
) -> SliceScan:
    """In which slices is the candidate worse than the champion by more than the margin?

    Parameters
    ----------
    values : sequence of RowValues
        Of measures that have a better direction.
    groups : mapping of column to Groups
        Every value of each is a slice, and every pair of values of two columns that isn't the same rows as
        one of them alone.
    margins : mapping of measure to float
        Differences that don't matter.
    min_rows : int
        A slice with fewer rows of a measure's denominator is not tested.
    depth : int
        1 for single columns only, 2 for pairs too.
    confidence : float
        The false-discovery rate is half of 1 - confidence, as the tests are one-sided: (0.025 for 0.95).

    Returns
    -------
    SliceScan
        Slices whose one-sided test of "not worse by more than the margin" Benjamini and Hochberg reject, worst
        p-value first. Their intervals have the confidence 1 - R (1 - confidence) / n_tried for R slices found, which
        holds the expected share of intervals that miss; each lies beyond the margin as a whole.

    Raises
    ------
    InputError
        If depth is not 1 or 2.

    References
    ----------
    Y. Benjamini, Y. Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.
    Y. Benjamini, D. Yekutieli (2005), doi:10.1198/016214504000001907.
    """
    if depth not in (1, 2):
        raise InputError(f"depth is 1 (single columns) or 2 (pairs too), got {depth}.")
    scanned, n_too_few = [], 0
    for value in values:
        for cells, left_out in _scan(value, groups, margins[value.measure], min_rows, depth):
            scanned.append(cells)
            n_too_few += left_out
    n_tried = sum(cells.places.size for cells in scanned)
    rate = (1 - confidence) / 2
    adjusted = benjamini_hochberg(np.concatenate([cells.p_values for cells in scanned]) if n_tried else [])
    found = np.flatnonzero(adjusted <= rate)
    adjusted_confidence = 1 - found.size * (1 - confidence) / max(1, n_tried)
    origin = [(cells, index) for cells in scanned for index in range(cells.places.size)] if found.size else []
    worse = [
        _finding(origin[place], float(adjusted[place]), confidence=adjusted_confidence, n_tried=n_tried)
        for place in found[np.argsort(adjusted[found], kind="stable")].tolist()
    ]
    return SliceScan(
        n_tried=n_tried,
        n_too_few=n_too_few,
        false_discovery_rate=rate,
        worse=tuple(worse),
        why=_in_words(n_tried, n_too_few, len(worse), min_rows, rate, has_columns=bool(groups)),
    )


def _scan(
    values: RowValues, groups: Mapping[str, Groups], margin: float, min_rows: int, depth: int
) -> Iterator[tuple[_Cells, int]]:
    """The cells of every column, then of every pair of columns; with each, how many were left out."""
    sizes = {}
    for column, group in groups.items():
        means = paired_means(values, group.codes, n_cells=len(group.names))
        sizes[column] = means.n
        names: Names = tuple(((column, name),) for name in group.names)
        kept = means.n >= min_rows
        yield _cells(values, margin, means, np.flatnonzero(kept), names), int((~kept & (means.n > 0)).sum())
    for first, second in combinations(groups, 2) if depth == 2 else ():
        width = len(groups[second].names)
        combined, codes = np.unique(groups[first].codes * width + groups[second].codes, return_inverse=True)
        means = paired_means(values, codes, n_cells=combined.size)
        places = np.divmod(combined, width)
        alone = (means.n == sizes[first][places[0]]) | (means.n == sizes[second][places[1]])
        pairs: Names = tuple(
            ((first, groups[first].names[i]), (second, groups[second].names[j]))
            for i, j in zip(places[0].tolist(), places[1].tolist(), strict=True)
        )
        kept = (means.n >= min_rows) & ~alone
        left_out = (means.n < min_rows) & (means.n > 0) & ~alone
        yield _cells(values, margin, means, np.flatnonzero(kept), pairs), int(left_out.sum())


def _cells(values: RowValues, margin: float, means: PairedMeans, places: Ints, names: Names) -> _Cells:
    p_values = means.harm_p_values(margin=margin, higher_is_better=bool(values.higher_is_better))
    places = places[np.isfinite(means.difference[places])]  # a sum beyond the largest number says nothing
    return _Cells(values=values, margin=margin, means=means, places=places, names=names, p_values=p_values[places])


def _finding(origin: tuple[_Cells, int], p_value: float, *, confidence: float, n_tried: int) -> PairedDifference:
    cells, index = origin
    place = int(cells.places[index])
    found = paired_difference(
        cells.values,
        cells.means,
        place,
        margin=cells.margin,
        min_rows=0,  # cells with too few rows were not tried
        confidence=confidence,
        where=cells.names[place],
    )
    convention = (
        f"{found.convention.partition(';')[0]}; one-sided p against the margin, Benjamini-Hochberg over {n_tried:,} "
        f"slices; {'Agresti-Min' if cells.values.is_rate else 't'} interval with the false coverage rate held"
    )
    return replace(found, p_value=p_value, verdict=Verdict.WORSE, convention=convention)


def _in_words(n_tried: int, n_too_few: int, n_worse: int, min_rows: int, rate: float, *, has_columns: bool) -> str:
    if not has_columns:
        return "No column to slice by."
    left_out = f" {n_too_few:,} more had fewer than the {min_rows:,} rows asked for." if n_too_few else ""
    if not n_tried:
        return f"No slice had the {min_rows:,} rows asked for."
    found = f"{n_worse or 'None'} of {n_tried:,} slices tried {'is' if n_worse <= 1 else 'are'} worse"
    return f"{found} by more than the margin, at a false-discovery rate of {100 * rate:.3g}%.{left_out}"
