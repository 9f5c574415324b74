"""Find prediction ids in stored files: by hash first, then exactly, in memory that the query sets."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.record import ID

__all__ = ["HASH", "IdQuery", "duplicate_candidates", "hash_ids"]

HASH = "@id_hash"
HASHED_AT_ONCE = 65_536  # each byte of an id takes 24 more for a while
Hashes = NDArray[np.uint64]
Ints = NDArray[np.int64]

_MULTIPLIER = 0x9E3779B97F4A7C15 | 1
_INVERSE = pow(_MULTIPLIER, -1, 2**64)


def hash_ids(ids: pa.Array) -> Hashes:
    """A 64-bit hash of each string, the same on every machine; equal ids hash alike, others almost never.

    The hash is a polynomial over the UTF-8 bytes modulo 2^64, so one cumulative sum serves all strings.

    Examples
    --------
    >>> a, b, c = hash_ids(pa.array(["x1", "x2", "x1"]))
    >>> bool(a == c), bool(a == b)
    (True, False)
    """
    parts = [_hash_some(ids.slice(first, HASHED_AT_ONCE)) for first in range(0, len(ids), HASHED_AT_ONCE)]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def _hash_some(ids: pa.Array) -> Hashes:
    ids = ids.cast(pa.large_string())
    offsets = np.frombuffer(ids.buffers()[1], dtype=np.int64)[ids.offset : ids.offset + len(ids) + 1]
    start, stop = int(offsets[0]), int(offsets[-1])
    data = np.frombuffer(ids.buffers()[2] or b"", dtype=np.uint8)[start:stop].astype(np.uint64) + np.uint64(1)
    places = offsets - start
    powers = _powers(_MULTIPLIER, data.size + 1)
    prefix = np.concatenate([np.zeros(1, dtype=np.uint64), np.cumsum(data * powers[:-1], dtype=np.uint64)])
    lengths = np.diff(places).astype(np.uint64)
    shifted = (prefix[places[1:]] - prefix[places[:-1]]) * _powers(_INVERSE, data.size + 1)[places[:-1]]
    mixed = shifted ^ (lengths * np.uint64(0xC2B2AE3D27D4EB4F))
    mixed ^= mixed >> np.uint64(29)
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    return np.asarray(mixed ^ (mixed >> np.uint64(32)), dtype=np.uint64)


def _powers(base: int, n: int) -> Hashes:
    factors = np.full(n, base % 2**64, dtype=np.uint64)
    factors[0] = 1
    return np.cumprod(factors, dtype=np.uint64)


def duplicate_candidates(hashes: Hashes) -> Ints:
    """Places whose hash occurs more than once, ascending."""
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    same = np.zeros(hashes.size, dtype=bool)
    same[1:] = ordered[1:] == ordered[:-1]
    same[:-1] |= same[1:]
    return np.sort(order[same]).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class IdQuery:
    """Ids to look up in stored files."""

    ids: pa.Array
    hashes: Hashes

    @classmethod
    def of(cls, ids: pa.Array) -> IdQuery:
        """A query for these ids (strings without nulls)."""
        return cls(ids=ids, hashes=hash_ids(ids))

    def find(self, path: Path) -> tuple[Ints, Ints]:
        """Which of the ids a stored file holds: (row in the file, place in the query), pairwise.

        If the query names an id several times, each row is given with the last of its places.
        """
        wanted, first = np.unique(self.hashes[::-1], return_index=True)
        places = self.hashes.size - 1 - first
        rows, found = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        file = pq.ParquetFile(path)
        start = 0
        for index in range(file.num_row_groups):
            stored = _as_hashes(file.read_row_group(index, columns=[HASH])[HASH])
            at = np.minimum(np.searchsorted(wanted, stored), wanted.size - 1)
            hits = np.flatnonzero(wanted[at] == stored) if wanted.size else np.empty(0, dtype=np.int64)
            if hits.size:
                exact = self._confirm(file, index, hits, places[at[hits]])
                rows.append(start + hits[exact])
                found.append(places[at[hits]][exact])
            start += stored.size
        return np.concatenate(rows), np.concatenate(found)

    def _confirm(self, file: pq.ParquetFile, row_group: int, rows: Ints, places: Ints) -> NDArray[np.bool_]:
        """Whether the ids behind equal hashes are equal themselves."""
        stored = file.read_row_group(row_group, columns=[ID])[ID].take(pa.array(rows)).cast(pa.string()).to_pylist()
        asked = self.ids.take(pa.array(places)).cast(pa.string()).to_pylist()
        return np.array([left == right for left, right in zip(stored, asked, strict=True)], dtype=bool)


def _as_hashes(column: pa.ChunkedArray) -> Hashes:
    return (
        np.concatenate(
            [
                np.frombuffer(chunk.buffers()[1], dtype=np.uint64)[chunk.offset : chunk.offset + len(chunk)]
                for chunk in column.chunks
            ]
        )
        if column.num_chunks
        else np.empty(0, dtype=np.uint64)
    )
