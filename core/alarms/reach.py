"""What can be promised before anything is watched: the smallest shift that is found, and how soon."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from core.alarms.baseline import Baseline, Margin
from core.alarms.evidence import log_e_values, null_edges, stakes
from core.alarms.monitors import Kind, Windows
from core.alarms.rates import smallest_gaps

__all__ = ["BLIND", "smallest_shifts"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

LARGEST = 64.0  # standard deviations
PRECISION = 1e-3
BLIND = 0.5  # a subject whose smallest findable shift is larger, in sd, isn't watched at this window size


def smallest_shifts(
    baseline: Baseline, margins: Sequence[Margin], *, allowance: float, n_subjects: int, horizon: int | Sequence[int]
) -> Floats:
    """How small a sustained shift would be found within so many windows, by every monitor?

    Parameters
    ----------
    baseline : Baseline
    margins : sequence of Margin
        One a subject.
    allowance : float
        Windows in which one false alarm event is allowed.
    n_subjects : int
        Subjects that are armed together.
    horizon : int or sequence of int
        Windows, at least 1, of ordinary size.

    Returns
    -------
    float array of shape (n_monitors,), or (n_horizons, n_monitors)
        In standard deviations of a row's score (of a share too rare for a normal law: at the edge of its
        null), margin included: windows that show such a shift, no more and no less, raise an alarm within
        the horizon. Chance makes it sooner or later, about every second time. Of shares below one half it
        is a rise, of others a fall. Of a gap it is how far the group's rate is from that of all others. Infinite
        without rows.

    Examples
    --------
    >>> from core.alarms.baseline import fit_baseline
    >>> from core.alarms.monitors import Windows, mean_subject
    >>> from core.measure import Family
    >>> subject = mean_subject("error", family=Family.PERFORMANCE)
    >>> k = np.array([[100.0], [98], [103], [101], [99], [97], [102], [100]])
    >>> reference = Windows(n=np.full((8, 1), 1000.0), total=k, total_of_squares=k)
    >>> baseline = fit_baseline([subject], reference)
    >>> shifts = smallest_shifts(baseline, [Margin(sd=0)], allowance=365, n_subjects=1, horizon=(1, 7, 30))
    >>> shifts[:, 0].round(2).tolist()
    [0.31, 0.08, 0.05]
    """
    needed = math.log(n_subjects * allowance)
    with np.errstate(divide="ignore"):
        stake = np.log(stakes(baseline))
    still = replace(baseline, season=None)
    edges = null_edges(baseline, margins)
    falls = baseline.is_share & (baseline.mean > 0.5)  # where there is room
    edge = np.clip(np.where(falls, edges[1], edges[0]), 0.0, 1.0)  # of what isn't a share it isn't used
    unit = np.where(baseline.is_exact, np.sqrt(edge * (1 - edge)), baseline.sigma)
    horizons = np.atleast_1d(np.asarray(horizon, dtype=np.float64))
    rows = np.broadcast_to(baseline.n_window, (2 * horizons.size, baseline.n_window.size))
    phases = np.zeros(2 * horizons.size, dtype=np.int64)

    away = np.where(falls, -unit, unit)

    def is_found(shift: Floats) -> Bools:
        mean = baseline.mean + shift * away
        mean = np.where(baseline.is_share, np.clip(mean, 0.0, 1.0), mean)
        total = rows * np.repeat(mean, 2, axis=0)  # each of them after one that is its like
        windows = Windows(n=rows, total=total, total_of_squares=total)
        won = log_e_values(still, windows, phases, margins, edges=edges, with_gaps=False)[1::2]
        won = won * horizons[:, None, None, None] + stake
        return np.asarray(won.max(axis=(2, 3)) >= needed)

    shape = horizons.size, baseline.mean.size
    low, high = np.zeros(shape), np.full(shape, LARGEST)
    unlimited = ~is_found(high)
    while float((high - low).max()) > PRECISION:
        middle = (low + high) / 2
        enough = is_found(middle)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    shifts = np.where(unlimited, np.inf, high)
    if (gaps := baseline.gaps).size:
        way = np.where(baseline.kinds[gaps] == Kind.BEHIND, 1, 0)
        own = stake[gaps, way]
        shifts[:, gaps + 1] = np.inf
        shifts[:, gaps] = smallest_gaps(baseline, margins, gaps, needed=needed, stake=own, horizons=horizons)
    return shifts if np.ndim(horizon) else shifts[0]
