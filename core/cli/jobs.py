"""Commands on what runs by itself: the worker, its jobs, and nightly analyses."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Annotated

import typer

from core.cli.options import HERE, JsonOption, ReasonOption, WorkspaceOption, actor, opened
from core.console import print_json, print_table, say, warn
from core.errors import ConflictError

__all__ = ["job_app", "schedule", "worker"]

job_app = typer.Typer(help="What a worker does, did or will do.", no_args_is_help=True)
RETRY_SECONDS = 2.0
WAIT_SECONDS = 0.3


@job_app.command("list")
def job_list(
    model: Annotated[str | None, typer.Argument(help="Of this model only.")] = None,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """List jobs, the newest first."""
    space = opened(workspace)
    found = space.jobs.list(actor(space), model)
    if json:
        print_json(found)
        return
    rows = [(j.id, j.model, j.kind, j.state, f"{j.progress:.0%}", j.created_by, j.message) for j in found]
    print_table(["job", "model", "kind", "state", "done", "asked by", ""], rows, right=(4,))


@job_app.command("show")
def job_show(
    job: str,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for its end; exit with 1 unless it is done then.")] = False,
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Show a job and its log."""
    space = opened(workspace)
    who = actor(space)
    found = space.jobs.show(who, job)
    while wait and found.finished_at is None:
        time.sleep(WAIT_SECONDS)
        found = space.jobs.show(who, job)
    log = space.jobs.log(who, job)
    if json:
        print_json({"job": found, "log": log})
    else:
        say(f"{found.id}: {found.kind} of {found.model}, {found.state}, {found.progress:.0%} done")
        for line in log:
            say(f"{line.at:%Y-%m-%d %H:%M:%S} UTC  {line.text}")
    if wait and found.state != "done":
        raise typer.Exit(1)


@job_app.command("cancel")
def job_cancel(
    job: str, reason: ReasonOption = "", workspace: WorkspaceOption = HERE, json: JsonOption = False
) -> None:
    """Stop a job before it has an effect; its proposal counts as failed and can be retried."""
    space = opened(workspace)
    found = space.jobs.cancel(actor(space), job, reason=reason)
    if json:
        print_json(found)
    else:
        say(f"{found.id} is {found.state}.")


def schedule(
    model: str,
    at: Annotated[str, typer.Argument(metavar="HH:MM|off", help="In the model's own time zone.")],
    workspace: WorkspaceOption = HERE,
    json: JsonOption = False,
) -> None:
    """Have a worker analyse a model every night; an alarm leaves a draft of a proposal."""
    space = opened(workspace)
    found = space.jobs.schedule(actor(space), model, None if at == "off" else at)
    if json:
        print_json(found)
    elif found is None:
        say(f"{model} is not analysed by itself any more.")
    else:
        say(f"{model} is analysed every night at {found.at} ({found.timezone}).")


def worker(
    attached: Annotated[bool, typer.Option("--attached", hidden=True, help="Stop when stdin ends.")] = False,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Run approved jobs and nightly analyses until stopped (Ctrl-C or SIGTERM); a killed one is gone on with."""
    stop = threading.Event()
    _stop_on_signals(stop)
    if attached:
        threading.Thread(target=_stop_at_end_of_stdin, args=(stop,), daemon=True).start()
    from core.jobs import run_worker

    space = opened(workspace, create=False)
    waits = False
    while not stop.is_set():
        try:
            run_worker(space, stop=stop, started=lambda: warn(f"The worker runs on {workspace} (Ctrl-C stops it)."))
        except ConflictError as error:
            if not attached:
                raise
            if not waits:  # the other one does the jobs; this one takes its place when it ends
                warn(f"plumbline: {error}")
                waits = True
            stop.wait(RETRY_SECONDS)
    space.close()


def _stop_on_signals(stop: threading.Event) -> None:
    """The first signal ends the worker after the job it runs, the second at once: the next worker goes on with it."""

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(128 + number)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)


def _stop_at_end_of_stdin(stop: threading.Event) -> None:
    """Stdin is a pipe from the program that started this one: it ends with that, however that ended."""
    while sys.stdin.buffer.read(1):
        pass
    stop.set()
