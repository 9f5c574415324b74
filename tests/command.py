"""Commands run as a person runs them, inside the test's process."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from core.cli import main


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout; fails if there is anything beside it."""
        return json.loads(self.out)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandLine:
    """`plumbline` on one workspace."""

    workspace: Path

    def __call__(self, *arguments: object, stdin: bytes = b"") -> Ran:
        """Run one command; the workspace goes in as the environment names it."""
        return run(arguments, stdin=stdin, environment={"PLUMBLINE_WORKSPACE": str(self.workspace)})


def run(
    arguments: Sequence[object],
    *,
    stdin: bytes = b"",
    environment: dict[str, str] | None = None,
    encoding: str = "utf-8",
) -> Ran:
    """Run one command through `main`, which turns errors into messages and exit codes."""
    code: object = 0
    with CliRunner(charset=encoding).isolation(input=stdin, env=environment) as (out, err, _):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as ended:
            code = ended.code or 0
        sys.stdout.flush()
        sys.stderr.flush()
        printed, complained = out.getvalue().decode(encoding), err.getvalue().decode(encoding)
    assert isinstance(code, int)
    return Ran(code=code, out=printed, err=complained)
