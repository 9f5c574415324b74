"""Performance before labels come, window by window; withheld where it can't be told, and held against labels later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from core.measure import Measure
from core.performance.binary import BinaryCounts
from core.performance.estimated import N_DRAWS, PREFIX, calibration_of, estimate_binary, residual_correlation
from core.performance.refusal import Refusal, labels_by_decision, missed, reasons, support_of, too_wide, withheld
from core.performance.track_record import Failure, failures
from core.schema import Task
from core.services.concept import WATCHED
from core.services.observations import Context, Observations, WindowInfo
from core.services.performance import performance
from core.services.verdicts import located

__all__ = ["EstimateReport", "estimate_report"]

NOT_MADE = "Estimates without labels are made for binary models."

Windows = Sequence[tuple[Measure, ...]]


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

    @property
    def names(self) -> tuple[str, ...]:
        """The measures that are estimated, by their names once labels are in."""
        return tuple(dict.fromkeys(m.measure.removeprefix(PREFIX) for window in self.trend for m in window))

    def series(self, name: str) -> tuple[Measure, ...]:
        """The estimates of one measure, by its name once labels are in; () if it isn't estimated."""
        return tuple(m for window in self.trend for m in window if m.measure == PREFIX + name)

    def coverage(self, name: str) -> tuple[int, int]:
        """In how many windows the labels came to lie in the estimate's interval, and among how many that is known."""
        known = [held for held in _held(name, self.promised, self.realised) if held is not None]
        return sum(known), len(known)

    def reasons(self, name: str) -> dict[str, tuple[WindowInfo, ...]]:
        """Why estimates of one measure are withheld, each reason with its windows."""
        found: dict[str, tuple[WindowInfo, ...]] = {}
        for window, refusals in zip(self.context.windows, self.refusals, strict=True):
            for refusal in refusals:
                if not refusal.measures or PREFIX + name in refusal.measures:
                    found[refusal.words] = (*found.get(refusal.words, ()), window)
        return found


def estimate_report(observations: Observations) -> EstimateReport:
    """What will each window's labels show, if outcomes follow the score as they did on the reference?

    An estimate is withheld from the window on in which the watch found that they don't, where the reference has
    too few rows of such scores, where its own labels depend on what was decided, where its interval is wider than
    the schema allows, and where past estimates of the measure missed too often. That outcomes moved at all is
    enough, within their margin too: an interval of an estimate allows for none.
    """
    context = observations.context
    reference = observations.reference_outcomes()
    if observations.spec.task is not Task.BINARY or not isinstance(reference, BinaryCounts):
        return _nothing(context, NOT_MADE)
    if context.shows_reference:
        return _nothing(context, "There are no production records yet to estimate the performance of.")
    estimates = _estimates(observations, reference)
    if estimates is None:
        return _nothing(context, " ".join(refusal.words for refusal in reasons(has_scores=False)))
    realised = tuple(_realised(observations, window) for window in context.windows)
    names = tuple(m.measure for m in estimates[0]) if estimates else ()
    failed = {name: failures(_held(name.removeprefix(PREFIX), estimates, realised)) for name in names}
    selective, widest = labels_by_decision(reference), observations.schema.estimates.widest
    trend, promised, refusals = [], [], []
    for place, (window, found) in enumerate(zip(context.windows, estimates, strict=True)):
        support = support_of(reference, _binary(observations, window))
        wide = too_wide(found, {PREFIX + name: width for name, width in widest.items()})
        moved, n_known = _concept_moved(observations, window), _n_known(observations, place)
        known_then = moved is not None and moved in {w.window.key for w in context.windows[:n_known]}
        since = _name_of(context, moved, window)
        found_now, found_then = (
            (
                *reasons(support=support, concept_since=concept, selective=selective),
                *wide,
                *(_failed(failed, context, place, n_known=n) if concept is None else ()),
            )
            for concept, n in ((since, len(context.windows)), (since if known_then else None, n_known))
        )
        trend.append(withheld(found, found_now))
        promised.append(withheld(found, found_then))
        refusals.append(found_now)
    return EstimateReport(
        context=context,
        trend=tuple(trend),
        promised=tuple(promised),
        refusals=tuple(refusals),
        realised=realised,
    )


def _nothing(context: Context, why: str) -> EstimateReport:
    none = ((),) * len(context.windows)
    return EstimateReport(context=context, trend=none, promised=none, refusals=none, realised=none, why=why)


def _estimates(observations: Observations, reference: BinaryCounts) -> Windows | None:
    """The estimates of every window, whether or not they may be shown; None without a score."""
    calibration = calibration_of(reference)
    if calibration is None:
        return None
    context = observations.context
    parts = [_binary(observations, window, of_reference=True) for window in context.reference_windows]
    correlation = residual_correlation(calibration, parts)
    rates = calibration.draws(N_DRAWS, _rng(context, 0))  # the same for all windows: what is unknown of the reference
    cost = observations.costs.of_row(reference.classes, reference.positive) if observations.costs else None
    found = []
    for window in context.windows:
        measures = estimate_binary(
            calibration,
            _binary(observations, window),
            rng=_rng(context, window.window.key),
            rates=rates,
            correlation=correlation,
            cost=cost,
        )
        found.append(tuple(located(measure, context, window) for measure in measures))
    return found


def _realised(observations: Observations, window: WindowInfo) -> tuple[Measure, ...]:
    """What a window's labels showed; () while they aren't in."""
    if not window.is_mature or not window.n_labelled:
        return ()
    found = performance(_binary(observations, window), observations.costs)
    return tuple(located(measure, observations.context, window) for measure in found)


def _binary(observations: Observations, window: WindowInfo, *, of_reference: bool = False) -> BinaryCounts:
    counts = observations.outcomes_of([window.window.key], of_reference=of_reference)
    if not isinstance(counts, BinaryCounts):
        raise TypeError(f"expected the counts of a binary model, got {type(counts).__name__}")
    return counts


def _held(name: str, estimates: Windows, realised: Windows) -> list[bool | None]:
    """Window by window, whether the interval holds what the labels showed; None where either is absent."""
    found: list[bool | None] = []
    for promised, shown in zip(estimates, realised, strict=True):
        interval = next((m.interval for m in promised if m.measure == PREFIX + name), None)
        value = next((m.value for m in shown if m.measure == name and not m.column), None)
        found.append(None if interval is None or value is None else interval.low <= value <= interval.high)
    return found


def _failed(
    failed: Mapping[str, Sequence[Failure]], context: Context, place: int, *, n_known: int
) -> tuple[Refusal, ...]:
    """The measures whose estimates fail in a window, as far as the labels of the first `n_known` windows tell."""
    return tuple(
        missed(name, one, since=context.windows[one.since].name)
        for name, stretches in failed.items()
        for one in stretches
        if one.known < n_known and one.since <= place and (one.until is None or place < one.until)
    )


def _n_known(observations: Observations, place: int) -> int:
    """Of how many windows labels were due when a window ended; of windows of N rows, all before it."""
    windows = observations.context.windows
    end = windows[place].window.end_at
    if end is None:
        return place
    delay = timedelta(days=observations.schema.labels.delay_days)
    return sum(other.window.end_at is not None and other.window.end_at + delay <= end for other in windows[:place])


def _concept_moved(observations: Observations, window: WindowInfo) -> int | None:
    """The key of the first window whose labels contradicted the reference, while that stands."""
    incidents = observations.watch.incidents if observations.watch else ()
    key = window.window.key
    return min((i.opened for i in incidents if i.subject == WATCHED and i.is_open_in(key)), default=None)


def _rng(context: Context, key: int) -> np.random.Generator:
    """The same draws whenever a report is made of the same profile."""
    return np.random.default_rng([int(context.profile_digest[:8], 16), abs(key)])


def _name_of(context: Context, key: int | None, window: WindowInfo) -> str | None:
    known = {other.window.key: other.name for other in context.windows}
    return None if key is None else known.get(key, window.name)
