"""Migrations are run here, not what they made copied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.once import tables_migrated


@pytest.fixture(autouse=True)
def _migrated() -> Iterator[None]:
    with tables_migrated():
        yield
