"""`make bench-alarms`: every row of the claim in turn, then the page and its figure."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from tests.bench.alarms.document import document, figure
from tests.bench.alarms.packages import agreements
from tests.bench.alarms.rows import CHANGED, MATERIAL, N_STREAMS, ROWS, SEED, run_row
from tests.bench.alarms.verdicts import ALPHA, MARGIN, verdict_rows

DOCS = Path(__file__).resolve().parents[3] / "docs"


def main() -> int:
    """Run it; the exit code says whether every row of the claim held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=N_STREAMS, help="streams of each row")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--packages", action="store_true", help="run the real packages too; needs a package index")
    parser.add_argument("--out", type=Path, default=DOCS)
    options = parser.parse_args()
    start = time.monotonic()
    outcomes = []
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        for place, row in enumerate(ROWS):
            outcome = run_row(row, place=place, n_streams=options.streams, pool=pool)
            outcomes.append(outcome)
            delay = "" if row.latest is None else f", delay {outcome.tallies[outcome.own].median_delay:g}"
            held = "beyond the claim" if row.beyond else "held" if outcome.holds else "DID NOT HOLD"
            say(
                f"{(time.monotonic() - start) / 60:5.1f} min  {row.name}: {held}; false events a year "
                f"{outcome.a_year(MATERIAL):.2f} material, {outcome.a_year(CHANGED):.2f} changed{delay}"
            )
    verdicts = verdict_rows(np.random.default_rng(SEED))
    boundary = [error for row in verdicts if row.w == MARGIN for error in (row.drift, row.stable)]
    say(f"verdicts at the boundary: errors {min(boundary):.3f} to {max(boundary):.3f} at nominal {ALPHA}")
    agreed = []
    if options.packages:
        with tempfile.TemporaryDirectory(prefix="plumbline-packages-") as folder:
            agreed = agreements(Path(folder))
        say(
            f"recoded rules: {sum(a.n_different for a in agreed)} of {sum(a.n_compared for a in agreed)} answers differ"
        )
    minutes = (time.monotonic() - start) / 60
    text = document(outcomes, verdicts, agreed, minutes=minutes, n_streams=options.streams)
    (options.out / "false-alarms.md").write_text(text)
    (options.out / "false-alarms.svg").write_text(figure(outcomes))
    say(f"{minutes:.0f} minutes; written: false-alarms.md, false-alarms.svg")
    return 0 if all(outcome.holds or outcome.row.beyond for outcome in outcomes) else 1


def say(text: str) -> None:
    """Progress, to standard error."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
