"""A recipe says which key is wrong, reads back what it writes, and has a digest of all that it decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.actions.retrain.recipe import (
    GradientBoosting,
    Holdout,
    Linear,
    RandomForest,
    Recipe,
    default_recipe,
    features_of,
)
from core.errors import InputError, SchemaError, UnknownNameError

HYPERPARAMETERS = st.one_of(
    st.builds(Linear, C=st.floats(1e-4, 1e4)),
    st.builds(RandomForest, n_estimators=st.integers(10, 1000), max_depth=st.none() | st.integers(1, 64)),
    st.builds(GradientBoosting, learning_rate=st.floats(1e-3, 1.0), max_leaf_nodes=st.integers(2, 255)),
)
NAMES = st.lists(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, max_size=4, unique=True
)


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    hyperparameters = draw(HYPERPARAMETERS)
    return Recipe(
        estimator=hyperparameters.estimator,
        hyperparameters=hyperparameters,
        calibration=draw(st.sampled_from(["none", "sigmoid", "isotonic"])),
        features=draw(st.none() | NAMES.map(tuple)),
        holdout=draw(st.builds(Holdout, share=st.floats(0.05, 0.5)) | st.builds(Holdout, days=st.floats(0.5, 3660))),
        seed=draw(st.integers(0, 2**32 - 1)),
    )


@given(recipes())
def test_a_recipe_reads_back_from_its_toml_and_keeps_its_digest(recipe: Recipe) -> None:
    again = Recipe.from_toml(recipe.to_toml())
    assert again == recipe
    assert again.digest == recipe.digest


@pytest.mark.parametrize(
    ("toml", "key", "words"),
    [
        ("", "estimator", "is required"),
        ("estimator = 'forest'", "estimator", "'linear', 'random_forest' or 'gradient_boosting'"),
        ("estimator = 'linear'\nseeds = 1", "seeds", "is no key of a recipe"),
        (
            "estimator = 'linear'\n[hyperparameters]\nmax_iter = 3",
            "hyperparameters.max_iter",
            "is no key of this table",
        ),
        ("estimator = 'linear'\n[hyperparameters]\nC = 0", "hyperparameters.C", "greater than or equal to 0.0001"),
        ("estimator = 'linear'\n[hyperparameters]\nC = nan", "hyperparameters.C", "finite number"),
        ("estimator = 'linear'\nhyperparameters = 3", "hyperparameters", "dictionary"),
        ("estimator = 'linear'\n[holdout]\nshare = 0.2\ndays = 3", "holdout", "exactly one of share"),
        ("estimator = 'linear'\nfeatures = ['a', 'a']", "features", "names a feature twice"),
        ("estimator = 'linear'\nfeatures = []", "features", "names no feature"),
        ("estimator = 'linear'\ncalibration = 'platt'", "calibration", "'none', 'sigmoid' or 'isotonic'"),
        ("estimator", "TOML", "Expected '=' after a key"),
    ],
)
def test_a_wrong_recipe_names_the_key_and_nothing_else(toml: str, key: str, words: str) -> None:
    with pytest.raises(SchemaError) as caught:
        Recipe.from_toml(toml, "recipe.toml")
    assert [found for found, _ in caught.value.problems] == [key]
    assert words in str(caught.value)
    assert str(caught.value).startswith("recipe.toml: ")


def test_defaults_written_out_or_left_out_are_the_same_recipe() -> None:
    assert (
        Recipe.from_dict({"estimator": "linear"}).digest
        == Recipe.from_toml("""
        estimator = "linear"
        seed = 0
        [hyperparameters]
        C = 1.0
        [holdout]
        share = 0.2
    """).digest
    )
    assert (
        Recipe.from_dict({"estimator": "linear"}).digest != Recipe.from_dict({"estimator": "linear", "seed": 1}).digest
    )


def test_the_default_recipe_learns_from_neither_protected_columns_nor_attributes_nor_text(schema_of) -> None:
    recipe = default_recipe(schema_of())
    assert recipe.features == ("income", "age", "owner", "job")
    unsaid = Recipe.from_dict({"estimator": "linear"})
    assert features_of(unsaid, schema_of()) == recipe.features


def test_a_protected_column_or_an_attribute_is_learnt_from_only_if_it_is_named(schema_of) -> None:
    recipe = Recipe.from_dict({"estimator": "linear", "features": ["sex", "region", "age"]})
    assert features_of(recipe, schema_of()) == ("sex", "region", "age")


@pytest.mark.parametrize(
    ("name", "words"), [("label", "has role label"), ("note", "is of type text"), ("incom", "did you mean 'income'")]
)
def test_a_feature_that_cannot_be_learnt_from_is_refused_by_name(schema_of, name: str, words: str) -> None:
    recipe = Recipe.from_dict({"estimator": "linear", "features": ["age", name]})
    with pytest.raises((InputError, UnknownNameError), match=words):
        features_of(recipe, schema_of())


def test_a_regression_has_nothing_to_calibrate(schema_of) -> None:
    recipe = Recipe.from_dict({"estimator": "linear", "calibration": "sigmoid"})
    with pytest.raises(InputError, match="calibration = 'sigmoid' is for classification"):
        features_of(recipe, schema_of("regression"))
