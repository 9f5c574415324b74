"""Batches that were taken in: list them, look at what was set aside, retract one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import delete
from sqlalchemy.orm import Session

from core.errors import ConflictError, InputError
from core.governance.identity import Actor, Right, allowed
from core.logs.validation import REJECTS
from core.record import BatchRole
from core.services.reference import check_reference_signed
from core.storage.counts import delete_tables
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.ledger import append
from core.storage.repository import Repository
from core.storage.tables import BatchRow, ModelRow, ProfiledBatchRow

__all__ = ["BatchInfo", "BatchService", "LabelBatchInfo", "take_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchInfo:
    """One batch of records."""

    id: int
    model: str
    role: BatchRole
    source_name: str
    source_sha256: str
    evaluated_version: str | None
    n_rows: int
    n_rejected: int
    n_duplicates: int
    first_at: datetime | None
    last_at: datetime | None
    notes: tuple[str, ...]
    created_at: datetime
    created_by: str
    retracted_at: datetime | None
    retracted_by: str | None
    retracted_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelBatchInfo:
    """One batch of late labels; `n_matched` have found their record."""

    id: int
    source_name: str
    source_sha256: str
    n_rows: int
    n_rejected: int
    n_matched: int
    created_at: datetime
    created_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchService:
    """What came in, and taking a batch out again."""

    database: Database
    files: WorkspaceFiles
    clock: Callable[[], datetime]

    @allowed(Right.READ)
    def list(self, actor: Actor, model: str) -> tuple[BatchInfo, ...]:  # noqa: ARG002 (every call takes the actor)
        """All batches of a model in id order, the retracted ones too."""
        with self.database.read() as session:
            repository = Repository(session)
            return tuple(_info(row, model) for row in repository.batches(repository.model(model), retracted=True))

    @allowed(Right.READ)
    def list_labels(self, actor: Actor, model: str) -> tuple[LabelBatchInfo, ...]:  # noqa: ARG002
        """All late-label batches of a model in id order."""
        with self.database.read() as session:
            repository = Repository(session)
            row = repository.model(model)
            matched = repository.n_matched(row)
            return tuple(
                LabelBatchInfo(
                    id=batch.id,
                    source_name=batch.source_name,
                    source_sha256=batch.source_sha256,
                    n_rows=batch.n_rows,
                    n_rejected=batch.n_rejected,
                    n_matched=matched.get(batch.id, 0),
                    created_at=batch.created_at,
                    created_by=batch.created_by,
                )
                for batch in repository.label_batches(row)
            )

    @allowed(Right.READ)
    def rejects(self, actor: Actor, batch_id: int) -> pa.Table:  # noqa: ARG002
        """The rows of a batch that were set aside, one row a problem: line, column, reason, message, raw."""
        with self.database.read() as session:
            batch = Repository(session).batch(batch_id)
            if batch.rejects_sha256 is None:
                return REJECTS.empty_table()
            return pq.read_table(self.files.path(batch.rejects_sha256))

    @allowed(Right.INGEST)
    def retract(self, actor: Actor, batch_id: int, *, reason: str) -> BatchInfo:
        """Take a batch out of every count; its file and its row stay, with who, when and why."""
        if not reason.strip():
            raise InputError("A retraction needs a reason.")
        with self.database.read() as session:
            model_id = Repository(session).batch(batch_id).model_id
        with self.database.write(f"model {model_id}") as session:
            batch = Repository(session).batch(batch_id)
            if batch.retracted_at is not None:
                raise ConflictError(f"Batch {batch_id} was retracted on {batch.retracted_at:%Y-%m-%d} already.")
            if batch.role == BatchRole.REFERENCE:
                check_reference_signed(session, session.get_one(ModelRow, model_id))
            if batch.role == BatchRole.BASELINE:
                raise ConflictError(f"{batch.source_name} made batch {batch_id} the reference: revoke that instead.")
            table = Repository(session).source_table(session.get_one(ModelRow, model_id))
            if batch.source_id is not None and table is not None:
                raise ConflictError(
                    f"Batch {batch_id} was counted in {table}, and would be again at the next reading: take its rows "
                    "out of the table."
                )
            take_out(session, batch, at=self.clock(), by=actor.name, reason=reason.strip())
            append(
                session,
                at=self.clock(),
                actor=actor.name,
                action="batch.retract",
                objects={"batch": batch.id, "records": batch.records_sha256, "text": reason.strip()},
            )
            return _info(batch, session.get_one(ModelRow, model_id).name)


def take_out(session: Session, batch: BatchRow, *, at: datetime, by: str, reason: str) -> None:
    """Take a batch out of every count, in the caller's transaction, which also notes it in the ledger."""
    batch.retracted_at, batch.retracted_by, batch.retracted_reason = at, by, reason
    delete_tables(session, batch_id=batch.id)
    session.execute(delete(ProfiledBatchRow).where(ProfiledBatchRow.batch_id == batch.id))


def _info(row: BatchRow, model: str) -> BatchInfo:
    return BatchInfo(
        id=row.id,
        model=model,
        role=BatchRole(row.role),
        source_name=row.source_name,
        source_sha256=row.source_sha256,
        evaluated_version=row.evaluated_version,
        n_rows=row.n_rows,
        n_rejected=row.n_rejected,
        n_duplicates=row.n_duplicates,
        first_at=row.first_at,
        last_at=row.last_at,
        notes=tuple(row.notes),
        created_at=row.created_at,
        created_by=row.created_by,
        retracted_at=row.retracted_at,
        retracted_by=row.retracted_by,
        retracted_reason=row.retracted_reason,
    )
