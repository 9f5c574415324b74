"""The shares behind a column's drift: which bins are compared, how they are drawn, and which have moved, in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.stats.binning import CategoryBins, NumericBins, Special, pool_adjacent
from core.stats.hypothesis import two_proportions_p_value, zero_reference_p_value
from core.stats.intervals import newcombe_difference

__all__ = ["BinShare", "Bins", "bin_shares", "comparison_bins", "in_order", "moved", "point_bins"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bins = NumericBins | CategoryBins

MANY_ROWS = 20_000  # a reference this large carries 20 test bins
MIN_EXPECTED = 5.0
MAX_SENTENCES = 4
SPECIAL_NAMES = {
    Special.MISSING: "Missing",
    Special.INVALID: "Unreadable",
    Special.UNSEEN: "Not in the reference",
    Special.BELOW: "Below the lowest reference value",
    Special.ABOVE: "Above the highest reference value",
    Special.NEGATIVE_INFINITY: "Minus infinity",
    Special.POSITIVE_INFINITY: "Infinity",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BinShare:
    """One bar of a drawing: its name, its range if it has one, and the counts and shares of both sides.

    A share is None where its side has no rows.
    """

    name: str
    n_reference: int
    n_current: int
    reference: float | None
    current: float | None
    low: float | None = None
    high: float | None = None
    special: Special | None = None


def comparison_bins(reference: Ints, current: Ints, bins: Bins) -> tuple[Ints, Ints]:
    """Which counts are compared?

    Numeric columns: about 10 groups of equal reference mass, 20 from 20,000 reference rows on, or one
    a value for `exact` bins. Categories that are expected to hold fewer than 5 of the current rows are
    pooled, unless all are. Special bins stay apart; bins that are empty on both sides are left out.

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
        Each with at least one row.
    bins : NumericBins or CategoryBins

    Returns
    -------
    two int arrays of one shape (n_comparison_bins,)

    Examples
    --------
    >>> bins = CategoryBins(categories=("a", "b", "c"))
    >>> reference, current = np.array([980, 10, 10, *[0] * 7]), np.array([90, 4, 3, 3, *[0] * 6])
    >>> [side.tolist() for side in comparison_bins(reference, current, bins)]
    [[980, 20, 0], [90, 7, 3]]
    """
    k = bins.n_bins
    target = np.arange(bins.size)
    if isinstance(bins, NumericBins):
        target[:k] = _groups(reference, bins)
    else:
        rare = reference[:k] * current.sum() < MIN_EXPECTED * reference.sum()
        if rare.any() and not rare.all():
            target[:k][rare] = np.argmax(rare)
    sides = np.stack([np.bincount(target, weights=side, minlength=bins.size) for side in (reference, current)])
    sides = sides[:, sides.any(axis=0)].astype(np.int64)
    return sides[0], sides[1]


def _groups(reference: Ints, bins: NumericBins) -> Ints:
    """The test bin of each regular bin."""
    if bins.exact:
        return np.arange(bins.n_bins)
    return pool_adjacent(reference[: bins.n_bins], 20 if reference.sum() >= MANY_ROWS else 10)


def in_order(counts: Ints, bins: NumericBins) -> Ints:
    """Counts from minus infinity over BELOW, the regular bins and ABOVE to infinity; shape (n_bins + 4,).

    Examples
    --------
    >>> bins = NumericBins(ends=(1.0, 2.0), low=0.0, exact=False)
    >>> in_order(np.array([10, 20, 0, 0, 0, 3, 4, 1, 2]), bins).tolist()
    [1, 3, 10, 20, 4, 2]
    """
    k = bins.n_bins
    before = [k + Special.NEGATIVE_INFINITY, k + Special.BELOW]
    after = [k + Special.ABOVE, k + Special.POSITIVE_INFINITY]
    return np.concatenate([counts[before], counts[:k], counts[after]])


def point_bins(bins: NumericBins) -> Bools:
    """Which regular bins hold one value only?

    Examples
    --------
    >>> point_bins(NumericBins(ends=(1.0, float(np.nextafter(3.0, 0)), 3.0), low=1.0, exact=False)).tolist()
    [True, False, True]
    """
    ends = np.asarray(bins.ends, dtype=np.float64)
    if bins.exact:
        return np.ones(ends.size, dtype=bool)
    before = np.concatenate([[np.nextafter(bins.low, -np.inf)], ends[:-1]])
    points: Bools = np.nextafter(ends, -np.inf) == before
    return points


def bin_shares(reference: Ints, current: Ints, bins: Bins) -> tuple[BinShare, ...]:
    """What are the bars of a drawing of both sides?

    One a category or test bin of a numeric column, then the special bins that are used.

    Examples
    --------
    >>> bins = NumericBins(ends=(1.0, 2.0), low=0.0, exact=False)
    >>> reference, current = np.array([10, 10, *[0] * 7]), np.array([2, 6, 2, *[0] * 6])
    >>> [(share.name, share.reference, share.current) for share in bin_shares(reference, current, bins)]
    [('0 to 1', 0.5, 0.2), ('1 to 2', 0.5, 0.6), ('Missing', 0.0, 0.2)]
    """
    m, n = int(reference.sum()), int(current.sum())

    def share(where: slice | int, name: str, **more: float | Special | None) -> BinShare:
        n_reference, n_current = int(reference[where].sum()), int(current[where].sum())
        return BinShare(
            name=name,
            n_reference=n_reference,
            n_current=n_current,
            reference=n_reference / m if m else None,
            current=n_current / n if n else None,
            **more,  # type: ignore[arg-type]
        )

    if isinstance(bins, CategoryBins):
        shares = [share(code, name) for code, name in enumerate(bins.names)]
    else:
        shares = []
        groups = _groups(reference, bins)
        for start, stop in _runs(groups):
            low = bins.ends[start] if bins.exact else bins.ends[start - 1] if start else bins.low
            high = bins.ends[stop - 1]
            is_point = low == high or (start and math.nextafter(high, -math.inf) == low)
            name = _number(high) if is_point else f"{_number(low)} to {_number(high)}"
            shares.append(share(slice(start, stop), name, low=high if is_point else low, high=high))
    for special in Special:
        code = bins.n_bins + special
        if reference[code] or current[code]:
            shares.append(share(code, SPECIAL_NAMES[special], special=special))
    return tuple(shares)


def _runs(groups: Ints) -> Iterator[tuple[int, int]]:
    bounds = [*np.flatnonzero(np.diff(groups, prepend=-1)).tolist(), groups.size]
    yield from itertools.pairwise(bounds)


def moved(
    reference: Ints, current: Ints, bins: Bins, shares: Sequence[BinShare], *, confidence: float = 0.95
) -> tuple[str, ...]:
    """What moved inside the column, in sentences, the largest change first?

    Only shares whose change is certain are named: the p-value of two rates is below 1 - confidence
    divided by the number of bins (Bonferroni).

    Examples
    --------
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> reference, current = np.array([900, 100, *[0] * 7]), np.array([500, 80, 420, *[0] * 6])
    >>> for sentence in moved(reference, current, bins, bin_shares(reference, current, bins)):
    ...     print(sentence)
    Missing 0.0% to 42.0%.
    Share of 'a' 90.0% to 50.0%.
    """
    m, n = int(reference.sum()), int(current.sum())
    alpha = (1 - confidence) / max(1, len(shares))
    certain = [share for share in shares if _is_certain(share, m, n, alpha)]
    if not certain:
        return ("No share changed by more than samples of these sizes show by chance.",)
    certain.sort(key=lambda share: -abs(share.n_current * m - share.n_reference * n))
    words = [_sentence(share, bins) for share in certain[:MAX_SENTENCES]]
    if isinstance(bins, NumericBins):
        before, after = _median(reference, bins), _median(current, bins)
        if before and after and before != after:
            words.append(f"Median {before} to {after}.")
    return tuple(words)


def _is_certain(share: BinShare, m: int, n: int, alpha: float) -> bool:
    change = newcombe_difference(share.n_current, n, share.n_reference, m, confidence=1 - alpha)
    if change.low <= 0 <= change.high:
        return False  # spares the exact test, which is slow and stricter
    if share.n_reference == 0:
        return zero_reference_p_value(share.n_current, n, m) < alpha
    return two_proportions_p_value(share.n_reference, m, share.n_current, n) < alpha


def _sentence(share: BinShare, bins: Bins) -> str:
    before, after = share.reference or 0.0, share.current or 0.0
    if isinstance(bins, NumericBins) and bins.ends and not share.n_reference:
        if share.special is Special.BELOW:
            return f"{after:.1%} of rows lie below the lowest reference value, {_number(bins.low)}."
        if share.special is Special.ABOVE:
            return f"{after:.1%} of rows lie above the highest reference value, {_number(bins.ends[-1])}."
    change = f"{before:.1%} to {after:.1%}."
    if share.special is not None:
        return f"{share.name} {change}"
    if isinstance(bins, CategoryBins):
        return f"Share of '{share.name}' {change}"
    if share.low == share.high:
        return f"Share of the value {share.name}: {change}"
    return f"Share between {_number(share.low or 0.0)} and {_number(share.high or 0.0)}: {change}"


def _median(counts: Ints, bins: NumericBins) -> str:
    """The median of the values that have a place in the order, to within a bin; '' if there are none."""
    ordered = in_order(counts, bins)
    if not ordered.sum():
        return ""
    cumulated = np.cumsum(ordered)
    half = ordered.sum() / 2
    place = int(np.searchsorted(cumulated, half))
    if place <= 1:
        return f"below {_number(bins.low)}"
    if place >= ordered.size - 2:
        return f"above {_number(bins.ends[-1])}" if bins.ends else ""
    index = place - 2
    high = bins.ends[index]
    if point_bins(bins)[index]:
        return _number(high)
    low = bins.ends[index - 1] if index else bins.low
    within = (half - (cumulated[place] - ordered[place])) / ordered[place]
    return f"about {_number(low + within * (high - low))}"


def _number(value: float) -> str:
    """Four digits, with thousands commas."""
    return f"{value:,.0f}" if 1_000 <= abs(value) < 1e15 else f"{value:.4g}"
