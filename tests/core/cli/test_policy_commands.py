"""Policies of signing by command: shown, tried on past cases, proposed, and what a token that is too old can't sign."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from core.storage.signing import AccessTokenRow
from tests.core.cli.test_governance_commands import House, asked
from tests.governed import MODEL

CAREFUL = 'tier = "high"\nseats = ["validator", "owner"]\napproval_days = 365\n[checks]\nslices = "not fail"\n'


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    found = House(tmp_path)
    (tmp_path / "careful.toml").write_text(CAREFUL)
    yield found
    found.governed.workspace.close()


def rules(house: House) -> Path:
    return house.governed.folder / "careful.toml"


def test_the_rules_in_force_are_shown_with_who_set_each(house: House) -> None:
    shown = house.vera("policy", "show", MODEL)
    assert shown.out.startswith(f"{MODEL} is of the tier standard; policy ")
    assert "max_age_days" in shown.out
    found = house.vera("policy", "show", MODEL, "--json").json
    assert (found["tier"], found["policy"]["seats"], found["own"], found["of_tier"]) == (
        "standard",
        ["reviewer"],
        {},
        {},
    )
    assert house.vera("policy", "history", MODEL).out == "No policy was ever set: the default holds.\n"
    assert house.vera("policy", "history", MODEL, "--json").json == []


def test_other_rules_are_tried_on_past_cases_and_change_nothing(house: House) -> None:
    nothing = house.vera("policy", "dry-run", MODEL, rules(house))
    assert nothing.out == "0 of 0 past approvals would have lacked something.\n"
    house.promoted("v2")
    before = house.vera("policy", "show", MODEL).out
    tried = house.vera("policy", "dry-run", MODEL, rules(house))
    assert tried.code == 0
    assert "1 of 1 past approvals would have lacked something." in tried.out
    (case,) = house.vera("policy", "dry-run", MODEL, rules(house), "--json").json["cases"]
    assert (case["was"], case["would_lack"]) == ("approve", ["nobody has signed as validator and owner"])
    assert house.vera("policy", "show", MODEL).out == before


def test_rules_are_proposed_signed_and_then_asked_of_the_next(house: House) -> None:
    number = asked(house.ada("propose", "policy", MODEL, "--policy", rules(house), "--reason", "more care", "--json"))
    assert "asks" not in house.vera("policy", "history", MODEL).out, "not before it is done"
    house.run(house.ines("approve", number, "--reason", "the audit asked for it", "--json").json["job"])
    assert house.vera("policy", "show", MODEL, "--json").json["own"] == {
        "tier": "high",
        "seats": ["validator", "owner"],
        "approval_days": 365,
        "checks": {"slices": "not fail"},
    }
    (change,) = house.vera("policy", "history", MODEL, "--json").json
    assert (change["proposal_id"], change["requester"], change["approved_by"]) == (number, "ada", ["ines"])
    assert "more care" in house.vera("policy", "history", MODEL).out
    promotion = asked(house.ada("propose", "promote", MODEL, "v2", "--reason", "better", "--json"))
    refused = house.ines("approve", promotion, "--reason", "yes")
    assert (refused.code, "The seat that is left is for: validator or owner." in refused.err) == (1, True)
    first = house.vic("approve", promotion, "--reason", "tested", "--condition", "ada 2099-01-01 watch")
    assert first.code == 2
    assert "is due on 2099-01-02; the policy allows from now on to" in first.err
    assert "It still needs a signature as owner." in house.vic("approve", promotion, "--reason", "tested").out
    assert house.olga("approve", promotion, "--reason", "agreed", "--json").json["state"] == "approved"
    assert house.olga("revoke", promotion, "--reason", "not yet", "--json").json["state"] == "revoked"
    assert house.vera("gate", MODEL, "v2").code == 1


def test_the_rules_of_a_tier_hold_for_its_models_and_are_said_to_be_its(house: House) -> None:
    (house.governed.folder / "tier.toml").write_text('seats = ["reviewer", "owner"]\n')
    command = ["propose", "policy", MODEL, "--policy", house.governed.folder / "tier.toml", "--tier", "standard"]
    number = asked(house.ada(*command, "--reason", "four eyes", "--json"))
    house.run(house.ines("approve", number, "--reason", "agreed", "--json").json["job"])
    found = house.vera("policy", "show", MODEL, "--json").json
    assert (found["policy"]["seats"], found["of_tier"]) == (["reviewer", "owner"], {"seats": ["reviewer", "owner"]})
    assert "tier standard" in house.vera("policy", "history", MODEL).out


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("seats = [", "is no TOML"),
        ('seats = ["chief"]', "chief"),
        ("seats = []", "name 1 to 9 seats, got 0"),
        ("max_age = 3", "max_age"),
        ('[checks]\nluck = "pass"', "luck"),
    ],
)
def test_rules_that_cannot_be_meant_end_with_2_and_say_why(house: House, content: str, message: str) -> None:
    path = house.governed.folder / "wrong.toml"
    path.write_text(content)
    for command in (
        ["policy", "dry-run", MODEL, path],
        ["propose", "policy", MODEL, "--policy", path, "--reason", "x"],
    ):
        ran = house.ada(*command)
        assert (ran.code, ran.out) == (2, ""), ran
        assert message in ran.err
    assert house.ada("policy", "dry-run", MODEL, "none.toml").code == 2


def test_a_token_of_an_hour_ago_signs_nothing_and_the_message_names_the_way_out(house: House) -> None:
    number = asked(house.ada("propose", "promote", MODEL, "v2", "--reason", "better", "--json"))
    assert house.ines("comment", number, "I look into it").code == 0
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    with house.governed.workspace.database.write("accounts") as session:
        session.execute(update(AccessTokenRow).values(created_at=hour_ago))
    house.governed.clock.now = datetime.now(UTC)
    for command in (["approve", number], ["reject", number], ["propose", "policy", MODEL, "--policy", rules(house)]):
        ran = house.ines(*command, "--reason", "x")
        assert (ran.code, ran.out) == (1, ""), ran
        assert (
            "ines's is 61 minutes old. Give your password again: " in ran.err or "ines's is 60 minutes old" in ran.err
        )
        assert 'export PLUMBLINE_TOKEN="$(plumbline login ines)"' in ran.err
    assert house.ines("comment", number, "still here").code == 0
    del house.ines
    assert house.ines("approve", number, "--reason", "x").code == 0, "after signing in again"
