"""Columns ranked by what they matter, and grouped where one cause moves several."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.drift.stories import MovedColumn, associations, rank_columns, stories


def world(n: int = 1_500) -> dict[str, np.ndarray]:
    """Income drives salary band and spending; age and colour go their own ways."""
    rng = np.random.default_rng(1)
    income = rng.lognormal(10, 0.5, n)
    return {
        "income": income,
        "salary_band": np.array(["low", "mid", "high"], dtype=object)[
            np.digitize(income, np.quantile(income, [0.3, 0.7]))
        ],
        "spending": income * rng.uniform(0.5, 1.0, n),
        "age": rng.normal(40, 10, n),
        "colour": np.array(list("rgb"), dtype=object)[rng.integers(0, 3, n)],
        "constant": np.ones(n),
    }


def moved(**effects: float) -> list[MovedColumn]:
    return [MovedColumn(column=name, effect=effect) for name, effect in effects.items()]


def test_columns_of_any_kind_that_go_together_read_as_one_story():
    told = stories(moved(age=0.3, salary_band=0.2, income=0.25, colour=0.1, spending=0.15), associations(world()))
    assert [story.columns for story in told] == [("income", "salary_band", "spending"), ("age",), ("colour",)]
    first = told[0]
    assert first.impact == pytest.approx(0.6)
    assert first.weakest >= 0.5
    assert first.sentence.startswith(
        "income moved, and with it salary_band and spending: in the reference they go toget"
    )
    assert told[1].sentence == "age moved on its own."


def test_a_link_through_a_column_that_did_not_move_makes_no_story():
    told = stories(moved(salary_band=0.2, age=0.1), associations(world()))
    assert [story.columns for story in told] == [("salary_band",), ("age",)]


def test_the_weakest_link_is_where_the_group_would_fall_apart():
    rng = np.random.default_rng(3)
    a = rng.normal(size=2_000)
    b = a + 0.4 * rng.normal(size=2_000)
    c = b + 1.2 * rng.normal(size=2_000)
    together = associations({"a": a, "b": b, "c": c})
    (story,) = stories(moved(a=0.3, b=0.2, c=0.1), together)
    assert story.weakest == pytest.approx(max(together.between("a", "c"), together.between("b", "c")))


def test_a_column_that_could_not_be_used_stands_on_its_own():
    together = associations(world())
    assert together.between("constant", "age") == 0
    assert [story.columns for story in stories(moved(constant=0.5), together)] == [("constant",)]


def test_nothing_moved_tells_no_story():
    assert stories([], associations(world(50))) == ()


def test_importance_decides_between_effects_and_a_missing_one_is_average():
    ranked = rank_columns({"a": 0.2, "b": 0.3, "c": 0.1}, {"a": 0.8, "b": 0.2, "c": None})
    assert [column.column for column in ranked] == ["a", "b", "c"]
    assert [column.impact for column in ranked] == pytest.approx([0.16, 0.06, 0.05])
    assert ranked[2].importance is None
    assert [column.column for column in rank_columns({"a": 0.2, "b": 0.3})] == ["b", "a"]


@given(effects=st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 2), min_size=1), order=st.randoms())
def test_the_ranking_does_not_depend_on_the_order_of_columns(effects, order):
    names = list(effects)
    order.shuffle(names)
    assert rank_columns(effects) == rank_columns({name: effects[name] for name in names})


def test_associations_do_not_depend_on_the_order_of_rows_or_the_names_of_categories():
    plain = world(400)
    rows = np.random.default_rng(5).permutation(400)
    renamed = {name: values[rows] for name, values in plain.items()}
    renamed["salary_band"] = np.array([f"band {value}" for value in renamed["salary_band"]], dtype=object)
    first, second = associations(plain), associations(renamed)
    assert second.columns == first.columns
    assert second.values == pytest.approx(first.values)
