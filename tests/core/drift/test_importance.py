"""Importances from a surrogate: of what drives the target, of any kind, or none where it explains nothing."""

from __future__ import annotations

import numpy as np
import pytest

from core.drift.importance import surrogate_importance

N = 900


def features(rng: np.random.Generator, n: int = N) -> dict[str, np.ndarray]:
    return {
        "strong": rng.normal(size=n),
        "weak": rng.normal(size=n),
        "colour": np.array(["red", "green", "blue", None], dtype=object)[rng.integers(0, 4, n)],
        "noise": rng.normal(size=n),
        "constant": np.zeros(n),
    }


def signal(columns: dict[str, np.ndarray]) -> np.ndarray:
    return 2 * columns["strong"] + 0.7 * columns["weak"] + 1.5 * (columns["colour"] == "red")


@pytest.mark.parametrize(
    ("kind", "measure"),
    [
        ("number", "surrogate_r2"),
        ("classes", "surrogate_auc"),
        ("codes", "surrogate_auc"),
        ("bands", "surrogate_log_loss_explained"),
    ],
)
def test_what_drives_the_target_is_found_whatever_the_target_is(kind, measure):
    rng = np.random.default_rng(1)
    columns = features(rng)
    given = signal(columns)
    target = {
        "number": given,
        "classes": np.where(given > 0, "yes", "no").astype(object),
        "codes": (given > 0).astype(np.int64),
        "bands": np.array(["low", "mid", "high"], dtype=object)[np.digitize(given, [-1, 1.5])],
    }[kind]
    found = surrogate_importance(columns, target, rng=rng)
    assert found.is_enough
    assert found.explained.measure == measure
    assert found.explained.interval.low <= found.explained.value <= found.explained.interval.high
    assert found.columns[0].column == "strong"
    assert sum(column.importance for column in found.columns) == pytest.approx(1)
    assert found.of("strong") > found.of("weak") > found.of("noise")
    assert found.of("noise") < 0.03
    assert [column.column for column in found.unusable] == ["constant"]
    assert found.of("constant") is None


def test_r2_is_what_a_held_out_sample_shows():
    rng = np.random.default_rng(2)
    columns = features(rng, 3_000)
    noise = rng.normal(size=3_000) * signal(columns).std()
    found = surrogate_importance(columns, signal(columns) + noise, rng=rng)
    assert found.explained.value == pytest.approx(0.5, abs=0.08)  # half of the variance is noise


@pytest.mark.parametrize(
    ("target", "why"),
    [
        (lambda rng: rng.normal(size=N), "explains too little"),
        (lambda rng: np.zeros(N), "one value only"),
        (lambda rng: np.full(N, np.nan), "there are 0"),
        (lambda rng: np.array([f"id {k}" for k in range(N)], dtype=object), "900 classes"),
        (lambda rng: np.array(["a"] * (N - 3) + ["b"] * 3, dtype=object), "fewer than 10 rows"),
    ],
)
def test_a_target_that_cant_be_learned_gives_no_importances_and_says_why(target, why):
    rng = np.random.default_rng(3)
    found = surrogate_importance(features(rng), target(rng), rng=rng)
    assert not found.is_enough
    assert found.columns == ()
    assert why in found.why
    assert found.of("strong") is None


def test_too_few_rows_no_columns_and_missing_targets():
    rng = np.random.default_rng(4)
    few = surrogate_importance(features(rng, 50), rng.normal(size=50), rng=rng)
    assert "200 rows" in few.why
    assert "No feature" in surrogate_importance({"c": np.ones(N)}, rng.normal(size=N), rng=rng).why
    columns = features(rng)
    gappy = np.where(rng.uniform(size=N) < 0.3, np.inf, signal(columns))
    found = surrogate_importance(columns, gappy, rng=rng)
    assert found.is_enough
    assert found.n == np.isfinite(gappy).sum()
    with pytest.raises(ValueError, match="the target 5"):
        surrogate_importance(columns, np.ones(5), rng=rng)


def test_the_same_seed_gives_the_same_importances():
    columns = features(np.random.default_rng(5))
    first, second = (surrogate_importance(columns, signal(columns), rng=np.random.default_rng(6)) for _ in range(2))
    assert first == second
