"""Parquet's types come through; cells that are no text or too long cost their row, nested columns the file."""

from __future__ import annotations

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import FileFormatError
from core.logs import columnar
from core.logs.columnar import parquet_blocks, parquet_header, parquet_unreadable
from core.logs.source import LogSource


def log(path: Path, table: pa.Table, **options: object) -> LogSource:
    pq.write_table(table, path, **options)
    return LogSource.open(path)


def test_the_types_that_logs_hold_keep_their_values(tmp_path: Path) -> None:
    table = pa.table(
        {
            "int": pa.array([1, None], pa.int16()),
            "float": [1.5, math.inf],
            "decimal": [Decimal("1.10"), None],
            "bool": [True, None],
            "text": ["a", "ä"],
            "large": pa.array(["a", None], pa.large_string()),
            "view": pa.array(["a", None], pa.string_view()),
            "bytes": pa.array([b"a", "ä".encode()]),
            "category": pa.array(["x", "x"]).dictionary_encode(),
            "day": [date(2026, 1, 11), None],
            "moment": [datetime.fromisoformat("2026-01-11T12:00"), None],
            "clock": [time(12, 30), None],
            "nothing": pa.nulls(2),
        }
    )
    (block,) = parquet_blocks(log(tmp_path / "log.parquet", table), table.column_names)
    assert block.lines.tolist() == [1, 2]
    found = {name: values.to_pylist() for name, values in block.columns.items()}
    expected = table.to_pydict() | {"bytes": ["a", "ä"], "clock": ["12:30:00.000000", None]}
    assert found == expected


def test_only_wanted_columns_are_read(tmp_path: Path) -> None:
    source = log(tmp_path / "log.parquet", pa.table({"a": [1], "b": [[1]], "c": ["x"]}))
    (block,) = parquet_blocks(source, ["c", "none", "a"])
    assert set(block.columns) == {"a", "c"}
    assert parquet_header(source) == ["a", "b", "c"]


NESTED = {
    "struct<x: int64>": pa.array([{"x": 1}]),
    "list<element: int64>": pa.array([[1]]),
    "map<string, int64>": pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())),
}


@pytest.mark.parametrize("kind", NESTED)
def test_a_nested_column_is_named_with_its_type(tmp_path: Path, kind: str) -> None:
    source = log(tmp_path / "log.parquet", pa.table({"a": NESTED[kind]}))
    message = parquet_unreadable(source)["a"]
    assert message.startswith(f"is nested ({kind.partition('<')[0]}<")
    with pytest.raises(FileFormatError, match=r"log.parquet: column 'a' is nested .* write its parts as columns"):
        list(parquet_blocks(source, ["a"]))


def test_a_duration_is_refused_by_its_type(tmp_path: Path) -> None:
    source = log(tmp_path / "log.parquet", pa.table({"a": [timedelta(days=1)]}))
    assert parquet_unreadable(source) == {"a": "is of type duration[us]; write it as text or numbers"}


def test_bytes_that_are_no_text_cost_their_row(tmp_path: Path) -> None:
    values = pa.array([b"a", b"\xff\xfe", None, b"b"])
    for column in (values, values.dictionary_encode()):
        (block,) = parquet_blocks(log(tmp_path / "log.parquet", pa.table({"a": column, "n": [1, 2, 3, 4]})), ["a", "n"])
        assert block.lines.tolist() == [1, 3, 4]
        assert block.columns["a"].to_pylist() == ["a", None, "b"]
        assert block.columns["n"].to_pylist() == [1, 3, 4]
        assert [(bad.line, bad.column, bad.reason) for bad in block.bad] == [(2, "a", "not UTF-8")]


def test_a_cell_of_2_mb_costs_its_row(tmp_path: Path) -> None:
    table = pa.table({"a": ["x", "y" * 2_000_000, "z"]})
    (block,) = parquet_blocks(log(tmp_path / "log.parquet", table), ["a"])
    assert block.columns["a"].to_pylist() == ["x", "z"]
    assert [(bad.line, bad.reason, bad.message) for bad in block.bad] == [
        (2, "cell too long", "a is longer than 1,000,000 bytes")
    ]


def test_a_small_file_that_expands_to_much_text_comes_in_small_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columnar, "TEXT_PER_BLOCK", 100_000)
    table = pa.table({"a": ["x" * 1_000] * 5_000, "n": np.arange(5_000)})
    source = log(tmp_path / "log.parquet", table)
    assert source.path.stat().st_size < 100_000
    blocks = list(parquet_blocks(source, ["a", "n"]))
    assert max(block.columns["a"].nbytes for block in blocks) < 110_000
    assert [line for block in blocks for line in block.lines.tolist()] == list(range(1, 5_001))
    assert [n for block in blocks for n in block.columns["n"].to_pylist()] == list(range(5_000))


def test_lines_count_on_over_blocks_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "rows_per_block", lambda n_columns: 70)
    source = log(tmp_path / "log.parquet", pa.table({"n": np.arange(500)}), row_group_size=90)
    blocks = list(parquet_blocks(source, ["n"]))
    assert max(block.n_rows for block in blocks) <= 70
    assert [n + 1 for block in blocks for n in block.columns["n"].to_pylist()] == list(range(1, 501))
    assert [line for block in blocks for line in block.lines.tolist()] == list(range(1, 501))


def test_too_many_rows_are_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columnar, "MAX_ROWS", 9)
    source = log(tmp_path / "log.parquet", pa.table({"n": np.arange(10)}))
    with pytest.raises(FileFormatError, match=r"log.parquet: has 10 rows, at most 9 are read at once; split it"):
        next(parquet_blocks(source, ["n"]))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.99])
def test_a_file_cut_anywhere_is_called_cut_off_or_damaged(tmp_path: Path, share: float) -> None:
    source = log(tmp_path / "log.parquet", pa.table({"n": np.arange(5_000), "a": ["text"] * 5_000}))
    content = source.path.read_bytes()
    source.path.write_bytes(content[: max(8, int(share * len(content)))])
    for ask in (parquet_header, parquet_unreadable, lambda s: list(parquet_blocks(s, ["n"]))):
        with pytest.raises(
            FileFormatError, match=r"log.parquet: can't be read as Parquet, it may be cut off or damaged"
        ):
            ask(LogSource.open(source.path))


def test_damage_anywhere_in_the_pages_is_an_error_or_changes_nothing_else(tmp_path: Path) -> None:
    n = np.arange(2_000)
    source = log(tmp_path / "log.parquet", pa.table({"n": n}), write_page_checksum=True)
    content = source.path.read_bytes()
    n_found = 0
    for place in range(4, len(content) - 200, 97):
        source.path.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            list(parquet_blocks(LogSource.open(source.path), ["n"]))
        except FileFormatError:
            n_found += 1
    assert n_found  # whatever the damage: a FileFormatError or rows, never another error
