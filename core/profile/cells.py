"""What a database answers to one expression over a table: cells with their counts and sums, put together by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.profile.arithmetic import Total

__all__ = ["Cells", "Floats", "Ints", "ints_of", "summed"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """What came back of one expression: one row a cell of a key, with its count and its sums (n_rows, n_sums)."""

    window: Ints
    version: Ints
    versions: Sequence[str]
    segments: Mapping[str, Ints]
    cell: Ints
    n: Ints
    sums: Floats

    @classmethod
    def of(cls, answer: pa.Table, cell: Ints, totals: Sequence[Total], segments: Sequence[str]) -> Cells:
        """The answer to one expression, `cell` being the cell of each of its rows."""
        names = answer["version"].to_pylist()
        versions = sorted(set(names))
        code = {name: place for place, name in enumerate(versions)}
        sums = [_sums(answer, place, total) for place, total in enumerate(totals)]
        return cls(
            window=ints_of(answer, "window"),
            version=np.array([code[name] for name in names], dtype=np.int64),
            versions=versions,
            segments={column: ints_of(answer, f"segment_{place}") for place, column in enumerate(segments)},
            cell=cell,
            n=ints_of(answer, "n"),
            sums=np.stack(sums, axis=1) if sums else np.empty((answer.num_rows, 0)),
        )

    def by_key(self, segment: str) -> Iterator[tuple[int, str, int, Ints, Ints, Floats]]:
        """Window, version and segment code of each key, with its cells, ascending, their counts and their sums."""
        if not self.n.size:
            return
        code = self.segments[segment] if segment else np.zeros_like(self.cell)
        order = np.lexsort((self.cell, code, self.version, self.window))
        keys = np.stack([self.window[order], self.version[order], code[order], self.cell[order]], axis=1)
        starts = np.flatnonzero(np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)]))
        n = np.add.reduceat(self.n[order], starts)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = np.add.reduceat(self.sums[order], starts, axis=0)
        keys = keys[starts]
        bounds = np.flatnonzero(np.concatenate([[True], (keys[1:, :3] != keys[:-1, :3]).any(axis=1)]))
        for first, last in zip(bounds, np.append(bounds[1:], n.size), strict=True):
            window, version, place, _ = keys[first].tolist()
            part = slice(first, last)
            yield window, self.versions[version], place, keys[part, 3], n[part], sums[part]


def summed(places: Ints, sums: Floats, size: int) -> Floats:
    """Sums of cells added up by another axis, shape (size, n_sums)."""
    table = np.zeros((size, sums.shape[1]))
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(table, places, sums)
    return table


def ints_of(answer: pa.Table, name: str) -> Ints:
    """A column of an answer as integers."""
    return np.asarray(answer[name].cast(pa.int64()).to_numpy(), dtype=np.int64)


def _sums(answer: pa.Table, place: int, total: Total) -> Floats:
    return total.value(lambda part: _numbers(answer, f"sum_{place}_{part}"))


def _numbers(answer: pa.Table, name: str) -> Floats:
    return np.asarray(answer[name].cast(pa.float64()).to_numpy(), dtype=np.float64)
