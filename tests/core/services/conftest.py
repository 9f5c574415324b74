"""The model whose amounts moved for good (tests/accepting.py), unless a module has another: to change or to look at."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.accepting import moved
from tests.watched import Watched, opened


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    found = opened(tmp_path, copy_of=moved())
    yield found
    found.workspace.close()


@pytest.fixture(scope="module")
def looked_at(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """A copy that is left as it is."""
    found = opened(tmp_path_factory.mktemp("looked_at"), copy_of=moved())
    yield found
    found.workspace.close()
