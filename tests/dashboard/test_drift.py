"""The Drift page says which inputs moved, how far and since when."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, chart_texts, tables, words
from tests.dashboard.states import HOSTILE


def psi_table(page: AppTest) -> list[list[str]]:
    """The table of all columns."""
    return next(frame for frame in tables(page) if "PSI" in frame.columns).to_numpy().tolist()


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("empty", "There is no model yet."),
        ("no_reference", "loans has no reference."),
        ("no_records", "There are no production records yet."),
    ],
)
def test_without_anything_to_compare_the_page_says_what_is_missing(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str
) -> None:
    page = open_page("drift", folder_of(state))
    assert not page.exception
    assert said in words(page)
    assert not page.get("plotly_chart")


def test_while_nothing_is_armed_columns_are_compared_in_grey(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("not_armed"), model="loans")
    assert not page.exception
    text = words(page)
    assert "### No verdict: nothing is armed." in text
    assert "Asked of this window alone: 3 of 6 columns differ, amount, colour, decision: adjusted p-value" in text
    assert "Not armed: the reference has 3 windows, 7 are needed." in text
    assert "has been out since" not in text
    for colour in ("red", "orange", "green"):
        assert f":{colour}-badge" not in text
    assert {row[1] for row in psi_table(page)} == {"Not armed"}
    assert "#b3261e" not in chart_texts(page)
    page.button_group(key="shown").set_value("With an alarm").run()
    assert not page.exception
    assert "No column has an alarm in this window." in words(page)


def test_two_rows_cannot_tell_and_the_page_says_how_many_could(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("too_few"), model="loans")
    assert not page.exception
    text = words(page)
    assert "No evidence of change, but 6 of 6 columns can't be told." in text
    assert ":green-badge" not in text
    rows = psi_table(page)
    assert {row[1] for row in rows} == {"Not enough data"}
    assert all("too little data to tell" in row[7].replace("\\", "") for row in rows)
    assert "0.0% [0.0, 65.8] of rows lie outside anything seen" in text, "none of two rows says little"


def test_drift_needs_no_labels(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("no_label"), model="loans")
    assert not page.exception
    assert "No evidence of change in any of 6 columns." in words(page)


def test_what_moved_is_counted_named_and_dated(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("drifted"), model="loans")
    assert not page.exception
    text = words(page)
    assert "### 3 of 6 columns moved by more than the margin." in text
    assert "amount moved on its own. Share between 119.3 and 146: 10.0% to 59.0%." in text
    rows = psi_table(page)
    assert [row[0] for row in rows[:3]] == ["amount", "colour", "decision"]
    assert [row[1] for row in rows] == ["Material"] * 3 + ["Stable"] * 3
    assert all(row[5] == "300" for row in rows)
    assert [row[6] for row in rows] == ["12 Jan 2026"] * 3 + [""] * 3


def test_a_new_category_is_told_in_words(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("drifted"), model="loans", column="colour")
    assert not page.exception
    assert "Not in the reference 0.0% to 33.3%." in words(page)


def test_a_column_can_be_chosen_and_linked_to(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("drifted"), model="loans", column="region", window="13 Jan 2026")
    assert not page.exception
    assert page.selectbox(key="column").value == "region"
    assert page.selectbox(key="window").value == "2026-01-13"
    assert "13 Jan 2026, n 300" in words(page)
    assert "**region** :small[:gray[categorical]]" in words(page)
    page.selectbox(key="column").select("score").run()
    assert "**score** :small[:gray[numeric]]" in words(page)


def test_a_link_to_a_column_that_is_gone_shows_the_first(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("drifted"), model="loans", column="gone")
    assert not page.exception
    assert "**amount** :small[:gray[numeric]]" in words(page)


def test_only_alarms_are_listed_when_asked_for(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("drifted"), model="loans")
    page.button_group(key="shown").set_value("With an alarm").run()
    assert not page.exception
    texts = chart_texts(page)
    assert "amount" in texts
    assert "region" not in texts
    assert len(psi_table(page)) == 6, "the table stays complete"


@pytest.mark.parametrize("column", range(6))
def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf, column: int) -> None:
    page = open_page("drift", folder_of("hostile"), model="loans")
    assert not page.exception
    options = page.selectbox(key="column").options
    page.selectbox(key="column").select(options[column]).run()
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)


def test_the_drawer_says_how_it_is_computed(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("drifted"), model="loans")
    page.button(key="how_drift").click().run()
    assert not page.exception
    assert "**PSI** says how far it moved, less the bias that samples of these sizes have." in words(page)
    assert "11 bins of the reference; Jeffreys zero rule (+0.5); natural log" in words(page)
    assert page.code
