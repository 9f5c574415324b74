"""What a token is for: it never does more than its scopes, nor more than its owner's roles, nor a minute longer."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import InputError, NotAllowedError, UnknownNameError
from core.governance.identity import ANONYMOUS, RIGHTS, Actor, Right, UserRole
from core.governance.proposals import Move, ProposalKind
from core.services.accounts import SCOPES, AccountService
from tests.command import CommandLine
from tests.governed import MODEL, PASSWORD, Governed, build


@pytest.fixture
def governed(tmp_path: Path) -> Governed:
    return build(tmp_path)


@pytest.fixture
def service(governed: Governed) -> AccountService:
    return governed.workspace.accounts


@pytest.mark.parametrize("role", [role for role in UserRole if role is not UserRole.ANONYMOUS])
def test_of_every_role_and_scope_only_what_both_grant_is_allowed(role: UserRole) -> None:
    for scope in SCOPES:
        actor = Actor(name="x", roles=(role,), scopes=frozenset({scope, Right.READ}))
        assert {right for right in Right if actor.may(right)} == RIGHTS[role] & {Right.SIGN_IN, Right.READ, scope}


def test_a_token_for_one_thing_does_that_and_no_other(governed: Governed, service: AccountService) -> None:
    proposal = governed.propose(ProposalKind.PROMOTE, "v2")
    token = service.sign_in(ANONYMOUS, "ines", PASSWORD, purpose="command", scopes=[Right.READ]).token
    ines = service.owner(ANONYMOUS, token)
    assert ines is not None
    assert governed.workspace.proposals.show(ines, proposal).id == proposal
    with pytest.raises(NotAllowedError, match=r"is for read only: decide needs decide.*--scope 'decide'"):
        governed.workspace.proposals.decide(ines, proposal, Move.APPROVE, reason="good")
    able = service.sign_in(ANONYMOUS, "ines", PASSWORD, purpose="command", scopes=[Right.DECIDE]).actor
    governed.workspace.proposals.decide(able, proposal, Move.APPROVE, reason="good")


def test_a_password_given_again_widens_no_token(service: AccountService) -> None:
    token = service.sign_in(ANONYMOUS, "ines", PASSWORD, purpose="command", scopes=[Right.READ]).token
    assert service.confirm(ANONYMOUS, token, PASSWORD).scopes == {Right.READ}


def test_a_token_lasts_as_long_as_was_asked_and_a_year_at_most(governed: Governed, service: AccountService) -> None:
    token = service.sign_in(ANONYMOUS, "ada", PASSWORD, purpose="command", lifetime=timedelta(hours=1)).token
    governed.clock.advance(minutes=59)
    assert service.owner(ANONYMOUS, token) is not None
    governed.clock.advance(minutes=1)
    assert service.owner(ANONYMOUS, token) is None
    for lifetime in (timedelta(0), timedelta(days=367)):
        with pytest.raises(InputError, match="to 366 days"):
            service.sign_in(ANONYMOUS, "ada", PASSWORD, lifetime=lifetime)
    with pytest.raises(InputError, match="one or more of"):
        service.sign_in(ANONYMOUS, "ada", PASSWORD, scopes=[])


def test_tokens_are_seen_and_ended_by_their_owner_and_by_administrators_only(service: AccountService) -> None:
    signed_in = service.sign_in(ANONYMOUS, "ada", PASSWORD, purpose="command", scopes=[Right.INGEST])
    admin = service.sign_in(ANONYMOUS, "root", PASSWORD).actor
    vera = service.sign_in(ANONYMOUS, "vera", PASSWORD).actor
    (own, *_) = service.tokens(signed_in.actor)
    assert (own.name, own.scopes, own.expires_at) == ("ada", (Right.READ, Right.INGEST), signed_in.expires_at)
    assert service.tokens(admin, "ada")[0] == own
    with pytest.raises(NotAllowedError, match="only ada or an administrator"):
        service.tokens(vera, "ada")
    for stranger in (vera, ANONYMOUS):
        with pytest.raises(UnknownNameError, match=f"No token '{own.id}'"):
            service.end_token(stranger, own.id)
    with pytest.raises(NotAllowedError, match="takes one without a scope"):
        service.end_token(signed_in.actor, own.id)
    assert service.end_token(admin, own.id) == own
    assert service.owner(ANONYMOUS, signed_in.token) is None
    with pytest.raises(UnknownNameError):
        service.end_token(admin, own.id)


def test_by_command_a_token_is_made_listed_used_and_ended(governed: Governed, monkeypatch: pytest.MonkeyPatch) -> None:
    plumbline = CommandLine(workspace=governed.workspace.folder)
    said = plumbline("login", "ada", "--scope", "ingest", "--days", "2", "--json", stdin=f"{PASSWORD}\n".encode()).json
    monkeypatch.setenv("PLUMBLINE_TOKEN", said["token"])
    (found,) = plumbline("account", "tokens", "--json").json
    assert found["scopes"] == ["read", "ingest"]
    refused = plumbline("propose", "promote", MODEL, "v2")
    assert refused.code != 0
    assert "is for ingest, read only" in refused.err
    assert plumbline("account", "end-token", found["id"]).code == 1
    for days in ("nan", "inf", "0"):
        assert plumbline("login", "ada", "--days", days, stdin=f"{PASSWORD}\n".encode()).code == 2
    monkeypatch.setenv("PLUMBLINE_TOKEN", plumbline("login", "ada", stdin=f"{PASSWORD}\n".encode()).out.strip())
    assert plumbline("account", "end-token", found["id"]).code == 0
    monkeypatch.setenv("PLUMBLINE_TOKEN", said["token"])
    assert plumbline("account", "tokens").code == 2
    assert "scope of a token" in plumbline("login", "ada", "--scope", "all", stdin=f"{PASSWORD}\n".encode()).err
