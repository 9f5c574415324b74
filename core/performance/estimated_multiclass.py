"""Performance of a model with several classes before labels come: what each class's score promises, and together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.measure import Interval, Measure
from core.performance.calibrated import placed_scores
from core.performance.class_calibration import (
    OTHER,
    THIS,
    MulticlassCalibration,
    drawn_confusions,
    expected_confusion,
)
from core.performance.cost import Costs
from core.performance.estimated import PREFIX, drawn_measure, estimate_binary
from core.performance.measures import estimate, undefined
from core.performance.multiclass import MulticlassCounts

__all__ = ["N_STRETCHES", "confusion_measures", "estimate_multiclass"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N_STRETCHES = 10  # of a class's scores, in each of which the reference must have rows: a class has fewer than all
AVERAGES = ("balanced_accuracy", "macro_precision", "macro_f1", "weighted_precision", "weighted_f1")
BY_CLASS = ("precision", "recall", "f1")


def estimate_multiclass(
    calibration: MulticlassCalibration,
    window: MulticlassCounts,
    *,
    rng: np.random.Generator,
    costs: Costs | None = None,
    confidence: float = 0.95,
) -> tuple[Measure, ...]:
    """What will the measures of a window be once its labels are known, if P(class | its score) is what it was?

    Parameters
    ----------
    calibration : MulticlassCalibration
        Of the reference.
    window : MulticlassCounts
        Its labels, if it has any, aren't used.
    rng : numpy Generator
    costs : Costs, optional
        Adds cost_per_row.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of Measure
        ``estimated_`` accuracy, balanced_accuracy, macro_precision, macro_f1, weighted_precision, weighted_f1,
        macro_roc_auc and weighted_roc_auc (and cost_per_row), then precision, recall, f1 and roc_auc of each class
        with its name as ``column``. Hits are drawn class by class from the scores of the rows predicted so; the
        errors are spread over the labels as each class's scores among the rows predicted otherwise say, starting from
        the reference's errors (iterative proportional fitting). A mean area has the mean of its classes'
        limits, whatever their correlation.

    References
    ----------
    As `core.performance.estimated`; W. E. Deming, F. F. Stephan (1940), doi:10.1214/aoms/1177731829 (fitting).

    Examples
    --------
    >>> from core.performance.class_calibration import multiclass_calibration_of
    >>> from core.stats.binning import NumericBins
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=True)
    >>> def counts(n, label):  # classes a, b: half are predicted each, with a score of .8; a tenth is wrong
    ...     table = np.zeros((9, 3, 3), dtype=np.int64)
    ...     table[1, 1, :2], table[0, 0, :2] = (n // 10, n - n // 10), (n - n // 10, n // 10)
    ...     if not label:
    ...         table[..., 2], table[..., :2] = table.sum(axis=2), 0
    ...     confusion = np.array([[n - n // 10, n // 10, 0], [n // 10, n - n // 10, 0], [0, 0, 0]])
    ...     return MulticlassCounts(confusion=confusion, classes=("a", "b"), scores={"a": table, "b": table},
    ...         score_bins={"a": bins, "b": bins})
    >>> calibration = multiclass_calibration_of(counts(2000, True), rng=np.random.default_rng(1))
    >>> accuracy = estimate_multiclass(calibration, counts(500, False), rng=np.random.default_rng(1))[0]
    >>> accuracy.measure, round(accuracy.value, 2), round(accuracy.interval.low, 2), round(accuracy.interval.high, 2)
    ('estimated_accuracy', 0.9, 0.88, 0.92)
    """
    convention = _convention(calibration)
    rows = {name: _rows(window, name) for name in calibration.classes}
    n = int(sum(each[:, THIS].sum() for each in rows.values()))
    if not n:
        why = "There are no rows." if not window.confusion.sum() else "No row has a prediction and its class's score."
        names = [*_overall(costs), *((name, label) for label in calibration.classes for name in (*BY_CLASS, "roc_auc"))]
        return tuple(undefined(PREFIX + name, convention=convention, why=why, column=label) for name, label in names)
    values = {
        key: float(of[0]) for key, of in _measures(calibration, expected_confusion(calibration, rows), costs).items()
    }
    drawn = _measures(calibration, drawn_confusions(calibration, rows, rng), costs)
    found = {
        (name, label): drawn_measure(
            name,
            values[name, label],
            drawn[name, label],
            _denominator(name, label, rows, n),
            convention=convention,
            confidence=confidence,
            column=label,
        )
        for name, label in values
    }
    areas = {name: _area(calibration, window, name, rng, confidence) for name in calibration.classes}
    return (
        *(found[key] for key in _overall(None)[:-2]),
        *_mean_areas(calibration, rows, areas, convention, confidence),
        *([found["cost_per_row", ""]] if costs else []),
        *(
            measure
            for label in calibration.classes
            for measure in (*(found[name, label] for name in BY_CLASS), areas[label])
        ),
    )


def _overall(costs: Costs | None) -> list[tuple[str, str]]:
    names = ("accuracy", *AVERAGES, "macro_roc_auc", "weighted_roc_auc", *(["cost_per_row"] if costs else []))
    return [(name, "") for name in names]


def _convention(calibration: MulticlassCalibration) -> str:
    apart = f", windows correlated {calibration.correlation:.2g}" if calibration.correlation else ""
    return (
        f"if P(class | its score, predicted or not) is the reference's: beta laws on {calibration.n:,.0f} labelled "
        f"rows, binomial hits, errors spread by the other classes' scores{apart}; interval of what the labels will show"
    )


def _rows(window: MulticlassCounts, name: str) -> Ints:
    """Rows by place of the class's score: predicted another class, this class; labels aren't read."""
    return np.asarray(placed_scores(window.one_against_the_rest(name).joint.sum(axis=2))[:, [OTHER, THIS]])


def _denominator(name: str, label: str, rows: Mapping[str, Ints], n: int) -> int:
    return int(rows[label][:, THIS].sum()) if name == "precision" else n


def _measures(
    calibration: MulticlassCalibration, confusion: Floats, costs: Costs | None
) -> dict[tuple[str, str], Floats]:
    found = confusion_measures(confusion, calibration.classes)
    if costs is not None:
        matrix = costs.matrix(calibration.classes)
        found["cost_per_row", ""] = (confusion * matrix).sum(axis=(1, 2)) / confusion.sum(axis=(1, 2))
    return found


def _area(
    calibration: MulticlassCalibration, window: MulticlassCounts, name: str, rng: np.random.Generator, confidence: float
) -> Measure:
    one = calibration.by_class[name]
    measures = estimate_binary(
        one.whole,
        window.one_against_the_rest(name),
        rng=rng,
        rates=calibration.rates[name][0],
        correlation=one.correlation,
        confidence=confidence,
    )
    return replace(next(m for m in measures if m.measure == f"{PREFIX}roc_auc"), column=name)


def _mean_areas(
    calibration: MulticlassCalibration,
    rows: Mapping[str, Ints],
    areas: Mapping[str, Measure],
    convention: str,
    confidence: float,
) -> list[Measure]:
    """The plain and the weighted mean of the classes' areas, of those that have one."""
    kept = {name: area for name, area in areas.items() if area.interval is not None and area.value is not None}
    expected = np.array([float(rows[name].sum(axis=1) @ calibration.by_class[name].whole.rates) for name in kept])
    found = []
    for name, weights in (("macro_roc_auc", np.ones(len(kept))), ("weighted_roc_auc", expected)):
        stated = f"{convention}; mean of the classes' limits"
        if not kept:
            why = "No class's area can be estimated."
            found.append(undefined(PREFIX + name, convention=stated, why=why))
            continue
        share = weights / weights.sum()
        limits = np.array([(area.interval.low, area.value, area.interval.high) for area in kept.values()])  # type: ignore[union-attr]
        low, value, high = (share @ limits).tolist()
        interval = Interval(low=min(low, value), high=max(high, value), confidence=confidence)
        n = min(area.n for area in kept.values())
        found.append(estimate(PREFIX + name, value, n, interval=interval, convention=stated))
    return found


def confusion_measures(confusion: Floats, classes: Sequence[str]) -> dict[tuple[str, str], Floats]:
    """Measures of decisions from confusions, by name and class ('' for all).

    Parameters
    ----------
    confusion : float array of shape (n, n_classes, n_classes)
        Prediction x label.
    classes : sequence of n_classes str

    Returns
    -------
    dict of (measure, class) to float array of shape (n,)
        NaN without a value; averages are over the classes that have labels, precision's also predictions.

    Examples
    --------
    >>> found = confusion_measures(np.array([[[8.0, 1.0], [2.0, 9.0]]]), ("a", "b"))
    >>> found["accuracy", ""].tolist(), found["recall", "a"].tolist()
    ([0.85], [0.8])
    """
    hits = np.diagonal(confusion, axis1=1, axis2=2)
    predicted, labelled, n = confusion.sum(axis=2), confusion.sum(axis=1), confusion.sum(axis=(1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        precision, recall, f1 = hits / predicted, hits / labelled, 2 * hits / (predicted + labelled)
        found = {("accuracy", ""): hits.sum(axis=1) / n}
        seen = labelled > 0
        both = seen & (predicted > 0)
        for name, of, kept, weights in (
            ("balanced_accuracy", recall, seen, np.ones_like(labelled)),
            ("macro_precision", precision, both, np.ones_like(labelled)),
            ("macro_f1", f1, seen, np.ones_like(labelled)),
            ("weighted_precision", precision, both, labelled),
            ("weighted_f1", f1, seen, labelled),
        ):
            weight = np.where(kept, weights, 0.0)
            found[name, ""] = np.where(kept, of * weight, 0.0).sum(axis=1) / weight.sum(axis=1)
    for place, label in enumerate(classes):
        for name, of in zip(BY_CLASS, (precision, recall, f1), strict=True):
            found[name, label] = of[:, place]
    return found
