"""By command alone: a drift is asked to be accepted, and another reference; what they rest on is printed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.accepting import moved
from tests.command import CommandLine
from tests.watched import MODEL, day_name, opened


@pytest.fixture(scope="module")
def plumbline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    watched = opened(tmp_path_factory.mktemp("commands"), copy_of=moved())
    yield CommandLine(workspace=watched.workspace.folder)
    watched.workspace.close()


def test_a_drift_is_asked_to_be_accepted(plumbline: CommandLine) -> None:
    ran = plumbline(
        "propose", "accept_drift", MODEL, "--alert", 1, "--sd", 1.5, "--points", 0.4, "--reason", "a new market"
    )
    assert ran.code == 0, ran.err
    assert "Accept values/amount as harmless (loans) is draft" in ran.out
    shown = plumbline("proposal", "show", 1).out
    assert "margin     0.05 sd, of shares 1 points if that is more; asked for: 1.5 sd, of shares 40 points" in shown
    assert "amount moved (values/amount), 2026-03-06 to 2026-03-17" in shown
    assert "Labels of 2,400 of 2,400 rows are in." in shown
    assert "look: Performance held in the same windows." in shown
    without = plumbline("propose", "accept_drift", MODEL, "--reason", "x")
    assert (without.code, "name its alert, the series of it and the margin" in without.err) == (2, True)


def test_another_reference_is_asked_for_in_the_models_own_days(plumbline: CommandLine) -> None:
    period = ("--from", day_name(6), "--to", day_name(14))
    ran = plumbline("propose", "rebaseline", MODEL, *period, "--reason", "here to stay", "--json")
    assert ran.code == 0, ran.err
    assert ran.json["arguments"] == {"from": "2026-03-08T00:00:00+00:00", "to": "2026-03-16T00:00:00+00:00"}
    shown = plumbline("proposal", "show", ran.json["proposal"]).out
    assert "fail: Nothing was in alarm in the period." in shown
    assert "Alert 1, open, was out in the period: amount moved." in shown
    half = plumbline("propose", "rebaseline", MODEL, "--from", day_name(6), "--reason", "x")
    assert (half.code, "needs its period: --from and --to" in half.err) == (2, True)
