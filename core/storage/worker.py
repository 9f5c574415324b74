"""Whether a worker runs on a workspace: one at most does, and its locks die with it."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.storage.database import Database

__all__ = ["WorkerLock"]

PATIENCE_SECONDS, PAUSE_SECONDS = 1.0, 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerLock:
    """Locks on the folder and the database, so that two machines on one database have one worker too."""

    folder: Path
    database: Database

    @contextmanager
    def hold(self) -> Iterator[bool]:
        """Hold it; whether it was free. Waits a second: who asks whether it is held holds it for an instant."""
        until = time.monotonic() + PATIENCE_SECONDS
        while True:
            with self._taken() as is_ours:
                if is_ours or time.monotonic() > until:
                    yield is_ours
                    return
            time.sleep(PAUSE_SECONDS)

    def is_held(self) -> bool:
        """Whether a worker runs."""
        with self._taken() as is_ours:
            return not is_ours

    @contextmanager
    def _taken(self) -> Iterator[bool]:
        with (self.folder / "worker.lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            with self.database.hold("worker") as is_ours:
                yield is_ours
