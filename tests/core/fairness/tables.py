"""Tables that the tests of fairness share: published counts, and how counts become rates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.fairness.groups import GroupRates, group_rates

# ProPublica, "Compas Analysis.ipynb", cells 71 to 84: TP, FP, FN, TN; predicted positive is Medium or High
COMPAS = {
    "African-American": (1369, 805, 532, 990),
    "Caucasian": (505, 349, 461, 1139),
    "Hispanic": (103, 87, 129, 318),
    "Other": (43, 36, 90, 208),
    "Asian": (6, 2, 3, 21),
    "Native American": (9, 3, 1, 5),
}
TWO_RACES = {name: COMPAS[name] for name in ("African-American", "Caucasian")}
# 6 RCNY section 5-301, sample table of a selection by race: applicants, selected
LOCAL_LAW_144 = {
    "Hispanic": (408, 204),
    "White": (797, 412),
    "Black": (390, 170),
    "Native Hawaiian or Pacific Islander": (119, 52),
    "Asian": (616, 302),
    "Native American or Alaska Native": (41, 18),
    "Two or more": (213, 96),
}


def binary_table(cells: Any) -> NDArray[np.int64]:
    """Counts (prediction, label, group) of TP, FP, FN, TN by group, without missing values."""
    cells = list(cells)
    table = np.zeros((3, 3, len(cells)), dtype=np.int64)
    for index, (tp, fp, fn, tn) in enumerate(cells):
        table[1, 1, index], table[1, 0, index], table[0, 1, index], table[0, 0, index] = tp, fp, fn, tn
    return table


def binary_rates(cells: Mapping[str, tuple[int, int, int, int]], **options: Any) -> GroupRates:
    return group_rates(binary_table(cells.values()), group_names=tuple(cells), positive=1, favourable=1, **options)


def selections(groups: Mapping[str, tuple[int, int]], **options: Any) -> GroupRates:
    """Rates of a table without labels: n and how many were selected, by group."""
    table = np.zeros((3, 3, len(groups)), dtype=np.int64)
    for index, (n, k) in enumerate(groups.values()):
        table[1, 2, index], table[0, 2, index] = k, n - k
    return group_rates(table, group_names=tuple(groups), positive=1, favourable=1, **options)


def rows_table(prediction: Any, label: Any, group: Any) -> tuple[NDArray[np.int64], list[str]]:
    """The counts of rows, and the names of their groups in order."""
    names = sorted(set(group))
    table = np.zeros((3, 3, len(names)), dtype=np.int64)
    np.add.at(table, (np.asarray(prediction), np.asarray(label), [names.index(name) for name in group]), 1)
    return table, names
