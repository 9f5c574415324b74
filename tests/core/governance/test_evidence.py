"""Evidence has one spelling, one name, and stops holding as soon as anything it speaks of changes."""

from __future__ import annotations

import hashlib
import json
import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.governance.evidence import Evidence, Subject, canonical_json, digest_of, stale_because
from core.governance.policy import SigningPolicy

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SUBJECTS = (
    Subject(kind="version", name="v2", digest="aa"),
    Subject(kind="batch", name="7", digest="bb"),
)
CURRENT = {("version", "v2"): "aa", ("batch", "7"): "bb"}
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


def reversed_keys(value: object) -> object:
    if isinstance(value, dict):
        return {key: reversed_keys(value[key]) for key in reversed(value)}
    return [reversed_keys(item) for item in value] if isinstance(value, list) else value


@given(VALUES)
def test_canonical_json_reads_back_exactly_and_is_spelled_in_one_way(value: object) -> None:
    spelled = canonical_json(value)
    assert json.loads(spelled) == value
    assert canonical_json(json.loads(spelled)) == spelled == canonical_json(reversed_keys(value))


@given(VALUES)
def test_a_digest_is_the_sha256_of_the_spelling(value: object) -> None:
    assert digest_of(value) == hashlib.sha256(canonical_json(value).encode()).hexdigest()


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_has_no_word_for_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_json({"x": number})
    assert Evidence.freeze({"x": [number, 1.5]}, [], now=NOW).report == {"x": [None, 1.5]}


@given(st.dictionaries(TEXTS, VALUES, max_size=3))
def test_frozen_evidence_reads_back_as_it_was(report: dict[str, object]) -> None:
    frozen = Evidence.freeze(report, SUBJECTS, now=NOW)
    assert Evidence.read(frozen.content, frozen.sha256) == frozen
    assert frozen.report == report
    assert frozen.sha256 == hashlib.sha256(frozen.content.encode()).hexdigest()


def test_the_order_of_subjects_does_not_matter() -> None:
    assert Evidence.freeze({}, SUBJECTS, now=NOW) == Evidence.freeze({}, SUBJECTS[::-1], now=NOW)


@given(st.data())
def test_any_character_changed_is_found(data: st.DataObject) -> None:
    frozen = Evidence.freeze({"auc": 0.71, "who": "Zoë"}, SUBJECTS, now=NOW)
    place = data.draw(st.integers(0, len(frozen.content) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda char: char != frozen.content[place]))
    with pytest.raises(ValueError, match="was altered"):
        Evidence.read(frozen.content[:place] + other + frozen.content[place + 1 :], frozen.sha256)


@pytest.mark.parametrize("content", ["[]", "{}", "not json", '{"subjects":[1],"frozen_at":"x"}'])
def test_what_is_no_evidence_is_said_to_be_none_though_its_name_is_right(content: str) -> None:
    with pytest.raises(ValueError, match="can't be read"):
        Evidence.read(content, hashlib.sha256(content.encode()).hexdigest())


def test_evidence_holds_while_nothing_changes_up_to_its_last_day() -> None:
    frozen = Evidence.freeze({}, SUBJECTS, now=NOW)
    age = SigningPolicy().max_age_days
    assert stale_because(frozen, CURRENT, now=NOW + timedelta(days=14), max_age_days=age) == ()
    assert stale_because(frozen, CURRENT, now=NOW + timedelta(days=14, seconds=1), max_age_days=age) == (
        "the evidence is older than 14 days",
    )


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({("version", "v2"): "cc"}, "version v2 has changed"),
        ({("batch", "7"): None}, "batch 7 is gone"),
        ({("batch", "7"): ""}, "batch 7 has changed"),
    ],
)
def test_evidence_says_which_of_its_subjects_changed(change: dict[tuple[str, str], str | None], why: str) -> None:
    frozen = Evidence.freeze({}, SUBJECTS, now=NOW)
    found = stale_because(frozen, CURRENT | change, now=NOW, max_age_days=14)
    assert len(found) == 1
    assert found[0].startswith(why)


def test_a_subject_that_nobody_knows_any_more_is_gone() -> None:
    frozen = Evidence.freeze({}, SUBJECTS, now=NOW)
    assert set(stale_because(frozen, {}, now=NOW, max_age_days=14)) == {"version v2 is gone", "batch 7 is gone"}


def test_other_rules_of_signing_have_another_name() -> None:
    assert SigningPolicy().digest == SigningPolicy(max_age_days=14.0).digest != SigningPolicy(max_age_days=30).digest
