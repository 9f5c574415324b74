"""A recipe as a scikit-learn pipeline, of classes that can be kept without pickle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.compose import ColumnTransformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from core.actions.retrain.recipe import Linear, RandomForest, Recipe
from core.schema import ColumnType, ModelSchema, Task

__all__ = ["MAX_ITER", "build_pipeline", "parameters_of"]

MAX_ITER = 1_000  # of the linear solver
RARE = 10  # rows; rarer categories are pooled, and new ones join them
MAX_CATEGORIES = 50  # a column has at most this many indicators


def build_pipeline(recipe: Recipe, schema: ModelSchema, features: Sequence[str]) -> Pipeline:
    """The unfitted pipeline of a recipe; its input is what `read_features` makes.

    Numbers: median for missing ones, with an indicator where any was missing, scaled for linear models.
    Categories: one indicator each, rare and unknown ones pooled.
    """
    texts = [name for name in features if schema.columns[name].type is ColumnType.CATEGORICAL]
    numbers = [name for name in features if name not in set(texts)]
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    is_linear = isinstance(recipe.hyperparameters, Linear)
    numeric = Pipeline([("impute", imputer), ("scale", StandardScaler())]) if is_linear else imputer
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", min_frequency=RARE, max_categories=MAX_CATEGORIES, sparse_output=False
    )
    steps = [("numeric", numeric, numbers), ("categorical", one_hot, texts)]
    columns = ColumnTransformer([step for step in steps if step[2]], sparse_threshold=0.0)
    return Pipeline([("columns", columns), ("model", _estimator(recipe, schema.task))])


def parameters_of(pipeline: Pipeline) -> dict[str, Any]:
    """The parameters that a pipeline's steps were really given, defaults of scikit-learn included, as JSON."""
    found: dict[str, Any] = {"model": type(pipeline.named_steps["model"]).__name__}
    for name, value in sorted(pipeline.get_params(deep=True).items()):
        if name.startswith(("model__", "columns__")) and isinstance(value, (str, int, float, bool, type(None))):
            found[name] = value if value == value else "NaN"  # noqa: PLR0124 (NaN alone differs from itself)
    return found


def _estimator(recipe: Recipe, task: Task) -> Any:
    is_regression = task is Task.REGRESSION
    given = recipe.hyperparameters
    if isinstance(given, Linear):
        if is_regression:
            return Ridge(alpha=1 / (2 * given.C))
        return LogisticRegression(C=given.C, max_iter=MAX_ITER, random_state=recipe.seed)
    if isinstance(given, RandomForest):
        forest = RandomForestRegressor if is_regression else RandomForestClassifier
        return forest(
            n_estimators=given.n_estimators,
            max_depth=given.max_depth,
            min_samples_leaf=given.min_samples_leaf,
            random_state=recipe.seed,
            n_jobs=recipe.n_jobs,
        )
    boosting = HistGradientBoostingRegressor if is_regression else HistGradientBoostingClassifier
    return boosting(
        max_iter=given.max_iter,
        learning_rate=given.learning_rate,
        max_leaf_nodes=given.max_leaf_nodes,
        min_samples_leaf=given.min_samples_leaf,
        l2_regularization=given.l2_regularization,
        categorical_features=None,
        early_stopping=False,  # it would hold rows out at random, not by time
        random_state=recipe.seed,
    )
