"""The way in: a page without a script, a form that sets the cookie, and a gate before everything else."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import InputError, NotAllowedError
from core.governance.identity import ANONYMOUS, Right
from core.services.accounts import SignedIn
from dashboard.auth import COOKIE, actor_of
from dashboard.opened import workspace

__all__ = ["PATH", "Gate", "local", "routes", "sign_in_page", "signed_in_answer"]

PATH = "/sign-in"
MAX_BODY = 10_000
OPEN = ("/_stcore/", "/static/", "/readyz", PATH, "/favicon", "/component/", "/media/")
MARK = re.compile(r"\{\{(next|name|problem|provider)\}\}")
PAGE = Path(__file__).with_name("sign_in.html")
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'; img-src data:",
    "Cache-Control": "no-store",
}


class Gate:
    """Sends browsers that ask for a page, and aren't signed in, to the sign-in page."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request pass, or answer with the way to the sign-in page."""
        if scope["type"] == "http" and _asks_for_page(Request(scope)):
            request = Request(scope)
            actor = await run_in_threadpool(actor_of, request.cookies)
            if not actor.may(Right.READ):
                wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
                await RedirectResponse(f"{PATH}?next={quote(wanted)}", status_code=303)(scope, receive, send)
                return
        await self.app(scope, receive, send)


async def show(request: Request) -> Response:
    """The sign-in page."""
    return sign_in_page(next_=local(request.query_params.get("next", "/")))


async def enter(request: Request) -> Response:
    """Check name and password and set the cookie; only for forms of this very site."""
    if not _is_same_origin(request):
        return sign_in_page(next_="/", problem="This form came from another site; sign in here.", status=403)
    body = await _body(request)
    if body is None:
        return sign_in_page(next_="/", problem="That was too long.", status=413)
    fields = {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}
    name, password = fields.get("name", "").strip(), fields.get("password", "")
    target = local(fields.get("next", "/"))
    try:
        signed_in = await run_in_threadpool(workspace().accounts.sign_in, ANONYMOUS, name, password)
    except NotAllowedError as error:
        return sign_in_page(next_=target, name=name, problem=str(error), status=403)
    return signed_in_answer(target, signed_in, is_secure=request.url.scheme == "https")


def signed_in_answer(target: str, signed_in: SignedIn, *, is_secure: bool) -> Response:
    """The cookie of a session, and the way to the page that was asked for."""
    answer = RedirectResponse(target, status_code=303)
    answer.set_cookie(
        COOKIE,
        signed_in.token,
        max_age=int((signed_in.expires_at - datetime.now(UTC)).total_seconds()),
        httponly=True,
        samesite="lax",
        secure=is_secure,
    )
    return answer


routes = [Route(PATH, show, methods=["GET"]), Route(PATH, enter, methods=["POST"])]


def _asks_for_page(request: Request) -> bool:
    path = request.url.path
    return request.method == "GET" and not path.startswith(OPEN) and "text/html" in request.headers.get("accept", "")


def _is_same_origin(request: Request) -> bool:
    """Whether a form was sent by a page of this site; browsers name the origin with every POST."""
    parts = _parts(request.headers.get("origin", ""))
    return parts is not None and bool(parts.netloc) and parts.netloc == request.headers.get("host")


def local(target: str) -> str:
    """A path of this site, or its start: nobody is sent elsewhere by a link."""
    parts = _parts(target)
    if parts is None or parts.netloc or parts.scheme or not target.isprintable():
        return "/"
    return target if target.startswith("/") and not target.startswith(("//", "/\\")) else "/"


def _parts(address: str) -> SplitResult | None:
    """An address taken apart; None if it is none, such as `http://[`."""
    try:
        return urlsplit(address)
    except ValueError:
        return None


async def _body(request: Request) -> bytes | None:
    """The request's body; None if it is too long to be a form of ours."""
    received = b""
    async for chunk in request.stream():
        received += chunk
        if len(received) > MAX_BODY:
            return None
    return received


def sign_in_page(*, next_: str, name: str = "", problem: str = "", status: int = 200) -> Response:
    """The page with the form, and the way to the provider if one is set up; `problem` in words."""
    try:
        provider = workspace().identities.provider(ANONYMOUS)
    except InputError as error:
        provider, problem = None, problem or str(error)
    texts = {
        "next": html.escape(next_),
        "name": html.escape(name),
        "problem": f'<p class="problem" role="alert">{html.escape(problem)}</p>' if problem else "",
        "provider": "" if provider is None else _way(provider, next_),
    }
    page = PAGE.read_text(encoding="utf-8")
    filled = MARK.sub(lambda mark: texts[mark[1]], page)  # all at once: what is filled in may look like a mark
    return HTMLResponse(filled, status_code=status, headers=HEADERS)


def _way(provider: str, next_: str) -> str:
    """The link to the provider, below the form."""
    href = html.escape(f"{PATH}/provider?next={quote(next_)}")
    return f'<p class="or">or</p><a class="provider" href="{href}">Sign in with {html.escape(provider)}</a>'
