"""The ledger's entries in the database; they are only ever added."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.governance.evidence import Evidence, canonical_json
from core.governance.ledger import Entry, Receipt, next_entry
from core.storage.database import take_lock
from core.storage.signing import EvidenceRow, LedgerRow

__all__ = ["append", "entries", "head", "keep", "n_entries", "named", "read_evidence"]


def append(session: Session, *, at: datetime, actor: str, action: str, objects: Mapping[str, Any]) -> Receipt:
    """Add an entry in the transaction of what it tells of; the last lock that a transaction takes."""
    take_lock(session, "ledger")
    entry = next_entry(head(session), at=at, actor=actor, action=action, objects=objects)
    session.add(
        LedgerRow(
            seq=entry.seq,
            at=entry.at.astimezone(UTC).isoformat(),
            actor=entry.actor,
            action=entry.action,
            objects=canonical_json(dict(entry.objects)),
            previous_hash=entry.previous_hash,
            hash=entry.hash,
        )
    )
    session.flush()
    return Receipt(seq=entry.seq, hash=entry.hash)


def head(session: Session) -> Receipt | None:
    """The newest entry; None while there is none."""
    row = session.execute(select(LedgerRow.seq, LedgerRow.hash).order_by(LedgerRow.seq.desc()).limit(1)).first()
    return None if row is None else Receipt(seq=row.seq, hash=row.hash)


def entries(
    session: Session,
    *,
    after: int = 0,
    before: int | None = None,
    newest: int | None = None,
    by: str | None = None,
    action: str | None = None,
) -> list[Entry]:
    """Entries in the order of their numbers, `after` and `before` exclusive; of them the `newest` so many."""
    query = select(LedgerRow).where(LedgerRow.seq > after)
    if before is not None:
        query = query.where(LedgerRow.seq < before)
    if by is not None:
        query = query.where(LedgerRow.actor == by)
    if action is not None:
        query = query.where(LedgerRow.action == action)
    if newest is None:
        return list(_read(session.scalars(query.order_by(LedgerRow.seq))))
    found = session.scalars(query.order_by(LedgerRow.seq.desc()).limit(newest)).all()
    return list(_read(reversed(found)))


def named(session: Session) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Whose entries there are, and of which actions, both sorted."""
    return (
        tuple(session.scalars(select(LedgerRow.actor).distinct().order_by(LedgerRow.actor))),
        tuple(session.scalars(select(LedgerRow.action).distinct().order_by(LedgerRow.action))),
    )


def n_entries(session: Session) -> int:
    """How many entries there are."""
    return session.scalar(select(func.count()).select_from(LedgerRow)) or 0


def keep(session: Session, evidence: Evidence) -> None:
    """Store evidence; the same evidence twice is one."""
    if session.get(EvidenceRow, evidence.sha256) is None:
        session.add(EvidenceRow(sha256=evidence.sha256, content=evidence.content, frozen_at=evidence.frozen_at))
        session.flush()


def read_evidence(session: Session, sha256: str) -> Evidence:
    """Evidence by its name; raises ValueError where it was altered or is gone."""
    row = session.get(EvidenceRow, sha256)
    if row is None:
        raise ValueError(f"Evidence {sha256[:12]} is missing.")
    return Evidence.read(row.content, sha256)


def _read(rows: Iterable[LedgerRow]) -> Iterator[Entry]:
    for row in rows:
        at, objects = _parsed(row)
        yield Entry(
            seq=row.seq,
            at=at,
            actor=row.actor,
            action=row.action,
            objects=objects,
            previous_hash=row.previous_hash,
            hash=row.hash,
        )


def _parsed(row: LedgerRow) -> tuple[datetime, Mapping[str, Any]]:
    """Time and objects; what isn't spelled as it was written can't have its hash, whatever else it says."""
    try:
        at, objects = datetime.fromisoformat(row.at), json.loads(row.objects)
        if at.astimezone(UTC).isoformat() == row.at and canonical_json(dict(objects)) == row.objects:
            return at, objects
    except (ValueError, TypeError):
        pass
    return datetime.min.replace(tzinfo=UTC), {"unreadable": f"{row.at} {row.objects}"}
