"""Signing: every refusal, what makes evidence stale, who wins, and what an approval opens."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, inspect, select, text

from core.errors import ConflictError, InputError, NotAllowedError, PlumblineError, UnknownNameError
from core.governance.identity import LOCAL_OPERATOR, WORKER, Actor, UserRole
from core.governance.proposals import Move, ProposalKind, ProposalState
from core.services.gate import Gate
from core.services.proposal import Decided, ProposalInfo
from core.services.proposals import ProposalService
from core.services.versions import VersionState
from core.storage.ledger import n_entries
from core.storage.queue import JobQueue
from core.storage.signing import EvidenceRow, JobRow, ProposalMoveRow, ProposalRow
from core.workspace import Workspace
from tests.builders import SCHEMA
from tests.governed import MODEL, NOW, Governed, Step, build, promoted, proposed

K, S = ProposalKind, ProposalState
REFUSED = (ConflictError, InputError, NotAllowedError)


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    governed = build(tmp_path)
    yield governed
    governed.workspace.close()


@pytest.fixture
def in_force(tmp_path: Path) -> Iterator[Governed]:
    """v1 is in force."""
    governed = build(tmp_path, after=[promoted("v1")])
    yield governed
    governed.workspace.close()


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Governed]:
    """Ada has asked for a retraining, in proposal 1."""
    governed = build(tmp_path, after=[proposed()])
    yield governed
    governed.workspace.close()


def stored(governed: Governed) -> tuple[object, ...]:
    """All that signing has left in the database."""
    with governed.workspace.database.read() as session:
        states = session.execute(select(ProposalRow.id, ProposalRow.state, ProposalRow.evidence_sha256)).all()
        counts = [
            session.scalar(select(func.count()).select_from(row)) for row in (JobRow, ProposalMoveRow, EvidenceRow)
        ]
        queued: object = 0
        if inspect(session.connection()).has_table("workflow_status"):
            queued = session.scalar(text("SELECT count(*) FROM workflow_status"))
        return (*states, *counts, n_entries(session), queued)


def refused(governed: Governed, call: Callable[[], object]) -> PlumblineError:
    """The error of a call that has to fail and to leave everything as it was."""
    before = stored(governed)
    with pytest.raises(REFUSED) as error:
        call()
    assert stored(governed) == before
    return error.value


# Opening


def test_a_proposal_rests_on_frozen_evidence_and_is_in_the_ledger(governed: Governed) -> None:
    decided = governed.opened(K.PROMOTE, "v2")
    shown = governed.workspace.proposals.show(governed.vera, decided.proposal.id)
    assert shown == decided.proposal
    assert (shown.state, shown.requester, shown.stale, shown.job_id) == (S.OPEN, "ada", (), None)
    (entry,) = governed.workspace.ledger.list(governed.audrey, newest=1)
    assert (entry.seq, entry.hash) == (decided.receipt.seq, decided.receipt.hash)
    assert (entry.action, entry.actor, entry.objects["evidence"]) == ("proposal.open", "ada", shown.evidence_sha256)
    report = governed.workspace.proposals.report(governed.vera, shown.evidence_sha256).report
    assert (report["kind"], report["version"], report["champion"]) == ("promote", "v2", None)


def test_a_promotion_against_a_champion_shows_their_comparison(in_force: Governed) -> None:
    proposal = in_force.opened(K.PROMOTE, "v2").proposal
    report = in_force.workspace.proposals.report(in_force.vera, proposal.evidence_sha256).report
    compared = report["comparison"]
    assert (compared["champion"], compared["candidate"], compared["n_candidate"]) == ("v1", "v2", 60)
    assert "60 of the 60 rows of v2 were scored by v1 too" in report["why"]


@pytest.mark.parametrize("kind", [K.RETRAIN, K.ROLLBACK, K.RETIRE])
def test_other_proposals_show_how_the_model_does(in_force: Governed, kind: ProposalKind) -> None:
    if kind is K.ROLLBACK:
        in_force.put_in_force("v2")
    proposal = in_force.opened(kind, None if kind is K.RETRAIN else "v1").proposal
    report = in_force.workspace.proposals.report(in_force.vera, proposal.evidence_sha256).report
    summary = in_force.workspace.analysis.summary(in_force.vera, MODEL)
    assert summary is not None
    assert report["monitoring"]["status"] == summary.status
    assert len(report["monitoring"]["verdicts"]) == len(summary.verdicts)


@pytest.mark.parametrize("reason", ["", "   ", "\n", "x" * 10_001, "a\0b", "\ud800"])
def test_a_proposal_needs_a_reason_that_can_be_kept(governed: Governed, reason: str) -> None:
    proposals = governed.workspace.proposals
    assert isinstance(
        refused(governed, lambda: proposals.open(governed.ada, MODEL, K.RETRAIN, reason=reason)), InputError
    )


def test_what_cannot_be_asked_for_is_refused_with_what_can(in_force: Governed) -> None:
    in_force.register("v3")
    in_force.put_in_force("v3")
    in_force.put_in_force("v3", K.RETIRE)
    expected = {
        (K.PROMOTE, None): "name a version",
        (K.RETRAIN, "v2"): "name no version",
        (K.PROMOTE, "v9"): "'v9'",
        (K.PROMOTE, "v1"): "only a candidate can be promoted",
        (K.PROMOTE, "v3"): "only a candidate can be promoted",
        (K.ROLLBACK, "v2"): "only a version that was in force before",
        (K.RETIRE, "v3"): "v3 is retired already",
    }
    for (kind, version), words in expected.items():
        assert words in str(refused(in_force, lambda k=kind, v=version: in_force.propose(k, v)))


def test_a_version_that_was_retired_without_ever_serving_cannot_be_rolled_back_to(in_force: Governed) -> None:
    in_force.put_in_force("v2", K.RETIRE)
    assert in_force.workspace.versions.show(in_force.vera, MODEL, "v2").state is VersionState.RETIRED
    assert "was in force before" in str(refused(in_force, lambda: in_force.propose(K.ROLLBACK, "v2")))


def test_the_same_is_not_asked_for_twice_at_once(governed: Governed) -> None:
    first = governed.propose(K.PROMOTE, "v2")
    assert f"Proposal {first} asks for the same" in str(refused(governed, lambda: governed.propose(K.PROMOTE, "v2")))
    governed.workspace.proposals.withdraw(governed.ada, first, reason="later")
    assert governed.propose(K.PROMOTE, "v2") == first + 1


def test_a_candidate_that_cannot_be_compared_is_not_proposed(in_force: Governed) -> None:
    in_force.workspace.versions.add(in_force.ada, MODEL, "v4", parameters={"depth": 1})
    assert "v4 has no evaluation data" in str(refused(in_force, lambda: in_force.propose(K.PROMOTE, "v4")))


def test_a_model_without_reference_has_nothing_to_rest_a_retraining_on(governed: Governed) -> None:
    governed.workspace.models.add(LOCAL_OPERATOR, "bare", SCHEMA)
    proposals = governed.workspace.proposals
    error = refused(governed, lambda: proposals.open(governed.ada, "bare", K.RETRAIN, reason="why not"))
    assert "bare has no reference yet" in str(error)


# Deciding


def test_an_approval_enqueues_its_job_once(governed: Governed) -> None:
    decided = governed.decide(governed.propose(K.PROMOTE, "v2"))
    assert decided.proposal.state is S.APPROVED
    (job,) = governed.workspace.jobs.list(governed.vera)
    assert (job.id, job.proposal_id, job.state, job.created_by) == (
        decided.job_id,
        decided.proposal.id,
        "queued",
        "ines",
    )


@pytest.mark.parametrize("move", [Move.APPROVE, Move.REJECT, Move.REQUEST_CHANGES])
def test_nobody_decides_on_what_they_asked_for(governed: Governed, move: Move) -> None:
    for person in ("zoe", "ines"):  # Zoe is an engineer and a reviewer
        proposal = governed.propose(K.PROMOTE, "v2", by=person)
        error = refused(governed, lambda p=proposal, who=person: governed.decide(p, move, by=who))
        assert isinstance(error, NotAllowedError)
        assert "You asked for this" in str(error)
        governed.workspace.proposals.withdraw(governed.people[person], proposal, reason="next")


def test_somebody_elses_refreshing_does_not_let_one_approve_what_one_asked_for(governed: Governed) -> None:
    proposal = governed.propose(K.PROMOTE, "v2", by="zoe")
    governed.clock.advance(days=1)
    refreshed = governed.workspace.proposals.refresh(governed.ines, proposal, reason="a day went by").proposal
    assert (refreshed.requester, refreshed.askers) == ("zoe", {"zoe", "ines"})
    for person in ("zoe", "ines"):
        error = refused(governed, lambda who=person: governed.decide(proposal, by=who))
        assert isinstance(error, NotAllowedError)
    refusals = {who: governed.workspace.proposals.refusals(governed.people[who], proposal) for who in governed.people}
    others = ["otto", "vic", "olga", "both"]
    assert [who for who, found in refusals.items() if found[Move.APPROVE] is None] == others
    assert governed.decide(proposal, by="otto").proposal.state is S.APPROVED


def test_a_job_asks_in_the_name_of_who_asked_for_the_job(governed: Governed) -> None:
    proposals = governed.workspace.proposals
    proposal = proposals.open_by_job(
        WORKER, MODEL, K.PROMOTE, "v2", reason="it was trained", requester="zoe", origin="promote proposal 7"
    )
    assert (proposal.state, proposal.requester, proposal.moves[0].actor) == (S.OPEN, "zoe", WORKER.name)
    proposals.refresh(governed.ines, proposal.id, reason="a day went by")
    refused(governed, lambda: governed.decide(proposal.id, by="zoe"))
    assert governed.decide(proposal.id, by="otto").job_id is not None


def test_a_job_that_is_begun_again_asks_once(governed: Governed) -> None:
    def ask() -> ProposalInfo:
        return governed.workspace.proposals.open_by_job(
            WORKER, MODEL, K.RETRAIN, reason="alarm", requester=None, origin="alarm m drift 2026-W03"
        )

    asked = [ask() for _ in range(3)]
    assert asked == asked[:1] * 3
    assert len(governed.workspace.proposals.list(governed.vera, MODEL)) == 1
    governed.workspace.proposals.withdraw(governed.ada, asked[0].id, reason="a false alarm")
    assert ask().state is S.WITHDRAWN  # what was dropped isn't asked for again


@pytest.mark.parametrize("person", ["ada", "vera", "audrey", "root"])
def test_who_is_no_reviewer_decides_nothing(tmp_path: Path, person: str) -> None:
    governed = build(tmp_path, after=[proposed(by="ines")])
    assert isinstance(refused(governed, lambda: governed.decide(1, by=person)), NotAllowedError)
    decide = governed.workspace.proposals.decide
    for actor in (LOCAL_OPERATOR, WORKER):
        error = refused(governed, lambda a=actor: decide(a, 1, Move.APPROVE, reason="let me"))
        assert isinstance(error, NotAllowedError)
    governed.workspace.close()


@pytest.mark.parametrize("reason", ["", "  \n "])
@pytest.mark.parametrize("move", [Move.APPROVE, Move.REJECT, Move.REQUEST_CHANGES])
def test_a_decision_needs_a_reason(asked: Governed, move: Move, reason: str) -> None:
    decide = asked.workspace.proposals.decide
    error = refused(asked, lambda: decide(asked.ines, 1, move, reason=reason))
    assert str(error) == "A decision needs a reason."


@pytest.mark.parametrize("move", [Move.COMMENT, Move.WITHDRAW, Move.START, Move.RETRY])
def test_what_is_no_decision_is_not_taken_for_one(asked: Governed, move: Move) -> None:
    assert f"{move} is no decision" in str(refused(asked, lambda: asked.decide(1, move)))


def test_a_proposal_nobody_made_is_not_decided(governed: Governed) -> None:
    assert isinstance(refused(governed, lambda: governed.decide(99)), UnknownNameError)


def test_a_decision_on_other_evidence_than_one_saw_is_refused(governed: Governed) -> None:
    proposal = governed.opened(K.PROMOTE, "v2").proposal
    governed.clock.advance(days=1)
    proposals = governed.workspace.proposals
    now = proposals.refresh(governed.ada, proposal.id, reason="a day went by").proposal.evidence_sha256
    assert now != proposal.evidence_sha256

    def decide(seen: str) -> Decided:
        return proposals.decide(governed.ines, proposal.id, Move.APPROVE, reason="good", evidence_sha256=seen)

    error = refused(governed, lambda: decide(proposal.evidence_sha256))
    assert "other evidence by now than what you looked at" in str(error)
    assert decide(now).proposal.state is S.APPROVED


def ended_by(move: Move) -> Callable[[Governed, int], object]:
    def withdraw(governed: Governed, proposal: int) -> object:
        return governed.workspace.proposals.withdraw(governed.ada, proposal, reason="no more")

    return withdraw if move is Move.WITHDRAW else lambda governed, proposal: governed.decide(proposal, move, by="otto")


@pytest.mark.parametrize("before", [Move.APPROVE, Move.REJECT, Move.WITHDRAW])
def test_what_was_decided_already_is_told_with_who_and_when(governed: Governed, before: Move) -> None:
    proposal = governed.propose(K.PROMOTE, "v2")
    ended_by(before)(governed, proposal)
    governed.clock.advance(hours=1)
    for move in (Move.APPROVE, Move.REJECT, Move.REQUEST_CHANGES):
        error = refused(governed, lambda m=move: governed.decide(proposal, m))
        assert isinstance(error, ConflictError)
        who = "ada" if before is Move.WITHDRAW else "otto"
        assert f"{who} chose to {before} at {NOW:%Y-%m-%d %H:%M} UTC; nothing was changed" in str(error)


def test_changes_that_were_requested_come_with_fresh_evidence(governed: Governed) -> None:
    proposal = governed.propose(K.PROMOTE, "v2")
    assert governed.decide(proposal, Move.REQUEST_CHANGES).proposal.state is S.CHANGES_REQUESTED
    refused(governed, lambda: governed.decide(proposal))
    governed.clock.advance(hours=1)
    refreshed = governed.workspace.proposals.refresh(governed.ada, proposal, reason="evaluated again").proposal
    assert refreshed.state is S.OPEN
    assert governed.decide(proposal).proposal.state is S.APPROVED


def test_a_rejected_candidate_is_never_promoted(governed: Governed) -> None:
    governed.decide(governed.propose(K.PROMOTE, "v2"), Move.REJECT)
    assert governed.workspace.versions.show(governed.vera, MODEL, "v2").state is VersionState.REJECTED
    assert "v2 is rejected" in str(refused(governed, lambda: governed.propose(K.PROMOTE, "v2")))
    assert not governed.workspace.proposals.gate(governed.vera, MODEL, "v2").is_open


def test_a_rejected_retirement_changes_nothing_of_its_version(in_force: Governed) -> None:
    in_force.decide(in_force.propose(K.RETIRE, "v1"), Move.REJECT)
    assert in_force.workspace.versions.show(in_force.vera, MODEL, "v1").state is VersionState.CHAMPION


def test_only_who_asked_withdraws(asked: Governed) -> None:
    withdraw = asked.workspace.proposals.withdraw
    for person in ("ines", "zoe"):
        error = refused(asked, lambda who=person: withdraw(asked.people[who], 1, reason="away with it"))
        assert "Only ada, who asked, can withdraw this" in str(error)
    assert withdraw(asked.ada, 1, reason="mine").proposal.state is S.WITHDRAWN


def test_a_draft_of_an_alarm_asks_nobody_until_somebody_submits_it(governed: Governed) -> None:
    proposals = governed.workspace.proposals
    draft = proposals.open_by_job(WORKER, MODEL, K.RETRAIN, reason="alarm", requester=None, origin="alarm 1")
    assert (draft.state, draft.requester) == (S.DRAFT, None)
    assert isinstance(refused(governed, lambda: governed.decide(draft.id)), ConflictError)
    governed.clock.advance(hours=2)
    submitted = proposals.submit(governed.zoe, draft.id, reason="it is real").proposal
    assert (submitted.state, submitted.requester) == (S.OPEN, "zoe")
    assert submitted.evidence_sha256 != draft.evidence_sha256
    assert isinstance(refused(governed, lambda: governed.decide(draft.id, by="zoe")), NotAllowedError)
    assert governed.decide(draft.id).proposal.state is S.APPROVED


def test_anyone_who_may_propose_drops_a_draft(governed: Governed) -> None:
    proposals = governed.workspace.proposals
    draft = proposals.open_by_job(WORKER, MODEL, K.RETRAIN, reason="alarm", requester=None, origin="alarm 1")
    assert proposals.withdraw(governed.ines, draft.id, reason="a holiday").proposal.state is S.WITHDRAWN


def test_a_comment_decides_nothing_and_is_in_the_ledger_word_for_word(governed: Governed) -> None:
    proposal = governed.propose()
    words = "naïve — “better”?\u2028😀"
    for person in ("ada", "ines"):
        found = governed.workspace.proposals.comment(governed.people[person], proposal, words).proposal
        assert (found.state, found.requester, found.moves[-1].text) == (S.OPEN, "ada", words)
    (entry,) = governed.workspace.ledger.list(governed.audrey, newest=1)
    assert (entry.action, entry.objects["text"]) == ("proposal.comment", words)


# Evidence that no longer holds


def other_schema(governed: Governed) -> None:
    changed = SCHEMA.replace('timezone = "UTC"', 'timezone = "Europe/Berlin"')
    assert changed != SCHEMA
    governed.workspace.models.update(LOCAL_OPERATOR, MODEL, changed)


def other_policy(governed: Governed) -> None:
    governed.set_policy({"max_age_days": 30.0})


def complete(governed: Governed) -> None:
    governed.workspace.versions.add(LOCAL_OPERATOR, MODEL, "v1", parameters={"depth": 9})


def alter_records(governed: Governed) -> None:
    files = governed.workspace.records.files
    with governed.workspace.database.read() as session:
        for (digest,) in session.execute(text("SELECT records_sha256 FROM batch WHERE role = 'production'")):
            files.path(digest).write_bytes(files.path(digest).read_bytes() + b" ")


def remove_labels(governed: Governed) -> None:
    with governed.workspace.database.read() as session:
        for (digest,) in session.execute(text("SELECT labels_sha256 FROM label_batch")):
            governed.workspace.records.files.path(digest).unlink()


def alter_artefact(governed: Governed) -> None:
    path = governed.artefact_file("v2")
    path.write_bytes(path.read_bytes()[:-1] + b"!")


PROMOTE, RETRAIN, ROLLBACK = (K.PROMOTE, "v2"), (K.RETRAIN, None), (K.ROLLBACK, "v1")
PRODUCTION = 2  # the batch that v1 served
CAUSES: dict[str, tuple[tuple[ProposalKind, str | None], Callable[[Governed], object], str]] = {
    "new labels in the window": (RETRAIN, lambda g: g.label("p200"), f"labels of batch {PRODUCTION} has changed"),
    "new labels of compared rows": (PROMOTE, lambda g: g.label("p0"), f"labels of batch {PRODUCTION} has changed"),
    "new labels of the reference": (RETRAIN, lambda g: g.label("r0"), "reference m has changed"),
    "a retracted batch": (
        RETRAIN,
        lambda g: g.workspace.batches.retract(LOCAL_OPERATOR, PRODUCTION, reason="broken"),
        f"batch {PRODUCTION} is gone",
    ),
    "a retracted batch of compared rows": (
        PROMOTE,
        lambda g: g.workspace.batches.retract(LOCAL_OPERATOR, PRODUCTION, reason="broken"),
        f"batch {PRODUCTION} is gone",
    ),
    "a retracted reference": (
        RETRAIN,
        lambda g: g.workspace.batches.retract(LOCAL_OPERATOR, 1, reason="broken"),
        "reference m has changed",
    ),
    "another schema": (RETRAIN, other_schema, "schema m has changed"),
    "another schema for a promotion": (PROMOTE, other_schema, "schema m has changed"),
    "another champion": (
        RETRAIN,
        lambda g: (g.register("v3"), g.put_in_force("v3")),
        "champion m has changed",
    ),
    "another champion for a promotion": (
        PROMOTE,
        lambda g: (g.register("v3"), g.put_in_force("v3")),
        "champion m has changed",
    ),
    "a candidate that was retired": (
        PROMOTE,
        lambda g: g.put_in_force("v2", K.RETIRE),
        "state of version v2 has changed",
    ),
    "more evaluation data": (PROMOTE, lambda g: g.evaluate("v2", n=80, seed=9), "evaluation v2 has changed"),
    "evaluation data of the champion": (PROMOTE, lambda g: g.evaluate("v1", n=60, seed=9), "evaluation v1 has changed"),
    "a version that was completed": (ROLLBACK, complete, "version v1 has changed"),
    "another policy": (PROMOTE, other_policy, "policy signing has changed"),
    "fifteen days": (PROMOTE, lambda g: g.clock.advance(days=15), "older than 14 days"),
    "fifteen days for a retraining": (RETRAIN, lambda g: g.clock.advance(days=15), "older than 14 days"),
}
ON_DISK: dict[str, tuple[tuple[ProposalKind, str | None], Callable[[Governed], object], str]] = {
    "an artefact altered on disk": (PROMOTE, alter_artefact, "artefact v2 is gone"),
    "an artefact removed from disk": (PROMOTE, lambda g: g.artefact_file("v2").unlink(), "artefact v2 is gone"),
    "records altered on disk": (RETRAIN, alter_records, f"batch {PRODUCTION} is gone"),
    "labels removed from disk": (RETRAIN, remove_labels, f"labels of batch {PRODUCTION} is gone"),
}
BOTH = CAUSES | ON_DISK


def labelled(governed: Governed) -> None:
    governed.label("p230")


@pytest.fixture
def prepared(tmp_path: Path, cause: str) -> Iterator[tuple[Governed, int]]:
    """A workspace with a proposal of the kind that a cause makes stale, and its number."""
    (kind, version), *_ = BOTH[cause]
    before: list[Step] = [labelled, promoted("v1")]
    if kind is K.ROLLBACK:
        before.append(promoted("v2"))
    governed = build(tmp_path, after=[*before, proposed(kind, version)])
    yield governed, len(before)
    governed.workspace.close()


@pytest.mark.parametrize("cause", BOTH)
def test_nothing_is_approved_on_evidence_that_went_stale(prepared: tuple[Governed, int], cause: str) -> None:
    governed, proposal = prepared
    assert governed.workspace.proposals.show(governed.vera, proposal).stale == ()
    BOTH[cause][1](governed)
    error = refused(governed, lambda: governed.decide(proposal))
    assert isinstance(error, ConflictError)
    assert "The evidence is stale" in str(error)
    assert BOTH[cause][2] in str(error)
    shown = governed.workspace.proposals.show(governed.vera, proposal)
    if cause in CAUSES:  # what lies on the disk is read when it is decided
        assert any(BOTH[cause][2] in why for why in shown.stale)
    assert governed.decide(proposal, Move.REJECT).proposal.state is S.REJECTED  # a no is always possible


@pytest.mark.parametrize("cause", BOTH)
def test_an_approval_that_went_stale_starts_nothing(prepared: tuple[Governed, int], cause: str) -> None:
    governed, proposal = prepared
    decided = governed.decide(proposal)
    BOTH[cause][1](governed)
    jobs, proposals = governed.workspace.jobs, governed.workspace.proposals
    error = refused(governed, lambda: jobs.begin(WORKER, str(decided.job_id)))
    assert BOTH[cause][2] in str(error)
    assert "Nothing was done" in str(error)
    if decided.proposal.kind is K.PROMOTE:
        gate = proposals.gate(governed.vera, MODEL, "v2")
        assert not gate.is_open
        assert BOTH[cause][2] in gate.why
    jobs.fail(WORKER, str(decided.job_id), str(error))
    assert isinstance(
        refused(governed, lambda: proposals.retry(governed.ada, decided.proposal.id, reason="again")), ConflictError
    )


@pytest.mark.parametrize(
    "cause", ["new labels in the window", "more evaluation data", "fifteen days", "another policy"]
)
def test_fresh_evidence_can_be_approved_again(prepared: tuple[Governed, int], cause: str) -> None:
    governed, proposal = prepared
    BOTH[cause][1](governed)
    refreshed = governed.workspace.proposals.refresh(governed.ada, proposal, reason="as things stand").proposal
    assert refreshed.stale == ()
    assert governed.decide(proposal).proposal.state is S.APPROVED


def test_evidence_speaks_of_labels_that_came_before_it_even_if_nobody_counted_them(governed: Governed) -> None:
    def status(proposal: Decided) -> Any:
        return governed.workspace.proposals.report(governed.vera, proposal.proposal.evidence_sha256).report

    before = status(governed.opened(K.RETIRE, "v1"))
    path = governed.file()
    lines = ["id,outcome", *(f"p{i},{i % 2}" for i in range(240))]
    path.write_text("\n".join(lines))
    governed.workspace.labels.add(LOCAL_OPERATOR, MODEL, [path])
    after = status(governed.opened())
    assert after["monitoring"] != before["monitoring"]


@pytest.mark.parametrize("kind", [K.PROMOTE, K.RETRAIN])
@pytest.mark.parametrize("change", ["labels", "retraction"])
def test_what_changes_while_evidence_is_gathered_stops_the_proposal(
    in_force: Governed, monkeypatch: pytest.MonkeyPatch, kind: ProposalKind, change: str
) -> None:
    """The report is held up at its end, as a large one would be, while somebody else is quicker."""
    part = "comparisons" if kind is K.PROMOTE else "analysis"
    service = getattr(in_force.workspace.proposals.evidence, part)
    name = "compare" if kind is K.PROMOTE else "analyse"
    gather = getattr(type(service), name)

    def slow(self: object, *args: object, **kwargs: object) -> object:
        report = gather(self, *args, **kwargs)
        monkeypatch.undo()
        if change == "labels":
            in_force.label("p1")
        else:
            in_force.workspace.batches.retract(LOCAL_OPERATOR, PRODUCTION, reason="broken")
        return report

    monkeypatch.setattr(type(service), name, slow)
    with pytest.raises(ConflictError, match="While the evidence was gathered"):
        in_force.propose(kind, "v2" if kind is K.PROMOTE else None)
    assert not [p for p in in_force.workspace.proposals.list(in_force.vera) if p.kind is kind and p.is_open]


# One transaction


class StoppingQueue(JobQueue):
    """A queue that fails as a full disk would."""

    def enqueue(self, session: Any, job_id: str, workflow: str, argument: str | int) -> None:
        super().enqueue(session, job_id, workflow, argument)
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("backend", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_decision_whose_job_cannot_be_enqueued_was_never_made(
    tmp_path: Path, backend: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if backend == "postgresql" else None
    governed = build(tmp_path, database_url=url)
    proposal = governed.propose(K.PROMOTE, "v2")
    before = stored(governed)
    proposals = governed.workspace.proposals
    broken = replace(proposals, queue=StoppingQueue(governed.workspace.database))
    with pytest.raises(OSError, match="No space left"):
        broken.decide(governed.ines, proposal, Move.APPROVE, reason="good")
    assert stored(governed) == before
    assert governed.workspace.ledger.verify(governed.audrey).is_intact
    assert governed.decide(proposal).job_id == f"proposal-{proposal}-1"
    governed.workspace.close()


@pytest.mark.parametrize("backend", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_of_two_who_decide_at_once_one_wins_and_the_other_is_told_who(
    tmp_path: Path, backend: str, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if backend == "postgresql" else None
    governed = build(tmp_path, database_url=url)
    for round_ in range(4):
        proposal = governed.propose(K.RETIRE, "v2")
        n_before = governed.workspace.ledger.size(governed.audrey)
        start = threading.Barrier(2)

        def decide(person: str, move: Move, proposal: int = proposal, start: threading.Barrier = start) -> object:
            start.wait()
            try:
                return governed.decide(proposal, move, by=person)
            except ConflictError as error:
                return str(error)

        with ThreadPoolExecutor(2) as pool:
            second = Move.REJECT if round_ % 2 else Move.APPROVE
            ines, otto = pool.submit(decide, "ines", Move.APPROVE), pool.submit(decide, "otto", second)
            answers = {"ines": ines.result(), "otto": otto.result()}
        (winner,) = (name for name, answer in answers.items() if isinstance(answer, Decided))
        (lost,) = (answer for answer in answers.values() if isinstance(answer, str))
        assert f"{winner} chose to" in lost
        assert governed.workspace.ledger.size(governed.audrey) == n_before + 1
        shown = governed.workspace.proposals.show(governed.vera, proposal)
        assert [move.actor for move in shown.moves] == ["ada", winner]
        if shown.state is S.APPROVED:
            governed.workspace.jobs.cancel(governed.ada, str(shown.job_id), reason="next round")
            governed.workspace.proposals.withdraw(governed.ada, proposal, reason="next round")
    governed.workspace.close()


def _decide(folder: Path, proposal: int, person: str, start: Any, answers: Any) -> None:
    workspace = Workspace.open(folder, clock=lambda: NOW)
    actor = Actor(name=person, roles=(UserRole.REVIEWER,), signed_in_at=NOW)
    start.wait()
    try:
        workspace.proposals.decide(actor, proposal, Move.APPROVE, reason="good")
        answers.put((person, "won"))
    except ConflictError as error:
        answers.put((person, str(error)))
    workspace.close()


def test_of_two_processes_that_decide_at_once_one_wins(governed: Governed) -> None:
    proposal = governed.propose(K.PROMOTE, "v2")
    spawn = multiprocessing.get_context("spawn")
    start, answers = spawn.Barrier(2), spawn.Queue()
    people = ("ines", "otto")
    deciders = [
        spawn.Process(target=_decide, args=(governed.workspace.folder, proposal, name, start, answers))
        for name in people
    ]
    for decider in deciders:
        decider.start()
    found = dict(answers.get(timeout=60) for _ in deciders)
    for decider in deciders:
        decider.join()
    answers.close()
    answers.join_thread()
    (winner,) = (name for name, answer in found.items() if answer == "won")
    (loser,) = set(people) - {winner}
    assert f"{winner} chose to approve" in found[loser]
    assert len(governed.workspace.jobs.list(governed.vera)) == 1


# The gate


def gate(governed: Governed, version: str) -> Gate:
    return governed.workspace.proposals.gate(governed.audrey, MODEL, version)


def test_the_gate_opens_with_an_approval_and_stays_open_while_in_force(governed: Governed) -> None:
    assert gate(governed, "v2") == Gate(is_open=False, why="Nobody has asked to put v2 in force.")
    proposal = governed.propose(K.PROMOTE, "v2")
    assert gate(governed, "v2").why == f"Proposal {proposal} is open."
    decided = governed.decide(proposal)
    opened = gate(governed, "v2")
    assert (opened.is_open, opened.approved_by, opened.proposal_id) == (True, ("ines",), proposal)
    governed.workspace.jobs.begin(WORKER, str(decided.job_id))
    assert gate(governed, "v2").is_open
    governed.workspace.execution.deploy(WORKER, str(decided.job_id))
    assert gate(governed, "v2").is_open  # in force, though its job hasn't ended
    governed.workspace.jobs.finish(WORKER, str(decided.job_id), "done")
    governed.clock.advance(days=400)
    assert gate(governed, "v2").why == f"v2 is in force, approved by ines in proposal {proposal}."


@pytest.mark.parametrize(
    ("move", "words"),
    [
        (Move.REJECT, "is rejected"),
        (Move.REQUEST_CHANGES, "is changes requested"),
        (Move.WITHDRAW, "is withdrawn"),
    ],
)
def test_the_gate_is_closed_without_an_approval(governed: Governed, move: Move, words: str) -> None:
    proposal = governed.propose(K.PROMOTE, "v2")
    ended_by(move)(governed, proposal)
    assert not gate(governed, "v2").is_open
    assert words in gate(governed, "v2").why


def test_the_gate_closes_when_another_version_is_in_force(in_force: Governed) -> None:
    in_force.put_in_force("v2")
    assert not gate(in_force, "v1").is_open
    assert "isn't in force any more" in gate(in_force, "v1").why
    in_force.put_in_force("v1", K.ROLLBACK)
    assert gate(in_force, "v1").is_open
    assert not gate(in_force, "v2").is_open


def test_the_gate_closes_when_the_version_in_force_is_retired(in_force: Governed) -> None:
    in_force.put_in_force("v1", K.RETIRE)
    assert not gate(in_force, "v1").is_open


def test_the_gate_closes_when_what_was_approved_is_not_what_is_stored(in_force: Governed) -> None:
    in_force.put_in_force("v2")
    alter_artefact(in_force)
    assert "artefact v2 has changed since it was approved" in gate(in_force, "v2").why
    in_force.workspace.versions.add(in_force.ada, MODEL, "v1", parameters={"depth": 2})
    in_force.put_in_force("v1", K.ROLLBACK)
    assert gate(in_force, "v1").is_open


def test_the_gate_closes_when_the_job_failed_and_opens_when_it_is_retried(governed: Governed) -> None:
    decided = governed.decide(governed.propose(K.PROMOTE, "v2"))
    governed.workspace.jobs.begin(WORKER, str(decided.job_id))
    governed.workspace.jobs.fail(WORKER, str(decided.job_id), "the disk is full")
    assert not gate(governed, "v2").is_open
    retried = governed.workspace.proposals.retry(governed.ada, decided.proposal.id, reason="there is room now")
    assert retried.job_id != decided.job_id
    assert gate(governed, "v2").is_open
    governed.run(retried.job_id)
    assert gate(governed, "v2").is_open


def test_the_gate_knows_only_versions_and_models_that_are_there(governed: Governed) -> None:
    for call in (
        lambda: gate(governed, "v9"),
        lambda: governed.workspace.proposals.gate(governed.vera, "n", "v1"),
    ):
        with pytest.raises(UnknownNameError):
            call()


# Jobs of proposals


def test_a_job_that_had_its_effect_cannot_be_cancelled(governed: Governed) -> None:
    decided = governed.decide(governed.propose(K.PROMOTE, "v2"))
    job = str(decided.job_id)
    governed.workspace.jobs.begin(WORKER, job)
    said = governed.workspace.execution.deploy(WORKER, job)
    error = refused(governed, lambda: governed.workspace.jobs.cancel(governed.ada, job, reason="wait"))
    assert "has had its effect already" in str(error)
    governed.workspace.jobs.finish(WORKER, job, said)
    assert governed.workspace.proposals.show(governed.vera, decided.proposal.id).state is S.DONE


def test_a_step_that_is_begun_again_puts_a_version_in_force_once(governed: Governed) -> None:
    job = str(governed.decide(governed.propose(K.PROMOTE, "v2")).job_id)
    for _ in range(3):
        governed.workspace.jobs.begin(WORKER, job)
        governed.workspace.execution.deploy(WORKER, job)
    assert len(governed.workspace.versions.history(governed.vera, MODEL)) == 1
    deployed = [e for e in governed.workspace.ledger.list(governed.audrey) if e.action == "version.deploy"]
    assert len(deployed) == 1


def test_nothing_is_put_in_force_for_a_job_that_has_not_begun(governed: Governed) -> None:
    job = str(governed.decide(governed.propose(K.PROMOTE, "v2")).job_id)
    error = refused(governed, lambda: governed.workspace.execution.deploy(WORKER, job))
    assert "nothing may be put in force" in str(error)


def test_proposals_are_listed_newest_first_and_by_model(governed: Governed) -> None:
    governed.workspace.models.add(LOCAL_OPERATOR, "other", SCHEMA)
    ids = [governed.propose(), governed.propose(K.PROMOTE, "v2")]
    proposals: ProposalService = governed.workspace.proposals
    assert [proposal.id for proposal in proposals.list(governed.vera)] == ids[::-1]
    assert [proposal.title for proposal in proposals.list(governed.vera, MODEL)] == ["Promote v2", "Retrain m"]
    assert proposals.list(governed.vera, "other") == ()


def test_refusals_say_what_the_calls_would_say(governed: Governed) -> None:
    proposal = governed.propose(K.PROMOTE, "v2")
    governed.clock.advance(days=15)
    for person in ("ada", "ines", "vera", "zoe"):
        actor = governed.people[person]
        said = governed.workspace.proposals.refusals(actor, proposal)
        assert "stale" in (said[Move.APPROVE] or "") or person in ("ada", "vera")
        for move in (Move.APPROVE, Move.REJECT, Move.REQUEST_CHANGES):
            if said[move] is not None:
                assert refused(governed, lambda m=move, a=person: governed.decide(proposal, m, by=a))
    assert governed.workspace.proposals.refusals(governed.otto, proposal)[Move.REJECT] is None
    assert timedelta(days=15) == governed.clock.now - NOW
