"""The Alarm policy page says what alarms are worth, previews another policy, and lets set it who may."""

from __future__ import annotations

import pytest

from core.governance.identity import LOCAL_OPERATOR
from core.workspace import Workspace
from dashboard.text import plain
from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, markdown, tables, words
from tests.dashboard.signing import OpenAs, submit
from tests.dashboard.states import HOSTILE

HEADS = ("Budget", "Margin", "Reference", "Found", "Replayed", "Back-test")


@pytest.mark.parametrize(
    ("state", "said", "chip"),
    [
        ("no_reference", "loans has no reference.", ""),
        ("not_armed", "### Not armed: the reference has 3 windows, 7 are needed.", "gray"),
        ("stable", "### This setup would have raised no alarm.", "green"),
        ("drifted", "### This setup would have raised an alarm in 3 of 6 windows.", "green"),
    ],
)
def test_every_state_says_what_the_policy_is_worth_and_what_it_raised(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str, chip: str
) -> None:
    page = open_page("alarm_policy", folder_of(state))
    assert not page.exception
    shown = words(page)
    assert said in shown
    chips = [text for text in markdown(page) if "-badge[" in text]
    assert not chips or chips[0].startswith(f":{chip}-badge")
    armed = state in ("stable", "drifted")
    assert [head for head in HEADS if f"- **{head}**: " in shown] == (list(HEADS) if armed else [])
    if state == "not_armed":
        why = next(frame for frame in tables(page) if list(frame.columns) == ["Series", "Why"])
        assert len(why) == 37
        assert set(why["Why"]) == {plain("The reference has 3 windows, 7 are needed.")}


def test_a_draft_is_previewed_beside_what_is_in_force_and_set_with_a_reason(open_as: OpenAs, copy_of: FolderOf) -> None:
    folder = copy_of("drifted")
    page = open_as("ada", "alarm_policy", folder)
    next(box for box in page.number_input if box.label == "Margin, sd").set_value(10.0)
    next(box for box in page.number_input if box.label == "Margin of shares, points").set_value(100.0)
    page = submit(page, "Preview")
    assert not page.exception
    beside = next(frame for frame in tables(page) if "Draft" in frame.columns).to_numpy().tolist()
    # What has a unit of its own keeps its own margin (the AUC falls); gaps of a hundred points can't be watched for.
    assert [beside[0], beside[3]] == [["Windows with an alarm", "3", "1"], ["Series watched", "34", "27"]]
    page = submit(page, "Set this policy")
    assert "takes a reason" in words(page)
    page.text_area(key="policy_reason").set_value("Only what is gross pages.")
    page = submit(page, "Set this policy")
    assert "The policy is set, and in the ledger." in words(page)
    assert "Only what is gross pages." in words(page)
    space = Workspace.open(folder)
    try:
        assert space.alarm_policies.show(LOCAL_OPERATOR, "loans").margin_sd == 10.0
    finally:
        space.close()


@pytest.mark.parametrize("who", ["ines", "vera", "alma"])
def test_who_may_not_configure_previews_and_sets_nothing(open_as: OpenAs, folder_of: FolderOf, who: str) -> None:
    page = open_as(who, "alarm_policy", folder_of("stable"))
    page = submit(page, "Preview")
    assert not page.exception
    assert "Engineers set the alarm policy; you may look at what another would have raised." in words(page)
    assert "Set this policy" not in [button.label for button in page.button]


def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("alarm_policy", folder_of("hostile"))
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)
