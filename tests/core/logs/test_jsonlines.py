"""JSON lines come back as they were written; what is no object costs its own line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import FileFormatError
from core.logs import jsonlines
from core.logs.blocks import BadRow, Block
from core.logs.jsonlines import json_blocks, json_header, json_nested
from core.logs.source import LogSource


def log(path: Path, *lines: str | dict[str, Any]) -> LogSource:
    text = "".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8", newline="")
    return LogSource.open(path, format="jsonl")


def read(source: LogSource, *wanted: str) -> tuple[dict[int, dict[str, Any]], dict[int, BadRow]]:
    blocks = list(json_blocks(source, wanted))
    good = {line: row for block in blocks for line, row in _rows(block)}
    return good, {bad.line: bad for block in blocks for bad in block.bad}


def _rows(block: Block) -> list[tuple[int, dict[str, Any]]]:
    columns = {name: values.to_pylist() for name, values in block.columns.items()}
    return [(int(line), {name: columns[name][row] for name in columns}) for row, line in enumerate(block.lines)]


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.one_of(st.none(), TEXT, st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(st.fixed_dictionaries({"a": VALUES}, optional={"b": VALUES}), min_size=1, max_size=10),
    is_ascii=st.booleans(),
)
def test_objects_come_back_with_their_line_as_text_that_says_the_same(
    tmp_path: Path, table: list[dict[str, Any]], is_ascii: bool
) -> None:
    good, bad = read(log(tmp_path / "log.jsonl", *(json.dumps(row, ensure_ascii=is_ascii) for row in table)), "a", "b")
    assert bad == {}
    assert list(good) == list(range(1, len(table) + 1))
    for row, found in zip(table, good.values(), strict=True):
        for name in ("a", "b"):
            value, text = row.get(name), found.get(name)
            if value is None or isinstance(value, str):
                assert text == value
            else:
                assert json.loads(str(text).replace("inf", "Infinity")) == value


BAD = {
    "an array": ("[1]", "unreadable row", "is a JSON list, expected an object"),
    "a number": ("7", "unreadable row", "is a JSON int, expected an object"),
    "half an object": ('{"a": 1', "unreadable row", "is no JSON object: "),
    "a log line of another kind": ("INFO started", "unreadable row", "is no JSON object: "),
    "a name twice": ('{"a": 1, "a": 2}', "unreadable row", "is no JSON object: it names 'a' twice"),
    "a nested value": ('{"a": {"b": 1}}', "nested value", "a holds a nested value; log it as columns of their own"),
    "a list": ('{"a": [1]}', "nested value", "a holds a nested value"),
    "half a character": ('{"a": "\\ud800"}', "not UTF-8", "is not UTF-8"),
    "nesting without end": ('{"a":' * 100_000, "unreadable row", "is no JSON object: "),
    "a number without end": ('{"a": ' + "9" * 5_000 + "}", "unreadable row", "is no JSON object: "),
    "a line of 2 MB": ('{"a": "' + "x" * 2_000_000 + '"}', "line too long", "is longer than 1,000,000 characters"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_line_that_is_no_row_costs_itself_alone(tmp_path: Path, case: str) -> None:
    line, reason, message = BAD[case]
    good, bad = read(log(tmp_path / "log.jsonl", {"a": 1}, line, "", {"a": 2}), "a")
    assert {number: row["a"] for number, row in good.items()} == {1: "1", 4: "2"}
    assert list(bad) == [2]
    assert bad[2].reason == reason
    assert bad[2].message.startswith(message)
    assert len(bad[2].raw) <= 1_000


def test_an_odd_value_in_a_column_nobody_wants_costs_nothing(tmp_path: Path) -> None:
    good, bad = read(log(tmp_path / "log.jsonl", {"a": 1, "b": [1], "c": {"d": "\ud800"}}), "a")
    assert (good, bad) == ({1: {"a": "1"}}, {})


def test_the_header_is_what_the_first_objects_name_between_them(tmp_path: Path) -> None:
    source = log(tmp_path / "log.jsonl", "oops", {"b": 1}, {"a": 1, "b": {"x": 1}}, {"c": [1]})
    assert json_header(source) == ["b", "a", "c"]
    assert json_nested(source) == {"b": "is nested (an object)", "c": "is nested (a list)"}


def test_a_column_that_comes_late_is_missing_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonlines, "rows_per_block", lambda n_columns: 2)
    source = log(tmp_path / "log.jsonl", *({"a": n} for n in range(4)), {"a": 4, "b": 1}, {"a": 5})
    blocks = list(json_blocks(source, ["a", "b", "never"]))
    assert [block.n_rows for block in blocks] == [2, 2, 2]
    assert [list(block.columns) for block in blocks] == [["a"], ["a"], ["a", "b"]]
    assert blocks[2].columns["b"].to_pylist() == ["1", None]


@pytest.mark.parametrize("text", ['{\n "a": 1\n}', "{}\n{}", '{"a": 1'])
def test_a_file_without_an_object_on_any_line_says_how_to_write_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(FileFormatError, match=r"none of its lines is a JSON object .*not indented over several"):
        json_header(log(tmp_path / "log.jsonl", text))
