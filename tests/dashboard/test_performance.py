"""The Performance page says how well a model does, since when it is worse, and what can't be told."""

from __future__ import annotations

import re

import pytest

from core.charts.frame import LIGHT
from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.outcome_states import loans
from tests.dashboard.shown import assert_shown_as_text, chart_texts, markdown, tables, words
from tests.dashboard.states import HOSTILE

GREEN = ":green-badge"


def table(page, first: str):
    """The table whose first column has this name."""
    return next(frame for frame in tables(page) if frame.columns[0] == first)


@pytest.mark.parametrize(
    ("state", "said", "chip"),
    [
        ("empty", "There is no model yet.", ""),
        ("no_reference", "loans has no reference.", ""),
        ("no_records", "No production records yet: what you see is the reference itself.", "gray"),
        ("not_armed", "Not armed: the reference has 3 windows, 7 are needed.", "gray"),
        ("too_few", "Too little data to tell: windows have fewer rows than the reference's", "gray"),
        ("no_label", "AUC is undefined. None of the 300 rows has a label.", "gray"),
        ("without score", "57.3% [52.5, 62.1], not certainly by more than the margin of 2.4 points.", "orange"),
        ("without prediction", "Decisions by score: 0.4 or more is 'default', as no prediction is logged", "green"),
        ("without timestamp", "No evidence of change: AUC is 0.744", "green"),
        ("regression", "MAE rose from 38.5 to 120 [115, 126], by more than the margin of 1.40.", "red"),
        ("multiclass", "No alarm so far: accuracy is 53.0% [47.4, 58.6], 64.1% in the reference", "green"),
        ("kinds", "Accuracy fell from 96.3% to 88.0% [84.2, 91.2], by more than the margin of 1.0 points.", "red"),
    ],
)
def test_every_state_is_answered_in_words_and_green_or_red_only_where_it_can_be_told(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str, chip: str
) -> None:
    page = open_page("performance", folder_of(state))
    assert not page.exception
    assert said in words(page)
    chips = [text for text in markdown(page) if "-badge[" in text]
    assert not chips or chips[0].startswith(f":{chip}-badge")
    if state in ("no_records", "not_armed", "too_few", "no_label"):
        assert not [text for text in chips if ":gray-badge" not in text]


def test_a_drop_is_dated_its_measures_come_first_and_the_worst_segment_too(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("performance", folder_of("drifted"), measure="nonsense", window="31 Feb 1999")
    assert page.selectbox(key="measure").value == "roc_auc"  # an address that names nothing known
    shown = words(page)
    assert "AUC fell from 0.712 to 0.465 [0.386, 0.546], by more than the margin of 0.020." in shown
    assert "Since 12 Jan 2026. With it: Brier score and accuracy." in shown
    assert "14 Jan 2026, n 300, against the reference" in shown
    frame = table(page, "Measure")
    verdicts = [next((w for w in ("Material", "Changed") if w in cell), "") for cell in frame["Verdict"]]
    alarmed = [place for place, verdict in enumerate(verdicts) if verdict]
    assert alarmed == list(range(len(alarmed)))
    first = frame.iloc[0]
    assert (first["Measure"], first["n"], first["Reference"]) == ("AUC", "300", "0.712")
    assert first["Value, 95% interval"].startswith("**0.465**")
    assert "margin" in first["Change"]
    segments = table(page, "Segment")
    assert [cell.split("\u00a0")[-1] for cell in segments["Segment"]] == ["south", "north"]
    values = [float(cell.split("**")[1]) for cell in segments.iloc[:, 2]]
    assert values == sorted(values)
    assert "Version" not in [name for each in tables(page) for name in each.columns]
    page.button(key="how_performance").click().run()
    shown = words(page)
    assert "judged among all series (e-BH)" in shown
    assert "8 windows, n 2,400" in shown


def test_where_the_model_chose_its_labels_bounds_stand_and_what_is_known_despite_it(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("performance", folder_of("one-sided"))
    assert not page.exception
    shown = words(page)
    assert "whatever the missing labels are. Not identified: 0% of rows predicted 'default' have a label" in shown
    assert "One-sided labels" in shown
    assert "other measures are not identified and are shown as bounds." in shown
    assert "the model's decisions chose them" in shown
    known = table(page, "Measure")  # of the section, which stands above that of the window
    assert set(known["Rests on"]) == {"labels seen", "bounds only"}
    accuracy = known[known["Measure"] == "Accuracy"].iloc[0]
    assert re.match(r"\*\*\d+\.\d%\u00a0to\u00a0\d+\.\d%\*\*", accuracy["Value or bounds"])
    questions = table(page, "Question")
    assert "One-sided" in questions["Answer, interval, n"][1]
    assert "declare a column of role explored" in " ".join(questions["Question"])


def test_where_labels_come_alike_a_line_says_so(open_page: OpenPage, folder_of: FolderOf) -> None:
    alike = open_page("performance", folder_of("declining"))
    assert "Which labels came?" in words(alike)
    assert "100% of rows predicted 'default' have a label, 100% of 'repaid'." in words(alike)
    assert not [frame for frame in tables(alike) if "Question" in frame.columns]


def test_without_a_label_each_measure_is_a_dash_with_its_reason(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("performance", folder_of("without label"))
    frame = table(page, "Measure")
    undefined = frame[frame["Verdict"].str.contains("Undefined")]
    assert set(frame["Measure"]) - set(undefined["Measure"]) == {"Labelled\u00a0share"}
    assert len(undefined) >= 10
    assert all(cell.startswith("—") and "has a label" in cell for cell in undefined["Value, 95% interval"])
    assert "No window has a value, so there is nothing to draw." in words(page)
    assert "There is no score with labelled rows in this window" in words(page)


def test_before_labels_come_an_estimate_is_drawn_and_said_and_later_what_it_was_worth(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("performance", folder_of("no_label"))
    shown = words(page)
    assert "AUC is estimated as 0." in shown
    assert "No estimate could be checked yet." in shown
    later = words(open_page("performance", folder_of("stable")))
    said = re.search(r"Of (\d) estimates that could be checked, (\d) held what the labels showed\.", later)
    assert said is not None
    known, held = map(int, said.groups())
    assert known == 6
    assert held >= 4  # each holds with 95%: fewer of 6 do in 1 of 450
    assert "No estimate for" not in later


def test_an_estimate_that_labels_contradict_is_taken_back_and_the_page_says_why(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("performance", folder_of("drifted"))
    shown = words(page)
    assert "No estimate for 3 windows, 12 Jan 2026 to 14 Jan 2026: Labels that have come say that" in shown
    assert "from 12 Jan 2026 on." in shown
    page.selectbox(key="measure").select("labelled_share").run()
    assert "Labelled share isn't estimated without labels." in words(page)
    regression = words(open_page("performance", folder_of("regression")))
    assert "Dashed: estimated from inputs and predictions of sampled rows" in regression


def test_gaps_between_groups_are_estimated_when_asked_for(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("performance", folder_of("stable"))
    assert "Rates that need labels are estimated group by group" in words(page)
    asked = open_page("performance", folder_of("stable"), estimated_groups="sex")
    shown = words(asked)
    assert not asked.exception
    assert "its difference to all others together" in shown
    assert "Gaps that held" in shown or "No estimate for" in shown
    multiclass = words(open_page("performance", folder_of("multiclass")))
    assert "How will groups differ once labels are in?" not in multiclass


def test_what_decisions_cost_stands_among_the_measures_in_the_schemas_currency(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    frame = table(open_page("performance", folder_of("without timestamp")), "Measure").set_index("Measure")
    last = loans(6_000, first_day=10, days=10, seed=1)[-600:]
    missed = ((last["decision"] == "repaid") & (last["outcome"] == "default")).sum()
    refused = ((last["decision"] == "default") & (last["outcome"] == "repaid")).sum()
    cost = frame.loc["Cost\u00a0per\u00a0row\\,\u00a0EUR"]
    assert f"**{(2_500 * missed + 120 * refused) / 600:.0f}**" in cost["Value, 95% interval"]
    assert cost["n"] == "600"


def test_versions_are_compared_where_several_served(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("performance", folder_of("two_versions"))
    frame = table(page, "Version")
    assert {cell.split("**")[1] for cell in frame["Version"]} == {"v1", "v2"}


def test_multiclass_names_the_hardest_class_first_and_shows_confusion(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("performance", folder_of("kinds"))
    assert table(page, "Class").iloc[0]["Class"] in ("invoice", "form")
    confusion = table(page, "")
    assert list(confusion.columns[1:]) == ["was letter", "was invoice", "was form", "n"]
    cells = [[int(cell.split("  ")[0].replace(",", "")) for cell in row[1:]] for row in confusion.to_numpy()]
    assert all(sum(row[:-1]) == row[-1] for row in cells)
    assert sum(row[-1] for row in cells) == 600


def test_a_link_keeps_model_version_segment_window_and_measure(open_page: OpenPage, folder_of: FolderOf) -> None:
    address = {
        "model": "loans",
        "version": "v2",
        "segment": "region=north",
        "window": "13 Jan 2026",
        "measure": "recall",
    }
    page = open_page("performance", folder_of("two_versions"), **address)
    assert not page.exception
    for name, value in address.items():
        assert page.selectbox(key=name).value == {"13 Jan 2026": "2026-01-13"}.get(value, value)
    shown = words(page)
    assert "version v2 only, segment region=north only" in shown
    assert "13 Jan 2026, n " in shown
    assert any(text.startswith("<b>Recall by day") for text in chart_texts(page))


def test_a_window_whose_labels_are_still_arriving_is_not_judged(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("performance", folder_of("too_few"), window="14 Jan 2026")
    assert "Labels of this window are still arriving; it is not judged." in words(page)
    assert not [text for text in markdown(page) if GREEN in text]


@pytest.mark.parametrize("state", ["hostile", "hostile kinds"])
def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf, state: str) -> None:
    page = open_page("performance", folder_of(state))
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)


def test_while_nothing_is_armed_no_dot_is_green_or_red(open_page: OpenPage, folder_of: FolderOf) -> None:
    drawn = chart_texts(open_page("performance", folder_of("not_armed")))
    assert not {LIGHT.critical, LIGHT.warning, LIGHT.ok} & set(drawn)
    assert LIGHT.critical in chart_texts(open_page("performance", folder_of("drifted")))


def test_how_complete_labels_are_stands_under_the_chart_or_why_that_is_not_known(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("performance", folder_of("drifted"))
    assert not page.exception
    assert "Are the labels in?" in [each.value for each in page.subheader]
    assert "Labels that have come name no time: declare a column of role label_time." in words(page)


def test_worst_subgroups_say_what_was_searched_and_what_the_other_half_says(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("performance", folder_of("drifted"))
    shown = words(page)
    assert "Which subgroups are worst?" in [heading.value for heading in page.subheader]
    assert "The rate is the share of wrong predictions" in shown
    found = next(frame for frame in tables(page) if frame.columns[0].startswith("Subgroup"))
    assert found.iloc[0, 0].startswith("amount")  # amounts so high came with labels that mean nothing
    assert "Confirmed" in found.iloc[0, 0]
