"""Fit a profile's bins on the reference, one column at a time so that memory stays that of a column."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.profile.facts import ColumnFacts, codes_of_values, facts_of_categories, facts_of_numbers
from core.profile.spec import N_CALIBRATION, ProfileSpec, counted_columns, crossing_name, crossings_of
from core.record import (
    EXPLORED,
    LABEL,
    LABEL_TIME,
    PREDICTION,
    TIMESTAMP,
    VARIANT,
    VERSION,
    WEIGHT,
    score_columns,
)
from core.schema import ColumnType, ModelSchema, Role, Task
from core.stats.binning import CategoryBins, NumericBins, fit_categories, fit_numeric, fit_scores, pool_adjacent

__all__ = ["column_floats", "fit_profile", "measured_type", "to_floats"]

ReadColumn = Callable[[str], pa.ChunkedArray]
Ints = NDArray[np.int64]

MAX_GROUPS = 50
MAX_SEGMENTS = 20


def fit_profile(
    schema: ModelSchema, read: ReadColumn, *, windows: Ints, reference_digests: Sequence[str]
) -> ProfileSpec:
    """The bins of all columns of the reference, and what only its rows can tell of them.

    Parameters
    ----------
    schema : ModelSchema
    read : callable
        Gives one stored column of the whole reference, as an Arrow array.
    windows : int array of shape (n_rows,)
        The window of each row of the reference.
    reference_digests : sequence of str
        Names the batches that the reference is made of.
    """
    columns: dict[str, NumericBins | CategoryBins] = {}
    left_out: dict[str, str] = {}
    novel: dict[str, Mapping[int, int]] = {}
    is_novel = np.zeros(windows.size, dtype=bool)
    for name in counted_columns(schema):
        columns[name], facts = _fit_column(schema, name, read, windows)
        if facts.left_out:
            left_out[name] = facts.left_out
        else:
            novel[name] = facts.novel_by_window(windows)
            is_novel |= facts.is_novel
    novel[""] = ColumnFacts(left_out="", is_novel=is_novel).novel_by_window(windows)
    scores = {label: fit_scores(to_floats(read(name))) for label, name in score_columns(schema).items()}
    centre = 0.0
    if schema.task is Task.REGRESSION:
        scores = {"": fit_scores(to_floats(read(PREDICTION)))}
        labels = to_floats(read(LABEL))
        labels = labels[np.isfinite(labels)]
        centre = float(labels.mean()) if labels.size else 0.0
    calibration: tuple[int, ...] = ()
    if "" in scores and scores[""].n_bins:
        values = to_floats(read(PREDICTION if schema.task is Task.REGRESSION else score_columns(schema)[""]))
        counts = np.bincount(scores[""].assign(values), minlength=scores[""].size)[: scores[""].n_bins]
        calibration = tuple(pool_adjacent(counts.astype(np.int64), N_CALIBRATION).tolist())
    groups = {name: _frequent(read(name), MAX_GROUPS) for name in schema.protected}
    return ProfileSpec(
        schema_digest=schema.digest,
        reference_digests=tuple(reference_digests),
        task=schema.task,
        classes=schema.outcome.classes,
        columns=columns,
        scores=scores,
        calibration_groups=calibration,
        groups=groups,
        crossings={crossing_name(crossed): crossed for crossed, _, is_counted in crossings_of(groups) if is_counted},
        segments={name: _frequent(read(name), MAX_SEGMENTS) for name in schema.segments},
        centre=centre,
        has_explored=schema.task is Task.BINARY and schema.name_of(Role.EXPLORED) is not None,
        left_out=left_out,
        novel=novel,
    )


def measured_type(schema: ModelSchema, column: str) -> ColumnType:
    """How a column's values are counted; score and prediction take their type from the task."""
    spec = schema.columns[column]
    if spec.type is not None:
        return spec.type
    if spec.role is Role.SCORE or schema.task is Task.REGRESSION:
        return ColumnType.NUMERIC
    return ColumnType.CATEGORICAL


def stored_name(schema: ModelSchema, column: str) -> str:
    """Where a schema column's values lie in a stored record."""
    spec = schema.columns[column]
    if spec.role is Role.PREDICTION or (spec.role is Role.SCORE and schema.task is Task.REGRESSION):
        return PREDICTION
    if spec.role is Role.SCORE:
        return score_columns(schema)[spec.class_ or ""]
    return column


def stored_columns(schema: ModelSchema) -> list[str]:
    """The columns of a stored record that counting reads."""
    own = [TIMESTAMP, VERSION, PREDICTION, LABEL, *score_columns(schema).values()]
    optional = {
        Role.LABEL_TIME: LABEL_TIME,
        Role.VARIANT: VARIANT,
        Role.WEIGHT: WEIGHT,
        Role.EXPLORED: EXPLORED,
    }
    own += [stored for role, stored in optional.items() if schema.name_of(role)]
    return list(dict.fromkeys([*own, *(stored_name(schema, name) for name in counted_columns(schema))]))


def _fit_column(
    schema: ModelSchema, column: str, read: ReadColumn, windows: Ints
) -> tuple[NumericBins | CategoryBins, ColumnFacts]:
    values = read(stored_name(schema, column))
    kind = measured_type(schema, column)
    if kind in (ColumnType.BOOLEAN, ColumnType.CATEGORICAL):
        codes, n_distinct = codes_of_values(values)
        facts = facts_of_categories(codes, windows, n_distinct=n_distinct)
        if kind is ColumnType.BOOLEAN:
            return CategoryBins(categories=("false", "true")), facts
        return fit_categories(_value_counts(values)), facts
    numbers = column_floats(schema, column, values, read(TIMESTAMP) if kind is ColumnType.TIMESTAMP else None)
    bins = fit_numeric(numbers)
    return bins, facts_of_numbers(numbers, windows, by_value=bins.exact)


def column_floats(
    schema: ModelSchema, column: str, values: pa.ChunkedArray, recorded: pa.ChunkedArray | None
) -> NDArray[np.float64]:
    """A column as it is counted: instants by their age in days when the record was made, if that is known.

    An instant as such is always later than the reference's; how long ago it was is what a model sees.
    """
    floats = to_floats(values)
    is_aged = measured_type(schema, column) is ColumnType.TIMESTAMP and schema.name_of(Role.TIMESTAMP) is not None
    return to_floats(recorded) - floats if is_aged and recorded is not None else floats


def to_floats(values: pa.ChunkedArray | pa.Array) -> NDArray[np.float64]:
    """A stored column as floats, missing as NaN: numbers as they are, instants in days, text by length."""
    kind = values.type
    if pa.types.is_timestamp(kind):
        values = pc.divide(pc.cast(values, pa.int64()).cast(pa.float64(), safe=False), 86_400e6)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind):
        values = pc.utf8_length(values.cast(pa.string()))
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    values = values.cast(pa.float64(), safe=False)
    floats = (
        np.array(
            np.frombuffer(values.buffers()[1], dtype=np.float64, count=len(values) + values.offset)[values.offset :]
        )
        if len(values)
        else np.empty(0)
    )
    if values.null_count:
        floats[~_validity(values)] = np.nan
    return floats


def _validity(values: pa.Array) -> NDArray[np.bool_]:
    bits = np.unpackbits(np.frombuffer(values.buffers()[0], dtype=np.uint8), bitorder="little")
    return bits[values.offset : values.offset + len(values)].astype(bool)


def _value_counts(values: pa.ChunkedArray) -> dict[str, int]:
    counted = pc.value_counts(values.cast(pa.string()) if pa.types.is_boolean(values.type) else values)
    pairs = zip(counted.field("values").cast(pa.string()).to_pylist(), counted.field("counts").to_pylist(), strict=True)
    counts: dict[str, int] = {}
    for value, n in pairs:
        if value is not None:
            counts[value] = counts.get(value, 0) + n
    return counts


def _frequent(values: pa.ChunkedArray, limit: int) -> tuple[str, ...]:
    return fit_categories(_value_counts(values), limit=limit).categories
