"""The command that computes every measure and says what moved."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.alert import print_promise
from core.cli.options import (
    HERE,
    AsKnownOption,
    JsonOption,
    WorkspaceOption,
    actor,
    as_date,
    counted,
)
from core.console import print_json, print_table, say

if TYPE_CHECKING:
    from core.measure import Measure
    from core.services.analysis import Analysis
    from core.services.drift import DriftReport

__all__ = ["analyse"]


class FailOn(StrEnum):
    """From which verdict on a command fails."""

    WARNING = "warning"
    CRITICAL = "critical"


def analyse(
    model: str,
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="Windows that end after this.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Windows that begin before this.")] = None,
    version: Annotated[str | None, typer.Option(help="Records of this version only.")] = None,
    segment: Annotated[str, typer.Option(metavar="COLUMN=VALUE", help="Records of this segment only.")] = "",
    fail_on: Annotated[FailOn | None, typer.Option(help="Exit with 1 if a finding is this bad or worse.")] = None,
    as_known: AsKnownOption = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Compute every measure and say what has moved."""
    from core.services.observations import Selection
    from core.services.promise_words import fleet_promise_words

    with counted(workspace, model, as_known) as space:
        selection, begin, until = (
            Selection(version=version, segment=segment),
            as_date(start, "--from"),
            as_date(end, "--to"),
        )
        analysis = space.analysis.analyse(actor(space), model, selection, start=begin, end=until)
        if json:
            print_json(
                {
                    "measures": [m.to_dict() for m in analysis.measures],
                    "findings": [m.to_dict() for m in analysis.findings],
                }
            )
        else:
            _print_findings(analysis.findings)
            _print_broken(space.analysis.drift(actor(space), model, selection), analysis)
            say(analysis.context.arming.reason)
            print_promise(space, model)
            say(fleet_promise_words(space.analysis.promises(actor(space))))
        bad = {"critical"} if fail_on is FailOn.CRITICAL else {"critical", "warning"}
        if fail_on is not None and any(measure.status in bad for measure in analysis.findings):
            raise typer.Exit(1)


def _print_findings(findings: Sequence[Measure]) -> None:
    if not findings:
        say("No findings.")
        return
    rows = [
        (
            m.window,
            m.status,
            m.family,
            " ".join(filter(None, [m.column, m.segment])),
            m.measure,
            _number(m.value),
            f"{_number(m.interval.low)} to {_number(m.interval.high)}" if m.interval else "",
            f"{m.n:,}",
        )
        for m in findings
    ]
    header = ["window", "status", "family", "column", "measure", "value", "95% interval", "n"]
    print_table(header, rows, right=(5, 7))


def _print_broken(report: DriftReport | None, analysis: Analysis) -> None:
    """What broke in which column, in words, in the window that is looked at; silent where that isn't asked for."""
    window = report.context.focus if report is not None else None
    if report is None or window is None or window.name not in {measure.window for measure in analysis.measures}:
        return
    words = [f"    {column.column}: {found.words}" for column in report.columns for found in column.quality.findings]
    if words:
        say("\n".join([f"In {window.name}:", *words]))


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
