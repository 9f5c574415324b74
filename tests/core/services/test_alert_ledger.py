"""Every step of an alert is in the ledger, and whoever alters an alert, a step or its evidence is found."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from core.errors import ConflictError
from core.services.alerts import AlertInfo
from tests.watched import Watched, actor, build, opened

AN_ALERT = ("fire", "join", "comment", "acknowledge", "return", "resolve")


@pytest.fixture(scope="module")
def answered_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An alert that more joined, was talked about, returned and was resolved."""
    folder = tmp_path_factory.mktemp("answered")
    watched = build(folder)
    fill(watched)
    watched.workspace.close()
    return folder


def fill(watched: Watched) -> None:
    watched.serve(0, 1)
    watched.serve(2, missing=0.5)
    watched.serve(3, missing=0.5, violet=0.5)
    watched.update()
    watched.workspace.alerts.comment(actor("ines"), 1, reason="is it the form?")
    watched.workspace.alerts.acknowledge(actor("ada"), 1)
    watched.serve(4, 5)
    watched.update()
    watched.workspace.alerts.resolve(actor("ada"), 1, reason="the form is mended")


@pytest.fixture
def answered(answered_folder: Path, tmp_path: Path) -> Iterator[Watched]:
    watched = opened(tmp_path, copy_of=answered_folder)
    yield watched
    watched.workspace.close()


def tamper(watched: Watched, statement: str) -> None:
    """Do to the database, from outside, what its triggers refuse."""
    with closing(sqlite3.connect(str(watched.workspace.database.url.database))) as outsider:
        for (trigger,) in outsider.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            outsider.execute(f"DROP TRIGGER {trigger}")
        assert outsider.execute(statement).rowcount == 1, statement
        outsider.commit()


def problems(watched: Watched) -> tuple[str, ...]:
    return watched.workspace.ledger.verify(actor("audrey")).problems


def test_every_step_is_an_entry_with_who_what_and_on_which_evidence(answered: Watched) -> None:
    assert tuple(answered.moves(1)) == AN_ALERT
    (alert,) = answered.alerts()
    by_seq = {entry.seq: entry for entry in answered.workspace.ledger.list(actor("audrey"), newest=1_000)}
    evidence = [frozen.sha256 for frozen in answered.workspace.alerts.evidence(actor("audrey"), 1)]
    assert len(evidence) == 2
    for step in alert.moves:
        entry = by_seq[step.ledger_seq]
        assert (entry.action, entry.actor, entry.at) == (f"alert.{step.move}", step.actor, step.at)
        assert entry.objects == {
            "model": "loans",
            "alert": 1,
            "state": step.state,
            "text": step.text,
            "evidence": evidence[1] if step.move == "join" else evidence[0],
        }
    assert sum(entry.action.startswith("alert.") for entry in by_seq.values()) == len(AN_ALERT)
    assert problems(answered) == ()


ATTACKS = {
    "what somebody said": (
        "UPDATE alert_move SET text = 'never mind' WHERE move = 'resolve'",
        "Move 6 of alert 1 isn't what entry",
    ),
    "who said it": ("UPDATE alert_move SET actor = 'mallory' WHERE move = 'comment'", "Move 3 of alert 1 isn't what"),
    "what was done": ("UPDATE alert_move SET move = 'annotate' WHERE id = 6", "Move 6 of alert 1 isn't what entry"),
    "what it led to": ("UPDATE alert_move SET state = 'open' WHERE id = 4", "Move 4 of alert 1 isn't what entry"),
    "when": ("UPDATE alert_move SET at = '2020-01-01 00:00:00' WHERE id = 6", "Move 6 of alert 1 isn't what entry"),
    "a step that is gone": ("DELETE FROM alert_move WHERE move = 'comment'", "tells of is missing."),
    "the entry of a step": ("DELETE FROM ledger WHERE action = 'alert.comment'", "Move 3 of alert 1 isn't what entry"),
    "the state of the alert": (
        "UPDATE alert SET state = 'harmless'",
        "Alert 1 is harmless, which none of its moves led to.",
    ),
    "what it is called": (
        "UPDATE alert SET title = 'nothing.'",
        "Alert 1 has another title than the ledger says it fired with.",
    ),
    "which evidence it names": (
        "UPDATE alert SET evidence_sha256 = (SELECT max(sha256) FROM evidence WHERE sha256 != evidence_sha256)",
        "Alert 1 names other evidence than the ledger says it fired on.",
    ),
}


@pytest.mark.parametrize(("statement", "said"), ATTACKS.values(), ids=ATTACKS)
def test_whatever_is_altered_of_an_alert_is_found(answered: Watched, statement: str, said: str) -> None:
    tamper(answered, statement)
    assert any(said in problem for problem in problems(answered)), problems(answered)


@pytest.mark.parametrize("which", ["of the firing", "of what joined"])
@pytest.mark.parametrize("how", ["altered", "missing"])
def test_evidence_that_was_altered_or_is_gone_is_never_shown(answered: Watched, which: str, how: str) -> None:
    evidence = answered.workspace.alerts.evidence(actor("vera"), 1)[which == "of what joined"]
    change = "UPDATE evidence SET content = replace(content, '\"n\":200', '\"n\":900')"
    statement = change if how == "altered" else "DELETE FROM evidence"
    tamper(answered, f"{statement} WHERE sha256 = '{evidence.sha256}'")
    with pytest.raises(ConflictError, match=rf"Evidence {evidence.sha256[:12]} (was altered|is missing)") as refused:
        answered.workspace.alerts.evidence(actor("vera"), 1)
    assert isinstance(refused.value, ValueError)
    assert any(evidence.sha256[:12] in problem for problem in problems(answered))


def test_what_late_rows_change_is_no_part_of_what_was_frozen(answered: Watched) -> None:
    before = answered.workspace.alerts.evidence(actor("vera"), 1)
    answered.take_in([["late-1", "2026-03-04T12:00:00+00:00", 100, "red", 0.5, 1, 1]])
    answered.update()
    assert answered.workspace.alerts.evidence(actor("vera"), 1) == before


STATEMENTS: tuple[Callable[[bool], str], ...] = (
    lambda sqlite: "UPDATE alert_move SET text = 'x'",
    lambda sqlite: "DELETE FROM alert_move",
    lambda sqlite: "INSERT OR REPLACE INTO alert_move SELECT * FROM alert_move" if sqlite else "TRUNCATE alert_move",
)


def test_of_two_who_answer_at_once_one_is_told_of_the_other_and_moves_are_only_added(
    database_url: str, tmp_path: Path
) -> None:
    watched = build(tmp_path, database_url=database_url)
    watched.serve(0, 1)
    watched.serve(2, missing=0.5)
    watched.update()
    alerts, database = watched.workspace.alerts, watched.workspace.database
    together = threading.Barrier(2)
    told: dict[str, str] = {}

    def run(name: str, call: Callable[..., AlertInfo]) -> None:
        together.wait()
        try:
            told[name] = str(call(actor(name), 1, reason="I saw it first").state)
        except ConflictError as error:
            told[name] = str(error)

    people = (("ada", alerts.resolve), ("ines", alerts.annotate))
    threads = [threading.Thread(target=run, args=person) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (won,) = [name for name, said in told.items() if said in ("resolved", "harmless")]
    (lost,) = told.keys() - {won}
    assert f"Alert 1 is {told[won]} ({won}, " in told[lost]
    for statement in STATEMENTS:
        with pytest.raises(DBAPIError), database.writer.begin() as connection:
            connection.execute(text(statement(database.is_sqlite)))
    assert len(watched.moves(1)) == 2
    assert problems(watched) == ()
    watched.workspace.close()
