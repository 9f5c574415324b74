"""Versions in force: since when, until when, who asked, who approved, on which evidence."""

from __future__ import annotations

from datetime import UTC, datetime

import streamlit as st

from core.charts.deployments import Stay, deployment_bars
from core.services.versions import Approval, Deployment
from dashboard.components.numbers import show_chart, show_numbers
from dashboard.text import DASH, digest, instant, listed, muted, plain
from dashboard.theme import palette

__all__ = ["exact", "in_force_history", "signed"]

MOST_STAYS = 10


def signed(deployment: Deployment) -> str:
    """Who asked and who approved, in a sentence."""
    asked = f"Asked for by {plain(deployment.requester)}" if deployment.requester else "Asked for by an alarm"
    approved = [f"approved by {_approval(approval)}" for approval in deployment.approvals]
    return f"{'; '.join([asked, *approved])}." if approved else f"{asked}; no approval is recorded."


def _approval(approval: Approval) -> str:
    evidence, entry = digest(approval.evidence_sha256), f"{approval.ledger_seq:,}"
    return f"{plain(approval.actor)} on {instant(approval.at)}, on evidence `{evidence}`, ledger entry {entry}"


def in_force_history(history: tuple[Deployment, ...]) -> None:
    """Every stay of a version: a bar, and below who asked, who approved, on what."""
    st.subheader("What was in force, and who signed for it?", anchor=False)
    if not history:
        st.markdown("Nothing yet.")
        return
    stays = [
        Stay(
            version=found.version,
            since=found.since,
            until=found.until,
            words=f"{found.version or 'none'} {_reach(found)}",
        )
        for found in history
    ]
    with st.container(border=True, key="deployments"):
        show_chart(deployment_bars(stays, now=datetime.now(UTC), palette=palette()), key="deployments_chart")
        for deployment in list(reversed(history))[:MOST_STAYS]:
            _stay(deployment)
        show_numbers(
            ["Version", "From", "Until", "Asked by", "Approved by", "Evidence", "Ledger entry", "Proposal"],
            [_numbers(deployment) for deployment in reversed(history)],
            alt="Versions in force",
        )


def _stay(deployment: Deployment) -> None:
    """One stay in words, with the way to its review."""
    left, right = st.columns([5, 1], vertical_alignment="center")
    name = plain(deployment.version) if deployment.version else "No version"
    left.markdown(f"**{name}** {_reach(deployment)}  \n{muted(signed(deployment))}")
    proposal = str(deployment.proposal_id)
    right.page_link("views/review.py", label=f"Review {proposal}", query_params={"proposal": proposal})


def _reach(deployment: Deployment) -> str:
    """From when to when."""
    return f"from {exact(deployment.since)} {f'to {exact(deployment.until)}' if deployment.until else 'on'}"


def exact(moment: datetime) -> str:
    """19 Nov 2026, 09:14:07 UTC: a version may have been in force for seconds."""
    return instant(moment).replace(" UTC", f"{moment.astimezone(UTC)::%S} UTC")


def _numbers(deployment: Deployment) -> tuple[str, ...]:
    """One stay as a row of text."""
    approvals = deployment.approvals
    return (
        deployment.version or "none",
        exact(deployment.since),
        exact(deployment.until) if deployment.until else "still",
        deployment.requester or "an alarm",
        listed([approval.actor for approval in approvals]) or DASH,
        listed([digest(approval.evidence_sha256) for approval in approvals]) or DASH,
        listed([f"{approval.ledger_seq:,}" for approval in approvals]) or DASH,
        str(deployment.proposal_id),
    )
