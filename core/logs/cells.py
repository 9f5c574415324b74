"""Cells of one column read as the type the schema gives: values, and which cells could not be read."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.schema import NUMERIC_MISSING

__all__ = [
    "Cells",
    "alias_of",
    "categories_of",
    "micros_of",
    "read_booleans",
    "read_classes",
    "read_numbers",
    "read_strings",
    "read_times",
]

NUMBER = r"^[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|(?i:inf|infinity))$"
NAN = r"^[+-]?(?i:nan)$"
TRUE = ("true", "t", "yes", "y", "1", "1.0")
FALSE = ("false", "f", "no", "n", "0", "0.0")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime(1600, 1, 1, tzinfo=UTC)  # before it lie sentinels such as 0001-01-01, and calendars differ
LATEST = datetime(9999, 12, 31, tzinfo=UTC)
ISO = re.compile(
    r"^(\d{4})-?(\d{2})-?(\d{2})"
    r"(?:[T ](\d{2})(?::?(\d{2})(?::?(\d{2})(?:[.,](\d{1,9}))?)?)?)?"
    r"\s*([zZ]|[+-]\d{2}(?::?\d{2})?)?$"
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Cells:
    """A column's values (null where missing or unreadable), which cells are unreadable, and the text of why."""

    values: pa.Array
    bad: pa.Array
    why: str

    @classmethod
    def good(cls, values: pa.Array) -> Cells:
        """Cells that are all readable."""
        return cls(values=values, bad=pa.array(np.zeros(len(values), dtype=bool)), why="")


def read_strings(raw: pa.Array, missing: Collection[str] = ()) -> Cells:
    """Text without the blanks around it; empty text, and what the schema calls missing, is null.

    Examples
    --------
    >>> read_strings(pa.array([" a", "", "?"]), missing=("?",)).values.to_pylist()
    ['a', None, None]
    """
    text = _without(_as_text(raw), ("", *missing))
    broken = pc.fill_null(pc.match_substring(text, "\0"), False)
    if not broken.true_count:
        return Cells.good(text)
    return Cells(values=pc.if_else(broken, None, text), bad=broken, why="holds a NUL character")


def read_numbers(raw: pa.Array, missing: Collection[str] = ()) -> Cells:
    """Numbers as float64; NaN and the usual spellings of nothing are null, infinities stay.

    Examples
    --------
    >>> cells = read_numbers(pa.array(["1e3", "NA", "-inf", "1,5"]))
    >>> cells.values.to_pylist(), cells.bad.to_pylist()
    ([1000.0, None, -inf, None], [False, False, False, True])
    """
    kind = raw.type
    if (
        pa.types.is_floating(kind)
        or pa.types.is_integer(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_boolean(kind)
    ):
        values = raw.cast(pa.int8()) if pa.types.is_boolean(kind) else raw
        values = values.cast(pa.float64(), safe=False)
        extra = [number for number in (_float(text) for text in missing) if number is not None]
        is_missing = pc.is_nan(values)
        if extra:
            is_missing = pc.or_kleene(is_missing, pc.is_in(values, value_set=pa.array(extra, type=pa.float64())))
        return Cells.good(pc.if_else(pc.fill_null(is_missing, False), None, values))
    if not _is_text(kind):
        return Cells(values=pa.nulls(len(raw), pa.float64()), bad=pc.is_valid(raw), why=f"is {kind}, expected a number")
    text = _without(_as_text(raw), (*NUMERIC_MISSING, *missing))
    try:
        values = text.cast(pa.float64())
    except pa.ArrowInvalid:
        values = None
    if values is None or pc.any(pc.is_nan(values)).as_py():
        text = pc.if_else(pc.fill_null(pc.match_substring_regex(text, NAN), False), None, text)
        readable = pc.fill_null(pc.match_substring_regex(text, NUMBER), False)
        plain = pc.if_else(readable, pc.replace_substring_regex(text, r"^\+", ""), None)
        bad = pc.and_(pc.is_valid(text), pc.invert(readable))
        return Cells(
            values=plain.cast(pa.float64()), bad=bad, why="is no number (a decimal point, no thousands separator)"
        )
    return Cells.good(values)


def read_booleans(raw: pa.Array, missing: Collection[str] = ()) -> Cells:
    """True and false in the usual spellings.

    Examples
    --------
    >>> read_booleans(pa.array(["Yes", "0", "maybe"])).values.to_pylist()
    [True, False, None]
    """
    if pa.types.is_boolean(raw.type):
        return Cells.good(raw)
    text = _without(_plain_numbers(raw), (*NUMERIC_MISSING, *missing))
    lower = pc.utf8_lower(text)
    is_true = pc.is_in(lower, value_set=pa.array(TRUE))
    is_false = pc.is_in(lower, value_set=pa.array(FALSE))
    readable = pc.or_(is_true, is_false)
    bad = pc.and_(pc.is_valid(text), pc.invert(readable))
    return Cells(values=pc.if_else(readable, is_true, None), bad=bad, why="is neither true nor false")


def read_classes(raw: pa.Array, classes: Sequence[str], missing: Collection[str] = ()) -> Cells:
    """One of the model's classes; '1.0' and 'True' are read as '1' where that is a class.

    Examples
    --------
    >>> read_classes(pa.array(["1.0", "0", "2"]), ("0", "1")).values.to_pylist()
    ['1', '0', None]
    """
    text = _without(_plain_numbers(raw), ("", *missing))
    encoded = text.dictionary_encode()
    named = [_class_of(value, classes) for value in encoded.dictionary.to_pylist()]
    values = pa.array(named, type=pa.string()).take(encoded.indices) if named else pa.nulls(len(text), pa.string())
    bad = pc.and_(pc.is_valid(text), pc.is_null(values))
    return Cells(values=values, bad=bad, why=f"is none of the classes {', '.join(map(repr, classes))}")


def read_times(raw: pa.Array, *, timezone: str, format: str = "iso", missing: Collection[str] = ()) -> Cells:  # noqa: A002
    """Instants in UTC; without an offset they are read in the model's zone (of two, the earlier).

    Parameters
    ----------
    raw : Arrow array
        ISO 8601 text, Parquet timestamps or dates, or epoch numbers.
    timezone : str
        The zone of times that name none.
    format : str
        'iso', 'epoch_s', 'epoch_ms', 'epoch_us' or a strptime pattern.

    Examples
    --------
    >>> cells = read_times(pa.array(["2026-01-01 00:00", "2026-01-01T00:00+02:00"]), timezone="UTC")
    >>> cells.values[1].as_py().isoformat()
    '2025-12-31T22:00:00+00:00'
    """
    return _in_calendar(_times(raw, timezone, format, missing))


def _times(raw: pa.Array, timezone: str, pattern: str, missing: Collection[str]) -> Cells:
    instant = pa.timestamp("us", tz="UTC")
    kind = raw.type
    if pa.types.is_timestamp(kind):
        if kind.tz is not None:
            return Cells.good(raw.cast(instant, safe=False))
        return Cells.good(_localised(raw.cast(pa.timestamp("us"), safe=False), timezone))
    if pa.types.is_date(kind):
        return Cells.good(_localised(raw.cast(pa.timestamp("us")), timezone))
    scale = {"epoch_s": 1e6, "epoch_ms": 1e3, "epoch_us": 1.0}.get(pattern)
    if scale is not None:
        return _epochs(read_numbers(raw, missing), scale)
    text = _without(_as_text(raw), (*NUMERIC_MISSING, *missing))
    return _iso_times(text, timezone) if pattern == "iso" else _by_pattern(text, pattern, timezone)


def _in_calendar(cells: Cells) -> Cells:
    """Instants outside the years that calendars agree on, such as 0001-01-01 for nothing, are unreadable."""
    early, late = (pa.scalar(moment, type=cells.values.type) for moment in (EARLIEST, LATEST))
    outside = pc.fill_null(pc.or_(pc.less(cells.values, early), pc.greater_equal(cells.values, late)), False)
    if not outside.true_count:
        return cells
    return Cells(
        values=pc.if_else(outside, None, cells.values),
        bad=pc.or_(cells.bad, outside),
        why=cells.why or f"is no time between the years {EARLIEST.year} and {LATEST.year}",
    )


def _iso_times(text: pa.Array, timezone: str) -> Cells:
    try:  # all with an offset, then all without, are read at once
        return Cells.good(text.cast(pa.timestamp("us", tz="UTC")))
    except pa.ArrowInvalid:
        pass
    try:
        return Cells.good(_localised(text.cast(pa.timestamp("us")), timezone))
    except pa.ArrowInvalid:
        return _parsed_times(text, _iso, timezone, "is no ISO 8601 time such as 2026-03-29T14:30:00Z")


def _parsed_times(text: pa.Array, parse: Callable[[str], datetime], timezone: str, why: str) -> Cells:
    """Times read one distinct text at a time, with an offset or without."""
    encoded = text.dictionary_encode()
    moments = [_moment(value, parse) for value in encoded.dictionary.to_pylist()]
    aware = pa.array([micros_of(m) if m and m.tzinfo else None for m in moments], type=pa.int64())
    naive = pa.array([micros_of(m) if m and not m.tzinfo else None for m in moments], type=pa.int64())
    instants = pc.coalesce(
        aware.cast(pa.timestamp("us", tz="UTC")), _localised(naive.cast(pa.timestamp("us")), timezone)
    )
    values = instants.take(encoded.indices)
    return Cells(values=values, bad=pc.and_(pc.is_valid(text), pc.is_null(values)), why=why)


def _moment(text: str, parse: Callable[[str], datetime]) -> datetime | None:
    try:
        return parse(text)
    except (ValueError, OverflowError):
        return None


def _epochs(numbers: Cells, scale: float) -> Cells:
    micros = pc.multiply(numbers.values, scale)
    readable = pc.fill_null(pc.less(pc.abs(micros), 4e18), False)
    values = pc.if_else(readable, micros, None).cast(pa.int64(), safe=False).cast(pa.timestamp("us", tz="UTC"))
    bad = pc.or_(numbers.bad, pc.and_(pc.is_valid(micros), pc.invert(readable)))
    return Cells(values=values, bad=bad, why="is no epoch number")


def _by_pattern(text: pa.Array, pattern: str, timezone: str) -> Cells:
    def parse(value: str) -> datetime:
        return datetime.strptime(value, pattern)  # noqa: DTZ007 (a time without a zone is in the model's)

    return _parsed_times(text, parse, timezone, f"doesn't fit the format {pattern!r}")


def _iso(text: str) -> datetime:
    """An ISO 8601 text as a time; ValueError if it is none."""
    found = ISO.match(text)
    if found is None:
        raise ValueError(text)
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    plain = f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}.{(fraction or '')[:6]:0<6}"
    if offset:
        digits = offset[1:].replace(":", "")
        plain += "+00:00" if offset in "zZ" else f"{offset[0]}{digits[:2]}:{digits[2:] or '00'}"
    return datetime.fromisoformat(plain)


def micros_of(moment: datetime) -> int:
    """Microseconds since 1970, by the clock shown where it has no zone."""
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - EPOCH) // timedelta(microseconds=1)


def _localised(values: pa.Array, timezone: str) -> pa.Array:
    """Times without a zone as instants: the earlier of two that clocks show twice, and past a gap."""
    located = pc.assume_timezone(values, timezone, ambiguous="earliest", nonexistent="latest")
    return located.cast(pa.timestamp("us", tz="UTC"))


def _as_text(raw: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    return pc.utf8_trim_whitespace(raw.cast(pa.string()))


def _plain_numbers(raw: pa.Array) -> pa.Array:
    """Text in which a whole number has no '.0': what a missing value in an integer column leaves behind."""
    if pa.types.is_floating(raw.type):
        raw = pc.if_else(pc.fill_null(pc.is_nan(raw), False), None, raw)
    return pc.replace_substring_regex(_as_text(raw), r"^(-?\d+)\.0+$", r"\1")


def categories_of(raw: pa.Array) -> pa.Array:
    """Typed numbers as the categories that text would have: 3.0 of a Parquet column as '3'."""
    return _plain_numbers(raw) if pa.types.is_floating(raw.type) else raw


def _without(text: pa.Array, missing: Collection[str]) -> pa.Array:
    return pc.if_else(pc.fill_null(pc.is_in(text, value_set=pa.array(list(missing))), False), None, text)


def _is_text(kind: pa.DataType) -> bool:
    return any(
        check(kind)
        for check in (
            pa.types.is_string,
            pa.types.is_large_string,
            pa.types.is_dictionary,
            pa.types.is_null,
            pa.types.is_string_view,
        )
    )


def alias_of(classes: Sequence[str]) -> Mapping[str, str]:
    """Other spellings, in lower case, of classes that mean true and false.

    Examples
    --------
    >>> alias_of(("0", "1"))
    {'true': '1', 'false': '0'}
    """
    by_truth = {"true": "1", "false": "0", "1": "true", "0": "false"}
    return {by_truth[name.lower()]: name for name in reversed(classes) if name.lower() in by_truth}


def _class_of(value: str, classes: Sequence[str]) -> str | None:
    return value if value in classes else alias_of(classes).get(value.lower())


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
