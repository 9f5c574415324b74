"""What docs/control-charts.md says of rules and limits is what they are."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

from core.spc.phases import Spread, limits_worth
from core.spc.rules import NELSON, WESTERN_ELECTRIC
from core.spc.scheme import Shewhart, average_run_length

PAGE = Path(__file__).resolve().parents[3] / "docs" / "control-charts.md"


def said(pattern: str) -> list[int]:
    found = re.search(pattern, " ".join(PAGE.read_text(encoding="utf-8").split()))
    assert found, pattern
    return [int(number) for number in found.groups()]


def test_its_example_runs() -> None:
    assert doctest.testfile(str(PAGE), module_relative=False).failed == 0


def test_its_run_lengths_are_those_of_the_rules() -> None:
    found = said(r"together raise a false alarm once in (\d+) windows, Western Electric's four once in (\d+)")
    assert found == [round(average_run_length(Shewhart(rules=rules)).value) for rules in (NELSON, WESTERN_ELECTRIC)]
    assert said(r"\(the default\) once in (\d+)") == [round(average_run_length(Shewhart(rules=NELSON[:2])).value)]


def test_its_worth_of_twelve_points_is_what_is_computed() -> None:
    worth = limits_worth(12, spread=Spread.MOVING_RANGES)
    expected = [round(1 / worth.rate), round(1 / worth.nominal)]
    assert said(r"with 12 weeks of moving ranges once in (\d+) weeks instead of once in (\d+)") == expected


def test_its_table_names_every_rule() -> None:
    rows = [line.split("|")[2:4] for line in PAGE.read_text(encoding="utf-8").splitlines() if re.match(r"\| \d", line)]
    for rules, column in ((WESTERN_ELECTRIC, 0), (NELSON, 1)):
        told = [row[column].strip() for row in rows if row[column].strip()]
        assert told == [re.sub(r" points in a row", " in a row", rule.words) for rule in rules]
