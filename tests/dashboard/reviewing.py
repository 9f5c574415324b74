"""A workspace with proposals in every state that a reviewer meets."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from core.governance.identity import WORKER
from core.governance.proposals import Move, ProposalKind
from core.record import BatchRole
from core.workspace import Workspace
from tests.builders import SCHEMA, START, rows, write_csv
from tests.dashboard.signing import HOSTILE, MODEL, actor, deploy, sign, ticking, with_accounts
from tests.once import built_once

__all__ = [
    "DRAFT",
    "FAIR",
    "FIRST",
    "OTHER_MODEL",
    "RETRAINING",
    "UNFAIR",
    "build_reviewed",
    "opened",
    "proposal",
    "reviewed_copy",
    "reviewed_folder",
]

OTHER_MODEL = "without reference"
FIRST, UNFAIR, FAIR, RETRAINING, DRAFT = range(1, 6)
N = 1500
SEX, SCORE, DECISION, OUTCOME = 5, 7, 8, 9
Row = list[object]


def build_reviewed(folder: Path) -> Path:
    """v1 is in force. v2, worse for one group, and v3 wait for a decision, and so does a retraining."""
    space = with_accounts(Workspace.open(folder, clock=ticking()))
    try:
        ada = actor("ada")
        space.models.add(ada, MODEL, SCHEMA)
        space.models.add(ada, OTHER_MODEL, SCHEMA)
        reference = [hostile(row) for row in rows(800, days=8)]
        space.records.add(ada, MODEL, [write_csv(folder / "reference.csv", reference)], role=BatchRole.REFERENCE)
        served = [hostile(row) for row in rows(N, days=3, start=START.replace(day=9), seed=1, prefix="p")]
        space.records.add(ada, MODEL, [write_csv(folder / "production.csv", served)])
        space.profiles.refresh(ada, MODEL)
        deploy(space, sign(space, ProposalKind.PROMOTE, "v1", by="ines", why="it serves."))
        evaluate(space, folder, "v2", served, unfair)
        evaluate(space, folder, "v3", served, better)
        space.versions.add(
            ada,
            MODEL,
            "v3",
            parameters={"recipe": {"estimator": "linear", "calibration": "none"}, "features": ["amount", HOSTILE]},
            training={
                "batches": [1, 2],
                "n": 1200,
                "n_given": 2300,
                "exclusions": [
                    {"rule": "window", "reason": f"incident {HOSTILE}", "n": 1100},
                    {"rule": "shadow", "reason": "shadow traffic", "n": 0},
                ],
            },
            parent="v1",
        )
        for version in ("v2", "v3"):
            space.proposals.open(ada, MODEL, ProposalKind.PROMOTE, version, reason=f"{version} ranks better {HOSTILE}")
        space.proposals.comment(actor("otto"), UNFAIR, f"For whom?\n\n{HOSTILE}")
        space.proposals.open(
            actor("ines"),
            MODEL,
            ProposalKind.RETRAIN,
            reason="the world moved on.",
            arguments={
                "recipe": 'estimator = "linear"\n',
                "exclude": [
                    {
                        "from": "2026-01-03T00:00:00+00:00",
                        "to": "2026-01-05T00:00:00+00:00",
                        "reason": f"feed {HOSTILE}",
                    }
                ],
            },
        )
        space.proposals.withdraw(actor("ines"), RETRAINING, reason="another time.")
        space.proposals.open_by_job(
            WORKER,
            MODEL,
            ProposalKind.RETRAIN,
            reason=f"Alarm: data drift is critical {HOSTILE}",
            requester=None,
            origin="alarm 1",
        )
    finally:
        space.close()
    return folder


def hostile(row: Row) -> Row:
    """The row with one group of people under a name that is markup."""
    return [HOSTILE if place == SEX and value == "m" else value for place, value in enumerate(row)]


def evaluate(
    space: Workspace, folder: Path, version: str, served: list[Row], change: Callable[[Row, float], Row]
) -> None:
    """What another version would have said of the records that were served."""
    noise = np.random.default_rng(7).random(len(served))
    again = [change([*row[:2], version, *row[3:]], draw) for row, draw in zip(served, noise.tolist(), strict=True)]
    path = write_csv(folder / f"evaluation-{version}.csv", again)
    outcome = space.records.add(actor("ada"), MODEL, [path], role=BatchRole.EVALUATION, version=version)[0]
    assert outcome.error is None, outcome.error


def better(row: Row, draw: float) -> Row:
    """Scores that lean to what turned out."""
    changed = list(row)
    changed[SCORE] = round(0.6 * float(str(row[SCORE])) + 0.35 * int(str(row[OUTCOME])) * draw, 3)
    changed[DECISION] = int(changed[SCORE] >= 0.3)
    return changed


def unfair(row: Row, draw: float) -> Row:
    """As `better`, but everybody of one group is decided against."""
    changed = better(row, draw)
    if row[SEX] == HOSTILE:
        changed[DECISION] = 1
    return changed


@pytest.fixture(scope="session")
def reviewed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that workspace; shared, so tests that write take a copy."""
    return built_once(tmp_path_factory, "reviewed", build_reviewed)


@pytest.fixture
def reviewed_copy(reviewed_folder: Path, tmp_path: Path) -> Path:
    """A copy of that folder, to write into."""
    return Path(shutil.copytree(reviewed_folder, tmp_path / "reviewed"))


def opened(folder: Path) -> Workspace:
    """The workspace, to look at or to act in beside the page."""
    return Workspace.open(folder)


def proposal(folder: Path, proposal_id: int) -> tuple[str, list[Move], str]:
    """Where a proposal stands, its moves, and the last one's text."""
    space = opened(folder)
    try:
        found = space.proposals.show(actor("root"), proposal_id)
        return str(found.state), [move.move for move in found.moves], found.moves[-1].text
    finally:
        space.close()
