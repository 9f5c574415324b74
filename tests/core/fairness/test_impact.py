"""Impact ratios: the sample tables of New York City's rule, and what it says of the unknown and the few."""

from __future__ import annotations

import numpy as np
import pytest

from core.errors import InputError
from core.fairness.groups import group_rate
from core.fairness.impact import impact_table, scoring_rates
from core.fairness.scores import GroupScores
from core.stats.binning import fit_scores
from tests.core.fairness.tables import LOCAL_LAW_144

# 6 RCNY section 5-301: applicants, selected, impact ratio as printed
SEX = {"Male": (1390, 667, 1.00), "Female": (1181, 555, 0.979)}
RACE_RATIOS = (0.97, 1.00, 0.84, 0.85, 0.95, 0.85, 0.87)
INTERSECTIONS = {
    "Hispanic / Male": (205, 90, 0.841),
    "Hispanic / Female": (190, 82, 0.827),
    "White / Male": (412, 215, 1.000),
    "Black / Male": (226, 95, 0.806),
    "Native Hawaiian or Pacific Islander / Male": (87, 37, 0.815),
    "Asian / Male": (321, 167, 0.997),
    "Native American or Alaska Native / Male": (24, 11, 0.878),
    "Two or more / Male": (115, 52, 0.866),
    "White / Female": (385, 197, 0.981),
    "Black / Female": (164, 75, 0.876),
    "Native Hawaiian or Pacific Islander / Female": (32, 15, 0.898),
    "Asian / Female": (295, 135, 0.877),
    "Native American or Alaska Native / Female": (17, 7, 0.789),
    "Two or more / Female": (98, 44, 0.860),
}
# scoring: rows, of which above the median, impact ratio
SCORING_SEX = {"Male": (92, 50, 1.00), "Female": (76, 34, 0.82)}
SCORING_RACE = {
    "Hispanic": (28, 18, 1.00),
    "White": (40, 15, 0.58),
    "Black": (32, 16, 0.78),
    "Native Hawaiian or Pacific Islander": (8, 5, 0.97),
    "Asian": (24, 10, 0.65),
    "Native American or Alaska Native": (16, 10, 0.97),
    "Two or more": (20, 10, 0.78),
}
SCORING_BOTH = {
    "Hispanic / Male": (16, 12, 1.00),
    "Hispanic / Female": (12, 6, 0.67),
    "White / Male": (20, 7, 0.47),
    "Black / Male": (20, 10, 0.67),
    "Native Hawaiian or Pacific Islander / Male": (4, 3, 1.00),
    "Asian / Male": (12, 7, 0.78),
    "Native American or Alaska Native / Male": (8, 5, 0.83),
    "Two or more / Male": (12, 6, 0.67),
    "White / Female": (20, 8, 0.53),
    "Black / Female": (12, 6, 0.67),
    "Native Hawaiian or Pacific Islander / Female": (4, 2, 0.67),
    "Asian / Female": (12, 3, 0.33),
    "Native American or Alaska Native / Female": (8, 5, 0.83),
    "Two or more / Female": (8, 4, 0.67),
}


def rates(table):
    return [group_rate(k, n, measure="selection_rate", group=name, n_rows=n) for name, (n, k, *_) in table.items()]


@pytest.mark.parametrize(
    ("table", "digits"),
    [
        (SEX, 3),
        ({name: (*pair, ratio) for (name, pair), ratio in zip(LOCAL_LAW_144.items(), RACE_RATIOS, strict=True)}, 2),
        (INTERSECTIONS, 3),
        (SCORING_SEX, 2),
        (SCORING_RACE, 2),
        (SCORING_BOTH, 2),
    ],
)
def test_the_sample_tables_of_the_rule_come_out(table, digits):
    found = impact_table(rates(table), min_share=0.0)
    for row in found.rows:
        n, k, ratio = table[row.category]
        assert (row.n, row.selected) == (n, k)
        # the rule cuts or rounds the last digit, by turns: 0.8414 is printed .841, .64286 as 64.2%
        assert row.impact_ratio == pytest.approx(ratio, abs=1.01 * 10**-digits), row.category
    assert max(row.impact_ratio for row in found.rows) == 1.0


def test_the_rules_own_tests_on_intersections_are_the_published_ones():
    # against White men: the smallest raw p is .016287 (Black men), which Holm over 13 makes .2117
    by_category = {row.category: row for row in impact_table(rates(INTERSECTIONS), min_share=0.0).rows}
    black = by_category["Black / Male"]
    assert black.p_value == pytest.approx(min(1.0, 91 * 0.016287), rel=1e-3)  # the best was picked: all 91 pairs
    least = by_category["Native American or Alaska Native / Female"]
    assert least.impact_ratio < 0.8
    assert least.share == pytest.approx(0.0066, abs=1e-4)


def test_the_few_are_listed_noted_and_no_yardstick_and_the_unknown_are_counted():
    table = {
        "A": (900, 300),
        "B": (800, 200),
        "few": (10, 9),
        "none": (0, 0),
        "Unknown": (40, 20),
        "B / Unknown": (5, 1),
    }
    found = impact_table(rates(table), unknown=("Unknown", "B / Unknown"))
    by_category = {row.category: row for row in found.rows}
    assert found.most_selected == "A"
    assert found.n_unknown == 45
    assert set(by_category) == {"A", "B", "few", "none"}
    assert by_category["few"].impact_ratio is None
    assert by_category["few"].note.startswith("Less than 2% of all: may be left out of the ratios, with a reason.")
    assert by_category["none"].note == "No rows in this group."
    nobody = impact_table(rates({"A": (90, 0), "B": (80, 0)}))
    assert {row.impact_ratio for row in nobody.rows} == {None}
    assert all("Nobody is selected" in row.note for row in nobody.rows)


@pytest.mark.parametrize("higher_is_better", [True, False])
def test_scoring_rates_are_shares_beyond_the_median_of_the_sample(higher_is_better):
    rng = np.random.default_rng(3)
    score, group = rng.integers(0, 50, 301) / 100, rng.integers(0, 2, 301)
    bins = fit_scores(score)
    rows = np.zeros((bins.size, 2), dtype=np.int64)
    np.add.at(rows, (bins.assign(score), group), 1)
    scores = GroupScores(
        rows=rows, by_class=np.zeros((bins.size, 2, 2), dtype=np.int64), bins=bins, group_names=("a", "b")
    )
    median = np.median(score)
    for place, rate in enumerate(scoring_rates(scores, higher_is_better=higher_is_better)):
        own = score[group == place]
        assert (rate.k, rate.n) == ((own > median).sum() if higher_is_better else (own < median).sum(), own.size)
    empty = GroupScores(
        rows=rows * 0, by_class=np.zeros((bins.size, 2, 2), dtype=np.int64), bins=bins, group_names=("a", "b")
    )
    with pytest.raises(InputError, match="rows with a score"):
        scoring_rates(empty)
