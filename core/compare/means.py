"""Means of two versions over the same rows, overall or by cell, and how they differ row by row.

Every mean is taken over rows that both versions answered. Rows count as independent of one another; rows
that either version was trained on would flatter it, so they must not be among them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr, ndtr, ndtri, stdtr, stdtrit

from core.measure import Interval

__all__ = ["PairedMeans", "RowValues", "agresti_min", "mcnemar_p_value", "paired_means"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowValues:
    """A measure that is a mean over rows: what each row adds to it under both versions.

    Parameters
    ----------
    champion, candidate : float arrays of shape (n_rows,)
        0 or 1 if ``is_rate``, else a loss; read only where ``usable``.
    usable : bool array of shape (n_rows,)
        The rows of the measure's denominator.
    among : str
        Which rows those are, as in "no row <among>".
    empty : str
        Why there are none, if it isn't for want of such rows.
    """

    measure: str
    champion: Floats
    candidate: Floats
    usable: Bools
    is_rate: bool
    higher_is_better: bool | None
    among: str
    empty: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PairedMeans:
    """The means of both versions by cell, arrays of shape (n_cells,); NaN where a cell has no row.

    ``gained`` and ``lost`` count a rate's discordant rows: 1 only under the candidate, 1 only under the champion.
    ``centre`` is the middle of the interval, ``standard_error`` its spread: t for means, normal for rates.
    """

    is_rate: bool
    n: Ints
    champion: Floats
    candidate: Floats
    difference: Floats
    gained: Ints
    lost: Ints
    centre: Floats
    standard_error: Floats

    def interval(self, cell: int, *, confidence: float) -> Interval | None:
        """The interval of one cell's difference; None where there is no spread to make it from."""
        difference, error = float(self.difference[cell]), float(self.standard_error[cell])
        if not np.isfinite(error):
            return None
        centre = float(self.centre[cell])
        if self.is_rate:
            return _rate_interval(difference, centre, error, confidence)
        half = error * float(stdtrit(self.n[cell] - 1, 0.5 + confidence / 2))
        return Interval(low=centre - half, high=centre + half, confidence=confidence)

    def p_value(self, cell: int) -> float | None:
        """Two-sided, of no difference: McNemar's for a rate, else the paired t test's; None without a spread."""
        if self.is_rate:
            return mcnemar_p_value(int(self.gained[cell]), int(self.lost[cell])) if self.n[cell] else None
        if not np.isfinite(self.standard_error[cell]):
            return None
        return min(1.0, 2 * float(self._lower_tail(-np.abs(self.centre))[cell]))

    def harm_p_values(self, *, margin: float, higher_is_better: bool) -> Floats:
        """One-sided p-values of "not worse by more than `margin`", from the statistic that the intervals invert."""
        return self._lower_tail((self.centre if higher_is_better else -self.centre) + margin)

    def _lower_tail(self, distance: Floats) -> Floats:
        """How likely so low a distance is under 0; without any spread 0 below 0, else 1."""
        spread = self.standard_error > 0
        statistic = np.where(spread, distance, 0.0) / np.where(spread, self.standard_error, 1.0)
        below = ndtr(statistic) if self.is_rate else stdtr(np.maximum(self.n - 1, 1), statistic)
        p_values: Floats = np.where(spread, below, np.where(distance < 0, 0.0, 1.0))
        return p_values


def mcnemar_p_value(gained: int, lost: int) -> float:
    """Are two paired rates equal, two-sided and exact?

    Parameters
    ----------
    gained, lost : int
        Discordant rows: 1 only under the candidate, 1 only under the champion.

    References
    ----------
    Q. McNemar (1947), doi:10.1007/BF02295996; M. W. Fagerland et al. (2013), doi:10.1186/1471-2288-13-91.

    Examples
    --------
    >>> round(mcnemar_p_value(15, 5), 8), mcnemar_p_value(0, 0)
    (0.04138947, 1.0)
    """
    return min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5))) if gained + lost else 1.0


def agresti_min(gained: int, lost: int, n: int, *, confidence: float = 0.95) -> Interval:
    """How far apart are two paired rates, (gained - lost) / n? Wald's interval after half a row in each cell.

    It has a width even if no row is discordant, and changes sign when the versions are swapped.

    References
    ----------
    A. Agresti, Y. Min (2005), doi:10.1002/sim.1781.

    Examples
    --------
    >>> interval = agresti_min(15, 5, 100)
    >>> round(interval.low, 4), round(interval.high, 4)
    (0.0121, 0.184)
    """
    if min(gained, lost) < 0 or n < max(1, gained + lost):
        raise ValueError(f"{gained} and {lost} discordant rows don't fit into {n} rows.")
    centre, error = _agresti_min(np.array(gained), np.array(lost), np.array(n))
    return _rate_interval((gained - lost) / n, float(centre), float(error), confidence)


def _agresti_min(gained: Ints, lost: Ints, n: Ints) -> tuple[Floats, Floats]:
    size, discordant = n + 2.0, gained + lost + 1.0
    centre: Floats = (gained - lost) / size
    error: Floats = np.sqrt(discordant - (gained - lost) ** 2 / size) / size
    return centre, error


def _rate_interval(difference: float, centre: float, error: float, confidence: float) -> Interval:
    """The centre is drawn towards 0, so the bare limits could miss the estimate, or leave [-1, 1]."""
    half = error * float(ndtri(0.5 + confidence / 2))
    low, high = min(centre - half, difference), max(centre + half, difference)
    return Interval(low=max(-1.0, low), high=min(1.0, high), confidence=confidence)


def paired_means(values: RowValues, codes: Ints | None = None, *, n_cells: int = 1) -> PairedMeans:
    """What is the mean of each version in each cell, and how do the two differ row by row?

    Parameters
    ----------
    values : RowValues
        Of one measure.
    codes : int array of shape (n_rows,), optional
        The cell of each row, in 0..n_cells - 1; all rows share one cell by default.

    Examples
    --------
    >>> values = RowValues(
    ...     measure="accuracy", champion=np.array([0.0, 1, 1, 0]), candidate=np.array([1.0, 1, 0, 1]),
    ...     usable=np.array([True, True, True, True]), is_rate=True, higher_is_better=True, among="",
    ... )
    >>> means = paired_means(values, np.array([0, 0, 1, 1]), n_cells=2)
    >>> means.difference.tolist(), means.gained.tolist(), means.lost.tolist()
    ([0.5, 0.0], [1, 1], [0, 1])
    """
    kept = values.usable
    cells = np.zeros(int(kept.sum()), dtype=np.int64) if codes is None else codes[kept]
    champion, candidate = values.champion[kept], values.candidate[kept]

    def total(summands: Floats | Bools) -> Floats:
        weights = np.asarray(summands, dtype=np.float64)
        return np.asarray(np.bincount(cells, weights=weights, minlength=n_cells), dtype=np.float64)

    n = np.bincount(cells, minlength=n_cells).astype(np.int64)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        change = candidate - champion
        difference = total(change) / n
        gained, lost = np.zeros((2, n_cells), dtype=np.int64)
        if values.is_rate:
            gained, lost = total(change > 0).astype(np.int64), total(change < 0).astype(np.int64)
            centre, error = _agresti_min(gained, lost, n)
        else:
            squares = total((change - difference[cells]) ** 2)
            centre, error = difference, np.sqrt(squares / (n - 1) / n)
        return PairedMeans(
            is_rate=values.is_rate,
            n=n,
            champion=total(champion) / n,
            candidate=total(candidate) / n,
            difference=difference,
            gained=gained,
            lost=lost,
            centre=centre,
            standard_error=np.where(n > (0 if values.is_rate else 1), error, np.nan),
        )
