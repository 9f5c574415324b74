"""How often intervals of estimates hold what labels then show, and how soon estimates that don't are taken back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from core.performance.binary import BinaryCounts, binary_performance
from core.performance.draws import MEASURED
from core.performance.estimated import PREFIX, calibration_of, estimate_binary, residual_correlation
from core.performance.refusal import reasons, support_of
from core.performance.track_record import failures
from tests.bench.estimates.worlds import Bins, World, bins_of, counts_of

__all__ = ["MEASURED", "Covered", "Withdrawn", "covered", "withdrawn"]

REFERENCE, WINDOW, N_WINDOWS, N_DRAWS = 5_000, 2_000, 30, 250
ALONE_IN = 10  # of so many runs one is also asked what the chance of outcomes alone would claim


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """Of one world: the share of runs that hold, by measure; by chance of the outcomes alone; and what is refused."""

    world: World
    n: int
    held: Mapping[str, float]
    held_by_chance_alone: Mapping[str, float]
    width: Mapping[str, float]
    refused: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawn:
    """Of streams of one world: how many estimates failed within 30 windows, and the median window that told."""

    world: World
    n: int
    within: float
    median: float | None
    before: float


def covered(world: World, n_runs: int, seed: int) -> Covered:
    """One fresh reference and one fresh window a run."""
    rng = np.random.default_rng(seed)
    held, alone, width = (dict.fromkeys(MEASURED, 0.0) for _ in range(3))
    refused = 0
    for run in range(n_runs):
        reference, parts = _reference(world, rng)
        calibration = calibration_of(reference)
        correlation = residual_correlation(calibration, parts)
        window = _window(world, reference, rng)
        truth = _truth(window)
        honest = _limits(estimate_binary(calibration, window, rng=rng, n_draws=N_DRAWS, correlation=correlation))
        chance = {}
        if run % ALONE_IN == 0:
            fixed = np.broadcast_to(calibration.rates, (N_DRAWS, calibration.rates.size))
            chance = _limits(estimate_binary(calibration, window, rng=rng, rates=fixed))
        refused += bool(reasons(support=support_of(reference, window)))
        for name in MEASURED:
            low, high = honest[name]
            held[name] += low <= truth[name] <= high
            width[name] += high - low
            alone[name] += bool(chance) and chance[name][0] <= truth[name] <= chance[name][1]
    return Covered(
        world=world,
        n=n_runs,
        held={name: value / n_runs for name, value in held.items()},
        held_by_chance_alone={name: value / -(-n_runs // ALONE_IN) for name, value in alone.items()},
        width={name: value / n_runs for name, value in width.items()},
        refused=refused / n_runs,
    )


def withdrawn(world: World, before: World, n_streams: int, seed: int) -> Withdrawn:
    """30 windows as the reference, then 30 of the world, each labelled before the next: when does a record fail?"""
    rng = np.random.default_rng(seed)
    told, early = [], 0
    for _ in range(n_streams):
        reference, parts = _reference(before, rng)
        calibration = calibration_of(reference)
        correlation = residual_correlation(calibration, parts)
        rates = calibration.draws(N_DRAWS, rng)
        records: dict[str, list[bool | None]] = {name: [] for name in MEASURED}
        for place in range(2 * N_WINDOWS):
            window = _window(before if place < N_WINDOWS else world, reference, rng)
            truth = _truth(window)
            measures = estimate_binary(calibration, window, rng=rng, rates=rates, correlation=correlation)
            for name, (low, high) in _limits(measures).items():
                records[name].append(low <= truth[name] <= high)
        found = [one for record in records.values() for one in failures(record)]
        early += any(one.known < N_WINDOWS for one in found)
        after = [one.known - N_WINDOWS + 1 for one in found if one.known >= N_WINDOWS]
        told.append(min(after, default=None))
    known = [one for one in told if one is not None]
    return Withdrawn(
        world=world,
        n=n_streams,
        within=len(known) / n_streams,
        median=float(np.median(known)) if known else None,
        before=early / n_streams,
    )


def _reference(world: World, rng: np.random.Generator) -> tuple[BinaryCounts, list[BinaryCounts]]:
    """The counts of a reference, and of its windows where these differ."""
    if not world.day:
        score, label = world.rows(REFERENCE, rng, is_window=False)
        return counts_of(bins_of(score), score, label), []
    days = [world.rows(WINDOW, rng, is_window=False, day=rng.normal(0, world.day)) for _ in range(N_WINDOWS)]
    score, label = (np.concatenate(parts) for parts in zip(*days, strict=True))
    bins = bins_of(score)
    return counts_of(bins, score, label), [counts_of(bins, *day) for day in days]


def _window(world: World, reference: BinaryCounts, rng: np.random.Generator) -> BinaryCounts:
    score, label = world.rows(WINDOW, rng, is_window=True, day=rng.normal(0, world.day) if world.day else 0.0)
    return counts_of(Bins(scores=reference.score_bins, groups=reference.calibration_groups), score, label)


def _truth(window: BinaryCounts) -> dict[str, float]:
    return {m.measure: float("nan") if m.value is None else m.value for m in binary_performance(window)}


def _limits(measures: Iterable[object]) -> dict[str, tuple[float, float]]:
    return {
        m.measure.removeprefix(PREFIX): (m.interval.low, m.interval.high) if m.interval else (-np.inf, np.inf)
        for m in measures
    }
