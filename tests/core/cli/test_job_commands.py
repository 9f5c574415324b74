"""The worker, its jobs and nightly analyses by command; and the dashboard that brings a worker along."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.governed import MODEL, Governed, build
from tests.people import Person, sign_in

ROOT = Path(__file__).resolve().parents[3]
PROGRAM = [sys.executable, "-c", "from core.cli import main; main()"]
PATIENCE = 60.0


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    found = build(tmp_path)
    yield found
    found.workspace.close()


@pytest.fixture
def ada(governed: Governed) -> Person:
    return sign_in(governed.workspace.folder, "ada")


def approved(governed: Governed, ada: Person) -> str:
    """A promotion that was approved; its job."""
    number = ada("propose", "promote", MODEL, "v2", "--reason", "better", "--json").json["proposal"]
    job = sign_in(ada.workspace, "ines")("approve", number, "--reason", "agreed", "--json").json["job"]
    assert isinstance(job, str)
    return job


def wait_until(condition: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, f"{what} did not come about"
        time.sleep(0.05)


def start(log: Path, folder: Path, *arguments: object) -> subprocess.Popen[bytes]:
    """A command as a process of its own, in a session of its own."""
    environment = {**os.environ, "PLUMBLINE_WORKSPACE": str(folder)}
    with log.open("ab") as file:
        return subprocess.Popen(
            [*PROGRAM, *map(str, arguments)],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )


def test_a_worker_does_what_was_approved_alone_and_stops_when_told(
    governed: Governed, ada: Person, tmp_path: Path
) -> None:
    job, log = approved(governed, ada), tmp_path / "log"
    assert ada("job", "show", job).out.startswith(f"{job}: promote of {MODEL}, queued, 0% done\n")
    with start(log, ada.workspace, "worker") as worker:
        assert ada("job", "show", job, "--wait").code == 0
        second = ada("worker")
        assert (second.code, second.out) == (2, "")
        assert "A worker runs on" in second.err
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(PATIENCE) == 0
    assert log.read_text() == f"The worker runs on {ada.workspace} (Ctrl-C stops it).\n"
    assert ada("version", "in-force", MODEL, "--json").json["version"] == "v2"
    shown = ada("job", "show", job).out
    assert "Started." in shown
    assert "v2 is in force; before it was none." in shown
    assert [(j["id"], j["progress"]) for j in ada("job", "list", MODEL, "--json").json] == [(job, 1.0)]
    assert job in ada("job", "list").out


def test_a_job_is_cancelled_with_a_reason_and_retried(governed: Governed, ada: Person) -> None:
    job = approved(governed, ada)
    assert ada("job", "cancel", job).code == 2
    assert ada("job", "cancel", job, "--reason", "not today").out == f"{job} is cancelled.\n"
    assert ada("job", "cancel", job, "--reason", "again").code == 2
    ended = ada("job", "show", job, "--wait")
    assert (ended.code, "Cancelled by ada: not today" in ended.out) == (1, True)
    assert ada("retry", 1, "--reason", "now", "--json").json["job"] == "proposal-1-2"
    unknown = ada("job", "show", "proposal-9-1")
    assert (unknown.code, unknown.out) == (2, "")


def test_a_nightly_analysis_is_set_and_ended(governed: Governed, ada: Person) -> None:
    assert ada("schedule", MODEL, "02:30").out == f"{MODEL} is analysed every night at 02:30 (UTC).\n"
    assert ada("schedule", MODEL, "04:05", "--json").json["at"] == "04:05"
    assert ada("schedule", MODEL, "off").out == f"{MODEL} is not analysed by itself any more.\n"
    assert ada("schedule", MODEL, "off", "--json").json is None
    wrong = ada("schedule", MODEL, "25:00")
    assert (wrong.code, wrong.out) == (2, "")
    assert sign_in(ada.workspace, "vera")("schedule", MODEL, "02:30").code == 1


def test_a_worker_needs_a_workspace(tmp_path: Path) -> None:
    ran = Person(workspace=tmp_path / "none")("worker")
    assert (ran.code, ran.out) == (2, "")
    assert "is no workspace" in ran.err


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_the_dashboard_and_its_worker_end_together(governed: Governed, ada: Person, tmp_path: Path, how: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log, job = tmp_path / "log", approved(governed, ada)
    with start(log, ada.workspace, "up", "--port", port) as server:
        wait_until(lambda: answers(port), "the dashboard")
        assert ada("job", "show", job, "--wait").code == 0
        if how == signal.SIGINT:  # Ctrl-C reaches all of a terminal's processes
            os.killpg(server.pid, how)
        else:
            os.kill(server.pid, how)
        server.wait(PATIENCE)
    wait_until(lambda: has_ended(server.pid), "the worker's end")
    assert not answers(port)
    assert "Traceback" not in log.read_text()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, ConnectionError, TimeoutError):
        return False


def has_ended(session: int) -> bool:
    """Whether no process of a session is left."""
    try:
        os.killpg(session, 0)
    except ProcessLookupError:
        return True
    return False
