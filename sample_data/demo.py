"""Build the demo workspace: the lender's models taken in as if week after week had passed."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from core.governance.identity import LOCAL_OPERATOR
from core.record import BatchRole
from core.workspace import Workspace
from sample_data import companions, lender

__all__ = ["build_demo"]

LENDER = "credit-default"
AS_OF = datetime(2026, 9, 28, 6, tzinfo=UTC)  # the morning after the last decision
N_STEPS = 12 + 54 + 60 + 90  # generated files, lender's files, companions' files, counted batches: about

Step = Callable[[int, str], None]


def build_demo(folder: Path, *, step: Step | None = None) -> bool:
    """Build the demo in `folder`, unless it is there already; whether it was built.

    It is built beside the folder and moved into place at the end, so that a build that was stopped
    half-way leaves nothing that looks like a workspace.

    Parameters
    ----------
    folder : Path
    step : callable or None
        Told (steps done, a word on what is being done).
    """
    if folder.exists() and any(folder.iterdir()):
        return False
    building = folder.with_name(f"{folder.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    tell = step or (lambda _done, _word: None)
    database = f"sqlite:///{building.resolve() / 'plumbline.db'}"
    with TemporaryDirectory(prefix="plumbline-demo-") as files:
        tell(0, "generating")
        lender.write(Path(files) / LENDER, progress=lambda name, _rows: tell(1, name))
        companions.write(Path(files), progress=lambda name, _rows: tell(1, name))
        workspace = Workspace.open(building, database_url=database, clock=lambda: AS_OF)
        for model in (LENDER, "affordability", "document-type"):
            _take_in(workspace, model, Path(files) / model, tell)
        workspace.close()
    if folder.exists():
        folder.rmdir()
    building.rename(folder)
    return True


def _take_in(workspace: Workspace, model: str, files: Path, tell: Step) -> None:
    """Register a model, and take in its reference, its weeks and its late labels."""
    workspace.models.add(LOCAL_OPERATOR, model, (files / f"{model}.toml").read_text(encoding="utf-8"))
    _records(workspace, model, [files / "reference.parquet"], BatchRole.REFERENCE)
    if model == LENDER:
        workspace.models.add_version(LOCAL_OPERATOR, model, "v7")
    for path in sorted((files / "production").iterdir()):
        _records(workspace, model, [path], BatchRole.PRODUCTION)
        tell(1, f"{model} {path.name}")
    labels = sorted((files / "labels").iterdir()) if (files / "labels").is_dir() else []
    if labels:
        workspace.labels.add(LOCAL_OPERATOR, model, labels, names=[path.name for path in labels])
    workspace.profiles.refresh(
        LOCAL_OPERATOR, model, progress=lambda name, _done, _all: tell(1, f"counting {model} {name}")
    )


def _records(workspace: Workspace, model: str, paths: list[Path], role: BatchRole) -> None:
    workspace.records.add(LOCAL_OPERATOR, model, paths, role=role, names=[path.name for path in paths])
