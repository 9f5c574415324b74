"""The change of a gap split: the parts sum to it, name the right culprit, and their intervals cover."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.fairness.decomposition import decompose_gap

NAMES = ("a", "b", "c")


def table(n, base, chance):
    """Expected counts: rows by group, base rates, and the chance of selection by (label, group)."""
    counts = np.zeros((3, 3, len(n)))
    for g, size in enumerate(n):
        for label, share in ((1, base[g]), (0, 1 - base[g])):
            counts[1, label, g] = size * share * chance[label][g]
            counts[0, label, g] = size * share * (1 - chance[label][g])
    return counts


def split(before, after, group="a", seed=0, **options):
    before, after = (np.asarray(x).round().astype(np.int64) for x in (before, after))
    return decompose_gap(
        before,
        after,
        group_names=NAMES,
        group=group,
        positive=1,
        favourable=1,
        rng=np.random.default_rng(seed),
        **options,
    )


N, BASE, CHANCE = (4000, 3000, 2000), (0.3, 0.4, 0.5), {1: (0.8, 0.8, 0.7), 0: (0.2, 0.2, 0.3)}


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(12, 400), min_size=24, max_size=24))
def test_the_parts_sum_to_the_change_of_the_gap(counts):
    values = np.array(counts).reshape(2, 2, 2, 3)
    tables = np.zeros((2, 3, 3, 3), dtype=np.int64)
    tables[:, :2, :2] = values
    found = split(*tables, n_draws=20)
    assert sum(part.value for part in found.parts) == pytest.approx(found.change, abs=1e-9)
    for tables_of, gap in zip(tables, (found.before, found.after), strict=True):
        own, rest = (
            tables_of[1, :2, 0].sum() / tables_of[:2, :2, 0].sum(),
            tables_of[1, :2, 1:].sum() / tables_of[:2, :2, 1:].sum(),
        )
        assert gap == pytest.approx(own - rest)


def test_each_cause_alone_is_named_alone():
    before = table(N, BASE, CHANCE)
    causes = {
        "base rate": table(N, (0.2, 0.4, 0.5), CHANCE),
        "group mix": table((4000, 1000, 4000), BASE, CHANCE),
        "model": table(N, BASE, {1: (0.6, 0.8, 0.7), 0: (0.1, 0.2, 0.3)}),
    }
    for cause, after in causes.items():
        found = split(before, after)
        for part in found.parts:
            if part.name == cause:
                assert part.value == pytest.approx(found.change, abs=2e-3)
                assert not part.interval.low <= 0 <= part.interval.high
            else:
                assert part.value == pytest.approx(0.0, abs=2e-3)
                assert part.interval.low <= 0 <= part.interval.high


def test_the_split_is_the_mean_over_all_orders_of_change():
    after = table((3000, 1500, 3500), (0.2, 0.45, 0.5), {1: (0.7, 0.8, 0.75), 0: (0.25, 0.2, 0.2)})
    before = table(N, BASE, CHANCE)

    def gap(base, n, chance):
        selected = [base[g] * chance[1][g] + (1 - base[g]) * chance[0][g] for g in range(3)]
        rest = (n[1] * selected[1] + n[2] * selected[2]) / (n[1] + n[2])
        return selected[0] - rest

    was = (BASE, N, CHANCE)
    now = ((0.2, 0.45, 0.5), (3000, 1500, 3500), {1: (0.7, 0.8, 0.75), 0: (0.25, 0.2, 0.2)})
    parts = np.zeros(3)
    for order in permutations(range(3)):
        state = list(was)
        for factor in order:
            last = gap(*state)
            state[factor] = now[factor]
            parts[factor] += (gap(*state) - last) / 6
    found = split(before, after)
    assert [part.value for part in found.parts] == pytest.approx(parts.tolist(), abs=1e-3)


def test_intervals_cover_the_populations_parts():
    rng = np.random.default_rng(12)
    after_truth = table(N, BASE, {1: (0.72, 0.8, 0.7), 0: (0.16, 0.2, 0.3)})
    before_truth = table(N, BASE, CHANCE)
    truth = {part.name: part.value for part in split(before_truth, after_truth, n_draws=10).parts}
    covered = dict.fromkeys(truth, 0)
    for run in range(120):
        drawn = [rng.multinomial(1500, t.reshape(-1) / t.sum()).reshape(t.shape) for t in (before_truth, after_truth)]
        for part in split(*drawn, seed=run, n_draws=200).parts:
            covered[part.name] += part.interval.low <= truth[part.name] <= part.interval.high
    assert all(0.89 <= hits / 120 <= 1 for hits in covered.values()), covered


def test_without_rows_enough_nothing_is_split():
    found = split(table((10, 300, 300), BASE, CHANCE), table(N, BASE, CHANCE))
    assert (found.parts, found.change is None) == ((), False)
    assert "Fewer than 30 rows" in found.why
    empty = split(np.zeros((3, 3, 3)), table(N, BASE, CHANCE))
    assert (empty.before, empty.change) == (None, None)
    with pytest.raises(InputError, match="No group 'd'"):
        split(table(N, BASE, CHANCE), table(N, BASE, CHANCE), group="d")
