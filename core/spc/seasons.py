"""Rhythms: do weekdays, or hours, differ? Then each point is held against its own kind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, polygamma

from core.errors import InputError
from core.spc.chart import as_base, as_floats

__all__ = ["LEAST_CYCLES", "ModeratedSpread", "SeasonTest", "moderated_spread", "season_test", "seasonal_means"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_CYCLES = 4  # points of each season in the base: fewer, and a profile would fit noise
LEVEL = 0.01


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeasonTest:
    """Of each series: Fisher's F of seasons against what is left, its p-value, and whether a rhythm is there.

    ``why`` says why nothing could be tested; F and p are NaN then.
    """

    f: Floats
    p_value: Floats
    n_seasons: int
    is_present: Bools
    why: str = ""


def season_test(
    values: ArrayLike,
    season: ArrayLike,
    *,
    base: ArrayLike | None = None,
    weight: ArrayLike | None = None,
    level: float = LEVEL,
) -> SeasonTest:
    """Do the points of phase I differ by season?

    Parameters
    ----------
    values : float array-like of shape (..., n_points)
    season : int array-like of shape (n_points,)
        The season of each point, from 0: the weekday, or the hour of the week.
    base : bool array-like, optional
        The points of phase I; all, by default.
    weight : float array-like, optional
        How much each point counts: n, where it varies.
    level : float
        Of the test, in (0, 1).

    Returns
    -------
    SeasonTest
        One-way analysis of variance. Not tested where a season has fewer than 4 points in the base of any series.

    Raises
    ------
    InputError
        If seasons don't fit the points.

    References
    ----------
    R. A. Fisher's one-way analysis of variance: D. C. Montgomery (2013), section 4.5.

    Examples
    --------
    >>> days = np.arange(35) % 7
    >>> found = season_test(np.where(days == 0, 5.0, 1.0) + np.tile([0.1, -0.1, 0.2, -0.2, 0.0], 7), days)
    >>> found.is_present.tolist(), found.n_seasons
    ([True], 7)
    """
    from scipy.stats import f as fisher

    x, labels, where, weights = _prepared(values, season, base, weight)
    n_seasons = int(labels.max()) + 1 if labels.size else 0
    shape = (*x.shape[:-1], 1)
    unknown = np.full(shape, np.nan)
    each = where.astype(np.float64) @ _one_hot(labels, n_seasons)
    if n_seasons < 2 or (each < LEAST_CYCLES).any():
        why = f"A rhythm can be tested once phase I holds each season {LEAST_CYCLES} times."
        return SeasonTest(
            f=unknown, p_value=unknown, n_seasons=n_seasons, is_present=np.zeros(shape, dtype=bool), why=why
        )
    mean = (weights * np.where(where, x, 0.0)).sum(axis=-1, keepdims=True) / weights.sum(axis=-1, keepdims=True)
    expected = np.take_along_axis(
        seasonal_means(x, labels, base=where, weight=weights), np.broadcast_to(labels, x.shape), axis=-1
    )
    between = (weights * np.where(where, expected - mean, 0.0) ** 2).sum(axis=-1, keepdims=True)
    within = (weights * np.where(where, x - expected, 0.0) ** 2).sum(axis=-1, keepdims=True)
    n = where.sum(axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = (between / (n_seasons - 1)) / (within / (n - n_seasons))
    statistic = np.where(np.isnan(statistic), 0.0, statistic)  # all points are equal
    p_value = np.asarray(fisher.sf(statistic, n_seasons - 1, n - n_seasons))
    return SeasonTest(f=statistic, p_value=p_value, n_seasons=n_seasons, is_present=p_value < level)


def seasonal_means(
    values: ArrayLike, season: ArrayLike, *, base: ArrayLike | None = None, weight: ArrayLike | None = None
) -> Floats:
    """The mean of each season over phase I, shape (..., n_seasons): the profile that later points are held against.

    Parameters
    ----------
    values, season, base, weight
        As for `season_test`. A season without a point in the base has no mean: NaN.

    Examples
    --------
    >>> seasonal_means([1.0, 10.0, 3.0, 20.0], [0, 1, 0, 1]).tolist()
    [2.0, 15.0]
    """
    x, labels, where, weights = _prepared(values, season, base, weight)
    hot = _one_hot(labels, int(labels.max()) + 1 if labels.size else 0)
    total, summed = weights @ hot, (weights * np.where(where, x, 0.0)) @ hot
    return np.asarray(np.divide(summed, total, out=np.full(total.shape, np.nan), where=total > 0))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ModeratedSpread:
    """The standard deviation of each season, drawn towards their common one; ``df`` is what each is then known by."""

    sd: Floats
    df: float


def moderated_spread(variance: ArrayLike, df: float) -> ModeratedSpread:
    """How far do the points of each season spread, when each has few points and all tell something of each other?

    Parameters
    ----------
    variance : float array-like of shape (n_seasons,)
        Of the points of each season, above 0.
    df : float
        Degrees of freedom of each, above 0.

    Returns
    -------
    ModeratedSpread
        Empirical Bayes: (d0 * s0^2 + df * s^2) / (d0 + df), with the prior d0 and s0^2 that the variances'
        own spread gives; infinite d0, and so one spread for all, where they differ by chance alone.

    References
    ----------
    G. K. Smyth (2004), section 6.2, doi:10.2202/1544-6115.1027.

    Examples
    --------
    >>> found = moderated_spread([1.0, 1.2, 0.9, 100.0, 110.0, 95.0], df=6)
    >>> found.sd.round(1).tolist(), 6 < found.df < 9
    ([1.1, 1.2, 1.1, 9.3, 9.8, 9.1], True)
    """
    from scipy.optimize import brentq

    s2 = np.asarray(variance, dtype=np.float64)
    if not (df > 0 and s2.ndim == 1 and s2.size > 1 and (s2 > 0).all()):
        raise InputError("Moderated spreads need variances above 0 of several seasons, and degrees of freedom above 0.")
    logs = np.log(s2) - digamma(df / 2) + np.log(df / 2)
    surplus = float(logs.var(ddof=1) - polygamma(1, df / 2))
    if surplus <= 0:
        return ModeratedSpread(sd=np.full(s2.size, np.sqrt(np.exp(logs.mean()))), df=np.inf)
    prior = 2 * float(brentq(lambda half: polygamma(1, half) - surplus, 1e-6, 1e9))
    common = np.exp(logs.mean() + digamma(prior / 2) - np.log(prior / 2))
    return ModeratedSpread(sd=np.sqrt((prior * common + df * s2) / (prior + df)), df=prior + df)


def _one_hot(labels: Ints, n_seasons: int) -> Floats:
    return np.eye(n_seasons)[labels]


def _prepared(
    values: ArrayLike, season: ArrayLike, base: ArrayLike | None, weight: ArrayLike | None
) -> tuple[Floats, Ints, Bools, Floats]:
    x, labels = as_floats(values, "values"), np.asarray(season)
    if labels.shape != x.shape[-1:] or not np.issubdtype(labels.dtype, np.integer) or (labels < 0).any():
        raise InputError(
            f"Seasons must be whole numbers from 0, one for each of {x.shape[-1]} points, got {labels.dtype} of shape "
            f"{labels.shape}."
        )
    where = as_base(base, np.isfinite(x))
    weights = np.ones(x.shape) if weight is None else np.broadcast_to(np.asarray(weight, dtype=np.float64), x.shape)
    return x, labels.astype(np.int64), where, np.where(where, weights, 0.0)
