"""Policies of signing in force: they change by proposals only, and bind deciding, the worker and the gate alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.identity import WORKER, Actor, UserRole
from core.governance.policy import RiskTier
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.storage.signing import JobRow, SigningPolicyRow
from tests.governed import MODEL, Governed, build

K, S = ProposalKind, ProposalState
TWO = {"seats": ["validator", "owner"]}


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    governed = build(tmp_path)
    yield governed
    governed.workspace.close()


def n_jobs(governed: Governed) -> int:
    with governed.workspace.database.read() as session:
        return len(session.scalars(select(JobRow.id)).all())


def test_a_new_policy_holds_from_its_job_on_and_is_in_the_ledger(governed: Governed) -> None:
    service = governed.workspace.policies
    assert service.show(governed.vera, MODEL).policy.seats == (UserRole.REVIEWER,)
    number = governed.propose_policy({**TWO, "tier": "high"}).proposal.id
    decided = governed.decide(number)
    assert service.show(governed.vera, MODEL).policy.seats == (UserRole.REVIEWER,)  # approved, but not yet done
    governed.run(decided.job_id)
    found = service.show(governed.vera, MODEL)
    assert (found.policy.seats, found.tier) == ((UserRole.VALIDATOR, UserRole.OWNER), RiskTier.HIGH)
    (entry,) = [e for e in governed.workspace.ledger.list(governed.audrey, newest=9) if e.action == "policy.set"]
    assert (entry.objects["proposal"], entry.objects["policy"]) == (number, found.policy.digest)
    (change,) = service.history(governed.vera, MODEL)
    assert (change.proposal_id, change.requester, change.approved_by) == (number, "ada", ("ines",))
    assert governed.workspace.ledger.verify(governed.audrey).problems == ()


def test_a_policy_job_that_is_begun_again_sets_the_rules_once(governed: Governed) -> None:
    decided = governed.decide(governed.propose_policy(TWO).proposal.id)
    governed.workspace.jobs.begin(WORKER, decided.job_id or "")
    for _ in range(2):
        governed.workspace.execution.deploy(WORKER, decided.job_id or "")
    with governed.workspace.database.read() as session:
        assert len(session.scalars(select(SigningPolicyRow)).all()) == 1


def test_a_policy_that_was_altered_in_the_database_is_found(governed: Governed) -> None:
    governed.set_policy(TWO)
    with governed.workspace.database.write() as session:
        session.execute(text("DROP TRIGGER signing_policy_no_update"))
        session.execute(text("""UPDATE signing_policy SET rules = '{"seats": ["reviewer"]}'"""))
    (problem,) = governed.workspace.ledger.verify(governed.audrey).problems
    assert "policy" in problem


def test_the_roles_of_a_signature_cannot_be_altered_unnoticed(governed: Governed) -> None:
    governed.put_in_force("v1")
    with governed.workspace.database.write() as session:
        session.execute(text("DROP TRIGGER proposal_move_no_update"))
        altered = """UPDATE proposal_move SET details = '{"roles": ["owner"]}' WHERE move = 'approve'"""
        session.execute(text(altered))
    (problem,) = governed.workspace.ledger.verify(governed.audrey).problems
    assert "isn't what entry" in problem


@pytest.mark.parametrize("first", ["vic", "olga", "both"])
def test_nothing_runs_until_every_seat_has_a_person_of_its_own(governed: Governed, first: str) -> None:
    governed.set_policy(TWO)
    before = n_jobs(governed)
    number = governed.propose(K.PROMOTE, "v1")
    decided = governed.decide(number, by=first)
    assert (decided.proposal.state, decided.job_id, n_jobs(governed)) == (S.OPEN, None, before)
    assert not governed.workspace.proposals.gate(governed.vera, MODEL, "v1").is_open
    assert len(decided.proposal.vacant) == 1
    with pytest.raises(NotAllowedError, match="one person fills one seat"):
        governed.decide(number, by=first)
    for nobody in ("ines", "otto"):
        with pytest.raises(NotAllowedError, match="The seat that is left is for"):
            governed.decide(number, by=nobody)
    other = {"vic": "olga", "olga": "vic", "both": "vic"}[first]
    decided = governed.decide(number, by=other)
    assert (decided.proposal.state, n_jobs(governed)) == (S.APPROVED, before + 1)
    governed.run(decided.job_id)
    gate = governed.workspace.proposals.gate(governed.vera, MODEL, "v1")
    assert gate.is_open
    assert set(gate.approved_by) == {first, other}


def test_the_deciders_are_those_whose_signature_would_fill_a_seat(governed: Governed) -> None:
    governed.set_policy(TWO)
    number = governed.propose(K.PROMOTE, "v1")
    assert governed.workspace.proposals.review(governed.vera, number).deciders == ("both", "olga", "vic")
    governed.decide(number, by="vic")
    assert governed.workspace.proposals.review(governed.vera, number).deciders == ("both", "olga")


def test_an_administrator_is_bound_like_everybody_else(governed: Governed) -> None:
    governed.set_policy(TWO)
    number = governed.propose(K.PROMOTE, "v1")
    with pytest.raises(NotAllowedError, match="decide"):
        governed.workspace.proposals.decide(governed.root, number, Move.APPROVE, reason="I am the admin")
    chief = Actor(name="root", roles=(UserRole.ADMIN, UserRole.OWNER), signed_in_at=governed.clock())
    assert governed.workspace.proposals.decide(chief, number, Move.APPROVE, reason="as owner").job_id is None


def test_signatures_lapse_when_the_evidence_is_refreshed_even_at_the_same_instant(governed: Governed) -> None:
    governed.set_policy(TWO)
    number = governed.propose(K.PROMOTE, "v1")
    governed.decide(number, by="vic")
    refreshed = governed.workspace.proposals.refresh(governed.ada, number, reason="again")
    assert refreshed.proposal.approvals == ()
    assert governed.decide(number, by="olga").job_id is None


def test_a_policy_changes_only_by_the_quorum_of_the_policy_in_force(governed: Governed) -> None:
    governed.set_policy(TWO)
    number = governed.propose_policy({"seats": ["reviewer"]}).proposal.id
    with pytest.raises(NotAllowedError):
        governed.decide(number, by="ines")
    governed.decide(number, by="vic")
    governed.run(governed.decide(number, by="olga").job_id)
    assert governed.workspace.policies.show(governed.vera, MODEL).policy.seats == (UserRole.REVIEWER,)


def test_a_tier_changes_by_its_own_quorum_not_by_the_weaker_one_of_a_model_in_it(governed: Governed) -> None:
    governed.set_policy(TWO, tier="high")
    governed.set_policy({"tier": "high", "seats": ["reviewer"]})
    number = governed.propose_policy({"seats": ["reviewer"]}, tier="high").proposal.id
    with pytest.raises(NotAllowedError, match="The seat that is left is for: validator or owner"):
        governed.decide(number, by="ines")


def test_the_rules_of_a_tier_hold_for_its_models_and_for_no_others(governed: Governed) -> None:
    governed.set_policy({"max_age_days": 3}, tier="high")
    service = governed.workspace.policies
    assert service.show(governed.vera, MODEL).policy.max_age_days == 14
    governed.set_policy({"tier": "high", "approval_days": 30})
    found = service.show(governed.vera, MODEL).policy
    assert (found.max_age_days, found.approval_days) == (3, 30)
    assert service.tier(governed.vera, RiskTier.HIGH).policy.approval_days is None


def test_an_open_proposal_goes_stale_when_the_policy_changes(governed: Governed) -> None:
    number = governed.propose(K.PROMOTE, "v1")
    governed.set_policy(TWO)
    with pytest.raises(ConflictError, match="policy signing has changed"):
        governed.decide(number, by="vic")


def test_of_two_changes_of_one_tier_the_second_goes_stale_with_the_first(governed: Governed) -> None:
    first = governed.propose_policy({"max_age_days": 3}, tier="high").proposal.id
    governed.clock.advance(minutes=1)
    with pytest.raises(ConflictError, match="asks for the same"):
        governed.propose_policy({"max_age_days": 4}, tier="high", by="zoe")
    governed.run(governed.decide(first).job_id)
    assert governed.workspace.policies.tier(governed.vera, RiskTier.HIGH).policy.max_age_days == 3


def test_a_required_check_that_fails_bars_everybody_and_says_why(governed: Governed) -> None:
    governed.put_in_force("v1")
    governed.set_policy({"checks": {"making": "pass"}})  # v2 was registered without the batches it learnt from
    number = governed.propose(K.PROMOTE, "v2")
    with pytest.raises(NotAllowedError, match="the check making must pass, it came to: look"):
        governed.decide(number)
    refusals = governed.workspace.proposals.refusals(governed.ines, number)
    assert "the check making must pass" in str(refusals[Move.APPROVE])
    assert refusals[Move.REJECT] is None


def test_evaluation_data_have_to_be_recent_when_it_is_signed(governed: Governed) -> None:
    governed.put_in_force("v1")
    governed.set_policy({"evaluation_days": 5})  # the rows are of days long before
    with pytest.raises(NotAllowedError, match="the evaluation data end on 2026-"):
        governed.decide(governed.propose(K.PROMOTE, "v2"))


def test_the_margins_of_the_policy_are_those_of_the_evidence(governed: Governed) -> None:
    governed.put_in_force("v1")
    governed.set_policy({"margins": {"accuracy": 0.5, "mae": 3.0}})  # mae is of no binary model
    decided = governed.opened(K.PROMOTE, "v2")
    report = governed.workspace.proposals.report(governed.vera, decided.proposal.evidence_sha256).report
    margins = {d["measure"]: d["margin"] for d in report["comparison"]["result"]["differences"]}
    assert margins["accuracy"] == 0.5
    assert "mae" not in margins


def test_a_signed_approval_expires_before_it_is_run_and_after(governed: Governed) -> None:
    governed.set_policy({"approval_days": 2, "max_age_days": 14})
    decided = governed.decide(governed.propose(K.PROMOTE, "v1"))
    governed.clock.advance(days=3)
    gate = governed.workspace.proposals.gate
    assert "lasted 2 days" in gate(governed.vera, MODEL, "v1").why
    with pytest.raises(ConflictError, match="lasted 2 days"):
        governed.workspace.jobs.begin(WORKER, decided.job_id or "")


def test_an_approval_that_has_run_out_closes_the_gate_until_it_is_renewed(governed: Governed) -> None:
    governed.set_policy({"approval_days": 10})
    governed.put_in_force("v1")
    gate = governed.workspace.proposals.gate
    assert gate(governed.vera, MODEL, "v1").is_open
    governed.clock.advance(days=11)
    assert "lasted 10 days" in gate(governed.vera, MODEL, "v1").why
    with pytest.raises(ConflictError, match="only the approval of the version in force"):
        governed.propose(K.RENEW, "v2")
    number = governed.propose(K.RENEW, "v1")
    assert not gate(governed.vera, MODEL, "v1").is_open
    governed.run(governed.decide(number).job_id)
    opened = gate(governed.vera, MODEL, "v1")
    assert (opened.is_open, opened.proposal_id) == (True, number)


def test_a_policy_that_tightens_closes_the_gate_of_what_is_in_force(governed: Governed) -> None:
    governed.put_in_force("v1")
    governed.set_policy(TWO)
    gate = governed.workspace.proposals.gate(governed.vera, MODEL, "v1")
    assert not gate.is_open
    assert "nobody has signed as validator and owner" in gate.why


def test_rules_nobody_could_meet_or_no_measure_bears_are_refused_when_they_are_asked_for(governed: Governed) -> None:
    with pytest.raises(InputError, match="too few people have these roles"):
        governed.propose_policy({"seats": ["owner", "owner", "owner"]})
    with pytest.raises(UnknownNameError, match="acuracy"):
        governed.propose_policy({"margins": {"acuracy": 0.1}})
    propose = governed.workspace.proposals.open
    with pytest.raises(InputError, match="takes policy and tier"):
        propose(governed.ada, MODEL, K.POLICY, reason="x", arguments={"policy": TWO, "by": "me"})
    with pytest.raises(NotAllowedError):
        governed.propose_policy(TWO, by="vera")


def test_a_dry_run_says_which_past_approvals_would_have_lacked_what(governed: Governed) -> None:
    first = governed.put_in_force("v1")
    rejected = governed.propose(K.PROMOTE, "v2")
    governed.decide(rejected, Move.REJECT)
    preview = governed.workspace.policies.preview(
        governed.vera, MODEL, {"seats": ["owner"], "checks": {"making": "pass"}}
    )
    cases = {case.proposal_id: case for case in preview.cases}
    assert set(cases) == {first, rejected}
    assert cases[first].would_differ
    assert cases[first].would_lack[-1] == "nobody has signed as owner"
    assert (cases[rejected].was, cases[rejected].would_differ) == (Move.REJECT, False)
    assert any("making" in reason for reason in cases[rejected].would_lack)
    same = governed.workspace.policies.preview(governed.vera, MODEL, {})
    assert not [case for case in same.cases if case.would_differ]


def test_the_dry_run_is_frozen_into_the_evidence_of_the_change(governed: Governed) -> None:
    first = governed.put_in_force("v1")
    decided = governed.propose_policy(TWO)
    report = governed.workspace.proposals.report(governed.vera, decided.proposal.evidence_sha256).report
    assert report["before"]["seats"] == ["reviewer"]
    assert report["after"]["seats"] == ["validator", "owner"]
    assert [case["proposal"] for case in report["dry_run"]] == [first]
