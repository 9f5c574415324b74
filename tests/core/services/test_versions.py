"""The registry: what a version is, and which was in force at any instant, under whose approval."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from core.errors import ConflictError, InputError, UnknownNameError
from core.governance.proposals import ProposalKind
from core.services.versions import VersionState
from core.storage.files import sha256_of
from core.workspace import Workspace
from tests.governed import MODEL, NOW, Governed, build


@pytest.fixture
def governed(tmp_path: Path) -> Governed:
    return build(tmp_path)


def test_an_artefact_is_copied_and_named_by_its_content(governed: Governed, tmp_path: Path) -> None:
    source = tmp_path / "model.bin"
    source.write_bytes(b"weights")
    versions = governed.workspace.versions
    added = versions.add(
        governed.ada, MODEL, "v3", artefact=source, parameters={"depth": 3}, training={"batches": [1]}, parent="v1"
    )
    digest = sha256_of(source)
    source.write_bytes(b"others")
    assert versions.show(governed.vera, MODEL, "v3") == added
    assert (added.artefact_sha256, added.parent, added.state) == (digest, "v1", VersionState.CANDIDATE)
    assert (added.parameters, added.training) == ({"depth": 3}, {"batches": [1]})
    assert governed.artefact_file("v3").read_bytes() == b"weights"
    assert [info.name for info in versions.list(governed.vera, MODEL)] == ["v1", "v2", "v3"]


@pytest.mark.parametrize("harm", ["alter", "remove"])
def test_an_artefact_that_was_altered_or_removed_is_not_handed_out(governed: Governed, harm: str) -> None:
    path = governed.artefact_file("v2")
    if harm == "alter":
        path.write_bytes(path.read_bytes() + b" ")
    else:
        path.unlink()
    with pytest.raises(ConflictError, match="gone or was altered"):
        governed.workspace.versions.artefact(governed.vera, MODEL, "v2")
    assert governed.workspace.versions.artefact(governed.vera, MODEL, "v1") is None


def test_a_version_is_registered_once_and_one_known_by_name_only_is_completed_once(governed: Governed) -> None:
    versions = governed.workspace.versions
    with pytest.raises(ConflictError, match="'v2' of m is registered already"):
        versions.add(governed.ada, MODEL, "v2", parameters={"depth": 4})
    with pytest.raises(ConflictError, match="'v1' of m is registered already"):
        versions.add(governed.ada, MODEL, "v1")  # says nothing new
    bare = versions.show(governed.ada, MODEL, "v1")
    completed = versions.add(governed.ada, MODEL, "v1", parameters={"depth": 4})
    assert completed.digest != bare.digest
    with pytest.raises(ConflictError, match="registered already"):
        versions.add(governed.ada, MODEL, "v1", parameters={"depth": 5})


def test_a_job_that_is_begun_again_gets_the_version_it_made(governed: Governed) -> None:
    versions = governed.workspace.versions
    first = versions.add(governed.ada, MODEL, "v3", parameters={"depth": 3}, origin="proposal 7")
    assert versions.add(governed.ada, MODEL, "v3", parameters={"depth": 3}, origin="proposal 7") == first
    added = [entry for entry in governed.workspace.ledger.list(governed.audrey) if entry.action == "version.add"]
    assert [entry.objects["version"] for entry in added].count("v3") == 1


@pytest.mark.parametrize(
    "wrong",
    [{"parameters": {"depth": math.nan}}, {"training": {"rows": {1, 2}}}, {"parameters": {"name": "\ud800"}}],
)
def test_what_json_cannot_write_is_refused_in_words(governed: Governed, wrong: dict[str, dict[str, object]]) -> None:
    with pytest.raises(InputError, match="writable as JSON"):
        governed.workspace.versions.add(governed.ada, MODEL, "v3", **wrong)


def test_files_parents_and_models_that_are_not_there_are_named(governed: Governed, tmp_path: Path) -> None:
    versions = governed.workspace.versions
    with pytest.raises(InputError, match="is no file"):
        versions.add(governed.ada, MODEL, "v3", artefact=tmp_path / "absent")
    with pytest.raises(UnknownNameError, match="'v9'"):
        versions.add(governed.ada, MODEL, "v3", parent="v9")
    with pytest.raises(UnknownNameError, match="model 'n'"):
        versions.add(governed.ada, "n", "v3")
    assert [info.name for info in versions.list(governed.vera, MODEL)] == ["v1", "v2"]


def test_opening_a_workspace_anew_keeps_every_artefact_and_sweeps_what_no_version_names(governed: Governed) -> None:
    kept = governed.artefact_file("v2")
    orphan = kept.with_name(f"{'0' * 64}.skops")
    orphan.write_bytes(b"left by a killed process")
    governed.workspace.close()
    workspace = Workspace.open(governed.workspace.folder, clock=governed.clock)
    assert kept.exists()
    assert not orphan.exists()
    workspace.close()


def test_nothing_is_in_force_before_somebody_approved_it(governed: Governed) -> None:
    versions = governed.workspace.versions
    assert versions.in_force(governed.vera, MODEL) is None
    decided = governed.decide(governed.propose(ProposalKind.PROMOTE, "v1"))
    assert versions.in_force(governed.vera, MODEL) is None  # approved, not done
    governed.run(decided.job_id)
    found = versions.in_force(governed.vera, MODEL)
    assert found is not None
    assert found.version == "v1"


def test_which_version_was_in_force_at_any_instant_and_who_approved_it(governed: Governed) -> None:
    versions, clock = governed.workspace.versions, governed.clock
    steps: list[tuple[datetime, str | None, str, int]] = []
    for version, kind, person in (
        ("v1", ProposalKind.PROMOTE, "ines"),
        ("v2", ProposalKind.PROMOTE, "otto"),
        ("v1", ProposalKind.ROLLBACK, "zoe"),
        ("v1", ProposalKind.RETIRE, "ines"),
    ):
        clock.advance(days=3)
        proposal = governed.propose(kind, version)
        clock.advance(hours=5)
        governed.run(governed.decide(proposal, by=person).job_id)
        steps.append((clock.now, None if kind is ProposalKind.RETIRE else version, person, proposal))
    assert versions.in_force(governed.audrey, MODEL, steps[0][0] - timedelta(microseconds=1)) is None
    ends = [*(moment for moment, *_ in steps[1:]), clock.now + timedelta(days=900)]
    for (since, version, person, proposal), end in zip(steps, ends, strict=True):
        for moment in (since, since + timedelta(hours=1), end - timedelta(microseconds=1)):
            found = versions.in_force(governed.audrey, MODEL, moment)
            if version is None:
                assert found is None
                continue
            assert found is not None
            assert (found.version, found.since, found.until) == (version, since, end)
            assert (found.proposal_id, found.requester) == (proposal, "ada")
            (approval,) = found.approvals
            assert (approval.actor, approval.at, approval.reason) == (person, since, "I looked at all of it")
            entry = governed.workspace.ledger.list(governed.audrey, before=approval.ledger_seq + 1)[0]
            assert (entry.action, entry.actor) == ("proposal.approve", person)
            assert entry.objects["evidence"] == approval.evidence_sha256
    history = versions.history(governed.audrey, MODEL)
    assert [one.version for one in history] == ["v1", "v2", "v1", None]
    assert history[-1].until is None
    states = {info.name: info.state for info in versions.list(governed.vera, MODEL)}
    assert states == {"v1": VersionState.RETIRED, "v2": VersionState.RETIRED}


def test_an_instant_of_another_zone_is_the_same_instant(governed: Governed) -> None:
    governed.put_in_force("v1")
    tokyo = datetime(2026, 1, 31, 9, tzinfo=UTC).astimezone(ZoneInfo("Asia/Tokyo"))
    assert tokyo > NOW
    found = governed.workspace.versions.in_force(governed.vera, MODEL, tokyo)
    assert found is not None
    assert found.since == NOW
