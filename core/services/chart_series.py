"""The series of a model that can be charted: what each window of the reference and of production holds of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from core.errors import UnknownNameError
from core.measure import Interval, Measure
from core.performance.identified import Basis, basis_of
from core.performance.measures import RATES
from core.profile.spec import moment_table
from core.profile.windows import WindowPlan
from core.schema import Role, Task, WindowUnit
from core.services.fairness_identified import label_rates_of
from core.services.observations import Observations, WindowInfo
from core.services.performance import performance
from core.spc.seasons import LEAST_CYCLES
from core.spc.series import Series, counts, estimates, means, shares
from core.stats.binning import Special

__all__ = [
    "ERROR_RATE",
    "MEAN_SCORE",
    "SELECTION_RATE",
    "VOLUME",
    "SeriesFamily",
    "SeriesName",
    "SeriesSource",
    "TimePoint",
]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

ERROR_RATE = "error rate"
SELECTION_RATE = "selection rate"
VOLUME = "volume"
MEAN_SCORE = "mean score"
MEASURES: Mapping[Task, tuple[str, ...]] = {
    Task.BINARY: ("roc_auc", "brier_score", "log_loss", "f1", "precision", "recall", "prevalence"),
    Task.MULTICLASS: ("macro_f1", "macro_roc_auc"),
    Task.REGRESSION: ("mae", "rmse", "bias", "r2"),
}
Z95 = 1.959964


class SeriesFamily(StrEnum):
    """What a series tells of."""

    OUTCOMES = "outcomes"
    VOLUME = "volume"
    FEATURES = "features"
    GROUPS = "groups"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesName:
    """A series by its name, and what it is: of which column, measure or group.

    ``measure`` says how its values are written, ``word`` what selecting is called, ``nothing`` why a window can be
    without a value.
    """

    name: str
    family: SeriesFamily
    measure: str
    needs_labels: bool = False
    column: str = ""
    group: str = ""
    word: str = "selected"
    nothing: str = "no window has rows"

    def waits(self, window: WindowInfo) -> bool:
        """Whether it takes labels, and those of this window are still arriving."""
        return self.needs_labels and not window.is_mature


@dataclass(frozen=True, slots=True, kw_only=True)
class TimePoint:
    """A window on the common axis: those of the reference first, then production's."""

    window: WindowInfo
    of_reference: bool

    @property
    def role(self) -> str:
        """Whose window it is."""
        return "reference" if self.of_reference else "production"


class SeriesSource:
    """The series of one model under one selection; each is computed when it is asked for."""

    def __init__(self, observations: Observations) -> None:
        self.observations = observations
        context = observations.context
        before = [TimePoint(window=window, of_reference=True) for window in context.reference_windows]
        after = [] if context.shows_reference else [TimePoint(window=w, of_reference=False) for w in context.windows]
        self.points: tuple[TimePoint, ...] = (*before, *after)
        self._of_reference = replace(observations, current=observations.reference)

    @property
    def windows_per_year(self) -> float | None:
        """How many windows a year has, None for windows of rows."""
        schema = self.observations.schema
        return WindowPlan.of(schema.window, schema.timezone).per_year

    @cached_property
    def names(self) -> tuple[SeriesName, ...]:
        """All series, outcomes first."""
        return tuple(self._names())

    def find(self, name: str | None) -> SeriesName | None:
        """The series of that name, the first without one; None where there is none at all.

        Raises
        ------
        UnknownNameError
            If there is no series of that name.
        """
        if name is None:
            return self.names[0] if self.names else None
        found = next((each for each in self.names if each.name == name), None)
        if found is None:
            raise UnknownNameError("series", name, [each.name for each in self.names])
        return found

    def series(self, name: SeriesName) -> Series:
        """The points of a series, its labels' windows without a value while labels are still arriving."""
        found = self._makers[name.family](name)
        if not name.needs_labels:
            return found
        young = np.array([name.waits(point.window) for point in self.points], dtype=bool)
        return replace(found, value=np.where(young, np.nan, found.value), n=np.where(young, 0.0, found.n))

    def seasoned(self, series: Series, n_base: int) -> Series:
        """The series with the weekday or hour of each window, where phase I is long enough to tell these apart."""
        unit = self.observations.schema.window.every
        zone = ZoneInfo(self.observations.context.timezone)
        starts = [point.window.window.start_at for point in self.points]
        local = [start.astimezone(zone) for start in starts if start is not None]
        if unit is WindowUnit.DAY:
            return series.with_seasons([moment.weekday() for moment in local], "weekday")
        if unit is WindowUnit.HOUR:
            if n_base >= LEAST_CYCLES * 168:
                return series.with_seasons([24 * m.weekday() + m.hour for m in local], "hour of the week")
            return series.with_seasons([moment.hour for moment in local], "hour of the day")
        return series

    @property
    def _makers(self) -> Mapping[SeriesFamily, Callable[[SeriesName], Series]]:
        return {
            SeriesFamily.OUTCOMES: self._outcome,
            SeriesFamily.VOLUME: lambda _: counts([point.window.n for point in self.points]),
            SeriesFamily.FEATURES: self._feature,
            SeriesFamily.GROUPS: self._group,
        }

    def _names(self) -> Iterator[SeriesName]:
        observations = self.observations
        spec, schema = observations.spec, observations.schema
        outcomes = SeriesFamily.OUTCOMES
        if spec.classes:
            nothing = "no row has both a prediction and a label"
            if self._decided[""][[not point.of_reference for point in self.points], :-1, :-1].any():
                nothing = "labels come with one decision only"
            yield SeriesName(name=ERROR_RATE, family=outcomes, measure="", needs_labels=True, nothing=nothing)
        if observations.favourable is not None:
            yield SeriesName(name=SELECTION_RATE, family=outcomes, measure="", nothing="no row has a prediction")
        for measure in MEASURES[spec.task]:
            yield SeriesName(
                name=f"measure: {measure}",
                family=outcomes,
                measure="" if measure in RATES else measure,
                column=measure,
                needs_labels=True,
                nothing="no window has rows that it can be taken of",
            )
        yield SeriesName(name=VOLUME, family=SeriesFamily.VOLUME, measure="count")
        score = schema.name_of(Role.SCORE) if spec.task is Task.BINARY else None
        for column in spec.columns:
            if moment_table(column) in observations.reference.sums:
                is_score = column == score
                yield SeriesName(
                    name=MEAN_SCORE if is_score else f"mean: {column}",
                    family=SeriesFamily.FEATURES,
                    measure="value",
                    column=column,
                    nothing="no row has a value of it",
                )
            yield SeriesName(name=f"missing: {column}", family=SeriesFamily.FEATURES, measure="", column=column)
        if observations.favourable is not None:
            for attribute, groups in spec.groups.items():
                for group in groups:
                    of_group = SeriesName(
                        name=f"{SELECTION_RATE}: {attribute}={group}",
                        family=SeriesFamily.GROUPS,
                        measure="",
                        column=attribute,
                        group=group,
                        word=schema.outcome.favourable_word,
                        nothing="no row of the group has a prediction",
                    )
                    yield of_group
                    yield replace(of_group, name=f"gap: {attribute}={group}", measure="difference")

    def _counted(self, point: TimePoint) -> Observations:
        return self._of_reference if point.of_reference else self.observations

    def _column(self, point: TimePoint, column: str) -> Ints:
        return self._counted(point).column(column, [point.window])

    def _outcome(self, name: SeriesName) -> Series:
        if name.column:
            return self._measured(name.column)
        by_label = self._decided[""][..., 0]
        if name.name == SELECTION_RATE:
            decided = by_label[:, :-1].sum(axis=2)
            return shares(decided[:, self.observations.favourable or 0], decided.sum(axis=1))
        decisions = by_label[:, :-1, :-1] * self._told[:, None, None]
        n = decisions.sum(axis=(1, 2))
        return shares(n - np.trace(decisions, axis1=1, axis2=2), n)

    @cached_property
    def _told(self) -> Ints:
        """1 for windows whose labels tell how all rows did, 0 where they come with one decision only."""
        observations, found = self.observations, np.ones(len(self.points), dtype=np.int64)
        if observations.spec.task is Task.BINARY:
            for place, (point, table) in enumerate(zip(self.points, self._decided[""][..., 0], strict=True)):
                explored = self._counted(point).explored([point.window])
                labels = label_rates_of(
                    table, classes=observations.spec.classes, positive=observations.positive or 0, explored=explored
                )
                found[place] = not labels.is_one_sided
        return found

    @cached_property
    def _decided(self) -> Mapping[str, Ints]:
        """By attribute, '' for none: prediction x label x group of every window."""
        return {
            attribute: np.array(
                [self._counted(point).joint([point.window], attribute).sum(axis=0) for point in self.points],
                dtype=np.int64,
            )
            for attribute in ("", *self.observations.spec.groups)
        }

    def _measured(self, measure: str) -> Series:
        found = [
            next((m for m in at if m.measure == measure and not m.column and basis_of(m) is Basis.OBSERVED), None)
            for at in self._performance
        ]
        n = [0 if m is None or m.value is None else m.n for m in found]
        values = [math.nan if m is None or m.value is None else m.value for m in found]
        if measure in RATES:
            k = [0 if math.isnan(value) else round(value * rows) for value, rows in zip(values, n, strict=True)]
            return shares(k, n)
        errors = np.array([(math.nan, math.nan) if m is None else _standard_errors(m) for m in found])
        return estimates(values, n, errors[:, 0], error_above=errors[:, 1])

    @cached_property
    def _performance(self) -> tuple[tuple[Measure, ...], ...]:
        """Every performance measure of every window."""
        return tuple(performance(self._counted(point).outcomes([point.window])) for point in self.points)

    def _feature(self, name: SeriesName) -> Series:
        bins = self.observations.spec.columns[name.column]
        tables = [self._column(point, name.column) for point in self.points]
        if name.name.startswith("missing: "):
            k = [int(table[bins.n_bins + Special.MISSING]) for table in tables]
            return shares(k, [int(table.sum()) for table in tables])
        without = (Special.MISSING, Special.INVALID, Special.NEGATIVE_INFINITY, Special.POSITIVE_INFINITY)
        n = np.array([int(t.sum()) - sum(int(t[bins.n_bins + s]) for s in without) for t in tables], dtype=np.float64)
        sums = np.array(
            [
                self._counted(point).current.total(moment_table(name.column), [point.window.window.key], (2,))
                for point in self.points
            ]
        ).reshape(-1, 2)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            mean = np.where(n > 0, sums[:, 0] / n, np.nan)
            variance = np.maximum(0.0, sums[:, 1] / n - mean**2) * n / (n - 1)
        return means(mean, n, np.where(n > 1, np.sqrt(variance), np.nan))

    def _group(self, name: SeriesName) -> Series:
        place = self.observations.spec.groups[name.column].index(name.group)
        favourable = self.observations.favourable or 0
        decided = self._decided[name.column].sum(axis=2)[:, :-1]
        inside = np.stack([decided[:, favourable, place], decided[:, :, place].sum(axis=1)], axis=1)
        everyone = np.stack([decided[:, favourable].sum(axis=1), decided.sum(axis=(1, 2))], axis=1)
        if not name.name.startswith("gap: "):
            return shares(inside[:, 0], inside[:, 1])
        return _gap(inside, everyone - inside)


def _gap(group: Ints, rest: Ints) -> Series:
    """A group's rate minus that of all others, with the standard error that both counts give."""
    n = np.minimum(group[:, 1], rest[:, 1])
    with np.errstate(divide="ignore", invalid="ignore"):
        rates = [of[:, 0] / of[:, 1] for of in (group, rest)]
        # With a row more of each kind, a rate of 0 or 1 doesn't pass for certain.
        smooth = [(of[:, 0] + 1) / (of[:, 1] + 2) for of in (group, rest)]
        variance = sum(p * (1 - p) / of[:, 1] for p, of in zip(smooth, (group, rest), strict=True))
    there = n > 0
    value = np.where(there, rates[0] - rates[1], np.nan)
    return estimates(value, np.where(there, n, 0), np.sqrt(np.where(there, variance, np.nan)))


def _standard_errors(measure: Measure) -> tuple[float, float]:
    """The standard errors downwards and upwards that a measure's 95% interval tells; an arm of no length tells none."""
    interval: Interval | None = measure.interval
    if interval is None or measure.value is None:
        return math.nan, math.nan
    below, above = (measure.value - interval.low) / Z95, (interval.high - measure.value) / Z95
    return below if below > 0 else math.nan, above if above > 0 else math.nan
