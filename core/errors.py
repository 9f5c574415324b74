"""Every error Plumbline raises on purpose, in one tree.

* PlumblineError
  x InputError (ValueError)           what was given can't be used; exit code 2
    + SchemaError                     a schema or recipe with keys that are wrong or missing
    + FileFormatError                 a file that can't be read as what it should be
    + UnknownNameError (LookupError)  a model, column, version, batch ... that doesn't exist
    + ConflictError                   it exists already, or somebody changed it meanwhile
  x NotAllowedError (PermissionError) the actor lacks the right; exit code 1
    + SignInAgainError                the sign-in is too old to sign with: the same again after giving the password
  x BinMismatchError (ValueError)     two count tables that don't share their bins
  x OutsideError                      a database, disk or other system failed; exit code 3

A message names the thing, what was expected, what came, and the way out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

__all__ = [
    "BinMismatchError",
    "ConflictError",
    "FileFormatError",
    "InputError",
    "NotAllowedError",
    "OutsideError",
    "PlumblineError",
    "SchemaError",
    "SignInAgainError",
    "UnknownNameError",
]


class PlumblineError(Exception):
    """The root: every error that Plumbline raises on purpose."""

    exit_code = 3


class InputError(PlumblineError, ValueError):
    """What the caller gave can't be used; the message says what to give instead."""

    exit_code = 2


class SchemaError(InputError):
    """A model schema or a recipe whose keys are wrong; `problems` lists each as (key, message)."""

    def __init__(self, source: str, problems: Sequence[tuple[str, str]]) -> None:
        self.problems = tuple(problems)
        lines = "; ".join(f"{key}: {message}" for key, message in self.problems)
        super().__init__(f"{source}: {lines}")


class FileFormatError(InputError):
    """A file that can't be read as what it should be."""


class UnknownNameError(InputError, LookupError):
    """A name that doesn't exist; the message offers the names that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str = "") -> None:
        names = sorted(known)
        self.kind, self.name, self.known = kind, name, tuple(names)
        close = get_close_matches(name, names, n=3)
        if close:
            way_out = f"did you mean {' or '.join(repr(c) for c in close)}?"
        elif names:
            shown = ", ".join(repr(n) for n in names[:10])
            way_out = f"known: {shown}{', ...' if len(names) > 10 else ''}."
        else:
            way_out = "there is none yet."
        super().__init__(f"No {kind} {name!r}; {way_out}{' ' + hint if hint else ''}")

    def __str__(self) -> str:  # LookupError's own would quote the whole message
        return str(self.args[0])


class ConflictError(InputError):
    """The thing exists already, or somebody changed it in the meantime."""


class NotAllowedError(PlumblineError, PermissionError):
    """The actor lacks the right this call needs."""

    exit_code = 1


class SignInAgainError(NotAllowedError):
    """The sign-in is too old to sign with; once the password was given again, the same call goes through."""


class BinMismatchError(PlumblineError, ValueError):
    """Two count tables that don't share their bins can't be compared."""

    exit_code = 2


class OutsideError(PlumblineError):
    """Something outside Plumbline failed: a database, a disk, another program."""
