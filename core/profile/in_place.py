"""Count records in the table where they lie: the same tables as `Tally`, each by one Ibis expression."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.profile.arithmetic import Total, minus, power, times
from core.profile.counts import CountTable
from core.profile.engines import LOG_LOSS_EPSILON, CellKey, Tally
from core.profile.fitting import measured_type, stored_name
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
from core.record import EXPLORED as IS_EXPLORED
from core.record import LABEL, PREDICTION, SHADOW, TIMESTAMP, VARIANT, VERSION, WEIGHT, score_columns
from core.schema import ColumnType, ModelSchema, Role, Task
from core.stats.binning import CategoryBins, NumericBins, Special

__all__ = ["count_in_place", "fetched", "microseconds", "window_of"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Expression = Any  # Ibis makes its classes' methods at run time
DAY = 86_400e6  # microseconds

USABLE, ERROR, CENTRED, RELATIVE, LOG_ERROR, LOG_LOSS, WEIGHED, BOTH = (  # columns of a stage, never stored
    f"@@{name}" for name in ("usable", "error", "centred", "relative", "log_error", "log_loss", "weighed", "both")
)
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


def microseconds(instant: Expression) -> Expression:
    """An instant as microseconds since 1970, exactly."""
    if instant.get_backend().name == "pyspark":  # which extracts no microseconds; its doubles of seconds hold them
        return (instant.cast("float64") * 1e6).round().cast("int64")
    whole = instant.truncate("s").epoch_seconds().cast("int64")
    return whole * 1_000_000 + instant.microsecond().cast("int64")


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
class _Cells:
    """What came back of one expression: one row a cell of a key, with its count and its sums (n_rows, n_sums)."""

    window: Ints
    version: Ints
    versions: Sequence[str]
    segments: Mapping[str, Ints]
    cell: Ints
    n: Ints
    sums: Floats

    @classmethod
    def of(cls, answer: pa.Table, cell: Ints, totals: Sequence[Total], segments: Sequence[str]) -> _Cells:
        names = answer["version"].to_pylist()
        versions = sorted(set(names))
        code = {name: place for place, name in enumerate(versions)}
        sums = [_sums(answer, place, total) for place, total in enumerate(totals)]
        return cls(
            window=_ints(answer, "window"),
            version=np.array([code[name] for name in names], dtype=np.int64),
            versions=versions,
            segments={column: _ints(answer, f"segment_{place}") for place, column in enumerate(segments)},
            cell=cell,
            n=_ints(answer, "n"),
            sums=np.stack(sums, axis=1) if sums else np.empty((answer.num_rows, 0)),
        )

    def by_key(self, segment: str) -> Iterator[tuple[int, str, int, Ints, Ints, Floats]]:
        """Window, version and segment code of each key, with its cells, ascending, their counts and their sums."""
        if not self.n.size:
            return
        code = self.segments[segment] if segment else np.zeros_like(self.cell)
        order = np.lexsort((self.cell, code, self.version, self.window))
        keys = np.stack([self.window[order], self.version[order], code[order], self.cell[order]], axis=1)
        starts = np.flatnonzero(np.concatenate([[True], (keys[1:] != keys[:-1]).any(axis=1)]))
        n = np.add.reduceat(self.n[order], starts)
        with np.errstate(over="ignore", invalid="ignore"):
            sums = np.add.reduceat(self.sums[order], starts, axis=0)
        keys = keys[starts]
        bounds = np.flatnonzero(np.concatenate([[True], (keys[1:, :3] != keys[:-1, :3]).any(axis=1)]))
        for first, last in zip(bounds, np.append(bounds[1:], n.size), strict=True):
            window, version, place, _ = keys[first].tolist()
            part = slice(first, last)
            yield window, self.versions[version], place, keys[part, 3], n[part], sums[part]


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
        row = _Row.of(self.spec, self.schema, self.records)
        for attribute in ("", *self.spec.groups, *self.spec.crossings):
            self._count_jointly(row, attribute)
        for label, cell in row.class_scores():
            self._count_sparse(score_table(label), cell, self.spec.scores[label].size * 9, records=row.records)

    def _count_jointly(self, row: _Row, attribute: str) -> None:
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
                self.tally.sums[key, loss_table(attribute)] = _summed(axes[3], of_losses, shape[3])
            if calibrated:
                bins = self._calibration_bins(axes)
                self.tally.sums[key, CALIBRATION] = _summed(bins, of_calibrated, self.spec.n_calibration_bins + 1)
            if explored:
                place = (self._pooled_bins(axes[0]) * 3 + axes[1]) * 3 + axes[2]
                self.tally.sums[key, EXPLORED] = _summed(place, of_explored, (self.spec.n_calibration_bins + 1) * 9)

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
            self._count_categories(name, bins, _text(value))
            return
        totals: list[Total] = []
        if measured_type(self.schema, column) is ColumnType.NUMERIC:
            finite = _finite(value).ifelse(value, 0.0)
            totals = [Total.of_any(finite), Total.of_any(power(finite, 2))]
        cell = _numeric_bin(_floats(self.schema, column, self.records), bins)
        for key, cells, n, sums in self._keyed({"cell": cell}, totals):
            self.tally.counts[key, name] = CountTable(size=bins.size, cells=cells, counts=n)
            if totals:
                self.tally.sums[key, moment_table(column)] = sums.sum(axis=0)

    def _count_categories(self, name: str, bins: CategoryBins, value: Expression) -> None:
        """Categories come back by name, the others together; what the reference never had, too."""
        import ibis

        kind = ibis.cases(
            (value.isnull(), MISSING),
            (_is_among(value, bins.categories), KNOWN),
            (_is_among(value, bins.others), OTHER),
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
        cells: Callable[[pa.Table], Ints] = lambda answer: _ints(answer, "cell"),
        records: Expression | None = None,
        crossed: bool = False,
    ) -> Iterator[tuple[CellKey, Ints, Ints, Floats]]:
        """Cells by key: of all rows, and but for groups within groups of every segment."""
        for place, columns in enumerate(_together(self.spec)):
            if crossed and place:
                return
            answer = self._ask(self.records if records is None else records, by, totals, () if crossed else columns)
            found = _Cells.of(answer, cells(answer), totals, () if crossed else columns)
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
                f"segment_{place}": _named(_text(records[column]), self.spec.segments[column])
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
                value = _text(self.records[stored_name(self.schema, column)])
                beyond = value.notnull() & ~_is_among(value, (*bins.categories, *bins.others))
            else:
                value = _floats(self.schema, column, self.records)
                beyond = ~_is_missing(value) & _beyond(value, bins)
            outside = outside | beyond
        return outside.ifelse(1, 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Row:
    """The codes and summands of one record, as expressions."""

    spec: ProfileSpec
    schema: ModelSchema
    records: Expression

    @classmethod
    def of(cls, spec: ProfileSpec, schema: ModelSchema, records: Expression) -> _Row:
        return cls(spec=spec, schema=schema, records=records)._staged()

    @property
    def has_losses(self) -> bool:
        return self.schema.task is Task.BINARY and "" in self.spec.scores

    @property
    def is_regression(self) -> bool:
        return self.schema.task is Task.REGRESSION

    @property
    def score(self) -> Expression:
        import ibis

        name = PREDICTION if self.is_regression else score_columns(self.schema).get("", "")
        return self.records[name] if name else ibis.literal(math.nan)

    @property
    def prediction(self) -> Expression:
        return self._outcome(PREDICTION)

    @property
    def label(self) -> Expression:
        return self._outcome(LABEL)

    def _outcome(self, column: str) -> Expression:
        value = self.records[column]
        if self.is_regression:
            return _finite(value).ifelse(0, 1)
        return _named(value, self.spec.classes, missing=len(self.spec.classes), unknown=len(self.spec.classes))

    @property
    def score_bin(self) -> Expression:
        import ibis

        if "" not in self.spec.scores:
            return ibis.literal(int(Special.MISSING))
        return _numeric_bin(self.score, self.spec.scores[""])

    def group(self, attribute: str) -> Expression:
        """The group of each record on an attribute's axis, or on a crossing's."""
        import ibis

        if attribute in self.spec.crossings:
            code: Expression = ibis.literal(0)
            for name in self.spec.crossings[attribute]:
                code = code * len(self.spec.group_names(name)) + self.group(name)
            return code
        if not attribute:
            return ibis.literal(0)
        return _named(_text(self.records[attribute]), self.spec.groups[attribute])

    @property
    def pooled_score(self) -> Expression:
        """The calibration bin of each score, the one after the last if it has none."""
        import ibis

        if not self.spec.n_calibration_bins:
            return ibis.literal(0)
        return _finite(self.score).ifelse(self._pooled, self.spec.n_calibration_bins)

    @property
    def _pooled(self) -> Expression:
        """The calibration bin of a finite score: groups end where their last score bin does, the last one nowhere."""
        ends, groups = self.spec.scores[""].ends, self.spec.calibration_groups
        last = [end for end, group, after in zip(ends, groups, groups[1:], strict=False) if group != after]
        return _place(self.score, last)

    @property
    def calibrated(self) -> list[Total]:
        """What is summed by calibration bin."""
        if self.is_regression:
            error = self.records[ERROR]
            return [Total.of_any(error), Total.of_any(power(error, 2))]
        return [Total.of_small(self.records[USABLE].ifelse(self.score, 0.0))]

    @property
    def losses(self) -> list[Total]:
        """LOSS_SUMS of a binary model with scores, or REGRESSION_SUMS; none for others."""
        if self.is_regression:
            return self._regression_losses
        if not self.has_losses:
            return []
        miss, log_loss = self.records[ERROR], self.records[LOG_LOSS]
        return [Total.of_small(value) for value in (power(miss, 2), power(miss, 4), log_loss, log_loss * log_loss)]

    @property
    def _regression_losses(self) -> list[Total]:
        error, centred, both = self.records[ERROR], self.records[CENTRED], self.records[BOTH]
        predicted, labelled, usable = self.records[PREDICTION], self.records[LABEL], self.records[USABLE]
        relative_error, log_error = self.records[RELATIVE], self.records[LOG_ERROR]
        return [
            Total.of_any(value)
            for value in (
                error,
                error.abs(),
                power(error, 2),
                power(error, 4),
                centred,
                power(centred, 2),
                power(centred, 3),
                power(centred, 4),
                times(both, error),
                power(both, 2),
                _indicator(usable & (labelled != 0)),
                relative_error,
                power(relative_error, 2),
                _indicator(usable & (labelled >= 0) & (predicted >= 0)),
                power(log_error, 2),
                power(log_error, 4),
            )
        ]

    @property
    def explored(self) -> list[Total]:
        """EXPLORED_SUMS of a record."""
        weight, weighted = self.records[WEIGHED], self.records[BOTH]
        values = (weight, power(weight, 2), weighted, times(weighted, weight), power(weighted, 2))
        return [Total.of_small(_indicator(self._is_explored)), *map(Total.of_any, values)]

    @property
    def _is_explored(self) -> Expression:
        import ibis

        said = IS_EXPLORED in self.records.columns
        return self.records[IS_EXPLORED].fill_null(False) if said else ibis.literal(False)

    def _staged(self) -> _Row:
        """With the columns that several sums are made of: one expression in several would be written out in each."""
        if self.is_regression:
            return self._staged_regression()
        if self.schema.task is Task.MULTICLASS:
            return self
        usable = (self.label < len(self.spec.classes)) & _finite(self.score)
        staged = self._with(**{USABLE: usable})
        if self.has_losses:
            positive = self.records[LABEL] == self.schema.positive
            low, high = LOG_LOSS_EPSILON, 1 - LOG_LOSS_EPSILON
            clipped = (self.score < low).ifelse(low, (self.score > high).ifelse(high, self.score))
            believed = positive.ifelse(clipped, 1.0 - clipped)
            staged = staged._with(
                **{
                    ERROR: staged.records[USABLE].ifelse(self.score - _indicator(positive), 0.0),
                    LOG_LOSS: staged.records[USABLE].ifelse(-believed.ln(), 0.0),
                }
            )
        if self.spec.has_explored:
            said = self._is_explored
            weight = _indicator(said)
            if WEIGHT in self.records.columns:
                given = self.records[WEIGHT]
                weight = (said & _finite(given) & (given > 0)).ifelse(given, weight)
            staged = staged._with(**{WEIGHED: weight})
            score = _finite(self.score).ifelse(self.score, 0.0)
            staged = staged._with(**{BOTH: times(staged.records[WEIGHED], score)})
        return staged

    def _staged_regression(self) -> _Row:
        import ibis

        predicted, labelled = self.records[PREDICTION], self.records[LABEL]
        staged = self._with(**{USABLE: _finite(labelled) & _finite(predicted)})
        usable = staged.records[USABLE]
        log_error = (1.0 + predicted).ln() - (1.0 + labelled).ln()
        staged = staged._with(
            **{
                ERROR: usable.ifelse(minus(predicted, labelled), 0.0),
                CENTRED: usable.ifelse(minus(labelled, ibis.literal(self.spec.centre)), 0.0),
                LOG_ERROR: (usable & (labelled >= 0) & (predicted >= 0)).ifelse(log_error, 0.0),
            }
        )
        error, centred = staged.records[ERROR], staged.records[CENTRED]
        relative = (usable & (labelled != 0)).ifelse(_ratio(error.abs(), labelled.abs()), 0.0)
        return staged._with(**{RELATIVE: relative, BOTH: times(error, centred)})

    def _with(self, **columns: Expression) -> _Row:
        return replace(self, records=self.records.mutate(**columns))

    def class_scores(self) -> Iterator[tuple[str, Expression]]:
        """Multiclass: each class with its score bin x prediction x label, each another class, this class or none."""
        if self.schema.task is not Task.MULTICLASS:
            return
        for label, name in score_columns(self.schema).items():
            cell = _numeric_bin(self.records[name], self.spec.scores[label])
            for column in (PREDICTION, LABEL):
                value = self.records[column]
                known = value.isin(self.spec.classes).fill_null(False)
                cell = cell * 3 + known.ifelse((value == label).ifelse(1, 0), 2)
            yield label, cell


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


def _summed(places: Ints, sums: Floats, size: int) -> Floats:
    """Sums of cells added up by another axis, shape (size, n_sums)."""
    table = np.zeros((size, sums.shape[1]))
    with np.errstate(over="ignore", invalid="ignore"):
        np.add.at(table, places, sums)
    return table


def window_of(instant: Expression, windows: Sequence[Window]) -> Expression:
    """The place of each instant's window."""
    import ibis

    starts = [window.start_at for window in windows]

    def among(first: int, last: int) -> Expression:
        if first == last:
            return ibis.literal(first)
        middle = (first + last + 1) // 2
        bound = ibis.literal(starts[middle], type=instant.type())
        return (instant < bound).ifelse(among(first, middle - 1), among(middle, last))

    return among(0, len(starts) - 1)


def _place(value: Expression, ends: Sequence[float]) -> Expression:
    """How many of some ascending ends lie below a value, found by halving."""
    import ibis

    def among(first: int, last: int) -> Expression:
        if first == last:
            return ibis.literal(first)
        middle = (first + last) // 2
        return (value <= float(ends[middle])).ifelse(among(first, middle), among(middle + 1, last))

    return among(0, len(ends))


def _numeric_bin(value: Expression, bins: NumericBins) -> Expression:
    """The bin of each value, as `NumericBins.assign` gives it."""
    import ibis

    n = bins.n_bins
    special = [
        (_is_missing(value), n + Special.MISSING),
        (value == math.inf, n + Special.POSITIVE_INFINITY),
        (value == -math.inf, n + Special.NEGATIVE_INFINITY),
    ]
    if not n:
        return ibis.cases(*special, else_=n + Special.UNSEEN)
    special += [(value < bins.low, n + Special.BELOW), (value > bins.ends[-1], n + Special.ABOVE)]
    inside = _place(value, bins.ends[:-1])
    if bins.exact:
        inside = value.isin(bins.ends).ifelse(inside, n + Special.UNSEEN)
    return ibis.cases(*special, else_=inside)


def _beyond(value: Expression, bins: NumericBins) -> Expression:
    """Whether a value that isn't missing is outside anything the reference had."""
    import ibis

    if not bins.n_bins:
        return ibis.literal(True)
    outside = (value < bins.low) | (value > bins.ends[-1])
    return outside | ~value.isin(bins.ends) if bins.exact else outside


def _named(
    value: Expression, names: Sequence[str], *, missing: int | None = None, unknown: int | None = None
) -> Expression:
    """The place of each name; by default the missing come after the last, then what is none of them."""
    import ibis

    n = len(names)
    cases = [(value == name, code) for code, name in enumerate(names)]
    return ibis.cases(
        (value.isnull(), n if missing is None else missing), *cases, else_=n + 1 if unknown is None else unknown
    )


def _is_among(value: Expression, names: Sequence[str]) -> Expression:
    """Whether a text is one of some names, which are one literal: thousands of them would be slow to write out."""
    import ibis

    return ibis.literal(list(names), type="array<string>").contains(value) if names else ibis.literal(False)


def _text(value: Expression) -> Expression:
    """Categories as text; true and false by name."""
    import ibis

    return ibis.cases((value, "true"), (~value, "false")) if value.type().is_boolean() else value


def _floats(schema: ModelSchema, column: str, records: Expression) -> Expression:
    """A column as it is counted: text by its length, instants by their age in days when the record was made."""
    value, kind = records[stored_name(schema, column)], measured_type(schema, column)
    if kind is ColumnType.TEXT:
        return value.length().cast("float64")
    if kind is not ColumnType.TIMESTAMP:
        return value
    days = microseconds(value).cast("float64") / DAY
    if schema.name_of(Role.TIMESTAMP) is None:
        return days
    return microseconds(records[TIMESTAMP]).cast("float64") / DAY - days


def _is_missing(value: Expression) -> Expression:
    return value.isnull() | value.isnan()


def _finite(value: Expression) -> Expression:
    """Whether a value is a finite number; false for null."""
    return (~_is_missing(value) & (value != math.inf) & (value != -math.inf)).fill_null(False)


def _indicator(condition: Expression) -> Expression:
    """1.0 where a condition holds, else 0.0; cast, since a literal with a point is no float everywhere."""
    return condition.fill_null(False).cast("int32").cast("float64")


def _ratio(part: Expression, whole: Expression) -> Expression:
    """part / whole of positive numbers; too large for a float is infinite, too small is 0."""
    logarithm = part.ln() - whole.ln()
    return (part == 0).ifelse(0.0, (logarithm > 709.7).ifelse(math.inf, (logarithm < -708.0).ifelse(0.0, part / whole)))


def _sums(answer: pa.Table, place: int, total: Total) -> Floats:
    return total.value(lambda part: _numbers(answer, f"sum_{place}_{part}"))


def _ints(answer: pa.Table, name: str) -> Ints:
    return np.asarray(answer[name].cast(pa.int64()).to_numpy(), dtype=np.int64)


def _numbers(answer: pa.Table, name: str) -> Floats:
    return np.asarray(answer[name].cast(pa.float64()).to_numpy(), dtype=np.float64)
