"""How far the current counts lie from the reference's, by the field's usual distances.

All take counts on the same bins: `reference` of shape (n_bins,) and `current` of shape (..., n_bins); a reference
may have leading axes too, if bins were pooled otherwise in each window.
Bins that are empty on both sides are left out before the pseudocount is added, so that special bins
nobody uses add nothing. A side without rows gives NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import rel_entr

__all__ = [
    "Bracket",
    "cohens_w",
    "hellinger_distance",
    "jensen_shannon_distance",
    "jensen_shannon_divergence",
    "kolmogorov_smirnov",
    "kullback_leibler_divergence",
    "l_infinity",
    "paired_shares",
    "population_stability_index",
    "total_variation",
    "wasserstein",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

JEFFREYS = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Bracket:
    """A distance read from bins: the raw rows' own value lies between `low` and `high`."""

    value: float
    low: float
    high: float

    @property
    def error_bound(self) -> float:
        """How far the raw rows' value can be from `value`."""
        return max(self.value - self.low, self.high - self.value)


def paired_shares(reference: Ints, current: Ints, *, pseudocount: float | Floats = JEFFREYS) -> tuple[Floats, Floats]:
    """Which share of each side lies in each bin?

    Parameters
    ----------
    reference : int array of shape (n_bins,) or (..., n_bins)
    current : int array of shape (..., n_bins)
    pseudocount : float or float array of shape (..., 1)
        Added to every bin that is used on either side; 0.5 is Jeffreys' prior, 0 the textbook.

    Returns
    -------
    two float arrays of the shape of `current`
        Shares in 0..1 that sum to 1; 0 in bins that are empty on both sides.

    Raises
    ------
    ValueError
        If the last axes differ in length.

    Examples
    --------
    >>> p, q = paired_shares(np.array([2, 1, 0]), np.array([0, 3, 0]))
    >>> p.tolist(), q.tolist()
    ([0.625, 0.375, 0.0], [0.125, 0.875, 0.0])
    """
    if reference.shape[-1:] != current.shape[-1:]:
        raise ValueError(f"Counts of shape {reference.shape} and {current.shape} don't share their bins.")
    used = (reference > 0) | (current > 0)
    added = np.where(used, pseudocount, 0.0)
    return _normalised(np.where(used, reference, 0), added), _normalised(current, added)


def _normalised(counts: Ints, added: Floats) -> Floats:
    n = counts.sum(axis=-1, keepdims=True)
    total = n + added.sum(axis=-1, keepdims=True)
    shares: Floats = np.full(counts.shape, np.nan)
    np.divide(counts + added, total, out=shares, where=np.broadcast_to(n > 0, counts.shape))
    return shares


def population_stability_index(reference: Ints, current: Ints, *, pseudocount: float | Floats = JEFFREYS) -> Floats:
    """How far have the shares moved, as the population stability index?

    It is the sum of (q - p) ln(q / p) over bins, which is KL(p || q) + KL(q || p), in nats, 0 or more.

    Parameters
    ----------
    reference : int array of shape (n_bins,)
    current : int array of shape (..., n_bins)
    pseudocount : float
        With 0, a bin that is empty on one side makes it infinite.

    Returns
    -------
    float array of shape current.shape[:-1]

    References
    ----------
    H. Jeffreys (1946), doi:10.1098/rspa.1946.0056.

    Examples
    --------
    >>> reference, current = np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380])
    >>> round(float(population_stability_index(reference, current, pseudocount=0)), 10)
    0.0113319024
    """
    p, q = paired_shares(reference, current, pseudocount=pseudocount)
    return np.asarray((rel_entr(p, q) + rel_entr(q, p)).sum(axis=-1))


def kullback_leibler_divergence(reference: Ints, current: Ints, *, pseudocount: float | Floats = JEFFREYS) -> Floats:
    """How badly does the reference describe the current rows: KL(current || reference), in nats?

    References
    ----------
    S. Kullback, R. A. Leibler (1951), doi:10.1214/aoms/1177729694.

    Examples
    --------
    >>> round(float(kullback_leibler_divergence(np.array([1, 3]), np.array([2, 2]), pseudocount=0)), 6)
    0.143841
    """
    p, q = paired_shares(reference, current, pseudocount=pseudocount)
    return np.asarray(rel_entr(q, p).sum(axis=-1))


def jensen_shannon_divergence(
    reference: Ints, current: Ints, *, base: float = math.e, pseudocount: float | Floats = JEFFREYS
) -> Floats:
    """How far are both sides from their average, as the Jensen-Shannon divergence?

    Parameters
    ----------
    reference : int array of shape (n_bins,)
    current : int array of shape (..., n_bins)
    base : float
        Of the logarithm: with e the divergence is at most ln 2 = 0.693, with 2 at most 1.
    pseudocount : float

    Returns
    -------
    float array of shape current.shape[:-1]

    References
    ----------
    J. Lin (1991), doi:10.1109/18.61115.

    Examples
    --------
    >>> reference, current = np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380])
    >>> round(float(jensen_shannon_divergence(reference, current, pseudocount=0)), 10)
    0.001413538
    """
    p, q = paired_shares(reference, current, pseudocount=pseudocount)
    middle = (p + q) / 2
    divergence = (rel_entr(p, middle) + rel_entr(q, middle)).sum(axis=-1) / (2 * math.log(base))
    return np.asarray(np.maximum(divergence, 0.0))  # rounding may leave -1e-17


def jensen_shannon_distance(
    reference: Ints, current: Ints, *, base: float = 2.0, pseudocount: float | Floats = JEFFREYS
) -> Floats:
    """How far are both sides apart, as the root of the Jensen-Shannon divergence, a metric?

    With base 2 it lies in 0..1; in base e it is 0.8326 times that.

    References
    ----------
    D. M. Endres, J. E. Schindelin (2003), doi:10.1109/TIT.2003.813506.

    Examples
    --------
    >>> reference, current = np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380])
    >>> round(float(jensen_shannon_distance(reference, current, pseudocount=0)), 10)
    0.045158656
    """
    return np.sqrt(jensen_shannon_divergence(reference, current, base=base, pseudocount=pseudocount))


def hellinger_distance(reference: Ints, current: Ints, *, pseudocount: float | Floats = JEFFREYS) -> Floats:
    """How little do the shares overlap: sqrt(1 - sum of sqrt(p q)), in 0..1?

    References
    ----------
    E. Hellinger (1909), doi:10.1515/crll.1909.136.210.

    Examples
    --------
    >>> reference, current = np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380])
    >>> round(float(hellinger_distance(reference, current, pseudocount=0)), 10)
    0.0376166246
    """
    p, q = paired_shares(reference, current, pseudocount=pseudocount)
    return np.asarray(np.sqrt(((np.sqrt(p) - np.sqrt(q)) ** 2).sum(axis=-1) / 2))


def total_variation(reference: Ints, current: Ints) -> Floats:
    """Which share of rows would have to change bins to make both sides equal, in 0..1?

    Nothing is divided by a share, so no pseudocount is needed.

    Examples
    --------
    >>> float(total_variation(np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380]))).__round__(10)
    0.04
    """
    p, q = paired_shares(reference, current, pseudocount=0)
    return np.asarray(np.abs(q - p).sum(axis=-1) / 2)


def l_infinity(reference: Ints, current: Ints) -> Floats:
    """What is the largest change of a bin's share, in 0..1?

    Examples
    --------
    >>> float(l_infinity(np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380]))).__round__(10)
    0.03
    """
    p, q = paired_shares(reference, current, pseudocount=0)
    return np.asarray(np.abs(q - p).max(axis=-1))


def cohens_w(reference: Ints, current: Ints, *, pseudocount: float | Floats = JEFFREYS) -> Floats:
    """How large is the shift of the shares, as Cohen's w = sqrt(sum of (q - p)^2 / p)?

    0.1 is called small, 0.3 medium and 0.5 large; for small shifts PSI is about w^2.

    References
    ----------
    J. Cohen (1988), Statistical Power Analysis for the Behavioral Sciences, doi:10.4324/9780203771587.

    Examples
    --------
    >>> reference, current = np.array([100, 200, 300, 400]), np.array([130, 180, 310, 380])
    >>> round(float(cohens_w(reference, current, pseudocount=0)), 10)
    0.1110555417
    """
    p, q = paired_shares(reference, current, pseudocount=pseudocount)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(p == q, 0.0, (q - p) ** 2 / p)
    return np.asarray(np.sqrt(ratio.sum(axis=-1)))


def kolmogorov_smirnov(reference: Ints, current: Ints, *, points: Bools | None = None) -> Bracket:
    """How far do the distribution functions lie apart at most?

    Parameters
    ----------
    reference, current : int arrays of shape (n_bins,)
        Counts of ordered bins, each side with at least one row.
    points : bool array of shape (n_bins,), optional
        The bins that hold a single value: nothing can hide inside them.

    Returns
    -------
    Bracket
        ``value`` and ``low`` are the largest gap at the ends of bins; no order of the rows inside
        the bins takes the gap above ``high``.

    References
    ----------
    N. V. Smirnov (1939); the bracket follows from both functions being monotone.

    Examples
    --------
    >>> kolmogorov_smirnov(np.array([2, 1, 1]), np.array([1, 1, 2]))
    Bracket(value=0.25, low=0.25, high=0.5)
    >>> kolmogorov_smirnov(np.array([2, 1, 1]), np.array([1, 1, 2]), points=np.ones(3, dtype=bool)).high
    0.25
    """
    f, g = _cumulated(reference), _cumulated(current)
    low = float(np.abs(f - g).max())
    inside = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1])
    if points is not None:
        inside = np.where(points, 0.0, inside)
    return Bracket(value=low, low=low, high=min(1.0, max(low, float(inside.max()))))


def wasserstein(reference: Ints, current: Ints, edges: Floats, *, exact: bool = False) -> Bracket:
    """How far must the mass move on average (Wasserstein-1, the area between the distribution functions)?

    Parameters
    ----------
    reference, current : int arrays of shape (n_bins,)
        Counts of ordered bins, each side with at least one row.
    edges : float array of shape (n_bins + 1,)
        Bin k holds edges[k] < x <= edges[k + 1]; the first one edges[0] itself too.
    exact : bool
        All rows of a bin lie at its upper edge, so that the value has no error.

    Returns
    -------
    Bracket
        In the unit of `edges`. ``value`` spreads the rows of a bin evenly over it.

    References
    ----------
    S. S. Vallender (1974), doi:10.1137/1118101.

    Examples
    --------
    >>> wasserstein(np.array([2, 2]), np.array([1, 3]), np.array([0.0, 1.0, 3.0]))
    Bracket(value=0.375, low=0.0, high=2.0)
    >>> wasserstein(np.array([2, 2]), np.array([1, 3]), np.array([1.0, 1.0, 3.0]), exact=True).value
    0.5
    """
    f, g, width = _cumulated(reference), _cumulated(current), np.diff(edges)
    left, right = np.abs(f - g)[:-1], np.abs(f - g)[1:]
    if exact:
        area = float((left * width).sum())
        return Bracket(value=area, low=area, high=area)
    crosses = (f - g)[:-1] * (f - g)[1:] < 0
    both = np.where(crosses, left + right, 1.0)
    mean_gap = np.where(crosses, (left**2 + right**2) / (2 * both), (left + right) / 2)
    least = np.maximum(0.0, np.maximum(f[:-1] - g[1:], g[:-1] - f[1:]))
    most = np.maximum(f[1:] - g[:-1], g[1:] - f[:-1])
    value, low, high = (float((gap * width).sum()) for gap in (mean_gap, least, most))
    return Bracket(value=value, low=min(low, value), high=max(high, value))


def _cumulated(counts: Ints) -> Floats:
    n = int(counts.sum())
    if n == 0:
        raise ValueError("A distribution function needs at least one row.")
    return np.concatenate([[0.0], np.cumsum(counts) / n])
