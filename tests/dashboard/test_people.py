"""The People page is the admin's: accounts, roles, passwords; it never shows a hash."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import NotAllowedError
from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, UserRole
from core.services.accounts import AccountInfo, SignedIn
from core.workspace import Workspace
from tests.dashboard.signing import HOSTILE, PASSWORD, CopyOf, OpenAs, actor, assert_escaped, markdown, submit, words

OTHER = "another password 1"


def accounts(folder: Path) -> dict[str, AccountInfo]:
    """All accounts by name."""
    space = Workspace.open(folder)
    found = {account.name: account for account in space.accounts.list(actor("root"))}
    space.close()
    return found


def signs_in(folder: Path, name: str, password: str) -> SignedIn | None:
    """The token that a name and password get; None if they get none."""
    space = Workspace.open(folder)
    try:
        return space.accounts.sign_in(ANONYMOUS, name, password)
    except NotAllowedError:
        return None
    finally:
        space.close()


def add(page: AppTest, name: str, roles: list[UserRole], password: str, again: str | None = None) -> AppTest:
    """Fill in and send the form for a new account."""
    number = page.session_state["accounts_added"]
    page.text_input(key=f"add_name {number}").set_value(name)
    page.multiselect(key=f"add_roles {number}").set_value(roles)
    page.text_input(key=f"password add {number}").set_value(password)
    page.text_input(key=f"again add {number}").set_value(password if again is None else again)
    return submit(page, "Add account")


def test_an_admin_sees_who_may_sign_in_and_who_decides(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("root", "people", signed_folder)
    assert not page.exception
    assert "6 people may sign in; ines and otto may decide on proposals." in words(page)


def test_who_is_tied_to_a_provider_is_shown_as_text(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    space = Workspace.open(folder)
    space.identities.tie(actor("root"), "ines", claim="sub", value=HOSTILE, issuer="https://evil")
    space.close()
    page = open_as("root", "people", folder)
    assert_escaped(page)
    assert "at https://evil" in words(page)


def test_no_hash_is_ever_shown(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as("root", "people", signed_folder)
    with sqlite3.connect(signed_folder / "plumbline.db") as database:
        hashes = [row[0] for row in database.execute("SELECT password_hash FROM account")]
    database.close()
    shown = "\n".join(markdown(page)) + "".join(str(field.value) for field in page.text_input)
    assert len(hashes) == 6
    assert "argon2" not in shown
    assert not [hashed for hashed in hashes if hashed in shown]


@pytest.mark.parametrize("who", ["ada", "ines", "vera", "alma"])
def test_others_are_told_who_may(open_as: OpenAs, signed_folder: Path, who: str) -> None:
    page = open_as(who, "people", signed_folder)
    assert not page.exception
    text = words(page)
    assert "Accounts: that is for an admin." in text
    assert "otto" not in text
    assert not page.text_input


def test_without_accounts_the_page_says_how_the_first_is_made(open_as: OpenAs, tmp_path: Path) -> None:
    page = open_as(LOCAL_OPERATOR, "people", tmp_path / "w")
    assert not page.exception
    assert "`plumbline account add NAME`" in words(page)
    assert not page.text_input


def test_an_account_is_added_and_its_password_leaves_the_form(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    page = add(open_as("root", "people", folder), "nils", [UserRole.REVIEWER], OTHER)
    assert not page.exception
    assert "nils may sign in." in words(page)
    assert accounts(folder)["nils"].roles == (UserRole.REVIEWER,)
    assert accounts(folder)["nils"].created_by == "root"
    assert signs_in(folder, "nils", OTHER)
    assert OTHER not in "".join(str(field.value) for field in page.text_input)


@pytest.mark.parametrize(
    ("name", "roles", "password", "again", "said"),
    [
        ("ada", [UserRole.VIEWER], OTHER, OTHER, "There is an account 'ada' already."),
        ("ADA", [UserRole.VIEWER], OTHER, OTHER, "There is an account 'ADA' already."),
        ("nils", [], OTHER, OTHER, "An account needs one or more of the roles"),
        ("nils", [UserRole.VIEWER], "short", "short", "A password needs 10 to 1,000 characters, got 5."),
        ("nils", [UserRole.VIEWER], OTHER, "else", "The two passwords differ. Nothing was changed."),
        ("", [UserRole.VIEWER], OTHER, OTHER, "Not done"),
        ("local operator", [UserRole.VIEWER], OTHER, OTHER, "can't be a person's name"),
    ],
)
def test_an_account_that_cannot_be_is_told_why(
    open_as: OpenAs, copy_of_signed: CopyOf, name: str, roles: list[UserRole], password: str, again: str, said: str
) -> None:
    folder = copy_of_signed()
    before = accounts(folder)
    page = add(open_as("root", "people", folder), name, roles, password, again)
    assert not page.exception
    assert said in words(page)
    assert accounts(folder) == before


def test_a_name_that_is_markup_is_shown_letter_by_letter(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    page = add(open_as("root", "people", folder), HOSTILE, [UserRole.VIEWER], OTHER)
    assert not page.exception
    if HOSTILE in accounts(folder):
        page.selectbox(key="account").set_value(HOSTILE).run()
    assert_escaped(page)


def test_roles_are_changed(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    page = open_as("root", "people", folder)
    page.selectbox(key="account").set_value("vera").run()
    page.multiselect(key="roles_of vera").set_value([UserRole.VIEWER, UserRole.AUDITOR])
    submit(page, "Set roles")
    assert not page.exception
    assert "vera is viewer, auditor." in words(page)
    assert accounts(folder)["vera"].roles == (UserRole.VIEWER, UserRole.AUDITOR)


def test_the_last_admin_stays(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    page = open_as("root", "people", folder)
    page.selectbox(key="account").set_value("root").run()
    page.multiselect(key="roles_of root").set_value([UserRole.VIEWER])
    submit(page, "Set roles")
    assert "That would leave no administrator" in words(page)
    page.text_input(key="disable_name root").set_value("root")
    submit(page, "Disable account")
    assert "That would leave no administrator" in words(page)
    assert not accounts(folder)["root"].is_disabled


def test_a_password_is_set_and_tokens_end(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    before = signs_in(folder, "ada", PASSWORD)
    assert before
    page = open_as("root", "people", folder)
    page.selectbox(key="account").set_value("ada").run()
    page.text_input(key="password set 0").set_value(OTHER)
    page.text_input(key="again set 0").set_value(OTHER)
    submit(page, "Set password")
    assert not page.exception
    assert "ada has another password." in words(page)
    assert signs_in(folder, "ada", PASSWORD) is None
    assert signs_in(folder, "ada", OTHER)
    space = Workspace.open(folder)
    assert space.accounts.owner(ANONYMOUS, before.token) is None
    space.close()
    assert OTHER not in "".join(str(field.value) for field in page.text_input)


def test_an_account_ends_only_when_its_name_is_typed(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    page = open_as("root", "people", folder)
    page.selectbox(key="account").set_value("otto").run()
    page.text_input(key="disable_name otto").set_value("ott")
    submit(page, "Disable account")
    assert "Type the account's name to end it. Nothing was changed." in words(page)
    assert not accounts(folder)["otto"].is_disabled
    page.text_input(key="disable_name otto").set_value("otto")
    submit(page, "Disable account")
    assert not page.exception
    text = words(page)
    assert "otto can't sign in any more." in text
    assert "5 people may sign in; ines may decide on proposals." in text
    assert "what ines asks for" in text
    assert accounts(folder)["otto"].is_disabled
    assert signs_in(folder, "otto", PASSWORD) is None


def test_a_locked_account_says_until_when(open_as: OpenAs, copy_of_signed: CopyOf) -> None:
    folder = copy_of_signed()
    for _ in range(5):
        assert signs_in(folder, "vera", "wrong password") is None
    page = open_as("root", "people", folder)
    assert ":orange-badge[:material/lock_clock: Locked]" in words(page)
