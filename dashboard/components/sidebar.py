"""What stands below the navigation: what is selected, what can be asked for, and who is signed in."""

from __future__ import annotations

import streamlit as st

from core.governance.identity import LOCAL_OPERATOR, Actor, Right
from dashboard.auth import sign_out
from dashboard.state import draw_selectors, selected_model
from dashboard.text import plain

__all__ = ["sidebar"]

ABOUT_A_MODEL = (
    "model",
    "performance",
    "drift",
    "concept",
    "control-chart",
    "fairness",
    "quality",
    "alarm-policy",
    "compare",
    "lineage",
    "prediction",
    "data",
    "policies",
    "versions",
)
ABOUT_NO_ROWS = ("alarm-policy", "compare", "lineage", "prediction", "data", "policies", "versions")


def sidebar(actor: Actor, url_path: str) -> None:
    """Draw it for the page at this path."""
    if url_path in ABOUT_A_MODEL:
        draw_selectors(only_model=url_path in ABOUT_NO_ROWS)
    model = selected_model() if url_path in ABOUT_A_MODEL else None
    with st.sidebar:
        if model is not None and actor.may(Right.PROPOSE):
            st.page_link("views/reviews.py", label="New proposal", icon=":material/add:", query_params={"model": model})
        if actor == LOCAL_OPERATOR:
            st.caption("Nobody signs in yet: `plumbline account add NAME` makes the first account.")
            return
        st.caption(f"{plain(actor.name)} · {', '.join(actor.roles)}")
        if st.button("Sign out", type="tertiary"):
            sign_out()
            st.rerun()
