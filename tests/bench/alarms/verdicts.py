"""How often the four-state verdict errs, at the margin itself and away from it.

At a true shift of exactly the margin either certain verdict is an error: DRIFT claims more, STABLE claims less.
Each should come in 5 of 100 windows, whatever the size of the window and of the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.drift.verdict import Verdict, verdict_of_counts
from core.stats.distances import population_stability_index
from core.stats.effects import shift_test

Floats = NDArray[np.float64]

MARGIN, ALPHA = 0.1, 0.05
ROWS = (100, 1_000, 10_000, 100_000, 1_000_000)
BINS = (2, 5, 10, 20)
N_REPETITIONS = 16_000
N_DIRECTIONS = 40
N_CHECKED = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictRow:
    """One setting: the true shift, the sizes, and in which share of windows each thing was said."""

    w: float
    n_bins: int
    n_reference: int
    n_current: int
    n_repetitions: int
    drift: float
    stable: float
    any_shift: float
    psi_above_a_tenth: float


def shifted(shares: Floats, w: float, rng: np.random.Generator) -> Floats:
    """Shares that lie `w` (Cohen's) from `shares`, in a random direction."""
    while True:
        direction = rng.normal(size=shares.size)
        direction -= direction.sum() * shares
        moved = shares + w * direction / np.sqrt((direction**2 / shares).sum())
        if (moved > 0).all():
            return np.asarray(moved)


def verdict_row(
    rng: np.random.Generator,
    *,
    w: float,
    n_bins: int,
    n_reference: int,
    n_current: int,
    n_repetitions: int = N_REPETITIONS,
) -> VerdictRow:
    """Draw references and windows, and count the verdicts.

    The verdict's p-values are taken for all windows at once; for some of them they are checked against the verdict
    that a user gets.
    """
    shares, each = np.full(n_bins, 1 / n_bins), n_repetitions // N_DIRECTIONS
    total = np.zeros(4)
    for _ in range(N_DIRECTIONS):
        before = rng.multinomial(n_reference, shares, size=each)
        after = rng.multinomial(n_current, shifted(shares, w, rng), size=each)
        test = shift_test(before, after, margin=MARGIN)
        drift, stable = test.p_larger < ALPHA, test.p_smaller < ALPHA
        psi = population_stability_index(before, after, pseudocount=0.5)
        total += [drift.sum(), stable.sum(), (test.p_any < ALPHA).sum(), (psi > 0.1).sum()]
        for place in range(N_CHECKED // N_DIRECTIONS + 1):
            verdict = verdict_of_counts(before[place], after[place], margin=MARGIN, alpha=ALPHA).verdict
            assert (verdict is Verdict.DRIFT) == drift[place], "the verdict and its test disagree"
            assert (verdict is Verdict.STABLE) == (stable[place] and not drift[place])
    shown = total / (each * N_DIRECTIONS)
    return VerdictRow(
        w=w,
        n_bins=n_bins,
        n_reference=n_reference,
        n_current=n_current,
        n_repetitions=each * N_DIRECTIONS,
        drift=float(shown[0]),
        stable=float(shown[1]),
        any_shift=float(shown[2]),
        psi_above_a_tenth=float(shown[3]),
    )


def boundary_settings() -> Iterator[dict[str, int]]:
    """Every size of window against references that are much larger, as large, and fixed; bins hold 10 rows or more."""
    for n_current in ROWS:
        for n_bins in BINS:
            for n_reference in sorted({10 * n_current, n_current, 5_000}):
                if min(n_current, n_reference) >= 10 * n_bins:
                    yield {"n_bins": n_bins, "n_reference": n_reference, "n_current": n_current}


def verdict_rows(rng: np.random.Generator) -> list[VerdictRow]:
    """The boundary, where both errors should be 5%, then settings off it.

    Off it: no shift and 100 rows; half the margin and a million rows; a quarter of a standard deviation (w 0.25)
    and 1,000 rows.
    """
    rows = [verdict_row(rng, w=MARGIN, **setting) for setting in boundary_settings()]
    for w, n_current in ((0.0, 100), (MARGIN / 2, 1_000_000), (0.25, 1_000)):
        rows.append(verdict_row(rng, w=w, n_bins=10, n_reference=10 * n_current, n_current=n_current))
    return rows
