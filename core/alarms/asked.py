"""Answer what somebody asks of one window, apart from alarms: a p-value, corrected for all that is asked.

"Does this segment differ?", "is this one window different?" are asked once and answered by Benjamini and
Hochberg's procedure over all measures asked together. Nobody is paged by an answer, and asking again
tomorrow is another question: what is watched day after day belongs to `core.alarms.watch`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from core.measure import Interval, Measure, Status
from core.stats.hypothesis import benjamini_hochberg

__all__ = ["judge"]


def judge(measures: Sequence[Measure], *, level: float) -> tuple[Measure, ...]:
    """Give each measure that is asked of its verdict.

    Parameters
    ----------
    measures : sequence of Measure
        Judged together; those without value, p-value, margin or interval of change keep their status.
    level : float
        The false discovery rate within the window, in (0, 1).

    Returns
    -------
    tuple of Measure
        CRITICAL: certain and wholly beyond the margin. WARNING: certain. OK: the interval of change lies
        within the margin. INSUFFICIENT: neither, with the n that would be needed.

    References
    ----------
    Y. Benjamini, Y. Hochberg (1995), doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> from core.measure import Family
    >>> moved = Measure(family=Family.DATA_DRIFT, measure="psi", value=0.3, n=1000, convention="",
    ...     change=Interval(low=0.25, high=0.36), margin=0.1, p_value=1e-9)
    >>> judge([moved], level=0.01)[0].status
    <Status.CRITICAL: 'critical'>
    """
    tested = [index for index, measure in enumerate(measures) if _is_testable(measure)]
    adjusted = np.ones(len(measures))
    if tested:
        adjusted[tested] = benjamini_hochberg([measures[index].p_value or 0.0 for index in tested])
    judged = [_unjudged(measure) for measure in measures]
    for index in tested:
        status, why = _verdict(measures[index], float(adjusted[index]), level)
        judged[index] = measures[index].judged(status, why)
    return tuple(judged)


def _unjudged(measure: Measure) -> Measure:
    """A measure that is shown and not judged says so: that is neither good news nor too little data."""
    if measure.status is not Status.INSUFFICIENT or measure.why:
        return measure
    return measure.judged(
        measure.status, "not judged: " + ("no margin is set" if measure.margin is None else "no test")
    )


def _is_testable(measure: Measure) -> bool:
    return (
        measure.status is not Status.UNDEFINED
        and measure.p_value is not None
        and measure.margin is not None
        and measure.change is not None
    )


def _verdict(measure: Measure, adjusted: float, level: float) -> tuple[Status, str]:
    change, margin = measure.change, measure.margin
    if change is None or margin is None:
        raise ValueError(f"{measure.measure} can't be judged without an interval of change and a margin.")
    shown = "below 0.0001" if adjusted < 1e-4 else f"{adjusted:.2g}"
    certain = f"certain (adjusted p {shown}, level {level:.2g})"
    if adjusted <= level:
        if change.low > margin or change.high < -margin:
            return Status.CRITICAL, f"the change is beyond the margin of {margin:g} and {certain}"
        return Status.WARNING, f"the change is {certain}, but not wholly beyond the margin of {margin:g}"
    if -margin <= change.low and change.high <= margin:
        return Status.OK, f"no evidence of change; it lies within the margin of {margin:g}"
    return Status.INSUFFICIENT, _too_little(measure.n, change, margin)


def _too_little(n: int, change: Interval, margin: float) -> str:
    """How many rows would have been enough to tell, if nothing else changed."""
    half = (change.high - change.low) / 2
    if n == 0 or margin <= 0 or not math.isfinite(half):
        return "too little data to tell"
    needed = max(n + 1, math.ceil(n * (half / margin) ** 2))
    return f"too little data to tell: n {n:,}, about {needed:,} needed"
