"""What another threshold would do, to every group and to both kinds of error at once; from counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError, UnknownNameError
from core.fairness.scores import GroupScores

__all__ = [
    "CURVES",
    "TREATMENT",
    "GroupThresholds",
    "RateCurves",
    "confusion_at",
    "equalising_thresholds",
    "rate_curves",
    "thresholds",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

TREATMENT = (
    "A threshold of its own for a protected group treats persons differently because of their group. Under many laws "
    "that is direct discrimination (disparate treatment), whatever gap it closes: ask a lawyer first."
)
CURVES = ("selection_rate", "true_positive_rate", "false_positive_rate", "positive_predictive_value", "accuracy")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RateCurves:
    """One rate at every threshold: of each group, shape (n_thresholds, n_groups), and of all; NaN where undefined."""

    rate: str
    thresholds: Floats
    by_group: Floats
    overall: Floats
    group_names: tuple[str, ...]


def thresholds(scores: GroupScores) -> Floats:
    """The thresholds at which counts are exact: below every score, then the end of each score bin, ascending.

    A row is called positive when its score lies above the threshold.

    Examples
    --------
    >>> from core.stats.binning import NumericBins
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    >>> nothing = np.zeros((9, 2, 1), dtype=np.int64)
    >>> scores = GroupScores(rows=nothing.sum(axis=1), by_class=nothing, bins=bins, group_names=("a",))
    >>> thresholds(scores)[1:].tolist()
    [0.2, 0.8]
    """
    low = np.nextafter(scores.bins.low, -np.inf)
    return np.array([low, *scores.bins.ends])


def confusion_at(scores: GroupScores, place: int | Sequence[int], *, positive: int) -> Ints:
    """The counts by prediction, label and group that a threshold would have made.

    Parameters
    ----------
    scores : GroupScores
    place : int, or one for every group
        Of the threshold, among `thresholds`.
    positive : int
        The place of the positive class, 0 or 1.

    Returns
    -------
    int array of shape (3, 3, n_groups)
        What `core.fairness.groups.group_rates` takes. Rows without a finite score are left out.
    """
    inside, labelled = scores.regular(scores.rows), scores.regular(scores.by_class)
    n_bins, n_groups = inside.shape[0], len(scores.group_names)
    places = np.broadcast_to(np.asarray(place, dtype=np.int64), (n_groups,))
    if n_bins == 0 or (places < 0).any() or (places > n_bins).any() or positive not in (0, 1):
        raise InputError(f"A threshold is one of {n_bins + 1} places and a class 0 or 1, got {place} and {positive}.")
    above = np.arange(n_bins)[:, None] >= places[None, :]
    table = np.zeros((3, 3, n_groups), dtype=np.int64)
    for predicted, of in ((positive, above), (1 - positive, ~above)):
        table[predicted, positive] = (labelled[:, 1] * of).sum(axis=0)
        table[predicted, 1 - positive] = (labelled[:, 0] * of).sum(axis=0)
        table[predicted, 2] = ((inside - labelled.sum(axis=1)) * of).sum(axis=0)
    return table


def rate_curves(scores: GroupScores, rate: str, *, favours_positive: bool = True) -> RateCurves:
    """How does a rate move with the threshold, for every group and for all?

    Parameters
    ----------
    scores : GroupScores
    rate : str
        The selection rate, the true or false positive rate, the positive predictive value, or accuracy.
    favours_positive : bool
        Whether the favourable class is the positive one; the selection rate is of the other where it isn't.
    """
    if rate not in CURVES:
        raise UnknownNameError("rate", rate, CURVES)
    rows, labelled = scores.regular(scores.rows), scores.regular(scores.by_class)
    rows = np.concatenate([rows, rows.sum(axis=1, keepdims=True)], axis=1)
    labelled = np.concatenate([labelled, labelled.sum(axis=2, keepdims=True)], axis=2)
    n, hits, alarms = (_above(part) for part in (rows, labelled[:, 1], labelled[:, 0]))
    positives, negatives = hits[0], alarms[0]
    top, bottom = {
        "selection_rate": (n if favours_positive else n[0] - n, np.broadcast_to(n[0], n.shape)),
        "true_positive_rate": (hits, np.broadcast_to(positives, hits.shape)),
        "false_positive_rate": (alarms, np.broadcast_to(negatives, alarms.shape)),
        "positive_predictive_value": (hits, hits + alarms),
        "accuracy": (hits + negatives - alarms, np.broadcast_to(positives + negatives, hits.shape)),
    }[rate]
    values = np.full(top.shape, np.nan)
    np.divide(top, bottom, out=values, where=bottom > 0)
    return RateCurves(
        rate=rate,
        thresholds=thresholds(scores),
        by_group=values[:, :-1],
        overall=values[:, -1],
        group_names=scores.group_names,
    )


def _above(counts: Ints) -> Ints:
    """Rows above each threshold, shape (n_bins + 1, ...)."""
    at_most = np.concatenate([np.zeros((1, *counts.shape[1:]), dtype=np.int64), np.cumsum(counts, axis=0)])
    above: Ints = counts.sum(axis=0) - at_most
    return above


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupThresholds:
    """For every group the threshold, by place among `thresholds`, that brings a rate closest to a target; the risk."""

    rate: str
    target: float
    places: tuple[int, ...]
    values: tuple[float | None, ...]
    risk: str = TREATMENT


def equalising_thresholds(
    scores: GroupScores, rate: str, target: float, *, favours_positive: bool = True
) -> GroupThresholds:
    """Which threshold would give each group the same rate?

    Parameters
    ----------
    scores : GroupScores
    rate : str
        As in `rate_curves`; not accuracy or the positive predictive value, which don't rise or fall throughout.
    target : float
        The rate that all should have, in [0, 1].
    favours_positive : bool

    Returns
    -------
    GroupThresholds
        A group without the rate keeps the lowest threshold and has no value. It is an answer to "what would it take",
        not advice: `risk` says so.

    References
    ----------
    M. Hardt et al. (2016), doi:10.48550/arXiv.1610.02413.
    """
    if rate not in CURVES[:3]:
        raise UnknownNameError("rate that a threshold can equalise", rate, CURVES[:3])
    if not 0 <= target <= 1:
        raise InputError(f"A rate to aim at lies between 0 and 1, got {target}.")
    curves = rate_curves(scores, rate, favours_positive=favours_positive)
    places: list[int] = []
    values: list[float | None] = []
    for own in curves.by_group.T:
        if np.isnan(own).all():
            places.append(0)
            values.append(None)
            continue
        place = int(np.nanargmin(np.abs(own - target)))
        places.append(place)
        values.append(float(own[place]))
    return GroupThresholds(rate=rate, target=target, places=tuple(places), values=tuple(values))
