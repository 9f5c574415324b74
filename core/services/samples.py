"""Rows that are kept at hand for what counts can't answer: a sample of every window, drawn by the hash of ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.governance.identity import Actor, Right, allowed
from core.profile.fitting import stored_columns
from core.profile.sample import sampled_rows
from core.profile.windows import WindowPlan
from core.record import ID, LINE, SHADOW, TIMESTAMP, VARIANT, BatchRole
from core.schema import ModelSchema
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.identifiers import HASH
from core.storage.labels import NEVER, first_label_times, labelled_records
from core.storage.repository import Repository
from core.storage.tables import BatchRow

__all__ = ["FIRST_LABEL", "WINDOW", "SampleService", "read_sample", "sampled_windows"]

WINDOW = "@window"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIRST_LABEL = "@first_label"
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleService:
    """Sampled records with the labels that are known of them."""

    database: Database
    files: WorkspaceFiles

    @allowed(Right.READ)
    def rows(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        model: str,
        *,
        role: BatchRole = BatchRole.PRODUCTION,
        windows: Iterable[int] | None = None,
        version: str | None = None,
        label_times: bool = False,
    ) -> pd.DataFrame:
        """The sampled rows of some windows, at most `sample.rows` of the schema each.

        Parameters
        ----------
        role : BatchRole
            The reference's or production's.
        windows : iterable of int, optional
            Window keys; all windows by default.
        version : str, optional
            Only rows that this version served.
        label_times : bool
            Whether to add '@first_label', when a label of each row was first known.

        Returns
        -------
        DataFrame
            One row a record: the stored columns (features and attributes by their names, '@score',
            '@prediction', '@label', ...) and '@window', the key of its window. Shadow traffic is left out.
        """
        with self.database.read() as session:
            row = Repository(session).model(model)
            schema = Repository(session).schema(row)
            repository = Repository(session)
            is_reference = role is BatchRole.REFERENCE
            batches = repository.reference(row) if is_reference else repository.batches(row, roles=[role])
            table = read_sample(session, self.files, batches, schema, label_times=label_times)
        frame: pd.DataFrame = table.to_pandas()
        if windows is not None:
            frame = frame[frame[WINDOW].isin(list(windows))]
        if version is not None:
            frame = frame[frame["@version"] == version]
        return frame.reset_index(drop=True)


def read_sample(
    session: Session,
    files: WorkspaceFiles,
    batches: Iterable[BatchRow],
    schema: ModelSchema,
    *,
    label_times: bool = False,
) -> pa.Table:
    """The sample of some batches together, with the labels that stand; '@window' is the key of each row's window."""
    repository, plan = Repository(session), WindowPlan.of(schema.window, schema.timezone)
    columns = list(dict.fromkeys([ID, HASH, LINE, *stored_columns(schema)]))
    parts = []
    for batch in batches:
        sample = repository.sample(batch)
        if sample is None:
            continue
        labels = [files.path(label.labels_sha256) for label in repository.label_batches_of(batch)]
        table = labelled_records(files.path(sample.sha256), labels, columns)
        if label_times:
            first = first_label_times(files.path(sample.sha256), labels)
            times = pa.array(first, mask=first == NEVER).cast(pa.timestamp("us", tz="UTC"))
            table = table.append_column(FIRST_LABEL, times)
        parts.append(table.append_column(WINDOW, pa.array(_keys(plan, batch, table, files))))
    if not parts:
        return pa.table({name: pa.array([], type=pa.string()) for name in (*columns, WINDOW)})
    table = pa.concat_tables(parts, promote_options="permissive")
    if VARIANT in table.column_names:
        live = pa.compute.fill_null(pa.compute.not_equal(table[VARIANT], SHADOW), True)
        table = table.filter(live)
    hashes = np.asarray(table[HASH].to_numpy(), dtype=np.uint64)
    windows = np.asarray(table[WINDOW].to_numpy(), dtype=np.int64)
    kept = sampled_rows(hashes, windows, limit=schema.sample.rows)
    return table.take(pa.array(kept)).drop_columns([HASH])


def sampled_windows(
    session: Session, batches: Iterable[BatchRow], schema: ModelSchema
) -> dict[int, dict[str, BatchRow]]:
    """The windows that samples may hold rows of, by key: the batches, by the digest of each one's sample.

    Told from when a batch begins and ends, so that what is made of a window's sample need not be read to be known.
    """
    repository, plan = Repository(session), WindowPlan.of(schema.window, schema.timezone)
    found: dict[int, dict[str, BatchRow]] = {}
    for batch in batches:
        sample = repository.sample(batch)
        if sample is None:
            continue
        if plan.unit is None:
            keys = np.unique(plan.keys_of_rows(batch.first_row, batch.n_rows))
        elif batch.first_at is None or batch.last_at is None:
            continue
        else:
            ends = np.array([(at - EPOCH) // timedelta(microseconds=1) for at in (batch.first_at, batch.last_at)])
            first, last = plan.keys_of_times(ends).tolist()
            keys = np.array([window.key for window in plan.between(first, last)], dtype=np.int64)
        for key in keys.tolist():
            found.setdefault(key, {})[sample.sha256] = batch
    return found


def _keys(plan: WindowPlan, batch: BatchRow, table: pa.Table, files: WorkspaceFiles) -> Ints:
    """The window of each sampled row; windows of N rows need the place of each row in its batch."""
    if plan.unit is not None:
        return plan.keys_of_times(np.asarray(table[TIMESTAMP].cast(pa.int64()).to_numpy(), dtype=np.int64))
    import pyarrow.parquet as pq

    ids = pq.read_table(files.path(batch.records_sha256), columns=[HASH])[HASH].to_numpy()
    order = np.argsort(ids, kind="stable")
    sampled = np.asarray(table[HASH].to_numpy(), dtype=np.uint64)
    places = order[np.searchsorted(ids, sampled, sorter=order)]
    return plan.keys_of_rows(batch.first_row, batch.n_rows)[places]
