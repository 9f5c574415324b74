"""What a proposal to accept a drift as harmless rests on: the series since it moved, and what happened beside it."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from core.alarms.baseline import SHARES, Baseline, Margin
from core.alarms.evidence import null_edges
from core.alarms.monitors import Kind
from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light
from core.errors import InputError
from core.governance.alerts import LIVE, AlertState
from core.measure import Family
from core.services.acceptance import Acceptance, incidents_of
from core.services.alert_words import subject_words
from core.services.arming import Armed
from core.services.observations import Observations, Selection, WindowInfo
from core.services.promise import WatchKind
from core.services.stretch import Stretch, armed_sets, gaps_in, monitors_of, performance_in, size_of
from core.services.watch_report import policy_of
from core.storage.alerting import AlertRow, IncidentRow, WatchRow
from core.storage.tables import ModelRow

__all__ = ["acceptance_report"]


def acceptance_report(
    session: Session, model: ModelRow, asked: Acceptance
) -> tuple[dict[str, Any], tuple[WindowInfo, ...]]:
    """What evidence says, and the windows that it says it of.

    Raises
    ------
    InputError
        If the alert isn't live, the series isn't in it, or the margin asked for is no wider than that in force.
    """
    alert = session.get(AlertRow, asked.alert)
    if alert is None or alert.model_id != model.id:
        raise InputError(f"{model.name} has no alert {asked.alert}: `plumbline alert list {model.name}` lists them.")
    if AlertState(alert.state) not in LIVE:
        raise InputError(f"Alert {alert.id} is {alert.state}: only what is open or acknowledged can be accepted.")
    fired = incidents_of(session, alert)
    incident = next((row for row in reversed(fired) if row.subject == asked.series), None)
    if incident is None:
        known = ", ".join(sorted({row.subject for row in fired})) or "nothing any more"
        raise InputError(f"{asked.series!r} is no series of alert {alert.id}, in which {known} fired.")
    observations = Observations.load(session, model, Selection())
    if observations is None:
        raise InputError(f"{model.name} has no reference: nothing can be accepted.")
    before = policy_of(session, model)
    after = asked.after(before)
    sets = armed_sets(session, observations, after)
    event = _event(sets.get(WatchKind(alert.kind)), incident, until=_returned(session, incident))
    windows = tuple(
        info
        for info in observations.context.windows
        if info.window.key in {event.armed.panel.windows[place].key for place in event.places}
    )
    margins = {"before": _margin_before(before, event), "after": event.armed.watch.margins[event.number]}
    if not _is_wider(margins["before"], margins["after"], event):
        raise InputError(
            f"The margin asked for of {asked.series} is no wider than that in force "
            f"({_margin_words(margins['before'], event)}): narrower ones are set on the page of the alarm policy."
        )
    keys = {info.window.key for info in windows}
    report = {
        "alert": {"id": alert.id, "title": alert.title, "state": alert.state, "evidence": alert.evidence_sha256},
        "series": {
            "key": asked.series,
            "family": incident.family,
            "words": subject_words(asked.series, incident.sign),
            "monitor": incident.monitor,
            "others": sorted({row.subject for row in fired if row.closed_window is None} - {asked.series}),
        },
        "event": _pooled(event),
        "windows": [_window(event, place) for place in event.places],
        "margin": {
            **{name: asdict(margin) for name, margin in margins.items()},
            "words_before": _margin_words(margins["before"], event),
            "words_after": _margin_words(margins["after"], event),
            **_covering(event),
        },
        "alarm_policy": {"before": before.digest, "after": after.digest},
        "performance": performance_in(observations, windows, keys),
        "gaps": list(gaps_in(sets.values(), observations, keys)),
    }
    return report, windows


def _returned(session: Session, incident: IncidentRow) -> int | None:
    """The window by which a series was back within its margin; None where it is out, or another watch took over."""
    is_judged = session.get_one(WatchRow, incident.watch_id).superseded_at is None
    return incident.closed_window if is_judged else None


def _event(found: Armed | None, incident: IncidentRow, *, until: int | None) -> Stretch:
    series = incident.subject
    keys = [] if found is None else [subject.key for subject in found.panel.subjects]
    if found is None or series not in keys:
        raise InputError(f"{series} isn't watched any more: there is nothing to accept.")
    number = keys.index(series)
    monitors = np.flatnonzero(found.watch.baseline.subject == number)
    names = found.panel.subjects[number].names
    place_of = names.index(incident.monitor) if incident.monitor in names else 0
    has_rows = found.panel.current.n[:, monitors[place_of]] > 0
    places = [
        place
        for place, window in enumerate(found.panel.windows)
        if window.key >= incident.opened_window
        and (until is None or window.key < until)
        and found.is_sealed[place]
        and has_rows[place]
    ]
    if not places:
        raise InputError(f"No window of {series} since it fired is complete: there is nothing to rest a decision on.")
    return Stretch(armed=found, number=number, monitor=int(monitors[place_of]), places=tuple(places))


def _window(event: Stretch, place: int) -> dict[str, Any]:
    """One window's value, and how far it is from what it is held against, with 95% intervals."""
    window = event.armed.panel.windows[place]
    return {
        "window": window.name,
        "window_start": window.start_at.isoformat() if window.start_at else None,
        "window_end": window.end_at.isoformat() if window.end_at else None,
        **size_of(event, [place]),
    }


def _pooled(event: Stretch) -> dict[str, Any]:
    """The event as a whole: when it was, and how far off all its windows together are."""
    first, last = (event.armed.panel.windows[place] for place in (event.places[0], event.places[-1]))
    return {
        "first": first.name,
        "last": last.name,
        "start": first.start_at.isoformat() if first.start_at else None,
        "end": last.end_at.isoformat() if last.end_at else None,
        "n_windows": len(event.places),
        **size_of(event, event.places),
        "monitors": [{"monitor": name, **size_of(other, event.places)} for name, other in monitors_of(event)],
    }


def _covering(event: Stretch) -> dict[str, Any]:
    """Whether what was seen lies within the margin asked for, and what would still be found beyond it."""
    watch, baseline = event.armed.watch, event.baseline
    own = watch.margins[event.number]
    pooled = size_of(event, event.places)
    if event.is_gap:
        low, high = sorted((pooled["value"], pooled["against"] or 0.0))
        outside = [] if low >= own.ratio * high or high - low <= own.points else [event.monitor]
        allowed, seen, is_blind = None, None, False
    else:
        chosen = list(event.places)
        n = np.maximum(event.armed.panel.current.n[chosen].sum(axis=0), 1.0)
        mean = event.armed.panel.current.total[chosen].sum(axis=0) / n
        highest, lowest = null_edges(baseline, watch.margins)
        inside = np.flatnonzero(baseline.subject == event.number)
        outside = [int(m) for m in inside if not lowest[m] <= mean[m] <= highest[m]]
        is_blind = all(_is_boundless(event, int(m), float(lowest[m]), float(highest[m])) for m in inside)
        allowed = _allowed(own, baseline, event.monitor)
        seen = max(abs(pooled["low"]), abs(pooled["high"]))
    first = int(np.flatnonzero(baseline.subject == event.number)[0])
    names = event.armed.panel.subjects[event.number].names
    found = float(watch.smallest_shifts(watch.horizon, Light.MATERIAL)[event.number])
    return {
        "outside": [names[m - first] for m in outside],
        "allowed": allowed,
        "seen": seen,
        "findable": found if math.isfinite(found) and not is_blind else None,
        "horizon": watch.horizon,
    }


def _is_boundless(event: Stretch, monitor: int, lowest: float, highest: float) -> bool:
    """Whether no mean of a monitor's scores can ever lie beyond these edges."""
    if int(event.baseline.kinds[monitor]) in SHARES:
        return lowest <= 0.0 and highest >= 1.0
    if int(event.baseline.kinds[monitor]) not in (Kind.LOCATION, Kind.SPREAD):
        return False
    first = int(np.argmax(event.baseline.subject == event.number))
    scores = event.armed.panel.subjects[event.number].scores[:, monitor - first]
    return bool(lowest <= scores.min() and highest >= scores.max())


def _allowed(margin: Margin, baseline: Baseline, monitor: int) -> float:
    """A margin in standard deviations of a row, of the monitor that led."""
    sigma = float(baseline.sigma[monitor])
    is_share = int(baseline.kinds[monitor]) in SHARES
    return max(margin.sd, margin.points / sigma if is_share and sigma > 0 else 0.0)


def _margin_before(policy: AlarmPolicy, event: Stretch) -> Margin:
    """The margin in force, as arming makes it."""
    subject, first = event.armed.panel.subjects[event.number], int(np.argmax(event.baseline.subject == event.number))
    if subject.family is Family.FAIRNESS:
        return policy.gap_margin(subject.key)
    return policy.margin(
        subject.key,
        column=subject.column,
        sigma=float(event.baseline.sigma[first]),
        value=event.armed.panel.margins.get(subject.key),
    )


def _is_wider(before: Margin, after: Margin, event: Stretch) -> bool:
    if event.is_gap:
        return after.ratio <= before.ratio and after.points >= before.points and after != before
    monitors = np.flatnonzero(event.baseline.subject == event.number)
    pairs = [[_allowed(margin, event.baseline, int(m)) for margin in (before, after)] for m in monitors]
    return all(new >= old for old, new in pairs) and any(new > old for old, new in pairs)


def _margin_words(margin: Margin, event: Stretch) -> str:
    if event.is_gap:
        return f"{margin.ratio:.3g} of the higher rate, or {100 * margin.points:.3g} points"
    if not margin.points:
        return f"{margin.sd:.3g} sd"
    return f"{margin.sd:.3g} sd, of shares {100 * margin.points:.3g} points if that is more"
