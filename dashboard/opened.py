"""The workspace that this server shows: opened once, for pages and routes alike."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from core.workspace import Workspace

__all__ = ["workspace"]


def workspace() -> Workspace:
    """The workspace that PLUMBLINE_WORKSPACE names."""
    return _open(os.environ.get("PLUMBLINE_WORKSPACE", "plumbline-workspace"))


@lru_cache(maxsize=4)
def _open(folder: str) -> Workspace:
    return Workspace.open(Path(folder))
