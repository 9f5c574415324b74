"""Calls that take turns, each in a process of its own with one thread, and what they cost in the median."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
QUIET = {"DO_NOT_TRACK": "1", "NML_DISABLE_USAGE_LOGGING": "1", "PYTHONWARNINGS": "ignore"}
HOURS = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """CPU seconds, wall seconds and MB at the peak: medians of `n` runs; `why` where there is none."""

    cpu: float = 0.0
    wall: float = 0.0
    peak: float = 0.0
    n: int = 0
    least: float = 0.0
    most: float = 0.0
    why: str = ""

    @classmethod
    def of(cls, runs: Sequence[Mapping[str, float]]) -> Cost:
        """The medians of some runs."""
        cpu, wall, peak = ([run[name] for run in runs] for name in ("cpu", "wall", "peak"))
        return cls(
            cpu=statistics.median(cpu),
            wall=statistics.median(wall),
            peak=statistics.median(peak),
            n=len(runs),
            least=min(cpu),
            most=max(cpu),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A command that prints its cost as its last line."""

    command: tuple[str, ...]

    @classmethod
    def ours(cls, module: str, *arguments: object) -> Call:
        """A task of Plumbline's own."""
        return cls(command=(sys.executable, "-m", f"tests.bench.speed.{module}", *map(str, arguments)))

    @classmethod
    def peer(cls, python: Path | str, script: str, *arguments: object) -> Call:
        """A peer's script, by the Python of its environment."""
        return cls(command=(str(python), str(HERE / "peers" / f"{script}.py"), *map(str, arguments)))

    def run(self) -> dict[str, float]:
        """Run it; raises RuntimeError with what it said last where it fails."""
        environment = {**os.environ, **ONE_THREAD, **QUIET}
        path = os.pathsep.join([str(HERE), str(HERE.parents[2])])
        ran = subprocess.run(
            self.command,
            capture_output=True,
            text=True,
            check=False,
            timeout=HOURS * 3600,
            env={**environment, "PYTHONPATH": path},
        )
        lines = ran.stdout.strip().splitlines()
        if ran.returncode or not lines:
            raise RuntimeError((ran.stderr.strip().splitlines() or ["it said nothing"])[-1][:300])
        found: dict[str, float] = json.loads(lines[-1])
        return found


def take_turns(calls: Mapping[str, tuple[Call, int]]) -> dict[str, Cost]:
    """Each call as often as is asked of it, in turns, so that what slows the machine slows all sides."""
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in calls}
    failed: dict[str, str] = {}
    for turn in range(max(n for _, n in calls.values())):
        for name, (call, n) in calls.items():
            if turn >= n or name in failed:
                continue
            try:
                runs[name].append(call.run())
            except (RuntimeError, subprocess.TimeoutExpired, OSError) as error:
                failed[name] = str(error)
            else:
                say(f"    {name}: {runs[name][-1]['cpu']:.2f} s of CPU, {runs[name][-1]['peak']:.0f} MB")
    return {name: Cost(why=failed[name]) if name in failed else Cost.of(runs[name]) for name in calls}


def command_cost(command: Sequence[str]) -> dict[str, float]:
    """CPU and wall seconds of a whole command, start and imports included."""
    script = (
        "import json, resource, subprocess, sys, time\n"
        "start = time.perf_counter()\n"
        "subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "wall = time.perf_counter() - start\n"
        "print(json.dumps({'cpu': used.ru_utime + used.ru_stime, 'wall': wall, 'peak': used.ru_maxrss / 1024}))\n"
    )
    return Call(command=(sys.executable, "-c", script, *command)).run()


def say(text: str) -> None:
    """Progress, to standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201
