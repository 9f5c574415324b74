"""The divergences of one column, window by window: PSI, Jensen-Shannon, Hellinger and Cohen's w.

All four are smooth distances of shares whose law is a scaled noncentral chi-square near "no drift" and normal
far from it; they differ in how they weigh rare bins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from core.drift.measures import ZERO_RULE, drift_measure, undefined
from core.measure import Interval, Measure
from core.stats.distances import (
    cohens_w,
    hellinger_distance,
    jensen_shannon_divergence,
    paired_shares,
    population_stability_index,
)
from core.stats.hypothesis import chi_square_homogeneity, pool_sparse, zero_reference_p_value
from core.stats.intervals import clopper_pearson
from core.stats.nulls import ScaledChiSquare, hellinger_null, jensen_shannon_null, psi_null

__all__ = ["DIVERGENCES", "cohens_w_measures", "divergence_measures", "observed_psi_measure"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

SPARSE = 5  # rows below which a bin that should hold one lets a zero rule that pulls less decide on the upper limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """One distance: its value from counts, its gradients in the shares p and q, its law, and how it is written."""

    name: str
    value: Callable[..., Floats]
    gradients: Callable[[Floats, Floats], tuple[Floats, Floats]]
    law: Callable[..., ScaledChiSquare]
    is_root: bool
    top: float
    words: str


def _squared(distance: Callable[..., Floats]) -> Callable[..., Floats]:
    return lambda reference, current, *, pseudocount: distance(reference, current, pseudocount=pseudocount) ** 2


def _psi_gradients(p: Floats, q: Floats) -> tuple[Floats, Floats]:
    return np.log(p / q) - q / p, np.log(q / p) - p / q


def _jensen_shannon_gradients(p: Floats, q: Floats) -> tuple[Floats, Floats]:
    middle = (p + q) / 2
    return np.log2(p / middle) / 2, np.log2(q / middle) / 2


def _hellinger_gradients(p: Floats, q: Floats) -> tuple[Floats, Floats]:
    return -np.sqrt(q / p) / 2, -np.sqrt(p / q) / 2


def _squared_w_gradients(p: Floats, q: Floats) -> tuple[Floats, Floats]:
    return -((q / p) ** 2), 2 * q / p


DIVERGENCES: Mapping[str, Divergence] = MappingProxyType(
    {
        divergence.name: divergence
        for divergence in (
            Divergence(
                name="psi",
                value=population_stability_index,
                gradients=_psi_gradients,
                law=psi_null,
                is_root=False,
                top=math.inf,
                words="natural log",
            ),
            Divergence(
                name="jensen_shannon",
                value=partial(jensen_shannon_divergence, base=2),
                gradients=_jensen_shannon_gradients,
                law=partial(jensen_shannon_null, base=2),
                is_root=True,
                top=1.0,
                words="distance, base 2, in 0..1",
            ),
            Divergence(
                name="jensen_shannon_divergence",
                value=partial(jensen_shannon_divergence, base=2),
                gradients=_jensen_shannon_gradients,
                law=partial(jensen_shannon_null, base=2),
                is_root=False,
                top=1.0,
                words="divergence, base 2, in 0..1",
            ),
            Divergence(
                name="hellinger",
                value=_squared(hellinger_distance),
                gradients=_hellinger_gradients,
                law=hellinger_null,
                is_root=True,
                top=1.0,
                words="distance in 0..1",
            ),
            Divergence(
                name="cohens_w",
                value=_squared(cohens_w),
                gradients=_squared_w_gradients,
                law=psi_null,
                is_root=True,
                top=math.inf,
                words="denominators: the reference's shares",
            ),
        )
    }
)


def divergence_measures(
    name: str,
    reference: Ints,
    current: Ints,
    *,
    margin: float | None = None,
    confidence: float = 0.95,
    dispersion: float = 1.0,
) -> tuple[Measure, ...]:
    """How far have the shares moved in each window, less what two samples without drift show on average?

    Parameters
    ----------
    name : str
        A key of `DIVERGENCES`.
    reference, current : int arrays of shape (n_windows, n_bins)
        The bins compared in each window; one that is empty on both sides doesn't count. At least one row a side.
    margin : float or None
        What matters, in the measure's unit.
    confidence : float
        Of the intervals, in (0, 1).
    dispersion : float
        How much more the shares vary between windows than independent rows would, at least 1.

    Returns
    -------
    tuple of n_windows Measures
        The value is what exceeds the mean without drift, at least 0; ``change`` is the interval. The p-value is
        of "no drift". If the reference lies in one bin, the p-value is the beta-binomial one, and PSI is that
        of the share of other rows with an exact interval.

    References
    ----------
    B. Yurdakul (2018), Statistical Properties of Population Stability Index, Western Michigan University;
    W. Perks (1947), Some observations on inverse probability, Journal of the Institute of Actuaries 73, for the
    second zero rule of the upper limit.

    Examples
    --------
    >>> reference, current = np.array([[5_000, 3_000, 2_000]]), np.array([[400, 300, 300]])
    >>> (psi,) = divergence_measures("psi", reference, current, margin=0.1)
    >>> round(psi.value, 3), round(psi.interval.low, 3), round(psi.interval.high, 3)
    (0.061, 0.034, 0.099)
    """
    divergence = DIVERGENCES[name]
    m, n = reference.sum(axis=-1), current.sum(axis=-1)
    used = (reference > 0) | (current > 0)
    n_bins = used.sum(axis=-1)
    law = divergence.law(m, n, np.maximum(n_bins, 2), dispersion=dispersion)
    observed, variance = _delta(divergence, reference, current, 0.5)
    values, p_values = law.corrected(observed), law.p_value(observed)
    low, high = law.limits(observed, variance=variance * dispersion, confidence=confidence)
    emptied = (current < SPARSE) & (reference * n[:, np.newaxis] >= m[:, np.newaxis])
    sparse = emptied.any(axis=-1) & (values > 0)
    if sparse.any():
        perks = 1 / np.maximum(n_bins[sparse, np.newaxis], 2)
        farther, its_variance = _delta(divergence, reference[sparse], current[sparse], perks)
        thin = ScaledChiSquare(scale=law.scale[sparse], df=law.df[sparse])
        more = thin.limits(farther, variance=its_variance * dispersion, confidence=confidence)[1]
        high[sparse] = np.maximum(high[sparse], more)
    values, low, high = (np.minimum(side, divergence.top) for side in (values, low, high))
    if divergence.is_root:
        values, low, high = np.sqrt(values), np.sqrt(low), np.sqrt(high)
    bias = law.mean
    one_bin = np.count_nonzero(reference, axis=-1) == 1
    measures = []
    for index in range(len(current)):
        p_value = float(p_values[index])
        if one_bin[index]:
            n_other = int(n[index] - current[index, np.argmax(reference[index])])
            p_value = _other_p_value(n_other, int(n[index]), int(m[index]), dispersion)
            if name == "psi":
                settings = {"p_value": p_value, "confidence": confidence, "dispersion": dispersion}
                measures.append(_psi_of_constant(int(m[index]), int(n[index]), n_other, margin=margin, **settings))
                continue
        interval = Interval(low=float(low[index]), high=float(high[index]), confidence=confidence)
        squared = " of the square" if divergence.is_root else ""
        measures.append(
            drift_measure(
                measure=name,
                value=float(values[index]),
                n=int(n[index]),
                interval=interval,
                change=interval,
                margin=margin,
                p_value=p_value,
                convention=f"{n_bins[index]} bins of the reference; {ZERO_RULE}; {divergence.words}; less the mean"
                f"{squared} without drift, {bias[index]:.5f}; noncentral chi-square interval{_noise(dispersion)}",
            )
        )
    return tuple(measures)


def _delta(
    divergence: Divergence, reference: Ints, current: Ints, pseudocount: float | Floats
) -> tuple[Floats, Floats]:
    """The divergence of each window, and its variance by the delta method."""
    p, q = paired_shares(reference, current, pseudocount=pseudocount)
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = divergence.gradients(p, q)
    sides = zip((p, q), slopes, (reference, current), strict=True)
    variance = sum(_variance(share, slope) / counts.sum(axis=-1) for share, slope, counts in sides)
    return divergence.value(reference, current, pseudocount=pseudocount), np.asarray(variance)


def _variance(shares: Floats, values: Floats) -> Floats:
    values = np.where(shares > 0, values, 0.0)
    mean = (shares * values).sum(axis=-1, keepdims=True)
    return np.asarray((shares * (values - mean) ** 2).sum(axis=-1))


def _noise(dispersion: float) -> str:
    return f", dispersion {dispersion:.2f}" if dispersion > 1 else ""


def _other_p_value(n_other: int, n: int, m: int, dispersion: float) -> float:
    """Beta-binomial, on as many rows as would tell as much if they were independent."""
    n_told, other_told = max(1, int(n / dispersion)), int(n_other / dispersion)
    return zero_reference_p_value(min(other_told, n_told), n_told, max(1, int(m / dispersion)))


def _psi_of_constant(
    m: int, n: int, n_other: int, *, p_value: float, margin: float | None, confidence: float, dispersion: float
) -> Measure:
    p = 0.5 / (m + 1)

    def psi(other: float) -> float:
        q = min(max(other, p), 1 - 0.5 / (n + 1))
        return (q - p) * float(logit(q) - logit(p))

    n_told = max(1, int(n / dispersion))
    limits = clopper_pearson(min(n_told, round(n_other / dispersion)), n_told, confidence=confidence)
    value = psi(n_other / n)
    interval = Interval(low=min(value, psi(limits.low)), high=max(value, psi(limits.high)), confidence=confidence)
    return drift_measure(
        measure="psi",
        value=value,
        n=n,
        interval=interval,
        change=interval,
        margin=margin,
        p_value=p_value,
        convention=f"the reference lies in one bin, against all others; {ZERO_RULE} for an empty side; natural log; "
        f"Clopper-Pearson interval; beta-binomial p-value{_noise(dispersion)}",
    )


def observed_psi_measure(reference: Ints, current: Ints) -> Measure:
    """What is the population stability index as it is usually printed, bias and all?

    Examples
    --------
    >>> round(observed_psi_measure(np.array([5_000, 3_000, 2_000]), np.array([400, 300, 300])).value, 4)
    0.0629
    """
    return drift_measure(
        measure="psi_observed",
        value=float(population_stability_index(reference, current)),
        n=int(current.sum()),
        convention=f"{reference.size} bins of the reference; {ZERO_RULE}; natural log; not corrected, so it has no "
        "interval: psi has",
    )


def cohens_w_measures(
    reference: Ints, current: Ints, *, margin: float | None = None, confidence: float = 0.95, dispersion: float = 1.0
) -> tuple[Measure, ...]:
    """How large is each window's shift as Cohen's w less its bias, and is it one by Pearson's chi-square?

    Parameters
    ----------
    reference, current : int arrays of shape (n_windows, n_bins)
    margin, confidence, dispersion
        As for `divergence_measures`.

    Returns
    -------
    tuple of n_windows Measures
        On bins that are expected to hold 5 rows or more, sparser ones pooled; UNDEFINED where fewer than two
        are left.

    Examples
    --------
    >>> (w,) = cohens_w_measures(np.array([[5_000, 3_000, 2_000]]), np.array([[400, 300, 300]]))
    >>> round(w.value, 3), w.p_value < 1e-9
    (0.26, True)
    """
    measures = []
    for before, after in zip(reference, current, strict=True):
        sides = pool_sparse(before, after)
        test = chi_square_homogeneity(*sides, minimum=0, dispersion=dispersion)
        if test is None:
            why = "Fewer than two bins are expected to hold 5 rows or more."
            measures.append(undefined("cohens_w", int(after.sum()), why))
            continue
        (measure,) = divergence_measures(
            "cohens_w",
            sides[0][np.newaxis],
            sides[1][np.newaxis],
            margin=margin,
            confidence=confidence,
            dispersion=dispersion,
        )
        measures.append(_pearson(measure, test.p_value))
    return tuple(measures)


def _pearson(measure: Measure, p_value: float) -> Measure:
    convention = f"{measure.convention}; sparse bins pooled; p-value of Pearson's two-sample chi-square"
    return replace(measure, p_value=p_value, convention=convention)
