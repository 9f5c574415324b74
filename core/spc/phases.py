"""What limits from so many points of phase I are worth, how wide they must be for it, and how many more it takes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from scipy.special import ndtr

from core.errors import InputError

__all__ = ["LEAST_POINTS", "LimitsWorth", "Spread", "degrees_of_freedom", "limits_worth", "prediction_width"]

LEAST_POINTS = 7  # of phase I; below, nothing is armed
CLOSE = 1.1  # times the nominal width: limits this close to it need no more points
MOST_POINTS = 10_000
OF_MOVING_RANGES = 0.68  # degrees of freedom a range, and one more: fits limits of 3 sigma from 7 to 100 points to 2%


class Spread(StrEnum):
    """What the width of the limits is known from: rows alone, the points' variance, or their moving ranges."""

    ROWS = "rows"
    VARIANCE = "variance"
    MOVING_RANGES = "moving ranges"


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsWorth:
    """Limits from `n_points` points of phase I.

    Attributes
    ----------
    n_points : int
        Points that the limits rest on.
    width : float
        At how many estimated standard errors limits must lie to be crossed by chance as rarely as `nominal`.
    nominal, rate : float
        False alarms a point that limits at the nominal width promise, and that they raise with these estimates.
    n_needed : int
        Points from which on `width` is at most a tenth above the nominal one.
    """

    n_points: int
    width: float
    nominal: float
    rate: float
    n_needed: int

    @property
    def n_more(self) -> int:
        """How many more points it takes."""
        return max(0, self.n_needed - self.n_points)

    @property
    def is_armed(self) -> bool:
        """Whether there are enough points for any limits."""
        return self.n_points >= LEAST_POINTS


def degrees_of_freedom(n_points: int, *, spread: Spread, n_means: int = 1) -> float:
    """How well the spread is known, as the degrees of freedom of a chi-square.

    Parameters
    ----------
    n_points : int
        Points of phase I.
    spread : Spread
        What it is estimated from.
    n_means : int
        Means that were taken off the points first: 7 for a profile of weekdays.

    Returns
    -------
    float
        For moving ranges, those with which Student's law has the tail beyond 3 sigma that their mean gives.

    Examples
    --------
    >>> degrees_of_freedom(21, spread=Spread.VARIANCE), round(degrees_of_freedom(21, spread=Spread.MOVING_RANGES), 1)
    (20.0, 14.6)
    """
    if spread is Spread.ROWS:
        return float("inf")
    left = max(1.0, float(n_points - n_means))
    return left if spread is Spread.VARIANCE else 1 + OF_MOVING_RANGES * left


def prediction_width(n_points: float, *, df: float, width: float = 3.0) -> float:
    """At how many estimated standard errors is a further point as rare as it is at `width` true ones?

    Parameters
    ----------
    n_points : float
        Points that the centre is the mean of, above 0.
    df : float
        Degrees of freedom of the standard error, above 0; infinite where it is known.
    width : float
        The nominal width, above 0.

    Returns
    -------
    float
        Student's quantile times sqrt(1 + 1 / n_points): the false-alarm rate then is the nominal one on average
        over phases I.

    Raises
    ------
    InputError
        If an argument is out of its domain.

    References
    ----------
    F. S. Hillier (1969), Journal of Quality Technology 1, 17-26; W. A. Jensen et al. (2006),
    doi:10.1080/00224065.2006.11918623.

    Examples
    --------
    >>> round(prediction_width(10, df=9), 3), round(prediction_width(100, df=99), 3)
    (4.294, 3.093)
    """
    from scipy.stats import t as student

    if not (n_points > 0 and df > 0 and width > 0):
        raise InputError(f"A width needs points, degrees of freedom and width above 0, got {n_points}, {df}, {width}.")
    return float(student.isf(ndtr(-width), df) * np.sqrt(1 + 1 / n_points))


@lru_cache(maxsize=4096)
def limits_worth(
    n_points: int, *, spread: Spread, n_means: int = 1, df: float | None = None, width: float = 3.0
) -> LimitsWorth:
    """What are limits worth that rest on so many points?

    Parameters
    ----------
    n_points : int
        Points of phase I, 0 or more.
    spread, n_means
        As for `degrees_of_freedom`.
    df : float, optional
        The degrees of freedom, where each season's spread is known by its own; they grow as points do.
    width : float
        The nominal width.

    Examples
    --------
    >>> worth = limits_worth(12, spread=Spread.MOVING_RANGES)
    >>> round(1 / worth.nominal), round(1 / worth.rate), round(worth.width, 2), worth.n_needed
    (370, 52, 4.35, 45)
    """
    from scipy.stats import t as student

    nominal = float(2 * ndtr(-width))

    def at(n: int) -> tuple[float, float]:
        known = degrees_of_freedom(n, spread=spread, n_means=n_means) if df is None else df * n / max(1, n_points)
        of_centre = n / n_means
        rate = float(2 * student.sf(width / np.sqrt(1 + 1 / of_centre), known))
        return prediction_width(of_centre, df=known, width=width), rate

    needed = LEAST_POINTS
    while needed < MOST_POINTS and at(needed)[0] > CLOSE * width:
        needed += 1
    if n_points < 1:
        return LimitsWorth(n_points=0, width=float("inf"), nominal=nominal, rate=1.0, n_needed=needed)
    wide, rate = at(n_points)
    return LimitsWorth(n_points=n_points, width=wide, nominal=nominal, rate=rate, n_needed=needed)
