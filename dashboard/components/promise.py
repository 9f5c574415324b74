"""What alarms of a model are worth, in words: budget, margin, the reference's own error, what can be found how soon."""

from __future__ import annotations

import math

import streamlit as st

from core.alarms.watch import Light
from core.services.observations import Context
from core.services.watch_report import Promise, WatchReport
from dashboard import cached
from dashboard.text import count, plain, plural

__all__ = ["back_test_words", "findable_words", "margin_words", "promise_lines", "show_promise"]


def show_promise(model: str, context: Context) -> None:
    """A line that says it, and all of it folded away."""
    watch = cached.watch(model)
    if watch is None or watch.promise is None or context.shows_reference:
        return
    with st.expander("What alarms here are worth", type="compact"):
        st.markdown("\n".join(f"- {line}" for line in promise_lines(model, watch, context)))
        st.page_link(
            "views/alarm_policy.py", label="Alarm policy", icon=":material/tune:", query_params={"model": model}
        )


def promise_lines(model: str, watch: WatchReport, context: Context) -> list[str]:
    """The promise, a sentence each, as Markdown."""
    promise, unit = watch.promise, _unit(context)
    if promise is None:
        return []
    lines = [
        f"**Budget**: at most {promise.false_alarms_per_year:g} false alert {promise.per} in expectation, over all "
        f"{count(promise.n_armed)} series watched, however they hang together. What only changed has a budget of its "
        f"own ({promise.changes_per_year:g} {promise.per}) and pages nobody.",
        f"**Margin**: {margin_words(promise)} doesn't matter, unless the policy says otherwise of a column.",
    ]
    if promise.reference_error is not None:
        size = f"{plural(len(context.reference_windows), unit)}, n {count(context.n_reference)}"
        season = " A weekly or daily rhythm is taken off." if promise.has_season else ""
        lines.append(
            f"**Reference**: {size}; it may itself be off by {promise.reference_error:.2g} sd, which limits allow for, "
            f"with 95% for all series together.{season}"
        )
    lines.append(f"**Found**: {findable_words(promise, unit)}")
    if promise.n_not_armed:
        lines.append(
            f"**Not watched**: {count(promise.n_not_armed)} series, each with its reason on the alarm policy's page."
        )
    replayed = "nothing" if not promise.n_replayed else plural(promise.n_replayed, "alarm")
    lines.append(f"**Replayed**: the reference itself, by its own limits, would have raised {replayed}.")
    back_test = back_test_words(model)
    if back_test:
        lines.append(f"**Back-test**: {back_test}")
    return lines


def margin_words(promise: Promise) -> str:
    """The larger of 0.05 standard deviations and 1 percentage point."""
    return f"the larger of {promise.margin_sd:g} sd and, of shares, {100 * promise.margin_points:g} percentage points"


def findable_words(promise: Promise, unit: str) -> str:
    """The smallest sustained shift of an ordinary column that is found, and how soon."""
    said = []
    for light, words in ((Light.CHANGED, "as changed"), (Light.MATERIAL, "as material")):
        shifts = [
            f"{shift:.2g} sd in {plural(horizon, unit)}"
            if math.isfinite(shift)
            else f"nothing in {plural(horizon, unit)}"
            for horizon, shift in sorted(promise.typical[light].items())
        ]
        said.append(f"{', '.join(shifts)} ({words})")
    return f"the smallest sustained shift of half of the columns: {'; '.join(said)}."


def back_test_words(model: str) -> str:
    """This setup would have raised 0 alarms in your last 90 days."""
    preview = cached.alarm_preview(model)
    if preview is None or not preview.n_windows:
        return ""
    raised = "no alert" if not preview.n_recent else plural(preview.n_recent, "alert")
    expected = ""
    if preview.expected_false is not None:
        n = plural(preview.n_windows, "window")
        expected = f" Over all {n}, {preview.expected_false:.1f} false ones at most were to be expected."
    return f"this setup would have raised {raised} in {plain(preview.recent_words)}.{expected}"


def _unit(context: Context) -> str:
    return "window" if " " in context.unit else context.unit
