"""Average run lengths of charts with memory, by integral equations: exact to more digits than tables print."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from core.errors import InputError
from core.spc.ewma import check_smoothing

__all__ = [
    "autoregressive_run_length",
    "cusum_run_length",
    "ewma_run_length",
    "limit_with_run_length",
    "shewhart_run_length",
]

Floats = NDArray[np.float64]

NODES = 64
MOST_NODES = 400
SETTLED = 1e-10  # of an EWMA's variance: from here on its limits no longer vary


def shewhart_run_length(*, mean: float = 0.0, sd: float = 1.0, width: float = 3.0) -> float:
    """How many points pass on average until one lies beyond the limits?

    Parameters
    ----------
    mean, sd : float
        Of the independent normal scores: 0 and 1 in control. A mean of n values shifts by sqrt(n) as many scores.
    width : float
        Half the width of the limits, in scores.

    References
    ----------
    D. C. Montgomery (2013), section 6.2.

    Examples
    --------
    >>> round(shewhart_run_length(), 2), round(shewhart_run_length(mean=0.2 * 5**0.5), 1)
    (370.4, 177.7)
    """
    return float(1 / (ndtr((-width - mean) / sd) + ndtr((mean - width) / sd)))


def cusum_run_length(
    *,
    allowance: float,
    interval: float,
    mean: float = 0.0,
    sd: float = 1.0,
    headstart: float = 0.0,
    sides: Literal["one", "two"] = "two",
) -> float:
    """How many points pass on average until a CUSUM signals?

    Parameters
    ----------
    allowance, interval, headstart : float
        k, h and the head start of `cusum_chart`.
    mean, sd
        As for `shewhart_run_length`.
    sides : "one" or "two"
        One is the sum upwards.

    Returns
    -------
    float
        The zero-state run length: the level is off from the first point on.

    References
    ----------
    E. S. Page (1954), doi:10.1093/biomet/41.1-2.100. J. M. Lucas, R. B. Crosier (1982),
    Technometrics 24, 199-205, equation 3, for two sides with a head start.

    Examples
    --------
    >>> round(cusum_run_length(allowance=0.5, interval=5.0), 1)
    465.4
    >>> round(cusum_run_length(allowance=0.5, interval=5.0, mean=1.0, headstart=2.5), 2)
    6.35
    """
    if not (allowance >= 0 and interval > 0 and 0 <= headstart < interval and sd > 0):
        raise InputError(
            f"A CUSUM needs k >= 0, h > 0 and a head start from 0 to below h, got {allowance}, {interval}, {headstart}."
        )
    upper, upper_0 = _one_sided(allowance, interval, mean, sd, headstart)
    if sides == "one":
        return upper
    lower, lower_0 = _one_sided(allowance, interval, -mean, sd, headstart)
    return (upper * lower_0 + upper_0 * lower - upper_0 * lower_0) / (upper_0 + lower_0)


def ewma_run_length(
    *,
    smoothing: float,
    width: float,
    mean: float = 0.0,
    sd: float = 1.0,
    time_varying: bool = False,
    state: Literal["zero", "steady"] = "zero",
) -> float:
    """How many points pass on average until an EWMA signals?

    Parameters
    ----------
    smoothing, width : float
        lambda and L of `ewma_chart`.
    mean, sd
        As for `shewhart_run_length`.
    time_varying : bool
        Whether the limits are the exact ones, narrow at first.
    state : "zero" or "steady"
        Whether the level is off from the first point on, or only since the chart has long been running, begun
        anew after each false alarm (the cyclical steady state; its limits no longer vary).

    References
    ----------
    S. V. Crowder (1987), Technometrics 29, 401-407. J. M. Lucas, M. S. Saccucci (1990),
    doi:10.1080/00401706.1990.10484583. S. H. Steiner (1999), Journal of Quality Technology 31, 75-86.

    Examples
    --------
    >>> round(ewma_run_length(smoothing=0.25, width=3.0, mean=1.0), 6)
    11.154267
    """
    check_smoothing(smoothing)
    if not (width > 0 and sd > 0):
        raise InputError(f"An EWMA needs L > 0 and a standard deviation above 0, got {width} and {sd}.")
    limit = width * float(np.sqrt(smoothing / (2 - smoothing)))
    size = _n_nodes(2 * limit, smoothing * sd)
    y, w = _nodes(-limit, limit, size)

    def kernel(z: Floats, y: Floats, w: Floats, at: float = mean) -> Floats:
        """The chance to go from z to the piece of width w at y."""
        return w * _density((y[None, :] - (1 - smoothing) * z[:, None]) / smoothing, at, sd) / smoothing

    lengths = np.linalg.solve(np.eye(size) - kernel(y, y, w), np.ones(size))
    start = np.zeros(1)
    if state == "steady":
        within = kernel(y, y, w, 0.0)
        visits = np.linalg.solve((np.eye(size) - within).T, kernel(start, y, w, 0.0)[0])
        first = 1 + float(kernel(start, y, w)[0] @ lengths)
        return float((first + visits @ lengths) / (1 + visits.sum()))
    n_varying = int(np.ceil(np.log(SETTLED) / (2 * np.log1p(-smoothing)))) if time_varying and smoothing < 1 else 0
    for t in range(n_varying, 0, -1):  # backwards, from where the limits no longer vary
        narrow = limit * float(np.sqrt(1 - (1 - smoothing) ** (2 * t)))
        y_t, w_t = _nodes(-narrow, narrow, size)
        lengths, y, w = 1 + kernel(y_t, y, w) @ lengths, y_t, w_t
    return 1 + float(kernel(start, y, w)[0] @ lengths)


def autoregressive_run_length(*, phi: float, width: float, mean: float = 0.0) -> float:
    """How many points pass on average until a point of an autoregressive series lies beyond the limits?

    Parameters
    ----------
    phi : float
        The correlation of neighbouring points, in (-1, 1).
    width : float
        Half the width of the limits, in standard deviations of the points.
    mean : float
        The level, in the same units; the series is stationary about it from the start.

    References
    ----------
    L. C. Alwan, H. V. Roberts (1988), Journal of Business and Economic Statistics 6, 87-95, on charts of
    correlated data.

    Examples
    --------
    >>> round(autoregressive_run_length(phi=0.0, width=3.0), 1), round(autoregressive_run_length(phi=0.7, width=3.0))
    (370.4, 463)
    """
    if not -1 < phi < 1:
        raise InputError(f"The correlation of neighbouring points must lie strictly between -1 and 1, got {phi}.")
    noise = float(np.sqrt(1 - phi**2))
    size = _n_nodes(2 * width, noise)
    y, w = _nodes(-width, width, size)
    step = w * _density(y[None, :] - mean - phi * (y[:, None] - mean), 0.0, noise)
    lengths = np.linalg.solve(np.eye(size) - step, np.ones(size))
    return 1 + float((w * _density(y, mean, 1.0)) @ lengths)


def limit_with_run_length(run_length_at: Callable[[float], float], wanted: float, *, low: float, high: float) -> float:
    """The limit at which a run length that grows with it is the wanted one.

    Parameters
    ----------
    run_length_at : callable
        The run length at a limit.
    wanted : float
        Above 1.
    low, high : float
        Where to look, 0 < low < high. The search grows from below: far out, equations are ill-conditioned.

    Raises
    ------
    InputError
        If no limit up to `high` gives so long a run length.

    Examples
    --------
    >>> round(limit_with_run_length(lambda width: shewhart_run_length(width=width), 1000, low=0.1, high=9), 3)
    3.291
    """
    from scipy.optimize import brentq

    if not wanted > 1:
        raise InputError(f"A run length must lie above 1, got {wanted}.")

    def excess(limit: float) -> float:
        return math.log(run_length_at(limit) / wanted)

    edge = low
    while edge < high:
        following = min(high, edge * 1.5)
        if excess(following) > 0:
            return edge if excess(edge) >= 0 else float(brentq(excess, edge, following, xtol=1e-9))
        edge = following
    raise InputError(f"No limit up to {high:g} gives a run length of {wanted:g} points.")


def _one_sided(allowance: float, interval: float, mean: float, sd: float, start: float) -> tuple[float, float]:
    """The run length of the sum upwards from `start` and from 0: at 0 there is an atom, above it a density."""
    size = _n_nodes(interval, sd)
    y, w = _nodes(0.0, interval, size)
    points = np.concatenate([[0.0], y])
    system = np.eye(size + 1)
    system[:, 0] -= ndtr((allowance - points - mean) / sd)
    system[:, 1:] -= w * _density(y[None, :] + allowance - points[:, None], mean, sd)
    lengths = np.linalg.solve(system, np.ones(size + 1))
    step = w * _density(y + allowance - start, mean, sd)
    return float(1 + lengths[0] * ndtr((allowance - start - mean) / sd) + step @ lengths[1:]), float(lengths[0])


def _density(x: Floats, mean: float, sd: float) -> Floats:
    z = (x - mean) / sd
    return np.asarray(np.exp(-z * z / 2) / (sd * np.sqrt(2 * np.pi)))


def _n_nodes(span: float, scale: float) -> int:
    """Nodes enough for a kernel of this scale on a stretch of this span."""
    return int(min(MOST_NODES, max(NODES, np.ceil(4 * span / scale))))


def _nodes(low: float, high: float, size: int) -> tuple[Floats, Floats]:
    x, w = _legendre(size)
    half = (high - low) / 2
    return half * (x + 1) + low, half * w


@lru_cache(maxsize=64)
def _legendre(size: int) -> tuple[Floats, Floats]:
    return np.polynomial.legendre.leggauss(size)
