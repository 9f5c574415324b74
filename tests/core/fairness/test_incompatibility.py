"""What cannot hold together: Chouldechova's identity on COMPAS, and when nothing is said."""

from __future__ import annotations

import pytest

from core.fairness.incompatibility import incompatibility
from tests.core.fairness.tables import COMPAS, TWO_RACES, binary_rates


def test_the_forced_false_positive_rates_follow_from_the_identity_that_the_rates_themselves_obey():
    for tp, fp, fn, tn in COMPAS.values():
        base, ppv, fnr = (tp + fn) / (tp + fp + fn + tn), tp / (tp + fp), fn / (tp + fn)
        assert fp / (fp + tn) == pytest.approx(base / (1 - base) * (1 - ppv) / ppv * (1 - fnr))
    found = incompatibility(binary_rates(TWO_RACES))
    assert (found.low.group, found.high.group, found.holds) == ("Caucasian", "African-American", True)
    tp, fp, fn, _ = (sum(cells) for cells in zip(*TWO_RACES.values(), strict=True))
    ppv, fnr = tp / (tp + fp), fn / (tp + fn)
    for base, forced in zip((0.393643, 0.514340), found.forced, strict=True):
        assert forced == pytest.approx(base / (1 - base) * (1 - ppv) / ppv * (1 - fnr), rel=1e-5)
    assert "can't all hold" in found.words
    assert "false positive rate would be 26.1% in Caucasian and 42.6%" in found.words


def test_where_base_rates_may_be_equal_nothing_is_said_to_exclude_anything():
    alike = {"a": (80, 40, 20, 60), "b": (78, 41, 22, 59)}
    found = incompatibility(binary_rates(alike))
    assert found.holds is False
    assert "chance may explain that" in found.words
    thin = incompatibility(binary_rates({"a": (8, 4, 2, 6), "b": (300, 100, 100, 500)}))
    assert (thin.holds, thin.forced) == (None, None)
    assert "Fewer than two groups have labels enough" in thin.words


def test_a_model_that_errs_never_can_have_everything():
    found = incompatibility(binary_rates({"a": (300, 0, 0, 700), "b": (600, 0, 0, 400)}))
    assert found.holds is False
    assert "errs never" in found.words
