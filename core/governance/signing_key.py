"""The key that signs the ledger's head: Ed25519, read from the environment or a file, never stored nor shown."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import ConflictError, InputError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["FILE_VARIABLE", "KEY_VARIABLE", "SigningKey"]

KEY_VARIABLE = "PLUMBLINE_LEDGER_KEY"
FILE_VARIABLE = "PLUMBLINE_LEDGER_KEY_FILE"
MAX_BYTES = 10_000
OTHERS = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """An Ed25519 key pair; `public` is the half that others check signatures with, 64 hex digits.

    References
    ----------
    RFC 8032 (Edwards-Curve Digital Signature Algorithm), doi:10.17487/RFC8032.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     made = SigningKey.make(Path(folder) / "ledger.pem")
    ...     made.public == SigningKey.read(Path(folder) / "ledger.pem").public, len(made.sign("x"))
    (True, 128)
    """

    public: str
    _private: Ed25519PrivateKey = field(repr=False)

    def sign(self, statement: str) -> str:
        """The signature of a statement, in hex."""
        return self._private.sign(statement.encode()).hex()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> SigningKey | None:
        """The key that the environment holds, or names the file of; None where it does neither."""
        text, path = environment.get(KEY_VARIABLE, ""), environment.get(FILE_VARIABLE, "")
        if text and path:
            raise InputError(f"Both {KEY_VARIABLE} and {FILE_VARIABLE} are set: set one of them.")
        if path:
            return cls.read(Path(path))
        return cls._parsed(text.encode(), KEY_VARIABLE) if text else None

    @classmethod
    def read(cls, path: Path) -> SigningKey:
        """The key in a file that nobody but its owner may read; raises InputError."""
        try:
            with path.open("rb") as file:
                if os.fstat(file.fileno()).st_mode & OTHERS:
                    raise InputError(
                        f"{path} holds a private key and others than its owner may open it: chmod 600 {path}"
                    )
                content = file.read(MAX_BYTES)
        except OSError as error:
            raise InputError(f"The key in {path} can't be read: {error.strerror}.") from error
        return cls._parsed(content, str(path))

    @classmethod
    def make(cls, path: Path) -> SigningKey:
        """Make a new key and write it to a new file that nobody but its owner may read."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        content = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
        except FileExistsError as error:
            raise ConflictError(f"{path} exists already: a key is never written over; name another file.") from error
        except OSError as error:
            raise InputError(f"{path} can't be written: {error.strerror}; name another file.") from error
        return cls.read(path)

    @classmethod
    def _parsed(cls, content: bytes, source: str) -> SigningKey:
        # The message never holds what was found: it may be a key that is merely cut short.
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        try:
            found = load_pem_private_key(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            found = None
        if not isinstance(found, Ed25519PrivateKey):
            raise InputError(
                f"{source} holds no Ed25519 key as PEM without a password; make one with `plumbline ledger key FILE`."
            )
        return cls(public=found.public_key().public_bytes_raw().hex(), _private=found)
