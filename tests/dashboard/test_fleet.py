"""The Fleet page says which model needs somebody now, and calls nothing stable that isn't known to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, linked, markdown, words
from tests.dashboard.states import HOSTILE

GREEN = ":green-badge[:material/check_circle: Stable]"


def n_models(page: AppTest, verdict: str) -> int:
    """What the tile of a verdict counts."""
    return next(int(metric.value) for metric in page.metric if verdict in metric.label)


def test_an_empty_workspace_leads_to_the_first_model(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fleet", folder_of("empty"))
    assert not page.exception
    assert "There is no model yet." in words(page)
    assert ("data", "") in linked(page)


@pytest.mark.parametrize(
    ("state", "lacks"),
    [
        ("no_reference", "loans has 200 records and no reference. Until it has one, nothing can be said about it."),
        ("no_records", "loans has a reference of 2,400 records and no production records."),
    ],
)
def test_a_model_that_cannot_be_monitored_says_what_it_lacks(
    open_page: OpenPage, folder_of: FolderOf, state: str, lacks: str
) -> None:
    page = open_page("fleet", folder_of(state))
    assert not page.exception
    assert lacks in words(page).replace("**", "")
    assert "No model is monitored yet." in words(page)
    assert ("data", "model=loans") in linked(page)
    assert not page.metric, "there is nothing to count"


def test_a_model_that_is_not_armed_is_grey_whatever_moved(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fleet", folder_of("not_armed"))
    assert not page.exception
    text = words(page)
    assert "No alarm; 1 of 1 model can't be judged." in text
    assert "loans; not armed" in text
    assert "3 reference windows of 7 needed" in text
    assert [n_models(page, verdict) for verdict in ("Material", "Changed", "Not enough data", "Stable")] == [0, 0, 1, 0]
    assert "columns: not armed" in text


def test_two_rows_a_window_are_never_shown_as_none_or_all(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fleet", folder_of("too_few"))
    assert not page.exception
    cells = [
        text for text in markdown(page) if "columns" in text or ":small[accuracy]" in text or ":small[gap]" in text
    ]
    assert len(cells) == 3
    assert all(cell.startswith(("—", "**—**")) for cell in cells), cells
    assert "6 columns can't be told" in words(page)
    assert "performance can't be told: windows have fewer rows than the reference's" in words(page)
    assert (n_models(page, "Not enough data"), n_models(page, "Stable")) == (1, 0)


def test_without_labels_no_performance_is_shown_and_nothing_is_stable(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fleet", folder_of("no_label"))
    assert not page.exception
    assert "None of the 300 rows has a label." in words(page)
    assert "no window with labels" in words(page)
    assert n_models(page, "Stable") == 0


def test_an_alarm_is_told_with_what_moved_from_to_and_since_when(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fleet", folder_of("drifted"))
    assert not page.exception
    text = words(page)
    assert "1 of 1 model has an alarm. loans: AUC fell from 0." in text
    assert "AUC fell, since 12 Jan" in text
    assert "also fairness, concept, drift and data quality" in text
    assert n_models(page, "Material") == 1
    assert "**3** :small[of 6]" in text
    assert "columns moved" in text


def test_the_worst_comes_first_and_what_is_not_monitored_last(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fleet", folder_of("fleet"))
    assert not page.exception
    rows = [query for name, query in linked(page) if name == "model"]
    assert rows[0] == "model=drifted"
    assert set(rows) == {"model=drifted", "model=stable", "model=not-armed", "model=no-label"}
    to_data = [query for name, query in linked(page) if name == "data"]
    assert sorted(to_data) == ["model=no-records", "model=no-reference"]
    assert "1 of 4 models has an alarm." in words(page)


def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fleet", folder_of("hostile"))
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)


def test_the_line_of_windows_has_words(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fleet", folder_of("drifted"))
    pictures = [element for element in page.main if getattr(element, "type", "") == "image"]
    assert pictures
    assert all("AUC by window, last 0." in str(picture.proto) for picture in pictures)


def test_a_folder_that_is_no_workspace_yet_becomes_an_empty_one(open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page("fleet", tmp_path / "new")
    assert not page.exception
    assert "There is no model yet." in words(page)
