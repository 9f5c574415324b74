"""Which palette the viewer sees."""

from __future__ import annotations

import streamlit as st

from core.charts.frame import DARK, LIGHT, Palette

__all__ = ["palette"]


def palette() -> Palette:
    """The palette of the theme in force."""
    return DARK if st.context.theme.type == "dark" else LIGHT
