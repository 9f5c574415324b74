"""Performance before labels come: what the scores of a window promise, if P(positive | score) is what it was."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from core.measure import Interval, Measure
from core.performance.binary import BinaryCounts
from core.performance.calibrated import ScoreCalibration, fit_calibration, placed_scores, representative_scores
from core.performance.draws import MEASURED, draw_outcomes, expected_calibration_gap, expected_measures
from core.performance.measures import estimate, undefined

__all__ = [
    "N_DRAWS",
    "PREFIX",
    "calibration_of",
    "drawn_measure",
    "estimate_binary",
    "excess_correlation",
    "residual_correlation",
    "window_rows",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PREFIX = "estimated_"
N_DRAWS = 500
MOST_WITHOUT = 0.01  # of the draws, that may leave a measure without a value
DOMAINS = {"log_loss": (0.0, np.inf), "cost_per_row": (-np.inf, np.inf)}


def calibration_of(reference: BinaryCounts, *, prior: ScoreCalibration | None = None) -> ScoreCalibration | None:
    """P(positive | score) as the reference's counts have it; None without a score or a label.

    Parameters
    ----------
    reference : BinaryCounts
        Of the reference, or of a segment's or group's part of it.
    prior : ScoreCalibration, optional
        Of the whole reference, where `reference` is a part: the part borrows the whole's curve.
    """
    bins, by_class = reference.score_bins, reference.by_class
    if bins is None or not bins.n_bins or (prior is None and not placed_scores(by_class).sum()):
        return None
    if prior is not None:
        scores = prior.scores
    else:
        scores = representative_scores(bins, by_class.sum(axis=1), reference.calibration_groups, reference.calibration)
    return fit_calibration(by_class, bins, scores, prior=prior)


def window_rows(window: BinaryCounts) -> Ints:
    """Rows by place of the score: predicted positive, predicted negative, without a prediction; labels aren't read."""
    by_prediction = window.joint.sum(axis=2)[:, [window.positive, 1 - window.positive, 2]]
    return np.asarray(placed_scores(by_prediction))


def calibration_bins(counts: BinaryCounts) -> tuple[int, ...]:
    """The calibration bin of each place: what lies outside goes with the ends."""
    groups = counts.calibration_groups or (0,) * (counts.score_bins.n_bins if counts.score_bins else 0)
    return (groups[0], *groups, groups[-1])


def estimate_binary(
    calibration: ScoreCalibration,
    window: BinaryCounts,
    *,
    rng: np.random.Generator,
    n_draws: int = N_DRAWS,
    rates: Floats | None = None,
    correlation: float = 0.0,
    cost: Floats | None = None,
    confidence: float = 0.95,
) -> tuple[Measure, ...]:
    """What will the measures of a window be once its labels are known, if P(positive | score) is what it was?

    Parameters
    ----------
    calibration : ScoreCalibration
        Of the reference.
    window : BinaryCounts
        Its labels, if it has any, aren't used.
    rng : numpy Generator
    n_draws : int
        At least 100.
    rates : float array of shape (n_draws, n_places), optional
        Of `ScoreCalibration.draws`, drawn once for many windows.
    correlation : float
        Of `residual_correlation`: how much windows of the reference lie apart by more than chance.
    cost : float array of shape (2, 2), optional
        Of a row: predicted positive and negative x label positive and negative.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of Measure
        ``estimated_`` prevalence, accuracy, precision, recall, specificity, f1, roc_auc, brier_score, log_loss and
        expected_calibration_error (and cost_per_row), always all of them. Values are those of the expected outcomes;
        the calibration error's is its mean over outcomes, as chance alone makes one. An interval is for what the
        labels will show: it holds what is unknown of the rates and the chance of the outcomes. Whether an estimate
        may be shown at all is for `core.performance.refusal` to say.

    References
    ----------
    The expected confusion: J. Kivimäki, J. Białek, W. Kuberski, J. K. Nurminen (2025),
    doi:10.48550/arXiv.2505.05295. The rates' law: A. Gelman et al. (2013), Bayesian Data Analysis, section 5.3,
    doi:10.1201/b16018.

    Examples
    --------
    >>> from core.stats.binning import NumericBins
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    >>> joint = np.zeros((9, 3, 3), dtype=np.int64)
    >>> joint[0, 0, :2], joint[1, 1, :2] = (800, 200), (100, 400)
    >>> reference = BinaryCounts(joint=joint, classes=("no", "yes"), positive=1, score_bins=bins,
    ...     calibration_groups=(0, 1))
    >>> unlabelled = np.zeros((9, 3, 3), dtype=np.int64)
    >>> unlabelled[0, 0, 2], unlabelled[1, 1, 2] = 500, 500
    >>> window = BinaryCounts(joint=unlabelled, classes=("no", "yes"), positive=1, score_bins=bins,
    ...     calibration_groups=(0, 1))
    >>> found = estimate_binary(calibration_of(reference), window, rng=np.random.default_rng(1))
    >>> [(m.measure, round(m.value, 2), round(m.interval.low, 2), round(m.interval.high, 2)) for m in found[1:3]]
    [('estimated_accuracy', 0.8, 0.77, 0.83), ('estimated_precision', 0.8, 0.75, 0.85)]
    """
    rows, groups = window_rows(window), calibration_bins(window)
    convention = convention_of(calibration, correlation)
    names = (*MEASURED, "cost_per_row") if cost is not None else MEASURED
    n = int(rows.sum())
    if not n:
        why = "There are no rows." if not window.n_rows else f"None of the {window.n_rows:,} rows has a score."
        return tuple(undefined(PREFIX + name, convention=convention, why=why) for name in names)
    values = expected_measures(calibration, rows, groups, cost=cost)
    rates = calibration.draws(n_draws, rng) if rates is None else rates
    drawn = draw_outcomes(calibration, rates, rows, groups, rng=rng, correlation=correlation, cost=cost).measures()
    values["expected_calibration_error"] = expected_calibration_gap(calibration, rates, rows, groups)
    return tuple(
        drawn_measure(
            name, values[name], drawn[name], _denominator(name, rows), convention=convention, confidence=confidence
        )
        for name in names
    )


def convention_of(calibration: ScoreCalibration, correlation: float) -> str:
    """How an estimate is made, in words."""
    apart = f", windows correlated {correlation:.2g}" if correlation else ""
    return (
        f"if P(positive | score) is the reference's: beta law in {calibration.rows.size} cells on "
        f"{calibration.n:,.0f} labelled rows, binomial outcomes{apart}; interval of what the labels will show"
    )


def _denominator(name: str, rows: Ints) -> int:
    """The rows that a measure rests on, as far as they are known without labels."""
    if name == "precision":
        return int(rows[:, 0].sum())
    if name in ("accuracy", "recall", "specificity", "f1", "cost_per_row"):
        return int(rows[:, :2].sum())
    return int(rows.sum())


def drawn_measure(
    name: str, value: float, drawn: Floats, n: int, *, convention: str, confidence: float, column: str = ""
) -> Measure:
    """An estimate from its value and what draws of the outcomes make of it, NaN where one has none."""
    there = drawn[~np.isnan(drawn)]
    if np.isnan(value):
        why = "No row of the window gives this measure a value: " + (
            "none has a prediction." if not n else "too few of one class are expected, or none was predicted."
        )
        return undefined(PREFIX + name, convention=convention, why=why, n=n, column=column)
    if there.size < (1 - MOST_WITHOUT) * drawn.size:
        why = f"In {1 - there.size / drawn.size:.0%} of what the labels may be, the measure has no value."
        return estimate(PREFIX + name, value, n, interval=None, convention=convention, why=why, column=column)
    interval = around(value, there, name, confidence)
    return estimate(PREFIX + name, value, n, interval=interval, convention=convention, column=column)


def around(value: float, drawn: Floats, name: str, confidence: float) -> Interval:
    """The interval that draws leave around a value, cut to where the measure can lie."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn - drawn.mean(), [tail, 1 - tail]) + value
    least, most = DOMAINS.get(name, (-1.0, 1.0) if name.endswith("_difference") else (0.0, 1.0))
    return Interval(
        low=max(least, min(float(low), value)), high=min(most, max(float(high), value)), confidence=confidence
    )


def residual_correlation(calibration: ScoreCalibration, windows: Sequence[BinaryCounts]) -> float:
    """How alike are outcomes of one window, beyond what their scores say, among windows of the reference?

    Parameters
    ----------
    calibration : ScoreCalibration
        Of these windows together.
    windows : sequence of BinaryCounts
        The reference's, with labels.

    Returns
    -------
    float
        The correlation r of two rows' residuals, so that a window's mean residual varies 1 + (n - 1) r times as
        much as chance makes it; enlarged by 1 / n_windows for what the reference itself is off. 0 if windows vary
        no more than chance, or with fewer than 2 of them.
    """
    rates = calibration.rates
    residuals, variances, sizes = [], [], []
    for window in windows:
        by_class = placed_scores(window.by_class)
        rows = by_class.sum(axis=1)
        residuals.append(float((by_class[:, 1] - rows * rates).sum()))
        variances.append(float(rows @ (rates * (1 - rates))))
        sizes.append(float(rows.sum()))
    return excess_correlation(residuals, variances, sizes)


def excess_correlation(residuals: Sequence[float], variances: Sequence[float], sizes: Sequence[float]) -> float:
    """The correlation of rows that makes windows' summed residuals as large as they are.

    Parameters
    ----------
    residuals, variances, sizes : sequences of float
        Of each window: the sum over its rows, the variance that chance gives it, its rows.

    Returns
    -------
    float
        As for `residual_correlation`.

    Examples
    --------
    >>> excess_correlation([30.0, -30.0, 30.0, -30.0], [100.0] * 4, [1000.0] * 4)
    0.013763763763763764
    """
    squares = [r**2 / v for r, v in zip(residuals, variances, strict=True) if v > 0]
    sizes = [n for n, v in zip(sizes, variances, strict=True) if v > 0]
    n_windows = len(squares)
    if n_windows < 2:
        return 0.0
    excess = sum(squares) / (n_windows - 1) - 1
    return max(0.0, excess / max(float(np.mean(sizes)) - 1, 1.0)) * (1 + 1 / n_windows)


def by_name(measures: Sequence[Measure]) -> Mapping[str, Measure]:
    """Estimates by the name of the measure they are of."""
    return {measure.measure.removeprefix(PREFIX): measure for measure in measures}
