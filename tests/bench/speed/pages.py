"""What all reports of a page cost for 365 windows, 50 columns and 3 versions, of few rows and of many.

The reports read counts, never rows; so the counts of production are drawn: a table of each column, and of outcomes,
for each window and version, from the reference's own shares.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import select

from core.governance.identity import LOCAL_OPERATOR as ME
from core.profile.counts import CountTable
from core.profile.engines import CellKey
from core.record import BatchRole
from core.storage.counts import StoredCounts, load_counts, write_tables
from core.storage.repository import Repository
from core.storage.tables import BatchRow, ProfiledBatchRow
from core.workspace import Workspace
from tests.bench.speed.clock import measured
from tests.bench.speed.data import DAY, START

N_WINDOWS, VERSIONS = 365, ("v1", "v2", "v3")
N_NUMERIC, N_CATEGORICAL, N_REFERENCE = 45, 5, 20_000
FIRST_DAY = -440  # so that no row lies in the future
SIZES = (100_000, 10_000_000)
MODEL = "m"


def log(path: Path, n: int, *, seed: int, first_day: int, n_days: int) -> Path:
    """A log in order of time, its versions in turn."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 5, n)
    at = START + first_day * DAY + (np.arange(n) * (n_days * DAY // n))
    frame = {
        "id": [f"{seed}-{row}" for row in range(n)],
        "ts": pd.to_datetime(at, unit="us", utc=True),
        "version": [VERSIONS[row % len(VERSIONS)] for row in range(n)],
        **{f"n{k:02}": rng.normal(size=n) for k in range(N_NUMERIC)},
        **{f"c{k:02}": rng.choice([f"v{j}" for j in range(5 * (k + 1))], n) for k in range(N_CATEGORICAL)},
        "sex": rng.choice(["f", "m"], n),
        "score": score,
        "pred": (score >= 0.3).astype(int).astype(str),
        "label": (rng.random(n) < score).astype(int).astype(str),
    }
    pd.DataFrame(frame).to_parquet(path)
    return path


def as_toml() -> str:
    """The schema of these logs; no rows are kept at hand, so that reports have counts alone."""
    head = 'task = "binary"\n[window]\nevery = "day"\n[sample]\nrows = 0\n'
    head += '[outcome]\nclasses = ["0", "1"]\npositive = "1"\n[columns]\n'
    columns = {"id": 'role = "id"', "ts": 'role = "timestamp"', "version": 'role = "version"'}
    columns |= {f"n{k:02}": 'role = "feature", type = "numeric"' for k in range(N_NUMERIC)}
    columns |= {f"c{k:02}": 'role = "feature", type = "categorical"' for k in range(N_CATEGORICAL)}
    columns |= {"sex": 'role = "attribute", type = "categorical", protected = true'}
    columns |= {"score": 'role = "score"', "pred": 'role = "prediction"', "label": 'role = "label"'}
    return head + "\n".join(f"{name} = {{ {spec} }}" for name, spec in columns.items()) + "\n"


def made(folder: Path, n_rows: int) -> Path:
    """A workspace whose production counts so many rows; made once."""
    path = folder / f"pages-{n_rows}"
    if path.exists():
        return path
    unfinished = path.with_name(f"{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    workspace = Workspace.open(unfinished)
    workspace.models.add(ME, MODEL, as_toml())
    reference = log(folder / "pages-reference.parquet", N_REFERENCE, seed=1, first_day=FIRST_DAY - 60, n_days=60)
    workspace.records.add(ME, MODEL, [reference], role=BatchRole.REFERENCE)
    workspace.profiles.refresh(ME, MODEL)
    few = log(folder / "pages-few.parquet", N_WINDOWS * len(VERSIONS), seed=2, first_day=FIRST_DAY, n_days=N_WINDOWS)
    (outcome,) = workspace.records.add(ME, MODEL, [few])
    with workspace.database.write() as session:
        repository = Repository(session)
        profile = repository.profiles(repository.model(MODEL))[0]
        counts, sums = _drawn(load_counts(session, profile_id=profile.id, role=BatchRole.REFERENCE), n_rows)
        write_tables(session, profile_id=profile.id, batch_id=outcome.batch_id, counts=counts, sums=sums)
        session.add(ProfiledBatchRow(profile_id=profile.id, batch_id=outcome.batch_id, label_mark=0))
        session.execute(select(BatchRow).where(BatchRow.id == outcome.batch_id)).scalar_one().n_rows = n_rows
    workspace.profiles.refresh(ME, MODEL)
    workspace.close()
    unfinished.rename(path)
    return path


def _drawn(
    reference: StoredCounts, n_rows: int
) -> tuple[dict[tuple[CellKey, str], CountTable], dict[tuple[CellKey, str], np.ndarray]]:
    """Tables of every window and version, drawn from the shares of the reference's; sums are those of so many rows."""
    rng, n = np.random.default_rng(n_rows), n_rows // (N_WINDOWS * len(VERSIONS))
    keys = [
        CellKey(START + (FIRST_DAY + window) * DAY, version, "") for window in range(N_WINDOWS) for version in VERSIONS
    ]
    counts, sums = {}, {}
    for name, by_window in reference.counts.items():
        total = sum(by_window.values())
        cells = np.flatnonzero(total)
        for key, drawn in zip(keys, rng.multinomial(n, total[cells] / total.sum(), size=len(keys)), strict=True):
            held = drawn > 0
            counts[key, name] = CountTable(size=total.size, cells=cells[held], counts=drawn[held])
    for name, parts in reference.sums.items():
        mean = sum(sum(some) for some in parts.values()) / N_REFERENCE
        for key in keys:
            sums[key, name] = mean * n
    return counts, sums


def reports(workspace: Workspace) -> None:
    """Every report that a page or a command shows, over all windows."""
    analysis = workspace.analysis
    analysis.drift(ME, MODEL)
    analysis.quality(ME, MODEL)
    analysis.performance(ME, MODEL)
    analysis.concept(ME, MODEL)
    analysis.fairness(ME, MODEL)
    workspace.charts.show(ME, MODEL)
    workspace.charts.overview(ME, MODEL)
    analysis.summary(ME, MODEL)


def main() -> None:
    """Make the workspaces, or measure one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--rows", type=int)
    options = parser.parse_args()
    if options.make:
        for n_rows in SIZES:
            made(options.folder, n_rows)
        return
    workspace = Workspace.open(made(options.folder, options.rows))
    measured(lambda: reports(workspace))
    workspace.close()


if __name__ == "__main__":
    main()
