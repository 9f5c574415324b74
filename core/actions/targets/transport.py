"""HTTP to targets: no redirects, bounded answers, and errors that name the host and never a credential."""

from __future__ import annotations

import http.client
import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from core.errors import InputError, OutsideError

__all__ = ["VARIABLES", "Answer", "Seconds", "Url", "Variable", "ask", "is_private", "secret_in"]

VARIABLES = "PLUMBLINE_TARGET_"
MAX_BYTES = 1_000_000
MAX_WORDS = 200


def _checked(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https://")
    if parts.username or parts.password or parts.query or parts.fragment or not url.isprintable() or " " in url:
        raise ValueError("may hold no user, password, query or fragment: credentials come from the environment")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_checked)]
Variable = Annotated[str, Field(pattern=rf"^{VARIABLES}[A-Z0-9_]+$")]
Seconds = Annotated[float, Field(gt=0, le=3600)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a server answered."""

    status: int
    body: bytes

    @property
    def is_fine(self) -> bool:
        """Whether the status says that it was done."""
        return 200 <= self.status < 300

    def json(self, where: str) -> Mapping[str, Any]:
        """The body as a JSON object; raises OutsideError."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict):
            raise OutsideError(f"{where} answered {self.status} with no JSON object.")
        return found

    def words(self) -> str:
        """The beginning of the body, for a message."""
        text = " ".join(self.body.decode(errors="replace").split())
        return text if len(text) <= MAX_WORDS else f"{text[:MAX_WORDS]}…"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect would carry credentials to another host: it is an answer like any other, and no success."""

    def redirect_request(self, *_: object) -> None:
        return None


def ask(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout: float = 20.0,
) -> Answer:
    """Ask a server, and give back what it answered, whatever the status; raises OutsideError if it doesn't."""
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))  # noqa: S310
    opener = urllib.request.build_opener(_NoRedirects)
    try:
        with opener.open(request, timeout=timeout) as answer:
            return Answer(status=answer.status, body=_read(answer, url))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(status=error.code, body=_read(error, url))
    except (urllib.error.URLError, OSError, http.client.HTTPException) as error:
        _failed(url, error)


def secret_in(variable: str) -> str:
    """The credential in an environment variable; raises InputError where there is none."""
    value = os.environ.get(variable, "")
    if not value.strip():
        raise InputError(f"{variable} is not set where this runs: it has to hold the target's credential.")
    return value.strip()


def is_private(url: str) -> bool:
    """Whether what is sent there can't be read on the way: TLS, or this machine itself.

    Examples
    --------
    >>> is_private("https://evil"), is_private("http://127.0.0.1:5000"), is_private("http://evil")
    (True, True, False)
    """
    parts = urlsplit(url)
    try:
        is_here = parts.hostname == "localhost" or ip_address(parts.hostname or "").is_loopback
    except ValueError:
        is_here = False
    return parts.scheme == "https" or is_here


def _read(answer: Any, url: str) -> bytes:
    content: bytes = answer.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise OutsideError(f"{_host(url)} answered with more than {MAX_BYTES:,} bytes.")
    return content


def _failed(url: str, error: Exception) -> NoReturn:
    reason = getattr(error, "reason", None) or error
    raise OutsideError(f"{_host(url)} doesn't answer: {reason}.") from error


def _host(url: str) -> str:
    return urlsplit(url).netloc
