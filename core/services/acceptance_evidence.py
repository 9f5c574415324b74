"""What a proposal to accept a drift as harmless rests on: the series since it moved, and what happened beside it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.alarms.baseline import GAPS, SHARES, Baseline, Margin
from core.alarms.evidence import null_edges
from core.alarms.monitors import Kind
from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light
from core.errors import InputError
from core.governance.alerts import LIVE, AlertState
from core.measure import Family, Measure
from core.performance.identified import Basis, basis_of
from core.services.acceptance import Acceptance, incidents_of
from core.services.alert_words import subject_words
from core.services.arming import Armed, armed
from core.services.observations import Observations, Selection, WindowInfo
from core.services.performance import PRIMARY, performance_over
from core.services.promise import WatchKind
from core.services.watch_report import policy_of
from core.stats.intervals import newcombe_difference
from core.storage.alerting import AlertRow, IncidentRow, WatchRow
from core.storage.tables import ModelRow

__all__ = ["LOWER_IS_BETTER", "acceptance_report"]

Ints = NDArray[np.int64]
Z = 1.959964
LOWER_IS_BETTER = frozenset({"mae", "rmse", "brier_score", "log_loss"})
IN_ALARM = (Family.PERFORMANCE, Family.CONCEPT_DRIFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """A series of an alert from the window that it fired in on: where it stands in what is armed."""

    armed: Armed
    number: int
    monitor: int
    places: tuple[int, ...]

    @property
    def baseline(self) -> Baseline:
        return self.armed.watch.baseline

    @property
    def is_gap(self) -> bool:
        return bool(self.baseline.kinds[self.monitor] in GAPS)


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
    sets = {kind: found for kind in WatchKind if (found := _armed(session, observations, after, kind)) is not None}
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
        "performance": _performance(observations, windows, keys),
        "gaps": [gap for found in sets.values() for gap in _gaps(found, observations, keys)],
    }
    return report, windows


def _armed(session: Session, observations: Observations, policy: AlarmPolicy, kind: WatchKind) -> Armed | None:
    """One set under a policy; why its series can't alarm is taken from the watch, as margins don't change it."""
    subjects = observations.watch.subjects if observations.watch else {}
    why_not = {key: subject.why_not for key, subject in subjects.items() if subject.set is kind}
    return armed(session, observations, policy, kind, why_not=why_not or None)


def _returned(session: Session, incident: IncidentRow) -> int | None:
    """The window by which a series was back within its margin; None where it is out, or another watch took over."""
    is_judged = session.get_one(WatchRow, incident.watch_id).superseded_at is None
    return incident.closed_window if is_judged else None


def _event(found: Armed | None, incident: IncidentRow, *, until: int | None) -> _Event:
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
    return _Event(armed=found, number=number, monitor=int(monitors[place_of]), places=tuple(places))


def _window(event: _Event, place: int) -> dict[str, Any]:
    """One window's value, and how far it is from what it is held against, with 95% intervals."""
    window = event.armed.panel.windows[place]
    return {
        "window": window.name,
        "window_start": window.start_at.isoformat() if window.start_at else None,
        "window_end": window.end_at.isoformat() if window.end_at else None,
        **_size(event, [place]),
    }


def _pooled(event: _Event) -> dict[str, Any]:
    """The event as a whole: when it was, and how far off all its windows together are."""
    first, last = (event.armed.panel.windows[place] for place in (event.places[0], event.places[-1]))
    return {
        "first": first.name,
        "last": last.name,
        "start": first.start_at.isoformat() if first.start_at else None,
        "end": last.end_at.isoformat() if last.end_at else None,
        "n_windows": len(event.places),
        **_size(event, event.places),
        "monitors": [{"monitor": name, **_size(other, event.places)} for name, other in _monitors(event)],
    }


def _monitors(event: _Event) -> Iterator[tuple[str, _Event]]:
    """The series by each of its monitors."""
    monitors = np.flatnonzero(event.baseline.subject == event.number)
    if event.is_gap:  # that of all others stands beside it
        monitors = monitors[:1]
    current = event.armed.panel.current
    for name, monitor in zip(event.armed.panel.subjects[event.number].names, monitors.tolist(), strict=False):
        if current.n[list(event.places), monitor].sum() > 0:
            yield name, replace(event, monitor=monitor)


def _size(event: _Event, places: Sequence[int]) -> dict[str, Any]:
    """How far windows together lie from the reference, in sd of a row; of a gap, from all others in the same windows.

    The interval allows for how windows differ, for what one remembers of the one before, and for the reference's
    own error.
    """
    baseline, monitor, current = event.baseline, event.monitor, event.armed.panel.current
    chosen = list(places)
    n, total = current.n[chosen, monitor], current.total[chosen, monitor]
    rows, value = float(n.sum()), float(total.sum() / n.sum())
    if event.is_gap:
        others, k = float(current.n[chosen, monitor + 1].sum()), float(current.total[chosen, monitor + 1].sum())
        between = newcombe_difference(round(total.sum()), round(rows), round(k), round(others)) if others else None
        return {
            "n": rows,
            "value": value,
            "against": k / others if others else None,
            "size": value - k / others if others else None,
            "low": between.low if between else None,
            "high": between.high if between else None,
            "unit": "difference of rates",
            "is_share": True,
        }
    season = 0.0 if baseline.season is None else baseline.season[event.armed.phases[chosen], monitor]
    against = float((n * (baseline.mean[monitor] + season)).sum() / rows)
    sigma = float(baseline.sigma[monitor]) or 1.0
    spread = np.array([baseline.dispersion(np.full(baseline.mean.size, each))[monitor] for each in n])
    long_run = float(baseline.long_run[monitor])
    of_reference = float(baseline.dispersion(baseline.n_around)[monitor]) / max(float(baseline.n[monitor]), 1.0)
    half = Z * math.sqrt(long_run * (float((n * spread).sum()) / rows**2 + of_reference))
    size = (value - against) / sigma
    return {
        "n": rows,
        "value": value,
        "against": against,
        "size": size,
        "low": size - half,
        "high": size + half,
        "unit": "sd",
        "is_share": int(baseline.kinds[monitor]) in SHARES,
    }


def _covering(event: _Event) -> dict[str, Any]:
    """Whether what was seen lies within the margin asked for, and what would still be found beyond it."""
    watch, baseline = event.armed.watch, event.baseline
    own = watch.margins[event.number]
    pooled = _size(event, event.places)
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


def _is_boundless(event: _Event, monitor: int, lowest: float, highest: float) -> bool:
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


def _margin_before(policy: AlarmPolicy, event: _Event) -> Margin:
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


def _is_wider(before: Margin, after: Margin, event: _Event) -> bool:
    if event.is_gap:
        return after.ratio <= before.ratio and after.points >= before.points and after != before
    monitors = np.flatnonzero(event.baseline.subject == event.number)
    pairs = [[_allowed(margin, event.baseline, int(m)) for margin in (before, after)] for m in monitors]
    return all(new >= old for old, new in pairs) and any(new > old for old, new in pairs)


def _margin_words(margin: Margin, event: _Event) -> str:
    if event.is_gap:
        return f"{margin.ratio:.3g} of the higher rate, or {100 * margin.points:.3g} points"
    if not margin.points:
        return f"{margin.sd:.3g} sd"
    return f"{margin.sd:.3g} sd, of shares {100 * margin.points:.3g} points if that is more"


def _performance(observations: Observations, windows: Sequence[WindowInfo], keys: set[int]) -> dict[str, Any]:
    """What performance did in the same windows: measured where labels are in, and what is in alarm there."""
    labelled = [window for window in windows if window.is_mature and window.n_labelled]
    incidents = observations.watch.incidents if observations.watch else ()
    words = [
        subject_words(incident.subject, incident.sign)
        for incident in incidents
        if incident.family in IN_ALARM and any(incident.is_open_in(key) for key in keys)
    ]
    measures = performance_over(observations, labelled) if labelled else ()
    subjects = observations.watch.subjects if observations.watch else {}
    watched = {key.partition("/")[2] for key, of in subjects.items() if of.family is Family.PERFORMANCE}
    told = {*watched, *PRIMARY[observations.schema.task]}
    return {
        "n": sum(window.n for window in windows),
        "n_labelled": sum(window.n_labelled for window in windows),
        "n_windows": len(windows),
        "n_windows_labelled": len(labelled),
        "windows": [window.name for window in labelled],
        "alarms": sorted(set(words)),
        "measures": [_measured(measure) for measure in measures if not measure.column and measure.measure in told],
    }


def _measured(measure: Measure) -> dict[str, Any]:
    """A measure over the event with the interval of its change."""
    return {
        **measure.to_dict(),
        "change_low": measure.change.low if measure.change else None,
        "change_high": measure.change.high if measure.change else None,
        "is_of_all_rows": basis_of(measure) is Basis.OBSERVED,
    }


def _gaps(found: Armed, observations: Observations, keys: set[int]) -> Iterator[Mapping[str, Any]]:
    """Every gap that is watched, over the same windows and in the reference."""
    incidents = observations.watch.incidents if observations.watch else ()
    current, baseline = found.panel.current, found.watch.baseline
    places = [
        place for place, window in enumerate(found.panel.windows) if window.key in keys and found.is_sealed[place]
    ]
    for number, subject in enumerate(found.panel.subjects):
        if subject.family is not Family.FAIRNESS or number in found.watch.why_not:
            continue
        group = int(np.flatnonzero(baseline.subject == number)[0])
        n, k = ([round(float(of[places, m].sum())) for m in (group, group + 1)] for of in (current.n, current.total))
        told = newcombe_difference(k[0], n[0], k[1], n[1]) if all(n) else None
        yield {
            "key": subject.key,
            "n": n[0],
            "value": k[0] / n[0] if n[0] else None,
            "others": k[1] / n[1] if n[1] else None,
            "difference": k[0] / n[0] - k[1] / n[1] if all(n) else None,
            "low": told.low if told else None,
            "high": told.high if told else None,
            "reference": float(baseline.mean[group] - baseline.mean[group + 1]),
            "is_out": any(i.subject == subject.key and any(i.is_open_in(key) for key in keys) for i in incidents),
        }
