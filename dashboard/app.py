"""The page set-up and the navigation; every run begins here."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core.governance.identity import ANONYMOUS, Right
from dashboard.auth import current_actor
from dashboard.components.sidebar import sidebar

HERE = Path(__file__).parent
PAGES = {
    "Monitor": [
        ("fleet", "Fleet", "grid_view"),
        ("model", "Model", "monitoring"),
        ("performance", "Performance", "target"),
        ("drift", "Drift", "water"),
        ("concept", "Concept", "psychology_alt"),
        ("control_chart", "Control charts", "show_chart"),
        ("fairness", "Fairness", "balance"),
        ("quality", "Data quality", "rule"),
        ("alerts", "Alerts", "notifications"),
        ("alarm_policy", "Alarm policy", "tune"),
    ],
    "Sign off": [
        ("reviews", "Reviews", "fact_check"),
        ("review", "Review", "rate_review"),
        ("versions", "Versions", "deployed_code"),
        ("compare", "Compare", "compare_arrows"),
        ("lineage", "Lineage", "account_tree"),
        ("policies", "Policies", "gavel"),
        ("prediction", "Prediction", "fingerprint"),
        ("ledger", "Ledger", "history_edu"),
    ],
    "Manage": [
        ("data", "Data", "database"),
        ("jobs", "Jobs", "manufacturing"),
        ("notifications", "Notifications", "mark_email_unread"),
        ("people", "People", "group"),
    ],
}
UNLISTED = ("review", "alarm_policy")  # reached from another page, not by itself
NEEDS = {
    "ledger": Right.AUDIT,
    "prediction": Right.AUDIT,
    "people": Right.ADMINISTER,
}  # pages that tell others why they show nothing

st.set_page_config(
    page_title="Plumbline",
    page_icon=str(HERE / "plumbline.png"),
    layout="wide",
    initial_sidebar_state=236,
)
st.html(HERE / "theme.css")
st.logo(str(HERE / "plumbline-wide.svg"), icon_image=str(HERE / "plumbline.png"), size="large")
actor = current_actor()
page = st.navigation(
    {
        group: [
            st.Page(
                f"views/{name}.py",
                title=title,
                icon=f":material/{icon}:",
                url_path="" if name == "fleet" else name.replace("_", "-"),
                default=name == "fleet",
                visibility="hidden" if name in UNLISTED or not actor.may(NEEDS.get(name, Right.READ)) else "visible",
            )
            for name, title, icon in pages
        ]
        for group, pages in PAGES.items()
    }
    if actor.may(Right.READ)
    else [st.Page(lambda: None, title="Signed out", url_path="signed-out", default=True)],
    expanded=True,
)
if actor == ANONYMOUS:
    st.info("You are signed out, or your session has ended. Reload this page to sign in.")
    st.stop()
sidebar(actor, page.url_path)
page.run()
