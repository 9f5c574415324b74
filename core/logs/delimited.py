"""Rows of CSV and its relatives, with the line on which each begins."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence, Set
from operator import itemgetter
from typing import IO, Any

import numpy as np
import pyarrow as pa

from core.errors import FileFormatError
from core.logs.blocks import BadRow, Block, checked_header, has_bad_bytes, rows_per_block, writable
from core.logs.source import MAX_LINE, LogSource

__all__ = ["Lines", "csv_blocks", "csv_header"]

DELIMITERS = (",", ";", "\t", "|")
MAX_RECOVERIES = 100  # rows that swallow others because a quote isn't closed cost a second reading


def csv_header(source: LogSource, expected: Set[str] = frozenset()) -> list[str]:
    """The names of the columns; the delimiter is the one that gives most of the `expected` names."""
    with source.text() as text:
        return _header(Lines(text), source, expected)[0]


def csv_blocks(source: LogSource, wanted: Sequence[str]) -> Iterator[Block]:
    """The columns of `wanted` that the file has, block by block."""
    with source.text() as text:
        lines = Lines(text)
        header, delimiter = _header(lines, source, frozenset(wanted))
        yield from _Reader(lines, header, delimiter).blocks(frozenset(wanted))


class Lines:
    """Lines of text and the number of the last one; one that is too long is left empty and remembered."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self._taken: list[str] = []
        self._overlong: list[int] = []
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._read()
        self._taken.append(line)
        self.number += 1
        return line

    def _read(self) -> str:
        line = self._text.readline(MAX_LINE + 1)
        if not line:
            raise StopIteration
        if len(line) <= MAX_LINE:
            return line
        while line and not line.endswith(("\n", "\r")):
            line = self._text.readline(MAX_LINE + 1)
        self._overlong.append(self.number + 1)
        return "\n"

    def begin_row(self) -> None:
        """Forget the lines of the row before."""
        self._taken.clear()

    @property
    def row(self) -> Sequence[str]:
        """The lines taken since the row began."""
        return self._taken

    def put_back_all_but_first(self) -> None:
        """Give out the lines of this row again, save its first."""
        rest = self._taken[1:]
        self._again.extendleft(reversed(rest))
        self.number -= len(rest)

    def overlong(self) -> list[BadRow]:
        """The too long lines met since last asked."""
        message = f"is longer than {MAX_LINE:,} characters"
        found = [BadRow(line=n, column="", reason="line too long", message=message) for n in self._overlong]
        self._overlong.clear()
        return found


class _Reader:
    """Splits lines into rows; a row of the wrong width that took several lines is read again line by line."""

    def __init__(self, lines: Lines, header: list[str], delimiter: str) -> None:
        self._lines, self._header, self._delimiter = lines, header, delimiter
        self._recoveries = 0
        self._bad: list[BadRow] = []

    def blocks(self, wanted: Set[str]) -> Iterator[Block]:
        places = {name: place for place, name in enumerate(self._header) if name in wanted}
        most, width = rows_per_block(len(self._header)), len(self._header)
        rows: list[list[str]] = []
        numbers: list[int] = []
        lines, reader = self._lines, self._new_reader()
        while True:
            lines.begin_row()
            start = lines.number + 1
            row: list[str] = []
            error = ""
            try:
                row = next(reader)
            except StopIteration:
                break
            except csv.Error as problem:
                error = f"can't be split into fields ({problem})"
            if len(row) == width:
                rows.append(row)
                numbers.append(start)
            elif row or error:
                self._set_aside(start, row, error)
                reader = self._new_reader()
            if len(rows) >= most:
                yield _text_block(rows, numbers, places, self._take_bad())
                rows, numbers = [], []
        bad = self._take_bad()
        if rows or bad:
            yield _text_block(rows, numbers, places, bad)

    def _new_reader(self) -> Any:
        # Strict, as otherwise two open quotes make one row of the right width of all that stands between them.
        return csv.reader(self._lines, delimiter=self._delimiter, strict=True)

    def _set_aside(self, start: int, row: list[str], error: str) -> None:
        """Remember a bad row; where it took several lines, its first alone, and the others are read again."""
        message = error or f"has {len(row)} fields, the header has {len(self._header)}"
        raw = self._delimiter.join(row) if row else self._lines.row[0]
        if len(self._lines.row) > 1:
            if self._recoveries < MAX_RECOVERIES:
                self._recoveries += 1
                raw = self._lines.row[0]
                self._lines.put_back_all_but_first()
                message = f"opens a quote that is not closed on line {start}, and so {message}"
            else:
                message += f"; it takes in the lines {start} to {self._lines.number}, as a quote is not closed"
        reason = "unreadable row" if error else "wrong number of fields"
        self._bad.append(BadRow(line=start, column="", reason=reason, message=message, raw=writable(raw.strip())))

    def _take_bad(self) -> list[BadRow]:
        bad = [*self._bad, *self._lines.overlong()]
        self._bad.clear()
        return bad


def _header(lines: Lines, source: LogSource, expected: Set[str]) -> tuple[list[str], str]:
    """Header and delimiter; blank lines before the header are passed over."""
    csv.field_size_limit(MAX_LINE)  # the module's own limit is 128 KB, for the whole process
    line = next((line for line in lines if line.strip() or lines.overlong()), None)
    if line is None:
        raise FileFormatError(f"{source.name}: is empty; expected a header line and rows.")
    number = lines.number
    if not line.strip():
        raise FileFormatError(
            f"{source.name}: line {number} is longer than {MAX_LINE:,} characters; expected a header line."
        )
    if has_bad_bytes(line):
        raise FileFormatError(
            f"{source.name}: line {number} is not UTF-8; if the file is Latin-1, say so (--encoding latin-1)."
        )
    headers = {
        delimiter: [name.strip() for name in next(csv.reader([line], delimiter=delimiter))] for delimiter in DELIMITERS
    }
    best = max(DELIMITERS, key=lambda delimiter: (len(expected & set(headers[delimiter])), len(headers[delimiter])))
    return checked_header(headers[best], source), best


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
        if any(map(has_bad_bytes, row)):
            message = "is not UTF-8; if the whole file is Latin-1, say so (--encoding latin-1)"
            raw = writable(",".join(row))
            found.append(BadRow(line=line, column="", reason="not UTF-8", message=message, raw=raw))
        else:
            good_rows.append(row)
            good_lines.append(line)
    return good_rows, good_lines, found
