"""Rows of CSV, JSON lines and Parquet as blocks of columns, each row with its line number."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from operator import itemgetter
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.errors import FileFormatError
from core.logs.source import MAX_COLUMNS, MAX_LINE, LogSource

__all__ = ["BadRow", "Block", "header_of", "read_blocks"]

ROWS_PER_BLOCK = 50_000
DELIMITERS = (",", ";", "\t", "|")
RAW_LIMIT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class BadRow:
    """A row, or one cell of it, that can't be used."""

    line: int
    column: str
    reason: str
    message: str
    raw: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Block:
    """Some rows: strings as they were written, or Parquet's own types; `lines` counts from 1."""

    columns: dict[str, pa.Array]
    lines: NDArray[np.int64]
    bad: tuple[BadRow, ...] = ()

    @property
    def n_rows(self) -> int:
        """How many rows the block holds, the bad ones left out."""
        return len(self.lines)

    def raw(self, row: int) -> str:
        """A row as JSON, for quarantine."""
        cells = {name: values[row].as_py() for name, values in self.columns.items()}
        return json.dumps(cells, ensure_ascii=False, default=str)[:RAW_LIMIT]


def header_of(source: LogSource, expected: Set[str] = frozenset()) -> list[str]:
    """The names of a file's columns; of JSON lines, those of its first objects."""
    if source.format == "parquet":
        return list(_parquet(source).schema_arrow.names)
    if source.format == "csv":
        with source.text() as text:
            return _csv_header(text, source, expected)[0]
    names: dict[str, None] = {}
    for index, (_, item) in enumerate(_json_objects(source)):
        if isinstance(item, dict):
            names.update(dict.fromkeys(item))
        if index >= 1_000:
            break
    return _checked_header(list(names), source)


def read_blocks(source: LogSource, wanted: Sequence[str]) -> Iterator[Block]:
    """The columns of `wanted` that the file has, block by block."""
    if source.format == "parquet":
        yield from _parquet_blocks(source, wanted)
    elif source.format == "jsonl":
        yield from _json_blocks(source, wanted)
    else:
        yield from _csv_blocks(source, wanted)


def _csv_blocks(source: LogSource, wanted: Sequence[str]) -> Iterator[Block]:
    with source.text() as text:
        header, delimiter, n_lines = _csv_header(text, source, frozenset(wanted))
        places = {name: place for place, name in enumerate(header) if name in set(wanted)}
        lines = _Lines(text)
        csv.field_size_limit(MAX_LINE)
        reader = csv.reader(lines, delimiter=delimiter)
        rows: list[list[str]] = []
        numbers: list[int] = []
        bad: list[BadRow] = []
        while True:
            start = n_lines + reader.line_num + 1
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as error:
                message = f"could not be read from line {start} to {n_lines + reader.line_num}: {error}"
                bad.append(BadRow(line=start, column="", reason="unreadable row", message=message))
                continue
            if len(row) == len(header):
                rows.append(row)
                numbers.append(start)
            elif row:
                bad.append(_wrong_width(row, header, start, delimiter))
            if len(rows) >= ROWS_PER_BLOCK:
                yield _text_block(rows, numbers, places, [*bad, *lines.overlong(n_lines)])
                rows, numbers, bad = [], [], []
        bad.extend(lines.overlong(n_lines))
        if rows or bad:
            yield _text_block(rows, numbers, places, bad)


class _Lines:
    """Lines of text for csv.reader; one that is too long is replaced by an empty one and remembered."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._number = 0
        self._overlong: list[int] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._text.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        self._number += 1
        if len(line) <= MAX_LINE:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(MAX_LINE + 1)
        self._overlong.append(self._number)
        return "\n"

    def overlong(self, before: int) -> list[BadRow]:
        """The too long lines met since last asked."""
        message = f"is longer than {MAX_LINE:,} characters"
        found = [BadRow(line=before + n, column="", reason="line too long", message=message) for n in self._overlong]
        self._overlong.clear()
        return found


def _csv_header(text: IO[str], source: LogSource, expected: Set[str]) -> tuple[list[str], str, int]:
    """Header, delimiter and number of lines read so far; blank lines before the header are passed over."""
    number = 0
    while True:
        line = text.readline(MAX_LINE + 1)
        number += 1
        if not line:
            raise FileFormatError(f"{source.name}: is empty; expected a header line and rows.")
        if len(line) > MAX_LINE:
            raise FileFormatError(
                f"{source.name}: line {number} is longer than {MAX_LINE:,} characters; expected a header line."
            )
        if line.strip():
            break
    if _has_bad_bytes(line):
        raise FileFormatError(
            f"{source.name}: line {number} is not UTF-8; if the file is Latin-1, say --encoding latin-1."
        )
    headers = {
        delimiter: [name.strip() for name in next(csv.reader([line], delimiter=delimiter))] for delimiter in DELIMITERS
    }
    best = max(DELIMITERS, key=lambda delimiter: (len(expected & set(headers[delimiter])), len(headers[delimiter])))
    return _checked_header(headers[best], source), best, number


def _checked_header(header: list[str], source: LogSource) -> list[str]:
    if len(header) > MAX_COLUMNS:
        raise FileFormatError(
            f"{source.name}: has {len(header):,} columns, at most {MAX_COLUMNS:,} are read; drop some."
        )
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header, start=1):
        places.setdefault(name, []).append(place)
    for name, found in places.items():
        if len(found) > 1 and name:
            where = " and ".join(map(str, found))
            raise FileFormatError(
                f"{source.name}: column {name!r} stands {len(found)} times in the header (at {where}); rename it."
            )
    return header


def _wrong_width(row: list[str], header: list[str], line: int, delimiter: str) -> BadRow:
    message = f"has {len(row)} fields, the header has {len(header)}"
    return BadRow(
        line=line, column="", reason="wrong number of fields", message=message, raw=delimiter.join(row)[:RAW_LIMIT]
    )


def _text_block(rows: list[list[str]], lines: list[int], places: dict[str, int], bad: list[BadRow]) -> Block:
    while True:
        try:
            columns = {name: pa.array(map(itemgetter(place), rows), type=pa.string()) for name, place in places.items()}
        except UnicodeEncodeError:  # some cell holds a byte that is no UTF-8: find its rows, keep the others
            rows, lines, bad = _without_bad_bytes(rows, lines, bad)
        else:
            return Block(columns=columns, lines=np.array(lines, dtype=np.int64), bad=tuple(bad))


def _without_bad_bytes(
    rows: list[list[str]], lines: list[int], bad: list[BadRow]
) -> tuple[list[list[str]], list[int], list[BadRow]]:
    good_rows, good_lines, found = [], [], list(bad)
    for row, line in zip(rows, lines, strict=True):
        if any(map(_has_bad_bytes, row)):
            raw = ",".join(row).encode("utf-8", "replace").decode()[:RAW_LIMIT]
            message = "is not UTF-8; if the whole file is Latin-1, ingest it with --encoding latin-1"
            found.append(BadRow(line=line, column="", reason="not UTF-8", message=message, raw=raw))
        else:
            good_rows.append(row)
            good_lines.append(line)
    return good_rows, good_lines, found


def _has_bad_bytes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def _json_objects(source: LogSource) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    with source.text() as text:
        lines = _Lines(text)
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                item = json.loads(line)
            except (ValueError, RecursionError) as error:
                message = f"is no JSON object: {error}"
                yield number, BadRow(line=number, column="", reason="unreadable row", message=message, raw=_safe(line))
                continue
            if isinstance(item, dict):
                yield number, item
            else:
                message = f"is a JSON {type(item).__name__}, expected an object"
                yield number, BadRow(line=number, column="", reason="unreadable row", message=message, raw=_safe(line))
        for bad in lines.overlong(0):
            yield bad.line, bad


def _safe(line: str) -> str:
    return line.strip().encode("utf-8", "replace").decode()[:RAW_LIMIT]


def _json_blocks(source: LogSource, wanted: Sequence[str]) -> Iterator[Block]:
    rows: list[list[str | None]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    seen: set[str] = set()

    def block() -> Block:
        columns = {
            name: pa.array([row[place] for row in rows], type=pa.string())
            for place, name in enumerate(wanted)
            if name in seen
        }
        return Block(columns=columns, lines=np.array(lines, dtype=np.int64), bad=tuple(bad))

    for number, item in _json_objects(source):
        if isinstance(item, BadRow):
            bad.append(item)
            continue
        seen.update(item)
        nested = next((name for name in wanted if isinstance(item.get(name), (dict, list))), None)
        cells = [_cell(item.get(name)) for name in wanted]
        if nested is not None:
            message = "holds a nested value; log it as columns of their own"
            bad.append(
                BadRow(line=number, column=nested, reason="nested value", message=message, raw=_safe(json.dumps(item)))
            )
        elif any(cell is not None and _has_bad_bytes(cell) for cell in cells):
            message = "is not UTF-8"
            bad.append(BadRow(line=number, column="", reason="not UTF-8", message=message))
        else:
            rows.append(cells)
            lines.append(number)
        if len(rows) >= ROWS_PER_BLOCK:
            yield block()
            rows, lines, bad = [], [], []
    if rows or bad:
        yield block()


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)


def _parquet(source: LogSource) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source.path)
    except (pa.ArrowException, OSError) as error:
        raise FileFormatError(
            f"{source.name}: can't be read as Parquet, it may be cut off ({_brief(error)})."
        ) from error


def _parquet_blocks(source: LogSource, wanted: Sequence[str]) -> Iterator[Block]:
    file = _parquet(source)
    header = _checked_header(list(file.schema_arrow.names), source)
    present = [name for name in wanted if name in set(header)]
    for name in present:
        kind = file.schema_arrow.field(name).type
        if pa.types.is_nested(kind):
            raise FileFormatError(
                f"{source.name}: column {name!r} is nested ({kind}); write its parts as columns of their own."
            )
    line = 1
    try:
        for batch in file.iter_batches(batch_size=ROWS_PER_BLOCK, columns=present):
            columns = dict(zip(batch.schema.names, batch.columns, strict=True))
            yield Block(columns=columns, lines=np.arange(line, line + batch.num_rows, dtype=np.int64))
            line += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise FileFormatError(
            f"{source.name}: can't be read from row {line} on, the file is damaged ({_brief(error)})."
        ) from error


def _brief(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:200]
