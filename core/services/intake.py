"""What taking in records and taking in labels share: the outcome of a file, header checks, notes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from core.errors import FileFormatError, InputError
from core.logs.blocks import shown
from core.logs.source import LogSource, files_of, spool
from core.logs.tabular import header_of
from core.schema import ModelSchema, Role

__all__ = [
    "Absent",
    "FileLook",
    "HeaderMatch",
    "Outcome",
    "Preview",
    "Problem",
    "Progress",
    "Quarantine",
    "check_label_header",
    "check_record_header",
    "columns_to_read",
    "each_file",
    "files_of",
    "known_already",
    "match_header",
    "problems_of",
    "quarantine_of",
    "reasons_of",
    "spool",
]

KEY_ROLES = (Role.ID, Role.TIMESTAMP, Role.VERSION, Role.SCORE, Role.PREDICTION)
MAX_NAMED = 8
Progress = Callable[[str, int], None]

NO_ROWS = "has a header and no rows; nothing was added"
N_SHOWN = 50


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


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLook:
    """What a file of logs is, told from its first bytes and its header."""

    format: str
    is_gzip: bool
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A column of the schema that a file lacks, and what it may be called there."""

    column: str
    role: Role
    guess: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderMatch:
    """How the columns of a file meet those of a schema."""

    matched: tuple[str, ...]
    absent: tuple[Absent, ...]
    extra: tuple[str, ...]
    has_one_name: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What is wrong with one row."""

    line: int
    column: str
    reason: str
    message: str
    raw: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """The rows of a batch that were set aside: how often for which reason, and the first of them."""

    n_problems: int = 0
    reasons: tuple[tuple[str, str, int], ...] = ()
    first: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What would become of a file if it were taken in now; nothing has been added."""

    outcome: Outcome
    match: HeaderMatch | None = None
    problems: tuple[Problem, ...] = ()


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


def match_header(schema: ModelSchema, source: LogSource, *, labels: bool = False) -> HeaderMatch:
    """Which of the schema's columns a file has; of a file of late labels, only what those need."""
    wanted = columns_to_read(schema, labels=labels)
    header = header_of(source, frozenset(wanted))
    present = set(header)
    extra = [name for name in header if name not in schema.columns]
    absent = [
        Absent(column=name, role=schema.columns[name].role, guess=_renamed(name, extra))
        for name in wanted
        if name not in present
    ]
    return HeaderMatch(
        matched=tuple(name for name in wanted if name in present),
        absent=tuple(absent),
        extra=tuple(extra),
        has_one_name=source.format == "csv" and len(header) == 1,
    )


def columns_to_read(schema: ModelSchema, *, labels: bool = False) -> list[str]:
    """The columns of a log that are looked at; of late labels, the id, the label and its time."""
    if labels:
        return [name for role in (Role.ID, Role.LABEL, Role.LABEL_TIME) if (name := schema.name_of(role)) is not None]
    return [name for name, spec in schema.columns.items() if spec.role is not Role.IGNORE]


def check_record_header(
    schema: ModelSchema, match: HeaderMatch, source: LogSource, *, has_version: bool
) -> tuple[str, ...]:
    """Notes on columns that are absent or new; raises FileFormatError where a key column is absent."""
    for absent in match.absent:
        if absent.role in KEY_ROLES and not (absent.role is Role.VERSION and has_version):
            raise _absent_key(absent, match, source)
    described = [absent for absent in match.absent if absent.column in schema.described]
    notes = []
    if described:
        guesses = [f"{shown(absent.guess)} for {shown(absent.column)}" for absent in described if absent.guess]
        renamed = f" (renamed? it has {_some(guesses)})" if guesses else ""
        notes.append(
            f"lacks {_listed([absent.column for absent in described])}{renamed}: counted as missing in every row"
        )
    if match.extra:
        notes.append(f"has {_listed(match.extra)} beside the schema: not read")
    return tuple(notes)


def check_label_header(schema: ModelSchema, match: HeaderMatch, source: LogSource) -> None:
    """Late labels join on an id: schema and file need one, and a label."""
    for role in (Role.ID, Role.LABEL):
        if schema.name_of(role) is None:
            raise InputError(f"Late labels need a column of role {role} in the model's schema; it names none.")
    for absent in match.absent:
        if absent.role in (Role.ID, Role.LABEL):
            raise _absent_key(absent, match, source)


def _absent_key(absent: Absent, match: HeaderMatch, source: LogSource) -> FileFormatError:
    guess = f" (is it {shown(absent.guess)} now?)" if absent.guess else ""
    has = _listed([*match.matched, *match.extra])
    if match.has_one_name:
        has += ", one column: known delimiters are comma, semicolon, tab and |"
    return FileFormatError(
        f"{source.name}: column {shown(absent.column)} ({absent.role}) is absent{guess}; the file has {has}. "
        "Rename the column, or give the model a schema without it."
    )


def _renamed(name: str, others: Sequence[str]) -> str | None:
    """The column that `name` may be called now, if one is alike."""
    by_key = {_key(other): other for other in reversed(others)}
    close = get_close_matches(_key(name), by_key, n=1, cutoff=0.7)
    return by_key[close[0]] if close else None


def _key(name: str) -> str:
    """A name without what renaming changes first: case and separators."""
    return "".join(char for char in name.casefold() if char.isalnum())


def quarantine_of(path: Path | None) -> Quarantine:
    """What a stored file of rejects holds; empty where a batch has none."""
    if path is None:
        return Quarantine()
    counted = pq.read_table(path, columns=["reason", "column"])
    first = next(pq.ParquetFile(path).iter_batches(batch_size=N_SHOWN), None)
    return Quarantine(
        n_problems=counted.num_rows,
        reasons=reasons_of([counted]),
        first=() if first is None else problems_of([pa.Table.from_batches([first])]),
    )


def problems_of(rejects: Sequence[pa.Table]) -> tuple[Problem, ...]:
    """The first problems, by line."""
    if not rejects:
        return ()
    table = pa.concat_tables(rejects).sort_by([("line", "ascending"), ("column", "ascending")]).slice(0, N_SHOWN)
    return tuple(
        Problem(
            line=row["line"],
            column=row["column"] or "",
            reason=row["reason"],
            message=row["message"],
            raw=row["raw"] or "",
        )
        for row in table.to_pylist()
    )


def reasons_of(rejects: Sequence[pa.Table]) -> tuple[tuple[str, str, int], ...]:
    """How often each (reason, column) was met, most frequent first."""
    if not rejects:
        return ()
    keys = pa.concat_tables([table.select(["reason", "column"]) for table in rejects])
    counted = keys.group_by(["reason", "column"], use_threads=False).aggregate([([], "count_all")]).to_pylist()
    ordered = sorted(counted, key=lambda row: -row["count_all"])
    return tuple((row["reason"], row["column"], row["count_all"]) for row in ordered)


def _listed(names: Sequence[str]) -> str:
    return _some([shown(name) for name in names])


def _some(words: Sequence[str]) -> str:
    some = ", ".join(words[:MAX_NAMED])
    return some if len(words) <= MAX_NAMED else f"{some} and {len(words) - MAX_NAMED:,} more"
