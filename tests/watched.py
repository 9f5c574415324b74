"""A small model that is watched, day by day: what it serves can be moved, and comes late, at a test's will.

Day 0 is the first of production; the reference is the eight days before it. Nothing is counted or judged
before `update`.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np

from core.governance.identity import LOCAL_OPERATOR, Actor, UserRole
from core.record import BatchRole
from core.services.alerts import AlertInfo
from core.services.observations import Selection
from core.services.watch_report import IncidentInfo, WatchReport
from core.workspace import Workspace
from tests.builders import write_csv

__all__ = [
    "A_DAY",
    "DAY_0",
    "HEADER",
    "MODEL",
    "PEOPLE",
    "REFERENCE_DAYS",
    "SCHEMA",
    "Watched",
    "a_day",
    "actor",
    "build",
    "day_name",
    "opened",
]

MODEL = "loans"
REFERENCE_DAYS = 8
A_DAY = 200
DAY_0 = datetime(2026, 3, 2, tzinfo=UTC)
HEADER = ("id", "at", "amount", "colour", "score", "decision", "outcome")
SCHEMA = """
task = "binary"
timezone = "UTC"
version = "v1"
[window]
every = "day"
[sample]
rows = 0
[labels]
delay_days = 1
[outcome]
classes = ["0", "1"]
positive = "1"
[columns]
id = { role = "id" }
at = { role = "timestamp" }
amount = { role = "feature", type = "numeric" }
colour = { role = "feature", type = "categorical" }
score = { role = "score" }
decision = { role = "prediction" }
outcome = { role = "label" }
"""
PEOPLE = {
    "ada": UserRole.ENGINEER,
    "ines": UserRole.REVIEWER,
    "vera": UserRole.VIEWER,
    "audrey": UserRole.AUDITOR,
    "root": UserRole.ADMIN,
}


def actor(name: str) -> Actor:
    """One of PEOPLE."""
    return Actor(name=name, roles=(PEOPLE[name],))


def day_name(day: int) -> str:
    """The window of a day, as commands name it."""
    return f"{DAY_0 + timedelta(days=day):%Y-%m-%d}"


def a_day(
    day: int,
    *,
    n: int = A_DAY,
    up: float = 0.0,
    violet: float = 0.0,
    missing: float = 0.0,
    wrong: float = 0.0,
    labels: bool = True,
    prefix: str = "",
) -> list[list[object]]:
    """The records of one day, the same whenever asked for.

    `up`: standard deviations that amounts lie higher. Shares of rows: `violet` is a colour that the reference
    lacks, `missing` amounts, `wrong` labels turned round.
    """
    rng = np.random.default_rng(1_000 + day)
    amount = rng.normal(100, 15, n) + 15 * up
    score = rng.beta(2, 2, n).round(2)
    outcome = (rng.random(n) < score).astype(int)
    colour = rng.choice(["red", "green", "blue"], n)
    lots = rng.random((3, n))
    return [
        [
            f"{prefix}{day}-{i}",
            (DAY_0 + timedelta(days=day + i / n)).isoformat(),
            "" if lots[0, i] < missing else round(float(amount[i]), 3),
            "violet" if lots[1, i] < violet else colour[i],
            score[i],
            int(score[i] >= 0.5),
            (outcome[i] + (lots[2, i] < wrong)) % 2 if labels else "",
        ]
        for i in range(n)
    ]


class Clock:
    """The present; it goes on by a second whenever it is asked."""

    def __init__(self) -> None:
        self.now = DAY_0 + timedelta(days=90)

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass(kw_only=True)
class Watched:
    """A workspace with one model and its reference."""

    workspace: Workspace
    clock: Clock
    folder: Path
    numbers: count[int] = field(default_factory=lambda: count(1))

    def take_in(self, rows: Iterable[Sequence[object]], *, header: Sequence[str] = HEADER, **how: object) -> int:
        """Take in a file of records; its batch."""
        path = write_csv(self.folder / f"{next(self.numbers)}.csv", rows, header)
        outcome = self.workspace.records.add(LOCAL_OPERATOR, MODEL, [path], **how)[0]  # type: ignore[arg-type]
        assert outcome.error is None, outcome.error
        assert outcome.batch_id is not None, outcome.notes
        return outcome.batch_id

    def serve(self, *days: int, **moved: float) -> int:
        """Take in some days as one file; its batch."""
        return self.take_in([row for day in days for row in a_day(day, **moved)])

    def label(self, *days: int, wrong: float = 0.0) -> None:
        """Take in the late labels of some days."""
        rows = [(row[0], row[6]) for day in days for row in a_day(day, wrong=wrong)]
        path = write_csv(self.folder / f"{next(self.numbers)}.csv", rows, ("id", "outcome"))
        assert self.workspace.labels.add(LOCAL_OPERATOR, MODEL, [path])[0].error is None

    def update(self) -> None:
        """Count and judge what came in."""
        self.workspace.profiles.refresh(LOCAL_OPERATOR, MODEL)

    def alerts(self) -> list[AlertInfo]:
        """All alerts in the order they fired in."""
        return sorted(self.workspace.alerts.list(LOCAL_OPERATOR), key=lambda alert: alert.id)

    def watch(self) -> WatchReport:
        """What the watch says."""
        found = self.workspace.analysis.watch(LOCAL_OPERATOR, MODEL)
        assert found is not None
        return found

    def incidents(self, subject: str | None = None) -> list[IncidentInfo]:
        """Incidents beyond the margin."""
        return [i for i in self.watch().incidents if i.light == "material" and subject in (None, i.subject)]

    def verdict(self, subject: str, day: int) -> str:
        """The verdict on a subject after a day."""
        status, _ = self.watch().status(subject, self.key(day))
        return str(status)

    def key(self, day: int) -> int:
        """A day's window, as incidents name it."""
        return int((DAY_0 + timedelta(days=day)).timestamp()) * 1_000_000

    def days(self, incident: IncidentInfo) -> tuple[int, int | None]:
        """The days that an incident opened and closed in."""
        per_day = 86_400_000_000
        opened = (incident.opened - self.key(0)) // per_day
        return opened, None if incident.closed is None else (incident.closed - self.key(0)) // per_day

    def quality(self, day: int | None = None) -> object:
        """The report on data quality in a day's window."""
        selection = Selection(window=None if day is None else day_name(day))
        return self.workspace.analysis.quality(LOCAL_OPERATOR, MODEL, selection)

    def moves(self, alert: int) -> list[str]:
        """What became of an alert."""
        return [str(step.move) for step in self.workspace.alerts.show(LOCAL_OPERATOR, alert).moves]

    def state(self) -> object:
        """All that verdicts are read from."""
        found = self.watch()
        return found.incidents, found.sealed, found.subjects, [(a.state, a.title, a.standing) for a in self.alerts()]


def build(folder: Path, *, database_url: str | None = None) -> Watched:
    """A workspace whose reference is counted: copied on SQLite from one built before."""
    if database_url is None:
        return opened(folder, copy_of=_template())
    watched = opened(folder, database_url=database_url)
    _fill(watched)
    return watched


def opened(folder: Path, *, copy_of: Path | None = None, database_url: str | None = None) -> Watched:
    """A workspace in a folder, of its own or copied from another folder's that is closed."""
    if copy_of is not None:
        shutil.copytree(copy_of / "workspace", folder / "workspace")
    clock = Clock()
    workspace = Workspace.open(folder / "workspace", database_url=database_url, clock=clock)
    return Watched(workspace=workspace, clock=clock, folder=folder)


def _fill(watched: Watched) -> None:
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    rows = [row for day in range(-REFERENCE_DAYS, 0) for row in a_day(day)]
    watched.take_in(rows, role=BatchRole.REFERENCE)
    watched.update()


@cache
def _template() -> Path:
    """A workspace on SQLite, built once a process."""
    folder = Path(tempfile.mkdtemp(prefix="plumbline-watched-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    watched = opened(folder)
    _fill(watched)
    watched.workspace.close()
    return folder
