"""What the labels of a window may turn out to be: outcomes drawn score by score, and the measures they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, expit, logit

from core.performance.calibrated import ScoreCalibration

__all__ = ["MEASURED", "OutcomeDraws", "draw_outcomes", "expected_calibration_gap", "expected_measures"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MOST_GROUPS = 128
LOG_LOSS_EPSILON = 1e-15
MEASURED = (
    "prevalence",
    "accuracy",
    "precision",
    "recall",
    "specificity",
    "f1",
    "roc_auc",
    "brier_score",
    "log_loss",
    "expected_calibration_error",
)
YES, NO = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutcomeDraws:
    """Outcomes of the rows of one window, drawn many times, by groups of neighbouring scores.

    ``n`` has shape (n_groups, 3): rows predicted positive, predicted negative, and without a prediction.
    ``positives`` has shape (n_draws, n_groups, 3). ``scores`` are mean scores, ``calibration`` is the
    calibration bin of each group.
    """

    n: Floats
    positives: Floats
    scores: Floats
    calibration: Ints
    cost: Floats | None = None

    def measures(self) -> Mapping[str, Floats]:
        """Each measure in each draw, shape (n_draws,); NaN where a draw leaves it without a value."""
        return measures_of(self.n, self.positives, self.scores, self.calibration, self.cost)


def measures_of(
    n: Floats, positives: Floats, scores: Floats, calibration: Ints, cost: Floats | None = None
) -> dict[str, Floats]:
    """Measures of a binary model from positives by score and prediction.

    Parameters
    ----------
    n : float array of shape (n_places, 3)
        Rows predicted positive, predicted negative, without a prediction; places in the order of the score.
    positives : float array of shape (n_draws, n_places, 3)
        How many of them are positive.
    scores : float array of shape (n_places,)
    calibration : int array of shape (n_places,)
        The calibration bin of each place, ascending.
    cost : float array of shape (2, 2), optional
        Of a row: predicted positive and negative x label positive and negative.

    Returns
    -------
    dict of str to float array of shape (n_draws,)
    """
    decided = positives[:, :, :2].sum(axis=1)
    tp, fn = decided[:, YES], decided[:, NO]
    fp, tn = float(n[:, YES].sum()) - tp, float(n[:, NO].sum()) - fn
    by_place = positives.sum(axis=2)
    rows = n.sum(axis=1)
    negatives = rows - by_place
    total, n_positive, n_negative = float(rows.sum()), by_place.sum(axis=1), negatives.sum(axis=1)
    below = np.cumsum(negatives, axis=1) - 0.5 * negatives
    gaps = by_place - rows * scores
    starts = np.flatnonzero(np.diff(calibration, prepend=-1))
    clipped = np.clip(scores, LOG_LOSS_EPSILON, 1 - LOG_LOSS_EPSILON)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = {
            "prevalence": n_positive / total,
            "accuracy": (tp + tn) / (tp + fp + fn + tn),
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "specificity": tn / (tn + fp),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "roc_auc": (by_place * below).sum(axis=1) / (n_positive * n_negative),
            "brier_score": (by_place @ (1 - scores) ** 2 + negatives @ scores**2) / total,
            "log_loss": (by_place @ -np.log(clipped) + negatives @ -np.log1p(-clipped)) / total,
            "expected_calibration_error": np.abs(np.add.reduceat(gaps, starts, axis=1)).sum(axis=1) / total,
        }
        if cost is not None:
            spent = tp * cost[YES, 0] + fp * cost[YES, 1] + fn * cost[NO, 0] + tn * cost[NO, 1]
            found["cost_per_row"] = spent / (tp + fp + fn + tn)
    return found


def expected_measures(
    calibration: ScoreCalibration, window: Ints, groups: Sequence[int], *, cost: Floats | None = None
) -> dict[str, float]:
    """Each measure at the expected outcomes; NaN without a value.

    Parameters
    ----------
    calibration : ScoreCalibration
    window : int array of shape (n_places, 3)
        Rows by place: predicted positive, predicted negative, without a prediction.
    groups : sequence of n_places int
        The calibration bin of each place.
    """
    positives = (window * calibration.rates[:, np.newaxis])[np.newaxis]
    measures = measures_of(window.astype(np.float64), positives, calibration.scores, np.asarray(groups), cost)
    return {name: float(values[0]) for name, values in measures.items()}


def draw_outcomes(
    calibration: ScoreCalibration,
    rates: Floats,
    window: Ints,
    groups: Sequence[int],
    *,
    rng: np.random.Generator,
    correlation: float = 0.0,
    cost: Floats | None = None,
) -> OutcomeDraws:
    """Which outcomes may the rows of a window have, if P(positive | score) is what it was?

    Parameters
    ----------
    calibration : ScoreCalibration
    rates : float array of shape (n_draws, n_places)
        Of `ScoreCalibration.draws`; each draw has rates of its own, then outcomes.
    window : int array of shape (n_places, 3)
        Rows by place: predicted positive, predicted negative, without a prediction; at least one row.
    groups : sequence of n_places int
        The calibration bin of each place, ascending.
    rng : numpy Generator
    correlation : float
        Of the outcomes of two rows of one window about their rates: how much windows differ by more than chance.

    Returns
    -------
    OutcomeDraws
        On at most about 128 groups of neighbouring scores, none across calibration bins.

    Examples
    --------
    >>> from core.performance.calibrated import fit_calibration
    >>> from core.stats.binning import NumericBins
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    >>> counts = np.array([[800, 200], [100, 300], *[[0, 0]] * 7])
    >>> fitted = fit_calibration(counts, bins, np.array([0.2, 0.2, 0.8, 0.8]))
    >>> window = np.array([[0, 0, 0], [0, 500, 0], [500, 0, 0], [0, 0, 0]])
    >>> rng = np.random.default_rng(1)
    >>> drawn = draw_outcomes(fitted, fitted.draws(500, rng), window, (0, 0, 1, 1), rng=rng)
    >>> drawn.measures()["accuracy"].mean().round(2), drawn.measures()["accuracy"].std().round(2)
    (np.float64(0.77), np.float64(0.02))
    """
    held = window.sum(axis=1) > 0
    rates, window, bins, scores = rates[:, held], window[held], np.asarray(groups)[held], calibration.scores[held]
    if correlation > 0:
        rates = _shifted(rates, calibration.rates[held], window, correlation, rng)
    rows = window.sum(axis=1)
    level = np.minimum((np.cumsum(rows) - rows) * MOST_GROUPS // max(int(rows.sum()), 1), MOST_GROUPS - 1)
    starts = np.flatnonzero(np.diff(bins, prepend=-1) | np.diff(level, prepend=-1))
    n = np.add.reduceat(window, starts, axis=0)
    by_group = np.stack([np.add.reduceat(rates * window[:, kind], starts, axis=1) for kind in range(3)], axis=2)
    mean = np.divide(by_group, n, out=np.zeros(by_group.shape), where=n > 0)
    return OutcomeDraws(
        n=n.astype(np.float64),
        positives=rng.binomial(n, np.clip(mean, 0.0, 1.0)).astype(np.float64),
        scores=np.add.reduceat(rows * scores, starts) / np.add.reduceat(rows, starts),
        calibration=bins[starts],
        cost=cost,
    )


def expected_calibration_gap(
    calibration: ScoreCalibration, rates: Floats, window: Ints, groups: Sequence[int]
) -> float:
    """What the calibration error of a window's labels comes to on average, at the rates as they are.

    Rates that are only estimated make it look larger than it will be, once for their own error and once for
    the spread of the draws: both are taken off. Deviations of a bin are taken as normal.
    """
    bins, expected = np.asarray(groups), calibration.rates
    starts = np.flatnonzero(np.diff(bins, prepend=-1))
    rows = window.sum(axis=1)
    gap = np.add.reduceat(rows * (expected - calibration.scores), starts)
    chance = np.add.reduceat(rows * expected * (1 - expected), starts)
    doubt = np.add.reduceat(rates * rows, starts, axis=1).var(axis=0)
    mean = 2 * _folded_mean(gap, chance) - _folded_mean(gap, chance + doubt)
    return max(0.0, float(mean.sum()) / max(int(rows.sum()), 1))


def _folded_mean(mean: Floats, variance: Floats) -> Floats:
    """The mean of the absolute value of normal deviates."""
    spread = np.sqrt(np.maximum(variance, 1e-12))
    folded: Floats = spread * np.sqrt(2 / np.pi) * np.exp(-((mean / spread) ** 2) / 2) + mean * erf(
        mean / spread / np.sqrt(2)
    )
    return folded


def _shifted(rates: Floats, expected: Floats, window: Ints, correlation: float, rng: np.random.Generator) -> Floats:
    """Rates moved together, draw by draw, as far as windows of the reference lie apart."""
    share = window.sum(axis=1) / max(int(window.sum()), 1)
    spread = max(float(share @ (expected * (1 - expected))), 1e-9)
    moved = rng.normal(0.0, np.sqrt(correlation / spread), size=(rates.shape[0], 1))
    shifted: Floats = expit(logit(np.clip(rates, 1e-9, 1 - 1e-9)) + moved)
    return shifted
