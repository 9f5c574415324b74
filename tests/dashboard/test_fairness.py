"""The Fairness page says who is treated differently, and never calls fair what is not known."""

from __future__ import annotations

import pytest

from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, chart_texts, markdown, tables, words
from tests.dashboard.states import HOSTILE


def compared(page):
    """The table of groups against the rest."""
    return next(frame for frame in tables(page) if "In the reference" in frame.columns)


@pytest.mark.parametrize(
    ("state", "said", "chip"),
    [
        ("empty", "There is no model yet.", ""),
        ("no_reference", "loans has no reference.", ""),
        ("no_records", "No production records yet: what you see is the reference itself.", "gray"),
        ("not_armed", "Not armed: the reference has 3 windows, 7 are needed.", "gray"),
        ("too_few", "0 of 2 groups assessed; not assessed: m (2 rows), f (8 rows).", "gray"),
        ("no_label", "Not enough data to tell whether a group differs by more than 5.0 points.", "gray"),
        ("without score", "Group f is approved 9.9 points less often than all others", "red"),
        ("without prediction", "As no prediction is logged, a score of 0.4 or more is 'default'.", "gray"),
        ("without timestamp", "10 windows to rows 5,400 to 5,999, n 6,000.", "gray"),
        ("without protected", "loans declares no protected attribute.", ""),
        ("kinds", "Every group assessed lies within 5.0 points of the rest.", "gray"),
        ("prices", "no margin is set for errors", "gray"),
    ],
)
def test_every_state_is_answered_in_words_and_green_only_where_every_group_is_known(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str, chip: str
) -> None:
    page = open_page("fairness", folder_of(state))
    assert not page.exception
    assert said in words(page)
    chips = [text for text in markdown(page) if "-badge[" in text]
    assert not chips or chips[0].startswith(f":{chip}-badge")
    if state in ("not_armed", "too_few", "prices"):
        assert not [text for text in chips if ":gray-badge" not in text]


def test_a_disparity_is_said_with_its_direction_interval_margin_and_reference(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("fairness", folder_of("declining"))
    shown = words(page)
    assert "Group f is approved 9.9 points less often than all others [6.6, 13.0], beyond the margin of 5.0" in shown
    assert "In the reference the difference was −1.8 points." in shown
    assert "Share approved: of a group's decisions, those that are 'repaid'." in shown
    assert "Disparities elsewhere: true positive rate by sex" in shown
    assert "0.80 is a convention, not a verdict" in shown
    assert "That a model is fair." in shown
    page.button(key="how_fairness").click().run()
    assert "Bonferroni over groups, beyond the margin of 5.0 points" in words(page)


def test_a_group_with_too_few_rows_has_no_rate_no_dot_and_no_green_verdict(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("fairness", folder_of("declining"))
    assert "3 of 4 groups assessed; not assessed: x (14 rows)." in words(page)
    row = compared(page).set_index("Group").loc["x"]
    assert "Not enough data" in row["Verdict"]
    assert row["Difference"] == row["Ratio"] == row["In the reference"] == "—"
    assert row.iloc[1].startswith("—")
    texts = chart_texts(page)
    assert "not enough data: n 14, 30 needed" in texts
    assert not [text for text in texts if text.startswith("x: ")]


def test_rates_that_need_labels_are_undefined_without_them_and_say_why(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("fairness", folder_of("without label"), rate="True positive rate")
    assert page.selectbox(key="rate").value == "True positive rate"
    shown = words(page)
    assert "No gap can be told." in shown
    assert ":gray-badge[:material/block: Undefined]" in markdown(page)
    assert not [text for text in markdown(page) if ":green-badge" in text]


def test_a_regressions_errors_are_told_by_group_once_each(open_page: OpenPage, folder_of: FolderOf) -> None:
    shown = words(open_page("fairness", folder_of("prices")))
    assert "Mean absolute error is 23,858 [22,352, 25,363] for Unknown, 23,359 [22,751, 23,967] for f." in shown
    assert "3 of 4 groups assessed; not assessed: x (19 rows)." in shown
    assert "Filled" not in shown


def test_a_link_keeps_attribute_measure_group_and_window(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page(
        "fairness", folder_of("declining"), attribute="sex", rate="Accuracy", group="m", window="18 Jan 2026"
    )
    assert not page.exception
    assert (page.selectbox(key="rate").value, page.selectbox(key="group").value) == ("Accuracy", "m")
    shown = words(page)
    assert "Accuracy: of the rows with prediction and label, those predicted right." in shown
    assert "8 windows to 18 Jan 2026" in shown
    assert any("Accuracy: m minus the rest" in text for text in chart_texts(page))


def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fairness", folder_of("hostile"))
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)
    rate = next(option for option in page.selectbox(key="rate").options if option.startswith("False positive"))
    page.selectbox(key="rate").set_value(rate).run()
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)
