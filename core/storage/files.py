"""Files of the workspace: written aside, named by their content, adopted by a database row.

A file counts only while a row names its digest. What a killed process leaves behind, in staging or
without a row, is swept when the workspace is next opened.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["ROW_GROUP", "WorkspaceFiles", "sha256_of"]

ROW_GROUP = 131_072


class WorkspaceFiles:
    """The files of one kind, told by their suffix, below `root`."""

    def __init__(self, root: Path, *, suffix: str = ".parquet") -> None:
        self._data = root / "data"
        self._staging = root / "staging"
        self._suffix = suffix

    def path(self, sha256: str) -> Path:
        """Where the file with this digest lies."""
        return self._data / sha256[:2] / f"{sha256}{self._suffix}"

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A folder to write in; it is gone afterwards, or swept if this process is killed."""
        folder = self._staging / uuid.uuid4().hex
        folder.mkdir(parents=True)
        with (folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # held until the process ends, however it ends
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def adopt(self, staged: Path, sha256: str) -> None:
        """Move a staged file to its place; call it inside the write transaction that inserts its row."""
        target = self.path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("rb") as file:
            os.fsync(file.fileno())
        staged.replace(target)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def leftovers(self, known: Set[str]) -> list[Path]:
        """Files that no row names, and staging folders whose process is dead."""
        orphans = [path for path in self._data.glob(f"*/*{self._suffix}") if path.stem not in known]
        return orphans + [folder for folder in self._staging.glob("*") if _is_abandoned(folder)]

    def sweep(self, known: Set[str]) -> int:
        """Delete the leftovers; how many went.

        Call it inside a write transaction on "files": no other process is then between `adopt` and
        its commit.
        """
        leftovers = self.leftovers(known)
        for path in leftovers:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(leftovers)


def _is_abandoned(folder: Path) -> bool:
    try:
        with (folder / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except FileNotFoundError:  # just being made or just removed by its owner
        return False
    return True


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_parquet(path: Path, table: pa.Table) -> None:
    """Write a whole table, in row groups of the size that counting reads."""
    pq.write_table(table, path, row_group_size=ROW_GROUP, compression="zstd")
