"""Another reference is decided on: windows are held against it from then on, and what was judged before stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import ConflictError, InputError, NotAllowedError
from core.governance.checks import CheckName, Outcome
from core.governance.identity import LOCAL_OPERATOR, WORKER
from core.governance.proposals import ProposalKind, ProposalState
from core.record import BatchRole
from core.services.proposal import Decided
from tests.accepting import DAYS, SERIES, decide, moved, perform, person
from tests.watched import DAY_0, MODEL, Watched, a_day, actor, opened

BEFORE = ["ok"] * 4 + ["critical"] * 12


@pytest.fixture(scope="module")
def done_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Days 6 to 13 became the reference by proposal 1; then it goes on, and on day 18 as it once was."""
    folder = tmp_path_factory.mktemp("done")
    watched = opened(folder, copy_of=moved())
    perform(watched, decide(watched, propose(watched).proposal.id).job_id)
    watched.serve(16, 17, up=-1)
    watched.serve(18, 19, 20)
    watched.update()
    watched.workspace.close()
    return folder


@pytest.fixture
def done(done_folder: Path, tmp_path: Path) -> Iterator[Watched]:
    found = opened(tmp_path, copy_of=done_folder)
    yield found
    found.workspace.close()


def propose(watched: Watched, first: float = 6, last: float = 14, *, by: str = "ada") -> Decided:
    """Ask for the days from `first` until before `last`."""
    start, end = (DAY_0 + timedelta(days=day) for day in (first, last))
    return watched.workspace.proposals.open(
        person(watched, by),
        MODEL,
        ProposalKind.REBASELINE,
        reason="the new market is here to stay",
        arguments={"from": start.isoformat(), "to": end.isoformat()},
    )


def verdicts(watched: Watched, *days: int) -> list[str]:
    return [watched.verdict(SERIES, day) for day in days]


def outcomes(watched: Watched, number: int) -> dict[CheckName, Outcome]:
    return {check.name: check.outcome for check in watched.workspace.proposals.review(WORKER, number).checks}


def test_windows_since_are_held_against_the_new_reference_and_those_before_stay_judged(done: Watched) -> None:
    assert verdicts(done, *range(DAYS)) == BEFORE
    assert verdicts(done, 16, 17) == ["ok", "ok"]
    assert verdicts(done, 20) == ["critical"], "what was normal once isn't any more"
    context = done.workspace.analysis.context(WORKER, MODEL)
    assert context is not None
    assert context.reference_from == DAY_0 + timedelta(days=6)
    assert context.reference_to == DAY_0 + timedelta(days=14)
    assert context.n_reference == 8 * len(a_day(0))
    assert context.decided is not None
    assert context.decided.proposal_id == 1


def test_the_old_alert_says_that_it_is_judged_anew_and_only_the_new_move_fires(done: Watched) -> None:
    first, second = done.alerts()
    assert done.moves(first.id) == ["fire", "supersede"]
    assert [i.subject for i in second.incidents] == [SERIES]


def test_records_served_are_neither_moved_nor_counted_twice(done: Watched) -> None:
    batches = done.workspace.batches.list(WORKER, MODEL)
    roles = [batch.role for batch in batches]
    assert roles.count(BatchRole.REFERENCE) == 1, "the reference of before is there to go back to"
    assert roles.count(BatchRole.BASELINE) == 1, "once, though the job began twice"
    (copy,) = [batch for batch in batches if batch.role is BatchRole.BASELINE]
    assert copy.n_rows == 1600
    context = done.workspace.analysis.context(WORKER, MODEL)
    assert context is not None
    assert sum(window.n for window in context.windows) == 21 * len(a_day(0))
    with pytest.raises(ConflictError, match=r"Proposal 1 made batch .* the reference: revoke that instead"):
        done.workspace.batches.retract(LOCAL_OPERATOR, copy.id, reason="quietly")
    entry = next(e for e in done.workspace.ledger.list(actor("audrey")) if e.action == "reference.set")
    assert (entry.actor, entry.objects["batch"], entry.objects["proposal"]) == (WORKER.name, copy.id, 1)
    assert done.workspace.ledger.verify(actor("audrey")).problems == ()


def test_nothing_is_changed_before_the_job(watched: Watched) -> None:
    decide(watched, propose(watched).proposal.id)
    context = watched.workspace.analysis.context(WORKER, MODEL)
    assert context is not None
    assert (context.decided, context.reference_to) == (None, DAY_0)


def test_revoking_goes_back_and_judges_nothing_anew(done: Watched) -> None:
    before = verdicts(done, *range(21))
    revoked = done.workspace.proposals.revoke(person(done, "ines"), 1, reason="the old market is back")
    assert revoked.proposal.state is ProposalState.REVOKED
    context = done.workspace.analysis.context(WORKER, MODEL)
    assert context is not None
    assert (context.decided, context.reference_to) == (None, DAY_0)
    assert verdicts(done, *range(21)) == before
    done.serve(21, 22)
    done.serve(23, 24, up=-1)
    done.update()
    assert verdicts(done, 22, 24) == ["ok", "critical"]


def test_a_period_in_which_something_is_in_alarm_fails_its_check_and_needs_a_look_once_answered(
    watched: Watched,
) -> None:
    number = propose(watched).proposal.id
    assert outcomes(watched, number)[CheckName.UNDISTURBED] is Outcome.FAIL
    watched.workspace.alerts.annotate(LOCAL_OPERATOR, 1, reason="a new market")
    with pytest.raises(ConflictError, match="alert 1 has changed since the evidence was frozen"):
        decide(watched, number)
    watched.workspace.proposals.refresh(person(watched, "ada"), number, reason="answered")
    found = outcomes(watched, number)
    assert found[CheckName.UNDISTURBED] is Outcome.LOOK
    assert (found[CheckName.LENGTH], found[CheckName.LABELLED]) == (Outcome.PASS, Outcome.PASS)


def test_evidence_holds_the_period_against_the_reference_in_force(looked_at: Watched) -> None:
    number = propose(looked_at).proposal.id
    found = looked_at.workspace.proposals
    report = found.report(WORKER, found.show(WORKER, number).evidence_sha256).report
    assert (report["period"]["n"], report["reference"]["n"], report["period"]["versions"]) == (1600, 1600, ["v1"])
    first = report["series"][0]
    assert (first["key"], first["low"] > 0.9) == (SERIES, True)
    assert report["performance"]["n_windows_labelled"] == 8
    found.withdraw(person(looked_at, "ada"), number, reason="looked at")
    short = propose(looked_at, 6, 10).proposal.id
    assert outcomes(looked_at, short)[CheckName.LENGTH] is Outcome.FAIL, "so few arm nothing"
    found.withdraw(person(looked_at, "ada"), short, reason="too short")


REFUSED: dict[str, tuple[float, float, str]] = {
    "nothing served": (40, 50, "No whole window of production lies within"),
    "half a day": (6.5, 14, "cuts through 2026-03-08"),
    "a day that isn't over for its labels": (8, 16, "2026-03-17 isn't complete yet, or its labels aren't old enough"),
    "the wrong way round": (14, 6, "must end after it starts"),
}


@pytest.mark.parametrize(("first", "last", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_reference_is_refused_before_anybody_signs(
    looked_at: Watched, first: float, last: float, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        propose(looked_at, first, last)


def test_neither_who_asks_nor_an_administrator_nor_evidence_that_changed_makes_it(watched: Watched) -> None:
    number = propose(watched, by="ines").proposal.id
    for name, why in (("ines", "You asked for this"), ("root", "needs the right to decide")):
        with pytest.raises(NotAllowedError, match=why):
            decide(watched, number, by=name)
    decided = decide(watched, number, by="olga")
    watched.label(7, wrong=0.5)
    with pytest.raises(ConflictError, match=r"labels of batch .* has changed since"):
        watched.workspace.jobs.begin(WORKER, decided.job_id or "")
    with pytest.raises(InputError, match="A baseline is decided on, not taken in"):
        watched.take_in(a_day(30), role=BatchRole.BASELINE)
