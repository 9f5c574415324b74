"""What a database counts where the records lie is what Plumbline counts of the same rows on files."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from core.profile.engines import Tally
from core.profile.fitting import fit_profile
from core.profile.in_place import count_in_place
from core.profile.spec import ProfileSpec
from core.profile.windows import WindowPlan
from core.record import EXPLORED, LABEL, PREDICTION, TIMESTAMP, VARIANT, VERSION, WEIGHT
from core.schema import ModelSchema

INSTANT = pa.timestamp("us", tz="UTC")
Place = Callable[[pa.Table], Any]

COLUMNS: dict[str, Any] = {
    "at": {"role": "timestamp"},
    "x": {"role": "feature", "type": "numeric"},
    "few": {"role": "feature", "type": "numeric"},
    "empty": {"role": "feature", "type": "numeric"},
    "c": {"role": "feature", "type": "categorical"},
    "code": {"role": "feature", "type": "categorical"},
    "flag": {"role": "feature", "type": "boolean"},
    "note": {"role": "feature", "type": "text"},
    "since": {"role": "feature", "type": "timestamp"},
    "sex": {"role": "attribute", "type": "categorical", "protected": True, "segment": True},
    "old": {"role": "attribute", "type": "boolean", "protected": True, "segment": True},
    "variant": {"role": "variant"},
    "d": {"role": "prediction"},
    "y": {"role": "label"},
}
OUTCOMES = {"binary": ["no", "yes"], "multiclass": ["a", "b", "c"], "regression": None}


def schema_of(task: str) -> ModelSchema:
    classes = OUTCOMES[task]
    scores: dict[str, Any] = {"p": {"role": "score"}} if task == "binary" else {}
    if task == "multiclass":
        scores = {f"p {name}": {"role": "score", "class": name} for name in classes or ()}
    if task == "binary":
        scores |= {"w": {"role": "weight"}, "free": {"role": "explored"}}
    return ModelSchema.from_dict(
        {
            "task": task,
            "timezone": "America/New_York",
            "window": {"every": "day"},
            **({"outcome": {"classes": classes}} if classes else {}),
            "columns": COLUMNS | scores,
        }
    )


SCHEMAS = {task: schema_of(task) for task in OUTCOMES}
START = datetime(2026, 3, 6, tzinfo=UTC)  # clocks go forward on the 8th in New York

floats = st.one_of(
    st.none(),
    st.sampled_from(
        [0.0, -0.0, 1.0, 2.0, 2.5, math.nan, math.inf, -math.inf, 5e-324, -5e-324, 1e308, -1e308, 1e200, 1e-200]
    ),
    st.floats(-10, 10),
)
shares = st.one_of(st.none(), st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.floats(0, 1))
moments = st.one_of(
    st.integers(0, 6 * 86_400_000_000).map(lambda us: START + timedelta(microseconds=us)),
    st.sampled_from([datetime(2026, 3, 8, 5, tzinfo=UTC), datetime(2026, 3, 9, 4, tzinfo=UTC)]),  # midnights there
)


def rows_of(task: str) -> st.SearchStrategy[dict[str, Any]]:
    outcome: Any = floats
    if task != "regression":
        outcome = st.sampled_from([*(OUTCOMES[task] or ()), None])
    own: dict[str, Any] = {}
    if task == "binary":
        own = {"@score": shares, WEIGHT: floats, EXPLORED: st.sampled_from([True, False, None])}
    if task == "multiclass":
        own = {f"@score:{name}": shares for name in OUTCOMES[task] or ()}
    return st.fixed_dictionaries(
        {
            TIMESTAMP: moments,
            VERSION: st.sampled_from(["v1", "v 2"]),
            VARIANT: st.sampled_from([None, "canary", "shadow"]),
            "x": floats,
            "few": floats,
            "empty": floats,
            "c": st.sampled_from(["a", "b", "B", "é", "e\u0301", "new", "it's", None]),
            "code": st.integers(0, 10_050).map(lambda k: f"k{k}"),
            "flag": st.sampled_from([True, False, None]),
            "note": st.sampled_from(["", "kurz", "länger", "🐘", None]),
            "since": st.one_of(st.none(), moments),
            "sex": st.sampled_from(["f", "m", "x", None]),
            "old": st.sampled_from([True, False, None]),
            PREDICTION: outcome,
            LABEL: outcome,
            **own,
        }
    )


def table_of(task: str, rows: list[dict[str, Any]]) -> pa.Table:
    kinds: dict[str, pa.DataType] = {
        **dict.fromkeys((TIMESTAMP, "since"), INSTANT),
        **dict.fromkeys(("x", "few", "empty", WEIGHT), pa.float64()),
        **dict.fromkeys(("flag", "old", EXPLORED), pa.bool_()),
    }
    if task == "regression":
        kinds |= dict.fromkeys((PREDICTION, LABEL), pa.float64())
    return pa.table(
        {
            name: pa.array(
                [row[name] for row in rows],
                type=pa.float64() if name.startswith("@score") else kinds.get(name, pa.string()),
            )
            for name in rows[0]
        }
    )


def spec_of(task: str) -> ProfileSpec:
    """Bins of 12,000 rows: quantiles, atoms, 10,000 categories, a column of no value."""
    rng, n = np.random.default_rng(3), 12_000
    at = pa.array([START - timedelta(days=40) + timedelta(minutes=5 * k) for k in range(n)], type=INSTANT)
    x = np.round(rng.normal(0, 3, n), 2)
    x[::5] = 2.5
    names = np.array(OUTCOMES[task] or ["-"])
    outcome = {
        name: pa.array(rng.normal(0, 2, n).round(1)) if task == "regression" else pa.array(rng.choice(names, n))
        for name in (PREDICTION, LABEL)
    }
    table = pa.table(
        {
            TIMESTAMP: at,
            "x": pa.array(x),
            "few": pa.array(rng.choice([0.0, 1.0, 2.0], n)),
            "empty": pa.nulls(n, pa.float64()),
            "c": pa.array(rng.choice(["a", "b", "é", "it's"], n)),
            "code": pa.array([f"k{k % 10_000}" for k in range(n)]),
            "flag": pa.array(rng.random(n) < 0.5),
            "note": pa.array(rng.choice(["kurz", "länger", ""], n)),
            "since": pa.array([START - timedelta(days=200 + k % 90) for k in range(n)], type=INSTANT),
            "sex": pa.array(rng.choice(["f", "m"], n)),
            "old": pa.array(rng.random(n) < 0.3),
            "@score": pa.array(rng.choice([*np.linspace(0, 1, 60), 0.25, 0.5], n)),
            **{f"@score:{name}": pa.array(rng.random(n).round(2)) for name in names},
            **outcome,
        }
    )
    return fit_profile(SCHEMAS[task], table.column, windows=np.arange(n) // 288, reference_digests=["r"])


SPECS = {task: spec_of(task) for task in OUTCOMES}


def on_files(task: str, records: pa.Table) -> tuple[Tally, tuple[Any, ...]]:
    plan = WindowPlan.of(SCHEMAS[task].window, SCHEMAS[task].timezone)
    keys = plan.keys_of_times(np.asarray(records[TIMESTAMP].cast(pa.int64()).to_numpy(), dtype=np.int64))
    tally = Tally(spec=SPECS[task], schema=SCHEMAS[task])
    tally.add(records, keys)
    return tally, plan.between(int(keys.min()), int(keys.max()))


def compare(task: str, rows: list[dict[str, Any]], place: Place) -> None:
    records = table_of(task, rows)
    expected, windows = on_files(task, records)
    counted = count_in_place(SPECS[task], SCHEMAS[task], place(records), windows)
    assert set(counted.counts) == set(expected.counts)
    for key, table in expected.counts.items():
        assert counted.counts[key].dense().tolist() == table.dense().tolist(), key
    assert set(counted.sums) == set(expected.sums)
    for key, sums in expected.sums.items():
        np.testing.assert_allclose(counted.sums[key], sums, rtol=1e-12, atol=1e-12, err_msg=str(key))


@pytest.fixture(scope="module")
def postgres(postgres_server: str) -> Iterator[Place]:
    """A real server; its sessions are in another zone than the model and UTC."""
    import ibis

    connection = ibis.connect(postgres_server)
    connection.raw_sql("SET TIME ZONE 'Asia/Kolkata'").close()
    yield lambda records: connection.create_table(f"r{uuid4().hex}", records, temp=True)
    connection.disconnect()


@pytest.fixture(scope="module")
def spark(spark_session: Any) -> Place:
    """A real Spark, whose session is in another zone than the model and UTC."""
    import ibis

    connection = ibis.pyspark.connect(spark_session)

    def place(records: pa.Table) -> Any:
        name = f"r{uuid4().hex}"
        spark_session.createDataFrame(records).createOrReplaceTempView(name)
        return connection.table(name)

    return place


@pytest.mark.postgres
@pytest.mark.parametrize("task", OUTCOMES)
@given(data=st.data())
@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_postgresql_counts_what_plumbline_counts(task: str, postgres: Place, data: st.DataObject) -> None:
    compare(task, data.draw(st.lists(rows_of(task), min_size=1, max_size=60)), postgres)


AWKWARD: dict[str, list[Any]] = {
    "x": [None, math.nan, math.inf, -math.inf, -0.0, 0.0, 5e-324, 1e308, -1e308, 1e200, 1e-200, 2.5, 0.1 + 0.2],
    "c": [None, "a", "B", "é", "e\u0301", "it's", "new", "\u2028", "🐘"],
    TIMESTAMP: [START + timedelta(hours=h) for h in (0, 5, 28, 29, 52, 53, 54, 77)],
    VERSION: ["v1", "v 2", 'v"3'],
    "sex": ["f", "m", None, "x"],
    "old": [True, False, None],
    "flag": [True, False, None],
    "code": ["k1", "k9999", "k10000", None],
    "note": ["", "länger", None, "🐘🐘"],
    "since": [START, None, START - timedelta(microseconds=1)],
    VARIANT: [None, "canary", "shadow"],
    EXPLORED: [True, None, False],
    WEIGHT: [2.0, None, -1.0, math.inf, 1e200, 1e-200],
}


def awkward_rows(task: str) -> list[dict[str, Any]]:
    """Each awkward value beside ever others."""
    classes = OUTCOMES[task]
    outcomes = AWKWARD["x"] if classes is None else [*classes, None]
    shares = [0.0, 1.0, 0.5, None, 5e-324, 0.25, 1 - 2**-53]
    rows = []
    for k in range(120):
        row = {name: values[k * (place + 1) % len(values)] for place, (name, values) in enumerate(AWKWARD.items())}
        row |= {"few": AWKWARD["x"][k % 13], "empty": AWKWARD["x"][k % 7]}
        row |= {PREDICTION: outcomes[k % len(outcomes)], LABEL: outcomes[(k // 3 + k) % len(outcomes)]}
        row |= {f"@score:{name}": shares[k % 7] for name in classes or ()} if task == "multiclass" else {}
        rows.append(row | ({"@score": shares[k % 7]} if task == "binary" else {}))
    return rows


@pytest.mark.postgres
@pytest.mark.parametrize("task", OUTCOMES)
def test_postgresql_counts_awkward_values_alike(task: str, postgres: Place) -> None:
    compare(task, awkward_rows(task), postgres)


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # py4j leaves its sockets to the collector
@pytest.mark.parametrize("task", OUTCOMES)
def test_spark_counts_awkward_values_alike(task: str, spark: Place) -> None:
    compare(task, awkward_rows(task), spark)
    gc.collect()
