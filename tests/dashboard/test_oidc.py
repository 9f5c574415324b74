"""Signing in through a provider, on a real server and with a real provider: who gets in, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import parse_qs, quote, urlsplit

import pytest
import requests
from playwright.sync_api import expect

from core.governance.identity import ANONYMOUS, WORKER, Actor, UserRole
from core.governance.proposals import ProposalKind, ProposalState
from dashboard.auth import COOKIE
from dashboard.oidc import FLOW_COOKIE
from dashboard.sign_in import sign_in_page
from tests.browser.conftest import StartVisit, browser, start_visit  # noqa: F401 (fixtures)
from tests.dashboard.test_sign_in import PAGE, Server, free_port, serving
from tests.governed import Governed, build
from tests.oidc_provider import SECRET, Provider, providing


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
def governed(running: Provider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """People who are tied to the provider: ada by sub, ines by email, and otto, who was retired."""
    governed = build(tmp_path_factory.mktemp("provided"))
    governed.clock.now = datetime.now(UTC)
    for name, claim, value in (("ada", "sub", "a1"), ("ines", "email", "ines@example"), ("otto", "sub", "o1")):
        governed.workspace.identities.tie(governed.root, name, claim=claim, value=value, issuer=running.issuer)
    governed.workspace.accounts.disable(governed.root, "otto")
    running.know("i1", email="ines@example", email_verified=True)
    running.know("i2", email="ines@example", email_verified=False)
    yield governed
    governed.workspace.close()


@pytest.fixture(scope="module")
def server(running: Provider, governed: Governed) -> Iterator[Server]:
    """A server that people may sign in to through the provider."""
    port, folder = free_port(), governed.workspace.folder
    settings = running.settings(f"http://127.0.0.1:{port}/sign-in/callback")
    with serving(folder, port=port, settings=settings) as server:
        yield server
    log = (folder / "server.log").read_text()
    assert SECRET not in log, "the log holds the client's secret"
    assert "/sign-in/callback?" not in log, "the log holds codes"


@dataclass(kw_only=True)
class Visitor:
    """A browser without a screen: it keeps cookies, and follows no redirect by itself."""

    server: Server
    provider: Provider
    governed: Governed
    session: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str) -> requests.Response:
        address = path if path.startswith("http") else f"http://{self.server.host}{path}"
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
        self.governed.clock.now = datetime.now(UTC)
        return self.governed.workspace.accounts.owner(ANONYMOUS, self.session.cookies.get(COOKIE, ""))


@pytest.fixture
def visitor(server: Server, provider: Provider, governed: Governed) -> Iterator[Visitor]:
    visitor = Visitor(server=server, provider=provider, governed=governed)
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


def test_the_session_is_one_like_a_passwords_and_out_of_reach_of_scripts(visitor: Visitor) -> None:
    visitor.leave()
    cookies = {cookie.name: cookie for cookie in visitor.session.cookies}
    flow = cookies[FLOW_COOKIE]
    assert (flow.path, flow.has_nonstandard_attr("HttpOnly"), flow.secure) == ("/sign-in", True, False)
    assert flow.get_nonstandard_attr("SameSite") == "lax"
    set_cookie = visitor.come_in("a1").headers["Set-Cookie"].lower()
    lasts = re.search(rf"{COOKIE}=.*?max-age=(\d+)", set_cookie)
    assert lasts is not None
    assert 11.9 * 3600 < int(lasts[1]) <= 12 * 3600
    assert set_cookie.count("httponly") >= 1


def test_the_browser_is_sent_out_with_pkce_a_nonce_and_a_state_of_its_own_each_time(visitor: Visitor) -> None:
    first, second = (parse_qs(urlsplit(visitor.leave()).query) for _ in range(2))
    assert first["code_challenge_method"] == ["S256"]
    assert (first["response_type"], first["scope"]) == (["code"], ["openid email"])
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name][0]) >= 43, "256 bits at least"
        assert first[name] != second[name]
    assert not {"prompt", "max_age"} & set(first)
    again = parse_qs(urlsplit(visitor.leave(again=True)).query)
    assert (again["prompt"], again["max_age"]) == (["login"], ["0"])


@pytest.mark.parametrize(("sub", "words"), [("z9", "knows you as z9"), ("i2", "knows you as i2,"), ("A1", "A1")])
def test_whom_nobody_tied_stays_out_and_is_told_whom_to_ask(visitor: Visitor, sub: str, words: str) -> None:
    answer = visitor.come_in(sub)
    assert answer.status_code == 403
    assert words in problem(answer)
    assert "Ask an administrator of Plumbline" in problem(answer)
    assert COOKIE not in visitor.session.cookies


def test_a_retired_account_stays_out(visitor: Visitor) -> None:
    answer = visitor.come_in("o1")
    assert (answer.status_code, COOKIE in visitor.session.cookies) == (403, False)
    assert "otto was ended" in problem(answer)


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"claims": {"nonce": "another"}}, "another sign-in"),
        ({"claims": {"nonce": None}}, "another sign-in"),
        ({"claims": {"aud": "somebody-else"}}, "for plumbline, and is for &#x27;somebody-else&#x27;"),
        ({"claims": {"aud": ["plumbline", "b"], "azp": "b"}}, r"given to plumbline \(azp\)"),
        ({"claims": {"iss": "http://evil"}}, "and says &#x27;http://evil&#x27;"),
        ({"claims": {"exp": {"in": -120}}}, "held until"),
        ({"claims": {"iat": {"in": -7200}}}, "made just now"),
        ({"claims": {"sub": "<script>alert(1)</script>"}}, "&lt;script&gt;"),
        ({"sign": "none"}, "says &#x27;none&#x27;"),
        ({"sign": "hmac"}, "says &#x27;HS256&#x27;"),
        ({"sign": "stranger"}, r"one of its keys, and isn&#x27;t \(BadSignatureError\)"),
    ],
)
def test_a_token_that_does_not_hold_lets_nobody_in(visitor: Visitor, told: dict[str, object], words: str) -> None:
    visitor.provider.tell(**told)
    answer = visitor.come_in("a1")
    assert (answer.status_code, COOKIE in visitor.session.cookies) == (403, False)
    assert re.search(words, problem(answer)), problem(answer)
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"fail": ["/oauth2/token"]}, "answered 500"),
        ({"fail": ["/jwks"]}, "asked for its keys"),
        ({"keys": {"keys": []}}, "publishes no key"),
        ({"keys": {"keys": [{"kty": "oct", "k": "AAAA"}, {"kty": "RSA", "n": "AQAB", "e": "AQAB"}, 7]}}, "no key"),
        ({"keys": []}, "no JSON object"),
        ({"metadata": {"jwks_uri": "file:///etc/passwd"}}, "gives no jwks_uri"),
        ({"metadata": {"token_endpoint": "http://evil/token"}}, "gives no token_endpoint"),
        ({"metadata": {"issuer": "http://evil"}}, "calls itself http://evil"),
    ],
)
def test_a_provider_that_fails_lets_nobody_in_and_is_named_in_words(
    visitor: Visitor, told: dict[str, object], words: str
) -> None:
    way = visitor.leave()
    back = visitor.provider.sign_in(way, "a1")
    visitor.provider.tell(**told)
    answer = visitor.get(back)
    assert (answer.status_code, COOKIE in visitor.session.cookies) == (502, False)
    assert words in problem(answer)


def test_a_provider_that_is_down_is_said_on_the_way_out(visitor: Visitor) -> None:
    visitor.provider.tell(fail=["/.well-known/openid-configuration"])
    answer = visitor.get("/sign-in/provider")
    assert (answer.status_code, answer.cookies.get(FLOW_COOKIE)) == (502, None)
    assert "Example &amp; Co answered 500 when asked for its configuration." in problem(answer)


def test_a_way_back_is_good_for_once_and_in_its_own_browser_only(visitor: Visitor, server: Server) -> None:
    way = visitor.leave()
    kept = visitor.session.cookies[FLOW_COOKIE]
    back = visitor.provider.sign_in(way, "a1")
    stranger = Visitor(server=server, provider=visitor.provider, governed=visitor.governed)
    assert "begun in this browser" in problem(stranger.get(back))
    stranger.leave()
    assert "begun in this browser" in problem(stranger.get(back)), "nor in one that began another"
    assert visitor.get(back).status_code == 303
    visitor.session.cookies.clear()
    assert "begun in this browser" in problem(visitor.get(back))
    visitor.session.cookies.set(FLOW_COOKIE, kept, domain="127.0.0.1", path="/sign-in")
    assert "good for once" in problem(visitor.get(back))
    assert COOKIE not in visitor.session.cookies
    stranger.session.close()


def test_a_code_or_an_answer_of_somebody_else_is_refused(visitor: Visitor) -> None:
    stolen = parse_qs(urlsplit(visitor.provider.sign_in(visitor.leave(), "a1")).query)["code"][0]
    state = parse_qs(urlsplit(visitor.leave()).query)["state"][0]
    assert "refused the code" in problem(visitor.get(f"/sign-in/callback?state={state}&code={stolen}")), "PKCE"
    state = parse_qs(urlsplit(visitor.leave()).query)["state"][0]
    mixed_up = visitor.get(f"/sign-in/callback?state={state}&code=x&iss=http://evil")
    assert "isn&#x27;t by the provider" in problem(mixed_up)
    visitor.provider.tell(metadata={"authorization_response_iss_parameter_supported": True})
    assert "isn&#x27;t by the provider" in problem(visitor.come_in("a1")), "it promised to say that it is by itself"
    visitor.provider.tell()
    state = parse_qs(urlsplit(visitor.leave()).query)["state"][0]
    denied = visitor.get(f"/sign-in/callback?state={state}&error=access_denied")
    assert "let nobody in: access_denied" in problem(denied)
    assert visitor.get(f"/sign-in/callback?state={state}&state={state}&code=x").status_code == 403
    assert COOKIE not in visitor.session.cookies


@pytest.mark.parametrize("target", ["//evil", "https://evil", "/\\evil", "http://[", "/" + "x" * 5_000])
def test_nobody_is_sent_to_another_site_on_the_way_back(visitor: Visitor, target: str) -> None:
    assert visitor.come_in("a1", target).headers["Location"] == "/"


@pytest.mark.parametrize("cookie", ["", "x", "e30=", "bnVsbA==", "WzEsMiwzLDQsNV0=", "A" * 5_000, "WyJcdWQ4MDAiXQ=="])
def test_a_cookie_that_is_none_of_ours_is_no_way_in(visitor: Visitor, cookie: str) -> None:
    answer = visitor.get("/sign-in/callback?state=x&code=y")
    assert answer.status_code == 403
    headers = PAGE | {"Cookie": f"{FLOW_COOKIE}={cookie}"}
    assert visitor.server.ask("GET", "/sign-in/callback?state=x&code=y", headers=headers).status == 403


def test_the_page_offers_the_provider_beside_the_password(visitor: Visitor) -> None:
    page = visitor.get("/sign-in?next=/drift%3Fmodel%3Dm").text
    assert "Sign in with Example &amp; Co" in page
    assert 'href="/sign-in/provider?next=/drift%3Fmodel%3Dm"' in page
    assert 'name="password"' in page
    assert SECRET not in page


def test_a_provider_that_is_set_up_in_part_is_said_and_not_offered(
    governed: Governed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBLINE_WORKSPACE", str(governed.workspace.folder))
    monkeypatch.setenv("PLUMBLINE_OIDC_ISSUER", "https://evil")
    page = bytes(sign_in_page(next_="/").body).decode()
    assert "takes PLUMBLINE_OIDC_CLIENT_ID, PLUMBLINE_OIDC_CLIENT_SECRET, PLUMBLINE_OIDC_REDIRECT too" in page
    assert "/sign-in/provider" not in page
    assert 'name="password"' in page
    monkeypatch.delenv("PLUMBLINE_OIDC_ISSUER")
    assert "/sign-in/provider" not in bytes(sign_in_page(next_="/").body).decode()


def test_a_fresh_sign_in_counts_when_the_provider_says_when_it_was(visitor: Visitor) -> None:
    visitor.provider.tell(claims={"auth_time": {"in": -3600}})
    visitor.come_in("a1")
    before, token = visitor.actor, visitor.session.cookies[COOKIE]
    visitor.provider.tell()
    assert visitor.come_in("a1", "/review?proposal=7", again=True).headers["Location"] == "/review?proposal=7"
    after = visitor.actor
    assert before is not None
    assert after is not None
    assert before.signed_in_at is not None
    assert after.signed_in_at is not None
    assert (after.signed_in_at - before.signed_in_at).total_seconds() > 3500
    assert visitor.session.cookies[COOKIE] == token, "the session goes on, in other tabs too"


@pytest.mark.parametrize(
    ("sub", "claims", "words"),
    [
        ("a1", {"auth_time": None}, "say when you proved who you are"),
        ("a1", {"auth_time": {"in": -3600}}, "not again now"),
        ("i1", {}, "vouches for ines, whose session this isn"),
    ],
)
def test_a_fresh_sign_in_by_nobody_knows_when_or_by_somebody_else_counts_for_nothing(
    visitor: Visitor, sub: str, claims: dict[str, object], words: str
) -> None:
    visitor.provider.tell(claims={"auth_time": None})
    visitor.come_in("a1")
    before = visitor.actor
    assert before is not None
    assert before.signed_in_at is None
    visitor.provider.tell(claims=claims)
    answer = visitor.come_in(sub, again=True)
    assert answer.status_code == 403
    assert words in problem(answer)
    assert visitor.actor == before


@pytest.mark.browser
def test_a_browser_comes_in_and_signs_once_the_provider_says_who_it_is_just_now(
    server: Server,
    provider: Provider,
    governed: Governed,
    start_visit: StartVisit,  # noqa: F811 (a fixture)
) -> None:
    governed.clock.now = datetime.now(UTC)
    asked = governed.propose(ProposalKind.PROMOTE, "v2")
    provider.tell(claims={"auth_time": {"in": -3600}})
    visit = start_visit(f"http://{server.host}")
    page = visit.page
    page.goto(f"http://{server.host}/review?proposal={asked}")
    page.get_by_role("link", name="Sign in with Example & Co").click()
    page.locator("input[name=sub]").fill("i1")
    page.get_by_role("button", name="Authorize").click()
    visit.settled()
    page.get_by_text("Approve", exact=True).click()
    page.get_by_label("Reason").fill("I looked at all of it")
    provider.tell()
    with page.expect_popup() as opened:
        page.get_by_role("link", name="Or sign in again with Example & Co").click()
    other = opened.value
    other.locator("input[name=sub]").fill("i1")
    other.get_by_role("button", name="Authorize").click()
    expect(other.get_by_text("Signing as ines, reviewer.")).to_be_visible()
    assert other.url.endswith(f"/review?proposal={asked}")
    expect(other.get_by_label("Your password")).to_have_count(0)
    page.get_by_role("button", name="Sign", exact=True).click()
    expect(page.get_by_text("It is approved; its job waits")).to_be_visible()
    assert governed.workspace.proposals.show(WORKER, asked).state is not ProposalState.OPEN
