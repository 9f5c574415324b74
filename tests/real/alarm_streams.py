"""Public streams as the alarm engine sees them: which windows they have, and what it says of them.

    python -m tests.real.alarm_streams

prints the lines of docs/alarms-on-real-streams.md.
"""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.alarms.detector import Detection
from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light, Season, Watch, arm
from core.profile.windows import WindowPlan
from core.schema import WindowUnit
from core.services.arming import CYCLES, horizon_of
from tests.conftest import SHARED_DATA
from tests.counted_columns import CountedColumn, counted_column, watched

Ints = NDArray[np.int64]

VALUES = "values/"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """Rows in order, their instants where windows are of the calendar, and how much of it is the reference."""

    name: str
    rows: pd.DataFrame
    plan: WindowPlan
    instants: pd.Series | None = None
    n_reference_rows: int | None = None
    n_reference_windows: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """What the engine says of a stream; windows of production are numbered from 0."""

    name: str
    n_reference: int
    n_production: int
    n_window: float
    watch: Watch
    left_out: dict[str, str]
    detections: dict[Light, Detection]

    @property
    def grey(self) -> dict[str, str]:
        """Columns whose values are not watched, with the reason."""
        why = {self.watch.subjects[number].key: reason for number, reason in self.watch.why_not.items()}
        return {key.removeprefix(VALUES): why[key] for key in sorted(why) if key.startswith(VALUES)}

    @property
    def watched(self) -> list[str]:
        """Columns whose values are watched."""
        columns = [subject.column for subject in self.watch.subjects if subject.key.startswith(VALUES)]
        return sorted(set(columns) - set(self.grey))

    def events(self, light: Light) -> dict[int, set[str]]:
        """Windows in which incidents opened, with the columns that they are of."""
        found: dict[int, set[str]] = {}
        for incident in self.detections[light].incidents:
            found.setdefault(incident.opened, set()).add(self.watch.subjects[incident.subject].column)
        return dict(sorted(found.items()))

    @property
    def findable(self) -> dict[str, float]:
        """The smallest lasting shift of each column's values that could be found if all were watched, in sd."""
        shifts = replace(self.watch, why_not={}).smallest_shifts(self.watch.horizon, Light.CHANGED)
        pairs = zip(self.watch.subjects, shifts.tolist(), strict=True)
        return {subject.column: shift for subject, shift in pairs if subject.key.startswith(VALUES)}

    @property
    def lines(self) -> list[str]:
        """What the page says of it: a row of its table, and what is grey."""
        cells = [
            self.name,
            f"{self.n_reference:,} and {self.n_production:,} of {self.n_window:,.0f}",
            _said(self.events(Light.MATERIAL)),
            _said(self.events(Light.CHANGED)),
            f"{len(self.watched)} of {len(self.watched) + len(self.grey)}",
        ]
        said = [f"| {' | '.join(cells)} |"]
        if self.grey:
            said.append(f"- *{self.name}*: {', '.join(self._why_grey(column) for column in self.grey)}")
        return said

    def _why_grey(self, column: str) -> str:
        if "bursts" in self.grey[column]:
            return f"{column} (bursts)"
        shift = self.findable[column]
        return f"{column} ({'none' if math.isinf(shift) else f'{shift:.2g}'})"


def found_in(stream: Stream, policy: AlarmPolicy | None = None) -> Found:
    """Count a stream, arm it on its reference as the product does, and run it over what came after."""
    policy = policy or AlarmPolicy()
    windows, phases, n_reference = _windows(stream)
    n_windows = phases.size
    before = windows < n_reference
    columns, left_out = [], {}
    for name in stream.rows:
        counted = counted_column(str(name), stream.rows[name], windows, n_reference=n_reference, n_windows=n_windows)
        if isinstance(counted, CountedColumn):
            columns.append(counted)
        else:
            left_out[str(name)] = counted
    n_window = float(before.sum()) / n_reference
    subjects, reference, production = watched(columns, n_window)
    n_phases = stream.plan.n_phases
    has_season = n_reference >= CYCLES.get(n_phases, n_reference) * n_phases and n_phases in CYCLES
    watch = arm(
        subjects,
        reference,
        margins=[policy.margin(subject.column) for subject in subjects],
        allowances={light: policy.allowance(stream.plan.per_year, changed=light is Light.CHANGED) for light in Light},
        horizon=horizon_of(stream.plan),
        season=Season(phases=phases[:n_reference], n_phases=n_phases) if has_season else None,
    )
    after = phases[n_reference:] if has_season else np.zeros(n_windows - n_reference, dtype=np.int64)
    return Found(
        name=stream.name,
        n_reference=n_reference,
        n_production=n_windows - n_reference,
        n_window=n_window,
        watch=watch,
        left_out=left_out,
        detections={light: watch.run(production, after, light) for light in Light},
    )


def _windows(stream: Stream) -> tuple[Ints, Ints, int]:
    """The number of each row's window, the place of each window in its rhythm, and how many are the reference."""
    if stream.instants is None:
        n = stream.n_reference_rows or 0
        keys = [stream.plan.keys_of_rows(0, n), stream.plan.keys_of_rows(0, len(stream.rows) - n)]
        n_reference = int(keys[0].max()) + 1
        windows = np.concatenate([keys[0], keys[1] + n_reference])
        return windows, np.zeros(int(windows.max()) + 1, dtype=np.int64), n_reference
    own = stream.plan.keys_of_times(stream.instants.to_numpy().astype("datetime64[us]").astype(np.int64))
    n, chosen = stream.n_reference_rows, stream.n_reference_windows
    sides = [own] if n is None else [own[:n], own[n:]]
    parts, phases, first = [], [], 0
    for side in sides:
        between = stream.plan.between(int(side.min()), int(side.max()))
        parts.append(first + np.searchsorted([window.key for window in between], side))
        phases += [stream.plan.phase(window) for window in between]
        first += len(between)
        chosen = chosen or first
    return np.concatenate(parts), np.array(phases, dtype=np.int64), chosen or 0


def streams(folder: Path) -> Iterator[Stream]:
    """All of them."""
    yield from car_loan(folder / "nannyml_car_loan")
    yield titanic(folder / "titanic_dq")
    yield adult(folder / "adult")
    yield cpu(folder / "nab" / "data")
    yield from electricity(folder / "elec2")
    yield from weather(folder / "weather")
    yield from bikes(folder / "bike_sharing")
    yield from houses(folder / "california_housing")


def car_loan(folder: Path) -> Iterator[Stream]:
    before, after = (pd.read_csv(folder / f"synthetic_car_loan_{part}.csv.gz") for part in ("reference", "analysis"))
    rows = pd.concat([before[after.columns], after], ignore_index=True)
    instants = pd.to_datetime(rows.pop("timestamp"))
    yield Stream(name="car loan, 5,000 rows", rows=rows, plan=_rows(5_000), n_reference_rows=len(before))
    for unit in (WindowUnit.WEEK, WindowUnit.DAY):
        yield Stream(
            name=f"car loan, {unit}s", rows=rows, plan=_calendar(unit), instants=instants, n_reference_rows=len(before)
        )


def titanic(folder: Path) -> Stream:
    before, after = (pd.read_csv(folder / f"titanic_{part}.csv") for part in ("reference", "analysis"))
    rows = pd.concat([before[after.columns], after], ignore_index=True)
    return Stream(name="titanic, 41 rows", rows=rows, plan=_rows(41), n_reference_rows=len(before))


def adult(folder: Path) -> Stream:
    rows = pd.read_parquet(folder / "adults.parquet")
    return Stream(name="adult in row order, 500 rows", rows=rows, plan=_rows(500), n_reference_rows=32 * 500)


def cpu(folder: Path) -> Stream:
    rows = pd.read_csv(folder / "realKnownCause__cpu_utilization_asg_misconfiguration.csv")
    instants = pd.to_datetime(rows.pop("timestamp"))
    return Stream(
        name="NAB cpu_asg, days", rows=rows, plan=_calendar(WindowUnit.DAY), instants=instants, n_reference_windows=21
    )


def electricity(folder: Path) -> Iterator[Stream]:
    rows = pd.read_csv(folder / "elec2_full.csv.gz")
    instants = pd.Series(pd.Timestamp("1996-05-07") + pd.to_timedelta(np.arange(len(rows)) * 30, unit="min"))
    for unit, n in ((WindowUnit.DAY, 314), (WindowUnit.WEEK, 44)):
        yield Stream(name=f"elec2, {unit}s", rows=rows, plan=_calendar(unit), instants=instants, n_reference_windows=n)


def weather(folder: Path) -> Iterator[Stream]:
    rows = pd.read_csv(folder / "weather.csv")
    for n, n_windows in ((30, 192), (365, 16)):
        yield Stream(name=f"weather, {n} rows", rows=rows, plan=_rows(n), n_reference_rows=n * n_windows)


def bikes(folder: Path) -> Iterator[Stream]:
    with zipfile.ZipFile(folder / "bike_sharing_dataset.zip") as archive:
        rows = pd.read_csv(archive.open("hour.csv"))
    instants = pd.to_datetime(rows.pop("dteday"))
    for unit, n in ((WindowUnit.DAY, 365), (WindowUnit.WEEK, 52)):
        yield Stream(
            name=f"bike sharing, {unit}s", rows=rows, plan=_calendar(unit), instants=instants, n_reference_windows=n
        )


def houses(folder: Path) -> Iterator[Stream]:
    before, after = (pd.read_csv(folder / f"california_housing_{part}.csv") for part in ("reference", "analysis"))
    rows = pd.concat([before[after.columns], after], ignore_index=True)
    instants = pd.to_datetime(rows.pop("timestamp"))
    for unit in (WindowUnit.WEEK, WindowUnit.DAY):
        yield Stream(
            name=f"California housing, {unit}s",
            rows=rows,
            plan=_calendar(unit),
            instants=instants,
            n_reference_rows=len(before),
        )


def _rows(n: int) -> WindowPlan:
    return WindowPlan(unit=None, rows=n)


def _calendar(unit: WindowUnit) -> WindowPlan:
    return WindowPlan(unit=unit, rows=None)


def _said(events: dict[int, set[str]]) -> str:
    return "; ".join(f"**{window}**: {', '.join(sorted(columns))}" for window, columns in events.items()) or "silent"


if __name__ == "__main__":
    said = [found_in(each).lines for each in streams(SHARED_DATA)]
    print("\n".join([*(row for row, *_ in said), "", *(line for _, *grey in said for line in grey)]))  # noqa: T201
