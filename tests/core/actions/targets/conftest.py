"""A real MLflow server in an environment of its own, a real webhook, and programs in a folder."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.governed import Governed, build

MLFLOW = "PLUMBLINE_TEST_MLFLOW"  # the program `mlflow` of an environment of its own: it asks for another pyarrow
PATIENCE = 300
SECRET, SECRET_VARIABLE = "a secret of the tests", "PLUMBLINE_TARGET_SECRET"


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    governed = build(tmp_path)
    yield governed
    governed.workspace.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mlflow:
    """A server, spoken to by its own REST API and not by what is tested."""

    url: str

    def call(self, method: str, path: str, given: dict[str, Any]) -> dict[str, Any]:
        request = urllib.request.Request(
            f"{self.url}/api/2.0/mlflow/{path}",
            data=json.dumps(given).encode(),
            method=method,
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def register(self, model: str, *tags: dict[str, str]) -> None:
        """A registered model with a version for each of some tags."""
        self.call("POST", "registered-models/create", {"name": model})
        run = self.call("POST", "runs/create", {"experiment_id": "0"})["run"]["info"]
        for tag in tags:
            source = {"source": f"{run['artifact_uri']}/model", "run_id": run["run_id"]}
            pairs = [{"key": key, "value": value} for key, value in tag.items()]
            self.call("POST", "model-versions/create", {"name": model, **source, "tags": pairs})

    def alias(self, model: str) -> str | None:
        with urllib.request.urlopen(f"{self.url}/api/2.0/mlflow/registered-models/get?name={model}") as answer:
            found = json.loads(answer.read())["registered_model"].get("aliases", [])
        return next((a["version"] for a in found if a["alias"] == "champion"), None)

    def move(self, model: str, version: str) -> None:
        """Move the alias behind Plumbline's back."""
        self.call("POST", "registered-models/alias", {"name": model, "alias": "champion", "version": version})


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def mlflow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mlflow]:
    """A real MLflow server; skips aloud where there is no MLflow."""
    program = os.environ.get(MLFLOW, "")
    if not program:
        pytest.skip(f"MLflow is absent: install it in an environment of its own and set {MLFLOW} to its program mlflow")
    folder, port = tmp_path_factory.mktemp("mlflow"), free_port()
    command = [program, "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{folder / 'x.db'}", "--artifacts-destination", str(folder / "a")]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PLUMBLINE_", "PYTHON"))}
    environment |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            until = time.monotonic() + PATIENCE
            while not answers(f"http://127.0.0.1:{port}/health"):
                assert server.poll() is None, (folder / "log").read_text()[-3000:]
                assert time.monotonic() < until, (folder / "log").read_text()[-3000:]
                time.sleep(0.2)
            yield Mlflow(url=f"http://127.0.0.1:{port}")
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait(timeout=30)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


@dataclass(kw_only=True)
class Receiver:
    """The service behind a webhook: checks signatures by itself, and does each order once by its key."""

    url: str = ""
    state: dict[str, Any] = field(default_factory=lambda: {"version": None})
    done: dict[str, dict[str, Any]] = field(default_factory=dict)
    n_posts: int = 0
    refused: list[str] = field(default_factory=list)
    answer: int = 200
    forgets: bool = False

    def is_signed(self, handler: BaseHTTPRequestHandler, body: bytes) -> bool:
        headers = handler.headers
        stamp, key = headers.get("X-Plumbline-Timestamp", ""), headers.get("Idempotency-Key", "")
        message = b"\n".join([handler.command.encode(), stamp.encode(), key.encode(), body])
        right = "v1=" + hmac.new(SECRET.encode(), message, hashlib.sha256).hexdigest()
        is_recent = stamp.isdigit() and abs(time.time() - int(stamp)) < 300
        return is_recent and hmac.compare_digest(right, headers.get("X-Plumbline-Signature", ""))


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A real server on this machine."""
    monkeypatch.setenv(SECRET_VARIABLE, SECRET)
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.reply(b"")

        def do_POST(self) -> None:
            found.n_posts += 1
            self.reply(self.rfile.read(int(self.headers["Content-Length"])))

        def reply(self, body: bytes) -> None:
            if not found.is_signed(self, body):
                found.refused.append(self.command)
                self.send_error(401)
                return
            if found.answer != 200:
                self.send_response(found.answer)
                self.send_header("Location", found.url)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if body and self.headers["Idempotency-Key"] not in found.done:
                order = json.loads(body)
                found.done[self.headers["Idempotency-Key"]] = order
                if not found.forgets:
                    found.state = {**found.state, "version": order["version"]}
            content = json.dumps(found.state).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.url = f"http://127.0.0.1:{server.server_port}/deploy"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()
