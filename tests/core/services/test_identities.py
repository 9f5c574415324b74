"""Accounts tied to a provider: who ties, who comes in as whom, with what roles, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest

from core.errors import ConflictError, InputError, NotAllowedError, OutsideError, SignInAgainError, UnknownNameError
from core.governance.identity import ANONYMOUS, FRESH_FOR, Actor, UserRole
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.services.accounts import SignedIn
from core.services.identities import IdentityService
from core.services.provider import CALLBACK, Provider
from core.services.sign_in_flow import Flow
from tests.builders import SCHEMA
from tests.command import CommandLine
from tests.governed import PASSWORD, Governed, build
from tests.oidc_provider import Provider as RealProvider
from tests.oidc_provider import providing
from tests.people import sign_in

REDIRECT = f"http://127.0.0.1{CALLBACK}"
ISSUER = "https://evil"


@pytest.fixture(scope="module")
def running() -> Iterator[RealProvider]:
    with providing() as provider:
        provider.know("o1", email="otto@example", email_verified=True)
        yield provider


@pytest.fixture
def provider(running: RealProvider, monkeypatch: pytest.MonkeyPatch) -> RealProvider:
    """A provider that does what it should, and that the environment names."""
    running.tell()
    for name, value in running.settings(REDIRECT).items():
        monkeypatch.setenv(name, value)
    return running


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    governed = build(tmp_path)
    governed.clock.now = datetime.now(UTC)  # the provider's clock is a real one
    yield governed
    governed.workspace.close()


def come_in(governed: Governed, provider: RealProvider, sub: str) -> SignedIn:
    """Sign in through the provider, without the server between."""
    way = governed.workspace.identities.begin(ANONYMOUS)
    return governed.workspace.identities.enter(ANONYMOUS, way.flow, came_back(provider, way.url, sub))


def came_back(provider: RealProvider, url: str, sub: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(provider.sign_in(url, sub)).query))


def now_is(governed: Governed, token: str) -> Actor | None:
    """Whom a token stands for, asked as each call of a page asks."""
    return governed.workspace.accounts.owner(ANONYMOUS, token)


def test_an_administrator_ties_an_identity_to_one_account_and_the_ledger_keeps_who(governed: Governed) -> None:
    service = governed.workspace.identities
    tied = service.tie(governed.root, "ines", claim="sub", value="i1", issuer=ISSUER)
    assert (tied.account, tied.tied_by, tied.tied_at) == ("ines", "root", governed.clock())
    assert service.list(governed.root) == (tied,)
    (entry,) = governed.workspace.ledger.list(governed.audrey, newest=1)
    assert (entry.actor, entry.action) == ("root", "account.tie")
    assert entry.objects == {
        "account": "ines",
        "roles": ["reviewer"],
        "issuer": ISSUER,
        "claim": "sub",
        "value": "i1",
    }
    with pytest.raises(ConflictError, match="is ines's already; untie it first"):
        service.tie(governed.root, "otto", claim="sub", value="i1", issuer=ISSUER)
    service.tie(governed.root, "otto", claim="sub", value="i1", issuer=f"{ISSUER}/other")
    service.untie(governed.root, "ines", claim="sub", value="i1", issuer=ISSUER)
    assert governed.workspace.ledger.list(governed.audrey, newest=1)[0].action == "account.untie"
    with pytest.raises(UnknownNameError, match="No identity of ines"):
        service.untie(governed.root, "ines", claim="sub", value="i1", issuer=ISSUER)
    service.tie(governed.root, "otto", claim="sub", value="i1", issuer=ISSUER)


def test_nobody_but_an_administrator_ties_or_sees_who_is_tied(governed: Governed) -> None:
    service = governed.workspace.identities
    for name in ("ada", "ines", "vic", "olga", "audrey"):
        for call in (service.tie, service.untie):
            with pytest.raises(NotAllowedError, match="needs the right to administer"):
                call(governed.people[name], name, claim="sub", value="x", issuer=ISSUER)
        with pytest.raises(NotAllowedError):
            service.list(governed.people[name])


def test_what_cannot_be_looked_for_is_not_tied(governed: Governed) -> None:
    wrong = [
        ("name", "ines", ISSUER, "names nobody at a provider for good; tie by sub or email"),
        ("sub", "", ISSUER, "The sub has to be 1 to 255 characters"),
        ("sub", "x" * 256, ISSUER, "The sub has to be"),
        ("sub", "a\0", ISSUER, "The sub has to be"),
        ("email", " a@b", ISSUER, "The email has to be"),
        ("sub", "a", "", "The issuer has to be"),
        ("sub", "a", None, "No provider is set up"),
    ]
    for claim, value, issuer, words in wrong:
        with pytest.raises(InputError, match=words):
            governed.workspace.identities.tie(governed.root, "ines", claim=claim, value=value, issuer=issuer)


def test_an_account_that_was_ended_is_tied_to_nobody(governed: Governed) -> None:
    governed.workspace.accounts.disable(governed.root, "otto")
    with pytest.raises(ConflictError, match="'otto' was ended"):
        governed.workspace.identities.tie(governed.root, "otto", claim="sub", value="o", issuer=ISSUER)
    with pytest.raises(UnknownNameError):
        governed.workspace.identities.tie(governed.root, "nobody", claim="sub", value="o", issuer=ISSUER)


def test_roles_are_those_of_the_account_and_one_taken_away_counts_at_the_next_write(
    governed: Governed, provider: RealProvider
) -> None:
    provider.know("i1", roles=["admin"], role="owner", groups=["admin"], email="i@b", email_verified=True)
    governed.workspace.identities.tie(governed.root, "ines", claim="sub", value="i1")
    token = come_in(governed, provider, "i1").token
    ines = now_is(governed, token)
    assert ines is not None
    assert (ines.name, ines.roles, ines.scopes) == ("ines", (UserRole.REVIEWER,), None)
    decide, proposal = governed.workspace.proposals.decide, governed.propose(ProposalKind.PROMOTE, "v2")
    assert decide(ines, proposal, Move.REQUEST_CHANGES, reason="say more").proposal.state is (
        ProposalState.CHANGES_REQUESTED
    )
    governed.workspace.accounts.set_roles(governed.root, "ines", [UserRole.VIEWER])
    viewer = now_is(governed, token)
    assert viewer is not None
    with pytest.raises(NotAllowedError, match=r"ines \(viewer\) may not decide"):
        decide(viewer, proposal, Move.APPROVE, reason="good")


def test_a_session_ends_after_twelve_hours_and_then_writes_nothing(governed: Governed, provider: RealProvider) -> None:
    provider.tell(claims={"exp": {"in": 30}})
    governed.workspace.identities.tie(governed.root, "ada", claim="sub", value="a1")
    signed_in = come_in(governed, provider, "a1")
    assert signed_in.expires_at == governed.clock() + timedelta(hours=12), "not when the provider's token ends"
    governed.clock.advance(hours=11, minutes=59)
    ada = now_is(governed, signed_in.token)
    assert ada is not None
    governed.workspace.models.add(ada, "another", SCHEMA)
    governed.clock.advance(minutes=1)
    assert now_is(governed, signed_in.token) is None
    n_before = governed.workspace.ledger.size(governed.audrey)
    with pytest.raises(NotAllowedError, match="anonymous"):
        governed.workspace.models.add(now_is(governed, signed_in.token) or ANONYMOUS, "third", SCHEMA)
    assert governed.workspace.ledger.size(governed.audrey) == n_before


def test_a_session_ends_with_its_account_or_its_tie(governed: Governed, provider: RealProvider) -> None:
    service = governed.workspace.identities
    service.tie(governed.root, "otto", claim="email", value="otto@example")
    first, own = (
        come_in(governed, provider, "o1").token,
        governed.workspace.accounts.sign_in(ANONYMOUS, "otto", PASSWORD),
    )
    service.untie(governed.root, "otto", claim="email", value="otto@example")
    assert now_is(governed, first) is None
    assert now_is(governed, own.token) is not None, "what a password began goes on"
    with pytest.raises(NotAllowedError, match=r"knows you as o1 \(otto@example\), and nobody here is tied"):
        come_in(governed, provider, "o1")
    service.tie(governed.root, "otto", claim="sub", value="o1")
    second = come_in(governed, provider, "o1").token
    governed.workspace.accounts.disable(governed.root, "otto")
    assert now_is(governed, second) is None
    with pytest.raises(NotAllowedError, match="otto was ended"):
        come_in(governed, provider, "o1")


def test_whom_two_accounts_could_be_comes_in_as_neither(governed: Governed, provider: RealProvider) -> None:
    governed.workspace.identities.tie(governed.root, "otto", claim="email", value="otto@example")
    governed.workspace.identities.tie(governed.root, "ines", claim="sub", value="o1")
    with pytest.raises(NotAllowedError, match="tied to ines and otto: ask an administrator"):
        come_in(governed, provider, "o1")


def test_a_tie_at_another_provider_lets_nobody_in(governed: Governed, provider: RealProvider) -> None:
    governed.workspace.identities.tie(governed.root, "ines", claim="sub", value="i1", issuer=f"{provider.issuer}/")
    with pytest.raises(NotAllowedError, match="nobody here is tied"):
        come_in(governed, provider, "i1")


def test_to_sign_takes_that_the_provider_says_when_and_else_a_password(
    governed: Governed, provider: RealProvider
) -> None:
    governed.workspace.identities.tie(governed.root, "ines", claim="sub", value="i1")
    proposal, decide = governed.propose(ProposalKind.PROMOTE, "v2"), governed.workspace.proposals.decide
    provider.tell(claims={"auth_time": None})
    token = come_in(governed, provider, "i1").token
    ines = now_is(governed, token)
    assert ines is not None
    assert ines.signed_in_at is None, "iat says when the token was made, and that was just now"
    with pytest.raises(SignInAgainError, match="when ines did isn't known"):
        decide(ines, proposal, Move.APPROVE, reason="good")
    assert governed.workspace.accounts.tokens(ines)[0].proved_at is None
    proved = governed.workspace.accounts.confirm(ines, token, PASSWORD)
    assert decide(proved, proposal, Move.REQUEST_CHANGES, reason="say more").proposal.id == proposal
    assert now_is(governed, token) == proved


def test_a_sign_in_gets_old_and_is_made_fresh_by_the_provider(governed: Governed, provider: RealProvider) -> None:
    service = governed.workspace.identities
    service.tie(governed.root, "ines", claim="sub", value="i1")
    seconds = int((FRESH_FOR + timedelta(minutes=1)).total_seconds())
    provider.tell(claims={"auth_time": {"in": -seconds}})
    token = come_in(governed, provider, "i1").token
    ines, proposal = now_is(governed, token), governed.propose(ProposalKind.PROMOTE, "v2")
    assert ines is not None
    with pytest.raises(SignInAgainError, match=r"ines's is 1[67] minutes old"):
        governed.workspace.proposals.decide(ines, proposal, Move.APPROVE, reason="good")
    ends = governed.workspace.accounts.tokens(ines)[0].expires_at
    provider.tell()
    way = service.begin(ines, again=True)
    service.confirm(ines, token, way.flow, came_back(provider, way.url, "i1"))
    fresh = now_is(governed, token)
    assert fresh is not None
    assert governed.workspace.proposals.decide(fresh, proposal, Move.APPROVE, reason="good").proposal.id == proposal
    assert governed.workspace.accounts.tokens(fresh)[0].expires_at == ends, "fresh, and no longer for that"
    way = service.begin(ines, again=True)
    governed.workspace.accounts.sign_out(ines, token)
    with pytest.raises(NotAllowedError, match="has ended: sign in anew"):
        service.confirm(ines, token, way.flow, came_back(provider, way.url, "i1"))


def test_an_answer_counts_once_though_two_come_at_the_same_time(governed: Governed, provider: RealProvider) -> None:
    service = governed.workspace.identities
    service.tie(governed.root, "ada", claim="sub", value="a1")
    way = service.begin(ANONYMOUS)
    answer = came_back(provider, way.url, "a1")

    def enter(_: int) -> bool:
        try:
            return bool(service.enter(ANONYMOUS, way.flow, answer).token)
        except NotAllowedError:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(enter, range(4))) == 1


def test_without_a_provider_there_is_no_way_and_nothing_is_offered(governed: Governed) -> None:
    service: IdentityService = governed.workspace.identities
    assert service.provider(ANONYMOUS) is None
    with pytest.raises(InputError, match="No provider is set up to sign in through"):
        service.begin(ANONYMOUS)
    with pytest.raises(InputError, match="No provider is set up"):
        service.enter(ANONYMOUS, Flow(state="s", nonce="n", verifier="v"), {"state": "s", "code": "c"})


def test_a_provider_that_is_not_there_is_named(
    governed: Governed, provider: RealProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBLINE_OIDC_ISSUER", "http://127.0.0.1:9")
    with pytest.raises(OutsideError, match=r"127\.0\.0\.1:9 doesn't answer"):
        governed.workspace.identities.begin(ANONYMOUS)


def test_who_is_not_tied_is_offered_no_provider_to_prove_who_they_are(
    governed: Governed, provider: RealProvider
) -> None:
    service = governed.workspace.identities
    service.tie(governed.root, "ines", claim="sub", value="i1")
    offered = {name: service.provider(governed.people[name]) for name in ("ines", "otto")}
    assert offered == {"ines": "Example & Co", "otto": None}
    assert service.provider(ANONYMOUS) == "Example & Co"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"CLIENT_ID": ""}, "takes PLUMBLINE_OIDC_CLIENT_ID too"),
        ({"ISSUER": "http://evil"}, "PLUMBLINE_OIDC_ISSUER has to be an https address"),
        ({"ISSUER": "https://evil?x=1"}, "PLUMBLINE_OIDC_ISSUER has to be"),
        ({"ISSUER": "https://a:b@evil"}, "PLUMBLINE_OIDC_ISSUER has to be"),
        ({"ISSUER": "file://localhost/etc"}, "PLUMBLINE_OIDC_ISSUER has to be"),
        ({"REDIRECT": "http://evil/sign-in/callback"}, "PLUMBLINE_OIDC_REDIRECT has to be an https"),
        ({"REDIRECT": "https://evil/elsewhere"}, "with /sign-in/callback at its end"),
    ],
)
def test_settings_that_cannot_be_right_are_named_and_the_secret_never_is(change: dict[str, str], words: str) -> None:
    right = {
        "ISSUER": "https://evil",
        "CLIENT_ID": "us",
        "CLIENT_SECRET": "hush",
        "REDIRECT": f"https://evil{CALLBACK}",
    }
    found = Provider.from_environment({f"PLUMBLINE_OIDC_{name}": value for name, value in right.items()})
    assert found is not None
    assert (found.name, "hush" in repr(found)) == ("evil", False)
    with pytest.raises(InputError, match=words) as refused:
        Provider.from_environment({f"PLUMBLINE_OIDC_{name}": value for name, value in (right | change).items()})
    assert "hush" not in str(refused.value)


def test_commands_tie_show_and_untie(governed: Governed, provider: RealProvider) -> None:
    folder = governed.workspace.folder
    governed.workspace.close()
    root, ada = sign_in(folder, "root"), sign_in(folder, "ada")
    refused = ada("account", "tie", "ada", "--claim", "sub", "--value", "r1")
    assert (refused.code, "needs the right to administer" in refused.err) == (1, True)
    assert CommandLine(workspace=folder)("account", "tie", "ada", "--claim", "sub", "--value", "r1").code == 1
    tied = root("account", "tie", "ines", "--claim", "email", "--value", "ines@example")
    assert tied.out == f"The email ines@example at {provider.issuer} comes in as ines.\n"
    elsewhere = root("account", "tie", "ines", "--issuer", ISSUER, "--claim", "sub", "--value", "7", "--json")
    assert elsewhere.json["account"] == "ines"
    listed = {each["name"]: each for each in root("account", "list", "--json").json}
    assert [each["value"] for each in listed["ines"]["identities"]] == ["ines@example", "7"]
    assert listed["ada"]["identities"] == []
    assert "ines@example" in root("account", "list").out
    wrong = root("account", "untie", "ines", "--claim", "sub", "--value", "8", "--issuer", ISSUER)
    assert (wrong.code, "No identity of ines" in wrong.err) == (2, True)
    untied = root("account", "untie", "ines", "--claim", "sub", "--value", "7", "--issuer", ISSUER)
    assert untied.out == f"The sub 7 at {ISSUER} no longer comes in as ines.\n"
