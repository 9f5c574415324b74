"""Actors, their roles and what each role may do; every service call is checked here, whoever calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from core.errors import NotAllowedError, SignInAgainError

__all__ = [
    "ACCOUNT_ROLES",
    "ANONYMOUS",
    "FRESH_FOR",
    "LOCAL_OPERATOR",
    "RESERVED_NAMES",
    "RIGHTS",
    "SIGNER_NAME",
    "WORKER",
    "Actor",
    "Right",
    "UserRole",
    "allowed",
    "check_fresh",
]

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


FRESH_FOR = timedelta(minutes=15)  # how long a sign-in is good for signing


class UserRole(StrEnum):
    """What somebody is to Plumbline."""

    VIEWER = "viewer"
    ENGINEER = "engineer"
    REVIEWER = "reviewer"
    VALIDATOR = "validator"  # decides as one who tested the model independently
    OWNER = "owner"  # decides as the one who answers for the model
    AUDITOR = "auditor"
    ADMIN = "admin"
    OPERATOR = "operator"  # whoever runs commands on the machine without a token
    WORKER = "worker"  # the program that does what was approved
    ANONYMOUS = "anonymous"  # whoever hasn't signed in yet


ACCOUNT_ROLES = (
    UserRole.VIEWER,
    UserRole.ENGINEER,
    UserRole.REVIEWER,
    UserRole.VALIDATOR,
    UserRole.OWNER,
    UserRole.AUDITOR,
    UserRole.ADMIN,
)


class Right(StrEnum):
    """What a service call needs."""

    SIGN_IN = "sign in"
    READ = "read"
    INGEST = "ingest"
    CONFIGURE = "configure"
    RESPOND = "respond to alerts"
    PROPOSE = "propose"
    DECIDE = "decide"
    AUDIT = "audit"
    ADMINISTER = "administer"
    RUN_JOBS = "run jobs"


_LOOK = frozenset({Right.SIGN_IN, Right.READ, Right.AUDIT})
_DECIDE = _LOOK | {Right.DECIDE, Right.PROPOSE, Right.RESPOND}
_WORK = _LOOK | {Right.INGEST, Right.CONFIGURE, Right.RESPOND, Right.PROPOSE}
RIGHTS: dict[UserRole, frozenset[Right]] = {
    UserRole.VIEWER: frozenset({Right.SIGN_IN, Right.READ}),
    UserRole.ENGINEER: _WORK,
    UserRole.REVIEWER: _DECIDE,
    UserRole.VALIDATOR: _DECIDE,
    UserRole.OWNER: _DECIDE,
    UserRole.AUDITOR: _LOOK,
    UserRole.ADMIN: _LOOK | {Right.ADMINISTER},  # administers people; decides nothing
    UserRole.OPERATOR: _WORK,
    UserRole.WORKER: frozenset({Right.READ, Right.INGEST, Right.CONFIGURE, Right.PROPOSE, Right.RUN_JOBS}),
    UserRole.ANONYMOUS: frozenset({Right.SIGN_IN}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who calls a service; `signed_in_at` is when they last proved who they are, None where nobody knows.

    `scopes` are the rights that the token they come with is for; None for all that their roles grant. A scope never
    grants what no role does.
    """

    name: str
    roles: tuple[UserRole, ...]
    signed_in_at: datetime | None = None
    scopes: frozenset[Right] | None = None

    def may(self, right: Right) -> bool:
        """Whether any of the actor's roles grants the right, and their token is for it."""
        return self.is_granted(right) and (self.scopes is None or right in {Right.SIGN_IN, *self.scopes})

    def is_granted(self, right: Right) -> bool:
        """Whether any of the actor's roles grants the right, whatever the token is for."""
        return any(right in RIGHTS[role] for role in self.roles)

    def is_fresh(self, now: datetime) -> bool:
        """Whether they proved who they are in the last 15 minutes, as signing needs."""
        return self.signed_in_at is not None and now - self.signed_in_at <= FRESH_FOR


LOCAL_OPERATOR = Actor(name="local operator", roles=(UserRole.OPERATOR,))
WORKER = Actor(name="plumbline worker", roles=(UserRole.WORKER,))
ANONYMOUS = Actor(name="anonymous", roles=(UserRole.ANONYMOUS,))
SIGNER_NAME = "plumbline"  # signs the ledger's head, whoever moved it
RESERVED_NAMES = frozenset({LOCAL_OPERATOR.name, WORKER.name, ANONYMOUS.name, SIGNER_NAME})


def check_fresh(actor: Actor, *, now: datetime) -> None:
    """Raise SignInAgainError unless the actor proved who they are in the last 15 minutes.

    By a password, or through a provider that says when that was.

    A signature is of whoever gives it, not of whoever finds a browser open or a token in a file; so this binds
    everybody, whatever their role.

    References
    ----------
    21 CFR 11.200(a)(1): components of an electronic signature are given anew once a session isn't continuous.

    Examples
    --------
    >>> from datetime import UTC
    >>> nine = datetime(2026, 5, 4, 9, tzinfo=UTC)
    >>> ines = Actor(name="ines", roles=(UserRole.REVIEWER,), signed_in_at=nine)
    >>> check_fresh(ines, now=nine + FRESH_FOR)
    >>> check_fresh(ines, now=nine + 2 * FRESH_FOR)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    core.errors.SignInAgainError: To sign takes a sign-in of the last 15 minutes; ines's is 30 minutes old. ...
    """
    if actor.is_fresh(now):
        return
    at = actor.signed_in_at
    last = f"when {actor.name} did isn't known" if at is None else f"{actor.name}'s is {_ago(now - at)} old"
    raise SignInAgainError(
        f"To sign takes a sign-in of the last {FRESH_FOR.seconds // 60} minutes; {last}. Give your password again: "
        f'the page asks for it; for commands, export PLUMBLINE_TOKEN="$(plumbline login {actor.name})".'
    )


def _ago(time: timedelta) -> str:
    """How long ago, the minutes rounded up."""
    minutes = -int(-time.total_seconds() // 60)
    if minutes < 120:
        return f"{minutes} minutes"
    return f"{minutes // 60} hours" if minutes < 48 * 60 else f"{minutes // (24 * 60)} days"


def allowed(
    right: Right,
) -> Callable[[Callable[Concatenate[S, Actor, P], R]], Callable[Concatenate[S, Actor, P], R]]:
    """Mark a service method, whose first argument is the actor, with the right it needs."""

    def mark(method: Callable[Concatenate[S, Actor, P], R]) -> Callable[Concatenate[S, Actor, P], R]:
        @wraps(method)
        def checked(self: S, actor: Actor, *args: P.args, **kwargs: P.kwargs) -> R:
            if actor.is_granted(right) and not actor.may(right):
                raise NotAllowedError(
                    f"The token of {actor.name} is for {', '.join(sorted(actor.scopes or ()))} only: {method.__name__} "
                    f"needs {right}. Get another with `plumbline login {actor.name}`, or with --scope '{right}'."
                )
            if not actor.may(right):
                who = " or ".join(role for role in UserRole if right in RIGHTS[role])
                raise NotAllowedError(
                    f"{actor.name} ({', '.join(actor.roles)}) may not {method.__name__}: "
                    f"it needs the right to {right}, which {who} has."
                )
            return method(self, actor, *args, **kwargs)

        marked: Any = checked
        marked.right = right  # what the test of roles x services reads
        return cast("Callable[Concatenate[S, Actor, P], R]", marked)

    return mark
