"""Actors, their roles and what each role may do; every service call is checked here, whoever calls."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar, cast

from core.errors import NotAllowedError

__all__ = [
    "ACCOUNT_ROLES",
    "ANONYMOUS",
    "LOCAL_OPERATOR",
    "RESERVED_NAMES",
    "RIGHTS",
    "SIGNER_NAME",
    "WORKER",
    "Actor",
    "Right",
    "UserRole",
    "allowed",
]

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


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
    """Who calls a service."""

    name: str
    roles: tuple[UserRole, ...]

    def may(self, right: Right) -> bool:
        """Whether any of the actor's roles grants the right."""
        return any(right in RIGHTS[role] for role in self.roles)


LOCAL_OPERATOR = Actor(name="local operator", roles=(UserRole.OPERATOR,))
WORKER = Actor(name="plumbline worker", roles=(UserRole.WORKER,))
ANONYMOUS = Actor(name="anonymous", roles=(UserRole.ANONYMOUS,))
SIGNER_NAME = "plumbline"  # signs the ledger's head, whoever moved it
RESERVED_NAMES = frozenset({LOCAL_OPERATOR.name, WORKER.name, ANONYMOUS.name, SIGNER_NAME})


def allowed(
    right: Right,
) -> Callable[[Callable[Concatenate[S, Actor, P], R]], Callable[Concatenate[S, Actor, P], R]]:
    """Mark a service method, whose first argument is the actor, with the right it needs."""

    def mark(method: Callable[Concatenate[S, Actor, P], R]) -> Callable[Concatenate[S, Actor, P], R]:
        @wraps(method)
        def checked(self: S, actor: Actor, *args: P.args, **kwargs: P.kwargs) -> R:
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
