"""The shares behind a column's drift: which bins are compared, how they are drawn, and which have moved, in words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from core.schema import ColumnType
from core.stats.binning import CategoryBins, NumericBins, Special, pool_adjacent
from core.stats.hypothesis import two_proportions_p_value, zero_reference_p_value
from core.stats.intervals import newcombe_difference

__all__ = ["BinShare", "Bins", "bin_shares", "comparison_bins", "in_order", "moved", "point_bins", "written"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Bins = NumericBins | CategoryBins

MANY_ROWS = 20_000  # a reference this large carries 20 test bins
MIN_EXPECTED = 5.0
MAX_SENTENCES = 4
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_DAYS = 700_000  # within what a date can say
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
    a value for `exact` bins. Categories that are expected to hold fewer than 5 of a window's rows are
    pooled, unless all are. Special bins stay apart; bins that are empty on both sides are left out.

    Parameters
    ----------
    reference : int array of shape (bins.size,)
        At least one row.
    current : int array of shape (bins.size,) or (n_windows, bins.size)
        At least one row in each window.
    bins : NumericBins or CategoryBins

    Returns
    -------
    two int arrays of one shape (n_comparison_bins,) or (n_windows, n_comparison_bins)
        With windows, a bin that one of them uses is 0 in the others.

    Examples
    --------
    >>> bins = CategoryBins(categories=("a", "b", "c"))
    >>> reference, current = np.array([980, 10, 10, *[0] * 7]), np.array([90, 4, 3, 3, *[0] * 6])
    >>> [side.tolist() for side in comparison_bins(reference, current, bins)]
    [[980, 20, 0], [90, 7, 3]]
    """
    k = bins.n_bins
    sides = np.stack([np.broadcast_to(reference, np.atleast_2d(current).shape), np.atleast_2d(current)])
    regular, special = sides[..., :k], sides[..., k:]
    if isinstance(bins, NumericBins):
        if k:
            groups = _groups(reference, bins)
            starts = np.flatnonzero(np.diff(groups, prepend=-1))
            regular = np.add.reduceat(regular, starts, axis=-1)
    else:
        n = sides[1].sum(axis=-1, keepdims=True)
        rare = reference[:k] * n < MIN_EXPECTED * reference.sum()
        rare &= ~rare.all(axis=-1, keepdims=True)
        pool = np.where(rare, regular, 0).sum(axis=-1, keepdims=True)
        regular = np.concatenate([np.where(rare, 0, regular), pool], axis=-1)
    compared = np.concatenate([regular, special], axis=-1)
    compared = compared[..., compared.any(axis=(0, 1))]
    before, after = compared if current.ndim == 2 else compared[:, 0]
    return before, after


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


def bin_shares(
    reference: Ints, current: Ints, bins: Bins, *, kind: ColumnType = ColumnType.NUMERIC
) -> tuple[BinShare, ...]:
    """What are the bars of a drawing of both sides?

    One a category or test bin of a numeric column, then the special bins that are used. `kind` says how the
    ends of numeric bins are written: instants (in days) as dates, texts (by length) as characters.

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
            name = written(high, kind) if is_point else f"{written(low, kind)} to {written(high, kind)}"
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
    reference: Ints,
    current: Ints,
    bins: Bins,
    shares: Sequence[BinShare],
    *,
    confidence: float = 0.95,
    dispersion: float = 1.0,
    kind: ColumnType = ColumnType.NUMERIC,
) -> tuple[str, ...]:
    """What moved inside the column, in sentences, the largest change first?

    Only shares whose change is certain are named: the p-value of two rates is below 1 - confidence
    divided by the number of bins (Bonferroni), on as many rows as would tell as much without dispersion.

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
    certain = [share for share in shares if _is_certain(share, m, n, alpha, dispersion)]
    if not certain:
        return ("No share changed by more than samples of these sizes show by chance.",)
    certain.sort(key=lambda share: -abs(share.n_current * m - share.n_reference * n))
    words = [_sentence(share, bins, kind) for share in certain[:MAX_SENTENCES]]
    if isinstance(bins, NumericBins):
        before, after = _median(reference, bins, kind), _median(current, bins, kind)
        if before and after and before != after:
            words.append(f"Median {before} to {after}.")
    return tuple(words)


def _is_certain(share: BinShare, m: int, n: int, alpha: float, dispersion: float) -> bool:
    before, after = share.n_reference, share.n_current
    if dispersion > 1:
        m, n = max(1, int(m / dispersion)), max(1, int(n / dispersion))
        before, after = min(m, round(before / dispersion)), min(n, round(after / dispersion))
    change = newcombe_difference(after, n, before, m, confidence=1 - alpha)
    if change.low <= 0 <= change.high:
        return False  # spares the exact test, which is slow and stricter
    if before == 0:
        return zero_reference_p_value(after, n, m) < alpha
    return two_proportions_p_value(before, m, after, n) < alpha


def _sentence(share: BinShare, bins: Bins, kind: ColumnType) -> str:
    before, after = share.reference or 0.0, share.current or 0.0
    if isinstance(bins, NumericBins) and bins.ends and not share.n_reference:
        if share.special is Special.BELOW:
            return f"{after:.1%} of rows lie below the lowest reference value, {written(bins.low, kind)}."
        if share.special is Special.ABOVE:
            return f"{after:.1%} of rows lie above the highest reference value, {written(bins.ends[-1], kind)}."
    change = f"{before:.1%} to {after:.1%}."
    if share.special is not None:
        return f"{share.name} {change}"
    if isinstance(bins, CategoryBins):
        return f"Share of '{share.name}' {change}"
    if share.low == share.high:
        return f"Share of the value {share.name}: {change}"
    return f"Share between {written(share.low or 0.0, kind)} and {written(share.high or 0.0, kind)}: {change}"


def _median(counts: Ints, bins: NumericBins, kind: ColumnType) -> str:
    """The median of the values that have a place in the order, to within a bin; '' if there are none."""
    ordered = in_order(counts, bins)
    if not ordered.sum():
        return ""
    cumulated = np.cumsum(ordered)
    half = ordered.sum() / 2
    place = int(np.searchsorted(cumulated, half))
    if place <= 1:
        return f"below {written(bins.low, kind)}"
    if place >= ordered.size - 2:
        return f"above {written(bins.ends[-1], kind)}" if bins.ends else ""
    index = place - 2
    high = bins.ends[index]
    if point_bins(bins)[index]:
        return written(high, kind)
    low = bins.ends[index - 1] if index else bins.low
    within = (half - (cumulated[place] - ordered[place])) / ordered[place]
    return f"about {written(low + within * (high - low), kind)}"


def written(value: float, kind: ColumnType = ColumnType.NUMERIC) -> str:
    """A value of a column in words: a number of four digits, a date, or a length in characters.

    Examples
    --------
    >>> written(1234.5), written(20_454.5, ColumnType.TIMESTAMP), written(12, ColumnType.TEXT)
    ('1,234', '2026-01-01 12:00', '12 characters')
    """
    if kind is ColumnType.TIMESTAMP and abs(value) < MAX_DAYS:
        at = EPOCH + timedelta(days=value)
        return f"{at:%Y-%m-%d}" if at.hour == at.minute == 0 else f"{at:%Y-%m-%d %H:%M}"
    if kind is ColumnType.TEXT:
        return f"{value:,.0f} characters"
    return f"{value:,.0f}" if 1_000 <= abs(value) < 1e15 else f"{value:.4g}"
