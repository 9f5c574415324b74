"""Columns of records made what an estimator reads: floats, and texts in which missing is a group of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import InputError, UnknownNameError
from core.profile.spec import UNKNOWN_GROUP
from core.schema import ColumnType, ModelSchema

__all__ = ["Features", "read_features", "read_groups"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Features:
    """What an estimator reads, and how many infinite values of which column were read as missing."""

    frame: pd.DataFrame
    n_infinite: dict[str, int] = field(default_factory=dict)


def read_features(schema: ModelSchema, names: Sequence[str], frame: pd.DataFrame) -> Features:
    """The columns `names` of some records, as training and scoring both read them.

    A numeric column becomes floats, missing and infinite as NaN; a boolean 1 and 0; a categorical texts,
    missing as the group "Unknown".

    Raises
    ------
    InputError
        If a column is absent, or a value isn't of the column's type.

    Examples
    --------
    >>> schema = ModelSchema.from_dict({"task": "regression", "window": {"rows": 100}, "columns": {
    ...     "age": {"role": "feature", "type": "numeric"}, "job": {"role": "feature", "type": "categorical"}}})
    >>> read_features(schema, ["age", "job"], pd.DataFrame({"age": [31, None], "job": [None, "cook"]})).frame
        age      job
    0  31.0  Unknown
    1   NaN     cook
    """
    absent = [name for name in names if name not in frame.columns]
    if absent:
        raise InputError(f"The records lack {', '.join(map(repr, absent))}, which the model reads.")
    columns: dict[str, pd.Series] = {}
    n_infinite = {}
    for name in names:
        spec = schema.columns.get(name)
        if spec is None:
            raise InputError(f"The model reads {name!r}, which the schema doesn't name.")
        if spec.type is ColumnType.CATEGORICAL:
            columns[name] = _texts(frame[name])
            continue
        values = _floats(frame[name], is_boolean=spec.type is ColumnType.BOOLEAN)
        infinite = np.isinf(values)
        if infinite.any():
            n_infinite[name] = int(infinite.sum())
            values = np.where(infinite, np.nan, values)
        columns[name] = pd.Series(values, index=frame.index)
    return Features(frame=pd.DataFrame(columns, index=frame.index), n_infinite=n_infinite)


def read_groups(schema: ModelSchema, name: str, frame: pd.DataFrame) -> NDArray[Any]:
    """The groups of some records by a column, as texts; missing is the group "Unknown".

    Raises
    ------
    InputError
        If the column is absent, isn't in the schema, or is neither categorical nor boolean.

    Examples
    --------
    >>> schema = ModelSchema.from_dict({"task": "regression", "window": {"rows": 100}, "columns": {
    ...     "member": {"role": "attribute", "type": "boolean"}, "y": {"role": "label"}}})
    >>> read_groups(schema, "member", pd.DataFrame({"member": [True, None, False]})).tolist()
    ['true', 'Unknown', 'false']
    """
    spec = schema.columns.get(name)
    if spec is None:
        raise UnknownNameError("column", name, schema.described)
    if spec.type not in (ColumnType.CATEGORICAL, ColumnType.BOOLEAN):
        raise InputError(f"{name!r} is of type {spec.type}: only a categorical or boolean column names groups.")
    if name not in frame.columns:
        raise InputError(f"The records lack {name!r}, which names the groups.")
    if spec.type is ColumnType.CATEGORICAL:
        return _texts(frame[name]).to_numpy(dtype=object)
    values = _floats(frame[name], is_boolean=True)
    return np.where(np.isnan(values), UNKNOWN_GROUP, np.where(values > 0, "true", "false")).astype(object)


def _floats(column: pd.Series, *, is_boolean: bool) -> NDArray[np.float64]:
    try:
        numbers = column.astype("boolean" if is_boolean else "Float64")
        return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan), dtype=np.float64)
    except (ValueError, TypeError) as error:
        kind = "boolean" if is_boolean else "number"
        raise InputError(f"{column.name}: holds something that is no {kind}: {error}") from error


def _texts(column: pd.Series) -> pd.Series:
    values = column.astype(object)
    texts = values.map(str).where(values.notna(), UNKNOWN_GROUP)
    return pd.Series(texts.to_numpy(dtype=object), index=column.index, dtype=object)
