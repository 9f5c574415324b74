"""Performance before labels come, window by window; withheld where it can't be told, and held against labels later."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.measure import Measure
from core.performance.binary import BinaryCounts
from core.performance.estimated import N_DRAWS, PREFIX, calibration_of, estimate_binary, residual_correlation
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

    `refusals` has one entry a window. `promised` are the estimates as they stood before a window's own labels came:
    these tell what estimates are worth, also where `trend` has taken them back since. `realised` holds the same
    measures from labels, where a window's are in. `why`: why there is no estimate at all, '' if there may be.
    """

    context: Context
    trend: tuple[tuple[Measure, ...], ...]
    promised: tuple[tuple[Measure, ...], ...]
    refusals: tuple[tuple[Refusal, ...], ...]
    realised: tuple[tuple[Measure, ...], ...]
    why: str = ""

    def series(self, name: str) -> tuple[Measure, ...]:
        """The estimates of one measure, by its name once labels are in; () if it isn't estimated."""
        return tuple(m for window in self.trend for m in window if m.measure == PREFIX + name)

    def coverage(self, name: str) -> tuple[int, int]:
        """In how many windows the labels came to lie in the estimate's interval, and among how many that is known."""
        held = []
        for estimates, realised in zip(self.promised, self.realised, strict=True):
            promised = next((m for m in estimates if m.measure == PREFIX + name), None)
            shown = next((m for m in realised if m.measure == name and not m.column), None)
            if promised is None or promised.interval is None or shown is None or shown.value is None:
                continue
            held.append(promised.interval.low <= shown.value <= promised.interval.high)
        return sum(held), len(held)


def estimate_report(observations: Observations) -> EstimateReport:
    """What will each window's labels show, if outcomes follow the score as they did on the reference?

    An estimate is withheld from the window on in which the watch found that they don't, where the reference has
    too few rows of such scores, and where its own labels depend on what was decided. That outcomes moved at all is
    enough, within their margin too: an interval of an estimate allows for none.
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
    rates = calibration.draws(N_DRAWS, _rng(context, 0))  # the same for all windows: what is unknown of the reference
    trend, promised, refusals, realised = [], [], [], []
    for window in context.windows:
        counts = _binary(observations, [window])
        rng = _rng(context, window.window.key)
        found = estimate_binary(calibration, counts, rng=rng, rates=rates, correlation=correlation)
        found = tuple(located(measure, context, window) for measure in found)
        support, moved = support_of(reference, counts), _concept_moved(observations, window)
        why = reasons(support=support, concept_since=_name_of(context, moved, window), selective=selective)
        by_then = why if moved is None or moved < window.window.key else reasons(support=support, selective=selective)
        trend.append(withheld(found, why))
        promised.append(withheld(found, by_then))
        refusals.append(why)
        is_known = window.is_mature and window.n_labelled
        realised.append(tuple(located(m, context, window) for m in performance(counts)) if is_known else ())
    return EstimateReport(
        context=context,
        trend=tuple(trend),
        promised=tuple(promised),
        refusals=tuple(refusals),
        realised=tuple(realised),
    )


def _nothing(context: Context, why: str) -> EstimateReport:
    none = ((),) * len(context.windows)
    return EstimateReport(context=context, trend=none, promised=none, refusals=none, realised=none, why=why)


def _binary(observations: Observations, windows: Sequence[WindowInfo], *, of_reference: bool = False) -> BinaryCounts:
    counts = observations.outcomes_of([window.window.key for window in windows], of_reference=of_reference)
    if not isinstance(counts, BinaryCounts):
        raise TypeError(f"expected the counts of a binary model, got {type(counts).__name__}")
    return counts


def _concept_moved(observations: Observations, window: WindowInfo) -> int | None:
    """The key of the window whose labels contradicted the reference, while that stands."""
    incidents = observations.watch.incidents if observations.watch else ()
    key = window.window.key
    return min((i.opened for i in incidents if i.subject == WATCHED and i.is_open_in(key)), default=None)


def _rng(context: Context, key: int) -> np.random.Generator:
    """The same draws whenever a report is made of the same profile."""
    return np.random.default_rng([int(context.profile_digest[:8], 16), abs(key)])


def _name_of(context: Context, key: int | None, window: WindowInfo) -> str | None:
    known = {other.window.key: other.name for other in context.windows}
    return None if key is None else known.get(key, window.name)
