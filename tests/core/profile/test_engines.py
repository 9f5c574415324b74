"""Count tables equal a plain loop over the rows, and the counts of a whole the sum of its parts."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.profile.counts import CountTable, total_of_sums
from core.profile.engines import CellKey, Tally
from core.profile.fitting import fit_profile
from core.profile.spec import CALIBRATION, ProfileSpec, column_table, joint_table, loss_table, moment_table, score_table
from core.record import LABEL, PREDICTION, TIMESTAMP, VARIANT, VERSION
from core.schema import ModelSchema
from core.stats.binning import N_SPECIAL, Special

SCHEMA = ModelSchema.from_dict(
    {
        "task": "binary",
        "window": {"rows": 10},
        "outcome": {"classes": ["no", "yes"], "positive": "yes"},
        "columns": {
            "x": {"role": "feature", "type": "numeric"},
            "c": {"role": "feature", "type": "categorical"},
            "flag": {"role": "feature", "type": "boolean"},
            "note": {"role": "feature", "type": "text"},
            "sex": {"role": "attribute", "type": "categorical", "protected": True},
            "place": {"role": "attribute", "type": "categorical", "segment": True},
            "variant": {"role": "variant"},
            "p": {"role": "score"},
            "d": {"role": "prediction"},
            "y": {"role": "label"},
        },
    }
)

numbers = st.one_of(
    st.none(), st.sampled_from([0.0, -0.0, 1.0, 2.0, 2.5, math.inf, -math.inf, 5e-324, 1e308]), st.floats(-10, 10)
)
rows = st.fixed_dictionaries(
    {
        "x": numbers,
        "c": st.sampled_from(["a", "b", "c", "é", "new", None]),
        "flag": st.sampled_from([True, False, None]),
        "note": st.sampled_from(["", "kurz", "länger", None]),
        "sex": st.sampled_from(["f", "m", "x", None]),
        "place": st.sampled_from(["north", "south", "moon", None]),
        VARIANT: st.sampled_from([None, "canary", "shadow"]),
        VERSION: st.sampled_from(["v1", "v2"]),
        "@score": st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1)),
        PREDICTION: st.sampled_from(["no", "yes", None]),
        LABEL: st.sampled_from(["no", "yes", None]),
        "window": st.integers(0, 2),
    }
)
TYPES = {"x": pa.float64(), "flag": pa.bool_(), "@score": pa.float64()}


def as_table(records: list[dict[str, Any]]) -> tuple[pa.Table, np.ndarray]:
    columns = {
        name: pa.array([record[name] for record in records], type=TYPES.get(name, pa.string()))
        for name in (records[0] if records else {})
        if name != "window"
    }
    columns[TIMESTAMP] = pa.nulls(len(records), pa.timestamp("us", tz="UTC"))
    return pa.table(columns), np.array([record["window"] for record in records], dtype=np.int64)


def reference() -> ProfileSpec:
    rng = np.random.default_rng(1)
    n = 400
    table = pa.table(
        {
            "x": pa.array(np.round(rng.normal(0, 3, n), 2)),
            "c": pa.array(rng.choice(["a", "b", "c", "é"], n)),
            "flag": pa.array(rng.random(n) < 0.5),
            "note": pa.array(rng.choice(["kurz", "länger"], n)),
            "sex": pa.array(rng.choice(["f", "m"], n)),
            "place": pa.array(rng.choice(["north", "south"], n)),
            "@score": pa.array(rng.choice([0.0, 0.25, 0.5, 0.75, 1.0], n)),
            PREDICTION: pa.array(rng.choice(["no", "yes"], n)),
            LABEL: pa.array(rng.choice(["no", "yes"], n)),
        }
    )
    return fit_profile(SCHEMA, table.column, windows=np.arange(n) // 50, reference_digests=["r"])


SPEC = reference()


def tally(*parts: list[dict[str, Any]]) -> Tally:
    counted = Tally(spec=SPEC, schema=SCHEMA)
    for part in parts:
        if part:
            counted.add(*as_table(part))
    return counted


@given(st.lists(rows, min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_column_counts_equal_a_loop_over_the_rows(records: list[dict[str, Any]]) -> None:
    counted = tally(records)
    expected: dict[tuple[CellKey, str], Counter[int]] = {}
    for record in records:
        if record[VARIANT] == "shadow":
            continue
        place = (
            record["place"]
            if record["place"] in ("north", "south")
            else "Unknown"
            if record["place"] is None
            else "(new groups)"
        )
        for segment in ("", f"place={place}"):
            key = CellKey(record["window"], record[VERSION], segment)
            expected.setdefault((key, column_table("x")), Counter())[_numeric_bin(record["x"])] += 1
            expected.setdefault((key, column_table("c")), Counter())[_category_bin("c", record["c"])] += 1
            flag = None if record["flag"] is None else str(record["flag"]).lower()
            expected.setdefault((key, column_table("flag")), Counter())[_category_bin("flag", flag)] += 1
    for (key, name), counts in expected.items():
        dense = counted.counts[key, name].dense()
        assert {cell: int(n) for cell, n in enumerate(dense) if n} == dict(counts), (key, name)


def _numeric_bin(value: float | None) -> int:
    bins = SPEC.columns["x"]
    n = bins.n_bins
    if value is None:
        return n + Special.MISSING
    if math.isinf(value):
        return n + (Special.POSITIVE_INFINITY if value > 0 else Special.NEGATIVE_INFINITY)
    if value < bins.low:
        return n + Special.BELOW
    for place, end in enumerate(bins.ends):
        if value <= end:
            return place
    return n + Special.ABOVE


def _category_bin(column: str, value: str | None) -> int:
    bins = SPEC.columns[column]
    if value is None:
        return bins.n_bins + Special.MISSING
    return bins.categories.index(value) if value in bins.categories else bins.n_bins + Special.UNSEEN


@given(st.lists(rows, min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_joint_counts_and_losses_equal_a_loop_over_the_rows(records: list[dict[str, Any]]) -> None:
    counted = tally(records)
    live = [record for record in records if record[VARIANT] != "shadow"]
    for attribute in ("", "sex"):
        shape = SPEC.joint_shape(attribute)
        cells: Counter[tuple[CellKey, int]] = Counter()
        brier: dict[tuple[CellKey, int], list[float]] = {}
        for record in live:
            key = CellKey(record["window"], record[VERSION], "")
            group = _group(record["sex"]) if attribute else 0
            score = SPEC.scores[""].assign(np.array([np.nan if record["@score"] is None else record["@score"]]))[0]
            place = (score, _class(record[PREDICTION]), _class(record[LABEL]), group)
            cells[key, int(np.ravel_multi_index(place, shape))] += 1
            if record["@score"] is not None and record[LABEL] is not None:
                loss = (record["@score"] - (record[LABEL] == "yes")) ** 2
                brier.setdefault((key, group), []).append(loss)
        for (key, cell), n in cells.items():
            assert counted.counts[key, joint_table(attribute)].dense()[cell] == n
        for key in {key for key, _ in cells}:
            assert counted.counts[key, joint_table(attribute)].n == sum(
                n for (other, _), n in cells.items() if other == key
            )
        for (key, group), losses in brier.items():
            assert counted.sums[key, loss_table(attribute)][group, 0] == pytest.approx(math.fsum(losses), abs=1e-12)


def _group(value: str | None) -> int:
    return {"f": SPEC.groups["sex"].index("f"), "m": SPEC.groups["sex"].index("m"), None: 2}.get(value, 3)


def _class(value: str | None) -> int:
    return {"no": 0, "yes": 1, None: 2}[value]


@given(st.lists(rows, max_size=50), st.lists(rows, max_size=50), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_counts_of_the_sum_equal_the_sum_of_counts_in_any_order(
    left: list[dict[str, Any]], right: list[dict[str, Any]], random: Any
) -> None:
    shuffled = [*left, *right]
    random.shuffle(shuffled)
    whole, first, second = tally(shuffled), tally(left), tally(right)
    assert whole.counts.keys() == first.counts.keys() | second.counts.keys()
    for key, table in whole.counts.items():
        parts = [part.counts[key] for part in (first, second) if key in part.counts]
        total = parts[0] if len(parts) == 1 else parts[0] + parts[1]
        assert np.array_equal(table.dense(), total.dense()), key
    for key, values in whole.sums.items():
        parts = [part.sums[key] for part in (first, second) if key in part.sums]
        assert np.allclose(values, total_of_sums(parts), rtol=1e-12, atol=1e-9, equal_nan=True), key


HUGE = {"x": 1e308, "c": "a", "flag": None, "note": None, "sex": "f", "place": None, VARIANT: None, VERSION: "v1"}
HUGE |= {"@score": None, PREDICTION: None, LABEL: None, "window": 0}


@given(st.lists(rows, min_size=1, max_size=40))
@example([HUGE, HUGE])  # each a float, their sum is none
@settings(max_examples=30, deadline=None)
def test_row_group_by_row_group_equals_all_at_once(records: list[dict[str, Any]]) -> None:
    once, piecewise = tally(records), tally(*[[record] for record in records])
    assert once.counts.keys() == piecewise.counts.keys()
    for key, table in once.counts.items():
        assert np.array_equal(table.dense(), piecewise.counts[key].dense())


@given(st.lists(rows, min_size=1, max_size=40))
@settings(max_examples=30, deadline=None)
def test_segments_add_up_to_everyone(records: list[dict[str, Any]]) -> None:
    counted = tally(records)
    for (key, name), table in counted.counts.items():
        if key.segment == "":
            parts = [other for (k, n), other in counted.counts.items() if n == name and k.segment and k[:2] == key[:2]]
            assert np.array_equal(table.dense(), np.sum([part.dense() for part in parts], axis=0))


@given(st.lists(st.integers(0, 2**40), min_size=1, max_size=300))
@settings(max_examples=100, deadline=None)
def test_a_count_table_survives_storage(counts: list[int]) -> None:
    table = CountTable.from_dense(np.array(counts))
    assert CountTable.decode(table.encode()).dense().tolist() == counts


def test_moments_leave_out_what_is_not_finite() -> None:
    record = {"c": "a", "flag": None, "note": None, "sex": "f", "place": None, VARIANT: None, VERSION: "v1"}
    record |= {"@score": 0.5, PREDICTION: "no", LABEL: None, "window": 0}
    counted = tally([{**record, "x": value} for value in (2.0, 3.0, math.inf, None)])
    assert counted.sums[CellKey(0, "v1", ""), moment_table("x")].tolist() == [5.0, 13.0]


def test_invalid_cells_are_counted_apart() -> None:
    counted = tally()
    counted.add_invalid(CellKey(0, "v1", ""), "x", 3)
    table = counted.counts[CellKey(0, "v1", ""), column_table("x")]
    assert table.dense()[SPEC.columns["x"].n_bins + Special.INVALID] == table.n == 3


def test_calibration_sums_the_scores_of_labelled_rows_by_bin() -> None:
    rng = np.random.default_rng(3)
    base = {"x": 0.0, "c": "a", "flag": None, "note": None, "sex": "f", "place": None, VARIANT: None, VERSION: "v1"}
    records = [
        {**base, "@score": float(s), PREDICTION: "no", LABEL: rng.choice(["no", "yes", None]), "window": 0}
        for s in rng.choice([0.0, 0.25, 0.5, 0.75, 1.0], 50)
    ]
    sums = tally(records).sums[CellKey(0, "v1", ""), CALIBRATION][:, 0]
    groups = np.array(SPEC.calibration_groups)
    for group in range(SPEC.n_calibration_bins):
        inside = [
            r["@score"]
            for r in records
            if r[LABEL] is not None and groups[SPEC.scores[""].assign(np.array([r["@score"]]))[0]] == group
        ]
        assert sums[group] == pytest.approx(math.fsum(inside))
    assert sums[-1] == 0.0


def test_a_multiclass_model_counts_one_score_table_a_class() -> None:
    schema = ModelSchema.from_dict(
        {
            "task": "multiclass",
            "window": {"rows": 10},
            "outcome": {"classes": ["a", "b", "c"]},
            "columns": {
                **{f"p_{name}": {"role": "score", "class": name} for name in "abc"},
                "d": {"role": "prediction"},
                "y": {"role": "label"},
            },
        }
    )
    rng = np.random.default_rng(5)
    n = 60
    table = pa.table(
        {
            **{f"@score:{name}": pa.array(rng.random(n).round(1)) for name in "abc"},
            PREDICTION: pa.array(rng.choice(list("abc"), n)),
            LABEL: pa.array(
                [None if rng.random() < 0.2 else rng.choice(list("abc")) for _ in range(n)], type=pa.string()
            ),
            VERSION: pa.array(["v1"] * n),
            TIMESTAMP: pa.nulls(n, pa.timestamp("us", tz="UTC")),
        }
    )
    spec = fit_profile(schema, table.column, windows=np.arange(n) // 10, reference_digests=["r"])
    counted = Tally(spec=spec, schema=schema)
    counted.add(table, np.zeros(n, dtype=np.int64))
    for name in "abc":
        shape = (spec.scores[name].n_bins + N_SPECIAL, 3, 3)
        dense = counted.counts[CellKey(0, "v1", ""), score_table(name)].dense().reshape(shape)

        def places(column: str, name: str = name) -> list[int]:
            return [2 if value is None else int(value == name) for value in table[column].to_pylist()]

        expected = np.zeros((3, 3), dtype=np.int64)
        np.add.at(expected, (places(PREDICTION), places(LABEL)), 1)
        assert dense.sum(axis=0).tolist() == expected.tolist()


def test_a_profile_spec_reads_back_exactly_and_its_digest_names_it() -> None:
    again = ProfileSpec.from_json(SPEC.to_json())
    assert again == SPEC
    assert again.digest == SPEC.digest
