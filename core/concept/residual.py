"""Whether outcomes still follow the score, prediction or predicted value as they did on the reference."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.concept.conclusion import ConceptResidual, Convention, Strata, conclude
from core.concept.strata import pool_by_information
from core.measure import Interval
from core.stats.intervals import newcombe_difference, normal_interval
from core.stats.scores import pooled_scores

__all__ = ["binary_residual", "labels_by_prediction", "labels_by_score", "regression_residual"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MARGIN = 0.05
SHARE_OF_RMSE = 0.1

RATES = Convention(
    mean="observed minus expected share at the current mix of bins; normal interval, both samples' chance",
    effect="root mean square over bins of the rates' differences / sqrt(p(1-p)), less chance; noncentral chi-square",
    test="bins pooled to min(n) p(1-p) of 5",
    least=5.0,
    is_rate=True,
    what="the share with the outcome",
)
ERRORS = Convention(
    mean="mean error minus the reference's at the current mix of bins; normal interval, both samples' chance",
    effect="root mean square over bins of the mean errors' differences / standard deviation, less chance; "
    "noncentral chi-square",
    test="bins pooled to 30 degrees of freedom",
    least=30.0,
    is_rate=False,
    what="the mean error",
)


def labels_by_score(joint: Ints, calibration_groups: Sequence[int], *, positive: int) -> Ints:
    """Labelled rows by calibration bin: other label, positive label; shape (n_groups, 2).

    Parameters
    ----------
    joint : int array of shape (n_score_bins + 7, 3, 3)
        Score bin x prediction x label, the last label none.
    calibration_groups : sequence of n_score_bins ints
    positive : int
        The class the score speaks of, 0 or 1.
    """
    counts: Ints = pooled_scores(joint.sum(axis=1), calibration_groups)[:, [1 - positive, positive]]
    return counts


def labels_by_prediction(joint: Ints, *, positive: int) -> Ints:
    """Labelled rows by predicted class, for a model without a score: other label, positive label; shape (2, 2)."""
    counts: Ints = joint.sum(axis=0)[:2][:, [1 - positive, positive]]
    return counts


def binary_residual(
    reference: Ints,
    current: Ints,
    *,
    names: Sequence[str],
    margin: float = MARGIN,
    confidence: float = 0.95,
    what: str = RATES.what,
) -> ConceptResidual:
    """Is P(outcome | score) what it was on the reference?

    A change says that a score no longer means what it meant. It does not say why: the world may have
    changed, or the mix of rows that share a score, or which rows get a label.

    Parameters
    ----------
    reference, current : int arrays of shape (n_bins, 2)
        Labelled rows by score bin or predicted class: without, with the outcome. Bins in order of the
        score. For a multiclass model: by predicted class, wrong and right.
    names : sequence of n_bins str
        What each bin is called.
    margin : float
        A mean residual that matters, in (0, 1).
    confidence : float
        Two-sided, in (0, 1).
    what : str
        What the second column is a share of, for the words.

    Returns
    -------
    ConceptResidual
        Both samples count with their own chance: the reference's rates are estimates too. Neighbouring
        bins are pooled for the test until min(n) * p * (1 - p) is 5 or more. With less than that in all
        there is no test, and `why` gives the labelled rows needed.

    Raises
    ------
    ValueError
        If the tables don't fit the names.

    References
    ----------
    W. G. Cochran (1954), doi:10.2307/3001616.

    Examples
    --------
    >>> before, now = np.array([[900, 100], [500, 500], [100, 900]]), np.array([[85, 15], [30, 70], [8, 92]])
    >>> residual = binary_residual(before, now, names=["low", "middle", "high"])
    >>> round(residual.test.chi_square, 2), residual.test.df, round(residual.measures[1].value, 3)
    (17.4, 3, 0.09)
    >>> residual.words.split(". ")[1]
    'The bin that differs most is middle: 70.0% of 100 rows, 50.0% expected.'
    """
    _check(reference, current, names, 2)
    n_reference, n = reference.sum(axis=1), current.sum(axis=1)
    safe_reference, safe = np.maximum(n_reference, 1), np.maximum(n, 1)
    pooled = (reference[:, 1] + current[:, 1]) / np.maximum(n_reference + n, 1)
    smoothed = (reference[:, 1] + 1) / (n_reference + 2)
    spread = pooled * (1 - pooled)
    differences = tuple(
        newcombe_difference(k, m, k_reference, m_reference, confidence=confidence) if m and m_reference else None
        for k, m, k_reference, m_reference in zip(
            current[:, 1].tolist(), n.tolist(), reference[:, 1].tolist(), n_reference.tolist(), strict=True
        )
    )
    strata = Strata(
        names=tuple(names),
        n_reference=n_reference,
        n=n,
        reference=reference[:, 1] / safe_reference,
        current=current[:, 1] / safe,
        null_variance=spread * (1 / safe_reference + 1 / safe),
        variance=_variance_of_rate(reference[:, 1], n_reference, spread) + _variance_of_rate(current[:, 1], n, spread),
        planned=smoothed * (1 - smoothed),
        information=np.minimum(n, n_reference) * spread,
        differences=differences,
    )
    return conclude(strata, replace(RATES, what=what), margin=margin, confidence=confidence)


def _check(reference: NDArray[Any], current: NDArray[Any], names: Sequence[str], width: int) -> None:
    expected = (len(names), width)
    if reference.shape != expected or current.shape != expected:
        raise ValueError(
            f"{len(names)} bins need tables of shape {expected}, not {reference.shape} and {current.shape}."
        )


def _variance_of_rate(successes: Ints, n: Ints, spread: Floats) -> Floats:
    """The unbiased variance of k/n; from the spread of both samples together where one row can't tell."""
    rate = successes / np.maximum(n, 1)
    variance: Floats = np.where(n > 1, rate * (1 - rate) / np.maximum(n - 1, 1), spread)
    return variance


def regression_residual(
    reference: Floats,
    current: Floats,
    *,
    names: Sequence[str],
    margin: float | None = None,
    confidence: float = 0.95,
) -> ConceptResidual:
    """Are errors, at the same predicted value, what they were on the reference?

    Parameters
    ----------
    reference, current : float arrays of shape (n_bins, 3)
        By bin of the predicted value, in order: labelled rows, sum of e = prediction - label, sum of e^2.
    names : sequence of n_bins str
        What each bin is called.
    margin : float, optional
        A mean residual that matters, in the label's units; a tenth of the reference's RMSE by default.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    ConceptResidual
        Neighbouring bins are pooled until both samples have 30 degrees of freedom, rows less bins; with
        less in all there is no test. The test takes the spread of errors from both samples together, as
        its null says that errors are distributed alike; the interval takes each sample's own.

    References
    ----------
    W. G. Cochran (1954), doi:10.2307/3001616.

    Examples
    --------
    >>> before, now = np.array([[100, 0, 100], [100, 0, 100]]), np.array([[50, 0, 50], [50, 25, 60]])
    >>> residual = regression_residual(before, now, names=["low", "high"])
    >>> round(residual.measures[1].value, 3), round(residual.measures[1].margin, 3)
    (0.25, 0.1)
    """
    _check(reference, current, names, 3)
    n_reference, n = reference[:, 0].astype(np.int64), current[:, 0].astype(np.int64)
    safe_reference, safe = np.maximum(n_reference, 1), np.maximum(n, 1)
    before, now = reference[:, 1] / safe_reference, current[:, 1] / safe
    information = np.maximum(np.minimum(n, n_reference) - 1, 0).astype(np.float64)
    groups = pool_by_information(information, ERRORS.least)
    planned = _variance_of_row(groups, reference)
    variance = planned / safe_reference + _variance_of_row(groups, current) / safe
    differences: tuple[Interval | None, ...] = tuple(
        normal_interval(difference, math.sqrt(spread), confidence=confidence) if pairs and spread > 0 else None
        for difference, spread, pairs in zip(
            (now - before).tolist(), variance.tolist(), information.tolist(), strict=True
        )
    )
    strata = Strata(
        names=tuple(names),
        n_reference=n_reference,
        n=n,
        reference=before,
        current=now,
        null_variance=_variance_of_row(groups, reference, current) * (1 / safe_reference + 1 / safe),
        variance=variance,
        planned=planned,
        information=information,
        differences=differences,
    )
    if margin is None:
        margin = SHARE_OF_RMSE * math.sqrt(float(reference[:, 2].sum()) / max(int(n_reference.sum()), 1))
    return conclude(strata, ERRORS, margin=margin, confidence=confidence)


def _variance_of_row(groups: Ints, *samples: Floats) -> Floats:
    """The variance of a row about its bin's mean, pooled over samples and the bins of a group; shape (n_bins,)."""
    freedom, about_mean = np.zeros(groups.size), np.zeros(groups.size)
    for n, total, squares in (sums.T for sums in samples):
        about_mean += np.maximum(squares - total**2 / np.maximum(n, 1), 0.0)
        freedom += np.maximum(n - 1, 0)
    pooled = np.bincount(groups, weights=about_mean) / np.maximum(np.bincount(groups, weights=freedom), 1)
    variance: Floats = pooled[groups]
    return variance
