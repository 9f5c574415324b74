"""Has one column drifted, is it proven stable, or can't it be told? Asked once, of one window or span.

These are answers to questions that someone asks, each with its own error; they are no alarms. What is watched
window after window needs error control over time too: `core.alarms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.drift.divergences import cohens_w_measures
from core.drift.shares import Bins, comparison_bins
from core.measure import Interval, Status
from core.stats.effects import rows_to_prove, shift_test
from core.stats.hypothesis import (
    benjamini_hochberg,
    benjamini_yekutieli,
    chi_square_homogeneity,
    pool_sparse,
    zero_reference_p_value,
)
from core.stats.intervals import clopper_pearson

__all__ = [
    "CORRECTIONS",
    "Answer",
    "ColumnAnswer",
    "ShiftVerdict",
    "Verdict",
    "shift_verdict",
    "verdict_of_counts",
    "which_columns_differ",
]

Ints = NDArray[np.int64]

MARGIN_W = 0.1  # Cohen's small effect; a PSI of about 0.01
SHARE_MARGIN = 0.01  # of rows that leave a constant column's value
ALPHA = 0.05
POWER = 0.8


class Verdict(StrEnum):
    """What can be said of one column's shift; only STABLE is proof that nothing much moved."""

    DRIFT = "drift"
    STABLE = "stable"
    MINOR = "minor"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftVerdict:
    """A verdict with what it rests on.

    ``p_drift`` is of "the shift is at most the margin", ``p_stable`` of "it is at least the margin", ``p_any``
    of "no shift"; the first two err with probability `alpha` each at the margin itself. ``w`` is Cohen's w less
    its bias, with its 95% interval. ``rows_needed`` is how many rows would prove an unmoved column stable, in 80
    of 100 windows; None where the verdict is not inconclusive, or where no number of rows is enough.
    """

    verdict: Verdict
    reason: str
    n_reference: int
    n_current: int
    margin: float
    alpha: float
    dispersion: float
    w: float | None = None
    interval: Interval | None = None
    n_bins: int = 0
    p_drift: float | None = None
    p_stable: float | None = None
    p_any: float | None = None
    rows_needed: int | None = None

    @property
    def status(self) -> Status:
        """The verdict on the scale of all measures."""
        return {
            Verdict.DRIFT: Status.CRITICAL,
            Verdict.STABLE: Status.OK,
            Verdict.MINOR: Status.OK,
            Verdict.INCONCLUSIVE: Status.INSUFFICIENT,
        }[self.verdict]


def shift_verdict(
    reference: Ints,
    current: Ints,
    bins: Bins,
    *,
    margin: float = MARGIN_W,
    alpha: float = ALPHA,
    dispersion: float = 1.0,
) -> ShiftVerdict:
    """Has this column drifted by more than the margin, is it proven not to have, or can't it be told?

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
        Counts of the regular bins and the seven special ones; `current` is one window, or several added up.
    bins : NumericBins or CategoryBins
    margin : float
        Cohen's w that matters: 0.1 is called small, 0.3 medium.
    alpha : float
        How often DRIFT may be said of a column that moved by the margin or less, and STABLE of one that moved
        by the margin or more, in (0, 0.2).
    dispersion : float
        How much more shares vary between windows than independent rows would, at least 1.

    Returns
    -------
    ShiftVerdict
        DRIFT: certainly more than the margin. STABLE: certainly less. MINOR: certainly moved, neither of both.
        INCONCLUSIVE: nothing is certain, with the rows needed. If the reference is constant, what is judged is the
        share of other values against 1% of rows. The reference's own uncertainty is part of the tests.

    References
    ----------
    W. C. Guenther (1977), Power and sample size for approximate chi-square tests, The American Statistician 31;
    J. Cohen (1988), doi:10.4324/9780203771587.

    Examples
    --------
    >>> from core.stats.binning import CategoryBins
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> reference, moved = np.array([5_000, 5_000, *[0] * 7]), np.array([700, 300, *[0] * 7])
    >>> shift_verdict(reference, moved, bins).reason
    'drift: w 0.40, certainly above 0.1 (p below 0.0001)'
    >>> shift_verdict(reference, np.array([52, 48, *[0] * 7]), bins).reason
    'inconclusive: w 0.00, nothing is certain with n 100; about 937 rows would prove an unmoved column stable'
    """
    m, n = int(reference.sum()), int(current.sum())
    if not (m and n):
        why = "the reference has no rows" if not m else "there are no rows in this window"
        return _undecided(why, m, n, margin=margin, alpha=alpha, dispersion=dispersion)
    sides = comparison_bins(reference, current, bins)
    return verdict_of_counts(*sides, margin=margin, alpha=alpha, dispersion=dispersion)


def verdict_of_counts(
    reference: Ints,
    current: Ints,
    *,
    margin: float = MARGIN_W,
    alpha: float = ALPHA,
    dispersion: float = 1.0,
) -> ShiftVerdict:
    """The `shift_verdict` of any two count vectors on the same bins, sparse ones pooled.

    Parameters
    ----------
    reference, current : int arrays of shape (n_bins,)
        At least one row on each side.

    Examples
    --------
    >>> even = np.full(10, 100_000)
    >>> verdict_of_counts(even, np.full(10, 1_000)).verdict
    <Verdict.STABLE: 'stable'>
    """
    m, n = int(reference.sum()), int(current.sum())
    if np.count_nonzero(reference) == 1:
        n_other = n - int(current[np.argmax(reference)])
        return _of_constant(m, n, n_other, margin=margin, alpha=alpha, dispersion=dispersion)
    sides = pool_sparse(reference, current)
    pearson = chi_square_homogeneity(*sides, minimum=0, dispersion=dispersion)
    if pearson is None:
        why = "fewer than two bins are expected to hold 5 rows or more"
        return _undecided(why, m, n, margin=margin, alpha=alpha, dispersion=dispersion)
    test = shift_test(*sides, margin=margin, dispersion=dispersion)
    (w,) = cohens_w_measures(sides[0][np.newaxis], sides[1][np.newaxis], dispersion=dispersion)
    p_drift, p_stable = float(test.p_larger), float(test.p_smaller)
    needed = None
    shown = f"w {w.value or 0.0:.2f}"
    if p_drift < alpha:
        verdict, reason = Verdict.DRIFT, f"{shown}, certainly above {margin:g} ({_p(p_drift)})"
    elif p_stable < alpha:
        verdict, reason = Verdict.STABLE, f"{shown}, proven to be below {margin:g} ({_p(p_stable)})"
    elif pearson.p_value < alpha:
        verdict = Verdict.MINOR
        reason = f"{shown}, certainly moved ({_p(pearson.p_value)}), not certainly by more than {margin:g} nor by less"
    else:
        verdict = Verdict.INCONCLUSIVE
        needed = rows_to_prove(
            pearson.df, margin=margin, n_reference=m, alpha=alpha, power=POWER, dispersion=dispersion
        )
        reason = f"{shown}, nothing is certain with n {n:,}; {_needed(needed, m)}"
    return ShiftVerdict(
        verdict=verdict,
        reason=f"{verdict}: {reason}",
        n_reference=m,
        n_current=n,
        margin=margin,
        alpha=alpha,
        dispersion=dispersion,
        w=w.value,
        interval=w.interval,
        n_bins=pearson.df + 1,
        p_drift=p_drift,
        p_stable=p_stable,
        p_any=pearson.p_value,
        rows_needed=needed,
    )


def _p(p_value: float) -> str:
    return "p below 0.0001" if p_value < 1e-4 else f"p {p_value:.2g}"


def _needed(rows: int | None, n_reference: int) -> str:
    if rows is None:
        return f"no number of rows is enough against a reference of {n_reference:,}"
    return f"about {rows:,} rows would prove an unmoved column stable"


def _undecided(why: str, m: int, n: int, *, margin: float, alpha: float, dispersion: float) -> ShiftVerdict:
    return ShiftVerdict(
        verdict=Verdict.INCONCLUSIVE,
        reason=f"inconclusive: {why}",
        n_reference=m,
        n_current=n,
        margin=margin,
        alpha=alpha,
        dispersion=dispersion,
    )


def _of_constant(m: int, n: int, n_other: int, *, margin: float, alpha: float, dispersion: float) -> ShiftVerdict:
    """A constant column has no w: judged is the share of rows with another value, exactly."""
    rows = max(1, int(n / dispersion))
    others = min(rows, round(n_other / dispersion))
    limits = clopper_pearson(others, rows, confidence=1 - 2 * alpha)
    p_any = zero_reference_p_value(others, rows, max(1, int(m / dispersion)))
    shown, bound = f"{n_other / n:.1%} of rows left the reference's only value", f"{SHARE_MARGIN:.0%}"
    if limits.low > SHARE_MARGIN and p_any < alpha:
        verdict, reason = Verdict.DRIFT, f"{shown}, certainly more than {bound}"
    elif limits.high < SHARE_MARGIN:
        verdict, reason = Verdict.STABLE, f"{shown}, proven to be fewer than {bound}"
    elif p_any < alpha:
        verdict, reason = Verdict.MINOR, f"{shown}, which the reference never did, not certainly more than {bound}"
    else:
        verdict, reason = Verdict.INCONCLUSIVE, f"{shown}, nothing is certain with n {n:,}"
    needed = None
    if verdict is Verdict.INCONCLUSIVE:
        needed = int(np.ceil(dispersion * np.log(alpha) / np.log1p(-SHARE_MARGIN)))
        reason += f"; about {needed:,} rows would prove an unmoved column stable"
    return ShiftVerdict(
        verdict=verdict,
        reason=f"{verdict}: {reason}",
        n_reference=m,
        n_current=n,
        margin=margin,
        alpha=alpha,
        dispersion=dispersion,
        n_bins=2,
        p_any=p_any,
        rows_needed=needed,
    )


CORRECTIONS = {
    "benjamini-yekutieli": (benjamini_yekutieli, "Benjamini-Yekutieli, however the columns depend on one another"),
    "benjamini-hochberg": (benjamini_hochberg, "Benjamini-Hochberg, if the columns are independent or move together"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnAnswer:
    """Whether one column differs: its own p-value, the one adjusted for all columns asked, and the verdict."""

    column: str
    differs: bool
    p_value: float | None
    adjusted_p_value: float | None
    verdict: ShiftVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to "does this window differ?", the smallest p-value first."""

    columns: tuple[ColumnAnswer, ...]
    n_tested: int
    alpha: float
    correction: str
    sentence: str

    @property
    def differing(self) -> tuple[str, ...]:
        """The columns that differ."""
        return tuple(column.column for column in self.columns if column.differs)


def which_columns_differ(
    columns: Mapping[str, tuple[Ints, Ints, Bins]],
    *,
    correction: str = "benjamini-yekutieli",
    alpha: float = ALPHA,
    margin: float = MARGIN_W,
    dispersion: Mapping[str, float] | None = None,
) -> Answer:
    """Is this one window different, and in which columns? Asked once, so with no error control over time.

    Parameters
    ----------
    columns : mapping of str to (reference, current, bins)
        The count vectors of each column asked, of shape (bins.size,).
    correction : str
        A key of `CORRECTIONS`: 'benjamini-yekutieli' or 'benjamini-hochberg'.
    alpha : float
        The share of the columns called different that may be wrong, in expectation, in (0, 0.2).
    margin : float
        Of the verdicts, Cohen's w.
    dispersion : mapping of str to float, optional
        Of the columns that have one above 1.

    Returns
    -------
    Answer
        The p-values are of Pearson's two-sample chi-square, beta-binomial where the reference is constant. Columns
        that can't be tested have none and don't count.

    Raises
    ------
    ValueError
        If there is no such correction.

    References
    ----------
    Y. Benjamini, D. Yekutieli (2001), doi:10.1214/aos/1013699998; Y. Benjamini, Y. Hochberg (1995),
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> from core.stats.binning import CategoryBins
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> same, moved = np.array([500, 500, *[0] * 7]), np.array([600, 400, *[0] * 7])
    >>> answer = which_columns_differ({"plan": (same, same, bins), "colour": (same, moved, bins)})
    >>> answer.differing, round(answer.columns[0].adjusted_p_value, 5)
    (('colour',), 2e-05)
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"No correction is called {correction!r}; known: {', '.join(CORRECTIONS)}.")
    adjust, words = CORRECTIONS[correction]
    verdicts = {
        name: shift_verdict(*sides, margin=margin, alpha=alpha, dispersion=(dispersion or {}).get(name, 1.0))
        for name, sides in columns.items()
    }
    tested = [name for name, verdict in verdicts.items() if verdict.p_any is not None]
    adjusted = dict(zip(tested, adjust([verdicts[name].p_any or 0.0 for name in tested]).tolist(), strict=True))
    answers = [
        ColumnAnswer(
            column=name,
            differs=name in adjusted and adjusted[name] <= alpha,
            p_value=verdict.p_any,
            adjusted_p_value=adjusted.get(name),
            verdict=verdict,
        )
        for name, verdict in verdicts.items()
    ]
    answers.sort(key=lambda answer: 2.0 if answer.p_value is None else answer.p_value)
    return Answer(
        columns=tuple(answers),
        n_tested=len(tested),
        alpha=alpha,
        correction=words,
        sentence=_sentence(answers, len(tested), alpha, words),
    )


def _sentence(answers: Sequence[ColumnAnswer], n_tested: int, alpha: float, correction: str) -> str:
    differing = [answer.column for answer in answers if answer.differs]
    columns = "1 column" if n_tested == 1 else f"{n_tested:,} columns"
    if not n_tested:
        return "No column can be tested in this window."
    if not differing:
        return f"None of {columns} differs: no adjusted p-value is at most {alpha:g} ({correction})."
    named = ", ".join(differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
    verb = "differs" if len(differing) == 1 else "differ"
    return f"{len(differing)} of {columns} {verb}, {named}: adjusted p-value at most {alpha:g} ({correction})."
