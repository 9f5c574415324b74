"""Realised performance of a regression, from the sums of one window and one segment."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.measure import Interval, Measure
from core.performance.measures import estimate, mean, mean_convention, rate, undefined

__all__ = ["RegressionCounts", "regression_performance"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

USABLE = "with a label and a prediction"
CONVENTIONS = {
    "mae": mean_convention(USABLE),
    "rmse": f"root of the mean over rows {USABLE}; delta method on the log scale",
    "bias": mean_convention(USABLE),
    "r2": f"1 - squared errors / squared deviations of the label, rows {USABLE}; delta method on log(1 - R2)",
}
LABELS_ALIKE = 1e-12  # labels vary if their variance exceeds this share of their mean square


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegressionCounts:
    """What is counted of a regression's rows in one window: the tables of `core.profile.spec`.

    Parameters
    ----------
    joint : int array of shape (n_score_bins + 7, 2, 2)
        Bin of the predicted value x prediction x label; 0 means there is one, 1 none.
    losses : float array of shape (10,)
        Sums over rows with both, as `spec.REGRESSION_SUMS` orders them: error e = prediction - label, |e|,
        e^2, e^4; label y less the profile's centre, y^2, y^3, y^4; e^2 y, e^2 y^2.
    """

    joint: Ints
    losses: Floats

    def __post_init__(self) -> None:
        if self.joint.shape[1:] != (2, 2) or self.losses.shape != (10,):
            raise ValueError(
                f"A regression has joint counts of shape (n, 2, 2) and 10 sums, not {self.joint.shape} and "
                f"{self.losses.shape}."
            )

    @property
    def n_rows(self) -> int:
        """All rows, labelled or not."""
        return int(self.joint.sum())

    @property
    def n_labelled(self) -> int:
        """Rows with a label."""
        return int(self.joint[:, :, 0].sum())

    @property
    def n(self) -> int:
        """Rows with a label and a prediction."""
        return int(self.joint[:, 0, 0].sum())


def regression_performance(counts: RegressionCounts, *, confidence: float = 0.95) -> tuple[Measure, ...]:
    """How far were the predictions from the labels, where they are known?

    Parameters
    ----------
    counts : RegressionCounts
        Of one window, version and segment.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    tuple of Measure
        labelled_share, mae, rmse, bias (mean of prediction - label) and r2, in this order and always all of them;
        mae, rmse and bias are in the label's units. R2 is undefined where labels don't vary.
        `core.performance.measures.changes` sets them against the reference.

    References
    ----------
    Delta method: G. Casella, R. L. Berger (2002), Statistical Inference, section 5.5.4.

    Examples
    --------
    >>> label = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> e = np.array([0.5, -0.5, 0.0, 0.5, -0.5])
    >>> y = label - 3.0  # the profile's centre
    >>> sums = np.array([t.sum() for t in (e, abs(e), e**2, e**4, y, y**2, y**3, y**4, e**2 * y, e**2 * y**2)])
    >>> joint = np.zeros((7, 2, 2), dtype=np.int64)
    >>> joint[0, 0, 0] = 5
    >>> for measure in regression_performance(RegressionCounts(joint=joint, losses=sums)):
    ...     print(measure.measure, measure.n, round(measure.value, 3))
    labelled_share 5 1.0
    mae 5 0.4
    rmse 5 0.447
    bias 5 0.0
    r2 5 0.9
    """
    nothing = "" if counts.n_rows else "There are no rows."
    labelled = rate(
        "labelled_share",
        counts.n_labelled,
        counts.n_rows,
        among="of the window",
        empty=nothing,
        confidence=confidence,
    )
    why = nothing or _why_none(counts)
    if why:
        return (labelled, *(undefined(name, convention=text, why=why) for name, text in CONVENTIONS.items()))
    error, absolute, squared = counts.losses[:3].tolist()
    n = counts.n
    return (
        labelled,
        mean("mae", n, absolute, squared, among=USABLE, domain=(0.0, math.inf), confidence=confidence),
        _rmse(n, counts.losses, confidence),
        mean("bias", n, error, squared, among=USABLE, confidence=confidence),
        _r2(n, counts.losses, confidence),
    )


def _why_none(counts: RegressionCounts) -> str:
    if not counts.n_labelled:
        return f"None of the {counts.n_rows:,} rows has a label."
    if not counts.n:
        return f"None of the {counts.n_labelled:,} labelled rows has a prediction."
    if not np.isfinite(counts.losses).all():
        return "The sums of errors are too large for a floating-point number."
    return ""


def _rmse(n: int, losses: Floats, confidence: float) -> Measure:
    mean_square, mean_fourth = losses[2] / n, losses[3] / n
    value = math.sqrt(mean_square)
    interval, why = None, "One row has no spread to make an interval from."
    if n > 1 and mean_square > 0:
        variance = max(0.0, mean_fourth - mean_square * mean_square) / (n - 1)
        interval, why = _log_interval(value, math.sqrt(variance) / (2 * mean_square), confidence), ""
    elif n > 1:
        why = f"No error among {n:,} rows, so their spread makes no interval."
    return estimate("rmse", value, n, interval=interval, convention=CONVENTIONS["rmse"], why=why)


def _r2(n: int, losses: Floats, confidence: float) -> Measure:
    e2, e4, m1, m2, m3, m4, e2_y, e2_y2 = (losses[2:] / n).tolist()
    variance = m2 - m1 * m1
    if variance <= LABELS_ALIKE * m2:
        why = f"The labels of the {n:,} rows don't vary." if n > 1 else "R2 needs at least two rows with a label."
        return undefined("r2", convention=CONVENTIONS["r2"], why=why, n=n)
    ratio = e2 / variance
    interval, why = None, f"No error among {n:,} rows, so their spread makes no interval."
    if e2 > 0:
        # Moments about the mean label: of e^2 u^2 and u^4, with u = y - m1.
        e2_u2 = e2_y2 - 2 * m1 * e2_y + m1 * m1 * e2
        u4 = m4 - 4 * m1 * m3 + 6 * m1 * m1 * m2 - 3 * m1**4
        spread = max(0.0, e4 - 2 * ratio * e2_u2 + ratio * ratio * u4)
        of_ratio = _log_interval(ratio, math.sqrt(spread / (n - 1)) / e2, confidence)
        interval, why = Interval(low=1 - of_ratio.high, high=1 - of_ratio.low, confidence=confidence), ""
    return estimate("r2", 1 - ratio, n, interval=interval, convention=CONVENTIONS["r2"], why=why)


def _log_interval(value: float, relative_error: float, confidence: float) -> Interval:
    factor = math.exp(min(float(ndtri(0.5 + confidence / 2)) * relative_error, 700.0))
    return Interval(low=value / factor, high=value * factor, confidence=confidence)
