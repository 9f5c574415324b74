"""Rows of CSV, JSON lines and Parquet as blocks of columns, each row with its line number."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set

from core.logs.blocks import BadRow, Block
from core.logs.columnar import parquet_blocks, parquet_header, parquet_unreadable
from core.logs.delimited import csv_blocks, csv_header
from core.logs.jsonlines import json_blocks, json_header, json_nested
from core.logs.source import LogSource

__all__ = ["BadRow", "Block", "header_of", "read_blocks", "unreadable_of"]


def header_of(source: LogSource, expected: Set[str] = frozenset()) -> list[str]:
    """The names of a file's columns; of JSON lines, those of its first objects."""
    if source.format == "parquet":
        return parquet_header(source)
    return json_header(source) if source.format == "jsonl" else csv_header(source, expected)


def unreadable_of(source: LogSource) -> dict[str, str]:
    """Columns whose values can't be cells, such as lists, and why."""
    if source.format == "parquet":
        return parquet_unreadable(source)
    return json_nested(source) if source.format == "jsonl" else {}


def read_blocks(source: LogSource, wanted: Sequence[str]) -> Iterator[Block]:
    """The columns of `wanted` that the file has, block by block."""
    readers = {"parquet": parquet_blocks, "jsonl": json_blocks, "csv": csv_blocks}
    return readers[source.format](source, wanted)
