"""The SQL tables of what is watched, what fired and who answered, as SQLAlchemy models.

Moves of alerts are only ever added to: triggers that migrations make refuse anything else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Double, ForeignKey, LargeBinary, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.storage.tables import Base

__all__ = [
    "AlarmPolicyRow",
    "AlertMoveRow",
    "AlertRow",
    "IncidentRow",
    "SampleRow",
    "SeriesRow",
    "WatchRow",
    "WatchWindowRow",
]


class AlarmPolicyRow(Base):
    """What a model's alarms hold to, as somebody set it; the newest is in force."""

    __tablename__ = "alarm_policy"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    content: Mapped[str] = mapped_column(Text)
    digest: Mapped[str] = mapped_column(String(64))
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))


class WatchRow(Base):
    """An armed reference: one set of subjects under one policy, from the window after `starts_after` on."""

    __tablename__ = "watch"
    __table_args__ = (UniqueConstraint("model_id", "kind", "basis"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    kind: Mapped[str] = mapped_column(String(20))
    basis: Mapped[str] = mapped_column(String(64))
    profile_id: Mapped[int] = mapped_column(ForeignKey("profile.id"))
    policy_digest: Mapped[str] = mapped_column(String(64))
    content: Mapped[str] = mapped_column(Text)
    starts_after: Mapped[int | None] = mapped_column(BigInteger)
    mark: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    superseded_at: Mapped[datetime | None]


class WatchWindowRow(Base):
    """A sealed window: what every bet won in it, and every subject's wealth after it."""

    __tablename__ = "watch_window"

    watch_id: Mapped[int] = mapped_column(ForeignKey("watch.id"), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    counts_sha256: Mapped[str] = mapped_column(String(64))
    log_e: Mapped[bytes] = mapped_column(LargeBinary)
    log_wealth: Mapped[bytes] = mapped_column(LargeBinary)
    sealed_at: Mapped[datetime]
    reopened_at: Mapped[datetime | None]


class IncidentRow(Base):
    """A subject that left its margin; what fired stays, even if late rows take its reason away."""

    __tablename__ = "incident"
    __table_args__ = (UniqueConstraint("watch_id", "light", "subject", "opened_window"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    watch_id: Mapped[int] = mapped_column(ForeignKey("watch.id"), index=True)
    light: Mapped[str] = mapped_column(String(20))
    subject: Mapped[str] = mapped_column(Text)
    family: Mapped[str] = mapped_column(String(20))
    column: Mapped[str] = mapped_column(Text)
    monitor: Mapped[str] = mapped_column(Text)
    sign: Mapped[int]
    shift: Mapped[float] = mapped_column(Double)
    opened_window: Mapped[int] = mapped_column(BigInteger)
    closed_window: Mapped[int | None] = mapped_column(BigInteger)
    log_wealth: Mapped[float] = mapped_column(Double)
    alert_id: Mapped[int | None] = mapped_column(ForeignKey("alert.id"), index=True)
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]


class AlertRow(Base):
    """Something that somebody must look at: incidents that began together."""

    __tablename__ = "alert"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"), index=True)
    state: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(String(20))
    opened_window: Mapped[int] = mapped_column(BigInteger)
    evidence_sha256: Mapped[str] = mapped_column(ForeignKey("evidence.sha256"))
    opened_at: Mapped[datetime]


class AlertMoveRow(Base):
    """What became of an alert: who, when, with what words."""

    __tablename__ = "alert_move"

    id: Mapped[int] = mapped_column(primary_key=True)
    alert_id: Mapped[int] = mapped_column(ForeignKey("alert.id"), index=True)
    move: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(20))
    actor: Mapped[str] = mapped_column(String(200))
    text: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime]
    ledger_seq: Mapped[int] = mapped_column(BigInteger)


class SampleRow(Base):
    """Rows of a batch that are kept at hand for what counts can't answer, drawn by the hash of their ids."""

    __tablename__ = "sample"

    batch_id: Mapped[int] = mapped_column(ForeignKey("batch.id"), primary_key=True)
    sha256: Mapped[str] = mapped_column(String(64))
    n_rows: Mapped[int]


class SeriesRow(Base):
    """One number a window that is made from sampled rows: rows, sum and sum of squares."""

    __tablename__ = "window_series"

    profile_id: Mapped[int] = mapped_column(ForeignKey("profile.id"), primary_key=True)
    role: Mapped[str] = mapped_column(String(20), primary_key=True)
    name: Mapped[str] = mapped_column(String(50), primary_key=True)
    window: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    basis: Mapped[str] = mapped_column(String(64))
    n: Mapped[float] = mapped_column(Double)
    total: Mapped[float] = mapped_column(Double)
    total_of_squares: Mapped[float] = mapped_column(Double)
    detail: Mapped[dict[str, Any]]
