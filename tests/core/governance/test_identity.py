"""What each role may do, written out once more; and that a call without the right never happens."""

from __future__ import annotations

import pytest

from core.errors import NotAllowedError
from core.governance.identity import (
    ACCOUNT_ROLES,
    ANONYMOUS,
    LOCAL_OPERATOR,
    RIGHTS,
    WORKER,
    Actor,
    Right,
    UserRole,
    allowed,
)

R = Right
MAY = {
    "viewer": {R.SIGN_IN, R.READ},
    "engineer": {R.SIGN_IN, R.READ, R.AUDIT, R.INGEST, R.CONFIGURE, R.PROPOSE, R.RESPOND},
    "reviewer": {R.SIGN_IN, R.READ, R.AUDIT, R.PROPOSE, R.DECIDE, R.RESPOND},
    "validator": {R.SIGN_IN, R.READ, R.AUDIT, R.PROPOSE, R.DECIDE, R.RESPOND},
    "owner": {R.SIGN_IN, R.READ, R.AUDIT, R.PROPOSE, R.DECIDE, R.RESPOND},
    "auditor": {R.SIGN_IN, R.READ, R.AUDIT},
    "admin": {R.SIGN_IN, R.READ, R.AUDIT, R.ADMINISTER},
    "operator": {R.SIGN_IN, R.READ, R.AUDIT, R.INGEST, R.CONFIGURE, R.PROPOSE, R.RESPOND},
    "worker": {R.READ, R.INGEST, R.CONFIGURE, R.PROPOSE, R.RUN_JOBS},
    "anonymous": {R.SIGN_IN},
}


class Safe:
    """A service of one method that counts its calls."""

    def __init__(self) -> None:
        self.n_calls = 0

    @allowed(Right.DECIDE)
    def open(self, actor: Actor, key: int) -> int:
        self.n_calls += 1
        return key


def test_each_role_may_do_what_is_written_here_and_nothing_else() -> None:
    assert {str(role): set(rights) for role, rights in RIGHTS.items()} == MAY


def test_rights_of_several_roles_add_up() -> None:
    both = Actor(name="zoe", roles=(UserRole.VIEWER, UserRole.REVIEWER))
    assert {right for right in Right if both.may(right)} == MAY["viewer"] | MAY["reviewer"]
    assert not any(Actor(name="nobody", roles=()).may(right) for right in Right)


def test_no_account_can_be_the_worker_the_operator_or_anonymous() -> None:
    roles = {role for actor in (WORKER, LOCAL_OPERATOR, ANONYMOUS) for role in actor.roles}
    assert roles == set(UserRole) - set(ACCOUNT_ROLES)


@pytest.mark.parametrize("role", UserRole)
def test_a_call_without_its_right_never_happens_and_says_who_has_it(role: UserRole) -> None:
    safe, actor = Safe(), Actor(name="zoe", roles=(role,))
    if Right.DECIDE in RIGHTS[role]:
        assert safe.open(actor, 7) == 7
        return
    with pytest.raises(NotAllowedError) as refused:
        safe.open(actor, 7)
    assert (
        str(refused.value)
        == f"zoe ({role}) may not open: it needs the right to decide, which reviewer or validator or owner has."
    )
    assert safe.n_calls == 0
