"""What taking in records and taking in labels share: the outcome of a file, header checks, notes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa

from core.errors import FileFormatError, InputError
from core.logs.source import LogSource
from core.logs.tabular import header_of
from core.schema import ModelSchema, Role

__all__ = ["Outcome", "check_label_header", "check_record_header", "each_file", "known_already", "reasons_of"]

KEY_ROLES = (Role.ID, Role.TIMESTAMP, Role.VERSION, Role.SCORE, Role.PREDICTION)
MAX_NAMED = 8
NO_ROWS = "has a header and no rows; nothing was added"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one file: a batch, or nothing and why."""

    file: str
    batch_id: int | None = None
    n_rows: int = 0
    n_rejected: int = 0
    n_duplicates: int = 0
    n_matched: int | None = None
    reasons: tuple[tuple[str, str, int], ...] = ()
    notes: tuple[str, ...] = ()
    is_known: bool = False
    error: str | None = None


def each_file(
    paths: Sequence[Path], names: Sequence[str] | None, add: Callable[[Path, str], Outcome]
) -> tuple[Outcome, ...]:
    """Add file after file; one that can't be read becomes an outcome with an error and stops no other."""
    outcomes = []
    for path, name in zip(paths, names or [str(path) for path in paths], strict=True):
        try:
            outcomes.append(add(path, name))
        except InputError as error:
            if isinstance(error, LookupError):  # there is no such model: not the file's fault
                raise
            outcomes.append(Outcome(file=name, error=str(error)))
    return tuple(outcomes)


def known_already(source: LogSource, kind: str, batch_id: int, created_at: datetime) -> Outcome:
    """The outcome of a file that was taken in before."""
    note = f"is {kind} {batch_id} already, taken in {created_at:%Y-%m-%d %H:%M} UTC; nothing was added"
    return Outcome(file=source.name, batch_id=batch_id, is_known=True, notes=(note,))


def check_record_header(schema: ModelSchema, source: LogSource, *, has_version: bool) -> tuple[str, ...]:
    """Notes on columns that are absent or new; raises FileFormatError where a key column is absent."""
    header = header_of(source, frozenset(schema.columns))
    absent = [name for name, spec in schema.columns.items() if name not in header and spec.role is not Role.IGNORE]
    for name in absent:
        role = schema.columns[name].role
        if role in KEY_ROLES and not (role is Role.VERSION and has_version):
            close = get_close_matches(name, header, n=1)
            guess = f" (is it {close[0]!r} now?)" if close else ""
            raise FileFormatError(
                f"{source.name}: column {name!r} ({role}) is absent{guess}; the file has {_listed(header)}. "
                "Rename the column, or give the model a schema without it."
            )
    described = [name for name in absent if name in schema.described]
    extra = [name for name in header if name not in schema.columns]
    notes = []
    if described:
        notes.append(f"lacks {_listed(described)}: counted as missing in every row")
    if extra:
        notes.append(f"has {_listed(extra)} beside the schema: not read")
    return tuple(notes)


def check_label_header(schema: ModelSchema, source: LogSource) -> None:
    """Late labels join on an id: schema and file need one, and a label."""
    header = header_of(source, frozenset(schema.columns))
    for role in (Role.ID, Role.LABEL):
        name = schema.name_of(role)
        if name is None:
            raise InputError(f"Late labels need a column of role {role} in the model's schema; it names none.")
        if name not in header:
            raise FileFormatError(f"{source.name}: column {name!r} ({role}) is absent; the file has {_listed(header)}.")


def reasons_of(rejects: Sequence[pa.Table]) -> tuple[tuple[str, str, int], ...]:
    """How often each (reason, column) was met, most frequent first."""
    counts: Counter[tuple[str, str]] = Counter()
    for table in rejects:
        counts.update(zip(table["reason"].to_pylist(), table["column"].to_pylist(), strict=True))
    return tuple((reason, column, n) for (reason, column), n in counts.most_common())


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:MAX_NAMED])
    return shown if len(names) <= MAX_NAMED else f"{shown} and {len(names) - MAX_NAMED:,} more"
