"""Rows of JSON lines: one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa

from core.errors import FileFormatError
from core.logs.blocks import BadRow, Block, checked_header, has_bad_bytes, rows_per_block, writable
from core.logs.delimited import Lines
from core.logs.source import LogSource

__all__ = ["json_blocks", "json_header", "json_nested"]

SEEN_FOR_HEADER = 1_000


def json_header(source: LogSource) -> list[str]:
    """The names that the first objects have, in the order they are met."""
    names: dict[str, None] = {}
    for item in _first_objects(source):
        names.update(dict.fromkeys(item))
    if not names:
        raise FileFormatError(
            f"{source.name}: none of its lines is a JSON object (of the first {SEEN_FOR_HEADER:,}); write one object a "
            "line, not indented over several."
        )
    return checked_header([name for name in names if not has_bad_bytes(name)], source)


def json_nested(source: LogSource) -> dict[str, str]:
    """Columns that hold objects or lists, and which."""
    nested: dict[str, str] = {}
    for item in _first_objects(source):
        for name, value in item.items():
            if isinstance(value, (dict, list)):
                nested.setdefault(name, "is nested (an object)" if isinstance(value, dict) else "is nested (a list)")
    return nested


def json_blocks(source: LogSource, wanted: Sequence[str]) -> Iterator[Block]:
    """The columns of `wanted` that the objects have, block by block."""
    rows: list[list[str | None]] = []
    lines: list[int] = []
    bad: list[BadRow] = []
    seen: set[str] = set()
    most = rows_per_block(len(wanted))

    def block() -> Block:
        columns = {
            name: pa.array([row[place] for row in rows], type=pa.string())
            for place, name in enumerate(wanted)
            if name in seen
        }
        return Block(columns=columns, lines=np.array(lines, dtype=np.int64), bad=tuple(bad))

    for number, item in _objects(source):
        if isinstance(item, BadRow):
            bad.append(item)
            continue
        seen.update(item)
        cells = [_cell(item.get(name)) for name in wanted]
        problem = _problem(number, item, cells, wanted)
        if problem is not None:
            bad.append(problem)
        else:
            rows.append(cells)
            lines.append(number)
        if len(rows) >= most:
            yield block()
            rows, lines, bad = [], [], []
    if rows or bad:
        yield block()


def _first_objects(source: LogSource) -> Iterator[dict[str, Any]]:
    return (item for _, item in islice(_objects(source), SEEN_FOR_HEADER) if isinstance(item, dict))


def _objects(source: LogSource) -> Iterator[tuple[int, dict[str, Any] | BadRow]]:
    decode = json.JSONDecoder(object_pairs_hook=_object).decode
    with source.text() as text:
        lines = Lines(text)
        for line in lines:
            lines.begin_row()
            for bad in lines.overlong():
                yield bad.line, bad
            if not line.strip():
                continue
            number = lines.number
            try:
                item = decode(line)
            except (ValueError, RecursionError) as error:
                yield number, _unreadable(number, f"is no JSON object: {error}", line)
                continue
            if isinstance(item, dict):
                yield number, item
            else:
                yield number, _unreadable(number, f"is a JSON {type(item).__name__}, expected an object", line)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON; a name that stands twice has no one value."""
    item = dict(pairs)
    if len(item) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"it names {twice!r} twice")
    return item


def _unreadable(line: int, message: str, raw: str) -> BadRow:
    return BadRow(line=line, column="", reason="unreadable row", message=message, raw=writable(raw.strip()))


def _problem(line: int, item: dict[str, Any], cells: Sequence[str | None], wanted: Sequence[str]) -> BadRow | None:
    """Why an object can't be a row, if it can't."""
    nested = next((name for name in wanted if isinstance(item.get(name), (dict, list))), None)
    if nested is not None:
        message = f"{nested} holds a nested value; log it as columns of their own"
        return BadRow(line=line, column=nested, reason="nested value", message=message, raw=writable(json.dumps(item)))
    if any(cell is not None and has_bad_bytes(cell) for cell in cells):
        return BadRow(line=line, column="", reason="not UTF-8", message="is not UTF-8", raw=writable(json.dumps(item)))
    return None


def _cell(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return repr(value)
