"""What costs much and is the same in every test: it is paid for once, or less of it.

The product has no such way in: both are put in place for the tests' own process alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from argon2 import PasswordHasher

from core.services import accounts
from core.storage.database import Database

__all__ = ["HASHER", "QUICK", "hashed_quickly", "tables_made_once", "tables_migrated"]

QUICK = PasswordHasher(
    time_cost=1, memory_cost=64, parallelism=1
)  # a hash brings its cost along: sign-ins are quick too
HASHER = accounts._hasher  # at what it costs in production
_migrate = Database.migrate


@contextmanager
def hashed_quickly() -> Iterator[None]:
    """Passwords are hashed as in production, with less of it: time, memory and lanes."""
    with patch.object(accounts, "_hasher", lambda: QUICK):
        yield


@contextmanager
def tables_made_once(folder: Path) -> Iterator[None]:
    """A SQLite database that isn't there yet begins as a copy of one that the migrations made."""
    template = folder / "migrated.db"

    def migrate(database: Database) -> None:
        file = Path(database.url.database or "") if database.is_sqlite else None
        if file is not None and not file.exists() and file.parent.is_dir():
            if not template.exists():
                made = Database(f"sqlite:///{template}")
                _migrate(made)
                made.close()
            _copy_whole(template, file)
        _migrate(database)

    with patch.object(Database, "migrate", migrate):
        yield


@contextmanager
def tables_migrated() -> Iterator[None]:
    """Every database goes through its migrations, as it does in production."""
    with patch.object(Database, "migrate", _migrate):
        yield


def _copy_whole(source: Path, target: Path) -> None:
    """All of it at once, and never over a file that another process or thread has made meanwhile."""
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        copy = Path(shutil.copyfile(source, Path(folder) / "copy"))
        try:
            os.link(copy, target)
        except FileExistsError:
            return
