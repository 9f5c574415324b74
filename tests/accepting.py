"""A watched model whose amounts moved for good, and people who sign: what tests of accepting a drift share."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from core.alarms.policy import AlarmPolicy
from core.governance.identity import LOCAL_OPERATOR, WORKER, Actor, UserRole
from core.governance.proposals import Move, ProposalKind
from core.services import accounts
from core.services.margins import put_policy
from core.services.proposal import Decided
from core.storage.queue import JobQueue
from core.storage.repository import Repository
from tests.governed import PASSWORD
from tests.once import QUICK
from tests.watched import MODEL, Watched, build

__all__ = ["DAYS", "MARGIN", "SERIES", "decide", "moved", "perform", "person", "propose", "put", "set_signing"]

DAYS = 16
SERIES = "values/amount"
MARGIN = {"sd": 1.5, "points": 0.4}
ROLES = {
    "ada": UserRole.ENGINEER,
    "ines": UserRole.REVIEWER,
    "vic": UserRole.VALIDATOR,
    "olga": UserRole.OWNER,
    "root": UserRole.ADMIN,
    "audrey": UserRole.AUDITOR,
}


@cache
def moved() -> Path:
    """The folder of sixteen days, from the fifth on of which amounts lie one standard deviation lower; to copy."""
    folder = Path(tempfile.mkdtemp(prefix="plumbline-moved-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    watched = build(folder)
    JobQueue(watched.workspace.database).prepare()
    watched.serve(*range(4))
    watched.serve(*range(4, DAYS), up=-1)
    watched.update()
    watched.workspace.close()
    return folder


def person(watched: Watched, name: str) -> Actor:
    """Somebody who has just given their password."""
    return Actor(name=name, roles=(ROLES[name],), signed_in_at=watched.clock())


def propose(
    watched: Watched,
    *,
    alert: int = 1,
    series: str = SERIES,
    margin: Mapping[str, Any] = MARGIN,
    by: str = "ada",
    reason: str = "a new market",
) -> Decided:
    """Ask to accept a drift as harmless."""
    return watched.workspace.proposals.open(
        person(watched, by),
        MODEL,
        ProposalKind.ACCEPT_DRIFT,
        reason=reason,
        arguments={"alert": alert, "series": series, "margin": dict(margin)},
    )


def decide(watched: Watched, proposal: int, *, by: str = "ines", move: Move = Move.APPROVE) -> Decided:
    """Decide on a proposal."""
    return watched.workspace.proposals.decide(person(watched, by), proposal, move, reason="I looked at all of it")


def put(watched: Watched, content: Mapping[str, Any]) -> None:
    """Put an alarm policy in force as an engineer would, and judge nothing by it yet."""
    with watched.workspace.database.write("test") as session:
        model = Repository(session).model(MODEL)
        policy = AlarmPolicy.read(content)
        put_policy(session, model, policy, actor=person(watched, "ada"), at=watched.clock(), reason="meanwhile")


def perform(watched: Watched, job_id: str | None) -> str:
    """Do what the worker does, as if it was killed once; what it said."""
    assert job_id is not None
    watched.workspace.jobs.begin(WORKER, job_id)
    watched.workspace.execution.deploy(WORKER, job_id)
    said = watched.workspace.execution.deploy(WORKER, job_id)
    watched.workspace.jobs.finish(WORKER, job_id, said)
    return said


def set_signing(watched: Watched, rules: Mapping[str, Any]) -> None:
    """Rules of signing, put in force by the way that they take; whoever they name has an account."""
    with patch.object(accounts, "_hasher", lambda: QUICK):
        watched.workspace.accounts.add_first(LOCAL_OPERATOR, "root", PASSWORD)
        for name, role in (("vic", UserRole.VALIDATOR), ("olga", UserRole.OWNER)):
            watched.workspace.accounts.add(person(watched, "root"), name, PASSWORD, roles=(role,))
    asked = watched.workspace.proposals.open(
        person(watched, "ada"), MODEL, ProposalKind.POLICY, reason="care", arguments={"policy": dict(rules)}
    )
    perform(watched, decide(watched, asked.proposal.id).job_id)
