"""The SQL tables, as SQLAlchemy models; migrations/ builds them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

__all__ = [
    "Base",
    "BatchRow",
    "CountRow",
    "LabelBatchRow",
    "LabelLinkRow",
    "ModelRow",
    "ProfileRow",
    "ProfiledBatchRow",
    "SchemaRow",
    "SourceRow",
    "SumRow",
    "VersionRow",
]

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """An aware instant; SQLite keeps it as naive UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive instants, and store UTC."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"An instant must know its time zone, got {value!r}.")
        return value.astimezone(UTC).replace(tzinfo=None if dialect.name == "sqlite" else UTC)

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give back aware UTC."""
        return None if value is None else value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """All tables."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        datetime: UtcDateTime,
        dict[str, Any]: JSON,
        list[str]: JSON,
    }


class ModelRow(Base):
    """A model that is watched."""

    __tablename__ = "model"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))


class SchemaRow(Base):
    """A schema that a model had; the newest is in force."""

    __tablename__ = "model_schema"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(Text)
    canonical: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))


class VersionRow(Base):
    """A version of a model that may serve."""

    __tablename__ = "version"
    __table_args__ = (UniqueConstraint("model_id", "name"), Index("ix_version_origin", "origin", unique=True))

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    name: Mapped[str] = mapped_column(String(200))
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20), server_default="candidate")
    artefact_sha256: Mapped[str | None] = mapped_column(String(64))
    parameters: Mapped[dict[str, Any] | None]
    training: Mapped[dict[str, Any] | None]
    parent: Mapped[str | None] = mapped_column(String(200))
    origin: Mapped[str | None] = mapped_column(String(200))


class BatchRow(Base):
    """One file of records that was taken in; the row is the truth, its Parquet file follows it."""

    __tablename__ = "batch"
    __table_args__ = (Index("ix_batch_model_id_role", "model_id", "role"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    role: Mapped[str] = mapped_column(String(20))
    evaluated_version: Mapped[str | None] = mapped_column(String(200))
    schema_digest: Mapped[str] = mapped_column(String(64))
    source_name: Mapped[str] = mapped_column(Text)
    source_sha256: Mapped[str] = mapped_column(String(64), index=True)
    records_sha256: Mapped[str] = mapped_column(String(64), index=True)
    rejects_sha256: Mapped[str | None] = mapped_column(String(64))
    n_rows: Mapped[int] = mapped_column(BigInteger)
    n_rejected: Mapped[int] = mapped_column(BigInteger)
    n_duplicates: Mapped[int] = mapped_column(BigInteger)
    duplicate_times: Mapped[dict[str, Any] | None]
    first_row: Mapped[int] = mapped_column(BigInteger)
    first_at: Mapped[datetime | None]
    last_at: Mapped[datetime | None]
    notes: Mapped[list[str]]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))
    retracted_at: Mapped[datetime | None]
    retracted_by: Mapped[str | None] = mapped_column(String(200))
    retracted_reason: Mapped[str | None] = mapped_column(Text)
    source_id: Mapped[int | None]
    source_mark: Mapped[dict[str, Any] | None]


class SourceRow(Base):
    """A table that is monitored where it lies; each of its windows is a batch, whose file is a sample."""

    __tablename__ = "source"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    url: Mapped[str] = mapped_column(Text)
    table_name: Mapped[str] = mapped_column(Text)
    version: Mapped[str | None] = mapped_column(String(200))
    columns: Mapped[dict[str, Any]]
    watermark_at: Mapped[datetime | None]
    read_at: Mapped[datetime | None]
    findings: Mapped[list[str]]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))
    removed_at: Mapped[datetime | None]


class LabelBatchRow(Base):
    """One file of late labels."""

    __tablename__ = "label_batch"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    source_name: Mapped[str] = mapped_column(Text)
    source_sha256: Mapped[str] = mapped_column(String(64))
    labels_sha256: Mapped[str] = mapped_column(String(64), index=True)
    rejects_sha256: Mapped[str | None] = mapped_column(String(64))
    n_rows: Mapped[int] = mapped_column(BigInteger)
    n_rejected: Mapped[int] = mapped_column(BigInteger)
    last_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))


class LabelLinkRow(Base):
    """How many labels of a label batch belong to records of a batch."""

    __tablename__ = "label_link"

    label_batch_id: Mapped[int] = mapped_column(ForeignKey("label_batch.id"), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    n: Mapped[int] = mapped_column(BigInteger)


class ProfileRow(Base):
    """What is counted and on which bins, for one schema and one reference of a model."""

    __tablename__ = "profile"
    __table_args__ = (UniqueConstraint("model_id", "basis"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    basis: Mapped[str] = mapped_column(String(64))
    digest: Mapped[str] = mapped_column(String(64))
    spec: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]  # counted wholly for the first time: shown from then on


class ProfiledBatchRow(Base):
    """A batch has been counted for a profile, with the labels up to `label_mark`."""

    __tablename__ = "profiled_batch"

    profile_id: Mapped[int] = mapped_column(ForeignKey("profile.id"), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    label_mark: Mapped[int] = mapped_column(BigInteger)


class _Cell:
    """What a stored table counts: one batch, window, version and segment, and the table's name."""

    profile_id: Mapped[int] = mapped_column(ForeignKey("profile.id"), primary_key=True)
    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    segment: Mapped[str] = mapped_column(String(500), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    version: Mapped[str] = mapped_column(String(200), primary_key=True)
    name: Mapped[str] = mapped_column(Text, primary_key=True)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class CountRow(_Cell, Base):
    """A count table."""

    __tablename__ = "count_table"

    n: Mapped[int] = mapped_column(BigInteger)


class SumRow(_Cell, Base):
    """Real-valued sums that lie beside the counts: float64, little endian, in C order."""

    __tablename__ = "sum_table"
