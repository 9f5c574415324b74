"""Choices that a page keeps in its address, shown so that names from data stay letters."""

from __future__ import annotations

import re
from collections.abc import Sequence

import streamlit as st

__all__ = ["pick"]

SAFE = re.compile(r"[A-Za-z0-9]+([ _-][A-Za-z0-9]+)*")  # shown by Markdown letter by letter, and in the address too


def pick(label: str, options: Sequence[str], key: str, *, most: int = 4, width: int = 280) -> str:
    """A few choices side by side where Markdown can show them as they are, else a list; kept in the address."""
    if len(options) <= most and all(SAFE.fullmatch(option) for option in options):
        chosen: str = st.segmented_control(
            label, options, default=options[0], required=True, key=key, bind="query-params"
        )
        return chosen
    return st.selectbox(label, options, key=key, bind="query-params", width=width)
