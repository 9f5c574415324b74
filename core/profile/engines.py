"""Count records of one batch into tables: numpy over Arrow, one row group at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.profile.columns import Groups, Names, Numbers, codes_by_value, codes_of, sums_by_group
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
from core.stats.binning import CategoryBins, Special

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
    """Rows grouped by cell key: `keys[groups.codes[i]]` is the key of row i."""

    keys: list[CellKey]
    groups: Groups


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
        groupings = list(self._groupings(records, window_keys))
        if not self.outcomes_only:
            self._add_columns(records, groupings)
        batch = _Batch(self.spec, self.schema, records)
        for rows in groupings:
            self._add_outcomes(batch, rows)

    def add_invalid(self, key: CellKey, column: str, n: int) -> None:
        """Count `n` rows that were set aside because `column` could not be read."""
        bins = self.spec.columns[column]
        flat = np.zeros(bins.size, dtype=np.int64)
        flat[bins.n_bins + Special.INVALID] = n
        self._count([key], column_table(column), flat[np.newaxis])

    def _groupings(self, records: pa.Table, window_keys: Ints) -> Iterator[_Rows]:
        windows, of_window = Groups.of(window_keys)
        versions, version = codes_by_value(records[VERSION])
        base = of_window.codes * len(versions) + version
        for column in ("", *self.spec.segments):
            names = self.spec.segment_values(column) if column else ("",)
            place = base
            if column:
                place = base * len(names) + _codes(records[column], self.spec.segments[column])
            used, groups = Groups.of(place)
            keys = []
            for code in used.tolist():
                cell, segment_code = divmod(code, len(names))
                window_code, version_code = divmod(cell, len(versions))
                name = f"{column}={names[segment_code]}" if column else ""
                keys.append(CellKey(int(windows[window_code]), versions[version_code], name))
            yield _Rows(keys=keys, groups=groups)

    def _add_columns(self, records: pa.Table, groupings: list[_Rows]) -> None:
        """Column by column, so that memory is that of one."""
        outside = np.zeros(records.num_rows, dtype=bool)
        for column, bins in self.spec.columns.items():
            stored = records[stored_name(self.schema, column)]
            if isinstance(bins, CategoryBins):
                values: Names | Numbers = Names.of(stored, bins)
            else:
                floats = column_floats(self.schema, column, stored, records[TIMESTAMP])
                values = Numbers(values=floats, bins=bins)
            has_sums = measured_type(self.schema, column) is ColumnType.NUMERIC
            counts = np.zeros((0, bins.size), dtype=np.int64)
            for rows in reversed(groupings):  # the last one is of all rows, whatever their segment
                if isinstance(values, Names):
                    counts = values.counts(rows.groups)
                else:
                    counts, sums = values.counts_and_sums(rows.groups)
                    if has_sums:
                        self._sum(rows.keys, moment_table(column), sums)
                self._count(rows.keys, column_table(column), counts)
            if column not in self.spec.left_out:
                found = values.outside(counts.sum(axis=0))
                if found is not None:
                    outside |= found
        for rows in groupings:
            n = rows.groups.n
            flat = np.bincount(rows.groups.codes * 2 + outside, minlength=n * 2)
            self._count(rows.keys, OUTSIDE, flat.reshape(n, 2))

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
        index, size = rows.groups.codes * width + cell, rows.groups.n * width
        table = np.stack([sums_by_group(index, weight, size) for weight in weights], axis=-1)
        self._sum(rows.keys, name, table.reshape(rows.groups.n, width, len(weights)))

    def _count_sparse(self, rows: _Rows, name: str, cell: Ints, size: int) -> None:
        n = rows.groups.n
        index = rows.groups.codes * size + cell
        if n * size <= index.size:
            self._count(rows.keys, name, np.bincount(index, minlength=n * size).reshape(n, size))
            return
        cells, counts = np.unique(index, return_counts=True)
        self._keep(rows.keys, name, CountTable.of_rows(cells // size, cells % size, counts, shape=(n, size)))

    def _count(self, keys: Sequence[CellKey], name: str, counts: Ints) -> None:
        """Count by key and cell, shape (n_keys, size)."""
        key, cells = np.nonzero(counts)
        self._keep(keys, name, CountTable.of_rows(key, cells, counts[key, cells], shape=counts.shape))

    def _keep(self, keys: Sequence[CellKey], name: str, tables: Sequence[CountTable]) -> None:
        for key, table in zip(keys, tables, strict=True):
            before = self.counts.get((key, name))
            self.counts[key, name] = table if before is None else before + table

    def _sum(self, keys: Sequence[CellKey], name: str, values: Floats) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # too large for a float: infinite or NaN, shown as undefined
            for key, sums in zip(keys, values, strict=True):
                before = self.sums.get((key, name))
                self.sums[key, name] = sums if before is None else before + sums


class _Batch:
    """What depends on labels and scores of one row group: every code is computed once, whatever it is grouped by."""

    def __init__(self, spec: ProfileSpec, schema: ModelSchema, records: pa.Table) -> None:
        self._spec, self._schema, self._records = spec, schema, records
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
            self.predictions = codes_of(predicted, known, missing=len(known), unknown=len(known))
            self.labels = codes_of(labelled, known, missing=len(known), unknown=len(known))
            name = score_columns(schema).get("")
            self._score = to_floats(records[name]) if name else np.full(records.num_rows, np.nan)
        self.score_bins = (
            spec.scores[""].assign(self._score)
            if "" in spec.scores
            else np.full(records.num_rows, Special.MISSING, dtype=np.int64)
        )

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
            squared, both = error * error, error * centred
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
                both * error,
                both**2,
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
    @np.errstate(over="ignore", invalid="ignore")
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
        weighted = weight * score  # first, since an infinite square times no score would be undefined
        cell = (self.pooled_scores * 3 + self.predictions) * 3 + self.labels
        sums = [is_explored, weight, weight**2, weighted, weighted * weight, weighted**2]
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


def _codes(values: pa.ChunkedArray, names: tuple[str, ...]) -> Ints:
    """Codes on a group axis: known names, then Unknown, then new groups."""
    known = {name: code for code, name in enumerate(names)}
    return codes_of(values, known, missing=len(names), unknown=len(names) + 1)
