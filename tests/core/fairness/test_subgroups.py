"""The worst subgroups: what is planted is found and confirmed, what is noise is not, effects aren't flattered."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.fairness.subgroups import Codes, worst_subgroups


def columns_of(rng, n, n_columns=6, n_values=4):
    return {
        f"c{i}": Codes(codes=rng.integers(0, n_values, n), names=tuple(f"v{j}" for j in range(n_values)))
        for i in range(n_columns)
    }


def halves(rng, n):
    return rng.permutation(n) < n // 2


def test_noise_is_hardly_ever_confirmed_though_hundreds_are_looked_at():
    rng = np.random.default_rng(2)
    any_confirmed = looked_at = flattered = 0
    for _ in range(40):
        columns = columns_of(rng, 3000)
        scan = worst_subgroups(columns, rng.random(3000) < 0.2, first_half=halves(rng, 3000))
        any_confirmed += any(each.is_confirmed for each in scan.subgroups)
        looked_at = scan.n_looked_at
        flattered += np.mean([each.found_difference > 0.03 for each in scan.subgroups] or [0])
    assert looked_at == 6 * 4 + 15 * 16
    assert any_confirmed <= 6  # at a rate of 10%, 4 are expected at most
    assert flattered > 20, "what was found on one half alone looks bad nearly always"


def test_what_is_planted_at_depth_three_is_found_and_its_effect_is_not_flattered():
    rng = np.random.default_rng(5)
    found, effects = 0, []
    for _ in range(12):
        columns = columns_of(rng, 6000, n_columns=5, n_values=2)
        inside = (columns["c0"].codes == 1) & (columns["c1"].codes == 0) & (columns["c2"].codes == 1)
        wrong = rng.random(6000) < np.where(inside, 0.35, 0.15)
        scan = worst_subgroups(columns, wrong, first_half=halves(rng, 6000), depth=3)
        best = scan.subgroups[0]
        found += best.is_confirmed and dict(best.where).items() >= {"c0": "v1"}.items() and len(best.where) == 3
        planted = [each for each in scan.subgroups if each.name == "c0 = v1 and c1 = v0 and c2 = v1"]
        effects += [each.difference for each in planted]
    assert found >= 11
    assert np.mean(effects) == pytest.approx(0.2, abs=0.02)


def test_the_second_half_alone_gives_rate_difference_and_interval():
    rng = np.random.default_rng(6)
    columns = columns_of(rng, 4000, n_columns=2)
    eligible = rng.random(4000) < 0.6
    chosen = rng.random(4000) < np.where(columns["c0"].codes == 2, 0.2, 0.5)
    first = halves(rng, 4000)
    scan = worst_subgroups(columns, chosen, first_half=first, eligible=eligible, higher_is_worse=False, depth=1)
    best = scan.subgroups[0]
    inside = (columns["c0"].codes == 2) & eligible & ~first
    rest = (columns["c0"].codes != 2) & eligible & ~first
    assert best.name == "c0 = v2"
    assert (best.n, best.rate, best.rest) == (inside.sum(), chosen[inside].mean(), chosen[rest].mean())
    assert best.interval.low < best.difference < best.interval.high < 0
    assert best.found_n == ((columns["c0"].codes == 2) & eligible & first).sum()
    assert "confirmed on the other, at a false-discovery rate of 10%" in scan.words


def test_a_subgroup_that_holds_the_same_rows_as_a_simpler_one_is_not_told_twice():
    rng = np.random.default_rng(7)
    base = rng.integers(0, 2, 4000)
    columns = {
        "sex": Codes(codes=base, names=("f", "m")),
        "title": Codes(codes=base, names=("Ms", "Mr")),
        "luck": Codes(codes=rng.integers(0, 2, 4000), names=("0", "1")),
    }
    scan = worst_subgroups(columns, rng.random(4000) < np.where(base == 1, 0.4, 0.1), first_half=halves(rng, 4000))
    assert [each.name for each in scan.subgroups] == ["sex = m"]


def test_thin_subgroups_are_counted_and_nothing_to_find_is_said():
    columns = {"c": Codes(codes=np.repeat([0, 1, 2], [180, 15, 5]), names=("x", "y", "z"))}
    scan = worst_subgroups(columns, np.zeros(200, dtype=bool), first_half=np.arange(200) % 2 == 0)
    assert (scan.subgroups, scan.n_looked_at, scan.n_too_few) == ((), 0, 3)
    assert scan.words == "No subgroup has the 30 rows asked for in the first half."
    even = {"c": Codes(codes=np.arange(400) % 2, names=("x", "y"))}
    scan = worst_subgroups(even, np.zeros(400, dtype=bool), first_half=np.arange(400) < 200)
    assert scan.words == "None of 2 subgroups looked at on one half is surely worse there than all others."
    with pytest.raises(InputError, match="same 3 rows"):
        worst_subgroups(even, np.zeros(3, dtype=bool), first_half=np.zeros(3, dtype=bool))
    with pytest.raises(InputError, match="depth is 1 to 3"):
        worst_subgroups(even, np.zeros(400, dtype=bool), first_half=np.arange(400) < 200, depth=4)
