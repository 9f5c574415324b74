"""What a reviewer has to look at first: the sentence, and each check with what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.compare.verdicts import Verdict
from core.governance.proposals import ProposalKind
from core.measure import Interval, Status
from core.services.checks import Check, Outcome, Section
from core.services.proposal import Review
from dashboard.components.numbers import cell_table
from dashboard.components.verdict import verdict_card
from dashboard.text import MINUS, capital, count, in_sentence, measure_name, muted, number, plain, plural, signed

__all__ = ["ANCHORS", "difference_words", "interval_of", "review_verdict", "show_checks"]

CHIPS = {
    Outcome.FAIL: ("red", "close", "Fail"),
    Outcome.LOOK: ("orange", "visibility", "Look"),
    Outcome.CANNOT_TELL: ("gray", "hourglass_empty", "Can't tell"),
    Outcome.PASS: ("green", "check", "Pass"),
}
STATUSES = {
    Outcome.FAIL: Status.CRITICAL,
    Outcome.LOOK: Status.WARNING,
    Outcome.CANNOT_TELL: Status.INSUFFICIENT,
    Outcome.PASS: Status.OK,
}
ANCHORS = {
    Section.FROZEN: ("frozen-evidence", "digests"),
    Section.DIFFERENCES: ("what-gets-better", "measures"),
    Section.GROUPS: ("groups", "groups"),
    Section.SLICES: ("slices", "slices"),
    Section.MONITORING: ("monitoring", "monitoring"),
    Section.MAKING: ("made-from", "training"),
    Section.EVENT: ("what-moved", "the series"),
    Section.BESIDE: ("beside", "the same windows"),
}


def interval_of(data: Mapping[str, Any] | None) -> Interval | None:
    """An interval as evidence holds it."""
    if data is None or data.get("low") is None or data.get("high") is None:
        return None
    return Interval(low=data["low"], high=data["high"])


def review_verdict(review: Review) -> None:
    """The card at the head: what gets better or moved, how many checks hold, and what the asker says."""
    worst = review.checks[0].outcome if review.checks else Outcome.CANNOT_TELL
    asker, reason = review.proposal.requester, _lines(review.proposal.reason)
    failed = [_said(check) for check in review.checks if check.outcome is Outcome.FAIL]
    verdict_card(
        STATUSES[worst],
        f"{_main(review)} {_counted(review.checks)}".strip(),
        detail="  \n".join([*failed[:1], f"**{plain(asker)}** asks: {reason}" if asker else reason]),
        chip_words=_chip_words(review.checks),
    )


def show_checks(checks: Sequence[Check]) -> None:
    """One line a check, the worst first."""
    st.subheader("Which checks hold?", anchor=False)
    rows = []
    for check in checks:
        colour, icon, words = CHIPS[check.outcome]
        anchor, name = ANCHORS[check.rests_on]
        rows.append(
            [
                f":{colour}-badge[:material/{icon}: {words.replace(' ', chr(160))}]",
                f"**{plain(check.title)}**  \n{muted(_said(check))}",
                f"[{name}](#{anchor})",
            ]
        )
    cell_table(["Outcome", "Check", "Rests on"], rows, alt="Checks, the worst first")


def _said(check: Check) -> str:
    """Why a check came out as it did, as Markdown."""
    of = ", ".join(part for part in (plain(check.where), measure_name(check.measure)) if part)
    return f"{of} {plain(check.why)}".strip()


def _counted(checks: Sequence[Check]) -> str:
    found, n = Counter(check.outcome for check in checks), len(checks)
    if found[Outcome.FAIL]:
        return f"{found[Outcome.FAIL]} of {n} checks {'fails' if found[Outcome.FAIL] == 1 else 'fail'}."
    if found[Outcome.LOOK]:
        return f"No check fails; {found[Outcome.LOOK]} of {n} {'needs' if found[Outcome.LOOK] == 1 else 'need'} a look."
    if found[Outcome.CANNOT_TELL]:
        return f"No check fails; {found[Outcome.CANNOT_TELL]} of {n} can't be told."
    return f"All {n} checks hold." if checks else ""


def _chip_words(checks: Sequence[Check]) -> str:
    n = Counter(check.outcome for check in checks)
    for outcome, words in ((Outcome.FAIL, "Checks fail"), (Outcome.LOOK, "Needs a look")):
        if n[outcome]:
            return words
    return "Checks hold" if checks and not n[Outcome.CANNOT_TELL] else "Can't be told"


def _main(review: Review) -> str:
    """What the evidence says first of all."""
    if review.evidence is None:
        return "The evidence can't be read."
    report, found = review.evidence.report, review.proposal
    if found.kind is ProposalKind.PROMOTE:
        compared = report.get("comparison") or {}
        differences = (compared.get("result") or {}).get("differences") or []
        if not differences:
            return plain(report.get("why") or "There is no comparison.")
        return difference_words(differences[0], plain(compared["candidate"]), plain(compared["champion"]))
    if found.kind is ProposalKind.POLICY:
        cases = report["dry_run"]
        n = sum(case["was"] == "approve" and bool(case["would_lack"]) for case in cases)
        return f"Of {plural(len(cases), 'past decision')}, {plural(n, 'approval')} would have lacked something."
    if found.kind is ProposalKind.ACCEPT_DRIFT:
        event, words = report["event"], plain(capital(report["series"]["words"]))
        size = "" if event["size"] is None else f" by {event['size']:+.2g} sd".replace("-", MINUS)
        if event["size"] is not None and event["unit"] != "sd":
            size = f" by {signed(event['size'])}"
        return f"{words}{size} over {plural(event['n_windows'], 'window')}, from {plain(event['first'])} on."
    if found.kind is ProposalKind.REBASELINE:
        period = report["period"]
        what = f"{plural(period['n_windows'], 'window')}, n {count(period['n'])}, would be the reference"
        return f"{what}: {plain(period['windows'][0])} to {plain(period['windows'][-1])}."
    monitoring = report.get("monitoring")
    return _leading(monitoring) if monitoring else f"Nothing is known of {plain(found.model)}: it has no reference."


def difference_words(difference: Mapping[str, Any], candidate: str, champion: str) -> str:
    """One difference as a sentence; names are Markdown already escaped."""
    measure, value = difference["measure"], difference["difference"]
    name, interval = measure_name(measure), in_sentence(interval_of(difference["interval"]), measure)
    said = f"{name} {signed(value, measure)} {interval}"
    match difference["verdict"]:
        case Verdict.BETTER | Verdict.WORSE as way:
            low, high = (difference["interval"]["low"], difference["interval"]["high"])
            ends = Interval(low=min(abs(low), abs(high)), high=max(abs(low), abs(high)))
            size = signed(abs(value), measure).removeprefix("+")
            return f"{candidate} is {way} than {champion} by {size} {name} {in_sentence(ends, measure)}."
        case Verdict.NO_WORSE:
            return f"{candidate} is no worse than {champion} by more than the margin: {said}."
        case Verdict.UNDEFINED | Verdict.INSUFFICIENT:
            return f"Whether {candidate} is better than {champion} can't be told: {plain(difference['why'])}"
        case _:
            return f"Whether {candidate} is better or worse than {champion} can't be told: {said}."


def _leading(monitoring: Mapping[str, Any]) -> str:
    """What monitoring says of the model, the worst first."""
    alarms = [v for v in monitoring["verdicts"] if v["status"] in ("critical", "warning")]
    if monitoring["status"] not in ("critical", "warning"):
        return "Monitoring has no alarm." if monitoring["status"] == "ok" else "Monitoring can't tell."
    worst = next((v for v in alarms if v["status"] == monitoring["status"]), alarms[0])
    measure = worst["measure"] or {}
    name = measure.get("measure", "")
    if measure.get("value") is None:
        return f"{capital(worst['family'].replace('_', ' '))} is in alarm."
    interval = in_sentence(interval_of(measure), name)
    column = f" of {plain(measure['column'])}" if measure.get("column") else ""
    said = f"{capital(measure_name(name))}{column} is {number(measure['value'], name)} {interval}".strip()
    if measure.get("reference") is None:
        return f"{said}."
    return f"{said}, {number(measure['reference'], name)} in the reference."


def _lines(text: str) -> str:
    return "  \n".join(plain(line) for line in text.splitlines())
