"""The rules of signing in words, and what others would have decided: for the page of policies and for reviews."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.governance.approval import seat_words
from core.governance.checks import CheckName
from core.governance.identity import UserRole
from core.governance.proposals import Move
from dashboard.components.numbers import cell_table
from dashboard.text import listed, measure_name, muted, plain, plural

__all__ = ["CHECKS", "dry_run_table", "rule_rows", "show_change"]

CHECKS = {
    CheckName.COMPARED: "It is compared with the version in force",
    CheckName.PRIMARY: "The primary measure is no worse",
    CheckName.GROUPS: "No group gets worse",
    CheckName.GAPS: "No gap between groups widens",
    CheckName.SLICES: "No slice is found worse",
    CheckName.PROBABILITIES: "Scores are no worse as probabilities",
    CheckName.ROWS: "There are enough rows to compare on",
    CheckName.MAKING: "It is known what it was made from",
    CheckName.MONITORED: "Monitoring has looked at the model",
    CheckName.CAUSE: "Monitoring shows why to retrain",
    CheckName.QUALITY: "What it learns from is sound",
    CheckName.LABELS: "The model didn't choose which labels came",
    CheckName.MARGIN: "The margin is as wide as what was seen, and no wider",
    CheckName.PERFORMANCE: "Performance held in the same windows",
    CheckName.GAPS_HELD: "Gaps between groups held in the same windows",
    CheckName.UNDISTURBED: "Nothing was in alarm in the period",
    CheckName.LABELLED: "The labels of the period are in",
    CheckName.LENGTH: "The period is long enough, and of one version",
}
RULES = {
    "seats": "Who signs",
    "seats_of": "Who signs, by kind",
    "checks": "Checks",
    "margins": "Margins",
    "max_age_days": "Evidence holds",
    "evaluation_days": "Evaluation data are younger than",
    "approval_days": "An approval lasts",
    "condition_days": "Conditions are due within",
}
DEMANDS = {"pass": "has to pass", "not fail": "must not fail"}


def rule_rows(rules: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Each rule's title and what it says, as escaped Markdown, by its key."""
    return {name: (title, _words(name, rules[name])) for name, title in RULES.items() if name in rules}


def show_change(report: Mapping[str, Any]) -> None:
    """What a proposal would change, beside what holds, and its dry run as it was frozen."""
    before, after = rule_rows(report["before"]), rule_rows(report["after"])
    tier = report["arguments"].get("tier")
    st.subheader("Which rules would change?", anchor=False)
    of = f"the tier {plain(tier)} and of every model in it" if tier else plain(report["model"])
    st.markdown(muted(f"These are the rules of {of}."))
    rows = [
        [title, said if said == before[name][1] else f"**{said}**", before[name][1]]
        for name, (title, said) in after.items()
    ]
    cell_table(["Rule", "Proposed", "Now"], rows, alt="The proposed rules beside those in force")
    st.space(4)
    st.subheader("What would they have decided?", anchor=False)
    dry_run_table(report["dry_run"])


def dry_run_table(cases: Sequence[Mapping[str, Any]]) -> None:
    """Past decisions, each with what it would have lacked."""
    approved = [case for case in cases if case["was"] == Move.APPROVE]
    lacking = [case for case in approved if case["would_lack"]]
    if not cases:
        st.markdown("Nothing was decided yet: there is no past case.")
        return
    st.markdown(
        f"**{len(lacking)} of {plural(len(approved), 'past approval')} would have lacked something.** "
        f"{muted('Signatures count with the roles of that time, evidence as it was frozen.')}"
    )
    rows = [[_asked(case), _was(case), _would(case)] for case in cases]
    cell_table(["Asked to", "Was", "Would have lacked"], rows, alt="Past cases under the rules")


def _asked(case: Mapping[str, Any]) -> str:
    asked = plain(" ".join(filter(None, [case["kind"], case["model"], case["version"]])))
    return f"{asked}  \n{muted('proposal ' + str(case['proposal']))}"


def _was(case: Mapping[str, Any]) -> str:
    return f"{'Approved' if case['was'] == Move.APPROVE else 'Rejected'}  \n{muted(plain(case['decided_at'][:10]))}"


def _would(case: Mapping[str, Any]) -> str:
    if case["problem"]:
        return plain(case["problem"])
    lacking = plain("; ".join(case["would_lack"]))
    if not lacking:
        return ":green-badge[:material/check: Nothing]"
    return f":orange-badge[:material/error: Lacking] {lacking}" if case["was"] == Move.APPROVE else lacking


def _words(name: str, value: Any) -> str:
    match name:
        case "seats":
            return plain(seat_words([UserRole(seat) for seat in value]))
        case "seats_of":
            each = [f"{kind}: {seat_words([UserRole(seat) for seat in seats])}" for kind, seats in value.items()]
            return plain("; ".join(each)) if each else "the same for all"
        case "checks":
            each = [f"{CHECKS[CheckName(check)]}: {DEMANDS[demand]}" for check, demand in value.items()]
            return "  \n".join(map(plain, each)) if each else "none is required"
        case "margins":
            each = [f"{plain(measure_name(measure))} {margin:g}" for measure, margin in value.items()]
            return listed(each, most=9) if each else "as usual"
        case "condition_days" if value == 0:
            return "no conditions allowed"
        case _:
            return "no limit" if value is None else f"{plural(round(value), 'day')}"
