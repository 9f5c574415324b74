"""Whether an ID token of an identity provider can be believed: its signature, for whom it is, and when it was given.

Everything it is held against is an argument, so that nothing of it depends on where or when it is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from core.errors import NotAllowedError, OutsideError

__all__ = ["ALGORITHMS", "LEEWAY", "Identity", "read_id_token"]

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "Ed25519")
KEY_TYPES = ("RSA", "EC", "OKP")  # an `oct` key would be a secret that the provider has published
MIN_RSA = 342  # characters of base64: 2,048 bits
LEEWAY = timedelta(seconds=60)  # by how much two clocks may differ
MAX_AGE = timedelta(minutes=10)  # a token is fetched when it is made: an older one comes from elsewhere
MAX_SECONDS = 2**37  # some 4,000 years: what a date can't hold is no time
MAX_TEXT = 255  # OpenID Connect's own limit of `sub`
AGAIN = "Sign in again; if it happens again, whoever runs Plumbline has to look into it."


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Whom a provider vouches for.

    `email` is None unless the provider says that it verified it; `authenticated_at` is when they proved who they are,
    None where the provider doesn't say.
    """

    issuer: str
    subject: str
    email: str | None
    authenticated_at: datetime | None


def read_id_token(
    token: str, keys: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str, now: datetime
) -> Identity:
    """Whom an ID token vouches for, if all that OpenID Connect asks of it holds.

    Parameters
    ----------
    token : str
        As the token endpoint gave it, a signed JWT.
    keys : mapping
        The provider's JSON Web Key Set.
    issuer, client_id, nonce : str
        What it has to name: the provider, us, and the sign-in that was begun.
    now : datetime
        Aware; the provider's clock may be a minute off.

    Returns
    -------
    Identity

    Raises
    ------
    NotAllowedError
        If anything doesn't hold; the message says what was expected and what came.
    OutsideError
        If the key set holds no key.

    References
    ----------
    OpenID Connect Core 1.0, section 3.1.3.7; RFC 8725 (JSON Web Token Best Current Practices), doi:10.17487/RFC8725.

    Examples
    --------
    >>> from joserfc import jwt
    >>> from joserfc.jwk import ECKey
    >>> key, now = ECKey.generate_key("P-256"), datetime(2026, 5, 4, 9, tzinfo=UTC)
    >>> at = int(now.timestamp())
    >>> claims = {"iss": "them", "sub": "a1", "aud": "us", "nonce": "n", "iat": at, "exp": at + 300}
    >>> token = jwt.encode({"alg": "ES256"}, claims, key)
    >>> keys = {"keys": [key.as_dict(private=False)]}
    >>> read_id_token(token, keys, issuer="them", client_id="us", nonce="n", now=now).subject
    'a1'
    >>> read_id_token(token, keys, issuer="them", client_id="us", nonce="n", now=now + timedelta(hours=1))
    Traceback (most recent call last):
        ...
    core.errors.NotAllowedError: The provider's token held until 2026-05-04 09:05:00 UTC, and it is 2026-05-04 \
10:00:00 UTC. Sign in again; if it happens again, whoever runs Plumbline has to look into it.
    """
    claims = _signed_claims(token, keys)
    _check_parties(claims, issuer=issuer, client_id=client_id, nonce=nonce)
    _check_times(claims, now=now)
    subject, email = claims.get("sub"), claims.get("email")
    if not _is_name(subject):
        raise NotAllowedError(
            f"The provider's token has to say whom it is of (sub), and says {_shown(subject)}. {AGAIN}"
        )
    is_verified = claims.get("email_verified") is True and _is_name(email)
    return Identity(
        issuer=issuer,
        subject=str(subject),
        email=str(email) if is_verified else None,
        authenticated_at=_authenticated_at(claims, now=now),
    )


def _is_name(value: object) -> bool:
    """Whether a text can be somebody's name, which databases can look for."""
    return isinstance(value, str) and 0 < len(value) <= MAX_TEXT and value.isprintable()


def _signed_claims(token: str, keys: Mapping[str, Any]) -> Mapping[str, Any]:
    """The claims, once a key of the provider's proved to have signed them."""
    from joserfc import jws, jwt
    from joserfc.errors import JoseError

    registry = jws.JWSRegistry(algorithms=ALGORITHMS, strict_check_header=False)
    known = _key_set(keys)
    try:
        algorithm = jws.extract_compact(token.encode(), registry=registry).headers().get("alg")
        if algorithm not in ALGORITHMS:
            raise NotAllowedError(
                f"The provider's token has to be signed with one of {', '.join(ALGORITHMS)}, and says "
                f"{_shown(algorithm)}. Set the provider to sign ID tokens with one of these."
            )
        claims: Mapping[str, Any] = jwt.decode(token, known, registry=registry).claims
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise NotAllowedError(
            f"The provider's token has to be signed with one of its keys, and isn't ({type(error).__name__}). {AGAIN}"
        ) from error
    return claims


def _key_set(keys: Mapping[str, Any]) -> Any:
    """The provider's public keys that can have signed; those of other kinds, or broken ones, don't stand in the way."""
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry, KeySet

    listed = keys.get("keys")
    found = []
    for each in listed if isinstance(listed, list) else ():
        if not isinstance(each, dict) or each.get("kty") not in KEY_TYPES or each.get("use", "sig") != "sig":
            continue
        if each["kty"] == "RSA" and len(str(each.get("n", ""))) < MIN_RSA:
            continue
        try:
            key = JWKRegistry.import_key(each)
            key.ensure_kid()
            found.append(key)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    if not found:
        raise OutsideError("The provider publishes no key that it could have signed with: ask whoever runs it.")
    return KeySet(found)


def _check_parties(claims: Mapping[str, Any], *, issuer: str, client_id: str, nonce: str) -> None:
    """Whether a token is by this provider, for us, and for this sign-in."""
    if claims.get("iss") != issuer:
        raise NotAllowedError(f"The token has to be by {issuer}, and says {_shown(claims.get('iss'))}. {AGAIN}")
    audience, party = claims.get("aud"), claims.get("azp")
    audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
    if client_id not in audiences:
        raise NotAllowedError(f"The provider's token has to be for {client_id}, and is for {_shown(audience)}. {AGAIN}")
    if party != client_id and (party is not None or len(audiences) > 1):
        raise NotAllowedError(
            f"The provider's token has to be given to {client_id} (azp), and is given to {_shown(party)}. {AGAIN}"
        )
    if claims.get("nonce") != nonce:
        raise NotAllowedError(f"The provider's token is of another sign-in than the one that was begun here. {AGAIN}")


def _check_times(claims: Mapping[str, Any], *, now: datetime) -> None:
    """Whether a token was made just now and still holds."""
    expires, issued = _seconds(claims, "exp"), _seconds(claims, "iat")
    if now.timestamp() >= expires + LEEWAY.total_seconds():
        raise NotAllowedError(f"The provider's token held until {_instant(expires)}, and it is {_said(now)}. {AGAIN}")
    if not -LEEWAY.total_seconds() <= now.timestamp() - issued <= MAX_AGE.total_seconds():
        raise NotAllowedError(
            f"The provider's token has to be made just now, and was made at {_instant(issued)}; it is {_said(now)}. "
            "Sign in again; if it happens again, one of the two clocks is wrong."
        )
    if "nbf" in claims and _seconds(claims, "nbf") > (now + LEEWAY).timestamp():
        raise NotAllowedError(
            f"The provider's token holds from {_instant(_seconds(claims, 'nbf'))} on, and it is {_said(now)}. {AGAIN}"
        )


def _authenticated_at(claims: Mapping[str, Any], *, now: datetime) -> datetime | None:
    """When whoever it is proved it, which the time when the token was made doesn't say."""
    if claims.get("auth_time") is None:
        return None
    seconds = _seconds(claims, "auth_time")
    if not 0 <= seconds <= (now + LEEWAY).timestamp():
        raise NotAllowedError(
            f"The provider says that you signed in at {_instant(seconds)}, and it is {_said(now)}. "
            "Sign in again; if it happens again, one of the two clocks is wrong."
        )
    return min(datetime.fromtimestamp(seconds, UTC), now)


def _seconds(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < MAX_SECONDS:
        raise NotAllowedError(f"The provider's token has to give {name} in seconds, and says {_shown(value)}. {AGAIN}")
    return float(value)


def _instant(seconds: float) -> str:
    return _said(datetime.fromtimestamp(seconds, UTC))


def _said(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def _shown(value: object) -> str:
    """What came, short enough for a message."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
