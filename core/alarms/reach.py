"""What can be promised before anything is watched: the smallest shift that is found, and how soon."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from core.alarms.baseline import Baseline, Margin
from core.alarms.evidence import margins_in_sd, null_bounds, stakes

__all__ = ["BLIND", "smallest_shifts"]

Floats = NDArray[np.float64]

BLIND = 0.5  # a subject whose smallest findable shift is larger, in sd, isn't watched at this window size


def smallest_shifts(
    baseline: Baseline, margins: Sequence[Margin], *, allowance: float, n_subjects: int, horizon: int
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
    horizon : int
        Windows, at least 1, of ordinary size.

    Returns
    -------
    float array of shape (n_monitors,)
        In standard deviations of a row's score, margin included: a shift of this size is found within
        `horizon` windows about every second time. Infinite where a monitor has no rows.

    Examples
    --------
    >>> from core.alarms.baseline import fit_baseline
    >>> from core.alarms.monitors import Windows, mean_subject
    >>> from core.measure import Family
    >>> subject = mean_subject("error", family=Family.PERFORMANCE)
    >>> k = np.array([[100.0], [98], [103], [101], [99], [97], [102], [100]])
    >>> reference = Windows(n=np.full((8, 1), 1000.0), total=k, total_of_squares=k)
    >>> baseline = fit_baseline([subject], reference)
    >>> [float(smallest_shifts(baseline, [Margin(sd=0)], allowance=365, n_subjects=1, horizon=h)[0].round(2))
    ...     for h in (1, 7, 30)]
    [0.15, 0.07, 0.05]
    """
    best = stakes(baseline).max(axis=(1, 2))
    with np.errstate(divide="ignore"):
        needed = 2 * np.log(n_subjects * allowance / best)
        rows = np.where(baseline.n_window > 0, baseline.n_window, 0.0)
        variance = baseline.dispersion(rows) * baseline.long_run / (rows * horizon)
        beyond = np.sqrt(needed * variance)
    margin = margins_in_sd(baseline, margins) + baseline.reference_error
    _, upper = null_bounds(baseline, margins)
    scale = np.sqrt(np.maximum(upper * (1 - upper), 1e-12))
    found: Floats = np.where(baseline.is_exact, (upper - baseline.mean) / scale, margin) + beyond
    return found
