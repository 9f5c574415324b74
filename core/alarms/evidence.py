"""One e-value a window, monitor, direction and size: what a bet on that shift has won there.

An e-value is at most 1 on average while nothing has moved by more than the margin. Products over windows
and averages over monitors keep that property, whatever hangs together with what; p-values have nothing
like it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from core.alarms.baseline import SHARES, Baseline, Margin, as_normal
from core.alarms.monitors import Kind, Windows

__all__ = ["SIGNS", "SIZES", "log_e_values", "margins_in_sd", "null_bounds", "stakes"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SIGNS = np.array([1.0, -1.0])
SIZES = np.array([0.05, 0.1, 0.2, 0.4])  # shifts that are bet on beyond what does not matter, in sd of a row
MEAN_SIZES = np.array([0.02, 0.05, 0.12, 0.3])  # the same of means such as a Brier score, of which little matters
WINDOW_SIZES = np.array([0.5, 1.0, 2.0, 4.0])  # the same where a window is one number, in its own sd


def log_e_values(baseline: Baseline, windows: Windows, phases: Ints, margins: Sequence[Margin]) -> Floats:
    """What did every bet win in every window, as the logarithm of its e-value?

    A bet is on one monitor, one direction and one size beyond the null that the shift is at most the
    margin plus what the reference itself may be off. Where a window has no rows the e-value is 1.

    Parameters
    ----------
    baseline : Baseline
    windows : Windows
        In the order of time.
    phases : int array of shape (n_windows,)
        The place of each in the season.
    margins : sequence of Margin
        One a subject.

    Returns
    -------
    float array of shape (n_windows, n_monitors, 2, 4)
        Up and down, then sizes in ascending order.

    References
    ----------
    Normal form: V. Vovk, R. Wang (2021), doi:10.1214/20-AOS2020. Exact form of rare shares:
    R. Turner, A. Ly, P. Grunwald (2024), doi:10.1016/j.jspi.2023.106116, tempered by the dispersion.
    """
    z = baseline.standardised(windows, phases)
    spread = baseline.dispersion(windows.n) * baseline.long_run
    root = np.sqrt(windows.n / spread)
    nearest = root * (margins_in_sd(baseline, margins) + baseline.reference_error)
    beyond = as_normal(SIGNS * z[:, :, None] - nearest[:, :, None], baseline.df[:, None])
    bet = (root[:, :, None] * sizes(baseline))[:, :, None, :]
    found: Floats = bet * beyond[:, :, :, None] - bet**2 / 2
    exact = np.flatnonzero(baseline.is_exact)
    if exact.size:
        found[:, exact] = _exact_log_e_values(baseline, windows, margins, exact, spread[:, exact])
    found[windows.n == 0] = 0.0
    return found


def sizes(baseline: Baseline) -> Floats:
    """The shifts that are bet on, in standard deviations of a row's score, shape (n_monitors, 4)."""
    found = np.where((baseline.kinds == Kind.MEAN)[:, None], MEAN_SIZES, SIZES)
    return np.where((baseline.kinds == Kind.WINDOW)[:, None], WINDOW_SIZES, found)


def margins_in_sd(baseline: Baseline, margins: Sequence[Margin]) -> Floats:
    """Every monitor's margin in standard deviations of a row's score, shape (n_monitors,)."""
    sd = np.array([margin.sd for margin in margins])[baseline.subject]
    points = np.array([margin.points for margin in margins])[baseline.subject]
    safe = np.where(baseline.sigma > 0, baseline.sigma, np.inf)
    return np.where(np.isin(baseline.kinds, SHARES), np.maximum(sd, points / safe), sd)


def null_bounds(baseline: Baseline, margins: Sequence[Margin]) -> tuple[Floats, Floats]:
    """Between which rates a share may lie without having moved by more than its margin.

    The reference's own uncertainty is that of a beta law (Jeffreys) on as many rows as its windows are
    worth; monitors all together lie inside with probability 0.95.

    Returns
    -------
    two float arrays of shape (n_monitors,)
        The lower bound is 0 where the share can't fall, the upper 1 where it can't rise.
    """
    worth = baseline.n / (baseline.dispersion(baseline.n_window) * baseline.long_run)
    successes = np.clip(baseline.mean, 0.0, 1.0) * worth
    tail = baseline.risk
    upper = betaincinv(successes + 0.5, worth - successes + 0.5, 1 - tail)
    lower = np.where(successes > 0, betaincinv(successes + 0.5, worth - successes + 0.5, tail), 0.0)
    sd = np.array([margin.sd for margin in margins])[baseline.subject]
    points = np.array([margin.points for margin in margins])[baseline.subject]
    above = np.maximum(sd * np.sqrt(upper * (1 - upper)), points)
    below = np.maximum(sd * np.sqrt(lower * (1 - lower)), points)
    return np.maximum(lower - below, 0.0), np.minimum(upper + above, 1.0)


def stakes(baseline: Baseline) -> Floats:
    """How each subject's bet is divided over monitors, directions and sizes; shape (n_monitors, 2, 4).

    Rare shares mostly rise: three quarters are on that, and all where the reference has none at all.
    """
    directions = np.full((baseline.mean.size, SIGNS.size), 0.5)
    is_rare, is_frequent = baseline.is_exact & (baseline.mean < 0.5), baseline.is_exact & (baseline.mean >= 0.5)
    directions[is_rare], directions[is_frequent] = (0.75, 0.25), (0.25, 0.75)
    directions[is_rare & (baseline.mean == 0)], directions[is_frequent & (baseline.mean == 1)] = (1.0, 0.0), (0.0, 1.0)
    found: Floats = baseline.weights[:, None, None] * directions[:, :, None] * np.full(SIZES.size, 1 / SIZES.size)
    return found


def _exact_log_e_values(
    baseline: Baseline, windows: Windows, margins: Sequence[Margin], exact: Ints, spread: Floats
) -> Floats:
    """The likelihood ratio of rows that are bet on one by one, tempered by how much windows differ."""
    lower, upper = (bound[exact] for bound in null_bounds(baseline, margins))
    k, n = windows.total[:, exact], windows.n[:, exact]
    bets = []
    for null, sign in ((upper, 1.0), (lower, -1.0)):
        step = SIZES * np.sqrt(null * (1 - null))[:, None]
        other = null[:, None] + sign * step
        ceiling = (1 + null[:, None]) / 2 if sign > 0 else null[:, None] / 2
        other = np.minimum(other, ceiling) if sign > 0 else np.maximum(other, ceiling)
        is_possible = ((null > 0) & (null < 1))[:, None]
        safe, other = np.where(is_possible, null[:, None], 0.5), np.where(is_possible, other, 0.5)
        hit, miss = np.log(other / safe), np.log((1 - other) / (1 - safe))
        bets.append((k[:, :, None] * hit + (n - k)[:, :, None] * miss) / spread[:, :, None])
    return np.stack(bets, axis=2)
