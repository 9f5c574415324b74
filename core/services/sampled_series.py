"""Numbers a window that are read from whole sampled rows: can rows be told from the reference's, and how?"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.drift.encoding import Columns, row_sums
from core.drift.multivariate import domain_shift
from core.drift.reconstruction import Reconstruction, fit_reconstruction
from core.profile.spec import ProfileSpec
from core.record import BatchRole
from core.schema import ModelSchema
from core.services.reference_facts import facts_of_sample, sample_columns
from core.services.samples import WINDOW, read_sample, sampled_windows
from core.storage.alerting import SeriesRow
from core.storage.database import Database
from core.storage.files import WorkspaceFiles
from core.storage.repository import Repository
from core.storage.tables import BatchRow, ModelRow, ProfileRow

__all__ = ["SampledSeries", "SampledWindow", "load_series", "update_series"]

FORMAT = "2"  # of what a window's numbers are made from
NAMES = ("reconstruction", "classifier")
MIN_COLUMNS = 2
MIN_ROWS = 50  # of a window's sample
MOST_ROWS = 1_000  # a side, of what tells windows from the reference
N_TREES, N_LEAVES = 20, 8
SHOWN = 5

Sums = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledWindow:
    """One window: (n, sum, sum of squares), and the columns that drive it with their shares."""

    sums: Sums
    drivers: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampledSeries:
    """One number in every window of the reference and since, by window key."""

    reference: Mapping[int, SampledWindow]
    current: Mapping[int, SampledWindow]

    @property
    def reference_mean(self) -> float | None:
        """The mean over the reference's windows."""
        n = sum(window.sums[0] for window in self.reference.values())
        return sum(window.sums[1] for window in self.reference.values()) / n if n else None


def load_series(session: Session, profile: ProfileRow) -> dict[str, SampledSeries]:
    """What was made of a profile's samples, by name."""
    found: dict[str, dict[str, dict[int, SampledWindow]]] = {}
    of_profile = select(SeriesRow).where(SeriesRow.profile_id == profile.id, SeriesRow.name.in_(NAMES))
    for row in session.scalars(of_profile):
        sides = found.setdefault(row.name, {BatchRole.REFERENCE: {}, BatchRole.PRODUCTION: {}})
        drivers = tuple((str(name), float(share)) for name, share in row.detail.get("drivers", []))
        sides[row.role][row.window] = SampledWindow(sums=(row.n, row.total, row.total_of_squares), drivers=drivers)
    return {
        name: SampledSeries(reference=sides[BatchRole.REFERENCE], current=sides[BatchRole.PRODUCTION])
        for name, sides in found.items()
    }


def update_series(
    database: Database,
    files: WorkspaceFiles,
    model: ModelRow,
    profile: ProfileRow,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Make what isn't made yet of the samples: the reference's facts, and both series of every window.

    A window is made anew when a batch with rows of it came in or went.
    """
    with database.read() as session:
        repository = Repository(session)
        schema, spec = repository.schema(model), ProfileSpec.from_json(profile.spec)
        batches = {
            role: [batch for batch in side if repository.sample(batch) is not None]
            for role, side in {
                BatchRole.REFERENCE: repository.reference(model),
                BatchRole.PRODUCTION: repository.batches(model, roles=[BatchRole.PRODUCTION]),
            }.items()
        }
        mark = _mark([batch for side in batches.values() for batch in side])
        before = session.get_one(ProfileRow, profile.id).facts
        if not batches[BatchRole.REFERENCE] or (before is not None and before["mark"] == mark):
            return
        of_profile = select(SeriesRow).where(SeriesRow.profile_id == profile.id, SeriesRow.name.in_(NAMES))
        stored = session.scalars(of_profile)
        known = {(row.role, row.window): row.basis for row in stored}
        parts = {
            (str(role), key): of
            for role, side in batches.items()
            for key, of in sampled_windows(session, side, schema).items()
        }
        bases = {place: _digest(FORMAT, *sorted(of)) for place, of in parts.items()}
        stale = {place: basis for place, basis in bases.items() if known.get(place) != basis}
        touched = {batch.id for place in stale for batch in parts[place].values()}
        batches[BatchRole.PRODUCTION] = [batch for batch in batches[BatchRole.PRODUCTION] if batch.id in touched]
        samples = {role: read_sample(session, files, side, schema).to_pandas() for role, side in batches.items()}
    facts = before or facts_of_sample(samples[BatchRole.REFERENCE], schema, spec.left_out)
    made, windows = [], set()
    for row in _made(samples, schema, spec, stale):
        made.append(row)
        if progress is not None and (row.role, row.window) not in windows:
            windows.add((row.role, row.window))
            progress(len(windows), len(stale))
    kept = (bases.keys() - stale.keys()) | {(row.role, row.window) for row in made}
    gone = known.keys() - kept
    with database.write(f"profile {profile.id}") as session:
        session.get_one(ProfileRow, profile.id).facts = {**facts, "mark": mark}
        for role, window in gone:
            session.execute(
                delete(SeriesRow).where(
                    SeriesRow.profile_id == profile.id, SeriesRow.role == role, SeriesRow.window == window
                )
            )
        for row in made:
            row.profile_id = profile.id
            session.merge(row)


def _made(
    samples: Mapping[BatchRole, pd.DataFrame],
    schema: ModelSchema,
    spec: ProfileSpec,
    stale: Mapping[tuple[str, int], str],
) -> Iterable[SeriesRow]:
    """Both numbers of every window whose sample is new, each with the basis it will be known by."""
    names = [name for name in schema.features if name not in spec.left_out]
    reference = samples[BatchRole.REFERENCE]
    columns = sample_columns(reference, schema, names)
    if len(columns) < MIN_COLUMNS or len(reference) < MIN_ROWS:
        return
    model = fit_reconstruction(columns, rng=_rng("reconstruction"))
    for role, sample in samples.items():
        for window, rows in sample.groupby(WINDOW, sort=True):
            key = int(str(window))
            basis = stale.get((str(role), key))
            if basis is None or len(rows) < MIN_ROWS:
                continue
            others = reference[reference[WINDOW] != key] if role is BatchRole.REFERENCE else reference
            sides = sample_columns(others, schema, names), sample_columns(rows, schema, names)
            for name, sums, drivers in _of_window(*sides, model, key):
                yield SeriesRow(
                    role=str(role),
                    name=name,
                    window=key,
                    basis=basis,
                    n=sums[0],
                    total=sums[1],
                    total_of_squares=sums[2],
                    detail={"drivers": [list(driver) for driver in drivers]},
                )


def _of_window(
    reference: Columns, window: Columns, model: Reconstruction, key: int
) -> Iterable[tuple[str, Sums, list[tuple[str, float]]]]:
    """Both numbers of one window, each with the columns that drive it."""
    if model.is_usable:
        yield "reconstruction", row_sums(model.errors(window)), []
    shift = domain_shift(reference, window, rng=_rng(str(key)), most_rows=MOST_ROWS, n_trees=N_TREES, n_leaves=N_LEAVES)
    if shift.measure.value is not None:
        drivers = [(column.column, column.share) for column in shift.columns[:SHOWN]]
        yield "classifier", row_sums(shift.placements), drivers


def _mark(batches: Sequence[BatchRow]) -> str:
    """Names the records that samples are drawn from."""
    return _digest(*(batch.records_sha256 for batch in batches))


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _rng(name: str) -> np.random.Generator:
    """The same draws for the same window, whenever it is made."""
    return np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))
