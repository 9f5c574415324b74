"""The server answers with headers that browsers obey, and says when it is ready."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope, Send

from dashboard.asgi import HEADERS, SecurityHeaders, ready

Answer = Callable[[Scope, Receive, Send], Awaitable[None]]


def get(answer: Answer, path: str) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of a GET, asked as a server would."""
    sent: list[Message] = []
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1")],
        "server": ("127.0.0.1", 80),
        "client": ("127.0.0.1", 50000),
    }

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    asyncio.run(answer(scope, receive, send))
    start = sent[0]
    headers = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return start["status"], headers, b"".join(message.get("body", b"") for message in sent[1:])


async def framed(_request: Request) -> Response:
    return PlainTextResponse("own", headers={"X-Frame-Options": "SAMEORIGIN"})


@pytest.fixture
def wrapped() -> Starlette:
    routes = [Route("/readyz", ready), Route("/framed", framed)]
    return Starlette(routes=routes, middleware=[Middleware(SecurityHeaders)])


@pytest.mark.parametrize("path", ["/readyz", "/no-such-page"])
def test_every_answer_has_the_headers(wrapped: Starlette, path: str) -> None:
    _, headers, _ = get(wrapped, path)
    assert {name: headers.get(name.lower()) for name in HEADERS} == HEADERS


def test_readyz_says_that_the_server_answers(wrapped: Starlette) -> None:
    status, _, body = get(wrapped, "/readyz")
    assert (status, body) == (200, b"ready")


def test_an_answer_that_sets_a_header_itself_keeps_it(wrapped: Starlette) -> None:
    assert get(wrapped, "/framed")[1]["x-frame-options"] == "SAMEORIGIN"


def test_other_protocols_pass_unchanged() -> None:
    seen: list[str] = []

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])
        await send({"type": "websocket.accept", "headers": []})

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    asyncio.run(SecurityHeaders(inner)({"type": "websocket"}, receive, send))
    assert seen == ["websocket"]
    assert sent == [{"type": "websocket.accept", "headers": []}]


def test_no_other_site_may_frame_the_dashboard_or_learn_its_addresses() -> None:
    assert HEADERS["X-Frame-Options"] == "DENY"
    assert HEADERS["X-Content-Type-Options"] == "nosniff"
    assert HEADERS["Referrer-Policy"] in ("no-referrer", "same-origin")
