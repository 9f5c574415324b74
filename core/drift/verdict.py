"""Has one column drifted, is it proven stable, or can't it be told? Asked once, of one window or span."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.drift.divergences import cohens_w_measures
from core.drift.shares import Bins, comparison_bins
from core.measure import Interval, Status
from core.stats.effects import rows_to_prove, shift_test
from core.stats.hypothesis import (
    chi_square_homogeneity,
    pool_sparse,
    zero_reference_p_value,
)
from core.stats.intervals import clopper_pearson

__all__ = [
    "ShiftVerdict",
    "Verdict",
    "shift_verdict",
    "verdict_of_counts",
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
