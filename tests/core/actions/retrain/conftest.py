"""Records of a small lender, labelled in every task, and schemas that name their columns."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from core.schema import ModelSchema

COLUMNS = {
    "id": {"role": "id"},
    "at": {"role": "timestamp"},
    "income": {"role": "feature", "type": "numeric"},
    "age": {"role": "feature", "type": "numeric"},
    "owner": {"role": "feature", "type": "boolean"},
    "job": {"role": "feature", "type": "categorical"},
    "sex": {"role": "feature", "type": "categorical", "protected": True},
    "region": {"role": "attribute", "type": "categorical", "segment": True},
    "note": {"role": "feature", "type": "text"},
    "label": {"role": "label"},
}
OUTCOMES = {
    "binary": {"classes": ["no", "yes"], "positive": "yes", "favourable": "no", "threshold": 0.4},
    "multiclass": {"classes": ["small", "large", "medium"]},
    "regression": {},
}


@pytest.fixture(scope="session")
def schema_of() -> Callable[..., ModelSchema]:
    """The schema of a task; keywords replace keys of its outcome."""

    def make(task: str = "binary", **outcome: object) -> ModelSchema:
        given = {**OUTCOMES[task], **outcome}
        return ModelSchema.from_dict({"task": task, "window": {"every": "day"}, "outcome": given, "columns": COLUMNS})

    return make


@pytest.fixture(scope="session")
def records() -> Callable[..., pd.DataFrame]:
    """n stored records over 100 days, with missing values in every feature."""

    def make(n: int = 1_500, *, task: str = "binary", seed: int = 0) -> pd.DataFrame:
        rng = np.random.default_rng(seed)
        income, age = rng.normal(30, 8, n).round(1), rng.integers(18, 80, n).astype(float)
        job = rng.choice(np.array(["cook", "nurse", "pilot", "Unknown"], dtype=object), n, p=[0.4, 0.3, 0.296, 0.004])
        owner = rng.choice(np.array([True, False, None], dtype=object), n, p=[0.5, 0.4, 0.1])
        worth = (income - 30) / 8 + (job == "pilot") - (age - 49) / 40 + rng.normal(0, 1, n)
        label = {
            "binary": np.where(worth > 0.5, "yes", "no"),
            "multiclass": np.select([worth < -0.3, worth < 1], ["small", "medium"], "large"),
            "regression": worth,
        }[task]
        income[rng.random(n) < 0.1] = np.nan
        job[rng.random(n) < 0.05] = None
        return pd.DataFrame(
            {
                "@id": [f"p{i:05d}" for i in range(n)],
                "@timestamp": pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(100 * np.arange(n) / n, unit="D"),
                "income": income,
                "age": age,
                "owner": pd.Series(owner, dtype=object),
                "job": pd.Series(job, dtype=object),
                "sex": rng.choice(["f", "m"], n),
                "region": rng.choice(["north", "south"], n),
                "note": "x",
                "@label": label,
            }
        )

    return make
