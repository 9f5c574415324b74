"""What the reference says of P(positive | score), and how surely: what estimates without labels rest on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from core.stats.binning import N_SPECIAL, NumericBins, Special, pool_adjacent
from core.stats.logistic import logistic_fit

__all__ = ["PRIOR_ROWS", "ScoreCalibration", "fit_calibration", "placed_scores", "representative_scores"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PRIOR_ROWS = 5.0  # what the curve counts for beside the rows of a cell
ROWS_A_CELL = 50
MOST_CELLS = 100
NEWTON_STEPS = 6
TOLERANCE = 1e-7  # of a cell's rate
LARGEST_STEP = 2.0  # of log-odds, in one of them


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoreCalibration:
    """P(positive | score) on the reference, in cells of neighbouring scores.

    Inside a cell the rate follows a curve (logistic in the log-odds of the score, or what another calibration
    found); the level of each cell is its own, and has the beta law that its rows and `PRIOR_ROWS` rows of the curve
    leave. Arrays have the shape (n_places,), over scores below the reference's, its bins and scores above them, or
    (n_cells,).

    Parameters
    ----------
    scores : float array of shape (n_places,)
        The score that stands for each place.
    cell : int array of shape (n_places,)
    curve : float array of shape (n_places,)
        Log-odds.
    mass : float array of shape (n_places,)
        Labelled rows of the reference.
    rows, positives : float arrays of shape (n_cells,)
        Labelled rows of the reference; fractional where rows are weighted.
    """

    scores: Floats
    cell: Ints
    curve: Floats
    mass: Floats
    rows: Floats
    positives: Floats

    @property
    def n(self) -> float:
        """Labelled rows of the reference, or what they are worth."""
        return float(self.rows.sum())

    @property
    def rates(self) -> Floats:
        """The expected rate at each place."""
        a, b = self._beta()
        rates: Floats = self._placed((a / (a + b))[np.newaxis])[0]
        return rates

    def draws(self, n: int, rng: np.random.Generator) -> Floats:
        """Rates at each place as they may be, shape (n, n_places)."""
        a, b = self._beta()
        return self._placed(rng.beta(a, b, size=(n, a.size)))

    def _beta(self) -> tuple[Floats, Floats]:
        weights, by_cell = self._weights(), expit(self.curve)
        prior = np.clip(np.add.reduceat(weights * by_cell, self._starts()), 1e-6, 1 - 1e-6)
        return self.positives + PRIOR_ROWS * prior, self.rows - self.positives + PRIOR_ROWS * (1 - prior)

    def _starts(self) -> Ints:
        return np.searchsorted(self.cell, np.arange(self.rows.size)).astype(np.int64)

    def _weights(self) -> Floats:
        """Each place's share of its cell, alike where the cell has no rows."""
        starts = self._starts()
        held = np.add.reduceat(self.mass, starts)[self.cell]
        places = np.add.reduceat(np.ones(self.mass.size), starts)[self.cell]
        return np.where(held > 0, self.mass / np.maximum(held, 1e-12), 1 / places)

    def _placed(self, levels: Floats) -> Floats:
        """Rates at each place whose mean over a cell is its level; shape (n, n_cells) to (n, n_places)."""
        starts, weights = self._starts(), self._weights()
        levels = np.clip(levels, 1e-9, 1 - 1e-9)
        middle = np.add.reduceat(weights * self.curve, starts)
        shift = logit(levels) - middle
        for _ in range(NEWTON_STEPS):
            rates = expit(self.curve + shift[:, self.cell])
            mean = np.add.reduceat(weights * rates, starts, axis=1)
            if np.abs(levels - mean).max() < TOLERANCE:
                break
            slope = np.maximum(np.add.reduceat(weights * rates * (1 - rates), starts, axis=1), 1e-12)
            shift += np.clip((levels - mean) / slope, -LARGEST_STEP, LARGEST_STEP)
        placed: Floats = expit(self.curve + shift[:, self.cell])
        return placed


def fit_calibration(
    by_class: NDArray[np.int64] | Floats, bins: NumericBins, scores: Floats, *, prior: ScoreCalibration | None = None
) -> ScoreCalibration:
    """How likely is a positive at each score, as far as the reference can tell?

    Parameters
    ----------
    by_class : int or float array of shape (n_bins + 7, 2)
        Labelled rows of the reference by score bin: negatives, positives.
    bins : NumericBins
        Of the score; at least one regular bin.
    scores : float array of shape (n_bins + 2,)
        What stands for each place, of `representative_scores`.
    prior : ScoreCalibration, optional
        Whose rates are the curve, moved in log-odds to the level of these rows, for a group or segment of the rows it
        was fitted on; by default the curve is logistic in the log-odds of the score (in the score itself where that
        is no probability).

    Returns
    -------
    ScoreCalibration
        With a cell for every 50 rows of the reference, at most about 100.

    Examples
    --------
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    >>> counts = np.array([[800, 200], [100, 300], *[[0, 0]] * 7])
    >>> fit_calibration(counts, bins, np.array([0.2, 0.2, 0.8, 0.8])).rates.round(3).tolist()
    [0.2, 0.2, 0.75, 0.75]
    """
    placed = placed_scores(by_class).astype(np.float64)
    mass, positives = placed.sum(axis=1), placed[:, 1]
    if prior is None:
        curve = _logistic_curve(scores, mass, positives)
    else:
        curve = _levelled(logit(np.clip(prior.rates, 1e-6, 1 - 1e-6)), mass, positives)
    n_cells = int(np.clip(mass.sum() // ROWS_A_CELL, 1, MOST_CELLS))
    inner = pool_adjacent(np.round(mass[1:-1]).astype(np.int64), n_cells) if bins.n_bins else np.zeros(0, np.int64)
    cell = np.concatenate([inner[:1], inner, inner[-1:]])  # what lies outside goes with the ends
    n = int(cell[-1]) + 1
    return ScoreCalibration(
        scores=scores,
        cell=cell,
        curve=curve,
        mass=mass,
        rows=np.bincount(cell, weights=mass, minlength=n).astype(np.float64),
        positives=np.bincount(cell, weights=positives, minlength=n).astype(np.float64),
    )


def _logistic_curve(scores: Floats, mass: Floats, positives: Floats) -> Floats:
    low, high = float(scores.min()), float(scores.max())
    if low >= 0 and high <= 1:
        edge = 0.5 / (mass.sum() + 1)
        x = logit(np.clip(scores, edge, 1 - edge))
    else:
        x = (scores - scores.mean()) / max(float(scores.std()), 1e-12)
    fit = logistic_fit(np.column_stack([np.ones(x.size), x]), positives, mass, penalty=1e-3)
    curve: Floats = np.clip(fit.coefficients[0] + fit.coefficients[1] * x, -20.0, 20.0)
    return curve


def _levelled(curve: Floats, mass: Floats, positives: Floats) -> Floats:
    """A curve moved as a whole so that it expects as many positives as there are, of `PRIOR_ROWS` more rows too."""
    n = float(mass.sum())
    if not n:
        return curve
    weights = mass / n
    target = (float(positives.sum()) + PRIOR_ROWS * float(weights @ expit(curve))) / (n + PRIOR_ROWS)
    level = 0.0
    for _ in range(4 * NEWTON_STEPS):
        rates = expit(curve + level)
        step = (target - float(weights @ rates)) / max(float(weights @ (rates * (1 - rates))), 1e-12)
        level += float(np.clip(step, -LARGEST_STEP, LARGEST_STEP))
        if abs(step) < TOLERANCE:
            break
    return curve + level


def placed_scores(counts: NDArray[np.int64] | Floats) -> NDArray[np.int64] | Floats:
    """Counts of finite scores in order: below the reference's, its bins, above them; shape (n_bins + 2, ...).

    Examples
    --------
    >>> placed_scores(np.array([10, 20, 0, 0, 0, 1, 2, 3, 4])).tolist()
    [1, 10, 20, 2]
    """
    n_bins = counts.shape[0] - N_SPECIAL
    return counts[[n_bins + Special.BELOW, *range(n_bins), n_bins + Special.ABOVE]]


def representative_scores(
    bins: NumericBins, by_score: Ints, groups: tuple[int, ...] = (), score_sums: Floats | None = None
) -> Floats:
    """Which score stands for each place?

    Parameters
    ----------
    bins : NumericBins
    by_score : int array of shape (n_bins + 7,)
        Labelled rows of the reference.
    groups : tuple of n_bins int
        The calibration bin of each regular bin.
    score_sums : float array of shape (n_groups + 1,), optional
        Sum of the scores of the same rows by calibration bin.

    Returns
    -------
    float array of shape (n_bins + 2,)
        A bin's end, moved towards its start so far that a calibration bin's scores sum to what they do: not at
        all where each bin holds one score. Half way without sums; the reference's extremes for what lies outside.

    Examples
    --------
    >>> bins = NumericBins(ends=(0.25, 0.5, 0.75), low=0.25, exact=False)
    >>> rows = np.array([4, 2, 3, 0, 0, 0, 0, 0, 0, 0])
    >>> representative_scores(bins, rows, (0, 0, 1), np.array([2.0, 2.1, 0.0])).round(3).tolist()
    [0.25, 0.25, 0.5, 0.7, 0.75]
    """
    ends = np.asarray(bins.ends)
    widths = np.diff(np.concatenate([[bins.low], ends]))
    back = np.full(ends.size, 0.0 if bins.exact else 0.5)
    if groups and score_sums is not None and not bins.exact:
        index, rows = np.asarray(groups), by_score[: ends.size]
        n_groups = int(index[-1]) + 1
        excess = np.bincount(index, weights=rows * ends, minlength=n_groups) - score_sums[:n_groups]
        room = np.bincount(index, weights=rows * widths, minlength=n_groups)
        share = np.divide(excess, room, out=np.full(n_groups, 0.5), where=room > 1e-12)
        back = np.clip(np.where(np.abs(share) < 1e-6, 0.0, share), 0.0, 1.0)[index]
    inside = ends - back * widths
    return np.concatenate([[bins.low], inside, ends[-1:]])
