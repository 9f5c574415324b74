"""What a chart costs: false alarms a year, and how late it finds a shift; and what other limits would."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from core.errors import InputError
from core.services.chart_options import ChartOptions, ChartType
from core.spc.baseline import NOMINAL, Baseline
from core.spc.design import SHIFTS, with_run_length
from core.spc.scheme import Knowledge, RunLength, Scheme, Shewhart, average_run_length, false_alarm_rate

__all__ = ["TRADED", "ChartDesign", "Delay", "Trade", "chart_design"]

TRADED = (0.5, 1.0, 2.0)  # shifts in sigma whose delay is drawn against false alarms
RUN_LENGTHS = (50, 75, 100, 150, 200, 300, 370.4, 500, 750, 1000, 1500, 2000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """Points from a shift to its signal, on average; the shift is in sigma."""

    shift: float
    length: RunLength


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """With other limits: points between false alarms, and the delays at the shifts `TRADED`."""

    run_length: float
    delays: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartDesign:
    """The price of a chart as it is, and as it would be with other limits.

    Attributes
    ----------
    known : RunLength
        In control, if centre and sigma were known.
    rate : float or None
        False alarms a point with the centre and sigma that phase I tells; None where nothing is armed.
    windows_per_year : float or None
        None for windows of rows.
    delays : tuple of Delay
    trades : tuple of Trade
        () where the rules' run length has to be simulated.
    """

    known: RunLength
    rate: float | None
    windows_per_year: float | None
    delays: tuple[Delay, ...]
    trades: tuple[Trade, ...]

    @property
    def a_year(self) -> float | None:
        """False alarms a year, with what phase I tells."""
        if self.windows_per_year is None or self.rate is None:
            return None
        return self.windows_per_year * self.rate


def chart_design(options: ChartOptions, baseline: Baseline | None, *, windows_per_year: float | None) -> ChartDesign:
    """How often does this chart signal by chance, how late does it find a shift, and what would others cost?

    Parameters
    ----------
    options : ChartOptions
    baseline : Baseline or None
        The phase I that its limits come from.
    windows_per_year : float or None
        None for windows of rows.
    """
    scheme = options.scheme
    rate = None
    if baseline is not None and baseline.is_armed:
        knowledge = baseline.knowledge
        widened = 1.0 if baseline.is_exact else baseline.width / NOMINAL
        rate = _rate(scheme, None if baseline.is_exact else knowledge, round(widened, 6))
    return ChartDesign(
        known=_length(scheme, 0.0),
        rate=rate,
        windows_per_year=windows_per_year,
        delays=tuple(Delay(shift=shift, length=_length(scheme, shift)) for shift in SHIFTS),
        trades=_trades(scheme) if _is_exact(options) else (),
    )


def _is_exact(options: ChartOptions) -> bool:
    if options.chart is not ChartType.SHEWHART:
        return True
    return all(rule.is_of_zones for rule in options.rules) and any(rule.number == 1 for rule in options.rules)


@lru_cache(maxsize=1024)
def _length(scheme: Scheme, shift: float) -> RunLength:
    return average_run_length(scheme, shift=shift)


@lru_cache(maxsize=512)
def _rate(scheme: Scheme, knowledge: Knowledge | None, widened: float) -> float:
    if isinstance(scheme, Shewhart) and not scheme.rules:
        return 0.0
    return false_alarm_rate(scheme, knowledge=knowledge, widened=widened)


@lru_cache(maxsize=64)
def _trades(scheme: Scheme) -> tuple[Trade, ...]:
    """The same chart with other limits; what these can't give is left out."""
    found = []
    for run_length in RUN_LENGTHS:
        try:
            other = with_run_length(scheme, run_length)
        except InputError:
            continue
        delays = tuple(average_run_length(other, shift=shift).value for shift in TRADED)
        found.append(Trade(run_length=run_length, delays=delays))
    return tuple(found)
