"""Real sets that are not models' logs, as reference and production; they lie beside the project, never in it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from core.governance.identity import LOCAL_OPERATOR as ME
from core.logs.inference import draft_schema
from core.logs.source import LogSource
from core.record import BatchRole
from core.workspace import Workspace
from tests.dashboard.conftest import nobody_signed_in, open_page, streamlit_prepared  # noqa: F401 (pages are opened here too)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """Two files, and the schema proposed for them."""

    reference: Path
    production: Path
    schema: str


StreamOf = Callable[[str], Stream]


def read(folder: Path, name: str) -> tuple[pd.DataFrame, int]:
    """A set's rows in order, and how many of them are the reference."""
    if name == "elec2":
        return pd.read_csv(folder / "elec2" / "elec2_full.csv.gz"), 15_000
    if name == "weather":
        return pd.read_csv(folder / "weather" / "weather.csv"), 5_760
    with zipfile.ZipFile(folder / "bike_sharing" / "bike_sharing_dataset.zip") as archive:
        bike = pd.read_csv(archive.open("hour.csv"))
    bike["at"] = bike["dteday"] + "T" + bike["hr"].astype(str).str.zfill(2) + ":00"
    return bike, 8_645


@pytest.fixture(scope="session")
def stream_of(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> StreamOf:
    """Gives a set by name: elec2, weather, bike or titanic."""

    def stream(name: str) -> Stream:
        if name == "titanic":
            reference, production = (
                shared_data / "titanic_dq" / f"titanic_{part}.csv" for part in ("reference", "analysis")
            )
        else:
            frame, n = read(shared_data, name)
            folder = tmp_path_factory.mktemp(name)
            reference, production = folder / "reference.csv", folder / "production.csv"
            frame.iloc[:n].to_csv(reference, index=False)
            frame.iloc[n:].to_csv(production, index=False)
        return Stream(
            reference=reference,
            production=production,
            schema=draft_schema(LogSource.open(reference), task=None).to_toml(),
        )

    return stream


@pytest.fixture(scope="session")
def stream_folder(stream_of: StreamOf, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the folder of a workspace that took a set in whole, as a model of the set's name."""
    built: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in built:
            stream = stream_of(name)
            workspace = Workspace.open(tmp_path_factory.mktemp(name) / "workspace")
            workspace.models.add(ME, name, stream.schema)
            for path, role in ((stream.reference, BatchRole.REFERENCE), (stream.production, BatchRole.PRODUCTION)):
                outcome = workspace.records.add(ME, name, [path], role=role)[0]
                assert (outcome.error, outcome.n_rejected) == (None, 0)
            workspace.profiles.refresh(ME, name)
            workspace.close()
            built[name] = workspace.folder
        return built[name]

    return folder
