"""Look closer: one question at a time about one attribute, so that only what is looked at is computed."""

from __future__ import annotations

import streamlit as st

from core.services.audits import AuditRequest
from core.services.fairness import AttributeReport, FairnessReport
from dashboard import cached
from dashboard.components.closer import show_change, show_peers, show_score, show_strata
from dashboard.components.mitigation import show_mitigation
from dashboard.components.pickers import pick
from dashboard.components.row_answers import show_consistency, show_proxies, show_records, show_subgroups
from dashboard.components.thresholds import show_thresholds

__all__ = ["closer"]

QUESTIONS = (
    "Thresholds",
    "Score and errors",
    "Like with like",
    "Worst subgroups",
    "Proxies",
    "Why it moved",
    "Records",
    "Fairlearn",
    "Mitigation",
)


@st.fragment
def closer(report: FairnessReport, attribute: AttributeReport, request: AuditRequest, rate: str) -> None:
    """A question, and its answer."""
    st.subheader("Look closer", anchor=False)
    chosen = pick("Question", QUESTIONS, "closer", most=len(QUESTIONS))
    if chosen == "Like with like":
        show_strata(report, attribute, request, rate)
        show_consistency(request)
    elif chosen == "Worst subgroups":
        show_subgroups(report, request, rate)
    elif chosen == "Proxies":
        show_proxies(attribute, request)
    elif chosen == "Records":
        show_records(report, attribute, request, rate)
    elif chosen == "Why it moved":
        show_change(report, attribute, request)
    elif chosen == "Mitigation":
        show_mitigation(attribute, request)
    elif chosen == "Fairlearn":
        show_peers(attribute, request)
    else:
        detail = cached.attribute_detail(request, attribute.attribute)
        if detail is None:
            return
        if chosen == "Thresholds":
            show_thresholds(report, detail)
        else:
            show_score(detail)
