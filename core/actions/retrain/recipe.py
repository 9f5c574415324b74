"""The recipe of a retraining: which estimator, from which features, held out how; TOML that people read and edit."""

from __future__ import annotations

import hashlib
import json
import tomllib
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_validator,
    model_serializer,
    model_validator,
)

from core.actions.retrain.mitigation_plan import Method, Mitigation
from core.errors import InputError, SchemaError, UnknownNameError
from core.schema import ColumnType, ModelSchema, Role, Task

__all__ = [
    "Calibration",
    "Estimator",
    "GradientBoosting",
    "Holdout",
    "Linear",
    "RandomForest",
    "Recipe",
    "default_recipe",
    "features_of",
]

LEARNABLE = (ColumnType.NUMERIC, ColumnType.CATEGORICAL, ColumnType.BOOLEAN)


class Estimator(StrEnum):
    """What is fitted."""

    LINEAR = "linear"
    RANDOM_FOREST = "random_forest"
    GRADIENT_BOOSTING = "gradient_boosting"


class Calibration(StrEnum):
    """How a classifier's scores are made probabilities, on records it didn't learn from."""

    NONE = "none"
    SIGMOID = "sigmoid"
    ISOTONIC = "isotonic"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Linear(_Strict):
    """Logistic regression, or ridge regression with alpha = 1 / (2 C); names are scikit-learn's."""

    estimator: Annotated[Literal["linear"], Field(exclude=True)] = "linear"
    C: Annotated[float, Field(ge=1e-4, le=1e4)] = 1.0


class RandomForest(_Strict):
    """A random forest; names are scikit-learn's."""

    estimator: Annotated[Literal["random_forest"], Field(exclude=True)] = "random_forest"
    n_estimators: Annotated[int, Field(ge=10, le=1000)] = 200
    max_depth: Annotated[int | None, Field(ge=1, le=64)] = None
    min_samples_leaf: Annotated[int, Field(ge=1, le=100_000)] = 20


class GradientBoosting(_Strict):
    """Histogram gradient boosting; names are scikit-learn's."""

    estimator: Annotated[Literal["gradient_boosting"], Field(exclude=True)] = "gradient_boosting"
    max_iter: Annotated[int, Field(ge=10, le=2000)] = 100
    learning_rate: Annotated[float, Field(ge=1e-3, le=1.0)] = 0.1
    max_leaf_nodes: Annotated[int, Field(ge=2, le=255)] = 31
    min_samples_leaf: Annotated[int, Field(ge=1, le=100_000)] = 20
    l2_regularization: Annotated[float, Field(ge=0.0, le=1e4)] = 0.0


Hyperparameters = Annotated[Linear | RandomForest | GradientBoosting, Field(discriminator="estimator")]


class Holdout(_Strict):
    """The most recent records, which nothing is fitted to: a `share` of all rows, or the last `days`."""

    share: Annotated[float | None, Field(ge=0.05, le=0.5)] = None
    days: Annotated[float | None, Field(gt=0.0, le=3660.0)] = None

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.share is None) == (self.days is None):
            raise ValueError("give exactly one of share (of all rows) and days (the most recent ones)")
        return self


class Recipe(_Strict):
    """How a model is retrained.

    Parameters
    ----------
    features : tuple of str or None
        What is learnt from, in this order. None is every feature of the schema that a model can be fitted
        to, without protected ones; a protected one must be named here.
    calibration_share : float
        The share of the rows before the held-out ones that calibration takes, and thresholds by group: the most
        recent ones.
    min_rows : int
        How many rows the estimator must have to learn from.
    n_jobs : int
        How many threads fitting may use. It changes no prediction of a forest; for the others, the last
        digits.
    mitigation : Mitigation or None
        How groups are to be treated more alike, if at all.

    Examples
    --------
    >>> recipe = Recipe.from_toml('''
    ... estimator = "gradient_boosting"
    ... calibration = "isotonic"
    ... [hyperparameters]
    ... learning_rate = 0.05
    ... [holdout]
    ... days = 28
    ... ''')
    >>> recipe.hyperparameters.learning_rate, recipe.hyperparameters.max_iter, recipe.holdout.days
    (0.05, 100, 28.0)
    """

    estimator: Estimator
    hyperparameters: Hyperparameters
    calibration: Calibration = Calibration.NONE
    calibration_share: Annotated[float, Field(ge=0.05, le=0.5)] = 0.2
    features: tuple[str, ...] | None = None
    holdout: Holdout = Holdout(share=0.2)
    min_rows: Annotated[int, Field(ge=50, le=100_000_000)] = 500
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    n_jobs: Annotated[int, Field(ge=1, le=64)] = 1
    mitigation: Mitigation | None = None

    @model_serializer(mode="wrap")
    def _without_what_is_not_asked_for(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """A recipe without mitigation is written, and so digested, as before there was any."""
        written: dict[str, Any] = handler(self)
        if self.mitigation is None:
            written.pop("mitigation", None)
        return written

    @model_validator(mode="after")
    def _calibration_keeps_mitigation(self) -> Self:
        by_weights = self.mitigation is not None and self.mitigation.method is Method.GRID_SEARCH
        if by_weights and self.calibration is not Calibration.NONE:
            raise ValueError("calibration undoes what the weights of grid_search do: use calibration = 'none'")
        return self

    @model_validator(mode="before")
    @classmethod
    def _say_whose_hyperparameters(cls, data: Any) -> Any:
        """Tag the table of hyperparameters with the estimator, so that only its own keys fit."""
        if not isinstance(data, dict) or "estimator" not in data:
            return data
        given = data.get("hyperparameters", {})
        if data["estimator"] not in list(Estimator):
            given = {"estimator": Estimator.LINEAR.value}  # the estimator itself is what is complained about
        elif isinstance(given, dict):
            given = {**given, "estimator": str(data["estimator"])}
        return {**data, "hyperparameters": given}

    @field_validator("features")
    @classmethod
    def _distinct(cls, features: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if features is not None and not features:
            raise ValueError("names no feature; leave the key out for the features of the schema")
        if features is not None and len(set(features)) != len(features):
            raise ValueError("names a feature twice")
        return features

    @model_validator(mode="after")
    def _hyperparameters_fit(self) -> Self:
        if self.hyperparameters.estimator != self.estimator:
            raise ValueError(f"hyperparameters of {self.hyperparameters.estimator} with estimator {self.estimator}")
        return self

    @property
    def keeps_aside(self) -> bool:
        """Whether rows between those learnt from and those held out serve to calibrate, or to choose thresholds."""
        by_group = self.mitigation is not None and self.mitigation.needs_group
        return by_group or self.calibration is not Calibration.NONE

    @classmethod
    def from_toml(cls, text: str, source: str = "recipe") -> Recipe:
        """Read and check a recipe; raises SchemaError that names every wrong key."""
        try:
            data = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise SchemaError(source, [("TOML", str(error))]) from error
        return cls.from_dict(data, source)

    @classmethod
    def from_dict(cls, data: dict[str, Any], source: str = "recipe") -> Recipe:
        """Check a recipe that is already a dictionary."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = [_explain(detail["loc"], detail["msg"], detail["type"]) for detail in error.errors()]
            if "estimator" not in data:  # the table of hyperparameters can't be read without it
                problems = [problem for problem in problems if not problem[0].startswith("hyperparameters")]
            raise SchemaError(source, problems) from error

    def to_toml(self) -> str:
        """The recipe as TOML that `from_toml` reads back, with every default written out."""
        data = self.model_dump(mode="json", exclude_none=True)
        tables = {key: value for key, value in data.items() if isinstance(value, dict)}
        lines = [f"{key} = {_toml(value)}" for key, value in data.items() if key not in tables]
        for name, table in tables.items():
            lines += ["", f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in table.items())]
        return "\n".join(lines) + "\n"

    def canonical_json(self) -> str:
        """The one spelling of this recipe that is stored and digested; defaults are written out."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


def default_recipe(schema: ModelSchema) -> Recipe:
    """The recipe a model starts with: gradient boosting, its features written out, the last fifth of the rows held out.

    Raises
    ------
    InputError
        If the schema has no feature that a model can be fitted to.

    Examples
    --------
    >>> schema = ModelSchema.from_dict({"task": "regression", "window": {"rows": 100}, "columns": {
    ...     "age": {"role": "feature", "type": "numeric"}, "note": {"role": "feature", "type": "text"},
    ...     "sex": {"role": "feature", "type": "categorical", "protected": True}, "y": {"role": "label"}}})
    >>> default_recipe(schema).features
    ('age',)
    """
    recipe = Recipe(estimator=Estimator.GRADIENT_BOOSTING, hyperparameters=GradientBoosting())
    return recipe.model_copy(update={"features": features_of(recipe, schema)})


def features_of(recipe: Recipe, schema: ModelSchema) -> tuple[str, ...]:
    """What a recipe learns from under a schema.

    Raises
    ------
    InputError
        If a column that the recipe names doesn't exist or can't be learnt from, or if none is left.
    """
    if schema.task is Task.REGRESSION and recipe.calibration is not Calibration.NONE:
        raise InputError(f"calibration = '{recipe.calibration}' is for classification, the task is regression.")
    if recipe.features is None:
        protected = set(schema.protected)
        features = tuple(
            name for name in schema.features if name not in protected and schema.columns[name].type in LEARNABLE
        )
        if not features:
            raise InputError(
                f"The schema has no feature of type {', '.join(LEARNABLE)} that is not protected; "
                "name what to learn from as features = [...] in the recipe."
            )
        return features
    for name in recipe.features:
        if name not in schema.columns:
            raise UnknownNameError("column", name, schema.described, hint="The recipe names it under features.")
        spec = schema.columns[name]
        if spec.role not in (Role.FEATURE, Role.ATTRIBUTE):
            raise InputError(
                f"features: {name!r} has role {spec.role}; only features and attributes can be learnt from."
            )
        if spec.type not in LEARNABLE:
            raise InputError(
                f"features: {name!r} is of type {spec.type}; the trainer reads {', '.join(LEARNABLE)} columns. "
                "Leave it out, or log what is derived from it."
            )
    return recipe.features


def _toml(value: Any) -> str:
    # JSON's spelling of texts, numbers, truth values and lists is TOML's, but for the character DEL.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _explain(location: tuple[int | str, ...], message: str, kind: str) -> tuple[str, str]:
    """A pydantic problem as (key path, plain sentence)."""
    tags = set(Estimator)
    parts = [part for place, part in enumerate(location) if not (place == 1 and part in tags)]
    key = ".".join(str(part) for part in parts) or "recipe"
    if kind == "missing":
        return key, "is required"
    if kind == "extra_forbidden":
        return key, "is no key of a recipe" if len(parts) == 1 else "is no key of this table"
    return key, message.removeprefix("Value error, ")
