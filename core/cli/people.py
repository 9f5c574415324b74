"""Commands on people: signing in, and the accounts that may."""

from __future__ import annotations

import getpass
import sys
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, opened
from core.console import print_json, print_table, say, warn
from core.errors import InputError, UnknownNameError
from core.governance.identity import ACCOUNT_ROLES, ANONYMOUS, FRESH_FOR, Right, UserRole

if TYPE_CHECKING:
    from core.services.accounts import AccountInfo
    from core.services.identities import IdentityInfo

__all__ = ["account_app", "login"]

MOST_DAYS = 366
account_app = typer.Typer(help="People who may sign in, and what they may do.", no_args_is_help=True)
RolesOption = Annotated[
    list[str],
    typer.Option("--role", metavar="|".join(ACCOUNT_ROLES), help="What they may do; may be given again."),
]

IssuerOption = Annotated[str | None, typer.Option(help="The provider; the one that is set up if left out.")]
ClaimOption = Annotated[str, typer.Option(metavar="sub|email", help="What the provider knows them by.")]
ValueOption = Annotated[str, typer.Option(help="As the provider writes it.")]


def login(
    name: Annotated[str | None, typer.Argument(help="Who signs in; asked for if left out.")] = None,
    scopes: Annotated[
        list[str],
        typer.Option("--scope", help="What the token is for, such as ingest; may be given again. All by default."),
    ] = [],  # noqa: B006 (the library that parses options copies it)
    days: Annotated[float | None, typer.Option(help="How long it lasts; 30 by default, 366 at most.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Ask for a password and print a token: what PLUMBLINE_TOKEN holds says who gives a command.

    Use it as: export PLUMBLINE_TOKEN="$(plumbline login NAME)". Where no terminal is attached, the password is
    the first line on stdin.
    """
    if days is not None and not 0 < days <= MOST_DAYS:
        raise InputError(f"--days {days:g} is not between 0 and {MOST_DAYS}.")
    space = opened(workspace)
    if name is None:
        if not sys.stdin.isatty():
            raise InputError("Say who signs in: plumbline login NAME.")
        print("Name: ", end="", file=sys.stderr, flush=True)  # noqa: T201 (stdout is for the token alone)
        name = sys.stdin.readline().strip()
    signed_in = space.accounts.sign_in(
        ANONYMOUS,
        name,
        _password(f"Password of {name}: "),
        purpose="command",
        scopes=_scopes(scopes),
        lifetime=None if days is None else timedelta(days=days),
    )
    warn(
        f"Signed in as {signed_in.actor.name} until {signed_in.expires_at:%Y-%m-%d %H:%M} UTC; to sign, within "
        f"{FRESH_FOR.seconds // 60} minutes."
    )
    if json:
        print_json(
            {"token": signed_in.token, "name": signed_in.actor.name, "expires_at": signed_in.expires_at.isoformat()}
        )
    else:
        say(signed_in.token)


@account_app.command("add")
def account_add(
    name: str,
    roles: RolesOption = [],  # noqa: B006 (the library that parses options copies it)
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Make an account; the first one, which the local operator makes, is an administrator's."""
    space, chosen = opened(workspace), _roles(roles)
    if space.accounts.exist(ANONYMOUS):
        found = space.accounts.add(actor(space), name, _new_password(name), roles=chosen)
    elif set(chosen) <= {UserRole.ADMIN}:
        found = space.accounts.add_first(actor(space), name, _new_password(name))
    else:
        raise InputError("The first account is an administrator's, who then adds the others: use --role admin.")
    _tell(found, "may sign in now", json=json)


@account_app.command("list")
def account_list(workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """List the accounts."""
    space = opened(workspace)
    infos = space.accounts.list(actor(space))
    tied: dict[str, list[IdentityInfo]] = {info.name: [] for info in infos}
    for each in space.identities.list(actor(space)):
        tied[each.account].append(each)
    if json:
        print_json([asdict(info) | {"identities": [asdict(each) for each in tied[info.name]]} for info in infos])
        return
    rows = [
        (
            i.name,
            ", ".join(i.roles),
            "ended" if i.is_disabled else f"locked until {i.locked_until:%Y-%m-%d %H:%M}" if i.locked_until else "",
            "; ".join(f"{each.claim} {each.value} at {each.issuer}" for each in tied[i.name]),
            i.created_by,
            f"{i.created_at:%Y-%m-%d %H:%M}",
        )
        for i in infos
    ]
    print_table(["name", "roles", "", "signs in as", "added by", "at (UTC)"], rows)


@account_app.command("roles")
def account_roles(name: str, roles: RolesOption, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Give an account other roles, in place of those it has."""
    space = opened(workspace)
    _tell(space.accounts.set_roles(actor(space), name, _roles(roles)), "has these roles from now on", json=json)


@account_app.command("disable")
def account_disable(name: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """End an account: its tokens stop at once; what it signed stays."""
    space = opened(workspace)
    _tell(space.accounts.disable(actor(space), name), "can't sign in any more", json=json)


@account_app.command("password")
def account_password(name: str, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Give an account another password; its tokens stop, and a lock is lifted."""
    space = opened(workspace)
    _tell(space.accounts.set_password(actor(space), name, _new_password(name)), "has a new password", json=json)


@account_app.command("tie")
def account_tie(
    name: str,
    claim: ClaimOption,
    value: ValueOption,
    issuer: IssuerOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Let whom an identity provider knows by this claim come in as an account, with the roles that it has here."""
    space = opened(workspace)
    tied = space.identities.tie(actor(space), name, claim=claim, value=value, issuer=issuer)
    _tell_identity(tied, "comes in as", json=json)


@account_app.command("untie")
def account_untie(
    name: str,
    claim: ClaimOption,
    value: ValueOption,
    issuer: IssuerOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Let nobody in by this claim any more; the account's sessions that a provider began end at once."""
    space = opened(workspace)
    untied = space.identities.untie(actor(space), name, claim=claim, value=value, issuer=issuer)
    _tell_identity(untied, "no longer comes in as", json=json)


@account_app.command("tokens")
def account_tokens(
    name: Annotated[str | None, typer.Argument(help="Whose; your own if left out.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List the tokens that stand for somebody: what they are for and until when; never the tokens themselves."""
    space = opened(workspace)
    found = space.accounts.tokens(actor(space), name)
    if json:
        print_json(found)
        return
    rows = [
        (
            each.id,
            each.purpose,
            "everything their roles grant" if each.scopes is None else ", ".join(each.scopes),
            f"{each.proved_at:%Y-%m-%d %H:%M}" if each.proved_at else "not known",
            f"{each.expires_at:%Y-%m-%d %H:%M}",
        )
        for each in found
    ]
    print_table(["token", "purpose", "for", "proved who it is (UTC)", "until (UTC)"], rows)


@account_app.command("end-token")
def account_end_token(token: int, workspace: WorkspaceOption = HERE, json: JsonOption = False) -> None:
    """Make a token worthless at once: one's own or, as an administrator, anybody's."""
    space = opened(workspace)
    ended = space.accounts.end_token(actor(space), token)
    if json:
        print_json(ended)
    else:
        say(f"Token {ended.id} of {ended.name} is worthless from now on.")


def _scopes(names: list[str]) -> list[Right] | None:
    from core.services.accounts import SCOPES

    for name in names:
        if name not in SCOPES:
            raise UnknownNameError("scope of a token", name, SCOPES)
    return [Right(name) for name in names] or None


def _tell_identity(identity: IdentityInfo, what: str, *, json: bool) -> None:
    if json:
        print_json(identity)
    else:
        say(f"The {identity.claim} {identity.value} at {identity.issuer} {what} {identity.account}.")


def _tell(account: AccountInfo, what: str, *, json: bool) -> None:
    if json:
        print_json(account)
    else:
        say(f"{account.name} ({', '.join(account.roles)}) {what}.")


def _roles(roles: list[str]) -> list[UserRole]:
    for role in roles:
        if role not in ACCOUNT_ROLES:
            raise UnknownNameError("role of an account", role, ACCOUNT_ROLES)
    return [UserRole(role) for role in roles]


def _new_password(name: str) -> str:
    """A password asked for twice, so that a slip of the finger doesn't become one."""
    first = _password(f"New password of {name}: ")
    if sys.stdin.isatty() and _password("The same again: ") != first:
        raise InputError("The two passwords differ; nothing was changed.")
    return first


def _password(question: str) -> str:
    """A password from the terminal, which doesn't show it, or else the first line of stdin."""
    if sys.stdin.isatty():
        return getpass.getpass(question)
    line = sys.stdin.readline()
    if not line:
        raise InputError("There is no password: give it as the first line of stdin, or run this in a terminal.")
    return line.rstrip("\r\n")
