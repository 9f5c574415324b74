"""Whether the labels of a regression moved: their mean, their spread, and since when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.governance.identity import LOCAL_OPERATOR
from core.measure import Status
from core.record import BatchRole
from core.services.distributions import Distribution
from core.services.observations import Selection
from core.workspace import Workspace
from tests.builders import write_csv

DAY_0 = datetime(2026, 3, 2, tzinfo=UTC)
N_REFERENCE, N_DAYS, CHANGED_ON, N_ROWS = 10, 12, 6, 80
SCHEMA = """
task = "regression"
timezone = "UTC"
version = "v1"
[window]
every = "day"
[sample]
rows = 0
[columns]
id = { role = "id" }
at = { role = "timestamp" }
rooms = { role = "feature", type = "numeric" }
price = { role = "prediction" }
sold = { role = "label" }
"""


def outcomes(folder: Path, *, mean: float = 250.0, spread: float = 30.0) -> Distribution:
    """P(y) of a model whose labels have this mean and spread from the seventh day of production on."""
    rng = np.random.default_rng(7)
    rows: dict[bool, list[list[object]]] = {True: [], False: []}
    for day in range(-N_REFERENCE, N_DAYS):
        centre, sd = (mean, spread) if day >= CHANGED_ON else (250.0, 30.0)
        for row, sold in enumerate(rng.normal(centre, sd, N_ROWS).round(2)):
            at = (DAY_0 + timedelta(days=day, minutes=row)).isoformat()
            rows[day < 0].append([f"{day}-{row}", at, 3, 240.0, sold])
    space = Workspace.open(folder / "workspace", clock=lambda: DAY_0 + timedelta(days=60))
    space.models.add(LOCAL_OPERATOR, "homes", SCHEMA)
    for is_reference, table in rows.items():
        file = write_csv(folder / f"{is_reference}.csv", table, ("id", "at", "rooms", "price", "sold"))
        role = BatchRole.REFERENCE if is_reference else BatchRole.PRODUCTION
        assert space.records.add(LOCAL_OPERATOR, "homes", [file], role=role)[0].error is None
    space.profiles.refresh(LOCAL_OPERATOR, "homes")
    report = space.analysis.concept(LOCAL_OPERATOR, "homes", Selection())
    assert report is not None
    return report.distributions[1]


@pytest.mark.parametrize(
    ("moved", "said"),
    [
        ({"mean": 275.0}, "the mean label is 27"),
        ({"spread": 60.0}, "the standard deviation of labels is "),
    ],
    ids=["mean", "spread"],
)
def test_labels_that_move_are_dated(tmp_path: Path, moved: dict[str, float], said: str) -> None:
    found = outcomes(tmp_path, **moved)
    assert found.status is Status.WARNING
    assert found.why.startswith(said)
    assert found.date is not None
    assert found.date.earliest.name <= "2026-03-08" <= found.date.latest.name


def test_labels_that_stay_are_never_called_unchanged(tmp_path: Path) -> None:
    found = outcomes(tmp_path)
    assert found.status is Status.INSUFFICIENT
    assert found.moved is None
    assert "no change seen: the mean label is 2" in found.why
