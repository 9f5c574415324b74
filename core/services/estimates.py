"""Performance before labels come, window by window, of every task: what may be estimated of it, and from what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from core.measure import Measure
from core.performance.binary import BinaryCounts
from core.performance.class_calibration import multiclass_calibration_of
from core.performance.direct_loss import estimate_regression
from core.performance.estimated import N_DRAWS, calibration_of, estimate_binary, residual_correlation
from core.performance.estimated_multiclass import N_STRETCHES, estimate_multiclass
from core.performance.multiclass import MulticlassCounts
from core.performance.refusal import Case, Refusal, labels_by_decision, other_inputs, reasons, support_of
from core.performance.reweighted import reweighted_calibration
from core.services.estimate_report import EstimateReport, judged_estimates, nothing_estimated
from core.services.estimate_samples import EstimateSamples
from core.services.observations import Context, Observations, OutcomeCounts, WindowInfo
from core.services.performance import performance
from core.services.verdicts import located

__all__ = ["draws_of", "estimate_report"]

NO_RECORDS = "There are no production records yet to estimate the performance of."
WEIGHTED = "reference rows weighted to look like the window's of the same score"
OF_ALL_ROWS = "Losses are expected of all sampled rows, not of a segment's or a version's."

Counts = TypeVar("Counts", BinaryCounts, MulticlassCounts)


def estimate_report(observations: Observations, samples: EstimateSamples) -> EstimateReport:
    """What will each window's labels show, if outcomes follow score or inputs as they did on the reference?

    An estimate is withheld where the reference has too few rows of such scores, where its own labels depend on what
    was decided, where rows of one score aren't the rows they were, and for what `judged_estimates` finds.

    Parameters
    ----------
    samples : EstimateSamples
        What was made of sampled rows: losses expected of a regression, and shifts within scores.
    """
    context = observations.context
    if context.shows_reference:
        return nothing_estimated(context, NO_RECORDS)
    reference = observations.reference_outcomes()
    if isinstance(reference, BinaryCounts):
        return _of_binary(observations, reference, samples)
    if isinstance(reference, MulticlassCounts):
        return _of_classes(observations, reference)
    return _of_regression(observations, samples)


def _of_binary(observations: Observations, reference: BinaryCounts, samples: EstimateSamples) -> EstimateReport:
    context = observations.context
    calibration = calibration_of(reference)
    if calibration is None:
        return nothing_estimated(context, _no_score())
    before = [_outcomes(BinaryCounts, observations, window, of_reference=True) for window in context.reference_windows]
    correlation = residual_correlation(calibration, before)
    rates = calibration.draws(N_DRAWS, draws_of(context, 0))  # the same for all windows: what is unknown of it
    cost = observations.costs.of_row(reference.classes, reference.positive) if observations.costs else None
    selective = labels_by_decision(reference)
    is_part = bool(context.selection.segment) or context.selection.version is not None
    estimates, refusals = [], []
    for window in context.windows:
        counts = _outcomes(BinaryCounts, observations, window)
        key = window.window.key
        weights = None if is_part else samples.weights(key)
        own, drawn = calibration, rates
        if weights is not None:
            own = reweighted_calibration(calibration, reference, weights.by_class(reference.joint.shape[0]))
            drawn = own.draws(N_DRAWS, draws_of(context, 0))
        rng = draws_of(context, key)
        measures = estimate_binary(own, counts, rng=rng, rates=drawn, correlation=correlation, cost=cost)
        if weights is not None:
            measures = tuple(replace(m, convention=f"{m.convention}; {WEIGHTED}") for m in measures)
        estimates.append(_located(measures, context, window))
        thin = reasons(support=support_of(reference, counts), selective=selective)
        refusals.append((*thin, *samples.refusals(key, is_part=is_part)))
    return judged_estimates(observations, estimates, _realised(observations), refusals)


def _of_classes(observations: Observations, reference: MulticlassCounts) -> EstimateReport:
    context = observations.context
    before = [
        _outcomes(MulticlassCounts, observations, window, of_reference=True) for window in context.reference_windows
    ]
    calibration = multiclass_calibration_of(reference, before, rng=draws_of(context, 0))
    if calibration is None:
        return nothing_estimated(context, _no_score())
    known = {name: reference.one_against_the_rest(name) for name in reference.classes}
    selective = next(filter(None, map(labels_by_decision, known.values())), "")
    estimates, refusals = [], []
    for window in context.windows:
        counts = _outcomes(MulticlassCounts, observations, window)
        rng = draws_of(context, window.window.key)
        measures = estimate_multiclass(calibration, counts, rng=rng, costs=observations.costs)
        estimates.append(_located(measures, context, window))
        own = [*reasons(selective=selective)]
        for name, of_class in known.items():
            support = support_of(of_class, counts.one_against_the_rest(name), n_stretches=N_STRETCHES)
            thin = reasons(support=support)
            own.extend(replace(each, words=f"Score of '{name}': {each.words}") for each in thin)
        refusals.append(tuple(own))
    return judged_estimates(observations, estimates, _realised(observations), refusals)


def _of_regression(observations: Observations, samples: EstimateSamples) -> EstimateReport:
    context = observations.context
    if context.selection.segment or context.selection.version is not None:
        return nothing_estimated(context, OF_ALL_ROWS)
    if samples.why:
        return nothing_estimated(context, samples.why)
    told = observations.series.get("classifier")
    estimates: list[tuple[Measure, ...]] = []
    refusals: list[tuple[Refusal, ...]] = []
    for window in context.windows:
        key = window.window.key
        of_reference, expected = samples.losses(key)
        measures = estimate_regression(of_reference, expected, n=window.n)
        estimates.append(_located(measures, context, window))
        sums = told.current[key].sums if told is not None and key in told.current else None
        if sums is None or not sums[0]:
            words = "Too few of its rows are at hand to tell whether their inputs are in the reference."
            refusals.append((Refusal(case=Case.NOT_AT_HAND, words=words),))
        else:
            refusals.append(other_inputs(sums[1] / sums[0]))
    return judged_estimates(observations, estimates, _realised(observations), refusals)


def _no_score() -> str:
    return " ".join(refusal.words for refusal in reasons(has_scores=False))


def _located(measures: Sequence[Measure], context: Context, window: WindowInfo) -> tuple[Measure, ...]:
    return tuple(located(measure, context, window) for measure in measures)


def _realised(observations: Observations) -> list[tuple[Measure, ...]]:
    """What each window's labels showed; () while they aren't in."""
    found = []
    for window in observations.context.windows:
        measures: tuple[Measure, ...] = ()
        if window.is_mature and window.n_labelled:
            measures = performance(observations.outcomes([window]), observations.costs)
        found.append(_located(measures, observations.context, window))
    return found


def _outcomes(
    kind: type[Counts], observations: Observations, window: WindowInfo, *, of_reference: bool = False
) -> Counts:
    counts: OutcomeCounts = observations.outcomes_of([window.window.key], of_reference=of_reference)
    if not isinstance(counts, kind):
        raise TypeError(f"expected {kind.__name__}, got {type(counts).__name__}")
    return counts


def draws_of(context: Context, key: int) -> np.random.Generator:
    """The same draws whenever a report is made of the same profile."""
    return np.random.default_rng([int(context.profile_digest[:8], 16), abs(key)])
