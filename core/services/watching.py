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
from core.measure import Family
from core.profile.windows import Window
from core.services.alert_evidence import Firing, Settling, note_move, open_alerts
from core.services.arming import Armed, armed, content_of
from core.services.observations import Observations, Selection, counted_state, profile_of
from core.services.promise import WatchKind
from core.services.reference import changes_of
from core.services.watch_report import policy_of
from core.storage.alerting import AlertRow, IncidentRow, WatchRow, WatchWindowRow
from core.storage.database import Database
from core.storage.repository import Repository
from core.storage.tables import ModelRow, ProfileRow

__all__ = ["WatchService", "watches_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

FORMAT = "2"  # of what a watch keeps: another one arms anew


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchService:
    """Writes what is watched; other services call it after they have counted."""

    database: Database
    clock: Callable[[], datetime]

    def update(self, actor: Actor, model: str) -> None:
        """Arm what isn't armed, seal what is complete, note what fired; nothing where nothing is new.

        What others counted, taught or set while this was computed is seen before anything is written: then all
        of it is computed anew.
        """
        while not self._is_kept(actor, model):
            pass

    def _is_kept(self, actor: Actor, model: str) -> bool:
        """Whether all that was found could be kept; not if what it rests on had changed meanwhile."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            policy = policy_of(session, row)
            mark = _mark(session, row)
            watches = watches_of(session, row)
            if watches and all(watch.mark == mark for watch in watches):
                return True
            observations = Observations.load(session, row, Selection())
            if observations is None:
                return True
            profile = profile_of(session, row, observations)
            labelled = _labels_of_reference(session, row, profile)
            sets = []
            for kind in WatchKind:
                rests_on = labelled if kind is WatchKind.MATURED else ""
                basis = _digest(FORMAT, profile.digest, policy.digest, kind, rests_on)
                found = armed(session, observations, policy, kind, why_not=_why_not(watches, basis))
                if found is not None:
                    sets.append((found, basis))
        for found, basis in sets:
            with self.database.write(f"model {row.id}") as session:
                if _mark(session, row) != mark:
                    return False
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
        return True


def _settle(settling: Settling) -> None:
    """Seal what is complete: keep what the bets won there, and what fires."""
    session, found, watch = settling.session, settling.found, settling.watch
    places = [place for place, window in enumerate(found.panel.windows) if _counts(watch, found, place, window)]
    log_e, digests = found.log_e_values(), found.digests()
    stored = {row.window: row for row in _windows_of(session, watch) if _is_judged_here(watch, row.window)}
    for window in stored.keys() - {found.panel.windows[place].key for place in places}:
        session.delete(stored[window])  # its rows were retracted, or those that had completed it
    rows = []
    for place in places:
        window = found.panel.windows[place].key
        row = stored.get(window)
        if row is None:
            row = WatchWindowRow(watch_id=watch.id, window=window, sealed_at=settling.now, log_wealth=b"")
            session.add(row)
        elif row.counts_sha256 != digests[place]:
            row.reopened_at = settling.now
        if row.counts_sha256 != digests[place]:
            row.counts_sha256, row.log_e = digests[place], _packed(log_e[:, place])
        log_e[:, place] = _unpacked(row.log_e, log_e[:, place].shape)  # as it is kept, from the first time on
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
        return before
    starts_after = None
    if before is not None:
        starts_after = _judged_to(session, model, before, found)
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
    """Keep every incident as it fired; what is new, or out again, and material is returned."""
    session, found = settling.session, settling.found
    known = {
        (row.light, row.subject, row.opened_window): row
        for row in session.scalars(select(IncidentRow).where(IncidentRow.watch_id == settling.watch.id))
        if _is_judged_here(settling.watch, row.opened_window)
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
            is_new = row is None or row.withdrawn_at is not None
            if row is None:
                row = _incident(settling, light, incident, places[incident.opened])
                session.add(row)
            if is_new and light is Light.MATERIAL:
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
    centre = float(baseline.mean[incident.monitor])
    if subject.family is Family.FAIRNESS:  # what a gap is measured from is all others, in the same window
        centre = float(found.panel.current.mean[place, incident.monitor + 1])
    shift = (mean - centre) / sigma
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


def _why_not(watches: Sequence[WatchRow], basis: str) -> dict[str, str] | None:
    """Why each subject can't alarm, as the watch in force on this basis keeps it; None where there is none."""
    watch = next((watch for watch in watches if watch.basis == basis), None)
    if watch is None:
        return None
    return {subject["key"]: subject["why_not"] for subject in json.loads(watch.content)["subjects"]}


def _counts(watch: WatchRow, found: Armed, place: int, window: Window) -> bool:
    return found.is_sealed[place] and _is_judged_here(watch, window.key)


def _is_judged_here(watch: WatchRow, window: int) -> bool:
    """Whether a window is this watch's to judge, not one's that was in force before it."""
    return watch.starts_after is None or window > watch.starts_after


def _windows_of(session: Session, watch: WatchRow) -> list[WatchWindowRow]:
    query = select(WatchWindowRow).where(WatchWindowRow.watch_id == watch.id).order_by(WatchWindowRow.window)
    return list(session.scalars(query))


def _judged_to(session: Session, model: ModelRow, before: WatchRow, found: Armed) -> int | None:
    """The last window that stays as the watch before judged it; its successor begins after that.

    Where nothing was armed nothing was judged. Another reference under the same policy judges anew what no
    alarm was raised in; but what a decision made the reference judges nothing that was served before it.
    """
    was_armed = any(not subject["why_not"] for subject in json.loads(before.content)["subjects"])
    is_another_policy = before.policy_digest != found.policy.digest
    is_decided = any(entry.at >= before.created_at for entry in changes_of(session, model))
    if is_decided or (was_armed and (is_another_policy or _has_fired(session, before))):
        return _last_window(session, before)
    return before.starts_after


def _last_window(session: Session, watch: WatchRow) -> int | None:
    stored = _windows_of(session, watch)
    return stored[-1].window if stored else watch.starts_after


def _has_fired(session: Session, watch: WatchRow) -> bool:
    return session.scalars(select(IncidentRow.id).where(IncidentRow.watch_id == watch.id).limit(1)).first() is not None


def _supersede(session: Session, actor: Actor, watch: WatchRow, *, now: datetime) -> None:
    """What is open on a watch that is judged no more ends after its last window; its alerts say so."""
    query = select(IncidentRow).where(IncidentRow.watch_id == watch.id, IncidentRow.closed_window.is_(None))
    last = _last_window(session, watch)
    alerts = set()
    for row in session.scalars(query):
        row.closed_window, row.closed_at = max(last or row.opened_window, row.opened_window) + 1, now
        if row.alert_id is not None and row.withdrawn_at is None:
            alerts.add(row.alert_id)
    for alert_id in sorted(alerts):
        alert = session.get_one(AlertRow, alert_id)
        text = "The reference or the alarm policy changed: what is still out is judged anew."
        note_move(session, alert, AlertMove.SUPERSEDE, actor=actor.name, text=text, now=now)


def _labels_of_reference(session: Session, model: ModelRow, profile: ProfileRow) -> str:
    """Names the labels of the reference, which matured subjects are held against."""
    marks = Repository(session).profiled(profile)
    batches = Repository(session).reference(model)
    return json.dumps([[batch.id, marks.get(batch.id, 0)] for batch in batches])


def _packed(values: Floats) -> bytes:
    return zlib.compress(values.astype("<f4").tobytes(), level=1)


def _unpacked(data: bytes, shape: tuple[int, ...]) -> Floats:
    return np.frombuffer(zlib.decompress(data), dtype="<f4").reshape(shape).astype(np.float64)


def _mark(session: Session, model: ModelRow) -> str:
    """Names what verdicts on a model rest on: a watch that bears it is up to date."""
    return _digest(FORMAT, counted_state(session, model), policy_of(session, model).digest)


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
