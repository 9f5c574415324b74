"""Worlds of other kinds than one score: several classes, gaps between groups, a regression's losses."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, softmax

from core.drift.within_score import shift_within_score
from core.performance.binary import BinaryCounts, binary_performance
from core.performance.class_calibration import multiclass_calibration_of
from core.performance.direct_loss import LOSSES, direct_loss, estimate_regression
from core.performance.estimated import PREFIX, calibration_of, estimate_binary
from core.performance.estimated_groups import GAP, GROUP_RATES, estimate_gaps, group_calibrations, rates_of
from core.performance.estimated_multiclass import N_STRETCHES, estimate_multiclass
from core.performance.multiclass import MulticlassCounts, multiclass_performance
from core.performance.refusal import reasons, support_of
from core.performance.reweighted import LEAST_EFFECTIVE, density_weights, reweighted_calibration, weighted_classes
from core.stats.binning import fit_scores
from tests.bench.estimates.worlds import bins_of, counts_of

__all__ = ["KINDS", "Kind", "KindCovered", "kind_covered"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Limits = tuple[float, float]
Run = tuple[Mapping[str, float], Mapping[str, Limits], bool]

REFERENCE, WINDOW, N_DRAWS, DAYS = 5_000, 2_000, 250, 10
CLASSES = ("a", "b", "c")
SAMPLED = 1_000  # of a window's rows, of a regression


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A world, what is asked of it, and one run: the truth, the intervals, whether the estimate is refused."""

    name: str
    words: str
    n_runs: int
    is_claimed: bool
    run: Callable[[np.random.Generator], Run]


@dataclass(frozen=True, slots=True, kw_only=True)
class KindCovered:
    """Of one world: the share of runs that hold, by measure, how wide intervals are, and what is refused."""

    kind: Kind
    n: int
    held: Mapping[str, float]
    width: Mapping[str, float]
    refused: float


def kind_covered(kind: Kind, n_runs: int, seed: int) -> KindCovered:
    """One fresh reference and one fresh window a run."""
    rng = np.random.default_rng(seed)
    held: dict[str, float] = {}
    width: dict[str, float] = {}
    refused = 0
    for _ in range(n_runs):
        truth, limits, is_refused = kind.run(rng)
        refused += is_refused
        for name, (low, high) in limits.items():
            held[name] = held.get(name, 0.0) + (low <= truth[name] <= high)
            width[name] = width.get(name, 0.0) + high - low
    return KindCovered(
        kind=kind,
        n=n_runs,
        held={name: value / n_runs for name, value in held.items()},
        width={name: value / n_runs for name, value in width.items()},
        refused=refused / n_runs,
    )


def _classes(
    *, moved: float = 0.0, concept: float = 0.0, reference_rows: int = REFERENCE
) -> Callable[[np.random.Generator], Run]:
    def rows(n: int, rng: np.random.Generator, *, is_window: bool) -> tuple[Floats, Ints]:
        z = rng.normal(0.0, 1.2, (n, 3))
        z[:, 0] += moved if is_window else 0.0
        chance = softmax(0.8 * z + [0.2 + (concept if is_window else 0.0), 0.0, -0.2], axis=1)
        score = (np.floor(softmax(z, axis=1) * 100) + 0.5) / 100
        return score, (rng.random((n, 1)) > np.cumsum(chance, axis=1)[:, :2]).sum(axis=1)

    def run(rng: np.random.Generator) -> Run:
        score, label = rows(reference_rows, rng, is_window=False)
        bins = {name: fit_scores(score[:, place]) for place, name in enumerate(CLASSES)}

        def counts(score: Floats, label: Ints) -> MulticlassCounts:
            decided, tables = score.argmax(axis=1), {}
            for place, name in enumerate(CLASSES):
                tables[name] = np.zeros((bins[name].size, 3, 3), dtype=np.int64)
                at = bins[name].assign(score[:, place]), (decided == place) * 1, (label == place) * 1
                np.add.at(tables[name], at, 1)
            confusion = np.zeros((4, 4), dtype=np.int64)
            np.add.at(confusion, (decided, label), 1)
            return MulticlassCounts(confusion=confusion, classes=CLASSES, scores=tables, score_bins=bins)

        reference, window = counts(score, label), counts(*rows(WINDOW, rng, is_window=True))
        calibration = multiclass_calibration_of(reference, rng=rng, n_draws=N_DRAWS)
        found = estimate_multiclass(calibration, window, rng=rng)
        truth = {(m.measure, m.column): m.value for m in multiclass_performance(window)}
        kept = [m for m in found if m.column in ("", "a")]
        named = {m: f"{m.measure.removeprefix(PREFIX)}{' of a' if m.column else ''}" for m in kept}
        supports = [
            support_of(reference.one_against_the_rest(name), window.one_against_the_rest(name), n_stretches=N_STRETCHES)
            for name in CLASSES
        ]
        return (
            {named[m]: truth[m.measure.removeprefix(PREFIX), m.column] for m in kept},
            {named[m]: (m.interval.low, m.interval.high) for m in kept},
            any(reasons(support=one) for one in supports),
        )

    return run


def _groups(*, moved: float = 0.0, apart: float = 0.6, small: float = 0.3) -> Callable[[np.random.Generator], Run]:
    def rows(n: int, rng: np.random.Generator, *, is_window: bool) -> tuple[Floats, NDArray[np.bool_], Ints]:
        group = (rng.random(n) < small).astype(np.int64)
        score = expit(rng.normal(moved * group if is_window else 0.0, 1.2, n))
        score = (np.floor(score * 100) + 0.5) / 100
        return score, rng.random(n) < expit(0.3 + 0.8 * logit(score) - apart * group), group

    def run(rng: np.random.Generator) -> Run:
        score, label, group = rows(REFERENCE, rng, is_window=False)
        bins = bins_of(score)

        def parts(score: Floats, label: NDArray[np.bool_], group: Ints) -> list[BinaryCounts]:
            return [counts_of(bins, score[group == one], label[group == one]) for one in (0, 1)]

        references = parts(score, label, group)
        windows = parts(*rows(WINDOW, rng, is_window=True))
        whole = calibration_of(counts_of(bins, score, label))
        groups = group_calibrations(whole, references, rng=rng, n_draws=N_DRAWS)
        found = estimate_gaps(groups, windows, rng=rng, names=("first", "second"), against=0)[1]
        tables = [np.array([[[tp, fp], [fn, tn]]], dtype=float) for tp, fp, fn, tn in (w.confusion() for w in windows)]
        first, second = (rates_of(table) for table in tables)
        truth = {name: float(second[name][0]) for name in GROUP_RATES}
        truth |= {name + GAP: float(second[name][0] - first[name][0]) for name in GROUP_RATES}
        limits = {m.measure.removeprefix(PREFIX): (m.interval.low, m.interval.high) for m in found}
        supports = [support_of(before, now) for before, now in zip(references, windows, strict=True)]
        return truth, limits, any(reasons(support=one) for one in supports)

    return run


def _losses(
    *, moved: float = 0.0, concept: float = 1.0, day: float = 0.0, reference: int = REFERENCE
) -> Callable[[np.random.Generator], Run]:
    def rows(n: int, rng: np.random.Generator, *, is_window: bool) -> tuple[Floats, Floats]:
        x = rng.normal(0.0, 1.0, (n, 4))
        x[:, 0] += moved if is_window else 0.0
        predicted = 10 + 2 * x[:, 0] + x[:, 1]
        spread = np.exp(0.4 * x[:, 0] - 0.2 * x[:, 2]) * (concept if is_window else 1.0) * np.exp(rng.normal(0, day))
        off = 0.3 * np.maximum(x[:, 1], 0)
        return np.column_stack([x, predicted]), off + spread * rng.normal(0, 1, n)

    def run(rng: np.random.Generator) -> Run:
        days = [rows(reference // DAYS, rng, is_window=False) for _ in range(DAYS)]
        inputs, error = (np.concatenate(part) for part in zip(*days, strict=True))
        windows = np.repeat(np.arange(DAYS), reference // DAYS)
        now, now_error = rows(WINDOW, rng, is_window=True)
        sampled = now[:SAMPLED]
        of, expected = {}, {}
        for name, loss in zip(LOSSES, (np.abs(error), error**2), strict=True):
            of[name], [expected[name]] = direct_loss(inputs, loss, windows, [sampled], rng=rng)
        found = estimate_regression(of, expected, n=WINDOW)
        truth = {"mae": float(np.abs(now_error).mean()), "rmse": float(np.sqrt((now_error**2).mean()))}
        return truth, {m.measure.removeprefix(PREFIX): (m.interval.low, m.interval.high) for m in found}, False

    return run


def _mix(*, moved: float = 0.0, score: float = 0.0, weigh: bool = True) -> Callable[[np.random.Generator], Run]:
    def rows(n: int, rng: np.random.Generator, *, is_window: bool) -> tuple[Floats, Floats, NDArray[np.bool_]]:
        x = rng.normal(0.0, 1.0, (n, 3)) + (np.array([score, moved, 0.0]) if is_window else 0.0)
        logged = (np.floor(expit(1.2 * x[:, 0]) * 100) + 0.5) / 100
        return x, logged, rng.random(n) < expit(0.3 + 0.8 * logit(logged) + 0.6 * x[:, 1])

    def columns(x: Floats) -> dict[str, Floats]:
        return {f"x{place}": x[:, place] for place in range(x.shape[1])}

    def run(rng: np.random.Generator) -> Run:
        x, logged, label = rows(REFERENCE, rng, is_window=False)
        bins = bins_of(logged)
        now_x, now, now_label = rows(WINDOW, rng, is_window=True)
        reference, window = counts_of(bins, logged, label), counts_of(bins, now, now_label)
        calibration, is_refused = calibration_of(reference), False
        found = shift_within_score(columns(x), columns(now_x), logged, now, rng=rng)
        if found.is_certain and weigh:
            weights = density_weights(found.log_odds)
            is_refused = weights.n_effective < LEAST_EFFECTIVE
            by_class = weighted_classes(
                bins.scores.assign(logged), label, weights.weights, bins.groups, bins.scores.size
            )
            calibration = reweighted_calibration(calibration, reference, by_class)
        measures = estimate_binary(calibration, window, rng=rng, n_draws=N_DRAWS)
        shown = {m.measure: m.value for m in binary_performance(window)}
        limits = {m.measure.removeprefix(PREFIX): (m.interval.low, m.interval.high) for m in measures}
        limits = {name: limits[name] for name in ("prevalence", "accuracy", "precision", "recall", "roc_auc")}
        return shown, limits, is_refused if weigh else found.is_certain

    return run


KINDS = (
    Kind(
        name="classes alike",
        words="three classes whose scores are off by a slope of 0.8; nothing moved",
        n_runs=400,
        is_claimed=True,
        run=_classes(),
    ),
    Kind(
        name="classes, few rows",
        words="the same with 1,500 reference rows",
        n_runs=200,
        is_claimed=False,
        run=_classes(reference_rows=1_500),
    ),
    Kind(
        name="classes moved",
        words="one class's scores lie 0.6 higher, in log-odds, so that what they say without the others' changes too",
        n_runs=400,
        is_claimed=False,
        run=_classes(moved=0.6),
    ),
    Kind(
        name="classes, concept +0.5",
        words="log-odds of that class rise by 0.5",
        n_runs=100,
        is_claimed=False,
        run=_classes(concept=0.5),
    ),
    Kind(
        name="groups alike",
        words="two groups, whose log-odds at one score lie 0.6 apart; 30% of rows are of the second; nothing moved",
        n_runs=1_000,
        is_claimed=True,
        run=_groups(),
    ),
    Kind(
        name="groups moved",
        words="the second group's scores lie 0.8 higher, in log-odds",
        n_runs=1_000,
        is_claimed=True,
        run=_groups(moved=0.8),
    ),
    Kind(
        name="small group",
        words="5% of rows are of the second group, whose scores lie 0.8 higher",
        n_runs=400,
        is_claimed=False,
        run=_groups(moved=0.8, small=0.05),
    ),
    Kind(
        name="losses alike",
        words="a regression whose errors spread with two inputs and are off by a third; nothing moved",
        n_runs=150,
        is_claimed=True,
        run=_losses(),
    ),
    Kind(
        name="inputs moved",
        words="the input that matters most lies 0.7 standard deviations higher",
        n_runs=100,
        is_claimed=False,
        run=_losses(moved=0.7),
    ),
    Kind(
        name="days differ, losses",
        words="each window's errors spread more or less by a normal factor with sd 0.1, in logs",
        n_runs=100,
        is_claimed=False,
        run=_losses(day=0.1),
    ),
    Kind(
        name="losses, concept",
        words="errors spread 1.3 times as far at every input",
        n_runs=30,
        is_claimed=False,
        run=_losses(concept=1.3),
    ),
    Kind(
        name="mix alike",
        words="outcomes also follow an input that the score doesn't; nothing moved; refused: rows of one score are "
        "told apart",
        n_runs=150,
        is_claimed=False,
        run=_mix(weigh=False),
    ),
    Kind(
        name="score moved, mix alike",
        words="as above, and scores lie about 1 higher, in log-odds",
        n_runs=150,
        is_claimed=False,
        run=_mix(score=0.8, weigh=False),
    ),
    Kind(
        name="mix moved",
        words="that input lies 0.5 standard deviations higher at every score; refused: told apart",
        n_runs=150,
        is_claimed=False,
        run=_mix(moved=0.5, weigh=False),
    ),
    Kind(
        name="mix moved, weighted",
        words="the same, with the reference's rows weighted to look like the window's; refused: worth too few rows",
        n_runs=150,
        is_claimed=False,
        run=_mix(moved=0.5),
    ),
)
