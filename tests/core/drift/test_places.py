"""Where a column moved: 'only' is said only where the rest is proven, and chance rarely names a segment."""

from __future__ import annotations

import numpy as np
import pytest

from core.drift.places import deployment_shift, where_moved
from core.drift.verdict import Verdict
from core.stats.binning import CategoryBins, Special

BINS = CategoryBins(categories=("a", "b", "c"))
PAD = np.zeros(len(Special), dtype=np.int64)


def counts(*regular: int) -> np.ndarray:
    return np.append(regular, PAD)


SAME, MOVED, FEW = counts(5_000, 3_000, 2_000), counts(2_000, 3_000, 5_000), counts(9, 6, 4)
REFERENCE = {"North": SAME, "South": SAME, "East": SAME}


def test_only_one_region_moved():
    where = where_moved(REFERENCE, {"North": MOVED, "South": SAME, "East": SAME}, BINS)
    assert where.is_only
    assert where.having(Verdict.DRIFT) == ("North",)
    assert where.sentence == "Moved only in North (w 0.79). Proven stable in South and East (w below 0.1)."


def test_a_region_with_too_few_rows_takes_the_only_away():
    where = where_moved(REFERENCE, {"North": MOVED, "South": SAME, "East": FEW}, BINS)
    assert not where.is_only
    assert where.sentence.startswith(
        "Moved in North (w 0.79). Proven stable in South (w below 0.1). Not certain either way"
    )
    assert "East (n 19, about " in where.sentence


def test_everywhere_and_nowhere():
    everywhere = where_moved(REFERENCE, dict.fromkeys(REFERENCE, MOVED), BINS)
    assert everywhere.sentence == "Moved everywhere: North (w 0.79), South (w 0.79) and East (w 0.79)."
    nowhere = where_moved(REFERENCE, REFERENCE, BINS)
    assert nowhere.sentence == "Proven stable everywhere (w below 0.1 in North, South and East)."
    assert where_moved({}, {}, BINS).sentence == "There is nothing to compare."


def test_a_segment_that_vanished_or_is_new_is_not_certain():
    where = where_moved({"North": SAME, "South": SAME}, {"North": SAME, "West": MOVED}, BINS)
    assert set(where.having(Verdict.INCONCLUSIVE)) == {"South", "West"}


def test_many_segments_are_named_up_to_five():
    reference = {f"s{place}": SAME for place in range(9)}
    where = where_moved(reference, dict.fromkeys(reference, MOVED), BINS)
    assert where.sentence.endswith("and 4 more.")


def test_chance_names_a_wrong_segment_in_at_most_5_of_100_windows():
    rng, p = np.random.default_rng(6), np.array([0.5, 0.3, 0.2])
    wrong = 0
    for _ in range(150):
        reference = {f"s{place}": counts(*rng.multinomial(4_000, p)) for place in range(10)}
        current = {name: counts(*rng.multinomial(400, p)) for name in reference}
        where = where_moved(reference, current, BINS)
        wrong += bool(where.having(Verdict.DRIFT, Verdict.MINOR))
    assert wrong / 150 <= 0.1


@pytest.mark.parametrize(
    ("after", "said"),
    [
        (MOVED, "Moved when v7 was deployed (w 0.79, 7 windows before and 7 after)."),
        (SAME, "Proven stable across the deployment of v7 (w below 0.1, 7 windows before and 7 after)."),
        (FEW, "Whether it moved when v7 was deployed is not certain (7 windows before and 7 after): w 0.00, nothing"),
        (counts(5_250, 3_000, 1_750), "Proven stable across"),
        (counts(560, 290, 150), "Moved when v7 was deployed, not certainly by more than the margin (w 0.1"),
    ],
)
def test_a_deployment_is_compared_before_and_after(after, said):
    where = deployment_shift(SAME, after, BINS, version="v7", n_before=7, n_after=7)
    assert where.sentence.startswith(said)
