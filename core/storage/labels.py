"""Late labels joined to the records of a batch: the one that was known last stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.record import ID, LABEL, LABEL_TIME
from core.storage.identifiers import IdQuery

__all__ = ["NEVER", "LateLabels", "first_label_times", "labelled_records"]

Ints = NDArray[np.int64]
NEVER = np.iinfo(np.int64).min
LATEST = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LateLabels:
    """Late labels of a batch: ascending row numbers, and the label that stands for each."""

    rows: Ints
    labels: pa.Array
    times: Ints

    @classmethod
    def of(cls, batch: Path, label_files: Iterable[Path]) -> LateLabels:
        """The labels that these files, in the order they came in, hold for the records of a batch.

        Of several labels for one record the one with the latest label time stands; among equals, and
        among those that name no time, the one that came in last.
        """
        rows, times, labels = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)], []
        for path in label_files:
            table = pq.read_table(path, columns=[ID, LABEL, LABEL_TIME])
            found, places = _last_known(table, batch)
            rows.append(found)
            times.append(_micros(table[LABEL_TIME])[places])
            labels.append(table[LABEL].combine_chunks().take(pa.array(places)))
        if not labels:
            return cls(rows=rows[0], labels=pa.array([], type=pa.string()), times=times[0])
        row, time = np.concatenate(rows), np.concatenate(times)
        order = np.lexsort((np.arange(row.size), time, row))
        last = np.ones(row.size, dtype=bool)
        last[:-1] = row[order][1:] != row[order][:-1]
        chosen = order[last]
        return cls(rows=row[chosen], labels=pa.concat_arrays(labels).take(pa.array(chosen)), times=time[chosen])

    def apply(self, records: pa.Table, first_row: int) -> pa.Table:
        """Records, of which the first is row `first_row` of its batch, with late labels in place."""
        start, stop = np.searchsorted(self.rows, [first_row, first_row + records.num_rows])
        if start == stop:
            return records
        places = self.rows[start:stop] - first_row
        if LABEL_TIME in records.column_names:
            newer = self.times[start:stop] >= _micros(records[LABEL_TIME])[places]
        else:
            newer = np.ones(places.size, dtype=bool)
        mask = np.zeros(records.num_rows, dtype=bool)
        mask[places[newer]] = True
        late = self.labels.slice(start, stop - start).filter(pa.array(newer))
        own = records[LABEL].combine_chunks()
        if pa.types.is_dictionary(own.type):
            own = own.dictionary_decode()
        merged = pa.compute.replace_with_mask(own.cast(late.type), pa.array(mask), late)
        return records.set_column(records.column_names.index(LABEL), LABEL, merged)


def labelled_records(
    records: Path, label_files: Iterable[Path], columns: Sequence[str], *, rows: Ints | None = None
) -> pa.Table:
    """Stored records with the labels that stand; of the columns, those that the file has.

    Parameters
    ----------
    rows : int array or None
        Row numbers, ascending; all rows by default.
    """
    present = set(pq.read_schema(records).names)
    table = pq.read_table(records, columns=[name for name in columns if name in present])
    if LABEL in table.column_names:
        table = LateLabels.of(records, label_files).apply(table, 0)
    return table if rows is None else table.take(pa.array(rows))


def first_label_times(records: Path, label_files: Iterable[Path]) -> Ints:
    """When a label of each stored record was first known, microseconds since 1970.

    The least int64 where there is no label, or where none names its time.
    """
    file = pq.ParquetFile(records)
    first = np.full(file.metadata.num_rows, LATEST)
    if {LABEL, LABEL_TIME} <= set(file.schema_arrow.names):
        own = file.read(columns=[LABEL, LABEL_TIME])
        times = _micros(own[LABEL_TIME])
        known = np.asarray(own[LABEL].is_valid()) & (times != NEVER)
        first[known] = times[known]
    for path in label_files:
        table = pq.read_table(path, columns=[ID, LABEL_TIME])
        times = _micros(table[LABEL_TIME])
        order = np.argsort(-times[times != NEVER], kind="stable")  # of an id named twice the last place is found
        timed = np.flatnonzero(times != NEVER)[order]
        rows, places = IdQuery.of(table[ID].combine_chunks().take(pa.array(timed))).find(records)
        first[rows] = np.minimum(first[rows], times[timed[places]])
    return np.where(first == LATEST, NEVER, first)


def _last_known(table: pa.Table, batch: Path) -> tuple[Ints, Ints]:
    """(row of the batch, place in the label table) of the label of each id that was known last."""
    order = np.lexsort((np.arange(table.num_rows), _micros(table[LABEL_TIME])))
    found, places = IdQuery.of(table[ID].combine_chunks().take(pa.array(order))).find(batch)
    return found, order[places]


def _micros(times: pa.ChunkedArray) -> Ints:
    return np.asarray(times.cast(pa.int64()).fill_null(NEVER).to_numpy(), dtype=np.int64)
