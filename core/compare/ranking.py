"""How well two versions rank the same rows: the difference of their ROC AUCs by DeLong."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from core.compare.measures import nothing_because
from core.compare.paired import PairedDifference, judged, too_few, undefined_difference
from core.compare.rows import PairedRows
from core.measure import Interval
from core.stats.intervals import normal_interval

__all__ = ["PairedAreas", "auc_difference", "delong", "placements"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

CONVENTION = "rows with a label and both scores, ties half; DeLong interval and z"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedAreas:
    """The areas under two ROC curves of the same rows, and the standard error of candidate - champion.

    It is None where a class has one row: there is no spread to make it from.
    """

    champion: float
    candidate: float
    standard_error: float | None


def delong(positive: Bools, champion: Floats, candidate: Floats) -> PairedAreas:
    """By how much do two scores of the same rows differ in ROC AUC?

    Parameters
    ----------
    positive : bool array of shape (n,)
        At least one row of each class.
    champion, candidate : float arrays of shape (n,)
        Without NaN.

    Returns
    -------
    PairedAreas
        DeLong's variance of the difference is the variance of the rows' differences in placement: a
        positive's placement is the share of negatives that it beats, ties half. Sorting finds them in O(n log n).

    Raises
    ------
    ValueError
        If one class has no row.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson (1988), doi:10.2307/2531595.
    X. Sun, W. Xu (2014), doi:10.1109/LSP.2014.2337313.

    Examples
    --------
    >>> positive = np.array([1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0], dtype=bool)
    >>> first = np.array([0.9, 0.8, 0.7, 0.6, 0.35, 0.65, 0.5, 0.4, 0.3, 0.2, 0.1])
    >>> second = np.array([0.8, 0.55, 0.9, 0.4, 0.3, 0.7, 0.6, 0.35, 0.45, 0.2, 0.1])
    >>> areas = delong(positive, first, second)
    >>> round(areas.champion, 4), round(areas.candidate, 4), round(areas.standard_error, 4)
    (0.8667, 0.7, 0.1095)
    """
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if not (n_positive and n_negative):
        raise ValueError(f"ROC AUC needs rows of both classes, got {n_negative} negatives and {n_positive} positives.")
    of_positives, of_negatives = placements(positive, champion)
    of_positives_now, of_negatives_now = placements(positive, candidate)
    error = None
    if min(n_positive, n_negative) > 1:
        changes = (of_positives_now - of_positives, of_negatives_now - of_negatives)
        error = math.sqrt(sum(float(change.var(ddof=1)) / change.size for change in changes))
    return PairedAreas(
        champion=float(of_positives.mean()), candidate=float(of_positives_now.mean()), standard_error=error
    )


def placements(positive: Bools, score: Floats) -> tuple[Floats, Floats]:
    """Of each positive the share of negatives that score lower, of each negative that of positives that score higher.

    Ties count half; the mean of either is the area under the ROC curve.

    Examples
    --------
    >>> placements(np.array([True, True, False]), np.array([0.9, 0.2, 0.4]))
    (array([1., 0.]), array([0.5]))
    """
    return _shares_below(score[positive], score[~positive]), 1 - _shares_below(score[~positive], score[positive])


def _shares_below(values: Floats, others: Floats) -> Floats:
    """The share of `others` that lies below each value, ties half."""
    order = np.argsort(values)
    ordered, against = values[order], np.sort(others)
    shares = np.empty(values.size)
    shares[order] = np.searchsorted(against, ordered, side="left") + np.searchsorted(against, ordered, side="right")
    result: Floats = shares / (2 * others.size)
    return result


def auc_difference(rows: PairedRows, *, margin: float, min_rows: int, confidence: float = 0.95) -> PairedDifference:
    """The ROC AUC of both versions with a verdict; INSUFFICIENT below `min_rows` rows of a class.

    Parameters
    ----------
    rows : PairedRows
        Of a binary task.
    margin, min_rows, confidence
        As in `comparison.compare`.
    """
    nothing = nothing_because(rows, "score")
    blank = undefined_difference(
        "roc_auc", n=0, margin=margin, higher_is_better=True, why=nothing, convention=CONVENTION
    )
    champion, candidate = rows.champion.value, rows.candidate.value
    if champion is None or candidate is None:
        return blank
    usable = rows.labelled & np.isfinite(champion) & np.isfinite(candidate)
    blank = replace(blank, n=int(usable.sum()), why=nothing or "No row with a label and both scores.")
    positive = rows.label[usable] == rows.positive
    n_positive = int(positive.sum())
    if not blank.n:
        return blank
    n_negative, yes = blank.n - n_positive, rows.positive or 0
    if not (n_positive and n_negative):
        only = rows.classes[yes if n_positive else 1 - yes]
        return replace(blank, why=f"All {blank.n:,} rows with a label and both scores are labelled '{only}'.")
    before, after = champion[usable], candidate[usable]
    areas = delong(positive, before, after)
    difference, error = areas.candidate - areas.champion, areas.standard_error
    interval, p_value = None, None
    if error == 0 and np.array_equal(before, after):
        interval, p_value = Interval(low=0.0, high=0.0, confidence=confidence), 1.0
    elif error:
        interval = normal_interval(difference, error, confidence=confidence, low=-1.0, high=1.0)
        p_value = float(2 * ndtr(-abs(difference) / error))
    scarce = rows.classes[yes if n_positive <= n_negative else 1 - yes]
    return judged(
        blank,
        champion=areas.champion,
        candidate=areas.candidate,
        difference=difference,
        interval=interval,
        p_value=p_value,
        too_few=too_few(min(n_positive, n_negative), f"labelled '{scarce}' with both scores", min_rows),
    )
