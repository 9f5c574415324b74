"""What an audit costs from counts, beside Fairlearn's MetricFrame on the same million rows, in the same run."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, selection_rate, true_positive_rate

from core.fairness.gaps import Audit, audit
from core.fairness.groups import group_rates
from core.fairness.policy import DEFAULT_POLICY

pytestmark = pytest.mark.bench

N = 1_000_000
SIZES = {"sex": 3, "age": 6, "region": 6}  # groups
METRICS = {  # three of the eleven rates that the audit has; each further one costs Fairlearn as much again
    "selection_rate": selection_rate,
    "true_positive_rate": true_positive_rate,
    "false_positive_rate": false_positive_rate,
}
CROSSINGS = [c for depth in (1, 2, 3) for c in combinations(SIZES, depth)]


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({name: rng.integers(0, n, N, dtype=np.int8) for name, n in SIZES.items()})
    frame["label"] = rng.random(N) < 0.3
    frame["said"] = rng.random(N) < np.where(frame["label"], 0.7, 0.2)
    return frame.astype({"label": np.int8, "said": np.int8})


def tables(rows: pd.DataFrame) -> dict[tuple[str, ...], np.ndarray]:
    """The counts of every attribute and crossing: prediction x label x group, none missing."""
    found = {}
    for crossing in CROSSINGS:
        cell = (rows["said"].to_numpy(np.int64) * 2 + rows["label"].to_numpy()).copy()
        for name in crossing:
            cell = cell * SIZES[name] + rows[name].to_numpy()
        n_groups = int(np.prod([SIZES[name] for name in crossing]))
        table = np.zeros((3, 3, n_groups), dtype=np.int64)
        table[:2, :2] = np.bincount(cell, minlength=4 * n_groups).reshape(2, 2, n_groups)
        found[crossing] = table
    return found


def whole_audit(counts: dict[tuple[str, ...], np.ndarray]) -> list[Audit]:
    """Three attributes as one family, with the permutation test, and each crossing as a family of its own."""

    def rates(crossing: tuple[str, ...]) -> object:
        names = tuple(str(number) for number in range(counts[crossing].shape[2]))
        return group_rates(counts[crossing], group_names=names, positive=1, favourable=1)

    attributes = {c[0]: rates(c) for c in CROSSINGS if len(c) == 1}
    audits = [audit(attributes, policy=DEFAULT_POLICY, n_permutations=9_999)]
    return audits + [audit({" x ".join(c): rates(c)}, policy=DEFAULT_POLICY) for c in CROSSINGS if len(c) > 1]


def frames(rows: pd.DataFrame) -> list[MetricFrame]:
    """The same groups by Fairlearn: rates alone, without an interval or a test."""
    return [
        MetricFrame(metrics=METRICS, y_true=rows["label"], y_pred=rows["said"], sensitive_features=rows[list(crossing)])
        for crossing in CROSSINGS
    ]


def seconds(call: Callable[[], object]) -> tuple[float, object]:
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def test_a_whole_audit_of_a_million_rows_costs_at_most_a_hundredth_of_fairlearns_rates(rows, tell):
    counting, counts = seconds(lambda: tables(rows))
    auditing, audits = seconds(lambda: whole_audit(counts))
    peer, of_rows = seconds(lambda: frames(rows))
    again, _ = seconds(lambda: whole_audit(counts))
    auditing = min(auditing, again)
    selected = next(m for m in audits[0].measures["sex"] if m.measure == "selection_rate_difference" and not m.segment)
    assert selected.value == pytest.approx(of_rows[0].difference()["selection_rate"], abs=1e-12)
    n_groups = sum(counts[crossing].shape[2] for crossing in CROSSINGS)
    told = f"{N:,} rows, {len(CROSSINGS)} attributes and crossings, {n_groups} groups: an audit from counts"
    tell(
        f"{told} {auditing:.2f} s of CPU (11 rates, intervals, tests, verdicts), counting {counting:.2f} s once; "
        f"3 rates by MetricFrame {peer:.2f} s: {peer / auditing:.1f} times the audit, "
        f"{peer / (auditing + counting):.1f} times both"
    )
    assert auditing < peer / 100
