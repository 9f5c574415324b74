"""What of a model is watched once labels are in: how good predictions were, and whether outcomes follow them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from core.alarms.monitors import (
    mean_subject,
    outcome_subject,
    share_subject,
)
from core.concept.residual import labels_by_prediction, labels_by_score
from core.measure import Family
from core.performance.binary import BinaryCounts
from core.performance.multiclass import MulticlassCounts
from core.performance.regression import RegressionCounts
from core.profile.spec import REGRESSION_SUMS
from core.profile.windows import Window
from core.schema import Role, Task
from core.services.gap_subjects import add_gaps
from core.services.observations import Observations, OutcomeCounts
from core.services.panel import GAPS, Draft, Panel, subject_key, windows_of_sums
from core.stats.ranking import roc_auc
from core.stats.scores import calibration_names, finite_scores, ordered_scores, pooled_scores

__all__ = ["add_outcomes", "add_performance", "matured_panel"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
MEAN_RESIDUAL = subject_key("concept", "mean_residual")
MARGINS = {"roc_auc": 0.02}  # of what is no mean of rows, in its own unit
MIN_LABELS = 30  # of either outcome in a window, for an AUC that is close to normal


def matured_panel(observations: Observations, windows: Sequence[Window]) -> Panel | None:
    """What needs labels: how good predictions were, and whether outcomes follow them as they did."""
    draft = Draft()
    of_reference = [
        observations.outcomes_of([w.window.key], of_reference=True) for w in observations.context.reference_windows
    ]
    of_current = [observations.outcomes_of([window.key]) for window in windows]
    add_performance(draft, of_reference, of_current, observations.spec.task)
    _add_concept(draft, observations, windows)
    add_gaps(draft, observations, windows, GAPS[1:])
    return draft.panel(windows)


def add_performance(
    draft: Draft, of_reference: Sequence[OutcomeCounts], of_current: Sequence[OutcomeCounts], task: Task
) -> None:
    """How good predictions were, window by window: errors of a regression; wrong ones of classes, and their scores."""
    if task is Task.REGRESSION:
        _add_errors(draft, of_reference, of_current)
        return
    _add_shares_wrong(draft, of_reference, of_current)
    if any(isinstance(counts, BinaryCounts) and counts.calibration_groups for counts in of_reference):
        _add_scored(draft, of_reference, of_current)


def _add_shares_wrong(draft: Draft, of_reference: Sequence[OutcomeCounts], of_current: Sequence[OutcomeCounts]) -> None:
    """The share of wrong predictions, named by the measure that it is the other side of."""
    subject = share_subject(
        subject_key("performance", "accuracy"), [0], 2, family=Family.PERFORMANCE, column="", name="wrong predictions"
    )
    sides = [
        np.array([_wrong_and_right(counts) for counts in side]).reshape(-1, 2) for side in (of_reference, of_current)
    ]
    if sides[0].sum():
        draft.add(subject, subject.windows(sides[0]), subject.windows(sides[1]))


def _add_scored(draft: Draft, of_reference: Sequence[OutcomeCounts], of_current: Sequence[OutcomeCounts]) -> None:
    """Brier score and ROC AUC of a binary model's scores."""
    for name, read in (("brier_score", _brier), ("roc_auc", _auc)):
        reference, current = (np.array([read(counts) for counts in side]) for side in (of_reference, of_current))
        if reference.size and reference[:, 0].any():
            subject = mean_subject(subject_key("performance", name), family=Family.PERFORMANCE, name=name)
            draft.add(subject, windows_of_sums(reference), windows_of_sums(current), MARGINS.get(name))


def _add_errors(draft: Draft, of_reference: Sequence[OutcomeCounts], of_current: Sequence[OutcomeCounts]) -> None:
    """Mean absolute error and bias of a regression."""
    for name, first, second in (("mae", "abs_e", "e2"), ("bias", "e", "e2")):

        def read(counts: OutcomeCounts, first: str = first, second: str = second) -> tuple[float, float, float]:
            if not isinstance(counts, RegressionCounts):
                raise TypeError(f"no errors of {type(counts).__name__}")
            sums = dict(zip(REGRESSION_SUMS, counts.losses.tolist(), strict=True))
            return float(counts.joint[:, 0, 0].sum()), sums[first], sums[second]

        reference, current = (np.array([read(counts) for counts in side]) for side in (of_reference, of_current))
        if reference.size and reference[:, 0].any():
            subject = mean_subject(subject_key("performance", name), family=Family.PERFORMANCE, name=name)
            draft.add(subject, windows_of_sums(reference), windows_of_sums(current))


def _add_concept(draft: Draft, observations: Observations, windows: Sequence[Window]) -> None:
    before = [window.window for window in observations.context.reference_windows]
    if observations.spec.task is Task.REGRESSION:
        if observations.spec.calibration_groups:
            _add_error_residual(draft, observations, before, windows)
        return
    by, names = _outcome_table(observations)
    if by is None:
        return
    size = 2 * len(names)
    reference = np.array([by(window, True) for window in before]).reshape(-1, size)
    current = np.array([by(window, False) for window in windows], dtype=np.int64).reshape(-1, size)
    add_outcomes(draft, reference, current, names)


def add_outcomes(draft: Draft, reference: Ints, current: Ints, names: Sequence[str]) -> None:
    """Whether outcomes follow the score: rows of each window by score, shape (n_windows, 2 * len(names)).

    Each score has two neighbours: without the outcome, with it.
    """
    total = reference.sum(axis=0).reshape(-1, 2)
    if total.min(axis=1).any():
        subject = outcome_subject(MEAN_RESIDUAL, total, names, family=Family.CONCEPT_DRIFT)
        draft.add(subject, subject.windows(reference), subject.windows(current))


def _outcome_table(observations: Observations) -> tuple[Callable[[Window, bool], Ints] | None, Sequence[str]]:
    """Labelled rows of a window by score bin or predicted class: without, with the outcome (wrong, right)."""
    spec, schema = observations.spec, observations.schema
    if not schema.scores and schema.name_of(Role.PREDICTION) is None:
        return None, ()
    has_scores = bool(spec.calibration_groups)

    def table(window: Window, of_reference: bool) -> Ints:
        joint = observations.joint_of([window.key], of_reference=of_reference).sum(axis=3)
        if spec.task is Task.MULTICLASS:
            confusion = joint.sum(axis=0)[:-1, :-1]
            right = np.diag(confusion)
            return np.column_stack([confusion.sum(axis=1) - right, right])
        positive = observations.positive or 0
        if has_scores:
            return labels_by_score(joint, spec.calibration_groups, positive=positive)
        return labels_by_prediction(joint, positive=positive)

    names = calibration_names(spec.scores[""], spec.calibration_groups) if has_scores else spec.classes
    return table, names


def _add_error_residual(
    draft: Draft, observations: Observations, before: Sequence[Window], windows: Sequence[Window]
) -> None:
    """A regression's error less the reference's mean error at the same predicted value."""
    groups = observations.spec.calibration_groups

    def table(window: Window, of_reference: bool) -> Floats:
        joint = observations.joint_of([window.key], of_reference=of_reference).sum(axis=3)
        sums = observations.calibration_of([window.key], of_reference=of_reference)[:-1]
        return np.column_stack([pooled_scores(joint[:, 0, 0], groups), sums])

    reference, current = [table(w, True) for w in before], [table(w, False) for w in windows]
    whole = np.sum(reference, axis=0) if reference else np.zeros((1, 3))
    expected = np.divide(whole[:, 1], whole[:, 0], out=np.zeros(len(whole)), where=whole[:, 0] > 0)

    def residual(sums: Floats) -> tuple[float, float, float]:
        n, e, e2 = sums.T
        squares = e2 - 2 * expected * e + n * expected**2
        return float(n.sum()), float((e - n * expected).sum()), float(squares.sum())

    if whole[:, 0].sum():
        subject = mean_subject(MEAN_RESIDUAL, family=Family.CONCEPT_DRIFT, name="all")
        sides = [np.array([residual(sums) for sums in side]).reshape(-1, 3) for side in (reference, current)]
        draft.add(subject, windows_of_sums(sides[0]), windows_of_sums(sides[1]))


def _wrong_and_right(counts: OutcomeCounts) -> tuple[int, int]:
    if isinstance(counts, BinaryCounts):
        tp, fp, fn, tn = counts.confusion()
        return fp + fn, tp + tn
    if isinstance(counts, MulticlassCounts):
        decided = counts.confusion[:-1, :-1]
        right = int(np.trace(decided))
        return int(decided.sum()) - right, right
    raise TypeError(f"no shares of {type(counts).__name__}")


def _brier(counts: OutcomeCounts) -> tuple[float, float, float]:
    if not isinstance(counts, BinaryCounts) or counts.losses is None:
        return 0.0, 0.0, 0.0
    n = float(finite_scores(counts.by_class).sum())
    return n, float(counts.losses[0]), float(counts.losses[1])


def _auc(counts: OutcomeCounts) -> tuple[float, float, float]:
    """An AUC as the mean of as many rows, whose variance gives its standard error."""
    if not isinstance(counts, BinaryCounts) or counts.score_bins is None:
        return 0.0, 0.0, 0.0
    by_class = ordered_scores(counts.by_class)
    negatives, positives = by_class[:, 0], by_class[:, 1]
    if min(negatives.sum(), positives.sum()) < MIN_LABELS:
        return 0.0, 0.0, 0.0
    found = roc_auc(negatives, positives)
    n = float(by_class.sum())
    return n, n * found.value, n * (found.value**2 + n * found.standard_error**2)
