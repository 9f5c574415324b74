"""A workspace in which people signed for versions, and pages opened on it as one of them."""

from __future__ import annotations

import itertools
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import dashboard
from core.governance.identity import ANONYMOUS, LOCAL_OPERATOR, WORKER, Actor, UserRole
from core.governance.proposals import Move, ProposalKind
from core.record import BatchRole
from core.workspace import Workspace
from dashboard import cached
from tests.builders import SCHEMA, START, rows, write_csv
from tests.once import built_once

APP = Path(dashboard.__file__).parent / "app.py"
MODEL = "loans"
PASSWORD = "correct horse battery"
HOSTILE = "![x](http://evil/a.png) <b>b</b> :red[c] $x$ and $y$"
PEOPLE = {
    "root": UserRole.ADMIN,
    "ada": UserRole.ENGINEER,
    "ines": UserRole.REVIEWER,
    "otto": UserRole.REVIEWER,
    "vera": UserRole.VIEWER,
    "alma": UserRole.AUDITOR,
}
ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])")
CopyOf = Callable[[], Path]


class OpenAs(Protocol):
    """Opens a view on a workspace as somebody; further arguments are the address's parameters."""

    def __call__(self, who: str | Actor, view: str, folder: Path, /, **address: str) -> AppTest: ...


def actor(name: str) -> Actor:
    """One of PEOPLE, who has just given their password."""
    return Actor(name=name, roles=(PEOPLE[name],), signed_in_at=datetime.now(UTC))


def ticking() -> Callable[[], datetime]:
    """A clock that starts three days ago and goes on by ten seconds whenever it is asked."""
    start, ticks = datetime.now(UTC) - timedelta(days=3), itertools.count()
    return lambda: start + timedelta(seconds=10 * next(ticks))


def with_accounts(space: Workspace) -> Workspace:
    """The workspace with an account for each of PEOPLE."""
    space.accounts.add_first(LOCAL_OPERATOR, "root", PASSWORD)
    root = space.accounts.sign_in(ANONYMOUS, "root", PASSWORD).actor
    for name, role in PEOPLE.items():
        if name != "root":
            space.accounts.add(root, name, PASSWORD, roles=[role])
    return space


def sign(space: Workspace, kind: ProposalKind, version: str | None, *, by: str, why: str) -> str:
    """Ada asks, a reviewer approves; the job that waits for a worker then."""
    opened = space.proposals.open(actor("ada"), MODEL, kind, version, reason=why)
    decided = space.proposals.decide(actor(by), opened.proposal.id, Move.APPROVE, reason=f"Because {why}")
    assert decided.job_id is not None
    return decided.job_id


def deploy(space: Workspace, job_id: str) -> None:
    """What a worker does for an approved deployment."""
    space.jobs.begin(WORKER, job_id)
    space.jobs.finish(WORKER, job_id, space.execution.deploy(WORKER, job_id))


def build_signed(folder: Path) -> Path:
    """v1 in force, then v2, then v1 again; a retraining that failed; an analysis that waits."""
    space = with_accounts(Workspace.open(folder, clock=ticking()))
    try:
        ada = actor("ada")
        space.models.add(ada, MODEL, SCHEMA)
        file = write_csv(folder / "reference.csv", rows(800, days=8))
        space.records.add(ada, MODEL, [file], role=BatchRole.REFERENCE)
        late = rows(300, days=3, start=START + timedelta(days=8), seed=1, prefix="p")
        space.records.add(ada, MODEL, [write_csv(folder / "production.csv", late)])
        space.profiles.refresh(ada, MODEL)
        artefact = folder / "model.bin"
        artefact.write_bytes(b"a model")
        exclusions = [{"rule": "unlabelled", "reason": f"no label {HOSTILE}", "n": 1234}]
        space.versions.add(
            ada,
            MODEL,
            "v2",
            artefact=artefact,
            parameters={"depth": 4, "note": HOSTILE},
            training={"batches": [1], "n": 800, "n_given": 2034, "exclusions": exclusions},
            parent="v1",
        )
        again = rows(300, days=3, start=START + timedelta(days=8), seed=1, prefix="p", version="v2")
        file = write_csv(folder / "evaluation.csv", again)
        space.records.add(ada, MODEL, [file], role=BatchRole.EVALUATION, version="v2")
        deploy(space, sign(space, ProposalKind.PROMOTE, "v1", by="ines", why="it serves."))
        deploy(space, sign(space, ProposalKind.PROMOTE, "v2", by="otto", why="it is newer."))
        deploy(space, sign(space, ProposalKind.ROLLBACK, "v1", by="ines", why="complaints came in."))
        failed = sign(space, ProposalKind.RETRAIN, None, by="ines", why=f"income moved {HOSTILE}")
        space.jobs.begin(WORKER, failed)
        space.jobs.note(WORKER, failed, f"Reads {HOSTILE}", progress=0.4)
        space.jobs.fail(WORKER, failed, f"The disk was full {HOSTILE}")
        space.jobs.analyse(ada, MODEL)
    finally:
        space.close()
    return folder


@pytest.fixture(scope="session")
def signed_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of that workspace; shared, so tests that write take a copy."""
    return built_once(tmp_path_factory, "signed", build_signed)


@pytest.fixture
def copy_of_signed(signed_folder: Path, tmp_path: Path) -> CopyOf:
    """Gives a copy of that folder, to write into."""
    return lambda: Path(shutil.copytree(signed_folder, tmp_path / "copy"))


@pytest.fixture
def empty_folder(tmp_path: Path) -> Path:
    """A workspace with accounts and no model."""
    with_accounts(Workspace.open(tmp_path / "empty")).close()
    return tmp_path / "empty"


@pytest.fixture
def open_as(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAs]:
    """Opens a page as somebody: AppTest has no cookies, so whom they stand for is said here (see test_sign_in)."""
    folders: set[str] = set()

    def open_(who: str | Actor, view: str, folder: Path, /, **address: str) -> AppTest:
        folders.add(str(folder))
        monkeypatch.setenv("PLUMBLINE_WORKSPACE", str(folder))
        monkeypatch.setattr("dashboard.auth.actor_of", lambda _cookies: actor(who) if isinstance(who, str) else who)
        page = AppTest.from_file(APP, default_timeout=60)
        if "_" in view:  # its address isn't its file's name: known once the navigation has run
            page.run()
        page.switch_page(f"views/{view}.py")
        page.query_params.update(address)
        return page.run()

    yield open_
    for folder in folders:
        monkeypatch.setenv("PLUMBLINE_WORKSPACE", folder)
        cached.workspace().close()
    st.cache_data.clear()
    st.cache_resource.clear()


def elements(page: AppTest) -> Iterator[Any]:
    """Every element and block of the page and its sidebar."""
    for block in page._tree.children.values():
        yield from block


def markdown(page: AppTest) -> list[str]:
    """Every string that the browser reads as Markdown: texts, labels, cells of tables."""
    found: list[str] = []
    for element in elements(page):
        kind, proto = getattr(element, "type", ""), getattr(element, "proto", None)
        if kind in ("table", "arrow_table"):
            found += [str(cell) for cell in (*element.value.columns, *element.value.to_numpy().ravel())]
        elif proto is not None and kind not in ("plotly_chart", "arrow_data_frame", "code"):
            parts = (proto, getattr(proto, "expandable", None))
            texts = (getattr(part, field, None) for part in parts for field in ("body", "label", "title", "text"))
            found += [text for text in texts if isinstance(text, str) and text]
    return found


def words(page: AppTest) -> str:
    """All texts of the page as a reader sees them."""
    return ESCAPE.sub(r"\1", "\n".join(markdown(page))).replace("\u2060", "").replace("\u00a0", " ")


def links(page: AppTest) -> list[tuple[str, str]]:
    """Every link to another page: (page, query)."""
    return [(e.proto.page, e.proto.query_string) for e in elements(page) if getattr(e, "type", "") == "page_link"]


def codes(page: AppTest) -> list[str]:
    """Every code block."""
    return [code.value for code in page.code]


def submit(page: AppTest, label: str) -> AppTest:
    """Press the button of a form."""
    return next(button for button in page.button if button.label == label).click().run()


def assert_escaped(page: AppTest) -> None:
    """The hostile text is on the page, and nowhere as Markdown."""
    texts = markdown(page)
    assert not [text for text in texts if "![x](" in text or ":red[c]" in text or "<b>" in text or "$x$" in text]
    assert HOSTILE in words(page)


def query(address: Mapping[str, str]) -> str:
    """An address's parameters as they stand in a link."""
    return "&".join(f"{name}={value}" for name, value in address.items())
