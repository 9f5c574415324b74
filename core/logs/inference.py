"""Propose a model schema for a file: guesses, each with its reason, for a person to edit."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from core.errors import FileFormatError
from core.logs.cells import read_booleans, read_numbers, read_times
from core.logs.draft import DECIDE, SchemaDraft
from core.logs.source import LogSource
from core.logs.tabular import header_of, read_blocks, unreadable_of
from core.schema import MAX_CLASSES, ColumnType, Role, Task

__all__ = ["draft_schema"]

SAMPLE_ROWS = 100_000
SAMPLE_CELLS = 10_000_000
FEW = 50
EPOCHS = {"epoch_s": 1.0, "epoch_ms": 1e3, "epoch_us": 1e6}
FROM_2001_TO_2100 = (978_307_200, 4_102_444_800)  # seconds
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
UNFAVOURABLE = ("bad", "default", "fraud", "churn")
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
    epoch: str = ""

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
        with np.errstate(invalid="ignore"):  # infinities, which count nothing
            steps = np.diff(np.asarray(self.numbers.to_numpy(zero_copy_only=False)))
        return bool(steps.size and (steps == 1).all())


def draft_schema(source: LogSource, *, task: Task | None = None) -> SchemaDraft:
    """A schema for a file of prediction logs, with a note on each guess.

    Raises FileFormatError where the file has no columns or no rows to guess from. What a person must
    decide has a note that begins with 'DECIDE'.
    """
    unreadable = unreadable_of(source)
    columns = [_look(name, values) for name, values in _sample(source, unreadable)]
    roles = _roles(columns)
    by_role = {
        role: column for column, role in zip(columns, roles, strict=True) if role not in (Role.FEATURE, Role.IGNORE)
    }
    outcome = by_role.get(Role.LABEL) or by_role.get(Role.PREDICTION)
    guessed = task or _task(outcome)
    if guessed is Task.REGRESSION:  # a regression has one predicted value, not a score beside it
        roles = [Role.FEATURE if r is Role.SCORE and Role.PREDICTION in by_role else r for r in roles]
    guesses = _Guesses()
    guesses.add("task", str(guessed), _why_task(task, outcome))
    guesses.add("timezone", "UTC", "the zone of times that name none, and of the windows")
    _window(guesses, by_role.get(Role.TIMESTAMP), columns[0].n)
    if guessed is not Task.REGRESSION:
        _outcome(guesses, guessed, outcome)
    guesses.add("labels.delay_days", 0, "how long labels usually take; windows younger than that are not judged")
    for column, role in zip(columns, roles, strict=True):
        _describe(guesses, column, role, guessed)
    for name, why in unreadable.items():
        guesses.add(f"columns.{name}", {"role": "ignore"}, why, name=name)
    head = [f"Proposed from {columns[0].n:,} rows. Check each guess, and decide where it says DECIDE."]
    if Role.LABEL not in by_role:
        head.append(f'{DECIDE}no column looks like the label; if there is one, give it role = "label".')
    head.append("Then: plumbline model add NAME --schema FILE")
    return SchemaDraft(data=guesses.data, notes=guesses.notes, head=tuple(head))


@dataclass(frozen=True, slots=True)
class _Guesses:
    """Values and notes, as they are gathered."""

    data: dict[str, Any] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)

    def add(self, key: str, value: Any, note: str = "", *, name: str = "") -> None:
        """One value under its dotted key; `name` is its last part where that may hold dots itself."""
        table = key.removesuffix(f".{name}") if name else key.rpartition(".")[0]
        target = self.data.setdefault(table, {}) if table else self.data
        target[name or key.rpartition(".")[2]] = value
        if note:
            self.notes[key] = note


def _sample(source: LogSource, unreadable: Collection[str]) -> Iterator[tuple[str, pa.Array]]:
    header = [name for name in header_of(source) if name.strip() and not name.startswith("@")]
    readable = [name for name in header if name not in unreadable]
    if not readable:
        raise FileFormatError(f"{source.name}: its header names no column{' that can be read' if header else ''}.")
    parts: dict[str, list[pa.Array]] = {name: [] for name in readable}
    n = 0
    for block in read_blocks(source, readable):
        n += block.n_rows
        for name in readable:
            parts[name].append(_text(block.columns.get(name, pa.nulls(block.n_rows, pa.string()))))
        if n >= min(SAMPLE_ROWS, SAMPLE_CELLS // len(readable)):
            break
    if n == 0:
        raise FileFormatError(f"{source.name}: has a header and no rows; a schema can't be guessed from that.")
    for name in readable:
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
    epoch = _epoch(name, numbers.values.drop_null()) if is_numeric else ""
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
        is_time=is_time or bool(epoch),
        is_boolean=is_boolean,
        epoch=epoch,
    )


def _epoch(name: str, numbers: pa.Array) -> str:
    """The unit of a column of times counted from 1970, told by its name and its range; '' if it is none."""
    if not NAMES[Role.TIMESTAMP].search(name) or not len(numbers):
        return ""
    low, high = pc.min_max(numbers).as_py().values()
    first, last = FROM_2001_TO_2100
    return next((unit for unit, scale in EPOCHS.items() if first * scale <= low and high < last * scale), "")


def _times_of(column: _Column) -> pa.Array:
    """The instants of a column that reads as times."""
    if column.epoch:
        return read_times(column.numbers, timezone="UTC", format=column.epoch).values
    return read_times(pa.array(list(column.values), type=pa.string()), timezone="UTC").values


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


def _why_task(given: Task | None, outcome: _Column | None) -> str:
    if given:
        return "as given"
    if outcome is None:
        return f"{DECIDE}no column looks like an outcome"
    return f"{outcome.name!r} has {outcome.n_distinct:,} distinct values"


def _window(guesses: _Guesses, timestamp: _Column | None, n: int) -> None:
    if timestamp is None:
        why = "no column looks like a time: windows are rows in file order"
        guesses.add("window.rows", _round(max(20, n // 20)), why)
        return
    times = _times_of(timestamp).drop_null().cast(pa.int64())
    span_hours = (pc.max(times).as_py() - pc.min(times).as_py()) / 3.6e9 if len(times) else 0
    units = {"hour": 1, "day": 24, "week": 168, "month": 730.5}
    per_unit = {unit: n * hours / max(span_hours, hours) for unit, hours in units.items()}
    enough = [unit for unit in ("day", "week", "month") if per_unit[unit] >= 200 and span_hours >= 7 * units[unit]]
    unit = enough[0] if enough else "day" if span_hours >= 48 else "hour"
    guesses.add("window.every", unit, f"about {per_unit[unit]:,.0f} rows a {unit}")


def _outcome(guesses: _Guesses, task: Task, outcome: _Column | None) -> None:
    if outcome is None:
        guesses.add("outcome.classes", ["0", "1"], f"{DECIDE}what the classes are called")
        guesses.add("outcome.positive", "1")
        return
    classes = sorted({_plain(value) for value in outcome.values})
    if len(classes) == 1:
        classes = sorted({*classes, "0" if classes[0] != "0" else "1"})
    if not 2 <= len(classes) <= MAX_CLASSES:
        guesses.add("outcome.classes", classes[:2], f"{DECIDE}{outcome.name!r} has {len(classes):,} values")
        return
    guesses.add("outcome.classes", classes, f"the values of {outcome.name!r}")
    if task is Task.BINARY and len(classes) == 2:
        known = [name for name in classes if name.lower() in POSITIVE or (name == "1" and classes[0] in ("0", "-1"))]
        rarest = min(classes, key=lambda name: (outcome.values.get(name, 0), name))
        positive = known[0] if len(known) == 1 else rarest
        why = "by its name" if len(known) == 1 else "the rarer class"
        guesses.add("outcome.positive", positive, f"{DECIDE}the class the score is the probability of; guessed {why}")
        good = next(name for name in classes if (name == positive) is not (positive.lower() in UNFAVOURABLE))
        guesses.add("outcome.favourable", good, f"{DECIDE}the class that is good for the person")


def _describe(guesses: _Guesses, column: _Column, role: Role, task: Task) -> None:
    spec: dict[str, Any] = {"role": str(role)}
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
            spec, reason = {"role": "ignore"}, f'{DECIDE}needs one score a class, each with class = "..."'
        if role in (Role.TIMESTAMP, Role.LABEL_TIME) and column.epoch:
            spec["format"] = column.epoch
            reason = f"reads as times counted from 1970 ({column.epoch})"
    else:
        kind, missing, reason = _type(column)
        spec["type"] = str(kind)
        if missing:
            spec["missing"] = missing
        if kind in (ColumnType.CATEGORICAL, ColumnType.BOOLEAN) and PROTECTED.search(column.name):
            spec["protected"] = True
            reason += "; groups are compared, by its name"
        elif re.fullmatch(r"age(_in_years)?", column.name, re.I):
            reason += "; to compare age groups log an age band beside it"
    guesses.add(f"columns.{column.name}", spec, reason, name=column.name)


def _type(column: _Column) -> tuple[ColumnType, list[str], str]:
    """The type of a feature, what is to be read as missing, and why."""
    if column.n_present == 0:
        return ColumnType.CATEGORICAL, [], f"{DECIDE}empty in every row seen"
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
        f"{DECIDE}{n_odd:,} values such as {odd[0]!r} are no numbers: such rows are set aside",
    )


def _plain(value: str) -> str:
    return re.sub(r"^(-?\d+)\.0+$", r"\1", value)


def _round(n: int) -> int:
    """The nearest 1, 2 or 5 times a power of ten below n."""
    power = int(10 ** (len(str(n)) - 1))
    steps = [step * power for step in (1, 2, 5)]
    return max(step for step in steps if step <= n)
