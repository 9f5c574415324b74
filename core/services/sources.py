"""Tables that are monitored where they lie: nothing is copied out of them but counts and a sample of rows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, UnknownNameError
from core.governance.identity import Actor, Right, allowed
from core.logs.in_place import InPlace, check_table, misfit, read_in_place
from core.logs.validation import REJECTS
from core.profile.engines import CellKey, Tally
from core.profile.in_place import count_in_place
from core.profile.spec import ProfileSpec
from core.profile.windows import Window, WindowPlan
from core.record import BatchRole
from core.schema import ModelSchema, Role
from core.services.batches import take_out
from core.services.profiles import ProfileService
from core.services.records import UNVERSIONED
from core.services.table_windows import (
    Mark,
    add_invalid,
    between,
    marks_of,
    rejected,
    runs_of,
    sample_of,
    without_copies,
)
from core.storage.alerting import SampleRow
from core.storage.batches import StagedRows
from core.storage.connections import check_url, connected, table_of
from core.storage.counts import write_tables
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.ledger import append
from core.storage.repository import Repository, check_name
from core.storage.tables import BatchRow, ModelRow, ProfiledBatchRow, ProfileRow, SourceRow, VersionRow

__all__ = ["SourceInfo", "SourceReading", "SourceService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceInfo:
    """A monitored table; `watermark_at` is the time of the last row that was counted, `findings` what changed in it."""

    model: str
    name: str
    url: str
    table: str
    version: str | None
    watermark_at: datetime | None
    read_at: datetime | None
    findings: tuple[str, ...]
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceReading:
    """What one reading of a table brought: windows counted anew or again, their rows, and rows set aside by reason.

    `kept` are windows that have fewer rows now and stay as they were counted; `lost`, those of them that were counted
    on the bins of another reference or schema, and can't be on these.
    """

    source: SourceInfo
    n_windows: int
    n_rows: int
    n_rejected: int
    n_duplicates: int
    reasons: tuple[tuple[str, str, int], ...]
    kept: tuple[str, ...]
    lost: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """One reading: of which source, on which bins."""

    actor: Actor
    model: ModelRow
    schema: ModelSchema
    source: SourceRow
    profile: ProfileRow
    spec: ProfileSpec
    plan: WindowPlan
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceService:
    """Say which table a model's production lies in, and count what is new there."""

    database: Database
    files: WorkspaceFiles
    profiles: ProfileService
    clock: Callable[[], datetime]

    @allowed(Right.ADMINISTER)
    def add(
        self, actor: Actor, model: str, name: str, *, url: str, table: str, version: str | None = None
    ) -> SourceInfo:
        """Monitor a table from now on; for administrators, since credentials of the environment go to its address.

        Parameters
        ----------
        url : str
            Of the database, without credentials: postgresql://host:5432/database, spark://host:7077 or local[2].
        table : str
            Its name, 'schema.table' too; on Spark also a folder of Parquet files.
        version : str or None
            The version that made the predictions, where the table has no version column.

        Raises
        ------
        InputError
            If the table lacks a column of role id or timestamp, or has one that can't be read as its type; if the
            model's windows are of N rows; if it has production from files.
        OutsideError
            If the database can't be reached.
        """
        check_name("source", name)
        check_url(url)
        with self.database.read() as session:
            repository = Repository(session)
            schema = repository.schema(repository.model(model))
        with connected(url) as backend:
            kinds = dict(table_of(backend, table).schema().items())
        check_table(schema, kinds, table)
        with self.database.write(f"source of {model}") as session:
            repository = Repository(session)
            row = repository.model(model)
            live = self._live(session, row)
            if live is not None:
                raise ConflictError(
                    f"{model} is monitored in {live.table_name} already; remove source {live.name!r} first."
                )
            if any(b.source_id is None for b in repository.batches(row, roles=[BatchRole.PRODUCTION])):
                raise ConflictError(
                    f"{model} has production that came from files, whose rows could be in the table too: "
                    "retract those batches first, or register the table as a model of its own."
                )
            source = SourceRow(
                model_id=row.id,
                name=name,
                url=url,
                table_name=table,
                version=version,
                columns={column: str(kind) for column, kind in kinds.items()},
                findings=[],
                created_at=self.clock(),
                created_by=actor.name,
            )
            session.add(source)
            session.flush()
            objects = {"model": model, "source": name, "url": url, "table": table}
            append(session, at=self.clock(), actor=actor.name, action="source.add", objects=objects)
            return _info(source, model)

    @allowed(Right.READ)
    def list(self, actor: Actor, model: str) -> tuple[SourceInfo, ...]:  # noqa: ARG002 (every call takes the actor)
        """The table that a model is monitored in; none for one that takes files."""
        with self.database.read() as session:
            source = self._live(session, Repository(session).model(model))
            return () if source is None else (_info(source, model),)

    @allowed(Right.ADMINISTER)
    def remove(self, actor: Actor, model: str, name: str) -> SourceInfo:
        """Read a table no more; what was counted stays."""
        with self.database.write(f"source of {model}") as session:
            source = self._named(session, Repository(session).model(model), name)
            source.removed_at = self.clock()
            objects = {"model": model, "source": name}
            append(session, at=self.clock(), actor=actor.name, action="source.remove", objects=objects)
            return _info(source, model)

    @allowed(Right.INGEST)
    def read(
        self,
        actor: Actor,
        model: str,
        *,
        recount: bool = False,
        progress: Callable[[str, int, int], None] | None = None,
    ) -> SourceReading:
        """Count the windows that have new rows or labels; the others are left as they are.

        Each window's rows, labels and rows set aside are counted first, in the table; a window in which one of
        these has changed since, however old it is, is counted again. One that has fewer rows than before is kept as it
        was (old rows are often deleted), unless `recount` is given, with which every window is counted.

        Raises
        ------
        InputError
            If the model has no source, or no reference yet.
        OutsideError
            If the database can't be reached.
        """
        digest = self.profiles.fit(actor, model)
        if digest is None:
            raise InputError(
                f"{model} has no reference yet; take it in first: plumbline ingest {model} FILE --as reference."
            )
        job = self._job(actor, model, digest)
        n_rows = n_duplicates = 0
        with connected(job.source.url) as backend:
            table = table_of(backend, job.source.table_name)
            findings = _schema_changes(job.schema, job.source, dict(table.schema().items()))
            read = read_in_place(
                job.schema,
                table,
                version=job.source.version or job.schema.version or (job.versions or (UNVERSIONED,))[0],
                now=self.clock(),
                known_versions=job.versions or None,
            )
            marks = marks_of(read, job.plan)
            todo, kept = self._changed(job, marks, recount=recount)
            runs = list(runs_of(sorted(todo), job.plan))
            for done, windows in enumerate(runs):
                of_run = self._count(job, read, windows, marks)
                n_rows, n_duplicates = n_rows + of_run[0], n_duplicates + of_run[1]
                if progress is not None:
                    progress(job.source.table_name, done + 1, len(runs))
            n_rejected, reasons = rejected(read)
        with self.database.write(f"source of {model}") as session:
            source = session.get_one(SourceRow, job.source.id)
            times = [mark.last_at for mark in marks.values()]
            source.watermark_at = max([*times, *([source.watermark_at] if source.watermark_at else [])], default=None)
            source.read_at, source.findings = self.clock(), findings
            info = _info(source, model)
            lost = self._give_up(session, job, kept)
        self.profiles.refresh(actor, model)
        return SourceReading(
            source=info,
            n_windows=len(todo),
            n_rows=n_rows,
            n_rejected=n_rejected,
            n_duplicates=n_duplicates,
            reasons=reasons,
            kept=tuple(job.plan.window(key).name for key in kept),
            lost=tuple(job.plan.window(key).name for key in lost),
        )

    def _live(self, session: Session, model: ModelRow) -> SourceRow | None:
        query = select(SourceRow).where(SourceRow.model_id == model.id, SourceRow.removed_at.is_(None))
        return session.scalar(query)

    def _named(self, session: Session, model: ModelRow, name: str) -> SourceRow:
        found = self._live(session, model)
        if found is None or found.name != name:
            raise UnknownNameError(f"source of {model.name}", name, [] if found is None else [found.name])
        return found

    def _job(self, actor: Actor, model: str, digest: str) -> _Job:
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            source = self._live(session, row)
            profile = next(found for found in repository.profiles(row) if found.digest == digest)
            if source is None:
                raise InputError(
                    f"{model} has no source; add one: plumbline source add {model} NAME --url ... --table ..."
                )
            schema = repository.schema(row)
            return _Job(
                actor=actor,
                model=row,
                schema=schema,
                source=source,
                profile=profile,
                spec=ProfileSpec.from_json(profile.spec),
                plan=WindowPlan.of(schema.window, schema.timezone),
                versions=tuple(repository.versions(row)),
            )

    def _batches(self, session: Session, job: _Job) -> dict[int, BatchRow]:
        """The live batch of every window of the table."""
        rows = Repository(session).batches(job.model, roles=[BatchRole.PRODUCTION])
        return {row.source_mark["window"]: row for row in rows if row.source_id == job.source.id and row.source_mark}

    def _changed(self, job: _Job, marks: Mapping[int, Mark], *, recount: bool) -> tuple[set[int], tuple[int, ...]]:
        """Windows to count, and those that are kept though the table has fewer rows of them now."""
        with self.database.read() as session:
            before = self._batches(session, job)
            counted = Repository(session).profiled(job.profile)
        n_before = {key: (batch.source_mark or {})["rows"] for key, batch in before.items()}
        fewer = {key for key, n in n_before.items() if key not in marks or marks[key].rows < n}
        kept = fewer - set(marks) if recount else fewer
        changed = {key for key, mark in marks.items() if key not in before or before[key].source_mark != mark.stored}
        uncounted = {key for key, batch in before.items() if batch.id not in counted}
        todo = set(marks) if recount else (changed | uncounted) - kept
        return todo, tuple(sorted(kept))

    def _give_up(self, session: Session, job: _Job, kept: Sequence[int]) -> Sequence[int]:
        """Windows counted on other bins, whose rows are gone: noted as done, or these bins would never be in force."""
        batches, counted = self._batches(session, job), Repository(session).profiled(job.profile)
        lost = [key for key in kept if batches[key].id not in counted]
        for key in lost:
            session.add(ProfiledBatchRow(profile_id=job.profile.id, batch_id=batches[key].id, label_mark=0))
        return lost

    def _count(self, job: _Job, read: InPlace, windows: Sequence[Window], marks: Mapping[int, Mark]) -> tuple[int, int]:
        """Count a run of windows and put what was counted in place of what was: rows, and copies left out."""
        inside = between(read.rows, windows)
        records, duplicates = without_copies(inside.filter(~read.is_rejected), windows)
        tally = count_in_place(job.spec, job.schema, records, windows)
        add_invalid(tally, job.spec, read, inside, windows)
        samples = sample_of(records, windows, job.schema.sample.rows)
        with self.files.staging() as folder:
            staged = {}
            for window in windows:
                (folder / str(window.key)).mkdir()
                rows = StagedRows(folder=folder / str(window.key))
                rows.write(samples[window.key], REJECTS.empty_table())
                rows.close()
                staged[window.key] = (rows, rows.digests()[0])
            with self.database.write(f"model {job.model.id}") as session:
                before, batches = self._batches(session, job), list[BatchRow]()
                repository = Repository(session)
                self._register(session, job, tally)
                for key, (rows, digest) in staged.items():
                    if key in before:
                        self._supersede(session, job, before[key], marks[key])
                    batch = self._row(job, marks[key], digest, n_duplicates=duplicates.get(key, 0))
                    batch.first_row = repository.next_row_number(job.model, BatchRole.PRODUCTION)
                    session.add(batch)
                    session.flush()
                    own = {"profile_id": job.profile.id, "batch_id": batch.id}
                    write_tables(session, **own, counts=_of(tally.counts, key), sums=_of(tally.sums, key))
                    session.add(ProfiledBatchRow(**own, label_mark=0))
                    if rows.n_rows:
                        session.add(SampleRow(batch_id=batch.id, sha256=digest, n_rows=rows.n_rows))
                    self.files.adopt(rows.path, digest)
                    batches.append(batch)
                append(
                    session,
                    at=self.clock(),
                    actor=job.actor.name,
                    action="source.read",
                    objects={
                        "model": job.model.name,
                        "source": job.source.name,
                        "batches": [batch.id for batch in batches],
                    },
                )
                return sum(batch.n_rows for batch in batches), sum(batch.n_duplicates for batch in batches)

    def _supersede(self, session: Session, job: _Job, batch: BatchRow, mark: Mark) -> None:
        was = (batch.source_mark or {})["rows"]
        reason = f"counted again: {mark.rows:,} rows of this window are in the table now, {was:,} were"
        take_out(session, batch, at=self.clock(), by=job.actor.name, reason=reason)

    def _register(self, session: Session, job: _Job, tally: Tally) -> None:
        """Versions that the table names become known where none was."""
        known = set(Repository(session).versions(job.model))
        for name in sorted({key.version for key, _ in tally.counts} - known):
            session.add(
                VersionRow(model_id=job.model.id, name=name, created_at=self.clock(), created_by=job.actor.name)
            )

    def _row(self, job: _Job, mark: Mark, digest: str, *, n_duplicates: int) -> BatchRow:
        window = job.plan.window(mark.window).name
        content = json.dumps([job.source.url, job.source.table_name, mark.stored], sort_keys=True)
        return BatchRow(
            model_id=job.model.id,
            role=BatchRole.PRODUCTION,
            schema_digest=job.schema.digest,
            source_name=f"{job.source.table_name} {window}",
            source_sha256=hashlib.sha256(content.encode()).hexdigest(),
            records_sha256=digest,
            n_rows=mark.rows - n_duplicates,
            n_rejected=mark.rejected,
            n_duplicates=n_duplicates,
            first_at=mark.first_at,
            last_at=mark.last_at,
            notes=[f"counted in {job.source.table_name}; kept here is a sample"],
            created_at=self.clock(),
            created_by=job.actor.name,
            source_id=job.source.id,
            source_mark=mark.stored,
        )


def _info(source: SourceRow, model: str) -> SourceInfo:
    return SourceInfo(
        model=model,
        name=source.name,
        url=source.url,
        table=source.table_name,
        version=source.version,
        watermark_at=source.watermark_at,
        read_at=source.read_at,
        findings=tuple(source.findings),
        created_at=source.created_at,
        created_by=source.created_by,
    )


def _schema_changes(schema: ModelSchema, source: SourceRow, kinds: Mapping[str, Any]) -> list[str]:
    """In words, what is no longer as it was when the source was added."""
    found = []
    for column, before in source.columns.items():
        if column not in kinds:
            matters = column in schema.columns and schema.columns[column].role is not Role.IGNORE
            found.append(f"column {column} is gone" + ("; its values are missing in every row" if matters else ""))
        elif str(kinds[column]) != before:
            why = misfit(schema, column, kinds[column]) if column in schema.columns else ""
            effect = "; none of its values can be read" if why else ""
            found.append(f"column {column} is {kinds[column]}, was {before}{effect}")
    return found + [f"column {column} is new" for column in kinds if column not in source.columns]


def _of(tables: Mapping[tuple[CellKey, str], Any], window: int) -> dict[tuple[CellKey, str], Any]:
    return {key: table for key, table in tables.items() if key[0].window == window}
