"""Take in logs of predictions: one file becomes one batch, wholly or not at all, and only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from core.errors import InputError
from core.governance.identity import Actor, Right, allowed
from core.logs.source import LogSource
from core.logs.tabular import read_blocks
from core.logs.validation import RecordValidator
from core.record import ID, BatchRole
from core.schema import ModelSchema, Role
from core.services.intake import NO_ROWS, Outcome, check_record_header, each_file, known_already, reasons_of
from core.storage.batches import StagedBatch
from core.storage.database import Database
from core.storage.files import WorkspaceFiles, sha256_of
from core.storage.identifiers import IdQuery
from core.storage.repository import LIVE_ROLES, Repository
from core.storage.tables import BatchRow, LabelLinkRow, ModelRow, VersionRow

__all__ = ["RecordService"]

UNVERSIONED = "unversioned"

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Incoming:
    """A file on its way in, and all that its batch is told by."""

    actor: Actor
    model: ModelRow
    schema: ModelSchema
    source: LogSource
    sha256: str
    role: BatchRole
    evaluated_version: str | None

    def same(self, repository: Repository) -> BatchRow | None:
        """The batch that this file is already."""
        return repository.same_batch(
            self.model,
            role=self.role,
            evaluated_version=self.evaluated_version,
            schema_digest=self.schema.digest,
            sha256=self.sha256,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordService:
    """Files of prediction logs become batches of records."""

    database: Database
    files: WorkspaceFiles
    clock: Callable[[], datetime]

    @allowed(Right.INGEST)
    def add(
        self,
        actor: Actor,
        model: str,
        paths: Sequence[Path],
        *,
        role: BatchRole = BatchRole.PRODUCTION,
        version: str | None = None,
        format: str = "auto",  # noqa: A002 (the name of the command-line option)
        encoding: str = "utf-8",
        names: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Outcome, ...]:
        """Take in files, each as a batch of its own; a file that fails doesn't stop the others.

        Parameters
        ----------
        role : BatchRole
            What the records are for. Evaluation data belongs to the version it was scored by.
        version : str or None
            The version that made the predictions, where the log has no version column.
        names : sequence of str or None
            What each file is called in messages, if not by its path.
        progress : callable or None
            Told (file, rows read) after each block.
        """
        if role is BatchRole.EVALUATION and version is None:
            raise InputError("Evaluation data needs to say which version it evaluates: give --version.")

        def add_one(path: Path, name: str) -> Outcome:
            source = LogSource.open(path, name=name, format=format, encoding=encoding)
            return self._add_file(actor, model, source, role=role, version=version, progress=progress)

        return each_file(paths, names, add_one)

    def _add_file(
        self,
        actor: Actor,
        model_name: str,
        source: LogSource,
        *,
        role: BatchRole,
        version: str | None,
        progress: Progress | None,
    ) -> Outcome:
        with self.database.read() as session:
            repository = Repository(session)
            model = repository.model(model_name)
            incoming = _Incoming(
                actor=actor,
                model=model,
                schema=repository.schema(model),
                source=source,
                sha256=sha256_of(source.path),
                role=role,
                evaluated_version=version if role is BatchRole.EVALUATION else None,
            )
            registered = repository.versions(model)
            same = incoming.same(repository)
            if same is not None:
                return known_already(source, "batch", same.id, same.created_at)
        schema = incoming.schema
        if schema.name_of(Role.VERSION) is None:
            version = version or schema.version or (registered[0] if len(registered) == 1 else UNVERSIONED)
        registers = not registered or role is not BatchRole.PRODUCTION
        validator = RecordValidator(
            schema=schema,
            now=self.clock(),
            version=version or "",
            known_versions=None if registers else registered,
            source_sha256=incoming.sha256,
        )
        notes = check_record_header(schema, source, has_version=version is not None)
        with self.files.staging() as folder:
            staged = StagedBatch(folder=folder)
            for block in read_blocks(source, list(schema.columns)):
                checked = validator.check(block)
                staged.write(checked.records, checked.rejects)
                if progress is not None:
                    progress(source.name, block.n_rows)
            if not staged.n_rows and not staged.rejects:
                return Outcome(file=source.name, notes=(*notes, NO_ROWS))
            staged.close()
            return self._commit(incoming, staged, notes, validator.versions if registers else set())

    def _commit(self, incoming: _Incoming, staged: StagedBatch, notes: tuple[str, ...], versions: set[str]) -> Outcome:
        """Free the batch of ids that are known and insert its row; again whenever others came between."""
        checked: set[int] = set()
        is_live = incoming.role in LIVE_ROLES
        while True:
            with self.database.read() as session:
                repository = Repository(session)
                others = [b for b in repository.batches(incoming.model, roles=LIVE_ROLES) if b.id not in checked]
                labels = [
                    (row.id, self.files.path(row.labels_sha256)) for row in repository.label_batches(incoming.model)
                ]
            if is_live and incoming.schema.name_of(Role.ID) is not None:
                staged.drop_known(
                    (f"batch {b.id} ({b.source_name})", self.files.path(b.records_sha256)) for b in others
                )
            checked.update(batch.id for batch in others)
            links = _label_links(staged.path, labels) if is_live and staged.n_rows else {}
            digests = staged.digests()
            with self.database.write(f"model {incoming.model.id}") as session:
                repository = Repository(session)
                same = incoming.same(repository)
                if same is not None:
                    return known_already(incoming.source, "batch", same.id, same.created_at)
                live = {batch.id for batch in repository.batches(incoming.model, roles=LIVE_ROLES)}
                if not live <= checked or len(repository.label_batches(incoming.model)) != len(labels):
                    continue
                batch = self._row(incoming, staged, notes, digests, repository)
                session.add(batch)
                session.flush()
                session.add_all(LabelLinkRow(label_batch_id=k, batch_id=batch.id, n=n) for k, n in links.items())
                new = sorted(versions - set(repository.versions(incoming.model)))
                session.add_all(self._version(incoming, name) for name in new)
                outcome = Outcome(
                    file=incoming.source.name,
                    batch_id=batch.id,
                    n_rows=staged.n_rows,
                    n_rejected=staged.n_rejected,
                    n_duplicates=staged.n_duplicates,
                    reasons=reasons_of(staged.rejects),
                    notes=(*notes, *([f"registered version {', '.join(new)}"] if new else [])),
                )
                self.files.adopt(staged.path, digests[0])
                if digests[1] is not None:
                    self.files.adopt(staged.rejects_path, digests[1])
            return outcome

    def _row(
        self,
        incoming: _Incoming,
        staged: StagedBatch,
        notes: tuple[str, ...],
        digests: tuple[str, str | None],
        repository: Repository,
    ) -> BatchRow:
        return BatchRow(
            model_id=incoming.model.id,
            role=incoming.role,
            evaluated_version=incoming.evaluated_version,
            schema_digest=incoming.schema.digest,
            source_name=incoming.source.name,
            source_sha256=incoming.sha256,
            records_sha256=digests[0],
            rejects_sha256=digests[1],
            n_rows=staged.n_rows,
            n_rejected=staged.n_rejected,
            n_duplicates=staged.n_duplicates,
            first_row=repository.next_row_number(incoming.model, incoming.role),
            first_at=staged.first_at,
            last_at=staged.last_at,
            notes=list(notes),
            created_at=self.clock(),
            created_by=incoming.actor.name,
        )

    def _version(self, incoming: _Incoming, name: str) -> VersionRow:
        return VersionRow(
            model_id=incoming.model.id, name=name, created_at=self.clock(), created_by=incoming.actor.name
        )


def _label_links(records: Path, label_files: Iterable[tuple[int, Path]]) -> dict[int, int]:
    """How many records of a staged batch each late-label file has labels for."""
    found = {}
    for label_batch, path in label_files:
        rows, _ = IdQuery.of(pq.read_table(path, columns=[ID])[ID].combine_chunks()).find(records)
        if rows.size:
            found[label_batch] = int(rows.size)
    return found
