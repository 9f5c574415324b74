"""People who give commands, each with a token of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from tests.command import Ran, run
from tests.governed import PASSWORD

__all__ = ["Person", "receipt_of", "sign_in"]

TOKEN = "PLUMBLINE_TOKEN"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whoever holds a token; without one the local operator."""

    workspace: Path
    token: str | None = field(default=None, repr=False)

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Ran:
        """Give one command."""
        environment = {"PLUMBLINE_WORKSPACE": str(self.workspace), TOKEN: self.token}
        return run(arguments, stdin=stdin, environment=environment)


def sign_in(workspace: Path, name: str, password: str = PASSWORD) -> Person:
    """Sign in by command."""
    ran = Person(workspace=workspace)("login", name, stdin=password.encode() + b"\n")
    assert ran.code == 0, ran.err
    return Person(workspace=workspace, token=ran.out.strip())


def receipt_of(ran: Ran) -> str:
    """The receipt that a command printed."""
    assert ran.code == 0, ran
    return next(line.removeprefix("receipt ") for line in ran.out.splitlines() if line.startswith("receipt "))
