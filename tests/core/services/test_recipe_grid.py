"""The grid on a model's own records: which are old, which recipe was, and what the command says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from core.actions.retrain.recipe import Recipe
from core.errors import InputError, NotAllowedError
from core.governance.identity import LOCAL_OPERATOR
from tests.builders import START
from tests.governed import DAYS, MODEL, Governed, N, build
from tests.people import Person

LINEAR = 'estimator = "linear"\nmin_rows = 50\n'
TREES = 'estimator = "gradient_boosting"\nmin_rows = 50\n[hyperparameters]\nmax_iter = 10\n'
HELD_OUT = round(0.2 * 2 * N)


@pytest.fixture
def governed(tmp_path: Path) -> Iterator[Governed]:
    found = build(tmp_path)
    yield found
    found.workspace.close()


def test_the_old_data_end_with_the_reference_while_nothing_else_is_known(governed: Governed) -> None:
    found = governed.workspace.recipe_grids.fit(governed.ada, MODEL, {"recipe": TREES}, old_recipe=LINEAR)
    assert (found.n_old, found.n_new, found.n_held_out) == (N, 2 * N - HELD_OUT, HELD_OUT)
    assert found.chosen == "the old recipe as given, the old data end with the reference"
    assert START + timedelta(days=DAYS - 1) < found.old_until < START + timedelta(days=DAYS)
    assert (found.old_recipe, found.new_recipe) == tuple(Recipe.from_toml(text).digest for text in (LINEAR, TREES))
    assert [measure.measure for measure in found.measures] == ["roc_auc", "accuracy", "brier_score"]
    assert all(measure.n == HELD_OUT for measure in found.measures)


def test_of_a_version_that_was_trained_here_its_recipe_and_its_data_are_the_old_ones(governed: Governed) -> None:
    last = START + timedelta(days=11)
    made = {"recipe": Recipe.from_toml(LINEAR).model_dump(mode="json"), "train": {"last_at": last.isoformat()}}
    governed.workspace.versions.add(LOCAL_OPERATOR, MODEL, "v3", parameters=made)
    governed.evaluate("v3")
    governed.put_in_force("v3")
    found = governed.workspace.recipe_grids.fit(governed.ada, MODEL, {"recipe": TREES})
    assert found.old_recipe == Recipe.from_toml(LINEAR).digest
    assert found.old_until == last + timedelta(microseconds=1)
    assert found.chosen == ("the old recipe is that of v3, the old data are those up to the last that v3 learnt from")
    assert N < found.n_old < found.n_new


def test_the_command_says_where_the_gain_comes_from(governed: Governed) -> None:
    operator, folder = Person(workspace=governed.workspace.folder), governed.folder
    (folder / "old.toml").write_text(LINEAR)
    (folder / "new.toml").write_text(TREES)
    options = ["--old-recipe", folder / "old.toml", "--recipe", folder / "new.toml"]
    ran = operator("version", "grid", MODEL, *options)
    assert ran.code == 0, ran.err
    assert ran.out.startswith(f"{N:,} old records (before 2026-01-04 ")
    assert "roc_auc: " in ran.out
    found = operator("version", "grid", MODEL, *options, "--json").json
    assert found["n"] == {"old": N, "new": 2 * N - HELD_OUT, "held_out": HELD_OUT}
    (auc,) = (m for m in found["measures"] if m["measure"] == "roc_auc")
    assert auc["data"]["value"] + auc["recipe"]["value"] == pytest.approx(auc["total"]["value"])
    same = operator("version", "grid", MODEL, "--old-recipe", folder / "new.toml", "--recipe", folder / "new.toml")
    assert "Both recipes are the same." in same.out
    assert operator("version", "grid", MODEL, "--old-until", "2030-01-01").code == 2


def test_only_who_may_propose_may_have_four_models_fitted(governed: Governed) -> None:
    with pytest.raises(NotAllowedError, match="right to propose"):
        governed.workspace.recipe_grids.fit(governed.vera, MODEL, {})
    with pytest.raises(InputError, match="name a time between"):
        governed.workspace.recipe_grids.fit(
            governed.ada, MODEL, {"recipe": LINEAR}, old_recipe=LINEAR, old_until=START - timedelta(days=1)
        )
