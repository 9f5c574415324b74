"""The worker: runs what was approved as durable workflows, which go on where a killed worker stopped.

A step is begun again if the worker was killed in it: what a step does, it does once however often it is
begun. Steps hand their errors on as text, since a durable store can't keep exceptions of all kinds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from dbos import DBOS, DBOSConfig

from core.errors import ConflictError, PlumblineError
from core.governance.identity import WORKER
from core.governance.proposals import ProposalKind
from core.services.jobs import ANALYSE
from core.storage.queue import APPLICATION_VERSION, QUEUE
from core.workspace import Workspace

__all__ = ["run_worker"]

SCHEDULE_SECONDS = 30.0
EXECUTOR = "worker"  # the same after a restart, on whatever machine: a killed worker's jobs are the next one's
LONG = 7 * 24 * 3600
OK, FAILED = "ok", "failed"
LOG = logging.getLogger(__name__)

Answer = list[str]  # [OK or FAILED, text], as JSON keeps it
_open: list[Workspace] = []  # the workspace of the worker that runs in this process


def _answered(work: Callable[..., str], *args: Any) -> Answer:
    try:
        return [OK, work(*args)]
    except PlumblineError as error:
        return [FAILED, str(error)]
    except Exception as error:  # whatever a step meets: the job ends as failed and says so, the worker goes on
        LOG.exception("A step failed unexpectedly.")
        return [FAILED, f"Failed unexpectedly: {type(error).__name__}: {error}"]


@DBOS.step(name="begin")
def _begin(job_id: str) -> Answer:
    return _answered(lambda: _open[0].jobs.begin(WORKER, job_id).message)


@DBOS.step(name="deploy")
def _deploy(job_id: str) -> Answer:
    return _answered(_open[0].execution.deploy, WORKER, job_id)


@DBOS.step(name="train")
def _train(job_id: str) -> Answer:
    return _answered(lambda: _open[0].execution.train(WORKER, job_id, say=_sayer(job_id)))


@DBOS.step(name="propose promotion")
def _propose_promotion(job_id: str, version: str) -> Answer:
    def work() -> str:
        found = _open[0].execution.propose_promotion(WORKER, job_id, version)
        return f"{version} is a candidate; proposal {found.id} asks for its promotion."

    return _answered(work)


@DBOS.step(name="analyse")
def _analyse(job_id: str) -> Answer:
    return _answered(lambda: _open[0].execution.analyse(WORKER, job_id, say=_sayer(job_id)))


@DBOS.step(name="finish")
def _finish(job_id: str, text: str) -> Answer:
    return _answered(lambda: _open[0].jobs.finish(WORKER, job_id, text).message)


@DBOS.step(name="fail")
def _fail(job_id: str, why: str) -> Answer:
    return _answered(lambda: _open[0].jobs.fail(WORKER, job_id, why).message)


def _sayer(job_id: str) -> Callable[[str, float], None]:
    return lambda text, progress: _open[0].jobs.note(WORKER, job_id, text, progress=progress)


def _run(job_id: str, *steps: Callable[..., Answer]) -> None:
    """Begin, take the steps, each with the answer of the one before, and finish; or fail with the reason."""
    state, text = _begin(job_id)
    for place, step in enumerate(steps):
        if state == OK:
            state, text = step(job_id) if place == 0 else step(job_id, text)
    (_finish if state == OK else _fail)(job_id, text)


@DBOS.workflow(name=ProposalKind.PROMOTE)
def _promote(job_id: str) -> None:
    _run(job_id, _deploy)


@DBOS.workflow(name=ProposalKind.ROLLBACK)
def _roll_back(job_id: str) -> None:
    _run(job_id, _deploy)


@DBOS.workflow(name=ProposalKind.RETIRE)
def _retire(job_id: str) -> None:
    _run(job_id, _deploy)


@DBOS.workflow(name=ProposalKind.RENEW)
def _renew(job_id: str) -> None:
    _run(job_id, _deploy)


@DBOS.workflow(name=ProposalKind.POLICY)
def _set_policy(job_id: str) -> None:
    _run(job_id, _deploy)


@DBOS.workflow(name=ProposalKind.ACCEPT_DRIFT)
def _accept_drift(job_id: str) -> None:
    _run(job_id, _deploy)


@DBOS.workflow(name=ProposalKind.REBASELINE)
def _rebaseline(job_id: str) -> None:
    _run(job_id, _deploy)


@DBOS.workflow(name=ProposalKind.RETRAIN)
def _retrain(job_id: str) -> None:
    _run(job_id, _train, _propose_promotion)


@DBOS.workflow(name=ANALYSE)
def _analyse_model(job_id: str) -> None:
    _run(job_id, _analyse)


def run_worker(workspace: Workspace, *, stop: threading.Event, started: Callable[[], None] | None = None) -> None:
    """Run approved jobs and nightly analyses until `stop` is set, and the job that runs then has ended.

    Signs the ledger's head, too, where it has the key, and tells people what they want to be told.

    Raises
    ------
    ConflictError
        If another worker runs on this workspace.
    """
    with _only_one(workspace):
        database = workspace.database
        config: DBOSConfig = {
            "name": "plumbline",
            "system_database_url": database.url.render_as_string(hide_password=False),
            "application_version": APPLICATION_VERSION,
            "executor_id": EXECUTOR,
            "log_level": "WARNING",
            "enable_otlp": False,
        }
        _open[:] = [workspace]
        DBOS(config=config)
        DBOS.launch()
        teller = threading.Thread(target=_tell_people, args=(workspace, stop), name="notices")
        teller.start()
        try:
            DBOS.register_queue(QUEUE, global_concurrency=1)
            if started is not None:
                started()
            while True:
                for due in (workspace.jobs.enqueue_due, workspace.ledger.sign_due):
                    try:
                        due(WORKER)
                    except PlumblineError as error:  # such as a database that is away for a moment
                        LOG.warning("What is due could not be done: %s", error)
                if stop.wait(SCHEDULE_SECONDS):
                    return
        finally:
            stop.set()
            DBOS.destroy(workflow_completion_timeout_sec=LONG)  # the lock is kept until the job it runs has ended
            teller.join()
            _open.clear()


def _tell_people(workspace: Workspace, stop: threading.Event) -> None:
    """Gather and deliver notices beside the jobs: a receiver that hangs or fails holds up nothing else."""
    while True:
        for work in (workspace.notifications.gather, workspace.notifications.deliver):
            try:
                work(WORKER)
            except PlumblineError as error:
                LOG.warning("People could not be told: %s", error)
            except Exception:  # the worker goes on whatever telling people meets
                LOG.exception("People could not be told.")
        if stop.wait(SCHEDULE_SECONDS):
            return


@contextmanager
def _only_one(workspace: Workspace) -> Iterator[None]:
    """Two workers would both run the same job: one is let in."""
    with workspace.worker_lock.hold() as is_ours:
        if not is_ours:
            raise ConflictError(f"A worker runs on {workspace.folder} already.")
        yield
