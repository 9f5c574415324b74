"""The command that says how a model does: what labels showed, what is estimated before, what that was worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, count_new, opened
from core.console import print_json, print_table, say
from core.errors import InputError
from core.measure import Status

if TYPE_CHECKING:
    from core.measure import Interval
    from core.services.estimate_report import EstimateReport
    from core.services.maturity import MaturityReport
    from core.services.performance import PerformanceReport

__all__ = ["performance"]


def performance(
    model: str,
    version: Annotated[str | None, typer.Option(help="Records of this version only.")] = None,
    segment: Annotated[str, typer.Option(metavar="COLUMN=VALUE", help="Records of this segment only.")] = "",
    window: Annotated[
        str | None, typer.Option(help="This window, as `analyse` names it; else the last judged.")
    ] = None,
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
    if report is None or estimates is None or maturity is None:
        raise InputError(
            f"{model} has no reference yet; give it one with `plumbline ingest {model} FILE --as reference`."
        )
    if json:
        print_json(_document(report, estimates) | {"labels": _labels(maturity)})
    else:
        _print_realised(report)
        _print_labels(maturity)
        _print_estimates(estimates)


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
