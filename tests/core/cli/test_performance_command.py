"""`plumbline performance` says what the Performance page says, in text and as one document."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR
from core.record import BatchRole
from tests.command import CommandLine
from tests.watched import MODEL, SCHEMA, Watched, a_day, day_name, opened

COSTS = """
[costs]
currency = "EUR"
amounts = { "0" = { "1" = 2500 }, "1" = { "0" = 120 } }
[columns]"""


def costly(folder: Path) -> Watched:
    """A model whose schema says what its errors cost, and whose colours are protected."""
    watched = opened(folder)
    schema = SCHEMA.replace("[columns]", COSTS).replace(
        'colour = { role = "feature"', 'colour = { role = "attribute", protected = true'
    )
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, schema)
    watched.take_in([row for day in range(-8, 0) for row in a_day(day)], role=BatchRole.REFERENCE)
    return watched


@pytest.fixture(scope="module")
def performance(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Ten days of which the labels of eight are in, as they were in the reference."""
    folder = tmp_path_factory.mktemp("performance")
    watched = costly(folder)
    watched.serve(*range(10), labels=False)
    watched.label(*range(8))
    watched.workspace.close()
    return CommandLine(workspace=folder / "workspace")


def test_it_says_what_labels_showed_what_is_estimated_and_what_past_estimates_were_worth(
    performance: CommandLine,
) -> None:
    ran = performance("performance", MODEL)
    assert ran.code == 0, ran.err
    assert "labels known for 200 of 200 records" in ran.out
    assert "Estimated from scores, if outcomes follow the score as they did in the reference:" in ran.out
    [row] = [line for line in ran.out.splitlines() if line.strip().startswith("roc_auc") and " of " in line]
    held, known = row.split()[-3], row.split()[-1]
    assert (int(known), int(held) >= 6) == (8, True)  # each of 8 holds with 95%: fewer than 6 do in 1 of 170
    assert "No estimate" not in ran.out


def test_the_document_holds_the_same_and_every_window(performance: CommandLine) -> None:
    ran = performance("performance", MODEL, "--json")
    found = ran.json
    assert (found["model"], found["withheld"], found["why_no_estimate"]) == (MODEL, [], None)
    estimated = [m for m in found["estimates"] if m["measure"] == "estimated_accuracy"]
    assert [m["window"] for m in estimated] == [day_name(day) for day in range(10)]
    assert all(m["low"] <= m["value"] <= m["high"] for m in estimated)
    realised = {m["window"]: m["value"] for m in found["trend"] if m["measure"] == "accuracy"}
    held = [m["low"] <= realised[m["window"]] <= m["high"] for m in estimated[:8]]
    assert found["coverage"]["accuracy"] == {"held": sum(held), "checked": 8}


def test_errors_cost_what_the_schema_says_in_its_currency_labelled_and_estimated(performance: CommandLine) -> None:
    found = performance("performance", MODEL, "--json", "--window", day_name(3)).json
    [cost] = [m for m in found["measures"] if m["measure"] == "cost_per_row"]
    rows = a_day(3)
    by_hand = sum(2500 if (row[5], row[6]) == (0, 1) else 120 if (row[5], row[6]) == (1, 0) else 0 for row in rows)
    assert cost["value"] == pytest.approx(by_hand / len(rows))
    assert cost["convention"].startswith("EUR per row")
    [estimate] = [
        m for m in found["estimates"] if m["measure"] == "estimated_cost_per_row" and m["window"] == day_name(3)
    ]
    assert estimate["low"] < cost["value"] < estimate["high"]


def test_without_a_reference_it_says_how_to_give_one(tmp_path: Path) -> None:
    watched = opened(tmp_path)
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    watched.workspace.close()
    ran = CommandLine(workspace=tmp_path / "workspace")("performance", MODEL)
    assert ran.code == 2
    assert "has no reference yet" in ran.err


def test_gaps_between_groups_are_estimated_when_asked_for(performance: CommandLine) -> None:
    ran = performance("performance", MODEL, "--groups", "colour")
    assert ran.code == 0, ran.err
    assert "Estimated by colour, each less all others, from each group's own scores:" in ran.out
    assert "true_positive_rate_difference red" in ran.out
    document = performance("performance", MODEL, "--groups", "colour", "--json").json
    groups = {group["group"]: group for group in document["groups"]["groups"]}
    assert set(groups) == {"red", "green", "blue"}
    assert {m["column"] for m in groups["red"]["estimates"]} == {"red"}
    assert set(groups["red"]["coverage"]) >= {"accuracy red", "accuracy_difference red"}
    assert "groups" not in performance("performance", MODEL, "--json").json
    unknown = performance("performance", MODEL, "--groups", "size")
    assert unknown.code == 2
    assert "size" in unknown.err
