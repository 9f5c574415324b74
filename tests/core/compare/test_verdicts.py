"""The verdict follows the interval: where it lies against 0 and the margin."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.compare.verdicts import Verdict, in_words, judge, verdict_words
from core.measure import Interval

MARGIN = 0.02


@pytest.mark.parametrize(
    ("low", "high", "verdict", "words"),
    [
        (0.01, 0.03, Verdict.BETTER, "all of it is better"),
        (0.001, 0.01, Verdict.BETTER, "all of it is better"),
        (-0.01, 0.03, Verdict.NO_WORSE, "worse by at most the margin of 2.0 points"),
        (-0.02, -0.01, Verdict.NO_WORSE, "all of it is worse, but within the margin"),
        (0.0, 0.0, Verdict.NO_WORSE, "worse by at most"),
        (-0.03, -0.01, Verdict.WORSE, "all of it is worse, and it reaches beyond the margin"),
        (-0.05, -0.03, Verdict.WORSE, "all of it is worse by more than the margin"),
        (-0.03, 0.0, Verdict.CANNOT_TELL, "it holds 0 and reaches beyond the margin"),
        (-0.03, 0.05, Verdict.CANNOT_TELL, "it holds 0 and reaches beyond the margin"),
    ],
)
def test_a_measure_with_a_better_direction(low: float, high: float, verdict: Verdict, words: str) -> None:
    up, down = Interval(low=low, high=high), Interval(low=-high, high=-low)
    assert judge(up, margin=MARGIN, higher_is_better=True) is verdict
    assert judge(down, margin=MARGIN, higher_is_better=False) is verdict
    middle = (low + high) / 2
    assert words in verdict_words("recall", middle, up, margin=MARGIN, higher_is_better=True)
    assert words in verdict_words("false_positive_rate", -middle, down, margin=MARGIN, higher_is_better=False)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (-0.01, 0.02, Verdict.SAME),
        (0.005, 0.02, Verdict.SAME),
        (0.005, 0.021, Verdict.CHANGED),
        (-0.04, -0.03, Verdict.CHANGED),
        (-0.01, 0.03, Verdict.CANNOT_TELL),
    ],
)
def test_a_measure_without_one_is_the_same_or_changed(low: float, high: float, verdict: Verdict) -> None:
    assert judge(Interval(low=low, high=high), margin=MARGIN, higher_is_better=None) is verdict


@given(low=st.floats(-1, 1), width=st.floats(0, 1), margin=st.floats(0, 0.5))
def test_no_verdict_is_good_news_if_the_interval_holds_harm_beyond_the_margin(
    low: float, width: float, margin: float
) -> None:
    interval = Interval(low=low, high=low + width)
    good = judge(interval, margin=margin, higher_is_better=True) in (Verdict.BETTER, Verdict.NO_WORSE)
    assert good == (interval.low >= -margin)


def test_numbers_in_words_drop_a_sign_that_rounding_made_meaningless() -> None:
    assert in_words("recall", -0.0001) == "0.0 points"
    assert in_words("bias", -12345.678) == "−1.235e+04"
    assert in_words("log_loss", 0.0004) == "0.000"
