"""One number for several classes: plain means over classes, and means weighted by how often each class occurs."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.measure import Interval, Measure
from core.performance.measures import estimate, f1_interval, undefined
from core.stats.intervals import normal_interval, wilson

__all__ = ["class_averages", "mean_of_rates", "over_classes"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NO_SPREAD = 1e-12
DELTA = "multinomial delta method, or the mean of the classes' limits where its spread is 0"
WEIGHTED = "MOVER of the classes' Wilson intervals and of their weights"
MOVER = "MOVER of the classes' Wilson intervals"


def class_averages(table: Ints, classes: tuple[str, ...], *, why: str = "", confidence: float = 0.95) -> list[Measure]:
    """Averages over classes of recall, precision and F1.

    Parameters
    ----------
    table : int array of shape (n_classes, n_classes)
        Prediction x label, of rows with both.
    classes : tuple of n_classes str
    why : str
        Why nothing can be said, '' if it can.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    list of Measure
        balanced_accuracy (the mean recall; its weighted mean is the accuracy), macro_precision, macro_f1,
        weighted_precision and weighted_f1. A class without labelled rows, or for precision without predictions, is
        left out and named in the convention.

    References
    ----------
    K. Takahashi et al. (2022), doi:10.1007/s10489-021-03635-6 (F1); G. Y. Zou, A. Donner (2008),
    doi:10.1002/sim.3095 (MOVER).

    Examples
    --------
    >>> [(m.measure, round(m.value, 3)) for m in class_averages(np.array([[80, 10], [20, 30]]), ("a", "b"))[3:]]
    [('weighted_precision', 0.806), ('weighted_f1', 0.792)]
    """
    predicted, labelled = table.sum(axis=1), table.sum(axis=0)
    seen = labelled > 0
    both = seen & (predicted > 0)
    measures = []
    for name, kept, kind, method in (
        ("balanced_accuracy", seen, "plain", MOVER),
        ("macro_precision", both, "plain", MOVER),
        ("macro_f1", seen, "plain", DELTA),
        ("weighted_precision", both, "weighted", WEIGHTED),
        ("weighted_f1", seen, "weighted", DELTA),
    ):
        convention = f"{over_classes(classes, kept, kind=kind)}; {method}"
        if why or not kept.any():
            empty = why or "No class has both labelled rows and predictions."
            measures.append(undefined(name, convention=convention, why=empty))
            continue
        n = int(table.sum())
        if name == "balanced_accuracy":
            value, interval = mean_of_rates(np.diag(table)[kept], labelled[kept], confidence=confidence)
        elif name == "macro_precision":
            value, interval = mean_of_rates(np.diag(table)[kept], predicted[kept], confidence=confidence)
        elif name == "weighted_precision":
            value, interval = _weighted_precision(table, kept, confidence)
        else:
            value, interval = _f1(table, kept, kind == "weighted", confidence)
        measures.append(estimate(name, value, n, interval=interval, convention=convention))
    return measures


def over_classes(classes: tuple[str, ...], kept: Bools, *, kind: str = "plain") -> str:
    """Which classes a mean is over, in words."""
    left_out = [f"'{name}'" for name, is_kept in zip(classes, kept.tolist(), strict=True) if not is_kept]
    without = f", not estimable for {', '.join(left_out)}" if left_out else ""
    word = "plain mean" if kind == "plain" else "mean weighted by labelled rows"
    return f"{word} over {int(kept.sum())} of {len(classes)} classes{without}"


def mean_of_rates(successes: Ints, sizes: Ints, *, confidence: float = 0.95) -> tuple[float, Interval]:
    """The plain mean of independent rates, with the MOVER interval of their Wilson intervals."""
    rates = successes / sizes
    intervals = [wilson(k, n, confidence=confidence) for k, n in zip(successes.tolist(), sizes.tolist(), strict=True)]
    down = math.hypot(*(rates - [interval.low for interval in intervals])) / len(rates)
    up = math.hypot(*([interval.high for interval in intervals] - rates)) / len(rates)
    value = float(rates.mean())
    return value, Interval(low=max(0.0, value - down), high=min(1.0, value + up), confidence=confidence)


def _f1(table: Ints, kept: Bools, is_weighted: bool, confidence: float) -> tuple[float, Interval]:
    hits, labelled = np.diag(table)[kept], table.sum(axis=0)[kept]
    sizes = labelled + table.sum(axis=1)[kept]
    f1 = 2 * hits / sizes
    weights = labelled / labelled.sum() if is_weighted else np.full(hits.size, 1 / hits.size)
    value = float(weights @ f1)
    # What one more row of cell (i, j) adds: it enlarges the sizes of i and j, may be a hit, and shifts the weights.
    hit, enlarge, reweigh = np.zeros(len(table)), np.zeros(len(table)), np.zeros(len(table))
    hit[kept], enlarge[kept] = 2 * weights / sizes, weights * f1 / sizes
    if is_weighted:
        reweigh[kept] = (f1 - value) / labelled.sum()
    influence = np.diag(hit) - enlarge[:, np.newaxis] - enlarge[np.newaxis, :] + reweigh[np.newaxis, :]
    limits = [
        f1_interval(k, size - 2 * k, confidence=confidence)
        for k, size in zip(hits.tolist(), sizes.tolist(), strict=True)
    ]
    error = math.sqrt(float((table * influence**2).sum()))
    if error > NO_SPREAD:
        return value, normal_interval(value, error, confidence=confidence, low=0.0, high=1.0)
    low, high = (float(weights @ np.array(ends)) for ends in zip(*((i.low, i.high) for i in limits), strict=True))
    return value, Interval(low=min(low, value), high=max(high, value), confidence=confidence)


def _weighted_precision(table: Ints, kept: Bools, confidence: float) -> tuple[float, Interval]:
    """Weights come from the labels and precision from the predictions: their errors are added as independent ones."""
    hits, labelled, predicted = np.diag(table)[kept], table.sum(axis=0)[kept], table.sum(axis=1)[kept]
    precision, weights = hits / predicted, labelled / labelled.sum()
    value = float(weights @ precision)
    by_weights = ndtri((1 + confidence) / 2) * math.sqrt(float(weights @ (precision - value) ** 2) / labelled.sum())
    limits = [wilson(k, n, confidence=confidence) for k, n in zip(hits.tolist(), predicted.tolist(), strict=True)]
    down = math.hypot(*(weights * (precision - [limit.low for limit in limits])), by_weights)
    up = math.hypot(*(weights * ([limit.high for limit in limits] - precision)), by_weights)
    return value, Interval(low=max(0.0, value - down), high=min(1.0, value + up), confidence=confidence)
