"""Where a model errs most: the subgroup that was made worse is found and confirmed, and nothing where there is none."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import BatchRole
from core.services.observations import Selection
from core.services.worst_slices import WorstSlices
from tests.command import CommandLine
from tests.watched import DAY_0, MODEL, SCHEMA, Watched, opened

HEADER = ("id", "at", "amount", "colour", "score", "decision", "outcome")
SAMPLED = SCHEMA.replace("rows = 0", "rows = 500")
PRICES = """
task = "regression"
timezone = "UTC"
version = "v1"
[window]
every = "day"
[columns]
id = { role = "id" }
at = { role = "timestamp" }
amount = { role = "feature", type = "numeric" }
colour = { role = "feature", type = "categorical" }
decision = { role = "prediction" }
outcome = { role = "label" }
"""


def rows(day: int, *, harm: float, is_number: bool) -> list[tuple[object, ...]]:
    """A day's records; blue ones with a small amount are wrong, or far off, this much more often than others."""
    rng = np.random.default_rng(500 + day)
    amount, colour = rng.normal(100, 15, 300), rng.choice(["red", "green", "blue"], 300)
    wrong = rng.random(300) < 0.1 + harm * ((colour == "blue") & (amount < 100))
    made = rng.normal(200, 20, 300).round(1) if is_number else (rng.random(300) < 0.5).astype(int)
    true = (made + np.where(wrong, 90, rng.normal(0, 10, 300))).round(1) if is_number else (made + wrong) % 2
    at = [(DAY_0 + timedelta(days=day, minutes=i)).isoformat() for i in range(300)]
    table = [(f"{day}-{i}", at[i], round(float(amount[i]), 2), colour[i], 0.5, made[i], true[i]) for i in range(300)]
    return [(*row[:4], *row[5:]) for row in table] if is_number else table


def taken_in(folder: Path, *, harm: float, is_number: bool = False) -> Watched:
    watched = opened(folder)
    watched.workspace.models.add(ME, MODEL, PRICES if is_number else SAMPLED)
    header = tuple(name for name in HEADER if not is_number or name != "score")
    days = {BatchRole.REFERENCE: range(-8, 0), BatchRole.PRODUCTION: range(10)}
    for role, span in days.items():
        moved = harm if role is BatchRole.PRODUCTION else 0.0
        table = [row for day in span for row in rows(day, harm=moved, is_number=is_number)]
        watched.take_in(table, header=header, role=role)
    watched.update()
    return watched


def found_in(watched: Watched, *, depth: int = 2) -> WorstSlices:
    found = watched.workspace.worst_slices.find(ME, MODEL, Selection(), depth=depth)
    assert found is not None
    return found


@pytest.mark.parametrize("is_number", [False, True], ids=["classes", "numbers"])
def test_the_subgroup_that_was_made_worse_is_confirmed_with_its_true_difference(
    tmp_path: Path, is_number: bool
) -> None:
    found = found_in(taken_in(tmp_path, harm=0.4, is_number=is_number))
    worst = found.scan.subgroups[0]
    assert worst.is_confirmed
    assert dict(worst.where)["colour"] == "blue"
    assert "amount" in dict(worst.where)
    assert worst.interval.low <= 0.4 <= worst.interval.high
    assert (found.limit is not None) == is_number
    assert found.basis.n == found.basis.n_rows == 300 * len(found.windows)
    assert len(found.windows) == (9 if is_number else 8)  # the last day isn't over; of classes labels wait a day


def test_where_no_subgroup_is_worse_none_is_confirmed(tmp_path: Path) -> None:
    found = found_in(taken_in(tmp_path, harm=0.0), depth=3)
    assert found.scan.n_looked_at > 15
    assert not any(each.is_confirmed for each in found.scan.subgroups)


def test_the_command_tells_the_same_and_says_so_without_rows(tmp_path: Path) -> None:
    watched = taken_in(tmp_path, harm=0.4)
    plumbline = CommandLine(workspace=tmp_path / "workspace")
    told = plumbline("performance", MODEL, "--slices", "--json").json["worst_slices"]
    scan = found_in(watched).scan
    assert [each["is_confirmed"] for each in told["subgroups"]] == [each.is_confirmed for each in scan.subgroups]
    assert "colour = blue" in plumbline("performance", MODEL, "--slices").out
    assert found_in(watched).why == ""


def test_without_sampled_rows_the_reason_is_said(tmp_path: Path) -> None:
    watched = opened(tmp_path)
    watched.workspace.models.add(ME, MODEL, SCHEMA)
    for role, span in ((BatchRole.REFERENCE, range(-8, 0)), (BatchRole.PRODUCTION, range(2))):
        watched.take_in([r for day in span for r in rows(day, harm=0.0, is_number=False)], header=HEADER, role=role)
    watched.update()
    found = found_in(watched)
    assert found.scan is None
    assert "No row is kept at hand" in found.why
