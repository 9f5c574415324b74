"""Windows: stretches of calendar time in the model's zone, or of N rows in file order."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.schema import WindowSpec, WindowUnit

__all__ = ["Window", "WindowPlan"]

Ints = NDArray[np.int64]

PER_YEAR = {
    WindowUnit.HOUR: 8766.0,
    WindowUnit.DAY: 365.25,
    WindowUnit.WEEK: 52.18,
    WindowUnit.MONTH: 12.0,
    WindowUnit.QUARTER: 4.0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One window. `key` orders windows: microseconds since 1970 at its start, or its number of N rows."""

    key: int
    name: str
    start_at: datetime | None = None
    end_at: datetime | None = None
    first_row: int | None = None
    last_row: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowPlan:
    """How a model's records are cut into windows; bounds are UTC instants computed from its zone.

    Examples
    --------
    >>> plan = WindowPlan(unit=WindowUnit.DAY, rows=None, timezone="America/New_York")
    >>> key = plan.keys_of_times(np.array([1_772_949_600_000_000]))[0]  # 2026-03-08, clocks go forward
    >>> window = plan.window(int(key))
    >>> window.name, str(window.end_at - window.start_at)
    ('2026-03-08', '23:00:00')
    """

    unit: WindowUnit | None
    rows: int | None
    timezone: str = "UTC"

    @classmethod
    def of(cls, spec: WindowSpec, timezone: str) -> WindowPlan:
        """The plan that a model schema asks for."""
        return cls(unit=spec.every, rows=spec.rows, timezone=timezone)

    @property
    def per_year(self) -> float | None:
        """How many windows a year has, None for windows of N rows."""
        return PER_YEAR[self.unit] if self.unit else None

    @property
    def unit_name(self) -> str:
        """What one window is called: 'week', or '500 rows'."""
        return str(self.unit) if self.unit else f"{self.rows:,} rows"

    def keys_of_times(self, microseconds: Ints) -> Ints:
        """The window key of each instant, given as microseconds since 1970 (UTC)."""
        if self.unit is None:
            raise ValueError("Windows of N rows are cut by row number, not by time.")
        if microseconds.size == 0:
            return np.empty(0, dtype=np.int64)
        bounds = self._starts(int(microseconds.min()), int(microseconds.max()))
        return bounds[np.searchsorted(bounds, microseconds, side="right") - 1]

    def keys_of_rows(self, first_row: int, n_rows: int) -> Ints:
        """The window key of `n_rows` rows of which the first is number `first_row`, from 0."""
        if self.rows is None:
            raise ValueError("Calendar windows are cut by time, not by row number.")
        return np.arange(first_row, first_row + n_rows, dtype=np.int64) // self.rows

    def window(self, key: int) -> Window:
        """The window with this key."""
        if self.unit is None:
            if self.rows is None:
                raise ValueError("A window plan needs a unit or a number of rows.")
            first = key * self.rows
            last = first + self.rows - 1
            return Window(key=key, name=f"rows {first:,} to {last:,}", first_row=first, last_row=last)
        start = datetime.fromtimestamp(key // 1_000_000, UTC)
        local = start.astimezone(ZoneInfo(self.timezone))
        return Window(key=key, name=_name(self.unit, local), start_at=start, end_at=self._next_start(start))

    def between(self, first: int, last: int) -> tuple[Window, ...]:
        """All windows from the one with key `first` to the one with key `last`, those without a record too.

        Examples
        --------
        >>> plan = WindowPlan(unit=None, rows=100)
        >>> [window.name for window in plan.between(3, 4)]
        ['rows 300 to 399', 'rows 400 to 499']
        """
        keys = range(first, last + 1) if self.unit is None else self._starts(first, last).tolist()
        return tuple(self.window(key) for key in keys)

    def phase(self, window: Window) -> int:
        """Where a window lies in its rhythm: its hour of the day, its weekday (0 is Monday), its month; else 0."""
        if window.start_at is None:
            return 0
        local = window.start_at.astimezone(ZoneInfo(self.timezone))
        if self.unit is WindowUnit.HOUR:
            return local.hour
        if self.unit is WindowUnit.DAY:
            return local.weekday()
        return local.month - 1 if self.unit is WindowUnit.MONTH else 0

    @property
    def n_phases(self) -> int:
        """How many windows such a rhythm has; 1 for none."""
        return {WindowUnit.HOUR: 24, WindowUnit.DAY: 7, WindowUnit.MONTH: 12}.get(self.unit, 1) if self.unit else 1

    def _starts(self, first: int, last: int) -> Ints:
        """The starts of all windows from the one that holds `first` to the one that holds `last`."""
        start = self._start_of(datetime.fromtimestamp(first // 1_000_000, UTC))
        bounds = []
        while (key := int(start.timestamp()) * 1_000_000) <= last:
            bounds.append(key)
            start = self._next_start(start)
        return np.array(bounds, dtype=np.int64)

    def _start_of(self, instant: datetime) -> datetime:
        zone = ZoneInfo(self.timezone)
        local = instant.astimezone(zone)
        if self.unit is WindowUnit.HOUR:
            return instant - timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return _midnight(_first_day(self.unit, local.date()), zone)

    def _next_start(self, start: datetime) -> datetime:
        zone = ZoneInfo(self.timezone)
        if self.unit is WindowUnit.HOUR:
            following = start + timedelta(hours=1)
            minutes = following.astimezone(zone).minute  # not 0 only where clocks jump by half an hour
            return following + timedelta(minutes=(60 - minutes) % 60)
        day = start.astimezone(zone).date()
        if self.unit is WindowUnit.DAY:
            return _midnight(day + timedelta(days=1), zone)
        if self.unit is WindowUnit.WEEK:
            return _midnight(day + timedelta(days=7), zone)
        months = 1 if self.unit is WindowUnit.MONTH else 3
        month = day.month - 1 + months
        return _midnight(date(day.year + month // 12, month % 12 + 1, 1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant at which a local day begins; where clocks skip midnight, the first that exists."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _first_day(unit: WindowUnit | None, day: date) -> date:
    if unit is WindowUnit.WEEK:
        return day - timedelta(days=day.weekday())
    if unit is WindowUnit.MONTH:
        return day.replace(day=1)
    if unit is WindowUnit.QUARTER:
        return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
    return day


def _name(unit: WindowUnit, local: datetime) -> str:
    if unit is WindowUnit.HOUR:
        return local.strftime("%Y-%m-%dT%H%z")
    if unit is WindowUnit.WEEK:
        year, week, _ = local.isocalendar()
        return f"{year}-W{week:02d}"
    if unit is WindowUnit.MONTH:
        return local.strftime("%Y-%m")
    if unit is WindowUnit.QUARTER:
        return f"{local.year}-Q{(local.month - 1) // 3 + 1}"
    return local.date().isoformat()
