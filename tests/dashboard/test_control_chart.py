"""The Control chart page says in which windows a share lies outside its limits, and when nobody can say."""

from __future__ import annotations

import pytest

from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, chart_texts, markdown, tables, words
from tests.dashboard.states import HOSTILE


@pytest.mark.parametrize(
    ("state", "said", "chip"),
    [
        ("empty", "There is no model yet.", ""),
        ("no_reference", "loans has no reference.", ""),
        ("no_records", "There are no production records yet; a chart sets them against the reference.", "gray"),
        ("not_armed", "The chart is not armed: the reference has 3 days with rows, 7 are needed", "gray"),
        ("too_few", "The error rate can't be told from chance: with so few rows no share would lie outside", "gray"),
        ("no_label", "The error rate is undefined: no row has both a prediction and a label.", "gray"),
        ("without label", "The reference has no row with both a prediction and a label", "gray"),
        ("without score", "The error rate lies above the upper limit in 4 of 10 days, first 16 Jan 2026.", "orange"),
        ("without prediction", "The error rate lies inside the limits in all of 10 days.", "green"),
        ("without timestamp", "Rows 0 to 599, to rows 5,400 to 5,999; n 6,000.", "green"),
        ("regression", "A regression has no classes: its error rate and selection rate are undefined.", "green"),
        ("kinds", "The error rate lies above the upper limit in 10 of 10 days, first 11 Jan 2026.", "orange"),
    ],
)
def test_every_state_is_answered_in_words_and_in_control_only_where_it_could_be_out(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str, chip: str
) -> None:
    page = open_page("control_chart", folder_of(state))
    assert not page.exception
    assert said in words(page)
    chips = [text for text in markdown(page) if "-badge[" in text]
    assert not chips or chips[0].startswith(f":{chip}-badge")


def test_windows_outside_are_listed_with_their_limit_the_last_first(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("control_chart", folder_of("drifted"))
    assert "The error rate lies above the upper limit in 3 of 6 days, first 12 Jan 2026." in words(page)
    assert "its signals page nobody" in words(page)
    outside = next(frame for frame in tables(page) if "Limit" in frame.columns)
    assert [cell.split("\u00a0")[0] for cell in outside["Window"]] == ["14", "13", "12"]
    share, limit = (outside[name].str.rstrip("%").astype(float) for name in ("Share", "Limit"))
    assert (share > limit).all()
    phases = next(frame for frame in tables(page) if "Phase" in frame.columns)["Phase"]
    assert list(phases) == ["reference"] * 8 + ["production"] * 6
    page.button(key="how_chart").click().run()
    assert "A point on a limit is inside." in words(page)


def test_a_chart_in_control_says_what_would_have_been_seen(open_page: OpenPage, folder_of: FolderOf) -> None:
    shown = words(open_page("control_chart", folder_of("stable")))
    assert "The error rate lies inside the limits in all of 6 days." in shown
    assert "In the last day, n 300, a share above 42.5% or below 26.1% would have been seen." in shown


def test_a_link_keeps_the_series_and_one_that_names_none_shows_the_first(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("control_chart", folder_of("drifted"), series="Missing: amount")
    assert page.selectbox(key="series").value == "missing: amount"
    assert "The missing share of amount" in words(page)
    page = open_page("control_chart", folder_of("drifted"), series="nonsense")
    assert page.selectbox(key="series").value == "error rate"


def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("control_chart", folder_of("hostile"))
    series = next(option for option in page.selectbox(key="series").options if HOSTILE[1] in option)
    page.selectbox(key="series").set_value(f"missing: {HOSTILE[1]}").run()
    assert not page.exception
    assert series.startswith("Missing: ")
    assert_shown_as_text(page, HOSTILE)
    assert any("&lt;script&gt;" in text for text in chart_texts(page))
