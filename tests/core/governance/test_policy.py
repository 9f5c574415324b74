"""Policies and quorums: what can be read, who fills which seat, and what an approval lacks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.governance.approval import Case, Signature, lacks
from core.governance.checks import CheckName, Outcome
from core.governance.identity import UserRole
from core.governance.policy import PolicyChange, RiskTier, SigningPolicy
from core.governance.proposals import Move, ProposalKind, ProposalState, next_state
from core.governance.quorum import SEATS, can_fill, fills, vacant

NOW = datetime(2026, 5, 4, tzinfo=UTC)
VALIDATOR, OWNER, REVIEWER = UserRole.VALIDATOR, UserRole.OWNER, UserRole.REVIEWER
PEOPLE = st.lists(st.sets(st.sampled_from([*SEATS, UserRole.ADMIN, UserRole.ENGINEER]), min_size=1), max_size=5)


def most_filled(seats: list[UserRole], people: list[set[UserRole]]) -> int:
    """The same by trying every way in which people can take seats."""
    places = [*range(len(people)), *[None] * len(seats)]
    return max(
        sum(person is not None and can_fill(people[person], seat) for seat, person in zip(seats, order, strict=True))
        for order in set(permutations(places, len(seats)))
    )


@given(seats=st.lists(st.sampled_from(SEATS), min_size=1, max_size=3), people=PEOPLE.filter(lambda p: len(p) <= 4))
def test_as_many_seats_are_filled_as_can_be_one_person_each(seats: list[UserRole], people: list[set[UserRole]]) -> None:
    assert len(seats) - len(vacant(seats, people)) == most_filled(seats, people)


@given(
    seats=st.lists(st.sampled_from(SEATS), min_size=1, max_size=4),
    people=PEOPLE,
    more=st.sets(st.sampled_from(UserRole)),
)
def test_one_more_signature_fills_a_seat_exactly_if_it_leaves_fewer_vacant(
    seats: list[UserRole], people: list[set[UserRole]], more: set[UserRole]
) -> None:
    before, after = vacant(seats, people), vacant(seats, [*people, more])
    assert fills(seats, people, more) is (len(after) == len(before) - 1)
    assert len(after) >= len(before) - 1


def test_whoever_is_both_fills_one_seat_and_makes_room_for_who_comes_later() -> None:
    both = {VALIDATOR, OWNER}
    assert len(vacant([VALIDATOR, OWNER], [both])) == 1
    assert vacant([VALIDATOR, OWNER], [both, {VALIDATOR}]) == ()
    assert vacant([VALIDATOR, OWNER], [both, {OWNER}]) == ()
    assert vacant([VALIDATOR, OWNER], [{REVIEWER}, {UserRole.ADMIN}]) == (VALIDATOR, OWNER)


def test_an_approval_that_leaves_a_seat_vacant_leaves_the_proposal_open() -> None:
    assert next_state(ProposalState.OPEN, Move.APPROVE, is_complete=False) is ProposalState.OPEN
    assert next_state(ProposalState.DONE, Move.APPROVE, is_complete=False) is None
    assert next_state(ProposalState.FAILED, Move.RETRY, is_complete=False) is ProposalState.APPROVED


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"seats": []}, "seats: name 1 to 9 seats"),
        ({"seats": ["admin"]}, "admin may decide nothing"),
        ({"seats": ["engineer", "owner"]}, "engineer may decide nothing"),
        ({"seats_of": {"retrain": ["viewer"]}}, "viewer may decide nothing"),
        ({"seats_of": {"delete": ["owner"]}}, "seats_of.delete"),
        ({"checks": {"slises": "pass"}}, "checks.slises"),
        ({"checks": {"slices": "maybe"}}, "checks.slices"),
        ({"checks": {"fresh": "pass"}}, "leave 'fresh' out"),
        ({"margins": {"accuracy": -0.1}}, "0 or more"),
        ({"margins": {"accuracy": float("nan")}}, "0 or more"),
        ({"max_age_days": 0}, "max_age_days"),
        ({"approval_days": -1}, "approval_days"),
        ({"quorum": 2}, "quorum"),
    ],
)
def test_rules_that_cannot_hold_are_refused_with_their_key(rules: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match="The signing policy can't be used") as error:
        PolicyChange.read({"policy": rules})
    assert words in str(error.value)


def test_a_tier_is_one_of_three_and_cannot_name_another() -> None:
    with pytest.raises(InputError, match="a tier is low, standard, high"):
        PolicyChange.read({"policy": {"tier": "huge"}})
    with pytest.raises(InputError, match="can't name another tier"):
        PolicyChange.read({"policy": {"tier": "low"}, "tier": "high"})
    with pytest.raises(InputError, match="needs its rules"):
        PolicyChange.read({"tier": "high"})


def test_a_models_own_rules_hold_over_those_of_its_tier() -> None:
    change = PolicyChange.read({"policy": {"tier": "high", "approval_days": 365}})
    policy = change.over({"seats": ["validator", "owner"], "approval_days": 30})
    assert (change.model_tier, policy.seats, policy.approval_days) == (RiskTier.HIGH, (VALIDATOR, OWNER), 365.0)


def test_the_digest_names_the_rules_not_how_they_were_written() -> None:
    assert SigningPolicy.read({"max_age_days": 14}).digest == SigningPolicy().digest
    assert SigningPolicy.read({"max_age_days": 15}).digest != SigningPolicy().digest


def case(**changes: object) -> Case:
    values: dict[str, object] = {
        "kind": ProposalKind.PROMOTE,
        "checks": {
            CheckName.SLICES: (Outcome.FAIL, "age under 25 is worse."),
            CheckName.GROUPS: (Outcome.CANNOT_TELL, "Too few rows."),
        },
        "signatures": [Signature(name="vic", roles=(VALIDATOR,), at=NOW)],
        "evaluated_until": NOW - timedelta(days=40),
        "at": NOW,
    }
    return Case(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("rules", "changes", "expected"),
    [
        ({}, {}, None),
        ({"checks": {"slices": "pass"}}, {}, "slices must pass, it came to: fail (age under 25 is worse)"),
        ({"checks": {"slices": "not fail"}}, {}, "slices must not fail"),
        ({"checks": {"groups": "pass"}}, {}, "groups must pass, it came to: cannot tell"),
        ({"checks": {"groups": "not fail"}}, {}, None),
        ({"checks": {"quality": "pass"}}, {}, None),  # a promotion's evidence has no such check
        ({"evaluation_days": 39}, {}, "the evaluation data end on 2026-03-25, more than 39 days before"),
        ({"evaluation_days": 40}, {}, None),
        ({"evaluation_days": 1}, {"evaluated_until": None}, None),
        ({"seats": ["owner"]}, {}, "nobody has signed as owner"),
        ({"seats": ["validator", "owner", "owner"]}, {}, "nobody has signed as 2 owners"),
        ({"seats": ["owner"], "seats_of": {"promote": ["validator"]}}, {}, None),
        ({"approval_days": 7}, {"at": NOW + timedelta(days=7)}, None),
        ({"approval_days": 7}, {"at": NOW + timedelta(days=8)}, "the approval of 2026-05-04 lasted 7 days"),
    ],
)
def test_what_an_approval_lacks(rules: dict[str, object], changes: dict[str, object], expected: str | None) -> None:
    found = lacks(SigningPolicy.read(rules), case(**changes))
    if expected is None:
        assert found == ()
    else:
        (reason,) = found
        assert expected in reason
