"""Whose labels come: whether what was decided, or the score, tells which rows get one."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from core.measure import Interval, Measure, Status
from core.performance.binary import BinaryCounts
from core.performance.calibrated import placed_scores, representative_scores
from core.performance.measures import estimate, undefined
from core.stats.contrasts import contrast_rates
from core.stats.intervals import normal_interval
from core.stats.logistic import logistic_fit
from core.stats.stratified import mantel_haenszel

__all__ = [
    "LEVEL",
    "NOT_TOLD",
    "LabelRates",
    "Labelling",
    "label_rate_by_score",
    "label_rate_given_score",
    "label_rates",
    "not_explored",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LEAST_LABELLED = 0.01  # of the rows of one decision: below it, nothing is known of what would have become of them
MARGIN = 0.05  # between shares of rows that have a label: less doesn't matter
STEEP = 0.1  # log-odds of a label a standard deviation of the score: less doesn't matter
LEVEL = 0.01  # at which each of these questions is answered by chance alone
CONFIDENCE = 1 - LEVEL
LEAST_SHARED = 0.05  # of the rows that must have a score at which both was decided
GAP_CONVENTION = "share with a label of the decision labelled most, less the other's; 99% Newcombe interval"
SLOPE_CONVENTION = "log-odds of having a label, a standard deviation of the score; 99% normal interval"
GIVEN_CONVENTION = "the same at equal score: Mantel-Haenszel over score bins; Sato's 99% interval"


class Labelling(StrEnum):
    """How labels go with the decision; UNCLEAR: too little data to tell, UNDEFINED: there are no two decisions."""

    ALIKE = "alike"
    SELECTIVE = "selective"
    ONE_SIDED = "one_sided"
    UNCLEAR = "unclear"
    UNDEFINED = "undefined"


NOT_TOLD = (Labelling.UNCLEAR, Labelling.UNDEFINED)
STATUSES = {
    Labelling.ALIKE: Status.OK,
    Labelling.SELECTIVE: Status.WARNING,
    Labelling.ONE_SIDED: Status.CRITICAL,
    Labelling.UNCLEAR: Status.INSUFFICIENT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelRates:
    """Of the rows of each decision, in the order of `classes`: how many there are, and how many have a label.

    Rows whose decision was not the model's (explored ones) are left out. ``gap`` is the difference in the share
    labelled, with its verdict.
    """

    classes: tuple[str, str]
    n: tuple[int, int]
    n_labelled: tuple[int, int]
    labelling: Labelling
    gap: Measure

    @property
    def is_one_sided(self) -> bool:
        """Whether rows of one decision have labels and those of the other have none, or below 1 in 100."""
        return self.labelling is Labelling.ONE_SIDED

    @property
    def shares(self) -> tuple[float, float]:
        """The share labelled of each decision; 0 where there is no row."""
        first, second = (k / n if n else 0.0 for k, n in zip(self.n_labelled, self.n, strict=True))
        return first, second

    @property
    def acted_on(self) -> int:
        """The decision whose rows are labelled most, 0 or 1."""
        return int(np.argmax(self.shares))

    @property
    def words(self) -> str:
        """Both shares in a clause."""
        many = self.acted_on
        (few_share, few), (many_share, most) = ((self.shares[d], self.classes[d]) for d in (1 - many, many))
        return f"{few_share:.0%} of rows predicted '{few}' have one, {many_share:.0%} of '{most}'"


def not_explored(counts: BinaryCounts) -> Ints:
    """Rows by prediction and label whose decision was the model's, shape (3, 3)."""
    table: Ints = counts.joint.sum(axis=0)
    if counts.explored is not None:
        table = table - np.rint(counts.explored[..., 0].sum(axis=0)).astype(np.int64)
    return table


def label_rates(counts: BinaryCounts) -> LabelRates:
    """Does it depend on what was decided whether a row gets a label?

    Parameters
    ----------
    counts : BinaryCounts
        Of windows whose labels should be in.

    Returns
    -------
    LabelRates
        ONE_SIDED if below 1 in 100 rows of one decision have a label and more of the other, SELECTIVE if the shares
        differ by 5 points or more, both at p <= 0.01; ALIKE if the 99% interval of their difference lies within
        5 points.

    References
    ----------
    C. F. Manski (1989), Anatomy of the selection problem, doi:10.2307/145818; H. Lakkaraju et al. (2017),
    doi:10.1145/3097983.3098066, for selective labels.

    Examples
    --------
    >>> joint = np.zeros((7, 3, 3), dtype=np.int64)
    >>> joint[0, 0, 2], joint[0, 1, :2] = 500, (100, 400)
    >>> found = label_rates(BinaryCounts(joint=joint, classes=("decline", "approve"), positive=1))
    >>> found.labelling.value, found.words
    ('one_sided', "0% of rows predicted 'decline' have one, 100% of 'approve'")
    """
    table = not_explored(counts)[:2]
    n, labelled = table.sum(axis=1), table[:, :2].sum(axis=1)
    rows = (int(n[0]), int(n[1]))
    known = (int(labelled[0]), int(labelled[1]))
    if not all(rows):
        absent = "No row has a decision" if not any(rows) else f"None was predicted '{counts.classes[rows.index(0)]}'"
        gap = undefined("label_rate_gap", convention=GAP_CONVENTION, why=f"{absent}.", n=sum(rows))
        return LabelRates(classes=counts.classes, n=rows, n_labelled=known, labelling=Labelling.UNDEFINED, gap=gap)
    few, many = np.argsort(labelled / n, kind="stable").tolist()
    contrast = contrast_rates(known[few], rows[few], known[many], rows[many], confidence=CONFIDENCE)
    shares = labelled / n
    if contrast.p_value <= LEVEL and shares[few] < LEAST_LABELLED <= shares[many]:
        labelling = Labelling.ONE_SIDED
    elif contrast.p_value <= LEVEL and contrast.difference >= MARGIN:
        labelling = Labelling.SELECTIVE
    elif max(abs(contrast.interval.low), abs(contrast.interval.high)) <= MARGIN:
        labelling = Labelling.ALIKE
    else:
        labelling = Labelling.UNCLEAR
    words = {
        Labelling.ONE_SIDED: "Only one decision gets labels.",
        Labelling.SELECTIVE: "Whether a row gets a label depends on the decision.",
        Labelling.ALIKE: f"A difference of {MARGIN:.0%} or more is ruled out.",
        Labelling.UNCLEAR: f"Too few rows to tell a difference of {MARGIN:.0%}.",
    }
    gap = estimate(
        "label_rate_gap", contrast.difference, sum(rows), interval=contrast.interval, convention=GAP_CONVENTION
    ).judged(STATUSES[labelling], words[labelling])
    return LabelRates(classes=counts.classes, n=rows, n_labelled=known, labelling=labelling, gap=gap)


def label_rate_by_score(counts: BinaryCounts) -> Measure:
    """Does it depend on the score whether a row gets a label?

    Parameters
    ----------
    counts : BinaryCounts
        Of windows whose labels should be in.

    Returns
    -------
    Measure
        The slope of a logistic regression on the score; WARNING from 0.1 a standard deviation on at p <= 0.01, OK
        if that is ruled out.

    Examples
    --------
    >>> from core.stats.binning import NumericBins
    >>> joint = np.zeros((9, 3, 3), dtype=np.int64)
    >>> joint[0, 0], joint[1, 0] = (400, 100, 500), (100, 400, 500)
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=True)
    >>> slope = label_rate_by_score(BinaryCounts(joint=joint, classes=("no", "yes"), positive=1, score_bins=bins))
    >>> round(slope.value, 6), round(slope.interval.high, 3), slope.status.value
    (0.0, 0.115, 'insufficient')
    """
    name, bins = "label_rate_slope", counts.score_bins
    if bins is None or not bins.n_bins:
        return undefined(name, convention=SLOPE_CONVENTION, why="The model logs no score.")
    by_label = placed_scores(counts.joint.sum(axis=1)).astype(np.float64)
    rows, labelled = by_label.sum(axis=1), by_label[:, :2].sum(axis=1)
    n = int(rows.sum())
    if not 0 < labelled.sum() < n:
        share = "Every" if labelled.sum() else "No"
        return undefined(name, convention=SLOPE_CONVENTION, why=f"{share} one of {n:,} rows has a label.", n=n)
    scores = representative_scores(bins, counts.joint.sum(axis=(1, 2)))
    centre = float(rows @ scores) / n
    spread = math.sqrt(float(rows @ (scores - centre) ** 2) / n)
    used = rows > 0
    fit = None
    if spread > 0:
        line = np.column_stack([np.ones(scores.size), (scores - centre) / spread])[used]
        fit = logistic_fit(line, labelled[used], rows[used])
    if fit is None or not fit.converged:
        why = "Scores with and without labels don't overlap." if spread else "Scores don't differ."
        return undefined(name, convention=SLOPE_CONVENTION, why=why, n=n)
    value, error = float(fit.coefficients[1]), math.sqrt(max(float(fit.covariance[1, 1]), 1e-300))
    interval = normal_interval(value, error, confidence=CONFIDENCE)
    p_value = float(2 * ndtr(-abs(value) / error))
    status, why = _verdict(
        value, interval, p_value, STEEP, ("Whether a row gets a label depends on its score.", "It hardly does.")
    )
    return estimate(name, value, n, interval=interval, convention=SLOPE_CONVENTION).judged(status, why)


def label_rate_given_score(counts: BinaryCounts) -> Measure:
    """At the same score, does it still depend on the decision whether a row gets a label?

    Where it doesn't, labels are missing at random given the score, as far as the decision can tell; where no score
    has both decisions, that can't be asked.

    Parameters
    ----------
    counts : BinaryCounts
        Of windows whose labels should be in.

    Returns
    -------
    Measure
        The difference in the share labelled, predicted positive less predicted negative.

    References
    ----------
    D. B. Rubin (1976), Inference and missing data, doi:10.1093/biomet/63.3.581.

    Examples
    --------
    >>> joint = np.zeros((8, 3, 3), dtype=np.int64)
    >>> joint[0, :2] = [[900, 100, 1000], [180, 20, 200]]
    >>> from core.stats.binning import NumericBins
    >>> bins = NumericBins(ends=(0.5,), low=0.5, exact=True)
    >>> alike = label_rate_given_score(BinaryCounts(joint=joint, classes=("a", "b"), positive=1, score_bins=bins))
    >>> alike.value, alike.n, alike.status.value
    (0.0, 2400, 'insufficient')
    """
    name = "label_rate_gap_given_score"
    if counts.score_bins is None or not counts.score_bins.n_bins:
        return undefined(name, convention=GIVEN_CONVENTION, why="The model logs no score.")
    placed = placed_scores(counts.joint)
    sides = [placed[:, decision] for decision in (counts.positive, 1 - counts.positive)]
    (k1, n1), (k2, n2) = ((side[:, :2].sum(axis=1), side.sum(axis=1)) for side in sides)
    pooled = mantel_haenszel(k1, n1, k2, n2, confidence=CONFIDENCE)
    value, interval = pooled.risk_difference, pooled.risk_difference_interval
    if value is None or interval is None or pooled.n < LEAST_SHARED * (pooled.n + pooled.n_left_out):
        why = "Hardly any score has both decisions: what the score does and what the decision can't be told apart."
        return undefined(name, convention=GIVEN_CONVENTION, why=why, n=pooled.n)
    p_value = 1.0 if pooled.p_value is None else pooled.p_value
    status, why = _verdict(
        value,
        interval,
        p_value,
        MARGIN,
        (
            "Labels depend on the decision at equal scores too: they are not missing at random given the score.",
            "Given the score, labels are missing at random as far as the decision tells.",
        ),
    )
    return estimate(name, value, pooled.n, interval=interval, convention=GIVEN_CONVENTION).judged(status, why)


def _verdict(
    value: float, interval: Interval, p_value: float, margin: float, words: tuple[str, str]
) -> tuple[Status, str]:
    """A difference that is there and matters, one that is ruled out, or too little data."""
    if p_value <= LEVEL and abs(value) >= margin:
        return Status.WARNING, words[0]
    if max(abs(interval.low), abs(interval.high)) <= margin:
        return Status.OK, words[1]
    return Status.INSUFFICIENT, "Too few rows to tell."
