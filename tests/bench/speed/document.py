"""The page of the speed benchmark: what must be reached beside what was seen, and what wasn't measured."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tests.bench.speed.costs import Cost

Costs = Mapping[str, Mapping[str, Cost]]

PEERS = {"evidently": "0.7.21", "nannyml": "0.13.1"}
SHOWN = ("numpy", "pyarrow", "pandas", "scipy", "duckdb", "fairlearn", "scikit-learn")
GIGABYTE = 1_000.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row of the claim: `ours` against `theirs`; `faster` where theirs is to cost many times ours."""

    work: str
    measured: str
    ours: str
    theirs: str
    bound: float
    faster: bool = False
    memory: float | None = None

    @property
    def claim(self) -> str:
        """What must be reached."""
        share = f", a {_ordinal(self.memory)} of its memory" if self.memory else ""
        return f"at least {self.bound:g}x faster{share}" if self.faster else f"at most {self.bound:g}x"

    def seen(self, costs: Costs) -> tuple[str, str, str, bool | None]:
        """Ours, theirs, the ratio, and whether it holds; None where it wasn't measured."""
        found = costs.get(self.measured, {})
        ours, theirs = found.get(self.ours), found.get(self.theirs)
        if ours is None or theirs is None:
            return "not measured", "", "", None
        if ours.why or theirs.why:
            return _cost(ours), _cost(theirs), "", None
        ratio = theirs.cpu / ours.cpu if self.faster else ours.cpu / theirs.cpu
        said = f"{ratio:.3g}x faster" if self.faster else f"{ratio:.2f}x"
        holds = ratio >= self.bound if self.faster else ratio <= self.bound
        if self.memory:
            said += f", {ours.peak / theirs.peak:.2f} of the memory"
            holds = holds and ours.peak <= self.memory * theirs.peak
        return _cost(ours), _cost(theirs), said, holds


def _ordinal(share: float) -> str:
    return {0.2: "fifth"}.get(share, f"{share:g}")


def _rows() -> list[Row]:
    found = []
    for n, name in ((1_000_000, "1M"), (10_000_000, "10M")):
        found += [
            Row(
                work=f"{name} rows, daily count tables of {what}, against count, avg, min and max in DuckDB",
                measured=f"counting-{n}",
                ours=task,
                theirs="duckdb",
                bound=2.2,
            )
            for task, what in (("counts", "the 30 columns"), ("profile", "all of a profile"))
        ]
    found.append(
        Row(
            work="1M rows, drift report, against Evidently's DataDriftPreset",
            measured="drift-1000000",
            ours="ours",
            theirs="evidently",
            bound=30,
            faster=True,
            memory=0.2,
        )
    )
    found += [
        Row(
            work=f"{name} rows, drift by day, against NannyML's univariate calculator",
            measured=f"daily-{n}",
            ours="ours",
            theirs="nannyml",
            bound=bound,
            faster=True,
        )
        for n, name, bound in ((1_000_000, "1M", 5), (10_000_000, "10M", 10))
    ]
    found.append(
        Row(
            work="1M rows, fairness rates by two attributes and their pair, against MetricFrame",
            measured="fairness-1000000",
            ours="ours",
            theirs="fairlearn",
            bound=100,
            faster=True,
        )
    )
    found.append(
        Row(
            work="adding one day to 365, against that day alone",
            measured="year",
            ours="after-a-year",
            theirs="alone",
            bound=2,
        )
    )
    found.append(
        Row(
            work="all that a page shows, 365 windows x 50 columns x 3 versions, 10M rows against 100k",
            measured="pages",
            ours="10000000",
            theirs="100000",
            bound=1.2,
        )
    )
    found += [
        Row(work=f"{what}, against `import pandas`", measured="start", ours=key, theirs="pandas", bound=2)
        for key, what in (("core", "`import core`"), ("help", "`plumbline --help`"))
    ]
    return found


MEMORY = (
    ("memory-parquet", "parquet", "10M rows x 35 columns of Parquet taken in and profiled", 1.0),
    ("memory-csv", "csv", "10M rows x 35 columns of CSV taken in and profiled", 1.0),
    ("memory-wide", "wide", "1M rows x 1,000 columns taken in and profiled", None),
)


def document(costs: Costs, absent: Mapping[str, str]) -> str:
    """The page."""
    lines = ["| work | must reach | ours | the other | seen | |", "| --- | --- | --- | --- | --- | --- |"]
    for row in _rows():
        ours, theirs, said, holds = row.seen(costs)
        lines.append(f"| {row.work} | {row.claim} | {ours} | {theirs} | {said} | {_held(holds)} |")
    for measured, key, work, bound in MEMORY:
        cost = costs.get(measured, {}).get(key)
        claim = "finishes" if bound is None else f"at most {bound:g} GB"
        if cost is None or cost.why:
            lines.append(f"| {work} | {claim} | {'not measured' if cost is None else _cost(cost)} | | | |")
            continue
        holds = True if bound is None else cost.peak <= bound * GIGABYTE
        lines.append(f"| {work} | {claim} | {_cost(cost)} | | {cost.peak:,.0f} MB | {_held(holds)} |")
    text = (Path(__file__).parent / "page.md").read_text()
    return text.format(
        day=f"{datetime.now(UTC):%-d %B %Y}",
        machine=f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        table="\n".join(lines),
        notes="\n".join(_notes(costs, absent)),
        versions=_versions(absent),
    )


def _held(holds: bool | None) -> str:
    return "" if holds is None else "reached" if holds else "**not reached**"


def _cost(cost: Cost) -> str:
    if cost.why:
        return f"**not run**: {cost.why}"
    runs = f" ({cost.n})" if cost.n > 1 else ""
    seconds = f"{cost.cpu:.3g}" if cost.cpu < 100 else f"{cost.cpu:,.0f}"
    return f"{seconds} s, {cost.peak:,.0f} MB{runs}"


def _notes(costs: Costs, absent: Mapping[str, str]) -> list[str]:
    found = [f"- **Absent**: {why} Its rows are empty." for why in absent.values()]
    for n, name in ((1_000_000, "1M"), (10_000_000, "10M")):
        counting = costs.get(f"counting-{n}", {})
        if {"decode", "counts", "duckdb"} <= counting.keys() and not any(c.why for c in counting.values()):
            found.append(
                f"- Of the count tables of {name} rows, decoding Parquet to Arrow alone takes "
                f"{counting['decode'].cpu / counting['counts'].cpu:.0%} "
                f"({counting['decode'].cpu / counting['duckdb'].cpu:.2f}x DuckDB's scan); what is left is sorting each "
                "column a day at a time and looking the bins' ends up in it."
            )
    every = [cost for row in costs.values() for cost in row.values() if cost.cpu]
    spread = [(cost.most - cost.least) / cost.cpu for cost in every if cost.n > 1]
    if spread:
        found.append(
            f"- CPU seconds of the same call lay up to {max(spread):.0%} of the median apart, as other work ran beside."
        )
    walls = [cost.wall / cost.cpu for cost in every]
    if walls:
        found.append(f"- Wall seconds were up to {max(walls):.0f} times the CPU seconds.")
    return found


def _versions(absent: Mapping[str, str]) -> str:
    peers = [f"{name} {wanted}" for name, wanted in PEERS.items() if name not in absent]
    return ", ".join([*(f"{name} {_version(name)}" for name in SHOWN), *peers]) + "."


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
