"""A stretch of windows held against the reference: how far series lie off, and what performance and gaps did in it."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sqlalchemy.orm import Session

from core.alarms.baseline import GAPS, SHARES, Baseline
from core.alarms.policy import AlarmPolicy
from core.measure import Family, Measure
from core.performance.identified import Basis, basis_of
from core.services.alert_words import subject_words
from core.services.arming import Armed, armed
from core.services.observations import Observations, WindowInfo
from core.services.performance import PRIMARY, performance_over
from core.services.promise import WatchKind
from core.stats.intervals import newcombe_difference

__all__ = ["Stretch", "armed_sets", "gaps_in", "is_wider", "monitors_of", "performance_in", "size_of"]

Z = 1.959964
IN_ALARM = (Family.PERFORMANCE, Family.CONCEPT_DRIFT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One monitor of a series in some windows: where these stand in what is armed."""

    armed: Armed
    number: int
    monitor: int
    places: tuple[int, ...]

    @property
    def baseline(self) -> Baseline:
        """What the reference says of every series of the set."""
        return self.armed.watch.baseline

    @property
    def is_gap(self) -> bool:
        """Whether it is a group's rate, which is held against that of all others."""
        return bool(self.baseline.kinds[self.monitor] in GAPS)


def armed_sets(session: Session, observations: Observations, policy: AlarmPolicy) -> dict[WatchKind, Armed]:
    """Both sets under a policy, as far as anything of them is watched."""
    found = {kind: _armed(session, observations, policy, kind) for kind in WatchKind}
    return {kind: each for kind, each in found.items() if each is not None}


def monitors_of(stretch: Stretch) -> Iterator[tuple[str, Stretch]]:
    """The series by each of its monitors."""
    monitors = np.flatnonzero(stretch.baseline.subject == stretch.number)
    if stretch.is_gap:  # that of all others stands beside it
        monitors = monitors[:1]
    current = stretch.armed.panel.current
    for name, monitor in zip(stretch.armed.panel.subjects[stretch.number].names, monitors.tolist(), strict=False):
        if current.n[list(stretch.places), monitor].sum() > 0:
            yield name, replace(stretch, monitor=monitor)


def size_of(stretch: Stretch, places: Sequence[int]) -> dict[str, Any]:
    """How far windows together lie from the reference, in sd of a row; of a gap, from all others in the same windows.

    The interval allows for how windows differ, for what one remembers of the one before, and for the reference's
    own error.
    """
    baseline, monitor, current = stretch.baseline, stretch.monitor, stretch.armed.panel.current
    chosen = list(places)
    n, total = current.n[chosen, monitor], current.total[chosen, monitor]
    rows, value = float(n.sum()), float(total.sum() / n.sum())
    if stretch.is_gap:
        others, k = float(current.n[chosen, monitor + 1].sum()), float(current.total[chosen, monitor + 1].sum())
        between = newcombe_difference(round(total.sum()), round(rows), round(k), round(others)) if others else None
        return {
            "n": rows,
            "value": value,
            "against": k / others if others else None,
            "size": value - k / others if others else None,
            "low": between.low if between else None,
            "high": between.high if between else None,
            "unit": "difference of rates",
            "is_share": True,
        }
    season = 0.0 if baseline.season is None else baseline.season[stretch.armed.phases[chosen], monitor]
    against = float((n * (baseline.mean[monitor] + season)).sum() / rows)
    sigma = float(baseline.sigma[monitor]) or 1.0
    spread = np.array([baseline.dispersion(np.full(baseline.mean.size, each))[monitor] for each in n])
    long_run = float(baseline.long_run[monitor])
    of_reference = float(baseline.dispersion(baseline.n_around)[monitor]) / max(float(baseline.n[monitor]), 1.0)
    half = Z * math.sqrt(long_run * (float((n * spread).sum()) / rows**2 + of_reference))
    size = (value - against) / sigma
    return {
        "n": rows,
        "value": value,
        "against": against,
        "size": size,
        "low": size - half,
        "high": size + half,
        "unit": "sd",
        "is_share": int(baseline.kinds[monitor]) in SHARES,
    }


def performance_in(observations: Observations, windows: Sequence[WindowInfo], keys: Collection[int]) -> dict[str, Any]:
    """What performance did in the same windows: measured where labels are in, and what is in alarm there."""
    labelled = [window for window in windows if window.is_mature and window.n_labelled]
    incidents = observations.watch.incidents if observations.watch else ()
    words = [
        subject_words(incident.subject, incident.sign)
        for incident in incidents
        if incident.family in IN_ALARM and any(incident.is_open_in(key) for key in keys)
    ]
    measures = performance_over(observations, labelled) if labelled else ()
    subjects = observations.watch.subjects if observations.watch else {}
    watched = {key.partition("/")[2] for key, of in subjects.items() if of.family is Family.PERFORMANCE}
    told = {*watched, *PRIMARY[observations.schema.task]}
    return {
        "n": sum(window.n for window in windows),
        "n_labelled": sum(window.n_labelled for window in windows),
        "n_windows": len(windows),
        "n_windows_labelled": len(labelled),
        "windows": [window.name for window in labelled],
        "alarms": sorted(set(words)),
        "measures": [_measured(measure) for measure in measures if not measure.column and measure.measure in told],
    }


def _measured(measure: Measure) -> dict[str, Any]:
    """A measure over the stretch with the interval of its change."""
    return {
        **measure.to_dict(),
        "change_low": measure.change.low if measure.change else None,
        "change_high": measure.change.high if measure.change else None,
        "is_of_all_rows": basis_of(measure) is Basis.OBSERVED,
    }


def gaps_in(sets: Iterable[Armed], observations: Observations, keys: Collection[int]) -> Iterator[Mapping[str, Any]]:
    """Every gap that is watched, over the same windows and in the reference, and whether it is surely wider now."""
    incidents = observations.watch.incidents if observations.watch else ()
    watched = [
        (found, number, subject)
        for found in sets
        for number, subject in enumerate(found.panel.subjects)
        if subject.family is Family.FAIRNESS and number not in found.watch.why_not
    ]
    for found, number, subject in watched:
        current, baseline = found.panel.current, found.watch.baseline
        places = [
            place for place, window in enumerate(found.panel.windows) if window.key in keys and found.is_sealed[place]
        ]
        group = int(np.flatnonzero(baseline.subject == number)[0])
        both = (group, group + 1)
        n, k = ([round(float(of[places, m].sum())) for m in both] for of in (current.n, current.total))
        rows = [round(float(baseline.n[m])) for m in both]
        before = [(round(float(baseline.mean[m]) * of), of) for m, of in zip(both, rows, strict=True) if of]
        told = newcombe_difference(k[0], n[0], k[1], n[1]) if all(n) else None
        yield {
            "key": subject.key,
            "n": n[0],
            "value": k[0] / n[0] if n[0] else None,
            "others": k[1] / n[1] if n[1] else None,
            "difference": k[0] / n[0] - k[1] / n[1] if all(n) else None,
            "low": told.low if told else None,
            "high": told.high if told else None,
            "reference": float(baseline.mean[group] - baseline.mean[group + 1]),
            "is_wider": all(n) and all(rows) and is_wider(before, list(zip(k, n, strict=True)), n_gaps=len(watched)),
            "is_out": any(i.subject == subject.key and any(i.is_open_in(key) for key in keys) for i in incidents),
        }


Rates = Sequence[tuple[int, int]]


def is_wider(reference: Rates, current: Rates, *, n_gaps: int, confidence: float = 0.95) -> bool:
    """Whether a gap between two rates lies farther from 0 than the reference's, on its side or across.

    Parameters
    ----------
    reference, current : sequence of (int, int)
        Of a group and of all others: how many rows of how many.
    n_gaps : int
        How many gaps are looked at: each is given its part of what is left of `confidence` (Bonferroni), so that none
        is called wider with that probability where none changed and rows are independent.
    confidence : float
        Of all together, in (0, 1).

    References
    ----------
    Intervals of Newcombe's, put together as by G. Y. Zou, A. Donner (2008), doi:10.1002/sim.3095.

    Examples
    --------
    >>> is_wider([(400, 1000), (410, 1000)], [(300, 1000), (420, 1000)], n_gaps=6)
    True
    >>> is_wider([(400, 1000), (410, 1000)], [(390, 1000), (420, 1000)], n_gaps=6)
    False
    """
    each = 1 - (1 - confidence) / n_gaps
    sizes = []
    for (k, n), (k_others, n_others) in (reference, current):
        between, size = newcombe_difference(k, n, k_others, n_others, confidence=each), k / n - k_others / n_others
        ends = (between.low, between.high) if size >= 0 else (-between.high, -between.low)
        sizes.append((abs(size), *ends))
    (before, _, highest), (now, lowest, _) = sizes
    return now - before > math.hypot(now - lowest, highest - before)


def _armed(session: Session, observations: Observations, policy: AlarmPolicy, kind: WatchKind) -> Armed | None:
    """One set under a policy; why its series can't alarm is taken from the watch, as margins don't change it."""
    subjects = observations.watch.subjects if observations.watch else {}
    why_not = {key: subject.why_not for key, subject in subjects.items() if subject.set is kind}
    return armed(session, observations, policy, kind, why_not=why_not or None)
