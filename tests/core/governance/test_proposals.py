"""The table of moves, walked wholly: whatever state, person and evidence, the rules of signing hold."""

from __future__ import annotations

from itertools import product

import pytest

from core.governance.identity import LOCAL_OPERATOR, WORKER, Actor, Right, UserRole
from core.governance.proposals import (
    AFTER_DECIDING,
    BY_WORKER,
    DECISIONS,
    MOVES,
    ON_FRESH_EVIDENCE,
    Move,
    ProposalState,
    next_state,
    refusal,
)
from core.governance.quorum import SEATS

ENDED = {ProposalState.DONE, ProposalState.REJECTED, ProposalState.WITHDRAWN, ProposalState.REVOKED}
BOTH = Actor(name="zoe", roles=(UserRole.ENGINEER, UserRole.REVIEWER))
ACTORS = [*(Actor(name="zoe", roles=(role,)) for role in UserRole), BOTH]
OTHERS: list[tuple[str | None, tuple[str, ...]]] = [
    ("zoe", ()),
    ("ada", ()),
    (None, ()),
    ("ada", ("zoe",)),
]
CASES = list(
    product(ProposalState, Move, ACTORS, OTHERS, [(), ("batch 2 is gone",)], ["I looked", "  "]),
)


def is_refused(
    case: tuple[ProposalState, Move, Actor, tuple[str | None, tuple[str, ...]], tuple[str, ...], str],
) -> bool:
    state, move, actor, (requester, askers), stale, reason = case
    found = refusal(move, actor, state=state, requester=requester, askers=askers, stale=stale, reason=reason)
    assert found is None or found.reason.endswith(".")
    return found is not None


ALLOWED = [case for case in CASES if not is_refused(case)]


def test_somebody_can_make_every_move_of_the_table_and_nobody_any_other() -> None:
    assert {(state, move) for state, move, *_ in ALLOWED} == set(MOVES)


def test_nobody_approves_what_they_asked_for_or_refreshed_whatever_their_roles() -> None:
    approvals = [case for case in ALLOWED if case[1] is Move.APPROVE]
    assert approvals
    assert not [case for case in approvals if case[3][0] == "zoe" or "zoe" in case[3][1]]


def test_nobody_decides_on_their_own_proposal_but_may_reject_what_they_only_refreshed() -> None:
    decisions = [case for case in ALLOWED if case[1] in DECISIONS]
    assert not [case for case in decisions if case[3][0] == "zoe"]
    assert {case[1] for case in decisions if "zoe" in case[3][1]} == {Move.REJECT, Move.REQUEST_CHANGES}


def test_only_who_has_a_seat_decides_and_only_the_worker_starts_and_ends() -> None:
    for _, move, actor, *_ in ALLOWED:
        if move in DECISIONS | AFTER_DECIDING:
            assert set(SEATS) & set(actor.roles)
        elif move in BY_WORKER:
            assert actor.roles == (UserRole.WORKER,)
        else:
            assert actor.may(Right.PROPOSE)


def test_stale_evidence_is_neither_approved_nor_run_but_may_be_rejected_or_refreshed() -> None:
    on_stale = {case[1] for case in ALLOWED if case[4]}
    assert on_stale == {move for _, move in MOVES} - ON_FRESH_EVIDENCE
    assert {Move.REJECT, Move.REFRESH, Move.WITHDRAW} <= on_stale


def test_no_decision_goes_without_a_reason() -> None:
    assert not [case for case in ALLOWED if case[1] in DECISIONS | AFTER_DECIDING and not case[5].strip()]


def test_only_who_asked_withdraws_and_a_draft_of_nobody_is_anyones_to_drop() -> None:
    withdrawals = [case for case in ALLOWED if case[1] is Move.WITHDRAW]
    assert {case[3][0] for case in withdrawals} == {"zoe", None}


@pytest.mark.parametrize("state", sorted(ENDED))
def test_what_has_ended_stays_as_it_is_but_for_an_approval_that_is_revoked(state: ProposalState) -> None:
    left = {move: next_state(state, move) for move in Move if next_state(state, move) is not None}
    revoked = {Move.REVOKE: ProposalState.REVOKED, Move.MEET: ProposalState.DONE}
    assert left == (revoked if state is ProposalState.DONE else {})


@pytest.mark.parametrize("state", [state for state in ProposalState if state not in ENDED])
def test_every_other_state_can_come_to_an_end(state: ProposalState) -> None:
    reached, grown = {state}, {state}
    while grown:
        grown = {after for (before, _), after in MOVES.items() if before in grown} - reached
        reached |= grown
    assert reached & ENDED


def test_a_job_can_only_start_from_an_approval() -> None:
    changes = {(before, move): after for (before, move), after in MOVES.items() if move is not Move.MEET}
    after_failing = ProposalState.FAILED
    into_approved = {move for (_, move), after in changes.items() if after is ProposalState.APPROVED}
    into_running = {before for (before, _), after in changes.items() if after is ProposalState.RUNNING}
    into_failed = {before for (before, _), after in changes.items() if after is ProposalState.FAILED} - {after_failing}
    assert into_approved == {Move.APPROVE, Move.RETRY}
    assert into_running == {ProposalState.APPROVED}
    assert into_failed == {ProposalState.APPROVED, ProposalState.RUNNING}  # so a retry had its approval


def test_neither_the_operator_nor_the_worker_nor_an_administrator_decides() -> None:
    assert set(SEATS) == {UserRole.REVIEWER, UserRole.VALIDATOR, UserRole.OWNER}
    for actor in (LOCAL_OPERATOR, WORKER, Actor(name="root", roles=(UserRole.ADMIN,))):
        found = refusal(Move.APPROVE, actor, state=ProposalState.OPEN, requester="ada")
        assert found is not None
        assert "needs the right to decide" in found.reason
