"""A command: two programs of your own, one that says what is in force and one that changes it; no shell."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from core.actions.targets import Order, State, Target
from core.actions.targets.transport import VARIABLES, Seconds
from core.errors import InputError, OutsideError

__all__ = ["PROGRAMS", "TARGET", "Command"]

PROGRAMS = "PLUMBLINE_TARGET_PROGRAMS"
MAX_BYTES = 1_000_000
MAX_WORDS = 200


def _checked(argv: tuple[str, ...]) -> tuple[str, ...]:
    if not argv[0] or Path(argv[0]).name != argv[0] or argv[0] in (".", ".."):
        raise ValueError(f"the program is a file's name, without a folder: it lies in the one that {PROGRAMS} names")
    return argv


Argv = Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_checked)]


class Command(Target):
    """`read` prints a JSON object whose `version` is in force (null for none); `put` gets the order as JSON on stdin.

    Only programs in the folder that PLUMBLINE_TARGET_PROGRAMS names are run: who may configure a target in
    Plumbline can't thereby run whatever they like on the machine. Of Plumbline's own variables they see only
    those that begin with PLUMBLINE_TARGET_.
    """

    kind: Literal["command"]
    read_argv: Annotated[Argv, Field(alias="read")]
    put_argv: Annotated[Argv, Field(alias="put")]
    timeout_seconds: Seconds = 60.0
    note: ClassVar[str] = "What serves changes when what the command started has done so."

    @property
    def where(self) -> str:
        """The program that changes it."""
        return f"the command {self.put_argv[0]}"

    def expected(self, version: str | None) -> State:
        """The version by Plumbline's own name."""
        return State(version=version)

    def read(self) -> State:
        """What the program says is in force."""
        printed = self._run(self.read_argv, b"")
        try:
            found = json.loads(printed)
        except (ValueError, RecursionError):
            found = None
        if not isinstance(found, dict) or not isinstance(found.get("version", 0), (str, type(None))):
            raise OutsideError(
                f"{self.read_argv[0]} has to print a JSON object with a version: text, or null for none."
            )
        return State(version=found.pop("version"), details=found)

    def put(self, order: Order) -> None:
        """Run the program that changes it."""
        self._run(self.put_argv, json.dumps(order.to_dict(), sort_keys=True).encode())

    def _run(self, argv: Sequence[str], given: bytes) -> bytes:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PLUMBLINE_") or k.startswith(VARIABLES)}
        try:
            done = subprocess.run(  # noqa: S603 (no shell, and the program lies in a folder that the machine names)
                [_program(argv[0]), *argv[1:]],
                input=given,
                capture_output=True,
                check=False,
                timeout=self.timeout_seconds,
                env=kept,
            )
        except subprocess.TimeoutExpired as error:
            raise OutsideError(f"{argv[0]} was ended after {self.timeout_seconds:g} seconds.") from error
        except OSError as error:
            raise OutsideError(f"{argv[0]} can't be run: {error.strerror}.") from error
        if done.returncode != 0:
            words = " ".join(done.stderr.decode(errors="replace").split())[:MAX_WORDS]
            raise OutsideError(f"{argv[0]} ended with {done.returncode}: {words}")
        if len(done.stdout) > MAX_BYTES:
            raise OutsideError(f"{argv[0]} printed more than {MAX_BYTES:,} bytes.")
        return done.stdout


def _program(name: str) -> str:
    folder = os.environ.get(PROGRAMS, "")
    if not folder:
        raise InputError(f"{PROGRAMS} is not set where this runs: it names the folder of programs that may be run.")
    path = (Path(folder).resolve() / name).resolve()
    if path.parent != Path(folder).resolve():
        raise InputError(f"{name} leads out of the folder that {PROGRAMS} names.")
    return str(path)


TARGET = Command
