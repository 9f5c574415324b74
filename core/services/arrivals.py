"""How the records of every window came in, read from batches and their counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core.profile.spec import joint_table
from core.profile.windows import WindowPlan
from core.quality.arrivals import Arrivals
from core.quality.columns import QualityFinding, QualityProblem
from core.record import BatchRole
from core.services.observations import Context
from core.storage.repository import Repository
from core.storage.tables import BatchRow, CountRow, ModelRow, ProfileRow, SchemaRow

__all__ = ["Intake", "load_intake", "repeated_ids"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """The records of every window, the windows without one, and what files said of their columns."""

    arrivals: tuple[Arrivals, ...]
    gaps: tuple[str, ...]
    columns: Mapping[int, tuple[QualityFinding, ...]]
    last_record_at: datetime | None

    def of(self, window: str) -> Arrivals | None:
        """How the records of one window came in."""
        return next((arrivals for arrivals in self.arrivals if arrivals.window == window), None)


def load_intake(session: Session, model: ModelRow, profile: ProfileRow, context: Context, plan: WindowPlan) -> Intake:
    """How a model's production records came in; one is late where an earlier batch reached beyond its window."""
    repository = Repository(session)
    batches = list(repository.batches(model, roles=[BatchRole.PRODUCTION]))
    by_batch = _counted(session, profile, [batch.id for batch in batches])
    repeated = Counter(repeated_ids(plan, batches))
    late, aside, notes = Counter[int](), Counter[int](), dict[int, tuple[QualityFinding, ...]]()
    reached: datetime | None = None
    for batch in batches:
        windows = by_batch.get(batch.id, {})
        for key, n in windows.items():
            end = plan.window(key).end_at
            if reached is not None and end is not None and end <= reached:
                late[key] += n
        if batch.last_at is not None:
            reached = max(reached or batch.last_at, batch.last_at)
        if windows:
            aside[max(windows)] += batch.n_rejected
            found = tuple(_of_notes(batch))
            if found:
                notes[max(windows)] = (*notes.get(max(windows), ()), *found)
    for key, finding in _schema_changes(session, model, context):
        notes[key] = (*notes.get(key, ()), finding)
    sizes = [window.n for window in context.reference_windows]
    typical = float(np.median(sizes)) if sizes and context.unit_is_calendar else None
    shown = () if context.shows_reference else context.windows
    known = {window.window.key for window in shown}
    return Intake(
        arrivals=tuple(
            Arrivals(
                window=window.name,
                n=window.n,
                n_late=late[window.window.key],
                n_repeated=repeated[window.window.key],
                n_set_aside=aside[window.window.key],
                n_typical=typical,
            )
            for window in shown
        ),
        gaps=tuple(w.name for w in plan.between(min(known), max(known)) if w.key not in known) if known else (),
        columns=notes,
        last_record_at=context.data_to,
    )


def repeated_ids(plan: WindowPlan, batches: Iterable[BatchRow]) -> dict[int, int]:
    """Rows by window whose id was known already."""
    found = Counter[int]()
    for batch in batches:
        times = batch.duplicate_times or {}
        if times and plan.unit is None:
            found[int(plan.keys_of_rows(batch.first_row, 1)[0])] += sum(times.values())
        elif times:
            keys = plan.keys_of_times(np.array([int(moment) for moment in times], dtype=np.int64))
            for key, n in zip(keys.tolist(), times.values(), strict=True):
                found[key] += n
    return dict(found)


def _counted(session: Session, profile: ProfileRow, batches: Sequence[int]) -> dict[int, dict[int, int]]:
    """Rows by batch and window."""
    query = (
        select(CountRow.batch_id, CountRow.window, func.sum(CountRow.n))
        .where(CountRow.profile_id == profile.id, CountRow.segment == "", CountRow.name == joint_table())
        .where(CountRow.batch_id.in_(batches))
        .group_by(CountRow.batch_id, CountRow.window)
    )
    found: dict[int, dict[int, int]] = {}
    for batch, window, n in session.execute(query):
        found.setdefault(batch, {})[window] = int(n)
    return found


def _of_notes(batch: BatchRow) -> Iterable[QualityFinding]:
    """What a file's header said, in the words that were kept of it."""
    for note in batch.notes:
        problem = {"lacks": QualityProblem.COLUMN_ABSENT, "has": QualityProblem.COLUMN_NEW}.get(note.split(" ", 1)[0])
        if problem is not None:
            yield QualityFinding(problem=problem, words=f"Batch {batch.id} {note}.")


def _schema_changes(session: Session, model: ModelRow, context: Context) -> Iterable[tuple[int, QualityFinding]]:
    """Schemas that replaced another, in the window that they did."""
    rows = list(session.scalars(select(SchemaRow).where(SchemaRow.model_id == model.id).order_by(SchemaRow.id)))
    for row in rows[1:]:
        for window in context.windows:
            start, end = window.window.start_at, window.window.end_at
            if start is not None and end is not None and start <= row.created_at < end:
                words = f"{row.created_by} gave the model another schema; all records were counted anew."
                yield window.window.key, QualityFinding(problem=QualityProblem.SCHEMA_CHANGED, words=words)
