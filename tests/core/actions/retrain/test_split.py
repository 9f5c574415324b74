"""Training lies strictly before calibration, and that before the hold-out, whatever the times are."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.actions.retrain.recipe import Recipe
from core.actions.retrain.split import in_order, split, times_of
from core.errors import InputError

DAY = 86_400_000_000


def recipe(calibration: str = "sigmoid", **holdout: float) -> Recipe:
    return Recipe.from_dict({"estimator": "linear", "calibration": calibration, "holdout": holdout})


@given(
    days=st.lists(st.integers(0, 30), max_size=60).map(sorted),
    calibration=st.sampled_from(["none", "sigmoid"]),
    holdout=st.fixed_dictionaries({"share": st.floats(0.05, 0.5)})
    | st.fixed_dictionaries({"days": st.integers(1, 40)}),
)
def test_each_part_ends_before_the_next_begins_and_together_they_are_all_rows(days, calibration, holdout) -> None:
    times = np.array(days, dtype=np.int64) * DAY
    parts = split(times, recipe(calibration, **holdout), n_rows=times.size)
    pieces = [times[part.rows] for part in (parts.train, parts.calibration, parts.held_out)]
    assert np.concatenate(pieces).tolist() == times.tolist()
    filled = [piece for piece in pieces if piece.size]
    assert all(before.max() < after.min() for before, after in pairwise(filled))
    if calibration == "none":
        assert parts.calibration.n == 0
    if "share" in holdout:
        assert parts.held_out.n >= holdout["share"] * times.size
    else:
        assert pieces[2].tolist() == [time for time in times if time > times[-1] - holdout["days"] * DAY]


def test_the_bounds_of_a_part_are_the_times_of_its_first_and_last_row() -> None:
    parts = split(np.arange(10, dtype=np.int64) * DAY, recipe("none", days=3), n_rows=10)
    assert (parts.train.first_at, parts.train.last_at) == (
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 7, tzinfo=UTC),
    )
    assert parts.held_out.to_dict() == {
        "n": 3,
        "first_at": "1970-01-08T00:00:00+00:00",
        "last_at": "1970-01-10T00:00:00+00:00",
    }


def test_without_times_rows_are_cut_by_their_order_and_days_are_refused() -> None:
    parts = split(None, recipe("none", share=0.25), n_rows=8)
    assert (parts.train.rows, parts.held_out.rows) == (slice(0, 6), slice(6, 8))
    assert parts.held_out.first_at is None
    with pytest.raises(InputError, match=r"use holdout\.share"):
        split(None, recipe(days=3), n_rows=8)


@given(st.permutations(range(12)))
def test_the_order_of_rows_depends_on_their_times_and_ids_alone(order) -> None:
    frame = pd.DataFrame(
        {
            "@id": [f"r{i:02d}" for i in range(12)],
            "@timestamp": pd.to_datetime([i // 3 for i in range(12)], unit="D", utc=True),
        }
    )
    assert in_order(frame.iloc[list(order)])["@id"].tolist() == frame["@id"].tolist()


def test_times_are_read_from_any_zone_and_unit() -> None:
    seconds = pd.Series(pd.to_datetime([1, 2], unit="s", utc=True)).dt.tz_convert("Asia/Tokyo")
    for unit in ("s", "ms", "us", "ns"):
        assert times_of(pd.DataFrame({"@timestamp": seconds.dt.as_unit(unit)})).tolist() == [1_000_000, 2_000_000]
    assert times_of(pd.DataFrame({"@timestamp": [None, None]})) is None


def test_rows_of_which_only_some_have_a_time_are_refused() -> None:
    frame = pd.DataFrame({"@id": ["a", "b"], "@timestamp": pd.to_datetime(["2026-01-01", None], utc=True)})
    with pytest.raises(InputError, match=r"1 of 2 rows have no @timestamp"):
        in_order(frame)
