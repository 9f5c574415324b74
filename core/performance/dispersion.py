"""How much more measures vary from window to window than their rows make them, and intervals that respect it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from scipy.special import ndtr, ndtri, stdtrit

from core.measure import Interval, Measure

__all__ = ["MIN_WINDOWS", "Dispersion", "window_dispersions", "with_dispersion"]

MIN_WINDOWS = 7  # of the reference, to tell their spread from
ROWS = "day-to-day variation"
UNBOUNDED = (-math.inf, math.inf)
DOMAINS: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("bias", "cost_per_row", "calibration_slope", "calibration_intercept"), UNBOUNDED),
    **dict.fromkeys(("mae", "rmse", "mape", "rmsle", "log_loss"), (0.0, math.inf)),
    "r2": (-math.inf, 1.0),
}

Key = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispersion:
    """How alike two rows of one window are (``correlation``), as told from ``n_windows`` windows."""

    correlation: float
    n_windows: int

    def factor(self, n: float) -> float:
        """The variance of a window of n rows over what independent rows would give."""
        return 1 + max(0.0, n - 1) * self.correlation


def window_dispersions(whole: Iterable[Measure], windows: Sequence[Sequence[Measure]]) -> Mapping[Key, Dispersion]:
    """How much more does each measure vary between windows of the reference than its intervals allow?

    Parameters
    ----------
    whole : iterable of Measure
        Of all windows together.
    windows : sequence of sequences of Measure
        The same measures of each window.

    Returns
    -------
    mapping of (measure, column) to Dispersion
        Of those that vary more than chance makes them, in at least 7 windows that give them an interval: with
        s² = R / (R - 1) Σ n d² / Σ n e², d the distance from the whole and e the standard error, the correlation is
        (s² - 1) / (n - 1), n the mean rows of a window.

    References
    ----------
    J. N. K. Rao, A. J. Scott (1992), doi:10.2307/2532311 (the design effect of clustered counts).

    Examples
    --------
    >>> from core.performance.measures import rate
    >>> among = {"among": "labelled", "empty": "No label."}
    >>> days = [[rate("accuracy", k, 1000, **among)] for k in (880, 930, 910, 870, 940, 900, 870, 900)]
    >>> found = window_dispersions([rate("accuracy", 7200, 8000, **among)], days)
    >>> round(found["accuracy", ""].factor(1000), 1)
    7.6
    """
    found = {}
    by_window = [{(m.measure, m.column): m for m in measures} for measures in windows]
    for measure in whole:
        if measure.value is None:
            continue
        key = (measure.measure, measure.column)
        parts = [m for window in by_window if (m := window.get(key)) is not None]
        by_chance, apart, rows = 0.0, 0.0, 0
        known = [(part.value, part.n, error) for part in parts if part.value is not None and (error := _error(part))]
        if len(known) < MIN_WINDOWS:
            continue
        for value, n, error in known:
            apart += n * (value - measure.value) ** 2
            by_chance += n * error**2
            rows += n
        excess = apart / by_chance * len(known) / (len(known) - 1) - 1
        mean_rows = rows / len(known)
        if excess > 0 and mean_rows > 1:
            found[key] = Dispersion(correlation=excess / (mean_rows - 1), n_windows=len(known))
    return found


def with_dispersion(
    measures: Iterable[Measure], dispersions: Mapping[Key, Dispersion], *, n_windows: int = 1
) -> tuple[Measure, ...]:
    """Measures with intervals, changes and p-values that allow for windows that differ by more than chance.

    Parameters
    ----------
    measures : iterable of Measure
    dispersions : mapping of (measure, column) to Dispersion
        Of `window_dispersions`.
    n_windows : int
        How many windows the measures are taken over; these are independent of each other.

    Returns
    -------
    tuple of Measure
        In order. Intervals are wider by the root of the factor and by Student's quantile over the normal one, as
        the factor is told from few windows, and are for the level that windows vary about; the convention says
        so. Those without dispersion are as they were.

    Examples
    --------
    >>> from core.performance.measures import rate
    >>> accuracy = rate("accuracy", 900, 1000, among="labelled", empty="No label.")
    >>> known = {("accuracy", ""): Dispersion(correlation=0.003, n_windows=30)}
    >>> [wider] = with_dispersion([accuracy], known)
    >>> round(wider.interval.low, 3), round(wider.interval.high, 3)
    (0.858, 0.936)
    >>> wider.convention
    'share of rows labelled; Wilson interval, 2.09 times as wide for day-to-day variation'
    """
    found = []
    for measure in measures:
        dispersion = dispersions.get((measure.measure, measure.column))
        if dispersion is None or measure.value is None or measure.interval is None:
            found.append(measure)
        else:
            found.append(_widened(measure, measure.value, measure.interval, dispersion, n_windows=n_windows))
    return tuple(found)


def _widened(measure: Measure, value: float, interval: Interval, dispersion: Dispersion, *, n_windows: int) -> Measure:
    quantile = (1 + interval.confidence) / 2
    normal = float(ndtri(quantile))
    student = float(stdtrit(dispersion.n_windows - 1, quantile))
    times = math.sqrt(dispersion.factor(measure.n / n_windows)) * student / normal
    least, most = DOMAINS.get(measure.measure, (0.0, 1.0))
    wide = _stretched(value, interval, times)
    wide = Interval(low=max(least, wide.low), high=min(most, wide.high), confidence=interval.confidence)
    convention = f"{measure.convention}, {times:.3g} times as wide for {ROWS}"
    measure = replace(measure, interval=wide, convention=convention)
    if measure.change is None or measure.reference is None:
        return measure
    difference = value - measure.reference
    change = _stretched(difference, measure.change, times)
    arm = difference - change.low if difference > 0 else change.high - difference
    p_value = float(2 * ndtr(-abs(difference) / (arm / normal))) if arm > 0 else measure.p_value
    return replace(measure, change=change, p_value=p_value)


def _stretched(middle: float, interval: Interval, times: float) -> Interval:
    return Interval(
        low=middle - times * (middle - interval.low),
        high=middle + times * (interval.high - middle),
        confidence=interval.confidence,
    )


def _error(measure: Measure) -> float:
    """The standard error that an interval stands for; 0 without one."""
    if measure.interval is None:
        return 0.0
    return (measure.interval.high - measure.interval.low) / (2 * float(ndtri((1 + measure.interval.confidence) / 2)))
