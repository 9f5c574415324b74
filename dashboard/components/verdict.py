"""The verdict at the head of a page: chip, sentence, what it means, what it rests on."""

from __future__ import annotations

import streamlit as st

from core.measure import Status
from dashboard.text import chip, muted

__all__ = ["verdict_card"]


def verdict_card(
    status: Status, sentence: str, *, detail: str = "", basis: str = "", chip_words: str | None = None
) -> None:
    """A bordered card; the sentence alone is enough to act on. Texts are Markdown: escape what is data."""
    with st.container(border=True, gap="xsmall"):
        st.markdown(chip(status, chip_words))
        st.markdown(f"### {sentence}", anchors=False)
        if detail:
            st.markdown(detail)
        if basis:
            st.markdown(muted(basis))
