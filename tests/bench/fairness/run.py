"""`make bench-fairness`: coverage, parity, power and fifteen years of monitoring, then the page and its figure."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from tests.bench.fairness.coverage import newcombe_rows, wald_rows, wilson_rows
from tests.bench.fairness.document import Run, claims, document
from tests.bench.fairness.figure import drawn
from tests.bench.fairness.monitoring import delay_rows, quiet_rows
from tests.bench.fairness.parity import GROUPS, fairlearn_leaves_out_zero, parity_rows, sizes_of
from tests.bench.fairness.power import power_rows

DOCS = Path(__file__).resolve().parents[3] / "docs"
SEED = 2026
SHOWN = (30, 50, 100, 300, 1_000, 3_000)


def main() -> int:
    """Run it; the exit code says whether every claim held."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=DOCS)
    parser.add_argument("--share", type=float, default=1.0, help="of the audits and runs that are drawn")
    options = parser.parse_args()
    start = time.monotonic()

    def done(what: str) -> None:
        sys.stderr.write(f"{(time.monotonic() - start) / 60:5.1f} min  {what}\n")

    wilson, wald, newcombe = wilson_rows(), wald_rows(SHOWN), newcombe_rows()
    done("coverage")
    parity = parity_rows(np.random.default_rng([SEED, 1]), share=options.share)
    done("parity")
    rng = np.random.default_rng([SEED, 2])
    asked = [fairlearn_leaves_out_zero(rng.binomial(sizes_of(k), 0.3), sizes_of(k), k) for k in GROUPS]
    done("Fairlearn")
    power = power_rows(np.random.default_rng([SEED, 3]), share=options.share)
    done("power")
    quiet = quiet_rows(SEED)
    done("parity over time")
    run = Run(
        wilson=wilson,
        wald=wald,
        newcombe=newcombe,
        parity=parity,
        fairlearn=(sum(asked), len(asked)),
        power=power,
        quiet=quiet,
        delays=delay_rows(SEED, share=options.share),
        seed=SEED,
    )
    minutes = (time.monotonic() - start) / 60
    (options.out / "fairness.md").write_text(document(run, minutes=minutes, share=options.share))
    (options.out / "fairness.svg").write_text(drawn(power, title="Share of audits that call a difference a disparity"))
    for claim in claims(run):
        done(f"{'held' if claim.held else 'DID NOT HOLD'}: {claim.what}: {claim.seen}")
    return 0 if all(claim.held for claim in claims(run)) else 1


if __name__ == "__main__":
    sys.exit(main())
