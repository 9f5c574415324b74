"""The Model page says whether the model is still fit, and if not, why; and never more than is known."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, chart_texts, linked, markdown, tables, words
from tests.dashboard.states import HOSTILE

FAMILIES = ("Performance", "Concept", "Drift", "Fairness", "Data quality")


def tiles(page: AppTest) -> dict[str, str]:
    """The value of each tile."""
    return {metric.label: metric.value for metric in page.metric}


def test_an_empty_workspace_leads_to_the_first_model(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("empty"))
    assert not page.exception
    assert "There is no model yet." in words(page)


def test_without_a_reference_the_page_says_so_and_shows_the_card(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("no_reference"), model="loans")
    assert not page.exception
    assert "loans has no reference." in words(page)
    assert ("data", "") in linked(page)
    assert "What is it for?" in words(page)
    assert not page.metric


def test_a_reference_alone_is_shown_as_such(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("no_records"), model="loans")
    assert not page.exception
    text = words(page)
    assert "There are no production records yet." in text
    assert "Not armed" not in text
    assert "Stable" not in text
    assert text.count("No records yet") >= 6, "the verdict and five tiles"


def test_nothing_has_a_colour_while_nothing_is_armed(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("not_armed"), model="loans")
    assert not page.exception
    text = words(page)
    assert "Not armed: the reference has 3 windows, 7 are needed." in text
    assert "Without a verdict: AUC is 0." in text
    for colour in ("red", "orange", "green"):
        assert f":{colour}-badge" not in text
    assert tiles(page)["Drift"] == "—"
    assert "None: not armed." in text


def test_two_rows_a_window_give_no_number_to_stand_alone(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("too_few"), model="loans")
    assert not page.exception
    assert tiles(page) == dict.fromkeys(FAMILIES, "—")
    text = words(page)
    assert ":green-badge" not in text
    assert "No alarm, but performance can't be told: windows have fewer rows than the reference's" in text
    assert "Too little data to tell: fairness, concept, drift and data quality." in text


def test_without_labels_performance_and_concept_say_why_they_have_no_value(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("model", folder_of("no_label"), model="loans")
    assert not page.exception
    shown = tiles(page)
    assert (shown["Performance"], shown["Concept"]) == ("—", "—")
    assert shown["Drift"] == "0 of 6"
    text = words(page)
    assert "performance can't be told: none of the 300 rows has a label." in text
    assert "0 of 6 windows have labels that are complete" in text
    assert "no value in any window" in chart_texts(page)


def test_the_verdict_names_the_worst_then_the_others_and_since_when(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("drifted"), model="loans")
    assert not page.exception
    text = words(page)
    assert "### AUC fell from 0." in text
    assert "beyond the margin of 0.020." in text
    assert "Since 12 Jan 2026; latest judged: 14 Jan 2026, n 300." in text
    assert "- Fairness: The true positive rate of **m** (sex) is" in text
    assert "- Concept: **1** occurs" in text
    assert "- Drift: 3 of 6 columns moved by more than the margin, most **amount**" in text
    assert "- Data quality: The share of values of **amount** outside anything seen rose from 0.1% to 35.0%" in text
    shown = tiles(page)
    assert shown["Drift"] == "3 of 6"
    assert shown["Fairness"].endswith(" pp")
    assert "against the reference 1 Jan to 8 Jan 2026" in text


def test_what_happened_is_listed_lane_by_lane_and_drawn_with_the_same_numbers(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("model", folder_of("drifted"), model="loans")
    text = words(page)
    assert ":blue-badge[1] 9 Jan v1" in text
    assert "12 Jan Drift: amount, colour and decision" in text
    assert ":small[:gray[3 days]]" in text
    drawn = chart_texts(page)
    assert {"1", "2+"} <= set(drawn), "drift and data quality began together"
    assert any("2 Drift: amount, colour and decision" in label for label in drawn)
    assert "12 Jan Data quality: values of amount outside anything seen" in text


def test_the_columns_that_changed_most_come_first(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("drifted"), model="loans")
    frame = next(frame for frame in tables(page) if "Column" in frame.columns and "Value" in frame.columns)
    names = [str(cell).split("**")[1] for cell in frame["Column"]]
    assert names[:3] == ["amount", "colour", "decision"]
    assert len(names) == 5
    assert "data:image/svg+xml;base64," in frame.iloc[0, 2]


def test_versions_are_listed_with_their_windows_and_records(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("two_versions"), model="loans")
    assert not page.exception
    frame = next(frame for frame in tables(page) if "Version" in frame.columns)
    assert frame.to_numpy().tolist() == [
        ["**v1**", "9 Jan 2026", "11 Jan 2026", "900"],
        ["**v2**", "12 Jan 2026", "14 Jan 2026", "900"],
    ]
    assert ":gray-badge[v2]" in words(page), "the version that serves in the window looked at"


def test_a_link_leads_to_the_same_rows_here_and_on_the_next_page(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("drifted"), model="loans", window="10 Jan 2026", segment="region=north")
    assert not page.exception
    text = words(page)
    assert "10 Jan 2026, n 1" in text
    assert "segment region=north only" in text
    drift = next(query for name, query in linked(page) if name == "drift")
    assert sorted(drift.split("&")) == ["model=loans", "segment=region%3Dnorth", "window=10+Jan+2026"]


@pytest.mark.parametrize(
    "address", [{"window": "Christmas"}, {"segment": "planet=mars"}, {"version": "v99"}, {"model": "nobody"}]
)
def test_a_link_to_what_is_not_there_leads_to_the_page_without_it(
    open_page: OpenPage, folder_of: FolderOf, address: dict[str, str]
) -> None:
    page = open_page("model", folder_of("two_versions"), **{"model": "loans", **address})
    assert not page.exception
    assert page.title[0].value == "loans"
    assert "14 Jan 2026, n 300" in words(page)


def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("hostile"), model="loans")
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)
    assert any("&lt;script&gt;" in text for text in chart_texts(page))


def test_a_regression_speaks_in_units_of_its_label(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("regression"), model="loans")
    assert not page.exception
    text = words(page)
    assert "### MAE rose from " in text
    assert "The mean error is −12" in text
    assert "points" not in text
    assert tiles(page)["Fairness"] == "—"
    assert "The schema declares no protected attribute." in text
    assert "Not declared" in text


def test_a_multiclass_model_has_its_five_tiles(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("multiclass"), model="loans")
    assert not page.exception
    assert set(tiles(page)) == set(FAMILIES)
    text = words(page)
    assert "### Predictions are right 11.1 points less often [−16.9, −5.3]" in text, "told by the concept"
    assert ":green-badge[:material/check_circle: No alarm so far]" in text, "and not called stable by the accuracy"


def test_the_drawer_says_how_it_is_computed(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("model", folder_of("drifted"), model="loans")
    page.button(key="how_model").click().run()
    assert not page.exception
    text = words(page)
    assert "each window's evidence is carried on to the next (e-values), and judged among all series (e-BH)" in text
    assert "8 windows, n 2,400" in text
    assert page.code


def test_the_page_looks_the_same_in_the_dark(open_page: OpenPage, folder_of: FolderOf) -> None:
    light, dark = (open_page("model", folder_of("drifted"), theme=theme, model="loans") for theme in ("light", "dark"))
    assert not dark.exception
    assert [text for text in markdown(dark) if "base64" not in text] == [
        text for text in markdown(light) if "base64" not in text
    ]
    assert "#7aa9ff" in chart_texts(dark)
    assert "#0b57d0" not in chart_texts(dark)
