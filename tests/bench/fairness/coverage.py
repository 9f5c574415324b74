"""How often intervals hold the truth, computed exactly: every outcome that can happen, with its probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, norm

from core.stats.intervals import wilson

__all__ = [
    "Coverage",
    "newcombe_coverage",
    "newcombe_rows",
    "wald_coverage",
    "wald_rows",
    "wilson_coverage",
    "wilson_rows",
]

Floats = NDArray[np.float64]

Z = float(norm.ppf(0.975))
NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Of one sample size (or two): the least coverage over the true rates, where that is, and the mean."""

    n: str
    least: float
    at: str
    mean: float


def limits(n: int) -> tuple[Floats, Floats]:
    """Plumbline's own Wilson limits for every k of n."""
    found = [wilson(k, n) for k in range(n + 1)]
    return np.array([each.low for each in found]), np.array([each.high for each in found])


def wilson_coverage(n: int, rates: Floats) -> Floats:
    """Coverage of the Wilson interval at each true rate."""
    return _coverage(n, rates, *limits(n))


def wald_coverage(n: int, rates: Floats) -> Floats:
    """Coverage of p +- 1.96 standard errors, which is what a bootstrap of a rate comes near."""
    p = np.arange(n + 1) / n
    half = Z * np.sqrt(p * (1 - p) / n)
    return _coverage(n, rates, p - half, p + half)


def _coverage(n: int, rates: Floats, low: Floats, high: Floats) -> Floats:
    held = (low[:, None] <= rates) & (rates <= high[:, None])
    covered: Floats = (binom.pmf(np.arange(n + 1)[:, None], n, rates) * held).sum(axis=0)
    return covered


def newcombe_coverage(n1: int, n2: int, rates: Floats) -> Floats:
    """Coverage of the Newcombe interval at every pair of true rates, shape (n_rates, n_rates).

    Newcombe's limits are made of Wilson's; a test holds these against `core.stats.intervals.newcombe_difference`.
    """
    (low1, high1), (low2, high2) = limits(n1), limits(n2)
    p1, p2 = np.arange(n1 + 1) / n1, np.arange(n2 + 1) / n2
    covered = np.empty((rates.size, rates.size))
    chances = [_chances(n, rates) for n in (n1, n2)]
    for i, first in enumerate(rates):
        a, of_a = chances[0][i]
        for j, second in enumerate(rates):
            b, of_b = chances[1][j]
            d = p1[a][:, None] - p2[b]
            low = d - np.sqrt((p1[a] - low1[a])[:, None] ** 2 + (high2[b] - p2[b]) ** 2)
            high = d + np.sqrt((high1[a] - p1[a])[:, None] ** 2 + (p2[b] - low2[b]) ** 2)
            truth = first - second
            covered[i, j] = of_a @ ((low <= truth) & (truth <= high)) @ of_b
    return covered


def _chances(n: int, rates: Floats) -> list[tuple[slice, Floats]]:
    """The outcomes that are worth looking at, and their probabilities, by rate."""
    found = []
    for rate in rates:
        low, high = (int(end) for end in binom.ppf([NEGLIGIBLE, 1 - NEGLIGIBLE], n, rate))
        found.append((slice(low, high + 1), binom.pmf(np.arange(low, high + 1), n, rate)))
    return found


def wilson_rows() -> list[Coverage]:
    """One line a sample size from 30 to 3,000; rates .02 to .5 in steps of .001."""
    rates = np.linspace(0.02, 0.5, 481)
    sizes = [*range(30, 301), *sorted({1_000, *range(330, 3_001, 30)})]
    return [_line(f"{n:,}", rates, wilson_coverage(n, rates)) for n in sizes]


def wald_rows(sizes: tuple[int, ...]) -> list[Coverage]:
    """The same of the textbook interval, for a few sizes."""
    rates = np.linspace(0.02, 0.5, 481)
    return [_line(f"{n:,}", rates, wald_coverage(n, rates)) for n in sizes]


def _line(n: str, rates: Floats, covered: Floats) -> Coverage:
    worst = int(np.argmin(covered))
    return Coverage(n=n, least=float(covered[worst]), at=f"{rates[worst]:.3f}", mean=float(covered.mean()))


PAIRS = (
    (30, 30),
    (30, 100),
    (30, 300),
    (30, 1_000),
    (30, 3_000),
    (50, 50),
    (100, 100),
    (100, 300),
    (100, 1_000),
    (100, 3_000),
    (300, 300),
    (300, 1_000),
    (300, 3_000),
    (1_000, 1_000),
    (1_000, 3_000),
    (3_000, 3_000),
)


def newcombe_rows() -> list[Coverage]:
    """One line a pair of sizes; both rates .02 to .5 in 25 steps."""
    rates = np.linspace(0.02, 0.5, 25)
    rows = []
    for n1, n2 in PAIRS:
        covered = newcombe_coverage(n1, n2, rates)
        i, j = np.unravel_index(int(np.argmin(covered)), covered.shape)
        worst = f"{rates[i]:.2f} and {rates[j]:.2f}"
        name = f"{n1:,} and {n2:,}"
        rows.append(Coverage(n=name, least=float(covered.min()), at=worst, mean=float(covered.mean())))
    return rows
