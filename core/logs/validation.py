"""Blocks of raw rows turned into records, and the rows that don't fit into rejects with a reason."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.logs.cells import Cells, categories_of, read_booleans, read_classes, read_numbers, read_strings, read_times
from core.logs.tabular import BadRow, Block
from core.record import (
    EXPLORED,
    ID,
    LABEL,
    LABEL_TIME,
    LINE,
    PREDICTION,
    TIMESTAMP,
    VARIANT,
    VERSION,
    WEIGHT,
    score_columns,
)
from core.schema import ColumnType, ModelSchema, Role, Task

__all__ = ["REJECTS", "Checked", "LabelValidator", "RecordValidator", "own_columns", "type_of_cells"]

Mask = NDArray[np.bool_]

FUTURE_TOLERANCE = timedelta(days=1)
INSTANT = pa.timestamp("us", tz="UTC")

REJECTS = pa.schema(
    [
        ("line", pa.int64()),
        ("column", pa.string()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("raw", pa.string()),
        ("timestamp", INSTANT),
        ("version", pa.string()),
        ("row_before", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checked:
    """What became of one block: the records, and one reject a problem (a row can have several)."""

    records: pa.Table
    rejects: pa.Table


@dataclass(slots=True, kw_only=True)
class _Problems:
    """What is wrong with the rows of a block: (rows, column, reason, message)."""

    n_rows: int
    found: list[tuple[Mask, str, str, str]] = field(default_factory=list)

    def add(self, rows: Mask | pa.Array, column: str, reason: str, message: str) -> None:
        mask = rows if isinstance(rows, np.ndarray) else _mask(rows)
        if mask.any():
            self.found.append((mask, column, reason, message))

    @property
    def rejected(self) -> Mask:
        rejected = np.zeros(self.n_rows, dtype=bool)
        for mask, *_ in self.found:
            rejected |= mask
        return rejected


@dataclass(slots=True, kw_only=True)
class RecordValidator:
    """Checks rows of prediction logs against a model's schema.

    Parameters
    ----------
    schema : ModelSchema
    now : datetime
        Rows later than a day after it are set aside.
    version : str
        The version of rows whose log has no version column.
    known_versions : collection of str or None
        Versions that may serve; None accepts any and `versions` then holds those met.
    source_sha256 : str
        Names rows that have no id column, together with their line.
    """

    schema: ModelSchema
    now: datetime
    version: str
    known_versions: Collection[str] | None
    source_sha256: str
    versions: set[str] = field(default_factory=set)
    n_accepted: int = 0

    def check(self, block: Block) -> Checked:
        """Records and rejects of one block."""
        problems = _Problems(n_rows=block.n_rows)
        columns: dict[str, pa.Array] = {}
        for name, stored in own_columns(self.schema):
            raw = block.columns.get(name)
            if raw is None:
                columns[stored] = pa.nulls(block.n_rows, _stored_type(self.schema, name))
                continue
            cells = reader_of(self.schema, name)(raw)
            columns[stored] = cells.values
            problems.add(cells.bad, name, _unreadable(self.schema, name), cells.why)
        self._add_own_columns(block, columns)
        self._check_keys(columns, problems)
        records = pa.table({**columns, LINE: pa.array(block.lines)})
        rejected = problems.rejected
        rejects = _rejects(block, problems, records, self.n_accepted + np.cumsum(~rejected) - ~rejected)
        accepted = records.filter(pa.array(~rejected)) if rejected.any() else records
        self.n_accepted += accepted.num_rows
        self.versions.update(value for value in pc.unique(accepted[VERSION]).to_pylist() if value is not None)
        return Checked(records=accepted, rejects=rejects)

    def _add_own_columns(self, block: Block, columns: dict[str, pa.Array]) -> None:
        """Ids, versions, predictions and labels that the log doesn't have as columns."""
        schema = self.schema
        if ID not in columns:
            columns[ID] = pa.array(_position_ids(self.source_sha256, block.lines), type=pa.string())
        if VERSION not in columns:
            columns[VERSION] = pa.array([self.version] * block.n_rows, type=pa.string())
        if schema.decides_by_threshold:
            negative = next(name for name in schema.outcome.classes if name != schema.positive)
            above = pc.greater_equal(columns[score_columns(schema)[""]], schema.outcome.threshold)
            columns[PREDICTION] = pc.if_else(above, schema.positive, negative)
        missing_type = pa.float64() if schema.task is Task.REGRESSION else pa.string()
        for own, kind in ((PREDICTION, missing_type), (LABEL, missing_type), (TIMESTAMP, INSTANT)):
            columns.setdefault(own, pa.nulls(block.n_rows, kind))

    def _check_keys(self, columns: dict[str, pa.Array], problems: _Problems) -> None:
        schema = self.schema
        for role, stored in ((Role.ID, ID), (Role.TIMESTAMP, TIMESTAMP), (Role.VERSION, VERSION)):
            name = schema.name_of(role)
            if name is not None:
                unread = np.zeros(problems.n_rows, dtype=bool)
                for mask, column, *_ in problems.found:
                    unread |= mask & (column == name)
                missing = _mask(pc.is_null(columns[stored])) & ~unread
                problems.add(missing, name, "missing value", f"is missing; every row needs its {role}")
        name = schema.name_of(Role.TIMESTAMP)
        if name is not None:
            latest = pa.scalar(self.now + FUTURE_TOLERANCE, type=INSTANT)
            problems.add(pc.greater(columns[TIMESTAMP], latest), name, "time in the future", f"is later than {latest}")
        for label, stored in score_columns(schema).items():
            outside = pc.or_(pc.less(columns[stored], 0.0), pc.greater(columns[stored], 1.0))
            problems.add(outside, schema.scores[label], "score outside 0..1", "is no probability")
        if self.known_versions is not None:
            known = pa.array(sorted(self.known_versions), type=pa.string())
            unknown = pc.and_(pc.is_valid(columns[VERSION]), pc.invert(pc.is_in(columns[VERSION], value_set=known)))
            message = "is not registered; add it with `plumbline version add`, then ingest the file again"
            problems.add(unknown, schema.name_of(Role.VERSION) or "", "unknown version", message)


@dataclass(slots=True, kw_only=True)
class LabelValidator:
    """Checks rows of late labels: an id, a label and, if the schema names one, when it was known."""

    schema: ModelSchema
    now: datetime
    n_accepted: int = 0

    def check(self, block: Block) -> Checked:
        """Labels (id, label, time it was known) and rejects of one block."""
        problems = _Problems(n_rows=block.n_rows)
        columns: dict[str, pa.Array] = {}
        for role, stored in ((Role.ID, ID), (Role.LABEL, LABEL), (Role.LABEL_TIME, LABEL_TIME)):
            name = self.schema.name_of(role)
            raw = block.columns.get(name) if name else None
            if name is None or raw is None:
                columns[stored] = pa.nulls(block.n_rows, INSTANT)
                continue
            cells = reader_of(self.schema, name)(raw)
            columns[stored] = cells.values
            problems.add(cells.bad, name, _unreadable(self.schema, name), cells.why)
            if role is not Role.LABEL_TIME:
                missing = pc.and_(pc.is_null(cells.values), pc.invert(cells.bad))
                problems.add(missing, name, "missing value", f"is missing; a late label needs its {role}")
            else:
                latest = pa.scalar(self.now + FUTURE_TOLERANCE, type=INSTANT)
                problems.add(pc.greater(cells.values, latest), name, "time in the future", f"is later than {latest}")
        table = pa.table({**columns, LINE: pa.array(block.lines)})
        rejected = problems.rejected
        rejects = _rejects(block, problems, table, self.n_accepted + np.cumsum(~rejected) - ~rejected)
        accepted = table.filter(pa.array(~rejected)) if rejected.any() else table
        self.n_accepted += accepted.num_rows
        return Checked(records=accepted, rejects=rejects)


def own_columns(schema: ModelSchema) -> Iterator[tuple[str, str]]:
    """Each column of the schema that is read: its name in the log and in the record."""
    scores = score_columns(schema)
    own = {
        Role.ID: ID,
        Role.TIMESTAMP: TIMESTAMP,
        Role.VERSION: VERSION,
        Role.PREDICTION: PREDICTION,
        Role.LABEL: LABEL,
        Role.LABEL_TIME: LABEL_TIME,
        Role.VARIANT: VARIANT,
        Role.WEIGHT: WEIGHT,
        Role.EXPLORED: EXPLORED,
    }
    for name, spec in schema.columns.items():
        if spec.role is Role.IGNORE:
            continue
        stored = own.get(spec.role, name)
        if spec.role is Role.SCORE:
            stored = PREDICTION if schema.task is Task.REGRESSION else scores[spec.class_ or ""]
        yield name, stored


def reader_of(schema: ModelSchema, name: str) -> Callable[[pa.Array], Cells]:
    """How the raw cells of a column are read."""
    spec = schema.columns[name]
    kind = type_of_cells(schema, name)
    if kind is ColumnType.NUMERIC:
        return lambda raw: read_numbers(raw, spec.missing)
    if kind is ColumnType.BOOLEAN:
        return lambda raw: read_booleans(raw, spec.missing)
    if kind is ColumnType.TIMESTAMP:
        return lambda raw: read_times(raw, timezone=schema.timezone, format=spec.format, missing=spec.missing)
    if spec.role in (Role.PREDICTION, Role.LABEL):
        return lambda raw: read_classes(raw, schema.outcome.classes, spec.missing)
    return lambda raw: read_strings(categories_of(raw), spec.missing)


def type_of_cells(schema: ModelSchema, name: str) -> ColumnType:
    """What a column's cells are read as."""
    spec = schema.columns[name]
    if spec.type is not None:
        return spec.type
    if spec.role in (Role.TIMESTAMP, Role.LABEL_TIME):
        return ColumnType.TIMESTAMP
    if spec.role is Role.EXPLORED:
        return ColumnType.BOOLEAN
    if spec.role in (Role.SCORE, Role.WEIGHT):
        return ColumnType.NUMERIC
    if spec.role in (Role.PREDICTION, Role.LABEL) and schema.task is Task.REGRESSION:
        return ColumnType.NUMERIC
    return ColumnType.TEXT


def _stored_type(schema: ModelSchema, name: str) -> pa.DataType:
    kinds = {ColumnType.NUMERIC: pa.float64(), ColumnType.BOOLEAN: pa.bool_(), ColumnType.TIMESTAMP: INSTANT}
    return kinds.get(type_of_cells(schema, name), pa.string())


def _unreadable(schema: ModelSchema, name: str) -> str:
    if schema.columns[name].role in (Role.PREDICTION, Role.LABEL) and schema.task is not Task.REGRESSION:
        return "unknown class"
    return {
        ColumnType.NUMERIC: "unparseable number",
        ColumnType.BOOLEAN: "unparseable boolean",
        ColumnType.TIMESTAMP: "unparseable time",
    }.get(type_of_cells(schema, name), "unreadable value")


def _position_ids(source_sha256: str, lines: NDArray[np.int64]) -> list[str]:
    """Ids for rows that have none: stable for the same file and line."""
    prefix = hashlib.sha256(source_sha256.encode()).hexdigest()[:16]
    return [f"{prefix}:{line}" for line in lines.tolist()]


def _rejects(block: Block, problems: _Problems, records: pa.Table, rows_before: NDArray[np.int64]) -> pa.Table:
    rows: list[dict[str, object]] = []
    for mask, column, reason, message in problems.found:
        for row in np.flatnonzero(mask).tolist():
            value = block.cell(column, row) if column in block.columns else None
            shown = "" if value is None else f" {_shortened(value)}"
            rows.append(
                {
                    "line": int(block.lines[row]),
                    "column": column,
                    "reason": reason,
                    "message": f"{column}{shown} {message}".strip(),
                    "raw": block.raw(row),
                    "timestamp": records[TIMESTAMP][row].as_py() if TIMESTAMP in records.column_names else None,
                    "version": records[VERSION][row].as_py() if VERSION in records.column_names else None,
                    "row_before": int(rows_before[row]),
                }
            )
    rows.extend(bad_row_as_reject(bad) for bad in block.bad)
    rows.sort(key=lambda item: (item["line"], item["column"]))
    return pa.Table.from_pylist(rows, schema=REJECTS)


def bad_row_as_reject(bad: BadRow) -> dict[str, object]:
    """A row that could not even be split into columns, in the form of REJECTS."""
    return {"line": bad.line, "column": bad.column, "reason": bad.reason, "message": bad.message, "raw": bad.raw}


def _shortened(value: object) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 80 else text[:77] + "..."


def _mask(values: pa.Array) -> Mask:
    """An Arrow boolean array as numpy; null is False."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    return np.asarray(pc.fill_null(values, False).to_numpy(zero_copy_only=False), dtype=bool)
