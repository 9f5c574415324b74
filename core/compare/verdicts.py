"""Better, worse, no worse, or can't tell: how a difference is judged against its margin, and in which words."""

from __future__ import annotations

from enum import StrEnum

from core.measure import Interval

__all__ = ["IN_LABEL_UNITS", "RATES", "Verdict", "in_words", "judge", "verdict_words"]

RATES = frozenset({"accuracy", "false_positive_rate", "macro_recall", "recall", "selection_rate"})
IN_LABEL_UNITS = frozenset({"bias", "mae", "mse"})


class Verdict(StrEnum):
    """What the interval of a difference says; the last three are never good news.

    NO_WORSE is non-inferiority. SAME and CHANGED are for measures of which no direction is better.
    """

    BETTER = "better"
    NO_WORSE = "no_worse"
    SAME = "same"
    CHANGED = "changed"
    WORSE = "worse"
    CANNOT_TELL = "cannot_tell"
    INSUFFICIENT = "insufficient"
    UNDEFINED = "undefined"


def judge(interval: Interval, *, margin: float, higher_is_better: bool | None) -> Verdict:
    """What does the interval of candidate - champion say, if differences up to `margin` don't matter?

    Parameters
    ----------
    interval : Interval
        Of candidate - champion.
    margin : float
        At least 0, in the same units.
    higher_is_better : bool or None
        None if neither direction is.

    Returns
    -------
    Verdict
        BETTER if the whole interval is on the better side of 0; NO_WORSE if the candidate is worse by at most
        the margin over the whole interval, even if all of it is on the worse side of 0; WORSE if all of it is,
        and it reaches beyond the margin; else CANNOT_TELL. Without a direction: SAME if the whole interval
        is within the margin on both sides, CHANGED if it leaves out 0 and reaches beyond, else CANNOT_TELL.

    References
    ----------
    G. Piaggio et al. (2012), CONSORT on non-inferiority, doi:10.1001/jama.2012.87802.

    Examples
    --------
    >>> judge(Interval(low=-0.004, high=0.02), margin=0.01, higher_is_better=True)
    <Verdict.NO_WORSE: 'no_worse'>
    >>> judge(Interval(low=0.006, high=0.062), margin=0.02, higher_is_better=False)
    <Verdict.WORSE: 'worse'>
    """
    if higher_is_better is None:
        if -margin <= interval.low and interval.high <= margin:
            return Verdict.SAME
        return Verdict.CHANGED if interval.low > 0 or interval.high < 0 else Verdict.CANNOT_TELL
    low, high = (interval.low, interval.high) if higher_is_better else (-interval.high, -interval.low)
    if low > 0:
        return Verdict.BETTER
    if low >= -margin:
        return Verdict.NO_WORSE
    return Verdict.WORSE if high < 0 else Verdict.CANNOT_TELL


def verdict_words(
    measure: str,
    difference: float,
    interval: Interval,
    *,
    margin: float,
    higher_is_better: bool | None,
    terms: tuple[str, str] = ("better", "worse"),
) -> str:
    """Why the verdict is what it is, in one sentence.

    Examples
    --------
    >>> limits = Interval(low=0.006, high=0.062)
    >>> verdict_words("false_positive_rate", 0.034, limits, margin=0.02, higher_is_better=False)
    '+3.4 points [+0.6, +6.2]: all of it is worse, and it reaches beyond the margin of 2.0 points.'
    """
    verdict, (better, worse) = judge(interval, margin=margin, higher_is_better=higher_is_better), terms
    limit = f"the margin of {in_words(measure, margin, signed=False)}"
    best = interval.high if higher_is_better else interval.low
    if verdict is Verdict.BETTER:
        reason = f"all of it is {better}."
    elif verdict is Verdict.NO_WORSE:
        all_worse = best < 0 if higher_is_better else best > 0
        reason = f"all of it is {worse}, but within {limit}." if all_worse else f"{worse} by at most {limit}."
    elif verdict is Verdict.WORSE and abs(best) > margin:
        reason = f"all of it is {worse} by more than {limit}."
    elif verdict is Verdict.WORSE:
        reason = f"all of it is {worse}, and it reaches beyond {limit}."
    elif verdict is Verdict.SAME:
        reason = f"all of it is within {limit}."
    elif verdict is Verdict.CHANGED:
        reason = f"it leaves out 0 and reaches beyond {limit}."
    else:
        reason = f"it holds 0 and reaches beyond {limit}."
    limits = f"[{_number(measure, interval.low)}, {_number(measure, interval.high)}]"
    return f"{in_words(measure, difference)} {limits}: {reason}"


def in_words(measure: str, value: float, *, signed: bool = True) -> str:
    """A difference in words: rates in points, the label's units in 4 digits, all else with 3 decimals.

    Examples
    --------
    >>> in_words("recall", -0.0213), in_words("roc_auc", 0.031), in_words("mae", 1204.56, signed=False)
    ('−2.1 points', '+0.031', '1,205')
    """
    return f"{_number(measure, value, signed=signed)}{' points' if measure in RATES else ''}"


def _number(measure: str, value: float, *, signed: bool = True) -> str:
    sign = "+" if signed else ""
    if measure in RATES:
        text = f"{100 * value:{sign}.1f}"
    elif measure in IN_LABEL_UNITS:
        text = f"{value:{sign},.4g}"
    else:
        text = f"{value:{sign}.3f}"
    if not text.strip("+-0.,"):  # rounded to 0, so the sign is no news
        text = text.lstrip("+-")
    return text.replace("-", "−")
