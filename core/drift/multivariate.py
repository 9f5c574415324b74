"""Has the joint distribution moved, even where no column alone has? A classifier tries to tell the rows apart.

It scores rows out of fold, so that each window gives one more series (n, sum, sum of squares). The other way to
ask, by principal components, is `core.drift.reconstruction`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from core.drift.classifier import balanced_folds, trained
from core.drift.encoding import Columns, TreeMatrix, UnusableColumn, drawn_rows, n_rows, tree_matrix
from core.drift.measures import drift_measure, undefined
from core.measure import Measure
from core.stats.intervals import newcombe_area

__all__ = ["DomainShift", "DrivingColumn", "domain_shift"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

LEAST_ROWS = 20  # a side
MOST_ROWS = 4_000  # a side; more are drawn from
MOST_SHUFFLED = 1_000  # rows a fold that columns are shuffled in


@dataclass(frozen=True, slots=True, kw_only=True)
class DrivingColumn:
    """A column that tells the window from the reference, with its share of the drop in AUC when it is shuffled."""

    column: str
    share: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DomainShift:
    """How well the window's rows can be told from the reference's, and by which columns.

    ``measure`` is the AUC; 0.5 is no difference. ``placements`` holds, for each window row used, the share of
    held-out reference rows that look less like the window than it does: a score in 0..1 with mean 0.5 if nothing
    moved, whose mean is the AUC. ``columns`` is empty unless the AUC lies certainly above 0.5.
    """

    measure: Measure
    columns: tuple[DrivingColumn, ...]
    unusable: tuple[UnusableColumn, ...]
    n_reference: int
    n_current: int
    placements: Floats


def domain_shift(
    reference: Columns,
    current: Columns,
    *,
    rng: np.random.Generator,
    confidence: float = 0.95,
    n_folds: int = 2,
    n_trees: int = 40,
    n_leaves: int = 15,
    most_rows: int = MOST_ROWS,
) -> DomainShift:
    """Can a classifier tell the window's rows from the reference's, and by which columns?

    Parameters
    ----------
    reference, current : mappings of str to array of shape (m,) and (n,)
        Columns of any type; missing values, infinities, new categories and constant columns are fine. Leave out
        what tells rows apart by itself: ids, row numbers, the time of the prediction.
    rng : numpy.random.Generator
        Draws the folds, the rows if there are more than `most_rows` a side, and the shuffles.
    confidence : float
        Of the interval, in (0, 1).
    n_folds : int
        At least 2. The error of the mean over folds is taken as that of one fold, because scores of folds that
        train on each other's rows move together; more folds train on more rows and widen the interval.
    n_trees, n_leaves : int
        Boosted trees, and the most leaves of each.
    most_rows : int
        Rows used a side.

    Returns
    -------
    DomainShift
        The AUC is the mean over folds of that of held-out rows; its p-value, of "the rows are exchangeable", is
        one-sided. UNDEFINED with fewer than 20 rows on a side or without a usable column.

    Raises
    ------
    ValueError
        If columns of one side differ in length, or there are fewer than 2 folds.

    References
    ----------
    D. Lopez-Paz, M. Oquab (2017), Revisiting classifier two-sample tests, arXiv:1610.06545; R. G. Newcombe
    (2006), doi:10.1002/sim.2324.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.normal(size=400)
    >>> together = {"x": x, "y": x + 0.1 * rng.normal(size=400)}
    >>> apart = {"x": x[:300], "y": x[:300][::-1]}  # each column as before
    >>> shift = domain_shift(together, apart, rng=rng)
    >>> shift.measure.value > 0.8, shift.measure.p_value < 1e-6
    (True, True)
    """
    if n_folds < 2:
        raise ValueError(f"Out-of-fold scores need at least 2 folds, got {n_folds}.")
    sides = [drawn_rows(side, most_rows, rng) for side in (reference, current)]
    m, n = (n_rows(side) for side in sides)
    matrix = tree_matrix(sides)
    why = _too_little(m, n, matrix)
    if why:
        return DomainShift(
            measure=undefined("domain_auc", n, why),
            columns=(),
            unusable=matrix.unusable,
            n_reference=m,
            n_current=n,
            placements=np.empty(0),
        )
    is_current = np.arange(m + n) >= m
    folds = balanced_folds(is_current, n_folds, rng)
    areas, placements = np.empty(n_folds), np.empty(n)
    trees = {"max_iter": n_trees, "max_leaf_nodes": n_leaves}
    scores = [trained(matrix, folds != fold, is_current, trees) for fold in range(n_folds)]
    for fold, score in enumerate(scores):
        held_out = folds == fold
        own = _placements(score(matrix.values[held_out]), is_current[held_out])
        areas[fold] = own.mean()
        placements[folds[m:] == fold] = own
    auc = float(areas.mean())
    # Folds that train on each other's rows err together: the mean errs at most as one fold does.
    in_fold = m // n_folds, n // n_folds
    spread = ((in_fold[0] + in_fold[1] + 1) / (12 * in_fold[0] * in_fold[1])) ** 0.5
    interval = newcombe_area(auc, *in_fold, confidence=confidence)
    measure = drift_measure(
        measure="domain_auc",
        value=auc,
        n=n,
        interval=interval,
        reference=0.5,
        p_value=float(ndtr((0.5 - auc) / spread)),
        convention=f"out-of-fold gradient boosting, {n_trees} trees of {n_leaves} leaves, mean of {n_folds} folds, "
        f"{m:,} reference rows, {len(matrix.columns)} columns; 0.5 without drift; Newcombe interval with the rows "
        "of one fold; one-sided Mann-Whitney p-value likewise",
    )
    return DomainShift(
        measure=measure,
        columns=_driving(matrix, scores, folds, is_current, rng) if interval.low > 0.5 else (),
        unusable=matrix.unusable,
        n_reference=m,
        n_current=n,
        placements=placements,
    )


def _too_little(m: int, n: int, matrix: TreeMatrix) -> str:
    if min(m, n) < LEAST_ROWS:
        side = "reference" if m < LEAST_ROWS else "window"
        return f"A domain classifier needs {LEAST_ROWS} rows on each side; the {side} has {min(m, n)}."
    return (
        ""
        if matrix.columns
        else "No column can be used: "
        + "; ".join(f"{column.column}: {column.reason}" for column in matrix.unusable[:5])
    )


def _placements(scores: Floats, is_current: Bools) -> Floats:
    """For each current row, the share of reference rows that score lower; ties count half."""
    from scipy.stats import rankdata

    ranks = rankdata(scores)[is_current] - rankdata(scores[is_current])
    return np.asarray(ranks / np.count_nonzero(~is_current))


def _driving(
    matrix: TreeMatrix,
    scores: Sequence[Callable[[Floats], Floats]],
    folds: Ints,
    is_current: Bools,
    rng: np.random.Generator,
) -> tuple[DrivingColumn, ...]:
    """By how much the area of held-out rows falls when one column at a time is shuffled, over all such falls."""
    n_columns = len(matrix.columns)
    drops = np.zeros(n_columns)
    for fold, score in enumerate(scores):
        chosen = rng.permutation(np.flatnonzero(folds == fold))[:MOST_SHUFFLED]
        rows, truth = matrix.values[chosen], is_current[chosen]
        stacked = np.repeat(rows[np.newaxis], n_columns + 1, axis=0)  # the last stays as it is
        for column in range(n_columns):
            stacked[column, :, column] = rng.permutation(rows[:, column])
        of_all = score(stacked.reshape(-1, n_columns)).reshape(n_columns + 1, -1)
        areas = np.array([_placements(each, truth).mean() for each in of_all])
        drops += areas[-1] - areas[:-1]
    gained = np.maximum(drops, 0.0)
    if not gained.any():
        return ()
    ranked = sorted(zip(matrix.columns, (gained / gained.sum()).tolist(), strict=True), key=lambda pair: -pair[1])
    return tuple(DrivingColumn(column=column, share=share) for column, share in ranked if share > 0)
