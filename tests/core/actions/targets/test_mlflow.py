"""Promotions to and rollbacks from a real MLflow server, and changes made there behind our back."""

from __future__ import annotations

import tomllib

import pytest

from core.actions.targets import target
from core.errors import ConflictError, InputError, OutsideError, SchemaError
from core.governance.identity import WORKER
from core.governance.proposals import ProposalKind
from tests.core.actions.targets.conftest import Mlflow
from tests.governed import MODEL, Governed

TAG = "plumbline.version"


def set_target(governed: Governed, mlflow: Mlflow, name: str) -> None:
    governed.workspace.targets.set(governed.root, MODEL, f'kind = "mlflow"\nurl = "{mlflow.url}"\nmodel = "{name}"')


def last_words(governed: Governed, proposal: int) -> str:
    return governed.workspace.proposals.show(governed.vera, proposal).moves[-1].text


def run_failing(governed: Governed, job_id: str | None, error: type[Exception], words: str) -> None:
    """Do what the worker does where it is refused."""
    assert job_id is not None
    governed.workspace.jobs.begin(WORKER, job_id)
    with pytest.raises(error, match=words) as raised:
        governed.workspace.execution.deploy(WORKER, job_id)
    governed.workspace.jobs.fail(WORKER, job_id, str(raised.value))


def in_force(governed: Governed) -> str | None:
    found = governed.workspace.versions.in_force(governed.vera, MODEL)
    return found.version if found else None


def test_promote_roll_back_and_retire_move_the_alias_and_a_change_behind_our_back_is_refused(
    governed: Governed, mlflow: Mlflow
) -> None:
    mlflow.register("churn", {"owner": "x"}, {TAG: "v2"}, {TAG: "v7"})  # v1 by its number, v2 by its tag
    set_target(governed, mlflow, "churn")
    assert mlflow.alias("churn") is None
    first = governed.put_in_force("v1")
    assert mlflow.alias("churn") == "1"
    said = last_words(governed, first)
    assert "was set to 1 and says 1" in said
    assert "A scorer that is running keeps the version it has loaded" in said

    decided = governed.decide(governed.propose(ProposalKind.PROMOTE, "v2"))
    report = governed.workspace.proposals.report(governed.vera, decided.proposal.evidence_sha256).report["target"]
    assert (report["seen"]["version"], report["wanted"]["version"], report["differs"]) == ("1", "2", "")
    mlflow.move("churn", "3")  # behind our back
    run_failing(governed, decided.job_id, ConflictError, "says 3; the approver saw 1. Somebody changed it behind our")
    assert (mlflow.alias("churn"), in_force(governed)) == ("3", "v1")
    check = governed.workspace.targets.check(governed.ada, MODEL)
    assert (check.agrees, check.state.version, check.in_force) == (False, "3", "v1")

    number = decided.proposal.id
    refreshed = governed.workspace.proposals.refresh(governed.ada, number, reason="somebody moved the alias")
    report = governed.workspace.proposals.report(governed.vera, refreshed.proposal.evidence_sha256).report["target"]
    assert report["differs"] == "It serves 3, which isn't what is in force here: v1."
    governed.run(governed.decide(number).job_id)
    assert (mlflow.alias("churn"), in_force(governed)) == ("2", "v2")

    governed.put_in_force("v1", ProposalKind.ROLLBACK)
    assert (mlflow.alias("churn"), in_force(governed)) == ("1", "v1")
    governed.put_in_force("v1", ProposalKind.RETIRE)
    assert (mlflow.alias("churn"), in_force(governed)) == (None, None)
    entries = governed.workspace.ledger.list(governed.audrey, action="target.begin")
    moves = [(e.objects["before"]["version"], e.objects["wanted"]["version"]) for e in reversed(entries)]
    assert moves == [(None, "1"), ("3", "2"), ("2", "1"), ("1", None)]
    assert all(e.objects["inverse"] == e.objects["before"] for e in entries)
    assert governed.workspace.ledger.verify(governed.audrey).is_intact


def test_a_version_that_was_made_anew_under_its_name_is_not_what_the_approver_saw(
    governed: Governed, mlflow: Mlflow
) -> None:
    mlflow.register("anew", {TAG: "v1"}, {TAG: "v2"})
    set_target(governed, mlflow, "anew")
    governed.put_in_force("v1")
    decided = governed.decide(governed.propose(ProposalKind.PROMOTE, "v2"))
    mlflow.call("DELETE", "model-versions/delete", {"name": "anew", "version": "2"})
    run = mlflow.call("POST", "runs/create", {"experiment_id": "0"})["run"]["info"]
    source = {"source": f"{run['artifact_uri']}/other", "run_id": run["run_id"]}
    tags = [{"key": TAG, "value": "v2"}]
    mlflow.call("POST", "model-versions/create", {"name": "anew", **source, "tags": tags})
    run_failing(governed, decided.job_id, ConflictError, "v2 there isn't what the approver saw any more")
    assert mlflow.alias("anew") == "1"


def test_a_version_that_mlflow_does_not_have_is_not_proposed(governed: Governed, mlflow: Mlflow) -> None:
    mlflow.register("few", {TAG: "v9"})
    set_target(governed, mlflow, "few")
    for version in ("v1", "v2"):  # number 1 is v9 by its tag
        with pytest.raises(InputError, match=rf"{version} is no version of few in MLflow .* give that version the tag"):
            governed.propose(ProposalKind.PROMOTE, version)
    mlflow.register("many", {TAG: "v1"}, {TAG: "v1"})
    set_target(governed, mlflow, "many")
    with pytest.raises(InputError, match="v1 could be any of 2, 1 of many"):
        governed.propose(ProposalKind.PROMOTE, "v1")
    set_target(governed, mlflow, "nowhere")
    with pytest.raises(OutsideError, match=r"answered 404: .*nowhere not found"):
        governed.propose(ProposalKind.PROMOTE, "v1")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('alias = "latest"', "keeps 'latest'"),
        ('alias = "v3"', "keeps 'latest'"),
        ('token_variable = "PLUMBLINE_LEDGER_KEY"', "token_variable"),
        ('token_variable = "PLUMBLINE_TARGET_TOKEN"', "only sent over https"),
        ('password = "x"', "password"),
    ],
)
def test_what_a_target_may_not_be_is_refused(line: str, words: str) -> None:
    with pytest.raises(SchemaError, match=words):
        target(tomllib.loads(f'kind = "mlflow"\nurl = "http://mlflow.example"\nmodel = "churn"\n{line}'))
    for url in ("http://user:secret@mlflow.example", "ftp://mlflow.example", "http://mlflow.example?token=1", "x"):
        with pytest.raises(SchemaError, match="url"):
            target({"kind": "mlflow", "url": url, "model": "churn"})
