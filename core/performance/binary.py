"""Realised performance of a binary classifier, from the counts of one window and one segment."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.measure import Measure
from core.performance.cost import Costs, cost_measure
from core.performance.measures import estimate, f1_interval, mean, mean_convention, rate, undefined
from core.performance.recalibration import RECALIBRATION_CONVENTIONS, recalibration_measures
from core.stats.binning import N_SPECIAL, NumericBins
from core.stats.calibration import (
    ECE_CONVENTION,
    CalibrationBin,
    calibration_curve,
    expected_calibration_error,
)
from core.stats.ranking import AUC_CONVENTION, ThresholdTable, mixed_bins, roc_auc, threshold_table
from core.stats.scores import finite_scores, ordered_scores

__all__ = ["BinaryCounts", "binary_performance"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SCORED = "with a label and a finite score"
SCORE_CONVENTIONS = {
    "roc_auc": AUC_CONVENTION,
    "brier_score": mean_convention(SCORED),
    "log_loss": mean_convention(SCORED),
    "expected_calibration_error": ECE_CONVENTION,
    **RECALIBRATION_CONVENTIONS,
}
F1_CONVENTION = "2TP / (2TP + FP + FN); Wilson interval of TP / (TP + FP + FN), carried over"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BinaryCounts:
    """What is counted of a binary model's rows in one window: the tables of `core.profile.spec`.

    Parameters
    ----------
    joint : int array of shape (n_score_bins + 7, 3, 3)
        Score bin x prediction x label; the last prediction and the last label mean none.
    classes : tuple of two str
        Names of the classes, in the order of the axes.
    positive : int
        Which of the two the score is the probability of, 0 or 1.
    score_bins : NumericBins, optional
        None if the model logs no score; the score axis then has only the 7 special bins.
    calibration_groups : tuple of int
        The calibration bin of each regular score bin; () without a score.
    losses : float array of shape (4,), optional
        Sums of Brier, its square, log loss and its square, as `spec.LOSS_SUMS` orders them.
    calibration : float array of shape (n_calibration_bins + 1,), optional
        Sum of the scores of labelled rows by calibration bin.
    explored : float array of shape (n_calibration_bins + 1, 3, 3, 6), optional
        Of rows whose decision was not the model's: calibration bin (rows without one last) x prediction x label x
        `spec.EXPLORED_SUMS`. None if the log doesn't say.
    """

    joint: Ints
    classes: tuple[str, str]
    positive: int
    score_bins: NumericBins | None = None
    calibration_groups: tuple[int, ...] = ()
    losses: Floats | None = None
    calibration: Floats | None = None
    explored: Floats | None = None

    def __post_init__(self) -> None:
        n_scores = self.score_bins.size if self.score_bins else N_SPECIAL
        if self.joint.shape != (n_scores, 3, 3):
            raise ValueError(f"The joint counts have shape {self.joint.shape}, expected {(n_scores, 3, 3)}.")
        if self.positive not in (0, 1):
            raise ValueError(f"The positive class is number 0 or 1, not {self.positive}.")

    @property
    def by_class(self) -> Ints:
        """Labelled rows by score bin: negatives, positives; shape (n_score_bins + 7, 2)."""
        by_class: Ints = self.joint.sum(axis=1)[:, [1 - self.positive, self.positive]]
        return by_class

    @property
    def n_rows(self) -> int:
        """All rows, labelled or not."""
        return int(self.joint.sum())

    def confusion(self) -> tuple[int, int, int, int]:
        """TP, FP, FN and TN, over rows with both a label and a prediction."""
        table, yes, no = self.joint.sum(axis=0), self.positive, 1 - self.positive
        return int(table[yes, yes]), int(table[yes, no]), int(table[no, yes]), int(table[no, no])

    def calibration_curve(self, *, confidence: float = 0.95) -> tuple[CalibrationBin, ...]:
        """The reliability curve; () without a score."""
        if self.score_bins is None or self.calibration is None or not self.calibration_groups:
            return ()
        return calibration_curve(
            self.by_class, self.score_bins, self.calibration_groups, self.calibration, confidence=confidence
        )

    def threshold_table(self) -> ThresholdTable | None:
        """The confusion at each score bin's end; None without a score."""
        return threshold_table(self.by_class, self.score_bins) if self.score_bins else None


def binary_performance(
    counts: BinaryCounts, *, costs: Costs | None = None, confidence: float = 0.95
) -> tuple[Measure, ...]:
    """How good were the predictions, of the rows whose label is known?

    Parameters
    ----------
    counts : BinaryCounts
        Of one window, version and segment.
    costs : Costs, optional
        What each prediction of each label costs; adds cost_per_row after f1.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of Measure
        labelled_share, prevalence, accuracy, precision, recall, specificity, f1, roc_auc, brier_score,
        log_loss, expected_calibration_error, calibration_slope and calibration_intercept, in this order and
        always all of them. Each has the n of
        its own denominator: rows without a label are in labelled_share only, rows without a prediction are
        outside the measures of decisions, rows without a score outside those of scores. What has no value is
        undefined, with the reason. `core.performance.measures.changes` sets them against the reference.

    References
    ----------
    Named where each interval is made: `core.stats.ranking`, `core.stats.calibration` and `core.performance.measures`.

    Examples
    --------
    >>> joint = np.zeros((7, 3, 3), dtype=np.int64)
    >>> joint[0] = [[50, 10, 0], [5, 35, 0], [0, 0, 20]]
    >>> for measure in binary_performance(BinaryCounts(joint=joint, classes=("no", "yes"), positive=1))[:8]:
    ...     print(measure.measure, measure.n, measure.why or round(measure.value, 3))
    labelled_share 120 0.833
    prevalence 100 0.45
    accuracy 100 0.85
    precision 40 0.875
    recall 45 0.778
    specificity 55 0.909
    f1 50 0.824
    roc_auc 0 The model logs no score.
    """
    return (*_decisions(counts, costs, confidence), *_scores(counts, confidence))


def _decisions(counts: BinaryCounts, costs: Costs | None, confidence: float) -> list[Measure]:
    tp, fp, fn, tn = counts.confusion()
    n_negative, n_positive = counts.by_class.sum(axis=0).tolist()
    n_labelled = n_negative + n_positive
    name = counts.classes[counts.positive]
    other = counts.classes[1 - counts.positive]
    no_rows = "There are no rows." if not counts.n_rows else ""
    nothing = no_rows or ("" if n_labelled else f"None of the {counts.n_rows:,} rows has a label.")
    nothing = nothing or ("" if tp + fp + fn + tn else f"None of the {n_labelled:,} labelled rows has a prediction.")
    decided = f"{tp + fp + fn + tn:,} rows with a label and a prediction"

    def share(measure: str, k: int, n: int, among: str, empty: str) -> Measure:
        return rate(measure, k, n, among=among, empty=nothing or empty, confidence=confidence)

    table = counts.joint[:, :2, :2].sum(axis=0)
    cost = [cost_measure(table, costs, classes=counts.classes, why=nothing, confidence=confidence)] if costs else []
    return [
        share("labelled_share", n_labelled, counts.n_rows, "of the window", no_rows),
        share("prevalence", n_positive, n_labelled, "with a label", ""),
        share("accuracy", tp + tn, tp + fp + fn + tn, "with a label and a prediction", ""),
        share("precision", tp, tp + fp, "predicted positive", f"None of the {decided} was predicted '{name}'."),
        share("recall", tp, tp + fn, "labelled positive", f"None of the {decided} is labelled '{name}'."),
        share("specificity", tn, tn + fp, "labelled negative", f"None of the {decided} is labelled '{other}'."),
        _f1(tp, fp + fn, nothing or f"None of the {decided} was predicted or is labelled '{name}'.", confidence),
        *cost,
    ]


def _f1(tp: int, errors: int, empty: str, confidence: float) -> Measure:
    n = tp + errors
    if n == 0:
        return undefined("f1", convention=F1_CONVENTION, why=empty)
    interval = f1_interval(tp, errors, confidence=confidence)
    return estimate("f1", 2 * tp / (2 * tp + errors), n, interval=interval, convention=F1_CONVENTION)


def _scores(counts: BinaryCounts, confidence: float) -> list[Measure]:
    bins, by_class = counts.score_bins, counts.by_class
    why = _why_no_area(counts, by_class)
    if bins is None or why:
        return [undefined(name, convention=text, why=why) for name, text in SCORE_CONVENTIONS.items()]
    return [_area(counts, bins, by_class, confidence), *_losses(counts, bins, by_class, confidence)]


def _why_no_area(counts: BinaryCounts, by_class: Ints) -> str:
    n_labelled = int(by_class.sum())
    if counts.score_bins is None:
        return "The model logs no score."
    if not counts.n_rows:
        return "There are no rows."
    if not n_labelled:
        return f"None of the {counts.n_rows:,} rows has a label."
    if not counts.score_bins.n_bins:
        return "The reference holds no score."
    if not ordered_scores(by_class).sum():
        return f"None of the {n_labelled:,} labelled rows has a score."
    return ""


def _area(counts: BinaryCounts, bins: NumericBins, by_class: Ints, confidence: float) -> Measure:
    negatives, positives = ordered_scores(by_class).T
    n = int(negatives.sum() + positives.sum())
    for own, name in ((negatives, counts.classes[counts.positive]), (positives, counts.classes[1 - counts.positive])):
        if not own.sum():
            why = f"Only class '{name}' among {n:,} labelled rows with a score."
            return undefined("roc_auc", convention=AUC_CONVENTION, why=why, n=n)
    mixed = mixed_bins(by_class.sum(axis=1), bins, counts.calibration_groups, counts.calibration)
    area = roc_auc(negatives, positives, mixed=mixed, confidence=confidence)
    return estimate("roc_auc", area.value, n, interval=area.interval, convention=AUC_CONVENTION)


def _losses(counts: BinaryCounts, bins: NumericBins, by_class: Ints, confidence: float) -> list[Measure]:
    n, curve, why = int(finite_scores(by_class).sum()), counts.calibration_curve(confidence=confidence), ""
    if bins.low < 0 or bins.ends[-1] > 1:
        why = f"The score is no probability: the reference holds values from {bins.low:g} to {bins.ends[-1]:g}."
    elif not n:
        why = f"None of the {int(by_class.sum()):,} labelled rows has a finite score."
    elif counts.losses is not None and not counts.losses[1] <= counts.losses[0] * (1 + 1e-9) < math.inf:
        why = "The score is no probability: a squared error exceeds 1."  # else no square would exceed its root
    measures = []
    for index, (name, highest) in enumerate((("brier_score", 1.0), ("log_loss", math.inf))):
        if why or counts.losses is None:
            measures.append(undefined(name, convention=mean_convention(SCORED), why=why or "No losses were summed."))
            continue
        total, squares = counts.losses[2 * index : 2 * index + 2].tolist()
        measures.append(mean(name, n, total, squares, among=SCORED, domain=(0.0, highest), confidence=confidence))
    name = "expected_calibration_error"
    if why or not curve:
        error = undefined(name, convention=ECE_CONVENTION, why=why or "No scores were summed by calibration bin.")
    else:
        value, interval = expected_calibration_error(curve, confidence=confidence)
        error = estimate(name, value, n, interval=interval, convention=ECE_CONVENTION)
    again = recalibration_measures(
        by_class, bins, counts.calibration_groups, counts.calibration, why=why, confidence=confidence
    )
    return [*measures, error, *again]
