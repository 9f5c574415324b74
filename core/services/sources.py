"""Tables that are monitored where they lie: nothing is copied out of them but counts and a sample of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError, UnknownNameError
from core.governance.identity import Actor, Right, allowed
from core.logs.in_place import check_table, misfit, read_in_place
from core.profile.spec import ProfileSpec
from core.profile.windows import WindowPlan
from core.record import BatchRole
from core.schema import ModelSchema, Role
from core.services.profiles import ProfileService
from core.services.records import UNVERSIONED
from core.services.table_counting import TableCounting
from core.services.table_windows import marks_of, rejected, runs_of
from core.storage.connections import check_url, connected, table_of
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.ledger import append
from core.storage.repository import Repository, check_name
from core.storage.tables import ModelRow, SourceRow

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
        counting = self._counting(actor, model, digest)
        n_rows = n_duplicates = 0
        with connected(counting.source.url) as backend:
            table = table_of(backend, counting.source.table_name)
            findings = _schema_changes(counting.schema, counting.source, dict(table.schema().items()))
            read = read_in_place(
                counting.schema,
                table,
                version=counting.source.version or counting.schema.version or (counting.versions or (UNVERSIONED,))[0],
                now=self.clock(),
                known_versions=counting.versions or None,
            )
            marks = marks_of(read, counting.plan)
            todo, kept = counting.changed(marks, recount=recount)
            runs = list(runs_of(sorted(todo), counting.plan))
            for done, windows in enumerate(runs):
                of_run = counting.count(read, windows, marks)
                n_rows, n_duplicates = n_rows + of_run[0], n_duplicates + of_run[1]
                if progress is not None:
                    progress(counting.source.table_name, done + 1, len(runs))
            n_rejected, reasons = rejected(read)
        with self.database.write(f"source of {model}") as session:
            source = session.get_one(SourceRow, counting.source.id)
            times = [mark.last_at for mark in marks.values()]
            source.watermark_at = max([*times, *([source.watermark_at] if source.watermark_at else [])], default=None)
            source.read_at, source.findings = self.clock(), findings
            info = _info(source, model)
            lost = counting.give_up(session, kept)
        self.profiles.refresh(actor, model)
        return SourceReading(
            source=info,
            n_windows=len(todo),
            n_rows=n_rows,
            n_rejected=n_rejected,
            n_duplicates=n_duplicates,
            reasons=reasons,
            kept=tuple(counting.plan.window(key).name for key in kept),
            lost=tuple(counting.plan.window(key).name for key in lost),
        )

    def _live(self, session: Session, model: ModelRow) -> SourceRow | None:
        query = select(SourceRow).where(SourceRow.model_id == model.id, SourceRow.removed_at.is_(None))
        return session.scalar(query)

    def _named(self, session: Session, model: ModelRow, name: str) -> SourceRow:
        found = self._live(session, model)
        if found is None or found.name != name:
            raise UnknownNameError(f"source of {model.name}", name, [] if found is None else [found.name])
        return found

    def _counting(self, actor: Actor, model: str, digest: str) -> TableCounting:
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
            return TableCounting(
                database=self.database,
                files=self.files,
                clock=self.clock,
                actor=actor,
                model=row,
                schema=schema,
                source=source,
                profile=profile,
                spec=ProfileSpec.from_json(profile.spec),
                plan=WindowPlan.of(schema.window, schema.timezone),
                versions=tuple(repository.versions(row)),
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
