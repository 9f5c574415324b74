"""A governed workspace that tests of signing share: a model with data, versions, people and a movable clock."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from core.governance.identity import LOCAL_OPERATOR, WORKER, Actor, UserRole
from core.governance.proposals import Move, ProposalKind
from core.record import BatchRole
from core.services.proposal import Decided
from core.storage.queue import JobQueue
from core.workspace import Workspace
from tests.builders import SCHEMA, START, rows, write_csv

__all__ = ["MODEL", "NOW", "PASSWORD", "Clock", "Governed", "People", "Step", "build", "promoted", "proposed"]

MODEL = "m"
NOW = START + timedelta(days=30)
PASSWORD = "correct horse battery"
PEOPLE = {
    "ada": (UserRole.ENGINEER,),
    "ines": (UserRole.REVIEWER,),
    "otto": (UserRole.REVIEWER,),
    "vera": (UserRole.VIEWER,),
    "audrey": (UserRole.AUDITOR,),
    "zoe": (UserRole.ENGINEER, UserRole.REVIEWER),
    "vic": (UserRole.VALIDATOR,),
    "olga": (UserRole.OWNER,),
    "both": (UserRole.VALIDATOR, UserRole.OWNER),
}
N, DAYS = 240, 4  # of the reference, and of production; few windows are quickly judged


class Clock:
    """The present, moved by hand."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now.astimezone(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> None:
        """Let time pass."""
        self.now += timedelta(**by)


class People(Mapping[str, Actor]):
    """People by name, each of whom has just given their password whenever they are asked for."""

    def __init__(self, roles: Mapping[str, Sequence[UserRole]], clock: Clock) -> None:
        self._actors = {name: Actor(name=name, roles=tuple(of)) for name, of in roles.items()}
        self._clock = clock

    def __getitem__(self, name: str) -> Actor:
        return replace(self._actors[name], signed_in_at=self._clock())

    def __iter__(self) -> Iterator[str]:
        return iter(self._actors)

    def __len__(self) -> int:
        return len(self._actors)


@dataclass(kw_only=True)
class Governed:
    """A workspace in which v1 has served, and v2 was evaluated on rows that v1 served; nothing is in force yet.

    Ada is an engineer, Ines and Otto review, Zoe does both, Vera looks, Audrey audits, root administers. Vic is a
    validator, Olga an owner, and one person is both.
    """

    workspace: Workspace
    clock: Clock
    folder: Path
    people: Mapping[str, Actor]

    def __post_init__(self) -> None:
        self._numbers = count(1)

    def __getattr__(self, name: str) -> Actor:
        try:
            return self.__dict__["people"][name]
        except KeyError:
            raise AttributeError(name) from None

    def file(self, suffix: str = ".csv") -> Path:
        """A new file's path."""
        return self.folder / f"{next(self._numbers)}{suffix}"

    def ingest(self, n: int = 20, *, start: datetime = START + timedelta(days=20)) -> int:
        """Take in some more production records of v1; their batch."""
        number = next(self._numbers)
        table = rows(n, start=start, days=1, seed=number, prefix=f"more{number}-")
        return self._added(write_csv(self.file(), table))

    def label(self, prediction_id: str = "p0") -> None:
        """A late label for a record, another one each time."""
        path = write_csv(self.file(), [(prediction_id, next(self._numbers) % 2)], header=("id", "outcome"))
        assert self.workspace.labels.add(LOCAL_OPERATOR, MODEL, [path])[0].error is None

    def evaluate(self, version: str, *, n: int = 60, seed: int = 7) -> int:
        """Take in what a version says of rows that v1 served; the batch."""
        served = rows(N, start=START + timedelta(days=10), days=DAYS, seed=1, prefix="p")[:n]
        scored = rows(n, seed=seed)
        table = [[*old[:2], version, *old[3:7], *new[7:9], old[9]] for old, new in zip(served, scored, strict=True)]
        return self._added(write_csv(self.file(), table), role=BatchRole.EVALUATION, version=version)

    def register(self, name: str, content: bytes | None = None) -> None:
        """Register a version with an artefact, evaluated on rows that v1 served."""
        artefact = self.file(".skops")
        artefact.write_bytes(content or name.encode() * 50)
        self.workspace.versions.add(LOCAL_OPERATOR, MODEL, name, artefact=artefact, parameters={"depth": 3})
        self.evaluate(name)

    def propose(self, kind: ProposalKind = ProposalKind.RETRAIN, version: str | None = None, *, by: str = "ada") -> int:
        """Open a proposal; its number."""
        return self.opened(kind, version, by=by).proposal.id

    def opened(
        self,
        kind: ProposalKind = ProposalKind.RETRAIN,
        version: str | None = None,
        *,
        by: str = "ada",
        arguments: Mapping[str, Any] | None = None,
    ) -> Decided:
        """Open a proposal."""
        return self.workspace.proposals.open(
            self.people[by], MODEL, kind, version, reason="the drift of May", arguments=arguments
        )

    def decide(self, proposal_id: int, move: Move = Move.APPROVE, *, by: str = "ines") -> Decided:
        """Decide on a proposal."""
        return self.workspace.proposals.decide(self.people[by], proposal_id, move, reason="I looked at all of it")

    def run(self, job_id: str | None) -> None:
        """Do what the worker does for a promotion, a rollback or a retirement."""
        assert job_id is not None
        self.workspace.jobs.begin(WORKER, job_id)
        said = self.workspace.execution.deploy(WORKER, job_id)
        self.workspace.jobs.finish(WORKER, job_id, said)

    def propose_policy(self, rules: Mapping[str, Any], *, tier: str | None = None, by: str = "ada") -> Decided:
        """Ask for other rules of signing, of the model or of a tier."""
        arguments = {"policy": dict(rules)} | ({} if tier is None else {"tier": tier})
        propose = self.workspace.proposals.open
        return propose(self.people[by], MODEL, ProposalKind.POLICY, reason="more care", arguments=arguments)

    def set_policy(
        self, rules: Mapping[str, Any], *, tier: str | None = None, signers: Sequence[str] = ("ines",)
    ) -> int:
        """Ask for other rules of signing, have them signed and put in force; the proposal's number."""
        number = self.propose_policy(rules, tier=tier).proposal.id
        decided = [self.decide(number, by=name) for name in signers]
        self.run(decided[-1].job_id)
        return number

    def put_in_force(self, version: str, kind: ProposalKind = ProposalKind.PROMOTE) -> int:
        """Propose, approve and run; the proposal's number."""
        decided = self.decide(self.propose(kind, version))
        self.run(decided.job_id)
        return decided.proposal.id

    def artefact_file(self, version: str) -> Path:
        """Where a version's artefact lies."""
        path = self.workspace.versions.artefact(LOCAL_OPERATOR, MODEL, version)
        assert path is not None
        return path

    def _added(self, path: Path, *, role: BatchRole = BatchRole.PRODUCTION, version: str | None = None) -> int:
        outcome = self.workspace.records.add(LOCAL_OPERATOR, MODEL, [path], role=role, version=version)[0]
        assert outcome.error is None
        assert outcome.batch_id is not None
        return outcome.batch_id


Step = Callable[[Governed], object]


@cache
def promoted(version: str) -> Step:
    """The step that puts a version in force."""
    return lambda governed: governed.put_in_force(version)


@cache
def proposed(kind: ProposalKind = ProposalKind.RETRAIN, version: str | None = None, *, by: str = "ada") -> Step:
    """The step that opens a proposal."""
    return lambda governed: governed.propose(kind, version, by=by)


def build(
    folder: Path, *, database_url: str | None = None, copy_of: Path | None = None, after: Sequence[Step] = ()
) -> Governed:
    """A governed workspace after some steps: copied from one built before on SQLite, built on PostgreSQL.

    What is the same step, and leaves the clock alone, is taken once a process for all who begin with it. Or a copy of
    that in another folder, as it is.
    """
    if copy_of is not None:
        shutil.copytree(copy_of / "workspace", folder / "workspace")
        return _opened(folder, None)
    if database_url is None:
        template, n_files = _template(tuple(after))
        shutil.copytree(template, folder / "workspace")
        governed = _opened(folder, None)
        governed._numbers = count(n_files)
        return governed
    governed = _opened(folder, database_url)
    _fill(governed)
    for step in after:
        step(governed)
    return governed


def _opened(folder: Path, database_url: str | None) -> Governed:
    clock = Clock()
    workspace = Workspace.open(folder / "workspace", database_url=database_url, clock=clock)
    people = People({**PEOPLE, "root": (UserRole.ADMIN,)}, clock)
    return Governed(workspace=workspace, clock=clock, folder=folder, people=people)


def _fill(governed: Governed) -> None:
    workspace, folder = governed.workspace, governed.folder
    JobQueue(workspace.database).prepare()
    workspace.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    reference = write_csv(folder / "reference.csv", rows(N, days=DAYS))
    production = write_csv(
        folder / "production.csv", rows(N, start=START + timedelta(days=10), days=DAYS, seed=1, prefix="p")
    )
    workspace.records.add(LOCAL_OPERATOR, MODEL, [reference], role=BatchRole.REFERENCE)
    workspace.records.add(LOCAL_OPERATOR, MODEL, [production])
    workspace.profiles.refresh(LOCAL_OPERATOR, MODEL)
    governed.register("v2")
    workspace.accounts.add_first(LOCAL_OPERATOR, "root", PASSWORD)
    for name, roles in PEOPLE.items():
        workspace.accounts.add(governed.people["root"], name, PASSWORD, roles=roles)


@cache
def _template(after: tuple[Step, ...]) -> tuple[Path, int]:
    """A workspace on SQLite, built once a process, and the number of its next file."""
    folder = Path(tempfile.mkdtemp(prefix="plumbline-governed-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    if after:
        governed = build(folder, after=after[:-1])
        after[-1](governed)
    else:
        governed = _opened(folder, None)
        _fill(governed)
    governed.workspace.close()
    return folder / "workspace", next(governed._numbers)
