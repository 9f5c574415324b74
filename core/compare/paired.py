"""One measure of two versions on the same rows: the difference, candidate - champion, and its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from core.compare.means import PairedMeans, RowValues
from core.compare.verdicts import Verdict, judge, verdict_words
from core.measure import Interval

__all__ = ["PairedDifference", "judged", "paired_difference", "too_few", "undefined_difference"]

RATE_CONVENTION = "Agresti-Min interval; McNemar's exact p"
MEAN_CONVENTION = "paired t interval and p"


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedDifference:
    """One measure of both versions on the same `n` rows, and what the difference says.

    ``difference`` is candidate - champion. ``where`` holds the (column, value) pairs that its rows share, ()
    for all rows; ``label_class`` the class that a multiclass recall is of.
    """

    measure: str
    n: int
    champion: float | None
    candidate: float | None
    difference: float | None
    interval: Interval | None
    p_value: float | None
    margin: float
    higher_is_better: bool | None
    verdict: Verdict
    why: str
    convention: str
    where: tuple[tuple[str, str], ...] = ()
    label_class: str = ""

    def __post_init__(self) -> None:
        if (self.difference is None) != (self.verdict is Verdict.UNDEFINED):
            raise ValueError(f"{self.measure}: a difference is missing exactly when undefined, not {self.verdict}.")


def paired_difference(
    values: RowValues,
    means: PairedMeans,
    cell: int = 0,
    *,
    margin: float,
    min_rows: int,
    confidence: float = 0.95,
    where: Sequence[tuple[str, str]] = (),
    label_class: str = "",
) -> PairedDifference:
    """One cell's difference with its verdict; INSUFFICIENT below `min_rows` rows, UNDEFINED without any."""
    n = int(means.n[cell])
    blank = undefined_difference(
        values.measure,
        n=n,
        margin=margin,
        higher_is_better=values.higher_is_better,
        why=values.empty or f"No row {values.among}.",
        convention=f"rows {values.among}; {RATE_CONVENTION if values.is_rate else MEAN_CONVENTION}",
        where=where,
        label_class=label_class,
    )
    if not n:
        return blank
    both = [float(means.champion[cell]), float(means.candidate[cell]), float(means.difference[cell])]
    if not np.isfinite(both).all():
        return replace(blank, why="The sum over these rows is beyond the largest number that can be held.")
    return judged(
        blank,
        champion=both[0],
        candidate=both[1],
        difference=both[2],
        interval=means.interval(cell, confidence=confidence),
        p_value=means.p_value(cell),
        too_few=too_few(n, values.among, min_rows),
    )


def too_few(n: int, among: str, min_rows: int) -> str:
    """Why `n` rows are not enough, '' if they are.

    Examples
    --------
    >>> too_few(12, "labelled 'yes'", 30)
    "12 rows labelled 'yes', fewer than the 30 asked for."
    """
    return f"{n:,} row{'' if n == 1 else 's'} {among}, fewer than the {min_rows:,} asked for." if n < min_rows else ""


def undefined_difference(
    measure: str,
    *,
    n: int,
    margin: float,
    higher_is_better: bool | None,
    why: str,
    convention: str,
    where: Sequence[tuple[str, str]] = (),
    label_class: str = "",
) -> PairedDifference:
    """A measure that has no difference, and why."""
    return PairedDifference(
        measure=measure,
        n=n,
        champion=None,
        candidate=None,
        difference=None,
        interval=None,
        p_value=None,
        margin=margin,
        higher_is_better=higher_is_better,
        verdict=Verdict.UNDEFINED,
        why=why,
        convention=convention,
        where=tuple(where),
        label_class=label_class,
    )


def judged(
    blank: PairedDifference,
    *,
    champion: float,
    candidate: float,
    difference: float,
    interval: Interval | None,
    p_value: float | None,
    too_few: str = "",
) -> PairedDifference:
    """A difference with its verdict: INSUFFICIENT if there are too few rows, or no spread for an interval."""
    margin, higher_is_better = blank.margin, blank.higher_is_better
    if too_few or interval is None:
        verdict, why = Verdict.INSUFFICIENT, too_few or "The rows show no spread to make an interval from."
    else:
        verdict = judge(interval, margin=margin, higher_is_better=higher_is_better)
        why = verdict_words(blank.measure, difference, interval, margin=margin, higher_is_better=higher_is_better)
    return replace(
        blank,
        champion=champion,
        candidate=candidate,
        difference=difference,
        interval=interval,
        p_value=p_value,
        verdict=verdict,
        why=why,
    )
