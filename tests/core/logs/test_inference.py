"""A proposed schema reads back, says why it guesses, and takes the file it was made from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import FileFormatError
from core.logs.draft import SchemaDraft
from core.logs.inference import draft_schema
from core.logs.source import LogSource
from core.logs.tabular import read_blocks
from core.logs.validation import RecordValidator
from core.schema import ColumnType, ModelSchema, Role, Task, WindowUnit
from tests.builders import HEADER, rows, write_csv

N = 400


def draft(tmp_path: Path, task: Task | None = None, **columns: Sequence[object]) -> SchemaDraft:
    """What is proposed for a file of these columns."""
    table = zip(*columns.values(), strict=True)
    return draft_schema(LogSource.open(write_csv(tmp_path / "log.csv", table, list(columns))), task=task)


def schema(tmp_path: Path, **columns: Sequence[object]) -> ModelSchema:
    return ModelSchema.from_toml(draft(tmp_path, **columns).to_toml())


def days(n: int = N, n_days: int = 40) -> list[str]:
    return [str(np.datetime64("2026-01-01T00:00") + np.timedelta64(k * n_days * 1440 // n, "m")) for k in range(n)]


RNG = np.random.default_rng(1)
SCORE = RNG.random(N).round(4)
LABEL = (RNG.random(N) < SCORE).astype(int)
AMOUNT = RNG.normal(100, 15, N).round(2)


def test_a_usual_log_is_told_column_by_column_and_takes_its_own_file(tmp_path: Path) -> None:
    source = LogSource.open(write_csv(tmp_path / "log.csv", rows(N)))
    found = ModelSchema.from_toml(draft_schema(source).to_toml())
    assert {name: (spec.role, spec.type) for name, spec in found.columns.items()} == {
        "id": (Role.ID, None),
        "at": (Role.TIMESTAMP, None),
        "version": (Role.VERSION, None),
        "amount": (Role.FEATURE, ColumnType.NUMERIC),
        "colour": (Role.FEATURE, ColumnType.CATEGORICAL),
        "sex": (Role.FEATURE, ColumnType.CATEGORICAL),
        "region": (Role.FEATURE, ColumnType.CATEGORICAL),
        "score": (Role.SCORE, None),
        "decision": (Role.PREDICTION, None),
        "outcome": (Role.LABEL, None),
    }
    assert found.protected == ("sex",)
    assert (found.task, found.outcome.classes, found.positive) == (Task.BINARY, ("0", "1"), "1")
    validator = RecordValidator(
        schema=found, now=datetime(2027, 1, 1, tzinfo=UTC), version="", known_versions=None, source_sha256="0"
    )
    assert sum(validator.check(block).records.num_rows for block in read_blocks(source, HEADER)) == N


def test_every_guess_a_person_must_check_says_so(tmp_path: Path) -> None:
    found = draft(tmp_path, amount=AMOUNT, score=SCORE, outcome=LABEL)
    assert set(found.open_questions) == {"outcome.positive", "outcome.favourable"}
    text = found.to_toml()
    assert text.count("# DECIDE: ") == 2
    assert text.startswith("# Proposed from 400 rows. Check each guess, and decide where it says DECIDE.")


def test_without_a_label_the_head_asks_for_it(tmp_path: Path) -> None:
    found = draft(tmp_path, amount=AMOUNT, score=SCORE)
    assert any("no column looks like the label" in line for line in found.head)
    assert ModelSchema.from_toml(found.to_toml()).name_of(Role.LABEL) is None


@pytest.mark.parametrize(
    ("label", "task", "classes"),
    [
        (LABEL, Task.BINARY, ("0", "1")),
        (np.where(LABEL, "bad", "good"), Task.BINARY, ("bad", "good")),
        (np.arange(N) % 4, Task.MULTICLASS, ("0", "1", "2", "3")),
        (AMOUNT, Task.REGRESSION, ()),
        (np.where(LABEL, "1.0", ""), Task.BINARY, ("0", "1")),
    ],
)
def test_the_task_follows_the_outcomes_values(
    tmp_path: Path, label: Sequence[object], task: Task, classes: tuple[str, ...]
) -> None:
    found = schema(tmp_path, amount=AMOUNT, target=label)
    assert (found.task, found.outcome.classes) == (task, classes)


def test_the_positive_class_is_told_by_its_name_or_is_the_rarer_and_the_good_one_is_the_other_where_it_is_bad(
    tmp_path: Path,
) -> None:
    named = schema(tmp_path, amount=AMOUNT, outcome=np.where(AMOUNT > 60, "default", "paid"))
    assert (named.positive, named.favourable) == ("default", "paid")
    rarer = schema(tmp_path, amount=AMOUNT, outcome=np.where(AMOUNT > 130, "left", "right"))
    assert (rarer.positive, rarer.favourable) == ("left", "left")


def test_a_task_that_is_given_is_taken(tmp_path: Path) -> None:
    found = draft(tmp_path, task=Task.REGRESSION, amount=AMOUNT, count=np.arange(N) % 4)
    assert found.data["task"] == "regression"
    assert found.notes["task"] == "as given"
    ModelSchema.from_toml(found.to_toml())


@pytest.mark.parametrize(
    ("n", "n_days", "unit"),
    [
        (400, 1, WindowUnit.HOUR),
        (400, 3, WindowUnit.DAY),
        (2_000, 8, WindowUnit.DAY),
        (1_500, 50, WindowUnit.WEEK),
        (2_000, 220, WindowUnit.MONTH),
        (400, 300, WindowUnit.DAY),
    ],
)
def test_windows_are_as_short_as_hold_200_rows_where_there_are_seven(
    tmp_path: Path, n: int, n_days: int, unit: WindowUnit
) -> None:
    found = schema(tmp_path, timestamp=days(n, n_days), amount=np.arange(n) % 97, outcome=np.arange(n) % 2)
    assert found.window.every is unit


def test_without_a_time_windows_are_rows(tmp_path: Path) -> None:
    window = schema(tmp_path, amount=AMOUNT, outcome=LABEL).window
    assert (window.every, window.rows) == (None, 20)


@pytest.mark.parametrize(("unit", "scale"), [("epoch_s", 1), ("epoch_ms", 1_000), ("epoch_us", 1_000_000)])
def test_numbers_that_are_times_are_told_by_name_and_range(tmp_path: Path, unit: str, scale: int) -> None:
    seconds = 1_767_225_600 + np.arange(N) * 3_600
    found = schema(tmp_path, served_at=seconds * scale, amount=AMOUNT, outcome=LABEL)
    assert (found.columns["served_at"].role, found.columns["served_at"].format) == (Role.TIMESTAMP, unit)
    assert schema(tmp_path, rate=AMOUNT * 1e7, amount=AMOUNT, outcome=LABEL).columns["rate"].type is ColumnType.NUMERIC


@pytest.mark.parametrize(
    ("values", "kind", "missing"),
    [
        (AMOUNT, ColumnType.NUMERIC, ()),
        ([*AMOUNT[:-2], "?", "?"], ColumnType.NUMERIC, ("?",)),
        (["yes", "no"] * (N // 2), ColumnType.BOOLEAN, ()),
        (["a", "b"] * (N // 2), ColumnType.CATEGORICAL, ()),
        ([f"words {n}" for n in range(N)], ColumnType.TEXT, ()),
        (days(), ColumnType.TIMESTAMP, ()),
        ([""] * N, ColumnType.CATEGORICAL, ()),
        (["1", "2", "3", "4+"] * (N // 4), ColumnType.CATEGORICAL, ()),
    ],
)
def test_the_type_of_a_feature_follows_its_values(
    tmp_path: Path, values: Sequence[object], kind: ColumnType, missing: tuple[str, ...]
) -> None:
    found = schema(tmp_path, at=days(), thing=values, amount=AMOUNT, outcome=LABEL).columns["thing"]
    assert (found.role, found.type, found.missing) == (Role.FEATURE, kind, missing)


def test_an_empty_column_and_odd_values_are_put_to_the_person(tmp_path: Path) -> None:
    odd = [f"{n}x" if n % 10 == 0 else n for n in range(N)]
    found = draft(tmp_path, nothing=[""] * N, odd=odd, outcome=LABEL)
    assert found.open_questions["columns.nothing"] == "empty in every row seen"
    assert found.open_questions["columns.odd"].startswith(
        "40 values such as '0x' are no numbers: such rows are set aside"
    )


def test_a_column_that_counts_the_rows_is_ignored(tmp_path: Path) -> None:
    columns = {"": range(N), "row": range(N), "id": range(N), "amount": AMOUNT, "outcome": LABEL}
    found = schema(tmp_path, **columns)
    assert found.columns["row"].role is Role.IGNORE
    assert found.columns["id"].role is Role.ID
    assert "" not in found.columns


def test_nested_columns_are_ignored_and_the_reason_is_given(tmp_path: Path) -> None:
    table = pa.table({"amount": AMOUNT, "more": [[1]] * N, "outcome": LABEL})
    pq.write_table(table, tmp_path / "log.parquet")
    lines = [
        json.dumps({"amount": float(a), "more": {"x": 1}, "outcome": int(y)})
        for a, y in zip(AMOUNT, LABEL, strict=True)
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(lines))
    for name in ("log.parquet", "log.jsonl"):
        found = draft_schema(LogSource.open(tmp_path / name))
        assert found.columns["more"] == {"role": "ignore"}
        assert found.notes["columns.more"].startswith("is nested (")
        assert ModelSchema.from_toml(found.to_toml()).features == ("amount",)


def test_types_of_parquet_need_no_guess_from_text(tmp_path: Path) -> None:
    moments = pa.array([datetime(2026, 1, 1 + n % 28, tzinfo=UTC) for n in range(N)])
    table = pa.table({"when": moments, "flag": LABEL == 1, "amount": AMOUNT, "outcome": LABEL})
    pq.write_table(table, tmp_path / "log.parquet")
    found = ModelSchema.from_toml(draft_schema(LogSource.open(tmp_path / "log.parquet")).to_toml())
    assert found.columns["when"].role is Role.TIMESTAMP
    assert found.columns["flag"].type is ColumnType.BOOLEAN
    assert found.columns["amount"].type is ColumnType.NUMERIC


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n", "has a header and no rows; a schema can't be guessed from that"),
        (",\n1,2\n", "its header names no column"),
        ("a,b\n1,2,3\n", "has a header and no rows"),
    ],
)
def test_nothing_is_guessed_from_nothing(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "log.csv").write_text(text)
    with pytest.raises(FileFormatError, match=message):
        draft_schema(LogSource.open(tmp_path / "log.csv")).to_toml()


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\n"), min_size=1, max_size=12).map(str.strip)
USABLE = NAMES.filter(lambda name: bool(name) and not name.startswith("@"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(USABLE, min_size=2, max_size=6, unique=True), data=st.data())
def test_whatever_columns_are_called_and_hold_the_proposal_is_a_valid_schema(
    tmp_path: Path, names: list[str], data: st.DataObject
) -> None:
    cell = st.one_of(st.sampled_from(["0", "1", "", "yes", "2026-01-01", "0.5", "NaN", "inf", "-1e9"]), NAMES)
    n = data.draw(st.integers(1, 6))
    columns = {name: data.draw(st.lists(cell, min_size=n, max_size=n)) for name in names}
    lines = [json.dumps({name: values[row] for name, values in columns.items()}) for row in range(n)]
    (tmp_path / "log.jsonl").write_text("\n".join(lines), encoding="utf-8")
    found = draft_schema(LogSource.open(tmp_path / "log.jsonl"))
    read = ModelSchema.from_toml(found.to_toml())
    assert set(read.columns) == set(names)
    assert SchemaDraft.from_toml(found.to_toml()).data == found.data


def test_a_column_of_infinities_counts_no_rows(tmp_path: Path) -> None:
    rows = [{"id": "a", "x": "inf"}, {"id": "b", "x": "INFINITY"}]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    found = draft_schema(LogSource.open(tmp_path / "log.jsonl"))
    assert set(ModelSchema.from_toml(found.to_toml()).columns) == {"id", "x"}
