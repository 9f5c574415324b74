"""Count tables and sums in the database: written with the batch they count, read window by window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from core.profile.counts import CountTable, total_of_sums
from core.profile.engines import CellKey
from core.record import BatchRole
from core.storage.tables import BatchRow, CountRow, SumRow

__all__ = ["StoredCounts", "delete_tables", "load_counts", "write_tables"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredCounts:
    """Tables by name and window key, batches added up."""

    windows: tuple[int, ...]
    counts: Mapping[str, Mapping[int, Ints]]
    sums: Mapping[str, Mapping[int, tuple[Floats, ...]]]

    def count(self, name: str, windows: Iterable[int], size: int) -> Ints:
        """Counts of a table over some windows, shape (size,); zeros where nothing was counted."""
        total = np.zeros(size, dtype=np.int64)
        by_window = self.counts.get(name, {})
        for window in windows:
            if window in by_window:
                total += by_window[window]
        return total

    def total(self, name: str, windows: Iterable[int], shape: tuple[int, ...]) -> Floats:
        """Sums of a table over some windows, shape as given: exactly rounded, batch by batch."""
        by_window = self.sums.get(name, {})
        parts = [part.reshape(shape) for window in windows for part in by_window.get(window, ())]
        return total_of_sums(parts) if parts else np.zeros(shape)


def write_tables(
    session: Session,
    *,
    profile_id: int,
    batch_id: int,
    counts: Mapping[tuple[CellKey, str], CountTable],
    sums: Mapping[tuple[CellKey, str], Floats],
) -> None:
    """Store the tables of one batch."""
    count_rows = [
        {**_key(profile_id, batch_id, key, name), "n": table.n, "data": table.encode()}
        for (key, name), table in counts.items()
    ]
    sum_rows = [
        {**_key(profile_id, batch_id, key, name), "data": values.astype("<f8").tobytes()}
        for (key, name), values in sums.items()
    ]
    if count_rows:
        session.execute(insert(CountRow), count_rows)
    if sum_rows:
        session.execute(insert(SumRow), sum_rows)


def delete_tables(
    session: Session,
    *,
    batch_id: int,
    profile_id: int | None = None,
    windows: Sequence[int] | None = None,
    names: Collection[str] | None = None,
) -> None:
    """Delete tables of a batch: all of them, or those of a profile, some windows and some names."""
    for row in (CountRow, SumRow):
        query = delete(row).where(row.batch_id == batch_id)
        if profile_id is not None:
            query = query.where(row.profile_id == profile_id)
        if windows is not None:
            query = query.where(row.window.in_(windows))
        if names is not None:
            query = query.where(row.name.in_(names))
        session.execute(query)


def load_counts(
    session: Session,
    *,
    profile_id: int,
    role: BatchRole,
    segment: str = "",
    version: str | None = None,
    names: Collection[str] | None = None,
    batch_ids: Collection[int] | None = None,
) -> StoredCounts:
    """Tables of all live batches of a role, added up by window; of one version or of all.

    `names` says which; by default all but those of groups within groups.
    """
    counts: dict[str, dict[int, Ints]] = {}
    sums: dict[str, dict[int, tuple[Floats, ...]]] = {}
    windows: set[int] = set()
    for row in (CountRow, SumRow):
        query = (
            select(row.window, row.name, row.data)
            .join(BatchRow, BatchRow.id == row.batch_id)
            .where(row.profile_id == profile_id, row.segment == segment, BatchRow.role == role)
            .where(BatchRow.retracted_at.is_(None))
            .order_by(row.batch_id, row.version)
        )
        if version is not None:
            query = query.where(row.version == version)
        if names is not None:
            query = query.where(row.name.in_(names))
        else:  # groups within groups are many cells, and only who asks for them by name needs them
            query = query.where(row.name.not_like("joint/@%"), row.name.not_like("loss/@%"))
        if batch_ids is not None:
            query = query.where(row.batch_id.in_(batch_ids))
        for window, name, data in session.execute(query):
            windows.add(window)
            if row is CountRow:
                table = CountTable.decode(data)
                by_window = counts.setdefault(name, {})
                if window in by_window:
                    table.add_to(by_window[window])
                else:
                    by_window[window] = table.dense()
            else:
                values = np.frombuffer(data, dtype="<f8")
                sums_by_window = sums.setdefault(name, {})
                sums_by_window[window] = (*sums_by_window.get(window, ()), values)
    return StoredCounts(windows=tuple(sorted(windows)), counts=counts, sums=sums)


def _key(profile_id: int, batch_id: int, key: CellKey, name: str) -> dict[str, object]:
    return {
        "profile_id": profile_id,
        "batch_id": batch_id,
        "window": key.window,
        "version": key.version,
        "segment": key.segment,
        "name": name,
    }
