"""Commands as a target, and how a model's target is set, seen and changed; programs are real ones."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from core.actions.targets import target
from core.actions.targets.command import PROGRAMS
from core.errors import ConflictError, InputError, NotAllowedError, OutsideError, PlumblineError, SchemaError
from core.governance.identity import WORKER
from core.governance.proposals import ProposalKind
from tests.command import CommandLine
from tests.core.services.test_ledger_service import tamper
from tests.governed import MODEL, PASSWORD, Governed

CONFIG = 'kind = "command"\nread = ["state"]\nput = ["put", "$(touch pwned); x"]\n'
PROGRAM = """#!{python}
import json, os, pathlib, sys
state = pathlib.Path({state!r})
assert not [name for name in os.environ if name.startswith("PLUMBLINE_LEDGER")]
if pathlib.Path(sys.argv[0]).name == "put":
    order = json.load(sys.stdin)
    assert sys.argv[1] == "$(touch pwned); x"
    state.write_text(json.dumps({{"version": order["version"], "host": "a"}}))
else:
    print(state.read_text())
"""


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where two programs keep what is in force."""
    folder, state = tmp_path / "programs", tmp_path / "state.json"
    folder.mkdir()
    for name in ("state", "put"):
        (folder / name).write_text(PROGRAM.format(python=sys.executable, state=str(state)))
        (folder / name).chmod(0o755)
    state.write_text('{"version": null, "host": "a"}')
    monkeypatch.setenv(PROGRAMS, str(folder))
    monkeypatch.setenv("PLUMBLINE_LEDGER_SECRET", "not for them")
    return state


def test_a_command_changes_what_another_reads_and_no_shell_sees_its_arguments(governed: Governed, state: Path) -> None:
    governed.workspace.targets.set(governed.root, MODEL, CONFIG)
    governed.put_in_force("v1")
    governed.put_in_force("v2")
    governed.put_in_force("v1", ProposalKind.ROLLBACK)
    assert json.loads(state.read_text()) == {"version": "v1", "host": "a"}
    assert not list(Path.cwd().glob("pwned*"))
    assert governed.workspace.ledger.verify(governed.audrey).is_intact


def test_only_programs_of_the_folder_that_the_machine_names_are_run(
    governed: Governed, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("/bin/true", "../state.json", "..", ""):
        with pytest.raises(SchemaError, match="a file's name, without a folder"):
            target({"kind": "command", "read": [name], "put": ["put"]})
    (tmp_path / "programs" / "link").symlink_to("/bin/true")
    with pytest.raises(InputError, match="leads out of the folder"):
        target({"kind": "command", "read": ["link"], "put": ["put"]}).read()
    with pytest.raises(OutsideError, match="absent can't be run"):
        target({"kind": "command", "read": ["absent"], "put": ["put"]}).read()
    monkeypatch.delenv(PROGRAMS)
    with pytest.raises(InputError, match=f"{PROGRAMS} is not set"):
        target({"kind": "command", "read": ["state"], "put": ["put"]}).read()


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo nothing", "has to print a JSON object"),
        ('echo "{}"', "has to print a JSON object"),
        ("echo '{\"version\": 3}'", "has to print a JSON object"),
        ("echo broken >&2; exit 4", "ended with 4: broken"),
        ("sleep 5", "was ended after 0.3 seconds"),
    ],
)
def test_a_program_that_fails_is_said_to(state: Path, tmp_path: Path, script: str, words: str) -> None:
    program = tmp_path / "programs" / "bad"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(OutsideError, match=words):
        target({"kind": "command", "read": ["bad"], "put": ["put"], "timeout_seconds": 0.3}).read()


def test_administrators_set_a_target_and_what_was_asked_on_another_is_stale(governed: Governed, state: Path) -> None:
    targets = governed.workspace.targets
    with pytest.raises(NotAllowedError):
        targets.set(governed.ada, MODEL, CONFIG)
    assert targets.show(governed.vera, MODEL) is None
    before = governed.propose(ProposalKind.PROMOTE, "v1")
    decided = governed.decide(before)
    targets.set(governed.root, MODEL, CONFIG)
    assert decided.job_id is not None
    governed.workspace.jobs.begin(WORKER, decided.job_id)
    with pytest.raises(ConflictError, match="Where versions of this model go was changed"):
        governed.workspace.execution.deploy(WORKER, decided.job_id)
    governed.workspace.jobs.fail(WORKER, decided.job_id, "refused")
    governed.workspace.proposals.refresh(governed.ada, before, reason="another target")
    targets.set(governed.root, MODEL, CONFIG + "timeout_seconds = 5")
    stale = governed.workspace.proposals.show(governed.vera, before).stale
    assert stale == (f"target {MODEL} has changed since the evidence was frozen",)
    targets.remove(governed.root, MODEL)
    assert governed.workspace.proposals.show(governed.vera, before).stale == (f"target {MODEL} is gone",)
    with pytest.raises(InputError, match="no target to remove"):
        targets.remove(governed.root, MODEL)
    tamper(governed, "UPDATE target SET config = '{}' WHERE id = 1")
    assert "The target that row 1 names" in " ".join(governed.workspace.ledger.verify(governed.audrey).problems)


def test_a_version_that_never_served_is_retired_without_the_target(governed: Governed, state: Path) -> None:
    governed.workspace.targets.set(governed.root, MODEL, CONFIG)
    governed.put_in_force("v1")
    governed.put_in_force("v2", ProposalKind.RETIRE)
    assert json.loads(state.read_text())["version"] == "v1"


@pytest.mark.parametrize("source", ["kind = 1", 'kind = "kubernetes"', "kind", "", 'kind = "command"'])
def test_a_configuration_that_says_nothing_known_is_refused(governed: Governed, source: str) -> None:
    with pytest.raises(PlumblineError):
        governed.workspace.targets.set(governed.root, MODEL, source)
    assert governed.workspace.targets.show(governed.vera, MODEL) is None


def test_commands_set_show_and_check_a_target(
    governed: Governed, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = CommandLine(workspace=governed.workspace.folder)
    (tmp_path / "t.toml").write_text(CONFIG)
    assert command("target", "set", MODEL, tmp_path / "t.toml").code == 1  # the local operator is no administrator
    token = command("login", "root", "--json", stdin=PASSWORD.encode()).json["token"]
    monkeypatch.setenv("PLUMBLINE_TOKEN", token)
    assert command("target", "set", MODEL, tmp_path / "t.toml", "--json").json["kind"] == "command"
    monkeypatch.delenv("PLUMBLINE_TOKEN")
    assert "the command put" in command("target", "show", MODEL).out
    assert command("target", "check", MODEL, "--json").json["agrees"] is True
    state.write_text('{"version": "v9"}')
    found = command("target", "check", MODEL)
    assert (found.code, "says v9, but here it is none" in found.out) == (1, True)
