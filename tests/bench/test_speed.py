"""What Plumbline costs beside a bare reading of the same rows, in the same run.

Only ratios of median CPU seconds are judged, of calls that take turns: machines differ, and other work on
them slows both sides. Each bound lies at two to three times what was measured when it was set; one that
breaks says that something became slower by a multiple.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import BatchRole
from core.workspace import Workspace
from tests.builders import SCHEMA

pytestmark = pytest.mark.bench

TURNS = 3
N = 200_000
N_DAYS = 60


def log(path: Path, n: int, *, start: str, seed: int) -> Path:
    """A CSV log of the columns of `tests.builders`, spread evenly over 60 days."""
    rng = np.random.default_rng(seed)
    score = rng.beta(2, 5, n).round(4)
    at = pd.Timestamp(start) + pd.to_timedelta(np.arange(n) * (N_DAYS * 86_400 / n), unit="s")
    frame = pd.DataFrame(
        {
            "id": [f"{seed}-{k}" for k in range(n)],
            "at": at.floor("s").strftime("%Y-%m-%dT%H:%M:%SZ"),
            "version": "v1",
            "amount": rng.normal(100, 15, n).round(3),
            "colour": rng.choice(["red", "green", "blue"], n),
            "sex": rng.choice(["f", "m", ""], n, p=[0.48, 0.48, 0.04]),
            "region": rng.choice(["north", "south"], n),
            "score": score,
            "decision": (score >= 0.3).astype(int),
            "outcome": (rng.random(n) < score).astype(int),
        }
    )
    frame.to_csv(path, index=False)
    return path


def seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start


def medians(*calls: Callable[[], object]) -> list[float]:
    """The median CPU seconds of each call, which take turns."""
    for call in calls:
        call()  # what is imported and cached on the first call is no part of it
    turns = [[seconds(call) for call in calls] for _ in range(TURNS)]
    return [statistics.median(times) for times in zip(*turns, strict=True)]


def counted(folder: Path, n: int) -> Workspace:
    """A workspace with a reference of 20,000 rows and n rows of production, counted."""
    workspace = Workspace.open(folder / "workspace")
    workspace.models.add(ME, "m", SCHEMA)
    reference = log(folder / "reference.csv", 20_000, start="2025-11-01", seed=0)
    production = log(folder / "production.csv", n, start="2026-01-01", seed=1)
    workspace.records.add(ME, "m", [reference], role=BatchRole.REFERENCE)
    (outcome,) = workspace.records.add(ME, "m", [production])
    assert outcome.n_rows == n
    workspace.profiles.refresh(ME, "m")
    return workspace


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return counted(tmp_path_factory.mktemp("many"), N)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return counted(tmp_path_factory.mktemp("few"), N // 10)


def reports(workspace: Workspace) -> None:
    """Every report that a page or a command shows, over all windows."""
    analysis = workspace.analysis
    analysis.drift(ME, "m")
    analysis.performance(ME, "m")
    analysis.concept(ME, "m")
    analysis.fairness(ME, "m")
    workspace.charts.show(ME, "m")
    workspace.charts.overview(ME, "m")
    analysis.summary(ME, "m")


def scan(workspace: Workspace) -> None:
    """A bare pandas reading of all records: count, mean, smallest and largest of each number, values by count."""
    for path in (workspace.folder / "records" / "data").glob("*/*.parquet"):
        frame = pq.read_table(path).to_pandas()
        frame.describe()
        for name in ("colour", "sex", "region", "@prediction", "@label"):
            frame[name].value_counts()


def test_taking_in_a_csv_costs_at_most_40_readings_by_pandas(tmp_path: Path, tell: Callable[[str], None]) -> None:
    """Reading is the least of it: each row is typed, checked, told from all others, digested and stored."""
    path = log(tmp_path / "log.csv", N, start="2026-01-01", seed=2)
    workspace = Workspace.open(tmp_path / "workspace")
    workspace.models.add(ME, "m", SCHEMA)

    def ingest() -> None:
        (outcome,) = workspace.records.add(ME, "m", [path])
        assert outcome.n_rows == N
        workspace.batches.retract(ME, outcome.batch_id, reason="another turn")

    ours, bare = medians(ingest, lambda: pd.read_csv(path))
    workspace.close()
    tell(f"ingest of {N:,} rows {ours:.2f} s, pandas.read_csv {bare:.2f} s: {ours / bare:.1f} times (bound 40)")
    assert ours < 40 * bare


def test_all_reports_cost_at_most_30_bare_scans_of_200_000_rows(many: Workspace, tell: Callable[[str], None]) -> None:
    """A scan gives a few means; the reports give intervals and verdicts for 60 windows, and read no row."""
    ours, bare = medians(lambda: reports(many), lambda: scan(many))
    tell(f"all reports {ours:.2f} s, a bare scan of {N:,} rows {bare:.2f} s: {ours / bare:.1f} times (bound 30)")
    assert ours < 30 * bare


def test_reports_cost_the_same_of_ten_times_the_rows(
    few: Workspace, many: Workspace, tell: Callable[[str], None]
) -> None:
    """They read counts: as many for 60 windows of 3,333 rows as for 60 of 333."""
    of_few, of_many = medians(lambda: reports(few), lambda: reports(many))
    times = of_many / of_few
    tell(f"all reports of {N // 10:,} rows {of_few:.2f} s, of {N:,} rows {of_many:.2f} s: {times:.2f} times (bound 2)")
    assert of_many < 2 * of_few
