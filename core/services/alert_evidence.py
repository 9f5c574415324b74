"""Open alerts for what fired, each on evidence that is frozen as it was then."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from core.alarms.baseline import SHARES
from core.alarms.detector import Incident
from core.alarms.watch import Light
from core.governance.alerts import OUT_OR_OVER, OVER, AlertMove, AlertState, next_state
from core.governance.evidence import Evidence, Subject
from core.measure import Family
from core.profile.windows import Window
from core.services.alert_words import subject_words, title_of
from core.services.arming import Armed
from core.storage.alerting import AlertMoveRow, AlertRow, IncidentRow, WatchRow
from core.storage.ledger import append, keep
from core.storage.tables import ModelRow, ProfileRow

__all__ = ["Firing", "Settling", "note_move", "open_alerts"]

JOINED_DAYS = 7  # within which what begins belongs to an alert that is open; at least one window


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """An incident that is new, and the place of its window in the panel."""

    row: IncidentRow
    incident: Incident
    place: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settling:
    """Windows of one set on their way into the database: whose, on what, by whom, when."""

    session: Session
    actor: str
    model: ModelRow
    profile: ProfileRow
    found: Armed
    watch: WatchRow
    now: datetime


def open_alerts(settling: Settling, fired: Sequence[Firing]) -> None:
    """One alert for all that began in a window; what begins within a week joins it while it is out."""
    session, found = settling.session, settling.found
    for place in sorted({firing.place for firing in fired}):
        together = [firing for firing in fired if firing.place == place]
        evidence = _frozen(settling, together, place)
        keep(session, evidence)
        window, title = found.panel.windows[place], title_of([firing.row for firing in together])
        withdrawn = _withdrawn_before(settling, together)
        alert = withdrawn or _recent(settling, place)
        if alert is None:
            alert = AlertRow(
                model_id=settling.model.id,
                state=str(AlertState.OPEN),
                title=title,
                kind=str(found.kind),
                opened_window=window.key,
                evidence_sha256=evidence.sha256,
                opened_at=settling.now,
            )
            session.add(alert)
            session.flush()
            move, text = AlertMove.FIRE, f"{title} In {window.name}."
        elif withdrawn is not None:
            move, text = AlertMove.JOIN, f"{title} In {window.name}, again: its rows are as they were, or more came."
            if next_state(AlertState(alert.state), AlertMove.REOPEN) is not None:
                why = "What had been withdrawn is out again."
                note_move(session, alert, AlertMove.REOPEN, actor=settling.actor, text=why, now=settling.now)
        else:
            move, text = AlertMove.JOIN, f"{title} In {window.name}, {_after(found, alert, place)}."
        for firing in together:
            firing.row.alert_id = firing.row.alert_id or alert.id
        note_move(session, alert, move, actor=settling.actor, text=text, now=settling.now, evidence=evidence)
    _say_what_is_over(settling)


def _withdrawn_before(settling: Settling, together: Sequence[Firing]) -> AlertRow | None:
    """The alert of what fires again in the window that it had been withdrawn in."""
    numbers = [firing.row.alert_id for firing in together if firing.row.alert_id is not None]
    return settling.session.get_one(AlertRow, numbers[0]) if numbers else None


def note_move(
    session: Session,
    alert: AlertRow,
    move: AlertMove,
    *,
    actor: str,
    text: str,
    now: datetime,
    evidence: Evidence | None = None,
) -> AlertMoveRow:
    """Make a move that is allowed: the alert's new state, the move, and the ledger's entry of it."""
    state = next_state(AlertState(alert.state), move)
    if state is None:
        raise ValueError(f"An alert that is {alert.state} takes no {move}.")
    alert.state = str(state)
    model = session.get_one(ModelRow, alert.model_id)
    receipt = append(
        session,
        at=now,
        actor=actor,
        action=f"alert.{move}",
        objects={
            "model": model.name,
            "alert": alert.id,
            "state": alert.state,
            "text": text,
            "evidence": evidence.sha256 if evidence else alert.evidence_sha256,
        },
    )
    row = AlertMoveRow(
        alert_id=alert.id,
        move=str(move),
        state=alert.state,
        actor=actor,
        text=text,
        at=now,
        ledger_seq=receipt.seq,
    )
    session.add(row)
    session.flush()
    return row


def _recent(settling: Settling, place: int) -> AlertRow | None:
    """The alert that what begins now belongs to: live, of the same set, begun within a week, and still out."""
    found = settling.found
    earliest = found.panel.windows[max(0, place - _windows_to_join(found.panel.windows[place]))].key
    still_out = select(IncidentRow.alert_id).where(
        IncidentRow.watch_id == settling.watch.id,
        IncidentRow.withdrawn_at.is_(None),
        or_(IncidentRow.closed_window.is_(None), IncidentRow.closed_window > found.panel.windows[place].key),
    )
    query = select(AlertRow).where(
        AlertRow.model_id == settling.model.id,
        AlertRow.kind == str(found.kind),
        AlertRow.opened_window >= earliest,
        AlertRow.opened_window < found.panel.windows[place].key,
        AlertRow.state.in_([AlertState.OPEN, AlertState.ACKNOWLEDGED]),
        AlertRow.id.in_(still_out),
    )
    return settling.session.scalars(query.order_by(AlertRow.opened_window.desc()).limit(1)).first()


def _windows_to_join(window: Window) -> int:
    if window.start_at is None or window.end_at is None:
        return 1
    return max(1, round(JOINED_DAYS / ((window.end_at - window.start_at).total_seconds() / 86_400)))


def _after(found: Armed, alert: AlertRow, place: int) -> str:
    keys = [window.key for window in found.panel.windows]
    n = place - keys.index(alert.opened_window) if alert.opened_window in keys else 0
    return "1 window after the first" if n == 1 else f"{n} windows after the first"


def _say_what_is_over(settling: Settling) -> None:
    """An alert says so, once, when all of its incidents have returned, or late rows took their reason away."""
    session = settling.session
    rows = session.scalars(select(IncidentRow).where(IncidentRow.watch_id == settling.watch.id))
    by_alert: dict[int, list[IncidentRow]] = {}
    for row in rows:
        if row.alert_id is not None:
            by_alert.setdefault(row.alert_id, []).append(row)
    names = {window.key: window.name for window in settling.found.panel.windows}
    for alert_id, incidents in sorted(by_alert.items()):
        stand = [row for row in incidents if row.withdrawn_at is None]
        if any(row.closed_window is None for row in stand):
            continue
        said = session.scalars(
            select(AlertMoveRow.move).where(AlertMoveRow.alert_id == alert_id).order_by(AlertMoveRow.id.desc())
        ).all()
        if next((AlertMove(move) for move in said if move in OUT_OR_OVER), None) in OVER:
            continue
        last = max((row.closed_window or 0 for row in stand), default=None)
        if last is None:
            move, text = AlertMove.WITHDRAW, "Rows that came late, or were retracted, took its reason away."
        else:
            move, text = AlertMove.RETURN, f"All of it is back within its margin since {names.get(last, 'then')}."
        alert = session.get_one(AlertRow, alert_id)
        note_move(session, alert, move, actor=settling.actor, text=text, now=settling.now)


def _frozen(settling: Settling, firings: Sequence[Firing], place: int) -> Evidence:
    """What was known as it fired: what moved, how far, on how many rows, by which limits."""
    found, model = settling.found, settling.model
    window = found.panel.windows[place]
    report: dict[str, Any] = {
        "kind": "alert",
        "model": model.name,
        "set": str(found.kind),
        "window": window.name,
        "window_start": window.start_at.isoformat() if window.start_at else None,
        "window_end": window.end_at.isoformat() if window.end_at else None,
        "policy": found.policy.model_dump(mode="json"),
        "allowance_windows": found.watch.allowances[Light.MATERIAL],
        "n_subjects_armed": sum(found.watch.is_armed),
        "incidents": [_incident(found, firing) for firing in firings],
    }
    subjects = [
        Subject(kind="profile", name=model.name, digest=settling.profile.digest),
        Subject(kind="alarm policy", name=model.name, digest=found.policy.digest),
        Subject(kind="watch", name=f"{model.name} {found.kind}", digest=settling.watch.basis),
    ]
    return Evidence.freeze(report, subjects, now=settling.now)


def _incident(found: Armed, firing: Firing) -> Mapping[str, Any]:
    """One subject's numbers: the monitor that had won most, and all others of the subject, in this window."""
    baseline, current = found.watch.baseline, found.panel.current
    monitors = np.flatnonzero(baseline.subject == firing.incident.subject)
    subject = found.panel.subjects[firing.incident.subject]
    margin = found.watch.margins[firing.incident.subject]
    mean = current.mean[firing.place]

    def numbers(monitor: int) -> dict[str, Any]:
        sigma = float(baseline.sigma[monitor])
        shift = (float(mean[monitor]) - float(baseline.mean[monitor])) / sigma if sigma > 0 else math.nan
        return {
            "monitor": subject.names[int(monitor - monitors[0])],
            "is_share": int(baseline.kinds[monitor]) in SHARES,
            "n": float(current.n[firing.place, monitor]),
            "value": float(mean[monitor]),
            "n_reference": float(baseline.n[monitor]),
            "reference": float(baseline.mean[monitor]),
            "shift_sd": shift,
            "reference_error_sd": float(baseline.reference_error[monitor]),
            "dispersion": float(baseline.dispersion(baseline.n_window)[monitor]),
        }

    return {
        "subject": subject.key,
        "family": str(subject.family),
        "column": subject.column,
        "words": subject_words(subject.key, firing.incident.sign),
        "sign": firing.incident.sign,
        "e_value_log": firing.row.log_wealth,
        "margin_sd": margin.sd,
        "margin_points": margin.points,
        **({"least_ratio": margin.ratio} if subject.family is Family.FAIRNESS else {}),
        "leading": numbers(firing.incident.monitor),
        "monitors": [numbers(int(monitor)) for monitor in monitors],
    }
