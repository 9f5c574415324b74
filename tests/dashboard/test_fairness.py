"""The Fairness page says who is treated differently, and never calls fair what is not known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from core.actions.retrain import mitigators
from core.governance.identity import Actor, UserRole
from dashboard import auth
from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import ESCAPE, assert_shown_as_text, chart_texts, markdown, tables, words
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
        ("too_few", "0 of 2 groups assessed; 2 hold 10 rows: f (8), m (2).", "gray"),
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
    assert "Group f is approved 9.9 points less often than all others [6.1, 13.6], beyond the margin of 5.0" in shown
    assert "In the reference the difference was −1.8 points." in shown
    assert "Share approved: of a group's decisions, those that are 'repaid'." in shown
    assert "Disparities elsewhere: true positive rate by sex" in shown
    assert "0.80 is a convention, not a verdict" in shown
    assert "That a model is fair." in shown
    assert "Coverage, all attributes: 3 of 4 groups assessed; 1 holds 14 rows: x (14)." in shown
    page.button(key="how_fairness").click().run()
    drawer = words(page)
    assert "the whole interval beyond the limit" in drawer
    assert "at once: Bonferroni for intervals, Holm for Fisher's p" in drawer
    assert "no law and no standard asks for it" in drawer


def test_a_group_with_too_few_rows_has_no_rate_no_dot_and_no_green_verdict(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("fairness", folder_of("declining"))
    assert "3 of 4 groups assessed; 1 holds 14 rows: x (14)." in words(page)
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
    assert "3 of 4 groups assessed; 1 holds 19 rows: x (19)." in shown
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


@pytest.fixture
def audited(audited_folder: Path) -> Path:
    """A model with two protected attributes, a planted disparity, and a group of nine."""
    return audited_folder


def test_policy_and_yardstick_are_chosen_and_kept_in_the_address(open_page: OpenPage, audited: Path) -> None:
    page = open_page("fairness", audited, attribute="sex", policy="Four-fifths rule, with a test")
    assert not page.exception
    shown = words(page)
    assert "Group f is invited 0.71 times as often as group m [0.64, 0.79]" in shown
    assert "beyond the limit of 0.80, and chance doesn't explain it." in shown
    assert "How does each group compare with group m?" in shown
    page = open_page("fairness", audited, attribute="sex", policy="Two standard deviations", against="all together")
    assert "less often than all groups together" in words(page)
    page = open_page("fairness", audited, policy="New York City Local Law 144: impact ratios")
    assert "sets no limit here, so nothing is judged." in words(page)
    assert "Not judged" in markdown(page)[[":gray-badge" in text for text in markdown(page)].index(True)]


def test_size_and_certainty_stand_side_by_side(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fairness", folder_of("declining"), policy="Two standard deviations")
    row = next(frame for frame in tables(page) if "By chance?" in frame.columns).set_index("Group").loc["f"]
    assert "Disparity" in row["Verdict"]
    assert row["By chance?"].startswith("p")


def test_a_policy_that_cannot_be_read_is_said_and_the_others_serve(
    open_page: OpenPage, audited: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(audited, tmp_path / "copy"))
    (folder / "fairness").mkdir()
    (folder / "fairness" / "ours.toml").write_text(f"title = {json.dumps(HOSTILE[2])}\nlimit = 0.4\n")
    (folder / "fairness" / "broken.toml").write_text("limit = 9\n")
    page = open_page("fairness", folder)
    assert not page.exception
    assert "A fairness policy is left out: broken.toml" in words(page)
    page.selectbox(key="policy").set_value(HOSTILE[2]).run()
    assert not page.exception
    assert HOSTILE[2] not in "".join(text for text in markdown(page) if "policy" in text.lower())


def test_groups_within_groups_are_a_map_whose_thin_cells_are_hatched(open_page: OpenPage, audited: Path) -> None:
    page = open_page("fairness", audited)
    shown = words(page)
    assert "Group f / B is invited 29.8 points less often than all others [23.3, 35.4], beyond the margin" in shown
    assert "6 of 8 cells assessed; 2 hold 9 rows: m / C (7), f / C (2)." in shown
    texts = chart_texts(page)
    assert any(text.startswith("● ") for text in texts), "a disparity has a dot, not only a colour"
    assert any(text.startswith("M") and " L" in text for text in texts), "hatching"
    assert "Judged as a family of their own" in shown


def at_threshold(page):
    """The table of rates at the threshold chosen."""
    frames = [frame.set_index("Group") for frame in tables(page) if "Group" in frame.columns]
    return next(frame for frame in frames if "**Largest gap**" in frame.index)


def test_a_threshold_moves_all_gaps_and_one_of_its_own_is_called_what_it_is(open_page: OpenPage, audited: Path) -> None:
    page = open_page("fairness", audited, attribute="sex", closer="Thresholds", threshold="0.9")
    assert not page.exception
    assert page.slider(key="threshold").value == pytest.approx(0.9, abs=0.01)
    high = at_threshold(page).loc["m"].iloc[0]
    page.slider(key="threshold").set_value(0.1).run()
    assert at_threshold(page).loc["m"].iloc[0] != high
    page.toggle(key="own_thresholds").set_value(True).run()
    assert "Disparate treatment" in words(page)
    assert "treats persons differently because of their group" in words(page)


def test_each_closer_question_is_answered(open_page: OpenPage, audited: Path) -> None:
    page = open_page("fairness", audited, attribute="sex", closer="Score and errors")
    assert "What cannot hold together" in words(page)
    assert len(page.selectbox(key="of_score").options) == 14
    for option in ("Calibration slope", "Kolmogorov-Smirnov of scores", "Treatment equality"):
        page.selectbox(key="of_score").set_value(option).run()
        assert not page.exception
        assert option in ESCAPE.sub(r"\1", " ".join(str(column) for frame in tables(page) for column in frame.columns))
    answers = {
        "Like with like": "Rows that are alike in their features are decided alike in",
        "Worst subgroups": "subgroups looked at on one half are confirmed on the other",
        "Proxies": "most by years.",
        "Records": "All 3,000 rows of 10 windows. Records name persons",
        "Why it moved": "like cases are decided differently",
        "Fairlearn": "fairlearn.demographic_parity_difference",
    }
    for question, said in answers.items():
        next(e for e in page.get("button_group") if e.key == "closer").set_value(question).run()
        assert not page.exception
        assert said in words(page)


def test_what_mitigation_would_cost_is_drawn_and_can_be_proposed_by_who_may(
    open_page: OpenPage, audited: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mitigators, "GRID_SIZES", {1: 5})
    page = open_page("fairness", audited, attribute="sex", closer="Mitigation")
    assert "What would it cost to treat the groups more alike?" in words(page)
    assert not [chart for chart in chart_texts(page) if "unmitigated" in chart]
    page.button(key="mitigation_measure").click().run()
    assert not page.exception
    assert "unmitigated" in chart_texts(page)
    assert "thresholds-1" in page.selectbox(key="mitigation_point").options
    page.selectbox(key="mitigation_point").set_value("thresholds-1").run()
    assert "Disparate treatment" in words(page)
    page.button(key="mitigation_propose").click().run()
    assert "A proposal needs a reason." in words(page)
    monkeypatch.setattr(auth, "actor_of", lambda _cookies: Actor(name="vi", roles=(UserRole.VIEWER,)))
    page.run()
    assert "Mitigation: that is for" in words(page)
    assert "unmitigated" not in chart_texts(page)


def test_records_begin_with_the_group_that_is_farthest_and_are_refused_to_viewers(
    open_page: OpenPage, audited: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("fairness", audited, attribute="sex", closer="Records")
    assert page.selectbox(key="records_sex").value == "f"
    page.selectbox(key="records_race").set_value("B").run()
    page.selectbox(key="records_side_selection_rate").set_value("not invited").run()
    records = page.dataframe[0].value
    assert set(records["prediction"]) == {"no"}
    assert set(records["sex"] + records["race"]) == {"fB"}
    viewer = Actor(name="vi", roles=(UserRole.VIEWER,))
    monkeypatch.setattr(auth, "actor_of", lambda _cookies: viewer)
    page.run()
    assert "Single records: that is for" in words(page)
    assert not page.dataframe


def test_files_can_be_taken_away(open_page: OpenPage, audited: Path) -> None:
    page = open_page("fairness", audited)
    labels = {element.label for element in page.get("download_button")}
    assert labels == {"One page in plain words", "Groups as a table", "Impact ratios", "Impact ratios as a table"}


def test_one_class_of_many_is_audited_against_all_others(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("fairness", folder_of("kinds"))
    assert "Cramér's V of decision and group" in words(page)
    next(e for e in page.get("button_group") if e.key == "class").set_value("invoice").run()
    assert not page.exception
    assert "Share called invoice: of a group's decisions, those that are 'invoice'." in words(page)
