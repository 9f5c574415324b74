"""A program that runs real workers, each a process of its own, and kills or holds them where a test says.

It reads a JSON object a line on stdin and answers with one: start a worker, or wait for one to end. Workers are
forked from it, so that only the first pays for what they import.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from importlib import import_module
from itertools import count
from pathlib import Path
from typing import Any

from dbos import DBOS

from core.errors import ConflictError
from core.jobs import run_worker
from core.workspace import Workspace

PRELOADED = (
    "core.services.execution",
    "core.services.placement",
    "core.actions.targets.command",
    "core.actions.targets.registry",
    "core.actions.retrain.trainer",
    "core.actions.retrain.artefact",
    "core.services.notifications",
    "core.services.ledger",
    "dbos._sys_db_sqlite",
    "sqlalchemy.dialects.sqlite",
    "pyarrow.pandas_compat",
    "pyarrow.acero",
    "pyarrow.csv",
)
ENDED = {"SUCCESS", "ERROR", "CANCELLED"}
POLL = 0.02
PATIENCE = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Before or after the n-th call of a function, named module:path."""

    function: str
    when: str = "before"
    nth: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A worker to run until a workflow has ended; None runs it until it is told to stop."""

    folder: str
    database_url: str
    now: str
    until: str | None
    kill: Place | None = None
    hold: Place | None = None
    log: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def at(place: Place, act: Callable[[], None]) -> None:
    """Have `act` called at a place."""
    module, _, path = place.function.partition(":")
    *parents, name = path.split(".")
    owner: Any = import_module(module)
    for parent in parents:
        owner = getattr(owner, parent)
    inner, calls = getattr(owner, name), count(1)

    def wrapped(*args: Any, **options: Any) -> Any:
        is_here = next(calls) == place.nth
        if is_here and place.when == "before":
            act()
        found = inner(*args, **options)
        if is_here and place.when == "after":
            act()
        return found

    setattr(owner, name, wrapped)


def hold(folder: Path) -> None:
    """Say that the place was reached, and wait there."""
    (folder / "reached").touch()
    while not (folder / "go").exists():
        time.sleep(POLL)


def work(order: Order) -> None:
    """The life of one worker."""
    workspace = Workspace.open(
        Path(order.folder), database_url=order.database_url, clock=lambda: datetime.fromisoformat(order.now)
    )
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    DBOS.register_queue = partial(DBOS.register_queue, polling_interval_sec=0.05)
    if order.kill is not None:
        at(order.kill, lambda: os.kill(os.getpid(), signal.SIGKILL))
    if order.hold is not None:
        at(order.hold, lambda: hold(Path(order.folder)))

    def watch() -> None:
        while True:
            status = DBOS.get_workflow_status(order.until)
            if status is not None and status.status in ENDED:
                os._exit(0)
            time.sleep(POLL)

    def started() -> None:
        if order.until is not None:
            threading.Thread(target=watch, daemon=True).start()

    end = time.monotonic() + PATIENCE
    while True:
        try:
            run_worker(workspace, stop=stop, started=started)
            return
        except ConflictError:  # PostgreSQL may need a moment to see that the killed one is gone
            if time.monotonic() > end:
                raise
            time.sleep(POLL)


def fork(order: Order) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 0
    try:
        with Path(order.log).open("a") as log:
            for stream in (1, 2):
                os.dup2(log.fileno(), stream)
        work(order)
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stderr.flush()
        os._exit(code)


def place(data: dict[str, Any] | None) -> Place | None:
    return None if data is None else Place(**data)


def main() -> None:
    for name in PRELOADED:
        import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        if "wait" in asked:
            _, status = os.waitpid(asked["wait"], 0)
            answer = os.waitstatus_to_exitcode(status)
        else:
            asked |= {"kill": place(asked["kill"]), "hold": place(asked["hold"])}
            answer = fork(Order(**asked))
        print(json.dumps(answer), flush=True)  # noqa: T201 (the answer)


if __name__ == "__main__":
    main()
