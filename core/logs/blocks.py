"""What every reader hands on: blocks of raw rows with their line numbers, and the rows that can't be used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.errors import FileFormatError
from core.logs.source import MAX_COLUMNS, LogSource

__all__ = ["RAW_LIMIT", "BadRow", "Block", "checked_header", "has_bad_bytes", "rows_per_block", "shown", "writable"]

ROWS_PER_BLOCK = 50_000
CELLS_PER_BLOCK = 2_000_000
RAW_LIMIT = 1_000
NAME_LIMIT = 80


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

    def cell(self, column: str, row: int) -> object:
        """One raw cell; None where it is missing."""
        value = self.columns[column][row]
        try:
            return value.as_py()
        except (ValueError, OverflowError):  # an instant that Python's calendar doesn't know
            return value.cast(pa.int64()).as_py()

    def raw(self, row: int) -> str:
        """A row as JSON, for quarantine; long ones are cut off."""
        parts: list[str] = []
        length = 0
        for name in self.columns:
            parts.append(f"{json.dumps(name, ensure_ascii=False)}: {_json(self.cell(name, row))}")
            length += len(parts[-1]) + 2
            if length > RAW_LIMIT:
                break
        return f"{{{', '.join(parts)}}}"[:RAW_LIMIT]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def rows_per_block(n_columns: int) -> int:
    """How many rows of this many columns are read at once, so that memory stays bounded.

    Examples
    --------
    >>> rows_per_block(25), rows_per_block(5_000)
    (50000, 400)
    """
    return max(1, min(ROWS_PER_BLOCK, CELLS_PER_BLOCK // max(n_columns, 1)))


def checked_header(header: Sequence[str], source: LogSource) -> list[str]:
    """The header itself; raises FileFormatError where it is too wide or names a column twice."""
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
                f"{source.name}: column {shown(name)} stands {len(found)} times in the header (at {where}); rename it."
            )
    return list(header)


def shown(name: str) -> str:
    """A column's name as messages quote it.

    Examples
    --------
    >>> shown("income"), len(shown("x" * 5_000))
    ("'income'", 82)
    """
    return repr(name if len(name) <= NAME_LIMIT else f"{name[: NAME_LIMIT - 3]}...")


def has_bad_bytes(text: str) -> bool:
    """Whether text holds what UTF-8 can't write: bytes of another encoding, or half a surrogate pair."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def writable(text: str) -> str:
    """Text shortened for quarantine, with '?' for what UTF-8 can't write."""
    return text[:RAW_LIMIT].encode("utf-8", "replace").decode()
