"""`make bench-alarms`: every row of the claim in turn, then the page and its figure."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.alarms.document import a_year, document, figure
from tests.bench.alarms.labelled import LABELLED_ROWS, run_labelled_row
from tests.bench.alarms.packages import VERSIONS, Agreement, absent, agreements
from tests.bench.alarms.rows import CHANGED, MATERIAL, ROWS, SEED, run_row
from tests.bench.alarms.verdicts import ALPHA, MARGIN, verdict_rows

DOCS = Path(__file__).resolve().parents[3] / "docs"


def main() -> int:
    """Run it; the exit code says whether every row of the claim held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, help="streams of each row; by default what a quarter of an hour allows")
    parser.add_argument("--processes", type=int, default=1)
    for package, version in VERSIONS.items():
        parser.add_argument(f"--{package}", type=Path, help=f"Python of an environment with {package} {version}")
    parser.add_argument("--out", type=Path, default=DOCS)
    options = parser.parse_args()
    start = time.monotonic()
    agreed, missing = asked({name: getattr(options, name) for name in VERSIONS if getattr(options, name)})
    before = worked()
    outcomes = []
    with ExitStack() as stack:
        run: Callable[..., Iterable[Any]] = map
        if options.processes > 1:
            run = stack.enter_context(ProcessPoolExecutor(options.processes, mp_context=get_context("spawn"))).map
        for place, row in enumerate(ROWS):
            outcome = run_row(row, place=place, n_streams=row.n_streams(options.streams), run=run)
            outcomes.append(outcome)
            delay = "" if row.latest is None else f", delay {outcome.tallies[outcome.own].median_delay:g}"
            held = "beyond the claim" if row.beyond else "held" if outcome.holds else "DID NOT HOLD"
            say(
                f"{(time.monotonic() - start) / 60:5.1f} min  {row.name}: {held}; false events a year "
                f"{a_year(outcome, MATERIAL)} material, {a_year(outcome, CHANGED)} changed{delay}"
            )
        labelled = []
        for place, of_labels in enumerate(LABELLED_ROWS):
            found = run_labelled_row(of_labels, place=place, n_streams=of_labels.n_streams(options.streams), run=run)
            labelled.append(found)
            say(
                f"{(time.monotonic() - start) / 60:5.1f} min  labelled, {of_labels.name}: "
                f"{'held' if found.holds else 'DID NOT HOLD'}; false events a year {a_year(found, MATERIAL)} material, "
                f"{a_year(found, CHANGED)} changed"
            )
    verdicts = verdict_rows(np.random.default_rng(SEED))
    boundary = [error for row in verdicts if row.w == MARGIN for error in (row.drift, row.stable)]
    say(f"verdicts at the boundary: errors {min(boundary):.3f} to {max(boundary):.3f} at nominal {ALPHA}")
    minutes = worked() - before
    text = document(outcomes, labelled, verdicts, agreed, missing, minutes=minutes)
    (options.out / "false-alarms.md").write_text(text)
    (options.out / "false-alarms.svg").write_text(figure(outcomes))
    say(f"{minutes:.0f} minutes of one core, but for the packages; written: false-alarms.md, false-alarms.svg")
    held = [outcome.holds or outcome.row.beyond for outcome in outcomes] + [outcome.holds for outcome in labelled]
    return 0 if all(held) else 1


def asked(pythons: Mapping[str, Path]) -> tuple[list[Agreement], list[str]]:
    """What the packages themselves answer, where they are; and which aren't, aloud."""
    missing = absent(pythons)
    for sentence in missing.values():
        say(f"ABSENT  {sentence} Its rule is Plumbline's own recoding, not compared with the package in this run.")
    agreed = agreements({name: path for name, path in pythons.items() if name not in missing})
    if agreed:
        differ, compared = sum(a.n_different for a in agreed), sum(a.n_compared for a in agreed)
        say(f"recoded rules: {differ:,} of {compared:,} answers differ from the packages'")
    return agreed, list(missing.values())


def worked() -> float:
    """Minutes of processor time of this process and of those it has started and seen end."""
    times = os.times()
    return (times.user + times.system + times.children_user + times.children_system) / 60


def say(text: str) -> None:
    """Progress, to standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
