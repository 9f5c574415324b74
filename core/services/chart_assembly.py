"""Chart one series: its phase I, every point against it, what signals, and since when."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from core.services.chart_marks import ChartMark
from core.services.chart_options import DEFAULT_OPTIONS, ChartOptions, ChartType
from core.services.chart_phases import Exclusion, Phase, PhaseRecord, Place, in_force, stages, waiting
from core.services.chart_rebaseline import rebaseline_of
from core.services.chart_report import ChartPoint, ChartReport, Companion
from core.services.chart_series import SeriesName, SeriesSource, TimePoint
from core.spc.autocorrelation import innovations
from core.spc.baseline import NOMINAL, Baseline, Dependence, Limits, at_season, baseline_chart, rows_score
from core.spc.change_point import LevelShift, last_shift
from core.spc.chart import ControlChart
from core.spc.cusum import cusum_chart
from core.spc.ewma import ewma_chart
from core.spc.fitting import AUTOMATIC, fit_baseline
from core.spc.rules import Rule, patterns
from core.spc.scheme import Cusum, Ewma
from core.spc.series import Series, SeriesKind
from core.spc.variables import moving_range_chart, s_chart

__all__ = ["chart_report", "phase_of", "place_of"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def chart_report(
    source: SeriesSource,
    name: SeriesName,
    *,
    options: ChartOptions = DEFAULT_OPTIONS,
    records: Sequence[PhaseRecord] = (),
    marks: Sequence[ChartMark] = (),
) -> ChartReport:
    """Chart a series against the phase I in force, or, with other options, against its period as these say."""
    context = source.observations.context
    record = in_force(records, name.name)
    blank = ChartReport(
        context=context,
        series=name,
        choices=source.names,
        options=options,
        why="",
        record=record,
        proposal=waiting(records, name.name),
        history=tuple(r for r in records if name.name in r.phases),
        marks=tuple(marks),
        windows_per_year=source.windows_per_year,
    )
    series = source.series(name)
    if not any(point.of_reference for point in source.points):
        return replace(blank, why="The reference has no windows.")
    of_reference = np.array([point.of_reference for point in source.points])
    if record is None and not (series.there & of_reference).any():
        return replace(blank, why=_nothing(name))
    found: list[_Stage] = []
    end = len(source.points)
    for held in stages(records, name.name, place_of(source.points[0])):
        found.append(_stage(source, name, series=series, record=held, options=options, end=end))
        end = found[-1].start
    now = found[0]
    phase, base, chart = now.phase, now.base, now.chart
    is_frozen = record is None or options.adjustment == AUTOMATIC
    return replace(
        blank,
        points=tuple(
            point
            for stage in reversed(found)
            for point in _points(source, stage, options=options, is_earlier=stage is not now)
        ),
        phase=phase,
        rebaseline=rebaseline_of(
            name,
            [(point, place_of(point), bool(has)) for point, has in zip(source.points, series.there, strict=True)],
            phase=phase,
            marks=marks,
            history=blank.history,
        ),
        is_frozen=is_frozen,
        convention=_convention(chart, now.shown),
        since=_since(now.series, phase.baseline, chart, base) if phase.baseline.is_armed else None,
        companion=_companion(now.series, phase.baseline, base) if options.chart is ChartType.SHEWHART else None,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Stage:
    """The stretch of a series that one phase I holds: ``series`` has values only from ``start`` to before ``end``."""

    start: int
    end: int
    series: Series
    phase: Phase
    base: Bools
    chart: ControlChart
    shown: ControlChart
    fired: dict[Rule, Bools]


def _stage(
    source: SeriesSource,
    name: SeriesName,
    *,
    series: Series,
    record: PhaseRecord | None,
    options: ChartOptions,
    end: int,
) -> _Stage:
    """Chart the points from the first of this phase I up to the next phase I; rules and memory begin anew."""
    phase, base = phase_of(source, name, series=series, record=record, options=options)
    order = [place_of(point).order for point in source.points]
    start = min(end, sum(at < phase.first.order for at in order))
    at = np.arange(series.value.size)
    seasoned = source.seasoned(series, int(base.sum()))
    inside = replace(seasoned, value=np.where((at >= start) & (at < end), seasoned.value, np.nan))
    chart = baseline_chart(phase.baseline, inside)
    shown = _with_memory(chart, options)
    fired = _fired(chart, shown, options) if phase.baseline.is_armed else {}
    return _Stage(start=start, end=end, series=inside, phase=phase, base=base, chart=chart, shown=shown, fired=fired)


def phase_of(
    source: SeriesSource,
    name: SeriesName,
    *,
    series: Series,
    record: PhaseRecord | None,
    options: ChartOptions,
    period: tuple[Place, Place] | None = None,
    exclusions: tuple[Exclusion, ...] | None = None,
) -> tuple[Phase, Bools]:
    """The phase I that a chart's limits come from, and which points it holds.

    Limits in force are taken as they were frozen; a period, exclusions or options of one's own are fitted anew.
    """
    known = None if record is None else record.phases[name.name]
    places = [place_of(point) for point in source.points]
    whole = [place for place in places if place.role == "reference"]
    first, last = period or ((known.first, known.last) if known else (whole[0], whole[-1]))
    left_out = exclusions if exclusions is not None else known.exclusions if known else ()
    base = _within(places, first, last, left_out) & series.there
    if known is not None and period is None and exclusions is None and options.adjustment == AUTOMATIC:
        return known, base
    seasoned = source.seasoned(series, int(base.sum()))
    baseline = fit_baseline(seasoned, base=base, adjustment=options.adjustment)
    return Phase(first=first, last=last, exclusions=left_out, baseline=baseline), base


def place_of(point: TimePoint) -> Place:
    """A window as phases name it."""
    return Place(role=point.role, key=point.window.window.key, name=point.window.name)


def _within(places: Sequence[Place], first: Place, last: Place, left_out: Sequence[Exclusion]) -> Bools:
    """Which points lie in a period and aren't excluded."""
    excluded = {e.place.order for e in left_out}
    inside = [first.order <= at.order <= last.order and at.order not in excluded for at in places]
    return np.array(inside, dtype=bool)


def _nothing(name: SeriesName) -> str:
    reasons = {
        "no row has both a prediction and a label": "The reference has no row with both a prediction and a label",
        "no row has a prediction": "The reference has no row with a prediction",
        "no window has rows": "The reference has no rows",
    }
    words = reasons.get(name.nothing, "No window of the reference has rows that it can be taken of")
    return f"{words}, so there is no {name.name.split(': ')[0]} to chart."


def _with_memory(chart: ControlChart, options: ChartOptions) -> ControlChart:
    """The chart that is drawn: of points, or of what an EWMA or a CUSUM makes of their scores."""
    scheme = options.scheme
    if isinstance(scheme, Ewma):
        return ewma_chart(chart.score, smoothing=scheme.smoothing, width=scheme.width, centre=0.0, sigma=1.0)
    if isinstance(scheme, Cusum):
        return cusum_chart(chart.score, allowance=scheme.allowance, interval=scheme.interval, centre=0.0, sigma=1.0)
    return chart


def _fired(chart: ControlChart, shown: ControlChart, options: ChartOptions) -> dict[Rule, Bools]:
    """Where which rule signals; a chart with memory has none but its own limits, told as the rule of its limits."""
    if options.chart is ChartType.SHEWHART:
        return patterns(chart.score, options.rules, values=chart.statistic)
    return {Rule.NELSON_1: shown.signal != 0}


def _points(source: SeriesSource, stage: _Stage, *, options: ChartOptions, is_earlier: bool) -> list[ChartPoint]:
    excluded = {e.place.order: e for e in stage.phase.exclusions}
    memory = options.chart is not ChartType.SHEWHART
    series, chart, shown, expected = stage.series, stage.chart, stage.shown, stage.chart.centre
    found = []
    for i, at in enumerate(source.points[stage.start : stage.end], stage.start):
        exclusion, is_base = excluded.get(place_of(at).order), bool(stage.base[i])
        is_told = not is_earlier or (exclusion is None and not is_base)
        rules = tuple(rule for rule, where in stage.fired.items() if where[i]) if is_told else ()
        score = chart.score[i] if not memory else float(shown.statistic[i])
        if options.chart is ChartType.CUSUM and shown.signal[i]:
            score = float(shown.signal[i])
        found.append(
            ChartPoint(
                at=at,
                n=at.window.n if series.kind is SeriesKind.COUNT else int(series.n[i]),
                value=_known(series.value[i]),
                expected=_known(expected[i]),
                statistic=_known(shown.statistic[i]),
                centre=_known(shown.centre[i]),
                low=_known(shown.lower[i]),
                high=_known(shown.upper[i]),
                score=_known(chart.score[i]),
                side=0 if not math.isfinite(score) else int(np.sign(score)),
                rules=rules,
                signals=bool(rules),
                is_base=is_base and not is_earlier,
                exclusion=None if is_earlier else exclusion,
                is_earlier=is_earlier,
                low_statistic=None if shown.low_statistic is None else _known(shown.low_statistic[i]),
            )
        )
    return found


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _convention(chart: ControlChart, shown: ControlChart) -> str:
    return chart.convention if shown is chart else f"{shown.convention}; of the scores of: {chart.convention}"


def _since(series: Series, baseline: Baseline, chart: ControlChart, base: Bools) -> LevelShift | None:
    """Where the present level began, by what is new in each point, at unit variance; only after phase I began."""
    score = chart.score * (baseline.width / NOMINAL if not baseline.is_exact else 1.0)
    if baseline.dependence is Dependence.WIDER:
        is_individual = baseline.limits is Limits.INDIVIDUALS
        _, raw = rows_score(
            series, baseline.centres, baseline.sigma, spreads=baseline.spreads, is_individual=is_individual
        )
        score = innovations(raw / baseline.scale, baseline.phi) if baseline.scale > 0 else score
    found = last_shift(score)
    return found if found is not None and not base[found.first :].any() else None


def _companion(series: Series, baseline: Baseline, base: Bools) -> Companion | None:
    """Moving ranges beside individuals, the spread inside windows beside means."""
    if baseline.limits is Limits.INDIVIDUALS:
        left = series.value - at_season(series, baseline.centres)
        ranges = moving_range_chart(left, base=base)
        return _as_companion("Moving range: how far from the window before", ranges)
    if series.kind is SeriesKind.MEAN and series.spread is not None:
        spread = s_chart(series.spread, np.where(series.n >= 2, series.n, np.nan), base=base)
        return _as_companion("Standard deviation inside each window", spread)
    return None


def _as_companion(title: str, chart: ControlChart) -> Companion | None:
    if not np.isfinite(chart.statistic).any():
        return None
    return Companion(
        title=title,
        values=tuple(map(_known, chart.statistic)),
        centres=tuple(map(_known, chart.centre)),
        highs=tuple(map(_known, chart.upper)),
        lows=tuple(map(_known, chart.lower)),
        signals=tuple(bool(signal) for signal in chart.signal),
    )
