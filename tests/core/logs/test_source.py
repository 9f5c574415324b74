"""A file is told by its first bytes; what can't be read safely is refused with the way out."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import sqlite3
import tarfile
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from core.errors import FileFormatError, InputError
from core.logs import source
from core.logs.delimited import csv_blocks, csv_header
from core.logs.source import LogSource, files_of, spool


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("log.csv", b"a,b\n1,2\n", "csv"),
        ("log.parquet.csv", b"a,b\n", "csv"),
        ("log", b"a\n", "csv"),
        ("log.csv", b' \n{"a": 1}\n', "jsonl"),
        ("log.json", b'\xef\xbb\xbf{"a": 1}\n', "jsonl"),
        ("log.csv", b"[a,b\n1,2\n", "csv"),
        ("log.csv", b"PARTY,b\n", "csv"),
    ],
)
def test_text_is_told_by_its_content_not_by_its_name(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    assert LogSource.open(written(tmp_path / name, content)).format == expected
    zipped = LogSource.open(written(tmp_path / f"{name}.gz", gzip.compress(content)))
    assert (zipped.format, zipped.is_gzip) == (expected, True)


def test_parquet_is_told_by_its_content(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), tmp_path / "log.csv")
    assert LogSource.open(tmp_path / "log.csv").format == "parquet"
    zipped = written(tmp_path / "log.parquet.gz", gzip.compress((tmp_path / "log.csv").read_bytes()))
    with pytest.raises(FileFormatError, match="is a gzipped Parquet file; Parquet compresses itself, expand it first"):
        LogSource.open(zipped)


def _feather(path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, pa.schema([("a", pa.int64())])):
        pass


def _database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE a (b)")
    connection.close()


def _archive(path: Path, mode: str) -> None:
    with tarfile.open(path, mode):  # type: ignore[call-overload]
        pass


REFUSED = {
    "pickle by Python": (lambda path: path.write_bytes(pickle.dumps([1])), "a Python pickle"),
    "pickle by pandas": (lambda path: pd.DataFrame({"a": [1]}).to_pickle(path), "a Python pickle"),
    "every protocol of pickle": (lambda path: path.write_bytes(pickle.dumps([1], protocol=2)), "a Python pickle"),
    "pickle in gzip": (lambda path: path.write_bytes(gzip.compress(pickle.dumps([1]))), "a Python pickle"),
    "Feather": (_feather, "an Arrow or Feather file; write Parquet instead"),
    "SQLite": (_database, "an SQLite database; export the table as CSV or Parquet"),
    "bzip2": (lambda path: _archive(path, "w:bz2"), "bzip2-compressed; expand it, or use gzip"),
    "xz": (lambda path: _archive(path, "w:xz"), "xz-compressed; expand it, or use gzip"),
    "UTF-16 with either mark": (lambda path: path.write_bytes(b"\xfe\xff" + "a,b".encode("utf-16-be")), "UTF-16 text"),
    "PDF": (lambda path: path.write_bytes(b"%PDF-1.7\n"), "a PDF"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_log_is_refused_by_what_it_is(tmp_path: Path, case: str) -> None:
    write, what = REFUSED[case]
    write(tmp_path / "log.csv")
    with pytest.raises(FileFormatError) as caught:
        LogSource.open(tmp_path / "log.csv")
    assert str(caught.value).startswith(f"log.csv: is {what}")


@pytest.mark.parametrize("content", [b"[]", b'[{"a": 1}]', b"[[1, 2]]", b'\n [\n {"a": 1}]', b"[1, 2]"])
def test_a_json_array_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(FileFormatError, match="is a JSON array; write one JSON object a line instead"):
        LogSource.open(written(tmp_path / "log.json", content))


def test_a_pickle_is_never_run(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return open, (str(tmp_path / "sprung"), "w")

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        path = written(tmp_path / "log.csv", pickle.dumps(Trap(), protocol=protocol))
        try:
            opened = LogSource.open(path)
        except FileFormatError:
            continue
        assert protocol < 2  # those look like text, and are read as text
        list(csv_blocks(opened, csv_header(opened)))
    assert not (tmp_path / "sprung").exists()


def test_what_is_no_file_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path(os.devnull), tmp_path):
        with pytest.raises(FileFormatError, match="is no regular file; give - to read what a program writes"):
            LogSource.open(path)
    with pytest.raises(FileFormatError, match="there is no such file"):
        LogSource.open(tmp_path / "none")


@pytest.mark.parametrize(("said", "is_refused"), [("csv", False), ("jsonl", False), ("parquet", True)])
def test_a_format_that_is_said_holds_among_texts_only(tmp_path: Path, said: str, is_refused: bool) -> None:
    path = written(tmp_path / "log.csv", b"a,b\n1,2\n")
    if is_refused:
        with pytest.raises(FileFormatError, match="is csv, not parquet; leave out --format"):
            LogSource.open(path, format=said)
    else:
        assert LogSource.open(path, format=said).format == said


@pytest.mark.parametrize("name", ["klingon", "", "utf-8\0", "hex", "rot13", "idna"])
def test_an_encoding_that_is_none_of_text_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="is no text encoding; common ones are utf-8, latin-1 and cp1252"):
        LogSource.open(written(tmp_path / "log.csv", b"a,b\n"), encoding=name)


def test_encodings_go_by_any_of_their_names(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", "ä,b\n".encode("cp1252"))
    for name in ("latin-1", "Latin1", "ISO-8859-1", "CP1252"):
        with LogSource.open(path, encoding=name).text() as text:
            assert text.read() == "ä,b\n"


def test_line_ends_and_undecodable_bytes_reach_the_reader(tmp_path: Path) -> None:
    path = written(tmp_path / "log.csv", b"\xef\xbb\xbfa\r\nb\rc\n\xff\n")
    with LogSource.open(path).text() as text:
        assert list(text) == ["a\r\n", "b\r", "c\n", "\udcff\n"]


def test_gzip_may_expand_to_the_free_size_or_to_a_hundred_times_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = b"a,b\n" + b"1,2\n" * 250_000
    path = written(tmp_path / "log.csv.gz", gzip.compress(content))
    assert len(content) > 100 * path.stat().st_size
    with LogSource.open(path).text() as text:
        assert len(text.read()) == len(content)
    monkeypatch.setattr(source, "FREE_EXPANSION", len(content))
    with LogSource.open(path).text() as text:
        assert len(text.read()) == len(content)
    monkeypatch.setattr(source, "FREE_EXPANSION", len(content) - 1)
    with (
        pytest.raises(FileFormatError, match="expands to over 1 MB, more than 100 times its size"),
        LogSource.open(path).text() as text,
    ):
        text.read()


def test_gzip_in_parts_is_read_whole_and_garbage_behind_it_is_told(tmp_path: Path) -> None:
    parts = gzip.compress(b"a,b\n") + gzip.compress(b"1,2\n")
    with LogSource.open(written(tmp_path / "log.csv.gz", parts)).text() as text:
        assert text.read() == "a,b\n1,2\n"
    path = written(tmp_path / "log.csv.gz", gzip.compress(b"a,b\n" + os.urandom(20_000).hex().encode()) + b"garbage")
    with (
        pytest.raises(FileFormatError, match="the gzip stream is damaged or cut off"),
        LogSource.open(path).text() as text,
    ):
        text.read()


def test_a_file_may_be_as_large_as_the_limit_and_no_larger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path / "log.csv", b"a,b\n" * 600_000)
    monkeypatch.setattr(source, "MAX_BYTES", 2_400_000)
    assert LogSource.open(path).format == "csv"
    monkeypatch.setattr(source, "MAX_BYTES", 2 * 1024**2)
    with pytest.raises(FileFormatError, match=r"log.csv: has 2.289 MB, at most 2 MB are read at once; split it"):
        LogSource.open(path)


def test_a_stream_without_end_is_left_off_at_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Endless(io.RawIOBase):
        def read(self, size: int = -1) -> bytes:
            return b"x" * size

    monkeypatch.setattr(source, "MAX_BYTES", 5 * 1024**2)
    with pytest.raises(FileFormatError, match="stdin: gives over 5 MB, the most that is read at once; split it"):
        spool(Endless(), tmp_path / "spooled", name="stdin")
    assert (tmp_path / "spooled").stat().st_size <= 5 * 1024**2
    spool(io.BytesIO(b"a,b\n" * 10), tmp_path / "spooled", name="stdin")
    assert (tmp_path / "spooled").read_bytes() == b"a,b\n" * 10


def test_a_folder_stands_for_its_logs_by_name_and_not_for_hidden_files(tmp_path: Path) -> None:
    for name in ("b.csv", "a.JSONL", "sub/c.pq", "sub/d.tsv.gz", ".e.csv", "sub/.f/g.csv", "h.md", "i.csv.bak", "j.gz"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text("a\n")
    (tmp_path / "folder.csv").mkdir()
    found = [str(path.relative_to(tmp_path)) for path in files_of(tmp_path)]
    assert found == ["a.JSONL", "b.csv", "sub/c.pq", "sub/d.tsv.gz"]
    hidden = tmp_path / "sub" / ".f"
    assert files_of(hidden) == [hidden / "g.csv"]  # who names it means it
    assert files_of(tmp_path / "none.csv") == [tmp_path / "none.csv"]


def test_a_name_that_is_no_text_is_shown_with_a_question_mark(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.csv")
    path.write_bytes(b"")
    with pytest.raises(FileFormatError, match=r"^\?\.csv: is empty"):
        LogSource.open(path)
