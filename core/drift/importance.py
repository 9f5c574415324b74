"""How much does each column matter to the model? Asked of a surrogate, where the model itself can't be called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from core.drift.encoding import Columns, UnusableColumn, n_rows, tree_matrix
from core.drift.measures import drift_measure, undefined
from core.measure import Interval, Measure
from core.stats.intervals import newcombe_area
from core.stats.threads import one_thread

__all__ = ["ColumnImportance", "SurrogateImportance", "surrogate_importance"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEAST_ROWS = 200
MOST_ROWS = 6_000
MOST_SHUFFLED = 1_000  # rows a fold that columns are shuffled in
MOST_CLASSES = 20
FEW_VALUES = 2  # numbers with at most so many distinct values are classes
LEAST_EXPLAINED = 0.05
N_FOLDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnImportance:
    """A column's share of all that is lost when columns are shuffled one at a time, in 0..1."""

    column: str
    importance: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SurrogateImportance:
    """Importances, the largest first, and what the surrogate explains; none if that is not enough.

    ``explained`` is measured on rows the surrogate wasn't trained on: R² of a number, AUC of two classes, the
    share of the log loss explained of more classes.
    """

    columns: tuple[ColumnImportance, ...]
    explained: Measure
    is_enough: bool
    why: str
    unusable: tuple[UnusableColumn, ...]
    n: int

    def of(self, column: str) -> float | None:
        """The importance of one column; None if nothing is known of it."""
        return next((each.importance for each in self.columns if each.column == column), None)


def surrogate_importance(
    features: Columns, target: NDArray[Any], *, rng: np.random.Generator, most_rows: int = MOST_ROWS
) -> SurrogateImportance:
    """How much does each feature matter to what the model gave out?

    Gradient-boosted trees learn the target from the features on one half of the rows; on the other half each
    column is shuffled, and what the loss rises by is its importance; then the halves change places.

    Parameters
    ----------
    features : mapping of str to array of shape (n,)
        What the model reads, of any type.
    target : array of shape (n,)
        The logged score, or the prediction, or the label. Numbers with more than two distinct values are a
        regression; anything else, up to 20 distinct values, are classes. Rows without a finite target are left out.
    rng : numpy.random.Generator
        Draws the halves, the rows if there are more than `most_rows`, and the shuffles.
    most_rows : int

    Returns
    -------
    SurrogateImportance
        Not enough, and without columns, if there are fewer than 200 rows, the target is constant or has more than
        20 classes, no column is usable, or the surrogate explains less than 5% or nothing certainly.

    Raises
    ------
    ValueError
        If features and target differ in length.

    References
    ----------
    A. Fisher, C. Rudin, F. Dominici (2019), All models are wrong, but many are useful, Journal of Machine Learning
    Research 20(177); L. Breiman (2001), doi:10.1023/A:1010933404324.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x, y = rng.normal(size=(2, 1_000))
    >>> importance = surrogate_importance({"x": x, "noise": y}, 2 * x, rng=rng)
    >>> importance.columns[0].column, importance.explained.measure, importance.of("x") > 0.95
    ('x', 'surrogate_r2', True)
    """
    target = np.asarray(target)
    if features and n_rows(features) != target.size:
        raise ValueError(f"The features have {n_rows(features):,} rows, the target {target.size:,}.")
    outcome, names = _outcome(target)
    rows = np.flatnonzero(~np.isnan(outcome))
    if rows.size > most_rows:
        rows = rng.permutation(rows)[:most_rows]
    matrix = tree_matrix([{name: np.asarray(values)[rows] for name, values in features.items()}])
    outcome = outcome[rows]
    why = _unfit(outcome, names, len(matrix.columns))
    if why:
        return SurrogateImportance(
            columns=(),
            explained=undefined("surrogate_r2", rows.size, why),
            is_enough=False,
            why=why,
            unusable=matrix.unusable,
            n=rows.size,
        )
    folds = rng.permutation(np.arange(rows.size) % N_FOLDS)
    own, none = np.empty(rows.size), np.empty(rows.size)  # each row's loss, and that of the best constant
    given = np.empty(rows.size)
    rises = np.zeros(len(matrix.columns))
    for fold in range(N_FOLDS):
        held_out = folds == fold
        surrogate = _Surrogate(matrix.values[~held_out], outcome[~held_out], n_classes=len(names))
        own[held_out], given[held_out] = surrogate.losses(matrix.values[held_out], outcome[held_out])
        none[held_out] = surrogate.losses_of_constant(outcome[held_out])
        rises += _rises(surrogate, matrix.values[held_out], outcome[held_out], rng)
    explained, is_enough = _explained(own, none, given, outcome, len(names))
    shown = np.maximum(rises, 0.0)
    if not is_enough or not shown.any():
        why = f"the surrogate explains too little of the target for importances ({explained.convention})"
        return SurrogateImportance(
            columns=(), explained=explained, is_enough=False, why=why, unusable=matrix.unusable, n=rows.size
        )
    ranked = sorted(zip(matrix.columns, (shown / shown.sum()).tolist(), strict=True), key=lambda pair: -pair[1])
    return SurrogateImportance(
        columns=tuple(ColumnImportance(column=column, importance=share) for column, share in ranked),
        explained=explained,
        is_enough=True,
        why="",
        unusable=matrix.unusable,
        n=rows.size,
    )


def _outcome(target: NDArray[Any]) -> tuple[Floats, tuple[str, ...]]:
    """The target as floats, NaN where there is none; and its classes, () if it is a number."""
    if target.dtype.kind in "fiu":
        values = target.astype(np.float64)
        values = np.where(np.isfinite(values), values, np.nan)
        distinct = np.unique(values[~np.isnan(values)])
        if distinct.size > FEW_VALUES:
            return values, ()
        codes = np.where(np.isnan(values), np.nan, np.searchsorted(distinct, values))
        return codes, tuple(f"{value:g}" for value in distinct)
    names = [None if value is None or value != value else str(value) for value in target.tolist()]  # noqa: PLR0124
    classes = sorted({name for name in names if name is not None})
    code = {name: float(place) for place, name in enumerate(classes)}
    return np.array([np.nan if name is None else code[name] for name in names]), tuple(classes)


def _unfit(outcome: Floats, names: tuple[str, ...], n_columns: int) -> str:
    """Why no surrogate can be trained, or ''."""
    if outcome.size < LEAST_ROWS:
        return f"A surrogate needs {LEAST_ROWS} rows with a target, there are {outcome.size}."
    if not n_columns:
        return "No feature can be used."
    if np.unique(outcome).size < 2:
        return "The target has one value only."
    if len(names) > MOST_CLASSES:
        return f"The target has {len(names):,} classes, more than {MOST_CLASSES}."
    if names and np.bincount(outcome.astype(np.int64)).min() < 10:
        return "A class of the target has fewer than 10 rows."
    return ""


class _Surrogate:
    """Trees trained on some rows, and the loss of others: squared error, or log loss of classes."""

    def __init__(self, values: Floats, outcome: Floats, *, n_classes: int) -> None:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        self._n_classes = n_classes
        options = {"max_iter": 80, "max_leaf_nodes": 15, "learning_rate": 0.1, "early_stopping": False}
        kind = HistGradientBoostingClassifier if n_classes else HistGradientBoostingRegressor
        with one_thread():
            self._trees = kind(**options, l2_regularization=1.0, random_state=0).fit(values, outcome)
        if n_classes:
            counts = np.bincount(outcome.astype(np.int64), minlength=n_classes) + 0.5
            self._constant = counts / counts.sum()
        else:
            self._constant = np.array([outcome.mean()])

    def losses(self, values: Floats, outcome: Floats) -> tuple[Floats, Floats]:
        """Each row's loss, and the value given: the number, or the probability of the last class."""
        with one_thread():
            if not self._n_classes:
                given = np.asarray(self._trees.predict(values))
                return (outcome - given) ** 2, given
            probability = np.clip(self._trees.predict_proba(values), 1e-6, 1.0)
        places = np.searchsorted(self._trees.classes_, outcome)
        return -np.log(probability[np.arange(outcome.size), places]), probability[:, -1]

    def losses_of_constant(self, outcome: Floats) -> Floats:
        """Each row's loss if all rows were given the training rows' mean, or class shares."""
        if not self._n_classes:
            return np.asarray((outcome - self._constant[0]) ** 2)
        return np.asarray(-np.log(self._constant[outcome.astype(np.int64)]))


def _rises(surrogate: _Surrogate, values: Floats, outcome: Floats, rng: np.random.Generator) -> Floats:
    """What the mean loss rises by when one column at a time is shuffled."""
    chosen = rng.permutation(outcome.size)[:MOST_SHUFFLED]
    rows, truth = values[chosen], outcome[chosen]
    n_columns = rows.shape[1]
    stacked = np.repeat(rows[np.newaxis], n_columns + 1, axis=0)
    for column in range(n_columns):
        stacked[column, :, column] = rng.permutation(rows[:, column])
    losses = surrogate.losses(stacked.reshape(-1, n_columns), np.tile(truth, n_columns + 1))[0]
    means = losses.reshape(n_columns + 1, -1).mean(axis=1)
    return np.asarray(means[:-1] - means[-1])


def _explained(own: Floats, none: Floats, given: Floats, outcome: Floats, n_classes: int) -> tuple[Measure, bool]:
    """What the surrogate explains out of sample, and whether that is at least 5% and certainly more than nothing."""
    from scipy.stats import rankdata

    n = own.size
    share = 1 - float(own.sum() / none.sum())
    deviation = own - (1 - share) * none
    half = float(ndtri(0.975)) * float(deviation.std(ddof=1)) / (n**0.5) / float(none.mean())
    is_enough = share >= LEAST_EXPLAINED and share - half > 0
    if n_classes == 2:
        is_last = outcome == 1
        n_last = int(is_last.sum())
        ranks = rankdata(given)
        area = float(ranks[is_last].sum() - n_last * (n_last + 1) / 2) / (n_last * (n - n_last))
        measure = drift_measure(
            measure="surrogate_auc",
            value=area,
            n=n,
            interval=newcombe_area(area, n - n_last, n_last),
            convention=f"AUC {area:.2f} on {n:,} held-out rows, {share:.0%} of the log loss explained",
        )
        return measure, is_enough
    name, words = ("surrogate_log_loss_explained", "share of the log loss") if n_classes else ("surrogate_r2", "R²")
    return (
        drift_measure(
            measure=name,
            value=share,
            n=n,
            interval=Interval(low=share - half, high=share + half),
            convention=f"{words} {share:.2f} on {n:,} held-out rows",
        ),
        is_enough,
    )
