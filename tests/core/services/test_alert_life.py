"""The life of an alert: it fires once, latches, says what is back, takes in what begins soon after, and is answered."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import ConflictError, InputError, NotAllowedError, UnknownNameError
from core.governance.alerts import AlertMove, AlertState
from core.governance.identity import LOCAL_OPERATOR, Actor, UserRole
from core.services.alerts import MAX_TEXT, AlertInfo, Standing
from core.workspace import Workspace
from tests.watched import A_DAY, DAY_0, REFERENCE_DAYS, Watched, a_day, actor, build, day_name, opened

ANSWERS = (AlertMove.ACKNOWLEDGE, AlertMove.RESOLVE, AlertMove.ANNOTATE, AlertMove.REOPEN, AlertMove.COMMENT)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """A reference, and nothing served yet."""
    watched = build(tmp_path)
    yield watched
    watched.workspace.close()


@pytest.fixture(scope="module")
def fired_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Amounts moved up on day 2, and nobody has answered yet."""
    folder = tmp_path_factory.mktemp("fired")
    watched = build(folder)
    watched.serve(0, 1)
    watched.serve(2, up=2)
    watched.update()
    watched.workspace.close()
    return folder


@pytest.fixture
def fired(fired_folder: Path, tmp_path: Path) -> Iterator[Watched]:
    watched = opened(tmp_path, copy_of=fired_folder)
    yield watched
    watched.workspace.close()


def answer(workspace: Workspace, who: Actor, move: AlertMove, *, alert: int = 1, reason: str = "I looked") -> AlertInfo:
    call = {
        AlertMove.ACKNOWLEDGE: workspace.alerts.acknowledge,
        AlertMove.RESOLVE: workspace.alerts.resolve,
        AlertMove.ANNOTATE: workspace.alerts.annotate,
        AlertMove.REOPEN: workspace.alerts.reopen,
        AlertMove.COMMENT: workspace.alerts.comment,
    }[move]
    return call(who, alert, reason=reason)


# What Plumbline does by itself


def test_what_moved_fires_once_latches_and_says_when_it_is_back(watched: Watched) -> None:
    watched.serve(0, 1)
    watched.update()
    assert watched.alerts() == []
    for day in (2, 3, 4):
        watched.serve(day, up=2)
        watched.update()
        (alert,) = watched.alerts()
        assert (alert.title, alert.state, alert.standing) == ("amount moved.", AlertState.OPEN, Standing.OUT)
        assert watched.verdict("values/amount", day) == "critical"
        assert watched.moves(1) == ["fire"], "an alert that is out doesn't fire again"
    watched.serve(5, 6)
    watched.update()
    (alert,) = watched.alerts()
    assert watched.days(alert.incidents[0]) == (2, 5)
    assert (alert.state, alert.standing) == (AlertState.OPEN, Standing.BACK), "that it is back answers nothing"
    assert alert.moves[-1].move is AlertMove.RETURN
    assert alert.moves[-1].text == f"All of it is back within its margin since {day_name(5)}."
    assert [watched.verdict("values/amount", day) for day in (1, 2, 4, 5)] == ["ok", "critical", "critical", "ok"]
    watched.serve(7, up=2)
    watched.update()
    assert [alert.standing for alert in watched.alerts()] == [Standing.BACK, Standing.OUT], "what moves anew is new"
    assert watched.moves(1) == ["fire", "return"], "said once"


def test_what_begins_within_a_week_joins_what_is_out_and_later_it_is_an_alert_of_its_own(watched: Watched) -> None:
    watched.serve(0, 1)
    watched.serve(2, 3, up=-1)
    watched.serve(4, 5, 6, 7, 8, 9, up=-1, violet=0.1)
    watched.serve(10, up=-1, violet=0.1, missing=0.5)
    watched.update()
    first, second = watched.alerts()
    assert [incident.subject for incident in first.incidents] == ["values/amount", "outside/colour"]
    assert [incident.subject for incident in second.incidents] == ["missing/amount"]
    assert watched.moves(1) == ["fire", "join"]
    assert first.moves[1].text == (
        f"More of colour is outside anything the reference had. In {day_name(4)}, 2 windows after the first."
    )
    frozen = watched.workspace.alerts.evidence(actor("vera"), 1)
    assert [[incident["column"] for incident in f.report["incidents"]] for f in frozen] == [["amount"], ["colour"]]
    assert [f.report["window"] for f in frozen] == [day_name(2), day_name(4)]


@pytest.mark.parametrize("move", [AlertMove.RESOLVE, AlertMove.ANNOTATE])
def test_nothing_joins_what_somebody_has_ended(fired: Watched, move: AlertMove) -> None:
    answer(fired.workspace, actor("ada"), move)
    fired.serve(3, up=2, violet=0.5)
    fired.update()
    first, second = fired.alerts()
    assert (first.is_live, second.is_live) == (False, True)
    assert second.title == "More of colour is outside anything the reference had."


def test_what_is_out_is_no_alert_again_though_it_was_resolved(fired: Watched) -> None:
    answer(fired.workspace, actor("ada"), AlertMove.RESOLVE)
    fired.serve(3, 4, up=2)
    fired.update()
    (alert,) = fired.alerts()
    assert (alert.state, alert.standing) == (AlertState.RESOLVED, Standing.OUT)


def test_what_changed_within_its_margin_pages_nobody(watched: Watched) -> None:
    policy = {"margins": {"amount": {"sd": 3.0}}}
    watched.workspace.alarm_policies.set(LOCAL_OPERATOR, "loans", policy, reason="its unit changed")
    watched.serve(*range(4), up=2)
    watched.update()
    assert watched.alerts() == []
    assert [i.light for i in watched.watch().incidents if i.subject == "values/amount"] == ["changed"]
    assert watched.verdict("values/amount", 3) == "warning"


def test_evidence_holds_the_numbers_as_the_rows_give_them(watched: Watched) -> None:
    watched.serve(0, 1)
    watched.serve(2, missing=0.4)
    watched.update()
    (alert,) = watched.alerts()
    assert alert.title == "More of amount is missing."
    (frozen,) = watched.workspace.alerts.evidence(actor("audrey"), alert.id)
    (incident,) = frozen.report["incidents"]
    rows = a_day(2, missing=0.4)
    share = sum(row[2] == "" for row in rows) / len(rows)
    assert incident["leading"] == {
        "monitor": "missing",
        "is_share": True,
        "n": float(len(rows)),
        "value": pytest.approx(share),
        "n_reference": REFERENCE_DAYS * A_DAY,
        "reference": 0.0,
        "shift_sd": None,
        "reference_error_sd": incident["leading"]["reference_error_sd"],
        "dispersion": incident["leading"]["dispersion"],
    }
    assert (frozen.report["window"], frozen.report["model"], frozen.report["set"]) == (day_name(2), "loans", "served")
    assert frozen.report["window_start"] == (DAY_0 + timedelta(days=2)).isoformat()
    assert {subject.kind for subject in frozen.subjects} == {"profile", "alarm policy", "watch"}


# What people do


def test_every_answer_leads_where_it_says_and_what_ended_can_be_opened_again(fired: Watched) -> None:
    workspace, ada, ines = fired.workspace, actor("ada"), actor("ines")
    assert workspace.alerts.acknowledge(ada, 1).state is AlertState.ACKNOWLEDGED
    assert workspace.alerts.comment(ines, 1, reason="is it the new form?").state is AlertState.ACKNOWLEDGED
    assert workspace.alerts.annotate(ines, 1, reason="the form asks for euros").state is AlertState.HARMLESS
    assert workspace.alerts.reopen(ada, 1, reason="no: it is the currency").state is AlertState.OPEN
    resolved = workspace.alerts.resolve(LOCAL_OPERATOR, 1, reason="converted")
    assert resolved.state is AlertState.RESOLVED
    assert [(step.actor, str(step.move), step.text) for step in resolved.moves[1:]] == [
        ("ada", "acknowledge", ""),
        ("ines", "comment", "is it the new form?"),
        ("ines", "annotate", "the form asks for euros"),
        ("ada", "reopen", "no: it is the currency"),
        (LOCAL_OPERATOR.name, "resolve", "converted"),
    ]
    assert workspace.alerts.list(ada, live_only=True) == ()


@pytest.mark.parametrize("role", [role for role in UserRole if role is not UserRole.ANONYMOUS])
def test_who_builds_or_decides_and_the_operator_answer_and_others_may_not(fired_folder: Path, role: UserRole) -> None:
    workspace = Workspace.open(fired_folder / "workspace")
    somebody = Actor(name="somebody", roles=(role,))
    may = role in (UserRole.ENGINEER, UserRole.REVIEWER, UserRole.VALIDATOR, UserRole.OWNER, UserRole.OPERATOR)
    try:
        for move in ANSWERS:
            if may:  # what is refused for want of a reason was not refused for want of a right
                with pytest.raises((InputError, ConflictError)):
                    answer(workspace, somebody, move, alert=99)
            else:
                with pytest.raises(NotAllowedError, match="needs the right to respond to alerts"):
                    answer(workspace, somebody, move)
        assert [step.move for step in workspace.alerts.show(somebody, 1).moves] == [AlertMove.FIRE]
        assert len(workspace.alerts.evidence(somebody, 1)) == 1
    finally:
        workspace.close()


@pytest.mark.parametrize("move", [AlertMove.RESOLVE, AlertMove.ANNOTATE, AlertMove.REOPEN, AlertMove.COMMENT])
def test_what_others_will_read_takes_a_reason_of_bearable_length(fired: Watched, move: AlertMove) -> None:
    with pytest.raises(InputError, match=f"To {move} an alert takes a reason"):
        answer(fired.workspace, actor("ada"), move, reason=" \n")
    with pytest.raises(InputError, match=r"has 10,001 characters, at most 10,000 are kept"):
        answer(fired.workspace, actor("ada"), move, reason="x" * (MAX_TEXT + 1))
    assert fired.moves(1) == ["fire"]


def test_an_alert_that_isnt_there_is_refused_with_those_that_are(fired: Watched) -> None:
    for call in (fired.workspace.alerts.show, fired.workspace.alerts.evidence, fired.workspace.alerts.acknowledge):
        with pytest.raises(UnknownNameError, match="No alert '7'; known: '1'"):
            call(actor("ada"), 7)


def test_who_comes_second_reads_who_was_first_whatever_was_said_since(fired: Watched) -> None:
    workspace = fired.workspace
    at = answer(workspace, actor("ines"), AlertMove.RESOLVE).moves[-1].at
    answer(workspace, actor("ada"), AlertMove.COMMENT)
    fired.clock.now = fired.clock.now.replace(hour=fired.clock.now.hour + 1)
    for move, done in (
        (AlertMove.ACKNOWLEDGE, "acknowledged"),
        (AlertMove.RESOLVE, "resolved"),
        (AlertMove.ANNOTATE, "annotated as harmless"),
    ):
        with pytest.raises(ConflictError) as refused:
            answer(workspace, actor("ada"), move)
        assert str(refused.value) == f"Alert 1 is resolved (ines, {at:%Y-%m-%d %H:%M} UTC): it can't be {done}."
    answer(workspace, actor("ada"), AlertMove.REOPEN)
    with pytest.raises(ConflictError, match=r"Alert 1 is open \(ada, .*\): it can't be opened again"):
        answer(workspace, actor("ines"), AlertMove.REOPEN)


def test_who_needs_somebody_stands_first(watched: Watched) -> None:
    watched.serve(0, 1)
    watched.serve(2, missing=0.5)  # back at once
    watched.serve(3, 4, 5, 6, 7, 8)
    watched.serve(9, 10, up=2)
    watched.serve(11, 12, 13, 14, 15, 16, up=2)
    watched.serve(17, 18, up=2, violet=0.5)
    watched.update()
    assert [(alert.id, str(alert.standing)) for alert in watched.alerts()] == [(1, "back"), (2, "out"), (3, "out")]

    def order() -> list[int]:
        return [alert.id for alert in watched.workspace.alerts.list(actor("vera"))]

    assert order() == [3, 2, 1], "what is out, the newest first; then what is back"
    answer(watched.workspace, actor("ada"), AlertMove.ACKNOWLEDGE, alert=3)
    assert order() == [2, 3, 1], "what nobody has taken first"
    answer(watched.workspace, actor("ada"), AlertMove.RESOLVE, alert=2)
    assert order() == [3, 1, 2], "what is ended last"
    assert [a.id for a in watched.workspace.alerts.list(actor("vera"), "loans", live_only=True)] == [3, 1]
    with pytest.raises(UnknownNameError, match="No model 'lones'; did you mean 'loans'"):
        watched.workspace.alerts.list(actor("vera"), "lones")
