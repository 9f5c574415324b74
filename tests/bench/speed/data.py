"""The rows that every side of the benchmark reads: made from a seed, block by block, in the memory of one block.

20 numeric features of five shapes, 10 categorical ones of 5 to 200 values, two attributes, a score, a decision and a
label; 60 days in order of time; 2 % of each feature's cells missing. Current rows are shifted in a quarter of the
features. Parquet in row groups of 125,000 (snappy), random doubles and so hard to compress; or CSV.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

N_NUMERIC, N_CATEGORICAL = 20, 10
LEVELS = (5, 10, 15, 20, 30, 50, 75, 100, 150, 200)
NUMERIC = tuple(f"n{number:02}" for number in range(N_NUMERIC))
CATEGORICAL = tuple(f"c{number:02}" for number in range(N_CATEGORICAL))
FEATURES = (*NUMERIC, *CATEGORICAL)
N_DAYS = 60
ROW_GROUP = 125_000
MISSING = 0.02
DAY = 86_400_000_000
START = int(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
STORED = {
    "ts": "@timestamp",
    "version": "@version",
    "score": "@score",
    "pred": "@prediction",
    "label": "@label",
}
"""What Plumbline calls these columns in a stored record; the benchmark's files have them so for every side."""


def block(
    first: int, n: int, n_rows: int, *, seed: int, is_shifted: bool, n_days: float = N_DAYS, start: int = 0
) -> pa.Table:
    """Rows `first` to `first + n` of a file of `n_rows`; its first is `start` microseconds after START."""
    rng = np.random.default_rng([seed, first])
    columns: dict[str, pa.Array] = {}
    for number, name in enumerate(NUMERIC):
        values = _numbers(rng, number % 5, n)
        if is_shifted and number % 4 == 0:
            values = values + (rng.random(n) < 0.1) if number % 5 == 4 else values * 1.05 + 0.1
        columns[name] = pa.array(values, mask=rng.random(n) < MISSING)
    for number, (name, n_levels) in enumerate(zip(CATEGORICAL, LEVELS, strict=True)):
        weights = 1 / np.arange(1, n_levels + 1)
        if is_shifted and number % 4 == 0:
            weights[0] *= 1.2
        codes = rng.choice(n_levels, n, p=weights / weights.sum()).astype(np.int32)
        names = pa.array([f"{name}-{level:03}" for level in range(n_levels)])
        columns[name] = pa.DictionaryArray.from_arrays(pa.array(codes, mask=rng.random(n) < MISSING), names).cast(
            pa.string()
        )
    for name, groups in (("sex", ("f", "m")), ("grp", tuple("abcde"))):
        columns[name] = pa.array(groups).take(pa.array(rng.integers(0, len(groups), n)))
    score = rng.beta(2, 5, n)
    columns["score"] = pa.array(score)
    classes = pa.array(("0", "1"))
    columns["pred"] = classes.take(pa.array((score >= 0.3).astype(np.int64)))
    columns["label"] = classes.take(pa.array((rng.random(n) < score).astype(np.int64)))
    at = START + start + (np.arange(first, first + n) * (n_days * DAY / n_rows)).astype(np.int64)
    columns["ts"] = pa.array(at, type=pa.timestamp("us", tz="UTC"))
    columns["version"] = pa.array(("v1",)).take(pa.array(np.zeros(n, dtype=np.int64)))
    columns["id"] = pa.array([f"{seed}-{row}" for row in range(first, first + n)])
    return pa.table(columns)


def _numbers(rng: np.random.Generator, shape: int, n: int) -> np.ndarray:
    match shape:
        case 0:
            return rng.normal(size=n)
        case 1:
            return rng.lognormal(size=n)
        case 2:
            return rng.gamma(2.0, size=n)
        case 3:
            return rng.random(n)
        case _:
            return rng.poisson(4.0, n).astype(np.float64)


def write(
    path: Path,
    n_rows: int,
    *,
    seed: int,
    is_shifted: bool = False,
    as_log: bool = False,
    n_days: float = N_DAYS,
    start: int = 0,
) -> Path:
    """Write a file as Parquet, or as CSV by its suffix; `as_log` with ids and a log's names for ingest."""
    if path.exists():
        return path
    unfinished = path.with_name(f"{path.name}.unfinished")
    writer = None
    for first in range(0, n_rows, ROW_GROUP):
        n = min(ROW_GROUP, n_rows - first)
        rows = block(first, n, n_rows, seed=seed, is_shifted=is_shifted, n_days=n_days, start=start)
        if not as_log:
            rows = rows.drop_columns(["id"]).rename_columns([STORED.get(c, c) for c in rows.column_names if c != "id"])
        if writer is None:
            writer = (
                pa.csv.CSVWriter(unfinished, rows.schema)
                if path.suffix == ".csv"
                else pq.ParquetWriter(unfinished, rows.schema, compression="snappy")
            )
        writer.write_table(rows)
    if writer is not None:
        writer.close()
    unfinished.rename(path)
    return path


def schema(*, only_features: bool = False, only_groups: bool = False) -> dict[str, Any]:
    """The model schema of these rows; with features alone, or with the two attributes alone."""
    columns: dict[str, dict[str, object]] = {"ts": {"role": "timestamp"}, "version": {"role": "version"}}
    if not only_groups:
        columns |= {name: {"role": "feature", "type": "numeric"} for name in NUMERIC}
        columns |= {name: {"role": "feature", "type": "categorical"} for name in CATEGORICAL}
    if not only_features:
        columns |= {name: {"role": "attribute", "type": "categorical", "protected": True} for name in ("sex", "grp")}
        columns |= {"pred": {"role": "prediction"}, "label": {"role": "label"}}
    if not (only_features or only_groups):
        columns["score"] = {"role": "score"}
    return {
        "task": "binary",
        "window": {"every": "day"},
        "outcome": {"classes": ["0", "1"], "positive": "1"},
        "columns": columns,
    }


def as_toml() -> str:
    """The schema of a log of these rows, with ids."""
    found = schema()
    head = 'task = "binary"\n[window]\nevery = "day"\n[outcome]\nclasses = ["0", "1"]\npositive = "1"\n[columns]\n'
    columns = {"id": {"role": "id"}, **found["columns"]}
    lines = [
        f"{name} = {{ {', '.join(f'{key} = {json.dumps(value)}' for key, value in spec.items())} }}"
        for name, spec in columns.items()
    ]
    return head + "\n".join(lines) + "\n"
