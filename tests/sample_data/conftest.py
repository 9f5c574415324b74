"""The scenario is generated once."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.schema import ModelSchema
from sample_data import lender
from sample_data.lender import Scenario


@pytest.fixture(scope="session")
def scenario() -> Scenario:
    return lender.generate()


@pytest.fixture(scope="session")
def schema() -> ModelSchema:
    path = Path(lender.__file__).parent / "credit-default.toml"
    return ModelSchema.from_toml(path.read_text(encoding="utf-8"), path.name)
