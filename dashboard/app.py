"""The page set-up and the navigation; every run begins here."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from dashboard.state import draw_selectors

HERE = Path(__file__).parent
PAGES = {
    "Monitor": [
        ("fleet", "Fleet", "grid_view"),
        ("model", "Model", "monitoring"),
        ("performance", "Performance", "target"),
        ("drift", "Drift", "water"),
        ("concept", "Concept", "psychology_alt"),
        ("control_chart", "Control chart", "show_chart"),
        ("fairness", "Fairness", "balance"),
    ],
    "Manage": [("data", "Data", "database")],
}

st.set_page_config(
    page_title="Plumbline",
    page_icon=str(HERE / "plumbline.png"),
    layout="wide",
    initial_sidebar_state=236,
)
st.html(HERE / "theme.css")
st.logo(str(HERE / "plumbline-wide.svg"), icon_image=str(HERE / "plumbline.png"), size="large")
page = st.navigation(
    {
        group: [
            st.Page(
                f"views/{name}.py",
                title=title,
                icon=f":material/{icon}:",
                url_path="" if name == "fleet" else name.replace("_", "-"),
                default=name == "fleet",
            )
            for name, title, icon in pages
        ]
        for group, pages in PAGES.items()
    },
    expanded=True,
)
if page.url_path:  # every page but Fleet is about one model
    draw_selectors(only_model=page.url_path == "data")
page.run()
