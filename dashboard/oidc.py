"""The way in through an identity provider: out to it with a cookie that is good for once, and back with an answer."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from core.errors import NotAllowedError, PlumblineError
from core.governance.identity import ANONYMOUS
from core.services.provider import CALLBACK
from core.services.sign_in_flow import FLOW_LASTS, Flow
from dashboard.auth import COOKIE
from dashboard.opened import workspace
from dashboard.sign_in import PATH, local, sign_in_page, signed_in_answer

__all__ = ["FLOW_COOKIE", "routes"]

T = TypeVar("T")

FLOW_COOKIE = "plumbline_flow"
MAX_TARGET = 1_500  # a cookie holds 4 kB
MAX_COOKIE = 4_096
WAITING = CapacityLimiter(4)  # threads that may wait for the provider: if it hangs, everything else goes on


async def leave(request: Request) -> Response:
    """Send the browser to the provider; with `again`, to prove anew who uses it."""
    target, again = local(request.query_params.get("next", "/")), "again" in request.query_params
    if len(target) > MAX_TARGET:
        target = "/"
    try:
        way = await _waiting(lambda: workspace().identities.begin(ANONYMOUS, again=again))
    except PlumblineError as error:
        return _refused(error, target)
    answer = RedirectResponse(way.url, status_code=303, headers={"Cache-Control": "no-store"})
    answer.set_cookie(
        FLOW_COOKIE,
        _written(way.flow, target, again=again),
        max_age=int(FLOW_LASTS.total_seconds()),
        path=PATH,
        httponly=True,
        samesite="lax",  # strict would not come along from the provider's page
        secure=_is_secure(request),
    )
    return answer


async def come_back(request: Request) -> Response:
    """Let in whom the provider vouches for, or say in words why not."""
    flow, target, again = _read(request.cookies.get(FLOW_COOKIE, ""))
    given = request.query_params
    answer = {name: given[name] for name in ("state", "code", "iss", "error") if len(given.getlist(name)) == 1}
    identities, token = workspace().identities, request.cookies.get(COOKIE, "")
    response: Response
    try:
        if again:
            await _waiting(lambda: identities.confirm(ANONYMOUS, token, flow, answer))
            response = RedirectResponse(target, status_code=303)
        else:
            signed_in = await _waiting(lambda: identities.enter(ANONYMOUS, flow, answer))
            response = signed_in_answer(target, signed_in, is_secure=_is_secure(request))
    except PlumblineError as error:
        response = _refused(error, target)
    response.delete_cookie(FLOW_COOKIE, path=PATH)
    return response


routes = [Route(f"{PATH}/provider", leave, methods=["GET"]), Route(CALLBACK, come_back, methods=["GET"])]


async def _waiting(call: Callable[[], T]) -> T:
    """What a call that waits for the provider gives."""
    return await to_thread.run_sync(call, limiter=WAITING)


def _refused(error: PlumblineError, target: str) -> Response:
    """The sign-in page with what went wrong; the password is the other way in."""
    return sign_in_page(next_=target, problem=str(error), status=403 if isinstance(error, NotAllowedError) else 502)


def _is_secure(request: Request) -> bool:
    return request.url.scheme == "https"


def _written(flow: Flow, target: str, *, again: bool) -> str:
    kept = [flow.state, flow.nonce, flow.verifier, target, again]
    return base64.urlsafe_b64encode(json.dumps(kept).encode()).decode()


def _read(cookie: str) -> tuple[Flow | None, str, bool]:
    """The sign-in that a browser began, where it wanted to go, and whether it was to prove anew who uses it.

    Nothing in it is signed: whoever writes their own cookie signs themselves in, as they could anyhow.
    """
    try:
        kept = json.loads(base64.urlsafe_b64decode(cookie[:MAX_COOKIE]))
        state, nonce, verifier, target, again = kept
        texts = [state, nonce, verifier, target]
        if not all(isinstance(each, str) and each and each.isascii() for each in texts[:3]):
            raise ValueError("no flow of ours")
        return Flow(state=state, nonce=nonce, verifier=verifier), local(str(target)), again is True
    except (ValueError, TypeError, RecursionError):
        return None, "/", False
