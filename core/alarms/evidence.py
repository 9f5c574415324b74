"""One e-value a window, monitor, direction and size: what a bet on that shift has won there.

An e-value is at most 1 on average while nothing has moved by more than the margin. Products over windows
and averages over monitors keep that property, whatever hangs together with what; p-values have nothing
like it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainccinv, betaincinv, betaln, ndtr

from core.alarms.baseline import Baseline, Margin
from core.alarms.dispersion import as_normal, student_quantile
from core.alarms.monitors import Kind, Windows
from core.alarms.rates import log_gap_e_values

__all__ = ["RARE", "SIGNS", "SIZES", "log_e_values", "null_edges", "stakes"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SIGNS = np.array([1.0, -1.0])
RARE = 0.05
FAR = 5.0  # standard errors, about as many as an alarm takes
SIZES = np.array([0.05, 0.1, 0.2, 0.4])  # shifts that are bet on beyond what does not matter, in sd of a row
SHARE_SIZES = np.array([0.06, 0.09, 0.2, 0.4])  # the same of missing and unusual values: one in a hundred that doubles
MEAN_SIZES = np.array([0.02, 0.05, 0.12, 0.3])  # the same of means such as a Brier score, of which little matters
WINDOW_SIZES = np.array([0.5, 1.0, 2.0, 4.0])  # the same where a window is one number, in its own sd
STAKES = np.array(
    [0.4, 0.3, 0.2, 0.1]
)  # of the sizes: a small shift takes windows to find, a large one one of any stake


def log_e_values(
    baseline: Baseline,
    windows: Windows,
    phases: Ints,
    margins: Sequence[Margin],
    *,
    edges: tuple[Floats, Floats] | None = None,
    with_gaps: bool = True,
) -> Floats:
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
    edges : two float arrays of shape (n_monitors,), optional
        What `null_edges` makes of the margins, where it is known already.
    with_gaps : bool
        Whether bets on gaps are asked for.

    Returns
    -------
    float array of shape (n_windows, n_monitors, 2, 4)
        Up and down, then sizes in ascending order. Of a gap all that is won stands with the group's rate, by the
        way that does harm.

    References
    ----------
    Normal form: V. Vovk, R. Wang (2021), doi:10.1214/20-AOS2020. Exact form of rare shares:
    R. Turner, A. Ly, P. Grunwald (2024), doi:10.1016/j.jspi.2023.106116.
    """
    edges = null_edges(baseline, margins) if edges is None else edges
    bet = (baseline.gain(windows.n)[:, :, None] * sizes(baseline))[:, :, None, :]
    beyond = np.stack(
        [sign * baseline.standardised(windows, phases, edge) for sign, edge in zip(SIGNS, edges, strict=True)],
        axis=2,
    )
    found: Floats = bet * as_normal(beyond, baseline.df[:, None])[:, :, :, None]
    found -= bet**2 / 2
    exact = np.flatnonzero(baseline.is_exact)
    if exact.size:
        found[:, exact] = _exact_log_e_values(baseline, windows, edges, exact)
    found[windows.n == 0] = 0.0
    gaps = baseline.gaps
    if gaps.size and with_gaps:
        found[:, gaps], found[:, gaps + 1] = 0.0, 0.0
        won = log_gap_e_values(baseline, windows, margins, gaps)
        is_behind = baseline.kinds[gaps] == Kind.BEHIND
        found[:, gaps[is_behind], 1], found[:, gaps[~is_behind], 0] = won[:, is_behind], won[:, ~is_behind]
    return found


def sizes(baseline: Baseline) -> Floats:
    """The shifts that are bet on, in standard deviations of a row's score, shape (n_monitors, 4)."""
    found = np.where((baseline.kinds == Kind.MEAN)[:, None], MEAN_SIZES, SIZES)
    found = np.where((baseline.kinds == Kind.SHARE)[:, None], SHARE_SIZES, found)
    of_windows = WINDOW_SIZES * np.sqrt(baseline.of_window)[:, None]
    return np.where((baseline.kinds == Kind.WINDOW)[:, None], of_windows, found)


def null_edges(baseline: Baseline, margins: Sequence[Margin]) -> tuple[Floats, Floats]:
    """The highest and the lowest mean that a monitor may have without having moved by more than its margin.

    The margin is added to what the reference itself may be off: by Student's law, and of shares by a beta law
    (Jeffreys) on as many rows as its windows are worth. Monitors all together lie inside with probability 0.95; of
    what is left, a share's two edges have as much as the bets beyond them.

    Returns
    -------
    two float arrays of shape (n_monitors,)
        Of shares 1 where they can't rise and 0 where they can't fall.
    """
    sd = np.array([margin.sd for margin in margins])[baseline.subject]
    points = np.array([margin.points for margin in margins])[baseline.subject]
    off = (sd + baseline.reference_error) * baseline.sigma
    worth = baseline.n / (baseline.dispersion(baseline.n_around) * baseline.long_run)
    share = np.clip(baseline.mean, 0.0, 1.0)
    a, b = (share * worth + 0.5)[:, None], ((1 - share) * worth + 0.5)[:, None]
    risk = 2 * baseline.risk[:, None] * _directions(baseline)
    tail = np.where(baseline.is_exact[:, None], risk, ndtr(-student_quantile(risk, baseline.df[:, None])))
    high = np.where(share < 1, betainccinv(a, b, tail)[:, 0], 1.0)
    low = np.where(share > 0, betaincinv(a, b, tail)[:, 1], 0.0)
    highest = np.minimum(high + np.maximum(sd * np.sqrt(high * (1 - high)), points), 1.0)
    lowest = np.maximum(low - np.maximum(sd * np.sqrt(low * (1 - low)), points), 0.0)
    is_share = baseline.is_share
    return np.where(is_share, highest, baseline.mean + off), np.where(is_share, lowest, baseline.mean - off)


def stakes(baseline: Baseline) -> Floats:
    """How each subject's bet is divided over monitors, directions and sizes; shape (n_monitors, 2, 4).

    Of a gap all is on the way that does harm.
    """
    directions = _directions(baseline)
    gaps = baseline.gaps
    directions[gaps], directions[gaps + 1] = 0.0, 0.0
    directions[gaps, np.where(baseline.kinds[gaps] == Kind.BEHIND, 1, 0)] = 1 / baseline.weights[gaps]
    found: Floats = baseline.weights[:, None, None] * directions[:, :, None] * STAKES
    return found


def _directions(baseline: Baseline) -> Floats:
    """The parts of each monitor's bet and risk that are given to up and down, shape (n_monitors, 2).

    Rare shares mostly rise: nine tenths are on that, and all where the reference has none at all.
    """
    is_share = baseline.is_exact | (baseline.kinds == Kind.SHARE)
    directions = np.full((baseline.mean.size, SIGNS.size), 0.5)
    directions[is_share & (baseline.mean <= RARE)] = 0.9, 0.1
    directions[is_share & (baseline.mean >= 1 - RARE)] = 0.1, 0.9
    directions[baseline.is_share & (baseline.mean == 0)] = 1.0, 0.0
    directions[baseline.is_share & (baseline.mean == 1)] = 0.0, 1.0
    return directions


def _exact_log_e_values(baseline: Baseline, windows: Windows, edges: tuple[Floats, Floats], exact: Ints) -> Floats:
    """The likelihood ratio of rows that are bet on one by one.

    Where windows differ by more than their rows explain it is the smaller of two: the binomial law's, tempered by
    how much they differ, and the beta-binomial law's.
    """
    k, n = windows.total[:, exact, None], windows.n[:, exact, None]
    df = baseline.df[exact]
    correlation = np.minimum(baseline.correlation[exact] * (FAR / as_normal(np.full(df.shape, FAR), df)) ** 2, 0.999)
    spread = 1 + np.maximum(n - 1, 0) * correlation[:, None]
    prior = 1 / np.maximum(correlation, 1e-9)[:, None] - 1
    bets = []
    for edge, sign in zip(edges, SIGNS, strict=True):
        null = edge[exact, None]
        is_possible = (null > 0) & (null < 1)
        null = np.where(is_possible, null, 0.5)
        step = SIZES * np.sqrt(null * (1 - null))
        other = np.minimum(null + step, (1 + null) / 2) if sign > 0 else np.maximum(null - step, null / 2)
        other = np.where(is_possible, other, 0.5)
        won = k * np.log(other / null) + (n - k) * np.log((1 - other) / (1 - null))
        varied = np.flatnonzero(correlation > 0)
        won[:, varied] = np.minimum(
            won[:, varied] / spread[:, varied],
            _log_beta_binomial(k[:, varied], n[:, varied], other[varied], prior[varied])
            - _log_beta_binomial(k[:, varied], n[:, varied], null[varied], prior[varied]),
        )
        bets.append(won / baseline.long_run[exact, None])
    return np.stack(bets, axis=2)


def _log_beta_binomial(k: Floats, n: Floats, rate: Floats, prior: Floats) -> Floats:
    """The beta-binomial law's logarithm, but for the binomial coefficient; `prior` is what the beta law is worth."""
    a, b = rate * prior, (1 - rate) * prior
    found: Floats = betaln(k + a, n - k + b) - betaln(a, b)
    return found
