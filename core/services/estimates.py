"""Performance before labels come, window by window; withheld where it can't be told, and held against labels later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.alarms.watch import Light
from core.measure import Measure
from core.performance.binary import BinaryCounts
from core.performance.estimated import PREFIX, calibration_of, estimate_binary, residual_correlation
from core.performance.refusal import Refusal, labels_by_decision, reasons, support_of, withheld
from core.schema import Task
from core.services.concept import WATCHED
from core.services.observations import Context, Observations, WindowInfo
from core.services.performance import performance
from core.services.verdicts import located

__all__ = ["EstimateReport", "estimate_report"]

NOT_MADE = "Estimates without labels are made for binary models."


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateReport:
    """Estimates of every window, why some are withheld, and what the labels of past windows showed instead.

    `refusals` has one entry a window. `realised` holds the same measures from labels, where a window's are in.
    `why`: why there is no estimate at all, '' if there may be.
    """

    context: Context
    trend: tuple[tuple[Measure, ...], ...]
    refusals: tuple[tuple[Refusal, ...], ...]
    realised: tuple[tuple[Measure, ...], ...]
    why: str = ""

    def series(self, name: str) -> tuple[Measure, ...]:
        """The estimates of one measure, by its name once labels are in; () if it isn't estimated."""
        return tuple(m for window in self.trend for m in window if m.measure == PREFIX + name)

    def coverage(self, name: str) -> tuple[int, int]:
        """In how many windows the labels came to lie in the estimate's interval, and among how many that is known."""
        held = []
        for estimates, realised in zip(self.trend, self.realised, strict=True):
            promised = next((m for m in estimates if m.measure == PREFIX + name), None)
            shown = next((m for m in realised if m.measure == name and not m.column), None)
            if promised is None or promised.interval is None or shown is None or shown.value is None:
                continue
            held.append(promised.interval.low <= shown.value <= promised.interval.high)
        return sum(held), len(held)


def estimate_report(observations: Observations) -> EstimateReport:
    """What will each window's labels show, if outcomes follow the score as they did on the reference?

    An estimate is withheld from the window on in which the watch found that they don't, where the reference has
    too few rows of such scores, and where its own labels depend on what was decided.
    """
    context = observations.context
    reference = observations.reference_outcomes()
    if observations.spec.task is not Task.BINARY or not isinstance(reference, BinaryCounts):
        return _nothing(context, NOT_MADE)
    if context.shows_reference:
        return _nothing(context, "There are no production records yet to estimate the performance of.")
    calibration = calibration_of(reference)
    if calibration is None:
        return _nothing(context, " ".join(refusal.words for refusal in reasons(has_scores=False)))
    parts = [_binary(observations, [w], of_reference=True) for w in context.reference_windows]
    correlation = residual_correlation(calibration, parts)
    selective = labels_by_decision(reference)
    trend, refusals, realised = [], [], []
    for window in context.windows:
        counts = _binary(observations, [window])
        rng = np.random.default_rng([int(context.profile_digest[:8], 16), window.window.key])
        found = estimate_binary(calibration, counts, rng=rng, correlation=correlation)
        why = reasons(
            support=support_of(reference, counts),
            concept_since=_concept_since(observations, window),
            selective=selective,
        )
        trend.append(tuple(located(measure, context, window) for measure in withheld(found, why)))
        refusals.append(why)
        is_known = window.is_mature and window.n_labelled
        realised.append(tuple(located(m, context, window) for m in performance(counts)) if is_known else ())
    return EstimateReport(context=context, trend=tuple(trend), refusals=tuple(refusals), realised=tuple(realised))


def _nothing(context: Context, why: str) -> EstimateReport:
    none = ((),) * len(context.windows)
    return EstimateReport(context=context, trend=none, refusals=none, realised=none, why=why)


def _binary(observations: Observations, windows: Sequence[WindowInfo], *, of_reference: bool = False) -> BinaryCounts:
    counts = observations.outcomes_of([window.window.key for window in windows], of_reference=of_reference)
    if not isinstance(counts, BinaryCounts):
        raise TypeError(f"expected the counts of a binary model, got {type(counts).__name__}")
    return counts


def _concept_since(observations: Observations, window: WindowInfo) -> str | None:
    """The window from which matured labels contradict the reference beyond its margin, while that stands."""
    incident = observations.watch.open_incident(WATCHED, window.window.key) if observations.watch else None
    if incident is None or incident.light is not Light.MATERIAL:
        return None
    known = {other.window.key: other.name for other in observations.context.windows}
    return known.get(incident.opened, window.name)
