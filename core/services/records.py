"""Take in logs of predictions: one file becomes one batch, wholly or not at all, and only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy.orm import Session

from core.errors import InputError
from core.governance.identity import Actor, Right, allowed
from core.logs.source import LogSource
from core.logs.tabular import header_of, read_blocks
from core.logs.validation import RecordValidator
from core.record import ID, BatchRole
from core.schema import ModelSchema, Role
from core.services.intake import (
    NO_ROWS,
    FileLook,
    HeaderMatch,
    Outcome,
    Preview,
    Progress,
    Quarantine,
    check_record_header,
    columns_to_read,
    each_file,
    known_already,
    match_header,
    problems_of,
    quarantine_of,
    reasons_of,
)
from core.services.reference import check_reference_signed
from core.storage.batches import StagedBatch
from core.storage.database import Database
from core.storage.files import WorkspaceFiles, sha256_of
from core.storage.identifiers import IdQuery
from core.storage.ledger import append
from core.storage.repository import LIVE_ROLES, Repository
from core.storage.tables import BatchRow, LabelLinkRow, ModelRow, VersionRow

__all__ = ["RecordService"]

UNVERSIONED = "unversioned"
EVALUATES_WHAT = "Evaluation data needs to say which version it evaluates: give --version."


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """A registered model with its schema and versions."""

    model: ModelRow
    schema: ModelSchema
    versions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Incoming:
    """A file on its way in, and all that its batch is told by."""

    actor: Actor
    source: LogSource
    sha256: str
    schema: ModelSchema
    registered: tuple[str, ...]
    role: BatchRole
    version: str | None

    @property
    def evaluated_version(self) -> str | None:
        """The version that evaluation data belongs to."""
        return self.version if self.role is BatchRole.EVALUATION else None

    @property
    def registers(self) -> bool:
        """Whether versions that the file names become known by it."""
        return not self.registered or self.role is not BatchRole.PRODUCTION

    @property
    def has_unique_ids(self) -> bool:
        """Whether an id of this file may stand in no other batch."""
        return self.role in LIVE_ROLES and self.schema.name_of(Role.ID) is not None

    def same(self, repository: Repository, model: ModelRow) -> BatchRow | None:
        """The batch that this file is already."""
        return repository.same_batch(
            model,
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
        _check_use(role, version)

        def add_one(path: Path, name: str) -> Outcome:
            source = LogSource.open(path, name=name, format=format, encoding=encoding)
            return self._add_file(actor, model, source, role=role, version=version, progress=progress)

        return each_file(paths, names, add_one)

    @allowed(Right.INGEST)
    def check(
        self,
        actor: Actor,
        model: str | None,
        path: Path,
        *,
        role: BatchRole = BatchRole.PRODUCTION,
        version: str | None = None,
        schema_source: str = "",
        encoding: str = "utf-8",
        name: str | None = None,
        progress: Progress | None = None,
    ) -> Preview:
        """What `add` would make of a file: reads it wholly and adds nothing; raises InputError where it would fail.

        Parameters
        ----------
        model : str or None
            A registered model; or None, and `schema_source` (TOML) is the schema of a model that isn't yet.
        """
        _check_use(role, version)
        source = LogSource.open(path, name=name, encoding=encoding)
        known = None if model is None else self._known(model, role)
        incoming = _Incoming(
            actor=actor,
            source=source,
            sha256=sha256_of(source.path),
            schema=ModelSchema.from_toml(schema_source) if known is None else known.schema,
            registered=() if known is None else known.versions,
            role=role,
            version=version,
        )
        others: Sequence[BatchRow] = ()
        if known is not None:
            with self.database.read() as session:
                repository = Repository(session)
                same = incoming.same(repository, known.model)
                if same is not None:
                    return Preview(outcome=known_already(source, "batch", same.id, same.created_at))
                others = repository.batches(known.model, roles=LIVE_ROLES)
        with self.files.staging() as folder:
            staged, match, notes, new = self._stage(incoming, folder, progress)
            if not staged.n_rows and not staged.rejects:
                return Preview(outcome=Outcome(file=source.name, notes=(*notes, NO_ROWS)), match=match)
            self._drop_known(incoming, staged, others)
            notes = (*notes, *([f"registers version {', '.join(new)}"] if new else []))
            return Preview(outcome=_outcome(incoming, staged, notes), match=match, problems=problems_of(staged.rejects))

    @allowed(Right.INGEST)
    def look(self, actor: Actor, path: Path, *, encoding: str = "utf-8", name: str | None = None) -> FileLook:  # noqa: ARG002
        """What a file is and which columns it has; raises FileFormatError where it can't be read."""
        source = LogSource.open(path, name=name, encoding=encoding)
        return FileLook(format=source.format, is_gzip=source.is_gzip, columns=tuple(header_of(source)))

    @allowed(Right.INGEST)
    def match(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        model: str,
        path: Path,
        *,
        encoding: str = "utf-8",
        name: str | None = None,
    ) -> HeaderMatch:
        """Which of a model's columns a file has, told from its header alone."""
        return match_header(self._known(model).schema, LogSource.open(path, name=name, encoding=encoding))

    @allowed(Right.READ)
    def quarantine(self, actor: Actor, batch_id: int) -> Quarantine:  # noqa: ARG002
        """What was set aside of a batch: reasons with their counts, and the first problems."""
        with self.database.read() as session:
            sha256 = Repository(session).batch(batch_id).rejects_sha256
        return quarantine_of(None if sha256 is None else self.files.path(sha256))

    def _known(self, model: str, role: BatchRole | None = None) -> _Known:
        """A model, its schema and its versions; raises UnknownNameError, and InputError if it takes no such files.

        Production comes from a table or from files, never from both: rows would count twice.
        """
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            table = repository.source_table(row) if role is BatchRole.PRODUCTION else None
            if table is not None:
                raise InputError(
                    f"{model} is monitored in {table}; count what is new there: plumbline source read {model}."
                )
            return _Known(model=row, schema=repository.schema(row), versions=tuple(repository.versions(row)))

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
        known = self._known(model_name, role)
        incoming = _Incoming(
            actor=actor,
            source=source,
            sha256=sha256_of(source.path),
            schema=known.schema,
            registered=known.versions,
            role=role,
            version=version,
        )
        with self.database.read() as session:
            same = incoming.same(Repository(session), known.model)
            if same is not None:
                return known_already(source, "batch", same.id, same.created_at)
        with self.files.staging() as folder:
            staged, _, notes, new = self._stage(incoming, folder, progress)
            if not staged.n_rows and not staged.rejects:
                return Outcome(file=source.name, notes=(*notes, NO_ROWS))
            return self._commit(incoming, known.model, staged, notes, new)

    def _stage(
        self, incoming: _Incoming, folder: Path, progress: Progress | None
    ) -> tuple[StagedBatch, HeaderMatch, tuple[str, ...], list[str]]:
        """Read and check a file into `folder`: staged rows, what its header says, versions it would register."""
        schema, source, version = incoming.schema, incoming.source, incoming.version
        if schema.name_of(Role.VERSION) is None:
            only = incoming.registered[0] if len(incoming.registered) == 1 else UNVERSIONED
            version = version or schema.version or only
        match = match_header(schema, source)
        notes = check_record_header(schema, match, source, has_version=version is not None)
        validator = RecordValidator(
            schema=schema,
            now=self.clock(),
            version=version or "",
            known_versions=None if incoming.registers else incoming.registered,
            source_sha256=incoming.sha256,
        )
        staged = StagedBatch(folder=folder)
        for block in read_blocks(source, columns_to_read(schema)):
            checked = validator.check(block)
            staged.write(checked.records, checked.rejects)
            if progress is not None:
                progress(source.name, block.n_rows)
        staged.close()
        new = sorted(validator.versions - set(incoming.registered)) if incoming.registers else []
        return staged, match, notes, new

    def _drop_known(self, incoming: _Incoming, staged: StagedBatch, others: Iterable[BatchRow]) -> None:
        """Free a staged batch of rows whose ids other batches hold."""
        if incoming.has_unique_ids and staged.n_rows:
            staged.drop_known((f"batch {b.id} ({b.source_name})", self.files.path(b.records_sha256)) for b in others)

    def _commit(
        self, incoming: _Incoming, model: ModelRow, staged: StagedBatch, notes: tuple[str, ...], versions: list[str]
    ) -> Outcome:
        """Free the batch of ids that are known and insert its row; again whenever others came between."""
        checked: set[int] = set()
        while True:
            with self.database.read() as session:
                repository = Repository(session)
                others = [b for b in repository.batches(model, roles=LIVE_ROLES) if b.id not in checked]
                labels = [(row.id, self.files.path(row.labels_sha256)) for row in repository.label_batches(model)]
            self._drop_known(incoming, staged, others)
            checked.update(batch.id for batch in others)
            is_live = incoming.role in LIVE_ROLES
            links = _label_links(staged.path, labels) if is_live and staged.n_rows else {}
            digests = staged.digests()
            with self.database.write(f"model {model.id}") as session:
                repository = Repository(session)
                same = incoming.same(repository, model)
                if same is not None:
                    return known_already(incoming.source, "batch", same.id, same.created_at)
                live = {batch.id for batch in repository.batches(model, roles=LIVE_ROLES)}
                if not live <= checked or len(repository.label_batches(model)) != len(labels):
                    continue
                if incoming.role is BatchRole.REFERENCE:
                    check_reference_signed(session, model)
                batch = self._row(incoming, model, staged, notes, digests)
                batch.first_row = repository.next_row_number(model, incoming.role)
                session.add(batch)
                session.flush()
                session.add_all(LabelLinkRow(label_batch_id=k, batch_id=batch.id, n=n) for k, n in links.items())
                new = sorted(set(versions) - set(repository.versions(model)))
                session.add_all(self._version(incoming, model, name) for name in new)
                notes = (*notes, *([f"registered version {', '.join(new)}"] if new else []))
                outcome = _outcome(incoming, staged, notes, batch_id=batch.id)
                self._note(session, incoming, model, batch, new)
                self.files.adopt(staged.path, digests[0])
                if digests[1] is not None:
                    self.files.adopt(staged.rejects_path, digests[1])
            return outcome

    def _row(
        self,
        incoming: _Incoming,
        model: ModelRow,
        staged: StagedBatch,
        notes: tuple[str, ...],
        digests: tuple[str, str | None],
    ) -> BatchRow:
        return BatchRow(
            model_id=model.id,
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
            duplicate_times={str(moment): n for moment, n in sorted(staged.duplicate_times.items())} or None,
            first_at=staged.first_at,
            last_at=staged.last_at,
            notes=list(notes),
            created_at=self.clock(),
            created_by=incoming.actor.name,
        )

    def _note(
        self, session: Session, incoming: _Incoming, model: ModelRow, batch: BatchRow, versions: list[str]
    ) -> None:
        append(
            session,
            at=self.clock(),
            actor=incoming.actor.name,
            action="batch.add",
            objects={
                "model": model.name,
                "batch": batch.id,
                "role": batch.role,
                "source": batch.source_sha256,
                "records": batch.records_sha256,
                "versions": versions,
            },
        )

    def _version(self, incoming: _Incoming, model: ModelRow, name: str) -> VersionRow:
        return VersionRow(model_id=model.id, name=name, created_at=self.clock(), created_by=incoming.actor.name)


def _check_use(role: BatchRole, version: str | None) -> None:
    if role is BatchRole.BASELINE:
        raise InputError("A baseline is decided on, not taken in: `plumbline propose rebaseline` asks for one.")
    if role is BatchRole.EVALUATION and not version:
        raise InputError(EVALUATES_WHAT)


def _outcome(
    incoming: _Incoming, staged: StagedBatch, notes: tuple[str, ...], *, batch_id: int | None = None
) -> Outcome:
    return Outcome(
        file=incoming.source.name,
        batch_id=batch_id,
        n_rows=staged.n_rows,
        n_rejected=staged.n_rejected,
        n_duplicates=staged.n_duplicates,
        reasons=reasons_of(staged.rejects),
        notes=notes,
    )


def _label_links(records: Path, label_files: Iterable[tuple[int, Path]]) -> dict[int, int]:
    """How many records of a staged batch each late-label file has labels for."""
    found = {}
    for label_batch, path in label_files:
        rows, _ = IdQuery.of(pq.read_table(path, columns=[ID])[ID].combine_chunks()).find(records)
        if rows.size:
            found[label_batch] = int(rows.size)
    return found
