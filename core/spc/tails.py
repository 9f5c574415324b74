"""Counts on their exact scale: how far into its tail does a count lie, where a normal law would be too coarse?"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln, gammaln, ndtr, ndtri

from core.errors import InputError

__all__ = ["binomial_tails", "poisson_tails"]

Floats = NDArray[np.float64]
Law = Callable[[Floats], Floats]  # log probabilities of counts

REACH = 12.0  # standard deviations above the mean up to which a law is summed at first
LEAST = 1e-300  # probability: a score is at most 37 off the centre
MOST_CELLS = 4_000_000  # of one law


def binomial_tails(
    k: ArrayLike, n: ArrayLike, *, p: ArrayLike, rho: ArrayLike = 0.0, width: float = 3.0
) -> tuple[Floats, Floats, Floats]:
    """The normal score of each count, and the counts up to which it does not signal.

    Parameters
    ----------
    k, n : int array-like of shape (n_points,)
        Counted rows of all rows, 0 <= k <= n; NaN or n = 0 where there is none.
    p : float array-like
        Their expected share at each point, strictly between 0 and 1.
    rho : float array-like
        The correlation of two rows of one point, in [0, 1): 0 is the binomial law, above it the beta-binomial.
    width : float
        How many standard errors off the centre a normal point would have to lie.

    Returns
    -------
    score, lower, upper : float arrays of shape (n_points,)
        A score above 0 is that of the probability of so many or more, below 0 of so few or fewer, and 0 where
        neither is below one half. From `lower` to `upper` no count has a score beyond `width`.

    Raises
    ------
    InputError
        If a share isn't strictly between 0 and 1.

    References
    ----------
    J. G. Skellam (1948), Journal of the Royal Statistical Society B 10, 257-261: the beta-binomial law.

    Examples
    --------
    >>> score, lower, upper = binomial_tails([0, 1, 6], [100, 100, 100], p=0.01)
    >>> score.round(2).tolist(), lower.tolist(), upper.tolist()
    ([-0.34, 0.0, 3.27], [0.0, 0.0, 0.0], [5.0, 5.0, 5.0])
    """
    counts, rows, share, shared = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (k, n, p, rho)))
    told = np.isfinite(counts) & (rows > 0)
    if ((share[told] <= 0) | (share[told] >= 1)).any():
        raise InputError("An exact limit needs an expected share strictly between 0 and 1.")
    found = np.full((3, counts.size), np.nan)
    for place in np.flatnonzero(told):
        size, chance, rho_here = float(rows[place]), float(share[place]), float(shared[place])
        flipped = chance > 0.5  # the rarer outcome is the one to count from 0
        chance = 1 - chance if flipped else chance
        count = size - counts[place] if flipped else float(counts[place])
        variance = size * chance * (1 - chance) * (1 + (size - 1) * rho_here)
        law = _binomial(size, chance, rho_here)
        score, low, high = _scored(count, law, size * chance, variance, most=size, width=width)
        found[:, place] = (-score, size - high, size - low) if flipped else (score, low, high)
    return found[0], found[1], found[2]


def poisson_tails(
    k: ArrayLike, *, mean: ArrayLike, rho: ArrayLike = 0.0, width: float = 3.0
) -> tuple[Floats, Floats, Floats]:
    """The same for counts without a most: Poisson, or negative binomial with variance mean * (1 + mean * rho).

    Parameters
    ----------
    k : int array-like of shape (n_points,)
        Counts of 0 or more; NaN where there is none.
    mean : float array-like
        The expected count at each point, above 0.
    rho, width
        As for `binomial_tails`; rho may be 1 or more.

    Raises
    ------
    InputError
        If an expected count isn't above 0.

    Examples
    --------
    >>> score, lower, upper = poisson_tails([28, 29, 31], mean=16.0)
    >>> score.round(2).tolist(), upper.tolist()
    ([2.64, 2.85, 3.25], [29.0, 29.0, 29.0])
    """
    counts, means, shared = np.broadcast_arrays(*(np.asarray(a, dtype=np.float64) for a in (k, mean, rho)))
    told = np.isfinite(counts) & np.isfinite(means)
    if (means[told] <= 0).any():
        raise InputError("An exact limit needs an expected count above 0.")
    found = np.full((3, counts.size), np.nan)
    for place in np.flatnonzero(told):
        expected, rho_here = float(means[place]), float(shared[place])
        variance = expected * (1 + expected * rho_here)
        law = _poisson(expected, rho_here)
        found[:, place] = _scored(float(counts[place]), law, expected, variance, most=np.inf, width=width)
    return found[0], found[1], found[2]


def _binomial(size: float, chance: float, rho: float) -> Law:
    a, b = (chance * (1 / rho - 1), (1 - chance) * (1 / rho - 1)) if rho > 0 else (0.0, 0.0)

    def law(j: Floats) -> Floats:
        choose = gammaln(size + 1) - gammaln(j + 1) - gammaln(size - j + 1)
        if rho > 0:
            return np.asarray(choose + betaln(j + a, size - j + b) - betaln(a, b))
        return np.asarray(choose + j * np.log(chance) + (size - j) * np.log1p(-chance))

    return law


def _poisson(expected: float, rho: float) -> Law:
    def law(j: Floats) -> Floats:
        if rho <= 0:
            return np.asarray(j * np.log(expected) - expected - gammaln(j + 1))
        shape, rest = 1 / rho, np.log1p(expected * rho)
        choose = gammaln(j + shape) - gammaln(shape) - gammaln(j + 1)
        return np.asarray(choose - shape * rest + j * (np.log(expected * rho) - rest))

    return law


def _scored(
    count: float, law: Law, mean: float, variance: float, *, most: float, width: float
) -> tuple[float, float, float]:
    """Score of one count, and the least and the greatest count that does not signal."""
    tail = float(ndtr(-width))
    last = min(most, max(count, mean) + REACH * np.sqrt(variance) + 30)
    while True:
        chance = np.exp(law(np.arange(min(last, MOST_CELLS) + 1)))
        at_most = np.cumsum(chance)
        at_least = np.cumsum(chance[::-1])[::-1]
        if last >= most or last >= MOST_CELLS or 1 - at_most[-1] < tail * 1e-6:
            break
        last = min(most, 2 * last)
    upper = int(np.flatnonzero(at_least >= tail)[-1])
    lower = int(np.flatnonzero(at_most >= tail)[0])
    place = min(int(count), chance.size - 1)
    score = 0.0
    if at_least[place] < 0.5:
        score = -float(ndtri(max(at_least[place], LEAST)))
    elif at_most[place] < 0.5:
        score = float(ndtri(max(at_most[place], LEAST)))
    return score, float(lower), float(upper)
