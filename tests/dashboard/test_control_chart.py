"""The page of control charts says whether a series is in control, since when not, and when nobody can say."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR
from core.governance.proposals import ProposalKind
from core.workspace import Workspace
from dashboard.components.chart_drawing import chart_csv
from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, chart_texts, linked, markdown, tables, words
from tests.dashboard.signing import CopyOf, OpenAs, actor, deploy, sign, submit
from tests.dashboard.states import HOSTILE


@pytest.mark.parametrize(
    ("state", "said", "chip"),
    [
        ("empty", "There is no model yet.", ""),
        ("no_reference", "loans has no reference.", ""),
        ("no_records", "There are no production records yet; a chart sets them against the reference.", "gray"),
        ("not_armed", "Fewer than 7 points: limits for orientation, nothing signals; 4 days more arm it.", "gray"),
        ("too_few", "The error rate can't be told from chance: with so few rows no value would lie outside", "gray"),
        ("no_label", "The error rate is undefined after phase I: no row has both a prediction and a label.", "gray"),
        ("without label", "The reference has no row with both a prediction and a label", "gray"),
        ("without score", "The error rate is out of control: a point beyond 3 sigma in 4 of 10 days", "orange"),
        ("without prediction", "The error rate is in control: no rule signals in 10 days after phase I.", "green"),
        ("without timestamp", "Rows 0 to 599, to rows 5,400 to 5,999; n 6,000.", "green"),
        ("regression", "A regression has no classes: its error rate and selection rate are undefined.", "orange"),
        ("kinds", "The error rate is out of control: a point beyond 3 sigma in 10 of 10 days, first 11 Jan", "orange"),
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


def test_windows_that_signal_are_listed_with_the_rules_words_the_newest_first(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("control_chart", folder_of("drifted"))
    shown = words(page)
    assert "The error rate is out of control: a point beyond 3 sigma in 3 of 6 days, first 12 Jan 2026." in shown
    assert "Since 12 Jan 2026 it lies at 50.3%, 34.3% expected." in shown
    assert "it never opens an alert" in shown
    outside = next(frame for frame in tables(page) if "Signal" in frame.columns and "Side, limit" in frame.columns)
    assert [cell.split("\u00a0")[0] for cell in outside["Window"]] == ["14", "13", "12"]
    assert all(cell.startswith("A point beyond 3 sigma") and "Nelson" in cell for cell in outside["Signal"])
    numbers = next(frame for frame in tables(page) if "Phase" in frame.columns)
    assert list(numbers["Phase"]) == ["I"] * 8 + ["II"] * 6
    page.button(key="how_chart").click().run()
    assert "exactly on a limit is inside" in words(page)


def test_a_chart_in_control_says_what_would_have_been_seen(open_page: OpenPage, folder_of: FolderOf) -> None:
    shown = words(open_page("control_chart", folder_of("stable")))
    assert "The error rate is in control: no rule signals in 6 days after phase I." in shown
    assert "In the newest day, n 300, a value above 43.0% or below 25.6% would have been seen." in shown


def test_few_points_say_what_limits_are_worth_and_how_many_more_it_takes(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    shown = words(open_page("control_chart", folder_of("stable"), limits="individuals: moving ranges"))
    assert "8 days, n 2,400" in shown
    assert "lines at 3 estimated sigma would be crossed by chance once in 32 days; drawn at 5.33" in shown
    assert "37 days, for limits within a tenth of ideal ones" in shown
    constant = words(open_page("control_chart", folder_of("stable"), series="Volume"))
    assert "The points of phase I are all equal: they give no scale for limits, so nothing signals." in constant


def test_a_link_keeps_series_chart_and_rules(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("control_chart", folder_of("drifted"), series="Missing: amount")
    assert page.selectbox(key="series").value == "missing: amount"
    assert "The missing share of amount" in words(page)
    page = open_page("control_chart", folder_of("drifted"), series="nonsense")
    assert page.selectbox(key="series").value == "error rate"
    page = open_page("control_chart", folder_of("drifted"), chart="CUSUM")
    assert "The error rate is out of control: CUSUM beyond its limit" in words(page)
    page = open_page("control_chart", folder_of("drifted"), rules="w1-w4")
    assert [box.value for box in page.checkbox if box.key.startswith("rule_w")] == [True, False, False, True]


def test_each_set_of_rules_prints_its_false_alarms_beside_the_checkboxes(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("control_chart", folder_of("stable"))
    assert "1 in 217 days if both were known (Markov chain)" in words(page)
    labels = [box.label for box in page.checkbox if box.key.startswith("rule_")]
    assert [label.split("**")[1] for label in labels] == [str(number) for number in range(1, 9)]
    assert labels[2] == "**3** 6 points in a row, steadily rising or steadily falling"
    page.checkbox(key="rule_n2").uncheck().run()
    assert "1 in 370 days if both were known (normal tails)" in words(page)
    page.checkbox(key="rule_n1").uncheck().run()
    assert "No rule is chosen, so nothing signals." in words(page)
    page.segmented_control(key="rule_set").set_value("Western Electric").run()
    assert "1 in 153 days if both were known (Markov chain)" in words(page)
    assert not page.exception


def test_another_choice_of_limits_is_a_view_and_says_so(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("control_chart", folder_of("stable"))
    page.selectbox(key="limits").set_value("individuals: moving ranges").run()
    assert not page.exception
    assert "Individuals chart; sigma" in words(page)
    assert any("Moving range" in text for text in chart_texts(page))


def test_all_series_are_shown_the_worst_first_and_lead_to_their_chart(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("control_chart", folder_of("drifted"))
    links = [query for target, query in linked(page) if "control" in target]
    assert len(links) == 12
    assert any("series=Mean%3A+amount" in query for query in links)
    page.toggle(key="all_series").set_value(True).run()
    assert len([query for target, query in linked(page) if "control" in target]) > 20
    assert "series are out of control now, also:" in words(page)


def test_the_file_holds_every_point_unrounded_and_no_formula(folder_of: FolderOf) -> None:
    report = Workspace.open(folder_of("drifted")).charts.show(LOCAL_OPERATOR, "loans")
    assert report is not None
    held = list(csv.DictReader(io.StringIO(chart_csv(report).decode())))
    assert len(held) == len(report.points)
    for row, point in zip(held, report.points, strict=True):
        assert float(row["value"]) == point.value
        assert (float(row["lower"]), float(row["upper"])) == (point.low, point.high)
        assert row["rules"].split() == [str(rule) for rule in point.rules]
    first = report.points[0]
    window = replace(first.at.window, window=replace(first.at.window.window, name="=1+1"))
    named = replace(first, at=replace(first.at, window=window))
    assert b"\n'=1+1," in chart_csv(replace(report, points=(named,)))


def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("control_chart", folder_of("hostile"))
    name = f"missing: {HOSTILE[1]}"
    page.selectbox(key="series").set_value(name).run()
    assert not page.exception
    assert page.selectbox(key="series").value == name
    page.toggle(key="all_series").set_value(True).run()
    assert_shown_as_text(page, HOSTILE)
    assert any("&lt;script&gt;" in text for text in chart_texts(page))


@pytest.fixture
def served(copy_of_signed: CopyOf) -> Path:
    """Eight days of reference and three of production, with people; v1 and v2 were in force."""
    return copy_of_signed()


def test_an_engineer_leaves_a_point_out_with_its_cause(served: Path, open_as: OpenAs) -> None:
    page = open_as("ada", "control_chart", served, series="Volume")
    points = page.multiselect(key="exclude_points:loans:volume")
    points.set_value([points.options[0]])
    page = submit(page, "Fit limits anew")
    assert [error.value for error in page.error] == ["A point is left out for an assignable cause\\: say which\\."]
    page.text_input(key="exclude_reason:loans:volume").set_value("a <b>test</b> load")
    page = submit(page, "Fit limits anew")
    assert not page.exception
    shown = words(page)
    assert "7 days" in shown
    assert "(a <b>test</b> load; ada," in shown
    history = next(frame for frame in tables(page) if "Ledger entry" in frame.columns)
    assert list(history["What"]) == ["left out"]


def test_others_are_told_whose_that_is(served: Path, open_as: OpenAs) -> None:
    page = open_as("vera", "control_chart", served)
    assert not page.exception
    assert "That is for an engineer." in words(page)
    assert "Fit limits anew" not in [button.label for button in page.button]


def test_a_new_phase_one_is_proposed_by_one_and_adopted_by_another(served: Path, open_as: OpenAs) -> None:
    space = Workspace.open(served)
    names = [point.at.window.name for point in space.charts.show(LOCAL_OPERATOR, "loans", series="volume").points]
    space.charts.propose(
        actor("ines"),
        "loans",
        "volume",
        first=f"reference/{names[4]}",
        last=f"production/{names[-1]}",
        reason="as approved",
    )
    space.close()
    page = open_as("ines", "control_chart", served, series="Volume")
    assert "You proposed it: somebody else decides." in words(page)
    page = open_as("otto", "control_chart", served, series="Volume")
    assert "ines proposes" in words(page)
    page = submit(page, "Decide")
    assert "Choose one." in [error.value for error in page.error]
    page.radio[0].set_value("adopt")
    next(box for box in page.text_input if box.key.startswith("phase_reason")).set_value("it was approved")
    page = submit(page, "Decide")
    assert not page.exception
    shown = words(page)
    assert "adopted by otto" in shown
    assert "The number of records has no day after phase I yet, which ends with" in shown
    numbers = next(frame for frame in tables(page) if "Phase" in frame.columns)
    assert list(numbers["Phase"]) == ["before"] * 4 + ["I"] * 7


def test_after_a_change_of_version_the_page_suggests_a_new_phase_one(served: Path, open_as: OpenAs) -> None:
    """Its last change lies after all records: so far there is no whole day to rest limits on."""
    space = Workspace.open(served)
    deploy(space, sign(space, ProposalKind.ROLLBACK, "v2", by="ines", why="it is mended."))
    space.close()
    page = open_as("ada", "control_chart", served, series="Volume")
    assert not page.exception
    assert "came into force on" not in words(page), "no record is newer than that change"
