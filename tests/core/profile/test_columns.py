"""Sorting a column a group at a time counts what binning it row by row does."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.profile import columns
from core.profile.columns import Groups, Names, Numbers, distinct_codes
from core.stats import binning
from core.stats.binning import CategoryBins, NumericBins, Special

EDGES = [-math.inf, -1e308, -2.5, -1.0, -0.0, 0.0, 5e-324, 1.0, 1.5, 2.0, 1e308, math.inf, math.nan]
values = st.lists(st.tuples(st.one_of(st.sampled_from(EDGES), st.floats()), st.integers(0, 3)), max_size=60)
ends = st.lists(st.one_of(st.sampled_from(EDGES[1:-2]), st.floats(-5, 5)), max_size=6)


def plain_bin(x: float, bins: NumericBins) -> int:
    """The bin of one number, by what the class says of itself."""
    n = bins.n_bins
    if math.isnan(x):
        return n + Special.MISSING
    if math.isinf(x):
        return n + (Special.POSITIVE_INFINITY if x > 0 else Special.NEGATIVE_INFINITY)
    if not n:
        return n + Special.UNSEEN
    if x < bins.low:
        return n + Special.BELOW
    if x > bins.ends[-1]:
        return n + Special.ABOVE
    place = next(k for k, end in enumerate(bins.ends) if x <= end)
    return place if not bins.exact or bins.ends[place] == x else n + Special.UNSEEN


@given(values, ends, st.booleans(), st.booleans())
@example([(0.0, 0), (-0.0, 1), (5e-324, 0)], [0.0, 5e-324], True, True)
@example([(1e308, 0), (1e308, 0), (-math.inf, 1)], [1e308], False, False)
@settings(max_examples=150, deadline=None)
def test_numbers_are_counted_as_a_loop_over_the_rows_counts_them(
    rows: list[tuple[float, int]], given_ends: list[float], exact: bool, is_ordered: bool
) -> None:
    rows = sorted(rows, key=lambda row: row[1]) if is_ordered else rows
    x = np.array([value for value, _ in rows], dtype=np.float64)
    keys = np.array([key for _, key in rows], dtype=np.int64)
    distinct = np.unique(np.array(given_ends, dtype=np.float64)).tolist()
    low = distinct[0] if exact and distinct else min(distinct, default=0.0) - 1.0
    bins = NumericBins(ends=tuple(distinct), low=low, exact=exact)
    expected = [plain_bin(value, bins) for value in x.tolist()]
    for at_once in (1, 10_000):  # rows from which on they are sorted
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(binning, "MANY_VALUES", at_once)
            patched.setattr(columns, "FEW_ROWS", at_once if at_once > 1 else 0)
            assert bins.assign(x).tolist() == expected
            if not rows:
                continue
            names, groups = Groups.of(keys)
            found = Numbers(values=x, bins=bins)
            counts, sums = found.counts_and_sums(groups)
            outside = found.outside(counts.sum(axis=0))
        for place, key in enumerate(names.tolist()):
            of_key = Counter(bin_ for bin_, (_, own) in zip(expected, rows, strict=True) if own == key)
            assert {cell: int(n) for cell, n in enumerate(counts[place]) if n} == dict(of_key)
            finite = x[(keys == key) & np.isfinite(x)]
            with np.errstate(over="ignore", invalid="ignore"):
                totals = [float(np.sum(finite)), float(np.sum(finite * finite))]
            if np.abs(finite).max(initial=0.0) < 1e150:
                assert sums[place].tolist() == pytest.approx(totals, rel=1e-12, abs=1e-9 * (1 + totals[1]))
        is_outside = [bin_ >= bins.n_bins + Special.UNSEEN for bin_ in expected]
        assert (outside.tolist() if outside is not None else [False] * len(rows)) == is_outside


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "é", "new", None]), st.integers(0, 2)), min_size=1, max_size=60))
@settings(max_examples=60, deadline=None)
def test_names_are_counted_as_a_loop_over_the_rows_counts_them(rows: list[tuple[str | None, int]]) -> None:
    bins = CategoryBins(categories=("a", "b"), others=("é",))
    codes = {"a": 0, "b": 1, "é": 2, None: 3 + Special.MISSING, "new": 3 + Special.UNSEEN}
    names = Names.of(pa.chunked_array([pa.array([value for value, _ in rows], type=pa.string())]), bins)
    for few in (0, 10_000):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(columns, "FEW_ROWS", few)
            keys, groups = Groups.of(np.array([key for _, key in rows]))
            counts = names.counts(groups)
        for place, key in enumerate(keys.tolist()):
            expected = Counter(int(codes[value]) for value, own in rows if own == key)
            assert {cell: int(n) for cell, n in enumerate(counts[place]) if n} == dict(expected)
        outside = names.outside(counts.sum(axis=0))
        is_new = [value == "new" for value, _ in rows]
        assert (outside.tolist() if outside is not None else [False] * len(rows)) == is_new


@given(st.lists(st.tuples(st.integers(-3, 3), st.integers(1, 40)), max_size=8))
@settings(max_examples=60, deadline=None)
def test_keys_in_runs_are_told_apart_as_numpy_tells_them(runs: list[tuple[int, int]]) -> None:
    keys = np.repeat([key for key, _ in runs], [n for _, n in runs]).astype(np.int64)
    distinct, codes, starts = distinct_codes(keys)
    expected, inverse = np.unique(keys, return_inverse=True)
    assert distinct.tolist() == expected.tolist()
    assert codes.tolist() == inverse.tolist()
    assert keys[starts].tolist() == [key for k, key in enumerate(keys.tolist()) if k == 0 or keys[k - 1] != key]
    if keys.size:
        _, groups = Groups.of(keys)
        ordered = groups.gathered(keys)
        for place, (first, last) in enumerate(groups.spans):
            assert set(ordered[first:last].tolist()) == {int(expected[place])}
            assert last - first == int((keys == expected[place]).sum())
