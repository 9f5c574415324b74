"""CSV comes back cell by cell as it was written, with the line each row began on; a bad row costs only itself."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import FileFormatError
from core.logs import delimited
from core.logs.delimited import csv_blocks, csv_header
from core.logs.source import LogSource

WANTED = ("a", "b", "c")
Row = tuple[str | None, ...]


def log(path: Path, text: str) -> LogSource:
    path.write_text(text, encoding="utf-8", newline="")
    return LogSource.open(path)


def read(source: LogSource, wanted: tuple[str, ...] = WANTED) -> tuple[dict[int, Row], dict[int, tuple[str, str]]]:
    """The rows by line, and what was set aside by line."""
    good: dict[int, Row] = {}
    bad: dict[int, tuple[str, str]] = {}
    for block in csv_blocks(source, wanted):
        cells = [block.columns[name].to_pylist() for name in block.columns]
        good |= dict(zip(block.lines.tolist(), zip(*cells, strict=True), strict=True))
        assert block.n_rows == len(block.lines)
        for row in block.bad:
            assert row.line not in bad
            bad[row.line] = (row.reason, row.message)
    return good, bad


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=8),
    delimiter=st.sampled_from(delimited.DELIMITERS),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
def test_any_table_comes_back_with_the_line_of_each_row(
    tmp_path: Path, table: list[tuple[str, str, str]], delimiter: str, end: str, quoting: int
) -> None:
    text = io.StringIO(newline="")
    if re.search("[\r\n]", "".join(map("".join, table))):
        quoting = csv.QUOTE_ALL  # Python's writer leaves line ends that aren't its own unquoted
    writer = csv.writer(text, delimiter=delimiter, lineterminator=end, quoting=quoting)
    writer.writerow(WANTED)
    lines = []
    for row in table:
        lines.append(1 + len(re.findall("\r\n|\r|\n", text.getvalue())))
        writer.writerow(row)
    good, bad = read(log(tmp_path / "log.csv", text.getvalue()))
    assert good == dict(zip(lines, table, strict=True))
    assert bad == {}


WORDS = st.text("abcxyz019 .", max_size=6)
GARBAGE = st.sampled_from(["x,y", "x,y,z,w", '"x', 'x,"y', 'x,y,"z', '"x"y,z,w', '"a","b","c",'])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.one_of(GARBAGE, st.tuples(WORDS, WORDS, WORDS)), min_size=1, max_size=20),
    quoted=st.booleans(),
)
def test_no_good_row_is_lost_or_changed_by_bad_rows_around_it(
    tmp_path: Path, lines: list[str | tuple[str, str, str]], quoted: bool
) -> None:
    def written(row: tuple[str, str, str]) -> str:
        return ",".join(f'"{cell}"' if quoted and cell else cell for cell in row)

    text = "\n".join(["a,b,c", *(line if isinstance(line, str) else written(line) for line in lines)]) + "\n"
    good, bad = read(log(tmp_path / "log.csv", text))
    assert good == {number: line for number, line in enumerate(lines, start=2) if isinstance(line, tuple)}
    assert set(bad) == {number for number, line in enumerate(lines, start=2) if isinstance(line, str)}


def test_two_open_quotes_do_not_make_one_row_of_all_between_them(tmp_path: Path) -> None:
    good, bad = read(log(tmp_path / "log.csv", 'a,b\n1,"x\n2,y\n3,z\n4,"w\n5,v\n'), ("a", "b"))
    assert good == {3: ("2", "y"), 4: ("3", "z"), 6: ("5", "v")}
    assert {line: reason for line, (reason, _) in bad.items()} == {2: "unreadable row", 5: "unreadable row"}
    assert bad[2][1].startswith("opens a quote that is not closed on line 2, and so can't be split into fields")


def test_so_many_open_quotes_that_rereading_ends_are_still_told_with_the_lines_they_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delimited, "MAX_RECOVERIES", 1)
    good, bad = read(log(tmp_path / "log.csv", 'a,b\n1,"x\n2,y\n3,"z\n4,w\n'), ("a", "b"))
    assert good == {3: ("2", "y")}
    assert bad[4][1].endswith("it takes in the lines 4 to 5, as a quote is not closed")


def test_a_quote_inside_a_cell_is_a_character(tmp_path: Path) -> None:
    assert read(log(tmp_path / "log.csv", 'a,b,c\n5" pipe,"say ""hi""",x\n'))[0] == {2: ('5" pipe', 'say "hi"', "x")}


def test_rows_of_the_wrong_width_say_both_widths(tmp_path: Path) -> None:
    _, bad = read(log(tmp_path / "log.csv", "a,b,c\n1,2\n1,2,3,4\n"))
    assert bad == {
        2: ("wrong number of fields", "has 2 fields, the header has 3"),
        3: ("wrong number of fields", "has 4 fields, the header has 3"),
    }


@pytest.mark.parametrize("length", [999_990, 1_000_001, 2_500_000])
def test_a_line_is_read_up_to_the_limit_and_set_aside_beyond_it(tmp_path: Path, length: int) -> None:
    good, bad = read(log(tmp_path / "log.csv", f"a,b,c\n1,2,3\n{'x' * (length - 4)},5,6\n7,8,9\n"))
    assert good[2] == ("1", "2", "3")
    assert good[4] == ("7", "8", "9")
    assert (3 in good, 3 in bad) == (length < 1_000_000, length > 1_000_000)


def test_an_overlong_line_within_a_quoted_cell_is_told_too(tmp_path: Path) -> None:
    good, bad = read(log(tmp_path / "log.csv", f'a,b,c\n1,2,"3\n{"x" * 1_200_000}"\n4,5,6\n'))
    assert good[4] == ("4", "5", "6")
    assert {3: "line too long", 2: "unreadable row"}.items() <= {n: reason for n, (reason, _) in bad.items()}.items()


def test_bytes_of_another_encoding_cost_their_row_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes("a,b,c\n1,grün,3\n4,5,6\n".encode("latin-1"))
    good, bad = read(LogSource.open(path))
    assert good == {3: ("4", "5", "6")}
    assert bad[2][0] == "not UTF-8"
    assert read(LogSource.open(path, encoding="latin-1")) == ({2: ("1", "grün", "3"), 3: ("4", "5", "6")}, {})


def test_an_encoding_that_fails_midway_is_an_error_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_bytes(b"a,b,c\n" + b"1,2,3\n" * 5_000 + b"+A!,2,3\n")
    with pytest.raises(FileFormatError, match=r"log.csv: can't be read as utf-7"):
        read(LogSource.open(path, encoding="utf-7"))


def test_the_delimiter_is_the_one_that_gives_the_expected_names(tmp_path: Path) -> None:
    source = log(tmp_path / "log.csv", "a;b;c,d,e,f\n1;2;3\n")
    assert csv_header(source) == ["a;b;c", "d", "e", "f"]  # nothing is expected: the most columns
    assert csv_header(source, frozenset({"a", "b"})) == ["a", "b", "c,d,e,f"]
    assert read(source, ("a", "b")) == ({2: ("1", "2")}, {})


def test_only_wanted_columns_are_kept_in_the_order_of_the_file(tmp_path: Path) -> None:
    (block,) = csv_blocks(log(tmp_path / "log.csv", "a,b,c\n1,2,3\n"), ("c", "a", "none"))
    assert list(block.columns) == ["a", "c"]


def test_blocks_are_bounded_and_their_lines_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "rows_per_block", lambda n_columns: 7)
    source = log(tmp_path / "log.csv", "a,b,c\n" + "".join(f"{n},x,y\n" if n % 9 else "bad\n" for n in range(50)))
    blocks = list(csv_blocks(source, WANTED))
    assert max(block.n_rows for block in blocks) == 7
    lines = [line for block in blocks for line in block.lines.tolist()]
    assert lines == [n + 2 for n in range(50) if n % 9]
    assert sorted(row.line for block in blocks for row in block.bad) == [n + 2 for n in range(0, 50, 9)]


def test_a_rejected_row_keeps_what_it_said_shortened(tmp_path: Path) -> None:
    blocks = list(csv_blocks(log(tmp_path / "log.csv", f"a,b,c\n{'x' * 5_000},2\n"), WANTED))
    (bad,) = [row for block in blocks for row in block.bad]
    assert bad.raw == "x" * 1_000
