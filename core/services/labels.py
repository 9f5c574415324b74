"""Take in late labels: joined to their records by id, whether those are there yet or not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq

from core.governance.identity import Actor, Right, allowed
from core.logs.source import LogSource
from core.logs.tabular import read_blocks
from core.logs.validation import LabelValidator
from core.record import ID, LABEL_TIME
from core.services.intake import NO_ROWS, Outcome, check_label_header, each_file, known_already, reasons_of
from core.storage.batches import StagedRows
from core.storage.database import Database
from core.storage.files import WorkspaceFiles, sha256_of
from core.storage.identifiers import IdQuery
from core.storage.repository import LIVE_ROLES, Repository
from core.storage.tables import LabelBatchRow, LabelLinkRow, ModelRow

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
    ) -> tuple[Outcome, ...]:
        """Take in files of labels; they may come before their record, again, or for an id nobody knows."""

        def add_one(path: Path, name: str) -> Outcome:
            return self._add_file(actor, model, LogSource.open(path, name=name, encoding=encoding))

        return each_file(paths, names, add_one)

    def _add_file(self, actor: Actor, model_name: str, source: LogSource) -> Outcome:
        sha256 = sha256_of(source.path)
        with self.database.read() as session:
            repository = Repository(session)
            model = repository.model(model_name)
            schema = repository.schema(model)
            same = repository.same_label_batch(model, sha256)
            if same is not None:
                return known_already(source, "label batch", same.id, same.created_at)
        check_label_header(schema, source)
        with self.files.staging() as folder:
            staged = StagedRows(folder=folder)
            validator = LabelValidator(schema=schema, now=self.clock())
            for block in read_blocks(source, list(schema.columns)):
                checked = validator.check(block)
                staged.write(checked.records, checked.rejects)
            if not staged.n_rows and not staged.rejects:
                return Outcome(file=source.name, notes=(NO_ROWS,))
            staged.close()
            return self._commit(actor, model, source, sha256, staged)

    def _commit(self, actor: Actor, model: ModelRow, source: LogSource, sha256: str, staged: StagedRows) -> Outcome:
        """Find the records and insert the row; again whenever new records came between."""
        links: dict[int, int] = {}
        checked: set[int] = set()
        digests = staged.digests()
        query = IdQuery.of(pq.read_table(staged.path, columns=[ID])[ID].combine_chunks())
        while True:
            with self.database.read() as session:
                batches = [b for b in Repository(session).batches(model, roles=LIVE_ROLES) if b.id not in checked]
            for batch in batches:
                n = query.find(self.files.path(batch.records_sha256))[0].size
                if n:
                    links[batch.id] = int(n)
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
                self.files.adopt(staged.path, digests[0])
                if digests[1] is not None:
                    self.files.adopt(staged.rejects_path, digests[1])
                return self._outcome(source, row.id, staged, sum(links.values()))

    @staticmethod
    def _outcome(source: LogSource, batch_id: int, staged: StagedRows, n_matched: int) -> Outcome:
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
