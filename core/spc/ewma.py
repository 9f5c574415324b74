"""The exponentially weighted moving average: a chart with memory, for small lasting shifts."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError
from core.spc.chart import ControlChart, as_base, as_floats, drawn, per_point
from core.spc.variables import individuals_chart

__all__ = ["check_smoothing", "ewma_chart"]

Floats = NDArray[np.float64]


def ewma_chart(
    x: ArrayLike,
    *,
    smoothing: float = 0.2,
    width: float = 2.859,
    base: ArrayLike | None = None,
    centre: ArrayLike | None = None,
    sigma: ArrayLike | None = None,
    time_varying: bool = True,
) -> ControlChart:
    """Has the level shifted, by less than single points show but for longer?

    Parameters
    ----------
    x : float array-like of shape (..., n_points)
        One value a point, NaN where there is none; or the score of another chart, with centre 0 and sigma 1.
    smoothing : float
        The weight lambda of the newest point, in (0, 1].
    width : float
        Half the width of the limits in standard errors of the average, above 0; `core.spc.design` finds it.
    base, centre, sigma
        As for `individuals_chart`; sigma may differ from point to point, as n does.
    time_varying : bool
        Limits by the exact variance of each average, narrow at first; else the one they tend to.

    Returns
    -------
    ControlChart
        The average begins at the centre. A point without a value leaves it as it is, and has none itself.

    Raises
    ------
    InputError
        If smoothing, width or base are out of their domain.

    References
    ----------
    S. W. Roberts (1959), doi:10.1080/00401706.1959.10489860; J. M. Lucas, M. S. Saccucci (1990),
    doi:10.1080/00401706.1990.10484583; S. H. Steiner (1999), Journal of Quality Technology 31, 75-86, for limits
    that vary in time.

    Examples
    --------
    >>> chart = ewma_chart([52.0, 47.0, 53.0], smoothing=0.3, width=3.0, centre=50.0, sigma=2.0539, time_varying=False)
    >>> chart.statistic.round(2).tolist(), chart.upper.round(4).tolist()[0]
    ([50.6, 49.52, 50.56], 52.5884)
    """
    check_smoothing(smoothing)
    values = as_floats(x, "x")
    plain = individuals_chart(values, base=as_base(base, np.isfinite(values)), centre=centre, sigma=sigma)
    middle = per_point(plain.standards["centre"], values, "centre")
    spread = per_point(plain.standards["sigma"], values, "sigma")
    average, variance = _smoothed(values - middle, spread**2, smoothing)
    if not time_varying:
        variance = np.where(np.isfinite(variance), spread**2 * smoothing / (2 - smoothing), np.nan)
    limits = "exact limits" if time_varying else "the limits they tend to"
    return drawn(
        "EWMA",
        middle + average,
        n=plain.n,
        centre=middle,
        error=np.sqrt(variance),
        width=width,
        n_base=plain.n_base,
        standards=plain.standards,
        convention=f"EWMA, lambda {smoothing:g}, {limits} at {width:.3f} standard errors",
    )


def check_smoothing(smoothing: float) -> None:
    """Raise InputError for a weight outside (0, 1]."""
    if not 0 < smoothing <= 1:
        raise InputError(f"The weight of the newest point must lie in (0, 1], got {smoothing}.")


def _smoothed(deviation: Floats, variance: Floats, smoothing: float) -> tuple[Floats, Floats]:
    """The average of deviations from the centre at each point, and its variance; NaN where there is no point."""
    steps, noise = (np.ascontiguousarray(np.moveaxis(a, -1, 0)) for a in (deviation, variance))
    average, spread = np.full(steps.shape, np.nan), np.full(steps.shape, np.nan)
    now, wide = np.zeros(steps.shape[1:]), np.zeros(steps.shape[1:])
    for place in range(steps.shape[0]):
        there = np.isfinite(steps[place])
        now = np.where(there, now + smoothing * (steps[place] - now), now)
        wide = np.where(there, (1 - smoothing) ** 2 * wide + smoothing**2 * noise[place], wide)
        average[place], spread[place] = np.where(there, now, np.nan), np.where(there, wide, np.nan)
    return np.moveaxis(average, 0, -1), np.moveaxis(spread, 0, -1)
