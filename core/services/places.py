"""Where a column moved: in which segments, in which versions, and when a version was deployed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.drift.places import Where, deployment_shift, where_moved
from core.profile.spec import column_table
from core.record import BatchRole
from core.services.observations import Observations, WindowInfo
from core.services.panel import subject_key
from core.storage.counts import load_counts
from core.storage.repository import Repository
from core.storage.tables import ProfileRow

__all__ = ["Deployed", "Places", "places_of"]

Ints = NDArray[np.int64]

BESIDE = 7  # windows on each side of a deployment


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployed:
    """A version's first window, and whether the column moved between the windows before it and those after."""

    version: str
    window: WindowInfo
    where: Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Of one column: by segment column, by version, and at each deployment."""

    column: str
    segments: Mapping[str, Where]
    versions: Where | None
    deployments: tuple[Deployed, ...]


def places_of(session: Session, profile: ProfileRow, observations: Observations, column: str) -> Places:
    """In which places has a column moved in the window looked at? Asked once, so apart from alarms."""
    context, spec = observations.context, observations.spec
    bins, focus = spec.columns[column], context.focus
    if focus is None or context.shows_reference:
        return Places(column=column, segments={}, versions=None, deployments=())
    subject = observations.watch.subjects.get(subject_key("values", column)) if observations.watch else None
    dispersion = max(1.0, (subject.dispersion or 1.0) if subject else 1.0)

    def counts(role: BatchRole, keys: Sequence[int] | None, *, segment: str = "", version: str | None = None) -> Ints:
        is_reference = role is BatchRole.REFERENCE
        stored = load_counts(
            session,
            profile_id=profile.id,
            role=BatchRole.BASELINE if is_reference and context.decided is not None else role,
            batch_ids=observations.held_against if is_reference else None,
            segment=segment,
            version=version,
            names=[column_table(column)],
        )
        return stored.count(column_table(column), stored.windows if keys is None else keys, bins.size)

    here = [focus.window.key]
    segments = {}
    for name in spec.segments:
        values = [value for value in spec.segment_values(name) if name != column]
        before = {value: counts(BatchRole.REFERENCE, None, segment=f"{name}={value}") for value in values}
        now = {value: counts(BatchRole.PRODUCTION, here, segment=f"{name}={value}") for value in values}
        used = [value for value in values if before[value].sum() or now[value].sum()]
        if len(used) > 1:
            pairs = {v: before[v] for v in used}, {v: now[v] for v in used}
            segments[name] = where_moved(*pairs, bins, dispersion=dispersion)
    versions = Repository(session).versions(Repository(session).model(context.model))
    by_version = {
        name: load_counts(
            session, profile_id=profile.id, role=BatchRole.PRODUCTION, version=name, names=[column_table(column)]
        )
        for name in versions
    }
    served = {name: stored.count(column_table(column), here, bins.size) for name, stored in by_version.items()}
    served = {name: table for name, table in served.items() if table.sum()}
    reference = observations.reference_column(column)
    of_versions = where_moved(dict.fromkeys(served, reference), served, bins, dispersion=dispersion) if served else None
    firsts = {name: min(stored.windows) for name, stored in by_version.items() if stored.windows}
    return Places(
        column=column,
        segments=segments,
        versions=of_versions,
        deployments=tuple(_deployments(observations, column, firsts, dispersion)),
    )


def _deployments(
    observations: Observations, column: str, firsts: Mapping[str, int], dispersion: float
) -> Sequence[Deployed]:
    """Every version but those that were there from the beginning, by the window it was first seen in."""
    windows = observations.context.windows
    places = {window.window.key: place for place, window in enumerate(windows)}
    found = []
    for version, key in sorted(firsts.items(), key=lambda pair: pair[1]):
        place = places.get(key, 0)
        before, after = windows[max(0, place - BESIDE) : place], windows[place : place + BESIDE]
        if before:
            where = deployment_shift(
                observations.column(column, before),
                observations.column(column, after),
                observations.spec.columns[column],
                version=version,
                n_before=len(before),
                n_after=len(after),
                dispersion=dispersion,
            )
            found.append(Deployed(version=version, window=windows[place], where=where))
    return found
