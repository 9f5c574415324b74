"""Signing needs a password of the last 15 minutes, whoever signs and whatever is signed."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from core.errors import NotAllowedError, SignInAgainError
from core.governance.conditions import Condition
from core.governance.identity import FRESH_FOR, LOCAL_OPERATOR, Actor, Right, UserRole
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.services.chart_phases import PhaseStep
from tests.core.services.test_rights import calls
from tests.governed import MODEL, NOW, Governed, build

CHIEF = (UserRole.ADMIN, UserRole.OWNER, UserRole.VALIDATOR)
JUST_NOW, BEFORE = NOW - FRESH_FOR, NOW - FRESH_FOR - timedelta(seconds=1)


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """v2 is in force on a condition; Ada asks to promote v3, and an alarm left a draft of other rules."""
    folder = tmp_path_factory.mktemp("fresh")
    found = build(folder)
    asked = found.propose(ProposalKind.PROMOTE, "v2")
    due = Condition(text="Label 200 cases", owner="olga", due_at=NOW + timedelta(days=9))
    decide = found.workspace.proposals.decide
    found.run(decide(found.ines, asked, Move.APPROVE, reason="once labelled", conditions=[due]).job_id)
    found.register("v3")
    found.propose(ProposalKind.PROMOTE, "v3")
    rules = {"policy": {"seats": ["owner"]}}
    found.workspace.proposals.open(LOCAL_OPERATOR, MODEL, ProposalKind.POLICY, reason="care", arguments=rules)
    yield found
    found.workspace.close()
    shutil.rmtree(folder)


def signing(governed: Governed) -> dict[str, Callable[[Actor], object]]:
    """Everything that is signed, by the call that does it."""
    space = governed.workspace
    proposals, (condition,) = space.proposals, space.proposals.show(governed.vera, 1).conditions
    rules = {"policy": {"seats": ["reviewer", "reviewer"]}}
    return {
        **{str(move): lambda who, move=move: proposals.decide(who, 2, move, reason="x") for move in DECISIONS},
        "revoke": lambda who: proposals.revoke(who, 1, reason="x"),
        "check a condition": lambda who: proposals.check_condition(who, 1, condition, reason="x"),
        "ask for a renewal": lambda who: proposals.open(who, MODEL, ProposalKind.RENEW, "v2", reason="x"),
        "ask for a policy": lambda who: proposals.open(who, MODEL, ProposalKind.POLICY, reason="x", arguments=rules),
        "submit a policy": lambda who: proposals.submit(who, 3, reason="x"),
        "decide on a phase I": lambda who: space.charts.decide(who, MODEL, 1, PhaseStep.ADOPT, reason="x"),
    }


DECISIONS = (Move.APPROVE, Move.REJECT, Move.REQUEST_CHANGES)


@pytest.mark.parametrize("signed_in_at", [BEFORE, None])
def test_nothing_is_signed_on_an_old_sign_in_by_an_administrator_neither(
    governed: Governed, signed_in_at: object
) -> None:
    n_before = governed.workspace.ledger.size(governed.audrey)
    for what, call in signing(governed).items():
        actor = Actor(name="root", roles=CHIEF, signed_in_at=signed_in_at)  # type: ignore[arg-type]
        with pytest.raises(SignInAgainError, match=r"again: .* PLUMBLINE_TOKEN=.*plumbline login root"):
            call(actor)
        assert governed.workspace.ledger.size(governed.audrey) == n_before, what


def test_every_call_that_decides_is_among_those_that_are_tried(governed: Governed) -> None:
    deciding = {(service, name) for service, name, call in calls(governed.workspace) if call.right is Right.DECIDE}  # type: ignore[attr-defined]
    assert deciding == {
        ("proposals", "decide"),
        ("proposals", "revoke"),
        ("proposals", "check_condition"),
        ("charts", "decide"),
    }


def test_a_quarter_of_an_hour_is_fresh_enough_and_the_ledger_keeps_when_it_was(governed: Governed) -> None:
    olga = Actor(name="olga", roles=(UserRole.OWNER,), signed_in_at=JUST_NOW)
    decided = governed.workspace.proposals.decide(olga, 2, Move.REQUEST_CHANGES, reason="say more")
    assert decided.proposal.state is ProposalState.CHANGES_REQUESTED
    (entry,) = governed.workspace.ledger.list(governed.audrey, newest=1)
    assert entry.objects["details"] == {"roles": ["owner"], "signed_in_at": JUST_NOW.isoformat()}


def test_what_signs_nothing_needs_no_fresh_sign_in(governed: Governed) -> None:
    ada = Actor(name="ada", roles=(UserRole.ENGINEER,), signed_in_at=BEFORE)
    assert governed.workspace.proposals.comment(ada, 2, "I will").proposal.id == 2
    asked = governed.workspace.proposals.open(ada, MODEL, ProposalKind.RETRAIN, reason="drift")
    assert governed.workspace.proposals.withdraw(ada, asked.proposal.id, reason="not now").proposal.id
    with pytest.raises(NotAllowedError) as refused:
        governed.workspace.proposals.decide(ada, 2, Move.APPROVE, reason="x")
    assert not isinstance(refused.value, SignInAgainError), "who may not decide isn't asked for a password"
