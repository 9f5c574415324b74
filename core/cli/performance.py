"""The command that says how a model does: what labels showed, what is estimated before, what that was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, count_new, opened
from core.console import print_json, print_table, say
from core.errors import InputError
from core.measure import Status
from core.schema import Task

if TYPE_CHECKING:
    from core.measure import Interval
    from core.services.estimates import EstimateReport
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
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """How well a model does where labels are in, what is estimated where they aren't, and what estimates were worth."""
    from core.services.observations import Selection

    space = opened(workspace)
    count_new(space, model)
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
    if json:
        found = {"worst_slices": _worst(worst)} if worst else {}
        labels = {"labels": _labels(maturity), "selective": selective.to_dict()}
        print_json(_document(report, estimates) | labels | found)
    else:
        _print_realised(report)
        _print_labels(maturity)
        _print_selective(selective)
        _print_estimates(estimates)
        if worst is not None:
            _print_worst(worst)


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
    say("Estimated from scores, if outcomes follow the score as they did in the reference:")
    windows = report.context.windows
    place = len(windows) - 1
    rows = []
    for name in report.names:
        last = report.series(name)[place]
        held, known = report.coverage(name)
        worth = f"{held} of {known}" if known else "none checked"
        rows.append((name, _number(last.value) or "withheld", _span(last.interval), worth))
    print_table(["measure", windows[place].name, "95% interval", "past estimates that held"], rows)
    told: dict[str, list[str]] = {}
    for name in report.names:
        for words, of in report.reasons(name).items():
            told.setdefault(f"No estimate for {_named([window.name for window in of])}: {words}", []).append(name)
    for words, names in told.items():
        say(words if len(names) == len(report.names) else f"{', '.join(names)}: {words}")
    if not report.context.arming.is_armed:
        say("Nothing is watched yet: that outcomes left the score would show only in estimates that miss.")


def _named(names: list[str]) -> str:
    return " and ".join(names) if len(names) <= 2 else f"{len(names)} windows, {names[0]} to {names[-1]}"


def _document(report: PerformanceReport, estimates: EstimateReport) -> dict[str, Any]:
    coverage = {name: estimates.coverage(name) for name in estimates.names}
    return {
        "model": report.context.model,
        "window": report.focus.name if report.focus else None,
        "measures": [measure.to_dict() for measure in report.measures],
        "trend": [measure.to_dict() for window in report.trend for measure in window],
        "estimates": [measure.to_dict() for window in estimates.trend for measure in window],
        "promised": [measure.to_dict() for window in estimates.promised for measure in window],
        "coverage": {name: {"held": held, "checked": known} for name, (held, known) in coverage.items()},
        "withheld": [
            {
                "window": window.name,
                "case": str(refusal.case),
                "words": refusal.words,
                "since": refusal.since or None,
                "measures": list(refusal.measures),
            }
            for window, refusals in zip(estimates.context.windows, estimates.refusals, strict=True)
            for refusal in refusals
        ],
        "why_no_estimate": estimates.why or None,
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
