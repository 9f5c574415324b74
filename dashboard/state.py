"""What is selected: model, version, segment and window, kept in the address so that links lead back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core.services.observations import Context, Selection
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.text import window_name

__all__ = ["Selected", "draw_selectors", "in_address", "model_parameters", "select", "selected_model"]

ALL_VERSIONS = "all versions"
EVERYONE = "everyone"
LATEST = "latest complete"
SELECTED = "selected"
TAKEN_IN = "data_model"  # where the Data page names a model that it has just added


@dataclass(frozen=True, slots=True, kw_only=True)
class Selected:
    """The model a page is about, and the rows of it."""

    model: str
    selection: Selection
    context: Context | None


def draw_selectors(*, only_model: bool = False) -> None:
    """Draw the selectors in the sidebar, for `select` and `selected_model` to read.

    The entry script draws them, not the pages: Streamlit drops what the address says of a page's own widgets
    when another page is opened, so a link from page to page would lose its model.
    """
    st.session_state[SELECTED] = None
    models = [info.name for info in cached.workspace().models.list(current_actor())]
    if not models:
        return
    taken_in = st.session_state.pop(TAKEN_IN, None)
    if taken_in in models:
        st.query_params["model"] = taken_in
    with st.sidebar:
        st.space("small")
        model = in_address("Model", models, key="model")
        selected = Selected(model=model, selection=Selection(), context=None)
        st.session_state[SELECTED] = selected if only_model else _rows_of(model)


def select() -> Selected | None:
    """The model and rows that the selectors say; None where there is no model yet."""
    selected: Selected | None = st.session_state.get(SELECTED)
    return selected


def selected_model() -> str | None:
    """The model that the selector says; None where there is none yet."""
    selected = select()
    return None if selected is None else selected.model


def model_parameters(model: str) -> dict[str, str]:
    """The address parameters that lead to a model's page."""
    return {"model": model}


def in_address(
    label: str,
    options: Sequence[str],
    *,
    key: str,
    names: Mapping[str, str] | None = None,
    default: str | None = None,
    by_name: bool = True,
) -> str:
    """A selector whose choice the address tells, under its shown name or its own; only `default` is left out.

    The address comes first: what it names is chosen, whatever was before. Streamlit's own binding would drop a
    choice that is the first option, so that the link means another one once the options change, and would repeat
    parameters on links from page to page.

    Parameters
    ----------
    options : sequence of str
        At least one; the first is chosen until another is.
    names : mapping of str to str, optional
        How options are shown, where not as they are.
    by_name : bool
        Whether the address tells the shown name; an option itself where what is shown may change.
    """
    shown = names or {}
    by_name = {option: option for option in options} | {shown.get(option, option): option for option in options}
    asked = by_name.get(st.query_params.get(key, ""))
    if asked is not None:
        st.session_state[key] = asked
    elif st.session_state.get(key) not in options:
        st.session_state[key] = options[0]

    def tell() -> None:
        chosen = st.session_state[key]
        if chosen != default:
            name = shown.get(chosen, chosen) if by_name else chosen
            if st.query_params.get(key) != name:
                st.query_params[key] = name
        elif key in st.query_params:
            del st.query_params[key]

    chosen: str = st.selectbox(
        label, options, key=key, on_change=tell, format_func=lambda option: shown.get(option, option)
    )
    tell()
    return chosen


def _rows_of(model: str) -> Selected:
    """The selectors of a model's version, segment and window, and what they say."""
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


def _pick(label: str, default: str, options: list[str], key: str, names: Mapping[str, str] | None = None) -> str | None:
    """A selector whose first choice means no choice; absent where there is nothing to choose."""
    if not options:
        return None
    chosen = in_address(label, [default, *options], key=key, names=names, default=default)
    return None if chosen == default else chosen
