"""Rows whose decision was not the model's: how many they are worth, and what they say of all rows."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc

from core.measure import Interval, Measure, Status
from core.performance.binary import BinaryCounts
from core.performance.measures import estimate, undefined
from core.performance.selective import CONFIDENCE, LEVEL
from core.stats.contrasts import contrast_estimates
from core.stats.intervals import newcombe_area, normal_interval, wilson
from core.stats.scores import pooled_scores
from core.stats.stratified import mantel_haenszel

__all__ = [
    "LEAST_EFFECTIVE",
    "WEIGHTED",
    "effective_rows",
    "exploration_measures",
    "explored_calibration",
    "explored_performance",
    "why_not_weighted",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_EFFECTIVE = 200.0  # explored rows with a label, in what they are worth, a quarter
LEAST_LABELLED = 0.8  # of the explored rows, for those without a label not to matter
MARGIN = 0.02  # between mean outcomes: less doesn't matter
UNLIKE = 0.05  # total variation between the scores of explored rows and of all: less doesn't matter
DECIDED_APART = 0.05  # share of explored rows predicted otherwise than others of such scores
SURE = 0.001
N, W, W2, WS, W2S, W2S2 = range(6)  # spec.EXPLORED_SUMS
WEIGHTED = "Hájek estimate from explored rows"
SHARE_CONVENTION = "explored rows of all rows; 95% Wilson interval"
EFFECTIVE_CONVENTION = "(sum of weights)^2 / sum of squared weights of explored rows with a label, a quarter"
CALIBRATION_CONVENTION = (
    "mean of outcome less score of explored rows (Hájek), less that of all rows with a label; 99% normal interval"
)
NO_COLUMN = "The log doesn't say which decisions were explored: declare a column of role explored."


def effective_rows(counts: BinaryCounts) -> float:
    """How many equally weighted rows the explored rows with a label are worth; 0 where there are none.

    References
    ----------
    L. Kish (1965), Survey Sampling, section 11.7.
    """
    if counts.explored is None:
        return 0.0
    total, squares = counts.explored[:, :, :2].sum(axis=(0, 1, 2))[[W, W2]].tolist()
    return total**2 / squares if squares else 0.0


def exploration_measures(counts: BinaryCounts, *, quarters: float = 1.0) -> tuple[Measure, Measure]:
    """Which share of decisions is explored, and how much does that tell a quarter?

    Parameters
    ----------
    counts : BinaryCounts
        Of windows whose labels should be in.
    quarters : float
        How many quarters of a year the windows last.

    Returns
    -------
    two Measures
        exploration_share, and effective_exploration: WARNING below 200 rows a quarter.

    Examples
    --------
    >>> explored = np.zeros((1, 3, 3, 6))
    >>> explored[0, 1, 1, :3] = 90, 900, 9000
    >>> explored[0, 1, 0, :3] = 60, 240, 960
    >>> joint = np.zeros((7, 3, 3), dtype=np.int64)
    >>> joint[0, 1] = 500, 500, 0
    >>> counts = BinaryCounts(joint=joint, classes=("no", "yes"), positive=1, explored=explored)
    >>> [(round(m.value, 2), m.status.value) for m in exploration_measures(counts)]
    [(0.15, 'ok'), (130.48, 'warning')]
    """
    names, conventions = ("exploration_share", "effective_exploration"), (SHARE_CONVENTION, EFFECTIVE_CONVENTION)
    n = counts.n_rows
    if counts.explored is None or not n:
        why = NO_COLUMN if counts.explored is None else "There are no rows."
        first, second = (
            undefined(name, convention=convention, why=why) for name, convention in zip(names, conventions, strict=True)
        )
        return first, second
    explored = round(float(counts.explored[..., N].sum()))
    share = estimate(names[0], explored / n, n, interval=wilson(explored, n), convention=conventions[0])
    worth = effective_rows(counts) / quarters
    labelled = round(float(counts.explored[:, :, :2, N].sum()))
    enough = worth >= LEAST_EFFECTIVE
    why = (
        f"{effective_rows(counts):,.0f} in these windows; {LEAST_EFFECTIVE:.0f} a quarter are needed to tell what "
        "becomes of rows that the model doesn't choose."
    )
    worth_measure = estimate(names[1], worth, labelled, interval=None, convention=conventions[1])
    return (
        share.judged(Status.OK if explored else Status.WARNING, "" if explored else "No row is explored."),
        worth_measure.judged(Status.OK if enough else Status.WARNING, why),
    )


def explored_calibration(counts: BinaryCounts) -> Measure:
    """Is the score as right of explored rows as it is of all rows with a label?

    Calibration of the rows with a label is what is usually shown; where it differs, it is that of rows the model
    chose. The interval ignores that explored rows are among those with a label, and is too wide rather than too narrow.

    Parameters
    ----------
    counts : BinaryCounts
        Of windows whose labels should be in.

    Returns
    -------
    Measure
        WARNING from 2 points on at p <= 0.01, OK if that is ruled out.

    References
    ----------
    J. Hajek (1971), comment on D. Basu, Foundations of Statistical Inference.
    """
    name = "explored_calibration_gap"
    why = _no_probability(counts)
    if why or counts.explored is None or counts.calibration is None or counts.losses is None:
        return undefined(name, convention=CALIBRATION_CONVENTION, why=why)
    both = pooled_scores(counts.by_class, counts.calibration_groups)
    n, positives = int(both.sum()), int(both[:, 1].sum())
    cells = counts.explored[:-1, :, :2].sum(axis=(0, 1))[[1 - counts.positive, counts.positive]]
    total, squares = float(cells[:, W].sum()), float(cells[:, W2].sum())
    if n < 2 or total**2 < 30 * squares or not squares:
        return undefined(
            name, convention=CALIBRATION_CONVENTION, why="Fewer than 30 explored rows have a label and a score."
        )
    mean_all = (positives - float(counts.calibration[:-1].sum())) / n
    error_all = math.sqrt(max(float(counts.losses[0]) / n - mean_all**2, 0.0) / n)
    mean = float(cells[1, W] - cells[:, WS].sum()) / total
    first = float(cells[1, W2] - cells[:, W2S].sum())
    second = float(cells[1, W2] - 2 * cells[1, W2S] + cells[:, W2S2].sum())
    error = math.sqrt(max(second - 2 * mean * first + mean**2 * squares, 0.0)) / total
    contrast = contrast_estimates(mean_all, _normal(mean_all, error_all, 0.95), mean, _normal(mean, error, 0.95))
    interval = _normal(mean - mean_all, math.hypot(error, error_all), CONFIDENCE)
    status, words = Status.INSUFFICIENT, f"Too few explored rows to tell {100 * MARGIN:.0f} points."
    if contrast.p_value <= LEVEL and abs(mean - mean_all) >= MARGIN:
        status, words = Status.WARNING, "Calibration as shown is that of the rows with a label: of all rows it differs."
    elif max(abs(interval.low), abs(interval.high)) <= MARGIN:
        status, words = Status.OK, f"A difference of {100 * MARGIN:.0f} points is ruled out."
    worth = round(total**2 / squares)
    return estimate(name, mean - mean_all, worth, interval=interval, convention=CALIBRATION_CONVENTION).judged(
        status, words
    )


def why_not_weighted(counts: BinaryCounts) -> tuple[str, str]:
    """Why explored rows can't stand for all rows, and why their decisions can't; '' where they can.

    Parameters
    ----------
    counts : BinaryCounts
        Of windows whose labels should be in.

    Returns
    -------
    two str
        The first bars any estimate: fewer than 200 effective rows, labels that are missing among explored rows too,
        or scores unlike those of all rows. The second bars measures of decisions: explored rows are predicted
        otherwise than others of the same score, so that what was logged is what was done, not what the model said.
    """
    explored = counts.explored
    if explored is None:
        return NO_COLUMN, ""
    worth = effective_rows(counts)
    if worth < LEAST_EFFECTIVE:
        return f"Explored rows with a label are worth {worth:,.0f} rows, fewer than {LEAST_EFFECTIVE:.0f}.", ""
    share = float(explored[:, :, :2, W].sum() / explored[..., W].sum())
    if share < LEAST_LABELLED:
        return f"Only {share:.0%} of explored rows have a label.", ""
    if not counts.calibration_groups:
        return "", ""
    pooled = pooled_scores(counts.joint, counts.calibration_groups)
    everyone = pooled.sum(axis=(1, 2)).astype(np.float64)
    theirs = explored[:-1, :, :, W].sum(axis=(1, 2))
    if everyone.sum() and theirs.sum():
        q, p = everyone / everyone.sum(), theirs / theirs.sum()
        used = q > 0
        statistic = worth * float(((p - q)[used] ** 2 / q[used]).sum())
        apart = float(np.abs(p - q).sum()) / 2
        if apart >= UNLIKE and chdtrc(max(int(used.sum()) - 1, 1), statistic) <= SURE:
            return (
                "Explored rows have other scores than all rows: give each as `weight` 1 / the probability that it was.",
                "",
            )
    return "", _decided_otherwise(pooled, np.rint(explored[:-1, ..., N]).astype(np.int64), counts.positive)


def _decided_otherwise(pooled: Ints, explored: Ints, positive: int) -> str:
    """Whether explored rows are predicted otherwise than others of the same score."""
    own, theirs = (pooled - explored)[:, :2].sum(axis=2), explored[:, :2].sum(axis=2)
    found = mantel_haenszel(theirs[:, positive], theirs.sum(axis=1), own[:, positive], own.sum(axis=1))
    if found.risk_difference is None or found.p_value is None:
        return ""
    if abs(found.risk_difference) < DECIDED_APART or found.p_value > SURE:
        return ""
    return (
        "Explored rows are predicted otherwise than others of the same score: their `prediction` seems to be what was "
        "done, not what the model said."
    )


def explored_performance(counts: BinaryCounts, *, confidence: float = 0.95) -> dict[str, Measure]:
    """How good is the model on all rows, as its explored rows tell?

    Parameters
    ----------
    counts : BinaryCounts
        Of windows whose labels should be in.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    dict of measure name to Measure
        prevalence, accuracy, precision, recall, specificity, f1 and roc_auc, as far as `why_not_weighted` lets
        them. Rates have Wilson's interval on the number of rows that gives their linearised variance.

    References
    ----------
    J. Hajek (1971), comment on D. Basu, Foundations of Statistical Inference; E. L. Korn, B. I. Graubard (1998),
    Confidence intervals for proportions with small expected number of positive counts, Survey Methodology 24.
    """
    bars, bars_decisions = why_not_weighted(counts)
    if bars or counts.explored is None:
        return {}
    yes, no = counts.positive, 1 - counts.positive
    table = counts.explored[:, :, :2, :3].sum(axis=0)  # prediction x label x (n, w, w2)
    (tp, fp), (fn, tn) = ((table[d, yes], table[d, no]) for d in (yes, no))
    nothing = np.zeros(3)
    rates = {"prevalence": (table[:, yes].sum(axis=0), table[:, no].sum(axis=0))}
    if not bars_decisions:
        rates |= {
            "accuracy": (tp + tn, fp + fn),
            "precision": (tp + nothing, fp),
            "recall": (tp + nothing, fn),
            "specificity": (tn + nothing, fp),
            "f1": (tp + nothing, fp + fn),
        }
    found = {}
    for name, (hits, others) in rates.items():
        if not hits[W] + others[W]:
            continue
        value, interval = _weighted_rate(hits, others, confidence)
        convention = f"{WEIGHTED}; Wilson interval of effective rows"
        if name == "f1":  # of TP / (TP + FP + FN), carried over
            interval = Interval(low=_f1(interval.low), high=_f1(interval.high), confidence=confidence)
            value = _f1(value)
        found[name] = estimate(name, value, round(hits[N] + others[N]), interval=interval, convention=convention)
    area = _weighted_area(counts.explored[:-1, :, :2].sum(axis=1), yes, confidence)
    return found if area is None else found | {"roc_auc": area}


def _weighted_rate(hits: Floats, others: Floats, confidence: float) -> tuple[float, Interval]:
    total = float(hits[W] + others[W])
    value = float(hits[W]) / total
    variance = float(hits[W2] * (1 - value) ** 2 + others[W2] * value**2) / total**2
    worth = value * (1 - value) / variance if variance > 0 else total**2 / float(hits[W2] + others[W2])
    worth = max(1.0, worth)
    return value, wilson(value * worth, worth, confidence=confidence)


def _weighted_area(by_bin: Floats, yes: int, confidence: float) -> Measure | None:
    """The AUC of scores pooled into calibration bins."""
    positives, negatives = by_bin[:, yes], by_bin[:, 1 - yes]
    if not (positives[:, W].sum() and negatives[:, W].sum()):
        return None
    below = np.cumsum(negatives[:, W]) - negatives[:, W] / 2
    value = float(positives[:, W] @ below / (positives[:, W].sum() * negatives[:, W].sum()))
    worth = [max(1, round(float(side[:, W].sum() ** 2 / side[:, W2].sum()))) for side in (negatives, positives)]
    return estimate(
        "roc_auc",
        value,
        round(float(by_bin[..., N].sum())),
        interval=newcombe_area(value, *worth, confidence=confidence),
        convention=f"{WEIGHTED}, scores pooled into {len(by_bin)} bins; Newcombe interval of effective rows",
    )


def _no_probability(counts: BinaryCounts) -> str:
    bins = counts.score_bins
    if counts.explored is None:
        return NO_COLUMN
    if bins is None or counts.calibration is None or counts.losses is None or not counts.calibration_groups:
        return "The model logs no score."
    return "" if bins.low >= 0 and bins.ends[-1] <= 1 else "The score is no probability."


def _normal(value: float, error: float, confidence: float) -> Interval:
    return normal_interval(value, max(error, 1e-12), confidence=confidence)


def _f1(jaccard: float) -> float:
    return 2 * jaccard / (1 + jaccard)
