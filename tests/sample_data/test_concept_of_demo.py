"""The demo's concept change of 13 July, as the page and the command tell it; TRUTH.md says what happens when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.concept.decomposition import Cause
from core.governance.identity import LOCAL_OPERATOR as ME
from core.services.observations import Selection
from core.workspace import Workspace
from tests.command import CommandLine

pytestmark = pytest.mark.xdist_group("demo")

MODEL = "credit-default"


@pytest.fixture(scope="module")
def space(demo_folder: Path) -> Iterator[Workspace]:
    workspace = Workspace.open(demo_folder)
    yield workspace
    workspace.close()


def test_what_ties_outcomes_to_the_score_moved_in_the_week_of_13_july(space: Workspace) -> None:
    report = space.analysis.concept(ME, MODEL)
    inputs, outcomes, given = report.distributions
    for moved in (outcomes, given):
        assert moved.moved
        assert (moved.date.earliest.name, moved.date.latest.name) == ("2026-W29", "2026-W29")
    assert "bureau_score" in inputs.columns
    assert inputs.date.earliest.name <= "2026-W34" <= inputs.date.latest.name


def test_the_rise_of_the_brier_score_comes_from_the_concept_by_as_much_as_is_true(space: Workspace) -> None:
    """From 0.082 to 0.097 by TRUTH.md."""
    found = space.loss_changes.explain(ME, MODEL)
    assert found.decomposition.cause is Cause.CONCEPT
    interval = found.decomposition.concept.interval
    assert interval.low <= 0.015 <= interval.high
    assert interval.low > 0
    assert not found.decomposition.inputs.is_certain
    assert found.windows[0].name == "2026-W29"


def test_in_the_campaign_inputs_moved_and_nothing_else_is_blamed(space: Workspace) -> None:
    found = space.loss_changes.explain(ME, MODEL, Selection(window="2026-W21"))
    assert found.decomposition.cause in (Cause.INPUTS, Cause.NOTHING)
    assert found.decomposition.overlap < 0.97
    assert not found.decomposition.concept.is_certain


def test_v7_fell_at_once_and_not_bit_by_bit(space: Workspace) -> None:
    v7, v6 = space.analysis.ageing(ME, MODEL)
    assert (v7.version, v7.step_at.name) == ("v7", "2026-W29")
    assert (v6.version, v6.step_at, v6.line.is_certain) == ("v6", None, False)


def test_the_command_tells_the_same_in_text_and_in_json(demo_folder: Path, space: Workspace) -> None:
    plumbline = CommandLine(workspace=demo_folder)
    said = plumbline("concept", MODEL)
    assert (said.code, "P(y | score)" in said.out, "ADWIN" in said.out) == (0, True, True)
    document = plumbline("concept", MODEL, "--json").json
    report = space.analysis.concept(ME, MODEL)
    assert document["distributions"][2]["since"] == "2026-W29"
    assert [each["detector"] for each in document["detectors"]] == [f.detector for f in report.detectors.found]
    assert document["ageing"][0]["step_at"] == "2026-W29"
    assert document["label_shift"]["found"]["holds"] is True
    assert document["change_of_loss"] is None


def test_rivers_detectors_stand_beside_when_asked_for(demo_folder: Path) -> None:
    pytest.importorskip("river", reason="River isn't installed: plumbline[river]")
    found = CommandLine(workspace=demo_folder)("concept", MODEL, "--river", "--json").json["detectors"]
    assert [each["detector"] for each in found if each["detector"].startswith("River ")] == [
        *("River ADWIN", "River DDM", "River EDDM", "River FHDDM", "River HDDM_A", "River HDDM_W", "River Page-Hinkley")
    ]
    assert len({each["n"] for each in found}) == 1
