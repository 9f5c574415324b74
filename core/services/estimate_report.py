"""Estimates of every window as they may be shown: withheld where they can't be told, held against labels later."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from core.measure import Measure
from core.performance.estimated import PREFIX
from core.performance.refusal import Case, Refusal, missed, reasons, too_wide, withheld
from core.performance.track_record import Failure, failures
from core.services.concept import WATCHED
from core.services.observations import Context, Observations, WindowInfo

__all__ = ["EstimateReport", "judged_estimates", "nothing_estimated"]

Windows = Sequence[tuple[Measure, ...]]
Key = tuple[str, str]  # a measure's name once labels are in, and its class or group


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
    def keys(self) -> tuple[Key, ...]:
        """What is estimated: each measure by its name once labels are in, with its class or group, '' for all."""
        return tuple(dict.fromkeys(map(_key, (m for window in self.trend for m in window))))

    @property
    def names(self) -> tuple[str, ...]:
        """The measures over all classes that are estimated, by their names once labels are in."""
        return tuple(name for name, column in self.keys if not column)

    def series(self, name: str, column: str = "") -> tuple[Measure, ...]:
        """The estimates of one measure, by its name once labels are in; () if it isn't estimated."""
        return tuple(m for window in self.trend for m in window if _key(m) == (name, column))

    def coverage(self, name: str, column: str = "") -> tuple[int, int]:
        """In how many windows the labels came to lie in the estimate's interval, and among how many that is known."""
        known = [held for held in _held((name, column), self.promised, self.realised) if held is not None]
        return sum(known), len(known)

    def reasons(self, name: str, column: str = "") -> dict[str, tuple[WindowInfo, ...]]:
        """Why estimates of one measure are withheld, each reason with its windows."""
        found: dict[str, tuple[WindowInfo, ...]] = {}
        series = self.series(name, column)
        for place, (window, refusals) in enumerate(zip(self.context.windows, self.refusals, strict=True)):
            for refusal in refusals:
                if refusal.concerns(series[place]) if series else not refusal.measures:
                    found[refusal.words] = (*found.get(refusal.words, ()), window)
        return found


def nothing_estimated(context: Context, why: str) -> EstimateReport:
    """The report where there can be no estimate."""
    none = ((),) * len(context.windows)
    return EstimateReport(context=context, trend=none, promised=none, refusals=none, realised=none, why=why)


def judged_estimates(
    observations: Observations, estimates: Windows, realised: Windows, refusals: Sequence[Sequence[Refusal]]
) -> EstimateReport:
    """Estimates of every window as they may be shown.

    Withheld are those of a window that `refusals` has a cause for, and from the window on in which the watch
    found that outcomes don't follow the reference; those whose interval is wider than the schema allows; those of a
    measure whose past estimates missed too often. That outcomes moved at all is enough, within their margin too:
    an interval of an estimate allows for none.

    Parameters
    ----------
    estimates : one tuple of Measure a window
        Whether or not they may be shown.
    realised : one tuple of Measure a window
        What labels showed, () while they aren't in.
    refusals : one sequence of Refusal a window
        What is known of the window without labels.
    """
    context = observations.context
    keys = [_key(m) for m in estimates[0]] if estimates else []
    failed = {key: failures(_held(key, estimates, realised)) for key in keys}
    tolerances = {PREFIX + name: width for name, width in observations.schema.estimates.widest.items()}
    trend, promised, found = [], [], []
    for place, (window, measures) in enumerate(zip(context.windows, estimates, strict=True)):
        moved, n_known = _concept_moved(observations, window), _n_known(observations, place)
        known_then = moved is not None and moved in {w.window.key for w in context.windows[:n_known]}
        since = _name_of(context, moved, window)
        now, then = (
            _in_order(
                [
                    *refusals[place],
                    *reasons(concept_since=concept),
                    *too_wide(measures, tolerances),
                    *(_failed(failed, context, place, n_known=n) if concept is None else ()),
                ]
            )
            for concept, n in ((since, len(context.windows)), (since if known_then else None, n_known))
        )
        trend.append(withheld(measures, now))
        promised.append(withheld(measures, then))
        found.append(now)
    return EstimateReport(
        context=context,
        trend=tuple(trend),
        promised=tuple(promised),
        refusals=tuple(found),
        realised=tuple(realised),
    )


def _in_order(refusals: Sequence[Refusal]) -> tuple[Refusal, ...]:
    """What labels contradict comes first."""
    return tuple(sorted(refusals, key=lambda refusal: refusal.case is not Case.CONCEPT_CHANGED))


def _key(measure: Measure) -> Key:
    return measure.measure.removeprefix(PREFIX), measure.column


def _held(key: Key, estimates: Windows, realised: Windows) -> list[bool | None]:
    """Window by window, whether the interval holds what the labels showed; None where either is absent."""
    found: list[bool | None] = []
    for promised, shown in zip(estimates, realised, strict=True):
        interval = next((m.interval for m in promised if _key(m) == key), None)
        value = next((m.value for m in shown if (m.measure, m.column) == key), None)
        found.append(None if interval is None or value is None else interval.low <= value <= interval.high)
    return found


def _failed(
    failed: Mapping[Key, Sequence[Failure]], context: Context, place: int, *, n_known: int
) -> tuple[Refusal, ...]:
    """The measures whose estimates fail in a window, as far as the labels of the first `n_known` windows tell."""
    return tuple(
        missed(PREFIX + name, one, since=context.windows[one.since].name, column=column)
        for (name, column), stretches in failed.items()
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


def _name_of(context: Context, key: int | None, window: WindowInfo) -> str | None:
    known = {other.window.key: other.name for other in context.windows}
    return None if key is None else known.get(key, window.name)
