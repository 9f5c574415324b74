"""Calibration within groups: does a score mean the same for each?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, expit, logit

from core.fairness.estimates import NOT_JUDGED, GroupEstimate, estimate_measures
from core.fairness.largest import unvalued
from core.fairness.scores import GroupScores
from core.fairness.verdicts import REST
from core.measure import Interval, Measure, Status
from core.stats.calibration import calibration_curve, expected_calibration_error
from core.stats.intervals import normal_interval, wilson

__all__ = ["Recalibration", "group_calibration", "recalibration"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

EDGE = 1e-6  # scores of 0 and 1 have no logit
MOST_STEPS = 50
LEAST_OF_A_CLASS = 5
NO_FIT = f"Fewer than {LEAST_OF_A_CLASS} labelled rows of a class, or a single score: no line can be fitted."


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalibration:
    """The logistic line from the logit of the score to that of the outcome: slope 1 and intercept 0 are calibrated."""

    slope: float
    intercept: float
    slope_error: float
    intercept_error: float
    log_likelihood: float


def recalibration(negatives: Ints, positives: Ints, scores: Floats) -> Recalibration | None:
    """How must a score be stretched and shifted, on the logit scale, to become the probability it should be?

    Parameters
    ----------
    negatives, positives : int arrays of shape (n_bins,)
        Labelled rows by score.
    scores : float array of shape (n_bins,)
        In [0, 1].

    Returns
    -------
    Recalibration or None
        By maximum likelihood, with the standard errors of its information matrix; None without rows enough of
        both classes, with a single score, or where the classes can be separated.

    References
    ----------
    D. R. Cox (1958), doi:10.1093/biomet/45.3-4.562; B. Van Calster et al. (2016), doi:10.1016/j.jclinepi.2015.12.005.

    Examples
    --------
    >>> scores = np.array([0.1, 0.5, 0.9])
    >>> fit = recalibration(np.array([900, 500, 100]), np.array([100, 500, 900]), scores)
    >>> round(fit.slope, 6), round(fit.intercept, 6)
    (1.0, 0.0)
    """
    n = (negatives + positives).astype(np.float64)
    used = n > 0
    if min(negatives.sum(), positives.sum()) < LEAST_OF_A_CLASS or used.sum() < 2:
        return None
    n, hits, x = n[used], positives[used].astype(np.float64), logit(np.clip(scores[used], EDGE, 1 - EDGE))
    if np.ptp(x) == 0:
        return None
    line = np.array([0.0, 1.0])
    design = np.stack([np.ones_like(x), x], axis=1)
    for _ in range(MOST_STEPS):
        p = expit(design @ line)
        information = design.T @ (design * (n * p * (1 - p))[:, None])
        if not np.isfinite(information).all() or np.linalg.cond(information) > 1e14:
            return None
        step = np.linalg.solve(information, design.T @ (hits - n * p))
        line = line + np.clip(step, -5.0, 5.0)
        if np.abs(step).max() < 1e-10:
            break
    else:
        return None
    if np.abs(line).max() > 50:
        return None
    p = np.clip(expit(design @ line), 1e-300, 1 - 1e-16)
    spread = np.sqrt(np.diag(np.linalg.inv(information)))
    return Recalibration(
        slope=float(line[1]),
        intercept=float(line[0]),
        slope_error=float(spread[1]),
        intercept_error=float(spread[0]),
        log_likelihood=float(hits @ np.log(p) + (n - hits) @ np.log1p(-p)),
    )


def group_calibration(
    scores: GroupScores, groups: Sequence[int], *, attribute: str, confidence: float = 0.95
) -> tuple[Measure, ...]:
    """Does a score of 0.3 mean 30% in every group?

    Parameters
    ----------
    scores : GroupScores
        The score is a probability; where it isn't, nothing here has a value.
    groups : sequence of n_bins ints
        The calibration bin of each regular score bin, for the calibration error.
    attribute : str
    confidence : float

    Returns
    -------
    tuple of Measure
        First `calibration_gap`, segment '': the likelihood-ratio statistic that one line does for all groups, with its
        p-value. By group `calibration_slope`, `calibration_intercept` and `observed_over_expected` (positives over
        the sum of their scores), each with its difference to the rest, and `expected_calibration_error`.

    References
    ----------
    G. Pleiss et al. (2017), doi:10.48550/arXiv.1709.02012; J. Kleinberg et al. (2016),
    doi:10.48550/arXiv.1609.05807; the line as in `recalibration`, the error as in `core.stats.calibration`.
    """
    shown = scores.shown
    values, lacking = scores.values, ""
    if not values.size:
        lacking = "The model logs no score."
    elif scores.bins.low < 0 or values[-1] > 1:
        lacking = "The score is no probability: it leaves 0 to 1."
    sides = {place: scores.labelled(place) for place in (*shown, *(~place for place in shown))}
    lines = {place: None if lacking else _line(counts, values) for place, counts in sides.items()}

    def of_line(place: int, *, slope: bool) -> GroupEstimate:
        line, blank = lines[place], _blank(scores, place, sides[place], lacking or NO_FIT)
        if line is None:
            return blank
        value, error = (line.slope, line.slope_error) if slope else (line.intercept, line.intercept_error)
        return replace(blank, value=value, interval=normal_interval(value, error, confidence=confidence), why="")

    def observed(place: int) -> GroupEstimate:
        counts = sides[place]
        blank = _blank(scores, place, counts, lacking or "No labelled row with a score above 0.")
        expected = float(counts.sum(axis=1) @ values) if values.size else 0.0
        if lacking or not expected:
            return blank
        rate, scale = wilson(int(counts[:, 1].sum()), blank.n, confidence=confidence), blank.n / expected
        limits = Interval(low=rate.low * scale, high=rate.high * scale, confidence=confidence)
        return replace(blank, value=float(counts[:, 1].sum()) / expected, interval=limits, why="")

    def error(place: int) -> Measure:
        blank = unvalued(
            attribute,
            "expected_calibration_error",
            segment=scores.group_names[place],
            n=int(sides[place].sum()),
            why=lacking or "No labelled row with a score.",
            convention="mean distance of observed rate and mean score over calibration bins; conservative interval",
        )
        if lacking or not blank.n or not len(groups):
            return blank
        weights = sides[place].sum(axis=1) * values
        sums = np.append(np.bincount(np.asarray(groups), weights=weights, minlength=int(groups[-1]) + 1), 0.0)
        curve = calibration_curve(scores.by_class[:, :, place], scores.bins, groups, sums, confidence=confidence)
        value, interval = expected_calibration_error(curve, confidence=confidence)
        return replace(blank, value=value, interval=interval, status=Status.INSUFFICIENT, why=NOT_JUDGED)

    line_convention = "logistic line on the logit of the score, maximum likelihood; Wald interval"
    measures: tuple[tuple[str, Callable[[int], GroupEstimate], str], ...] = (
        ("calibration_slope", partial(of_line, slope=True), line_convention),
        ("calibration_intercept", partial(of_line, slope=False), line_convention),
        (
            "observed_over_expected",
            observed,
            "labelled positives over the sum of their scores; Wilson interval of the observed rate",
        ),
    )
    found = [_one_line_for_all({p: sides[p] for p in shown}, {p: lines[p] for p in shown}, values, attribute, lacking)]
    for measure, of, convention in measures:
        found += estimate_measures(
            measure,
            [of(place) for place in shown],
            [of(~place) for place in shown],
            attribute=attribute,
            convention=convention,
        )
    return (*found, *(error(place) for place in shown))


def _blank(scores: GroupScores, place: int, counts: Ints, why: str) -> GroupEstimate:
    name = scores.group_names[place] if place >= 0 else REST
    return GroupEstimate(group=name, n=int(counts.sum()), value=None, interval=None, why=why)


def _line(counts: Ints, values: Floats) -> Recalibration | None:
    return recalibration(counts[:, 0], counts[:, 1], values)


def _one_line_for_all(
    counts: dict[int, Ints],
    lines: dict[int, Recalibration | None],
    values: Floats,
    attribute: str,
    lacking: str,
) -> Measure:
    fitted = [place for place, line in lines.items() if line is not None]
    n = int(sum(counts[place].sum() for place in fitted))
    blank = unvalued(
        attribute,
        "calibration_gap",
        n=n,
        why=lacking or "Fewer than two groups allow a line to be fitted: not assessable.",
        convention="likelihood ratio of a line for each group against one for all; chi-square",
    )
    together = None if len(fitted) < 2 else _line(np.sum([counts[place] for place in fitted], axis=0), values)
    if together is None:
        return blank
    apart = sum(line.log_likelihood for line in lines.values() if line is not None)
    statistic, df = max(0.0, 2 * (apart - together.log_likelihood)), 2 * (len(fitted) - 1)
    return replace(
        blank,
        value=statistic,
        p_value=float(chdtrc(df, statistic)),
        status=Status.INSUFFICIENT,
        why=f"{len(fitted)} of {len(lines)} groups allow a line; {df} degrees of freedom. {NOT_JUDGED}",
    )
