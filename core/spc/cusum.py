"""The tabular cumulative sum: how much shift has piled up, upwards and downwards, since all was well?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError
from core.spc.chart import ON_THE_LIMIT, ControlChart, as_base, as_floats
from core.spc.variables import individuals_chart

__all__ = ["CusumShift", "cusum_chart", "cusum_shift"]

Floats = NDArray[np.float64]


def cusum_chart(
    x: ArrayLike,
    *,
    allowance: float = 0.5,
    interval: float = 4.775,
    headstart: float = 0.0,
    base: ArrayLike | None = None,
    centre: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
) -> ControlChart:
    """Has the level shifted by about twice the allowance, and on which side?

    Parameters
    ----------
    x : float array-like of shape (..., n_points)
        One value a point, NaN where there is none; or the score of another chart, with centre 0 and sigma 1.
    allowance : float
        The reference value k in sigma, 0 or above: half the shift to find.
    interval : float
        The decision interval h in sigma, above 0; `core.spc.design` finds it.
    headstart : float
        Where both sums begin, in sigma, from 0 to below h: h / 2 finds a shift at the start sooner.
    base, centre, sigma
        As for `individuals_chart`; sigma may differ from point to point, as n does.

    Returns
    -------
    ControlChart
        In sigma: `statistic` is the sum upwards, `low_statistic` the sum downwards below 0, the centre 0, the
        limits h and -h; `score` is the standardised value that was added. A sum on its limit doesn't signal.
        Sums go on after a signal. A point without a value leaves them as they are, and has none itself.

    Raises
    ------
    InputError
        If allowance, interval, headstart or base are out of their domain.

    References
    ----------
    E. S. Page (1954), doi:10.1093/biomet/41.1-2.100; J. M. Lucas, R. B. Crosier (1982),
    Technometrics 24, 199-205, for the head start.

    Examples
    --------
    >>> chart = cusum_chart([11.46, 12.29, 14.5], centre=10.0, sigma=1.0, interval=5.0)
    >>> chart.statistic.round(2).tolist(), chart.signal.tolist()
    ([0.96, 2.75, 6.75], [0, 0, 1])
    """
    if not (np.isfinite(allowance) and allowance >= 0 and np.isfinite(interval) and interval > 0):
        raise InputError(f"A CUSUM needs k >= 0 and h > 0, got k = {allowance} and h = {interval}.")
    if not 0 <= headstart < interval:
        raise InputError(f"The head start must lie from 0 to below h = {interval}, got {headstart}.")
    values = as_floats(x, "x")
    plain = individuals_chart(values, base=as_base(base, np.isfinite(values)), centre=centre, sigma=sigma)
    step = plain.score
    high, low = (_summed(sign * step, allowance, headstart) for sign in (1, -1))
    limit = interval * (1 + ON_THE_LIMIT)
    there = np.isfinite(step)
    with np.errstate(invalid="ignore"):
        up, down = (high > limit) & (high >= low), (low > limit) & (low > high)
    signal = up.astype(np.int8) - down.astype(np.int8)
    edge = np.where(there, interval, np.nan)
    start = f", head start {headstart:.3f}" if headstart else ""
    return ControlChart(
        kind="CUSUM",
        statistic=high,
        low_statistic=-low,
        n=plain.n,
        centre=np.where(there, 0.0, np.nan),
        lower=-edge,
        upper=edge,
        score=step,
        signal=signal,
        n_base=plain.n_base,
        standards=plain.standards,
        convention=f"tabular CUSUM in sigma, k {allowance:g}, h {interval:.3f}{start}",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CusumShift:
    """When a sum began to grow, and how far the level has moved since: ``first`` and ``last`` are places of points.

    ``shift`` is in sigma, signed: the allowance and the sum's mean growth.
    """

    first: int
    last: int
    shift: float


def cusum_shift(chart: ControlChart, *, allowance: float, at: int | None = None) -> CusumShift | None:
    """Since when, and by how much, has the level been off, as the CUSUM tells it?

    Parameters
    ----------
    chart : ControlChart
        Of one series, by `cusum_chart`.
    allowance : float
        Its k.
    at : int, optional
        The point to look from; the first that signals, by default.

    Returns
    -------
    CusumShift or None
        None where nothing signals (or, at a given point, where both sums are 0).

    References
    ----------
    D. C. Montgomery (2013), section 9.1.2.

    Examples
    --------
    >>> chart = cusum_chart([9.5, 12.29, 14.5], centre=10.0, sigma=1.0, interval=5.0)
    >>> found = cusum_shift(chart, allowance=0.5)
    >>> found.first, found.last, round(found.shift, 3)
    (1, 2, 3.395)
    """
    if chart.low_statistic is None or chart.statistic.ndim != 1:
        raise InputError("The shift is read off the CUSUM of one series.")
    signals = np.flatnonzero(chart.signal)
    if at is None:
        if signals.size == 0:
            return None
        at = int(signals[0])
    high, low = float(chart.statistic[at]), -float(chart.low_statistic[at])
    if not (np.isfinite(high) and max(high, low) > 0):
        return None
    side = 1 if high >= low else -1
    sums = chart.statistic if side > 0 else -chart.low_statistic
    zeros = np.flatnonzero(sums[: at + 1] == 0)
    first = int(zeros[-1]) + 1 if zeros.size else 0
    n = int(np.isfinite(sums[first : at + 1]).sum())
    return CusumShift(first=first, last=at, shift=side * (allowance + float(sums[at]) / n))


def _summed(step: Floats, allowance: float, headstart: float) -> Floats:
    """The sum of what exceeds the allowance, never below 0; NaN where there is no point."""
    steps = np.ascontiguousarray(np.moveaxis(step, -1, 0))
    sums, now = np.full(steps.shape, np.nan), np.full(steps.shape[1:], float(headstart))
    for place in range(steps.shape[0]):
        there = np.isfinite(steps[place])
        now = np.where(there, np.maximum(0.0, now + steps[place] - allowance), now)
        sums[place] = np.where(there, now, np.nan)
    return np.moveaxis(sums, 0, -1)
