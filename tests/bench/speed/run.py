"""`make bench`: every row of the table in turn, then docs/benchmarks.md.

Figures are kept as JSON beside the data, so that what takes long can be measured apart (`--only`) and the page
holds all that was measured there last.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from tests.bench.speed.costs import Call, Cost, command_cost, say, take_turns
from tests.bench.speed.data import DAY, N_DAYS, write
from tests.bench.speed.document import PEERS, document

DOCS = Path(__file__).resolve().parents[3] / "docs"
LARGE = 10_000_000
N_TURNS, N_SLOW = 5, 3
MADE = ("reference.", "small.", "current-", "log-", "year-", "wide", "pages-", "workspace-of-", "plumbline-")


class Bench:
    """One run: where the data lie, how often each call is made, and which peers there are."""

    def __init__(self, folder: Path, pythons: dict[str, Path], *, turns: int, slow: int) -> None:
        self.folder, self.turns, self.slow = folder, turns, slow
        self.absent: dict[str, str] = {}
        self.pythons: dict[str, Path] = {}
        for package, wanted in PEERS.items():
            why = _absent(pythons.get(package), package, wanted)
            if why:
                self.absent[package] = why
                say(f"ABSENT  {why}")
            else:
                self.pythons[package] = pythons[package]

    def file(self, n_rows: int) -> str:
        """The name of the file with so many rows; it, the reference and a small one to warm up are made if need be."""
        write(self.folder / "reference.parquet", 100_000, seed=1)
        write(self.folder / "small.parquet", 5_000, seed=3, is_shifted=True, start=N_DAYS * DAY)
        name = f"current-{n_rows}.parquet"
        write(self.folder / name, n_rows, seed=2, is_shifted=True, start=N_DAYS * DAY)
        return name

    def ours(self, task: str, file: str) -> Call:
        """A task of Plumbline's."""
        return Call.ours("ours", task, self.folder, file)

    def peer(self, script: str, file: str, package: str = "") -> Call:
        """A peer's script."""
        return Call.peer(self.pythons[package] if package else sys.executable, script, self.folder, file)

    def counting(self, n_rows: int) -> dict[str, Cost]:
        """Count tables against DuckDB's scan of the same columns."""
        file, n = self.file(n_rows), self.turns if n_rows < LARGE else self.slow
        return take_turns(
            {
                "duckdb": (self.peer("duckdb_scan", file), n),
                "decode": (self.ours("decode", file), n),
                "counts": (self.ours("counts", file), n),
                "profile": (self.ours("profile", file), n),
            }
        )

    def drift(self, n_rows: int) -> dict[str, Cost]:
        """A drift report against Evidently's."""
        file = self.file(n_rows)
        calls = {"ours": (self.ours("drift", file), self.turns)}
        if "evidently" in self.pythons:
            calls["evidently"] = (self.peer("evidently_drift", file, "evidently"), self.slow)
        return take_turns(calls) | self._missing("evidently")

    def daily(self, n_rows: int) -> dict[str, Cost]:
        """The same by day against NannyML's."""
        file = self.file(n_rows)
        large = n_rows >= LARGE
        calls = {"ours": (self.ours("daily", file), self.slow if large else self.turns)}
        if "nannyml" in self.pythons:
            calls["nannyml"] = (self.peer("nannyml_drift", file, "nannyml"), self.slow)
        return take_turns(calls) | self._missing("nannyml")

    def fairness(self, n_rows: int) -> dict[str, Cost]:
        """Rates by two attributes and their pair against MetricFrame."""
        file = self.file(n_rows)
        return take_turns(
            {
                "ours": (self.ours("fairness", file), self.turns),
                "fairlearn": (self.peer("fairlearn_frame", file), self.slow),
            }
        )

    def start(self) -> dict[str, Cost]:
        """Imports and the command's help against `import pandas`."""
        commands = {
            "core": [sys.executable, "-c", "import core"],
            "help": [str(Path(sys.executable).with_name("plumbline")), "--help"],
            "pandas": [sys.executable, "-c", "import pandas"],
        }
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in commands}
        for _ in range(self.turns + 1):
            for name, command in commands.items():
                runs[name].append(command_cost(command))
        return {name: Cost.of(found[1:]) for name, found in runs.items()}

    def year(self) -> dict[str, Cost]:
        """A day more of a year against that day alone, by the services."""
        arguments = [("year", "--day", "after-a-year"), ("year", "--day", "alone")]
        subprocess.run(Call.ours("year", self.folder, "--make").command, check=True)
        return take_turns({words[2]: (Call.ours(words[0], self.folder, *words[1:]), self.turns) for words in arguments})

    def pages(self) -> dict[str, Cost]:
        """All reports of 10M rows against those of 100k."""
        subprocess.run(Call.ours("pages", self.folder, "--make").command, check=True)
        return take_turns(
            {size: (Call.ours("pages", self.folder, "--rows", size), self.turns) for size in ("100000", "10000000")}
        )

    def memory(self, kind: str) -> dict[str, Cost]:
        """The peak of taking in and profiling a large file."""
        subprocess.run(Call.ours("memory", self.folder, kind, "--make").command, check=True)
        return take_turns({kind: (Call.ours("memory", self.folder, kind), 1)})

    def _missing(self, package: str) -> dict[str, Cost]:
        return {package: Cost(why=self.absent[package])} if package in self.absent else {}


def main() -> int:
    """Measure what is asked for and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "plumbline-bench-speed")
    parser.add_argument("--turns", type=int, default=N_TURNS)
    parser.add_argument("--slow", type=int, default=N_SLOW, help="turns of what takes minutes")
    parser.add_argument("--large", action="store_true", help="10 million rows too")
    parser.add_argument("--memory", action="store_true", help="memory of 10 million rows and of 1,000 columns, alone")
    parser.add_argument("--only", nargs="*", default=[], help="such as counting-1000000 or memory-csv")
    parser.add_argument("--keep", action="store_true", help="keep the data for another run")
    for package, version in PEERS.items():
        parser.add_argument(f"--{package}", type=Path, help=f"Python of an environment with {package} {version}")
    parser.add_argument("--out", type=Path, default=DOCS)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    pythons = {name: getattr(options, name) for name in PEERS if getattr(options, name)}
    bench = Bench(options.folder, pythons, turns=options.turns, slow=options.slow)
    figures = options.folder / "figures.json"
    found = json.loads(figures.read_text()) if figures.exists() else {}
    for name, measure in _wanted(bench, options):
        say(f"{datetime.now(UTC):%H:%M}  {name}")
        found[name] = {key: asdict(cost) for key, cost in measure().items()}
        figures.write_text(json.dumps(found, indent=1))
    costs = {name: {key: Cost(**cost) for key, cost in row.items()} for name, row in found.items()}
    (options.out / "benchmarks.md").write_text(document(costs, bench.absent))
    say(f"written: {options.out / 'benchmarks.md'}")
    if not options.keep:
        _clean(options.folder)
    return 0


def _wanted(bench: Bench, options: argparse.Namespace) -> list[tuple[str, Callable[[], dict[str, Cost]]]]:
    small: dict[str, Callable[[], dict[str, Cost]]] = {
        "start": bench.start,
        "counting-1000000": lambda: bench.counting(1_000_000),
        "fairness-1000000": lambda: bench.fairness(1_000_000),
        "daily-1000000": lambda: bench.daily(1_000_000),
        "drift-1000000": lambda: bench.drift(1_000_000),
        "year": bench.year,
        "pages": bench.pages,
    }
    large: dict[str, Callable[[], dict[str, Cost]]] = {
        "counting-10000000": lambda: bench.counting(LARGE),
        "daily-10000000": lambda: bench.daily(LARGE),
    }
    memory: dict[str, Callable[[], dict[str, Cost]]] = {
        f"memory-{kind}": lambda kind=kind: bench.memory(kind)  # type: ignore[misc]
        for kind in ("parquet", "csv", "wide")
    }
    if options.only:
        every = small | large | memory
        return [(name, every[name]) for name in options.only]
    if options.memory:
        return list(memory.items())
    return list((small | large if options.large else small).items())


def _absent(python: Path | None, package: str, wanted: str) -> str:
    """Why a peer can't be run, '' if it can."""
    if python is None:
        return f"{package} {wanted}: no environment was given."
    script = f"from importlib.metadata import version; print(version({package!r}))"
    try:
        ran = subprocess.run([python, "-c", script], capture_output=True, text=True, check=False)
    except OSError as error:
        return f"{package} {wanted}: its Python can't be started ({error.strerror})."
    found = ran.stdout.strip()
    return "" if found == wanted else f"{package} {wanted}: the environment has {found or 'no such package'}."


def _clean(folder: Path) -> None:
    """Delete what was made; the figures stay, and whatever else lies there."""
    for path in folder.iterdir():
        if not path.name.startswith(MADE):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


if __name__ == "__main__":
    sys.exit(main())
