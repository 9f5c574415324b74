"""Keep the watch up with the counts: seal windows, settle their bets, and note what fires."""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.alarms.detector import Detection, Incident
from core.alarms.watch import Light
from core.governance.alerts import AlertMove
from core.governance.identity import Actor
from core.profile.windows import Window
from core.record import BatchRole
from core.services.alert_evidence import Firing, Settling, note_move, open_alerts
from core.services.arming import Armed, armed, content_of
from core.services.observations import Observations, Selection, counted_state, profile_of
from core.services.subjects import WatchKind
from core.services.watch_report import policy_of
from core.storage.alerting import AlertRow, IncidentRow, WatchRow, WatchWindowRow
from core.storage.database import Database
from core.storage.repository import Repository
from core.storage.tables import ModelRow, ProfileRow

__all__ = ["WatchService", "unpacked_wealth", "watches_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FORMAT = "1"  # of what a watch keeps: another one arms anew


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchService:
    """Writes what is watched; other services call it after they have counted."""

    database: Database
    clock: Callable[[], datetime]

    def update(self, actor: Actor, model: str) -> None:
        """Arm what isn't armed, seal what is complete, note what fired; nothing where nothing is new."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            policy = policy_of(session, row)
            mark = _digest(FORMAT, counted_state(session, row), policy.digest)
            watches = watches_of(session, row)
            if watches and all(watch.mark == mark for watch in watches):
                return
            observations = Observations.load(session, row, Selection())
            if observations is None:
                return
            profile = profile_of(session, row, observations)
            sets = [armed(session, observations, policy, kind) for kind in WatchKind]
            labelled = _labels_of_reference(session, row, profile)
        for found in sets:
            if found is not None:
                rests_on = labelled if found.kind is WatchKind.MATURED else ""
                basis = _digest(FORMAT, profile.digest, policy.digest, found.kind, rests_on)
                with self.database.write(f"model {row.id}") as session:
                    watch = _watch(session, actor, row, (profile, found, basis), now=self.clock())
                    settling = Settling(
                        session=session,
                        actor=actor.name,
                        model=row,
                        profile=profile,
                        found=found,
                        watch=watch,
                        now=self.clock(),
                    )
                    _settle(settling)
                    watch.mark = mark


def _settle(settling: Settling) -> None:
    """Seal what is complete: keep what the bets won there, and what fires."""
    session, found, watch = settling.session, settling.found, settling.watch
    places = [place for place, window in enumerate(found.panel.windows) if _counts(watch, found, place, window)]
    if not places:
        return
    log_e, digests = found.log_e_values(), found.digests()
    stored = {row.window: row for row in _windows_of(session, watch)}
    rows = []
    for place in places:
        window = found.panel.windows[place].key
        row = stored.get(window)
        if row is not None and row.counts_sha256 == digests[place]:
            log_e[:, place] = _unpacked(row.log_e, log_e[:, place].shape)
        else:
            if row is None:
                row = WatchWindowRow(watch_id=watch.id, window=window, sealed_at=settling.now, log_wealth=b"")
                session.add(row)
            else:
                row.reopened_at = settling.now
            row.counts_sha256, row.log_e = digests[place], _packed(log_e[:, place])
        rows.append(row)
    detections = {light: found.watch.detect(log_e[number, places], light) for number, light in enumerate(Light)}
    wealth = np.stack([detections[light].log_wealth for light in Light], axis=1)
    for row, after in zip(rows, wealth, strict=True):
        row.log_wealth = _packed(after)
    open_alerts(settling, _note(settling, detections, places))


def _watch(
    session: Session, actor: Actor, model: ModelRow, on: tuple[ProfileRow, Armed, str], *, now: datetime
) -> WatchRow:
    """The watch in force on this basis; made anew, after all that another one has judged, if it is another."""
    profile, found, basis = on
    before = next((watch for watch in watches_of(session, model) if watch.kind == found.kind), None)
    if before is not None and before.basis == basis:
        before.content = json.dumps(content_of(found), ensure_ascii=False)
        return before
    starts_after = None
    if before is not None:
        starts_after = _last_window(session, before) if _has_fired(session, before) else before.starts_after
        before.superseded_at = now
        _supersede(session, actor, before, now=now)
    known = select(WatchRow).where(
        WatchRow.model_id == model.id, WatchRow.kind == str(found.kind), WatchRow.basis == basis
    )
    watch = session.scalar(known)
    if watch is None:
        watch = WatchRow(
            model_id=model.id,
            kind=str(found.kind),
            basis=basis,
            profile_id=profile.id,
            policy_digest=found.policy.digest,
            mark="",
            created_at=now,
        )
        session.add(watch)
    watch.content = json.dumps(content_of(found), ensure_ascii=False)
    watch.starts_after, watch.superseded_at = starts_after, None
    session.flush()
    return watch


def _note(settling: Settling, detections: Mapping[Light, Detection], places: Sequence[int]) -> list[Firing]:
    """Keep every incident as it fired; what is new and material is returned."""
    session, found = settling.session, settling.found
    known = {
        (row.light, row.subject, row.opened_window): row
        for row in session.scalars(select(IncidentRow).where(IncidentRow.watch_id == settling.watch.id))
    }
    seen: set[tuple[str, str, int]] = set()
    fired = []
    for light, detection in detections.items():
        for incident in detection.incidents:
            subject = found.panel.subjects[incident.subject]
            opened = found.panel.windows[places[incident.opened]]
            closed = None if incident.closed is None else found.panel.windows[places[incident.closed]].key
            key = (str(light), subject.key, opened.key)
            seen.add(key)
            row = known.get(key)
            if row is None:
                row = _incident(settling, light, incident, places[incident.opened])
                session.add(row)
                if light is Light.MATERIAL:
                    fired.append(Firing(row=row, incident=incident, place=places[incident.opened]))
            if row.closed_window != closed:
                row.closed_window, row.closed_at = closed, settling.now if closed is not None else None
            row.withdrawn_at = None
    for key, row in known.items():
        if key not in seen and row.withdrawn_at is None:
            row.withdrawn_at = settling.now  # late rows took its reason away; that it fired stays on record
    session.flush()
    return fired


def _incident(settling: Settling, light: Light, incident: Incident, place: int) -> IncidentRow:
    found = settling.found
    subject, baseline = found.panel.subjects[incident.subject], found.watch.baseline
    first = int(np.flatnonzero(baseline.subject == incident.subject)[0])
    mean = float(found.panel.current.mean[place, incident.monitor])
    sigma = float(baseline.sigma[incident.monitor]) or 1.0
    shift = (mean - float(baseline.mean[incident.monitor])) / sigma
    return IncidentRow(
        watch_id=settling.watch.id,
        light=str(light),
        subject=subject.key,
        family=str(subject.family),
        column=subject.column,
        monitor=subject.names[incident.monitor - first],
        sign=incident.sign,
        shift=shift if np.isfinite(shift) else 0.0,
        opened_window=found.panel.windows[place].key,
        log_wealth=float(np.log(incident.e_value)),
        opened_at=settling.now,
    )


def watches_of(session: Session, model: ModelRow) -> list[WatchRow]:
    """The watches in force, at most one of each kind."""
    query = select(WatchRow).where(WatchRow.model_id == model.id, WatchRow.superseded_at.is_(None))
    return list(session.scalars(query.order_by(WatchRow.id)))


def _counts(watch: WatchRow, found: Armed, place: int, window: Window) -> bool:
    return found.is_sealed[place] and (watch.starts_after is None or window.key > watch.starts_after)


def _windows_of(session: Session, watch: WatchRow) -> list[WatchWindowRow]:
    query = select(WatchWindowRow).where(WatchWindowRow.watch_id == watch.id).order_by(WatchWindowRow.window)
    return list(session.scalars(query))


def _last_window(session: Session, watch: WatchRow) -> int | None:
    stored = _windows_of(session, watch)
    return stored[-1].window if stored else watch.starts_after


def _has_fired(session: Session, watch: WatchRow) -> bool:
    return session.scalars(select(IncidentRow.id).where(IncidentRow.watch_id == watch.id).limit(1)).first() is not None


def _supersede(session: Session, actor: Actor, watch: WatchRow, *, now: datetime) -> None:
    """What is open on a watch that is judged no more ends with it; its alerts say so."""
    query = select(IncidentRow).where(IncidentRow.watch_id == watch.id, IncidentRow.closed_window.is_(None))
    alerts = set()
    for row in session.scalars(query):
        row.closed_window, row.closed_at = _last_window(session, watch), now
        if row.alert_id is not None:
            alerts.add(row.alert_id)
    for alert_id in sorted(alerts):
        alert = session.get_one(AlertRow, alert_id)
        text = "The reference or the alarm policy changed: what is still out is judged anew."
        note_move(session, alert, AlertMove.SUPERSEDE, actor=actor.name, text=text, now=now)


def _labels_of_reference(session: Session, model: ModelRow, profile: ProfileRow) -> str:
    """Names the labels of the reference, which matured subjects are held against."""
    marks = Repository(session).profiled(profile)
    batches = Repository(session).batches(model, roles=[BatchRole.REFERENCE])
    return json.dumps([[batch.id, marks.get(batch.id, 0)] for batch in batches])


def _packed(values: Floats) -> bytes:
    return zlib.compress(values.astype("<f4").tobytes(), level=1)


def _unpacked(data: bytes, shape: tuple[int, ...]) -> Floats:
    return np.frombuffer(zlib.decompress(data), dtype="<f4").reshape(shape).astype(np.float64)


def unpacked_wealth(data: bytes) -> Floats:
    """Every subject's log wealth by light, shape (2, n_subjects)."""
    return np.frombuffer(zlib.decompress(data), dtype="<f4").astype(np.float64).reshape(len(Light), -1)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
