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
from scipy.special import fdtrc

from core.alarms.dispersion import deviations, squeeze_variances, student_quantile
from core.alarms.monitors import Kind, Subject, Windows

__all__ = ["GAPS", "SHARES", "Baseline", "Margin", "fit_baseline"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

REFERENCE_RISK = 0.05  # how often, over all monitors, the reference may be further off than is allowed for
MIN_EXPECTED = 5.0
SEASON_LEVEL = 0.01
SMALLEST = 1e-4
MAX_AUTOCORRELATION = 0.5
MIN_LAGGED = 7  # windows
LAG_QUANTILE = 2.33  # chance shows as much once in a hundred references
SHARES = (Kind.BIN, Kind.CATEGORY, Kind.SHARE, Kind.BEHIND, Kind.AHEAD, Kind.REST)
GAPS = (Kind.BEHIND, Kind.AHEAD)
IS_SHARE, IS_GAP = (np.isin(np.arange(len(Kind)), kinds) for kinds in (SHARES, GAPS))  # by kind: asked for often


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """What doesn't matter: the larger of a part of a standard deviation and, of shares, percentage points.

    Of a gap it is the larger of the points and a lower rate that is at least `ratio` of the other one; or, with
    `as_before`, no more than the reference's own gap may have been, where that is less.
    """

    sd: float = 0.05
    points: float = 0.01
    ratio: float = 0.9
    as_before: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Baseline:
    """What the reference says of every monitor; arrays have the shape (n_monitors,).

    `mean`, `sigma`: of a row's score. `n`: rows of the reference. `n_window`: rows of an ordinary window,
    `n_around`: of the window that an ordinary row lies in, which is larger where windows differ in size.
    `correlation`: of two rows of one window, so that a window's mean varies
    `1 + (n - 1) correlation` times as much as n independent rows' would; of a gap, n counts the rows that both
    groups together are worth. `df`: what that is worth.
    `of_window`: of one number a window, the variance around its season as a part of sigma's square; else 1.
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
    n_around: Floats
    correlation: Floats
    of_window: Floats
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
        """How much more a window of n rows varies than independent rows would; less only of one number a window."""
        return self.of_window * (1.0 + np.maximum(n - 1.0, 0.0) * self.correlation)

    @property
    def risk(self) -> Floats:
        """The tail probability that each monitor's reference is given on either side: as its bet, by weight."""
        return REFERENCE_RISK * self.weights / max(len(self.subjects), 1) / 2

    @property
    def reference_error(self) -> Floats:
        """How far the reference's own mean may be off, in standard deviations of a row.

        All monitors together lie within it with probability 0.95 (Bonferroni).
        """
        return self.quantile * np.sqrt(self.dispersion(self.n_around) * self.long_run / np.maximum(self.n, 1.0))

    @property
    def quantile(self) -> Floats:
        """How many standard errors each monitor's reference is allowed to be off."""
        return student_quantile(self.risk, self.df)

    @property
    def gaps(self) -> Ints:
        """The monitors of groups' rates; that of all others follows each."""
        return np.flatnonzero(IS_GAP[self.kinds])

    @property
    def is_share(self) -> Bools:
        """Which monitors are shares of rows."""
        return IS_SHARE[self.kinds]

    def standardised(self, windows: Windows, phases: Ints, centre: Floats) -> Floats:
        """Every window's deviation from a mean, in standard errors, what it owes to the window before taken off.

        Parameters
        ----------
        windows : Windows
            In the order of time; neighbours are taken for neighbours.
        phases : int array of shape (n_windows,)
            Where in the season each lies; ignored without one.
        centre : float array of shape (n_monitors,)
            The mean that is supposed.

        Returns
        -------
        float array of shape (n_windows, n_monitors)
            Student's t with `df` degrees of freedom while the mean is as supposed; NaN without rows.
        """
        around = np.broadcast_to(centre if self.season is None else centre + self.season[phases], windows.n.shape)
        scale = self.sigma * np.sqrt(self.of_window)
        z = deviations(windows, around, scale, correlation=self.correlation, is_share=self.is_share)
        before, carried = self._before(z)
        innovations: Floats = (z - carried * before) / np.sqrt(1 - carried**2)
        return innovations

    def gain(self, n: Floats) -> Floats:
        """By how much a lasting shift of one standard deviation of a row moves `standardised` in each window.

        It is 0 where a window is so much smaller than the one before that it says nothing new, or has no rows.
        """
        root = np.where(n > 0, np.sqrt(n / self.dispersion(n)), np.nan)
        before, carried = self._before(root)
        gains: Floats = np.nan_to_num(np.maximum(root - carried * before, 0.0) / np.sqrt(1 - carried**2))
        return gains

    def _before(self, values: Floats) -> tuple[Floats, Floats]:
        """The value of the window before and what of it is carried over: nothing where that has no rows."""
        before = np.vstack([np.full((1, values.shape[1]), np.nan), values[:-1]])
        return np.nan_to_num(before), np.where(np.isnan(before), 0.0, self.autocorrelation)


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
    n_around = (reference.n**2).sum(axis=0) / rows
    used = reference.n > 0
    n_used = np.maximum(used.sum(axis=0), 1)
    n_window = n / n_used
    is_share = np.isin(kinds, SHARES)
    rarer = np.where(is_share, np.minimum(mean, 1 - mean) * n_window, np.inf)
    is_exact = is_share & (rarer < MIN_EXPECTED)
    season, n_means = _season(reference, mean, sigma, phases, n_phases)
    centre = mean if season is None or phases is None else mean + season[phases]
    around = np.broadcast_to(centre, reference.n.shape)
    z = np.nan_to_num(deviations(reference, around, sigma, correlation=np.zeros(mean.size), is_share=is_share))
    sizes = reference.n.copy()
    for gap in np.flatnonzero(np.isin(kinds, GAPS)).tolist():  # what moves both rates alike is no dispersion of theirs
        z[:, gap], sizes[:, gap] = _gap_deviations(reference, gap)
    n_sized = sizes.sum(axis=0) / n_used
    df = np.maximum(n_used - n_means, 1).astype(np.float64)
    observed = (z**2).sum(axis=0) / df
    observed *= np.where(n_means > 1, 1 + n_means / n_used, 1.0)  # means of few windows are themselves uncertain
    vary_more = 1 + 1 / (2 * np.maximum(rarer, 1e-9))  # squares of small counts do
    df = np.maximum(df / np.where(is_exact, vary_more, 1.0), 1.0)
    shows_itself = sigma > 0
    of_window = np.where(kinds == Kind.WINDOW, np.maximum(observed, SMALLEST), 1.0)
    moderated, df = _moderated(observed / of_window, df, kinds, shows_itself)
    correlation = np.maximum(moderated - 1.0, 0.0) / np.maximum(n_sized - 1.0, 1.0)
    columns = [s.column for s in subjects for _ in s.names]
    correlation, df = _borrowed(correlation, df, columns, kinds, is_exact)
    scaled = z / np.sqrt(of_window * (1.0 + np.maximum(sizes - 1.0, 0.0) * correlation))
    return Baseline(
        subjects=tuple(subjects),
        subject=subject,
        kinds=kinds,
        weights=np.array([weight for s in subjects for weight in s.weights]),
        n=n,
        mean=mean,
        sigma=sigma,
        n_window=n_window,
        n_around=n_around,
        correlation=correlation,
        of_window=of_window,
        df=df,
        is_exact=is_exact,
        autocorrelation=_autocorrelations(scaled, kinds, shows_itself & ~is_exact),
        season=season,
        n_windows=n_windows,
    )


def _gap_deviations(reference: Windows, gap: int) -> tuple[Floats, Floats]:
    """How far each window's gap lies from the mean gap, in its standard errors; and the rows that it is worth."""
    n, k = reference.n[:, gap : gap + 2], reference.total[:, gap : gap + 2]
    worth = n[:, 0] * n[:, 1] / np.maximum(n.sum(axis=1), 1.0)
    usual = k.sum(axis=0) / np.maximum(n.sum(axis=0), 1.0)
    day = k.sum(axis=1) / np.maximum(n.sum(axis=1), 1.0)
    spread = np.sqrt(np.maximum(day * (1 - day), usual[0] * (1 - usual[0])))
    gaps = np.nan_to_num(k[:, 0] / np.maximum(n[:, 0], 1.0) - k[:, 1] / np.maximum(n[:, 1], 1.0))
    mean = (worth * gaps).sum() / max(float(worth.sum()), 1.0)
    z: Floats = np.sqrt(worth) * (gaps - mean) / np.where(spread > 0, spread, math.inf)
    return z, worth


def _moderated(observed: Floats, df: Floats, kinds: Ints, shows_itself: Bools) -> tuple[Floats, Floats]:
    """Dispersion of every monitor, at least 1; monitors of one kind lend one another theirs."""
    moderated, worth = observed.copy(), df.copy()
    for kind in np.unique(kinds):
        same = np.flatnonzero(shows_itself & (kinds == kind))
        if kind != Kind.WINDOW:
            moderated[same], worth[same] = squeeze_variances(observed[same], df[same])
    return np.maximum(moderated, 1.0), worth


def _borrowed(
    correlation: Floats, df: Floats, columns: Sequence[str], kinds: Ints, is_rare: Bools
) -> tuple[Floats, Floats]:
    """A share that is hardly ever above 0 can't show how windows differ: it takes the most that its column's do."""
    most: dict[str, int] = {}  # column -> the monitor of its values whose windows differ most
    for place in np.flatnonzero(np.isin(kinds, (Kind.BIN, Kind.CATEGORY))).tolist():
        if correlation[place] > correlation[most.setdefault(columns[place], place)]:
            most[columns[place]] = place
    taken, worth = correlation.copy(), df.copy()
    for place in np.flatnonzero((kinds == Kind.SHARE) & is_rare).tolist():
        lender = most.get(columns[place])
        if lender is not None and correlation[lender] >= correlation[place]:
            taken[place], worth[place] = correlation[lender], df[lender]
    return taken, worth


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
    z = z - z.mean(axis=0)
    squares, lagged = (z**2).sum(axis=0), (z[1:] * z[:-1]).sum(axis=0)
    for kind in np.unique(kinds):
        same = np.flatnonzero(shows_itself & (kinds == kind) & (squares > 1e-9))
        if n_windows < MIN_LAGGED or not same.size:
            continue
        corrected = (n_windows * float(np.median(lagged[same] / squares[same])) + 1) / (n_windows - 4)
        if corrected >= LAG_QUANTILE / math.sqrt(n_windows * same.size):
            found[kinds == kind] = min(corrected, MAX_AUTOCORRELATION)
    return found
