"""Who must sign what, on which evidence? And what would other rules have decided?"""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from core.errors import PlumblineError
from core.governance.approval import seat_words
from core.governance.checks import CheckName
from core.governance.identity import Right, UserRole
from core.governance.policy import RiskTier
from core.governance.proposals import ProposalKind
from core.services.observations import Selection
from core.services.signing_policy import PolicyInForce
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.frame import header, no_model
from dashboard.components.numbers import cell_table, show_numbers
from dashboard.components.permission import who_may
from dashboard.components.policy_rules import CHECKS, dry_run_table, rule_rows
from dashboard.components.review_form import keep_receipt
from dashboard.state import Selected, selected_model
from dashboard.text import instant, muted, plain

DRAFT = "policy_draft"
SEATS = (UserRole.REVIEWER, UserRole.VALIDATOR, UserRole.OWNER)
NOTHING = "—"
OF_MODEL, OF_TIER = "This model", "Its whole tier"


def in_force(model: str, found: PolicyInForce) -> None:
    """What holds, in a sentence and a table."""
    seats = found.policy.seats_for(ProposalKind.PROMOTE)
    n = "One person has" if len(seats) == 1 else f"{len(seats)} people have"
    st.markdown(
        f"### {n} to sign before a version of {plain(model)} is put in force: {seat_words(seats)}.", anchors=False
    )
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
    policy = found.policy
    with st.form("signing_policy", border=True):
        left, right = st.columns(2, gap="medium")
        with left:
            of = st.segmented_control("Rules of", [OF_MODEL, OF_TIER], default=OF_MODEL, required=True)
        with right:
            tier = st.segmented_control("Risk tier", list(RiskTier), default=found.tier, required=True)
        columns = st.columns(len(SEATS))
        n_seats = {}
        for column, role in zip(columns, SEATS, strict=True):
            with column:
                n_seats[role] = st.number_input(
                    f"Seats for {'an' if role is UserRole.OWNER else 'a'} {role}", 0, 9, policy.seats.count(role)
                )
        columns = st.columns(4)
        with columns[0]:
            max_age = st.number_input("Evidence holds, days", 1, 3650, round(policy.max_age_days))
        with columns[1]:
            evaluation = _optional("Evaluation data at most, days old", policy.evaluation_days)
        with columns[2]:
            lasts = _optional("An approval lasts, days", policy.approval_days)
        with columns[3]:
            conditions = st.number_input("Conditions due within, days", 0, 3650, round(policy.condition_days))
        st.markdown(muted("Checks that are asked of evidence that has them. Stale evidence is never approved."))
        asked = st.data_editor(
            [{"check": title, "must": str(policy.checks.get(name, NOTHING))} for name, title in CHECKS.items()],
            hide_index=True,
            key="policy_checks",
            disabled=["check"],
            column_config={
                "check": st.column_config.TextColumn("Check", width="large"),
                "must": st.column_config.SelectboxColumn("must", options=[NOTHING, "not fail", "pass"], required=True),
            },
        )
        if st.form_submit_button("Dry run", icon=":material/science:"):
            rules: dict[str, Any] = {
                "seats": [str(role) for role in SEATS for _ in range(n_seats[role])],
                "checks": _checks(asked),
                "max_age_days": max_age,
                "evaluation_days": evaluation,
                "approval_days": lasts,
                "condition_days": conditions,
                **{key: policy.to_dict()[key] for key in ("seats_of", "margins")},
            }
            kept, shown = (found.own if of == OF_MODEL else found.of_tier), policy.to_dict()
            # What wasn't touched stays with whoever set it: a model's rules don't hide those of its tier.
            rules = {name: rules[name] for name in rules if rules[name] != shown[name]} | {
                name: kept[name] for name in kept if name != "tier" and rules.get(name, shown[name]) == shown[name]
            }
            if of == OF_MODEL:
                rules["tier"] = str(tier)
            st.session_state[DRAFT] = (model, rules, str(tier) if of == OF_TIER else None)


def _optional(label: str, value: float | None) -> int | None:
    return st.number_input(label, 1, 3650, None if value is None else round(value), placeholder="no limit")


def _checks(rows: list[dict[str, Any]]) -> dict[CheckName, str]:
    return {
        name: row["must"]
        for (name, _), row in zip(CHECKS.items(), rows, strict=True)
        if row["must"] in ("pass", "not fail")
    }


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
        st.markdown(f"They are signed by the rules in force now ({signers}), and open proposals go stale by them.")
        reason = st.text_area("Reason", key="policy_reason", height=80)
        if st.form_submit_button("Propose these rules", icon=":material/send:"):
            _propose(model, rules, tier, reason)


def _propose(model: str, rules: dict[str, Any], tier: str | None, reason: str) -> None:
    arguments = {"policy": rules} | ({"tier": tier} if tier else {})
    try:
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
