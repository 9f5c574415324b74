"""Who may sign in, and as what?"""

from datetime import UTC, datetime

import streamlit as st

from core.governance.identity import ACCOUNT_ROLES, LOCAL_OPERATOR, RIGHTS, Right, UserRole
from core.services.accounts import AccountInfo
from core.services.identities import IdentityInfo
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import header
from dashboard.components.numbers import cell_table
from dashboard.components.permission import refused
from dashboard.components.worklist import attempt, tell
from dashboard.text import instant, listed, muted, plain, plural

MEANING = {
    UserRole.VIEWER: "looks at models",
    UserRole.ENGINEER: "brings in records, registers versions, proposes",
    UserRole.REVIEWER: "proposes, and decides what others proposed",
    UserRole.VALIDATOR: "does what a reviewer does, and signs where a policy asks for somebody who tested the model",
    UserRole.OWNER: "does what a reviewer does, and signs where a policy asks for somebody who answers for the model",
    UserRole.AUDITOR: "looks at models and at the ledger, changes nothing",
    UserRole.ADMIN: "manages these accounts; decides nothing",
}


def state_of(account: AccountInfo) -> str:
    """Whether an account can sign in now."""
    if account.is_disabled:
        return ":gray-badge[:material/person_off: Disabled]"
    if account.locked_until is not None and account.locked_until > datetime.now(UTC):
        return f":orange-badge[:material/lock_clock: Locked]  \n{muted(f'until {instant(account.locked_until)}')}"
    return ":green-badge[:material/check_circle: May sign in]"


def account_table(accounts: tuple[AccountInfo, ...], identities: tuple[IdentityInfo, ...]) -> None:
    """All accounts; who signs comes with what it is."""
    able = [account for account in accounts if not account.is_disabled]
    deciders = [account.name for account in able if any(Right.DECIDE in RIGHTS[role] for role in account.roles)]
    st.markdown(f"### {plural(len(able), 'person', 'people')} may sign in; {_may_decide(deciders)}.", anchors=False)
    if len(deciders) == 1:
        st.markdown(f"Nobody could approve what {plain(deciders[0])} asks for: that takes a second reviewer.")
    cell_table(
        ["Name", "State", "Roles", "Added"],
        [
            [
                "  \n".join(
                    [f"**{plain(account.name)}**", *(known_as(i) for i in identities if i.account == account.name)]
                ),
                state_of(account),
                ", ".join(account.roles),
                f"{plain(account.created_by)}  \n{muted(instant(account.created_at))}",
            ]
            for account in accounts
        ],
        alt="Accounts",
    )


def known_as(identity: IdentityInfo) -> str:
    """Who an account is to a provider that lets it in."""
    return muted(f"{identity.claim} {plain(identity.value)} at {plain(identity.issuer)}")


def _may_decide(names: list[str]) -> str:
    if not names:
        return "nobody may decide on proposals"
    return f"{listed([plain(name) for name in names])} may decide on proposals"


def what_roles_mean() -> None:
    """What each role lets somebody do."""
    with st.expander("What may each role do?", type="compact"):
        cell_table(["Role", "What it may do"], [[str(role), MEANING[role]] for role in ACCOUNT_ROLES], alt="Roles")


def add() -> None:
    """The form that makes an account."""
    st.subheader("Who else?", anchor=False)
    accounts, actor = cached.workspace().accounts, current_actor()
    number = st.session_state.setdefault("accounts_added", 0)  # a new form each time: no password stays in it

    def added() -> None:
        accounts.add(actor, name.strip(), password, roles=roles)
        st.session_state["accounts_added"] = number + 1

    with st.form("add_account", border=True, enter_to_submit=False):
        name = st.text_input("Name", key=f"add_name {number}", max_chars=200)
        roles = st.multiselect("Roles", ACCOUNT_ROLES, key=f"add_roles {number}", format_func=str)
        password, again = passwords(f"add {number}")
        if st.form_submit_button("Add account", icon=":material/person_add:") and same(password, again):
            attempt(added, f"{name.strip()} may sign in.")


def change(known: tuple[AccountInfo, ...]) -> None:
    """Other roles, another password, or an end, for one account."""
    st.subheader("What has changed?", anchor=False)
    accounts, actor = cached.workspace().accounts, current_actor()
    by_name = {account.name: account for account in known if not account.is_disabled}
    name = st.selectbox("Account", list(by_name), key="account")
    with st.form("set_roles", border=True):
        before = list(by_name[name].roles)
        roles = st.multiselect("Roles", ACCOUNT_ROLES, default=before, key=f"roles_of {name}", format_func=str)
        st.markdown(muted("They hold from the next click on."))
        if st.form_submit_button("Set roles"):
            attempt(lambda: accounts.set_roles(actor, name, roles), f"{name} is {', '.join(roles)}.")
    number = st.session_state.setdefault("passwords_set", 0)

    def changed() -> None:
        accounts.set_password(actor, name, password)
        st.session_state["passwords_set"] = number + 1

    with st.form("set_password", border=True, enter_to_submit=False):
        password, again = passwords(f"set {number}")
        also = " You will be signed out here too." if name == actor.name else ""
        st.markdown(muted(f"Signs {plain(name)} out everywhere, and lifts a lock.{also}"))
        if st.form_submit_button("Set password") and same(password, again):
            attempt(changed, f"{name} has another password.")
    with st.form("disable", border=True, enter_to_submit=False):
        typed = st.text_input(
            f"To end the account, type its name: {plain(name)}", key=f"disable_name {name}", max_chars=200
        )
        st.markdown(muted("Signs it out at once and for good. What it signed stays."))
        if st.form_submit_button("Disable account"):
            if typed.strip() == name:
                attempt(lambda: accounts.disable(actor, name), f"{name} can't sign in any more.")
            else:
                st.markdown("Type the account's name to end it. Nothing was changed.")


def passwords(key: str) -> tuple[str, str]:
    """A password, typed twice."""
    first = st.text_input("Password", type="password", key=f"password {key}", autocomplete="new-password")
    again = st.text_input("Password again", type="password", key=f"again {key}", autocomplete="new-password")
    return first, again


def same(password: str, again: str) -> bool:
    """Whether both are the same; says so where they aren't."""
    if password != again:
        st.markdown("The two passwords differ. Nothing was changed.")
    return password == again


def page() -> None:
    header("People")
    actor = current_actor()
    if actor == LOCAL_OPERATOR:
        st.markdown("### There is no account yet, so whoever can open this page is the local operator.", anchors=False)
        st.markdown(
            "The first account is made on the machine itself, and is an admin's: `plumbline account add NAME`. From "
            "then on everybody signs in. Until then nobody can decide on a proposal."
        )
        what_roles_mean()
        return
    if not actor.may(Right.ADMINISTER):
        refused(actor, Right.ADMINISTER, "Accounts")
        return
    tell()
    accounts = cached.workspace().accounts.list(actor)
    account_table(accounts, cached.workspace().identities.list(actor))
    what_roles_mean()
    st.space(4)
    left, right = st.columns(2, gap="medium")
    with left:
        add()
    with right:
        change(accounts)


page()
