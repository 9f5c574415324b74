"""Random draws made from uniform numbers alone, by inversion: the same on every machine and NumPy version.

NumPy keeps the stream of ``Generator.random`` fixed, but not what it makes of it for other distributions.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, pdtr

__all__ = ["draw_counts", "draw_levels", "draw_normal"]


def draw_normal(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    """Standard normal numbers, shape (n,)."""
    return np.asarray(ndtri(rng.random(n) * (1 - 2e-16) + 1e-16))


def draw_levels(
    rng: np.random.Generator, shares: Sequence[Sequence[float]], stratum: NDArray[np.int64]
) -> NDArray[np.int64]:
    """A level a row, shape (n,); row k of `shares` holds those of stratum k.

    Examples
    --------
    >>> rng = np.random.Generator(np.random.PCG64(0))
    >>> draw_levels(rng, [(1.0, 0.0), (0.0, 1.0)], np.array([0, 1, 1])).tolist()
    [0, 1, 1]
    """
    limits = np.cumsum(shares, axis=1)[:, :-1]
    draws = rng.random(stratum.size)
    return np.asarray(sum((draws >= limits[stratum, k]).astype(np.int64) for k in range(limits.shape[1])))


def draw_counts(rng: np.random.Generator, rate: NDArray[np.float64], *, limit: int) -> NDArray[np.float64]:
    """Poisson numbers of at most `limit`, shape (n,), as floats."""
    draws = rng.random(rate.size)
    return np.asarray(sum((draws > pdtr(k, rate)).astype(np.float64) for k in range(limit)))
