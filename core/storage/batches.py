"""One batch on its way in: written block by block beside the store, then freed of duplicate ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.logs.validation import REJECTS
from core.record import ID, LINE, TIMESTAMP, VERSION
from core.storage.files import ROW_GROUP, sha256_of, write_parquet
from core.storage.identifiers import HASH, IdQuery, duplicate_candidates, hash_ids

__all__ = ["StagedBatch", "StagedRows", "read_records", "take_rows"]

Ints = NDArray[np.int64]
QUARTER = 900_000_000
IDS_AT_ONCE = 2_000_000  # that other files are read for
NOT_CONTENT = frozenset({LINE, HASH})


@dataclass(slots=True, kw_only=True)
class StagedRows:
    """Rows and rejects of one source, in a staging folder until a database row adopts them."""

    folder: Path
    n_rows: int = 0
    rejects: list[pa.Table] = field(default_factory=list)
    _writer: pq.ParquetWriter | None = None
    _hashes: list[NDArray[np.uint64]] = field(default_factory=list)

    @property
    def path(self) -> Path:
        """Where the rows lie."""
        return self.folder / "rows.parquet"

    @property
    def rejects_path(self) -> Path:
        """Where the rejects lie, once `digests` was called."""
        return self.folder / "rejects.parquet"

    @property
    def n_rejected(self) -> int:
        """How many rows were set aside; a row with several problems counts once."""
        lines = {line for table in self.rejects for line in table["line"].to_pylist()}
        return len(lines)

    def write(self, rows: pa.Table, rejects: pa.Table) -> None:
        """Add the rows and rejects of one block."""
        if rejects.num_rows:
            self.rejects.append(rejects)
        if self._writer is None:
            fields = [*rows.schema, pa.field(HASH, pa.uint64())]
            self._writer = pq.ParquetWriter(self.path, pa.schema(fields), compression="zstd")
        if rows.num_rows == 0:
            return
        hashes = hash_ids(rows[ID].combine_chunks())
        self._hashes.append(hashes)
        self._writer.write_table(rows.append_column(HASH, pa.array(hashes)), row_group_size=ROW_GROUP)
        self.n_rows += rows.num_rows

    def close(self) -> None:
        """No more blocks come."""
        if self._writer is not None:
            self._writer.close()

    def digests(self) -> tuple[str, str | None]:
        """Digests of the rows' file and, if any row was set aside, of the rejects' file."""
        if not self.rejects:
            return sha256_of(self.path), None
        rejects = pa.concat_tables(self.rejects).sort_by([("line", "ascending"), ("column", "ascending")])
        write_parquet(self.rejects_path, rejects)
        return sha256_of(self.path), sha256_of(self.rejects_path)

    def last_time(self, column: str) -> datetime | None:
        """The latest instant in a column."""
        return None if not self.n_rows else pc.max(pq.read_table(self.path, columns=[column])[column]).as_py()


@dataclass(slots=True, kw_only=True)
class StagedBatch(StagedRows):
    """Records on their way in; ids are unique among them once closed.

    `duplicate_times`: rows whose id was known already, by the quarter of an hour they were served in
    (microseconds since 1970), so that they can be counted by any window of any time zone.
    """

    n_duplicates: int = 0
    duplicate_times: Counter[int] = field(default_factory=Counter)
    first_at: datetime | None = None
    last_at: datetime | None = None

    def close(self) -> None:
        """No more blocks come; duplicates within the batch are dropped or rejected."""
        super(StagedBatch, self).close()  # named: slots make the class anew
        if not self.n_rows:
            return
        candidates = duplicate_candidates(np.concatenate(self._hashes))
        if candidates.size:
            rows = take_rows(self.path, candidates)
            ids = rows[ID].to_pylist()
            first: dict[str, int] = {}
            pairs = [(place, first.setdefault(key, place)) for place, key in enumerate(ids)]
            later = [(place, original) for place, original in pairs if place != original]
            if later:
                copies, originals = (np.array(part, dtype=np.int64) for part in zip(*later, strict=True))
                self._drop(
                    candidates[copies], rows.take(pa.array(copies)), rows.take(pa.array(originals)), "in this file"
                )
        self._find_times()

    def drop_known(self, others: Iterable[tuple[str, Path]]) -> None:
        """Drop rows whose id another batch holds already: silently if they are equal, else to the rejects."""
        for name, path in others:
            if not self.n_rows:
                return
            stored, staged = self._known_to(path)
            if staged.size:
                order = np.argsort(staged)
                self._drop(
                    staged[order], take_rows(self.path, staged[order]), take_rows(path, stored[order]), f"in {name}"
                )
        self._find_times()

    def _known_to(self, path: Path) -> tuple[Ints, Ints]:
        """Which ids a stored file holds already: (row there, row here), pairwise."""
        there, here = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
        first = 0
        for ids in _ids_of(self.path):
            stored, places = IdQuery.of(ids).find(path)
            there.append(stored)
            here.append(places + first)
            first += len(ids)
        return np.concatenate(there), np.concatenate(here)

    def _drop(self, rows: Ints, copies: pa.Table, originals: pa.Table, where: str) -> None:
        """Take `rows` out of the records; those that differ from their originals become rejects."""
        differs = ~_equal_rows(copies, originals)
        self.n_duplicates += int((~differs).sum())
        times = copies[TIMESTAMP].cast(pa.int64()).drop_null().to_numpy()
        self.duplicate_times.update((times // QUARTER * QUARTER).tolist())
        if differs.any():
            self.rejects.append(_as_rejects(copies.filter(pa.array(differs)), where))
        keep = np.ones(self.n_rows, dtype=bool)
        keep[rows] = False
        self._rewrite(keep)

    def _rewrite(self, keep: NDArray[np.bool_]) -> None:
        target = self.folder / "kept.parquet"
        file = pq.ParquetFile(self.path)
        start = 0
        with pq.ParquetWriter(target, file.schema_arrow, compression="zstd") as writer:
            for index in range(file.num_row_groups):
                rows = file.read_row_group(index)
                mask = keep[start : start + rows.num_rows]
                start += rows.num_rows
                if mask.any():
                    writer.write_table(rows.filter(pa.array(mask)), row_group_size=ROW_GROUP)
        target.replace(self.path)
        self.n_rows = int(keep.sum())

    def _find_times(self) -> None:
        self.first_at = self.last_at = None
        if self.n_rows:
            bounds = [pc.min_max(rows[TIMESTAMP]) for rows in read_records(self.path, [TIMESTAMP])]
            self.first_at = min((part["min"].as_py() for part in bounds if part["min"].is_valid), default=None)
            self.last_at = max((part["max"].as_py() for part in bounds if part["max"].is_valid), default=None)


def take_rows(path: Path, rows: Ints) -> pa.Table:
    """Rows of a stored file by number, in the order asked for; only their row groups are read."""
    file = pq.ParquetFile(path)
    sizes = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    starts = np.concatenate([[0], np.cumsum(sizes)])
    group = np.searchsorted(starts, rows, side="right") - 1
    places = [np.flatnonzero(group == index) for index in np.unique(group)]
    parts = [
        file.read_row_group(int(group[some[0]])).take(pa.array(rows[some] - starts[group[some[0]]])) for some in places
    ]
    if not parts:
        return file.schema_arrow.empty_table()
    table = pa.concat_tables(parts)
    order = np.concatenate(places)
    return table if (order[1:] > order[:-1]).all() else table.take(pa.array(np.argsort(order)))


def _ids_of(path: Path) -> Iterator[pa.Array]:
    """The ids of a stored file, some row groups at a time."""
    file = pq.ParquetFile(path)
    some: list[pa.ChunkedArray] = []
    for index in range(file.num_row_groups):
        some.append(file.read_row_group(index, columns=[ID])[ID])
        if index + 1 == file.num_row_groups or sum(map(len, some)) >= IDS_AT_ONCE:
            yield pa.chunked_array([chunk for part in some for chunk in part.chunks], type=pa.string()).combine_chunks()
            some = []


def read_records(path: Path, columns: list[str] | None = None) -> Iterable[pa.Table]:
    """A stored file's row groups, in order; text comes dictionary-encoded, as counting wants it."""
    schema = pq.read_schema(path)
    text = [column.name for column in schema if pa.types.is_string(column.type) and column.name != ID]
    file = pq.ParquetFile(path, read_dictionary=text)
    present = None if columns is None else [name for name in columns if name in schema.names]
    for index in range(file.num_row_groups):
        yield file.read_row_group(index, columns=present)


def _equal_rows(left: pa.Table, right: pa.Table) -> NDArray[np.bool_]:
    """Whether each row says the same in both tables, in the columns both have; null equals null."""
    equal = np.ones(left.num_rows, dtype=bool)
    for name in left.column_names:
        if name in NOT_CONTENT or name not in right.column_names:
            continue
        same = pc.fill_null(pc.equal(left[name], right[name]), False)
        same = pc.or_(same, pc.and_(pc.is_null(left[name]), pc.is_null(right[name])))
        equal &= np.asarray(same.combine_chunks().to_numpy(zero_copy_only=False), dtype=bool)
    return equal


def _as_rejects(rows: pa.Table, where: str) -> pa.Table:
    content = [name for name in rows.column_names if name not in NOT_CONTENT]
    raw = [str({name: row[name] for name in content}) for row in rows.to_pylist()]
    n = rows.num_rows
    message = f"stands {where} with other content; late labels are added with `plumbline labels`"
    return pa.table(
        {
            "line": rows[LINE],
            "column": pa.array([""] * n),
            "reason": pa.array(["duplicate id with different content"] * n),
            "message": pa.array([f"id {key!r} {message}" for key in rows[ID].to_pylist()]),
            "raw": pa.array([text[:1000] for text in raw]),
            "timestamp": rows[TIMESTAMP],
            "version": rows[VERSION],
            "row_before": pa.nulls(n, pa.int64()),
        },
        schema=REJECTS,
    )
