"""The peak of memory of taking in a large file and profiling it, in a process of its own."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import BatchRole
from core.workspace import Workspace
from tests.bench.speed.clock import measured
from tests.bench.speed.data import DAY, N_DAYS, START, as_toml, write

LARGE = 10_000_000
WIDE_COLUMNS, WIDE_ROWS, WIDE_BLOCK = 1_000, 1_000_000, 10_000


def source(folder: Path, kind: str) -> tuple[Path, Path, str]:
    """A reference, a large file and the schema of both."""
    if kind == "wide":
        toml = 'task = "binary"\n[window]\nevery = "day"\n[outcome]\nclasses = ["0", "1"]\n[columns]\n'
        toml += 'id = { role = "id" }\nts = { role = "timestamp" }\n'
        toml += "\n".join(f'x{n:03} = {{ role = "feature", type = "numeric" }}' for n in range(WIDE_COLUMNS))
        return _wide(folder / "wide-reference.parquet", 20_000), _wide(folder / "wide.parquet", WIDE_ROWS), toml
    reference = write(folder / "log-reference.parquet", 100_000, seed=1, as_log=True)
    large = folder / f"log-{LARGE}.{kind}"
    return reference, write(large, LARGE, seed=2, is_shifted=True, start=N_DAYS * DAY, as_log=True), as_toml()


def _wide(path: Path, n_rows: int) -> Path:
    if path.exists():
        return path
    writer = None
    for first in range(0, n_rows, WIDE_BLOCK):
        rng = np.random.default_rng([7, first])
        columns = {f"x{n:03}": pa.array(rng.normal(size=WIDE_BLOCK).astype(np.float32)) for n in range(WIDE_COLUMNS)}
        at = START + (n_rows == WIDE_ROWS) * 10 * DAY + np.arange(first, first + WIDE_BLOCK) * (10 * DAY // n_rows)
        columns["ts"] = pa.array(at, type=pa.timestamp("us", tz="UTC"))
        columns["id"] = pa.array([f"{n_rows}-{row}" for row in range(first, first + WIDE_BLOCK)])
        rows = pa.table(columns)
        writer = writer or pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows)
    if writer is not None:
        writer.close()
    return path


def main() -> None:
    """Take a file in and profile it; or only make it (`--make`)."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("kind", choices=["parquet", "csv", "wide"])
    parser.add_argument("--make", action="store_true")
    options = parser.parse_args()
    reference, large, toml = source(options.folder, options.kind)
    if options.make:
        return
    with tempfile.TemporaryDirectory(prefix="plumbline-memory-", dir=options.folder) as name:
        workspace = Workspace.open(Path(name) / "workspace")
        workspace.models.add(ME, "m", toml)
        workspace.records.add(ME, "m", [reference], role=BatchRole.REFERENCE)
        n_read = 0

        def told(_: str, n_rows: int) -> None:
            nonlocal n_read
            n_read += n_rows
            if n_read % 1_000_000 < n_rows:
                sys.stderr.write(f"{n_read:,} rows read\n")

        def work() -> None:
            (outcome,) = workspace.records.add(ME, "m", [large], progress=told)
            if outcome.error or outcome.n_rejected:
                raise RuntimeError(str(outcome)[:300])
            workspace.profiles.refresh(ME, "m")

        measured(work)
        workspace.close()
        shutil.rmtree(name, ignore_errors=True)


if __name__ == "__main__":
    main()
