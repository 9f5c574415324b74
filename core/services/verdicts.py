"""What every report says of a verdict: which is worst, whose it is, and since when it stands."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from core.measure import Measure, Status
from core.services.observations import Context, WindowInfo

__all__ = ["ALARMS", "SEVERITY", "located", "of_many", "since_when", "worst"]

ALARMS = (Status.CRITICAL, Status.WARNING)
SEVERITY = {Status.CRITICAL: 0, Status.WARNING: 1, Status.INSUFFICIENT: 2, Status.UNDEFINED: 3, Status.OK: 4}


def worst(statuses: Iterable[Status]) -> Status:
    """The verdict that speaks for several: an alarm first, then what can't be told, then stable."""
    return min(statuses, key=SEVERITY.__getitem__, default=Status.UNDEFINED)


def of_many(statuses: Iterable[Status]) -> Status:
    """The verdict on many that are alike, such as columns: an alarm first; stable only where most can be told."""
    known = list(statuses)
    found = worst(known)
    if found in ALARMS or not known:
        return found
    return Status.OK if 2 * known.count(Status.OK) > len(known) else Status.INSUFFICIENT


def located(measure: Measure, context: Context, window: WindowInfo | None) -> Measure:
    """The measure with the model, selection and window it is about."""
    return replace(
        measure,
        model=context.model,
        version=context.selection.version or "",
        segment=measure.segment or context.selection.segment,
        window=window.name if window else "",
        window_start=window.window.start_at if window else None,
        window_end=window.window.end_at if window else None,
    )


def since_when(trend: Sequence[Measure], windows: Sequence[WindowInfo], place: int) -> WindowInfo | None:
    """Where the unbroken run of alarms that reaches the window at `place` began; None if it has no alarm."""
    begin = place
    while begin >= 0 and trend[begin].status in ALARMS:
        begin -= 1
    return windows[begin + 1] if begin < place else None
