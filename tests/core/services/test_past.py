"""What was known at an instant: a past report comes out again, whatever came, was corrected or was retracted since."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from core.errors import InputError, NotAllowedError
from core.governance.identity import ANONYMOUS
from core.governance.identity import LOCAL_OPERATOR as ME
from core.workspace import Workspace
from tests.command import CommandLine
from tests.watched import DAY_0, MODEL, Watched, build


def told(space: Workspace) -> object:
    """All that a report of performance and the watch say."""
    report, watch = space.analysis.performance(ME, MODEL), space.analysis.watch(ME, MODEL)
    assert report is not None
    assert watch is not None
    shown = [[measure.to_dict() for measure in window] for window in report.trend]
    incidents = [replace(incident, alert=None) for incident in watch.incidents if not incident.is_withdrawn]
    return shown, report.context.windows, report.focus, incidents, watch.subjects


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Watched, dict[datetime, object]]]:
    """A workspace after many changes, and what it said after each of them."""
    watched = build(tmp_path_factory.mktemp("past"))
    said: dict[datetime, object] = {}

    def note() -> None:
        watched.update()
        said[watched.clock()] = told(watched.workspace)
        watched.clock.now += timedelta(hours=1)

    first = watched.serve(*range(6), labels=False)
    note()
    watched.label(0, 1, 2)
    note()
    watched.label(1, 2, 3, wrong=0.4)  # corrected, and one day more
    note()
    watched.serve(6, 7, up=2.0, wrong=0.5)
    note()
    watched.workspace.batches.retract(ME, first, reason="the wrong file")
    note()
    yield watched, said
    watched.workspace.close()


def test_each_past_report_comes_out_again_to_the_last_digit(lived: tuple[Watched, dict[datetime, object]]) -> None:
    watched, said = lived
    assert len({repr(each) for each in said.values()}) == len(said)
    for at, before in said.items():
        with watched.workspace.as_known(ME, MODEL, at) as past:
            assert told(past) == before


def test_looking_back_changes_nothing_and_leaves_nothing(lived: tuple[Watched, dict[datetime, object]]) -> None:
    watched, said = lived
    before, files = told(watched.workspace), sorted((watched.folder / "workspace").rglob("*.parquet"))
    with watched.workspace.as_known(ME, MODEL, min(said)) as past:
        folder = past.folder
    assert not folder.exists()
    assert told(watched.workspace) == before
    assert sorted((watched.folder / "workspace").rglob("*.parquet")) == files
    assert all(file.is_file() and not file.is_symlink() for file in files)


def test_before_there_was_anything_the_way_out_is_said(lived: tuple[Watched, dict[datetime, object]]) -> None:
    watched, _ = lived
    with (
        pytest.raises(InputError, match="Ask for a later time"),
        watched.workspace.as_known(ME, MODEL, DAY_0 - timedelta(days=900)),
    ):
        pass
    with pytest.raises(NotAllowedError), watched.workspace.as_known(ANONYMOUS, MODEL, DAY_0):
        pass


def test_commands_look_back_too(lived: tuple[Watched, dict[datetime, object]]) -> None:
    watched, said = lived
    plumbline = CommandLine(workspace=watched.folder / "workspace")
    second = sorted(said)[1].isoformat()
    now = plumbline("performance", MODEL, "--json").json
    then = plumbline("performance", MODEL, "--as-known", second, "--json").json
    assert then != now
    assert then == plumbline("performance", MODEL, "--as-known", second, "--json").json
    assert plumbline("analyse", MODEL, "--as-known", second, "--json").json["measures"]
    assert plumbline("concept", MODEL, "--as-known", second, "--json").json["model"] == MODEL
    assert plumbline("performance", MODEL, "--as-known", "yesterday").code == 2
