"""Parity inside strata: published pooling of COMPAS, a paradox undone, and strata that say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.fairness.conditional import conditional_gaps
from tests.core.fairness.tables import selections

AGES = {  # ProPublica's COMPAS: rows and Medium or High, by age_cat
    "25 - 45": {"African-American": (2194, 1281), "Caucasian": (1312, 500)},
    "over 45": {"African-American": (582, 247), "Caucasian": (752, 117)},
    "under 25": {"African-American": (920, 646), "Caucasian": (390, 237)},
}


def strata_of(table):
    return {name: selections(groups) for name, groups in table.items()}


def test_compas_by_age_is_the_published_pooling():
    first, second = conditional_gaps(strata_of(AGES), attribute="race")
    assert first.group == "African-American"
    assert first.pooled.odds_ratio == pytest.approx(2.34132770, abs=1e-8)
    assert first.pooled.statistic == pytest.approx(238.054637, abs=1e-6)
    assert first.crude == pytest.approx(2174 / 3696 - 854 / 2454)
    assert second.crude == pytest.approx(-first.crude)
    assert second.pooled.risk_difference == pytest.approx(-first.pooled.risk_difference)
    assert first.p_value == second.p_value == first.pooled.p_value
    assert (first.n, first.n_strata, first.changes_sides) == (3696, 3, False)


def test_a_gap_that_the_mix_alone_makes_is_gone_inside_the_strata():
    """Berkeley 1973: women apply where few are admitted."""
    departments = {
        "A": {"men": (825, 512), "women": (108, 89)},
        "B": {"men": (560, 353), "women": (25, 17)},
        "C": {"men": (325, 120), "women": (593, 202)},
        "D": {"men": (417, 138), "women": (375, 131)},
        "E": {"men": (191, 53), "women": (393, 94)},
        "F": {"men": (373, 22), "women": (341, 24)},
    }
    men, women = conditional_gaps(strata_of(departments), attribute="sex")
    assert women.crude < -0.13
    assert women.pooled.risk_difference > 0
    assert women.changes_sides
    assert men.pooled.odds_ratio == pytest.approx(0.9046968, abs=1e-7)  # R: mantelhaen.test(UCBAdmissions), 0.9046968
    assert women.p_value > 0.1
    assert "inside the same stratum" in women.why


def test_a_stratum_of_one_group_alone_says_nothing():
    table = AGES | {"nobody else": {"African-American": (50, 10)}}
    first = conditional_gaps(strata_of(table), attribute="race")[0]
    assert first.pooled.odds_ratio == pytest.approx(2.34132770, abs=1e-8)
    assert (first.pooled.n_left_out, first.pooled.n_strata, first.n_strata) == (50, 3, 4)
    alone = conditional_gaps(strata_of({"x": {"a": (50, 10)}}), attribute="race")[0]
    assert (alone.crude, alone.p_value) == (None, None)
    assert alone.why == "a: no stratum holds rows of this group and of others."
    with pytest.raises(InputError, match="at least one stratum"):
        conditional_gaps({}, attribute="race")


def test_holm_is_over_the_groups():
    rng = np.random.default_rng(0)
    table = {
        s: {g: (300, int(rng.binomial(300, p))) for g, p in zip("abc", (0.3, 0.33, 0.38), strict=True)} for s in "xy"
    }
    found = conditional_gaps(strata_of(table), attribute="g")
    least = min(found, key=lambda gap: gap.pooled.p_value)
    assert least.p_value == pytest.approx(min(1.0, 3 * least.pooled.p_value))
