"""What Plumbline does with the same file, by its own functions: one task a process.

Counting reads the file's row groups as `core.services.profiles` does; the workspace's database isn't part of it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from core.drift.columns import column_drift, column_drifts
from core.drift.question import which_columns_differ
from core.drift.shares import in_order
from core.fairness.groups import group_rates
from core.profile.counts import CountTable
from core.profile.engines import CellKey, Tally
from core.profile.fitting import fit_profile, stored_columns
from core.profile.spec import ProfileSpec, column_table, crossing_name, joint_table
from core.profile.windows import WindowPlan
from core.record import TIMESTAMP
from core.schema import ModelSchema
from core.stats.binning import NumericBins
from core.stats.distances import kolmogorov_smirnov, wasserstein
from core.storage.batches import read_records
from tests.bench.speed.clock import measured
from tests.bench.speed.data import FEATURES, schema

Ints = np.ndarray


def keys_of(model: ModelSchema, records: pa.Table) -> Ints:
    """The day of each row."""
    micros = np.asarray(records[TIMESTAMP].cast(pa.int64()).to_numpy(), dtype=np.int64)
    return WindowPlan.of(model.window, model.timezone).keys_of_times(micros)


def fitted(model: ModelSchema, reference: Path) -> ProfileSpec:
    """The bins, on the reference."""
    file = pq.ParquetFile(reference)

    def read(column: str) -> pa.ChunkedArray:
        return file.read(columns=[column]).column(column)

    windows = keys_of(model, file.read(columns=[TIMESTAMP]))
    return fit_profile(model, read, windows=windows, reference_digests=["reference"])


def counted(model: ModelSchema, spec: ProfileSpec, path: Path) -> Tally:
    """All tables of a file, by day."""
    tally = Tally(spec=spec, schema=model)
    for records in read_records(path, stored_columns(model)):
        tally.add(records, keys_of(model, records))
    return tally


def decoded(path: Path) -> None:
    """Reading alone: the row groups of the 30 columns as Arrow, text dictionary-encoded."""
    for _ in read_records(path, list(FEATURES)):
        pass


def by_window(tally: Tally, name: str) -> Mapping[int, Ints]:
    """A table by day."""
    found: dict[int, Ints] = {}
    for (key, table), counts in tally.counts.items():
        if table == name:
            _add(found, key, counts)
    return found


def _add(found: dict[int, Ints], key: CellKey, counts: CountTable) -> None:
    if key.window in found:
        counts.add_to(found[key.window])
    else:
        found[key.window] = counts.dense()


def tables(tally: Tally) -> dict[str, Ints]:
    """The table of every feature, shape (n_days, size)."""
    found: dict[str, dict[int, Ints]] = {column_table(column): {} for column in FEATURES}
    for (key, table), counts in tally.counts.items():
        if table in found:
            _add(found[table], key, counts)
    return {column: np.stack(list(found[column_table(column)].values())) for column in FEATURES}


def drift(folder: Path, path: Path) -> None:
    """Reference fitted and counted, the file counted by day, then every measure of every column, once over all days."""
    model = ModelSchema.from_dict(schema(only_features=True))
    spec = fitted(model, folder / "reference.parquet")
    sides = [tables(counted(model, spec, side)) for side in (folder / "reference.parquet", path)]
    before, after = ({column: table.sum(axis=0) for column, table in side.items()} for side in sides)
    for column in FEATURES:
        column_drift(before[column], after[column], spec.columns[column])
    which_columns_differ({column: (before[column], after[column], spec.columns[column]) for column in FEATURES})


def daily(folder: Path, path: Path) -> None:
    """The same tables; then, a day and column, Jensen-Shannon with its interval, and of numbers KS and Wasserstein."""
    model = ModelSchema.from_dict(schema(only_features=True))
    spec = fitted(model, folder / "reference.parquet")
    before, after = (tables(counted(model, spec, side)) for side in (folder / "reference.parquet", path))
    for column in FEATURES:
        bins, reference = spec.columns[column], before[column].sum(axis=0)
        column_drifts(reference, after[column], bins, measure="jensen_shannon", margin=None)
        if isinstance(bins, NumericBins):
            edges = np.array([bins.low, bins.low, bins.low, *bins.ends, bins.ends[-1], bins.ends[-1]])
            ordered = in_order(reference, bins)
            for day in after[column]:
                kolmogorov_smirnov(ordered, in_order(day, bins))
                wasserstein(ordered, in_order(day, bins), edges, exact=bins.exact)


def fairness(folder: Path, path: Path) -> None:
    """Eleven rates of every group of two attributes and their pair, with intervals, from the rows on."""
    model = ModelSchema.from_dict(schema(only_groups=True))
    spec = fitted(model, folder / "reference.parquet")
    tally = counted(model, spec, path)
    for attribute in ("sex", "grp", crossing_name(["sex", "grp"])):
        shape = spec.joint_shape(attribute)
        joint = sum(by_window(tally, joint_table(attribute)).values()).reshape(shape).sum(axis=0)
        group_rates(joint, group_names=spec.group_names(attribute), positive=1, favourable=1)


def main() -> None:
    """Measure one task: its name, the folder and the file."""
    task, folder, file = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    path, small = folder / file, folder / "small.parquet"
    match task:
        case "decode":
            measured(lambda: decoded(path), lambda: decoded(small))
        case "counts" | "profile":
            model = ModelSchema.from_dict(schema(only_features=task == "counts"))
            spec = fitted(model, folder / "reference.parquet")
            measured(lambda: counted(model, spec, path), lambda: counted(model, spec, small))
        case _:
            call = {"drift": drift, "daily": daily, "fairness": fairness}[task]
            measured(lambda: call(folder, path), lambda: call(folder, small))


if __name__ == "__main__":
    main()
