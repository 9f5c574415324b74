"""Who looks at the page; the only place that knows."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, Actor
from dashboard.opened import workspace

__all__ = ["COOKIE", "actor_of", "confirm", "current_actor", "sign_out"]

COOKIE = "plumbline_session"


def current_actor() -> Actor:
    """The actor of every service call that a page makes."""
    return actor_of(st.context.cookies)


def actor_of(cookies: Mapping[str, str]) -> Actor:
    """Whom a browser's cookies stand for; while there are no accounts at all, the local operator."""
    accounts = workspace().accounts
    token = cookies.get(COOKIE)
    owner = accounts.owner(ANONYMOUS, token) if token else None
    if owner is not None:
        return owner
    return ANONYMOUS if accounts.exist(ANONYMOUS) else LOCAL_OPERATOR


def confirm(password: str) -> None:
    """Make the browser's sign-in fresh by a password; raises NotAllowedError if it is wrong."""
    workspace().accounts.confirm(current_actor(), st.context.cookies.get(COOKIE, ""), password)


def sign_out() -> None:
    """Make the browser's token worthless."""
    token = st.context.cookies.get(COOKIE)
    if token:
        workspace().accounts.sign_out(current_actor(), token)
