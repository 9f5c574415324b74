"""The identity provider that people may sign in through: OpenID Connect's authorization code flow with PKCE.

Which one it is, and our secret there, come from the environment; they are never stored, shown or logged. What the
provider says of itself and its keys is asked anew at every sign-in, so that a key it changed counts at once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus, urlsplit

from core.actions.targets.transport import Answer, ask, is_private
from core.errors import InputError, NotAllowedError, OutsideError

__all__ = ["CALLBACK", "Provider", "Redeemed"]

PREFIX = "PLUMBLINE_OIDC_"
NEEDED = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET", "REDIRECT")
CALLBACK = "/sign-in/callback"
SCOPE = "openid email"
PATIENCE = 10.0  # seconds for an answer
MAX_NAME = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Redeemed:
    """What a provider gave for a code: an ID token that nobody has checked yet, and the keys to check it by."""

    id_token: str = field(repr=False)
    keys: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An identity provider; `name` is what the sign-in page calls it, `redirect` where it sends people back to."""

    issuer: str
    client_id: str
    redirect: str
    name: str
    _secret: str = field(repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Provider | None:
        """The provider that the environment names; None where it names none.

        Raises
        ------
        InputError
            If it says a part only, or what can't be used.

        Examples
        --------
        >>> Provider.from_environment({}) is None
        True
        >>> Provider.from_environment({"PLUMBLINE_OIDC_ISSUER": "https://evil"})
        Traceback (most recent call last):
            ...
        core.errors.InputError: To sign in through a provider takes PLUMBLINE_OIDC_CLIENT_ID, \
PLUMBLINE_OIDC_CLIENT_SECRET, PLUMBLINE_OIDC_REDIRECT too: set them where Plumbline runs, or none of them.
        """
        said = {name: environment.get(PREFIX + name, "").strip() for name in (*NEEDED, "NAME")}
        if not any(said[name] for name in NEEDED):
            return None
        missing = [PREFIX + name for name in NEEDED if not said[name]]
        if missing:
            raise InputError(
                f"To sign in through a provider takes {', '.join(missing)} too: set them where Plumbline runs, or none "
                "of them."
            )
        issuer, redirect = said["ISSUER"], said["REDIRECT"]
        for variable, url in (("ISSUER", issuer), ("REDIRECT", redirect)):
            if not _is_safe(url) or urlsplit(url).query or urlsplit(url).fragment:
                raise InputError(f"{PREFIX}{variable} has to be an https address (http on this machine only).")
        if not urlsplit(redirect).path.endswith(CALLBACK):
            raise InputError(f"{PREFIX}REDIRECT has to be Plumbline's own address with {CALLBACK} at its end.")
        return cls(
            issuer=issuer,
            client_id=said["CLIENT_ID"],
            redirect=redirect,
            name=(said["NAME"] or str(urlsplit(issuer).hostname))[:MAX_NAME],
            _secret=said["CLIENT_SECRET"],
        )

    def way(self, *, state: str, nonce: str, verifier: str, again: bool) -> str:
        """Where a browser is sent to sign in; `again` asks for a proof even of whoever is signed in there."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
        from authlib.oauth2.rfc7636 import create_s256_code_challenge

        url: str = prepare_grant_uri(
            self._endpoint(self._metadata(), "authorization_endpoint"),
            self.client_id,
            "code",
            redirect_uri=self.redirect,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
            **({"prompt": "login", "max_age": "0"} if again else {}),
        )
        return url

    def redeem(self, answer: Mapping[str, str], *, verifier: str) -> Redeemed:
        """Exchange the code that a browser came back with.

        Raises
        ------
        NotAllowedError
            If the provider let nobody in, refuses the code, or the answer is another's.
        OutsideError
            If it doesn't answer as OpenID Connect asks.
        """
        metadata = self._metadata()
        by, is_promised = answer.get("iss"), metadata.get("authorization_response_iss_parameter_supported") is True
        if by != self.issuer and (by is not None or is_promised):
            raise NotAllowedError("This answer isn't by the provider that Plumbline sent you to. Sign in again.")
        if "error" in answer:
            raise NotAllowedError(f"The provider let nobody in: {_word(answer['error'])}. Sign in again.")
        if not answer.get("code"):
            raise NotAllowedError("The provider sent no code along. Sign in again.")
        id_token = self._id_token(metadata, answer["code"], verifier)
        keys = self._get(self._endpoint(metadata, "jwks_uri"), "its keys")
        return Redeemed(id_token=id_token, keys=keys)

    def _id_token(self, metadata: Mapping[str, Any], code: str, verifier: str) -> str:
        from authlib.oauth2.auth import ClientAuth
        from authlib.oauth2.rfc6749.parameters import prepare_token_request

        methods = metadata.get("token_endpoint_auth_methods_supported")
        if not isinstance(methods, list) or "client_secret_basic" in methods or "client_secret_post" not in methods:
            # RFC 6749, section 2.3.1: both are encoded before they are joined.
            client = ClientAuth(quote_plus(self.client_id), quote_plus(self._secret), "client_secret_basic")
        else:
            client = ClientAuth(self.client_id, self._secret, "client_secret_post")
        url, headers, body = client.prepare(
            "POST",
            self._endpoint(metadata, "token_endpoint"),
            {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"},
            prepare_token_request("authorization_code", redirect_uri=self.redirect, code=code, code_verifier=verifier),
        )
        answer = ask("POST", url, headers=headers, body=body.encode(), timeout=PATIENCE)
        said = self._json(answer, "the code")
        if not answer.is_fine:
            raise NotAllowedError(f"The provider refused the code: {_word(said.get('error'))}. Sign in again.")
        token = said.get("id_token")
        if not isinstance(token, str):
            raise OutsideError(f"{self.name} gave no ID token: it has to be set up for OpenID Connect.")
        return token

    def _metadata(self) -> Mapping[str, Any]:
        """What the provider says of itself; that it names another issuer would be the beginning of a mix-up."""
        found = self._get(f"{self.issuer.rstrip('/')}/.well-known/openid-configuration", "its configuration")
        if found.get("issuer") != self.issuer:
            raise OutsideError(
                f"{PREFIX}ISSUER is {self.issuer}, and the provider there calls itself {_word(found.get('issuer'))}: "
                "the two have to be the same, to the last slash."
            )
        return found

    def _endpoint(self, metadata: Mapping[str, Any], name: str) -> str:
        url = metadata.get(name)
        if not isinstance(url, str) or not _is_safe(url):
            raise OutsideError(f"{self.name} gives no {name} that is an https address (http on this machine only).")
        return url

    def _get(self, url: str, what: str) -> Mapping[str, Any]:
        answer = ask("GET", url, headers={"Accept": "application/json"}, timeout=PATIENCE)
        if not answer.is_fine:
            raise OutsideError(f"{self.name} answered {answer.status} when asked for {what}.")
        return self._json(answer, what)

    def _json(self, answer: Answer, what: str) -> Mapping[str, Any]:
        return answer.json(f"{self.name}, asked for {what},")


def _is_safe(url: str) -> bool:
    """Whether it is http or https, and can't be read on the way."""
    try:
        parts = urlsplit(url)
        is_plain = url.isascii() and url.isprintable() and " " not in url and parts.username is None
        return is_plain and parts.scheme in ("http", "https") and bool(parts.hostname) and is_private(url)
    except ValueError:
        return False


def _word(value: object) -> str:
    """A short word of the provider's; what isn't one is left out."""
    text = str(value)
    return (
        text if isinstance(value, str) and text.isascii() and text.isprintable() and len(text) <= 200 else "no reason"
    )
