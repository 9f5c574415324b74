"""Shares of classes without labels: by hand, by simulation, and refused or doubted where something else changed."""

from __future__ import annotations

import numpy as np
import pytest

from core.concept.label_shift import label_shift
from core.errors import InputError

EDGES = np.array([-1.0, -0.3, 0.3, 1.0])


def rows(rng: np.random.Generator, n: int, share: float, *, apart: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Scores of two classes that are normal, `apart` from each other, and the labels."""
    y = rng.random(n) < share
    return rng.normal(np.where(y, apart / 2, -apart / 2)), y.astype(int)


def reference_of(score: np.ndarray, y: np.ndarray) -> np.ndarray:
    table = np.zeros((EDGES.size + 1, 2, 2), dtype=np.int64)
    np.add.at(table, (np.searchsorted(EDGES, score), (score > 0).astype(int), y), 1)
    return table


def current_of(score: np.ndarray) -> np.ndarray:
    return reference_of(score, np.zeros(score.size, dtype=int))[:, :, 0]


def test_the_shares_solve_the_published_equations() -> None:
    joint = np.array([[0.63, 0.06], [0.07, 0.24]])
    found = label_shift((joint * 10_000).round().astype(int)[np.newaxis], np.array([[500, 500]]), names=["a", "b"])
    weights = np.linalg.solve(joint, [0.5, 0.5])
    assert [each.weight for each in found.classes] == pytest.approx(weights.tolist())
    assert [each.share for each in found.classes] == pytest.approx((weights * joint.sum(axis=0)).tolist())
    assert sum(each.share for each in found.classes) == pytest.approx(1.0)
    assert (found.holds, found.p_value) == (None, None)
    assert "can't be checked without scores" in found.why


def test_intervals_cover_the_true_share_and_the_check_is_quiet_where_only_labels_shift() -> None:
    """400 runs, each with its own reference."""
    rng = np.random.default_rng(41)
    inside, doubted = 0, 0
    for _ in range(400):
        found = label_shift(
            reference_of(*rows(rng, 3_000, 0.2)), current_of(rows(rng, 1_000, 0.35)[0]), names=["no", "yes"]
        )
        inside += found.classes[1].interval.low <= 0.35 <= found.classes[1].interval.high
        doubted += found.holds is False
    assert inside / 400 == pytest.approx(0.95, abs=0.03)
    assert doubted / 400 == pytest.approx(0.01, abs=0.015)


def test_the_check_speaks_up_where_inputs_have_changed_too() -> None:
    rng = np.random.default_rng(42)
    now = rows(rng, 3_000, 0.35)[0] * 1.5 + 0.4
    found = label_shift(reference_of(*rows(rng, 10_000, 0.2)), current_of(now), names=["no", "yes"])
    assert found.holds is False
    assert found.p_value < 1e-6
    assert found.why.endswith("more than shares has changed.")


def test_its_standard_error_is_that_of_a_bootstrap() -> None:
    rng = np.random.default_rng(43)
    reference, current = reference_of(*rows(rng, 2_000, 0.2)), current_of(rows(rng, 800, 0.4)[0])
    found = label_shift(reference, current, names=["no", "yes"])

    def again() -> float:
        per_label = [
            rng.multinomial(n, reference[..., label].ravel() / n).reshape(reference.shape[:2])
            for label, n in enumerate(reference.sum(axis=(0, 1)))
        ]
        drawn = rng.multinomial(current.sum(), current.ravel() / current.sum()).reshape(current.shape)
        return label_shift(np.stack(per_label, axis=-1), drawn, names=["no", "yes"]).classes[1].share

    spread = np.std([again() for _ in range(300)])
    interval = found.classes[1].interval
    assert (interval.high - interval.low) / 2 / 1.96 == pytest.approx(spread, rel=0.12)


def test_it_refuses_where_classes_can_not_be_told_apart_or_are_rare() -> None:
    blind = label_shift(np.array([[[800, 201], [200, 51]]]), np.array([[500, 500]]), names=["no", "yes"])
    assert blind.classes == ()
    assert "tell the classes apart too little" in blind.why
    assert blind.condition > 50
    rare = label_shift(np.array([[[800, 5], [200, 15]]]), np.array([[500, 500]]), names=["no", "yes"])
    assert rare.why == "The reference has fewer than 30 labelled rows of yes."
    few = label_shift(np.array([[[800, 50], [200, 150]]]), np.array([[5, 5]]), names=["no", "yes"])
    assert few.why == "The window has 10 rows with a prediction; 30 are needed."


def test_a_share_that_comes_out_negative_is_no_label_shift() -> None:
    found = label_shift(np.array([[[600, 100], [400, 900]]]), np.array([[980, 20]]), names=["no", "yes"])
    assert found.classes == ()
    assert "that is no label shift alone" in found.why


def test_three_classes_and_tables_that_do_not_fit() -> None:
    joint = np.array([[[700, 50, 20], [40, 600, 30], [10, 50, 500]]])
    share = np.array([0.5, 0.2, 0.3])
    now = ((joint[0] / joint[0].sum(axis=0)) @ share * 100_000).round().astype(int)
    found = label_shift(joint, now[np.newaxis], names=["a", "b", "c"])
    assert [each.share for each in found.classes] == pytest.approx(share.tolist(), abs=1e-4)
    with pytest.raises(InputError, match="2 classes need tables of shape"):
        label_shift(joint, now[np.newaxis], names=["a", "b"])
