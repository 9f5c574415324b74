"""The password once more, inside the form that signs, where the sign-in is too old to sign with."""

from __future__ import annotations

import streamlit as st

from core.governance.identity import FRESH_FOR, Actor, UserRole
from dashboard.auth import confirm
from dashboard.opened import workspace
from dashboard.text import muted

__all__ = ["ask_password", "confirm_password"]


def ask_password(key: str, actor: Actor) -> None:
    """The field, if the actor's sign-in is no longer fresh; `key` is that of the form."""
    if actor.is_fresh(workspace().clock()) or UserRole.OPERATOR in actor.roles:
        return
    st.markdown(muted(f"You signed in more than {FRESH_FOR.seconds // 60} minutes ago. To sign, give your password."))
    st.text_input("Your password", type="password", key=_field(key), autocomplete="current-password")


def confirm_password(key: str) -> None:
    """Make the sign-in fresh by what was typed, if anything was; raises NotAllowedError if it is wrong."""
    typed = st.session_state.get(_field(key), "")
    if typed:
        confirm(typed)


def _field(key: str) -> str:
    return f"{key}-password"
