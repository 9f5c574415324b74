"""Why did the mean loss change: because other inputs come, or because outcomes follow inputs otherwise than before?

Rows are compared in cells of like rows. What both sides have in common is the mix of cells S, in proportion to
p q / (p + q); the change of the mean loss is then the sum of three parts:

- from the reference's mix to the common one, at the reference's losses: inputs;
- from the reference's losses to the current ones, at the common mix: concept;
- from the common mix to the current one, at the current losses: inputs that the reference has few of.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from core.concept.loss_rows import LossRows, cell_means, half_width, influence
from core.errors import InputError
from core.measure import Interval

__all__ = ["Cause", "LossCell", "LossDecomposition", "LossPart", "decompose_loss"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_ROWS = 50  # a side
LEAST_OVERLAP = 0.8
PARTS = ("shared inputs", "concept", "new inputs")


class Cause(StrEnum):
    """What a change of the mean loss comes from."""

    INPUTS = "inputs"
    CONCEPT = "concept"
    BOTH = "inputs and concept"
    NOTHING = "no change"
    NOT_SEPARATED = "can't be separated"


@dataclass(frozen=True, slots=True, kw_only=True)
class LossPart:
    """What one part adds to the mean loss, with its interval."""

    name: str
    value: float
    interval: Interval

    @property
    def is_certain(self) -> bool:
        """Whether the interval leaves out 0."""
        return not self.interval.low <= 0 <= self.interval.high


@dataclass(frozen=True, slots=True, kw_only=True)
class LossCell:
    """A cell's share of both sides and of what they have in common, and its mean losses; None without rows."""

    reference_share: float
    share: float
    common_share: float
    reference_loss: float | None
    loss: float | None
    n_reference: int
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LossDecomposition:
    """The change of a mean loss in parts, and what they say of its cause.

    ``parts`` are shared inputs, concept and new inputs, which sum to ``change``; ``inputs`` is the first and the last
    together. ``overlap`` in [0, 1] is how much both sides have in common: 1 for the same mix of cells. Everything is
    None, and ``why`` says why, where rows are too few.
    """

    cause: Cause
    why: str
    before: float | None
    after: float | None
    change: LossPart | None
    parts: tuple[LossPart, ...]
    inputs: LossPart | None
    overlap: float | None
    cells: tuple[LossCell, ...]
    n_reference: int
    n: int
    convention: str

    @property
    def concept(self) -> LossPart | None:
        """What outcomes add that follow inputs otherwise than before."""
        return next((part for part in self.parts if part.name == "concept"), None)


def decompose_loss(
    reference: LossRows,
    current: LossRows,
    *,
    n_cells: int,
    doubt: str = "",
    unit: str = "mean loss",
    confidence: float = 0.95,
) -> LossDecomposition:
    """Did the mean loss change because of other inputs, of another concept, or can't that be told?

    Parameters
    ----------
    reference, current : LossRows
        Cells must hold rows that are alike in their inputs: tenths of how much a row looks like the current side's
        (`core.drift.propensity`). Bins of a score alone are not such cells: they may blame the wrong one.
    n_cells : int
    doubt : str
        Why labelled rows may not stand for all, if so: a concept isn't named then.
    unit : str
        What the loss is called, for the convention.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    LossDecomposition
        A part counts as certain where its interval leaves out 0. Intervals take each side's spread between windows
        where it has 7, else that of its rows, widened as the other side's windows widen theirs. Cells and expected
        losses are taken as given. The concept is named only with an overlap of 0.8 or more and without a doubt.

    Raises
    ------
    InputError
        If a cell is none of 0 .. n_cells - 1, or only one side has expected losses.

    References
    ----------
    T. T. Cai, H. Namkoong, S. Yadlowsky (2023), Diagnosing model performance under distribution shift,
    arXiv:2303.02011; P. R. Rosenbaum, D. B. Rubin (1984) on cells of like rows and what is left inside them,
    doi:10.1080/01621459.1984.10478078.

    Examples
    --------
    >>> from core.concept.loss_rows import LossRows
    >>> def rows(n, errors):
    ...     loss = np.concatenate([np.arange(size) < wrong for size, wrong in zip(n, errors)]).astype(float)
    ...     return LossRows(loss=loss, cell=np.repeat(np.arange(3), n), window=np.zeros(sum(n), dtype=int))
    >>> found = decompose_loss(rows([500, 300, 200], [25, 30, 60]), rows([200, 300, 500], [10, 45, 150]), n_cells=3)
    >>> [(part.name, round(part.value, 5)) for part in found.parts], round(found.change.value, 5)
    ([('shared inputs', 0.03418), ('concept', 0.01721), ('new inputs', 0.03861)], 0.09)
    """
    sides = reference, current
    if any(side.n and not 0 <= side.cell.min() <= side.cell.max() < n_cells for side in sides):
        raise InputError(f"Cells are numbered from 0 to {n_cells - 1}.")
    if (reference.expected is None) != (current.expected is None):
        raise InputError("Either both sides have expected losses or none has.")
    adjusted = "" if reference.expected is None else ", adjusted inside them for the losses that inputs make expect"
    convention = (
        f"{unit}, {n_cells} cells of like rows{adjusted}, common mix in proportion to pq/(p+q) (Cai, Namkoong and "
        "Yadlowsky 2023); intervals by windows where a side has 7"
    )
    if min(reference.n, current.n) < LEAST_ROWS:
        name, few = ("reference", reference.n) if reference.n < LEAST_ROWS else ("current side", current.n)
        return LossDecomposition(
            cause=Cause.NOT_SEPARATED,
            why=f"{LEAST_ROWS} labelled rows are needed on each side; the {name} has {few}.",
            before=None,
            after=None,
            change=None,
            parts=(),
            inputs=None,
            overlap=None,
            cells=(),
            n_reference=reference.n,
            n=current.n,
            convention=convention,
        )
    return _decomposed(sides, n_cells, doubt, convention, confidence)


def _decomposed(
    sides: tuple[LossRows, LossRows], n_cells: int, doubt: str, convention: str, confidence: float
) -> LossDecomposition:
    counts = [np.bincount(side.cell, minlength=n_cells) for side in sides]
    p, q = (count / count.sum() for count in counts)
    a, c = (cell_means(side.loss, side.cell, count) for side, count in zip(sides, counts, strict=True))
    m, k = (cell_means(side.expectation, side.cell, count) for side, count in zip(sides, counts, strict=True))
    both = p + q
    product = np.divide(p * q, both, out=np.zeros(n_cells), where=both > 0)
    total = float(product.sum()) or 1.0
    s = product / total
    # Losses that both sides would have on the inputs that they share inside a cell: half way between their own.
    a_common, c_common = a + (k - m) / 2, c + (m - k) / 2
    values = {
        "shared inputs": s @ a_common - p @ a,
        "concept": s @ (c_common - a_common),
        "new inputs": q @ c - s @ c_common,
    }
    # Derivatives. The common mix moves with the shares: of a mean over it of f, that by p_b is up_b (f_b - mean).
    squared = np.where(both > 0, both, 1.0) ** 2 * total
    up, down = q**2 / squared, p**2 / squared
    of_common = {"shared inputs": a_common, "concept": c_common - a_common, "new inputs": -c_common}
    by_common = {name: f - s @ f for name, f in of_common.items()}
    zero = np.zeros(n_cells)
    slopes = {  # of each part by each side's shares, mean losses and mean expected losses
        "shared inputs": (
            (up * by_common["shared inputs"] - a, s - p, -s / 2),
            (down * by_common["shared inputs"], zero, s / 2),
        ),
        "concept": ((up * by_common["concept"], -s, s), (down * by_common["concept"], s, -s)),
        "new inputs": (
            (up * by_common["new inputs"], zero, -s / 2),
            (down * by_common["new inputs"] + c, q - s, s / 2),
        ),
    }
    errors = {
        name: tuple(
            influence(side, count, means, slope)
            for side, count, means, slope in zip(sides, counts, ((a, m), (c, k)), slopes[name], strict=True)
        )
        for name in PARTS
    }

    def part(name: str, of: tuple[str, ...]) -> LossPart:
        value = float(sum(values[each] for each in of))
        by_row = [np.sum([errors[each][side] for each in of], axis=0) for side in (0, 1)]
        half = half_width(sides, by_row, confidence)
        return LossPart(
            name=name, value=value, interval=Interval(low=value - half, high=value + half, confidence=confidence)
        )

    parts = tuple(part(name, (name,)) for name in PARTS)
    inputs, change = part("inputs", ("shared inputs", "new inputs")), part("change", PARTS)
    overlap = float(2 * product.sum())
    cause, why = _cause(change, inputs, parts[1], overlap, doubt)
    return LossDecomposition(
        cause=cause,
        why=why,
        before=float(p @ a),
        after=float(q @ c),
        change=change,
        parts=parts,
        inputs=inputs,
        overlap=overlap,
        cells=tuple(
            LossCell(
                reference_share=float(p[b]),
                share=float(q[b]),
                common_share=float(s[b]),
                reference_loss=float(a[b]) if counts[0][b] else None,
                loss=float(c[b]) if counts[1][b] else None,
                n_reference=int(counts[0][b]),
                n=int(counts[1][b]),
            )
            for b in range(n_cells)
        ),
        n_reference=sides[0].n,
        n=sides[1].n,
        convention=convention,
    )


def _cause(change: LossPart, inputs: LossPart, concept: LossPart, overlap: float, doubt: str) -> tuple[Cause, str]:
    """What the parts say, and why where that isn't plain."""
    if not (change.is_certain or inputs.is_certain or concept.is_certain):
        return Cause.NOTHING, "Neither the mean loss nor a part of its change is certainly off 0."
    if overlap < LEAST_OVERLAP:
        return (
            Cause.NOT_SEPARATED,
            f"Both sides have only {overlap:.0%} of their inputs in common; {LEAST_OVERLAP:.0%} are needed.",
        )
    if concept.is_certain and doubt:
        return Cause.NOT_SEPARATED, doubt
    if concept.is_certain:
        return (Cause.BOTH if inputs.is_certain else Cause.CONCEPT), ""
    if inputs.is_certain:
        return Cause.INPUTS, ""
    return Cause.NOT_SEPARATED, "The mean loss has changed, but the intervals of both parts hold 0."
