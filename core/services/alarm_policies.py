"""The alarm policy of a model: what is in force, what another one would have raised, and changing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

import numpy as np
from sqlalchemy import select
from sqlalchemy.orm import Session

from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light
from core.errors import ConflictError, InputError
from core.governance.identity import Actor, Right, allowed
from core.profile.windows import Window
from core.services.alert_words import subject_words
from core.services.arming import Armed, armed
from core.services.margins import check_signed, put_policy
from core.services.observations import Observations, Selection
from core.services.panel import GAPS, OF_A_COLUMN, OF_ALL_ROWS
from core.services.promise import WatchKind
from core.services.watch_report import policy_of
from core.services.watching import WatchService
from core.storage.alerting import AlarmPolicyRow
from core.storage.database import Database
from core.storage.repository import Repository
from core.storage.tables import ModelRow

__all__ = ["AlarmPolicyService", "PolicyPreview", "PolicyVersion", "ReplayedEvent"]

BACK_TEST_DAYS = 90
BACK_TEST_WINDOWS = 30  # where windows have no length in time


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """A policy that was set: by whom, when and why; the first one of a model is nobody's."""

    policy: AlarmPolicy
    created_at: datetime | None
    created_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedEvent:
    """What began in one window under a policy: subjects in words, and how many of them have returned since."""

    window: Window
    set: WatchKind
    light: Light
    subjects: tuple[str, ...]
    words: tuple[str, ...]
    n_returned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyPreview:
    """What a policy would have raised in all windows so far, had it been in force from the first on.

    `n_recent` counts the windows with an alert in the last 90 days of data (`recent_words`); `not_armed` has
    the subjects that can't alarm under it, with the reason, and `left_out` the columns that are no
    measurements: ids, row numbers, dates and text that hardly repeats.
    """

    policy: AlarmPolicy
    events: tuple[ReplayedEvent, ...]
    n_windows: int
    n_armed: int
    not_armed: Mapping[str, str]
    left_out: Mapping[str, str]
    n_recent: int
    recent_words: str
    expected_false: float | None

    def having(self, light: Light) -> tuple[ReplayedEvent, ...]:
        """The events of one light."""
        return tuple(event for event in self.events if event.light is light)

    def n_windows_with(self, light: Light) -> int:
        """Windows in which something of this light would have begun, in whichever set."""
        return len({event.window.key for event in self.having(light)})


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmPolicyService:
    """Alarm policies; every change goes into the ledger and is judged by from the next window on."""

    database: Database
    watch: WatchService
    clock: Callable[[], datetime]

    @allowed(Right.READ)
    def show(self, actor: Actor, model: str) -> AlarmPolicy:  # noqa: ARG002 (every service call takes the actor)
        """The policy in force."""
        with self.database.read() as session:
            return policy_of(session, Repository(session).model(model))

    @allowed(Right.READ)
    def history(self, actor: Actor, model: str) -> tuple[PolicyVersion, ...]:  # noqa: ARG002
        """Every policy that a model had, the newest first; the last is the default that it began with."""
        with self.database.read() as session:
            row = Repository(session).model(model)
            query = select(AlarmPolicyRow).where(AlarmPolicyRow.model_id == row.id).order_by(AlarmPolicyRow.id.desc())
            found = [
                PolicyVersion(
                    policy=AlarmPolicy.model_validate_json(stored.content),
                    created_at=stored.created_at,
                    created_by=stored.created_by,
                    reason=stored.reason,
                )
                for stored in session.scalars(query)
            ]
        default = PolicyVersion(policy=AlarmPolicy(), created_at=None, created_by="", reason="the default")
        return (*found, default)

    @allowed(Right.READ)
    def preview(self, actor: Actor, model: str, content: Mapping[str, Any] | None = None) -> PolicyPreview | None:  # noqa: ARG002
        """What a policy would have raised; that in force if none is given. None while there is no reference.

        Raises
        ------
        InputError
            If the content is no policy, or names a column that the model doesn't have.
        """
        with self.database.read() as session:
            row = Repository(session).model(model)
            policy = policy_of(session, row) if content is None else AlarmPolicy.read(content)
            if content is not None:  # what is in force may name columns that a later schema lacks
                _check_names(session, row, policy)
            observations = Observations.load(session, row, Selection())
            if observations is None:
                return None
            sets = [found for kind in WatchKind if (found := armed(session, observations, policy, kind)) is not None]
            per_year = observations.per_year
        events = [event for found in sets for event in _events(found)]
        events.sort(key=lambda event: (event.window.key, event.set, event.light))
        served = next((found for found in sets if found.kind is WatchKind.SERVED), None)
        windows = (
            [w for w, sealed in zip(served.panel.windows, served.is_sealed, strict=True) if sealed] if served else []
        )
        recent, words = _recent(windows)
        not_armed = {
            found.panel.subjects[number].key: reason for found in sets for number, reason in found.watch.why_not.items()
        }
        material = [event for event in events if event.light is Light.MATERIAL]
        return PolicyPreview(
            policy=policy,
            events=tuple(events),
            n_windows=len(windows),
            n_armed=sum(sum(found.watch.is_armed) for found in sets),
            not_armed=not_armed,
            left_out=dict(observations.spec.left_out),
            n_recent=len({event.window.key for event in material} & recent),
            recent_words=words,
            expected_false=policy.false_alarms_per_year * len(windows) / per_year if per_year else None,
        )

    @allowed(Right.CONFIGURE)
    def set(self, actor: Actor, model: str, content: Mapping[str, Any], *, reason: str) -> AlarmPolicy:
        """Give a model another policy; what is sealed stays as it was judged.

        Raises
        ------
        InputError
            If the content is no policy, names a column that the model doesn't have, or there is no reason.
        ConflictError
            If it is in force already.
        NotAllowedError
            If more would pass unseen, and the policy of signing says who has to sign for that.
        """
        policy = AlarmPolicy.read(content)
        if not reason.strip():
            raise InputError("A change of the alarm policy takes a reason: it is what others read later.")
        with self.database.read() as session:
            row = Repository(session).model(model)
            _check_names(session, row, policy)
        with self.database.write(f"model {row.id}") as session:
            before = policy_of(session, row)
            if before == policy:
                raise ConflictError(f"This is the alarm policy of {model} already.")
            check_signed(session, row, before, policy)
            put_policy(session, row, policy, actor=actor, at=self.clock(), reason=reason.strip())
        self.watch.update(actor, model)
        return policy


def _check_names(session: Session, model: ModelRow, policy: AlarmPolicy) -> None:
    columns = Repository(session).schema(model).columns
    for name in sorted({*policy.margins, *policy.left_out}):
        rate, _, gap = name.partition("/")
        is_gap = rate in GAPS and gap.partition("=")[0] in columns
        is_series = rate in OF_A_COLUMN and gap in columns
        if name not in columns and name not in OF_ALL_ROWS and not is_gap and not is_series:
            close = get_close_matches(name, [*columns, *OF_ALL_ROWS], n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            raise InputError(
                f"The alarm policy names {name!r}, which is no column of {model.name}, nor a series of all rows "
                f"such as 'performance/roc_auc'.{meant}"
            )


def _events(found: Armed) -> list[ReplayedEvent]:
    """What each window would have begun, by light; windows that aren't sealed don't count."""
    places = [place for place, sealed in enumerate(found.is_sealed) if sealed]
    log_e = found.log_e_values()
    events = []
    for number, light in enumerate(Light):
        incidents = found.watch.detect(log_e[number, places], light).incidents
        for opened in sorted({incident.opened for incident in incidents}):
            together = [incident for incident in incidents if incident.opened == opened]
            keys = [found.panel.subjects[incident.subject].key for incident in together]
            words = [subject_words(key, i.sign) for key, i in zip(keys, together, strict=True)]
            events.append(
                ReplayedEvent(
                    window=found.panel.windows[places[opened]],
                    set=found.kind,
                    light=light,
                    subjects=tuple(keys),
                    words=tuple(words),
                    n_returned=sum(incident.closed is not None for incident in together),
                )
            )
    return events


def _recent(windows: list[Window]) -> tuple[frozenset[int], str]:
    """The windows that the back-test looks at, and what they are called."""
    if not windows:
        return frozenset(), "no window yet"
    end = windows[-1].end_at
    if end is None:
        last = windows[-BACK_TEST_WINDOWS:]
        return frozenset(window.key for window in last), f"the last {len(last)} windows"
    since = end - timedelta(days=BACK_TEST_DAYS)
    recent = [w for w in windows if w.start_at is not None and w.start_at >= since]
    days = int(np.ceil((end - (recent[0].start_at or since)) / timedelta(days=1))) if recent else 0
    return frozenset(window.key for window in recent), f"the last {days} days of data"
