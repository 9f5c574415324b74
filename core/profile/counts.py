"""Count tables: integers on fixed bins, which merge by addition, exactly and in any order."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.errors import BinMismatchError

__all__ = ["CountTable", "total_of_sums"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CountTable:
    """Counts on `size` cells, of which only those above zero are held.

    Examples
    --------
    >>> table = CountTable.from_dense(np.array([0, 3, 0, 1]))
    >>> (table + table).dense().tolist(), table.n
    ([0, 6, 0, 2], 4)
    >>> CountTable.decode(table.encode()).dense().tolist()
    [0, 3, 0, 1]
    """

    size: int
    cells: Ints
    counts: Ints

    @classmethod
    def from_dense(cls, counts: Ints) -> CountTable:
        """The table of an array of counts, of any shape, in C order."""
        flat = np.ascontiguousarray(counts, dtype=np.int64).reshape(-1)
        cells = np.flatnonzero(flat)
        return cls(size=flat.size, cells=cells, counts=flat[cells])

    @classmethod
    def of_rows(cls, rows: Ints, cells: Ints, counts: Ints, *, shape: tuple[int, int]) -> list[CountTable]:
        """A table a row of an array of `shape`, given where counts are above zero: ascending rows, cells in each.

        Examples
        --------
        >>> found = CountTable.of_rows(np.array([0, 2]), np.array([1, 0]), np.array([5, 4]), shape=(3, 2))
        >>> [table.dense().tolist() for table in found]
        [[0, 5], [0, 0], [4, 0]]
        """
        ends = np.searchsorted(rows, np.arange(shape[0] + 1)).tolist()
        return [
            cls(size=shape[1], cells=cells[first:last], counts=counts[first:last]) for first, last in pairwise(ends)
        ]

    @property
    def n(self) -> int:
        """How many rows were counted."""
        return int(self.counts.sum())

    def dense(self) -> Ints:
        """All cells, shape (size,)."""
        flat = np.zeros(self.size, dtype=np.int64)
        flat[self.cells] = self.counts
        return flat

    def add_to(self, flat: Ints) -> None:
        """Add this table to an array of shape (size,), in place."""
        flat[self.cells] += self.counts

    def __add__(self, other: CountTable) -> CountTable:
        if self.size != other.size:
            raise BinMismatchError(
                f"A table of {self.size} cells and one of {other.size} can't be added: their bins differ."
            )
        flat = self.dense()
        other.add_to(flat)
        return CountTable.from_dense(flat)

    def encode(self) -> bytes:
        """Bytes to store: size, then either all counts or cells and counts, in the smallest unsigned type."""
        count_type = _smallest(self.counts)
        cell_type = _smallest(self.cells)
        dense_length = self.size * count_type.itemsize
        sparse_length = self.cells.size * (count_type.itemsize + cell_type.itemsize)
        if dense_length <= sparse_length:
            return _header(self.size, 0, count_type, np.dtype("u1")) + self.dense().astype(count_type).tobytes()
        head = _header(self.size, self.cells.size, count_type, cell_type)
        return head + self.cells.astype(cell_type).tobytes() + self.counts.astype(count_type).tobytes()

    @classmethod
    def decode(cls, data: bytes) -> CountTable:
        """Read what `encode` wrote."""
        size, n_cells, count_bytes, cell_bytes = (int(part) for part in np.frombuffer(data, dtype="<i8", count=4))
        body = data[32:]
        if n_cells == 0:
            return (
                cls.from_dense(np.frombuffer(body, dtype=f"<u{count_bytes}").astype(np.int64))
                if body
                else cls._empty(size)
            )
        split = n_cells * cell_bytes
        cells = np.frombuffer(body[:split], dtype=f"<u{cell_bytes}").astype(np.int64)
        counts = np.frombuffer(body[split:], dtype=f"<u{count_bytes}").astype(np.int64)
        return cls(size=size, cells=cells, counts=counts)

    @classmethod
    def _empty(cls, size: int) -> CountTable:
        nothing = np.empty(0, dtype=np.int64)
        return cls(size=size, cells=nothing, counts=nothing)


def _smallest(values: Ints) -> np.dtype[np.unsignedinteger]:
    return np.min_scalar_type(int(values.max()) if values.size else 0).newbyteorder("<")


def _header(
    size: int, n_cells: int, count_type: np.dtype[np.unsignedinteger], cell_type: np.dtype[np.unsignedinteger]
) -> bytes:
    return np.array([size, n_cells, count_type.itemsize, cell_type.itemsize], dtype="<i8").tobytes()


def total_of_sums(parts: Iterable[Floats]) -> Floats:
    """The exactly rounded total of real-valued sums, given batch by batch in id order.

    Examples
    --------
    >>> total_of_sums([np.array([1e16]), np.array([1.0]), np.array([-1e16])]).tolist()
    [1.0]
    """
    stacked = np.stack(list(parts))
    flat = stacked.reshape(stacked.shape[0], -1)
    return np.array([_exact_sum(column) for column in flat.T]).reshape(stacked.shape[1:])


def _exact_sum(values: Floats) -> float:
    try:
        return math.fsum(values)
    except (OverflowError, ValueError):  # too large for a float, or infinities of both signs
        with np.errstate(over="ignore", invalid="ignore"):
            return float(values.sum())
