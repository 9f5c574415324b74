"""Small groups hidden in what leaves the house, and enough others that no total gives them away."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError

__all__ = ["Suppression", "crossed_totals", "suppress"]

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """Which cells and which totals are not published. ``n_small`` were hidden for their size, the others for them."""

    hidden: tuple[bool, ...]
    hidden_totals: tuple[bool, ...]
    n_small: int
    below: int

    @property
    def n_hidden(self) -> int:
        """How many cells are hidden."""
        return sum(self.hidden)

    @property
    def words(self) -> str:
        """What was hidden and why; '' if nothing was."""
        if not self.n_hidden:
            return ""
        others = self.n_hidden - self.n_small
        also = f", and {others} more that a total would have given away" if others else ""
        return f"{self.n_small} group{'' if self.n_small == 1 else 's'} of fewer than {self.below} rows hidden{also}."


def suppress(
    counts: Sequence[int], totals: Sequence[Sequence[int]], *, below: int, exempt: Collection[int] = ()
) -> Suppression:
    """Which cells of a table must be hidden, so that no group of fewer than `below` rows can be told?

    Parameters
    ----------
    counts : sequence of n_cells ints
        Rows by cell.
    totals : sequence of sequences of int
        The totals that are published, each as the places of its cells.
    below : int
        Cells with 1 to `below` - 1 rows are hidden. 0 rows tell of nobody.
    exempt : collection of int
        Places of cells that tell of nobody however small they are: those of whom nothing is known.

    Returns
    -------
    Suppression
        Of every published total either no cell is hidden, or at least two that hold `below` rows or more
        together; and no hidden cell follows from all published numbers, which is checked by solving for its least
        and its largest value. Where too few cells are left for that, the total is hidden.

    Raises
    ------
    InputError
        If a count is below 0 or a place doesn't exist.

    References
    ----------
    L. H. Cox (1980), doi:10.1080/01621459.1980.10477481; A. Hundepool et al. (2012), Statistical Disclosure Control,
    doi:10.1002/9781118348239, section 4.

    Examples
    --------
    >>> suppress([120, 4, 35, 60], [[0, 1, 2, 3]], below=10).hidden  # 4, and 35 so that the total doesn't tell it
    (False, True, True, False)
    """
    n = np.asarray(counts, dtype=np.int64)
    lines = [np.asarray(line, dtype=np.int64) for line in totals]
    if (n < 0).any() or any(((line < 0) | (line >= n.size)).any() for line in lines):
        raise InputError("Suppression needs counts of 0 or more, and totals of cells that exist.")
    small = (n > 0) & (n < below) & ~np.isin(np.arange(n.size), list(exempt))
    hidden, published = small.copy(), np.ones(len(lines), dtype=bool)
    while True:
        place = next((i for i, line in enumerate(lines) if published[i] and _gives_away(n, hidden, line, below)), None)
        if place is None:
            cell = _told_cell(n, hidden, [line for i, line in enumerate(lines) if published[i]])
            if cell is None:
                break
            holding = [i for i, line in enumerate(lines) if published[i] and cell in line]
            place = min(holding, key=lambda i: _cheapest(n, hidden, lines[i])[1])
        more, _ = _cheapest(n, hidden, lines[place])
        if more is None:
            published[place] = False
        else:
            hidden[more] = True
    return Suppression(
        hidden=tuple(hidden.tolist()),
        hidden_totals=tuple((~published).tolist()),
        n_small=int(small.sum()),
        below=below,
    )


def crossed_totals(n_rows: int, n_columns: int) -> list[list[int]]:
    """The totals of a table of two attributes, its cells in row order: of every row, of every column, of all.

    Examples
    --------
    >>> crossed_totals(2, 2)
    [[0, 1], [2, 3], [0, 2], [1, 3], [0, 1, 2, 3]]
    """
    places = np.arange(n_rows * n_columns).reshape(n_rows, n_columns)
    return [*places.tolist(), *places.T.tolist(), places.reshape(-1).tolist()]


def _gives_away(n: Ints, hidden: Bools, line: Ints, below: int) -> bool:
    """Whether a total and its other cells tell of a single hidden cell, or of a small sum."""
    own = hidden[line]
    return bool(own.any() and (own.sum() < 2 or n[line][own].sum() < below))


def _cheapest(n: Ints, hidden: Bools, line: Ints) -> tuple[int | None, int]:
    """The smallest cell with rows that could be hidden too, and its rows; None if all are."""
    left = line[~hidden[line] & (n[line] > 0)]
    if not left.size:
        return None, int(n.sum()) + 1
    cell = int(left[np.argmin(n[left])])
    return cell, int(n[cell])


def _told_cell(n: Ints, hidden: Bools, lines: Sequence[Ints]) -> int | None:
    """A hidden cell whose rows follow from the published totals; None if there is none."""
    cells = np.flatnonzero(hidden)
    touching = [line for line in lines if hidden[line].any()]
    if not cells.size or not touching:
        return None
    from scipy.optimize import linprog

    equal = np.array([np.isin(cells, line) for line in touching], dtype=np.float64)
    sums = np.array([n[line][hidden[line]].sum() for line in touching], dtype=np.float64)
    for place, cell in enumerate(cells.tolist()):
        aim = np.zeros(cells.size)
        aim[place] = 1.0
        least, most = (
            linprog(sign * aim, A_eq=equal, b_eq=sums, bounds=(0, None), method="highs").fun for sign in (1, -1)
        )
        if least is not None and most is not None and -most - least < 0.5:
            return int(cell)
    return None
