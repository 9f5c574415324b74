"""What the alarm engine says of public streams: the known changes and nothing before; grey where it can't tell.

Windows of production are numbered from 0, as on docs/alarms-on-real-streams.md, whose figures are checked here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from core.alarms.watch import Light
from tests.real.alarm_streams import Found, found_in, streams

pytestmark = pytest.mark.data

PAGE = Path(__file__).resolve().parents[2] / "docs" / "alarms-on-real-streams.md"
KNOWN = {"car_value", "salary_range", "loan_length", "repaid_loan_on_prev_car", "y_pred_proba"}
UPSTREAM = {"vicprice", "vicdemand", "transfer"}  # constant until 1997-05-05 (row 17,424), Harries (1999)


@pytest.fixture(scope="module")
def found(shared_data: Path) -> Mapping[str, Found]:
    return {stream.name: found_in(stream) for stream in streams(shared_data)}


def both_lights(found: Found) -> tuple[dict[int, set[str]], dict[int, set[str]]]:
    return found.events(Light.MATERIAL), found.events(Light.CHANGED)


def test_car_loans_change_in_the_known_chunk_in_the_known_columns_and_once(found: Mapping[str, Found]) -> None:
    chunks, weeks = found["car loan, 5,000 rows"], found["car loan, weeks"]
    assert both_lights(chunks) == ({5: KNOWN}, {5: KNOWN})
    assert both_lights(weeks) == ({22: KNOWN}, {22: KNOWN})  # week 21 has 145 rows of it among 1,156
    assert not chunks.grey
    assert set(chunks.left_out) == {"id"}


def test_by_day_car_loans_change_within_two_days_and_never_before(found: Mapping[str, Found]) -> None:
    days = found["car loan, days"]
    for events in both_lights(days):
        assert set(events) <= {152, 153, 154}
        assert set().union(*events.values()) == KNOWN


@pytest.mark.parametrize("name", ["titanic, 41 rows", "adult in row order, 500 rows"])
def test_where_nothing_changes_nothing_is_said(found: Mapping[str, Found], name: str) -> None:
    assert both_lights(found[name]) == ({}, {})
    assert found[name].watched


def test_adult_is_silent_though_every_column_is_watched(found: Mapping[str, Found]) -> None:
    adult = found["adult in row order, 500 rows"]
    assert (len(adult.watched), adult.grey, adult.left_out) == (15, {}, {})


def test_processor_load_alarms_inside_the_labelled_window_only(found: Mapping[str, Found]) -> None:
    """NAB labels 2014-07-10 to 07-15, days 36 to 41 of production."""
    material, changed = both_lights(found["NAB cpu_asg, days"])
    assert set(material) == {39}
    assert set(changed) <= set(range(36, 42))


def test_elec2_finds_the_day_on_which_the_other_market_opens(found: Mapping[str, Found]) -> None:
    days, weeks = found["elec2, days"], found["elec2, weeks"]
    assert both_lights(days) == ({49: UPSTREAM}, {49: UPSTREAM})
    assert both_lights(weeks) == ({8: UPSTREAM}, {8: UPSTREAM})
    assert {"nswprice", "nswdemand"} <= set(days.grey) & set(weeks.grey)


def test_weather_by_30_rows_is_grey_altogether_and_by_365_in_the_column_that_moves(found: Mapping[str, Found]) -> None:
    months, years = found["weather, 30 rows"], found["weather, 365 rows"]
    assert (len(months.grey), months.watched) == (9, [])
    assert set(years.grey) == {"feat_4"}
    assert both_lights(months) == both_lights(years) == ({}, {})


def test_bike_rentals_grow_and_are_found_by_week_and_grey_by_day(found: Mapping[str, Found]) -> None:
    days, weeks = found["bike sharing, days"], found["bike sharing, weeks"]
    assert {"cnt", "registered", "casual"} <= set(days.grey)
    for events in both_lights(days):
        assert events == {0: {"yr"}}  # the reference holds one year only
    for events in both_lights(weeks):
        grown = {column for window, columns in events.items() if window for column in columns}
        assert grown == {"cnt", "registered"}
        assert min(window for window in events if window) >= 9, "before rentals rise in spring"


def test_california_is_sorted_by_county_and_grey_where_that_shows(found: Mapping[str, Found]) -> None:
    weeks, days = found["California housing, weeks"], found["California housing, days"]
    assert not days.watched
    assert set(weeks.watched) == {"AveBedrms", "Population"}
    assert {"Latitude", "Longitude", "MedInc", "y_pred", "y_pred_proba"} <= set(weeks.grey)
    assert both_lights(weeks) == both_lights(days) == ({}, {})


def test_what_is_grey_says_why(found: Mapping[str, Found]) -> None:
    reasons = [reason for stream in found.values() for reason in stream.grey.values()]
    assert len(reasons) > 40
    assert all(reason.startswith("Not monitorable") and reason.endswith(".") for reason in reasons)
    assert not any("is 0.5 standard deviations, more than 0.5" in reason for reason in reasons)


def test_the_page_gives_the_figures_of_this_run(found: Mapping[str, Found]) -> None:
    page = PAGE.read_text().splitlines()
    missing = [line for stream in found.values() for line in stream.lines if line not in page]
    assert not missing, "run `python -m tests.real.alarm_streams` and paste its lines"
