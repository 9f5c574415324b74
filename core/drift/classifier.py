"""Trees that tell one side's rows from the other's, trained on some folds to score the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from core.drift.encoding import TreeMatrix
from core.stats.threads import one_thread

__all__ = ["balanced_folds", "trained"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def balanced_folds(labels: Bools, n_folds: int, rng: np.random.Generator) -> Ints:
    """A random fold for each row, with as many rows of each label in each, as near as can be."""
    folds = np.empty(labels.size, dtype=np.int64)
    for label in (False, True):
        rows = np.flatnonzero(labels == label)
        folds[rng.permutation(rows)] = np.arange(rows.size) % n_folds
    return folds


def trained(matrix: TreeMatrix, rows: Bools, labels: Bools, trees: Mapping[str, int]) -> Callable[[Floats], Floats]:
    """The score function of trees trained on some rows; on one thread, which small samples fill."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    classifier = HistGradientBoostingClassifier(
        **trees,
        learning_rate=0.15,
        min_samples_leaf=max(5, min(20, int(rows.sum()) // 20)),
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    )
    with one_thread():
        classifier.fit(matrix.values[rows], labels[rows])

    def score(values: Floats) -> Floats:
        with one_thread():
            return np.asarray(classifier.decision_function(values))

    return score
