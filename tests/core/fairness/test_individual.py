"""Inequality of benefits and consistency: published numbers, the definition row by row, and brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InputError
from core.fairness.individual import benefit_inequality, consistency
from tests.core.fairness.tables import COMPAS, TWO_RACES, binary_table, rows_table


def test_compas_gives_the_published_numbers():
    six = benefit_inequality(binary_table(COMPAS.values()), positive=1)
    assert six.generalized_entropy == pytest.approx(0.1699694330, abs=1e-10)
    assert six.theil == pytest.approx(0.2350176339, abs=1e-10)
    assert six.between_groups == pytest.approx(0.0024113218, abs=1e-10)
    two = benefit_inequality(binary_table(TWO_RACES.values()), positive=1)
    assert two.generalized_entropy == pytest.approx(0.1654350010, abs=1e-10)
    assert two.theil == pytest.approx(0.2276492548, abs=1e-10)
    assert two.between_groups == pytest.approx(0.0016260757, abs=1e-10)


def test_the_tests_of_aif360_and_clarify_come_out():
    # AIF360 tests/test_classification_metric.py: 10 rows
    label = [1, 0, 0, 1, 0, 0, 1, 0, 1, 1]
    group = "0011112222"
    first = [1, 0, 0, 0, 1, 1, 1, 0, 1, 0]  # rows 3 and 9 to 0, rows 4 and 5 to 1
    found = benefit_inequality(rows_table(first, label, group)[0], positive=1)
    assert found.generalized_entropy == pytest.approx(0.2)
    assert found.theil == pytest.approx(4 * math.log(2) / 10)
    assert found.between_groups == pytest.approx(0.025)
    second = [0, 1, 1, 0, 0, 0, 0, 1, 1, 1]
    assert benefit_inequality(rows_table(second, label, group)[0], positive=1).generalized_entropy == pytest.approx(0.3)
    # Clarify tests/unit/bias/metrics/test_metrics.py: 12 rows
    y, said = [int(c) for c in "011110001000"], [int(c) for c in "111000110100"]
    found = benefit_inequality(rows_table(said, y, "MFFMFMFFMMFF")[0], positive=1)
    assert found.generalized_entropy == pytest.approx(0.24556213017751485)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.sampled_from("ab")), min_size=2, max_size=40))
def test_entropies_are_their_definition_row_by_row(rows):
    predicted, label, group = (list(column) for column in zip(*rows, strict=True))
    benefit = np.array([p - y + 1 for p, y in zip(predicted, label, strict=True)], dtype=float)
    table, names = rows_table(predicted, label, group)
    if not benefit.sum():
        with pytest.raises(InputError, match="Nobody has a benefit"):
            benefit_inequality(table, positive=1)
        return
    found = benefit_inequality(table, positive=1)
    share = benefit / benefit.mean()
    assert found.generalized_entropy == pytest.approx(((share**2 - 1).mean()) / 2)
    assert found.theil == pytest.approx(np.mean([s * math.log(s) if s else 0.0 for s in share]))
    of_group = {g: share[[x == g for x in group]].mean() for g in names}
    assert found.between_groups == pytest.approx(np.mean([(of_group[g] ** 2 - 1) / 2 for g in group]), abs=1e-12)


def test_consistency_is_that_of_the_nearest_other_rows():
    rng = np.random.default_rng(4)
    features = rng.normal(size=(120, 3)) * [1, 50, 0.01]
    selected = (features[:, 0] + rng.normal(0, 0.5, 120) > 0).astype(int)
    scaled = (features - features.mean(axis=0)) / features.std(axis=0)
    distances = []
    for i in range(120):
        gap = ((scaled - scaled[i]) ** 2).sum(axis=1)
        gap[i] = np.inf
        distances.append(abs(selected[i] - selected[np.argsort(gap)[:5]].mean()))
    found = consistency(features, selected)
    assert found.value == pytest.approx(1 - np.mean(distances))
    assert found.interval.low < found.value < found.interval.high
    with_holes = features.copy()
    with_holes[::7, 1] = np.nan
    assert 0 <= consistency(with_holes, selected).value <= 1
    with pytest.raises(InputError, match="more rows"):
        consistency(features[:5], selected[:5])
