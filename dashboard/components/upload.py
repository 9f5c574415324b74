"""A file on its way in, and all that was said of it so far; it lives in the session until it is taken in.

Widgets forget what they held once another page is shown. So each step writes here what it was told,
and starts from here when it is drawn again.
"""

from __future__ import annotations

import shutil
import weakref
from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from pathlib import Path
from tempfile import mkdtemp
from typing import BinaryIO

import streamlit as st

from core.errors import FileFormatError, InputError
from core.record import BatchRole
from core.services.intake import FileLook, HeaderMatch, Outcome, Preview
from core.services.models import SchemaDraft
from dashboard import cached
from dashboard.auth import current_actor

__all__ = ["Flow", "Step", "Upload", "Use", "current_flow", "keep", "look_at", "release", "start_over"]

LIMIT_MB = 200
PIECE = 1 << 20
MAX_NAME = 255
KEY = "intake"


class Step(IntEnum):
    """How far a file has come."""

    FILE = 1
    USE = 2
    COLUMNS = 3
    CHECK = 4
    TAKING_IN = 5
    DONE = 6


class Use(StrEnum):
    """What a file is for."""

    NEW_MODEL = "A new model"
    REFERENCE = "Reference"
    PRODUCTION = "Production records"
    EVALUATION = "Evaluation of a version"
    LABELS = "Late labels"

    @property
    def role(self) -> BatchRole:
        """What records of this use are for."""
        return {Use.PRODUCTION: BatchRole.PRODUCTION, Use.EVALUATION: BatchRole.EVALUATION}.get(
            self, BatchRole.REFERENCE
        )


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True, eq=False)
class Upload:
    """An uploaded file, kept while the session knows of it; what it is called is text and no path."""

    folder: Path
    name: str
    n_bytes: int

    @classmethod
    def of(cls, file: BinaryIO, name: str, n_bytes: int) -> Upload:
        """Write a file to a folder of its own, which goes when the session forgets the upload."""
        name = "".join(char if char.isprintable() else " " for char in name)[:MAX_NAME].strip() or "upload"
        upload = cls(folder=Path(mkdtemp(prefix="plumbline-upload-")), name=name, n_bytes=n_bytes)
        weakref.finalize(upload, shutil.rmtree, upload.folder, ignore_errors=True)
        with upload.path.open("wb") as target:
            shutil.copyfileobj(file, target, PIECE)
        return upload

    @property
    def path(self) -> Path:
        """Where the file lies."""
        return self.folder / "upload"


@dataclass(slots=True, kw_only=True, eq=False)
class Flow:
    """One file and what was decided about it; the page redraws itself from this."""

    number: int = 0
    step: Step = Step.FILE
    encoding: str = "utf-8"
    upload: Upload | None = None
    look: FileLook | None = None
    use: Use | None = None
    role: BatchRole = BatchRole.REFERENCE
    model: str = ""
    version: str | None = None
    match: HeaderMatch | None = None
    drafted_from: tuple[Upload, str] | None = None
    draft: SchemaDraft = field(default_factory=lambda: SchemaDraft(data={}))
    edited: SchemaDraft = field(default_factory=lambda: SchemaDraft(data={}))
    text: str | None = None
    revision: int = 0
    preview: Preview | None = None
    outcome: Outcome | None = None
    error: str = ""

    @property
    def is_new_model(self) -> bool:
        """Whether the file makes a new model."""
        return self.use is Use.NEW_MODEL

    @property
    def schema_source(self) -> str:
        """The schema of the new model, as it is to be registered."""
        return self.text if self.text is not None else replace(self.edited, notes={}, head=()).to_toml()

    @property
    def kept(self) -> Upload:
        """The file; raises InputError where it is gone."""
        if self.upload is None or not self.upload.path.is_file():
            raise InputError("The uploaded file is gone; start over and upload it again.")
        return self.upload

    def propose(self, draft: SchemaDraft) -> None:
        """Start over from a draft of the schema."""
        self.draft = self.edited = draft
        self.text = None
        self.revision += 1

    def back_to(self, step: Step) -> None:
        """Take up an earlier step again; what came of later ones no longer holds."""
        self.step, self.error, self.preview, self.outcome = step, "", None, None


def current_flow() -> Flow:
    """The session's flow."""
    flow: Flow = st.session_state.setdefault(KEY, Flow())
    return flow


def start_over() -> None:
    """Let go of the file and begin anew."""
    old = current_flow()
    release(old)
    st.session_state[KEY] = Flow(number=old.number + 1)


def release(flow: Flow) -> None:
    """Remove the file that is kept."""
    if flow.upload is not None:
        shutil.rmtree(flow.upload.folder, ignore_errors=True)
        flow.upload = None


def keep(flow: Flow, file: BinaryIO, name: str, n_bytes: int) -> None:
    """Keep an uploaded file and look at it; raises FileFormatError where it can't be read."""
    release(flow)
    if n_bytes > LIMIT_MB * 1_000_000:
        raise FileFormatError(
            f"{name}: has {n_bytes / 1e6:,.0f} MB, at most {LIMIT_MB:,} MB are uploaded; gzip it, split it, or "
            "take it in with `plumbline ingest`, which has no limit."
        )
    flow.upload = Upload.of(file, name, n_bytes)
    look_at(flow)


def look_at(flow: Flow) -> None:
    """What the kept file is, read in the flow's encoding."""
    flow.look = None
    if flow.upload is not None:
        flow.look = cached.workspace().records.look(
            current_actor(), flow.upload.path, name=flow.upload.name, encoding=flow.encoding
        )
