"""Changes of phase I: another period, points left out or taken back, and the limits that these give."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from core.errors import InputError, UnknownNameError
from core.services.chart_assembly import phase_of, place_of
from core.services.chart_options import ChartOptions
from core.services.chart_phases import Exclusion, Phase, PhaseRecord, Place, in_force
from core.services.chart_series import SeriesName, SeriesSource
from core.spc.phases import LEAST_POINTS

__all__ = ["changed_phases", "find_window"]


def find_window(source: SeriesSource, window: str) -> Place:
    """A window by its name; 'reference/2026-W02' where both reference and production have it."""
    places = [place_of(point) for point in source.points]
    role, _, name = window.rpartition("/") if window.startswith(("reference/", "production/")) else ("", "", window)
    found = [place for place in places if place.name == name and role in ("", place.role)]
    if len(found) > 1:
        raise InputError(f"Both reference and production have {name}: write reference/{name} or production/{name}.")
    if not found:
        raise UnknownNameError("window", window, [place.name for place in places])
    return found[0]


def changed_phases(
    source: SeriesSource,
    series: str | None,
    records: Sequence[PhaseRecord],
    options: ChartOptions,
    *,
    period: tuple[Place, Place] | None = None,
    exclude: tuple[Exclusion, ...] = (),
    include: tuple[Place, ...] = (),
) -> dict[str, Phase]:
    """Phase I of one series or of all, changed and fitted anew; of all, those that can't be are left as they are."""
    names = list(source.names) if series is None else [_named(source, series)]
    found: dict[str, Phase] = {}
    for name in names:
        phase = _changed(source, name, records, options, period=period, exclude=exclude, include=include)
        if isinstance(phase, Phase):
            found[name.name] = phase
        elif series is not None:
            raise InputError(phase)
    if not found:
        raise InputError(f"No series of this model has {LEAST_POINTS} points there, so nothing was changed.")
    return found


def _named(source: SeriesSource, series: str) -> SeriesName:
    name = source.find(series)
    if name is None:
        raise UnknownNameError("series", series, [])
    return name


def _changed(
    source: SeriesSource,
    name: SeriesName,
    records: Sequence[PhaseRecord],
    options: ChartOptions,
    *,
    period: tuple[Place, Place] | None,
    exclude: tuple[Exclusion, ...],
    include: tuple[Place, ...],
) -> Phase | str:
    """The new phase I of one series, or why it can't be made."""
    record = in_force(records, name.name)
    series = source.series(name)
    before, base = phase_of(source, name, series=series, record=record, options=options)
    known = {e.place.order for e in before.exclusions}
    inside = {place_of(p).order for p, is_in in zip(source.points, base, strict=True) if is_in}
    for exclusion in exclude:
        if exclusion.place.order not in inside:
            return f"{exclusion.place.name} is no point of this phase I of {name.name}."
    for place in include:
        if place.order not in known:
            return f"{place.name} is not left out of this phase I of {name.name}."
    back = {place.order for place in include}
    kept = tuple(e for e in before.exclusions if e.place.order not in back)
    if period is not None:
        kept = ()
    after, base = phase_of(
        source,
        name,
        series=series,
        record=record,
        options=options,
        period=period or (before.first, before.last),
        exclusions=(*kept, *exclude),
    )
    n = int(np.count_nonzero(base))
    if period is not None and n:  # labels that come later are no part of it
        after = replace(after, last=place_of(source.points[int(np.flatnonzero(base)[-1])]))
    if n < LEAST_POINTS:
        return f"That leaves {n} points of {name.name} in phase I; {LEAST_POINTS} are the least for limits."
    return after
