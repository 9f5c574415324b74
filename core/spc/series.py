"""A series that can be charted: what is plotted, how many rows each point rests on, and what these alone explain."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError
from core.spc.chart import as_floats, per_point

__all__ = ["Series", "SeriesKind", "counts", "estimates", "means", "shares"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


class SeriesKind(StrEnum):
    """Shares of rows, events, means of values, or estimates that come with a standard error."""

    SHARE = "share"
    COUNT = "count"
    MEAN = "mean"
    ESTIMATE = "estimate"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """One series; all arrays have shape (n_points,).

    Attributes
    ----------
    kind : SeriesKind
    value, n : float arrays
        What is plotted, NaN where there is none, and the rows it rests on.
    k : float array or None
        Counted rows or events; of shares and counts.
    spread : float array or None
        Of means the standard deviation inside each window, of estimates the standard error of each.
    spread_above : float array or None
        Of estimates whose standard error is another upwards than `spread` is downwards: that of a point whose
        centre lies above it.
    season : int array or None
        The season of each point, from 0.
    season_name : str
        What a season is called: "weekday", "hour of the week".
    """

    kind: SeriesKind
    value: Floats
    n: Floats
    k: Floats | None = None
    spread: Floats | None = None
    spread_above: Floats | None = None
    season: Ints | None = None
    season_name: str = "season"

    def __post_init__(self) -> None:
        if self.season is not None and (self.season.shape != self.value.shape or (self.season < 0).any()):
            raise InputError(f"Seasons must be numbers from 0, one for each of {self.value.size} points.")

    @property
    def season_names(self) -> str:
        """What seasons are called: "weekdays", "hours of the week"."""
        first, *rest = self.season_name.split(" ", 1)
        return " ".join([f"{first}s", *rest])

    @property
    def there(self) -> Bools:
        """Which points have a value."""
        return np.isfinite(self.value)

    def error(self, centre: Floats, sigma: float) -> Floats:
        """The standard error that rows alone give each point, about this centre; `sigma` is that of a row of a mean."""
        with np.errstate(invalid="ignore", divide="ignore"):
            rows = np.where(self.n > 0, self.n, np.nan)
            if self.kind is SeriesKind.SHARE:
                return np.asarray(np.sqrt(centre * (1 - centre) / rows))
            if self.kind is SeriesKind.COUNT:
                return np.sqrt(centre)
            if self.kind is SeriesKind.MEAN:
                return np.asarray(sigma / np.sqrt(rows))
        if self.spread is None:
            return np.full(self.value.shape, np.nan)
        if self.spread_above is None:
            return self.spread
        with np.errstate(invalid="ignore"):
            return np.where(self.value > centre, self.spread, self.spread_above)

    def excess(self, centre: Floats) -> Floats:
        """What rho is multiplied by in the variance 1 + excess * rho of a score."""
        if self.kind is SeriesKind.COUNT:
            return centre
        return np.maximum(self.n - 1, 0.0)

    def with_seasons(self, season: ArrayLike, name: str) -> Series:
        """The same series with the season of each point."""
        return replace(self, season=np.asarray(season, dtype=np.int64), season_name=name)


def shares(k: ArrayLike, n: ArrayLike) -> Series:
    """A series of shares, from counted rows and all rows; a point of n = 0 has no value.

    Examples
    --------
    >>> shares([1, 0], [4, 0]).value.tolist()
    [0.25, nan]
    """
    counted, rows = as_floats(k, "k"), as_floats(n, "n")
    if counted.shape != rows.shape or counted.ndim != 1:
        raise InputError(f"k and n must be rows of equal length, got {counted.shape} and {rows.shape}.")
    usable = np.isfinite(counted) & np.isfinite(rows) & (rows > 0)
    if (counted[usable] < 0).any() or (counted[usable] > rows[usable]).any():
        raise InputError("Counts must satisfy 0 <= k <= n at every point.")
    value = np.divide(counted, rows, out=np.full(counted.shape, np.nan), where=usable)
    return Series(
        kind=SeriesKind.SHARE, value=value, n=np.where(usable, rows, 0.0), k=np.where(usable, counted, np.nan)
    )


def counts(k: ArrayLike) -> Series:
    """A series of counts, such as the rows of each window."""
    counted = as_floats(k, "k")
    if counted.ndim != 1 or (counted[np.isfinite(counted)] < 0).any():
        raise InputError("Counts must be one row of numbers of 0 or more.")
    return Series(kind=SeriesKind.COUNT, value=counted, n=np.isfinite(counted).astype(np.float64), k=counted)


def means(mean: ArrayLike, n: ArrayLike, sd: ArrayLike) -> Series:
    """A series of means, from each window's mean, rows and standard deviation."""
    return _measured(SeriesKind.MEAN, mean, n, sd, "sd")


def estimates(value: ArrayLike, n: ArrayLike, error: ArrayLike, *, error_above: ArrayLike | None = None) -> Series:
    """A series of estimates with their standard errors, such as a gap between two rates or an AUC.

    Parameters
    ----------
    value, n, error : array-like
        One a point; NaN where there is none.
    error_above : array-like, optional
        Where intervals aren't symmetric: the standard error of a point below its centre; `error` then is that of
        one above.

    Examples
    --------
    >>> skew = estimates([0.9, 0.9], [50, 50], [0.04, 0.04], error_above=[0.02, 0.02])
    >>> skew.error(np.array([0.8, 0.95]), 1.0).tolist()
    [0.04, 0.02]
    """
    found = _measured(SeriesKind.ESTIMATE, value, n, error, "error")
    if error_above is None:
        return found
    return replace(found, spread_above=per_point(error_above, found.value, "error_above"))


def _measured(kind: SeriesKind, value: ArrayLike, n: ArrayLike, spread: ArrayLike, what: str) -> Series:
    values = as_floats(value, "values")
    if values.ndim != 1:
        raise InputError(f"A series is one row of values, got shape {values.shape}.")
    rows = np.where(np.isfinite(values), per_point(n, values, "n"), 0.0)
    return Series(kind=kind, value=np.where(rows > 0, values, np.nan), n=rows, spread=per_point(spread, values, what))
