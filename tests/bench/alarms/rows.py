"""The rows of the claim: what each world is, what must hold in it, and what every rule does there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.alarms.watch import Light
from tests.bench.alarms.counted import Counter, Stream, armed_columns, drawn_stream
from tests.bench.alarms.rules import COSTLY, DAYS, DEFAULTS, armed, column_values, counted_rules
from tests.bench.alarms.worlds import MOVED, MOVED_CATEGORIES, N_COLUMNS, Block, Change, World, blocks

Bools = NDArray[np.bool_]

SEED = 20_261_126
N_NULL = 40  # streams in which nothing changes, the row that the budget is about
N_STREAMS = 10  # of each other row
N_PEERS, N_COSTLY = 4, 2  # the streams that others' rules are asked in too
MATERIAL, CHANGED = "Plumbline, material", "Plumbline, changed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of the claim.

    `most_false`: events a year of the light named by `light`, and of material too if that isn't it;
    `latest`: windows, in the median, until that light finds the change, 0 in its very window. Rows
    `beyond` the claim are shown and bind nothing.
    """

    name: str
    world: World
    light: Light = Light.MATERIAL
    most_false: float = 1.0
    latest: float | None = None
    has_peers: bool = False
    beyond: bool = False

    def n_streams(self, wanted: int | None) -> int:
        """Streams of the row: as many as are asked for, or its share of a run of a quarter of an hour."""
        own = N_NULL if self.world == World() else N_STREAMS
        return own if wanted is None else wanted


def change(**what: float) -> World:
    return World(change=Change(**what))


ROWS: Sequence[Row] = (
    Row(name="nothing changes", world=World(), has_peers=True),
    Row(name="windows' own effects of 0.05 sd", world=World(window_sd=0.05), has_peers=True),
    Row(
        name="the same, alike in all columns (0.9)",
        world=World(window_sd=0.05, window_correlation=0.9, correlation=0.9),
    ),
    Row(name="200 rows a window", world=World(n_rows=200)),
    Row(name="2,000 rows a window", world=World(n_rows=2_000)),
    Row(name="20,000 rows a window", world=World(n_rows=20_000)),
    Row(name="100,000 rows a window", world=World(n_rows=100_000)),
    Row(name="100,000 rows, own effects of 0.05 sd", world=World(n_rows=100_000, window_sd=0.05)),
    Row(name="200 to 5,000 rows, own effects of 0.05 sd", world=World(n_rows=(200, 5_000), window_sd=0.05)),
    Row(name="correlation 0.5", world=World(correlation=0.5)),
    Row(name="correlation 0.9", world=World(correlation=0.9)),
    Row(name="own effects of 0.05 sd, AR(1) 0.5", world=World(window_sd=0.05, autocorrelation=0.5)),
    Row(name="a reference of 7 windows", world=World(n_reference=7)),
    Row(name="7 windows, own effects of 0.05 sd", world=World(n_reference=7, window_sd=0.05)),
    Row(
        name="7 windows, own effects of 0.05 sd, AR(1) 0.5",
        world=World(n_reference=7, window_sd=0.05, autocorrelation=0.5),
        beyond=True,
    ),
    Row(name="missing shares that vary from 0.2 to 3 %", world=World(missing_correlation=0.002), beyond=True),
    Row(name="0.25 sd step in 3 of 30 columns", world=change(shift=0.25), latest=1, has_peers=True),
    Row(name="0.10 sd step", world=change(shift=0.1), light=Light.CHANGED, latest=5, has_peers=True),
    Row(
        name="ramp 0 to 0.25 sd in 90 windows",
        world=change(shift=0.25, over=90),
        light=Light.CHANGED,
        latest=30,
        has_peers=True,
    ),
    Row(name="spread x 1.15", world=change(spread=1.15), light=Light.CHANGED, latest=5, has_peers=True),
    Row(name="a category 9 % to 12 %", world=change(category=0.12), light=Light.CHANGED, latest=5, has_peers=True),
    Row(name="missing 1 % to 2 %", world=change(missing=0.02), light=Light.CHANGED, latest=5),
)


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a rule did in the streams of a row.

    `false`: windows with a false alarm, a stream each; `new`: those on which a column alarmed that had not
    on the window before (an incident opened). `delays`: of each changed column of a stream, windows until
    its first alarm, inf if none came.
    """

    false: list[int] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    delays: list[list[float]] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        self.false += other.false
        self.new += other.new
        self.delays += other.delays

    @property
    def n_streams(self) -> int:
        return len(self.false)

    @property
    def median_delay(self) -> float:
        """Over the changed columns of all streams, NaN where nothing changes."""
        return _median([delay for of_stream in self.delays for delay in of_stream])

    @property
    def medians(self) -> list[float]:
        """Each stream's own median delay."""
        return [_median(of_stream) for of_stream in self.delays]

    def found_within(self, n_windows: int) -> float:
        delays = np.array([delay for of_stream in self.delays for delay in of_stream])
        return float(np.mean(delays < n_windows)) if delays.size else np.nan


def _median(delays: Sequence[float]) -> float:
    """The upper one of two middle delays: an average of found and not found means nothing."""
    return sorted(delays)[len(delays) // 2] if delays else np.nan


@dataclass(slots=True, kw_only=True)
class Outcome:
    """A row with what all rules did in it, and how many of how many series were armed."""

    row: Row
    n_windows: int
    tallies: dict[str, Tally]
    n_armed: list[int]
    n_subjects: int

    def a_year(self, rule: str, *, new: bool = False) -> float:
        tally = self.tallies[rule]
        return float(np.mean(tally.new if new else tally.false)) * DAYS / self.n_windows

    def error(self, rule: str) -> float:
        """The standard error of `a_year`, from how streams differ; where no stream had an event, a 95% upper bound."""
        false = np.array(self.tallies[rule].false)
        a_window = DAYS / self.n_windows
        if not false.any():
            return 3 / false.size * a_window  # the rule of three
        return float(false.std(ddof=1) / np.sqrt(false.size)) * a_window if false.size > 1 else np.nan

    @property
    def own(self) -> str:
        return MATERIAL if self.row.light is Light.MATERIAL else CHANGED

    @property
    def holds(self) -> bool:
        quiet = self.a_year(MATERIAL) <= self.row.most_false
        return quiet and (self.row.latest is None or self.tallies[self.own].median_delay <= self.row.latest)


def moved_columns(world: World) -> list[int]:
    """The columns whose values change."""
    if not world.change or world.change.missing:
        return []
    return list(MOVED_CATEGORIES if world.change.category else MOVED)


def tally_of_alarms(alarms: Bools, world: World) -> Tally:
    """What a rule did that answers by window and column."""
    moved = moved_columns(world)
    false = alarms.copy()
    start = world.change.window if world.change else alarms.shape[0]
    false[start:, moved] = False
    first = np.vstack([false[:1], false[1:] & ~alarms[:-1]])
    delays = [float(np.argmax(alarms[start:, c])) if alarms[start:, c].any() else np.inf for c in moved]
    return Tally(false=[int(false.any(axis=1).sum())], new=[int(first.any(axis=1).sum())], delays=[delays])


def own_tallies(stream: Stream, world: World) -> tuple[dict[str, Tally], int]:
    """What Plumbline's lights did, and how many series were armed."""
    watch = armed(stream)
    phases = np.zeros(world.n_production, dtype=np.int64)
    moved = world.change.moved if world.change else frozenset()
    start = world.change.window if world.change else world.n_production
    found = {}
    for name, light in ((MATERIAL, Light.MATERIAL), (CHANGED, Light.CHANGED)):
        incidents = watch.run(stream.production, phases, light).incidents
        of = [(stream.subjects[incident.subject].key, incident.opened) for incident in incidents]
        false = {opened for key, opened in of if key not in moved or opened < start}
        first = {key: min(o for k, o in of if k == key and o >= start) for key, opened in of if opened >= start}
        delays = [first[key] - start if key in first else np.inf for key in sorted(moved) if "outside" not in key]
        found[name] = Tally(false=[len(false)], new=[len(false)], delays=[delays])
    return found, sum(watch.is_armed)


def run_stream(row: Row, number: int, *, place: int) -> tuple[dict[str, Tally], int, int]:
    """One stream of a row: what every rule did, how many series there were and how many were armed."""
    rng = np.random.default_rng([SEED, place, number])
    world = row.world
    if world.draws_counts:
        stream = drawn_stream(world, rng)
        tallies, n_armed = own_tallies(stream, world)
        return tallies, n_armed, len(stream.subjects)
    is_asked = row.has_peers and number < N_PEERS
    makers = (DEFAULTS | (COSTLY if number < N_COSTLY else {})) if is_asked else {}
    counters: list[Counter] = []
    rules: dict[str, list] = {}
    alarms: dict[str, list[Bools]] = {name: [] for name in makers}
    after: list[list[np.ndarray]] = [[] for _ in range(N_COLUMNS)]
    n_window = 0.0
    for block in blocks(world, rng):
        if not counters:
            counters = [Counter(column, block.column(column), block.sizes) for column in range(N_COLUMNS)]
            n_window = float(block.sizes.mean())
            rules = {name: [make(windows_of(block, c)) for c in range(N_COLUMNS)] for name, make in makers.items()}
            continue
        for column, counter in enumerate(counters):
            after[column].append(counter.counts(block.column(column), block.sizes))
        for name, of_columns in rules.items():
            answers = [[rule.alarm(window) for window in windows_of(block, c)] for c, rule in enumerate(of_columns)]
            alarms[name].append(np.array(answers).T)
    stream = armed_columns(counters, [np.vstack(parts) for parts in after], n_window)
    tallies, n_armed = own_tallies(stream, world)
    answered = {name: np.vstack(parts) for name, parts in alarms.items()}
    if row.has_peers:
        answered |= counted_rules(stream)
    tallies |= {name: tally_of_alarms(found, world) for name, found in answered.items()}
    return tallies, n_armed, len(stream.subjects)


def windows_of(block: Block, column: int) -> list[np.ndarray]:
    """A complete column in windows, as others are given it."""
    return block.windows(column_values(block.columns[column], column))


def run_row(row: Row, *, place: int, n_streams: int, run: Callable[..., Iterable[Any]] = map) -> Outcome:
    """All streams of a row; `run` is `map`, or that of a pool of processes."""
    tallies: dict[str, Tally] = {}
    streams = list(run(partial(run_stream, row, place=place), range(n_streams)))
    for of_stream, _, _ in streams:
        for name, tally in of_stream.items():
            tallies.setdefault(name, Tally()).add(tally)
    return Outcome(
        row=row,
        n_windows=row.world.n_production,
        tallies=tallies,
        n_armed=[n_armed for _, n_armed, _ in streams],
        n_subjects=streams[0][2],
    )
