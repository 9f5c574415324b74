"""The control charts that counts allow: shares of rows, window by window, against limits of the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from core.errors import UnknownNameError
from core.schema import Task
from core.services.observations import Context, Observations, WindowInfo
from core.spc.attributes import p_chart
from core.spc.chart import ChartPoint, ControlChart
from core.stats.binning import Special

__all__ = ["ChartReport", "chart_report", "chart_series"]

ERROR_RATE = "error rate"
SELECTION_RATE = "selection rate"
MISSING = "missing: "


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartReport:
    """One chart, or why there is none; `reference_points` are the reference's windows on the same limits."""

    context: Context
    series: str
    choices: tuple[str, ...]
    chart: ControlChart | None
    why: str
    windows: tuple[WindowInfo, ...]
    reference_points: tuple[ChartPoint, ...] = ()

    @property
    def waiting(self) -> tuple[WindowInfo, ...]:
        """Windows left out because their labels are still arriving."""
        return tuple(window for window in self.context.windows if window not in self.windows)


def chart_series(observations: Observations) -> tuple[str, ...]:
    """The series a chart can show: the error rate, the selection rate, and each column's missing share."""
    rates = [] if observations.spec.task is Task.REGRESSION else [ERROR_RATE]
    if observations.favourable is not None:
        rates.append(SELECTION_RATE)
    return (*rates, *(f"{MISSING}{column}" for column in observations.spec.columns))


def chart_report(observations: Observations, *, series: str | None = None) -> ChartReport:
    """In which windows was a share further from the reference's than chance explains?"""
    context = observations.context
    choices = chart_series(observations)
    chosen = series or (choices[0] if choices else "")
    if chosen not in choices:
        raise UnknownNameError("series", chosen, choices)
    windows = tuple(w for w in context.windows if chosen != ERROR_RATE or w.is_mature)
    why = ""
    if context.shows_reference:
        why = "There are no production records yet; a chart sets them against the reference."
    reference = [_share(observations, chosen, window, of_reference=True) for window in context.reference_windows]
    if not why and not sum(n for _, n in reference):
        why = _nothing(chosen)
    if why:
        return ChartReport(context=context, series=chosen, choices=choices, chart=None, why=why, windows=windows)
    current = [_share(observations, chosen, window, of_reference=False) for window in windows]
    chart, before = (
        p_chart(
            [k for k, _ in counts],
            [n for _, n in counts],
            reference_k=[k for k, _ in reference],
            reference_n=[n for _, n in reference],
            names=[window.name for window in of],
            unit="window" if " " in context.unit else context.unit,
        )
        for counts, of in ((current, windows), (reference, context.reference_windows))
    )
    return ChartReport(
        context=context,
        series=chosen,
        choices=choices,
        chart=chart,
        why="",
        windows=windows,
        reference_points=before.points,
    )


def _nothing(series: str) -> str:
    if series == ERROR_RATE:
        return "The reference has no row with both a prediction and a label, so there is no error rate to chart."
    if series == SELECTION_RATE:
        return "The reference has no row with a prediction, so there is no selection rate to chart."
    return "The reference has no rows."


def _share(observations: Observations, series: str, window: WindowInfo, *, of_reference: bool) -> tuple[int, int]:
    """Rows of a window that the series counts, and all it could count."""
    counts = observations.reference if of_reference else observations.current
    if series.startswith(MISSING):
        column = series.removeprefix(MISSING)
        bins = observations.spec.columns[column]
        table = counts.count(f"column/{column}", [window.window.key], bins.size)
        return int(table[bins.n_bins + Special.MISSING]), int(table.sum())
    shape = observations.spec.joint_shape()
    joint = counts.count("joint", [window.window.key], int(np.prod(shape))).reshape(shape)
    table = joint.sum(axis=(0, 3))
    if series == SELECTION_RATE:
        decided: Sequence[int] = table[:-1].sum(axis=1).tolist()
        return decided[observations.favourable or 0], sum(decided)
    decisions = table[:-1, :-1]
    return int(decisions.sum() - np.trace(decisions)), int(decisions.sum())
