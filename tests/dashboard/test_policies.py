"""The Policies page says who has to sign what, and what other rules would have decided before they are asked for."""

from __future__ import annotations

from pathlib import Path

from streamlit.testing.v1 import AppTest

from core.governance.checks import CheckName
from core.governance.identity import LOCAL_OPERATOR
from core.governance.proposals import Move, ProposalKind
from core.services.proposal import ProposalInfo
from core.workspace import Workspace
from tests.dashboard.signing import MODEL, CopyOf, OpenAs, actor, deploy, submit, words


def set_reviewers(page: AppTest, n: int) -> None:
    next(field for field in page.number_input if field.label == "Reviewers who sign").set_value(n)


def choose(page: AppTest, label: str, option: object) -> None:
    next(group for group in page.button_group if group.label == label).set_value(option)


def newest(folder: Path) -> ProposalInfo:
    space = Workspace.open(folder)
    try:
        return space.proposals.list(actor("ada"), MODEL)[0]
    finally:
        space.close()


def test_the_rules_in_force_are_said_with_who_set_them(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("vera", "policies", signed_folder, model=MODEL)
    assert not page.exception
    text = words(page)
    assert f"A reviewer has to sign before a version of {MODEL} is put in force." in text
    assert "Its risk tier is standard." in text
    assert text.count("the default") == 8


def test_a_dry_run_shows_what_two_signatures_would_have_decided_and_asks_for_nothing(
    open_as: OpenAs, signed_folder: Path
) -> None:
    before = newest(signed_folder)
    page = open_as("vera", "policies", signed_folder, model=MODEL)
    set_reviewers(page, 2)
    submit(page, "Dry run")
    assert not page.exception
    text = words(page)
    assert "4 of 4 past approvals would have lacked something." in text
    assert "nobody has signed as reviewer" in text
    assert "To propose rules is for" in text
    assert newest(signed_folder) == before


def test_rules_that_nobody_could_meet_are_refused_in_words(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("ada", "policies", signed_folder, model=MODEL)
    set_reviewers(page, 3)
    submit(page, "Dry run")
    assert not page.exception
    assert "too few people have these roles" in page.error[0].value
    assert not [button for button in page.button if button.label == "Propose these rules"]


def test_rules_of_the_model_say_only_what_was_touched_and_are_put_up_for_review(
    open_as: OpenAs, copy_of_signed: CopyOf
) -> None:
    folder = copy_of_signed()
    give_the_tier(folder, {"approval_days": 365})
    page = open_as("ada", "policies", folder, model=MODEL)
    assert "the tier standard" in words(page)
    set_reviewers(page, 2)
    next(m for m in page.multiselect if m.label == "Checks that must not fail").set_value([CheckName.SLICES])
    submit(page, "Dry run")
    page.text_area(key="policy_reason").set_value("two pairs of eyes")
    submit(page, "Propose these rules")
    assert not page.exception
    found = newest(folder)
    asked = {"seats": ["reviewer", "reviewer"], "checks": {"slices": "not fail"}, "tier": "standard"}
    assert (found.kind, dict(found.arguments)) == (ProposalKind.POLICY, {"policy": asked})
    review = open_as("ines", "review", folder, proposal=str(found.id))
    assert not review.exception
    text = words(review)
    assert "Which rules would change?" in text
    assert "**2 reviewers**" in text
    assert "5 of 5 past approvals would have lacked something." in text, "the change of the tier is a case too"


def test_rules_of_the_tier_keep_what_the_tier_said_before(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    give_the_tier(folder, {"approval_days": 365})
    page = open_as("ada", "policies", folder, model=MODEL)
    choose(page, "Rules of", "All of the tier standard")
    set_reviewers(page, 2)
    submit(page, "Dry run")
    page.text_area(key="policy_reason").set_value("two pairs of eyes for all")
    submit(page, "Propose these rules")
    assert not page.exception
    rules = {"approval_days": 365, "seats": ["reviewer", "reviewer"]}
    assert dict(newest(folder).arguments) == {"policy": rules, "tier": "standard"}


def give_the_tier(folder: Path, rules: dict[str, object]) -> None:
    space = Workspace.open(folder)
    try:
        arguments = {"policy": rules, "tier": "standard"}
        ask = space.proposals.open
        asked = ask(actor("ada"), MODEL, ProposalKind.POLICY, reason="more care", arguments=arguments)
        decided = space.proposals.decide(actor("otto"), asked.proposal.id, Move.APPROVE, reason="yes")
        deploy(space, decided.job_id or "")
    finally:
        space.close()


def test_in_an_empty_workspace_the_way_to_a_model_is_shown(open_as: OpenAs, tmp_path: Path) -> None:
    Workspace.open(tmp_path / "w").close()
    page = open_as(LOCAL_OPERATOR, "policies", tmp_path / "w")
    assert not page.exception
    assert "There is no model yet." in words(page)
