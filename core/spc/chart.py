"""What every control chart gives: per point a statistic, its n, centre, limits, score and signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError

__all__ = [
    "ON_THE_LIMIT",
    "ControlChart",
    "as_base",
    "as_floats",
    "drawn",
    "mean_over",
    "moving_ranges",
    "outside",
    "per_point",
]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Sides = NDArray[np.int8]

ON_THE_LIMIT = 1e-9  # of a point's distance from the centre: what is this close to a limit lies on it


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ControlChart:
    """A statistic of each point against its limits; all arrays have time as their last axis.

    Attributes
    ----------
    kind : str
        "individuals", "p", "EWMA" ...
    statistic, n, centre, lower, upper : float arrays of shape (..., n_points)
        What is plotted, the rows or units it rests on, centre line and limits; NaN where a point has none.
    score : float array of shape (..., n_points)
        The distance from the centre in standard errors of the point: zones and run rules are read off it.
    signal : int8 array of shape (..., n_points)
        1 above the upper limit, -1 below the lower one, else 0; a point exactly on a limit is inside.
    n_base : int array of shape (...)
        Points that the limits were estimated from; 0 where they were given.
    standards : mapping of str to float array of shape (..., 1) or (..., n_points)
        What the limits are made of. Given back as keywords, they freeze the limits for further points.
    convention : str
        In words.
    low_statistic : float array or None
        Only of a CUSUM: the sum of shifts downwards, as a number of 0 or below.
    """

    kind: str
    statistic: Floats
    n: Floats
    centre: Floats
    lower: Floats
    upper: Floats
    score: Floats
    signal: Sides
    n_base: NDArray[np.int64]
    standards: Mapping[str, Floats]
    convention: str
    low_statistic: Floats | None = None

    @property
    def n_signals(self) -> NDArray[np.int64]:
        """How many points lie outside, of each series."""
        return np.asarray(np.count_nonzero(self.signal, axis=-1), dtype=np.int64)


def as_floats(values: ArrayLike, what: str) -> Floats:
    """Values as an array of shape (..., n_points); what isn't finite counts as missing. Raises InputError."""
    try:
        array = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} must be numbers in one array whose last axis is time: {error}.") from error
    if array.ndim == 0:
        raise InputError(f"{what} must be an array whose last axis is time, got the single number {array}.")
    array[~np.isfinite(array)] = np.nan
    return array


def per_point(value: ArrayLike, like: Floats, what: str) -> Floats:
    """A number for each point of `like`: one for all, one a series as (..., 1), or one a point. Raises InputError."""
    array = np.asarray(value, dtype=np.float64)
    try:
        return np.array(np.broadcast_to(array, like.shape))
    except ValueError as error:
        raise InputError(f"{what} of shape {array.shape} don't fit points of shape {like.shape}.") from error


def as_base(base: ArrayLike | None, usable: Bools) -> Bools:
    """The points that limits are estimated from: those asked for (all, by default) that have a value."""
    if base is None:
        return usable
    wanted = np.asarray(base)
    if wanted.dtype != np.bool_:
        raise InputError(f"base says of each point whether limits rest on it, in booleans, got {wanted.dtype}.")
    try:
        return np.broadcast_to(wanted, usable.shape) & usable
    except ValueError as error:
        raise InputError(f"base of shape {wanted.shape} doesn't fit points of shape {usable.shape}.") from error


def mean_over(values: Floats, where: Bools) -> Floats:
    """The mean of some points of each series, shape (..., 1); NaN where there is none."""
    n = where.sum(axis=-1, keepdims=True)
    total = np.where(where, values, 0.0).sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(total, n, out=np.full(total.shape, np.nan), where=n > 0))


def moving_ranges(values: Floats) -> Floats:
    """How far each point is from the one before, shape (..., n_points); NaN at the start and beside a gap.

    Examples
    --------
    >>> moving_ranges(np.array([1.0, 4.0, np.nan, 5.0, 3.0])).tolist()
    [nan, 3.0, nan, nan, 2.0]
    """
    ranges = np.full(values.shape, np.nan)
    ranges[..., 1:] = np.abs(np.diff(values, axis=-1))
    return ranges


def outside(score: Floats, width: float = 3.0) -> Sides:
    """1 above `width` standard errors, -1 below as many, else 0; what lies on the limit is inside."""
    far = width * (1 + ON_THE_LIMIT)
    with np.errstate(invalid="ignore"):
        return (score > far).astype(np.int8) - (score < -far).astype(np.int8)


def drawn(
    kind: str,
    statistic: Floats,
    *,
    n: Floats,
    centre: Floats,
    error: Floats,
    width: float,
    n_base: NDArray[np.int64],
    standards: Mapping[str, Any],
    convention: str,
    floor: float = -np.inf,
    ceiling: float = np.inf,
) -> ControlChart:
    """A chart with limits `width` standard errors off the centre, cut to what the statistic can be.

    Where the standard error is 0 or unknown there are no limits, no score and no signal.
    """
    if not (np.isfinite(width) and width > 0):
        raise InputError(f"The limits' width must be a number of standard errors above 0, got {width}.")
    centre = per_point(centre, statistic, "the centre")
    error = per_point(error, statistic, "the standard errors")
    known = np.isfinite(statistic)
    scaled = known & (error > 0)
    half = width * np.where(scaled, error, np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        score = np.where(scaled, (statistic - centre) / error, np.nan)
    return ControlChart(
        kind=kind,
        statistic=statistic,
        n=n,
        centre=np.where(known, centre, np.nan),
        lower=np.maximum(floor, centre - half),
        upper=np.minimum(ceiling, centre + half),
        score=score,
        signal=outside(score, width),
        n_base=np.asarray(n_base, dtype=np.int64),
        standards={name: np.asarray(value, dtype=np.float64) for name, value in standards.items()},
        convention=convention,
    )
