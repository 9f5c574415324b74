"""Windows are UTC instants computed from the model's zone, without gap or overlap."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.profile.windows import WindowPlan
from core.schema import WindowUnit

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Africa/Cairo",
]
instants = st.integers(
    min_value=int(datetime(1999, 1, 1, tzinfo=UTC).timestamp()),
    max_value=int(datetime(2035, 1, 1, tzinfo=UTC).timestamp()),
)


@given(instants, st.sampled_from(ZONES), st.sampled_from(list(WindowUnit)))
@settings(max_examples=300, deadline=None)
def test_every_instant_lies_in_its_window_and_the_next_begins_where_it_ends(
    second: int, zone: str, unit: WindowUnit
) -> None:
    plan = WindowPlan(unit=unit, rows=None, timezone=zone)
    key = int(plan.keys_of_times(np.array([second * 1_000_000]))[0])
    window = plan.window(key)
    moment = datetime.fromtimestamp(second, UTC)
    assert window.start_at <= moment < window.end_at
    end = int(window.end_at.timestamp()) * 1_000_000
    assert plan.keys_of_times(np.array([end]))[0] == end
    assert plan.keys_of_times(np.array([end - 1]))[0] == key


@given(
    st.lists(instants, min_size=1, max_size=30),
    st.sampled_from(ZONES),
    st.sampled_from([WindowUnit.DAY, WindowUnit.WEEK, WindowUnit.MONTH]),
)
@settings(max_examples=100, deadline=None)
def test_many_instants_at_once_get_the_windows_they_get_alone(seconds: list[int], zone: str, unit: WindowUnit) -> None:
    plan = WindowPlan(unit=unit, rows=None, timezone=zone)
    times = np.array(seconds) * 1_000_000
    together = plan.keys_of_times(times)
    alone = [plan.keys_of_times(times[i : i + 1])[0] for i in range(len(times))]
    assert together.tolist() == alone


@given(instants, st.sampled_from(ZONES))
@settings(max_examples=200, deadline=None)
def test_a_day_window_is_the_local_calendar_day(second: int, zone: str) -> None:
    plan = WindowPlan(unit=WindowUnit.DAY, rows=None, timezone=zone)
    window = plan.window(int(plan.keys_of_times(np.array([second * 1_000_000]))[0]))
    assert window.name == datetime.fromtimestamp(second, ZoneInfo(zone)).date().isoformat()


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", (2026, 3, 29), 23),
        ("Europe/Berlin", (2026, 10, 25), 25),
        ("America/Sao_Paulo", (2018, 11, 4), 23),
        ("Australia/Lord_Howe", (2026, 4, 5), 24.5),
    ],
)
def test_days_on_which_clocks_change_are_shorter_or_longer(zone: str, day: tuple[int, int, int], hours: float) -> None:
    plan = WindowPlan(unit=WindowUnit.DAY, rows=None, timezone=zone)
    noon = datetime(*day, 12, tzinfo=ZoneInfo(zone)).timestamp()
    window = plan.window(int(plan.keys_of_times(np.array([int(noon * 1e6)]))[0]))
    assert window.end_at - window.start_at == timedelta(hours=hours)


def test_weeks_begin_on_monday_and_are_named_as_iso_8601_does() -> None:
    plan = WindowPlan(unit=WindowUnit.WEEK, rows=None, timezone="UTC")
    moment = int(datetime(2027, 1, 3, tzinfo=UTC).timestamp() * 1e6)
    window = plan.window(int(plan.keys_of_times(np.array([moment]))[0]))
    assert (window.name, window.start_at.isoweekday()) == ("2026-W53", 1)


def test_rows_are_cut_in_file_order_across_batches() -> None:
    plan = WindowPlan(unit=None, rows=5)
    assert plan.keys_of_rows(3, 4).tolist() == [0, 0, 1, 1]
    assert plan.window(1).name == "rows 5 to 9"


def test_times_before_1970_have_windows_too() -> None:
    plan = WindowPlan(unit=WindowUnit.MONTH, rows=None, timezone="UTC")
    moment = int(datetime(1949, 5, 17, tzinfo=UTC).timestamp()) * 1_000_000
    assert plan.window(int(plan.keys_of_times(np.array([moment]))[0])).name == "1949-05"
