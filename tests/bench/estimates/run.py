"""`make bench-estimates`: coverage of estimates in worlds whose truth is known, and how soon failing ones go."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.bench.estimates.coverage import covered, withdrawn
from tests.bench.estimates.document import CLAIMED, Run, claims, document
from tests.bench.estimates.kinds import KINDS, kind_covered
from tests.bench.estimates.worlds import WORLDS

DOCS = Path(__file__).resolve().parents[3] / "docs"
SEED = 2026
RUNS, FEWER_RUNS, STREAMS = 2_000, 250, 20
CHANGES = ("alike", "concept +0.4", "concept -0.8", "noise")


def main() -> int:
    """Run it; the exit code says whether every claim held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DOCS)
    parser.add_argument("--share", type=float, default=1.0, help="of the runs and streams")
    options = parser.parse_args()
    start = time.monotonic()

    def done(what: str) -> None:
        sys.stderr.write(f"{(time.monotonic() - start) / 60:5.1f} min  {what}\n")

    by_name = {world.name: world for world in WORLDS}
    followed = []
    for place, name in enumerate(CHANGES):
        followed.append(
            withdrawn(by_name[name], by_name["alike"], max(1, round(STREAMS * options.share)), SEED + place)
        )
        done(f"streams: {name}")
    found = []
    for place, world in enumerate(WORLDS):
        n_runs = max(1, round((RUNS if world.name in CLAIMED else FEWER_RUNS) * options.share))
        found.append(covered(world, n_runs, SEED + 100 + place))
        done(f"coverage: {world.name} {min(found[-1].held.values()):.3f} to {max(found[-1].held.values()):.3f}")
    kinds = []
    for place, kind in enumerate(KINDS):
        kinds.append(kind_covered(kind, max(1, round(kind.n_runs * options.share)), SEED + 200 + place))
        done(f"coverage: {kind.name} {min(kinds[-1].held.values()):.3f} to {max(kinds[-1].held.values()):.3f}")
    run = Run(covered=found, withdrawn=followed, kinds=kinds, seed=SEED)
    (options.out / "estimates.md").write_text(document(run, minutes=time.process_time() / 60))
    for claim in claims(run):
        done(f"{'held' if claim.held else 'DID NOT HOLD'}: {claim.what}: {claim.seen}")
    return 0 if all(claim.held for claim in claims(run)) else 1


if __name__ == "__main__":
    sys.exit(main())
