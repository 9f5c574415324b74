"""An ID token that OpenID Connect's rules refuse is refused, whatever else is right about it; it is signed here."""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from core.errors import NotAllowedError, OutsideError
from core.governance.oidc import ALGORITHMS, LEEWAY, MAX_AGE, Identity, read_id_token

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
AT = int(NOW.timestamp())
KEYS: dict[str, Key] = {
    "RS": RSAKey.generate_key(2048, auto_kid=True),
    "ES256": ECKey.generate_key("P-256", auto_kid=True),
    "ES384": ECKey.generate_key("P-384", auto_kid=True),
    "ES512": ECKey.generate_key("P-521", auto_kid=True),
    "Ed25519": OKPKey.generate_key("Ed25519", auto_kid=True),
}
KEYS |= {"PS": KEYS["RS"]}
ONE = {"keys": [KEYS["ES256"].as_dict(private=False)]}
PUBLISHED = {"keys": [key.as_dict(private=False) for key in {id(key): key for key in KEYS.values()}.values()]}
RIGHT = {
    "iss": "https://evil",
    "sub": "a1",
    "aud": "us",
    "nonce": "n1",
    "iat": AT,
    "exp": AT + 300,
    "auth_time": AT - 9,
}


def key_of(algorithm: str) -> Key:
    return KEYS.get(algorithm) or KEYS[algorithm[:2]]


def signed(
    algorithm: str = "ES256", *, key: Key | None = None, header: dict[str, Any] | None = None, **say: Any
) -> str:
    """A token that says the right things but for `say`; None leaves a claim out."""
    claims = {name: value for name, value in (RIGHT | say).items() if value is not None}
    key = key or key_of(algorithm)
    return jwt.encode({"alg": algorithm, "kid": key.kid} | (header or {}), claims, key, algorithms=[algorithm])


def read(token: str, keys: Any = PUBLISHED, *, now: datetime = NOW) -> Identity:
    return read_id_token(token, keys, issuer="https://evil", client_id="us", nonce="n1", now=now)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_right_token_is_believed_whatever_key_of_the_provider_signed_it(algorithm: str) -> None:
    authenticated_at = NOW - timedelta(seconds=9)
    expected = Identity(issuer="https://evil", subject="a1", email=None, authenticated_at=authenticated_at)
    assert read(signed(algorithm)) == expected


@pytest.mark.parametrize(
    "say",
    [
        {"aud": ["us"]},
        {"aud": ["them", "us"], "azp": "us"},
        {"azp": "us"},
        {"exp": AT - 59, "iat": AT - 100},
        {"iat": AT + 60},
        {"iat": AT - 600},
        {"nbf": AT + 60},
        {"exp": AT + 0.5},
        {"sub": "x" * 255},
    ],
)
def test_what_openid_connect_allows_is_allowed(say: dict[str, Any]) -> None:
    assert read(signed(**say)).subject == say.get("sub", "a1")


@pytest.mark.parametrize(
    ("say", "words"),
    [
        ({"iss": "https://evil/"}, r"by https://evil, and says 'https://evil/'"),
        ({"iss": None}, "and says nothing"),
        ({"iss": ["https://evil"]}, "and says"),
        ({"aud": "them"}, "for us, and is for 'them'"),
        ({"aud": "us "}, "for us, and is for 'us '"),
        ({"aud": None}, "for us, and is for nothing"),
        ({"aud": {"us": 1}}, "for us, and is for"),
        ({"aud": []}, "for us, and is for"),
        ({"aud": ["us", "them"]}, r"given to us \(azp\), and is given to nothing"),
        ({"azp": "them"}, r"given to us \(azp\), and is given to 'them'"),
        ({"nonce": "n2"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"nonce": ["n1"]}, "another sign-in"),
        ({"exp": AT - 60}, "held until 2026-05-04 09:29:00 UTC, and it is 2026-05-04 09:30:00 UTC"),
        ({"exp": None}, "give exp in seconds, and says nothing"),
        ({"exp": True}, "give exp in seconds, and says True"),
        ({"exp": str(AT + 300)}, "give exp in seconds, and says '"),
        ({"exp": 10**400}, "give exp in seconds"),
        ({"exp": -1}, "give exp in seconds"),
        ({"iat": None}, "give iat in seconds"),
        ({"iat": AT + 61}, "made just now"),
        ({"iat": AT - 601}, "made just now"),
        ({"nbf": AT + 61}, "holds from"),
        ({"nbf": "now"}, "give nbf in seconds"),
        ({"sub": None}, "says nothing"),
        ({"sub": ""}, "whom it is of"),
        ({"sub": 7}, "says 7"),
        ({"sub": "x" * 256}, "whom it is of"),
        ({"sub": "a\0b"}, "whom it is of"),
        ({"sub": "a\nb"}, "whom it is of"),
        ({"auth_time": AT + 61}, "clocks is wrong"),
        ({"auth_time": "now"}, "give auth_time in seconds"),
    ],
)
def test_a_claim_that_does_not_hold_is_refused_and_said(say: dict[str, Any], words: str) -> None:
    with pytest.raises(NotAllowedError, match=words):
        read(signed(**say))


def test_a_number_that_is_none_is_refused() -> None:
    for text in ("NaN", "Infinity", "-Infinity", "1e999"):
        claims = json.dumps(RIGHT).replace(str(AT + 300), text)
        token = by_hand({"alg": "RS256"}, claims.encode(), by_rsa)
        with pytest.raises(NotAllowedError, match="give exp in seconds"):
            read(token, {"keys": [KEYS["RS"].as_dict(private=False)]})


@pytest.mark.parametrize("payload", [b"", b"[]", b"null", b"{", b"\xff", b"[" * 50_000, b'{"sub": "\\ud800"}'])
def test_what_is_signed_and_holds_no_claims_is_refused(payload: bytes) -> None:
    whole = (
        payload.replace(b"{", json.dumps(RIGHT | {"sub": None}).encode()[:-1] + b", ") if b"sub" in payload else payload
    )
    with pytest.raises(NotAllowedError):
        read(by_hand({"alg": "RS256"}, whole, by_rsa), {"keys": [KEYS["RS"].as_dict(private=False)]})


def by_hand(header: dict[str, Any], payload: bytes, sign: Callable[[bytes], bytes] = lambda _: b"") -> str:
    """A token put together without asking whether it should be; its signature is empty by default."""
    parts = [base64.urlsafe_b64encode(part).rstrip(b"=") for part in (json.dumps(header).encode(), payload)]
    signature = sign(b".".join(parts))
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


def by_rsa(content: bytes) -> bytes:
    return JWSRegistry.algorithms["RS256"].sign(content, KEYS["RS"])


@pytest.mark.parametrize(
    "algorithm", ["none", "None", "NONE", "", None, 7, ["RS256"], "HS256", "ES256K", "EdDSA", "dir"]
)
def test_no_other_algorithm_is_believed(algorithm: object) -> None:
    with pytest.raises(NotAllowedError, match="signed with one of"):
        read(by_hand({"alg": algorithm}, json.dumps(RIGHT).encode()))


@pytest.mark.parametrize("secret", ["pem", "modulus", "jwk"])
def test_the_public_key_is_no_secret_to_sign_with(secret: str) -> None:
    public = KEYS["RS"].as_dict(private=False)
    found = {"pem": KEYS["RS"].as_pem(private=False), "modulus": str(public["n"]), "jwk": json.dumps(public)}[secret]
    content = found if isinstance(found, bytes) else found.encode()
    for algorithm, digest in (("HS256", "sha256"), ("HS384", "sha384"), ("HS512", "sha512")):
        header = {"alg": algorithm, "kid": KEYS["RS"].kid}
        token = by_hand(header, json.dumps(RIGHT).encode(), lambda text, by=digest: hmac.digest(content, text, by))
        with pytest.raises(NotAllowedError, match=f"says '{algorithm}'"):
            read(token)
        published = {"kty": "oct", "kid": KEYS["RS"].kid, "k": base64.urlsafe_b64encode(content).decode()}
        with pytest.raises(OutsideError, match="publishes no key"):
            read(token, {"keys": [published]})


def test_a_key_that_the_provider_does_not_publish_signs_nothing() -> None:
    stranger = ECKey.generate_key("P-256", auto_kid=True)
    with pytest.raises(NotAllowedError, match="InvalidKeyIdError"):
        read(signed(key=stranger))
    with pytest.raises(NotAllowedError, match="BadSignatureError"):
        read(signed(key=stranger, header={"kid": KEYS["ES256"].kid}))
    embedded = {"kid": KEYS["ES256"].kid, "jwk": stranger.as_dict(private=False)}
    with pytest.raises(NotAllowedError, match="BadSignatureError"):
        read(signed(key=stranger, header=embedded))
    with pytest.raises(NotAllowedError, match="InvalidKeyTypeError"):
        read(signed(header={"kid": KEYS["RS"].kid}))


def test_a_token_that_names_no_key_is_believed_only_where_there_is_one() -> None:
    token = jwt.encode({"alg": "ES256"}, RIGHT, KEYS["ES256"])
    assert read(token, {"keys": [KEYS["ES256"].as_dict(private=False)]}).subject == "a1"
    with pytest.raises(NotAllowedError, match="InvalidKeyIdError"):
        read(token)


def test_a_key_for_another_use_or_algorithm_signs_nothing() -> None:
    public = KEYS["ES256"].as_dict(private=False)
    with pytest.raises(OutsideError):
        read(signed(), {"keys": [public | {"use": "enc"}]})
    rsa = KEYS["RS"].as_dict(private=False) | {"alg": "RS512"}
    with pytest.raises(NotAllowedError, match="one of its keys"):
        read(signed("RS256"), {"keys": [rsa]})
    assert read(signed("RS512"), {"keys": [rsa]}).subject == "a1"


def test_keys_that_cannot_be_read_do_not_stand_in_the_way_of_those_that_can() -> None:
    broken: list[Any] = [
        {"kty": "RSA", "n": "A" * 400, "e": "!"},
        {"kty": "EC", "crv": "P-999", "x": "a", "y": "b"},
        {"kty": "AKP", "alg": "ML-DSA-44", "pub": "x"},
        {"kty": "EC"},
        {"kid": "x"},
        None,
        [],
    ]
    assert read(signed(), {"keys": [*broken, KEYS["ES256"].as_dict(private=False)]}).subject == "a1"
    for keys in ({"keys": broken}, {"keys": "x"}, {}):
        with pytest.raises(OutsideError, match="no key"):
            read(signed(), keys)


@settings(max_examples=50)
@given(st.integers(min_value=0, max_value=10**6), st.sampled_from(range(256)))
def test_a_token_with_a_byte_changed_is_refused(place: int, byte: int) -> None:
    token = bytearray(signed().encode())
    place %= len(token)
    if token[place] == byte or (place == len(token) - 1):  # the last character's lowest bits are no part of it
        return
    token[place] = byte
    with pytest.raises(NotAllowedError):
        read(token.decode("latin1"), ONE)


@settings(max_examples=50)
@given(st.text(max_size=200))
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(NotAllowedError):
        read(text, ONE)


@settings(max_examples=100)
@given(st.integers(-10_000, 10_000), st.integers(-10_000, 10_000))
def test_a_token_holds_from_its_making_to_its_end_with_a_minute_to_spare(iat: int, exp: int) -> None:
    leeway, age = LEEWAY.total_seconds(), MAX_AGE.total_seconds()
    token = signed(iat=AT + iat, exp=AT + exp)
    if exp > -leeway and -age <= iat <= leeway:
        assert read(token, ONE).subject == "a1"
    else:
        with pytest.raises(NotAllowedError):
            read(token, ONE)


@pytest.mark.parametrize(
    ("say", "email"),
    [
        ({"email": "a@b", "email_verified": True}, "a@b"),
        ({"email": "a@b"}, None),
        ({"email": "a@b", "email_verified": False}, None),
        ({"email": "a@b", "email_verified": "true"}, None),
        ({"email": "a@b", "email_verified": 1}, None),
        ({"email": ["a@b"], "email_verified": True}, None),
        ({"email": "a@b\0", "email_verified": True}, None),
        ({"email_verified": True}, None),
    ],
)
def test_an_email_counts_only_when_the_provider_verified_it(say: dict[str, Any], email: str | None) -> None:
    assert read(signed(**say)).email == email


def test_when_somebody_proved_who_they_are_is_never_taken_from_when_the_token_was_made() -> None:
    assert read(signed(auth_time=None)).authenticated_at is None
    assert read(signed(auth_time=AT - 7200)).authenticated_at == NOW - timedelta(hours=2)
    assert read(signed(auth_time=AT + 30)).authenticated_at == NOW, "a clock that is ahead makes nothing fresher"
