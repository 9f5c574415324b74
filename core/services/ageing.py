"""How each version ages: what its primary measure loses a month, and when it would reach its floor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from core.concept.ageing import Ageing, ageing
from core.services.observations import Observations, WindowInfo
from core.services.panel import subject_key
from core.services.performance import LOWER_IS_BETTER, PRIMARY, performance

__all__ = ["VersionAgeing", "version_ageing"]

MONTH = timedelta(days=30.4375)
Z95 = 1.959964
NAMES = {"roc_auc": "AUC", "accuracy": "accuracy", "macro_f1": "macro F1", "mae": "MAE", "rmse": "RMSE"}
MOST_YEARS = 5  # a floor farther off isn't dated


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionAgeing:
    """One version's line; times are months, or windows where windows have no calendar.

    ``floor`` is the reference's value less the margin that alarms hold to. ``floor_at`` and its limits are dates;
    None where the floor isn't reached, or not within five years.
    """

    version: str
    measure: str
    per: str
    reference: float | None
    floor: float | None
    line: Ageing
    windows: tuple[WindowInfo, ...]
    floor_at: datetime | None
    floor_from: datetime | None
    floor_to: datetime | None
    step_at: WindowInfo | None

    @property
    def words(self) -> str:
        """How the version ages, in one or two sentences."""
        line, name = self.line, NAMES.get(self.measure, self.measure)
        if line.slope is None or line.interval is None:
            return line.why
        limits = f"[{self.change(line.interval.low)}, {self.change(line.interval.high)}]"
        rate = f"{self.change(line.slope)} a {self.per} {limits}"
        if self.step_at is not None:
            return f"{name} changed at once, in {self.step_at.name}, rather than bit by bit; {rate} would mislead."
        if not line.is_certain:
            return f"No evidence that {name} changes with time: {rate}."
        is_worse = (line.slope < 0) is (self.measure not in LOWER_IS_BETTER)
        said = f"It {'loses' if is_worse else 'gains'} {name}: {rate}."
        if line.floor_in == 0:
            return f"{said} It is beyond its floor already."
        if not is_worse or self.floor_at is None:
            return said
        until = f", {self.floor_from:%d %b %Y} to {self.floor_to:%d %b %Y}" if self.floor_from and self.floor_to else ""
        return f"{said} Its floor would be reached about {self.floor_at:%d %b %Y}{until}."

    def change(self, value: float) -> str:
        """A difference of the measure: of areas and rates in points of 0.01, else in its own unit."""
        sign = "−" if value < 0 else "+"
        return f"{sign}{abs(value):,.3g}" if self.measure in LOWER_IS_BETTER else f"{sign}{100 * abs(value):.1f} pp"


def version_ageing(whole: Observations, versions: Mapping[str, Observations]) -> tuple[VersionAgeing, ...]:
    """Does a version lose performance while it serves?

    Parameters
    ----------
    whole : Observations
        The model under one selection, for the reference and the margins.
    versions : mapping of version to Observations
        Rows that each served.

    Returns
    -------
    tuple of VersionAgeing
        Of versions that served, the newest first.
    """
    task = whole.context.task
    before = performance(whole.reference_outcomes())
    known = {m.measure: m.value for m in before if not m.column}
    name = next((each for each in PRIMARY[task] if known.get(each) is not None), PRIMARY[task][0])
    subject = (whole.watch.subjects if whole.watch else {}).get(subject_key("performance", name))
    margin = subject.margin_in_units if subject else None
    reference = known.get(name)
    sign = 1 if name in LOWER_IS_BETTER else -1
    floor = None if reference is None or margin is None else reference + sign * margin
    found = [_of_version(version, rows, name, reference, floor) for version, rows in versions.items()]
    served = [each for each in found if each.windows]
    return tuple(sorted(served, key=lambda each: each.windows[-1].window.key, reverse=True))


def _of_version(
    version: str, rows: Observations, name: str, reference: float | None, floor: float | None
) -> VersionAgeing:
    windows = tuple(window for window in rows.mature if window.is_complete and window.n_labelled)
    measures = [
        next(m for m in performance(rows.outcomes([window])) if m.measure == name and not m.column)
        for window in windows
    ]
    starts = [window.window.start_at for window in windows]
    origin = starts[0] if starts else None
    if origin is not None and all(start is not None for start in starts):
        per, times = "month", [(start - origin) / MONTH for start in starts if start is not None]
    else:
        per, times = "window", [float(place) for place in range(len(windows))]
    value = [math.nan if m.value is None or m.interval is None else m.value for m in measures]
    error = [math.nan if m.interval is None else (m.interval.high - m.interval.low) / 2 / Z95 for m in measures]
    line = ageing(
        np.array(times), np.array(value), np.array(error), floor=floor, is_better_above=name not in LOWER_IS_BETTER
    )
    last = starts[-1] if starts else None
    interval = line.floor_interval
    return VersionAgeing(
        version=version,
        measure=name,
        per=per,
        reference=reference,
        floor=floor,
        line=line,
        windows=windows,
        floor_at=_date(last, line.floor_in, per),
        floor_from=_date(last, interval.low if interval else None, per),
        floor_to=_date(last, interval.high if interval else None, per),
        step_at=None if line.step_at is None else windows[line.step_at],
    )


def _date(last: datetime | None, months: float | None, per: str) -> datetime | None:
    """The date so many months after the last window; None where it is farther off than is worth saying."""
    if last is None or months is None or per != "month" or months > 12 * MOST_YEARS:
        return None
    return last + months * MONTH
