"""Bins, groups and windows as Ibis expressions that give what numpy gives for the same values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from core.profile.fitting import measured_type, stored_name
from core.profile.windows import Window
from core.record import TIMESTAMP
from core.schema import ColumnType, ModelSchema, Role
from core.stats.binning import NumericBins, Special

__all__ = [
    "as_text",
    "column_value",
    "indicator",
    "is_among",
    "is_beyond",
    "is_finite",
    "is_missing",
    "microseconds",
    "named_code",
    "numeric_bin",
    "place_of",
    "ratio",
    "window_of",
]

Expression = Any  # Ibis makes its classes' methods at run time
DAY = 86_400e6  # microseconds


def microseconds(instant: Expression) -> Expression:
    """An instant as microseconds since 1970, exactly."""
    if instant.get_backend().name == "pyspark":  # which extracts no microseconds; its doubles of seconds hold them
        return (instant.cast("float64") * 1e6).round().cast("int64")
    whole = instant.truncate("s").epoch_seconds().cast("int64")
    return whole * 1_000_000 + instant.microsecond().cast("int64")


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


def place_of(value: Expression, ends: Sequence[float]) -> Expression:
    """How many of some ascending ends lie below a value, found by halving."""
    import ibis

    def among(first: int, last: int) -> Expression:
        if first == last:
            return ibis.literal(first)
        middle = (first + last) // 2
        return (value <= float(ends[middle])).ifelse(among(first, middle), among(middle + 1, last))

    return among(0, len(ends))


def numeric_bin(value: Expression, bins: NumericBins) -> Expression:
    """The bin of each value, as `NumericBins.assign` gives it."""
    import ibis

    n = bins.n_bins
    special = [
        (is_missing(value), n + Special.MISSING),
        (value == math.inf, n + Special.POSITIVE_INFINITY),
        (value == -math.inf, n + Special.NEGATIVE_INFINITY),
    ]
    if not n:
        return ibis.cases(*special, else_=n + Special.UNSEEN)
    special += [(value < bins.low, n + Special.BELOW), (value > bins.ends[-1], n + Special.ABOVE)]
    inside = place_of(value, bins.ends[:-1])
    if bins.exact:
        inside = value.isin(bins.ends).ifelse(inside, n + Special.UNSEEN)
    return ibis.cases(*special, else_=inside)


def is_beyond(value: Expression, bins: NumericBins) -> Expression:
    """Whether a value that isn't missing is outside anything the reference had."""
    import ibis

    if not bins.n_bins:
        return ibis.literal(True)
    outside = (value < bins.low) | (value > bins.ends[-1])
    return outside | ~value.isin(bins.ends) if bins.exact else outside


def named_code(
    value: Expression, names: Sequence[str], *, missing: int | None = None, unknown: int | None = None
) -> Expression:
    """The place of each name; by default the missing come after the last, then what is none of them."""
    import ibis

    n = len(names)
    cases = [(value == name, code) for code, name in enumerate(names)]
    return ibis.cases(
        (value.isnull(), n if missing is None else missing), *cases, else_=n + 1 if unknown is None else unknown
    )


def is_among(value: Expression, names: Sequence[str]) -> Expression:
    """Whether a text is one of some names, which are one literal: thousands of them would be slow to write out."""
    import ibis

    return ibis.literal(list(names), type="array<string>").contains(value) if names else ibis.literal(False)


def as_text(value: Expression) -> Expression:
    """Categories as text; true and false by name."""
    import ibis

    return ibis.cases((value, "true"), (~value, "false")) if value.type().is_boolean() else value


def column_value(schema: ModelSchema, column: str, records: Expression) -> Expression:
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


def is_missing(value: Expression) -> Expression:
    """Whether a number is null or NaN."""
    return value.isnull() | value.isnan()


def is_finite(value: Expression) -> Expression:
    """Whether a value is a finite number; false for null."""
    return (~is_missing(value) & (value != math.inf) & (value != -math.inf)).fill_null(False)


def indicator(condition: Expression) -> Expression:
    """1.0 where a condition holds, else 0.0; cast, since a literal with a point is no float everywhere."""
    return condition.fill_null(False).cast("int32").cast("float64")


def ratio(part: Expression, whole: Expression) -> Expression:
    """part / whole of positive numbers; too large for a float is infinite, too small is 0."""
    logarithm = part.ln() - whole.ln()
    return (part == 0).ifelse(0.0, (logarithm > 709.7).ifelse(math.inf, (logarithm < -708.0).ifelse(0.0, part / whole)))
