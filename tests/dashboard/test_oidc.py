"""Signing in through a provider, on a real server and with a real provider: who gets in, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests

from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, Actor, UserRole
from core.workspace import Workspace
from dashboard.auth import COOKIE
from dashboard.oidc import FLOW_COOKIE
from tests.dashboard.signing import PASSWORD
from tests.dashboard.test_sign_in import PAGE, Server, free_port, serving
from tests.oidc_provider import SECRET, Provider, providing

ROOT = Actor(name="root", roles=(UserRole.ADMIN,))


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with providing() as provider:
        yield provider


@pytest.fixture
def provider(running: Provider) -> Provider:
    """The provider, which does what it should until a test tells it otherwise."""
    running.tell()
    return running


@pytest.fixture(scope="module")
def server(running: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with people who are tied to the provider: ada by sub, ines by email, a leaver who was retired."""
    folder = tmp_path_factory.mktemp("provided") / "workspace"
    space = Workspace.open(folder)
    space.accounts.add_first(LOCAL_OPERATOR, "root", PASSWORD)
    for name, role in (("ada", UserRole.ENGINEER), ("ines", UserRole.REVIEWER), ("leaver", UserRole.ENGINEER)):
        space.accounts.add(ROOT, name, PASSWORD, roles=[role])
    for name, claim, value in (("ada", "sub", "a1"), ("ines", "email", "ines@example"), ("leaver", "sub", "l1")):
        space.identities.tie(ROOT, name, claim=claim, value=value, issuer=running.issuer)
    space.accounts.disable(ROOT, "leaver")
    space.close()
    running.know("i1", email="ines@example", email_verified=True)
    running.know("i2", email="ines@example", email_verified=False)
    port = free_port()
    settings = running.settings(f"http://127.0.0.1:{port}/sign-in/callback")
    with serving(folder, port=port, settings=settings) as server:
        yield server
    log = (folder / "server.log").read_text()
    assert SECRET not in log, "the log holds the client's secret"


@dataclass(kw_only=True)
class Visitor:
    """A browser without a screen: it keeps cookies, and follows no redirect by itself."""

    server: Server
    provider: Provider
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str) -> requests.Response:
        address = path if "://" in path else f"http://{self.server.host}{path}"
        return self.session.get(address, headers=PAGE, allow_redirects=False, timeout=20)

    def leave(self, target: str = "/", *, again: bool = False) -> str:
        """Begin a sign-in; where the server sends the browser."""
        sent = self.get(f"/sign-in/provider?next={quote(target)}{'&again=1' if again else ''}")
        assert sent.status_code == 303, sent.text
        return sent.headers["Location"]

    def come_in(self, sub: str, target: str = "/", *, again: bool = False) -> requests.Response:
        """Sign in as somebody; what the server says when they come back."""
        return self.get(self.provider.sign_in(self.leave(target, again=again), sub))

    @property
    def actor(self) -> Actor | None:
        """Whom this browser's session stands for."""
        space = Workspace.open(self.server.folder)
        try:
            return space.accounts.owner(ANONYMOUS, self.session.cookies.get(COOKIE, ""))
        finally:
            space.close()


@pytest.fixture
def visitor(server: Server, provider: Provider) -> Iterator[Visitor]:
    visitor = Visitor(server=server, provider=provider)
    yield visitor
    visitor.session.close()


def problem(answer: requests.Response) -> str:
    """What a page says went wrong."""
    assert "Traceback" not in answer.text
    found = re.search(r'<p class="problem" role="alert">(.*?)</p>', answer.text)
    assert found is not None, answer.text
    return found[1]


@pytest.mark.parametrize(("sub", "name", "role"), [("a1", "ada", UserRole.ENGINEER), ("i1", "ines", UserRole.REVIEWER)])
def test_whom_an_administrator_tied_comes_in_with_the_roles_of_their_account(
    visitor: Visitor, sub: str, name: str, role: UserRole
) -> None:
    answer = visitor.come_in(sub, "/drift?model=m&column=a%26b")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/drift?model=m&column=a%26b")
    assert FLOW_COOKIE not in visitor.session.cookies
    actor = visitor.actor
    assert actor is not None
    assert (actor.name, actor.roles) == (name, (role,))
    assert visitor.get("/drift").status_code == 200
