"""Judge the measures of one window: an alarm needs a difference that matters and is certain.

Certain means rejected by Benjamini and Hochberg's procedure over all measures judged together, at the
level 1/A where A is the number of windows in which one false alarm is allowed; with no change anywhere
a window then alarms with probability at most 1/A when the measures are independent or positively
dependent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import false_discovery_control

from core.measure import Interval, Measure, Status

__all__ = ["MIN_REFERENCE_WINDOWS", "Arming", "arm", "judge"]

MIN_REFERENCE_WINDOWS = 7
WINDOWS_WITHOUT_CALENDAR = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Arming:
    """Whether alarms are raised, at which level, and the reason in words."""

    is_armed: bool
    level: float
    n_reference_windows: int
    reason: str


def arm(n_reference_windows: int, *, windows_per_year: float | None, false_alarms_per_year: float = 1.0) -> Arming:
    """May alarms be raised on this reference, and how strictly?

    Parameters
    ----------
    n_reference_windows : int
        Windows the reference consists of; below 7 nothing is armed.
    windows_per_year : float or None
        None for windows of N rows, which are allowed one false alarm in 100 windows.
    false_alarms_per_year : float
        The budget, greater than 0.

    Examples
    --------
    >>> arm(12, windows_per_year=52.0).level.__round__(4)
    0.0192
    >>> arm(3, windows_per_year=52.0).reason
    'Not armed: the reference has 3 windows, 7 are needed.'
    """
    allowed = WINDOWS_WITHOUT_CALENDAR if windows_per_year is None else windows_per_year / false_alarms_per_year
    level = min(0.05, 1 / allowed)
    if n_reference_windows < MIN_REFERENCE_WINDOWS:
        windows = "1 window" if n_reference_windows == 1 else f"{n_reference_windows} windows"
        reason = f"Not armed: the reference has {windows}, {MIN_REFERENCE_WINDOWS} are needed."
        return Arming(is_armed=False, level=level, n_reference_windows=n_reference_windows, reason=reason)
    unit = "one in 100 windows" if windows_per_year is None else f"{false_alarms_per_year:g} a year"
    reason = f"Armed: at most {unit} of false alarms, if windows differ by chance alone."
    return Arming(is_armed=True, level=level, n_reference_windows=n_reference_windows, reason=reason)


def judge(measures: Sequence[Measure], *, level: float) -> tuple[Measure, ...]:
    """Give each measure of one window its verdict.

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
        adjusted[tested] = false_discovery_control([measures[index].p_value or 0.0 for index in tested])
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
