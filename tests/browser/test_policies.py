"""Rules of signing in the browser: changed by a proposal, a quorum of two roles, conditions, revoking, refusals."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, expect
from sqlalchemy import update

from core.governance.conditions import Condition
from core.governance.identity import WORKER
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.storage.signing import AccessTokenRow
from tests.browser.conftest import StartVisit, Visit, serving
from tests.governed import MODEL, PASSWORD, Governed, build

pytestmark = pytest.mark.browser
VisitAs = Callable[[str], Visit]


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """v2 is in force, on a condition that Olga had to meet until yesterday; v3 can be asked for."""
    found = build(tmp_path_factory.mktemp("policies"))
    found.register("v3")
    now = datetime.now(UTC)
    found.clock.now = now - timedelta(days=3)
    due = Condition(text="Label 200 refused cases", owner="olga", due_at=now - timedelta(days=1))
    asked = found.propose(ProposalKind.PROMOTE, "v2")
    decide = found.workspace.proposals.decide
    found.run(decide(found.ines, asked, Move.APPROVE, reason="once they are labelled", conditions=[due]).job_id)
    found.clock.now = datetime.now(UTC)
    yield found
    found.workspace.close()


@pytest.fixture(scope="module")
def server(governed: Governed, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving(governed.workspace.folder, tmp_path_factory.mktemp("server") / "log") as address:
        yield address


@pytest.fixture
def visit_as(server: str, start_visit: StartVisit) -> VisitAs:
    """One browser a person. That whoever asked can't approve, and nobody on stale evidence, is in test_signing."""
    visits: dict[str, Visit] = {}

    def visit(name: str) -> Visit:
        if name not in visits:
            visits[name] = start_visit(server)
            visits[name].sign_in(name, PASSWORD)
        return visits[name]

    return visit


def card_of(visit: Visit, proposal: int) -> Locator:
    """The decision card of a review."""
    visit.open(f"review?proposal={proposal}")
    return visit.page.locator(".st-key-decision")


def sign(card: Locator, decision: str, reason: str) -> None:
    card.get_by_text(decision, exact=True).click()
    card.get_by_label("Reason").fill(reason)
    card.get_by_role("button", name="Sign", exact=True).click()


def refused(card: Locator, why: str) -> None:
    """The card says why, and offers no signature of an approval."""
    expect(card.get_by_text(why)).to_be_visible()
    expect(card.get_by_text("Approve", exact=True)).to_have_count(0)


def run_newest(governed: Governed) -> None:
    """Do what the worker does for the job that waits."""
    governed.clock.now = datetime.now(UTC)
    governed.run(governed.workspace.jobs.list(WORKER)[0].id)


def gate(governed: Governed, version: str) -> tuple[bool, str]:
    governed.clock.now = datetime.now(UTC)
    found = governed.workspace.proposals.gate(WORKER, MODEL, version)
    return found.is_open, found.why


def test_rules_change_by_a_proposal_and_then_two_roles_have_to_sign(governed: Governed, visit_as: VisitAs) -> None:
    proposals = governed.workspace.proposals

    # A condition that is due closes the gate; who had to meet it doesn't check it, somebody else does.
    assert "the condition 'Label 200 refused cases' of olga was due on" in gate(governed, "v2")[1]
    card = card_of(visit_as("olga"), 1)
    expect(card.get_by_text("Label 200 refused cases")).to_be_visible()
    expect(card.get_by_role("button", name="Check it")).to_have_count(0)
    card = card_of(visit_as("ines"), 1)
    card.get_by_role("button", name="Check it").click()
    form = visit_as("ines").page.get_by_test_id("stPopoverBody")
    form.get_by_label("How was it checked?").fill("I counted them: 204.")
    form.get_by_role("button", name="It is met").click()
    expect(card.get_by_text("Checked by ines")).to_be_visible()
    assert gate(governed, "v2")[0]

    # An engineer asks for other rules, and can't sign them.
    visit = visit_as("ada")
    page = visit.page
    visit.open(f"policies?model={MODEL}")
    expect(page.get_by_role("heading", name=f"A reviewer has to sign before a version of {MODEL}")).to_be_visible()
    page.get_by_label("Reviewers who sign").fill("0")
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("name 1 to 9 seats, got 0")).to_be_visible()
    for role in ("Validators", "Owners"):
        page.get_by_label(f"{role} who sign").fill("1")
    page.get_by_role("button", name="Dry run").click()
    expect(page.get_by_text("1 of 1 past approval would have lacked something.")).to_be_visible()
    expect(page.get_by_text("nobody has signed as validator and owner")).to_be_visible()
    visit.check()
    page.get_by_label("Reason").fill("Two people who look at it differently.")
    page.get_by_role("button", name="Propose these rules").click()
    expect(page.get_by_role("heading", name="Which rules would change?")).to_be_visible()
    refused(page.locator(".st-key-decision"), "You (engineer) may not approve")
    (change, *_) = proposals.list(WORKER)
    assert (change.kind, change.state) == (ProposalKind.POLICY, ProposalState.OPEN)

    # By the rules in force until then one reviewer signs; nothing without a choice and a reason.
    visit, card = visit_as("ines"), card_of(visit_as("ines"), change.id)
    card.get_by_role("button", name="Sign", exact=True).click()
    expect(card.get_by_text("Choose what you decide; nothing was signed.")).to_be_visible()
    sign(card, "Approve", " ")
    expect(card.get_by_text("A decision needs a reason.")).to_be_visible()
    sign(card, "Approve", "It is what the audit asked for.")
    expect(card.get_by_test_id("stCode")).to_be_visible()
    visit.check()
    run_newest(governed)
    visit.open(f"policies?model={MODEL}")
    expect(visit.page.get_by_role("heading", name="A validator and an owner have to sign")).to_be_visible()
    assert "nobody has signed as validator and owner" in gate(governed, "v2")[1]

    # The approval before it is revoked, for a reason that the gate repeats.
    card = card_of(visit_as("ines"), 1)
    card.get_by_role("button", name="Revoke the approval").click()
    form = visit.page.get_by_test_id("stPopoverBody")
    form.get_by_label("Reason").fill("Complaints came in.")
    form.get_by_role("button", name="Revoke the approval").click()
    expect(card.get_by_text("Its approval was revoked")).to_be_visible()
    assert gate(governed, "v2")[1].endswith(": Complaints came in.")

    # Now a validator and an owner have to sign; whoever has signed or has no such seat can't.
    governed.clock.now = datetime.now(UTC)
    asked = governed.propose(ProposalKind.PROMOTE, "v3")
    refused(card_of(visit_as("ines"), asked), "The seat that is left is for: validator or owner. You are: reviewer.")
    card = card_of(visit_as("vic"), asked)
    sign(card, "Approve", "I tested it on data of my own.")
    expect(card.get_by_text(re.compile("Still to sign.* owner"))).to_be_visible()
    refused(card, "You have signed already: one person fills one seat.")
    visit_as("vic").check()
    assert proposals.show(WORKER, asked).state is ProposalState.OPEN

    # The last seat, on a condition that has all it needs.
    card = card_of(visit_as("olga"), asked)
    card.get_by_text("Conditions of an approval").click()
    card.get_by_label("Condition 1").fill("Watch complaints for a month")
    card.get_by_label("By whom").first.fill("ada")
    sign(card, "Approve", "Better for all groups.")
    expect(card.get_by_text("A condition needs what has to be done, by whom and until when")).to_be_visible()
    assert proposals.show(WORKER, asked).state is ProposalState.OPEN
    visit_as("olga").check()
    governed.clock.now = datetime.now(UTC)
    due = Condition(text="Watch complaints", owner="ada", due_at=governed.clock.now + timedelta(days=30))
    decided = proposals.decide(governed.olga, asked, Move.APPROVE, reason="Better for all.", conditions=[due])
    governed.run(decided.job_id)
    assert gate(governed, "v3") == (True, f"v3 is in force, approved by vic and olga in proposal {asked}.")
    assert governed.workspace.ledger.verify(governed.audrey).is_intact


def test_an_old_sign_in_is_asked_for_the_password_and_goes_on(governed: Governed, visit_as: VisitAs) -> None:
    proposals = governed.workspace.proposals
    governed.clock.now = datetime.now(UTC)
    asked = governed.propose(ProposalKind.RETIRE, "v1")
    visit = visit_as("vic")
    with governed.workspace.database.write("accounts") as session:
        session.execute(update(AccessTokenRow).values(created_at=datetime.now(UTC) - timedelta(minutes=16)))
    card = card_of(visit, asked)
    expect(card.get_by_text("You signed in more than 15 minutes ago.")).to_be_visible()
    sign(card, "Reject", "It is still used.")
    expect(card.get_by_text("To sign takes a sign-in of the last 15 minutes; vic's is")).to_be_visible()
    card.get_by_label("Your password").fill("not the password")
    card.get_by_role("button", name="Sign", exact=True).click()
    expect(card.get_by_text("The name or the password is wrong.")).to_be_visible()
    assert proposals.show(WORKER, asked).state is ProposalState.OPEN
    card.get_by_label("Your password").fill(PASSWORD)
    card.get_by_role("button", name="Sign", exact=True).click()
    expect(card.get_by_text("It was rejected. Nothing was done.")).to_be_visible()
    expect(card.get_by_label("Your password")).to_have_count(0)
    visit.check()
