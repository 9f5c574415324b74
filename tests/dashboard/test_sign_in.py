"""The way in, on a real server without a browser: who gets a cookie, what it opens, and where nobody is sent."""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlencode, urlsplit

import pytest

import dashboard
from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, UserRole
from core.workspace import Workspace
from dashboard.asgi import HEADERS
from dashboard.auth import COOKIE
from tests.dashboard.signing import HOSTILE, PASSWORD

ROOT = Path(dashboard.__file__).resolve().parents[1]
WRONG = "The name or the password is wrong."
PAGE = {"Accept": "text/html,application/xhtml+xml"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server said."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def token(self) -> str | None:
        """The token of the cookie that was set, if one was."""
        found = re.match(rf"{COOKIE}=([^;]+)", self.headers.get("set-cookie", ""))
        return found[1] if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A dashboard that runs, and the folder it shows."""

    port: int
    folder: Path

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Answer:
        """One request, no redirect followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            response = connection.getresponse()
            sent = {name.lower(): value for name, value in response.getheaders()}
            return Answer(status=response.status, headers=sent, text=response.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def page(self, path: str, token: str | None = None) -> Answer:
        """A page, as a browser asks for it."""
        return self.ask("GET", path, headers=PAGE | ({"Cookie": f"{COOKIE}={token}"} if token else {}))

    def sign_in(self, name: str, password: str, target: str = "/", origin: str | None = "") -> Answer:
        """The form, as a browser sends it; `origin` None leaves it out."""
        headers = PAGE | {"Content-Type": "application/x-www-form-urlencoded"}
        if origin is not None:
            headers["Origin"] = origin or f"http://{self.host}"
        form = urlencode({"name": name, "password": password, "next": target})
        return self.ask("POST", "/sign-in", form.encode(), headers)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(folder: Path, *, port: int | None = None, settings: dict[str, str] | None = None) -> Iterator[Server]:
    """A server on a workspace, on a free port, as it is run in earnest; `settings` are of its environment."""
    port = port or free_port()
    log = (folder / "server.log").open("w")
    command = [sys.executable, "-m", "streamlit", "run", "dashboard/asgi.py", "--server.port", str(port)]
    environment = os.environ | {"PLUMBLINE_WORKSPACE": str(folder), "PYTHONPATH": str(ROOT)} | (settings or {})
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    server = Server(port=port, folder=folder)
    try:
        for _ in range(300):
            try:
                if server.ask("GET", "/readyz").status == 200:
                    break
            except OSError:
                assert process.poll() is None, (folder / "server.log").read_text()
                time.sleep(0.1)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)
        log.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the accounts root, ada and some that tests lock or end."""
    folder = tmp_path_factory.mktemp("served") / "workspace"
    space = Workspace.open(folder)
    space.accounts.add_first(LOCAL_OPERATOR, "root", PASSWORD)
    root = space.accounts.sign_in(ANONYMOUS, "root", PASSWORD).actor
    for name in ("ada", "locked", "leaver"):
        space.accounts.add(root, name, PASSWORD, roles=[UserRole.ENGINEER])
    space.close()
    with serving(folder) as server:
        yield server


@pytest.fixture(scope="module")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on a workspace without any account."""
    folder = tmp_path_factory.mktemp("unguarded") / "workspace"
    Workspace.open(folder).close()
    with serving(folder) as server:
        yield server


@pytest.fixture
def space(server: Server) -> Iterator[Workspace]:
    """The workspace that is served, opened beside the server."""
    space = Workspace.open(server.folder)
    yield space
    space.close()


def is_sent_to_sign_in(answer: Answer) -> bool:
    return answer.status == 303 and answer.headers["location"].startswith("/sign-in?next=")


def test_the_right_password_gets_a_cookie_that_opens_pages(server: Server) -> None:
    answer = server.sign_in("ada", PASSWORD)
    assert (answer.status, answer.headers["location"]) == (303, "/")
    assert answer.token
    assert server.page("/", answer.token).status == 200
    assert server.page("/ledger", answer.token).status == 200


def test_the_cookie_is_out_of_reach_of_scripts_and_of_other_sites(server: Server) -> None:
    attributes = [part.strip().lower() for part in server.sign_in("ada", PASSWORD).headers["set-cookie"].split(";")]
    assert "httponly" in attributes
    assert "samesite=lax" in attributes
    assert "path=/" in attributes
    assert not [part for part in attributes if part.startswith("domain")]
    lifetime = next(int(part.partition("=")[2]) for part in attributes if part.startswith("max-age="))
    assert 11.9 * 3600 < lifetime <= 12 * 3600


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("ada", "wrong password"),
        ("ada", ""),
        ("", ""),
        ("nobody", PASSWORD),
        ("ADA", PASSWORD),
        ("ada\0", PASSWORD),
        ("ada' OR '1'='1", PASSWORD),
        ("\ud800".encode("utf-8", "surrogatepass").decode("utf-8", "replace"), PASSWORD),
    ],
)
def test_a_wrong_name_and_a_wrong_password_get_the_same_answer_and_no_cookie(
    server: Server, name: str, password: str
) -> None:
    answer = server.sign_in(name, password)
    assert answer.status == 403
    assert WRONG in answer.text
    assert "set-cookie" not in answer.headers


def test_the_password_never_comes_back_in_the_page(server: Server) -> None:
    assert "a secret of mine" not in server.sign_in("ada", "a secret of mine").text


@pytest.mark.parametrize("name", [HOSTILE, '"><script>alert(1)</script>', "{{problem}}", "{{next}}"])
def test_what_was_typed_comes_back_as_text(server: Server, name: str) -> None:
    answer = server.sign_in(name, "wrong password")
    assert answer.status == 403
    assert "<script" not in answer.text
    assert "<b>" not in answer.text
    assert answer.text.count('<p class="problem"') == 1
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("origin", [None, "http://evil.example", "null", "http://127.0.0.1:1", "//", "http://["])
def test_a_form_of_another_site_is_refused_though_the_password_is_right(server: Server, origin: str | None) -> None:
    answer = server.sign_in("ada", PASSWORD, origin=origin)
    assert answer.status == 403
    assert "another site" in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    "target",
    [
        "//evil",
        "/\\evil",
        "\\\\evil",
        "https://evil",
        "http:evil",
        "javascript:alert(1)",
        "evil",
        "",
        "/\t/evil",
        "/\n/evil",
        " //evil",
        "///evil",
        "//[",
        "/x\r\nSet-Cookie: a=b",
    ],
)
def test_the_form_leads_nowhere_else(server: Server, target: str) -> None:
    shown = server.page(f"/sign-in?next={quote(target)}")
    assert 'name="next" value="/"' in shown.text


@pytest.mark.parametrize("target", ["//evil", "/\\evil", "https://evil", "//[", "/x\r\nSet-Cookie: a=b"])
def test_nobody_is_sent_elsewhere_whatever_the_form_says(server: Server, target: str) -> None:
    answer = server.sign_in("ada", PASSWORD, target)
    assert (answer.status, answer.headers["location"]) == (303, "/")


def test_a_deep_link_is_kept_on_the_way_in(server: Server) -> None:
    link = "/drift?model=credit-default&window=week+of+15+Jun+2026&column=%C3%A4%26b"
    sent = server.page(link)
    assert is_sent_to_sign_in(sent)
    target = parse_qs(urlsplit(sent.headers["location"]).query)["next"][0]
    assert target == link
    shown = server.page(sent.headers["location"])
    hidden = re.search(r'name="next" value="([^"]*)"', shown.text)
    assert hidden
    assert hidden[1].replace("&amp;", "&") == link
    assert server.sign_in("ada", PASSWORD, target).headers["location"] == link


def test_a_body_that_is_too_long_is_refused(server: Server) -> None:
    answer = server.sign_in("ada", "x" * 20_000)
    assert answer.status == 413
    assert "set-cookie" not in answer.headers
    assert server.sign_in("ada", PASSWORD).status == 303, "the server goes on"


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"%ff%fe=%", b'{"name": "ada"}', b"&" * 9_000])
def test_a_body_that_is_no_form_is_a_wrong_password(server: Server, body: bytes) -> None:
    answer = server.ask("POST", "/sign-in", body, {"Origin": f"http://{server.host}"})
    assert answer.status == 403
    assert WRONG in answer.text


def test_after_five_wrong_passwords_the_right_one_is_refused_too(server: Server) -> None:
    for _ in range(5):
        assert server.sign_in("locked", "wrong password").status == 403
    answer = server.sign_in("locked", PASSWORD)
    assert answer.status == 403
    assert "Too many failed attempts: wait 15 minutes" in answer.text
    assert "set-cookie" not in answer.headers
    assert server.sign_in("ada", PASSWORD).status == 303, "others are not locked out"


@pytest.mark.parametrize("path", ["/", "/fleet", "/ledger", "/people", "/review?proposal=1", "/no-such-page"])
def test_whoever_is_not_signed_in_is_sent_to_sign_in(server: Server, path: str) -> None:
    assert is_sent_to_sign_in(server.page(path))


def test_the_health_check_and_the_form_are_open(server: Server) -> None:
    assert server.page("/readyz").text == "ready"
    assert server.page("/sign-in").status == 200


@pytest.mark.parametrize("token", ["x", "a" * 5_000, "%00", "'; DROP TABLE access_token; --"])
def test_an_unknown_cookie_opens_nothing(server: Server, token: str) -> None:
    assert is_sent_to_sign_in(server.page("/", token))


def test_an_expired_cookie_opens_nothing(server: Server) -> None:
    past = Workspace.open(server.folder, clock=lambda: datetime.now(UTC) - timedelta(hours=12, seconds=5))
    token = past.accounts.sign_in(ANONYMOUS, "ada", PASSWORD).token
    past.close()
    assert is_sent_to_sign_in(server.page("/", token))


def test_signing_out_makes_the_token_worthless(server: Server, space: Workspace) -> None:
    first, second = server.sign_in("ada", PASSWORD).token, server.sign_in("ada", PASSWORD).token
    assert first
    assert second
    owner = space.accounts.owner(ANONYMOUS, first)
    assert owner is not None
    space.accounts.sign_out(owner, first)
    assert is_sent_to_sign_in(server.page("/", first))
    assert server.page("/", second).status == 200, "other browsers stay signed in"


def test_an_account_that_was_ended_is_out_at_once(server: Server, space: Workspace) -> None:
    token = server.sign_in("leaver", PASSWORD).token
    assert server.page("/", token).status == 200
    root = space.accounts.sign_in(ANONYMOUS, "root", PASSWORD).actor
    space.accounts.disable(root, "leaver")
    assert is_sent_to_sign_in(server.page("/", token))
    assert server.sign_in("leaver", PASSWORD).status == 403


def test_without_any_account_everyone_is_the_local_operator(open_server: Server) -> None:
    for path in ("/", "/drift?model=x", "/people"):
        assert open_server.page(path).status == 200
    assert open_server.sign_in("root", PASSWORD).status == 403
    said = " ".join(seen_by(open_server))
    assert "Nobody signs in yet" in said
    assert "You are signed out" not in said


def test_every_answer_carries_the_headers(server: Server) -> None:
    token = server.sign_in("ada", PASSWORD).token
    answers = [
        server.page("/"),
        server.page("/", token),
        server.page("/drift", token),
        server.page("/no-such-page", token),
        server.page("/sign-in"),
        server.sign_in("ada", "wrong password"),
        server.sign_in("ada", PASSWORD),
        server.sign_in("ada", "x" * 20_000),
        server.page("/readyz"),
        server.page("/_stcore/health"),
        server.page("/static/no-such-file"),
        server.page("/media/no-such-file"),
        server.ask("PUT", "/sign-in"),
        server.ask("HEAD", "/"),
        server.ask("OPTIONS", "/"),
    ]
    for answer in answers:
        assert {name: answer.headers.get(name.lower()) for name in HEADERS} == HEADERS
        assert answer.status < 500
    assert server.page("/sign-in").headers["cache-control"] == "no-store"


def seen_by(server: Server, token: str | None = None, path: str = "") -> list[str]:
    """Every text that the server sends over its websocket for a page: what gate or not, a script could get."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    headers = {"Cookie": f"{COOKIE}={token}"} if token else {}
    address = f"ws://{server.host}/_stcore/stream"
    origin = f"http://{server.host}"
    texts: list[str] = []
    with connect(address, origin=origin, additional_headers=headers, subprotocols=["streamlit"]) as socket_:
        asked = BackMsg()
        asked.rerun_script.page_name = path
        socket_.send(asked.SerializeToString())
        while True:
            received = socket_.recv(timeout=60)
            message = ForwardMsg()
            message.ParseFromString(received if isinstance(received, bytes) else received.encode())
            texts.append(str(message))
            if message.WhichOneof("type") == "script_finished":
                return texts


@pytest.mark.parametrize(("path", "token"), [("", None), ("ledger", None), ("people", "x")])
def test_a_websocket_without_a_token_is_shown_nothing(server: Server, path: str, token: str | None) -> None:
    said = " ".join(seen_by(server, token, path))
    assert "You are signed out" in said
    for shown in ("engineer", "Fleet", "Verified", "leaver"):
        assert shown not in said


def test_a_websocket_with_a_token_is_shown_the_page(server: Server) -> None:
    token = server.sign_in("ada", PASSWORD).token
    said = " ".join(seen_by(server, token))
    assert "You are signed out" not in said
    assert "Fleet" in said
    assert "engineer" in said
    assert "Verified" in " ".join(seen_by(server, token, "ledger"))
    told = " ".join(seen_by(server, token, "people"))
    assert "Accounts: that is for an admin." in told
    assert "leaver" not in told


def test_a_websocket_of_another_site_is_refused(server: Server) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect

    with (
        pytest.raises(InvalidStatus),
        connect(f"ws://{server.host}/_stcore/stream", origin="http://evil.example", subprotocols=["streamlit"]),
    ):
        pass
