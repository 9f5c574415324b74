"""Where alarms began: runs of windows in which something alarmed without a break."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from core.measure import Family, Measure, Status
from core.services.observations import WindowInfo
from core.services.verdicts import ALARMS, SEVERITY, worst

__all__ = ["Alarm", "Subject", "begun"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What alarms as one: a family as a whole or one column of it, with its series, one measure a window each."""

    family: Family
    series: tuple[tuple[Measure, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """Subjects of one family whose runs of alarms began in the same window; the longest run ends in `last`.

    `measures` are those that alarmed during the runs, as each did first, the worst before the others.
    """

    family: Family
    status: Status
    measures: tuple[Measure, ...]
    first: WindowInfo
    last: WindowInfo


def begun(subjects: Sequence[Subject], windows: Sequence[WindowInfo]) -> tuple[Alarm, ...]:
    """Every run of alarms of every subject, those that began together as one, the earliest first."""
    runs: dict[tuple[int, int], list[tuple[Status, Measure, int]]] = {}
    families = list(Family)
    for subject in subjects:
        for first, last in _runs(subject.series):
            for series in subject.series:
                alarming = [measure for measure in series[first : last + 1] if measure.status in ALARMS]
                if alarming:
                    status = worst(measure.status for measure in alarming)
                    key = (first, families.index(subject.family))
                    runs.setdefault(key, []).append((status, alarming[0], last))
    return tuple(
        Alarm(
            family=families[family],
            status=worst(status for status, _, _ in found),
            measures=tuple(measure for _, measure, _ in sorted(found, key=lambda run: SEVERITY[run[0]])),
            first=windows[first],
            last=windows[max(last for _, _, last in found)],
        )
        for (first, family), found in sorted(runs.items())
    )


def _runs(series: Sequence[Sequence[Measure]]) -> Iterator[tuple[int, int]]:
    """The first and last place of each unbroken run of windows in which any of the series alarms."""
    is_out = [any(measure.status in ALARMS for measure in window) for window in zip(*series, strict=True)]
    first = None
    for place, out in enumerate([*is_out, False]):
        if out and first is None:
            first = place
        elif not out and first is not None:
            yield first, place - 1
            first = None
