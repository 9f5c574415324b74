"""The command that computes every measure and says what moved."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli.options import HERE, JsonOption, WorkspaceOption, actor, as_date, count_new, opened
from core.console import print_json, print_table, say

if TYPE_CHECKING:
    from core.measure import Measure

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
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Compute every measure and say what has moved."""
    from core.services.observations import Selection

    space = opened(workspace)
    count_new(space, model)
    analysis = space.analysis.analyse(
        actor(space),
        model,
        Selection(version=version, segment=segment),
        start=as_date(start, "--from"),
        end=as_date(end, "--to"),
    )
    if json:
        print_json(
            {"measures": [m.to_dict() for m in analysis.measures], "findings": [m.to_dict() for m in analysis.findings]}
        )
    else:
        _print_findings(analysis.findings)
        say(analysis.context.arming.reason)
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


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
