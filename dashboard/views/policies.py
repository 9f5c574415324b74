"""Who must sign what, on which evidence? And what would other rules have decided?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from core.errors import PlumblineError
from core.governance.approval import seat_words
from core.governance.checks import CheckName, Demand
from core.governance.identity import Right, UserRole
from core.governance.policy import RiskTier, SigningPolicy
from core.governance.proposals import ProposalKind
from core.services.observations import Selection
from core.services.signing_policy import PolicyInForce
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import header, no_model
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.password import ask_password, confirm_password
from dashboard.components.permission import who_may
from dashboard.components.policy_rules import CHECKS, dry_run_table, rule_rows
from dashboard.components.review_form import keep_receipt
from dashboard.state import Selected, selected_model
from dashboard.text import capital, instant, listed, muted, plain

DRAFT = "policy_draft"
SEATS = (UserRole.REVIEWER, UserRole.VALIDATOR, UserRole.OWNER)
OF_MODEL = "This model"


def in_force(model: str, found: PolicyInForce) -> None:
    """What holds, in a sentence and a table."""
    seats = found.policy.seats_for(ProposalKind.PROMOTE)
    have = "has" if len(seats) == 1 else "have"
    st.markdown(f"### {_signers(seats)} {have} to sign before a version of {plain(model)} is put in force.")
    st.markdown(
        muted(
            f"Its risk tier is {found.tier}. Whoever asked can't sign, one person fills one seat, and administrators "
            "are bound too. A reviewer's seat is open to everybody who may decide."
        )
    )
    rows = [
        [title, said, plain(found.source(name))] for name, (title, said) in rule_rows(found.policy.to_dict()).items()
    ]
    cell_table(["Rule", "Holds", "Set by"], rows, alt="The rules of signing in force")


def _signers(seats: Sequence[UserRole]) -> str:
    """Seats as a sentence begins with them: A validator and an owner."""
    if len(set(seats)) < len(seats):
        return seat_words(seats)
    return capital(listed([f"{'an' if seat is UserRole.OWNER else 'a'} {seat}" for seat in seats], most=len(SEATS)))


def history(model: str) -> None:
    """Every change of the rules, of the model and of tiers."""
    found = cached.workspace().policies.history(current_actor(), model)
    rows = [
        (
            instant(change.at),
            f"tier {change.tier}" if change.is_tier else model,
            change.proposal_id,
            change.requester or "",
            " and ".join(change.approved_by),
            json.dumps(dict(change.rules)),
            change.reason,
        )
        for change in found
    ]
    if rows:
        titles = ["Set", "Of", "Proposal", "Asked by", "Signed by", "Rules", "Why"]
        show_numbers(titles, rows, alt="Earlier policies", label=f"Show history ({len(rows)})")


def draft_form(model: str, found: PolicyInForce) -> None:
    """Other rules, to look at before they are asked for."""
    st.subheader("What if the rules were others?", anchor=False)
    policy, of_tier = found.policy, f"All of the tier {found.tier}"
    with st.form("signing_policy", border=True):
        left, right = st.columns(2, gap="medium")
        with left:
            of = st.segmented_control("Rules of", [OF_MODEL, of_tier], default=OF_MODEL, required=True)
        with right:
            tier = st.segmented_control("Tier of this model", list(RiskTier), default=found.tier, required=True)
        n_seats = {}
        for column, role in zip(st.columns(len(SEATS)), SEATS, strict=True):
            with column:
                n_seats[role] = st.number_input(f"{capital(role)}s who sign", 0, 9, policy.seats.count(role))
        columns = st.columns(4)
        with columns[0]:
            max_age = st.number_input("Evidence holds (days)", 1, 3650, round(policy.max_age_days))
        with columns[1]:
            evaluation = _optional("Age of evaluation data (days)", policy.evaluation_days)
        with columns[2]:
            lasts = _optional("An approval lasts (days)", policy.approval_days)
        with columns[3]:
            conditions = st.number_input("Conditions due within (days)", 0, 3650, round(policy.condition_days))
        must_pass = _asked(policy, "Checks that must pass", Demand.PASS)
        not_fail = _asked(policy, "Checks that must not fail", Demand.NOT_FAIL)
        st.markdown(
            muted(
                "A check is asked only of evidence that has it. What isn't touched here stays as it is. Seats by kind "
                "of proposal and margins are set by a file: `plumbline propose policy`."
            )
        )
        if st.form_submit_button("Dry run", icon=":material/science:"):
            drawn: dict[str, Any] = {
                "seats": [str(role) for role in SEATS for _ in range(n_seats[role])],
                "checks": dict.fromkeys(not_fail, str(Demand.NOT_FAIL)) | dict.fromkeys(must_pass, str(Demand.PASS)),
                "max_age_days": max_age,
                "evaluation_days": evaluation,
                "approval_days": lasts,
                "condition_days": conditions,
            }
            st.session_state[DRAFT] = _draft(model, found, drawn, str(tier), is_tier=of == of_tier)


def _draft(
    model: str, found: PolicyInForce, drawn: dict[str, Any], tier: str, *, is_tier: bool
) -> tuple[str, dict[str, Any], str | None]:
    """The rules that a form asks for: what wasn't touched stays with whoever set it, the tier or the model."""
    shown, kept = found.policy.to_dict(), found.of_tier if is_tier else found.own
    touched = {name: value for name, value in drawn.items() if _differs(value, shown[name])}
    rules = {name: value for name, value in kept.items() if name != "tier"} | touched
    if is_tier:
        return model, rules, str(found.tier)
    return model, {**rules, "tier": tier}, None


def _differs(drawn: Any, shown: Any) -> bool:
    """Whether a form says another thing than what it was filled with; seats have no order there."""
    return sorted(drawn) != sorted(shown) if isinstance(drawn, list) else bool(drawn != shown)


def _optional(label: str, value: float | None) -> int | None:
    return st.number_input(label, 1, 3650, None if value is None else round(value), placeholder="no limit")


def _asked(policy: SigningPolicy, label: str, demand: Demand) -> list[CheckName]:
    asked = [name for name in CHECKS if policy.checks.get(name) is demand]
    return st.multiselect(label, list(CHECKS), default=asked, format_func=CHECKS.__getitem__, placeholder="none")


def drafted(model: str) -> None:
    """What the draft would have decided, and asking for it."""
    of, rules, tier = st.session_state.get(DRAFT, (None, {}, None))
    if of != model:
        return
    actor = current_actor()
    try:
        preview = cached.workspace().policies.preview(actor, model, rules, tier=RiskTier(tier) if tier else None)
    except PlumblineError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.subheader("What would they have decided?", anchor=False)
    dry_run_table([case.to_dict() for case in preview.cases])
    if preview.after == preview.before:
        st.markdown(muted("These rules say the same as those in force."))
    if not actor.may(Right.PROPOSE):
        st.markdown(muted(f"To propose rules is for {who_may(Right.PROPOSE)}."))
        return
    with st.form("propose_policy", border=True):
        signers = seat_words(preview.before.seats_for(ProposalKind.POLICY))
        st.markdown(
            f"By the rules in force now this needs a signature as: {signers}. Once it is done, open proposals that the "
            "rules are about are stale."
        )
        reason = st.text_area("Reason", key="policy_reason", height=80)
        ask_password(DRAFT, actor)
        if st.form_submit_button("Propose these rules", icon=":material/send:"):
            _propose(model, rules, tier, reason)


def _propose(model: str, rules: dict[str, Any], tier: str | None, reason: str) -> None:
    arguments = {"policy": rules} | ({"tier": tier} if tier else {})
    try:
        confirm_password(DRAFT)
        decided = cached.workspace().proposals.open(
            current_actor(), model, ProposalKind.POLICY, reason=reason, arguments=arguments
        )
    except PlumblineError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    del st.session_state[DRAFT]
    keep_receipt(decided)
    st.switch_page("views/review.py", query_params={"proposal": str(decided.proposal.id)})


def page() -> None:
    model = selected_model()
    if model is None:
        header("Policies")
        no_model()
        return
    header("Policies", Selected(model=model, selection=Selection(), context=None))
    found = cached.workspace().policies.show(current_actor(), model)
    in_force(model, found)
    history(model)
    st.space(4)
    draft_form(model, found)
    drafted(model)


page()
