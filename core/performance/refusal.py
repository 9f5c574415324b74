"""When an estimate without labels must not be shown, or be taken back: which case it is, and in words.

An estimate from scores is a conditional statement: *if* P(y | score) is what it was on the reference. Each case below
is a way of knowing that it isn't, or of not being able to know.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.measure import Measure, Status
from core.performance.binary import BinaryCounts
from core.performance.calibrated import placed_scores
from core.performance.selective import label_rates
from core.performance.track_record import Failure
from core.stats.binning import Special

__all__ = [
    "Case",
    "Refusal",
    "Support",
    "labels_by_decision",
    "missed",
    "other_inputs",
    "reasons",
    "support_of",
    "too_wide",
    "withheld",
]

Floats = NDArray[np.float64]

MOST_UNSUPPORTED = 0.05  # of a window's rows
LEAST_ROWS = 30  # of the reference, near a score
N_STRETCHES = 20  # of equal width that the score's range is cut into
MOST_AREA = 0.8  # of a classifier that tells a window's rows from the reference's


class Case(StrEnum):
    """Why an estimate is withheld."""

    CONCEPT_CHANGED = "concept_changed"  # labels that have come contradict the reference
    MISSED = "missed"  # past estimates of the measure didn't hold
    THIN_SUPPORT = "thin_support"  # scores that the reference hardly has
    SELECTIVE_LABELS = "selective_labels"  # the reference's own labels are of rows the model chose
    TOO_WIDE = "too_wide"  # less certain than was asked for
    NO_CLASS_SCORES = "no_class_scores"  # nothing to estimate from
    SHIFT_WITHIN_SCORE = "shift_within_score"  # rows of one score are other rows than they were
    OTHER_INPUTS = "other_inputs"  # of a regression: inputs that the reference hardly has
    NOT_AT_HAND = "not_at_hand"  # of a regression: rows or labels that were to be learned from


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One reason; `since` names the first window it holds for.

    `measures` are those it concerns, () for all; of these `column` is the class or group, '' for any.
    """

    case: Case
    words: str
    since: str = ""
    measures: tuple[str, ...] = ()
    column: str = ""

    def concerns(self, measure: Measure) -> bool:
        """Whether it is a reason not to show this estimate."""
        if not self.measures:
            return True
        return measure.measure in self.measures and self.column in ("", measure.column)


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """Shares of a window's rows: where the reference has few labelled rows, outside its scores, without a score."""

    n: int
    thin: float
    outside: float
    unscored: float


def support_of(reference: BinaryCounts, window: BinaryCounts, *, n_stretches: int = N_STRETCHES) -> Support:
    """Has the reference seen enough rows with such scores?

    Parameters
    ----------
    reference, window : BinaryCounts
        On the same score bins.
    n_stretches : int
        Of the score's range, at least 1.

    Returns
    -------
    Support
        A row lies where the reference is thin if fewer than 30 labelled rows of it score at least as high, or at
        most as high, or lie in the same of `n_stretches` equal stretches of the score's range.

    Raises
    ------
    ValueError
        If there is no score.

    Examples
    --------
    >>> from core.stats.binning import NumericBins
    >>> bins = NumericBins(ends=(0.1, 0.9), low=0.1, exact=False)
    >>> def counts(low, high, label):
    ...     joint = np.zeros((9, 3, 3), dtype=np.int64)
    ...     joint[0, 0, label], joint[1, 1, label] = low, high
    ...     return BinaryCounts(joint=joint, classes=("no", "yes"), positive=1, score_bins=bins)
    >>> support_of(counts(990, 10, 0), counts(800, 200, 2))
    Support(n=1000, thin=0.2, outside=0.0, unscored=0.0)
    """
    bins = window.score_bins
    if bins is None or reference.score_bins is None:
        raise ValueError("Support is that of scores: the model logs none.")
    rows = window.joint.sum(axis=(1, 2))
    n, k = int(rows.sum()), bins.n_bins
    known = placed_scores(reference.by_class).sum(axis=1).astype(np.float64)
    ends = np.concatenate([[bins.low], np.asarray(bins.ends), bins.ends[-1:]])
    width = max(bins.ends[-1] - bins.low, 1e-300)
    stretch = np.clip(np.ceil((ends - bins.low) / width * n_stretches).astype(np.int64) - 1, 0, n_stretches - 1)
    near = np.bincount(stretch, weights=known, minlength=n_stretches)[stretch]
    above = np.cumsum(known[::-1])[::-1]
    thin = np.minimum(np.minimum(np.cumsum(known), above), near) < LEAST_ROWS
    placed = placed_scores(rows)
    special = {kind: int(rows[k + kind]) for kind in Special}
    unscored = special[Special.MISSING] + special[Special.INVALID]
    outside = n - unscored - int(placed[1:-1].sum())
    return Support(
        n=n,
        thin=float(placed[1:-1][thin[1:-1]].sum()) / max(n, 1),
        outside=outside / max(n, 1),
        unscored=unscored / max(n, 1),
    )


def labels_by_decision(reference: BinaryCounts) -> str:
    """How the reference's labels depend on the decision, in words; '' if both decisions get labels.

    Of what counts as that, see `core.performance.selective`: P(positive | score) is then known of one decision only.

    Examples
    --------
    >>> joint = np.zeros((7, 3, 3), dtype=np.int64)
    >>> joint[0, 0, 2], joint[0, 1, :2] = 500, (100, 400)
    >>> labels_by_decision(BinaryCounts(joint=joint, classes=("decline", "approve"), positive=1))
    "The reference's labels depend on the decision: 0% of rows predicted 'decline' have one, 100% of 'approve'."
    """
    found = label_rates(reference)
    return f"The reference's labels depend on the decision: {found.words}." if found.is_one_sided else ""


def reasons(
    *,
    has_scores: bool = True,
    support: Support | None = None,
    concept_since: str | None = None,
    selective: str = "",
) -> tuple[Refusal, ...]:
    """Which cases hold for a window?

    Parameters
    ----------
    has_scores : bool
        Whether there is a score, of a multiclass model one a class.
    support : Support, optional
    concept_since : str, optional
        The window from which matured labels contradict P(y | score): the alarm on the calibration residual.
    selective : str
        How labels depend on the model's decision, in words; '' if they don't.

    Returns
    -------
    tuple of Refusal
        () if the estimate may be shown.

    Examples
    --------
    >>> [refusal.case.value for refusal in reasons(concept_since="2026-W31")]
    ['concept_changed']
    """
    found = []
    if not has_scores:
        found.append((Case.NO_CLASS_SCORES, "The model logs no score for each class to estimate from."))
    if concept_since is not None:
        words = f"Labels that have come say that outcomes no longer follow the score, from {concept_since} on."
        found.append((Case.CONCEPT_CHANGED, words))
    if support is not None:
        found.extend((Case.THIN_SUPPORT, words) for words in _unsupported(support))
    if selective:
        found.append((Case.SELECTIVE_LABELS, selective))
    since = concept_since or ""
    return tuple(
        Refusal(case=case, words=words, since=since if case is Case.CONCEPT_CHANGED else "") for case, words in found
    )


def _unsupported(support: Support) -> list[str]:
    found = []
    for share, where in (
        (support.thin, f"lie where the reference has fewer than {LEAST_ROWS} labelled rows"),
        (support.outside, "have scores outside the reference's"),
        (support.unscored, "have no score"),
    ):
        if share > MOST_UNSUPPORTED:
            found.append(f"{share:.0%} of the window's rows {where}, more than {MOST_UNSUPPORTED:.0%}.")
    return found


def too_wide(measures: Sequence[Measure], tolerances: Mapping[str, float]) -> tuple[Refusal, ...]:
    """Which estimates are less certain than was asked for?

    Parameters
    ----------
    measures : sequence of Measure
    tolerances : mapping of measure name to float
        The widest interval, from end to end in the measure's units, that is of use.

    Examples
    --------
    >>> from core.measure import Interval
    >>> from core.performance.measures import estimate
    >>> wide = estimate("estimated_recall", 0.5, 40, interval=Interval(low=0.3, high=0.7), convention="")
    >>> too_wide([wide], {"estimated_recall": 0.2})[0].words
    'The interval of estimated_recall is 0.4 wide, more than the 0.2 that is of use.'
    """
    found = []
    for measure in measures:
        widest = tolerances.get(measure.measure)
        if widest is None or measure.interval is None:
            continue
        width = measure.interval.high - measure.interval.low
        if width > widest:
            name = f"{measure.measure} of '{measure.column}'" if measure.column else measure.measure
            words = f"The interval of {name} is {width:.3g} wide, more than the {widest:.3g} that is of use."
            found.append(Refusal(case=Case.TOO_WIDE, words=words, measures=(measure.measure,), column=measure.column))
    return tuple(found)


def missed(measure: str, failure: Failure, *, since: str, column: str = "") -> Refusal:
    """The refusal of a measure whose past estimates failed; `since` names the first window of them.

    `column` is the class or group that the measure is of.

    Examples
    --------
    >>> from core.performance.track_record import failures
    >>> [failure] = failures([True, False, False, False])
    >>> missed("estimated_recall", failure, since="2026-W31").words
    'Of 3 estimates checked from 2026-W31 on, 3 lay off what the labels showed.'
    """
    words = f"Of {failure.n} estimates checked from {since} on, {failure.n_missed} lay off what the labels showed."
    return Refusal(case=Case.MISSED, words=words, since=since, measures=(measure,), column=column)


def other_inputs(area: float) -> tuple[Refusal, ...]:
    """Whether a window's inputs are too far from the reference's to expect losses from them.

    Parameters
    ----------
    area : float
        Of the ROC curve of a classifier that tells the window's sampled rows from the reference's, out of fold.

    Examples
    --------
    >>> other_inputs(0.7)
    ()
    >>> other_inputs(0.93)[0].words
    'Its inputs are hardly in the reference: a classifier tells rows apart with an AUC of 0.93, more than 0.8.'
    """
    if area <= MOST_AREA:
        return ()
    words = (
        "Its inputs are hardly in the reference: a classifier tells rows apart with an AUC of "
        f"{area:.2f}, more than {MOST_AREA:g}."
    )
    return (Refusal(case=Case.OTHER_INPUTS, words=words),)


def withheld(measures: Sequence[Measure], refusals: Sequence[Refusal]) -> tuple[Measure, ...]:
    """Estimates as they may be shown: undefined, with the reasons, where there are any.

    Examples
    --------
    >>> from core.performance.measures import estimate
    >>> shown = estimate("estimated_recall", 0.5, 40, interval=None, convention="")
    >>> withheld([shown], reasons(concept_since="2026-W31"))[0].why
    'Labels that have come say that outcomes no longer follow the score, from 2026-W31 on.'
    """
    found = []
    for measure in measures:
        own = [refusal.words for refusal in refusals if refusal.concerns(measure)]
        if own and measure.value is not None:
            found.append(
                replace(
                    measure,
                    value=None,
                    interval=None,
                    change=None,
                    p_value=None,
                    status=Status.UNDEFINED,
                    why=" ".join(own),
                )
            )
        else:
            found.append(measure)
    return tuple(found)
