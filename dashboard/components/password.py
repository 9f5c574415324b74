"""The password once more, inside the form that signs, where the sign-in is too old to sign with."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

import streamlit as st

from core.errors import InputError
from core.governance.identity import FRESH_FOR, Actor, UserRole
from dashboard.auth import confirm
from dashboard.opened import workspace
from dashboard.text import muted, plain

__all__ = ["ask_password", "confirm_password"]


def ask_password(key: str, actor: Actor) -> None:
    """The field, if the actor's sign-in is no longer fresh; `key` is that of the form."""
    if actor.is_fresh(workspace().clock()) or UserRole.OPERATOR in actor.roles:
        return
    ago = f"You signed in more than {FRESH_FOR.seconds // 60} minutes ago."
    why = ago if actor.signed_in_at is not None else "Your provider doesn't say when you proved who you are."
    st.markdown(muted(f"{why} To sign, give your password."))
    st.text_input("Your password", type="password", key=_field(key), autocomplete="current-password")
    provider = _provider(actor) if actor.signed_in_at is not None else None
    if provider is not None:
        st.link_button(
            f"Or sign in again with {plain(provider)}",
            f"/sign-in/provider?again=1&next={quote(_here())}",
            help="Opens this page in another tab, after the provider. What you typed here stays.",
            icon=":material/open_in_new:",
            type="tertiary",
        )


def confirm_password(key: str) -> None:
    """Make the sign-in fresh by what was typed, if anything was; raises NotAllowedError if it is wrong."""
    typed = st.session_state.get(_field(key), "")
    if typed:
        confirm(typed)


def _provider(actor: Actor) -> str | None:
    try:
        return workspace().identities.provider(actor)
    except InputError:  # set up wrongly: the sign-in page says so, and the password is asked for here
        return None


def _here() -> str:
    """The page that is shown, with what is selected on it."""
    path = urlsplit(st.context.url or "/").path or "/"
    chosen = st.query_params.to_dict()
    return f"{path}?{urlencode(chosen)}" if chosen else path


def _field(key: str) -> str:
    return f"{key}-password"
