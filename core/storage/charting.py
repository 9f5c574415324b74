"""The SQL tables of control charts: every phase I that a chart had, and what was decided on those proposed.

Both are only ever added to: triggers that the migration makes refuse anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from core.governance.evidence import digest_of
from core.governance.ledger import Entry
from core.storage.tables import Base

__all__ = ["ControlPhaseDecisionRow", "ControlPhaseRow", "digest_of_phases", "unlike_the_ledger"]


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


def digest_of_phases(row: ControlPhaseRow) -> str:
    """SHA-256 of what a version says: the ledger's entry names it, so that it can't be altered unseen."""
    return digest_of(
        {"version": row.version, "segment": row.segment, "step": row.step, "phases": row.phases, "text": row.reason}
    )


def unlike_the_ledger(session: Session, entries: Sequence[Entry]) -> Iterator[str]:
    """Phases I and decisions that differ from their entries: charts rest on these, so they are held to the chain."""
    by_seq = {entry.seq: entry for entry in entries}
    told: set[int] = set()
    for row in session.scalars(select(ControlPhaseRow).order_by(ControlPhaseRow.id)):
        entry = by_seq.get(row.ledger_seq)
        agrees = entry is not None and (entry.actor, entry.action, entry.at, entry.objects.get("digest")) == (
            row.created_by,
            f"phase.{row.step}",
            row.created_at,
            digest_of_phases(row),
        )
        if not agrees:
            yield f"Phase I {row.id} isn't what entry {row.ledger_seq} says."
        told.add(row.ledger_seq)
    for decision in session.scalars(select(ControlPhaseDecisionRow).order_by(ControlPhaseDecisionRow.id)):
        entry = by_seq.get(decision.ledger_seq)
        said = (decision.decided_by, f"phase.{decision.step}", decision.decided_at)
        objects = {} if entry is None else entry.objects
        agrees = (
            entry is not None
            and (entry.actor, entry.action, entry.at) == said
            and (objects.get("phase"), objects.get("text")) == (decision.phase_id, decision.reason)
        )
        if not agrees:
            yield f"The decision on phase I {decision.phase_id} isn't what entry {decision.ledger_seq} says."
        told.add(decision.ledger_seq)
    for entry in entries:
        if entry.action.startswith("phase.") and entry.seq not in told:
            yield f"The phase I that entry {entry.seq} tells of is missing."
