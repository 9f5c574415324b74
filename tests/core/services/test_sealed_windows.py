"""Windows are judged once they are complete; late and retracted rows open them again, and nothing else does."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from core.governance.alerts import AlertMove, AlertState
from core.governance.identity import LOCAL_OPERATOR
from core.record import BatchRole
from core.services.alerts import Standing
from core.storage.alerting import WatchWindowRow
from tests.watched import DAY_0, Watched, a_day, actor, build, day_name

JUDGED_LATER = "not judged yet: the window isn't complete, or its labels aren't in"


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    watched = build(tmp_path)
    yield watched
    watched.workspace.close()


def kept(watched: Watched) -> dict[tuple[int, int], tuple[bytes, bytes, bool]]:
    """What is stored of every window: what bets won, the wealth after it, whether it was opened again."""
    with watched.workspace.database.read() as session:
        return {
            (row.watch_id, row.window): (row.log_e, row.log_wealth, row.reopened_at is not None)
            for row in session.scalars(select(WatchWindowRow))
        }


def reopened(watched: Watched) -> set[int]:
    """Days whose windows were opened again."""
    return {
        (window - watched.key(0)) // 86_400_000_000 for (_, window), (_, _, again) in kept(watched).items() if again
    }


def test_a_window_is_judged_once_records_reach_into_its_last_twentieth(watched: Watched) -> None:
    watched.serve(0)
    half = [row for row in a_day(1, missing=0.5) if str(row[1]) < (DAY_0 + timedelta(days=1.94)).isoformat()]
    watched.take_in(half)
    watched.update()
    assert watched.watch().status("missing/amount", watched.key(1)) == ("insufficient", JUDGED_LATER)
    assert watched.alerts() == []
    watched.take_in([["last", (DAY_0 + timedelta(days=1.96)).isoformat(), 100, "red", 0.5, 1, 1]])
    watched.update()
    assert watched.verdict("missing/amount", 1) == "critical"


def test_what_is_sealed_stays_whatever_comes_after_it(watched: Watched) -> None:
    watched.serve(0, 1)
    watched.serve(2, missing=0.5)
    watched.update()
    before, verdicts = kept(watched), watched.state()
    watched.update()
    assert (kept(watched), watched.state()) == (before, verdicts), "to update again changes nothing"
    watched.serve(3, 4, 5, up=-2)
    watched.update()
    after = kept(watched)
    assert {key: after[key] for key in before} == before
    assert watched.days(watched.incidents("missing/amount")[0]) == (2, 3)


def test_day_by_day_or_all_at_once_the_same_is_found(watched: Watched, tmp_path: Path) -> None:
    def serve(target: Watched, *, update: bool) -> None:
        for day in range(9):
            target.serve(day, missing=0.5 * (1 <= day < 3), up=-1.5 * (4 <= day < 7), wrong=1.0 * (day >= 6))
            if update:
                target.update()
        target.update()

    serve(watched, update=True)
    (tmp_path / "other").mkdir()
    other = build(tmp_path / "other")
    serve(other, update=False)
    incidents = watched.watch().incidents
    assert {i.subject for i in incidents if i.light == "material"} >= {
        "missing/amount",
        "values/amount",
        "performance/accuracy",
    }
    assert [without_alert(i) for i in other.watch().incidents] == [without_alert(i) for i in incidents]
    assert watched.watch().sealed == other.watch().sealed

    def alerts(target: Watched) -> list[tuple[object, ...]]:
        return sorted((a.set, a.window.key, a.title, a.standing, len(a.incidents)) for a in target.alerts())

    assert alerts(watched) == alerts(other)
    other.workspace.close()


def without_alert(incident: object) -> tuple[object, ...]:
    return tuple(getattr(incident, name) for name in incident.__dataclass_fields__ if name != "alert")  # type: ignore[attr-defined]


# Late rows, and rows that go


def test_late_rows_open_their_window_again_and_take_an_alarm_back_that_stays_on_record(watched: Watched) -> None:
    watched.serve(0, 1)
    watched.serve(2, missing=0.25)
    watched.update()
    (alert,) = watched.alerts()
    evidence = watched.workspace.alerts.evidence(actor("vera"), 1)
    watched.take_in(a_day(2, n=12_000, prefix="late-"))
    watched.update()
    assert reopened(watched) == {2}
    (alert,) = watched.alerts()
    assert [incident.is_withdrawn for incident in alert.incidents] == [True]
    assert (alert.standing, alert.state) == (Standing.WITHDRAWN, AlertState.OPEN)
    assert [step.move for step in alert.moves] == [AlertMove.FIRE, AlertMove.WITHDRAW]
    assert alert.moves[-1].text == "Rows that came late, or were retracted, took its reason away."
    assert watched.workspace.alerts.evidence(actor("vera"), 1) == evidence
    assert watched.verdict("missing/amount", 2) == "ok"
    watched.update()
    assert watched.moves(1) == ["fire", "withdraw"], "said once"
    assert watched.workspace.ledger.verify(actor("audrey")).is_intact


def test_late_rows_can_raise_what_was_quiet(watched: Watched) -> None:
    watched.serve(0, 1, 2, 3)
    watched.update()
    assert watched.alerts() == []
    watched.take_in(a_day(1, up=3, prefix="late-"))
    watched.update()
    assert reopened(watched) == {1}
    assert [(i.subject, watched.days(i)[0]) for i in watched.incidents("values/amount")] == [("values/amount", 1)]


def test_a_retracted_batch_is_judged_no_more_and_what_it_raised_is_withdrawn(watched: Watched) -> None:
    watched.serve(0, 1)
    watched.update()
    before = kept(watched), watched.watch().sealed
    batch = watched.serve(2, 3, missing=0.5)
    watched.update()
    assert [alert.standing for alert in watched.alerts()] == [Standing.OUT]
    watched.workspace.batches.retract(LOCAL_OPERATOR, batch, reason="the wrong file")
    watched.update()
    assert [alert.standing for alert in watched.alerts()] == [Standing.WITHDRAWN]
    assert (kept(watched), watched.watch().sealed) == before
    watched.take_in(a_day(2, prefix="right-"))
    watched.update()
    assert watched.verdict("missing/amount", 2) == "ok"


@pytest.mark.parametrize("answered", [None, "resolved"])
def test_what_was_withdrawn_and_comes_again_is_the_same_alert(watched: Watched, answered: str | None) -> None:
    batch = watched.serve(0, missing=0.5)
    watched.update()
    watched.workspace.batches.retract(LOCAL_OPERATOR, batch, reason="is it the wrong file?")
    watched.update()
    assert watched.moves(1) == ["fire", "withdraw"], "though nothing is left to judge"
    if answered:
        watched.workspace.alerts.resolve(actor("ada"), 1, reason="the wrong file")
    watched.take_in(a_day(0, missing=0.5, prefix="again-"))
    watched.update()
    (alert,) = watched.alerts()
    assert (alert.state, alert.standing) == (AlertState.OPEN, Standing.OUT)
    assert watched.moves(1)[2:] == (["resolve", "reopen", "join"] if answered else ["join"])
    assert alert.moves[-1].text.startswith(f"More of amount is missing. In {day_name(0)}, again: ")
    assert len(watched.workspace.alerts.evidence(actor("vera"), 1)) == 2


# Labels


def test_what_needs_labels_is_judged_once_labels_should_be_in(watched: Watched) -> None:
    watched.serve(0, 1, 2)
    watched.serve(3, wrong=1)
    watched.update()
    sealed = watched.watch().sealed
    assert (len(sealed["served"]), len(sealed["matured"])) == (4, 3), "labels are expected a day later"
    assert watched.watch().status("performance/accuracy", watched.key(3)) == ("insufficient", JUDGED_LATER)
    watched.serve(4, wrong=1)
    watched.serve(5)
    watched.update()
    (alert,) = watched.alerts()
    assert (alert.set, alert.title) == ("matured", "The Brier score rose and ROC AUC fell.")
    assert watched.verdict("performance/roc_auc", 4) == "critical"


def test_labels_that_come_later_still_open_their_windows_again_and_no_other(watched: Watched) -> None:
    watched.serve(0, 1, 2, 3, labels=False)
    watched.update()
    watched.label(1, 2, wrong=1)
    watched.update()
    assert reopened(watched) == {1, 2}
    assert watched.verdict("performance/accuracy", 2) == "critical"


# What it rests on changes


def test_another_reference_judges_anew_where_nothing_had_fired_and_leaves_alone_what_had(watched: Watched) -> None:
    watched.serve(0, 1, 2)
    watched.update()
    sealed = watched.watch().sealed["served"]
    more = [row for day in (-10, -9) for row in a_day(day)]
    watched.take_in(more, role=BatchRole.REFERENCE)
    watched.update()
    with watched.workspace.database.read() as session:
        assert {row.watch_id for row in session.scalars(select(WatchWindowRow))} > {1, 2}
    assert watched.watch().sealed["served"] == sealed
    watched.serve(3, missing=0.5)
    watched.update()
    assert [alert.standing for alert in watched.alerts()] == [Standing.OUT]
    watched.take_in(a_day(-11), role=BatchRole.REFERENCE)
    watched.update()
    (alert,) = watched.alerts()
    assert (alert.standing, alert.state) == (Standing.JUDGED_ANEW, AlertState.OPEN)
    assert watched.moves(1) == ["fire", "supersede"]
    assert watched.verdict("missing/amount", 3) == "critical", "its window stays as it was judged"
    watched.serve(4, missing=0.5)
    watched.update()
    assert [alert.standing for alert in watched.alerts()] == [Standing.JUDGED_ANEW, Standing.OUT]
    assert watched.days(watched.alerts()[1].incidents[0]) == (4, None)


def test_two_who_count_at_once_leave_what_one_would_have_left(database_url: str, tmp_path: Path) -> None:
    watched = build(tmp_path, database_url=database_url)
    watched.serve(0, 1)
    watched.serve(2, missing=0.5)
    failed: list[BaseException] = []
    together = threading.Barrier(2)

    def run(day: int) -> None:
        together.wait()
        try:
            watched.serve(day)
            watched.update()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(day,)) for day in (3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    watched.update()
    assert [watched.days(i) for i in watched.incidents("missing/amount")] == [(2, 3)]
    assert watched.moves(1) == ["fire", "return"]
    assert len(watched.watch().sealed["served"]) == 5
    watched.workspace.close()
