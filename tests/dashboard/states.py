"""What a workspace can be like when a page opens it: each state names its models and their tables."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from core.governance.identity import LOCAL_OPERATOR as ME
from core.record import BatchRole
from core.workspace import Workspace
from tests.builders import HEADER, SCHEMA, START, rows, write_csv

__all__ = ["HOSTILE", "MODEL", "STATES", "Model", "State", "Table", "build"]

MODEL = "loans"
NOW = datetime(2026, 2, 1, tzinfo=UTC)
REFERENCE_DAYS = 8
PRODUCTION_DAYS = 6
PRODUCTION = START + timedelta(days=REFERENCE_DAYS)
A_DAY = 300
HOSTILE = (
    ":material/home:",
    "<script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "$x$ and $y$",
    ":red[x]",
    "![i](http://evil/x.png)",
    "a | b ~~c~~ **d** `e`",
    "'; DROP TABLE records; --",
    "# no heading",
    "]:red-badge[x",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One file of records."""

    header: Sequence[str] = HEADER
    rows: Sequence[Sequence[object]]

    def write(self, path: Path) -> Path:
        return write_csv(path, self.rows, self.header)


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A schema, what came in on it, and versions registered after the first file."""

    schema: str = SCHEMA
    reference: Sequence[Table] = ()
    production: Sequence[Table] = ()
    versions: Sequence[str] = ()

    def without_versions(self) -> Model:
        return replace(self, versions=())


State = Mapping[str, Model]


def build(folder: Path, state: State) -> Path:
    """A workspace with the models of a state, taken in and counted."""
    files = folder.with_name(f"{folder.name}-files")
    files.mkdir()
    workspace = Workspace.open(folder, clock=lambda: NOW)
    try:
        for name, model in state.items():
            workspace.models.add(ME, name, model.schema)
            for role, tables in ((BatchRole.REFERENCE, model.reference), (BatchRole.PRODUCTION, model.production)):
                for number, table in enumerate(tables):
                    file = table.write(files / f"{name}-{role}-{number}.csv")
                    outcome = workspace.records.add(ME, name, [file], role=role)[0]
                    assert outcome.error is None, outcome.error
                    assert outcome.n_rejected == 0, outcome.reasons
                    for version in model.versions:
                        workspace.versions.add(ME, name, version)
                    model = model.without_versions()  # noqa: PLW2901
            workspace.profiles.refresh(ME, name)
    finally:
        workspace.close()
    return folder


def reference(days: int = REFERENCE_DAYS) -> Table:
    """Days of reference that end where production begins."""
    start = PRODUCTION - timedelta(days=days)
    return Table(rows=rows(days * A_DAY, start=start, days=days, prefix="ref"))


def production(n: int = PRODUCTION_DAYS * A_DAY, *, days: int = PRODUCTION_DAYS, labels: bool = True) -> Table:
    """Days of production drawn as the reference is."""
    return Table(rows=rows(n, start=PRODUCTION, days=days, seed=1, prefix="live", labels=labels))


def moved(table: Table, *, from_day: int) -> Table:
    """From a day on: amounts higher, a new colour, scores that mean nothing, and women declined."""
    since = (PRODUCTION + timedelta(days=from_day)).isoformat()
    place = {name: number for number, name in enumerate(table.header)}
    found = []
    for number, row in enumerate(table.rows):
        cells = list(row)
        if str(cells[place["at"]]) >= since:
            cells[place["amount"]] = round(float(str(cells[place["amount"]])) + 40, 3)
            if number % 3 == 0:
                cells[place["colour"]] = "violet"
            if cells[place["sex"]] == "f":
                cells[place["decision"]] = 0
            cells[place["outcome"]] = number % 2
        found.append(cells)
    return replace(table, rows=found)


def empty() -> State:
    """A workspace without a model."""
    return {}


def no_reference() -> State:
    """Production records and nothing to hold them against."""
    return {MODEL: Model(production=[production(200, days=2)])}


def no_records() -> State:
    """A reference, and nothing served yet."""
    return {MODEL: Model(reference=[reference()])}


def not_armed() -> State:
    """Three reference windows, seven are needed; and much has moved."""
    return {MODEL: Model(reference=[reference(3)], production=[moved(production(), from_day=0)])}


def too_few() -> State:
    """Two rows a day in production."""
    return {MODEL: Model(reference=[reference()], production=[production(12)])}


def no_label() -> State:
    """A reference with labels, production without one."""
    return {MODEL: Model(reference=[reference()], production=[production(labels=False)])}


def stable() -> State:
    """Nothing happens."""
    return {MODEL: Model(reference=[reference()], production=[production()])}


def drifted() -> State:
    """From the fourth day of production on, everything that can move has."""
    return {MODEL: Model(reference=[reference()], production=[moved(production(), from_day=3)])}


def two_versions() -> State:
    """Version v2 takes over on the fourth day."""
    late = PRODUCTION + timedelta(days=3)
    first = Table(rows=rows(3 * A_DAY, start=PRODUCTION, days=3, seed=1, prefix="a"))
    second = Table(rows=rows(3 * A_DAY, start=late, days=3, seed=2, prefix="b", version="v2"))
    return {MODEL: Model(reference=[reference()], production=[first, second], versions=["v2"])}


def hostile() -> State:
    """Names of columns, categories, groups, classes and versions that are markup, scripts and formulas."""
    names = dict(zip(HEADER, HEADER, strict=True))
    names |= {"amount": HOSTILE[1], "colour": HOSTILE[0], "sex": HOSTILE[2], "region": HOSTILE[4]}
    words = {
        "colour": dict(zip(("red", "green", "blue", "violet"), HOSTILE[1:5], strict=True)),
        "sex": {"f": HOSTILE[7], "m": HOSTILE[5]},
        "region": {"north": HOSTILE[3], "south": HOSTILE[9]},
        "version": {"v1": HOSTILE[8]},
        "decision": {"0": HOSTILE[6], "1": HOSTILE[0]},
        "outcome": {"0": HOSTILE[6], "1": HOSTILE[0]},
    }
    roles = SCHEMA.split("[columns]")[1]
    for old, new in names.items():
        roles = roles.replace(f"\n{old} = ", f"\n{json.dumps(new)} = ")
    schema = (
        f"purpose = {json.dumps(HOSTILE[2])}\nowner = {json.dumps(HOSTILE[5])}\n"
        'task = "binary"\ntimezone = "UTC"\n[window]\nevery = "day"\n[outcome]\n'
        f"classes = {json.dumps([HOSTILE[6], HOSTILE[0]])}\npositive = {json.dumps(HOSTILE[0])}\n"
        f"favourable_word = {json.dumps(HOSTILE[4])}\n[columns]{roles}"
    )

    def renamed(table: Table) -> Table:
        cells = [
            [words.get(name, {}).get(str(cell), cell) for name, cell in zip(HEADER, row, strict=True)]
            for row in table.rows
        ]
        return Table(header=[names[name] for name in HEADER], rows=cells)

    live = renamed(moved(production(), from_day=3))
    return {MODEL: Model(schema=schema, reference=[renamed(reference())], production=[live])}


def regression() -> State:
    """A model of an amount, without protected attributes; its errors grow on the fourth day."""
    schema = """
task = "regression"
timezone = "UTC"
[window]
every = "day"
[columns]
id = { role = "id" }
at = { role = "timestamp" }
amount = { role = "feature", type = "numeric" }
colour = { role = "feature", type = "categorical" }
predicted = { role = "prediction" }
actual = { role = "label" }
"""
    header = ("id", "at", "amount", "colour", "predicted", "actual")
    late = (PRODUCTION + timedelta(days=3)).isoformat()

    def table(source: Table) -> Table:
        found = []
        for key, at, _version, amount, colour, _sex, _region, score, _decision, _outcome in source.rows:
            predicted = 10 * float(str(amount))
            actual = predicted + 300 * (float(str(score)) - 0.29) + (120 if str(at) >= late else 0)
            found.append([key, at, amount, colour, round(predicted, 2), round(actual, 2)])
        return Table(header=header, rows=found)

    return {MODEL: Model(schema=schema, reference=[table(reference())], production=[table(production())])}


def multiclass() -> State:
    """Three classes with a probability each; the fourth day confuses two of them."""
    classes = ("bill", "letter", "other")
    schema = f"""
task = "multiclass"
timezone = "UTC"
[window]
every = "day"
[outcome]
classes = {json.dumps(classes)}
[columns]
id = {{ role = "id" }}
at = {{ role = "timestamp" }}
amount = {{ role = "feature", type = "numeric" }}
sex = {{ role = "attribute", type = "categorical", protected = true }}
p_bill = {{ role = "score", class = "bill" }}
p_letter = {{ role = "score", class = "letter" }}
p_other = {{ role = "score", class = "other" }}
said = {{ role = "prediction" }}
was = {{ role = "label" }}
"""
    header = ("id", "at", "amount", "sex", "p_bill", "p_letter", "p_other", "said", "was")
    late = (PRODUCTION + timedelta(days=3)).isoformat()

    def table(source: Table) -> Table:
        found = []
        for number, (key, at, _version, amount, _colour, sex, _region, score, _decision, _outcome) in enumerate(
            source.rows
        ):
            said = number % 3
            chance = 0.5 + float(str(score)) / 2
            is_right = (number * 7919) % 100 < 100 * chance and not (str(at) >= late and said == 0 and number % 2)
            was = said if is_right else (said + 1) % 3
            shares = [round((1 - chance) / 2, 4)] * 3
            shares[said] = round(1 - 2 * shares[said], 4)
            found.append([key, at, amount, sex, *shares, classes[said], classes[was]])
        return Table(header=header, rows=found)

    return {MODEL: Model(schema=schema, reference=[table(reference())], production=[table(production())])}


def fleet() -> State:
    """One model in each state."""
    kinds: dict[str, Callable[[], State]] = {
        "drifted": drifted,
        "stable": stable,
        "not-armed": not_armed,
        "no-label": no_label,
        "no-reference": no_reference,
        "no-records": no_records,
    }
    return {name: state()[MODEL] for name, state in kinds.items()}


STATES: dict[str, Callable[[], State]] = {
    kind.__name__: kind
    for kind in (
        empty,
        no_reference,
        no_records,
        not_armed,
        too_few,
        no_label,
        stable,
        drifted,
        two_versions,
        hostile,
        regression,
        multiclass,
        fleet,
    )
}
