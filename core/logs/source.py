"""A file of logs: what kind it is, told from its first bytes, and safe ways to read it."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import FileFormatError, InputError

__all__ = ["MAX_BYTES", "MAX_COLUMNS", "MAX_LINE", "SUFFIXES", "LogSource", "files_of", "spool"]

MAX_LINE = 1_000_000  # characters
MAX_COLUMNS = 10_000
MAX_BYTES = 50 * 1024**3  # of one file: a batch is all or nothing, so it has to fit beside itself
SPOOL_BYTES = 1024 * 1024
MAX_EXPANSION = 100  # gzip: how many times larger than the file its content may be, beyond FREE_EXPANSION
FREE_EXPANSION = 256 * 1024 * 1024

FORMATS = ("csv", "jsonl", "parquet")
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
}
REFUSED = {
    b"PK\x03\x04": "a zip archive (or an Excel workbook); unzip it, or save the sheet as CSV",
    b"\x80\x02": "a Python pickle; Plumbline never unpickles, write Parquet or CSV instead",
    b"\x80\x03": "a Python pickle; Plumbline never unpickles, write Parquet or CSV instead",
    b"\x80\x04": "a Python pickle; Plumbline never unpickles, write Parquet or CSV instead",
    b"\x80\x05": "a Python pickle; Plumbline never unpickles, write Parquet or CSV instead",
    b"\xff\xfe": "UTF-16 text; save it as UTF-8",
    b"\xfe\xff": "UTF-16 text; save it as UTF-8",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; save the sheet as CSV",
    b"Obj\x01": "an Avro file; write Parquet instead",
    b"BZh": "bzip2-compressed; expand it, or use gzip",
    b"\xfd7zXZ": "xz-compressed; expand it, or use gzip",
    b"SQLite f": "an SQLite database; export the table as CSV or Parquet",
    b"ARROW1": "an Arrow or Feather file; write Parquet instead",
    b"\x28\xb5\x2f\xfd": "zstd-compressed; expand it, or use gzip",
}
JSON_ARRAY = re.compile(rb"\[\s*[\[{]")
GZIP_ERRORS = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSource:
    """One file of logs: where it lies, what it is called in messages, its format."""

    path: Path
    name: str
    format: str
    is_gzip: bool
    encoding: str = "utf-8"

    @classmethod
    def open(cls, path: Path, *, name: str | None = None, format: str = "auto", encoding: str = "utf-8") -> LogSource:  # noqa: A002
        """Look at a file's first bytes and say what it is; raises FileFormatError where it can't be read."""
        name = (name or path.name).encode("utf-8", "replace").decode()
        encoding = _known_encoding(encoding)
        head = _head(path, name)
        is_gzip = head.startswith(b"\x1f\x8b")
        if is_gzip:
            try:
                with gzip.open(path) as file:
                    head = file.read(4096)
            except GZIP_ERRORS as error:
                raise FileFormatError(f"{name}: looks like gzip but can't be expanded ({error}).") from error
        if not head.strip():
            raise FileFormatError(f"{name}: is empty; expected a header line and rows.")
        for magic, what in REFUSED.items():
            if head.startswith(magic):
                raise FileFormatError(f"{name}: is {what}.")
        found = cls._format_of(head, name)
        if format not in ("auto", found) and {format, found} != {"csv", "jsonl"}:
            raise FileFormatError(f"{name}: is {found}, not {format}; leave out --format to have it recognised.")
        if found == "parquet" and is_gzip:
            raise FileFormatError(f"{name}: is a gzipped Parquet file; Parquet compresses itself, expand it first.")
        if found != "parquet" and b"\x00" in head:
            raise FileFormatError(
                f"{name}: holds NUL bytes, so it is no UTF-8 text; expected CSV, JSON lines or Parquet."
            )
        return cls(
            path=path, name=name, format=found if format == "auto" else format, is_gzip=is_gzip, encoding=encoding
        )

    @staticmethod
    def _format_of(head: bytes, name: str) -> str:
        if head.startswith(b"PAR1"):
            return "parquet"
        if SUFFIXES.get(_suffix(name)) == "parquet":
            raise FileFormatError(
                f"{name}: is called Parquet but doesn't start like one; it may be cut off or be another format."
            )
        text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
        if JSON_ARRAY.match(text) or (text.startswith(b"[") and SUFFIXES.get(_suffix(name)) == "jsonl"):
            raise FileFormatError(f"{name}: is a JSON array; write one JSON object a line instead.")
        return "jsonl" if text.startswith(b"{") else "csv"

    @contextmanager
    def text(self) -> Iterator[IO[str]]:
        """The file as text with its line ends kept; undecodable bytes become surrogates, one a byte."""
        encoding = "utf-8-sig" if self.encoding == "utf-8" else self.encoding
        with self.path.open("rb") as raw:
            binary: IO[bytes] = io.BufferedReader(_GuardedGzip(raw, self)) if self.is_gzip else raw
            with io.TextIOWrapper(binary, encoding=encoding, errors="surrogateescape", newline="") as text:
                try:
                    yield text
                except UnicodeDecodeError as error:
                    raise FileFormatError(f"{self.name}: can't be read as {self.encoding} ({error.reason}).") from error


class _GuardedGzip(io.RawIOBase):
    """Expands gzip, and stops where a small file expands without end."""

    def __init__(self, raw: IO[bytes], source: LogSource) -> None:
        self._file = gzip.GzipFile(fileobj=raw)
        self._name = source.name
        self._limit = max(FREE_EXPANSION, MAX_EXPANSION * source.path.stat().st_size)
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            data = self._file.read(len(buffer))
        except GZIP_ERRORS as error:
            raise FileFormatError(f"{self._name}: the gzip stream is damaged or cut off ({error}).") from error
        self._read += len(data)
        if self._read > self._limit:
            raise FileFormatError(
                f"{self._name}: expands to over {self._limit // 1_000_000:,} MB, more than {MAX_EXPANSION} times its "
                "size; if that is meant, expand it yourself and ingest the text file."
            )
        buffer[: len(data)] = data
        return len(data)


def files_of(path: Path) -> list[Path]:
    """The files a path stands for: itself, or all files of a folder that are called like logs, by name."""
    if not path.is_dir():
        return [path]
    named = (file for file in path.rglob("*") if _suffix(file.name) in SUFFIXES and not _is_hidden(file, path))
    files = sorted(file for file in named if file.is_file())
    if not files:
        raise FileFormatError(f"{path}: the folder holds no file ending in {', '.join(SUFFIXES)} (also .gz).")
    return files


def spool(stream: IO[bytes], path: Path, *, name: str) -> None:
    """Write to a file what a stream gives; raises FileFormatError where that has no end in sight."""
    n = 0
    with path.open("wb") as file:
        while part := stream.read(SPOOL_BYTES):
            n += len(part)
            if n > MAX_BYTES:
                raise FileFormatError(
                    f"{name}: gives over {_size(MAX_BYTES)}, the most that is read at once; split it."
                )
            file.write(part)


def _is_hidden(file: Path, folder: Path) -> bool:
    """Whether a file, or a folder on the way to it, is one that a system or an editor keeps for itself."""
    return any(part.startswith(".") for part in file.relative_to(folder).parts)


def _size(n: int) -> str:
    """Bytes as people say them."""
    return next(
        (f"{n / unit:,.4g} {name}" for unit, name in ((1024**3, "GB"), (1024**2, "MB")) if n >= unit), f"{n:,} bytes"
    )


def _suffix(name: str) -> str:
    return Path(name.lower().removesuffix(".gz")).suffix


def _head(path: Path, name: str) -> bytes:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileFormatError(f"{name}: is no regular file; give - to read what a program writes.")
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise FileFormatError(f"{name}: has {_size(size)}, at most {_size(MAX_BYTES)} are read at once; split it.")
        with path.open("rb") as file:
            return file.read(4096)
    except FileNotFoundError as error:
        raise FileFormatError(f"{name}: there is no such file.") from error
    except OSError as error:
        raise FileFormatError(f"{name}: can't be opened: {error.strerror}.") from error


def _known_encoding(name: str) -> str:
    """Python's name of a text encoding; raises InputError where it knows none of this name."""
    try:
        found = codecs.lookup(name).name
        b"a,b".decode(found, "surrogateescape")
    except (LookupError, UnicodeError, ValueError) as error:
        raise InputError(f"{name!r} is no text encoding; common ones are utf-8, latin-1 and cp1252.") from error
    return found
