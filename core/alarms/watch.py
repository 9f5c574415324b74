"""Subjects that are watched together under one budget: armed on a reference, run over windows.

Two lights look at the same windows. *Material* asks whether something moved by more than its margin, and
pages; *changed* asks whether it moved at all, has a budget of its own, and never pages.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.alarms.baseline import GAPS, Baseline, Margin, fit_baseline
from core.alarms.detector import Detection, detect
from core.alarms.evidence import log_e_values, stakes
from core.alarms.monitors import Kind, Subject, Windows
from core.alarms.reach import BLIND, smallest_shifts

__all__ = ["MIN_REFERENCE_WINDOWS", "Light", "Season", "Watch", "arm"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MIN_REFERENCE_WINDOWS = 7
REPLAYS = 20  # the reference is replayed as if one false alarm were allowed in so many references
WINDOW_BLIND = 5.0  # of one number a window, in its own sd


class Light(StrEnum):
    """Which question an alarm answers."""

    MATERIAL = "material"  # moved by more than the margin; pages
    CHANGED = "changed"  # moved at all; shown


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Season:
    """A rhythm that windows may have, such as the weekday of each; `phases` of the reference's windows from 0."""

    phases: Ints
    n_phases: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Watch:
    """An armed reference: what is watched and what isn't, with the reason.

    `why_not` has a sentence for each subject that isn't armed. `allowances`: windows in which one false
    alarm event is allowed, by light. `horizon`: windows within which a shift must be findable.
    """

    baseline: Baseline
    margins: tuple[Margin, ...]
    allowances: Mapping[Light, float]
    horizon: int
    why_not: Mapping[int, str]

    @property
    def subjects(self) -> tuple[Subject, ...]:
        """All subjects, armed or not."""
        return self.baseline.subjects

    @property
    def is_armed(self) -> tuple[bool, ...]:
        """Which subjects can alarm."""
        return tuple(number not in self.why_not for number in range(len(self.subjects)))

    def margins_of(self, light: Light) -> tuple[Margin, ...]:
        """What doesn't matter to a light: to that of changes only what the reference itself may be off."""
        if light is Light.MATERIAL:
            return self.margins
        return tuple(Margin(sd=0.0, points=0.0, ratio=margin.ratio, as_before=True) for margin in self.margins)

    def log_e_values(self, windows: Windows, phases: Ints, light: Light) -> Floats:
        """What each bet won in each window, for one light."""
        return log_e_values(self.baseline, windows, phases, self.margins_of(light))

    def detect(self, log_e: Floats, light: Light) -> Detection:
        """Incidents in windows whose bets are settled."""
        return detect(
            log_e,
            subject=self.baseline.subject,
            stakes=stakes(self.baseline),
            is_armed=self.is_armed,
            allowance=self.allowances[light],
        )

    def run(self, windows: Windows, phases: Ints, light: Light) -> Detection:
        """Incidents in windows of rows and sums."""
        return self.detect(self.log_e_values(windows, phases, light), light)

    def smallest_shifts(self, horizon: int | Sequence[int], light: Light) -> Floats:
        """The smallest sustained shift found in so many windows, by subject, in sd of a row; NaN where not armed.

        Several horizons at once cost little more than one; they come first in the shape then.
        """
        if not any(self.is_armed):
            return np.full((*np.shape(horizon), len(self.subjects)), np.nan)
        by_monitor = smallest_shifts(
            self.baseline,
            self.margins_of(light),
            allowance=self.allowances[light],
            n_subjects=sum(self.is_armed),
            horizon=horizon,
        )
        best = np.full((*np.shape(horizon), len(self.subjects)), np.inf)
        np.minimum.at(best.T, self.baseline.subject, by_monitor.T)
        return np.where(self.is_armed, best, np.nan)


def arm(
    subjects: Sequence[Subject],
    reference: Windows,
    *,
    margins: Sequence[Margin],
    allowances: Mapping[Light, float],
    horizon: int,
    season: Season | None = None,
    left_out: Mapping[int, str] | None = None,
) -> Watch:
    """May subjects be watched on this reference, and which not?

    Parameters
    ----------
    subjects : sequence of Subject
    reference : Windows
        Of all subjects side by side, in the order of time.
    margins : sequence of Margin
        One a subject: what doesn't matter.
    allowances : mapping of Light to float
        Windows in which one false alarm event is allowed.
    horizon : int
        Windows within which half a standard deviation must be findable.
    season : Season, optional
    left_out : mapping of int to str, optional
        Subjects that somebody or something has excluded, with the reason.

    Returns
    -------
    Watch
        Not armed are all subjects where the reference has fewer than 7 windows; those left out; those
        without a row, or whose score never differs; those that are blind (what could be found is larger
        than half a standard deviation); and those whose reference, replayed at its own limits, alarms.
    """
    n_windows = reference.n.shape[0]
    why_not = dict(left_out or {})
    if n_windows < MIN_REFERENCE_WINDOWS:
        windows = "1 window" if n_windows == 1 else f"{n_windows} windows"
        reason = f"The reference has {windows}, {MIN_REFERENCE_WINDOWS} are needed."
        why_not = {number: why_not.get(number, reason) for number in range(len(subjects))}
    phases, n_phases = (season.phases, season.n_phases) if season else (None, 1)
    baseline = fit_baseline(subjects, reference, phases=phases, n_phases=n_phases)
    watch = Watch(baseline=baseline, margins=tuple(margins), allowances=allowances, horizon=horizon, why_not=why_not)
    if n_windows < MIN_REFERENCE_WINDOWS:
        return watch
    for check in (_empty, _blind, _bursty):
        found = check(watch, reference, np.zeros(n_windows, dtype=np.int64) if phases is None else phases)
        watch = Watch(
            baseline=baseline,
            margins=watch.margins,
            allowances=allowances,
            horizon=horizon,
            why_not={**found, **watch.why_not},
        )
    return watch


def _empty(watch: Watch, reference: Windows, phases: Ints) -> dict[int, str]:  # noqa: ARG001
    baseline = watch.baseline
    n = baseline.n.copy()
    n[baseline.gaps] = n[baseline.gaps + 1] = np.minimum(n[baseline.gaps], n[baseline.gaps + 1])
    rows, differs = np.zeros(len(watch.subjects)), np.zeros(len(watch.subjects), dtype=bool)
    np.maximum.at(rows, baseline.subject, n)
    np.logical_or.at(differs, baseline.subject, baseline.is_share | (baseline.sigma > 0))
    found = {
        int(number): "The reference's values never differ: nothing says how much is much."
        for number in np.flatnonzero(~differs)
    }
    return found | {int(number): "The reference has no row for it." for number in np.flatnonzero(rows == 0)}


def _blind(watch: Watch, reference: Windows, phases: Ints) -> dict[int, str]:  # noqa: ARG001
    found = {}
    paged = watch.smallest_shifts(watch.horizon, Light.MATERIAL)
    for number, shift in enumerate(watch.smallest_shifts(watch.horizon, Light.CHANGED)):
        own = watch.subjects[number]
        if own.kinds[0] in GAPS:
            if math.isinf(paged[number]):
                found[number] = (
                    f"Not monitorable at this size: {watch.horizon} windows would not find a rate that is half of the "
                    "least that is let pass."
                )
            continue
        limit = WINDOW_BLIND if own.kinds[0] is Kind.WINDOW else BLIND
        if not math.isnan(shift) and shift > limit:
            found[number] = f"Not monitorable at this window size: {_blindness(shift, limit, watch.horizon)}"
    return found


def _bursty(watch: Watch, reference: Windows, phases: Ints) -> dict[int, str]:
    """Subjects whose reference alarms at its own limits, as if one event in 20 references were allowed."""
    found = {}
    n_windows = reference.n.shape[0]
    for light in Light:
        log_e = watch.log_e_values(reference, phases, light)
        replay = detect(
            log_e,
            subject=watch.baseline.subject,
            stakes=stakes(watch.baseline),
            is_armed=watch.is_armed,
            allowance=max(watch.allowances[light], REPLAYS * n_windows),
        )
        for incident in replay.incidents:
            found[incident.subject] = (
                "Not monitorable: the reference itself moves in bursts, so that its own limits are broken in window "
                f"{incident.opened + 1} of {n_windows}."
            )
    return found


def _blindness(shift: float, limit: float, horizon: int) -> str:
    if math.isinf(shift):
        return f"no sustained shift, however large, would be found in {horizon} windows."
    shown = f"{shift:.2g}"
    if float(shown) <= limit:  # rounded down to what it is more than
        shown = f"{shift:.3g}" if float(f"{shift:.3g}") > limit else f"just over {limit:g}"
    return (
        f"the smallest sustained shift that {horizon} windows would find is {shown} standard deviations, "
        f"more than {limit:g}."
    )
