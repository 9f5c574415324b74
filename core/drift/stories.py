"""Which of the moved columns matter, and which of them tell one story?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.drift.encoding import Columns, tree_matrix
from core.stats.association import association_matrix

__all__ = ["Associations", "MovedColumn", "RankedColumn", "Story", "associations", "rank_columns", "stories"]

Floats = NDArray[np.float64]

TOGETHER = 0.5  # the association from which on two columns are taken to move together
MOST_NAMED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedColumn:
    """A column with what its drift is worth: effect x importance."""

    column: str
    effect: float
    importance: float | None
    impact: float


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedColumn:
    """A column that certainly moved: how far, how much it matters, and what moved inside it in words."""

    column: str
    effect: float
    importance: float | None = None
    words: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Columns that moved and go together in the reference, the weightiest first, and a sentence.

    ``weakest`` is the weakest association on the chain that links them; None for a column on its own.
    """

    columns: tuple[str, ...]
    impact: float
    weakest: float | None
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Associations:
    """How strongly each pair of columns goes together in the reference, in 0..1."""

    columns: tuple[str, ...]
    values: Floats

    def between(self, first: str, second: str) -> float:
        """The association of two columns; 0 where one of them could not be used."""
        if first not in self.columns or second not in self.columns:
            return float(first == second)
        return float(self.values[self.columns.index(first), self.columns.index(second)])


def associations(reference: Columns) -> Associations:
    """How strongly do the columns of the reference go together?

    Parameters
    ----------
    reference : mapping of str to array of shape (m,)
        A sample of the reference's rows, columns of any type; a few thousand rows are enough.

    Returns
    -------
    Associations
        By `core.stats.association.association_matrix`; columns that are constant, or whose categories are nearly
        all distinct, are left out.

    Examples
    --------
    >>> x = np.arange(50.0)
    >>> round(associations({"x": x, "y": np.exp(x / 10), "z": np.cos(x)}).between("x", "y"), 3)
    1.0
    """
    matrix = tree_matrix([reference])
    return Associations(columns=matrix.columns, values=association_matrix(matrix.values, matrix.categorical))


def rank_columns(
    effects: Mapping[str, float], importances: Mapping[str, float | None] | None = None
) -> tuple[RankedColumn, ...]:
    """Which columns' drift is worth looking at first: effect x importance, the largest first?

    Parameters
    ----------
    effects : mapping of str to float
        How far each column moved, 0 or more, in one unit for all, such as Cohen's w.
    importances : mapping of str to float or None
        How much each matters to the model, 0 or more. A column without one gets the mean of the others; without
        any, the effect alone decides.

    Examples
    --------
    >>> ranked = rank_columns({"age": 0.2, "plan": 0.3}, {"age": 0.9, "plan": 0.1})
    >>> [(column.column, round(column.impact, 2)) for column in ranked]
    [('age', 0.18), ('plan', 0.03)]
    """
    known = [value for name in effects if (value := (importances or {}).get(name)) is not None]
    otherwise = sum(known) / len(known) if known else 1.0
    ranked = []
    for name, effect in effects.items():
        own = (importances or {}).get(name)
        impact = effect * (otherwise if own is None else own)
        ranked.append(RankedColumn(column=name, effect=effect, importance=own, impact=impact))
    return tuple(sorted(ranked, key=lambda column: (-column.impact, -column.effect, column.column)))


def stories(moved: Sequence[MovedColumn], together: Associations, *, threshold: float = TOGETHER) -> tuple[Story, ...]:
    """Which of the moved columns read as one story, because they go together in the reference?

    Parameters
    ----------
    moved : sequence of MovedColumn
        The columns that certainly moved.
    together : Associations
        Of the reference.
    threshold : float
        Columns whose association is at least this are linked, directly or through others (single linkage).

    Returns
    -------
    tuple of Story
        The weightiest first. That columns go together makes one cause likely; it proves none.

    References
    ----------
    P. H. A. Sneath (1957), doi:10.1099/00221287-17-1-201.

    Examples
    --------
    >>> x = np.random.default_rng(1).normal(size=(3, 500))
    >>> together = associations({"income": x[0], "salary": x[0] + 0.2 * x[1], "age": x[2]})
    >>> moved = [MovedColumn(column=name, effect=w) for name, w in (("age", 0.2), ("income", 0.4), ("salary", 0.3))]
    >>> for story in stories(moved, together):
    ...     print(story.sentence)
    income moved, and with it salary: in the reference they go together (association 0.97), so one cause is likely.
    age moved on its own.
    """
    ranked = rank_columns(
        {column.column: column.effect for column in moved}, {column.column: column.importance for column in moved}
    )
    words = {column.column: column.words for column in moved}
    names = [column.column for column in ranked]
    strength = np.array([[together.between(first, second) for second in names] for first in names]).reshape(
        len(names), len(names)
    )
    told = []
    for group in _linked(strength, threshold):
        columns = tuple(names[place] for place in group)
        weakest = _weakest_link(strength[np.ix_(group, group)]) if len(group) > 1 else None
        told.append(
            Story(
                columns=columns,
                impact=sum(ranked[place].impact for place in group),
                weakest=weakest,
                sentence=_sentence(columns, weakest, words[columns[0]]),
            )
        )
    return tuple(sorted(told, key=lambda story: -story.impact))


def _linked(strength: Floats, threshold: float) -> list[list[int]]:
    """The connected groups, each in the order of the columns."""
    if not strength.size:
        return []
    from scipy.sparse.csgraph import connected_components

    n_groups, labels = connected_components(strength >= threshold, directed=False)
    return [np.flatnonzero(labels == group).tolist() for group in range(n_groups)]


def _weakest_link(strength: Floats) -> float:
    """The largest threshold at which the group still hangs together."""
    from scipy.sparse.csgraph import minimum_spanning_tree

    apart = 2.0 - strength  # above 0: a distance of 0 would be no edge
    return float(2.0 - minimum_spanning_tree(apart).toarray().max())


def _sentence(columns: tuple[str, ...], weakest: float | None, words: str) -> str:
    first, rest = columns[0], columns[1:]
    inside = f" {words}" if words else ""
    if weakest is None:
        return f"{first} moved on its own.{inside}"
    named = listed(rest[:MOST_NAMED], n_more=max(0, len(rest) - MOST_NAMED))
    at_least = "" if len(columns) == 2 else "at least "
    return (
        f"{first} moved, and with it {named}: in the reference they go together (association {at_least}{weakest:.2f}), "
        f"so one cause is likely.{inside}"
    )


def listed(names: Sequence[str], *, n_more: int = 0) -> str:
    """Names as a sentence lists them.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a", "b"], n_more=3)
    ('a, b and c', 'a, b and 3 more')
    """
    words = [*names, f"{n_more:,} more"] if n_more else list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
