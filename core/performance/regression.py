"""Realised performance of a regression, from the sums of one window and one segment."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.measure import Interval, Measure
from core.performance.measures import estimate, mean, mean_convention, rate, undefined
from core.profile.spec import REGRESSION_SUMS

__all__ = ["LABELS_ALIKE", "RegressionCounts", "regression_performance"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

USABLE = "with a label and a prediction"
CONVENTIONS = {
    "mae": mean_convention(USABLE),
    "rmse": f"root of the mean over rows {USABLE}; delta method on the log scale",
    "bias": mean_convention(USABLE),
    "r2": f"1 - squared errors / squared deviations of the label, rows {USABLE}; delta method on log(1 - R2)",
    "mape": f"mean of |error| / |label| over rows {USABLE} other than 0; normal interval",
    "rmsle": f"root of the mean squared difference of log(1 + value) over rows {USABLE}; delta method on the log scale",
}
LABELS_ALIKE = 1e-12  # labels vary if their variance exceeds this share of their mean square


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RegressionCounts:
    """What is counted of a regression's rows in one window: the tables of `core.profile.spec`.

    Parameters
    ----------
    joint : int array of shape (n_score_bins + 7, 2, 2)
        Bin of the predicted value x prediction x label; 0 means there is one, 1 none.
    losses : float array of shape (16,)
        Sums over rows with both, as `spec.REGRESSION_SUMS` orders them: error e = prediction - label, |e|,
        e^2, e^4; label y less the profile's centre, y^2, y^3, y^4; e^2 y, e^2 y^2; rows whose label isn't 0, their
        |e| / |label| and its square; rows whose label and prediction are 0 or more, the square of the difference
        of their log(1 + value), and its square.
    """

    joint: Ints
    losses: Floats

    def __post_init__(self) -> None:
        if self.joint.shape[1:] != (2, 2) or self.losses.shape != (len(REGRESSION_SUMS),):
            raise ValueError(
                f"A regression has joint counts of shape (n, 2, 2) and {len(REGRESSION_SUMS)} sums, not "
                f"{self.joint.shape} and {self.losses.shape}."
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
        labelled_share, mae, rmse, bias (mean of prediction - label), r2, mape and rmsle, in this order and always all
        of them; mae, rmse and bias are in the label's units. R2 is undefined where labels don't vary, RMSLE where a
        label or prediction is below 0; MAPE leaves out labels of 0.
        `core.performance.measures.changes` sets them against the reference.

    References
    ----------
    Delta method: G. Casella, R. L. Berger (2002), Statistical Inference, section 5.5.4.

    Examples
    --------
    >>> label = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    >>> e = np.array([0.5, -0.5, 0.0, 0.5, -0.5])
    >>> y = label - 3.0  # the profile's centre
    >>> relative, logs = abs(e) / label, (np.log1p(label + e) - np.log1p(label)) ** 2
    >>> terms = (e, abs(e), e**2, e**4, y, y**2, y**3, y**4, e**2 * y, e**2 * y**2)
    >>> sums = np.array([t.sum() for t in (*terms, e**0, relative, relative**2, e**0, logs, logs**2)])
    >>> joint = np.zeros((7, 2, 2), dtype=np.int64)
    >>> joint[0, 0, 0] = 5
    >>> for measure in regression_performance(RegressionCounts(joint=joint, losses=sums)):
    ...     print(measure.measure, measure.n, round(measure.value, 3))
    labelled_share 5 1.0
    mae 5 0.4
    rmse 5 0.447
    bias 5 0.0
    r2 5 0.9
    mape 5 0.195
    rmsle 5 0.141
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
    error, absolute, squared, fourth = counts.losses[:4].tolist()
    relative, logarithmic = counts.losses[10:13].tolist(), counts.losses[13:16].tolist()
    n = counts.n
    return (
        labelled,
        mean("mae", n, absolute, squared, among=USABLE, domain=(0.0, math.inf), confidence=confidence),
        _root("rmse", n, squared, fourth, confidence),
        mean("bias", n, error, squared, among=USABLE, confidence=confidence),
        _r2(n, counts.losses, confidence),
        _mape(n, relative, confidence),
        _rmsle(n, logarithmic, confidence),
    )


def _why_none(counts: RegressionCounts) -> str:
    if not counts.n_labelled:
        return f"None of the {counts.n_rows:,} rows has a label."
    if not counts.n:
        return f"None of the {counts.n_labelled:,} labelled rows has a prediction."
    if not np.isfinite(counts.losses).all():
        return "The sums of errors are too large for a floating-point number."
    return ""


def _root(name: str, n: int, total: float, total_of_squares: float, confidence: float) -> Measure:
    """The root of a mean of squares, from their sum and the sum of their squares."""
    mean_square, mean_fourth = total / n, total_of_squares / n
    value = math.sqrt(mean_square)
    interval, why = None, "One row has no spread to make an interval from."
    if n > 1 and mean_square > 0:
        variance = max(0.0, mean_fourth - mean_square * mean_square) / (n - 1)
        interval, why = _log_interval(value, math.sqrt(variance) / (2 * mean_square), confidence), ""
    elif n > 1:
        why = f"No error among {n:,} rows, so their spread makes no interval."
    return estimate(name, value, n, interval=interval, convention=CONVENTIONS[name], why=why)


def _mape(n: int, sums: Sequence[float], confidence: float) -> Measure:
    rows, total, total_of_squares = sums
    convention, n_relative = CONVENTIONS["mape"], round(rows)
    if not n_relative:
        return undefined("mape", convention=convention, why=f"The label of all {n:,} rows is 0.", n=0)
    found = mean("mape", n_relative, total, total_of_squares, among="", domain=(0.0, math.inf), confidence=confidence)
    left_out = f"{n - n_relative:,} rows whose label is 0 are left out." if n_relative < n else ""
    return replace(found, convention=convention, why=" ".join(part for part in (found.why, left_out) if part))


def _rmsle(n: int, sums: Sequence[float], confidence: float) -> Measure:
    rows, total, total_of_squares = sums
    negative = n - round(rows)
    if negative:
        why = f"{negative:,} of {n:,} rows have a label or prediction below 0."
        return undefined("rmsle", convention=CONVENTIONS["rmsle"], why=why, n=n)
    return _root("rmsle", n, total, total_of_squares, confidence)


def _r2(n: int, losses: Floats, confidence: float) -> Measure:
    e2, e4, m1, m2, m3, m4, e2_y, e2_y2 = (losses[2:10] / n).tolist()
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
