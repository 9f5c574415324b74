"""The score itself by group, before any threshold: ranking, balance for both classes, and how alike the scores are."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.fairness.estimates import NOT_JUDGED, GroupEstimate, estimate_measures
from core.fairness.largest import unvalued
from core.fairness.support import shown_groups
from core.fairness.verdicts import REST
from core.measure import Measure, Status
from core.stats.binning import N_SPECIAL, NumericBins, Special
from core.stats.distances import kolmogorov_smirnov, wasserstein
from core.stats.hypothesis import kolmogorov_smirnov_p_value
from core.stats.intervals import mean_interval
from core.stats.multiplicity import holm
from core.stats.ranking import roc_auc
from core.stats.scores import ordered_scores

__all__ = ["GroupScores", "class_balance", "group_auc", "score_parity"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupScores:
    """A binary model's rows by score and group, all of them and those with a label.

    Attributes
    ----------
    rows : int array of shape (n_bins + 7, n_groups)
        By score bin, regular ones and then the special ones.
    by_class : int array of shape (n_bins + 7, 2, n_groups)
        Labelled negatives and positives.
    bins : NumericBins
        Of the score.
    group_names : tuple of n_groups names
    mixed : bool array of shape (n_bins + 4,), optional
        Which of the ordered bins may hold several distinct scores, as `core.stats.ranking.mixed_bins` tells of all
        rows; by default none.
    """

    rows: Ints
    by_class: Ints
    bins: NumericBins
    group_names: tuple[str, ...]
    mixed: Bools | None = None

    def __post_init__(self) -> None:
        size, n_groups = self.bins.n_bins + N_SPECIAL, len(self.group_names)
        if self.rows.shape != (size, n_groups) or self.by_class.shape != (size, 2, n_groups):
            raise InputError(
                f"Scores of {n_groups} groups on {self.bins.n_bins} bins need the shapes ({size}, {n_groups}) and "
                f"({size}, 2, {n_groups}), got {self.rows.shape} and {self.by_class.shape}."
            )

    @property
    def shown(self) -> list[int]:
        """The groups to list, by place."""
        return shown_groups(self.group_names, self.rows.sum(axis=0))

    @property
    def values(self) -> Floats:
        """What a row of each regular bin is taken to score: its upper end, which is its score where bins are exact."""
        return np.asarray(self.bins.ends, dtype=np.float64)

    def regular(self, counts: Ints) -> Ints:
        """Counts on the regular bins; finite scores outside the reference's range count at its ends."""
        n_bins = self.bins.n_bins
        inside = counts[:n_bins].copy()
        if n_bins:
            inside[0] += counts[n_bins + Special.BELOW]
            inside[-1] += counts[n_bins + Special.ABOVE]
        return inside

    def labelled(self, place: int) -> Ints:
        """Negatives and positives of one group, or of all others for ~place, on the regular bins."""
        inside = self.regular(self.by_class)
        own: Ints = inside[:, :, place if place >= 0 else ~place]
        return own if place >= 0 else inside.sum(axis=2) - own


def group_auc(scores: GroupScores, *, attribute: str, confidence: float = 0.95) -> tuple[Measure, ...]:
    """How well does the score rank inside each group, and across groups?

    Parameters
    ----------
    scores : GroupScores
    attribute : str
    confidence : float

    Returns
    -------
    tuple of Measure
        By group `roc_auc` and its difference to that of the rest; `cross_auc_positives`, the probability that the
        group's positives score above the negatives of the rest (BNSP), and `cross_auc_negatives`, that the positives
        of the rest score above the group's negatives (BPSN). A group whose positives are ranked low, or negatives
        high, shows in these even where its own ranking is perfect.

    References
    ----------
    D. Borkan et al. (2019), doi:10.1145/3308560.3317593; N. Kallus, A. Zhou (2019), doi:10.48550/arXiv.1902.05826;
    the interval as in `core.stats.ranking`.

    Examples
    --------
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=False)
    >>> by_class = np.zeros((9, 2, 2), dtype=np.int64)
    >>> by_class[:2, :, 0], by_class[:2, :, 1] = [[60, 20], [20, 60]], [[50, 30], [30, 50]]
    >>> scores = GroupScores(rows=by_class.sum(axis=1), by_class=by_class, bins=bins, group_names=("a", "b"))
    >>> [(m.measure, m.segment, round(m.value, 3)) for m in group_auc(scores, attribute="sex")[:2]]
    [('roc_auc', 'a', 0.75), ('roc_auc', 'b', 0.625)]
    """
    ordered = ordered_scores(scores.by_class)
    everyone = ordered.sum(axis=2)
    own, rests, crosses = [], [], []
    for place in scores.shown:
        group, rest = ordered[:, :, place], everyone - ordered[:, :, place]
        name = scores.group_names[place]
        own.append(_auc(name, group[:, 0], group[:, 1], scores.mixed, confidence))
        rests.append(_auc(REST, rest[:, 0], rest[:, 1], scores.mixed, confidence))
        crosses.append(
            (
                _auc(name, rest[:, 0], group[:, 1], scores.mixed, confidence),
                _auc(name, group[:, 0], rest[:, 1], scores.mixed, confidence),
            )
        )
    convention = "score bins, ties half; DeLong's interval"
    found = list(estimate_measures("roc_auc", own, rests, attribute=attribute, convention=convention))
    for measure, side in (("cross_auc_positives", 0), ("cross_auc_negatives", 1)):
        for pair in crosses:
            each = pair[side]
            blank = unvalued(attribute, measure, segment=each.group, n=each.n, why=each.why, convention=convention)
            if each.value is not None:
                blank = replace(
                    blank, value=each.value, interval=each.interval, status=Status.INSUFFICIENT, why=NOT_JUDGED
                )
            found.append(blank)
    return tuple(found)


def _auc(name: str, negatives: Ints, positives: Ints, mixed: Bools | None, confidence: float) -> GroupEstimate:
    n_negative, n_positive = int(negatives.sum()), int(positives.sum())
    n = n_negative + n_positive
    if not (n_negative and n_positive):
        lacking = "positive" if n_negative else "negative" if n_positive else "labelled row"
        return GroupEstimate(group=name, n=n, value=None, interval=None, why=f"No {lacking} with a score to rank.")
    area = roc_auc(negatives, positives, mixed=mixed, confidence=confidence)
    return GroupEstimate(group=name, n=n, value=area.value, interval=area.interval)


def class_balance(scores: GroupScores, *, attribute: str, confidence: float = 0.95) -> tuple[Measure, ...]:
    """Do rows of the same outcome score alike, whatever their group?

    Returns
    -------
    tuple of Measure
        By group `balance_positives` and `balance_negatives`, the mean score of the rows with that label, and their
        differences to the rest. Rows outside the reference's range of scores count at its ends.

    References
    ----------
    J. Kleinberg, S. Mullainathan, M. Raghavan (2016), doi:10.48550/arXiv.1609.05807.
    """
    found: list[Measure] = []
    for measure, label in (("balance_positives", 1), ("balance_negatives", 0)):
        groups = [_mean(scores, place, label, scores.group_names[place], confidence) for place in scores.shown]
        rests = [_mean(scores, ~place, label, REST, confidence) for place in scores.shown]
        convention = f"mean score of labelled {'positives' if label else 'negatives'}; normal interval"
        found += estimate_measures(measure, groups, rests, attribute=attribute, convention=convention)
    return tuple(found)


def _mean(scores: GroupScores, place: int, label: int, name: str, confidence: float) -> GroupEstimate:
    counts = scores.labelled(place)[:, label]
    n = int(counts.sum())
    if not n:
        return GroupEstimate(group=name, n=0, value=None, interval=None, why="No such labelled row with a score.")
    total, squares = float(counts @ scores.values), float(counts @ scores.values**2)
    interval = mean_interval(n, total, squares, confidence=confidence)
    why = "" if interval else "One row has no spread to make an interval from."
    return GroupEstimate(group=name, n=n, value=total / n, interval=interval, why=why)


def score_parity(scores: GroupScores, *, attribute: str) -> tuple[Measure, ...]:
    """How far do the scores of a group lie from those of all others, whatever threshold is set?

    Returns
    -------
    tuple of Measure
        By group `score_wasserstein`, how far scores would have to move on average, in the score's unit, and
        `score_kolmogorov_smirnov`, the largest difference in the share selected at any threshold, with its p-value
        (Holm's over the groups). Neither has an interval; `why` holds what bins could hide.

    References
    ----------
    R. Jiang et al. (2020), doi:10.48550/arXiv.1907.12059 (Wasserstein-1 as disparity over all thresholds).
    """
    n_bins = scores.bins.n_bins
    regular = scores.regular(scores.rows)
    everyone = regular.sum(axis=1)
    edges = np.concatenate([[min(scores.bins.low, *scores.bins.ends)], scores.values]) if n_bins else np.zeros(1)
    convention = "group and the rest on the score bins, rows outside the reference's range at its ends"
    distances: list[list[Measure]] = []
    plain: list[float | None] = []
    for place in scores.shown:
        group, rest = regular[:, place], everyone - regular[:, place]
        name, n = scores.group_names[place], int(group.sum())
        blank = [
            unvalued(attribute, f"score_{what}", segment=name, n=n, why="No row with a score.", convention=convention)
            for what in ("wasserstein", "kolmogorov_smirnov")
        ]
        if not n or not rest.sum():
            distances.append([replace(each, why="No row with a score on one side.") for each in blank])
            plain.append(None)
            continue
        exact = scores.mixed is not None and not scores.mixed[2 : n_bins + 2].any()
        moved = wasserstein(rest, group, edges, exact=exact)
        apart = kolmogorov_smirnov(rest, group, points=np.ones(n_bins, dtype=bool) if exact else None)
        plain.append(kolmogorov_smirnov_p_value(apart.value, int(rest.sum()), n))
        distances.append(
            [
                replace(
                    each,
                    value=bracket.value,
                    status=Status.INSUFFICIENT,
                    why=f"No interval; bins hide {bracket.low:.4f} to {bracket.high:.4f}. {NOT_JUDGED}",
                )
                for each, bracket in zip(blank, (moved, apart), strict=True)
            ]
        )
    tested = [place for place, p in enumerate(plain) if p is not None]
    values = [p for p in plain if p is not None]
    adjusted = dict(zip(tested, values if len(plain) == 2 else holm(values).tolist(), strict=True))
    found = [pair[0] for pair in distances]
    found += [replace(pair[1], p_value=adjusted.get(place)) for place, pair in enumerate(distances)]
    return tuple(found)
