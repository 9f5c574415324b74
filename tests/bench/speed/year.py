"""What a day more costs a workspace that holds a year of days, beside the same day in one that holds no other."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import BatchRole
from core.workspace import Workspace
from tests.bench.speed.clock import measured
from tests.bench.speed.data import DAY, as_toml, write

N_DAYS, ROWS_A_DAY, N_FILES = 365, 240, 12
FIRST = -440 * DAY  # so that no row lies in the future
MODEL = "m"


def made(folder: Path, *, days: int) -> Path:
    """A workspace with a reference of 60 days and `days` of production, counted; made once."""
    path = folder / f"workspace-of-{days}-days"
    if path.exists():
        return path
    unfinished = path.with_name(f"{path.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    workspace = Workspace.open(unfinished)
    workspace.models.add(ME, MODEL, as_toml())
    reference = write(folder / "year-reference.parquet", 60 * ROWS_A_DAY, seed=1, start=FIRST - 60 * DAY, as_log=True)
    workspace.records.add(ME, MODEL, [reference], role=BatchRole.REFERENCE)
    if days:
        n_rows = days * ROWS_A_DAY
        files = [
            write(
                folder / f"year-{part:02}.parquet",
                n_rows // N_FILES,
                seed=100 + part,
                start=FIRST + part * days * DAY // N_FILES,
                n_days=days / N_FILES,
                as_log=True,
            )
            for part in range(N_FILES)
        ]
        workspace.records.add(ME, MODEL, files)
    workspace.profiles.refresh(ME, MODEL)
    workspace.close()
    unfinished.rename(path)
    return path


def day_more(folder: Path, *, days: int) -> None:
    """Take in the day after the year, and measure what counting and judging it costs."""
    day = write(folder / "year-day.parquet", ROWS_A_DAY, seed=999, start=FIRST + N_DAYS * DAY, n_days=1, as_log=True)
    with tempfile.TemporaryDirectory(prefix="plumbline-year-", dir=folder) as name:
        copy = Path(name) / "workspace"
        shutil.copytree(made(folder, days=days), copy)
        workspace = Workspace.open(copy)
        (outcome,) = workspace.records.add(ME, MODEL, [day])
        if outcome.n_rows != ROWS_A_DAY:
            raise RuntimeError(f"{outcome.n_rows} rows of a day came in: {outcome}")
        measured(lambda: workspace.profiles.refresh(ME, MODEL))
        workspace.close()


def main() -> None:
    """Make the workspaces, or measure one of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--day", choices=["after-a-year", "alone"])
    options = parser.parse_args()
    if options.make:
        made(options.folder, days=0)
        made(options.folder, days=N_DAYS)
    else:
        day_more(options.folder, days=N_DAYS if options.day == "after-a-year" else 0)


if __name__ == "__main__":
    main()
