"""How much each row looks like one side's rather than the other's: the cells in which rows of both are alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.drift.classifier import balanced_folds, trained
from core.drift.encoding import Columns, UnusableColumn, n_rows, tree_matrix
from core.errors import InputError
from core.stats.threads import one_thread

__all__ = ["PropensityCells", "expected_losses", "propensity_cells"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_ROWS = 50  # a side


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PropensityCells:
    """The cell of each row, 0 for those that look least like the current side's; `columns` told them apart."""

    reference: Ints
    current: Ints
    n_cells: int
    columns: tuple[str, ...]
    unusable: tuple[UnusableColumn, ...]


def propensity_cells(
    reference: Columns,
    current: Columns,
    *,
    rng: np.random.Generator,
    without: Sequence[str] = (),
    n_cells: int = 10,
    n_folds: int = 5,
    n_trees: int = 40,
    n_leaves: int = 4,
) -> PropensityCells:
    """In which cells are rows of both sides alike in their inputs?

    Parameters
    ----------
    reference, current : mappings of str to array of shape (m,) and (n,)
        The model's inputs, as for `core.drift.multivariate.domain_shift`.
    rng : numpy.random.Generator
        Draws the folds.
    without : sequence of str
        Columns that aren't looked at.
    n_cells : int
        Quantiles of the score over half of each side, at least 2.
    n_folds : int
        A row is scored by trees that never saw it; at least 2.
    n_trees, n_leaves : int
        Boosted trees, and the most leaves of each.

    Returns
    -------
    PropensityCells
        Rows are ranked within their fold. All rows are in one cell where no column can be used.

    Raises
    ------
    InputError
        With fewer than 50 rows on a side.

    References
    ----------
    P. R. Rosenbaum, D. B. Rubin (1983), doi:10.1093/biomet/70.1.41.

    Examples
    --------
    >>> x = np.linspace(0, 1, 400)
    >>> cells = propensity_cells({"x": x}, {"x": x**0.5}, rng=np.random.default_rng(1), n_cells=4)
    >>> bool(cells.reference.mean() < cells.current.mean()), cells.columns
    (True, ('x',))
    """
    m, n = n_rows(reference), n_rows(current)
    if min(m, n) < LEAST_ROWS:
        raise InputError(f"Cells of like rows need {LEAST_ROWS} rows on each side, got {m:,} and {n:,}.")
    kept = [{name: values for name, values in side.items() if name not in without} for side in (reference, current)]
    matrix = tree_matrix(kept)
    cells = np.zeros(m + n, dtype=np.int64)
    is_current = np.arange(m + n) >= m
    if matrix.columns:
        folds = balanced_folds(is_current, n_folds, rng)
        for fold in range(n_folds):
            score = trained(matrix, folds != fold, is_current, {"max_iter": n_trees, "max_leaf_nodes": n_leaves})
            held_out = np.flatnonzero(folds == fold)
            scores, now = score(matrix.values[held_out]), is_current[held_out]
            below = [np.searchsorted(np.sort(scores[now == side]), scores, "left") for side in (0, 1)]
            place = np.mean([below[side] / np.count_nonzero(now == side) for side in (0, 1)], axis=0)
            cells[held_out] = np.minimum((place * n_cells).astype(np.int64), n_cells - 1)
    return PropensityCells(
        reference=cells[:m],
        current=cells[m:],
        n_cells=n_cells,
        columns=matrix.columns,
        unusable=matrix.unusable,
    )


def expected_losses(
    reference: Columns,
    losses: Floats,
    current: Columns,
    *,
    rng: np.random.Generator,
    n_folds: int = 5,
    n_trees: int = 40,
    n_leaves: int = 4,
) -> tuple[Floats, Floats]:
    """What loss the reference makes one expect of each row's inputs, on both sides.

    Parameters
    ----------
    reference, current : mappings of str to array of shape (m,) and (n,)
        The model's inputs, as for `propensity_cells`.
    losses : float array of shape (m,)
        The reference's.
    rng : numpy.random.Generator
        Draws the folds.
    n_folds, n_trees, n_leaves : int
        A row of the reference is given what trees say that never saw it, a current row their mean over folds.

    Returns
    -------
    tuple of float arrays of shape (m,) and (n,)

    Examples
    --------
    >>> x = np.linspace(0, 1, 400)
    >>> before, now = expected_losses({"x": x}, x**2, {"x": np.full(50, 0.8)}, rng=np.random.default_rng(1))
    >>> bool(abs(now.mean() - 0.64) < 0.05), before.shape
    (True, (400,))
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    m, n = n_rows(reference), n_rows(current)
    matrix = tree_matrix([reference, current])
    if not matrix.columns:
        return np.full(m, losses.mean()), np.full(n, losses.mean())
    before, now = matrix.values[:m], matrix.values[m:]
    folds = balanced_folds(np.zeros(m, dtype=bool), n_folds, rng)
    own, others = np.empty(m), np.zeros(n)
    for fold in range(n_folds):
        trees = HistGradientBoostingRegressor(
            max_iter=n_trees,
            max_leaf_nodes=n_leaves,
            learning_rate=0.15,
            min_samples_leaf=20,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=0,
        )
        with one_thread():
            trees.fit(before[folds != fold], losses[folds != fold])
            own[folds == fold] = trees.predict(before[folds == fold])
            others += trees.predict(now) / n_folds
    return own, others
