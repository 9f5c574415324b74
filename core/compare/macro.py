"""Recall class by class, and its plain mean over classes, of two versions on the same rows."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from scipy.special import ndtr, ndtri

from core.compare.means import RowValues, paired_means
from core.compare.paired import (
    PairedDifference,
    judged,
    paired_difference,
    too_few,
    undefined_difference,
)
from core.compare.rows import PairedRows
from core.measure import Interval

__all__ = ["recall_differences"]


def recall_differences(
    rows: PairedRows,
    accuracy: RowValues,
    *,
    macro_margin: float,
    margin: float,
    min_rows: int,
    confidence: float = 0.95,
) -> tuple[PairedDifference, ...]:
    """Does the candidate recognise the classes better, on average and one by one?

    Parameters
    ----------
    rows : PairedRows
        Of a multiclass task.
    accuracy : RowValues
        Whether either version is right on each row: a class's recall is its accuracy on the class's rows.
    macro_margin, margin, min_rows, confidence
        Of the mean recall and of each class's, otherwise as in `comparison.compare`.

    Returns
    -------
    tuple of PairedDifference
        macro_recall over the classes that have rows (the convention names those without), with the MOVER
        interval of the classes' intervals, as rows of different classes are independent; then each recall.

    References
    ----------
    G. Y. Zou, A. Donner (2008), doi:10.1002/sim.3095.
    """
    accuracies = replace(accuracy, usable=accuracy.usable & rows.labelled)
    means = paired_means(accuracies, rows.label, n_cells=len(rows.classes))
    by_class = tuple(
        paired_difference(
            replace(accuracies, measure="recall", among=f"labelled '{name}' with both predictions"),
            means,
            place,
            margin=margin,
            min_rows=min_rows,
            confidence=confidence,
            label_class=name,
        )
        for place, name in enumerate(rows.classes)
    )
    seen = [recall for recall in by_class if recall.n]
    absent = ", ".join(f"'{recall.label_class}'" for recall in by_class if not recall.n)
    convention = (
        f"plain mean over {len(seen)} of {len(by_class)} classes{', no row of ' + absent if absent else ''}; "
        "MOVER of Agresti-Min intervals, z from its arm towards 0"
    )
    n = sum(recall.n for recall in seen)
    blank = undefined_difference(
        "macro_recall",
        n=n,
        margin=macro_margin,
        higher_is_better=True,
        why=accuracy.empty or f"No row {accuracy.among}.",
        convention=convention,
    )
    if not seen:
        return (blank, *by_class)
    difference = float(np.mean([recall.difference for recall in seen]))
    arms = [
        (recall.difference - recall.interval.low, recall.interval.high - recall.difference)
        for recall in seen
        if recall.difference is not None and recall.interval is not None
    ]
    down, up = (math.hypot(*side) / len(seen) for side in zip(*arms, strict=True))
    error = (down if difference > 0 else up) / float(ndtri(0.5 + confidence / 2))
    macro = judged(
        blank,
        champion=float(np.mean([recall.champion for recall in seen])),
        candidate=float(np.mean([recall.candidate for recall in seen])),
        difference=difference,
        interval=Interval(low=max(-1.0, difference - down), high=min(1.0, difference + up), confidence=confidence),
        p_value=float(2 * ndtr(-abs(difference) / error)) if difference else 1.0,
        too_few=too_few(n, accuracy.among, min_rows),
    )
    return (macro, *by_class)
