"""Groups within groups are counted as a loop over the rows counts them, and what is cut is said."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from core.profile.engines import CellKey, Tally
from core.profile.fitting import fit_profile
from core.profile.spec import (
    REGRESSION_SUMS,
    ProfileSpec,
    crossing_name,
    crossings_of,
    joint_table,
    loss_table,
    outcome_tables,
)
from core.record import LABEL, PREDICTION, TIMESTAMP, VERSION
from core.schema import ModelSchema

KEY = CellKey(0, "v1", "")


def schema(task: str = "binary") -> ModelSchema:
    outcome = {"outcome": {"classes": ["no", "yes"], "positive": "yes"}} if task == "binary" else {}
    score = {"p": {"role": "score"}} if task == "binary" else {}
    attribute = {"role": "attribute", "type": "categorical", "protected": True}
    columns = {
        "sex": attribute,
        "area": attribute | {"segment": True},
        "age": attribute,
        "d": {"role": "prediction"},
        "y": {"role": "label"},
        **score,
    }
    return ModelSchema.from_dict({"task": task, "window": {"rows": 10}, "columns": columns, **outcome})


def records(task: str, n: int = 600) -> pa.Table:
    rng = np.random.default_rng(3)
    columns = {
        "sex": rng.choice(np.array(["f", "m", None], dtype=object), n),
        "area": rng.choice(np.array(["north", "south"], dtype=object), n),
        "age": rng.choice(np.array(["young", "old", None], dtype=object), n),
        TIMESTAMP: np.zeros(n, dtype="datetime64[us]"),
        VERSION: np.full(n, "v1", dtype=object),
    }
    if task == "binary":
        columns |= {
            "@score": rng.choice([0.1, 0.4, 0.6, 0.9, np.nan], n),
            PREDICTION: rng.choice(np.array(["no", "yes"], dtype=object), n),
            LABEL: rng.choice(np.array(["no", "yes", None], dtype=object), n),
        }
    else:
        columns |= {PREDICTION: rng.normal(size=n), LABEL: rng.normal(size=n)}
    return pa.table({name: pa.array(values, from_pandas=True) for name, values in columns.items()})


def counted(task: str) -> tuple[ProfileSpec, Tally, pa.Table]:
    table = records(task)
    windows = np.zeros(table.num_rows, dtype=np.int64)
    spec = fit_profile(schema(task), lambda name: table[name], windows=windows, reference_digests=["r"])
    tally = Tally(spec=spec, schema=schema(task))
    tally.add(table, np.zeros(table.num_rows, dtype=np.int64))
    return spec, tally, table


def test_every_pair_and_the_triple_are_counted_as_a_loop_counts_them() -> None:
    spec, tally, table = counted("binary")
    assert list(spec.crossings) == ["@sex x area", "@sex x age", "@area x age", "@sex x area x age"]
    rows = table.to_pylist()
    for name, attributes in spec.crossings.items():
        shape = spec.joint_shape(name)
        joint = tally.counts[KEY, joint_table(name)].dense().reshape(shape)
        assert shape == (spec.n_calibration_bins + 1, 3, 3, len(spec.cells(name)))
        expected: Counter[tuple[int, int, tuple[str, ...]]] = Counter()
        for row in rows:
            cell = tuple("Unknown" if row[attribute] is None else row[attribute] for attribute in attributes)
            label = 2 if row[LABEL] is None else ["no", "yes"].index(row[LABEL])
            expected[["no", "yes"].index(row[PREDICTION]), label, cell] += 1
        for place, cell in enumerate(spec.cells(name)):
            for predicted in range(3):
                for label in range(3):
                    assert joint[:, predicted, label, place].sum() == expected[predicted, label, cell]
        without_score = sum(row["@score"] is None for row in rows)
        assert joint[-1].sum() == without_score
        assert spec.group_names(name) == tuple(" / ".join(cell) for cell in spec.cells(name))


def test_summed_over_an_attribute_a_crossing_is_the_other_attributes_own_table() -> None:
    spec, tally, _ = counted("binary")
    name = crossing_name(["sex", "age"])
    crossed = tally.counts[KEY, joint_table(name)].dense().reshape(spec.joint_shape(name)).sum(axis=0)
    by_both = crossed.reshape(3, 3, len(spec.group_names("sex")), len(spec.group_names("age")))
    for axis, attribute in ((3, "sex"), (2, "age")):
        own = tally.counts[KEY, joint_table(attribute)].dense().reshape(spec.joint_shape(attribute)).sum(axis=0)
        assert (by_both.sum(axis=axis) == own).all()


def test_they_are_counted_for_everyone_and_not_inside_segments() -> None:
    spec, tally, _ = counted("binary")
    inside = {name for key, name in tally.counts if key.segment}
    assert inside
    assert not inside & {joint_table(name) for name in spec.crossings}


def test_a_regressions_errors_are_summed_by_cell_and_a_classifiers_losses_are_not() -> None:
    spec, tally, table = counted("regression")
    name = crossing_name(["sex", "area"])
    sums = tally.sums[KEY, loss_table(name)]
    assert sums.shape == (len(spec.cells(name)), len(REGRESSION_SUMS))
    place = spec.cells(name).index(("f", "north"))
    own = [row[PREDICTION] - row[LABEL] for row in table.to_pylist() if (row["sex"], row["area"]) == ("f", "north")]
    assert sums[place, 0] == pytest.approx(sum(own))
    assert not [name for _, name in counted("binary")[1].sums if "@" in name]


def test_the_profile_is_read_back_and_one_from_before_has_none() -> None:
    spec = counted("binary")[0]
    assert ProfileSpec.from_json(spec.to_json()) == spec
    older = json.loads(spec.to_json())
    del older["crossings"]
    assert ProfileSpec.from_json(json.dumps(older)).crossings == {}
    assert joint_table(crossing_name(["sex", "area"])) in outcome_tables(spec)


def test_what_would_be_too_many_cells_is_cut_and_said() -> None:
    groups = {"a": tuple("abcdefghijklmn"), "b": tuple("abcdefghijklmn"), "c": ("x", "y"), "d": ("x", "y")}
    found = {attributes: (n, is_counted) for attributes, n, is_counted in crossings_of(groups)}
    assert found[("a", "b")] == (256, True)
    assert found[("a", "b", "c")] == (1024, False)
    assert ("a", "d") not in found, "the first three attributes only"
