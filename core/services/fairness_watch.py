"""What the watch says of gaps: which groups' rates alarm, since when, and which can't be watched and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from core.alarms.watch import Light
from core.measure import Status
from core.services.observations import Observations, WindowInfo
from core.services.panel import GAPS, gap_key

__all__ = ["GapWatch", "gap_watches"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GapWatch:
    """A group's rate held against all others', window after window.

    `why`: what the verdict means, or why the gap can't be watched. `since`: the window in which what is out now
    left its margin. `alarms`: the places of the windows in which one was out, by the light that pages.
    """

    rate: str
    group: str
    status: Status
    why: str
    since: WindowInfo | None
    least_ratio: float | None
    alarms: tuple[int, ...]


def gap_watches(
    observations: Observations, attribute: str, *, decided: Sequence[WindowInfo], labelled: Sequence[WindowInfo]
) -> tuple[GapWatch, ...]:
    """Every gap of an attribute that is watched or listed with the reason why it isn't.

    Parameters
    ----------
    decided, labelled : sequences of WindowInfo
        What an audit of decisions and of labels rests on; the last of each is what is judged.
    """
    watch = observations.watch
    if watch is None or observations.context.arming.asks or not observations.context.arming.is_armed:
        return ()
    windows = observations.context.windows
    found = []
    for rate in GAPS:
        span = decided if rate == GAPS[0] else labelled
        for group in observations.spec.group_names(attribute):
            key = gap_key(rate, attribute, group)
            subject = watch.subjects.get(key)
            if subject is None or not span:
                continue
            status, why = observations.verdict(key, span[-1])
            out = [i for i in watch.incidents if i.subject == key and i.light is Light.MATERIAL]
            incident = watch.open_incident(key, span[-1].window.key)
            opened = incident.opened if incident is not None else None
            found.append(
                GapWatch(
                    rate=rate,
                    group=group,
                    status=status,
                    why=why,
                    since=next((each for each in windows if each.window.key == opened), None),
                    least_ratio=subject.least_ratio,
                    alarms=tuple(
                        place for place, each in enumerate(windows) if any(i.is_open_in(each.window.key) for i in out)
                    ),
                )
            )
    return tuple(found)
