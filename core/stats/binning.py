"""Bins fitted once on the reference, and the special bins that every column has beside them.

Regular bins are closed on the right. Seven special bins follow them in every count vector, so that
what is missing, unreadable, unseen or out of range is counted apart and never silently binned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "N_SPECIAL",
    "CategoryBins",
    "NumericBins",
    "Special",
    "fit_categories",
    "fit_numeric",
    "fit_scores",
    "pool_adjacent",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_FINE = 80  # nests both 10 and 20 test bins
MAX_EXACT = 20  # a numeric column with at most this many distinct values is counted value by value
MAX_CATEGORIES = 200
MAX_OTHERS = 20_000
MAX_SCORES = 1_024
MANY_VALUES = 4_096  # so many are sorted and the ends looked up in them, fewer are looked up among the ends
OTHER = "(other)"


class Special(IntEnum):
    """The bins that follow the regular ones, in this order."""

    MISSING = 0
    INVALID = 1
    UNSEEN = 2
    BELOW = 3
    ABOVE = 4
    NEGATIVE_INFINITY = 5
    POSITIVE_INFINITY = 6


N_SPECIAL = len(Special)


@dataclass(frozen=True, slots=True, kw_only=True)
class NumericBins:
    """Right-closed bins of a numeric column: bin k holds x with ends[k-1] < x <= ends[k].

    The first bin starts at ``low``, the reference's minimum, and the last end is its maximum; values
    outside go to BELOW and ABOVE. With ``exact`` each bin holds one value of the reference, and a
    finite value between them is UNSEEN. If ``n_equal`` isn't 0, the bins nest that many of equal width,
    closed on the left, from ``low`` to the maximum: the histogram of a named convention.
    """

    ends: tuple[float, ...]
    low: float
    exact: bool
    n_equal: int = 0

    @property
    def n_bins(self) -> int:
        """How many regular bins there are."""
        return len(self.ends)

    @property
    def size(self) -> int:
        """Length of a count vector: regular and special bins."""
        return len(self.ends) + N_SPECIAL

    def assign(self, values: Floats) -> Ints:
        """The bin of each value, shape (n,); NaN is MISSING.

        Examples
        --------
        >>> bins = NumericBins(ends=(1.0, 2.0), low=0.0, exact=False)
        >>> bins.assign(np.array([0.0, 1.0, 1.5, 2.5, -1.0, np.nan])).tolist()
        [0, 0, 1, 6, 5, 2]
        """
        ends, bin_of = self.cuts()
        if values.size < MANY_VALUES:
            return bin_of[np.searchsorted(ends, values, side="left")]
        order = np.argsort(values)
        bounds = np.searchsorted(values[order], ends, side="right")
        codes = np.empty(values.size, dtype=np.int64)
        codes[order] = np.repeat(bin_of, np.diff(bounds, prepend=0, append=values.size))
        return codes

    def cuts(self) -> tuple[Floats, Ints]:
        """All floats cut into runs, closed on the right, and the bin of each run: ends of shape (n,), bins (n + 1,).

        The first run holds minus infinity alone, the last but one infinity alone, the last NaN.

        Examples
        --------
        >>> ends, bins = NumericBins(ends=(1.0, 2.0), low=0.0, exact=False).cuts()
        >>> ends[2:4].tolist(), bins.tolist()
        ([1.0, 2.0], [7, 5, 0, 1, 6, 8, 2])
        """
        n, finite = len(self.ends), np.asarray(self.ends, dtype=np.float64)
        with np.errstate(over="ignore"):  # below the least float lies minus infinity
            below = np.nextafter(finite if self.exact else [self.low], -math.inf)
        if n == 0:
            inner, bins = np.empty(0), np.empty(0, dtype=np.int64)
        elif self.exact:
            inner = np.stack([below, finite], axis=1).reshape(-1)
            bins = np.stack([np.full(n, n + Special.UNSEEN), np.arange(n)], axis=1).reshape(-1)
            bins[0] = n + Special.BELOW
        else:
            inner = np.concatenate([below, finite])
            bins = np.concatenate([[n + Special.BELOW], np.arange(n)])
        above = n + (Special.ABOVE if n else Special.UNSEEN)
        last = [above, n + Special.POSITIVE_INFINITY, n + Special.MISSING]
        ends = np.concatenate([[-math.inf], inner, [np.finfo(np.float64).max, math.inf]])
        return ends, np.concatenate([[n + Special.NEGATIVE_INFINITY], bins, last]).astype(np.int64)

    def to_dict(self) -> dict[str, Any]:
        """The form that is stored and digested."""
        return {
            "kind": "numeric",
            "ends": list(self.ends),
            "low": self.low,
            "exact": self.exact,
            "n_equal": self.n_equal,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryBins:
    """One bin a category of the reference, most frequent first; `others` share one more bin."""

    categories: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def n_bins(self) -> int:
        """How many regular bins there are, the shared one of the others included."""
        return len(self.categories) + bool(self.others)

    @property
    def size(self) -> int:
        """Length of a count vector: regular and special bins."""
        return self.n_bins + N_SPECIAL

    @property
    def names(self) -> tuple[str, ...]:
        """What each regular bin is called."""
        return self.categories + ((OTHER,) if self.others else ())

    def codes(self) -> dict[str, int]:
        """The bin of each known value; any other value is UNSEEN."""
        known = {name: code for code, name in enumerate(self.categories)}
        known.update(dict.fromkeys(self.others, len(self.categories)))
        return known

    def to_dict(self) -> dict[str, Any]:
        """The form that is stored and digested."""
        return {"kind": "category", "categories": list(self.categories), "others": list(self.others)}


def bins_from_dict(data: Mapping[str, Any]) -> NumericBins | CategoryBins:
    """Read what `to_dict` wrote."""
    if data["kind"] == "numeric":
        return NumericBins(ends=tuple(data["ends"]), low=data["low"], exact=data["exact"], n_equal=data["n_equal"])
    return CategoryBins(categories=tuple(data["categories"]), others=tuple(data["others"]))


def fit_numeric(reference: Floats) -> NumericBins:
    """Bins fine enough for KS that nest 10 or 20 equal-mass test bins and NumPy's Doane histogram.

    Parameters
    ----------
    reference : array of shape (n,)
        The column in the reference; NaN and infinities are left out.

    Returns
    -------
    NumericBins
        One bin a value if there are at most 20 distinct values; otherwise ends at every 1/80
        quantile (the inverted-CDF kind), around every value that holds 1/40 of the rows or more, and
        just below each edge of ``numpy.histogram_bin_edges(reference, "doane")``, so that the
        left-closed bins of that convention are sums of ours.

    Examples
    --------
    >>> fit_numeric(np.array([3.0, 1.0, 1.0, np.nan])).ends
    (1.0, 3.0)
    """
    finite = np.sort(reference[np.isfinite(reference)])
    if finite.size == 0:
        return NumericBins(ends=(), low=0.0, exact=True)
    distinct, counts = np.unique(finite, return_counts=True)
    low = float(distinct[0])
    if distinct.size <= N_FINE:
        return NumericBins(ends=tuple(distinct.tolist()), low=low, exact=distinct.size <= MAX_EXACT)
    ranks = np.ceil(np.arange(1, N_FINE) / N_FINE * finite.size).astype(np.int64) - 1
    atoms = distinct[counts >= finite.size / 40]
    doane = _doane_ends(finite)
    ends = np.unique(np.concatenate([finite[ranks], atoms, np.nextafter(atoms, -np.inf), doane, distinct[-1:]]))
    n_equal = doane.size + 1 if doane.size else 0
    return NumericBins(ends=tuple(ends[ends >= low].tolist()), low=low, exact=False, n_equal=n_equal)


def _doane_ends(finite: Floats) -> Floats:
    """Right-closed ends that cut where NumPy's left-closed Doane bins do."""
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            edges = np.histogram_bin_edges(finite, bins="doane")
        except (ValueError, MemoryError):  # a range too wide for equal widths
            return np.empty(0)
    if edges.size > 2 * N_FINE or not np.isfinite(edges).all():
        return np.empty(0)
    ends: Floats = np.nextafter(edges[1:-1], -np.inf)
    return ends


def fit_scores(reference: Floats) -> NumericBins:
    """Bins of a score: one a distinct value up to 1,024, else 1,024 quantile bins.

    Parameters
    ----------
    reference : array of shape (n,)
        Scores in the reference; NaN and infinities are left out.

    Examples
    --------
    >>> fit_scores(np.array([0.5, 0.25, 0.5])).ends
    (0.25, 0.5)
    """
    finite = np.sort(reference[np.isfinite(reference)])
    if finite.size == 0:
        return NumericBins(ends=(), low=0.0, exact=False)
    distinct = np.unique(finite)
    if distinct.size > MAX_SCORES:
        ranks = np.ceil(np.arange(1, MAX_SCORES + 1) / MAX_SCORES * finite.size).astype(np.int64) - 1
        distinct = np.unique(finite[ranks])
    return NumericBins(ends=tuple(distinct.tolist()), low=float(finite[0]), exact=False)


def fit_categories(counts: Mapping[str, int], *, limit: int = MAX_CATEGORIES) -> CategoryBins:
    """Bins of a categorical column: the `limit` most frequent categories, ties by name, and the rest.

    Examples
    --------
    >>> fit_categories({"b": 2, "a": 2, "c": 1}, limit=2)
    CategoryBins(categories=('a', 'b'), others=('c',))
    """
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    return CategoryBins(categories=tuple(ranked[:limit]), others=tuple(sorted(ranked[limit : limit + MAX_OTHERS])))


def pool_adjacent(counts: Ints, n_groups: int) -> Ints:
    """Pool ordered fine bins into about `n_groups` of about equal reference mass.

    Parameters
    ----------
    counts : int array of shape (n_bins,)
        The reference's counts of the regular bins, in order.
    n_groups : int
        How many groups are wanted, at least 1.

    Returns
    -------
    int array of shape (n_bins,)
        The group of each bin, ascending from 0. A bin that holds half a group's share or more on its
        own (an atom) is a group of its own, so there can be up to `n_groups` + 2 * atoms groups.

    Examples
    --------
    >>> pool_adjacent(np.array([1, 1, 1, 1, 1, 1]), 2).tolist()
    [0, 0, 0, 1, 1, 1]
    >>> pool_adjacent(np.array([1, 9, 1, 1]), 2).tolist()
    [0, 1, 2, 2]
    """
    total = counts.sum()
    if total == 0:
        return np.zeros(counts.size, dtype=np.int64)
    below = np.concatenate([[0], np.cumsum(counts)[:-1]])
    level = np.minimum(below * n_groups // total, n_groups - 1)
    is_atom = (counts * 2 * n_groups >= total) & (counts.size > n_groups)
    starts = np.ones(counts.size, dtype=bool)
    starts[1:] = (level[1:] != level[:-1]) | is_atom[1:] | is_atom[:-1]
    return np.cumsum(starts).astype(np.int64) - 1
