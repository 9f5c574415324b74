"""Small inputs that many tests build on."""

from __future__ import annotations

import csv
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

SCHEMA = """
task = "binary"
timezone = "UTC"
[window]
every = "day"
[outcome]
classes = ["0", "1"]
positive = "1"
[columns]
id = { role = "id" }
at = { role = "timestamp" }
version = { role = "version" }
amount = { role = "feature", type = "numeric" }
colour = { role = "feature", type = "categorical" }
sex = { role = "attribute", type = "categorical", protected = true }
region = { role = "attribute", type = "categorical", segment = true }
score = { role = "score" }
decision = { role = "prediction" }
outcome = { role = "label" }
"""
HEADER = ("id", "at", "version", "amount", "colour", "sex", "region", "score", "decision", "outcome")
START = datetime(2026, 1, 1, tzinfo=UTC)
COLOURS, SEXES, REGIONS = ("red", "green", "blue"), ("f", "m", ""), ("north", "south")
UP_TO = np.cumsum([0.48, 0.48, 0.04]).tolist()  # of the sexes; drawn by hand, as `choice` takes ten times as long


def rows(
    n: int,
    *,
    start: datetime = START,
    days: int = 10,
    seed: int = 0,
    prefix: str = "r",
    version: str = "v1",
    labels: bool = True,
) -> list[list[object]]:
    """Records in the columns of HEADER, spread evenly over some days."""
    rng = np.random.default_rng(seed)
    amount = rng.normal(100, 15, n).round(3)
    score = rng.beta(2, 5, n).round(2)
    outcome = (rng.random(n) < score).astype(int)
    return [
        [
            f"{prefix}{i}",
            (start + timedelta(days=days * i / n)).isoformat(),
            version,
            amount[i],
            COLOURS[rng.integers(3)],
            SEXES[bisect_right(UP_TO, rng.random())],
            REGIONS[rng.integers(2)],
            score[i],
            int(score[i] >= 0.3),
            outcome[i] if labels else "",
        ]
        for i in range(n)
    ]


def write_csv(path: Path, table: Iterable[Sequence[object]], header: Sequence[str] = HEADER) -> Path:
    """A CSV file with a header line."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(table)
    return path
