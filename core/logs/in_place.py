"""Rows of a table read as records where they lie: what a file's rows go through, as Ibis expressions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.errors import InputError
from core.logs.cells import EARLIEST, FALSE, LATEST, TRUE, alias_of
from core.logs.validation import FUTURE_TOLERANCE, own_columns, type_of_cells
from core.record import ID, LABEL, PREDICTION, TIMESTAMP, VERSION, score_columns
from core.schema import NUMERIC_MISSING, ColumnType, ModelSchema, Role, Task

__all__ = ["InPlace", "Problem", "check_table", "misfit", "read_in_place"]

Expression = Any  # Ibis makes its classes' methods at run time


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Problem:
    """Why rows are set aside: the column, the reason in the words of a file's quarantine, and which rows."""

    column: str
    reason: str
    rows: Expression


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InPlace:
    """A table's rows with the columns of a record, and which of them are set aside."""

    rows: Expression
    problems: tuple[Problem, ...]

    @property
    def is_rejected(self) -> Expression:
        """Whether a row has any problem."""
        import ibis

        found: Expression = ibis.literal(False)
        for problem in self.problems:
            found = found | problem.rows
        return found

    @property
    def records(self) -> Expression:
        """The rows that are records."""
        return self.rows.filter(~self.is_rejected)


def misfit(schema: ModelSchema, name: str, kind: Expression) -> str:
    """Why a table's column of this Ibis type can't be what the schema says; '' if it can."""
    wanted = type_of_cells(schema, name)
    if wanted is ColumnType.NUMERIC:
        return "" if kind.is_numeric() or kind.is_boolean() else f"is {kind}, expected a number"
    if wanted is ColumnType.TIMESTAMP:
        if not kind.is_timestamp():
            return f"is {kind}, expected a timestamp"
        is_local = kind.timezone is None and schema.timezone != "UTC"
        return f"is a timestamp without a time zone, while the model's zone is {schema.timezone}" if is_local else ""
    if wanted is ColumnType.BOOLEAN:
        return (
            "" if kind.is_boolean() or kind.is_integer() or kind.is_string() else f"is {kind}, expected true or false"
        )
    is_plain = kind.is_string() or kind.is_integer() or kind.is_boolean() or kind.is_floating() or kind.is_decimal()
    return "" if is_plain else f"is {kind}, expected text or a whole number"


def read_in_place(
    schema: ModelSchema, table: Expression, *, version: str, now: datetime, known_versions: Collection[str] | None
) -> InPlace:
    """A table's rows as records, and what is wrong with those that are none.

    Parameters
    ----------
    schema : ModelSchema
    table : ibis.Table
        Columns that the schema has and the table doesn't are missing in every row; a column whose type doesn't fit
        (see `misfit`) is unreadable in every row.
    version : str
        Of rows whose table has no version column.
    now : datetime
        Rows later than a day after it are set aside.
    known_versions : collection of str or None
        Versions that may serve; None accepts any.
    """
    import ibis

    columns: dict[str, Expression] = {}
    bad: list[Problem] = []
    names = {stored: name for name, stored in own_columns(schema)}
    for name, stored in own_columns(schema):
        if name not in table.columns:
            columns[stored] = ibis.null(_stored_type(schema, name))
            continue
        value, unreadable, reason = _read(schema, name, table[name])
        columns[stored] = value
        bad.append(Problem(column=name, reason=reason, rows=unreadable))
    columns.setdefault(VERSION, ibis.literal(version))
    if schema.decides_by_threshold:
        negative = next(name for name in schema.outcome.classes if name != schema.positive)
        score = columns[score_columns(schema)[""]]
        columns[PREDICTION] = ibis.cases(
            (score >= schema.outcome.threshold, schema.positive), (score < schema.outcome.threshold, negative)
        )
    for own in (PREDICTION, LABEL):
        columns.setdefault(own, ibis.null("float64" if schema.task is Task.REGRESSION else "string"))
    unread = {f"@@unread_{place}": problem.rows.fill_null(False) for place, problem in enumerate(bad)}
    rows = table.select(**columns, **unread)
    problems = [
        Problem(column=problem.column, reason=problem.reason, rows=rows[f"@@unread_{place}"])
        for place, problem in enumerate(bad)
    ]
    problems += _keys(schema, rows, names, problems, now=now, known_versions=known_versions)
    return InPlace(rows=rows, problems=tuple(problems))


def _keys(
    schema: ModelSchema,
    rows: Expression,
    names: dict[str, str],
    unread: list[Problem],
    *,
    now: datetime,
    known_versions: Collection[str] | None,
) -> Iterator[Problem]:
    """Rows without an id, a time or a version that is known, of the future, and scores that are no probability."""
    import ibis

    for stored in (ID, TIMESTAMP, VERSION):
        if stored in names:
            missing = rows[stored].isnull()
            for problem in unread:
                if problem.column == names[stored]:
                    missing = missing & ~problem.rows
            yield Problem(column=names[stored], reason="missing value", rows=missing)
    if TIMESTAMP in names:
        latest = ibis.literal(now + FUTURE_TOLERANCE, type=rows[TIMESTAMP].type())
        late = (rows[TIMESTAMP] > latest).fill_null(False)
        yield Problem(column=names[TIMESTAMP], reason="time in the future", rows=late)
    for label, stored in score_columns(schema).items():
        outside = ((rows[stored] < 0.0) | (rows[stored] > 1.0)).fill_null(False)
        yield Problem(column=schema.scores[label], reason="score outside 0..1", rows=outside)
    if known_versions is not None:
        unknown = rows[VERSION].notnull() & ~rows[VERSION].isin(sorted(known_versions))
        yield Problem(
            column=schema.name_of(Role.VERSION) or "", reason="unknown version", rows=unknown.fill_null(False)
        )


def _stored_type(schema: ModelSchema, name: str) -> str:
    kinds = {
        ColumnType.NUMERIC: "float64",
        ColumnType.BOOLEAN: "boolean",
        ColumnType.TIMESTAMP: "timestamp('UTC')",
    }
    return kinds.get(type_of_cells(schema, name), "string")


def _read(schema: ModelSchema, name: str, raw: Expression) -> tuple[Expression, Expression, str]:
    """A column's values, which of them can't be read, and the reason for these."""
    import ibis

    spec, wanted = schema.columns[name], type_of_cells(schema, name)
    if misfit(schema, name, raw.type()):
        nothing = ibis.null(_stored_type(schema, name))
        return nothing, raw.notnull(), f"unreadable value: {misfit(schema, name, raw.type())}"
    if wanted is ColumnType.NUMERIC:
        value = raw.cast("int32").cast("float64") if raw.type().is_boolean() else raw.cast("float64")
        absent = value.isnan()
        extra = [number for number in map(_number, spec.missing) if number is not None]
        absent = absent | value.isin(extra) if extra else absent
        return absent.fill_null(False).ifelse(ibis.null("float64"), value), ibis.literal(False), "unparseable number"
    if wanted is ColumnType.TIMESTAMP:
        bounds = [ibis.literal(moment, type=raw.type()) for moment in (EARLIEST, LATEST)]
        outside = ((raw < bounds[0]) | (raw >= bounds[1])).fill_null(False)
        return outside.ifelse(ibis.null(raw.type()), raw), outside, "unparseable time"
    if wanted is ColumnType.BOOLEAN:
        if raw.type().is_boolean():
            return raw, ibis.literal(False), "unparseable boolean"
        text = _text(raw, (*NUMERIC_MISSING, *spec.missing))
        value = ibis.cases((text.lower().isin(TRUE), True), (text.lower().isin(FALSE), False))
        return value, text.notnull() & value.isnull(), "unparseable boolean"
    if spec.role in (Role.PREDICTION, Role.LABEL):
        text = _text(raw, ("", *spec.missing), whole=True)
        aliases = alias_of(schema.outcome.classes)
        named = [(text == known, known) for known in schema.outcome.classes]
        named += [(text.lower() == other, known) for other, known in aliases.items()]
        value = ibis.cases(*named)
        return value, text.notnull() & value.isnull(), "unknown class"
    return _text(raw, ("", *spec.missing)), ibis.literal(False), "unreadable value"


def _text(raw: Expression, missing: Collection[str], *, whole: bool = False) -> Expression:
    """Text without the blanks around it, null for what means nothing; whole numbers without '.0'."""
    import ibis

    kind = raw.type()
    if kind.is_boolean():
        text = ibis.cases((raw, "true"), (~raw, "false"))
    elif kind.is_floating() or kind.is_decimal():
        number = raw.cast("float64")
        is_whole = (number == number.floor()) & (number.abs() < 1e15)
        plain = number.isnan().ifelse(ibis.null("string"), number.cast("string"))
        text = is_whole.ifelse(is_whole.ifelse(number, 0.0).cast("int64").cast("string"), plain)
    else:
        text = raw.cast("string").strip()
        if whole:
            is_whole = text.re_search(r"^-?[0-9]+\.0+$")
            text = is_whole.ifelse(text.split(".")[0], text)
    return text.isin(list(missing)).ifelse(ibis.null("string"), text)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def check_table(schema: ModelSchema, kinds: dict[str, Expression], table: str) -> None:
    """Raise InputError where a table can't be monitored: no key columns, or types that can't be read."""
    if schema.window.every is None:
        raise InputError(
            f"The model's windows are of {schema.window.rows:,} rows in file order, and a table has no order. "
            "Give its schema calendar windows: every = 'day'."
        )
    wanted = {name: role for role in (Role.ID, Role.TIMESTAMP) for name in [schema.name_of(role)] if name}
    if schema.name_of(Role.ID) is None:
        raise InputError("A table needs a column of role id: by it rows are told from copies, and samples drawn.")
    for name, role in wanted.items():
        if name not in kinds:
            raise InputError(f"{table} has no column {name!r}, the model's {role}. Its columns are {', '.join(kinds)}.")
    wrong = [
        f"{name} {why}" for name, kind in kinds.items() if name in schema.columns and (why := _why(schema, name, kind))
    ]
    if wrong:
        raise InputError(f"{table}: {'; '.join(wrong)}. Make a view that casts, and monitor that.")


def _why(schema: ModelSchema, name: str, kind: Expression) -> str:
    return "" if schema.columns[name].role is Role.IGNORE else misfit(schema, name, kind)
