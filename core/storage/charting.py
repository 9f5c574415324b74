"""The SQL tables of control charts: every phase I that a chart had, and what was decided on those proposed.

Both are only ever added to: triggers that the migration makes refuse anything else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from core.storage.tables import Base

__all__ = ["ControlPhaseDecisionRow", "ControlPhaseRow"]


class ControlPhaseRow(Base):
    """A phase I: for each series it is of the period, the points excluded, and the limits they gave.

    What is fitted inside the reference, and what is excluded from it, holds at once; what is proposed waits for
    its decision.
    """

    __tablename__ = "control_phase"
    __table_args__ = (Index("ix_control_phase_model_id_segment", "model_id", "segment"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_id: Mapped[int] = mapped_column(ForeignKey("model.id"))
    version: Mapped[str] = mapped_column(String(200))
    segment: Mapped[str] = mapped_column(String(500))
    step: Mapped[str] = mapped_column(String(20))
    phases: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(200))
    ledger_seq: Mapped[int] = mapped_column(BigInteger)


class ControlPhaseDecisionRow(Base):
    """What somebody else decided on a proposed phase I: one decision each."""

    __tablename__ = "control_phase_decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    phase_id: Mapped[int] = mapped_column(ForeignKey("control_phase.id"), unique=True)
    step: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str] = mapped_column(Text)
    decided_at: Mapped[datetime]
    decided_by: Mapped[str] = mapped_column(String(200))
    ledger_seq: Mapped[int] = mapped_column(BigInteger)
