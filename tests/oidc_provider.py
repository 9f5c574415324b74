"""oidc-provider-mock as a process, with what it lacks: it checks PKCE and the redirect address, tells when somebody
signed in (auth_time), and can be told to send what no provider should.

It prints its address. `PUT /told` with a JSON object tells it what to do until it is told otherwise:

* `claims`: what the ID token says instead, None to leave it out; times in seconds from now: `{"exp": {"in": -3600}}`
* `sign`: none (alg none), hmac (HS256 with the public key as the secret), stranger (a key that it doesn't publish)
* `metadata`, `keys`: what it says of itself and its keys instead
* `fail`: the paths that it answers with status 500
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote_plus, urlsplit

import requests

__all__ = ["CLIENT", "Provider", "providing"]

ROOT = Path(__file__).resolve().parents[1]
CLIENT, SECRET = "plumbline", "a secret + of / ours %41"
TOKEN, AUTHORIZE = "/oauth2/token", "/oauth2/authorize"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A provider that runs."""

    issuer: str

    def tell(self, **what: Any) -> None:
        """Say what it is to do from now on; nothing for what it should."""
        requests.put(f"{self.issuer}/told", json=what, timeout=20).raise_for_status()

    def know(self, sub: str, **claims: Any) -> None:
        """Let it know somebody."""
        requests.put(f"{self.issuer}/users/{sub}", json=claims, timeout=20).raise_for_status()

    def sign_in(self, url: str, sub: str) -> str:
        """Sign in there as somebody, at the address that Plumbline sent the browser to; where it sends them back."""
        answer = requests.post(url, data={"sub": sub}, allow_redirects=False, timeout=20)
        assert answer.status_code == 302, answer.text
        return answer.headers["Location"]

    def settings(self, redirect: str) -> dict[str, str]:
        """The environment of a Plumbline that people sign in to through it."""
        return {
            "PLUMBLINE_OIDC_ISSUER": self.issuer,
            "PLUMBLINE_OIDC_CLIENT_ID": CLIENT,
            "PLUMBLINE_OIDC_CLIENT_SECRET": SECRET,
            "PLUMBLINE_OIDC_REDIRECT": redirect,
            "PLUMBLINE_OIDC_NAME": "Example & Co",
        }


@contextmanager
def providing() -> Iterator[Provider]:
    """A provider in a process of its own; it sees nothing of ours."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.oidc_provider"]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PLUMBLINE_")}
    process = subprocess.Popen(
        command, cwd=ROOT, env=kept, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout is not None
        yield Provider(issuer=process.stdout.readline().strip())
    finally:
        process.terminate()
        process.wait(timeout=20)
        process.stdout.close()


def app() -> Any:  # noqa: C901 (what it is told is kept in one place)
    """The provider's program."""
    import flask
    import oidc_provider_mock
    from joserfc import jwt
    from joserfc.jwk import RSAKey

    app = oidc_provider_mock.app()
    told: dict[str, Any] = {}
    asked: dict[str, dict[str, str]] = {}  # by code: what the browser was sent with

    @app.put("/told")
    def tell() -> tuple[str, int]:
        told.clear()
        told.update(flask.request.json)
        return "", 204

    @app.before_request
    def check() -> Any:
        request = flask.request
        if request.path in told.get("fail", ()):
            return "out of order", 500
        if request.path != TOKEN:
            return None
        begun = asked.pop(request.form.get("code", ""), {})
        challenge = hashlib.sha256(request.form.get("code_verifier", "").encode()).digest()
        is_ours = base64.b64decode(request.headers["Authorization"].split()[1]) == _encoded(CLIENT, SECRET)
        right = _base64(challenge).decode() == begun.get("code_challenge")
        same = request.form.get("redirect_uri") == begun.get("redirect_uri")
        if not (is_ours and right and same and begun.get("code_challenge_method") == "S256"):
            return {"error": "invalid_grant"}, 400
        return None

    @app.after_request
    def change(response: Any) -> Any:
        path = flask.request.path
        if path == AUTHORIZE and "Location" in response.headers:
            code = parse_qs(urlsplit(response.headers["Location"]).query).get("code", [""])[0]
            asked[code] = flask.request.args.to_dict()
        elif path == TOKEN and response.status_code == 200:
            said = response.get_json()
            said["id_token"] = signed(said["id_token"])
            response.set_data(json.dumps(said))
        elif path == "/.well-known/openid-configuration" and response.status_code == 200:
            response.set_data(json.dumps(response.get_json() | told.get("metadata", {})))
        elif path == "/jwks" and "keys" in told:
            response.set_data(json.dumps(told["keys"]))
        return response

    def signed(token: str) -> str:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        now = int(time.time())
        for name, value in ({"auth_time": {"in": 0}} | told.get("claims", {})).items():
            claims[name] = now + value["in"] if isinstance(value, dict) else value
            if value is None:
                del claims[name]
        key = RSAKey.import_key(flask.g.oidc_provider_mock_storage.jwk.as_dict(is_private=True))
        how = told.get("sign")
        if how in ("none", "hmac"):  # no library signs like that: by hand
            header = {"alg": "none" if how == "none" else "HS256", "kid": key.kid}
            content = b".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
            mac = hmac.digest(key.as_pem(private=False), content, "sha256")
            return b".".join([content, b"" if how == "none" else _base64(mac)]).decode()
        signer = RSAKey.generate_key(2048) if how == "stranger" else key
        return jwt.encode({"alg": "RS256", "kid": key.kid}, claims, signer)

    return app


def _base64(content: bytes) -> bytes:
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def _encoded(client: str, secret: str) -> bytes:
    """RFC 6749, section 2.3.1: both are form-encoded before they are joined."""
    return f"{quote_plus(client)}:{quote_plus(secret)}".encode()


def main() -> None:
    """Serve it on a free port of this machine until it is ended."""
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, app(), threaded=True)
    sys.stdout.write(f"http://127.0.0.1:{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
