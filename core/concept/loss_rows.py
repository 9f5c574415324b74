"""Rows of a loss in cells and windows, and how far a statistic of their cells can be off by chance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from core.errors import InputError

__all__ = ["LossRows", "cell_means", "half_width", "influence"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_WINDOWS = 7  # of a side, for its own spread between windows


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LossRows:
    """One side's labelled rows: arrays of shape (n_rows,).

    ``loss`` is a row's loss, ``cell`` the place of its cell from 0, ``window`` any number that rows of one window
    share. ``expected`` is the loss that the reference makes one expect of such inputs, from rows other than these
    (`core.drift.propensity.expected_losses`); without it rows of a cell are taken as alike.
    """

    loss: Floats
    cell: Ints
    window: Ints
    expected: Floats | None = None

    def __post_init__(self) -> None:
        shapes = {each.shape for each in (self.loss, self.cell, self.window, self.expected) if each is not None}
        if len(shapes) > 1 or self.loss.ndim != 1:
            raise InputError(f"Losses, cells and windows need one value a row each, got shapes {sorted(shapes)}.")

    @property
    def expectation(self) -> Floats:
        """Expected losses, 0 where there are none."""
        return np.zeros(self.n) if self.expected is None else self.expected

    @property
    def n(self) -> int:
        """How many rows there are."""
        return self.loss.size


def cell_means(values: Floats, cell: Ints, count: Ints) -> Floats:
    """The mean of each cell, 0 where it has no rows."""
    return np.asarray(np.bincount(cell, weights=values, minlength=count.size) / np.maximum(count, 1))


def influence(
    side: LossRows, count: Ints, means: tuple[Floats, Floats], slopes: tuple[Floats, Floats, Floats]
) -> Floats:
    """What each row of a side adds to a statistic's error, so that its variance is that of their mean.

    Parameters
    ----------
    side : LossRows
    count : int array of shape (n_cells,)
        The side's rows by cell.
    means : two float arrays of shape (n_cells,)
        Of losses and expected losses.
    slopes : three float arrays of shape (n_cells,)
        Derivatives of the statistic by the side's shares of cells, mean losses and mean expected losses.
    """
    by_share, by_loss, by_expected = slopes
    shares = count / count.sum()
    per_row = by_share - shares @ by_share
    weight = side.n / np.maximum(count, 1)
    cell = side.cell
    losses = (by_loss * weight)[cell] * (side.loss - means[0][cell])
    return np.asarray(per_row[cell] + losses + (by_expected * weight)[cell] * (side.expectation - means[1][cell]))


def half_width(sides: tuple[LossRows, LossRows], by_row: Sequence[Floats], confidence: float) -> float:
    """Half of an interval: each side's windows where they are enough, else its rows with the other's dispersion."""
    windows = [np.unique(side.window, return_inverse=True)[1] for side in sides]
    n_windows = [int(window.max()) + 1 for window in windows]
    # How much windows widen an interval is told by the mean loss itself, whatever the part.
    correlation = [
        _correlation(side.loss - side.loss.mean(), window) if k >= LEAST_WINDOWS else None
        for side, window, k in zip(sides, windows, n_windows, strict=True)
    ]
    variance = squared = 0.0
    for side, (influence, window) in enumerate(zip(by_row, windows, strict=True)):
        by_rows = float(influence @ influence) / influence.size**2
        if correlation[side] is None:
            other = correlation[1 - side] or 0.0
            rows = influence.size / n_windows[side]
            variance += by_rows * (1 + (rows - 1) * other)
            continue
        sums = np.bincount(window, weights=influence)
        k = n_windows[side]
        by_windows = k / (k - 1) * float(sums @ sums) / influence.size**2
        own = max(by_rows, by_windows)
        variance += own
        squared += own**2 / (k - 1) if by_windows > by_rows else 0.0
    level = 0.5 + confidence / 2
    quantile = float(stdtrit(variance**2 / squared, level)) if squared else float(ndtri(level))
    return quantile * math.sqrt(variance)


def _correlation(values: Floats, window: Ints) -> float:
    """The correlation r of rows of one window, 0 or more: their sum varies n (1 + (n - 1) r) times as much as a row."""
    sums, n = np.bincount(window, weights=values), np.bincount(window)
    spread = float(values @ values) / values.size
    pairs = float((n * (n - 1.0)).sum())
    if not (spread and pairs):
        return 0.0
    return max(0.0, (float(sums @ sums) - spread * values.size) / (spread * pairs))
