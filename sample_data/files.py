"""Write a scenario's frames as a lender's systems would: one file a week."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sample_data.traffic import week_names

__all__ = ["Progress", "WrittenFile", "write_csv", "write_each", "write_parquet", "write_weeks"]

Progress = Callable[[str, int], None]
WrittenFile = tuple[Path, pd.DataFrame]


def write_weeks(folder: Path, frame: pd.DataFrame, *, by: str, suffix: str) -> Iterable[WrittenFile]:
    """The rows of each week, by the instants of column `by`, and the file they belong in."""
    names = week_names(frame[by])
    for name, rows in frame.groupby(names.to_numpy(), sort=True):
        yield folder / f"{name}{suffix}", rows


def write_each(files: Iterable[WrittenFile], progress: Progress | None) -> list[Path]:
    """Write files in the format their names say; `progress` is told (name, rows) after each."""
    written = []
    for path, frame in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            write_parquet(path, frame)
        else:
            write_csv(path, frame)
        written.append(path)
        if progress is not None:
            progress(path.name, len(frame))
    return written


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """A Parquet file with plain text columns and nothing in it that only pandas reads."""
    table = pa.Table.from_pandas(frame, preserve_index=False)
    plain = pa.schema(
        pa.field(field.name, pa.string() if _is_text(field.type) else field.type) for field in table.schema
    )
    pq.write_table(table.cast(plain), path, compression="zstd")


def write_csv(path: Path, frame: pd.DataFrame) -> None:
    """A CSV file, compressed where its name ends in .gz; the same bytes each time."""
    compression = {"method": "gzip", "mtime": 0} if path.suffix == ".gz" else None
    frame.to_csv(
        path,
        index=False,
        compression=compression,
        date_format="%Y-%m-%dT%H:%M:%SZ",
        float_format="%.10g",
        lineterminator="\n",
    )


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_dictionary(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
