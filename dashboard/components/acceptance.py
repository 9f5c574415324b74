"""Accepting a drift as harmless: the form that asks for it, and its evidence on the Review page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.governance.identity import Actor, Right
from core.governance.proposals import ProposalKind
from core.measure import Interval
from core.services.alerts import AlertInfo
from core.services.checks import Section
from core.services.panel import GAPS
from dashboard.auth import current_actor
from dashboard.components.numbers import cell_table, facts
from dashboard.components.review_checks import ANCHORS, interval_of
from dashboard.opened import workspace
from dashboard.text import DASH, MINUS, count, in_cell, measure_name, muted, number, plain, plural, signed

__all__ = ["acceptance_fields", "in_sd", "propose_acceptance", "show_acceptance", "show_beside"]

Data = Mapping[str, Any]
MOST_GAPS = 6  # shown at once
NOTHING = 0.0005  # standard deviations that are shown as 0


def propose_acceptance(alert: AlertInfo) -> None:
    """The way from an alert to the form, for who may propose, while it is live."""
    if alert.is_live and current_actor().may(Right.PROPOSE):
        st.page_link(
            "views/reviews.py",
            label="Propose to accept as harmless",
            icon=":material/rule:",
            query_params={"model": alert.model, "kind": str(ProposalKind.ACCEPT_DRIFT), "alert": str(alert.id)},
        )


def acceptance_fields(actor: Actor, model: str, wanted: str) -> dict[str, Any] | None:
    """Which alert, which series of it, and the margin; None where the model has no live alert."""
    alerts = {alert.id: alert for alert in workspace().alerts.list(actor, model, live_only=True)}
    if not alerts:
        return None
    ids = list(alerts)
    chosen = st.selectbox(
        "Alert",
        ids,
        index=ids.index(int(wanted)) if wanted.isdigit() and int(wanted) in ids else 0,
        format_func=lambda one: f"{one}: {alerts[one].title}",
        key=f"propose_alert_{model}",
    )
    incidents = alerts[chosen].incidents
    series = st.selectbox(
        "Series",
        sorted({incident.subject for incident in incidents if not incident.is_withdrawn}),
        key=f"propose_series_{model}_{chosen}",
        help="One at a time: each is decided on by itself.",
    )
    if series is None:
        return None
    is_gap = series.partition("/")[0] in GAPS
    asked: dict[str, float | None] = {}
    first, second = st.columns(2, gap="small")
    key = f"{model}_{chosen}_{series}"
    with first:
        if is_gap:
            asked["value"] = st.number_input("Least ratio", 0.01, 1.0, None, step=0.05, key=f"propose_ratio_{key}")
        else:
            asked["sd"] = st.number_input("Margin, sd", 0.0, 10.0, None, step=0.1, key=f"propose_sd_{key}")
    with second:
        points = st.number_input("Margin of shares, points", 0.0, 100.0, None, step=1.0, key=f"propose_points_{key}")
        asked["points"] = None if points is None else points / 100
    st.markdown(muted("What isn't given stays as it is. Windows that are judged already stay as they were judged."))
    margin = {name: value for name, value in asked.items() if value is not None}
    return {"alert": chosen, "series": series, "margin": margin}


def show_acceptance(report: Data) -> None:
    """The series since it moved, and what performance and gaps did in the same windows."""
    event, margin = report["event"], report["margin"]
    st.subheader("What moved, and by how much?", anchor=ANCHORS[Section.EVENT][0])
    found = {
        "Series": f"{plain(report['series']['words'])} {muted(plain(report['series']['key']))}",
        "When": f"{plain(event['first'])} to {plain(event['last'])}, {plural(event['n_windows'], 'window')}",
        "Margin in force": plain(margin["words_before"]),
        "Margin asked for": f"**{plain(margin['words_after'])}**",
        "Found beyond it": _findable(margin),
    }
    if report["series"]["others"]:
        found["Still out in the alert"] = plain(", ".join(report["series"]["others"]))
    facts(found, alt="What is to be accepted")
    st.page_link(
        "views/alerts.py",
        label=f"Alert {report['alert']['id']}",
        icon=":material/notifications:",
        query_params={"alert": str(report["alert"]["id"]), "of_model": report["model"], "state": "All"},
    )
    unit = "sd" if event["unit"] == "sd" else "difference"
    whole = [["**All of it**", *_sized(event)]]
    cell_table(
        ["Window", plain(report["series"]["monitor"]), "Held against", f"Size, {unit}", "n"],
        whole + [[plain(window["window"]), *_sized(window)] for window in report["windows"]],
        alt="The series since it moved",
    )
    st.markdown(muted("With 95% intervals, which allow for how windows differ and for the reference's own error."))
    st.space(4)
    show_beside(report)


def show_beside(report: Data) -> None:
    """What performance and gaps did in the same windows, held against the reference in force."""
    beside = report["performance"]
    st.subheader("What happened in the same windows?", anchor=ANCHORS[Section.BESIDE][0])
    labelled = f"{count(beside['n_labelled'])} of {count(beside['n'])} rows have a label"
    if beside["measures"]:
        cell_table(
            ["Measure", "Value", "Reference", "Change", "n"],
            [
                [
                    f"**{plain(measure_name(m['measure']))}**",
                    number(m["value"], m["measure"]),
                    number(m["reference"], m["measure"]),
                    in_cell(_change(m), m["measure"]) or DASH,
                    count(m["n"]),
                ]
                for m in beside["measures"]
            ],
            alt="Performance in the same windows",
        )
        st.markdown(muted(f"Over {plural(beside['n_windows_labelled'], 'window')} with labels; {labelled}."))
    else:
        st.markdown(f"{DASH} No labels: {labelled}. What performance did can't be told.")
    for words in beside["alarms"]:
        st.markdown(f":red-badge[:material/error: In alarm] {plain(words)}")
    if report["gaps"]:
        _show_gaps(report["gaps"])
    else:
        st.markdown(muted("No gap between groups is watched."))


def _show_gaps(gaps: Sequence[Data]) -> None:
    """The gaps that are in alarm or moved most; the others a click away."""
    ranked = sorted(gaps, key=lambda gap: (not gap["is_out"], -_moved(gap)))
    first, others = ranked[:MOST_GAPS], ranked[MOST_GAPS:]
    _gap_table(first, alt="Gaps between groups in the same windows")
    if others:
        with st.expander(f"The other {plural(len(others), 'gap')}, which moved less or have no value"):
            _gap_table(others, alt="The other gaps between groups")


def _gap_table(gaps: Sequence[Data], *, alt: str) -> None:
    cell_table(
        ["Gap", "Group", "All others", "Difference", "In the reference", "n"], [_gap_row(gap) for gap in gaps], alt=alt
    )


def _moved(gap: Data) -> float:
    """How far a gap is from the reference's; below all others where either has no value."""
    if gap["difference"] is None or gap["reference"] is None:
        return -1.0
    return abs(float(gap["difference"]) - float(gap["reference"]))


def _gap_row(gap: Data) -> list[str]:
    out = "  \n:red-badge[:material/error: In alarm]" if gap["is_out"] else ""
    return [
        f"{plain(gap['key'].replace('_', ' '))}{out}",
        number(gap["value"]),
        number(gap["others"]),
        f"{signed(gap['difference'])}  \n{muted(in_cell(interval_of(gap)))}",
        signed(gap["reference"]),
        count(gap["n"]),
    ]


def _sized(of: Data) -> list[str]:
    """Value, what it is held against, and the size with its interval."""
    written = number if of["is_share"] else in_sd
    interval = in_cell(interval_of(of))
    if of["unit"] == "sd":
        interval = f"{in_sd(of['low'])} to {in_sd(of['high'])}".replace(" ", "\u00a0")
    size = in_sd(of["size"], is_signed=True) if of["unit"] == "sd" else signed(of["size"])
    return [written(of["value"]), written(of["against"]), f"**{size}**  \n{muted(interval)}", count(round(of["n"]))]


def in_sd(value: float | None, *, is_signed: bool = False) -> str:
    """A number in standard deviations; an em dash where there is none."""
    if value is None:
        return DASH
    value = 0.0 if abs(value) < NOTHING else value
    return f"{value:+.2g}".replace("-", MINUS) if is_signed else f"{value:.2g}".replace("-", MINUS)


def _change(measure: Data) -> Interval | None:
    return interval_of({"low": measure["change_low"], "high": measure["change_high"]})


def _findable(margin: Data) -> str:
    if margin["findable"] is None:
        return "nothing, however large"
    return f"a lasting shift of {margin['findable']:.2g} sd, within {plural(margin['horizon'], 'window')}"
