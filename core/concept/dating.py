"""Windows against the reference's, in standard errors: what a change of level is dated by."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from core.errors import InputError

__all__ = ["standardised"]

Floats = NDArray[np.float64]

LEAST_WINDOWS = 7  # of the reference, for the spread between them


def standardised(
    reference: ArrayLike, reference_error: ArrayLike, current: ArrayLike, current_error: ArrayLike
) -> Floats | None:
    """How many standard errors does each window lie off the reference's mean, windows' own spread counted?

    Parameters
    ----------
    reference, reference_error : float array-like of shape (n_reference_windows,)
        The value of each window of the reference and its standard error from the window's rows; NaN for none.
    current, current_error : float array-like of shape (n_windows,)
        Likewise since.

    Returns
    -------
    float array of shape (n_windows,) or None
        NaN where a window has no value. What the reference's windows vary beyond their errors is taken as a variance
        between windows, the same for large and small ones. None with fewer than 7 windows of reference.

    Raises
    ------
    InputError
        If values and errors differ in shape.

    References
    ----------
    R. DerSimonian, N. Laird (1986), doi:10.1016/0197-2456(86)90046-2, on the variance between.

    Examples
    --------
    >>> standardised([0.1, 0.2] * 4, [0.05] * 8, [0.2, 0.35], [0.05, 0.05]).round(1).tolist()
    [0.9, 3.7]
    """
    before, before_error, now, now_error = (
        np.asarray(each, dtype=np.float64) for each in (reference, reference_error, current, current_error)
    )
    if before.shape != before_error.shape or now.shape != now_error.shape:
        raise InputError("Values and errors need one number a window.")
    known = np.isfinite(before) & (before_error > 0)
    if known.sum() < LEAST_WINDOWS:
        return None
    y, weight = before[known], 1 / before_error[known] ** 2
    mean = float(weight @ y / weight.sum())
    excess = float(weight @ (y - mean) ** 2) - (y.size - 1)
    between = max(0.0, excess / (weight.sum() - float(weight @ weight) / weight.sum()))
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = (now - mean) / np.sqrt(now_error**2 + between)
    return np.where(np.isfinite(now) & (now_error > 0), scores, np.nan)
