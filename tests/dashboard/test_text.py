"""Text from data is shown letter by letter, and numbers with the digits they deserve."""

from __future__ import annotations

import doctest
import math
import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import dashboard.text
from core.measure import Family, Interval, Measure, Status
from core.profile.windows import WindowPlan
from core.schema import WindowUnit
from dashboard.text import (
    ADDRESS,
    WORD_JOINER,
    chip,
    day,
    digest,
    first_day,
    headline,
    in_cell,
    in_sentence,
    instant,
    listed,
    number,
    plain,
    plural,
    signed,
    spoken,
    value_cell,
    window_name,
)
from tests.dashboard.states import HOSTILE

SPECIAL = "\\`*_{}[]()#+-.!|~$:<>&\"'=/"


def unescaped(text: str) -> str:
    """What a reader sees of escaped text."""
    return re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", text).replace(WORD_JOINER, "")


@given(st.text())
def test_escaping_changes_no_printable_letter(text: str) -> None:
    readable = "".join(char if char.isprintable() else " " for char in text)
    assert unescaped(plain(text)) == readable.replace(WORD_JOINER, "")


@given(st.text(alphabet=SPECIAL + "ab \n\t\r"))
def test_no_character_that_markdown_reads_is_left_bare(text: str) -> None:
    bare = re.sub(r"\\[!-/:-@\[-`{-~]", "", plain(text))
    assert not set(bare) & set(SPECIAL)
    assert "\n" not in bare


@pytest.mark.parametrize("text", [*HOSTILE, "https://evil", "www.evil", "a@evil", ":smile:", ":+1:", "\u202eabc"])
def test_no_directive_and_no_address_survives(text: str) -> None:
    shown = plain(text)
    assert not re.search(r"(?<!\\):[\w+/-]+:", shown)
    without_slashes = shown.replace("\\", "")
    assert "://" not in without_slashes
    assert not re.search(r"www\.|\w@\w", without_slashes)
    assert not ADDRESS.search(without_slashes.replace(WORD_JOINER, " "))


def test_undefined_is_a_dash_and_never_a_number() -> None:
    assert number(None, "roc_auc") == number(math.nan) == number(math.inf) == signed(None) == "—"
    assert headline(None, n=1_000) == "—"
    assert headline(1.0, n=29) == "—"
    assert headline(1.0, n=30) == "100.0%"


@pytest.mark.parametrize(
    ("value", "measure", "shown"),
    [
        (0.5, "", "50.0%"),
        (-0.005, "", "−0.5%"),
        (0.81249, "roc_auc", "0.812"),
        (0.0049, "psi", "0.005"),
        (0.00049, "psi", "0.00"),
        (1234.5, "mae", "1,234"),
        (1.2345, "mae", "1.23"),
        (0.0, "mae", "0.00"),
        (-123456.0, "bias", "−123,456"),
    ],
)
def test_numbers_have_the_digits_of_their_measure(value: float, measure: str, shown: str) -> None:
    assert number(value, measure) == shown


def test_differences_are_signed_and_of_rates_in_points() -> None:
    assert signed(0.05) == "+5.0 pp"
    assert signed(-0.05) == "−5.0 pp"
    assert signed(0.0, "roc_auc") == "+0.000"


def test_intervals_have_the_digits_of_their_value() -> None:
    interval = Interval(low=-0.0312, high=0.0777)
    assert in_sentence(interval) == "[−3.1, 7.8]"
    assert in_cell(interval).replace("\u00a0", " ") == "−3.1 to 7.8"
    assert in_sentence(Interval(low=0.7513, high=math.inf), "roc_auc") == "[0.751, ∞]"
    assert in_sentence(None) == in_cell(None) == ""


def test_lists_and_counts_read_as_sentences() -> None:
    assert listed([]) == ""
    assert listed(["a"]) == "a"
    assert listed(["a", "b"]) == "a and b"
    assert listed(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
    assert plural(1_000, "row") == "1,000 rows"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland"])
@pytest.mark.parametrize(
    ("unit", "shown"),
    [
        (WindowUnit.HOUR, "2 Oct 2026, 12:00 UTC"),
        (WindowUnit.DAY, "2 Oct 2026"),
        (WindowUnit.WEEK, "week of 28 Sep 2026"),
        (WindowUnit.MONTH, "Oct 2026"),
        (WindowUnit.QUARTER, "2026-Q4"),
    ],
)
def test_windows_are_named_by_the_calendar_of_the_models_zone(unit: WindowUnit, shown: str, zone: str) -> None:
    noon = datetime(2026, 10, 2, 12, tzinfo=ZoneInfo(zone))
    plan = WindowPlan(unit=unit, rows=None, timezone=zone)
    window = plan.window(int(plan.keys_of_times(np.array([int(noon.timestamp()) * 1_000_000]))[0]))
    assert window_name(window).startswith(shown)
    assert spoken(window) == plain(f"{'the ' if unit is WindowUnit.WEEK else ''}{window_name(window)}")
    start = (window.start_at or noon).astimezone(ZoneInfo(zone))
    assert first_day(window) == start.date()


def test_the_hour_that_comes_twice_has_two_names() -> None:
    plan = WindowPlan(unit=WindowUnit.HOUR, rows=None, timezone="Europe/Berlin")
    hours = [int(datetime(2026, 10, 25, hour, tzinfo=UTC).timestamp()) * 1_000_000 for hour in (0, 1)]
    names = [window_name(plan.window(int(key))) for key in plan.keys_of_times(np.array(hours))]
    assert names == ["25 Oct 2026, 02:00 UTC+02:00", "25 Oct 2026, 02:00 UTC+01:00"]


def test_windows_of_rows_keep_their_name() -> None:
    window = WindowPlan(unit=None, rows=500, timezone="UTC").window(2)
    assert window_name(window) == window.name
    assert first_day(window) is None


def test_moments_and_digests_have_one_form() -> None:
    moment = datetime(2026, 11, 19, 9, 14, tzinfo=UTC)
    assert (day(moment), day(moment, year=True), instant(moment)) == ("19 Nov", "19 Nov 2026", "19 Nov 2026, 09:14 UTC")
    assert day(None) == instant(None) == "—"
    assert digest("0123456789abcdef" * 4) == "0123 4567 89ab … cdef"


def test_only_what_is_known_to_be_stable_is_green() -> None:
    assert [status for status in Status if "green" in chip(status)] == [Status.OK]
    assert [status for status in Status if "gray" in chip(status)] == [Status.INSUFFICIENT, Status.UNDEFINED]


def test_a_cell_shows_the_value_and_its_interval_or_why_there_is_none() -> None:
    undefined = Measure(
        family=Family.FAIRNESS,
        measure="recall",
        value=None,
        n=0,
        convention="",
        status=Status.UNDEFINED,
        why="*No* row.",
    )
    assert value_cell(undefined) == "—  \n:small[:gray[\\*No\\* row\\.]]"
    rate = Measure(family=Family.FAIRNESS, measure="recall", value=0.5, n=9, convention="")
    assert value_cell(rate) == "**50.0%**  \n:small[:gray[no interval]]"


def test_the_examples_of_the_documentation_are_true() -> None:
    result = doctest.testmod(dashboard.text)
    assert result.attempted >= 10
    assert result.failed == 0
