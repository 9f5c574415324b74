"""The constants of control charts for a spread that is estimated from ranges or standard deviations."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln, ndtr

from core.errors import InputError

__all__ = ["MOST_IN_A_RANGE", "RangeConstants", "c4", "range_constants"]

Floats = NDArray[np.float64]

MOST_IN_A_RANGE = 25  # values; beyond, printed tables end, and a range wastes what the values tell
DIGITS = 3  # of the printed tables: a chart by them is reproduced to the digit by the rounded constants only


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeConstants:
    """Of the range of some normal values: its mean d2 and standard deviation d3, in standard deviations of the
    values, and its three-sigma limits D3 (`lower`) and D4 (`upper`), in mean ranges."""

    d2: float
    d3: float
    lower: float
    upper: float


@cache
def range_constants(size: int) -> RangeConstants:
    """The constants of the range of `size` normal values, rounded to the three decimals that tables print.

    Parameters
    ----------
    size : int
        From 2 to 25.

    Raises
    ------
    InputError
        For other sizes.

    References
    ----------
    D. C. Montgomery, Introduction to Statistical Quality Control, 7th ed. (2013), appendix VI; L. H. C. Tippett
    (1925), Biometrika 17, 364-387.

    Examples
    --------
    >>> range_constants(5)
    RangeConstants(d2=2.326, d3=0.864, lower=0.0, upper=2.114)
    """
    if not 2 <= size <= MOST_IN_A_RANGE:
        raise InputError(
            f"A range is taken of 2 to {MOST_IN_A_RANGE} values, got {size}; use standard deviations for larger groups."
        )
    d2, d3 = _range_moments(size)
    return RangeConstants(
        d2=round(d2, DIGITS),
        d3=round(d3, DIGITS),
        lower=round(max(0.0, 1 - 3 * d3 / d2), DIGITS),
        upper=round(1 + 3 * d3 / d2, DIGITS),
    )


def c4(n: ArrayLike) -> Floats:
    """The mean of the standard deviation of `n` normal values, in standard deviations of the values.

    Parameters
    ----------
    n : array-like
        Values in a group; NaN below 2.

    References
    ----------
    D. C. Montgomery (2013), equation 4.12 and appendix VI.

    Examples
    --------
    >>> c4([2, 3, 4, 5, 10, 25]).round(4).tolist()
    [0.7979, 0.8862, 0.9213, 0.94, 0.9727, 0.9896]
    """
    size = np.asarray(n, dtype=np.float64)
    usable = np.where(size >= 2, size, 2.0)
    # Above some 10^4 values the difference of the two logarithms loses digits; the series has them all.
    large = usable > 1e4
    within = np.where(large, 2.0, usable)
    exact = np.sqrt(2 / (within - 1)) * np.exp(gammaln(within / 2) - gammaln((within - 1) / 2))
    series = 1 - 1 / (4 * usable) - 7 / (32 * usable**2)
    return np.where(size >= 2, np.where(large, series, exact), np.nan)


def _range_moments(size: int) -> tuple[float, float]:
    """Mean and standard deviation of the range of `size` standard normal values, by quadrature."""
    nodes, weights = np.polynomial.legendre.leggauss(200)
    x, of_x = 8.5 * nodes, 8.5 * weights
    gap, of_gap = 7.0 * (nodes + 1), 7.0 * weights  # between two points: the integrand has a kink where they meet
    low, high = ndtr(x)[:, None], ndtr(x[:, None] + gap)
    mean = float(of_x @ (1 - low**size - (1 - low) ** size)[:, 0])
    joint = 1 - high**size - (1 - low) ** size + (high - low) ** size
    return mean, float(np.sqrt(2 * (of_x @ joint @ of_gap) - mean**2))
