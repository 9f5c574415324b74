"""Streams as the product counts and arms them: of every column its values, what is missing and what is outside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from core.alarms.monitors import Subject, Windows
from core.profile.facts import facts_of_categories, facts_of_numbers
from core.stats.binning import CategoryBins, NumericBins, Special, fit_numeric
from tests.bench.alarms.worlds import COUNTS_3, KINDS, N_COLUMNS, N_NUMERIC, SHARES, World, category_cuts
from tests.counted_columns import CountedColumn, by_window, novel_by_window, watched

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """What the engine is given: subjects, and the windows of reference and production side by side.

    `counts`: of each column, in the reference and in production, shape (n_windows, size).
    """

    subjects: list[Subject]
    reference: Windows
    production: Windows
    counts: list[tuple[Ints, Ints]]


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
        windows = np.repeat(np.arange(sizes.size), sizes)
        if isinstance(self.bins, NumericBins):
            facts = facts_of_numbers(values, windows, by_value=self.bins.exact)
        else:
            codes = np.where(np.isnan(values), -1, values).astype(np.int64)
            facts = facts_of_categories(codes, windows, n_distinct=self.bins.n_bins)
        assert not facts.left_out
        self.novel = novel_by_window(facts, windows, sizes.size)

    def counts(self, values: Floats, sizes: Ints) -> Ints:
        """Counts of some windows, shape (n_windows, size)."""
        if isinstance(self.bins, NumericBins):
            codes = self.bins.assign(values)
        else:
            k = self.bins.n_bins
            codes = np.where(values < k, values, k + Special.UNSEEN)
            codes = np.where(np.isnan(values), k + Special.MISSING, codes).astype(np.int64)
        return by_window(codes, np.repeat(np.arange(sizes.size), sizes), sizes.size, self.bins.size)


def armed_columns(counters: list[Counter], production: list[Ints], n_window: float) -> Stream:
    """A subject each for the values, the missing and the outside ones of every column."""
    columns = [
        CountedColumn(
            name=str(counter.place),
            bins=counter.bins,
            reference=counter.reference,
            production=counts,
            novel=counter.novel,
        )
        for counter, counts in zip(counters, production, strict=True)
    ]
    subjects, before, after = watched(columns, n_window)
    return Stream(
        subjects=subjects,
        reference=before,
        production=after,
        counts=[(column.reference, column.production) for column in columns],
    )


class DrawnCounter(Counter):
    """A column of windows too large for rows: counts are drawn on its true quantiles."""

    def __init__(self, place: int, world: World, rng: np.random.Generator, sizes: Ints, effects: Floats) -> None:
        self.place, self._world, self._rng = place, world, rng
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
        missing = self._rng.binomial(sizes, self._world.missing_shares(self._rng, sizes.size))
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
