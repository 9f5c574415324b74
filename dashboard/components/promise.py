"""What alarms of a model are worth, told where they are shown."""

from __future__ import annotations

import streamlit as st

from core.services.observations import Context
from core.services.promise_words import promise_words
from core.services.watch_report import WatchReport
from dashboard import cached
from dashboard.text import plain

__all__ = ["promise_lines", "show_promise"]


def show_promise(model: str, context: Context) -> None:
    """A line that says it, and all of it folded away."""
    watch = cached.watch(model)
    if watch is None or watch.promise is None or context.shows_reference:
        return
    with st.expander("What alarms here are worth", type="compact"):
        st.markdown(promise_lines(model, watch, context))
        st.page_link(
            "views/alarm_policy.py", label="Alarm policy", icon=":material/tune:", query_params={"model": model}
        )


def promise_lines(model: str, watch: WatchReport, context: Context) -> str:
    """The promise as a list in Markdown; '' where nothing is armed."""
    if watch.promise is None:
        return ""
    lines = promise_words(watch.promise, context, cached.alarm_preview(model))
    return "\n".join(f"- **{head}**: {plain(words)}" for head, words in lines)
