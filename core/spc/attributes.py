"""Charts of counted attributes: the p chart, for a share of each window's rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr
from scipy.stats import binom

from core.errors import InputError
from core.spc.chart import MIN_REFERENCE_WINDOWS, ChartPoint, ControlChart, Dispersion
from core.stats.intervals import clopper_pearson

__all__ = ["laney_dispersion", "p_chart"]

D2 = 1.128  # mean range of two standard normal values, as printed in control chart tables


def p_chart(
    k: ArrayLike,
    n: ArrayLike,
    *,
    reference_k: ArrayLike,
    reference_n: ArrayLike,
    sigma: float = 3.0,
    names: Sequence[str] = (),
    unit: str = "window",
) -> ControlChart:
    """In which windows is a share of rows further from the reference's share than chance explains?

    Parameters
    ----------
    k, n : int array-like of shape (n_windows,)
        Rows that have the attribute, and all rows, of each window in order; 0 <= k <= n.
    reference_k, reference_n : int array-like of shape (n_reference_windows,)
        The same for the windows of the reference.
    sigma : float
        Half the width of the limits in standard errors, above 0.
    names : sequence of str
        What the windows are called; their numbers from 1 if empty.
    unit : str
        What one window is called: 'week'.

    Returns
    -------
    ControlChart
        Limits centre +/- sigma * sqrt(centre * (1 - centre) / n) of each window, cut to [0, 1]. A point
        on a limit does not signal. With fewer than 7 reference windows that have rows, limits are
        drawn but nothing signals. Where the reference's share is 0 or 1 these limits would have no
        width; the exact binomial limit that then takes their place is named in `why`.

    Raises
    ------
    InputError
        If counts, names or sigma are out of their domain.

    References
    ----------
    D. C. Montgomery, Introduction to Statistical Quality Control, chapter on attributes;
    W. A. Shewhart (1931). C. J. Clopper, E. S. Pearson (1934), doi:10.1093/biomet/26.4.404.

    Examples
    --------
    >>> chart = p_chart([12, 19, 10], [50, 50, 50], reference_k=[10] * 20, reference_n=[50] * 20)
    >>> round(chart.points[0].low, 4), round(chart.points[0].high, 4)
    (0.0303, 0.3697)
    >>> chart.words
    '1 of 3 windows lies above the upper limit, in 2.'
    """
    counts = _checked(k, n, "k and n")
    reference = [(k_r, n_r) for k_r, n_r in _checked(reference_k, reference_n, "reference_k and reference_n") if n_r]
    if not (math.isfinite(sigma) and sigma > 0):
        raise InputError(f"sigma must be a number above 0, got {sigma}.")
    if names and len(names) != len(counts):
        raise InputError(f"names must name {len(counts)} windows, got {len(names)} names.")
    titles = names or [str(number) for number in range(1, len(counts) + 1)]
    total_k, total_n = sum(k_r for k_r, _ in reference), sum(n_r for _, n_r in reference)
    armed = len(reference) >= MIN_REFERENCE_WINDOWS
    limits = _Limits(total_k, total_n, sigma)
    return ControlChart(
        chart="p",
        unit=unit,
        centre=total_k / total_n if total_n else None,
        n_reference_windows=len(reference),
        armed=armed,
        why=" ".join(_caveats(limits, len(reference), unit)),
        convention=f"p chart; centre {total_k:,} of {total_n:,} reference rows; {limits.convention}",
        points=tuple(_point(title, k_i, n_i, limits, armed) for title, (k_i, n_i) in zip(titles, counts, strict=True)),
        dispersion=laney_dispersion([k_r for k_r, _ in reference], [n_r for _, n_r in reference]),
    )


def laney_dispersion(k: ArrayLike, n: ArrayLike) -> Dispersion | None:
    """How much wider than chance do the shares of successive windows differ?

    Parameters
    ----------
    k, n : int array-like of shape (n_windows,)
        As in `p_chart`; windows without rows are left out.

    Returns
    -------
    Dispersion or None
        The mean moving range, over 1.128, of the windows' z-scores about their common share; None if
        fewer than two windows have rows, or the share is 0 or 1.

    References
    ----------
    D. B. Laney (2002), doi:10.1081/QEN-120003555.

    Examples
    --------
    >>> round(laney_dispersion([1010, 950, 1080, 1200], [10_000] * 4).sigma_z, 3)
    2.976
    """
    counts = [(k_i, n_i) for k_i, n_i in _checked(k, n, "k and n") if n_i]
    total_k, total_n = sum(k_i for k_i, _ in counts), sum(n_i for _, n_i in counts)
    if len(counts) < 2 or total_k in (0, total_n):
        return None
    p = total_k / total_n
    z = [(k_i / n_i - p) / math.sqrt(p * (1 - p) / n_i) for k_i, n_i in counts]
    moving_range = math.fsum(abs(b - a) for a, b in pairwise(z)) / (len(z) - 1)
    return Dispersion(sigma_z=moving_range / D2, n_windows=len(z))


class _Limits:
    """Limits for a window of n rows, from `total_k` of `total_n` reference rows."""

    def __init__(self, total_k: int, total_n: int, sigma: float) -> None:
        self.total_k, self.total_n, self.sigma = total_k, total_n, sigma
        self.exact = total_n > 0 and total_k in (0, total_n)

    @property
    def convention(self) -> str:
        if self.exact:
            return (
                f"{float(ndtr(self.sigma)):.5%} quantile of a binomial with the reference's 95% Clopper-Pearson limit"
            )
        return f"limits at {self.sigma:g} standard errors for each n, cut to [0, 1]"

    @property
    def rare(self) -> float:
        """How often the event that the reference never shows may yet occur: its upper 95% limit."""
        return clopper_pearson(0, self.total_n).high

    def of(self, n: int) -> tuple[float, float]:
        """The lower and the upper limit of the share."""
        if self.exact:
            most = self._most(n) / n
            return (0.0, most) if self.total_k == 0 else (1 - most, 1.0)
        p = self.total_k / self.total_n
        half = self.sigma * math.sqrt(p * (1 - p) / n)
        return max(0.0, p - half), min(1.0, p + half)

    def signal(self, k: int, n: int) -> Literal["above", "below"] | None:
        """On which side k of n lies outside; in exact arithmetic, so that a point on a limit is inside."""
        excess = k * self.total_n - n * self.total_k
        if self.exact:
            outside = (k if self.total_k == 0 else n - k) > self._most(n)
        else:
            variance = n * self.total_k * (self.total_n - self.total_k)
            outside = excess * excess > Fraction(self.sigma) ** 2 * variance
        if not outside:
            return None
        return "above" if excess > 0 else "below"

    def _most(self, n: int) -> int:
        return int(binom.ppf(float(ndtr(self.sigma)), n, self.rare))


def _point(name: str, k: int, n: int, limits: _Limits, armed: bool) -> ChartPoint:
    low, high = limits.of(n) if n and limits.total_n else (None, None)
    return ChartPoint(
        name=name,
        n=n,
        value=k / n if n else None,
        low=low,
        high=high,
        signal=limits.signal(k, n) if armed and n else None,
    )


def _caveats(limits: _Limits, n_windows: int, unit: str) -> Iterator[str]:
    if limits.total_n == 0:
        yield "The chart is not armed and has no limits: the reference has no rows."
        return
    if n_windows < MIN_REFERENCE_WINDOWS:
        yield (
            f"The chart is not armed: the reference has {n_windows} {unit}{'' if n_windows == 1 else 's'} with rows, "
            f"{MIN_REFERENCE_WINDOWS} are needed; its limits are for orientation."
        )
    if limits.exact:
        share = "None" if limits.total_k == 0 else "Each"
        bound = f"up to {limits.rare:.2%}" if limits.total_k == 0 else f"down to {1 - limits.rare:.2%}"
        yield (
            f"{share} of {limits.total_n:,} reference rows counts, which allows for a share of {bound}; "
            "the limit is the exact binomial one for that share."
        )


def _checked(k: ArrayLike, n: ArrayLike, what: str) -> list[tuple[int, int]]:
    """Pairs of plain integers: their products in `_Limits.signal` must not overflow."""
    counts, totals = np.asarray(k), np.asarray(n)
    if counts.ndim != 1 or counts.shape != totals.shape:
        raise InputError(f"{what} must be two rows of equal length, got {counts.shape} and {totals.shape}.")
    if counts.size == 0:
        return []
    if not (np.issubdtype(counts.dtype, np.integer) and np.issubdtype(totals.dtype, np.integer)):
        raise InputError(f"{what} must be whole numbers, got {counts.dtype} and {totals.dtype}.")
    if (counts < 0).any() or (counts > totals).any():
        raise InputError(f"{what} must satisfy 0 <= k <= n in every window.")
    return list(zip(counts.tolist(), totals.tolist(), strict=True))
