"""Alarms of what needs labels: streams of a binary model's rows whose truth is known, and other rules beside.

A stream is a year of windows after a reference of 30. It is counted and armed as the product does: wrong predictions,
Brier score, ROC AUC and the residual given the score, four subjects in one set with half of each budget.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light, Watch, arm
from core.concept.detectors import DETECTORS, Detector, detections
from core.concept.residual import labels_by_score
from core.concept.river import river_detectors
from core.performance.binary import BinaryCounts
from core.schema import Task
from core.services.matured_panel import add_outcomes, add_performance
from core.services.panel import Draft, Panel
from core.stats.scores import calibration_names
from tests.bench.alarms.rows import CHANGED, MATERIAL, SEED, Tally
from tests.bench.alarms.rules import DAYS, HORIZON
from tests.bench.estimates.worlds import Bins, World, bins_of, counts_of

Bools = NDArray[np.bool_]

N_REFERENCE, N_PRODUCTION, CHANGE_AT = 30, 365, 100
N_NULL, N_STREAMS, N_RIVER = 40, 10, 2
MOST_ROWS_OF_RIVER = 1_000  # a window: it reads row by row
P_CHART, LIMITS = "p chart, 3 sigma", "mean ± 3 sd of any measure"
PLACE = 1_000  # of these rows in the seeds, apart from those of `rows`
ABOUT = {
    P_CHART: "the share of wrong predictions, limits p ± 3 sqrt(p (1 - p) / n) from the reference",
    LIMITS: "accuracy, Brier score or ROC AUC beyond the mean ± 3 sd of the reference's windows",
    "DDM, Page-Hinkley, HDDM-A, ADWIN": "Plumbline's views, from counts of windows; they open no alert",
    "River ...": "River's own detectors at their defaults, row by row",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledRow:
    """One row of the claim: a world, the one after window 100, rows a window, and the false events a year allowed.

    `after` is None where nothing changes.
    """

    name: str
    world: World
    after: World | None = None
    n_rows: int = 1_000
    most_false: float = 1.0

    @property
    def changes(self) -> bool:
        """Whether outcomes change on window 100."""
        return self.after is not None

    def at(self, window: int) -> World:
        """The world that a window is drawn in, 0 being the first of the reference."""
        return self.world if self.after is None or window < N_REFERENCE + CHANGE_AT else self.after

    def n_streams(self, wanted: int | None) -> int:
        """Streams of the row: as many as are asked for, or its share of a run of a quarter of an hour."""
        return (N_NULL if self.name == LABELLED_ROWS[0].name else N_STREAMS) if wanted is None else wanted


def world(**what: float) -> World:
    return World(name="", words="", all_digits=True, **what)


LABELLED_ROWS: Sequence[LabelledRow] = (
    LabelledRow(name="nothing changes", world=world()),
    LabelledRow(name="200 rows a window", world=world(), n_rows=200),
    LabelledRow(name="20,000 rows a window", world=world(), n_rows=20_000),
    LabelledRow(name="windows differ by 0.15 in log-odds", world=world(day=0.15)),
    LabelledRow(name="20,000 rows, windows differ by 0.15", world=world(day=0.15), n_rows=20_000),
    LabelledRow(name="log-odds of a positive fall by 0.4", world=world(), after=world(concept=-0.4)),
    LabelledRow(name="the score tells 3/4 as much", world=world(), after=world(slope=0.6)),
    LabelledRow(name="the score tells half as much", world=world(), after=world(slope=0.4)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledOutcome:
    """A row with what all rules did in it, and how many of its subjects were armed."""

    row: LabelledRow
    tallies: dict[str, Tally]
    n_armed: list[int]

    def a_year(self, rule: str) -> float:
        """Windows a year with a false alarm."""
        return float(np.mean(self.tallies[rule].false)) * DAYS / self.n_quiet

    def error(self, rule: str) -> float:
        """The standard error of `a_year`; where no stream had an event, a 95% upper bound."""
        false = np.array(self.tallies[rule].false)
        if not false.any():
            return 3 / false.size * DAYS / self.n_quiet  # the rule of three
        return float(false.std(ddof=1) / np.sqrt(false.size)) * DAYS / self.n_quiet if false.size > 1 else np.nan

    @property
    def n_quiet(self) -> int:
        """Windows of production in which nothing has changed."""
        return CHANGE_AT if self.row.changes else N_PRODUCTION

    @property
    def holds(self) -> bool:
        return self.a_year(MATERIAL) <= self.row.most_false


def windows_of(row: LabelledRow, rng: np.random.Generator) -> tuple[Bins, list[BinaryCounts]]:
    """The counts of reference and production, window by window, on bins of the reference."""
    days = rng.normal(0.0, row.world.day, N_REFERENCE + N_PRODUCTION) if row.world.day else np.zeros(395)
    drawn = [
        row.at(window).rows(row.n_rows, rng, is_window=window >= N_REFERENCE, day=day)
        for window, day in enumerate(days.tolist())
    ]
    bins = bins_of(np.concatenate([score for score, _ in drawn[:N_REFERENCE]]))
    return bins, [counts_of(bins, score, label) for score, label in drawn]


def panel_of(bins: Bins, windows: Sequence[BinaryCounts]) -> Panel:
    """Subjects and windows as the product makes them of such counts."""
    draft = Draft()
    reference, current = windows[:N_REFERENCE], windows[N_REFERENCE:]
    add_performance(draft, reference, current, Task.BINARY)
    names = calibration_names(bins.scores, bins.groups)
    sides = [
        np.array([labels_by_score(w.joint, bins.groups, positive=1) for w in side]).reshape(-1, 2 * len(names))
        for side in (reference, current)
    ]
    add_outcomes(draft, sides[0], sides[1], names)
    panel = draft.panel([])
    if panel is None:
        raise RuntimeError("A stream without subjects.")
    return panel


def armed(panel: Panel) -> Watch:
    """The set as the product arms it under the default policy."""
    policy = AlarmPolicy()
    first = np.cumsum([0, *(len(subject.names) for subject in panel.subjects[:-1])])
    n, total, squares = (
        part.sum(axis=0)[first] for part in (panel.reference.n, panel.reference.total, panel.reference.total_of_squares)
    )
    sigma = np.sqrt(np.maximum(squares / n - (total / n) ** 2, 0.0))
    return arm(
        panel.subjects,
        panel.reference,
        margins=[
            policy.margin(subject.key, sigma=float(sd), value=panel.margins.get(subject.key))
            for subject, sd in zip(panel.subjects, sigma, strict=True)
        ],
        allowances={light: policy.allowance(DAYS, changed=light is Light.CHANGED) for light in Light},
        horizon=HORIZON,
    )


def tally(alarms: Bools, row: LabelledRow) -> Tally:
    """Windows of production with an alarm, and windows from the change to the first."""
    start = CHANGE_AT if row.changes else alarms.size
    fresh = np.append(alarms[:1], alarms[1:] & ~alarms[:-1])
    delays = [] if not row.changes else [float(np.argmax(alarms[start:])) if alarms[start:].any() else np.inf]
    return Tally(false=[int(alarms[:start].sum())], new=[int(fresh[:start].sum())], delays=[delays])


def run_labelled_stream(row: LabelledRow, number: int, *, place: int) -> tuple[dict[str, Tally], int]:
    """One stream of a row: what every rule did, and how many subjects were armed."""
    rng = np.random.default_rng([SEED, PLACE + place, number])
    bins, windows = windows_of(row, rng)
    panel = panel_of(bins, windows)
    watch = armed(panel)
    found = {}
    for name, light in ((MATERIAL, Light.MATERIAL), (CHANGED, Light.CHANGED)):
        opened = watch.run(panel.current, np.zeros(N_PRODUCTION, dtype=np.int64), light).incidents
        alarms = np.zeros(N_PRODUCTION, dtype=bool)
        alarms[[incident.opened for incident in opened]] = True
        found[name] = tally(alarms, row)
    mean = panel.reference.mean[:, :3], panel.current.mean[:, :3]
    n, p = panel.current.n[:, 0], panel.reference.total[:, 0].sum() / panel.reference.n[:, 0].sum()
    found[P_CHART] = tally(np.abs(mean[1][:, 0] - p) > 3 * np.sqrt(p * (1 - p) / n), row)
    off = np.abs(mean[1] - mean[0].mean(axis=0)) > 3 * mean[0].std(axis=0, ddof=1)
    found[LIMITS] = tally(off.any(axis=1), row)
    rows, wrong = (
        np.concatenate([getattr(side, part)[:, 0] for side in (panel.reference, panel.current)])
        for part in ("n", "total")
    )
    makers: dict[str, Callable[[], Detector]] = dict(DETECTORS)
    if number < N_RIVER and row.n_rows <= MOST_ROWS_OF_RIVER:
        makers |= {f"River {name}": make for name, make in river_detectors().items()}
    for name, make in makers.items():
        alarms = np.zeros(N_REFERENCE + N_PRODUCTION, dtype=bool)
        signals = detections(rows.astype(np.int64), wrong.astype(np.int64), make()).signals
        alarms[[signal.window for signal in signals]] = True
        found[name] = tally(alarms[N_REFERENCE:], row)
    return found, sum(watch.is_armed)


def run_labelled_row(
    row: LabelledRow, *, place: int, n_streams: int, run: Callable[..., Iterable[Any]] = map
) -> LabelledOutcome:
    """All streams of a row; `run` is `map`, or that of a pool of processes."""
    tallies: dict[str, Tally] = {}
    streams = list(run(partial(run_labelled_stream, row, place=place), range(n_streams)))
    for of_stream, _ in streams:
        for name, of_rule in of_stream.items():
            tallies.setdefault(name, Tally()).add(of_rule)
    return LabelledOutcome(row=row, tallies=tallies, n_armed=[n_armed for _, n_armed in streams])
