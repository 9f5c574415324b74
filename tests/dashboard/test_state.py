"""The address keeps what is selected, so that a link leads back to the same rows."""

from __future__ import annotations

import pytest

from tests.dashboard.conftest import FolderOf, OpenPage
from tests.dashboard.shown import words


def test_the_address_selects_model_version_segment_and_window(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page(
        "drift", folder_of("two_versions"), model="loans", version="v2", segment="region=south", window="13 Jan 2026"
    )
    assert not page.exception
    chosen = {key: page.selectbox(key=key).value for key in ("model", "version", "segment", "window")}
    assert chosen == {"model": "loans", "version": "v2", "segment": "region=south", "window": "2026-01-13"}
    assert "version v2 only, segment region=south only" in words(page)


def test_nothing_is_offered_where_there_is_nothing_to_choose(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("regression"), model="loans")
    keys = {box.key for box in page.sidebar.selectbox}
    assert keys == {"model", "window"}, "one version, no segment"


def test_windows_are_offered_latest_first_under_the_name_that_is_shown(
    open_page: OpenPage, folder_of: FolderOf
) -> None:
    page = open_page("drift", folder_of("drifted"), model="loans")
    days = [f"{day} Jan 2026" for day in (14, 13, 12, 11, 10, 9)]
    assert page.selectbox(key="window").options == ["latest complete", *days]


def test_another_model_keeps_what_it_has_too(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("fleet"), model="drifted", window="13 Jan 2026", column="colour")
    page.selectbox(key="model").select("stable").run()
    assert not page.exception
    assert page.selectbox(key="window").value == "2026-01-13"
    assert page.selectbox(key="column").value == "colour"
    page.selectbox(key="model").select("no-reference").run()
    assert not page.exception
    assert "no-reference has no reference." in words(page)


@pytest.mark.parametrize("view", ["model", "drift", "performance", "concept", "control_chart", "fairness"])
def test_a_window_that_a_version_did_not_serve_in_is_not_kept(
    open_page: OpenPage, folder_of: FolderOf, view: str
) -> None:
    page = open_page(view, folder_of("two_versions"), model="loans", version="v2", window="9 Jan 2026")
    assert not page.exception
    assert page.selectbox(key="window").value == "latest complete"


def test_the_first_model_is_chosen_until_one_is(open_page: OpenPage, folder_of: FolderOf) -> None:
    page = open_page("drift", folder_of("fleet"))
    assert page.selectbox(key="model").value == page.selectbox(key="model").options[0]
