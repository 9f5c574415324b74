"""Rows of Parquet, in blocks whose text stays small however much a dictionary would expand to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from core.errors import FileFormatError
from core.logs.blocks import BadRow, Block, checked_header, rows_per_block, shown
from core.logs.source import MAX_LINE, LogSource

__all__ = ["parquet_blocks", "parquet_header", "parquet_unreadable"]

MAX_ROWS = 200_000_000
TEXT_PER_BLOCK = 256 * 1024 * 1024


def parquet_header(source: LogSource) -> list[str]:
    """The names of the columns."""
    with _as_format_errors(source):
        return checked_header(list(pq.ParquetFile(source.path).schema_arrow.names), source)


def parquet_unreadable(source: LogSource) -> dict[str, str]:
    """Columns of a type that can't be read, and why."""
    with _as_format_errors(source):
        schema = pq.ParquetFile(source.path).schema_arrow
        return {field.name: why for field in schema if (why := _why_unreadable(field.type))}


def parquet_blocks(source: LogSource, wanted: Sequence[str]) -> Iterator[Block]:
    """The columns of `wanted` that the file has, block by block."""
    header = parquet_header(source)
    unreadable = parquet_unreadable(source)
    present = [name for name in wanted if name in set(header)]
    for name in present:
        if name in unreadable:
            raise FileFormatError(f"{source.name}: column {shown(name)} {unreadable[name]}.")
    with _as_format_errors(source):
        types = {field.name: field.type for field in pq.ParquetFile(source.path).schema_arrow}
        text = [name for name in present if _is_text(types[name])]
        file = pq.ParquetFile(source.path, read_dictionary=text, pre_buffer=False)  # a buffer keeps what was read
    if file.metadata.num_rows > MAX_ROWS:
        raise FileFormatError(
            f"{source.name}: has {file.metadata.num_rows:,} rows, at most {MAX_ROWS:,} are read at once; split it."
        )
    line = 1
    with _as_format_errors(source):
        for batch in file.iter_batches(batch_size=rows_per_block(len(present)), columns=present):
            for columns, size in _split(dict(zip(batch.schema.names, batch.columns, strict=True)), batch.num_rows):
                yield _block(columns, size, line)
                line += size


@contextmanager
def _as_format_errors(source: LogSource) -> Iterator[None]:
    """Say of a file that Arrow can't read that it is damaged."""
    try:
        yield
    except FileFormatError:
        raise
    except (pa.ArrowException, OSError, ValueError) as error:
        brief = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise FileFormatError(
            f"{source.name}: can't be read as Parquet, it may be cut off or damaged ({brief})."
        ) from error


def _why_unreadable(kind: pa.DataType) -> str:
    """Why a column of this type can't be read; '' if it can."""
    if pa.types.is_nested(kind):
        return f"is nested ({kind}); write its parts as columns of their own"
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    readable = (
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
        pa.types.is_boolean,
        pa.types.is_date,
        pa.types.is_timestamp,
        pa.types.is_time,
        pa.types.is_null,
        _is_text,
    )
    return "" if any(check(values) for check in readable) else f"is of type {kind}; write it as text or numbers"


def _is_text(kind: pa.DataType) -> bool:
    """Whether values are text or bytes of any length: what a small dictionary can expand to gigabytes."""
    values = kind.value_type if pa.types.is_dictionary(kind) else kind
    checks = (
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_string_view,
        pa.types.is_binary,
        pa.types.is_large_binary,
        pa.types.is_binary_view,
    )
    return any(check(values) for check in checks)


def _split(columns: dict[str, pa.Array], n_rows: int) -> Iterator[tuple[dict[str, pa.Array], int]]:
    """Rows in parts whose text, written out, fits in memory."""
    size = np.zeros(n_rows, dtype=np.int64)
    for values in columns.values():
        if _is_text(values.type):
            size += np.minimum(_lengths(values), MAX_LINE)  # what is longer is set aside unread
    ends = np.cumsum(size)
    start = 0
    while start < n_rows:
        before = ends[start - 1] if start else 0
        stop = max(start + 1, int(np.searchsorted(ends, before + TEXT_PER_BLOCK, side="right")))
        yield {name: values.slice(start, stop - start) for name, values in columns.items()}, stop - start
        start = stop


def _lengths(values: pa.Array) -> NDArray[np.int64]:
    """Bytes of each cell, 0 where it is missing."""
    if pa.types.is_dictionary(values.type):
        lengths = pc.binary_length(values.dictionary).take(values.indices)
    else:
        lengths = pc.binary_length(values)
    return np.asarray(pc.fill_null(lengths, 0).cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)


def _block(columns: dict[str, pa.Array], n_rows: int, line: int) -> Block:
    """A block of text and numbers; rows with a cell that is too long or no UTF-8 are set aside."""
    lines = np.arange(line, line + n_rows, dtype=np.int64)
    keep = np.ones(n_rows, dtype=bool)
    bad: list[BadRow] = []
    for name, values in columns.items():
        if not _is_text(values.type):
            continue
        for rows, reason, message in (
            (_lengths(values) > MAX_LINE, "cell too long", f"{name} is longer than {MAX_LINE:,} bytes"),
            (~_is_utf8(values), "not UTF-8", f"{name} holds bytes that are no UTF-8 text"),
        ):
            bad += [
                BadRow(line=int(number), column=name, reason=reason, message=message) for number in lines[rows & keep]
            ]
            keep &= ~rows
    if bad:
        columns = {name: values.filter(pa.array(keep)) for name, values in columns.items()}
    return Block(columns={name: _plain(values) for name, values in columns.items()}, lines=lines[keep], bad=tuple(bad))


def _is_utf8(values: pa.Array) -> NDArray[np.bool_]:
    """Whether each cell is UTF-8, as text has to be and bytes may be."""
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    distinct = encoded.dictionary.cast(pa.large_binary())
    try:
        distinct.cast(pa.large_string())
    except pa.ArrowInvalid:
        good = np.array([_decodes(value) for value in distinct.to_pylist()], dtype=bool)
        places = np.asarray(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), dtype=np.int64)
        return np.append(good, True)[places]
    return np.ones(len(values), dtype=bool)


def _decodes(value: bytes | None) -> bool:
    try:
        (value or b"").decode()
    except UnicodeDecodeError:
        return False
    return True


def _plain(values: pa.Array) -> pa.Array:
    """Text as strings, dictionaries written out."""
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if _is_text(values.type) and not pa.types.is_string(values.type):
        return values.cast(pa.string())
    return values.cast(pa.string()) if pa.types.is_time(values.type) else values
