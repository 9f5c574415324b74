"""What commands print: one JSON document on stdout, or words and tables; progress and errors on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from core.services.intake import Outcome

__all__ = ["counter", "print_json", "print_outcomes", "print_table", "say", "warn"]


def say(text: str) -> None:
    """A line for the person who runs the command, on stdout."""
    _print(text, sys.stdout)


def warn(text: str) -> None:
    """A line on stderr."""
    _print(text, sys.stderr)


def _print(text: str, stream: TextIO) -> None:
    print(_harmless(text, stream), file=stream)


def _harmless(text: str, stream: TextIO) -> str:
    """Text without what would steer the terminal it is shown on, and without what that can't show."""
    plain = "".join(char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)
    encoding = stream.encoding or "utf-8"
    return plain.encode(encoding, "backslashreplace").decode(encoding)


def print_json(value: Any) -> None:
    """One JSON document on stdout; JSON has no infinity and no NaN, so these become null."""
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    sys.stdout.write(json.dumps(_plain(value), ensure_ascii=not is_utf8, indent=2, allow_nan=False) + "\n")


def _plain(value: Any) -> Any:
    """A value made of what JSON has."""
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, str):  # a file's name can hold bytes that are no text
        return value.encode("utf-8", "replace").decode()
    if value is None or isinstance(value, (bool, int)):
        return value
    return value.isoformat() if isinstance(value, datetime) else str(value)


def print_table(header: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[int] = ()) -> None:
    """A table on stdout; columns in `right` are aligned there."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, name in enumerate(header):
        table.add_column(name, justify="right" if place in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_harmless(str(cell), sys.stdout)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 140)
    console.print(table)


@contextmanager
def counter(label: str, *, total: int | None = None) -> Iterator[Callable[[int, str], None]]:
    """A progress bar where stderr is a terminal; call it with what was done and a word on what is being done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    words = TextColumn("{task.description}", markup=False)  # a file may be called [red]
    columns = (words, BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    # Where stderr is a file or a mail, an empty bar would leave blank lines before the message.
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(label, total=total)

        def step(done: int, word: str = "") -> None:
            progress.update(task, advance=done, description=_harmless(f"{label} {word}".strip(), sys.stderr))

        yield step


def print_outcomes(outcomes: Sequence[Outcome]) -> None:
    """What became of each file, and why rows were set aside."""
    for outcome in outcomes:
        if outcome.error is not None:
            warn(f"plumbline: {outcome.error}")
            continue
        parts = [f"{outcome.n_rows:,} rows taken in"]
        if outcome.is_known or not (outcome.n_rows or outcome.n_rejected or outcome.n_duplicates):
            parts = []
        if outcome.n_matched is not None:
            parts.append(f"{outcome.n_matched:,} matched their record")
        if outcome.n_duplicates:
            parts.append(f"{outcome.n_duplicates:,} known already")
        if outcome.n_rejected:
            parts.append(f"{outcome.n_rejected:,} set aside")
        say(f"{outcome.file}: {', '.join([*parts, *outcome.notes])}")
        for reason, column, n in outcome.reasons:
            say(f"    {n:,} x {reason}{f' in {column!r}' if column else ''}")
        if outcome.n_rejected:
            option = "" if outcome.n_matched is None else " --labels"
            say(f"    look at them with: plumbline batch rejects {outcome.batch_id}{option}")
