"""Whether features give a protected attribute away: a proxy is found and named, noise is not."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.fairness.proxies import proxy_check


def check(features, codes, names=("f", "m"), **options):
    columns = [f"x{i}" for i in range(features.shape[1])]
    return proxy_check(features, columns, codes, names, attribute="sex", seed=1, **options)


def test_features_that_know_nothing_have_the_area_of_chance():
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(2):
        found = check(rng.normal(size=(500, 3)), rng.integers(0, 2, 500))
        assert len(found.groups) == 2
        inside += all(group.interval.low <= 0.55 for group in found.groups)
    assert inside == 2
    assert max(feature.importance for feature in found.features) < 0.08


def test_a_proxy_that_only_two_features_together_make_is_found_where_each_alone_tells_nothing():
    rng = np.random.default_rng(3)
    x = rng.normal(size=(1500, 3))
    found = check(x, ((x[:, 0] > 0) ^ (x[:, 1] > 0)).astype(int))
    assert found.groups[0].value > 0.9
    assert {feature.feature for feature in found.features[:2]} == {"x0", "x1"}
    assert all(feature.alone < 0.6 for feature in found.features)
    assert "most by x" in found.words


def test_unknown_rows_and_small_groups_take_no_part():
    rng = np.random.default_rng(4)
    codes = rng.choice([-1, 0, 1, 2], 900, p=[0.1, 0.5, 0.38, 0.02])
    x = (codes[:, None] == 1) + rng.normal(0, 0.4, (900, 1))
    x[::9] = np.nan
    found = check(x, codes, names=("a", "b", "c"))
    assert [group.group for group in found.groups] == ["a", "b"]
    assert found.n == ((codes == 0) | (codes == 1)).sum()
    assert found.groups[1].value > 0.85
    alone = check(x, np.zeros(900, dtype=int), names=("a",))
    assert (alone.groups, alone.words[:22]) == ((), "Fewer than two groups ")
    with pytest.raises(InputError, match="need features"):
        proxy_check(x, ["one", "two"], codes, ["a"], attribute="sex", seed=1)


def test_the_same_seed_gives_the_same_answer():
    rng = np.random.default_rng(5)
    x, codes = rng.normal(size=(300, 2)), rng.integers(0, 2, 300)
    assert check(x, codes) == check(x, codes)
