"""How a series is charted: by points or with memory, by which rules, on which limits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.spc.design import cusum_for, ewma_for
from core.spc.fitting import AUTOMATIC, Adjustment
from core.spc.rules import NELSON, Rule
from core.spc.scheme import Scheme, Shewhart

__all__ = ["DEFAULT_OPTIONS", "DEFAULT_RULES", "RUN_LENGTH", "ChartOptions", "ChartType"]

DEFAULT_RULES = NELSON[:2]
RUN_LENGTH = 370.4  # of single points against 3 sigma


class ChartType(StrEnum):
    """Single points with run rules, or a chart with memory."""

    SHEWHART = "shewhart"
    EWMA = "ewma"
    CUSUM = "cusum"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartOptions:
    """How somebody wants a series charted; by default as its phase I says, by points with two rules."""

    chart: ChartType = ChartType.SHEWHART
    rules: tuple[Rule, ...] = DEFAULT_RULES
    adjustment: Adjustment = AUTOMATIC
    smoothing: float = 0.2
    shift: float = 1.0
    run_length: float = RUN_LENGTH

    @property
    def scheme(self) -> Scheme:
        """The chart that this asks for, its limits made for the run length."""
        if self.chart is ChartType.EWMA:
            return ewma_for(self.run_length, smoothing=self.smoothing, time_varying=True)
        if self.chart is ChartType.CUSUM:
            return cusum_for(self.run_length, shift=self.shift)
        return Shewhart(rules=self.rules)


DEFAULT_OPTIONS = ChartOptions()
