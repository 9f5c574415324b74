"""The model schema: what each column of a prediction log is, and what counts as good.

A schema is TOML that a person can read and edit; `ModelSchema.from_toml` checks it and names every
key that is wrong. See docs/model-schema.md for the keys.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections import Counter
from enum import StrEnum
from typing import Annotated, Self
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from core.errors import SchemaError

__all__ = [
    "ColumnSpec",
    "ColumnType",
    "CostSpec",
    "LabelSpec",
    "ModelSchema",
    "Outcome",
    "Role",
    "SampleSpec",
    "Task",
    "WindowSpec",
    "WindowUnit",
]

MAX_COLUMNS = 5_000
MAX_CLASSES = 100
NUMERIC_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "-")


class Task(StrEnum):
    """What the model predicts."""

    BINARY = "binary"
    MULTICLASS = "multiclass"
    REGRESSION = "regression"


class Role(StrEnum):
    """What a column is for; a feature is what the model reads, an attribute only describes the row."""

    FEATURE = "feature"
    ATTRIBUTE = "attribute"
    ID = "id"
    TIMESTAMP = "timestamp"
    VERSION = "version"
    SCORE = "score"
    PREDICTION = "prediction"
    LABEL = "label"
    LABEL_TIME = "label_time"
    VARIANT = "variant"
    WEIGHT = "weight"
    EXPLORED = "explored"
    IGNORE = "ignore"


SINGLE_ROLES = frozenset(Role) - {Role.FEATURE, Role.ATTRIBUTE, Role.SCORE, Role.IGNORE}


class ColumnType(StrEnum):
    """How the values of a feature or attribute are read and counted."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    BOOLEAN = "boolean"
    TEXT = "text"
    TIMESTAMP = "timestamp"


class WindowUnit(StrEnum):
    """The calendar windows; weeks start on Monday (ISO 8601)."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class ColumnSpec(_Strict):
    """One column of the log. `type` is needed for features and attributes only."""

    role: Role
    type: ColumnType | None = None
    protected: bool = False
    segment: bool = False
    class_: Annotated[str | None, Field(alias="class")] = None
    reference_group: str | None = None
    missing: tuple[str, ...] = ()
    format: str = "iso"
    importance: Annotated[float | None, Field(ge=0)] = None
    output_of: Annotated[str | None, Field(min_length=1, max_length=200)] = None

    @model_validator(mode="after")
    def _fits_its_role(self) -> Self:
        describes = self.role in (Role.FEATURE, Role.ATTRIBUTE)
        if describes and self.type is None:
            raise ValueError(f"needs a type, one of {', '.join(ColumnType)}")
        if not describes and (self.protected or self.segment):
            raise ValueError(
                f"only a feature or attribute can be protected or a segment, not a column of role {self.role}"
            )
        if (self.protected or self.segment) and self.type not in (ColumnType.CATEGORICAL, ColumnType.BOOLEAN):
            raise ValueError(
                "a protected or segment column must be categorical or boolean; band a numeric one before logging it"
            )
        if self.reference_group is not None and not self.protected:
            raise ValueError("reference_group goes with protected = true")
        if self.output_of is not None and self.role is not Role.FEATURE:
            raise ValueError("output_of names the model whose output a feature is; it goes with role = 'feature'")
        if self.class_ is not None and self.role is not Role.SCORE:
            raise ValueError("class goes with role = 'score'")
        return self


class WindowSpec(_Strict):
    """Either a calendar unit (`every`) or a number of rows in file order (`rows`)."""

    every: WindowUnit | None = None
    rows: Annotated[int | None, Field(ge=1)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.every is None) == (self.rows is None):
            raise ValueError("give exactly one of every (hour, day, week, month, quarter) and rows (a number)")
        return self


class Outcome(_Strict):
    """The classes, which of them the score is the probability of, and which is good for the person."""

    classes: tuple[str, ...] = ()
    positive: str | None = None
    favourable: str | None = None
    favourable_word: str = "selected"
    threshold: float | None = None

    @field_validator("classes")
    @classmethod
    def _distinct(cls, classes: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(classes)) != len(classes):
            raise ValueError("names a class twice")
        if len(classes) > MAX_CLASSES:
            raise ValueError(f"has {len(classes)} classes, at most {MAX_CLASSES} are supported")
        return classes


class CostSpec(_Strict):
    """What a row costs by what was predicted and what turned out, in a currency; a gain is negative."""

    currency: Annotated[str, Field(pattern=r"^[A-Za-z]{1,8}$")]
    amounts: dict[str, dict[str, Annotated[float, Field(allow_inf_nan=False)]]]

    @property
    def classes(self) -> tuple[str, ...]:
        """Every class that is named."""
        return tuple(dict.fromkeys([*self.amounts, *(label for row in self.amounts.values() for label in row)]))


class EstimateSpec(_Strict):
    """How wide the interval of an estimate without labels may be, end to end, by measure; wider ones aren't shown."""

    widest: dict[str, Annotated[float, Field(gt=0)]] = {}


class LabelSpec(_Strict):
    """How long labels usually take. A window is mature when it ended this many days ago."""

    delay_days: Annotated[float, Field(ge=0)] = 0.0


class SampleSpec(_Strict):
    """How many rows a window are kept at hand for what counts can't answer; 0 for none."""

    rows: Annotated[int, Field(ge=0, le=100_000)] = 2_000


class ModelSchema(_Strict):
    """What each column of a model's log is, which windows it is cut into and what counts as good.

    Examples
    --------
    >>> schema = ModelSchema.from_toml('''
    ... task = "binary"
    ... [window]
    ... rows = 500
    ... [outcome]
    ... classes = ["no", "yes"]
    ... positive = "yes"
    ... [columns]
    ... age = { role = "feature", type = "numeric" }
    ... p = { role = "score" }
    ... y = { role = "label" }
    ... ''')
    >>> schema.name_of(Role.LABEL), schema.features
    ('y', ('age',))
    """

    task: Task
    timezone: str = "UTC"
    version: str | None = None
    purpose: str = ""
    owner: str = ""
    window: WindowSpec
    outcome: Outcome = Outcome()
    costs: CostSpec | None = None
    labels: LabelSpec = LabelSpec()
    estimates: EstimateSpec = EstimateSpec()
    sample: SampleSpec = SampleSpec()
    columns: dict[str, ColumnSpec]

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, OSError) as error:
            raise ValueError(f"{name!r} is no IANA time zone such as 'Europe/Berlin'") from error
        return name

    @field_validator("columns")
    @classmethod
    def _columns_fit(cls, columns: dict[str, ColumnSpec]) -> dict[str, ColumnSpec]:
        if not columns:
            raise ValueError("names no column")
        if len(columns) > MAX_COLUMNS:
            raise ValueError(f"names {len(columns)} columns, at most {MAX_COLUMNS} are supported")
        reserved = [name for name in columns if name.startswith("@") or not name.strip()]
        if reserved:
            raise ValueError(f"{reserved[0]!r}: a column name may not be empty or start with '@'")
        roles = Counter(spec.role for spec in columns.values())
        for role in SINGLE_ROLES:
            if roles[role] > 1:
                names = [name for name, spec in columns.items() if spec.role is role]
                raise ValueError(
                    f"{', '.join(map(repr, names))} all have role {role}; one may, set the others to 'ignore'"
                )
        return columns

    @model_validator(mode="after")
    def _outcome_fits_the_task(self) -> Self:
        outcome = self.outcome
        if self.task is Task.REGRESSION:
            if outcome.classes or outcome.positive or outcome.favourable or self.costs:
                raise ValueError(
                    "outcome.classes, positive, favourable and costs are for classification, the task is regression"
                )
            return self
        if len(outcome.classes) < 2:
            raise ValueError("outcome.classes must name the classes, for example classes = ['0', '1']")
        if self.task is Task.BINARY and len(outcome.classes) != 2:
            raise ValueError(f"outcome.classes must name two classes for a binary task, not {len(outcome.classes)}")
        for key, value in (("positive", outcome.positive), ("favourable", outcome.favourable)):
            if value is not None and value not in outcome.classes:
                known = ", ".join(map(repr, outcome.classes))
                raise ValueError(f"outcome.{key} = {value!r} is none of the classes {known}")
        unknown = [name for name in (self.costs.classes if self.costs else ()) if name not in outcome.classes]
        if unknown:
            raise ValueError(f"costs.amounts names {unknown[0]!r}, which is none of {', '.join(outcome.classes)}")
        return self

    @model_validator(mode="after")
    def _columns_fit_the_task(self) -> Self:
        scores = [spec for spec in self.columns.values() if spec.role is Role.SCORE]
        if self.window.every is not None and self.name_of(Role.TIMESTAMP) is None:
            raise ValueError(
                f"window.every = '{self.window.every}' needs a column of role timestamp; use window.rows without one"
            )
        if self.task is Task.REGRESSION and scores and self.name_of(Role.PREDICTION):
            raise ValueError("a regression's score is its prediction: give one of the two roles")
        if self.task is Task.MULTICLASS:
            if scores and sorted(str(spec.class_) for spec in scores) != sorted(self.outcome.classes):
                raise ValueError("a multiclass model needs one score column a class, each with class = '...'; or none")
            return self
        if len(scores) > 1:
            raise ValueError("several columns have role score; a binary or regression model has one")
        if any(spec.class_ for spec in scores):
            raise ValueError("class on a score column is for multiclass models")
        return self

    @classmethod
    def from_toml(cls, text: str, source: str = "schema") -> ModelSchema:
        """Read and check a schema; raises SchemaError that names every wrong key."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SchemaError(source, [("TOML", str(error))]) from error
        return cls.from_dict(data, source)

    @classmethod
    def from_dict(cls, data: dict[str, object], source: str = "schema") -> ModelSchema:
        """Check a schema that is already a dictionary."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise SchemaError(
                source, [_explain(detail["loc"], detail["msg"], detail["type"]) for detail in error.errors()]
            ) from error

    def canonical_json(self) -> str:
        """The one spelling of this schema that is stored and digested."""
        return json.dumps(
            self.model_dump(mode="json", by_alias=True, exclude_defaults=True),
            separators=(",", ":"),
            ensure_ascii=False,
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()

    def name_of(self, role: Role) -> str | None:
        """The column that has a role which only one column can have, or None."""
        return next((name for name, spec in self.columns.items() if spec.role is role), None)

    @property
    def scores(self) -> dict[str, str]:
        """Score columns by the class they speak of; the key is '' for a binary or regression model."""
        return {spec.class_ or "": name for name, spec in self.columns.items() if spec.role is Role.SCORE}

    @property
    def features(self) -> tuple[str, ...]:
        """What the model reads, in schema order."""
        return tuple(name for name, spec in self.columns.items() if spec.role is Role.FEATURE)

    @property
    def stacked_on(self) -> dict[str, tuple[str, ...]]:
        """Other models whose outputs are features of this one, and which features those are."""
        found: dict[str, tuple[str, ...]] = {}
        for name, spec in self.columns.items():
            if spec.output_of is not None:
                found[spec.output_of] = (*found.get(spec.output_of, ()), name)
        return found

    @property
    def described(self) -> tuple[str, ...]:
        """Features and attributes: every column whose values are counted."""
        return tuple(name for name, spec in self.columns.items() if spec.role in (Role.FEATURE, Role.ATTRIBUTE))

    @property
    def protected(self) -> tuple[str, ...]:
        """Columns whose groups are compared."""
        return tuple(name for name, spec in self.columns.items() if spec.protected)

    @property
    def segments(self) -> tuple[str, ...]:
        """Columns by whose values the counts can be split."""
        return tuple(name for name, spec in self.columns.items() if spec.segment)

    @property
    def positive(self) -> str | None:
        """The class the score is the probability of: as declared, else the last of two classes."""
        if self.task is not Task.BINARY:
            return None
        return self.outcome.positive or self.outcome.classes[1]

    @property
    def favourable(self) -> str | None:
        """The class that is good for the person: as declared, else the positive class."""
        return self.outcome.favourable or self.positive

    @property
    def decides_by_threshold(self) -> bool:
        """Whether the decision is made here, from score and threshold, as no prediction is logged."""
        return (
            self.task is Task.BINARY
            and self.name_of(Role.PREDICTION) is None
            and bool(self.scores)
            and self.outcome.threshold is not None
        )


def _explain(location: tuple[int | str, ...], message: str, kind: str) -> tuple[str, str]:
    """A pydantic problem as (key path, plain sentence)."""
    key = ".".join(str(part) for part in location) or "schema"
    if kind == "missing":
        return key, "is required"
    if kind == "extra_forbidden":
        return key, "is no key of a model schema"
    return key, message.removeprefix("Value error, ")
