"""Public streams whose changes are known, as errors of a model that never learns: what each detector says of them.

    python -m tests.real.concept_streams

prints the tables of docs/concept-drift-on-streams.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from core.alarms.monitors import share_subject
from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light, arm
from core.concept.detectors import DETECTORS, detections
from core.measure import Family
from core.services.arming import MIN_HORIZON
from core.spc.change_point import level_changes
from tests.conftest import SHARED_DATA

Ints = NDArray[np.int64]

N_TRAINED, N_WINDOW = 5_000, 250  # rows
ENGINE = "Plumbline's watch"
DATED = "levels, afterwards"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stream:
    """Rows after those trained on, as (rows, errors) a window; `changes` are windows, `n_reference` are before any."""

    name: str
    n: Ints
    errors: Ints
    changes: tuple[int, ...]
    n_reference: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """One detector on one stream: signals between reference and first change, and windows until each change is said.

    `delays` holds 0 where the window that begins with the change signals at its end; None where nothing does until the
    next change; `extra`: signals beyond the first of each change; `grey`: changes at which nothing was armed.
    """

    detector: str
    false: int
    delays: tuple[int | None, ...]
    extra: int
    grey: tuple[bool, ...]

    @property
    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        rows = [
            f"{(delay + 1) * N_WINDOW:,}" if delay is not None else "not armed" if grey else "missed"
            for delay, grey in zip(self.delays, self.grey, strict=True)
        ]
        return self.detector, f"{self.false}", ", ".join(rows), f"{self.extra}"


def streams(folder: Path) -> Iterator[Stream]:
    """All of them: lobo's abrupt ones and tornado's."""
    for name in ("sine_0123_abrupto", "stagger_0120_abrupto", "mixed_0101_abrupto", "sea_0123_abrupto_noise_0.2"):
        yield stream(folder / "lobo_streams" / f"{name}.csv.gz", changes=(10_000, 20_000, 30_000))
    for name in ("sine1_w_50_n_0.1_101", "sine1_w_50_n_0.1_102", "mixed_w_50_n_0.1_101"):
        yield stream(folder / "tornado_streams" / f"{name}.csv.gz", changes=(20_000, 40_000, 60_000, 80_000))
    yield stream(folder / "tornado_streams" / "circles_w_500_n_0.1_101.csv.gz", changes=(25_000, 50_000, 75_000))


def stream(path: Path, *, changes: tuple[int, ...]) -> Stream:
    """The errors of a decision tree fitted on the first 5,000 rows; the reference is half of what then comes before
    the first change.
    """
    errors = stale_errors(pd.read_csv(path))
    windows = errors[: errors.size // N_WINDOW * N_WINDOW].reshape(-1, N_WINDOW).sum(axis=1)
    places = tuple((change - N_TRAINED) // N_WINDOW for change in changes)
    n = np.full(windows.size, N_WINDOW)
    return Stream(name=path.name.split(".csv")[0], n=n, errors=windows, changes=places, n_reference=places[0] // 2)


def stale_errors(rows: pd.DataFrame) -> Ints:
    """Whether a tree that saw the first 5,000 rows and no other is wrong, for each row after."""
    x = pd.get_dummies(rows.drop(columns="class"), dtype=float).to_numpy()
    y = rows["class"].astype(str).to_numpy()
    tree = DecisionTreeClassifier(random_state=0).fit(x[:N_TRAINED], y[:N_TRAINED])
    return (tree.predict(x[N_TRAINED:]) != y[N_TRAINED:]).astype(np.int64)


def heard_in(stream: Stream) -> tuple[Heard, ...]:
    """What every detector says, the watch first; detectors run from the first window on."""
    opened, armed_to = watched(stream)
    said = {ENGINE: opened, DATED: dated(stream)}
    for name, make in DETECTORS.items():
        said[name] = [signal.window for signal in detections(stream.n, stream.errors, make()).signals]
    return tuple(
        heard(stream, name, windows, armed_to if name == ENGINE else stream.n.size) for name, windows in said.items()
    )


def heard(stream: Stream, name: str, windows: list[int], armed_to: int) -> Heard:
    """Signals held against the known changes."""
    first = stream.changes[0]
    ends = (*stream.changes[1:], stream.n.size)
    after = [[w for w in windows if change <= w < end] for change, end in zip(stream.changes, ends, strict=True)]
    return Heard(
        detector=name,
        false=sum(stream.n_reference <= window < first for window in windows),
        delays=tuple(found[0] - change if found else None for found, change in zip(after, stream.changes, strict=True)),
        extra=sum(max(0, len(found) - 1) for found in after),
        grey=tuple(change >= armed_to for change in stream.changes),
    )


def watched(stream: Stream) -> tuple[list[int], int]:
    """Windows in which the watch opens an incident, and up to where it is armed.

    After each incident it is armed anew on the next windows, as many as the reference has, as if approved.
    """
    found: list[int] = []
    begin, k = 0, stream.n_reference
    subject = share_subject("errors", [0], 2, family=Family.PERFORMANCE, column="", name="wrong predictions")
    windows = np.column_stack([stream.errors, stream.n - stream.errors])
    policy = AlarmPolicy()
    while begin + k < stream.n.size:
        watch = arm(
            [subject],
            subject.windows(windows[begin : begin + k]),
            margins=[policy.margin("performance/accuracy")],
            allowances={light: policy.allowance(None, changed=light is Light.CHANGED) for light in Light},
            horizon=MIN_HORIZON,
        )
        if watch.why_not:
            return found, begin + k
        after = subject.windows(windows[begin + k :])
        incidents = watch.run(after, np.zeros(after.n.shape[0], dtype=np.int64), Light.MATERIAL).incidents
        if not incidents:
            break
        begin += k + incidents[0].opened
        found.append(begin)
    return found, stream.n.size


def dated(stream: Stream) -> list[int]:
    """The windows in which a new level begins, told afterwards from all of them at once.

    Anscombe's transform gives every level about the same spread, F. J. Anscombe (1948), doi:10.2307/2332343.
    """
    return list(
        level_changes(2 * np.sqrt(stream.n + 0.5) * np.arcsin(np.sqrt((stream.errors + 3 / 8) / (stream.n + 3 / 4))))
    )


def table(stream: Stream, heard: tuple[Heard, ...]) -> list[str]:
    """A stream's rows on the page."""
    changes = ", ".join(f"{N_TRAINED + change * N_WINDOW:,}" for change in stream.changes)
    edges = (0, *stream.changes, stream.n.size)
    rates = [f"{stream.errors[a:b].sum() / stream.n[a:b].sum():.3f}" for a, b in pairwise(edges)]
    head = [
        f"### {stream.name}",
        "",
        f"Changes at rows {changes}; error rates {', '.join(rates)}.",
        "",
        "| detector | false | rows until each change is said | further signals |",
        "| --- | --- | --- | --- |",
    ]
    return [*head, *(f"| {' | '.join(each.cells)} |" for each in heard), ""]


@dataclass(frozen=True, slots=True, kw_only=True)
class Electricity:
    """Elec2: how often two ways of predicting are right over all rows after those trained on, and who signals."""

    persistence: float
    tree: float
    persistence_after: float
    n_windows: int
    signals: Mapping[str, int]

    @property
    def lines(self) -> list[str]:
        """What the page says of it."""
        said = ", ".join(f"{name} {n}" for name, n in self.signals.items())
        return [
            f"| the last label again | {self.persistence:.2%} | {self.persistence_after:.2%} |",
            f"| a tree of the first {N_TRAINED:,} rows | | {self.tree:.2%} |",
            "",
            f"Signals of the tree's errors by week, {self.n_windows} weeks: {said}.",
        ]


def electricity(folder: Path) -> Electricity:
    """The last label as the prediction, and a tree that never learns again; windows are weeks of 336 half hours."""
    rows = pd.read_csv(folder / "elec2" / "elec2_full.csv.gz")
    label = rows["class"].to_numpy()
    same = label[1:] == label[:-1]
    errors = stale_errors(rows.drop(columns=["date"]))
    weeks = errors[: errors.size // 336 * 336].reshape(-1, 336).sum(axis=1)
    n = np.full(weeks.size, 336)
    return Electricity(
        persistence=float(same.mean()),
        tree=float(1 - errors.mean()),
        persistence_after=float(same[N_TRAINED - 1 :].mean()),
        n_windows=weeks.size,
        signals={name: len(detections(n, weeks, make()).signals) for name, make in DETECTORS.items()},
    )


if __name__ == "__main__":
    for each in streams(SHARED_DATA):
        print("\n".join(table(each, heard_in(each))))  # noqa: T201
    print("\n".join(electricity(SHARED_DATA).lines))  # noqa: T201
