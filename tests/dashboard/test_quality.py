"""The Data quality page says whether a window's records can be trusted, and where that can't be told."""

from __future__ import annotations

import pytest

from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, markdown, tables, words
from tests.dashboard.states import HOSTILE


@pytest.mark.parametrize(
    ("state", "said", "chip"),
    [
        ("no_reference", "loans has no reference.", ""),
        ("no_records", "There are no production records yet.", ""),
        ("not_armed", "Nothing is broken that shows at once; nothing is watched here.", "gray"),
        ("too_few", "Nothing is broken that shows at once; 4 of 10 checks can't be told.", "gray"),
        ("stable", "Nothing is broken in this window; 1 of 10 checks can't be told.", "green"),
        ("drifted", "1 of 10 checks fails in this window.", "red"),
    ],
)
def test_every_state_is_answered_in_words_and_green_only_where_something_would_have_shown(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str, chip: str
) -> None:
    page = open_page("quality", folder_of(state))
    assert not page.exception
    assert said in words(page)
    chips = [text for text in markdown(page) if "-badge[" in text]
    assert not chips or chips[0].startswith(f":{chip}-badge")


def test_what_broke_is_told_by_check_and_by_column(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("quality", folder_of("drifted"))
    shown = words(page)
    assert "Columns: **amount** and **colour**." in shown
    assert "56.7% [51.0, 62.2] of rows lie outside anything seen; 0.2% in the reference." in shown
    assert ":red-badge[:material/error: Fails] Values lie within what the reference had" in shown
    assert "amount: 35.0% [29.8%, 40.6%], 0.1% in the reference; it has moved by more than its margin" in shown
    columns = next(frame for frame in tables(page) if "Outside the reference" in frame.columns)
    assert [cell.split("**")[1] for cell in columns["Column"]][:2] == ["amount", "colour"]
    assert [("Material" in cell, "Stable" in cell) for cell in columns["Verdict"]] == [
        *[(True, False)] * 2,
        *[(False, True)] * (len(columns) - 2),
    ]
    found = next(frame for frame in tables(page) if "What was found" in frame.columns)
    assert len(found) == 2
    page.button(key="how_quality").click().run()
    assert "whether or not anything is watched" in words(page)


def test_a_share_of_a_segment_is_shown_without_a_verdict(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("quality", folder_of("drifted"), segment="region=north")
    assert not page.exception
    assert "segment region=north only" in words(page)
    columns = next(frame for frame in tables(page) if "Outside the reference" in frame.columns)
    assert not [cell for cell in columns["Verdict"] if ":red-" in cell or ":green-" in cell]


def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("quality", folder_of("hostile"))
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)
