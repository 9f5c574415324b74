"""Where a version goes when it is put in force: on the Review page as frozen, on the Versions page as it is set."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.services.targets import TargetInfo
from dashboard.components.numbers import facts
from dashboard.text import instant, muted, plain

__all__ = ["show_placement", "where_it_goes"]


def show_placement(placed: Mapping[str, Any] | None) -> None:
    """What the approver sees of the other system: what it has in force, and what it would have."""
    if placed is None:
        return
    st.subheader("What would change outside?", anchor=False)
    facts(
        {
            "Where": plain(placed["where"]),
            "In force there": _version(placed["seen"]),
            "Would be in force": _version(placed["wanted"]),
        },
        alt="The target",
    )
    if placed["differs"]:
        st.markdown(f":orange-badge[:material/warning: Not as here] {plain(placed['differs'])}")
    st.markdown(
        muted(f"If it says anything else when the job runs, nothing is done. {plain(placed['note'])}".strip()),
    )
    st.space(4)


def where_it_goes(found: TargetInfo | None) -> None:
    """Where a model's versions are put in force, who set that, and when."""
    st.subheader("Where does a version go?", anchor=False)
    if found is None:
        st.markdown("Into Plumbline's own registry alone: what serves has to ask `plumbline gate`, or read it here.")
        return
    st.markdown(f"Into {plain(found.where)}. {muted(f'Set by {plain(found.set_by)}, {instant(found.set_at)}.')}")
    st.markdown(muted(plain(found.note)))


def _version(state: Mapping[str, Any]) -> str:
    return f"**{plain(state['version'])}**" if state["version"] is not None else "none"
