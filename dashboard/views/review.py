"""Should this change go ahead?"""

import streamlit as st

from core.errors import UnknownNameError
from core.governance.proposals import ProposalKind
from core.services.proposal import Review
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.acceptance import show_acceptance
from dashboard.components.baseline import show_baseline
from dashboard.components.frame import empty_state
from dashboard.components.mitigation import show_frozen_curve
from dashboard.components.placement import show_placement
from dashboard.components.policy_rules import show_change
from dashboard.components.proposals import freshness, state_chip, title_of
from dashboard.components.review_checks import review_verdict, show_checks
from dashboard.components.review_comparison import show_differences, show_groups, show_slices
from dashboard.components.review_evidence import conversation, show_evidence
from dashboard.components.review_form import comment_form, decision_card
from dashboard.components.review_monitoring import show_making, show_monitoring, show_retraining
from dashboard.components.slices_confirmed import show_at_any_time, show_confirmation
from dashboard.state import model_parameters
from dashboard.text import instant, muted, plain

MAX_DIGITS = 12


def chosen() -> Review | None:
    """The proposal that the address names; says what is wrong with it where there is none."""
    text = st.query_params.get("proposal", "")
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS):
        no_proposal("Choose a proposal from the list.")
        return None
    asked_anew = bool(st.session_state.get(f"deep-{int(text)}"))
    try:
        return cached.workspace().proposals.review(current_actor(), int(text), deep=asked_anew)
    except UnknownNameError as error:
        no_proposal(plain(error))
        return None


def no_proposal(why: str) -> None:
    st.title("Review", anchor=False)
    empty_state("There is no such proposal.", why)
    st.page_link("views/reviews.py", label="Reviews", icon=":material/arrow_back:")


def head(review: Review) -> None:
    """The way back, what is asked for, where it stands, who asked, and how long the evidence holds."""
    found = review.proposal
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="center"):
        st.page_link("views/reviews.py", label="Reviews", icon=":material/arrow_back:")
        st.page_link("views/model.py", label=plain(found.model), query_params=model_parameters(found.model))
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.title(title_of(found), anchor=False, width="content")
        st.markdown(f"{state_chip(found)} {freshness(found)}".strip(), width="content")
    parts = [f"Proposal {found.id}, asked by {plain(found.asker)} on {instant(found.created_at)}."]
    before = review.evidence.report.get("champion") if review.evidence else None
    if found.kind is ProposalKind.PROMOTE and before:
        parts.append(f"It replaces {plain(before)}.")
    if found.stale:
        parts.append(f"Its evidence is stale: {plain('; '.join(found.stale))}.")
    st.markdown(muted(" ".join(parts)))


def what_it_says(review: Review) -> None:
    """The evidence, as people read it."""
    if review.evidence is None:
        return
    report = review.evidence.report
    show_placement(report.get("target"))
    if review.proposal.kind is ProposalKind.PROMOTE:
        compared = report.get("comparison")
        if compared:
            result = compared["result"]
            show_at_any_time(result.get("at_any_time"))  # evidence frozen by an earlier Plumbline has neither
            show_differences(compared)
            st.space(4)
            show_groups(result)
            st.space(4)
            show_slices(result["slices"])
            if result.get("confirmation") is not None:
                show_confirmation(result["confirmation"], title="Do rows that no search saw confirm it?")
            st.space(4)
        show_making(review)
        return
    if review.proposal.kind is ProposalKind.POLICY:
        show_change(report)
        return
    if review.proposal.kind is ProposalKind.ACCEPT_DRIFT:
        show_acceptance(report)
        return
    if review.proposal.kind is ProposalKind.REBASELINE:
        show_baseline(report)
        return
    if review.proposal.kind is ProposalKind.RETRAIN:
        show_retraining(review)
        st.space(4)
        show_frozen_curve(report.get("mitigation"))
    show_monitoring(report.get("monitoring"))
    if review.version is not None:
        st.space(4)
        show_making(review)


def page() -> None:
    review = chosen()
    if review is None:
        return
    actor = current_actor()
    head(review)
    left, right = st.columns([21, 10], gap="medium")
    with left:
        review_verdict(review)
        if review.checks:
            show_checks(review.checks)
            st.space(4)
        what_it_says(review)
        st.space(4)
        show_evidence(review, deep=bool(st.session_state.get(f"deep-{review.proposal.id}")))
        st.space(4)
        conversation(review)
        comment_form(review.proposal, actor)
    with right:
        decision_card(review, actor)


page()
