"""Phase I: what the reference's windows say of every monitor, and how far that can be trusted.

A monitor's mean and standard deviation alone don't make a limit. Windows differ by more than their rows
explain, a reference is itself a sample, and windows remember the one before; each of these pages somebody
every week if it is left out. Here each is estimated, with what the estimate is worth.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, fdtrc, ndtri, polygamma, xlogy
from scipy.stats import t as student

from core.alarms.monitors import Kind, Subject, Windows

__all__ = ["SHARES", "Baseline", "Margin", "as_normal", "fit_baseline", "squeeze_variances"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

REFERENCE_RISK = 0.05  # how often, over all monitors, the reference may be further off than is allowed for
MIN_EXPECTED = 5.0
SEASON_LEVEL = 0.01
MAX_AUTOCORRELATION = 0.5
MIN_LAGGED = 7  # windows
LAG_QUANTILE = 2.33  # chance shows as much once in a hundred references
PARTS = (Kind.BIN, Kind.CATEGORY)
SHARES = (*PARTS, Kind.SHARE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What doesn't matter: the larger of a part of a standard deviation and, of shares, percentage points.

    Examples
    --------
    >>> Margin(sd=0.05, points=0.01).in_sd(0.02, is_share=True)
    0.5
    """

    sd: float = 0.05
    points: float = 0.01

    def in_sd(self, sigma: float, *, is_share: bool) -> float:
        """The margin of a monitor with standard deviation `sigma`, in standard deviations."""
        if not is_share or sigma <= 0:
            return self.sd
        return max(self.sd, self.points / sigma)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """What the reference says of every monitor; arrays have the shape (n_monitors,).

    `mean`, `sigma`: of a row's score. `n`: rows of the reference. `n_window`: rows of an ordinary window.
    `correlation`: of two rows of one window, so that a window's mean varies
    `1 + (n - 1) correlation` times as much as n independent rows' would. `df`: what that is worth.
    `is_exact`: too rare for a normal law, so that rows are bet on one by one. `autocorrelation`: of
    neighbouring windows, one number for all monitors. `season`: what is subtracted by the phase of a
    window, shape (n_phases, n_monitors), None without a season.
    """

    subjects: tuple[Subject, ...]
    subject: Ints
    kinds: Ints
    weights: Floats
    n: Floats
    mean: Floats
    sigma: Floats
    n_window: Floats
    correlation: Floats
    df: Floats
    is_exact: Bools
    autocorrelation: Floats
    season: Floats | None
    n_windows: int

    @property
    def long_run(self) -> Floats:
        """How much more a long stretch of windows varies because each remembers the one before."""
        return (1 + self.autocorrelation) / (1 - self.autocorrelation)

    def dispersion(self, n: Floats) -> Floats:
        """How much more a window of n rows varies than independent rows would, at least 1 where n >= 1."""
        return 1.0 + np.maximum(n - 1.0, 0.0) * self.correlation

    @property
    def risk(self) -> Floats:
        """The tail probability that each monitor's reference is given on either side: as its bet, by weight."""
        return REFERENCE_RISK * self.weights / max(len(self.subjects), 1) / 2

    @property
    def reference_error(self) -> Floats:
        """How far the reference's own mean may be off, in standard deviations of a row.

        All monitors together lie within it with probability 0.95 (Bonferroni).
        """
        quantile = _student_quantile(self.risk, self.df)
        return quantile * np.sqrt(self.dispersion(self.n_window) * self.long_run / np.maximum(self.n, 1.0))

    def standardised(self, windows: Windows, phases: Ints) -> Floats:
        """Every window's deviation in standard errors, what it owes to the window before taken off.

        Parameters
        ----------
        windows : Windows
            In the order of time; neighbours are taken for neighbours.
        phases : int array of shape (n_windows,)
            Where in the season each lies; ignored without one.

        Returns
        -------
        float array of shape (n_windows, n_monitors)
            Student's t with `df` degrees of freedom while nothing moves; NaN without rows.
        """
        z = self._deviations(windows, phases) / np.sqrt(self.dispersion(windows.n))
        before = np.vstack([np.full(z.shape[1], np.nan), z[:-1]])
        known = ~np.isnan(before)
        scale = np.where(known, np.sqrt(1 - self.autocorrelation**2), 1.0)
        innovations: Floats = (z - self.autocorrelation * np.where(known, before, 0.0)) / scale
        return innovations

    def _deviations(self, windows: Windows, phases: Ints) -> Floats:
        centre = self.mean if self.season is None else self.mean + self.season[phases]
        return _deviations(windows, np.broadcast_to(centre, windows.n.shape), self.sigma, np.isin(self.kinds, PARTS))


def fit_baseline(
    subjects: Sequence[Subject],
    reference: Windows,
    *,
    phases: Ints | None = None,
    n_phases: int = 1,
) -> Baseline:
    """What do the reference's windows say of every monitor?

    Parameters
    ----------
    subjects : sequence of Subject
    reference : Windows
        Of all subjects side by side, in the order of time; at least 2 windows.
    phases : int array of shape (n_windows,), optional
        The phase of each window in a season (such as its weekday), from 0.
    n_phases : int
        How many phases there are; 1 for no season.

    Returns
    -------
    Baseline

    Raises
    ------
    ValueError
        If there are fewer than two windows.

    References
    ----------
    G. K. Smyth (2004), moderated variances, doi:10.2202/1544-6115.1027; D. B. Laney (2002) and the
    beta-binomial law for windows that differ, doi:10.1081/QEN-120003555.
    """
    n_windows = reference.n.shape[0]
    if n_windows < 2:
        raise ValueError(f"A baseline needs at least 2 windows of reference, got {n_windows}.")
    subject = np.repeat(np.arange(len(subjects)), [len(s.names) for s in subjects])
    kinds = np.array([kind for s in subjects for kind in s.kinds], dtype=np.int64)
    n = reference.n.sum(axis=0)
    rows = np.maximum(n, 1.0)
    mean = reference.total.sum(axis=0) / rows
    sigma = np.sqrt(np.maximum(reference.total_of_squares.sum(axis=0) / rows - mean**2, 0.0))
    used = reference.n > 0
    n_used = np.maximum(used.sum(axis=0), 1)
    n_window = n / n_used
    is_share = np.isin(kinds, SHARES)
    rarer = np.where(is_share, np.minimum(mean, 1 - mean) * n_window, np.inf)
    is_exact = is_share & (rarer < MIN_EXPECTED)
    season, n_means = _season(reference, mean, sigma, phases, n_phases)
    centre = mean if season is None or phases is None else mean + season[phases]
    z = np.nan_to_num(_deviations(reference, np.broadcast_to(centre, reference.n.shape), sigma, np.isin(kinds, PARTS)))
    df = np.maximum(n_used - n_means, 1).astype(np.float64)
    observed = (z**2).sum(axis=0) / df
    observed *= np.where(n_means > 1, 1 + n_means / n_used, 1.0)  # means of few windows are themselves uncertain
    shows_itself = ~is_exact & (sigma > 0)
    moderated, df = _moderated(observed, df, kinds, shows_itself)
    correlation = np.maximum(moderated - 1.0, 0.0) / np.maximum(n_window - 1.0, 1.0)
    correlation = _borrowed(correlation, [s.column for s in subjects], subject, kinds, shows_itself)
    scaled = z / np.sqrt(1.0 + np.maximum(reference.n - 1.0, 0.0) * correlation)
    return Baseline(
        subjects=tuple(subjects),
        subject=subject,
        kinds=kinds,
        weights=np.array([weight for s in subjects for weight in s.weights]),
        n=n,
        mean=mean,
        sigma=sigma,
        n_window=n_window,
        correlation=correlation,
        df=df,
        is_exact=is_exact,
        autocorrelation=_autocorrelations(scaled, kinds, shows_itself),
        season=season,
        n_windows=n_windows,
    )


def squeeze_variances(variances: Floats, df: Floats) -> tuple[Floats, Floats]:
    """Variances that lend one another strength: each is drawn towards what all have in common.

    Parameters
    ----------
    variances, df : float arrays of shape (n,)
        Estimates and their degrees of freedom.

    Returns
    -------
    two float arrays of shape (n,)
        Moderated variances and their degrees of freedom, infinite where the estimates differ by chance alone.

    References
    ----------
    G. K. Smyth (2004), doi:10.2202/1544-6115.1027.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> squeezed, df = squeeze_variances(rng.chisquare(6, 200) / 6, np.full(200, 6.0))
    >>> bool(abs(squeezed - 1).max() < 0.1), bool(df.min() > 100)
    (True, True)
    """
    if variances.size < 3:
        return variances, df
    floor = 1e-5 * max(float(np.median(variances)), 1e-300)
    e = np.log(np.maximum(variances, floor)) - digamma(df / 2) + np.log(df / 2)
    excess = float(np.var(e, ddof=1) - polygamma(1, df / 2).mean())
    if excess <= 0:
        return np.full(variances.shape, math.exp(float(e.mean()))), np.full(df.shape, np.inf)
    prior_df = 2 * _inverse_trigamma(excess)
    prior = math.exp(float(e.mean()) + float(digamma(prior_df / 2)) - math.log(prior_df / 2))
    return (prior_df * prior + df * variances) / (prior_df + df), prior_df + df


def _deviations(windows: Windows, centre: Floats, sigma: Floats, is_part: Bools) -> Floats:
    """How far each window lies from its centre, in standard errors of independent rows; NaN without rows.

    Of a bin or category, of which a column has many, it is the signed root of the likelihood ratio: its
    tails are a normal law's already where a bin holds a few rows; the plain deviation's upper tail is far
    too long there.
    """
    z = np.sqrt(windows.n) * (windows.mean - centre) / np.where(sigma > 0, sigma, 1.0)
    share = np.flatnonzero(is_part)
    if share.size:
        p, x = np.clip(centre[:, share], 1e-9, 1 - 1e-9), windows.mean[:, share]
        divergence = xlogy(x, x / p) + xlogy(1 - x, (1 - x) / (1 - p))
        z[:, share] = np.sign(x - p) * np.sqrt(2 * windows.n[:, share] * np.maximum(divergence, 0.0))
    return z


def _inverse_trigamma(value: float) -> float:
    """The x at which the trigamma function is `value`, by Newton's method on 1 / trigamma."""
    x = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(polygamma(1, x))
        step = trigamma * (1 - trigamma / value) / float(polygamma(2, x))
        x += step
        if abs(step) < 1e-10 * x:
            break
    return x


def _moderated(observed: Floats, df: Floats, kinds: Ints, shows_itself: Bools) -> tuple[Floats, Floats]:
    """Dispersion of every monitor, at least 1; monitors of one kind lend one another theirs."""
    moderated, worth = observed.copy(), df.copy()
    for kind in np.unique(kinds):
        same = np.flatnonzero(shows_itself & (kinds == kind))
        if kind != Kind.WINDOW:
            moderated[same], worth[same] = squeeze_variances(observed[same], df[same])
    return np.maximum(moderated, 1.0), worth


def _borrowed(correlation: Floats, columns: Sequence[str], subject: Ints, kinds: Ints, shows_itself: Bools) -> Floats:
    """A share that is hardly ever above 0 can't show how windows differ: it takes the most that its column's do."""
    of_column: dict[str, float] = {}
    is_value = np.isin(kinds, (Kind.BIN, Kind.CATEGORY))
    for place in np.flatnonzero(is_value):
        name = columns[subject[place]]
        of_column[name] = max(of_column.get(name, 0.0), float(correlation[place]))
    borrowed = correlation.copy()
    for place in np.flatnonzero((kinds == Kind.SHARE) & ~shows_itself):
        borrowed[place] = max(borrowed[place], of_column.get(columns[subject[place]], 0.0))
    return borrowed


def _season(
    reference: Windows, mean: Floats, sigma: Floats, phases: Ints | None, n_phases: int
) -> tuple[Floats | None, Ints]:
    """Deviations by phase where an F test finds them, and how many means each monitor then needs."""
    one = np.ones(mean.size, dtype=np.int64)
    n_windows = reference.n.shape[0]
    if phases is None or n_phases < 2 or n_windows <= n_phases + 1:
        return None, one
    safe = np.where(sigma > 0, sigma, 1.0)
    z = np.sqrt(reference.n) * np.nan_to_num(reference.mean - mean) / safe
    n_by_phase, total_by_phase = np.zeros((n_phases, mean.size)), np.zeros((n_phases, mean.size))
    np.add.at(n_by_phase, phases, reference.n)
    np.add.at(total_by_phase, phases, reference.total)
    deviation = np.where(n_by_phase > 0, total_by_phase / np.maximum(n_by_phase, 1.0) - mean, 0.0)
    between = (n_by_phase * (deviation / safe) ** 2).sum(axis=0)
    within = np.maximum((z**2).sum(axis=0) - between, 1e-12)
    ratio = (between / (n_phases - 1)) / (within / (n_windows - n_phases))
    found = fdtrc(n_phases - 1, n_windows - n_phases, ratio) < SEASON_LEVEL
    if not found.any():
        return None, one
    return np.where(found, deviation, 0.0), np.where(found, n_phases, 1)


def _autocorrelations(z: Floats, kinds: Ints, shows_itself: Bools) -> Floats:
    """The lag-1 autocorrelation that monitors of a kind have in common, less its bias; 0 where chance would show it.

    It is capped: a larger one says that windows are too short to be told apart.
    """
    n_windows = z.shape[0]
    found = np.zeros(kinds.size)
    squares, lagged = (z**2).sum(axis=0), (z[1:] * z[:-1]).sum(axis=0)
    for kind in np.unique(kinds):
        same = np.flatnonzero(shows_itself & (kinds == kind) & (squares > 0))
        if n_windows < MIN_LAGGED or not same.size:
            continue
        corrected = (n_windows * float(np.median(lagged[same] / squares[same])) + 1) / (n_windows - 4)
        if corrected >= LAG_QUANTILE / math.sqrt(n_windows * same.size):
            found[kinds == kind] = min(corrected, MAX_AUTOCORRELATION)
    return found


def as_normal(t: Floats, df: Floats) -> Floats:
    """A Student t as the normal deviate of equal tail, by an approximation that has no far tail to lose.

    References
    ----------
    D. L. Wallace (1959), Bounds on normal approximations to Student's and the chi-square distributions.

    Examples
    --------
    >>> [float(z.round(2)) for z in as_normal(np.array([2.0, 5.0, 1e6]), np.array([6.0, 6.0, np.inf]))]
    [1.68, 3.02, 1000000.0]
    """
    finite = np.isfinite(df)
    nu = np.where(finite, df, 1.0)
    scaled = (8 * nu + 1) / (8 * nu + 3) * np.sqrt(nu * np.log1p(t**2 / nu))
    return np.where(finite, np.sign(t) * scaled, t)


def _student_quantile(tail: Floats, df: Floats) -> Floats:
    finite = np.isfinite(df)
    return np.where(finite, student.isf(tail, np.where(finite, df, 1.0)), -ndtri(tail))
