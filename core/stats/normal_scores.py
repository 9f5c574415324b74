"""Scores of ordered bins whose mean says in standard deviations how far a column has shifted or spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

__all__ = ["location_scores", "spread_scores"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def location_scores(shares: Floats) -> Floats:
    """What is each ordered bin worth, if the reference were normal with mean 0 and standard deviation 1?

    Parameters
    ----------
    shares : float array of shape (..., n_bins)
        The reference's shares of ordered bins, lowest first; they sum to 1.

    Returns
    -------
    float array of the same shape
        The mean normal score of each bin, scaled so that the reference has mean 0 and variance 1; a bin the
        reference leaves empty has the score of its place between its neighbours, or of the outermost. NaN where all
        of the reference lies in one bin: nothing says how wide a step is.

    References
    ----------
    B. L. van der Waerden (1952), doi:10.1016/S1385-7258(52)50063-5.

    Examples
    --------
    >>> location_scores(np.full(4, 0.25)).round(3).tolist()
    [-1.37, -0.35, 0.35, 1.37]
    """
    below = np.cumsum(shares, axis=-1)
    below = np.concatenate([np.zeros((*shares.shape[:-1], 1)), np.minimum(below, 1.0)], axis=-1)
    below[..., -1] = 1.0
    z = ndtri(below)
    density = np.where(np.isfinite(z), np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi), 0.0)
    mass = density[..., :-1] - density[..., 1:]
    is_there = shares > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.where(is_there, mass / shares, np.nan)
        return _standardised(np.where(is_there, scores, _places(z, scores, is_there)), shares)


def _places(z: Floats, scores: Floats, is_there: Bools) -> Floats:
    """The normal score where a bin without mass lies: between its neighbours, beyond the mass that of its end."""
    lowest = np.where(is_there, scores, np.inf).min(axis=-1, keepdims=True)
    highest = np.where(is_there, scores, -np.inf).max(axis=-1, keepdims=True)
    has_before = np.cumsum(is_there, axis=-1) > 0
    has_after = np.cumsum(is_there[..., ::-1], axis=-1)[..., ::-1] > 0
    between = np.clip(np.nan_to_num(z[..., :-1]), lowest, highest)
    return np.asarray(np.where(~has_before, lowest, np.where(~has_after, highest, between)))


def spread_scores(shares: Floats) -> Floats:
    """What does each ordered bin say about spread, whatever the location?

    Parameters
    ----------
    shares : float array of shape (..., n_bins)
        The reference's shares of ordered bins.

    Returns
    -------
    float array of the same shape
        The squared `location_scores`, made orthogonal to 1 and to the location, with mean 0 and variance 1 in
        the reference. NaN with fewer than three bins, which have no spread apart from their location.

    Examples
    --------
    >>> spread_scores(np.full(4, 0.25)).round(3).tolist()
    [1.0, -1.0, -1.0, 1.0]
    """
    location = location_scores(shares)
    squared = location**2
    with np.errstate(invalid="ignore", divide="ignore"):
        squared = squared - (shares * squared).sum(axis=-1, keepdims=True)
        squared = squared - (shares * squared * location).sum(axis=-1, keepdims=True) * location
        variance = (shares * squared**2).sum(axis=-1, keepdims=True)
        scores = np.where(variance > 1e-9, squared / np.sqrt(variance), np.nan)
    return np.asarray(scores)


def _standardised(scores: Floats, shares: Floats) -> Floats:
    centred = scores - (shares * scores).sum(axis=-1, keepdims=True)
    variance = (shares * centred**2).sum(axis=-1, keepdims=True)
    return np.asarray(np.where(variance > 1e-12, centred / np.sqrt(variance), np.nan))
