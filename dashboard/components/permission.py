"""What somebody may not do, and who may: a reason in words, never a page without one."""

from __future__ import annotations

import streamlit as st

from core.governance.identity import ACCOUNT_ROLES, RIGHTS, Actor, Right
from dashboard.text import listed

__all__ = ["refused", "who_may"]


def who_may(right: Right) -> str:
    """The roles that grant a right, as "an engineer or an admin".

    Examples
    --------
    >>> who_may(Right.ADMINISTER), who_may(Right.CONFIGURE)
    ('an admin', 'an engineer')
    """
    roles = [f"{'an' if role[0] in 'aeiou' else 'a'} {role}" for role in ACCOUNT_ROLES if right in RIGHTS[role]]
    return listed(roles, most=len(roles)).replace(" and ", " or ")


def refused(actor: Actor, right: Right, what: str) -> None:
    """Say that the actor's roles don't let them do this, and whose do."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(":gray-badge[:material/lock: Not yours to see]")
        st.markdown(f"### {what}: that is for {who_may(right)}.", anchors=False)
        st.markdown(f"You are signed in as {', '.join(actor.roles)}. An admin can give you another role.")
