"""Whether a decision changes what it predicts: outcomes at equal score, with the decision and without it."""

from __future__ import annotations

import numpy as np

from core.measure import Measure, Status
from core.performance.binary import BinaryCounts
from core.performance.exploration import NO_COLUMN
from core.performance.measures import estimate, undefined
from core.performance.selective import LEVEL
from core.stats.scores import pooled_scores
from core.stats.stratified import mantel_haenszel

__all__ = ["self_fulfilment"]

MARGIN = 0.02  # of the share of positives: less doesn't matter
LEAST_ROWS = 30  # with a label, on either side
CONVENTION = (
    "share of positives where the model decided, less that of explored rows of the same scores: Mantel-Haenszel over "
    "calibration bins; Sato's interval of 99% for both decisions together"
)


def self_fulfilment(counts: BinaryCounts) -> tuple[Measure, ...]:
    """Do outcomes differ between rows that the model decided and explored rows of the same scores?

    Where they do, the decision makes outcomes (a customer who is called stays, a loan that is refused can't be
    repaid): labels then depend on the decision, and a model trained on them learns what it did.

    Parameters
    ----------
    counts : BinaryCounts
        Of windows whose labels should be in.

    Returns
    -------
    tuple of two Measures
        One a decision, named by `column`: WARNING from 2 points on at p <= 0.01 for both together, OK if that is
        ruled out.

    References
    ----------
    N. Mantel, W. Haenszel (1959), doi:10.1093/jnci/22.4.719; J. Perdomo et al. (2020),
    doi:10.48550/arXiv.2002.06673, for predictions that bring about what they predict.

    Examples
    --------
    >>> from core.stats.binning import NumericBins
    >>> joint, explored = np.zeros((9, 3, 3), dtype=np.int64), np.zeros((3, 3, 3, 6))
    >>> joint[0, 0, :2], joint[1, 1, :2] = (900, 100), (900, 1100)  # a quarter of those predicted "yes" is explored
    >>> explored[1, 1, :2, 0] = 100, 400
    >>> bins = NumericBins(ends=(0.2, 0.8), low=0.2, exact=True)
    >>> of_no, of_yes = self_fulfilment(BinaryCounts(joint=joint, classes=("no", "yes"), positive=1, score_bins=bins,
    ...     calibration_groups=(0, 1), explored=explored))
    >>> of_no.why, round(of_yes.value, 3), of_yes.status.value
    ("Fewer than 30 rows predicted 'no' or explored ones of such scores have a label.", -0.333, 'warning')
    """
    found = []
    explored = counts.explored
    why = NO_COLUMN if explored is None else "" if counts.calibration_groups else "The model logs no score."
    for decision, name in enumerate(counts.classes):
        if why or explored is None:
            found.append(undefined("self_fulfilment", convention=CONVENTION, why=why, column=name))
            continue
        apart = np.rint(explored[:-1, ..., 0]).astype(np.int64)
        own = (pooled_scores(counts.joint, counts.calibration_groups) - apart)[:, decision, :2]
        theirs = apart[:, :, :2].sum(axis=1)
        found.append(_compared(own[:, counts.positive], own.sum(axis=1), theirs[:, counts.positive], theirs, name))
    return tuple(found)


def _compared(k1: np.ndarray, n1: np.ndarray, k2: np.ndarray, theirs: np.ndarray, name: str) -> Measure:
    n2 = theirs.sum(axis=1)
    shared = (n1 > 0) & (n2 > 0)
    pooled = mantel_haenszel(k1, n1, k2, n2, confidence=1 - LEVEL / 2)
    value, interval = pooled.risk_difference, pooled.risk_difference_interval
    if value is None or interval is None or min(n1[shared].sum(), n2[shared].sum()) < LEAST_ROWS:
        why = f"Fewer than {LEAST_ROWS} rows predicted '{name}' or explored ones of such scores have a label."
        return undefined("self_fulfilment", convention=CONVENTION, why=why, n=pooled.n, column=name)
    p_value = 1.0 if pooled.p_value is None else pooled.p_value
    if p_value <= LEVEL / 2 and abs(value) >= MARGIN:
        status, words = Status.WARNING, f"What comes of a row depends on its being decided as '{name}'."
    elif max(abs(interval.low), abs(interval.high)) <= MARGIN:
        status, words = Status.OK, f"An effect of {100 * MARGIN:.0f} points is ruled out."
    else:
        status, words = Status.INSUFFICIENT, f"Too few rows to tell an effect of {100 * MARGIN:.0f} points."
    return estimate("self_fulfilment", value, pooled.n, interval=interval, convention=CONVENTION, column=name).judged(
        status, words
    )
