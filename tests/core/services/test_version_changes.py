"""What changed between two versions, read off what was registered with each."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from core.services.version_changes import ChangeKind, changes_between
from core.services.versions import VersionInfo, VersionState

TRAINED = VersionInfo(
    name="v1",
    state=VersionState.CHAMPION,
    artefact_sha256="a" * 64,
    parameters={
        "features": ["age", "income"],
        "recipe": {"estimator": "linear", "hyperparameters": {"C": 1.0}},
        "software": "scikit-learn 1.9.0",
        "train": {"n": 800, "until": "2026-03-01"},
        "measures": [{"value": 0.8}],
        "threshold": 0.5,
    },
    training={"batches": [1, 2], "n": 800},
    parent=None,
    created_at=datetime(2026, 3, 1, tzinfo=UTC),
    created_by="ada",
    digest="",
)
TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
    max_leaves=8,
)


def test_each_kind_of_change_is_told_once_and_by_its_own_name() -> None:
    parameters = {
        **TRAINED.parameters,
        "features": ["income", "tenure"],
        "recipe": {"estimator": "linear", "hyperparameters": {"C": 0.1}},
        "software": "scikit-learn 1.9.1",
        "train": {"n": 900, "until": "2026-03-01"},
        "measures": [{"value": 0.9}],
    }
    other = replace(TRAINED, name="v2", parameters=parameters, training={"batches": [2, 3], "n": 900})
    found = changes_between(TRAINED, other)
    assert [(c.kind, c.name, c.before, c.after) for c in found.changes] == [
        (ChangeKind.FEATURES, "age", "has it", None),
        (ChangeKind.FEATURES, "tenure", None, "has it"),
        (ChangeKind.PARAMETERS, "recipe.hyperparameters.C", "1.0", "0.1"),
        (ChangeKind.CODE, "software", "scikit-learn 1.9.0", "scikit-learn 1.9.1"),
        (ChangeKind.DATA, "batch 1", "has it", None),
        (ChangeKind.DATA, "batch 3", None, "has it"),
        (ChangeKind.DATA, "n", "800", "900"),
        (ChangeKind.DATA, "train.n", "800", "900"),
    ]
    assert found.unknown == ()


def test_what_was_never_registered_is_no_agreement() -> None:
    bare = replace(TRAINED, name="v0", artefact_sha256=None, parameters={}, training={})
    found = changes_between(bare, TRAINED)
    assert found.n_same == 0
    assert [sentence.partition(":")[0] for sentence in found.unknown] == ["v0", "v0", "v0"]


@settings(max_examples=30)
@given(st.dictionaries(st.text(min_size=1, max_size=4), TREES, max_size=4), TREES)
def test_a_version_differs_from_itself_in_nothing_and_any_change_shows_both_ways(
    parameters: dict, other: object
) -> None:
    one = replace(TRAINED, parameters=parameters)
    assert changes_between(one, one).changes == ()
    two = replace(TRAINED, name="v2", parameters={**parameters, "tuned by hand": ["so", other]})
    there, back = changes_between(one, two), changes_between(two, one)
    assert [(c.name, c.before, c.after) for c in there.changes] == [(c.name, c.after, c.before) for c in back.changes]
    assert "tuned by hand" in {change.name for change in there.changes}
