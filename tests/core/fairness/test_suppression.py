"""Small groups stay hidden: an attacker with all that is published is let loose on random tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InputError
from core.fairness.suppression import crossed_totals, suppress

BELOW = 4


def possible_values(counts, totals, found, most=2):
    """Of every hidden cell, up to `most` values that some filling has which fits all that is published."""
    n = np.array(counts)
    hidden = [i for i, is_hidden in enumerate(found.hidden) if is_hidden]
    lines = [line for line, gone in zip(totals, found.hidden_totals, strict=True) if not gone]
    left = [int(n[[i for i in line if i in hidden]].sum()) for line in lines]
    seen = {cell: set() for cell in hidden}

    def fill(place, given, remaining):
        if all(len(values) >= most for values in seen.values()):
            return
        if place == len(hidden):
            if not any(remaining):
                for cell, value in zip(hidden, given, strict=True):
                    seen[cell].add(value)
            return
        cell = hidden[place]
        touched = [i for i, line in enumerate(lines) if cell in line]
        last = [i for i in touched if not any(other in lines[i] for other in hidden[place + 1 :])]
        top = min((remaining[i] for i in touched), default=3)
        for value in [remaining[last[0]]] if last else range(top + 1):
            after = [r - value if i in touched else r for i, r in enumerate(remaining)]
            if min(after, default=0) >= 0 and not any(after[i] for i in last):
                fill(place + 1, [*given, value], after)

    fill(0, [], left)
    return seen


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_no_hidden_group_follows_from_the_total(counts):
    totals = [list(range(len(counts)))]
    found = suppress(counts, totals, below=BELOW)
    assert all(is_hidden for n, is_hidden in zip(counts, found.hidden, strict=True) if 0 < n < BELOW)
    assert all(len(values) > 1 for values in possible_values(counts, totals, found).values())
    if found.n_hidden and not found.hidden_totals[0]:
        assert sum(n for n, is_hidden in zip(counts, found.hidden, strict=True) if is_hidden) >= BELOW


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 3), st.data())
def test_no_hidden_cell_follows_from_rows_columns_and_the_total(n_rows, data):
    counts = data.draw(st.lists(st.integers(0, 7), min_size=2 * n_rows, max_size=2 * n_rows))
    totals = crossed_totals(n_rows, 2)
    found = suppress(counts, totals, below=BELOW)
    assert all(is_hidden for n, is_hidden in zip(counts, found.hidden, strict=True) if 0 < n < BELOW)
    assert all(len(values) > 1 for values in possible_values(counts, totals, found).values())


def test_nothing_is_hidden_that_need_not_be():
    assert suppress([120, 90, 35, 60], [[0, 1, 2, 3]], below=10).n_hidden == 0
    assert suppress([120, 0, 35], [[0, 1, 2]], below=10).words == ""
    two_small = suppress([120, 7, 5, 60], [[0, 1, 2, 3]], below=10)
    assert (two_small.hidden, two_small.words) == (
        (False, True, True, False),
        "2 groups of fewer than 10 rows hidden.",
    )
    one = suppress([120, 4, 35, 60], [[0, 1, 2, 3]], below=10)
    assert one.words == "1 group of fewer than 10 rows hidden, and 1 more that a total would have given away."


def test_where_there_is_nobody_to_hide_with_the_total_is_hidden():
    found = suppress([4, 0, 0], [[0, 1, 2]], below=10)
    assert (found.hidden, found.hidden_totals) == ((True, False, False), (True,))


def test_two_blocks_joined_by_one_cell_do_not_give_that_cell_away():
    # each row and column has two hidden cells, yet the joining one would follow: it is on no cycle
    counts = [3, 3, 50, 50, 3, 3, 3, 50, 50, 50, 3, 3, 50, 50, 3, 3]
    totals = crossed_totals(4, 4)
    found = suppress(counts, totals, below=BELOW)
    assert found.n_hidden > found.n_small
    assert all(len(values) > 1 for values in possible_values(counts, totals, found).values())


def test_what_is_no_table_is_refused():
    for counts, totals in (([-1, 3], [[0, 1]]), ([1, 3], [[0, 2]])):
        with pytest.raises(InputError, match="totals of cells that exist"):
            suppress(counts, totals, below=10)
