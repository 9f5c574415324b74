"""What is asked of a monitored table: its windows as they are now, rows set aside, copies, and a sample."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.logs.cells import micros_of
from core.logs.in_place import InPlace
from core.profile.engines import CellKey, Tally
from core.profile.expressions import window_of
from core.profile.in_place import fetched
from core.profile.spec import ProfileSpec
from core.profile.windows import Window, WindowPlan
from core.record import ID, LABEL, LINE, TIMESTAMP, VERSION
from core.services.profiles import UNREADABLE

__all__ = ["Mark", "add_invalid", "between", "marks_of", "rejected", "runs_of", "sample_of", "without_copies"]

TOGETHER = 64  # windows that are counted by one expression
Expression = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What is asked of every window at each reading: if it changes, the window is counted again."""

    window: int
    rows: int
    labels: int
    rejected: int
    first_at: datetime
    last_at: datetime

    @property
    def stored(self) -> dict[str, int]:
        """What is kept with the window's batch."""
        return {"window": self.window, "rows": self.rows, "labels": self.labels, "rejected": self.rejected}


def marks_of(read: InPlace, plan: WindowPlan) -> dict[int, Mark]:
    """What there is of every window now."""
    import ibis

    timed = read.rows.filter(read.rows[TIMESTAMP].notnull())
    aside = read.is_rejected
    range_ = fetched(timed.filter(~aside).agg(first=timed[TIMESTAMP].min(), last=timed[TIMESTAMP].max())).to_pylist()[0]
    if range_["first"] is None:
        return {}
    keys = plan.keys_of_times(np.array([micros_of(range_["first"]), micros_of(range_["last"])]))
    windows = plan.between(int(keys[0]), int(keys[1]))
    inside = between(timed, windows)
    rows = inside.select(
        window=window_of(inside[TIMESTAMP], windows),
        at=inside[TIMESTAMP],
        good=(~read.is_rejected).ifelse(1, 0),
        labelled=(~read.is_rejected & inside[LABEL].notnull()).ifelse(1, 0),
    )
    good_at = (rows.good == 1).ifelse(rows.at, ibis.null(rows.at.type()))
    answer = rows.group_by("window").agg(
        rows=rows.good.sum().cast("int64"),
        labels=rows.labelled.sum().cast("int64"),
        n=rows.count(),
        first=good_at.min(),
        last=good_at.max(),
    )
    found = {}
    for row in fetched(answer).to_pylist():
        if row["rows"]:
            key = windows[row["window"]].key
            found[key] = Mark(
                window=key,
                rows=row["rows"],
                labels=row["labels"],
                rejected=row["n"] - row["rows"],
                first_at=_aware(row["first"]),
                last_at=_aware(row["last"]),
            )
    return found


def runs_of(keys: Sequence[int], plan: WindowPlan) -> Iterator[tuple[Window, ...]]:
    """Windows in runs without a gap, none longer than is counted at once."""
    run: list[int] = []
    for key in keys:
        if run and (len(run) >= TOGETHER or len(plan.between(run[-1], key)) > 2):
            yield tuple(map(plan.window, run))
            run = []
        run.append(key)
    if run:
        yield tuple(map(plan.window, run))


def between(rows: Expression, windows: Sequence[Window]) -> Expression:
    """The rows of a run of windows."""
    import ibis

    kind = rows[TIMESTAMP].type()
    first, last = ibis.literal(windows[0].start_at, type=kind), ibis.literal(windows[-1].end_at, type=kind)
    return rows.filter((rows[TIMESTAMP] >= first) & (rows[TIMESTAMP] < last))


def without_copies(records: Expression, windows: Sequence[Window]) -> tuple[Expression, dict[int, int]]:
    """Of rows with one id the earliest, and how many others each window has."""
    import ibis

    ids = records.group_by(window=window_of(records[TIMESTAMP], windows)).agg(n=records.count())
    total = records.agg(n=records.count(), distinct=records[ID].nunique())
    found = fetched(total).to_pylist()[0]
    if found["n"] == found["distinct"]:
        return records, {}
    ranked = records.mutate(
        **{"@@copy": ibis.row_number().over(group_by=records[ID], order_by=[records[TIMESTAMP]]).cast("int64")}
    )
    first = ranked.filter(ranked["@@copy"] == 0).drop("@@copy")
    kept = first.group_by(window=window_of(first[TIMESTAMP], windows)).agg(n=first.count())
    before, after = (
        {windows[row["window"]].key: row["n"] for row in fetched(expression).to_pylist()} for expression in (ids, kept)
    )
    return first, {key: n - after.get(key, 0) for key, n in before.items() if n != after.get(key, 0)}


def add_invalid(tally: Tally, spec: ProfileSpec, read: InPlace, inside: Expression, windows: Sequence[Window]) -> None:
    """Cells that could not be read, in the window and version of their row."""
    problems = [p for p in read.problems if p.column in spec.columns and p.reason.startswith(UNREADABLE)]
    if not problems:
        return
    known = inside.filter(inside[VERSION].notnull())
    counted = known.group_by(window=window_of(known[TIMESTAMP], windows), version=known[VERSION]).agg(
        **{f"n_{k}": problem.rows.ifelse(1, 0).sum().cast("int64") for k, problem in enumerate(problems)}
    )
    for row in fetched(counted).to_pylist():
        for k, problem in enumerate(problems):
            if row[f"n_{k}"]:
                tally.add_invalid(
                    CellKey(windows[row["window"]].key, row["version"], ""), problem.column, row[f"n_{k}"]
                )


def sample_of(records: Expression, windows: Sequence[Window], limit: int) -> dict[int, pa.Table]:
    """Of every window the rows whose ids hash lowest."""
    import ibis

    def md5(text: str) -> str:  # named for Ibis: PostgreSQL and Spark both have it, and neither runs this
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    hashed = ibis.udf.scalar.builtin(md5)
    placed = records.mutate(**{"@@window": window_of(records[TIMESTAMP], windows)})
    ranked = placed.mutate(
        **{"@@rank": ibis.row_number().over(group_by=placed["@@window"], order_by=[hashed(placed[ID])]).cast("int64")}
    )
    rows = fetched(ranked.filter(ranked["@@rank"] < limit).drop("@@rank"))
    own = [name for name in rows.column_names if not name.startswith("@@")]
    instant = pa.timestamp("us", tz="UTC")
    found = {}
    for place, window in enumerate(windows):
        part = rows.filter(pc.equal(rows["@@window"], place)).select(own)
        for position, field in enumerate(part.schema):
            if pa.types.is_timestamp(field.type):
                part = part.set_column(position, field.name, part[field.name].cast(instant))
        found[window.key] = part.append_column(LINE, pa.array(np.arange(part.num_rows), type=pa.int64()))
    return found


def rejected(read: InPlace) -> tuple[int, tuple[tuple[str, str, int], ...]]:
    """How many rows of the whole table are set aside, and how many by each problem: (column, reason, rows)."""
    asked = {f"n_{k}": problem.rows.ifelse(1, 0).sum().cast("int64") for k, problem in enumerate(read.problems)}
    (row,) = fetched(read.rows.agg(n=read.is_rejected.ifelse(1, 0).sum().cast("int64"), **asked)).to_pylist()
    named = [(problem.column, problem.reason, row[f"n_{k}"] or 0) for k, problem in enumerate(read.problems)]
    return row["n"] or 0, tuple(sorted((each for each in named if each[2]), key=lambda each: -each[2]))


def _aware(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
