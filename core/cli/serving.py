"""Commands that open the dashboard, with a worker beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from core.cli.options import HERE, WorkspaceOption, opened
from core.console import counter, warn

__all__ = ["demo", "up"]


def up(
    workspace: WorkspaceOption = HERE,
    port: Annotated[int, typer.Option(help="Where the dashboard listens, on 127.0.0.1.")] = 8501,
) -> None:
    """Open the dashboard, and run a worker beside it."""
    opened(workspace).close()
    _serve(workspace, port)


def demo(
    serve: Annotated[bool, typer.Option("--serve/--no-serve", help="Open the dashboard afterwards.")] = True,
    workspace: WorkspaceOption = HERE,
    port: Annotated[int, typer.Option(help="Where the dashboard listens, on 127.0.0.1.")] = 8501,
) -> None:
    """Build the demo workspace and open the dashboard."""
    from sample_data.demo import N_STEPS, build_demo

    with counter("Building the demo", total=N_STEPS) as step:
        built = build_demo(workspace, step=step)
    warn(f"The demo is in {workspace}." if built else f"{workspace} exists already; remove it to build the demo anew.")
    if serve:
        _serve(workspace, port)


def _serve(workspace: Path, port: int) -> None:
    """Start a worker, then replace this process by the dashboard's server."""
    import dashboard

    folder = Path(dashboard.__file__).resolve().parent
    workspace = workspace.resolve()
    os.environ["PLUMBLINE_WORKSPACE"] = str(workspace)
    os.chdir(folder.parent)  # where .streamlit/config.toml lies, and whence the worker finds core
    warn(f"Plumbline is at http://127.0.0.1:{port} (stop it with Ctrl-C)")
    _start_worker(workspace)
    script = str(folder / "asgi.py")
    command = [sys.executable, "-m", "streamlit", "run", script, "--server.port", str(port)]
    os.execv(sys.executable, command)  # noqa: S606 (no shell, and the arguments are ours)


def _start_worker(workspace: Path) -> None:
    """A worker that ends with this process.

    It stops when its stdin ends. The other end of that pipe stays open in this process and in the server that
    takes its place, and nowhere else: the system closes it when that ends, be it by Ctrl-C or kill -9.
    """
    ours, ends_with_us = os.pipe()
    os.set_inheritable(ends_with_us, True)
    command = [sys.executable, "-c", "from core.cli import main; main()", "worker", "--attached"]
    subprocess.Popen([*command, "--workspace", str(workspace)], stdin=ours)  # noqa: S603 (the arguments are ours)
    os.close(ours)
