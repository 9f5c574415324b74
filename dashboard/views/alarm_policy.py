"""What counts as an alarm here, and what would another policy have raised?"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light
from core.errors import PlumblineError
from core.governance.identity import Right
from core.measure import Status
from core.services.alarm_policies import PolicyPreview
from core.services.observations import Selection
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import header, usable
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.promise import promise_lines
from dashboard.components.verdict import verdict_card
from dashboard.state import Selected, select
from dashboard.text import chip, count, instant, listed, muted, plain, plural, window_name

DRAFT, SAID = "alarm_policy_draft", "alarm_policy_said"


def in_force(selected: Selected, preview: PolicyPreview) -> None:
    """What the policy in force promises, and what it has raised."""
    watch, context = cached.watch(selected.model), cached.context(selected.model, Selection())
    raised = preview.n_windows_with(Light.MATERIAL)
    sentence = "This setup would have raised no alarm."
    if raised:
        n = f"{raised} of {plural(preview.n_windows, 'window')}"
        sentence = f"This setup would have raised an alarm in {n}."
    if watch is None or watch.promise is None or context is None:
        reason = context.arming.reason if context else "Nothing is armed."
        verdict_card(Status.INSUFFICIENT, plain(reason), chip_words="Not armed")
        return
    verdict_card(Status.OK, sentence, detail=promise_lines(selected.model, watch, context), chip_words="In force")


def events(preview: PolicyPreview, *, label: str) -> None:
    """What began when, under a policy."""
    rows = [
        (
            window_name(event.window),
            str(event.light),
            listed(list(event.words), most=4),
            f"{event.n_returned} of {len(event.words)}",
        )
        for event in reversed(preview.events)
    ]
    if rows:
        header_row = ["Window", "Light", "What began", "Back since"]
        show_numbers(header_row, rows, alt="Events under this policy", label=label)
    not_armed = list(preview.not_armed.items())
    if not_armed:
        named = f"Not watched: {plural(len(not_armed), 'series', 'series')}"
        show_numbers(["Series", "Why"], not_armed, alt="Series that are not watched", label=named)


def draft_form(selected: Selected, policy: AlarmPolicy) -> None:
    """Another policy, to look at before it is set."""
    st.subheader("What if the policy were another?", anchor=False)
    columns = list(cached.workspace().models.show(current_actor(), selected.model).schema.columns)
    with st.form("policy", border=True):
        first, second, third, fourth, fifth = st.columns(5)
        with first:
            false_alarms = st.number_input(
                "False alerts a year", 0.01, 366.0, policy.false_alarms_per_year, help="At most, in expectation."
            )
        with second:
            changes = st.number_input(
                "False changes a year", 0.01, 366.0, policy.changes_per_year, help="Shown, and page nobody."
            )
        with third:
            sd = st.number_input("Margin, sd", 0.0, 10.0, policy.margin_sd, step=0.01, format="%.3f")
        with fourth:
            points = st.number_input(
                "Margin of shares, points", 0.0, 100.0, 100 * policy.margin_points, step=0.1, format="%.2f"
            )
        with fifth:
            ratio = st.number_input(
                "Least ratio of groups",
                0.01,
                1.0,
                policy.least_ratio,
                step=0.05,
                help="A group's rate that is at least this part of all others' doesn't matter.",
            )
        st.markdown(muted("Margins of single columns and measures: what doesn't matter there."))
        margins = st.data_editor(
            [
                {"column": name, "sd": m.sd, "points": None if m.points is None else 100 * m.points, "value": m.value}
                for name, m in policy.margins.items()
            ]
            or [{"column": None, "sd": None, "points": None, "value": None}],
            num_rows="dynamic",
            hide_index=True,
            key="margins",
            column_config={
                "column": st.column_config.SelectboxColumn("Column or measure", options=[*columns, *MEASURES]),
                "sd": st.column_config.NumberColumn("sd", min_value=0.0),
                "points": st.column_config.NumberColumn("points", min_value=0.0),
                "value": st.column_config.NumberColumn("in its own unit", min_value=0.0),
            },
        )
        left, right = st.columns(2)
        with left:
            out = st.data_editor(
                [{"column": name, "reason": reason} for name, reason in policy.left_out.items()]
                or [{"column": None, "reason": None}],
                num_rows="dynamic",
                hide_index=True,
                key="left_out",
                column_config={
                    "column": st.column_config.SelectboxColumn("Column left out", options=columns),
                    "reason": st.column_config.TextColumn("why"),
                },
            )
        with right:
            windows = st.data_editor(
                [{"window": name, "reason": reason} for name, reason in policy.windows_left_out.items()]
                or [{"window": None, "reason": None}],
                num_rows="dynamic",
                hide_index=True,
                key="windows_left_out",
                column_config={
                    "window": st.column_config.TextColumn("Window left out", help="By its name, such as 2026-W52."),
                    "reason": st.column_config.TextColumn("why"),
                },
            )
        if st.form_submit_button("Preview"):
            st.session_state[DRAFT] = json.dumps(
                {
                    "false_alarms_per_year": false_alarms,
                    "changes_per_year": changes,
                    "margin_sd": sd,
                    "margin_points": points / 100,
                    "least_ratio": ratio,
                    "margins": {row["column"]: _margin(row) for row in margins if row.get("column") and _margin(row)},
                    "left_out": {row["column"]: row.get("reason") or "" for row in out if row.get("column")},
                    "windows_left_out": {
                        row["window"]: row.get("reason") or "" for row in windows if row.get("window")
                    },
                },
                sort_keys=True,
            )


MEASURES = ("performance/accuracy", "performance/roc_auc", "performance/brier_score", "performance/mae", "volume")


def _margin(row: dict[str, Any]) -> dict[str, float]:
    found = {}
    if row.get("sd") is not None:
        found["sd"] = float(row["sd"])
    if row.get("points") is not None:
        found["points"] = float(row["points"]) / 100
    if row.get("value") is not None:
        found["value"] = float(row["value"])
    return found


def drafted(selected: Selected, current: PolicyPreview) -> None:
    """What the draft would have raised, beside what is in force; and setting it."""
    content = st.session_state.get(DRAFT)
    if content is None:
        return
    try:
        preview = cached.alarm_preview(selected.model, content)
    except PlumblineError as error:
        st.error(plain(str(error)))
        return
    if preview is None:
        return
    st.subheader("What it would have raised", anchor=False)
    cell_table(
        ["", "In force", "Draft"],
        [
            [
                "Windows with an alarm",
                count(current.n_windows_with(Light.MATERIAL)),
                count(preview.n_windows_with(Light.MATERIAL)),
            ],
            [f"in {plain(current.recent_words)}", count(current.n_recent), count(preview.n_recent)],
            [
                "Windows with a change, shown",
                count(current.n_windows_with(Light.CHANGED)),
                count(preview.n_windows_with(Light.CHANGED)),
            ],
            ["Series watched", count(current.n_armed), count(preview.n_armed)],
        ],
        alt="The policy in force beside the draft",
    )
    events(preview, label="Show what the draft would have raised")
    if not current_actor().may(Right.CONFIGURE):
        st.markdown(muted("Engineers set the alarm policy; you may look at what another would have raised."))
        return
    with st.form("set_policy", border=True):
        st.markdown("It is judged by from the next window on; what is sealed stays as it was judged.")
        reason = st.text_area("Why", key="policy_reason")
        if st.form_submit_button("Set this policy"):
            _set(selected.model, content, reason)


def _set(model: str, content: str, reason: str) -> None:
    try:
        cached.workspace().alarm_policies.set(current_actor(), model, json.loads(content), reason=reason)
        st.session_state[SAID] = (True, "The policy is set, and in the ledger.")
        del st.session_state[DRAFT]
    except PlumblineError as error:
        st.session_state[SAID] = (False, str(error))
    st.rerun()


def history(model: str) -> None:
    """Every policy that the model had."""
    versions = cached.workspace().alarm_policies.history(current_actor(), model)
    rows = [
        (
            instant(version.created_at) if version.created_at else "from the beginning",
            version.created_by or "the default",
            version.reason,
            json.dumps(version.policy.model_dump(mode="json", exclude_defaults=True)),
        )
        for version in versions
    ]
    show_numbers(
        ["Set", "By", "Why", "Differs from the default by"], rows, alt="Earlier policies", label="Show history"
    )


def page() -> None:
    selected = select()
    header("Alarm policy", selected)
    context = cached.context(selected.model, Selection()) if selected else None
    if selected is None or usable(Selected(model=selected.model, selection=Selection(), context=context)) is None:
        return
    said = st.session_state.pop(SAID, None)
    if said:
        (st.success if said[0] else st.error)(plain(said[1]))
    preview = cached.alarm_preview(selected.model)
    if preview is None:
        return
    in_force(selected, preview)
    events(preview, label="Show what it has raised")
    history(selected.model)
    st.space(4)
    draft_form(selected, cached.workspace().alarm_policies.show(current_actor(), selected.model))
    drafted(selected, preview)
    st.markdown(f"{chip(Status.CRITICAL)} pages; {chip(Status.WARNING)} is shown.")


page()
