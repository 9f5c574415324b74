"""Arm one set of a model's subjects on its reference, under its policy."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy.orm import Session

from core.alarms.baseline import fit_baseline
from core.alarms.monitors import Kind
from core.alarms.policy import AlarmPolicy
from core.alarms.rates import gap_edges, largest_gaps
from core.alarms.reach import BLIND
from core.alarms.watch import Light, Season, Watch, arm
from core.measure import Family
from core.profile.windows import WindowPlan
from core.record import BatchRole
from core.services.arrivals import repeated_ids
from core.services.matured_panel import matured_panel
from core.services.observations import Observations, WindowInfo
from core.services.panel import Panel
from core.services.promise import WatchKind
from core.services.sampled_series import SampledWindow
from core.services.served_panel import served_panel
from core.storage.repository import Repository

__all__ = ["Armed", "armed", "content_of", "horizon_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

CYCLES = {24: 4, 7: 4, 12: 8}  # of a rhythm that the reference must hold before it is taken off
HORIZON_DAYS = 30
MIN_HORIZON = 8  # windows
SHARED = (Kind.SHARE, Kind.BEHIND, Kind.AHEAD)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Armed:
    """One set of subjects on its reference, and the windows since: what is sealed and what the bets won."""

    kind: WatchKind
    panel: Panel
    watch: Watch
    phases: Ints
    is_sealed: tuple[bool, ...]
    policy: AlarmPolicy

    def log_e_values(self) -> Floats:
        """What each bet won in each window, by light; shape (2, n_windows, n_monitors, 2, 4)."""
        found = np.stack([self.watch.log_e_values(self.panel.current, self.phases, light) for light in Light])
        skipped = [window.name in self.policy.windows_left_out for window in self.panel.windows]
        found[:, skipped] = 0.0
        return found

    def digests(self) -> tuple[str, ...]:
        """Names the counts of every window: a window whose digest changes is opened again."""
        current = self.panel.current
        return tuple(
            hashlib.sha256(np.round(np.concatenate([n, total]), 9).tobytes()).hexdigest()
            for n, total in zip(current.n, current.total, strict=True)
        )


def armed(
    session: Session,
    observations: Observations,
    policy: AlarmPolicy,
    kind: WatchKind,
    *,
    why_not: Mapping[str, str] | None = None,
) -> Armed | None:
    """One set of a model's subjects, armed on its reference under a policy; None where there is nothing to watch.

    Parameters
    ----------
    why_not : mapping of str to str, optional
        Why each subject can't alarm, '' if it can, as was found before on the same reference and policy: what a
        day of production doesn't change needn't be found again each day.
    """
    context, schema = observations.context, observations.schema
    plan = WindowPlan.of(schema.window, schema.timezone)
    infos = () if context.shows_reference else context.windows
    windows = plan.between(infos[0].window.key, infos[-1].window.key) if infos else ()
    model = Repository(session).model(context.model)

    def repeated(role: BatchRole) -> Mapping[int, int]:
        repository = Repository(session)
        is_reference = role is BatchRole.REFERENCE
        return repeated_ids(
            plan, repository.reference(model) if is_reference else repository.batches(model, roles=[role])
        )

    if kind is WatchKind.SERVED:
        panel = served_panel(
            observations,
            windows,
            duplicates=repeated,
            series=[
                (name, _sums(found.reference), _sums(found.current)) for name, found in observations.series.items()
            ],
        )
    else:
        panel = matured_panel(observations, windows)
    if panel is None or len(context.reference_windows) < 2:  # how windows differ can't be told from one
        return None
    reference = [window.window for window in context.reference_windows]
    cycles = CYCLES.get(plan.n_phases)
    season = None
    if cycles is not None and len(reference) >= cycles * plan.n_phases:
        phases = np.array([plan.phase(window) for window in reference], dtype=np.int64)
        season = Season(phases=phases, n_phases=plan.n_phases)
    margins = [
        policy.gap_margin(subject.key)
        if subject.family is Family.FAIRNESS
        else policy.margin(subject.key, column=subject.column, sigma=sigma, value=panel.margins.get(subject.key))
        for subject, sigma in zip(panel.subjects, _first_sigmas(panel), strict=True)
    ]
    left_out = {
        number: f"Left out: {policy.left_out[subject.column or subject.key]}"
        for number, subject in enumerate(panel.subjects)
        if (subject.column or subject.key) in policy.left_out
    }
    allowances = {light: policy.allowance(plan.per_year, changed=light is Light.CHANGED) for light in Light}
    if why_not is not None and [subject.key for subject in panel.subjects] == list(why_not):
        watch = Watch(
            baseline=fit_baseline(
                panel.subjects,
                panel.reference,
                phases=season.phases if season else None,
                n_phases=season.n_phases if season else 1,
            ),
            margins=tuple(margins),
            allowances=allowances,
            horizon=horizon_of(plan),
            why_not={number: why_not[s.key] for number, s in enumerate(panel.subjects) if why_not[s.key]},
        )
    else:
        watch = arm(
            panel.subjects,
            panel.reference,
            margins=margins,
            allowances=allowances,
            horizon=horizon_of(plan),
            season=season,
            left_out=left_out,
        )
    by_key = {info.window.key: info for info in infos}
    sealed = [_is_sealed(by_key.get(window.key), kind) for window in panel.windows]
    return Armed(
        kind=kind,
        panel=panel,
        watch=watch,
        phases=np.array([plan.phase(window) if season else 0 for window in panel.windows], dtype=np.int64),
        is_sealed=tuple(sealed),
        policy=policy,
    )


def _first_sigmas(panel: Panel) -> list[float]:
    """The standard deviation of a row's score in each subject's first monitor."""
    n, total, squares = (
        part.sum(axis=0) for part in (panel.reference.n, panel.reference.total, panel.reference.total_of_squares)
    )
    sigma = np.sqrt(np.maximum(squares / np.maximum(n, 1.0) - (total / np.maximum(n, 1.0)) ** 2, 0.0))
    starts = np.cumsum([0, *(len(subject.names) for subject in panel.subjects[:-1])])
    found: list[float] = sigma[starts].tolist()
    return found


def horizon_of(plan: WindowPlan) -> int:
    """Windows within which a shift must be findable: those of 30 days, at least 8."""
    per_day = (plan.per_year or 0.0) / 365.25
    return max(MIN_HORIZON, round(per_day * HORIZON_DAYS))


def content_of(found: Armed) -> dict[str, Any]:
    """What pages and evidence say of a watch, in the form that is stored."""
    watch, baseline = found.watch, found.watch.baseline
    horizons = sorted({1, 7, watch.horizon})
    findable = {light: dict(zip(horizons, watch.smallest_shifts(horizons, light), strict=True)) for light in Light}
    gaps, subjects = baseline.gaps, []
    errors, dispersions = baseline.reference_error, baseline.dispersion(baseline.n_window)  # of all, once
    edges = dict(zip(gaps.tolist(), gap_edges(baseline, watch.margins, gaps).tolist(), strict=True))
    largest = dict(zip(gaps.tolist(), largest_gaps(baseline, watch.margins, gaps).tolist(), strict=True))
    for number, subject in enumerate(watch.subjects):
        inside = baseline.subject == number
        first = int(np.flatnonzero(inside)[0])
        subjects.append(
            {
                "key": subject.key,
                "family": str(subject.family),
                "column": subject.column,
                "why_not": watch.why_not.get(number, ""),
                "margin": {"sd": watch.margins[number].sd, "points": watch.margins[number].points},
                "least_ratio": edges.get(first),
                "blind_at": _finite(largest.get(first, BLIND)),
                "reference_error": None if first in edges else _finite(errors[inside].min()),
                "dispersion": _finite(dispersions[inside].max()),
                "autocorrelation": _finite(baseline.autocorrelation[inside].max()),
                "n_window": _finite(baseline.n_window[inside].max()),
                "findable": {
                    str(light): {str(h): _finite(findable[light][h][number]) for h in horizons} for light in Light
                },
                "is_share": bool(baseline.is_exact[inside].all()) or subject.kinds[0] in SHARED,
                "sigma": _finite(baseline.sigma[inside][0]),
                "mean": _finite(baseline.mean[inside][0]),
            }
        )
    return {
        "subjects": subjects,
        "allowances": {str(light): watch.allowances[light] for light in Light},
        "horizon": watch.horizon,
        "n_reference_windows": baseline.n_windows,
        "has_season": baseline.season is not None,
        "replayed": _replayed(found),
    }


def _replayed(found: Armed) -> list[dict[str, Any]]:
    """What the reference itself would have raised, by the limits that were drawn from it."""
    reference = found.panel.reference
    phases = np.zeros(reference.n.shape[0], dtype=np.int64)
    events = []
    for light in Light:
        for incident in found.watch.run(reference, phases, light).incidents:
            subject = found.panel.subjects[incident.subject]
            events.append({"light": str(light), "subject": subject.key, "window": incident.opened})
    return events


def _is_sealed(info: WindowInfo | None, kind: WatchKind) -> bool:
    """A window without a record lies between others: nothing will come."""
    if info is None:
        return kind is WatchKind.SERVED
    return bool(info.is_complete if kind is WatchKind.SERVED else info.is_mature and info.is_complete)


def _finite(value: Any) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None


def _sums(windows: Mapping[int, SampledWindow]) -> dict[int, Floats]:
    return {key: np.array(window.sums) for key, window in windows.items()}
