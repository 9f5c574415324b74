"""What is selected: model, version, segment and window, kept in the address so that links lead back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from core.services.observations import Context, Selection
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.text import window_name

__all__ = ["Selected", "model_parameters", "select"]

ALL_VERSIONS = "all versions"
EVERYONE = "everyone"
LATEST = "latest complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The model a page is about, and the rows of it."""

    model: str
    selection: Selection
    context: Context | None


def select() -> Selected | None:
    """Draw the selectors in the sidebar and give what they say; None where there is no model yet."""
    models = [info.name for info in cached.workspace().models.list(current_actor())]
    if not models:
        return None
    with st.sidebar:
        st.space("small")
        model = st.selectbox("Model", models, key="model", bind="query-params")
        whole = cached.context(model, Selection())
        if whole is None:
            return Selected(model=model, selection=Selection(), context=None)
        version = _pick("Version", ALL_VERSIONS, list(whole.versions), "version") if len(whole.versions) > 1 else None
        segment = _pick("Segment", EVERYONE, list(whole.segments), "segment") or ""
        rows = cached.context(model, Selection(version=version, segment=segment)) or whole
        names = {window.name: window_name(window.window) for window in rows.windows}
        window = _pick("Window", LATEST, [w.name for w in reversed(rows.windows)], "window", names)
    selection = Selection(version=version, segment=segment, window=window)
    return Selected(model=model, selection=selection, context=cached.context(model, selection))


def model_parameters(model: str) -> dict[str, str]:
    """The address parameters that lead to a model's page."""
    return {"model": model}


def _pick(label: str, default: str, options: list[str], key: str, names: Mapping[str, str] | None = None) -> str | None:
    """A selector whose first choice means no choice; absent where there is nothing to choose."""
    if not options:
        return None
    shown = names or {}
    chosen = st.selectbox(
        label,
        [default, *options],
        key=key,
        bind="query-params",
        format_func=lambda option: shown.get(option, option),
    )
    return None if chosen == default else chosen
