"""All series of a model at once, the worst first."""

from __future__ import annotations

from dataclasses import dataclass

from core.services.chart_report import ChartReport, ChartState
from core.services.chart_series import SeriesName

__all__ = ["SeriesOverview", "series_overview"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesOverview:
    """One series in small: its line, its limits, what signals after phase I, and whether it is off now.

    ``first_later`` is the place of the first point after phase I; ``shift`` the level that the series is at now, in
    standard errors, where it is off and since a known point; ``why`` says why there is no chart.
    """

    series: SeriesName
    values: tuple[float | None, ...]
    centres: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    signals: tuple[bool, ...]
    first_later: int
    n_signals: int
    state: ChartState
    shift: float | None
    farthest: float
    why: str

    @property
    def rank(self) -> tuple[int, float, str]:
        """Worst first: off now, the farther the worse; then what signalled before; then quiet ones; then the others."""
        return list(ChartState).index(self.state), -self.farthest, self.series.name


def series_overview(report: ChartReport) -> SeriesOverview:
    """A chart of single points in small."""
    points = report.points
    later = [place for place, point in enumerate(points) if point.is_later]
    newest = report.later[-1] if report.later else None
    shift = None if report.since is None else report.since.shift
    scores = [abs(point.score) for point in report.signals if point.score is not None]
    now = abs(newest.score) if newest is not None and newest.score is not None else 0.0
    return SeriesOverview(
        series=report.series,
        values=tuple(point.value for point in points),
        centres=tuple(point.centre for point in points),
        lows=tuple(point.low for point in points),
        highs=tuple(point.high for point in points),
        signals=tuple(point.signals and point.is_later for point in points),
        first_later=later[0] if later else len(points),
        n_signals=len(report.signals),
        state=report.state,
        shift=shift,
        farthest=max(now, abs(shift or 0.0)) if report.is_off else max(scores, default=now),
        why=report.why,
    )
