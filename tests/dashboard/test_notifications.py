"""The Notifications page: everybody chooses for themselves; it tells what failed, and never an address."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR, WORKER
from core.governance.proposals import ProposalKind
from core.services.notices import NoticeEvent
from core.workspace import Workspace
from tests.dashboard.shown import words
from tests.dashboard.signing import HOSTILE, MODEL, CopyOf, OpenAs, actor, markdown, submit

ADDRESS = "json://user:hunter2secret@127.0.0.1:9"


def test_whoever_has_no_account_is_asked_to_sign_in(open_as: OpenAs, signed_folder: Path) -> None:
    page = open_as(LOCAL_OPERATOR, "notifications", signed_folder)
    assert not page.exception
    assert "Sign in to be told anything." in words(page)


def test_somebody_chooses_and_sees_what_did_not_reach_them(
    open_as: OpenAs, copy_of_signed: CopyOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLUMBLINE_NOTIFY_OTTO", ADDRESS)
    folder = copy_of_signed()
    page = open_as("otto", "notifications", folder)
    assert "You are told nothing." in words(page)
    page.checkbox(key=f"on {NoticeEvent.REVIEW}").check()
    page = submit(page, "Save")
    assert "You are told of review wanted from now on." in words(page)
    assert "Whether notices reach you isn't known yet." in words(page)
    space = Workspace.open(folder)
    space.proposals.open(actor("ada"), MODEL, ProposalKind.RENEW, "v1", reason=HOSTILE)
    space.notifications.gather(WORKER)
    space.notifications.deliver(WORKER)
    space.close()
    page = open_as("otto", "notifications", folder)
    assert not page.exception
    said = words(page)
    assert "The last notice didn't reach you." in said
    assert "Address 1 (json) in PLUMBLINE_NOTIFY_OTTO didn't take it, or can't be reached. Tried 1 time so far" in said
    assert not any("hunter2secret" in text for text in markdown(page))
    assert "Whom does it not reach?" not in said
    assert "PLUMBLINE_NOTIFY_OTTO didn't take it" in words(open_as("root", "notifications", folder))
