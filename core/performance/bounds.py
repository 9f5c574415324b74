"""Between which values a binary measure lies, whatever the labels that aren't known turn out to be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.measure import Interval
from core.performance.binary import BinaryCounts
from core.performance.cost import Costs
from core.stats.binning import NumericBins, Special
from core.stats.scores import ordered_scores

__all__ = ["auc_bounds", "worst_case_bounds"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LOG_LOSS_EPSILON = 1e-15


def worst_case_bounds(counts: BinaryCounts, *, costs: Costs | None = None) -> dict[str, Interval]:
    """Between which values does each measure lie, over every way in which the missing labels may come out?

    Parameters
    ----------
    counts : BinaryCounts
        Rows without a label may have any.
    costs : Costs, optional

    Returns
    -------
    dict of measure name to Interval
        prevalence, accuracy, precision, recall, specificity, f1 and, with costs, cost_per_row, over rows with a
        prediction (prevalence: all rows); with a score roc_auc, and with a probability brier_score and log_loss.
        Sharp where each score bin holds one score, else never too narrow. Absent is what no completion gives a
        value. Their confidence is 1: they are of these rows, and chance has no part in them.

    References
    ----------
    C. F. Manski (1989), Anatomy of the selection problem, doi:10.2307/145818.

    Examples
    --------
    >>> joint = np.zeros((7, 3, 3), dtype=np.int64)
    >>> joint[0, :2] = [[0, 0, 60], [10, 30, 0]]  # none of those predicted "no" has a label
    >>> bounds = worst_case_bounds(BinaryCounts(joint=joint, classes=("no", "yes"), positive=1))
    >>> {name: (round(b.low, 2), round(b.high, 2)) for name, b in bounds.items()}
    ... # doctest: +NORMALIZE_WHITESPACE
    {'prevalence': (0.3, 0.9), 'accuracy': (0.3, 0.9), 'precision': (0.75, 0.75), 'recall': (0.33, 1.0),
     'specificity': (0.0, 0.86), 'f1': (0.46, 0.86)}
    """
    yes, no = counts.positive, 1 - counts.positive
    table = counts.joint.sum(axis=0)
    (tp, fp, more_yes), (fn, tn, more_no) = ((table[d, yes], table[d, no], table[d, 2]) for d in (yes, no))
    n, positives, unknown = table.sum(), table[:, yes].sum(), table[:, 2].sum()
    decided = table[:2].sum()
    found = {
        "prevalence": (_share(positives, n), _share(positives + unknown, n)),
        "accuracy": (_share(tp + tn, decided), _share(tp + tn + more_yes + more_no, decided)),
        "precision": (_share(tp, tp + fp + more_yes), _share(tp + more_yes, tp + fp + more_yes)),
        "recall": _rate_bounds(int(tp), int(fn), int(more_yes), int(more_no)),
        "specificity": _rate_bounds(int(tn), int(fp), int(more_no), int(more_yes)),
        "f1": _f1_bounds(int(tp), int(fp), int(fn), int(more_yes), int(more_no)),
    }
    if costs is not None and decided:
        found["cost_per_row"] = _cost_bounds(table[:2], costs.matrix(counts.classes), int(decided))
    bins = counts.score_bins
    if bins is not None and bins.n_bins:
        by_class = counts.by_class
        unlabelled = counts.joint[:, :, 2].sum(axis=1)
        sides = [ordered_scores(side) for side in (by_class[:, 0], by_class[:, 1], unlabelled)]
        outside = sum(int(side[[0, 1, -2, -1]].sum()) for side in sides)  # where one place has many scores
        found["roc_auc"] = auc_bounds(*sides, is_exact=bins.exact and not outside)
        if bins.low >= 0 and bins.ends[-1] <= 1 and counts.losses is not None:
            found |= _loss_bounds(by_class, unlabelled, bins, counts.losses)
    return {
        name: Interval(low=float(low), high=float(high), confidence=1.0)
        for name, (low, high) in found.items()
        if low is not None and high is not None
    }


Bounds = tuple[float | None, float | None]


def _share(k: int, n: int) -> float | None:
    return float(k / n) if n else None


def _rate_bounds(hits: int, misses: int, maybe_hits: int, maybe_misses: int) -> Bounds:
    """Of hits / (hits + misses): `maybe_hits` rows are hits or no part of it, `maybe_misses` misses or no part."""
    low = _share(hits, hits + misses + maybe_misses)
    high = _share(hits + maybe_hits, hits + maybe_hits + misses)
    return (high, high) if low is None else (low, low) if high is None else (low, high)


def _f1_bounds(tp: int, fp: int, fn: int, more_yes: int, more_no: int) -> Bounds:
    low = _share(2 * tp, 2 * tp + fp + fn + more_yes + more_no)
    high = _share(2 * (tp + more_yes), 2 * (tp + more_yes) + fp + fn)
    return (high, high) if low is None else (low, low) if high is None else (low, high)


def _cost_bounds(table: Ints, matrix: Floats, n: int) -> Bounds:
    known = float((table[:, :2] * matrix).sum())
    low, high = (known + float(table[:, 2] @ end) for end in (matrix.min(axis=1), matrix.max(axis=1)))
    return low / n, high / n


def _loss_bounds(by_class: Ints, unlabelled: Ints, bins: NumericBins, losses: Floats) -> dict[str, Bounds]:
    """Brier score and log loss: a missing label costs what the better, or the worse, end of its bin makes it cost."""
    ends = np.asarray(bins.ends)
    low = np.concatenate([[0.0], ends if bins.exact else np.concatenate([[bins.low], ends[:-1]]), ends[-1:]])
    high = np.concatenate([[bins.low], ends, [1.0]])
    places = ordered_scores(unlabelled)[1:-1].astype(np.float64)
    n = int(ordered_scores(by_class)[1:-1].sum() + places.sum())
    if bins.exact:  # values between the reference's have a bin of their own: anything between its ends
        unseen = float(unlabelled[bins.n_bins + Special.UNSEEN])
        n += int(unseen + by_class[bins.n_bins + Special.UNSEEN].sum())
        low, high, places = np.append(low, bins.low), np.append(high, ends[-1]), np.append(places, unseen)
    if not n:
        return {}
    cut_low, cut_high = (np.clip(x, LOG_LOSS_EPSILON, 1 - LOG_LOSS_EPSILON) for x in (low, high))
    least = (np.minimum(low**2, (1 - high) ** 2), np.minimum(-np.log1p(-cut_low), -np.log(cut_high)))
    most = (np.maximum(high**2, (1 - low) ** 2), np.maximum(-np.log1p(-cut_high), -np.log(cut_low)))
    return {
        name: ((losses[2 * i] + float(places @ least[i])) / n, (losses[2 * i] + float(places @ most[i])) / n)
        for i, name in enumerate(("brier_score", "log_loss"))
    }


def auc_bounds(negatives: Ints, positives: Ints, unlabelled: Ints, *, is_exact: bool = True) -> Bounds:
    """Between which values does the AUC lie, whatever labels the unlabelled rows have?

    For a given number of positives among them the AUC is highest where these are the rows that score highest; inside
    a bin it is then a ratio of two quadratics in that number, so that its highest value is found without trying all.

    Parameters
    ----------
    negatives, positives, unlabelled : int arrays of shape (n_places,)
        Rows by score, lowest first.
    is_exact : bool
        Whether the rows of a place have the same score: such pairs count half. Else they may lie either way.

    Returns
    -------
    (low, high), or (None, None) where one class is empty whatever the labels are

    Examples
    --------
    >>> low, high = auc_bounds(np.array([2, 0, 1]), np.array([0, 1, 3]), np.array([1, 0, 1]))
    >>> round(low, 4), round(high, 4)
    (0.6, 0.85)
    """
    tied = 0.5 if is_exact else 1.0
    high = _highest_auc(negatives, positives, unlabelled, tied)
    low = _highest_auc(negatives[::-1], positives[::-1], unlabelled[::-1], tied)
    return (None if low is None else max(0.0, 1 - low)), high


def _highest_auc(negatives: Ints, positives: Ints, unlabelled: Ints, tied: float) -> float | None:
    """With all unlabelled rows above a bin positive, k of its own, and none below: the highest over bins and k."""
    neg, pos, unl = (x.astype(np.float64) for x in (negatives, positives, unlabelled))
    all_pos, all_neg = pos + unl, neg + unl
    above = np.cumsum(all_pos[::-1])[::-1] - all_pos  # positives above each bin
    below = np.cumsum(all_neg) - all_neg  # negatives below each bin
    among_above = np.cumsum((neg * (above + tied * all_pos))[::-1])[::-1] - neg * (above + tied * all_pos)
    among_below = np.cumsum(pos * (below + tied * all_neg)) - pos * (below + tied * all_neg)
    n_pos = above + np.cumsum(pos)  # with k = 0
    n_neg = neg.sum() + pos.sum() + unl.sum() - n_pos
    a0 = among_above + among_below + above * (all_neg + below) + pos * below + tied * pos * all_neg
    a1 = below - above + tied * (all_neg - pos)
    d0, d1 = n_pos * n_neg, n_neg - n_pos
    # d/dk of (a0 + a1 k - tied k^2) / (d0 + d1 k - k^2) is 0 where c0 + c1 k + c2 k^2 is
    c0, c1, c2 = a1 * d0 - a0 * d1, 2 * (a0 - tied * d0), a1 - tied * d1
    best = None
    for k in _candidates(c0, c1, c2, unl):
        numerator, denominator = a0 + a1 * k - tied * k**2, d0 + d1 * k - k**2
        valid = (denominator > 0) & (k >= 0) & (k <= unl)
        if valid.any():
            value = float((numerator[valid] / denominator[valid]).max())
            best = value if best is None else max(best, value)
    return None if best is None else min(1.0, best)


def _candidates(c0: Floats, c1: Floats, c2: Floats, most: Floats) -> list[Floats]:
    """Numbers at which a bin's highest value may lie: its ends, next to them, and about the roots of c."""
    found = [np.zeros(most.shape), np.ones(most.shape), most - 1, most]
    with np.errstate(divide="ignore", invalid="ignore"):
        root = np.sqrt(np.maximum(c1**2 - 4 * c2 * c0, 0))
        roots = [(-c1 + root) / (2 * c2), (-c1 - root) / (2 * c2), -c0 / c1]
    for at in roots:
        inside = np.where(np.isfinite(at), np.clip(at, 0, most), 0)
        found += [np.floor(inside), np.ceil(inside)]
    return found
