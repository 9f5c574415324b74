"""Queries on the SQL tables, by name and in the words of the domain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.errors import InputError, UnknownNameError
from core.record import BatchRole
from core.schema import ModelSchema
from core.storage.alerting import SampleRow
from core.storage.tables import (
    BatchRow,
    LabelBatchRow,
    LabelLinkRow,
    ModelRow,
    ProfiledBatchRow,
    ProfileRow,
    SchemaRow,
    SourceRow,
    VersionRow,
)

__all__ = ["COUNTED_ROLES", "LIVE_ROLES", "Repository"]


COUNTED_ROLES = (BatchRole.REFERENCE, BatchRole.PRODUCTION, BatchRole.BASELINE)  # rows of these are kept at hand
LIVE_ROLES = (BatchRole.REFERENCE, BatchRole.PRODUCTION)  # an id is unique among these


@dataclass(frozen=True, slots=True)
class Repository:
    """What is stored, seen through one session."""

    session: Session

    def models(self) -> Sequence[ModelRow]:
        """All models, by name."""
        return self.session.scalars(select(ModelRow).order_by(ModelRow.name)).all()

    def model(self, name: str) -> ModelRow:
        """The model of this name; raises UnknownNameError."""
        row = self.session.scalar(select(ModelRow).where(ModelRow.name == name))
        if row is None:
            raise UnknownNameError("model", name, [model.name for model in self.models()])
        return row

    def schema_row(self, model: ModelRow) -> SchemaRow:
        """The schema in force."""
        query = select(SchemaRow).where(SchemaRow.model_id == model.id).order_by(SchemaRow.id.desc()).limit(1)
        return self.session.scalars(query).one()

    def schema(self, model: ModelRow) -> ModelSchema:
        """The schema in force, read."""
        return ModelSchema.model_validate_json(self.schema_row(model).canonical)

    def versions(self, model: ModelRow) -> list[str]:
        """Names of the registered versions, oldest first."""
        query = select(VersionRow.name).where(VersionRow.model_id == model.id).order_by(VersionRow.id)
        return list(self.session.scalars(query))

    def batches(
        self, model: ModelRow, *, roles: Collection[BatchRole] = tuple(BatchRole), retracted: bool = False
    ) -> Sequence[BatchRow]:
        """Batches in id order; retracted ones only if asked for."""
        query = select(BatchRow).where(BatchRow.model_id == model.id, BatchRow.role.in_(roles)).order_by(BatchRow.id)
        if not retracted:
            query = query.where(BatchRow.retracted_at.is_(None))
        return self.session.scalars(query).all()

    def reference(self, model: ModelRow) -> Sequence[BatchRow]:
        """The batches that windows are held against: what was decided last, else what was taken in as the reference."""
        decided = self.batches(model, roles=[BatchRole.BASELINE])
        return decided[-1:] or self.batches(model, roles=[BatchRole.REFERENCE])

    def batch(self, batch_id: int) -> BatchRow:
        """One batch, retracted or not; raises UnknownNameError."""
        row = self.session.get(BatchRow, batch_id)
        if row is None:
            known = self.session.scalars(select(BatchRow.id).order_by(BatchRow.id.desc()).limit(10))
            raise UnknownNameError("batch", str(batch_id), map(str, known))
        return row

    def same_batch(
        self, model: ModelRow, *, role: BatchRole, evaluated_version: str | None, schema_digest: str, sha256: str
    ) -> BatchRow | None:
        """The live batch that the same file became earlier, or None."""
        query = select(BatchRow).where(
            BatchRow.model_id == model.id,
            BatchRow.role == role,
            BatchRow.schema_digest == schema_digest,
            BatchRow.source_sha256 == sha256,
            BatchRow.retracted_at.is_(None),
        )
        return next((b for b in self.session.scalars(query) if b.evaluated_version == evaluated_version), None)

    def next_row_number(self, model: ModelRow, role: BatchRole) -> int:
        """The number of the next row of a role, in file order; numbers are never used twice."""
        last = select(func.max(BatchRow.first_row + BatchRow.n_rows))
        return self.session.scalar(last.where(BatchRow.model_id == model.id, BatchRow.role == role)) or 0

    def label_batches(self, model: ModelRow) -> Sequence[LabelBatchRow]:
        """Late-label batches in id order."""
        query = select(LabelBatchRow).where(LabelBatchRow.model_id == model.id).order_by(LabelBatchRow.id)
        return self.session.scalars(query).all()

    def same_label_batch(self, model: ModelRow, sha256: str) -> LabelBatchRow | None:
        """The late-label batch that the same file became earlier, or None."""
        query = select(LabelBatchRow).where(LabelBatchRow.model_id == model.id, LabelBatchRow.source_sha256 == sha256)
        return self.session.scalar(query)

    def label_batches_of(self, batch: BatchRow, *, after: int = 0) -> Sequence[LabelBatchRow]:
        """Late-label batches that hold labels for records of a batch, in id order."""
        query = (
            select(LabelBatchRow)
            .join(LabelLinkRow, LabelLinkRow.label_batch_id == LabelBatchRow.id)
            .where(LabelLinkRow.batch_id == batch.id, LabelBatchRow.id > after)
            .order_by(LabelBatchRow.id)
        )
        return self.session.scalars(query).all()

    def label_marks(self, model: ModelRow) -> dict[int, int]:
        """The last late-label batch that holds labels of each batch of records."""
        query = (
            select(LabelLinkRow.batch_id, func.max(LabelLinkRow.label_batch_id))
            .join(BatchRow, BatchRow.id == LabelLinkRow.batch_id)
            .where(BatchRow.model_id == model.id)
            .group_by(LabelLinkRow.batch_id)
        )
        return {batch: int(mark) for batch, mark in self.session.execute(query)}

    def n_matched(self, model: ModelRow) -> dict[int, int]:
        """How many labels of each late-label batch found their record."""
        query = (
            select(LabelLinkRow.label_batch_id, func.sum(LabelLinkRow.n))
            .join(LabelBatchRow, LabelBatchRow.id == LabelLinkRow.label_batch_id)
            .where(LabelBatchRow.model_id == model.id)
            .group_by(LabelLinkRow.label_batch_id)
        )
        return {label_batch: int(n) for label_batch, n in self.session.execute(query)}

    def profile(self, model: ModelRow, basis: str) -> ProfileRow | None:
        """The profile made on this basis, if there is one."""
        query = select(ProfileRow).where(ProfileRow.model_id == model.id, ProfileRow.basis == basis)
        return self.session.scalar(query)

    def profiles(self, model: ModelRow) -> Sequence[ProfileRow]:
        """The profiles of a model, newest first."""
        query = select(ProfileRow).where(ProfileRow.model_id == model.id).order_by(ProfileRow.id.desc())
        return self.session.scalars(query).all()

    def profiled(self, profile: ProfileRow) -> dict[int, int]:
        """The batches counted for a profile, and up to which late-label batch each was."""
        query = select(ProfiledBatchRow.batch_id, ProfiledBatchRow.label_mark)
        rows = self.session.execute(query.where(ProfiledBatchRow.profile_id == profile.id))
        return {row.batch_id: row.label_mark for row in rows}

    def known_files(self) -> set[str]:
        """Digests of all data files that some row names."""
        columns = (
            BatchRow.records_sha256,
            BatchRow.rejects_sha256,
            LabelBatchRow.labels_sha256,
            LabelBatchRow.rejects_sha256,
            SampleRow.sha256,
        )
        return {digest for column in columns for digest in self.session.scalars(select(column)) if digest is not None}

    def source_table(self, model: ModelRow) -> str | None:
        """The table that a model is monitored in; None for one that takes files."""
        query = select(SourceRow.table_name).where(SourceRow.model_id == model.id, SourceRow.removed_at.is_(None))
        return self.session.scalar(query)

    def sample(self, batch: BatchRow) -> SampleRow | None:
        """The rows of a batch that are kept at hand."""
        return self.session.get(SampleRow, batch.id)

    def known_artefacts(self) -> set[str]:
        """Digests of all model artefacts that some version names."""
        return {digest for digest in self.session.scalars(select(VersionRow.artefact_sha256)) if digest is not None}

    def version(self, model: ModelRow, name: str) -> VersionRow:
        """One version of a model; raises UnknownNameError."""
        row = self.session.scalar(select(VersionRow).where(VersionRow.model_id == model.id, VersionRow.name == name))
        if row is None:
            raise UnknownNameError(f"version of {model.name}", name, self.versions(model))
        return row


def check_name(kind: str, name: str) -> str:
    """A name that can stand in tables, addresses and files; raises InputError."""
    if not name.strip() or len(name) > 200 or any(ord(char) < 32 or "\ud800" <= char <= "\udfff" for char in name):
        raise InputError(f"A {kind} name needs 1 to 200 printable characters, got {name[:40]!r}.")
    return name
