"""One column of one row group, counted by key: numbers are sorted a key at a time, and the bins looked up in them.

Looking up 150 ends in 10,000 sorted numbers costs a hundredth of looking up each number among the ends, and
sorting them costs less than that too, so no row is given its bin where keys have rows enough.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.stats.binning import CategoryBins, NumericBins, Special

__all__ = ["Groups", "Names", "Numbers", "codes_by_value", "codes_of", "distinct_codes", "sums_by_group"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Scalar = TypeVar("Scalar", bound=np.generic)

FEW_ROWS = 512  # a group of fewer isn't worth a sort of its own
LONG_RUN = 16


def distinct_codes(keys: Ints) -> tuple[Ints, Ints, Ints]:
    """The distinct keys, ascending; the place of each row's key among them; where runs of equal keys begin.

    What comes in long runs, as windows of rows in order of time do, is never sorted.

    Examples
    --------
    >>> distinct, codes, starts = distinct_codes(np.repeat([7, 3, 7], 20))
    >>> distinct.tolist(), codes[[0, 20, 40]].tolist(), starts.tolist()
    ([3, 7], [1, 0, 1], [0, 20, 40])
    """
    if not keys.size:
        return keys, np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64)
    starts = np.concatenate([[0], np.flatnonzero(keys[1:] != keys[:-1]) + 1])
    in_runs = starts.size * LONG_RUN <= keys.size
    found = np.unique(keys[starts] if in_runs else keys, return_inverse=True)
    codes = np.repeat(found[1], np.diff(starts, append=keys.size)) if in_runs else found[1]
    return found[0], codes.astype(np.int64, copy=False), starts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Groups:
    """Which of `n` groups each row is in (`codes`), and where the rows of each lie once they are taken in `order`.

    Examples
    --------
    >>> names, groups = Groups.of(np.array([8, 8, 9, 9, 9, 8]))
    >>> names.tolist(), groups.codes.tolist(), groups.order.tolist(), groups.spans
    ([8, 9], [0, 0, 1, 1, 1, 0], [0, 1, 5, 2, 3, 4], [(0, 3), (3, 6)])
    """

    codes: Ints
    n: int
    order: Ints | None
    spans: list[tuple[int, int]]

    @classmethod
    def of(cls, keys: Ints) -> tuple[Ints, Groups]:
        """The distinct keys, ascending, and the groups that they make; rows that lie key by key stay where they are."""
        distinct, codes, starts = distinct_codes(keys)
        if starts.size == distinct.size:
            first = starts[np.argsort(codes[starts])]
            order, ends = None, first + np.bincount(codes)
        else:
            order = np.argsort(codes, kind="stable")
            ends = np.cumsum(np.bincount(codes, minlength=distinct.size))
            first = np.concatenate([[0], ends[:-1]])
        spans = list(zip(first.tolist(), ends.tolist(), strict=True))
        return distinct, cls(codes=codes, n=distinct.size, order=order, spans=spans)

    @property
    def are_long(self) -> bool:
        """Whether groups have rows enough to be worked through one by one."""
        return self.codes.size >= FEW_ROWS * self.n

    def gathered(self, values: NDArray[Scalar]) -> NDArray[Scalar]:
        """The values of each group beside one another, as `spans` says."""
        return values if self.order is None else values[self.order]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Numbers:
    """Numbers and their bins; NaN is missing."""

    values: Floats
    bins: NumericBins

    def counts_and_sums(self, groups: Groups) -> tuple[Ints, Floats]:
        """Counts by group and bin, shape (n, size), and sums of finite x and x^2 by group, shape (n, 2)."""
        with np.errstate(over="ignore", invalid="ignore"):  # too large for a float: infinite, shown as undefined
            return self._of_sorted(groups) if groups.are_long else self._of_rows(groups)

    def _of_sorted(self, groups: Groups) -> tuple[Ints, Floats]:
        ends, bin_of = self.bins.cuts()
        values = groups.gathered(self.values)
        bounds = np.zeros((groups.n, ends.size + 2), dtype=np.int64)
        sums = np.zeros((groups.n, 2))
        for group, (first, last) in enumerate(groups.spans):
            ordered = np.sort(values[first:last])
            bounds[group, 1:-1] = ordered.searchsorted(ends, side="right")
            bounds[group, -1] = ordered.size
            finite = ordered[bounds[group, 1] : bounds[group, -3]]  # after -inf, up to the largest float
            sums[group] = finite.sum(), (finite * finite).sum()
        counts = np.zeros((groups.n, self.bins.size), dtype=np.int64)
        np.add.at(counts.T, bin_of, np.diff(bounds, axis=1).T)
        return counts, sums

    def _of_rows(self, groups: Groups) -> tuple[Ints, Floats]:
        size = self.bins.size
        counts = np.bincount(groups.codes * size + self.bins.assign(self.values), minlength=groups.n * size)
        finite = np.where(np.isfinite(self.values), self.values, 0.0)
        sums = [sums_by_group(groups.codes, weights, groups.n) for weights in (finite, finite * finite)]
        return counts.reshape(groups.n, size), np.stack(sums, axis=1)

    def outside(self, totals: Ints) -> Bools | None:
        """Whether each row is outside anything the reference had; None if none is, as `totals` of the bins say."""
        n = self.bins.n_bins
        if not totals[n + Special.UNSEEN :].any():
            return None
        if totals[n + Special.UNSEEN] or not self.bins.ends:
            return np.asarray(self.bins.assign(self.values) >= n + Special.UNSEEN)
        return np.asarray((self.values < self.bins.low) | (self.values > self.bins.ends[-1]))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Names:
    """Categories by number (`codes`), and the bin of each number."""

    codes: Ints
    bin_of: Ints
    bins: CategoryBins

    @classmethod
    def of(cls, values: pa.ChunkedArray, bins: CategoryBins) -> Names:
        """Read a stored column."""
        distinct, codes = codes_by_value(values)
        n = bins.n_bins
        known = bins.codes()
        return cls(
            codes=codes,
            bin_of=_numbered(distinct, known, missing=n + Special.MISSING, unknown=n + Special.UNSEEN),
            bins=bins,
        )

    def counts(self, groups: Groups) -> Ints:
        """Counts by group and bin, shape (n, size)."""
        size, n_names = self.bins.size, self.bin_of.size
        if not groups.are_long or n_names * groups.n > self.codes.size:
            flat = np.bincount(groups.codes * size + self.bin_of[self.codes], minlength=groups.n * size)
            return flat.reshape(groups.n, size)
        codes = groups.gathered(self.codes)
        by_name = np.stack([np.bincount(codes[first:last], minlength=n_names) for first, last in groups.spans])
        counts = np.zeros((groups.n, size), dtype=np.int64)
        np.add.at(counts.T, self.bin_of, by_name.T)
        return counts

    def outside(self, totals: Ints) -> Bools | None:
        """Whether each row has a value that the reference hadn't; None if none has, as `totals` of the bins say."""
        first = self.bins.n_bins + Special.UNSEEN
        return np.asarray((self.bin_of >= first)[self.codes]) if totals[first:].any() else None


def codes_of(values: pa.ChunkedArray, known: Mapping[str, int], *, missing: int, unknown: int) -> Ints:
    """The number of each value of a stored column."""
    distinct, codes = codes_by_value(values)
    return _numbered(distinct, known, missing=missing, unknown=unknown)[codes]


def _numbered(distinct: list[Any], known: Mapping[str, int], *, missing: int, unknown: int) -> Ints:
    numbers = [missing if value is None else known.get(value, unknown) for value in distinct]
    return np.array(numbers, dtype=np.int64)


def codes_by_value(values: pa.ChunkedArray) -> tuple[list[Any], Ints]:
    """The distinct values of a column, None among them, and each row's place in that list."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.string())
    encoded = (
        values if pa.types.is_dictionary(values.type) else values.dictionary_encode(null_encoding="encode")
    ).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], type=encoded.type)
    distinct = encoded.dictionary.cast(pa.string()).to_pylist()
    indices = encoded.indices
    if indices.null_count:
        distinct.append(None)
        indices = pc.fill_null(indices, len(distinct) - 1)
    return distinct, np.asarray(indices.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)


def sums_by_group(codes: Ints, weights: Floats, n: int) -> Floats:
    """The sum of the weights of each of `n` groups."""
    return np.bincount(codes, weights=weights, minlength=n).astype(np.float64)
