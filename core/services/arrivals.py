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
from core.services.observations import Context, WindowInfo
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
    """How a model's production records came in; one is late where an earlier batch reached beyond its window.

    What a file's header said, and how many of its rows were set aside, is told of every window that it has
    rows of; of the last window, where it has none that could be counted.
    """
    repository = Repository(session)
    batches = list(repository.batches(model, roles=[BatchRole.PRODUCTION]))
    shown = () if context.shows_reference else context.windows
    by_batch = _counted(session, profile, [batch.id for batch in batches])
    repeated = Counter(repeated_ids(plan, batches))
    late, aside, in_files = Counter[int](), Counter[int](), Counter[int]()
    notes: dict[int, tuple[QualityFinding, ...]] = {}
    reached: datetime | None = None
    for batch in batches:
        windows = by_batch.get(batch.id) or {shown[-1].window.key: 0} if shown else {}
        found = tuple(_of_notes(batch))
        for key, n in windows.items():
            end = plan.window(key).end_at
            if reached is not None and end is not None and end <= reached:
                late[key] += n
            aside[key] += batch.n_rejected
            in_files[key] += batch.n_rows + batch.n_rejected + batch.n_duplicates
            notes[key] = (*notes.get(key, ()), *found)
        if batch.last_at is not None:
            reached = max(reached or batch.last_at, batch.last_at)
    for key, finding in _schema_changes(session, model, batches, by_batch, context):
        notes[key] = (*notes.get(key, ()), finding)
    sizes = [window.n for window in context.reference_windows]
    typical = float(np.median(sizes)) if sizes and context.unit_is_calendar else None
    known = {window.window.key for window in shown}
    return Intake(
        arrivals=tuple(
            Arrivals(
                window=window.name,
                n=window.n,
                n_late=late[window.window.key],
                n_repeated=repeated[window.window.key],
                n_set_aside=aside[window.window.key],
                n_in_files=in_files[window.window.key],
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


def _schema_changes(
    session: Session,
    model: ModelRow,
    batches: Sequence[BatchRow],
    by_batch: Mapping[int, Mapping[int, int]],
    context: Context,
) -> Iterable[tuple[int, QualityFinding]]:
    """Schemas that replaced another, in the windows of the first file taken in by each, else of that moment."""
    rows = list(session.scalars(select(SchemaRow).where(SchemaRow.model_id == model.id).order_by(SchemaRow.id)))
    for row in rows[1:]:
        on = f"{row.created_at.day} {row.created_at:%b %Y}"
        words = f"{row.created_by} gave the model another schema on {on}; all records were counted anew."
        finding = QualityFinding(problem=QualityProblem.SCHEMA_CHANGED, words=words)
        taken = [b for b in batches if b.schema_digest == row.digest and b.created_at >= row.created_at]
        if taken:
            windows = set(by_batch.get(taken[0].id, {}))
        else:
            windows = {w.window.key for w in context.windows if _holds(w, row.created_at)}
        for key in windows:
            yield key, finding


def _holds(info: WindowInfo, moment: datetime) -> bool:
    start, end = info.window.start_at, info.window.end_at
    return start is not None and end is not None and start <= moment < end
