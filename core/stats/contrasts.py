"""How far apart two independent estimates are: the interval of the difference, and its p-value."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy.special import ndtr, ndtri

from core.measure import Interval
from core.stats.hypothesis import two_proportions_p_value
from core.stats.intervals import newcombe_difference

__all__ = ["Contrast", "contrast_estimates", "contrast_rates"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """A difference current - reference, with its interval, its two-sided p-value and how both were made."""

    difference: float
    interval: Interval
    p_value: float
    convention: str


def contrast_rates(
    reference_successes: int,
    reference_n: int,
    current_successes: int,
    current_n: int,
    *,
    confidence: float = 0.95,
) -> Contrast:
    """How far is the current rate from the reference's, when the rows of both are independent?

    Parameters
    ----------
    reference_successes, reference_n, current_successes, current_n : int
        0 <= successes <= n and n >= 1.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    Contrast
        Newcombe's interval of current - reference, in [-1, 1], and the p-value of Pearson's chi-square
        without continuity correction, or of Fisher's test when an expected count is below 5.

    Raises
    ------
    ValueError
        If a count is no rate.

    References
    ----------
    R. G. Newcombe (1998), method 10, doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
    The tests' sources are named in `core.stats.hypothesis.two_proportions_p_value`.

    Examples
    --------
    >>> contrast = contrast_rates(48, 80, 56, 70)
    >>> round(contrast.difference, 3), round(contrast.interval.low, 4), round(contrast.interval.high, 4)
    (0.2, 0.0524, 0.3339)
    >>> round(contrast.p_value, 5)
    0.00805
    """
    return Contrast(
        difference=current_successes / current_n - reference_successes / reference_n,
        interval=newcombe_difference(
            current_successes, current_n, reference_successes, reference_n, confidence=confidence
        ),
        p_value=two_proportions_p_value(reference_successes, reference_n, current_successes, current_n),
        convention="Newcombe interval; Fisher's test below 5 expected rows, else chi-square without correction",
    )


def contrast_estimates(
    reference: float,
    reference_interval: Interval,
    current: float,
    current_interval: Interval,
) -> Contrast:
    """How far is one estimate from another, when all that is known of both are their intervals?

    Parameters
    ----------
    reference, current : float
        Independent estimates of the same measure, in the same units.
    reference_interval, current_interval : Interval
        Their intervals, of the same confidence; they need not be symmetric.

    Returns
    -------
    Contrast
        The MOVER interval of current - reference, and a z p-value whose standard error is the arm of
        that interval which points to zero: p < 1 - confidence exactly when the interval leaves out 0.

    Raises
    ------
    ValueError
        If the intervals differ in confidence, or don't hold their estimates.

    References
    ----------
    G. Y. Zou, A. Donner (2008), doi:10.1002/sim.3095.

    Examples
    --------
    >>> contrast = contrast_estimates(0.80, Interval(low=0.76, high=0.83), 0.90, Interval(low=0.87, high=0.92))
    >>> round(contrast.interval.low, 4), round(contrast.interval.high, 4), round(contrast.p_value, 6)
    (0.0576, 0.1447, 4e-06)
    """
    if reference_interval.confidence != current_interval.confidence:
        raise ValueError(
            f"Two intervals of confidence {reference_interval.confidence} and {current_interval.confidence} "
            "can't be combined; make both for the same."
        )
    for value, interval in ((reference, reference_interval), (current, current_interval)):
        if not interval.low <= value <= interval.high:
            raise ValueError(f"The interval [{interval.low}, {interval.high}] does not hold its estimate {value}.")
    confidence = current_interval.confidence
    difference = current - reference
    down = math.hypot(current - current_interval.low, reference_interval.high - reference)
    up = math.hypot(current_interval.high - current, reference - reference_interval.low)
    arm = down if difference > 0 else up
    return Contrast(
        difference=difference,
        interval=Interval(low=difference - down, high=difference + up, confidence=confidence),
        p_value=_two_sided(difference, arm / float(ndtri(0.5 + confidence / 2))),
        convention="MOVER interval; z from its arm towards 0",
    )


def _two_sided(difference: float, standard_error: float) -> float:
    if difference == 0:
        return 1.0
    if standard_error == 0:
        return 0.0
    return float(2 * ndtr(-abs(difference) / standard_error))
