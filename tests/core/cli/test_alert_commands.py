"""Alerts and the alarm policy on the command line: words, one document, exit codes, and the way out of errors."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from core.governance.identity import LOCAL_OPERATOR, UserRole
from core.record import BatchRole
from core.workspace import Workspace
from tests.command import CommandLine
from tests.governed import PASSWORD
from tests.people import sign_in
from tests.watched import MODEL, SCHEMA, a_day, actor, build, day_name, opened


@pytest.fixture(scope="module")
def fired_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Amounts are missing from the third day on; vera may only read."""
    folder = tmp_path_factory.mktemp("fired")
    watched = build(folder)
    watched.serve(0, 1)
    watched.serve(2, missing=0.5)
    watched.update()
    watched.workspace.close()
    return folder / "workspace"


@pytest.fixture(scope="module")
def looked_at(fired_folder: Path) -> CommandLine:
    """Commands that only read."""
    return CommandLine(workspace=fired_folder)


@pytest.fixture
def fired(fired_folder: Path, tmp_path: Path) -> CommandLine:
    """Commands on a copy."""
    return CommandLine(workspace=Path(shutil.copytree(fired_folder, tmp_path / "workspace")))


@pytest.fixture(scope="module")
def unarmed(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """A reference of six windows, a model without one, and no alert."""
    folder = tmp_path_factory.mktemp("unarmed")
    watched = opened(folder)
    watched.workspace.models.add(LOCAL_OPERATOR, "bare", SCHEMA)
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    watched.take_in([row for day in range(-6, 0) for row in a_day(day)], role=BatchRole.REFERENCE)
    watched.serve(0, up=3)
    watched.update()
    watched.workspace.close()
    return CommandLine(workspace=folder / "workspace")


def policy(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    return file


# Looking


def test_list_shows_what_needs_somebody_and_what_alarms_are_worth(looked_at: CommandLine) -> None:
    ran = looked_at("alert", "list")
    assert (ran.code, ran.err) == (0, "")
    row = next(line for line in ran.out.splitlines() if "missing" in line)
    assert row.split() == ["1", "open", MODEL, day_name(2), "out", *["More", "of", "amount", "is", "missing"]]
    assert "1 of 1 model can alarm: together at most 1 false alert a year in expectation." in ran.out
    document = looked_at("alert", "list", MODEL, "--json").json
    assert [(a["alert"], a["state"], a["is_out"], a["standing"]) for a in document["alerts"]] == [
        (1, "open", True, "out")
    ]
    assert document["promise"].startswith("1 of 1 model can alarm")


def test_show_tells_what_was_frozen_and_every_step(looked_at: CommandLine) -> None:
    ran = looked_at("alert", "show", 1)
    assert ran.code == 0
    assert f"Alert 1 of loans, open, still out: More of amount is missing. Fired in {day_name(2)}." in ran.out
    assert "more of amount is missing" in ran.out
    assert f"fire by local operator  More of amount is missing. In {day_name(2)}." in ran.out
    document = looked_at("alert", "show", 1, "--json").json
    assert f"Evidence {document['evidence_sha256']}" in ran.out
    assert document["evidence"][0]["incidents"][0]["column"] == "amount"
    assert [move["move"] for move in document["moves"]] == ["fire"]


def test_where_nothing_fired_that_is_said(unarmed: CommandLine) -> None:
    ran = unarmed("alert", "list")
    assert ran.out.splitlines() == [
        "No live alert.",
        "0 of 2 models can alarm: together at most 0 false alerts a year in expectation.",
    ]
    assert unarmed("alert", "list", "--all").out.startswith("No alert.\n")
    assert unarmed("alert", "list", "--json").json["alerts"] == []


# Answering


def test_an_alert_is_answered_step_by_step(fired: CommandLine) -> None:
    assert "Alert 1 of loans, acknowledged, still out" in fired("alert", "acknowledge", 1).out
    assert fired("alert", "comment", 1, "is it the form?").code == 0
    assert "Alert 1 of loans, harmless" in fired("alert", "annotate", 1, "--reason", "the form").out
    assert fired("alert", "reopen", 1, "--reason", "it is not", "--json").json["state"] == "open"
    document = fired("alert", "resolve", 1, "--reason", "mended", "--json").json
    assert [(move["move"], move["text"]) for move in document["moves"]][1:] == [
        ("acknowledge", ""),
        ("comment", "is it the form?"),
        ("annotate", "the form"),
        ("reopen", "it is not"),
        ("resolve", "mended"),
    ]
    assert "No live alert." in fired("alert", "list").out
    assert "resolved" in fired("alert", "list", "--all").out
    assert fired("ledger", "verify").code == 0


WRONG: dict[str, tuple[tuple[object, ...], str]] = {
    "no such alert": (("alert", "show", 7), "No alert '7'; known: '1'"),
    "no number": (("alert", "show", "one"), "Invalid value for 'ALERT'"),
    "no such model": (("alert", "list", "lones"), "No model 'lones'; did you mean 'loans'?"),
    "no reason": (("alert", "resolve", 1), "To resolve an alert takes a reason: it is what others read later."),
    "no words": (("alert", "comment", 1, " "), "To comment an alert takes a reason"),
    "not ended": (("alert", "reopen", 1, "--reason", "x"), "Alert 1 is open (local operator,"),
}


@pytest.mark.parametrize(("arguments", "said"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_exits_with_2_and_says_what_to_do(
    looked_at: CommandLine, arguments: tuple[object, ...], said: str
) -> None:
    ran = looked_at(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err
    assert "Traceback" not in ran.err


def test_who_may_only_read_reads_and_is_refused_with_1(fired: CommandLine, tmp_path: Path) -> None:
    space = Workspace.open(fired.workspace)
    space.accounts.add_first(LOCAL_OPERATOR, "root", PASSWORD)
    space.accounts.add(actor("root"), "vera", PASSWORD, roles=[UserRole.VIEWER])
    space.close()
    vera = sign_in(fired.workspace, "vera")
    assert vera("alert", "show", 1).code == 0
    assert vera("alert", "policy", "show", MODEL).code == 0
    refused = vera("alert", "acknowledge", 1)
    assert (refused.code, refused.out) == (1, "")
    assert "vera (viewer) may not acknowledge: it needs the right to respond to alerts" in refused.err
    refused = vera("alert", "policy", "set", MODEL, policy(tmp_path, "margin_sd = 1.0"), "--reason", "x")
    assert refused.code == 1
    assert "it needs the right to configure" in refused.err


# The policy


def test_show_tells_the_policy_its_worth_and_what_it_would_have_raised(looked_at: CommandLine) -> None:
    ran = looked_at("alert", "policy", "show", MODEL)
    assert ran.code == 0
    lines = ran.out.splitlines()
    assert lines[:4] == [
        "false_alarms_per_year = 1.0",
        "changes_per_year = 4.0",
        "margin_sd = 0.05",
        "margin_points = 0.01",
    ]
    for head in ("Budget", "Margin", "Reference", "Found", "Replayed", "Back-test"):
        assert sum(line.startswith(f"{head}: ") for line in lines) == 1
    row = next(line for line in lines if day_name(2) in line and "material" in line)
    assert row.split() == [day_name(2), "material", *["more", "of", "amount", "is", "missing"], *["0", "of", "1"]]
    document = looked_at("alert", "policy", "show", MODEL, "--json").json
    assert document["policy"]["margin_sd"] == 0.05
    assert (document["preview"]["n_recent"], document["preview"]["recent"]) == (1, "the last 3 days of data")
    material = [event for event in document["preview"]["events"] if event["light"] == "material"]
    assert material == [
        {
            "window": day_name(2),
            "set": "served",
            "light": "material",
            "subjects": ["missing/amount"],
            "n_returned": 0,
        }
    ]


def test_preview_changes_nothing_and_set_says_from_when(fired: CommandLine, tmp_path: Path) -> None:
    file = policy(tmp_path, 'left_out = { amount = "its unit changes" }\nfalse_alarms_per_year = 2.0\n')
    ran = fired("alert", "policy", "preview", MODEL, file)
    assert ran.code == 0
    assert "This setup would have raised no alarm in the last 3 days of data." in ran.out
    assert (
        "Not watched: values/amount, missing/amount, invalid/amount and 1 more. Left out: its unit changes" in ran.out
    )
    assert "left_out" not in fired("alert", "policy", "show", MODEL).out
    document = fired("alert", "policy", "preview", MODEL, file, "--json").json
    assert document["preview"]["not_armed"]["missing/amount"] == "Left out: its unit changes"
    done = fired("alert", "policy", "set", MODEL, file, "--reason", "a new currency")
    assert done.code == 0
    assert done.out.startswith("loans is judged by this policy from the next window on (")
    assert "left_out = {'amount': 'its unit changes'}" in fired("alert", "policy", "show", MODEL).out
    assert "judged anew" in fired("alert", "list").out
    again = fired("alert", "policy", "set", MODEL, file, "--reason", "once more")
    assert (again.code, again.err) == (2, "plumbline: This is the alarm policy of loans already.\n")


UNUSABLE = {
    "no TOML": ("margin_sd =", "can't be read as TOML"),
    "an unknown column": ("[margins.amuont]\nsd = 1", "names 'amuont', which is no column of loans"),
    "an unknown key": ("margin = 1", "margin: Extra inputs are not permitted"),
    "no reason to leave out": ('left_out = { amount = "" }', "'amount' needs a reason why it is left out"),
}


@pytest.mark.parametrize(("text", "said"), UNUSABLE.values(), ids=UNUSABLE)
@pytest.mark.parametrize("command", ["preview", "set"])
def test_a_file_that_is_no_policy_is_refused(
    looked_at: CommandLine, tmp_path: Path, command: str, text: str, said: str
) -> None:
    reason = ["--reason", "x"] if command == "set" else []
    ran = looked_at("alert", "policy", command, MODEL, policy(tmp_path, text), *reason)
    assert (ran.code, ran.out) == (2, "")
    assert said in ran.err


def test_a_file_that_isnt_there_and_a_reason_that_isnt_given(looked_at: CommandLine, tmp_path: Path) -> None:
    ran = looked_at("alert", "policy", "preview", MODEL, tmp_path / "none.toml")
    assert ran.code == 2
    assert "none.toml can't be read as TOML: " in ran.err
    ran = looked_at("alert", "policy", "set", MODEL, policy(tmp_path, "margin_sd = 1.0"))
    assert (ran.code, ran.out) == (2, "")
    assert "A change of the alarm policy takes a reason" in ran.err


# Not armed


def test_while_nothing_is_armed_every_command_says_why(unarmed: CommandLine) -> None:
    shown = unarmed("alert", "policy", "show", MODEL)
    assert shown.code == 0
    assert "Nothing is armed, so nothing can be raised." in shown.out
    assert "and 17 more. The reference has 6 windows, 7 are needed." in shown.out
    assert "Budget" not in shown.out
    analysed = unarmed("analyse", MODEL, "--fail-on", "warning")
    assert analysed.code == 0
    assert "No findings." in analysed.out
    assert "Not armed: the reference has 6 windows, 7 are needed." in analysed.out
    assert unarmed("alert", "policy", "show", MODEL, "--json").json["preview"]["n_armed"] == 0


def test_without_a_reference_there_is_nothing_to_say(unarmed: CommandLine) -> None:
    shown = unarmed("alert", "policy", "show", "bare")
    assert (shown.code, shown.out.splitlines()[-1]) == (0, "There is no reference yet, so nothing can be raised.")
    assert unarmed("alert", "policy", "show", "bare", "--json").json["preview"] is None


def test_analyse_tells_what_is_out_and_what_alarms_are_worth(looked_at: CommandLine) -> None:
    ran = looked_at("analyse", MODEL, "--fail-on", "critical")
    assert ran.code == 1
    assert "Armed: at most 1 false alert a year in expectation, over all 19 series watched." in ran.out
    assert any(line.startswith("Found: the smallest sustained shift") for line in ran.out.splitlines())
    assert "1 of 1 model can alarm" in ran.out
