"""Realised performance of a classifier with several classes, from the counts of one window and one segment."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from core.measure import Interval, Measure
from core.performance.measures import estimate, f1_interval, rate, undefined
from core.stats.binning import NumericBins
from core.stats.intervals import normal_interval, wilson
from core.stats.ranking import RocAuc, roc_auc
from core.stats.scores import ordered_scores

__all__ = ["MulticlassCounts", "multiclass_performance"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MulticlassCounts:
    """What is counted of a multiclass model's rows in one window: the tables of `core.profile.spec`.

    Parameters
    ----------
    confusion : int array of shape (n_classes + 1, n_classes + 1)
        Prediction x label; the last of each means none.
    classes : tuple of str
        Names of the classes, in the order of the axes.
    scores : mapping of class to an int array of shape (n_bins + 7, 3), optional
        Rows by score bin of that class x (another label, this label, no label yet).
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

    @property
    def decided(self) -> Ints:
        """Rows with both a prediction and a label: prediction x label, shape (n_classes, n_classes)."""
        return self.confusion[:-1, :-1]


def multiclass_performance(counts: MulticlassCounts, *, confidence: float = 0.95) -> tuple[Measure, ...]:
    """How good were the predictions, overall and class by class, where labels are known?

    Parameters
    ----------
    counts : MulticlassCounts
        Of one window, version and segment.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of Measure
        labelled_share, accuracy, balanced_accuracy (the mean recall), macro_precision, macro_f1,
        macro_roc_auc, then precision and recall of each class with its name as ``column``; always all of them.
        The mean is over classes that have labelled rows, and precision also needs a prediction;
        a class without is named in the convention and is undefined on its own, never 0. The interval of
        macro_roc_auc is the mean of its classes' limits, which covers whatever their correlation.

    References
    ----------
    K. Takahashi et al. (2022), doi:10.1007/s10489-021-03635-6 (macro F1).
    G. Y. Zou, A. Donner (2008), doi:10.1002/sim.3095 (MOVER).
    D. J. Hand, R. J. Till (2001), doi:10.1023/A:1010920819831 (several classes).

    Examples
    --------
    >>> confusion = np.array([[8, 1, 0, 0], [2, 9, 0, 0], [0, 0, 0, 0], [0, 0, 0, 5]])
    >>> for measure in multiclass_performance(MulticlassCounts(confusion=confusion, classes=("a", "b", "c"))):
    ...     print(measure.measure, measure.column, measure.n, measure.why or round(measure.value, 3))
    labelled_share  25 0.8
    accuracy  20 0.85
    balanced_accuracy  20 0.85
    macro_precision  20 0.854
    macro_f1  20 0.85
    macro_roc_auc  0 The model logs no score.
    precision a 9 0.889
    recall a 10 0.8
    precision b 11 0.818
    recall b 10 0.9
    precision c 0 None of the 20 rows with a label and a prediction was predicted 'c'.
    recall c 0 None of the 20 rows with a label and a prediction is labelled 'c'.
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
    return (
        rate("labelled_share", n_labelled, n_rows, among="of the window", empty=why, confidence=confidence),
        rate("accuracy", correct, n, among="with a label and a prediction", empty=why, confidence=confidence),
        *_macro_averages(table, counts.classes, why, confidence),
        _macro_area(counts, n_rows, n_labelled, confidence),
        *_by_class(table, counts.classes, why, confidence),
    )


def _by_class(table: Ints, classes: tuple[str, ...], why: str, confidence: float) -> list[Measure]:
    predicted, labelled, hits = table.sum(axis=1).tolist(), table.sum(axis=0).tolist(), np.diag(table).tolist()
    decided = f"None of the {int(table.sum()):,} rows with a label and a prediction"
    measures = []
    for index, name in enumerate(classes):
        for measure, n, among, empty in (
            ("precision", predicted[index], f"predicted '{name}'", f"{decided} was predicted '{name}'."),
            ("recall", labelled[index], f"labelled '{name}'", f"{decided} is labelled '{name}'."),
        ):
            measures.append(
                rate(measure, hits[index], n, among=among, empty=why or empty, confidence=confidence, column=name)
            )
    return measures


def _macro_averages(table: Ints, classes: tuple[str, ...], why: str, confidence: float) -> list[Measure]:
    n, hits, predicted, labelled = int(table.sum()), np.diag(table), table.sum(axis=1), table.sum(axis=0)
    seen = labelled > 0
    both = seen & (predicted > 0)
    measures = []
    for name, kept, method in (
        ("balanced_accuracy", seen, "MOVER of the classes' Wilson intervals"),
        ("macro_precision", both, "MOVER of the classes' Wilson intervals"),
        ("macro_f1", seen, "multinomial delta method, or the mean of the classes' limits where its spread is 0"),
    ):
        convention = f"{_over(classes, kept)}; {method}"
        if why or not kept.any():
            empty = why or "No class has both labelled rows and predictions."
            measures.append(undefined(name, convention=convention, why=empty))
            continue
        if name == "macro_f1":
            value, interval = _macro_f1(table, kept, confidence)
        else:
            sizes = labelled if name == "balanced_accuracy" else predicted
            value, interval = _mean_of_rates(hits[kept], sizes[kept], confidence)
        measures.append(estimate(name, value, n, interval=interval, convention=convention))
    return measures


def _mean_of_rates(successes: Ints, sizes: Ints, confidence: float) -> tuple[float, Interval]:
    """The plain mean of independent rates, with the MOVER interval of their Wilson intervals."""
    rates = successes / sizes
    intervals = [wilson(k, n, confidence=confidence) for k, n in zip(successes.tolist(), sizes.tolist(), strict=True)]
    down = math.hypot(*(rates - [interval.low for interval in intervals])) / len(rates)
    up = math.hypot(*([interval.high for interval in intervals] - rates)) / len(rates)
    value = float(rates.mean())
    return value, Interval(low=max(0.0, value - down), high=min(1.0, value + up), confidence=confidence)


def _macro_f1(table: Ints, kept: Bools, confidence: float) -> tuple[float, Interval]:
    hits = np.diag(table)[kept]
    sizes = table.sum(axis=0)[kept] + table.sum(axis=1)[kept]
    f1 = 2 * hits / sizes
    # What one row of cell (i, j) adds to the sum of F1: it enlarges the sizes of i and j, and may be a hit.
    hit, enlarge = np.zeros(len(table)), np.zeros(len(table))
    hit[kept], enlarge[kept] = 2 / sizes, f1 / sizes
    influence = np.diag(hit) - enlarge[:, np.newaxis] - enlarge[np.newaxis, :]
    error = math.sqrt(float((table * influence**2).sum())) / len(f1)
    value = float(f1.mean())
    if error > 1e-12:
        return value, normal_interval(value, error, confidence=confidence, low=0.0, high=1.0)
    limits = [
        f1_interval(k, size - 2 * k, confidence=confidence)
        for k, size in zip(hits.tolist(), sizes.tolist(), strict=True)
    ]
    low, high = (float(np.mean([getattr(limit, side) for limit in limits])) for side in ("low", "high"))
    return value, Interval(low=min(low, value), high=max(high, value), confidence=confidence)


def _over(classes: tuple[str, ...], kept: Bools) -> str:
    left_out = [f"'{name}'" for name, is_kept in zip(classes, kept.tolist(), strict=True) if not is_kept]
    without = f", not estimable for {', '.join(left_out)}" if left_out else ""
    return f"plain mean over {int(kept.sum())} of {len(classes)} classes{without}"


def _macro_area(counts: MulticlassCounts, n_rows: int, n_labelled: int, confidence: float) -> Measure:
    areas: dict[str, RocAuc] = {}
    for name, table in counts.scores.items():
        bins = counts.score_bins[name]
        negatives, positives, _ = ordered_scores(table).T
        if negatives.sum() and positives.sum():
            mixed = np.concatenate([[False, True], np.full(bins.n_bins, not bins.exact), [True, False]])
            areas[name] = roc_auc(
                negatives, positives, mixed=mixed & (negatives + positives > 1), confidence=confidence
            )
    over = _over(counts.classes, np.array([name in areas for name in counts.classes]))
    convention = (
        f"{over}, one against the rest; mean of the classes' DeLong limits, widened by the unknown order inside bins"
    )
    if not areas:
        why = "Fewer than two classes among the labelled rows with scores."
        if not counts.scores:
            why = "The model logs no score."
        elif not n_labelled:
            why = f"None of the {n_rows:,} rows has a label." if n_rows else "There are no rows."
        return undefined("macro_roc_auc", convention=convention, why=why)
    low, value, high = np.array([(area.interval.low, area.value, area.interval.high) for area in areas.values()]).mean(
        axis=0
    )
    n = min(area.n_negative + area.n_positive for area in areas.values())
    interval = Interval(low=float(low), high=float(high), confidence=confidence)
    return estimate("macro_roc_auc", float(value), n, interval=interval, convention=convention)
