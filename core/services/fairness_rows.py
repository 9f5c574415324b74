"""What counts can't answer of fairness, told from rows: worst subgroups, proxies, like cases, records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from core.errors import InputError, UnknownNameError
from core.fairness.groups import LOWER_IS_WORSE, rate_cells
from core.profile.fitting import stored_name
from core.profile.spec import ProfileSpec
from core.record import ID, LABEL, PREDICTION, TIMESTAMP, VERSION, score_columns
from core.schema import ModelSchema
from core.services.fairness_rates import Outcome
from core.services.reference_facts import sample_columns

if TYPE_CHECKING:
    from core.fairness.individual import Consistency
    from core.fairness.proxies import ProxyCheck
    from core.fairness.subgroups import Codes, SubgroupScan

__all__ = [
    "AuditedRows",
    "GroupRecords",
    "SampleBasis",
    "banded",
    "codes_of",
    "consistency_of",
    "first_half",
    "of_segment",
    "proxies_of",
    "records_of",
    "subgroups_of",
]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]

N_BANDS = 4
MOST_VALUES = 6  # of a number that are told apart one by one, and of categories beside the rest
MOST_ROWS = 6_000  # for what compares rows with rows, or grows trees
MISSING = "(missing)"
OTHERS = "(others)"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleBasis:
    """The rows that an answer rests on: `n` of the `n_rows` that the windows hold."""

    n: int
    n_rows: int
    n_windows: int

    @property
    def words(self) -> str:
        """What is said beside the answer."""
        windows = "1 window" if self.n_windows == 1 else f"{self.n_windows} windows"
        if self.n >= self.n_rows:
            return f"All {self.n:,} rows of {windows}."
        return f"A sample of {self.n:,} of the {self.n_rows:,} rows of {windows}, drawn by the hash of their ids."


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AuditedRows:
    """Sampled rows of the windows that an audit is about."""

    frame: pd.DataFrame
    basis: SampleBasis
    schema: ModelSchema
    spec: ProfileSpec
    outcome: Outcome

    def counted(self, rate: str) -> tuple[Bools, Bools]:
        """Which rows a rate counts in its numerator, and in its denominator."""
        n_classes = len(self.spec.classes)
        sides = [
            np.minimum(codes_of(self.frame[name], self.spec.classes), n_classes)
            if name in self.frame
            else np.full(len(self.frame), n_classes)
            for name in (PREDICTION, LABEL)
        ]
        hit, eligible = rate_cells(
            rate,
            n_classes,
            positive=self.outcome.place(self.outcome.positive),
            favourable=self.outcome.place(self.outcome.favourable),
        )
        return hit[sides[0], sides[1]], eligible[sides[0], sides[1]]

    def groups(self, attribute: str) -> tuple[Ints, tuple[str, ...]]:
        """The place of each row's group on an attribute's axis, and the axis."""
        if attribute not in self.spec.groups:
            raise UnknownNameError("protected attribute", attribute, self.spec.groups)
        return codes_of(self.frame[attribute], self.spec.groups[attribute]), self.spec.group_names(attribute)

    def features(self, *, without: Sequence[str] = ()) -> dict[str, NDArray[Any]]:
        """The model's features as columns, without those that are no measurements."""
        left_out = {*self.spec.left_out, *without}
        return sample_columns(self.frame, self.schema, [name for name in self.schema.features if name not in left_out])

    def some(self, most: int) -> AuditedRows:
        """All rows, or `most` of them: the same ones each time."""
        if len(self.frame) <= most:
            return self
        kept = np.sort(np.random.default_rng(_seed(str(len(self.frame)))).permutation(len(self.frame))[:most])
        basis = SampleBasis(n=most, n_rows=self.basis.n_rows, n_windows=self.basis.n_windows)
        return AuditedRows(
            frame=self.frame.iloc[kept].reset_index(drop=True),
            basis=basis,
            schema=self.schema,
            spec=self.spec,
            outcome=self.outcome,
        )


def subgroups_of(rows: AuditedRows, rate: str, *, depth: int, min_rows: int) -> SubgroupScan:
    """For whom a rate is worst, over protected attributes and features: found on one half, confirmed on the other."""
    from core.fairness.subgroups import Codes, worst_subgroups

    columns = {}
    for attribute in rows.spec.groups:
        codes, names = rows.groups(attribute)
        columns[attribute] = Codes(codes=codes, names=names)
    for name, values in rows.features(without=tuple(columns)).items():
        columns[name] = banded(values)
    hit, eligible = rows.counted(rate)
    return worst_subgroups(
        columns,
        hit,
        first_half=first_half(rows.frame),
        eligible=eligible,
        higher_is_worse=rate not in LOWER_IS_WORSE,
        depth=depth,
        min_rows=min_rows,
    )


def proxies_of(rows: AuditedRows, attribute: str) -> ProxyCheck:
    """How well the features give an attribute away, and which do."""
    from core.drift.encoding import tree_matrix
    from core.fairness.proxies import proxy_check

    some = rows.some(MOST_ROWS)
    codes, names = some.groups(attribute)
    known = len(some.spec.groups[attribute])
    matrix = tree_matrix([some.features(without=[attribute])])
    return proxy_check(
        matrix.values,
        matrix.columns,
        np.where(codes < known, codes, -1),
        names[:known],
        attribute=attribute,
        seed=_seed(attribute),
    )


def consistency_of(rows: AuditedRows) -> Consistency:
    """Whether rows that are alike in their features are decided alike; raises InputError where that can't be told."""
    from core.drift.encoding import NormalScores
    from core.fairness.individual import consistency

    some = rows.some(MOST_ROWS)
    hit, decided = some.counted("selection_rate")
    columns = {name: values[decided] for name, values in some.features(without=tuple(some.spec.groups)).items()}
    scores = NormalScores(columns)
    if not scores.columns:
        raise InputError("There is no feature by which rows could be alike.")
    return consistency(scores.transform(columns), hit[decided].astype(np.int64), scale=False)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GroupRecords:
    """Some of a group's sampled records, by the names of the schema; `n` match in all."""

    records: pd.DataFrame
    n: int


def records_of(
    rows: AuditedRows, where: Mapping[str, str], *, rate: str, counts: bool | None, limit: int
) -> GroupRecords:
    """Records of a group or of a group within groups that a rate counts, or doesn't count though it could."""
    chosen = np.ones(len(rows.frame), dtype=bool)
    for attribute, group in where.items():
        codes, names = rows.groups(attribute)
        if group not in names:
            raise UnknownNameError("group", group, names)
        chosen &= codes == names.index(group)
    hit, eligible = rows.counted(rate)
    chosen &= eligible
    if counts is not None:
        chosen &= hit == counts
    shown = {ID: "id", TIMESTAMP: "time", VERSION: "version"}
    shown |= {
        stored: "score" if not name else f"score of {name}" for name, stored in score_columns(rows.schema).items()
    }
    shown |= {PREDICTION: "prediction", LABEL: "label"}
    own = [name for name in (*rows.spec.groups, *rows.schema.features) if stored_name(rows.schema, name) == name]
    columns = [name for name in (*shown, *dict.fromkeys(own)) if name in rows.frame]
    found = rows.frame.loc[chosen, columns].head(limit).rename(columns=shown).reset_index(drop=True)
    return GroupRecords(records=found, n=int(chosen.sum()))


def of_segment(frame: pd.DataFrame, spec: ProfileSpec, segment: str) -> pd.DataFrame:
    """The rows of a segment, named 'column=value'; all rows for ''."""
    column, _, value = segment.partition("=")
    if not column or frame.empty:
        return frame
    codes = codes_of(frame[column], spec.segments[column])
    chosen: pd.DataFrame = frame[codes == spec.segment_values(column).index(value)].reset_index(drop=True)
    return chosen


def codes_of(column: pd.Series, names: Sequence[str]) -> Ints:
    """The place of each row among the names that the profile has; after them missing, then new."""
    known: dict[str | None, int] = {name: place for place, name in enumerate(names)}
    places, values = pd.factorize(column)  # a missing value has place -1
    codes = [known.get(word, len(names) + 1) for word in _words(pd.Series(values))]
    return np.array([*codes, len(names)], dtype=np.int64)[places]


def _words(column: pd.Series) -> list[str | None]:
    """Values as the profile names them, None where missing."""
    if pd.api.types.is_bool_dtype(column):
        return ["true" if value else "false" for value in column]
    return [None if missing else _word(value) for value, missing in zip(column, column.isna(), strict=True)]


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def banded(values: NDArray[Any]) -> Codes:
    """A feature in a few bands of about equal size, or its most frequent values."""
    from core.fairness.subgroups import Codes

    if values.dtype.kind == "f":
        return _bands(values)
    words = np.array([MISSING if value is None else _word(value) for value in values.tolist()], dtype=object)
    names, counts = np.unique(words.astype(str), return_counts=True)
    frequent = [str(name) for name in names[np.argsort(-counts, kind="stable")[:MOST_VALUES]]]
    known = {name: place for place, name in enumerate(frequent)}
    codes = np.array([known.get(word, len(frequent)) for word in words], dtype=np.int64)
    return Codes(codes=codes, names=(*frequent, OTHERS))


def _bands(values: Floats) -> Codes:
    from core.fairness.subgroups import Codes

    is_there = ~np.isnan(values)
    there = values[is_there]
    distinct = np.unique(there)
    if distinct.size <= MOST_VALUES:
        ends, names = distinct, [_end(value) for value in distinct.tolist()]
    else:
        inner = np.quantile(there, np.arange(1, N_BANDS) / N_BANDS, method="inverted_cdf")
        ends = np.unique(np.append(inner, there.max()))
        written = [_end(value) for value in ends.tolist()]
        names = [f"up to {written[0]}"]
        names += [f"above {low} to {high}" for low, high in pairwise(written)]
    codes = np.full(values.size, len(names), dtype=np.int64)
    codes[is_there] = np.searchsorted(ends, there, side="left")
    return Codes(codes=codes, names=(*names, MISSING))


def _end(value: float) -> str:
    """Where a band ends, large numbers without a power of ten."""
    return f"{value:,.0f}" if 10_000 <= abs(value) < 1e15 else f"{value:.4g}"


def first_half(frame: pd.DataFrame) -> Bools:
    """Half of the rows by their ids: a row is in the same half whenever it is asked for."""
    hashes = pd.util.hash_array(frame[ID].astype(str).to_numpy(dtype=object))
    halves: Bools = hashes % 2 == 0
    return halves


def _seed(words: str) -> int:
    return int(hashlib.sha256(words.encode()).hexdigest()[:8], 16)
