"""Each case in which an estimate is withheld, and that none is where there is no cause."""

from __future__ import annotations

import numpy as np
import pytest

from core.measure import Interval, Status
from core.performance.binary import BinaryCounts
from core.performance.measures import estimate
from core.performance.refusal import Case, reasons, support_of, too_wide, withheld
from core.stats.binning import N_SPECIAL, NumericBins, Special

ENDS = tuple((np.arange(20) + 0.5) / 20)
BINS = NumericBins(ends=ENDS, low=ENDS[0], exact=True)


def counted(by_bin: list[int], *, label: int = 0, **special: int) -> BinaryCounts:
    """Rows by score bin, then by what is no regular score; label 2 is none yet."""
    joint = np.zeros((20 + N_SPECIAL, 3, 3), dtype=np.int64)
    joint[:20, 0, label] = by_bin
    for name, n in special.items():
        joint[20 + Special[name.upper()], 0, label] = n
    return BinaryCounts(joint=joint, classes=("no", "yes"), positive=1, score_bins=BINS)


def cases(**given: object) -> list[Case]:
    return [refusal.case for refusal in reasons(**given)]


def test_nothing_is_refused_without_a_cause() -> None:
    support = support_of(counted([50] * 20), counted([10] * 20, label=2))
    assert (support.thin, support.outside, support.unscored) == (0, 0, 0)
    assert not reasons(support=support)


@pytest.mark.parametrize(("n_thin", "refused"), [(10, []), (11, [Case.THIN_SUPPORT])])
def test_more_than_a_twentieth_of_the_rows_where_the_reference_is_thin_is_too_many(n_thin: int, refused: list) -> None:
    reference = counted([50] * 19 + [29])
    window = counted([200 - n_thin] + [0] * 18 + [n_thin], label=2)
    assert cases(support=support_of(reference, window)) == refused


@pytest.mark.parametrize("kind", ["above", "below", "missing", "invalid"])
def test_rows_without_a_score_of_the_reference_are_no_support(kind: str) -> None:
    window = counted([90] + [0] * 19, label=2, **{kind: 10})
    found = reasons(support=support_of(counted([50] * 20), window))
    assert [refusal.case for refusal in found] == [Case.THIN_SUPPORT]
    assert found[0].words.startswith("10% of the window's rows have ")


def test_labels_that_contradict_the_reference_withdraw_the_estimate_from_a_window_on() -> None:
    [refusal] = reasons(concept_since="2026-W31")
    assert (refusal.case, refusal.since) == (Case.CONCEPT_CHANGED, "2026-W31")
    shown = estimate("estimated_recall", 0.5, 40, interval=Interval(low=0.3, high=0.7), convention="c")
    [void] = withheld([shown], [refusal])
    assert (void.value, void.interval, void.status, void.why) == (None, None, Status.UNDEFINED, refusal.words)


def test_only_the_measure_that_is_too_wide_is_withheld() -> None:
    wide = estimate("estimated_recall", 0.5, 40, interval=Interval(low=0.3, high=0.7), convention="c")
    narrow = estimate("estimated_accuracy", 0.5, 40, interval=Interval(low=0.45, high=0.55), convention="c")
    refusals = too_wide([wide, narrow], {"estimated_recall": 0.2, "estimated_accuracy": 0.2})
    assert [m.value for m in withheld([wide, narrow], refusals)] == [None, 0.5]


def test_other_cases_say_what_they_are() -> None:
    assert cases(has_scores=False) == [Case.NO_CLASS_SCORES]
    assert cases(selective="Only approved rows get labels.") == [Case.SELECTIVE_LABELS]
