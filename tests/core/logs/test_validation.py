"""Rows that don't fit are set aside with line, column and reason; all others become records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.logs.blocks import BadRow, Block
from core.logs.validation import REJECTS, Checked, LabelValidator, RecordValidator
from core.schema import ModelSchema

NOW = datetime(2026, 2, 1, tzinfo=UTC)
SCHEMA = """
task = "binary"
timezone = "Europe/Berlin"
[window]
every = "day"
[outcome]
classes = ["0", "1"]
[columns]
id = { role = "id" }
at = { role = "timestamp" }
version = { role = "version" }
amount = { role = "feature", type = "numeric", missing = ["-1"] }
colour = { role = "feature", type = "categorical" }
since = { role = "feature", type = "timestamp" }
member = { role = "feature", type = "boolean" }
note = { role = "ignore" }
score = { role = "score" }
decision = { role = "prediction" }
outcome = { role = "label" }
known = { role = "label_time" }
"""
GOOD = {
    "id": "a",
    "at": "2026-01-11T12:00:00",
    "version": "v1",
    "amount": "12.5",
    "colour": "red",
    "since": "2020-01-01",
    "member": "yes",
    "score": "0.25",
    "decision": "0",
    "outcome": "1.0",
    "known": "2026-01-20",
}


def block(*rows: dict[str, str | None], lines: list[int] | None = None, bad: tuple[BadRow, ...] = ()) -> Block:
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pa.array([row.get(name) for row in rows], pa.string()) for name in names}
    return Block(columns=columns, lines=np.array(lines or range(2, len(rows) + 2), dtype=np.int64), bad=bad)


def validator(schema: str = SCHEMA, known: tuple[str, ...] | None = None, version: str = "") -> RecordValidator:
    return RecordValidator(
        schema=ModelSchema.from_toml(schema), now=NOW, version=version, known_versions=known, source_sha256="5a" * 32
    )


def check(*rows: dict[str, str | None], schema: str = SCHEMA, known: tuple[str, ...] | None = None) -> Checked:
    return validator(schema, known).check(block(*rows))


def test_a_good_row_becomes_a_typed_record() -> None:
    checked = check(GOOD)
    assert checked.rejects.num_rows == 0
    assert checked.records.to_pylist() == [
        {
            "@id": "a",
            "@timestamp": datetime(2026, 1, 11, 11, tzinfo=UTC),
            "@version": "v1",
            "amount": 12.5,
            "colour": "red",
            "since": datetime(2019, 12, 31, 23, tzinfo=UTC),
            "member": True,
            "@score": 0.25,
            "@prediction": "0",
            "@label": "1",
            "@label_time": datetime(2026, 1, 19, 23, tzinfo=UTC),
            "@line": 2,
        }
    ]


BAD = {
    "no id": ({"id": " "}, "id", "missing value", "id ' ' is missing; every row needs its id"),
    "no time": ({"at": None}, "at", "missing value", "at is missing; every row needs its timestamp"),
    "no version": ({"version": ""}, "version", "missing value", "version '' is missing; every row needs its version"),
    "a time that is none": (
        {"at": "soon"},
        "at",
        "unparseable time",
        "at 'soon' is no ISO 8601 time such as 2026-03-29T14:30:00Z",
    ),
    "a time ahead": (
        {"at": "2026-02-02T01:00:01"},
        "at",
        "time in the future",
        "at '2026-02-02T01:00:01' is later than 2026-02-02 00:00:00+00:00",
    ),
    "a number that is none": (
        {"amount": "1,5"},
        "amount",
        "unparseable number",
        "amount '1,5' is no number (a decimal point, no thousands separator)",
    ),
    "a truth that is none": (
        {"member": "maybe"},
        "member",
        "unparseable boolean",
        "member 'maybe' is neither true nor false",
    ),
    "a feature's time": ({"since": "then"}, "since", "unparseable time", "since 'then' is no ISO 8601 time"),
    "a score in percent": ({"score": "25"}, "score", "score outside 0..1", "score '25' is no probability"),
    "a score below 0": ({"score": "-0.1"}, "score", "score outside 0..1", "score '-0.1' is no probability"),
    "an infinite score": ({"score": "inf"}, "score", "score outside 0..1", "score 'inf' is no probability"),
    "a class unknown": ({"outcome": "2"}, "outcome", "unknown class", "outcome '2' is none of the classes '0', '1'"),
    "a decision unknown": (
        {"decision": "no"},
        "decision",
        "unknown class",
        "decision 'no' is none of the classes '0', '1'",
    ),
    "a NUL": ({"colour": "r\0"}, "colour", "unreadable value", "colour 'r\\x00' holds a NUL character"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_row_that_does_not_fit_is_set_aside_with_line_column_reason_and_value(case: str) -> None:
    change, column, reason, message = BAD[case]
    checked = check(GOOD, GOOD | change, GOOD)
    assert checked.records["@line"].to_pylist() == [2, 4]
    (reject,) = checked.rejects.to_pylist()
    assert (reject["line"], reject["column"], reject["reason"]) == (3, column, reason)
    assert reject["message"].startswith(message)
    assert '"colour": ' in reject["raw"]
    assert reject["row_before"] == 1


MISSING = ("amount", "colour", "since", "member", "score", "decision", "outcome", "known")


@pytest.mark.parametrize("column", MISSING)
def test_a_missing_value_is_fine_wherever_it_is_no_key(column: str) -> None:
    for absent in ("", "   ", None):
        checked = check(GOOD | {column: absent})
        assert (checked.records.num_rows, checked.rejects.num_rows) == (1, 0)


def test_a_row_with_several_problems_is_one_row_aside_and_several_rejects() -> None:
    checked = check(GOOD | {"amount": "x", "member": "x", "at": "x"}, GOOD)
    assert checked.records.num_rows == 1
    assert checked.rejects["column"].to_pylist() == ["amount", "at", "member"]


def test_a_day_of_tolerance_is_left_for_clocks_and_zones() -> None:
    edge = NOW + timedelta(days=1)
    rows = [GOOD | {"at": (edge + timedelta(seconds=s)).isoformat()} for s in (-1, 0, 1)]
    assert check(*rows).records["@line"].to_pylist() == [2, 3]


def test_versions_that_are_not_registered_are_set_aside_and_new_ones_collected_where_any_may_come() -> None:
    rows = [GOOD, GOOD | {"version": "v2"}, GOOD | {"version": "v9"}]
    checked = check(*rows, known=("v1", "v2"))
    assert checked.rejects["reason"].to_pylist() == ["unknown version"]
    assert "`plumbline version add`" in checked.rejects["message"][0].as_py()
    any_version = validator()
    any_version.check(block(*rows, GOOD | {"version": "v7", "amount": "x"}))
    assert any_version.versions == {"v1", "v2", "v9"}  # not the version of a row that didn't go in


def test_without_an_id_column_rows_are_named_by_file_and_line_alone() -> None:
    schema = SCHEMA.replace('id = { role = "id" }\n', "")
    row = {name: value for name, value in GOOD.items() if name != "id"}
    first, second = (validator(schema).check(block(row, row, lines=[2, 7])) for _ in range(2))
    assert first.records["@id"].to_pylist() == second.records["@id"].to_pylist()
    assert [name.split(":")[1] for name in first.records["@id"].to_pylist()] == ["2", "7"]
    other = RecordValidator(
        schema=ModelSchema.from_toml(schema), now=NOW, version="", known_versions=None, source_sha256="b" * 64
    )
    assert not set(other.check(block(row)).records["@id"].to_pylist()) & set(first.records["@id"].to_pylist())


def test_without_a_version_column_the_version_given_is_everywhere() -> None:
    schema = SCHEMA.replace('version = { role = "version" }\n', "")
    assert validator(schema, version="v5").check(block(GOOD)).records["@version"].to_pylist() == ["v5"]


def test_decisions_are_made_where_the_log_has_only_a_score_and_there_is_a_threshold() -> None:
    schema = SCHEMA.replace('decision = { role = "prediction" }\n', "").replace(
        '["0", "1"]', '["0", "1"]\npositive = "1"\nthreshold = 0.5'
    )
    rows = [GOOD | {"score": score} for score in ("0.49", "0.5", "1", "")]
    assert check(*rows, schema=schema).records["@prediction"].to_pylist() == ["0", "1", "1", None]


def test_an_absent_column_is_missing_in_every_row_with_its_type() -> None:
    checked = check({name: value for name, value in GOOD.items() if name not in ("amount", "outcome", "member")})
    assert checked.records["amount"].to_pylist() == [None]
    assert checked.records["amount"].type == pa.float64()
    assert checked.records["member"].type == pa.bool_()
    assert checked.records["@label"].to_pylist() == [None]


def test_rows_that_could_not_even_be_split_are_among_the_rejects_in_line_order() -> None:
    bad = BadRow(line=3, column="", reason="wrong number of fields", message="has 2 fields", raw="a,b")
    checked = validator().check(block(GOOD, GOOD | {"amount": "x"}, lines=[2, 4], bad=(bad,)))
    assert [(r["line"], r["reason"]) for r in checked.rejects.to_pylist()] == [
        (3, "wrong number of fields"),
        (4, "unparseable number"),
    ]
    assert checked.rejects.schema == REJECTS


def test_the_rows_before_a_reject_are_counted_over_blocks() -> None:
    one = validator()
    bad = GOOD | {"amount": "x"}
    places = [
        one.check(block(*rows)).rejects["row_before"].to_pylist()
        for rows in ([GOOD, bad, GOOD], [bad, bad], [GOOD, GOOD, bad])
    ]
    assert places == [[1], [2, 2], [4]]
    assert one.n_accepted == 4


def test_long_values_are_cut_in_messages_and_in_what_is_kept_of_the_row() -> None:
    (reject,) = check(GOOD | {"amount": "x" * 10_000}).rejects.to_pylist()
    assert len(reject["message"]) < 200
    assert len(reject["raw"]) == 1_000


PROBLEMS = [{}, {"id": ""}, {"at": "x"}, {"amount": "x"}, {"amount": "x", "score": "7"}, {"outcome": "maybe"}]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(PROBLEMS), min_size=1, max_size=15))
def test_every_row_is_a_record_or_among_the_rejects_and_never_both(changes: list[dict[str, str]]) -> None:
    checked = check(*(GOOD | change for change in changes))
    records, rejects = set(checked.records["@line"].to_pylist()), set(checked.rejects["line"].to_pylist())
    assert records == {line for line, change in enumerate(changes, start=2) if not change}
    assert rejects == {line for line, change in enumerate(changes, start=2) if change}


def labels(*rows: dict[str, str | None]) -> Checked:
    return LabelValidator(schema=ModelSchema.from_toml(SCHEMA), now=NOW).check(block(*rows))


def test_late_labels_need_an_id_and_a_class_and_no_time_ahead() -> None:
    good = {"id": "a", "outcome": "1", "known": "2026-01-20T00:00Z"}
    rows = [good, good | {"id": ""}, good | {"outcome": None}, good | {"outcome": "7"}, good | {"known": "2027-01-01"}]
    checked = labels(*rows, good | {"known": ""})
    assert checked.records.select(["@id", "@label", "@line"]).to_pylist() == [
        {"@id": "a", "@label": "1", "@line": 2},
        {"@id": "a", "@label": "1", "@line": 7},
    ]
    assert [(r["line"], r["column"], r["reason"]) for r in checked.rejects.to_pylist()] == [
        (3, "id", "missing value"),
        (4, "outcome", "missing value"),
        (5, "outcome", "unknown class"),
        (6, "known", "time in the future"),
    ]


def test_late_labels_without_a_time_are_fine() -> None:
    checked = labels({"id": "a", "outcome": "0"})
    assert checked.records["@label_time"].to_pylist() == [None]
    assert checked.rejects.num_rows == 0
