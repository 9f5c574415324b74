"""Keep count tables up with records and labels: what is new is counted, nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.governance.identity import Actor, Right, allowed
from core.profile.engines import CellKey, Tally
from core.profile.fitting import ReadColumn, fit_profile, stored_columns
from core.profile.sample import sampled_of_parts
from core.profile.size import ProfileSize, size_of
from core.profile.spec import ProfileSpec, outcome_tables
from core.profile.windows import WindowPlan
from core.record import TIMESTAMP
from core.schema import ModelSchema
from core.services.estimate_samples import update_estimate_samples
from core.services.observations import profile_in_force
from core.services.reference import basis_in_force, profile_basis
from core.services.sampled_series import update_series
from core.services.watching import WatchService
from core.storage.alerting import SampleRow
from core.storage.batches import read_records, take_rows
from core.storage.counts import delete_tables, write_tables
from core.storage.database import Database
from core.storage.files import WorkspaceFiles, sha256_of, write_parquet
from core.storage.identifiers import HASH
from core.storage.labels import LateLabels
from core.storage.repository import COUNTED_ROLES, Repository
from core.storage.tables import BatchRow, LabelBatchRow, ModelRow, ProfiledBatchRow, ProfileRow

__all__ = ["SAMPLES", "ProfileService", "Recount"]

UNREADABLE = ("unparseable", "unreadable value", "unknown class", "score outside")

Ints = NDArray[np.int64]
Progress = Callable[[str, int, int], None]
SAMPLES = "the sampled rows of its windows"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recount:
    """How far counting on a new reference or schema is, while numbers on the one before are shown."""

    basis: str
    n_counted: int
    n_batches: int

    @property
    def words(self) -> str:
        """A sentence or two on what is shown meanwhile."""
        done = f"{self.n_counted:,} of {self.n_batches:,} batches are counted on the new reference or schema"
        if self.n_counted == self.n_batches:
            done = "All batches are counted on the new reference or schema, and their sampled rows are looked at"
        return f"{done}. Until that is done, numbers on the one before are shown."


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileService:
    """Count tables of every live batch, on the bins of the reference."""

    database: Database
    files: WorkspaceFiles
    watch: WatchService
    clock: Callable[[], datetime]

    @allowed(Right.INGEST)
    def refresh(self, actor: Actor, model: str, *, progress: Progress | None = None) -> str | None:
        """Count what isn't counted yet and judge it; the digest of the profile in force, None without a reference.

        A new reference or schema makes a new profile, for which all batches are counted anew, and which comes in
        force when that is done; late labels recount the outcomes of just the windows they touch. `progress` is told
        what is done, and how many of how many: first of batches, then of windows with rows kept at hand.
        """
        profile = self._fitted(model)
        if profile is None:
            return None
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            schema, batches = repository.schema(row), repository.batches(row)
        spec = ProfileSpec.from_json(profile.spec)
        with self.database.read() as session:
            marks, newest = Repository(session).profiled(profile), Repository(session).label_marks(row)
        for done, batch in enumerate(batches):
            if batch.source_id is not None:  # counted where its table lies, by SourceService
                continue
            if marks.get(batch.id) != newest.get(batch.id, 0):
                with self.database.read() as session:
                    labels = Repository(session).label_batches_of(batch)
                mark = max((label.id for label in labels), default=0)
                counter = _Counter(files=self.files, spec=spec, schema=schema, batch=batch, labels=labels)
                if batch.id in marks:
                    self._recount(profile, counter, marks[batch.id], mark)
                else:
                    self._count(profile, counter, mark)
            if progress is not None:
                progress(batch.source_name, done + 1, len(batches))
        looked = None if progress is None else partial(progress, SAMPLES)
        update_series(self.database, self.files, row, profile, progress=looked)
        update_estimate_samples(self.database, self.files, row, profile)
        with self.database.write(f"profile {profile.id}") as session:
            counted = session.get_one(ProfileRow, profile.id)
            counted.finished_at = counted.finished_at or self.clock()
        self.watch.update(actor, model)
        return profile.digest

    @allowed(Right.INGEST)
    def fit(self, actor: Actor, model: str) -> str | None:  # noqa: ARG002 (every service call takes the actor)
        """Make the bins of the reference in force, and count nothing; their digest, None without a reference."""
        profile = self._fitted(model)
        return None if profile is None else profile.digest

    @allowed(Right.READ)
    def recount(self, actor: Actor, model: str) -> Recount | None:  # noqa: ARG002
        """How far all is counted anew for a new reference or schema; None where that in force is what is shown."""
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            shown, basis = profile_in_force(repository, row), basis_in_force(session, row)
            if shown is None or shown.basis == basis or not sum(batch.n_rows for batch in repository.reference(row)):
                return None
            new, live = repository.profile(row, basis), {batch.id for batch in repository.batches(row)}
            counted = set() if new is None else live & repository.profiled(new).keys()
            return Recount(basis=basis, n_counted=len(counted), n_batches=len(live))

    @allowed(Right.READ)
    def size(self, actor: Actor, model: str) -> ProfileSize | None:  # noqa: ARG002 (every service call takes the actor)
        """How many counters the profile in force has at most and what it cuts; None where there is no profile."""
        with self.database.read() as session:
            repository = Repository(session)
            profile = profile_in_force(repository, repository.model(model))
            return None if profile is None else size_of(ProfileSpec.from_json(profile.spec))

    def _fitted(self, model: str) -> ProfileRow | None:
        """The profile of the reference in force; None without one."""
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            schema, reference = repository.schema(row), repository.reference(row)
        return self._profile(row, schema, reference) if sum(batch.n_rows for batch in reference) else None

    def _profile(self, model: ModelRow, schema: ModelSchema, reference: Sequence[BatchRow]) -> ProfileRow:
        """The profile for this schema and reference, fitted if there is none yet."""
        digests = [batch.records_sha256 for batch in reference]
        basis = profile_basis(schema.digest, digests)
        with self.database.read() as session:
            found = Repository(session).profile(model, basis)
        if found is not None:
            return found
        opened = [pq.ParquetFile(self.files.path(digest)) for digest in digests]
        stored = [(file, set(file.schema_arrow.names)) for file in opened]  # read once: footers of wide files are long

        def read(column: str) -> pa.ChunkedArray:
            types = (file.schema_arrow.field(column).type for file, names in stored if column in names)
            absent = next(types, pa.string())  # older records may lack a column that the schema gained since
            chunks = [
                file.read(columns=[column]).column(column)
                if column in names
                else pa.chunked_array([pa.nulls(file.metadata.num_rows, absent)])
                for file, names in stored
            ]
            return pa.chunked_array([chunk for column in chunks for chunk in column.chunks], type=absent)

        spec = fit_profile(schema, read, windows=_windows(schema, reference, read), reference_digests=digests)
        with self.database.write(f"model {model.id}") as session:
            repository = Repository(session)
            found = repository.profile(model, basis)  # another process may have fitted it meanwhile
            if found is None:
                found = ProfileRow(
                    model_id=model.id, basis=basis, digest=spec.digest, spec=spec.to_json(), created_at=self.clock()
                )
                session.add(found)
                session.flush()
                session.refresh(found)
            session.expunge(found)
            return found

    def _count(self, profile: ProfileRow, counter: _Counter, mark: int) -> None:
        tally = counter.count()
        with self.files.staging() as folder:
            sample = counter.sample(folder / "sample.parquet")
            with self.database.write(f"profile {profile.id}") as session:
                if not _is_live(session, counter.batch) or _mark(session, profile, counter.batch) is not None:
                    return
                write_tables(
                    session, profile_id=profile.id, batch_id=counter.batch.id, counts=tally.counts, sums=tally.sums
                )
                session.add(ProfiledBatchRow(profile_id=profile.id, batch_id=counter.batch.id, label_mark=mark))
                if sample is not None:
                    self._keep(session, counter.batch, *sample)

    def _keep(self, session: Session, batch: BatchRow, path: Path, n_rows: int) -> None:
        """Keep a batch's sample in place of the one it may have."""
        sha256 = sha256_of(path)
        kept = session.get(SampleRow, batch.id)
        if kept is None:
            session.add(SampleRow(batch_id=batch.id, sha256=sha256, n_rows=n_rows))
        else:
            kept.sha256, kept.n_rows = sha256, n_rows
        self.files.adopt(path, sha256)

    def _recount(self, profile: ProfileRow, counter: _Counter, before: int, mark: int) -> None:
        """Outcomes anew for the windows that labels after `before` touch."""
        windows = counter.windows_touched(after=before)
        tally = counter.count(windows)
        with self.database.write(f"profile {profile.id}") as session:
            marker = _mark(session, profile, counter.batch)
            if marker is None or marker.label_mark != before:
                return
            delete_tables(
                session,
                batch_id=counter.batch.id,
                profile_id=profile.id,
                windows=windows.tolist(),
                names=outcome_tables(counter.spec),
            )
            write_tables(
                session, profile_id=profile.id, batch_id=counter.batch.id, counts=tally.counts, sums=tally.sums
            )
            marker.label_mark = mark


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counter:
    """Counts one batch: its records with the labels that stand, and its rejects."""

    files: WorkspaceFiles
    spec: ProfileSpec
    schema: ModelSchema
    batch: BatchRow
    labels: Sequence[LabelBatchRow]

    def count(self, windows: Ints | None = None) -> Tally:
        """All tables of the batch; given windows, just what depends on labels and only there."""
        tally = Tally(spec=self.spec, schema=self.schema, outcomes_only=windows is not None)
        late = LateLabels.of(self._path, [self.files.path(label.labels_sha256) for label in self.labels])
        row = 0
        for stored in read_records(self._path, stored_columns(self.schema)):
            keys = self._keys(stored, row)
            records = self._complete(late.apply(stored, row))
            if windows is None:
                tally.add(records, keys)
            else:
                inside = np.isin(keys, windows)
                tally.add(records.filter(pa.array(inside)), keys[inside])
            row += stored.num_rows
        if windows is None:
            self._add_rejects(tally)
        return tally

    def windows_touched(self, *, after: int) -> Ints:
        """Keys of the windows whose records got labels from label batches after `after`."""
        new = [self.files.path(label.labels_sha256) for label in self.labels if label.id > after]
        rows = LateLabels.of(self._path, new).rows
        touched = [np.empty(0, dtype=np.int64)]
        row = 0
        for records in read_records(self._path, [TIMESTAMP]):
            inside = rows[(rows >= row) & (rows < row + records.num_rows)] - row
            touched.append(np.unique(self._keys(records, row)[inside]))
            row += records.num_rows
        return np.unique(np.concatenate(touched))

    def sample(self, path: Path) -> tuple[Path, int] | None:
        """Write the rows that are kept at hand to `path`: the file and how many; None if none are."""
        limit, file = self.schema.sample.rows, pq.ParquetFile(self._path)
        if not limit or not file.metadata.num_rows or self.batch.role not in COUNTED_ROLES:
            return None
        rows = sampled_of_parts(self._hashes_and_keys(file), limit=limit)
        write_parquet(path, take_rows(self._path, rows))
        return path, int(rows.size)

    def _hashes_and_keys(self, file: pq.ParquetFile) -> Iterator[tuple[NDArray[np.uint64], Ints]]:
        row = 0
        for index in range(file.num_row_groups):
            stored = file.read_row_group(index, columns=[HASH, TIMESTAMP])
            yield np.asarray(stored[HASH].to_numpy(), dtype=np.uint64), self._keys(stored, row)
            row += stored.num_rows

    @property
    def _path(self) -> Path:
        return self.files.path(self.batch.records_sha256)

    @property
    def _plan(self) -> WindowPlan:
        return WindowPlan.of(self.schema.window, self.schema.timezone)

    def _keys(self, records: pa.Table, row: int) -> Ints:
        """The window key of each record, of which the first is row `row` of the batch."""
        if self._plan.unit is None:
            return self._plan.keys_of_rows(self.batch.first_row + row, records.num_rows)
        micros = records[TIMESTAMP].cast(pa.int64())
        return self._plan.keys_of_times(np.asarray(micros.to_numpy(), dtype=np.int64))

    def _complete(self, records: pa.Table) -> pa.Table:
        """Records with a column of nulls for each that the schema has gained since they were stored."""
        present = set(records.column_names)
        for name in stored_columns(self.schema):
            if name not in present:
                records = records.append_column(name, pa.nulls(records.num_rows, pa.string()))
        return records

    def _add_rejects(self, tally: Tally) -> None:
        """Count the cells that could not be read, in the window and version of their row."""
        if self.batch.rejects_sha256 is None:
            return
        counts: Counter[tuple[CellKey, str]] = Counter()
        for reject in pq.read_table(self.files.path(self.batch.rejects_sha256)).to_pylist():
            column, key = reject["column"], self._key_of(reject)
            if key is not None and column in self.spec.columns and reject["reason"].startswith(UNREADABLE):
                counts[key, column] += 1
        for (key, column), n in counts.items():
            tally.add_invalid(key, column, n)

    def _key_of(self, reject: dict[str, Any]) -> CellKey | None:
        """Where a rejected row would have been counted; None if its time or version is unknown too."""
        version, moment, row = reject["version"], reject["timestamp"], reject["row_before"]
        if version is None or (moment if self._plan.unit else row) is None:
            return None
        if self._plan.unit is None:
            window = int(self._plan.keys_of_rows(self.batch.first_row + row, 1)[0])
        else:
            window = int(self._plan.keys_of_times(np.array([int(moment.timestamp() * 1e6)]))[0])
        return CellKey(window, version, "")


def _windows(schema: ModelSchema, batches: Sequence[BatchRow], read: ReadColumn) -> Ints:
    """The window of each row of the reference."""
    plan = WindowPlan.of(schema.window, schema.timezone)
    if plan.unit is None:
        return np.concatenate([plan.keys_of_rows(batch.first_row, batch.n_rows) for batch in batches])
    return plan.keys_of_times(np.asarray(read(TIMESTAMP).cast(pa.int64()).to_numpy(), dtype=np.int64))


def _is_live(session: Session, batch: BatchRow) -> bool:
    return session.scalar(select(BatchRow.retracted_at).where(BatchRow.id == batch.id)) is None


def _mark(session: Session, profile: ProfileRow, batch: BatchRow) -> ProfiledBatchRow | None:
    return session.get(ProfiledBatchRow, (profile.id, batch.id))
