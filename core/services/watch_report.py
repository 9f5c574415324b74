"""What the watch says of a model: verdicts of subjects window by window, what fired, and what is promised."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.alarms.policy import AlarmPolicy
from core.alarms.reach import BLIND
from core.alarms.watch import MIN_REFERENCE_WINDOWS, Light
from core.measure import Family, Measure, Status
from core.profile.windows import WindowPlan
from core.services.promise import FleetPromise, Promise, SubjectInfo, WatchKind, promise_of
from core.storage.alerting import AlarmPolicyRow, IncidentRow, WatchRow, WatchWindowRow
from core.storage.repository import Repository
from core.storage.tables import ModelRow

__all__ = [
    "IncidentInfo",
    "WatchReport",
    "fleet_promise",
    "incident_info",
    "load_watch",
    "policy_of",
    "reason_not_armed",
]

NO_EVIDENCE = "no evidence of change"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentInfo:
    """A subject that left its margin, by one light; windows are given by key."""

    subject: str
    light: Light
    family: Family
    column: str
    monitor: str
    sign: int
    shift: float
    opened: int
    closed: int | None
    log_wealth: float
    alert: int | None
    is_withdrawn: bool

    def is_open_in(self, window: int) -> bool:
        """Whether it is open after a window."""
        return not self.is_withdrawn and self.opened <= window and (self.closed is None or self.closed > window)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WatchReport:
    """One model's watch, both sets together.

    `left_out`: the reason why a sealed window of a set isn't judged, as the policy of its time gave it.
    """

    policy: AlarmPolicy
    subjects: Mapping[str, SubjectInfo]
    incidents: tuple[IncidentInfo, ...]
    sealed: Mapping[str, frozenset[int]]
    left_out: Mapping[tuple[str, int], str]
    log_wealth: Mapping[tuple[str, int], tuple[float, float]]
    promise: Promise | None

    @property
    def is_armed(self) -> bool:
        """Whether anything can alarm."""
        return any(subject.is_armed for subject in self.subjects.values())

    def judged(self, measure: Measure, key: str, window: int, *, thinness: float = 1.0) -> Measure:
        """A measure of one window with the verdict of the subject that stands for it.

        CRITICAL while an incident beyond the margin is open, WARNING while one that anything changed is,
        OK where nothing is and something could have been found, INSUFFICIENT where it couldn't. `thinness`: how
        many times fewer rows recent windows have than those of the reference, from which that is computed.
        """
        if measure.status is Status.UNDEFINED:
            return measure
        status, why = self.status(key, window, thinness=thinness)
        e_value = self.log_wealth.get((key, window))
        return _with_evidence(measure.judged(status, why), e_value)

    def status(self, key: str, window: int, *, thinness: float = 1.0) -> tuple[Status, str]:
        """The verdict on a subject after a window, and why."""
        subject = self.subjects.get(key)
        found = self.open_incident(key, window)
        if found is not None:
            return (
                Status.CRITICAL if found.light is Light.MATERIAL else Status.WARNING,
                _why_open(found, subject),
            )
        if subject is None:
            return Status.INSUFFICIENT, "not watched"
        if not subject.is_armed:
            return Status.INSUFFICIENT, subject.why_not
        if window not in self.sealed.get(subject.set, frozenset()):
            return Status.INSUFFICIENT, "not judged yet: the window isn't complete, or its labels aren't in"
        if (subject.set, window) in self.left_out:
            return Status.INSUFFICIENT, f"Left out with its window: {self.left_out[subject.set, window]}"
        shift, limit = subject.findable_among(thinness), BLIND if subject.blind_at is None else subject.blind_at
        if key != "volume" and (shift is None or shift > limit):
            return Status.INSUFFICIENT, _why_thin(shift)
        return Status.OK, _why_quiet(subject)

    def open_incident(self, key: str, window: int) -> IncidentInfo | None:
        """What is open of a subject after a window: beyond its margin, else changed at all."""
        found = [i for i in self.incidents if i.subject == key and i.is_open_in(window)]
        found.sort(key=lambda incident: (incident.light is not Light.MATERIAL, incident.opened))
        return found[0] if found else None

    def of_column(self, column: str) -> tuple[IncidentInfo, ...]:
        """Every incident of a column, the earliest first."""
        return tuple(incident for incident in self.incidents if incident.column == column)


def load_watch(
    session: Session, model: ModelRow, plan: WindowPlan, policy: AlarmPolicy, *, wealth: bool = True
) -> WatchReport | None:
    """What the watch says of a model; None while nothing was ever armed."""
    query = select(WatchRow).where(WatchRow.model_id == model.id).order_by(WatchRow.id)
    watches = list(session.scalars(query))
    current = [watch for watch in watches if watch.superseded_at is None]
    if not current:
        return None
    contents = {watch.id: json.loads(watch.content) for watch in watches}
    subjects = {
        subject["key"]: _subject(subject, watch.kind) for watch in current for subject in contents[watch.id]["subjects"]
    }
    names = {watch.id: watch.kind for watch in watches}
    found = session.scalars(select(IncidentRow).where(IncidentRow.watch_id.in_(names)).order_by(IncidentRow.id))
    sealed: dict[str, set[int]] = {}
    left_out: dict[tuple[str, int], str] = {}
    windows_left_out = _windows_left_out(session, model, watches)
    log_wealth: dict[tuple[str, int], tuple[float, float]] = {}
    columns = (WatchWindowRow.watch_id, WatchWindowRow.window, WatchWindowRow.log_wealth)
    in_force = WatchRow.superseded_at.is_(None)
    kept = select(*columns).join(WatchRow).where(WatchRow.model_id == model.id).order_by(in_force, WatchRow.id)
    for watch_id, window, data in session.execute(kept):
        sealed.setdefault(names[watch_id], set()).add(window)
        reasons = windows_left_out.get(watch_id)
        if reasons and (name := plan.window(window).name) in reasons:
            left_out[names[watch_id], window] = reasons[name]
        if wealth and data:
            keys = [subject["key"] for subject in contents[watch_id]["subjects"]]
            values = np.frombuffer(zlib.decompress(data), dtype="<f4").reshape(len(Light), -1)
            if values.shape[1] == len(keys):
                log_wealth.update(
                    {(key, window): (float(m), float(c)) for key, m, c in zip(keys, *values, strict=True)}
                )
    return WatchReport(
        policy=policy,
        subjects=subjects,
        incidents=tuple(sorted(map(incident_info, found), key=lambda incident: (incident.opened, incident.subject))),
        sealed={kind: frozenset(windows) for kind, windows in sealed.items()},
        left_out=left_out,
        log_wealth=log_wealth,
        promise=promise_of(policy, plan, subjects, [contents[watch.id] for watch in current]),
    )


def policy_of(session: Session, model: ModelRow) -> AlarmPolicy:
    """The alarm policy in force: the newest, else the defaults."""
    query = select(AlarmPolicyRow).where(AlarmPolicyRow.model_id == model.id).order_by(AlarmPolicyRow.id.desc())
    row = session.scalars(query.limit(1)).first()
    return AlarmPolicy() if row is None else AlarmPolicy.model_validate_json(row.content)


def _windows_left_out(session: Session, model: ModelRow, watches: Sequence[WatchRow]) -> dict[int, Mapping[str, str]]:
    """The windows that the policy of each watch leaves out, with the reason."""
    rows = session.scalars(select(AlarmPolicyRow).where(AlarmPolicyRow.model_id == model.id))
    policies = {row.digest: AlarmPolicy.model_validate_json(row.content) for row in rows}
    return {
        watch.id: policies[watch.policy_digest].windows_left_out for watch in watches if watch.policy_digest in policies
    }


def fleet_promise(session: Session) -> FleetPromise:
    """The promises of all models that anything is armed of, added up."""
    models = list(session.scalars(select(ModelRow).order_by(ModelRow.name)))
    total, n_armed, without = 0.0, 0, []
    for model in models:
        schema = Repository(session).schema(model)
        plan, policy = WindowPlan.of(schema.window, schema.timezone), policy_of(session, model)
        report = load_watch(session, model, plan, policy, wealth=False)
        if report is None or not report.is_armed:
            continue
        n_armed += 1
        if plan.per_year is None:
            without.append(model.name)
        else:
            total += policy.false_alarms_per_year
    return FleetPromise(
        false_alarms_per_year=total, n_models=len(models), n_armed=n_armed, without_calendar=tuple(without)
    )


def reason_not_armed(n_reference_windows: int) -> str:
    """Why nothing is armed on a reference of so few windows; '' where there are enough."""
    if n_reference_windows >= MIN_REFERENCE_WINDOWS:
        return ""
    windows = "1 window" if n_reference_windows == 1 else f"{n_reference_windows} windows"
    return f"Not armed: the reference has {windows}, {MIN_REFERENCE_WINDOWS} are needed."


def _subject(content: Mapping[str, Any], kind: str) -> SubjectInfo:
    return SubjectInfo(
        key=content["key"],
        set=WatchKind(kind),
        family=Family(content["family"]),
        column=content["column"],
        why_not=content["why_not"],
        margin_sd=content["margin"]["sd"],
        margin_points=content["margin"]["points"],
        reference_error=content["reference_error"],
        dispersion=content["dispersion"],
        autocorrelation=content["autocorrelation"],
        findable={
            light: {int(horizon): shift for horizon, shift in by_horizon.items()}
            for light, by_horizon in content["findable"].items()
        },
        is_share=content["is_share"],
        sigma=content["sigma"],
        mean=content["mean"],
        least_ratio=content.get("least_ratio"),  # a watch of before gaps were watched has none
        blind_at=content["blind_at"],
    )


def incident_info(row: IncidentRow) -> IncidentInfo:
    """An incident as it was kept."""
    return IncidentInfo(
        subject=row.subject,
        light=Light(row.light),
        family=Family(row.family),
        column=row.column,
        monitor=row.monitor,
        sign=row.sign,
        shift=row.shift,
        opened=row.opened_window,
        closed=row.closed_window,
        log_wealth=row.log_wealth,
        alert=row.alert_id,
        is_withdrawn=row.withdrawn_at is not None,
    )


def _with_evidence(measure: Measure, log_wealth: tuple[float, float] | None) -> Measure:
    """The measure with its wealth as an e-value: that of the light that pages."""
    if log_wealth is None or not np.isfinite(log_wealth[0]):
        return measure
    return replace(measure, e_value=float(np.exp(min(log_wealth[0], 700.0))))


def _why_open(incident: IncidentInfo, subject: SubjectInfo | None) -> str:
    if incident.family is Family.FAIRNESS:
        return _why_apart(incident, subject)
    what = "moved by more than its margin" if incident.light is Light.MATERIAL else "changed, within its margin so far"
    by = ""
    if subject is not None and incident.light is Light.MATERIAL:
        size = f"{100 * subject.margin_points:g}"
        points = f" and {size} percentage point{'' if size == '1' else 's'}" if subject.is_share else ""
        by = f" of {subject.margin_sd:.2g} sd{points}"
    is_bin = incident.subject.startswith("values/") and incident.monitor not in ("location", "spread")
    monitor = f"share of {incident.monitor}" if is_bin else incident.monitor
    shift = f": {monitor} {incident.shift:+.2g} sd when it fired" if abs(incident.shift) < 100 else ""
    return f"it has {what}{by}{shift}"


def _why_apart(incident: IncidentInfo, subject: SubjectInfo | None) -> str:
    """Of a gap: which rate is how far from the others' for good."""
    least = "" if subject is None or subject.least_ratio is None else f" {subject.least_ratio:.2g} of"
    way = f"below{least} that of all others" if incident.sign < 0 else f"so high that all others' is below{least} it"
    end = "" if incident.light is Light.MATERIAL else ", or lower than it was in the reference"
    return f"its rate is {way}{end}"


def _why_thin(shift: float | None) -> str:
    found = "no shift" if shift is None else f"only a shift of {shift:.2g} sd or more"
    return f"too little data to tell: windows have fewer rows than the reference's, and {found} would be found"


def _why_quiet(subject: SubjectInfo) -> str:
    if subject.least_ratio is not None:
        return _why_quiet_gap(subject)
    findable = subject.findable[Light.CHANGED]
    horizon = 7 if 7 in findable else max(findable)
    shift = findable[horizon]
    if shift is None:
        return NO_EVIDENCE
    return f"{NO_EVIDENCE}; a sustained shift of {_size(subject, shift)} would be found in {horizon} windows"


def _why_quiet_gap(subject: SubjectInfo) -> str:
    findable = subject.findable[Light.MATERIAL]
    horizon = 7 if findable.get(7) is not None else max(findable)
    shift = findable[horizon]
    if shift is None or not subject.sigma:
        return "no evidence of a gap"
    points = 100 * shift * subject.sigma
    return f"no evidence of a gap; a lasting one of {points:.2g} percentage points would be found in {horizon} windows"


def _size(subject: SubjectInfo, shift: float) -> str:
    """A shift in the unit of what it is a shift of; of a column's values in standard deviations."""
    if subject.set is WatchKind.SERVED or not subject.sigma:
        return f"{shift:.2g} sd"
    size = shift * subject.sigma
    return f"{100 * size:.2g} percentage points" if subject.is_share else f"{size:.2g}"
