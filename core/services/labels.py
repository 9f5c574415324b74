"""Take in late labels: joined to their records by id, whether those are there yet or not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import InputError, UnknownNameError
from core.governance.identity import Actor, Right, allowed
from core.logs.source import LogSource
from core.logs.tabular import read_blocks
from core.logs.validation import REJECTS, LabelValidator
from core.record import ID, LABEL_TIME
from core.schema import ModelSchema
from core.services.intake import (
    NO_ROWS,
    HeaderMatch,
    Outcome,
    Preview,
    Progress,
    Quarantine,
    check_label_header,
    columns_to_read,
    each_file,
    known_already,
    match_header,
    problems_of,
    quarantine_of,
    reasons_of,
)
from core.storage.batches import StagedRows
from core.storage.database import Database
from core.storage.files import WorkspaceFiles, sha256_of
from core.storage.identifiers import IdQuery
from core.storage.ledger import append
from core.storage.repository import LIVE_ROLES, Repository
from core.storage.tables import BatchRow, LabelBatchRow, LabelLinkRow, ModelRow

__all__ = ["LabelService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelService:
    """Files of late labels become label batches."""

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
        encoding: str = "utf-8",
        names: Sequence[str] | None = None,
        progress: Progress | None = None,
    ) -> tuple[Outcome, ...]:
        """Take in files of labels; they may come before their record, again, or for an id nobody knows."""

        def add_one(path: Path, name: str) -> Outcome:
            return self._add_file(actor, model, LogSource.open(path, name=name, encoding=encoding), progress)

        return each_file(paths, names, add_one)

    @allowed(Right.INGEST)
    def check(
        self,
        actor: Actor,  # noqa: ARG002 (every service call takes the actor)
        model: str,
        path: Path,
        *,
        encoding: str = "utf-8",
        name: str | None = None,
        progress: Progress | None = None,
    ) -> Preview:
        """What `add` would make of a file: reads it wholly and adds nothing; raises InputError where it would fail."""
        source = LogSource.open(path, name=name, encoding=encoding)
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            schema = repository.schema(row)
            same = repository.same_label_batch(row, sha256_of(source.path))
            if same is not None:
                return Preview(outcome=known_already(source, "label batch", same.id, same.created_at))
            batches = repository.batches(row, roles=LIVE_ROLES)
        with self.files.staging() as folder:
            staged, match = self._stage(schema, source, folder, progress)
            if not staged.n_rows and not staged.rejects:
                return Preview(outcome=Outcome(file=source.name, notes=(NO_ROWS,)), match=match)
            return Preview(
                outcome=_outcome(source, staged, sum(self._links(staged, batches).values())),
                match=match,
                problems=problems_of(staged.rejects),
            )

    @allowed(Right.INGEST)
    def match(
        self,
        actor: Actor,  # noqa: ARG002
        model: str,
        path: Path,
        *,
        encoding: str = "utf-8",
        name: str | None = None,
    ) -> HeaderMatch:
        """Which of the columns that late labels need a file has, told from its header alone."""
        with self.database.read() as session:
            repository = Repository(session)
            schema = repository.schema(repository.model(model))
        return match_header(schema, LogSource.open(path, name=name, encoding=encoding), labels=True)

    @allowed(Right.READ)
    def quarantine(self, actor: Actor, label_batch_id: int) -> Quarantine:  # noqa: ARG002
        """What was set aside of a file of late labels: reasons with their counts, and the first problems."""
        path = self._rejects_path(label_batch_id)
        return quarantine_of(path)

    @allowed(Right.READ)
    def rejects(self, actor: Actor, label_batch_id: int) -> pa.Table:  # noqa: ARG002
        """The rows of a file of late labels that were set aside, one row a problem."""
        path = self._rejects_path(label_batch_id)
        return REJECTS.empty_table() if path is None else pq.read_table(path)

    def _rejects_path(self, label_batch_id: int) -> Path | None:
        with self.database.read() as session:
            row = session.get(LabelBatchRow, label_batch_id)
            if row is None:
                raise UnknownNameError("label batch", str(label_batch_id), [])
            return None if row.rejects_sha256 is None else self.files.path(row.rejects_sha256)

    def _add_file(self, actor: Actor, model_name: str, source: LogSource, progress: Progress | None) -> Outcome:
        sha256 = sha256_of(source.path)
        with self.database.read() as session:
            repository = Repository(session)
            model = repository.model(model_name)
            schema = repository.schema(model)
            table = repository.source_table(model)
            if table is not None:
                raise InputError(
                    f"{model_name} is monitored in {table}; its labels are those of the table's own column."
                )
            same = repository.same_label_batch(model, sha256)
            if same is not None:
                return known_already(source, "label batch", same.id, same.created_at)
        with self.files.staging() as folder:
            staged, _ = self._stage(schema, source, folder, progress)
            if not staged.n_rows and not staged.rejects:
                return Outcome(file=source.name, notes=(NO_ROWS,))
            return self._commit(actor, model, source, sha256, staged)

    def _stage(
        self, schema: ModelSchema, source: LogSource, folder: Path, progress: Progress | None
    ) -> tuple[StagedRows, HeaderMatch]:
        """Read and check a file into `folder`."""
        match = match_header(schema, source, labels=True)
        check_label_header(schema, match, source)
        staged = StagedRows(folder=folder)
        validator = LabelValidator(schema=schema, now=self.clock())
        for block in read_blocks(source, columns_to_read(schema, labels=True)):
            checked = validator.check(block)
            staged.write(checked.records, checked.rejects)
            if progress is not None:
                progress(source.name, block.n_rows)
        staged.close()
        return staged, match

    def _links(self, staged: StagedRows, batches: Iterable[BatchRow]) -> dict[int, int]:
        """How many records of each batch staged labels are for."""
        query = IdQuery.of(pq.read_table(staged.path, columns=[ID])[ID].combine_chunks())
        found = {batch.id: int(query.find(self.files.path(batch.records_sha256))[0].size) for batch in batches}
        return {batch: n for batch, n in found.items() if n}

    def _commit(self, actor: Actor, model: ModelRow, source: LogSource, sha256: str, staged: StagedRows) -> Outcome:
        """Find the records and insert the row; again whenever new records came between."""
        links: dict[int, int] = {}
        checked: set[int] = set()
        digests = staged.digests()
        while True:
            with self.database.read() as session:
                batches = [b for b in Repository(session).batches(model, roles=LIVE_ROLES) if b.id not in checked]
            links |= self._links(staged, batches)
            checked.update(batch.id for batch in batches)
            with self.database.write(f"model {model.id}") as session:
                repository = Repository(session)
                same = repository.same_label_batch(model, sha256)
                if same is not None:
                    return known_already(source, "label batch", same.id, same.created_at)
                live = {batch.id for batch in repository.batches(model, roles=LIVE_ROLES)}
                if not live <= checked:
                    continue
                row = LabelBatchRow(
                    model_id=model.id,
                    source_name=source.name,
                    source_sha256=sha256,
                    labels_sha256=digests[0],
                    rejects_sha256=digests[1],
                    n_rows=staged.n_rows,
                    n_rejected=staged.n_rejected,
                    last_at=staged.last_time(LABEL_TIME),
                    created_at=self.clock(),
                    created_by=actor.name,
                )
                session.add(row)
                session.flush()
                links = {batch: n for batch, n in links.items() if batch in live}
                session.add_all(LabelLinkRow(label_batch_id=row.id, batch_id=b, n=n) for b, n in links.items())
                append(
                    session,
                    at=self.clock(),
                    actor=actor.name,
                    action="labels.add",
                    objects={
                        "model": model.name,
                        "label_batch": row.id,
                        "source": row.source_sha256,
                        "labels": row.labels_sha256,
                    },
                )
                self.files.adopt(staged.path, digests[0])
                if digests[1] is not None:
                    self.files.adopt(staged.rejects_path, digests[1])
                return _outcome(source, staged, sum(links.values()), batch_id=row.id)


def _outcome(source: LogSource, staged: StagedRows, n_matched: int, *, batch_id: int | None = None) -> Outcome:
    n_open = staged.n_rows - n_matched
    notes = (f"{n_open:,} labels wait for their record, or name an id again",) if n_open > 0 else ()
    return Outcome(
        file=source.name,
        batch_id=batch_id,
        n_rows=staged.n_rows,
        n_rejected=staged.n_rejected,
        n_matched=n_matched,
        reasons=reasons_of(staged.rejects),
        notes=notes,
    )
