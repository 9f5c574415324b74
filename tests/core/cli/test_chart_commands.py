"""Control charts by command alone: look, ask the price, leave points out, propose and decide."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.governance.identity import Actor, UserRole
from core.record import BatchRole
from core.workspace import Workspace
from tests.builders import SCHEMA, START, rows, write_csv
from tests.command import CommandLine
from tests.governed import PASSWORD
from tests.people import Person, sign_in

MODEL, DAYS, A_DAY = "loans", 10, 60


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten days of reference and ten of production, on the last three of which all is declined; with people."""
    place = tmp_path_factory.mktemp("charts")
    space = Workspace.open(place / "workspace")
    space.models.add(ME, MODEL, SCHEMA)
    live = rows(DAYS * A_DAY, start=START + timedelta(days=DAYS), days=DAYS, seed=1, prefix="p")
    for row in live[7 * A_DAY :]:
        row[8] = 0
    tables = ((rows(DAYS * A_DAY, days=DAYS), BatchRole.REFERENCE), (live, BatchRole.PRODUCTION))
    for number, (table, role) in enumerate(tables):
        (outcome,) = space.records.add(ME, MODEL, [write_csv(place / f"{number}.csv", table)], role=role)
        assert outcome.error is None
    space.close()
    return place / "workspace"


@pytest.fixture
def people(folder: Path, tmp_path: Path) -> dict[str, Person]:
    """An engineer and a reviewer on a copy of it, and whoever has no token."""
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    space = Workspace.open(copy)
    space.accounts.add_first(ME, "root", PASSWORD)
    root = Actor(name="root", roles=(UserRole.ADMIN,))
    for name, role in (("ada", UserRole.ENGINEER), ("ines", UserRole.REVIEWER)):
        space.accounts.add(root, name, PASSWORD, roles=[role])
    space.close()
    return {"nobody": Person(workspace=copy), **{name: sign_in(copy, name) for name in ("ada", "ines")}}


@pytest.fixture
def plumbline(folder: Path) -> CommandLine:
    return CommandLine(workspace=folder)


def day(place: int) -> str:
    return (START + timedelta(days=place)).date().isoformat()


def test_the_list_begins_with_the_worst_series(plumbline: CommandLine) -> None:
    found = plumbline("chart", "list", MODEL, "--json").json
    assert found[0]["state"] == "out of control"
    by_name = {each["series"]: each for each in found}
    assert by_name["selection rate"]["state"] == "out of control"
    assert by_name["mean: amount"]["state"] == "in control"
    assert "selection rate" in plumbline("chart", "list", MODEL).out


def test_a_chart_is_shown_window_by_window_with_its_rules(plumbline: CommandLine) -> None:
    found = plumbline("chart", "show", MODEL, "--series", "selection rate", "--json").json
    assert (found["is_armed"], found["is_off"], len(found["points"])) == (True, True, 2 * DAYS)
    assert [p["window"] for p in found["points"] if "nelson-1" in p["rules"]] == [day(17), day(18), day(19)]
    assert found["since"]["window"] == day(17)
    assert found["worth"]["n_points"] == DAYS
    shown = plumbline("chart", "show", MODEL, "--series", "selection rate").out
    assert "Nelson 1" in shown
    assert f"Off since {day(17)}" in shown
    two = ("--rules", "western-electric-2", "--json")
    runs = plumbline("chart", "show", MODEL, "--series", "selection rate", *two).json
    assert [p["window"] for p in runs["points"] if p["rules"]] == [day(18), day(19)]
    sums = plumbline("chart", "show", MODEL, "--series", "selection rate", "--chart", "cusum", "--json").json
    assert sums["points"][-1]["low_statistic"] < sums["points"][-1]["low"]


def test_the_price_of_a_chart_is_told(plumbline: CommandLine) -> None:
    rules = ("--rules", "western-electric", "--json")
    found = plumbline("chart", "design", MODEL, "--series", "mean score", *rules).json
    assert round(found["run_length_known"]["value"], 2) == 91.75
    assert found["false_alarm_rate"] > 1 / 91.75
    assert [delay["shift"] for delay in found["delays"]] == [0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0]
    shown = plumbline("chart", "design", MODEL, "--chart", "ewma", "--run-length", "500").out
    assert shown.startswith("One false alarm in 500.0 windows, if centre and sigma were known (integral equation).")


def test_points_are_left_out_and_taken_back_with_a_reason(plumbline: CommandLine) -> None:
    series = ("--series", "error rate")
    left = plumbline("chart", "exclude", MODEL, day(2), day(4), *series, "--reason", "an outage", "--json").json
    assert (left["step"], left["series"], left["by"]) == ("exclude", ["error rate"], "local operator")
    points = plumbline("chart", "show", MODEL, *series, "--json").json["points"]
    assert [p["window"] for p in points if p["phase"] == "left out"] == [day(2), day(4)]
    back = plumbline("chart", "include", MODEL, day(2), *series, "--reason", "it was none")
    assert back.code == 0
    assert back.out.startswith("Phase I 2, error rate: include, ledger entry")
    fit = plumbline("chart", "fit", MODEL, day(1), day(9), *series, "--reason", "day one was a test", "--json")
    assert fit.json["step"] == "fit"


def test_a_new_phase_one_takes_two_people(people: dict[str, Person]) -> None:
    period = (day(DAYS), day(2 * DAYS - 1), "--series", "volume")
    refused = people["nobody"]("chart", "propose", MODEL, *period, "--reason", "as approved")
    assert refused.code == 1
    assert "takes two people" in refused.err
    asked = people["ada"]("chart", "propose", MODEL, *period, "--reason", "as approved")
    assert "volume: propose, ledger entry" in asked.out
    assert "It waits for somebody else" in asked.out
    number = asked.out.split()[2].rstrip(",")
    assert people["ada"]("chart", "adopt", MODEL, number, "--reason", "mine").code == 1
    adopted = people["ines"]("chart", "adopt", MODEL, number, "--reason", "that was approved", "--json").json
    assert (adopted["decision"]["by"], adopted["decision"]["step"]) == ("ines", "adopt")
    late = people["ines"]("chart", "reject", MODEL, number, "--reason", "too late")
    assert (late.code, "nothing was changed" in late.err) == (2, True)
    assert people["ines"]("ledger", "verify").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", MODEL, "--series", "nonsense"), 2, "No series 'nonsense'"),
        (("show", MODEL, "--chart", "pie"), 2, "is none of shewhart, ewma, cusum"),
        (("show", MODEL, "--rules", "nelson-9"), 2, "No rule 'nelson-9'"),
        (("show", "nobody"), 2, "No model 'nobody'"),
        (("exclude", MODEL, day(3), "--reason", " ", "--series", "volume"), 2, "for an assignable cause"),
        (("exclude", MODEL, day(15), "--reason", "x", "--series", "volume"), 2, "is no point of this phase I"),
        (("fit", MODEL, day(10), day(18), "--reason", "x", "--series", "volume"), 1, "take a second person"),
        (("fit", MODEL, day(0), day(9), "--reason", "x", "--series", "volume", "--all-series"), 2, "Give either"),
        (("adopt", MODEL, "7", "--reason", "x"), 1, "may not decide"),
    ],
)
def test_what_can_t_be_done_is_refused_with_the_reason(
    plumbline: CommandLine, arguments: tuple[str, ...], code: int, said: str
) -> None:
    ran = plumbline("chart", *arguments)
    assert ran.code == code
    assert said in ran.err
    assert ran.out == ""
