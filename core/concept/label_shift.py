"""How often does each class occur now, told without labels; and is that all that changed?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, ndtri

from core.errors import InputError
from core.measure import Interval

__all__ = ["ClassShare", "LabelShift", "label_shift"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WORST_CONDITION = 50.0
LEAST_ROWS = 30  # of each class in the reference, and of the window
LEVEL = 0.01  # of the check


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassShare:
    """One class: its share in the reference, its share now as estimated with its interval, and their ratio."""

    name: str
    reference: float
    share: float
    interval: Interval
    weight: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelShift:
    """Shares of classes now if only those changed; `why` says why they can't be told, or what speaks against it.

    ``condition`` is the condition number of the confusion matrix. ``p_value`` belongs to the check: do the reference's
    scores, reweighted to these shares, look like the current ones? ``holds`` is whether nothing speaks against it,
    None where it can't be checked; ``classes`` is empty where it can't be told.
    """

    classes: tuple[ClassShare, ...]
    condition: float | None
    chi_square: float | None
    df: int
    p_value: float | None
    holds: bool | None
    n_reference: int
    n: int
    why: str
    convention: str


def label_shift(reference: Ints, current: Ints, *, names: Sequence[str], confidence: float = 0.95) -> LabelShift:
    """What are the shares of classes now, if P(x | y) is what it was?

    Parameters
    ----------
    reference : int array of shape (n_bins, n_classes, n_classes)
        Labelled rows by score bin (one bin where there is no score), predicted class and label.
    current : int array of shape (n_bins, n_classes)
        Rows, labelled or not, by score bin and predicted class.
    names : sequence of n_classes str
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    LabelShift
        It refuses where a class has fewer than 30 rows in the reference or the window fewer than 30 in all, where the
        confusion matrix can hardly be inverted (condition above 50), and where a share comes out negative by more
        than chance. The check is a chi-square of score bins, both samples' chance counted.

    Raises
    ------
    InputError
        If the tables don't fit the names.

    References
    ----------
    Z. C. Lipton, Y.-X. Wang, A. Smola (2018), Detecting and correcting for label shift with black box predictors,
    arXiv:1802.03916.

    Examples
    --------
    >>> reference = np.array([[[6300, 600], [700, 2400]]])
    >>> found = label_shift(reference, np.array([[5000, 5000]]), names=["no", "yes"])
    >>> [(each.name, round(each.weight, 7), round(each.share, 7)) for each in found.classes]
    [('no', 0.6122449, 0.4285714), ('yes', 1.9047619, 0.5714286)]
    """
    k = len(names)
    if reference.ndim != 3 or reference.shape[1:] != (k, k) or current.shape != (reference.shape[0], k):
        raise InputError(
            f"{k} classes need tables of shape (n_bins, {k}, {k}) and (n_bins, {k}), not {reference.shape} and "
            f"{current.shape}."
        )
    by_label, n = reference.sum(axis=(0, 1)), int(current.sum())
    told: dict[str, Any] = {
        "n_reference": int(by_label.sum()),
        "n": n,
        "convention": "black box shift estimation: inverse confusion matrix times current predictions; delta intervals",
    }
    few = [name for name, rows in zip(names, by_label.tolist(), strict=True) if rows < LEAST_ROWS]
    if few or n < LEAST_ROWS:
        why = (
            f"The reference has fewer than {LEAST_ROWS} labelled rows of {', '.join(few)}."
            if few
            else f"The window has {n} rows with a prediction; {LEAST_ROWS} are needed."
        )
        return _untold(why, None, told)
    given = reference / by_label  # of each label, shape (n_bins, n_classes, n_classes)
    confusion = given.sum(axis=0)
    condition = float(np.linalg.cond(confusion * by_label / by_label.sum()))
    if not condition <= WORST_CONDITION:
        why = (
            f"Predictions tell the classes apart too little: the confusion matrix has the condition {condition:,.0f}, "
            f"more than {WORST_CONDITION:g}."
        )
        return _untold(why, condition, told)
    inverse = np.linalg.inv(confusion)
    now = current / n
    share = inverse @ now.sum(axis=0)
    # Cells in one row: what a row of each cell adds to the shares.
    adds = np.broadcast_to(inverse.T, (reference.shape[0], k, k)).reshape(-1, k)
    cells, before = now.reshape(-1), given.reshape(-1, k)
    covariance = _variance(adds, cells, n) + sum(
        share[label] ** 2 * _variance(adds, before[:, label], int(by_label[label])) for label in range(k)
    )
    half = float(ndtri(0.5 + confidence / 2)) * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    prior = by_label / by_label.sum()
    if (share + half < 0).any() or (share - half > 1).any():
        worst = names[int(np.argmin(share + half))]
        why = f"The share of {worst} would be {share.min():.1%}: that is no label shift alone."
        return _untold(why, condition, told)
    statistic, df = _check(reference.shape[0], before, cells, adds, share, n=n, by_label=by_label)
    p_value = float(chdtrc(df, statistic)) if df else None
    holds = None if p_value is None else p_value >= LEVEL
    why = {
        None: "Whether nothing else changed can't be checked without scores.",
        True: "",
        False: "The reference's scores at these shares don't look like the current ones: more than shares has changed.",
    }[holds]
    classes = tuple(
        ClassShare(
            name=name,
            reference=float(prior[place]),
            share=float(share[place]),
            interval=Interval(
                low=max(0.0, float(share[place] - half[place])),
                high=min(1.0, float(share[place] + half[place])),
                confidence=confidence,
            ),
            weight=float(share[place] / prior[place]),
        )
        for place, name in enumerate(names)
    )
    return LabelShift(
        classes=classes,
        condition=condition,
        chi_square=statistic if df else None,
        df=df,
        p_value=p_value,
        holds=holds,
        why=why,
        **told,
    )


def _untold(why: str, condition: float | None, told: dict[str, Any]) -> LabelShift:
    return LabelShift(classes=(), condition=condition, chi_square=None, df=0, p_value=None, holds=None, why=why, **told)


def _variance(adds: Floats, shares: Floats, n: int) -> Floats:
    """The covariance of the mean of what n rows of a multinomial add."""
    mean = shares @ adds
    return np.asarray(((adds * shares[:, np.newaxis]).T @ adds - np.outer(mean, mean)) / n)


def _check(
    n_bins: int, before: Floats, cells: Floats, adds: Floats, share: Floats, *, n: int, by_label: Ints
) -> tuple[float, int]:
    """Chi-square of the current bins less those of the reference at the estimated shares, and its freedom."""
    k = share.size
    bins = np.repeat(np.eye(n_bins), k, axis=0)
    of_label = bins.T @ before  # P(bin | label)
    gap = bins - adds @ of_label.T  # what a row of a cell adds to the difference of bins
    difference = cells @ gap
    covariance = _variance(gap, cells, n) + sum(
        share[label] ** 2 * _variance(gap, before[:, label], int(by_label[label])) for label in range(k)
    )
    values, vectors = np.linalg.eigh(covariance)
    kept = values > values.max() * 1e-9
    if n_bins < 2 or not values.max() > 0:
        return 0.0, 0
    statistic = float(((vectors[:, kept].T @ difference) ** 2 / values[kept]).sum())
    return statistic, int(kept.sum())
