"""What fired, who has it, and what was done?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.alarms.watch import Light
from core.governance.alerts import AlertMove, AlertState
from core.governance.identity import Right
from core.measure import Family
from core.services.alerts import AlertInfo
from core.services.panel import GAPS
from core.services.promise_words import fleet_promise_words
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.acceptance import propose_acceptance
from dashboard.components.alert_form import alert_form
from dashboard.components.numbers import show_numbers
from dashboard.state import in_address, model_parameters
from dashboard.text import (
    MINUS,
    count,
    digest,
    instant,
    muted,
    number,
    plain,
    plural,
    spoken,
    window_name,
)

EVERY = "every model"
SHOWN = ("Live", "All")
CHIPS = {
    AlertState.OPEN: ":red-badge[:material/notifications_active: Open]",
    AlertState.ACKNOWLEDGED: ":orange-badge[:material/person_search: Acknowledged]",
    AlertState.RESOLVED: ":green-badge[:material/task_alt: Resolved]",
    AlertState.HARMLESS: ":gray-badge[:material/do_not_disturb_on: Harmless]",
}
STEPS = {
    AlertMove.FIRE: "fired",
    AlertMove.JOIN: "more joined",
    AlertMove.RETURN: "returned",
    AlertMove.SUPERSEDE: "superseded",
    AlertMove.ACKNOWLEDGE: "acknowledged",
    AlertMove.RESOLVE: "resolved",
    AlertMove.ANNOTATE: "annotated as harmless",
    AlertMove.REOPEN: "opened again",
    AlertMove.COMMENT: "said",
}
PAGE_SIZE = 25


def verdict(alerts: Sequence[AlertInfo]) -> None:
    """How many wait for somebody, in a sentence; and what the fleet's alarms are worth."""
    waiting = [alert for alert in alerts if alert.state is AlertState.OPEN]
    taken = [alert for alert in alerts if alert.state is AlertState.ACKNOWLEDGED]
    out = [alert for alert in (*waiting, *taken) if alert.is_out]
    if waiting:
        sentence = f"{plural(len(waiting), 'alert')} {'waits' if len(waiting) == 1 else 'wait'} for somebody."
    elif taken:
        sentence = f"Somebody has {'it' if len(taken) == 1 else f'all {len(taken)} alerts'} in hand."
    else:
        sentence = "No alert is open."
    st.markdown(f"### {sentence}", anchors=False)
    if out:
        back = len(waiting) + len(taken) - len(out)
        others = f"; {back} {'is' if back == 1 else 'are'} back within the margin" if back else ""
        st.markdown(f"{plural(len(out), 'alert')} {'is' if len(out) == 1 else 'are'} still out{others}.")
    st.markdown(muted(plain(fleet_promise_words(cached.workspace().analysis.promises(current_actor())))))


def queue(alerts: Sequence[AlertInfo]) -> AlertInfo | None:
    """The alerts, the one that needs somebody first; and the one that is looked at."""
    pages = -(-len(alerts) // PAGE_SIZE)
    number_of = st.pagination(pages, key="page", bind="query-params") if pages > 1 else 1
    shown = alerts[(number_of - 1) * PAGE_SIZE : number_of * PAGE_SIZE]
    names = {str(alert.id): f"{alert.id}: {alert.model}, {alert.title}" for alert in shown}
    with st.container(border=True, key="alert_rows", gap="xsmall"):
        for place, alert in enumerate(shown):
            if place:
                st.markdown("---")
            said, where = st.columns([7, 3], vertical_alignment="center", gap="small")
            with said:
                back = "" if alert.is_out else " :gray-badge[:material/undo: Back within its margin]"
                st.markdown(f"{CHIPS[alert.state]}{back}  \n**{alert.id}** {plain(alert.title)}")
            with where:
                st.markdown(f"{plain(alert.model)}  \n{muted(f'since {spoken(alert.window)}')}")
    chosen = in_address("Look into an alert", list(names), key="alert", names=names, by_name=False)
    return next((alert for alert in shown if str(alert.id) == chosen), None)


def detail(alert: AlertInfo) -> None:
    """Evidence as it was when it fired, what became of it, and what one may do."""
    left, right = st.columns([13, 8], gap="medium")
    with left:
        with st.container(border=True):
            st.markdown(f"**Alert {alert.id}** {CHIPS[alert.state]}")
            st.markdown(f"### {plain(alert.title)}", anchors=False)
            st.markdown(f"**{plain(alert.model)}**, since {spoken(alert.window)}. {_out(alert)}")
            links(alert)
            incidents(alert)
            frozen(alert)
        history(alert)
    with right:
        if current_actor().may(Right.RESPOND):
            alert_form(alert)
            propose_acceptance(alert)
        else:
            st.markdown(muted("Engineers and reviewers answer alerts; you may read them."))


def _out(alert: AlertInfo) -> str:
    still = [incident for incident in alert.incidents if incident.closed is None and not incident.is_withdrawn]
    if not alert.incidents:
        return ""
    if not still:
        return "All of it is back within its margin."
    return f"{len(still)} of {plural(len(alert.incidents), 'series', 'series')} still out."


def links(alert: AlertInfo) -> None:
    """The pages that show what moved, in the window it fired in."""
    parameters = {**model_parameters(alert.model), "window": window_name(alert.window)}
    families = {incident.subject.split("/")[0] for incident in alert.incidents}
    pages = []
    if families & {"values", "classifier", "reconstruction"}:
        column = next((i.column for i in alert.incidents if i.subject.startswith("values/")), None)
        pages.append(("views/drift.py", "Drift", {**parameters, **({"column": column} if column else {})}))
    if families & {"missing", "invalid", "outside", "volume", "duplicates"}:
        pages.append(("views/quality.py", "Data quality", parameters))
    if "performance" in families:
        pages.append(("views/performance.py", "Performance", parameters))
    gaps = [i.subject.split("/")[1].partition("=")[::2] for i in alert.incidents if i.subject.split("/")[0] in GAPS]
    if gaps:
        named = {"attribute": gaps[0][0], "group": gaps[0][1]}
        pages.append(("views/fairness.py", "Fairness", {**parameters, **named}))
    if "concept" in families:
        pages.append(("views/concept.py", "Concept", parameters))
    with st.container(horizontal=True, gap="small"):
        for target, label, query in pages:
            st.page_link(target, label=label, icon=":material/arrow_forward:", query_params=query)


def incidents(alert: AlertInfo) -> None:
    """Every series in it: what moved, how far, since when, and whether it is back."""
    space = cached.workspace()
    evidence = {
        incident["subject"]: incident
        for frozen_then in space.alerts.evidence(current_actor(), alert.id)
        for incident in frozen_then.report["incidents"]
    }
    rows = []
    for incident in alert.incidents:
        known = evidence.get(incident.subject)
        back = "withdrawn: late rows changed it" if incident.is_withdrawn else "back" if incident.closed else "out"
        rows.append((known["words"] if known else incident.subject, _from_to(known), back))
    show_numbers(
        ["What", "From, to, n", "Now"],
        rows,
        alt=f"Series of alert {alert.id}",
        label=f"What moved: {plural(len(rows), 'series', 'series')}",
    )


def _from_to(known: dict[str, Any] | None) -> str:
    """The leading number of an incident as it was frozen."""
    if known is None:
        return ""
    leading = known["leading"]
    if not isinstance(leading, dict):
        return ""
    before, now, n = leading["reference"], leading["value"], round(leading["n"])
    others = [m for m in known.get("monitors", ()) if m["monitor"] == "the rest"]
    if known["family"] == Family.FAIRNESS and others:
        rest = others[0]
        return (
            f"{leading['monitor']} {number(now)}, n {count(n)}; all others {number(rest['value'])}, "
            f"n {count(round(rest['n']))}; in the reference {number(before)} and {number(rest['reference'])}"
        )
    name = "" if leading["monitor"] in ("missing", "invalid", "outside") else f"{leading['monitor']}: "
    if leading["is_share"]:
        return f"{name}{number(before)} to {number(now)}, n {count(n)}"
    if leading["shift_sd"] is None:
        return f"{name}n {count(n)}"
    shift = f"{leading['shift_sd']:+.2g}".replace("-", MINUS)
    return f"{name}{shift} sd, n {count(n)}"


def frozen(alert: AlertInfo) -> None:
    """The evidence, by its digest."""
    st.markdown(muted(f"Evidence frozen as it fired, {instant(alert.opened_at)}: {digest(alert.evidence_sha256)}"))
    found = cached.workspace().alerts.evidence(current_actor(), alert.id)
    report = found[0].report
    show_numbers(
        ["What was known", "Value"],
        [
            ("False alerts allowed", f"1 in {report['allowance_windows']:,.0f} windows for this set"),
            ("Series watched together", count(report["n_subjects_armed"])),
            ("Window", report["window"]),
            ("Light", str(Light.MATERIAL)),
            ("Policy", ", ".join(f"{name} {value}" for name, value in report["policy"].items() if value)),
            ("SHA-256", found[0].sha256),
        ],
        alt="Evidence of the alert",
        label="Show evidence",
    )


def history(alert: AlertInfo) -> None:
    """What became of it, the newest first."""
    st.subheader("What was done?", anchor=False)
    for move in reversed(alert.moves):
        who = f"**{plain(move.actor)}** " if move.move not in (AlertMove.FIRE, AlertMove.JOIN, AlertMove.RETURN) else ""
        words = f"  \n{plain(move.text)}" if move.text else ""
        said = muted(f"{STEPS[move.move]}, {instant(move.at)}, ledger {move.ledger_seq}")
        st.markdown(f"{who}{said}{words}")


def page() -> None:
    st.title("Alerts", anchor=False)
    space, actor = cached.workspace(), current_actor()
    models = [info.name for info in space.models.list(actor)]
    if not models:
        st.markdown("There is no model yet, so nothing can alarm.")
        return
    everything = space.alerts.list(actor)
    verdict(everything)
    chosen = in_address("Model", [EVERY, *models], key="of_model", default=EVERY)
    shown = st.segmented_control(
        "Alerts", SHOWN, default="Live", key="state", required=True, label_visibility="collapsed"
    )
    alerts = [alert for alert in everything if chosen in (EVERY, alert.model) and (shown == "All" or alert.is_live)]
    if not alerts:
        ended = len(everything)
        st.markdown(f"No {'live ' if shown == 'Live' else ''}alert here." + (f" {ended} in all." if ended else ""))
        return
    alert = queue(alerts)
    if alert is not None:
        st.space(4)
        detail(alert)


page()
