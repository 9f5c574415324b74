"""Realised performance of a classifier with several classes, from the counts of one window and one segment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from core.measure import Interval, Measure
from core.performance.averages import class_averages, over_classes
from core.performance.binary import BinaryCounts, binary_performance
from core.performance.cost import Costs, cost_measure
from core.performance.measures import estimate, rate, undefined
from core.stats.binning import N_SPECIAL, NumericBins, Special

__all__ = ["MulticlassCounts", "multiclass_performance"]

Ints = NDArray[np.int64]

BY_CLASS = ("precision", "recall", "f1", "roc_auc")
AREAS = "one against the rest; {} of the classes' DeLong limits, widened by the unknown order inside bins"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MulticlassCounts:
    """What is counted of a multiclass model's rows in one window: the tables of `core.profile.spec`.

    Parameters
    ----------
    confusion : int array of shape (n_classes + 1, n_classes + 1)
        Prediction x label; the last of each means none.
    classes : tuple of str
        Names of the classes, in the order of the axes.
    scores : mapping of class to an int array of shape (n_bins + 7, 3, 3), optional
        Rows by score bin of that class x prediction x label; each is another class, this class, none.
    score_bins : mapping of class to NumericBins
        The bins of those scores.
    """

    confusion: Ints
    classes: tuple[str, ...]
    scores: Mapping[str, Ints] = field(default_factory=dict)
    score_bins: Mapping[str, NumericBins] = field(default_factory=dict)

    def __post_init__(self) -> None:
        size = len(self.classes) + 1
        if self.confusion.shape != (size, size):
            raise ValueError(f"The confusion has shape {self.confusion.shape}, expected {(size, size)}.")
        for name, table in self.scores.items():
            expected = (self.score_bins[name].size, 3, 3)
            if table.shape != expected:
                raise ValueError(f"The scores of '{name}' have shape {table.shape}, expected {expected}.")

    @property
    def decided(self) -> Ints:
        """Rows with both a prediction and a label: prediction x label, shape (n_classes, n_classes)."""
        return self.confusion[:-1, :-1]

    def one_against_the_rest(self, name: str) -> BinaryCounts:
        """The same rows with one class against all others."""
        if name in self.scores:
            joint, bins = self.scores[name], self.score_bins[name]
        else:
            place = self.classes.index(name)
            own = np.zeros(len(self.confusion), dtype=np.int64)
            own[place], own[-1] = 1, 2
            table = np.zeros((3, 3), dtype=np.int64)
            np.add.at(table, (own[:, np.newaxis], own[np.newaxis, :]), self.confusion)
            joint, bins = np.zeros((N_SPECIAL, 3, 3), dtype=np.int64), None
            joint[Special.MISSING] = table
        return BinaryCounts(joint=joint, classes=(f"not {name}", name), positive=1, score_bins=bins)


def multiclass_performance(
    counts: MulticlassCounts, *, costs: Costs | None = None, confidence: float = 0.95
) -> tuple[Measure, ...]:
    """How good were the predictions, overall and class by class, where labels are known?

    Parameters
    ----------
    counts : MulticlassCounts
        Of one window, version and segment.
    costs : Costs, optional
        What each prediction of each label costs; adds cost_per_row.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of Measure
        labelled_share, accuracy, balanced_accuracy (the mean recall), macro_precision, macro_f1,
        weighted_precision, weighted_f1, macro_roc_auc and weighted_roc_auc, then precision, recall, f1 and roc_auc of
        each class against the rest, with its name as ``column``; always all of them. The weighted recall
        is the accuracy. Means are over classes that have labelled rows, and precision also needs a prediction;
        a class without is named in the convention and is undefined on its own, never 0. The interval of a mean
        area is the mean of its classes' limits, which covers whatever their correlation.

    References
    ----------
    D. J. Hand, R. J. Till (2001), doi:10.1023/A:1010920819831 (several classes); `core.performance.averages`.

    Examples
    --------
    >>> confusion = np.array([[8, 1, 0, 0], [2, 9, 0, 0], [0, 0, 0, 0], [0, 0, 0, 5]])
    >>> for measure in multiclass_performance(MulticlassCounts(confusion=confusion, classes=("a", "b", "c"))):
    ...     if measure.measure != "roc_auc":
    ...         print(measure.measure, measure.column, measure.n, measure.why or round(measure.value, 3))
    labelled_share  25 0.8
    accuracy  20 0.85
    balanced_accuracy  20 0.85
    macro_precision  20 0.854
    macro_f1  20 0.85
    weighted_precision  20 0.854
    weighted_f1  20 0.85
    macro_roc_auc  0 The model logs no score.
    weighted_roc_auc  0 The model logs no score.
    precision a 9 0.889
    recall a 10 0.8
    f1 a 11 0.842
    precision b 11 0.818
    recall b 10 0.9
    f1 b 12 0.857
    precision c 0 None of the 20 rows with a label and a prediction was predicted 'c'.
    recall c 0 None of the 20 rows with a label and a prediction is labelled 'c'.
    f1 c 0 None of the 20 rows with a label and a prediction was predicted or is labelled 'c'.
    """
    table = counts.decided
    n_rows, n_labelled, n = int(counts.confusion.sum()), int(counts.confusion[:, :-1].sum()), int(table.sum())
    why = ""
    if not n_rows:
        why = "There are no rows."
    elif not n_labelled:
        why = f"None of the {n_rows:,} rows has a label."
    elif not n:
        why = f"None of the {n_labelled:,} labelled rows has a prediction."
    correct = int(np.trace(table))
    by_class = {name: _of_class(counts, name, confidence) for name in counts.classes}
    cost = [cost_measure(table, costs, classes=counts.classes, why=why, confidence=confidence)] if costs else []
    return (
        rate("labelled_share", n_labelled, n_rows, among="of the window", empty=why, confidence=confidence),
        rate("accuracy", correct, n, among="with a label and a prediction", empty=why, confidence=confidence),
        *class_averages(table, counts.classes, why=why, confidence=confidence),
        *_mean_areas(counts, by_class, n_rows, n_labelled, confidence),
        *cost,
        *(measure for measures in by_class.values() for measure in measures),
    )


def _of_class(counts: MulticlassCounts, name: str, confidence: float) -> tuple[Measure, ...]:
    found = {
        measure.measure: replace(measure, column=name)
        for measure in binary_performance(counts.one_against_the_rest(name), confidence=confidence)
    }
    return tuple(found[measure] for measure in BY_CLASS)


def _mean_areas(
    counts: MulticlassCounts,
    by_class: Mapping[str, tuple[Measure, ...]],
    n_rows: int,
    n_labelled: int,
    confidence: float,
) -> list[Measure]:
    """The plain and the weighted mean of the classes' areas."""
    areas = [measures[BY_CLASS.index("roc_auc")] for measures in by_class.values()]
    kept = np.array([area.interval is not None for area in areas], dtype=bool)
    limits = np.array(
        [(area.interval.low, area.value or 0.0, area.interval.high) for area in areas if area.interval is not None]
    )
    labelled = counts.confusion[:, :-1].sum(axis=0)[kept].astype(np.float64)
    measures = []
    for name, kind in (("macro_roc_auc", "plain"), ("weighted_roc_auc", "weighted")):
        average = "mean" if kind == "plain" else "weighted mean"
        convention = f"{over_classes(counts.classes, kept, kind=kind)}, {AREAS.format(average)}"
        if not kept.any():
            why = "Fewer than two classes among the labelled rows with scores."
            if not counts.scores:
                why = "The model logs no score."
            elif not n_labelled:
                why = f"None of the {n_rows:,} rows has a label." if n_rows else "There are no rows."
            measures.append(undefined(name, convention=convention, why=why))
            continue
        weights = labelled / labelled.sum() if kind == "weighted" else np.full(labelled.size, 1 / labelled.size)
        low, value, high = (weights @ limits).tolist()
        interval = Interval(low=min(low, value), high=max(high, value), confidence=confidence)
        n = min(area.n for area in areas if area.interval is not None)
        measures.append(estimate(name, value, n, interval=interval, convention=convention))
    return measures
