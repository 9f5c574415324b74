"""What decisions cost, against the rows one by one; a schema that names what isn't there is refused."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import SchemaError
from core.performance.cost import Costs, cost_measure
from core.schema import ModelSchema

CLASSES = ("no", "yes")
AMOUNTS = {"no": {"yes": 2_500.0}, "yes": {"no": 120.0, "yes": -300.0}}
SCHEMA = """
task = "{task}"
[window]
rows = 100
{outcome}
[costs]
currency = "{currency}"
amounts = {amounts}
[columns]
p = {{ role = "prediction" }}
y = {{ role = "label" }}
"""
OUTCOME = '[outcome]\nclasses = ["no", "yes"]'


def schema(*, task: str = "binary", outcome: str = OUTCOME, currency: str = "EUR", amounts: str) -> ModelSchema:
    return ModelSchema.from_toml(SCHEMA.format(task=task, outcome=outcome, currency=currency, amounts=amounts))


def test_the_mean_and_its_interval_are_those_of_the_rows() -> None:
    rng = np.random.default_rng(1)
    predicted, label = rng.integers(0, 2, 400), rng.integers(0, 2, 400)
    table = np.zeros((2, 2), dtype=np.int64)
    np.add.at(table, (predicted, label), 1)
    rows = np.array([AMOUNTS[CLASSES[p]].get(CLASSES[y], 0.0) for p, y in zip(predicted, label, strict=True)])
    found = cost_measure(table, Costs(amounts=AMOUNTS, currency="EUR"), classes=CLASSES)
    assert (found.value, found.n) == (pytest.approx(rows.mean()), 400)
    error = 1.959964 * rows.std(ddof=1) / np.sqrt(400)
    assert (found.interval.low, found.interval.high) == pytest.approx((rows.mean() - error, rows.mean() + error))


def test_a_schema_keeps_its_costs_and_without_them_is_the_schema_it_was() -> None:
    given = schema(amounts="{ no = { yes = 2500 }, yes = { no = 120, yes = -300 } }")
    assert given.costs is not None
    assert given.costs.amounts == AMOUNTS
    again = ModelSchema.from_toml(
        SCHEMA.format(task="binary", outcome=OUTCOME, currency="EUR", amounts="{}").replace(
            '[costs]\ncurrency = "EUR"\namounts = {}\n', ""
        )
    )
    assert "costs" not in again.canonical_json()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"amounts": "{ maybe = { yes = 1 } }"}, "costs.amounts names 'maybe', which is none of no, yes"),
        ({"amounts": "{ no = { yes = inf } }"}, "finite number"),
        ({"amounts": "{}", "currency": "$x$"}, "should match pattern"),
        ({"amounts": "{}", "task": "regression", "outcome": ""}, "the task is regression"),
    ],
)
def test_costs_that_say_nothing_sensible_are_refused(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(SchemaError, match=said.replace("$", r"\$")):
        schema(**wrong)
