"""Approvals with conditions, and approvals that are revoked: what the gate and the worker make of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.conditions import Condition
from core.governance.identity import WORKER
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.services.gate import Gate
from core.services.proposal import Decided
from tests.governed import MODEL, Governed, build

K = ProposalKind


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    governed = build(tmp_path)
    yield governed
    governed.workspace.close()


def conditional(governed: Governed, *, days: float = 10, owner: str = "ada", text: str = "label 200 cases") -> Decided:
    """An approval of v1 that hangs on a condition."""
    condition = Condition(text=text, owner=owner, due_at=governed.clock.now + timedelta(days=days))
    number = governed.propose(K.PROMOTE, "v1")
    decide = governed.workspace.proposals.decide
    return decide(governed.ines, number, Move.APPROVE, reason="if it is labelled", conditions=[condition])


def gate(governed: Governed) -> Gate:
    return governed.workspace.proposals.gate(governed.vera, MODEL, "v1")


def test_a_condition_that_is_due_and_unchecked_closes_the_gate_and_checking_opens_it(governed: Governed) -> None:
    decided = conditional(governed)
    governed.run(decided.job_id)
    number = decided.proposal.id
    (name,) = decided.proposal.conditions
    assert gate(governed).is_open
    governed.clock.advance(days=11)
    assert "the condition 'label 200 cases' of ada was due on" in gate(governed).why
    check = governed.workspace.proposals.check_condition
    with pytest.raises(UnknownNameError, match="condition"):
        check(governed.otto, number, "99.1", reason="I looked")
    with pytest.raises(NotAllowedError):
        check(governed.ada, number, name, reason="I did it")
    with pytest.raises(InputError, match="reason"):
        check(governed.otto, number, name, reason=" ")
    checked = check(governed.otto, number, name, reason="I counted 212")
    assert checked.proposal.conditions[name][1] is not None
    assert gate(governed).is_open
    assert governed.workspace.ledger.verify(governed.audrey).problems == ()


def test_whoever_has_to_meet_a_condition_does_not_check_it(governed: Governed) -> None:
    decided = conditional(governed, owner="otto")
    (name,) = decided.proposal.conditions
    with pytest.raises(NotAllowedError, match="somebody else has to check it"):
        governed.workspace.proposals.check_condition(governed.otto, decided.proposal.id, name, reason="done")


def test_a_job_does_not_start_on_a_condition_that_is_overdue(governed: Governed) -> None:
    decided = conditional(governed, days=1)
    governed.clock.advance(days=2)
    with pytest.raises(ConflictError, match="was due on"):
        governed.workspace.jobs.begin(WORKER, decided.job_id or "")


def test_conditions_that_the_policy_does_not_allow_sign_nothing(governed: Governed) -> None:
    number, decide = governed.propose(K.PROMOTE, "v1"), governed.workspace.proposals.decide
    cases = [
        (91, "label", "ada", "allows"),
        (-1, "label", "ada", "allows"),
        (1, " ", "ada", "words"),
        (1, "x", "?", "No"),
    ]
    for days, text, owner, words in cases:
        condition = Condition(text=text, owner=owner, due_at=governed.clock.now + timedelta(days=days))
        with pytest.raises(InputError, match=words):
            decide(governed.ines, number, Move.APPROVE, reason="if", conditions=[condition])
    of_ada = Condition(text="x", owner="ada", due_at=governed.clock.now + timedelta(days=1))
    with pytest.raises(InputError, match="Only an approval has conditions"):
        decide(governed.ines, number, Move.REJECT, reason="if", conditions=[of_ada])
    found = governed.workspace.proposals.show(governed.vera, number)
    assert (found.state, found.approvals) == (ProposalState.OPEN, ())


def test_a_policy_may_allow_no_conditions_at_all(governed: Governed) -> None:
    governed.set_policy({"condition_days": 0})
    with pytest.raises(InputError, match="allows no conditions"):
        conditional(governed)


def test_a_revoked_approval_closes_the_gate_and_only_a_new_one_opens_it(governed: Governed) -> None:
    number = governed.put_in_force("v1")
    revoke = governed.workspace.proposals.revoke
    with pytest.raises(NotAllowedError):
        revoke(governed.ada, number, reason="I asked for it")
    with pytest.raises(InputError, match="reason"):
        revoke(governed.otto, number, reason="")
    assert revoke(governed.otto, number, reason="the labels were wrong").proposal.state is ProposalState.REVOKED
    closed = gate(governed)
    assert (closed.is_open, closed.proposal_id) == (False, number)
    assert "otto revoked the approval" in closed.why
    assert "the labels were wrong" in closed.why
    renewal = governed.propose(K.RENEW, "v1")
    governed.run(governed.decide(renewal).job_id)
    assert gate(governed).is_open
    revoke(governed.otto, renewal, reason="again")
    assert not gate(governed).is_open, "the approval before a revoked renewal doesn't come back"


def test_a_revoked_approval_starts_no_job(governed: Governed) -> None:
    decided = governed.decide(governed.propose(K.PROMOTE, "v1"))
    governed.workspace.proposals.revoke(governed.otto, decided.proposal.id, reason="too early")
    with pytest.raises(ConflictError, match="revoked"):
        governed.workspace.jobs.begin(WORKER, decided.job_id or "")
    governed.workspace.jobs.fail(WORKER, decided.job_id or "", "revoked")
    assert governed.workspace.proposals.show(governed.vera, decided.proposal.id).state is ProposalState.REVOKED


def test_what_hangs_on_no_approval_any_more_is_not_revoked(governed: Governed) -> None:
    number = governed.set_policy({"max_age_days": 7})
    with pytest.raises(ConflictError, match="doesn't hang on its approval"):
        governed.workspace.proposals.revoke(governed.otto, number, reason="no")
