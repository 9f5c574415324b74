"""Deciding: the form, why one may not, the other moves, and the receipt of what was done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import streamlit as st

from core.errors import InputError, PlumblineError
from core.governance.approval import seat_words
from core.governance.conditions import Condition
from core.governance.identity import Actor
from core.governance.proposals import DECISIONS, SIGNED_TO_ASK, Move, ProposalKind, ProposalState
from core.services.checks import Outcome
from core.services.proposal import Decided, ProposalInfo, Review
from dashboard.auth import current_actor
from dashboard.components.password import ask_password, confirm_password
from dashboard.opened import workspace
from dashboard.text import instant, listed, muted, plain, plural

__all__ = ["comment_form", "decision_card", "keep_receipt", "submit_form"]

SAID, RECEIPT, TIMES = "review_said", "review_receipt", "review_times"
MOST_CONDITIONS = 3  # more are given by the command
DECIDING = {Move.APPROVE: "Approve", Move.REQUEST_CHANGES: "Request changes", Move.REJECT: "Reject"}
STANDS = {
    ProposalState.DRAFT: "A draft asks nobody yet: somebody has to make it their own and submit it.",
    ProposalState.CHANGES_REQUESTED: "Changes were requested. Refreshing its evidence puts it up for decision again.",
    ProposalState.APPROVED: "It is approved; its job waits for a worker.",
    ProposalState.RUNNING: "It is approved; its job runs.",
    ProposalState.DONE: "It was approved, and is done.",
    ProposalState.FAILED: "It was approved, and its job failed. It can run again, or rest on fresh evidence.",
    ProposalState.REJECTED: "It was rejected. Nothing was done.",
    ProposalState.REVOKED: "Its approval was revoked: the gate is closed by it.",
    ProposalState.WITHDRAWN: "It was withdrawn. Nothing was done.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """A move besides deciding: its button, and what it brings about."""

    move: Move
    label: str
    icon: str
    consequence: str


OTHERS = (
    Other(
        move=Move.SUBMIT,
        label="Submit the draft",
        icon=":material/send:",
        consequence="It becomes your proposal, on evidence as it stands now; you can't approve it.",
    ),
    Other(
        move=Move.REFRESH,
        label="Refresh the evidence",
        icon=":material/refresh:",
        consequence="It then rests on evidence as it stands now. Whoever refreshes it asks for it too, and can't "
        "approve it. This may take a while.",
    ),
    Other(
        move=Move.RETRY,
        label="Run the job again",
        icon=":material/replay:",
        consequence="The approval still stands if its evidence does.",
    ),
    Other(
        move=Move.REVOKE,
        label="Revoke the approval",
        icon=":material/gavel:",
        consequence="Its job doesn't start, and the gate of what it put in force closes. To take that out of force, "
        "propose to roll back.",
    ),
    Other(move=Move.WITHDRAW, label="Withdraw", icon=":material/undo:", consequence="It ends here. Nothing is done."),
)


def decision_card(review: Review, actor: Actor) -> None:
    """What this person can do with this proposal, and why not more."""
    found = review.proposal
    refusals = found.refusals(actor)
    with st.container(border=True, key="decision", gap="small"):
        st.subheader("Decision", anchor=False)
        _outcome(found)
        _seats(found)
        if found.state is ProposalState.OPEN:
            _deciding(review, actor, refusals)
        else:
            st.markdown(STANDS[found.state])
            _approved_by(found)
            _ran_out(found)
            if refusals[Move.REJECT] is None and found.state is ProposalState.CHANGES_REQUESTED:
                _deciding(review, actor, refusals)
        if found.job_id is not None:
            st.page_link(
                "views/jobs.py",
                label=f"Job {plain(found.job_id)}",
                icon=":material/manufacturing:",
                query_params={"job": found.job_id},
            )
        _conditions(found, can_check=refusals[Move.MEET] is None, actor=actor)
        for other in OTHERS:
            if refusals[other.move] is None:
                _other(found, other)
    if any(refusals[move] is None for move in DECISIONS):
        st.markdown(muted("The ledger keeps your name, your reason, and the SHA-256 of the evidence that you saw."))


def comment_form(found: ProposalInfo, actor: Actor) -> None:
    """Say something, deciding nothing."""
    if found.refusals(actor)[Move.COMMENT] is not None:
        return
    key = _key("comment", found)
    with st.form(f"{key}-form", border=False):
        st.text_area("Add a comment", key=key, height=80, placeholder="Ask, or point at evidence")
        st.form_submit_button(
            "Comment",
            on_click=_do,
            args=(found.id, key, lambda who, words: workspace().proposals.comment(who, found.id, words)),
        )


def submit_form(found: ProposalInfo) -> None:
    """Make a draft one's own, where drafts are listed."""
    _other(found, OTHERS[0])
    _problem(found.id)


def keep_receipt(decided: Decided) -> None:
    """Remember a receipt for the page of its proposal."""
    st.session_state[RECEIPT] = (decided.proposal.id, str(decided.receipt))
    st.session_state[TIMES] = st.session_state.get(TIMES, 0) + 1


def _outcome(found: ProposalInfo) -> None:
    """The receipt of what this session did last, or what went wrong."""
    _problem(found.id)
    of, receipt = st.session_state.get(RECEIPT, (None, ""))
    if of == found.id:
        st.markdown(":material/receipt_long: **Receipt: keep this**")
        st.code(receipt, language=None, wrap_lines=True)
        st.markdown(muted("Kept outside, it shows later whether the ledger still holds what was done here."))


def _approved_by(found: ProposalInfo) -> None:
    """Who has signed for the evidence that it rests on."""
    if found.approvals:
        signed = [f"**{plain(move.actor)}** ({', '.join(move.roles)}), {instant(move.at)}" for move in found.approvals]
        st.markdown(f"Approved by {listed(signed, most=9)}.")


def _seats(found: ProposalInfo) -> None:
    """Who has to sign, where more than one has or somebody has already, and what the policy finds lacking."""
    if found.state is not ProposalState.OPEN:
        return
    if len(found.seats) > 1 or found.approvals:
        st.markdown(f"It takes {seat_words(found.seats)}.")
        _approved_by(found)
        st.markdown(f":orange-badge[:material/draw: Still to sign] {seat_words(found.vacant)}")
    for why in found.lacking:
        st.markdown(f":red-badge[:material/policy: Policy] {plain(why)}.")


def _ran_out(found: ProposalInfo) -> None:
    """What the approval of something done lacks by now."""
    for why in found.lacking if found.state is ProposalState.DONE else ():
        st.markdown(
            f":red-badge[:material/policy: Policy] {plain(why)}. What it changed holds until somebody revokes it."
        )


def _condition(what: str | None, owner: str | None, due: date | None) -> Condition:
    """A condition as it was typed; due at the end of its day."""
    if not (what and owner and due):
        raise InputError("A condition needs what has to be done, by whom and until when; nothing was signed.")
    end = datetime(due.year, due.month, due.day, tzinfo=UTC) + timedelta(days=1)
    return Condition(text=what, owner=owner.strip(), due_at=end)


def _conditions(found: ProposalInfo, *, can_check: bool, actor: Actor) -> None:
    """What the approvals hang on, and checking that it was done."""
    for name, (condition, checked) in found.conditions.items():
        said = f"{plain(condition.text)}  \n{muted(f'{plain(condition.owner)}, due {instant(condition.due_at)}')}"
        if checked is not None:
            st.markdown(f":green-badge[:material/check: Checked by {plain(checked.actor)}] {said}")
            continue
        st.markdown(f":orange-badge[:material/assignment: Condition] {said}")
        if not can_check or condition.owner == actor.name:
            continue
        key = _key(f"condition-{name}", found)
        with st.popover("Check it", icon=":material/check:"), st.form(f"{key}-form", border=False):
            st.text_area("How was it checked?", key=key, height=80)
            ask_password(key, actor)
            st.form_submit_button("It is met", on_click=_do, args=(found.id, key, _check_call(found.id, name)))


def _check_call(proposal_id: int, name: str) -> Callable[[Actor, str], Decided]:
    return lambda actor, reason: workspace().proposals.check_condition(actor, proposal_id, name, reason=reason)


def _problem(proposal_id: int) -> None:
    of, words = st.session_state.get(SAID, (None, ""))
    if of == proposal_id:
        del st.session_state[SAID]
        st.error(plain(words), icon=":material/error:")


def _deciding(review: Review, actor: Actor, refusals: dict[Move, str | None]) -> None:
    """The form, as far as the choices are this person's; and the reasons for the others."""
    found = review.proposal
    may = [move for move in DECIDING if refusals[move] is None]
    if found.state is ProposalState.OPEN and refusals[Move.APPROVE] is not None:
        st.markdown(f":orange-badge[:material/lock: You can't {'approve' if may else 'decide'}]")
        st.markdown(f"**{plain(refusals[Move.APPROVE])}** {_who_can(review)}")
    if not may:
        return
    st.markdown(muted(f"Signing as **{plain(actor.name)}**, {', '.join(actor.roles)}."))
    key = _key("reason", found)
    with st.form(f"{key}-form", border=False):
        st.radio(
            "Your decision",
            may,
            index=None,
            key=f"{key}-choice",
            format_func=lambda move: DECIDING[move],
            captions=[_consequence(review, move) for move in may],
        )
        st.text_area("Reason", key=key, height=100, placeholder="What convinced you, or what is missing")
        with st.expander("Conditions of an approval", type="compact"):
            for n in range(MOST_CONDITIONS):
                st.text_input(f"Condition {n + 1}", key=f"{key}-what-{n}", placeholder="What has to be done")
                left, right = st.columns([2, 3], gap="small")
                left.text_input("By whom", key=f"{key}-owner-{n}", placeholder="A name")
                right.date_input("Due (UTC)", None, key=f"{key}-due-{n}", format="YYYY-MM-DD")
            st.markdown(muted("Once one is due and nobody else has checked it, the approval no longer counts."))
        ask_password(key, actor)
        st.form_submit_button(
            "Sign", icon=":material/draw:", on_click=_decide, args=(found.id, key, found.evidence_sha256)
        )


def _consequence(review: Review, move: Move) -> str:
    found = review.proposal
    asker = plain(found.asker)
    if move is Move.REQUEST_CHANGES:
        return f"Goes back to {asker}; nothing runs."
    if move is Move.REJECT:
        ends = (
            f"; {plain(found.version or '')} can't be promoted any more" if found.kind is ProposalKind.PROMOTE else ""
        )
        return f"Ends it{ends}."
    n = sum(check.outcome in (Outcome.FAIL, Outcome.LOOK) for check in review.checks)
    runs = "The job starts as soon as a worker is free."
    if len(found.vacant) > 1:
        runs = "It then waits for the other signatures."
    if not n:
        return runs
    return f"{runs} {plural(n, 'check')} {'fails or needs' if n == 1 else 'fail or need'} a look: say why all the same."


def _who_can(review: Review) -> str:
    """Who may approve; '' where the evidence itself is in the way."""
    if review.proposal.stale or review.proposal.lacking:
        return ""
    names = [plain(name) for name in review.deciders]
    if not names:
        return "Nobody else has the right to decide: an admin has to make somebody a reviewer."
    return f"{' or '.join(names)} can."


def _other(found: ProposalInfo, other: Other) -> None:
    """A move besides deciding, folded away until asked for."""
    key = _key(str(other.move), found)
    with st.popover(other.label, icon=other.icon, width="stretch"), st.form(f"{key}-form", border=False):
        st.markdown(muted(other.consequence if other.move is not Move.REVOKE else _revoking(found)))
        st.text_area("Reason", key=key, height=80)
        if other.move is Move.REVOKE or found.kind in SIGNED_TO_ASK:
            ask_password(key, current_actor())
        st.form_submit_button(other.label, on_click=_do, args=(found.id, key, _call(found.id, other.move)))


def _revoking(found: ProposalInfo) -> str:
    """What revoking brings about."""
    if found.kind is ProposalKind.ACCEPT_DRIFT:
        return "The series has the margin of before again, from the next window on, and its alert is open again."
    if found.kind is ProposalKind.REBASELINE:
        return "Windows are held against the reference of before again, from the next one on."
    return next(other.consequence for other in OTHERS if other.move is Move.REVOKE)


def _call(proposal_id: int, move: Move) -> Callable[[Actor, str], Decided]:
    proposals = workspace().proposals
    calls = {
        Move.SUBMIT: proposals.submit,
        Move.REFRESH: proposals.refresh,
        Move.RETRY: proposals.retry,
        Move.REVOKE: proposals.revoke,
        Move.WITHDRAW: proposals.withdraw,
    }
    return lambda actor, reason: calls[move](actor, proposal_id, reason=reason)


def _decide(proposal_id: int, key: str, evidence_sha256: str) -> None:
    """Sign, on the evidence that was shown when the form was drawn."""
    move = st.session_state.get(f"{key}-choice")
    if move not in DECISIONS:
        st.session_state[SAID] = (proposal_id, "Choose what you decide; nothing was signed.")
        return

    rows = [
        [st.session_state.get(f"{key}-{part}-{n}") for part in ("what", "owner", "due")] for n in range(MOST_CONDITIONS)
    ]

    def call(actor: Actor, reason: str) -> Decided:
        return workspace().proposals.decide(
            actor,
            proposal_id,
            Move(move),
            reason=reason,
            evidence_sha256=evidence_sha256,
            conditions=[_condition(*row) for row in rows if any(row)],
        )

    _do(proposal_id, key, call)


def _do(proposal_id: int, key: str, call: Callable[[Actor, str], Decided]) -> None:
    """Make a move in one call, and remember its receipt or what went wrong."""
    st.session_state.pop(SAID, None)
    try:
        confirm_password(key)
        decided = call(current_actor(), st.session_state.get(key, ""))
    except PlumblineError as error:
        st.session_state[SAID] = (proposal_id, str(error))
    else:
        keep_receipt(decided)


def _key(what: str, found: ProposalInfo) -> str:
    """A widget's key: another one after each move of this session, so that forms are empty again, and not before."""
    return f"{what}-{found.id}-{st.session_state.get(TIMES, 0)}"
