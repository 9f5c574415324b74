"""Anybody does anything in any order, while data come in, change and grow old: the rules of signing hold."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import func, select

from core.errors import PlumblineError
from core.governance.identity import FRESH_FOR, LOCAL_OPERATOR, WORKER, Right
from core.governance.proposals import ASKING, Move, ProposalKind, ProposalState
from core.record import BatchRole
from core.services.jobs import JobInfo, JobState
from core.services.proposal import Decided, ProposalInfo
from core.storage.ledger import n_entries
from core.storage.repository import Repository
from core.storage.signing import DeploymentRow, JobRow, ProposalMoveRow, ProposalRow
from tests.builders import START
from tests.governed import MODEL, Governed, build

# Whoever may do something comes up more often than whoever may not.
PEOPLE = st.sampled_from(
    ["ada", "zoe", "ines", "otto", "vic", "olga", "both", "zoe", "ines", "vic", "olga", "vera", "audrey", "root"]
)
SIGNERS = st.sampled_from(["ines", "otto", "zoe", "vic", "olga", "both"])
POLICIES: list[tuple[dict[str, object], str | None]] = [
    ({"seats": ["validator", "owner"]}, None),
    ({"seats": ["reviewer", "reviewer", "owner"]}, None),
    ({"seats": ["reviewer"], "seats_of": {"promote": ["owner"]}}, None),
    ({"tier": "high"}, None),
    ({}, None),
    ({"seats": ["validator", "owner"]}, "high"),
    ({"seats": ["owner", "reviewer"]}, "standard"),
]
DECISIONS = st.sampled_from([Move.APPROVE] * 5 + [Move.REQUEST_CHANGES, Move.REJECT])
WANTED = st.sampled_from(
    [(ProposalKind.PROMOTE, version) for version in ("v1", "v2", "v3")] * 3
    + [(kind, version) for kind in (ProposalKind.ROLLBACK, ProposalKind.RETIRE) for version in ("v1", "v2")]
    + [(ProposalKind.RETRAIN, None), (ProposalKind.REBASELINE, None)] * 2
)
PLACES = st.integers(0, 20)
PERIOD = {"from": (START + timedelta(days=10)).isoformat(), "to": (START + timedelta(days=12)).isoformat()}
Result = TypeVar("Result")


class Signing(RuleBasedStateMachine):
    """Moves at random on one workspace, beside a plain account of what changed since evidence was frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="plumbline-signing-"))
        self.governed: Governed = build(self.folder)
        self.governed.register("v3")
        self.workspace = self.governed.workspace
        self.n_changes = 0  # of anything that evidence may speak of
        self.n_served = 0  # batches that came in: a new report would speak of them too
        self.frozen: dict[str, tuple[int, int]] = {}
        self.rules: dict[str | None, dict[str, Any]] = {}  # of the model (None) and of tiers, as last put in force
        self.signed: dict[int, list[str]] = {}  # who signed a proposal since its evidence was last asked for
        self.jobs: list[str] = []
        self.n_entries = 0

    def teardown(self) -> None:
        self.workspace.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    # What people do

    @initialize(asked=st.sampled_from([*POLICIES[:3], ({}, None)]))
    def one_is_in_force_and_others_are_asked_for(self, asked: tuple[dict[str, object], str | None]) -> None:
        first = self._note(self.governed.opened(ProposalKind.PROMOTE, "v1"))
        decided = self.governed.decide(first.proposal.id)
        self.signed[first.proposal.id] = ["ines"]
        self.jobs.append(decided.job_id or "")
        self.governed.run(decided.job_id)
        self.n_changes += 1
        self.a_policy_is_asked_for_signed_and_put_in_force(asked)
        for kind, version in ((ProposalKind.PROMOTE, "v2"), (ProposalKind.PROMOTE, "v3"), (ProposalKind.RETIRE, "v1")):
            self._note(self.governed.opened(kind, version))

    @rule(place=PLACES, people=st.tuples(SIGNERS, SIGNERS), first=st.booleans())
    def approve(self, place: int, people: tuple[str, str], first: bool) -> None:
        """What happens most: somebody refreshes the evidence if it needs it, and others sign."""
        if first:
            self.refresh(place, "ada")
        for person in people:
            self.decide(place, person, Move.APPROVE)

    @rule(wanted=WANTED, person=PEOPLE)
    def ask(self, wanted: tuple[ProposalKind, str | None], person: str) -> None:
        kind, version = wanted
        arguments = PERIOD if kind is ProposalKind.REBASELINE else None
        opened = self.governed.opened
        self._try(lambda: self._note(opened(kind, version, by=person, arguments=arguments)), person, Right.PROPOSE)

    @rule(place=PLACES, person=PEOPLE, move=DECISIONS)
    def decide(self, place: int, person: str, move: Move) -> None:
        proposal = self._pick(place, ProposalState.OPEN)
        stale = self._deeply_stale(proposal)
        decided = self._try(lambda: self.governed.decide(proposal.id, move, by=person), person, Right.DECIDE)
        if decided is None:
            return
        if move is Move.REJECT:
            self.n_changes += 1  # the state of its version
        if move is Move.APPROVE:
            assert stale == ()
            assert person not in proposal.askers
            assert person not in self.signed.get(proposal.id, [])
            self.signed.setdefault(proposal.id, []).append(person)
            seats = self._seats(proposal.kind, proposal.arguments)
            assert (decided.job_id is not None) is self._are_filled(seats, self.signed[proposal.id])
            if decided.job_id is not None:
                self.jobs.append(decided.job_id)
            else:
                again = self._try(lambda: self.governed.decide(proposal.id, by=person))
                assert again is None, "one person fills one seat"
            assert decided.proposal.evidence_sha256 == proposal.evidence_sha256
            self._check_it_holds(proposal)

    @rule(asked=st.sampled_from(POLICIES), person=PEOPLE)
    def ask_for_a_policy(self, asked: tuple[dict[str, object], str | None], person: str) -> None:
        rules, tier = asked
        propose = self.governed.propose_policy
        self._try(lambda: self._note(propose(rules, tier=tier, by=person)), person, Right.PROPOSE)

    @rule(asked=st.sampled_from(POLICIES))
    def a_policy_is_asked_for_signed_and_put_in_force(self, asked: tuple[dict[str, object], str | None]) -> None:
        """The whole way, by as many as it takes: a walk at random seldom gets to its end."""
        rules, tier = asked
        opened = self._try(lambda: self._note(self.governed.propose_policy(rules, tier=tier)))
        if opened is None:
            return
        for name in ("vic", "olga", "both", "ines"):
            decided = self._try(lambda: self.governed.decide(opened.proposal.id, by=name))  # noqa: B023 (called here)
            if decided is not None:
                self.signed.setdefault(opened.proposal.id, []).append(name)
            if decided is not None and decided.job_id is not None:
                assert self._are_filled(
                    self._seats(ProposalKind.POLICY, opened.proposal.arguments), self.signed[opened.proposal.id]
                )
                self.jobs.append(decided.job_id)
                self.work_on(decided.job_id, "done")
                return

    @rule(place=PLACES, person=PEOPLE)
    def refresh(self, place: int, person: str) -> None:
        proposal = self._pick(place, ProposalState.OPEN, ProposalState.CHANGES_REQUESTED, ProposalState.FAILED)
        refresh = self.workspace.proposals.refresh
        actor = self.governed.people[person]
        done = self._try(lambda: self._note(refresh(actor, proposal.id, reason="as it stands")), person, Right.PROPOSE)
        if done is not None:
            self.signed[proposal.id] = []

    @rule(place=PLACES, person=SIGNERS)
    def sign_what_one_refreshed(self, place: int, person: str) -> None:
        self.refresh(place, person)
        self.decide(place, person, Move.APPROVE)

    @rule(place=PLACES, person=SIGNERS)
    def sign_on_an_old_sign_in(self, place: int, person: str) -> None:
        proposal, now = self._pick(place, ProposalState.OPEN), self.governed.clock()
        actor = replace(self.governed.people[person], signed_in_at=now - FRESH_FOR - timedelta(seconds=1))
        decide = self.workspace.proposals.decide
        assert self._try(lambda: decide(actor, proposal.id, Move.APPROVE, reason="as ever")) is None

    @rule(place=PLACES, person=PEOPLE, words=st.sampled_from(["", "why?", "so be it\u2028"]))
    def comment(self, place: int, person: str, words: str) -> None:
        proposal = self._pick(place)
        actor = self.governed.people[person]
        self._try(lambda: self.workspace.proposals.comment(actor, proposal.id, words), person, Right.PROPOSE)

    @rule(place=PLACES, person=PEOPLE)
    def withdraw(self, place: int, person: str) -> None:
        proposal = self._pick(place)
        withdraw = self.workspace.proposals.withdraw
        actor = self.governed.people[person]
        if self._try(lambda: withdraw(actor, proposal.id, reason="no more"), person, Right.PROPOSE):
            assert proposal.requester == person

    @rule(place=PLACES, person=PEOPLE)
    def retry(self, place: int, person: str) -> None:
        proposal = self._pick(place, ProposalState.FAILED)
        stale = self._deeply_stale(proposal)
        retry = self.workspace.proposals.retry
        actor = self.governed.people[person]
        retried = self._try(lambda: retry(actor, proposal.id, reason="once more"), person, Right.PROPOSE)
        if retried is not None:
            assert stale == ()
            assert self._are_filled(self._seats(proposal.kind, proposal.arguments), self.signed[proposal.id])
            self.jobs.append(retried.job_id or "")

    @rule(place=PLACES, person=PEOPLE)
    def revoke(self, place: int, person: str) -> None:
        proposal = self._pick(place, ProposalState.APPROVED, ProposalState.DONE)
        actor = self.governed.people[person]
        revoke = self.workspace.proposals.revoke
        if self._try(lambda: revoke(actor, proposal.id, reason="it was a mistake"), person, Right.DECIDE):
            assert proposal.state in (ProposalState.APPROVED, ProposalState.DONE)
            if proposal.kind is ProposalKind.REBASELINE and proposal.state is ProposalState.DONE:
                self.n_changes += 1  # the reference is that of before again

    # What the worker does

    @precondition(lambda self: self._waiting())
    @rule(how=st.sampled_from(["done", "done", "done", "twice", "failed", "cancelled", "left"]))
    def work(self, how: str) -> None:
        self.work_on(self._waiting()[-1].id, how)

    def work_on(self, job_id: str, how: str) -> None:
        job = self.workspace.jobs.show(WORKER, job_id)
        proposal = self.workspace.proposals.show(WORKER, job.proposal_id or 0)
        if job.state is JobState.QUEUED:
            is_revoked = proposal.state is ProposalState.REVOKED
            stale = () if is_revoked else self._deeply_stale(proposal)
            begun = self._try(lambda: self.workspace.jobs.begin(WORKER, job.id))
            assert (begun is None) is (is_revoked or bool(stale))
            if begun is None:
                self.workspace.jobs.fail(WORKER, job.id, "stale")
                return
            self._check_it_holds(proposal)
        if how == "left":
            return
        if how == "cancelled":
            self._try(lambda: self.workspace.jobs.cancel(LOCAL_OPERATOR, job.id, reason="wait"))
            return
        if how == "failed" or proposal.kind is ProposalKind.RETRAIN:
            self.workspace.jobs.fail(WORKER, job.id, "too few rows")
            return
        for _ in range(2 if how == "twice" else 1):
            said = self.workspace.execution.deploy(WORKER, job.id)
        self.workspace.jobs.finish(WORKER, job.id, said)
        self.n_changes += 1
        if proposal.kind is ProposalKind.POLICY:
            self.rules[proposal.arguments.get("tier")] = dict(proposal.arguments["policy"])

    @precondition(lambda self: self._waiting())
    @rule(row=st.integers(0, 59), hours=st.sampled_from([0, 14 * 24 + 1]))
    def work_after_something_changed(self, row: int, hours: int) -> None:
        self.data_change("label", row)
        self.time_passes(hours)
        self.work("done")

    # What happens meanwhile

    @rule(
        what=st.sampled_from(["label", "label of the reference", "records", "evaluation", "retraction"]),
        place=st.integers(0, 59),
    )
    def data_change(self, what: str, place: int) -> None:
        if what == "records":
            self.governed.ingest()
            self.n_served += 1
            return
        self.n_changes += 1
        if what == "evaluation":
            self.governed.evaluate(("v1", "v2")[place % 2], n=40, seed=100 + self.n_changes)
        elif what == "retraction":
            live = [b for b in self.workspace.batches.list(WORKER, MODEL) if b.retracted_at is None and b.id > 2]
            batches = [b for b in live if b.role is not BatchRole.BASELINE]
            self.workspace.batches.retract(LOCAL_OPERATOR, batches[place % len(batches)].id, reason="broken")
            self.n_served += 1
            self.governed.ingest()  # so that there is always one to retract
        else:
            self.governed.label(f"{'p' if what == 'label' else 'r'}{place}")

    @rule(hours=st.sampled_from([1, 1, 30, 14 * 24 + 1]))
    def time_passes(self, hours: int) -> None:
        self.governed.clock.advance(hours=hours)

    # How it is looked at

    def _try(self, call: Callable[[], Result], person: str | None = None, right: Right | None = None) -> Result | None:
        """What a call gives; None where it is refused, which leaves everything as it was."""
        before = self._seen()
        found: Result | None = None
        with suppress(PlumblineError):
            found = call()
        if found is None:
            assert self._seen() == before, "refused, yet something changed"
            return None
        if person is not None and right is not None:
            assert self.governed.people[person].may(right)
        return found

    def _seen(self) -> tuple[object, ...]:
        with self.workspace.database.read() as session:
            states = session.execute(select(ProposalRow.id, ProposalRow.state, ProposalRow.evidence_sha256)).all()
            jobs = session.execute(select(JobRow.id, JobRow.state)).all()
            n_moves = session.scalar(select(func.count()).select_from(ProposalMoveRow))
            return (states, jobs, n_moves, n_entries(session))

    def _pick(self, place: int, *states: ProposalState) -> ProposalInfo:
        """A proposal, in one of these states if there is any, and mostly one whose evidence holds."""
        proposals = self.workspace.proposals.list(WORKER)
        likely = [proposal for proposal in proposals if proposal.state in states] or proposals
        if place % 3:
            likely = [proposal for proposal in likely if not proposal.stale] or likely
        return likely[place % len(likely)]

    def _waiting(self) -> list[JobInfo]:
        return [job for job in self.workspace.jobs.list(WORKER) if job.state in (JobState.QUEUED, JobState.RUNNING)]

    def _note(self, decided: Decided) -> Decided:
        """Remember what was known when evidence was frozen."""
        self.frozen[decided.proposal.evidence_sha256] = (self.n_changes, self.n_served)
        return decided

    def _deeply_stale(self, proposal: ProposalInfo) -> tuple[str, ...]:
        """What makes it stale; it is nothing while nothing has happened, and age always."""
        service = self.workspace.proposals
        evidence = service.report(WORKER, proposal.evidence_sha256)
        with self.workspace.database.read() as session:
            stale = service.evidence.stale(session, Repository(session).model(MODEL), evidence, deep=True)
        is_old = self.governed.clock.now - evidence.frozen_at > timedelta(days=14)
        if is_old or self.frozen[proposal.evidence_sha256][0] == self.n_changes:
            assert bool(stale) is is_old, stale
        return stale

    def _check_it_holds(self, proposal: ProposalInfo) -> None:
        """Evidence that counts as fresh says word for word what it would say if it were frozen now."""
        served = self.frozen[proposal.evidence_sha256][1]
        if proposal.kind not in (ProposalKind.PROMOTE, ProposalKind.POLICY) and served != self.n_served:
            return  # windows that came since are no part of it
        service = self.workspace.proposals
        again = service.evidence.freeze(WORKER, MODEL, proposal.kind, proposal.version, proposal.arguments)
        old, new = (json.loads(e.content) for e in (service.report(WORKER, proposal.evidence_sha256), again))
        assert old.pop("frozen_at") <= new.pop("frozen_at")
        for report in (old["report"], new["report"]):
            report.pop("dry_run", None)  # cases that were decided since are no part of it
        assert old == new

    def _seats(self, kind: ProposalKind, arguments: Mapping[str, Any]) -> list[str]:
        """Who must sign by the rules in force, read off the plain account."""
        own = self.rules.get(None, {})
        tier = arguments.get("tier") if kind is ProposalKind.POLICY else None
        if tier is not None:
            rules = self.rules.get(tier, {})
        else:
            rules = {**self.rules.get(own.get("tier", "standard"), {}), **own}
        seats: list[str] = rules.get("seats_of", {}).get(kind, rules.get("seats", ["reviewer"]))
        return seats

    def _are_filled(self, seats: Sequence[str], names: Sequence[str]) -> bool:
        """Whether these people can take all seats, one each, by trying every order."""
        roles = {name: {str(role) for role in self.governed.people[name].roles} for name in names}
        anyone = {"reviewer", "validator", "owner"}
        return any(
            all(
                roles[name] & (anyone if seat == "reviewer" else {seat})
                for seat, name in zip(seats, order, strict=True)
            )
            for order in permutations(names, len(seats))
        )

    # What always holds

    @invariant()
    def every_job_had_somebody_elses_approval(self) -> None:
        with self.workspace.database.read() as session:
            for job in session.scalars(select(JobRow)):
                proposal = session.get_one(ProposalRow, job.proposal_id)
                query = select(ProposalMoveRow).where(ProposalMoveRow.proposal_id == proposal.id)
                moves = session.scalars(query.order_by(ProposalMoveRow.id)).all()
                enqueued = [m for m in moves if m.state == ProposalState.APPROVED and m.move != Move.COMMENT]
                evidence = enqueued[job.attempt - 1].evidence_sha256
                before = [m for m in moves if m.id <= enqueued[job.attempt - 1].id]
                askers = {m.actor for m in before if m.move in ASKING} | {proposal.requester}
                approvals = [m for m in before if m.move == Move.APPROVE and m.evidence_sha256 == evidence]
                assert [m for m in approvals if m.actor not in askers], f"{job.id} has no valid approval"
            n_jobs = session.scalar(select(func.count()).select_from(JobRow))
            moved = select(func.count()).where(
                ProposalMoveRow.move.in_([Move.APPROVE, Move.RETRY]), ProposalMoveRow.state == ProposalState.APPROVED
            )
            assert n_jobs == session.scalar(moved)
            assert sorted(self.jobs) == sorted(session.scalars(select(JobRow.id)))  # each was seen with its quorum
            for deployment in session.scalars(select(DeploymentRow)):
                state = session.get_one(ProposalRow, deployment.proposal_id).state
                assert state in (ProposalState.RUNNING, ProposalState.DONE, ProposalState.REVOKED)

    @invariant()
    def the_reference_is_what_was_decided_last(self) -> None:
        with self.workspace.database.read() as session:
            copies = Repository(session).batches(Repository(session).model(MODEL), roles=[BatchRole.BASELINE])
            asked = select(ProposalRow).where(ProposalRow.kind == ProposalKind.REBASELINE)
            states = {f"Proposal {row.id}": row.state for row in session.scalars(asked)}
        done = {name for name, state in states.items() if state == ProposalState.DONE}
        assert done <= {copy.source_name for copy in copies}
        # A job that failed after its effect leaves it in place until its proposal is done or revoked.
        assert not [copy for copy in copies if states[copy.source_name] == ProposalState.REVOKED]

    @invariant()
    def the_ledger_holds_and_only_grows(self) -> None:
        check = self.workspace.ledger.verify(self.governed.audrey)
        assert check.problems == ()
        assert check.n_entries >= self.n_entries
        self.n_entries = check.n_entries

    @invariant()
    def the_gate_agrees_with_what_is_in_force(self) -> None:
        deployed = self.workspace.versions.in_force(WORKER, MODEL)
        for version in ("v1", "v2", "v3"):
            gate = self.workspace.proposals.gate(WORKER, MODEL, version)
            in_force = deployed is not None and deployed.version == version
            if gate.is_open or in_force:
                found = self.workspace.proposals.show(WORKER, gate.proposal_id or 0)
                kind = found.kind
                if found.state is ProposalState.REVOKED:
                    assert not gate.is_open
                    continue
                is_filled = self._are_filled(self._seats(kind, {}), gate.approved_by)
                assert is_filled if gate.is_open else not is_filled, gate.why


TestSigning = Signing.TestCase
TestSigning.settings = settings(
    max_examples=6,
    stateful_step_count=22,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # shrinking takes minutes; the steps are printed as they were
    suppress_health_check=[HealthCheck.too_slow],
)
