"""Two people in two browsers: from an alarm to a promoted version, and every way in which that is refused."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from core.errors import NotAllowedError
from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, Actor, UserRole
from core.governance.ledger import Receipt
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.workspace import Workspace
from sample_data.demo import ADMIN, PASSWORD
from tests.browser.conftest import ROOT, StartVisit, Visit, serving

pytestmark = pytest.mark.browser

MODEL = "credit-default"
JOB_SECONDS = 240
AUDITOR = Actor(name="the test", roles=(UserRole.AUDITOR,))
UNDER_WAY = (ProposalState.APPROVED, ProposalState.RUNNING)


@pytest.fixture(scope="module")
def folder(demo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the demo, to sign in."""
    return Path(shutil.copytree(demo_folder, tmp_path_factory.mktemp("signing") / "workspace"))


@pytest.fixture(scope="module")
def server(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The dashboard on it, with a worker beside it."""
    log = tmp_path_factory.mktemp("worker") / "log"
    command = [sys.executable, "-c", "from core.cli import main; main()", "worker", "--workspace", str(folder)]
    with log.open("wb") as output:
        worker = subprocess.Popen(command, cwd=ROOT, env={**os.environ}, stdout=output, stderr=subprocess.STDOUT)
        try:
            with serving(folder, log.with_name("server")) as address:
                yield address
        finally:
            worker.terminate()
            worker.wait(timeout=30)


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Iterator[Workspace]:
    """The same workspace, seen by the test."""
    workspace = Workspace.open(folder)
    yield workspace
    workspace.close()


def until(what: Callable[[], bool], *, seconds: float = JOB_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.5)


def sign(page: Page, decision: str, reason: str) -> str:
    """Fill in the form of a review; the receipt that is shown."""
    card = page.locator(".st-key-decision")
    card.get_by_text(decision, exact=True).click()
    card.get_by_label("Reason").fill(reason)
    card.get_by_role("button", name="Sign").click()
    receipt = card.get_by_test_id("stCode")
    expect(receipt).to_be_visible()
    return receipt.inner_text().replace("\n", "").strip()


def open_review(visit: Visit, title: str) -> None:
    visit.page.get_by_test_id("stSidebarNav").get_by_role("link", name="Reviews").click()
    expect(visit.page.get_by_role("heading", name="Reviews", exact=True)).to_be_visible()
    visit.settled()
    visit.page.get_by_role("link", name=title).click()
    expect(visit.page.get_by_role("heading", name=title)).to_be_visible()
    visit.settled()


def test_from_the_alarm_to_the_new_champion_by_two_people(
    server: str, workspace: Workspace, start_visit: StartVisit
) -> None:
    engineer = start_visit(server, who="ada")
    page = engineer.page
    expect(page.get_by_role("heading", name="1 of 3 models has an alarm.")).to_be_visible()
    page.get_by_role("link", name=MODEL).first.click()
    expect(page.get_by_role("heading", name=MODEL, exact=True)).to_be_visible()
    engineer.settled()
    page.get_by_test_id("stSidebarNav").get_by_role("link", name="Reviews").click()
    expect(page.get_by_text("An alarm suggests", exact=True)).to_be_visible()
    page.get_by_role("button", name="Submit the draft").click()
    form = page.get_by_test_id("stPopoverBody")
    form.get_by_label("Reason").fill("Outcomes in the North have changed; the model has to learn them.")
    form.get_by_role("button", name="Submit the draft").click()
    expect(page.get_by_text("An alarm suggests", exact=True)).to_have_count(0)
    engineer.check()

    reviewer = start_visit(server, who="ines")
    open_review(reviewer, f"Retrain {MODEL}")
    reviewer.check()
    receipts = [sign(reviewer.page, "Approve", "The change in the North is real, and labels are complete.")]
    retraining = next(p for p in workspace.proposals.list(AUDITOR, MODEL) if p.kind is ProposalKind.RETRAIN)
    until(lambda: workspace.proposals.show(AUDITOR, retraining.id).state not in UNDER_WAY)
    done = workspace.proposals.show(AUDITOR, retraining.id)
    assert done.state is ProposalState.DONE, done.moves[-1].text

    candidate = f"retrained-{retraining.id}"
    open_review(reviewer, f"Promote {MODEL} {candidate}")
    expect(reviewer.page.get_by_role("heading", name="What gets better, what gets worse?")).to_be_visible()
    reviewer.check()
    receipts.append(sign(reviewer.page, "Approve", "Better on the most recent records, and no group is worse."))
    until(lambda: in_force(workspace) == candidate)

    reviewer.open(f"versions?model={MODEL}")
    expect(reviewer.page.get_by_role("heading", name=f"{candidate} is in force since")).to_be_visible()
    reviewer.check()
    reviewer.open("ledger")
    expect(reviewer.page.get_by_role("heading", name=re.compile("All .* entries hold"))).to_be_visible()
    reviewer.check()
    for receipt in receipts:
        assert Receipt.parse(receipt)
    found = workspace.ledger.verify(AUDITOR, receipts=tuple(receipts))
    assert found.is_intact, found.problems


def test_nobody_approves_on_evidence_that_went_stale(
    server: str, workspace: Workspace, start_visit: StartVisit
) -> None:
    evaluation = next(b for b in workspace.batches.list(AUDITOR, MODEL) if b.evaluated_version == "v8")
    workspace.batches.retract(LOCAL_OPERATOR, evaluation.id, reason="The wrong file.")
    visit = start_visit(server, who="otto")
    visit.open("review?proposal=3")
    expect(visit.page.get_by_text(re.compile("The evidence is stale: .*evaluation v8 has changed"))).to_be_visible()
    card = visit.page.locator(".st-key-decision")
    expect(card.get_by_text("Reject", exact=True)).to_be_visible()
    expect(card.get_by_text("Approve", exact=True)).to_have_count(0)
    visit.check()


def test_who_asked_cannot_approve_even_as_a_reviewer(
    server: str, workspace: Workspace, start_visit: StartVisit
) -> None:
    admin = workspace.accounts.sign_in(ANONYMOUS, ADMIN, PASSWORD).actor
    workspace.accounts.set_roles(admin, "otto", [UserRole.ENGINEER, UserRole.REVIEWER])
    otto = workspace.accounts.sign_in(ANONYMOUS, "otto", PASSWORD).actor
    asked = workspace.proposals.open(otto, "affordability", ProposalKind.RETRAIN, reason="To be safe.").proposal
    visit = start_visit(server, who="otto")
    visit.open(f"review?proposal={asked.id}")
    expect(visit.page.get_by_text("You asked for this: you cannot approve it.")).to_be_visible()
    visit.check()
    with pytest.raises(NotAllowedError, match="You asked for this"):
        workspace.proposals.decide(otto, asked.id, Move.APPROVE, reason="I may decide, may I not?")


def test_an_engineer_decides_neither_by_page_nor_by_address_nor_by_a_call(
    server: str, workspace: Workspace, start_visit: StartVisit
) -> None:
    visit = start_visit(server, who="ada")
    visit.open("review?proposal=3")
    expect(visit.page.get_by_text("You can't decide")).to_be_visible()
    expect(visit.page.get_by_role("button", name="Sign", exact=True)).to_have_count(0)
    visit.open("people")
    expect(visit.page.get_by_text("An admin can give you another role.")).to_be_visible()
    expect(visit.page.get_by_text("otto")).to_have_count(0)
    visit.check()
    ada = workspace.accounts.sign_in(ANONYMOUS, "ada", PASSWORD).actor
    with pytest.raises(NotAllowedError):
        workspace.proposals.decide(ada, 3, Move.APPROVE, reason="Because I can.")
    with pytest.raises(NotAllowedError):
        workspace.accounts.list(ada)


def test_of_two_who_decide_at_once_the_second_is_told(
    server: str, workspace: Workspace, start_visit: StartVisit
) -> None:
    admin = workspace.accounts.sign_in(ANONYMOUS, ADMIN, PASSWORD).actor
    workspace.accounts.set_roles(admin, "root", [UserRole.ADMIN, UserRole.REVIEWER])
    ada = workspace.accounts.sign_in(ANONYMOUS, "ada", PASSWORD).actor
    asked = workspace.proposals.open(ada, "document-type", ProposalKind.RETRAIN, reason="More labels came in.").proposal
    first, second = start_visit(server, who="ines"), start_visit(server, who="root")
    for visit in (first, second):
        visit.open(f"review?proposal={asked.id}")
    card = second.page.locator(".st-key-decision")
    card.get_by_text("Reject", exact=True).click()
    card.get_by_label("Reason").fill("No need.")
    sign(first.page, "Approve", "Worth a try.")
    card.get_by_role("button", name="Sign").click()
    expect(second.page.get_by_text(re.compile("ines chose to approve at .* nothing was changed"))).to_be_visible()
    second.check()


def test_who_signs_out_is_out_and_a_deep_link_comes_back_after_signing_in(server: str, start_visit: StartVisit) -> None:
    visit = start_visit(server)
    page = visit.page
    page.goto(f"{server}/drift?model={MODEL}")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    page.get_by_label("Name").fill("ines")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    assert page.url.startswith(f"{server}/drift?model={MODEL}")
    visit.settled()
    page.reload()
    expect(page.get_by_role("heading", name="Drift", exact=True)).to_be_visible()
    visit.settled()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out")).to_be_visible()
    page.goto(f"{server}/ledger")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()


def in_force(workspace: Workspace) -> str | None:
    found = workspace.versions.in_force(AUDITOR, MODEL)
    return found.version if found else None
