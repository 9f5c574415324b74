"""Counting a monitored table: which of its windows to count, and what was counted put in place of what was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core.governance.identity import Actor
from core.logs.in_place import InPlace
from core.logs.validation import REJECTS
from core.profile.engines import CellKey, Tally
from core.profile.in_place import count_in_place
from core.profile.spec import ProfileSpec
from core.profile.windows import Window, WindowPlan
from core.record import BatchRole
from core.schema import ModelSchema
from core.services.batches import take_out
from core.services.table_windows import Mark, add_invalid, between, sample_of, without_copies
from core.storage.alerting import SampleRow
from core.storage.batches import StagedRows
from core.storage.counts import write_tables
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.ledger import append
from core.storage.repository import Repository
from core.storage.tables import BatchRow, ModelRow, ProfiledBatchRow, ProfileRow, SourceRow, VersionRow

__all__ = ["TableCounting"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCounting:
    """One reading of a table: by whom, of which source, on which bins."""

    database: Database
    files: WorkspaceFiles
    clock: Callable[[], datetime]
    actor: Actor
    model: ModelRow
    schema: ModelSchema
    source: SourceRow
    profile: ProfileRow
    spec: ProfileSpec
    plan: WindowPlan
    versions: tuple[str, ...]

    def changed(self, marks: Mapping[int, Mark], *, recount: bool) -> tuple[set[int], tuple[int, ...]]:
        """Windows to count, and those that are kept though the table has fewer rows of them now."""
        with self.database.read() as session:
            before = self._batches(session)
            counted = Repository(session).profiled(self.profile)
        n_before = {key: (batch.source_mark or {})["rows"] for key, batch in before.items()}
        fewer = {key for key, n in n_before.items() if key not in marks or marks[key].rows < n}
        kept = fewer - set(marks) if recount else fewer
        changed = {key for key, mark in marks.items() if key not in before or before[key].source_mark != mark.stored}
        uncounted = {key for key, batch in before.items() if batch.id not in counted}
        todo = set(marks) if recount else (changed | uncounted) - kept
        return todo, tuple(sorted(kept))

    def give_up(self, session: Session, kept: Sequence[int]) -> Sequence[int]:
        """Windows counted on other bins, whose rows are gone: noted as done, or these bins would never be in force."""
        batches, counted = self._batches(session), Repository(session).profiled(self.profile)
        lost = [key for key in kept if batches[key].id not in counted]
        for key in lost:
            session.add(ProfiledBatchRow(profile_id=self.profile.id, batch_id=batches[key].id, label_mark=0))
        return lost

    def count(self, read: InPlace, windows: Sequence[Window], marks: Mapping[int, Mark]) -> tuple[int, int]:
        """Count a run of windows and put what was counted in place of what was: rows, and copies left out."""
        inside = between(read.rows, windows)
        records, duplicates = without_copies(inside.filter(~read.is_rejected), windows)
        tally = count_in_place(self.spec, self.schema, records, windows)
        add_invalid(tally, self.spec, read, inside, windows)
        samples = sample_of(records, windows, self.schema.sample.rows)
        with self.files.staging() as folder:
            staged = {}
            for window in windows:
                (folder / str(window.key)).mkdir()
                rows = StagedRows(folder=folder / str(window.key))
                rows.write(samples[window.key], REJECTS.empty_table())
                rows.close()
                staged[window.key] = (rows, rows.digests()[0])
            with self.database.write(f"model {self.model.id}") as session:
                before, batches = self._batches(session), list[BatchRow]()
                repository = Repository(session)
                self._register(session, tally)
                for key, (rows, digest) in staged.items():
                    if key in before:
                        self._supersede(session, before[key], marks[key])
                    batch = self._row(marks[key], digest, n_duplicates=duplicates.get(key, 0))
                    batch.first_row = repository.next_row_number(self.model, BatchRole.PRODUCTION)
                    session.add(batch)
                    session.flush()
                    own = {"profile_id": self.profile.id, "batch_id": batch.id}
                    write_tables(session, **own, counts=_of(tally.counts, key), sums=_of(tally.sums, key))
                    session.add(ProfiledBatchRow(**own, label_mark=0))
                    if rows.n_rows:
                        session.add(SampleRow(batch_id=batch.id, sha256=digest, n_rows=rows.n_rows))
                    self.files.adopt(rows.path, digest)
                    batches.append(batch)
                append(
                    session,
                    at=self.clock(),
                    actor=self.actor.name,
                    action="source.read",
                    objects={
                        "model": self.model.name,
                        "source": self.source.name,
                        "batches": [batch.id for batch in batches],
                    },
                )
                return sum(batch.n_rows for batch in batches), sum(batch.n_duplicates for batch in batches)

    def _batches(self, session: Session) -> dict[int, BatchRow]:
        """The live batch of every window of the table."""
        rows = Repository(session).batches(self.model, roles=[BatchRole.PRODUCTION])
        return {row.source_mark["window"]: row for row in rows if row.source_id == self.source.id and row.source_mark}

    def _supersede(self, session: Session, batch: BatchRow, mark: Mark) -> None:
        was = (batch.source_mark or {})["rows"]
        reason = f"counted again: {mark.rows:,} rows of this window are in the table now, {was:,} were"
        take_out(session, batch, at=self.clock(), by=self.actor.name, reason=reason)

    def _register(self, session: Session, tally: Tally) -> None:
        """Versions that the table names become known where none was."""
        known = set(Repository(session).versions(self.model))
        for name in sorted({key.version for key, _ in tally.counts} - known):
            session.add(
                VersionRow(model_id=self.model.id, name=name, created_at=self.clock(), created_by=self.actor.name)
            )

    def _row(self, mark: Mark, digest: str, *, n_duplicates: int) -> BatchRow:
        window = self.plan.window(mark.window).name
        content = json.dumps([self.source.url, self.source.table_name, mark.stored], sort_keys=True)
        return BatchRow(
            model_id=self.model.id,
            role=BatchRole.PRODUCTION,
            schema_digest=self.schema.digest,
            source_name=f"{self.source.table_name} {window}",
            source_sha256=hashlib.sha256(content.encode()).hexdigest(),
            records_sha256=digest,
            n_rows=mark.rows - n_duplicates,
            n_rejected=mark.rejected,
            n_duplicates=n_duplicates,
            first_at=mark.first_at,
            last_at=mark.last_at,
            notes=[f"counted in {self.source.table_name}; kept here is a sample"],
            created_at=self.clock(),
            created_by=self.actor.name,
            source_id=self.source.id,
            source_mark=mark.stored,
        )


def _of(tables: Mapping[tuple[CellKey, str], Any], window: int) -> dict[tuple[CellKey, str], Any]:
    return {key: table for key, table in tables.items() if key[0].window == window}
