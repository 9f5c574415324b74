"""What a model may not learn from is left out, counted once, under a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.actions.retrain.eligibility import ExcludedWindow, eligible
from core.errors import InputError

NOW = datetime(2026, 3, 1, tzinfo=UTC)
INCIDENT = ExcludedWindow(start_at=NOW - timedelta(days=70), end_at=NOW - timedelta(days=60), reason="broken feed")

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "@id": st.sampled_from([f"r{i}" for i in range(12)]),
            "age": st.none() | st.integers(-2, 90),
            "@label": st.sampled_from(["yes", "no", None]),
            "known": st.none() | st.integers(-5, 60),
            "@batch": st.integers(1, 4),
            "@variant": st.sampled_from(["shadow", "canary", None]),
        }
    ),
    min_size=1,
    max_size=25,
)


def days_ago(days: list[int | None]) -> pd.Series:
    return pd.to_datetime(
        pd.Series([None if d is None else NOW - timedelta(days=d) for d in days], dtype=object), utc=True
    )


@settings(deadline=None)
@given(ROWS)
def test_rows_are_kept_and_counted_as_a_loop_over_them_would(rows) -> None:
    frame = pd.DataFrame(rows)
    frame["@timestamp"], frame["@label_time"] = (
        days_ago([row["age"] for row in rows]),
        days_ago([r["known"] for r in rows]),
    )
    has_times = any(row["age"] is not None for row in rows)
    windows = [INCIDENT] if has_times else []
    found = eligible(frame, now=NOW, maturity_days=30, retracted={2, 3}, windows=windows)

    counts, kept, seen = dict.fromkeys([item.rule for item in found.exclusions], 0), [], set()
    for place, row in enumerate(rows):
        if row["@batch"] in (2, 3):
            rule = "batch"
        elif row["@variant"] == "shadow":
            rule = "shadow"
        elif has_times and row["age"] is None:
            rule = "no_time"
        elif has_times and 60 < row["age"] <= 70:
            rule = "window"
        elif has_times and row["age"] < 30:
            rule = "immature"
        elif row["@label"] is None or (row["known"] is not None and row["known"] < 0):
            rule = "unlabelled"
        elif row["@id"] in seen:
            rule = "repeated"
        else:
            kept.append(place)
            seen.add(row["@id"])
            continue
        counts[rule] += 1
    assert found.rows.index.tolist() == kept
    told = dict.fromkeys(counts, 0)
    for item in found.exclusions:
        told[item.rule] += item.n
    assert told == counts
    assert found.n_given == found.n + sum(item.n for item in found.exclusions)


def test_reasons_are_told_in_words_also_where_they_hit_nothing() -> None:
    frame = pd.DataFrame({"@id": ["a"], "@label": ["yes"], "@timestamp": days_ago([40]), "@batch": [1]})
    found = eligible(frame, now=NOW, maturity_days=30, retracted=[7], windows=[INCIDENT])
    assert found.to_dict() == {
        "n_given": 1,
        "n": 1,
        "exclusions": [
            {"rule": "batch", "reason": "batch 7 was retracted or quarantined", "n": 0},
            {"rule": "no_time", "reason": "no time", "n": 0},
            {
                "rule": "window",
                "reason": "window 2025-12-21 00:00 to 2025-12-31 00:00 excluded: broken feed",
                "n": 0,
            },
            {"rule": "immature", "reason": "younger than 30 days", "n": 0},
            {"rule": "unlabelled", "reason": "no label", "n": 0},
            {"rule": "repeated", "reason": "prediction id seen before", "n": 0},
        ],
    }


def test_an_early_label_does_not_make_a_young_record_mature() -> None:
    frame = pd.DataFrame({"@id": ["a", "b"], "@label": ["yes", "yes"], "@timestamp": days_ago([30, 29])})
    assert eligible(frame, now=NOW, maturity_days=30).rows["@id"].tolist() == ["a"]


def test_without_any_time_every_labelled_row_counts_as_mature() -> None:
    frame = pd.DataFrame({"@id": ["a", "b"], "@label": [1.5, np.nan]})
    found = eligible(frame, now=NOW, maturity_days=30)
    assert found.rows["@id"].tolist() == ["a"]
    assert "age unknown, taken as mature" in [item.reason for item in found.exclusions]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"now": datetime(2026, 3, 1)}, "now needs a zone"),  # noqa: DTZ001 (that is the point)
        ({"maturity_days": -1}, "can't be negative"),
        ({"retracted": [1]}, "no column @batch"),
        ({"windows": [INCIDENT]}, "needs a @timestamp"),
    ],
)
def test_what_a_rule_lacks_is_said(change, words) -> None:
    frame = pd.DataFrame({"@id": ["a"], "@label": ["yes"]})
    with pytest.raises(InputError, match=words):
        eligible(frame, **{"now": NOW, "maturity_days": 0, **change})


def test_a_window_needs_zones_and_a_length() -> None:
    with pytest.raises(InputError, match="must end after it starts"):
        ExcludedWindow(start_at=NOW, end_at=NOW, reason="")
    with pytest.raises(InputError, match="with a zone"):
        ExcludedWindow(start_at=NOW.replace(tzinfo=None), end_at=NOW, reason="")
