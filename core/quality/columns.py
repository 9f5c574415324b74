"""Data quality of one column, from its count vectors: shares of unusable rows, and what broke, in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.errors import BinMismatchError
from core.measure import Family, Interval, Measure, Status
from core.stats.binning import CategoryBins, NumericBins, Special
from core.stats.hypothesis import two_proportions_p_value, zero_reference_p_value
from core.stats.intervals import newcombe_difference, wilson

__all__ = ["ColumnQuality", "QualityFinding", "QualityProblem", "column_quality"]

Ints = NDArray[np.int64]
Bins = NumericBins | CategoryBins

MARGIN = 0.01
OUTSIDE = (
    Special.UNSEEN,
    Special.BELOW,
    Special.ABOVE,
    Special.NEGATIVE_INFINITY,
    Special.POSITIVE_INFINITY,
)
BY_CHANCE = 0.001  # a column is called constant if the reference would look so more rarely than this


class QualityProblem(StrEnum):
    """What can break, the gravest first."""

    NO_ROWS = "no_rows"
    STALE = "stale"
    GAP = "gap"
    REFERENCE_EMPTY = "reference_empty"
    VANISHED = "vanished"
    UNREADABLE = "unreadable"
    NOTHING_KNOWN = "nothing_known"
    BECAME_CONSTANT = "became_constant"
    NO_LONGER_CONSTANT = "no_longer_constant"
    INFINITE = "infinite"
    NEW_CATEGORIES = "new_categories"
    NEW_VALUES = "new_values"
    OUT_OF_RANGE = "out_of_range"
    MISSING_ROSE = "missing_rose"
    APPEARED = "appeared"
    COLUMN_ABSENT = "column_absent"
    COLUMN_NEW = "column_new"
    SCHEMA_CHANGED = "schema_changed"
    VOLUME = "volume"
    SET_ASIDE = "set_aside"
    REPEATED_IDS = "repeated_ids"
    LATE = "late"


@dataclass(frozen=True, slots=True, kw_only=True)
class QualityFinding:
    """One thing that broke in a column, by name and in a sentence."""

    problem: QualityProblem
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnQuality:
    """Shares of unusable rows of one column, and what broke, the gravest first."""

    n_reference: int
    n_current: int
    measures: tuple[Measure, ...]
    findings: tuple[QualityFinding, ...]

    def measure(self, name: str) -> Measure:
        """The measure of that name, such as 'missing_share'."""
        return next(measure for measure in self.measures if measure.measure == name)


def column_quality(
    reference: Ints, current: Ints, bins: Bins, *, margin: float = MARGIN, confidence: float = 0.95
) -> ColumnQuality:
    """Is what arrives in a column still usable, and of the kind that the reference had?

    Parameters
    ----------
    reference, current : int arrays of shape (bins.size,)
        Counts of the regular bins and the seven special ones.
    bins : NumericBins or CategoryBins
    margin : float
        The change of a share that matters, in 0..1.
    confidence : float
        Of every interval, in (0, 1).

    Returns
    -------
    ColumnQuality
        Measures ``missing_share``, ``invalid_share`` (unreadable values) and ``outside_share`` (values
        outside anything the reference had), of which ``unseen_share`` and, of numeric columns,
        ``out_of_range_share`` and ``infinite_share`` are parts: each a share of all rows, with the
        reference's, the interval of the change and its p-value.

    Raises
    ------
    BinMismatchError
        If the counts don't fit the bins.

    References
    ----------
    E. B. Wilson (1927), doi:10.1080/01621459.1927.10502953; R. G. Newcombe (1998), method 10,
    doi:10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.

    Examples
    --------
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> reference, current = np.array([900, 100, *[0] * 7]), np.array([0, 0, 50, *[0] * 6])
    >>> quality = column_quality(reference, current, bins)
    >>> quality.measure("missing_share").value, quality.findings[0].words
    (1.0, 'The column vanished: all 50 rows are missing, in the reference 0.0% were.')
    """
    for counts in (reference, current):
        if counts.shape != (bins.size,):
            raise BinMismatchError(
                f"Counts of shape {counts.shape} don't fit {bins.n_bins} regular and 7 special bins."
            )
    sides = _Sides(reference=reference, current=current, bins=bins)
    measures = tuple(_share(name, specials, sides, margin, confidence) for name, specials in _shares_of(bins))
    findings = sorted(_findings(sides, measures), key=lambda finding: list(QualityProblem).index(finding.problem))
    return ColumnQuality(n_reference=sides.m, n_current=sides.n, measures=measures, findings=tuple(findings))


def _shares_of(bins: Bins) -> Iterator[tuple[str, tuple[Special, ...]]]:
    yield "missing_share", (Special.MISSING,)
    yield "invalid_share", (Special.INVALID,)
    yield "outside_share", OUTSIDE
    yield "unseen_share", (Special.UNSEEN,)
    if isinstance(bins, NumericBins):
        yield "out_of_range_share", (Special.BELOW, Special.ABOVE)
        yield "infinite_share", (Special.NEGATIVE_INFINITY, Special.POSITIVE_INFINITY)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sides:
    """Both count vectors with the sums that the findings ask for."""

    reference: Ints
    current: Ints
    bins: Bins

    @property
    def m(self) -> int:
        return int(self.reference.sum())

    @property
    def n(self) -> int:
        return int(self.current.sum())

    def before(self, *specials: Special) -> int:
        return sum(int(self.reference[self.bins.n_bins + special]) for special in specials)

    def after(self, *specials: Special) -> int:
        return sum(int(self.current[self.bins.n_bins + special]) for special in specials)

    @property
    def n_present(self) -> int:
        return self.n - self.after(Special.MISSING, Special.INVALID)


def _share(name: str, specials: tuple[Special, ...], sides: _Sides, margin: float, confidence: float) -> Measure:
    k, n, k_reference, m = sides.after(*specials), sides.n, sides.before(*specials), sides.m
    if n == 0:
        return Measure(
            family=Family.DATA_QUALITY,
            measure=name,
            value=None,
            n=0,
            convention="",
            status=Status.UNDEFINED,
            why="No rows in this window.",
        )
    change: Interval | None = None
    p_value, test = None, "no reference rows to compare with"
    if m:
        change = newcombe_difference(k, n, k_reference, m, confidence=confidence)
        if k_reference:
            p_value, test = (
                two_proportions_p_value(k_reference, m, k, n),
                "Fisher's exact p-value if sparse, else score",
            )
        else:
            p_value, test = zero_reference_p_value(k, n, m), "p-value of a beta-binomial: the reference has none"
    return Measure(
        family=Family.DATA_QUALITY,
        measure=name,
        value=k / n,
        n=n,
        interval=wilson(k, n, confidence=confidence),
        reference=k_reference / m if m else None,
        change=change,
        margin=margin,
        p_value=p_value,
        convention=f"share of all rows; Wilson interval; Newcombe interval of the change; {test}",
    )


def _findings(sides: _Sides, measures: tuple[Measure, ...]) -> Iterator[QualityFinding]:
    if sides.n == 0:
        yield QualityFinding(problem=QualityProblem.NO_ROWS, words="No rows in this window.")
        return
    yield from _whole_column(sides)
    yield from _constancy(sides)
    yield from _new_values(sides)
    rose = {m.measure for m in measures if m.change and m.margin is not None and m.change.low > m.margin}
    if "out_of_range_share" in rose:
        below, above = (sides.after(special) / sides.n for special in (Special.BELOW, Special.ABOVE))
        words = (
            f"{below + above:.1%} of rows lie outside the reference's range: {below:.1%} below it, {above:.1%} above."
        )
        yield QualityFinding(problem=QualityProblem.OUT_OF_RANGE, words=words)
    if "missing_share" in rose and sides.after(Special.MISSING) < sides.n:
        before, after = sides.before(Special.MISSING) / sides.m, sides.after(Special.MISSING) / sides.n
        yield QualityFinding(problem=QualityProblem.MISSING_ROSE, words=f"Missing {before:.1%} to {after:.1%}.")


def _whole_column(sides: _Sides) -> Iterator[QualityFinding]:
    """What concerns the column as a whole: empty here or there, unreadable, of another type."""
    m, n, missing = sides.m, sides.n, sides.after(Special.MISSING)
    missing_before, unreadable = sides.before(Special.MISSING), sides.after(Special.INVALID)
    reference_empty = missing_before + sides.before(Special.INVALID) == m
    if reference_empty:
        words = "The reference has no value of this column: nothing can be compared."
        yield QualityFinding(problem=QualityProblem.REFERENCE_EMPTY, words=words)
        if sides.n_present:
            words = f"Values in {sides.n_present:,} of {n:,} rows, in the reference in none."
            yield QualityFinding(problem=QualityProblem.APPEARED, words=words)
    elif missing == n:
        words = f"The column vanished: all {n:,} rows are missing, in the reference {missing_before / m:.1%} were."
        yield QualityFinding(problem=QualityProblem.VANISHED, words=words)
    if unreadable:
        words = (
            f"Values that can't be read as the column's type in {unreadable:,} of {n:,} rows ({unreadable / n:.1%})."
        )
        yield QualityFinding(problem=QualityProblem.UNREADABLE, words=words)
    unseen = sides.after(Special.UNSEEN)
    if unseen and unseen == sides.n_present and not reference_empty:
        words = f"None of the {unseen:,} values occurs in the reference: the column's type or coding may have changed."
        yield QualityFinding(problem=QualityProblem.NOTHING_KNOWN, words=words)


def _constancy(sides: _Sides) -> Iterator[QualityFinding]:
    """Whether the column is stuck, or has started to move."""
    bins, n_present = sides.bins, sides.n_present
    before, after = sides.reference[: bins.n_bins], sides.current[: bins.n_bins]
    others_before = sides.m - int(before.sum()) - sides.before(Special.MISSING, Special.INVALID)
    one_value_a_bin = isinstance(bins, CategoryBins) or bins.exact
    if np.count_nonzero(before) == 1 and not others_before and one_value_a_bin:
        others = n_present - int(after[np.argmax(before)])
        if others:
            words = f"The column was constant in the reference, now {others:,} of {sides.n:,} rows hold another value."
            yield QualityFinding(problem=QualityProblem.NO_LONGER_CONSTANT, words=words)
    elif np.count_nonzero(after) == 1 and after.sum() == n_present and before.any():
        only = int(np.argmax(after))
        if isinstance(bins, CategoryBins) and only == len(bins.categories):
            return  # the rarer categories share that bin
        share = float(before[only] / before.sum())
        if share**n_present < BY_CHANCE:
            if isinstance(bins, CategoryBins):
                state = f"The column became constant: all {n_present:,} values are '{bins.names[only]}'"
            elif bins.exact:
                state = f"The column became constant: all {n_present:,} values are {bins.ends[only]:g}"
            else:
                state = f"The column became constant or nearly so: all {n_present:,} values lie in one narrow bin"
            words = f"{state}, as {share:.1%} did in the reference."
            yield QualityFinding(problem=QualityProblem.BECAME_CONSTANT, words=words)


def _new_values(sides: _Sides) -> Iterator[QualityFinding]:
    """Infinities, and values that the reference doesn't have."""
    n, m = sides.n, sides.m
    negative, positive = sides.after(Special.NEGATIVE_INFINITY), sides.after(Special.POSITIVE_INFINITY)
    if negative + positive:
        before = sides.before(Special.NEGATIVE_INFINITY, Special.POSITIVE_INFINITY)
        words = (
            f"Infinite values in {negative + positive:,} of {n:,} rows: {positive:,} positive, {negative:,} negative; "
            f"in the reference in {before:,} of {m:,}."
        )
        yield QualityFinding(problem=QualityProblem.INFINITE, words=words)
    unseen = sides.after(Special.UNSEEN)
    if unseen and sides.bins.n_bins:
        is_category = isinstance(sides.bins, CategoryBins)
        what = "Categories" if is_category else "Values"
        words = f"{what} that the reference doesn't have in {unseen:,} of {n:,} rows ({unseen / n:.1%})."
        problem = QualityProblem.NEW_CATEGORIES if is_category else QualityProblem.NEW_VALUES
        yield QualityFinding(problem=problem, words=words)
