"""The Reviews page says what waits, for whom, and takes new proposals."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.governance.identity import LOCAL_OPERATOR
from core.governance.proposals import Move, ProposalKind
from core.storage.tables import SourceRow
from core.workspace import Workspace
from tests.builders import SCHEMA, START
from tests.dashboard.reviewing import DRAFT, FAIR, OTHER_MODEL, UNFAIR, opened, proposal
from tests.dashboard.signing import MODEL, OpenAs, actor, assert_escaped, codes, elements, links, submit, words


def headed(page: AppTest) -> list[str]:
    """The sub-headings in their order."""
    return [heading.value for heading in page.subheader]


def has_form(page: AppTest) -> bool:
    return any(block.type == "expander" and block.label == "New proposal" for block in elements(page))


def is_open(page: AppTest) -> bool:
    return next(b for b in elements(page) if b.type == "expander" and b.label == "New proposal").proto.expanded


def test_without_a_proposal_the_page_says_what_one_is(open_as: OpenAs, empty_folder: Path) -> None:
    page = open_as("ines", "reviews", empty_folder)
    assert not page.exception
    text = words(page)
    assert "No proposal waits for a decision." in text
    assert "before somebody else has approved it" in text
    assert not has_form(page), "there is no model to ask for"


def test_what_i_may_decide_comes_first(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as("ines", "reviews", reviewed_folder)
    assert not page.exception
    assert headed(page) == ["For you to decide", "An alarm suggests"]
    assert "2 proposals wait for your decision: 3 and 2. An alarm suggests 1 more." in words(page)
    reviews = [query for target, query in links(page) if target.endswith("review")]
    assert reviews[:2] == [f"proposal={FAIR}", f"proposal={UNFAIR}"]
    assert "1 comment" in words(page)
    assert_escaped(page)


def test_what_waits_for_others_is_not_called_mine(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as("ada", "reviews", reviewed_folder)
    assert headed(page) == ["For others", "An alarm suggests"]
    text = words(page)
    assert "2 proposals wait, none for your decision." in text
    assert "You (engineer) don't decide: a reviewer who didn't ask does." in text


def test_ended_ones_are_folded_below(open_as: OpenAs, reviewed_folder: Path) -> None:
    page = open_as("vera", "reviews", reviewed_folder)
    ended = next(block for block in elements(page) if block.type == "expander" and block.label == "Ended (2)")
    assert not ended.proto.expanded
    assert ":green-badge[:material/check_circle: Done]" in words(page)
    assert ":gray-badge[:material/undo: Withdrawn]" in words(page)


@pytest.mark.parametrize(
    ("who", "may"), [("ada", True), ("ines", True), ("vera", False), ("root", False), ("alma", False)]
)
def test_only_who_may_propose_has_the_form_and_the_button(
    open_as: OpenAs, reviewed_folder: Path, who: str, may: bool
) -> None:
    page = open_as(who, "reviews", reviewed_folder)
    assert has_form(page) is may
    assert any(button.label == "Submit the draft" for button in page.button) is may
    page = open_as(who, "model", reviewed_folder, model=MODEL)
    assert not page.exception
    asked = [query for target, query in links(page) if target.endswith("reviews")]
    assert sorted(asked) == ([f"model={MODEL}", f"model={MODEL}&kind=retrain"] if may else [])


def test_what_came_back_stands_by_itself(open_as: OpenAs, reviewed_copy: Path) -> None:
    space = opened(reviewed_copy)
    space.proposals.decide(actor("ines"), FAIR, Move.REQUEST_CHANGES, reason="say more.")
    space.close()
    page = open_as("ada", "reviews", reviewed_copy)
    assert headed(page)[:2] == ["Back to you", "For others"]
    assert ":orange-badge[:material/edit: Changes requested]" in words(page)


def test_stale_evidence_shows_in_the_list(open_as: OpenAs, reviewed_copy: Path) -> None:
    space = opened(reviewed_copy)
    space.batches.retract(actor("ada"), 4, reason="it was wrong.")
    space.close()
    page = open_as("ines", "reviews", reviewed_copy)
    assert not page.exception
    text = words(page)
    assert ":red-badge[:material/history: Stale]" in text
    assert "evaluation v3 has changed since the evidence was frozen" in text


def test_a_draft_becomes_the_proposal_of_who_submits_it(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ada", "reviews", reviewed_copy)
    submit(page, "Submit the draft")
    assert page.error[0].value.replace("\\", "") == "Say why, or what."
    next(area for area in page.text_area if area.key.startswith("submit-")).set_value("the alarm is right.")
    submit(page, "Submit the draft")
    assert not page.exception
    assert "An alarm suggests" not in headed(page)
    assert proposal(reviewed_copy, DRAFT)[0] == "open"
    space = opened(reviewed_copy)
    assert space.proposals.show(actor("ada"), DRAFT).requester == "ada"
    space.close()


def test_a_new_proposal_opens_its_review_with_the_receipt(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ada", "reviews", reviewed_copy, model=MODEL, kind="retire", version="v1")
    assert is_open(page)
    assert page.selectbox(key=f"propose_version_retire_{MODEL}").value == "v1"
    page.text_area(key="propose_reason").set_value("it has served its time.")
    page.button(key="propose").click().run()
    assert not page.exception
    assert "Retire loans v1" in words(page)
    assert "Receipt: keep this" in words(page)
    assert any(":" in code and len(code) > 64 for code in codes(page))
    state, moves, text = proposal(reviewed_copy, 6)
    assert (state, moves, text) == ("open", [Move.OPEN], "it has served its time.")


def test_what_cannot_be_asked_for_is_said_in_a_sentence(open_as: OpenAs, reviewed_copy: Path) -> None:
    page = open_as("ada", "reviews", reviewed_copy, model=MODEL, kind="promote", version="v3")
    page.button(key="propose").click().run()
    assert page.error[0].value.replace("\\", "") == "A proposal needs a reason."
    page.text_area(key="propose_reason").set_value("again.")
    page.button(key="propose").click().run()
    assert not page.exception
    assert f"Proposal {FAIR} asks for the same and is open" in page.error[0].value.replace("\\", "")


def test_a_model_without_a_version_that_fits_says_what_it_lacks(open_as: OpenAs, reviewed_folder: Path) -> None:
    for kind, said in (
        ("promote", "It has no candidate"),
        ("rollback", "No other version"),
        ("retire", "no version that"),
    ):
        page = open_as("ada", "reviews", reviewed_folder, model=OTHER_MODEL, kind=kind)
        assert not page.exception
        assert said in words(page)
        assert not [button for button in page.button if button.key == "propose"]


def test_a_model_whose_records_lie_in_a_table_says_that_it_is_retrained_there(
    open_as: OpenAs, reviewed_copy: Path
) -> None:
    space = opened(reviewed_copy)
    with space.database.write("source") as session:
        row = SourceRow(model_id=1, name="lake", url="local[2]", table_name="log", columns={}, created_by="root")
        row.created_at, row.findings = START, []
        session.add(row)
    space.close()
    page = open_as("ada", "reviews", reviewed_copy, model=MODEL, kind="retrain")
    assert not page.exception
    assert "Its records lie in a table" in words(page)
    assert "train it where they lie, register it as a version, and propose its promotion" in words(page)
    assert not [button for button in page.button if button.key == "propose"]


def test_a_link_with_names_that_are_unknown_opens_the_form_with_the_first(
    open_as: OpenAs, reviewed_folder: Path
) -> None:
    page = open_as("ada", "reviews", reviewed_folder, model="gone", kind="explode", version="v99")
    assert not page.exception
    assert page.selectbox(key="propose_model").value == MODEL


def test_a_retraining_takes_a_recipe_and_windows_it_may_not_learn_from(open_as: OpenAs, reviewed_copy: Path) -> None:
    space = opened(reviewed_copy)
    space.proposals.withdraw(actor("ada"), DRAFT, reason="by hand instead.")
    space.close()
    page = open_as("ada", "reviews", reviewed_copy, model=MODEL, kind="retrain")
    assert "gradient_boosting" in codes(page)[0], "the default recipe is shown"
    page.text_area(key="propose_reason").set_value("June was broken.")
    page.text_area(key=f"propose_recipe_{MODEL}").set_value('estimator = "magic"')
    page.number_input(key=f"propose_windows_{MODEL}").set_value(1).run()
    page.button(key="propose").click().run()
    assert "Name the first and the last day" in page.error[0].value
    page.date_input(key=f"propose_days_{MODEL}_0").set_value((date(2026, 1, 2), date(2026, 1, 3)))
    page.button(key="propose").click().run()
    assert not page.exception
    assert "estimator" in page.error[0].value
    page.text_area(key=f"propose_recipe_{MODEL}").set_value('estimator = "linear"')
    page.button(key="propose").click().run()
    assert "An excluded window needs a reason" in page.error[0].value.replace("\\", "")
    page.text_input(key=f"propose_because_{MODEL}_0").set_value("the feed was broken")
    page.button(key="propose").click().run()
    assert not page.exception
    space = opened(reviewed_copy)
    found = space.proposals.list(actor("ada"))[0]
    space.close()
    assert (found.id, found.kind) == (6, ProposalKind.RETRAIN)
    assert found.arguments == {
        "recipe": 'estimator = "linear"',
        "exclude": [
            {
                "from": "2026-01-02T00:00:00+00:00",
                "to": "2026-01-04T00:00:00+00:00",
                "reason": "the feed was broken",
            }
        ],
    }


def test_the_local_operator_may_ask_while_nobody_has_an_account(open_as: OpenAs, tmp_path: Path) -> None:
    space = Workspace.open(tmp_path / "w")
    space.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    space.close()
    page = open_as(LOCAL_OPERATOR, "reviews", tmp_path / "w")
    assert not page.exception
    assert has_form(page)
