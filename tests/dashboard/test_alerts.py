"""The Alerts page says who is needed, keeps what was known as it fired, and lets answer who may."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.governance.identity import LOCAL_OPERATOR
from core.workspace import Workspace
from dashboard.text import plain
from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import assert_shown_as_text, linked, markdown, tables, words
from tests.dashboard.signing import OpenAs, submit
from tests.dashboard.states import HOSTILE

OUTCOMES = (
    "2: loans, The Brier score rose and ROC AUC fell; outcomes no longer follow the score as they did; the false "
    "positive rate of m (sex) is higher than that of all others."
)


def in_ledger(folder: Path) -> int:
    """How many entries a workspace's ledger has."""
    space = Workspace.open(folder)
    try:
        return space.ledger.size(LOCAL_OPERATOR)
    finally:
        space.close()


def answer(page: AppTest, move: str, text: str = "") -> AppTest:
    """Choose what to do with alert 2, say something, send it."""
    page.radio(key="move-2").set_value(move)
    page.text_area(key="words-2").set_value(text)
    return submit(page, "Answer")


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("empty", "There is no model yet, so nothing can alarm."),
        ("not_armed", "0 of 1 model can alarm: together at most 0 false alerts a year in expectation."),
        ("stable", "1 of 1 model can alarm: together at most 1 false alert a year in expectation."),
    ],
)
def test_where_nothing_fired_that_is_said_with_what_could_have(
    open_page: OpenPage, folder_of: FolderOf, state: str, said: str
) -> None:
    page = open_page("alerts", folder_of(state))
    assert not page.exception
    assert said in words(page)
    assert not [text for text in markdown(page) if "-badge[" in text]
    if state != "empty":
        assert "### No alert is open." in words(page)
        assert "No live alert here." in words(page)


def test_live_alerts_are_counted_told_and_shown_as_they_fired(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("alerts", folder_of("drifted"), alert="1")
    assert not page.exception
    shown = words(page)
    assert "### 2 alerts wait for somebody." in shown
    assert "2 alerts are still out." in shown
    assert page.selectbox(key="alert").options[0] == OUTCOMES
    assert "**loans**, since 12 Jan 2026. 7 of 7 series still out." in shown
    moved = next(frame for frame in tables(page) if frame.columns[0] == "What")
    assert {
        "amount moved",
        "decision moved",
        "more of amount is outside anything the reference had",
        "more of colour is outside anything the reference had",
        plain("the selection rate of f (sex) is lower than that of all others"),
    } < set(moved["What"])
    assert set(moved["Now"]) == {"out"}
    links = dict(linked(page))
    assert links["drift"] == "model=loans&window=12+Jan+2026&column=amount"
    assert links["quality"] == "model=loans&window=12+Jan+2026"
    evidence = next(frame for frame in tables(page) if frame.columns[0] == "What was known")
    known = {name.replace("\\", ""): value.replace("\\", "") for name, value in evidence.to_numpy().tolist()}
    assert (known["Window"], len(known["SHA-256"])) == ("2026-01-12", 64)
    assert "fired, 1 Feb 2026, 00:00 UTC" in shown


def test_an_alert_is_taken_commented_and_resolved_and_every_step_is_in_the_ledger(
    open_as: OpenAs, copy_of: FolderOf
) -> None:
    folder = copy_of("drifted")
    before = in_ledger(folder)
    page = open_as("ines", "alerts", folder, alert="2")
    assert "Choose what to do." in words(submit(page, "Answer"))
    assert "This takes words: they are what others read later." in words(answer(page, "resolve", " "))
    assert in_ledger(folder) == before, "nothing was done yet"
    page = answer(page, "acknowledge")
    assert "Acknowledge: done, and in the ledger." in words(page)
    assert ":orange-badge[:material/person_search: Acknowledged]" in words(page)
    assert "### 1 alert waits for somebody." in words(page)
    page = answer(page, "comment", "![x](http://evil/x.png) <b>who?</b>")
    page = answer(page, "resolve", "The feed was mended.")
    assert not page.exception
    assert OUTCOMES not in page.selectbox(key="alert").options
    page.button_group(key="state").set_value("All").run()
    page.selectbox(key="alert").select("2").run()
    shown = words(page)
    assert ":green-badge[:material/task_alt: Resolved]" in shown
    for step in ("acknowledged", "said", "resolved"):
        assert f"**ines** :small[:gray[{step}, " in shown
    assert "The feed was mended." in shown
    assert_shown_as_text(page, ("![x](http://evil/x.png) <b>who?</b>",))
    assert in_ledger(folder) == before + 3


@pytest.mark.parametrize(("who", "may"), [("ada", True), ("ines", True), ("vera", False), ("alma", False)])
def test_engineers_and_reviewers_answer_and_who_only_reads_is_told_so(
    open_as: OpenAs, folder_of: FolderOf, who: str, may: bool
) -> None:
    page = open_as(who, "alerts", folder_of("drifted"))
    assert not page.exception
    assert "### 2 alerts wait for somebody." in words(page)
    assert [button.label for button in page.button if button.label == "Answer"] == (["Answer"] if may else [])
    assert ("Engineers and reviewers answer alerts; you may read them." in words(page)) is not may


def test_hostile_names_are_shown_letter_by_letter(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("alerts", folder_of("hostile"), alert="1")
    assert not page.exception
    assert_shown_as_text(page, HOSTILE)
