"""Does a version age: how much does a measure change a month, and when does it reach its floor?"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from core.errors import InputError
from core.measure import Interval

__all__ = ["Ageing", "ageing"]

Floats = NDArray[np.float64]

LEAST_WINDOWS = 6
CLEARER = 6.0  # how much more of the spread a step must explain than a line, twice the log likelihood


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """A line through a measure's windows: `slope` per unit of time, with what windows differ by counted.

    ``level`` is the line's value at the last window. ``dispersion`` is how many times more windows vary about the line
    than their own errors explain, 1 or more. ``floor_in`` is how long after the last window the line reaches the
    floor, with its interval, whose upper end is infinite where the slope may be 0; None where it doesn't.
    ``step_at`` is the place of the window from which one step explains the windows far better than a line does: then
    the measure fell at once, and a slope a month misleads. All are None, and ``why`` says why, where windows are few.
    """

    slope: float | None
    interval: Interval | None
    level: float | None
    dispersion: float | None
    floor_in: float | None
    floor_interval: Interval | None
    step_at: int | None
    n_windows: int
    why: str
    convention: str

    @property
    def is_certain(self) -> bool:
        """Whether the slope's interval leaves out 0."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


def ageing(
    at: ArrayLike,
    value: ArrayLike,
    error: ArrayLike,
    *,
    floor: float | None = None,
    is_better_above: bool = True,
    confidence: float = 0.95,
) -> Ageing:
    """How much does a measure change per unit of time, and when does it reach its floor?

    Parameters
    ----------
    at : float array-like of shape (n_windows,)
        The time of each window, in whatever unit the slope is wanted per.
    value, error : float array-like of shape (n_windows,)
        The measure of each window and its standard error from the window's rows; NaN where a window has none.
    floor : float, optional
        What the measure must not cross; a ceiling where lower is better.
    is_better_above : bool
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    Ageing
        Windows weigh by their errors and what they vary beyond them. Student's t with n - 2 degrees of freedom. Time to
        the floor by Fieller's limits.

    Raises
    ------
    InputError
        If the arrays differ in shape.

    References
    ----------
    D. J. Finney (1978), Statistical Method in Biological Assay, 3rd ed., section 2.5, on Fieller's limits; R. C. Paule,
    J. Mandel (1982), doi:10.6028/jres.087.022, on the variance between.

    Examples
    --------
    >>> found = ageing(np.arange(8.0), 0.8 - 0.004 * np.arange(8), np.full(8, 0.002), floor=0.76)
    >>> round(found.slope, 4), round(found.level, 3), round(found.floor_in, 2), found.is_certain
    (-0.004, 0.772, 3.0, True)
    """
    x, y, e = (np.asarray(each, dtype=np.float64) for each in (at, value, error))
    if not x.shape == y.shape == e.shape or x.ndim != 1:
        raise InputError(f"Times, values and errors need one number a window, got {x.shape}, {y.shape} and {e.shape}.")
    places = np.flatnonzero(np.isfinite(x) & np.isfinite(y) & np.isfinite(e) & (e > 0))
    x, y, e = x[places], y[places], e[places]
    convention = "line weighted by windows' errors and what they vary beyond them (Paule-Mandel); Student's t; Fieller"
    if x.size < LEAST_WINDOWS or x.min() == x.max():
        return Ageing(
            slope=None,
            interval=None,
            level=None,
            dispersion=None,
            floor_in=None,
            floor_interval=None,
            step_at=None,
            n_windows=x.size,
            why=f"{LEAST_WINDOWS} windows with a value are needed to tell ageing; there are {x.size}.",
            convention=convention,
        )
    line = np.column_stack([np.ones(x.size), x - x[-1]])
    dispersion = max(1.0, _misfit(line, y, e**2)[1] / (x.size - 2))
    variance = e**2 + _between(line, y, e)
    (level, slope), _, covariance = _fit(line, y, variance)
    quantile = float(stdtrit(x.size - 2, 0.5 + confidence / 2))
    half = quantile * math.sqrt(covariance[1, 1])
    floor_in, floor_interval = (None, None)
    if floor is not None:
        room = level - floor if is_better_above else floor - level
        falling = -slope if is_better_above else slope
        floor_in, floor_interval = _until(
            float(room), float(falling), covariance, quantile=quantile, confidence=confidence
        )
    return Ageing(
        slope=float(slope),
        interval=Interval(low=float(slope) - half, high=float(slope) + half, confidence=confidence),
        level=float(level),
        dispersion=dispersion,
        floor_in=floor_in,
        floor_interval=floor_interval,
        step_at=_step(x, y, e, line, places),
        n_windows=x.size,
        why="",
        convention=convention,
    )


def _fit(design: Floats, y: Floats, variance: Floats) -> tuple[Floats, float, Floats]:
    """Weighted least squares: coefficients, weighted sum of squared residuals, covariance."""
    weighted = design / variance[:, np.newaxis]
    covariance = np.asarray(np.linalg.inv(weighted.T @ design), dtype=np.float64)
    coefficients = covariance @ (weighted.T @ y)
    residual = y - design @ coefficients
    return coefficients, float((residual**2 / variance).sum()), covariance


def _misfit(design: Floats, y: Floats, variance: Floats) -> tuple[Floats, float]:
    coefficients, squares, _ = _fit(design, y, variance)
    return coefficients, squares


def _between(design: Floats, y: Floats, error: Floats) -> float:
    """The variance between windows at which residuals are as large as expected, 0 if they already are."""
    freedom = y.size - design.shape[1]
    if _misfit(design, y, error**2)[1] <= freedom:
        return 0.0
    low, high = 0.0, float(np.var(y)) + float(error.max()) ** 2
    for _ in range(40):
        middle = (low + high) / 2
        if _misfit(design, y, error**2 + middle)[1] > freedom:
            low = middle
        else:
            high = middle
    return high


def _until(
    room: float, falling: float, covariance: Floats, *, quantile: float, confidence: float
) -> tuple[float | None, Interval | None]:
    """The time in which a line that falls uses up its room, by Fieller's limits; infinite where it may never."""
    if room <= 0:
        return 0.0, None
    # room(t) = room - falling t crosses 0 at t; it is off 0 where its square is beyond quantile^2 times its variance.
    v, w, c = (float(quantile**2 * covariance[i, j]) for i, j in ((0, 0), (1, 1), (0, 1)))
    a, b, d = falling**2 - w, room * falling + c, room**2 - v
    if falling <= 0:
        return None, None
    value = room / falling
    under = b**2 - a * d
    if under < 0 or d <= 0:
        return value, Interval(low=0.0, high=math.inf, confidence=confidence)
    root = math.sqrt(under)
    if a > 0:
        return value, Interval(low=max(0.0, (b - root) / a), high=(b + root) / a, confidence=confidence)
    return value, Interval(low=max(0.0, d / (b + root)), high=math.inf, confidence=confidence)


def _step(x: Floats, y: Floats, error: Floats, line: Floats, places: NDArray[np.int64]) -> int | None:
    """The window from which one step explains far more than a line, None if none does, or if one window makes it."""
    at, gain = _best_step(y, error, line, least=2)
    if gain <= CLEARER:
        return None
    for window in range(x.size):
        kept = np.arange(x.size) != window
        if _best_step(y[kept], error[kept], line[kept], least=1)[1] <= CLEARER:
            return None
    return int(places[at])


def _best_step(y: Floats, error: Floats, line: Floats, *, least: int) -> tuple[int, float]:
    """Where one step explains most, with so many windows a side, and how much more than a line: 2 log likelihoods."""
    weight = 1 / error**2
    places = slice(least - 1, y.size - least)
    before, sums = np.cumsum(weight)[places], np.cumsum(weight * y)[places]
    both = sums**2 / before + ((weight @ y) - sums) ** 2 / (weight.sum() - before)
    at = int(both.argmax())
    left = float(weight @ y**2 - both[at])
    return at + least, (_misfit(line, y, error**2)[1] - left) / max(1.0, left / max(1, y.size - 3))
