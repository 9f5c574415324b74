"""What people are told, against a real receiver; what fails is shown, and holds up nothing."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from core import notify
from core.errors import InputError, OutsideError, UnknownNameError
from core.governance.conditions import Condition
from core.governance.identity import LOCAL_OPERATOR, WORKER
from core.governance.proposals import Move, ProposalKind
from core.services.notices import NoticeEvent
from core.services.notifications import CHOICES, NotificationService, Rhythm
from tests.command import CommandLine
from tests.governed import MODEL, PASSWORD, Governed, build

TOKEN = "hunter2secret"


@dataclass(kw_only=True)
class Receiver:
    """Takes JSON over HTTP, or refuses it."""

    port: int = 0
    taken: list[dict[str, Any]] = field(default_factory=list)
    answer: int = 200

    def url(self, who: str = "x") -> str:
        return f"json://user:{TOKEN}@127.0.0.1:{self.port}/{who}"


@pytest.fixture(scope="module")
def server() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if found.answer == 200:
                found.taken.append({**content, "to": self.path.strip("/")})
            self.send_response(found.answer)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def receiver(server: Receiver, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    server.taken.clear()
    server.answer = 200
    for name in ("ada", "ines", "otto"):
        monkeypatch.setenv(notify.own_variable(name), server.url(name))
    return server


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    governed = build(tmp_path)
    yield governed
    governed.workspace.close()


def service(governed: Governed) -> NotificationService:
    return governed.workspace.notifications


def tell(governed: Governed) -> int:
    """What the worker does every half minute."""
    service(governed).gather(WORKER)
    return service(governed).deliver(WORKER)


def titles(receiver: Receiver) -> list[tuple[str, str]]:
    return [(message["to"], message["title"]) for message in receiver.taken]


def test_who_may_decide_is_told_that_somebody_asks_and_who_asked_what_was_decided(
    governed: Governed, receiver: Receiver
) -> None:
    for name in ("ada", "ines", "otto", "vera"):
        service(governed).choose(governed.people[name], events=CHOICES)
    proposal = governed.propose(ProposalKind.RETRAIN)
    assert tell(governed) == 2
    assert sorted(titles(receiver)) == [
        ("ines", f"Review wanted: retrain {MODEL} (proposal {proposal})"),
        ("otto", f"Review wanted: retrain {MODEL} (proposal {proposal})"),
    ]
    receiver.taken.clear()
    governed.decide(proposal, Move.REQUEST_CHANGES)
    assert tell(governed) == 1
    assert titles(receiver) == [("ada", f"ines chose to request changes: retrain {MODEL} (proposal {proposal})")]
    assert "I looked at all of it" in receiver.taken[0]["message"]
    receiver.taken.clear()
    assert (tell(governed), receiver.taken) == (0, [])  # nobody is told twice


def test_a_job_that_failed_and_a_condition_that_is_due_are_told_of(governed: Governed, receiver: Receiver) -> None:
    service(governed).choose(governed.ada, events=[NoticeEvent.FAILED, NoticeEvent.CONDITION])
    proposal = governed.propose(ProposalKind.PROMOTE, "v1")
    due = Condition(text="label 200 cases", owner="ada", due_at=governed.clock() + timedelta(days=10))
    decided = governed.workspace.proposals.decide(
        governed.ines, proposal, Move.APPROVE, reason="on a condition", conditions=[due]
    )
    assert decided.job_id is not None
    governed.workspace.jobs.fail(WORKER, decided.job_id, "the disk is full")
    assert tell(governed) == 1
    assert receiver.taken[0]["title"] == f"The job failed: promote v1 of {MODEL} (proposal {proposal})"
    assert "the disk is full" in receiver.taken[0]["message"]
    receiver.taken.clear()
    for days, n in ((6, 0), (1.5, 1), (1, 0), (2, 1), (1, 0)):  # once when it is near, once when it is over
        governed.clock.advance(days=days)
        assert tell(governed) == n
    assert [message["title"].split(" due ")[0] for message in receiver.taken] == ["A condition is", "A condition was"]
    job = governed.workspace.jobs.analyse(LOCAL_OPERATOR, MODEL)
    governed.workspace.jobs.fail(WORKER, job.id, "no records")
    receiver.taken.clear()
    assert tell(governed) == 1
    assert receiver.taken[0]["title"] == f"The job failed: analyse {MODEL}"


def test_a_digest_is_one_message_in_the_morning(governed: Governed, receiver: Receiver) -> None:
    service(governed).choose(governed.ines, events=[NoticeEvent.REVIEW], rhythm=Rhythm.DAILY)
    governed.propose(ProposalKind.RETRAIN)
    governed.propose(ProposalKind.PROMOTE, "v2")
    assert tell(governed) == 0
    governed.clock.advance(hours=6.9)  # it was midnight
    assert tell(governed) == 0
    governed.clock.advance(hours=0.2)
    assert tell(governed) == 2
    (message,) = receiver.taken
    assert message["title"] == "Plumbline: 2 notices"
    assert message["message"].count("Review wanted: ") == 2


def test_what_a_receiver_refuses_is_shown_tried_again_and_given_up(governed: Governed, receiver: Receiver) -> None:
    service(governed).choose(governed.ines, events=[NoticeEvent.REVIEW])
    receiver.answer = 500
    proposal = governed.propose(ProposalKind.RETRAIN)
    assert tell(governed) == 0
    (notice,) = service(governed).list(governed.ines)
    assert (notice.n_attempts, notice.sent_at, notice.is_given_up) == (1, None, False)
    assert notice.error == "Address 1 (json) in PLUMBLINE_NOTIFY_INES didn't take it, or can't be reached."
    assert tell(governed) == 0
    assert service(governed).list(governed.ines)[0].n_attempts == 1  # it waits
    assert service(governed).troubles(governed.root)[0].account == "ines"
    governed.decide(proposal, by="otto")  # nothing waited for it
    governed.clock.advance(minutes=1)
    receiver.answer = 200
    assert tell(governed) == 1
    assert service(governed).list(governed.ines)[0].error == ""
    assert service(governed).troubles(governed.root) == ()
    receiver.answer = 302  # a redirect isn't followed
    service(governed).test(governed.ines)
    for _ in range(6):
        tell(governed)
        governed.clock.advance(days=1)
    found = service(governed).list(governed.ines)[0]
    assert (found.event, found.n_attempts, found.is_given_up) == (NoticeEvent.TEST, 6, True)


def test_an_address_is_never_stored_shown_or_logged(
    governed: Governed, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="apprise")
    service(governed).choose(governed.ines, events=CHOICES)
    governed.propose(ProposalKind.RETRAIN)
    receiver.answer = 401
    tell(governed)
    notice = service(governed).list(governed.ines)[0]
    entry = governed.workspace.ledger.list(governed.audrey, action="notify.choose")[0]
    for text in (repr(notice), repr(entry), repr(service(governed).choice(governed.ines)), caplog.text):
        assert TOKEN not in text
    files = [path for path in governed.workspace.folder.rglob("*") if path.is_file()]
    assert not any(TOKEN.encode() in path.read_bytes() for path in files)


def test_an_address_that_is_missing_or_none_is_said_to_be(monkeypatch: pytest.MonkeyPatch, server: Receiver) -> None:
    with pytest.raises(InputError, match="PLUMBLINE_NOTIFY_NOBODY is not set"):
        notify.send("PLUMBLINE_NOTIFY_NOBODY", "x", "y")
    monkeypatch.setenv("PLUMBLINE_NOTIFY_BAD", f"{server.url()} nothing://{TOKEN}")
    with pytest.raises(InputError, match="Address 2 in PLUMBLINE_NOTIFY_BAD is none") as error:
        notify.send("PLUMBLINE_NOTIFY_BAD", "x", "y")
    assert TOKEN not in str(error.value)
    monkeypatch.setenv("PLUMBLINE_NOTIFY_BAD", f"json://{TOKEN}@127.0.0.1:9")
    with pytest.raises(OutsideError, match=r"Address 1 \(json\)") as refused:
        notify.send("PLUMBLINE_NOTIFY_BAD", "x", "y")
    assert TOKEN not in str(refused.value)


def test_everybody_chooses_for_themselves_among_their_own_and_their_teams(
    governed: Governed, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = service(governed).choose
    with pytest.raises(InputError, match="PLUMBLINE_NOTIFY_INES isn't yours"):
        choose(governed.ada, events=CHOICES, variable="PLUMBLINE_NOTIFY_INES")
    with pytest.raises(InputError, match="PLUMBLINE_TOKEN isn't yours"):
        choose(governed.ada, events=CHOICES, variable="PLUMBLINE_TOKEN")
    with pytest.raises(UnknownNameError, match="event"):
        choose(governed.ada, events=["everything"])
    with pytest.raises(UnknownNameError, match="rhythm"):
        choose(governed.ada, events=CHOICES, rhythm="hourly")
    with pytest.raises(InputError, match="has no account"):
        choose(LOCAL_OPERATOR, events=CHOICES)
    monkeypatch.setenv("PLUMBLINE_NOTIFY_TEAM_RISK", receiver.url("risk"))
    assert service(governed).variables(governed.ada) == ("PLUMBLINE_NOTIFY_ADA", "PLUMBLINE_NOTIFY_TEAM_RISK")
    choose(governed.ines, events=[NoticeEvent.REVIEW], variable="PLUMBLINE_NOTIFY_TEAM_RISK")
    governed.propose(ProposalKind.RETRAIN)
    tell(governed)
    assert titles(receiver)[0][0] == "risk"
    choose(governed.ines, events=())
    governed.propose(ProposalKind.PROMOTE, "v1")
    assert tell(governed) == 0
    receiver.taken.clear()
    service(governed).test(governed.ines)
    governed.workspace.accounts.disable(governed.root, "ines")  # an account that has ended is told nothing more
    assert (tell(governed), receiver.taken) == (0, [])
    assert service(governed).list(governed.ines)[0].is_given_up


def test_commands_choose_and_test(governed: Governed, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    command = CommandLine(workspace=governed.workspace.folder)
    assert command("notify", "show").code == 2  # the local operator has no account
    token = command("login", "ines", "--json", stdin=PASSWORD.encode()).json["token"]
    monkeypatch.setenv("PLUMBLINE_TOKEN", token)
    assert "You are told nothing" in command("notify", "show").out
    chosen = command("notify", "set", "--event", "alert", "--event", "review wanted", "--json").json
    assert (chosen["events"], chosen["is_set"]) == (["alert", "review wanted"], True)
    ran = command("notify", "test")
    assert ran.code == 0, ran.err
    assert titles(receiver) == [("ines", "Plumbline can reach you")]
    receiver.answer = 500
    ran = command("notify", "test")
    assert (ran.code, TOKEN in ran.err + ran.out) == (3, False)
