"""Where a column moved: in which segments and versions, and at deployments."""

from __future__ import annotations

import streamlit as st

from dashboard import cached
from dashboard.state import Selected
from dashboard.text import plain, spoken

__all__ = ["show_places"]


def show_places(selected: Selected, column: str) -> None:
    """Sentences, folded away until they are asked for; each is an answer, no alarm."""
    with st.expander(
        "Where: segments, versions, deployments", type="compact", on_change="rerun", key="places"
    ) as opened:
        if not opened.open:
            return
        found = cached.places(selected.model, selected.selection, column)
        if found is None:
            return
        for name, where in found.segments.items():
            st.markdown(f"**{plain(name)}**: {plain(where.sentence)}")
        if found.versions is not None:
            st.markdown(f"**version**: {plain(found.versions.sentence)}")
        for deployed in found.deployments:
            first = f"**{plain(deployed.version)}**, first seen in {spoken(deployed.window.window)}"
            st.markdown(f"{first}: {plain(deployed.where.sentence)}")
        if not (found.segments or found.versions or found.deployments):
            st.markdown("The model has no segment column, and one version only.")
