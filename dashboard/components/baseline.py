"""Another reference: the form that asks for its period, and its evidence on the Review page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from core.governance.identity import Actor
from core.services.checks import Section
from dashboard.components.acceptance import in_sd, show_beside
from dashboard.components.numbers import cell_table
from dashboard.components.review_checks import ANCHORS
from dashboard.opened import workspace
from dashboard.text import DASH, count, day, listed, muted, number, plain

__all__ = ["midnight", "period_fields", "show_baseline"]

Data = Mapping[str, Any]
MOST_SERIES = 12


def period_fields(actor: Actor, model: str) -> dict[str, Any]:
    """The first and the last day of the period, in the model's own time zone."""
    zone = workspace().models.show(actor, model).schema.timezone
    chosen = st.date_input(
        "First and last day of the reference", value=(), key=f"propose_period_{model}", help=f"In {zone}"
    )
    st.markdown(
        muted(
            "Whole windows whose labels are in. Records stay where they are, and windows that are judged already stay "
            "as they were judged."
        )
    )
    days = chosen if isinstance(chosen, tuple) else (chosen,)
    if not days:
        return {}
    return {"from": midnight(days[0], zone), "to": midnight(days[-1] + timedelta(days=1), zone)}


def midnight(of: date, timezone: str) -> str:
    """When a day begins in a time zone, as arguments write it."""
    return datetime.combine(of, time(), tzinfo=ZoneInfo(timezone)).isoformat()


def show_baseline(report: Data) -> None:
    """The period beside the reference in force: rows, labels, what differs, and what was in alarm."""
    period, before = report["period"], report["reference"]
    st.subheader("What would windows be held against?", anchor=ANCHORS[Section.EVENT][0])
    cell_table(
        ["Reference", "Period", "Windows", "n", "With a label"],
        [
            [
                "**Asked for**",
                _days(period),
                count(period["n_windows"]),
                count(period["n"]),
                count(period["n_labelled"]),
            ],
            ["In force", _days(before), count(before["n_windows"]), count(before["n"]), count(before["n_labelled"])],
        ],
        alt="The reference asked for beside that in force",
    )
    served = listed([plain(version) for version in period["versions"]], most=6) or DASH
    st.markdown(muted(f"Served in the period by {served}."))
    for alert in report["alerts"]:
        badge = ":red-badge[:material/error: In alarm]" if alert["is_live"] else ":gray-badge[Answered]"
        st.markdown(f"{badge} Alert {alert['id']}, {plain(alert['state'])}: {plain(', '.join(alert['words']))}")
    cell_table(
        ["Series", "Led by", "In force", "Asked for", "Size, sd"],
        [
            [f"**{plain(of['key'])}**", plain(of["monitor"]), _value(of, "against"), _value(of, "value"), _size(of)]
            for of in report["series"][:MOST_SERIES]
        ],
        alt="How far the period lies from the reference in force, the farthest first",
    )
    left_out = report["n_series"] - min(len(report["series"]), MOST_SERIES)
    if left_out:
        st.markdown(muted(f"{count(left_out)} more series lie nearer; the evidence has them."))
    st.space(4)
    show_beside(report)


def _days(of: Data) -> str:
    if not (of["from"] and of["to"]):
        return DASH
    first, end = datetime.fromisoformat(of["from"]), datetime.fromisoformat(of["to"])
    return f"{day(first)} to {day(end - timedelta(seconds=1), year=True)}"


def _value(of: Data, name: str) -> str:
    return number(of[name]) if of["is_share"] else in_sd(of[name])


def _size(of: Data) -> str:
    ends = f"{in_sd(of['low'])} to {in_sd(of['high'])}".replace(" ", "\u00a0")
    return f"**{in_sd(of['size'], is_signed=True)}**  \n{muted(ends)}"
