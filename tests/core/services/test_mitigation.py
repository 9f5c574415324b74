"""From the curve to a version in the registry: asked for, signed by two roles, trained, and less unfair than before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from core.actions.retrain import mitigation, mitigators
from core.actions.retrain.artefact import load
from core.actions.retrain.group_thresholds import GroupThresholds
from core.actions.retrain.mitigation_plan import Constraint, Mitigation
from core.actions.retrain.recipe import Recipe
from core.actions.retrain.scoring import score
from core.actions.retrain.split import in_order
from core.actions.retrain.trainer import train
from core.errors import ConflictError, InputError, NotAllowedError
from core.governance.identity import LOCAL_OPERATOR, WORKER
from core.governance.proposals import ProposalKind
from core.record import BatchRole
from core.schema import ModelSchema
from core.services.learnable import learnable_records
from core.services.mitigation_curve import MeasuredCurve, check_made
from core.services.versions import VersionInfo
from tests.builders import HEADER, SCHEMA, START, rows, write_csv
from tests.governed import Governed, build
from tests.people import Person, sign_in

HIRING, N = "hiring", 1_000
RECIPE = 'estimator = "linear"\nmin_rows = 100\nfeatures = ["amount", "colour"]\n'
PARITY = Constraint.DEMOGRAPHIC_PARITY
ASKED = 2


def hirings(n: int, *, prefix: str, seed: int, late: float = 0.0) -> list[list[object]]:
    """Records of `rows` in which women are rated lower, and the colour tells who is one."""
    rng = np.random.default_rng(seed)
    found = rows(n, start=START + timedelta(days=late), seed=seed, prefix=prefix)
    for row in found:
        row[5] = str(rng.choice(["f", "m"]))
        row[4] = "red" if (row[5] == "f") ^ (rng.random() < 0.1) else "blue"
        worth = (float(str(row[3])) - 100) / 15 - 1.2 * (row[5] == "f") + rng.normal(0, 0.7)
        row[9] = int(worth > -0.9)
    return found


@pytest.fixture(scope="module", autouse=True)
def few_points() -> Iterator[None]:
    """They show as much as many."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mitigators, "GRID_SIZES", {1: 5})
        patch.setattr(mitigation, "TOLERANCES", (0.0,))
        yield


@pytest.fixture(scope="module")
def hiring_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = build(tmp_path_factory.mktemp("hiring"))
    space = found.workspace
    space.models.add(LOCAL_OPERATOR, HIRING, SCHEMA)
    files = [
        (write_csv(found.file(), hirings(N // 5, prefix="a", seed=1), HEADER), BatchRole.REFERENCE),
        (write_csv(found.file(), hirings(N // 2, prefix="b", seed=2, late=10), HEADER), BatchRole.PRODUCTION),
        (write_csv(found.file(), hirings(3 * N // 10, prefix="c", seed=3, late=11), HEADER), BatchRole.PRODUCTION),
    ]
    for file, role in files:
        assert space.records.add(LOCAL_OPERATOR, HIRING, [file], role=role)[0].error is None
    space.close()
    return found.folder


@pytest.fixture
def governed(hiring_folder: Path, tmp_path: Path) -> Iterator[Governed]:
    found = build(tmp_path, copy_of=hiring_folder)
    yield found
    found.workspace.close()


@pytest.fixture(scope="module")
def asked_folder(hiring_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, MeasuredCurve]:
    """Proposal 2 asks for a point of the curve that was measured; two roles have to sign."""
    governed = build(tmp_path_factory.mktemp("asked"), copy_of=hiring_folder)
    space = governed.workspace
    found = measured(governed)
    change = {"policy": {"seats": ["validator", "owner"]}}
    policy = space.proposals.open(governed.ada, HIRING, ProposalKind.POLICY, reason="care", arguments=change)
    governed.run(governed.decide(policy.proposal.id).job_id)
    asked = space.mitigations.propose(governed.ada, found, "thresholds-1", reason="the gap of May")
    assert asked.proposal.id == ASKED
    space.close()
    return governed.folder, found


@pytest.fixture
def asked(asked_folder: tuple[Path, MeasuredCurve], tmp_path: Path) -> Iterator[tuple[Governed, MeasuredCurve]]:
    folder, found = asked_folder
    governed = build(tmp_path, copy_of=folder)
    yield governed, found
    governed.workspace.close()


def measured(governed: Governed, **more: Any) -> MeasuredCurve:
    given = {"sensitive": "sex", "constraint": PARITY, **more}
    return governed.workspace.mitigations.curve(governed.ada, HIRING, {"recipe": RECIPE}, **given)


def gap_of(governed: Governed, version: VersionInfo, as_known: datetime, by_group: GroupThresholds | None) -> float:
    """How far apart a version's selection rates are on the rows held out, by the file that is kept of it."""
    space = governed.workspace
    with space.database.read() as session:
        schema, found = learnable_records(session, space.files, HIRING, now=as_known, as_known=as_known)
    held_out = in_order(found.rows).iloc[-N // 5 :]
    artefact = space.versions.artefact(governed.vera, HIRING, version.name)
    assert artefact is not None
    kept = load(artefact, sha256=str(version.artefact_sha256))
    said = score(kept, schema, held_out, thresholds=by_group).prediction == "1"
    sex = held_out["sex"].to_numpy()
    return abs(float(said[sex == "f"].mean()) - float(said[sex == "m"].mean()))


def signed(governed: Governed) -> str:
    """Have both roles sign what is asked for; its job."""
    governed.decide(ASKED, by="vic")
    job_id = governed.decide(ASKED, by="olga").job_id
    assert job_id is not None
    return job_id


def trained(governed: Governed, job_id: str | None) -> VersionInfo:
    """Let the worker's steps train what was approved."""
    assert job_id is not None
    space = governed.workspace
    space.jobs.begin(WORKER, job_id)
    name = space.execution.train(WORKER, job_id, say=lambda _text, _share: None)
    space.execution.propose_promotion(WORKER, job_id, name)
    space.jobs.finish(WORKER, job_id, name)
    return space.versions.show(governed.vera, HIRING, name)


def test_a_point_is_asked_for_signed_by_two_and_trained_and_its_gap_is_smaller(
    asked: tuple[Governed, MeasuredCurve],
) -> None:
    governed, found = asked
    space = governed.workspace
    proposal = space.proposals.show(governed.vera, ASKED)
    evidence = space.proposals.report(governed.vera, proposal.evidence_sha256)
    frozen = evidence.report["mitigation"]
    assert [p["predictions_sha256"] for p in frozen["points"]] == [p.predictions_sha256 for p in found.curve.points]
    assert (frozen["asked"], "disparate treatment" in frozen["caution"]) == ("thresholds-1", True)
    with pytest.raises(NotAllowedError):
        governed.decide(proposal.id, by="ada")
    assert governed.decide(proposal.id, by="vic").job_id is None
    job_id = governed.decide(proposal.id, by="olga").job_id
    governed.clock.advance(hours=1)
    late = write_csv(governed.file(), hirings(100, prefix="late", seed=9, late=20), HEADER)
    space.records.add(LOCAL_OPERATOR, HIRING, [late])  # what comes in afterwards isn't learnt from

    version = trained(governed, job_id)
    registered = json.loads(json.dumps(dict(version.parameters)))
    assert Mitigation.model_validate(registered["recipe"]["mitigation"]) == found.point("thresholds-1").mitigation
    by_group = GroupThresholds.from_dict(registered["group_thresholds"])
    assert by_group.sha256 == registered["group_thresholds"]["sha256"]
    assert any("disparate treatment" in note for note in registered["notes"])
    gap = gap_of(governed, version, found.as_known, by_group)
    assert gap == pytest.approx(found.point("thresholds-1").gap.value)
    assert gap < found.curve.unmitigated.gap.value / 2


def test_a_batch_of_the_curve_that_is_retracted_once_it_was_signed_stops_the_job(
    asked: tuple[Governed, MeasuredCurve],
) -> None:
    governed, found = asked
    space, batch = governed.workspace, found.batches[1]
    job_id = signed(governed)
    subjects = space.proposals.report(
        governed.vera, space.proposals.show(governed.vera, ASKED).evidence_sha256
    ).subjects
    assert {s.kind for s in subjects if s.name == str(batch)} == {"batch"}, "only the curve rests on it"
    space.batches.retract(LOCAL_OPERATOR, batch, reason="sent twice")
    assert space.proposals.show(governed.vera, ASKED).stale == (f"batch {batch} is gone",)
    with pytest.raises(ConflictError, match=f"The approval is stale: batch {batch} is gone"):
        space.jobs.begin(WORKER, job_id)


def test_one_that_is_retracted_while_the_job_runs_lets_nothing_be_registered(
    asked: tuple[Governed, MeasuredCurve],
) -> None:
    governed, found = asked
    space, job_id = governed.workspace, signed(governed)
    space.jobs.begin(WORKER, job_id)
    space.batches.retract(LOCAL_OPERATOR, found.batches[2], reason="sent twice")
    with pytest.raises(ConflictError, match=r"doesn't predict what the approved point .* records were retracted"):
        space.execution.train(WORKER, job_id, say=lambda _text, _share: None)
    assert [version.name for version in space.versions.list(governed.vera, HIRING)] == ["v1"]


def test_what_predicts_otherwise_than_the_approved_point_is_not_registered() -> None:
    schema = ModelSchema.from_toml(SCHEMA)
    table = hirings(N, prefix="a", seed=1)
    names = {"id": "@id", "at": "@timestamp", "outcome": "@label"}
    frame = pd.DataFrame(table, columns=list(HEADER)).rename(columns=names)
    made = train(schema, Recipe.from_toml(RECIPE), frame.astype({"@label": str}))
    curve: dict[str, Any] = {
        "asked": "grid-2",
        "points": [{"name": "grid-2", "predictions_sha256": made.predictions_sha256}],
    }
    check_made(curve, made)
    curve["points"][0]["predictions_sha256"] = "0" * 64
    with pytest.raises(ConflictError, match="doesn't predict what the approved point"):
        check_made(curve, made)


def test_who_may_not_propose_measures_nothing_and_what_mitigates_nothing_is_refused(governed: Governed) -> None:
    with pytest.raises(NotAllowedError, match="right to propose"):
        governed.workspace.mitigations.curve(governed.vera, HIRING, {}, sensitive="sex", constraint=PARITY)
    with pytest.raises(InputError, match="'region' is no protected attribute of hiring \\(sex\\)"):
        measured(governed, sensitive="region")


def test_the_command_prints_the_curve_and_asks_for_a_point_of_the_grid(governed: Governed) -> None:
    recipe = governed.folder / "recipe.toml"
    recipe.write_text(RECIPE)
    ada = sign_in(governed.workspace.folder, "ada")
    options = ["mitigate", HIRING, "--sensitive", "sex", "--recipe", recipe]
    assert ada("mitigate", HIRING).code == 2
    assert ada(*options, "--propose", "grid-2").code == 2
    ran = ada(*options, "--propose", "grid-2", "--reason", "the gap of May", "--json")
    assert ran.code == 0, ran.err
    points = {point["name"]: point for point in ran.json["points"]}
    shown = Person(workspace=governed.workspace.folder)("proposal", "show", ran.json["proposal"]["proposal"])
    for said in ("unmitigated", "asked for", "needs the group", "disparate treatment"):
        assert said in shown.out
    version = trained(governed, governed.decide(ran.json["proposal"]["proposal"]).job_id)
    assert "group_thresholds" not in version.parameters
    gap = gap_of(governed, version, datetime.fromisoformat(ran.json["as_known"]), None)
    assert gap == pytest.approx(points["grid-2"]["gap"]["value"])
    assert gap < points["unmitigated"]["gap"]["value"] / 2
