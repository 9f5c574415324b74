"""Real processes that run at once, forked from a server that has imported what they need: imports are paid for once."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import Any

__all__ = ["at_once", "started"]

ROOT = Path(__file__).resolve().parents[1]
PRELOADED = [
    "core.services.records",
    "core.services.profiles",
    "core.services.proposals",
    "core.storage.ledger",
    "pytest",
]


def at_once(function: Callable[..., object], arguments: Iterable[tuple[Any, ...]]) -> list[int | None]:
    """Call a module's function once a process, all at the same time; the exit codes."""
    processes = [started(function, *each) for each in arguments]
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]


def started(function: Callable[..., object], *arguments: Any) -> BaseProcess:
    """A process that has begun to call a module's function."""
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys([str(ROOT), *_import_path()]))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    process = context.Process(target=function, args=arguments)
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")  # which may be a page that was tested, and is run anew by a child
    try:
        process.start()
    finally:
        sys.modules["__main__"] = main
    return process


def _import_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]
