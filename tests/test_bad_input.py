"""Wrong files given to the commands: each ends in a message with a way out or in a finding, never in silence."""

from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
import shutil
import zipfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.logs import source
from core.measure import Status
from core.record import BatchRole
from core.services.drift import ColumnReport
from core.workspace import Workspace
from tests.builders import HEADER, SCHEMA, START, rows, write_csv
from tests.command import CommandLine, Ran

LATER = START + timedelta(days=10)  # the reference has ten days, so alarms are armed
PLACE = {name: place for place, name in enumerate(HEADER)}
HOSTILE = (
    "=1+1",
    "<script>alert(1)</script>",
    "'; DROP TABLE batch; --",
    "[x](javascript:alert(1))",
    ":red[x]",
    "$x$ **b**",
    "a|b",
    'say "a, b"',
    "\x1b[31mred",
)
Rows = list[list[object]]
Write = Callable[[Path], object]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace whose model has a reference of 1,000 good rows over ten days."""
    folder = tmp_path_factory.mktemp("template")
    workspace = Workspace.open(folder / "workspace")
    workspace.models.add(ME, "m", SCHEMA)
    workspace.records.add(ME, "m", [write_csv(folder / "reference.csv", rows(1_000))], role=BatchRole.REFERENCE)
    workspace.profiles.refresh(ME, "m")
    workspace.close()
    return folder / "workspace"


@pytest.fixture
def plumbline(template: Path, tmp_path: Path) -> CommandLine:
    """The commands, on a workspace of the test's own."""
    shutil.copytree(template, tmp_path / "workspace")
    return CommandLine(workspace=tmp_path / "workspace")


def good(n: int = 200) -> Rows:
    """Rows that fit, over the four days after the reference."""
    return rows(n, start=LATER, days=4, prefix="p", seed=3)


def with_column(name: str, value: Callable[[int], object], n: int = 800) -> Rows:
    """Good rows in which one column says something else."""
    table = good(n)
    for number, row in enumerate(table):
        row[PLACE[name]] = value(number)
    return table


def as_text(table: Sequence[Sequence[object]], header: Sequence[str] = HEADER, delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows([header, *table])
    return text.getvalue()


def as_table(table: Rows, **other: Sequence[object]) -> pa.Table:
    columns = {
        name: [getattr(row[place], "item", lambda v=row[place]: v)() for row in table] for name, place in PLACE.items()
    }
    return pa.table({**columns, **other})


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("log.csv", as_text(good()))


def cut_off(path: Path) -> None:
    pq.write_table(as_table(good()), path)
    path.write_bytes(path.read_bytes()[:4_000])


def damaged(path: Path) -> None:
    """Parquet whose footer is whole and whose pages are not."""
    pq.write_table(as_table(good()), path)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 400 + content[404:])


def content(data: bytes | str) -> Write:
    return lambda path: path.write_bytes(data if isinstance(data, bytes) else data.encode())


def parquet(table: pa.Table) -> Write:
    return lambda path: pq.write_table(table, path)


def wide(n_extra: int) -> str:
    extra = [f"c{place}" for place in range(n_extra)]
    return as_text([[*row, *range(n_extra)] for row in good(20)], [*HEADER, *extra])


TEXT = as_text(good())
REFUSED: dict[str, tuple[str, Write, str]] = {
    "empty": ("log.csv", content(b""), "is empty; expected a header line and rows"),
    "blank": ("log.csv", content("\n \n\r\n"), "is empty; expected a header line and rows"),
    "a delimiter nobody uses": (
        "log.csv",
        content(as_text(good(), delimiter="~")),
        "column 'id' (id) is absent; the file has 'id~at~version~amount~colour~sex~region~score~decision~outcome', one "
        "column: known delimiters are comma, semicolon, tab and |",
    ),
    "a header in Latin-1": (
        "log.csv",
        content(TEXT.replace("colour", "färbe").encode("latin-1")),
        "line 1 is not UTF-8; if the file is Latin-1, say so (--encoding latin-1)",
    ),
    "a first line of 2 MB": (
        "log.csv",
        content("x" * 2_000_000 + "\n1\n"),
        "line 1 is longer than 1,000,000 characters; expected a header line",
    ),
    "over 10,000 columns": ("log.csv", content(wide(10_001)), "has 10,011 columns, at most 10,000 are read"),
    "a column twice": (
        "log.csv",
        content(as_text([[*row, 1] for row in good()], [*HEADER, "amount"])),
        "column 'amount' stands 2 times in the header (at 4 and 11); rename it",
    ),
    "a column twice in Parquet": (
        "log.parquet",
        parquet(pa.table([pa.array([1]), pa.array([2])], names=["a", "a"])),
        "column 'a' stands 2 times in the header (at 1 and 2); rename it",
    ),
    "no timestamp": (
        "log.csv",
        content(TEXT.replace("at,", "when,", 1)),
        "column 'at' (timestamp) is absent; the file has",
    ),
    "a renamed score": (
        "log.csv",
        content(TEXT.replace("score", "Score_", 1)),
        "column 'score' (score) is absent (is it 'Score_' now?)",
    ),
    "a pickle": ("log.csv", content(pickle.dumps({"a": [1]})), "is a Python pickle; Plumbline never unpickles"),
    "a zip": ("log.csv", zipped, "is a zip archive (or an Excel workbook); unzip it, or save the sheet as CSV"),
    "UTF-16": ("log.csv", content(TEXT.encode("utf-16")), "is UTF-16 text; save it as UTF-8"),
    "UTF-16 without a mark": ("log.csv", content(TEXT.encode("utf-16-le")), "holds NUL bytes, so it is no UTF-8 text"),
    "NUL bytes": ("log.csv", content(b"\0" * 64 + TEXT.encode()), "holds NUL bytes, so it is no UTF-8 text"),
    "a JSON array": ("log.json", content('[{"id": "a"}]'), "is a JSON array; write one JSON object a line instead"),
    "indented JSON": ("log.json", content('{\n  "id": "a"\n}\n'), "write one object a line, not indented over several"),
    "gzip that is cut off": (
        "log.csv.gz",
        content(gzip.compress(TEXT.encode())[:-200]),
        "the gzip stream is damaged or cut off",
    ),
    "gzip that is none": ("log.csv.gz", content(b"\x1f\x8bnothing"), "looks like gzip but can't be expanded"),
    "Parquet cut off": ("log.parquet", cut_off, "can't be read as Parquet, it may be cut off or damaged"),
    "Parquet damaged inside": ("log.parquet", damaged, "can't be read as Parquet, it may be cut off or damaged"),
    "Parquet by name alone": ("log.parquet", content(TEXT), "is called Parquet but doesn't start like one"),
    "nested Parquet": (
        "log.parquet",
        parquet(as_table(good(), amount=[{"a": 1}] * 200)),
        "column 'amount' is nested (struct<a: int64>); write its parts as columns of their own",
    ),
    "a folder without logs": ("logs", lambda path: path.mkdir(), "the folder holds no file ending in .csv"),
    "nothing there": ("log.csv", lambda path: None, "there is no such file"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_read_is_refused_by_name_with_the_reason_and_the_way_out(
    plumbline: CommandLine, tmp_path: Path, case: str
) -> None:
    name, write, message = REFUSED[case]
    write(tmp_path / name)
    ran = plumbline("ingest", "m", tmp_path / name)
    _is_refused(ran, tmp_path / name, message)
    assert [batch["role"] for batch in plumbline("batch", "list", "m", "--json").json] == ["reference"]


def _is_refused(ran: Ran, path: Path, message: str) -> None:
    """Exit code 2, nothing on stdout, one line on stderr that begins with the file and says why."""
    assert (ran.code, ran.out) == (2, ""), ran
    assert ran.err.startswith(f"plumbline: {path}: "), ran.err
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_a_gzip_bomb_is_left_off_before_it_is_expanded(
    plumbline: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "FREE_EXPANSION", 100_000)
    bomb = tmp_path / "log.csv.gz"
    bomb.write_bytes(gzip.compress(TEXT.encode() + b"x" * 20_000_000))
    limit = 100 * bomb.stat().st_size
    assert limit < 10_000_000
    message = f"expands to over {limit // 1_000_000} MB, more than 100 times its size; if that is meant, expand it"
    ran = plumbline("ingest", "m", bomb)
    _is_refused(ran, bomb, message)


def test_a_file_over_the_size_limit_is_refused_unread(
    plumbline: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_csv(tmp_path / "log.csv", good())
    n = path.stat().st_size
    monkeypatch.setattr(source, "MAX_BYTES", n)
    assert taken(plumbline, path)["n_rows"] == 200
    monkeypatch.setattr(source, "MAX_BYTES", n - 1)
    message = f"has {n:,} bytes, at most {n - 1:,} bytes are read at once; split it"
    _is_refused(plumbline("ingest", "m", path), path, message)
    ran = plumbline("ingest", "m", "-", stdin=path.read_bytes())
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == f"plumbline: stdin: gives over {n - 1:,} bytes, the most that is read at once; split it.\n"


def test_a_header_without_rows_adds_nothing_and_says_so(plumbline: CommandLine, tmp_path: Path) -> None:
    for name, write in (
        ("a.csv", content(",".join(HEADER))),
        ("b.csv", content(",".join(HEADER) + "\r\n")),
        ("c.parquet", parquet(as_table(good()).slice(0, 0))),
    ):
        write(tmp_path / name)
        ran = plumbline("ingest", "m", tmp_path / name)
        assert ran.code == 0
        assert ran.out == f"{tmp_path / name}: has a header and no rows; nothing was added\n"


# What goes in although it is odd: every row is there, and the odd ones that can't be are named.


def taken(plumbline: CommandLine, path: Path, *options: object) -> dict[str, Any]:
    """What became of a file that has to go in."""
    ran = plumbline("ingest", "m", path, *options, "--json")
    assert (ran.code, ran.err) == (0, ""), ran
    (outcome,) = ran.json
    return outcome


def problems(plumbline: CommandLine, batch: int) -> list[tuple[int, str, str]]:
    found = plumbline("batch", "rejects", batch, "--json").json
    return [(problem["line"], problem["column"], problem["reason"]) for problem in found]


READ: dict[str, tuple[str, Write]] = {
    "semicolons": ("log.csv", content(as_text(good(), delimiter=";"))),
    "tabs": ("log.tsv", content(as_text(good(), delimiter="\t"))),
    "bars, called text": ("log.txt", content(as_text(good(), delimiter="|"))),
    "a byte order mark": ("log.csv", content(b"\xef\xbb\xbf" + TEXT.encode())),
    "line ends of three systems": (
        "log.csv",
        content("".join(line + ("\n", "\r\n", "\r")[n % 3] for n, line in enumerate(TEXT.splitlines()))),
    ),
    "no line end at the end": ("log.csv", content(TEXT.rstrip())),
    "blank lines all over": ("log.csv", content("\n\n" + TEXT.replace("\r\n", "\n\n"))),
    "5,000 more columns": (
        "log.csv",
        content(as_text([[*r, *range(5_000)] for r in good()], [*HEADER, *map(str, range(5_000))])),
    ),
    "columns of hostile names": ("log.csv", content(as_text([[*r, *HOSTILE] for r in good()], [*HEADER, *HOSTILE]))),
    "a nested column nobody asked for": ("log.parquet", parquet(as_table(good(), more=[[1]] * 200))),
    "gzip by content alone": ("log.csv", content(gzip.compress(TEXT.encode()))),
}


@pytest.mark.parametrize("case", READ)
def test_an_odd_file_gives_the_same_records_as_a_plain_one(
    plumbline: CommandLine, template: Path, tmp_path: Path, case: str
) -> None:
    name, write = READ[case]
    write(tmp_path / name)
    outcome = taken(plumbline, tmp_path / name)
    assert (outcome["n_rows"], outcome["n_rejected"], outcome["n_duplicates"]) == (200, 0, 0)
    shutil.copytree(template, tmp_path / "plain")
    plain = CommandLine(workspace=tmp_path / "plain")
    taken(plain, write_csv(tmp_path / "plain.csv", good()))
    odd, expected = (_stored(space.workspace) for space in (plumbline, plain))
    assert odd.equals(expected)


def _stored(workspace: Path) -> pa.Table:
    """The records of production's largest batch, by id, without the line each stood on."""
    tables = [pq.read_table(path) for path in (workspace / "records" / "data").glob("*/*.parquet")]
    records = [table for table in tables if "@id" in table.column_names]  # the others are what was set aside
    found = max((t for t in records if t["@id"][0].as_py().startswith("p")), key=lambda table: table.num_rows)
    return found.drop_columns(["@line"]).sort_by("@id")


def test_columns_beside_the_schema_are_named_as_not_read(plumbline: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(as_text([[*row, *HOSTILE] for row in good()], [*HEADER, *HOSTILE]), newline="")
    ran = plumbline("ingest", "m", path)
    assert "has '=1+1', '<script>alert(1)</script>'" in ran.out
    assert "and 1 more beside the schema: not read" in ran.out
    assert "\x1b" not in ran.out


def test_latin_1_is_read_when_said_and_otherwise_only_its_odd_rows_are_set_aside(
    plumbline: CommandLine, tmp_path: Path
) -> None:
    table = good()
    table[0][PLACE["colour"]], table[5][PLACE["colour"]] = "blåu", "röd"
    path = tmp_path / "log.csv"
    path.write_bytes(as_text(table).encode("latin-1"))
    outcome = taken(plumbline, path)
    assert (outcome["n_rows"], outcome["n_rejected"]) == (198, 2)
    assert problems(plumbline, outcome["batch_id"]) == [(2, "", "not UTF-8"), (7, "", "not UTF-8")]
    plumbline("batch", "retract", outcome["batch_id"], "--reason", "read as UTF-8")
    outcome = taken(plumbline, path, "--encoding", "latin-1")
    assert (outcome["n_rows"], outcome["n_rejected"]) == (200, 0)
    assert {"blåu", "röd"} <= set(_stored(plumbline.workspace)["colour"].to_pylist())


def test_an_encoding_nobody_knows_is_refused(plumbline: CommandLine, tmp_path: Path) -> None:
    ran = plumbline("ingest", "m", write_csv(tmp_path / "log.csv", good()), "--encoding", "klingon")
    assert ran.code == 2
    assert "'klingon' is no text encoding; common ones are utf-8, latin-1 and cp1252" in ran.err


def test_a_line_of_2_mb_is_set_aside_and_the_rows_around_it_go_in(plumbline: CommandLine, tmp_path: Path) -> None:
    table = good()
    table[10][PLACE["colour"]] = "x" * 2_000_000
    outcome = taken(plumbline, write_csv(tmp_path / "log.csv", table))
    assert (outcome["n_rows"], outcome["n_rejected"]) == (199, 1)
    assert problems(plumbline, outcome["batch_id"]) == [(12, "", "line too long")]
    (problem,) = plumbline("batch", "rejects", outcome["batch_id"], "--json").json
    assert problem["message"] == "is longer than 1,000,000 characters"


def test_ragged_rows_and_an_open_quote_cost_only_themselves(plumbline: CommandLine, tmp_path: Path) -> None:
    lines = TEXT.splitlines()
    lines[3] += ",more"
    lines[8] = "p7,short"
    lines[20] = '"' + lines[20]
    (tmp_path / "log.csv").write_text("\n".join(lines) + "\n")
    outcome = taken(plumbline, tmp_path / "log.csv")
    assert (outcome["n_rows"], outcome["n_rejected"]) == (197, 3)
    assert [line for line, *_ in problems(plumbline, outcome["batch_id"])] == [4, 9, 21]


def test_nul_characters_deep_in_a_file_cost_only_their_rows(plumbline: CommandLine, tmp_path: Path) -> None:
    table = good()
    table[190][PLACE["colour"]], table[191][PLACE["amount"]] = "r\0d", "1\0"
    outcome = taken(plumbline, write_csv(tmp_path / "log.csv", table))
    assert (outcome["n_rows"], outcome["n_rejected"]) == (198, 2)
    assert problems(plumbline, outcome["batch_id"]) == [
        (192, "colour", "unreadable value"),
        (193, "amount", "unparseable number"),
    ]


def test_times_that_lie_ahead_or_are_none_are_set_aside_row_by_row(plumbline: CommandLine, tmp_path: Path) -> None:
    table = good()
    for row, moment in zip(table, ("2999-01-01T00:00:00Z", "0001-01-01", "yesterday", ""), strict=False):
        row[PLACE["at"]] = moment
    outcome = taken(plumbline, write_csv(tmp_path / "log.csv", table))
    assert (outcome["n_rows"], outcome["n_rejected"]) == (196, 4)
    assert [(line, reason) for line, _, reason in problems(plumbline, outcome["batch_id"])] == [
        (2, "time in the future"),
        (3, "unparseable time"),
        (4, "unparseable time"),
        (5, "missing value"),
    ]


def test_times_in_five_zones_and_in_none_are_the_instants_they_name(plumbline: CommandLine, tmp_path: Path) -> None:
    zones = ("T12:00:00Z", "T12:00:00+02:00", "T12:00:00-05:00", " 12:00:00+05:30", "T12:00:00+09", " 12:00:00")
    table = good(len(zones))
    for row, moment in zip(table, zones, strict=True):
        row[PLACE["at"]] = f"2026-01-11{moment}"
    assert taken(plumbline, write_csv(tmp_path / "log.csv", table))["n_rows"] == 6
    instants = [moment.as_py().strftime("%d %H:%M") for moment in _stored(plumbline.workspace)["@timestamp"]]
    assert instants == ["11 12:00", "11 10:00", "11 17:00", "11 06:30", "11 03:00", "11 12:00"]
    measures = plumbline("analyse", "m", "--json").json["measures"]
    assert {m["window"] for m in measures} == {"2026-01-11"}
    assert {m["n"] for m in measures if m["family"] == "data_drift"} == {6}


def test_formula_cells_are_taken_in_as_they_are_and_leave_with_a_quote_before_them(
    plumbline: CommandLine, tmp_path: Path
) -> None:
    formulas = ('=HYPERLINK("http://evil")', "+cmd|' /C calc'!A0", "@SUM(1)", "-1+2")
    table = good()
    for row, formula in zip(table, formulas, strict=False):
        row[PLACE["amount"]], row[PLACE["id"]] = formula, f"={row[PLACE['id']]}"
    outcome = taken(plumbline, write_csv(tmp_path / "log.csv", table))
    assert (outcome["n_rows"], outcome["n_rejected"]) == (196, 4)
    out = tmp_path / "rejects.csv"
    assert plumbline("batch", "rejects", outcome["batch_id"], "--out", out).code == 0
    cells = [cell for row in csv.reader(out.read_text().splitlines()) for cell in row]
    assert cells
    assert not [cell for cell in cells if cell[:1] in set("=+-@\t\r\n")]
    written = plumbline("batch", "rejects", outcome["batch_id"], "--json").json
    assert [json.loads(problem["raw"])["amount"] for problem in written] == list(formulas)


# What goes in and has to be found by the analysis.


def finding(plumbline: CommandLine, column: str) -> tuple[ColumnReport, list[tuple[str, str, str]]]:
    """A column's report in the latest window, and the findings on it that `analyse` prints for that window."""
    printed = plumbline("analyse", "m", "--json").json["findings"]
    workspace = Workspace.open(plumbline.workspace)
    report = workspace.analysis.drift(ME, "m")
    assert report is not None
    assert report.context.focus is not None
    assert report.context.arming.is_armed
    name = report.context.focus.name
    workspace.close()
    found = [(m["family"], m["measure"], m["status"]) for m in printed if m["column"] == column and m["window"] == name]
    return next(c for c in report.columns if c.column == column), found


BROKEN: dict[str, tuple[str, Callable[[int], object], str]] = {
    "constant number": (
        "amount",
        lambda n: 100.0,
        "The column became constant or nearly so: all 200 values lie in one narrow bin",
    ),
    "constant category": ("colour", lambda n: "red", "The column became constant: all 200 values are 'red'"),
    "all null": ("amount", lambda n: "", "The column vanished: all 200 rows are missing, in the reference 0.0% were."),
    "null in four of five": (
        "amount",
        lambda n: "" if n % 5 else 100 + n % 30,
        "Missing 0.0% to 80.0%.",
    ),
    "numbers among the categories": (
        "colour",
        lambda n: ("red", 7)[n % 2],
        "Categories that the reference doesn't have in 100 of 200 rows (50.0%).",
    ),
    "null by other names": ("colour", lambda n: " ", "The column vanished: all 200 rows are missing"),
    "another type": (
        "amount",
        lambda n: "much",
        "Values that can't be read as the column's type in 200 of 200 rows (100.0%).",
    ),
    "numbers for categories": (
        "colour",
        lambda n: n % 7,
        "None of the 200 values occurs in the reference: the column's type or coding may have changed.",
    ),
    "infinities": (
        "amount",
        lambda n: ("inf", "-Infinity", 100, 100)[n % 4],
        "Infinite values in 100 of 200 rows: 50 positive, 50 negative; in the reference in 0 of 1,000.",
    ),
    "another scale": (
        "amount",
        lambda n: 1e6 + n,
        "100.0% of rows lie outside the reference's range: 0.0% below it, 100.0% above.",
    ),
    "scores in percent": (
        "score",
        lambda n: 50,
        "Values that can't be read as the column's type in 200 of 200 rows (100.0%).",
    ),
    "one decision only": ("decision", lambda n: 1, "The column became constant: all 200 values are '1'"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_column_that_broke_is_a_critical_finding_that_says_how(
    plumbline: CommandLine, tmp_path: Path, case: str
) -> None:
    column, value, words = BROKEN[case]
    outcome = taken(plumbline, write_csv(tmp_path / "log.csv", with_column(column, value)))
    assert outcome["n_rows"] + outcome["n_rejected"] == 800
    report, found = finding(plumbline, column)
    assert report.status is Status.CRITICAL
    assert report.psi.why.startswith("it has moved by more than its margin of 0.05 sd")
    assert ("data_drift", "psi", "critical") in found
    assert report.quality.findings[0].words.startswith(words)
    text = plumbline("analyse", "m", "--fail-on", "critical")
    assert text.code == 1
    assert f"    {column}: {words}" in text.out


@pytest.mark.parametrize("name", [None, "Amount", "amount_"])
def test_an_absent_or_renamed_feature_is_said_at_once_and_found_later(
    plumbline: CommandLine, tmp_path: Path, name: str | None
) -> None:
    table = good(800)
    header = [name if column == "amount" else column for column in HEADER]
    if name is None:
        table = [row[:3] + row[4:] for row in table]
        header = [column for column in header if column is not None]
    outcome = taken(plumbline, write_csv(tmp_path / "log.csv", table, header))
    assert (outcome["n_rows"], outcome["n_rejected"]) == (800, 0)
    guess = f" (renamed? it has '{name}' for 'amount')" if name else ""
    assert outcome["notes"][0] == f"lacks 'amount'{guess}: counted as missing in every row"
    report, found = finding(plumbline, "amount")
    assert report.status is Status.CRITICAL
    assert found == [("data_drift", "psi", "critical"), ("data_quality", "missing_share", "critical")]
    assert report.quality.findings[0].problem == "vanished"


def test_a_few_infinities_are_said_though_they_are_too_few_for_an_alarm(plumbline: CommandLine, tmp_path: Path) -> None:
    normal = [row[PLACE["amount"]] for row in good(800)]
    table = with_column("amount", lambda n: "inf" if n % 50 == 0 else normal[n])
    taken(plumbline, write_csv(tmp_path / "log.csv", table))
    report, found = finding(plumbline, "amount")
    assert (report.status, found) == (Status.OK, [])
    assert [problem.problem for problem in report.quality.findings] == ["infinite"]
    assert "amount: Infinite values in 4 of 200 rows" in plumbline("analyse", "m").out


def test_one_class_only_leaves_undefined_what_needs_two_and_says_why(plumbline: CommandLine, tmp_path: Path) -> None:
    taken(plumbline, write_csv(tmp_path / "log.csv", with_column("outcome", lambda n: 0)))
    printed = plumbline("analyse", "m", "--json").json
    last = {
        m["measure"]: m for m in printed["measures"] if m["window"] == "2026-01-14" and m["family"] == "performance"
    }
    assert {name: m["why"] for name, m in last.items() if m["status"] == "undefined"} == {
        "recall": "None of the 200 rows with a label and a prediction is labelled '1'.",
        "roc_auc": "Only class '0' among 200 labelled rows with a score.",
        "calibration_slope": "Only one class among 200 labelled rows with a score.",
        "calibration_intercept": "Only one class among 200 labelled rows with a score.",
    }
    assert {m["value"] for m in last.values() if m["status"] == "undefined"} == {None}
    assert (last["prevalence"]["value"], last["prevalence"]["why"]) == (0.0, "shown, not watched")
    residual = next(m for m in printed["findings"] if m["measure"] == "mean_residual" and m["window"] == "2026-01-14")
    assert residual["value"] < 0
    workspace = Workspace.open(plumbline.workspace)
    fairness = workspace.analysis.fairness(ME, "m")
    assert fairness is not None
    rate = fairness.attribute("sex").measure("true_positive_rate_difference")
    assert rate is not None
    assert (rate.status, rate.value) == (Status.UNDEFINED, None)
    assert rate.why == "No group has a true positive rate. No labelled positive in this group."
    workspace.close()


def test_a_group_of_one_is_shown_with_its_count_and_judged_by_nobody(plumbline: CommandLine, tmp_path: Path) -> None:
    before = [row[PLACE["sex"]] for row in good(800)]
    table = with_column("sex", lambda n: "x" if n == 700 else before[n])
    taken(plumbline, write_csv(tmp_path / "log.csv", table))
    report, found = finding(plumbline, "sex")
    assert (report.status, found) == (Status.OK, [])
    assert report.quality.findings[0].words == "Categories that the reference doesn't have in 1 of 200 rows (0.5%)."
    workspace = Workspace.open(plumbline.workspace)
    fairness = workspace.analysis.fairness(ME, "m")
    assert fairness is not None
    attribute = fairness.attribute("sex")
    assert attribute.rates is not None
    counts = {rate.group: rate.n for rate in attribute.rates.of("selection_rate")}
    assert sorted(counts.values()) == sorted([1, *(before.count(sex) - (before[700] == sex) for sex in ("f", "m", ""))])
    small = next(group for group, n in counts.items() if n == 1)
    gap = attribute.measure("selection_rate_difference_to_rest", small)
    assert gap is not None
    assert gap.status is Status.INSUFFICIENT
    workspace.close()


def test_a_window_without_rows_that_fit_leaves_everything_undefined_with_a_reason(
    plumbline: CommandLine, tmp_path: Path
) -> None:
    taken(plumbline, write_csv(tmp_path / "log.csv", with_column("amount", lambda n: "much")))
    measures = plumbline("analyse", "m", "--json").json["measures"]
    empty = [m for m in measures if m["status"] == "undefined"]
    assert {m["family"] for m in empty} == {
        "data_drift",
        "data_quality",
        "concept_drift",
        "performance",
        "fairness",
        "spc",
    }
    assert {m["value"] for m in empty} == {None}
    assert {m["why"] for m in empty if m["family"] == "spc"} == {"No row of this window counts in the share."}
    assert all(m["why"] for m in empty)


def test_hostile_names_go_through_every_command_as_plain_text(plumbline: CommandLine, tmp_path: Path) -> None:
    header = [*HEADER, *HOSTILE]
    names = [f"{name}\n" if name == "red" else name for name in HOSTILE]
    values = dict(enumerate(["red", *HOSTILE]))
    table = [[*row, *(values[(n + k) % 3] for k in range(len(names)))] for n, row in enumerate(rows(1_000))]
    later = [[*row, *(["=2+2"] * len(names))] for row in good(800)]
    reference, production = (write_csv(tmp_path / f"{n}.csv", t, header) for n, t in enumerate((table, later)))
    schema = tmp_path / "schema.toml"
    assert plumbline("model", "infer", reference, "--out", schema).code == 0
    assert plumbline("model", "add", "hostile", "--schema", schema).code == 0
    assert plumbline("ingest", "hostile", reference, "--as", "reference").code == 0
    assert plumbline("ingest", "hostile", production).code == 0
    printed = plumbline("analyse", "hostile", "--json").json
    assert set(HOSTILE) <= {m["column"] for m in printed["findings"]}
    text = plumbline("analyse", "hostile")
    assert text.code == 0
    assert "\x1b" not in text.out
    assert "    <script>alert(1)</script>: None of the 200 values occurs in the reference" in text.out
    assert "    \\x1b[31mred: None of the 200 values" in text.out
    assert [m["model"] for m in plumbline("model", "list", "--json").json] == ["hostile", "m"]


def test_a_schema_of_5_000_columns_is_proposed_and_taken(plumbline: CommandLine, tmp_path: Path) -> None:
    names = [f"c{place}" for place in range(4_990)]
    table = [[*row, *range(n, n + 4_990)] for n, row in enumerate(rows(20))]
    path = write_csv(tmp_path / "log.csv", table, [*HEADER, *names])
    assert plumbline("model", "infer", path, "--out", tmp_path / "schema.toml").code == 0
    assert plumbline("model", "add", "wide", "--schema", tmp_path / "schema.toml").code == 0
    ran = plumbline("ingest", "wide", path, "--as", "reference", "--json")
    assert (ran.code, ran.json[0]["n_rows"]) == (0, 20)
    assert (tmp_path / "schema.toml").read_text().count("role = ") == 5_000


SCHEMAS = {
    "not TOML": ("task = binary", "TOML"),
    "no task": ('[columns]\na = { role = "id" }', "task: is required"),
    "a role that is none": (SCHEMA.replace('role = "id"', 'role = "key"'), "columns.id.role"),
    "a key that is none": (SCHEMA + '[alerts]\nmail = "x"', "alerts: is no key of a model schema"),
    "two ids": (SCHEMA + 'again = { role = "id" }', "'id', 'again' all have role id"),
}


@pytest.mark.parametrize("case", SCHEMAS)
def test_a_wrong_schema_is_refused_key_by_key(plumbline: CommandLine, tmp_path: Path, case: str) -> None:
    text, message = SCHEMAS[case]
    path = tmp_path / "schema.toml"
    path.write_text(text)
    _is_refused(plumbline("model", "add", "other", "--schema", path), path, message)
    assert [m["model"] for m in plumbline("model", "list", "--json").json] == ["m"]


@pytest.mark.parametrize("case", ["empty", "a pickle", "a JSON array", "Parquet cut off", "a column twice", "UTF-16"])
def test_no_schema_is_guessed_from_a_file_that_cannot_be_read(
    plumbline: CommandLine, tmp_path: Path, case: str
) -> None:
    name, write, message = REFUSED[case]
    write(tmp_path / name)
    _is_refused(plumbline("model", "infer", tmp_path / name), tmp_path / name, message)


def test_late_labels_are_checked_as_records_are(plumbline: CommandLine, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "labels.csv", [["r1", 1], ["r2", 7], ["", 0], ["nobody", 1]], ["id", "outcome"])
    ran = plumbline("labels", "m", path, "--json")
    (outcome,) = ran.json
    assert (ran.code, outcome["n_rows"], outcome["n_rejected"], outcome["n_matched"]) == (0, 2, 2, 1)
    assert outcome["notes"] == ["1 labels wait for their record, or name an id again"]
    found = plumbline("batch", "rejects", outcome["batch_id"], "--labels", "--json").json
    assert [(p["line"], p["column"], p["reason"]) for p in found] == [
        (3, "outcome", "unknown class"),
        (4, "id", "missing value"),
    ]
    _is_refused(
        plumbline("labels", "m", write_csv(tmp_path / "x.csv", [["r1"]], ["id"])),
        tmp_path / "x.csv",
        "'outcome' (label) is absent",
    )
