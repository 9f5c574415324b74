"""Concept drift on streams whose truth is known: who hears it, who cries wolf, and whether causes are told apart.

    make bench-concept

reads the public streams beside the project and writes docs/concept-drift-on-streams.md; about six minutes of one core.
It ends with 1 where the watch or a decomposition breaks what the page claims.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from core.alarms.monitors import share_subject
from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light, arm
from core.concept.detectors import DETECTORS, detections
from core.measure import Family
from core.services.arming import HORIZON_DAYS
from tests.conftest import SHARED_DATA
from tests.core.concept.worlds import World, decomposed
from tests.real.concept_streams import ENGINE, electricity, heard_in, streams, table

PAGE = Path(__file__).resolve().parents[3] / "docs" / "concept-drift-on-streams.md"
TEXT = Path(__file__).with_name("page.md")
N_STREAMS, N_DAYS, N_REFERENCE = 100, 365, 90
RATE = 0.1
N_RUNS, M, N = 100, 6_000, 3_000
WORLDS = {
    "nothing changes": World(shift=0.0, concept=0.0),
    "inputs only": World(shift=0.5, concept=0.0),
    "concept only": World(shift=0.0, concept=0.7),
    "both": World(shift=0.5, concept=0.7),
    "inputs only, unknown to the model": World(shift=0.5, concept=0.0, is_blind=True),
    "both, inputs unknown to the model": World(shift=0.5, concept=0.7, is_blind=True),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Null:
    """A world in which the error rate never changes for good: rows a day, and the spread of daily rates."""

    name: str
    n: int
    spread: float


NULLS = (
    Null(name="200 rows a day", n=200, spread=0.0),
    Null(name="200 rows a day, days differ by 2 points", n=200, spread=0.02),
    Null(name="20,000 rows a day", n=20_000, spread=0.0),
    Null(name="20,000 rows a day, days differ by 1 point", n=20_000, spread=0.01),
)


def false_a_year(null: Null) -> dict[str, float]:
    """Signals a year by detector, over 100 streams of a year, after a reference of 90 days that all have seen."""
    rng = np.random.default_rng(1)
    found = dict.fromkeys([ENGINE, *DETECTORS], 0)
    n = np.full(N_REFERENCE + N_DAYS, null.n)
    for _ in range(N_STREAMS):
        rates = np.clip(rng.normal(RATE, null.spread, n.size), 0.0, 1.0)
        errors = rng.binomial(null.n, rates)
        found[ENGINE] += _watch(n, errors)
        for name, make in DETECTORS.items():
            found[name] += sum(s.window >= N_REFERENCE for s in detections(n, errors, make()).signals)
    return {name: count / N_STREAMS for name, count in found.items()}


def _watch(n: np.ndarray, errors: np.ndarray) -> int:
    subject = share_subject("errors", [0], 2, family=Family.PERFORMANCE, column="", name="wrong predictions")
    policy = AlarmPolicy()
    windows = np.column_stack([errors, n - errors])
    watch = arm(
        [subject],
        subject.windows(windows[:N_REFERENCE]),
        margins=[policy.margin("performance/accuracy")],
        allowances={light: policy.allowance(N_DAYS, changed=light is Light.CHANGED) for light in Light},
        horizon=HORIZON_DAYS,
    )
    return len(
        watch.run(subject.windows(windows[N_REFERENCE:]), np.zeros(N_DAYS, dtype=np.int64), Light.MATERIAL).events
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """A world decomposed many times: truth, how often two standard errors hold it, and what was said."""

    truth: dict[str, float]
    mean: dict[str, float]
    inside: dict[str, float]
    causes: Counter[str]


def told(world: World, *, by_score: bool = False) -> Told:
    """Concept and inputs over 100 runs."""
    truth = world.truth(np.random.default_rng(0), 1_000_000)
    truth = {"concept": truth["concept"], "inputs": truth["shared inputs"] + truth["new inputs"]}
    values: dict[str, list[float]] = {name: [] for name in truth}
    inside: dict[str, list[bool]] = {name: [] for name in truth}
    causes: Counter[str] = Counter()
    for seed in range(N_RUNS):
        found = decomposed(world, np.random.default_rng(1_000 + seed), M, N, by_score=by_score)
        causes[found.cause] += 1
        for part in (found.concept, found.inputs):
            if part is None:
                raise RuntimeError("Rows are too few to be decomposed.")
            error = (part.interval.high - part.value) / 1.96
            values[part.name].append(part.value)
            inside[part.name].append(abs(part.value - truth[part.name]) <= 2 * error)
    return Told(
        truth=truth,
        mean={name: float(np.mean(each)) for name, each in values.items()},
        inside={name: float(np.mean(each)) for name, each in inside.items()},
        causes=causes,
    )


def world_line(name: str, found: Told) -> str:
    """A row of the table of worlds."""
    cells = [name]
    for part in ("concept", "inputs"):
        cells += [f"{found.truth[part]:+.4f}", f"{found.mean[part]:+.4f}", f"{found.inside[part]:.0%}"]
    said = ", ".join(f"{cause} {count}" for cause, count in found.causes.most_common())
    return f"| {' | '.join([*cells, said])} |"


def main() -> int:
    """Write the page; 1 where a claim doesn't hold."""
    nulls = {null.name: false_a_year(null) for null in NULLS}
    names = [ENGINE, *DETECTORS]
    null_lines = [f"| {name} | {' | '.join(f'{found[each]:.2f}' for each in names)} |" for name, found in nulls.items()]
    worlds = {name: told(world) for name, world in WORLDS.items()}
    blind = told(replace(WORLDS["inputs only"], is_blind=True), by_score=True)
    world_lines = [world_line(name, found) for name, found in worlds.items()]
    world_lines.append(world_line("inputs only, unknown to the model; score bins", blind))
    page = TEXT.read_text(encoding="utf-8").format(
        streams="\n".join(line for each in streams(SHARED_DATA) for line in table(each, heard_in(each))).rstrip(),
        electricity="\n".join(electricity(SHARED_DATA).lines),
        nulls="\n".join(null_lines),
        detectors=" | ".join(names),
        rule=" | ".join("---" for _ in names),
        worlds="\n".join(world_lines),
        n_streams=N_STREAMS,
        n_runs=N_RUNS,
    )
    PAGE.write_text(page, encoding="utf-8")
    broken = [name for name, found in nulls.items() if found[ENGINE] > 1]
    broken += [name for name, found in worlds.items() if min(found.inside.values()) < 0.88]
    print(f"{PAGE.name}: written; {', '.join(broken) or 'nothing'} broken")  # noqa: T201
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
