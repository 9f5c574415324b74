"""Accounts: who is let in, who is kept out, how long, and that nothing secret is stored."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, Actor, UserRole
from core.services import accounts
from core.services.accounts import AccountService, SignedIn
from core.storage.database import Database
from core.storage.ledger import entries
from core.storage.signing import AccessTokenRow, AccountRow
from tests.governed import NOW, PASSWORD, PEOPLE, Clock, Governed, build
from tests.once import HASHER

WRONG = "not the password at all"


@pytest.fixture
def governed(tmp_path: Path) -> Governed:
    return build(tmp_path)


@pytest.fixture
def hashed_as_in_production(monkeypatch: pytest.MonkeyPatch) -> None:
    """For what a password costs, and for what can happen while one is checked."""
    monkeypatch.setattr(accounts, "_hasher", HASHER)


@pytest.fixture
def service(governed: Governed) -> AccountService:
    return governed.workspace.accounts


def sign_in(service: AccountService, name: str, password: str = PASSWORD, purpose: str = "browser") -> SignedIn:
    return service.sign_in(ANONYMOUS, name, password, purpose=purpose)


def refused(service: AccountService, name: str, password: str = WRONG) -> str:
    with pytest.raises(NotAllowedError) as error:
        sign_in(service, name, password)
    return str(error.value)


def test_a_token_stands_for_its_account_until_it_is_given_back(service: AccountService) -> None:
    signed_in = sign_in(service, "zoe")
    assert service.owner(ANONYMOUS, signed_in.token) == signed_in.actor
    roles = (UserRole.ENGINEER, UserRole.REVIEWER)
    assert signed_in.actor == Actor(name="zoe", roles=roles, signed_in_at=NOW)
    other = sign_in(service, "zoe")
    service.sign_out(ANONYMOUS, signed_in.token)
    assert service.owner(ANONYMOUS, signed_in.token) is None
    assert service.owner(ANONYMOUS, other.token) == other.actor
    assert service.owner(ANONYMOUS, "made up") is None


@pytest.mark.parametrize(("purpose", "lifetime"), [("browser", timedelta(hours=12)), ("command", timedelta(days=30))])
def test_a_token_expires(governed: Governed, service: AccountService, purpose: str, lifetime: timedelta) -> None:
    signed_in = sign_in(service, "ada", purpose=purpose)
    assert signed_in.expires_at == NOW + lifetime
    governed.clock.now = signed_in.expires_at - timedelta(seconds=1)
    assert service.owner(ANONYMOUS, signed_in.token) is not None
    governed.clock.now = signed_in.expires_at
    assert service.owner(ANONYMOUS, signed_in.token) is None


def test_a_token_of_no_known_purpose_is_refused_before_the_password_is_asked(service: AccountService) -> None:
    with pytest.raises(InputError, match="browser or command"):
        sign_in(service, "ada", purpose="ever")


def test_a_wrong_password_an_unknown_name_and_an_ended_account_get_the_same_answer(
    governed: Governed, service: AccountService
) -> None:
    service.disable(governed.root, "vera")
    answers = {refused(service, "ada"), refused(service, "nobody"), refused(service, "vera", PASSWORD)}
    assert answers == {"The name or the password is wrong."}


def test_five_failures_lock_an_account_for_a_quarter_of_an_hour(governed: Governed, service: AccountService) -> None:
    for _ in range(5):
        assert refused(service, "ada") == "The name or the password is wrong."
    assert "wait 15 minutes" in refused(service, "ada", PASSWORD)
    governed.clock.advance(minutes=14, seconds=30)
    assert "wait 1 minutes" in refused(service, "ada", PASSWORD)
    assert sign_in(service, "otto").actor.name == "otto"  # nobody else is locked out
    governed.clock.advance(seconds=30)
    assert sign_in(service, "ada").actor.name == "ada"


def test_the_password_given_again_makes_a_sign_in_fresh_and_no_longer(
    governed: Governed, service: AccountService
) -> None:
    signed_in = sign_in(service, "ines")
    governed.clock.advance(minutes=16)
    stale = service.owner(ANONYMOUS, signed_in.token)
    assert stale is not None
    assert not stale.is_fresh(governed.clock())
    fresh = service.confirm(stale, signed_in.token, PASSWORD)
    assert fresh == service.owner(ANONYMOUS, signed_in.token)
    assert fresh.signed_in_at == governed.clock()
    governed.clock.now = signed_in.expires_at
    assert service.owner(ANONYMOUS, signed_in.token) is None, "it expires when it would have"
    with pytest.raises(NotAllowedError, match="session has ended"):
        service.confirm(fresh, signed_in.token, PASSWORD)


def test_a_wrong_password_given_again_counts_as_a_failed_sign_in(governed: Governed, service: AccountService) -> None:
    signed_in = sign_in(service, "ines")
    governed.clock.advance(minutes=16)
    for _ in range(5):
        with pytest.raises(NotAllowedError, match="is wrong"):
            service.confirm(signed_in.actor, signed_in.token, WRONG)
    with pytest.raises(NotAllowedError, match="Too many failed attempts"):
        service.confirm(signed_in.actor, signed_in.token, PASSWORD)
    owner = service.owner(ANONYMOUS, signed_in.token)
    assert owner is not None
    assert owner.signed_in_at == NOW


def test_after_a_lock_ended_there_are_five_attempts_again(governed: Governed, service: AccountService) -> None:
    for _ in range(2):
        for _ in range(5):
            assert "wrong" in refused(service, "ada")
        assert "wait" in refused(service, "ada")
        governed.clock.advance(minutes=15)
    assert sign_in(service, "ada").actor.name == "ada"


def test_a_success_forgets_the_failures_before_it(service: AccountService) -> None:
    for _ in range(3):
        for _ in range(4):
            refused(service, "ada")
        assert sign_in(service, "ada").actor.name == "ada"


def test_a_new_password_lifts_a_lock_and_ends_all_tokens(governed: Governed, service: AccountService) -> None:
    token = sign_in(service, "ada").token
    for _ in range(5):
        refused(service, "ada")
    service.set_password(governed.root, "ada", "another long password")
    assert service.owner(ANONYMOUS, token) is None
    assert "wrong" in refused(service, "ada", PASSWORD)
    assert sign_in(service, "ada", "another long password").actor.name == "ada"


@pytest.mark.usefixtures("hashed_as_in_production")
def test_attempts_side_by_side_cannot_outrun_the_lock(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    service = AccountService(database=database, clock=Clock())
    service.add_first(LOCAL_OPERATOR, "root", PASSWORD)
    start = threading.Barrier(12)

    def attempt(_: int) -> str:
        start.wait()
        return refused(service, "root")

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(attempt, range(12)))
    assert answers.count("The name or the password is wrong.") == 5
    assert sum("Too many failed attempts" in answer for answer in answers) == 7
    assert "Too many" in refused(service, "root", PASSWORD)
    database.close()


@pytest.mark.parametrize("change", ["set_password", "disable"])
def test_who_is_let_go_while_the_password_is_checked_gets_no_token(
    governed: Governed, service: AccountService, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    def slow(hashed: str, password: str) -> bool:
        monkeypatch.undo()
        if change == "disable":
            service.disable(governed.root, "ada")
        else:
            service.set_password(governed.root, "ada", "another long password")
        return True

    monkeypatch.setattr(accounts, "_matches", slow)
    assert "wrong" in refused(service, "ada", PASSWORD)
    with governed.workspace.database.read() as session:
        assert session.scalars(select(AccessTokenRow)).all() == []


def test_an_ended_account_stops_at_once_and_what_it_signed_stays(governed: Governed, service: AccountService) -> None:
    token = sign_in(service, "ines").token
    proposal = governed.decide(governed.propose()).proposal
    info = service.disable(governed.root, "ines")
    assert info.is_disabled
    assert service.owner(ANONYMOUS, token) is None
    assert "wrong" in refused(service, "ines", PASSWORD)
    assert governed.workspace.proposals.show(governed.vera, proposal.id).moves[-1].actor == "ines"


def test_other_roles_hold_from_the_next_call_on(governed: Governed, service: AccountService) -> None:
    token = sign_in(service, "vera").token
    for roles in ((UserRole.REVIEWER,), (UserRole.ENGINEER, UserRole.AUDITOR)):
        service.set_roles(governed.root, "vera", roles)
        assert service.owner(ANONYMOUS, token) == Actor(name="vera", roles=roles, signed_in_at=NOW)


def test_the_last_administrator_stays(governed: Governed, service: AccountService) -> None:
    for leave in (
        lambda: service.disable(governed.root, "root"),
        lambda: service.set_roles(governed.root, "root", [UserRole.VIEWER]),
    ):
        with pytest.raises(ConflictError, match="no administrator"):
            leave()
    assert sign_in(service, "root").actor.roles == (UserRole.ADMIN,)
    service.set_roles(governed.root, "vera", [UserRole.ADMIN])
    assert service.disable(governed.root, "root").is_disabled
    with pytest.raises(ConflictError, match="no administrator"):
        service.disable(governed.root, "vera")


@pytest.mark.usefixtures("hashed_as_in_production")
def test_two_administrators_who_end_each_other_at_once_leave_one(database_url: str) -> None:
    database = Database(database_url)
    database.migrate()
    service = AccountService(database=database, clock=Clock())
    service.add_first(LOCAL_OPERATOR, "a", PASSWORD)
    root = Actor(name="a", roles=(UserRole.ADMIN,))
    service.add(root, "b", PASSWORD, roles=[UserRole.ADMIN])
    start = threading.Barrier(2)

    def end(name: str) -> bool:
        start.wait()
        try:
            return service.disable(root, name).is_disabled
        except ConflictError:
            return False

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(end, ["a", "b"])) == [False, True]
    database.close()


@pytest.mark.usefixtures("hashed_as_in_production")
def test_the_first_account_is_an_administrators_and_made_only_once(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'x.db'}")
    database.migrate()
    service = AccountService(database=database, clock=Clock())
    assert not service.exist(ANONYMOUS)
    start = threading.Barrier(4)

    def first(name: str) -> object:
        start.wait()
        try:
            return service.add_first(LOCAL_OPERATOR, name, PASSWORD).roles
        except ConflictError:
            return None

    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(first, "abcd"))
    assert sorted(made, key=str) == [(UserRole.ADMIN,), None, None, None]
    assert service.exist(ANONYMOUS)
    database.close()


def test_passwords_are_kept_as_argon2id_and_tokens_as_hashes(governed: Governed, service: AccountService) -> None:
    signed_in = [sign_in(service, name) for name in ("ada", "ines")]
    hashes = []
    with governed.workspace.database.read() as session:
        hashes = list(session.scalars(select(AccountRow.password_hash)))
    assert len(set(hashes)) == len(hashes) == len(PEOPLE) + 1  # the same password, salted
    assert all(hashed.startswith("$argon2id$v=19$") for hashed in hashes)
    governed.workspace.close()
    kept = b"".join(path.read_bytes() for path in governed.workspace.folder.rglob("*") if path.is_file())
    assert b"$argon2id$" in kept
    assert PASSWORD.encode() not in kept
    assert not [one for one in signed_in if one.token.encode() in kept]


def test_nothing_secret_is_in_the_ledger_and_every_change_of_an_account_is(
    governed: Governed, service: AccountService
) -> None:
    service.set_password(governed.root, "ada", "another long password")
    service.set_roles(governed.root, "ada", [UserRole.AUDITOR])
    service.disable(governed.root, "ada")
    with governed.workspace.database.read() as session:
        found = [e for e in entries(session) if e.action.startswith("account.") and e.objects["account"] == "ada"]
    assert [entry.action.removeprefix("account.") for entry in found] == ["add", "set_password", "set_roles", "disable"]
    assert {entry.actor for entry in found} == {"root"}
    assert [dict(entry.objects) for entry in found][2:] == [{"account": "ada", "roles": ["auditor"]}] * 2


@pytest.mark.parametrize("password", ["short", "x" * 9, "x" * 1_001])
def test_a_password_is_neither_short_nor_endless(governed: Governed, service: AccountService, password: str) -> None:
    with pytest.raises(InputError, match="10 to 1,000 characters"):
        service.add(governed.root, "new", password, roles=[UserRole.VIEWER])
    with pytest.raises(InputError, match="10 to 1,000 characters"):
        service.set_password(governed.root, "ada", password)


def test_a_very_long_wrong_password_is_just_wrong(service: AccountService) -> None:
    assert "wrong" in refused(service, "ada", "x" * 1_000_000)


@pytest.mark.parametrize(
    "name", ["", " ", " ada", "local operator", "Plumbline Worker", "ANONYMOUS", "a\nb", "x" * 201]
)
def test_names_that_could_be_taken_for_another_are_refused(
    governed: Governed, service: AccountService, name: str
) -> None:
    with pytest.raises(InputError):
        service.add(governed.root, name, PASSWORD, roles=[UserRole.VIEWER])


def test_a_name_is_taken_however_it_is_capitalised(governed: Governed, service: AccountService) -> None:
    with pytest.raises(ConflictError, match="'ADA'"):
        service.add(governed.root, "ADA", PASSWORD, roles=[UserRole.VIEWER])


@pytest.mark.parametrize("roles", [[], [UserRole.WORKER], [UserRole.VIEWER, UserRole.OPERATOR]])
def test_roles_that_are_not_for_people_are_refused(
    governed: Governed, service: AccountService, roles: list[UserRole]
) -> None:
    for give in (
        lambda: service.add(governed.root, "new", PASSWORD, roles=roles),
        lambda: service.set_roles(governed.root, "ada", roles),
    ):
        with pytest.raises(InputError, match="one or more of the roles"):
            give()


def test_an_unknown_account_is_said_to_be_unknown_to_who_may_know(governed: Governed, service: AccountService) -> None:
    for change in (
        lambda: service.disable(governed.root, "adda"),
        lambda: service.set_password(governed.root, "adda", PASSWORD),
        lambda: service.set_roles(governed.root, "adda", [UserRole.VIEWER]),
    ):
        with pytest.raises(UnknownNameError, match="'ada'"):
            change()


def test_accounts_are_listed_with_roles_and_state(governed: Governed, service: AccountService) -> None:
    for _ in range(5):
        refused(service, "otto")
    service.disable(governed.root, "vera")
    listed = {info.name: info for info in service.list(governed.root)}
    assert list(listed) == sorted([*PEOPLE, "root"])
    assert [name for name, info in listed.items() if info.is_disabled] == ["vera"]
    assert [name for name, info in listed.items() if info.locked_until] == ["otto"]
    assert listed["ada"] == replace(listed["ada"], roles=(UserRole.ENGINEER,), created_by="root", created_at=NOW)


@pytest.mark.parametrize("odd", ["\ud800 and some more", "\0 and some more"])
def test_characters_that_cannot_be_stored_are_refused_in_words(
    governed: Governed, service: AccountService, odd: str
) -> None:
    assert "wrong" in refused(service, "ada", odd)
    assert "wrong" in refused(service, odd)
    for name, password in ((odd, PASSWORD), ("new", odd)):
        with pytest.raises(InputError):
            service.add(governed.root, name, password, roles=[UserRole.VIEWER])


@pytest.mark.usefixtures("hashed_as_in_production")
def test_a_password_costs_an_attacker_what_rfc_9106_asks(governed: Governed, service: AccountService) -> None:
    service.add(governed.root, "new", PASSWORD, roles=[UserRole.VIEWER])
    with governed.workspace.database.read() as session:
        kept = session.scalar(select(AccountRow.password_hash).where(AccountRow.name == "new"))
    # The second recommended option: t=3 passes over m=2^16 KiB in p=4 lanes, 128-bit salt, 256-bit tag.
    assert re.fullmatch(r"\$argon2id\$v=19\$m=65536,t=3,p=4\$[\w+/]{22}\$[\w+/]{43}", kept or "")
    assert sign_in(service, "new").actor.roles == (UserRole.VIEWER,)
    assert "wrong" in refused(service, "new")
