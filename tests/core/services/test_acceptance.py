"""A drift is accepted as harmless by whom the policy asks for, on frozen evidence: one margin, from then on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.alarms.policy import AlarmPolicy, ColumnMargin
from core.errors import ConflictError, InputError, NotAllowedError
from core.governance.checks import CheckName, Outcome
from core.governance.identity import LOCAL_OPERATOR, WORKER, Actor, UserRole
from core.governance.proposals import Move, ProposalState
from core.record import BatchRole
from core.services.checks import Check
from core.services.margins import check_signed
from core.storage.repository import Repository
from tests.accepting import DAYS, MARGIN, SERIES, decide, moved, perform, person, propose, put, set_signing
from tests.watched import MODEL, Watched, a_day, actor, build, opened

WIDER = ColumnMargin(**MARGIN)


@pytest.fixture(scope="module")
def accepted_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Proposal 1 accepted the drift, and two more days lie as low."""
    folder = tmp_path_factory.mktemp("accepted")
    watched = opened(folder, copy_of=moved())
    perform(watched, decide(watched, propose(watched).proposal.id).job_id)
    watched.serve(16, 17, up=-1)
    watched.update()
    watched.workspace.close()
    return folder


@pytest.fixture
def accepted(accepted_folder: Path, tmp_path: Path) -> Iterator[Watched]:
    found = opened(tmp_path, copy_of=accepted_folder)
    yield found
    found.workspace.close()


def margins(watched: Watched) -> dict[str, ColumnMargin]:
    return dict(watched.workspace.alarm_policies.show(WORKER, MODEL).margins)


def report(watched: Watched, number: int) -> dict[str, Any]:
    found = watched.workspace.proposals
    return found.report(WORKER, found.show(WORKER, number).evidence_sha256).report


def check(watched: Watched, number: int, name: CheckName) -> Check | None:
    checks = watched.workspace.proposals.review(WORKER, number).checks
    return next((check for check in checks if check.name is name), None)


def test_only_the_job_changes_the_margin(watched: Watched) -> None:
    number = propose(watched).proposal.id
    assert margins(watched) == {}
    decided = decide(watched, number)
    assert decided.proposal.state is ProposalState.APPROVED
    assert margins(watched) == {}, "approved, and not done yet"


def test_only_that_of_the_series_and_once(accepted: Watched, looked_at: Watched) -> None:
    assert len(accepted.workspace.alarm_policies.history(WORKER, MODEL)) == 2, "the default, and one change"
    assert margins(accepted) == {SERIES: WIDER}
    now, before = (
        {key: (s.margin_sd, s.margin_points) for key, s in of.watch().subjects.items()} for of in (accepted, looked_at)
    )
    assert now == {**before, SERIES: (1.5, 0.4)}
    job = accepted.workspace.proposals.show(WORKER, 1).job_id or ""
    (line,) = [line.text for line in accepted.workspace.jobs.log(WORKER, job) if "margin" in line.text]
    assert line == f"{SERIES} of loans has the margin that proposal 1 asked for."


def test_from_then_on_it_passes_and_what_was_judged_stays(accepted: Watched) -> None:
    assert [accepted.verdict(SERIES, day) for day in range(DAYS)] == ["ok"] * 4 + ["critical"] * 12
    assert accepted.verdict(SERIES, 17) != "critical"
    assert len(accepted.alerts()) == 1
    accepted.serve(18, 19, up=-3, missing=0.3)
    accepted.update()
    assert accepted.verdict(SERIES, 19) == "critical", "what goes beyond the margin alarms"
    assert accepted.verdict("missing/amount", 19) == "critical", "and another series of the column as before"


def test_the_ledger_names_both_versions_of_the_policy_and_the_alert_the_decision(accepted: Watched) -> None:
    entry = next(e for e in accepted.workspace.ledger.list(actor("audrey")) if e.action == "alarm_policy.set")
    after = accepted.workspace.alarm_policies.show(WORKER, MODEL)
    known = accepted.workspace.proposals.show(WORKER, 1)
    assert entry.actor == WORKER.name
    assert dict(entry.objects) == {
        "model": MODEL,
        "policy": after.digest,
        "before": AlarmPolicy().digest,
        "content": after.model_dump(mode="json", exclude_defaults=True),
        "text": "Accepted as harmless by proposal 1: a new market",
        "series": SERIES,
        "margin_before": None,
        "margin": MARGIN,
        "alert": 1,
        "proposal": 1,
        "evidence": known.evidence_sha256,
        "job": known.job_id,
    }
    (alert,) = accepted.alerts()
    assert (str(alert.state), alert.moves[1].text) == (
        "harmless",
        "Proposal 1 accepted values/amount as harmless: a new market",
    )
    assert accepted.workspace.ledger.verify(actor("audrey")).problems == ()


def test_revoking_gives_the_margin_back_and_opens_the_alert_again(accepted: Watched) -> None:
    passed = accepted.verdict(SERIES, 17)
    put(accepted, {"margins": {SERIES: MARGIN, "colour": {"sd": 0.01}}})
    revoked = accepted.workspace.proposals.revoke(person(accepted, "ines"), 1, reason="it isn't harmless")
    assert revoked.proposal.state is ProposalState.REVOKED
    assert margins(accepted) == {"colour": ColumnMargin(sd=0.01)}, "what was set for others meanwhile stays"
    assert str(accepted.alerts()[0].state) == "open"
    entry = next(e for e in accepted.workspace.ledger.list(actor("audrey")) if e.objects.get("revokes") == 1)
    assert (entry.action, entry.actor, entry.objects["margin"]) == ("alarm_policy.set", "ines", None)
    assert accepted.verdict(SERIES, 17) == passed, "what passed by the wider margin isn't judged anew"
    accepted.serve(18, 19, up=-1)
    accepted.update()
    assert accepted.verdict(SERIES, 19) == "critical"
    assert len(accepted.alerts()) == 2


def test_a_margin_that_was_widened_again_is_taken_back_last_first(accepted: Watched) -> None:
    put(accepted, {"margins": {SERIES: {"sd": 2.5, "points": 0.6}}})
    with pytest.raises(ConflictError, match="was changed again since proposal 1, and is wider than before it"):
        accepted.workspace.proposals.revoke(person(accepted, "ines"), 1, reason="no")
    assert margins(accepted) == {SERIES: ColumnMargin(sd=2.5, points=0.6)}


def test_evidence_has_the_series_since_it_began_as_counted_from_its_rows(looked_at: Watched) -> None:
    number = propose(looked_at).proposal.id
    found = report(looked_at, number)
    event = found["event"]
    assert (event["first"], event["last"], event["n_windows"], event["n"]) == ("2026-03-06", "2026-03-17", 12, 2400)
    assert [window["n"] for window in found["windows"]] == [200] * 12
    low, high = (float(end) for end in event["monitors"] and found["series"]["monitor"].split(" to "))
    rows = [float(str(row[2])) for day in range(4, DAYS) for row in a_day(day, up=-1)]
    before = [float(str(row[2])) for day in range(-8, 0) for row in a_day(day)]
    share, reference = (float(np.mean([low <= x < high for x in of])) for of in (rows, before))
    assert event["value"] == pytest.approx(share, abs=0.005)
    assert event["against"] == pytest.approx(reference, abs=0.005)
    assert event["size"] == pytest.approx((share - reference) / np.sqrt(reference * (1 - reference)), abs=0.03)
    assert event["low"] < event["size"] < event["high"]
    location = next(m for m in event["monitors"] if m["monitor"] == "location")
    assert location["size"] < -0.7
    beside = check(looked_at, number, CheckName.PERFORMANCE)
    assert beside is not None
    assert beside.outcome is Outcome.LOOK, "the last window is too young"
    assert "2,400 of 2,400 rows have a label; 11 of 12 windows have labels old enough" in beside.why
    assert check(looked_at, number, CheckName.GAPS_HELD) is None, "no group is watched"
    looked_at.workspace.proposals.withdraw(person(looked_at, "ada"), number, reason="looked at")


def test_where_performance_fell_or_labels_are_missing_the_check_says_so(tmp_path: Path) -> None:
    watched = build(tmp_path)
    watched.serve(0, 1, 2, 3)
    watched.serve(4, 5, 6, up=-1, labels=False)
    watched.serve(7, labels=False)
    watched.update()
    found = check(watched, propose(watched).proposal.id, CheckName.PERFORMANCE)
    assert found is not None
    assert found.outcome is Outcome.LOOK
    assert "That the model is no worse isn't known" in found.why
    watched.label(4, 5, 6, 7, wrong=0.4)
    watched.update()
    refreshed = watched.workspace.proposals.refresh(person(watched, "ada"), 1, reason="labels are in")
    fell = check(watched, refreshed.proposal.id, CheckName.PERFORMANCE)
    assert fell is not None
    assert fell.outcome is Outcome.FAIL, fell.why
    watched.workspace.close()


def test_a_margin_far_wider_than_what_was_seen_needs_a_look_and_one_by_which_nothing_is_found_fails(
    looked_at: Watched,
) -> None:
    for margin, outcome, why in (
        ({"sd": 2.8, "points": 0.4}, Outcome.LOOK, "more than twice"),
        ({"sd": 10, "points": 1}, Outcome.FAIL, "No move of the series, however large"),
    ):
        number = propose(looked_at, margin=margin).proposal.id
        found = check(looked_at, number, CheckName.MARGIN)
        assert found is not None
        assert (found.outcome, why in found.why) == (outcome, True), found.why
        looked_at.workspace.proposals.withdraw(person(looked_at, "ada"), number, reason="another")


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an alert that isn't there": ({"alert": 9}, "loans has no alert 9"),
    "a series that isn't in it": ({"series": "values/colour"}, "'values/colour' is no series of alert 1"),
    "no margin": ({"margin": {}}, "say how wide its margin shall be"),
    "a margin that is no wider": ({"margin": {"sd": 0.05}}, "is no wider than that in force"),
    "text where a number goes": ({"margin": {"sd": "much"}}, "margin.sd: Input should be a valid number"),
}


@pytest.mark.parametrize(("asked", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_accepted_is_refused_before_anybody_signs(
    looked_at: Watched, asked: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        propose(looked_at, **asked)
    assert not [p for p in looked_at.workspace.proposals.list(WORKER) if p.is_open]


def test_an_alert_that_was_answered_cannot_be_accepted_any_more(watched: Watched) -> None:
    number = propose(watched).proposal.id
    watched.workspace.alerts.resolve(LOCAL_OPERATOR, 1, reason="sent again")
    with pytest.raises(ConflictError, match="alert 1 has changed since the evidence was frozen"):
        decide(watched, number)
    watched.workspace.proposals.withdraw(person(watched, "ada"), number, reason="over")
    with pytest.raises(InputError, match="Alert 1 is resolved"):
        propose(watched)


def test_evidence_that_changed_after_signing_stops_the_job(watched: Watched) -> None:
    decided = decide(watched, propose(watched).proposal.id)
    put(watched, {"margins": {"colour": {"sd": 0.01}}})
    assert watched.workspace.proposals.show(WORKER, 1).stale == (), "another column's margin is no part of it"
    put(watched, {"margins": {"amount": {"sd": 0.01}}})
    with pytest.raises(ConflictError, match="margin of series values/amount has changed since"):
        watched.workspace.jobs.begin(WORKER, decided.job_id or "")
    assert margins(watched) == {"amount": ColumnMargin(sd=0.01)}


def test_it_is_asked_for_once_and_neither_who_asks_nor_an_administrator_can_approve(watched: Watched) -> None:
    number = propose(watched).proposal.id
    with pytest.raises(ConflictError, match="asks for the same"):
        propose(watched, margin={"sd": 2, "points": 0.5})
    both = Actor(name="ada", roles=(UserRole.ENGINEER, UserRole.REVIEWER), signed_in_at=watched.clock())
    with pytest.raises(NotAllowedError, match="You asked for this"):
        watched.workspace.proposals.decide(both, number, Move.APPROVE, reason="mine")
    with pytest.raises(NotAllowedError, match="needs the right to decide"):
        decide(watched, number, by="root")
    assert margins(watched) == {}


def test_it_takes_everybody_whom_the_policy_asks_for_and_has_no_side_door(watched: Watched) -> None:
    policies = watched.workspace.alarm_policies
    put(watched, {"margin_sd": 0.06})
    set_signing(watched, {"seats_of": {"accept_drift": ["validator", "owner"], "rebaseline": ["owner"]}})
    for content, wider in {
        "a margin": ({"margin_sd": 0.06, "margins": {SERIES: MARGIN}}, SERIES),
        "of the column": ({"margin_sd": 0.06, "margins": {"amount": {"sd": 1.5}}}, "amount"),
        "of all": ({"margin_sd": 2}, "margin_sd"),
        "left out": ({"margin_sd": 0.06, "left_out": {"amount": "noisy"}}, "amount"),
    }.values():
        for name in ("ada", "root"):
            who = Actor(name=name, roles=(UserRole.ENGINEER, UserRole.ADMIN), signed_in_at=watched.clock())
            with pytest.raises(NotAllowedError, match=rf"unseen \({wider}\).*asks for validator and owner to sign"):
                policies.set(who, MODEL, content, reason="quicker")
    for quietly in (
        lambda: watched.take_in(a_day(40, prefix="r"), role=BatchRole.REFERENCE),
        lambda: watched.workspace.batches.retract(LOCAL_OPERATOR, 1, reason="quicker"),
    ):
        with pytest.raises(NotAllowedError, match="loans has a reference, and its policy of signing asks for owner"):
            quietly()
    number = propose(watched).proposal.id
    first = decide(watched, number, by="vic")
    assert first.job_id is None
    with pytest.raises(NotAllowedError, match="The seat that is left is for: owner"):
        decide(watched, number, by="ines")
    assert decide(watched, number, by="olga").job_id is not None
    with watched.workspace.database.read() as session:  # narrower needs nobody
        check_signed(session, Repository(session).model(MODEL), AlarmPolicy(margin_sd=0.06), AlarmPolicy())


def test_an_approval_that_ran_out_says_so_and_what_it_changed_holds_until_somebody_revokes_it(
    accepted: Watched,
) -> None:
    set_signing(accepted, {"approval_days": 30})
    assert accepted.workspace.proposals.show(WORKER, 1).lacking == ()
    accepted.clock.now += timedelta(days=31)
    (lacking,) = accepted.workspace.proposals.show(WORKER, 1).lacking
    assert lacking.endswith("lasted 30 days")
    assert margins(accepted) == {SERIES: WIDER}
