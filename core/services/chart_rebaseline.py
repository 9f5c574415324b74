"""After an approved change: the period from which a new phase I could be made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from core.services.chart_marks import ChartMark
from core.services.chart_phases import Phase, PhaseRecord, Place
from core.services.chart_series import SeriesName, TimePoint
from core.spc.phases import LEAST_POINTS

__all__ = ["Rebaseline", "rebaseline_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebaseline:
    """A version came into force after phase I: from its first whole window on, the series could be held against itself.

    ``last`` is the newest complete window whose labels are in, where the series needs them; None before there is one.
    """

    version: str
    at: datetime
    first: Place | None
    last: Place | None
    n_points: int

    @property
    def is_ready(self) -> bool:
        """Whether there are points enough."""
        return self.n_points >= LEAST_POINTS

    @property
    def n_more(self) -> int:
        """How many more windows it takes."""
        return max(0, LEAST_POINTS - self.n_points)


def rebaseline_of(
    name: SeriesName,
    points: Sequence[tuple[TimePoint, Place, bool]],
    *,
    phase: Phase,
    marks: Sequence[ChartMark],
    history: Sequence[PhaseRecord],
) -> Rebaseline | None:
    """The new phase I that the last change of version suggests; None where there is none, or it was proposed before.

    Parameters
    ----------
    points : sequence of (TimePoint, Place, bool)
        The windows, as phases name them, and whether the series has a value there.
    phase : Phase
        In force.
    marks : sequence of ChartMark
        In the order of time: the first deployment replaces nothing, so it changes nothing.
    history : sequence of PhaseRecord
        Of this series.
    """
    changes = [mark for mark in marks if mark.is_deployment and mark.version][1:]
    if not changes:
        return None
    change = changes[-1]
    later = [
        (point, place)
        for point, place, has_value in points
        if not point.of_reference
        and has_value
        and point.window.window.start_at is not None
        and point.window.window.start_at >= change.at
        and point.window.is_complete
        and not name.waits(point.window)
    ]
    if phase.last.role == "production" and later and later[0][1].key <= phase.last.key:
        return None
    if not any(p.window.window.end_at is not None and p.window.window.end_at > change.at for p, _, _ in points):
        return None
    first = later[0][1] if later else None
    proposed = [record.phases[name.name].first for record in history if not record.step.holds_at_once]
    if first is not None and any(place.role == "production" and place.key >= first.key for place in proposed):
        return None
    return Rebaseline(
        version=change.version or "",
        at=change.at,
        first=first,
        last=later[-1][1] if later else None,
        n_points=len(later),
    )
