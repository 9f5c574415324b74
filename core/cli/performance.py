"""The command that says how a model does: what labels showed, what is estimated before, what that was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, AsKnownOption, JsonOption, WorkspaceOption, actor, counted
from core.console import print_json, print_table, say
from core.errors import InputError
from core.measure import Status
from core.schema import Task

if TYPE_CHECKING:
    from core.measure import Interval
    from core.services.estimate_report import EstimateReport
    from core.services.estimated_gaps import GapEstimates
    from core.services.maturity import MaturityReport
    from core.services.performance import PerformanceReport
    from core.services.selective import SelectiveReport
    from core.services.worst_slices import WorstSlices

__all__ = ["performance"]


def performance(
    model: str,
    version: Annotated[str | None, typer.Option(help="Records of this version only.")] = None,
    segment: Annotated[str, typer.Option(metavar="COLUMN=VALUE", help="Records of this segment only.")] = "",
    window: Annotated[
        str | None, typer.Option(help="This window, as `analyse` names it; else the last judged.")
    ] = None,
    slices: Annotated[
        bool, typer.Option("--slices", help="Look for the subgroups with the most errors, among sampled rows.")
    ] = False,
    groups: Annotated[
        str, typer.Option(metavar="ATTRIBUTE", help="Also estimate how groups of this attribute differ.")
    ] = "",
    as_known: AsKnownOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """How well a model does where labels are in, what is estimated where they aren't, and what estimates were worth."""
    from core.services.observations import Selection

    with counted(workspace, model, as_known) as space:
        selection = Selection(version=version, segment=segment, window=window)
        report = space.analysis.performance(actor(space), model, selection)
        estimates = space.analysis.estimates(actor(space), model, selection)
        maturity = space.maturity.report(actor(space), model, Selection(version=version, segment=segment))
        selective = space.selective.report(actor(space), model, selection, maturity=maturity)
        if report is None or estimates is None or maturity is None or selective is None:
            raise InputError(
                f"{model} has no reference yet; give it one with `plumbline ingest {model} FILE --as reference`."
            )
        worst = space.worst_slices.find(actor(space), model, selection) if slices else None
        gaps = space.analysis.estimated_gaps(actor(space), model, groups, selection) if groups else None
        if json:
            told: dict[str, Any] = {"labels": _labels(maturity), "selective": selective.to_dict()}
            told |= {"groups": _groups(gaps)} if gaps is not None else {}
            told |= {"worst_slices": _worst(worst)} if worst is not None else {}
            print_json(_document(report, estimates) | told)
        else:
            _print_realised(report)
            _print_labels(maturity)
            _print_selective(selective)
            _print_estimates(estimates)
            if worst is not None:
                _print_worst(worst)
            if gaps is not None:
                _print_gaps(gaps)


def _print_realised(report: PerformanceReport) -> None:
    if report.focus is None:
        say("There is no window with records.")
        return
    say(f"{report.focus.name}: labels known for {report.focus.n_labelled:,} of {report.focus.n:,} records.")
    rows = [
        (
            " ".join(filter(None, [m.measure, m.column])),
            str(m.status),
            _number(m.value) or m.why,
            _span(m.interval),
            f"{m.n:,}",
            _number(m.reference),
        )
        for m in report.measures
    ]
    print_table(["measure", "status", "value", "95% interval", "n", "reference"], rows, right=(4, 5))


def _print_labels(report: MaturityReport) -> None:
    if report.context.shows_reference:
        return
    say(report.words)
    for each in report.windows:
        if each.part is not None and not each.is_complete:
            window = each.window
            say(f"{window.name}: labels {each.part:.0%} complete, {window.n_labelled:,} of {window.n:,} records.")
    for gap in report.gaps:
        if gap.status is Status.WARNING:
            say(f"{gap.attribute}, {report.gap_words(gap)}")


def _print_selective(report: SelectiveReport) -> None:
    if report.context.shows_reference or report.context.task is not Task.BINARY:
        return
    say(report.words)
    if report.status in (Status.OK, Status.UNDEFINED, Status.INSUFFICIENT):
        return
    rows = [
        (
            " ".join(filter(None, [m.measure, m.column])),
            str(m.status),
            _number(m.value),
            _span(m.interval),
            f"{m.n:,}",
            m.why,
        )
        for m in report.monitors
    ]
    print_table(["which labels came", "status", "value", "interval", "n", "why"], rows, right=(4,))
    if report.not_weighted:
        say(report.not_weighted)


def _labels(report: MaturityReport) -> dict[str, Any]:
    """How complete labels are, as a document."""
    curve = report.curve
    return {
        "why": report.why or None,
        "unit": report.unit,
        "usual_age": report.usual_age,
        "judged_at": report.judged_at,
        "n": curve.n if curve else 0,
        "convention": curve.convention if curve else None,
        "by_age": [
            {"age": age, "share": share, "low": low, "high": high}
            for age, (share, low, high) in enumerate(
                zip(curve.share.tolist(), curve.low.tolist(), curve.high.tolist(), strict=True) if curve else ()
            )
        ],
        "windows": [
            {
                "window": each.window.name,
                "n": each.window.n,
                "n_labelled": each.window.n_labelled,
                "complete": each.part,
                "low": each.interval.low if each.interval else None,
                "high": each.interval.high if each.interval else None,
            }
            for each in report.windows
        ],
        "groups": [
            {
                "attribute": gap.attribute,
                "status": str(gap.status),
                "why": gap.why,
                "p_value": gap.p_value,
                "group": gap.widest or None,
                "age": gap.age,
                "gap": gap.gap,
                "low": gap.interval.low if gap.interval else None,
                "high": gap.interval.high if gap.interval else None,
            }
            for gap in report.gaps
        ],
    }


def _print_estimates(report: EstimateReport) -> None:
    if report.why:
        say(report.why)
        return
    basis = {
        Task.BINARY: "scores, if outcomes follow the score",
        Task.MULTICLASS: "scores, if outcomes follow each class's score",
        Task.REGRESSION: "inputs and predictions of sampled rows, if errors follow them",
    }[report.context.task]
    say(f"Estimated from {basis} as they did in the reference:")
    windows = report.context.windows
    place = len(windows) - 1
    rows = [_estimate_row(report, name, column, place) for name, column in report.keys]
    print_table(["measure", windows[place].name, "95% interval", "past estimates that held"], rows)
    _print_withheld(report)
    if not report.context.arming.is_armed:
        say("Nothing is watched yet: that outcomes left the score would show only in estimates that miss.")


def _estimate_row(report: EstimateReport, name: str, column: str, place: int) -> tuple[str, str, str, str]:
    last = report.series(name, column)[place]
    held, known = report.coverage(name, column)
    worth = f"{held} of {known}" if known else "none checked"
    return " ".join(filter(None, [name, column])), _number(last.value) or "withheld", _span(last.interval), worth


def _print_withheld(report: EstimateReport) -> None:
    told: dict[str, list[str]] = {}
    for name, column in report.keys:
        for words, of in report.reasons(name, column).items():
            said = f"No estimate for {_named([window.name for window in of])}: {words}"
            told.setdefault(said, []).append(" ".join(filter(None, [name, column])))
    for words, names in told.items():
        say(words if len(names) == len(report.keys) else f"{', '.join(names)}: {words}")


def _print_gaps(gaps: GapEstimates) -> None:
    if gaps.why:
        say(gaps.why)
        return
    place = gaps.place
    say(f"Estimated by {gaps.attribute}, each less {gaps.against or 'all others'}, from each group's own scores:")
    rows = [
        _estimate_row(group.report, name, column, place) for group in gaps.groups for name, column in group.report.keys
    ]
    print_table(["measure", gaps.context.windows[place].name, "95% interval", "past estimates that held"], rows)
    for group in gaps.groups:
        for refusal in group.report.refusals[place]:
            of = f" ({', '.join(refusal.measures)})" if refusal.measures else ""
            say(f"{group.group}{of}: {refusal.words}")


def _groups(gaps: GapEstimates) -> dict[str, Any]:
    """How groups are estimated to differ, as a document."""
    return {
        "attribute": gaps.attribute,
        "against": gaps.against or None,
        "why": gaps.why or None,
        "groups": [{"group": group.group, **_estimated(group.report)} for group in gaps.groups],
    }


def _named(names: list[str]) -> str:
    return " and ".join(names) if len(names) <= 2 else f"{len(names)} windows, {names[0]} to {names[-1]}"


def _document(report: PerformanceReport, estimates: EstimateReport) -> dict[str, Any]:
    return {
        "model": report.context.model,
        "window": report.focus.name if report.focus else None,
        "measures": [measure.to_dict() for measure in report.measures],
        "trend": [measure.to_dict() for window in report.trend for measure in window],
        **_estimated(estimates),
        "why_no_estimate": estimates.why or None,
    }


def _estimated(report: EstimateReport) -> dict[str, Any]:
    """Estimates, what they were worth and why some are withheld, as a document."""
    coverage = {" ".join(filter(None, key)): report.coverage(*key) for key in report.keys}
    return {
        "estimates": [measure.to_dict() for window in report.trend for measure in window],
        "promised": [measure.to_dict() for window in report.promised for measure in window],
        "coverage": {name: {"held": held, "checked": known} for name, (held, known) in coverage.items()},
        "withheld": [
            {
                "window": window.name,
                "case": str(refusal.case),
                "words": refusal.words,
                "since": refusal.since or None,
                "measures": list(refusal.measures),
            }
            for window, refusals in zip(report.context.windows, report.refusals, strict=True)
            for refusal in refusals
        ],
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _span(interval: Interval | None) -> str:
    return "" if interval is None else f"{_number(interval.low)} to {_number(interval.high)}"


def _print_worst(found: WorstSlices) -> None:
    if found.scan is None or found.basis is None:
        say(found.why)
        return
    say(f"Share of {found.error}{'' if found.limit is None else f' {found.limit:.6g}'}. {found.scan.words}")
    rows = [
        (each.name, f"{each.rate:.1%}", f"{each.rest:.1%}", f"{each.n:,}", "yes" if each.is_confirmed else "no")
        for each in found.scan.subgroups
    ]
    if rows:
        print_table(["subgroup", "its rate", "the rest", "n", "confirmed"], rows, right=(1, 2, 3))
    say(found.basis.words)


def _worst(found: WorstSlices) -> dict[str, Any]:
    return {
        "error": found.error,
        "limit": found.limit,
        "why": found.why or (found.scan.words if found.scan else ""),
        "windows": [window.name for window in found.windows],
        "n_looked_at": found.scan.n_looked_at if found.scan else 0,
        "subgroups": list(found.scan.subgroups) if found.scan else [],
    }
