"""The Concept page says whether outcomes still follow the score, and where it can't know."""

from __future__ import annotations

import pytest

from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, markdown, tables, words
from tests.dashboard.states import HOSTILE

INPUTS_NEED_NO_LABEL = ":green-badge[:material/check_circle: Not moved]"


@pytest.mark.parametrize(
    ("state", "said", "chip"),
    [
        ("empty", "There is no model yet.", ""),
        ("no_reference", "loans has no reference.", ""),
        ("no_records", "There are no production records yet to set against the reference.", "gray"),
        ("not_armed", "Not armed: the reference has 3 windows, 7 are needed.", "gray"),
        ("too_few", "can't be told. Too little data to tell: windows have fewer rows than the reference's", "gray"),
        ("no_label", "can't be told. No row has both a label and a place in these bins.", "gray"),
        ("without label", "can't be told. No row has both a label and a place in these bins.", "gray"),
        ("without score", "At the same predicted class, 'default' comes 29.2 points more often", "red"),
        ("without prediction", "No evidence of change: outcomes follow the score as in the reference", "green"),
        ("without timestamp", "Rows 5,400 to 5,999, labelled n 600", "green"),
        ("prices", "At the same predicted value, predictions are 28,693 higher than in the reference", "red"),
        ("kinds", "Predictions of the same class are right 7.4 points less often", "red"),
    ],
)
def test_every_state_is_answered_in_words_and_never_green_where_it_is_not_known(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str, chip: str
) -> None:
    page = open_page("concept", folder_of(state))
    assert not page.exception
    assert said in words(page)
    chips = [text for text in markdown(page) if "-badge[" in text]
    assert not chips or chips[0].startswith(f":{chip}-badge")
    if state in ("not_armed", "too_few", "no_label", "without label"):
        inputs = [INPUTS_NEED_NO_LABEL] if state in ("no_label", "without label") else []
        needing_labels = [text for text in chips if "label shift" not in text]
        assert [text for text in needing_labels if ":gray-badge" not in text] == inputs


def test_outcomes_that_left_the_score_are_said_with_size_interval_margin_and_since(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("concept", folder_of("declining"))
    shown = words(page)
    assert "At the same score, 'default' comes 32.6 points more often than in the reference [29.0, 36.3]" in shown
    assert "beyond the margin of 2.2 points." in shown
    assert "Among 600 labelled rows the share with 'default' is 71.7%, 39.0% expected" in shown
    assert "Since 16 Jan 2026." in shown
    assert "What this cannot tell" in shown
    bins = next(frame for frame in tables(page) if frame.columns[0] == "Bin")
    assert sum(int(n.replace(",", "")) for n in bins["n"]) == 600
    page.button(key="how_concept").click().run()
    assert "A change of the mix of bins is no change of concept" in words(page)


def test_an_interval_points_the_way_the_words_do(open_page: OpenPage, folder_of: FolderOf) -> None:
    shown = words(open_page("concept", folder_of("kinds")))
    assert "right 7.4 points less often than in the reference [4.9, 9.8], beyond the margin of 0.9 points." in shown
    assert "the share of right predictions is 88.0%, 95.4% expected" in shown


def test_a_regressions_numbers_are_written_out(open_page: OpenPage, folder_of: FolderOf) -> None:
    texts = words(open_page("concept", folder_of("prices"))).split("\n")
    sentence = next(text for text in texts if text.startswith("Among 600 labelled rows the mean error is"))
    assert "28,869" in sentence
    assert "e+0" not in sentence


def test_where_no_window_has_an_effect_there_is_a_reason_instead_of_a_chart(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("concept", folder_of("no_label"))
    assert "No window has a value, so there is nothing to draw." in words(page)
    assert not page.get("plotly_chart")


def test_a_link_keeps_segment_and_window(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("concept", folder_of("declining"), segment="area=north", window="12 Jan 2026")
    shown = words(page)
    assert "12 Jan 2026, labelled n " in shown
    assert "segment area=north only" in shown


@pytest.mark.parametrize("state", ["hostile", "hostile kinds"])
def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf, state: str) -> None:
    page = open_page("concept", folder_of(state))
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)


def test_what_moved_is_said_with_its_date_and_detectors_with_what_is_known_of_them(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("concept", folder_of("declining"))
    moved = next(frame for frame in tables(page) if frame.columns[0] == "Distribution")
    assert [cell.split("**")[1] for cell in moved["Distribution"]] == ["Inputs", "Outcomes", "Outcomes given the score"]
    outcomes, given = moved["Moved, since"][1], moved["Moved, since"][2]
    assert ":orange-badge" in outcomes
    assert ":red-badge" in given
    assert "16 Jan 2026" in moved["Moved, since"][2]
    detectors = next(frame for frame in tables(page) if frame.columns[0] == "Detector")
    assert [cell.strip("*").replace("\\", "") for cell in detectors["Detector"]] == [
        "DDM",
        "Page-Hinkley",
        "HDDM-A",
        "ADWIN",
    ]
    assert all("▲" in cell for cell in detectors[detectors.columns[1]])
    assert "Views only: none of them opens an alert." in words(page)


def test_the_sampled_rows_are_asked_on_demand_and_name_the_concept(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("concept", folder_of("declining"))
    assert "Brier score" not in words(page)
    page.button(key="ask_why").click().run(timeout=60)
    shown = words(page)
    assert not page.exception
    assert "The Brier score rose from" in shown
    assert "It comes from a change of concept" in shown
    assert "of their inputs in common." in shown


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("prices", "The mean absolute error"),
        ("kinds", "The share of wrong predictions"),
        ("without score", "The share of wrong predictions"),
        ("too_few", "50 sampled rows with a label are needed on each side"),
        ("hostile", "Brier score"),
    ],
)
def test_every_task_has_an_answer_to_why_or_a_reason(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str
) -> None:
    page = open_page("concept", folder_of(state))
    page.button(key="ask_why").click().run(timeout=60)
    assert not page.exception
    assert said in words(page)
