"""An alarm policy is previewed without changing anything, set with a reason, and judges from the next window on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.alarms.policy import AlarmPolicy
from core.alarms.watch import Light
from core.errors import ConflictError, InputError, NotAllowedError
from core.governance.identity import LOCAL_OPERATOR
from core.services.alarm_policies import AlarmPolicyService, PolicyPreview
from core.services.alerts import Standing
from core.services.promise_words import back_test_words, promise_words
from tests.watched import MODEL, SCHEMA, Watched, a_day, actor, build, day_name, opened

VERA = actor("vera")


@pytest.fixture(scope="module")
def moved_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six days, of which amounts are missing on the third, and lie lower from the fifth on."""
    folder = tmp_path_factory.mktemp("moved")
    watched = build(folder)
    watched.serve(0, 1)
    watched.serve(2, missing=0.5)
    watched.serve(3)
    watched.serve(4, 5, up=-1)
    watched.update()
    watched.workspace.close()
    return folder


@pytest.fixture(scope="module")
def looked_at(moved_folder: Path) -> Iterator[Watched]:
    """That workspace, to read from."""
    watched = opened(moved_folder)
    yield watched
    watched.workspace.close()


@pytest.fixture
def moved(moved_folder: Path, tmp_path: Path, looked_at: Watched) -> Iterator[Watched]:
    """A copy of it, to write into."""
    watched = opened(tmp_path, copy_of=moved_folder)
    yield watched
    watched.workspace.close()


def policies(watched: Watched) -> AlarmPolicyService:
    return watched.workspace.alarm_policies


def previewed(watched: Watched, content: Mapping[str, Any] | None = None) -> PolicyPreview:
    found = policies(watched).preview(VERA, MODEL, content)
    assert found is not None
    return found


def began(preview: PolicyPreview) -> list[tuple[str, str]]:
    return [(e.window.name, subject) for e in preview.having(Light.MATERIAL) for subject in e.subjects]


IN_FORCE = [(day_name(2), "missing/amount"), (day_name(4), "values/amount")]


def test_what_is_in_force_is_previewed_as_it_was_judged(looked_at: Watched) -> None:
    preview = previewed(looked_at)
    assert began(preview) == IN_FORCE == [(day_name(looked_at.days(i)[0]), i.subject) for i in looked_at.incidents()]
    assert preview.policy == AlarmPolicy() == policies(looked_at).show(VERA, MODEL)
    assert [event.n_returned for event in preview.having(Light.MATERIAL)] == [1, 0]
    assert (preview.n_windows, preview.n_recent, preview.recent_words) == (6, 2, "the last 6 days of data")
    assert preview.expected_false == pytest.approx(6 / 365.25)
    assert back_test_words(preview) == (
        "this setup would have raised an alarm in 2 windows in the last 6 days of data. Over all 6 windows, 0.0 false "
        "ones at most were to be expected."
    )


OTHERS: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "a margin of the column": ({"margins": {"amount": {"sd": 3}}}, IN_FORCE[:1]),
    "a margin of its shares": ({"margins": {"amount": {"points": 0.9}}}, [(day_name(5), "values/amount")]),
    "a margin of all": ({"margin_sd": 3, "margin_points": 0.9}, []),
    "the column left out": ({"left_out": {"amount": "its unit changes"}}, []),
    "windows left out": ({"windows_left_out": {day_name(2): "a holiday"}}, IN_FORCE[1:]),
}


@pytest.mark.parametrize(("content", "raised"), OTHERS.values(), ids=OTHERS)
def test_another_policy_says_what_it_would_have_raised_and_changes_nothing(
    looked_at: Watched, content: dict[str, Any], raised: list[tuple[str, str]]
) -> None:
    before = looked_at.state()
    preview = previewed(looked_at, content)
    assert began(preview) == raised
    assert preview.n_recent == len(raised)
    if not raised:
        assert back_test_words(preview).startswith("this setup would have raised no alarm in the last 6 days of data.")
    assert looked_at.state() == before
    assert policies(looked_at).show(VERA, MODEL) == AlarmPolicy()


def test_what_is_left_out_is_listed_with_its_reason(looked_at: Watched) -> None:
    preview = previewed(looked_at, {"left_out": {"amount": "its unit changes", "performance/roc_auc": "few of a kind"}})
    assert preview.not_armed == {
        **dict.fromkeys(
            [f"{of}/amount" for of in ("values", "missing", "invalid", "outside")], "Left out: its unit changes"
        ),
        "performance/roc_auc": "Left out: few of a kind",
    }
    assert preview.n_armed == previewed(looked_at).n_armed - 5


def test_a_window_left_out_is_no_evidence_of_anything(moved: Watched) -> None:
    content = {"windows_left_out": {day_name(6): "a strike"}}
    policies(moved).set(LOCAL_OPERATOR, MODEL, content, reason="known")
    moved.serve(6, missing=0.9)
    moved.update()
    assert moved.incidents("missing/amount")[-1].opened == moved.key(2)
    assert moved.watch().status("missing/amount", moved.key(6)) == (
        "insufficient",
        "Left out with its window: a strike",
    ), "and isn't called stable"


REFUSED: dict[str, tuple[Mapping[str, Any], str]] = {
    "a column that isn't there": (
        {"margins": {"amuont": {"sd": 1}}},
        "names 'amuont', which is no column of loans.*'amount'",
    ),
    "a measure that isn't there": (
        {"left_out": {"performance/auc": "x"}},
        r"names 'performance/auc'.*performance/roc_auc",
    ),
    "what starts like one": ({"left_out": {"volumes": "x"}}, "names 'volumes'.*Did you mean 'volume'"),
    "a key that isn't there": ({"margin": 1}, "margin: Extra inputs are not permitted"),
    "a margin below nothing": ({"margin_sd": -1}, "margin_sd: Input should be greater than or equal to 0"),
    "no budget at all": ({"false_alarms_per_year": 0}, "false_alarms_per_year: Input should be greater than 0"),
    "no reason to leave out": ({"left_out": {"amount": " "}}, "left_out: 'amount' needs a reason why it is left out"),
    "no reason for a window": ({"windows_left_out": {"2026-03-04": ""}}, "'2026-03-04' needs a reason"),
    "text where a number goes": (
        {"margins": {"amount": {"sd": "much"}}},
        r"margins\.amount\.sd: Input should be a valid number",
    ),
}


@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_policy_is_refused_by_name(looked_at: Watched, content: Mapping[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        policies(looked_at).preview(VERA, MODEL, content)
    with pytest.raises(InputError, match=said):
        policies(looked_at).set(actor("ada"), MODEL, content, reason="why")


def test_setting_takes_a_reason_a_change_and_the_right(looked_at: Watched) -> None:
    service, content = policies(looked_at), {"margin_sd": 0.2}
    with pytest.raises(InputError, match="takes a reason: it is what others read later"):
        service.set(actor("ada"), MODEL, content, reason=" ")
    with pytest.raises(ConflictError, match="This is the alarm policy of loans already"):
        service.set(actor("ada"), MODEL, {"margin_sd": 0.05}, reason="the default, spelled out")
    for name in ("vera", "ines", "audrey", "root"):
        with pytest.raises(NotAllowedError, match="needs the right to configure"):
            service.set(actor(name), MODEL, content, reason="why")
    assert len(service.history(VERA, MODEL)) == 1


def test_a_policy_that_is_set_is_in_the_ledger_and_leaves_what_is_sealed(moved: Watched) -> None:
    service, content = policies(moved), {"margins": {"amount": {"sd": 3}}, "false_alarms_per_year": 2}
    sealed = [moved.verdict("values/amount", day) for day in range(6)]
    assert sealed == ["ok", "ok", "ok", "ok", "critical", "critical"]
    policy = service.set(actor("ada"), MODEL, content, reason="amounts are in euros now")
    entry = next(e for e in moved.workspace.ledger.list(actor("audrey")) if e.action == "alarm_policy.set")
    assert (entry.actor, dict(entry.objects)) == (
        "ada",
        {
            "model": MODEL,
            "policy": policy.digest,
            "content": policy.model_dump(mode="json", exclude_defaults=True),
            "text": "amounts are in euros now",
        },
    )
    newest, first = service.history(VERA, MODEL)
    assert (newest.policy, newest.created_by, newest.reason) == (policy, "ada", "amounts are in euros now")
    assert (first.policy, first.created_by) == (AlarmPolicy(), "")
    assert [moved.verdict("values/amount", day) for day in range(6)] == sealed
    assert [alert.standing for alert in moved.alerts()] == [Standing.BACK, Standing.JUDGED_ANEW]
    moved.serve(6, up=-1)
    moved.update()
    assert len(moved.alerts()) == 2, "it lies within the margin now"
    assert moved.verdict("values/amount", 6) != "critical"
    promise = moved.watch().promise
    assert promise is not None
    assert promise.false_alarms_per_year == 2


def test_a_stricter_policy_raises_nothing_in_windows_that_are_sealed(moved: Watched) -> None:
    lenient, strict = {"margin_sd": 2.5, "margin_points": 0.9}, {"margin_sd": 0.01, "margin_points": 0.0}
    policies(moved).set(LOCAL_OPERATOR, MODEL, lenient, reason="a trial")
    moved.serve(6, up=-1)
    moved.update()
    policies(moved).set(LOCAL_OPERATOR, MODEL, strict, reason="the trial is over")
    assert began(previewed(moved))[-1] == (day_name(4), "values/amount")
    assert moved.verdict("values/amount", 6) != "critical"
    moved.serve(7, up=-1)
    moved.update()
    assert [moved.days(i)[0] for i in moved.incidents("values/amount")] == [4, 7], "from the next window on"


def test_a_policy_that_comes_back_leaves_alone_what_it_had_raised(moved: Watched) -> None:
    before = [(i.subject, i.opened, i.is_withdrawn) for i in moved.incidents()]
    for content in ({"margin_sd": 3}, {}):
        policies(moved).set(LOCAL_OPERATOR, MODEL, content, reason="there and back")
    moved.serve(6)
    moved.update()
    assert [(i.subject, i.opened, i.is_withdrawn) for i in moved.incidents()] == before
    assert moved.moves(1) == ["fire", "return"]
    assert moved.moves(2) == ["fire", "supersede"], "and isn't said to be back"
    assert [entry.reason for entry in policies(moved).history(VERA, MODEL)] == ["there and back"] * 2 + ["the default"]


def test_a_policy_outlives_a_column_that_it_names(moved: Watched) -> None:
    policies(moved).set(LOCAL_OPERATOR, MODEL, {"left_out": {"colour": "marketing"}}, reason="it changes weekly")
    without = "\n".join(line for line in SCHEMA.splitlines() if not line.startswith("colour"))
    moved.workspace.models.update(LOCAL_OPERATOR, MODEL, without)
    moved.update()
    assert previewed(moved).n_armed > 0
    with pytest.raises(InputError, match="names 'colour'"):
        policies(moved).preview(VERA, MODEL, {"left_out": {"colour": "marketing"}})


def test_the_promise_is_told_in_words(looked_at: Watched) -> None:
    context, promise = looked_at.workspace.analysis.context(VERA, MODEL), looked_at.watch().promise
    assert context is not None
    assert promise is not None
    told = dict(promise_words(promise, context, previewed(looked_at)))
    assert list(told) == ["Budget", "Margin", "Reference", "Found", "Replayed", "Back-test"]
    assert told["Budget"].startswith(
        f"at most 1 false alert a year in expectation, over all {promise.n_armed} series watched"
    )
    assert told["Margin"].startswith("the larger of 0.05 sd and, of shares, 1 percentage point doesn't matter")
    assert told["Reference"].startswith("8 days, n 1,600; it may itself be off by ")
    assert told["Found"].count(" in 7 days") == 2
    assert told["Replayed"] == "the reference itself, by its own limits, would have raised nothing."
    assert "Back-test" not in dict(promise_words(promise, context, None))


def test_without_a_reference_there_is_nothing_to_preview(tmp_path: Path) -> None:
    watched = opened(tmp_path)
    watched.workspace.models.add(LOCAL_OPERATOR, MODEL, SCHEMA)
    watched.take_in(a_day(0))
    watched.update()
    assert policies(watched).preview(VERA, MODEL) is None
    assert policies(watched).set(LOCAL_OPERATOR, MODEL, {"margin_sd": 0.1}, reason="beforehand").margin_sd == 0.1
    watched.workspace.close()
