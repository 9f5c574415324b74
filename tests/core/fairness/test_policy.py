"""Policies are files that people edit: what ships, what is refused, and how a mistake is named."""

from __future__ import annotations

from pathlib import Path

import pytest

import core.fairness
from core.errors import SchemaError
from core.fairness.policy import DEFAULT_POLICY, Against, Decision, FairnessPolicy, Statistic

SHIPPED = {path.stem: path for path in (Path(core.fairness.__file__).parent / "policies").glob("*.toml")}


def shipped(name: str) -> FairnessPolicy:
    return FairnessPolicy.from_toml(SHIPPED[name].read_text(encoding="utf-8"), name)


def test_what_ships_is_what_the_documentation_names():
    assert set(SHIPPED) == {"margin", "four-fifths", "nyc-local-law-144", "two-standard-deviations"}
    for name in SHIPPED:
        policy = shipped(name)
        assert (policy.name, bool(policy.source), bool(policy.note)) == (name, True, True)


def test_the_default_is_the_shipped_file():
    assert shipped("margin") == DEFAULT_POLICY


def test_no_shipped_policy_calls_the_four_fifths_rule_alone_a_verdict():
    rule = shipped("four-fifths")
    assert (rule.statistic, rule.limit, rule.decision) == (Statistic.RATIO, 0.8, Decision.SIGNIFICANT)
    law = shipped("nyc-local-law-144")
    assert (law.limit, law.against, law.min_share) == (None, Against.BEST, 0.02)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('title = "x"\nlimit = 2', "limit: Input should be less than or equal to 1"),
        ('title = "x"\nlimits = 0.1', "limits: Extra inputs are not permitted"),
        ('title = "x"\nmeasures = ["selectionrate"]', "measures: 'selectionrate' is no rate; known: selection_rate"),
        ('title = "x"\nstatistic = "ratio"\nlimit = 0', "a ratio's limit lies above 0"),
        ('title = "x"\nlimit = 1', "a difference's limit lies below 1"),
        ('title = "x"\nlimit = 0.1\ndetectable = 0.1', "detectable goes with decision = 'significant'"),
        ('title = "x"\nalpha = 0', "alpha: Input should be greater than 0"),
        ("limit = 0.1", "title: Field required"),
        ("title =", "TOML"),
    ],
)
def test_a_wrong_key_is_named_with_the_way_out(text: str, words: str):
    with pytest.raises(SchemaError, match="fairness policy ours: ") as error:
        FairnessPolicy.from_toml(text, "ours")
    assert words in str(error.value)


def test_the_digest_changes_with_any_key():
    one = FairnessPolicy.from_toml('title = "x"\nlimit = 0.05', "a")
    same = FairnessPolicy.from_toml('limit = 0.05\ntitle = "x"\nalpha = 0.05', "a")
    other = FairnessPolicy.from_toml('title = "x"\nlimit = 0.06', "a")
    assert one.digest == same.digest != other.digest


def test_what_must_be_found_is_the_limit_unless_it_lets_none_pass():
    assert DEFAULT_POLICY.effect == 0.05
    assert (shipped("two-standard-deviations").effect, shipped("two-standard-deviations").practical) == (0.05, 0.05)
    assert shipped("nyc-local-law-144").effect is None
