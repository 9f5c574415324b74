"""Two versions looked at again and again as labels come in: which is right more often, whenever one stops to ask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy

from core.compare.paired import too_few
from core.compare.verdicts import Verdict, judge, verdict_words
from core.errors import InputError
from core.measure import Interval

__all__ = ["SequentialDifference", "log_e_values", "sequential_difference"]

Floats = NDArray[np.float64]

LARGEST = 700.0  # the logarithm of the largest e-value that is told
STAKES = np.array([0.05, 0.1, 0.2, 0.4, 0.8])
CONVENTION = "mean of bets at five stakes; interval of all accuracies that no bet has refuted"


@dataclass(frozen=True, slots=True, kw_only=True)
class SequentialDifference:
    """The difference of two accuracies, candidate - champion, on `n` rows that were looked at as often as one likes.

    ``n_gained`` rows went from wrong to right, ``n_lost`` from right to wrong. The e-values are evidence against "the
    candidate is no better" and "worse by more than the margin", and, in ``e_worse``, against "no worse".
    """

    n: int
    n_gained: int
    n_lost: int
    difference: float | None
    interval: Interval | None
    e_better: float
    e_no_worse: float
    e_worse: float
    margin: float
    verdict: Verdict
    why: str
    convention: str = CONVENTION


def log_e_values(n_gained: ArrayLike, n_lost: ArrayLike, n: ArrayLike, *, at_most: ArrayLike = 0.0) -> Floats:
    """How strong is the evidence that the candidate's accuracy exceeds the champion's by more than `at_most`?

    Parameters
    ----------
    n_gained, n_lost : int arrays
        Rows that only the candidate, and only the champion, got right; such as up to each day.
    n : int array
        All rows with a label and both predictions, at least n_gained + n_lost.
    at_most : float array
        In (-1, 1): what is held against the evidence, that the difference is at most this.

    Returns
    -------
    float array of the shape that the arguments broadcast to
        The natural logarithms of e-values. If each row's difference is expected to be at most `at_most` whatever
        came before, the e-value ever exceeds 1 / alpha with a probability of at most alpha.

    Raises
    ------
    InputError
        If the counts don't fit, or `at_most` is no such number.

    References
    ----------
    I. Waudby-Smith, A. Ramdas (2024), on betting, doi:10.1093/jrsssb/qkad009; the bound is Ville's inequality.

    Examples
    --------
    >>> np.exp(log_e_values(60, 30, 1000, at_most=[-0.01, 0])).round(3).tolist()
    [1529.234, 43.231]
    """
    gained, lost, rows, bound = np.broadcast_arrays(
        *(np.asarray(each, dtype=np.float64)[..., None] for each in (n_gained, n_lost, n, at_most))
    )
    least = np.minimum(np.minimum(gained, lost), rows - gained - lost)
    if (least < 0).any():
        at = [f"{each.flat[int(least.argmin())]:,.0f}" for each in (gained, lost, rows)]
        raise InputError(f"{at[0]} rows gained and {at[1]} lost don't fit into {at[2]} rows.")
    outside = ~((bound > -1) & (bound < 1))
    if outside.any():
        raise InputError(f"at_most must lie between -1 and 1, both excluded, got {bound[outside].flat[0]}.")
    stakes = np.minimum(STAKES, 1 / (1 + bound))  # more than all can't be staked
    by_stake = np.zeros(stakes.shape)
    for count, change in ((gained, 1.0), (lost, -1.0), (rows - gained - lost, 0.0)):
        by_stake = by_stake + xlogy(count, np.maximum(1 + stakes * (change - bound), 0.0))
    most = by_stake.max(axis=-1, keepdims=True, initial=-np.finfo(float).max)
    logs: Floats = np.log(np.exp(by_stake - most).mean(axis=-1)) + most[..., 0]
    return logs


def sequential_difference(
    n_gained: int, n_lost: int, n: int, *, margin: float = 0.01, min_rows: int = 30, confidence: float = 0.95
) -> SequentialDifference:
    """Is the candidate right more often, no less often by more than a margin, or less often, at whatever time one asks?

    Each row counts once, when its label comes in; what comes in may not depend on who was right. Unlike McNemar's
    test this may be asked every day, and one may stop at the day that says what one hoped for.

    Parameters
    ----------
    n_gained, n_lost : int
        Rows that only the candidate, and only the champion, got right.
    n : int
        All rows with a label and both predictions.
    margin : float
        A loss of accuracy that doesn't matter, in [0, 1).
    min_rows : int
        Below it the verdict is INSUFFICIENT.
    confidence : float
        That the interval holds the difference at all times at once; each of its ends fails in half of the rest.

    Returns
    -------
    SequentialDifference
        BETTER, NO_WORSE, WORSE or, as long as neither is shown, CANNOT_TELL; of two equal versions one is ever called
        better or worse with a probability of at most 1 - confidence.

    Raises
    ------
    InputError
        If counts or options can't be used.

    References
    ----------
    I. Waudby-Smith, A. Ramdas (2024), doi:10.1093/jrsssb/qkad009.

    Examples
    --------
    >>> found = sequential_difference(70, 30, 1000)
    >>> found.verdict, found.why
    (<Verdict.BETTER: 'better'>, '+4.0 points [+0.9, +7.3]: all of it is better.')
    >>> sequential_difference(30, 30, 1000).verdict
    <Verdict.CANNOT_TELL: 'cannot_tell'>
    """
    if not 0 < confidence < 1:
        raise InputError(f"confidence must lie between 0 and 1, both excluded, got {confidence}.")
    if not 0 <= margin < 1:
        raise InputError(f"margin must be 0 or more and less than 1, got {margin}.")
    bound = float(np.log(2 / (1 - confidence)))
    low, high = _refuted(n_gained, n_lost, n, bound), -_refuted(n_lost, n_gained, n, bound)
    interval = Interval(low=low, high=high, confidence=confidence) if n else None
    difference = (n_gained - n_lost) / n if n else None
    verdict, why = Verdict.UNDEFINED, "No row with a label and both predictions."
    if difference is not None and interval is not None:
        verdict, why = Verdict.INSUFFICIENT, too_few(n, "with a label and both predictions", min_rows)
        if not why:
            verdict = judge(interval, margin=margin, higher_is_better=True)
            why = verdict_words("accuracy", difference, interval, margin=margin, higher_is_better=True)
    gained, lost, held = [n_gained, n_gained, n_lost], [n_lost, n_lost, n_gained], [0.0, -margin, 0.0]
    e_values = np.exp(np.minimum(log_e_values(gained, lost, n, at_most=held), LARGEST)).tolist()
    return SequentialDifference(
        n=n,
        n_gained=n_gained,
        n_lost=n_lost,
        difference=difference,
        interval=interval,
        e_better=e_values[0],
        e_no_worse=e_values[1],
        e_worse=e_values[2],
        margin=margin,
        verdict=verdict,
        why=why,
    )


def _refuted(n_gained: int, n_lost: int, n: int, bound: float) -> float:
    """The largest difference that the evidence refutes, -1 if it refutes none: the evidence falls as it grows."""
    least, most = -1.0, 1.0
    for _ in range(5):  # to a hundred-millionth
        asked = np.linspace(least, most, 66)[1:-1]
        n_refuted = int((log_e_values(n_gained, n_lost, n, at_most=asked) >= bound).sum())
        edges = np.concatenate([[least], asked, [most]])
        least, most = float(edges[n_refuted]), float(edges[n_refuted + 1])
    return least
