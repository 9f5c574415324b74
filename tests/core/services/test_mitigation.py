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


@pytest.fixture
def governed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Governed]:
    monkeypatch.setattr(mitigators, "GRID_SIZES", {1: 5})  # a few points show as much
    monkeypatch.setattr(mitigation, "TOLERANCES", (0.0,))
    found = build(tmp_path)
    space = found.workspace
    space.models.add(LOCAL_OPERATOR, HIRING, SCHEMA)
    files = [
        (write_csv(found.file(), hirings(N // 5, prefix="a", seed=1), HEADER), BatchRole.REFERENCE),
        (write_csv(found.file(), hirings(N // 2, prefix="b", seed=2, late=10), HEADER), BatchRole.PRODUCTION),
        (write_csv(found.file(), hirings(3 * N // 10, prefix="c", seed=3, late=11), HEADER), BatchRole.PRODUCTION),
    ]
    for file, role in files:
        assert space.records.add(LOCAL_OPERATOR, HIRING, [file], role=role)[0].error is None
    yield found
    space.close()


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


def trained(governed: Governed, job_id: str | None) -> VersionInfo:
    """Let the worker's steps train what was approved."""
    assert job_id is not None
    space = governed.workspace
    space.jobs.begin(WORKER, job_id)
    name = space.execution.train(WORKER, job_id, say=lambda _text, _share: None)
    space.execution.propose_promotion(WORKER, job_id, name)
    space.jobs.finish(WORKER, job_id, name)
    return space.versions.show(governed.vera, HIRING, name)


def test_a_point_is_asked_for_signed_by_two_and_trained_and_its_gap_is_smaller(governed: Governed) -> None:
    space = governed.workspace
    found = measured(governed)
    change = {"policy": {"seats": ["validator", "owner"]}}
    asked = space.proposals.open(governed.ada, HIRING, ProposalKind.POLICY, reason="care", arguments=change)
    governed.run(governed.decide(asked.proposal.id).job_id)

    proposal = space.mitigations.propose(governed.ada, found, "thresholds-1", reason="the gap of May").proposal
    evidence = space.proposals.report(governed.vera, proposal.evidence_sha256)
    frozen = evidence.report["mitigation"]
    of_batches = {subject.name for subject in evidence.subjects if subject.kind == "batch"}
    assert of_batches >= {str(batch) for batch in found.batches}  # one retracted makes the evidence stale
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
