"""The score axis of a count table: its order from lowest to highest, and its pooling into calibration bins."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from core.stats.binning import N_SPECIAL, NumericBins, Special

__all__ = ["calibration_names", "finite_scores", "ordered_scores", "pooled_scores"]

Ints = NDArray[np.int64]


def ordered_scores(counts: Ints) -> Ints:
    """Which counts lie below which: the rows that have a place in the order of scores, lowest first.

    Parameters
    ----------
    counts : int array of shape (n_bins + 7, ...)
        Regular score bins, then the special ones.

    Returns
    -------
    int array of shape (n_bins + 4, ...)
        -infinity, below the lowest reference score, the regular bins, above the highest, +infinity.
        Missing, unreadable and unseen scores have no place and are left out.

    Examples
    --------
    >>> ordered_scores(np.array([10, 20, 0, 0, 0, 1, 2, 3, 4])).tolist()
    [3, 1, 10, 20, 2, 4]
    """
    n_bins = counts.shape[0] - N_SPECIAL
    places = [
        n_bins + Special.NEGATIVE_INFINITY,
        n_bins + Special.BELOW,
        *range(n_bins),
        n_bins + Special.ABOVE,
        n_bins + Special.POSITIVE_INFINITY,
    ]
    return counts[places]


def calibration_names(bins: NumericBins, groups: Sequence[int]) -> tuple[str, ...]:
    """What each calibration bin is called: the range of its scores, the first and the last open.

    Parameters
    ----------
    bins : NumericBins
        Of the score.
    groups : sequence of n_bins ints
        The calibration bin of each regular bin, ascending from 0 without a gap.

    Examples
    --------
    >>> calibration_names(NumericBins(ends=(0.1, 0.2, 0.5, 1.0), low=0.0, exact=False), [0, 0, 1, 2])
    ('up to 0.2', 'above 0.2, up to 0.5', 'above 0.5')
    """
    ends = [
        _written(end) for end, here, following in zip(bins.ends, groups, groups[1:], strict=False) if here != following
    ]
    if not ends:
        return ("any score",)
    between = [f"above {low}, up to {high}" for low, high in pairwise(ends)]
    return (f"up to {ends[0]}", *between, f"above {ends[-1]}")


def _written(end: float) -> str:
    """An end of a bin, never as a power of ten where it is large."""
    return f"{end:,.0f}" if 1_000 <= abs(end) < 1e15 else f"{end:.4g}"


def finite_scores(counts: Ints) -> Ints:
    """How many rows have a finite score, whatever its bin: counts summed over the score axis.

    Parameters
    ----------
    counts : int array of shape (n_bins + 7, ...)
        Regular score bins, then the special ones.

    Examples
    --------
    >>> int(finite_scores(np.array([10, 20, 5, 0, 0, 1, 2, 3, 4])))
    33
    """
    n_bins = counts.shape[0] - N_SPECIAL
    beyond = [n_bins + Special.UNSEEN, n_bins + Special.BELOW, n_bins + Special.ABOVE]
    total: Ints = np.asarray(counts[:n_bins].sum(axis=0) + counts[beyond].sum(axis=0))
    return total


def pooled_scores(counts: Ints, groups: Sequence[int]) -> Ints:
    """How many rows lie in each calibration bin?

    Parameters
    ----------
    counts : int array of shape (n_bins + 7, ...)
        Regular score bins, then the special ones.
    groups : sequence of n_bins ints
        The calibration bin of each regular bin, ascending from 0 without a gap.

    Returns
    -------
    int array of shape (n_groups, ...)
        Finite scores below the reference's range are in the first bin, those above it in the last, as in
        the profile's calibration sums; missing and infinite scores are left out.

    Raises
    ------
    ValueError
        If there is no group, or not one for each regular bin.

    Examples
    --------
    >>> pooled_scores(np.array([10, 20, 30, 0, 0, 0, 1, 2, 3, 4]), [0, 0, 1]).tolist()
    [31, 32]
    """
    n_bins = counts.shape[0] - N_SPECIAL
    if len(groups) != n_bins or not n_bins:
        raise ValueError(
            f"{n_bins} regular score bins need {n_bins} calibration groups, at least one, not {len(groups)}."
        )
    pooled: Ints = np.zeros((groups[-1] + 1, *counts.shape[1:]), dtype=np.int64)
    np.add.at(pooled, np.asarray(groups), counts[:n_bins])
    pooled[0] += counts[n_bins + Special.BELOW]
    pooled[-1] += counts[n_bins + Special.ABOVE]
    return pooled
