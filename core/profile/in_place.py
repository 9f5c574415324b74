"""Count records in the table where they lie: the same tables as `Tally`, each by one Ibis expression."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from core.profile.arithmetic import Total, power
from core.profile.cells import Cells, Floats, Ints, ints_of, summed
from core.profile.counts import CountTable
from core.profile.engines import CellKey, Tally
from core.profile.expressions import (
    as_text,
    column_value,
    is_among,
    is_beyond,
    is_finite,
    is_missing,
    named_code,
    numeric_bin,
    window_of,
)
from core.profile.fitting import measured_type, stored_name
from core.profile.outcome_row import OutcomeRow
from core.profile.spec import (
    CALIBRATION,
    EXPLORED,
    OUTSIDE,
    ProfileSpec,
    column_table,
    joint_table,
    loss_table,
    moment_table,
    score_table,
)
from core.profile.windows import Window
from core.record import SHADOW, TIMESTAMP, VARIANT, VERSION
from core.schema import ColumnType, ModelSchema, Task
from core.stats.binning import CategoryBins, Special

__all__ = ["count_in_place", "fetched"]

Expression = Any  # Ibis makes its classes' methods at run time

MOST_TOGETHER = 64  # values of segment columns that are counted in one go, all combinations
KNOWN, OTHER, UNSEEN, MISSING = range(4)


def count_in_place(spec: ProfileSpec, schema: ModelSchema, records: Expression, windows: Sequence[Window]) -> Tally:
    """All tables of the records of some windows; nothing but counts and sums leaves the database.

    Parameters
    ----------
    spec : ProfileSpec
    schema : ModelSchema
        With calendar windows: a table has no order of rows.
    records : ibis.Table
        The columns of a stored record, bound to the database that computes. Shadow traffic is left out.
    windows : sequence of Window
        In order. Their bounds are compared as literals, so that no session's time zone matters.

    Returns
    -------
    Tally
        What `Tally.add` of the same rows counts, to the last integer; sums differ by the order of additions.
    """
    tally = Tally(spec=spec, schema=schema)
    if windows:
        _Counting(spec=spec, schema=schema, records=_live(records), windows=windows, tally=tally).run()
    return tally


def fetched(expression: Expression) -> pa.Table:
    """The rows of an expression, from the database it is bound to.

    Each stage stays a query of its own: fused, every expression would be written out wherever it is used.
    """
    import ibis

    backend, before = expression.get_backend(), ibis.options.sql.fuse_selects
    ibis.options.sql.fuse_selects = False
    try:
        if backend.name == "pyspark":  # by Arrow all the way: by way of pandas counts can become floats
            return backend._session.sql(backend.compile(expression)).toArrow()
        return expression.to_pyarrow()
    finally:
        ibis.options.sql.fuse_selects = before


def _live(records: Expression) -> Expression:
    if VARIANT not in records.columns:
        return records
    return records.filter(records[VARIANT].isnull() | (records[VARIANT] != SHADOW))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Counting:
    """One run over a table: which keys there are, and each of their tables in turn."""

    spec: ProfileSpec
    schema: ModelSchema
    records: Expression
    windows: Sequence[Window]
    tally: Tally

    def run(self) -> None:
        for column in self.spec.columns:
            self._count_column(column)
        self._count_sparse(OUTSIDE, self._is_outside(), 2)
        row = OutcomeRow.of(self.spec, self.schema, self.records)
        for attribute in ("", *self.spec.groups, *self.spec.crossings):
            self._count_jointly(row, attribute)
        for label, cell in row.class_scores():
            self._count_sparse(score_table(label), cell, self.spec.scores[label].size * 9, records=row.records)

    def _count_jointly(self, row: OutcomeRow, attribute: str) -> None:
        """Score bin x prediction x label x group, and of the same cells what is summed by some of these axes."""
        crossed, shape = attribute in self.spec.crossings, self.spec.joint_shape(attribute)
        score = row.pooled_score if crossed else row.score_bin
        cell = ((score * shape[1] + row.prediction) * shape[2] + row.label) * shape[3] + row.group(attribute)
        losses = row.losses if not crossed or self.spec.task is Task.REGRESSION else []
        calibrated = [] if attribute or not self.spec.n_calibration_bins else row.calibrated
        explored = [] if attribute or not self.spec.has_explored else row.explored
        totals = [*losses, *calibrated, *explored]
        for key, cells, n, sums in self._keyed({"cell": cell}, totals, records=row.records, crossed=crossed):
            self.tally.counts[key, joint_table(attribute)] = CountTable(size=math.prod(shape), cells=cells, counts=n)
            axes = np.unravel_index(cells, shape)
            of_losses, of_calibrated, of_explored = np.split(sums, [len(losses), len(losses) + len(calibrated)], axis=1)
            if losses:
                self.tally.sums[key, loss_table(attribute)] = summed(axes[3], of_losses, shape[3])
            if calibrated:
                bins = self._calibration_bins(axes)
                self.tally.sums[key, CALIBRATION] = summed(bins, of_calibrated, self.spec.n_calibration_bins + 1)
            if explored:
                place = (self._pooled_bins(axes[0]) * 3 + axes[1]) * 3 + axes[2]
                self.tally.sums[key, EXPLORED] = summed(place, of_explored, (self.spec.n_calibration_bins + 1) * 9)

    def _pooled_bins(self, score_bins: Ints) -> Ints:
        """The calibration bin of each score bin, the one after the last where the score is none or infinite."""
        groups = np.asarray(self.spec.calibration_groups, dtype=np.int64)
        if not groups.size:
            return np.zeros_like(score_bins)
        special = np.full(len(Special), self.spec.n_calibration_bins)
        special[Special.BELOW], special[Special.ABOVE] = groups[0], groups[-1]
        return np.concatenate([groups, special])[score_bins]

    def _calibration_bins(self, axes: tuple[Ints, ...]) -> Ints:
        """The calibration bin of each cell, the one after the last where it isn't usable."""
        score, prediction, label, _ = axes
        usable = (
            (label == 0) & (prediction == 0) if self.spec.task is Task.REGRESSION else label < len(self.spec.classes)
        )
        return np.where(usable, self._pooled_bins(score), self.spec.n_calibration_bins)

    def _count_column(self, column: str) -> None:
        bins, value = self.spec.columns[column], self.records[stored_name(self.schema, column)]
        name = column_table(column)
        if isinstance(bins, CategoryBins):
            self._count_categories(name, bins, as_text(value))
            return
        totals: list[Total] = []
        if measured_type(self.schema, column) is ColumnType.NUMERIC:
            finite = is_finite(value).ifelse(value, 0.0)
            totals = [Total.of_any(finite), Total.of_any(power(finite, 2))]
        cell = numeric_bin(column_value(self.schema, column, self.records), bins)
        for key, cells, n, sums in self._keyed({"cell": cell}, totals):
            self.tally.counts[key, name] = CountTable(size=bins.size, cells=cells, counts=n)
            if totals:
                self.tally.sums[key, moment_table(column)] = sums.sum(axis=0)

    def _count_categories(self, name: str, bins: CategoryBins, value: Expression) -> None:
        """Categories come back by name, the others together; what the reference never had, too."""
        import ibis

        kind = ibis.cases(
            (value.isnull(), MISSING),
            (is_among(value, bins.categories), KNOWN),
            (is_among(value, bins.others), OTHER),
            else_=UNSEEN,
        )
        named = (kind == KNOWN).ifelse(value, ibis.null("string"))
        place = {category: code for code, category in enumerate(bins.categories)}
        rest = {
            OTHER: len(bins.categories),
            UNSEEN: bins.n_bins + Special.UNSEEN,
            MISSING: bins.n_bins + Special.MISSING,
        }

        def cells(answer: pa.Table) -> Ints:
            pairs = zip(answer["kind"].to_pylist(), answer["value"].to_pylist(), strict=True)
            return np.array([place[value] if kind == KNOWN else rest[kind] for kind, value in pairs], dtype=np.int64)

        for key, cell, n, _ in self._keyed({"kind": kind, "value": named}, [], cells=cells):
            self.tally.counts[key, name] = CountTable(size=bins.size, cells=cell, counts=n)

    def _count_sparse(self, name: str, cell: Expression, size: int, *, records: Expression | None = None) -> None:
        for key, cells, n, _ in self._keyed({"cell": cell}, [], records=records):
            self.tally.counts[key, name] = CountTable(size=size, cells=cells, counts=n)

    def _keyed(
        self,
        by: Mapping[str, Expression],
        totals: Sequence[Total],
        *,
        cells: Callable[[pa.Table], Ints] = lambda answer: ints_of(answer, "cell"),
        records: Expression | None = None,
        crossed: bool = False,
    ) -> Iterator[tuple[CellKey, Ints, Ints, Floats]]:
        """Cells by key: of all rows, and but for groups within groups of every segment."""
        for place, columns in enumerate(_together(self.spec)):
            if crossed and place:
                return
            answer = self._ask(self.records if records is None else records, by, totals, () if crossed else columns)
            found = Cells.of(answer, cells(answer), totals, () if crossed else columns)
            if not place:
                for window, version, _, cell, n, sums in found.by_key(""):
                    yield CellKey(self.windows[window].key, version, ""), cell, n, sums
            for column in found.segments:
                names = self.spec.segment_values(column)
                for window, version, code, cell, n, sums in found.by_key(column):
                    yield CellKey(self.windows[window].key, version, f"{column}={names[code]}"), cell, n, sums

    def _ask(
        self, records: Expression, by: Mapping[str, Expression], totals: Sequence[Total], segments: Sequence[str]
    ) -> pa.Table:
        """One expression: counts and sums by window, version, segment columns and cell."""
        rows = records.select(
            window=window_of(records[TIMESTAMP], self.windows),
            version=records[VERSION],
            **{
                f"segment_{place}": named_code(as_text(records[column]), self.spec.segments[column])
                for place, column in enumerate(segments)
            },
            **by,
            **{f"sum_{place}_{part}": value for place, total in enumerate(totals) for part, value in total.parts},
        )
        summed = [name for name in rows.columns if name.startswith("sum_")]
        keys = [name for name in rows.columns if name not in summed]
        counted = rows.group_by(keys).agg(n=rows.count(), **{name: rows[name].sum() for name in summed})
        return fetched(counted)

    def _is_outside(self) -> Expression:
        import ibis

        outside: Expression = ibis.literal(False)
        for column, bins in self.spec.columns.items():
            if column in self.spec.left_out:
                continue
            if isinstance(bins, CategoryBins):
                value = as_text(self.records[stored_name(self.schema, column)])
                beyond = value.notnull() & ~is_among(value, (*bins.categories, *bins.others))
            else:
                value = column_value(self.schema, column, self.records)
                beyond = ~is_missing(value) & is_beyond(value, bins)
            outside = outside | beyond
        return outside.ifelse(1, 0)


def _together(spec: ProfileSpec) -> list[tuple[str, ...]]:
    """Segment columns in sets that are asked for at once; their values together are few. One empty set for none."""
    sets: list[tuple[str, ...]] = [()]
    for column in spec.segments:
        grown = (*sets[-1], column)
        if math.prod(len(spec.segment_values(name)) for name in grown) <= MOST_TOGETHER or not sets[-1]:
            sets[-1] = grown
        else:
            sets.append((column,))
    return sets
