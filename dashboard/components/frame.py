"""What every page has: where one is, its title, what the data rests on, and what to do where there is none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import streamlit as st

from core.services.observations import Context
from dashboard.components.recounting import recounting
from dashboard.state import Selected, model_parameters
from dashboard.text import count, day, instant, muted, plain, plural, window_name

__all__ = ["empty_state", "header", "no_model", "rests_on", "usable"]


def header(
    title: str,
    selected: Selected | None = None,
    *,
    badges: tuple[str, ...] = (),
    actions: Callable[[], None] | None = None,
) -> None:
    """The way back, the page's one title with badges and actions, and how far the data reach."""
    if selected is not None:
        with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
            st.page_link("views/fleet.py", label="Fleet", icon=":material/arrow_back:")
            st.page_link("views/model.py", label=plain(selected.model), query_params=model_parameters(selected.model))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(title, anchor=False, width="content")
        if badges:
            st.markdown(" ".join(badges), width="content")
        if actions is not None:
            st.space("stretch")
            actions()
    if selected is not None and selected.context is not None:
        st.markdown(muted(_reach(selected.context)))
    if selected is not None:
        recounting(selected.model)


def usable(selected: Selected | None) -> Context | None:
    """The context of what is selected; where there is none, says what is missing and how to supply it."""
    if selected is None:
        no_model()
        return None
    if selected.context is None:
        empty_state(
            f"{plain(selected.model)} has no reference.",
            "A reference is the records a version was validated on. Until it has one, nothing can be said about it.",
            button="Add a reference",
        )
        return None
    return selected.context


def no_model() -> None:
    """What to do in an empty workspace."""
    empty_state(
        "There is no model yet.",
        "Upload a file of prediction logs: Plumbline proposes a schema for it, which you check.",
        button="Add a model",
    )


def empty_state(what: str, how: str, *, button: str | None = None) -> None:
    """What is missing, and how it comes."""
    with st.container(border=True):
        st.subheader(what, anchor=False)
        st.markdown(how)
        if button:
            st.page_link("views/data.py", label=button, icon=":material/add:")


def rests_on(context: Context, *, n: int | None = None) -> str:
    """The line below a verdict: the window, its n, the reference and its n, and what alarms are worth."""
    parts = []
    if context.focus is not None:
        size = context.focus.n if n is None else n
        name = window_name(context.focus.window)
        parts.append(f"{name[:1].upper()}{name[1:]}, n {count(size)}")
    if not context.shows_reference:
        parts.append(f"against the reference {_reference(context)}, n {count(context.n_reference)}")
    return f"{', '.join(parts)}. {context.arming.reason} {_changed(context)}".strip()


def _changed(context: Context) -> str:
    """That a decision changed the reference, and what of windows before that is as it was; '' where none did."""
    if context.decided is None:
        return ""
    return (
        f"Proposal {context.decided.proposal_id} changed the reference on {day(context.decided.at, year=True)}: "
        "windows that were judged before keep their verdicts; their numbers are held against the new one too."
    )


def _reference(context: Context) -> str:
    start, end = context.reference_from, context.reference_to
    if start is None or end is None:
        return f"of {plural(len(context.reference_windows), 'window')}"
    zone = ZoneInfo(context.timezone)
    start, last = (
        start.astimezone(zone),
        (end - timedelta(seconds=1)).astimezone(zone),
    )  # the next begins at its end
    return day(last, year=True) if day(start) == day(last) else f"{day(start)} to {day(last, year=True)}"


def _reach(context: Context) -> str:
    if context.shows_reference:
        return "No production records yet: what you see is the reference itself."
    parts = []
    if context.data_to is not None:
        parts.append(f"Data to {instant(context.data_to)}")
        if context.mature_to is not None and context.mature_to < context.data_to:
            parts.append(f"labels complete to {day(context.mature_to, year=True)}")
    else:
        parts.append(f"{plural(len(context.windows), 'window')} of {context.unit}")
    if context.selection.version:
        parts.append(f"version {plain(context.selection.version)} only")
    if context.selection.segment:
        parts.append(f"segment {plain(context.selection.segment)} only")
    return f"{', '.join(parts)}."
