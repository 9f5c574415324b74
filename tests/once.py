"""What costs much and is the same in every test: it is paid for once, or less of it.

The product has no such way in: all is put in place for the tests' own process alone.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine, create_engine

from core.services import accounts
from core.storage import database
from core.storage.database import Database

__all__ = [
    "HASHER",
    "QUICK",
    "built_once",
    "components_found_once",
    "hashed_quickly",
    "statements_compiled_once",
    "tables_made_once",
    "tables_migrated",
]

QUICK = PasswordHasher(
    time_cost=1, memory_cost=64, parallelism=1
)  # a hash brings its cost along: sign-ins are quick too
HASHER = accounts._hasher  # at what it costs in production
_migrate = Database.migrate


def built_once(factory: pytest.TempPathFactory, name: str, build: Callable[[Path], object]) -> Path:
    """A folder as `build` makes it, built by one process of a run; each has a copy that no other opens."""
    own = factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    template = shared / "built" / name
    template.parent.mkdir(exist_ok=True)
    with template.with_name(f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            made = factory.mktemp("making") / name
            build(made)
            made.rename(template)
    return Path(shutil.copytree(template, factory.mktemp("built") / name))


@contextmanager
def hashed_quickly() -> Iterator[None]:
    """Passwords are hashed as in production, with less of it: time, memory and lanes."""
    with patch.object(accounts, "_hasher", lambda: QUICK):
        yield


@contextmanager
def tables_made_once(folder: Path) -> Iterator[None]:
    """A SQLite database that isn't there yet begins as a copy of one that the migrations made."""
    template = folder / "migrated.db"

    def migrate(of: Database) -> None:
        file = Path(of.url.database or "") if of.is_sqlite else None
        if file is not None and not file.exists() and file.parent.is_dir():
            if not template.exists():
                made = Database(f"sqlite:///{template}")
                _migrate(made)
                made.close()
            _copy_whole(template, file)
        _migrate(of)

    with patch.object(Database, "migrate", migrate):
        yield


@contextmanager
def statements_compiled_once() -> Iterator[None]:
    """Engines on SQLite share their dialect and what it made of statements, as the one engine of a server does."""
    first = create_engine("sqlite://")
    first.connect().close()  # the dialect has seen a connection

    def engine(url: str, **options: Any) -> Engine:
        made = create_engine(url, **options)
        if made.dialect.name == first.dialect.name:
            made.dialect = made.pool._dialect = first.dialect
            made._compiled_cache = first._compiled_cache
        return made

    with patch.object(database, "create_engine", engine):
        yield


@contextmanager
def components_found_once() -> Iterator[None]:
    """Streamlit's AppTest reads what every installed package says of itself at each run of a page: here at the first.

    A server does so once, when it starts.
    """
    from streamlit.components.v2 import manifest_scanner

    with patch.object(manifest_scanner, "scan_component_manifests", cache(manifest_scanner.scan_component_manifests)):
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
