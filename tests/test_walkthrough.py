"""The whole way by commands alone, on real data: from the first log to a version in force and back."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.command_server import serving
from tests.people import Person

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "docs" / "walkthrough.sh"


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Path]:
    """A folder for the path in which `python` and `plumbline` are this interpreter's."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "python"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    program.chmod(0o755)
    with serving(folder):
        yield folder


@pytest.mark.data
def test_the_walkthrough_goes_all_the_way(shared_data: Path, programs: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        ["bash", SCRIPT, shared_data, out], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr
    assert "The ledger holds." in ran.stdout
    operator = Person(workspace=out / "workspace")
    proposals = {p["proposal"]: p for p in operator("proposal", "list", "income", "--json").json}
    assert [(p["kind"], p["state"], p["requester"]) for _, p in sorted(proposals.items())] == [
        ("promote", "done", "ada"),
        ("retrain", "done", "ada"),
        ("promote", "done", "ada"),
        ("rollback", "done", "ada"),
    ]
    assert all([m["actor"] for m in p["moves"] if m["move"] == "approve"] == ["ines"] for p in proposals.values())
    assert operator("version", "in-force", "income", "--json").json["version"] == "v1"
    assert {j["state"] for j in operator("job", "list", "--json").json} == {"done"}
    found = operator("analyse", "income", "--json").json["findings"]
    assert {m["column"] for m in found if m["status"] == "critical" and m["family"] == "data_drift"} >= {"age"}
    assert all(m["window_start"] >= "2026-03-23" for m in found if m["status"] == "critical"), "not before the campaign"
    report = operator("proposal", "show", 3, "--json").json["report"]
    auc = next(m for m in report["comparison"]["result"]["differences"] if m["measure"] == "roc_auc")
    assert auc["n"] > 500
    assert json.dumps(report)


def test_the_walkthrough_gives_nothing_but_commands() -> None:
    text = SCRIPT.read_text(encoding="utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert "set -euo pipefail" in text
    assert "sqlite" not in text
