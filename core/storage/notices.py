"""The SQL tables of what people are told, as SQLAlchemy models; addresses are not among what is stored."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.storage.tables import Base

__all__ = ["NoticeChoiceRow", "NoticeRow"]


class NoticeChoiceRow(Base):
    """What somebody wants to be told, how often, and which environment variable holds where."""

    __tablename__ = "notice_choice"

    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), primary_key=True)
    variable: Mapped[str] = mapped_column(String(100))
    events: Mapped[list[str]]
    rhythm: Mapped[str] = mapped_column(String(20))
    seen_seq: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]


class NoticeRow(Base):
    """One thing that somebody is told; `due_at` is None once it was sent or given up."""

    __tablename__ = "notice"
    __table_args__ = (UniqueConstraint("account_id", "key"), Index("ix_notice_due_at", "due_at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    key: Mapped[str] = mapped_column(String(300))
    event: Mapped[str] = mapped_column(String(20))
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    n_attempts: Mapped[int]
    error: Mapped[str] = mapped_column(Text)
