"""What only rows can tell of a reference's columns: which are no measurements, and how new values turn up.

A column of ids, row numbers or dates differs in every window and says nothing. And a value is new to a
window of the reference more often than to the whole of it; how often is read from each window against all
others (leave one out), so that values nobody had seen before are judged by how common such values are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from core.profile.columns import distinct_codes

__all__ = ["ColumnFacts", "codes_of_values", "facts_of_categories", "facts_of_numbers"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MIN_VALUES = 50  # fewer say nothing about what a column is
IN_ROW_ORDER = 0.98  # Spearman's correlation with the place in the reference
ONE_A_WINDOW = 0.99  # of the variance that lies between windows
NEAR_UNIQUE = 0.7  # distinct values among all


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ColumnFacts:
    """`left_out`: why the column isn't monitored, '' if it is. `is_novel`: rows whose value no other window has."""

    left_out: str
    is_novel: Bools

    def novel_by_window(self, windows: Ints) -> Mapping[int, int]:
        """How many rows of each window hold a value that no other window of the reference has."""
        keys, counts = np.unique(windows[self.is_novel], return_counts=True)
        return dict(zip(keys.tolist(), counts.tolist(), strict=True))


def facts_of_numbers(values: Floats, windows: Ints, *, by_value: bool) -> ColumnFacts:
    """What a numeric column of the reference is.

    Parameters
    ----------
    values : float array of shape (n,)
        In the order of the reference; NaN for missing.
    windows : int array of shape (n,)
        The window of each row.
    by_value : bool
        Whether any value between the others counts as new, not only one beyond the range.

    Examples
    --------
    >>> windows = np.repeat([0, 1], 50)
    >>> facts_of_numbers(np.arange(100.0), windows, by_value=False).left_out
    'whole numbers, each once: an id or a row number'
    >>> facts = facts_of_numbers(np.tile([1.5, 2.5], 50), windows, by_value=True)
    >>> facts.left_out, int(facts.is_novel.sum())
    ('', 0)
    """
    known = np.isfinite(values)
    novel = np.zeros(values.size, dtype=bool)
    if not known.any():
        return ColumnFacts(left_out="", is_novel=novel)
    if by_value:
        _, codes = np.unique(values[known], return_inverse=True)
        novel[known] = _in_one_window(codes, windows[known])
    else:
        novel[known] = _beyond_the_others(values[known], windows[known])
    return ColumnFacts(left_out=_why_numbers_say_nothing(values[known], windows[known], known), is_novel=novel)


def facts_of_categories(codes: Ints, windows: Ints, *, n_distinct: int) -> ColumnFacts:
    """What a categorical column of the reference is.

    Parameters
    ----------
    codes : int array of shape (n,)
        The value of each row by number, -1 for missing.
    windows : int array of shape (n,)
    n_distinct : int

    Examples
    --------
    >>> facts = facts_of_categories(np.array([0, 0, 1, -1]), np.array([5, 6, 6, 6]), n_distinct=2)
    >>> facts.left_out, dict(facts.novel_by_window(np.array([5, 6, 6, 6])))
    ('', {6: 1})
    """
    known = codes >= 0
    novel = np.zeros(codes.size, dtype=bool)
    novel[known] = _in_one_window(codes[known], windows[known])
    n = int(known.sum())
    if n >= MIN_VALUES and n_distinct > NEAR_UNIQUE * n:
        left_out = f"{n_distinct / n:.0%} of its values are distinct"
    elif n >= MIN_VALUES and _between(codes[known], windows[known], n_distinct) > ONE_A_WINDOW:
        left_out = "each window has a value of its own"
    else:
        left_out = ""
    return ColumnFacts(left_out=left_out, is_novel=novel)


def codes_of_values(values: pa.ChunkedArray) -> tuple[Ints, int]:
    """The value of each row by number, -1 for missing, and how many distinct values there are."""
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.string())
    encoded = values if pa.types.is_dictionary(values.type) else values.dictionary_encode()
    if not len(encoded):
        return np.empty(0, dtype=np.int64), 0
    whole = encoded.unify_dictionaries().combine_chunks()
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.chunk(0)
    codes = np.asarray(whole.indices.fill_null(-1).cast(pa.int64()))
    return codes, len(np.unique(codes[codes >= 0]))


def _why_numbers_say_nothing(values: Floats, windows: Ints, known: Bools) -> str:
    if values.size < MIN_VALUES:
        return ""
    order = np.argsort(values)
    ordered = values[order]
    starts = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    if starts.size == values.size and np.array_equal(ordered, np.round(ordered)):
        return "whole numbers, each once: an id or a row number"
    if starts.size == 1:
        return ""
    ends = np.append(starts[1:], values.size)
    ranks = np.empty(values.size)
    ranks[order] = np.repeat((starts + ends + 1) / 2, ends - starts)  # of equal values the middle one
    if abs(float(np.corrcoef(ranks, np.flatnonzero(known))[0, 1])) > IN_ROW_ORDER:
        return "it runs with the order of the rows: a row number or a date"
    if _share_between(ranks, windows) > ONE_A_WINDOW:
        return "each window has a value of its own"
    return ""


def _in_one_window(codes: Ints, windows: Ints) -> Bools:
    """Whether the value of each row occurs in its own window only."""
    _, window, _ = distinct_codes(windows)
    n_windows = int(window.max()) + 1 if window.size else 0
    if n_windows < 2:
        return np.zeros(codes.size, dtype=bool)
    pairs = np.unique(codes * n_windows + window)
    n_in = np.bincount(pairs // n_windows)
    return np.asarray(n_in[codes] == 1)


def _beyond_the_others(values: Floats, windows: Ints) -> Bools:
    """Whether each value lies outside the range of all windows but its own."""
    _, window, _ = distinct_codes(windows)
    n_windows = int(window.max()) + 1
    if n_windows < 2:
        return np.zeros(values.size, dtype=bool)
    low, high = np.full(n_windows, np.inf), np.full(n_windows, -np.inf)
    np.minimum.at(low, window, values)
    np.maximum.at(high, window, values)
    others_low = np.where(np.arange(n_windows) == np.argmin(low), np.partition(low, 1)[1], low.min())
    others_high = np.where(np.arange(n_windows) == np.argmax(high), np.partition(high, -2)[-2], high.max())
    return np.asarray((values < others_low[window]) | (values > others_high[window]))


def _share_between(scores: Floats, windows: Ints) -> float:
    """Which share of the variance lies between windows."""
    _, window, _ = distinct_codes(windows)
    total = float(((scores - scores.mean()) ** 2).sum())
    if window.max() == 0 or total == 0:
        return 0.0
    n = np.bincount(window)
    means = np.bincount(window, weights=scores) / n
    return float((n * (means - scores.mean()) ** 2).sum()) / total


def _between(codes: Ints, windows: Ints, n_distinct: int) -> float:
    """Which share of the categories' variance (Gini's) lies between windows."""
    _, window, _ = distinct_codes(windows)
    _, value = np.unique(codes, return_inverse=True)
    n_windows = int(window.max()) + 1
    if n_windows < 2 or n_distinct < 2:
        return 0.0
    pairs, counts = np.unique(window * n_distinct + value, return_counts=True)
    n = np.bincount(window)
    within = float((n - np.bincount(pairs // n_distinct, weights=counts.astype(np.float64) ** 2) / n).sum())
    total = codes.size - float((np.bincount(value).astype(np.float64) ** 2).sum()) / codes.size
    return 1 - within / total if total > 0 else 0.0
