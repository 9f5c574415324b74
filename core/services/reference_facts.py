"""What a sample of the reference tells of its columns: which matter to the model, and which go together."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.drift.importance import surrogate_importance
from core.drift.stories import Associations, associations
from core.profile.fitting import stored_name
from core.profile.spec import counted_columns
from core.record import LABEL, PREDICTION, score_columns
from core.schema import ModelSchema

__all__ = ["ReferenceFacts", "facts_of_sample", "read_facts", "sample_columns"]

WEAK = 0.2  # associations below it are not kept


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReferenceFacts:
    """`importance` of each feature, how it was read and what that explains; how strongly columns go together."""

    importance: Mapping[str, float]
    convention: str
    associations: Associations


def facts_of_sample(sample: pd.DataFrame, schema: ModelSchema, left_out: Mapping[str, str]) -> dict[str, Any]:
    """The facts of a reference's sample, in the form that is stored.

    Parameters
    ----------
    sample : DataFrame
        Rows of the reference, in stored columns.
    left_out : mapping of str to str
        Columns that are no measurements.
    """
    columns = sample_columns(sample, schema, [name for name in counted_columns(schema) if name not in left_out])
    features = {name: values for name, values in columns.items() if name in schema.features}
    target, name = _target(sample, schema)
    rng = np.random.default_rng(int(hashlib.sha256(schema.digest.encode()).hexdigest()[:8], 16))
    importance: dict[str, float] = {}
    convention = "nothing is logged that importances could be read from"
    if target is not None and features:
        found = surrogate_importance(features, target, rng=rng)
        importance = {column.column: column.importance for column in found.columns}
        convention = (
            f"shuffled one at a time, what is lost by trees that predict the {name} from the features, on rows they "
            f"weren't trained on; {found.explained.measure} {found.explained.value or 0.0:.2f}, n {found.n:,}"
            if found.is_enough
            else f"importances can't be told: {found.why}"
        )
    together = associations(columns)
    pairs = [
        [first, second, round(together.between(first, second), 4)]
        for first, second in combinations(together.columns, 2)
        if together.between(first, second) >= WEAK
    ]
    names = list(together.columns)
    return {"importance": importance, "convention": convention, "columns": names, "associations": pairs}


def read_facts(content: Mapping[str, Any] | None) -> ReferenceFacts | None:
    """Read what `facts_of_sample` made; None where nothing was stored."""
    if not content:
        return None
    columns = tuple(content["columns"])
    place = {name: number for number, name in enumerate(columns)}
    values = np.eye(len(columns))
    for first, second, value in content["associations"]:
        values[place[first], place[second]] = values[place[second], place[first]] = value
    return ReferenceFacts(
        importance=content["importance"],
        convention=content["convention"],
        associations=Associations(columns=columns, values=values),
    )


def sample_columns(sample: pd.DataFrame, schema: ModelSchema, names: list[str]) -> dict[str, NDArray[Any]]:
    """Columns of a sample by their schema names, as arrays; numbers as floats, anything else as objects."""
    found: dict[str, NDArray[Any]] = {}
    for name in names:
        stored = stored_name(schema, name)
        if stored in sample.columns:
            column = sample[stored]
            if pd.api.types.is_datetime64_any_dtype(column):
                column = column.astype("int64", errors="ignore").where(column.notna())
            if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
                found[name] = column.to_numpy(dtype=np.float64, na_value=np.nan)
            else:
                found[name] = column.astype(object).where(column.notna(), None).to_numpy()
    return found


def _target(sample: pd.DataFrame, schema: ModelSchema) -> tuple[NDArray[Any] | None, str]:
    """What the model gave out: its score, else its prediction, else what turned out."""
    scores = score_columns(schema)
    for column, name in ((scores.get(""), "score"), (PREDICTION, "prediction"), (LABEL, "label")):
        if column is not None and column in sample.columns and sample[column].notna().any():
            values = sample[column]
            is_number = pd.api.types.is_numeric_dtype(values)
            return values.to_numpy(dtype=np.float64 if is_number else object), name
    return None, ""
