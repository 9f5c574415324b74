"""Performance of a regression before labels come: what loss its inputs make one expect, by direct loss estimation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from core.measure import Interval, Measure
from core.performance.estimated import PREFIX, excess_correlation
from core.performance.measures import estimate, undefined

__all__ = ["LEAST_LABELLED", "LOSSES", "DirectLoss", "ExpectedLosses", "direct_loss", "estimate_regression"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

LOSSES = ("absolute_error", "squared_error")
N_FOLDS = 10
N_TREES, N_LEAVES, LEARNING_RATE = 50, 6, 0.15
LEAST_LABELLED = 200  # rows of the reference
SMALLEST = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpectedLosses:
    """What one side's rows make one expect of a loss: their mean, its spread, and how sure the trees are of the mean.

    Parameters
    ----------
    n : int
        Sampled rows that the mean is over.
    mean, variance : float
        Of the rows' expected losses.
    squares : float
        The mean square of the expected losses.
    doubt : float
        The variance of the mean for what the trees don't know, by the jackknife over folds.
    """

    n: int
    mean: float
    variance: float
    squares: float
    doubt: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DirectLoss:
    """How expected losses stand to what losses were on the reference, where trees hadn't seen the row.

    Parameters
    ----------
    n : int
        Rows of the reference.
    scatter : float
        The variance of a row's loss about what was expected, over the mean square of what was.
    correlation : float
        How alike rows of one window are about what was expected, beyond chance.
    n_windows : int
        Of the reference.
    """

    n: int
    scatter: float
    correlation: float
    n_windows: int


def direct_loss(
    reference: Floats, losses: Floats, windows: Ints, current: Sequence[Floats], *, rng: np.random.Generator
) -> tuple[DirectLoss, tuple[ExpectedLosses, ...]]:
    """What loss do rows make one expect, and how well did such expectations hold on the reference?

    Parameters
    ----------
    reference : float array of shape (m, n_columns)
        Inputs and the prediction, NaN where missing; at least 200 rows.
    losses : float array of shape (m,)
        Of the reference's rows, finite and 0 or more.
    windows : int array of shape (m,)
        Which window each row of the reference is of.
    current : sequence of float arrays of shape (n_i, n_columns)
        The rows of each window asked about.
    rng : numpy Generator
        Draws the folds.

    Returns
    -------
    tuple of DirectLoss and one ExpectedLosses a window
        By boosted trees on all folds but one: a row of the reference gets what those say that haven't seen it, a
        row of a window the mean of all.

    Raises
    ------
    ValueError
        With fewer than 200 rows.

    References
    ----------
    Direct loss estimation as NannyML describes it; the jackknife over groups: B. Efron, C. Stein (1981),
    doi:10.1214/aos/1176345462.

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> x = rng.uniform(0, 1, (2000, 1))
    >>> error = np.abs(rng.normal(0, 1 + x[:, 0]))
    >>> of_reference, [moved] = direct_loss(x, error, np.arange(2000) % 10, [rng.uniform(0.5, 1, (500, 1))], rng=rng)
    >>> round(moved.mean, 1), round(float(error.mean()), 1)  # 1.75 and 1.5 times the mean of |z|, .8
    (1.4, 1.2)
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    from core.stats.threads import one_thread

    m = losses.size
    if m < LEAST_LABELLED:
        raise ValueError(f"Direct loss estimation needs {LEAST_LABELLED} labelled rows, got {m:,}.")
    folds = rng.permutation(m) % N_FOLDS
    own = np.empty(m)
    ends = np.cumsum([len(rows) for rows in current])
    stacked = np.concatenate([*current, np.empty((0, reference.shape[1]))])
    of_fold = np.empty((N_FOLDS, len(stacked)))
    for fold in range(N_FOLDS):
        trees = HistGradientBoostingRegressor(
            max_iter=N_TREES,
            max_leaf_nodes=N_LEAVES,
            learning_rate=LEARNING_RATE,
            min_samples_leaf=20,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=0,
        )
        with one_thread():
            trees.fit(reference[folds != fold], losses[folds != fold])
            own[folds == fold] = trees.predict(reference[folds == fold])
            if len(stacked):
                of_fold[fold] = trees.predict(stacked)
    own, of_fold = np.maximum(own, 0.0), np.maximum(of_fold, 0.0)
    expected = [_expected(part) for part in np.split(of_fold, ends[:-1], axis=1)] if len(current) else []
    return _held_against(losses, own, windows), tuple(expected)


def _held_against(losses: Floats, own: Floats, windows: Ints) -> DirectLoss:
    residual = losses - own
    scatter = float((residual**2).mean() / max((own**2).mean(), SMALLEST))
    _, place = np.unique(windows, return_inverse=True)
    sums = np.bincount(place, weights=residual - residual.mean())
    variances = np.bincount(place, weights=scatter * own**2)
    sizes = np.bincount(place).astype(np.float64)
    return DirectLoss(
        n=losses.size,
        scatter=scatter,
        correlation=excess_correlation(sums.tolist(), variances.tolist(), sizes.tolist()),
        n_windows=sizes.size,
    )


def _expected(of_fold: Floats) -> ExpectedLosses:
    n = of_fold.shape[1]
    if not n:
        return ExpectedLosses(n=0, mean=0.0, variance=0.0, squares=0.0, doubt=0.0)
    rows, means = of_fold.mean(axis=0), of_fold.mean(axis=1)
    return ExpectedLosses(
        n=n,
        mean=float(rows.mean()),
        variance=float(rows.var()),
        squares=float((rows**2).mean()),
        doubt=(N_FOLDS - 1) * float(means.var()),
    )


def estimate_regression(
    of_reference: Mapping[str, DirectLoss],
    expected: Mapping[str, ExpectedLosses],
    *,
    n: int,
    confidence: float = 0.95,
) -> tuple[Measure, Measure]:
    """What will MAE and RMSE of a window be once its labels are known, if losses follow inputs as they did?

    Parameters
    ----------
    of_reference, expected : mappings of 'absolute_error' and 'squared_error' to DirectLoss and ExpectedLosses
    n : int
        Rows of the window that will have labels; those sampled are some of them.
    confidence : float
        Two-sided, in (0, 1).

    Returns
    -------
    two Measures
        estimated_mae and estimated_rmse. The interval is for what the labels will show: the chance of the rows'
        losses about what is expected, which rows were sampled, what the trees don't know, and windows of the
        reference that lay apart by more than chance; on the log scale, with Student's quantile of the reference's
        windows where these lay apart.

    Examples
    --------
    >>> of = DirectLoss(n=5000, scatter=0.6, correlation=0.0, n_windows=10)
    >>> expected = ExpectedLosses(n=1000, mean=2.0, variance=0.1, squares=4.1, doubt=1e-3)
    >>> mae, rmse = estimate_regression({"absolute_error": of, "squared_error": of},
    ...     {"absolute_error": expected, "squared_error": expected}, n=1000)
    >>> mae.measure, mae.value, round(mae.interval.low, 2), round(mae.interval.high, 2), round(rmse.value, 2)
    ('estimated_mae', 2.0, 1.89, 2.12, 1.41)
    """
    found = []
    for name, loss, root in (("mae", "absolute_error", 1.0), ("rmse", "squared_error", 0.5)):
        of, told = of_reference[loss], expected[loss]
        convention = (
            f"if losses follow inputs and prediction as in the reference: boosted trees on {of.n:,} sampled rows, out "
            f"of fold, over {told.n:,} of {n:,} rows; interval of what the labels will show"
        )
        if not told.n or told.mean <= SMALLEST:
            why = "No row of the window is at hand." if not told.n else "The losses expected are 0."
            found.append(undefined(PREFIX + name, convention=convention, why=why))
            continue
        rows = max(n, told.n)
        chance = of.scatter * told.squares / rows * (1 + (rows - 1) * of.correlation)
        sampled = told.variance * (1 / told.n - 1 / rows)
        error = math.sqrt(chance + sampled + told.doubt) / told.mean * root
        df = of.n_windows - 1 if of.correlation > 0 else of.n - 1
        arm = float(stdtrit(df, (1 + confidence) / 2)) * error
        value = told.mean**root
        interval = Interval(low=value * math.exp(-arm), high=value * math.exp(arm), confidence=confidence)
        found.append(estimate(PREFIX + name, value, rows, interval=interval, convention=convention))
    return found[0], found[1]
