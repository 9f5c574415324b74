"""What a chart of one series shows: points, limits, signals, phases, marks, and since when it has been off."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.services.chart_marks import ChartMark
from core.services.chart_options import ChartOptions
from core.services.chart_phases import Exclusion, Phase, PhaseRecord
from core.services.chart_rebaseline import Rebaseline
from core.services.chart_series import SeriesName, TimePoint
from core.services.observations import Context
from core.spc.baseline import Baseline
from core.spc.change_point import LevelShift
from core.spc.rules import Rule

__all__ = ["ChartPoint", "ChartReport", "ChartState", "Companion"]


class ChartState(StrEnum):
    """Where a series stands, in words."""

    OFF = "out of control"
    SIGNALLED = "in control now"
    QUIET = "in control"
    EMPTY = "nothing after phase I"
    NOT_ARMED = "not armed"
    NOT_CHARTED = "not charted"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartPoint:
    """One window on a chart.

    ``value`` and ``expected`` are in the series' own units; ``statistic``, ``centre``, ``low`` and ``high`` are what is
    drawn: the same for points, standard errors for EWMA and CUSUM (whose sum downwards is ``low_statistic``). A window
    without rows has none of them. ``rules`` are those that signal here; ``side`` is 1 above, -1 below the centre.
    A point before phase I (``is_earlier``) is held to the phase I that was in force before.
    """

    at: TimePoint
    n: int
    value: float | None
    expected: float | None
    statistic: float | None
    centre: float | None
    low: float | None
    high: float | None
    score: float | None
    side: int
    rules: tuple[Rule, ...]
    signals: bool
    is_base: bool
    exclusion: Exclusion | None
    is_earlier: bool
    low_statistic: float | None = None

    @property
    def is_later(self) -> bool:
        """Whether it comes after phase I, so that limits were made without it."""
        return not self.is_base and self.exclusion is None and not self.is_earlier

    @property
    def phase(self) -> str:
        """I, II, 'left out' of phase I, or 'before' it: then its limits are those of the phase I of its own time."""
        if self.is_earlier:
            return "before"
        return "I" if self.is_base else "left out" if self.exclusion is not None else "II"


@dataclass(frozen=True, slots=True, kw_only=True)
class Companion:
    """The chart of spread that belongs to a chart of points: moving ranges, or the spread inside windows."""

    title: str
    values: tuple[float | None, ...]
    centres: tuple[float | None, ...]
    highs: tuple[float | None, ...]
    lows: tuple[float | None, ...]
    signals: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartReport:
    """A chart, or why there is none.

    Attributes
    ----------
    series : SeriesName
    choices : tuple of SeriesName
        All series there are.
    why : str
        Why nothing is charted; '' where something is.
    points : tuple of ChartPoint
        The reference's windows, then production's.
    phase : Phase
        The period that limits rest on; the whole reference unless somebody chose otherwise.
    record : PhaseRecord or None
        Who made that phase, None for the reference as it is.
    proposal : PhaseRecord or None
        A phase I of this series that waits for a decision.
    rebaseline : Rebaseline or None
        What the last approved change suggests, until somebody proposes it.
    history : tuple of PhaseRecord
        All versions of this series' phase I, oldest first.
    is_frozen : bool
        Whether the limits are those of the phase in force, not a view with other options.
    since : LevelShift or None
        Where the level that the series is at now began, if it is off; places of `points`.
    marks : tuple of ChartMark
        Deployments and decisions.
    companion : Companion or None
    """

    context: Context
    series: SeriesName
    choices: tuple[SeriesName, ...]
    options: ChartOptions
    why: str
    points: tuple[ChartPoint, ...] = ()
    phase: Phase | None = None
    record: PhaseRecord | None = None
    proposal: PhaseRecord | None = None
    rebaseline: Rebaseline | None = None
    history: tuple[PhaseRecord, ...] = ()
    is_frozen: bool = True
    windows_per_year: float | None = None
    convention: str = ""
    since: LevelShift | None = None
    marks: tuple[ChartMark, ...] = ()
    companion: Companion | None = None

    @property
    def baseline(self) -> Baseline | None:
        """What the limits are."""
        return None if self.phase is None else self.phase.baseline

    @property
    def is_armed(self) -> bool:
        """Whether anything can signal."""
        return self.baseline is not None and self.baseline.is_armed

    @property
    def later(self) -> tuple[ChartPoint, ...]:
        """Points after phase I that have a value."""
        return tuple(p for p in self.points if p.is_later and p.value is not None)

    @property
    def signals(self) -> tuple[ChartPoint, ...]:
        """Points after phase I that signal."""
        return tuple(p for p in self.later if p.signals)

    @property
    def base_signals(self) -> tuple[ChartPoint, ...]:
        """Points of phase I that signal against its own limits: is there an assignable cause?"""
        return tuple(p for p in self.points if p.is_base and p.signals)

    @property
    def n_waiting(self) -> int:
        """Windows whose labels are still arriving."""
        return sum(self.series.waits(p.at.window) and not p.at.of_reference for p in self.points)

    @property
    def is_off(self) -> bool:
        """Whether the newest point signals, or the level has shifted and stayed."""
        return self.is_armed and bool(self.later) and (self.later[-1].signals or self.since is not None)

    @property
    def state(self) -> ChartState:
        """Where the series stands now."""
        if self.why:
            return ChartState.NOT_CHARTED
        if not self.is_armed:
            return ChartState.NOT_ARMED
        if not self.later:
            return ChartState.EMPTY
        return ChartState.OFF if self.is_off else ChartState.SIGNALLED if self.signals else ChartState.QUIET
