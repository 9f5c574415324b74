"""The command that says whether outcomes still follow the model, what moved, why, and how versions age."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.options import HERE, AsKnownOption, JsonOption, WorkspaceOption, actor, counted
from core.console import print_json, print_table, say
from core.errors import InputError

if TYPE_CHECKING:
    from core.services.ageing import VersionAgeing
    from core.services.concept import ConceptReport
    from core.services.distributions import Distribution
    from core.services.loss_change import LossChange

__all__ = ["concept"]


def concept(
    model: str,
    version: Annotated[str | None, typer.Option(help="Records of this version only.")] = None,
    segment: Annotated[str, typer.Option(metavar="COLUMN=VALUE", help="Records of this segment only.")] = "",
    window: Annotated[str | None, typer.Option(help="This window, as `analyse` names it.")] = None,
    why: Annotated[bool, typer.Option("--why", help="Ask sampled rows whether inputs or concept changed.")] = False,
    river: Annotated[
        bool, typer.Option("--river", help="Ask River's detectors too; needs plumbline[river], reads row by row.")
    ] = False,
    as_known: AsKnownOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Say whether outcomes still follow the score, what moved since when, and how versions age."""
    from core.services.observations import Selection

    with counted(workspace, model, as_known) as space:
        who, selection = actor(space), Selection(version=version, segment=segment, window=window)
        report = space.analysis.concept(who, model, selection, river=river)
        if report is None:
            raise InputError(
                f"{model} has no reference yet; give it one with `plumbline ingest {model} FILE --as reference`."
            )
        ageing = space.analysis.ageing(who, model, selection)
        change = space.loss_changes.explain(who, model, selection) if why else None
        if json:
            print_json(_document(report, ageing, change))
        else:
            _print(report, ageing, change)


def _print(report: ConceptReport, ageing: tuple[VersionAgeing, ...], change: LossChange | None) -> None:
    from core.services.concept_views import signal_windows

    if report.residual is None:
        say(report.why)
    else:
        where = f"{report.focus.name}: " if report.focus else ""
        since = f" Since {report.since.name}." if report.since else ""
        say(f"{where}{report.status}. {report.residual.words}{since}")
    rows = [(each.symbol, _moved(each), _dates(each), each.why) for each in report.distributions]
    if rows:
        print_table(["distribution", "moved", "since (90% interval)", "what is known"], rows)
    if change is not None:
        say(change.words)
        for column in change.columns:
            say(f"    {column.column}: {column.value:+.4g} of the part of inputs")
    for version in ageing:
        say(f"{version.version}: {version.words}")
    if report.detectors.why:
        say(f"Detectors: {report.detectors.why}")
        return
    signals = [
        (
            found.detector,
            ", ".join(
                f"{window.name} {'up' if side > 0 else 'down'}{' (reference)' if of_reference else ''}"
                for window, side, of_reference in signal_windows(report.detectors, found)
            )
            or "none",
            found.false_alarms,
        )
        for found in report.detectors.found
    ]
    print_table(["detector", "signals", "its false alarms"], signals)
    say("Detectors are views: none of them opens an alert.")
    if report.label_shift is not None:
        shift, window = report.label_shift
        shares = ", ".join(
            f"{c.name} {c.share:.1%} [{c.interval.low:.1%}, {c.interval.high:.1%}]" for c in shift.classes
        )
        said = f"{shares}. " if shares else ""
        say(f"Shares of classes in {window.name}, told without labels: {said}{shift.why}".rstrip())


def _moved(each: Distribution) -> str:
    return {True: "yes", False: "no", None: "can't be told"}[each.moved]


def _dates(each: Distribution) -> str:
    return "" if each.date is None else f"{each.date.first.name} ({each.date.earliest.name} to {each.date.latest.name})"


def _document(report: ConceptReport, ageing: tuple[VersionAgeing, ...], change: LossChange | None) -> dict[str, Any]:
    """What --json prints."""
    from core.services.concept_views import signal_windows

    shift = report.label_shift
    return {
        "model": report.context.model,
        "window": report.focus.name if report.focus else None,
        "status": report.status,
        "why": report.why,
        "words": report.residual.words if report.residual else None,
        "since": report.since.name if report.since else None,
        "measures": [measure.to_dict() for measure in report.measures],
        "distributions": [
            {
                "distribution": each.symbol,
                "moved": each.moved,
                "status": each.status,
                "since": each.date.first.name if each.date else None,
                "earliest": each.date.earliest.name if each.date else None,
                "latest": each.date.latest.name if each.date else None,
                "columns": list(each.columns),
                "why": each.why,
            }
            for each in report.distributions
        ],
        "detectors": [
            {
                "detector": found.detector,
                "signals": [
                    {"window": window.name, "side": side, "of_reference": of_reference}
                    for window, side, of_reference in signal_windows(report.detectors, found)
                ],
                "n": found.n,
                "n_windows": found.n_windows,
                "convention": found.convention,
                "false_alarms": found.false_alarms,
            }
            for found in report.detectors.found
        ],
        "detectors_why": report.detectors.why,
        "ageing": [_ageing(each) for each in ageing],
        "label_shift": None if shift is None else {"window": shift[1].name, "found": shift[0]},
        "change_of_loss": None if change is None else _change(change),
    }


def _ageing(each: VersionAgeing) -> dict[str, Any]:
    return {
        "version": each.version,
        "measure": each.measure,
        "per": each.per,
        "slope": each.line.slope,
        "low": each.line.interval.low if each.line.interval else None,
        "high": each.line.interval.high if each.line.interval else None,
        "level": each.line.level,
        "dispersion": each.line.dispersion,
        "floor": each.floor,
        "floor_at": each.floor_at.isoformat() if each.floor_at else None,
        "floor_from": each.floor_from.isoformat() if each.floor_from else None,
        "floor_to": each.floor_to.isoformat() if each.floor_to else None,
        "step_at": each.step_at.name if each.step_at else None,
        "n_windows": each.line.n_windows,
        "convention": each.line.convention,
        "words": each.words,
    }


def _change(change: LossChange) -> dict[str, Any]:
    found = change.decomposition
    parts = () if found is None else (*found.parts, *filter(None, (found.inputs, found.change)))
    return {
        "loss": change.loss,
        "words": change.words,
        "cause": found.cause if found else None,
        "why": change.why or (found.why if found else ""),
        "before": found.before if found else None,
        "after": found.after if found else None,
        "parts": [
            {"part": part.name, "value": part.value, "low": part.interval.low, "high": part.interval.high}
            for part in parts
        ],
        "overlap": found.overlap if found else None,
        "columns": [{"column": each.column, "value": each.value} for each in change.columns],
        "windows": [window.name for window in change.windows],
        "n_reference": found.n_reference if found else None,
        "n": found.n if found else None,
        "convention": found.convention if found else None,
    }
