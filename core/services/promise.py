"""What a model's alarms hold to: subjects with what could be found of each, and what that adds up to."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from core.alarms.evidence import RARE
from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light
from core.measure import Family
from core.profile.windows import WindowPlan

__all__ = ["FleetPromise", "Promise", "SubjectInfo", "WatchKind", "promise_of"]


class WatchKind(StrEnum):
    """The two sets that are watched, each with half of every budget."""

    SERVED = "served"  # needs no label
    MATURED = "matured"  # needs the labels of windows whose labels are in


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectInfo:
    """A subject that is watched or why it isn't; shifts are in standard deviations of a row's score.

    `findable`: the smallest sustained shift that would be found within so many windows, by light; None
    where none would. `least_ratio`: of a gap, the part of the higher rate that the lower one may be. `blind_at`:
    nothing can be told where only larger shifts would be found.
    """

    key: str
    set: WatchKind
    family: Family
    column: str
    why_not: str
    margin_sd: float
    margin_points: float
    reference_error: float | None
    dispersion: float | None
    autocorrelation: float | None
    findable: Mapping[str, Mapping[int, float | None]]
    is_share: bool
    sigma: float | None
    mean: float | None
    least_ratio: float | None
    blind_at: float | None

    @property
    def is_armed(self) -> bool:
        """Whether it can alarm."""
        return not self.why_not

    def findable_among(self, thinness: float) -> float | None:
        """The smallest shift found in the longest horizon, where windows have so many times fewer rows; None: none.

        What goes beyond the margin and the reference's own error grows with the root of that; of a rare share, whose
        every single row tells as much, with that itself.
        """
        by_horizon = self.findable[Light.CHANGED if self.least_ratio is None else Light.MATERIAL]
        shift = by_horizon[max(by_horizon)]
        if shift is None:
            return None
        off = min(self.reference_error or 0.0, shift)
        is_rare = self.is_share and self.mean is not None and min(self.mean, 1 - self.mean) <= RARE
        grown = max(thinness, 1.0) if is_rare else math.sqrt(max(thinness, 1.0))
        return off + (shift - off) * grown

    @property
    def margin_in_units(self) -> float | None:
        """What doesn't matter, in the unit of the score itself; None where that has no size."""
        if not self.sigma:
            return None
        return max(self.margin_sd * self.sigma, self.margin_points if self.is_share else 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """What alarms of a model hold to, for whoever reads them.

    `typical`: the median over armed subjects that are read from columns' values of the smallest sustained
    shift found in 1, 7 and the horizon's windows, in standard deviations; by light.
    """

    false_alarms_per_year: float
    changes_per_year: float
    per: str
    n_armed: int
    n_not_armed: int
    margin_sd: float
    margin_points: float
    reference_error: float | None
    typical: Mapping[str, Mapping[int, float]]
    horizon: int
    has_season: bool
    n_replayed: int
    n_gaps: int
    least_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetPromise:
    """How many alerts of all models together may be false in a year, in expectation; budgets add up.

    `without_calendar` names the models whose budget is for 100 windows of N rows.
    """

    false_alarms_per_year: float
    n_models: int
    n_armed: int
    without_calendar: tuple[str, ...]


def promise_of(
    policy: AlarmPolicy, plan: WindowPlan, subjects: Mapping[str, SubjectInfo], contents: Sequence[Mapping[str, Any]]
) -> Promise | None:
    """What is promised of all subjects together; None where nothing is armed. `contents` are the watches'."""
    armed = [subject for subject in subjects.values() if subject.is_armed]
    if not armed:
        return None
    values = [subject for subject in armed if subject.key.startswith("values/")] or armed
    horizons = sorted(values[0].findable[Light.MATERIAL])
    errors = [subject.reference_error for subject in values if subject.reference_error is not None]
    return Promise(
        false_alarms_per_year=policy.false_alarms_per_year,
        changes_per_year=policy.changes_per_year,
        per="a year" if plan.per_year is not None else "in 100 windows",
        n_armed=len(armed),
        n_not_armed=len(subjects) - len(armed),
        margin_sd=policy.margin_sd,
        margin_points=policy.margin_points,
        reference_error=float(np.median(errors)) if errors else None,
        typical={str(light): {h: _median(values, str(light), h) for h in horizons} for light in Light},
        horizon=max(content["horizon"] for content in contents),
        has_season=any(content["has_season"] for content in contents),
        n_replayed=sum(event["light"] == Light.MATERIAL for content in contents for event in content["replayed"]),
        n_gaps=sum(subject.least_ratio is not None for subject in armed),
        least_ratio=policy.least_ratio,
    )


def _median(subjects: Sequence[SubjectInfo], light: str, horizon: int) -> float:
    shifts = [subject.findable[light][horizon] for subject in subjects]
    return float(np.median([np.inf if shift is None else shift for shift in shifts]))
