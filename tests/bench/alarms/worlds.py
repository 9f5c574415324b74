"""Streams whose truth is known: 30 columns of 8 kinds, windows of rows or of counts, and a change or none.

All columns are monotone functions of correlated normal latents, so that a shift is the same for every kind.
A window's own effect moves all of its rows: windows then differ by more than their rows explain. One in a
hundred values of each column is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import norm, poisson
from scipy.stats import t as student

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MISSING = 0.01
MAX_ROWS_DRAWN = 5_000  # a window of more is drawn as counts
BLOCK = 32  # windows drawn at once
GRID = np.linspace(-7, 7, 4_001)
NINE_PERCENT = 0.09

SHARES = (
    (0.70, 0.30),
    (0.60, 0.31, 0.09),
    (0.50, 0.30, 0.11, 0.09),
    (0.35, 0.25, 0.15, 0.09, 0.09, 0.07),
    (0.1,) * 10,
    tuple((1 / np.arange(1, 31) / (1 / np.arange(1, 31)).sum()).tolist()),
)
KINDS = ("normal",) * 8 + ("lognormal",) * 4 + ("exponential",) * 3 + ("t5",) * 3 + ("bimodal",) * 3 + ("poisson",) * 3
N_NUMERIC, N_COLUMNS = len(KINDS), len(KINDS) + len(SHARES)
MOVED = (0, 1, 2)  # normal columns, where a shift or a spread changes
MOVED_CATEGORIES = (N_NUMERIC + 1, N_NUMERIC + 2, N_NUMERIC + 3)  # each has a category of 9 %
COUNTS_3 = ndtri(poisson(3).cdf(np.arange(12)))


def _table(kind: str) -> Floats:
    """The value of each latent of the grid."""
    if kind == "exponential":
        return -norm.logsf(GRID)
    if kind == "t5":
        return np.where(GRID < 0, student(5).ppf(ndtr(GRID)), -student(5).ppf(ndtr(-GRID)))
    wide = np.linspace(-12, 12, 20_001)
    return np.interp(ndtr(GRID), ndtr((wide - 1.5) / 0.75) / 2 + ndtr((wide + 1.5) / 0.75) / 2, wide)


TABLES = {kind: _table(kind) for kind in ("exponential", "t5", "bimodal")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What changes in some columns on a window of production, and stays: over `over` windows, or at once."""

    window: int = 100
    over: int = 0
    shift: float = 0.0
    spread: float = 1.0
    category: float = 0.0  # what a category of 9 % rises to
    missing: float = 0.0

    @property
    def moved(self) -> frozenset[str]:
        """The subjects whose true distribution changes."""
        if self.missing:
            return frozenset(f"missing/{column}" for column in MOVED)
        columns = MOVED_CATEGORIES if self.category else MOVED
        touched = {f"values/{column}" for column in columns}
        return frozenset(touched if self.category else touched | {f"outside/{column}" for column in columns})

    def share_done(self, window: int) -> float:
        """How much of the change has come by a window, in 0..1."""
        if window < self.window:
            return 0.0
        return 1.0 if self.over == 0 else min(1.0, (window - self.window) / self.over)


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How a stream is drawn.

    `n_rows`: of a window; a pair says that the logarithm is uniform between two. `correlation`: of
    any two columns' latents. `window_sd`: of a window's own effect on each column, in sd of a row;
    `window_correlation`: of that of two columns; `autocorrelation`: of that of neighbouring windows.
    `missing_correlation`: of two rows of a window in being missing: the share varies by a beta law.
    """

    n_rows: int | tuple[int, int] = 1_000
    n_reference: int = 30
    n_production: int = 365
    correlation: float = 0.2
    window_sd: float = 0.0
    window_correlation: float = 0.0
    autocorrelation: float = 0.0
    missing_correlation: float = 0.0
    change: Change | None = None

    def sizes(self, rng: np.random.Generator, n_windows: int) -> Ints:
        """Rows of each window."""
        if isinstance(self.n_rows, int):
            return np.full(n_windows, self.n_rows)
        return np.exp(rng.uniform(*np.log(self.n_rows), size=n_windows)).astype(np.int64)

    def missing_shares(self, rng: np.random.Generator, n_windows: int) -> Floats:
        """Which share of a column's values gets lost in each window: the same, or beta around it."""
        if not self.missing_correlation:
            return np.full(n_windows, MISSING)
        prior = 1 / self.missing_correlation - 1
        return rng.beta(MISSING * prior, (1 - MISSING) * prior, size=n_windows)

    def effects(self, rng: np.random.Generator, n_windows: int) -> Floats:
        """Every window's own effect on each column, shape (n_windows, 30)."""
        common = np.sqrt(self.window_correlation) * rng.normal(size=(n_windows, 1))
        fresh = common + np.sqrt(1 - self.window_correlation) * rng.normal(size=(n_windows, N_COLUMNS))
        for window in range(1, n_windows if self.autocorrelation else 0):
            fresh[window] *= np.sqrt(1 - self.autocorrelation**2)
            fresh[window] += self.autocorrelation * fresh[window - 1]
        return self.window_sd * fresh

    @property
    def draws_counts(self) -> bool:
        """Whether windows are too large for rows."""
        return (self.n_rows if isinstance(self.n_rows, int) else self.n_rows[1]) > MAX_ROWS_DRAWN


def columns_of(latent: Floats) -> Iterator[Floats]:
    """Each column's values, codes for categories; `latent` has the shape (n, 30)."""
    for place, kind in enumerate(KINDS):
        g = latent[:, place]
        if kind == "normal":
            yield g
        elif kind == "lognormal":
            yield np.exp(g)
        elif kind == "poisson":
            yield np.searchsorted(COUNTS_3, g).astype(np.float64)
        else:
            yield np.interp(g, GRID, TABLES[kind])
    for place, shares in enumerate(SHARES, start=N_NUMERIC):
        yield np.searchsorted(category_cuts(shares), latent[:, place]).astype(np.float64)


def category_cuts(shares: tuple[float, ...]) -> Floats:
    """Where the latent is cut."""
    return ndtri(np.cumsum(shares)[:-1])


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Some windows in order: the number of the first (negative in the reference), their sizes, complete columns.

    `missing` has the rows of each column whose value gets lost.
    """

    first: int
    sizes: Ints
    columns: list[Floats]
    missing: list[Ints]

    def column(self, place: int) -> Floats:
        """A column as it is logged, NaN where its value is missing."""
        values = self.columns[place].copy()
        values[self.missing[place]] = np.nan
        return values

    def windows(self, values: Floats) -> list[Floats]:
        """A column in windows."""
        return np.split(values, np.cumsum(self.sizes)[:-1])


def block_of(world: World, rng: np.random.Generator, sizes: Ints, effects: Floats, first: int) -> Block:
    """Draw some windows."""
    n = int(sizes.sum())
    window = np.repeat(np.arange(sizes.size), sizes)
    latent = np.sqrt(1 - world.correlation) * rng.standard_normal((n, N_COLUMNS))
    latent += np.sqrt(world.correlation) * rng.standard_normal((n, 1))
    done = np.array([world.change.share_done(first + k) if world.change else 0.0 for k in range(sizes.size)])
    if world.change:
        moved = list(MOVED)
        latent[:, moved] *= (1 + (world.change.spread - 1) * done)[window, None]
        latent[:, moved] += (world.change.shift * done)[window, None]
    if world.window_sd:
        latent += effects[window]
    columns = list(columns_of(latent))
    if world.change and world.change.category:
        rise = (world.change.category - NINE_PERCENT) / (1 - NINE_PERCENT)
        for place in MOVED_CATEGORIES:
            becomes = rng.random(n) < rise * done[window]
            columns[place] = np.where(becomes, SHARES[place - N_NUMERIC].index(NINE_PERCENT), columns[place])
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    missing = []
    for place in range(N_COLUMNS):
        share = world.missing_shares(rng, sizes.size)
        if world.change and world.change.missing and place in MOVED:
            share += (world.change.missing - MISSING) * done
        lost = rng.binomial(sizes, share)  # rows of a window are exchangeable: any stretch of them will do
        offset = rng.integers(sizes)
        parts = [
            start + (at + np.arange(n_lost)) % size
            for start, at, n_lost, size in zip(starts, offset, lost, sizes, strict=True)
        ]
        missing.append(np.concatenate(parts))
    return Block(first=first, sizes=sizes, columns=columns, missing=missing)


def blocks(world: World, rng: np.random.Generator) -> Iterator[Block]:
    """The reference as one block, then production in blocks."""
    n_windows = world.n_reference + world.n_production
    sizes, effects = world.sizes(rng, n_windows), world.effects(rng, n_windows)
    edges = [0, *range(world.n_reference, n_windows, BLOCK), n_windows]
    for low, high in pairwise(edges):
        yield block_of(world, rng, sizes[low:high], effects[low:high], low - world.n_reference)
