"""Worlds whose truth is known: scores, the chance of a positive at each, and what moves after the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.performance.binary import BinaryCounts
from core.stats.binning import N_SPECIAL, NumericBins, fit_scores, pool_adjacent

__all__ = ["WORLDS", "Bins", "World", "bins_of", "counts_of"]

Floats = NDArray[np.float64]
N_CALIBRATION = 10
EPSILON = 1e-15
THRESHOLD = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """How scores are spread and what they mean, in log-odds: `moved` and `concept` of windows only.

    Scores are logged in hundredths, or with all digits.
    """

    name: str
    words: str
    spread: float = 1.2
    moved: float = 0.0
    wave: float = 0.0
    concept: float = 0.0
    slope: float = 0.8
    day: float = 0.0
    all_digits: bool = False

    def rows(
        self, n: int, rng: np.random.Generator, *, is_window: bool, day: float = 0.0
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Scores and labels of n rows."""
        score = expit(rng.normal(self.moved if is_window else 0.0, self.spread, n))
        if not self.all_digits:
            score = (np.floor(score * 100) + 0.5) / 100
        odds = 0.3 + self.slope * logit(score) + self.wave * np.sin(9 * score) + day
        if is_window and np.isnan(self.concept):
            odds = np.zeros(n)
        elif is_window:
            odds = odds + self.concept
        return score, rng.random(n) < expit(odds)


WORLDS = (
    World(
        name="alike, all digits", words="nothing moved; scores with all digits, others in hundredths", all_digits=True
    ),
    World(name="alike", words="nothing moved"),
    World(name="scores moved", words="scores lie 0.8 higher, in log-odds", moved=0.8),
    World(
        name="sparse bins",
        words="scores lie 1.6 higher, half of them where the reference has a tenth of its rows",
        moved=1.6,
    ),
    World(name="no logistic", words="P(positive | score) is a wave about a logistic curve", wave=0.5),
    World(name="no logistic, moved", words="such a wave, and scores lie 1.6 higher", moved=1.6, wave=0.5),
    World(name="days differ", words="each window's log-odds lie off by a normal with sd 0.15", day=0.15),
    World(name="concept +0.4", words="log-odds of a positive rise by 0.4 at every score", concept=0.4),
    World(name="concept -0.8", words="they fall by 0.8", concept=-0.8),
    World(name="noise", words="the score means nothing any more", concept=float("nan")),
    World(name="sparse bins, all digits", words="as sparse bins, scores with all digits", moved=1.6, all_digits=True),
    World(name="no logistic, all digits", words="as no logistic, scores with all digits", wave=0.5, all_digits=True),
    World(
        name="no logistic, moved, all digits",
        words="as no logistic, moved, scores with all digits",
        moved=1.6,
        wave=0.5,
        all_digits=True,
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """What a profile fits on its reference: score bins and the calibration bin of each."""

    scores: NumericBins
    groups: tuple[int, ...]


def bins_of(score: Floats) -> Bins:
    """The bins of a reference."""
    bins = fit_scores(score)
    counts = np.bincount(bins.assign(score), minlength=bins.size)[: bins.n_bins]
    return Bins(scores=bins, groups=tuple(pool_adjacent(counts.astype(np.int64), N_CALIBRATION).tolist()))


def counts_of(bins: Bins, score: Floats, label: NDArray[np.bool_]) -> BinaryCounts:
    """What is counted of rows that are all labelled; predicted positive from 0.5 on."""
    place = bins.scores.assign(score)
    joint = np.zeros((bins.scores.n_bins + N_SPECIAL, 3, 3), dtype=np.int64)
    np.add.at(joint, (place, (score >= THRESHOLD).astype(np.int64), label.astype(np.int64)), 1)
    clipped = np.clip(score, EPSILON, 1 - EPSILON)
    brier, loss = (score - label) ** 2, -np.log(np.where(label, clipped, 1 - clipped))
    groups = np.append(np.asarray(bins.groups), 0)
    inside = np.minimum(place, bins.scores.n_bins)
    group = np.where(place < bins.scores.n_bins, groups[inside], np.where(score > bins.scores.low, groups[-2], 0))
    return BinaryCounts(
        joint=joint,
        classes=("no", "yes"),
        positive=1,
        score_bins=bins.scores,
        calibration_groups=bins.groups,
        losses=np.array([brier.sum(), (brier**2).sum(), loss.sum(), (loss**2).sum()]),
        calibration=np.append(np.bincount(group, weights=score, minlength=bins.groups[-1] + 1), 0.0),
    )
