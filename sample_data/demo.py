"""Build the demo workspace: the lender's models taken in week after week, and signed for by people."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, WORKER, Actor, UserRole
from core.governance.proposals import Move, ProposalKind
from core.record import BatchRole
from core.services.jobs import JobState
from core.workspace import Workspace
from sample_data import companions, lender

__all__ = ["N_STEPS", "PASSWORD", "PEOPLE", "build_demo"]

LENDER = "credit-default"
PASSWORD = "plumbline-demo"  # noqa: S105 (of a demo that listens on this machine only)
PEOPLE = {"ada": UserRole.ENGINEER, "ines": UserRole.REVIEWER, "otto": UserRole.REVIEWER}
ADMIN = "root"
START = datetime(2026, 3, 30, 6, tzinfo=UTC)  # the morning the watch begins
V7_FROM = datetime(2026, 7, 1, 9, tzinfo=UTC)
AS_OF = datetime(2026, 9, 28, 6, tzinfo=UTC)  # the morning after the last decision
N_STEPS = 304  # files generated and taken in, batches counted, sampled windows looked at; a test counts them again
JOB_SECONDS = 60

Step = Callable[[int, str], None]


class _Clock:
    """Stands still where it is set; the present once it is released, but never before the demo's last day."""

    def __init__(self, at: datetime) -> None:
        self.at: datetime | None = at

    def __call__(self) -> datetime:
        return self.at or max(datetime.now(UTC), AS_OF)


def build_demo(folder: Path, *, step: Step | None = None) -> bool:
    """Build the demo in `folder`, unless it is there already; whether it was built.

    It is built beside the folder and moved into place at the end, so that a build that was stopped
    half-way leaves nothing that looks like a workspace.

    Parameters
    ----------
    folder : Path
    step : callable or None
        Told (steps done, a word on what is being done).
    """
    if folder.exists() and any(folder.iterdir()):
        return False
    building = folder.with_name(f"{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    tell = step or (lambda _done, _word: None)
    database = f"sqlite:///{building.resolve() / 'plumbline.db'}"
    clock = _Clock(START)
    with TemporaryDirectory(prefix="plumbline-demo-") as files:
        tell(0, "generating")
        lender.write(Path(files) / LENDER, progress=lambda name, _rows: tell(1, name))
        companions.write(Path(files), progress=lambda name, _rows: tell(1, name))
        workspace = Workspace.open(building, database_url=database, clock=clock)
        people = _sign_up(workspace)
        _lend(workspace, Path(files) / LENDER, people, clock, tell)
        clock.at = AS_OF
        for model in ("affordability", "document-type"):
            _take_in(workspace, model, Path(files) / model, tell)
        clock.at = None  # what waits for somebody was asked for just now
        _ask(workspace, Path(files) / LENDER, people, tell)
        workspace.close()
    if folder.exists():
        folder.rmdir()
    building.rename(folder)
    return True


def _sign_up(workspace: Workspace) -> dict[str, Actor]:
    accounts = workspace.accounts
    accounts.add_first(LOCAL_OPERATOR, ADMIN, PASSWORD)
    admin = accounts.sign_in(ANONYMOUS, ADMIN, PASSWORD).actor
    for name, role in PEOPLE.items():
        accounts.add(admin, name, PASSWORD, roles=[role])
    return {name: accounts.sign_in(ANONYMOUS, name, PASSWORD).actor for name in PEOPLE}


def _lend(workspace: Workspace, files: Path, people: dict[str, Actor], clock: _Clock, tell: Step) -> None:
    """The lender's half-year: v6 serves from the start, v7 follows it in July."""
    ada = people["ada"]
    workspace.models.add(ada, LENDER, (files / f"{LENDER}.toml").read_text(encoding="utf-8"))
    _records(workspace, ada, LENDER, [files / "reference.parquet"], BatchRole.REFERENCE)
    workspace.profiles.refresh(ada, LENDER)
    asked = workspace.proposals.open(
        ada, LENDER, ProposalKind.PROMOTE, "v6", reason="It serves since January; from today on it is watched."
    )
    _approve(workspace, "ines", asked.proposal.id, "Known and in use; the reference is what it was validated on.")
    for path in sorted((files / "production").iterdir()):
        clock.at = _morning_after(path)
        if clock.at > V7_FROM and workspace.versions.in_force(ada, LENDER, clock.at).version == "v6":  # type: ignore[union-attr]
            week_end, clock.at = clock.at, V7_FROM
            workspace.versions.add(ada, LENDER, "v7", parameters={"scorecard": 7}, parent="v6")
            _records(workspace, ada, LENDER, [files / "takeover-v7.parquet"], BatchRole.EVALUATION, version="v7")
            asked = workspace.proposals.open(
                ada, LENDER, ProposalKind.PROMOTE, "v7", reason="The yearly revision of the scorecard."
            )
            _approve(workspace, "otto", asked.proposal.id, "As good as v6 on the same decisions, for every group.")
            clock.at = week_end
        _records(workspace, ada, LENDER, [path], BatchRole.PRODUCTION)
        known = files / "labels" / f"{path.name.removesuffix('.csv.gz').removesuffix('.parquet')}.csv.gz"
        if known.exists():
            workspace.labels.add(ada, LENDER, [known], names=[known.name])
        tell(1, f"{LENDER} {path.name}")
    clock.at = AS_OF
    _count(workspace, LENDER, tell)
    workspace.jobs.schedule(ada, LENDER, "02:00")


def _ask(workspace: Workspace, files: Path, people: dict[str, Actor], tell: Step) -> None:
    """What waits for somebody: a candidate with a catch, and what last night's alarm suggests."""
    ada = people["ada"]
    workspace.versions.add(ada, LENDER, "v8", parameters={"scorecard": 8}, parent="v7")
    for version in ("v7", "v8"):
        evaluation = files / f"evaluation-{version}.parquet"
        _records(workspace, ada, LENDER, [evaluation], BatchRole.EVALUATION, version=version)
    workspace.proposals.open(
        ada, LENDER, ProposalKind.PROMOTE, "v8", reason="Ranks applicants better than v7 on the same 6,000 decisions."
    )
    workspace.execution.judge(WORKER, LENDER)
    tell(1, "asking")


def _take_in(workspace: Workspace, model: str, files: Path, tell: Step) -> None:
    """Register a model, and take in its reference, its weeks and its late labels."""
    workspace.models.add(LOCAL_OPERATOR, model, (files / f"{model}.toml").read_text(encoding="utf-8"))
    _records(workspace, LOCAL_OPERATOR, model, [files / "reference.parquet"], BatchRole.REFERENCE)
    for path in sorted((files / "production").iterdir()):
        _records(workspace, LOCAL_OPERATOR, model, [path], BatchRole.PRODUCTION)
        tell(1, f"{model} {path.name}")
    labels = sorted((files / "labels").iterdir()) if (files / "labels").is_dir() else []
    if labels:
        workspace.labels.add(LOCAL_OPERATOR, model, labels, names=[path.name for path in labels])
    _count(workspace, model, tell)


def _count(workspace: Workspace, model: str, tell: Step) -> None:
    workspace.profiles.refresh(
        LOCAL_OPERATOR, model, progress=lambda name, _done, _all: tell(1, f"counting {model} {name}")
    )


def _records(
    workspace: Workspace, actor: Actor, model: str, paths: list[Path], role: BatchRole, *, version: str | None = None
) -> None:
    names = [path.name for path in paths]
    for outcome in workspace.records.add(actor, model, paths, role=role, version=version, names=names):
        if outcome.error:
            raise RuntimeError(f"The demo's own file {outcome.file} was refused: {outcome.error}")


def _approve(workspace: Workspace, name: str, proposal_id: int, reason: str) -> None:
    """Sign in to decide, and have a worker do what was decided."""
    from core.jobs import run_worker  # imported late: the durable queue is slow to load

    actor = workspace.accounts.sign_in(ANONYMOUS, name, PASSWORD).actor
    job_id = workspace.proposals.decide(actor, proposal_id, Move.APPROVE, reason=reason).job_id or ""
    stop = threading.Event()
    worker = threading.Thread(target=run_worker, args=(workspace,), kwargs={"stop": stop})
    worker.start()
    try:
        deadline = time.monotonic() + JOB_SECONDS
        while (job := workspace.jobs.show(actor, job_id)).state in (JobState.QUEUED, JobState.RUNNING):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
    finally:
        stop.set()
        worker.join()
    if job.state is not JobState.DONE:
        raise RuntimeError(f"The demo's job {job_id} is {job.state}: {job.message}")


def _morning_after(path: Path) -> datetime:
    """The Monday morning after the week a file is named by, such as 2026-W14."""
    year, week = path.name.split(".")[0].split("-W")
    return datetime.fromisocalendar(int(year), int(week), 1).replace(hour=6, tzinfo=UTC) + timedelta(days=7)
