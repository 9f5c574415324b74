"""A proposal in few words: what is asked for, where it stands, who asked and when."""

from __future__ import annotations

import streamlit as st

from core.governance.proposals import Move, ProposalKind, ProposalState
from core.services.proposal import ProposalInfo
from dashboard.text import day, instant, plain

__all__ = ["KINDS", "asked", "comments", "freshness", "proposal_link", "state_chip", "title_of"]

KINDS = {
    ProposalKind.RETRAIN: "Retrain",
    ProposalKind.PROMOTE: "Promote",
    ProposalKind.ROLLBACK: "Roll back",
    ProposalKind.RETIRE: "Retire",
    ProposalKind.RENEW: "Renew approval",
    ProposalKind.POLICY: "Change policy",
    ProposalKind.ACCEPT_DRIFT: "Accept a drift",
    ProposalKind.REBASELINE: "Change the reference",
}
STATES = {
    ProposalState.DRAFT: ("gray", "edit_note", "Draft"),
    ProposalState.OPEN: ("orange", "schedule", "Waits for a decision"),
    ProposalState.CHANGES_REQUESTED: ("orange", "edit", "Changes requested"),
    ProposalState.APPROVED: ("blue", "task_alt", "Approved"),
    ProposalState.RUNNING: ("blue", "manufacturing", "Running"),
    ProposalState.DONE: ("green", "check_circle", "Done"),
    ProposalState.FAILED: ("red", "error", "Failed"),
    ProposalState.REJECTED: ("gray", "block", "Rejected"),
    ProposalState.REVOKED: ("red", "gavel", "Revoked"),
    ProposalState.WITHDRAWN: ("gray", "undo", "Withdrawn"),
}


def title_of(found: ProposalInfo) -> str:
    """What is asked for, as Markdown: Promote credit-default v8."""
    model, version = plain(found.model), plain(found.version or "")
    if found.kind is ProposalKind.ROLLBACK:
        return f"Roll back {model} to {version}"
    if found.kind is ProposalKind.POLICY:
        tier = found.arguments.get("tier")
        return f"Change the policy of {f'the tier {plain(tier)}' if tier else model}"
    if found.kind is ProposalKind.ACCEPT_DRIFT:
        return f"Accept {plain(found.arguments['series'])} of {model} as harmless"
    if found.kind is ProposalKind.REBASELINE:
        return f"Hold {model} against {plain(found.arguments['from'][:10])} to {plain(found.arguments['to'][:10])}"
    if found.kind is ProposalKind.RENEW:
        return f"Renew the approval of {model} {version}"
    return f"{KINDS[found.kind]} {model} {version}".strip()


def state_chip(found: ProposalInfo) -> str:
    """Where a proposal stands: icon, word and colour."""
    colour, icon, words = STATES[found.state]
    return f":{colour}-badge[:material/{icon}: {words}]"


def freshness(found: ProposalInfo) -> str:
    """Whether its evidence holds; '' where nobody asks any more."""
    if found.stale:
        return ":red-badge[:material/history: Stale]"
    if found.fresh_until is None:
        return ""
    return f":gray-badge[:material/event_available: Fresh until {day(found.fresh_until)}]"


def asked(found: ProposalInfo) -> str:
    """Who asked, and when, as Markdown."""
    return f"{plain(found.asker)}, {instant(found.created_at)}"


def comments(found: ProposalInfo) -> int:
    """How many comments it has."""
    return sum(move.move is Move.COMMENT for move in found.moves)


def proposal_link(found: ProposalInfo, label: str | None = None) -> None:
    """The way to a proposal's page."""
    st.page_link("views/review.py", label=label or title_of(found), query_params={"proposal": str(found.id)})
