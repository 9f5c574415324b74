"""A chart's points as measures, for `analyse` and whoever reads its document."""

from __future__ import annotations

from collections.abc import Sequence

from core.measure import Family, Measure, Status
from core.services.chart_assembly import chart_report
from core.services.chart_phases import PhaseRecord
from core.services.chart_report import ChartPoint, ChartReport
from core.services.chart_series import SeriesSource
from core.services.observations import Observations
from core.services.verdicts import located

__all__ = ["charted"]


def charted(observations: Observations, records: Sequence[PhaseRecord]) -> list[Measure]:
    """The error rate's chart, or of a regression the first there is, window by window.

    A signal is a warning, never more: charts explain, they open no alert.
    """
    source = SeriesSource(observations)
    name = source.find(None)
    if name is None or observations.context.shows_reference:
        return []
    report = chart_report(source, name, records=records)
    told = [p for p in report.points if not p.at.of_reference and not report.series.waits(p.at.window)]
    return [_measure(report, point) for point in told]


def _measure(report: ChartReport, point: ChartPoint) -> Measure:
    status = Status.WARNING if point.signals and point.phase in ("II", "before") else Status.OK
    if point.value is None:
        status = Status.UNDEFINED
    elif not report.is_armed:
        status = Status.INSUFFICIENT
    measure = Measure(
        family=Family.SPC,
        measure=report.series.name.replace(" ", "_"),
        value=point.value,
        n=point.n,
        status=status,
        reference=point.expected,
        convention=report.convention,
        why=_why(report, point),
    )
    return located(measure, report.context, point.at.window)


def _why(report: ChartReport, point: ChartPoint) -> str:
    if point.value is None:
        return "No row of this window counts in the share."
    if not report.is_armed:
        return "The chart is not armed: phase I has too few points."
    if point.signals and point.phase in ("II", "before"):
        return "; ".join(f"{rule.label}: {rule.words}" for rule in point.rules)
    return "within the limits, and no rule signals"
