"""Count rows with the real engine, so that these tests also hold the layout of its tables."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, islice

import numpy as np
import pyarrow as pa
import pytest

from core.performance.binary import BinaryCounts
from core.performance.multiclass import MulticlassCounts
from core.performance.regression import RegressionCounts
from core.profile.engines import CellKey, Tally
from core.profile.fitting import fit_profile
from core.profile.spec import CALIBRATION, EXPLORED, joint_table, loss_table, score_table
from core.schema import ModelSchema

KEY = CellKey(0, "v1", "")


def _schema(task: str, classes: list[str], columns: dict[str, dict[str, str]]) -> ModelSchema:
    outcome = {"outcome": {"classes": classes}} if classes else {}
    return ModelSchema.from_dict({"task": task, "window": {"rows": 10}, "columns": columns, **outcome})


def _tally(schema: ModelSchema, columns: dict[str, list], reference: dict[str, list]) -> tuple[Tally, object]:
    types = {"@prediction": pa.float64(), "@label": pa.float64()} if schema.task == "regression" else {}
    types |= {"@explored": pa.bool_(), "@weight": pa.float64()}

    def arrow(name: str, values: list) -> pa.ChunkedArray:
        kind = types.get(name, pa.float64() if name.startswith("@score") else pa.string())
        return pa.chunked_array([pa.array(values, type=kind)])

    windows = np.zeros(len(next(iter(reference.values()))), dtype=np.int64)
    spec = fit_profile(
        schema, lambda name: arrow(name, reference[name]), windows=windows, reference_digests=["reference"]
    )
    table = pa.table({name: arrow(name, values) for name, values in columns.items()})
    n = table.num_rows
    table = table.append_column("@version", pa.array(["v1"] * n))
    table = table.append_column("@timestamp", pa.nulls(n, pa.timestamp("us", tz="UTC")))
    tally = Tally(spec=spec, schema=schema)
    tally.add(table, np.zeros(n, dtype=np.int64))
    return tally, spec


def _names(codes: np.ndarray, classes: list[str]) -> list[str | None]:
    """Class names of codes; a negative code is missing."""
    return [classes[code] if code >= 0 else None for code in codes]


@pytest.fixture(scope="session")
def binary_counts() -> Callable[..., BinaryCounts]:
    """Counts of rows (score, prediction, label); -1 is a missing prediction or label, NaN a missing score."""

    def count(score, prediction, label, reference_score=None, explored=None, weight=None) -> BinaryCounts:
        classes = ["no", "yes"]
        columns = {"@prediction": _names(prediction, classes), "@label": _names(label, classes)}
        reference = dict(columns)
        specs = {"y": {"role": "label"}, "d": {"role": "prediction"}}
        if score is not None:
            specs["p"] = {"role": "score"}
            columns["@score"] = list(score)
            reference["@score"] = list(score if reference_score is None else reference_score)
            n_reference = len(reference["@score"])
            reference |= {name: list(islice(cycle(reference[name]), n_reference)) for name in columns if name[1] != "s"}
        for name, values in (("explored", explored), ("weight", weight)):
            if values is not None:
                specs[name] = {"role": name}
                columns[f"@{name}"] = list(values)
        schema = _schema("binary", classes, specs)
        tally, spec = _tally(schema, columns, reference)
        losses = tally.sums.get((KEY, loss_table()))
        return BinaryCounts(
            joint=tally.counts[KEY, joint_table()].dense().reshape(spec.joint_shape())[..., 0],
            classes=("no", "yes"),
            positive=1,
            score_bins=spec.scores.get(""),
            calibration_groups=spec.calibration_groups,
            losses=None if losses is None else losses[0],
            calibration=None if score is None else tally.sums[KEY, CALIBRATION][:, 0],
            explored=None if explored is None else tally.sums[KEY, EXPLORED].reshape(-1, 3, 3, 6),
        )

    return count


@pytest.fixture(scope="session")
def multiclass_counts() -> Callable[..., MulticlassCounts]:
    """Counts of rows (scores of shape (n, n_classes) or None, prediction, label)."""

    def count(scores, prediction, label, classes) -> MulticlassCounts:
        columns = {"@prediction": _names(prediction, classes), "@label": _names(label, classes)}
        specs = {"y": {"role": "label"}, "d": {"role": "prediction"}}
        for index, name in enumerate(classes if scores is not None else []):
            specs[f"p_{name}"] = {"role": "score", "class": name}
            columns[f"@score:{name}"] = list(scores[:, index])
        tally, spec = _tally(_schema("multiclass", classes, specs), columns, columns)
        joint = tally.counts[KEY, joint_table()].dense().reshape(spec.joint_shape())
        return MulticlassCounts(
            confusion=joint.sum(axis=(0, 3)),
            classes=tuple(classes),
            scores={
                name: tally.counts[KEY, score_table(name)].dense().reshape(spec.scores[name].size, 3, 3)
                for name in spec.scores
            },
            score_bins=spec.scores,
        )

    return count


@pytest.fixture(scope="session")
def regression_counts() -> Callable[..., RegressionCounts]:
    """Counts of rows (prediction, label); NaN is missing."""

    def count(prediction, label) -> RegressionCounts:
        columns = {"@prediction": list(prediction), "@label": list(label)}
        schema = _schema("regression", [], {"y": {"role": "label"}, "d": {"role": "prediction"}})
        tally, spec = _tally(schema, columns, columns)
        return RegressionCounts(
            joint=tally.counts[KEY, joint_table()].dense().reshape(spec.joint_shape())[..., 0],
            losses=tally.sums[KEY, loss_table()][0],
        )

    return count
