"""Whether the features give a protected attribute away, and which of them do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from core.errors import InputError
from core.measure import Interval
from core.stats.ranking import roc_auc
from core.stats.threads import one_thread

__all__ = ["FeatureProxy", "GroupProxy", "ProxyCheck", "proxy_check"]

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

N_FOLDS = 3
LEAST_OF_A_GROUP = 30
CHANCE = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupProxy:
    """How well the features tell one group from all others: the area under the ROC curve, 0.5 by chance alone."""

    group: str
    n: int
    value: float
    interval: Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureProxy:
    """What one feature contributes: how far the area falls when its values are dealt anew, and what it tells alone."""

    feature: str
    importance: float
    spread: float
    alone: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyCheck:
    """How far the features give an attribute away. ``groups`` is empty where that can't be told, ``words`` say why."""

    attribute: str
    groups: tuple[GroupProxy, ...]
    features: tuple[FeatureProxy, ...]
    n: int
    words: str


def proxy_check(
    features: Floats,
    feature_names: Sequence[str],
    codes: Ints,
    group_names: Sequence[str],
    *,
    attribute: str,
    seed: int,
    confidence: float = 0.95,
) -> ProxyCheck:
    """How well do the features predict a protected attribute, though the model never sees it?

    Parameters
    ----------
    features : float array of shape (n_rows, n_features)
        Categories as numbers; NaN is a value of its own.
    feature_names : sequence of n_features names
    codes : int array of shape (n_rows,)
        The group of each row; below 0 where it isn't known, and the row is left out.
    group_names : sequence of names
    attribute : str
    seed : int
        Of the folds, the trees and the shuffles.
    confidence : float

    Returns
    -------
    ProxyCheck
        The area for each group against all others, by gradient boosted trees that never saw the row (3 folds), with
        DeLong's interval; features by how far that area falls, on rows not trained on, when their values are dealt
        to other rows. A high area says that a model which isn't shown the attribute can still act on it. Groups of
        fewer than 30 rows are not told.

    Raises
    ------
    InputError
        If the shapes don't fit.

    References
    ----------
    M. Feldman et al. (2015), doi:10.1145/2783258.2783311 (predictability of the attribute bounds disparate impact);
    L. Breiman (2001), doi:10.1023/A:1010933404324, for dealing values anew.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> sex = rng.integers(0, 2, 600)
    >>> features = np.stack([sex + rng.normal(0, 0.5, 600), rng.normal(size=600)], axis=1)
    >>> check = proxy_check(features, ["height", "luck"], sex, ["f", "m"], attribute="sex", seed=0)
    >>> check.features[0].feature, check.groups[0].value > 0.85
    ('height', True)
    """
    if features.ndim != 2 or features.shape != (codes.size, len(feature_names)):
        raise InputError(f"Proxies need features of shape ({codes.size}, {len(feature_names)}), got {features.shape}.")
    sizes = np.bincount(codes[codes >= 0], minlength=len(group_names))
    told = [place for place in range(len(group_names)) if sizes[place] >= LEAST_OF_A_GROUP]
    kept = np.isin(codes, told)
    if len(told) < 2 or not features.shape[1]:
        words = f"Fewer than two groups have {LEAST_OF_A_GROUP} rows, or there is no feature: it can't be told."
        return ProxyCheck(attribute=attribute, groups=(), features=(), n=int(kept.sum()), words=words)
    x, y = np.where(np.isfinite(features[kept]), features[kept], np.nan), codes[kept]
    chances, falls = _out_of_fold(x, y, told, seed)
    groups = tuple(
        _area(group_names[place], chances[:, column], y == place, confidence) for column, place in enumerate(told)
    )
    alone = [_alone(x[:, column], y, told) for column in range(x.shape[1])]
    by_feature = [
        FeatureProxy(
            feature=name,
            importance=float(falls[:, column].mean()),
            spread=float(falls[:, column].std(ddof=1)),
            alone=own,
        )
        for column, (name, own) in enumerate(zip(feature_names, alone, strict=True))
    ]
    by_feature.sort(key=lambda each: -each.importance)
    return ProxyCheck(
        attribute=attribute,
        groups=groups,
        features=tuple(by_feature),
        n=int(kept.sum()),
        words=_words(attribute, groups, by_feature),
    )


def _out_of_fold(x: Floats, y: Ints, told: Sequence[int], seed: int) -> tuple[Floats, Floats]:
    """The chance of every group for rows not trained on, and by fold how far the mean area falls without a feature."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.model_selection import StratifiedKFold

    rng = np.random.default_rng(seed)
    chances = np.zeros((y.size, len(told)))
    falls = np.zeros((N_FOLDS, x.shape[1]))
    folds = StratifiedKFold(n_splits=N_FOLDS, shuffle=True, random_state=seed)
    with one_thread():  # rows are few: threads wait for one another longer than they work
        for fold, (train, test) in enumerate(folds.split(x, y)):
            model = HistGradientBoostingClassifier(
                max_iter=60, max_leaf_nodes=8, learning_rate=0.15, random_state=seed, early_stopping=False
            ).fit(x[train], y[train])
            chances[test] = model.predict_proba(x[test])
            whole = _mean_area(chances[test], y[test], told)
            for column in range(x.shape[1]):
                dealt = x[test].copy()
                dealt[:, column] = rng.permutation(dealt[:, column])
                falls[fold, column] = whole - _mean_area(model.predict_proba(dealt), y[test], told)
    return chances, falls


def _mean_area(chances: Floats, y: Ints, told: Sequence[int]) -> float:
    areas = [_plain_area(chances[:, column], y == place) for column, place in enumerate(told)]
    return sum(areas) / len(areas)


def _plain_area(score: Floats, is_group: NDArray[np.bool_]) -> float:
    from scipy.stats import rankdata

    n = int(is_group.sum())
    return float((rankdata(score)[is_group].sum() - n * (n + 1) / 2) / (n * (is_group.size - n)))


def _area(name: str, score: Floats, is_group: NDArray[np.bool_], confidence: float) -> GroupProxy:
    _, code = np.unique(score, return_inverse=True)
    sides = [np.bincount(code[side], minlength=int(code.max()) + 1) for side in (~is_group, is_group)]
    area = roc_auc(sides[0], sides[1], confidence=confidence)
    return GroupProxy(group=name, n=int(is_group.sum()), value=area.value, interval=area.interval)


def _alone(values: Floats, y: Ints, told: Sequence[int]) -> float:
    """The best area that a feature's order alone gives for any group, whichever way round."""
    filled = np.where(np.isnan(values), -np.inf, values)
    areas = [_plain_area(filled, y == place) for place in told]
    return max(max(area, 1 - area) for area in areas)


def _words(attribute: str, groups: Sequence[GroupProxy], features: Sequence[FeatureProxy]) -> str:
    certain = [each for each in groups if each.interval.low > CHANCE]
    if not certain:
        return f"No evidence that the features tell the groups of {attribute} apart."
    best = max(certain, key=lambda each: each.value)
    said = f"The features tell {best.group} from all others with an area of {best.value:.2f} (0.50 is chance)"
    return f"{said}, most by {features[0].feature}."
