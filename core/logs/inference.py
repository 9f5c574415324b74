"""Propose a model schema for a file: a guess a line, each with its reason, for a person to edit."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import FileFormatError
from core.logs.cells import read_booleans, read_numbers, read_times
from core.logs.source import LogSource
from core.logs.tabular import header_of, read_blocks
from core.schema import ColumnType, Role, Task

__all__ = ["propose_schema"]

SAMPLE_ROWS = 100_000
FEW = 50
NAMES: Mapping[Role, re.Pattern[str]] = {
    Role.ID: re.compile(r"(^|[_\W])(id|uuid|guid|key)$|^(id|uuid)([_\W]|$)|[a-z]Id$|request#", re.I),
    Role.TIMESTAMP: re.compile(r"(^|_)(timestamp|datetime|time|date|ts|at)$|^(timestamp|datetime|date)", re.I),
    Role.VERSION: re.compile(r"^(model_?)?version$", re.I),
    Role.SCORE: re.compile(r"score|prob|^p$|_p$|confidence", re.I),
    Role.PREDICTION: re.compile(r"^(y_?)?pred(iction|icted)?($|_)|^y_?hat$|decision|predicted|^prediction", re.I),
    Role.LABEL: re.compile(
        r"^(y|y_?true|label|label_value|labels|target|class|outcome|truth|actual|ground_?truth|survived|default|defaulted|"
        r"repaid|churn(ed)?|fraud|credit_risk|risk|cnt|count|price)$|(_|^)(target|label|class)$",
        re.I,
    ),
    Role.LABEL_TIME: re.compile(r"^label_(time|at|timestamp)$", re.I),
}
PROTECTED = re.compile(
    r"^(sex|gender|foreign_worker|race|ethnicity|religion|nationality|disability|age_?(cat|band|group|bracket)s?|"
    r"(race|ethnic)[_ ]?group|personal_status_and_sex)$",
    re.I,
)
POSITIVE = ("true", "yes", "y", "t", "positive", "pos", "bad", "default", "fraud", "churn", ">50k", ">50k.", "up")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Column:
    """What was seen of one column."""

    name: str
    n: int
    n_missing: int
    values: Counter[str]
    n_distinct: int
    numbers: pa.Array | None
    odd: tuple[str, ...]
    n_odd: int
    is_time: bool
    is_boolean: bool

    @property
    def n_present(self) -> int:
        return self.n - self.n_missing

    @property
    def is_unique(self) -> bool:
        return self.n_missing == 0 and self.n_distinct == self.n > 1

    @property
    def is_probability(self) -> bool:
        if self.numbers is None or self.n_distinct <= 2:
            return False
        low, high = pc.min_max(self.numbers).as_py().values()
        return low is not None and low >= 0.0 and high <= 1.0

    @property
    def is_row_number(self) -> bool:
        """Whether the column counts the rows."""
        if self.numbers is None or not self.is_unique:
            return False
        steps = np.diff(np.asarray(self.numbers.to_numpy(zero_copy_only=False)))
        return bool(steps.size and (steps == 1).all())


def propose_schema(source: LogSource, *, task: Task | None = None) -> str:
    """A schema (TOML) for a file of prediction logs, with a comment on each guess.

    Raises FileFormatError where the file has no columns or no rows to guess from. What a person must
    decide stands in lines that begin with '# DECIDE'.
    """
    columns = [_look(name, values) for name, values in _sample(source)]
    roles = _roles(columns)
    by_role = {
        role: column for column, role in zip(columns, roles, strict=True) if role not in (Role.FEATURE, Role.IGNORE)
    }
    label = by_role.get(Role.LABEL)
    outcome = label or by_role.get(Role.PREDICTION)
    guessed = task or _task(outcome)
    if guessed is Task.REGRESSION:  # a regression has one predicted value, not a score beside it
        roles = [Role.FEATURE if r is Role.SCORE and Role.PREDICTION in by_role else r for r in roles]
    lines = [*_head(guessed, task, outcome, label, columns[0].n), *_window(by_role.get(Role.TIMESTAMP), columns[0].n)]
    if guessed is not Task.REGRESSION:
        lines += _outcome(guessed, outcome)
    lines += [
        "",
        "[labels]",
        "delay_days = 0    # how long labels usually take; windows younger than that are not judged",
    ]
    lines += ["", "[columns]", *(_line(column, role, guessed) for column, role in zip(columns, roles, strict=True))]
    return "\n".join(lines) + "\n"


def _sample(source: LogSource) -> Iterator[tuple[str, pa.Array]]:
    header = [name for name in header_of(source) if name.strip() and not name.startswith("@")]
    if not header:
        raise FileFormatError(f"{source.name}: its header names no column.")
    parts: dict[str, list[pa.Array]] = {name: [] for name in header}
    n = 0
    for block in read_blocks(source, header):
        n += block.n_rows
        for name in header:
            parts[name].append(_text(block.columns.get(name, pa.nulls(block.n_rows, pa.string()))))
        if n >= SAMPLE_ROWS:
            break
    if n == 0:
        raise FileFormatError(f"{source.name}: has a header and no rows; a schema can't be guessed from that.")
    for name in header:
        yield name, pa.concat_arrays(parts[name])


def _text(values: pa.Array) -> pa.Array:
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    return values.cast(pa.string())


def _look(name: str, values: pa.Array) -> _Column:
    trimmed = pc.utf8_trim_whitespace(values)
    missing = pc.is_in(trimmed, value_set=pa.array(["", "NaN", "nan", "null", "NULL", "None"]))
    values = pc.if_else(pc.fill_null(missing, True), None, trimmed)
    counted = pc.value_counts(values.drop_null())
    pairs = zip(counted.field("values").to_pylist(), counted.field("counts").to_pylist(), strict=True)
    counts = Counter(dict(pairs))
    n_present = len(values) - values.null_count
    numbers = read_numbers(values)
    n_odd = pc.sum(numbers.bad).as_py() or 0
    is_numeric = n_present > 0 and n_odd <= 0.2 * n_present
    odd = (
        Counter({text: n for text, n in counts.items() if not _is_number(text)}) if is_numeric and n_odd else Counter()
    )
    times = None if is_numeric else read_times(values, timezone="UTC")
    is_time = times is not None and n_present > 0 and (pc.sum(times.bad).as_py() or 0) <= 0.05 * n_present
    truths = {text.lower() for text in counts}
    is_boolean = (
        truths in ({"true", "false"}, {"t", "f"}, {"yes", "no"}, {"y", "n"})
        and not read_booleans(values).bad.true_count
    )
    return _Column(
        name=name,
        n=len(values),
        n_missing=values.null_count,
        values=counts,
        n_distinct=len(counts),
        numbers=numbers.values.drop_null() if is_numeric else None,
        odd=tuple(text for text, _ in odd.most_common(3)),
        n_odd=n_odd,
        is_time=is_time,
        is_boolean=is_boolean,
    )


def _is_number(text: str) -> bool:
    return not read_numbers(pa.array([text])).bad[0].as_py()


def _roles(columns: Sequence[_Column]) -> list[Role]:
    """One role a column; a role that only one column may have goes to the first that fits."""
    fits: dict[Role, Callable[[_Column], object]] = {
        Role.TIMESTAMP: lambda c: c.is_time,
        Role.LABEL_TIME: lambda c: c.is_time and NAMES[Role.LABEL_TIME].search(c.name),
        Role.ID: lambda c: c.is_unique and NAMES[Role.ID].search(c.name),
        Role.VERSION: lambda c: NAMES[Role.VERSION].search(c.name) and c.n_distinct <= FEW,
        Role.SCORE: lambda c: c.is_probability and NAMES[Role.SCORE].search(c.name),
        Role.PREDICTION: lambda c: (
            NAMES[Role.PREDICTION].search(c.name) or (c.n_distinct == 2 and NAMES[Role.SCORE].search(c.name))
        ),
        Role.LABEL: lambda c: NAMES[Role.LABEL].search(c.name),
    }
    roles = [
        Role.IGNORE if column.is_row_number and not NAMES[Role.ID].search(column.name) else Role.FEATURE
        for column in columns
    ]
    for role, check in fits.items():
        free = [place for place, column in enumerate(columns) if roles[place] is Role.FEATURE and check(column)]
        named = [place for place in free if role in NAMES and NAMES[role].search(columns[place].name)]
        if named or free:
            roles[(named or free)[0]] = role
    if Role.LABEL not in roles and roles[-1] is Role.FEATURE and columns[-1].n_distinct == 2:
        roles[-1] = Role.LABEL
    return roles


def _task(outcome: _Column | None) -> Task:
    if outcome is None or outcome.n_distinct <= 2:
        return Task.BINARY
    if outcome.numbers is not None and outcome.n_distinct > 20:
        return Task.REGRESSION
    return Task.MULTICLASS if outcome.n_distinct <= FEW else Task.REGRESSION


def _head(task: Task, given: Task | None, outcome: _Column | None, label: _Column | None, n: int) -> list[str]:
    why = (
        "as given"
        if given
        else "no column looks like an outcome"
        if outcome is None
        else f"{outcome.name!r} has {outcome.n_distinct:,} distinct values"
    )
    lines = [
        f"# Proposed from {n:,} rows. Check each guess, and decide where it says DECIDE.",
        "# Then: plumbline model add NAME --schema FILE",
        f'task = "{task}"    # {why}',
        'timezone = "UTC"    # the zone of times that name none, and of the windows',
    ]
    if label is None:
        lines.insert(1, '# DECIDE: no column looks like the label; if there is one, give it role = "label".')
    return lines


def _window(timestamp: _Column | None, n: int) -> list[str]:
    if timestamp is None:
        rows = _round(max(20, n // 20))
        return ["", "[window]", f"rows = {rows}    # no column looks like a time: windows are rows in file order"]
    times = read_times(pa.array(list(timestamp.values)), timezone="UTC").values.drop_null().cast(pa.int64())
    span_hours = (pc.max(times).as_py() - pc.min(times).as_py()) / 3.6e9 if len(times) else 0
    units = {"hour": 1, "day": 24, "week": 168, "month": 730.5}
    per_unit = {unit: n * hours / max(span_hours, hours) for unit, hours in units.items()}
    enough = [unit for unit in ("day", "week", "month") if per_unit[unit] >= 200 and span_hours >= 7 * units[unit]]
    unit = enough[0] if enough else "day" if span_hours >= 48 else "hour"
    return ["", "[window]", f'every = "{unit}"    # about {per_unit[unit]:,.0f} rows a {unit}']


def _outcome(task: Task, outcome: _Column | None) -> list[str]:
    lines = ["", "[outcome]"]
    if outcome is None:
        return [*lines, 'classes = ["0", "1"]    # DECIDE: what the classes are called', 'positive = "1"']
    classes = sorted(_plain(value) for value in outcome.values)
    if len(classes) == 1:
        classes = sorted({*classes, "0" if classes[0] != "0" else "1"})
    lines.append(f"classes = {json.dumps(classes, ensure_ascii=False)}    # the values of {_quoted(outcome.name)}")
    if task is Task.BINARY and len(classes) == 2:
        known = [name for name in classes if name.lower() in POSITIVE or (name == "1" and classes[0] in ("0", "-1"))]
        rarest = min(classes, key=lambda name: (outcome.values.get(name, 0), name))
        positive = known[0] if len(known) == 1 else rarest
        why = "by its name" if len(known) == 1 else "the rarer class"
        lines.append(
            f"positive = {_quoted(positive)}    # DECIDE: the class the score is the probability of; guessed {why}"
        )
        lines.append(f"favourable = {_quoted(positive)}    # DECIDE: the class that is good for the person")
    return lines


def _line(column: _Column, role: Role, task: Task) -> str:
    name = _quoted(column.name)
    if role is not Role.FEATURE:
        reason = {
            Role.ID: "unique in every row",
            Role.TIMESTAMP: "reads as times",
            Role.LABEL_TIME: "reads as times",
            Role.IGNORE: "counts the rows: nothing to watch",
            Role.SCORE: "numbers from 0 to 1",
            Role.PREDICTION: f"{column.n_distinct:,} distinct values, by its name",
            Role.LABEL: f"{column.n_distinct:,} distinct values",
        }.get(role, "by its name")
        if role is Role.SCORE and task is Task.MULTICLASS:
            return f'{name} = {{ role = "ignore" }}    # DECIDE: needs one score a class, each with class = "..."'
        return f'{name} = {{ role = "{role}" }}    # {reason}'
    kind, missing, reason = _type(column)
    parts = ['role = "feature"', f'type = "{kind}"']
    if missing:
        parts.append(f"missing = {json.dumps(missing, ensure_ascii=False)}")
    if kind in (ColumnType.CATEGORICAL, ColumnType.BOOLEAN) and PROTECTED.search(column.name):
        parts.append("protected = true")
        reason += "; groups are compared, by its name"
    elif re.fullmatch(r"age(_in_years)?", column.name, re.I):
        reason += "; to compare age groups log an age band beside it"
    return f"{name} = {{ {', '.join(parts)} }}    # {reason}"


def _type(column: _Column) -> tuple[ColumnType, list[str], str]:
    """The type of a feature, what is to be read as missing, and why."""
    if column.n_present == 0:
        return ColumnType.CATEGORICAL, [], "DECIDE: empty in every row seen"
    if column.is_boolean:
        return ColumnType.BOOLEAN, [], " and ".join(sorted(column.values))
    if column.numbers is not None:
        return _numeric_type(column)
    if column.is_time:
        return ColumnType.TIMESTAMP, [], "reads as times"
    if column.n_distinct > FEW and column.n_distinct > 0.5 * column.n_present:
        return ColumnType.TEXT, [], f"{column.n_distinct:,} distinct values in {column.n_present:,}: watched by length"
    return ColumnType.CATEGORICAL, [], f"{column.n_distinct:,} categories"


def _numeric_type(column: _Column) -> tuple[ColumnType, list[str], str]:
    """The type of a column whose values are numbers, or nearly all are."""
    odd, n_odd = column.odd, column.n_odd
    if not n_odd:
        return ColumnType.NUMERIC, [], f"{column.n_distinct:,} distinct numbers"
    if n_odd == sum(column.values[text] for text in odd):
        return ColumnType.NUMERIC, list(odd), f"numbers, but {n_odd:,} times {', '.join(map(repr, odd))}"
    if column.n_distinct <= FEW:
        return ColumnType.CATEGORICAL, [], f"{column.n_distinct:,} categories, not all of them numbers"
    return (
        ColumnType.NUMERIC,
        [],
        f"DECIDE: {n_odd:,} values such as {odd[0]!r} are no numbers: such rows are set aside",
    )


def _plain(value: str) -> str:
    return re.sub(r"^(-?\d+)\.0+$", r"\1", value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _round(n: int) -> int:
    """The nearest 1, 2 or 5 times a power of ten below n."""
    power = int(10 ** (len(str(n)) - 1))
    steps = [step * power for step in (1, 2, 5)]
    return max(step for step in steps if step <= n)
