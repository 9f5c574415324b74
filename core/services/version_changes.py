"""What changed from one version to another, as far as it was registered: features, parameters, code and data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.governance.evidence import canonical_json
from core.services.versions import VersionInfo

__all__ = ["Change", "ChangeKind", "VersionChanges", "changes_between"]


class ChangeKind(StrEnum):
    """What a change is of."""

    FEATURES = "features"
    PARAMETERS = "parameters"
    CODE = "code"
    DATA = "data"


FEATURE_KEYS = ("features", "protected_features")
CODE_KEYS = ("software", "code", "commit", "recipe_digest", "schema_digest")
DATA_KEYS = ("train", "calibration", "held_out")
HAS_IT = "has it"
RESULT_KEYS = ("measures", "notes")  # what came of it, not what it was made with


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that differs: as text, None where a version doesn't have it."""

    kind: ChangeKind
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionChanges:
    """All that differs from `champion` to `candidate`, how much is the same, and of what nothing is known."""

    champion: str
    candidate: str
    changes: tuple[Change, ...]
    n_same: int
    unknown: tuple[str, ...]


def changes_between(champion: VersionInfo, candidate: VersionInfo) -> VersionChanges:
    """What changed from the champion to the candidate?

    What a retraining registers is told apart by its keys; of what somebody else registered, `features`, `software`,
    `code` and `commit` are, all other parameters count as parameters, and all of `training` as data.

    Examples
    --------
    >>> from datetime import UTC, datetime
    >>> from core.services.versions import VersionState
    >>> def version(name, **parameters):
    ...     return VersionInfo(name=name, state=VersionState.CANDIDATE, artefact_sha256=None, parameters=parameters,
    ...         training={}, parent=None, created_at=datetime(2026, 1, 1, tzinfo=UTC), created_by="ada", digest="")
    >>> found = changes_between(version("v1", depth=3, features=["a"]), version("v2", depth=4, features=["a", "b"]))
    >>> [(str(change.kind), change.name, change.before, change.after) for change in found.changes]
    [('features', 'b', None, 'has it'), ('parameters', 'depth', '3', '4')]
    >>> found.unknown[0]
    'v1 and v2: no file was registered.'
    """
    before, after = dict(_facts(champion)), dict(_facts(candidate))
    changes = [
        Change(kind=kind, name=name, before=before.get((kind, name)), after=after.get((kind, name)))
        for kind, name in dict.fromkeys((*before, *after))
        if before.get((kind, name)) != after.get((kind, name))
    ]
    order = list(ChangeKind)
    return VersionChanges(
        champion=champion.name,
        candidate=candidate.name,
        changes=tuple(sorted(changes, key=lambda change: (order.index(change.kind), change.name))),
        n_same=sum(after.get(key) == value for key, value in before.items()),
        unknown=tuple(_unknown(champion, candidate)),
    )


def _facts(version: VersionInfo) -> Iterator[tuple[tuple[ChangeKind, str], str]]:
    """Everything that was registered, flat; features and batches one by one, so that few changes are few lines."""
    if version.artefact_sha256 is not None:
        yield (ChangeKind.CODE, "file (SHA-256)"), version.artefact_sha256
    for key, value in version.parameters.items():
        if key in RESULT_KEYS:
            continue
        if key in FEATURE_KEYS and isinstance(value, list):
            yield from _members(ChangeKind.FEATURES, "" if key == FEATURE_KEYS[0] else "protected ", value)
        else:
            kinds = dict.fromkeys(CODE_KEYS, ChangeKind.CODE) | dict.fromkeys(DATA_KEYS, ChangeKind.DATA)
            yield from _flat(kinds.get(key, ChangeKind.PARAMETERS), key, value)
    for key, value in version.training.items():
        if key == "batches" and isinstance(value, list):
            yield from _members(ChangeKind.DATA, "batch ", value)
        else:
            yield from _flat(ChangeKind.DATA, key, value)


def _members(kind: ChangeKind, prefix: str, values: list[Any]) -> Iterator[tuple[tuple[ChangeKind, str], str]]:
    for value in values:
        yield (kind, f"{prefix}{value}"), HAS_IT


def _flat(kind: ChangeKind, name: str, value: Any) -> Iterator[tuple[tuple[ChangeKind, str], str]]:
    if isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _flat(kind, f"{name}.{key}", item)
    else:
        yield (kind, name), value if isinstance(value, str) else canonical_json(value)


def _unknown(champion: VersionInfo, candidate: VersionInfo) -> Iterator[str]:
    sides = (champion, candidate)
    for what, lacking in (
        ("no file was registered", [v.artefact_sha256 for v in sides]),
        ("no training data were registered", [v.training for v in sides]),
        ("no features were registered", [v.parameters.get("features") for v in sides]),
    ):
        names = [version.name for version, found in zip(sides, lacking, strict=True) if not found]
        if names:
            yield f"{' and '.join(names)}: {what}."
