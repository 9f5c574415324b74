"""Streams whose truth is known: 30 columns of 8 kinds, windows of rows or of counts, and a change or none.

All columns are monotone functions of correlated normal latents, so that a shift is the same for every kind.
A window's own effect moves all of its rows: windows then differ by more than their rows explain. One in a
hundred values of each column is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri
from scipy.stats import norm, poisson
from scipy.stats import t as student

from core.alarms.monitors import Subject, Windows, distribution_subject, share_subject
from core.measure import Family
from core.stats.binning import CategoryBins, NumericBins, Special, fit_numeric

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
    tuple(np.full(10, 0.1)),
    tuple(1 / np.arange(1, 31) / (1 / np.arange(1, 31)).sum()),
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
    """

    n_rows: int | tuple[int, int] = 1_000
    n_reference: int = 30
    n_production: int = 365
    correlation: float = 0.2
    window_sd: float = 0.0
    window_correlation: float = 0.0
    autocorrelation: float = 0.0
    change: Change | None = None

    def sizes(self, rng: np.random.Generator, n_windows: int) -> Ints:
        """Rows of each window."""
        if isinstance(self.n_rows, int):
            return np.full(n_windows, self.n_rows)
        return np.exp(rng.uniform(*np.log(self.n_rows), size=n_windows)).astype(np.int64)

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


@dataclass(slots=True, kw_only=True)
class Stream:
    """What the engine is given: subjects, and the windows of reference and production side by side."""

    subjects: list[Subject]
    reference: Windows
    production: Windows
    counts: list[tuple[Ints, Ints]] = field(default_factory=list)  # of each column: reference and production


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


def rows_of(world: World, rng: np.random.Generator, sizes: Ints, effects: Floats, first: int) -> list[Floats]:
    """The columns of some windows of production from `first` on (negative in the reference), missing values NaN."""
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
    starts = np.concatenate([[0], np.cumsum(sizes)])
    for place, values in enumerate(columns):
        share = np.full(sizes.size, MISSING)
        if world.change and world.change.missing and place in MOVED:
            share += (world.change.missing - MISSING) * done
        for k, n_missing in enumerate(rng.binomial(sizes, share)):  # rows of a window are exchangeable
            offset = rng.integers(sizes[k])
            values[starts[k] + (offset + np.arange(n_missing)) % sizes[k]] = np.nan
    return columns


def blocks(world: World, rng: np.random.Generator) -> Iterator[tuple[int, Ints, list[Floats]]]:
    """The reference as one block, then production in blocks: the first window's number, sizes, columns."""
    n_windows = world.n_reference + world.n_production
    sizes, effects = world.sizes(rng, n_windows), world.effects(rng, n_windows)
    edges = [0, *range(world.n_reference, n_windows, BLOCK), n_windows]
    for low, high in pairwise(edges):
        first = low - world.n_reference
        yield first, sizes[low:high], rows_of(world, rng, sizes[low:high], effects[low:high], first)


class Counter:
    """The product's counts of one column: bins fitted on the reference, and its values, missing and outside."""

    def __init__(self, place: int, values: Floats, sizes: Ints) -> None:
        self.place = place
        if place < N_NUMERIC:
            self.bins: NumericBins | CategoryBins = fit_numeric(values)
        else:
            n_categories = int(np.nanmax(values)) + 1
            self.bins = CategoryBins(categories=tuple(f"c{code}" for code in range(n_categories)))
        self.reference = self.counts(values, sizes)
        self.novel = novel_by_window(values, sizes, by_value=isinstance(self.bins, CategoryBins) or self.bins.exact)

    def counts(self, values: Floats, sizes: Ints) -> Ints:
        """Counts of some windows, shape (n_windows, size)."""
        if isinstance(self.bins, NumericBins):
            codes = self.bins.assign(values)
        else:
            k = self.bins.n_bins
            codes = np.where(values < k, values, k + Special.UNSEEN)
            codes = np.where(np.isnan(values), k + Special.MISSING, codes).astype(np.int64)
        window = np.repeat(np.arange(sizes.size), sizes)
        flat = np.bincount(window * self.bins.size + codes, minlength=sizes.size * self.bins.size)
        return flat.reshape(sizes.size, self.bins.size)


def novel_by_window(values: Floats, sizes: Ints, *, by_value: bool) -> Ints:
    """How many rows of each reference window hold a value that no other has: beyond the others' range, or new."""
    ends = np.cumsum(sizes)
    parts = [values[end - size : end] for end, size in zip(ends, sizes, strict=True)]
    parts = [part[~np.isnan(part)] for part in parts]
    if by_value:
        _, codes = np.unique(np.concatenate(parts), return_inverse=True)
        window = np.repeat(np.arange(sizes.size), [part.size for part in parts])
        pairs = np.unique(codes * sizes.size + window)
        alone = np.bincount(pairs // sizes.size) == 1
        return np.bincount(window[alone[codes]], minlength=sizes.size)
    low, high = (np.array([edge(part) for part in parts]) for edge in (np.min, np.max))
    found = []
    for place, part in enumerate(parts):
        others = np.arange(sizes.size) != place
        found.append(int(((part < low[others].min()) | (part > high[others].max())).sum()))
    return np.array(found)


def armed_columns(counters: list[Counter], production: list[Ints], n_window: float) -> Stream:
    """A subject each for the values, the missing and the outside ones of every column."""
    subjects, before, after = [], [], []
    for counter, counts in zip(counters, production, strict=True):
        name, bins, k = str(counter.place), counter.bins, counter.bins.n_bins
        values = distribution_subject(
            f"values/{name}", counter.reference.sum(axis=0), bins, column=name, n_window=n_window
        )
        missing = share_subject(
            f"missing/{name}",
            [k + Special.MISSING],
            bins.size,
            family=Family.DATA_QUALITY,
            column=name,
            name="missing",
        )
        present = np.array(
            [cell for cell in range(bins.size) if cell not in (k + Special.MISSING, k + Special.INVALID)]
        )
        beyond = [k + cell for cell in Special if cell not in (Special.MISSING, Special.INVALID)]
        outside = share_subject(
            f"outside/{name}",
            beyond,
            bins.size,
            family=Family.DATA_QUALITY,
            column=name,
            name="outside",
            among=present,
        )
        novel = counter.novel[:, None].astype(np.float64)
        known = counter.reference[:, present].sum(axis=1)[:, None].astype(np.float64)
        subjects += [values, missing, outside]
        before += [
            values.windows(counter.reference),
            missing.windows(counter.reference),
            Windows(n=known, total=novel, total_of_squares=novel),
        ]
        after += [subject.windows(counts) for subject in (values, missing, outside)]
    return Stream(
        subjects=subjects,
        reference=Windows.beside(before),
        production=Windows.beside(after),
        counts=[(counter.reference, counts) for counter, counts in zip(counters, production, strict=True)],
    )


class DrawnCounter(Counter):
    """A column of windows too large for rows: counts are drawn on its true quantiles."""

    def __init__(self, place: int, world: World, rng: np.random.Generator, sizes: Ints, effects: Floats) -> None:
        self.place, self._rng = place, rng
        kind = KINDS[place] if place < N_NUMERIC else "category"
        if kind == "category":
            self._cuts = category_cuts(SHARES[place - N_NUMERIC])
            self.bins = CategoryBins(categories=tuple(f"c{code}" for code in range(self._cuts.size + 1)))
        else:
            self._cuts = COUNTS_3 if kind == "poisson" else ndtri(np.arange(1, 80) / 80)
            ends = tuple(float(end) for end in range(self._cuts.size + 1))
            self.bins = NumericBins(ends=ends, low=0.0, exact=kind == "poisson")
        n = float(sizes.sum())
        self._beyond = rng.beta(1, n, size=2) if kind not in {"category", "poisson"} else np.zeros(2)
        self.reference = self.drawn(sizes, effects, reaches_out=False)
        self.novel = np.zeros(sizes.size, dtype=np.int64)
        for _ in range(2 if self._beyond.any() else 0):  # the ends of the range, and what else their windows hold there
            self.novel[rng.integers(sizes.size)] += rng.geometric(1 - 1 / sizes.size)

    def drawn(self, sizes: Ints, effects: Floats, *, reaches_out: bool = True) -> Ints:
        """Counts of windows whose latents are moved by `effects`."""
        below = ndtr(self._cuts[None, :] - effects[:, None])
        shares = np.diff(np.hstack([np.zeros((sizes.size, 1)), below, np.ones((sizes.size, 1))]), axis=1)
        missing = self._rng.binomial(sizes, MISSING)
        counts = np.zeros((sizes.size, self.bins.size), dtype=np.int64)
        k = self.bins.n_bins
        counts[:, :k] = self._rng.multinomial(sizes - missing, shares)
        counts[:, k + Special.MISSING] = missing
        for end, cell, special in ((0, 0, Special.BELOW), (1, k - 1, Special.ABOVE)):
            beyond = np.minimum(self._rng.binomial(sizes, self._beyond[end]), counts[:, cell]) if reaches_out else 0
            counts[:, cell] -= beyond
            counts[:, k + special] += beyond
        return counts


def drawn_stream(world: World, rng: np.random.Generator) -> Stream:
    """A stream without a change, drawn as counts; columns hang together by their windows' effects only."""
    n_windows, n = world.n_reference + world.n_production, world.n_reference
    sizes, effects = world.sizes(rng, n_windows), world.effects(rng, n_windows)
    counters = [DrawnCounter(place, world, rng, sizes[:n], effects[:n, place]) for place in range(N_COLUMNS)]
    production = [counter.drawn(sizes[n:], effects[n:, counter.place]) for counter in counters]
    return armed_columns(counters, production, float(sizes[:n].mean()))
