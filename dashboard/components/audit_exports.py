"""What of an audit can be taken away: one page in plain words, the groups as a table, the tables of a law."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from core.report import fairness as pages
from core.report import local_law_144
from core.report.spreadsheet import as_csv
from core.services.audits import AuditRequest
from core.services.fairness import FairnessReport
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.text import muted

__all__ = ["exports"]


def exports(report: FairnessReport, request: AuditRequest, rate: str) -> None:
    """A menu of files; each is made when it is asked for, small groups hidden."""
    if not any(attribute.rates is not None for attribute in report.attributes):
        return
    audits, actor, stem = cached.workspace().audits, current_actor(), "fairness"  # read here: files are made elsewhere

    def page(write: Callable[[pages.FairnessPage], bytes]) -> Callable[[], bytes]:
        def made() -> bytes:
            found = audits.page(actor, request, rate=rate)
            return b"" if found is None else write(found)

        return made

    with st.popover("Export", icon=":material/download:", type="tertiary", key="exports"):
        st.markdown(muted(f"Groups of fewer than {report.policy.suppress_below} rows are hidden in every file."))
        html = page(lambda found: pages.as_html(found).encode())
        st.download_button("One page in plain words", html, f"{stem}.html", "text/html", key="as_page")
        rows = page(lambda found: as_csv(pages.as_rows(found)))
        st.download_button("Groups as a table", rows, f"{stem}.csv", "text/csv", key="as_rows")
        names = [attribute.attribute for attribute in report.attributes]
        if len(names) > 1:
            _law(names, request)


def _law(names: list[str], request: AuditRequest) -> None:
    """The tables that New York City's Local Law 144 asks for, of the two attributes chosen."""
    audits, actor = cached.workspace().audits, current_actor()
    st.markdown("**NYC Local Law 144**")
    sex = st.selectbox("Sex", names, key="law_sex")
    others = [name for name in names if name != sex]
    race = st.selectbox("Race and ethnicity", others, key="law_race")
    asked = replace(request, policy=None, against=None)

    def law(write: Callable[[local_law_144.LocalLaw144], bytes]) -> Callable[[], bytes]:
        def made() -> bytes:
            found = audits.local_law(actor, asked, sex=sex, race=race)
            return b"" if found is None else write(found)

        return made

    html = law(lambda found: local_law_144.as_html(found).encode())
    st.download_button("Impact ratios", html, "impact-ratios.html", "text/html", key="as_law")
    rows = law(lambda found: as_csv(local_law_144.as_rows(found)))
    st.download_button("Impact ratios as a table", rows, "impact-ratios.csv", "text/csv", key="as_law_rows")
