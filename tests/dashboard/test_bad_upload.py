"""Bad files through the Data page: each ends in a message or a finding, and no good row is lost unsaid."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import streamlit as st

from core.governance.identity import LOCAL_OPERATOR as ME
from core.logs import source
from core.workspace import Workspace
from dashboard.components import upload
from dashboard.components.upload import Step, Use
from tests.builders import HEADER, rows
from tests.dashboard.uploads import DataPage, as_csv, workspace_with_reference

N = 50
ROWS = rows(N, prefix="x")
GOOD = as_csv(ROWS)
ZONES = (
    "2026-01-05T10:00:00Z",
    "2026-01-05T10:00:00+02:00",
    "2026-01-05T10:00:00-05:00",
    "2026-01-05T10:00:00+05:30",
    "2026-01-05T10:00:00+0900",
    "2026-01-05 10:00:00",
)
HOSTILE = (
    "![x](http://evil/a.png)",
    "<img src=x onerror=alert(1)>",
    "'; DROP TABLE batch; --",
    ":red[**bold**] $x^2$ `code`",
    "=HYPERLINK(0)",
    "[a](javascript:alert(1)) | b",
    "a" * 400,
)


def having(column: str, value: Callable[[int], object] | object) -> list[list[object]]:
    """The rows with other values in one column."""
    place = HEADER.index(column)
    return [
        [*row[:place], value(number) if callable(value) else value, *row[place + 1 :]]
        for number, row in enumerate(ROWS)
    ]


def parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def as_table() -> pa.Table:
    return pa.table({name: [str(row[place]) for row in ROWS] for place, name in enumerate(HEADER)})


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as file:
        file.writestr("a.csv", GOOD)
    return sink.getvalue()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return workspace_with_reference(tmp_path_factory.mktemp("template"))


@pytest.fixture
def folder(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A workspace whose model m has a reference; the app looks at it."""
    st.cache_data.clear()
    st.cache_resource.clear()
    shutil.copytree(template, tmp_path / "workspace")
    monkeypatch.setenv("PLUMBLINE_WORKSPACE", str(tmp_path / "workspace"))
    yield tmp_path / "workspace"
    st.cache_resource.clear()


@pytest.fixture(scope="module")
def _shared_page(nobody_signed_in: None, template: Path) -> Iterator[DataPage]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLUMBLINE_WORKSPACE", str(template))
        yield DataPage().show("Bring in data")
    st.cache_resource.clear()


@pytest.fixture
def page(_shared_page: DataPage, template: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DataPage]:
    """The page at step 1, for files that add nothing: it is shared, and so is its workspace."""
    monkeypatch.setenv("PLUMBLINE_WORKSPACE", str(template))
    yield _shared_page
    if _shared_page.has("intake_over"):
        _shared_page.press("intake_over")
    assert n_batches(template) == 1


def n_batches(folder: Path) -> int:
    space = Workspace.open(folder)
    try:
        return len(space.batches.list(ME, "m"))
    finally:
        space.close()


REFUSED = {
    "empty": ("a.csv", b"", "a.csv: is empty; expected a header line and rows."),
    "blank": ("a.csv", b"\n \n\n", "is empty"),
    "column twice": ("a.csv", as_csv(ROWS, [*HEADER[:-1], "score"]), "column 'score' stands 2 times in the header"),
    "Parquet cut off": ("a.parquet", parquet(as_table())[:-200], "can't be read as Parquet"),
    "Parquet without its start": ("a.parquet", parquet(as_table())[100:], "doesn't start like one"),
    "pickle": ("a.csv", pickle.dumps({"a": 1}), "is a Python pickle; Plumbline never unpickles"),
    "zip": ("a.csv", zipped(), "is a zip archive (or an Excel workbook); unzip it"),
    "UTF-16 with a mark": ("a.csv", GOOD.decode().encode("utf-16"), "is UTF-16 text; save it as UTF-8"),
    "UTF-16 without": ("a.csv", GOOD.decode().encode("utf-16-le"), "holds NUL bytes"),
    "JSON array": ("a.json", b'[{"id": 1}, {"id": 2}]', "is a JSON array; write one JSON object a line instead"),
    "NUL bytes": ("a.csv", GOOD[:200] + b"\x00\x00" + GOOD[200:], "holds NUL bytes"),
    "program": ("a.csv", b"MZ\x90\x00" + os.urandom(100), "holds NUL bytes"),
    "gzip cut off": ("a.csv.gz", gzip.compress(GOOD)[:-20], "can't be expanded"),
}


@pytest.mark.parametrize(("name", "content", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_log_is_refused_at_the_first_step(page: DataPage, name: str, content: bytes, message: str) -> None:
    page.upload(name, content)
    assert message in page.errors
    assert page.flow.step is Step.FILE
    assert page.flow.upload is None  # nothing of it is kept


def test_after_a_file_that_was_refused_another_may_take_its_place(page: DataPage) -> None:
    page.upload("a.csv", b"").upload("good.csv", GOOD)
    assert page.flow.step is Step.USE


def test_a_file_over_the_limit_is_refused_with_the_way_out(page: DataPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload, "LIMIT_MB", 0.001)
    page.upload("big.csv", GOOD)
    assert "plumbline ingest" in page.errors
    assert page.flow.upload is None


def test_a_gzip_bomb_stops_at_the_limit(page: DataPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "FREE_EXPANSION", 200_000)
    row = b"b%d,2026-01-05T10:00:00Z,v1,1,red,f,north,0.1,0,0\n"
    content = GOOD.splitlines(keepends=True)[0] + (row % 1) * 200_000
    bomb = gzip.compress(content)
    assert len(bomb) * source.MAX_EXPANSION < len(content)
    page.upload("bomb.csv.gz", bomb)
    if page.flow.step is Step.USE:  # its beginning is like any other file's
        page.say(Use.PRODUCTION).check()
    assert "times its size" in page.errors
    assert not page.has("intake_confirm")


STOPPED = {
    "wrong delimiter": (
        "a.csv",
        as_csv(ROWS, delimiter="#"),
        "one column: known delimiters are comma, semicolon, tab and |",
    ),
    "HTML": ("a.csv", b"<html><script>alert(1)</script></html>\n<p>\n", "column 'id' (id) is absent"),
    "nested key column": (
        "a.parquet",
        parquet(as_table().drop_columns(["amount"]).append_column("amount", pa.array([[1.0]] * N))),
        "column 'amount' is nested",
    ),
    "id absent": ("a.csv", as_csv([row[1:] for row in ROWS], HEADER[1:]), "column 'id' (id) is absent"),
}


@pytest.mark.parametrize(("name", "content", "message"), STOPPED.values(), ids=STOPPED)
def test_what_does_not_fit_the_schema_stops_at_its_columns(
    page: DataPage, name: str, content: bytes, message: str
) -> None:
    page.upload(name, content).say(Use.PRODUCTION).check()
    assert message in page.errors
    assert page.flow.step is Step.COLUMNS


SET_ASIDE = {
    "Latin-1 read as UTF-8": (as_csv(having("colour", "grün")).decode().encode("latin-1"), "not UTF-8"),
    "formulas": (as_csv(having("amount", "=1+1")), "unparseable number"),
    "another type": (as_csv(having("amount", "many")), "unparseable number"),
    "future": (as_csv(having("at", "2031-01-01T00:00:00Z")), "time in the future"),
}


@pytest.mark.parametrize(("content", "reason"), SET_ASIDE.values(), ids=SET_ASIDE)
def test_where_no_row_fits_nothing_can_be_taken_in_and_each_reason_is_counted(
    page: DataPage, content: bytes, reason: str
) -> None:
    page.upload("a.csv", content).say(Use.PRODUCTION).check()
    assert f"0 rows would be taken in, {N} set aside." in page.words
    reasons = page.at.table[0].value
    assert reasons["Reason"].str.replace("\\", "").tolist() == [reason]
    assert reasons["Rows"].tolist() == [str(N)]
    assert "There is no row to take in" in page.words
    assert not page.has("intake_confirm")


def test_a_header_without_rows_adds_nothing(page: DataPage) -> None:
    page.upload("a.csv", as_csv([])).say(Use.PRODUCTION).check()
    assert "has a header and no rows" in page.words
    assert not page.has("intake_confirm")
    page.press("intake_back_USE").say(Use.NEW_MODEL, name="n")
    assert "has a header and no rows" in page.errors


def test_latin_1_is_read_once_it_is_said(folder: Path) -> None:
    page = DataPage().show("Bring in data")
    page.at.selectbox(key=f"intake_encoding_{page.flow.number}").set_value("latin-1").run()
    page.bring("a.csv", as_csv(having("colour", "grün")).decode().encode("latin-1"))
    assert f"{N} rows taken in, 0 set aside." in page.words
    stored = [pq.read_table(path) for path in (folder / "records" / "data").glob("*/*.parquet")]
    assert {"grün"} in [set(table["colour"].to_pylist()) for table in stored]


def test_one_line_that_is_too_long_is_set_aside_and_the_others_go_in(folder: Path) -> None:
    line = b"y1,2026-01-05T10:00:00Z,v1," + b"9" * 2_000_000 + b",red,f,north,0.1,0,0\n"
    page = DataPage().bring("a.csv", GOOD + line + as_csv(rows(10, prefix="after")).split(b"\n", 1)[1])
    assert f"{N + 10} rows taken in, 1 set aside." in page.words


def line_ends() -> bytes:
    lines = GOOD.split(b"\n")[:-1]
    return b"".join(line + end for line, end in zip(lines, [b"\n", b"\r\n", b"\r"] * N, strict=False))


WHOLE = {
    "byte order mark": ("a.csv", b"\xef\xbb\xbf" + GOOD),
    "semicolons": ("a.csv", as_csv(ROWS, delimiter=";")),
    "mixed line ends": ("a.csv", line_ends()),
    "5,000 columns": (
        "a.csv",
        as_csv([[*row, *range(4_990)] for row in ROWS], [*HEADER, *(f"c{i}" for i in range(4_990))]),
    ),
    "nested column beside the schema": ("a.parquet", parquet(as_table().append_column("n", pa.array([[1, 2]] * N)))),
    "five zones and none": ("a.csv", as_csv(having("at", lambda n: ZONES[n % 6]))),
}


@pytest.mark.parametrize(("name", "content"), WHOLE.values(), ids=WHOLE)
def test_what_is_only_odd_goes_in_whole(folder: Path, name: str, content: bytes) -> None:
    page = DataPage().bring(name, content)
    assert f"{N} rows taken in, 0 set aside." in page.words


def test_times_of_five_zones_become_the_instants_they_name(folder: Path) -> None:
    page = DataPage().bring("a.csv", as_csv(having("at", lambda n: ZONES[n % 6])))
    page.open("drift")
    assert "Data to 5 Jan 2026, 15:00 UTC." in page.words  # 10:00 at five hours behind


FINDINGS = {
    "absent": (as_csv([[*row[:3], *row[4:]] for row in ROWS], [*HEADER[:3], *HEADER[4:]]), "The column vanished"),
    "all null": (as_csv(having("amount", "")), "The column vanished"),
    "constant": (as_csv(having("amount", 7)), "outside the reference's range"),
    "infinities": (as_csv(having("amount", lambda n: ("inf", "-inf", "1e999")[n % 3])), "Infinite values"),
}


@pytest.mark.parametrize(("content", "finding"), FINDINGS.values(), ids=FINDINGS)
def test_a_column_that_went_wrong_is_a_finding_in_words(folder: Path, content: bytes, finding: str) -> None:
    page = DataPage().bring("a.csv", content)
    assert f"{N} rows taken in, 0 set aside." in page.words
    page.open("drift")
    page.at.selectbox(key="column").set_value("amount").run()
    assert finding in page.sound().words
    page.open("model")


def test_one_class_only_and_a_group_of_one_are_said_and_never_called_fair(folder: Path) -> None:
    table = [[*row[:5], "x" if number == 0 else "f", *row[6:9], 1] for number, row in enumerate(ROWS)]
    page = DataPage().bring("a.csv", as_csv(table))
    page.open("performance").open("fairness")
    assert "Not enough data" in page.words
    page.open("model").open("concept")


# Names that are Markdown, HTML, SQL or formulas


def test_hostile_column_names_are_shown_letter_by_letter_on_every_page(folder: Path) -> None:
    header = ["id", "at", *HOSTILE, "score", "decision", "outcome"]
    table = [
        [row[0], row[1], *(f"{name[:20]}{n % 3}".replace(",", "") for name in HOSTILE), *row[7:]]
        for n, row in enumerate(rows(300))
    ]
    text = as_csv(table, [f'"{name}"' for name in header])
    page = DataPage().upload("<b>*x*</b> ![i](http://evil).csv", text).say(Use.NEW_MODEL, name="![m](http://evil/m)")
    assert set(HOSTILE) < set(page.flow.edited.columns)
    page.check().confirm()
    assert "300 rows taken in, 0 set aside." in page.words
    live = as_csv([["l" + str(row[0]), *row[1:]] for row in table[:200]], [f'"{name}"' for name in header])
    page.press("intake_another").upload("live.csv", live).say(Use.PRODUCTION).check().confirm()
    page.press("intake_see")
    assert_harmless(page)
    for view in ("fleet", "model", "drift", "performance", "concept", "fairness", "control_chart"):
        page.open(view)
        assert_harmless(page)


def assert_harmless(page: DataPage) -> None:
    """No Markdown on the page holds an image, a link or markup that came from data."""
    at = page.at.main
    said = [m.value for m in (*at.markdown, *at.error, *at.subheader)]
    said += [str(cell) for table in at.table for cell in table.value.astype(str).to_numpy().ravel()]
    for text in said:
        assert "](http" not in text, text
        assert "](javascript" not in text, text
        assert not re.search(r"(?<!\\)<", text), text
        assert "http://evil" not in text, text


def test_problems_quote_what_was_written_and_stay_text(folder: Path) -> None:
    table = having("amount", lambda n: "![x](http://evil/1.png)" if n == 0 else n)
    page = DataPage().bring("a.csv", as_csv(table))
    page.press("intake_see")
    assert "![x](http" in page.words  # as `words` shows it, without the escapes
    assert_harmless(page)
