"""Small workspaces in every state a page can meet, and pages opened on them without a browser.

    def test_a_page(open_page, folder_of):
        page = open_page("drift", folder_of("drifted"), model="loans", column="amount")
        assert "moved" in words(page)

A folder is built once in a session and shared: a test that writes works on a copy (``shutil.copytree``).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from core.governance.identity import LOCAL_OPERATOR
from dashboard import auth, cached
from tests.dashboard.outcome_states import OUTCOME_STATES
from tests.dashboard.reviewing import reviewed_copy, reviewed_folder
from tests.dashboard.signing import copy_of_signed, empty_folder, open_as, signed_folder
from tests.dashboard.states import STATES, build
from tests.once import built_once, components_found_once

__all__ = ["copy_of_signed", "empty_folder", "open_as", "reviewed_copy", "reviewed_folder", "signed_folder"]

APP = Path(dashboard.__file__).parent / "app.py"


class OpenPage(Protocol):
    """Opens a view of dashboard/views on a workspace; further arguments are the address's parameters."""

    def __call__(self, view: str, folder: Path, /, *, theme: str = "light", **address: str) -> AppTest: ...


FolderOf = Callable[[str], Path]


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """Gives the folder of a workspace in a state of states.py or outcome_states.py."""
    built: dict[str, Path] = {}

    def folder(name: str) -> Path:
        if name not in built:
            state = (STATES | OUTCOME_STATES)[name]
            built[name] = built_once(tmp_path_factory, name, lambda folder: build(folder, state()))
        return built[name]

    return folder


@pytest.fixture
def copy_of(folder_of: FolderOf, tmp_path: Path) -> FolderOf:
    """Gives a copy of such a folder, to write into."""

    def folder(name: str) -> Path:
        return Path(shutil.copytree(folder_of(name), tmp_path / name))

    return folder


@pytest.fixture(autouse=True, scope="session")
def streamlit_prepared() -> Iterator[None]:
    """What Streamlit's AppTest does for each run of a page and is the same in all is done once."""
    with components_found_once():
        yield


@pytest.fixture(autouse=True, scope="module")
def nobody_signed_in() -> Iterator[None]:
    """AppTest's cookies are a mock; what real ones do is tested on a real server (test_sign_in.py, tests/browser)."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "actor_of", lambda _cookies: LOCAL_OPERATOR)
        yield
    st.cache_data.clear()
    st.cache_resource.clear()


@pytest.fixture
def open_page(nobody_signed_in: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenPage]:
    """Opens a page as a visitor with a link does; reports stay cached for the next one, as on a server."""
    folders: set[str] = set()

    def open_(view: str, folder: Path, /, *, theme: str = "light", **address: str) -> AppTest:
        folders.add(str(folder))
        monkeypatch.setenv("PLUMBLINE_WORKSPACE", str(folder))
        page = AppTest.from_file(APP, default_timeout=60)
        page.context["theme"] = theme
        if "_" in view:  # its address isn't its file's name: known once the navigation has run
            page.run()
        if view != "fleet":
            page.switch_page(f"views/{view}.py")
        page.query_params.clear()
        page.query_params.update(address)
        return page.run()

    yield open_
    for folder in folders:
        monkeypatch.setenv("PLUMBLINE_WORKSPACE", folder)
        cached.workspace().close()
