"""Count records of one batch into tables: numpy over Arrow, one row group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.profile.counts import CountTable
from core.profile.fitting import column_floats, measured_type, stored_name, to_floats
from core.profile.spec import (
    CALIBRATION,
    EXPLORED_SUMS,
    OUTSIDE,
    ProfileSpec,
    column_table,
    joint_table,
    loss_table,
    moment_table,
    score_table,
)
from core.profile.spec import EXPLORED as EXPLORED_TABLE
from core.record import EXPLORED, LABEL, PREDICTION, SHADOW, TIMESTAMP, VARIANT, VERSION, WEIGHT, score_columns
from core.schema import ColumnType, ModelSchema, Task
from core.stats.binning import CategoryBins, NumericBins, Special

__all__ = ["CellKey", "Tally"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LOG_LOSS_EPSILON = 1e-15


class CellKey(NamedTuple):
    """Which rows a table counts: a window, a version and a segment ('' or 'column=value')."""

    window: int
    version: str
    segment: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """Rows grouped by cell key: `keys[group[i]]` is the key of row i."""

    keys: list[CellKey]
    group: Ints


@dataclass(slots=True, kw_only=True)
class Tally:
    """The tables of one batch, filled row group by row group.

    ``add`` counts everything; with ``outcomes_only`` just the tables that depend on labels, so that
    late labels cost no more than the windows they touch.
    """

    spec: ProfileSpec
    schema: ModelSchema
    outcomes_only: bool = False
    counts: dict[tuple[CellKey, str], CountTable] = field(default_factory=dict)
    sums: dict[tuple[CellKey, str], Floats] = field(default_factory=dict)

    def add(self, records: pa.Table, window_keys: Ints) -> None:
        """Count the live rows of `records`, whose windows are `window_keys`; shadow traffic is left out."""
        if VARIANT in records.column_names:
            live = pc.fill_null(pc.not_equal(records[VARIANT], SHADOW), True)
            window_keys = window_keys[np.asarray(live.combine_chunks().to_pylist(), dtype=bool)]
            records = records.filter(live)
        if records.num_rows == 0:
            return
        batch = _Batch(self.spec, self.schema, records)
        for rows in self._groupings(records, window_keys):
            if not self.outcomes_only:
                self._add_columns(batch, rows)
            self._add_outcomes(batch, rows)

    def add_invalid(self, key: CellKey, column: str, n: int) -> None:
        """Count `n` rows that were set aside because `column` could not be read."""
        bins = self.spec.columns[column]
        flat = np.zeros(bins.size, dtype=np.int64)
        flat[bins.n_bins + Special.INVALID] = n
        self._count(key, column_table(column), flat)

    def _groupings(self, records: pa.Table, window_keys: Ints) -> Iterator[_Rows]:
        windows, window = np.unique(window_keys, return_inverse=True)
        versions, version = _codes_by_value(records[VERSION])
        base = window * len(versions) + version
        for column in ("", *self.spec.segments):
            names = self.spec.segment_values(column) if column else ("",)
            segment = (
                _codes(records[column], self.spec.segments[column]) if column else np.zeros(len(base), dtype=np.int64)
            )
            used, group = np.unique(base * len(names) + segment, return_inverse=True)
            keys = []
            for code in used.tolist():
                cell, segment_code = divmod(code, len(names))
                window_code, version_code = divmod(cell, len(versions))
                name = f"{column}={names[segment_code]}" if column else ""
                keys.append(CellKey(int(windows[window_code]), versions[version_code], name))
            yield _Rows(keys=keys, group=group.astype(np.int64))

    def _add_columns(self, batch: _Batch, rows: _Rows) -> None:
        for column, bins in self.spec.columns.items():
            size, n_keys = bins.size, len(rows.keys)
            flat = np.bincount(rows.group * size + batch.bins(column), minlength=n_keys * size).reshape(n_keys, size)
            values = batch.finite(column)
            moments = None if values is None else _moments(rows.group, values, n_keys)
            for index, key in enumerate(rows.keys):
                self._count(key, column_table(column), flat[index])
                if moments is not None:
                    self._sum(key, moment_table(column), moments[index])
        outside = np.bincount(rows.group * 2 + batch.is_outside, minlength=len(rows.keys) * 2).reshape(-1, 2)
        for index, key in enumerate(rows.keys):
            self._count(key, OUTSIDE, outside[index])

    def _add_outcomes(self, batch: _Batch, rows: _Rows) -> None:
        crossings = () if any(key.segment for key in rows.keys) else tuple(self.spec.crossings)
        for attribute in ("", *self.spec.groups, *crossings):
            shape = self.spec.joint_shape(attribute)
            group = batch.groups(attribute)
            score_bins = batch.pooled_scores if attribute in crossings else batch.score_bins
            cell = ((score_bins * shape[1] + batch.predictions) * shape[2] + batch.labels) * shape[3] + group
            self._count_sparse(rows, joint_table(attribute), cell, int(np.prod(shape)))
            if batch.losses is not None and (attribute not in crossings or self.spec.task is Task.REGRESSION):
                self._sum_by_cell(rows, loss_table(attribute), group, shape[3], batch.losses)
        for label, codes in batch.class_scores():
            self._count_sparse(rows, score_table(label), codes, self.spec.scores[label].size * 9)
        if batch.calibration is not None:
            bins, weights = batch.calibration
            self._sum_by_cell(rows, CALIBRATION, bins, self.spec.n_calibration_bins + 1, weights)
        if batch.explored is not None:
            self._sum_by_cell(rows, EXPLORED_TABLE, *batch.explored)

    def _sum_by_cell(self, rows: _Rows, name: str, cell: Ints, width: int, weights: list[Floats]) -> None:
        """Sum each of `weights` by cell; the table of a key has the shape (width, len(weights))."""
        index, size = rows.group * width + cell, len(rows.keys) * width
        table = np.stack([_weighted_count(index, weight, size) for weight in weights], axis=-1)
        for key, values in zip(rows.keys, table.reshape(len(rows.keys), width, len(weights)), strict=True):
            self._sum(key, name, values)

    def _count_sparse(self, rows: _Rows, name: str, cell: Ints, size: int) -> None:
        cells, counts = np.unique(rows.group * size + cell, return_counts=True)
        starts = np.searchsorted(cells, np.arange(len(rows.keys) + 1) * size)
        for index, key in enumerate(rows.keys):
            part = slice(starts[index], starts[index + 1])
            table = CountTable(size=size, cells=cells[part] - index * size, counts=counts[part].astype(np.int64))
            before = self.counts.get((key, name))
            self.counts[key, name] = table if before is None else before + table

    def _count(self, key: CellKey, name: str, flat: Ints) -> None:
        table = CountTable.from_dense(flat)
        before = self.counts.get((key, name))
        self.counts[key, name] = table if before is None else before + table

    def _sum(self, key: CellKey, name: str, values: Floats) -> None:
        before = self.sums.get((key, name))
        with np.errstate(over="ignore", invalid="ignore"):  # too large for a float: infinite or NaN, shown as undefined
            self.sums[key, name] = values if before is None else before + values


class _Batch:
    """One row group read against a spec: every code is computed once, whatever it is grouped by."""

    def __init__(self, spec: ProfileSpec, schema: ModelSchema, records: pa.Table) -> None:
        self._spec, self._schema, self._records = spec, schema, records
        self._bins: dict[str, Ints] = {}
        self._finite: dict[str, Floats | None] = {}
        self._groups: dict[str, Ints] = {"": np.zeros(records.num_rows, dtype=np.int64)}
        self._regression = schema.task is Task.REGRESSION
        predicted, labelled = records[PREDICTION], records[LABEL]
        if self._regression:
            self._predicted, self._labelled = to_floats(predicted), to_floats(labelled)
            self.predictions = (~np.isfinite(self._predicted)).astype(np.int64)
            self.labels = (~np.isfinite(self._labelled)).astype(np.int64)
            self._score = self._predicted
        else:
            known = {name: code for code, name in enumerate(spec.classes)}
            self.predictions = _codes_of(predicted, known, missing=len(known), unknown=len(known))
            self.labels = _codes_of(labelled, known, missing=len(known), unknown=len(known))
            name = score_columns(schema).get("")
            self._score = to_floats(records[name]) if name else np.full(records.num_rows, np.nan)
        self.score_bins = (
            spec.scores[""].assign(self._score)
            if "" in spec.scores
            else np.full(records.num_rows, Special.MISSING, dtype=np.int64)
        )

    def bins(self, column: str) -> Ints:
        """The bin of each row in a column's table."""
        if column not in self._bins:
            bins, values = self._spec.columns[column], self._records[stored_name(self._schema, column)]
            self._bins[column] = (
                _category_bins(values, bins)
                if isinstance(bins, CategoryBins)
                else _numeric_bins(column_floats(self._schema, column, values, self._records[TIMESTAMP]), bins)
            )
        return self._bins[column]

    @cached_property
    def is_outside(self) -> Ints:
        """1 where some value of a row is outside anything the reference had; columns left out don't count."""
        outside = np.zeros(self._records.num_rows, dtype=np.int64)
        for column, bins in self._spec.columns.items():
            if column not in self._spec.left_out:
                outside |= self.bins(column) >= bins.n_bins + Special.UNSEEN
        return outside

    def finite(self, column: str) -> Floats | None:
        """A numeric column's values with what isn't finite as 0; None for other columns."""
        if column not in self._finite:
            values = None
            if measured_type(self._schema, column) is ColumnType.NUMERIC:
                floats = to_floats(self._records[stored_name(self._schema, column)])
                values = np.where(np.isfinite(floats), floats, 0.0)
            self._finite[column] = values
        return self._finite[column]

    def groups(self, attribute: str) -> Ints:
        """The group of each row on an attribute's axis."""
        if attribute in self._spec.crossings:
            codes = np.zeros(self._records.num_rows, dtype=np.int64)
            for name in self._spec.crossings[attribute]:
                codes = codes * len(self._spec.group_names(name)) + self.groups(name)
            return codes
        if attribute not in self._groups:
            self._groups[attribute] = _codes(self._records[attribute], self._spec.groups[attribute])
        return self._groups[attribute]

    @cached_property
    def pooled_scores(self) -> Ints:
        """The calibration bin of each row's score, the one after the last if it has none."""
        groups = np.asarray(self._spec.calibration_groups, dtype=np.int64)
        n = groups.size
        if n == 0:
            return np.zeros(self._records.num_rows, dtype=np.int64)
        inside = np.where(self.score_bins == n + Special.BELOW, 0, self.score_bins)
        inside = np.where(inside == n + Special.ABOVE, n - 1, inside)
        pooled: Ints = np.where(inside < n, groups[np.minimum(inside, n - 1)], self._spec.n_calibration_bins)
        return pooled

    @cached_property
    @np.errstate(over="ignore", invalid="ignore")  # too large for a float is infinite, and shown as undefined
    def losses(self) -> list[Floats] | None:
        """The summands of LOSS_SUMS or REGRESSION_SUMS a row, 0 where the row has no label or no score."""
        if self._regression:
            usable = (self.labels == 0) & (self.predictions == 0)
            error = np.where(usable, self._predicted - self._labelled, 0.0)
            centred = np.where(usable, self._labelled - self._spec.centre, 0.0)
            squared = error * error
            relative = usable & (self._labelled != 0)
            relative_error = np.where(relative, np.abs(error) / np.abs(np.where(relative, self._labelled, 1.0)), 0.0)
            logarithmic = usable & (self._labelled >= 0) & (self._predicted >= 0)
            predicted, labelled = (
                np.log1p(np.where(logarithmic, values, 0.0)) for values in (self._predicted, self._labelled)
            )
            log_squared = (predicted - labelled) ** 2
            return [
                error,
                np.abs(error),
                squared,
                squared**2,
                centred,
                centred**2,
                centred**3,
                centred**4,
                squared * centred,
                squared * centred**2,
                relative.astype(np.float64),
                relative_error,
                relative_error**2,
                logarithmic.astype(np.float64),
                log_squared,
                log_squared**2,
            ]
        if self._schema.task is not Task.BINARY or "" not in self._spec.scores:
            return None
        usable = self._scored_and_labelled
        positive = self._is_positive
        score = np.where(usable, self._score, 0.5)
        brier = np.where(usable, (score - positive) ** 2, 0.0)
        clipped = np.clip(score, LOG_LOSS_EPSILON, 1 - LOG_LOSS_EPSILON)
        log_loss = np.where(usable, -np.log(np.where(positive, clipped, 1 - clipped)), 0.0)
        return [brier, brier**2, log_loss, log_loss**2]

    @cached_property
    @np.errstate(over="ignore", invalid="ignore")
    def calibration(self) -> tuple[Ints, list[Floats]] | None:
        """The calibration bin of each row, the one after the last if it is unusable, and what is summed."""
        groups = np.asarray(self._spec.calibration_groups, dtype=np.int64)
        if groups.size == 0:
            return None
        n = groups.size
        inside = np.clip(self.score_bins, 0, n - 1)
        inside = np.where(
            self.score_bins == n + Special.BELOW, 0, np.where(self.score_bins == n + Special.ABOVE, n - 1, inside)
        )
        if self._regression:
            usable = (self.labels == 0) & (self.predictions == 0)
            error = np.where(usable, self._predicted - self._labelled, 0.0)
            return np.where(usable, groups[inside], self._spec.n_calibration_bins), [error, error**2]
        usable = self._scored_and_labelled
        return np.where(usable, groups[inside], self._spec.n_calibration_bins), [np.where(usable, self._score, 0.0)]

    @cached_property
    def explored(self) -> tuple[Ints, int, list[Floats]] | None:
        """The cell of each row in the table of explored rows, how many cells it has, and EXPLORED_SUMS a row."""
        if not self._spec.has_explored:
            return None
        n = len(self._records)
        is_explored = np.zeros(n)
        if EXPLORED in self._records.column_names:
            is_explored = np.asarray(pc.fill_null(self._records[EXPLORED], False).to_numpy(), dtype=np.float64)
        weight = np.ones(n)
        if WEIGHT in self._records.column_names:
            weight = to_floats(self._records[WEIGHT])
            weight = np.where(np.isfinite(weight) & (weight > 0), weight, 1.0)
        weight, score = weight * is_explored, np.where(np.isfinite(self._score), self._score, 0.0)
        squared = weight**2
        cell = (self.pooled_scores * 3 + self.predictions) * 3 + self.labels
        sums = [is_explored, weight, squared, weight * score, squared * score, squared * score**2]
        if len(sums) != len(EXPLORED_SUMS):
            raise ValueError(f"{len(sums)} sums are made where {len(EXPLORED_SUMS)} have names.")
        return cell, (self._spec.n_calibration_bins + 1) * 9, sums

    def class_scores(self) -> Iterator[tuple[str, Ints]]:
        """Multiclass: each class with its score bin x prediction x label, each another class, this class or none."""
        if self._schema.task is not Task.MULTICLASS:
            return
        for label, name in score_columns(self._schema).items():
            bins = self._spec.scores[label].assign(to_floats(self._records[name]))
            code, none = self._spec.classes.index(label), len(self._spec.classes)
            predicted, labelled = (
                np.where(values == none, 2, (values == code).astype(np.int64))
                for values in (self.predictions, self.labels)
            )
            yield label, (bins * 3 + predicted) * 3 + labelled

    @property
    def _is_positive(self) -> NDArray[np.bool_]:
        positive = self._schema.positive
        return self.labels == self._spec.classes.index(positive) if positive else np.zeros(len(self.labels), dtype=bool)

    @property
    def _scored_and_labelled(self) -> NDArray[np.bool_]:
        return (self.labels < len(self._spec.classes)) & np.isfinite(self._score)


def _moments(group: Ints, values: Floats, n_keys: int) -> Floats:
    """Sums of x and x^2 by key; what is too large for a float becomes infinite, and is shown as undefined."""
    with np.errstate(over="ignore"):
        sums = [_weighted_count(group, values, n_keys), _weighted_count(group, values * values, n_keys)]
    return np.stack(sums, axis=1)


def _weighted_count(index: Ints, weights: Floats, size: int) -> Floats:
    return np.bincount(index, weights=weights, minlength=size).astype(np.float64)


def _numeric_bins(values: Floats, bins: NumericBins | CategoryBins) -> Ints:
    if not isinstance(bins, NumericBins):
        raise TypeError("numeric values need numeric bins")
    return bins.assign(values)


def _category_bins(values: pa.ChunkedArray, bins: CategoryBins) -> Ints:
    n = bins.n_bins
    return _codes_of(values, bins.codes(), missing=n + Special.MISSING, unknown=n + Special.UNSEEN)


def _codes(values: pa.ChunkedArray, names: tuple[str, ...]) -> Ints:
    """Codes on a group axis: known names, then Unknown, then new groups."""
    known = {name: code for code, name in enumerate(names)}
    return _codes_of(values, known, missing=len(names), unknown=len(names) + 1)


def _codes_of(values: pa.ChunkedArray, known: Mapping[str, int], *, missing: int, unknown: int) -> Ints:
    distinct, codes = _codes_by_value(values)
    table = np.array([missing if value is None else known.get(value, unknown) for value in distinct], dtype=np.int64)
    return table[codes]


def _codes_by_value(values: pa.ChunkedArray) -> tuple[list[str], Ints]:
    """The distinct values of a column, None among them, and each row's place in that list."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.string())
    encoded = (
        values if pa.types.is_dictionary(values.type) else values.dictionary_encode(null_encoding="encode")
    ).combine_chunks()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], type=encoded.type)
    distinct = encoded.dictionary.cast(pa.string()).to_pylist()
    indices = encoded.indices
    if indices.null_count:
        distinct.append(None)
        indices = pc.fill_null(indices, len(distinct) - 1)
    return distinct, np.asarray(indices.cast(pa.int64()).to_numpy(zero_copy_only=False), dtype=np.int64)
