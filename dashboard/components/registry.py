"""The registry on screen: states of versions, what each was made from, and the form that registers one."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import streamlit as st

from core.errors import InputError, PlumblineError
from core.governance.identity import Right
from core.services.versions import VersionInfo, VersionState
from dashboard import cached
from dashboard.auth import current_actor
from dashboard.components.numbers import cell_table
from dashboard.text import DASH, count, digest, listed, muted, plain, plural

__all__ = ["artefact_cell", "left_out", "made_from", "register", "state_chip"]

LIMIT_MB = 200
PIECE = 1 << 20
NO_PARENT = "none"
NBSP = "\u00a0"
NOT_SAID, NO_FILE = f"not{NBSP}said", f"no{NBSP}file"
LOOKS = {
    VersionState.CANDIDATE: ":blue-badge[:material/pending: Candidate]",
    VersionState.CHAMPION: ":green-badge[:material/verified: In force]",
    VersionState.RETIRED: ":gray-badge[:material/inventory_2: Retired]",
    VersionState.REJECTED: ":red-badge[:material/block: Rejected]",
}


def state_chip(state: VersionState) -> str:
    """What a version is at present, as Markdown."""
    return LOOKS[state]


def artefact_cell(version: VersionInfo) -> str:
    """The short digest of a version's file, or that there is none."""
    if version.artefact_sha256 is None:
        return f"{DASH}  \n{muted(NO_FILE)}"
    return f"`{digest(version.artefact_sha256).replace(' ', NBSP)}`"


def made_from(version: VersionInfo) -> str:
    """The batches a version was trained on, and how many of their records."""
    training = version.training
    batches = training.get("batches")
    if not isinstance(batches, list) or not batches:
        return f"{DASH}  \n{muted(NOT_SAID)}"
    shown = f"{'batch' if len(batches) == 1 else 'batches'} {listed([plain(batch) for batch in batches])}"
    n, given = training.get("n"), training.get("n_given")
    if isinstance(n, int) and isinstance(given, int):
        return f"{shown}  \n{muted(f'{count(n)} of {count(given)} records'.replace(' ', NBSP))}"
    return shown


def left_out(training: Mapping[str, Any]) -> None:
    """Which records a version did not learn from, and why."""
    exclusions = [item for item in training.get("exclusions", ()) if isinstance(item, Mapping) and item.get("n")]
    if exclusions:
        cell_table(
            ["Left out", "Records"],
            [[plain(item.get("reason", "")), plain(_counted(item["n"]))] for item in exclusions],
            alt="Records that were left out",
        )
    elif "exclusions" in training:
        st.markdown("No record was left out.")
    else:
        st.markdown(f"{DASH} What was left out is not said.")


def _counted(n: object) -> str:
    return count(n) if isinstance(n, int) else str(n)


def register(model: str, versions: tuple[VersionInfo, ...]) -> None:
    """The form that registers a candidate; only drawn for whoever may."""
    if not current_actor().may(Right.CONFIGURE):
        return
    told = st.session_state.pop("registered", None)
    with st.expander("Register a version", icon=":material/add:", expanded=told is not None):
        if told:
            st.markdown(told)
        with st.form("register", border=False, enter_to_submit=False):
            name = st.text_input("Version", key="register_name", max_chars=200, placeholder="v8")
            parent = st.selectbox(
                "Replaces", [NO_PARENT, *(version.name for version in versions)], key="register_parent"
            )
            batches = st.multiselect(
                "Trained on batches",
                _batches(model),
                key="register_batches",
                format_func=lambda batch: f"batch {batch}",
            )
            parameters = st.text_area(
                "What it was made with (JSON)", key="register_parameters", height=100, placeholder='{"max_depth": 4}'
            )
            file = st.file_uploader(
                "Its file, if Plumbline is to keep it", key="register_file", max_upload_size=LIMIT_MB
            )
            st.markdown(
                muted(
                    f"A file is copied and named by its SHA-256, never loaded. At most {LIMIT_MB} MB here; "
                    "`plumbline version add` takes more."
                )
            )
            asked = st.form_submit_button("Register as a candidate")
        if asked:
            _register(model, name.strip(), file, {"parent": parent, "batches": batches, "parameters": parameters})


def _batches(model: str) -> list[int]:
    found = cached.workspace().batches.list(current_actor(), model)
    return [batch.id for batch in found if batch.retracted_at is None]


def _register(model: str, name: str, file: Any, said: Mapping[str, Any]) -> None:
    """Register what the form says, or say why that can't be."""
    try:
        if not name:
            raise InputError("A version needs a name.")
        if file is not None and file.size > LIMIT_MB * 1_000_000:
            raise InputError(f"The file has {file.size / 1e6:,.0f} MB, at most {LIMIT_MB} MB are uploaded.")
        with TemporaryDirectory(prefix="plumbline-version-") as folder:
            artefact = None
            if file is not None:
                artefact = Path(folder) / "artefact"
                with artefact.open("wb") as target:
                    shutil.copyfileobj(file, target, PIECE)
            found = cached.workspace().versions.add(
                current_actor(),
                model,
                name,
                artefact=artefact,
                parameters=_read(said["parameters"]),
                training={"batches": said["batches"]} if said["batches"] else None,
                parent=None if said["parent"] == NO_PARENT else said["parent"],
            )
    except PlumblineError as error:
        st.markdown(f":red-badge[:material/error: Not registered] {plain(error)}")
        return
    size = f" Its file has {plural(file.size, 'byte')}." if file is not None else ""
    done = f":green-badge[:material/check_circle: Registered] {plain(found.name)} is a candidate.{size}"
    st.session_state["registered"] = done
    st.rerun()


def _read(parameters: str) -> Mapping[str, Any] | None:
    """The parameters that somebody typed; raises InputError where they aren't a JSON object."""
    if not parameters.strip():
        return None
    try:
        read = json.loads(parameters)
    except (ValueError, RecursionError) as error:
        raise InputError(f"What it was made with is no JSON: {error}.") from error
    if not isinstance(read, dict):
        raise InputError('What it was made with must be a JSON object, such as {"max_depth": 4}.')
    return read
