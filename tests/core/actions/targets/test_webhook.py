"""A webhook against a real server that checks signatures by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.actions.targets import Order, State, target
from core.errors import ConflictError, InputError, OutsideError
from core.governance.identity import WORKER
from core.governance.proposals import ProposalKind
from tests.core.actions.targets.conftest import SECRET, SECRET_VARIABLE, Receiver
from tests.governed import MODEL, Governed


def set_target(governed: Governed, receiver: Receiver) -> None:
    source = f'kind = "webhook"\nurl = "{receiver.url}"\nsecret_variable = "{SECRET_VARIABLE}"'
    governed.workspace.targets.set(governed.root, MODEL, source)


def test_an_order_is_signed_given_once_and_read_back(governed: Governed, receiver: Receiver) -> None:
    set_target(governed, receiver)
    proposal = governed.put_in_force("v1")
    evidence = governed.workspace.proposals.show(governed.vera, proposal).evidence_sha256
    assert receiver.state == {"version": "v1"}
    assert receiver.refused == []
    ((key, order),) = receiver.done.items()
    assert key == f"plumbline-proposal-{proposal}-{evidence[:12]}"
    assert (order["kind"], order["version"], order["evidence"]) == ("promote", "v1", evidence)
    governed.put_in_force("v2")
    governed.put_in_force("v1", ProposalKind.ROLLBACK)
    assert [order["version"] for order in receiver.done.values()] == ["v1", "v2", "v1"]


def test_a_service_that_says_anything_else_than_the_approver_saw_is_left_alone(
    governed: Governed, receiver: Receiver
) -> None:
    set_target(governed, receiver)
    decided = governed.decide(governed.propose(ProposalKind.PROMOTE, "v1"))
    receiver.state = {"version": None, "replicas": 3}  # the version is the same, the rest isn't
    assert decided.job_id is not None
    governed.workspace.jobs.begin(WORKER, decided.job_id)
    with pytest.raises(ConflictError, match="not the one the approver saw"):
        governed.workspace.execution.deploy(WORKER, decided.job_id)
    assert receiver.n_posts == 0


def test_a_worker_that_was_killed_after_the_order_does_not_take_it_for_somebody_elses(
    governed: Governed, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_target(governed, receiver)
    decided = governed.decide(governed.propose(ProposalKind.PROMOTE, "v1"))
    assert decided.job_id is not None
    governed.workspace.jobs.begin(WORKER, decided.job_id)
    execution, registry = governed.workspace.execution, type(governed.workspace.execution.registry)
    with monkeypatch.context() as patched:
        patched.setattr(registry, "deploy", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            execution.deploy(WORKER, decided.job_id)
    assert (receiver.state["version"], receiver.n_posts) == ("v1", 1)
    with pytest.raises(ConflictError, match="has begun to change the target"):
        governed.workspace.jobs.cancel(governed.ada, decided.job_id, reason="no")
    said = governed.workspace.execution.deploy(WORKER, decided.job_id)
    assert said.startswith("v1 is in force")
    assert receiver.n_posts == 1  # it said v1 already, and this proposal had begun
    in_force = governed.workspace.versions.in_force(governed.vera, MODEL)
    assert in_force is not None
    assert in_force.version == "v1"


def test_a_service_that_takes_orders_and_does_not_follow_them_is_found_out(
    governed: Governed, receiver: Receiver
) -> None:
    set_target(governed, receiver)
    receiver.forgets = True
    decided = governed.decide(governed.propose(ProposalKind.PROMOTE, "v1"))
    assert decided.job_id is not None
    governed.workspace.jobs.begin(WORKER, decided.job_id)
    with pytest.raises(OutsideError, match="says none after it was set to v1") as error:
        governed.workspace.execution.deploy(WORKER, decided.job_id)
    governed.workspace.jobs.fail(WORKER, decided.job_id, str(error.value))
    assert governed.workspace.versions.in_force(governed.vera, MODEL) is None
    receiver.done.clear()
    receiver.forgets = False
    governed.run(governed.workspace.proposals.retry(governed.ines, decided.proposal.id, reason="mended").job_id)
    assert receiver.state["version"] == "v1"


@pytest.mark.parametrize("status", [302, 307, 401, 500])
def test_an_answer_that_is_no_success_is_none_and_redirects_are_not_followed(receiver: Receiver, status: int) -> None:
    receiver.answer = status
    config = {"kind": "webhook", "url": receiver.url, "secret_variable": SECRET_VARIABLE}
    with pytest.raises(OutsideError, match=f"answered {status}") as error:
        target(config).read()
    assert SECRET not in str(error.value)


def test_a_wrong_or_missing_secret_does_nothing(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    system = target({"kind": "webhook", "url": receiver.url, "secret_variable": SECRET_VARIABLE})
    monkeypatch.setenv(SECRET_VARIABLE, "another")
    order = Order(
        key="k",
        kind="promote",
        model="m",
        version="v1",
        before=State(version=None),
        wanted=State(version="v1"),
        proposal=1,
        evidence="e",
    )
    for call in (system.read, lambda: system.put(order)):
        with pytest.raises(OutsideError, match="answered 401"):
            call()
    assert receiver.done == {}
    monkeypatch.delenv(SECRET_VARIABLE)
    with pytest.raises(InputError, match=f"{SECRET_VARIABLE} is not set"):
        system.read()


def test_a_service_that_is_away_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    system = target({"kind": "webhook", "url": "http://127.0.0.1:9/x", "secret_variable": SECRET_VARIABLE})
    with pytest.raises(OutsideError, match=r"127\.0\.0\.1:9 doesn't answer"):
        system.read()
