"""Is this one window different, and in which columns? A question that someone asks, kept apart from alarms.

An answer holds for the one window asked about. What is watched window after window needs error control over time
too: `core.alarms`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.drift.shares import Bins
from core.drift.verdict import ALPHA, MARGIN_W, ShiftVerdict, shift_verdict
from core.stats.hypothesis import benjamini_hochberg, benjamini_yekutieli

__all__ = ["CORRECTIONS", "Answer", "ColumnAnswer", "which_columns_differ"]

Ints = NDArray[np.int64]

CORRECTIONS = {
    "benjamini-yekutieli": (benjamini_yekutieli, "Benjamini-Yekutieli, however the columns depend on one another"),
    "benjamini-hochberg": (benjamini_hochberg, "Benjamini-Hochberg, if the columns are independent or move together"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnAnswer:
    """Whether one column differs: its own p-value, the one adjusted for all columns asked, and the verdict."""

    column: str
    differs: bool
    p_value: float | None
    adjusted_p_value: float | None
    verdict: ShiftVerdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to "does this window differ?", the smallest p-value first."""

    columns: tuple[ColumnAnswer, ...]
    n_tested: int
    alpha: float
    correction: str
    sentence: str

    @property
    def differing(self) -> tuple[str, ...]:
        """The columns that differ."""
        return tuple(column.column for column in self.columns if column.differs)


def which_columns_differ(
    columns: Mapping[str, tuple[Ints, Ints, Bins]],
    *,
    correction: str = "benjamini-yekutieli",
    alpha: float = ALPHA,
    margin: float = MARGIN_W,
    dispersion: Mapping[str, float] | None = None,
) -> Answer:
    """Is this one window different, and in which columns? Asked once, so with no error control over time.

    Parameters
    ----------
    columns : mapping of str to (reference, current, bins)
        The count vectors of each column asked, of shape (bins.size,).
    correction : str
        A key of `CORRECTIONS`: 'benjamini-yekutieli' or 'benjamini-hochberg'.
    alpha : float
        The share of the columns called different that may be wrong, in expectation, in (0, 0.2).
    margin : float
        Of the verdicts, Cohen's w.
    dispersion : mapping of str to float, optional
        Of the columns that have one above 1.

    Returns
    -------
    Answer
        The p-values are of Pearson's two-sample chi-square, beta-binomial where the reference is constant. Columns
        that can't be tested have none and don't count.

    Raises
    ------
    ValueError
        If there is no such correction.

    References
    ----------
    Y. Benjamini, D. Yekutieli (2001), doi:10.1214/aos/1013699998; Y. Benjamini, Y. Hochberg (1995),
    doi:10.1111/j.2517-6161.1995.tb02031.x.

    Examples
    --------
    >>> from core.stats.binning import CategoryBins
    >>> bins = CategoryBins(categories=("a", "b"))
    >>> same, moved = np.array([500, 500, *[0] * 7]), np.array([600, 400, *[0] * 7])
    >>> answer = which_columns_differ({"plan": (same, same, bins), "colour": (same, moved, bins)})
    >>> answer.differing, round(answer.columns[0].adjusted_p_value, 5)
    (('colour',), 2e-05)
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"No correction is called {correction!r}; known: {', '.join(CORRECTIONS)}.")
    adjust, words = CORRECTIONS[correction]
    verdicts = {
        name: shift_verdict(*sides, margin=margin, alpha=alpha, dispersion=(dispersion or {}).get(name, 1.0))
        for name, sides in columns.items()
    }
    tested = [name for name, verdict in verdicts.items() if verdict.p_any is not None]
    adjusted = dict(zip(tested, adjust([verdicts[name].p_any or 0.0 for name in tested]).tolist(), strict=True))
    answers = [
        ColumnAnswer(
            column=name,
            differs=name in adjusted and adjusted[name] <= alpha,
            p_value=verdict.p_any,
            adjusted_p_value=adjusted.get(name),
            verdict=verdict,
        )
        for name, verdict in verdicts.items()
    ]
    answers.sort(key=lambda answer: 2.0 if answer.p_value is None else answer.p_value)
    return Answer(
        columns=tuple(answers),
        n_tested=len(tested),
        alpha=alpha,
        correction=words,
        sentence=_sentence(answers, len(tested), alpha, words),
    )


def _sentence(answers: Sequence[ColumnAnswer], n_tested: int, alpha: float, correction: str) -> str:
    differing = [answer.column for answer in answers if answer.differs]
    columns = "1 column" if n_tested == 1 else f"{n_tested:,} columns"
    if not n_tested:
        return "No column can be tested in this window."
    if not differing:
        return f"None of {columns} differs: no adjusted p-value is at most {alpha:g} ({correction})."
    named = ", ".join(differing[:5]) + (f" and {len(differing) - 5} more" if len(differing) > 5 else "")
    verb = "differs" if len(differing) == 1 else "differ"
    return f"{len(differing)} of {columns} {verb}, {named}: adjusted p-value at most {alpha:g} ({correction})."
