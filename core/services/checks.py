"""What a reviewer has to look at, each in one line: whether it holds, why, and which part of the evidence says so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.compare.verdicts import Verdict
from core.governance.checks import CheckName, Outcome
from core.governance.evidence import Evidence, Subject
from core.governance.proposals import ProposalKind
from core.measure import Status
from core.performance.identified import Basis
from core.performance.selective import Labelling
from core.services.acceptance_checks import acceptance_checks
from core.services.baseline_checks import baseline_checks
from core.services.check import Check, Section
from core.services.versions import VersionInfo

__all__ = ["Check", "HeldSubject", "Outcome", "Section", "checks_of"]

SOUND = (Verdict.BETTER, Verdict.NO_WORSE, Verdict.SAME)
ALARMS = (Status.CRITICAL, Status.WARNING)
PROBABILITIES = ("brier_score", "log_loss")  # what says whether scores are still right as probabilities
MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldSubject:
    """One thing that evidence speaks of, and whether it still is what it was."""

    subject: Subject
    holds: bool


def checks_of(
    evidence: Evidence, *, stale: Sequence[str], fresh_until: datetime | None, version: VersionInfo | None
) -> tuple[Check, ...]:
    """What to look at before deciding, the worst first.

    Parameters
    ----------
    stale : sequence of str
        Why the evidence no longer holds, () while it does.
    fresh_until : datetime or None
        When it becomes too old; None where nobody asks any more whether it holds.
    version : VersionInfo or None
        The version that the proposal names.
    """
    report = evidence.report
    found = [_freshness(stale, fresh_until)] if stale or fresh_until else []
    match report.get("kind"):
        case ProposalKind.PROMOTE:
            found += _promotion(report, version)
        case ProposalKind.RETRAIN:
            found += _monitored(report, is_retraining=True)
        case ProposalKind.ACCEPT_DRIFT:
            found += acceptance_checks(report)
        case ProposalKind.REBASELINE:
            found += baseline_checks(report)
        case _:
            found += _monitored(report, is_retraining=False)
    order = list(Outcome)
    return tuple(sorted(found, key=lambda check: order.index(check.outcome)))


def _freshness(stale: Sequence[str], fresh_until: datetime | None) -> Check:
    until = f"{fresh_until.day} {fresh_until:%b %Y}" if fresh_until else "it is decided"
    return Check(
        name=CheckName.FRESH,
        title="The evidence is fresh",
        outcome=Outcome.FAIL if stale else Outcome.PASS,
        why=f"{'; '.join(stale)}." if stale else f"Nothing that it speaks of has changed; it holds until {until}.",
        rests_on=Section.FROZEN,
    )


def _promotion(report: Mapping[str, Any], version: VersionInfo | None) -> Iterator[Check]:
    compared = report.get("comparison") or {}
    result = compared.get("result")
    if not result:
        yield Check(
            name=CheckName.COMPARED,
            title="It is compared with the version in force",
            outcome=Outcome.CANNOT_TELL,
            why=str(report.get("why") or "There is no comparison."),
            rests_on=Section.DIFFERENCES,
        )
    else:
        yield _primary(result)
        yield _groups(result)
        yield _gaps(result)
        yield _slices(result)
        yield _probabilities(result)
        yield _rows(result, str(compared.get("why", "")))
    if version is not None:
        yield _making(version)


def _primary(result: Mapping[str, Any]) -> Check:
    title = "The primary measure is no worse"
    differences = result["differences"]
    if not differences:
        return Check(
            name=CheckName.PRIMARY,
            title=title,
            outcome=Outcome.CANNOT_TELL,
            why="Nothing was measured.",
            rests_on=Section.DIFFERENCES,
        )
    return _of_difference(CheckName.PRIMARY, title, differences[0])


def _probabilities(result: Mapping[str, Any]) -> Check:
    title = "Scores are no worse as probabilities"
    found = next((d for measure in PROBABILITIES for d in result["differences"] if d["measure"] == measure), None)
    if found is None:
        return Check(
            name=CheckName.PROBABILITIES,
            title=title,
            outcome=Outcome.CANNOT_TELL,
            why=f"A {result['task']} comparison holds no measure of calibration.",
            rests_on=Section.DIFFERENCES,
        )
    return _of_difference(CheckName.PROBABILITIES, title, found)


def _of_difference(name: CheckName, title: str, difference: Mapping[str, Any]) -> Check:
    return Check(
        name=name,
        title=title,
        outcome=_outcome(difference["verdict"]),
        why=_sentence(difference["why"]),
        rests_on=Section.DIFFERENCES,
        measure=difference["measure"],
    )


def _outcome(verdict: str) -> Outcome:
    if verdict in SOUND:
        return Outcome.PASS
    return {Verdict.WORSE: Outcome.FAIL, Verdict.CHANGED: Outcome.LOOK}.get(Verdict(verdict), Outcome.CANNOT_TELL)


def _groups(result: Mapping[str, Any]) -> Check:
    """Whether a protected group gets worse: reliably, if the scan that allows for its many tests finds it."""
    judged = [d for d in result["group_differences"] if d["higher_is_better"] is not None]
    columns = {d["where"][0][0] for d in result["group_differences"]}
    sure = [d for d in result["slices"]["worse"] if len(d["where"]) == 1 and d["where"][0][0] in columns]
    worse = [d for d in judged if d["verdict"] == Verdict.WORSE]
    unclear = [d for d in judged if _outcome(d["verdict"]) is Outcome.CANNOT_TELL]

    def check(outcome: Outcome, why: str, *, measure: str = "", where: str = "") -> Check:
        title, section = "No group gets worse", Section.GROUPS
        return Check(
            name=CheckName.GROUPS,
            title=title,
            outcome=outcome,
            why=why,
            rests_on=section,
            measure=measure,
            where=where,
        )

    if sure:
        others = _places(sure[1:], but=_place(sure[0]))
        also = f" Also worse: {others}." if others else ""
        return check(
            Outcome.FAIL, f"{_sentence(sure[0]['why'])}{also}", measure=sure[0]["measure"], where=_place(sure[0])
        )
    if worse:
        return check(
            Outcome.LOOK,
            f"{len(worse)} of {len(judged)} differences of groups {'is' if len(worse) == 1 else 'are'} worse, which "
            f"{len(judged)} tests may bring about by chance: {_places(worse)}.",
        )
    if not judged:
        return check(Outcome.CANNOT_TELL, "No protected group could be compared.")
    if unclear:
        return check(
            Outcome.CANNOT_TELL,
            f"None of {len(judged)} differences of groups is worse, but {len(unclear)} have too few rows to rule out "
            "that they are, by more than the margin.",
        )
    return check(Outcome.PASS, f"All {len(judged)} differences of groups are better, or worse within the margin.")


def _gaps(result: Mapping[str, Any]) -> Check:
    gaps = result["gaps"]
    grown = [gap for gap in gaps if gap["verdict"] in (Verdict.WORSE, Verdict.CHANGED)]
    grown.sort(key=lambda gap: -abs(gap["change"]))
    unclear = [gap for gap in gaps if _outcome(gap["verdict"]) is Outcome.CANNOT_TELL]
    outcome, measure, where = Outcome.PASS, "", ""
    if grown:
        outcome, widest = Outcome.LOOK, grown[0]
        measure, where = widest["measure"], f"{widest['column']} {widest['group']}"
        named = _named(list(dict.fromkeys(f"{gap['column']} {gap['group']}" for gap in grown)))
        why = f"{_sentence(widest['why'])} {len(grown)} of {len(gaps)} gaps are wider or change sides: {named}."
    elif not gaps:
        outcome, why = Outcome.CANNOT_TELL, "No gap between groups could be compared."
    elif unclear:
        outcome = Outcome.CANNOT_TELL
        why = f"None of {len(gaps)} gaps is wider, but {len(unclear)} have too few rows to rule it out."
    else:
        why = f"None of {len(gaps)} gaps is wider by more than the margin."
    return Check(
        name=CheckName.GAPS,
        title="No gap between groups widens",
        outcome=outcome,
        why=why,
        rests_on=Section.GROUPS,
        measure=measure,
        where=where,
    )


def _slices(result: Mapping[str, Any]) -> Check:
    scan = result["slices"]
    outcome = Outcome.FAIL if scan["worse"] else Outcome.PASS if scan["n_tried"] else Outcome.CANNOT_TELL
    return Check(
        name=CheckName.SLICES,
        title="No slice is found worse",
        outcome=outcome,
        why=scan["why"],
        rests_on=Section.SLICES,
    )


def _rows(result: Mapping[str, Any], why: str) -> Check:
    n, needed = min(result["n_both"], result["n_labelled"]), result["min_rows"]
    notes = " ".join(result["notes"])
    return Check(
        name=CheckName.ROWS,
        title="There are enough rows to compare on",
        outcome=Outcome.PASS if n >= needed else Outcome.CANNOT_TELL,
        why=f"{why} {result['n_labelled']:,} have a label; {needed:,} are asked for. {notes}".strip(),
        rests_on=Section.DIFFERENCES,
    )


def _making(version: VersionInfo) -> Check:
    batches = version.training.get("batches")
    n = version.training.get("n")
    if batches:
        rows = f", {n:,} records" if isinstance(n, int) else ""
        outcome, why = Outcome.PASS, f"It was trained on {len(batches)} batches{rows}; what was left out is listed."
    elif version.training or version.parameters:
        outcome, why = Outcome.LOOK, "Its registration names no batches that it was trained on."
    else:
        outcome, why = Outcome.CANNOT_TELL, f"Nothing was registered on how {version.name} was made."
    return Check(
        name=CheckName.MAKING,
        title="It is known what it was made from",
        outcome=outcome,
        why=why,
        rests_on=Section.MAKING,
    )


def _monitored(report: Mapping[str, Any], *, is_retraining: bool) -> Iterator[Check]:
    monitoring = report.get("monitoring")
    if not monitoring:
        yield Check(
            name=CheckName.MONITORED,
            title="Monitoring has looked at the model",
            outcome=Outcome.CANNOT_TELL,
            why=f"{report.get('model')} has no reference: monitoring says nothing of it.",
            rests_on=Section.MONITORING,
        )
        return
    if not is_retraining:
        return
    by_family = {verdict["family"]: verdict["status"] for verdict in monitoring["verdicts"]}
    alarmed = [family.replace("_", " ") for family, status in by_family.items() if status in ALARMS]
    status, title = monitoring["status"], "Monitoring shows why to retrain"
    if status in ALARMS:
        outcome, why = Outcome.PASS, f"Alarms in {_named(alarmed, most=len(alarmed))}."
    elif status == Status.OK:
        outcome, why = Outcome.LOOK, "No alarm: nothing that is monitored has changed."
    else:
        outcome, why = Outcome.CANNOT_TELL, "Nothing is armed, or there is too little data to tell."
    yield Check(name=CheckName.CAUSE, title=title, outcome=outcome, why=why, rests_on=Section.MONITORING)
    quality = by_family.get("data_quality", Status.UNDEFINED) if status != Status.INSUFFICIENT else Status.INSUFFICIENT
    words = {
        Status.OK: (Outcome.PASS, "No column lost its values, its type or its range."),
        Status.WARNING: (Outcome.LOOK, "Quality changed: the model would learn from it too."),
        Status.CRITICAL: (Outcome.FAIL, "Quality is in alarm: the model would learn from it too, unless excluded."),
    }
    outcome, why = words.get(Status(quality), (Outcome.CANNOT_TELL, "Data quality can't be told."))
    labels = report.get("labels")  # evidence frozen before this was asked has none
    if labels:
        yield _labels(labels)
    yield Check(
        name=CheckName.QUALITY,
        title="What it learns from is sound",
        outcome=outcome,
        why=why,
        rests_on=Section.MONITORING,
    )


def _labels(labels: Mapping[str, Any]) -> Check:
    """Whether the model's own decisions chose the labels that it would learn from."""
    by_name = {measure["measure"]: measure for measure in labels["monitors"]}
    feeds_back = [m for m in labels["monitors"] if m["measure"] == "self_fulfilment" and m["status"] == Status.WARNING]
    decisions = [
        f"{each['n_labelled']:,} of {each['n']:,} rows predicted '{each['decision']}' have a label"
        for each in labels["decisions"]
    ]
    figures = f"{_named(decisions)}, over {len(labels['windows'])} windows past the age of their labels."
    worth = by_name.get("effective_exploration", {}).get("value")
    explored = "" if worth is None else f" Explored rows with a label are worth {worth:,.0f} rows a quarter."
    chosen = "Retraining on these labels teaches the model its own policy:"
    outcome, why = Outcome.CANNOT_TELL, labels["words"]
    match labels["labelling"]:
        case Labelling.ONE_SIDED:
            enough = labels["basis"] == Basis.WEIGHTED
            outcome, why = Outcome.LOOK if enough else Outcome.FAIL, f"{chosen} {figures}{explored}"
        case Labelling.SELECTIVE:
            outcome, why = Outcome.LOOK, f"Labels depend on the decision: {figures}{explored}"
        case Labelling.ALIKE:
            outcome, why = Outcome.PASS, f"{figures[:1].upper()}{figures[1:]}{explored}"
        case Labelling.UNCLEAR:
            why = f"{figures} {labels['words'].rpartition('. ')[2]}{explored}"
    if feeds_back and outcome is not Outcome.FAIL:
        first = feeds_back[0]
        outcome = Outcome.LOOK
        why = (
            f"{chosen} outcomes differ by {100 * first['value']:+.1f} points between rows decided as "
            f"'{first['column']}' and explored rows of the same scores. {why}"
        )
    return Check(
        name=CheckName.LABELS,
        title="The model didn't choose which labels came",
        outcome=outcome,
        why=why,
        rests_on=Section.MONITORING,
    )


def _place(difference: Mapping[str, Any]) -> str:
    return " and ".join(f"{column} {value}" for column, value in difference["where"])


def _places(differences: Sequence[Mapping[str, Any]], *, but: str = "") -> str:
    return _named([place for place in dict.fromkeys(map(_place, differences)) if place != but])


def _named(names: Sequence[str], *, most: int = MOST_NAMED) -> str:
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most:,} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _sentence(text: str) -> str:
    return text if text.endswith(".") else f"{text}."
