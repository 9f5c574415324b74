"""Does one rate fall behind another one? Bets on two rates of the same windows, exact at any number of rows.

A group's rate is held against all others' of the same window, not against its own past: what moves both alike, a
season or a stricter threshold, is no gap. The null is that the lower rate is at least a part of the other one
(0.9 of it), or lies within a few points of it. A bet's e-value is the likelihood ratio of its alternative and the
null's nearest pair of rates, which keeps its mean at 1 or below for every pair that the null holds, however few rows
there are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.alarms.baseline import Baseline, Margin
from core.alarms.dispersion import as_normal
from core.alarms.monitors import Kind, Windows

__all__ = ["PARTS", "ahead", "gap_edges", "largest_gaps", "log_gap_e_values", "pair_log_e_values", "smallest_gaps"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

PARTS = np.array([7 / 8, 6 / 8, 5 / 8, 3 / 8])  # of the least ratio that is let pass: what is bet on
MEMORY = 30  # windows that the other rate is taken from, before the one that is bet on
STEPS = 45  # of halving: as far as floats go
FAR = 5.0
FINDABLE = 0.5  # of the least ratio that is let pass: must be found in time, or the subject isn't armed
NO_RATIO = 1e-9  # let pass where a poor reference may have meant anything: nothing alarms


def pair_log_e_values(
    lower: tuple[Floats, Floats],
    other: tuple[Floats, Floats],
    bet: tuple[Floats, Floats],
    *,
    ratio: Floats,
    points: Floats,
) -> Floats:
    """What has a bet on two rates won, against the null lower >= ratio x other - points?

    Parameters
    ----------
    lower, other : pairs of float arrays
        (k, n) of both rates, that broadcast; they need not be whole numbers.
    bet : pair of float arrays
        The two rates that are bet on, in (0, 1); a bet that the null holds wins nothing.
    ratio : float array
        In (0, 1].
    points : float array
        In [0, 1).

    Returns
    -------
    float array
        The logarithm of the e-value.

    References
    ----------
    R. Turner, A. Ly, P. Grunwald (2024), doi:10.1016/j.jspi.2023.106116.

    Examples
    --------
    >>> won = pair_log_e_values((np.array(4.0), np.array(100.0)), (np.array(60.0), np.array(600.0)),
    ...     (np.array(0.06), np.array(0.1)), ratio=np.array(0.8), points=np.array(0.0))
    >>> round(float(won), 3)
    0.819
    """
    (k1, n1), (k2, n2), (a, b) = lower, other, bet
    low, high = points / ratio, np.ones(np.broadcast_shapes(np.shape(n1), np.shape(n2), np.shape(a)))
    low = np.broadcast_to(low, high.shape)
    for _ in range(STEPS):  # the slope of the divergence along the null's edge rises: where it is 0 is nearest
        middle = (low + high) / 2
        edge = ratio * middle - points
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = n1 * ratio * (edge - a) / (edge * (1 - edge)) + n2 * (middle - b) / (middle * (1 - middle))
        rises = slope > 0
        low, high = np.where(rises, low, middle), np.where(rises, middle, high)
    q = np.clip((low + high) / 2, 1e-12, 1 - 1e-12)
    p = np.clip(ratio * q - points, 1e-12, 1 - 1e-12)
    won = k1 * np.log(a / p) + (n1 - k1) * np.log((1 - a) / (1 - p))
    won = won + k2 * np.log(b / q) + (n2 - k2) * np.log((1 - b) / (1 - q))
    found: Floats = np.where(a < ratio * b - points, won, 0.0)
    return found


def log_gap_e_values(baseline: Baseline, windows: Windows, margins: Sequence[Margin], gaps: Ints) -> Floats:
    """What has every bet on a gap won in every window?

    Parameters
    ----------
    baseline : Baseline
    windows : Windows
        In the order of time.
    margins : sequence of Margin
        One a subject.
    gaps : int array of shape (n_gaps,)
        The monitors of the groups' rates; that of all others follows each.

    Returns
    -------
    float array of shape (n_windows, n_gaps, 4)
        The bets are on ever lower ratios. Where windows differ by more than their rows explain, a window counts as
        so many fewer rows.
    """
    is_lower = (baseline.kinds[gaps] == Kind.BEHIND)[None, :, None]
    spread = _spread(baseline, windows, gaps)
    group, rest = ((windows.total[:, at, None] / spread, windows.n[:, at, None] / spread) for at in (gaps, gaps + 1))
    usual = _usual(baseline, windows, gaps + 1)[:, :, None]
    ratio = gap_edges(baseline, margins, gaps)[None, :, None]
    bets = np.where(is_lower, usual * ratio * PARTS, usual), np.where(is_lower, usual, ahead(usual, ratio * PARTS))
    lower = tuple(np.where(is_lower, a, b) for a, b in zip(group, rest, strict=True))
    other = tuple(np.where(is_lower, b, a) for a, b in zip(group, rest, strict=True))
    points = np.array([margins[number].points for number in baseline.subject[gaps]])[None, :, None]
    by_ratio = pair_log_e_values(lower, other, bets, ratio=ratio, points=np.zeros(1))  # type: ignore[arg-type]
    found = by_ratio
    if (points > 0).any():
        by_points = pair_log_e_values(lower, other, bets, ratio=np.ones(1), points=points)  # type: ignore[arg-type]
        found = np.where(points > 0, np.minimum(by_ratio, by_points), by_ratio)
    found[(windows.n[:, gaps] == 0) | (windows.n[:, gaps + 1] == 0)] = 0.0
    return found


def ahead(rate: Floats, ratio: Floats) -> Floats:
    """A rate that `rate` is the given part of; where that is above 1, half the way there."""
    found: Floats = np.minimum(rate / ratio, (1 + rate) / 2)
    return found


def gap_edges(baseline: Baseline, margins: Sequence[Margin], gaps: Ints) -> Floats:
    """The least ratio of the lower to the higher rate that is let pass.

    What the margin says; where the reference itself lies below it, the least that the reference may have meant (Katz,
    with the probability that all monitors' references share), so that what was signed for alarms no more. With
    `as_before`, what the reference may at worst have meant, where that is stricter.
    """
    least = np.array([margins[number].ratio for number in baseline.subject[gaps]])
    sides = []
    for at in (gaps, gaps + 1):
        worth = baseline.n[at] / (baseline.dispersion(baseline.n_around) * baseline.long_run)[gaps]
        k = baseline.mean[at] * worth + 0.5
        sides.append((k / (worth + 1), 1 / k - 1 / (worth + 1)))
    (group, of_group), (rest, of_rest) = sides
    ratio = np.where(baseline.kinds[gaps] == Kind.BEHIND, group / rest, rest / group)
    lowest = ratio * np.exp(-baseline.quantile[gaps] * np.sqrt(of_group + of_rest))
    found = np.where(ratio < least, np.minimum(lowest, least), least)
    as_before = np.array([margins[number].as_before for number in baseline.subject[gaps]])
    edges: Floats = np.where(as_before, np.clip(lowest, found, 1.0), found)
    return np.maximum(edges, NO_RATIO)


def smallest_gaps(
    baseline: Baseline, margins: Sequence[Margin], gaps: Ints, *, needed: float, stake: Floats, horizons: Floats
) -> Floats:
    """By how much must a group's rate differ for good, to be found within so many ordinary windows?

    Returns
    -------
    float array of shape (n_horizons, n_gaps)
        From the rate of all others, in standard deviations of a row of the group; infinite where not even half of
        the least ratio that is let pass would be found.
    """
    ratios = gap_edges(baseline, margins, gaps)
    is_lower = baseline.kinds[gaps] == Kind.BEHIND
    rest = np.clip(baseline.mean[gaps + 1], 1e-6, 1 - 1e-6)
    parts = np.linspace(1, FINDABLE, 51)[:, None]
    group = np.where(is_lower, rest * ratios * parts, ahead(rest, ratios * parts))
    mean = np.broadcast_to(baseline.mean, (len(parts), baseline.mean.size)).copy()
    mean[:, gaps], mean[:, gaps + 1] = group, rest
    n = np.broadcast_to(baseline.n_window, mean.shape)
    windows = Windows(n=n, total=n * mean, total_of_squares=n * mean)
    won = log_gap_e_values(baseline, windows, margins, gaps) * horizons[:, None, None, None] + stake
    is_found = won.max(axis=3) >= needed
    first = np.argmax(is_found, axis=1)
    shift = np.abs(group[first, np.arange(gaps.size)] - rest)
    sigma = baseline.sigma[gaps]
    found: Floats = np.where(is_found.any(axis=1) & (sigma > 0), shift / np.where(sigma > 0, sigma, 1.0), np.inf)
    return found


def largest_gaps(baseline: Baseline, margins: Sequence[Margin], gaps: Ints) -> Floats:
    """The gap that must be found in time for a subject to be armed, as `smallest_gaps` counts it."""
    half = gap_edges(baseline, margins, gaps) * FINDABLE
    rest = np.clip(baseline.mean[gaps + 1], 1e-6, 1 - 1e-6)
    group = np.where(baseline.kinds[gaps] == Kind.BEHIND, rest * half, ahead(rest, half))
    found: Floats = np.abs(group - rest) / np.where(baseline.sigma[gaps] > 0, baseline.sigma[gaps], math.inf)
    return found


def _spread(baseline: Baseline, windows: Windows, gaps: Ints) -> Floats:
    """How much more a window of a pair varies than its rows explain, shape (n_windows, n_gaps, 1)."""
    group, rest, df = windows.n[:, gaps], windows.n[:, gaps + 1], baseline.df[gaps]
    worth = group * rest / np.maximum(group + rest, 1.0)
    correlation = baseline.correlation[gaps] * (FAR / as_normal(np.full(df.shape, FAR), df)) ** 2
    spread: Floats = (1 + np.maximum(worth - 1, 0) * np.minimum(correlation, 1.0)) * baseline.long_run[gaps]
    return spread[:, :, None]


def _usual(baseline: Baseline, windows: Windows, at: Ints) -> Floats:
    """The rate that was usual before each window: of the reference, and of the windows before, shape (n_windows, n)."""
    first = baseline.n_window[at]
    totals = []
    for values, begun in ((windows.total[:, at], first * baseline.mean[at]), (windows.n[:, at], first)):
        summed = np.vstack([np.zeros((1, at.size)), np.cumsum(values, axis=0)])[:-1]
        late = np.vstack([np.zeros((min(MEMORY, len(summed)), at.size)), summed[:-MEMORY]])
        totals.append(summed - late[: len(summed)] + begun)
    usual: Floats = np.clip(totals[0] / np.maximum(totals[1], 1e-9), 1e-3, 1 - 1e-3)
    return usual
