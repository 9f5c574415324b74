"""Charts and phases as the commands print them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.console import print_json, say

if TYPE_CHECKING:
    from core.services.chart_phases import PhaseRecord
    from core.services.chart_report import ChartPoint, ChartReport

__all__ = ["document", "tell", "written"]


def written(value: float | None) -> str:
    """A value with four significant digits, or all of a large one's."""
    return "" if value is None else f"{value:,.0f}" if abs(value) >= 1e4 else f"{value:.4g}"


def document(report: ChartReport) -> dict[str, Any]:
    """A chart as `--json` prints it."""
    baseline = report.baseline
    return {
        "series": report.series.name,
        "why": report.why,
        "convention": report.convention,
        "is_armed": report.is_armed,
        "is_off": report.is_off,
        "state": report.state,
        "phase": None if report.phase is None else report.phase.to_dict(),
        "worth": None if baseline is None else baseline.worth,
        "since": None
        if report.since is None
        else {
            "window": report.points[report.since.first].at.window.name,
            "earliest": report.points[report.since.earliest].at.window.name,
            "latest": report.points[report.since.latest].at.window.name,
            "shift": report.since.shift,
        },
        "points": [_point(point) for point in report.points],
    }


def _point(point: ChartPoint) -> dict[str, Any]:
    return {
        "window": point.at.window.name,
        "role": point.at.role,
        "phase": point.phase,
        "value": point.value,
        "expected": point.expected,
        "statistic": point.statistic,
        "low_statistic": point.low_statistic,
        "low": point.low,
        "high": point.high,
        "score": point.score,
        "n": point.n,
        "rules": list(point.rules),
    }


def tell(record: PhaseRecord, *, json: bool) -> None:
    """What was written, and where it stands in the ledger."""
    if json:
        print_json(
            {
                "id": record.id,
                "step": record.step,
                "series": list(record.phases),
                "by": record.by,
                "reason": record.reason,
                "ledger_seq": record.ledger_seq,
                "decision": record.decision,
            }
        )
        return
    what = f"{len(record.phases)} series" if len(record.phases) > 1 else next(iter(record.phases))
    if record.decision is not None:
        say(f"Phase I {record.id}, {what}: {record.decision.step}, ledger entry {record.decision.ledger_seq}.")
        return
    waits = " It waits for somebody else: plumbline chart adopt or reject." if record.is_waiting else ""
    say(f"Phase I {record.id}, {what}: {record.step}, ledger entry {record.ledger_seq}.{waits}")
    for name, phase in list(record.phases.items())[:1]:
        say(f"    {name}: {phase.baseline.n_points} points, {phase.first.name} to {phase.last.name}")
