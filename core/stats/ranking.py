"""How well a score ranks positives above negatives: ROC AUC from binned counts, and counts by threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.measure import Interval
from core.stats.binning import N_SPECIAL, NumericBins, Special
from core.stats.intervals import newcombe_area
from core.stats.scores import ordered_scores

__all__ = ["AUC_CONVENTION", "RocAuc", "ThresholdTable", "mixed_bins", "roc_auc", "threshold_table"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LEAST_FOR_DELONG = 100
AUC_CONVENTION = (
    f"score bins, ties half; DeLong interval on the logit scale, Newcombe's below {LEAST_FOR_DELONG} rows of a class; "
    "widened by the unknown order inside bins"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RocAuc:
    """The area under the ROC curve, and what the unknown order inside score bins could make of it.

    ``lowest`` and ``highest`` are the area when every pair that shares a bin of several scores is lost,
    and when it is won; they equal ``value`` when each such bin holds one distinct score. ``interval`` is
    for the population's area and already includes that doubt.
    """

    value: float
    n_negative: int
    n_positive: int
    lowest: float
    highest: float
    standard_error: float
    interval: Interval


def roc_auc(negatives: Ints, positives: Ints, *, mixed: Bools | None = None, confidence: float = 0.95) -> RocAuc:
    """How likely is it that a positive row scores higher than a negative one?

    Parameters
    ----------
    negatives, positives : int arrays of shape (n,)
        Rows of each class by score bin, lowest score first; at least one row of each.
    mixed : bool array of shape (n,), optional
        Which bins may hold several distinct scores; none by default. Rows of a bin count as ties.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    RocAuc
        With DeLong's standard error. Its interval is made on the logit scale; with fewer than 100 rows of
        a class, or where DeLong's variance is 0, it is Newcombe's method 5, which keeps its coverage there.

    Raises
    ------
    ValueError
        If there are no negatives or no positives.

    References
    ----------
    E. R. DeLong, D. M. DeLong, D. L. Clarke-Pearson (1988), doi:10.2307/2531595.
    X. Sun, W. Xu (2014), doi:10.1109/LSP.2014.2337313.
    R. G. Newcombe (2006), doi:10.1002/sim.2324.

    Examples
    --------
    >>> area = roc_auc(np.array([400, 300, 200, 100]), np.array([50, 100, 150, 200]))
    >>> round(area.value, 4), round(area.standard_error, 4)
    (0.75, 0.0129)
    >>> round(area.interval.low, 4), round(area.interval.high, 4)
    (0.724, 0.7743)
    """
    n_negative, n_positive = int(negatives.sum()), int(positives.sum())
    if not (n_negative and n_positive):
        raise ValueError(f"ROC AUC needs rows of both classes, got {n_negative} negatives and {n_positive} positives.")
    won = (np.cumsum(negatives) - 0.5 * negatives) / n_negative  # placement of a positive in each bin
    lost = 1 - (np.cumsum(positives) - 0.5 * positives) / n_positive
    value = float(positives @ won) / n_positive
    variance = _variance_of_mean(positives, won, value) + _variance_of_mean(negatives, lost, value)
    doubt = 0.0
    if mixed is not None:
        doubt = float(negatives[mixed] @ positives[mixed].astype(np.float64)) / (2 * n_negative * n_positive)
    if variance > 0 and 0 < value < 1 and min(n_negative, n_positive) >= LEAST_FOR_DELONG:
        interval = _logit_interval(value, math.sqrt(variance), confidence)
    else:
        interval = newcombe_area(value, n_negative, n_positive, confidence=confidence)
    return RocAuc(
        value=value,
        n_negative=n_negative,
        n_positive=n_positive,
        lowest=value - doubt,
        highest=value + doubt,
        standard_error=math.sqrt(variance),
        interval=Interval(
            low=max(0.0, interval.low - doubt), high=min(1.0, interval.high + doubt), confidence=confidence
        ),
    )


def _variance_of_mean(counts: Ints, values: Floats, mean: float) -> float:
    n = int(counts.sum())
    return float(counts @ (values - mean) ** 2) / (n - 1) / n if n > 1 else 0.0


def _logit_interval(value: float, standard_error: float, confidence: float) -> Interval:
    centre = math.log(value / (1 - value))
    half = float(ndtri(0.5 + confidence / 2)) * standard_error / (value * (1 - value))
    low, high = (1 / (1 + math.exp(-min(max(limit, -700.0), 700.0))) for limit in (centre - half, centre + half))
    return Interval(low=min(low, value), high=max(high, value), confidence=confidence)


def mixed_bins(
    by_score: Ints, bins: NumericBins, groups: tuple[int, ...] = (), score_sums: Floats | None = None
) -> Bools:
    """Which ordered score bins may hold several distinct scores?

    Parameters
    ----------
    by_score : int array of shape (n_bins + 7,)
        Rows with a label by score bin.
    bins : NumericBins
        Of the score.
    groups : tuple of int
        The calibration bin of each regular score bin; () if there are none.
    score_sums : float array of shape (n_groups + 1,), optional
        Sum of the scores of the same rows by calibration bin.

    Returns
    -------
    bool array of shape (n_bins + 4,)
        In the order of `ordered_scores`. A right-closed bin's scores are at most its end, so when the
        scores of a calibration bin sum to what they would if each were its bin's end, each is; the sums
        show it to within rounding (1e-9 a row). A bin of one row is never mixed.

    Examples
    --------
    >>> bins = NumericBins(ends=(0.25, 0.5, 0.75), low=0.25, exact=False)
    >>> rows = np.array([4, 2, 3, 0, 0, 0, 0, 0, 0, 0])
    >>> mixed_bins(rows, bins, (0, 0, 1), np.array([2.0, 2.2, 0.0])).tolist()
    [False, False, False, False, True, False, False]
    """
    inside = np.full(bins.n_bins, not bins.exact)
    if groups and score_sums is not None:
        index, rows = np.asarray(groups), by_score[: bins.n_bins]
        n_groups = int(index[-1]) + 1
        at_ends = np.bincount(index, weights=rows * np.asarray(bins.ends), minlength=n_groups)
        n_rows = np.bincount(index, weights=rows, minlength=n_groups)
        proven = np.abs(at_ends - score_sums[:n_groups]) <= 1e-9 * n_rows
        proven[0] &= by_score[bins.n_bins + Special.BELOW] == 0
        proven[-1] &= by_score[bins.n_bins + Special.ABOVE] == 0
        inside &= ~proven[index]
    mixed = np.concatenate([[False, True], inside, [True, False]])  # infinities are one value each
    several: Bools = mixed & (ordered_scores(by_score) > 1)
    return several


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ThresholdTable:
    """The confusion at each threshold: a row is called positive when its score is above it.

    Arrays of shape (n_thresholds,), thresholds ascending; the first, -infinity, calls every row positive.
    """

    threshold: Floats
    true_positives: Ints
    false_positives: Ints
    false_negatives: Ints
    true_negatives: Ints


def threshold_table(by_class: Ints, bins: NumericBins) -> ThresholdTable:
    """What would each threshold have decided?

    Parameters
    ----------
    by_class : int array of shape (n_bins + 7, 2)
        Labelled rows by score bin: negatives, positives.
    bins : NumericBins
        Of the score; its right-closed ends are the thresholds at which the counts are exact.

    Returns
    -------
    ThresholdTable
        With n_bins + 2 thresholds: -infinity, just below the lowest regular bin, and each bin's end.
        Rows without a place in the order of scores are left out.

    Examples
    --------
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    >>> counts = np.array([[5, 1], [2, 4], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0], [0, 0]])
    >>> table = threshold_table(counts, bins)
    >>> table.threshold.tolist()[2:], table.true_positives.tolist(), table.false_positives.tolist()
    ([0.2, 0.8], [5, 5, 4, 0], [7, 7, 2, 0])
    """
    if by_class.shape != (bins.n_bins + N_SPECIAL, 2):
        raise ValueError(f"Counts of shape {by_class.shape} don't fit {bins.n_bins} score bins and two classes.")
    rows = ordered_scores(by_class)
    at_most = np.cumsum(rows, axis=0)
    at_most = np.concatenate([np.zeros((1, 2), dtype=np.int64), at_most[1 : bins.n_bins + 2]])
    total = rows.sum(axis=0)
    return ThresholdTable(
        threshold=np.array([-math.inf, np.nextafter(bins.low, -math.inf), *bins.ends]),
        true_positives=total[1] - at_most[:, 1],
        false_positives=total[0] - at_most[:, 0],
        false_negatives=at_most[:, 1],
        true_negatives=at_most[:, 0],
    )
