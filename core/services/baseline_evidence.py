"""What a proposal for another reference rests on: the new period held against the reference in force."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.alarms.watch import MIN_REFERENCE_WINDOWS, Light
from core.errors import InputError
from core.governance.alerts import LIVE
from core.services.alert_words import subject_words
from core.services.arming import Armed
from core.services.baseline import Period
from core.services.observations import Observations, Selection, WindowInfo
from core.services.stretch import Stretch, armed_sets, gaps_in, monitors_of, performance_in, size_of
from core.services.watch_report import policy_of
from core.storage.alerting import AlertRow
from core.storage.repository import Repository
from core.storage.tables import CountRow, ModelRow

__all__ = ["baseline_report"]

MOST_SERIES = 200


def baseline_report(session: Session, model: ModelRow, period: Period) -> tuple[dict[str, Any], tuple[WindowInfo, ...]]:
    """What evidence says, and the windows of the period.

    Raises
    ------
    InputError
        If nothing is watched yet, windows aren't stretches of time, or the period isn't made of whole windows of
        production that are complete and whose labels should be in.
    """
    observations = Observations.load(session, model, Selection())
    if observations is None or observations.watch is None or observations.context.shows_reference:
        raise InputError(f"{model.name} isn't watched yet: its first reference is taken in, not decided on.")
    context = observations.context
    if not context.unit_is_calendar:
        raise InputError("A reference period needs windows that are stretches of time; those of N rows have none.")
    windows = tuple(
        info
        for info in context.windows
        if info.window.start_at is not None
        and info.window.end_at is not None
        and info.window.start_at >= period.start_at
        and info.window.end_at <= period.end_at
    )
    _check_whole(context.windows, windows, period)
    keys = {info.window.key for info in windows}
    sets = armed_sets(session, observations, policy_of(session, model))
    series = sorted(
        (found for each in sets.values() for found in _series(each, keys)), key=lambda of: -abs(of["size"] or 0.0)
    )
    report = {
        "period": {
            "from": period.start_at.isoformat(),
            "to": period.end_at.isoformat(),
            "windows": [window.name for window in windows],
            **_rows(windows),
            "versions": _versions(session, model, observations, keys),
        },
        "reference": {
            "from": context.reference_from.isoformat() if context.reference_from else None,
            "to": context.reference_to.isoformat() if context.reference_to else None,
            "proposal": context.decided.proposal_id if context.decided else None,
            **_rows(context.reference_windows),
        },
        "least_windows": MIN_REFERENCE_WINDOWS,
        "n_series": len(series),
        "series": series[:MOST_SERIES],
        "alerts": list(_alerts(session, model, observations, keys)),
        "performance": performance_in(observations, windows, keys),
        "gaps": list(gaps_in(sets.values(), observations, keys)),
    }
    return report, windows


def _check_whole(known: tuple[WindowInfo, ...], windows: tuple[WindowInfo, ...], period: Period) -> None:
    """Raise InputError unless windows fill the period, and nothing of them is still to come."""
    if not windows:
        raise InputError(f"No whole window of production lies within {period.start_at} to {period.end_at}.")
    touched = [
        info.name
        for info in known
        if info not in windows
        and info.window.start_at is not None
        and info.window.end_at is not None
        and info.window.start_at < period.end_at
        and info.window.end_at > period.start_at
    ]
    if touched:
        raise InputError(f"The period cuts through {', '.join(touched[:3])}: name the first and the last whole window.")
    young = [info.name for info in windows if not (info.is_complete and info.is_mature)]
    if young:
        raise InputError(f"{young[0]} isn't complete yet, or its labels aren't old enough: end the period before it.")


def _rows(windows: tuple[WindowInfo, ...]) -> dict[str, Any]:
    return {
        "n_windows": len(windows),
        "n": sum(window.n for window in windows),
        "n_labelled": sum(window.n_labelled for window in windows),
    }


def _versions(session: Session, model: ModelRow, observations: Observations, keys: set[int]) -> list[str]:
    """The versions that served in the period."""
    repository = Repository(session)
    profile = next(p for p in repository.profiles(model) if p.digest == observations.context.profile_digest)
    query = select(CountRow.version).where(CountRow.profile_id == profile.id, CountRow.window.in_(keys)).distinct()
    return sorted(set(session.scalars(query)) & set(repository.versions(model)))


def _series(found: Armed, keys: set[int]) -> Iterator[dict[str, Any]]:
    """Every series of a set by that of its monitors which lies farthest from the reference in force."""
    places = tuple(place for place, window in enumerate(found.panel.windows) if window.key in keys)
    for number, subject in enumerate(found.panel.subjects):
        first = int(np.flatnonzero(found.watch.baseline.subject == number)[0])
        stretch = Stretch(armed=found, number=number, monitor=first, places=places)
        if stretch.is_gap:
            continue  # gaps are told apart
        sizes = [{"monitor": name, **size_of(each, places)} for name, each in monitors_of(stretch)]
        if sizes:
            leading = max(sizes, key=lambda of: abs(of["size"]))
            yield {"key": subject.key, "family": str(subject.family), **leading}


def _alerts(session: Session, model: ModelRow, observations: Observations, keys: set[int]) -> Iterator[dict[str, Any]]:
    """Alerts of which something was out in the period."""
    incidents = observations.watch.incidents if observations.watch else ()
    out: dict[int, list[str]] = {}
    for incident in incidents:
        is_inside = any(incident.is_open_in(key) for key in keys)
        if incident.alert is not None and incident.light is Light.MATERIAL and is_inside:
            out.setdefault(incident.alert, []).append(subject_words(incident.subject, incident.sign))
    for row in session.scalars(select(AlertRow).where(AlertRow.model_id == model.id, AlertRow.id.in_(out))):
        yield {
            "id": row.id,
            "title": row.title,
            "state": row.state,
            "is_live": row.state in LIVE,
            "words": sorted(set(out[row.id])),
        }
